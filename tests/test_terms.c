/* Sparsity and normal likelihoods through ae.h, against closed forms of what the model gives out. Drawn codes
 * are in test_variational.c. */
#include "test_fit.h"

enum { DIM = 9, EXAMPLES = 50, MANY = 2500 /* more than are taken at a time */ };

/* ---- the mean activation ---- */

enum { HIDDEN = 6 };

/* A sigmoid layer, with a penalty on its means or, for weight 0, without. */
static ae_model *sparse_model(double weight, double target, double learning_rate)
{
    ae_config *config;
    must(ae_config_create(&config));
    must(ae_config_input(config, DIM));
    must(ae_config_dense(config, HIDDEN, AE_ACT_SIGMOID));
    must(ae_config_code(config));
    if (weight > 0) {
        must(ae_config_penalty(config, AE_PENALTY_KL_SPARSITY, weight));
        must(ae_config_set_f64(config, AE_PARAM_TARGET, target));
    }
    must(ae_config_dense(config, DIM, AE_ACT_LINEAR));
    must(ae_config_loss(config, AE_LOSS_MSE));
    must(ae_config_set_f64(config, AE_PARAM_LEARNING_RATE, learning_rate));
    must(ae_config_set_i64(config, AE_PARAM_BATCH, MANY));
    return model_of(config);
}

static void mean_code(ae_model *model, const float *x, int64_t rows, double means[HIDDEN])
{
    float *code = drawn(rows * HIDDEN);
    must(ae_encode(model, x, rows, code, (size_t)rows * HIDDEN));
    memset(means, 0, HIDDEN * sizeof *means);
    for (int64_t i = 0; i < rows * HIDDEN; i++) means[i % HIDDEN] += (double)code[i] / (double)rows;
    free(code);
}

static double sparsity_of(ae_model *model, const float *x, int64_t rows, double r)
{
    double means[HIDDEN], sum = 0;
    mean_code(model, x, rows, means);
    for (size_t j = 0; j < HIDDEN; j++)
        sum += r * log(r / means[j]) + (1 - r) * log((1 - r) / (1 - means[j]));
    return sum;
}

static double evaluated(ae_model *model, const float *x, int64_t rows)
{
    double loss;
    must(ae_evaluate(model, x, NULL, rows, &loss));
    return loss;
}

/* Its value is that of all rows together, whatever number is taken at a time; rows that stand twice
 * change nothing. */
static void sparsity_is_one_value_of_all_rows(void **state)
{
    const int64_t rows[] = {1, 50, MANY};
    float *x = drawn(2 * MANY * DIM);
    ae_model *with = sparse_model(0.5, 0.125, 0), *without = sparse_model(0, 0, 0);
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const double want =
            evaluated(without, x, rows[i]) + 0.5 * sparsity_of(without, x, rows[i], 0.125);
        assert_near(evaluated(with, x, rows[i]), want, 1e-6 * want);
    }
    const double once = evaluated(with, x, MANY), half = evaluated(with, x, MANY / 2);
    memcpy(x + MANY * DIM, x, MANY * DIM * sizeof *x);
    assert_near(evaluated(with, x, 2 * MANY), once, 1e-12 * once);
    const double other = evaluated(with, x + MANY / 2 * DIM, MANY / 2);
    assert_true(once <
                (half + other) / 2); /* the divergence is convex in the means, and so is MSE */
    ae_model_free(with);
    ae_model_free(without);
    free(x);
}

static void scores_leave_the_sparsity_out(void **state)
{
    float *x = drawn(EXAMPLES * DIM), scores[2][EXAMPLES];
    ae_model *models[] = {sparse_model(0.5, 0.125, 0), sparse_model(0, 0, 0)};
    (void)state;
    for (size_t i = 0; i < 2; i++) {
        must(ae_score(models[i], x, EXAMPLES, scores[i], EXAMPLES));
        ae_model_free(models[i]);
    }
    assert_memory_equal(scores[0], scores[1], sizeof scores[0]);
    free(x);
}

static void sparse_training_brings_every_mean_to_its_target(void **state)
{
    const double target = 0.1;
    float *x = drawn(MANY * DIM);
    double means[HIDDEN];
    ae_model *model = sparse_model(10, target, 0.05);
    (void)state;
    mean_code(model, x, MANY, means);
    for (size_t j = 0; j < HIDDEN; j++) assert_true(means[j] > 0.2);
    train_to(model, x, MANY, 200);
    mean_code(model, x, MANY, means);
    for (size_t j = 0; j < HIDDEN; j++) assert_near(means[j], target, 0.01);
    ae_model_free(model);
    free(x);
}

/* With one step an epoch, and none that moves, training reports what evaluation does. */
static void training_reports_the_sparsity_of_the_batch(void **state)
{
    float *x = drawn(MANY * DIM);
    ae_model *model = sparse_model(2, 0.3, 0);
    (void)state;
    train_to(model, x, MANY, 1);
    assert_near(last_of(model, AE_METRIC_LOSS), evaluated(model, x, MANY), 1e-9);
    assert_near(last_of(model, AE_METRIC_TERM), sparsity_of(model, x, MANY, 0.3), 1e-6);
    ae_model_free(model);
    free(x);
}

/* ---- normal likelihoods ---- */

static ae_model *normal_model(int32_t kind, int32_t act, double variance)
{
    ae_config *config;
    must(ae_config_create(&config));
    must(ae_config_input(config, DIM));
    must(ae_config_dense(config, HIDDEN, AE_ACT_TANH));
    must(ae_config_code(config));
    must(ae_config_dense(config, DIM, act));
    must(ae_config_loss(config, AE_LOSS_GAUSSIAN_NLL));
    must(ae_config_set_i64(config, AE_PARAM_VARIANCE_KIND, kind));
    must(ae_config_set_f64(config, AE_PARAM_VARIANCE, variance));
    return model_of(config);
}

static double nll_of(const float *y, const float *t, const double *log_v)
{
    double sum = 0;
    for (size_t j = 0; j < DIM; j++) {
        const double r = (double)y[j] - (double)t[j];
        sum += (r * r / exp(log_v[j]) + log_v[j] + log(2 * acos(-1))) / 2;
    }
    return sum;
}

static void compare_scores(ae_model *model, const float *x, const double *log_v)
{
    float *y = drawn(EXAMPLES * DIM), *scores = drawn(EXAMPLES);
    double sum = 0;
    must(ae_reconstruct(model, x, EXAMPLES, y, EXAMPLES * DIM));
    must(ae_score(model, x, EXAMPLES, scores, EXAMPLES));
    for (size_t i = 0; i < EXAMPLES; i++) {
        const double want = nll_of(y + i * DIM, x + i * DIM, log_v);
        sum += want / EXAMPLES;
        assert_near((double)scores[i], want, 1e-5 * (1 + fabs(want)));
    }
    assert_near(evaluated(model, x, EXAMPLES), sum, 1e-5 * (1 + fabs(sum)));
    free(y);
    free(scores);
}

static void normal_likelihood_is_the_log_density(void **state)
{
    const int32_t acts[] = {AE_ACT_LINEAR, AE_ACT_SIGMOID};
    float *x = drawn(EXAMPLES * DIM);
    (void)state;
    for (int32_t i = 0; i < 3 * 2; i++) {
        const int32_t kind = i / 2;
        const size_t count = kind == AE_VARIANCE_FEATURE ? DIM : 1;
        ae_model *model = normal_model(kind, acts[i % 2], 0.125);
        float values[DIM];
        double log_v[DIM];
        for (size_t j = 0; j < DIM; j++) log_v[j] = log(0.125);
        compare_scores(model, x, log_v);
        if (kind != AE_VARIANCE_FIXED) { /* layer 2 is the loss */
            must(ae_model_weights_get(model, 2, "log_variance", values, count));
            assert_near((double)values[0], 20 * atanh(log(0.125) / 20), 1e-6);
            for (size_t j = 0; j < count; j++) values[j] = (float)j - 3;
            must(ae_model_weights_set(model, 2, "log_variance", values, count));
            for (size_t j = 0; j < DIM; j++)
                log_v[j] = 20 * tanh((double)values[count == 1 ? 0 : j] / 20);
            compare_scores(model, x, log_v);
        }
        ae_model_free(model);
    }
    free(x);
}

/* With the output held at 0 the best variance of a feature is the mean of its squares. */
static void learned_variances_are_the_mean_squares(void **state)
{
    float *x = drawn(EXAMPLES * DIM), zeros[HIDDEN * DIM] = {0}, got[DIM];
    (void)state;
    for (int32_t kind = AE_VARIANCE_GLOBAL; kind <= AE_VARIANCE_FEATURE; kind++) {
        ae_model *model = normal_model(kind, AE_ACT_LINEAR, 1);
        const size_t count = kind == AE_VARIANCE_GLOBAL ? 1 : DIM;
        double squares[DIM] = {0};
        for (size_t i = 0; i < EXAMPLES * DIM; i++)
            squares[count == 1 ? 0 : i % DIM] +=
                (double)x[i] * (double)x[i] * (double)count / (EXAMPLES * DIM);
        for (int64_t epoch = 1; epoch <= 1500; epoch++) {
            must(ae_model_weights_set(model, 1, "kernel", zeros, HIDDEN * DIM));
            must(ae_model_weights_set(model, 1, "bias", zeros, DIM));
            must(ae_model_set_f64(model, AE_PARAM_LEARNING_RATE, epoch < 1000 ? 0.01 : 0.001));
            train_to(model, x, EXAMPLES, epoch);
        }
        must(ae_model_weights_get(model, 2, "log_variance", got, count));
        for (size_t j = 0; j < count; j++)
            assert_near(20 * tanh((double)got[j] / 20), log(squares[j]), 1e-3);
        ae_model_free(model);
    }
    free(x);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sparsity_is_one_value_of_all_rows),
        cmocka_unit_test(scores_leave_the_sparsity_out),
        cmocka_unit_test(sparse_training_brings_every_mean_to_its_target),
        cmocka_unit_test(training_reports_the_sparsity_of_the_batch),
        cmocka_unit_test(normal_likelihood_is_the_log_density),
        cmocka_unit_test(learned_variances_are_the_mean_squares),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
