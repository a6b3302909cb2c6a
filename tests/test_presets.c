/* Presets: each gives the bytes of the model that the builders give, and the builders' refusals. */
#include "test_api.h"

#include <math.h>

enum { IN = 6, HIDDEN = 5, INNER = 4, DRAWN = 3, CLASSES = 2, FILE_CAP = 1 << 16 };

static const int64_t two[] = {HIDDEN, INNER};

/* A loss, and the last activation that goes with it. */
typedef struct ending {
    int32_t loss, act;
} ending;

static const ending endings[] = {
    {AE_LOSS_MSE, AE_ACT_LINEAR},
    {AE_LOSS_BCE, AE_ACT_SIGMOID},
    {AE_LOSS_MAE, AE_ACT_LINEAR},
    {AE_LOSS_HUBER, AE_ACT_LINEAR},
    {AE_LOSS_BERNOULLI_NLL, AE_ACT_SIGMOID},
    {AE_LOSS_GAUSSIAN_NLL, AE_ACT_LINEAR},
};

enum { ENDINGS = sizeof endings / sizeof *endings };

/* ---- by preset, and by hand; act: of the last layer ---- */

static int32_t vanilla(ae_config *config, int32_t loss)
{
    return ae_preset_vanilla(config, IN, DRAWN, loss);
}

static void vanilla_by_hand(ae_config *config, int32_t loss, int32_t act)
{
    must(ae_config_input(config, IN));
    must(ae_config_dense(config, DRAWN, AE_ACT_RELU));
    must(ae_config_code(config));
    must(ae_config_dense(config, IN, act));
    must(ae_config_loss(config, loss));
}

static int32_t deep(ae_config *config, int32_t loss)
{
    return ae_preset_deep(config, IN, two, 2, DRAWN, loss);
}

static void deep_by_hand(ae_config *config, int32_t loss, int32_t act)
{
    must(ae_config_input(config, IN));
    must(ae_config_dense(config, HIDDEN, AE_ACT_RELU));
    must(ae_config_dense(config, INNER, AE_ACT_RELU));
    must(ae_config_dense(config, DRAWN, AE_ACT_LINEAR));
    must(ae_config_code(config));
    must(ae_config_dense(config, INNER, AE_ACT_RELU));
    must(ae_config_dense(config, HIDDEN, AE_ACT_RELU));
    must(ae_config_dense(config, IN, act));
    must(ae_config_loss(config, loss));
}

static int32_t shallow(ae_config *config, int32_t loss)
{
    return ae_preset_deep(config, IN, NULL, 0, DRAWN, loss);
}

static void shallow_by_hand(ae_config *config, int32_t loss, int32_t act)
{
    must(ae_config_input(config, IN));
    must(ae_config_dense(config, DRAWN, AE_ACT_LINEAR));
    must(ae_config_code(config));
    must(ae_config_dense(config, IN, act));
    must(ae_config_loss(config, loss));
}

static int32_t denoising(ae_config *config, int32_t loss)
{
    return ae_preset_denoising(config, IN, DRAWN, AE_NOISE_GAUSSIAN, 0.5, loss);
}

static void denoising_by_hand(ae_config *config, int32_t loss, int32_t act)
{
    must(ae_config_input(config, IN));
    must(ae_config_corrupt(config, AE_NOISE_GAUSSIAN, 0.5));
    if (loss == AE_LOSS_BCE || loss == AE_LOSS_BERNOULLI_NLL) {
        must(ae_config_set_f64(config, AE_PARAM_CLIP_LOW, 0));
        must(ae_config_set_f64(config, AE_PARAM_CLIP_HIGH, 1));
    }
    must(ae_config_dense(config, DRAWN, AE_ACT_RELU));
    must(ae_config_code(config));
    must(ae_config_dense(config, IN, act));
    must(ae_config_loss(config, loss));
}

static int32_t sparse(ae_config *config, int32_t loss)
{
    return ae_preset_sparse(config, IN, DRAWN, 0.25, loss);
}

static void sparse_by_hand(ae_config *config, int32_t loss, int32_t act)
{
    must(ae_config_input(config, IN));
    must(ae_config_dense(config, DRAWN, AE_ACT_RELU));
    must(ae_config_code(config));
    must(ae_config_penalty(config, AE_PENALTY_L1, 0.25));
    must(ae_config_dense(config, IN, act));
    must(ae_config_loss(config, loss));
}

static int32_t topk(ae_config *config, int32_t loss)
{
    return ae_preset_topk(config, IN, DRAWN, 2, loss);
}

static void topk_by_hand(ae_config *config, int32_t loss, int32_t act)
{
    must(ae_config_input(config, IN));
    must(ae_config_dense(config, DRAWN, AE_ACT_LINEAR));
    must(ae_config_topk(config, 2));
    must(ae_config_code(config));
    must(ae_config_dense(config, IN, act));
    must(ae_config_loss(config, loss));
}

static int32_t variational(ae_config *config, int32_t loss)
{
    return ae_preset_variational(config, IN, HIDDEN, DRAWN, loss);
}

static void variational_by_hand(ae_config *config, int32_t loss, int32_t act)
{
    must(ae_config_input(config, IN));
    must(ae_config_dense(config, HIDDEN, AE_ACT_RELU));
    must(ae_config_dense(config, 2 * DRAWN, AE_ACT_LINEAR));
    must(ae_config_gaussian(config));
    must(ae_config_loss(config, loss));
    if (loss == AE_LOSS_GAUSSIAN_NLL)
        must(ae_config_set_i64(config, AE_PARAM_VARIANCE_KIND, AE_VARIANCE_GLOBAL));
    must(ae_config_penalty(config, AE_PENALTY_KL, 1));
    must(ae_config_code(config));
    must(ae_config_dense(config, HIDDEN, AE_ACT_RELU));
    must(ae_config_dense(config, IN, act));
}

static int32_t conditional(ae_config *config, int32_t loss)
{
    return ae_preset_conditional(config, IN, CLASSES, HIDDEN, DRAWN, loss);
}

static void conditional_by_hand(ae_config *config, int32_t loss, int32_t act)
{
    must(ae_config_input(config, IN));
    must(ae_config_concat(config, CLASSES));
    must(ae_config_set_i64(config, AE_PARAM_LABEL, 1));
    must(ae_config_dense(config, HIDDEN, AE_ACT_RELU));
    must(ae_config_dense(config, 2 * DRAWN, AE_ACT_LINEAR));
    must(ae_config_gaussian(config));
    must(ae_config_loss(config, loss));
    if (loss == AE_LOSS_GAUSSIAN_NLL)
        must(ae_config_set_i64(config, AE_PARAM_VARIANCE_KIND, AE_VARIANCE_GLOBAL));
    must(ae_config_penalty(config, AE_PENALTY_KL, 1));
    must(ae_config_code(config));
    must(ae_config_concat(config, CLASSES));
    must(ae_config_set_i64(config, AE_PARAM_LABEL, 1));
    must(ae_config_dense(config, HIDDEN, AE_ACT_RELU));
    must(ae_config_dense(config, IN, act));
}

static const struct pair {
    int32_t (*preset)(ae_config *config, int32_t loss);
    void (*by_hand)(ae_config *config, int32_t loss, int32_t act);
} pairs[] = {
    {vanilla, vanilla_by_hand},         {deep, deep_by_hand},
    {shallow, shallow_by_hand},         {denoising, denoising_by_hand},
    {sparse, sparse_by_hand},           {topk, topk_by_hand},
    {variational, variational_by_hand}, {conditional, conditional_by_hand},
};

enum { PAIRS = sizeof pairs / sizeof *pairs };

static ae_config *fresh(void)
{
    ae_config *config;
    must(ae_config_create(&config));
    return config;
}

/* The file of the config's model; the config is freed. */
static size_t file_of(ae_config *config, uint8_t *bytes)
{
    size_t count;
    ae_model *model = model_of(config);
    must(ae_model_save_memory(model, bytes, FILE_CAP, &count));
    ae_model_free(model);
    return count;
}

static void preset_has_the_bytes_of_its_calls(void **state)
{
    static uint8_t got[FILE_CAP], wanted[FILE_CAP];
    (void)state;
    for (const struct pair *p = pairs; p < pairs + PAIRS; p++) {
        for (const ending *e = endings; e < endings + ENDINGS; e++) {
            ae_config *config = fresh();
            must(p->preset(config, e->loss));
            const size_t count = file_of(config, got);
            config = fresh();
            p->by_hand(config, e->loss, e->act);
            if (count != file_of(config, wanted) || memcmp(got, wanted, count) != 0)
                fail_msg("preset %d, loss %d: other bytes", (int)(p - pairs), (int)e->loss);
        }
    }
}

static void what_is_set_around_a_preset_stays(void **state)
{
    ae_config *config = fresh();
    double rate;
    int64_t batch;
    (void)state;
    must(ae_config_set_f64(config, AE_PARAM_LEARNING_RATE, 0.5));
    must(vanilla(config, AE_LOSS_MSE));
    must(ae_config_set_i64(config, AE_PARAM_BATCH, 7));
    ae_model *model = model_of(config);
    must(ae_model_get_f64(model, AE_PARAM_LEARNING_RATE, &rate));
    must(ae_model_get_i64(model, AE_PARAM_BATCH, &batch));
    assert_true(rate == 0.5 && batch == 7);
    ae_model_free(model);
}

static void penalty_of_a_drawn_code_can_be_set_next(void **state)
{
    const struct pair *drawn = &pairs[PAIRS - 2];
    double weight;
    (void)state;
    for (const struct pair *p = drawn; p < pairs + PAIRS; p++) {
        ae_config *config = fresh();
        must(p->preset(config, AE_LOSS_BERNOULLI_NLL));
        must(ae_config_get_f64(config, AE_PARAM_WEIGHT, &weight));
        assert_true(weight == 1);
        must(ae_config_set_f64(config, AE_PARAM_WEIGHT, 4));
        must(ae_config_set_f64(config, AE_PARAM_WARMUP, 10));
        must(ae_config_set_f64(config, AE_PARAM_FREE_BITS, 0.5));
        ae_config_free(config);
    }
}

/* ---- refusals ---- */

static void check(const char *call, int32_t got, int32_t code, const char *says)
{
    if (got != code || !strstr(ae_last_error(), says))
        fail_msg("%s: %s (%s), wanted %s (...%s...)", call, ae_status_text(got), ae_last_error(),
                 ae_status_text(code), says);
}

/* A preset's call fails so, and so do the later calls. */
#define refused(code, says, preset, ...)                                                           \
    do {                                                                                           \
        ae_config *config_ = fresh();                                                              \
        ae_model *model_;                                                                          \
        check(#preset, preset(config_, __VA_ARGS__), AE_ERR_##code, says);                         \
        check("a later call", ae_config_code(config_), AE_ERR_##code, says);                       \
        check("create", ae_model_create(&model_, config_), AE_ERR_##code, says);                   \
        ae_config_free(config_);                                                                   \
    } while (0)

static void missing_config_is_named(void **state)
{
    const char *says = "config is NULL";
    (void)state;
    for (const struct pair *p = pairs; p < pairs + PAIRS; p++)
        check("preset", p->preset(NULL, AE_LOSS_MSE), AE_ERR_INVALID, says);
}

static void loss_that_is_none_is_refused(void **state)
{
    (void)state;
    for (const struct pair *p = pairs; p < pairs + PAIRS; p++) {
        refused(INVALID, "loss: there is no kind 99", p->preset, 99);
        refused(INVALID, "there is no kind -1", p->preset, AE_LOSS_UNSET);
        refused(INVALID, "there is no kind 100", p->preset, AE_PENALTY_L1);
    }
}

static void config_that_has_an_input_is_refused(void **state)
{
    (void)state;
    for (const struct pair *p = pairs; p < pairs + PAIRS; p++) {
        ae_config *config = fresh();
        must(ae_config_input(config, IN));
        check("preset", p->preset(config, AE_LOSS_MSE), AE_ERR_STATE, "input: set before");
        check("again", p->preset(config, AE_LOSS_MSE), AE_ERR_STATE, "input: set before");
        ae_config_free(config);
    }
}

static void size_out_of_bounds_is_refused(void **state)
{
    static const int64_t zero[] = {HIDDEN, 0};
    static int64_t many[512];
    const int32_t mse = AE_LOSS_MSE;
    (void)state;
    for (size_t i = 0; i < 512; i++) many[i] = 1;
    refused(RANGE, "input: dimension is 0", ae_preset_vanilla, 0, DRAWN, mse);
    refused(RANGE, "dense #0: units is 0", ae_preset_vanilla, IN, 0, mse);
    refused(RANGE, "input: dimension is -1", ae_preset_deep, -1, two, 2, DRAWN, mse);
    refused(INVALID, "ae_preset_deep: hidden is NULL", ae_preset_deep, IN, NULL, 1, DRAWN, mse);
    refused(RANGE, "dense #1: units is 0", ae_preset_deep, IN, zero, 2, DRAWN, mse);
    refused(RANGE, "dense #2: units is -3", ae_preset_deep, IN, two, 2, -3, mse);
    refused(RANGE, "more than 1024 layers", ae_preset_deep, IN, many, 512, DRAWN, mse);
    refused(RANGE, "input: dimension is 0", ae_preset_denoising, 0, DRAWN, 1, 0.5, mse);
    refused(RANGE, "dense #1: units is 0", ae_preset_denoising, IN, 0, 1, 0.5, mse);
    refused(RANGE, "input: dimension is 0", ae_preset_sparse, 0, DRAWN, 1.0, mse);
    refused(RANGE, "dense #0: units is 0", ae_preset_sparse, IN, 0, 1.0, mse);
    refused(RANGE, "input: dimension is 0", ae_preset_topk, 0, DRAWN, 1, mse);
    refused(RANGE, "dense #0: units is 0", ae_preset_topk, IN, 0, 1, mse);
    refused(RANGE, "topk #1: k is 0", ae_preset_topk, IN, DRAWN, 0, mse);
    refused(RANGE, "input: dimension is 0", ae_preset_variational, 0, HIDDEN, DRAWN, mse);
    refused(RANGE, "dense #0: units is 0", ae_preset_variational, IN, 0, DRAWN, mse);
    refused(RANGE, "input: dimension is 0", ae_preset_conditional, 0, 2, HIDDEN, DRAWN, mse);
    refused(RANGE, "concat #0: side is 0", ae_preset_conditional, IN, 0, HIDDEN, DRAWN, mse);
    refused(RANGE, "dense #1: units is 0", ae_preset_conditional, IN, 2, 0, DRAWN, mse);
}

/* Twice a code, which must neither pass 2^24 nor wrap around. */
static void code_to_be_drawn_is_at_most_half_a_layer(void **state)
{
    static const int64_t codes[] = {INT64_MIN, INT64_MIN + 5,    -1,
                                    0,         (1 << 23) + 1,    1 << 24,
                                    INT32_MAX, INT64_C(1) << 62, INT64_MAX};
    ae_config *config = fresh();
    (void)state;
    for (size_t i = 0; i < sizeof codes / sizeof *codes; i++) {
        refused(RANGE, "dense #1: units is", ae_preset_variational, IN, HIDDEN, codes[i], 1);
        refused(RANGE, "dense #2: units is", ae_preset_conditional, IN, 2, HIDDEN, codes[i], 1);
    }
    must(ae_preset_variational(config, IN, HIDDEN, 1 << 23, AE_LOSS_MSE));
    ae_config_free(config);
}

static void noise_and_weight_are_checked(void **state)
{
    const int32_t mse = AE_LOSS_MSE, masking = AE_NOISE_MASKING;
    ae_config *config = fresh();
    ae_model *model;
    (void)state;
    refused(RANGE, "corrupt #0: noise is 0", ae_preset_denoising, IN, DRAWN, 0, 0.5, mse);
    refused(RANGE, "amount is -0.5", ae_preset_denoising, IN, DRAWN, masking, -0.5, mse);
    refused(RANGE, "amount is nan", ae_preset_denoising, IN, DRAWN, masking, (double)NAN, mse);
    refused(RANGE, "weight is 0", ae_preset_sparse, IN, DRAWN, 0.0, mse);
    refused(RANGE, "weight is -1", ae_preset_sparse, IN, DRAWN, -1.0, mse);
    must(ae_preset_denoising(config, IN, DRAWN, masking, 1, mse));
    check("create", ae_model_create(&model, config), AE_ERR_RANGE, "corrupt #0: amount is 1");
    ae_config_free(config);
}

/* The first failure is the one that is told. */
static void earlier_failure_is_kept(void **state)
{
    ae_config *config = fresh();
    (void)state;
    check("set", ae_config_set_i64(config, AE_PARAM_BATCH, 0), AE_ERR_RANGE, "batch is 0");
    for (const struct pair *p = pairs; p < pairs + PAIRS; p++)
        check("preset", p->preset(config, 99), AE_ERR_RANGE, "batch is 0");
    check("deep", ae_preset_deep(config, IN, NULL, 1, DRAWN, 99), AE_ERR_RANGE, "batch is 0");
    ae_config_free(config);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(preset_has_the_bytes_of_its_calls),
        cmocka_unit_test(what_is_set_around_a_preset_stays),
        cmocka_unit_test(penalty_of_a_drawn_code_can_be_set_next),
        cmocka_unit_test(missing_config_is_named),
        cmocka_unit_test(loss_that_is_none_is_refused),
        cmocka_unit_test(config_that_has_an_input_is_refused),
        cmocka_unit_test(size_out_of_bounds_is_refused),
        cmocka_unit_test(code_to_be_drawn_is_at_most_half_a_layer),
        cmocka_unit_test(noise_and_weight_are_checked),
        cmocka_unit_test(earlier_failure_is_kept),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
