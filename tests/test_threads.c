/* Threads, and the levels of the kernels: the first change no bit, the second only roundings. */
#include "test_fit.h"

#include <pthread.h>
#include <sys/wait.h>
#include <unistd.h>

/* One task and many, odd sizes, whole products cut by columns (784 x 128), every way of stepping. */
static const recipe recipes[] = {
    {{5, 3, 5}, 7, AE_ACT_TANH, AE_ACT_SIGMOID, AE_LOSS_BCE, AE_OPTIM_ADAM},
    {{33, 17, 9, 17, 33}, 50, AE_ACT_LEAKY_RELU, AE_ACT_LINEAR, AE_LOSS_MSE, AE_OPTIM_SGD},
    {{101, 67, 101}, 64, AE_ACT_TANH, AE_ACT_SIGMOID, AE_LOSS_BCE, AE_OPTIM_ADAMW, .tied = true},
    {{256, 130, 256}, 33, AE_ACT_RELU, AE_ACT_SIGMOID, AE_LOSS_MSE, AE_OPTIM_ADAM, .clip = 0.01},
    {{101, 67, 40, 101}, 64, AE_ACT_GELU, AE_ACT_SILU, AE_LOSS_MSE, AE_OPTIM_ADAM},
    {{784, 128, 784}, 100, AE_ACT_RELU, AE_ACT_SIGMOID, AE_LOSS_BCE, AE_OPTIM_ADAM},
};
enum { RECIPES = sizeof recipes / sizeof *recipes, N = 150, EPOCHS = 2 };

/* What a model has become, and what it makes of its rows. */
typedef struct outcome {
    image model;
    float *code;
    size_t code_bytes;
    double loss;
} outcome;

static void outcome_free(outcome *o)
{
    free(o->model.bytes);
    free(o->code);
}

/* No assertions: any thread may call it. NULL bytes where something failed. */
static outcome outcome_of(ae_model *model, const float *x)
{
    size_t code = N * (size_t)ae_model_code_dim(model);
    outcome o = {.code = malloc(code * sizeof(float)), .code_bytes = code * sizeof(float)};
    bool good = ae_encode(model, x, N, o.code, code) == AE_OK &&
                ae_evaluate(model, x, NULL, N, &o.loss) == AE_OK &&
                ae_model_save_memory(model, NULL, 0, &o.model.count) == AE_OK &&
                (o.model.bytes = malloc(o.model.count)) != NULL &&
                ae_model_save_memory(model, o.model.bytes, o.model.count, NULL) == AE_OK;
    if (!good) o.model.count = 0;
    return o;
}

static bool same_outcomes(const outcome *a, const outcome *b)
{
    return a->model.count && a->model.count == b->model.count &&
           memcmp(a->model.bytes, b->model.bytes, a->model.count) == 0 &&
           memcmp(a->code, b->code, a->code_bytes) == 0 && a->loss == b->loss;
}

/* A model trained with so many threads of its own, and then of the fit's (0: the model's). */
static outcome train(const recipe *r, const float *x, int64_t model_threads, int64_t fit_threads)
{
    ae_config *config = recipe_config(r, NULL);
    ae_fit_options *options = options_to(EPOCHS);
    must(ae_config_set_i64(config, AE_PARAM_THREADS, model_threads));
    must(ae_fit_options_set_i64(options, AE_FIT_THREADS, fit_threads));
    must(ae_fit_options_validation(options, x, NULL, N / 2));
    ae_model *model = model_of(config);
    must(ae_fit(model, x, NULL, N, options));
    outcome o = outcome_of(model, x);
    ae_fit_options_free(options);
    ae_model_free(model);
    return o;
}

static void threads_change_no_bit(void **state)
{
    (void)state;
    for (const recipe *r = recipes; r < recipes + RECIPES; r++) {
        float *x = drawn(N * r->dims[0]);
        outcome one = train(r, x, 1, 0);
        for (int64_t threads = 2; threads <= 4; threads++) {
            outcome of_model = train(r, x, threads, 0), of_fit = train(r, x, 1, threads);
            assert_true(same_outcomes(&of_model, &one));
            assert_true(same_outcomes(&of_fit, &one));
            outcome_free(&of_model);
            outcome_free(&of_fit);
        }
        outcome_free(&one);
        free(x);
    }
}

/* ---- draws ---- */

enum { WIDE = 37, CODE_DIM = 9, CLASSES = 5, SAMPLES = 3, CODES = N * SAMPLES * CODE_DIM };

/* A drawn code, told a class, with a penalty on a hidden layer or on the bound of importance. */
static ae_model *drawn_model(int64_t bound, int64_t variance_kind, int64_t threads)
{
    ae_config *config;
    must(ae_config_create(&config));
    must(ae_config_set_i64(config, AE_PARAM_BOUND, bound));
    must(ae_config_set_i64(config, AE_PARAM_BATCH, 50));
    must(ae_config_set_i64(config, AE_PARAM_THREADS, threads));
    must(ae_config_input(config, WIDE));
    must(ae_config_concat_label(config, CLASSES));
    must(ae_config_dense(config, 70, AE_ACT_SIGMOID));
    if (bound == AE_BOUND_ELBO) must(ae_config_penalty(config, AE_PENALTY_KL_SPARSITY, 0.5));
    must(ae_config_dense(config, 2 * CODE_DIM, AE_ACT_LINEAR));
    must(ae_config_gaussian(config));
    must(ae_config_set_i64(config, AE_PARAM_SAMPLES, SAMPLES));
    must(ae_config_penalty(config, AE_PENALTY_KL, 1));
    must(ae_config_code(config));
    must(ae_config_concat_label(config, CLASSES));
    must(ae_config_dense(config, WIDE, AE_ACT_TANH));
    must(ae_config_loss(config, AE_LOSS_GAUSSIAN_NLL));
    must(ae_config_set_i64(config, AE_PARAM_VARIANCE_KIND, variance_kind));
    return model_of(config);
}

/* What a model has become, and what is drawn from it. */
typedef struct drawing {
    image model;
    float mean[N * CODE_DIM], log_variance[N * CODE_DIM], codes[CODES], out[N * WIDE];
    double terms[3], kl[CODE_DIM], variance[CODE_DIM], likelihood[N];
} drawing;

static void draw_all(drawing *d, const ae_data *data, int64_t bound, int64_t kind, int64_t threads)
{
    ae_model *model = drawn_model(bound, kind, threads);
    ae_fit_options *options = options_to(EPOCHS);
    memset(d, 0, sizeof *d);
    must(ae_fit_options_validation_data(options, data));
    must(ae_fit_data(model, data, options));
    d->model = image_of(model);
    must(ae_posterior_data(model, data, d->mean, d->log_variance, N * CODE_DIM));
    must(ae_posterior_sample_data(model, data, SAMPLES, 7, d->codes, CODES));
    must(ae_sample_data(model, data, 7, d->out, N * WIDE));
    must(ae_evaluate_terms(model, data, d->terms, 3));
    must(ae_diagnose_data(model, data, d->kl, d->variance, CODE_DIM));
    must(ae_log_likelihood_data(model, data, 10, 7, d->likelihood, N));
    ae_fit_options_free(options);
    ae_model_free(model);
}

static void threads_change_no_bit_of_what_is_drawn(void **state)
{
    static const int64_t bounds[] = {AE_BOUND_ELBO, AE_BOUND_IMPORTANCE};
    static drawing one, many;
    float *x = drawn(N * WIDE), labels[N];
    ae_data *data;
    (void)state;
    for (int i = 0; i < N; i++) labels[i] = (float)(i * 7 % CLASSES);
    must(ae_data_create(&data));
    must(ae_data_array(data, AE_DATA_X, AE_TYPE_F32, x, N, WIDE));
    must(ae_data_array(data, AE_DATA_SIDE, AE_TYPE_F32, labels, N, 1));
    for (int i = 0; i < 2; i++) {
        for (int64_t kind = AE_VARIANCE_FIXED; kind <= AE_VARIANCE_FEATURE; kind++) {
            draw_all(&one, data, bounds[i], kind, 1);
            for (int64_t threads = 2; threads <= 4; threads++) {
                draw_all(&many, data, bounds[i], kind, threads);
                assert_int_equal(many.model.count, one.model.count);
                assert_memory_equal(many.model.bytes, one.model.bytes, one.model.count);
                free(many.model.bytes);
                many.model = one.model;
                assert_memory_equal(&many, &one, sizeof one);
            }
            free(one.model.bytes);
        }
    }
    ae_data_free(data);
    free(x);
}

/* 3 threads, then 2, then 1. */
static void threads_may_change_between_fits(void **state)
{
    const recipe *r = &recipes[2];
    float *x = drawn(N * r->dims[0]);
    ae_model *model = recipe_model(r), *want = recipe_model(r);
    (void)state;
    for (int64_t epoch = 1; epoch <= 3; epoch++) {
        must(ae_model_set_i64(model, AE_PARAM_THREADS, 4 - epoch));
        train_to(model, x, N, epoch);
        train_to(want, x, N, epoch);
    }
    assert_true(same_models(model, want));
    ae_model_free(model);
    ae_model_free(want);
    free(x);
}

/* ---- many handles at once ---- */

enum { HOSTS = 4 };

typedef struct host {
    pthread_t thread;
    ae_model *model;
    ae_fit_options *options;
    const float *x;
    outcome outcome;
} host;

static void *run_host(void *arg)
{
    host *h = arg;
    h->outcome = (outcome){.code = NULL};
    if (ae_fit(h->model, h->x, NULL, N, h->options) == AE_OK)
        h->outcome = outcome_of(h->model, h->x);
    return NULL;
}

static void many_handles_train_at_once(void **state)
{
    const recipe *r = &recipes[3];
    float *x = drawn(N * r->dims[0]);
    outcome want = train(r, x, 1, 0);
    host hosts[HOSTS];
    (void)state;
    for (int i = 0; i < HOSTS; i++) {
        hosts[i] = (host){.model = recipe_model(r), .options = options_to(EPOCHS), .x = x};
        must(ae_fit_options_set_i64(hosts[i].options, AE_FIT_THREADS, 1 + i % 2));
        must(ae_fit_options_validation(hosts[i].options, x, NULL, N / 2));
    }
    for (int i = 0; i < HOSTS; i++)
        assert_int_equal(pthread_create(&hosts[i].thread, NULL, run_host, &hosts[i]), 0);
    for (int i = 0; i < HOSTS; i++) pthread_join(hosts[i].thread, NULL);
    for (int i = 0; i < HOSTS; i++) {
        assert_true(same_outcomes(&hosts[i].outcome, &want));
        outcome_free(&hosts[i].outcome);
        ae_fit_options_free(hosts[i].options);
        ae_model_free(hosts[i].model);
    }
    outcome_free(&want);
    free(x);
}

/* ---- the kernels ---- */

/* A level sums in another order, with other roundings: a few parts in 1e9 of the loss were measured. */
static void every_level_learns_alike(void **state)
{
    (void)state;
    for (const recipe *r = recipes; r < recipes + RECIPES; r++) {
        float *x = drawn(N * r->dims[0]);
        outcome best = train(r, x, 1, 0);
        for (int64_t level = AE_CPU_PORTABLE; level <= AE_CPU_NEON; level++) {
            ae_model *model = recipe_model(r);
            double loss = best.loss;
            if (ae_model_set_i64(model, AE_PARAM_CPU, level) == AE_OK) {
                train_to(model, x, N, EPOCHS);
                must(ae_evaluate(model, x, NULL, N, &loss));
            }
            assert_true(fabs(loss - best.loss) <= 1e-7 * best.loss);
            ae_model_free(model);
        }
        outcome_free(&best);
        free(x);
    }
}

/* ---- fork ---- */

static int status_of_child(pid_t child)
{
    int status;
    assert_true(child > 0);
    assert_int_equal(waitpid(child, &status, 0), child);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static void child_of_a_model_with_threads_is_refused_and_may_free(void **state)
{
    const recipe *r = &recipes[0];
    float *x = drawn(N * r->dims[0]), *code = drawn(N * r->dims[1]);
    const size_t cap = (size_t)(N * r->dims[1]);
    ae_model *model = recipe_model(r);
    (void)state;
    must(ae_model_set_i64(model, AE_PARAM_THREADS, 2));
    train_to(model, x, N, 1);
    pid_t child = fork();
    if (child == 0) {
        bool refused = ae_encode(model, x, N, code, cap) == AE_ERR_STATE &&
                       ae_fit(model, x, NULL, N, NULL) == AE_ERR_STATE;
        ae_model_free(model);
        free(code);
        free(x);
        _exit(refused ? 0 : 1);
    }
    assert_int_equal(status_of_child(child), 0);
    must(ae_encode(model, x, N, code, cap));
    ae_model_free(model);
    free(code);
    free(x);
}

/* The child returns from the callback into a fit whose workers stayed in the parent. */
static int32_t fork_once(const ae_event *event, void *user)
{
    pid_t *child = user;
    if (event->kind == AE_EVENT_BATCH && *child < 0) *child = fork();
    return 0;
}

static void child_forked_in_a_callback_is_refused(void **state)
{
    const recipe *r = &recipes[0];
    float *x = drawn(N * r->dims[0]);
    (void)state;
    for (int round = 0; round < 20; round++) {
        pid_t child = -1;
        ae_model *model = recipe_model(r);
        ae_fit_options *options = options_to(2);
        must(ae_fit_options_set_i64(options, AE_FIT_THREADS, 3));
        must(ae_fit_options_progress(options, fork_once, &child));
        int32_t status = ae_fit(model, x, NULL, N, options);
        ae_fit_options_free(options);
        ae_model_free(model);
        if (child == 0) {
            free(x);
            _exit(status == AE_ERR_STATE ? 0 : 1);
        }
        assert_int_equal(status, AE_OK);
        assert_int_equal(status_of_child(child), 0);
    }
    free(x);
}

static void child_of_a_model_without_threads_goes_on(void **state)
{
    const recipe *r = &recipes[0];
    float *x = drawn(N * r->dims[0]);
    ae_model *model = recipe_model(r);
    (void)state;
    train_to(model, x, N, 1);
    pid_t child = fork();
    if (child == 0) {
        ae_fit_options *options;
        bool good = ae_fit_options_create(&options) == AE_OK &&
                    ae_fit_options_set_i64(options, AE_FIT_EPOCHS, 2) == AE_OK &&
                    ae_fit(model, x, NULL, N, options) == AE_OK && ae_model_epochs(model) == 2;
        ae_fit_options_free(options); /* a checker of memory looks at the child, too */
        ae_model_free(model);
        free(x);
        _exit(good ? 0 : 1);
    }
    assert_int_equal(status_of_child(child), 0);
    ae_model_free(model);
    free(x);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(threads_change_no_bit),
        cmocka_unit_test(threads_change_no_bit_of_what_is_drawn),
        cmocka_unit_test(threads_may_change_between_fits),
        cmocka_unit_test(many_handles_train_at_once),
        cmocka_unit_test(every_level_learns_alike),
        cmocka_unit_test(child_of_a_model_with_threads_is_refused_and_may_free),
        cmocka_unit_test(child_forked_in_a_callback_is_refused),
        cmocka_unit_test(child_of_a_model_without_threads_goes_on),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
