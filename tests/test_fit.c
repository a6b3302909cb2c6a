/* Training through ae.h: what an epoch is, what each ending leaves, and that the same training gives
 * the same bits however it is cut up or fed. What it tells is in test_events.c. */
#include "test_fit_diary.h"

static ae_model *small_with(int32_t param, int64_t value)
{
    ae_config *config = recipe_config(&small, NULL);
    must(ae_config_set_i64(config, param, value));
    return model_of(config);
}

/* ---- epochs and steps ---- */

static void short_last_batch_is_a_step_on_the_rows_left(void **state)
{
    ae_model *whole = small_with(AE_PARAM_SHUFFLE, AE_SHUFFLE_NONE);
    ae_model *by_hand = small_with(AE_PARAM_SHUFFLE, AE_SHUFFLE_NONE);
    (void)state;
    train_to(whole, x, N, 1);
    train_to(by_hand, x, 4, 1);
    train_to(by_hand, x + 4 * DIM, 4, 2);
    train_to(by_hand, x + 8 * DIM, 2, 3);
    assert_int_equal(ae_model_steps(whole), STEPS);
    assert_int_equal(ae_model_steps(by_hand), STEPS);
    assert_true(same_weights(whole, by_hand));
    ae_model_free(whole);
    ae_model_free(by_hand);
}

static void epochs_are_counted_in_all(void **state)
{
    ae_model *model = trained(3);
    (void)state;
    image before = image_of(model);
    train_to(model, x, N, 3);
    train_to(model, x, N, 0);
    assert_true(has_image(model, before));
    train_to(model, x, N, 5);
    assert_int_equal(ae_model_epochs(model), 5);
    assert_int_equal(ae_model_steps(model), 5 * STEPS);
    free(before.bytes);
    ae_model_free(model);
}

static void five_epochs_and_five_more_are_ten(void **state)
{
    (void)state;
    for (int32_t optimizer = AE_OPTIM_SGD; optimizer <= AE_OPTIM_RMSPROP; optimizer++) {
        recipe r = small;
        r.optimizer = optimizer;
        ae_config *config = recipe_config(&r, NULL);
        if (optimizer == AE_OPTIM_SGD || optimizer == AE_OPTIM_RMSPROP)
            must(ae_config_set_f64(config, AE_PARAM_MOMENTUM, 0.5));
        ae_model *once, *twice;
        must(ae_model_create(&once, config));
        must(ae_model_create(&twice, config));
        ae_config_free(config);
        train_to(once, x, N, 10);
        train_to(twice, x, N, 5);
        twice = reloaded(twice);
        train_to(twice, x, N, 10);
        assert_same_models(twice, once);
    }
}

static void seed_alone_decides(void **state)
{
    ae_model *models[3];
    (void)state;
    for (int64_t i = 0; i < 3; i++) {
        models[i] = small_with(AE_PARAM_SEED, i / 2);
        train_to(models[i], x, N, 2);
    }
    assert_true(same_models(models[0], models[1]));
    assert_false(same_weights(models[0], models[2]));
    for (int i = 0; i < 3; i++) ae_model_free(models[i]);
}

/* ---- the order of rows ---- */

typedef struct order {
    int rows[2 * N]; /* of two epochs */
    int count;
    double sum; /* of this epoch's losses so far */
    float scores[N];
} order;

/* At batch 1 and rate 0 the mean over an epoch tells which row came last: the one of that score. */
static int32_t note_row(const ae_event *event, void *user)
{
    order *o = user;
    if (event->kind != AE_EVENT_BATCH) return 0;
    double sum = event->loss * (double)event->step, loss = event->step == 1 ? sum : sum - o->sum;
    int nearest = 0;
    for (int i = 1; i < N; i++)
        if (fabs(o->scores[i] - loss) < fabs(o->scores[nearest] - loss)) nearest = i;
    o->rows[o->count++] = nearest;
    o->sum = sum;
    return 0;
}

static order order_of(int64_t shuffle)
{
    order o = {.count = 0};
    ae_model *model = small_with(AE_PARAM_SHUFFLE, shuffle);
    ae_fit_options *options = options_to(2);
    must(ae_model_set_i64(model, AE_PARAM_BATCH, 1));
    must(ae_model_set_f64(model, AE_PARAM_LEARNING_RATE, 0));
    must(ae_score(model, x, N, o.scores, N));
    must(ae_fit_options_progress(options, note_row, &o));
    must(ae_fit(model, x, NULL, N, options));
    ae_fit_options_free(options);
    ae_model_free(model);
    assert_int_equal(o.count, 2 * N);
    return o;
}

static void unshuffled_rows_come_as_they_stand(void **state)
{
    order o = order_of(AE_SHUFFLE_NONE);
    (void)state;
    for (int i = 0; i < 2 * N; i++) assert_int_equal(o.rows[i], i % N);
}

static void shuffled_rows_come_once_an_epoch_in_another_order(void **state)
{
    order o = order_of(AE_SHUFFLE_FULL);
    int seen[2][N] = {{0}};
    (void)state;
    for (int i = 0; i < 2 * N; i++) seen[i / N][o.rows[i]]++;
    for (int i = 0; i < 2 * N; i++) assert_int_equal(seen[i / N][i % N], 1);
    assert_memory_not_equal(o.rows, o.rows + N, N * sizeof *o.rows);
}

/* ---- data ---- */

static void fit_data_to(ae_model *model, const ae_data *data, int64_t epochs)
{
    ae_fit_options *options = options_to(epochs);
    must(ae_fit_data(model, data, options));
    ae_fit_options_free(options);
}

/* A small model after 3 epochs on other numbers or strides that mean what x means. */
static ae_model *trained_on(int32_t type, const void *values, double scale, int64_t stride)
{
    ae_model *model = recipe_model(&small);
    ae_data *data;
    must(ae_data_create(&data));
    must(ae_data_array(data, AE_DATA_X, type, values, N, DIM));
    must(ae_data_scale(data, AE_DATA_X, scale, 0));
    must(ae_data_stride(data, AE_DATA_X, stride));
    fit_data_to(model, data, 3);
    ae_data_free(data);
    return model;
}

static void bytes_and_floats_of_one_scale_train_alike(void **state)
{
    uint8_t bytes[N * DIM];
    float whole[N * DIM];
    (void)state;
    for (int i = 0; i < N * DIM; i++) {
        bytes[i] = (uint8_t)(draw_bits() >> 56);
        whole[i] = bytes[i];
        x[i] = whole[i] * (float)(1.0 / 255);
    }
    assert_same_models(trained_on(AE_TYPE_U8, bytes, 1.0 / 255, DIM), trained(3));
    assert_same_models(trained_on(AE_TYPE_F32, whole, 1.0 / 255, DIM * sizeof *whole), trained(3));
}

static void rows_of_a_wider_table_train_alike(void **state)
{
    float wide[N * (DIM + 4)];
    (void)state;
    for (int i = 0; i < N * (DIM + 4); i++) wide[i] = NAN;
    for (int i = 0; i < N; i++) memcpy(wide + i * (DIM + 4) + 2, x + i * DIM, DIM * sizeof *x);
    assert_same_models(trained_on(AE_TYPE_F32, wide + 2, 1, (DIM + 4) * sizeof *wide), trained(3));
}

static void targets_that_are_the_input_change_nothing(void **state)
{
    ae_model *model = recipe_model(&small);
    ae_fit_options *options = options_to(3);
    float same[N * DIM];
    (void)state;
    memcpy(same, x, sizeof same);
    must(ae_fit(model, x, same, N, options));
    ae_fit_options_free(options);
    assert_same_models(model, trained(3));
}

/* Targets of other dimensions: y = mean of the row, which a line fits exactly. */
static void targets_of_their_own_are_learnt(void **state)
{
    const recipe line = {.dims = {DIM, 1},
                         .batch = N,
                         .loss = AE_LOSS_MSE,
                         .optimizer = AE_OPTIM_SGD,
                         .learning_rate = 0.25};
    float y[N], weights[DIM + 1];
    double loss;
    ae_model *model = recipe_model(&line);
    ae_fit_options *options = options_to(10000);
    (void)state;
    for (int i = 0; i < N; i++) {
        y[i] = 0;
        for (int j = 0; j < DIM; j++) y[i] += x[i * DIM + j] / DIM;
    }
    must(ae_fit(model, x, y, N, options));
    must(ae_evaluate(model, x, y, N, &loss));
    must(ae_model_weights_get(model, 0, "kernel", weights, DIM));
    must(ae_model_weights_get(model, 0, "bias", weights + DIM, 1));
    for (int j = 0; j <= DIM; j++) assert_float_equal(weights[j], j < DIM ? 1.0f / DIM : 0, 1e-4f);
    assert_true(loss < 1e-10);
    ae_fit_options_free(options);
    ae_model_free(model);
}

/* ---- endings ---- */

static void assert_sound(ae_model *model)
{
    float out[N * DIM];
    must(ae_reconstruct(model, x, N, out, N * DIM));
    for (int i = 0; i < N * DIM; i++) assert_true(isfinite(out[i]));
}

static void cancelled_fit_goes_on_as_if_it_had_not_been(void **state)
{
    diary whole = {.count = 0};
    ae_model *want = recipe_model(&small);
    (void)state;
    fit_noting(want, &whole, AE_OK);
    for (int at = 1; at <= EVENTS; at++) {
        diary d = {.cancel_at = at};
        ae_model *model = recipe_model(&small);
        fit_noting(model, &d, at == EVENTS ? AE_OK : AE_ERR_CANCELLED); /* nothing was left then */
        assert_int_equal(d.count, at);
        assert_int_equal(ae_model_steps(model), at - at / (STEPS + 1));
        assert_sound(model);
        if (at % 2) model = reloaded(model);
        d.cancel_at = 0;
        fit_noting(model, &d, AE_OK);
        assert_int_equal(d.count, EVENTS);
        for (int i = 0; i < EVENTS; i++) assert_true(d.events[i].loss == whole.events[i].loss);
        assert_true(same_models(model, want));
        ae_model_free(model);
    }
    ae_model_free(want);
}

static void fit_cancelled_at_every_event_ends_the_same(void **state)
{
    diary d = {.cancel_at = 1};
    ae_model *model = recipe_model(&small);
    ae_fit_options *options = options_to(EPOCHS);
    int32_t status;
    int events = 0;
    (void)state;
    must(ae_fit_options_progress(options, note_event, &d));
    while ((status = ae_fit(model, x, NULL, N, options)) == AE_ERR_CANCELLED) {
        events++;
        d.count = 0;
    }
    assert_int_equal(status, AE_OK);
    assert_int_equal(events, EVENTS - 1);
    ae_fit_options_free(options);
    assert_same_models(model, trained(EPOCHS));
}

static void cancelled_epoch_begins_anew_on_other_rows_if_told_to(void **state)
{
    diary d = {.cancel_at = 2};
    ae_model *model = recipe_model(&small);
    ae_fit_options *options = options_to(1);
    (void)state;
    fit_noting(model, &d, AE_ERR_CANCELLED);
    image before = image_of(model);
    assert_int_equal(ae_fit(model, x, NULL, N - 2, options), AE_ERR_STATE);
    assert_non_null(strstr(ae_last_error(), "epoch 1 was begun on 10 rows, got 8"));
    assert_true(has_image(model, before));
    free(before.bytes);
    d = (diary){.count = 0};
    must(ae_fit_options_progress(options, note_event, &d));
    must(ae_fit_options_set_i64(options, AE_FIT_ANEW, 1));
    must(ae_fit(model, x, NULL, N - 2, options));
    assert_int_equal(d.count, 3);
    assert_int_equal(d.events[0].step, 1);
    assert_int_equal(d.events[0].steps, 2);
    assert_int_equal(ae_model_steps(model), 2 + 2);
    ae_fit_options_free(options);
    ae_model_free(model);
}

/* A step an epoch, and steps so long that the weights grow until they overflow. */
static const recipe explosive = {.dims = {DIM, 3, DIM},
                                 .batch = N,
                                 .loss = AE_LOSS_MSE,
                                 .optimizer = AE_OPTIM_SGD,
                                 .learning_rate = 10};

static void diverging_fit_leaves_the_last_complete_epoch(void **state)
{
    ae_config *config = recipe_config(&explosive, NULL);
    ae_model *model, *want;
    ae_fit_options *options = options_to(100);
    (void)state;
    must(ae_config_set_f64(config, AE_PARAM_MOMENTUM, 0.5));
    must(ae_model_create(&model, config));
    must(ae_model_create(&want, config));
    assert_int_equal(ae_fit(model, x, NULL, N, options), AE_ERR_DIVERGED);
    assert_in_range(ae_model_epochs(model), 2, 50);
    assert_int_equal(ae_model_steps(model), ae_model_epochs(model));
    train_to(want, x, N, ae_model_epochs(model));
    assert_same_models(model, want);
    ae_fit_options_free(options);
    ae_config_free(config);
}

typedef struct spoiler {
    float *x;
    int64_t epoch;
} spoiler;

static int32_t spoil(const ae_event *event, void *user)
{
    const spoiler *s = user;
    if (event->kind == AE_EVENT_EPOCH && event->epoch == s->epoch) s->x[0] = 3e38f;
    return 0;
}

static void late_divergence_keeps_the_whole_history(void **state)
{
    enum { LATE = 1500 };
    static double history[LATE];
    float *data = drawn(N * DIM);
    spoiler s = {data, LATE};
    ae_model *model = recipe_model(&small);
    ae_fit_options *options = options_to(2 * LATE);
    size_t count;
    (void)state;
    must(ae_fit_options_progress(options, spoil, &s));
    assert_int_equal(ae_fit(model, data, NULL, N, options), AE_ERR_DIVERGED);
    must(ae_model_history(model, AE_METRIC_LOSS, history, LATE, &count));
    assert_int_equal(count, LATE);
    for (int i = 0; i < LATE; i++) assert_true(isfinite(history[i]));
    ae_fit_options_free(options);
    ae_model_free(model);
    free(data);
}

static void diverging_fit_that_completes_no_epoch_leaves_the_model_as_it_was(void **state)
{
    for (int32_t optimizer = AE_OPTIM_SGD; optimizer <= AE_OPTIM_RMSPROP; optimizer++) {
        recipe r = explosive;
        r.optimizer = optimizer;
        r.batch = 1;
        r.learning_rate = 0.001;
        ae_model *model = recipe_model(&r);
        ae_fit_options *options = options_to(3);
        train_to(model, x, N, 2);
        image before = image_of(model);
        must(ae_model_set_f64(model, AE_PARAM_LEARNING_RATE, 1e6));
        for (int i = 0; i < N * DIM; i++) x[i] *= 1e15f; /* for Adam, whose steps have one size */
        assert_int_equal(ae_fit(model, x, NULL, N, options), AE_ERR_DIVERGED);
        for (int i = 0; i < N * DIM; i++) x[i] *= 1e-15f;
        must(ae_model_set_f64(model, AE_PARAM_LEARNING_RATE, 0.001));
        assert_true(has_image(model, before));
        free(before.bytes);
        ae_fit_options_free(options);
        ae_model_free(model);
    }
    (void)state;
}

int main(void)
{
#define test(name) cmocka_unit_test_setup(name, draw_x)
    const struct CMUnitTest tests[] = {
        test(short_last_batch_is_a_step_on_the_rows_left),
        test(epochs_are_counted_in_all),
        test(five_epochs_and_five_more_are_ten),
        test(seed_alone_decides),
        test(unshuffled_rows_come_as_they_stand),
        test(shuffled_rows_come_once_an_epoch_in_another_order),
        test(bytes_and_floats_of_one_scale_train_alike),
        test(rows_of_a_wider_table_train_alike),
        test(targets_that_are_the_input_change_nothing),
        test(targets_of_their_own_are_learnt),
        test(cancelled_fit_goes_on_as_if_it_had_not_been),
        test(fit_cancelled_at_every_event_ends_the_same),
        test(cancelled_epoch_begins_anew_on_other_rows_if_told_to),
        test(diverging_fit_leaves_the_last_complete_epoch),
        test(diverging_fit_that_completes_no_epoch_leaves_the_model_as_it_was),
        test(late_divergence_keeps_the_whole_history),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
