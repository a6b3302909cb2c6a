/* The Gaussian layer and the prior: what they draw, by moments and the Kolmogorov-Smirnov statistic; what
 * their draws depend on and what not. To be linked to the insides in float, and in double. Seeds are
 * fixed: a bound of 4 standard deviations, or of the 0.1 % point, passes or fails once and for all. */
#include "chain.h"

#include "model/latent.h"

/* ---- what the draws are ---- */

enum { WIDTH = 301, N_ROWS = 40, SAMPLES = 5, DRAWS = N_ROWS * SAMPLES * WIDTH };

static const double MEAN = 0.25, DEVIATION = 0.5;

/* A Gaussian layer at the beginning; every element has the same distribution. */
static trial trial_drawing(void)
{
    static const chain c = {.name = "draws",
                            .input = 2 * WIDTH,
                            .layers = {GAUSSIAN(SAMPLES), DENSE(1, AE_ACT_LINEAR)},
                            .terms = {{.kind = AE_LOSS_MSE}}};
    trial t = trial_of(&c, N_ROWS);
    t.context.seed = 1;
    t.context.epoch = 1;
    for (size_t i = 0; i < N_ROWS * 2 * WIDTH; i++)
        t.trainer.x[i] =
            (real)(i % (2 * WIDTH) < WIDTH ? MEAN : 20 * atanh(2 * log(DEVIATION) / 20));
    return t;
}

/* Output of the layer, as number `layer`, for the rows of the context; to be freed. */
static real *drawn_by(const trial *t, int32_t layer)
{
    real *y = calloc(DRAWS, sizeof *y);
    ae__layer_call call = ae__model_call(t->model, 0, 0, 1, &t->context);
    assert_non_null(y);
    call.number = layer;
    call.x = t->trainer.x;
    call.y = y;
    ae__layer_of(AE__LAYER_GAUSSIAN)->forward(&call);
    return y;
}

static int ascending(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* Moments to 4 standard deviations, and the Kolmogorov-Smirnov statistic to its 0.1 % point. */
static void assert_standard_normal(double *z, size_t n)
{
    double sum = 0, squares = 0, gap = 0, count = (double)n;
    qsort(z, n, sizeof *z, ascending);
    for (size_t i = 0; i < n; i++) {
        const double below = erfc(-z[i] / sqrt(2)) / 2;
        sum += z[i];
        squares += z[i] * z[i];
        gap = fmax(gap, fmax(below - (double)i / count, (double)(i + 1) / count - below));
    }
    assert_near(sum / count, 0, 4 / sqrt(count));
    assert_near(squares / count, 1, 4 * sqrt(2 / count));
    assert_near(gap, 0, 1.95 / sqrt(count));
}

static void samples_have_the_mean_and_variance_wanted(void **state)
{
    trial t = trial_drawing();
    real *y = drawn_by(&t, 0);
    double *z = malloc(DRAWS * sizeof *z);
    (void)state;
    assert_non_null(z);
    for (size_t i = 0; i < DRAWS; i++) z[i] = ((double)y[i] - MEAN) / DEVIATION;
    assert_standard_normal(z, DRAWS);
    free(y);
    free(z);
    trial_free(&t);
}

static void rows_and_samples_have_their_draws_anywhere(void **state)
{
    enum { FEW = 3, ROW = SAMPLES * WIDTH };
    trial t = trial_drawing();
    real *whole = drawn_by(&t, 0);
    (void)state;
    t.context.rows = FEW;
    for (size_t row = 0; row + FEW <= N_ROWS; row += FEW) {
        const uint64_t numbers[FEW] = {row + 2, row, row + 1};
        t.context.expand = true;
        t.context.first_row = row;
        real *part = drawn_by(&t, 0);
        assert_memory_equal(part, whole + row * ROW, FEW * ROW * sizeof *part);
        free(part);
        t.context.expand = false;
        t.context.row_numbers = numbers;
        for (uint32_t s = 0; s < SAMPLES; s++) {
            t.context.first_sample = s;
            part = drawn_by(&t, 0);
            for (size_t i = 0; i < FEW; i++)
                assert_memory_equal(part + i * WIDTH, whole + numbers[i] * ROW + s * WIDTH,
                                    WIDTH * sizeof *part);
            free(part);
        }
        t.context.row_numbers = NULL;
        t.context.first_sample = 0;
    }
    free(whole);
    trial_free(&t);
}

static void threads_change_no_draw(void **state)
{
    trial t = trial_drawing();
    real *want = drawn_by(&t, 0);
    (void)state;
    for (int32_t threads = 2; threads <= 4; threads++) {
        ae__pool *pool;
        assert_int_equal(ae__pool_create(&pool, &ae__mem_default, threads), AE_OK);
        t.model->engine.pool = pool;
        real *got = drawn_by(&t, 0);
        assert_memory_equal(got, want, DRAWS * sizeof *got);
        t.model->engine.pool = NULL;
        ae__pool_free(pool);
        free(got);
    }
    free(want);
    trial_free(&t);
}

static void instruction_sets_draw_alike(void **state)
{
    trial t = trial_drawing();
    (void)state;
    t.model->engine.kernels = ae__kernels_at(AE_CPU_PORTABLE);
    real *want = drawn_by(&t, 0);
    for (int32_t level = 0; level <= AE_CPU_NEON; level++) {
        if (!ae__kernels_at(level)) continue;
        t.model->engine.kernels = ae__kernels_at(level);
        real *got = drawn_by(&t, 0);
        for (size_t i = 0; i < DRAWS; i++) /* 0.5 z, |z| < 6.4, to twice 5e-7 of it */
            assert_near((double)got[i], (double)want[i], 4e-6);
        free(got);
    }
    free(want);
    trial_free(&t);
}

/* Correlation of two sets of draws, to 4 standard deviations of independent ones. */
static void assert_independent(const real *a, const real *b, size_t n)
{
    double sum = 0;
    for (size_t i = 0; i < n; i++)
        sum += ((double)a[i] - MEAN) * ((double)b[i] - MEAN) / (DEVIATION * DEVIATION);
    assert_near(sum / (double)n, 0, 4 / sqrt((double)n));
}

static void draws_are_fresh_for_each_epoch_seed_row_sample_and_layer(void **state)
{
    trial t = trial_drawing();
    real *y = drawn_by(&t, 0), *others[4];
    (void)state;
    t.context.epoch = 2;
    others[0] = drawn_by(&t, 0);
    t.context.epoch = 1;
    t.context.seed = 2;
    others[1] = drawn_by(&t, 0);
    t.context.seed = 1;
    t.context.first_row = N_ROWS;
    others[2] = drawn_by(&t, 0);
    t.context.first_row = 0;
    others[3] = drawn_by(&t, 1);
    for (size_t i = 0; i < 4; i++) {
        assert_independent(y, others[i], DRAWS);
        free(others[i]);
    }
    for (size_t lag = 1; lag < WIDTH; lag++) assert_independent(y, y + lag, DRAWS - lag);
    assert_independent(y, y + WIDTH, DRAWS - WIDTH);                     /* samples */
    assert_independent(y, y + SAMPLES * WIDTH, DRAWS - SAMPLES * WIDTH); /* rows */
    free(y);
    trial_free(&t);
}

static void inference_gives_the_mean(void **state)
{
    trial t = trial_drawing();
    (void)state;
    t.context.mode = AE__MODE_INFER;
    t.context.expand = false;
    real *y = drawn_by(&t, 0);
    for (size_t i = 0; i < N_ROWS * WIDTH; i++) assert_true(y[i] == (real)MEAN);
    free(y);
    trial_free(&t);
}

/* ---- the prior ---- */

enum { PRIOR_ROWS = 200, PRIOR_CODE = 301 };

/* A decoder that hands its code on. */
static ae_model *identity_decoder(void)
{
    static const chain c = {.name = "identity",
                            .input = 1,
                            .layers = {DENSE(2 * PRIOR_CODE, AE_ACT_LINEAR), GAUSSIAN(1),
                                       DENSE(PRIOR_CODE, AE_ACT_LINEAR)},
                            .code = 2};
    ae_model *model = chain_model(&c);
    for (size_t j = 0; j < PRIOR_CODE; j++)
        weights_of_layer(model, 2, "kernel")[j * PRIOR_CODE + j] = 1;
    return model;
}

static void prior_is_standard_normal(void **state)
{
    static real out[PRIOR_ROWS * PRIOR_CODE];
    static double z[PRIOR_ROWS * PRIOR_CODE];
    const ae__view none = {{0}};
    ae_model *model = identity_decoder();
    (void)state;
    ae__latent_prior(model, &none, PRIOR_ROWS, 3, out);
    for (size_t i = 0; i < PRIOR_ROWS * PRIOR_CODE; i++) z[i] = (double)out[i];
    for (size_t lag = 1; lag <= PRIOR_CODE; lag++) {
        double sum = 0;
        for (size_t i = lag; i < PRIOR_ROWS * PRIOR_CODE; i++) sum += z[i] * z[i - lag];
        assert_near(sum / (PRIOR_ROWS * PRIOR_CODE), 0, 4 / sqrt(PRIOR_ROWS * PRIOR_CODE));
    }
    assert_standard_normal(z, PRIOR_ROWS * PRIOR_CODE);
    ae__model_free(model);
}

static void fewer_rows_of_the_prior_are_the_first_of_more(void **state)
{
    static real all[PRIOR_ROWS * PRIOR_CODE], some[PRIOR_ROWS * PRIOR_CODE];
    const ae__view none = {{0}};
    ae_model *model = identity_decoder();
    const size_t chunk = model->plan.chunk;
    (void)state;
    ae__latent_prior(model, &none, PRIOR_ROWS, 3, all);
    for (size_t rows = 1; rows <= PRIOR_ROWS; rows *= 7) {
        model->plan.chunk = rows % 2 ? chunk : rows;
        ae__latent_prior(model, &none, rows, 3, some);
        assert_memory_equal(some, all, rows * PRIOR_CODE * sizeof *some);
    }
    ae__latent_prior(model, &none, 1, 4, some);
    for (size_t j = 0; j < PRIOR_CODE; j++) assert_true(some[j] != all[j]);
    ae__model_free(model);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(samples_have_the_mean_and_variance_wanted),
        cmocka_unit_test(rows_and_samples_have_their_draws_anywhere),
        cmocka_unit_test(threads_change_no_draw),
        cmocka_unit_test(instruction_sets_draw_alike),
        cmocka_unit_test(draws_are_fresh_for_each_epoch_seed_row_sample_and_layer),
        cmocka_unit_test(inference_gives_the_mean),
        cmocka_unit_test(prior_is_standard_normal),
        cmocka_unit_test(fewer_rows_of_the_prior_are_the_first_of_more),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
