/* Codes that are drawn, against closed forms: linear models, whose densities are known, and the
 * divergence of normal distributions. To be linked to the insides in float, and in double. Seeds are
 * fixed: what depends on draws passes or fails once and for all. */
#include "chain.h"

#include "model/latent.h"
#include "train/fit.h"

#ifdef AE_DOUBLE
#define EXACT 1e-12 /* of sums of some ten numbers near 1 */
#else
#define EXACT 1e-5
#endif

#define LOG_2_PI 1.8378770664093454836

enum { DIM = 8, CODE = 3 };

static ae__view view_of(const float *x, int64_t rows, int64_t dim)
{
    ae__view view = {0};
    assert_int_equal(ae__array_set(&view.x, "x", AE_TYPE_F32, x, rows, dim), AE_OK);
    return view;
}

static double log_variance_of(double a)
{
    return 20 * tanh(a / 20);
}

/* What the bound turns into this log-variance. */
static double unbounded(double log_v)
{
    return 20 * atanh(log_v / 20);
}

/* ---- the linear model: probabilistic PCA (Tipping and Bishop 1999) ---- */

enum { POINTS = 64 };

/* Rows come with their negatives, so that the mean is 0: three directions of their own, and noise. */
static void draw_points(float x[POINTS][DIM])
{
    static const double spread[CODE] = {3, 2, 1.25};
    double direction[CODE][DIM];
    for (size_t j = 0; j < CODE; j++)
        for (size_t k = 0; k < DIM; k++) direction[j][k] = draw_one();
    for (size_t i = 0; i < POINTS; i += 2) {
        double code[CODE];
        for (size_t j = 0; j < CODE; j++) code[j] = spread[j] * draw_one();
        for (size_t k = 0; k < DIM; k++) {
            double sum = 0.75 * draw_one();
            for (size_t j = 0; j < CODE; j++) sum += code[j] * direction[j][k];
            x[i][k] = (float)sum;
            x[i + 1][k] = -x[i][k];
        }
    }
}

/* One of Jacobi's rotations: c[p][q] becomes 0. */
static void rotate(double c[DIM][DIM], size_t p, size_t q)
{
    const double angle = atan2(2 * c[p][q], c[q][q] - c[p][p]) / 2;
    const double co = cos(angle), si = sin(angle);
    for (size_t i = 0; i < DIM; i++) {
        double cp = c[i][p], cq = c[i][q];
        c[i][p] = co * cp - si * cq;
        c[i][q] = si * cp + co * cq;
    }
    for (size_t i = 0; i < DIM; i++) {
        double cp = c[p][i], cq = c[q][i];
        c[p][i] = co * cp - si * cq;
        c[q][i] = si * cp + co * cq;
    }
}

static int descending(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x < y) - (x > y);
}

/* Eigenvalues of the 1/n covariance, the largest first. */
static void spectrum(float x[POINTS][DIM], double values[DIM])
{
    double c[DIM][DIM] = {{0}};
    for (size_t i = 0; i < POINTS; i++)
        for (size_t j = 0; j < DIM; j++)
            for (size_t k = 0; k < DIM; k++) c[j][k] += (double)x[i][j] * x[i][k] / POINTS;
    for (int sweep = 0; sweep < 20; sweep++)
        for (size_t p = 0; p < DIM; p++)
            for (size_t q = p + 1; q < DIM; q++) rotate(c, p, q);
    for (size_t j = 0; j < DIM; j++) values[j] = c[j][j];
    qsort(values, DIM, sizeof *values, descending);
}

/* The greatest mean log-likelihood of a row, and the variance of the noise there. */
static double best_likelihood(float x[POINTS][DIM], double *noise)
{
    double values[DIM], sum = DIM * (LOG_2_PI + 1);
    spectrum(x, values);
    *noise = 0;
    for (size_t j = CODE; j < DIM; j++) *noise += values[j] / (DIM - CODE);
    for (size_t j = 0; j < CODE; j++) sum += log(values[j]);
    return -0.5 * (sum + (DIM - CODE) * log(*noise));
}

static const chain linear = {
    .name = "linear",
    .input = DIM,
    .layers = {DENSE(2 * CODE, AE_ACT_LINEAR), GAUSSIAN(16), DENSE(DIM, AE_ACT_LINEAR)},
    .terms = {{AE_LOSS_GAUSSIAN_NLL, {{AE_PARAM_VARIANCE_KIND, AE_VARIANCE_GLOBAL}}},
              ON(AE_PENALTY_KL, 1)},
    .model = {{AE_PARAM_BATCH, POINTS}},
    .code = 2,
};

/* The bound of a row in closed form: with z = m + sqrt(v) e, the mean of |x - W z - b|^2 is
 * |x - W m - b|^2 + sum v_j |w_j|^2. */
static double exact_bound(const ae_model *model, const float *x)
{
    const real *to_code = weights_of_layer(model, 0, "kernel"),
               *bias = weights_of_layer(model, 0, "bias");
    const real *w = weights_of_layer(model, 2, "kernel"), *b = weights_of_layer(model, 2, "bias");
    const double log_s = log_variance_of((double)*weights_of_layer(model, 3, "log_variance"));
    double distance[DIM], squares = 0, kl = 0;
    for (size_t k = 0; k < DIM; k++) distance[k] = (double)x[k] - (double)b[k];
    for (size_t j = 0; j < CODE; j++) {
        double m = (double)bias[j], a = (double)bias[CODE + j], length = 0;
        for (size_t k = 0; k < DIM; k++) {
            m += (double)x[k] * (double)to_code[k * 2 * CODE + j];
            a += (double)x[k] * (double)to_code[k * 2 * CODE + CODE + j];
        }
        const double log_v = log_variance_of(a);
        for (size_t k = 0; k < DIM; k++) {
            const double wk = (double)w[j * DIM + k];
            distance[k] -= wk * m;
            length += wk * wk;
        }
        squares += exp(log_v) * length;
        kl += 0.5 * (m * m + exp(log_v) - 1 - log_v);
    }
    for (size_t k = 0; k < DIM; k++) squares += distance[k] * distance[k];
    return -0.5 * (squares / exp(log_s) + DIM * (LOG_2_PI + log_s)) - kl;
}

static double mean_bound(const ae_model *model, float x[POINTS][DIM])
{
    double sum = 0;
    for (size_t i = 0; i < POINTS; i++) sum += exact_bound(model, x[i]);
    return sum / POINTS;
}

static void train_linear(ae_model *model, const ae__view *view)
{
    static const struct {
        int64_t epochs;
        double learning_rate;
    } parts[] = {{1500, 0.02}, {2500, 0.005}, {3250, 0.001}, {3750, 0.0002}};
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
        const ae__fit_request request = {.epochs = parts[i].epochs, .data = view};
        apply_settings(&model->desc.optim,
                       (setting[]){{AE_PARAM_LEARNING_RATE, parts[i].learning_rate}, {0}});
        assert_int_equal(ae__fit(model, &request), AE_OK);
    }
}

/* Measured, in float and double alike: the bound is 4e-4 short, the variance 4e-5 off in logarithm. */
static void linear_model_is_probabilistic_pca(void **state)
{
    float x[POINTS][DIM];
    double noise, got[POINTS], mean = 0;
    ae_model *model = chain_model(&linear);
    (void)state;
    draw_state = 1;
    draw_points(x);
    const ae__view view = view_of(x[0], POINTS, DIM);
    const double best = best_likelihood(x, &noise);
    ae__model_init(model);
    assert_true(mean_bound(model, x) < best - 1);
    train_linear(model, &view);
    assert_near(mean_bound(model, x), best, 1e-3);
    assert_near(log_variance_of((double)*weights_of_layer(model, 3, "log_variance")), log(noise),
                1e-3);
    ae__latent_likelihood(model, &view, 100, 1, got);
    for (size_t i = 0; i < POINTS; i++) mean += got[i] / POINTS;
    assert_near(mean, best, 2e-3);
    ae__model_free(model);
}

/* ---- the likelihood of a linear model with known weights ---- */

enum { KNOWN = 8, MOST = 10000 };

#define VARIANCE 0.5 /* of the likelihood */

static const chain known = {
    .name = "known",
    .input = DIM,
    .layers = {DENSE(2 * CODE, AE_ACT_LINEAR), GAUSSIAN(4), DENSE(DIM, AE_ACT_LINEAR)},
    .terms = {{AE_LOSS_GAUSSIAN_NLL, {{AE_PARAM_VARIANCE, VARIANCE}}}, ON(AE_PENALTY_KL, 1)},
    .model = {{AE_PARAM_BOUND, AE_BOUND_IMPORTANCE}},
    .code = 2,
};

typedef struct known_model {
    ae_model *model;
    float x[KNOWN][DIM];
    ae__view view;
    double b[DIM], w[CODE][DIM], length[CODE]; /* |w_j|^2; the w_j are at right angles */
} known_model;

/* Weights of the encoder: the exact posterior, or one that is `off`. */
static void set_encoder(known_model *k, double off)
{
    real *kernel = weights_of_layer(k->model, 0, "kernel"),
         *bias = weights_of_layer(k->model, 0, "bias");
    for (size_t j = 0; j < CODE; j++) {
        const double v = VARIANCE / (VARIANCE + k->length[j]);
        bias[j] = (real)(off / 4);
        bias[CODE + j] = (real)unbounded(log(v) + off);
        for (size_t i = 0; i < DIM; i++) {
            kernel[i * 2 * CODE + j] = (real)((1 - off / 8) * v * k->w[j][i] / VARIANCE);
            bias[j] -= (real)(v * k->w[j][i] * k->b[i] / VARIANCE);
        }
    }
}

static void known_begin(known_model *k)
{
    draw_state = 1;
    k->model = chain_model(&known);
    real *kernel = weights_of_layer(k->model, 2, "kernel"),
         *bias = weights_of_layer(k->model, 2, "bias");
    for (size_t j = 0; j < CODE; j++) {
        k->length[j] = 0;
        for (size_t i = 0; i < DIM; i++) {
            k->w[j][i] = i % CODE == j ? draw_one() + 1.5 : 0;
            k->length[j] += k->w[j][i] * k->w[j][i];
            kernel[j * DIM + i] = (real)k->w[j][i];
        }
    }
    for (size_t i = 0; i < DIM; i++) bias[i] = (real)(k->b[i] = draw_one());
    for (size_t i = 0; i < KNOWN * DIM; i++) k->x[i / DIM][i % DIM] = (float)(2 * draw_one());
    k->view = view_of(k->x[0], KNOWN, DIM);
}

/* log N(x; b, W^T W + VARIANCE I), whose inverse is (I - sum w_j w_j^T / (VARIANCE + |w_j|^2)) / s. */
static double exact_likelihood(const known_model *k, const float *x)
{
    double distance = 0, log_det = (DIM - CODE) * log(VARIANCE);
    for (size_t i = 0; i < DIM; i++) distance += pow((double)x[i] - k->b[i], 2);
    for (size_t j = 0; j < CODE; j++) {
        double along = 0;
        for (size_t i = 0; i < DIM; i++) along += ((double)x[i] - k->b[i]) * k->w[j][i];
        distance -= along * along / (VARIANCE + k->length[j]);
        log_det += log(VARIANCE + k->length[j]);
    }
    return -0.5 * (distance / VARIANCE + log_det + DIM * LOG_2_PI);
}

/* p(x | z) p(z) / q(z | x) is p(x) for whatever z. */
static void exact_posterior_gives_the_likelihood_by_any_sample(void **state)
{
    known_model k;
    double got[KNOWN];
    (void)state;
    known_begin(&k);
    set_encoder(&k, 0);
    for (size_t samples = 1; samples <= 4; samples++) {
        ae__latent_likelihood(k.model, &k.view, samples, samples, got);
        for (size_t i = 0; i < KNOWN; i++) {
            const double want = exact_likelihood(&k, k.x[i]);
            assert_near(got[i], want, EXACT * fabs(want));
        }
    }
    ae__model_free(k.model);
}

/* So is every term of the sum that ae__fit reports. */
static void training_on_the_bound_reports_the_likelihood(void **state)
{
    known_model k;
    double want = 0;
    (void)state;
    known_begin(&k);
    set_encoder(&k, 0);
    apply_settings(&k.model->desc.optim, (setting[]){{AE_PARAM_LEARNING_RATE, 0}, {0}});
    for (size_t i = 0; i < KNOWN; i++) want -= exact_likelihood(&k, k.x[i]) / KNOWN;
    for (int64_t epochs = 1; epochs <= 2; epochs++) {
        const ae__fit_request request = {.epochs = epochs, .data = &k.view};
        assert_int_equal(ae__fit(k.model, &request), AE_OK);
        const ae__trained *trained = &k.model->trained;
        const size_t series = ae__history_series(&k.model->desc);
        assert_near(trained->history[(trained->epochs - 1) * series], want, EXACT * want);
    }
    ae__model_free(k.model);
}

static void estimate_converges_to_the_likelihood(void **state)
{
    const size_t samples[] = {1, 10, 100, MOST};
    double got[KNOWN], before = INFINITY;
    known_model k;
    (void)state;
    known_begin(&k);
    set_encoder(&k, 0.5);
    for (size_t n = 0; n < sizeof samples / sizeof *samples; n++) {
        double off = 0;
        ae__latent_likelihood(k.model, &k.view, samples[n], 1, got);
        for (size_t i = 0; i < KNOWN; i++) off += fabs(got[i] - exact_likelihood(&k, k.x[i]));
        assert_true(off < before);
        before = off;
    }
    assert_near(before / KNOWN, 0,
                0.01); /* the weights' deviation is about their mean: 1/sqrt(10000) */
    ae__model_free(k.model);
}

/* -log of the weight of each of n samples of each row: sums[sample * KNOWN + row]. */
static void weigh_samples(known_model *k, size_t n, double *sums)
{
    const ae__workspace *work = &k->model->work;
    ae__context context = {.engine = &k->model->engine,
                           .mode = AE__MODE_EVALUATE,
                           .rows = KNOWN,
                           .seed = 7,
                           .sampled = true};
    const ae__pass pass = {.model = k->model,
                           .context = &context,
                           .x = ae__array_rows(&k->view.x, 0, KNOWN, work->x, &k->model->engine),
                           .y = work->y,
                           .spare = {work->between[1], work->between[0]},
                           .values = work->values,
                           .sums = work->sums,
                           .parts = work->parts};
    context.target = pass.x.at;
    context.target_row = pass.x.row;
    for (size_t i = 0; i < n; i++) {
        context.first_sample = (uint32_t)i;
        ae__pass_forward(&pass);
        memcpy(sums + i * KNOWN, work->sums, KNOWN * sizeof *sums);
    }
}

/* log of the mean of e^-v for samples [begin, begin + n) of a row. */
static double log_mean(const double *sums, size_t row, size_t begin, size_t n)
{
    double least = INFINITY, sum = 0;
    for (size_t i = begin; i < begin + n; i++) least = fmin(least, sums[i * KNOWN + row]);
    for (size_t i = begin; i < begin + n; i++) sum += exp(least - sums[i * KNOWN + row]);
    return log(sum / (double)n) - least;
}

/* Burda et al. 2016, theorem 1, which holds for any one set of draws in groups. */
static void bound_of_more_samples_is_no_looser(void **state)
{
    enum { ALL = 256 };
    static double sums[ALL * KNOWN];
    double estimate[KNOWN];
    known_model k;
    (void)state;
    known_begin(&k);
    set_encoder(&k, 0.5);
    weigh_samples(&k, ALL, sums);
    for (size_t row = 0; row < KNOWN; row++) {
        double before = -INFINITY;
        for (size_t n = 1; n <= ALL; n *= 2) {
            double mean = 0;
            for (size_t at = 0; at < ALL; at += n)
                mean += log_mean(sums, row, at, n) * (double)n / ALL;
            assert_true(mean >= before - 1e-12 * fabs(mean));
            before = mean;
        }
        assert_true(before <= exact_likelihood(&k, k.x[row]) + 0.5);
    }
    for (size_t n = 1; n <= ALL; n *= 4) {
        ae__latent_likelihood(k.model, &k.view, n, 7, estimate);
        for (size_t row = 0; row < KNOWN; row++)
            assert_near(estimate[row], log_mean(sums, row, 0, n), 1e-12 * fabs(estimate[row]));
    }
    ae__model_free(k.model);
}

/* ---- one sample after the other, or all at once ---- */

/* Evaluation takes the samples one by one in little memory, training side by side. */
static void training_sees_the_loss_of_evaluation(void **state)
{
    const double bounds[] = {AE_BOUND_ELBO, AE_BOUND_IMPORTANCE};
    (void)state;
    for (size_t b = 0; b < 2; b++) {
        chain c = known;
        c.model[0].value = bounds[b];
        float x[KNOWN * DIM];
        trial t = trial_of(&c, KNOWN);
        trial_draw(&t);
        for (size_t i = 0; i < KNOWN * DIM; i++) x[i] = (float)t.trainer.x[i];
        memcpy(t.trainer.target, t.trainer.x, KNOWN * DIM * sizeof(real));
        const ae__view view = view_of(x, KNOWN, DIM);
        ae__trainer_gradients(&t.trainer, &t.context, NULL, NULL);
        const double want = data_loss(t.model, &view) * KNOWN;
        assert_near(t.trainer.parts[AE__PART_LOSS], want, EXACT * fabs(want));
        for (size_t i = 1; i < t.model->plan.n_parts; i++)
            assert_near(t.trainer.parts[i], t.model->work.parts[i],
                        EXACT * fmax(1, fabs(t.model->work.parts[i])));
        trial_free(&t);
    }
}

/* The rows that evaluation takes at a time are its own affair. */
static void chunks_change_nothing(void **state)
{
    known_model k;
    double want[KNOWN], got[KNOWN];
    real codes[2][KNOWN * 3 * CODE];
    (void)state;
    known_begin(&k);
    set_encoder(&k, 0.5);
    const double loss = data_loss(k.model, &k.view);
    ae__latent_likelihood(k.model, &k.view, 10, 1, want);
    ae__latent_sample(k.model, &k.view, 3, 1, codes[0]);
    for (size_t chunk = 1; chunk < KNOWN; chunk++) {
        k.model->plan.chunk = chunk;
        assert_true(data_loss(k.model, &k.view) == loss);
        ae__latent_likelihood(k.model, &k.view, 10, 1, got);
        assert_memory_equal(got, want, sizeof got);
        ae__latent_sample(k.model, &k.view, 3, 1, codes[1]);
        assert_memory_equal(codes[0], codes[1], sizeof codes[0]);
    }
    ae__model_free(k.model);
}

/* ---- the divergence ---- */

enum { CASES = 7 };

/* A code of CASES elements whose distribution does not depend on x: m, then a. */
static trial trial_at(const double m[CASES], const double a[CASES])
{
    static const chain c = {
        .name = "divergence",
        .input = 1,
        .layers = {DENSE(2 * CASES, AE_ACT_LINEAR), GAUSSIAN(1), DENSE(1, AE_ACT_LINEAR)},
        .terms = {{.kind = AE_LOSS_MSE}, ON(AE_PENALTY_KL, 1)},
        .code = 2};
    trial t = trial_of(&c, 1);
    real *kernel = weights_of_layer(t.model, 0, "kernel"),
         *bias = weights_of_layer(t.model, 0, "bias");
    trial_draw(&t);
    for (size_t j = 0; j < CASES; j++) {
        kernel[j] = kernel[CASES + j] = 0;
        bias[j] = (real)m[j];
        bias[CASES + j] = (real)a[j];
    }
    return t;
}

static double divergence_of(double m, double a)
{
    const double log_v = log_variance_of(a);
    return (m * m + expm1(log_v) - log_v) / 2;
}

/* The integral of q log(q / p) over 12 deviations to either side; the trapezoid rule is exact to all
 * digits for what vanishes so smoothly at its ends. */
static double integrated(double m, double a)
{
    enum { STEPS = 2400 };
    const double log_v = log_variance_of(a), deviation = exp(log_v / 2), step = 24.0 / STEPS;
    double sum = 0;
    for (int i = 0; i <= STEPS; i++) {
        const double e = -12 + step * i, z = m + deviation * e;
        sum += step * exp(-e * e / 2) * (z * z - e * e - log_v) / 2;
    }
    return sum / sqrt(2 * acos(-1));
}

static void divergence_is_the_closed_form_and_the_integral(void **state)
{
    const double m[CASES] = {0, 1, -2, 0.125, 0, 3, -0.5}, a[CASES] = {0, 0, 1, -2, 3, -6, 8};
    const float x = 0.5;
    double kl[CASES], sum = 0;
    trial t = trial_at(m, a);
    const ae__view view = view_of(&x, 1, 1);
    (void)state;
    ae__latent_diagnose(t.model, &view, kl, NULL);
    data_loss(t.model, &view);
    for (size_t j = 0; j < CASES; j++) {
        const double want = divergence_of(m[j], a[j]);
        sum += want;
        assert_near(integrated(m[j], a[j]), want, 1e-12 * (1 + want));
        assert_near(kl[j], want, EXACT * (1 + want));
    }
    assert_near(t.model->work.parts[AE__PART_TERM + 1], sum, EXACT * sum);
    trial_free(&t);
}

/* Of the prior itself 0, of all else more; v - 1 - log v cancels near v = 1 to half a unit in the last
 * place of 1. */
static void divergence_of_the_prior_is_nothing_and_of_no_other_less(void **state)
{
    const double rounding = sizeof(real) == sizeof(double) ? 0x1p-53 : 0x1p-24;
    const double m[CASES] = {0};
    const float x = 0.5;
    const ae__view view = view_of(&x, 1, 1);
    (void)state;
    for (int i = 0; i < 1000; i++) {
        double a[CASES], kl[CASES];
        for (size_t j = 0; j < CASES; j++) a[j] = j ? draw_one() * pow(10, -(double)j) : 0;
        trial t = trial_at(m, a);
        ae__latent_diagnose(t.model, &view, kl, NULL);
        assert_true(kl[0] == 0);
        for (size_t j = 0; j < CASES; j++) assert_true(kl[j] >= -rounding);
        trial_free(&t);
    }
}

static void extreme_log_variances_stay_finite(void **state)
{
    const double m[CASES] = {0, 0.5, -1, 0, 1, -0.5, 0},
                 a[CASES] = {1e6, -1e6, 30, -30, 0, 1e4, -1e4};
    const float x = 0.5;
    const ae__view view = view_of(&x, 1, 1);
    double kl[CASES];
    trial t = trial_at(m, a);
    const real *bias = t.trainer.gradients + ae__plan_weight(&t.model->plan, 0, "bias")->offset;
    (void)state;
    ae__latent_diagnose(t.model, &view, kl, NULL);
    for (size_t j = 0; j < CASES; j++) {
        const double want = divergence_of(m[j], a[j]);
        assert_near(kl[j], want, EXACT * (1 + want));
    }
    for (int sampled = 0; sampled < 2; sampled++) {
        t.context.sampled = sampled;
        ae__trainer_gradients(&t.trainer, &t.context, NULL, NULL);
        assert_true(isfinite(t.trainer.parts[AE__PART_LOSS]));
        for (size_t i = 0; i < t.model->plan.weight_reals; i++)
            assert_true(isfinite((double)t.trainer.gradients[i]));
        for (size_t j = 0; j < 2; j++) /* the bound has no slope out there */
            assert_near((double)bias[CASES + j], 0, 1e-6);
    }
    assert_true(isfinite(data_loss(t.model, &view)));
    trial_free(&t);
}

/* ---- draws from posteriors ---- */

/* The mean to 5 standard deviations of each of 24, the variance likewise. */
static void posterior_samples_have_its_mean_and_variance(void **state)
{
    enum { N = 4000 };
    static real codes[KNOWN * N * CODE];
    real mean[KNOWN * CODE], log_variance[KNOWN * CODE];
    known_model k;
    (void)state;
    known_begin(&k);
    set_encoder(&k, 0.5);
    ae__latent_posterior(k.model, &k.view, mean, log_variance);
    ae__latent_sample(k.model, &k.view, N, 2, codes);
    for (size_t i = 0; i < KNOWN * CODE; i++) {
        const size_t row = i / CODE, j = i % CODE;
        const double variance = exp((double)log_variance[i]);
        double sum = 0, squares = 0;
        for (size_t n = 0; n < N; n++) {
            double d = (double)codes[(row * N + n) * CODE + j] - (double)mean[i];
            sum += d;
            squares += d * d;
        }
        assert_near(sum / N, 0, 5 * sqrt(variance / N));
        assert_near(squares / N, variance, 5 * variance * sqrt(2.0 / N));
    }
    ae__model_free(k.model);
}

/* The mean and log-variance that were put in. */
static void posterior_is_what_the_weights_say(void **state)
{
    real mean[KNOWN * CODE], log_variance[KNOWN * CODE];
    known_model k;
    (void)state;
    known_begin(&k);
    set_encoder(&k, 0);
    ae__latent_posterior(k.model, &k.view, mean, log_variance);
    for (size_t i = 0; i < KNOWN * CODE; i++) {
        const size_t row = i / CODE, j = i % CODE;
        double want = 0;
        for (size_t l = 0; l < DIM; l++) want += ((double)k.x[row][l] - k.b[l]) * k.w[j][l];
        assert_near((double)mean[i], want / (VARIANCE + k.length[j]), EXACT * 10);
        assert_near((double)log_variance[i], log(VARIANCE / (VARIANCE + k.length[j])), EXACT);
    }
    ae__model_free(k.model);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(linear_model_is_probabilistic_pca),
        cmocka_unit_test(exact_posterior_gives_the_likelihood_by_any_sample),
        cmocka_unit_test(training_on_the_bound_reports_the_likelihood),
        cmocka_unit_test(estimate_converges_to_the_likelihood),
        cmocka_unit_test(bound_of_more_samples_is_no_looser),
        cmocka_unit_test(training_sees_the_loss_of_evaluation),
        cmocka_unit_test(chunks_change_nothing),
        cmocka_unit_test(divergence_is_the_closed_form_and_the_integral),
        cmocka_unit_test(divergence_of_the_prior_is_nothing_and_of_no_other_less),
        cmocka_unit_test(extreme_log_variances_stay_finite),
        cmocka_unit_test(posterior_samples_have_its_mean_and_variance),
        cmocka_unit_test(posterior_is_what_the_weights_say),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
