/* Section "Draw" of ae.h: posteriors, samples, lines and estimates agree with each other and with sums
 * made here, repeat themselves, and do not depend on threads or on the other rows. */
#include "test_fit.h"

/* More rows than are taken at a time (1024), codes of an odd width. */
enum { DIM = 6, WIDE = 5, LATENT = 3, EXAMPLES = 1500, FEW = 9, PARAMS = 2 * LATENT };

static ae_model *vae(int32_t loss, int32_t bound, int64_t samples, double weight)
{
    ae_config *config;
    must(ae_config_create(&config));
    must(ae_config_input(config, DIM));
    must(ae_config_dense(config, WIDE, AE_ACT_TANH));
    must(ae_config_dense(config, PARAMS, AE_ACT_LINEAR));
    must(ae_config_gaussian(config));
    must(ae_config_set_i64(config, AE_PARAM_SAMPLES, samples));
    must(ae_config_penalty(config, AE_PENALTY_KL, weight));
    must(ae_config_code(config));
    must(ae_config_dense(config, WIDE, AE_ACT_TANH));
    must(ae_config_dense(config, DIM, loss == AE_LOSS_MSE ? AE_ACT_LINEAR : AE_ACT_SIGMOID));
    must(ae_config_loss(config, loss));
    must(ae_config_set_f64(config, AE_PARAM_WEIGHT, weight));
    must(ae_config_set_i64(config, AE_PARAM_BOUND, bound));
    must(ae_config_set_i64(config, AE_PARAM_SEED, 21));
    must(ae_config_set_f64(config, AE_PARAM_LEARNING_RATE, 0));
    return model_of(config);
}

static ae_model *plain_vae(void)
{
    return vae(AE_LOSS_BERNOULLI_NLL, AE_BOUND_ELBO, 1, 1);
}

static void assert_same(const void *a, const void *b, size_t count)
{
    assert_memory_equal(a, b, count * sizeof(float));
}

/* ---- posterior ---- */

static void code_is_the_mean_of_the_posterior(void **state)
{
    float *x = drawn(EXAMPLES * DIM), *code = drawn(EXAMPLES * LATENT);
    float *mean = drawn(EXAMPLES * LATENT), *params = drawn(EXAMPLES * PARAMS);
    float *out[] = {drawn(EXAMPLES * DIM), drawn(EXAMPLES * DIM)};
    ae_model *model = plain_vae();
    (void)state;
    must(ae_encode(model, x, EXAMPLES, code, EXAMPLES * LATENT));
    must(ae_posterior(model, x, EXAMPLES, mean, NULL, EXAMPLES * LATENT));
    assert_same(mean, code, EXAMPLES * LATENT);
    must(ae_features(model, 2, x, EXAMPLES, mean, EXAMPLES * LATENT));
    assert_same(mean, code, EXAMPLES * LATENT);
    must(ae_features(model, 1, x, EXAMPLES, params, EXAMPLES * PARAMS));
    for (size_t i = 0; i < EXAMPLES; i++)
        assert_same(code + i * LATENT, params + i * PARAMS, LATENT);
    must(ae_decode(model, code, EXAMPLES, out[0], EXAMPLES * DIM));
    must(ae_reconstruct(model, x, EXAMPLES, out[1], EXAMPLES * DIM));
    assert_same(out[0], out[1], EXAMPLES * DIM);
    ae_model_free(model);
    free(out[0]);
    free(out[1]);
    free(x);
    free(code);
    free(mean);
    free(params);
}

/* log v = 20 tanh(l / 20), of weights that take l beyond the bound. */
static void log_variance_is_bounded_smoothly(void **state)
{
    float *x = drawn(FEW * DIM), params[FEW * PARAMS], log_variance[FEW * LATENT];
    float kernel[WIDE * PARAMS];
    ae_model *model = plain_vae();
    double most = 0;
    (void)state;
    must(ae_model_weights_get(model, 1, "kernel", kernel, WIDE * PARAMS));
    for (size_t i = 0; i < WIDE * PARAMS; i++) kernel[i] *= (float)pow(10, (double)(i % PARAMS));
    must(ae_model_weights_set(model, 1, "kernel", kernel, WIDE * PARAMS));
    must(ae_posterior(model, x, FEW, NULL, log_variance, FEW * LATENT));
    must(ae_features(model, 1, x, FEW, params, FEW * PARAMS));
    for (size_t i = 0; i < FEW * LATENT; i++) {
        const double l = (double)params[i / LATENT * PARAMS + LATENT + i % LATENT];
        most = fmax(most, fabs(l));
        assert_near((double)log_variance[i], 20 * tanh(l / 20), 1e-5);
    }
    assert_true(most > 1000);
    ae_model_free(model);
    free(x);
}

/* ---- samples ---- */

/* Fewer samples, fewer rows, another number of threads: the same draws. */
static void samples_are_functions_of_seed_row_and_number(void **state)
{
    enum { S = 4, ALL = EXAMPLES * S * LATENT };
    float *x = drawn(EXAMPLES * DIM), *all = drawn(ALL), *part = drawn(ALL);
    ae_model *model = plain_vae();
    (void)state;
    must(ae_posterior_sample(model, x, EXAMPLES, S, 5, all, ALL));
    must(ae_posterior_sample(model, x, FEW, S, 5, part, ALL));
    assert_same(part, all, FEW * S * LATENT);
    must(ae_posterior_sample(model, x, EXAMPLES, 1, 5, part, ALL));
    for (size_t i = 0; i < EXAMPLES; i++)
        assert_same(part + i * LATENT, all + i * S * LATENT, LATENT);
    for (int64_t threads = 2; threads <= 4; threads++) {
        must(ae_model_set_i64(model, AE_PARAM_THREADS, threads));
        must(ae_posterior_sample(model, x, EXAMPLES, S, 5, part, ALL));
        assert_same(part, all, ALL);
    }
    must(ae_posterior_sample(model, x, EXAMPLES, S, 6, part, ALL));
    size_t same = 0;
    for (size_t i = 0; i < ALL; i++) same += part[i] == all[i];
    assert_in_range(same, 0, ALL / 100);
    ae_model_free(model);
    free(x);
    free(all);
    free(part);
}

/* The mean over rows of (z - m) / sqrt(v), and of its square; n = 4500 numbers a call. */
static void samples_are_spread_as_the_posterior_says(void **state)
{
    enum { N = EXAMPLES * LATENT };
    float *x = drawn(EXAMPLES * DIM), *z = drawn(N), *mean = drawn(N), *log_variance = drawn(N);
    ae_model *model = plain_vae();
    double sum = 0, squares = 0;
    (void)state;
    must(ae_posterior(model, x, EXAMPLES, mean, log_variance, N));
    must(ae_posterior_sample(model, x, EXAMPLES, 1, 5, z, N));
    for (size_t i = 0; i < N; i++) {
        const double e = ((double)z[i] - (double)mean[i]) / exp((double)log_variance[i] / 2);
        sum += e / N;
        squares += e * e / N;
    }
    assert_near(sum, 0, 4 / sqrt(N));
    assert_near(squares, 1, 4 * sqrt(2.0 / N));
    ae_model_free(model);
    free(x);
    free(z);
    free(mean);
    free(log_variance);
}

static void fewer_rows_of_the_prior_are_the_first_of_more(void **state)
{
    float *all = drawn(EXAMPLES * DIM), *part = drawn(EXAMPLES * DIM);
    ae_model *model = plain_vae();
    (void)state;
    must(ae_sample(model, EXAMPLES, 8, all, EXAMPLES * DIM));
    must(ae_sample(model, FEW, 8, part, EXAMPLES * DIM));
    assert_same(part, all, FEW * DIM);
    must(ae_model_set_i64(model, AE_PARAM_THREADS, 3));
    must(ae_sample(model, EXAMPLES, 8, part, EXAMPLES * DIM));
    assert_same(part, all, EXAMPLES * DIM);
    must(ae_sample(model, FEW, 9, part, EXAMPLES * DIM));
    for (size_t i = 0; i < FEW * DIM; i++) assert_true(part[i] != all[i]);
    ae_model_free(model);
    free(all);
    free(part);
}

/* ---- lines ---- */

/* Ends to the bit, and what ae_decode makes of the codes between; of any autoencoder. */
static void line_is_the_decoded_codes_between_two(void **state)
{
    static const recipe plain = {{DIM, WIDE, LATENT, DIM}, 8,           AE_ACT_TANH,
                                 AE_ACT_SIGMOID,           AE_LOSS_BCE, AE_OPTIM_ADAM};
    enum { STEPS = 1300 };
    ae_model *models[] = {plain_vae(), recipe_model(&plain)};
    float *out = drawn(STEPS * DIM), *codes = drawn(STEPS * LATENT), *want = drawn(STEPS * DIM);
    (void)state;
    for (size_t m = 0; m < 2; m++) {
        const size_t code = (size_t)ae_model_code_dim(models[m]);
        const float from[LATENT] = {-1, 0.1f, 3}, to[LATENT] = {0.7f, 0.1f, -2};
        for (size_t i = 0; i < STEPS * code; i++) {
            const double t = (double)(i / code) / (STEPS - 1);
            codes[i] = (float)((1 - t) * (double)from[i % code] + t * (double)to[i % code]);
        }
        must(ae_interpolate(models[m], from, to, STEPS, out, STEPS * DIM));
        must(ae_decode(models[m], codes, STEPS, want, STEPS * DIM));
        for (size_t i = 0; i < STEPS * DIM; i++) assert_near((double)out[i], (double)want[i], 2e-6);
        for (int32_t end = 0; end < 2; end++) {
            must(ae_decode(models[m], end ? to : from, 1, want, DIM));
            assert_same(out + (end ? STEPS - 1 : 0) * DIM, want, DIM);
        }
        must(ae_interpolate(models[m], from, to, 2, want, 2 * DIM));
        assert_same(want, out, DIM);
        assert_same(want + DIM, out + (STEPS - 1) * DIM, DIM);
        ae_model_free(models[m]);
    }
    free(out);
    free(codes);
    free(want);
}

/* ---- estimates ---- */

static void diagnosis_is_that_of_the_posteriors(void **state)
{
    enum { N = EXAMPLES * LATENT };
    float *x = drawn(EXAMPLES * DIM), *mean = drawn(N), *log_variance = drawn(N);
    double kl[LATENT], variance[LATENT], want[LATENT][3] = {{0}}, terms[2], sum = 0;
    ae_model *model = plain_vae();
    ae_data *data;
    (void)state;
    must(ae_posterior(model, x, EXAMPLES, mean, log_variance, N));
    must(ae_diagnose(model, x, EXAMPLES, kl, variance, LATENT));
    for (size_t i = 0; i < N; i++) {
        const double m = (double)mean[i], l = (double)log_variance[i];
        want[i % LATENT][0] += (m * m + exp(l) - 1 - l) / 2 / EXAMPLES;
        want[i % LATENT][1] += m / EXAMPLES;
        want[i % LATENT][2] += m * m / EXAMPLES;
    }
    for (size_t j = 0; j < LATENT; j++) {
        assert_near(kl[j], want[j][0], 1e-6);
        assert_near(variance[j], want[j][2] - want[j][1] * want[j][1], 1e-9);
        sum += kl[j];
    }
    must(ae_data_create(&data));
    must(ae_data_array(data, AE_DATA_X, AE_TYPE_F32, x, EXAMPLES, DIM));
    must(ae_evaluate_terms(model, data, terms, 2));
    assert_near(terms[0], sum, 1e-6);
    ae_data_free(data);
    ae_model_free(model);
    free(x);
    free(mean);
    free(log_variance);
}

/* By the model's own seed the estimate is what evaluation takes under the importance bound, and of one
 * sample a row's own number; the weights of the terms do not enter. */
static void likelihood_is_the_importance_bound(void **state)
{
    const int32_t losses[] = {AE_LOSS_BERNOULLI_NLL, AE_LOSS_GAUSSIAN_NLL};
    float *x = drawn(EXAMPLES * DIM);
    double *got = malloc(2 * EXAMPLES * sizeof *got), loss;
    (void)state;
    assert_non_null(got);
    for (size_t i = 0; i < 2; i++) {
        for (int64_t samples = 1; samples <= 5; samples += 2) {
            ae_model *model = vae(losses[i], AE_BOUND_IMPORTANCE, samples, 1);
            ae_model *other = vae(losses[i], AE_BOUND_ELBO, 1, 0.25);
            double sum = 0;
            must(ae_log_likelihood(model, x, EXAMPLES, samples, 21, got, EXAMPLES));
            must(ae_log_likelihood(other, x, EXAMPLES, samples, 21, got + EXAMPLES, EXAMPLES));
            assert_memory_equal(got, got + EXAMPLES, EXAMPLES * sizeof *got);
            must(ae_evaluate(model, x, NULL, EXAMPLES, &loss));
            for (size_t row = 0; row < EXAMPLES; row++) sum += got[row] / EXAMPLES;
            assert_near(sum, -loss, 1e-12 * fabs(loss));
            ae_model_free(model);
            ae_model_free(other);
        }
    }
    free(got);
    free(x);
}

static void likelihood_repeats_itself_in_parts_and_by_threads(void **state)
{
    float *x = drawn(EXAMPLES * DIM);
    double *all = malloc(EXAMPLES * sizeof *all), *part = malloc(EXAMPLES * sizeof *part);
    ae_model *model = plain_vae();
    (void)state;
    assert_true(all && part);
    must(ae_log_likelihood(model, x, EXAMPLES, 7, 2, all, EXAMPLES));
    must(ae_log_likelihood(model, x, FEW, 7, 2, part, EXAMPLES));
    assert_memory_equal(part, all, FEW * sizeof *part);
    must(ae_model_set_i64(model, AE_PARAM_THREADS, 4));
    must(ae_log_likelihood(model, x, EXAMPLES, 7, 2, part, EXAMPLES));
    assert_memory_equal(part, all, EXAMPLES * sizeof *part);
    must(ae_log_likelihood(model, x, EXAMPLES, 7, 3, part, EXAMPLES));
    for (size_t i = 0; i < EXAMPLES; i++) assert_true(part[i] != all[i]);
    x[3 * DIM] = NAN;
    must(ae_log_likelihood(model, x, EXAMPLES, 7, 2, part, EXAMPLES));
    for (size_t i = 0; i < EXAMPLES; i++) assert_true(i == 3 ? isnan(part[i]) : part[i] == all[i]);
    ae_model_free(model);
    free(x);
    free(all);
    free(part);
}

/* ---- evaluation ---- */

/* The learning rate is 0: the weights stay, the draws of training are new each epoch. */
static void evaluation_draws_the_same_whatever_was_trained(void **state)
{
    float *x = drawn(EXAMPLES * DIM), *scores = drawn(2 * EXAMPLES);
    double before, after, loss[3];
    ae_model *model = vae(AE_LOSS_MSE, AE_BOUND_ELBO, 2, 1);
    (void)state;
    must(ae_evaluate(model, x, NULL, EXAMPLES, &before));
    must(ae_score(model, x, EXAMPLES, scores, EXAMPLES));
    train_to(model, x, EXAMPLES, 3);
    must(ae_evaluate(model, x, NULL, EXAMPLES, &after));
    must(ae_score(model, x, EXAMPLES, scores + EXAMPLES, EXAMPLES));
    assert_true(before == after);
    assert_same(scores, scores + EXAMPLES, EXAMPLES);
    must(ae_model_history(model, AE_METRIC_LOSS, loss, 3, NULL));
    for (size_t e = 0; e < 3; e++) assert_true(loss[e] != before && loss[e] != loss[(e + 1) % 3]);
    must(ae_model_set_i64(model, AE_PARAM_THREADS, 3));
    must(ae_evaluate(model, x, NULL, EXAMPLES, &after));
    assert_true(before == after);
    ae_model_free(model);
    free(x);
    free(scores);
}

/* k samples of a row are its k draws: the mean loss of each, put in as a code by hand. */
static void loss_is_the_mean_over_the_samples(void **state)
{
    enum { S = 3 };
    float *x = drawn(EXAMPLES * DIM), *codes = drawn(EXAMPLES * S * LATENT);
    float *out = drawn(EXAMPLES * S * DIM);
    double terms[2], mean = 0;
    ae_model *model = vae(AE_LOSS_MSE, AE_BOUND_ELBO, S, 0.5);
    ae_data *data;
    (void)state;
    must(ae_posterior_sample(model, x, EXAMPLES, S, 21, codes, EXAMPLES * S * LATENT));
    must(ae_decode(model, codes, EXAMPLES * S, out, EXAMPLES * S * DIM));
    for (size_t i = 0; i < EXAMPLES * S * DIM; i++) {
        const double r = (double)out[i] - (double)x[i / DIM / S * DIM + i % DIM];
        mean += r * r / (EXAMPLES * S * DIM);
    }
    must(ae_data_create(&data));
    must(ae_data_array(data, AE_DATA_X, AE_TYPE_F32, x, EXAMPLES, DIM));
    must(ae_evaluate_terms(model, data, terms, 2));
    assert_near(terms[1], mean, 1e-6 * mean);
    ae_data_free(data);
    ae_model_free(model);
    free(x);
    free(codes);
    free(out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(code_is_the_mean_of_the_posterior),
        cmocka_unit_test(log_variance_is_bounded_smoothly),
        cmocka_unit_test(samples_are_functions_of_seed_row_and_number),
        cmocka_unit_test(samples_are_spread_as_the_posterior_says),
        cmocka_unit_test(fewer_rows_of_the_prior_are_the_first_of_more),
        cmocka_unit_test(line_is_the_decoded_codes_between_two),
        cmocka_unit_test(diagnosis_is_that_of_the_posteriors),
        cmocka_unit_test(likelihood_is_the_importance_bound),
        cmocka_unit_test(likelihood_repeats_itself_in_parts_and_by_threads),
        cmocka_unit_test(evaluation_draws_the_same_whatever_was_trained),
        cmocka_unit_test(loss_is_the_mean_over_the_samples),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
