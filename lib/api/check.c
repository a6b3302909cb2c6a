/* Checks that the groups of public functions share. */
#include "api/check.h"

#include <stdio.h>

int32_t ae__check_allocator(const ae_allocator *given, ae_allocator *out)
{
    *out = ae__mem_default;
    if (!given) return AE_OK;
    if (given->size != sizeof *given)
        return ae__fail(AE_ERR_INVALID, "allocator: size is %zu, wanted %zu", given->size,
                        sizeof *given);
    if (!given->alloc || !given->release)
        return ae__fail(AE_ERR_INVALID, "allocator: %s is NULL",
                        given->alloc ? "release" : "alloc");
    *out = *given;
    return AE_OK;
}

int32_t ae__stick(ae__failure *failure, int32_t status)
{
    if (status == AE_OK) return AE_OK;
    failure->status = status;
    snprintf(failure->message, sizeof failure->message, "%s", ae__message());
    return status;
}

int32_t ae__stuck(const ae__failure *failure)
{
    if (failure->status == AE_OK) return AE_OK;
    return ae__fail(failure->status, "%s", failure->message);
}

int32_t ae__check_model(const ae_model *model)
{
    return ae__pool_check(model->engine.pool);
}

int32_t ae__change_begin(ae_model *model)
{
    AE_TRY(ae__check_model(model));
    return ae__model_claim(model);
}

int32_t ae__change_end(ae_model *model, int32_t status)
{
    ae__model_release(model);
    return status;
}

int32_t ae__check_decoder(const ae_model *model)
{
    if (model->desc.code < model->plan.n_layers) return AE_OK;
    return ae__fail(AE_ERR_STATE, "decode: the model has no layer after its code");
}

static bool overlap(const ae__array *array, const void *out, size_t bytes)
{
    uintptr_t from = (uintptr_t)array->values, to = (uintptr_t)out;
    return from < to + bytes && to < from + ae__array_extent(array);
}

int32_t ae__check_output(const char *name, const void *out, size_t unit, size_t rows, size_t dim,
                         size_t cap, const ae__view *view)
{
    const ae__array *arrays[] = {&view->x, &view->y, &view->side, &view->weight};
    if (rows > cap / dim)
        return ae__fail(AE_ERR_RANGE, "%s: capacity is %zu, wanted %zu rows x %zu", name, cap, rows,
                        dim);
    if ((uintptr_t)out % unit)
        return ae__fail(AE_ERR_INVALID, "%s: address is no multiple of %zu", name, unit);
    for (size_t i = 0; i < sizeof arrays / sizeof *arrays; i++) {
        if (overlap(arrays[i], out, rows * dim * unit))
            return ae__fail(AE_ERR_INVALID, "%s: overlaps the input, wanted memory of its own",
                            name);
    }
    return AE_OK;
}

int32_t ae__view_plain(ae__view *view, const ae_model *model, const float *x, const float *y,
                       int64_t rows)
{
    const ae__plan *plan = &model->plan;
    *view = (ae__view){0};
    AE_TRY(ae__array_set(&view->x, "x", AE_TYPE_F32, x, rows, (int64_t)plan->layers[0].in));
    if (!y) return AE_OK;
    return ae__array_set(&view->y, "y", AE_TYPE_F32, y, rows, (int64_t)ae__plan_output(plan));
}

int32_t ae__check_input(ae__view *view, const char *name, size_t dim)
{
    if (!ae__array_given(&view->x))
        return ae__fail(AE_ERR_STATE, "%s: has no array AE_DATA_X", name);
    view->x.name = name;
    if (ae__array_given(&view->y) && view->y.rows != view->x.rows)
        return ae__fail(AE_ERR_SHAPE, "%s: has %zu rows, wanted the targets' %zu", name,
                        view->x.rows, view->y.rows);
    if (view->x.dim == dim) return AE_OK;
    return ae__fail(AE_ERR_SHAPE, "%s: dimension is %zu, wanted %zu", name, view->x.dim, dim);
}

static bool takes_side(const ae_model *model, int32_t first, int32_t last)
{
    for (int32_t i = first; i < last; i++) {
        if (model->plan.layers[i].ops->side) return true;
    }
    return false;
}

int32_t ae__check_side(const ae_model *model, ae__view *view, int32_t first, int32_t last,
                       size_t rows)
{
    ae__array *side = &view->side;
    const size_t want = ae__plan_side(&model->plan), classes = ae__plan_classes(&model->plan);
    if (!ae__array_given(side) && takes_side(model, first, last))
        return ae__fail(AE_ERR_STATE,
                        "side: is missing, wanted AE_DATA_SIDE of dimension %zu (a ..._data call)",
                        want);
    if (!ae__array_given(side)) return AE_OK;
    if (side->dim != want)
        return ae__fail(AE_ERR_SHAPE, "side: dimension is %zu, wanted %zu%s", side->dim, want,
                        want ? "" : ": the model has no concat layer");
    if (side->rows != rows)
        return ae__fail(AE_ERR_SHAPE, "side: has %zu rows, wanted %zu", side->rows, rows);
    return ae__array_hold(side, &(ae__demand){.classes = classes}, model->engine.kernels);
}

/* One for each row; what is in memory is not 0 throughout. */
static int32_t check_weight(const ae_model *model, ae__view *view)
{
    ae__array *array = &view->weight;
    const ae__demand demand = {.weight = true};
    bool any = array->source;
    if (!ae__array_given(array)) return AE_OK;
    if (array->dim != 1)
        return ae__fail(AE_ERR_SHAPE, "weight: dimension is %zu, wanted 1", array->dim);
    if (array->rows != view->x.rows)
        return ae__fail(AE_ERR_SHAPE, "weight: has %zu rows, wanted %zu", array->rows,
                        view->x.rows);
    AE_TRY(ae__array_hold(array, &demand, model->engine.kernels));
    for (size_t i = 0; !any && i < array->rows; i++) {
        real weight;
        ae__array_copy(array, i, 1, &weight, &model->engine);
        any = weight > 0;
    }
    return any ? AE_OK : ae__fail(AE_ERR_RANGE, "weight: all are 0, wanted one above 0");
}

int32_t ae__check_loss(const ae_model *model, ae__view *view, bool own, const char *x_name,
                       const char *y_name)
{
    ae__array *target = ae__array_given(&view->y) ? &view->y : &view->x;
    size_t output = ae__plan_output(&model->plan);
    AE_TRY(ae__check_input(view, x_name, model->plan.layers[0].in));
    view->y.name = y_name;
    AE_TRY(ae__check_side(model, view, 0, model->plan.n_layers, view->x.rows));
    AE_TRY(check_weight(model, view));
    if (!model->desc.n_terms)
        return ae__fail(AE_ERR_STATE,
                        "model: has no loss; call ae_config_loss before ae_model_create");
    if (target->dim != output)
        return ae__fail(AE_ERR_SHAPE, "%s: target's dimension is %zu, wanted the output's %zu",
                        target->name, target->dim, output);
    const bool unit = model->plan.bounded && !ae__model_scaling_kind(model, own);
    return ae__array_hold(target, &(ae__demand){.unit = unit}, model->engine.kernels);
}

int32_t ae__check_finite(const ae_model *model, ae__view *view)
{
    ae__array *arrays[] = {&view->x, &view->side, &view->y};
    for (size_t i = 0; i < sizeof arrays / sizeof *arrays; i++) {
        const bool gaps = model->plan.missing && arrays[i] != &view->side;
        const ae__demand demand = {.finite = true, .gaps = gaps};
        if (ae__array_given(arrays[i]))
            AE_TRY(ae__array_hold(arrays[i], &demand, model->engine.kernels));
    }
    return AE_OK;
}
