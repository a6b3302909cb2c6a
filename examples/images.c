/* Sets of images, from files or drawn. */
#include "common.h"

#include <stdlib.h>
#include <string.h>

enum { SIDE = 28, N_TRAIN = 10000, N_TEST = 2000, MAX_SIDE = 4096 };

/* The names that a set of images goes by. */
static const struct {
    const char *images[2], *labels[2]; /* for training, for testing */
} sets[] = {
    {{"train-images-idx3-ubyte", "t10k-images-idx3-ubyte"},
     {"train-labels-idx1-ubyte", "t10k-labels-idx1-ubyte"}},
    {{"train-images-idx4-ubyte", "test-images-idx4-ubyte"},
     {"train-labels-idx1-ubyte", "test-labels-idx1-ubyte"}},
};

enum { N_SETS = sizeof sets / sizeof sets[0] };

int64_t images_dim(const images *set)
{
    return set->height * set->width * set->channels;
}

void images_free(images *set)
{
    free(set->pixels);
    free(set->labels);
    *set = (images){0};
}

ae_data *images_view(const images *set)
{
    ae_data *view;

    must(ae_data_create(&view));
    must(ae_data_array(view, AE_DATA_X, AE_TYPE_U8, set->pixels, set->rows, images_dim(set)));
    must(ae_data_scale(view, AE_DATA_X, 1.0 / 255.0, 0.0));
    return view;
}

images images_first(const images *set, int64_t rows)
{
    images first = *set;
    if (rows < first.rows) first.rows = rows;
    return first;
}

int32_t images_classes(const images *set)
{
    int32_t largest = 0;

    for (int64_t i = 0; i < set->rows; i++)
        if (set->labels[i] > largest) largest = set->labels[i];
    return largest + 1;
}

static void read_set(images *out, const char *folder, const char *name, const char *labels_name)
{
    idx pixels, labels = {0};

    idx_read(&pixels, folder, name);
    if (pixels.n_dims < 3) fail("%s: %d dimensions, 3 or 4 wanted", name, pixels.n_dims);
    if (pixels.dims[1] > MAX_SIDE || pixels.dims[2] > MAX_SIDE)
        fail("%s: images beyond %d x %d", name, MAX_SIDE, MAX_SIDE);
    if (pixels.dims[3] != 1 && pixels.dims[3] != 3)
        fail("%s: %d channels, 1 or 3 wanted", name, (int)pixels.dims[3]);
    if (idx_exists(folder, labels_name)) {
        idx_read(&labels, folder, labels_name);
        if (labels.n_dims != 1 || labels.dims[0] != pixels.dims[0])
            fail("%s: not one label for each image of %s", labels_name, name);
    }
    *out = (images){
        .rows = pixels.dims[0],
        .height = pixels.dims[1],
        .width = pixels.dims[2],
        .channels = pixels.dims[3],
        .pixels = pixels.values,
        .labels = labels.values,
    };
}

static void draw_set(images *out, int64_t rows, uint64_t seed, int64_t first)
{
    *out = (images){.rows = rows, .height = SIDE, .width = SIDE, .channels = 1};
    out->pixels = allocate((size_t)rows, SIDE * SIDE);
    out->labels = allocate((size_t)rows, 1);
    for (int64_t i = 0; i < rows; i++) {
        digit_draw(out->pixels + i * SIDE * SIDE, seed, first + i);
        out->labels[i] = (uint8_t)((first + i) % 10);
    }
}

void images_load(images *train, images *test, const char *folder, int64_t seed)
{
    size_t k = 0;

    if (folder == NULL) {
        draw_set(train, N_TRAIN, (uint64_t)seed, 0);
        draw_set(test, N_TEST, (uint64_t)seed, N_TRAIN);
        return;
    }
    while (k + 1 < N_SETS && !idx_exists(folder, sets[k].images[0])) k++;
    if (!idx_exists(folder, sets[k].images[0])) k = 0; /* name the better known in the message */
    read_set(train, folder, sets[k].images[0], sets[k].labels[0]);
    read_set(test, folder, sets[k].images[1], sets[k].labels[1]);
    if (train->height != test->height || train->width != test->width ||
        train->channels != test->channels)
        fail("%s: images for training and for testing differ in shape", folder);
}
