/* Validation by split, against the same rows given apart. Linked to the insides for the permutation that
 * docs/determinism.md names. */
#include "test_fit.h"

#include "base/rng.h"

enum { DIM = 6, SIDE = 2, N = 50 };

static float x[N * DIM], y[N * DIM], side[N * SIDE];

static int draw_all(void **state)
{
    (void)state;
    draw_state = 1;
    draw_units(x, N * DIM);
    draw_units(y, N * DIM);
    draw_units(side, N * SIDE);
    return 0;
}

/* With noise, so that the numbers of the rows matter, a side, and the order of an epoch. */
static ae_model *model_with(int64_t seed)
{
    ae_config *config;
    must(ae_config_create(&config));
    must(ae_config_input(config, DIM));
    must(ae_config_set_i64(config, AE_PARAM_SEED, seed));
    must(ae_config_set_i64(config, AE_PARAM_BATCH, 8));
    must(ae_config_corrupt(config, AE_NOISE_GAUSSIAN, 0.25));
    must(ae_config_concat(config, SIDE));
    must(ae_config_dense(config, 4, AE_ACT_TANH));
    must(ae_config_code(config));
    must(ae_config_dense(config, DIM, AE_ACT_LINEAR));
    must(ae_config_loss(config, AE_LOSS_MSE));
    return model_of(config);
}

/* The rows of a wide array that are, or are not, among the first `held` of the permutation. */
static int64_t part(float *out, const float *rows, int64_t n, int64_t dim, int64_t seed,
                    uint64_t held, bool wanted)
{
    int64_t count = 0;
    ae__order order;
    ae__order_set(&order, (uint64_t)n,
                  &(ae__draw){.seed = (uint64_t)seed, .purpose = AE__DRAW_SPLIT});
    for (int64_t i = 0; i < n; i++) {
        if ((ae__order_at(&order, (uint64_t)i) < held) != wanted) continue;
        memcpy(out + count++ * dim, rows + i * dim, (size_t)dim * sizeof *out);
    }
    return count;
}

typedef struct parts {
    float x[N * DIM], y[N * DIM], side[N * SIDE];
    int64_t rows;
} parts;

static parts parts_of(int64_t seed, uint64_t held, bool wanted)
{
    parts p;
    p.rows = part(p.x, x, N, DIM, seed, held, wanted);
    part(p.y, y, N, DIM, seed, held, wanted);
    part(p.side, side, N, SIDE, seed, held, wanted);
    return p;
}

static ae_data *data_of(const float *xs, const float *ys, const float *sides, int64_t rows)
{
    ae_data *data;
    must(ae_data_create(&data));
    must(ae_data_array(data, AE_DATA_X, AE_TYPE_F32, xs, rows, DIM));
    must(ae_data_array(data, AE_DATA_Y, AE_TYPE_F32, ys, rows, DIM));
    must(ae_data_array(data, AE_DATA_SIDE, AE_TYPE_F32, sides, rows, SIDE));
    return data;
}

static ae_model *split_by_share(int64_t seed, double share, const ae_data *data)
{
    ae_model *model = model_with(seed);
    ae_fit_options *options = options_to(4);
    must(ae_fit_options_set_f64(options, AE_FIT_SPLIT, share));
    must(ae_fit_data(model, data, options));
    ae_fit_options_free(options);
    return model;
}

static void split_trains_as_if_both_parts_had_been_given(void **state)
{
    ae_data *data = data_of(x, y, side, N);
    (void)state;
    for (int64_t seed = 0; seed < 3; seed++) {
        parts left = parts_of(seed, 13, false), held = parts_of(seed, 13, true);
        ae_data *train = data_of(left.x, left.y, left.side, left.rows);
        ae_data *validation = data_of(held.x, held.y, held.side, held.rows);
        ae_model *model = split_by_share(seed, 0.26, data), *want = model_with(seed);
        ae_fit_options *options = options_to(4);
        must(ae_fit_options_validation_data(options, validation));
        must(ae_fit_data(want, train, options));
        assert_int_equal(left.rows, N - 13);
        assert_true(same_models(model, want)); /* history and all */
        ae_fit_options_free(options);
        ae_model_free(model);
        ae_model_free(want);
        ae_data_free(train);
        ae_data_free(validation);
    }
    ae_data_free(data);
}

/* They are far from all others, and nothing but the validation loss shows it. */
static void rows_held_out_are_never_trained_on(void **state)
{
    double loss[4], val_loss[4];
    ae__order order;
    (void)state;
    ae__order_set(&order, N, &(ae__draw){.purpose = AE__DRAW_SPLIT});
    for (uint64_t i = 0; i < N; i++)
        if (ae__order_at(&order, i) < 13) x[i * DIM] = 1e6f;
    ae_data *data = data_of(x, x, side, N);
    ae_model *model = split_by_share(0, 0.26, data);
    must(ae_model_history(model, AE_METRIC_LOSS, loss, 4, NULL));
    must(ae_model_history(model, AE_METRIC_VAL_LOSS, val_loss, 4, NULL));
    for (int e = 0; e < 4; e++) assert_true(loss[e] < 10 && val_loss[e] > 1e10);
    ae_data_free(data);
    ae_model_free(model);
}

static int32_t count_steps(const ae_event *event, void *user)
{
    *(int64_t *)user = event->steps;
    return 0;
}

/* At one row a step, an epoch has as many steps as rows are left. */
static int64_t left_of(int64_t rows, double share)
{
    int64_t steps = 0;
    ae_model *model = model_with(0);
    ae_data *data = data_of(x, x, side, rows);
    ae_fit_options *options = options_to(1);
    must(ae_model_set_i64(model, AE_PARAM_BATCH, 1));
    must(ae_fit_options_set_f64(options, AE_FIT_SPLIT, share));
    must(ae_fit_options_progress(options, count_steps, &steps));
    must(ae_fit_data(model, data, options));
    ae_fit_options_free(options);
    ae_data_free(data);
    ae_model_free(model);
    return steps;
}

static void share_is_rounded_and_leaves_a_row_on_either_side(void **state)
{
    (void)state;
    assert_int_equal(left_of(50, 0.2), 40);
    assert_int_equal(left_of(10, 0.25), 7); /* 2.5 are 3 */
    assert_int_equal(left_of(10, 0.24), 8);
    assert_int_equal(left_of(3, 0.01), 2);
    assert_int_equal(left_of(3, 0.99), 1);
    assert_int_equal(left_of(2, 0.5), 1);
}

static void split_goes_on_as_it_was(void **state)
{
    ae_data *data = data_of(x, y, side, N);
    ae_model *want = split_by_share(5, 0.1, data), *model = model_with(5);
    (void)state;
    for (int64_t e = 1; e <= 4; e++) {
        ae_fit_options *options = options_to(e);
        must(ae_fit_options_set_f64(options, AE_FIT_SPLIT, 0.1));
        must(ae_fit_data(model, data, options));
        ae_fit_options_free(options);
        model = reloaded(model);
    }
    assert_true(same_models(model, want));
    ae_data_free(data);
    ae_model_free(model);
    ae_model_free(want);
}

static void split_beside_validation_or_of_one_row_is_refused(void **state)
{
    ae_data *data = data_of(x, y, side, N), *one = data_of(x, y, side, 1);
    ae_model *model = model_with(0);
    ae_fit_options *options = options_to(1);
    (void)state;
    must(ae_fit_options_set_f64(options, AE_FIT_SPLIT, 0.5));
    assert_int_equal(ae_fit_data(model, one, options), AE_ERR_RANGE);
    assert_non_null(strstr(ae_last_error(), "1 row"));
    must(ae_fit_options_validation_data(options, data));
    assert_int_equal(ae_fit_data(model, data, options), AE_ERR_INVALID);
    assert_non_null(strstr(ae_last_error(), "split is 0.5"));
    ae_fit_options_free(options);
    ae_data_free(data);
    ae_data_free(one);
    ae_model_free(model);
}

int main(void)
{
#define test(name) cmocka_unit_test_setup(name, draw_all)
    const struct CMUnitTest tests[] = {
        test(split_trains_as_if_both_parts_had_been_given),
        test(rows_held_out_are_never_trained_on),
        test(share_is_rounded_and_leaves_a_row_on_either_side),
        test(split_goes_on_as_it_was),
        test(split_beside_validation_or_of_one_row_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
