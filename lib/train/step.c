/* Gradients, and the optimiser on them, as they come or as a whole. */
#include "train/step.h"

#include <math.h>
#include <string.h>

#include "base/size.h"
#include "train/portion.h"
#include "train/schedule.h"

void ae__trainer_gradients(ae__trainer *trainer, const ae__context *context, ae__finished *finished,
                           void *user)
{
    if (trainer->portions)
        ae__portions_run(trainer, context, finished, user);
    else
        ae__backward(trainer, context, finished, user);
}

/* ---- the optimiser ---- */

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
    size_t begin = task * AE__NORM_BLOCK, left = model->plan.weight_reals - begin;
    (void)worker;
    n->trainer->norms[task] = model->engine.kernels->sum_squares(
        n->gradients + begin, ae__min_size(AE__NORM_BLOCK, left));
}

/* The norm of a whole gradient: blocks in parallel, summed in order. */
static double norm_of(const ae__trainer *t, const real *gradients)
{
    norming n = {t, gradients};
    size_t blocks = ae__norm_blocks(&t->model->plan);
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

/* The next step on gradients, times `scale`. */
static updating prepared(ae_model *model, const real *gradients, double scale)
{
    const ae__spec *optim = &model->desc.optim;
    const uint64_t steps = model->trained.steps;
    updating u = {model, gradients, ae__optim_of(optim->kind), {.adam = {0}}};
    u.optim->prepare(optim, ae__schedule_rate(model, steps), steps + 1, scale, clamp_of(model),
                     &u.step);
    return u;
}

/* The step of a whole gradient that is known, times `scale`. */
static void step_whole(ae__trainer *trainer, const real *gradients, double scale)
{
    ae_model *model = trainer->model;
    const double clip = ae__spec_f64(&model->desc.model, AE_PARAM_CLIP_NORM);
    if (clip > 0 || trainer->wants_norm) trainer->norm = scale * norm_of(trainer, gradients);
    if (clip > 0 && trainer->norm > clip) scale *= clip / trainer->norm;
    updating u = prepared(model, gradients, scale);
    ae__pool_run(model->engine.pool, (size_t)model->plan.n_weights, update_task, &u);
    model->trained.steps++;
}

void ae__trainer_step(ae__trainer *trainer, const ae__context *context)
{
    ae_model *model = trainer->model;
    if (ae__spec_f64(&model->desc.model, AE_PARAM_CLIP_NORM) > 0) { /* all must be known first */
        ae__trainer_gradients(trainer, context, NULL, NULL);
        step_whole(trainer, trainer->gradients, 1);
        return;
    }
    updating u = prepared(model, trainer->gradients, 1);
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
