/* Early stopping through ae.h: when a fit stops, what it goes back to, and how it goes on. */
#include "forge.h"
#include "test_fit.h"

/* A few rows to learn by heart, and others on which that makes the loss rise after a while. */
static const recipe small = {.dims = {6, 16, 5, 16, 6},
                             .batch = 4,
                             .hidden = AE_ACT_TANH,
                             .last = AE_ACT_SIGMOID,
                             .loss = AE_LOSS_MSE,
                             .optimizer = AE_OPTIM_ADAM,
                             .learning_rate = 0.02};
enum { DIM = 6, N = 10, OTHERS = 12, STEPS = 3, PATIENCE = 4, MOST = 400 };

static float *x, *other;

static int draw_x(void **state)
{
    (void)state;
    draw_state = 3;
    x = drawn(N * DIM);
    other = drawn(OTHERS * DIM);
    return 0;
}

static int free_x(void **state)
{
    (void)state;
    free(x);
    free(other);
    return 0;
}

static ae_fit_options *patient(int64_t epochs, int64_t patience)
{
    ae_fit_options *options = options_to(epochs);
    must(ae_fit_options_set_i64(options, AE_FIT_PATIENCE, patience));
    must(ae_fit_options_validation(options, other, NULL, OTHERS));
    return options;
}

static void fit_patiently(ae_model *model, int64_t epochs, int64_t patience)
{
    ae_fit_options *options = patient(epochs, patience);
    must(ae_fit(model, x, NULL, N, options));
    ae_fit_options_free(options);
}

/* The same without stopping. */
static ae_model *trained(int64_t epochs)
{
    ae_model *model = recipe_model(&small);
    fit_patiently(model, epochs, 0);
    return model;
}

typedef struct course {
    double losses[MOST];
    int64_t epochs, best; /* of the lowest, from 1 */
} course;

static course course_of(const ae_model *model, int32_t metric)
{
    course c = {.epochs = ae_model_epochs(model), .best = 1};
    must(ae_model_history(model, metric, c.losses, MOST, NULL));
    for (int64_t e = 1; e <= c.epochs; e++)
        if (c.losses[e - 1] < c.losses[c.best - 1]) c.best = e;
    return c;
}

/* Whether both files have the same chunk. */
static bool same_chunks(const ae_model *a, const ae_model *b, const char *tag)
{
    image i = image_of(a), j = image_of(b);
    blob p = {i.bytes, i.count}, q = {j.bytes, j.count};
    size_t at = forge_find(p, tag), in = forge_find(q, tag);
    size_t n = forge_chunk(p.bytes, p.count, at);
    bool same =
        n && n == forge_chunk(q.bytes, q.count, in) && memcmp(p.bytes + at, q.bytes + in, n) == 0;
    free(i.bytes);
    free(j.bytes);
    return same;
}

/* ---- stopping ---- */

static void fit_stops_when_patience_runs_out(void **state)
{
    ae_model *model = recipe_model(&small);
    (void)state;
    fit_patiently(model, MOST, PATIENCE);
    course c = course_of(model, AE_METRIC_VAL_LOSS);
    assert_in_range(c.best, 2, MOST - PATIENCE - 1);
    assert_int_equal(c.epochs, c.best + PATIENCE);
    assert_int_equal(ae_model_steps(model), c.epochs * STEPS);
    ae_model_free(model);
}

static void without_validation_the_loss_of_training_counts(void **state)
{
    ae_model *model = recipe_model(&small);
    ae_fit_options *options = options_to(MOST);
    (void)state;
    must(ae_model_set_f64(model, AE_PARAM_LEARNING_RATE,
                          0)); /* the same in every epoch, or nearly */
    must(ae_fit_options_set_i64(options, AE_FIT_PATIENCE, PATIENCE));
    must(ae_fit_options_set_f64(options, AE_FIT_MIN_CHANGE, 1e-9));
    must(ae_fit(model, x, NULL, N, options));
    assert_int_equal(ae_model_epochs(model), 1 + PATIENCE);
    ae_fit_options_free(options);
    ae_model_free(model);
}

/* Nothing is lower by twice the first loss; a hundredth of it is soon taken off. */
static void lower_by_less_than_the_least_change_is_not_lower(void **state)
{
    ae_model *model = trained(1);
    double first = course_of(model, AE_METRIC_VAL_LOSS).losses[0];
    ae_fit_options *options = patient(MOST, PATIENCE);
    (void)state;
    ae_model_free(model);
    for (int more = 0; more < 2; more++) {
        model = recipe_model(&small);
        must(ae_fit_options_set_f64(options, AE_FIT_MIN_CHANGE, more ? 2 * first : first / 100));
        must(ae_fit(model, x, NULL, N, options));
        course c = course_of(model, AE_METRIC_VAL_LOSS);
        assert_true(more ? c.epochs == 1 + PATIENCE : c.epochs > 1 + PATIENCE);
        for (int64_t e = c.epochs - PATIENCE; e < c.epochs; e++)
            assert_true(c.losses[e] >=
                        c.losses[c.epochs - PATIENCE - 1] - (more ? 2 * first : first / 100));
        ae_model_free(model);
    }
    ae_fit_options_free(options);
}

/* ---- going back ---- */

static void restored_model_evaluates_to_the_best_loss_bit_by_bit(void **state)
{
    ae_model *model = recipe_model(&small);
    double loss;
    (void)state;
    fit_patiently(model, MOST, PATIENCE);
    course c = course_of(model, AE_METRIC_VAL_LOSS);
    must(ae_evaluate(model, other, NULL, OTHERS, &loss));
    assert_true(loss == c.losses[c.best - 1]);
    assert_true(loss < c.losses[c.epochs - 1]);
    ae_model_free(model);
}

/* It is the model that was trained to its best epoch and no further. */
static void restored_model_is_that_of_the_best_epoch_optimiser_included(void **state)
{
    (void)state;
    for (int32_t optimizer = AE_OPTIM_SGD; optimizer <= AE_OPTIM_RMSPROP; optimizer++) {
        recipe r = small;
        r.optimizer = optimizer;
        ae_config *config = recipe_config(&r, NULL);
        if (optimizer == AE_OPTIM_SGD) must(ae_config_set_f64(config, AE_PARAM_MOMENTUM, 0.9));
        if (optimizer == AE_OPTIM_SGD) must(ae_config_set_f64(config, AE_PARAM_LEARNING_RATE, 2));
        ae_model *model, *want;
        must(ae_model_create(&model, config));
        must(ae_model_create(&want, config));
        ae_config_free(config);
        fit_patiently(model, MOST, PATIENCE);
        course c = course_of(model, AE_METRIC_VAL_LOSS);
        assert_int_equal(c.epochs, c.best + PATIENCE);
        fit_patiently(want, c.best, 0);
        assert_true(same_chunks(model, want, "WGHT"));
        assert_true(same_chunks(model, want, "stat"));
        ae_model_free(model);
        ae_model_free(want);
    }
}

static void without_restoration_the_last_weights_stay(void **state)
{
    ae_model *model = recipe_model(&small);
    ae_fit_options *options = patient(MOST, PATIENCE);
    (void)state;
    must(ae_fit_options_set_i64(options, AE_FIT_RESTORE, 0));
    must(ae_fit(model, x, NULL, N, options));
    course c = course_of(model, AE_METRIC_VAL_LOSS);
    assert_int_equal(c.epochs, c.best + PATIENCE);
    ae_model *want = trained(c.epochs);
    assert_true(same_weights(model, want));
    ae_fit_options_free(options);
    ae_model_free(model);
    ae_model_free(want);
}

static void epochs_that_run_out_first_leave_the_last_weights(void **state)
{
    ae_model *model = recipe_model(&small), *want;
    (void)state;
    fit_patiently(model, 5, MOST);
    want = trained(5);
    assert_true(same_weights(model, want));
    ae_model_free(model);
    ae_model_free(want);
}

static int32_t note_stop(const ae_event *event, void *user)
{
    if (event->kind == AE_EVENT_STOP) *(ae_event *)user = *event;
    return event->kind == AE_EVENT_STOP; /* of no meaning */
}

static void event_tells_of_the_best_epoch(void **state)
{
    ae_event told = {.size = 0};
    double loss[MOST], term[MOST];
    ae_model *model = recipe_model(&small);
    ae_fit_options *options = patient(MOST, PATIENCE);
    (void)state;
    must(ae_fit_options_progress(options, note_stop, &told));
    must(ae_fit(model, x, NULL, N, options));
    course c = course_of(model, AE_METRIC_VAL_LOSS);
    must(ae_model_history(model, AE_METRIC_LOSS, loss, MOST, NULL));
    must(ae_model_history(model, AE_METRIC_VAL_TERM, term, MOST, NULL));
    assert_int_equal(told.size, sizeof told);
    assert_int_equal(told.epoch, c.best);
    assert_true(told.loss == loss[c.best - 1] && told.val_loss == c.losses[c.best - 1]);
    assert_true(told.learning_rate == 0.02 && told.val_terms[0] == term[c.best - 1]);
    ae_fit_options_free(options);
    ae_model_free(model);
}

/* ---- going on ---- */

static void stopped_fit_does_nothing_when_called_again(void **state)
{
    ae_model *model = recipe_model(&small);
    (void)state;
    fit_patiently(model, MOST, PATIENCE);
    image before = image_of(model);
    fit_patiently(model, MOST, PATIENCE);
    model = reloaded(model);
    fit_patiently(model, MOST, PATIENCE);
    assert_true(has_image(model, before));
    free(before.bytes);
    ae_model_free(model);
}

static void stopped_fit_goes_on_with_more_patience_or_none_or_other_data(void **state)
{
    (void)state;
    for (int way = 0; way < 3; way++) {
        ae_model *model = recipe_model(&small);
        fit_patiently(model, MOST, PATIENCE);
        int64_t epochs = ae_model_epochs(model);
        if (way == 2) x[0] += 0.25f;
        fit_patiently(model, epochs + 1, way == 0 ? PATIENCE + 1 : way == 1 ? 0 : PATIENCE);
        assert_int_equal(ae_model_epochs(model), epochs + 1);
        ae_model_free(model);
    }
}

/* What is given to a restored model by hand is not taken back. */
static void model_is_restored_once(void **state)
{
    const float bias[DIM] = {1, 2, 3, 4, 5, 6};
    float got[DIM];
    ae_model *model = recipe_model(&small);
    (void)state;
    fit_patiently(model, MOST, PATIENCE);
    must(ae_model_weights_set(model, 3, "bias", bias, DIM));
    fit_patiently(model, MOST, PATIENCE);
    fit_patiently(model, ae_model_epochs(model), PATIENCE);
    must(ae_model_weights_get(model, 3, "bias", got, DIM));
    assert_memory_equal(got, bias, sizeof bias);
    ae_model_free(model);
}

/* At any event, with the file in between. */
static void interrupted_fit_stops_where_the_whole_one_does(void **state)
{
    ae_model *want = recipe_model(&small);
    (void)state;
    fit_patiently(want, MOST, PATIENCE);
    int64_t events = ae_model_epochs(want) * (STEPS + 1);
    for (int at = (int)events - 3 * (STEPS + 1); at < events; at++) {
        interruption i = {.at = at};
        ae_model *model = recipe_model(&small);
        ae_fit_options *options = patient(MOST, PATIENCE);
        must(ae_fit_options_progress(options, interrupt, &i));
        assert_int_equal(ae_fit(model, x, NULL, N, options), AE_ERR_CANCELLED);
        model = reloaded(model);
        must(ae_fit(model, x, NULL, N, options));
        assert_true(same_models(model, want));
        ae_fit_options_free(options);
        ae_model_free(model);
    }
    ae_model_free(want);
}

static void stripped_model_forgets(void **state)
{
    ae_model *model = recipe_model(&small), *want = recipe_model(&small);
    (void)state;
    fit_patiently(model, MOST, PATIENCE);
    must(ae_model_strip(model));
    fit_patiently(want, 1, 0);
    must(ae_model_strip(want));
    image a = image_of(model), b = image_of(want);
    assert_int_equal(a.count, b.count);
    fit_patiently(model, 1, PATIENCE);
    assert_int_equal(ae_model_epochs(model), 1);
    free(a.bytes);
    free(b.bytes);
    ae_model_free(model);
    ae_model_free(want);
}

int main(void)
{
#define test(name) cmocka_unit_test_setup_teardown(name, draw_x, free_x)
    const struct CMUnitTest tests[] = {
        test(fit_stops_when_patience_runs_out),
        test(without_validation_the_loss_of_training_counts),
        test(lower_by_less_than_the_least_change_is_not_lower),
        test(restored_model_evaluates_to_the_best_loss_bit_by_bit),
        test(restored_model_is_that_of_the_best_epoch_optimiser_included),
        test(without_restoration_the_last_weights_stay),
        test(epochs_that_run_out_first_leave_the_last_weights),
        test(event_tells_of_the_best_epoch),
        test(stopped_fit_does_nothing_when_called_again),
        test(stopped_fit_goes_on_with_more_patience_or_none_or_other_data),
        test(model_is_restored_once),
        test(interrupted_fit_stops_where_the_whole_one_does),
        test(stripped_model_forgets),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
