/* Batch normalisation (Ioffe and Szegedy 2015): each channel c of the batch, which for a vector is an
 * element, is brought to mean beta and deviation gamma: y = act(gamma (x - m) / s + beta).
 *   training   m, s^2: mean and variance (of all, not all but one) over rows and pixels, plus epsilon;
 *              mean and variance are carried on in their running arrays by `momentum`, as Keras
 *   otherwise  the running ones
 * With h = (x - m) / s and n numbers of a channel:
 *   dbeta = sum dz,  dgamma = sum dz h,  dx = gamma / s (dz - dbeta / n - h dgamma / n)
 * Saved: m and 1/s, then sums of blocks of rows. */
#include <math.h>
#include <string.h>

#include "base/status.h"
#include "layers/image.h"

enum { GAMMA, BETA, MEAN, VARIANCE };
enum { ROWS = 16 /* of one task: a block of images, too */ };

static const int32_t params[] = {AE_PARAM_ACTIVATION, AE_PARAM_SLOPE, AE_PARAM_NORM_MOMENTUM,
                                 AE_PARAM_NORM_EPSILON, 0};

static int32_t infer(const ae__spec *spec, const ae__shape *in, ae__layer_info *info)
{
    static const char *const names[] = {"gamma", "beta", "mean", "variance"};
    const size_t channels = in->dims[in->rank - 1];
    info->out = *in;
    info->activation = (int32_t)ae__spec_i64(spec, AE_PARAM_ACTIVATION);
    info->slope = (real)ae__spec_f64(spec, AE_PARAM_SLOPE);
    info->n_weights = 4;
    for (int32_t i = 0; i < 4; i++)
        info->weights[i] = (ae__weight_info){.name = names[i],
                                             .rows = 1,
                                             .cols = channels,
                                             .first = i == GAMMA || i == VARIANCE,
                                             .state = i >= MEAN,
                                             .tied_to = -1};
    info->saved =
        4 * channels; /* m and 1/s; and a double a channel of each task, of a row at least */
    info->saved_row = 2 * channels;
    return AE_OK;
}

static bool scratch(const ae__layer_need *need, size_t *reals)
{
    *reals = 3 * need->info->weights[GAMMA].cols;
    return true;
}

static size_t channels_of(const ae__layer_call *call)
{
    return call->info->weights[GAMMA].cols;
}

/* Rows of one task: a block, where they lie in blocks. */
static size_t task_rows(const ae__layer_call *call)
{
    return call->x_blocked ? call->context->engine->kernels->lanes : ROWS;
}

static size_t tasks(const ae__layer_call *call)
{
    return ae__blocks(call->rows, task_rows(call));
}

/* Where the rows of a task lie in x, y and their gradients, which all lie alike: element e of row i at
 * begin + i * row + e * step. */
typedef struct place {
    size_t begin, row, step, rows;
} place;

static place place_of(const ae__layer_call *call, size_t task)
{
    const size_t each = task_rows(call), first = task * each;
    return (place){.begin = first * call->x_row,
                   .row = call->x_blocked ? 1 : call->x_row,
                   .step = call->x_blocked ? each : 1,
                   .rows = ae__min_size(each, call->rows - first)};
}

/* ---- out = a u + b (v - m) + d, with a, b, d and m of the channel ---- */

typedef struct combining {
    const ae__layer_call *call;
    const real *a, *b, *d, *m;
    const real *u, *v;
    real *out;
} combining;

static void combine_task(void *arg, size_t task, size_t worker)
{
    const combining *k = arg;
    const size_t n = channels_of(k->call);
    const place p = place_of(k->call, task);
    (void)worker;
    for (size_t i = 0; i < p.rows; i++) {
        for (size_t e = 0, c = 0; e < k->call->in; e++, c = c + 1 == n ? 0 : c + 1) {
            const size_t at = p.begin + i * p.row + e * p.step;
            k->out[at] = k->a[c] * k->u[at] + k->b[c] * (k->v[at] - k->m[c]) + k->d[c];
        }
    }
}

/* act(out) or dx times act'(x), in place, over a task's rows or its block with what lies behind. */
typedef struct finishing {
    const ae__layer_call *call;
    real *out;
    const real *x; /* NULL: activate */
} finishing;

static void finish_task(void *arg, size_t task, size_t worker)
{
    const finishing *f = arg;
    const ae__layer_call *call = f->call;
    const ae__kernels *kernels = call->context->engine->kernels;
    const size_t each = task_rows(call), left = call->rows - task * each;
    const size_t rows = call->x_blocked ? each : ae__min_size(each, left);
    (void)worker;
    for (size_t i = 0; i < rows; i++) {
        const size_t at = (task * each + i) * call->x_row;
        const size_t count = call->x_blocked ? call->x_row : call->in;
        if (f->x)
            kernels->derive(call->below_act, call->below_slope, f->out + at, f->out + at, f->x + at,
                            count);
        else
            kernels->activate(call->info->activation, call->info->slope, f->out + at, f->out + at,
                              count);
    }
}

static void run(const ae__layer_call *call, ae__task *task, void *arg)
{
    ae__pool_run(call->context->engine->pool, tasks(call), task, arg);
}

/* ---- sums over a channel: of each task in its place of `saved`, then in order ---- */

/* of u, of u (v - mean), or where both are the same of (u - mean)^2 */
typedef struct summing {
    const ae__layer_call *call;
    const real *u, *v, *mean; /* v NULL: of u */
} summing;

static double *task_sums(const ae__layer_call *call, size_t task)
{
    const size_t n = channels_of(call);
    return (double *)(void *)(call->saved + 2 * n) + task * n;
}

static void sum_task(void *arg, size_t task, size_t worker)
{
    const summing *k = arg;
    const size_t n = channels_of(k->call);
    const place p = place_of(k->call, task);
    double *sums = task_sums(k->call, task);
    (void)worker;
    memset(sums, 0, n * sizeof *sums);
    for (size_t i = 0; i < p.rows; i++) {
        for (size_t e = 0, c = 0; e < k->call->in; e++, c = c + 1 == n ? 0 : c + 1) {
            const size_t at = p.begin + i * p.row + e * p.step;
            const double u = (double)k->u[at], v = k->v ? (double)(k->v[at] - k->mean[c]) : 1;
            sums[c] += k->u == k->v ? v * v : u * v;
        }
    }
}

/* Into the first task's place. */
static const double *sum(const ae__layer_call *call, const real *u, const real *v, const real *mean)
{
    const size_t n = channels_of(call);
    summing k = {call, u, v, mean};
    double *all = task_sums(call, 0);
    run(call, sum_task, &k);
    for (size_t task = 1; task < tasks(call); task++) {
        const double *sums = task_sums(call, task);
        for (size_t c = 0; c < n; c++) all[c] += sums[c];
    }
    return all;
}

/* ---- forward ---- */

static double epsilon(const ae__layer_call *call)
{
    return ae__spec_f64(call->spec, AE_PARAM_NORM_EPSILON);
}

#ifdef AE_TRAINING

/* Numbers of a channel in the batch. */
static double numbers(const ae__layer_call *call)
{
    return (double)call->rows * (double)(call->in / channels_of(call));
}

/* Mean and 1/s of each channel to `saved`; the running arrays follow. */
static void measure(const ae__layer_call *call)
{
    const double keep = ae__spec_f64(call->spec, AE_PARAM_NORM_MOMENTUM), count = numbers(call);
    const size_t n = channels_of(call);
    real *mean = call->saved, *inverse = mean + n;
    const double *sums = sum(call, call->x, NULL, NULL);
    for (size_t c = 0; c < n; c++) mean[c] = (real)(sums[c] / count);
    sums = sum(call, call->x, call->x, mean);
    for (size_t c = 0; c < n; c++) {
        const double variance = sums[c] / count;
        real *running_mean = call->weights[MEAN] + c, *running = call->weights[VARIANCE] + c;
        inverse[c] = (real)(1 / sqrt(variance + epsilon(call)));
        *running_mean = (real)(keep * (double)*running_mean + (1 - keep) * (double)mean[c]);
        *running = (real)(keep * (double)*running + (1 - keep) * variance);
    }
}

#endif

static void forward(const ae__layer_call *call)
{
    const size_t n = channels_of(call);
    const bool train = call->context->mode == AE__MODE_TRAIN;
    const real *gamma = call->weights[GAMMA], *beta = call->weights[BETA];
    const real *m = train ? call->saved : call->weights[MEAN];
    real *a = call->scratch, *b = a + n;
#ifdef AE_TRAINING
    if (train) measure(call);
#endif
    for (size_t c = 0; c < n; c++) {
        const double variance = (double)call->weights[VARIANCE][c];
        a[c] = 0;
        b[c] = gamma[c] * (train ? call->saved[n + c] : (real)(1 / sqrt(variance + epsilon(call))));
    }
    run(call, combine_task, &(combining){call, a, b, beta, m, call->x, call->x, call->y});
    if (!call->raw && call->info->activation != AE_ACT_LINEAR)
        run(call, finish_task, &(finishing){call, call->y, NULL});
}

#ifdef AE_TRAINING

/* Gradients are 0 in the lanes past the last image. */
static void clear_behind(const ae__layer_call *call)
{
    const place p = place_of(call, tasks(call) - 1);
    if (!call->x_blocked) return;
    for (size_t e = 0; e < call->in; e++)
        for (size_t i = p.rows; i < p.step; i++) call->dx[p.begin + i + e * p.step] = 0;
}

static void add(const ae__layer_call *call, int32_t slot, size_t c, double value)
{
    real *dw = call->dw[slot] + c;
    *dw = (real)(call->accumulate[slot] ? (double)*dw + value : value);
}

static void backward(const ae__layer_call *call)
{
    const size_t n = channels_of(call);
    const real *mean = call->saved, *inverse = mean + n, *gamma = call->weights[GAMMA];
    real *a = call->scratch, *b = a + n, *d = b + n;
    const double count = numbers(call), *sums = sum(call, call->dy, NULL, NULL);
    for (size_t c = 0; c < n; c++) {
        a[c] = gamma[c] * inverse[c];
        d[c] = (real)(-(double)a[c] * sums[c] / count);
        add(call, BETA, c, sums[c]);
    }
    sums = sum(call, call->dy, call->x, mean);
    for (size_t c = 0; c < n; c++) {
        const double dgamma = sums[c] * (double)inverse[c];
        b[c] = (real)(-(double)a[c] * (double)inverse[c] * dgamma / count);
        add(call, GAMMA, c, dgamma);
    }
    if (call->dx) {
        run(call, combine_task, &(combining){call, a, b, d, mean, call->dy, call->x, call->dx});
        if (call->below_act != AE_ACT_LINEAR)
            run(call, finish_task, &(finishing){call, call->dx, call->x});
        clear_behind(call);
    }
    for (int32_t slot = GAMMA; call->finished && slot <= BETA; slot++)
        call->finished(call->finished_user, slot, 0, n);
}

#endif

const ae__layer_ops ae__batch_norm = {
    .kind = AE__LAYER_BATCH_NORM,
    .name = "batch_norm",
    .params = params,
    .blocks = true,
    .same_layout = true,
    .infer = infer,
    .scratch = scratch,
    .forward = forward,
    .backward = AE__IF_TRAINING(backward),
};
