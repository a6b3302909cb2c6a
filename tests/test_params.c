/* The table of parameters that ae_param_at() shows, against ae.h's words, and the objects that take them. */
#include "test_api.h"

#include <ctype.h>
#include <float.h>
#include <math.h>
#include <stdio.h>

static bool param_at(int32_t index, ae_param *row)
{
    row->size = sizeof *row;
    return ae_param_at(index, row) == AE_OK;
}

static int32_t param_of(int32_t id, ae_param *row)
{
    for (int32_t i = 0; param_at(i, row); i++) {
        if (row->id == id) return i;
    }
    fail_msg("no parameter %d", (int)id);
    return -1;
}

/* ---- the table ---- */

typedef struct bounds {
    int32_t id;
    double initial, lowest, highest;
} bounds;

/* As ae.h has them; where it excludes a bound, the next float. */
static const bounds in_header[] = {
    {AE_PARAM_SEED, 0, 0, 0x1p63 - 1024},
    {AE_PARAM_BATCH, 256, 1, 1 << 24},
    {AE_PARAM_SHUFFLE, AE_SHUFFLE_FULL, AE_SHUFFLE_NONE, AE_SHUFFLE_WINDOW},
    {AE_PARAM_CLIP_NORM, 0, 0, FLT_MAX},
    {AE_PARAM_CLIP_VALUE, 0, 0, FLT_MAX},
    {AE_PARAM_BOUND, AE_BOUND_ELBO, AE_BOUND_ELBO, AE_BOUND_IMPORTANCE},
    {AE_PARAM_SCHEDULE, AE_SCHEDULE_CONSTANT, AE_SCHEDULE_CONSTANT, AE_SCHEDULE_PLATEAU},
    {AE_PARAM_SCHEDULE_STEPS, 1000, 1, 0x1p53},
    {AE_PARAM_SCHEDULE_FACTOR, 0.1, FLT_MIN, 1},
    {AE_PARAM_SCHEDULE_MINIMUM, 0, 0, 1e6},
    {AE_PARAM_SCHEDULE_WARMUP, 0, 0, 0x1p53},
    {AE_PARAM_SCHEDULE_PATIENCE, 10, 1, 1 << 20},
    {AE_PARAM_SCHEDULE_THRESHOLD, 1e-4, 0, 1},
    {AE_PARAM_ACCUMULATE, 1, 1, 1 << 16},
    {AE_PARAM_SHUFFLE_BLOCK, 256, 1, 1 << 24},
    {AE_PARAM_SHUFFLE_WINDOW, 16, 1, 1 << 16},
    {AE_PARAM_MISSING, 0, 0, 1},
    {AE_PARAM_SCALING_INPUT, AE_SCALING_NONE, AE_SCALING_NONE, AE_SCALING_STANDARD},
    {AE_PARAM_SCALING_TARGET, AE_SCALING_NONE, AE_SCALING_NONE, AE_SCALING_STANDARD},
    {AE_PARAM_UNITS, 1, 1, 1 << 24},
    {AE_PARAM_ACTIVATION, AE_ACT_LINEAR, AE_ACT_LINEAR, AE_ACT_SILU},
    {AE_PARAM_SLOPE, 0.3, FLT_MIN, 1 - FLT_EPSILON},
    {AE_PARAM_BIAS, 1, 0, 1},
    {AE_PARAM_INIT, AE_INIT_GLOROT_UNIFORM, AE_INIT_ZEROS, AE_INIT_LECUN_NORMAL},
    {AE_PARAM_TIED, -1, -1, 1023},
    {AE_PARAM_NOISE, AE_NOISE_GAUSSIAN, AE_NOISE_GAUSSIAN, AE_NOISE_DROPOUT},
    {AE_PARAM_AMOUNT, 0, 0, FLT_MAX},
    {AE_PARAM_CLIP_LOW, -FLT_MAX, -FLT_MAX, FLT_MAX},
    {AE_PARAM_CLIP_HIGH, FLT_MAX, -FLT_MAX, FLT_MAX},
    {AE_PARAM_MASK_VALUE, 0, -FLT_MAX, FLT_MAX},
    {AE_PARAM_K, 1, 1, 1 << 24},
    {AE_PARAM_SAMPLES, 1, 1, 1 << 16},
    {AE_PARAM_SIDE, 1, 1, 1 << 24},
    {AE_PARAM_LABEL, 0, 0, 1},
    {AE_PARAM_REVIVAL, 1, 0, FLT_MAX},
    {AE_PARAM_DEAD_AFTER, 4096, 1, 1 << 24},
    {AE_PARAM_FILTERS, 1, 1, 1 << 20},
    {AE_PARAM_KERNEL_H, 1, 1, 4096},
    {AE_PARAM_KERNEL_W, 1, 1, 4096},
    {AE_PARAM_STRIDE_H, 1, 1, 4096},
    {AE_PARAM_STRIDE_W, 1, 1, 4096},
    {AE_PARAM_PADDING, AE_PADDING_VALID, AE_PADDING_VALID, AE_PADDING_EXPLICIT},
    {AE_PARAM_PAD_TOP, 0, 0, 4096},
    {AE_PARAM_PAD_BOTTOM, 0, 0, 4096},
    {AE_PARAM_PAD_LEFT, 0, 0, 4096},
    {AE_PARAM_PAD_RIGHT, 0, 0, 4096},
    {AE_PARAM_POOL, AE_POOL_MAX, AE_POOL_MAX, AE_POOL_AVERAGE},
    {AE_PARAM_FACTOR_H, 2, 1, 4096},
    {AE_PARAM_FACTOR_W, 2, 1, 4096},
    {AE_PARAM_INTERPOLATION, AE_INTERPOLATION_NEAREST, AE_INTERPOLATION_NEAREST,
     AE_INTERPOLATION_BILINEAR},
    {AE_PARAM_HEIGHT, 0, 0, 1 << 24},
    {AE_PARAM_WIDTH, 1, 1, 1 << 24},
    {AE_PARAM_CHANNELS, 1, 1, 1 << 24},
    {AE_PARAM_NORM_MOMENTUM, 0.99, 0, 1 - FLT_EPSILON},
    {AE_PARAM_NORM_EPSILON, 1e-3, FLT_MIN, 1},
    {AE_PARAM_WEIGHT, 1, FLT_MIN, FLT_MAX},
    {AE_PARAM_LAYER, -1, -1, 1023},
    {AE_PARAM_DELTA, 1, FLT_MIN, FLT_MAX},
    {AE_PARAM_FREE_BITS, 0, 0, FLT_MAX},
    {AE_PARAM_WARMUP, 0, 0, 1e6},
    {AE_PARAM_TARGET, 0.05, FLT_EPSILON, 1 - FLT_EPSILON},
    {AE_PARAM_VARIANCE, 1, 1e-8, 1e8},
    {AE_PARAM_VARIANCE_KIND, AE_VARIANCE_FIXED, AE_VARIANCE_FIXED, AE_VARIANCE_FEATURE},
    {AE_PARAM_FEATURE_WEIGHTS, 0, 0, 1},
    {AE_PARAM_LEARNING_RATE, 0.001, 0, 1e6},
    {AE_PARAM_MOMENTUM, 0, 0, 1 - FLT_EPSILON},
    {AE_PARAM_NESTEROV, 0, 0, 1},
    {AE_PARAM_BETA1, 0.9, 0, 1 - FLT_EPSILON},
    {AE_PARAM_BETA2, 0.999, 0, 1 - FLT_EPSILON},
    {AE_PARAM_EPSILON, 1e-7, FLT_MIN, 1},
    {AE_PARAM_WEIGHT_DECAY, 0, 0, 1e6},
    {AE_PARAM_RHO, 0.9, 0, 1 - FLT_EPSILON},
    {AE_PARAM_WEIGHT_DECAY_L1, 0, 0, 1e6},
    {AE_FIT_EPOCHS, 1, 0, 1 << 20},
    {AE_FIT_THREADS, 0, 0, 256},
    {AE_FIT_PATIENCE, 0, 0, 1 << 20},
    {AE_FIT_MIN_CHANGE, 0, 0, FLT_MAX},
    {AE_FIT_RESTORE, 1, 0, 1},
    {AE_FIT_SPLIT, 0, 0, 1 - FLT_EPSILON},
    {AE_FIT_ANEW, 0, 0, 1},
    {AE_FIT_GRADIENT_NORM, 0, 0, 1},
    {AE_PARAM_THREADS, 1, 1, 256},
    {AE_PARAM_GEMM, AE_GEMM_AUTO, AE_GEMM_AUTO, AE_GEMM_CBLAS},
    {AE_PARAM_CPU, AE_CPU_AUTO, AE_CPU_AUTO, AE_CPU_NEON},
    {AE_PARAM_MEMORY, 1 << 30, 1, 0x1p62},
    {AE_PARAM_RAW_SCORES, 0, 0, 1},
};

enum { PARAMS = sizeof in_header / sizeof *in_header };

static void defaults_and_bounds_are_those_of_the_header(void **state)
{
    ae_param row;
    (void)state;
    for (const bounds *b = in_header; b < in_header + PARAMS; b++) {
        param_of(b->id, &row);
        if (row.default_value != b->initial || row.minimum != b->lowest ||
            row.maximum != b->highest)
            fail_msg("%s: %.17g, %.17g to %.17g", row.name, row.default_value, row.minimum,
                     row.maximum);
    }
    assert_false(param_at(PARAMS, &row));
}

static void every_constant_of_a_parameter_has_a_row_of_its_name(void **state)
{
    const char *constant;
    int64_t id;
    int32_t found = 0;
    (void)state;
    for (int32_t i = 0; ae_constant_at(i, &constant, &id) == AE_OK; i++) {
        bool fit = strncmp(constant, "AE_FIT_", 7) == 0;
        ae_param row;
        if ((!fit && strncmp(constant, "AE_PARAM_", 9) != 0) || id < 0) continue;
        param_of((int32_t)id, &row);
        const char *upper = constant + (fit ? 7 : 9);
        for (size_t j = 0; j <= strlen(upper); j++)
            assert_int_equal(toupper((unsigned char)row.name[j]), upper[j]);
        found++;
    }
    assert_int_equal(found, PARAMS);
}

static void ids_and_names_within_a_scope_are_unique(void **state)
{
    ae_param a, b;
    (void)state;
    for (int32_t i = 0; param_at(i, &a); i++) {
        for (int32_t j = 0; j < i && param_at(j, &b); j++) {
            assert_int_not_equal(a.id, b.id);
            assert_false(a.scope == b.scope && strcmp(a.name, b.name) == 0);
        }
    }
}

static void rows_are_complete(void **state)
{
    ae_param row;
    (void)state;
    for (int32_t i = 0; param_at(i, &row); i++) {
        assert_true(row.type == AE_TYPE_I64 || row.type == AE_TYPE_F64);
        assert_in_range(row.scope, AE_SCOPE_MODEL, AE_SCOPE_RUN);
        assert_true(row.minimum <= row.default_value && row.default_value <= row.maximum);
        assert_true(*row.help && !strchr(row.help, '\n'));
        assert_int_equal(row.reserved, 0);
    }
}

/* ---- taking them ---- */

/* An optimiser that takes the parameter, if one does: AdamW where it is no other's alone. */
static int32_t optimizer_for(int32_t param)
{
    switch (param) {
    case AE_PARAM_MOMENTUM:
    case AE_PARAM_NESTEROV: return AE_OPTIM_SGD;
    case AE_PARAM_RHO: return AE_OPTIM_RMSPROP;
    default: return AE_OPTIM_ADAMW;
    }
}

/* Adds the layer or loss that takes the parameter, where the small model's do not. */
static int32_t add_part_for(ae_config *config, int32_t param)
{
    switch (param) {
    case AE_PARAM_NOISE:
    case AE_PARAM_AMOUNT:
    case AE_PARAM_CLIP_LOW:
    case AE_PARAM_CLIP_HIGH:
    case AE_PARAM_MASK_VALUE: return ae_config_corrupt(config, AE_NOISE_GAUSSIAN, 0);
    case AE_PARAM_K:
    case AE_PARAM_REVIVAL:
    case AE_PARAM_DEAD_AFTER: return ae_config_topk(config, 1);
    case AE_PARAM_SAMPLES: return ae_config_gaussian(config);
    case AE_PARAM_SIDE:
    case AE_PARAM_LABEL: return ae_config_concat(config, 1);
    case AE_PARAM_FILTERS:
    case AE_PARAM_KERNEL_H:
    case AE_PARAM_KERNEL_W:
    case AE_PARAM_STRIDE_H:
    case AE_PARAM_STRIDE_W:
    case AE_PARAM_PADDING:
    case AE_PARAM_PAD_TOP:
    case AE_PARAM_PAD_BOTTOM:
    case AE_PARAM_PAD_LEFT:
    case AE_PARAM_PAD_RIGHT:
        return ae_config_conv2d(config, 1, 1, 1, AE_PADDING_VALID, AE_ACT_LINEAR);
    case AE_PARAM_POOL: return ae_config_pool1d(config, AE_POOL_MAX, 1, AE_PADDING_VALID);
    case AE_PARAM_FACTOR_H:
    case AE_PARAM_FACTOR_W:
    case AE_PARAM_INTERPOLATION:
        return ae_config_upsample2d(config, 1, 1, AE_INTERPOLATION_NEAREST);
    case AE_PARAM_HEIGHT:
    case AE_PARAM_WIDTH:
    case AE_PARAM_CHANNELS: return ae_config_reshape_image(config, 1, 1, 1);
    case AE_PARAM_NORM_MOMENTUM:
    case AE_PARAM_NORM_EPSILON: return ae_config_batch_norm(config, AE_ACT_LINEAR);
    case AE_PARAM_DELTA: return ae_config_loss(config, AE_LOSS_HUBER);
    case AE_PARAM_VARIANCE:
    case AE_PARAM_VARIANCE_KIND: return ae_config_loss(config, AE_LOSS_GAUSSIAN_NLL);
    case AE_PARAM_LAYER:
    case AE_PARAM_FREE_BITS:
    case AE_PARAM_WARMUP: return ae_config_penalty(config, AE_PENALTY_KL, 1);
    case AE_PARAM_TARGET: return ae_config_penalty(config, AE_PENALTY_KL_SPARSITY, 1);
    default: return AE_OK;
    }
}

/* A config whose last layer, loss and optimiser take the parameter. */
static ae_config *config_for(const ae_param *row)
{
    ae_config *config = small_config();
    must(add_part_for(config, row->id));
    must(ae_config_optimizer(config, optimizer_for(row->id)));
    return config;
}

/* Sets the parameter of a new object in its own type, and gets it if that succeeded. */
static int32_t attempt(const ae_param *row, int64_t i64, double f64)
{
    ae_config *config = config_for(row);
    ae_fit_options *options;
    int64_t got_i64 = i64;
    double got_f64 = f64;
    int32_t status;
    must(ae_fit_options_create(&options));
    if (row->scope == AE_SCOPE_FIT && row->type == AE_TYPE_F64) {
        status = ae_fit_options_set_f64(options, row->id, f64);
        if (status == AE_OK) must(ae_fit_options_get_f64(options, row->id, &got_f64));
    } else if (row->scope == AE_SCOPE_FIT) {
        status = ae_fit_options_set_i64(options, row->id, i64);
        if (status == AE_OK) must(ae_fit_options_get_i64(options, row->id, &got_i64));
    } else if (row->type == AE_TYPE_I64) {
        status = ae_config_set_i64(config, row->id, i64);
        if (status == AE_OK) must(ae_config_get_i64(config, row->id, &got_i64));
    } else {
        status = ae_config_set_f64(config, row->id, f64);
        if (status == AE_OK) must(ae_config_get_f64(config, row->id, &got_f64));
    }
    assert_true(got_i64 == i64);
    assert_memory_equal(&got_f64, &f64, sizeof f64);
    ae_fit_options_free(options);
    ae_config_free(config);
    return status;
}

static void refused(const ae_param *row, int64_t i64, double f64)
{
    const char *message = ae_last_error();
    int32_t status = attempt(row, i64, f64);
    if (status != AE_ERR_RANGE || !strstr(message, row->name) || !strstr(message, "wanted"))
        fail_msg("%s: %lld, %g: %d, %s", row->name, (long long)i64, f64, (int)status, message);
}

static void bounds_themselves_are_taken(void **state)
{
    ae_param row;
    (void)state;
    for (int32_t i = 0; param_at(i, &row); i++) {
        const double values[] = {row.minimum, row.default_value, row.maximum};
        for (int v = 0; v < 3; v++) {
            int64_t i64 = row.type == AE_TYPE_I64 ? (int64_t)values[v] : 0;
            assert_int_equal(attempt(&row, i64, values[v]), AE_OK);
        }
    }
}

static void what_lies_outside_the_bounds_is_refused_by_name(void **state)
{
    ae_param row;
    (void)state;
    for (int32_t i = 0; param_at(i, &row); i++) {
        if (row.type == AE_TYPE_I64) {
            const int64_t out[] = {(int64_t)row.minimum - 1, (int64_t)row.maximum + 1, INT64_MIN,
                                   INT64_MAX};
            for (int v = 0; v < 4; v++) refused(&row, out[v], 0);
        } else {
            const double out[] = {nextafter(row.minimum, -INFINITY),
                                  nextafter(row.maximum, INFINITY), -INFINITY, INFINITY, NAN};
            for (int v = 0; v < 5; v++) refused(&row, 0, out[v]);
        }
    }
}

static void bound_in_a_message_differs_from_the_value_refused(void **state)
{
    ae_param row;
    (void)state;
    param_of(AE_PARAM_MOMENTUM, &row);
    refused(&row, 0, 1);
    assert_non_null(strstr(ae_last_error(), "momentum is 1, wanted 0 to 0.999999881"));
}

static void other_type_is_refused_by_both_names(void **state)
{
    ae_param row;
    int64_t i64 = 5;
    double f64 = 5;
    (void)state;
    for (int32_t i = 0; param_at(i, &row); i++) {
        bool integer = row.type == AE_TYPE_I64;
        if (row.scope == AE_SCOPE_FIT) continue;
        ae_config *config = config_for(&row);
        int32_t got = integer ? ae_config_get_f64(config, row.id, &f64)
                              : ae_config_get_i64(config, row.id, &i64);
        int32_t set = integer ? ae_config_set_f64(config, row.id, row.default_value)
                              : ae_config_set_i64(config, row.id, (int64_t)row.default_value);
        assert_int_equal(got, AE_ERR_INVALID);
        assert_int_equal(set, AE_ERR_INVALID);
        assert_true(i64 == 5 && f64 == 5);
        assert_non_null(strstr(ae_last_error(), row.name));
        assert_non_null(strstr(ae_last_error(), integer ? "i64" : "f64"));
        ae_config_free(config);
    }
}

/* Whether an object of scope FIT, or a model, takes a parameter, is a matter of its scope. */
static void scope_decides_which_object_takes_a_parameter(void **state)
{
    ae_model *model = small_model();
    ae_param row;
    (void)state;
    for (int32_t i = 0; param_at(i, &row); i++) {
        ae_fit_options *options;
        int64_t i64 = (int64_t)row.default_value;
        bool integer = row.type == AE_TYPE_I64;
        int32_t set = integer ? ae_model_set_i64(model, row.id, i64)
                              : ae_model_set_f64(model, row.id, row.default_value);
        bool fixed = row.scope == AE_SCOPE_LAYER || row.scope == AE_SCOPE_TERM ||
                     row.id == AE_PARAM_SEED || row.id == AE_PARAM_MISSING ||
                     row.id == AE_PARAM_SCALING_INPUT || row.id == AE_PARAM_SCALING_TARGET;
        bool not_adams = optimizer_for(row.id) != AE_OPTIM_ADAMW;
        int32_t wanted = fixed                                    ? AE_ERR_STATE
                         : row.scope == AE_SCOPE_FIT || not_adams ? AE_ERR_INVALID
                                                                  : AE_OK;
        if (set != wanted) fail_msg("%s of a model: %d, %s", row.name, (int)set, ae_last_error());
        must(ae_fit_options_create(&options));
        assert_int_equal(integer ? ae_fit_options_set_i64(options, row.id, i64)
                                 : ae_fit_options_set_f64(options, row.id, row.default_value),
                         row.scope == AE_SCOPE_FIT ? AE_OK : AE_ERR_INVALID);
        ae_fit_options_free(options);
    }
    ae_model_free(model);
}

/* ---- defaults ---- */

typedef struct preset {
    int32_t optimizer, id;
    double value;
} preset;

static void optimisers_begin_at_their_own_defaults(void **state)
{
    static const preset presets[] = {
        {AE_OPTIM_SGD, AE_PARAM_LEARNING_RATE, 0.01},
        {AE_OPTIM_SGD, AE_PARAM_MOMENTUM, 0},
        {AE_OPTIM_SGD, AE_PARAM_WEIGHT_DECAY, 0},
        {AE_OPTIM_ADAM, AE_PARAM_LEARNING_RATE, 0.001},
        {AE_OPTIM_ADAM, AE_PARAM_BETA1, 0.9},
        {AE_OPTIM_ADAM, AE_PARAM_BETA2, 0.999},
        {AE_OPTIM_ADAM, AE_PARAM_EPSILON, 1e-7},
        {AE_OPTIM_ADAM, AE_PARAM_WEIGHT_DECAY, 0},
        {AE_OPTIM_ADAMW, AE_PARAM_LEARNING_RATE, 0.001},
        {AE_OPTIM_ADAMW, AE_PARAM_WEIGHT_DECAY, 0.01},
        {AE_OPTIM_ADAMW, AE_PARAM_WEIGHT_DECAY_L1, 0},
        {AE_OPTIM_RMSPROP, AE_PARAM_LEARNING_RATE, 0.001},
        {AE_OPTIM_RMSPROP, AE_PARAM_MOMENTUM, 0},
        {AE_OPTIM_RMSPROP, AE_PARAM_EPSILON, 1e-7},
        {AE_OPTIM_RMSPROP, AE_PARAM_WEIGHT_DECAY, 0},
        {AE_OPTIM_RMSPROP, AE_PARAM_RHO, 0.9},
    };
    ae_config *config = small_config();
    double value;
    (void)state;
    must(ae_config_get_f64(config, AE_PARAM_BETA1, &value)); /* Adam, unasked */
    for (const preset *p = presets; p < presets + sizeof presets / sizeof *presets; p++) {
        must(ae_config_optimizer(config, p->optimizer));
        must(ae_config_get_f64(config, p->id, &value));
        assert_true(value == p->value);
    }
    ae_config_free(config);
}

static void choosing_the_optimiser_again_puts_its_parameters_back(void **state)
{
    ae_config *config = small_config();
    double value;
    (void)state;
    must(ae_config_set_f64(config, AE_PARAM_LEARNING_RATE, 0.5));
    must(ae_config_optimizer(config, AE_OPTIM_ADAM));
    must(ae_config_get_f64(config, AE_PARAM_LEARNING_RATE, &value));
    assert_true(value == 0.001);
    ae_config_free(config);
}

static void model_keeps_what_its_config_had_and_changes_alone(void **state)
{
    ae_config *config = small_config();
    ae_model *model;
    int64_t i64;
    double f64;
    (void)state;
    must(ae_config_set_i64(config, AE_PARAM_BATCH, 17));
    must(ae_config_set_f64(config, AE_PARAM_LEARNING_RATE, 0.25));
    must(ae_model_create(&model, config));
    must(ae_model_set_f64(model, AE_PARAM_LEARNING_RATE, 0.125));
    must(ae_model_get_i64(model, AE_PARAM_BATCH, &i64));
    assert_int_equal(i64, 17);
    must(ae_model_get_f64(model, AE_PARAM_LEARNING_RATE, &f64));
    assert_true(f64 == 0.125);
    must(ae_config_get_f64(config, AE_PARAM_LEARNING_RATE, &f64));
    assert_true(f64 == 0.25);
    ae_config_free(config);
    ae_model_free(model);
}

static void run_parameter_that_cannot_be_had_leaves_the_old_one(void **state)
{
    ae_model *model = small_model();
    int64_t value;
    (void)state;
    for (int32_t level = AE_CPU_PORTABLE; level <= AE_CPU_NEON; level++) {
        must(ae_model_set_i64(model, AE_PARAM_CPU, AE_CPU_PORTABLE));
        int32_t status = ae_model_set_i64(model, AE_PARAM_CPU, level);
        assert_true(status == AE_OK || status == AE_ERR_UNSUPPORTED);
        must(ae_model_get_i64(model, AE_PARAM_CPU, &value));
        assert_int_equal(value, status == AE_OK ? level : AE_CPU_PORTABLE);
    }
    ae_model_free(model);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(defaults_and_bounds_are_those_of_the_header),
        cmocka_unit_test(every_constant_of_a_parameter_has_a_row_of_its_name),
        cmocka_unit_test(ids_and_names_within_a_scope_are_unique),
        cmocka_unit_test(rows_are_complete),
        cmocka_unit_test(bounds_themselves_are_taken),
        cmocka_unit_test(what_lies_outside_the_bounds_is_refused_by_name),
        cmocka_unit_test(bound_in_a_message_differs_from_the_value_refused),
        cmocka_unit_test(other_type_is_refused_by_both_names),
        cmocka_unit_test(scope_decides_which_object_takes_a_parameter),
        cmocka_unit_test(optimisers_begin_at_their_own_defaults),
        cmocka_unit_test(choosing_the_optimiser_again_puts_its_parameters_back),
        cmocka_unit_test(model_keeps_what_its_config_had_and_changes_alone),
        cmocka_unit_test(run_parameter_that_cannot_be_had_leaves_the_old_one),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
