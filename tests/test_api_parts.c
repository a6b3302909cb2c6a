/* The parts of a loss: what a model tells of its losses and penalties, and how their values add up. */
#include "test_api.h"

/* 4 - 3 classes - 2 drawn (code) - 3 classes - 4, with a variance a feature that is learned. */
static ae_model *told_model(double variance, double weight)
{
    ae_config *config;
    must(ae_config_create(&config));
    must(ae_config_input(config, INPUTS));
    must(ae_config_concat_label(config, 3));
    must(ae_config_dense(config, 2 * CODE, AE_ACT_LINEAR));
    must(ae_config_gaussian(config));
    must(ae_config_set_i64(config, AE_PARAM_SAMPLES, 5));
    must(ae_config_penalty(config, AE_PENALTY_KL, weight));
    must(ae_config_code(config));
    must(ae_config_concat_label(config, 3));
    must(ae_config_dense(config, INPUTS, AE_ACT_LINEAR));
    must(ae_config_set_i64(config, AE_PARAM_INIT, AE_INIT_ZEROS));
    must(ae_config_loss(config, AE_LOSS_GAUSSIAN_NLL));
    must(ae_config_set_f64(config, AE_PARAM_VARIANCE, variance));
    must(ae_config_set_i64(config, AE_PARAM_VARIANCE_KIND, AE_VARIANCE_FEATURE));
    return model_of(config);
}

static ae_data *told_rows(void)
{
    static const uint8_t classes[ROWS] = {2, 0, 1};
    ae_data *data;
    must(ae_data_create(&data));
    must(ae_data_array(data, AE_DATA_X, AE_TYPE_F32, x_rows, ROWS, INPUTS));
    must(ae_data_array(data, AE_DATA_SIDE, AE_TYPE_U8, classes, ROWS, 1));
    return data;
}

/* ---- what a model tells of them ---- */

static void summary_tells_what_layers_and_losses_are_made_of(void **state)
{
    static const char *const words[] = {"concat ",   "side 3, label 1",       "gaussian ",
                                        "samples 5", "loss kl: weight 0.5",   "warmup 0",
                                        "layer 2",   "variance_kind feature", "bound elbo"};
    ae_model *model = told_model(1, 0.5);
    char text[4096];
    (void)state;
    must(ae_model_summary(model, text, sizeof text, NULL));
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (!strstr(text, words[i])) fail_msg("no \"%s\" in\n%s", words[i], text);
    ae_model_free(model);
}

static void losses_count_on_after_the_layers(void **state)
{
    ae_model *model = told_model(0.25, 1);
    const char *name;
    int32_t layer;
    int64_t rows, cols;
    float learned[INPUTS];
    (void)state;
    assert_int_equal(ae_model_layers(model), 5);
    assert_int_equal(ae_model_terms(model), 2);
    must(ae_model_weights_at(model, 4, &layer, &name, &rows, &cols));
    assert_int_equal(layer, 6); /* the second loss */
    assert_string_equal(name, "log_variance");
    assert_int_equal(rows, 1);
    assert_int_equal(cols, INPUTS);
    must(ae_model_weights_get(model, 6, "log_variance", learned, INPUTS));
    for (int i = 0; i < INPUTS; i++) /* log v = 20 tanh(a / 20) */
        assert_near(20 * tanh((double)learned[i] / 20), log(0.25), 1e-6);
    ae_model_free(model);
}

/* ---- their sum ---- */

/* 2 - 2 linear with the identity as kernel, of the losses that the caller added. */
static ae_model *identity_with(ae_config *config)
{
    const float identity[] = {1, 0, 0, 1};
    must(ae_config_input(config, 2));
    must(ae_config_dense(config, 2, AE_ACT_LINEAR));
    must(ae_config_code(config));
    ae_model *model = model_of(config);
    must(ae_model_weights_set(model, 0, "kernel", identity, 4));
    return model;
}

static void losses_add_up_with_their_weights(void **state)
{
    const float x[] = {1, 2, 3, 4}, y[] = {1, 0, 0, 4}; /* 1/2 sum (x - y)^2: 2 and 4.5 */
    float scores[2];
    double loss;
    ae_config *config;
    ae_data *data;
    (void)state;
    must(ae_config_create(&config));
    must(ae_config_loss(config, AE_LOSS_MSE));
    must(ae_config_set_f64(config, AE_PARAM_WEIGHT, 0.5));
    must(ae_config_loss(config, AE_LOSS_MSE));
    must(ae_config_set_f64(config, AE_PARAM_WEIGHT, 2));
    ae_model *model = identity_with(config);
    must(ae_data_create(&data));
    must(ae_data_array(data, AE_DATA_X, AE_TYPE_F32, x, 2, 2));
    must(ae_data_array(data, AE_DATA_Y, AE_TYPE_F32, y, 2, 2));
    must(ae_score_data(model, data, scores, 2));
    assert_true(scores[0] == 2.5f * 2 && scores[1] == 2.5f * 4.5f);
    must(ae_evaluate(model, x, y, 2, &loss));
    assert_true(loss == 2.5 * 3.25);
    ae_data_free(data);
    ae_model_free(model);
}

static double in_history(const ae_model *model, int32_t metric, size_t epoch)
{
    double values[8];
    must(ae_model_history(model, metric, values, 8, NULL));
    return values[epoch];
}

static int32_t check_parts(const ae_event *event, void *user)
{
    int *events = user;
    assert_int_equal(event->n_terms, 2);
    assert_near(event->terms[0] / 2 + event->terms[1], event->loss, 1e-9);
    assert_true((event->val_terms != NULL) == !isnan(event->val_loss));
    if (event->val_terms)
        assert_near(event->val_terms[0] / 2 + event->val_terms[1], event->val_loss, 1e-9);
    ++*events;
    return 0;
}

static void parts_of_the_loss_add_up_with_their_weights(void **state)
{
    ae_model *model = told_model(1, 0.5);
    ae_data *data = told_rows();
    ae_fit_options *options;
    double terms[2], loss;
    int events = 0;
    (void)state;
    must(ae_model_set_i64(model, AE_PARAM_BATCH, 2));
    must(ae_fit_data(model, data, NULL));
    must(ae_fit_options_create(&options));
    must(ae_fit_options_set_i64(options, AE_FIT_EPOCHS, 2));
    must(ae_fit_options_validation_data(options, data));
    must(ae_fit_options_progress(options, check_parts, &events));
    must(ae_fit_data(model, data, options));
    assert_int_equal(events, 3);
    assert_true(isnan(in_history(model, AE_METRIC_VAL_TERM, 0)));
    for (size_t e = 0; e < 2; e++) {
        const double part[] = {in_history(model, AE_METRIC_TERM, e),
                               in_history(model, AE_METRIC_TERM + 1, e)};
        assert_near(part[0] / 2 + part[1], in_history(model, AE_METRIC_LOSS, e), 1e-9);
    }
    must(ae_evaluate_terms(model, data, terms, 2));
    must(ae_evaluate_data(model, data, &loss));
    assert_near(terms[0] / 2 + terms[1], loss, 1e-9);
    for (int i = 0; i < 2; i++)
        assert_true(in_history(model, AE_METRIC_VAL_TERM + i, 1) == terms[i]);
    ae_fit_options_free(options);
    ae_data_free(data);
    ae_model_free(model);
}

/* y is 0: no weight but the variance, 2 pi of which is 1 at first and e at last, enters. */
static void log_variance_that_is_set_is_the_likelihoods(void **state)
{
    ae_model *model = told_model(1 / 6.283185307179586, 1);
    ae_data *data = told_rows();
    double terms[2], squares = 0;
    (void)state;
    for (int i = 0; i < CELLS; i++) squares += (double)x_rows[i] * (double)x_rows[i] / ROWS;
    must(ae_evaluate_terms(model, data, terms, 2));
    assert_near(terms[1], squares * 3.141592653589793, 1e-5);
    const double log_v = 1 - log(6.283185307179586);
    const float a = (float)(20 * atanh(log_v / 20)), all[INPUTS] = {a, a, a, a};
    must(ae_model_weights_set(model, 6, "log_variance", all, INPUTS));
    must(ae_evaluate_terms(model, data, terms, 2));
    assert_near(terms[1], (squares / exp(log_v) + INPUTS) / 2, 1e-5);
    ae_data_free(data);
    ae_model_free(model);
}

/* y is 1/2 whatever was drawn. */
static void mean_of_units_is_taken_over_samples_too(void **state)
{
    const double r = 0.05, want = INPUTS * (r * log(r / 0.5) + (1 - r) * log((1 - r) / 0.5));
    ae_config *config;
    ae_data *data = told_rows();
    double terms[2];
    (void)state;
    must(ae_config_create(&config));
    must(ae_config_set_f64(config, AE_PARAM_LEARNING_RATE, 0));
    must(ae_config_input(config, INPUTS));
    must(ae_config_gaussian(config));
    must(ae_config_set_i64(config, AE_PARAM_SAMPLES, 5));
    must(ae_config_code(config));
    must(ae_config_concat_label(config, 3));
    must(ae_config_dense(config, INPUTS, AE_ACT_SIGMOID));
    must(ae_config_set_i64(config, AE_PARAM_INIT, AE_INIT_ZEROS));
    must(ae_config_penalty(config, AE_PENALTY_KL_SPARSITY, 2));
    must(ae_config_loss(config, AE_LOSS_MSE));
    ae_model *model = model_of(config);
    must(ae_model_set_i64(model, AE_PARAM_BATCH, 2));
    must(ae_fit_data(model, data, NULL));
    must(ae_evaluate_terms(model, data, terms, 2));
    assert_near(terms[0], want, 1e-6);
    assert_near(in_history(model, AE_METRIC_TERM, 0), want, 1e-6);
    assert_near(in_history(model, AE_METRIC_LOSS, 0), 2 * want + terms[1], 1e-6);
    ae_data_free(data);
    ae_model_free(model);
}

/* Means that are the same for all rows have no variance; 100 times x has. */
static void units_that_tell_rows_apart_are_active(void **state)
{
    static const float kernels[3][7 * 2 * CODE] = {{0}, {100}, {100, 100}};
    (void)state;
    for (int active = 0; active <= 2; active++) {
        ae_model *model = told_model(1, 1), *plain = small_model();
        ae_data *data = told_rows();
        must(ae_model_set_f64(model, AE_PARAM_LEARNING_RATE, 0));
        must(ae_model_weights_set(model, 1, "kernel", kernels[active], 7 * 2 * CODE));
        must(ae_fit_data(model, data, NULL));
        must(fit_epochs(plain, 1));
        assert_true(in_history(model, AE_METRIC_ACTIVE_UNITS, 0) == active);
        assert_true(in_history(model, AE_METRIC_WARNINGS, 0) == (active ? 0 : AE_WARNING_COLLAPSE));
        assert_true(isnan(in_history(plain, AE_METRIC_ACTIVE_UNITS, 0)));
        assert_true(in_history(plain, AE_METRIC_WARNINGS, 0) == 0);
        ae_data_free(data);
        ae_model_free(model);
        ae_model_free(plain);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(summary_tells_what_layers_and_losses_are_made_of),
        cmocka_unit_test(losses_count_on_after_the_layers),
        cmocka_unit_test(losses_add_up_with_their_weights),
        cmocka_unit_test(parts_of_the_loss_add_up_with_their_weights),
        cmocka_unit_test(log_variance_that_is_set_is_the_likelihoods),
        cmocka_unit_test(mean_of_units_is_taken_over_samples_too),
        cmocka_unit_test(units_that_tell_rows_apart_are_active),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
