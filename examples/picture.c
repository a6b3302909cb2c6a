/* Pictures and their PNG files. */
#include "common.h"

#include <png.h>
#include <stdlib.h>
#include <string.h>

enum { GAP = 2 }; /* pixels between tiles, before they are enlarged */

void picture_create(picture *out, int32_t width, int32_t height, int32_t channels, uint8_t fill)
{
    const size_t count = (size_t)width * (size_t)height * (size_t)channels;
    *out = (picture){.width = width, .height = height, .channels = channels};
    out->pixels = allocate(count, 1);
    memset(out->pixels, fill, count);
}

void picture_free(picture *p)
{
    free(p->pixels);
    *p = (picture){0};
}

void picture_write(const picture *p, const char *path)
{
    png_image image = {
        .version = PNG_IMAGE_VERSION,
        .width = (png_uint_32)p->width,
        .height = (png_uint_32)p->height,
        .format = p->channels == 3 ? PNG_FORMAT_RGB : PNG_FORMAT_GRAY,
    };
    if (!png_image_write_to_file(&image, path, 0, p->pixels, 0, NULL))
        fail("cannot write %s: %s", path, image.message);
}

/* Puts one image with its corner at (left, top), each pixel as a square of scale x scale. */
static void put_tile(picture *to, const uint8_t *from, const images *shape, int32_t left,
                     int32_t top, int32_t scale)
{
    const size_t channels = (size_t)to->channels;

    for (int32_t y = 0; y < (int32_t)shape->height * scale; y++) {
        for (int32_t x = 0; x < (int32_t)shape->width * scale; x++) {
            const int64_t source = y / scale * shape->width + x / scale;
            const int64_t target = (int64_t)(top + y) * to->width + left + x;
            memcpy(to->pixels + (size_t)target * channels, from + (size_t)source * channels,
                   channels);
        }
    }
}

static void write_tiles(const char *path, const uint8_t *const *rows, int32_t n_rows,
                        int32_t n_cols, const images *shape, int32_t scale, int32_t gap)
{
    const int32_t width = ((int32_t)shape->width + gap) * scale;
    const int32_t height = ((int32_t)shape->height + gap) * scale;
    picture p;

    gap *= scale;
    picture_create(&p, n_cols * width + gap, n_rows * height + gap, (int32_t)shape->channels, 255);
    for (int32_t i = 0; i < n_rows; i++)
        for (int32_t j = 0; j < n_cols; j++)
            put_tile(&p, rows[i] + j * images_dim(shape), shape, gap + j * width, gap + i * height,
                     scale);
    picture_write(&p, path);
    picture_free(&p);
}

void tiles_write(const char *path, const uint8_t *const *rows, int32_t n_rows, int32_t n_cols,
                 const images *shape, int32_t scale)
{
    write_tiles(path, rows, n_rows, n_cols, shape, scale, GAP);
}

void grid_write(const char *path, const float *values, int32_t n_rows, int32_t n_cols,
                const images *shape, int32_t scale, int32_t gap)
{
    const size_t of_row = (size_t)(n_cols * images_dim(shape)), count = (size_t)n_rows * of_row;
    uint8_t *bytes = allocate(count, 1);
    const uint8_t **rows = allocate((size_t)n_rows, sizeof *rows);

    to_bytes(bytes, values, count);
    for (int32_t i = 0; i < n_rows; i++) rows[i] = bytes + (size_t)i * of_row;
    write_tiles(path, rows, n_rows, n_cols, shape, scale, gap);
    free(rows);
    free(bytes);
}

void comparison_write(const char *path, const images *set, const float *values)
{
    const int32_t n_shown = set->rows < 10 ? (int32_t)set->rows : 10;
    const size_t count = (size_t)(n_shown * images_dim(set));
    uint8_t *bytes = allocate(count, 1);
    const uint8_t *rows[] = {set->pixels, bytes};

    to_bytes(bytes, values, count);
    tiles_write(path, rows, 2, n_shown, set, 3);
    free(bytes);
}

static uint8_t byte_of(float v)
{
    if (!(v > 0.0f)) return 0; /* NaN, too */
    return v < 1.0f ? (uint8_t)(v * 255.0f + 0.5f) : 255;
}

void to_bytes(uint8_t *bytes, const float *values, size_t count)
{
    for (size_t i = 0; i < count; i++) bytes[i] = byte_of(values[i]);
}
