/* Penalties through ae.h, against sums made here of what the model gives out. */
#include "test_fit.h"

enum { WIDE = 12, NARROW = 5, PENALISED = 40 };

typedef struct penalised {
    int32_t layer; /* whose output: 0 the code, 1 the last */
    int32_t act;   /* of that layer */
    double weight;
} penalised;

static const penalised cases[] = {
    {0, AE_ACT_RELU, 0.5},    {0, AE_ACT_LINEAR, 2}, {0, AE_ACT_TANH, 1e-3},
    {1, AE_ACT_LINEAR, 0.25}, {1, AE_ACT_TANH, 3},   {1, AE_ACT_SIGMOID, 1},
};

enum { CASES = sizeof cases / sizeof *cases };

/* WIDE - NARROW - WIDE under MSE, with the penalty or, for weight 0, without. */
static ae_config *config_with(const penalised *p, double weight)
{
    ae_config *config;
    must(ae_config_create(&config));
    must(ae_config_input(config, WIDE));
    must(ae_config_dense(config, NARROW, p->layer == 0 ? p->act : AE_ACT_TANH));
    must(ae_config_code(config));
    if (weight > 0 && p->layer == 0) must(ae_config_penalty(config, AE_PENALTY_L1, weight));
    must(ae_config_dense(config, WIDE, p->layer == 1 ? p->act : AE_ACT_LINEAR));
    if (weight > 0 && p->layer == 1) must(ae_config_penalty(config, AE_PENALTY_L1, weight));
    must(ae_config_loss(config, AE_LOSS_MSE));
    must(ae_config_set_f64(config, AE_PARAM_LEARNING_RATE, 0.01));
    must(ae_config_set_i64(config, AE_PARAM_SEED, 3));
    must(ae_config_set_i64(config, AE_PARAM_BATCH, PENALISED));
    must(ae_config_set_i64(config, AE_PARAM_SHUFFLE, AE_SHUFFLE_NONE));
    return config;
}

static ae_model *model_with(const penalised *p, double weight)
{
    return model_of(config_with(p, weight));
}

/* The same after one step of plain descent on these rows; the weights, to be freed, and their number. */
static float *stepped(const penalised *p, const float *x, int64_t rows, int64_t *count)
{
    ae_config *config = config_with(p, p->weight);
    must(ae_config_optimizer(config, AE_OPTIM_SGD));
    must(ae_config_set_f64(config, AE_PARAM_LEARNING_RATE, 0.1));
    ae_model *model = model_of(config);
    must(ae_fit_batch(model, x, NULL, rows, NULL));
    float *weights = weights_of(model);
    *count = ae_model_weights(model);
    ae_model_free(model);
    return weights;
}

static double evaluated(ae_model *model, const float *x, int64_t rows)
{
    double loss;
    must(ae_evaluate(model, x, NULL, rows, &loss));
    return loss;
}

/* The mean over rows of the sum of magnitudes of a layer's output. */
static double mean_magnitude(ae_model *model, int32_t layer, const float *x, int64_t rows)
{
    size_t count = (size_t)(rows * ae_model_layer_dim(model, layer));
    float *y = malloc(count * sizeof *y);
    double sum = 0;
    assert_non_null(y);
    must(ae_features(model, layer, x, rows, y, count));
    for (size_t i = 0; i < count; i++) sum += fabs((double)y[i]);
    free(y);
    return sum / (double)rows;
}

static void loss_is_the_plain_loss_and_the_weighted_mean_magnitude(void **state)
{
    float *x = drawn(PENALISED * WIDE);
    (void)state;
    for (const penalised *p = cases; p < cases + CASES; p++) {
        ae_model *with = model_with(p, p->weight), *without = model_with(p, 0);
        double want = evaluated(without, x, PENALISED) +
                      p->weight * mean_magnitude(without, p->layer, x, PENALISED);
        double got = evaluated(with, x, PENALISED);
        if (!(fabs(got - want) <= 1e-6 * want)) fail_msg("%.9g, wanted %.9g", got, want);
        ae_model_free(with);
        ae_model_free(without);
    }
    free(x);
}

/* Rows that stand twice change neither the mean nor, with it, the step. */
static void rows_twice_change_nothing(void **state)
{
    float *x = drawn(2 * PENALISED * WIDE);
    (void)state;
    memcpy(x + PENALISED * WIDE, x, PENALISED * WIDE * sizeof *x);
    for (const penalised *p = cases; p < cases + CASES; p++) {
        ae_model *model = model_with(p, p->weight);
        double once = evaluated(model, x, PENALISED), twice = evaluated(model, x, 2 * PENALISED);
        if (!(fabs(once - twice) <= 1e-12 * once)) fail_msg("%.17g, %.17g", once, twice);
        int64_t count;
        float *after = stepped(p, x, PENALISED, &count);
        float *after_twice = stepped(p, x, 2 * PENALISED, &count);
        for (int64_t i = 0; i < count; i++)
            assert_near((double)after_twice[i], (double)after[i], 1e-6);
        free(after);
        free(after_twice);
        ae_model_free(model);
    }
    free(x);
}

/* A strong penalty on a linear code shrinks it; without one it stays. */
static void penalty_shrinks_the_output_that_it_is_on(void **state)
{
    const penalised *p = &cases[1];
    float *x = drawn(PENALISED * WIDE);
    ae_model *with = model_with(p, p->weight), *without = model_with(p, 0);
    ae_fit_options *options;
    (void)state;
    must(ae_fit_options_create(&options));
    must(ae_fit_options_set_i64(options, AE_FIT_EPOCHS, 300));
    must(ae_fit(with, x, NULL, PENALISED, options));
    must(ae_fit(without, x, NULL, PENALISED, options));
    assert_true(mean_magnitude(with, 0, x, PENALISED) <
                0.1 * mean_magnitude(without, 0, x, PENALISED));
    ae_fit_options_free(options);
    ae_model_free(with);
    ae_model_free(without);
    free(x);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(loss_is_the_plain_loss_and_the_weighted_mean_magnitude),
        cmocka_unit_test(rows_twice_change_nothing),
        cmocka_unit_test(penalty_shrinks_the_output_that_it_is_on),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
