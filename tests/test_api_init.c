/* First weights: bounds and variance of each formula, zeros, seeds. */
#include "test_api.h"

#include <math.h>

enum { IN = 300, OUT = 200, WEIGHTS = IN * OUT };

static void draw_kernel(int64_t init, int64_t seed, float *kernel, float *bias)
{
    ae_config *config;
    must(ae_config_create(&config));
    must(ae_config_set_i64(config, AE_PARAM_SEED, seed));
    must(ae_config_input(config, IN));
    must(ae_config_dense(config, OUT, AE_ACT_LINEAR));
    must(ae_config_set_i64(config, AE_PARAM_INIT, init));
    must(ae_config_code(config));
    ae_model *model = model_of(config);
    must(ae_model_weights_get(model, 0, "kernel", kernel, WEIGHTS));
    must(ae_model_weights_get(model, 0, "bias", bias, OUT));
    ae_model_free(model);
}

typedef struct distribution {
    int64_t init;
    double variance;
    bool uniform;
} distribution;

/* Uniform in +-b: variance b^2/3. A normal cut at 2 deviations has the variance 1 - 4 phi(2) /
 * (2 Phi(2) - 1) = 0.7737 of the whole, so that its edges lie at 2 sqrt(variance / 0.7737).
 * The mean and variance of 60,000 draws stray by less than 5 of their own deviations. */
static void first_weights_have_the_bounds_and_variance_of_their_formula(void **state)
{
    static const distribution distributions[] = {
        {AE_INIT_GLOROT_UNIFORM, 2.0 / (IN + OUT), true},
        {AE_INIT_GLOROT_NORMAL, 2.0 / (IN + OUT), false},
        {AE_INIT_HE_UNIFORM, 2.0 / IN, true},
        {AE_INIT_HE_NORMAL, 2.0 / IN, false},
        {AE_INIT_LECUN_UNIFORM, 1.0 / IN, true},
        {AE_INIT_LECUN_NORMAL, 1.0 / IN, false},
    };
    static float kernel[WEIGHTS], bias[OUT];
    (void)state;
    for (const distribution *d = distributions; d < distributions + 6; d++) {
        double edge = sqrt(d->variance * (d->uniform ? 3 : 4 / 0.77374130));
        double sum = 0, squares = 0, largest = 0;
        draw_kernel(d->init, 7, kernel, bias);
        for (int i = 0; i < WEIGHTS; i++) {
            sum += (double)kernel[i];
            squares += (double)kernel[i] * (double)kernel[i];
            largest = fmax(largest, fabs((double)kernel[i]));
        }
        double mean = sum / WEIGHTS, ratio = squares / WEIGHTS / d->variance;
        if (!(fabs(mean) <= 5 * sqrt(d->variance / WEIGHTS) &&
              fabs(ratio - 1) <= 5 * sqrt(1.0 / WEIGHTS) && largest <= edge * (1 + 1e-6) &&
              largest >= 0.99 * edge))
            fail_msg("init %d: mean %g, variance %g of the formula's, largest %g of %g",
                     (int)d->init, mean, ratio, largest, edge);
        for (int i = 0; i < OUT; i++) assert_true(bias[i] == 0);
    }
}

static void zeros_are_zeros(void **state)
{
    static float kernel[WEIGHTS], bias[OUT];
    (void)state;
    draw_kernel(AE_INIT_ZEROS, 0, kernel, bias);
    for (int i = 0; i < WEIGHTS; i++) assert_true(kernel[i] == 0);
}

static void seed_decides_the_first_weights(void **state)
{
    static float kernels[3][WEIGHTS], bias[OUT];
    int same = 0;
    (void)state;
    draw_kernel(AE_INIT_GLOROT_UNIFORM, 1, kernels[0], bias);
    draw_kernel(AE_INIT_GLOROT_UNIFORM, 1, kernels[1], bias);
    draw_kernel(AE_INIT_GLOROT_UNIFORM, INT64_C(1) << 40, kernels[2], bias);
    assert_memory_equal(kernels[0], kernels[1], sizeof kernels[0]);
    for (int i = 0; i < WEIGHTS; i++) same += kernels[0][i] == kernels[2][i];
    assert_in_range(same, 0, 10);
}

static void layers_of_one_shape_begin_differently(void **state)
{
    float kernels[2][INPUTS * INPUTS];
    ae_config *config;
    (void)state;
    must(ae_config_create(&config));
    must(ae_config_input(config, INPUTS));
    for (int i = 0; i < 2; i++) must(ae_config_dense(config, INPUTS, AE_ACT_RELU));
    must(ae_config_code(config));
    ae_model *model = model_of(config);
    for (int32_t i = 0; i < 2; i++)
        must(ae_model_weights_get(model, i, "kernel", kernels[i], INPUTS * INPUTS));
    for (int i = 0; i < INPUTS * INPUTS; i++) assert_true(kernels[0][i] != kernels[1][i]);
    ae_model_free(model);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(first_weights_have_the_bounds_and_variance_of_their_formula),
        cmocka_unit_test(zeros_are_zeros),
        cmocka_unit_test(seed_decides_the_first_weights),
        cmocka_unit_test(layers_of_one_shape_begin_differently),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
