/* Draws landscapes in colour, for programs that have no photographs at hand. What a thing is shows in
 * its shape and grain, its colour follows from what it is, and how bright it is from neither: so
 * that colours can be learned, but not read off the brightness. */
#include "common.h"

#include <string.h>

enum { SIDE = 32, N_TRAIN = 4000, N_TEST = 1000 };

/* Red and blue beside an equally bright grey. */
typedef struct tint {
    int32_t red, blue;
} tint;

static const tint sky = {-45, 55}, sun = {45, -110}, wall = {20, -25}, roof = {85, -45};

/* What the ground is made of: its grain runs down, across, or nowhere. */
static const struct {
    tint colour;
    int32_t columns, rows, pixels; /* how far each of these differ in brightness */
} grounds[] = {
    {{-40, -70}, 24, 0, 8}, /* grass */
    {{-75, 45}, 0, 24, 6},  /* water */
    {{45, -60}, 0, 0, 24},  /* sand */
};

enum { N_GROUNDS = sizeof grounds / sizeof grounds[0] };

typedef struct scene {
    uint8_t *pixels; /* SIDE x SIDE x 3 */
    rng draws;
} scene;

static uint8_t cut(int32_t value)
{
    return (uint8_t)(value < 0 ? 0 : value > 255 ? 255 : value);
}

/* A pixel as bright as `light`: 0.299 red + 0.587 green + 0.114 blue. */
static void put(const scene *s, int32_t x, int32_t y, int32_t light, tint t)
{
    uint8_t *at = s->pixels + 3 * (y * SIDE + x);

    at[0] = cut(light + t.red);
    at[1] = cut(light - (299 * t.red + 114 * t.blue) / 587);
    at[2] = cut(light + t.blue);
}

/* Brighter towards the horizon. */
static void draw_sky(scene *s, int32_t horizon)
{
    const int32_t light = rng_between(&s->draws, 90, 150), rise = rng_between(&s->draws, 10, 50);

    for (int32_t i = 0; i < horizon * SIDE; i++)
        put(s, i % SIDE, i / SIDE, light + rise * (i / SIDE) / horizon, sky);
}

static void draw_sun(scene *s, int32_t horizon)
{
    const int32_t radius = rng_between(&s->draws, 3, 5), light = rng_between(&s->draws, 160, 200);
    const int32_t left = rng_between(&s->draws, 4, SIDE - 5);
    const int32_t top = rng_between(&s->draws, 2, horizon - 2);

    for (int32_t i = 0; i < horizon * SIDE; i++) {
        const int32_t across = i % SIDE - left, down = i / SIDE - top;
        if (across * across + down * down <= radius * radius)
            put(s, i % SIDE, i / SIDE, light, sun);
    }
}

static void draw_ground(scene *s, int32_t horizon)
{
    const int32_t kind = rng_between(&s->draws, 0, N_GROUNDS - 1);
    const int32_t light = rng_between(&s->draws, 90, 150);
    int32_t columns[SIDE];

    for (int32_t x = 0; x < SIDE; x++)
        columns[x] = rng_between(&s->draws, -grounds[kind].columns, grounds[kind].columns);
    for (int32_t y = horizon; y < SIDE; y++) {
        const int32_t row = rng_between(&s->draws, -grounds[kind].rows, grounds[kind].rows);
        for (int32_t x = 0; x < SIDE; x++) {
            const int32_t far = grounds[kind].pixels, pixel = rng_between(&s->draws, -far, far);
            put(s, x, y, light + columns[x] + row + pixel, grounds[kind].colour);
        }
    }
}

/* A wall, with a roof twice as wide as it is high. */
static void draw_house(scene *s, int32_t horizon)
{
    const int32_t half = rng_between(&s->draws, 4, 7), high = rng_between(&s->draws, 5, 8);
    const int32_t middle = rng_between(&s->draws, half, SIDE - 1 - half);
    const int32_t foot = horizon + rng_between(&s->draws, 1, 4), eaves = foot - high;
    const int32_t light = rng_between(&s->draws, 90, 200), dark = rng_between(&s->draws, 60, 150);

    for (int32_t y = eaves - half; y < foot; y++)
        for (int32_t x = middle - half; x <= middle + half; x++) {
            const int32_t across = x < middle ? middle - x : x - middle;
            if (y >= eaves && across < half)
                put(s, x, y, light, wall);
            else if (y >= 0 && y < eaves && across <= y - eaves + half)
                put(s, x, y, dark, roof);
        }
}

static void draw_scene(uint8_t *pixels, uint64_t seed, int64_t index)
{
    scene s = {pixels, {seed}};

    s.draws.state =
        rng_next(&s.draws) + (uint64_t)index * 0xd1342543de82ef95u; /* apart from others */
    const int32_t horizon = rng_between(&s.draws, 14, 22);
    draw_sky(&s, horizon);
    if (rng_between(&s.draws, 0, 2) != 0) draw_sun(&s, horizon);
    draw_ground(&s, horizon);
    if (rng_between(&s.draws, 0, 1) != 0) draw_house(&s, horizon);
}

static void draw_set(images *out, int64_t rows, uint64_t seed, int64_t first)
{
    *out = (images){.rows = rows, .height = SIDE, .width = SIDE, .channels = 3};
    out->pixels = allocate((size_t)rows, SIDE * SIDE * 3);
    for (int64_t i = 0; i < rows; i++)
        draw_scene(out->pixels + i * SIDE * SIDE * 3, seed, first + i);
}

void scenes_draw(images *train, images *test, int64_t seed)
{
    draw_set(train, N_TRAIN, (uint64_t)seed, 0);
    draw_set(test, N_TEST, (uint64_t)seed, N_TRAIN);
}
