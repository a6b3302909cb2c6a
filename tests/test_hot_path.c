/* Memory: what runs often allocates nothing, and every allocation may fail. */
#include "test_images.h"

#include <stdio.h>
#include <unistd.h>

/* A heap that counts what it gives while it is watched, and refuses from the fails_at-th on. */
typedef struct heap {
    long live; /* blocks, watched or not */
    bool watched;
    long calls;    /* of alloc */
    long fails_at; /* that call alone, or every one from it on */
    bool for_good;
} heap;

static void *heap_alloc(size_t bytes, void *user)
{
    heap *h = user;
    if (h->watched) {
        h->calls++;
        if (h->for_good ? h->calls >= h->fails_at : h->calls == h->fails_at) return NULL;
    }
    h->live++;
    return malloc(bytes);
}

static void heap_release(void *block, void *user)
{
    ((heap *)user)->live--;
    free(block);
}

static ae_allocator allocator_of(heap *h)
{
    return (ae_allocator){sizeof(ae_allocator), heap_alloc, heap_release, h};
}

/* A heap that has nothing to give, once it is watched. */
static const heap empty = {.fails_at = 1, .for_good = true};

static const recipe small = {.dims = {7, 5, 3, 5, 7},
                             .batch = 4,
                             .hidden = AE_ACT_TANH,
                             .last = AE_ACT_SIGMOID,
                             .loss = AE_LOSS_BCE,
                             .optimizer = AE_OPTIM_ADAM};
enum { DIM = 7, CODE_DIM = 3, N = 10 };

static float *x;

static int draw_x(void **state)
{
    (void)state;
    x = drawn(N * DIM);
    return 0;
}

static int free_x(void **state)
{
    (void)state;
    free(x);
    return 0;
}

static ae_model *model_on(heap *h)
{
    ae_allocator allocator = allocator_of(h);
    return model_of(recipe_config(&small, &allocator));
}

/* Both scaled, the target by a scaler of its own once there is a y. */
static ae_model *unfitted_on(heap *h)
{
    ae_allocator allocator = allocator_of(h);
    ae_config *config = recipe_config(&small, &allocator);
    must(ae_config_set_i64(config, AE_PARAM_SCALING_INPUT, AE_SCALING_MIN_MAX));
    must(ae_config_set_i64(config, AE_PARAM_SCALING_TARGET, AE_SCALING_MIN_MAX));
    return model_of(config);
}

static ae_model *scaled_on(heap *h)
{
    ae_model *model = unfitted_on(h);
    must(ae_fit_scaling(model, x, x, N));
    return model;
}

enum { CLASSES = 4, SAMPLES = 2 };

/* 7 and one of 4 classes - 3 drawn (code) and the class - 7, with a variance that is learned, weights of
 * features, and numbers that may be missing. */
static ae_config *drawn_config(const ae_allocator *allocator)
{
    ae_config *config;
    must(ae_config_create_with(&config, allocator));
    must(ae_config_set_i64(config, AE_PARAM_BATCH, 4));
    must(ae_config_input(config, DIM));
    must(ae_config_concat_label(config, CLASSES));
    must(ae_config_dense(config, 5, AE_ACT_SIGMOID));
    must(ae_config_penalty(config, AE_PENALTY_KL_SPARSITY, 0.5));
    must(ae_config_dense(config, 2 * CODE_DIM, AE_ACT_LINEAR));
    must(ae_config_gaussian(config));
    must(ae_config_set_i64(config, AE_PARAM_SAMPLES, SAMPLES));
    must(ae_config_penalty(config, AE_PENALTY_KL, 1));
    must(ae_config_code(config));
    must(ae_config_concat_label(config, CLASSES));
    must(ae_config_dense(config, DIM, AE_ACT_LINEAR));
    must(ae_config_loss(config, AE_LOSS_GAUSSIAN_NLL));
    must(ae_config_set_i64(config, AE_PARAM_VARIANCE_KIND, AE_VARIANCE_FEATURE));
    must(ae_config_set_i64(config, AE_PARAM_FEATURE_WEIGHTS, 1));
    must(ae_config_set_i64(config, AE_PARAM_MISSING, 1));
    return config;
}

static ae_model *drawn_on(heap *h)
{
    ae_allocator allocator = allocator_of(h);
    return model_of(drawn_config(&allocator));
}

/* Rows, or what stands for codes of so many numbers, each with its class, which is its weight, too. */
static ae_data *told(int64_t dim)
{
    static const uint8_t classes[N] = {0, 3, 1, 2, 2, 0, 1, 3, 0, 1};
    ae_data *data;
    must(ae_data_create(&data));
    must(ae_data_array(data, AE_DATA_X, AE_TYPE_F32, x, N, dim));
    must(ae_data_array(data, AE_DATA_SIDE, AE_TYPE_U8, classes, N, 1));
    must(ae_data_array(data, AE_DATA_WEIGHT, AE_TYPE_U8, classes, N, 1));
    return data;
}

/* x, read. */
static int32_t read_x(void *user, int64_t first, int64_t rows, void *out)
{
    (void)user;
    memcpy(out, x + first * DIM, (size_t)rows * DIM * sizeof *x);
    return 0;
}

static ae_data *data_that_are_read(const ae_allocator *allocator)
{
    ae_data *data;
    must(ae_data_create_with(&data, allocator));
    must(ae_data_source(data, AE_DATA_X, AE_TYPE_F32, read_x, NULL, N, DIM, AE_SOURCE_ANY_THREAD));
    return data;
}

/* ---- what allocates nothing ---- */

static void use(ae_model *model)
{
    float out[N * DIM];
    double loss;
    ae_data *data;
    must(ae_data_create(&data));
    must(ae_data_array(data, AE_DATA_X, AE_TYPE_F32, x, N, DIM));
    must(ae_data_scale(data, AE_DATA_X, 0.5, 0.25)); /* so that rows are converted */
    must(ae_encode(model, x, N, out, N * CODE_DIM));
    must(ae_encode_data(model, data, out, N * CODE_DIM));
    must(ae_decode(model, x, N, out, N * DIM));
    must(ae_reconstruct(model, x, N, out, N * DIM));
    must(ae_reconstruct_data(model, data, out, N * DIM));
    must(ae_features(model, 1, x, N, out, N * CODE_DIM));
    must(ae_features_data(model, 1, data, out, N * CODE_DIM));
    must(ae_score(model, x, N, out, N));
    must(ae_score_data(model, data, out, N));
    must(ae_evaluate(model, x, NULL, N, &loss));
    must(ae_evaluate_data(model, data, &loss));
    ae_data_free(data);
    data = data_that_are_read(NULL);
    must(ae_encode_data(model, data, out, N * CODE_DIM));
    must(ae_score_data(model, data, out, N));
    ae_data_free(data);
}

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

/* ---- images ---- */

enum { IMAGES = 50 };

static ae_model *images_on(heap *h, const step *calls)
{
    ae_allocator allocator = allocator_of(h);
    return images_model(calls, &allocator);
}

/* One row, and as many as lie in blocks; the first layer is the widest. */
static void use_images(ae_model *model, const float *images)
{
    const size_t cap = IMAGES * (size_t)ae_model_layer_dim(model, 0);
    float *y = drawn((int64_t)cap);
    double loss;
    for (int64_t rows = 1; rows <= IMAGES; rows += IMAGES - 1) {
        must(ae_encode(model, images, rows, y, cap));
        must(ae_reconstruct(model, images, rows, y, cap));
        must(ae_features(model, 0, images, rows, y, cap));
        must(ae_evaluate(model, images, NULL, rows, &loss));
    }
    free(y);
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

/* ---- memory that runs out ---- */

/* Uses the heap, watched where failures are wanted, and gives all back: the status of what failed. */
typedef int32_t scenario(heap *h);

/* Lets the first allocation fail, then the second, and so on until there are no more: each alone,
 * and with all that follow. */
static void fail_everywhere(scenario *run)
{
    for (int for_good = 0; for_good <= 1; for_good++) {
        heap h;
        int32_t status;
        long at = 1;
        do {
            h = (heap){.fails_at = at, .for_good = for_good};
            status = run(&h);
            assert_int_equal(status, h.calls >= at ? AE_ERR_NOMEM : AE_OK);
            assert_int_equal(h.live, 0);
        } while (++at < 1000 && status != AE_OK);
        assert_int_equal(status, AE_OK);
        assert_true(h.calls > 0);
    }
}

/* Calls on after a failure, as those do who check the last call only. */
static int32_t create(heap *h)
{
    ae_allocator allocator = allocator_of(h);
    ae_config *config;
    ae_model *model;
    h->watched = true;
    int32_t status = ae_config_create_with(&config, &allocator);
    if (status != AE_OK) {
        assert_null(config);
        return status;
    }
    ae_config_input(config, DIM);
    ae_config_set_i64(config, AE_PARAM_THREADS, 3);
    for (int i = 0; i < 20; i++) ae_config_dense(config, DIM, AE_ACT_SIGMOID);
    ae_config_code(config);
    for (int i = 0; i < 10; i++) ae_config_loss(config, AE_LOSS_BCE);
    status = ae_model_create(&model, config);
    assert_true((model != NULL) == (status == AE_OK));
    ae_model_free(model);
    ae_config_free(config);
    return status;
}

static int32_t create_drawn(heap *h)
{
    ae_allocator allocator = allocator_of(h);
    ae_config *config = drawn_config(&allocator);
    ae_model *model;
    h->watched = true;
    int32_t status = ae_model_create(&model, config);
    assert_true((model != NULL) == (status == AE_OK));
    ae_model_free(model);
    ae_config_free(config);
    return status;
}

static int32_t create_options(heap *h)
{
    ae_allocator allocator = allocator_of(h);
    ae_fit_options *options;
    h->watched = true;
    int32_t status = ae_fit_options_create_with(&options, &allocator);
    assert_true((options != NULL) == (status == AE_OK));
    ae_fit_options_free(options);
    return status;
}

/* With a function and files that are read; what failed can be done when there is memory again. */
static int32_t create_data(heap *h)
{
    ae_allocator allocator = allocator_of(h);
    ae_data *data;
    FILE *f = fopen("test_hot_path.idx", "wb");
    fwrite("\0\0\x08\1\0\0\0\2\0\0", 1, 10, f);
    fclose(f);
    h->watched = true;
    int32_t status = ae_data_create_with(&data, &allocator);
    assert_true((data != NULL) == (status == AE_OK));
    if (status == AE_OK)
        status = ae_data_source(data, AE_DATA_X, AE_TYPE_F32, read_x, NULL, N, DIM, 0);
    if (status == AE_OK) status = ae_data_idx(data, AE_DATA_X, "test_hot_path.idx");
    if (status == AE_OK) status = ae_data_idx(data, AE_DATA_X, "test_hot_path.idx");
    h->watched = false;
    if (data) must(ae_data_idx(data, AE_DATA_X, "test_hot_path.idx"));
    ae_data_free(data);
    assert_int_equal(unlink("test_hot_path.idx"), 0);
    return status;
}

static int32_t create_images(heap *h)
{
    ae_allocator allocator = allocator_of(h);
    ae_config *config = images_config(mixed, &allocator);
    ae_model *model;
    must(ae_config_set_i64(config, AE_PARAM_THREADS, 2));
    h->watched = true;
    int32_t status = ae_model_create(&model, config);
    assert_true((model != NULL) == (status == AE_OK));
    ae_model_free(model);
    ae_config_free(config);
    return status;
}

static void creating_survives_any_failing_allocation(void **state)
{
    (void)state;
    fail_everywhere(create_images);
    fail_everywhere(create);
    fail_everywhere(create_drawn);
    fail_everywhere(create_options);
    fail_everywhere(create_data);
}

/* Does what may fail to a model, which is unchanged if it did, and can do it with memory again. */
static int32_t change(heap *h, ae_model *model, int32_t (*call)(ae_model *))
{
    image before = image_of(model);
    h->watched = true;
    int32_t status = call(model);
    h->watched = false;
    if (status != AE_OK) assert_true(has_image(model, before));
    must(call(model));
    free(before.bytes);
    ae_model_free(model);
    return status;
}

static int32_t fit_6(ae_model *model)
{
    ae_fit_options *options = options_to(6);
    must(ae_fit_options_set_i64(options, AE_FIT_THREADS, 3));
    int32_t status = ae_fit(model, x, NULL, N, options);
    ae_fit_options_free(options);
    return status;
}

static int32_t fit_first(heap *h)
{
    return change(h, model_on(h), fit_6);
}

static int32_t fit_told(ae_model *model)
{
    ae_fit_options *options = options_to(2);
    ae_data *data = told(DIM);
    must(ae_fit_options_validation_data(options, data));
    must(ae_fit_options_set_i64(options, AE_FIT_THREADS, 2));
    int32_t status = ae_fit_data(model, data, options);
    ae_data_free(data);
    ae_fit_options_free(options);
    return status;
}

static int32_t fit_drawn(heap *h)
{
    return change(h, drawn_on(h), fit_told);
}

static int32_t fit_2(ae_model *model)
{
    ae_fit_options *options = options_to(2);
    draw_state = 1;
    float *images = drawn(IMAGES * ae_model_input_dim(model));
    must(ae_fit_options_set_i64(options, AE_FIT_THREADS, 3));
    int32_t status = ae_fit(model, images, NULL, IMAGES, options);
    free(images);
    ae_fit_options_free(options);
    return status;
}

static int32_t fit_images(heap *h)
{
    return change(h, images_on(h, mixed), fit_2);
}

/* All that training needs grows: epochs, batch, momentum's state, and room for gradients. */
static int32_t fit_on(heap *h)
{
    ae_allocator allocator = allocator_of(h);
    recipe r = small;
    r.optimizer = AE_OPTIM_SGD;
    ae_model *model = model_of(recipe_config(&r, &allocator));
    train_to(model, x, N, 2);
    must(ae_model_set_i64(model, AE_PARAM_BATCH, 6));
    must(ae_model_set_i64(model, AE_PARAM_ACCUMULATE, 2));
    must(ae_model_set_f64(model, AE_PARAM_MOMENTUM, 0.5));
    return change(h, model, fit_6);
}

static int32_t fit_all_rows(ae_model *model)
{
    return ae_fit_batch(model, x, NULL, N, NULL);
}

static int32_t fit_online(heap *h)
{
    return change(h, model_on(h), fit_all_rows);
}

/* With early stopping, after a fit without. */
static int32_t fit_patiently(ae_model *model)
{
    ae_fit_options *options = options_to(6);
    must(ae_fit_options_set_i64(options, AE_FIT_PATIENCE, 3));
    must(ae_fit_options_set_f64(options, AE_FIT_SPLIT, 0.25));
    int32_t status = ae_fit(model, x, NULL, N, options);
    ae_fit_options_free(options);
    return status;
}

static int32_t fit_stopping(heap *h)
{
    ae_model *model = model_on(h);
    train_to(model, x, N, 2);
    return change(h, model, fit_patiently);
}

static int32_t set_checkpoint(heap *h)
{
    ae_allocator allocator = allocator_of(h);
    ae_fit_options *options;
    must(ae_fit_options_create_with(&options, &allocator));
    must(ae_fit_options_checkpoint(options, "a file", 1, 0, 0));
    h->watched = true;
    int32_t status = ae_fit_options_checkpoint(options, "another", 1, 0, 0);
    ae_fit_options_free(options);
    return status;
}

static int32_t fit_what_is_read_6(ae_model *model)
{
    ae_fit_options *options = options_to(6);
    ae_data *data = data_that_are_read(NULL);
    must(ae_fit_options_set_i64(options, AE_FIT_THREADS, 3));
    int32_t status = ae_fit_data(model, data, options);
    ae_fit_options_free(options);
    ae_data_free(data);
    return status;
}

static int32_t fit_what_is_read(heap *h)
{
    return change(h, model_on(h), fit_what_is_read_6);
}

static int32_t fit_with_targets(ae_model *model)
{
    return ae_fit(model, x, x, N, NULL);
}

static int32_t fit_scaled(heap *h)
{
    return change(h, unfitted_on(h), fit_with_targets);
}

static int32_t scale_anew(ae_model *model)
{
    return ae_fit_scaling(model, x + DIM, x, N - 1);
}

static int32_t fit_scaling(heap *h)
{
    return change(h, scaled_on(h), scale_anew);
}

static void fit_survives_any_failing_allocation(void **state)
{
    (void)state;
    fail_everywhere(fit_online);
    fail_everywhere(fit_scaled);
    fail_everywhere(fit_scaling);
    fail_everywhere(fit_stopping);
    fail_everywhere(set_checkpoint);
    fail_everywhere(fit_first);
    fail_everywhere(fit_what_is_read);
    fail_everywhere(fit_on);
    fail_everywhere(fit_drawn);
    fail_everywhere(fit_images);
}

static int32_t set_4_threads(ae_model *model)
{
    int64_t threads;
    int32_t status = ae_model_set_i64(model, AE_PARAM_THREADS, 4);
    must(ae_model_get_i64(model, AE_PARAM_THREADS, &threads));
    assert_int_equal(threads, status == AE_OK ? 4 : 1);
    use(model);
    return status;
}

/* The scratch of the levels and threads that follow must be had, too. */
static int32_t set_4_threads_of_images(ae_model *model)
{
    int32_t status = ae_model_set_i64(model, AE_PARAM_THREADS, 4);
    float *images = drawn(IMAGES * ae_model_input_dim(model));
    use_images(model, images);
    free(images);
    return status;
}

static int32_t set_threads_of_images(heap *h)
{
    return change(h, images_on(h, usual), set_4_threads_of_images);
}

static int32_t set_threads(heap *h)
{
    return change(h, model_on(h), set_4_threads);
}

static void threads_survive_any_failing_allocation(void **state)
{
    (void)state;
    fail_everywhere(set_threads);
    fail_everywhere(set_threads_of_images);
}

static image stored; /* a trained model */

static int32_t load_memory(heap *h)
{
    ae_allocator allocator = allocator_of(h);
    ae_model *model;
    h->watched = true;
    int32_t status = ae_model_load_memory_with(&model, stored.bytes, stored.count, &allocator);
    assert_true((model != NULL) == (status == AE_OK));
    if (model) assert_true(has_image(model, stored));
    ae_model_free(model);
    return status;
}

static int32_t load_path(heap *h)
{
    ae_allocator allocator = allocator_of(h);
    ae_model *model;
    h->watched = true;
    int32_t status = ae_model_load_with(&model, "test_hot_path.aem", &allocator);
    assert_true((model != NULL) == (status == AE_OK));
    if (model) assert_true(has_image(model, stored));
    ae_model_free(model);
    return status;
}

/* Frees the model. */
static void load_everywhere(ae_model *model)
{
    stored = image_of(model);
    must(ae_model_save(model, "test_hot_path.aem"));
    fail_everywhere(load_memory);
    fail_everywhere(load_path);
    assert_int_equal(unlink("test_hot_path.aem"), 0);
    free(stored.bytes);
    ae_model_free(model);
}

static void loading_survives_any_failing_allocation(void **state)
{
    ae_model *model = recipe_model(&small), *drawn = model_of(drawn_config(NULL));
    (void)state;
    train_to(model, x, N, 2);
    must(fit_told(drawn));
    load_everywhere(model);
    load_everywhere(drawn);
}

int main(void)
{
#define test(name) cmocka_unit_test_setup_teardown(name, draw_x, free_x)
    const struct CMUnitTest tests[] = {
        test(using_a_model_allocates_nothing),
        test(drawing_from_a_model_allocates_nothing),
        test(looking_and_saving_allocate_nothing),
        test(steps_and_epochs_allocate_nothing),
        test(steps_on_samples_allocate_nothing),
        test(steps_on_the_rows_of_a_call_allocate_nothing),
        test(images_allocate_nothing_once_they_run),
        test(creating_survives_any_failing_allocation),
        test(fit_survives_any_failing_allocation),
        test(threads_survive_any_failing_allocation),
        test(loading_survives_any_failing_allocation),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
