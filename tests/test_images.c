/* Images through ae.h: sizes and paddings as Keras has them, what does not fit, and memory. */
#include "heap.h"
#include "test_images.h"

/* ---- sizes ---- */

enum { CONV, BACK, POOL };

/* Along one axis; `want` by the rules of Keras' documentation. */
typedef struct size {
    int32_t kind;
    int64_t n, kernel, stride;
    int32_t padding;
    int64_t want;
} size;

static const size sizes[] = {
    {CONV, 28, 3, 1, SAME, 28}, {CONV, 28, 3, 2, SAME, 14},  {CONV, 14, 3, 2, SAME, 7},
    {CONV, 7, 3, 2, SAME, 4},   {CONV, 28, 3, 1, VALID, 26}, {CONV, 28, 5, 2, VALID, 12},
    {CONV, 5, 5, 1, VALID, 1},  {CONV, 4, 1, 3, VALID, 2},   {CONV, 4, 1, 3, SAME, 2},
    {CONV, 2, 5, 1, SAME, 2},   {POOL, 28, 2, 2, SAME, 14},  {POOL, 7, 2, 2, SAME, 4},
    {POOL, 7, 2, 2, VALID, 3},  {POOL, 8, 3, 1, VALID, 6},   {POOL, 5, 2, 3, SAME, 2},
    {BACK, 4, 3, 2, SAME, 8},   {BACK, 7, 3, 2, SAME, 14},   {BACK, 14, 4, 2, SAME, 28},
    {BACK, 4, 3, 2, VALID, 9},  {BACK, 4, 2, 2, VALID, 8},   {BACK, 4, 2, 3, VALID, 12},
    {BACK, 5, 3, 1, VALID, 7},  {BACK, 3, 1, 4, SAME, 12},
};

static ae_model *model_of_size(const size *s, bool two)
{
    const int64_t k = s->kernel, t = s->stride, one = s->n;
    const step calls[] = {two ? (step){IMAGE, {one, 1, 2}} : (step){SIGNAL, {one, 2}},
                          s->kind == BACK && two
                              ? (step){BACK2D, {3, k, 1, 1, 1, s->padding, LINEAR}}
                          : s->kind == BACK        ? (step){BACK1D, {3, k, 1, s->padding, LINEAR}}
                          : s->kind == CONV && two ? (step){CONV2D, {3, k, 1, s->padding, LINEAR}}
                          : s->kind == CONV        ? (step){CONV1D, {3, k, s->padding, LINEAR}}
                          : two                    ? (step){POOL2D, {AE_POOL_MAX, k, 1, s->padding}}
                                                   : (step){POOL1D, {AE_POOL_MAX, k, s->padding}},
                          {SET, {two ? AE_PARAM_STRIDE_H : AE_PARAM_STRIDE_W, t}},
                          {FLATTEN},
                          {DENSE, {1, LINEAR}},
                          {CODED},
                          {END}};
    return images_model(calls, NULL);
}

static void sizes_are_those_of_keras(void **state)
{
    (void)state;
    for (size_t i = 0; i < 2 * sizeof sizes / sizeof *sizes; i++) {
        const size *s = &sizes[i / 2];
        ae_model *model = model_of_size(s, i % 2);
        const int64_t channels = s->kind == POOL ? 2 : 3;
        if (ae_model_layer_dim(model, 0) != s->want * channels)
            fail_msg("row %zu: %lld numbers, wanted %lld x %lld", i / 2,
                     (long long)ae_model_layer_dim(model, 0), (long long)s->want,
                     (long long)channels);
        ae_model_free(model);
    }
}

/* ---- where the padding lies ---- */

/* One channel, worked out by hand: Keras pads evenly, the odd cell at the end. */
typedef struct line {
    int32_t back;
    int64_t stride;
    int32_t padding;
    int64_t before, after; /* of EXPLICIT */
    float x[6], kernel[5], y[8];
    int32_t n, k, want; /* how many of each */
} line;

static const line lines[] = {
    {0, 2, SAME, 0, 0, {1, 10, 100, 1000}, {1, 2, 3}, {321, 2100}, 4, 3, 2}, /* even: at the end */
    {0, 2, SAME, 0, 0, {1, 10, 100, 1000, 0}, {1, 2, 3}, {32, 3210, 1000}, 5, 3, 3},
    {0, 1, SAME, 0, 0, {1, 10, 100}, {1, 2}, {21, 210, 100}, 3, 2, 3},
    {0, 1, SAME, 0, 0, {1, 10, 100, 1000}, {1, 2, 3, 4}, {432, 4321, 3210, 2100}, 4, 4, 4},
    {0, 3, SAME, 0, 0, {1, 10, 100, 1000}, {1, 2, 3}, {32, 2100}, 4, 3, 2},
    {0, 1, VALID, 0, 0, {1, 10, 100}, {1, 2}, {21, 210}, 3, 2, 2},
    {0, 2, GIVEN, 2, 1, {1, 10, 100}, {1, 2, 3}, {3, 321}, 3, 3, 2},
    {1, 2, SAME, 0, 0, {1, 10}, {1, 2, 3}, {1, 2, 13, 20}, 2, 3, 4},
    {1, 2, SAME, 0, 0, {1, 10}, {1, 2, 3, 4}, {2, 13, 24, 30}, 2, 4, 4},
    {1, 2, SAME, 0, 0, {1, 10}, {5}, {5, 0, 50, 0}, 2, 1, 4},
    {1, 3, VALID, 0, 0, {1, 10}, {1, 2}, {1, 2, 0, 10, 20, 0}, 2, 2, 6},
    {1, 2, VALID, 0, 0, {1, 10}, {1, 2, 3}, {1, 2, 13, 20, 30}, 2, 3, 5},
    {1, 2, GIVEN, 1, 2, {1, 10}, {1, 2, 3}, {2, 13}, 2, 3, 2},
};

/* Along the axis of a signal, or one of the two of an image that is 1 wide the other way. */
static ae_model *model_of_line(const line *l, int axis)
{
    static const int32_t before[] = {AE_PARAM_PAD_LEFT, AE_PARAM_PAD_TOP, AE_PARAM_PAD_LEFT};
    static const int32_t after[] = {AE_PARAM_PAD_RIGHT, AE_PARAM_PAD_BOTTOM, AE_PARAM_PAD_RIGHT};
    static const int32_t stride[] = {AE_PARAM_STRIDE_W, AE_PARAM_STRIDE_H, AE_PARAM_STRIDE_W};
    const int64_t h = axis == 1 ? l->n : 1, w = axis == 1 ? 1 : l->n;
    const int64_t kh = axis == 1 ? l->k : 1, kw = axis == 1 ? 1 : l->k;
    const step calls[] = {axis ? (step){IMAGE, {h, w, 1}} : (step){SIGNAL, {l->n, 1}},
                          axis && l->back ? (step){BACK2D, {1, kh, kw, 1, 1, l->padding, LINEAR}}
                          : axis          ? (step){CONV2D, {1, kh, kw, l->padding, LINEAR}}
                          : l->back       ? (step){BACK1D, {1, l->k, 1, l->padding, LINEAR}}
                                          : (step){CONV1D, {1, l->k, l->padding, LINEAR}},
                          {SET, {stride[axis], l->stride}},
                          {SET, {before[axis], l->before}},
                          {SET, {after[axis], l->after}},
                          {CODED},
                          {END}};
    return images_model(calls, NULL);
}

static void padding_lies_where_keras_has_it(void **state)
{
    float y[8];
    (void)state;
    for (size_t i = 0; i < 3 * sizeof lines / sizeof *lines; i++) {
        const line *l = &lines[i / 3];
        ae_model *model = model_of_line(l, (int)(i % 3));
        assert_int_equal(ae_model_code_dim(model), l->want);
        must(ae_model_weights_set(model, 0, "kernel", l->kernel, (size_t)l->k));
        must(ae_encode(model, l->x, 1, y, 8));
        for (int32_t j = 0; j < l->want; j++)
            if (y[j] != l->y[j])
                fail_msg("row %zu: number %d is %g, wanted %g", i / 3, (int)j, (double)y[j],
                         (double)l->y[j]);
        ae_model_free(model);
    }
}

/* A mean over the cells inside the image alone: 7 cells in windows of 3, padded by one on each side. */
static void means_leave_padding_out(void **state)
{
    const step calls[] = {{SIGNAL, {7, 1}}, {POOL1D, {AE_POOL_AVERAGE, 3, SAME}},
                          {CODED},          {FLATTEN},
                          {DENSE, {1, 0}},  {END}};
    const float x[] = {1, 3, 5, 7, 9, 11, 13}, want[] = {2, 7, 12};
    ae_model *model = images_model(calls, NULL);
    float y[3];
    (void)state;
    must(ae_encode(model, x, 1, y, 3));
    assert_memory_equal(y, want, sizeof want);
    ae_model_free(model);
}

/* Centres of the new cells lie at 1/4 and 3/4 between those of the old ones. */
static void bilinear_cells_lie_between_centres(void **state)
{
    const step calls[] = {{IMAGE, {2, 2, 1}},
                          {UP2D, {2, 2, AE_INTERPOLATION_BILINEAR}},
                          {CODED},
                          {FLATTEN},
                          {DENSE, {1, 0}},
                          {END}};
    const float x[] = {0, 16, 32, 48};
    const float want[] = {0, 4, 12, 16, 8, 12, 20, 24, 24, 28, 36, 40, 32, 36, 44, 48};
    ae_model *model = images_model(calls, NULL);
    float y[16];
    (void)state;
    must(ae_encode(model, x, 1, y, 16));
    assert_memory_equal(y, want, sizeof want);
    ae_model_free(model);
}

/* ---- what does not fit ---- */

typedef struct fault {
    int32_t code;
    const char *message;
    step calls[8];
} fault;

static const fault faults[] = {
    {AE_ERR_SHAPE,
     "conv2d #1: kernel 5 exceeds padded width 4",
     {{IMAGE, {9, 4, 1}}, {CONV2D, {1, 1, 1, VALID}}, {CONV2D, {1, 5, 5, VALID}}}},
    {AE_ERR_SHAPE,
     "conv2d #0: kernel 9 exceeds padded height 8",
     {{IMAGE, {5, 9, 1}}, {CONV2D, {1, 9, 9, GIVEN}}, {SET, {AE_PARAM_PAD_TOP, 3}}}},
    {AE_ERR_SHAPE,
     "conv1d #0: kernel 6 exceeds padded length 5",
     {{SIGNAL, {5, 2}}, {CONV1D, {1, 6, VALID}}}},
    {AE_ERR_SHAPE,
     "pool2d #0: kernel 4096 exceeds padded height 5",
     {{IMAGE, {5, 5, 1}}, {POOL2D, {0, 4096, 1, VALID}}}},
    {AE_ERR_SHAPE,
     "pool1d #0: padding of the length leaves a window of 2 outside",
     {{SIGNAL, {5, 1}}, {POOL1D, {0, 2, GIVEN}}, {SET, {AE_PARAM_PAD_LEFT, 2}}}},
    {AE_ERR_SHAPE,
     "pool2d #0: padding of the width leaves a window of 2 outside",
     {{IMAGE, {5, 5, 1}}, {POOL2D, {0, 2, 2, GIVEN}}, {SET, {AE_PARAM_PAD_RIGHT, 3}}}},
    {AE_ERR_SHAPE,
     "conv2d_transpose #0: padding 6 leaves nothing of a width of 6",
     {{IMAGE, {2, 4, 1}}, {BACK2D, {1, 3, 3, 1, 1, GIVEN}}, {SET, {AE_PARAM_PAD_LEFT, 6}}}},
    {AE_ERR_SHAPE,
     "conv2d #0: input is a vector (rank 1), wanted an image (rank 3)",
     {{VECTOR, {16}}, {CONV2D, {1, 1, 1, SAME}}}},
    {AE_ERR_SHAPE,
     "conv1d #0: input is an image (rank 3), wanted a signal (rank 2)",
     {{IMAGE, {4, 4, 1}}, {CONV1D, {1, 1, SAME}}}},
    {AE_ERR_SHAPE,
     "upsample2d #0: input is a signal (rank 2), wanted an image",
     {{SIGNAL, {4, 4}}, {UP2D, {2, 2, 0}}}},
    {AE_ERR_SHAPE, "dense #0: input has rank 3, wanted 1", {{IMAGE, {4, 4, 1}}, {DENSE, {2}}}},
    {AE_ERR_SHAPE,
     "reshape #0: input has 16 numbers, wanted 2 x 3 x 3",
     {{VECTOR, {16}}, {TO_IMAGE, {2, 3, 3}}}},
    {AE_ERR_SHAPE,
     "reshape #0: input has 16 numbers, wanted 1 x 5 x 3",
     {{VECTOR, {16}}, {TO_SIGNAL, {5, 3}}}},
    {AE_ERR_RANGE, "height is 0, wanted 1 to 16777216", {{VECTOR, {16}}, {TO_IMAGE, {0, 4, 4}}}},
    {AE_ERR_RANGE, "width is 0", {{VECTOR, {16}}, {TO_IMAGE, {4, 0, 4}}}},
    {AE_ERR_RANGE,
     "filters is 1048577",
     {{IMAGE, {4, 4, 1}}, {CONV2D, {(1 << 20) + 1, 1, 1, SAME}}}},
    {AE_ERR_RANGE, "kernel_h is 0", {{IMAGE, {4, 4, 1}}, {CONV2D, {1, 0, 1, SAME}}}},
    {AE_ERR_RANGE, "kernel_w is 4097", {{IMAGE, {4, 4, 1}}, {CONV2D, {1, 1, 4097, SAME}}}},
    {AE_ERR_RANGE, "padding is 3", {{IMAGE, {4, 4, 1}}, {CONV2D, {1, 1, 1, 3}}}},
    {AE_ERR_RANGE, "stride_w is -1", {{SIGNAL, {4, 4}}, {BACK1D, {1, 1, -1, SAME}}}},
    {AE_ERR_RANGE, "pool is 2", {{SIGNAL, {4, 4}}, {POOL1D, {2, 1, SAME}}}},
    {AE_ERR_RANGE, "interpolation is -1", {{SIGNAL, {4, 4}}, {UP1D, {2, -1}}}},
    {AE_ERR_RANGE, "factor_w is 4097", {{SIGNAL, {4, 4}}, {UP1D, {4097, 0}}}},
    {AE_ERR_RANGE, "activation is 77", {{SIGNAL, {4, 4}}, {BATCH_NORM, {77}}}},
    {AE_ERR_RANGE, "activation is -2", {{SIGNAL, {4, 4}}, {LAYER_NORM, {-2}}}},
    {AE_ERR_INVALID,
     "conv1d #0: does not take stride_h",
     {{SIGNAL, {4, 4}}, {CONV1D, {1, 1, SAME}}, {SET, {AE_PARAM_STRIDE_H, 2}}}},
    {AE_ERR_RANGE, "input: channels is 0", {{IMAGE, {4, 4, 0}}}},
    {AE_ERR_RANGE, "width is 16777217", {{IMAGE, {1, (1 << 24) + 1, 1}}}},
    {AE_ERR_RANGE, "wanted 1 to 1, for at most 2^24", {{IMAGE, {4096, 4096, 2}}}},
    {AE_ERR_STATE, "input: set before", {{IMAGE, {4, 4, 1}}, {SIGNAL, {4, 4}}}},
    {AE_ERR_STATE, "no input", {{CONV2D, {1, 1, 1, SAME}}}},

    /* absurd, and refused before any memory is asked for */
    {AE_ERR_RANGE,
     "conv2d_transpose #0: height 8192 times stride 4096, wanted at most 2^24",
     {{IMAGE, {8192, 1, 1}}, {BACK2D, {1, 1, 1, 4096, 4096, SAME}}}},
    {AE_ERR_RANGE,
     "conv2d_transpose #0: output of 4096 x 8192 x 1 numbers, wanted at most 2^24",
     {{IMAGE, {1, 2, 1}}, {BACK2D, {1, 1, 1, 4096, 4096, SAME}}}},
    {AE_ERR_RANGE,
     "upsample2d #1: output of 16777216 x 4096 x 1 numbers",
     {{IMAGE, {1, 1, 1}}, {UP2D, {4096, 1, 0}}, {UP2D, {4096, 4096, 0}}}},
    {AE_ERR_RANGE,
     "conv2d #0: output of 4096 x 4096 x 2 numbers",
     {{IMAGE, {4096, 4096, 1}}, {CONV2D, {2, 1, 1, SAME}}}},
    {AE_ERR_RANGE,
     "conv2d #0: output of 8193 x 8193 x 1 numbers",
     {{IMAGE, {1, 1, 1}},
      {CONV2D, {1, 1, 1, GIVEN}},
      {SET, {AE_PARAM_PAD_TOP, 4096}},
      {SET, {AE_PARAM_PAD_BOTTOM, 4096}},
      {SET, {AE_PARAM_PAD_LEFT, 4096}},
      {SET, {AE_PARAM_PAD_RIGHT, 4096}}}},
    {AE_ERR_RANGE,
     "conv2d #0: kernel of 4096 x 4096 x 1048576 x 1048576 overflows",
     {{IMAGE, {1, 1, 1 << 20}}, {CONV2D, {1 << 20, 4096, 4096, SAME}}}},
    {AE_ERR_RANGE, /* rows and blocks of them, of 2^24 numbers each, threads times */
     "wanted at most 1073741824: memory",
     {{IMAGE, {4096, 4096, 1}}, {CONV2D, {1, 3, 3, SAME}}, {SET, {AE_PARAM_THREADS, 2}}}},
};

static void what_does_not_fit_is_told_before_memory_is_asked_for(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof faults / sizeof *faults; i++) {
        const fault *f = &faults[i];
        heap h = {.room = 1 << 18};
        const ae_allocator allocator = allocator_of(&h);
        ae_config *config = images_config(f->calls, &allocator);
        ae_model *model = (ae_model *)&h;
        (void)ae_config_code(config);
        int32_t status = ae_model_create(&model, config);
        if (status != f->code || !strstr(ae_last_error(), f->message))
            fail_msg("row %zu: %d, \"%s\"; wanted %d, \"%s\"", i, (int)status, ae_last_error(),
                     (int)f->code, f->message);
        assert_null(model);
        ae_config_free(config);
        assert_int_equal(h.live, 0);
    }
}

/* ---- memory ---- */

static int64_t rows_at_a_time(const ae_model *model)
{
    char text[8192];
    must(ae_model_summary(model, text, sizeof text, NULL));
    const char *at = strstr(text, " bytes for ");
    assert_non_null(at);
    return strtoll(at + strlen(" bytes for "), NULL, 10);
}

static ae_model *model_within(const step *calls, int64_t memory, const ae_allocator *allocator)
{
    ae_config *config = images_config(calls, allocator);
    must(ae_config_set_i64(config, AE_PARAM_MEMORY, memory));
    return model_of(config);
}

/* All of the workspace, from so much memory that a chunk is whole to so little that one row is too
 * much. Fewer rows at a time leave no trace in any result. */
static void less_memory_takes_fewer_rows_at_a_time(void **state)
{
    enum { N = 70 };
    (void)state;
    for (size_t c = 0; c < CHAINS; c++) {
        ae_model *model = images_model(chains[c], NULL);
        const size_t out = N * (size_t)ae_model_output_dim(model);
        float *x = drawn(N * ae_model_input_dim(model));
        float *want = malloc(out * sizeof *want), *got = malloc(out * sizeof *got);
        int64_t rows = rows_at_a_time(model), memory = 1 << 24, fewest = rows;
        must(ae_reconstruct(model, x, N, want, out));
        for (; fewest > 1; memory -= memory / 128) {
            heap h = {0};
            const ae_allocator allocator = allocator_of(&h);
            ae_model *less = model_within(chains[c], memory, &allocator);
            /* weights, plan and handle besides */
            assert_true(h.peak <= (size_t)memory + 200000);
            assert_true(rows_at_a_time(less) <= rows);
            fewest = rows_at_a_time(less);
            must(ae_reconstruct(less, x, N, got, out));
            assert_memory_equal(got, want, out * sizeof *got);
            ae_model_free(less);
            assert_int_equal(h.live, 0);
        }
        free(x);
        free(want);
        free(got);
        ae_model_free(model);
    }
}

static void memory_for_less_than_a_row_is_refused(void **state)
{
    ae_config *config = images_config(usual, NULL);
    ae_model *model;
    (void)state;
    must(ae_config_set_i64(config, AE_PARAM_MEMORY, 1000));
    assert_int_equal(ae_model_create(&model, config), AE_ERR_RANGE);
    assert_non_null(strstr(ae_last_error(), "model: its workspace needs "));
    assert_non_null(strstr(ae_last_error(), "wanted at most 1000: memory"));
    ae_config_free(config);
}

static void run_that_would_need_more_leaves_the_old_one(void **state)
{
    ae_model *model = model_within(mixed, 1 << 20, NULL);
    int64_t value;
    (void)state;
    assert_int_equal(ae_model_set_i64(model, AE_PARAM_THREADS, 256), AE_ERR_RANGE);
    must(ae_model_get_i64(model, AE_PARAM_THREADS, &value));
    assert_int_equal(value, 1);
    assert_int_equal(ae_model_set_i64(model, AE_PARAM_MEMORY, 4096), AE_ERR_RANGE);
    must(ae_model_get_i64(model, AE_PARAM_MEMORY, &value));
    assert_int_equal(value, 1 << 20);
    must(ae_model_set_i64(model, AE_PARAM_MEMORY, 1 << 30));
    must(ae_model_set_i64(model, AE_PARAM_THREADS, 256));
    ae_model_free(model);
}

/* A batch is not cut: what it does to the gradient would change. */
static void batch_that_needs_more_is_refused_before_it_is_allocated(void **state)
{
    enum { N = 40 };
    heap h = {0};
    const ae_allocator allocator = allocator_of(&h);
    ae_model *model = model_within(mixed, 1 << 18, &allocator);
    float *x = drawn(N * ae_model_input_dim(model));
    image before = image_of(model);
    (void)state;
    h.peak = 0;
    assert_int_equal(ae_fit(model, x, NULL, N, NULL), AE_ERR_RANGE);
    assert_non_null(strstr(ae_last_error(), "fit: a batch of 40 needs "));
    assert_non_null(strstr(ae_last_error(), "wanted at most 262144: memory"));
    assert_true(h.peak < h.live + (1 << 16)); /* the optimiser's state */
    assert_true(has_image(model, before));
    must(ae_model_set_i64(model, AE_PARAM_MEMORY, 1 << 24));
    train_to(model, x, N, 1);
    free(before.bytes);
    free(x);
    ae_model_free(model);
    assert_int_equal(h.live, 0);
}

/* Bytes that the first fit of so many rows takes. */
static size_t fit_bytes(int64_t rows)
{
    heap h = {0};
    const ae_allocator allocator = allocator_of(&h);
    ae_model *model = images_model(mixed, &allocator);
    float *x = drawn(rows * ae_model_input_dim(model));
    const size_t before = h.live;
    train_to(model, x, rows, 1);
    const size_t taken = h.peak - before;
    free(x);
    ae_model_free(model);
    return taken;
}

/* Blocks are whole, but a batch that makes none has no room for one. */
static void few_images_need_the_memory_of_few(void **state)
{
    const size_t one = fit_bytes(1), two = fit_bytes(2), all = fit_bytes(16);
    (void)state;
    assert_true(two - one > 0 && all - one >= 12 * (two - one) && all - one <= 18 * (two - one));
}

/* ---- the summary ---- */

/* 2 x 9 x 1 x 6 x 63 = 6804; 2 x 9 x 6 x 5 x 20 = 10800; 2 x 4 x 5 x 1 x 63 = 2520 */
static void summary_tells_shapes_and_operations(void **state)
{
    static const char *const words[] = {"7x9x1",
                                        "7x9x6",
                                        "4x5x6",
                                        "4x5x5",
                                        "8x10x5",
                                        "pool max",
                                        "kernel_h 3",
                                        "  6804",
                                        "  10800",
                                        "   2520  ",
                                        "factor_w 2",
                                        "padding same",
                                        "a row: 20124 floating"};
    ae_model *model = images_model(usual, NULL);
    char text[8192];
    (void)state;
    must(ae_model_summary(model, text, sizeof text, NULL));
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (!strstr(text, words[i])) fail_msg("no \"%s\" in\n%s", words[i], text);
    ae_model_free(model);
    model = images_model(mixed, NULL);
    must(ae_model_summary(model, text, sizeof text, NULL));
    assert_non_null(strstr(text, "18 of them not trained")); /* two for each of 5 and of 4 */
    ae_model_free(model);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sizes_are_those_of_keras),
        cmocka_unit_test(padding_lies_where_keras_has_it),
        cmocka_unit_test(means_leave_padding_out),
        cmocka_unit_test(bilinear_cells_lie_between_centres),
        cmocka_unit_test(what_does_not_fit_is_told_before_memory_is_asked_for),
        cmocka_unit_test(less_memory_takes_fewer_rows_at_a_time),
        cmocka_unit_test(memory_for_less_than_a_row_is_refused),
        cmocka_unit_test(run_that_would_need_more_leaves_the_old_one),
        cmocka_unit_test(batch_that_needs_more_is_refused_before_it_is_allocated),
        cmocka_unit_test(few_images_need_the_memory_of_few),
        cmocka_unit_test(summary_tells_shapes_and_operations),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
