/* How a batch is cut, and what its portions have found put together. */
#include "train/portion.h"

#include <string.h>

#include "base/size.h"
#include "base/status.h"

enum { ROWS = AE__MAX_LANES /* of a portion: whole blocks */ };

int32_t ae__portions_plan(ae__trainer *trainer)
{
    const ae_model *model = trainer->model;
    const ae__engine alone = {model->engine.kernels, NULL, model->engine.gemm};
    trainer->portions = 0;
    if (!model->plan.portions || trainer->batch <= ROWS || alone.gemm == AE_GEMM_CBLAS)
        return AE_OK;
    AE_TRY(ae__plan_scratch(&model->plan, &alone, ROWS, true, &trainer->scratch_reals));
    trainer->portions = ae__blocks(trainer->batch, ROWS);
    return AE_OK;
}

size_t ae__portions_workers(const ae__trainer *trainer)
{
    return ae__min_size((size_t)ae__pool_threads(trainer->model->engine.pool), trainer->portions);
}

typedef struct job {
    ae__trainer *trainer;
    const ae__context *context;
    double weight; /* of all rows */
    ae__engine alone;
    ae__finished *finished;
    void *user;
    size_t portions;
} job;

/* What the context says of a batch, for rows [row, row + rows) of it. */
static ae__context context_of(const job *j, size_t row)
{
    ae__context c = *j->context;
    c.engine = &j->alone;
    c.batch = c.rows;
    c.batch_weight = j->weight;
    c.rows = ae__min_size(ROWS, c.batch - row);
    if (c.row_numbers) c.row_numbers += row;
    c.first_row += row;
    c.target += row * c.target_row;
    c.element_at += row * c.element_row;
    if (c.row_weight) c.row_weight += row;
    if (c.side) c.side += row * c.side_row;
    return c;
}

static void portion_task(void *arg, size_t task, size_t worker)
{
    const job *j = arg;
    const ae__trainer *t = j->trainer;
    const ae__plan *plan = &t->model->plan;
    const size_t row = task * ROWS;
    const bool plenty = ae__portions_workers(t) == t->portions;
    ae__trainer portion = t->workers[plenty ? task : worker];
    ae__context context = context_of(j, row);
    context.scratch = portion.scratch;
    portion.x = t->x + row * ae__row_stride(plan->layers[0].in);
    portion.values = t->values + row;
    portion.sums = t->sums + row;
    portion.gradients = t->portion_gradients + task * plan->weight_reals;
    portion.parts = t->portion_parts + task * plan->n_parts;
    ae__backward(&portion, &context, NULL, NULL);
}

static void sum_task(void *arg, size_t task, size_t worker)
{
    const job *j = arg;
    const ae__trainer *t = j->trainer;
    const ae__plan *plan = &t->model->plan;
    const ae__weight *w = &plan->weights[task];
    (void)worker;
    if (w->info.state) return; /* no portion has written a gradient of it */
    t->model->engine.kernels->column_sums(t->gradients + w->offset,
                                          t->portion_gradients + w->offset, plan->weight_reals,
                                          j->portions, w->count, false);
    if (j->finished) j->finished(j->user, (int32_t)task, 0, w->count);
}

void ae__portions_run(ae__trainer *trainer, const ae__context *context, ae__finished *finished,
                      void *user)
{
    const ae_model *model = trainer->model;
    const size_t n_parts = model->plan.n_parts;
    job j = {.trainer = trainer,
             .context = context,
             .weight = ae__context_weight(context),
             .alone = {model->engine.kernels, NULL, model->engine.gemm},
             .finished = finished,
             .user = user,
             .portions = ae__blocks(context->rows, ROWS)};
    ae__pool_run(model->engine.pool, j.portions, portion_task, &j);
    memset(trainer->parts, 0, n_parts * sizeof *trainer->parts);
    for (size_t i = 0; i < j.portions * n_parts; i++)
        trainer->parts[i % n_parts] += trainer->portion_parts[i];
    ae__pool_run(model->engine.pool, (size_t)model->plan.n_weights, sum_task, &j);
}
