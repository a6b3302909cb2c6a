/* Calls at the wrong time: before there is what they want, on a model that lacks it, from a callback, in a
 * forked child, and after a failure. */
#include "test_api_misuse.h"

#include <sys/wait.h>
#include <unistd.h>

static void call_that_comes_too_early_is_told_why(void **state)
{
    (void)state;
    refuses(STATE, "no loss", ae_fit(our.coder, x_rows, x_rows, ROWS, NULL));
    refuses(STATE, "no loss", ae_score(our.coder, x_rows, ROWS, out.floats, CELLS));
    refuses(STATE, "no loss", ae_evaluate(our.coder, x_rows, NULL, ROWS, &out.f64));
    refuses(STATE, "no loss", ae_evaluate_terms(our.coder, our.data, out.doubles, 4));
    refuses(STATE, "no layer after its code",
            ae_decode(our.coder, x_rows, ROWS, out.floats, CELLS));
    refuses(STATE, "has no array AE_DATA_X", ae_fit_data(our.model, our.empty, NULL));
    refuses(STATE, "AE_DATA_X", ae_encode_data(our.model, our.empty, out.floats, CELLS));
    refuses(STATE, "AE_DATA_X", ae_reconstruct_data(our.model, our.empty, out.floats, CELLS));
    refuses(STATE, "AE_DATA_X", ae_features_data(our.model, 0, our.empty, out.floats, CELLS));
    refuses(STATE, "AE_DATA_X", ae_score_data(our.model, our.empty, out.floats, CELLS));
    refuses(STATE, "AE_DATA_X", ae_evaluate_data(our.model, our.empty, &out.f64));
    refuses(STATE, "AE_DATA_X", ae_evaluate_terms(our.model, our.empty, out.doubles, 4));
    refuses(STATE, "AE_DATA_X", ae_decode_data(our.model, our.empty, out.floats, CELLS));
    refuses(STATE, "AE_DATA_X", ae_posterior_data(our.drawer, our.empty, out.floats, NULL, CELLS));
    refuses(STATE, "AE_DATA_X",
            ae_posterior_sample_data(our.drawer, our.empty, 1, 0, out.floats, CELLS));
    refuses(STATE, "AE_DATA_X",
            ae_log_likelihood_data(our.drawer, our.empty, 1, 0, out.doubles, 4));
    refuses(STATE, "AE_DATA_X", ae_diagnose_data(our.drawer, our.empty, out.doubles, NULL, 4));
    refuses(STATE, "role side has no array yet", ae_data_scale(our.data, AE_DATA_SIDE, 1, 0));
    refuses(STATE, "role y has no array yet", ae_data_scale(our.data, AE_DATA_Y, 1, 0));
    refuses(STATE, "role x has no array yet", ae_data_stride(our.empty, AE_DATA_X, 16));
    refuses(STATE, "seed is fixed", ae_model_set_i64(our.model, AE_PARAM_SEED, 1));
    refuses(STATE, "slope", ae_model_set_f64(our.model, AE_PARAM_SLOPE, 0.5));
    must(ae_fit_options_validation_data(our.options, our.empty));
    refuses(STATE, "validation x: has no array",
            ae_fit(our.model, x_rows, NULL, ROWS, our.options));
}

/* A drawn code, with or without a decoder and terms. */
static ae_model *drawn_with(int64_t outputs, int32_t loss, bool kl)
{
    ae_config *config;
    must(ae_config_create(&config));
    must(ae_config_input(config, INPUTS));
    must(ae_config_dense(config, 2 * CODE, AE_ACT_LINEAR));
    must(ae_config_gaussian(config));
    if (kl) must(ae_config_penalty(config, AE_PENALTY_KL, 1));
    must(ae_config_code(config));
    if (outputs) must(ae_config_dense(config, outputs, AE_ACT_SIGMOID));
    if (loss) must(ae_config_loss(config, loss));
    return model_of(config);
}

static void model_that_draws_no_code_is_told(void **state)
{
    const char *says = "its code is not drawn, wanted a gaussian layer there";
    ae_model *m = our.model;
    float *y = out.floats;
    double *d = out.doubles;
    const int32_t got[] = {
        ae_posterior(m, x_rows, ROWS, y, NULL, CELLS),
        ae_posterior_data(m, our.data, y, NULL, CELLS),
        ae_posterior_sample(m, x_rows, ROWS, 1, 0, y, CELLS),
        ae_posterior_sample_data(m, our.data, 1, 0, y, CELLS),
        ae_sample(m, ROWS, 0, y, CELLS),
        ae_sample_data(m, our.told, 0, y, CELLS),
        ae_log_likelihood(m, x_rows, ROWS, 1, 0, d, 4),
        ae_log_likelihood_data(m, our.data, 1, 0, d, 4),
        ae_diagnose(m, x_rows, ROWS, d, NULL, 4),
        ae_diagnose_data(m, our.data, d, NULL, 4),
    };
    (void)state;
    for (size_t i = 0; i < sizeof got / sizeof *got; i++)
        check_refusal("drawn", AE_ERR_STATE, says, got[i]);
    must(ae_interpolate(m, x_rows, x_rows + 1, 3, (float[CELLS]){0}, CELLS)); /* any decoder */
}

static void model_that_lacks_a_part_for_the_call_is_told(void **state)
{
    ae_model *coder = drawn_with(0, 0, true), *mse = drawn_with(INPUTS, AE_LOSS_MSE, true);
    ae_model *free_of_kl = drawn_with(INPUTS, AE_LOSS_BERNOULLI_NLL, false);
    (void)state;
    refuses(STATE, "no layer after its code", ae_sample(coder, ROWS, 0, out.floats, CELLS));
    refuses(STATE, "no layer after its code",
            ae_interpolate(coder, x_rows, x_rows, 2, out.floats, CELLS));
    refuses(STATE, "no layer after its code", ae_decode_data(coder, our.data, out.floats, CELLS));
    refuses(STATE, "wanted AE_PENALTY_KL and one loss that is a likelihood",
            ae_log_likelihood(coder, x_rows, ROWS, 1, 0, out.doubles, 4));
    refuses(STATE, "AE_PENALTY_KL", ae_log_likelihood(mse, x_rows, ROWS, 1, 0, out.doubles, 4));
    refuses(STATE, "AE_PENALTY_KL",
            ae_log_likelihood_data(free_of_kl, our.data, 1, 0, out.doubles, 4));
    ae_model_free(coder);
    ae_model_free(mse);
    ae_model_free(free_of_kl);
}

/* What a callback may and may not do with the model that is being trained. */
static int32_t re_enter(const ae_event *event, void *user)
{
    float code[ROWS * CODE], bias[CODE] = {0};
    (void)event;
    refuses(BUSY, "being trained", ae_fit(user, x_rows, NULL, ROWS, NULL));
    refuses(BUSY, "being trained", ae_fit_data(user, our.data, NULL));
    refuses(BUSY, "being trained", ae_model_strip(user));
    makes_nothing(BUSY, "being trained", ae_model_share(&made.model, user));
    refuses(BUSY, "being trained", ae_fit_batch(user, x_rows, NULL, ROWS, NULL));
    refuses(BUSY, "being trained", ae_model_set_i64(user, AE_PARAM_THREADS, 2));
    refuses(BUSY, "being trained", ae_model_set_f64(user, AE_PARAM_LEARNING_RATE, 2));
    refuses(BUSY, "being trained", ae_model_weights_set(user, 0, "bias", bias, CODE));
    must(ae_encode(user, x_rows, ROWS, code, ROWS * CODE));
    must(ae_evaluate(user, x_rows, NULL, ROWS, &(double){0}));
    must(ae_model_save_memory(user, NULL, 0, &(size_t){0}));
    must(ae_fit(our.model, x_rows, NULL, ROWS, NULL)); /* another one */
    return 0;
}

static void callback_may_use_its_model_but_not_change_it(void **state)
{
    ae_model *watched = small_model(), *alone = small_model();
    float kernels[2][INPUTS * CODE];
    (void)state;
    must(ae_fit_options_set_i64(our.options, AE_FIT_EPOCHS, 5));
    must(ae_fit_options_progress(our.options, re_enter, watched));
    must(ae_fit(watched, x_rows, NULL, ROWS, our.options));
    must(fit_epochs(alone, 5));
    must(ae_model_weights_get(watched, 1, "kernel", kernels[0], INPUTS * CODE));
    must(ae_model_weights_get(alone, 1, "kernel", kernels[1], INPUTS * CODE));
    assert_memory_equal(kernels[0], kernels[1], sizeof kernels[0]);
    must(ae_model_set_i64(watched, AE_PARAM_BATCH, 2)); /* no longer busy */
    ae_model_free(watched);
    ae_model_free(alone);
}

static int32_t cancel(const ae_event *event, void *user)
{
    (void)event;
    (void)user;
    return 1;
}

static void cancelled_fit_is_told_and_leaves_the_model_free(void **state)
{
    (void)state;
    must(ae_fit_options_progress(our.options, cancel, NULL));
    refuses(CANCELLED, "epoch 1", ae_fit(our.model, x_rows, NULL, ROWS, our.options));
    must(ae_model_set_i64(our.model, AE_PARAM_BATCH, 2));
}

/* In a child whose parent has the workers: every call on a model that returns a status says so. 0, or the
 * number of one that does not. */
static int refused_in_child(ae_model *m, ae_model *drawer)
{
    const float bias[CODE] = {0};
    const char *says = "threads live in process";
    float *y = out.floats;
    double *d = out.doubles;
    made.any = &made;
    const int32_t got[] = {
        ae_model_share(&made.model, m),
        ae_model_summary(m, out.text, sizeof out.text, &out.size),
        ae_model_set_i64(m, AE_PARAM_THREADS, 1),
        ae_model_set_i64(m, AE_PARAM_BATCH, 1),
        ae_model_set_f64(m, AE_PARAM_LEARNING_RATE, 1),
        ae_model_get_i64(m, AE_PARAM_BATCH, &out.i64),
        ae_model_get_f64(m, AE_PARAM_LEARNING_RATE, &out.f64),
        ae_model_history(m, AE_METRIC_LOSS, d, 4, &out.size),
        ae_model_strip(m),
        ae_encode(m, x_rows, ROWS, y, CELLS),
        ae_encode_data(m, our.data, y, CELLS),
        ae_decode(m, x_rows, ROWS, y, CELLS),
        ae_decode_data(m, our.data, y, CELLS),
        ae_reconstruct(m, x_rows, ROWS, y, CELLS),
        ae_reconstruct_data(m, our.data, y, CELLS),
        ae_features(m, 0, x_rows, ROWS, y, CELLS),
        ae_features_data(m, 0, our.data, y, CELLS),
        ae_score(m, x_rows, ROWS, y, CELLS),
        ae_score_data(m, our.data, y, CELLS),
        ae_evaluate(m, x_rows, NULL, ROWS, &out.f64),
        ae_evaluate_data(m, our.data, &out.f64),
        ae_evaluate_terms(m, our.data, d, 4),
        ae_fit(m, x_rows, NULL, ROWS, NULL),
        ae_fit_data(m, our.data, NULL),
        ae_fit_batch(m, x_rows, NULL, ROWS, &out.f64),
        ae_fit_batch_data(m, our.data, &out.f64),
        ae_posterior(drawer, x_rows, ROWS, y, NULL, CELLS),
        ae_posterior_data(drawer, our.data, y, NULL, CELLS),
        ae_posterior_sample(drawer, x_rows, ROWS, 1, 0, y, CELLS),
        ae_posterior_sample_data(drawer, our.data, 1, 0, y, CELLS),
        ae_sample(drawer, ROWS, 0, y, CELLS),
        ae_sample_data(drawer, our.told, 0, y, CELLS),
        ae_interpolate(drawer, x_rows, x_rows, 2, y, CELLS),
        ae_log_likelihood(drawer, x_rows, ROWS, 1, 0, d, 4),
        ae_log_likelihood_data(drawer, our.data, 1, 0, d, 4),
        ae_diagnose(drawer, x_rows, ROWS, d, NULL, 4),
        ae_diagnose_data(drawer, our.data, d, NULL, 4),
        ae_model_weights_at(m, 0, &out.layer, &out.name, &out.rows, &out.cols),
        ae_model_weights_get(m, 0, "bias", y, CELLS),
        ae_model_weights_set(m, 0, "bias", bias, CODE),
        ae_model_save(m, "/nowhere/model.aem"),
        ae_model_save_memory(m, out.text, sizeof out.text, &out.size),
    };
    for (size_t i = 0; i < sizeof got / sizeof *got; i++) {
        if (got[i] != AE_ERR_STATE) return (int)i + 1;
    }
    return made.any || !strstr(ae_last_error(), says) || !is_pattern(&out, sizeof out) ? 99 : 0;
}

static int status_of_child(pid_t child)
{
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static void forked_child_is_told_that_the_workers_are_elsewhere(void **state)
{
    ae_model *share, *drawer;
    (void)state;
    must(ae_model_share(&share, our.model));
    must(ae_model_share(&drawer, our.drawer));
    ae_model *const all[] = {our.model, our.drawer, share, drawer};
    for (int i = 0; i < 4; i++) must(ae_model_set_i64(all[i], AE_PARAM_THREADS, 2));
    for (int i = 0; i < 4; i += 2) {
        pid_t child = fork();
        if (child == 0) {
            int failed = refused_in_child(all[i], all[i + 1]);
            ae_model_free(share); /* may be freed */
            ae_model_free(drawer);
            tear_down(NULL);
            _exit(failed);
        }
        assert_int_equal(status_of_child(child), 0);
    }
    must(ae_encode(share, x_rows, ROWS, out.floats, CELLS));
    ae_model_free(share);
    ae_model_free(drawer);
}

static void options_first_failure_sticks_and_is_told_by_fit(void **state)
{
    ae_fit_options *options;
    (void)state;
    must(ae_fit_options_create(&options));
    refuses(RANGE, "epochs is -1", ae_fit_options_set_i64(options, AE_FIT_EPOCHS, -1));
    refuses(RANGE, "epochs is -1", ae_fit_options_set_i64(options, AE_FIT_EPOCHS, 2));
    refuses(RANGE, "epochs is -1", ae_fit_options_progress(options, NULL, NULL));
    refuses(RANGE, "epochs is -1", ae_fit(our.model, x_rows, NULL, ROWS, options));
    assert_int_equal(ae_model_epochs(our.model), 0);
    ae_fit_options_free(options);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        in_our_house(call_that_comes_too_early_is_told_why),
        in_our_house(model_that_draws_no_code_is_told),
        in_our_house(model_that_lacks_a_part_for_the_call_is_told),
        in_our_house(callback_may_use_its_model_but_not_change_it),
        in_our_house(cancelled_fit_is_told_and_leaves_the_model_free),
        in_our_house(forked_child_is_told_that_the_workers_are_elsewhere),
        in_our_house(options_first_failure_sticks_and_is_told_by_fit),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
