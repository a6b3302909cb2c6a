/* What a training tells, by events while it runs and by its history, and that it does not depend on who
 * watches. */
#include "test_fit_diary.h"

/* ---- validation, history, progress ---- */

static void validation_is_evaluate(void **state)
{
    enum { OTHERS = 13 };
    float *other = drawn(OTHERS * DIM), *target = drawn(OTHERS * DIM);
    float *const targets[] = {NULL, target};
    (void)state;
    for (int i = 0; i < 2; i++) {
        ae_model *model = recipe_model(&small), *unwatched = trained(2);
        ae_fit_options *options = options_to(2);
        double values[2], loss;
        must(ae_fit_options_validation(options, other, targets[i], OTHERS));
        must(ae_fit(model, x, NULL, N, options));
        must(ae_model_history(model, AE_METRIC_VAL_LOSS, values, 2, NULL));
        must(ae_evaluate(model, other, targets[i], OTHERS, &loss));
        assert_memory_equal(&values[1], &loss, sizeof loss);
        assert_true(same_weights(model, unwatched));
        ae_fit_options_free(options);
        ae_model_free(model);
        ae_model_free(unwatched);
    }
    free(other);
    free(target);
}

static void events_tell_every_step_and_epoch_in_order(void **state)
{
    diary d = {.count = 0};
    ae_model *model = recipe_model(&small);
    (void)state;
    fit_noting(model, &d, AE_OK);
    assert_int_equal(d.count, EVENTS);
    for (int i = 0; i < EVENTS; i++) {
        const ae_event *e = &d.events[i];
        bool last = i % (STEPS + 1) == STEPS;
        assert_int_equal(e->kind, last ? AE_EVENT_EPOCH : AE_EVENT_BATCH);
        assert_int_equal(e->epoch, i / (STEPS + 1) + 1);
        assert_int_equal(e->epochs, EPOCHS);
        assert_int_equal(e->step, last ? STEPS : i % (STEPS + 1) + 1);
        assert_int_equal(e->steps, STEPS);
        assert_true(e->learning_rate == 0.001);
        assert_true(isfinite(e->loss) && isnan(e->val_loss) == !last);
        assert_true(e->seconds >= 0);
        if (last) assert_true(e->loss == e[-1].loss);
    }
    ae_model_free(model);
}

static void history_holds_what_events_told(void **state)
{
    diary d = {.count = 0};
    double loss[EPOCHS + 1], val_loss[EPOCHS + 1], rate[EPOCHS + 1];
    size_t count;
    ae_model *model = recipe_model(&small);
    (void)state;
    fit_noting(model, &d, AE_OK);
    must(ae_model_set_f64(model, AE_PARAM_LEARNING_RATE, 0.5));
    train_to(model, x, N, EPOCHS + 1);
    must(ae_model_history(model, AE_METRIC_LOSS, loss, EPOCHS + 1, &count));
    must(ae_model_history(model, AE_METRIC_VAL_LOSS, val_loss, EPOCHS + 1, NULL));
    must(ae_model_history(model, AE_METRIC_LEARNING_RATE, rate, EPOCHS + 1, NULL));
    assert_int_equal(count, EPOCHS + 1);
    for (int i = 0; i < EPOCHS; i++) {
        const ae_event *e = &d.events[i * (STEPS + 1) + STEPS];
        assert_true(loss[i] == e->loss && val_loss[i] == e->val_loss && rate[i] == 0.001);
    }
    assert_true(isfinite(loss[EPOCHS]) && isnan(val_loss[EPOCHS]) && rate[EPOCHS] == 0.5);
    ae_model_free(model);
}

/* With a rate of 0 nothing moves, so an epoch's loss is that of all rows: each sums them in double,
 * in another order. */
static void loss_of_an_epoch_is_the_mean_over_its_rows(void **state)
{
    double loss, evaluated;
    ae_model *model = recipe_model(&small);
    (void)state;
    must(ae_model_set_f64(model, AE_PARAM_LEARNING_RATE, 0));
    train_to(model, x, N, 1);
    must(ae_model_history(model, AE_METRIC_LOSS, &loss, 1, NULL));
    must(ae_evaluate(model, x, NULL, N, &evaluated));
    assert_true(fabs(loss - evaluated) <= 1e-14 * evaluated);
    ae_model_free(model);
}

/* ---- what else events tell ---- */

typedef struct norms {
    double norms[EPOCHS * STEPS];
    int count;
} norms;

static int32_t note_norm(const ae_event *event, void *user)
{
    norms *n = user;
    assert_true(event->rows_per_second > 0 && isfinite(event->rows_per_second));
    if (event->kind == AE_EVENT_BATCH) n->norms[n->count++] = event->gradient_norm;
    if (event->kind == AE_EVENT_EPOCH)
        assert_memory_equal(&event->gradient_norm, &n->norms[n->count - 1], sizeof(double));
    return 0;
}

static ae_model *fit_norms(norms *n, int64_t wanted, double clip)
{
    recipe r = small;
    r.optimizer = AE_OPTIM_SGD;
    r.learning_rate = 0.25;
    r.clip = clip;
    ae_model *model = recipe_model(&r);
    ae_fit_options *options = options_to(EPOCHS);
    n->count = 0;
    must(ae_fit_options_set_i64(options, AE_FIT_GRADIENT_NORM, wanted));
    must(ae_fit_options_progress(options, note_norm, n));
    must(ae_fit(model, x, NULL, N, options));
    ae_fit_options_free(options);
    return model;
}

/* It costs nothing where it is known, or not wanted, and never changes a step. */
static void events_tell_the_norm_where_it_is_known_or_wanted(void **state)
{
    norms none, wanted, clipped;
    ae_model *a = fit_norms(&none, 0, 0), *b = fit_norms(&wanted, 1, 0), *c;
    (void)state;
    c = fit_norms(&clipped, 0, 1e30); /* a bound that nothing reaches */
    for (int i = 0; i < EPOCHS * STEPS; i++) {
        assert_true(isnan(none.norms[i]));
        assert_true(wanted.norms[i] > 0 && wanted.norms[i] == clipped.norms[i]);
    }
    assert_true(same_models(a, b));
    assert_true(same_weights(a, c));
    ae_model_free(a);
    ae_model_free(b);
    ae_model_free(c);
}

/* Gradient descent moves the weights by its rate times the gradient. */
static void norm_is_that_of_the_step(void **state)
{
    recipe r = small;
    (void)state;
    r.optimizer = AE_OPTIM_SGD;
    r.learning_rate = 0.25;
    r.batch = N;
    ae_model *model = recipe_model(&r);
    float *before = weights_of(model), *after;
    norms n = {.count = 0};
    ae_fit_options *options = options_to(1);
    double sum = 0;
    must(ae_fit_options_set_i64(options, AE_FIT_GRADIENT_NORM, 1));
    must(ae_fit_options_progress(options, note_norm, &n));
    must(ae_fit(model, x, NULL, N, options));
    after = weights_of(model);
    for (int64_t i = 0; i < ae_model_weights(model); i++)
        sum += pow(((double)before[i] - (double)after[i]) / 0.25, 2);
    assert_true(fabs(n.norms[0] - sqrt(sum)) < 1e-5 * n.norms[0]);
    free(before);
    free(after);
    ae_fit_options_free(options);
    ae_model_free(model);
}

/* Looks at and runs the model in the middle of its training. */
static int32_t use_model(const ae_event *event, void *user)
{
    ae_model *model = user;
    float code[N * 3];
    double loss[EPOCHS], rate, value;
    size_t count;
    must(ae_model_history(model, AE_METRIC_LOSS, loss, EPOCHS, &count));
    assert_int_equal(count, event->epoch - (event->kind == AE_EVENT_BATCH));
    assert_int_equal(ae_model_epochs(model), count);
    assert_int_equal(ae_model_steps(model), (event->epoch - 1) * STEPS + event->step);
    must(ae_model_get_f64(model, AE_PARAM_LEARNING_RATE, &rate));
    must(ae_encode(model, x, N, code, N * 3));
    must(ae_evaluate(model, x, NULL, N, &value));
    free(image_of(model).bytes);
    free(weights_of(model));
    return 0;
}

static void callback_that_uses_the_model_changes_nothing(void **state)
{
    ae_model *model = recipe_model(&small);
    ae_fit_options *options = options_to(EPOCHS);
    (void)state;
    must(ae_fit_options_progress(options, use_model, model));
    must(ae_fit(model, x, NULL, N, options));
    ae_fit_options_free(options);
    assert_same_models(model, trained(EPOCHS));
}

int main(void)
{
#define test(name) cmocka_unit_test_setup(name, draw_x)
    const struct CMUnitTest tests[] = {
        test(validation_is_evaluate),
        test(events_tell_every_step_and_epoch_in_order),
        test(history_holds_what_events_told),
        test(loss_of_an_epoch_is_the_mean_over_its_rows),
        test(events_tell_the_norm_where_it_is_known_or_wanted),
        test(norm_is_that_of_the_step),
        test(callback_that_uses_the_model_changes_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
