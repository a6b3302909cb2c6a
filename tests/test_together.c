/* Scaling, gaps and weights at once: models on numbers as they are, against models on the same numbers
 * scaled by hand, with the same gaps. */
#include "test_fit.h"

#include <float.h>

enum { N = 600, DIM = 9, CODE_DIM = 3 };

static float x[N * DIM], row_weight[N], feature_weight[DIM];

/* Columns of different offset and size, a fifth of them gaps, and one row with nothing in it. */
static int draw_data(void **state)
{
    (void)state;
    for (int i = 0; i < N; i++) {
        const double z = draw_unit() - 0.5;
        for (int j = 0; j < DIM; j++) {
            const double v = (z + draw_unit()) * pow(10, j % 5 - 2) + (j % 3 - 1) * 50;
            x[i * DIM + j] = draw_unit() < 0.2 || i == 7 ? NAN : (float)v;
        }
        row_weight[i] = (float)(int)(3 * draw_unit());
    }
    for (int j = 0; j < DIM; j++) feature_weight[j] = (float)(1 + j % 3);
    return 0;
}

static ae_model *model_scaling(int32_t kind, int64_t weighs)
{
    ae_config *config;
    must(ae_config_create(&config));
    must(ae_config_input(config, DIM));
    must(ae_config_dense(config, CODE_DIM, AE_ACT_TANH));
    must(ae_config_code(config));
    must(ae_config_dense(config, DIM, AE_ACT_LINEAR));
    must(ae_config_loss(config, AE_LOSS_MSE));
    must(ae_config_set_i64(config, AE_PARAM_FEATURE_WEIGHTS, weighs));
    must(ae_config_set_i64(config, AE_PARAM_SCALING_INPUT, kind));
    must(ae_config_set_i64(config, AE_PARAM_MISSING, 1));
    must(ae_config_set_i64(config, AE_PARAM_BATCH, 64));
    ae_model *model = model_of(config);
    if (weighs) must(ae_model_weights_set(model, 2, "feature_weight", feature_weight, DIM));
    return model;
}

static ae_data *weighted(const float *rows)
{
    ae_data *data;
    must(ae_data_create(&data));
    must(ae_data_array(data, AE_DATA_X, AE_TYPE_F32, rows, N, DIM));
    must(ae_data_array(data, AE_DATA_WEIGHT, AE_TYPE_F32, row_weight, N, 1));
    return data;
}

static void scaling_is_fitted_to_what_is_there(void **state)
{
    double offset[DIM], scale[DIM];
    (void)state;
    ae_model *model = model_scaling(AE_SCALING_MIN_MAX, 0);
    must(ae_fit_scaling(model, x, NULL, N));
    must(ae_model_scaling_get(model, AE_DATA_X, offset, scale, DIM));
    for (int j = 0; j < DIM; j++) {
        double least = INFINITY, most = -INFINITY;
        for (int i = 0; i < N; i++) {
            least = fmin(least, (double)x[i * DIM + j]); /* which pass NaN over */
            most = fmax(most, (double)x[i * DIM + j]);
        }
        assert_true(offset[j] == least && scale[j] == most - least);
    }
    ae_model_free(model);
}

static void training_is_that_on_numbers_scaled_by_hand(void **state)
{
    static float by_hand[N * DIM], got[N], wanted[N];
    (void)state;
    for (int k = 0; k < 4; k++) {
        double offset[DIM], scale[DIM], a, b;
        ae_model *model = model_scaling(k % 2 ? AE_SCALING_STANDARD : AE_SCALING_MIN_MAX, k / 2);
        ae_model *plain = model_scaling(AE_SCALING_NONE, k / 2);
        ae_data *data = weighted(x), *scaled = weighted(by_hand);
        ae_fit_options *options = options_to(4);
        must(ae_fit_data(model, data, options));
        must(ae_model_scaling_get(model, AE_DATA_X, offset, scale, DIM));
        for (int i = 0; i < N * DIM; i++)
            by_hand[i] = (float)(((double)x[i] - offset[i % DIM]) * (1 / scale[i % DIM]));
        must(ae_fit_data(plain, scaled, options));
        assert_true(same_weights(model, plain));
        must(ae_evaluate_data(model, data, &a));
        must(ae_evaluate_data(plain, scaled, &b));
        assert_true(isfinite(a) && a == b);
        must(ae_score(model, x, N, got, N));
        must(ae_score(plain, by_hand, N, wanted, N));
        assert_memory_equal(got, wanted, sizeof got);
        assert_true(got[7] == 0); /* nothing is there */
        ae_fit_options_free(options);
        ae_data_free(data);
        ae_data_free(scaled);
        ae_model_free(model);
        ae_model_free(plain);
    }
}

/* Of a row the mean, by the weights of the features, over what is there. */
static void scores_in_the_callers_units_count_what_is_there(void **state)
{
    static float scores[N], out[N * DIM];
    (void)state;
    for (int64_t weighs = 0; weighs < 2; weighs++) {
        ae_model *model = model_scaling(AE_SCALING_STANDARD, weighs);
        ae_fit_options *options = options_to(2);
        must(ae_fit(model, x, NULL, N, options));
        must(ae_model_set_i64(model, AE_PARAM_RAW_SCORES, 1));
        must(ae_score(model, x, N, scores, N));
        must(ae_reconstruct(model, x, N, out, N * DIM));
        for (int i = 0; i < N; i++) {
            double sum = 0, weight = 0;
            for (int j = 0; j < DIM; j++) {
                const double d = (double)out[i * DIM + j] - (double)x[i * DIM + j];
                const double w = weighs ? (double)feature_weight[j] : 1;
                if (isnan(d)) continue;
                sum += w * d * d;
                weight += w;
            }
            const double want = weight > 0 ? sum / weight : 0;
            if (!(fabs(scores[i] - want) <= 1e-4 * want + 1e-6))
                fail_msg("row %d: %g, wanted %g", i, (double)scores[i], want);
        }
        ae_fit_options_free(options);
        ae_model_free(model);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(scaling_is_fitted_to_what_is_there),
        cmocka_unit_test(training_is_that_on_numbers_scaled_by_hand),
        cmocka_unit_test(scores_in_the_callers_units_count_what_is_there),
    };
    return cmocka_run_group_tests(tests, draw_data, NULL);
}
