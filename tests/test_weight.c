/* Weights of rows through ae.h: what they weigh, against sums of scores and rows that stand there twice; data
 * of every kind, threads and interruptions; and what is refused. */
#include "test_fit_data.h"

#include <float.h>

enum { DIM = 9, CODE_DIM = 3, N = 60, BATCH = 16, TYPES = 4 };

static float *x;
static float weight[N];

static int draw_x(void **state)
{
    (void)state;
    draw_state = 1;
    x = drawn(N * DIM);
    for (int i = 0; i < N; i++) weight[i] = (float)(draw_bits() % 5) / 4;
    return 0;
}

static int free_x(void **state)
{
    (void)state;
    free(x);
    return 0;
}

/* A loss, with a penalty on the code that has a value of all rows, and one of each. */
static ae_model *model_with(int32_t loss, int64_t batch, int32_t optimizer)
{
    ae_config *config;
    must(ae_config_create(&config));
    must(ae_config_input(config, DIM));
    must(ae_config_dense(config, CODE_DIM, AE_ACT_SIGMOID));
    must(ae_config_penalty(config, AE_PENALTY_KL_SPARSITY, 0.25));
    must(ae_config_penalty(config, AE_PENALTY_L1, 0.125));
    must(ae_config_code(config));
    must(ae_config_dense(config, DIM, AE_ACT_SIGMOID));
    must(ae_config_loss(config, loss));
    must(ae_config_optimizer(config, optimizer));
    must(ae_config_set_i64(config, AE_PARAM_BATCH, batch));
    return model_of(config);
}

/* n rows, and a weight for each; NULL: none. */
static ae_data *data_of(const float *rows, const float *weights, int64_t n)
{
    ae_data *data;
    must(ae_data_create(&data));
    must(ae_data_array(data, AE_DATA_X, AE_TYPE_F32, rows, n, DIM));
    if (weights) must(ae_data_array(data, AE_DATA_WEIGHT, AE_TYPE_F32, weights, n, 1));
    return data;
}

static double evaluated(ae_model *model, const ae_data *data)
{
    double loss;
    must(ae_evaluate_data(model, data, &loss));
    return loss;
}

/* ---- what they weigh ---- */

static double mean_score(ae_model *model, const ae_data *data)
{
    float scores[N];
    double sum = 0, all = 0;
    must(ae_score_data(model, data, scores, N));
    for (int i = 0; i < N; i++) sum += (double)weight[i] * (double)scores[i];
    for (int i = 0; i < N; i++) all += (double)weight[i];
    return sum / all;
}

static void evaluation_is_the_weighted_mean_of_scores(void **state)
{
    ae_config *config = recipe_config(&(recipe){.dims = {DIM, CODE_DIM, DIM},
                                                .batch = BATCH,
                                                .last = AE_ACT_SIGMOID,
                                                .loss = AE_LOSS_BCE,
                                                .optimizer = AE_OPTIM_ADAM},
                                      NULL);
    ae_model *model = model_of(config);
    ae_data *weighed = data_of(x, weight, N), *plain = data_of(x, NULL, N);
    double term;
    float of_weighed[N], of_plain[N];
    (void)state;
    assert_near(evaluated(model, weighed), mean_score(model, plain), 1e-6);
    must(ae_evaluate_terms(model, weighed, &term, 1));
    assert_near(term, evaluated(model, weighed), 1e-15);
    assert_true(fabs(evaluated(model, weighed) - evaluated(model, plain)) > 1e-4);
    must(ae_score_data(model, weighed, of_weighed, N));
    must(ae_score_data(model, plain, of_plain, N));
    assert_memory_equal(of_weighed, of_plain, sizeof of_plain);
    ae_data_free(weighed);
    ae_data_free(plain);
    ae_model_free(model);
}

static void assert_near_weights(const ae_model *a, const ae_model *b, double tolerance)
{
    float *of_a = weights_of(a), *of_b = weights_of(b);
    for (int64_t i = 0; i < ae_model_weights(a); i++)
        assert_near((double)of_a[i], (double)of_b[i], tolerance);
    free(of_a);
    free(of_b);
}

/* Row i of the first N / 3 stands there i mod 3 times: its weight. Steps on all rows at once. */
static void row_of_weight_2_is_a_row_twice(void **state)
{
    enum { FEW = N / 3 };
    float often[2 * FEW * DIM], times[FEW];
    int64_t n = 0;
    (void)state;
    for (int i = 0; i < FEW; i++) {
        times[i] = (float)(i % 3);
        for (int copy = 0; copy < i % 3; copy++, n++)
            memcpy(often + n * DIM, x + i * DIM, DIM * sizeof *x);
    }
    for (int32_t loss = AE_LOSS_MSE; loss <= AE_LOSS_GAUSSIAN_NLL; loss++) {
        ae_model *one = model_with(loss, N, AE_OPTIM_SGD),
                 *many = model_with(loss, N, AE_OPTIM_SGD);
        ae_data *weighed = data_of(x, times, FEW), *repeated = data_of(often, NULL, n);
        double a[3], b[3];
        must(fit_to(one, weighed, 5));
        must(fit_to(many, repeated, 5));
        assert_near_weights(one, many, 1e-6);
        assert_near(evaluated(one, weighed), evaluated(many, repeated), 1e-6);
        must(ae_evaluate_terms(one, weighed, a, 3));
        must(ae_evaluate_terms(many, repeated, b, 3));
        for (int i = 0; i < 3; i++) assert_near(a[i], b[i], 1e-6 * fmax(1, fabs(b[i])));
        ae_data_free(weighed);
        ae_data_free(repeated);
        ae_model_free(one);
        ae_model_free(many);
    }
}

/* What a row of weight 0 holds is all the same, bit by bit; weights of 1 are none. */
static void rows_of_weight_0_are_not_there(void **state)
{
    float ones[N], *others = drawn(N * DIM);
    ae_model *models[4];
    (void)state;
    for (int i = 0; i < N; i++) ones[i] = 1;
    for (int i = 0; i < N; i++)
        if (weight[i] > 0) memcpy(others + i * DIM, x + i * DIM, DIM * sizeof *x);
    ae_data *data[] = {data_of(x, weight, N), data_of(others, weight, N), data_of(x, ones, N),
                       data_of(x, NULL, N)};
    for (int i = 0; i < 4; i++) {
        models[i] = model_with(AE_LOSS_BCE, BATCH, AE_OPTIM_ADAM);
        must(fit_to(models[i], data[i], 3));
    }
    assert_true(same_models(models[0], models[1]));
    assert_true(same_models(models[2], models[3]));
    assert_false(same_weights(models[1], models[2]));
    for (int i = 0; i < 4; i++) ae_data_free(data[i]);
    for (int i = 0; i < 4; i++) ae_model_free(models[i]);
    free(others);
}

/* The same factor on all weights changes nothing; of powers of 2 not a bit. */
static void weights_go_by_their_ratio(void **state)
{
    ae_model *models[2];
    (void)state;
    for (int i = 0; i < 2; i++) {
        ae_data *data = data_of(x, weight, N);
        must(ae_data_scale(data, AE_DATA_WEIGHT, i ? 1024 : 1, 0));
        models[i] = model_with(AE_LOSS_MSE, BATCH, AE_OPTIM_ADAM);
        must(ae_model_set_i64(models[i], AE_PARAM_ACCUMULATE, 2));
        must(fit_to(models[i], data, 2));
        ae_data_free(data);
    }
    assert_true(same_weights(models[0], models[1]));
    for (int i = 0; i < 2; i++) ae_model_free(models[i]);
}

static void groups_of_batches_go_by_weight(void **state)
{
    (void)state;
    const recipe r = {.dims = {DIM, CODE_DIM, DIM},
                      .batch = 15,
                      .last = AE_ACT_SIGMOID,
                      .loss = AE_LOSS_MSE,
                      .optimizer = AE_OPTIM_SGD,
                      .learning_rate = 0.5};
    ae_model *want = recipe_model(&r), *model = recipe_model(&r);
    ae_data *data = data_of(x, weight, N);
    must(ae_model_set_i64(model, AE_PARAM_BATCH, 5));
    must(ae_model_set_i64(model, AE_PARAM_ACCUMULATE, 3));
    must(fit_to(model, data, 3));
    must(fit_to(want, data, 3));
    assert_int_equal(ae_model_steps(model), ae_model_steps(want));
    assert_near_weights(model, want, 1e-6);
    ae_data_free(data);
    ae_model_free(model);
    ae_model_free(want);
}

static void validation_is_evaluation_by_weight(void **state)
{
    ae_model *model = model_with(AE_LOSS_BCE, BATCH, AE_OPTIM_ADAM);
    ae_data *data = data_of(x, weight, N), *plain = data_of(x, NULL, N);
    ae_fit_options *options = options_to(1);
    double loss;
    (void)state;
    must(ae_fit_options_validation_data(options, data));
    must(ae_fit_data(model, plain, options));
    must(ae_model_history(model, AE_METRIC_VAL_LOSS, &loss, 1, NULL));
    assert_true(loss == evaluated(model, data));
    assert_true(loss != evaluated(model, plain));
    ae_fit_options_free(options);
    ae_data_free(data);
    ae_data_free(plain);
    ae_model_free(model);
}

/* With one step an epoch, and none that moves, training reports what evaluation does. */
static void epoch_reports_the_weighted_mean(void **state)
{
    const int64_t batches[] = {N, BATCH};
    ae_data *data = data_of(x, weight, N);
    (void)state;
    for (int i = 0; i < 2; i++) {
        ae_model *model = recipe_model(&(recipe){.dims = {DIM, CODE_DIM, DIM},
                                                 .batch = batches[i],
                                                 .last = AE_ACT_SIGMOID,
                                                 .loss = AE_LOSS_BCE,
                                                 .optimizer = AE_OPTIM_SGD});
        double loss, term;
        must(ae_model_set_f64(model, AE_PARAM_LEARNING_RATE, 0));
        must(fit_to(model, data, 1));
        must(ae_model_history(model, AE_METRIC_LOSS, &loss, 1, NULL));
        must(ae_model_history(model, AE_METRIC_TERM, &term, 1, NULL));
        assert_near(loss, evaluated(model, data), 1e-12);
        assert_near(term, loss, 1e-12);
        ae_model_free(model);
    }
    ae_data_free(data);
}

/* ---- batches that weigh nothing ---- */

static int32_t note_losses(const ae_event *event, void *user)
{
    double *losses = user;
    if (event->kind == AE_EVENT_BATCH) losses[event->step - 1] = event->loss;
    return 0;
}

/* A step of descent goes nowhere; the epoch's loss is that of the other rows. */
static void batch_that_weighs_nothing_has_no_gradient(void **state)
{
    float zeros[N] = {0};
    double losses[2], loss;
    ae_model *model = model_with(AE_LOSS_MSE, N / 2, AE_OPTIM_SGD);
    ae_fit_options *options = options_to(1);
    (void)state;
    must(ae_model_set_i64(model, AE_PARAM_SHUFFLE, AE_SHUFFLE_NONE));
    must(ae_fit_options_progress(options, note_losses, losses));
    zeros[N - 1] = 0.5;
    ae_data *data = data_of(x, zeros, N), *last = data_of(x + (N - 1) * DIM, NULL, 1);
    const double before = evaluated(model, last);
    must(ae_fit_data(model, data, options));
    must(ae_model_history(model, AE_METRIC_LOSS, &loss, 1, NULL));
    assert_true(isnan(losses[0])); /* nothing has weighed yet */
    assert_near(losses[1], before, 1e-6);
    assert_near(loss, before, 1e-6);
    assert_int_equal(ae_model_steps(model), 2);
    ae_fit_options_free(options);
    ae_data_free(data);
    ae_data_free(last);
    ae_model_free(model);
}

/* ---- data of every kind ---- */

typedef struct numbers {
    int32_t type;
    const void *values;
    double scale;
} numbers;

static int32_t read_weight(void *user, int64_t first, int64_t rows, void *out)
{
    (void)user;
    memcpy(out, weight + first, (size_t)rows * sizeof *weight);
    return 0;
}

static int32_t read_x(void *user, int64_t first, int64_t rows, void *out)
{
    (void)user;
    memcpy(out, x + first * DIM, (size_t)rows * DIM * sizeof *x);
    return 0;
}

static ae_model *shuffled_model(void)
{
    ae_model *model = model_with(AE_LOSS_BCE, BATCH, AE_OPTIM_ADAM);
    must(ae_model_set_i64(model, AE_PARAM_SHUFFLE, AE_SHUFFLE_BLOCK));
    must(ae_model_set_i64(model, AE_PARAM_SHUFFLE_BLOCK, 8));
    must(ae_model_set_i64(model, AE_PARAM_SHUFFLE_WINDOW, 3));
    return model;
}

static void weights_of_every_type_weigh_the_same(void **state)
{
    uint8_t u8[N];
    int16_t i16[N];
    double f64[N];
    const numbers all[TYPES] = {{AE_TYPE_F32, weight, 1},
                                {AE_TYPE_U8, u8, 0.25},
                                {AE_TYPE_I16, i16, 0.25},
                                {AE_TYPE_F64, f64, 0.25}};
    ae_model *models[TYPES + 1];
    (void)state;
    for (int i = 0; i < N; i++) f64[i] = i16[i] = u8[i] = (uint8_t)(4 * weight[i]);
    for (int i = 0; i <= TYPES; i++) {
        ae_data *data = data_of(x, NULL, N);
        if (i < TYPES) {
            must(ae_data_array(data, AE_DATA_WEIGHT, all[i].type, all[i].values, N, 1));
            must(ae_data_scale(data, AE_DATA_WEIGHT, all[i].scale, 0));
        } else {
            must(ae_data_source(data, AE_DATA_WEIGHT, AE_TYPE_F32, read_weight, NULL, N, 1, 0));
        }
        models[i] = shuffled_model();
        must(fit_to(models[i], data, 2));
        assert_true(same_models(models[i], models[0]));
        assert_true(evaluated(models[i], data) == evaluated(models[0], data));
        ae_data_free(data);
    }
    for (int i = 0; i <= TYPES; i++) ae_model_free(models[i]);
}

static void weights_beside_others_are_found_by_their_stride(void **state)
{
    float table[N * 3];
    ae_model *model = shuffled_model();
    ae_data *data = data_of(x, NULL, N), *want = data_of(x, weight, N);
    (void)state;
    for (int i = 0; i < N * 3; i++) table[i] = i % 3 == 1 ? weight[i / 3] : -1;
    must(ae_data_array(data, AE_DATA_WEIGHT, AE_TYPE_F32, table + 1, N, 1));
    must(ae_data_stride(data, AE_DATA_WEIGHT, 3 * sizeof *table));
    assert_true(evaluated(model, data) == evaluated(model, want));
    ae_data_free(data);
    ae_data_free(want);
    ae_model_free(model);
}

static void streams_and_threads_change_no_bit(void **state)
{
    ae_data *data = data_of(x, weight, N), *stream;
    ae_model *want = shuffled_model();
    (void)state;
    must(ae_data_create(&stream));
    must(
        ae_data_source(stream, AE_DATA_X, AE_TYPE_F32, read_x, NULL, N, DIM, AE_SOURCE_ANY_THREAD));
    must(ae_data_source(stream, AE_DATA_WEIGHT, AE_TYPE_F32, read_weight, NULL, N, 1,
                        AE_SOURCE_ANY_THREAD));
    must(fit_to(want, data, 2));
    for (int64_t i = 0; i < 8; i++) {
        ae_model *model = shuffled_model();
        must(ae_model_set_i64(model, AE_PARAM_THREADS, i % 4 + 1));
        must(fit_to(model, i / 4 ? stream : data, 2));
        if (!same_models(model, want)) fail_msg("number %d", (int)i);
        assert_true(evaluated(model, stream) == evaluated(want, data));
        ae_model_free(model);
    }
    ae_model_free(want);
    ae_data_free(data);
    ae_data_free(stream);
}

static void rows_held_out_take_their_weights_along(void **state)
{
    ae_model *model = model_with(AE_LOSS_MSE, BATCH, AE_OPTIM_ADAM);
    ae_model *others = model_with(AE_LOSS_MSE, BATCH, AE_OPTIM_ADAM);
    ae_fit_options *options = options_to(2);
    ae_data *data = data_of(x, weight, N);
    (void)state;
    must(ae_fit_options_set_f64(options, AE_FIT_SPLIT, 0.25));
    must(ae_fit_data(model, data, options));
    /* a row of weight 0 matters neither to the rows held out nor to the others */
    for (int i = 0; i < N; i++)
        for (int j = 0; weight[i] == 0 && j < DIM; j++) x[i * DIM + j] = 0.5;
    must(ae_fit_data(others, data, options));
    assert_true(same_models(model, others));
    ae_fit_options_free(options);
    ae_data_free(data);
    ae_model_free(model);
    ae_model_free(others);
}

/* ---- going on ---- */

/* A group of two batches of 16, 16, 16 and 12 rows. */
static ae_model *grouped(void)
{
    ae_model *model = shuffled_model();
    must(ae_model_set_i64(model, AE_PARAM_ACCUMULATE, 2));
    return model;
}

static void interrupted_fit_ends_the_same(void **state)
{
    enum { EVENTS = 2 * 5 };
    ae_data *data = data_of(x, weight, N);
    ae_model *want = grouped();
    (void)state;
    must(fit_to(want, data, 2));
    for (int at = 1; at < EVENTS; at++) check_interrupted(grouped(), want, data, at);
    ae_model_free(want);
    ae_data_free(data);
}

static void other_weights_are_other_data(void **state)
{
    ae_data *data = data_of(x, weight, N), *plain = data_of(x, NULL, N);
    ae_model *model = grouped();
    (void)state;
    fit_up_to_event(model, data, 1, 1);
    assert_int_equal(fit_to(model, plain, 1), AE_ERR_STATE);
    weight[0] += 1;
    assert_int_equal(fit_to(model, data, 1), AE_ERR_STATE);
    weight[0] -= 1;
    must(fit_to(model, data, 1));
    ae_model_free(model);
    ae_data_free(data);
    ae_data_free(plain);
}

static void steps_on_rows_as_they_come_are_weighed(void **state)
{
    ae_model *model = model_with(AE_LOSS_MSE, N, AE_OPTIM_ADAM);
    ae_data *data = data_of(x, weight, N);
    const double before = evaluated(model, data);
    double loss;
    (void)state;
    must(ae_fit_batch_data(model, data, &loss));
    assert_near(loss, before, 1e-6);
    assert_true(evaluated(model, data) < before);
    ae_model_free(model);
    ae_data_free(data);
}

/* ---- what is refused ---- */

static void refuse(const ae_data *data, int32_t status, const char *says)
{
    ae_model *model = model_with(AE_LOSS_MSE, N, AE_OPTIM_ADAM),
             *fresh = model_with(AE_LOSS_MSE, N, AE_OPTIM_ADAM);
    ae_data *plain = data_of(x, NULL, N);
    ae_fit_options *options = options_to(1);
    double out[3] = {5, 5, 5};
    must(ae_fit_options_validation_data(options, data));
    assert_refused(fit_to(model, data, 1), status, says);
    assert_refused(ae_fit_data(model, plain, options), status, says);
    assert_refused(ae_fit_batch_data(model, data, out), status, says);
    assert_refused(ae_evaluate_data(model, data, out), status, says);
    assert_refused(ae_evaluate_terms(model, data, out, 3), status, says);
    assert_true(out[0] == 5 && out[1] == 5 && out[2] == 5);
    assert_true(same_models(model, fresh));
    ae_fit_options_free(options);
    ae_model_free(model);
    ae_model_free(fresh);
    ae_data_free(plain);
}

static void numbers_that_cannot_weigh_are_refused(void **state)
{
    static const struct {
        float value;
        int32_t status;
        const char *says;
    } bad[] = {
        {-FLT_MIN, AE_ERR_RANGE, "weight: row 7 is -1.17549435e-38"},
        {-INFINITY, AE_ERR_RANGE, "weight: row 7 is -inf"},
        {INFINITY, AE_ERR_NONFINITE, "weight: row 7 is inf, wanted a finite number not below 0"},
        {NAN, AE_ERR_NONFINITE, "weight: row 7 is"}};
    ae_data *data = data_of(x, weight, N);
    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        weight[7] = bad[i].value;
        refuse(data, bad[i].status, bad[i].says);
    }
    weight[7] = 1;
    must(ae_data_scale(data, AE_DATA_WEIGHT, -1, 0));
    refuse(data, AE_ERR_RANGE, "weight: row ");
    must(ae_data_scale(data, AE_DATA_WEIGHT, 0, 0));
    refuse(data, AE_ERR_RANGE, "weight: all are 0, wanted one above 0");
    must(ae_data_array(data, AE_DATA_WEIGHT, AE_TYPE_F32, weight, N - 1, 1));
    refuse(data, AE_ERR_SHAPE, "weight: has 59 rows, wanted 60");
    must(ae_data_array(data, AE_DATA_WEIGHT, AE_TYPE_F32, x, N, 2));
    refuse(data, AE_ERR_SHAPE, "weight: dimension is 2, wanted 1");
    ae_data_free(data);
}

/* Scores have no use for them: rows that weigh nothing have scores. */
static void scores_do_not_ask_what_rows_weigh(void **state)
{
    float scores[N], *code = drawn(N * CODE_DIM);
    ae_model *model = model_with(AE_LOSS_MSE, N, AE_OPTIM_ADAM);
    ae_data *data = data_of(x, weight, N);
    (void)state;
    must(ae_data_scale(data, AE_DATA_WEIGHT, 0, 0));
    must(ae_score_data(model, data, scores, N));
    must(ae_encode_data(model, data, code, N * CODE_DIM));
    for (int i = 0; i < N; i++) assert_true(scores[i] > 0);
    ae_data_free(data);
    ae_model_free(model);
    free(code);
}

/* Found with the rows: what was trained before stays. All that weigh nothing: at the end. */
static void weights_that_are_read_are_refused_as_they_come(void **state)
{
    ae_model *model = model_with(AE_LOSS_MSE, BATCH, AE_OPTIM_ADAM);
    ae_data *data = data_of(x, NULL, N);
    double loss = 5;
    (void)state;
    must(ae_model_set_i64(model, AE_PARAM_SHUFFLE, AE_SHUFFLE_NONE));
    must(ae_model_set_i64(model, AE_PARAM_SHUFFLE_BLOCK, 1));
    must(ae_data_source(data, AE_DATA_WEIGHT, AE_TYPE_F32, read_weight, NULL, N, 1,
                        AE_SOURCE_IN_ORDER));
    weight[2 * BATCH + 1] = -2;
    assert_refused(fit_to(model, data, 1), AE_ERR_RANGE, "weight: row 33 is -2");
    assert_int_equal(ae_model_steps(model), 2);
    assert_refused(ae_evaluate_data(model, data, &loss), AE_ERR_RANGE, "weight: row 33 is -2");
    memset(weight, 0, sizeof weight);
    ae_model_strip(model);
    assert_refused(fit_to(model, data, 1), AE_ERR_RANGE, "weight: all are 0");
    assert_int_equal(ae_model_epochs(model), 0);
    assert_refused(ae_evaluate_data(model, data, &loss), AE_ERR_RANGE, "weight: all are 0");
    assert_refused(ae_fit_batch_data(model, data, &loss), AE_ERR_RANGE, "weight: all are 0");
    assert_true(loss == 5);
    ae_data_free(data);
    ae_model_free(model);
}

int main(void)
{
#define test(name) cmocka_unit_test_setup_teardown(name, draw_x, free_x)
    const struct CMUnitTest tests[] = {
        test(evaluation_is_the_weighted_mean_of_scores),
        test(row_of_weight_2_is_a_row_twice),
        test(rows_of_weight_0_are_not_there),
        test(weights_go_by_their_ratio),
        test(groups_of_batches_go_by_weight),
        test(validation_is_evaluation_by_weight),
        test(epoch_reports_the_weighted_mean),
        test(batch_that_weighs_nothing_has_no_gradient),
        test(weights_of_every_type_weigh_the_same),
        test(weights_beside_others_are_found_by_their_stride),
        test(streams_and_threads_change_no_bit),
        test(rows_held_out_take_their_weights_along),
        test(interrupted_fit_ends_the_same),
        test(other_weights_are_other_data),
        test(steps_on_rows_as_they_come_are_weighed),
        test(numbers_that_cannot_weigh_are_refused),
        test(scores_do_not_ask_what_rows_weigh),
        test(weights_that_are_read_are_refused_as_they_come),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
