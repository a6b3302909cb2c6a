/* What happens to a block of a product while it is in cache: bias, activation, loss, derivative, all
 * in one pass over each row. */
#include "kernels/simd/simd.h"
#include "kernels/simd/vmath.h"

#include "base/size.h"
#include "base/training.h"

/* Vectors whose losses are summed lane by lane in float before the sum is carried on in double. The
 * logistic loss takes one logarithm of a product of as many factors 1 + e^-|c| <= 2: at most 2^64. */
enum { RUN = 64 };

/* Rows whose logarithms are taken together; whether vectors of the logistic loss go in groups; and whether
 * whole vectors have a loop of their own, which a level with masks gains little by. */
#ifdef AE_SMALL
enum { TOGETHER = 1, IN_GROUPS = 0, WHOLE_APART = 0 };
#else
enum { TOGETHER = 4, IN_GROUPS = 1, WHOLE_APART = AE_SIMD_LEVEL != 2 };
#endif

typedef struct losses {
    vec sum;     /* LOGISTIC: max(c, 0) - t c; others: the losses themselves */
    vec product; /* LOGISTIC: of 1 + e^-|c| */
} losses;

/* The losses of a distance d = y - t: each adds the loss to `sum` and gives its derivative. */
static inline vec squared(vec d, vec *sum)
{
    *sum = v_fma(d, d, *sum);
    return v_add(d, d);
}

/* A d of 0, or NaN, is its own derivative. */
static inline vec absolute(vec d, vec *sum)
{
    vec size = v_abs(d);
    *sum = v_add(*sum, size);
    return v_select(v_less(v_zero(), size), v_copysign(v_set1(1), d), d);
}

/* With c = d cut to +-delta both of its parts are c (d - c / 2). */
static inline vec huber(vec d, vec delta, vec *sum)
{
    vec c = v_max(v_sub(v_zero(), delta), v_min(delta, d));
    *sum = v_fma(c, v_fma(c, v_set1((real)-0.5), d), *sum);
    return c;
}

/* The gradient of the loss with respect to z, what stood before the activation (without scale and
 * weight); the loss goes to `l`. Only the first `lanes` count. */
static inline vec distance(const ae__epilogue *e, vec z, vec y, vec t, size_t lanes, losses *l)
{
    vec sum = l->sum, d = v_sub(y, t);
    switch (e->loss) {
    case AE__ELEMENT_ABSOLUTE: d = absolute(d, &sum); break;
    case AE__ELEMENT_HUBER: d = huber(d, v_set1(e->delta), &sum); break;
    default: d = squared(d, &sum);
    }
    l->sum = v_first(sum, lanes, l->sum);
    return v_derive_at(e->act, v_set1(e->slope), d, z, y);
}

/* power: e^-|c| */
static inline vec logistic(vec c, vec power, vec t, size_t lanes, losses *l)
{
    const vec one = v_set1(1);
    vec factor = v_add(one, power);
    vec linear = v_sub(v_max(v_zero(), c), v_mul(t, c));
    l->product = v_mul(l->product, v_first(factor, lanes, one));
    l->sum = v_add(l->sum, v_first(linear, lanes, v_zero()));
    return v_sub(v_sigmoid_from(c, power), t);
}

/* The sum over the lanes, each times its weight where there are `element`. */
static double total(const losses *l, const real *element, size_t lanes)
{
    real lane[AE__LANES];
    vec each = v_add(l->sum, v_log(l->product));
    double sum[4] = {0}; /* of every fourth, since one sum waits for itself */
    if (element) each = v_mul(each, v_load_n(element, lanes));
    v_store(lane, each);
    for (size_t i = 0; i < AE__LANES; i += 4)
        AE__UNROLL for (size_t k = 0; k < 4; k++) sum[k] += (double)lane[i + k];
    return (sum[0] + sum[1]) + (sum[2] + sum[3]);
}

/* What of an epilogue belongs to one row. */
typedef struct row {
    const real *target, *prev; /* NULL: none */
    vec factor;
} row;

/* Columns [j, j + lanes) of a row at c. */
static inline __attribute__((always_inline)) void run_vector(const ae__epilogue *e, const row *r,
                                                             real *c, size_t j, size_t lanes,
                                                             losses *l)
{
    vec z = v_load_n(c + j, lanes);
    if (e->bias) z = v_add(z, v_load_n(e->bias + j, lanes));
    vec y = e->loss == AE__ELEMENT_LOGISTIC ? z : v_activate(e->act, v_set1(e->slope), z);
    if (e->loss != AE__ELEMENT_NONE) {
        vec t = v_load_n(r->target + j, lanes);
        vec d = e->loss == AE__ELEMENT_LOGISTIC ? logistic(z, v_exp_minus_abs(z), t, lanes, l)
                                                : distance(e, z, y, t, lanes, l);
        if (AE__TRAINS && e->gradient) y = v_mul(d, r->factor);
    }
    if (AE__TRAINS && r->prev) {
        vec out = v_load_n(r->prev + j, lanes);
        y = v_derive(e->prev_act, v_set1(e->prev_slope), y, out);
    }
    v_store_n(c + j, y, lanes);
}

/* The logistic loss of whole vectors, several together: first z = c + bias and e^-|z|, ... */
static inline __attribute__((always_inline)) void begin_logistic(const ae__epilogue *e, real *c,
                                                                 size_t j, vec power[AE__CHAINS])
{
    vec z[AE__CHAINS];
    AE__UNROLL for (size_t i = 0; i < AE__CHAINS; i++)
    {
        const size_t at = j + i * AE__LANES;
        z[i] = v_load(c + at);
        if (!e->bias) continue;
        z[i] = v_add(z[i], v_load(e->bias + at));
        v_store(c + at, z[i]);
    }
    v_exp_minus_abs_each(power, z, AE__CHAINS);
}

/* ... then what follows from them. */
static inline __attribute__((always_inline)) void end_logistic(const ae__epilogue *e,
                                                               const row *r, real *c, size_t j,
                                                               const vec power[AE__CHAINS],
                                                               losses *l)
{
    AE__UNROLL for (size_t i = 0; i < AE__CHAINS; i++)
    {
        const size_t at = j + i * AE__LANES;
        vec d = logistic(v_load(c + at), power[i], v_load(r->target + at), AE__LANES, l);
        if (AE__TRAINS && e->gradient) v_store(c + at, v_mul(d, r->factor));
    }
}

/* The same as run_vector() of the logistic loss, for as many whole vectors as go together; returns the
 * next column. The next ones begin before the last ones end, since each waits for itself. */
static inline __attribute__((always_inline)) size_t
run_logistic(const ae__epilogue *e, const row *r, real *c, size_t j, size_t end, losses *l)
{
    const size_t step = AE__CHAINS * AE__LANES, last = j + (end - j) / step * step;
    vec power[AE__CHAINS] = {v_zero()}, next[AE__CHAINS] = {v_zero()};
    for (size_t at = j; at <= last && last > j; at += step) {
        AE__UNROLL for (size_t i = 0; i < AE__CHAINS; i++) power[i] = next[i];
        if (at < last) begin_logistic(e, c, at, next);
        if (at > j) end_logistic(e, r, c, at - step, power, l);
    }
    return last;
}

/* Columns [j, end) of row i at c, RUN vectors at most. No store to C changes the epilogue. */
static __attribute__((noinline)) losses run_columns(const ae__epilogue *restrict e, size_t i,
                                                    real *c, size_t j, size_t end)
{
    const row r = {.target = e->target ? e->target + i * e->target_ld : NULL,
                   .prev = e->prev ? e->prev + i * e->prev_ld : NULL,
                   .factor = v_set1(e->row_weight ? e->scale * e->row_weight[i] : e->scale)};
    losses l = {.sum = v_zero(), .product = v_set1(1)};
    if (IN_GROUPS && e->loss == AE__ELEMENT_LOGISTIC && !r.prev)
        j = run_logistic(e, &r, c, j, end, &l);
    if (WHOLE_APART)
        for (; j + AE__LANES <= end; j += AE__LANES) run_vector(e, &r, c, j, AE__LANES, &l);
    for (; j < end; j += AE__LANES) run_vector(e, &r, c, j, v_lanes(end - j), &l);
    return l;
}

/* Columns [start, end) of rows [i, i + rows), of which c is the first one. Where elements have weights, a
 * vector: its losses are not summed up before they are weighed. */
static void run_rows(const ae__epilogue *e, size_t i, size_t rows, real *c, size_t c_row,
                     size_t start, size_t end, double *loss)
{
    const size_t lanes = end - start;
    losses l[TOGETHER];
    for (size_t k = 0; k < rows; k++) l[k] = run_columns(e, i + k, c + k * c_row, start, end);
    if (e->loss == AE__ELEMENT_NONE) return;
    for (size_t k = 0; k < rows; k++) {
        real *at = c + k * c_row + start;
        const real *element = e->element;
        if (element) element += (i + k) * e->element_ld + start;
        loss[k] += total(&l[k], element, lanes);
        if (!element || !e->gradient) continue;
        v_store_n(at, v_mul(v_load_n(at, lanes), v_load_n(element, lanes)), lanes);
    }
}

void AE__SIMD(epilogue)(const ae__epilogue *e, real *c, size_t c_row, size_t rows, size_t n)
{
    const bool weighs = e->element && e->loss != AE__ELEMENT_NONE;
    const size_t run = (weighs ? 1 : RUN) * AE__LANES;
    for (size_t i = 0, here; i < rows; i += here) {
        double loss[TOGETHER] = {0};
        here = ae__min_size(TOGETHER, rows - i);
        for (size_t start = 0; start < n; start += run)
            run_rows(e, i, here, c + i * c_row, c_row, start, ae__min_size(start + run, n), loss);
        if (e->loss == AE__ELEMENT_NONE || !e->row_value) continue;
        for (size_t k = 0; k < here; k++) e->row_value[i + k] += loss[k];
    }
}
