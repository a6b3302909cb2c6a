/* Every public function, given NULL, or a name or number that is none. The last test asks that no
 * function of ae.h is missing here. */
#include "test_api_misuse.h"

/* ---- NULL ---- */

static const ae_allocator none = {0}, no_alloc = {.size = sizeof none};

static void missing_pointer_is_named_by_library(void **state)
{
    (void)state;
    refuses(INVALID, "name is NULL", ae_constant(NULL, &out.i64));
    refuses(INVALID, "value is NULL", ae_constant("AE_OK", NULL));
    refuses(INVALID, "out is NULL", ae_param_at(0, NULL));
}

static void missing_pointer_is_named_by_config(void **state)
{
    (void)state;
    refuses(INVALID, "out is NULL", ae_config_create(NULL));
    refuses(INVALID, "out is NULL", ae_config_create_with(NULL, NULL));
    makes_nothing(INVALID, "size is 0", ae_config_create_with(&made.config, &none));
    makes_nothing(INVALID, "alloc is NULL", ae_config_create_with(&made.config, &no_alloc));
    refuses(INVALID, "config is NULL", ae_config_input(NULL, 1));
    refuses(INVALID, "config is NULL", ae_config_dense(NULL, 1, AE_ACT_RELU));
    refuses(INVALID, "config is NULL", ae_config_activation(NULL, AE_ACT_RELU));
    refuses(INVALID, "config is NULL", ae_config_corrupt(NULL, AE_NOISE_MASKING, 0.5));
    refuses(INVALID, "config is NULL", ae_config_gaussian(NULL));
    refuses(INVALID, "config is NULL", ae_config_concat(NULL, 1));
    refuses(INVALID, "config is NULL", ae_config_concat_label(NULL, 2));
    refuses(INVALID, "config is NULL", ae_config_topk(NULL, 1));
    refuses(INVALID, "config is NULL", ae_config_code(NULL));
    refuses(INVALID, "config is NULL", ae_config_loss(NULL, AE_LOSS_MSE));
    refuses(INVALID, "config is NULL", ae_config_penalty(NULL, AE_PENALTY_L1, 1));
    refuses(INVALID, "config is NULL", ae_config_optimizer(NULL, AE_OPTIM_SGD));
    refuses(INVALID, "config is NULL", ae_config_set_i64(NULL, AE_PARAM_BATCH, 1));
    refuses(INVALID, "config is NULL", ae_config_set_f64(NULL, AE_PARAM_SLOPE, 0.5));
    refuses(INVALID, "config is NULL", ae_config_get_i64(NULL, AE_PARAM_BATCH, &out.i64));
    refuses(INVALID, "config is NULL", ae_config_get_f64(NULL, AE_PARAM_SLOPE, &out.f64));
    refuses(INVALID, "value is NULL", ae_config_get_i64(our.config, AE_PARAM_BATCH, NULL));
    refuses(INVALID, "value is NULL", ae_config_get_f64(our.config, AE_PARAM_SLOPE, NULL));
}

static void missing_pointer_is_named_by_layers_of_images(void **state)
{
    (void)state;
    refuses(INVALID, "config is NULL", ae_config_input_image(NULL, 1, 1, 1));
    refuses(INVALID, "config is NULL", ae_config_input_signal(NULL, 1, 1));
    refuses(INVALID, "config is NULL",
            ae_config_conv2d(NULL, 1, 1, 1, AE_PADDING_VALID, AE_ACT_RELU));
    refuses(INVALID, "config is NULL", ae_config_conv1d(NULL, 1, 1, AE_PADDING_VALID, AE_ACT_RELU));
    refuses(INVALID, "config is NULL",
            ae_config_conv2d_transpose(NULL, 1, 1, 1, 1, 1, AE_PADDING_VALID, AE_ACT_RELU));
    refuses(INVALID, "config is NULL",
            ae_config_conv1d_transpose(NULL, 1, 1, 1, AE_PADDING_VALID, AE_ACT_RELU));
    refuses(INVALID, "config is NULL", ae_config_pool2d(NULL, AE_POOL_MAX, 1, 1, AE_PADDING_VALID));
    refuses(INVALID, "config is NULL", ae_config_pool1d(NULL, AE_POOL_MAX, 1, AE_PADDING_VALID));
    refuses(INVALID, "config is NULL", ae_config_upsample2d(NULL, 1, 1, AE_INTERPOLATION_NEAREST));
    refuses(INVALID, "config is NULL", ae_config_upsample1d(NULL, 1, AE_INTERPOLATION_NEAREST));
    refuses(INVALID, "config is NULL", ae_config_flatten(NULL));
    refuses(INVALID, "config is NULL", ae_config_reshape_image(NULL, 1, 1, 1));
    refuses(INVALID, "config is NULL", ae_config_reshape_signal(NULL, 1, 1));
    refuses(INVALID, "config is NULL", ae_config_batch_norm(NULL, AE_ACT_RELU));
    refuses(INVALID, "config is NULL", ae_config_layer_norm(NULL, AE_ACT_RELU));
}

static void missing_pointer_is_named_by_presets(void **state)
{
    (void)state;
    refuses(INVALID, "config is NULL", ae_preset_vanilla(NULL, 4, 2, AE_LOSS_MSE));
    refuses(INVALID, "config is NULL", ae_preset_deep(NULL, 4, NULL, 0, 2, AE_LOSS_MSE));
    refuses(INVALID, "config is NULL",
            ae_preset_denoising(NULL, 4, 2, AE_NOISE_MASKING, 0.5, AE_LOSS_MSE));
    refuses(INVALID, "config is NULL", ae_preset_sparse(NULL, 4, 2, 0.001, AE_LOSS_MSE));
    refuses(INVALID, "config is NULL", ae_preset_topk(NULL, 4, 2, 1, AE_LOSS_MSE));
    refuses(INVALID, "config is NULL", ae_preset_variational(NULL, 4, 3, 2, AE_LOSS_BERNOULLI_NLL));
    refuses(INVALID, "config is NULL",
            ae_preset_conditional(NULL, 4, 3, 3, 2, AE_LOSS_BERNOULLI_NLL));
}

static void missing_pointer_is_named_by_model(void **state)
{
    (void)state;
    refuses(INVALID, "out is NULL", ae_model_create(NULL, our.config));
    makes_nothing(INVALID, "config is NULL", ae_model_create(&made.model, NULL));
    refuses(INVALID, "model is NULL", ae_model_summary(NULL, out.text, sizeof out.text, &out.size));
    refuses(INVALID, "text is NULL", ae_model_summary(our.model, NULL, 1, &out.size));
    refuses(INVALID, "model is NULL", ae_model_set_i64(NULL, AE_PARAM_BATCH, 1));
    refuses(INVALID, "model is NULL", ae_model_set_f64(NULL, AE_PARAM_LEARNING_RATE, 1));
    refuses(INVALID, "model is NULL", ae_model_get_i64(NULL, AE_PARAM_BATCH, &out.i64));
    refuses(INVALID, "model is NULL", ae_model_get_f64(NULL, AE_PARAM_BETA1, &out.f64));
    refuses(INVALID, "value is NULL", ae_model_get_i64(our.model, AE_PARAM_BATCH, NULL));
    refuses(INVALID, "value is NULL", ae_model_get_f64(our.model, AE_PARAM_BETA1, NULL));
}

static int32_t read_nothing(void *user, int64_t first, int64_t rows, void *to)
{
    (void)user;
    (void)first;
    (void)rows;
    (void)to;
    return 1;
}

static void missing_pointer_is_named_by_data(void **state)
{
    (void)state;
    refuses(INVALID, "out is NULL", ae_data_create(NULL));
    refuses(INVALID, "out is NULL", ae_data_create_with(NULL, NULL));
    makes_nothing(INVALID, "size is 0", ae_data_create_with(&made.data, &none));
    refuses(INVALID, "data is NULL", ae_data_array(NULL, AE_DATA_X, AE_TYPE_F32, x_rows, 1, 1));
    refuses(INVALID, "values is NULL", ae_data_array(our.data, AE_DATA_X, AE_TYPE_F32, NULL, 1, 1));
    refuses(INVALID, "data is NULL",
            ae_data_source(NULL, AE_DATA_X, AE_TYPE_F32, read_nothing, NULL, 1, 1, 0));
    refuses(INVALID, "read is NULL",
            ae_data_source(our.data, AE_DATA_X, AE_TYPE_F32, NULL, NULL, 1, 1, 0));
    refuses(INVALID, "data is NULL", ae_data_npy(NULL, AE_DATA_X, "x.npy"));
    refuses(INVALID, "path is NULL", ae_data_npy(our.data, AE_DATA_X, NULL));
    refuses(INVALID, "data is NULL", ae_data_idx(NULL, AE_DATA_X, "x.idx"));
    refuses(INVALID, "path is NULL", ae_data_idx(our.data, AE_DATA_X, NULL));
    refuses(INVALID, "data is NULL", ae_data_shape(NULL, AE_DATA_X, &out.rows, &out.cols));
    refuses(STATE, "role y has no array", ae_data_shape(our.data, AE_DATA_Y, &out.rows, &out.cols));
    refuses(INVALID, "data is NULL", ae_data_scale(NULL, AE_DATA_X, 1, 0));
    refuses(INVALID, "data is NULL", ae_data_stride(NULL, AE_DATA_X, 16));
}

static void missing_pointer_is_named_by_fit(void **state)
{
    (void)state;
    refuses(INVALID, "out is NULL", ae_fit_options_create(NULL));
    refuses(INVALID, "out is NULL", ae_fit_options_create_with(NULL, NULL));
    makes_nothing(INVALID, "size is 0", ae_fit_options_create_with(&made.options, &none));
    refuses(INVALID, "options is NULL", ae_fit_options_set_i64(NULL, AE_FIT_EPOCHS, 1));
    refuses(INVALID, "options is NULL", ae_fit_options_get_i64(NULL, AE_FIT_EPOCHS, &out.i64));
    refuses(INVALID, "value is NULL", ae_fit_options_get_i64(our.options, AE_FIT_EPOCHS, NULL));
    refuses(INVALID, "model is NULL", ae_fit_batch(NULL, x_rows, NULL, ROWS, &out.f64));
    refuses(INVALID, "x is NULL", ae_fit_batch(our.model, NULL, NULL, ROWS, &out.f64));
    refuses(INVALID, "model is NULL", ae_fit_batch_data(NULL, our.data, &out.f64));
    refuses(INVALID, "data is NULL", ae_fit_batch_data(our.model, NULL, &out.f64));
    refuses(INVALID, "options is NULL", ae_fit_options_set_f64(NULL, AE_FIT_MIN_CHANGE, 1));
    refuses(INVALID, "options is NULL", ae_fit_options_get_f64(NULL, AE_FIT_MIN_CHANGE, &out.f64));
    refuses(INVALID, "value is NULL", ae_fit_options_get_f64(our.options, AE_FIT_MIN_CHANGE, NULL));
    refuses(INVALID, "options is NULL", ae_fit_options_checkpoint(NULL, "file", 1, 0, 0));
    refuses(INVALID, "options is NULL", ae_fit_options_validation(NULL, x_rows, NULL, ROWS));
    refuses(INVALID, "options is NULL", ae_fit_options_validation_data(NULL, our.data));
    refuses(INVALID, "options is NULL", ae_fit_options_progress(NULL, NULL, NULL));
    refuses(INVALID, "model is NULL", ae_fit(NULL, x_rows, NULL, ROWS, NULL));
    refuses(INVALID, "x is NULL", ae_fit(our.model, NULL, NULL, ROWS, NULL));
    refuses(INVALID, "model is NULL", ae_fit_data(NULL, our.data, NULL));
    refuses(INVALID, "data is NULL", ae_fit_data(our.model, NULL, NULL));
    refuses(INVALID, "model is NULL",
            ae_model_history(NULL, AE_METRIC_LOSS, out.doubles, 4, &out.size));
    refuses(INVALID, "values is NULL",
            ae_model_history(our.model, AE_METRIC_LOSS, NULL, 4, &out.size));
    refuses(INVALID, "model is NULL", ae_model_strip(NULL));
    refuses(INVALID, "out is NULL", ae_model_share(NULL, our.model));
    makes_nothing(INVALID, "model is NULL", ae_model_share(&made.model, NULL));
}

static void missing_pointer_is_named_by_scale(void **state)
{
    double one[INPUTS] = {1, 1, 1, 1};
    (void)state;
    refuses(INVALID, "model is NULL", ae_fit_scaling(NULL, x_rows, NULL, ROWS));
    refuses(INVALID, "x is NULL", ae_fit_scaling(our.model, NULL, NULL, ROWS));
    refuses(INVALID, "model is NULL", ae_fit_scaling_data(NULL, our.data));
    refuses(INVALID, "data is NULL", ae_fit_scaling_data(our.model, NULL));
    refuses(SHAPE, "dimension is 3, wanted 4", ae_fit_scaling_data(our.model, our.narrow));
    refuses(STATE, "has no array AE_DATA_X", ae_fit_scaling_data(our.model, our.empty));
    refuses(INVALID, "model is NULL", ae_model_scaling_get(NULL, AE_DATA_X, out.doubles, NULL, 4));
    refuses(INVALID, "role is 2",
            ae_model_scaling_get(our.model, AE_DATA_SIDE, out.doubles, NULL, 4));
    refuses(RANGE, "capacity is 3, wanted 4",
            ae_model_scaling_get(our.model, AE_DATA_Y, out.doubles, NULL, 3));
    refuses(INVALID, "model is NULL", ae_model_scaling_set(NULL, AE_DATA_X, one, one, INPUTS));
    refuses(INVALID, "offset is NULL", ae_model_scaling_set(our.model, 0, NULL, one, INPUTS));
    refuses(INVALID, "scale is NULL", ae_model_scaling_set(our.model, 0, one, NULL, INPUTS));
    refuses(INVALID, "role is -1", ae_model_scaling_set(our.model, -1, one, one, INPUTS));
    refuses(STATE, "that of x is none", ae_model_scaling_set(our.model, 0, one, one, INPUTS));
}

static void missing_pointer_is_named_by_use(void **state)
{
    (void)state;
    refuses(INVALID, "model is NULL", ae_encode(NULL, x_rows, ROWS, out.floats, CELLS));
    refuses(INVALID, "x is NULL", ae_encode(our.model, NULL, ROWS, out.floats, CELLS));
    refuses(INVALID, "code is NULL", ae_encode(our.model, x_rows, ROWS, NULL, CELLS));
    refuses(INVALID, "model is NULL", ae_encode_data(NULL, our.data, out.floats, CELLS));
    refuses(INVALID, "data is NULL", ae_encode_data(our.model, NULL, out.floats, CELLS));
    refuses(INVALID, "code is NULL", ae_encode_data(our.model, our.data, NULL, CELLS));
    refuses(INVALID, "model is NULL", ae_decode(NULL, x_rows, ROWS, out.floats, CELLS));
    refuses(INVALID, "code is NULL", ae_decode(our.model, NULL, ROWS, out.floats, CELLS));
    refuses(INVALID, "out is NULL", ae_decode(our.model, x_rows, ROWS, NULL, CELLS));
    refuses(INVALID, "model is NULL", ae_decode_data(NULL, our.data, out.floats, CELLS));
    refuses(INVALID, "data is NULL", ae_decode_data(our.model, NULL, out.floats, CELLS));
    refuses(INVALID, "out is NULL", ae_decode_data(our.model, our.data, NULL, CELLS));
    refuses(INVALID, "model is NULL", ae_reconstruct(NULL, x_rows, ROWS, out.floats, CELLS));
    refuses(INVALID, "x is NULL", ae_reconstruct(our.model, NULL, ROWS, out.floats, CELLS));
    refuses(INVALID, "out is NULL", ae_reconstruct(our.model, x_rows, ROWS, NULL, CELLS));
    refuses(INVALID, "model is NULL", ae_reconstruct_data(NULL, our.data, out.floats, CELLS));
    refuses(INVALID, "data is NULL", ae_reconstruct_data(our.model, NULL, out.floats, CELLS));
    refuses(INVALID, "out is NULL", ae_reconstruct_data(our.model, our.data, NULL, CELLS));
    refuses(INVALID, "model is NULL", ae_features(NULL, 0, x_rows, ROWS, out.floats, CELLS));
    refuses(INVALID, "x is NULL", ae_features(our.model, 0, NULL, ROWS, out.floats, CELLS));
    refuses(INVALID, "out is NULL", ae_features(our.model, 0, x_rows, ROWS, NULL, CELLS));
    refuses(INVALID, "model is NULL", ae_features_data(NULL, 0, our.data, out.floats, CELLS));
    refuses(INVALID, "data is NULL", ae_features_data(our.model, 0, NULL, out.floats, CELLS));
    refuses(INVALID, "out is NULL", ae_features_data(our.model, 0, our.data, NULL, CELLS));
    refuses(INVALID, "model is NULL", ae_score(NULL, x_rows, ROWS, out.floats, CELLS));
    refuses(INVALID, "x is NULL", ae_score(our.model, NULL, ROWS, out.floats, CELLS));
    refuses(INVALID, "scores is NULL", ae_score(our.model, x_rows, ROWS, NULL, CELLS));
    refuses(INVALID, "model is NULL", ae_score_data(NULL, our.data, out.floats, CELLS));
    refuses(INVALID, "data is NULL", ae_score_data(our.model, NULL, out.floats, CELLS));
    refuses(INVALID, "scores is NULL", ae_score_data(our.model, our.data, NULL, CELLS));
    refuses(INVALID, "model is NULL", ae_evaluate(NULL, x_rows, NULL, ROWS, &out.f64));
    refuses(INVALID, "x is NULL", ae_evaluate(our.model, NULL, NULL, ROWS, &out.f64));
    refuses(INVALID, "loss is NULL", ae_evaluate(our.model, x_rows, NULL, ROWS, NULL));
    refuses(INVALID, "model is NULL", ae_evaluate_data(NULL, our.data, &out.f64));
    refuses(INVALID, "data is NULL", ae_evaluate_data(our.model, NULL, &out.f64));
    refuses(INVALID, "loss is NULL", ae_evaluate_data(our.model, our.data, NULL));
    refuses(INVALID, "model is NULL", ae_evaluate_terms(NULL, our.data, out.doubles, 4));
    refuses(INVALID, "data is NULL", ae_evaluate_terms(our.model, NULL, out.doubles, 4));
    refuses(INVALID, "terms is NULL", ae_evaluate_terms(our.model, our.data, NULL, 4));
}

static void missing_pointer_is_named_by_draw(void **state)
{
    ae_model *m = our.drawer;
    float *y = out.floats;
    double *d = out.doubles;
    (void)state;
    refuses(INVALID, "model is NULL", ae_posterior(NULL, x_rows, ROWS, y, NULL, CELLS));
    refuses(INVALID, "x is NULL", ae_posterior(m, NULL, ROWS, y, NULL, CELLS));
    refuses(INVALID, "mean and log_variance are NULL",
            ae_posterior(m, x_rows, ROWS, NULL, NULL, CELLS));
    refuses(INVALID, "model is NULL", ae_posterior_data(NULL, our.data, y, NULL, CELLS));
    refuses(INVALID, "data is NULL", ae_posterior_data(m, NULL, y, NULL, CELLS));
    refuses(INVALID, "mean and log_variance are NULL",
            ae_posterior_data(m, our.data, NULL, NULL, CELLS));
    refuses(INVALID, "model is NULL", ae_posterior_sample(NULL, x_rows, ROWS, 1, 0, y, CELLS));
    refuses(INVALID, "x is NULL", ae_posterior_sample(m, NULL, ROWS, 1, 0, y, CELLS));
    refuses(INVALID, "codes is NULL", ae_posterior_sample(m, x_rows, ROWS, 1, 0, NULL, CELLS));
    refuses(INVALID, "model is NULL", ae_posterior_sample_data(NULL, our.data, 1, 0, y, CELLS));
    refuses(INVALID, "data is NULL", ae_posterior_sample_data(m, NULL, 1, 0, y, CELLS));
    refuses(INVALID, "codes is NULL", ae_posterior_sample_data(m, our.data, 1, 0, NULL, CELLS));
    refuses(INVALID, "model is NULL", ae_sample(NULL, ROWS, 0, y, CELLS));
    refuses(INVALID, "out is NULL", ae_sample(m, ROWS, 0, NULL, CELLS));
    refuses(INVALID, "model is NULL", ae_sample_data(NULL, our.told, 0, y, CELLS));
    refuses(INVALID, "data is NULL", ae_sample_data(our.teller, NULL, 0, y, CELLS));
    refuses(INVALID, "out is NULL", ae_sample_data(our.teller, our.told, 0, NULL, CELLS));
    refuses(INVALID, "model is NULL", ae_interpolate(NULL, x_rows, x_rows, 2, y, CELLS));
    refuses(INVALID, "from is NULL", ae_interpolate(m, NULL, x_rows, 2, y, CELLS));
    refuses(INVALID, "to is NULL", ae_interpolate(m, x_rows, NULL, 2, y, CELLS));
    refuses(INVALID, "out is NULL", ae_interpolate(m, x_rows, x_rows, 2, NULL, CELLS));
    refuses(INVALID, "model is NULL", ae_log_likelihood(NULL, x_rows, ROWS, 1, 0, d, 4));
    refuses(INVALID, "x is NULL", ae_log_likelihood(m, NULL, ROWS, 1, 0, d, 4));
    refuses(INVALID, "values is NULL", ae_log_likelihood(m, x_rows, ROWS, 1, 0, NULL, 4));
    refuses(INVALID, "model is NULL", ae_log_likelihood_data(NULL, our.data, 1, 0, d, 4));
    refuses(INVALID, "data is NULL", ae_log_likelihood_data(m, NULL, 1, 0, d, 4));
    refuses(INVALID, "values is NULL", ae_log_likelihood_data(m, our.data, 1, 0, NULL, 4));
    refuses(INVALID, "model is NULL", ae_diagnose(NULL, x_rows, ROWS, d, NULL, 4));
    refuses(INVALID, "x is NULL", ae_diagnose(m, NULL, ROWS, d, NULL, 4));
    refuses(INVALID, "kl and variance are NULL", ae_diagnose(m, x_rows, ROWS, NULL, NULL, 4));
    refuses(INVALID, "model is NULL", ae_diagnose_data(NULL, our.data, d, NULL, 4));
    refuses(INVALID, "data is NULL", ae_diagnose_data(m, NULL, d, NULL, 4));
    refuses(INVALID, "kl and variance are NULL", ae_diagnose_data(m, our.data, NULL, NULL, 4));
}

static void missing_pointer_is_named_by_weights(void **state)
{
    (void)state;
    refuses(INVALID, "model is NULL",
            ae_model_weights_at(NULL, 0, &out.layer, &out.name, &out.rows, &out.cols));
    refuses(INVALID, "model is NULL", ae_model_weights_get(NULL, 0, "bias", out.floats, CELLS));
    refuses(INVALID, "name is NULL", ae_model_weights_get(our.model, 0, NULL, out.floats, CELLS));
    refuses(INVALID, "values is NULL", ae_model_weights_get(our.model, 0, "bias", NULL, CELLS));
    refuses(INVALID, "model is NULL", ae_model_weights_set(NULL, 0, "bias", x_rows, CODE));
    refuses(INVALID, "name is NULL", ae_model_weights_set(our.model, 0, NULL, x_rows, CODE));
    refuses(INVALID, "values is NULL", ae_model_weights_set(our.model, 0, "bias", NULL, CODE));
}

static void missing_pointer_is_named_by_file(void **state)
{
    (void)state;
    refuses(INVALID, "model is NULL", ae_model_save(NULL, "/nowhere/model.aem"));
    refuses(INVALID, "path is NULL", ae_model_save(our.model, NULL));
    refuses(INVALID, "model is NULL", ae_model_save_memory(NULL, out.text, 1, &out.size));
    refuses(INVALID, "buffer is NULL", ae_model_save_memory(our.model, NULL, 1, &out.size));
    refuses(INVALID, "out is NULL", ae_model_load(NULL, "/nowhere/model.aem"));
    makes_nothing(INVALID, "path is NULL", ae_model_load(&made.model, NULL));
    refuses(INVALID, "out is NULL", ae_model_load_with(NULL, "/nowhere/model.aem", NULL));
    makes_nothing(INVALID, "path is NULL", ae_model_load_with(&made.model, NULL, NULL));
    makes_nothing(INVALID, "size is 0",
                  ae_model_load_with(&made.model, "/nowhere/model.aem", &none));
    refuses(INVALID, "out is NULL", ae_model_load_memory(NULL, "", 1));
    makes_nothing(INVALID, "buffer is NULL", ae_model_load_memory(&made.model, NULL, 1));
    refuses(INVALID, "out is NULL", ae_model_load_memory_with(NULL, "", 1, NULL));
    makes_nothing(INVALID, "buffer is NULL", ae_model_load_memory_with(&made.model, NULL, 1, NULL));
    makes_nothing(INVALID, "size is 0", ae_model_load_memory_with(&made.model, "", 1, &none));
}

static void functions_that_cannot_fail_take_anything(void **state)
{
    (void)state;
    answers(0, *ae_last_error() & 0x80);
    answers('u', *ae_status_text(INT32_MIN)); /* unknown status */
    answers(AE_VERSION_MAJOR * 1000000 + AE_VERSION_MINOR * 1000 + AE_VERSION_PATCH, ae_version());
    answers(0, strncmp(ae_build_text(), "libae ", 6));
    answers(0, strncmp(ae_version_text(), "0.", 2) != 0 && AE_VERSION_MAJOR == 0);
    harmless(ae_config_free(NULL));
    harmless(ae_model_free(NULL));
    harmless(ae_data_free(NULL));
    harmless(ae_fit_options_free(NULL));
    answers(0, ae_model_input_dim(NULL));
    answers(0, ae_model_code_dim(NULL));
    answers(0, ae_model_output_dim(NULL));
    answers(0, ae_model_layers(NULL));
    answers(0, ae_model_layer_dim(NULL, 0));
    answers(0, ae_model_layer_dim(our.model, -1));
    answers(0, ae_model_layer_dim(our.model, 2));
    answers(0, ae_model_terms(NULL));
    answers(0, ae_model_weights(NULL));
    answers(0, ae_model_epochs(NULL));
    answers(0, ae_model_steps(NULL));
    answers(0, ae_model_clipped_rows(NULL));
    answers(0, ae_model_running_loss(NULL) == 0); /* NaN */
}

/* ---- constants, names and numbers that are none ---- */

static void unknown_constant_or_name_is_quoted(void **state)
{
    (void)state;
    refuses(INVALID, "AE_ACT_RELUU", ae_constant("AE_ACT_RELUU", &out.i64));
    refuses(INVALID, "no constant ", ae_constant("", &out.i64));
    refuses(RANGE, "index is -1", ae_constant_at(-1, &out.name, &out.i64));
    refuses(RANGE, "index is 2147483647", ae_constant_at(INT32_MAX, &out.name, &out.i64));
    refuses(INVALID, "size is 11936128518282651045, wanted", ae_param_at(0, &out.param));
    refuses(INVALID, "number 9999", ae_config_get_i64(our.config, 9999, &out.i64));
    refuses(INVALID, "number -1", ae_config_get_f64(our.config, AE_PARAM_UNSET, &out.f64));
    refuses(INVALID, "number 9999", ae_model_set_i64(our.model, 9999, 1));
    refuses(INVALID, "number 9999", ae_model_get_f64(our.model, 9999, &out.f64));
    refuses(INVALID, "number 0", ae_fit_options_set_i64(our.options, 0, 1));
    refuses(INVALID, "momentum", ae_config_get_f64(our.config, AE_PARAM_MOMENTUM, &out.f64));
    refuses(INVALID, "units", ae_model_get_i64(our.model, AE_PARAM_UNITS, &out.i64));
    refuses(INVALID, "batch", ae_fit_options_get_i64(our.options, AE_PARAM_BATCH, &out.i64));
    refuses(INVALID, "role is 4, wanted AE_DATA_X (0), _Y (1), _SIDE (2) or _WEIGHT (3)",
            ae_data_array(our.data, 4, AE_TYPE_F32, x_rows, 1, 1));
    refuses(INVALID, "role is 9",
            ae_data_source(our.data, 9, AE_TYPE_F32, read_nothing, NULL, 1, 1, 0));
    refuses(INVALID, "role is 9", ae_data_npy(our.data, 9, "x.npy"));
    refuses(INVALID, "role is 9", ae_data_idx(our.data, 9, "x.idx"));
    refuses(INVALID, "role is 9", ae_data_shape(our.data, 9, &out.rows, &out.cols));
    refuses(INVALID, "flags is 4",
            ae_data_source(our.data, AE_DATA_X, AE_TYPE_F32, read_nothing, NULL, 1, 1, 4));
    refuses(INVALID, "role is -1", ae_data_scale(our.data, AE_DATA_UNSET, 1, 0));
    refuses(INVALID, "role is 7", ae_data_stride(our.data, 7, 16));
    refuses(INVALID, "metric 6", ae_model_history(our.model, 6, out.doubles, 4, &out.size));
    refuses(INVALID, "metric 101", /* there is one loss */
            ae_model_history(our.model, AE_METRIC_TERM + 1, out.doubles, 4, &out.size));
    refuses(INVALID, "metric 201",
            ae_model_history(our.model, AE_METRIC_VAL_TERM + 1, out.doubles, 4, &out.size));
    refuses(INVALID, "metric -1", ae_model_history(our.model, AE_METRIC_UNSET, NULL, 0, &out.size));
    refuses(RANGE, "layer is 2, wanted 0 to 1",
            ae_features(our.model, 2, x_rows, ROWS, out.floats, CELLS));
    refuses(RANGE, "layer is -1", ae_features_data(our.model, -1, our.data, out.floats, CELLS));
    refuses(RANGE, "index is 4, wanted 0 to 3",
            ae_model_weights_at(our.model, 4, &out.layer, &out.name, &out.rows, &out.cols));
    refuses(RANGE, "index is -1",
            ae_model_weights_at(our.model, -1, &out.layer, &out.name, &out.rows, &out.cols));
    refuses(INVALID, "layer is 3, wanted 0 to 2",
            ae_model_weights_get(our.model, 3, "bias", out.floats, CELLS));
    refuses(INVALID, "layer is -1", ae_model_weights_get(our.model, -1, "bias", out.floats, CELLS));
    refuses(INVALID, "bce #0: has no weights \"log_variance\"", /* after the layers: losses */
            ae_model_weights_get(our.model, 2, "log_variance", out.floats, CELLS));
    refuses(INVALID, "dense #0: has no weights \"beta?\"",
            ae_model_weights_get(our.model, 0, "beta\n", out.floats, CELLS));
    refuses(INVALID, "\"Bias\"", ae_model_weights_set(our.model, 1, "Bias", x_rows, INPUTS));
    refuses(SHAPE, "count is 3, wanted 1 x 2",
            ae_model_weights_set(our.model, 0, "bias", x_rows, 3));
    refuses(RANGE, "capacity is 7, wanted 4 x 2",
            ae_model_weights_get(our.model, 0, "kernel", out.floats, 7));
    refuses(RANGE, "capacity is 10", ae_model_summary(our.model, out.text, 10, &out.size));
    refuses(RANGE, "capacity is 10", ae_model_save_memory(our.model, out.text, 10, &out.size));
    must(fit_epochs(our.model, 3));
    refuses(RANGE, "capacity is 2, wanted 3 epochs",
            ae_model_history(our.model, AE_METRIC_LOSS, out.doubles, 2, &out.size));
}
/* ---- all of them ---- */

static void every_function_of_the_header_was_called(void **state)
{
    const char *root = getenv("AE_SOURCE_ROOT");
    char path[4096], line[256];
    int functions = 0, missing = 0;
    (void)state;
    if (!root) skip();
    snprintf(path, sizeof path, "%s/include/ae/ae.h", root);
    FILE *header = fopen(path, "r");
    assert_non_null(header);
    while (fgets(line, sizeof line, header)) {
        if (strncmp(line, "AE_API ", 7) != 0) continue;
        functions++;
        line[strcspn(line, "(")] = '\0';
        if (was_called(strstr(line, "ae_"))) continue;
        print_error("%s: never called here\n", line);
        missing++;
    }
    fclose(header);
    assert_int_not_equal(functions, 0);
    assert_int_equal(missing, 0);
}
int main(void)
{
    const struct CMUnitTest tests[] = {
        in_our_house(missing_pointer_is_named_by_library),
        in_our_house(missing_pointer_is_named_by_config),
        in_our_house(missing_pointer_is_named_by_layers_of_images),
        in_our_house(missing_pointer_is_named_by_presets),
        in_our_house(missing_pointer_is_named_by_model),
        in_our_house(missing_pointer_is_named_by_data),
        in_our_house(missing_pointer_is_named_by_fit),
        in_our_house(missing_pointer_is_named_by_scale),
        in_our_house(missing_pointer_is_named_by_use),
        in_our_house(missing_pointer_is_named_by_draw),
        in_our_house(missing_pointer_is_named_by_weights),
        in_our_house(missing_pointer_is_named_by_file),
        in_our_house(functions_that_cannot_fail_take_anything),
        in_our_house(unknown_constant_or_name_is_quoted),
        cmocka_unit_test(every_function_of_the_header_was_called),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
