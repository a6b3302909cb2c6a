/* Inference, and the loss over data. */
#include "model/run.h"

#include <string.h>

#include "base/size.h"
#include "base/status.h"
#include "model/element.h"

ae__rows ae__run_chunk(ae_model *model, const ae__context *context, ae__rows x, int32_t first,
                       int32_t last, real *out)
{
    for (int32_t i = first; i < last; i++) {
        if (model->plan.layers[i].merged && i + 1 < last) continue;
        ae__layer_call norm, call = ae__model_call_next(model, &i, first, last, context, &norm);
        call.x = x.at;
        call.x_row = x.row;
        call.y = model->work.y[i];
        if (out && i == last - 1) {
            call.y = out;
            call.y_row = call.out;
        }
        model->plan.layers[call.number].ops->forward(&call);
        x = (ae__rows){call.y, call.y_row};
    }
    return x;
}

int32_t ae__run_rows(ae_model *model, const ae__array *array, const ae__context *context,
                     real *buffer, ae__rows *out)
{
    const size_t first = (size_t)context->first_row, rows = context->rows;
    if (!array->source) { /* what is missing will be written to */
        *out = model->plan.missing ? ae__array_copy(array, first, rows, buffer, &model->engine)
                                   : ae__array_rows(array, first, rows, buffer, &model->engine);
        return AE_OK;
    }
    *out = (ae__rows){buffer, ae__row_stride(array->dim)};
    return ae__array_read(array, first, rows, &model->work.stage, buffer, &model->engine);
}

int32_t ae__run_side(ae_model *model, const ae__view *view, ae__context *context)
{
    ae__rows side;
    if (!ae__array_given(&view->side)) return AE_OK;
    AE_TRY(ae__run_rows(model, &view->side, context, model->work.side, &side));
    context->side = side.at;
    context->side_row = side.row;
    return AE_OK;
}

/* The target's rows: those of y, or of x. */
static int32_t run_target(ae_model *model, const ae__view *view, ae__context *context, ae__rows x,
                          bool densities)
{
    const ae__workspace *work = &model->work;
    const bool given = ae__array_given(&view->y);
    ae__rows target = x;
    if (given) AE_TRY(ae__run_rows(model, &view->y, context, work->target, &target));
    context->target = target.at;
    context->target_row = target.row;
    ae__element_weigh(model, work->element, densities, context);
    if (given) ae__element_fill(model, work->target, context->rows, ae__plan_output(&model->plan));
    return AE_OK;
}

int32_t ae__run_input(ae_model *model, const ae__view *view, ae__context *context,
                      ae__target target, ae__rows *x)
{
    AE_TRY(ae__run_side(model, view, context));
    AE_TRY(ae__run_rows(model, &view->x, context, model->work.x, x));
    if (target != AE__TARGET_NONE)
        AE_TRY(run_target(model, view, context, *x, target == AE__TARGET_DENSITIES));
    ae__element_fill(model, model->work.x, context->rows, view->x.dim);
    return AE_OK;
}

/* The weights of the rows, one after the other, where they have some. */
static int32_t run_weights(ae_model *model, const ae__view *view, ae__context *context)
{
    const ae__array *array = &view->weight;
    const size_t first = (size_t)context->first_row;
    real *weight = model->work.weight;
    if (!ae__array_given(array)) return AE_OK;
    context->row_weight = weight;
    if (array->source)
        return ae__array_read(array, first, context->rows, &model->work.stage, weight,
                              &model->engine);
    ae__array_copy(array, first, context->rows, weight, &model->engine);
    return AE_OK;
}

int32_t ae__run_layers(ae_model *model, const ae__view *view, int32_t first, int32_t last,
                       bool undo, real *out)
{
    ae__rows x;
    ae__context context = {.engine = &model->engine, .mode = AE__MODE_INFER};
    size_t dim = model->plan.layers[last - 1].out;
    for (size_t row = 0; row < view->x.rows; row += context.rows) {
        context.rows = ae__min_size(model->plan.chunk, view->x.rows - row);
        context.first_row = row;
        if (first) { /* codes */
            AE_TRY(ae__run_side(model, view, &context));
            AE_TRY(ae__run_rows(model, &view->x, &context, model->work.x, &x));
        } else {
            AE_TRY(ae__run_input(model, view, &context, AE__TARGET_NONE, &x));
        }
        ae__run_chunk(model, &context, x, first, last, out + row * dim);
        if (undo) ae__model_undo(model, out + row * dim, context.rows);
    }
    return AE_OK;
}

/* The loss over rows from context->first_row on, in work.sums. */
static int32_t evaluate_chunk(ae_model *model, const ae__view *view, const double *unit,
                              ae__context *context)
{
    const ae__workspace *work = &model->work;
    ae__pass pass = {.model = model,
                     .context = context,
                     .y = work->y,
                     .spare = {work->between[1], work->between[0]},
                     .values = work->values,
                     .sums = work->sums,
                     .parts = work->parts,
                     .unit = unit};
    AE_TRY(ae__run_input(model, view, context, AE__TARGET_LOSSES, &pass.x));
    AE_TRY(run_weights(model, view, context));
    ae__pass_samples(&pass, context, model->plan.samples, model->plan.importance, work->samples);
    return AE_OK;
}

/* What scores are told in of each element; NULL: as it is scaled. */
static const double *score_unit(const ae_model *model)
{
    const ae__scaler *scaler = ae__model_scaler(model, true);
    return scaler && ae__spec_i64(&model->desc.run, AE_PARAM_RAW_SCORES) ? scaler->scale : NULL;
}

int32_t ae__run_loss(ae_model *model, const ae__view *view, float *scores, double *loss)
{
    const ae__workspace *work = &model->work;
    const ae__plan *plan = &model->plan;
    const size_t rows = view->x.rows;
    ae__context context = {.engine = &model->engine,
                           .mode = AE__MODE_EVALUATE,
                           .sampled = plan->importance,
                           .seed = (uint64_t)ae__spec_i64(&model->desc.model, AE_PARAM_SEED)};
    const double *unit = score_unit(model);
    double total = 0, weight = 0;
    memset(work->parts, 0, plan->n_parts * sizeof *work->parts);
    for (size_t row = 0; row < rows; row += context.rows) {
        context.rows = ae__min_size(plan->chunk, rows - row);
        context.first_row = row;
        AE_TRY(evaluate_chunk(model, view, scores ? unit : NULL, &context));
        for (size_t i = 0; i < context.rows; i++) {
            total += ae__context_row_weight(&context, i) * work->sums[i];
            if (scores) scores[row + i] = (float)work->sums[i];
        }
        weight += ae__context_weight(&context);
    }
    if (weight == 0)
        return ae__fail(AE_ERR_RANGE, "%s: all are 0, wanted one above 0", view->weight.name);
    for (size_t i = 0; i < plan->n_parts; i++) work->parts[i] /= (double)plan->samples;
    work->parts[AE__PART_LOSS] = total;
    work->parts[AE__PART_WEIGHT] = weight;
    ae__parts_close(model, &context, work->parts);
    *loss = work->parts[AE__PART_LOSS] / weight;
    return AE_OK;
}
