/* Schedules through ae.h: events and history tell the rate, steps are made at it, and the file keeps what
 * a plateau remembers. */
#include "test_fit_small.h"

enum { EPOCHS = 6 };

static recipe small_by(int32_t optimizer)
{
    recipe r = small;
    r.optimizer = optimizer;
    r.learning_rate = 0.5;
    return r;
}

static ae_model *scheduled_with(const recipe *r, int32_t schedule, int64_t steps, double factor)
{
    ae_config *config = recipe_config(r, NULL);
    must(ae_config_set_i64(config, AE_PARAM_SCHEDULE, schedule));
    must(ae_config_set_i64(config, AE_PARAM_SCHEDULE_STEPS, steps));
    must(ae_config_set_f64(config, AE_PARAM_SCHEDULE_FACTOR, factor));
    return model_of(config);
}

static ae_model *scheduled(int32_t schedule, int64_t steps, double factor)
{
    const recipe r = small_by(AE_OPTIM_SGD);
    return scheduled_with(&r, schedule, steps, factor);
}

/* The rates that events told: of each step, and of each epoch. */
typedef struct told {
    double steps[EPOCHS * STEPS], epochs[EPOCHS];
    int n_steps, n_epochs;
} told;

static int32_t note_rate(const ae_event *event, void *user)
{
    told *t = user;
    if (event->kind == AE_EVENT_BATCH) t->steps[t->n_steps++] = event->learning_rate;
    if (event->kind == AE_EVENT_EPOCH) t->epochs[t->n_epochs++] = event->learning_rate;
    return 0;
}

static void fit_noting(ae_model *model, told *t)
{
    ae_fit_options *options = options_to(EPOCHS);
    must(ae_fit_options_progress(options, note_rate, t));
    must(ae_fit(model, x, NULL, N, options));
    ae_fit_options_free(options);
}

static void events_and_history_tell_the_rate_of_the_step(void **state)
{
    ae_model *model = scheduled(AE_SCHEDULE_STEP, 2, 0.5);
    double history[EPOCHS];
    told t = {.n_steps = 0};
    (void)state;
    fit_noting(model, &t);
    must(ae_model_history(model, AE_METRIC_LEARNING_RATE, history, EPOCHS, NULL));
    for (int i = 0; i < EPOCHS * STEPS; i++) assert_true(t.steps[i] == 0.5 / (1 << i / 2));
    for (int e = 0; e < EPOCHS; e++) {
        assert_true(t.epochs[e] == t.steps[e * STEPS + STEPS - 1]);
        assert_true(history[e] == t.epochs[e]);
    }
    ae_model_free(model);
}

/* An epoch is a period, so that the rate can be set by hand before each. */
static void steps_are_made_at_the_rate(void **state)
{
    (void)state;
    for (int32_t optimizer = AE_OPTIM_SGD; optimizer <= AE_OPTIM_RMSPROP; optimizer++) {
        const recipe r = small_by(optimizer);
        ae_model *model = scheduled_with(&r, AE_SCHEDULE_STEP, STEPS, 0.5);
        ae_model *by_hand = recipe_model(&r);
        train_to(model, x, N, 3);
        for (int e = 0; e < 3; e++) {
            must(ae_model_set_f64(by_hand, AE_PARAM_LEARNING_RATE, 0.5 / (1 << e)));
            train_to(by_hand, x, N, e + 1);
        }
        assert_true(same_weights(model, by_hand));
        ae_model_free(model);
        ae_model_free(by_hand);
    }
}

/* With a threshold of 1 a loss above 0 is never lower: every epoch after the first is waited for. */
static void plateau_counts_epochs_across_fits_and_files(void **state)
{
    ae_model *model = scheduled(AE_SCHEDULE_PLATEAU, 1, 0.25);
    const double want[] = {1, 1, 1, 0.25, 0.25, 0.0625};
    (void)state;
    must(ae_model_set_i64(model, AE_PARAM_SCHEDULE_PATIENCE, 2));
    must(ae_model_set_f64(model, AE_PARAM_SCHEDULE_THRESHOLD, 1));
    for (int e = 0; e < EPOCHS; e++) {
        double history[EPOCHS];
        train_to(model, x, N, e + 1);
        model = reloaded(model);
        must(ae_model_history(model, AE_METRIC_LEARNING_RATE, history, EPOCHS, NULL));
        assert_true(history[e] == 0.5 * want[e]);
    }
    ae_model_free(model);
}

/* Rows alike are learnt, and the row that is their opposite is reconstructed worse with every epoch. */
static void plateau_looks_at_validation_where_there_is_some(void **state)
{
    float far[DIM];
    double losses[EPOCHS], rates[EPOCHS];
    ae_model *model = scheduled(AE_SCHEDULE_PLATEAU, 1, 0.5);
    ae_fit_options *options = options_to(EPOCHS);
    (void)state;
    for (int j = 0; j < N * DIM; j++) x[j] = 0.9f;
    for (int j = 0; j < DIM; j++) far[j] = 0;
    must(ae_model_set_i64(model, AE_PARAM_SCHEDULE_PATIENCE, 1));
    must(ae_fit_options_validation(options, far, NULL, 1));
    must(ae_fit(model, x, NULL, N, options));
    must(ae_model_history(model, AE_METRIC_LOSS, losses, EPOCHS, NULL));
    must(ae_model_history(model, AE_METRIC_LEARNING_RATE, rates, EPOCHS, NULL));
    for (int e = 2; e < EPOCHS; e++) {
        assert_true(losses[e] < losses[e - 1] * 0.999);
        assert_true(rates[e] == 0.5 * rates[e - 1]);
    }
    ae_fit_options_free(options);
    ae_model_free(model);
}

static void interrupted_schedule_goes_on_by_the_absolute_step(void **state)
{
    (void)state;
    for (int32_t schedule = AE_SCHEDULE_CONSTANT; schedule <= AE_SCHEDULE_PLATEAU; schedule++) {
        ae_model *once = scheduled(schedule, 5, 0.5), *thrice = scheduled(schedule, 5, 0.5);
        must(ae_model_set_i64(once, AE_PARAM_SCHEDULE_WARMUP, 4));
        must(ae_model_set_i64(thrice, AE_PARAM_SCHEDULE_WARMUP, 4));
        train_to(once, x, N, EPOCHS);
        for (int64_t e = 1; e <= EPOCHS; e++) {
            train_to(thrice, x, N, e);
            if (e % 2) thrice = reloaded(thrice);
        }
        assert_true(same_models(once, thrice));
        ae_model_free(once);
        ae_model_free(thrice);
    }
}

int main(void)
{
#define test(name) cmocka_unit_test_setup(name, draw_x)
    const struct CMUnitTest tests[] = {
        test(events_and_history_tell_the_rate_of_the_step),
        test(steps_are_made_at_the_rate),
        test(plateau_counts_epochs_across_fits_and_files),
        test(plateau_looks_at_validation_where_there_is_some),
        test(interrupted_schedule_goes_on_by_the_absolute_step),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
