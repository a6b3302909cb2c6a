/* Models of images at work: the same bits for every number of rows, threads and interruptions. */
#include "test_images.h"

enum { N = 50 };

/* Trained a little, so that running statistics are no constants. */
static ae_model *trained(const step *calls, int64_t threads, int64_t epochs)
{
    ae_model *model = images_model(calls, NULL);
    draw_state = 1;
    float *x = drawn(N * ae_model_input_dim(model));
    must(ae_model_set_i64(model, AE_PARAM_THREADS, threads));
    train_to(model, x, N, epochs);
    free(x);
    return model;
}

static float *room(int64_t n)
{
    float *y = malloc((size_t)n * sizeof *y);
    assert_non_null(y);
    return y;
}

static void features(ae_model *model, int32_t layer, const float *x, int64_t rows, float *out)
{
    must(
        ae_features(model, layer, x, rows, out, (size_t)(rows * ae_model_layer_dim(model, layer))));
}

/* Few rows lie in rows and many in blocks, and a run of layers may end anywhere: a row's numbers at
 * every layer are the same. */
static void row_has_the_same_bits_among_any_others(void **state)
{
    static const int64_t counts[] = {1, 3, 4, 8, 9, 15, 16, 17, 40};
    (void)state;
    for (size_t c = 0; c < CHAINS; c++) {
        ae_model *model = trained(chains[c], 1, 2);
        const int64_t in = ae_model_input_dim(model);
        float *x = drawn(N * in);
        for (int32_t layer = 0; layer < ae_model_layers(model); layer++) {
            const int64_t dim = ae_model_layer_dim(model, layer);
            float *want = room(N * dim), *got = room(N * dim);
            features(model, layer, x, N, want);
            for (size_t i = 0; i < sizeof counts / sizeof *counts; i++) {
                const int64_t n = counts[i], at = N - n;
                features(model, layer, x + at * in, n, got);
                assert_memory_equal(got, want + at * dim, (size_t)(n * dim) * sizeof *got);
            }
            free(want);
            free(got);
        }
        free(x);
        ae_model_free(model);
    }
}

/* The features of a layer that the next one does on its way. */
static void cells_of_an_upsampled_image_are_those_below(void **state)
{
    enum { UP = 3, H = 4, W = 5, C = 5 }; /* of `usual` */
    ae_model *model = trained(usual, 1, 1);
    float *x = drawn(N * ae_model_input_dim(model)), *small = room(N * H * W * C);
    float *large = room(N * 4 * H * W * C);
    (void)state;
    assert_int_equal(ae_model_layer_dim(model, UP - 1), H * W * C);
    assert_int_equal(ae_model_layer_dim(model, UP), 4 * H * W * C);
    features(model, UP - 1, x, N, small);
    features(model, UP, x, N, large);
    for (size_t i = 0; i < (size_t)N * 4 * H * W * C; i++) {
        const size_t cell = i / C, row = cell / W / 2 / 2 / H, h = cell / W / 2 % (2 * H) / 2;
        assert_true(large[i] == small[((row * H + h) * W + cell % (2 * W) / 2) * C + i % C]);
    }
    free(x);
    free(small);
    free(large);
    ae_model_free(model);
}

static void decoding_what_was_encoded_reconstructs_the_same_bits(void **state)
{
    (void)state;
    for (size_t c = 0; c < CHAINS; c++) {
        ae_model *model = trained(chains[c], 1, 1);
        const int64_t in = ae_model_input_dim(model), code = ae_model_code_dim(model);
        const int64_t dim = ae_model_output_dim(model);
        float *x = drawn(N * in), *z = room(N * code), *two = room(N * dim), *one = room(N * dim);
        must(ae_encode(model, x, N, z, (size_t)(N * code)));
        must(ae_decode(model, z, N, two, (size_t)(N * dim)));
        must(ae_reconstruct(model, x, N, one, (size_t)(N * dim)));
        assert_memory_equal(one, two, (size_t)(N * dim) * sizeof *one);
        features(model, ae_model_layers(model) - 1, x, N, two);
        assert_memory_equal(one, two, (size_t)(N * dim) * sizeof *one);
        free(x);
        free(z);
        free(one);
        free(two);
        ae_model_free(model);
    }
}

/* Weights, running statistics, optimiser, history: all that is saved. */
static void threads_change_no_bit(void **state)
{
    (void)state;
    for (size_t c = 0; c < CHAINS; c++) {
        ae_model *one = trained(chains[c], 1, 3);
        const size_t dim = N * (size_t)ae_model_output_dim(one);
        float *x = drawn(N * ae_model_input_dim(one)), *want = room((int64_t)dim);
        float *got = room((int64_t)dim);
        must(ae_reconstruct(one, x, N, want, dim));
        for (int64_t threads = 2; threads <= 4; threads++) {
            ae_model *many = trained(chains[c], threads, 3);
            assert_true(same_models(one, many));
            must(ae_reconstruct(many, x, N, got, dim));
            assert_memory_equal(got, want, dim * sizeof *got);
            ae_model_free(many);
        }
        free(x);
        free(want);
        free(got);
        ae_model_free(one);
    }
}

/* Batches of 40 and 10: an epoch, saved and loaded, then stopped after a step, saved and loaded, then on
 * to the third. */
static int32_t stop_at_the_first_step(const ae_event *event, void *user)
{
    (void)user;
    return event->kind == AE_EVENT_BATCH;
}

static void interruptions_change_no_bit(void **state)
{
    (void)state;
    for (size_t c = 0; c < CHAINS; c++) {
        ae_model *want = trained(chains[c], 1, 3), *model = reloaded(trained(chains[c], 2, 1));
        ae_fit_options *options = options_to(3);
        draw_state = 1;
        float *x = drawn(N * ae_model_input_dim(want));
        must(ae_fit_options_progress(options, stop_at_the_first_step, NULL));
        assert_int_equal(ae_fit(model, x, NULL, N, options), AE_ERR_CANCELLED);
        model = reloaded(model);
        train_to(model, x, N, 3);
        assert_true(same_models(model, want));
        ae_fit_options_free(options);
        free(x);
        ae_model_free(model);
        ae_model_free(want);
    }
}

/* A level rounds otherwise, and has blocks of another size: 1e-4 is some 2000 roundings of 1. */
static void levels_agree_up_to_rounding(void **state)
{
    (void)state;
    for (size_t c = 0; c < CHAINS; c++) {
        ae_model *model = trained(chains[c], 1, 2);
        const size_t n = N * (size_t)ae_model_output_dim(model);
        float *x = drawn(N * ae_model_input_dim(model)), *want = room((int64_t)n);
        float *got = room((int64_t)n);
        must(ae_model_set_i64(model, AE_PARAM_CPU, AE_CPU_PORTABLE));
        must(ae_reconstruct(model, x, N, want, n));
        for (int64_t level = AE_CPU_AVX2; level <= AE_CPU_NEON; level++) {
            if (ae_model_set_i64(model, AE_PARAM_CPU, level) != AE_OK) continue;
            must(ae_reconstruct(model, x, N, got, n));
            for (size_t i = 0; i < n; i++)
                if (!(fabsf(got[i] - want[i]) <= 1e-4f))
                    fail_msg("level %d: %g is not %g", (int)level, (double)got[i], (double)want[i]);
        }
        free(x);
        free(want);
        free(got);
        ae_model_free(model);
    }
}

/* Scratch is that of the threads and the level which run: each after another, and between two fits. */
static void threads_and_levels_may_change_at_any_time(void **state)
{
    static const int64_t settings[][2] = {{1, AE_CPU_AUTO}, {3, AE_CPU_PORTABLE}, {4, AE_CPU_AUTO},
                                          {2, AE_CPU_AUTO}, {4, AE_CPU_PORTABLE}, {1, AE_CPU_AUTO}};
    (void)state;
    for (size_t c = 0; c < CHAINS; c++) {
        ae_model *model = images_model(chains[c], NULL);
        float *x = drawn(N * ae_model_input_dim(model));
        double loss;
        for (size_t i = 0; i < sizeof settings / sizeof *settings; i++) {
            must(ae_model_set_i64(model, AE_PARAM_THREADS, settings[i][0]));
            must(ae_model_set_i64(model, AE_PARAM_CPU, settings[i][1]));
            must(ae_evaluate(model, x, NULL, N, &loss));
            assert_true(isfinite(loss));
            ae_fit_options *options = options_to((int64_t)i + 1);
            must(ae_fit_options_set_i64(options, AE_FIT_THREADS, 5 - settings[i][0]));
            must(ae_fit_options_validation(options, x, NULL, N));
            must(ae_fit(model, x, NULL, N, options));
            ae_fit_options_free(options);
        }
        free(x);
        ae_model_free(model);
    }
}

/* Rows of 256 numbers lie further apart in buffers than in data or output: first, last and alone. */
static void normalisation_finds_rows_of_any_stride(void **state)
{
    enum { WIDE = 256 };
    static const step norms[][6] = {
        {{VECTOR, {WIDE}}, {BATCH_NORM, {LINEAR}}, {CODED}, {DENSE, {1}}, {END}},
        {{IMAGE, {4, 4, 16}}, {BATCH_NORM, {LINEAR}}, {CODED}, {FLATTEN}, {DENSE, {1}}, {END}},
        {{VECTOR, {WIDE}}, {ACT, {LINEAR}}, {BATCH_NORM, {LINEAR}}, {CODED}, {DENSE, {1}}, {END}},
    };
    float *x = drawn(N * WIDE), *y = room(N * WIDE);
    (void)state;
    for (int i = 0; i < 3; i++) {
        ae_model *model = images_model(norms[i], NULL);
        must(ae_encode(model, x, N, y, N * WIDE));
        for (int j = 0; j < N * WIDE; j++) /* mean 0, variance 1, epsilon 1e-3 */
            assert_true(fabs((double)y[j] - (double)x[j] / sqrt(1.001)) <= 1e-6);
        ae_model_free(model);
    }
    free(x);
    free(y);
}

/* A fit that diverges leaves NaN in its buffers, also behind the last image of a block: 41 rows fill no
 * whole number of blocks. What is trained next is what a new model becomes. */
static void fit_after_one_that_diverged_is_as_any_other(void **state)
{
    (void)state;
    for (size_t c = 0; c < CHAINS; c++) {
        ae_model *model = images_model(chains[c], NULL), *fresh = images_model(chains[c], NULL);
        const int64_t n = 41 * ae_model_input_dim(model);
        float *x = drawn(n), *large = room(n);
        for (int64_t i = 0; i < n; i++) large[i] = 3e38f;
        assert_int_equal(ae_fit(model, large, x, 41, NULL), AE_ERR_DIVERGED);
        train_to(model, x, 41, 1);
        train_to(fresh, x, 41, 1);
        assert_true(same_weights(model, fresh));
        free(x);
        free(large);
        ae_model_free(model);
        ae_model_free(fresh);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(row_has_the_same_bits_among_any_others),
        cmocka_unit_test(cells_of_an_upsampled_image_are_those_below),
        cmocka_unit_test(decoding_what_was_encoded_reconstructs_the_same_bits),
        cmocka_unit_test(threads_change_no_bit),
        cmocka_unit_test(interruptions_change_no_bit),
        cmocka_unit_test(levels_agree_up_to_rounding),
        cmocka_unit_test(threads_and_levels_may_change_at_any_time),
        cmocka_unit_test(normalisation_finds_rows_of_any_stride),
        cmocka_unit_test(fit_after_one_that_diverged_is_as_any_other),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
