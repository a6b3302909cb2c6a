/* Forward, backward and the optimiser, in memory planned beforehand. */
#include "train/step.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/size.h"
#include "base/status.h"
#include "model/element.h"
#include "train/portion.h"
#include "train/schedule.h"

enum { NORM_BLOCK = 1 << 14 /* gradients summed by one task */ };
enum { DERIVE_ROWS = 16 /* of one task */ };

static size_t norm_blocks(const ae__plan *plan)
{
    return ae__blocks(plan->weight_reals, NORM_BLOCK);
}

static real *take_saved(ae__arena *arena, const ae__layer_plan *layer, size_t rows)
{
    size_t reals;
    if (!ae__mul_size(rows, layer->repeat * layer->info.saved_row, &reals) ||
        !ae__add_size(reals, layer->info.saved, &reals))
        reals = SIZE_MAX; /* the arena overflows, too */
    return ae__arena_take(arena, reals, sizeof(real));
}

/* Room for so many rows, in which blocks are whole, whatever the instruction set says that one has: at
 * most AE__MAX_LANES, a power of two. Fewer rows than that, samples counted, make none. */
static size_t whole_blocks(size_t rows, size_t samples)
{
    size_t lanes = 1;
    while (lanes < rows * samples && lanes < AE__MAX_LANES) lanes *= 2;
    return ae__round_up(rows, lanes);
}

/* What the layers leave of so many rows. */
static void bind_layers(ae__trainer *t, ae__arena *arena, size_t rows)
{
    const ae__plan *plan = &t->model->plan;
    size_t widest = 0;
    t->y = ae__arena_take(arena, (size_t)plan->n_layers, sizeof *t->y);
    t->z = ae__arena_take(arena, (size_t)plan->n_layers, sizeof *t->z);
    t->saved = ae__arena_take(arena, (size_t)plan->n_layers, sizeof *t->saved);
    for (int32_t i = 0; i < plan->n_layers; i++) {
        const bool merged = plan->layers[i].merged;
        size_t reals = ae__layer_plan_reals(&plan->layers[i]);
        real *y = ae__arena_take(arena, merged ? 0 : rows, reals * sizeof(real));
        real *saved = take_saved(arena, &plan->layers[i], rows);
        real *z = NULL;
        if (plan->layers[i].keeps_z) z = ae__arena_take(arena, rows, reals * sizeof(real));
        if (t->y) t->y[i] = y;
        if (t->z) t->z[i] = z;
        if (t->saved) t->saved[i] = saved;
        if (!merged) widest = ae__max_size(widest, reals);
    }
    for (int32_t i = 0; i < 2; i++) t->dy[i] = ae__arena_take(arena, rows, widest * sizeof(real));
}

static void bind_portions(ae__trainer *t, ae__arena *arena)
{
    const ae__plan *plan = &t->model->plan;
    const size_t workers = ae__portions_workers(t);
    t->workers = ae__arena_take(arena, workers, sizeof *t->workers);
    for (size_t i = 0; i < workers; i++) {
        ae__trainer worker = {.model = t->model};
        bind_layers(&worker, arena, AE__MAX_LANES);
        worker.scratch = ae__arena_take(arena, t->scratch_reals, sizeof(real));
        if (t->workers) t->workers[i] = worker;
    }
    t->portion_gradients = ae__arena_take(arena, t->portions, plan->weight_reals * sizeof(real));
    t->portion_parts = ae__arena_take(arena, t->portions, plan->n_parts * sizeof(double));
    if (!t->workers) return;
    t->y = t->workers->y;
    t->z = t->workers->z;
    t->saved = t->workers->saved;
    memcpy(t->dy, t->workers->dy, sizeof t->dy);
}

static void bind(ae__trainer *t, ae__arena *arena)
{
    const ae__plan *plan = &t->model->plan;
    size_t rows = t->batch, weights = plan->weight_reals * sizeof(real);
    if (plan->images) rows = whole_blocks(rows, plan->samples);
    t->x = ae__arena_take(arena, rows, ae__row_stride(plan->layers[0].in) * sizeof(real));
    t->target = ae__arena_take(arena, rows, ae__row_stride(ae__plan_output(plan)) * sizeof(real));
    if (ae__plan_side(plan))
        t->side = ae__arena_take(arena, rows, ae__row_stride(ae__plan_side(plan)) * sizeof(real));
    if (t->portions)
        bind_portions(t, arena);
    else
        bind_layers(t, arena, rows);
    t->gradients = ae__arena_take(arena, 1, weights);
    t->values = ae__arena_take(arena, rows, plan->samples * sizeof(double));
    t->sums = ae__arena_take(arena, rows, plan->samples * sizeof(double));
    t->parts = ae__arena_take(arena, plan->n_parts, sizeof(double));
    if (plan->importance) t->row_weight = ae__arena_take(arena, rows, plan->samples * sizeof(real));
    t->weight = ae__arena_take(arena, rows, sizeof(real));
    t->element = ae__plan_elements(plan, arena, rows);
    t->numbers = ae__arena_take(arena, rows, sizeof(uint64_t));
    t->norms = ae__arena_take(arena, norm_blocks(plan), sizeof(double));
    t->kept_weights = ae__arena_take(arena, 1, weights);
    t->kept_states = ae__arena_take(arena, (size_t)t->model->trained.n_states, weights);
    t->kept_parts = ae__arena_take(arena, plan->n_parts, sizeof(double));
    if (t->model->trained.pending.sum) t->kept_sum = ae__arena_take(arena, 1, weights);
}

/* Rows that the layers' shared scratch is for: portions have their own, and leave it to evaluation. */
static size_t shared_rows(const ae__trainer *t)
{
    return t->portions ? t->model->plan.chunk : t->batch;
}

/* What is laid out as the weights, which have bytes of their own in the file, is not counted. */
static int32_t check_memory(const ae__trainer *t, size_t bytes)
{
    const ae__plan *plan = &t->model->plan;
    const ae__trained *trained = &t->model->trained; /* gradients, and what is kept: */
    const size_t copies = 2 + (size_t)trained->n_states + (trained->pending.sum ? 1 : 0);
    size_t scratch;
    char what[40];
    AE_TRY(ae__plan_scratch(plan, &t->model->engine, shared_rows(t), !t->portions, &scratch));
    bytes -= copies * plan->weight_reals * sizeof(real);
    if (!ae__add_size(bytes, scratch * sizeof(real), &bytes)) bytes = SIZE_MAX;
    snprintf(what, sizeof what, "fit: a batch of %zu", t->batch);
    return ae__model_check_memory(t->model, what, bytes);
}

int32_t ae__trainer_bind(ae__trainer *trainer, ae_model *model, size_t batch)
{
    ae__arena arena = {0};
    *trainer = (ae__trainer){.model = model, .batch = batch, .norm = NAN};
    AE_TRY(ae__portions_plan(trainer));
    bind(trainer, &arena);
    if (arena.overflow)
        return ae__fail(AE_ERR_RANGE, "fit: memory of a batch of %zu overflows", batch);
    AE_TRY(check_memory(trainer, arena.bytes));
    AE_TRY(
        ae__model_reserve_scratch(model, &model->engine, shared_rows(trainer), !trainer->portions));
    if (trainer->portions) /* which a smaller batch, that may follow, goes without */
        AE_TRY(ae__model_reserve_scratch(model, &model->engine, AE__MAX_LANES, true));
    if (arena.bytes > model->train_bytes) {
        void *block = ae__mem_alloc(&model->mem, arena.bytes);
        if (!block) return ae__fail(AE_ERR_NOMEM, "fit: no memory for %zu bytes", arena.bytes);
        ae__mem_free(&model->mem, model->train_block);
        model->train_block = block;
        model->train_bytes = arena.bytes;
    }
    arena = (ae__arena){.base = model->train_block, .cap = model->train_bytes};
    bind(trainer, &arena);
    memset(trainer->gradients, 0, model->plan.weight_reals * sizeof(real)); /* the gaps, too */
    return AE_OK;
}

void ae__trainer_weigh(ae__trainer *t, ae__context *context)
{
    const ae__plan *plan = &t->model->plan;
    ae__element_weigh(t->model, t->element, false, context);
    ae__element_fill(t->model, t->x, context->rows, plan->layers[0].in);
    if (context->target != t->x)
        ae__element_fill(t->model, t->target, context->rows, ae__plan_output(plan));
}

/* ---- backward ---- */

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

static void backward_layer(backward_pass *pass, const ae__context *context, real *dy, real *dx)
{
    ae__trainer *t = pass->trainer;
    const ae__plan *plan = &t->model->plan;
    const int32_t i = pass->number, below = ae__plan_below(plan, i);
    ae__layer_call call = ae__model_call(t->model, i, 0, plan->n_layers, context);
    call.saved = t->saved[i];
    pass->layer = &plan->layers[i];
    call.x = below >= 0 ? t->y[below] : t->x;
    call.y = t->y[i];
    call.dy = dy;
    call.dx = dx;
    call.below_act = below_act(t, below);
    call.below_slope = below_slope(t, below);
    call.finished = pass->finished ? slot_finished : NULL;
    call.finished_user = pass;
    for (int32_t slot = 0; slot < pass->layer->info.n_weights; slot++) {
        int32_t weight = pass->layer->weights[slot];
        call.dw[slot] = t->gradients + plan->weights[weight].offset;
        call.accumulate[slot] = plan->weights[weight].last != i;
    }
    pass->layer->ops->backward(&call);
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

static void run_whole(ae__trainer *trainer, const ae__context *context, ae__finished *finished,
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
        backward_layer(&pass, context, dz, dx);
        if (dx) {
            add_input_terms(&pass, context, i, dx);
            add_terms(&pass, context, below, dx, other(trainer, dx));
            derive_kept(trainer, context, below, dx);
        }
        dz = dx;
    }
}

static void run_portion(ae__trainer *portion, const ae__context *context)
{
    run_whole(portion, context, NULL, NULL);
}

void ae__trainer_gradients(ae__trainer *trainer, const ae__context *context, ae__finished *finished,
                           void *user)
{
    if (trainer->portions)
        ae__portions_run(trainer, context, run_portion, finished, user);
    else
        run_whole(trainer, context, finished, user);
}

/* ---- optimiser ---- */

typedef struct updating {
    ae_model *model;
    const real *gradients;
    const ae__optim_ops *optim;
    ae__optim_step step;
} updating;

/* Steps elements [begin, begin + count) of a weight. */
static void update(void *user, int32_t weight, size_t begin, size_t count)
{
    const updating *u = user;
    const ae__weight *w = &u->model->plan.weights[weight];
    size_t at = w->offset + begin;
    if (w->info.state) return;
    ae__optim_slice slice = {.w = u->model->weights + at,
                             .g = u->gradients + at,
                             .count = count,
                             .decay = w->info.decay};
    for (int32_t i = 0; i < u->model->trained.n_states; i++)
        slice.state[i] = u->model->trained.states[i] + at;
    u->optim->update(&u->step, u->model->engine.kernels, &slice);
}

typedef struct norming {
    const ae__trainer *trainer;
    const real *gradients;
} norming;

static void norm_task(void *arg, size_t task, size_t worker)
{
    const norming *n = arg;
    const ae_model *model = n->trainer->model;
    size_t begin = task * NORM_BLOCK, left = model->plan.weight_reals - begin;
    (void)worker;
    n->trainer->norms[task] =
        model->engine.kernels->sum_squares(n->gradients + begin, ae__min_size(NORM_BLOCK, left));
}

/* The norm of a whole gradient: blocks in parallel, summed in order. */
static double norm_of(const ae__trainer *t, const real *gradients)
{
    norming n = {t, gradients};
    size_t blocks = norm_blocks(&t->model->plan);
    double sum = 0;
    ae__pool_run(t->model->engine.pool, blocks, norm_task, &n);
    for (size_t i = 0; i < blocks; i++) sum += t->norms[i];
    return sqrt(sum);
}

/* What no element of a gradient may exceed. */
static double clamp_of(const ae_model *model)
{
    double clip = ae__spec_f64(&model->desc.model, AE_PARAM_CLIP_VALUE);
    return clip > 0 ? clip : INFINITY;
}

static void update_task(void *arg, size_t task, size_t worker)
{
    updating *u = arg;
    (void)worker;
    update(u, (int32_t)task, 0, u->model->plan.weights[task].count);
}

/* The step of a whole gradient that is known, times `scale`. */
static void step_whole(ae__trainer *trainer, const real *gradients, double scale)
{
    ae_model *model = trainer->model;
    const ae__spec *optim = &model->desc.optim;
    const double clip = ae__spec_f64(&model->desc.model, AE_PARAM_CLIP_NORM);
    const uint64_t steps = model->trained.steps;
    updating u = {model, gradients, ae__optim_of(optim->kind), {.adam = {0}}};
    if (clip > 0 || trainer->wants_norm) trainer->norm = scale * norm_of(trainer, gradients);
    if (clip > 0 && trainer->norm > clip) scale *= clip / trainer->norm;
    u.optim->prepare(optim, ae__schedule_rate(model, steps), steps + 1, scale, clamp_of(model),
                     &u.step);
    ae__pool_run(model->engine.pool, (size_t)model->plan.n_weights, update_task, &u);
    model->trained.steps++;
}

void ae__trainer_step(ae__trainer *trainer, const ae__context *context)
{
    ae_model *model = trainer->model;
    const ae__spec *optim = &model->desc.optim;
    const uint64_t steps = model->trained.steps;
    updating u = {model, trainer->gradients, ae__optim_of(optim->kind), {.adam = {0}}};
    if (ae__spec_f64(&model->desc.model, AE_PARAM_CLIP_NORM) > 0) { /* all must be known first */
        ae__trainer_gradients(trainer, context, NULL, NULL);
        step_whole(trainer, trainer->gradients, 1);
        return;
    }
    u.optim->prepare(optim, ae__schedule_rate(model, steps), steps + 1, 1, clamp_of(model),
                     &u.step);
    ae__trainer_gradients(trainer, context, update, &u);
    trainer->norm = trainer->wants_norm ? norm_of(trainer, trainer->gradients) : NAN;
    model->trained.steps++;
}

/* ---- steps of several batches ---- */

typedef struct adding {
    const ae__trainer *trainer;
    ae__sgd descent;
} adding;

/* sum += weight * g: a step of gradient descent the other way. */
static void add_task(void *arg, size_t task, size_t worker)
{
    const adding *a = arg;
    const ae_model *model = a->trainer->model;
    const ae__weight *w = &model->plan.weights[task];
    (void)worker;
    model->engine.kernels->sgd(&a->descent, model->trained.pending.sum + w->offset, NULL,
                               a->trainer->gradients + w->offset, w->count);
}

void ae__trainer_add(ae__trainer *trainer, const ae__context *context)
{
    ae_model *model = trainer->model;
    const double weight = ae__context_weight(context);
    adding a = {trainer, {.learning_rate = -(real)weight, .g_scale = 1, .g_clamp = INFINITY}};
    ae__trainer_gradients(trainer, context, NULL, NULL);
    ae__pool_run(model->engine.pool, (size_t)model->plan.n_weights, add_task, &a);
    model->trained.pending.rows += context->rows;
    model->trained.pending.weight += weight;
    trainer->norm = NAN;
}

void ae__trainer_step_added(ae__trainer *trainer)
{
    const ae__pending *pending = &trainer->model->trained.pending;
    step_whole(trainer, pending->sum, pending->weight > 0 ? 1 / pending->weight : 0);
    ae__trainer_drop(trainer->model);
}

void ae__trainer_drop(ae_model *model)
{
    ae__pending *pending = &model->trained.pending;
    if (pending->rows) memset(pending->sum, 0, model->plan.weight_reals * sizeof *pending->sum);
    pending->rows = 0;
    pending->weight = 0;
}

const char *ae__trainer_infinite(const ae_model *model, double *norm)
{
    const ae__kernels *kernels = model->engine.kernels;
    const size_t n = model->plan.weight_reals;
    double value = sqrt(kernels->sum_squares(model->weights, n));
    const char *what = isfinite(value) ? NULL : "norm of the weights";
    for (int32_t i = 0; !what && i < model->trained.n_states; i++) {
        value = sqrt(kernels->sum_squares(model->trained.states[i], n));
        if (!isfinite(value)) what = "norm of the optimiser's state";
    }
    if (!what && model->trained.pending.rows) {
        value = sqrt(kernels->sum_squares(model->trained.pending.sum, n));
        if (!isfinite(value)) what = "norm of the gradient";
    }
    if (what) *norm = value;
    return what;
}

/* ---- the last complete epoch ---- */

static size_t state_reals(const ae_model *model)
{
    return (size_t)model->trained.n_states * model->plan.weight_reals;
}

void ae__trainer_keep(ae__trainer *trainer)
{
    const ae_model *model = trainer->model;
    memcpy(trainer->kept_weights, model->weights, model->plan.weight_reals * sizeof(real));
    if (state_reals(model))
        memcpy(trainer->kept_states, model->trained.states[0], state_reals(model) * sizeof(real));
    memcpy(trainer->kept_parts, model->trained.parts, model->plan.n_parts * sizeof(double));
    trainer->kept_rows = model->trained.pending.rows;
    trainer->kept_weight = model->trained.pending.weight;
    if (trainer->kept_rows)
        memcpy(trainer->kept_sum, model->trained.pending.sum,
               model->plan.weight_reals * sizeof(real));
}

void ae__trainer_restore(ae__trainer *trainer)
{
    ae_model *model = trainer->model;
    memcpy(model->weights, trainer->kept_weights, model->plan.weight_reals * sizeof(real));
    if (state_reals(model))
        memcpy(model->trained.states[0], trainer->kept_states, state_reals(model) * sizeof(real));
    memcpy(model->trained.parts, trainer->kept_parts, model->plan.n_parts * sizeof(double));
    ae__trainer_drop(model);
    model->trained.pending.rows = trainer->kept_rows;
    model->trained.pending.weight = trainer->kept_weight;
    if (trainer->kept_rows)
        memcpy(model->trained.pending.sum, trainer->kept_sum,
               model->plan.weight_reals * sizeof(real));
}
