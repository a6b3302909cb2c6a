/* ae.h: creating a model, looking inside, and changing what may change. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "api/check.h"
#include "model/summary.h"

int32_t ae_model_create(ae_model **out, const ae_config *config)
{
    AE__WANT(out);
    *out = NULL;
    AE__WANT(config);
    AE_TRY(ae__stuck(&config->failure));
    AE_TRY(ae__model_create(out, &config->desc, &config->mem));
    ae__model_init(*out);
    return AE_OK;
}

int32_t ae_model_share(ae_model **out, ae_model *model)
{
    AE__WANT(out);
    *out = NULL;
    AE__WANT(model);
    return ae__model_share(out, model);
}

void ae_model_free(ae_model *model)
{
    ae__model_free(model);
}

int64_t ae_model_input_dim(const ae_model *model)
{
    return model ? (int64_t)model->plan.layers[0].in : 0;
}

int64_t ae_model_code_dim(const ae_model *model)
{
    return model ? (int64_t)ae__plan_code(&model->plan) : 0;
}

int64_t ae_model_output_dim(const ae_model *model)
{
    return model ? (int64_t)ae__plan_output(&model->plan) : 0;
}

int32_t ae_model_layers(const ae_model *model)
{
    return model ? model->plan.n_layers : 0;
}

int64_t ae_model_layer_dim(const ae_model *model, int32_t layer)
{
    if (!model || layer < 0 || layer >= model->plan.n_layers) return 0;
    return (int64_t)model->plan.layers[layer].out;
}

int32_t ae_model_terms(const ae_model *model)
{
    return model ? model->plan.n_terms : 0;
}

int64_t ae_model_weights(const ae_model *model)
{
    return model ? (int64_t)model->plan.weight_count : 0;
}

int64_t ae_model_epochs(const ae_model *model)
{
    return model ? (int64_t)model->trained.epochs : 0;
}

int64_t ae_model_steps(const ae_model *model)
{
    return model ? (int64_t)model->trained.steps : 0;
}

int32_t ae_model_summary(const ae_model *model, char *text, size_t cap, size_t *length)
{
    AE__WANT(model);
    AE_TRY(ae__check_model(model));
    size_t all = ae__summary(model, NULL, 0);
    if (text || cap) {
        AE__WANT(text);
        if (cap <= all)
            return ae__fail(AE_ERR_RANGE, "ae_model_summary: capacity is %zu, wanted %zu", cap,
                            all + 1);
        ae__summary(model, text, cap);
    }
    if (length) *length = all;
    return AE_OK;
}

/* ---- parameters ---- */

/* The spec that holds a parameter which may change, or change now, while a model lives. */
static int32_t spec_of(ae_model *model, int32_t param, bool change, ae__spec **spec, char *owner)
{
    const ae__param *row = ae__param_of(param);
    bool fit = row && row->scope == AE_SCOPE_FIT;
    if (fit || (row && (row->scope == AE_SCOPE_LAYER || row->scope == AE_SCOPE_TERM)))
        return ae__fail(change && !fit ? AE_ERR_STATE : AE_ERR_INVALID,
                        "model: %s belongs to a %s, not to a model", row->name,
                        fit ? "fit" : "layer or loss");
    AE_TRY(ae__desc_spec(&model->desc, param, spec, owner));
    if (row->scope != AE_SCOPE_OPTIM) snprintf(owner, AE__OWNER, "model");
    if (change && (param == AE_PARAM_SEED || param == AE_PARAM_MISSING ||
                   param == AE_PARAM_SCALING_INPUT || param == AE_PARAM_SCALING_TARGET))
        return ae__fail(AE_ERR_STATE, "model: %s is fixed once a model exists", row->name);
    return AE_OK;
}

/* A run parameter that cannot be had leaves everything as it was. */
static int32_t set_checked(ae_model *model, int32_t param, ae__number number)
{
    ae__spec *spec = NULL, before;
    char owner[AE__OWNER];
    AE_TRY(spec_of(model, param, true, &spec, owner));
    before = *spec;
    AE_TRY(ae__spec_set(spec, owner, param, number));
    if (spec != &model->desc.run) return AE_OK;
    int32_t status = ae__model_configure(model);
    if (status != AE_OK) *spec = before;
    return status;
}

/* How it runs is each handle's own; all else belongs to the model. */
static int32_t set(ae_model *model, int32_t param, ae__number number)
{
    const ae__param *row = ae__param_of(param);
    if (row && row->scope == AE_SCOPE_RUN) {
        AE_TRY(ae__check_model(model));
        AE_TRY(ae__model_check_claim(model));
        return set_checked(model, param, number);
    }
    AE_TRY(ae__change_begin(model));
    return ae__change_end(model, set_checked(model, param, number));
}

int32_t ae_model_set_i64(ae_model *model, int32_t param, int64_t value)
{
    AE__WANT(model);
    return set(model, param, (ae__number){.type = AE_TYPE_I64, .i64 = value});
}

int32_t ae_model_set_f64(ae_model *model, int32_t param, double value)
{
    AE__WANT(model);
    return set(model, param, (ae__number){.type = AE_TYPE_F64, .f64 = value});
}

static int32_t get(const ae_model *model, int32_t param, ae__number *number)
{
    ae__spec *spec = NULL;
    char owner[AE__OWNER];
    AE_TRY(ae__check_model(model));
    AE_TRY(spec_of((ae_model *)model, param, false, &spec, owner));
    return ae__spec_get(spec, owner, param, number);
}

int32_t ae_model_get_i64(const ae_model *model, int32_t param, int64_t *value)
{
    ae__number number = {.type = AE_TYPE_I64};
    AE__WANT(model);
    AE__WANT(value);
    AE_TRY(get(model, param, &number));
    *value = number.i64;
    return AE_OK;
}

int32_t ae_model_get_f64(const ae_model *model, int32_t param, double *value)
{
    ae__number number = {.type = AE_TYPE_F64};
    AE__WANT(model);
    AE__WANT(value);
    AE_TRY(get(model, param, &number));
    *value = number.f64;
    return AE_OK;
}

/* ---- weights ---- */

int32_t ae_model_weights_at(const ae_model *model, int32_t index, int32_t *layer, const char **name,
                            int64_t *rows, int64_t *cols)
{
    AE__WANT(model);
    AE_TRY(ae__check_model(model));
    if (index < 0 || index >= model->plan.n_weights)
        return ae__fail(AE_ERR_RANGE, "ae_model_weights_at: index is %d, wanted 0 to %d",
                        (int)index, (int)model->plan.n_weights - 1);
    const ae__weight *weight = &model->plan.weights[index];
    if (layer) *layer = weight->layer;
    if (name) *name = weight->info.name;
    if (rows) *rows = (int64_t)weight->info.rows;
    if (cols) *cols = (int64_t)weight->info.cols;
    return AE_OK;
}

static int32_t find_weight(const ae_model *model, int32_t layer, const char *name,
                           const ae__weight **weight)
{
    const ae__plan *plan = &model->plan;
    const int32_t last = plan->n_layers + plan->n_terms - 1, term = layer - plan->n_layers;
    if (layer < 0 || layer > last)
        return ae__fail(AE_ERR_INVALID, "weights: layer is %d, wanted 0 to %d", (int)layer,
                        (int)last);
    *weight = ae__plan_weight(plan, layer, name);
    if (*weight) return AE_OK;
    return ae__fail(AE_ERR_INVALID, "%s #%d: has no weights \"%s\" of its own",
                    term < 0 ? plan->layers[layer].ops->name : plan->terms[term].ops->name,
                    (int)(term < 0 ? layer : term), name);
}

int32_t ae_model_weights_get(const ae_model *model, int32_t layer, const char *name, float *values,
                             size_t cap)
{
    const ae__weight *weight;
    AE__WANT(model);
    AE__WANT(name);
    AE__WANT(values);
    AE_TRY(ae__check_model(model));
    AE_TRY(find_weight(model, layer, name, &weight));
    if (cap < weight->count)
        return ae__fail(AE_ERR_RANGE, "weights: capacity is %zu, wanted %zu x %zu", cap,
                        weight->info.rows, weight->info.cols);
    memcpy(values, model->weights + weight->offset, weight->count * sizeof *values);
    return AE_OK;
}

static int32_t set_weights(ae_model *model, int32_t layer, const char *name, const float *values,
                           size_t count)
{
    const ae__weight *weight;
    AE_TRY(find_weight(model, layer, name, &weight));
    if (count != weight->count)
        return ae__fail(AE_ERR_SHAPE, "weights: count is %zu, wanted %zu x %zu", count,
                        weight->info.rows, weight->info.cols);
    for (size_t i = 0; i < count; i++) {
        if (!isfinite(values[i]))
            return ae__fail(AE_ERR_NONFINITE, "weights: number %zu is %g, wanted a finite one", i,
                            (double)values[i]);
    }
    if (weight->info.weighs && !ae__weighs(values, count))
        return ae__fail(AE_ERR_RANGE, "weights: %s below 0, or all 0, wanted one above it",
                        weight->info.name);
    memcpy(model->weights + weight->offset, values, count * sizeof *values);
    return AE_OK;
}

int32_t ae_model_weights_set(ae_model *model, int32_t layer, const char *name, const float *values,
                             size_t count)
{
    AE__WANT(model);
    AE__WANT(name);
    AE__WANT(values);
    AE_TRY(ae__change_begin(model));
    return ae__change_end(model, set_weights(model, layer, name, values, count));
}

/* ---- what training left ---- */

double ae_model_running_loss(const ae_model *model)
{
    return model && model->trained.online.steps ? model->trained.online.loss : NAN;
}

int32_t ae_model_history(const ae_model *model, int32_t metric, double *values, size_t cap,
                         size_t *count)
{
    AE__WANT(model);
    AE_TRY(ae__check_model(model));
    size_t n = (size_t)model->trained.epochs;
    size_t series = ae__history_series(&model->desc), at = ae__history_find(&model->desc, metric);
    if (at == series)
        return ae__fail(AE_ERR_INVALID, "ae_model_history: there is no metric %d", (int)metric);
    if (values || cap) {
        AE__WANT(values);
        if (cap < n)
            return ae__fail(AE_ERR_RANGE, "ae_model_history: capacity is %zu, wanted %zu epochs",
                            cap, n);
        for (size_t e = 0; e < n; e++) values[e] = model->trained.history[e * series + at];
    }
    if (count) *count = n;
    return AE_OK;
}

int32_t ae_model_strip(ae_model *model)
{
    AE__WANT(model);
    AE_TRY(ae__change_begin(model));
    ae__model_strip(model);
    return ae__change_end(model, AE_OK);
}
