/* What the tests of gradients of chains of vectors share: the chains, how far a point of one is from where
 * a gradient jumps, and what is checked of each. */
#ifndef TEST_DOUBLE_GRADIENTS_H
#define TEST_DOUBLE_GRADIENTS_H

#include "gradients.h"

#include <float.h>

enum { ROWS = 3, IN = 5, UNITS = 4 };

/* ---- the distance from kinks ---- */

/* Magnitudes have a kink wherever an output passes 0. */
static inline bool has_magnitudes(const ae_model *model)
{
    for (int32_t i = 0; i < model->desc.n_terms; i++)
        if (model->desc.terms[i].kind == AE_PENALTY_L1) return true;
    return false;
}

/* A layer once more, its output or its z to a place of their own. */
static inline ae__layer_call run_layer(trial *t, int32_t i, bool raw)
{
    ae__layer_call call = ae__model_call(t->model, i, i, i + 1, &t->context);
    call.x = i ? t->trainer.y[i - 1] : t->trainer.x;
    call.y = t->trainer.dy[0];
    call.raw = raw;
    t->model->plan.layers[i].ops->forward(&call);
    return call;
}

static inline size_t elements(const ae__layer_call *call)
{
    return call->rows * call->factor * call->out;
}

/* The least distance of an |y - t| from where a loss bends: MAE at 0, Huber's at delta. */
static inline double bend_distance(trial *t)
{
    const ae__layer_call call = run_layer(t, t->model->plan.n_layers - 1, false);
    const size_t samples = t->model->plan.samples;
    double least = INFINITY;
    for (int32_t i = 0; i < t->model->desc.n_terms; i++) {
        const ae__spec *term = &t->model->desc.terms[i];
        if (term->kind != AE_LOSS_MAE && term->kind != AE_LOSS_HUBER) continue;
        double bend = term->kind == AE_LOSS_MAE ? 0 : ae__spec_f64(term, AE_PARAM_DELTA);
        for (size_t j = 0; j < elements(&call); j++) {
            size_t at = j / call.out / samples * call.out + j % call.out;
            least = fmin(least, fabs(fabs(call.y[j] - t->trainer.target[at]) - bend));
        }
    }
    return least;
}

/* The least distance of a divergence from the free bits below which it has no gradient. */
static inline double free_distance(trial *t)
{
    const ae__plan *plan = &t->model->plan;
    double least = INFINITY;
    for (int32_t i = 0; i < plan->n_terms; i++) {
        const ae__value *bits = ae__spec_find(plan->terms[i].spec, AE_PARAM_FREE_BITS);
        if (!bits || bits->f64 == 0) continue;
        const ae__layer_call call = run_layer(t, plan->terms[i].layer, false);
        for (size_t j = 0; j < call.rows * call.out; j++) {
            const real *m = call.x + j / call.out * call.x_row + j % call.out;
            double log_v = 20 * tanh(m[call.out] / 20);
            least = fmin(least, fabs((*m * *m + expm1(log_v) - log_v) / 2 - bits->f64));
        }
    }
    return least;
}

/* The least distance from its bounds of what Gaussian noise is cut to: the draws are the same without
 * the bounds. */
static inline double clip_distance(ae__layer_call call)
{
    const setting open[] = {{AE_PARAM_CLIP_LOW, -FLT_MAX}, {AE_PARAM_CLIP_HIGH, FLT_MAX}, {0}};
    double low = ae__spec_f64(call.spec, AE_PARAM_CLIP_LOW), least = INFINITY;
    double high = ae__spec_f64(call.spec, AE_PARAM_CLIP_HIGH);
    ae__spec spec = *call.spec;
    apply_settings(&spec, open);
    call.spec = &spec;
    ae__layer_of(spec.kind)->forward(&call);
    for (size_t j = 0; j < elements(&call); j++)
        least = fmin(least, fmin(fabs(call.y[j] - low), fabs(call.y[j] - high)));
    return least;
}

/* The least distance between what a topk layer kept and what it did not. A 0 is fed by dead units alone,
 * and stays. */
static inline double tie_distance(ae__layer_call call)
{
    double least = INFINITY;
    for (size_t i = 0; i < call.rows; i++) {
        const real *x = call.x + i * call.x_row, *y = call.y + i * call.y_row;
        double kept = INFINITY, left = -INFINITY;
        for (size_t j = 0; j < call.in; j++) {
            if (y[j] != 0) kept = fmin(kept, x[j]);
            if (y[j] == 0) left = fmax(left, x[j]);
        }
        least = fmin(least, kept - left);
    }
    return least;
}

/* The least |z| before a kinked activation, or a loss' distance from its own. A z of 0 is fed by
 * dead units alone, and stays. */
static inline double kink_distance(trial *t)
{
    const bool everywhere = has_magnitudes(t->model);
    loss_of(t);
    double least = fmin(bend_distance(t), free_distance(t));
    for (int32_t i = 0; i < t->model->plan.n_layers; i++) {
        const ae__layer_call call = run_layer(t, i, true);
        bool kink = everywhere || kinked[call.info->activation];
        for (size_t j = 0; kink && j < elements(&call); j++)
            if (call.y[j] != 0) least = fmin(least, fabs(call.y[j]));
        if (call.spec->kind == AE__LAYER_CORRUPT) least = fmin(least, clip_distance(call));
        if (call.spec->kind == AE__LAYER_TOPK) least = fmin(least, tie_distance(call));
    }
    return least;
}

/* ---- checks ---- */

/* The fused loss does on a block of the product what the plain passes do on all of z: the same
 * operations, so the same numbers (== takes -0 for 0). */
static inline void check_fused_equals_plain(trial *t, const char *name)
{
    const bool fused = t->model->plan.fuse_loss;
    const double loss = loss_of(t);
    real *gradients = gradients_of(t);
    t->model->plan.fuse_loss = false;
    if (loss_of(t) != loss) fail_msg("%s: fused loss %.17g, plain %.17g", name, loss, loss_of(t));
    EACH_WEIGHT(t->model, w)
    for (size_t i = 0; i < w->count; i++) {
        double want = t->trainer.gradients[w->offset + i], got = gradients[w->offset + i];
        if (got != want)
            fail_msg("%s: layer %d, %s %zu: gradient %.17g fused, %.17g plain", name, (int)w->layer,
                     w->info.name, i, got, want);
    }
    t->model->plan.fuse_loss = fused;
    free(gradients);
}

/* Frees the trial. */
static inline void check_trial(trial *t, const char *name)
{
    draw_smooth_point(t, kink_distance);
    check_gradients(t, name);
    check_fused_equals_plain(t, name);
    trial_free(t);
}

static inline void check_chain(const chain *c, size_t rows)
{
    trial t = trial_of(c, rows);
    check_trial(&t, c->name);
}

/* ---- chains ---- */

/* clang-format off */
#define CORRUPT(noise, amount)                                                                       \
    {AE__LAYER_CORRUPT, {{AE_PARAM_NOISE, noise}, {AE_PARAM_AMOUNT, amount}}}
#define CLIPPED(noise, amount, low, high)                                                          \
    {AE__LAYER_CORRUPT, {{AE_PARAM_NOISE, noise}, {AE_PARAM_AMOUNT, amount},                       \
                         {AE_PARAM_CLIP_LOW, low}, {AE_PARAM_CLIP_HIGH, high}}}
#define MASKED(amount, value)                                                                      \
    {AE__LAYER_CORRUPT, {{AE_PARAM_NOISE, AE_NOISE_MASKING}, {AE_PARAM_AMOUNT, amount},            \
                         {AE_PARAM_MASK_VALUE, value}}}
/* Without revival: what dead units get is no gradient of the loss. */
#define TOPK(k) {AE__LAYER_TOPK, {{AE_PARAM_K, k}, {AE_PARAM_REVIVAL, 0}}}
#define SCALED(kind, weight) {kind, {{AE_PARAM_WEIGHT, weight}}}
#define KL(layer, ...)       {AE_PENALTY_KL, {{AE_PARAM_LAYER, layer}, __VA_ARGS__}}
#define NLL(variance_kind)   {AE_LOSS_GAUSSIAN_NLL, {{AE_PARAM_VARIANCE_KIND, variance_kind},     \
                                                     {AE_PARAM_VARIANCE, 0.5}}}
/* clang-format on */

static const piece terms[] = {
    {.kind = AE_LOSS_MSE},
    {.kind = AE_LOSS_BCE},
    {.kind = AE_LOSS_MAE},
    {AE_LOSS_HUBER, {{AE_PARAM_DELTA, 0.5}}},
    {.kind = AE_LOSS_BERNOULLI_NLL},
    {AE_LOSS_GAUSSIAN_NLL, {{AE_PARAM_VARIANCE_KIND, AE_VARIANCE_GLOBAL}}},
    {.kind = AE_PENALTY_L1},
    ON(AE_PENALTY_KL, 1),
    {.kind = AE_PENALTY_KL_SPARSITY}};
enum { TERMS = sizeof terms / sizeof *terms };

static const chain tied_twice = {
    .name = "one kernel in three layers",
    .input = IN,
    .layers = {DENSE(UNITS, AE_ACT_TANH), TIED(IN, AE_ACT_SIGMOID, 0), DENSE(UNITS, AE_ACT_LINEAR),
               TIED(IN, AE_ACT_TANH, 0)},
    .terms = {{.kind = AE_LOSS_MSE}},
};

/* 19 rows and 37 columns are no multiple of a tile, a vector or a task, and more than one of each. */
enum { ODD_ROWS = 19 };
static const chain odd_and_deep = {
    .name = "odd and deep",
    .input = 37,
    .layers = {DENSE(17, AE_ACT_RELU), DENSE(7, AE_ACT_LEAKY_RELU), DENSE(1, AE_ACT_LINEAR),
               DENSE(7, AE_ACT_TANH), DENSE(17, AE_ACT_LINEAR), DENSE(37, AE_ACT_SIGMOID)},
    .terms = {{.kind = AE_LOSS_BCE}},
};

/* A penalty on the code, one on a layer between, and the loss that stays fused. */
static const chain penalised = {
    .name = "penalised",
    .input = IN,
    .layers = {DENSE(UNITS, AE_ACT_RELU), DENSE(3, AE_ACT_TANH), DENSE(IN, AE_ACT_SIGMOID)},
    .terms = {{AE_PENALTY_L1, {{AE_PARAM_LAYER, 0}, {AE_PARAM_WEIGHT, 0.3}}},
              {.kind = AE_LOSS_BCE},
              {AE_PENALTY_L1, {{AE_PARAM_LAYER, 1}}}},
};

/* Activations whose input is kept: under penalties, noise, ties and each other, also as the last. */
static const chain gated = {
    .name = "gated",
    .input = IN,
    .layers = {DENSE(UNITS, AE_ACT_GELU),
               CORRUPT(AE_NOISE_DROPOUT, 0.2),
               DENSE(3, AE_ACT_SILU),
               {AE__LAYER_ACTIVATION, {{AE_PARAM_ACTIVATION, AE_ACT_GELU}}},
               DENSE(UNITS, AE_ACT_TANH),
               TIED(IN, AE_ACT_SILU, 0)},
    .terms = {{AE_PENALTY_L1, {{AE_PARAM_LAYER, 0}, {AE_PARAM_WEIGHT, 0.3}}},
              {AE_PENALTY_L1, {{AE_PARAM_LAYER, 3}, {AE_PARAM_WEIGHT, 0.2}}},
              {AE_PENALTY_L1, {{AE_PARAM_LAYER, 5}, {AE_PARAM_WEIGHT, 0.1}}},
              {.kind = AE_LOSS_MSE}},
};

enum { IMPORTANCE = AE_BOUND_IMPORTANCE };

static const chain drawn_codes[] = {
    {.name = "one sample",
     .input = IN,
     .layers = {DENSE(6, AE_ACT_LINEAR), GAUSSIAN(1), DENSE(IN, AE_ACT_SIGMOID)},
     .terms = {{.kind = AE_LOSS_BERNOULLI_NLL}, ON(AE_PENALTY_KL, 1)}},
    {.name = "three samples behind a sigmoid, mean losses",
     .input = IN,
     .layers = {DENSE(6, AE_ACT_SIGMOID), GAUSSIAN(3), DENSE(UNITS, AE_ACT_TANH),
                DENSE(IN, AE_ACT_SIGMOID)},
     .terms = {{.kind = AE_LOSS_BCE},
               SCALED(AE_LOSS_HUBER, 0.5),
               SCALED(AE_LOSS_MSE, 2),
               KL(1, {AE_PARAM_WEIGHT, 0.25})}},
    {.name = "penalties on either side of three samples",
     .input = IN,
     .layers = {DENSE(6, AE_ACT_TANH), GAUSSIAN(3), DENSE(UNITS, AE_ACT_SIGMOID),
                DENSE(IN, AE_ACT_SOFTPLUS)},
     .terms = {ON(AE_PENALTY_L1, 0), ON(AE_PENALTY_L1, 1), ON(AE_PENALTY_KL_SPARSITY, 2),
               ON(AE_PENALTY_L1, 3), SCALED(AE_LOSS_MAE, 0.5), ON(AE_PENALTY_KL, 1)}},
    {.name = "importance, one sample",
     .input = IN,
     .layers = {DENSE(6, AE_ACT_LINEAR), GAUSSIAN(1), DENSE(IN, AE_ACT_SIGMOID)},
     .terms = {{.kind = AE_LOSS_BERNOULLI_NLL}, ON(AE_PENALTY_KL, 1)},
     .model = {{AE_PARAM_BOUND, IMPORTANCE}}},
    {.name = "importance, three samples",
     .input = IN,
     .layers = {DENSE(6, AE_ACT_TANH), GAUSSIAN(3), DENSE(UNITS, AE_ACT_TANH),
                DENSE(IN, AE_ACT_SIGMOID)},
     .terms = {SCALED(AE_LOSS_BERNOULLI_NLL, 0.75), KL(1, {AE_PARAM_WEIGHT, 0.5})},
     .model = {{AE_PARAM_BOUND, IMPORTANCE}}},
    {.name = "importance, three samples, a variance a feature",
     .input = IN,
     .layers = {DENSE(6, AE_ACT_LINEAR), GAUSSIAN(3), DENSE(IN, AE_ACT_SIGMOID)},
     .terms = {NLL(AE_VARIANCE_FEATURE), ON(AE_PENALTY_KL, 1)},
     .model = {{AE_PARAM_BOUND, IMPORTANCE}}},
    {.name = "free bits",
     .input = IN,
     .layers = {DENSE(6, AE_ACT_LINEAR), GAUSSIAN(3), DENSE(IN, AE_ACT_SIGMOID)},
     .terms = {KL(1, {AE_PARAM_FREE_BITS, 0.25}), {.kind = AE_LOSS_BERNOULLI_NLL}}},
    {.name = "warm-up",
     .input = IN,
     .layers = {DENSE(6, AE_ACT_LINEAR), GAUSSIAN(1), DENSE(IN, AE_ACT_SIGMOID)},
     .terms = {KL(1, {AE_PARAM_WARMUP, 4}), {.kind = AE_LOSS_BERNOULLI_NLL}}},
    {.name = "importance and warm-up",
     .input = IN,
     .layers = {DENSE(6, AE_ACT_LINEAR), GAUSSIAN(3), DENSE(IN, AE_ACT_SIGMOID)},
     .terms = {KL(1, {AE_PARAM_WARMUP, 4}), {.kind = AE_LOSS_BERNOULLI_NLL}},
     .model = {{AE_PARAM_BOUND, IMPORTANCE}}},
    {.name = "last of all",
     .input = IN,
     .layers = {DENSE(2 * IN, AE_ACT_TANH), GAUSSIAN(3)},
     .terms = {{.kind = AE_LOSS_MSE}, NLL(AE_VARIANCE_GLOBAL), KL(1, {AE_PARAM_FREE_BITS, 0.1})}},
    {.name = "last of all, importance",
     .input = IN,
     .layers = {DENSE(2 * IN, AE_ACT_TANH), GAUSSIAN(3)},
     .terms = {ON(AE_PENALTY_KL, 1), NLL(AE_VARIANCE_FEATURE)},
     .model = {{AE_PARAM_BOUND, IMPORTANCE}}},
    {.name = "first of all",
     .input = 6,
     .layers = {GAUSSIAN(2), DENSE(6, AE_ACT_TANH)},
     .terms = {ON(AE_PENALTY_KL, 0), {.kind = AE_LOSS_MSE}}},
};
enum { DRAWN_CODES = sizeof drawn_codes / sizeof *drawn_codes };

/* Means over rows. */
static const chain sparse[] = {
    {.name = "sparse within",
     .input = IN,
     .layers = {DENSE(UNITS, AE_ACT_SIGMOID), DENSE(IN, AE_ACT_SIGMOID)},
     .terms = {ON(AE_PENALTY_KL_SPARSITY, 0), {.kind = AE_LOSS_BCE}}},
    {.name = "sparse at the end",
     .input = IN,
     .layers = {DENSE(UNITS, AE_ACT_TANH), DENSE(67, AE_ACT_SIGMOID)},
     .terms = {{.kind = AE_LOSS_BCE},
               {AE_PENALTY_KL_SPARSITY, {{AE_PARAM_TARGET, 0.3}, {AE_PARAM_WEIGHT, 2}}}}},
    {.name = "sparse apart, twice",
     .input = IN,
     .layers = {DENSE(UNITS, AE_ACT_LINEAR),
                {AE__LAYER_ACTIVATION, {{AE_PARAM_ACTIVATION, AE_ACT_SIGMOID}}},
                DENSE(IN, AE_ACT_SIGMOID)},
     .terms = {ON(AE_PENALTY_KL_SPARSITY, 1),
               {AE_PENALTY_KL_SPARSITY, {{AE_PARAM_TARGET, 0.75}}},
               {.kind = AE_LOSS_MSE}}},
};
enum { SPARSE = sizeof sparse / sizeof *sparse };

/* Side vectors and labels. */
static const chain sided[] = {
    {.name = "side before all and within",
     .input = IN,
     .layers = {CONCAT(3), DENSE(UNITS, AE_ACT_TANH), CONCAT(3), DENSE(IN, AE_ACT_SIGMOID)},
     .terms = {{.kind = AE_LOSS_BCE}}},
    {.name = "label before all and within",
     .input = IN,
     .layers = {LABEL(4), DENSE(UNITS, AE_ACT_SOFTPLUS), LABEL(4), DENSE(IN, AE_ACT_TANH)},
     .terms = {{.kind = AE_LOSS_MSE}}},
    {.name = "side behind a drawn code",
     .input = IN,
     .layers = {CONCAT(2), DENSE(6, AE_ACT_TANH), GAUSSIAN(3), CONCAT(2), DENSE(IN, AE_ACT_TANH)},
     .terms = {NLL(AE_VARIANCE_FEATURE), ON(AE_PENALTY_KL, 2)}},
    {.name = "label behind a drawn code, importance",
     .input = IN,
     .layers = {LABEL(3), DENSE(6, AE_ACT_LINEAR), GAUSSIAN(3), LABEL(3), DENSE(UNITS, AE_ACT_ELU),
                DENSE(IN, AE_ACT_SIGMOID)},
     .terms = {{.kind = AE_LOSS_BERNOULLI_NLL}, ON(AE_PENALTY_KL, 2)},
     .model = {{AE_PARAM_BOUND, IMPORTANCE}}},
};
enum { SIDED = sizeof sided / sizeof *sided };

/* Halfway through a warm-up of 4 epochs. */
static inline void check_warming(const chain *c, size_t rows)
{
    trial t = trial_of(c, rows);
    t.context.seed = 5;
    t.context.epoch = 3;
    t.context.epochs = 2;
    check_trial(&t, c->name);
}

#endif
