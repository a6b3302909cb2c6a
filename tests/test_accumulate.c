/* Steps of several batches through ae.h: those of one large batch, cut up, and interrupted in the middle
 * of a group. */
#include "test_fit.h"

static const recipe wide = {.dims = {20, 16, 4, 16, 20},
                            .batch = 256,
                            .hidden = AE_ACT_TANH,
                            .last = AE_ACT_SIGMOID,
                            .loss = AE_LOSS_BCE,
                            .optimizer = AE_OPTIM_SGD,
                            .learning_rate = 0.5};
enum { DIM = 20, N = 600, STEPS = 3, BATCHES = 10 /* of 64; the last has 24 rows */ };

static float x[N * DIM];

static int draw_x(void **state)
{
    (void)state;
    draw_state = 1;
    draw_units(x, N * DIM);
    return 0;
}

static ae_model *grouped(const recipe *r, int64_t batch, int64_t accumulate)
{
    ae_config *config = recipe_config(r, NULL);
    must(ae_config_set_i64(config, AE_PARAM_BATCH, batch));
    must(ae_config_set_i64(config, AE_PARAM_ACCUMULATE, accumulate));
    return model_of(config);
}

/* Weights that differ by no more than this share of the largest. */
static void assert_near_weights(const ae_model *a, const ae_model *b, double tolerance)
{
    float *v = weights_of(a), *w = weights_of(b);
    double most = 0;
    for (int64_t i = 0; i < ae_model_weights(a); i++) most = fmax(most, fabs((double)w[i]));
    for (int64_t i = 0; i < ae_model_weights(a); i++)
        assert_near((double)v[i], (double)w[i], tolerance * most);
    free(v);
    free(w);
}

/* ---- the step ---- */

/* Groups of 256, 256 and 88 rows: a group that is not full weighs each of its rows alike, too. */
static void four_batches_of_64_make_the_steps_of_256(void **state)
{
    const double clips[] = {0, 0.01};
    (void)state;
    for (int i = 0; i < 2; i++) {
        recipe r = wide;
        r.clip = clips[i];
        ae_model *model = grouped(&r, 64, 4), *want = grouped(&r, 256, 1);
        double loss, want_loss;
        train_to(model, x, N, 3);
        train_to(want, x, N, 3);
        assert_int_equal(ae_model_steps(model), 3 * STEPS);
        assert_int_equal(ae_model_steps(want), 3 * STEPS);
        assert_near_weights(model, want, 1e-6);
        must(ae_evaluate(model, x, NULL, N, &loss));
        must(ae_evaluate(want, x, NULL, N, &want_loss));
        assert_near(loss, want_loss, 1e-6 * want_loss);
        ae_model_free(model);
        ae_model_free(want);
    }
}

/* Batches of 1 and of 4 rows that fill an epoch of 4: a step of the mean, whatever the optimiser. */
static void rows_one_by_one_make_the_step_of_all(void **state)
{
    (void)state;
    for (int32_t optimizer = AE_OPTIM_SGD; optimizer <= AE_OPTIM_RMSPROP; optimizer++) {
        recipe r = wide;
        r.optimizer = optimizer;
        r.learning_rate = 0.01;
        ae_model *model = grouped(&r, 1, 4), *want = grouped(&r, 4, 1);
        train_to(model, x, 4, 1);
        train_to(want, x, 4, 1);
        assert_int_equal(ae_model_steps(model), 1);
        assert_near_weights(model, want, 1e-5);
        ae_model_free(model);
        ae_model_free(want);
    }
}

static void one_batch_a_step_is_as_it_was(void **state)
{
    ae_model *model = grouped(&wide, 64, 1), *want;
    recipe r = wide;
    (void)state;
    r.batch = 64;
    want = recipe_model(&r);
    train_to(model, x, N, 2);
    train_to(want, x, N, 2);
    assert_true(same_models(model, want));
    ae_model_free(model);
    ae_model_free(want);
}

static void number_of_threads_changes_nothing(void **state)
{
    ae_model *model = grouped(&wide, 64, 4), *want = grouped(&wide, 64, 4);
    (void)state;
    must(ae_model_set_i64(model, AE_PARAM_THREADS, 3));
    train_to(model, x, N, 2);
    train_to(want, x, N, 2);
    assert_true(same_models(model, want));
    ae_model_free(model);
    ae_model_free(want);
}

/* ---- events, and going on ---- */

typedef struct counter {
    int events;
    int64_t step[BATCHES + 1], steps;
} counter;

static int32_t note(const ae_event *event, void *user)
{
    counter *c = user;
    if (c->events <= BATCHES) c->step[c->events] = event->step;
    c->steps = event->steps;
    c->events++;
    return 0;
}

static void events_come_with_batches_and_count_steps(void **state)
{
    const int64_t want[BATCHES + 1] = {0, 0, 0, 1, 1, 1, 1, 2, 2, 3, 3};
    counter c = {.events = 0};
    ae_model *model = grouped(&wide, 64, 4);
    ae_fit_options *options = options_to(1);
    (void)state;
    must(ae_fit_options_progress(options, note, &c));
    must(ae_fit(model, x, NULL, N, options));
    assert_int_equal(c.events, BATCHES + 1);
    assert_int_equal(c.steps, STEPS);
    for (int i = 0; i <= BATCHES; i++) assert_int_equal(c.step[i], want[i]);
    ae_fit_options_free(options);
    ae_model_free(model);
}

/* Also before the first step of all. */
static void fit_interrupted_within_a_group_ends_the_same(void **state)
{
    ae_model *want = grouped(&wide, 64, 4);
    (void)state;
    train_to(want, x, N, 2);
    for (int at = 1; at <= 2 * BATCHES + 1; at++) {
        interruption i = {.at = at};
        ae_model *model = grouped(&wide, 64, 4);
        ae_fit_options *options = options_to(2);
        must(ae_fit_options_progress(options, interrupt, &i));
        assert_int_equal(ae_fit(model, x, NULL, N, options), AE_ERR_CANCELLED);
        model = reloaded(model);
        train_to(model, x, N, 2);
        if (!same_models(model, want)) fail_msg("after %d events", at);
        ae_fit_options_free(options);
        ae_model_free(model);
    }
    ae_model_free(want);
}

static ae_model *within_group(void)
{
    interruption i = {.at = 2};
    ae_model *model = grouped(&wide, 64, 4);
    ae_fit_options *options = options_to(1);
    must(ae_fit_options_progress(options, interrupt, &i));
    assert_int_equal(ae_fit(model, x, NULL, N, options), AE_ERR_CANCELLED);
    ae_fit_options_free(options);
    return model;
}

/* What was added up is no part of an epoch that begins anew. */
static void epoch_begun_anew_forgets_the_group(void **state)
{
    ae_model *model = within_group(), *want = grouped(&wide, 64, 4);
    ae_fit_options *options = options_to(1);
    (void)state;
    must(ae_fit_options_set_i64(options, AE_FIT_ANEW, 1));
    must(ae_fit(model, x, NULL, N, options));
    train_to(want, x, N, 1);
    assert_true(same_models(model, want));
    ae_fit_options_free(options);
    ae_model_free(model);
    ae_model_free(want);
}

/* The batches that wait are part of the next step, although it would be one of a batch alone. */
static void group_ends_when_it_is_made_smaller(void **state)
{
    ae_model *model = within_group();
    (void)state;
    must(ae_model_set_i64(model, AE_PARAM_ACCUMULATE, 1));
    train_to(model, x, N, 1);
    assert_int_equal(ae_model_steps(model), BATCHES - 2);
    ae_model_free(model);
}

/* One that goes on within a group and diverges is as it was before, the group included. */
static void diverging_fit_keeps_the_group(void **state)
{
    recipe r = wide;
    (void)state;
    r.last = AE_ACT_LINEAR;
    r.loss = AE_LOSS_MSE;
    r.learning_rate = 0.01;
    ae_model *model = grouped(&r, 64, 4);
    interruption i = {.at = 2};
    ae_fit_options *options = options_to(1);
    must(ae_model_set_i64(model, AE_PARAM_SHUFFLE, AE_SHUFFLE_NONE));
    for (int j = 0; j < DIM; j++) x[(N - 1) * DIM + j] = 3e38f; /* the last row */
    must(ae_fit_options_progress(options, interrupt, &i));
    assert_int_equal(ae_fit(model, x, NULL, N, options), AE_ERR_CANCELLED);
    image before = image_of(model);
    must(ae_fit_options_progress(options, NULL, NULL));
    assert_int_equal(ae_fit(model, x, NULL, N, options), AE_ERR_DIVERGED);
    assert_true(has_image(model, before));
    free(before.bytes);
    ae_fit_options_free(options);
    ae_model_free(model);
}

int main(void)
{
#define test(name) cmocka_unit_test_setup(name, draw_x)
    const struct CMUnitTest tests[] = {
        test(four_batches_of_64_make_the_steps_of_256),
        test(rows_one_by_one_make_the_step_of_all),
        test(one_batch_a_step_is_as_it_was),
        test(number_of_threads_changes_nothing),
        test(events_come_with_batches_and_count_steps),
        test(fit_interrupted_within_a_group_ends_the_same),
        test(epoch_begun_anew_forgets_the_group),
        test(group_ends_when_it_is_made_smaller),
        test(diverging_fit_keeps_the_group),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
