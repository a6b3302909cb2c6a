/* ae.h: describing a model. The first failure of a config's calls sticks. */
#include "api/check.h"
#include "layers/layer.h"

int32_t ae_config_create_with(ae_config **out, const ae_allocator *allocator)
{
    ae_allocator mem;
    AE__WANT(out);
    *out = NULL;
    AE_TRY(ae__check_allocator(allocator, &mem));
    ae_config *config = ae__mem_alloc(&mem, sizeof *config);
    if (!config) return ae__fail(AE_ERR_NOMEM, "ae_config_create: no memory");
    config->mem = mem;
    ae__desc_begin(&config->desc);
    *out = config;
    return AE_OK;
}

int32_t ae_config_create(ae_config **out)
{
    return ae_config_create_with(out, NULL);
}

void ae_config_free(ae_config *config)
{
    if (!config) return;
    ae_allocator mem = config->mem;
    ae__desc_free(&config->desc, &mem);
    ae__mem_free(&mem, config);
}

int32_t ae_config_input(ae_config *config, int64_t dim)
{
    AE__WANT(config);
    AE_TRY(ae__stuck(&config->failure));
    return ae__stick(&config->failure, ae__desc_input(&config->desc, dim));
}

static int32_t set(ae_config *config, int32_t param, ae__number number)
{
    ae__spec *spec;
    char owner[AE__OWNER];
    AE_TRY(ae__desc_spec(&config->desc, param, &spec, owner));
    return ae__spec_set(spec, owner, param, number);
}

/* A layer with its first parameters; where one is refused the config has failed for good. */
static int32_t add_layer(ae_config *config, int32_t kind, const int32_t *params,
                         const int64_t *values, int32_t count)
{
    AE_TRY(ae__desc_layer(&config->desc, &config->mem, kind));
    for (int32_t i = 0; i < count; i++)
        AE_TRY(set(config, params[i], (ae__number){.type = AE_TYPE_I64, .i64 = values[i]}));
    return AE_OK;
}

int32_t ae_config_dense(ae_config *config, int64_t units, int32_t activation)
{
    const int32_t params[] = {AE_PARAM_UNITS, AE_PARAM_ACTIVATION};
    const int64_t values[] = {units, activation};
    AE__WANT(config);
    AE_TRY(ae__stuck(&config->failure));
    return ae__stick(&config->failure, add_layer(config, AE__LAYER_DENSE, params, values, 2));
}

int32_t ae_config_activation(ae_config *config, int32_t activation)
{
    const int32_t params[] = {AE_PARAM_ACTIVATION};
    const int64_t values[] = {activation};
    AE__WANT(config);
    AE_TRY(ae__stuck(&config->failure));
    return ae__stick(&config->failure, add_layer(config, AE__LAYER_ACTIVATION, params, values, 1));
}

int32_t ae_config_corrupt(ae_config *config, int32_t noise, double amount)
{
    const int32_t params[] = {AE_PARAM_NOISE};
    const int64_t values[] = {noise};
    AE__WANT(config);
    AE_TRY(ae__stuck(&config->failure));
    AE_TRY(ae__stick(&config->failure, add_layer(config, AE__LAYER_CORRUPT, params, values, 1)));
    return ae_config_set_f64(config, AE_PARAM_AMOUNT, amount);
}

int32_t ae_config_topk(ae_config *config, int64_t k)
{
    const int32_t params[] = {AE_PARAM_K};
    AE__WANT(config);
    AE_TRY(ae__stuck(&config->failure));
    return ae__stick(&config->failure, add_layer(config, AE__LAYER_TOPK, params, &k, 1));
}

int32_t ae_config_gaussian(ae_config *config)
{
    AE__WANT(config);
    AE_TRY(ae__stuck(&config->failure));
    return ae__stick(&config->failure, add_layer(config, AE__LAYER_GAUSSIAN, NULL, NULL, 0));
}

static int32_t add_concat(ae_config *config, int64_t side, int64_t label)
{
    const int32_t params[] = {AE_PARAM_SIDE, AE_PARAM_LABEL};
    const int64_t values[] = {side, label};
    AE__WANT(config);
    AE_TRY(ae__stuck(&config->failure));
    return ae__stick(&config->failure, add_layer(config, AE__LAYER_CONCAT, params, values, 2));
}

int32_t ae_config_concat(ae_config *config, int64_t dim)
{
    return add_concat(config, dim, 0);
}

int32_t ae_config_concat_label(ae_config *config, int64_t classes)
{
    return add_concat(config, classes, 1);
}

int32_t ae_config_code(ae_config *config)
{
    AE__WANT(config);
    AE_TRY(ae__stuck(&config->failure));
    return ae__stick(&config->failure, ae__desc_code(&config->desc));
}

/* A term of this kind, which is, or is not, a penalty. */
static int32_t add_term(ae_config *config, int32_t kind, bool penalty)
{
    const ae__term_ops *ops = ae__term_of(kind);
    if (!ops || ops->penalty != penalty)
        return ae__fail(AE_ERR_INVALID, "%s: there is no kind %d", penalty ? "penalty" : "loss",
                        (int)kind);
    return ae__desc_term(&config->desc, &config->mem, kind);
}

static int32_t add_penalty(ae_config *config, int32_t kind, double weight)
{
    int64_t layer = config->desc.n_layers - 1;
    if (layer < 0) return ae__fail(AE_ERR_STATE, "penalty: no layer yet");
    AE_TRY(add_term(config, kind, true));
    AE_TRY(set(config, AE_PARAM_WEIGHT, (ae__number){.type = AE_TYPE_F64, .f64 = weight}));
    return set(config, AE_PARAM_LAYER, (ae__number){.type = AE_TYPE_I64, .i64 = layer});
}

int32_t ae_config_penalty(ae_config *config, int32_t penalty, double weight)
{
    AE__WANT(config);
    AE_TRY(ae__stuck(&config->failure));
    return ae__stick(&config->failure, add_penalty(config, penalty, weight));
}

int32_t ae_config_loss(ae_config *config, int32_t loss)
{
    AE__WANT(config);
    AE_TRY(ae__stuck(&config->failure));
    return ae__stick(&config->failure, add_term(config, loss, false));
}

int32_t ae_config_optimizer(ae_config *config, int32_t optimizer)
{
    AE__WANT(config);
    AE_TRY(ae__stuck(&config->failure));
    return ae__stick(&config->failure, ae__desc_optim(&config->desc, optimizer));
}

int32_t ae_config_set_i64(ae_config *config, int32_t param, int64_t value)
{
    AE__WANT(config);
    AE_TRY(ae__stuck(&config->failure));
    return ae__stick(&config->failure,
                     set(config, param, (ae__number){.type = AE_TYPE_I64, .i64 = value}));
}

int32_t ae_config_set_f64(ae_config *config, int32_t param, double value)
{
    AE__WANT(config);
    AE_TRY(ae__stuck(&config->failure));
    return ae__stick(&config->failure,
                     set(config, param, (ae__number){.type = AE_TYPE_F64, .f64 = value}));
}

static int32_t get(const ae_config *config, int32_t param, ae__number *number)
{
    ae__spec *spec;
    char owner[AE__OWNER];
    AE_TRY(ae__stuck(&config->failure));
    AE_TRY(ae__desc_spec((ae__desc *)&config->desc, param, &spec, owner));
    return ae__spec_get(spec, owner, param, number);
}

int32_t ae_config_get_i64(const ae_config *config, int32_t param, int64_t *value)
{
    ae__number number = {.type = AE_TYPE_I64};
    AE__WANT(config);
    AE__WANT(value);
    AE_TRY(get(config, param, &number));
    *value = number.i64;
    return AE_OK;
}

int32_t ae_config_get_f64(const ae_config *config, int32_t param, double *value)
{
    ae__number number = {.type = AE_TYPE_F64};
    AE__WANT(config);
    AE__WANT(value);
    AE_TRY(get(config, param, &number));
    *value = number.f64;
    return AE_OK;
}
