/* Every gradient against central differences, in double. To be linked to the double build alone.
 *
 * The difference quotient of a loss over +-STEP is wrong by about 2e-16 / STEP of it from rounding and
 * by STEP^2 / 6 of a third derivative, both below NOISE; the rest is held to 1e-6 relative.
 *
 * Each chain of the sweep begins with a dense layer on fewer rows than columns, so that its kernel's
 * gradient, x^T dz, tells the whole gradient of the input of what stands above it. */
#include "gradients.h"

#include <float.h>
#include <stdio.h>

#define STEP     1e-5
#define NOISE    1e-10
#define RELATIVE 1e-6
#define KINK     1e-3 /* least distance from a kink */

enum { ROWS = 3, IN = 5, UNITS = 4 };

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
/* clang-format on */

/* ---- what is covered ---- */

static const piece layers[] = {{AE__LAYER_DENSE, {{AE_PARAM_UNITS, UNITS}}},
                               {.kind = AE__LAYER_ACTIVATION},
                               CORRUPT(AE_NOISE_DROPOUT, 0.1),
                               GAUSSIAN(1),
                               CONCAT(2),
                               TOPK(2)};
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
/* in the first derivative, or (elu) in the second */
static const bool kinked[] = {
    [AE_ACT_LINEAR] = false,   [AE_ACT_RELU] = true,     [AE_ACT_LEAKY_RELU] = true,
    [AE_ACT_TANH] = false,     [AE_ACT_SIGMOID] = false, [AE_ACT_ELU] = true,
    [AE_ACT_SOFTPLUS] = false, [AE_ACT_GELU] = false,    [AE_ACT_SILU] = false,
};

enum {
    LAYERS = sizeof layers / sizeof *layers,
    TERMS = sizeof terms / sizeof *terms,
    ACTS = sizeof kinked / sizeof *kinked
};

static void every_registered_layer_is_covered(void **state)
{
    (void)state;
    for (size_t i = 0; ae__layer_at(i); i++) {
        size_t j = 0;
        while (j < LAYERS && layers[j].kind != ae__layer_at(i)->kind) j++;
        if (j == LAYERS && !of_images(ae__layer_at(i)->kind))
            fail_msg("layer %s is in no chain", ae__layer_at(i)->name);
    }
}

static void every_registered_term_is_covered(void **state)
{
    (void)state;
    for (size_t i = 0; ae__term_at(i); i++) {
        size_t j = 0;
        while (j < TERMS && terms[j].kind != ae__term_at(i)->kind) j++;
        if (j == TERMS) fail_msg("term %s is in no chain", ae__term_at(i)->name);
    }
}

static void every_activation_is_covered(void **state)
{
    const ae__param *row = ae__param_of(AE_PARAM_ACTIVATION);
    (void)state;
    assert_int_equal(row->lowest.i64, 0);
    assert_int_equal(row->highest.i64, ACTS - 1);
}

/* ---- the comparison ---- */

/* The gradients of the loss, and the loss itself. */
static double loss_of(trial *t)
{
    ae__trainer_gradients(&t->trainer, &t->context, NULL, NULL);
    return t->trainer.parts[AE__PART_LOSS] / t->trainer.parts[AE__PART_WEIGHT];
}

/* Magnitudes have a kink wherever an output passes 0. */
static bool has_magnitudes(const ae_model *model)
{
    for (int32_t i = 0; i < model->desc.n_terms; i++)
        if (model->desc.terms[i].kind == AE_PENALTY_L1) return true;
    return false;
}

/* A layer once more, its output or its z to a place of their own. */
static ae__layer_call run_layer(trial *t, int32_t i, bool raw)
{
    ae__layer_call call = ae__model_call(t->model, i, i, i + 1, &t->context);
    call.x = i ? t->trainer.y[i - 1] : t->trainer.x;
    call.y = t->trainer.dy[0];
    call.raw = raw;
    t->model->plan.layers[i].ops->forward(&call);
    return call;
}

static size_t elements(const ae__layer_call *call)
{
    return call->rows * call->factor * call->out;
}

/* The least distance of an |y - t| from where a loss bends: MAE at 0, Huber's at delta. */
static double bend_distance(trial *t)
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
static double free_distance(trial *t)
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
static double clip_distance(ae__layer_call call)
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
static double tie_distance(ae__layer_call call)
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
static double kink_distance(trial *t)
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

/* No weight is 0, so that only dead units make a z of 0. */
static void draw_smooth_point(trial *t)
{
    for (int tries = 0; tries < 1000; tries++) {
        EACH_WEIGHT(t->model, w)
        for (size_t i = 0; i < w->count; i++)
            t->model->weights[w->offset + i] = drawn_weight(w) + 0x1p-12;
        trial_draw(t);
        if (kink_distance(t) >= KINK) return;
    }
    fail_msg("every point is too near a kink");
}

static double quotient(trial *t, real *weight)
{
    const real at = *weight;
    *weight = at + STEP;
    double above = loss_of(t);
    *weight = at - STEP;
    double below = loss_of(t);
    *weight = at;
    return (above - below) / (2 * STEP);
}

/* A copy of the gradients at this point; to be freed. */
static real *gradients_of(trial *t)
{
    size_t bytes = t->model->plan.weight_reals * sizeof(real);
    real *copy = malloc(bytes);
    assert_non_null(copy);
    loss_of(t);
    return memcpy(copy, t->trainer.gradients, bytes);
}

static void check_gradients(trial *t, const char *name)
{
    const double noise = NOISE * fmax(1, fabs(loss_of(t)));
    real *gradients = gradients_of(t);
    EACH_WEIGHT(t->model, w)
    for (size_t i = 0; !w->info.weighs && i < w->count; i++) {
        double got = gradients[w->offset + i];
        double want = quotient(t, t->model->weights + w->offset + i);
        if (!(fabs(got - want) <= RELATIVE * fabs(want) + noise))
            fail_msg("%s: layer %d, %s %zu: gradient %.12g, difference quotient %.12g", name,
                     (int)w->layer, w->info.name, i, got, want);
    }
    free(gradients);
}

/* The fused loss does on a block of the product what the plain passes do on all of z: the same
 * operations, so the same numbers (== takes -0 for 0). */
static void check_fused_equals_plain(trial *t, const char *name)
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

static void check_chain(const chain *c, size_t rows)
{
    trial t = trial_of(c, rows);
    draw_smooth_point(&t);
    check_gradients(&t, c->name);
    check_fused_equals_plain(&t, c->name);
    trial_free(&t);
}

/* ---- the sweep: dense, any layer, dense (and perhaps an activation of its own) ---- */

typedef struct variant {
    int32_t below, act; /* AE_ACT_* of the first layer and of those above */
    bool bias, tied, apart;
    size_t layer; /* in `layers` */
    size_t term;  /* in `terms`; TERMS: all together */
} variant;

static void add_setting(piece *p, int32_t id, double value)
{
    setting *s = p->settings;
    while (s->id) s++;
    *s = (setting){id, value};
}

static bool takes(int32_t kind, int32_t id)
{
    const int32_t *ids = ae__layer_of(kind)->params;
    while (*ids && *ids != id) ids++;
    return *ids == id;
}

/* The piece with the settings of the variant that it takes. */
static piece layer_of(const variant *v, piece p, int32_t act)
{
    if (takes(p.kind, AE_PARAM_ACTIVATION)) add_setting(&p, AE_PARAM_ACTIVATION, act);
    if (takes(p.kind, AE_PARAM_SLOPE)) add_setting(&p, AE_PARAM_SLOPE, 0.2);
    if (takes(p.kind, AE_PARAM_BIAS)) add_setting(&p, AE_PARAM_BIAS, v->bias);
    return p;
}

/* Whether the term goes with a last layer of this activation, or with a layer that draws. */
static bool fits(int32_t term, bool draws, int32_t act)
{
    const ae__term_ops *ops = ae__term_of(term);
    const ae__term_site site = {"dense", draws, act, 1};
    ae__term_info info = {0};
    ae__spec spec;
    assert_true(ae__spec_begin_term(&spec, term));
    return !ops->infer || ops->infer(&spec, &site, &info) == AE_OK;
}

/* Those that go with the chain; *last_act becomes one that they go with. */
static void add_terms(chain *c, const variant *v, int32_t *last_act)
{
    const bool draws = ae__layer_of(layers[v->layer].kind)->draws;
    size_t n = 0;
    for (size_t i = 0; i < TERMS; i++) {
        if (v->term != TERMS && v->term != i) continue;
        if (!fits(terms[i].kind, draws, *last_act)) *last_act = AE_ACT_SIGMOID;
        if (!fits(terms[i].kind, draws, *last_act)) continue;
        c->terms[n] = terms[i];
        add_setting(&c->terms[n++], AE_PARAM_WEIGHT, 0.75 + (double)i);
    }
}

/* Whether the layer gives as many numbers as it takes, so that the next can be tied to the one
 * below it. */
static bool keeps_width(int32_t kind)
{
    return kind != AE__LAYER_GAUSSIAN && kind != AE__LAYER_CONCAT;
}

static void check_variant(const variant *v)
{
    const piece narrow = {AE__LAYER_DENSE, {{AE_PARAM_UNITS, UNITS}}};
    const piece outer = {AE__LAYER_DENSE, {{AE_PARAM_UNITS, IN}}};
    const piece alone = {.kind = AE__LAYER_ACTIVATION};
    int32_t last_act = v->act;
    char name[160];
    snprintf(name, sizeof name, "%s, activations %d %d, %s, %s, %s, term %zu",
             ae__layer_of(layers[v->layer].kind)->name, (int)v->below, (int)v->act,
             v->bias ? "bias" : "no bias", v->tied ? "tied" : "untied",
             v->apart ? "apart" : "within", v->term);
    chain c = {.name = name, .input = IN};
    add_terms(&c, v, &last_act);
    if (!c.terms[0].kind || (v->tied && !keeps_width(layers[v->layer].kind))) return;
    c.layers[0] = layer_of(v, narrow, v->below);
    c.layers[1] = layer_of(v, layers[v->layer], v->act);
    c.layers[2] = layer_of(v, outer, v->apart ? AE_ACT_LINEAR : last_act);
    if (v->tied) add_setting(&c.layers[2], AE_PARAM_TIED, 0);
    if (v->apart) c.layers[3] = layer_of(v, alone, last_act);
    check_chain(&c, ROWS);
}

static void gradients_equal_central_differences(void **state)
{
    (void)state;
    for (size_t i = 0; i < LAYERS * (TERMS + 1) * ACTS * ACTS * 8; i++) {
        size_t rest = i / 8;
        variant v = {.bias = i & 1, .tied = i & 2, .apart = i & 4};
        v.act = (int32_t)(rest % ACTS);
        v.below = (int32_t)(rest / ACTS % ACTS);
        v.layer = rest / ACTS / ACTS % LAYERS;
        v.term = rest / ACTS / ACTS / LAYERS;
        /* one term alone: it is all the same to it how two activations go together */
        if (v.term == TERMS || v.below == v.act) check_variant(&v);
    }
}

/* ---- chains that the sweep does not make ---- */

static const chain tied_twice = {
    .name = "one kernel in three layers",
    .input = IN,
    .layers = {DENSE(UNITS, AE_ACT_TANH), TIED(IN, AE_ACT_SIGMOID, 0), DENSE(UNITS, AE_ACT_LINEAR),
               TIED(IN, AE_ACT_TANH, 0)},
    .terms = {{.kind = AE_LOSS_MSE}},
};

/* 19 rows and 37 columns are no multiple of a tile, a vector or a task, and more than one of each. */
enum { ODD_ROWS = 19, MANY_ROWS = 130 };
static const chain odd_and_deep = {
    .name = "odd and deep",
    .input = 37,
    .layers = {DENSE(17, AE_ACT_RELU), DENSE(7, AE_ACT_LEAKY_RELU), DENSE(1, AE_ACT_LINEAR),
               DENSE(7, AE_ACT_TANH), DENSE(17, AE_ACT_LINEAR), DENSE(37, AE_ACT_SIGMOID)},
    .terms = {{.kind = AE_LOSS_BCE}},
};

static const chain one_layer = {.name = "one layer",
                                .input = 6,
                                .layers = {DENSE(2, AE_ACT_TANH)},
                                .terms = {{.kind = AE_LOSS_MSE}}};

/* Kernels of more bytes than a product takes whole: the loss follows in a second run. */
static const chain wide = {
    .name = "wide",
    .input = 300,
    .layers = {DENSE(250, AE_ACT_RELU), DENSE(300, AE_ACT_SIGMOID)},
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

static void gradients_hold_for_penalties_within_the_chain(void **state)
{
    trial t = trial_of(&penalised, ROWS);
    (void)state;
    assert_true(t.model->plan.fuse_loss);
    trial_free(&t);
    check_chain(&penalised, ROWS);
}

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

/* Training activates what it has kept; evaluation does it in the epilogue of the product. */
static void keeping_the_input_of_activations_changes_no_loss(void **state)
{
    trial t = trial_of(&gated, ODD_ROWS);
    double losses[2][ODD_ROWS];
    (void)state;
    for (int32_t i = 0; i < t.model->plan.n_layers; i++)
        assert_int_equal(t.trainer.z[i] != NULL, i == 0 || i == 2 || i == 3);
    trial_draw(&t);
    t.context.mode = AE__MODE_EVALUATE;
    for (int kept = 0; kept < 2; kept++) {
        const ae__pass pass = {.model = t.model,
                               .context = &t.context,
                               .x = {t.trainer.x, t.in},
                               .y = t.trainer.y,
                               .z = kept ? t.trainer.z : NULL,
                               .spare = {t.trainer.dy[0], t.trainer.dy[0]},
                               .values = t.trainer.values,
                               .sums = t.trainer.sums,
                               .parts = t.trainer.parts};
        ae__pass_forward(&pass);
        memcpy(losses[kept], t.trainer.sums, sizeof losses[kept]);
    }
    assert_memory_equal(losses[0], losses[1], sizeof losses[0]);
    trial_free(&t);
}

static void gradients_hold_where_the_input_of_activations_is_kept(void **state)
{
    (void)state;
    check_chain(&gated, ODD_ROWS);
}

/* Before the first layer, between two, and behind the last, where no loss is fused. */
static void gradients_hold_for_every_noise_at_every_place(void **state)
{
    const piece noises[] = {
        CORRUPT(AE_NOISE_GAUSSIAN, 0.5),    CLIPPED(AE_NOISE_GAUSSIAN, 0.5, -0.25, 0.5),
        CORRUPT(AE_NOISE_MASKING, 0.4),     MASKED(0.4, 0.75),
        CORRUPT(AE_NOISE_SALT_PEPPER, 0.4), CLIPPED(AE_NOISE_SALT_PEPPER, 0.4, -2, 3),
        CORRUPT(AE_NOISE_DROPOUT, 0.4)};
    (void)state;
    for (size_t i = 0; i < sizeof noises / sizeof *noises; i++) {
        const chain c = {.name = "noise",
                         .input = IN,
                         .layers = {noises[i], DENSE(UNITS, AE_ACT_TANH), noises[i],
                                    DENSE(IN, AE_ACT_SIGMOID), noises[i]},
                         .terms = {{.kind = AE_LOSS_MSE}}};
        check_chain(&c, ODD_ROWS);
    }
}

/* Below the first weights, where no gradient is wanted, between layers, and behind the last. */
static void gradients_hold_for_topk_at_every_place(void **state)
{
    const chain c = {.name = "topk",
                     .input = IN,
                     .layers = {TOPK(3), DENSE(UNITS, AE_ACT_TANH), TOPK(1),
                                DENSE(IN, AE_ACT_SOFTPLUS), TOPK(4)},
                     .terms = {{.kind = AE_LOSS_MSE}}};
    (void)state;
    check_chain(&c, ROWS);
}

static void gradients_of_a_kernel_used_three_times_are_summed(void **state)
{
    (void)state;
    check_chain(&tied_twice, ROWS);
}

static void gradients_hold_for_odd_and_deep_chains(void **state)
{
    (void)state;
    check_chain(&odd_and_deep, ODD_ROWS);
}

static void gradients_hold_for_a_single_layer_and_row(void **state)
{
    (void)state;
    check_chain(&one_layer, 1);
}

/* ---- codes that are drawn ---- */

/* clang-format off */
#define SCALED(kind, weight) {kind, {{AE_PARAM_WEIGHT, weight}}}
#define KL(layer, ...)       {AE_PENALTY_KL, {{AE_PARAM_LAYER, layer}, __VA_ARGS__}}
#define NLL(variance_kind)   {AE_LOSS_GAUSSIAN_NLL, {{AE_PARAM_VARIANCE_KIND, variance_kind},     \
                                                     {AE_PARAM_VARIANCE, 0.5}}}
/* clang-format on */

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

/* Halfway through a warm-up of 4 epochs. */
static trial trial_warming(const chain *c, size_t rows)
{
    trial t = trial_of(c, rows);
    t.context.seed = 5;
    t.context.epoch = 3;
    t.context.epochs = 2;
    draw_smooth_point(&t);
    return t;
}

static void gradients_hold_for_codes_that_are_drawn(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof drawn_codes / sizeof *drawn_codes; i++) {
        trial t = trial_warming(&drawn_codes[i], ROWS);
        check_gradients(&t, drawn_codes[i].name);
        check_fused_equals_plain(&t, drawn_codes[i].name);
        trial_free(&t);
    }
}

/* More columns than a block of the loops, more rows than a task. */
static void gradients_hold_for_wide_codes(void **state)
{
    static const chain c = {.name = "wide code",
                            .input = 1,
                            .layers = {DENSE(2 * 261, AE_ACT_LINEAR), GAUSSIAN(2),
                                       DENSE(1, AE_ACT_TANH), DENSE(67, AE_ACT_SIGMOID)},
                            .terms = {NLL(AE_VARIANCE_GLOBAL), NLL(AE_VARIANCE_FEATURE),
                                      KL(1, {AE_PARAM_WEIGHT, 0.01}),
                                      ON(AE_PENALTY_KL_SPARSITY, 3)}};
    (void)state;
    check_chain(&c, ODD_ROWS);
}

/* ---- likelihoods with a variance ---- */

static void gradients_hold_for_every_variance(void **state)
{
    const int32_t acts[] = {AE_ACT_LINEAR, AE_ACT_SIGMOID, AE_ACT_TANH};
    (void)state;
    for (int32_t i = 0; i < 3 * 3 * 2 * 2; i++) {
        const int32_t kind = i % 3, act = acts[i / 3 % 3], samples = i / 9 % 2 ? 3 : 1;
        chain c = {.name = "variance",
                   .input = IN,
                   .layers = {DENSE(UNITS, AE_ACT_TANH), GAUSSIAN(samples), DENSE(IN, act)},
                   .terms = {NLL(kind), SCALED(AE_LOSS_MSE, 0.5)}};
        if (i / 18) {
            c.layers[2] = (piece)DENSE(IN, AE_ACT_LINEAR);
            c.layers[3] = (piece){AE__LAYER_ACTIVATION, {{AE_PARAM_ACTIVATION, act}}};
        }
        check_chain(&c, ROWS);
    }
}

/* ---- means over rows ---- */

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

static void gradients_hold_for_means_over_rows(void **state)
{
    (void)state;
    for (size_t i = 0; i < SPARSE; i++) check_chain(&sparse[i], ODD_ROWS);
}

/* ---- sides ---- */

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

static void gradients_hold_for_sides(void **state)
{
    (void)state;
    for (size_t i = 0; i < SIDED; i++) check_chain(&sided[i], ODD_ROWS);
}

/* ---- rows ---- */

static const chain both_terms = {
    .name = "both terms",
    .input = IN,
    .layers = {DENSE(UNITS, AE_ACT_TANH), DENSE(IN, AE_ACT_SIGMOID)},
    .terms = {{.kind = AE_LOSS_MSE}, {AE_LOSS_BCE, {{AE_PARAM_WEIGHT, 0.5}}}},
};

static void gradients_follow_the_weights_of_rows(void **state)
{
    const chain *const chains[] = {&odd_and_deep,   &tied_twice, &both_terms, &penalised,
                                   &sparse[0],      &sparse[1],  &sparse[2],  &sided[0],
                                   &drawn_codes[0], &gated};
    (void)state;
    for (size_t i = 0; i < sizeof chains / sizeof *chains; i++) {
        chain c = *chains[i];
        c.weighed = true;
        check_chain(&c, ODD_ROWS);
    }
}

/* With weights of rows and features, and gaps, in all combinations: bits of `how`. */
static chain with_weights(chain c, unsigned how)
{
    setting *s = c.model;
    while (s->id) s++;
    if (how & 1) *s = (setting){AE_PARAM_MISSING, 1};
    for (piece *p = c.terms; p->kind && how & 2; p++)
        if (!ae__term_of(p->kind)->penalty) add_setting(p, AE_PARAM_FEATURE_WEIGHTS, 1);
    c.weighed = how & 4;
    return c;
}

enum { HOWS = 8 };

/* Every loss alone on a dense layer, where it is fused, or on an activation of its own. */
static void gradients_follow_the_weights_of_elements(void **state)
{
    (void)state;
    for (size_t i = 0; i < TERMS * HOWS * 2; i++) {
        const piece apart = {AE__LAYER_ACTIVATION, {{AE_PARAM_ACTIVATION, AE_ACT_SIGMOID}}};
        const piece term = terms[i / HOWS / 2];
        chain c = {.name = ae__term_of(term.kind)->name,
                   .input = IN,
                   .layers = {DENSE(UNITS, AE_ACT_TANH), DENSE(67, AE_ACT_SIGMOID)},
                   .terms = {term}};
        if (ae__term_of(term.kind)->penalty) continue;
        if (i / HOWS % 2) {
            c.layers[1] = (piece)DENSE(67, AE_ACT_LINEAR);
            c.layers[2] = apart;
        }
        c = with_weights(c, i % HOWS);
        check_chain(&c, ODD_ROWS);
    }
}

static void gradients_follow_all_weights_of_drawn_codes(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof drawn_codes / sizeof *drawn_codes * HOWS; i++) {
        const chain c = with_weights(drawn_codes[i / HOWS], i % HOWS);
        trial t = trial_warming(&c, ROWS + 1);
        check_gradients(&t, c.name);
        check_fused_equals_plain(&t, c.name);
        trial_free(&t);
    }
}

/* So many rows that every way of cutting a product has to find the weights and targets of its own. */
static void fused_loss_finds_the_rows_of_every_task(void **state)
{
    const chain *const chains[] = {&odd_and_deep, &wide};
    real row_weight[MANY_ROWS];
    (void)state;
    for (size_t i = 0; i < MANY_ROWS; i++) row_weight[i] = (real)(i % 5) / 2;
    for (size_t i = 0; i < sizeof chains / sizeof *chains; i++) {
        const chain c = with_weights(*chains[i], 3);
        trial t = trial_of(&c, MANY_ROWS);
        trial_draw(&t);
        t.context.row_weight = row_weight;
        assert_true(t.model->plan.fuse_loss);
        check_fused_equals_plain(&t, chains[i]->name);
        trial_free(&t);
    }
}

/* The sums are the same terms twice, added in another order: 1e-14 is 100 roundings of 1. */
static void twice_the_same_rows_change_nothing(void **state)
{
    trial t = trial_of(&both_terms, 2 * ROWS);
    (void)state;
    t.context.rows = ROWS;
    trial_draw(&t);
    const double loss = loss_of(&t);
    real *gradients = gradients_of(&t);
    memcpy(t.trainer.x + ROWS * t.in, t.trainer.x, ROWS * t.in * sizeof(real));
    memcpy(t.trainer.target + ROWS * t.out, t.trainer.target, ROWS * t.out * sizeof(real));
    t.context.rows = 2 * ROWS;
    assert_near(loss_of(&t), loss, 1e-14);
    for (size_t i = 0; i < t.model->plan.weight_reals; i++)
        assert_near(t.trainer.gradients[i], gradients[i], 1e-14);
    free(gradients);
    trial_free(&t);
}

/* ---- a weight of 2, and a row twice ---- */

enum { FEW = 5, TIMES = 3 /* weights 0 to 2 */ };

/* Row i of the batch stands there i mod 3 times, under the number that its draws go by. */
static trial repeated(const chain *c, const trial *weighed, uint64_t *numbers)
{
    trial t = trial_of(c, FEW * TIMES);
    const size_t side = t.context.side_row;
    size_t n = 0;
    memcpy(t.model->weights, weighed->model->weights, t.model->plan.weight_reals * sizeof(real));
    for (size_t i = 0; i < FEW; i++) {
        for (size_t copy = 0; copy < i % TIMES; copy++, n++) {
            const ae__trainer *from = &weighed->trainer;
            memcpy(t.trainer.x + n * t.in, from->x + i * t.in, t.in * sizeof(real));
            memcpy(t.trainer.target + n * t.out, from->target + i * t.out, t.out * sizeof(real));
            if (side) memcpy(t.trainer.side + n * side, from->side + i * side, side * sizeof(real));
            numbers[n] = i;
        }
    }
    t.context.rows = n;
    t.context.row_numbers = numbers;
    return t;
}

static void check_repeated(const chain *c)
{
    uint64_t numbers[FEW * TIMES];
    real weight[FEW];
    trial one = trial_of(c, FEW);
    trial_draw(&one);
    trial many = repeated(c, &one, numbers);
    for (size_t i = 0; i < FEW; i++) weight[i] = (real)(i % TIMES);
    one.context.row_weight = weight;
    many.context.epochs = one.context.epochs = 2; /* of a warm-up of 4 */
    assert_near(loss_of(&one), loss_of(&many), 1e-12);
    for (size_t i = 0; i < one.model->plan.n_parts; i++)
        assert_near(one.trainer.parts[i], many.trainer.parts[i], 1e-12);
    for (size_t i = 0; i < one.model->plan.weight_reals; i++)
        assert_near(one.trainer.gradients[i], many.trainer.gradients[i], 1e-12);
    trial_free(&one);
    trial_free(&many);
}

/* Values, sums of all kinds and gradients, of every loss and penalty. */
static void weight_is_the_number_of_times_that_a_row_stands_there(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof drawn_codes / sizeof *drawn_codes; i++)
        check_repeated(&drawn_codes[i]);
    for (size_t i = 0; i < SPARSE; i++) check_repeated(&sparse[i]);
    for (size_t i = 0; i < SIDED; i++) check_repeated(&sided[i]);
    for (size_t i = 0; i < TERMS; i++) {
        const chain c = {.name = ae__term_of(terms[i].kind)->name,
                         .input = IN,
                         .layers = {DENSE(UNITS, AE_ACT_TANH), DENSE(67, AE_ACT_SIGMOID)},
                         .terms = {terms[i]}};
        if (terms[i].kind != AE_PENALTY_KL) check_repeated(&c);
    }
}

/* Nothing to learn from: a loss and gradients of 0, whatever the chain. */
static void rows_that_weigh_nothing_have_no_gradient(void **state)
{
    real weight[FEW] = {0};
    (void)state;
    for (size_t i = 0; i < sizeof drawn_codes / sizeof *drawn_codes + SPARSE; i++) {
        trial t = trial_of(i < SPARSE ? &sparse[i] : &drawn_codes[i - SPARSE], FEW);
        trial_draw(&t);
        t.context.row_weight = weight;
        ae__trainer_gradients(&t.trainer, &t.context, NULL, NULL);
        for (size_t j = 0; j < t.model->plan.n_parts; j++) assert_true(t.trainer.parts[j] == 0);
        for (size_t j = 0; j < t.model->plan.weight_reals; j++)
            assert_true(t.trainer.gradients[j] == 0);
        trial_free(&t);
    }
}

/* Of one row of so many features that are all as far off, the first two of these weights. */
static double loss_of_features(const piece *term, int units, real first, real second)
{
    const chain plain = {.name = ae__term_of(term->kind)->name,
                         .input = IN,
                         .layers = {DENSE(UNITS, AE_ACT_TANH), DENSE(units, AE_ACT_SIGMOID)},
                         .terms = {*term}};
    const chain c = with_weights(plain, 2);
    trial t = trial_of(&c, 1);
    const ae__plan *plan = &t.model->plan;
    real *features =
        t.model->weights + ae__plan_weight(plan, plan->n_layers, "feature_weight")->offset;
    memset(t.model->weights, 0, plan->weight_reals * sizeof(real));
    for (int i = 0; i < units; i++) t.trainer.target[i] = 0.25;
    features[0] = first;
    if (units > 1) features[1] = second;
    ae__trainer_weigh(&t.trainer, &t.context);
    const double loss = loss_of(&t);
    trial_free(&t);
    return loss;
}

/* Means go by the share of a feature, sums by its weight; one that weighs nothing is not there. */
static void features_count_by_their_weights(void **state)
{
    (void)state;
    for (size_t i = 0; i < TERMS; i++) {
        const ae__term_ops *ops = ae__term_of(terms[i].kind);
        if (ops->penalty) continue;
        const double one = loss_of_features(&terms[i], 1, 1, 0);
        assert_true(one > 0.01);
        assert_near(loss_of_features(&terms[i], 1, 3, 0), ops->mean ? one : 3 * one, 1e-14);
        assert_near(loss_of_features(&terms[i], 2, 3, 0), ops->mean ? one : 3 * one, 1e-14);
        assert_near(loss_of_features(&terms[i], 2, 3, 1), ops->mean ? one : 4 * one, 1e-14);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_registered_layer_is_covered),
        cmocka_unit_test(every_registered_term_is_covered),
        cmocka_unit_test(every_activation_is_covered),
        cmocka_unit_test(gradients_equal_central_differences),
        cmocka_unit_test(gradients_hold_for_penalties_within_the_chain),
        cmocka_unit_test(keeping_the_input_of_activations_changes_no_loss),
        cmocka_unit_test(gradients_hold_where_the_input_of_activations_is_kept),
        cmocka_unit_test(gradients_hold_for_every_noise_at_every_place),
        cmocka_unit_test(gradients_hold_for_topk_at_every_place),
        cmocka_unit_test(gradients_of_a_kernel_used_three_times_are_summed),
        cmocka_unit_test(gradients_hold_for_odd_and_deep_chains),
        cmocka_unit_test(gradients_hold_for_a_single_layer_and_row),
        cmocka_unit_test(gradients_hold_for_codes_that_are_drawn),
        cmocka_unit_test(gradients_hold_for_wide_codes),
        cmocka_unit_test(gradients_hold_for_every_variance),
        cmocka_unit_test(gradients_hold_for_means_over_rows),
        cmocka_unit_test(gradients_hold_for_sides),
        cmocka_unit_test(gradients_follow_the_weights_of_rows),
        cmocka_unit_test(gradients_follow_the_weights_of_elements),
        cmocka_unit_test(gradients_follow_all_weights_of_drawn_codes),
        cmocka_unit_test(weight_is_the_number_of_times_that_a_row_stands_there),
        cmocka_unit_test(rows_that_weigh_nothing_have_no_gradient),
        cmocka_unit_test(features_count_by_their_weights),
        cmocka_unit_test(fused_loss_finds_the_rows_of_every_task),
        cmocka_unit_test(twice_the_same_rows_change_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
