/* Draws from prior and posteriors, and estimates made of them. */
#include "model/latent.h"

#include <math.h>
#include <string.h>

#include "base/size.h"
#include "base/status.h"
#include "kernels/log_variance.h"

/* A context of rows [row, row + chunk) at most of `rows`, whose draws are those of evaluation. */
static ae__context context_at(const ae_model *model, size_t row, size_t rows, uint64_t seed)
{
    return (ae__context){.engine = &model->engine,
                         .mode = AE__MODE_EVALUATE,
                         .rows = ae__min_size(model->plan.chunk, rows - row),
                         .seed = seed,
                         .first_row = row};
}

/* What the encoder makes of the context's rows of x: means, then what gives the log-variances. */
static int32_t encode(ae_model *model, const ae__view *view, ae__context *context,
                      ae__target target, ae__rows *out)
{
    ae__rows x;
    AE_TRY(ae__run_input(model, view, context, target, &x));
    *out = ae__run_chunk(model, context, x, 0, model->plan.sampler, NULL);
    return AE_OK;
}

int32_t ae__latent_posterior(ae_model *model, const ae__view *view, real *mean, real *log_variance)
{
    const size_t dim = ae__plan_code(&model->plan);
    ae__context context;
    ae__rows p;
    for (size_t row = 0; row < view->x.rows; row += context.rows) {
        context = context_at(model, row, view->x.rows, 0);
        AE_TRY(encode(model, view, &context, AE__TARGET_NONE, &p));
        for (size_t i = 0; i < context.rows; i++) {
            const real *m = p.at + i * p.row;
            size_t at = (row + i) * dim;
            if (mean) memcpy(mean + at, m, dim * sizeof *mean);
            if (log_variance)
                ae__log_variance(model->engine.kernels, log_variance + at, m + dim, dim);
        }
    }
    return AE_OK;
}

int32_t ae__latent_sample(ae_model *model, const ae__view *view, size_t samples, uint64_t seed,
                          real *codes)
{
    const int32_t sampler = model->plan.sampler;
    const size_t dim = ae__plan_code(&model->plan);
    ae__context context;
    ae__rows p;
    for (size_t row = 0; row < view->x.rows; row += context.rows) {
        context = context_at(model, row, view->x.rows, seed);
        AE_TRY(encode(model, view, &context, AE__TARGET_NONE, &p));
        for (size_t s = 0; s < samples; s++) {
            context.first_sample = (uint32_t)s;
            ae__rows z = ae__run_chunk(model, &context, p, sampler, sampler + 1, NULL);
            for (size_t i = 0; i < context.rows; i++)
                memcpy(codes + ((row + i) * samples + s) * dim, z.at + i * z.row,
                       dim * sizeof *codes);
        }
    }
    return AE_OK;
}

/* What the decoder makes of codes in work.x. */
static void decode(ae_model *model, const ae__context *context, real *out)
{
    const ae__plan *plan = &model->plan;
    const ae__rows z = {model->work.x, ae__row_stride(ae__plan_code(plan))};
    size_t at = (size_t)context->first_row * ae__plan_output(plan);
    ae__run_chunk(model, context, z, plan->desc->code, plan->n_layers, out + at);
    ae__model_undo(model, out + at, context->rows);
}

static void draw_code(const ae__context *context, size_t row, size_t dim, real *z)
{
    const ae__draw place = {.purpose = AE__DRAW_PRIOR};
    enum { BLOCK = 256 };
    uint32_t bits[BLOCK];
    for (size_t at = 0; at < dim; at += BLOCK) {
        size_t count = ae__min_size(BLOCK, dim - at);
        ae__context_draw(context, place, row, at, count, bits);
        context->engine->kernels->normal(z + at, bits, count);
    }
}

int32_t ae__latent_prior(ae_model *model, const ae__view *view, size_t rows, uint64_t seed,
                         real *out)
{
    const size_t dim = ae__plan_code(&model->plan);
    ae__context context;
    for (size_t row = 0; row < rows; row += context.rows) {
        context = context_at(model, row, rows, seed);
        AE_TRY(ae__run_side(model, view, &context));
        for (size_t i = 0; i < context.rows; i++)
            draw_code(&context, i, dim, model->work.x + i * ae__row_stride(dim));
        context.mode = AE__MODE_INFER;
        decode(model, &context, out);
    }
    return AE_OK;
}

void ae__latent_line(ae_model *model, const real *from, const real *to, size_t steps, real *out)
{
    const size_t dim = ae__plan_code(&model->plan);
    ae__context context;
    for (size_t row = 0; row < steps; row += context.rows) {
        context = context_at(model, row, steps, 0);
        context.mode = AE__MODE_INFER;
        for (size_t i = 0; i < context.rows; i++) {
            const real t = (real)((double)(row + i) / (double)(steps - 1));
            real *z = model->work.x + i * ae__row_stride(dim);
            for (size_t j = 0; j < dim; j++) z[j] = (1 - t) * from[j] + t * to[j];
        }
        decode(model, &context, out);
    }
}

/* ---- likelihood ---- */

int32_t ae__latent_likelihood(ae_model *model, const ae__view *view, size_t samples, uint64_t seed,
                              double *values)
{
    const ae__workspace *work = &model->work;
    ae__context context;
    ae__pass pass = {.model = model,
                     .context = &context,
                     .first = model->plan.sampler,
                     .densities = true,
                     .y = work->y,
                     .spare = {work->between[1], work->between[0]},
                     .values = work->values,
                     .sums = work->sums,
                     .parts = work->parts};
    for (size_t row = 0; row < view->x.rows; row += context.rows) {
        context = context_at(model, row, view->x.rows, seed);
        context.sampled = true;
        AE_TRY(encode(model, view, &context, AE__TARGET_DENSITIES, &pass.x));
        ae__pass_samples(&pass, &context, samples, true, work->samples);
        for (size_t i = 0; i < context.rows; i++) values[row + i] = -work->sums[i];
    }
    return AE_OK;
}

/* ---- diagnosis ---- */

/* Adds a row's divergences, means and squares of means to three sums a dimension. */
static void add_moments(const ae__kernels *kernels, const real *m, size_t dim, double *sums)
{
    for (size_t j = 0; j < dim; j++) {
        real log_v, v;
        ae__log_variance(kernels, &log_v, m + dim + j, 1);
        kernels->exp(&v, &log_v, 1);
        double kl = 0.5 * (double)(m[j] * m[j] + (v - 1 - log_v));
        sums[3 * j] += kl < 0 ? 0 : kl; /* by rounding */
        sums[3 * j + 1] += (double)m[j];
        sums[3 * j + 2] += (double)m[j] * (double)m[j];
    }
}

int32_t ae__latent_diagnose(ae_model *model, const ae__view *view, double *kl, double *variance)
{
    const size_t dim = ae__plan_code(&model->plan);
    const double n = (double)view->x.rows;
    double *sums = model->work.moments;
    ae__context context;
    ae__rows p;
    memset(sums, 0, 3 * dim * sizeof *sums);
    for (size_t row = 0; row < view->x.rows; row += context.rows) {
        context = context_at(model, row, view->x.rows, 0);
        AE_TRY(encode(model, view, &context, AE__TARGET_NONE, &p));
        for (size_t i = 0; i < context.rows; i++)
            add_moments(model->engine.kernels, p.at + i * p.row, dim, sums);
    }
    for (size_t j = 0; j < dim; j++) {
        double mean = sums[3 * j + 1] / n;
        if (kl) kl[j] = sums[3 * j] / n;
        if (variance) variance[j] = fmax(0, sums[3 * j + 2] / n - mean * mean);
    }
    return AE_OK;
}
