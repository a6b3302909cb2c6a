/* What a training leaves in a file beside trnd and stat: written where it is there, refused where it
 * cannot be. */
#include "forge.h"
#include "test_fit.h"

static const recipe small = {.dims = {7, 5, 7},
                             .batch = 2,
                             .hidden = AE_ACT_TANH,
                             .last = AE_ACT_SIGMOID,
                             .loss = AE_LOSS_BCE,
                             .optimizer = AE_OPTIM_ADAM};
enum { DIM = 7, N = 10 };

static const char *const tags[] = {"data", "plat", "best", "onli", "grad"};
enum { TAGS = sizeof tags / sizeof *tags };

static int32_t cancel(const ae_event *event, void *user)
{
    (void)user;
    return event->kind == AE_EVENT_BATCH && event->epoch == 3 && event->step == 1;
}

/* All of them: in the third epoch, after a step of two batches and one batch more. */
static blob file_of_all(void)
{
    ae_config *config = recipe_config(&small, NULL);
    ae_fit_options *options = options_to(5);
    float *x = drawn(N * DIM);
    must(ae_config_set_i64(config, AE_PARAM_SCHEDULE, AE_SCHEDULE_PLATEAU));
    must(ae_config_set_i64(config, AE_PARAM_ACCUMULATE, 2));
    ae_model *model = model_of(config);
    must(ae_fit_batch(model, x, NULL, N, NULL));
    must(ae_fit_options_set_i64(options, AE_FIT_PATIENCE, 5));
    must(ae_fit_options_progress(options, cancel, NULL));
    assert_int_equal(ae_fit(model, x, NULL, N, options), AE_ERR_CANCELLED); /* the step is made */
    assert_int_equal(ae_fit(model, x, NULL, N, options), AE_ERR_CANCELLED); /* a batch more */
    image i = image_of(model);
    ae_fit_options_free(options);
    ae_model_free(model);
    free(x);
    return (blob){i.bytes, i.count};
}

static int32_t load(blob b)
{
    ae_model *model;
    int32_t status = ae_model_load_memory(&model, b.bytes, b.count);
    assert_true((status == AE_OK) == (model != NULL));
    ae_model_free(model);
    return status;
}

static size_t length_of(blob b, const char *tag)
{
    return forge_chunk(b.bytes, b.count, forge_find(b, tag));
}

static void each_is_written_and_read_again(void **state)
{
    blob b = file_of_all();
    ae_model *model;
    (void)state;
    for (int t = 0; t < TAGS; t++)
        if (!length_of(b, tags[t])) fail_msg("no chunk %s", tags[t]);
    must(ae_model_load_memory(&model, b.bytes, b.count));
    assert_true(has_image(model, (image){b.bytes, b.count}));
    ae_model_free(model);
    free(b.bytes);
}

static void none_is_written_without_cause(void **state)
{
    ae_model *model = recipe_model(&small);
    float *x = drawn(N * DIM);
    (void)state;
    train_to(model, x, N, 2);
    image i = image_of(model);
    for (int t = 0; t < TAGS; t++)
        assert_int_equal(length_of((blob){i.bytes, i.count}, tags[t]), 0);
    ae_model_free(model);
    free(i.bytes);
    free(x);
}

typedef struct fault {
    const char *tag;
    size_t at, bytes; /* of the payload */
    uint64_t value;
    int32_t status;
} fault;

#define INFINITE UINT64_C(0x7FF0000000000000)

/* docs/format.md, section 7 */
static const fault faults[] = {
    {"data", 0, 4, 0, AE_ERR_FORMAT},
    {"plat", 0, 8, INFINITE, AE_ERR_FORMAT},                      /* lowest loss */
    {"plat", 8, 8, (UINT64_C(1) << 53) + 1, AE_ERR_FORMAT},       /* epochs waited */
    {"plat", 16, 8, UINT64_C(0xBFF0000000000000), AE_ERR_FORMAT}, /* a factor of -1 */
    {"plat", 16, 8, UINT64_C(0x4000000000000000), AE_ERR_FORMAT}, /* of 2 */
    {"best", 0, 8, INFINITE, AE_ERR_FORMAT},                      /* lowest loss */
    {"best", 8, 8, 0, AE_ERR_FORMAT},                             /* its epoch */
    {"best", 8, 8, 3, AE_ERR_FORMAT},                             /* that is not over */
    {"best", 16, 8, 2, AE_ERR_FORMAT},                            /* epochs waited */
    {"best", 28, 4, 2, AE_ERR_FORMAT},                            /* restored */
    {"best", 32, 4, 2, AE_ERR_FORMAT},                            /* arrays: 3 are there */
    {"best", 32, 4, 4, AE_ERR_FORMAT},
    {"best", 32, 4, UINT32_MAX, AE_ERR_FORMAT},
    {"best", 36, 4, UINT64_C(0x7FC00000), AE_ERR_NONFINITE},
    {"onli", 0, 8, 0, AE_ERR_FORMAT},
    {"onli", 0, 8, 1000, AE_ERR_FORMAT}, /* more than all steps */
    {"onli", 8, 8, INFINITE, AE_ERR_FORMAT},
    {"grad", 0, 8, 0, AE_ERR_FORMAT},
    {"grad", 0, 8, N + 1, AE_ERR_FORMAT},
    {"grad", 8, 8, INFINITE, AE_ERR_FORMAT}, /* weight of the rows */
    {"grad", 8, 8, UINT64_C(0xBFF0000000000000), AE_ERR_FORMAT},
    {"grad", 16, 4, UINT64_C(0x7F800000), AE_ERR_NONFINITE},
};

static void what_cannot_be_is_refused(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof faults / sizeof *faults; i++) {
        const fault *f = &faults[i];
        blob b = file_of_all();
        forge_put(b.bytes + forge_find(b, f->tag) + 12 + f->at, f->bytes, f->value);
        forge_seal(b.bytes, b.count);
        int32_t status = load(b);
        if (status != f->status)
            fail_msg("%s at %d: %s", f->tag, (int)f->at, ae_status_text(status));
        free(b.bytes);
    }
}

static void chunk_of_another_length_or_place_is_refused(void **state)
{
    (void)state;
    for (int t = 0; t < TAGS; t++) {
        blob b = file_of_all();
        size_t at = forge_find(b, tags[t]), n = length_of(b, tags[t]);
        for (size_t keep = 0; keep < n - FRAME; keep += 1 + keep / 8) { /* shorter */
            blob cut = forge_remove(blob_of(b.bytes, b.count), tags[t]);
            cut = forge_insert(cut, at, tags[t], b.bytes + at + 12, keep);
            assert_int_equal(load(cut), AE_ERR_FORMAT);
            free(cut.bytes);
        }
        blob twice =
            forge_insert(blob_of(b.bytes, b.count), at, tags[t], b.bytes + at + 12, n - FRAME);
        assert_int_equal(load(twice), AE_ERR_FORMAT);
        blob without = forge_remove(forge_remove(b, "trnd"), "stat");
        assert_int_equal(load(without), AE_ERR_FORMAT);
        free(twice.bytes);
        free(without.bytes);
    }
}

/* Anything else may be left out, and what is left goes on. */
static void file_without_one_is_sound(void **state)
{
    (void)state;
    for (int t = 0; t < TAGS; t++) {
        blob b = forge_remove(file_of_all(), tags[t]);
        must(load(b));
        free(b.bytes);
    }
}

static void drawn_damage_is_refused_or_sound(void **state)
{
    blob b = file_of_all();
    (void)state;
    size_t begin = forge_find(b, "trnd");
    for (int i = 0; i < 4000; i++) {
        blob damaged = blob_of(b.bytes, b.count);
        for (uint64_t j = 0; j <= draw_bits() % 3; j++)
            damaged.bytes[begin + draw_bits() % (b.count - begin)] = (uint8_t)draw_bits();
        forge_seal(damaged.bytes, damaged.count);
        load(damaged);
        free(damaged.bytes);
    }
    free(b.bytes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_is_written_and_read_again),
        cmocka_unit_test(none_is_written_without_cause),
        cmocka_unit_test(what_cannot_be_is_refused),
        cmocka_unit_test(chunk_of_another_length_or_place_is_refused),
        cmocka_unit_test(file_without_one_is_sound),
        cmocka_unit_test(drawn_damage_is_refused_or_sound),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
