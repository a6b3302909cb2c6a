/* Losses of drawn codes through ae.h: that their terms add up, in a value and in the history; what warm-up and
 * free bits make of the divergence; which units are active; and that an interrupted training goes on as if
 * it had not been. */
#include "test_fit.h"

enum { DIM = 9, CODE_DIM = 3, EXAMPLES = 50 };

/* A Gaussian code of so many samples under a likelihood, with its divergence. */
typedef struct variational {
    int32_t loss, bound;
    int64_t samples, batch;
    double weight, free_bits, warmup, learning_rate;
    int64_t classes; /* of a label that the decoder is told; 0: none */
    double sparsity; /* weight of a penalty on the decoder's hidden layer; 0: none */
    int64_t threads;
} variational;

static ae_config *variational_config(const variational *v)
{
    ae_config *config;
    must(ae_config_create(&config));
    must(ae_config_input(config, DIM));
    must(ae_config_dense(config, 7, AE_ACT_TANH));
    must(ae_config_dense(config, 2 * CODE_DIM, AE_ACT_LINEAR));
    must(ae_config_gaussian(config));
    must(ae_config_set_i64(config, AE_PARAM_SAMPLES, v->samples));
    must(ae_config_penalty(config, AE_PENALTY_KL, v->weight));
    must(ae_config_set_f64(config, AE_PARAM_FREE_BITS, v->free_bits));
    must(ae_config_set_f64(config, AE_PARAM_WARMUP, v->warmup));
    must(ae_config_code(config));
    if (v->classes) must(ae_config_concat_label(config, v->classes));
    must(ae_config_dense(config, 7, AE_ACT_SIGMOID));
    if (v->sparsity > 0) must(ae_config_penalty(config, AE_PENALTY_KL_SPARSITY, v->sparsity));
    must(ae_config_dense(config, DIM, AE_ACT_SIGMOID));
    must(ae_config_loss(config, v->loss));
    must(ae_config_set_i64(config, AE_PARAM_BOUND, v->bound));
    must(ae_config_set_i64(config, AE_PARAM_BATCH, v->batch));
    must(ae_config_set_i64(config, AE_PARAM_SEED, 11));
    must(ae_config_set_i64(config, AE_PARAM_THREADS, v->threads ? v->threads : 1));
    must(ae_config_set_f64(config, AE_PARAM_LEARNING_RATE, v->learning_rate));
    return config;
}

static ae_model *variational_model(const variational *v)
{
    return model_of(variational_config(v));
}

/* x, and labels where there are some. */
static ae_data *data_of(const float *x, int64_t rows, const uint8_t *labels)
{
    ae_data *data;
    must(ae_data_create(&data));
    must(ae_data_array(data, AE_DATA_X, AE_TYPE_F32, x, rows, DIM));
    if (labels) must(ae_data_array(data, AE_DATA_SIDE, AE_TYPE_U8, labels, rows, 1));
    return data;
}

/* ---- sums ---- */

static const variational kinds[] = {
    {AE_LOSS_BERNOULLI_NLL, AE_BOUND_ELBO, 1, 16, 1, .learning_rate = 0.01},
    {AE_LOSS_MSE, AE_BOUND_ELBO, 3, 16, 0.25, .learning_rate = 0.01, .sparsity = 0.5},
    {AE_LOSS_GAUSSIAN_NLL, AE_BOUND_IMPORTANCE, 3, 16, 1, .learning_rate = 0.01},
    {AE_LOSS_BCE, AE_BOUND_ELBO, 2, 7, 0.125, .learning_rate = 0.01, .classes = 4},
    {AE_LOSS_BERNOULLI_NLL, AE_BOUND_ELBO, 1, 16, 1, 0.1, 3, .learning_rate = 0.01, .classes = 4},
    {AE_LOSS_BERNOULLI_NLL, AE_BOUND_IMPORTANCE, 2, 16, 1, .learning_rate = 0.01, .classes = 4},
};

enum { KINDS = sizeof kinds / sizeof *kinds };

/* Drawn examples with labels, where the kind takes them. */
typedef struct labelled {
    float *x;
    uint8_t *labels;
    ae_data *data;
} labelled;

static labelled labelled_for(const variational *v)
{
    labelled l = {.labels = malloc(EXAMPLES)};
    draw_state = 1;
    assert_non_null(l.labels);
    l.x = drawn(EXAMPLES * DIM);
    for (size_t i = 0; i < EXAMPLES; i++) l.labels[i] = (uint8_t)(draw_bits() >> 62);
    l.data = data_of(l.x, EXAMPLES, v->classes ? l.labels : NULL);
    return l;
}

static void labelled_free(labelled *l)
{
    ae_data_free(l->data);
    free(l->labels);
    free(l->x);
}

/* But for the importance-weighted bound, which is no mean. */
static void loss_is_the_weighted_sum_of_its_terms(void **state)
{
    (void)state;
    for (size_t i = 0; i < KINDS; i++) {
        const variational *v = &kinds[i];
        labelled l = labelled_for(v);
        ae_model *model = variational_model(v);
        double terms[3], loss, sum;
        must(ae_evaluate_terms(model, l.data, terms, 3));
        must(ae_evaluate_data(model, l.data, &loss));
        sum = v->weight * terms[0];
        if (v->sparsity > 0) sum += v->sparsity * terms[1];
        sum += terms[ae_model_terms(model) - 1];
        if (v->bound == AE_BOUND_ELBO)
            assert_near(loss, sum, 1e-12 * fabs(sum));
        else
            assert_true(loss < sum); /* Jensen's inequality, of the same draws */
        ae_model_free(model);
        labelled_free(&l);
    }
}

static int32_t check_event(const ae_event *event, void *user)
{
    const variational *v = user;
    double sum = v->weight * event->terms[0] + event->terms[event->n_terms - 1];
    if (v->sparsity > 0) sum += v->sparsity * event->terms[1];
    if (v->bound == AE_BOUND_ELBO && v->warmup == 0)
        assert_near(event->loss, sum, 1e-12 * fabs(sum));
    assert_true((event->val_terms == NULL) == (event->kind == AE_EVENT_BATCH));
    return 0;
}

static void history_of_terms_adds_up_to_the_losses(void **state)
{
    (void)state;
    for (size_t i = 0; i < KINDS; i++) {
        const variational *v = &kinds[i];
        labelled l = labelled_for(v);
        ae_model *model = variational_model(v);
        ae_fit_options *options = options_to(4);
        const int32_t last = ae_model_terms(model) - 1;
        double terms[3];
        must(ae_fit_options_validation_data(options, l.data));
        must(ae_fit_options_progress(options, check_event, (void *)v));
        must(ae_fit_data(model, l.data, options));
        must(ae_evaluate_terms(model, l.data, terms, 3));
        double *loss[2] = {history_of(model, AE_METRIC_LOSS),
                           history_of(model, AE_METRIC_VAL_LOSS)};
        for (int32_t val = 0; val < 2; val++) {
            const int32_t base = val ? AE_METRIC_VAL_TERM : AE_METRIC_TERM;
            double *kl = history_of(model, base), *nll = history_of(model, base + last);
            double *between = history_of(model, base + last - 1);
            for (size_t e = 0; e < 4; e++) {
                double sum = v->weight * kl[e] + nll[e];
                if (v->sparsity > 0) sum += v->sparsity * between[e];
                if (v->bound == AE_BOUND_ELBO && (val || v->warmup == 0))
                    assert_near(loss[val][e], sum, 1e-12 * fabs(sum));
            }
            if (val) {
                assert_true(kl[3] == terms[0] && nll[3] == terms[last]);
            }
            free(kl);
            free(nll);
            free(between);
        }
        free(loss[0]);
        free(loss[1]);
        ae_fit_options_free(options);
        ae_model_free(model);
        labelled_free(&l);
    }
}

/* ---- warm-up and free bits ---- */

/* One step an epoch: the e-th, from 0, has e / warmup of the weight. */
static void warmup_raises_the_weight_step_by_step(void **state)
{
    const variational v = {AE_LOSS_BERNOULLI_NLL, AE_BOUND_ELBO, 1, EXAMPLES, 2, .warmup = 4};
    float *x = drawn(EXAMPLES * DIM);
    ae_model *model = variational_model(&v);
    (void)state;
    train_to(model, x, EXAMPLES, 6);
    double *loss = history_of(model, AE_METRIC_LOSS), *kl = history_of(model, AE_METRIC_TERM);
    double *nll = history_of(model, AE_METRIC_TERM + 1);
    for (int e = 0; e < 6; e++)
        assert_near(loss[e], nll[e] + 2 * fmin(1, e / 4.0) * kl[e], 1e-12 * loss[e]);
    free(loss);
    free(kl);
    free(nll);
    ae_model_free(model);
    free(x);
}

/* Half an epoch is half a step of the warm-up: of two steps with learning rate 0 the second has 1/8. */
static void warmup_counts_parts_of_epochs(void **state)
{
    const variational v = {AE_LOSS_BERNOULLI_NLL, AE_BOUND_ELBO, 1, EXAMPLES / 2, 2, .warmup = 4};
    float *x = drawn(EXAMPLES * DIM);
    ae_model *model = variational_model(&v);
    (void)state;
    must(ae_model_set_i64(model, AE_PARAM_SHUFFLE, AE_SHUFFLE_NONE));
    memcpy(x + EXAMPLES / 2 * DIM, x, EXAMPLES / 2 * DIM * sizeof *x); /* the KL term draws not */
    train_to(model, x, EXAMPLES, 1);
    const double kl = last_of(model, AE_METRIC_TERM);
    assert_near(last_of(model, AE_METRIC_LOSS),
                last_of(model, AE_METRIC_TERM + 1) + 2 * (0 + 1 / 8.0) / 2 * kl, 1e-9);
    ae_model_free(model);
    free(x);
}

/* A posterior that is the prior costs its free bits in training, and nothing afterwards. */
static void free_bits_are_the_least_that_training_counts(void **state)
{
    const variational v = {AE_LOSS_BERNOULLI_NLL, AE_BOUND_ELBO, 2, EXAMPLES, 1, .free_bits = 0.5};
    float *x = drawn(EXAMPLES * DIM), zeros[7 * 2 * CODE_DIM] = {0};
    ae_model *model = variational_model(&v);
    ae_data *data = data_of(x, EXAMPLES, NULL);
    double terms[2];
    (void)state;
    must(ae_model_weights_set(model, 1, "kernel", zeros, 7 * 2 * CODE_DIM));
    train_to(model, x, EXAMPLES, 1);
    assert_near(last_of(model, AE_METRIC_TERM), CODE_DIM * 0.5, 1e-12);
    must(ae_evaluate_terms(model, data, terms, 2));
    assert_true(terms[0] == 0);
    ae_data_free(data);
    ae_model_free(model);
    free(x);
}

/* ---- active units ---- */

static void heavy_divergence_collapses_the_code_with_a_warning(void **state)
{
    const double weights[] = {0.001, 1000};
    float *x = drawn(EXAMPLES * DIM);
    (void)state;
    for (size_t i = 0; i < 2; i++) {
        const variational v = {AE_LOSS_BERNOULLI_NLL, AE_BOUND_ELBO, 1, EXAMPLES, weights[i],
                               .learning_rate = 0.02};
        ae_model *model = variational_model(&v);
        train_to(model, x, EXAMPLES, 300);
        assert_true((last_of(model, AE_METRIC_ACTIVE_UNITS) == 0) == (i == 1));
        assert_true(last_of(model, AE_METRIC_WARNINGS) == (i == 1 ? AE_WARNING_COLLAPSE : 0));
        ae_model_free(model);
    }
    free(x);
}

/* By variances of the mean computed here; nothing moves. */
static void active_units_are_those_whose_mean_varies(void **state)
{
    const variational v = {AE_LOSS_BERNOULLI_NLL, AE_BOUND_ELBO, 3, 16, 1, .learning_rate = 0};
    float *x = drawn(EXAMPLES * DIM), code[EXAMPLES * CODE_DIM], bias[2 * CODE_DIM] = {0},
          kernel[7 * 2 * CODE_DIM];
    ae_model *model = variational_model(&v);
    (void)state;
    must(ae_model_weights_get(model, 1, "kernel", kernel, 7 * 2 * CODE_DIM));
    for (size_t i = 0; i < 7; i++) kernel[i * 2 * CODE_DIM + 1] = 0; /* one that does not vary */
    bias[1] = 5;
    must(ae_model_weights_set(model, 1, "kernel", kernel, 7 * 2 * CODE_DIM));
    must(ae_model_weights_set(model, 1, "bias", bias, 2 * CODE_DIM));
    train_to(model, x, EXAMPLES, 1);
    must(ae_encode(model, x, EXAMPLES, code, EXAMPLES * CODE_DIM));
    int active = 0;
    for (size_t j = 0; j < CODE_DIM; j++) {
        double sum = 0, squares = 0;
        for (size_t i = 0; i < EXAMPLES; i++) {
            const double m = (double)code[i * CODE_DIM + j];
            sum += m / EXAMPLES;
            squares += m * m / EXAMPLES;
        }
        active += squares - sum * sum > 0.01;
    }
    assert_in_range(active, 1, CODE_DIM - 1);
    assert_true(last_of(model, AE_METRIC_ACTIVE_UNITS) == active);
    ae_model_free(model);
    free(x);
}

/* Nor have those whose drawn code no penalty holds to the prior. */
static void models_without_a_drawn_code_have_no_units(void **state)
{
    float *x = drawn(EXAMPLES * DIM);
    ae_config *config;
    (void)state;
    must(ae_config_create(&config));
    must(ae_config_input(config, DIM));
    must(ae_config_dense(config, 2 * CODE_DIM, AE_ACT_LINEAR));
    must(ae_config_gaussian(config));
    must(ae_config_code(config));
    must(ae_config_dense(config, DIM, AE_ACT_LINEAR));
    must(ae_config_loss(config, AE_LOSS_MSE));
    ae_model *models[] = {small_model(), model_of(config)};
    must(fit_epochs(models[0], 1));
    train_to(models[1], x, EXAMPLES, 1);
    for (int i = 0; i < 2; i++) {
        assert_true(isnan(last_of(models[i], AE_METRIC_ACTIVE_UNITS)));
        assert_true(last_of(models[i], AE_METRIC_WARNINGS) == 0);
        ae_model_free(models[i]);
    }
    free(x);
}

/* ---- interruptions ---- */

/* Cancels at the steps of a bit pattern. */
typedef struct canceller {
    int step, every;
} canceller;

static int32_t cancel_now_and_then(const ae_event *event, void *user)
{
    canceller *c = user;
    return event->kind == AE_EVENT_BATCH && ++c->step % c->every == 0;
}

/* Trained to 5 epochs, cancelled, saved and loaded every few steps. */
static ae_model *interrupted(const variational *v, const ae_data *data, int every)
{
    ae_model *model = variational_model(v);
    ae_fit_options *options = options_to(5);
    canceller c = {0, every};
    must(ae_fit_options_progress(options, cancel_now_and_then, &c));
    for (;;) {
        int32_t status = ae_fit_data(model, data, options);
        model = reloaded(model);
        if (status == AE_OK) break;
        assert_int_equal(status, AE_ERR_CANCELLED);
    }
    ae_fit_options_free(options);
    return model;
}

static void interrupted_training_ends_with_the_same_bytes(void **state)
{
    (void)state;
    for (size_t i = 0; i < KINDS; i++) {
        labelled l = labelled_for(&kinds[i]);
        ae_model *want = variational_model(&kinds[i]);
        ae_fit_options *options = options_to(5);
        must(ae_fit_data(want, l.data, options));
        for (int every = 1; every < 4; every++) {
            ae_model *got = interrupted(&kinds[i], l.data, every);
            if (!same_models(got, want)) fail_msg("kind %zu, every %d", i, every);
            ae_model_free(got);
        }
        ae_fit_options_free(options);
        ae_model_free(want);
        labelled_free(&l);
    }
}

static void threads_change_no_byte(void **state)
{
    (void)state;
    for (size_t i = 0; i < KINDS; i++) {
        labelled l = labelled_for(&kinds[i]);
        ae_fit_options *options = options_to(3);
        ae_model *want = variational_model(&kinds[i]);
        must(ae_fit_data(want, l.data, options));
        for (int64_t threads = 2; threads <= 4; threads++) {
            variational v = kinds[i];
            v.threads = threads;
            ae_model *got = variational_model(&v);
            must(ae_fit_data(got, l.data, options));
            assert_true(same_models(got, want));
            ae_model_free(got);
        }
        ae_fit_options_free(options);
        ae_model_free(want);
        labelled_free(&l);
    }
}

/* Draws belong to rows: how many make a step changes only the order of the sum. */
static void draws_do_not_know_the_batch(void **state)
{
    const int64_t batches[] = {1, 7, EXAMPLES};
    float *x = drawn(EXAMPLES * DIM);
    double want[3];
    (void)state;
    for (size_t b = 0; b < 3; b++) {
        const variational v = {AE_LOSS_BERNOULLI_NLL, AE_BOUND_ELBO, 3, batches[b], 1};
        ae_model *model = variational_model(&v);
        train_to(model, x, EXAMPLES, 3);
        double *loss = history_of(model, AE_METRIC_LOSS);
        for (size_t e = 0; e < 3; e++) {
            if (b == 0) want[e] = loss[e];
            assert_near(loss[e], want[e], 1e-12 * want[e]);
        }
        assert_true(loss[0] != loss[1] && loss[1] != loss[2]); /* each epoch draws anew */
        free(loss);
        ae_model_free(model);
    }
    free(x);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(loss_is_the_weighted_sum_of_its_terms),
        cmocka_unit_test(history_of_terms_adds_up_to_the_losses),
        cmocka_unit_test(warmup_raises_the_weight_step_by_step),
        cmocka_unit_test(warmup_counts_parts_of_epochs),
        cmocka_unit_test(free_bits_are_the_least_that_training_counts),
        cmocka_unit_test(heavy_divergence_collapses_the_code_with_a_warning),
        cmocka_unit_test(active_units_are_those_whose_mean_varies),
        cmocka_unit_test(models_without_a_drawn_code_have_no_units),
        cmocka_unit_test(interrupted_training_ends_with_the_same_bytes),
        cmocka_unit_test(threads_change_no_byte),
        cmocka_unit_test(draws_do_not_know_the_batch),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
