/* Memory of a step, planned beforehand, and what it is to be taken back to. */
#include "train/trainer.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/size.h"
#include "base/status.h"
#include "model/element.h"
#include "train/portion.h"

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
    t->calls = ae__arena_take(arena, (size_t)plan->n_layers, sizeof *t->calls);
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
    t->calls = t->workers->calls;
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
    t->norms = ae__arena_take(arena, ae__norm_blocks(plan), sizeof(double));
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
