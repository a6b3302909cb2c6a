/* One pass forward, and the values of the terms that it leaves. */
#include "model/pass.h"

#include <math.h>
#include <string.h>

#include "base/size.h"

/* Rows of the output for each row of the data. */
static size_t rows_out(const ae__pass *pass)
{
    return pass->context->expand ? pass->model->plan.samples : 1;
}

/* Adds the term's values, `rows` of them, by weight to its part and, times its factor, to the sums;
 * where a row of the data has one value for all its samples, each sample gets it. */
static void add_values(const ae__pass *pass, int32_t term, size_t rows)
{
    const ae__term_plan *plan = &pass->model->plan.terms[term];
    const size_t dim = pass->model->plan.layers[plan->layer].out, data = pass->context->rows;
    const size_t samples = rows_out(pass), each = data * samples / rows, of_row = rows / data;
    const double part = ae__term_reduction(plan->ops, dim) * (double)data / (double)rows;
    double factor = ae__term_factor(plan->ops, plan->spec, dim, pass->context);
    double total = pass->parts[AE__PART_TERM + term];
    const double *value = pass->values;
    if (pass->densities) factor = plan->ops->density;
    for (size_t i = 0; i < data; i++) {
        const double weight = ae__context_row_weight(pass->context, i);
        for (size_t k = 0; k < of_row; k++) total += weight * (part * value[i * of_row + k]);
    }
    pass->parts[AE__PART_TERM + term] = total;
    for (size_t i = 0; i < rows; i++)
        for (size_t k = 0; k < each; k++) pass->sums[i * each + k] += factor * value[i];
}

static ae__term_call term_call(const ae__pass *pass, int32_t term, const real *y)
{
    ae__term_call call = ae__model_term(pass->model, term, pass->context, y);
    memset(pass->values, 0, call.rows * sizeof *pass->values);
    call.values = pass->values;
    call.tally = pass->parts + pass->model->plan.terms[term].tally;
    return call;
}

/* Of a residual r >= 0. */
static double residual_value(const ae__epilogue *e, double r)
{
    const double delta = (double)e->delta;
    if (e->loss == AE__ELEMENT_SQUARED) return r * r;
    if (e->loss == AE__ELEMENT_ABSOLUTE) return r;
    return r > delta ? delta * (r - delta / 2) : r * r / 2;
}

/* The values of a loss of residuals, which are brought to units that differ from element to element;
 * false: it is of another kind. */
static bool compute_in_units(const ae__pass *pass, int32_t term, const ae__term_call *call)
{
    const int32_t element = pass->model->plan.terms[term].ops->element;
    const ae__epilogue e = ae__element_epilogue(call, false);
    if (!pass->unit || element == AE__ELEMENT_NONE || element == AE__ELEMENT_LOGISTIC) return false;
    for (size_t i = 0; i < call->rows; i++) {
        const real *t = e.target + ae__term_data_row(call, i) * e.target_ld;
        const real *y = ae__term_output(call, i), *weight = ae__term_element(call, i, 0);
        for (size_t j = 0; j < call->dim; j++)
            call->values[i] +=
                (weight ? (double)weight[j] : 1) *
                residual_value(&e, fabs((double)y[j] - (double)t[j]) * pass->unit[j]);
    }
    return true;
}

/* The values of the terms that read layer i, from what its forward left. */
static void compute_terms(const ae__pass *pass, int32_t i, const ae__layer_call *layer)
{
    const ae__plan *plan = &pass->model->plan;
    for (int32_t term = 0; term < plan->n_terms; term++) {
        if (plan->terms[term].layer != i) continue;
        ae__term_call call = term_call(pass, term, layer->y);
        call.x = layer->x;
        call.x_row = layer->x_row;
        call.scratch = pass->spare[plan->layers[i].turn];
        if (!compute_in_units(pass, term, &call)) plan->terms[term].ops->values(&call);
        add_values(pass, term, call.rows);
    }
}

/* The last layer with the loss in its epilogue. */
static void forward_fused(const ae__pass *pass, ae__layer_call *layer)
{
    const ae__plan *plan = &pass->model->plan;
    int32_t last = plan->n_layers - 1, term = 0;
    while (plan->terms[term].layer != last) term++;
    ae__term_call call = term_call(pass, term, layer->y);
    ae__epilogue loss = ae__element_epilogue(&call, pass->context->mode == AE__MODE_TRAIN);
    layer->loss = &loss;
    plan->layers[last].ops->forward(layer);
    layer->loss = NULL; /* the call may go on, the epilogue ends here */
    add_values(pass, term, call.rows);
}

/* -log of the mean of e^-v over n samples, and their shares n e^-v / sum of the row's weight (NULL: not
 * wanted). */
static double importance_bound(const double *v, size_t n, double weight, real *share)
{
    double least = v[0], sum = 0;
    for (size_t s = 1; s < n; s++) least = fmin(least, v[s]);
    for (size_t s = 0; s < n; s++) sum += exp(least - v[s]);
    for (size_t s = 0; share && s < n; s++)
        share[s] = (real)(weight * ((double)n * exp(least - v[s]) / sum));
    return least - log(sum / (double)n);
}

static double mean(const double *v, size_t n)
{
    double sum = 0;
    for (size_t s = 0; s < n; s++) sum += v[s];
    return sum / (double)n;
}

/* Makes one sum a row of the data from those of its samples. */
static void reduce_samples(const ae__pass *pass)
{
    const size_t n = rows_out(pass);
    const bool importance = pass->model->plan.importance;
    for (size_t i = 0; i < pass->context->rows; i++) {
        const double *v = pass->sums + i * n;
        real *share = pass->row_weight ? pass->row_weight + i * n : NULL;
        const double weight = ae__context_row_weight(pass->context, i);
        pass->sums[i] = importance ? importance_bound(v, n, weight, share) : mean(v, n);
    }
}

enum { ACTIVATE_ROWS = 16 /* of one task */ };

static void activate_task(void *arg, size_t task, size_t worker)
{
    const ae__layer_call *call = arg; /* x: z, y: y, both with y's stride */
    const ae__kernels *kernels = call->context->engine->kernels;
    const size_t step = call->y_blocked ? kernels->lanes : 1;
    size_t end = ae__min_size((task + 1) * ACTIVATE_ROWS, call->rows);
    (void)worker;
    for (size_t i = task * ACTIVATE_ROWS; i < end; i += step)
        kernels->activate(call->info->activation, call->info->slope, call->y + i * call->y_row,
                          call->x + i * call->y_row, call->out * step);
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
    call.rows *= call.factor;
    ae__pool_run(call.context->engine->pool, ae__blocks(call.rows, ACTIVATE_ROWS), activate_task,
                 &call);
}

void ae__pass_forward(const ae__pass *pass)
{
    const ae__plan *plan = &pass->model->plan;
    const size_t rows = pass->context->rows, samples = rows_out(pass);
    ae__rows x = pass->x;
    memset(pass->sums, 0, rows * samples * sizeof *pass->sums);
    for (int32_t i = pass->first; i < plan->n_layers; i++) {
        if (plan->layers[i].merged) continue;
        ae__layer_call norm, call = ae__model_call_next(pass->model, &i, pass->first,
                                                        plan->n_layers, pass->context, &norm);
        call.x = x.at;
        call.x_row = x.row;
        call.y = pass->y[i];
        x = (ae__rows){call.y, call.y_row};
        call.saved = pass->saved ? pass->saved[i] : NULL;
        bool last = i == plan->n_layers - 1;
        if (last && plan->fuse_loss && !pass->unit) {
            forward_fused(pass, &call);
        } else {
            call.raw = last;
            if (pass->z && pass->z[i])
                forward_kept(&plan->layers[i], call, pass->z[i]);
            else
                plan->layers[call.number].ops->forward(&call);
            compute_terms(pass, i, &call);
        }
        if (pass->calls) pass->calls[i] = call;
    }
    if (samples > 1 || pass->row_weight) reduce_samples(pass);
    double loss = pass->parts[AE__PART_LOSS]; /* a copy, which stays in a register */
    for (size_t i = 0; i < rows; i++)
        loss += ae__context_row_weight(pass->context, i) * pass->sums[i];
    pass->parts[AE__PART_LOSS] = loss;
}

void ae__parts_close(const ae_model *model, const ae__context *context, double *parts)
{
    const ae__plan *plan = &model->plan;
    const double n = parts[AE__PART_WEIGHT];
    for (int32_t term = 0; term < plan->n_terms; term++) {
        const ae__term_plan *t = &plan->terms[term];
        if (!t->ops->whole) continue;
        ae__term_call call = ae__model_term(model, term, context, NULL);
        call.tally = parts + t->tally;
        const double samples = (double)call.rows / (double)context->rows;
        double value = n * t->ops->whole(&call, n * samples);
        parts[AE__PART_TERM + term] += value;
        parts[AE__PART_LOSS] += value * ae__term_factor(t->ops, t->spec, call.dim, context);
    }
}

/* Adds e^v; NaN stays. */
static void add_log(ae__log_sum *l, double v)
{
    if (v == -INFINITY) return;
    if (v > l->peak) {
        l->sum = l->sum * exp(l->peak - v) + 1;
        l->peak = v;
    } else {
        l->sum += exp(v - l->peak);
    }
}

void ae__pass_samples(const ae__pass *pass, ae__context *context, size_t n, bool bound,
                      ae__log_sum *samples)
{
    const size_t rows = context->rows;
    for (size_t i = 0; i < rows; i++) samples[i] = (ae__log_sum){bound ? -INFINITY : 0, 0};
    for (size_t s = 0; s < n; s++) {
        context->first_sample = (uint32_t)s;
        ae__pass_forward(pass);
        for (size_t i = 0; i < rows && bound; i++) add_log(&samples[i], -pass->sums[i]);
        for (size_t i = 0; i < rows && !bound; i++) samples[i].sum += pass->sums[i];
    }
    for (size_t i = 0; i < rows; i++) {
        const double mean = samples[i].sum / (double)n;
        pass->sums[i] = bound ? -(samples[i].peak + log(mean)) : mean;
    }
}
