/* Models from tables, for the tests that look behind the API, in float and in double: a chain is
 * written down as an initializer, built by the calls that ae_config_... make, and trained by hand. */
#ifndef TEST_CHAIN_H
#define TEST_CHAIN_H

#include "ae/ae.h"
#include "base/mem.h"
#include "base/status.h"
#include "train/step.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "draw.h"
#include "near.h"

typedef struct setting {
    int32_t id; /* AE_PARAM_*, 0 ends the list */
    double value;
} setting;

/* A layer, a term or an optimiser. */
typedef struct piece {
    int32_t kind; /* 0 ends the list */
    setting settings[16];
} piece;

typedef struct chain {
    const char *name;
    int64_t input;
    piece layers[8];
    piece terms[12];
    piece optim;
    setting model[4];
    int code; /* layers of the encoder; 0: the first alone */
    /* Instead of `input`: height, width and channels of an image; height 0: a signal. */
    int64_t image[3];
    bool weighed; /* rows have weights */
} chain;

/* clang-format off */
#define DENSE(units, act)                                                                          \
    {AE__LAYER_DENSE, {{AE_PARAM_UNITS, units}, {AE_PARAM_ACTIVATION, act}}}
#define TIED(units, act, layer)                                                                    \
    {AE__LAYER_DENSE, {{AE_PARAM_UNITS, units}, {AE_PARAM_ACTIVATION, act}, {AE_PARAM_TIED, layer}}}
#define GAUSSIAN(samples)  {AE__LAYER_GAUSSIAN, {{AE_PARAM_SAMPLES, samples}}}
#define CONCAT(dim)        {AE__LAYER_CONCAT, {{AE_PARAM_SIDE, dim}}}
#define LABEL(classes)     {AE__LAYER_CONCAT, {{AE_PARAM_SIDE, classes}, {AE_PARAM_LABEL, 1}}}
#define ON(penalty, layer) {penalty, {{AE_PARAM_LAYER, layer}}}
/* clang-format on */

/* The piece with one setting more. */
static inline piece with(piece p, int32_t id, double value)
{
    setting *s = p.settings;
    while (s->id) s++;
    *s = (setting){id, value};
    return p;
}

static inline void apply_settings(ae__spec *spec, const setting *settings)
{
    for (; settings->id; settings++) {
        int32_t type = ae__param_of(settings->id)->type;
        ae__number number = {type, type == AE_TYPE_I64 ? (int64_t)settings->value : 0,
                             settings->value};
        assert_int_equal(ae__spec_set(spec, "test", settings->id, number), AE_OK);
    }
}

static inline ae_model *chain_model(const chain *c)
{
    const ae_allocator *mem = &ae__mem_default;
    ae__desc desc;
    ae_model *model;
    ae__desc_begin(&desc);
    if (c->image[0])
        assert_int_equal(ae__desc_input(&desc, 3, c->image), AE_OK);
    else if (c->image[1])
        assert_int_equal(ae__desc_input(&desc, 2, c->image + 1), AE_OK);
    else
        assert_int_equal(ae__desc_input(&desc, 1, &c->input), AE_OK);
    for (const piece *p = c->layers; p->kind; p++) {
        assert_int_equal(ae__desc_layer(&desc, mem, p->kind), AE_OK);
        apply_settings(&desc.layers[desc.n_layers - 1], p->settings);
        if (desc.n_layers == (c->code ? c->code : 1)) assert_int_equal(ae__desc_code(&desc), AE_OK);
    }
    for (const piece *p = c->terms; p->kind; p++) {
        assert_int_equal(ae__desc_term(&desc, mem, p->kind), AE_OK);
        apply_settings(&desc.terms[desc.n_terms - 1], p->settings);
    }
    if (c->optim.kind) assert_int_equal(ae__desc_optim(&desc, c->optim.kind), AE_OK);
    apply_settings(&desc.optim, c->optim.settings);
    apply_settings(&desc.model, c->model);
    if (ae__model_create(&model, &desc, mem) != AE_OK) fail_msg("%s: %s", c->name, ae__message());
    ae__desc_free(&desc, mem);
    return model;
}

/* The mean loss over data in memory, where nothing fails. */
static inline double data_loss(ae_model *model, const ae__view *view)
{
    double loss;
    assert_int_equal(ae__run_loss(model, view, NULL, &loss), AE_OK);
    return loss;
}

/* All arrays of a model's weights, or of what is laid out as they are, in order. */
#define EACH_WEIGHT(model, weight)                                                                 \
    for (const ae__weight *weight = (model)->plan.weights;                                         \
         weight < (model)->plan.weights + (model)->plan.n_weights; weight++)

static inline real *weights_of_layer(const ae_model *model, int32_t layer, const char *name)
{
    return model->weights + ae__plan_weight(&model->plan, layer, name)->offset;
}

/* A model with drawn weights, set up for steps of training on batches of so many rows. */
typedef struct trial {
    ae_model *model;
    ae__trainer trainer;
    ae__context context;
    size_t in, out; /* elements of a row, which lie close together in a batch this narrow */
    bool weighed;
} trial;

/* In [-1, 1); what weighs in a mean is not below 0. */
static inline real drawn_weight(const ae__weight *w)
{
    const real one = (real)draw_one();
    return w->info.weighs && one < 0 ? -one : one;
}

static inline trial trial_of(const chain *c, size_t rows)
{
    trial t = {.model = chain_model(c), .weighed = c->weighed};
    const ae__spec *optim = &t.model->desc.optim;
    t.in = t.model->plan.layers[0].in;
    t.out = ae__plan_output(&t.model->plan);
    assert_int_equal(ae__row_stride(t.in), t.in);
    assert_int_equal(ae__row_stride(t.out), t.out);
    EACH_WEIGHT(t.model, w)
    for (size_t i = 0; i < w->count; i++) t.model->weights[w->offset + i] = drawn_weight(w);
    assert_int_equal(ae__model_reserve_states(t.model, ae__optim_of(optim->kind)->states(optim)),
                     AE_OK);
    assert_int_equal(ae__trainer_bind(&t.trainer, t.model, rows), AE_OK);
    t.context = (ae__context){.engine = &t.model->engine,
                              .mode = AE__MODE_TRAIN,
                              .rows = rows,
                              .expand = true,
                              .sampled = t.model->plan.importance,
                              .target = t.trainer.target,
                              .target_row = t.out,
                              .side = t.trainer.side,
                              .side_row = ae__plan_side(&t.model->plan)};
    return t;
}

/* NaN in a quarter of n numbers. */
static inline void draw_gaps(real *x, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (draw_unit() < 0.25) x[i] = NAN;
}

/* Weights of rows, and gaps, where the chain wants them: the last row is all gap. */
static inline void trial_weigh(trial *t)
{
    const size_t rows = t->context.rows;
    for (size_t i = 0; t->weighed && i < rows; i++)
        t->trainer.weight[i] = (real)(floor(4 * draw_unit()) / 2);
    t->context.row_weight = t->weighed ? t->trainer.weight : NULL;
    if (t->model->plan.missing) {
        draw_gaps(t->trainer.target, rows * t->out);
        draw_gaps(t->trainer.x, rows * t->in);
        for (size_t i = 0; i < t->out; i++) t->trainer.target[(rows - 1) * t->out + i] = NAN;
    }
    ae__trainer_weigh(&t->trainer, &t->context);
}

/* x in [-1, 1), targets in [0, 1), side vectors in [-1, 1) or any labels */
static inline void trial_draw(trial *t)
{
    const size_t classes = ae__plan_classes(&t->model->plan);
    for (size_t i = 0; i < t->context.rows * t->in; i++) t->trainer.x[i] = (real)draw_one();
    for (size_t i = 0; i < t->context.rows * t->out; i++) t->trainer.target[i] = (real)draw_unit();
    for (size_t i = 0; i < t->context.rows * t->context.side_row; i++)
        t->trainer.side[i] = (real)(classes ? floor((double)classes * draw_unit()) : draw_one());
    trial_weigh(t);
}

static inline void trial_free(trial *t)
{
    ae__model_free(t->model);
}

/* Each is what PyTorch has, but for this share of the largest of them. */
static inline void assert_near_largest(const char *name, const char *what, const real *got,
                                       const double *want, size_t n, double tolerance)
{
    double most = 0;
    for (size_t i = 0; i < n; i++) most = fmax(most, fabs(want[i]));
    for (size_t i = 0; i < n; i++)
        if (!(fabs((double)got[i] - want[i]) <= tolerance * most))
            fail_msg("%s: %s %zu is %g, PyTorch's is %g and its largest %g", name, what, i,
                     (double)got[i], want[i], most);
}

#endif
