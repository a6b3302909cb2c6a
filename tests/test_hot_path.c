/* What runs often allocates nothing. */
#include "test_hot_path.h"

#include <unistd.h>

/* A heap that has nothing to give, once it is watched. */
static const heap empty = {.fails_at = 1, .for_good = true};

static void use_drawn(ae_model *model)
{
    enum { CODES = N * SAMPLES * CODE_DIM };
    float out[N * DIM], codes[2][CODES];
    double values[N], more[N];
    ae_data *data = told(DIM), *code = told(CODE_DIM);
    must(ae_encode_data(model, data, codes[0], CODES));
    must(ae_decode_data(model, code, out, N * DIM));
    must(ae_reconstruct_data(model, data, out, N * DIM));
    must(ae_score_data(model, data, out, N));
    must(ae_evaluate_terms(model, data, values, 3));
    must(ae_posterior_data(model, data, codes[0], codes[1], CODES));
    must(ae_posterior_sample_data(model, data, SAMPLES, 5, codes[0], CODES));
    must(ae_sample_data(model, data, 5, out, N * DIM));
    must(ae_diagnose_data(model, data, values, more, N));
    ae_data_free(data);
    ae_data_free(code);
}

/* Those that no model with a side takes, or that want one loss. */
static void use_plain_drawn(ae_model *model)
{
    float out[N * DIM], codes[2][N * CODE_DIM];
    double values[N], more[N];
    must(ae_posterior(model, x, N, codes[0], codes[1], N * CODE_DIM));
    must(ae_posterior_sample(model, x, N, 1, 5, codes[0], N * CODE_DIM));
    must(ae_sample(model, N, 5, out, N * DIM));
    must(ae_interpolate(model, x, x + 1, N, out, N * DIM));
    must(ae_log_likelihood(model, x, N, 9, 5, values, N));
    must(ae_diagnose(model, x, N, values, more, N));
}

static ae_model *plain_drawn_on(heap *h)
{
    ae_allocator allocator = allocator_of(h);
    ae_config *config;
    must(ae_config_create_with(&config, &allocator));
    must(ae_preset_variational(config, DIM, 5, CODE_DIM, AE_LOSS_BERNOULLI_NLL));
    return model_of(config);
}

typedef struct usage {
    ae_model *(*make)(heap *);
    void (*use)(ae_model *);
} usage;

static void use_watched(const usage *u)
{
    heap h = empty;
    ae_model *model = u->make(&h);
    for (int64_t threads = 1; threads <= 2; threads++) {
        h.watched = false;
        must(ae_model_set_i64(model, AE_PARAM_THREADS, threads));
        h.watched = true;
        u->use(model);
    }
    assert_int_equal(h.calls, 0);
    ae_model_free(model);
    assert_int_equal(h.live, 0);
}

static void drawing_from_a_model_allocates_nothing(void **state)
{
    static const usage usages[] = {{drawn_on, use_drawn}, {plain_drawn_on, use_plain_drawn}};
    (void)state;
    for (int i = 0; i < 2; i++) use_watched(&usages[i]);
}

static void using_a_model_allocates_nothing(void **state)
{
    static const usage usages[] = {{model_on, use}, {scaled_on, use}};
    (void)state;
    for (int i = 0; i < 2; i++) use_watched(&usages[i]);
}

static void looking_and_saving_allocate_nothing(void **state)
{
    heap h = empty;
    ae_model *model = model_on(&h);
    char text[4096];
    (void)state;
    train_to(model, x, N, 2);
    h.watched = true;
    free(image_of(model).bytes);
    free(weights_of(model));
    must(ae_model_save(model, "test_hot_path.aem"));
    must(ae_model_summary(model, text, sizeof text, NULL));
    must(ae_model_set_f64(model, AE_PARAM_LEARNING_RATE, 0.5));
    must(ae_model_strip(model));
    assert_int_equal(h.calls, 0);
    ae_model_free(model);
    assert_int_equal(h.live, 0);
    assert_int_equal(unlink("test_hot_path.aem"), 0);
}

static int32_t watch(const ae_event *event, void *user)
{
    (void)event;
    ((heap *)user)->watched = true;
    return 0;
}

static void steps_and_epochs_allocate_nothing(void **state)
{
    (void)state;
    for (int64_t way = 0; way < 4; way++) {
        heap h = empty;
        const int64_t threads = 1 + way % 2;
        ae_model *model = model_on(&h);
        ae_data *data = data_that_are_read(NULL);
        ae_fit_options *options = options_to(5);
        must(ae_fit_options_set_i64(options, AE_FIT_THREADS, threads));
        must(ae_model_set_i64(model, AE_PARAM_ACCUMULATE, threads));
        must(ae_fit_options_set_i64(options, AE_FIT_PATIENCE, 2));
        must(ae_fit_options_checkpoint(options, "test_hot_path.aem", 0, 1, 0));
        must(ae_fit_options_validation(options, x, NULL, N));
        must(ae_fit_options_progress(options, watch, &h)); /* from the first step on */
        must(way < 2 ? ae_fit(model, x, NULL, N, options) : ae_fit_data(model, data, options));
        assert_true(h.watched);
        assert_int_equal(h.calls, 0);
        assert_int_equal(unlink("test_hot_path.aem"), 0);
        ae_data_free(data);
        ae_fit_options_free(options);
        ae_model_free(model);
        assert_int_equal(h.live, 0);
    }
}

static void steps_on_samples_allocate_nothing(void **state)
{
    (void)state;
    for (int64_t threads = 1; threads <= 2; threads++) {
        heap h = empty;
        ae_model *model = drawn_on(&h);
        ae_fit_options *options = options_to(3);
        ae_data *data = told(DIM);
        must(ae_fit_options_set_i64(options, AE_FIT_THREADS, threads));
        must(ae_fit_options_validation_data(options, data));
        must(ae_fit_options_progress(options, watch, &h));
        must(ae_fit_data(model, data, options));
        assert_true(h.watched);
        assert_int_equal(h.calls, 0);
        ae_data_free(data);
        ae_fit_options_free(options);
        ae_model_free(model);
        assert_int_equal(h.live, 0);
    }
}

static void steps_on_the_rows_of_a_call_allocate_nothing(void **state)
{
    (void)state;
    for (int64_t threads = 1; threads <= 2; threads++) {
        heap h = empty;
        ae_model *model = model_on(&h);
        must(ae_model_set_i64(model, AE_PARAM_THREADS, threads));
        must(ae_fit_batch(model, x, NULL, N, NULL));
        h.watched = true;
        for (int i = 0; i < 500; i++) must(ae_fit_batch(model, x, NULL, 1 + i % N, NULL));
        assert_int_equal(h.calls, 0);
        ae_model_free(model);
        assert_int_equal(h.live, 0);
    }
}

static void images_allocate_nothing_once_they_run(void **state)
{
    (void)state;
    for (size_t i = 0; i < 4 * CHAINS; i++) {
        heap h = empty;
        ae_model *model = images_on(&h, chains[i / 4]);
        float *images = drawn(IMAGES * ae_model_input_dim(model));
        ae_fit_options *options = options_to(3);
        must(ae_model_set_i64(model, AE_PARAM_THREADS, 1 + (int64_t)i % 2));
        must(ae_fit_options_set_i64(options, AE_FIT_THREADS, 1 + (int64_t)i / 2 % 2));
        must(ae_fit_options_validation(options, images, NULL, IMAGES));
        must(ae_fit_options_progress(options, watch, &h));
        must(ae_fit(model, images, NULL, IMAGES, options));
        assert_true(h.watched);
        use_images(model, images);
        h.watched = false;
        must(ae_fit_batch(model, images, NULL, IMAGES, NULL));
        h.watched = true;
        for (int64_t rows = 1; rows <= IMAGES; rows++)
            must(ae_fit_batch(model, images, NULL, rows, NULL));
        assert_int_equal(h.calls, 0);
        ae_fit_options_free(options);
        free(images);
        ae_model_free(model);
        assert_int_equal(h.live, 0);
    }
}

int main(void)
{
#define test(name) cmocka_unit_test_setup(name, draw_x)
    const struct CMUnitTest tests[] = {
        test(using_a_model_allocates_nothing),
        test(drawing_from_a_model_allocates_nothing),
        test(looking_and_saving_allocate_nothing),
        test(steps_and_epochs_allocate_nothing),
        test(steps_on_samples_allocate_nothing),
        test(steps_on_the_rows_of_a_call_allocate_nothing),
        test(images_allocate_nothing_once_they_run),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
