/* What happens to a block of a product while it is in cache: bias, activation, loss, derivative, all
 * in one pass over each row. */
#include "kernels/simd/simd.h"
#include "kernels/simd/vmath.h"

#include "base/size.h"
#include "base/training.h"

/* Vectors whose losses are summed lane by lane in float before the sum is carried on in double. The
 * logistic loss takes one logarithm of a product of as many factors 1 + e^-|c| <= 2: at most 2^64. */
enum { RUN = 64 };

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

/* Columns [j, j + lanes) of one row; every pointer is at that row. */
static inline __attribute__((always_inline)) void run_vector(const ae__epilogue *e, vec factor,
                                                             real *c, size_t j, size_t lanes,
                                                             losses *l)
{
    vec z = v_load_n(c + j, lanes);
    if (e->bias) z = v_add(z, v_load_n(e->bias + j, lanes));
    vec y = e->loss == AE__ELEMENT_LOGISTIC ? z : v_activate(e->act, v_set1(e->slope), z);
    if (e->loss != AE__ELEMENT_NONE) {
        vec t = v_load_n(e->target + j, lanes);
        vec d = e->loss == AE__ELEMENT_LOGISTIC ? logistic(z, v_exp_minus_abs(z), t, lanes, l)
                                                : distance(e, z, y, t, lanes, l);
        if (AE__TRAINS && e->gradient) y = v_mul(d, factor);
    }
    if (AE__TRAINS && e->prev) {
        vec out = v_load_n(e->prev + j, lanes);
        y = v_derive(e->prev_act, v_set1(e->prev_slope), y, out);
    }
    v_store_n(c + j, y, lanes);
}

/* The same of the logistic loss, for as many whole vectors as go together; returns the next column. */
static inline __attribute__((always_inline)) size_t
run_logistic(const ae__epilogue *e, vec factor, real *c, size_t j, size_t end, losses *l)
{
    enum { N = AE__CHAINS };
    for (; j + N * AE__LANES <= end; j += N * AE__LANES) {
        vec z[N], power[N];
        AE__UNROLL for (size_t i = 0; i < N; i++) {
            z[i] = v_load(c + j + i * AE__LANES);
            if (e->bias) z[i] = v_add(z[i], v_load(e->bias + j + i * AE__LANES));
        }
        v_exp_minus_abs_each(power, z, N);
        AE__UNROLL for (size_t i = 0; i < N; i++) {
            vec t = v_load(e->target + j + i * AE__LANES);
            vec d = logistic(z[i], power[i], t, AE__LANES, l);
            v_store(c + j + i * AE__LANES, AE__TRAINS && e->gradient ? v_mul(d, factor) : z[i]);
        }
    }
    return j;
}

/* Columns [j, end) of a row, RUN vectors at most. No store to C changes the epilogue. */
static __attribute__((noinline)) losses run_columns(const ae__epilogue *restrict row,
                                                    real *c, size_t j, size_t end)
{
    const vec factor = v_set1(row->scale);
    losses l = {.sum = v_zero(), .product = v_set1(1)};
    if (AE__CHAINS > 1 && row->loss == AE__ELEMENT_LOGISTIC && !row->prev)
        j = run_logistic(row, factor, c, j, end, &l);
    for (; j + AE__LANES <= end; j += AE__LANES)
        run_vector(row, factor, c, j, AE__LANES, &l);
    if (j < end) run_vector(row, factor, c, j, end - j, &l);
    return l;
}

/* Where elements have weights, a vector at a time: its losses are not summed up before they are weighed. */
static double run_row(const ae__epilogue *row, real *c, size_t n)
{
    const real *element = row->loss == AE__ELEMENT_NONE ? NULL : row->element;
    const size_t run = element ? AE__LANES : RUN * AE__LANES;
    double loss = 0;
    for (size_t start = 0; start < n; start += run) {
        const size_t end = ae__min_size(start + run, n), lanes = end - start;
        const losses l = run_columns(row, c, start, end);
        if (row->loss != AE__ELEMENT_NONE)
            loss += total(&l, element ? element + start : NULL, lanes);
        if (!element || !row->gradient) continue;
        const vec weights = v_load_n(element + start, lanes);
        v_store_n(c + start, v_mul(v_load_n(c + start, lanes), weights), lanes);
    }
    return loss;
}

void AE__SIMD(epilogue)(const ae__epilogue *e, real *c, size_t c_row, size_t rows, size_t n)
{
    ae__epilogue row = *e;
    for (size_t i = 0; i < rows; i++) {
        if (e->target) row.target = e->target + i * e->target_ld;
        if (e->element) row.element = e->element + i * e->element_ld;
        if (e->prev) row.prev = e->prev + i * e->prev_ld;
        if (e->row_weight) row.scale = e->scale * e->row_weight[i];
        double loss = run_row(&row, c + i * c_row, n);
        if (row.loss != AE__ELEMENT_NONE && e->row_value) e->row_value[i] += loss;
    }
}
