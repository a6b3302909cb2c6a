/* Arrays that do not fit a model, and calls at the wrong time. */
#include "test_api_misuse.h"

#include <float.h>
#include <math.h>
#include <sys/wait.h>
#include <unistd.h>

/* ---- rows, capacities, addresses ---- */

typedef int32_t use(ae_model *model, const float *x, int64_t rows, float *y, size_t cap);

static int32_t features(ae_model *model, const float *x, int64_t rows, float *y, size_t cap)
{
    return ae_features(model, 1, x, rows, y, cap);
}

typedef struct usage {
    use *call;
    const char *input;
    size_t in, out; /* numbers a row */
} usage;

static const usage usages[] = {
    {ae_encode, "x: rows is", INPUTS, CODE},
    {ae_decode, "code: rows is", CODE, INPUTS},
    {ae_reconstruct, "x: rows is", INPUTS, INPUTS},
    {features, "x: rows is", INPUTS, INPUTS},
    {ae_score, "x: rows is", INPUTS, 1},
};

enum { USAGES = sizeof usages / sizeof *usages };

static const int64_t bad_rows[] = {0, -1, INT64_MIN, INT64_C(1) << 40, INT64_MAX};

enum { BAD_ROWS = sizeof bad_rows / sizeof *bad_rows };

static void rows_out_of_range_are_told(void **state)
{
    (void)state;
    for (int i = 0; i < BAD_ROWS; i++) {
        int64_t rows = bad_rows[i];
        for (const usage *u = usages; u < usages + USAGES; u++)
            check_refusal("use", AE_ERR_RANGE, u->input,
                          u->call(our.model, x_rows, rows, out.floats, SIZE_MAX));
        refuses(RANGE, "x: rows is", ae_evaluate(our.model, x_rows, NULL, rows, &out.f64));
        refuses(RANGE, "x: rows is", ae_fit(our.model, x_rows, NULL, rows, NULL));
        refuses(RANGE, "x: rows is",
                ae_data_array(our.data, AE_DATA_X, AE_TYPE_F32, x_rows, rows, 1));
        if (rows < 1)
            refuses(RANGE, "validation: rows is",
                    ae_fit_options_validation(our.options, x_rows, NULL, rows));
    }
}

static void capacity_too_small_is_told_before_anything_is_written(void **state)
{
    (void)state;
    for (const usage *u = usages; u < usages + USAGES; u++) {
        const size_t caps[] = {0, 1, u->out * ROWS - 1};
        for (int i = 0; i < 3; i++)
            check_refusal("use", AE_ERR_RANGE, "capacity is",
                          u->call(our.model, x_rows, ROWS, out.floats, caps[i]));
        const int64_t rows = (int64_t)(SIZE_MAX / sizeof(double) / (1 << 23));
        check_refusal("use", AE_ERR_RANGE, "capacity is",
                      u->call(our.model, x_rows, rows, out.floats, CELLS));
    }
}

static void misaligned_or_overlapping_arrays_are_refused(void **state)
{
    float both[2 * CELLS] = {0};
    (void)state;
    for (const usage *u = usages; u < usages + USAGES; u++) {
        const float *odd_x = (const float *)((uintptr_t)x_rows + 2);
        float *odd_y = (float *)((uintptr_t)out.floats + 1);
        size_t in = u->in * ROWS, cap = u->out * ROWS;
        check_refusal("use", AE_ERR_INVALID, "address",
                      u->call(our.model, odd_x, 1, out.floats, CELLS));
        check_refusal("use", AE_ERR_INVALID, "address",
                      u->call(our.model, x_rows, 1, odd_y, CELLS));
        check_refusal("use", AE_ERR_INVALID, "overlaps the input",
                      u->call(our.model, both, ROWS, both + in - 1, cap));
        check_refusal("use", AE_ERR_INVALID, "overlaps the input",
                      u->call(our.model, both + cap - 1, ROWS, both, cap));
        must(u->call(our.model, both, ROWS, both + in, cap)); /* side by side */
        must(u->call(our.model, both + cap, ROWS, both, cap));
    }
}

/* ---- data that do not fit ---- */

static void data_of_another_shape_are_told(void **state)
{
    ae_data *targets = data_of(x_rows, x_rows, INPUTS), *rows = data_of(x_rows, NULL, INPUTS);
    (void)state;
    refuses(SHAPE, "x: dimension is 3, wanted 4", ae_fit_data(our.model, our.narrow, NULL));
    refuses(SHAPE, "wanted 4", ae_encode_data(our.model, our.narrow, out.floats, CELLS));
    refuses(SHAPE, "wanted 4", ae_reconstruct_data(our.model, our.narrow, out.floats, CELLS));
    refuses(SHAPE, "wanted 4", ae_features_data(our.model, 0, our.narrow, out.floats, CELLS));
    refuses(SHAPE, "wanted 4", ae_score_data(our.model, our.narrow, out.floats, CELLS));
    refuses(SHAPE, "wanted 4", ae_evaluate_data(our.model, our.narrow, &out.f64));

    must(ae_data_array(targets, AE_DATA_Y, AE_TYPE_F32, x_rows, ROWS, INPUTS - 1));
    refuses(SHAPE, "y: target's dimension is 3, wanted the output's 4",
            ae_fit_data(our.model, targets, NULL));
    refuses(SHAPE, "output's 4", ae_score_data(our.model, targets, out.floats, CELLS));
    refuses(SHAPE, "output's 4", ae_evaluate_data(our.model, targets, &out.f64));

    must(ae_data_array(rows, AE_DATA_Y, AE_TYPE_F32, x_rows, ROWS - 1, INPUTS));
    refuses(SHAPE, "has 3 rows, wanted the targets' 2", ae_fit_data(our.model, rows, NULL));
    refuses(SHAPE, "has 3 rows", ae_evaluate_data(our.model, rows, &out.f64));
    must(ae_fit_options_validation_data(our.options, rows));
    refuses(SHAPE, "validation x: has 3 rows", ae_fit(our.model, x_rows, NULL, ROWS, our.options));
    must(ae_fit_options_validation_data(our.options, our.narrow));
    refuses(SHAPE, "validation x: dimension is 3",
            ae_fit(our.model, x_rows, NULL, ROWS, our.options));
    ae_data_free(targets);
    ae_data_free(rows);
}

typedef struct number {
    float value;
    int32_t code;
    const char *says;
} number;

static void number_that_cannot_be_trained_on_is_told_with_its_place(void **state)
{
    static const number numbers[] = {
        {NAN, AE_ERR_NONFINITE, "row 1, column 2 is"},
        {INFINITY, AE_ERR_RANGE, "row 1, column 2 is inf"},
        {-FLT_MIN, AE_ERR_RANGE, "row 1, column 2 is -1.17549435e-38"},
        {1 + FLT_EPSILON, AE_ERR_RANGE, "row 1, column 2 is 1.00000012"},
    };
    float bad[CELLS];
    (void)state;
    for (const number *n = numbers; n < numbers + sizeof numbers / sizeof *numbers; n++) {
        memcpy(bad, x_rows, sizeof bad);
        bad[INPUTS + 2] = n->value;
        must(ae_fit_options_validation(our.options, x_rows, bad, ROWS));
        check_refusal("fit", n->code, n->says, ae_fit(our.model, bad, NULL, ROWS, NULL));
        check_refusal("fit", n->code, "y: ", ae_fit(our.model, x_rows, bad, ROWS, NULL));
        check_refusal("fit", n->code,
                      "validation y: ", ae_fit(our.model, x_rows, NULL, ROWS, our.options));
        if (n->code != AE_ERR_RANGE) continue;
        check_refusal("score", n->code, n->says, ae_score(our.model, bad, ROWS, out.floats, CELLS));
        check_refusal("evaluate", n->code, n->says,
                      ae_evaluate(our.model, bad, NULL, ROWS, &out.f64));
    }
    assert_int_equal(ae_model_steps(our.model), 0);
}

static void weights_that_are_not_finite_are_refused_whole(void **state)
{
    const float bad[][CODE] = {{1, NAN}, {-INFINITY, 1}};
    float before[CODE], after[CODE];
    (void)state;
    must(ae_model_weights_get(our.model, 0, "bias", before, CODE));
    refuses(NONFINITE, "number 1 is", ae_model_weights_set(our.model, 0, "bias", bad[0], CODE));
    refuses(NONFINITE, "number 0 is -inf",
            ae_model_weights_set(our.model, 0, "bias", bad[1], CODE));
    must(ae_model_weights_get(our.model, 0, "bias", after, CODE));
    assert_memory_equal(before, after, sizeof before);
}

/* ---- states ---- */

static void call_that_comes_too_early_is_told_why(void **state)
{
    (void)state;
    refuses(STATE, "no loss", ae_fit(our.coder, x_rows, x_rows, ROWS, NULL));
    refuses(STATE, "no loss", ae_score(our.coder, x_rows, ROWS, out.floats, CELLS));
    refuses(STATE, "no loss", ae_evaluate(our.coder, x_rows, NULL, ROWS, &out.f64));
    refuses(STATE, "no layer after its code",
            ae_decode(our.coder, x_rows, ROWS, out.floats, CELLS));
    refuses(STATE, "has no array AE_DATA_X", ae_fit_data(our.model, our.empty, NULL));
    refuses(STATE, "AE_DATA_X", ae_encode_data(our.model, our.empty, out.floats, CELLS));
    refuses(STATE, "AE_DATA_X", ae_reconstruct_data(our.model, our.empty, out.floats, CELLS));
    refuses(STATE, "AE_DATA_X", ae_features_data(our.model, 0, our.empty, out.floats, CELLS));
    refuses(STATE, "AE_DATA_X", ae_score_data(our.model, our.empty, out.floats, CELLS));
    refuses(STATE, "AE_DATA_X", ae_evaluate_data(our.model, our.empty, &out.f64));
    refuses(STATE, "role y has no array yet", ae_data_scale(our.data, AE_DATA_Y, 1, 0));
    refuses(STATE, "role x has no array yet", ae_data_stride(our.empty, AE_DATA_X, 16));
    refuses(STATE, "seed is fixed", ae_model_set_i64(our.model, AE_PARAM_SEED, 1));
    refuses(STATE, "slope", ae_model_set_f64(our.model, AE_PARAM_SLOPE, 0.5));
    must(ae_fit_options_validation_data(our.options, our.empty));
    refuses(STATE, "validation x: has no array",
            ae_fit(our.model, x_rows, NULL, ROWS, our.options));
}

/* What a callback may and may not do with the model that is being trained. */
static int32_t re_enter(const ae_event *event, void *user)
{
    float code[ROWS * CODE], bias[CODE] = {0};
    (void)event;
    refuses(BUSY, "being trained", ae_fit(user, x_rows, NULL, ROWS, NULL));
    refuses(BUSY, "being trained", ae_fit_data(user, our.data, NULL));
    refuses(BUSY, "being trained", ae_model_strip(user));
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

/* In a child whose parent has the model's workers: 0 where every call said so. */
static int forked(void)
{
    const float bias[CODE] = {0};
    const char *says = "threads live in process";
    const int32_t got[] = {
        ae_encode(our.model, x_rows, ROWS, out.floats, CELLS),
        ae_decode(our.model, x_rows, ROWS, out.floats, CELLS),
        ae_score(our.model, x_rows, ROWS, out.floats, CELLS),
        ae_evaluate(our.model, x_rows, NULL, ROWS, &out.f64),
        ae_fit(our.model, x_rows, NULL, ROWS, NULL),
        ae_model_set_i64(our.model, AE_PARAM_THREADS, 1),
        ae_model_weights_set(our.model, 0, "bias", bias, CODE),
        ae_model_strip(our.model),
    };
    for (size_t i = 0; i < sizeof got / sizeof *got; i++) {
        if (got[i] != AE_ERR_STATE) return (int)i + 1;
    }
    tear_down(NULL);
    return !strstr(ae_last_error(), says) || !is_pattern(&out, sizeof out) ? 99 : 0;
}

static void forked_child_is_told_that_the_workers_are_elsewhere(void **state)
{
    int status;
    (void)state;
    must(ae_model_set_i64(our.model, AE_PARAM_THREADS, 2));
    pid_t child = fork();
    if (child == 0) _exit(forked());
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
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

/* ---- files ---- */

static void file_that_is_no_model_is_refused(void **state)
{
    (void)state;
    makes_nothing(IO, "cannot open: no such file",
                  ae_model_load(&made.model, "/nowhere/model.aem"));
    makes_nothing(IO, "no regular file", ae_model_load(&made.model, "/"));
    makes_nothing(IO, "no regular file", ae_model_load_with(&made.model, "/dev/zero", NULL));
    makes_nothing(IO, "cannot open", ae_model_load(&made.model, ""));
    makes_nothing(FORMAT, "is no .aem file", ae_model_load(&made.model, "/proc/self/exe"));
    makes_nothing(FORMAT, "is no .aem file", ae_model_load_memory(&made.model, "", 0));
    makes_nothing(FORMAT, "is no .aem file",
                  ae_model_load_memory_with(&made.model, out.text, 99, NULL));
    refuses(IO, "/nowhere/model.aem", ae_model_save(our.model, "/nowhere/model.aem"));
    refuses(IO, "regular file", ae_model_save(our.model, ""));
    refuses(IO, "/", ae_model_save(our.model, "/"));
}
int main(void)
{
    const struct CMUnitTest tests[] = {
        in_our_house(rows_out_of_range_are_told),
        in_our_house(capacity_too_small_is_told_before_anything_is_written),
        in_our_house(misaligned_or_overlapping_arrays_are_refused),
        in_our_house(data_of_another_shape_are_told),
        in_our_house(number_that_cannot_be_trained_on_is_told_with_its_place),
        in_our_house(weights_that_are_not_finite_are_refused_whole),
        in_our_house(call_that_comes_too_early_is_told_why),
        in_our_house(callback_may_use_its_model_but_not_change_it),
        in_our_house(cancelled_fit_is_told_and_leaves_the_model_free),
        in_our_house(forked_child_is_told_that_the_workers_are_elsewhere),
        in_our_house(options_first_failure_sticks_and_is_told_by_fit),
        in_our_house(file_that_is_no_model_is_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
