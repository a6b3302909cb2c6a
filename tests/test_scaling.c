/* Scaling: what it is fitted to, against closed forms; and models that scale, against models on numbers
 * that were scaled by hand. */
#include "test_fit.h"

#include <float.h>

enum { N = 2000, DIM = 17, CODE_DIM = 3 };

/* Columns of different offset and size. */
static float x[N * DIM];
static double wide[N * DIM]; /* the same numbers */

static int draw_x(void **state)
{
    (void)state;
    for (int i = 0; i < N; i++) {
        const double z = draw_unit() - 0.5;
        for (int j = 0; j < DIM; j++) {
            const double v = (z + draw_unit()) * pow(10, j % 7 - 3) + (j % 5 - 2) * 100;
            x[i * DIM + j] = j == 4 ? 7.5f : (float)v;
            wide[i * DIM + j] = (double)x[i * DIM + j];
        }
    }
    return 0;
}

/* ---- models ---- */

static ae_config *config_of(int64_t in, int64_t out, int32_t loss, int32_t input, int32_t target)
{
    const bool bounded = loss == AE_LOSS_BCE || loss == AE_LOSS_BERNOULLI_NLL;
    ae_config *config;
    must(ae_config_create(&config));
    must(ae_config_input(config, in));
    must(ae_config_corrupt(config, AE_NOISE_GAUSSIAN, 0.125));
    must(ae_config_set_f64(config, AE_PARAM_CLIP_LOW, -1));
    must(ae_config_set_f64(config, AE_PARAM_CLIP_HIGH, 0.75));
    must(ae_config_dense(config, CODE_DIM, AE_ACT_TANH));
    must(ae_config_code(config));
    must(ae_config_dense(config, out, bounded ? AE_ACT_SIGMOID : AE_ACT_LINEAR));
    must(ae_config_loss(config, loss));
    must(ae_config_set_i64(config, AE_PARAM_SCALING_INPUT, input));
    must(ae_config_set_i64(config, AE_PARAM_SCALING_TARGET, target));
    must(ae_config_set_i64(config, AE_PARAM_BATCH, 64));
    return config;
}

static ae_model *scaled_model(int32_t loss, int32_t input, int32_t target)
{
    return model_of(config_of(DIM, DIM, loss, input, target));
}

/* The formula of docs/math.md. */
static void scale_by_hand(float *out, const double *v, int64_t rows, int64_t dim,
                          const ae_model *model, int32_t role)
{
    double offset[DIM], scale[DIM];
    must(ae_model_scaling_get(model, role, offset, scale, DIM));
    for (int64_t i = 0; i < rows * dim; i++)
        out[i] = (float)((v[i] - offset[i % dim]) * (1 / scale[i % dim]));
}

/* ---- a source ---- */

typedef struct tape {
    const void *rows;
    size_t row_bytes;
    int64_t most;  /* rows a call, told; 0: any */
    int64_t fails; /* where the row of this number is wanted; 0: nowhere */
} tape;

static int32_t tape_read(void *user, int64_t first, int64_t rows, void *out)
{
    const tape *t = user;
    if (t->fails && first + rows > t->fails) return 1;
    memcpy(out, (const char *)t->rows + (size_t)first * t->row_bytes, (size_t)rows * t->row_bytes);
    return 0;
}

static ae_data *data_of(int32_t type, const void *rows)
{
    ae_data *data;
    must(ae_data_create(&data));
    must(ae_data_array(data, AE_DATA_X, type, rows, N, DIM));
    return data;
}

static ae_data *read_of(int32_t type, tape *t, int32_t flags)
{
    ae_data *data;
    must(ae_data_create(&data));
    must(ae_data_source(data, AE_DATA_X, type, tape_read, t, N, DIM, flags));
    return data;
}

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

static void assert_relative(double got, double want, double tolerance)
{
    if (!(fabs(got - want) <= tolerance * fabs(want))) fail_msg("%.17g, wanted %.17g", got, want);
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
    tape t = {wide, row, 0, 0};
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
        assert_true(i == 1 || has_image(model, want));
        if (i == 1) { /* doubles are rounded once, so bits may differ from those of floats */
            free(want.bytes);
            want = image_of(model);
        }
        ae_fit_options_free(options);
        ae_model_free(model);
        ae_data_free(sets[i]);
    }
    free(want.bytes);
}

/* ---- what it does ---- */

static void training_is_that_on_numbers_scaled_by_hand(void **state)
{
    static const int32_t kinds[] = {AE_SCALING_MIN_MAX, AE_SCALING_STANDARD};
    static float by_hand[N * DIM];
    (void)state;
    for (int k = 0; k < 4; k++) {
        ae_model *model = scaled_model(AE_LOSS_MSE, kinds[k % 2], AE_SCALING_NONE);
        ae_model *want = scaled_model(AE_LOSS_MSE, AE_SCALING_NONE, AE_SCALING_NONE);
        ae_data *data = k < 2 ? data_of(AE_TYPE_F32, x) : data_of(AE_TYPE_F64, wide);
        ae_fit_options *options = options_to(3), *plain = options_to(3);
        double got[3], losses[3];
        must(ae_fit_options_validation(options, x, NULL, 300));
        must(ae_fit_data(model, data, options));
        scale_by_hand(by_hand, wide, N, DIM, model, AE_DATA_X);
        must(ae_fit_options_validation(plain, by_hand, NULL, 300));
        must(ae_fit(want, by_hand, NULL, N, plain));
        assert_true(same_weights(model, want));
        for (int32_t metric = AE_METRIC_LOSS; metric <= AE_METRIC_VAL_LOSS; metric++) {
            must(ae_model_history(model, metric, got, 3, NULL));
            must(ae_model_history(want, metric, losses, 3, NULL));
            assert_memory_equal(got, losses, sizeof got);
        }
        assert_true(losses[2] < losses[0]);
        ae_fit_options_free(options);
        ae_fit_options_free(plain);
        ae_data_free(data);
        ae_model_free(model);
        ae_model_free(want);
    }
}

/* Columns of doubles so far from 0 that floats of them are all the same. */
static void doubles_keep_their_digits(void **state)
{
    enum { FEW = 8 };
    double v[FEW];
    float near_0[FEW], code[FEW * CODE_DIM], want[FEW * CODE_DIM];
    const double offset = 0, scale = 1;
    ae_model *model = model_of(config_of(1, 1, AE_LOSS_MSE, AE_SCALING_MIN_MAX, AE_SCALING_NONE));
    ae_data *data;
    (void)state;
    for (int i = 0; i < FEW; i++) v[i] = 1e9 + i;
    for (int i = 0; i < FEW; i++) near_0[i] = (float)(i * (1.0 / (FEW - 1)));
    must(ae_data_create(&data));
    must(ae_data_array(data, AE_DATA_X, AE_TYPE_F64, v, FEW, 1));
    must(ae_fit_scaling_data(model, data));
    must(ae_encode_data(model, data, code, FEW * CODE_DIM));
    must(ae_model_scaling_set(model, AE_DATA_X, &offset, &scale, 1));
    must(ae_encode(model, near_0, FEW, want, FEW * CODE_DIM));
    assert_memory_equal(code, want, sizeof code);
    ae_data_free(data);
    ae_model_free(model);
}

/* A model that was trained with both scalings, and one with the same weights and none. */
typedef struct pair {
    ae_model *scaled, *plain;
    float *x, *y; /* by hand */
} pair;

static void copy_weights(ae_model *to, const ae_model *from)
{
    float values[DIM * DIM];
    const char *name;
    int32_t layer;
    int64_t rows, cols;
    for (int32_t i = 0; ae_model_weights_at(from, i, &layer, &name, &rows, &cols) == AE_OK; i++) {
        must(ae_model_weights_get(from, layer, name, values, DIM * DIM));
        must(ae_model_weights_set(to, layer, name, values, (size_t)(rows * cols)));
    }
}

/* y: x with its rows in another order. */
static pair pair_of(int32_t loss, bool targets)
{
    static float y[N * DIM], by_hand[2][N * DIM];
    static double wide_y[N * DIM];
    pair p = {scaled_model(loss, AE_SCALING_STANDARD, AE_SCALING_MIN_MAX),
              scaled_model(loss, AE_SCALING_NONE, AE_SCALING_NONE), by_hand[0], by_hand[1]};
    ae_fit_options *options = options_to(1);
    for (int i = 0; i < N * DIM; i++) wide_y[i] = y[i] = 2 * x[(i + 5 * DIM) % (N * DIM)] + 1;
    must(ae_fit(p.scaled, x, targets ? y : NULL, N, options));
    ae_fit_options_free(options);
    copy_weights(p.plain, p.scaled);
    scale_by_hand(p.x, wide, N, DIM, p.scaled, AE_DATA_X);
    scale_by_hand(p.y, targets ? wide_y : wide, N, DIM, p.scaled, AE_DATA_Y);
    return p;
}

static void free_pair(pair p)
{
    ae_model_free(p.scaled);
    ae_model_free(p.plain);
}

static void outputs_come_back_in_the_targets_units(void **state)
{
    enum { FEW = 40 };
    float got[FEW * DIM], want[FEW * DIM], code[FEW * CODE_DIM], plain_code[FEW * CODE_DIM];
    double offset[DIM], scale[DIM];
    (void)state;
    for (int targets = 0; targets < 2; targets++) {
        pair p = pair_of(AE_LOSS_MSE, targets);
        must(ae_model_scaling_get(p.scaled, AE_DATA_Y, offset, scale, DIM));
        must(ae_encode(p.scaled, x, FEW, code, FEW * CODE_DIM));
        must(ae_encode(p.plain, p.x, FEW, plain_code, FEW * CODE_DIM));
        assert_memory_equal(code, plain_code, sizeof code);
        must(ae_features(p.scaled, 2, x, FEW, got, FEW * DIM));
        must(ae_decode(p.plain, code, FEW, want, FEW * DIM));
        assert_memory_equal(got, want, sizeof got); /* a layer's own output is not brought back */
        must(ae_decode(p.scaled, code, FEW, got, FEW * DIM));
        for (int i = 0; i < FEW * DIM; i++) {
            const double v = (double)want[i] * scale[i % DIM] + offset[i % DIM];
            assert_true(fabs((double)got[i] - v) <= FLT_EPSILON * fabs(v) + DBL_EPSILON);
        }
        must(ae_reconstruct(p.scaled, x, FEW, want, FEW * DIM));
        assert_memory_equal(got, want, sizeof got);
        must(ae_interpolate(p.scaled, code, code + CODE_DIM, 2, want, 2 * DIM));
        assert_memory_equal(got, want, 2 * DIM * sizeof *got);
        free_pair(p);
    }
}

static void losses_and_scores_are_of_scaled_numbers(void **state)
{
    static float got[N], want[N];
    double a, b;
    (void)state;
    for (int targets = 0; targets < 2; targets++) {
        pair p = pair_of(AE_LOSS_MAE, targets);
        ae_data *data;
        must(ae_data_create(&data));
        must(ae_data_array(data, AE_DATA_X, AE_TYPE_F32, p.x, N, DIM));
        must(ae_data_array(data, AE_DATA_Y, AE_TYPE_F32, p.y, N, DIM));
        if (targets) /* x, scaled as a target, where it is one */
            scale_by_hand(p.y, wide, N, DIM, p.scaled, AE_DATA_Y);
        must(ae_score(p.scaled, x, N, got, N));
        must(ae_score_data(p.plain, data, want, N));
        assert_memory_equal(got, want, sizeof got);
        must(ae_evaluate(p.scaled, x, NULL, N, &a));
        must(ae_evaluate_data(p.plain, data, &b));
        assert_true(a == b);
        ae_data_free(data);
        free_pair(p);
    }
}

static void steps_on_rows_as_they_come_scale_them(void **state)
{
    static float by_hand[N * DIM];
    double a, b;
    (void)state;
    for (int targets = 0; targets < 2; targets++) {
        ae_model *model = scaled_model(AE_LOSS_MSE, AE_SCALING_STANDARD, AE_SCALING_STANDARD);
        ae_model *want = scaled_model(AE_LOSS_MSE, AE_SCALING_NONE, AE_SCALING_NONE);
        must(ae_fit_scaling(model, x, targets ? x : NULL, N));
        scale_by_hand(by_hand, wide, N, DIM, model, AE_DATA_X);
        for (int i = 0; i < 3; i++) {
            must(ae_fit_batch(model, x + i * DIM, i ? x + i * DIM : NULL, 50, &a));
            must(ae_fit_batch(want, by_hand + i * DIM, NULL, 50, &b));
            assert_true(a == b);
        }
        assert_true(same_weights(model, want));
        ae_model_free(model);
        ae_model_free(want);
    }
}

static double in_units(int32_t loss, double r)
{
    r = fabs(r);
    if (loss == AE_LOSS_MSE) return r * r;
    if (loss == AE_LOSS_MAE) return r;
    return r > 1 ? r - 0.5 : r * r / 2;
}

static void scores_can_be_told_in_the_callers_units(void **state)
{
    static const int32_t losses[] = {AE_LOSS_MSE, AE_LOSS_MAE, AE_LOSS_HUBER};
    static float scores[N], again[N], out[N * DIM];
    (void)state;
    for (size_t k = 0; k < sizeof losses / sizeof *losses; k++) {
        double loss, before;
        pair p = pair_of(losses[k], false);
        must(ae_evaluate(p.scaled, x, NULL, N, &before));
        must(ae_model_set_i64(p.scaled, AE_PARAM_RAW_SCORES, 1));
        must(ae_score(p.scaled, x, N, scores, N));
        must(ae_reconstruct(p.scaled, x, N, out, N * DIM));
        for (int i = 0; i < N; i++) {
            double sum = 0, size = 0;
            for (int j = i * DIM; j < (i + 1) * DIM; j++) {
                sum += in_units(losses[k], (double)out[j] - (double)x[j]) / DIM;
                size = fmax(size, fabs((double)x[j]));
            }
            /* out and x are rounded to floats, and so is y - t in scaled ones */
            if (!(fabs(scores[i] - sum) <= 1e-5 * sum + 4 * FLT_EPSILON * size * sqrt(sum + 1)))
                fail_msg("loss %d, row %d: %g, wanted %g", (int)losses[k], i, (double)scores[i],
                         sum);
        }
        must(ae_evaluate(p.scaled, x, NULL, N, &loss));
        assert_true(loss == before);
        must(ae_model_set_i64(p.scaled, AE_PARAM_THREADS, 3));
        must(ae_score(p.scaled, x, N, again, N));
        assert_memory_equal(again, scores, sizeof again);
        free_pair(p);
    }
}

/* Nothing is scaled, or the loss has no units. */
static void units_leave_other_scores_as_they_are(void **state)
{
    static float got[N], want[N];
    ae_model *models[] = {scaled_model(AE_LOSS_MSE, AE_SCALING_NONE, AE_SCALING_NONE),
                          scaled_model(AE_LOSS_BCE, AE_SCALING_MIN_MAX, AE_SCALING_NONE),
                          scaled_model(AE_LOSS_GAUSSIAN_NLL, AE_SCALING_STANDARD, AE_SCALING_NONE)};
    (void)state;
    for (size_t i = 0; i < sizeof models / sizeof *models; i++) {
        must(ae_fit_scaling(models[i], x, NULL, N));
        must(ae_score(models[i], x, N, want, N));
        must(ae_model_set_i64(models[i], AE_PARAM_RAW_SCORES, 1));
        must(ae_score(models[i], x, N, got, N));
        assert_memory_equal(got, want, sizeof got);
        ae_model_free(models[i]);
    }
}

static void a_constant_comes_back_as_it_was(void **state)
{
    float row[DIM], code[CODE_DIM] = {0}, out[DIM], zeros[CODE_DIM * DIM] = {0};
    double offset[DIM], scale[DIM];
    (void)state;
    for (int32_t kind = AE_SCALING_MIN_MAX; kind <= AE_SCALING_STANDARD; kind++) {
        ae_model *model = scaled_model(AE_LOSS_MSE, kind, AE_SCALING_NONE);
        must(ae_fit_scaling(model, x, NULL, N));
        must(ae_model_scaling_get(model, AE_DATA_X, offset, scale, DIM));
        assert_true(offset[4] == 7.5 && scale[4] == 1);
        must(ae_model_weights_set(model, 2, "kernel", zeros, CODE_DIM * DIM));
        must(ae_decode(model, code, 1, out, DIM)); /* 0 in each column is its offset */
        for (int j = 0; j < DIM; j++) row[j] = (float)offset[j];
        assert_true(out[4] == 7.5f);
        for (int j = 0; j < DIM; j++) assert_relative((double)out[j], (double)row[j], FLT_EPSILON);
        ae_model_free(model);
    }
}

/* ---- targets that a cross-entropy wants in [0, 1] ---- */

static void numbers_outside_are_cut_and_their_rows_counted(void **state)
{
    static float odd[N * DIM], cut[N * DIM];
    static double wide_odd[N * DIM];
    static float got[N], want[N];
    double offset[DIM], scale[DIM];
    ae_model *model = scaled_model(AE_LOSS_BCE, AE_SCALING_MIN_MAX, AE_SCALING_NONE);
    ae_model *plain = scaled_model(AE_LOSS_BCE, AE_SCALING_NONE, AE_SCALING_NONE);
    int64_t rows = 0;
    (void)state;
    train_to(model, x, N, 1);
    assert_int_equal(ae_model_clipped_rows(model), 0);
    copy_weights(plain, model);
    must(ae_model_scaling_get(model, AE_DATA_X, offset, scale, DIM));
    for (int i = 0; i < N; i++) {
        bool any = false;
        for (int j = 0; j < DIM; j++) {
            float *v = &odd[i * DIM + j];
            *v = x[i * DIM + j] + (i % 23 == j ? 2 : i % 41 == j ? -2 : 0) * (float)scale[j];
            wide_odd[i * DIM + j] = (double)*v;
            any |= (double)*v < offset[j] || (double)*v > offset[j] + scale[j];
        }
        rows += any;
    }
    assert_true(rows > N / 2 && rows < N);
    scale_by_hand(cut, wide_odd, N, DIM, model, AE_DATA_X);
    for (int i = 0; i < N * DIM; i++) cut[i] = fminf(fmaxf(cut[i], 0), 1);
    must(ae_score(model, odd, N, got, N));
    must(ae_score(plain, cut, N, want, N));
    assert_memory_equal(got, want, sizeof got);
    assert_int_equal(ae_model_clipped_rows(model), rows);
    must(ae_model_set_i64(model, AE_PARAM_THREADS, 3));
    must(ae_score(model, odd, N, got, N));
    assert_memory_equal(got, want, sizeof got);
    assert_int_equal(ae_model_clipped_rows(model), 2 * rows);
    train_to(model, odd, N, 2); /* an epoch, of rows that the scaling was not fitted to */
    assert_int_equal(ae_model_clipped_rows(model), 3 * rows);
    model = reloaded(model);
    assert_int_equal(ae_model_clipped_rows(model), 0);
    assert_int_equal(ae_model_clipped_rows(NULL), 0);
    ae_model_free(plain);
    ae_model_free(model);
}

static void nothing_is_cut_that_may_be_anything(void **state)
{
    float rows[2 * DIM], scores[2];
    ae_model *model = scaled_model(AE_LOSS_MSE, AE_SCALING_MIN_MAX, AE_SCALING_NONE);
    ae_model *bounded =
        scaled_model(AE_LOSS_BERNOULLI_NLL, AE_SCALING_STANDARD, AE_SCALING_MIN_MAX);
    (void)state;
    for (int i = 0; i < 2 * DIM; i++) rows[i] = 2 * x[i] + 1000;
    must(ae_fit_scaling(model, x, NULL, N));
    must(ae_score(model, rows, 2, scores, 2));
    assert_int_equal(ae_model_clipped_rows(model), 0);
    assert_true(scores[0] > 100);
    must(ae_fit_scaling(bounded, x, x, N));
    float code[2 * CODE_DIM], out[2 * DIM];
    must(
        ae_encode(bounded, rows, 2, code, 2 * CODE_DIM)); /* standardised input is not the target */
    must(ae_reconstruct(bounded, rows, 2, out, 2 * DIM));
    assert_int_equal(ae_model_clipped_rows(bounded), 0);
    must(ae_score(bounded, rows, 2, scores, 2));
    assert_int_equal(ae_model_clipped_rows(bounded), 2);
    ae_model_free(model);
    ae_model_free(bounded);
}

static void nan_and_infinity_are_not_cut(void **state)
{
    float rows[3 * DIM], scores[3];
    ae_model *model = scaled_model(AE_LOSS_BCE, AE_SCALING_MIN_MAX, AE_SCALING_NONE);
    (void)state;
    memcpy(rows, x, sizeof rows);
    rows[3] = NAN;
    rows[DIM + 3] = INFINITY;
    must(ae_fit_scaling(model, x, NULL, N));
    must(ae_score(model, rows, 3, scores, 3));
    assert_true(isnan(scores[0]) && !isfinite(scores[1]) && isfinite(scores[2]));
    assert_int_equal(ae_model_clipped_rows(model), 0);
    ae_model_free(model);
}

static void raw_targets_are_still_held_to_0_and_1(void **state)
{
    enum { IN = 3 };
    static const float in[] = {1, 10, 100, 3, 30, 300}, out[] = {0, 1}, odd[] = {0, 2};
    float scores[2];
    ae_model *model = model_of(config_of(IN, 1, AE_LOSS_BCE, AE_SCALING_STANDARD, AE_SCALING_NONE));
    ae_data *data;
    (void)state;
    assert_int_equal(ae_fit(model, in, odd, 2, NULL), AE_ERR_RANGE);
    assert_int_equal(ae_fit_scaling(model, in, odd, 2), AE_ERR_RANGE);
    must(ae_fit(model, in, out, 2, NULL));
    must(ae_data_create(&data));
    must(ae_data_array(data, AE_DATA_X, AE_TYPE_F32, in, 2, IN));
    must(ae_data_array(data, AE_DATA_Y, AE_TYPE_F32, odd, 2, 1));
    assert_int_equal(ae_score_data(model, data, scores, 2), AE_ERR_RANGE);
    must(ae_data_array(data, AE_DATA_Y, AE_TYPE_F32, out, 2, 1));
    must(ae_score_data(model, data, scores, 2));
    ae_data_free(data);
    ae_model_free(model);
}

/* Validation rows may come with targets where training rows do not, and the other way about. */
static void validation_is_held_to_what_training_decides(void **state)
{
    static float big[N * DIM], unit[N * DIM];
    (void)state;
    for (int i = 0; i < N * DIM; i++) big[i] = x[i] * 2 + 1;
    for (int i = 0; i < N * DIM; i++) unit[i] = (float)(i % 3) / 2;
    for (int own = 0; own < 2; own++) {
        ae_model *model = scaled_model(AE_LOSS_BCE, AE_SCALING_MIN_MAX, AE_SCALING_NONE);
        ae_fit_options *options = options_to(1);
        must(ae_fit_options_validation(options, x, own ? NULL : big, 100));
        assert_int_equal(ae_fit(model, x, own ? unit : NULL, N, options),
                         own ? AE_ERR_RANGE : AE_OK);
        must(ae_fit_options_validation(options, unit, own ? NULL : unit, 100));
        must(ae_fit_options_set_i64(options, AE_FIT_EPOCHS, 2));
        must(ae_fit(model, x, own ? unit : NULL, N, options));
        ae_fit_options_free(options);
        ae_model_free(model);
    }
}

/* x as the target is raw, and as input standardised; read, too. */
static void x_may_be_scaled_and_its_target_raw(void **state)
{
    static float unit[N * DIM], scores[2][N];
    tape t = {unit, DIM * sizeof *unit, 0, 0}, odd = {x, DIM * sizeof *x, 0, 0};
    ae_data *data = read_of(AE_TYPE_F32, &t, 0), *bad = read_of(AE_TYPE_F32, &odd, 0);
    ae_model *model = scaled_model(AE_LOSS_BCE, AE_SCALING_STANDARD, AE_SCALING_NONE);
    (void)state;
    for (int i = 0; i < N * DIM; i++) unit[i] = (float)(i * 7 % 11) / 10;
    must(ae_fit_scaling(model, unit, unit, N));
    must(ae_score(model, unit, N, scores[0], N));
    must(ae_score_data(model, data, scores[1], N));
    assert_memory_equal(scores[0], scores[1], sizeof scores[0]);
    assert_int_equal(ae_score(model, x, N, scores[1], N), AE_ERR_RANGE);
    assert_int_equal(ae_score_data(model, bad, scores[1], N), AE_ERR_RANGE);
    ae_data_free(data);
    ae_data_free(bad);
    ae_model_free(model);
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

static void a_model_with_a_drawn_code_scales_too(void **state)
{
    float mean[4], again[4], out[2 * DIM], raw[2 * DIM], by_hand[2 * DIM];
    double values[2], offset[DIM], scale[DIM];
    ae_config *config;
    (void)state;
    must(ae_config_create(&config));
    must(ae_preset_variational(config, DIM, 8, 2, AE_LOSS_GAUSSIAN_NLL));
    must(ae_config_set_i64(config, AE_PARAM_SCALING_INPUT, AE_SCALING_STANDARD));
    ae_model *model = model_of(config);
    assert_int_equal(ae_posterior(model, x, 2, mean, NULL, 4), AE_ERR_STATE);
    assert_int_equal(ae_posterior_sample(model, x, 2, 1, 1, mean, 4), AE_ERR_STATE);
    assert_int_equal(ae_sample(model, 2, 1, out, 2 * DIM), AE_ERR_STATE);
    assert_int_equal(ae_log_likelihood(model, x, 2, 1, 1, values, 2), AE_ERR_STATE);
    assert_int_equal(ae_diagnose(model, x, 2, values, NULL, 2), AE_ERR_STATE);
    must(ae_fit_scaling(model, x, NULL, N));
    must(ae_model_scaling_get(model, AE_DATA_X, offset, scale, DIM));
    scale_by_hand(by_hand, wide, 2, DIM, model, AE_DATA_X);
    must(ae_posterior(model, x, 2, mean, NULL, 4));
    must(ae_sample(model, 2, 1, out, 2 * DIM));
    must(ae_log_likelihood(model, x, 2, 3, 1, values, 2));
    const double likelihoods[] = {values[0], values[1]}, zeros[DIM] = {0};
    double ones[DIM];
    for (int j = 0; j < DIM; j++) ones[j] = 1;
    must(ae_model_scaling_set(model, AE_DATA_X, zeros, ones, DIM));
    must(ae_posterior(model, by_hand, 2, again, NULL, 4));
    assert_memory_equal(again, mean, sizeof mean);
    must(ae_sample(model, 2, 1, raw, 2 * DIM));
    for (int i = 0; i < 2 * DIM; i++) {
        const double v = (double)raw[i] * scale[i % DIM] + offset[i % DIM];
        assert_true(fabs((double)out[i] - v) <= FLT_EPSILON * fabs(v) + DBL_EPSILON);
    }
    must(ae_log_likelihood(model, by_hand, 2, 3, 1, values, 2));
    assert_memory_equal(values, likelihoods, sizeof values);
    ae_model_free(model);
}

static int32_t stop_after_two(const ae_event *event, void *user)
{
    (void)user;
    return event->step == 2;
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
        must(ae_fit_options_set_f64(options, AE_FIT_SPLIT, 0.2));
        must(ae_fit(whole, x, y, N, options));
        must(ae_fit_options_progress(options, stop_after_two, NULL));
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
    tape t = {x, DIM * sizeof *x, 0, N / 2};
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
    tape cut = {x, DIM * sizeof *x, 0, N - 1}, odd = {broken, DIM * sizeof *x, 0, 0};
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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(moments_are_those_of_a_ladder),
        cmocka_unit_test(moments_bear_an_odd_first_row),
        cmocka_unit_test(one_value_alone_has_scale_1),
        cmocka_unit_test(rows_held_out_have_no_say),
        cmocka_unit_test(input_and_target_have_their_own),
        cmocka_unit_test(fit_has_the_same_bits_however_it_is_read),
        cmocka_unit_test(training_is_that_on_numbers_scaled_by_hand),
        cmocka_unit_test(doubles_keep_their_digits),
        cmocka_unit_test(outputs_come_back_in_the_targets_units),
        cmocka_unit_test(losses_and_scores_are_of_scaled_numbers),
        cmocka_unit_test(steps_on_rows_as_they_come_scale_them),
        cmocka_unit_test(scores_can_be_told_in_the_callers_units),
        cmocka_unit_test(units_leave_other_scores_as_they_are),
        cmocka_unit_test(a_constant_comes_back_as_it_was),
        cmocka_unit_test(numbers_outside_are_cut_and_their_rows_counted),
        cmocka_unit_test(nothing_is_cut_that_may_be_anything),
        cmocka_unit_test(nan_and_infinity_are_not_cut),
        cmocka_unit_test(raw_targets_are_still_held_to_0_and_1),
        cmocka_unit_test(validation_is_held_to_what_training_decides),
        cmocka_unit_test(x_may_be_scaled_and_its_target_raw),
        cmocka_unit_test(nothing_runs_before_it_is_fitted),
        cmocka_unit_test(a_model_with_a_drawn_code_scales_too),
        cmocka_unit_test(warm_restarts_keep_it),
        cmocka_unit_test(an_interrupted_fit_ends_with_the_same_bytes),
        cmocka_unit_test(a_fit_that_does_nothing_fits_no_scaling),
        cmocka_unit_test(a_fit_that_diverges_at_once_fits_no_scaling),
        cmocka_unit_test(data_that_fail_leave_the_old_scaling),
        cmocka_unit_test(cross_entropies_refuse_standard_targets),
        cmocka_unit_test(shares_scale_as_their_model),
        cmocka_unit_test(what_is_set_is_what_is_got),
        cmocka_unit_test(shapes_that_differ_do_not_share),
        cmocka_unit_test(a_model_that_scales_nothing_has_0_and_1),
        cmocka_unit_test(set_refuses_what_cannot_be),
        cmocka_unit_test(callbacks_may_not_change_it),
    };
    return cmocka_run_group_tests(tests, draw_x, NULL);
}
