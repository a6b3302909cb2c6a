/* Numbers that are missing, and weights of features, through ae.h: against sums made here of what the model
 * gives out; data of every kind, threads and interruptions; what is filled in; what is refused. */
#include "test_fit_data.h"

enum { DIM = 9, CODE_DIM = 3, N = 60, BATCH = 16, ALL = N * DIM };

static const double log_2_pi = 1.8378770664093454836;

static float *x; /* with gaps; the last row is one */

static int draw_x(void **state)
{
    (void)state;
    draw_state = 1;
    x = drawn(ALL);
    for (int i = 0; i < ALL; i++)
        if (draw_unit() < 0.25 || i / DIM == N - 1) x[i] = NAN;
    return 0;
}

static int free_x(void **state)
{
    (void)state;
    free(x);
    return 0;
}

static ae_config *config_with(int32_t loss, int64_t missing, int64_t features)
{
    ae_config *config = recipe_config(&(recipe){.dims = {DIM, 5, CODE_DIM, 5, DIM},
                                                .batch = BATCH,
                                                .hidden = AE_ACT_TANH,
                                                .last = AE_ACT_SIGMOID,
                                                .loss = loss,
                                                .optimizer = AE_OPTIM_ADAM,
                                                .learning_rate = 0.01},
                                      NULL);
    if (loss == AE_LOSS_HUBER) must(ae_config_set_f64(config, AE_PARAM_DELTA, 0.25));
    must(ae_config_set_i64(config, AE_PARAM_MISSING, missing));
    must(ae_config_set_i64(config, AE_PARAM_FEATURE_WEIGHTS, features));
    return config;
}

static const float features[DIM] = {0, 0.5f, 1, 2, 0.25f, 3, 1, 0, 1.5f};

enum { LOSS = 4 /* number of the loss among the layers */ };

/* With `weighs`, of features as above. */
static ae_model *model_with(int32_t loss, bool weighs)
{
    ae_model *model = model_of(config_with(loss, 1, weighs));
    if (weighs) must(ae_model_weights_set(model, LOSS, "feature_weight", features, DIM));
    return model;
}

static ae_data *data_of(const float *rows, const float *targets)
{
    ae_data *data;
    must(ae_data_create(&data));
    must(ae_data_array(data, AE_DATA_X, AE_TYPE_F32, rows, N, DIM));
    if (targets) must(ae_data_array(data, AE_DATA_Y, AE_TYPE_F32, targets, N, DIM));
    return data;
}

/* A copy, to be freed, with v in place of NaN. */
static float *filled(const float *rows, float v)
{
    float *copy = malloc(ALL * sizeof *copy);
    assert_non_null(copy);
    for (int i = 0; i < ALL; i++) copy[i] = isnan(rows[i]) ? v : rows[i];
    return copy;
}

/* ---- what they count ---- */

static double element_loss(int32_t loss, double y, double t)
{
    const double r = fabs(y - t);
    switch (loss) {
    case AE_LOSS_MSE: return r * r;
    case AE_LOSS_MAE: return r;
    case AE_LOSS_HUBER: return r <= 0.25 ? r * r / 2 : 0.25 * (r - 0.125);
    case AE_LOSS_GAUSSIAN_NLL: return (r * r + log_2_pi) / 2;
    default: return -t * log(y) - (1 - t) * log(1 - y);
    }
}

static bool is_mean(int32_t loss)
{
    return loss != AE_LOSS_BERNOULLI_NLL && loss != AE_LOSS_GAUSSIAN_NLL;
}

/* Of the numbers of a target that are there. */
static double row_loss(int32_t loss, bool weighs, const float *y, const float *t)
{
    double sum = 0, all = 0;
    for (int j = 0; j < DIM; j++) {
        const double w = weighs ? (double)features[j] : 1;
        if (isnan(t[j])) continue;
        sum += w * element_loss(loss, (double)y[j], (double)t[j]);
        all += w;
    }
    return is_mean(loss) && all > 0 ? sum / all : sum;
}

static void check_scores(ae_model *model, int32_t loss, bool weighs, const float *rows,
                         const float *targets)
{
    float *y = drawn(ALL), *scores = drawn(N);
    ae_data *data = data_of(rows, targets);
    double sum = 0, got, term;
    if (!targets) targets = rows;
    must(ae_reconstruct_data(model, data, y, ALL));
    must(ae_score_data(model, data, scores, N));
    must(ae_evaluate_data(model, data, &got));
    must(ae_evaluate_terms(model, data, &term, 1));
    for (int i = 0; i < N; i++) {
        const double want = row_loss(loss, weighs, y + i * DIM, targets + i * DIM);
        assert_near((double)scores[i], want, 2e-6 * (1 + fabs(want)));
        sum += want / N;
    }
    assert_near(got, sum, 1e-6 * (1 + fabs(sum)));
    assert_near(term, got, 1e-12 * (1 + fabs(got)));
    ae_data_free(data);
    free(y);
    free(scores);
}

/* Of the input, or of a target of its own, where those of the input are all the same. */
static void scores_count_what_is_there(void **state)
{
    float *clean = filled(x, 0.5f);
    (void)state;
    for (int32_t loss = AE_LOSS_MSE; loss <= AE_LOSS_GAUSSIAN_NLL; loss++) {
        for (int weighs = 0; weighs < 2; weighs++) {
            ae_model *model = model_with(loss, weighs);
            check_scores(model, loss, weighs, x, NULL);
            check_scores(model, loss, weighs, x, clean);
            check_scores(model, loss, weighs, clean, x);
            check_scores(model, loss, weighs, clean, NULL);
            ae_model_free(model);
        }
    }
    free(clean);
}

static void row_that_is_missing_has_no_loss(void **state)
{
    float score;
    double loss;
    ae_model *model = model_with(AE_LOSS_GAUSSIAN_NLL, false);
    (void)state;
    must(ae_score(model, x + (N - 1) * DIM, 1, &score, 1));
    assert_true(score == 0);
    must(ae_evaluate(model, x + (N - 1) * DIM, NULL, 1, &loss));
    assert_true(loss == 0);
    ae_model_free(model);
}

/* A penalty too small to be seen, but where there is nothing else, keeps the loss out of the product. */
static void loss_within_the_product_is_the_loss_apart(void **state)
{
    float *scores = drawn(2 * N);
    (void)state;
    for (int32_t loss = AE_LOSS_MSE; loss <= AE_LOSS_BERNOULLI_NLL; loss++) {
        for (int apart = 0; apart < 2; apart++) {
            ae_config *config = config_with(loss, 1, 0);
            if (apart) must(ae_config_penalty(config, AE_PENALTY_L1, 1e-30));
            ae_model *model = model_of(config);
            must(ae_score(model, x, N, scores + apart * N, N));
            ae_model_free(model);
        }
        assert_memory_equal(scores, scores + N, (N - 1) * sizeof *scores);
    }
    free(scores);
}

static void what_is_missing_enters_as_0(void **state)
{
    float *zeros = filled(x, 0), *a = drawn(ALL), *b = drawn(ALL);
    ae_model *model = model_with(AE_LOSS_MSE, false);
    (void)state;
    must(ae_reconstruct(model, x, N, a, ALL));
    must(ae_reconstruct(model, zeros, N, b, ALL));
    assert_memory_equal(a, b, ALL * sizeof *a);
    must(ae_encode(model, x, N, a, ALL));
    must(ae_encode(model, zeros, N, b, ALL));
    assert_memory_equal(a, b, N * CODE_DIM * sizeof *a);
    must(ae_features(model, 0, x, N, a, ALL));
    must(ae_features(model, 0, zeros, N, b, ALL));
    assert_memory_equal(a, b, N * 5 * sizeof *a);
    assert_true(isnan(x[ALL - 1])); /* the caller's own stay */
    a[0] = NAN;                     /* a code that is missing is none */
    must(ae_decode(model, a, 1, b, ALL));
    assert_true(isnan(b[0]));
    ae_model_free(model);
    free(zeros);
    free(a);
    free(b);
}

/* Behind a scale of the view, which leaves NaN as it is. */
static void what_is_missing_is_0_after_the_scale(void **state)
{
    float *there = filled(x, -0.5f), *a = drawn(ALL), *b = drawn(ALL);
    ae_model *model = model_with(AE_LOSS_MSE, false);
    ae_data *data[] = {data_of(x, NULL), data_of(there, NULL)};
    (void)state;
    for (int i = 0; i < 2; i++) must(ae_data_scale(data[i], AE_DATA_X, 2, 1));
    must(ae_reconstruct_data(model, data[0], a, ALL));
    must(ae_reconstruct_data(model, data[1], b, ALL));
    assert_memory_equal(a, b, ALL * sizeof *a);
    for (int i = 0; i < 2; i++) ae_data_free(data[i]);
    ae_model_free(model);
    free(there);
    free(a);
    free(b);
}

/* With encoder and decoder that say nothing, log p(x) is that of independent normal variables. */
static void likelihood_is_that_of_what_is_there(void **state)
{
    const float zeros[DIM * DIM] = {0};
    float y[DIM];
    double got[N];
    ae_config *config;
    (void)state;
    must(ae_config_create(&config));
    must(ae_preset_variational(config, DIM, 5, CODE_DIM, AE_LOSS_GAUSSIAN_NLL));
    must(ae_config_set_i64(config, AE_PARAM_MISSING, 1));
    ae_model *model = model_of(config);
    must(ae_model_weights_set(model, 1, "kernel", zeros, 5 * 2 * CODE_DIM));
    must(ae_model_weights_set(model, 4, "kernel", zeros, 5 * DIM));
    must(ae_log_likelihood(model, x, N, 3, 1, got, N));
    must(ae_reconstruct(model, x, 1, y, DIM));
    for (int i = 0; i < N; i++)
        assert_near(got[i], -row_loss(AE_LOSS_GAUSSIAN_NLL, false, y, x + i * DIM), 1e-5);
    ae_model_free(model);
}

/* With the output held at 0 the best variance of a feature is the mean of the squares that are there. */
static void variances_are_learned_from_what_is_there(void **state)
{
    float zeros[5 * DIM] = {0}, got[DIM];
    double squares[DIM] = {0}, count[DIM] = {0};
    ae_config *config = recipe_config(&(recipe){.dims = {DIM, 5, DIM},
                                                .batch = N,
                                                .loss = AE_LOSS_GAUSSIAN_NLL,
                                                .optimizer = AE_OPTIM_ADAM},
                                      NULL);
    (void)state;
    must(ae_config_set_i64(config, AE_PARAM_VARIANCE_KIND, AE_VARIANCE_FEATURE));
    must(ae_config_set_i64(config, AE_PARAM_MISSING, 1));
    ae_model *model = model_of(config);
    for (int i = 0; i < ALL; i++) {
        if (isnan(x[i])) continue;
        squares[i % DIM] += (double)x[i] * (double)x[i];
        count[i % DIM]++;
    }
    for (int64_t epoch = 1; epoch <= 1500; epoch++) {
        must(ae_model_weights_set(model, 1, "kernel", zeros, 5 * DIM));
        must(ae_model_weights_set(model, 1, "bias", zeros, DIM));
        must(ae_model_set_f64(model, AE_PARAM_LEARNING_RATE, epoch < 1000 ? 0.01 : 0.001));
        train_to(model, x, N, epoch);
    }
    must(ae_model_weights_get(model, 2, "log_variance", got, DIM));
    for (int j = 0; j < DIM; j++)
        assert_near(20 * tanh((double)got[j] / 20), log(squares[j] / count[j]), 1e-3);
    ae_model_free(model);
}

/* ---- what is filled in ---- */

enum { TABLE = 600, WIDE = 16, RANK = 2 };

/* Rows of rank 2 and little noise, every fifth number of which is missing; whole: as they were. */
static void draw_table(float *whole, float *gaps)
{
    double basis[RANK][WIDE];
    for (int k = 0; k < RANK; k++)
        for (int j = 0; j < WIDE; j++) basis[k][j] = draw_one();
    for (int i = 0; i < TABLE; i++) {
        const double a = draw_one(), b = draw_one();
        for (int j = 0; j < WIDE; j++) {
            const double v = a * basis[0][j] + b * basis[1][j] + 0.02 * draw_one();
            whole[i * WIDE + j] = (float)v;
            gaps[i * WIDE + j] = draw_unit() < 0.2 ? NAN : (float)v;
        }
    }
}

/* The mean square of what is wrong where there were gaps, over that of the columns' means. */
static double unexplained(const float *whole, const float *gaps, const float *y)
{
    double mean[WIDE] = {0}, count[WIDE] = {0}, ours = 0, theirs = 0;
    for (int i = 0; i < TABLE * WIDE; i++) {
        if (isnan(gaps[i])) continue;
        mean[i % WIDE] += (double)gaps[i];
        count[i % WIDE]++;
    }
    for (int i = 0; i < TABLE * WIDE; i++) {
        const double v = (double)whole[i], m = mean[i % WIDE] / count[i % WIDE];
        if (!isnan(gaps[i])) continue;
        ours += (v - (double)y[i]) * (v - (double)y[i]);
        theirs += (v - m) * (v - m);
    }
    return ours / theirs;
}

/* What is unexplained after training with the gaps as they are, or with `missing` 0 as zeros. */
static double unexplained_after(int64_t missing)
{
    static float whole[TABLE * WIDE], gaps[TABLE * WIDE], in[TABLE * WIDE], y[TABLE * WIDE];
    const recipe r = {.dims = {WIDE, 32, RANK, 32, WIDE},
                      .batch = 50,
                      .hidden = AE_ACT_TANH,
                      .last = AE_ACT_LINEAR,
                      .loss = AE_LOSS_MSE,
                      .optimizer = AE_OPTIM_ADAM,
                      .learning_rate = 0.003};
    ae_config *config = recipe_config(&r, NULL);
    draw_state = 1;
    draw_table(whole, gaps);
    for (int i = 0; i < TABLE * WIDE; i++) in[i] = isnan(gaps[i]) && !missing ? 0 : gaps[i];
    must(ae_config_set_i64(config, AE_PARAM_MISSING, missing));
    ae_model *model = model_of(config);
    train_to(model, in, TABLE, 200);
    must(ae_reconstruct(model, in, TABLE, y, TABLE * WIDE));
    ae_model_free(model);
    return unexplained(whole, gaps, y);
}

/* Measured: 0.024 of the squares that the columns' means leave, and 0.145 with zeros taken for numbers. */
static void gaps_are_filled_from_the_other_numbers(void **state)
{
    const double share = unexplained_after(1), zeros = unexplained_after(0);
    (void)state;
    assert_true(share < 0.04);
    assert_true(zeros > 0.08);
}

/* ---- data of every kind ---- */

static int32_t read_x(void *user, int64_t first, int64_t rows, void *out)
{
    (void)user;
    memcpy(out, x + first * DIM, (size_t)rows * DIM * sizeof *x);
    return 0;
}

static void streams_threads_and_types_change_no_bit(void **state)
{
    static double doubles[ALL];
    ae_data *data[3];
    ae_model *want = model_with(AE_LOSS_BCE, true);
    double loss, want_loss;
    (void)state;
    for (int i = 0; i < ALL; i++) doubles[i] = (double)x[i];
    for (int i = 0; i < 3; i++) data[i] = data_of(x, NULL);
    must(ae_data_source(data[1], AE_DATA_X, AE_TYPE_F32, read_x, NULL, N, DIM, 0));
    must(ae_data_array(data[2], AE_DATA_X, AE_TYPE_F64, doubles, N, DIM));
    must(fit_to(want, data[0], 3));
    must(ae_evaluate_data(want, data[0], &want_loss));
    for (int i = 0; i < 3 * 4; i++) {
        ae_model *model = model_with(AE_LOSS_BCE, true);
        must(ae_model_set_i64(model, AE_PARAM_THREADS, i / 3 + 1));
        must(fit_to(model, data[i % 3], 3));
        if (!same_models(model, want)) fail_msg("number %d", i);
        must(ae_evaluate_data(model, data[i % 3], &loss));
        assert_true(loss == want_loss);
        ae_model_free(model);
    }
    for (int i = 0; i < 3; i++) ae_data_free(data[i]);
    ae_model_free(want);
}

/* Whatever a batch is called with: one row, one that is missing, all. */
static void steps_on_rows_as_they_come_know_gaps(void **state)
{
    const int64_t rows[] = {1, N - 1, N};
    (void)state;
    for (int i = 0; i < 3; i++) {
        ae_model *model = model_with(AE_LOSS_MSE, true);
        double before, loss;
        must(ae_evaluate(model, x, NULL, rows[i], &before));
        must(ae_fit_batch(model, x, NULL, rows[i], &loss));
        assert_near(loss, before, 1e-6);
        must(ae_fit_batch(model, x + (N - 1) * DIM, NULL, 1, &loss));
        assert_true(loss == 0);
        ae_model_free(model);
    }
}

static void interrupted_fit_ends_the_same(void **state)
{
    enum { EVENTS = 2 * 5 };
    ae_data *data = data_of(x, NULL);
    ae_model *want = model_with(AE_LOSS_HUBER, true);
    (void)state;
    must(fit_to(want, data, 2));
    for (int at = 1; at < EVENTS; at++)
        check_interrupted(model_with(AE_LOSS_HUBER, true), want, data, at);
    ae_data_free(data);
    ae_model_free(want);
}

/* ---- what is refused ---- */

/* Without the parameter all is as it was. */
static void gaps_are_refused_unless_they_are_allowed(void **state)
{
    float scores[N], *y = filled(x, 0.5f);
    double loss;
    ae_model *model = model_of(config_with(AE_LOSS_BCE, 0, 0));
    ae_data *data = data_of(y, x);
    (void)state;
    assert_refused(ae_fit(model, x, NULL, N, NULL), AE_ERR_NONFINITE, "wanted a finite number");
    assert_refused(ae_fit_data(model, data, NULL), AE_ERR_NONFINITE, "y: row ");
    assert_refused(ae_fit_batch(model, x, NULL, N, NULL), AE_ERR_NONFINITE,
                   "wanted a finite number");
    must(ae_score(model, x, N, scores, N));
    for (int i = 0; i < N; i++) {
        bool gap = false;
        for (int j = 0; j < DIM; j++) gap |= isnan(x[i * DIM + j]);
        assert_int_equal(isnan(scores[i]), gap);
    }
    must(ae_evaluate(model, x, NULL, N, &loss));
    assert_true(isnan(loss));
    assert_int_equal(ae_model_steps(model), 0);
    ae_data_free(data);
    ae_model_free(model);
    free(y);
}

static void infinity_is_no_gap(void **state)
{
    const float at[] = {INFINITY, -INFINITY};
    ae_model *model = model_with(AE_LOSS_MSE, false);
    (void)state;
    for (int i = 0; i < 2; i++) {
        x[3] = at[i];
        assert_refused(ae_fit(model, x, NULL, N, NULL), AE_ERR_NONFINITE,
                       i ? "row 0, column 3 is -inf, wanted a finite number"
                         : "row 0, column 3 is inf");
    }
    ae_data *data = data_of(x, NULL);
    must(ae_data_source(data, AE_DATA_X, AE_TYPE_F32, read_x, NULL, N, DIM, 0));
    assert_refused(ae_fit_data(model, data, NULL), AE_ERR_NONFINITE, "column 3 is -inf");
    ae_data_free(data);
    ae_model_free(model);
}

static void targets_that_are_there_are_still_held_to_the_unit(void **state)
{
    ae_model *model = model_with(AE_LOSS_BCE, false);
    float scores[N];
    (void)state;
    x[4] = 1.5f;
    assert_refused(ae_fit(model, x, NULL, N, NULL), AE_ERR_RANGE, "column 4 is 1.5");
    assert_refused(ae_score(model, x, N, scores, N), AE_ERR_RANGE, "column 4 is 1.5");
    ae_model_free(model);
}

static void sides_have_no_gaps(void **state)
{
    float side[N] = {0};
    ae_config *config;
    (void)state;
    must(ae_config_create(&config));
    must(ae_config_input(config, DIM));
    must(ae_config_set_i64(config, AE_PARAM_MISSING, 1));
    must(ae_config_concat(config, 1));
    must(ae_config_dense(config, CODE_DIM, AE_ACT_TANH));
    must(ae_config_code(config));
    must(ae_config_dense(config, DIM, AE_ACT_LINEAR));
    must(ae_config_loss(config, AE_LOSS_MSE));
    ae_model *model = model_of(config);
    ae_data *data = data_of(x, NULL);
    must(ae_data_array(data, AE_DATA_SIDE, AE_TYPE_F32, side, N, 1));
    must(ae_fit_data(model, data, NULL));
    side[2] = NAN;
    assert_refused(ae_fit_data(model, data, NULL), AE_ERR_NONFINITE, "side: row 2");
    ae_data_free(data);
    ae_model_free(model);
}

static void missing_is_fixed_once_a_model_exists(void **state)
{
    int64_t value = 5;
    ae_model *model = model_with(AE_LOSS_MSE, false);
    (void)state;
    assert_refused(ae_model_set_i64(model, AE_PARAM_MISSING, 0), AE_ERR_STATE,
                   "missing is fixed once a model exists");
    model = reloaded(model);
    must(ae_model_get_i64(model, AE_PARAM_MISSING, &value));
    assert_int_equal(value, 1);
    ae_model_free(model);
}

/* ---- features ---- */

static void features_weigh_1_until_they_are_set(void **state)
{
    float got[DIM], *scores = drawn(2 * N), *whole = filled(x, 0.5f);
    ae_model *plain = model_of(config_with(AE_LOSS_MSE, 0, 0));
    ae_model *model = model_of(config_with(AE_LOSS_MSE, 0, 1));
    (void)state;
    must(ae_model_weights_get(model, LOSS, "feature_weight", got, DIM));
    for (int j = 0; j < DIM; j++) assert_true(got[j] == 1);
    must(ae_score(plain, whole, N, scores, N));
    must(ae_score(model, whole, N, scores + N, N));
    for (int i = 0; i < N; i++) assert_near((double)scores[i], (double)scores[N + i], 1e-7);
    ae_model_free(plain);
    ae_model_free(model);
    free(scores);
    free(whole);
}

/* Training leaves them, a file keeps them; a feature that weighs nothing is not learnt from. */
static void features_are_kept_and_not_trained(void **state)
{
    float got[DIM], *others = filled(x, NAN);
    ae_model *models[2];
    (void)state;
    for (int i = 0; i < ALL; i++)
        if (features[i % DIM] == 0) others[i] = 1;
    for (int i = 0; i < 2; i++) {
        const float *target = i ? others : x;
        float *in = filled(x, 0.25f);
        ae_data *data = data_of(in, target);
        models[i] = model_with(AE_LOSS_BCE, true);
        must(ae_model_set_f64(models[i], AE_PARAM_WEIGHT_DECAY, 0.01));
        must(ae_model_set_f64(models[i], AE_PARAM_CLIP_NORM, 0.1));
        must(fit_to(models[i], data, 2));
        models[i] = reloaded(models[i]);
        must(ae_model_weights_get(models[i], LOSS, "feature_weight", got, DIM));
        assert_memory_equal(got, features, sizeof got);
        ae_data_free(data);
        free(in);
    }
    assert_true(same_weights(models[0], models[1]));
    for (int i = 0; i < 2; i++) ae_model_free(models[i]);
    free(others);
}

static void weights_that_are_none_are_refused(void **state)
{
    float bad[DIM] = {0}, got[DIM];
    ae_model *model = model_with(AE_LOSS_MSE, true), *plain = model_with(AE_LOSS_MSE, false);
    ae_config *config;
    (void)state;
    assert_refused(ae_model_weights_set(model, LOSS, "feature_weight", bad, DIM), AE_ERR_RANGE,
                   "feature_weight below 0, or all 0");
    bad[0] = 1;
    bad[1] = -0.5f;
    assert_refused(ae_model_weights_set(model, LOSS, "feature_weight", bad, DIM), AE_ERR_RANGE,
                   "feature_weight below 0, or all 0");
    bad[1] = NAN;
    assert_refused(ae_model_weights_set(model, LOSS, "feature_weight", bad, DIM), AE_ERR_NONFINITE,
                   "number 1");
    must(ae_model_weights_get(model, LOSS, "feature_weight", got, DIM));
    assert_memory_equal(got, features, sizeof got);
    assert_refused(ae_model_weights_set(plain, LOSS, "feature_weight", features, DIM),
                   AE_ERR_INVALID, "mse #0: has no weights \"feature_weight\"");
    ae_model_free(model);
    ae_model_free(plain);
    must(ae_config_create(&config));
    must(ae_config_input(config, DIM));
    must(ae_config_dense(config, DIM, AE_ACT_LINEAR));
    must(ae_config_penalty(config, AE_PENALTY_L1, 1));
    assert_refused(ae_config_set_i64(config, AE_PARAM_FEATURE_WEIGHTS, 1), AE_ERR_INVALID,
                   "l1 #0: does not take feature_weights");
    ae_config_free(config);
}

/* ---- memory ---- */

/* The least AE_PARAM_MEMORY with which a fit begins. */
static int64_t least_memory(int64_t missing, int64_t features_)
{
    int64_t low = 1, high = 1 << 24;
    float *whole = filled(x, 0.5f);
    while (low < high) {
        const int64_t middle = (low + high) / 2;
        ae_config *config = config_with(AE_LOSS_MSE, missing, features_);
        ae_model *model = model_of(config);
        bool enough = ae_model_set_i64(model, AE_PARAM_MEMORY, middle) == AE_OK &&
                      ae_fit(model, whole, NULL, N, NULL) == AE_OK;
        if (enough)
            high = middle;
        else
            low = middle + 1;
        ae_model_free(model);
    }
    free(whole);
    return low;
}

/* Every number of a batch has a weight of 4 bytes where some may be missing. */
static void weights_of_elements_are_counted(void **state)
{
    const int64_t plain = least_memory(0, 0);
    (void)state;
    assert_true(least_memory(1, 0) >= plain + (int64_t)(BATCH * DIM * sizeof(float)));
    assert_true(least_memory(0, 1) >= plain + (int64_t)(DIM * sizeof(float)));
    assert_true(least_memory(0, 1) < plain + (int64_t)(BATCH * DIM * sizeof(float)));
}

int main(void)
{
#define test(name) cmocka_unit_test_setup_teardown(name, draw_x, free_x)
    const struct CMUnitTest tests[] = {
        test(scores_count_what_is_there),
        test(row_that_is_missing_has_no_loss),
        test(loss_within_the_product_is_the_loss_apart),
        test(what_is_missing_enters_as_0),
        test(what_is_missing_is_0_after_the_scale),
        test(likelihood_is_that_of_what_is_there),
        test(variances_are_learned_from_what_is_there),
        test(gaps_are_filled_from_the_other_numbers),
        test(streams_threads_and_types_change_no_bit),
        test(steps_on_rows_as_they_come_know_gaps),
        test(interrupted_fit_ends_the_same),
        test(gaps_are_refused_unless_they_are_allowed),
        test(infinity_is_no_gap),
        test(targets_that_are_there_are_still_held_to_the_unit),
        test(sides_have_no_gaps),
        test(missing_is_fixed_once_a_model_exists),
        test(features_weigh_1_until_they_are_set),
        test(features_are_kept_and_not_trained),
        test(weights_that_are_none_are_refused),
        test(weights_of_elements_are_counted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
