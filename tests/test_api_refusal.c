/* Arrays and files that do not fit a model. Calls at the wrong time are in test_api_state.c. */
#include "test_api_misuse.h"

#include <float.h>
#include <math.h>

/* ---- rows, capacities, addresses ---- */

typedef int32_t use(ae_model *model, const float *x, int64_t rows, float *y, size_t cap);

static int32_t features(ae_model *model, const float *x, int64_t rows, float *y, size_t cap)
{
    return ae_features(model, 1, x, rows, y, cap);
}

static int32_t means(ae_model *model, const float *x, int64_t rows, float *y, size_t cap)
{
    return ae_posterior(model, x, rows, y, NULL, cap);
}

static int32_t log_variances(ae_model *model, const float *x, int64_t rows, float *y, size_t cap)
{
    return ae_posterior(model, x, rows, NULL, y, cap);
}

static int32_t samples(ae_model *model, const float *x, int64_t rows, float *y, size_t cap)
{
    return ae_posterior_sample(model, x, rows, 2, 7, y, cap);
}

typedef struct usage {
    ae_model **model;
    use *call;
    const char *input;
    size_t in, out; /* numbers a row */
} usage;

static const usage usages[] = {
    {&our.model, ae_encode, "x: rows is", INPUTS, CODE},
    {&our.model, ae_decode, "code: rows is", CODE, INPUTS},
    {&our.model, ae_reconstruct, "x: rows is", INPUTS, INPUTS},
    {&our.model, features, "x: rows is", INPUTS, INPUTS},
    {&our.model, ae_score, "x: rows is", INPUTS, 1},
    {&our.drawer, means, "x: rows is", INPUTS, CODE},
    {&our.drawer, log_variances, "x: rows is", INPUTS, CODE},
    {&our.drawer, samples, "x: rows is", INPUTS, 2 * CODE},
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
                          u->call(*u->model, x_rows, rows, out.floats, SIZE_MAX));
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
                          u->call(*u->model, x_rows, ROWS, out.floats, caps[i]));
        const int64_t rows = (int64_t)(SIZE_MAX / sizeof(double) / (1 << 23));
        check_refusal("use", AE_ERR_RANGE, "capacity is",
                      u->call(*u->model, x_rows, rows, out.floats, CELLS));
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
                      u->call(*u->model, odd_x, 1, out.floats, CELLS));
        check_refusal("use", AE_ERR_INVALID, "address",
                      u->call(*u->model, x_rows, 1, odd_y, CELLS));
        check_refusal("use", AE_ERR_INVALID, "overlaps the input",
                      u->call(*u->model, both, ROWS, both + in - 1, cap));
        check_refusal("use", AE_ERR_INVALID, "overlaps the input",
                      u->call(*u->model, both + cap - 1, ROWS, both, cap));
        must(u->call(*u->model, both, ROWS, both + in, cap)); /* side by side */
        must(u->call(*u->model, both + cap, ROWS, both, cap));
    }
}

/* The outputs that are double, and those of calls with several inputs. */
static void other_outputs_are_checked_alike(void **state)
{
    const size_t doubles = 2 * CELLS;
    double both[2 * CELLS] = {0};
    float *x = (float *)both, *f = x + CELLS; /* side by side */
    ae_data *data = data_of(x, NULL, INPUTS), *told = told_of(x + CELLS, AE_TYPE_F32);
    (void)state;
    refuses(RANGE, "values: capacity is 2, wanted 3 rows x 1",
            ae_log_likelihood(our.drawer, x_rows, ROWS, 1, 0, out.doubles, 2));
    refuses(RANGE, "kl: capacity is 1, wanted 1 rows x 2",
            ae_diagnose(our.drawer, x_rows, ROWS, out.doubles, NULL, 1));
    refuses(RANGE, "variance: capacity is 0",
            ae_diagnose(our.drawer, x_rows, ROWS, NULL, out.doubles, 0));
    refuses(RANGE, "terms: capacity is 1, wanted 1 rows x 2",
            ae_evaluate_terms(our.drawer, our.data, out.doubles, 1));
    refuses(RANGE, "codes: capacity is 11, wanted 3 rows x 4",
            ae_posterior_sample(our.drawer, x_rows, ROWS, 2, 0, out.floats, 11));
    refuses(RANGE, "capacity is 12", /* the product of all three overflows */
            ae_posterior_sample(our.drawer, x_rows, INT64_C(1) << 38, 65536, 0, out.floats, CELLS));
    refuses(RANGE, "output: capacity is 11, wanted 3 rows x 4",
            ae_sample(our.drawer, ROWS, 0, out.floats, 11));
    refuses(RANGE, "capacity is 12", ae_sample(our.drawer, INT64_C(1) << 39, 0, out.floats, CELLS));
    refuses(RANGE, "output: capacity is 12, wanted 4 rows x 4",
            ae_interpolate(our.model, x_rows, x_rows, 4, out.floats, CELLS));

    refuses(INVALID, "overlaps the input",
            ae_log_likelihood(our.drawer, x, ROWS, 1, 0, both + 5, ROWS));
    refuses(INVALID, "overlaps the input", ae_diagnose(our.drawer, x, ROWS, both, NULL, doubles));
    refuses(INVALID, "overlaps the input", ae_evaluate_terms(our.drawer, data, both, doubles));
    refuses(INVALID, "overlaps the input", ae_interpolate(our.model, x, f, 2, f - 7, CELLS));
    refuses(INVALID, "overlaps the input", ae_interpolate(our.model, f, x, 2, f - 7, CELLS));
    refuses(INVALID, "overlaps the input", ae_encode_data(our.teller, told, f + 2, CELLS));
    refuses(INVALID, "overlaps the input", ae_sample_data(our.teller, told, 0, f + 2, CELLS));
    refuses(INVALID, "address", ae_diagnose(our.drawer, x_rows, ROWS, (double *)(f + 1), NULL, 8));
    refuses(INVALID, "from: address",
            ae_interpolate(our.model, (float *)((uintptr_t)x + 1), f, 2, out.floats, CELLS));
    must(ae_sample_data(our.teller, told, 0, f + ROWS, CELLS));
    ae_data_free(data);
    ae_data_free(told);
}

static void numbers_of_a_draw_out_of_range_are_told(void **state)
{
    static const int64_t counts[] = {0, -1, INT64_MIN, 65537, INT64_MAX};
    static const int64_t seeds[] = {-1, INT64_MIN, INT64_MAX - 1022, INT64_MAX};
    static const int64_t steps[] = {1, 0, -1, (1 << 24) + 1, INT64_MAX};
    ae_model *m = our.drawer;
    (void)state;
    for (int i = 0; i < 5; i++) {
        refuses(RANGE, "samples is",
                ae_posterior_sample(m, x_rows, ROWS, counts[i], 0, out.floats, SIZE_MAX));
        refuses(RANGE, "samples is",
                ae_log_likelihood(m, x_rows, ROWS, counts[i], 0, out.doubles, 4));
        refuses(RANGE, "wanted 2 to 16777216",
                ae_interpolate(m, x_rows, x_rows, steps[i], out.floats, SIZE_MAX));
        refuses(RANGE, "rows is", ae_sample(m, bad_rows[i], 0, out.floats, SIZE_MAX));
        refuses(RANGE, "rows is",
                ae_log_likelihood(m, x_rows, bad_rows[i], 1, 0, out.doubles, SIZE_MAX));
        refuses(RANGE, "rows is", ae_diagnose(m, x_rows, bad_rows[i], out.doubles, NULL, SIZE_MAX));
    }
    for (int i = 0; i < 4; i++) {
        const char *wanted = "wanted 0 to 9223372036854774784";
        check_refusal("sample", AE_ERR_RANGE, wanted,
                      ae_sample(m, ROWS, seeds[i], out.floats, CELLS));
        check_refusal("posterior_sample", AE_ERR_RANGE, wanted,
                      ae_posterior_sample(m, x_rows, ROWS, 1, seeds[i], out.floats, CELLS));
        check_refusal("log_likelihood", AE_ERR_RANGE, wanted,
                      ae_log_likelihood(m, x_rows, ROWS, 1, seeds[i], out.doubles, 4));
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
        check_refusal("fit", n->code, n->says, ae_fit(our.drawer, bad, NULL, ROWS, NULL));
        if (n->code != AE_ERR_RANGE) continue;
        check_refusal("log_likelihood", n->code, n->says,
                      ae_log_likelihood(our.drawer, bad, ROWS, 1, 0, out.doubles, 4));
        check_refusal("score", n->code, n->says, ae_score(our.model, bad, ROWS, out.floats, CELLS));
        check_refusal("evaluate", n->code, n->says,
                      ae_evaluate(our.model, bad, NULL, ROWS, &out.f64));
    }
    assert_int_equal(ae_model_steps(our.model), 0);
}

/* ---- sides ---- */

/* What every call that reads the side of `data` answers; code: where it is a code that is read. */
static void refuse_side(const ae_data *data, const ae_data *code, int32_t status, const char *says)
{
    ae_model *m = our.teller;
    float *y = out.floats;
    double *d = out.doubles;
    const int32_t got[] = {
        ae_encode_data(m, data, y, CELLS),
        ae_decode_data(m, code, y, CELLS),
        ae_reconstruct_data(m, data, y, CELLS),
        ae_features_data(m, 0, data, y, 8 * ROWS),
        ae_score_data(m, data, y, CELLS),
        ae_evaluate_data(m, data, &out.f64),
        ae_evaluate_terms(m, data, d, 4),
        ae_posterior_data(m, data, y, NULL, CELLS),
        ae_posterior_sample_data(m, data, 1, 0, y, CELLS),
        ae_log_likelihood_data(m, data, 1, 0, d, 4),
        ae_diagnose_data(m, data, d, NULL, 4),
        ae_fit_data(m, data, NULL),
    };
    for (size_t i = 0; i < sizeof got / sizeof *got; i++)
        check_refusal("told", status, says, got[i]);
}

static void side_that_is_missing_or_of_another_shape_is_told(void **state)
{
    ae_data *few = told_of(classes, AE_TYPE_U8), *wide = told_of(classes, AE_TYPE_U8);
    ae_data *code = data_of(x_rows, NULL, CODE);
    ae_model *m = our.teller;
    (void)state;
    refuse_side(our.data, code, AE_ERR_STATE,
                "side: is missing, wanted AE_DATA_SIDE of dimension 1");
    must(ae_data_array(few, AE_DATA_SIDE, AE_TYPE_U8, classes, ROWS - 1, 1));
    must(ae_data_array(code, AE_DATA_SIDE, AE_TYPE_U8, classes, ROWS - 1, 1));
    refuse_side(few, code, AE_ERR_SHAPE, "side: has 2 rows, wanted 3");
    must(ae_data_array(wide, AE_DATA_SIDE, AE_TYPE_U8, x_rows, ROWS, 3));
    must(ae_data_array(code, AE_DATA_SIDE, AE_TYPE_U8, x_rows, ROWS, 3));
    refuse_side(wide, code, AE_ERR_SHAPE, "side: dimension is 3, wanted 1");
    refuses(STATE, "side: is missing", ae_encode(m, x_rows, ROWS, out.floats, CELLS));
    refuses(STATE, "side: is missing", ae_decode(m, x_rows, ROWS, out.floats, CELLS));
    refuses(STATE, "side: is missing", ae_fit(m, x_rows, NULL, ROWS, NULL));
    refuses(STATE, "side: is missing", ae_sample(m, ROWS, 0, out.floats, CELLS));
    refuses(STATE, "AE_DATA_SIDE", ae_sample_data(m, our.data, 0, out.floats, CELLS));
    refuses(SHAPE, "dimension is 3", ae_sample_data(m, wide, 0, out.floats, CELLS));
    refuses(STATE, "side: is missing", /* a decoder is told of each row */
            ae_interpolate(m, x_rows, x_rows, 2, out.floats, CELLS));
    refuses(SHAPE, "side: dimension is 1, wanted 0: the model has no concat layer",
            ae_encode_data(our.model, our.told, out.floats, CELLS));
    refuses(SHAPE, "no concat layer", ae_fit_data(our.model, our.told, NULL));
    refuses(SHAPE, "no concat layer", ae_sample_data(our.drawer, our.told, 0, out.floats, CELLS));
    must(ae_fit_options_validation_data(our.options, our.data));
    refuses(STATE, "side: is missing", ae_fit_data(m, our.told, our.options));
    assert_int_equal(ae_model_steps(m), 0);
    ae_data_free(few);
    ae_data_free(wide);
    ae_data_free(code);
}

typedef struct labels {
    int32_t type;
    const void *values;
    double scale;
    const char *says;
} labels;

static void label_that_is_no_class_is_told_with_its_row(void **state)
{
    static const uint8_t beyond[ROWS] = {2, 0, 3}, odd[ROWS] = {2, 0, 1};
    static const float half[ROWS] = {0, 0.5f, 1}, negative[ROWS] = {-1, 0, 0},
                       none[ROWS] = {0, 1, NAN}, infinite[ROWS] = {0, INFINITY, 0},
                       all[ROWS] = {0, 1, 3};
    static const labels lists[] = {
        {AE_TYPE_U8, beyond, 1, "side: row 2 is 3, wanted a class from 0 to 2"},
        {AE_TYPE_U8, odd, 0.5, "side: row 2 is 0.5"},
        {AE_TYPE_U8, odd, -1, "side: row 0 is -2"},
        {AE_TYPE_F32, half, 1, "side: row 1 is 0.5"},
        {AE_TYPE_F32, negative, 1, "side: row 0 is -1"},
        {AE_TYPE_F32, none, 1, "side: row 2 is "},
        {AE_TYPE_F32, infinite, 1, "side: row 1 is inf"},
        {AE_TYPE_F32, all, 1, "side: row 2 is 3"},
    };
    (void)state;
    for (const labels *l = lists; l < lists + sizeof lists / sizeof *lists; l++) {
        ae_data *data = told_of(l->values, l->type), *code = data_of(x_rows, NULL, CODE);
        must(ae_data_array(code, AE_DATA_SIDE, l->type, l->values, ROWS, 1));
        must(ae_data_scale(data, AE_DATA_SIDE, l->scale, 0));
        must(ae_data_scale(code, AE_DATA_SIDE, l->scale, 0));
        refuse_side(data, code, AE_ERR_RANGE, l->says);
        check_refusal("sample", AE_ERR_RANGE, l->says,
                      ae_sample_data(our.teller, data, 0, out.floats, CELLS));
        must(ae_fit_options_validation_data(our.options, data));
        check_refusal("validation", AE_ERR_RANGE, l->says,
                      ae_fit_data(our.teller, our.told, our.options));
        ae_data_free(data);
        ae_data_free(code);
    }
    assert_int_equal(ae_model_steps(our.teller), 0);
}

static void side_vector_that_is_not_finite_is_not_trained_on(void **state)
{
    const float bad[] = {0, 1, 0, NAN, 1, 1};
    ae_config *config = small_config();
    ae_data *data = data_of(x_rows, NULL, INPUTS);
    float y[ROWS * CODE];
    (void)state;
    must(ae_config_concat(config, 2));
    must(ae_config_dense(config, INPUTS, AE_ACT_SIGMOID));
    ae_model *model = model_of(config);
    must(ae_data_array(data, AE_DATA_SIDE, AE_TYPE_F32, bad, ROWS, 2));
    refuses(NONFINITE, "side: row 1, column 1 is", ae_fit_data(model, data, NULL));
    must(ae_encode_data(model, data, y, sizeof y / sizeof *y)); /* NaN would stay in its row */
    assert_int_equal(ae_model_steps(model), 0);
    ae_data_free(data);
    ae_model_free(model);
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
        in_our_house(other_outputs_are_checked_alike),
        in_our_house(numbers_of_a_draw_out_of_range_are_told),
        in_our_house(data_of_another_shape_are_told),
        in_our_house(number_that_cannot_be_trained_on_is_told_with_its_place),
        in_our_house(side_that_is_missing_or_of_another_shape_is_told),
        in_our_house(label_that_is_no_class_is_told_with_its_row),
        in_our_house(side_vector_that_is_not_finite_is_not_trained_on),
        in_our_house(weights_that_are_not_finite_are_refused_whole),
        in_our_house(file_that_is_no_model_is_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
