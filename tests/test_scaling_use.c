/* Models that scale, against models on numbers that were scaled by hand; and what is cut to [0, 1]. */
#include "test_scaling.h"

#include <float.h>

/* ---- what it does ---- */

/* The formula of docs/math.md. */
static void scale_by_hand(float *out, const double *v, int64_t rows, int64_t dim,
                          const ae_model *model, int32_t role)
{
    double offset[DIM], scale[DIM];
    must(ae_model_scaling_get(model, role, offset, scale, DIM));
    for (int64_t i = 0; i < rows * dim; i++)
        out[i] = (float)((v[i] - offset[i % dim]) * (1 / scale[i % dim]));
}

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
    /* Standardised input is not the target. */
    must(ae_encode(bounded, rows, 2, code, 2 * CODE_DIM));
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
    tape t = {unit, DIM * sizeof *unit, 0}, odd = {x, DIM * sizeof *x, 0};
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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(training_is_that_on_numbers_scaled_by_hand),
        cmocka_unit_test(doubles_keep_their_digits),
        cmocka_unit_test(outputs_come_back_in_the_targets_units),
        cmocka_unit_test(losses_and_scores_are_of_scaled_numbers),
        cmocka_unit_test(steps_on_rows_as_they_come_scale_them),
        cmocka_unit_test(scores_can_be_told_in_the_callers_units),
        cmocka_unit_test(units_leave_other_scores_as_they_are),
        cmocka_unit_test(a_constant_comes_back_as_it_was),
        cmocka_unit_test(a_model_with_a_drawn_code_scales_too),
        cmocka_unit_test(numbers_outside_are_cut_and_their_rows_counted),
        cmocka_unit_test(nothing_is_cut_that_may_be_anything),
        cmocka_unit_test(nan_and_infinity_are_not_cut),
        cmocka_unit_test(raw_targets_are_still_held_to_0_and_1),
        cmocka_unit_test(validation_is_held_to_what_training_decides),
        cmocka_unit_test(x_may_be_scaled_and_its_target_raw),
    };
    return cmocka_run_group_tests(tests, draw_x, NULL);
}
