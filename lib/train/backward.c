/* Forward and back again, layer by layer. */
#include "train/backward.h"

#include <string.h>

#include "base/size.h"

enum { DERIVE_ROWS = 16 /* of one task */ };

typedef struct backward_pass {
    ae__trainer *trainer;
    const ae__layer_plan *layer;
    int32_t number;
    ae__finished *finished;
    void *user;
} backward_pass;

/* A slot of a layer is finished: of the weight itself only in its owner, which comes last. */
static void slot_finished(void *user, int32_t slot, size_t begin, size_t count)
{
    const backward_pass *pass = user;
    int32_t weight = pass->layer->weights[slot];
    if (pass->trainer->model->plan.weights[weight].layer == pass->number)
        pass->finished(pass->user, weight, begin, count);
}

/* The activation of the layer below, by whose derivative dx is multiplied: none where its z is kept,
 * since derive_kept does that. */
static int32_t below_act(const ae__trainer *t, int32_t below)
{
    return below >= 0 && !t->z[below] ? t->model->plan.layers[below].info.activation
                                      : AE_ACT_LINEAR;
}

static real below_slope(const ae__trainer *t, int32_t below)
{
    return below >= 0 ? t->model->plan.layers[below].info.slope : 0;
}

/* Takes the layer's call of forward on. */
static void backward_layer(backward_pass *pass, real *dy, real *dx)
{
    ae__trainer *t = pass->trainer;
    const ae__plan *plan = &t->model->plan;
    const int32_t i = pass->number, below = ae__plan_below(plan, i);
    ae__layer_call *call = &t->calls[i];
    pass->layer = &plan->layers[i];
    call->dy = dy;
    call->dx = dx;
    call->below_act = below_act(t, below);
    call->below_slope = below_slope(t, below);
    call->finished = pass->finished ? slot_finished : NULL;
    call->finished_user = pass;
    for (int32_t slot = 0; slot < pass->layer->info.n_weights; slot++) {
        int32_t weight = pass->layer->weights[slot];
        call->dw[slot] = t->gradients + plan->weights[weight].offset;
        call->accumulate[slot] = plan->weights[weight].last != i;
    }
    pass->layer->ops->backward(call);
}

/* A term's call on the way back through layer i. */
static ae__term_call term_call(const ae__trainer *t, const ae__context *context, int32_t term)
{
    const ae__plan *plan = &t->model->plan;
    const ae__term_plan *on = &plan->terms[term];
    ae__term_call call = ae__model_term(t->model, term, context, t->y[on->layer]);
    call.x = on->layer ? t->y[on->layer - 1] : t->x;
    call.tally = t->parts + on->tally;
    if (call.rows == context->rows * plan->samples && t->row_weight) {
        call.row_weight = t->row_weight;
        call.row_repeat = 1;
    }
    return call;
}

/* Adds the gradients of the terms that sit on layer i to dz, or to dy where its z is kept, and
 * finishes those of their own weights. */
static void add_terms(backward_pass *pass, const ae__context *context, int32_t i, real *dz,
                      real *scratch)
{
    ae__trainer *t = pass->trainer;
    const ae__plan *plan = &t->model->plan;
    for (int32_t term = 0; term < plan->n_terms; term++) {
        const ae__term_plan *on = &plan->terms[term];
        if (on->layer != i) continue;
        ae__term_call call = term_call(t, context, term);
        if (t->z[i]) call.activation = AE_ACT_LINEAR;
        call.dz = dz;
        call.scratch = scratch;
        for (int32_t slot = 0; slot < on->info.n_weights; slot++)
            call.dw[slot] = t->gradients + plan->weights[on->weights[slot]].offset;
        on->ops->gradients(&call);
        for (int32_t slot = 0; pass->finished && slot < on->info.n_weights; slot++)
            pass->finished(pass->user, on->weights[slot], 0,
                           plan->weights[on->weights[slot]].count);
    }
}

/* Adds those with respect to the input of layer i to dx. */
static void add_input_terms(const backward_pass *pass, const ae__context *context, int32_t i,
                            real *dx)
{
    const ae__plan *plan = &pass->trainer->model->plan;
    for (int32_t term = 0; term < plan->n_terms; term++) {
        if (plan->terms[term].layer != i || !plan->terms[term].ops->input_gradients) continue;
        ae__term_call call = term_call(pass->trainer, context, term);
        call.dx = dx;
        call.below_act = below_act(pass->trainer, i - 1);
        call.below_slope = below_slope(pass->trainer, i - 1);
        plan->terms[term].ops->input_gradients(&call);
    }
}

typedef struct derivation {
    const ae__trainer *trainer;
    int32_t layer;
    size_t rows;
    size_t step; /* rows that lie in one: a block, or a row */
    real *dy;
} derivation;

static void derive_task(void *arg, size_t task, size_t worker)
{
    const derivation *d = arg;
    const ae_model *model = d->trainer->model;
    const ae__layer_plan *layer = &model->plan.layers[d->layer];
    size_t stride = ae__row_stride(layer->out);
    size_t end = ae__min_size((task + 1) * DERIVE_ROWS, d->rows);
    (void)worker;
    for (size_t i = task * DERIVE_ROWS; i < end; i += d->step) {
        real *dy = d->dy + i * stride;
        model->engine.kernels->derive_input(layer->info.activation, layer->info.slope, dy, dy,
                                            d->trainer->z[d->layer] + i * stride,
                                            layer->out * d->step);
    }
}

/* Where layer i keeps its z, what came down is the gradient of its y: makes it that of z. */
static void derive_kept(ae__trainer *t, const ae__context *context, int32_t i, real *dy)
{
    const ae__layer_plan *layer = &t->model->plan.layers[i];
    derivation d = {t, i, context->rows * layer->repeat * layer->info.row_factor, 1, dy};
    if (ae__plan_blocked(&t->model->plan, &t->model->engine, i, 0, t->model->plan.n_layers, d.rows))
        d.step = t->model->engine.kernels->lanes;
    if (t->z[i])
        ae__pool_run(context->engine->pool, ae__blocks(d.rows, DERIVE_ROWS), derive_task, &d);
}

/* Of the two gradients in turn, the one that dy is not. */
static real *other(const ae__trainer *t, const real *dy)
{
    return t->dy[dy == t->dy[0]];
}

/* The gradient with respect to the last layer's z: in place of its output where the loss was
 * fused. */
static real *last_gradient(backward_pass *pass, const ae__context *context)
{
    ae__trainer *t = pass->trainer;
    const ae__plan *plan = &t->model->plan;
    int32_t last = plan->n_layers - 1;
    if (plan->fuse_loss) return t->y[last];
    real *dz = t->dy[0];
    memset(dz, 0, context->rows * ae__layer_plan_reals(&plan->layers[last]) * sizeof *dz);
    add_terms(pass, context, last, dz, t->dy[1]);
    return dz;
}

void ae__backward(ae__trainer *trainer, const ae__context *context, ae__finished *finished,
                  void *user)
{
    const ae_model *model = trainer->model;
    const int32_t lowest = model->plan.lowest;
    ae__pass forward = {.model = model,
                        .context = context,
                        .x = {trainer->x, ae__row_stride(model->plan.layers[0].in)},
                        .y = trainer->y,
                        .z = trainer->z,
                        .saved = trainer->saved,
                        .calls = trainer->calls,
                        .spare = {trainer->dy[0], trainer->dy[0]},
                        .values = trainer->values,
                        .sums = trainer->sums,
                        .parts = trainer->parts,
                        .row_weight = trainer->row_weight};
    backward_pass pass = {.trainer = trainer, .finished = finished, .user = user};
    memset(trainer->parts, 0, model->plan.n_parts * sizeof *trainer->parts);
    ae__pass_forward(&forward);
    trainer->parts[AE__PART_WEIGHT] = ae__context_weight(context);
    ae__parts_close(model, context, trainer->parts);
    real *dz = last_gradient(&pass, context);
    for (int32_t i = model->plan.n_layers - 1; i >= lowest; i--) {
        const int32_t below = ae__plan_below(&model->plan, i);
        real *dx = i > lowest ? other(trainer, dz) : NULL;
        if (model->plan.layers[i].merged) continue;
        pass.number = i;
        backward_layer(&pass, dz, dx);
        if (dx) {
            add_input_terms(&pass, context, i, dx);
            add_terms(&pass, context, below, dx, other(trainer, dx));
            derive_kept(trainer, context, below, dx);
        }
        dz = dx;
    }
}
