/* Training that is cut up, cancelled or spoilt, of every kind of model: it ends with the bytes of the training
 * that was not, for any number of threads. */
#include "folder.h"
#include "kinds.h"

/* 20 rows by 8: batches of 8, 8 and 4 rows */
enum { N = 20, OTHERS = 9, BATCHES = 3, EPOCHS = 5, EVENTS = EPOCHS * (BATCHES + 1) };

static float x[N * KIND_DIM], other[OTHERS * KIND_DIM];
static char path[300];

static int set_up(void **state)
{
    draw_state = 11;
    draw_units(x, N * KIND_DIM);
    draw_units(other, OTHERS * KIND_DIM);
    if (make_folder(state) != 0) return -1;
    snprintf(path, sizeof path, "%s/model.aem", folder);
    return 0;
}

/* With validation, and a patience that keeps the best epoch and never runs out. */
static ae_fit_options *options_of_all(int64_t epochs, int64_t threads)
{
    ae_fit_options *options = options_to(epochs);
    must(ae_fit_options_set_i64(options, AE_FIT_THREADS, threads));
    must(ae_fit_options_set_i64(options, AE_FIT_PATIENCE, 100));
    must(ae_fit_options_validation(options, other, NULL, OTHERS));
    return options;
}

static void fit_to(ae_model *model, int64_t epochs, int64_t threads)
{
    ae_fit_options *options = options_of_all(epochs, threads);
    must(ae_fit(model, x, NULL, N, options));
    ae_fit_options_free(options);
}

/* The model after so many epochs, trained at once by one thread. */
static image undisturbed(const kind *k, int64_t epochs)
{
    ae_model *model = kind_model(k, NULL);
    if (epochs) fit_to(model, epochs, 1);
    image i = image_of(model);
    ae_model_free(model);
    return i;
}

static const int64_t thread_counts[] = {1, 2, 4};
enum { COUNTS = sizeof thread_counts / sizeof *thread_counts };

/* ---- cut up ---- */

static void fit_cut_after_any_epoch_ends_with_the_same_bytes(void **state)
{
    (void)state;
    for (const kind *k = kinds; k < kinds + KINDS; k++) {
        image want = undisturbed(k, EPOCHS);
        for (int t = 0; t < COUNTS; t++) {
            for (int64_t cut = 1; cut <= EPOCHS; cut++) {
                ae_model *model = kind_model(k, NULL);
                fit_to(model, cut, thread_counts[t]);
                model = reloaded(model);
                fit_to(model, EPOCHS, thread_counts[t]);
                if (!has_image(model, want))
                    fail_msg("%s: %d threads, cut after epoch %d", k->name, (int)thread_counts[t],
                             (int)cut);
                ae_model_free(model);
            }
        }
        free(want.bytes);
    }
}

/* ---- stopped early ---- */

/* Bit by bit, and what it evaluates to is in the file. */
static void model_restored_to_its_best_epoch_evaluates_to_the_logged_loss(void **state)
{
    enum { MOST = 600, PATIENCE = 3 };
    static double losses[MOST];
    (void)state;
    for (const kind *k = kinds; k < kinds + KINDS; k++) {
        ae_model *model = kind_model(k, NULL);
        ae_fit_options *options = options_of_all(MOST, 1);
        double loss, best;
        must(ae_model_set_i64(model, AE_PARAM_SCHEDULE, AE_SCHEDULE_CONSTANT));
        must(ae_model_set_f64(model, AE_PARAM_LEARNING_RATE, 0.05));
        must(ae_fit_options_set_i64(options, AE_FIT_PATIENCE, PATIENCE));
        must(ae_fit(model, x, NULL, N, options));
        const int64_t epochs = ae_model_epochs(model);
        assert_in_range(epochs, PATIENCE + 1, MOST - 1);
        must(ae_model_history(model, AE_METRIC_VAL_LOSS, losses, MOST, NULL));
        best = losses[epochs - 1 - PATIENCE];
        for (int64_t e = 0; e < epochs; e++) assert_true(best <= losses[e]);
        model = reloaded(model);
        must(ae_evaluate(model, other, NULL, OTHERS, &loss));
        if (loss != best) fail_msg("%s: %.17g, logged %.17g", k->name, loss, best);
        ae_fit_options_free(options);
        ae_model_free(model);
    }
}

/* ---- cancelled ---- */

/* The model cancelled at the event, and its checkpoint. */
static ae_model *cancelled(const kind *k, int at, int64_t threads)
{
    interruption i = {.at = at};
    ae_model *model = kind_model(k, NULL);
    ae_fit_options *options = options_of_all(EPOCHS, threads);
    must(ae_fit_options_checkpoint(options, path, 1000, 0, 0));
    must(ae_fit_options_progress(options, interrupt, &i));
    assert_int_equal(ae_fit(model, x, NULL, N, options), AE_ERR_CANCELLED);
    ae_fit_options_free(options);
    return model;
}

static void fit_cancelled_at_any_event_leaves_a_model_that_goes_on_to_the_same_bytes(void **state)
{
    (void)state;
    for (const kind *k = kinds; k < kinds + KINDS; k++) {
        image want = undisturbed(k, EPOCHS);
        for (int at = 1; at < EVENTS; at++) {
            const int64_t threads = thread_counts[at % COUNTS];
            ae_model *model = cancelled(k, at, threads), *file;
            double loss;
            must(ae_model_load(&file, path));
            assert_true(same_models(model, file));
            must(ae_evaluate(model, other, NULL, OTHERS, &loss));
            assert_true(isfinite(loss));
            fit_to(model, EPOCHS, threads);
            fit_to(file, EPOCHS, 1);
            if (!has_image(model, want) || !has_image(file, want))
                fail_msg("%s: cancelled at event %d", k->name, at);
            ae_model_free(model);
            ae_model_free(file);
        }
        free(want.bytes);
    }
}

/* What the checkpoint of every step held when its event came. */
typedef struct keeper {
    int count;
    image images[EVENTS];
} keeper;

static int32_t keep_checkpoint(const ae_event *event, void *user)
{
    keeper *keep = user;
    ae_model *file;
    (void)event;
    must(ae_model_load(&file, path));
    keep->images[keep->count++] = image_of(file);
    ae_model_free(file);
    return 0;
}

static void any_checkpoint_goes_on_to_the_same_bytes(void **state)
{
    (void)state;
    for (const kind *k = kinds; k < kinds + KINDS; k++) {
        image want = undisturbed(k, EPOCHS);
        keeper keep = {.count = 0};
        ae_model *model = kind_model(k, NULL);
        ae_fit_options *options = options_of_all(EPOCHS, 1);
        must(ae_fit_options_checkpoint(options, path, 0, 0, 1e-9)); /* after each batch */
        must(ae_fit_options_progress(options, keep_checkpoint, &keep));
        must(ae_fit(model, x, NULL, N, options));
        ae_fit_options_free(options);
        assert_int_equal(keep.count, EVENTS);
        ae_model_free(model);
        for (int i = 0; i < keep.count; i++) {
            must(ae_model_load_memory(&model, keep.images[i].bytes, keep.images[i].count));
            fit_to(model, EPOCHS, thread_counts[i % COUNTS]);
            if (!has_image(model, want)) fail_msg("%s: from the checkpoint %d", k->name, i + 1);
            ae_model_free(model);
            free(keep.images[i].bytes);
        }
        free(want.bytes);
    }
}

/* ---- spoilt ---- */

/* Spoils a row after so many events; every model that can be saved then has to be sound. */
typedef struct spoiler {
    int events, at;
    float *cell;
    ae_model *model;
} spoiler;

static int32_t spoil_at(const ae_event *event, void *user)
{
    spoiler *s = user;
    ae_model *copy;
    size_t bytes;
    (void)event;
    if (++s->events == s->at) *s->cell = NAN;
    if (ae_model_save_memory(s->model, NULL, 0, &bytes) != AE_OK) return 0;
    image i = image_of(s->model);
    must(ae_model_load_memory(&copy, i.bytes, i.count));
    ae_model_free(copy);
    free(i.bytes);
    return 0;
}

/* Fits it to the end with a cell that is spoilt at the event, and is mended thereafter. */
static void fit_spoilt(ae_model *model, float *cell, int at)
{
    const float before = *cell;
    spoiler s = {.at = at, .cell = cell, .model = model};
    ae_fit_options *options = options_of_all(EPOCHS, 1);
    must(ae_fit_options_progress(options, spoil_at, &s));
    assert_int_equal(ae_fit(model, x, NULL, N, options), AE_ERR_DIVERGED);
    *cell = before;
    ae_fit_options_free(options);
}

/* Rows that are trained on, and rows that are validated on. */
static void fit_that_diverges_anywhere_leaves_its_last_epoch_and_goes_on(void **state)
{
    (void)state;
    for (const kind *k = kinds; k < kinds + KINDS; k++) {
        image want[EPOCHS + 1];
        for (int e = 0; e <= EPOCHS; e++) want[e] = undisturbed(k, e);
        for (int at = 1; at <= EVENTS - BATCHES - 1; at++) {
            for (int validation = 0; validation < 2; validation++) {
                ae_model *model = kind_model(k, NULL);
                fit_spoilt(model, validation ? other + 40 : x + 40, at);
                const int64_t epochs = ae_model_epochs(model);
                assert_in_range(epochs, (at - 1) / (BATCHES + 1), at / (BATCHES + 1) + 1);
                if (!has_image(model, want[epochs]))
                    fail_msg("%s: spoilt at event %d, epoch %d", k->name, at, (int)epochs);
                fit_to(model, EPOCHS, 1);
                assert_true(has_image(model, want[EPOCHS]));
                ae_model_free(model);
            }
        }
        for (int e = 0; e <= EPOCHS; e++) free(want[e].bytes);
    }
}

/* ---- back to where the call began ---- */

/* Has what a fit may leave: a best epoch, and an epoch that is open in the middle of a group. */
static ae_model *model_with_all(const kind *k)
{
    return reloaded(cancelled(k, 2 * (BATCHES + 1) + 2, 1));
}

/* The epoch that was open was begun on other rows; the best epoch is that of other data, or of no use. */
static void fit_that_diverges_at_once_leaves_all_as_it_was(void **state)
{
    (void)state;
    for (const kind *k = kinds; k < kinds + KINDS; k++) {
        for (int64_t patience = 0; patience <= 100; patience += 100) {
            ae_model *model = model_with_all(k), *want = model_with_all(k);
            if (k->optimizer == AE_OPTIM_RMSPROP) /* takes another state of the optimiser */
                must(ae_model_set_f64(model, AE_PARAM_MOMENTUM, 0.5));
            image before = image_of(model);
            spoiler s = {.at = 1, .cell = x + 40, .model = model};
            ae_fit_options *options = options_to(EPOCHS);
            must(ae_fit_options_set_i64(options, AE_FIT_ANEW, 1));
            must(ae_fit_options_set_i64(options, AE_FIT_PATIENCE, patience));
            must(ae_fit_options_progress(options, spoil_at, &s));
            const float cell = x[40];
            assert_int_equal(ae_fit(model, x, NULL, N - 1, options), AE_ERR_DIVERGED);
            x[40] = cell;
            if (!has_image(model, before)) fail_msg("%s, patience %d", k->name, (int)patience);
            if (k->optimizer == AE_OPTIM_RMSPROP)
                must(ae_model_set_f64(model, AE_PARAM_MOMENTUM, 0));
            fit_to(model, EPOCHS, 1);
            fit_to(want, EPOCHS, 1);
            assert_true(same_models(model, want));
            ae_fit_options_free(options);
            free(before.bytes);
            ae_model_free(model);
            ae_model_free(want);
        }
    }
}

/* A loss that is finite, and a step from there to weights that are not; then the fit is ended. */
static ae_model *model_that_overflows(void)
{
    ae_config *c;
    must(ae_config_create(&c));
    must(ae_preset_vanilla(c, KIND_DIM, 5, AE_LOSS_MSE));
    must(ae_config_set_f64(c, AE_PARAM_WEIGHT, 1e36));
    must(ae_config_optimizer(c, AE_OPTIM_SGD));
    must(ae_config_set_f64(c, AE_PARAM_LEARNING_RATE, 1e6));
    must(ae_config_set_i64(c, AE_PARAM_BATCH, KIND_BATCH));
    return model_of(c);
}

static void fit_cancelled_after_an_overflow_has_diverged(void **state)
{
    interruption i = {.at = 1};
    ae_model *model = model_that_overflows();
    ae_fit_options *options = options_to(1);
    image before = image_of(model);
    (void)state;
    must(ae_fit_options_progress(options, interrupt, &i));
    assert_int_equal(ae_fit(model, x, NULL, N, options), AE_ERR_DIVERGED);
    assert_int_equal(i.events, 1);
    assert_true(has_image(model, before));
    ae_fit_options_free(options);
    free(before.bytes);
    ae_model_free(model);
}

static int32_t read_once(void *user, int64_t first_row, int64_t rows, void *out)
{
    int *calls = user;
    memcpy(out, x + first_row * KIND_DIM, (size_t)rows * KIND_DIM * sizeof *x);
    return ++*calls > N + 1; /* the fingerprint reads row by row, then comes one window */
}

static void fit_whose_data_fail_after_an_overflow_has_diverged(void **state)
{
    int calls = 0;
    ae_model *model = model_that_overflows();
    ae_data *data;
    (void)state;
    must(ae_model_set_i64(model, AE_PARAM_SHUFFLE, AE_SHUFFLE_NONE));
    must(ae_model_set_i64(model, AE_PARAM_SHUFFLE_BLOCK, KIND_BATCH));
    must(ae_model_set_i64(model, AE_PARAM_SHUFFLE_WINDOW, 1));
    image before = image_of(model);
    must(ae_data_create(&data));
    must(ae_data_source(data, AE_DATA_X, AE_TYPE_F32, read_once, &calls, N, KIND_DIM, 0));
    assert_int_equal(ae_fit_data(model, data, NULL), AE_ERR_DIVERGED);
    assert_int_equal(calls, N + 2);
    assert_true(has_image(model, before));
    ae_data_free(data);
    free(before.bytes);
    ae_model_free(model);
}

/* ---- step by step ---- */

/* Of each kind: steps, one on a row that is out of all bounds, and steps. */
static void step_that_diverges_is_taken_back(void **state)
{
    (void)state;
    for (const kind *k = kinds; k < kinds + KINDS; k++) {
        ae_model *model = kind_model(k, NULL), *want = kind_model(k, NULL);
        float far[KIND_DIM];
        for (int j = 0; j < KIND_DIM; j++) far[j] = 3e38f;
        for (int i = 0; i < N; i++) {
            must(ae_fit_batch(want, x + i * KIND_DIM, x + i * KIND_DIM, 1, NULL));
            must(ae_fit_batch(model, x + i * KIND_DIM, x + i * KIND_DIM, 1, NULL));
            int32_t status = ae_fit_batch(model, far, x, 1, NULL);
            if (status != AE_ERR_DIVERGED) fail_msg("%s: %d", k->name, (int)status);
            if (!same_models(model, want)) fail_msg("%s: after step %d", k->name, i + 1);
        }
        ae_model_free(model);
        ae_model_free(want);
    }
}

int main(void)
{
#define test(name) cmocka_unit_test_setup_teardown(name, set_up, remove_folder)
    const struct CMUnitTest tests[] = {
        test(fit_cut_after_any_epoch_ends_with_the_same_bytes),
        test(model_restored_to_its_best_epoch_evaluates_to_the_logged_loss),
        test(fit_cancelled_at_any_event_leaves_a_model_that_goes_on_to_the_same_bytes),
        test(any_checkpoint_goes_on_to_the_same_bytes),
        test(fit_that_diverges_anywhere_leaves_its_last_epoch_and_goes_on),
        test(fit_that_diverges_at_once_leaves_all_as_it_was),
        test(fit_cancelled_after_an_overflow_has_diverged),
        test(fit_whose_data_fail_after_an_overflow_has_diverged),
        test(step_that_diverges_is_taken_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
