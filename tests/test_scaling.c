/* Scaling: what it is fitted to, against closed forms; when, what stays of it, and what is refused.
 * Models that scale are in test_scaling_use.c. */
#include "test_scaling.h"

/* ---- what is fitted ---- */

/* Offsets and scales of one column of n doubles. */
static void fit_column(int32_t kind, const double *v, int64_t n, double *offset, double *scale)
{
    ae_model *model = model_of(config_of(1, 1, AE_LOSS_MSE, kind, AE_SCALING_NONE));
    ae_data *data;
    must(ae_data_create(&data));
    must(ae_data_array(data, AE_DATA_X, AE_TYPE_F64, v, n, 1));
    must(ae_fit_scaling_data(model, data));
    must(ae_model_scaling_get(model, AE_DATA_X, offset, scale, 1));
    ae_data_free(data);
    ae_model_free(model);
}

/* a + b k for k = 1 to n, each exact, in any order, has mean a + b (n + 1) / 2 and variance
 * b^2 (n^2 - 1) / 12. */
static void moments_are_those_of_a_ladder(void **state)
{
    static const double forms[][2] = {{0, 1},         {1e9, 1},     {-1e9, 0x1p-20},
                                      {1e15, 0.125},  {0x1p52, 1},  {123456, 0.25},
                                      {0, -0x1p-400}, {0, 0x1p100}, {-0x1p-30, 0x1p-40}};
    static double v[N];
    double offset, scale;
    (void)state;
    for (size_t f = 0; f < sizeof forms / sizeof *forms; f++) {
        const double a = forms[f][0], b = forms[f][1], n = N;
        for (int i = 0; i < N; i++) v[i] = a + b * (i * 787 % N + 1);
        fit_column(AE_SCALING_STANDARD, v, N, &offset, &scale);
        assert_true(fabs(offset - (a + b * (n + 1) / 2)) <=
                    0x1p-53 * fabs(a) + 1e-14 * fabs(b) * n);
        assert_relative(scale, fabs(b) * sqrt((n * n - 1) / 12), 1e-14);
        fit_column(AE_SCALING_MIN_MAX, v, N, &offset, &scale);
        assert_true(offset == fmin(a + b, a + b * n) && scale == fabs(b) * (n - 1));
    }
}

/* An outlier in the first row is what differences from it cannot be small of. */
static void moments_bear_an_odd_first_row(void **state)
{
    double v[N], offset, scale;
    (void)state;
    v[0] = 0;
    for (int i = 1; i < N; i++) v[i] = 1e9 + i % 2;
    const double n = N, ones = N / 2, mean = ((n - 1) * 1e9 + ones) / n;
    const double squares = mean * mean + (n - 1 - ones) * (1e9 - mean) * (1e9 - mean) +
                           ones * (1e9 + 1 - mean) * (1e9 + 1 - mean);
    fit_column(AE_SCALING_STANDARD, v, N, &offset, &scale);
    assert_relative(offset, mean, 1e-15);
    assert_relative(scale, sqrt(squares / n), 1e-13);
}

static void one_value_alone_has_scale_1(void **state)
{
    static const double values[] = {0, 7.5, -1e9, 0.1, 1e-300, 3e38};
    double v[5], offset, scale;
    (void)state;
    for (size_t k = 0; k < sizeof values / sizeof *values; k++) {
        for (int i = 0; i < 5; i++) v[i] = values[k];
        for (int64_t n = 1; n <= 5; n++) {
            fit_column(AE_SCALING_STANDARD, v, n, &offset, &scale);
            assert_true(offset == values[k] && scale == 1);
            fit_column(AE_SCALING_MIN_MAX, v, n, &offset, &scale);
            assert_true(offset == values[k] && scale == 1);
        }
    }
}

/* Row i is 2^i, so that a sum of rows tells which. */
static void rows_held_out_have_no_say(void **state)
{
    enum { ROWS_20 = 20, HELD = 5 };
    float rows[ROWS_20];
    double mean, scale;
    ae_model *model = model_of(config_of(1, 1, AE_LOSS_MSE, AE_SCALING_STANDARD, AE_SCALING_NONE));
    ae_fit_options *options = options_to(1);
    int bits = 0;
    (void)state;
    for (int i = 0; i < ROWS_20; i++) rows[i] = (float)(1 << i);
    must(ae_fit_options_set_f64(options, AE_FIT_SPLIT, 0.25));
    must(ae_fit(model, rows, NULL, ROWS_20, options));
    must(ae_model_scaling_get(model, AE_DATA_X, &mean, &scale, 1));
    const long sum = lround(mean * (ROWS_20 - HELD)); /* a bit for each row that was trained on */
    assert_relative(mean * (ROWS_20 - HELD), (double)sum, 1e-12);
    for (int i = 0; i < ROWS_20; i++) bits += (int)(sum >> i & 1);
    assert_int_equal(bits, ROWS_20 - HELD);
    ae_fit_options_free(options);
    ae_model_free(model);
}

static void input_and_target_have_their_own(void **state)
{
    enum { OUT = 2 };
    static const float in[] = {1, 10, 100, 3, 30, 300}, out[] = {5, -5, 9, -1};
    static const double want_x[][3] = {{2, 20, 200}, {1, 10, 100}},
                        want_y[][OUT] = {{5, -5}, {4, 4}};
    double offset[3], scale[3];
    ae_model *model =
        model_of(config_of(3, OUT, AE_LOSS_MSE, AE_SCALING_STANDARD, AE_SCALING_MIN_MAX));
    (void)state;
    must(ae_fit_scaling(model, in, out, 2));
    must(ae_model_scaling_get(model, AE_DATA_X, offset, scale, 3));
    assert_memory_equal(offset, want_x[0], sizeof want_x[0]);
    assert_memory_equal(scale, want_x[1], sizeof want_x[1]);
    must(ae_model_scaling_get(model, AE_DATA_Y, offset, scale, OUT));
    assert_memory_equal(offset, want_y[0], sizeof want_y[0]);
    assert_memory_equal(scale, want_y[1], sizeof want_y[1]);
    ae_model_free(model);
}

/* In memory and read, in pieces of any size, of any number of threads. */
static void fit_has_the_same_bits_however_it_is_read(void **state)
{
    const size_t row = DIM * sizeof(double);
    tape t = {wide, row, 0};
    ae_data *sets[] = {data_of(AE_TYPE_F32, x), data_of(AE_TYPE_F64, wide),
                       read_of(AE_TYPE_F64, &t, 0), read_of(AE_TYPE_F64, &t, AE_SOURCE_IN_ORDER),
                       read_of(AE_TYPE_F64, &t, AE_SOURCE_ANY_THREAD)};
    image want = {0};
    (void)state;
    for (size_t i = 0; i < sizeof sets / sizeof *sets; i++) {
        ae_config *config = config_of(DIM, DIM, AE_LOSS_MSE, AE_SCALING_STANDARD, AE_SCALING_NONE);
        must(ae_config_set_i64(config, AE_PARAM_SHUFFLE, AE_SHUFFLE_WINDOW));
        must(ae_config_set_i64(config, AE_PARAM_THREADS, 1 + (int64_t)i % 3));
        ae_model *model = model_of(config);
        ae_fit_options *options = options_to(2);
        must(ae_fit_options_validation(options, x, NULL, 50));
        must(ae_fit_data(model, sets[i], options));
        if (!want.bytes) want = image_of(model);
        assert_true(has_image(model, want));
        ae_fit_options_free(options);
        ae_model_free(model);
        ae_data_free(sets[i]);
    }
    free(want.bytes);
}

/* ---- when ---- */

static void nothing_runs_before_it_is_fitted(void **state)
{
    static float out[2 * DIM];
    double loss;
    ae_model *model = scaled_model(AE_LOSS_MSE, AE_SCALING_NONE, AE_SCALING_STANDARD);
    const float code[2 * CODE_DIM] = {0};
    (void)state;
    assert_int_equal(ae_encode(model, x, 2, out, 2 * DIM), AE_ERR_STATE);
    assert_int_equal(ae_decode(model, code, 2, out, 2 * DIM), AE_ERR_STATE);
    assert_int_equal(ae_reconstruct(model, x, 2, out, 2 * DIM), AE_ERR_STATE);
    assert_int_equal(ae_features(model, 0, x, 2, out, 2 * DIM), AE_ERR_STATE);
    assert_int_equal(ae_interpolate(model, code, code + CODE_DIM, 2, out, 2 * DIM), AE_ERR_STATE);
    assert_int_equal(ae_score(model, x, 2, out, 2), AE_ERR_STATE);
    assert_int_equal(ae_evaluate(model, x, NULL, 2, &loss), AE_ERR_STATE);
    assert_int_equal(ae_fit_batch(model, x, NULL, 2, &loss), AE_ERR_STATE);
    assert_int_equal(ae_model_scaling_get(model, AE_DATA_X, NULL, NULL, 0), AE_ERR_STATE);
    must(ae_fit_scaling(model, x, x, 2));
    must(ae_model_scaling_get(model, AE_DATA_X, NULL, NULL, 0));
    must(ae_encode(model, x, 2, out, 2 * DIM));
    must(ae_fit_batch(model, x, x, 2, &loss));
    ae_model_free(model);
}

static void warm_restarts_keep_it(void **state)
{
    static float other[N * DIM];
    double before[DIM], after[DIM];
    ae_model *model = scaled_model(AE_LOSS_MSE, AE_SCALING_STANDARD, AE_SCALING_NONE);
    (void)state;
    for (int i = 0; i < N * DIM; i++) other[i] = 3 * x[i] + 1;
    train_to(model, x, N, 1);
    must(ae_model_scaling_get(model, AE_DATA_Y, before, NULL, DIM));
    train_to(model, other, N, 2);
    must(ae_model_strip(model));
    model = reloaded(model);
    train_to(model, other, N, 1);
    must(ae_model_scaling_get(model, AE_DATA_X, after, NULL, DIM));
    assert_memory_equal(after, before, sizeof after);
    must(ae_fit_scaling(model, other, NULL, N)); /* unless told */
    must(ae_model_scaling_get(model, AE_DATA_X, after, NULL, DIM));
    assert_relative(after[0], 3 * before[0] + 1, 1e-6);
    ae_model_free(model);
}

static void an_interrupted_fit_ends_with_the_same_bytes(void **state)
{
    (void)state;
    for (int targets = 0; targets < 2; targets++) {
        const float *y = targets ? x : NULL;
        ae_model *model = scaled_model(AE_LOSS_MSE, AE_SCALING_STANDARD, AE_SCALING_MIN_MAX);
        ae_model *whole = scaled_model(AE_LOSS_MSE, AE_SCALING_STANDARD, AE_SCALING_MIN_MAX);
        ae_fit_options *options = options_to(3);
        interruption i = {.at = 2};
        must(ae_fit_options_set_f64(options, AE_FIT_SPLIT, 0.2));
        must(ae_fit(whole, x, y, N, options));
        must(ae_fit_options_progress(options, interrupt, &i));
        assert_int_equal(ae_fit(model, x, y, N, options), AE_ERR_CANCELLED);
        model = reloaded(model);
        must(ae_fit_options_progress(options, NULL, NULL));
        must(ae_fit(model, x, y, N, options));
        assert_true(same_models(model, whole));
        ae_fit_options_free(options);
        ae_model_free(model);
        ae_model_free(whole);
    }
}

/* ---- what failures leave ---- */

static bool is_fitted(const ae_model *model)
{
    return ae_model_scaling_get(model, AE_DATA_X, NULL, NULL, 0) == AE_OK;
}

static void a_fit_that_does_nothing_fits_no_scaling(void **state)
{
    tape t = {x, DIM * sizeof *x, N / 2};
    ae_data *data = read_of(AE_TYPE_F32, &t, 0);
    ae_model *model = scaled_model(AE_LOSS_MSE, AE_SCALING_STANDARD, AE_SCALING_NONE);
    ae_model *want = scaled_model(AE_LOSS_MSE, AE_SCALING_STANDARD, AE_SCALING_NONE);
    (void)state;
    assert_int_equal(ae_fit_data(model, data, NULL), AE_ERR_IO);
    assert_false(is_fitted(model));
    t.fails = 0;
    must(ae_fit_data(model, data, NULL));
    must(ae_fit(want, x, NULL, N, NULL));
    assert_true(same_models(model, want));
    ae_model_free(model);
    ae_model_free(want);
    ae_data_free(data);
}

static void a_fit_that_diverges_at_once_fits_no_scaling(void **state)
{
    ae_config *config = config_of(DIM, DIM, AE_LOSS_MSE, AE_SCALING_STANDARD, AE_SCALING_NONE);
    (void)state;
    must(ae_config_optimizer(config, AE_OPTIM_SGD));
    must(ae_config_set_f64(config, AE_PARAM_LEARNING_RATE, 1e6));
    ae_model *model = model_of(config);
    const image before = image_of(model);
    assert_int_equal(ae_fit(model, x, NULL, N, NULL), AE_ERR_DIVERGED);
    assert_false(is_fitted(model));
    assert_true(has_image(model, before));
    must(ae_model_set_f64(model, AE_PARAM_LEARNING_RATE, 1e-3));
    train_to(model, x, N, 1);
    assert_true(is_fitted(model));
    free(before.bytes);
    ae_model_free(model);
}

static void data_that_fail_leave_the_old_scaling(void **state)
{
    static float broken[N * DIM];
    tape cut = {x, DIM * sizeof *x, N - 1}, odd = {broken, DIM * sizeof *x, 0};
    ae_data *sets[] = {read_of(AE_TYPE_F32, &cut, 0), read_of(AE_TYPE_F32, &odd, 0)};
    static const int32_t wanted[] = {AE_ERR_IO, AE_ERR_NONFINITE};
    ae_model *model = scaled_model(AE_LOSS_MSE, AE_SCALING_STANDARD, AE_SCALING_NONE);
    (void)state;
    memcpy(broken, x, sizeof broken);
    broken[(N - 1) * DIM + 5] = INFINITY;
    must(ae_fit_scaling(model, x, NULL, 100));
    const image before = image_of(model);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(ae_fit_scaling_data(model, sets[i]), wanted[i]);
        assert_true(has_image(model, before));
    }
    assert_non_null(strstr(ae_last_error(), "row 1999, column 5"));
    assert_int_equal(ae_fit_scaling(model, broken, NULL, N), AE_ERR_NONFINITE);
    assert_true(has_image(model, before));
    free(before.bytes);
    for (int i = 0; i < 2; i++) ae_data_free(sets[i]);
    ae_model_free(model);
}

static void cross_entropies_refuse_standard_targets(void **state)
{
    static const int32_t losses[] = {AE_LOSS_BCE, AE_LOSS_BERNOULLI_NLL};
    double zeros[DIM] = {0}, ones[DIM];
    ae_model *model;
    (void)state;
    for (int j = 0; j < DIM; j++) ones[j] = 1;
    for (int i = 0; i < 2; i++) {
        ae_config *config = config_of(DIM, DIM, losses[i], AE_SCALING_NONE, AE_SCALING_STANDARD);
        assert_int_equal(ae_model_create(&model, config), AE_ERR_INVALID);
        ae_config_free(config);
        model = scaled_model(losses[i], AE_SCALING_STANDARD, AE_SCALING_MIN_MAX);
        assert_int_equal(ae_fit(model, x, NULL, N, NULL), AE_ERR_INVALID);
        assert_int_equal(ae_fit_scaling(model, x, NULL, N), AE_ERR_INVALID);
        assert_int_equal(ae_model_scaling_set(model, AE_DATA_X, zeros, ones, DIM), AE_ERR_INVALID);
        assert_false(is_fitted(model));
        must(ae_model_scaling_set(model, AE_DATA_Y, zeros, ones, DIM));
        must(ae_model_scaling_set(model, AE_DATA_X, zeros, ones, DIM));
        must(ae_fit(model, x, x, N, NULL));
        ae_model_free(model);
    }
}

/* ---- get and set ---- */

static void what_is_set_is_what_is_got(void **state)
{
    static const double offset[] = {1, -2, 3e30}, scale[] = {0.5, 1e-30, 7};
    static const double zeros[] = {0, 0, 0}, ones[] = {1, 1, 1};
    double a[3], b[3];
    (void)state;
    for (int32_t role = AE_DATA_X; role <= AE_DATA_Y; role++) {
        ae_model *model =
            model_of(config_of(3, 3, AE_LOSS_MSE, AE_SCALING_STANDARD, AE_SCALING_STANDARD));
        must(ae_model_scaling_set(model, role, offset, scale, 3));
        model = reloaded(model);
        for (int32_t of = AE_DATA_X; of <= AE_DATA_Y; of++) {
            bool told = of == role || role == AE_DATA_X; /* x's is the target's, too */
            must(ae_model_scaling_get(model, of, a, b, 3));
            assert_memory_equal(a, told ? offset : zeros, sizeof a);
            assert_memory_equal(b, told ? scale : ones, sizeof b);
        }
        must(ae_model_scaling_set(model, AE_DATA_Y, ones, scale, 3));
        must(ae_model_scaling_set(model, AE_DATA_X, scale, ones, 3));
        must(ae_model_scaling_get(model, AE_DATA_Y, a, b, 3));
        assert_memory_equal(a, ones, sizeof a);
        assert_memory_equal(b, scale, sizeof b);
        ae_model_free(model);
    }
}

/* Input and output of other dimensions share nothing. */
static void shapes_that_differ_do_not_share(void **state)
{
    static const double ones[] = {1, 1, 1};
    static const float row[] = {1, 2, 3};
    float out[2];
    double a[3], b[3];
    ae_model *model = model_of(config_of(3, 2, AE_LOSS_MSE, AE_SCALING_STANDARD, AE_SCALING_NONE));
    (void)state;
    must(ae_model_scaling_set(model, AE_DATA_X, ones, ones, 3));
    must(ae_model_scaling_get(model, AE_DATA_Y, a, b, 2));
    assert_true(a[0] == 0 && a[1] == 0 && b[0] == 1 && b[1] == 1);
    must(ae_reconstruct(model, row, 1, out, 2));
    model = reloaded(model);
    must(ae_model_scaling_get(model, AE_DATA_Y, a, NULL, 2));
    assert_true(a[0] == 0);
    ae_model_free(model);
}

static void a_model_that_scales_nothing_has_0_and_1(void **state)
{
    double offset[DIM], scale[DIM];
    ae_model *model = scaled_model(AE_LOSS_MSE, AE_SCALING_NONE, AE_SCALING_NONE);
    const image before = image_of(model);
    (void)state;
    must(ae_fit_scaling(model, x, NULL, N));
    assert_true(has_image(model, before));
    for (int32_t role = AE_DATA_X; role <= AE_DATA_Y; role++) {
        must(ae_model_scaling_get(model, role, offset, scale, DIM));
        for (int j = 0; j < DIM; j++) assert_true(offset[j] == 0 && scale[j] == 1);
        assert_int_equal(ae_model_scaling_set(model, role, offset, scale, DIM), AE_ERR_STATE);
    }
    free(before.bytes);
    ae_model_free(model);
}

static void set_refuses_what_cannot_be(void **state)
{
    static const double bad[][2] = {{0, 0}, {0, -1}, {0, 1e-310}, {1e300, 1e-300}};
    static const double infinite[][2] = {{NAN, 1}, {0, NAN}, {INFINITY, 1}, {0, INFINITY}};
    double offset[DIM] = {0}, scale[DIM];
    ae_model *model = scaled_model(AE_LOSS_MSE, AE_SCALING_STANDARD, AE_SCALING_NONE);
    (void)state;
    for (int j = 0; j < DIM; j++) scale[j] = 1;
    must(ae_fit_scaling(model, x, NULL, N));
    const image before = image_of(model);
    for (int i = 0; i < 4; i++) {
        offset[9] = bad[i][0], scale[9] = bad[i][1];
        assert_int_equal(ae_model_scaling_set(model, AE_DATA_X, offset, scale, DIM), AE_ERR_RANGE);
        offset[9] = infinite[i][0], scale[9] = infinite[i][1];
        assert_int_equal(ae_model_scaling_set(model, AE_DATA_X, offset, scale, DIM),
                         AE_ERR_NONFINITE);
    }
    offset[9] = 0, scale[9] = 1;
    assert_int_equal(ae_model_scaling_set(model, AE_DATA_X, offset, scale, DIM - 1), AE_ERR_SHAPE);
    assert_int_equal(ae_model_scaling_set(model, AE_DATA_SIDE, offset, scale, DIM), AE_ERR_INVALID);
    assert_int_equal(ae_model_scaling_get(model, AE_DATA_SIDE, offset, scale, DIM), AE_ERR_INVALID);
    assert_int_equal(ae_model_scaling_get(model, AE_DATA_X, offset, NULL, DIM - 1), AE_ERR_RANGE);
    assert_int_equal(ae_model_scaling_get(model, AE_DATA_X, NULL, scale, DIM - 1), AE_ERR_RANGE);
    assert_int_equal(ae_model_set_i64(model, AE_PARAM_SCALING_INPUT, AE_SCALING_NONE),
                     AE_ERR_STATE);
    assert_true(has_image(model, before));
    free(before.bytes);
    ae_model_free(model);
}

static int32_t try_to_change(const ae_event *event, void *user)
{
    ae_model *model = user;
    const double one = 1;
    (void)event;
    assert_int_equal(ae_fit_scaling(model, x, NULL, 1), AE_ERR_BUSY);
    assert_int_equal(ae_model_scaling_set(model, AE_DATA_X, &one, &one, 1), AE_ERR_BUSY);
    return 0;
}

static void callbacks_may_not_change_it(void **state)
{
    ae_model *model = model_of(config_of(1, 1, AE_LOSS_MSE, AE_SCALING_STANDARD, AE_SCALING_NONE));
    ae_fit_options *options = options_to(1);
    (void)state;
    must(ae_fit_options_progress(options, try_to_change, model));
    must(ae_fit(model, x, NULL, 100, options));
    ae_fit_options_free(options);
    ae_model_free(model);
}

static void shares_scale_as_their_model(void **state)
{
    static float got[N], want[N];
    double offset[DIM], scale[DIM];
    (void)state;
    for (int targets = 0; targets < 2; targets++) {
        ae_model *model = scaled_model(AE_LOSS_MSE, AE_SCALING_STANDARD, AE_SCALING_MIN_MAX),
                 *share;
        must(ae_model_share(&share, model));
        assert_false(is_fitted(share));
        assert_int_equal(ae_fit_scaling(model, x, NULL, N), AE_ERR_BUSY);
        ae_model_free(share);
        must(ae_fit_scaling(model, x, targets ? x : NULL, N));
        must(ae_score(model, x, N, want, N));
        must(ae_model_share(&share, model));
        must(ae_model_scaling_get(share, AE_DATA_Y, offset, scale, DIM));
        assert_int_equal(ae_model_scaling_set(share, AE_DATA_X, offset, scale, DIM), AE_ERR_BUSY);
        ae_model_free(model);
        must(ae_score(share, x, N, got, N));
        assert_memory_equal(got, want, sizeof got);
        ae_model_free(share);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(moments_are_those_of_a_ladder),
        cmocka_unit_test(moments_bear_an_odd_first_row),
        cmocka_unit_test(one_value_alone_has_scale_1),
        cmocka_unit_test(rows_held_out_have_no_say),
        cmocka_unit_test(input_and_target_have_their_own),
        cmocka_unit_test(fit_has_the_same_bits_however_it_is_read),
        cmocka_unit_test(nothing_runs_before_it_is_fitted),
        cmocka_unit_test(warm_restarts_keep_it),
        cmocka_unit_test(an_interrupted_fit_ends_with_the_same_bytes),
        cmocka_unit_test(a_fit_that_does_nothing_fits_no_scaling),
        cmocka_unit_test(a_fit_that_diverges_at_once_fits_no_scaling),
        cmocka_unit_test(data_that_fail_leave_the_old_scaling),
        cmocka_unit_test(cross_entropies_refuse_standard_targets),
        cmocka_unit_test(what_is_set_is_what_is_got),
        cmocka_unit_test(shapes_that_differ_do_not_share),
        cmocka_unit_test(a_model_that_scales_nothing_has_0_and_1),
        cmocka_unit_test(set_refuses_what_cannot_be),
        cmocka_unit_test(callbacks_may_not_change_it),
        cmocka_unit_test(shares_scale_as_their_model),
    };
    return cmocka_run_group_tests(tests, draw_x, NULL);
}
