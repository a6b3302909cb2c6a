/* The calls of layers and terms: what plan, weights and context say of them. */
#include "model/model.h"

ae__layer_call ae__model_call(const ae_model *model, int32_t layer, int32_t first, int32_t last,
                              const ae__context *context)
{
    const ae__layer_plan *plan = &model->plan.layers[layer];
    const ae__layer_plan *input = &model->plan.layers[ae__plan_below(&model->plan, layer) + 1];
    const ae__engine *engine = context->engine;
    ae__layer_call call = {.context = context,
                           .spec = plan->spec,
                           .info = &plan->info,
                           .number = layer,
                           .rows = context->rows * (context->expand ? plan->repeat : 1),
                           .factor = context->expand ? plan->info.row_factor : 1,
                           .in = input->in,
                           .out = plan->out,
                           .x_row = ae__row_stride(input->in),
                           .y_row = ae__row_stride(plan->out),
                           .in_shape = &input->in_shape,
                           .merged = input < plan ? input->spec : NULL,
                           .scratch = context->scratch ? context->scratch : model->scratch};
    call.y_blocked = ae__plan_blocked(&model->plan, engine, layer, first, last, call.rows);
    call.x_blocked =
        layer > first && ae__plan_blocked(&model->plan, engine, layer - 1, first, last, call.rows);
    for (int32_t i = 0; i < plan->info.n_weights; i++)
        call.weights[i] = model->weights + model->plan.weights[plan->weights[i]].offset;
    return call;
}

ae__layer_call ae__model_call_next(const ae_model *model, int32_t *i, int32_t first, int32_t last,
                                   const ae__context *context, ae__layer_call *norm)
{
    ae__layer_call call = ae__model_call(model, *i, first, last, context);
    if (ae__plan_folds(&model->plan, *i, last, context->mode)) {
        *norm = ae__model_call(model, ++*i, first, last, context);
        call.norm = norm;
    }
    return call;
}

ae__term_call ae__model_term(const ae_model *model, int32_t term, const ae__context *context,
                             const real *y)
{
    const ae__term_plan *plan = &model->plan.terms[term];
    const ae__layer_plan *layer = &model->plan.layers[plan->layer];
    const size_t factor = context->expand ? layer->info.row_factor : 1;
    const bool raw = plan->layer == model->plan.n_layers - 1;
    ae__term_call call = {.context = context,
                          .spec = plan->spec,
                          .rows = context->rows * (context->expand ? layer->repeat : 1) * factor,
                          .dim = layer->out,
                          .row = ae__row_stride(layer->out),
                          .activation = layer->info.activation,
                          .slope = layer->info.slope,
                          .z = raw ? y : NULL,
                          .y = raw && layer->info.activation != AE_ACT_LINEAR ? NULL : y,
                          .x_row = ae__row_stride(layer->in),
                          .factor = factor};
    const double factor_in_loss = ae__term_factor(plan->ops, plan->spec, layer->out, context);
    call.row_weight = context->row_weight;
    call.row_repeat = call.rows / context->rows;
    const double batch = context->batch ? context->batch_weight : ae__context_weight(context);
    call.weight = batch * (double)call.row_repeat;
    call.scale = call.weight > 0 ? factor_in_loss / call.weight : 0;
    if (context->element && context->element[term])
        call.element = context->element[term] + context->element_at;
    call.element_row = context->element_row;
    for (int32_t i = 0; i < plan->info.n_weights; i++)
        call.weights[i] = model->weights + model->plan.weights[plan->weights[i]].offset;
    return call;
}
