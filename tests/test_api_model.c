/* ae_model: what it is made of, what it says of itself, and what training leaves in it. */
#include "test_api.h"

#include <math.h>
#include <stdio.h>

static ae_model *digits_model(void)
{
    ae_config *config;
    must(ae_config_create(&config));
    must(ae_config_input(config, 784));
    must(ae_config_dense(config, 32, AE_ACT_RELU));
    must(ae_config_code(config));
    must(ae_config_dense(config, 784, AE_ACT_SIGMOID));
    must(ae_config_loss(config, AE_LOSS_BCE));
    return model_of(config);
}

/* ---- shapes ---- */

static void summary_tells_layers_shapes_and_counts(void **state)
{
    static const char *const words[] = {"input",     "784x32",           "relu",
                                        "<- code",   "32x784",           "sigmoid",
                                        "50992",     "loss bce",         "learning_rate 0.001",
                                        "batch 256", "trained: 0 epochs"};
    ae_model *model = digits_model();
    char text[4096];
    size_t length, again;
    (void)state;
    must(ae_model_summary(model, NULL, 0, &length));
    assert_int_equal(ae_model_summary(model, text, length, &again), AE_ERR_RANGE);
    must(ae_model_summary(model, text, length + 1, &again)); /* the NUL, and no more */
    assert_int_equal(again, length);
    assert_int_equal(strlen(text), length);
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (!strstr(text, words[i])) fail_msg("no \"%s\" in\n%s", words[i], text);
    must(ae_model_summary(model, text, sizeof text, NULL));
    ae_model_free(model);
}

static void dimensions_follow_from_the_layers(void **state)
{
    ae_config *config = small_config();
    must(ae_config_activation(config, AE_ACT_SIGMOID));
    ae_model *model = model_of(config);
    const int64_t dims[] = {CODE, INPUTS, INPUTS};
    (void)state;
    assert_int_equal(ae_model_input_dim(model), INPUTS);
    assert_int_equal(ae_model_code_dim(model), CODE);
    assert_int_equal(ae_model_output_dim(model), INPUTS);
    assert_int_equal(ae_model_layers(model), 3);
    for (int32_t i = 0; i < 3; i++) assert_int_equal(ae_model_layer_dim(model, i), dims[i]);
    assert_int_equal(ae_model_weights(model), INPUTS * CODE + CODE + CODE * INPUTS + INPUTS);
    ae_model_free(model);
}

typedef struct array {
    int32_t layer;
    const char *name;
    int64_t rows, cols;
} array;

static void arrays_of_weights_are_listed_in_order(void **state)
{
    static const array arrays[] = {{0, "kernel", INPUTS, CODE},
                                   {0, "bias", 1, CODE},
                                   {1, "kernel", CODE, INPUTS},
                                   {1, "bias", 1, INPUTS}};
    ae_model *model = small_model();
    (void)state;
    for (int32_t i = 0; i < 4; i++) {
        array got;
        must(ae_model_weights_at(model, i, &got.layer, &got.name, &got.rows, &got.cols));
        assert_int_equal(got.layer, arrays[i].layer);
        assert_string_equal(got.name, arrays[i].name);
        assert_int_equal(got.rows, arrays[i].rows);
        assert_int_equal(got.cols, arrays[i].cols);
        must(ae_model_weights_at(model, i, NULL, NULL, NULL, NULL));
    }
    assert_int_equal(ae_model_weights_at(model, 4, NULL, NULL, NULL, NULL), AE_ERR_RANGE);
    ae_model_free(model);
}

/* ---- weights ---- */

static void kernel_is_inputs_by_units(void **state)
{
    enum { IN = 3, OUT = 2 };
    const float kernel[IN * OUT] = {1, 2, 3, 4, 5, 6}, bias[OUT] = {0.5f, -0.25f};
    const float one_hot[IN * IN] = {1, 0, 0, 0, 1, 0, 0, 0, 1};
    float read[IN * OUT], code[IN * OUT];
    ae_config *config;
    (void)state;
    must(ae_config_create(&config));
    must(ae_config_input(config, IN));
    must(ae_config_dense(config, OUT, AE_ACT_LINEAR));
    must(ae_config_code(config));
    ae_model *model = model_of(config);
    must(ae_model_weights_set(model, 0, "kernel", kernel, IN * OUT));
    must(ae_model_weights_set(model, 0, "bias", bias, OUT));
    must(ae_model_weights_get(model, 0, "kernel", read, IN * OUT));
    assert_memory_equal(read, kernel, sizeof read);
    must(ae_encode(model, one_hot, IN, code,
                   IN * OUT)); /* row i: the kernel's row i, and the bias */
    for (int i = 0; i < IN * OUT; i++) assert_true(code[i] == kernel[i] + bias[i % OUT]);
    ae_model_free(model);
}

static ae_model *tied_model(int64_t bias)
{
    ae_config *config;
    must(ae_config_create(&config));
    must(ae_config_input(config, 3));
    must(ae_config_dense(config, 2, AE_ACT_LINEAR));
    must(ae_config_set_i64(config, AE_PARAM_BIAS, bias));
    must(ae_config_code(config));
    must(ae_config_dense(config, 3, AE_ACT_LINEAR));
    must(ae_config_set_i64(config, AE_PARAM_BIAS, bias));
    must(ae_config_set_i64(config, AE_PARAM_TIED, 0));
    must(ae_config_loss(config, AE_LOSS_MSE));
    return model_of(config);
}

static void tied_layer_reads_the_other_kernel_transposed(void **state)
{
    const float kernel[] = {1, 2, 3, 4, 5, 6}, codes[] = {1, 0, 0, 1};
    const float columns[] = {1, 3, 5, 2, 4, 6}; /* of the kernel */
    float out[6];
    ae_model *model = tied_model(0);
    (void)state;
    assert_int_equal(ae_model_weights(model), 6);
    must(ae_model_weights_set(model, 0, "kernel", kernel, 6));
    must(ae_decode(model, codes, 2, out, 6));
    assert_memory_equal(out, columns, sizeof out);
    assert_int_equal(ae_model_weights_get(model, 1, "kernel", out, 6), AE_ERR_INVALID);
    assert_int_equal(ae_model_weights_get(model, 0, "bias", out, 6), AE_ERR_INVALID);
    ae_model_free(model);
}

static void tied_layer_has_a_bias_of_its_own(void **state)
{
    ae_model *model = tied_model(1);
    array got;
    (void)state;
    assert_int_equal(ae_model_weights(model), 3 * 2 + 2 + 3);
    must(ae_model_weights_at(model, 2, &got.layer, &got.name, &got.rows, &got.cols));
    assert_int_equal(got.layer, 1);
    assert_string_equal(got.name, "bias");
    ae_model_free(model);
}

/* ---- products ---- */

/* Where a side is 1, rows of a matrix lie a stride of 1 apart, transposed or not. */
static void single_columns_train_on_cblas_as_on_the_built_in_product(void **state)
{
    const int64_t gemms[] = {AE_GEMM_BUILTIN, AE_GEMM_CBLAS};
    (void)state;
    for (int64_t sides = 0; sides < 8; sides++) {
        const int64_t in = sides & 1 ? 1 : 4, code = sides & 2 ? 1 : 3, rows = sides & 4 ? 1 : 2;
        float out[2][8] = {{0}};
        for (int i = 0; i < 2; i++) {
            ae_config *config;
            must(ae_config_create(&config));
            must(ae_config_input(config, in));
            must(ae_config_dense(config, code, AE_ACT_TANH));
            must(ae_config_code(config));
            must(ae_config_dense(config, in, AE_ACT_LINEAR));
            must(ae_config_set_i64(config, AE_PARAM_TIED, 0));
            must(ae_config_loss(config, AE_LOSS_MSE));
            must(ae_config_optimizer(config, AE_OPTIM_SGD));
            ae_model *model = model_of(config);
            if (ae_model_set_i64(model, AE_PARAM_GEMM, gemms[i]) == AE_OK) {
                must(ae_fit(model, x_rows, NULL, rows, NULL));
                must(ae_reconstruct(model, x_rows, rows, out[i], 8));
            } else {
                memcpy(out[1], out[0], sizeof out[1]); /* there is no CBLAS */
            }
            ae_model_free(model);
        }
        for (int i = 0; i < 8; i++)
            assert_near((double)out[0][i], (double)out[1][i], 1e-6); /* of sums of 4 terms */
    }
}

/* ---- what training leaves ---- */

static void epochs_are_counted_in_total(void **state)
{
    ae_model *model = small_model();
    (void)state;
    must(ae_model_set_i64(model, AE_PARAM_BATCH, 2));
    for (int64_t epochs = 0; epochs < 3; epochs++) {
        must(fit_epochs(model, epochs));
        must(fit_epochs(model, epochs / 2)); /* done already */
        assert_int_equal(ae_model_epochs(model), epochs);
        assert_int_equal(ae_model_steps(model), 2 * epochs);
    }
    ae_model_free(model);
}

static void history_holds_a_value_an_epoch(void **state)
{
    ae_model *model = small_model();
    ae_fit_options *options;
    double loss[3], val_loss[3], rate[3], last;
    size_t count;
    (void)state;
    must(fit_epochs(model, 1));
    must(ae_model_set_f64(model, AE_PARAM_LEARNING_RATE, 0.0625));
    must(ae_fit_options_create(&options));
    must(ae_fit_options_set_i64(options, AE_FIT_EPOCHS, 3));
    must(ae_fit_options_validation(options, x_rows, NULL, ROWS));
    must(ae_fit(model, x_rows, NULL, ROWS, options));
    ae_fit_options_free(options);
    must(ae_model_history(model, AE_METRIC_LOSS, NULL, 0, &count));
    assert_int_equal(count, 3);
    must(ae_model_history(model, AE_METRIC_LOSS, loss, 3, NULL));
    must(ae_model_history(model, AE_METRIC_VAL_LOSS, val_loss, 3, &count));
    must(ae_model_history(model, AE_METRIC_LEARNING_RATE, rate, 3, &count));
    for (int i = 0; i < 3; i++) assert_true(isfinite(loss[i]));
    assert_true(isnan(val_loss[0])); /* there was no such data then */
    assert_true(rate[0] == 0.001 && rate[1] == 0.0625 && rate[2] == 0.0625);
    must(ae_evaluate(model, x_rows, NULL, ROWS, &last));
    assert_true(val_loss[2] == last);
    ae_model_free(model);
}

static size_t file_bytes(const ae_model *model)
{
    size_t bytes;
    must(ae_model_save_memory(model, NULL, 0, &bytes));
    return bytes;
}

static void stripped_model_keeps_its_weights_alone(void **state)
{
    ae_model *model = digits_model();
    float *x = calloc(784, sizeof *x), *before = calloc(784, sizeof *x),
          *after = calloc(784, sizeof *x);
    size_t full, stripped, count;
    (void)state;
    must(ae_fit(model, x, NULL, 1, NULL));
    full = file_bytes(model);
    must(ae_reconstruct(model, x, 1, before, 784));
    must(ae_model_strip(model));
    must(ae_model_strip(model));
    stripped = file_bytes(model);
    assert_in_range(stripped * 1000 / full, 330, 337); /* of weights and two moments */
    must(ae_reconstruct(model, x, 1, after, 784));
    assert_memory_equal(before, after, 784 * sizeof *x);
    assert_int_equal(ae_model_epochs(model) + ae_model_steps(model), 0);
    must(ae_model_history(model, AE_METRIC_LOSS, NULL, 0, &count));
    assert_int_equal(count, 0);
    must(ae_fit(model, x, NULL, 1, NULL));
    assert_int_equal(ae_model_epochs(model), 1);
    assert_int_equal(file_bytes(model), full);
    ae_model_free(model);
    free(x);
    free(before);
    free(after);
}

/* Strip and load are two ways to the same model: one that has never been trained. */
static void fit_of_a_stripped_model_is_a_first_one(void **state)
{
    ae_model *model = small_model(), *loaded;
    unsigned char file[4096];
    float kernels[2][INPUTS * CODE];
    size_t bytes;
    (void)state;
    must(fit_epochs(model, 2));
    must(ae_model_strip(model));
    must(ae_model_save_memory(model, file, sizeof file, &bytes));
    must(ae_model_load_memory(&loaded, file, bytes));
    must(fit_epochs(model, 2));
    must(fit_epochs(loaded, 2));
    must(ae_model_weights_get(model, 0, "kernel", kernels[0], INPUTS * CODE));
    must(ae_model_weights_get(loaded, 0, "kernel", kernels[1], INPUTS * CODE));
    assert_memory_equal(kernels[0], kernels[1], sizeof kernels[0]);
    ae_model_free(model);
    ae_model_free(loaded);
}

static void how_a_model_runs_is_not_kept_in_the_file(void **state)
{
    ae_model *model = small_model(), *loaded;
    unsigned char file[4096];
    int64_t threads, cpu, batch;
    size_t bytes;
    (void)state;
    must(ae_model_set_i64(model, AE_PARAM_THREADS, 2));
    must(ae_model_set_i64(model, AE_PARAM_CPU, AE_CPU_PORTABLE));
    must(ae_model_set_i64(model, AE_PARAM_BATCH, 9));
    must(ae_model_save_memory(model, file, sizeof file, &bytes));
    must(ae_model_load_memory(&loaded, file, bytes));
    must(ae_model_get_i64(loaded, AE_PARAM_THREADS, &threads));
    must(ae_model_get_i64(loaded, AE_PARAM_CPU, &cpu));
    must(ae_model_get_i64(loaded, AE_PARAM_BATCH, &batch));
    assert_int_equal(threads, 1);
    assert_int_equal(cpu, AE_CPU_AUTO);
    assert_int_equal(batch, 9);
    ae_model_free(model);
    ae_model_free(loaded);
}

/* ---- config and model ---- */

static void config_makes_any_number_of_models_and_may_go_before_them(void **state)
{
    ae_config *config = small_config();
    ae_model *first, *second;
    float codes[2][ROWS * CODE];
    (void)state;
    must(ae_model_create(&first, config));
    must(ae_config_dense(config, INPUTS, AE_ACT_SIGMOID));
    must(ae_model_create(&second, config));
    ae_config_free(config);
    assert_int_equal(ae_model_layers(first), 2);
    assert_int_equal(ae_model_layers(second), 3);
    must(ae_encode(first, x_rows, ROWS, codes[0], ROWS * CODE));
    must(ae_encode(second, x_rows, ROWS, codes[1], ROWS * CODE));
    assert_memory_equal(codes[0], codes[1], sizeof codes[0]);
    ae_model_free(first);
    ae_model_free(second);
}

static void every_constant_is_found_by_its_name(void **state)
{
    const char *name;
    int64_t value, found;
    int32_t i = 0;
    (void)state;
    for (; ae_constant_at(i, &name, &value) == AE_OK; i++) {
        must(ae_constant(name, &found));
        assert_true(found == value);
        must(ae_constant_at(i, NULL, NULL));
    }
    assert_in_range(i, 80, 1000);
    must(ae_constant("AE_PARAM_LEARNING_RATE", &value));
    assert_int_equal(value, AE_PARAM_LEARNING_RATE);
    must(ae_constant("AE_ERR_BUSY", &value));
    assert_true(value == AE_ERR_BUSY);
}

static void every_code_has_a_text_of_its_own(void **state)
{
    (void)state;
    for (int32_t a = AE_ERR_BUSY; a <= AE_OK; a++) {
        assert_string_not_equal(ae_status_text(a), "unknown status");
        for (int32_t b = AE_ERR_BUSY; b < a; b++)
            assert_string_not_equal(ae_status_text(a), ae_status_text(b));
    }
    assert_string_equal(ae_status_text(AE_ERR_BUSY - 1), "unknown status");
    assert_string_equal(ae_status_text(1), "unknown status");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(summary_tells_layers_shapes_and_counts),
        cmocka_unit_test(dimensions_follow_from_the_layers),
        cmocka_unit_test(arrays_of_weights_are_listed_in_order),
        cmocka_unit_test(kernel_is_inputs_by_units),
        cmocka_unit_test(tied_layer_reads_the_other_kernel_transposed),
        cmocka_unit_test(tied_layer_has_a_bias_of_its_own),
        cmocka_unit_test(single_columns_train_on_cblas_as_on_the_built_in_product),
        cmocka_unit_test(epochs_are_counted_in_total),
        cmocka_unit_test(history_holds_a_value_an_epoch),
        cmocka_unit_test(stripped_model_keeps_its_weights_alone),
        cmocka_unit_test(fit_of_a_stripped_model_is_a_first_one),
        cmocka_unit_test(how_a_model_runs_is_not_kept_in_the_file),
        cmocka_unit_test(config_makes_any_number_of_models_and_may_go_before_them),
        cmocka_unit_test(every_constant_is_found_by_its_name),
        cmocka_unit_test(every_code_has_a_text_of_its_own),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
