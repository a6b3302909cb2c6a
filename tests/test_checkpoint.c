/* Checkpoints through ae.h: when they are written, and that training goes on from any of them as if nothing
 * had been. */
#include "folder.h"
#include "test_fit_small.h"

#include <sys/stat.h>

enum { EPOCHS = 6 };

static float other[N * DIM];
static char path[300];

static int set_up(void **state)
{
    draw_x(state);
    draw_units(other, N * DIM);
    if (make_folder(state) != 0) return -1;
    snprintf(path, sizeof path, "%s/model.aem", folder);
    return 0;
}

/* Everything that has a state: a plateau, early stopping, Adam. */
static ae_model *model_of_all(void)
{
    ae_config *config = recipe_config(&small, NULL);
    must(ae_config_set_f64(config, AE_PARAM_LEARNING_RATE, 0.02));
    must(ae_config_set_i64(config, AE_PARAM_SCHEDULE, AE_SCHEDULE_PLATEAU));
    must(ae_config_set_i64(config, AE_PARAM_SCHEDULE_PATIENCE, 1));
    must(ae_config_set_f64(config, AE_PARAM_SCHEDULE_THRESHOLD, 0.02));
    return model_of(config);
}

static ae_fit_options *options_of_all(int64_t epochs)
{
    ae_fit_options *options = options_to(epochs);
    must(ae_fit_options_set_i64(options, AE_FIT_PATIENCE, 4));
    must(ae_fit_options_validation(options, other, NULL, N));
    return options;
}

static ae_model *loaded(void)
{
    ae_model *model;
    must(ae_model_load(&model, path));
    return model;
}

/* ---- marks ---- */

/* What the file held at each event: 0 steps where there was none. */
typedef struct watch {
    int count;
    int64_t steps[EPOCHS * (STEPS + 1)];
    image images[EPOCHS * (STEPS + 1)];
    bool keep;
} watch;

static int32_t look(const ae_event *event, void *user)
{
    watch *w = user;
    ae_model *model;
    if (event->kind == AE_EVENT_STOP) return 0;
    w->steps[w->count] = 0;
    if (access(path, F_OK) == 0) {
        must(ae_model_load(&model, path));
        w->steps[w->count] = ae_model_steps(model);
        if (w->keep) w->images[w->count] = image_of(model);
        ae_model_free(model);
    }
    w->count++;
    return 0;
}

/* Watches the file over EPOCHS epochs with these marks; the model is the one trained. */
static ae_model *watched(watch *w, int64_t epochs, int64_t steps, double seconds)
{
    ae_model *model = model_of_all();
    ae_fit_options *options = options_of_all(EPOCHS);
    must(ae_fit_options_checkpoint(options, path, epochs, steps, seconds));
    must(ae_fit_options_progress(options, look, w));
    must(ae_fit(model, x, NULL, N, options));
    ae_fit_options_free(options);
    return model;
}

static void checkpoints_come_at_multiples_of_steps(void **state)
{
    watch w = {.count = 0};
    ae_model *model = watched(&w, 0, 4, 0), *last = loaded();
    int64_t steps = 0;
    (void)state;
    assert_in_range(w.count, 4 * (STEPS + 1), EPOCHS * (STEPS + 1));
    for (int i = 0; i < w.count; i++) {
        steps += i % (STEPS + 1) < STEPS; /* the fourth event is the epoch's */
        assert_int_equal(w.steps[i], steps / 4 * 4);
    }
    assert_true(same_models(model, last)); /* at the end in any case */
    ae_model_free(model);
    ae_model_free(last);
}

static void checkpoints_come_at_multiples_of_epochs(void **state)
{
    watch w = {.count = 0};
    (void)state;
    ae_model_free(watched(&w, 2, 0, 0));
    for (int i = 0; i < w.count; i++)
        assert_int_equal(w.steps[i], (i + 1) / (STEPS + 1) / 2 * 2 * STEPS);
}

/* A nanosecond is over at every step. */
static void checkpoints_come_when_time_is_over(void **state)
{
    watch w = {.count = 0};
    int64_t steps = 0;
    (void)state;
    ae_model_free(watched(&w, 0, 0, 1e-9));
    for (int i = 0; i < w.count; i++) {
        steps += i % (STEPS + 1) < STEPS;
        assert_int_equal(w.steps[i], steps);
    }
}

static void checkpoints_change_nothing(void **state)
{
    watch w = {.count = 0};
    ae_model *with = watched(&w, 0, 1, 0), *without = model_of_all();
    ae_fit_options *options = options_of_all(EPOCHS);
    (void)state;
    must(ae_fit(without, x, NULL, N, options));
    assert_true(same_models(with, without));
    ae_fit_options_free(options);
    ae_model_free(with);
    ae_model_free(without);
}

static int32_t cancel(const ae_event *event, void *user)
{
    (void)user;
    return event->epoch == 2 && event->step == 2;
}

static void cancelled_fit_leaves_a_checkpoint(void **state)
{
    ae_model *model = model_of_all(), *file;
    ae_fit_options *options = options_of_all(EPOCHS);
    (void)state;
    must(ae_fit_options_checkpoint(options, path, 100, 0, 0));
    must(ae_fit_options_progress(options, cancel, NULL));
    assert_int_equal(ae_fit(model, x, NULL, N, options), AE_ERR_CANCELLED);
    file = loaded();
    assert_int_equal(ae_model_steps(file), STEPS + 2);
    assert_true(same_models(model, file));
    ae_fit_options_free(options);
    ae_model_free(model);
    ae_model_free(file);
}

/* ---- going on ---- */

static void any_checkpoint_goes_on_to_the_same_bytes(void **state)
{
    watch w = {.keep = true};
    ae_model *want = watched(&w, 0, 1, 0);
    ae_fit_options *options = options_of_all(EPOCHS);
    (void)state;
    for (int i = 0; i < w.count; i++) {
        ae_model *model;
        must(ae_model_load_memory(&model, w.images[i].bytes, w.images[i].count));
        must(ae_fit(model, x, NULL, N, options));
        if (!same_models(model, want)) fail_msg("not from the checkpoint at event %d", i + 1);
        ae_model_free(model);
        free(w.images[i].bytes);
    }
    ae_fit_options_free(options);
    ae_model_free(want);
}

/* The model in the middle of an epoch on x. */
static ae_model *half_way(void)
{
    ae_model *model = model_of_all();
    ae_fit_options *options = options_of_all(EPOCHS);
    must(ae_fit_options_progress(options, cancel, NULL));
    assert_int_equal(ae_fit(model, x, NULL, N, options), AE_ERR_CANCELLED);
    ae_fit_options_free(options);
    return reloaded(model);
}

static void open_epoch_is_refused_other_data(void **state)
{
    ae_model *model = half_way();
    ae_fit_options *options = options_of_all(EPOCHS);
    (void)state;
    image before = image_of(model);
    must(ae_model_set_f64(model, AE_PARAM_LEARNING_RATE, 0.02));
    for (int at = 0; at < 3; at++) {
        float *cell = &x[at == 2 ? N * DIM - 1 : at * DIM], old = *cell;
        *cell = *cell < 0.5f ? *cell + 0.125f : *cell - 0.125f;
        assert_int_equal(ae_fit(model, x, NULL, N, options), AE_ERR_STATE);
        assert_non_null(strstr(ae_last_error(), "epoch 2 was begun on other data"));
        *cell = old;
    }
    assert_int_equal(ae_fit(model, x, other, N, options), AE_ERR_STATE);
    assert_int_equal(ae_fit(model, x, NULL, N - 1, options), AE_ERR_STATE);
    assert_true(has_image(model, before));
    must(ae_fit(model, x, NULL, N, options));
    free(before.bytes);
    ae_fit_options_free(options);
    ae_model_free(model);
}

static void open_epoch_begins_anew_if_told_to(void **state)
{
    ae_model *model = half_way();
    ae_fit_options *options = options_of_all(2);
    (void)state;
    must(ae_fit_options_set_i64(options, AE_FIT_ANEW, 1));
    must(ae_fit(model, other, NULL, N, options));
    assert_int_equal(ae_model_steps(model), STEPS + 2 + STEPS);
    ae_fit_options_free(options);
    ae_model_free(model);
}

/* Numbers that mean the same are the same data, however they are stored. */
static void open_epoch_takes_the_same_numbers_of_another_type(void **state)
{
    uint8_t bytes[N * DIM];
    ae_data *data;
    ae_fit_options *options = options_of_all(EPOCHS);
    (void)state;
    for (int i = 0; i < N * DIM; i++) {
        bytes[i] = (uint8_t)(draw_bits() >> 56);
        x[i] = bytes[i] * (float)(1.0 / 255);
    }
    must(ae_data_create(&data));
    must(ae_data_array(data, AE_DATA_X, AE_TYPE_U8, bytes, N, DIM));
    must(ae_data_scale(data, AE_DATA_X, 1.0 / 255, 0));
    ae_model *model = half_way();
    must(ae_fit_data(model, data, options));
    ae_data_free(data);
    ae_fit_options_free(options);
    ae_model_free(model);
}

/* ---- what can go wrong ---- */

static void path_that_cannot_be_written_to_is_found_before_the_first_step(void **state)
{
    ae_model *model = model_of_all();
    ae_fit_options *options = options_of_all(EPOCHS);
    (void)state;
    image before = image_of(model);
    must(ae_fit_options_checkpoint(options, in_folder("none/model.aem"), 1, 0, 0));
    assert_int_equal(ae_fit(model, x, NULL, N, options), AE_ERR_IO);
    assert_true(has_image(model, before));
    must(ae_fit_options_checkpoint(options, NULL, 0, 0, 0));
    must(ae_fit(model, x, NULL, N, options));
    free(before.bytes);
    ae_fit_options_free(options);
    ae_model_free(model);
}

/* Puts a folder where the file was. */
static int32_t obstruct(const ae_event *event, void *user)
{
    (void)user;
    if (event->epoch != 2 || event->step != 2) return 0;
    return remove(path) != 0 || mkdir(path, 0777) != 0;
}

static void checkpoint_that_fails_ends_the_fit_and_keeps_its_steps(void **state)
{
    ae_model *model = model_of_all(), *want = model_of_all();
    ae_fit_options *options = options_of_all(EPOCHS);
    (void)state;
    must(ae_fit_options_checkpoint(options, path, 0, 1, 0));
    must(ae_fit_options_progress(options, obstruct, NULL));
    assert_int_equal(ae_fit(model, x, NULL, N, options), AE_ERR_IO);
    assert_int_equal(ae_model_steps(model), STEPS + 3);
    must(ae_fit_options_checkpoint(options, NULL, 0, 0, 0));
    must(ae_fit_options_progress(options, NULL, NULL));
    must(ae_fit(model, x, NULL, N, options));
    must(ae_fit(want, x, NULL, N, options));
    assert_true(same_models(model, want));
    ae_fit_options_free(options);
    ae_model_free(model);
    ae_model_free(want);
}

/* Row 0 spoils the second epoch: its checkpoints are sound, and none comes after the divergence. */
static int32_t spoil(const ae_event *event, void *user)
{
    (void)user;
    if (event->kind == AE_EVENT_EPOCH && event->epoch == 2) x[0] = 3e38f;
    return 0;
}

static void diverging_fit_leaves_a_sound_checkpoint(void **state)
{
    ae_model *model = model_of_all(), *file;
    ae_fit_options *options = options_of_all(EPOCHS);
    double loss;
    (void)state;
    must(ae_fit_options_checkpoint(options, path, 0, 1, 0));
    must(ae_fit_options_progress(options, spoil, NULL));
    assert_int_equal(ae_fit(model, x, NULL, N, options), AE_ERR_DIVERGED);
    file = loaded();
    assert_in_range(ae_model_steps(file), 2 * STEPS, 3 * STEPS);
    must(ae_evaluate(file, other, NULL, N, &loss));
    assert_true(isfinite(loss));
    assert_int_equal(ae_model_epochs(model), 2);
    ae_fit_options_free(options);
    ae_model_free(model);
    ae_model_free(file);
}

static void marks_are_checked(void **state)
{
    ae_fit_options *options;
    (void)state;
    const struct {
        int64_t epochs, steps;
        double seconds;
    } wrong[] = {{0, 0, 0}, {-1, 1, 0}, {1, -1, 0}, {0, 1, -1}, {0, 1, NAN}, {0, 1, INFINITY}};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        options = options_to(1);
        assert_int_equal(ae_fit_options_checkpoint(options, path, wrong[i].epochs, wrong[i].steps,
                                                   wrong[i].seconds),
                         AE_ERR_RANGE);
        assert_int_equal(ae_fit_options_set_i64(options, AE_FIT_EPOCHS, 1), AE_ERR_RANGE);
        ae_fit_options_free(options);
    }
}

int main(void)
{
#define test(name) cmocka_unit_test_setup_teardown(name, set_up, remove_folder)
    const struct CMUnitTest tests[] = {
        test(checkpoints_come_at_multiples_of_steps),
        test(checkpoints_come_at_multiples_of_epochs),
        test(checkpoints_come_when_time_is_over),
        test(checkpoints_change_nothing),
        test(cancelled_fit_leaves_a_checkpoint),
        test(any_checkpoint_goes_on_to_the_same_bytes),
        test(open_epoch_is_refused_other_data),
        test(open_epoch_begins_anew_if_told_to),
        test(open_epoch_takes_the_same_numbers_of_another_type),
        test(path_that_cannot_be_written_to_is_found_before_the_first_step),
        test(checkpoint_that_fails_ends_the_fit_and_keeps_its_steps),
        test(diverging_fit_leaves_a_sound_checkpoint),
        test(marks_are_checked),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
