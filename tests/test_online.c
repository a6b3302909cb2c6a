/* ae_fit_batch: a step on the rows of a call, for ever. */
#include "test_fit_small.h"

static double fit_rows(ae_model *model, int64_t first, int64_t rows)
{
    double loss;
    must(ae_fit_batch(model, x + first * DIM, NULL, rows, &loss));
    return loss;
}

/* ---- what a step is ---- */

/* The batches of an epoch in the order of the rows, one a call. */
static void calls_are_the_steps_of_a_fit(void **state)
{
    (void)state;
    for (int32_t optimizer = AE_OPTIM_SGD; optimizer <= AE_OPTIM_RMSPROP; optimizer++) {
        recipe r = small;
        r.optimizer = optimizer;
        r.clip = optimizer == AE_OPTIM_ADAM ? 0.01 : 0;
        ae_model *model = recipe_model(&r), *want = recipe_model(&r);
        must(ae_model_set_i64(want, AE_PARAM_SHUFFLE, AE_SHUFFLE_NONE));
        train_to(want, x, N, 3);
        for (int e = 0; e < 3; e++)
            for (int i = 0; i < N; i += 4) fit_rows(model, i, i == 8 ? 2 : 4);
        assert_int_equal(ae_model_steps(model), ae_model_steps(want));
        assert_int_equal(ae_model_epochs(model), 0);
        assert_true(same_weights(model, want));
        ae_model_free(model);
        ae_model_free(want);
    }
}

static void loss_is_that_of_the_rows_before_the_step(void **state)
{
    ae_model *model = recipe_model(&small);
    (void)state;
    for (int i = 0; i < 20; i++) {
        double before;
        must(ae_evaluate(model, x + i % 7 * DIM, NULL, 3, &before));
        assert_true(fabs(fit_rows(model, i % 7, 3) - before) < 1e-14);
    }
    must(ae_fit_batch(model, x, NULL, N, NULL));
    ae_model_free(model);
}

static void data_and_targets_are_taken(void **state)
{
    uint8_t bytes[N * DIM];
    float y[N * DIM];
    double a, b;
    ae_data *data;
    ae_model *model = recipe_model(&small), *want = recipe_model(&small);
    (void)state;
    for (int i = 0; i < N * DIM; i++) {
        bytes[i] = (uint8_t)(draw_bits() >> 56);
        y[i] = bytes[i] * (float)(1.0 / 255);
    }
    must(ae_data_create(&data));
    must(ae_data_array(data, AE_DATA_X, AE_TYPE_F32, x, N, DIM));
    must(ae_data_array(data, AE_DATA_Y, AE_TYPE_U8, bytes, N, DIM));
    must(ae_data_scale(data, AE_DATA_Y, 1.0 / 255, 0));
    for (int i = 0; i < 3; i++) {
        must(ae_fit_batch_data(model, data, &a));
        must(ae_fit_batch(want, x, y, N, &b));
        assert_true(a == b);
    }
    assert_true(same_models(model, want));
    ae_data_free(data);
    ae_model_free(model);
    ae_model_free(want);
}

static void number_of_threads_changes_nothing(void **state)
{
    ae_model *model = recipe_model(&small), *want = recipe_model(&small);
    (void)state;
    must(ae_model_set_i64(model, AE_PARAM_THREADS, 3));
    for (int i = 0; i < 9; i++) fit_rows(model, 0, 1 + i);
    for (int i = 0; i < 9; i++) fit_rows(want, 0, 1 + i);
    assert_true(same_models(model, want));
    ae_model_free(model);
    ae_model_free(want);
}

/* ---- what stays ---- */

static void running_loss_is_a_mean_that_forgets(void **state)
{
    ae_model *model = recipe_model(&small);
    double mean = 0, sum = 0;
    (void)state;
    assert_true(isnan(ae_model_running_loss(NULL)) && isnan(ae_model_running_loss(model)));
    for (int i = 1; i <= 250; i++) {
        double loss = fit_rows(model, i % N, 1);
        sum += loss;
        mean = i <= 100 ? sum / i : 0.99 * mean + 0.01 * loss;
        assert_true(fabs(ae_model_running_loss(model) - mean) < 1e-12);
        if (i % 50 == 0) model = reloaded(model);
    }
    must(ae_model_strip(model));
    assert_true(isnan(ae_model_running_loss(model)));
    ae_model_free(model);
}

static void saved_and_loaded_it_goes_on_as_if_it_had_not_been(void **state)
{
    ae_model *model = recipe_model(&small), *want = recipe_model(&small);
    (void)state;
    for (int i = 0; i < 12; i++) {
        fit_rows(want, i % 6, 4);
        fit_rows(model, i % 6, 4);
        if (i % 3 == 0) model = reloaded(model);
    }
    assert_true(same_models(model, want));
    ae_model_free(model);
    ae_model_free(want);
}

static int32_t cancel_second(const ae_event *event, void *user)
{
    (void)user;
    return event->step == 2;
}

/* With a rate of 0 the calls leave nothing but steps. */
static void open_epoch_waits(void **state)
{
    double loss[2];
    ae_fit_options *options = options_to(1);
    (void)state;
    must(ae_fit_options_progress(options, cancel_second, NULL));
    for (int i = 0; i < 2; i++) {
        ae_model *model = recipe_model(&small);
        must(ae_model_set_f64(model, AE_PARAM_LEARNING_RATE, 0));
        assert_int_equal(ae_fit(model, x, NULL, N, options), AE_ERR_CANCELLED);
        for (int j = 0; j < 5 * i; j++) fit_rows(model, 0, N);
        train_to(model, x, N, 1);
        assert_int_equal(ae_model_steps(model), 3 + 5 * i);
        must(ae_model_history(model, AE_METRIC_LOSS, &loss[i], 1, NULL));
        ae_model_free(model);
    }
    assert_true(loss[0] == loss[1]);
    ae_fit_options_free(options);
}

/* ---- draws ---- */

static ae_model *noisy(int64_t seed)
{
    ae_config *config;
    must(ae_config_create(&config));
    must(ae_config_input(config, DIM));
    must(ae_config_set_i64(config, AE_PARAM_SEED, seed));
    must(ae_config_corrupt(config, AE_NOISE_GAUSSIAN, 1));
    must(ae_config_dense(config, DIM, AE_ACT_LINEAR));
    must(ae_config_code(config));
    must(ae_config_loss(config, AE_LOSS_MSE));
    must(ae_config_set_f64(config, AE_PARAM_LEARNING_RATE, 0));
    return model_of(config);
}

/* Nothing but the noise can differ where the rate is 0. */
static void each_call_draws_its_own_noise(void **state)
{
    enum { CALLS = 40 };
    double losses[CALLS];
    ae_model *model = noisy(0), *same = noisy(0), *other = noisy(1);
    (void)state;
    for (int i = 0; i < CALLS; i++) {
        losses[i] = fit_rows(model, 0, 1);
        assert_true(fit_rows(same, 0, 1) == losses[i]);
        for (int j = 0; j < i; j++) assert_true(losses[i] != losses[j]);
    }
    assert_true(fit_rows(other, 0, 1) != losses[0]);
    ae_model_free(model);
    ae_model_free(same);
    ae_model_free(other);
}

static void fit_and_calls_share_no_draw(void **state)
{
    ae_model *model = noisy(0), *fitted = noisy(0);
    double loss, drawn_by_fit;
    (void)state;
    train_to(fitted, x, 1, 1);
    must(ae_model_history(fitted, AE_METRIC_LOSS, &drawn_by_fit, 1, NULL));
    loss = fit_rows(model, 0, 1);
    assert_true(loss != drawn_by_fit);
    ae_model_free(model);
    ae_model_free(fitted);
}

static ae_model *variational(double warmup)
{
    ae_config *config;
    must(ae_config_create(&config));
    must(ae_config_input(config, DIM));
    must(ae_config_dense(config, 6, AE_ACT_LINEAR));
    must(ae_config_gaussian(config));
    must(ae_config_penalty(config, AE_PENALTY_KL, 1));
    must(ae_config_set_f64(config, AE_PARAM_WARMUP, warmup));
    must(ae_config_code(config));
    must(ae_config_dense(config, DIM, AE_ACT_SIGMOID));
    must(ae_config_loss(config, AE_LOSS_BERNOULLI_NLL));
    return model_of(config);
}

static void warmup_of_a_penalty_is_over(void **state)
{
    ae_model *with = variational(10), *without = variational(0);
    (void)state;
    for (int i = 0; i < 3; i++) assert_true(fit_rows(with, 0, N) == fit_rows(without, 0, N));
    assert_true(same_weights(with, without));
    ae_model_free(with);
    ae_model_free(without);
}

/* ---- what is refused ---- */

/* A row whose loss overflows. */
static void row_out_of_bounds_leaves_the_model_as_it_was(void **state)
{
    recipe r = small;
    float far[DIM];
    double loss = 5;
    (void)state;
    r.last = AE_ACT_LINEAR;
    r.loss = AE_LOSS_MSE;
    ae_model *model = recipe_model(&r);
    for (int j = 0; j < DIM; j++) far[j] = 3e38f;
    fit_rows(model, 0, N);
    image before = image_of(model);
    assert_int_equal(ae_fit_batch(model, far, NULL, 1, &loss), AE_ERR_DIVERGED);
    assert_true(loss == 5 && has_image(model, before));
    fit_rows(model, 0, N);
    free(before.bytes);
    ae_model_free(model);
}

/* A loss that is finite, with gradients that overflow the weights, or their own squares. */
static void step_that_overflows_is_taken_back(void **state)
{
    (void)state;
    for (int32_t optimizer = AE_OPTIM_SGD; optimizer <= AE_OPTIM_RMSPROP; optimizer++) {
        recipe r = small;
        r.optimizer = optimizer;
        ae_config *config = recipe_config(&r, NULL);
        must(ae_config_set_f64(config, AE_PARAM_WEIGHT, 1e36));
        must(ae_config_set_f64(config, AE_PARAM_LEARNING_RATE, 1e6));
        ae_model *model = model_of(config);
        image before = image_of(model);
        assert_int_equal(ae_fit_batch(model, x, NULL, N, NULL), AE_ERR_DIVERGED);
        assert_non_null(strstr(ae_last_error(), "norm of the"));
        assert_true(has_image(model, before));
        free(before.bytes);
        ae_model_free(model);
    }
}

static void what_cannot_be_learnt_is_refused(void **state)
{
    ae_model *model = recipe_model(&small);
    float bad[DIM] = {0};
    double loss = 5;
    (void)state;
    image before = image_of(model);
    bad[3] = NAN;
    assert_int_equal(ae_fit_batch(model, bad, NULL, 1, &loss), AE_ERR_NONFINITE);
    bad[3] = 1.5f;
    assert_int_equal(ae_fit_batch(model, bad, NULL, 1, &loss), AE_ERR_RANGE);
    assert_int_equal(ae_fit_batch(model, x, NULL, 0, &loss), AE_ERR_RANGE);
    assert_int_equal(ae_fit_batch(model, x, NULL, (1 << 24) + 1, &loss), AE_ERR_RANGE);
    assert_non_null(strstr(ae_last_error(), "wanted at most 16777216"));
    assert_true(loss == 5 && has_image(model, before));
    free(before.bytes);
    ae_model_free(model);
}

static int32_t call_it(const ae_event *event, void *user)
{
    (void)event;
    assert_int_equal(ae_fit_batch(user, x, NULL, N, NULL), AE_ERR_BUSY);
    return 0;
}

static void callback_of_a_fit_is_refused(void **state)
{
    ae_model *model = recipe_model(&small);
    ae_fit_options *options = options_to(1);
    (void)state;
    must(ae_fit_options_progress(options, call_it, model));
    must(ae_fit(model, x, NULL, N, options));
    ae_fit_options_free(options);
    ae_model_free(model);
}

int main(void)
{
#define test(name) cmocka_unit_test_setup(name, draw_x)
    const struct CMUnitTest tests[] = {
        test(calls_are_the_steps_of_a_fit),
        test(loss_is_that_of_the_rows_before_the_step),
        test(data_and_targets_are_taken),
        test(number_of_threads_changes_nothing),
        test(running_loss_is_a_mean_that_forgets),
        test(saved_and_loaded_it_goes_on_as_if_it_had_not_been),
        test(open_epoch_waits),
        test(each_call_draws_its_own_noise),
        test(fit_and_calls_share_no_draw),
        test(warmup_of_a_penalty_is_over),
        test(row_out_of_bounds_leaves_the_model_as_it_was),
        test(step_that_overflows_is_taken_back),
        test(what_cannot_be_learnt_is_refused),
        test(callback_of_a_fit_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
