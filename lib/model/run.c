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
static void add_values(const ae__pass *pass, int32_t term, size_t dim)
{
    const ae__spec *spec = &pass->model->desc.terms[term];
    double factor = ae__term_factor(ae__term_of(spec->kind), spec, dim);
    for (size_t i = 0; i < pass->context->rows; i++) pass->sums[i] += factor * pass->values[i];
}

/* The values of the terms that read layer i, from what it left in y[i]. */
static void compute_terms(const ae__pass *pass, int32_t i)
{
    const ae_model *model = pass->model;
    for (int32_t term = 0; term < model->desc.n_terms; term++) {
        if (ae__plan_term_layer(&model->plan, term) != i) continue;
        ae__term_call call = ae__model_term(model, term, pass->context, pass->y[i]);
        memset(pass->values, 0, pass->context->rows * sizeof *pass->values);
        call.values = pass->values;
        call.scratch = pass->spare[i % 2];
        ae__term_of(call.spec->kind)->values(&call);
        add_values(pass, term, call.dim);
    }
}

/* The last layer with the loss in its epilogue. */
static void forward_fused(const ae__pass *pass, ae__layer_call *call)
{
    const ae_model *model = pass->model;
    int32_t last = model->plan.n_layers - 1, term = 0;
    while (ae__plan_term_layer(&model->plan, term) != last) term++;
    const ae__spec *spec = &model->desc.terms[term];
    ae__epilogue loss =
        ae__element_epilogue(ae__term_of(spec->kind), spec, call->out, pass->context, pass->values,
                             pass->context->mode == AE__MODE_TRAIN);
    memset(pass->values, 0, pass->context->rows * sizeof *pass->values);
    call->loss = &loss;
    model->plan.layers[last].ops->forward(call);
    add_values(pass, term, call->out);
}

enum { ACTIVATE_ROWS = 16 /* of one task */ };

static void activate_task(void *arg, size_t task, size_t worker)
{
    const ae__layer_call *call = arg; /* x: z, y: y, both with y's stride */
    size_t end = ae__min_size((task + 1) * ACTIVATE_ROWS, call->rows);
    (void)worker;
    for (size_t i = task * ACTIVATE_ROWS; i < end; i++)
        call->context->engine->kernels->activate(call->info->activation, call->info->slope,
                                                 call->y + i * call->y_row,
                                                 call->x + i * call->y_row, call->out);
}

/* A layer whose z is kept: what its epilogue would do follows in a pass of its own. */
static void forward_kept(const ae__layer_plan *layer, ae__layer_call call, real *z)
{
    real *y = call.y;
    call.y = z;
    call.raw = true;
    layer->ops->forward(&call);
    call.x = z;
    call.y = y;
    call.rows *= layer->info.row_factor;
    ae__pool_run(call.context->engine->pool, ae__blocks(call.rows, ACTIVATE_ROWS), activate_task,
                 &call);
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
        bool last = i == plan->n_layers - 1;
        if (last && plan->fuse_loss) {
            forward_fused(pass, &call);
        } else {
            call.raw = last;
            if (pass->z && pass->z[i])
                forward_kept(&plan->layers[i], call, pass->z[i]);
            else
                plan->layers[i].ops->forward(&call);
            compute_terms(pass, i);
        }
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
                     .spare = {work->between[1], work->between[0]},
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
