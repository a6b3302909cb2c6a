/* ae.h: the layers of a description. */
#include "layers/layer.h"

#include "api/check.h"

/* A parameter that a builder call sets; id 0 ends a list. */
typedef struct setting {
    int32_t id;
    int64_t value;
} setting;

static int32_t add_layer(ae_config *config, int32_t kind, const setting *settings)
{
    AE_TRY(ae__desc_layer(&config->desc, &config->mem, kind));
    for (; settings->id; settings++)
        AE_TRY(ae__config_set(config, settings->id,
                              (ae__number){.type = AE_TYPE_I64, .i64 = settings->value}));
    return AE_OK;
}

/* A layer with its first parameters; where one is refused the config has failed for good. */
static int32_t layer(const char *caller, ae_config *config, int32_t kind, const setting *settings)
{
    if (!config) return ae__fail(AE_ERR_INVALID, "%s: config is NULL", caller);
    AE_TRY(ae__stuck(&config->failure));
    return ae__stick(&config->failure, add_layer(config, kind, settings));
}

#define LAYER(kind, ...) layer(__func__, config, kind, (const setting[]){__VA_ARGS__, {0, 0}})

static const setting none[] = {{0, 0}};

int32_t ae_config_dense(ae_config *config, int64_t units, int32_t activation)
{
    return LAYER(AE__LAYER_DENSE, {AE_PARAM_UNITS, units}, {AE_PARAM_ACTIVATION, activation});
}

int32_t ae_config_conv2d(ae_config *config, int64_t filters, int64_t kernel_h, int64_t kernel_w,
                         int32_t padding, int32_t activation)
{
    return LAYER(AE__LAYER_CONV2D, {AE_PARAM_FILTERS, filters}, {AE_PARAM_KERNEL_H, kernel_h},
                 {AE_PARAM_KERNEL_W, kernel_w}, {AE_PARAM_PADDING, padding},
                 {AE_PARAM_ACTIVATION, activation});
}

int32_t ae_config_conv1d(ae_config *config, int64_t filters, int64_t kernel, int32_t padding,
                         int32_t activation)
{
    return LAYER(AE__LAYER_CONV1D, {AE_PARAM_FILTERS, filters}, {AE_PARAM_KERNEL_W, kernel},
                 {AE_PARAM_PADDING, padding}, {AE_PARAM_ACTIVATION, activation});
}

int32_t ae_config_conv2d_transpose(ae_config *config, int64_t filters, int64_t kernel_h,
                                   int64_t kernel_w, int64_t stride_h, int64_t stride_w,
                                   int32_t padding, int32_t activation)
{
    return LAYER(AE__LAYER_CONV2D_TRANSPOSE, {AE_PARAM_FILTERS, filters},
                 {AE_PARAM_KERNEL_H, kernel_h}, {AE_PARAM_KERNEL_W, kernel_w},
                 {AE_PARAM_STRIDE_H, stride_h}, {AE_PARAM_STRIDE_W, stride_w},
                 {AE_PARAM_PADDING, padding}, {AE_PARAM_ACTIVATION, activation});
}

int32_t ae_config_conv1d_transpose(ae_config *config, int64_t filters, int64_t kernel,
                                   int64_t stride, int32_t padding, int32_t activation)
{
    return LAYER(AE__LAYER_CONV1D_TRANSPOSE, {AE_PARAM_FILTERS, filters},
                 {AE_PARAM_KERNEL_W, kernel}, {AE_PARAM_STRIDE_W, stride},
                 {AE_PARAM_PADDING, padding}, {AE_PARAM_ACTIVATION, activation});
}

int32_t ae_config_pool2d(ae_config *config, int32_t pool, int64_t kernel_h, int64_t kernel_w,
                         int32_t padding)
{
    return LAYER(AE__LAYER_POOL2D, {AE_PARAM_POOL, pool}, {AE_PARAM_KERNEL_H, kernel_h},
                 {AE_PARAM_KERNEL_W, kernel_w}, {AE_PARAM_STRIDE_H, kernel_h},
                 {AE_PARAM_STRIDE_W, kernel_w}, {AE_PARAM_PADDING, padding});
}

int32_t ae_config_pool1d(ae_config *config, int32_t pool, int64_t length, int32_t padding)
{
    return LAYER(AE__LAYER_POOL1D, {AE_PARAM_POOL, pool}, {AE_PARAM_KERNEL_W, length},
                 {AE_PARAM_STRIDE_W, length}, {AE_PARAM_PADDING, padding});
}

int32_t ae_config_upsample2d(ae_config *config, int64_t factor_h, int64_t factor_w,
                             int32_t interpolation)
{
    return LAYER(AE__LAYER_UPSAMPLE2D, {AE_PARAM_FACTOR_H, factor_h}, {AE_PARAM_FACTOR_W, factor_w},
                 {AE_PARAM_INTERPOLATION, interpolation});
}

int32_t ae_config_upsample1d(ae_config *config, int64_t factor, int32_t interpolation)
{
    return LAYER(AE__LAYER_UPSAMPLE1D, {AE_PARAM_FACTOR_W, factor},
                 {AE_PARAM_INTERPOLATION, interpolation});
}

int32_t ae_config_flatten(ae_config *config)
{
    return layer(__func__, config, AE__LAYER_FLATTEN, none);
}

int32_t ae_config_reshape_image(ae_config *config, int64_t height, int64_t width, int64_t channels)
{
    AE__WANT(config);
    if (height < 1) /* which would mean a signal */
        return ae__stick(&config->failure,
                         ae__fail(AE_ERR_RANGE, "reshape: height is %lld, wanted 1 to %d",
                                  (long long)height, AE__MAX_DIM));
    return LAYER(AE__LAYER_RESHAPE, {AE_PARAM_HEIGHT, height}, {AE_PARAM_WIDTH, width},
                 {AE_PARAM_CHANNELS, channels});
}

int32_t ae_config_reshape_signal(ae_config *config, int64_t length, int64_t channels)
{
    return LAYER(AE__LAYER_RESHAPE, {AE_PARAM_WIDTH, length}, {AE_PARAM_CHANNELS, channels});
}

int32_t ae_config_batch_norm(ae_config *config, int32_t activation)
{
    return LAYER(AE__LAYER_BATCH_NORM, {AE_PARAM_ACTIVATION, activation});
}

int32_t ae_config_layer_norm(ae_config *config, int32_t activation)
{
    return LAYER(AE__LAYER_LAYER_NORM, {AE_PARAM_ACTIVATION, activation});
}

int32_t ae_config_activation(ae_config *config, int32_t activation)
{
    return LAYER(AE__LAYER_ACTIVATION, {AE_PARAM_ACTIVATION, activation});
}

int32_t ae_config_corrupt(ae_config *config, int32_t noise, double amount)
{
    AE_TRY(LAYER(AE__LAYER_CORRUPT, {AE_PARAM_NOISE, noise}));
    return ae_config_set_f64(config, AE_PARAM_AMOUNT, amount);
}

int32_t ae_config_topk(ae_config *config, int64_t k)
{
    return LAYER(AE__LAYER_TOPK, {AE_PARAM_K, k});
}

int32_t ae_config_gaussian(ae_config *config)
{
    return layer(__func__, config, AE__LAYER_GAUSSIAN, none);
}

int32_t ae_config_concat(ae_config *config, int64_t dim)
{
    return LAYER(AE__LAYER_CONCAT, {AE_PARAM_SIDE, dim});
}

int32_t ae_config_concat_label(ae_config *config, int64_t classes)
{
    return LAYER(AE__LAYER_CONCAT, {AE_PARAM_SIDE, classes}, {AE_PARAM_LABEL, 1});
}
