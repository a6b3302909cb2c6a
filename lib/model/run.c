/* Forward passes: inference, and the values of the loss. */
#include "model/run.h"

#include <string.h>

#include "base/size.h"

void ae__run_layers(ae_model *model, const ae__array *x, int32_t first, int32_t last, real *out)
{
    const ae__workspace *work = &model->work;
    ae__context context = {.engine = &model->engine, .mode = AE__MODE_INFER};
    size_t dim = model->plan.layers[last - 1].out;
    for (size_t row = 0; row < x->rows; row += context.rows) {
        context.rows = ae__min_size(model->plan.chunk, x->rows - row);
        context.first_row = row;
        ae__rows from = ae__array_rows(x, row, context.rows, work->x, &model->engine);
        for (int32_t i = first; i < last; i++) {
            ae__layer_call call = ae__model_call(model, i, &context);
            call.x = from.at;
            call.x_row = from.row;
            call.y = i == last - 1 ? out + row * dim : work->y[i];
            call.y_row = i == last - 1 ? dim : call.y_row;
            model->plan.layers[i].ops->forward(&call);
            from = (ae__rows){call.y, call.y_row};
        }
    }
}

/* Adds the term's values, times its factor, to the sums. */
static void add_values(const ae__pass *pass, int32_t term)
{
    const ae__spec *spec = &pass->model->desc.terms[term];
    double factor =
        ae__term_factor(ae__term_of(spec->kind), spec, ae__plan_output(&pass->model->plan));
    for (size_t i = 0; i < pass->context->rows; i++) pass->sums[i] += factor * pass->values[i];
}

/* The values of a term, from the z that the last layer left. */
static void compute_values(const ae__pass *pass, int32_t term)
{
    ae__term_call call = ae__model_term(pass->model, term, pass->context);
    memset(pass->values, 0, pass->context->rows * sizeof *pass->values);
    call.z = pass->y[pass->model->plan.n_layers - 1];
    call.values = pass->values;
    call.scratch = pass->spare;
    ae__term_of(call.spec->kind)->values(&call);
    add_values(pass, term);
}

/* The last layer: with the loss in its epilogue, or leaving z to the terms. */
static void forward_last(const ae__pass *pass, ae__layer_call *call)
{
    const ae_model *model = pass->model;
    const ae__layer_ops *ops = model->plan.layers[model->plan.n_layers - 1].ops;
    if (model->plan.fuse_loss) {
        const ae__spec *spec = &model->desc.terms[0];
        ae__epilogue loss =
            ae__element_epilogue(ae__term_of(spec->kind), spec, call->out, pass->context,
                                 pass->values, pass->context->mode == AE__MODE_TRAIN);
        memset(pass->values, 0, pass->context->rows * sizeof *pass->values);
        call->loss = &loss;
        ops->forward(call);
        add_values(pass, 0);
        return;
    }
    call->raw = true;
    ops->forward(call);
    for (int32_t i = 0; i < model->desc.n_terms; i++) compute_values(pass, i);
}

void ae__pass_forward(const ae__pass *pass)
{
    const ae__plan *plan = &pass->model->plan;
    memset(pass->sums, 0, pass->context->rows * sizeof *pass->sums);
    for (int32_t i = 0; i < plan->n_layers; i++) {
        ae__layer_call call = ae__model_call(pass->model, i, pass->context);
        call.x = i ? pass->y[i - 1] : pass->x.at;
        if (i == 0) call.x_row = pass->x.row;
        call.y = pass->y[i];
        if (i == plan->n_layers - 1)
            forward_last(pass, &call);
        else
            plan->layers[i].ops->forward(&call);
    }
}

double ae__run_loss(ae_model *model, const ae__view *view, float *scores)
{
    const ae__workspace *work = &model->work;
    const ae__array *target = ae__view_target(view);
    ae__context context = {.engine = &model->engine, .mode = AE__MODE_EVALUATE};
    ae__pass pass = {.model = model,
                     .context = &context,
                     .y = work->y,
                     .spare = work->between[model->plan.n_layers % 2],
                     .values = work->values,
                     .sums = work->sums};
    double total = 0;
    for (size_t row = 0; row < view->x.rows; row += context.rows) {
        context.rows = ae__min_size(model->plan.chunk, view->x.rows - row);
        context.first_row = row;
        pass.x = ae__array_rows(&view->x, row, context.rows, work->x, &model->engine);
        ae__rows t = target == &view->x
                         ? pass.x
                         : ae__array_rows(target, row, context.rows, work->target, &model->engine);
        context.target = t.at;
        context.target_row = t.row;
        ae__pass_forward(&pass);
        for (size_t i = 0; i < context.rows; i++) {
            total += work->sums[i];
            if (scores) scores[row + i] = (float)work->sums[i];
        }
    }
    return total / (double)view->x.rows;
}
