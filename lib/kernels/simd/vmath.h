/* exp, log, tanh, sigmoid, elu, softplus, gelu, silu and the activations of a vector. Over the whole
 * range of a float, NaN in gives NaN out; the largest errors found against a double libm, all levels
 * (tests/test_kernels_math.c):
 *
 *   exp      1.1 ulp   overflow: inf; underflow: gradual, as the host's mode has it
 *   log      0.9 ulp   log 0 = -inf, log of a negative number = NaN
 *   tanh     2.6 ulp   from e^2x - 1, so small x stay exact
 *   sigmoid  2.5 ulp   relative also for very negative x, down to the subnormal numbers
 *   elu      1.0 ulp   likewise from e^x - 1
 *   softplus 2.0 ulp   relative as the sigmoid
 *   gelu     5.0 ulp   likewise, for x Phi(x) as for Phi; -inf gives -0
 *   silu     3.4 ulp   likewise
 *
 * Polynomials: Moshier's Cephes, expf.c and logf.c; that of the normal tail is our own. A double build
 * asks libm, lane by lane. */
#ifndef AE__SIMD_VMATH_H
#define AE__SIMD_VMATH_H

#include "kernels/simd/simd.h"
#include "kernels/simd/vec.h"

#include "ae/ae.h"

#include <float.h>
#include <math.h>

#ifdef AE_DOUBLE

static inline vec v_exp_below(vec x)
{
    return (vec){exp(x[0]), exp(x[1]), exp(x[2]), exp(x[3])};
}

static inline vec v_exp(vec x)
{
    return v_exp_below(x);
}

static inline vec v_log(vec x)
{
    return (vec){log(x[0]), log(x[1]), log(x[2]), log(x[3])};
}

static inline vec v_expm1(vec x)
{
    return (vec){expm1(x[0]), expm1(x[1]), expm1(x[2]), expm1(x[3])};
}

static inline vec v_tanh(vec x)
{
    return (vec){tanh(x[0]), tanh(x[1]), tanh(x[2]), tanh(x[3])};
}

static inline vec v_normal_tail(vec a)
{
    a = v_mul(a, v_set1(0.70710678118654752));
    return v_mul(v_set1(0.5), (vec){erfc(a[0]), erfc(a[1]), erfc(a[2]), erfc(a[3])});
}

/* The gates at a = |x|, and their slopes: see below. Beyond 40 and 800 there is nothing left. */
static inline vec v_normal_gate(vec a)
{
    a = v_min(v_set1(40), a);
    return v_mul(a, v_normal_tail(a));
}

static inline vec v_normal_gate_slope(vec a)
{
    a = v_min(v_set1(40), a);
    vec density = v_mul(v_set1(0.39894228040143268), v_exp(v_mul(v_mul(a, a), v_set1(-0.5))));
    return v_sub(v_normal_tail(a), v_mul(a, density));
}

static inline vec v_logistic_gate(vec a)
{
    a = v_min(v_set1(800), a);
    vec e = v_exp(v_sub(v_zero(), a));
    return v_div(v_mul(a, e), v_add(v_set1(1), e));
}

#else

/* x = n log 2 + r, |r| <= log(2) / 2; returns r. */
static inline vec v_reduce(vec x, vec *n)
{
    *n = v_round(v_mul(x, v_set1(1.44269504f)));
    /* log 2 in two parts; the first has so few bits that n times it is exact */
    vec r = v_fma(*n, v_set1(-0.693359375f), x);
    return v_fma(*n, v_set1(2.12194440e-4f), r);
}

/* e^r - 1 for n such r, a constant, or r 0.03 beyond. */
static inline __attribute__((always_inline)) void v_expm1_near_each(vec *y, const vec *r,
                                                                    const size_t n)
{
    const float c[] = {1.9875691500e-4f, 1.3981999507e-3f, 8.3334519073e-3f,
                       4.1665795894e-2f, 1.6666665459e-1f, 5.0000001201e-1f};
    vec p[AE__CHAINS];
    AE__UNROLL for (size_t i = 0; i < n; i++) p[i] = v_set1(c[0]);
    AE__UNROLL for (size_t k = 1; k < 6; k++)
        AE__UNROLL for (size_t i = 0; i < n; i++) p[i] = v_fma(p[i], r[i], v_set1(c[k]));
    AE__UNROLL for (size_t i = 0; i < n; i++) y[i] = v_fma(v_mul(r[i], r[i]), p[i], r[i]);
}

static inline vec v_expm1_near(vec r)
{
    vec y;
    v_expm1_near_each(&y, &r, 1);
    return y;
}

/* e^r - 1, where e^x = 2^n e^r. */
static inline vec v_expm1_reduced(vec x, vec *n)
{
    return v_expm1_near(v_reduce(x, n));
}

/* For x <= 89; below -105 it is 0 in float. */
static inline vec v_exp_below(vec x)
{
    vec n, p = v_add(v_expm1_reduced(v_max(v_set1(-105.0f), x), &n), v_set1(1.0f));
    return v_scale(p, n);
}

static inline vec v_exp(vec x)
{
    return v_exp_below(v_min(v_set1(89.0f), x)); /* beyond it is inf */
}

static inline vec v_log(vec x)
{
    const vec zero = v_zero(), infinity = v_set1(INFINITY);
    vec size = v_abs(x);
    vmask tiny = v_less(size, v_set1(FLT_MIN));
    vec e, f = v_split(v_select(tiny, v_mul(size, v_set1(8388608.0f)), size), &e);
    e = v_sub(e, v_select(tiny, v_set1(23.0f), zero));
    f = v_sub(f, v_set1(1.0f));
    vec square = v_mul(f, f), p = v_set1(7.0376836292e-2f);
    p = v_fma(p, f, v_set1(-1.1514610310e-1f));
    p = v_fma(p, f, v_set1(1.1676998740e-1f));
    p = v_fma(p, f, v_set1(-1.2420140846e-1f));
    p = v_fma(p, f, v_set1(1.4249322787e-1f));
    p = v_fma(p, f, v_set1(-1.6668057665e-1f));
    p = v_fma(p, f, v_set1(2.0000714765e-1f));
    p = v_fma(p, f, v_set1(-2.4999993993e-1f));
    p = v_fma(p, f, v_set1(3.3333331174e-1f));
    p = v_mul(v_mul(p, f), square);
    p = v_fma(e, v_set1(-2.12194440e-4f), p);
    p = v_fma(square, v_set1(-0.5f), p);
    vec y = v_fma(e, v_set1(0.693359375f), v_add(f, p));
    vec limit = v_select(v_less(x, zero), v_set1(NAN), v_sub(zero, infinity));
    y = v_select(v_less(zero, x), y, limit);
    return v_select(v_less(x, infinity), y, x);
}

/* e^x - 1 for x <= 0; below -20 it is -1 in float. */
static inline vec v_expm1(vec x)
{
    const vec one = v_set1(1.0f);
    vec n, q = v_expm1_reduced(v_max(v_set1(-20.0f), x), &n), power = v_scale(one, n);
    return v_fma(power, q, v_sub(power, one));
}

/* tanh a = -m / (2 + m), m = e^-2a - 1, a = |x| */
static inline vec v_tanh(vec x)
{
    vec m = v_expm1(v_mul(v_abs(x), v_set1(-2.0f)));
    return v_copysign(v_div(m, v_add(m, v_set1(2.0f))), x);
}

/* Phi(-a) e^(a^2/2), 0 <= a <= 15: 1 / (a + 1.5) times a polynomial in u = (a - 1.5) / (a + 1.5), our
 * own fit by iterated weights in 40 digits, wrong by 2e-8 of itself at most. */
static inline vec v_normal_tail_scaled(vec a)
{
    const vec one = v_set1(1.0f);
    vec q = v_div(one, v_add(a, v_set1(1.5f))), u = v_fma(v_set1(-3.0f), q, one);
    vec p = v_set1(1.41694472e-4f);
    p = v_fma(p, u, v_set1(4.55225061e-4f));
    p = v_fma(p, u, v_set1(2.68519478e-4f));
    p = v_fma(p, u, v_set1(-1.02339196e-3f));
    p = v_fma(p, u, v_set1(-2.72314553e-3f));
    p = v_fma(p, u, v_set1(-2.44567310e-3f));
    p = v_fma(p, u, v_set1(3.99217755e-3f));
    p = v_fma(p, u, v_set1(1.76433455e-2f));
    p = v_fma(p, u, v_set1(1.78959779e-2f));
    p = v_fma(p, u, v_set1(-5.74957356e-2f));
    p = v_fma(p, u, v_set1(-1.95099458e-1f));
    p = v_fma(p, u, v_set1(6.17341995e-1f));
    return v_mul(p, q);
}

/* e^(-a^2/2) = (1 + m) 2^n; returns m. The square of a multiple of 2^-8 below 16 is exact; what a
 * has beyond joins the remainder. */
static inline vec v_normal_power(vec a, vec *n)
{
    vec high = v_mul(v_round(v_mul(a, v_set1(256.0f))), v_set1(1 / 256.0f));
    vec rest = v_mul(v_sub(a, high), v_add(a, high)), half = v_set1(-0.5f);
    vec r = v_reduce(v_mul(v_mul(high, high), half), n);
    return v_expm1_near(v_fma(rest, half, r));
}

/* The gates at a = |x|, and their slopes: see below. Beyond 15 and 110 there is nothing left. The
 * power of 2 comes last, so that results lose nothing before they are subnormal. */
static inline vec v_normal_gate(vec a)
{
    a = v_min(v_set1(15.0f), a);
    vec n, m = v_normal_power(a, &n), tail = v_normal_tail_scaled(a);
    return v_scale(v_mul(a, v_fma(tail, m, tail)), n);
}

static inline vec v_normal_gate_slope(vec a)
{
    a = v_min(v_set1(15.0f), a);
    vec n, m = v_normal_power(a, &n);
    vec d = v_fma(v_set1(-0.398942280f), a, v_normal_tail_scaled(a));
    return v_scale(v_fma(d, m, d), n);
}

static inline vec v_logistic_gate(vec a)
{
    const vec one = v_set1(1.0f);
    a = v_min(v_set1(110.0f), a);
    vec n, power = v_add(v_expm1_reduced(v_sub(v_zero(), a), &n), one);
    return v_scale(v_div(v_mul(a, power), v_add(one, v_scale(power, n))), n);
}

#endif

/* e = e^-|x|; the quotient keeps its relative accuracy on both sides of 0. */
static inline vec v_sigmoid_from(vec x, vec e)
{
    const vec one = v_set1(1);
    return v_div(v_select(v_less(x, v_zero()), e, one), v_add(one, e));
}

static inline vec v_exp_minus_abs(vec x)
{
    return v_exp_below(v_copysign(x, v_set1(-1)));
}

/* The same of n vectors, a constant. */
static inline __attribute__((always_inline)) void v_exp_minus_abs_each(vec *e, const vec *x,
                                                                       const size_t n)
{
#ifdef AE_DOUBLE
    for (size_t i = 0; i < n; i++) e[i] = v_exp_minus_abs(x[i]);
#else
    vec r[AE__CHAINS], k[AE__CHAINS];
    AE__UNROLL for (size_t i = 0; i < n; i++)
        r[i] = v_reduce(v_max(v_set1(-105.0f), v_copysign(x[i], v_set1(-1))), &k[i]);
    v_expm1_near_each(e, r, n);
    AE__UNROLL for (size_t i = 0; i < n; i++) e[i] = v_scale(v_add(e[i], v_set1(1)), k[i]);
#endif
}

static inline vec v_sigmoid(vec x)
{
    return v_sigmoid_from(x, v_exp_minus_abs(x));
}

static inline vec v_elu(vec x)
{
    return v_select(v_less(x, v_zero()), v_expm1(v_min(v_zero(), x)), x);
}

/* max(x, 0) + log(1 + e), e = e^-|x|, where log(1 + e) = log s + (e - (s - 1)) / s: s is 1 + e
 * rounded, and what it lost is exact. */
static inline vec v_softplus(vec x)
{
    const vec one = v_set1(1);
    vec e = v_exp_minus_abs(x), s = v_add(one, e);
    vec lost = v_div(v_sub(e, v_sub(s, one)), s);
    return v_add(v_max(v_zero(), x), v_add(v_log(s), lost));
}

/* Gated activations x F(x), F the distribution function of a symmetric variable: the normal one for
 * gelu, the logistic one for silu. With the gate g(a) = a F(-a), a = |x|:
 *   y = max(x, 0) - g(a)      y' = g'(a) where x < 0, else 1 - g'(a)
 * so that relative accuracy is kept on both sides. */
static inline vec v_gated(vec x, vec gate)
{
    return v_copysign(v_sub(v_max(v_zero(), x), gate), x);
}

static inline vec v_gated_slope(vec x, vec slope)
{
    return v_select(v_less(x, v_zero()), slope, v_sub(v_set1(1), slope));
}

/* g(a) = a e / (1 + e), e = e^-a; g'(a) = e (1 + e - a) / (1 + e)^2 */
static inline vec v_logistic_gate_slope(vec a)
{
    a = v_min(v_set1(800), a); /* not inf, whose product with 0 is NaN */
    vec e = v_exp(v_sub(v_zero(), a)), q = v_div(v_set1(1), v_add(v_set1(1), e));
    return v_mul(v_mul(e, q), v_sub(v_set1(1), v_mul(a, q)));
}

/* Not inlined: they are long, and what calls them is there many times (activation.c). */
#define V_CONST __attribute__((const)) /* not called where the result is not used */
V_CONST vec AE__SIMD(activate_apart)(int32_t act, vec x);
V_CONST vec AE__SIMD(softplus_slope)(vec y);
V_CONST vec AE__SIMD(gelu_slope)(vec x);
V_CONST vec AE__SIMD(silu_slope)(vec x);

static inline vec v_activate(int32_t act, vec slope, vec x)
{
    switch (act) {
    case AE_ACT_LINEAR: return x;
    case AE_ACT_RELU: return v_max(v_zero(), x);
    case AE_ACT_LEAKY_RELU: return v_select(v_less(v_zero(), x), x, v_mul(slope, x));
    case AE_ACT_TANH: return v_tanh(x);
    case AE_ACT_SIGMOID: return v_sigmoid(x);
    default: return AE__SIMD(activate_apart)(act, x);
    }
}

/* dy act'(x), from y = act(x), where it is a function of that. */
static inline vec v_derive(int32_t act, vec slope, vec dy, vec y)
{
    const vec one = v_set1(1);
    switch (act) {
    case AE_ACT_RELU: return v_select(v_less(v_zero(), y), dy, v_zero());
    case AE_ACT_LEAKY_RELU: return v_select(v_less(v_zero(), y), dy, v_mul(slope, dy));
    case AE_ACT_TANH: return v_mul(dy, v_sub(one, v_mul(y, y)));
    case AE_ACT_SIGMOID: return v_mul(dy, v_mul(y, v_sub(one, y)));
    case AE_ACT_ELU: return v_select(v_less(v_zero(), y), dy, v_fma(dy, y, dy));
    case AE_ACT_SOFTPLUS: return v_mul(dy, AE__SIMD(softplus_slope)(y));
    default: return dy;
    }
}

/* dy act'(x) of any activation, from x and, where that is enough, from y = act(x). */
static inline vec v_derive_at(int32_t act, vec slope, vec dy, vec x, vec y)
{
    switch (act) {
    case AE_ACT_GELU: return v_mul(dy, AE__SIMD(gelu_slope)(x));
    case AE_ACT_SILU: return v_mul(dy, AE__SIMD(silu_slope)(x));
    default: return v_derive(act, slope, dy, y);
    }
}

#endif
