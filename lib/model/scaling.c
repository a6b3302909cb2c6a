/* Scalers, and what a model does with its two. */
#include "model/scaling.h"

#include <float.h>
#include <math.h>

#include "base/size.h"
#include "base/status.h"
#include "model/model.h"

enum { ROWS = 16 /* of one task */ };

void ae__scaler_bind(ae__scaler *scaler, ae__arena *arena, size_t dim)
{
    double **const arrays[] = {&scaler->offset, &scaler->scale, &scaler->factor, &scaler->back};
    scaler->dim = dim;
    for (size_t i = 0; i < sizeof arrays / sizeof *arrays; i++)
        *arrays[i] = ae__arena_take(arena, dim, sizeof(double));
}

void ae__scaler_begin(ae__scaler *s)
{
    for (size_t j = 0; j < s->dim; j++) {
        s->offset[j] = s->back[j] = 0;
        s->scale[j] = s->factor[j] = 1;
    }
}

int32_t ae__scaler_set(ae__scaler *s, const double *offset, const double *scale)
{
    for (size_t j = 0; j < s->dim; j++) {
        bool finite = isfinite(offset[j]) && isfinite(scale[j]);
        if (!finite || !(scale[j] >= DBL_MIN) || !isfinite(offset[j] / scale[j]))
            return ae__fail(finite ? AE_ERR_RANGE : AE_ERR_NONFINITE,
                            "scaling: column %zu has offset %g, scale %g, wanted finite numbers, a "
                            "scale above 0",
                            j, offset[j], scale[j]);
    }
    for (size_t j = 0; j < s->dim; j++) {
        s->offset[j] = offset[j];
        s->scale[j] = scale[j];
        s->factor[j] = 1 / scale[j];
        s->back[j] = -offset[j] / scale[j];
    }
    return AE_OK;
}

void ae__scaler_doubles(const ae__scaler *s, size_t column, const double *x, size_t count,
                        double scale, double offset, real *out)
{
    for (size_t j = 0; j < count; j++)
        out[j] = (real)((x[j] * scale + offset - s->offset[column + j]) * s->factor[column + j]);
}

void ae__scaler_clip(atomic_size_t *clipped, real *row, size_t dim)
{
    bool any = false;
    for (size_t j = 0; j < dim; j++) {
        if ((row[j] >= 0 && row[j] <= 1) || !isfinite(row[j])) continue;
        row[j] = (real)(row[j] > 1);
        any = true;
    }
    if (any) atomic_fetch_add_explicit(clipped, 1, memory_order_relaxed);
}

typedef struct undoing {
    const ae__scaler *scaler;
    const ae__kernels *kernels;
    real *rows;
    size_t count;
} undoing;

static void undo_task(void *arg, size_t task, size_t worker)
{
    const undoing *u = arg;
    const ae__scaler *s = u->scaler;
    size_t end = ae__min_size((task + 1) * ROWS, u->count);
    (void)worker;
    for (size_t i = task * ROWS; i < end; i++)
        u->kernels->rescale(u->rows + i * s->dim, s->back, s->scale, s->dim);
}

void ae__scaler_undo(const ae__scaler *scaler, const ae__engine *engine, real *rows, size_t count)
{
    undoing u = {scaler, engine->kernels, rows, count};
    ae__pool_run(engine->pool, ae__blocks(count, ROWS), undo_task, &u);
}

/* ---- of a model ---- */

const ae__scaler *ae__model_scaler(const ae_model *model, bool target)
{
    const ae__scaling *s = &model->scaling;
    const ae__scaler *scaler = target && s->own ? &s->target : &s->input;
    return scaler->dim ? scaler : NULL;
}

int32_t ae__model_scaling_kind(const ae_model *model, bool own)
{
    return (int32_t)ae__spec_i64(&model->desc.model,
                                 own ? AE_PARAM_SCALING_TARGET : AE_PARAM_SCALING_INPUT);
}

bool ae__model_scales(const ae_model *model)
{
    return model->scaling.input.dim || model->scaling.target.dim;
}

int32_t ae__model_check_scaling(const ae_model *model, bool own)
{
    const int32_t kind = ae__model_scaling_kind(model, own);
    const size_t in = model->plan.layers[0].in, out = ae__plan_output(&model->plan);
    if (!own && kind && in != out)
        return ae__fail(AE_ERR_SHAPE, "scaling: of %zu numbers, wanted the output's %zu", in, out);
    if (!model->plan.bounded || kind != AE_SCALING_STANDARD) return AE_OK;
    return ae__fail(AE_ERR_INVALID,
                    "scaling: x is the target, too, of a loss that wants 0 to 1: scaling_input is "
                    "standard, wanted min_max, or a y beside x");
}

void ae__model_scale_by(ae_model *model, bool own)
{
    model->scaling.own = own;
    model->scaling.fitted = true;
}

int32_t ae__model_scale(ae_model *model, ae__view *view)
{
    ae__scaling *s = &model->scaling;
    const ae__scaler *in = ae__model_scaler(model, false), *out = ae__model_scaler(model, true);
    if (ae__model_scales(model) && !s->fitted)
        return ae__fail(
            AE_ERR_STATE,
            "model: its scaling is not fitted yet, which ae_fit or ae_fit_scaling does");
    if (!view) return AE_OK;
    if (in != out && !ae__array_given(&view->y)) {
        view->y = view->x;
        view->x.demand.unit = false; /* which is of a target */
    }
    view->x.scaler = in;
    view->y.scaler = out;
    if (model->plan.bounded) view->y.clipped = &s->clipped;
    if (in == out) view->x.clipped = view->y.clipped;
    return AE_OK;
}

void ae__model_undo(const ae_model *model, real *out, size_t rows)
{
    const ae__scaler *scaler = ae__model_scaler(model, true);
    if (scaler) ae__scaler_undo(scaler, &model->engine, out, rows);
}
