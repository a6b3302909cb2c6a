/* Every allocation may fail: what wanted it says so, gives all back and leaves a model as it was. */
#include "test_hot_path.h"

#include <unistd.h>

/* What uses the heap, watched where failures are wanted, and gives all back: the status of what failed.
 * Or a model, and what may fail to change it. */
typedef struct scenario {
    int32_t (*run)(heap *h);
    ae_model *(*make)(heap *h);
    int32_t (*change)(ae_model *model);
} scenario;

/* The model is unchanged if the change failed, and can have it with memory again. */
static int32_t change(const scenario *s, heap *h)
{
    ae_model *model = s->make(h);
    image before = image_of(model);
    h->watched = true;
    int32_t status = s->change(model);
    h->watched = false;
    if (status != AE_OK) assert_true(has_image(model, before));
    must(s->change(model));
    free(before.bytes);
    ae_model_free(model);
    return status;
}

/* Lets the first allocation fail, then the second, and so on until there are no more: each alone,
 * and with all that follow. */
static void fail_everywhere(const scenario *s)
{
    for (int for_good = 0; for_good <= 1; for_good++) {
        heap h;
        int32_t status;
        long at = 1;
        do {
            h = (heap){.fails_at = at, .for_good = for_good};
            status = s->run ? s->run(&h) : change(s, &h);
            assert_int_equal(status, h.calls >= at ? AE_ERR_NOMEM : AE_OK);
            assert_int_equal(h.live, 0);
        } while (++at < 1000 && status != AE_OK);
        assert_int_equal(status, AE_OK);
        assert_true(h.calls > 0);
    }
}

#define EVERYWHERE(scenarios)                                                                      \
    for (size_t i = 0; i < sizeof scenarios / sizeof *scenarios; i++) fail_everywhere(&scenarios[i])

/* ---- making ---- */

/* The status of making a model of the config, which is freed. */
static int32_t make_of(heap *h, ae_config *config)
{
    ae_model *model;
    h->watched = true;
    int32_t status = ae_model_create(&model, config);
    assert_true((model != NULL) == (status == AE_OK));
    ae_model_free(model);
    ae_config_free(config);
    return status;
}

/* Calls on after a failure, as those do who check the last call only. */
static int32_t create(heap *h)
{
    ae_allocator allocator = allocator_of(h);
    ae_config *config;
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
    return make_of(h, config);
}

static int32_t create_drawn(heap *h)
{
    ae_allocator allocator = allocator_of(h);
    return make_of(h, drawn_config(&allocator));
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

/* With a function and files that are read; what failed can be done when there is memory again. */
static int32_t create_data(heap *h)
{
    ae_allocator allocator = allocator_of(h);
    ae_data *data;
    FILE *f = fopen("test_no_memory.idx", "wb");
    fwrite("\0\0\x08\1\0\0\0\2\0\0", 1, 10, f);
    fclose(f);
    h->watched = true;
    int32_t status = ae_data_create_with(&data, &allocator);
    assert_true((data != NULL) == (status == AE_OK));
    if (status == AE_OK)
        status = ae_data_source(data, AE_DATA_X, AE_TYPE_F32, read_x, NULL, N, DIM, 0);
    if (status == AE_OK) status = ae_data_idx(data, AE_DATA_X, "test_no_memory.idx");
    if (status == AE_OK) status = ae_data_idx(data, AE_DATA_X, "test_no_memory.idx");
    h->watched = false;
    if (data) must(ae_data_idx(data, AE_DATA_X, "test_no_memory.idx"));
    ae_data_free(data);
    assert_int_equal(unlink("test_no_memory.idx"), 0);
    return status;
}

static int32_t create_images(heap *h)
{
    ae_allocator allocator = allocator_of(h);
    ae_config *config = images_config(mixed, &allocator);
    must(ae_config_set_i64(config, AE_PARAM_THREADS, 2));
    return make_of(h, config);
}

static void creating_survives_any_failing_allocation(void **state)
{
    static const scenario scenarios[] = {{create_images},  {create},         {create_drawn},
                                         {create_options}, {set_checkpoint}, {create_data}};
    (void)state;
    EVERYWHERE(scenarios);
}

/* ---- changing ---- */

static ae_model *mixed_on(heap *h)
{
    return images_on(h, mixed);
}

static int32_t fit_6(ae_model *model)
{
    ae_fit_options *options = options_to(6);
    must(ae_fit_options_set_i64(options, AE_FIT_THREADS, 3));
    int32_t status = ae_fit(model, x, NULL, N, options);
    ae_fit_options_free(options);
    return status;
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

/* All that training needs is to grow: epochs, batch, momentum's state, and room for gradients. */
static ae_model *grown_on(heap *h)
{
    ae_allocator allocator = allocator_of(h);
    recipe r = small;
    r.optimizer = AE_OPTIM_SGD;
    ae_model *model = model_of(recipe_config(&r, &allocator));
    train_to(model, x, N, 2);
    must(ae_model_set_i64(model, AE_PARAM_BATCH, 6));
    must(ae_model_set_i64(model, AE_PARAM_ACCUMULATE, 2));
    must(ae_model_set_f64(model, AE_PARAM_MOMENTUM, 0.5));
    return model;
}

static int32_t fit_all_rows(ae_model *model)
{
    return ae_fit_batch(model, x, NULL, N, NULL);
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

static ae_model *trained_on(heap *h)
{
    ae_model *model = model_on(h);
    train_to(model, x, N, 2);
    return model;
}

static int32_t fit_what_is_read(ae_model *model)
{
    ae_fit_options *options = options_to(6);
    ae_data *data = data_that_are_read(NULL);
    must(ae_fit_options_set_i64(options, AE_FIT_THREADS, 3));
    int32_t status = ae_fit_data(model, data, options);
    ae_fit_options_free(options);
    ae_data_free(data);
    return status;
}

static int32_t fit_with_targets(ae_model *model)
{
    return ae_fit(model, x, x, N, NULL);
}

static int32_t scale_anew(ae_model *model)
{
    return ae_fit_scaling(model, x + DIM, x, N - 1);
}

static void fit_survives_any_failing_allocation(void **state)
{
    static const scenario scenarios[] = {{.make = model_on, .change = fit_all_rows},
                                         {.make = unfitted_on, .change = fit_with_targets},
                                         {.make = scaled_on, .change = scale_anew},
                                         {.make = trained_on, .change = fit_patiently},
                                         {.make = model_on, .change = fit_6},
                                         {.make = model_on, .change = fit_what_is_read},
                                         {.make = grown_on, .change = fit_6},
                                         {.make = drawn_on, .change = fit_told},
                                         {.make = mixed_on, .change = fit_2}};
    (void)state;
    EVERYWHERE(scenarios);
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

static ae_model *usual_on(heap *h)
{
    return images_on(h, usual);
}

static void threads_survive_any_failing_allocation(void **state)
{
    static const scenario scenarios[] = {{.make = model_on, .change = set_4_threads},
                                         {.make = usual_on, .change = set_4_threads_of_images}};
    (void)state;
    EVERYWHERE(scenarios);
}

/* ---- loading ---- */

static image stored; /* a trained model */

/* Frees the model. */
static int32_t check_loaded(ae_model *model, int32_t status)
{
    assert_true((model != NULL) == (status == AE_OK));
    if (model) assert_true(has_image(model, stored));
    ae_model_free(model);
    return status;
}

static int32_t load_memory(heap *h)
{
    ae_allocator allocator = allocator_of(h);
    ae_model *model;
    h->watched = true;
    int32_t status = ae_model_load_memory_with(&model, stored.bytes, stored.count, &allocator);
    return check_loaded(model, status);
}

static int32_t load_path(heap *h)
{
    ae_allocator allocator = allocator_of(h);
    ae_model *model;
    h->watched = true;
    int32_t status = ae_model_load_with(&model, "test_no_memory.aem", &allocator);
    return check_loaded(model, status);
}

/* Frees the model. */
static void load_everywhere(ae_model *model)
{
    static const scenario scenarios[] = {{load_memory}, {load_path}};
    stored = image_of(model);
    must(ae_model_save(model, "test_no_memory.aem"));
    EVERYWHERE(scenarios);
    assert_int_equal(unlink("test_no_memory.aem"), 0);
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
#define test(name) cmocka_unit_test_setup(name, draw_x)
    const struct CMUnitTest tests[] = {
        test(creating_survives_any_failing_allocation),
        test(fit_survives_any_failing_allocation),
        test(threads_survive_any_failing_allocation),
        test(loading_survives_any_failing_allocation),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
