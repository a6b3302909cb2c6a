/* Files of images, good and forged. A small file may describe large images, so that its memory is bounded
 * by AE_PARAM_MEMORY, which a loader has at its default. */
#include "forge.h"
#include "heap.h"
#include "test_images.h"

enum { GIVEN_BYTES = 1 << 24 /* a block, however much is asked for */ };
#define MEMORY ((size_t)1 << 30)

static blob file_of(const step *calls)
{
    ae_model *model = images_model(calls, NULL);
    float *x = drawn(20 * ae_model_input_dim(model));
    train_to(model, x, 20, 1);
    image i = image_of(model);
    free(x);
    ae_model_free(model);
    return (blob){i.bytes, i.count};
}

/* What loads can run, and is what was saved. */
static int32_t try_load(blob b)
{
    heap h = {.largest = GIVEN_BYTES};
    const ae_allocator mem = allocator_of(&h);
    ae_model *model = (ae_model *)&h;
    int32_t status = ae_model_load_memory_with(&model, b.bytes, b.count, &mem);
    assert_true(h.peak <= MEMORY + 128 * b.count + (8 << 20));
    if (status == AE_OK) {
        const size_t code = (size_t)ae_model_code_dim(model);
        float *x = calloc((size_t)ae_model_input_dim(model) + code, sizeof *x);
        if (ae_model_input_dim(model) + ae_model_code_dim(model) < 1 << 12)
            must(ae_encode(model, x + code, 1, x, code));
        free(image_of(model).bytes);
        free(x);
        ae_model_free(model);
    } else {
        assert_null(model);
    }
    assert_int_equal(h.live, 0);
    return status;
}

static void what_was_saved_loads_as_it_was(void **state)
{
    (void)state;
    for (size_t c = 0; c < CHAINS; c++) {
        blob b = file_of(chains[c]);
        ae_model *model;
        must(ae_model_load_memory(&model, b.bytes, b.count));
        assert_true(has_image(model, (image){b.bytes, b.count}));
        ae_model_free(model);
        assert_int_equal(try_load(b), AE_OK);
        free(b.bytes);
    }
}

/* Whatever one changed field of the description makes of the file: an error, or a model. */
static void every_forged_field_gives_an_error_or_a_model(void **state)
{
    static const uint64_t values[] = {
        0, 1, 2, 5, 13, 0x7F, 0x80, 0xFF, 4096, 1 << 16, 1 << 23, 1 << 24, UINT32_MAX, UINT64_MAX};
    int32_t loaded = 0, refused = 0;
    (void)state;
    for (size_t c = 0; c < CHAINS; c++) {
        blob b = file_of(chains[c]);
        for (size_t at = HEADER; at < forge_find(b, "TERM"); at += 4) {
            for (size_t i = 0; i < 2 * sizeof values / sizeof *values; i++) {
                blob copy = blob_of(b.bytes, b.count);
                forge_put(copy.bytes + at, i % 2 ? 8 : 4, values[i / 2]);
                forge_seal(copy.bytes, copy.count);
                int32_t status = try_load(copy);
                loaded += status == AE_OK;
                refused += status == AE_ERR_FORMAT || status == AE_ERR_VERSION;
                if (status != AE_OK && status != AE_ERR_FORMAT && status != AE_ERR_VERSION &&
                    status != AE_ERR_NOMEM && status != AE_ERR_RANGE)
                    fail_msg("at %zu: %d, %s", at, (int)status, ae_last_error());
                free(copy.bytes);
            }
        }
        free(b.bytes);
    }
    assert_true(loaded > 1000);
    assert_true(refused > 1000);
}

/* Weights say nothing of the size of an image: height (4) is a field of MODL, at 4. */
static blob tall(uint64_t height)
{
    static const step whole[] = {{IMAGE, {8, 8, 1}},
                                 {CONV2D, {1, 3, 3, SAME, RELU}},
                                 {CODED},
                                 {BACK2D, {1, 3, 3, 1, 1, SAME, LINEAR}},
                                 {LOSS, {AE_LOSS_MSE}},
                                 {END}};
    blob b = file_of(whole);
    forge_put(b.bytes + HEADER + 12 + 4, 8, height);
    forge_seal(b.bytes, b.count);
    return b;
}

/* Whether 8 images or more make a block here; of 4 the largest model fits into 1 GiB. */
static bool has_large_blocks(void)
{
    blob b = tall(1);
    ae_model *model;
    must(ae_model_load_memory(&model, b.bytes, b.count));
    const bool large = ae_model_set_i64(model, AE_PARAM_CPU, AE_CPU_AVX2) == AE_OK;
    ae_model_free(model);
    free(b.bytes);
    return large;
}

static void images_of_any_height_load_within_their_memory(void **state)
{
    const bool large = has_large_blocks();
    (void)state;
    for (uint64_t height = 1; height <= 1 << 24; height *= 2) {
        blob b = tall(height);
        int32_t status = try_load(b);
        if (height <= 1 << 12) assert_int_equal(status, AE_OK);
        if (height == 1 << 21 && large) { /* 2^24 numbers a row */
            assert_int_equal(status, AE_ERR_RANGE);
            assert_non_null(strstr(ae_last_error(), "model: its workspace needs "));
            assert_non_null(strstr(ae_last_error(), "wanted at most 1073741824: memory"));
        }
        if (height > 1 << 21) assert_int_equal(status, AE_ERR_FORMAT);
        free(b.bytes);
    }
}

/* A running variance below 0, which no training leaves, counts as 0: 1 / sqrt(0 + 2^-10) = 32. */
static void variance_below_0_counts_as_0(void **state)
{
    ae_config *config;
    const float x[] = {3}, below[] = {-5}, mean[] = {1};
    float y;
    (void)state;
    must(ae_config_create(&config));
    must(ae_config_input(config, 1));
    must(ae_config_batch_norm(config, LINEAR));
    must(ae_config_set_f64(config, AE_PARAM_NORM_EPSILON, 0x1p-10));
    must(ae_config_code(config));
    must(ae_config_dense(config, 1, LINEAR));
    ae_model *model = model_of(config);
    must(ae_model_weights_set(model, 0, "variance", below, 1));
    must(ae_model_weights_set(model, 0, "mean", mean, 1));
    must(ae_encode(model, x, 1, &y, 1));
    assert_true(y == 64);
    ae_model_free(model);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_was_saved_loads_as_it_was),
        cmocka_unit_test(every_forged_field_gives_an_error_or_a_model),
        cmocka_unit_test(images_of_any_height_load_within_their_memory),
        cmocka_unit_test(variance_below_0_counts_as_0),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
