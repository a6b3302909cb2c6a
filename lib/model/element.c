/* Weights of the elements of a target. */
#include "model/element.h"

#include <math.h>

#include "base/size.h"

enum { ROWS = 16 /* of one task */ };

typedef struct weighing {
    const ae__context *context;
    const real *features; /* NULL: all 1 */
    bool gaps, mean;
    size_t rows, dim;
    real *element;
} weighing;

/* Those of one row: t NULL: nothing is missing. */
static void weigh_row(const weighing *w, const real *t, real *element)
{
    double sum = 0;
    for (size_t j = 0; j < w->dim; j++) {
        element[j] = t && isnan(t[j]) ? 0 : w->features ? w->features[j] : 1;
        sum += (double)element[j];
    }
    const real factor = (real)(w->mean && sum > 0 ? (double)w->dim / sum : 1);
    for (size_t j = 0; j < w->dim; j++) element[j] *= factor;
}

static void weigh_task(void *arg, size_t task, size_t worker)
{
    const weighing *w = arg;
    const ae__context *context = w->context;
    const size_t end = ae__min_size((task + 1) * ROWS, w->rows);
    (void)worker;
    for (size_t i = task * ROWS; i < end; i++)
        weigh_row(w, w->gaps ? context->target + i * context->target_row : NULL,
                  w->element + i * ae__row_stride(w->dim));
}

void ae__element_weigh(const ae_model *model, real *const *element, bool densities,
                       ae__context *context)
{
    const ae__plan *plan = &model->plan;
    const bool gaps = plan->missing;
    if (!gaps && (densities || !plan->weighs_features)) return;
    context->element = element;
    context->element_row = gaps ? ae__row_stride(ae__plan_output(plan)) : 0;
    for (int32_t i = 0; i < plan->n_terms; i++) {
        const ae__term_plan *term = &plan->terms[i];
        const bool weighs = term->features >= 0 && !densities;
        const size_t at = weighs ? plan->weights[term->weights[term->features]].offset : 0;
        weighing w = {.context = context,
                      .features = weighs ? model->weights + at : NULL,
                      .gaps = gaps,
                      .mean = term->ops->mean,
                      .rows = gaps ? context->rows : 1,
                      .dim = ae__plan_output(plan),
                      .element = element[i]};
        if (element[i])
            ae__pool_run(context->engine->pool, ae__blocks(w.rows, ROWS), weigh_task, &w);
    }
}

typedef struct filling {
    real *x;
    size_t rows, dim;
} filling;

static void fill_task(void *arg, size_t task, size_t worker)
{
    const filling *f = arg;
    const size_t end = ae__min_size((task + 1) * ROWS, f->rows);
    (void)worker;
    for (size_t i = task * ROWS; i < end; i++) {
        real *x = f->x + i * ae__row_stride(f->dim);
        for (size_t j = 0; j < f->dim; j++) x[j] = isnan(x[j]) ? 0 : x[j];
    }
}

void ae__element_fill(const ae_model *model, real *x, size_t rows, size_t dim)
{
    filling f = {x, rows, dim};
    if (model->plan.missing)
        ae__pool_run(model->engine.pool, ae__blocks(rows, ROWS), fill_task, &f);
}
