/* 4 reals of any machine: vectors as GCC and Clang understand them, without one instruction set in
 * mind. The only level that also knows double (where v_scale and v_split are not needed: the
 * functions that use them go through libm). */
#ifndef AE__SIMD_VEC_PORTABLE_H
#define AE__SIMD_VEC_PORTABLE_H

#include <string.h>
#include <tgmath.h>

#define AE__LANES ((size_t)4)
#define AE__MR    4 /* 8 sums, 2 vectors of B, 2 for a product: 12 of 16 registers */
#define AE__WIDE  8
#define AE__STRIP 2
#define AE__CHAINS 1
#define AE__TILE_ROWS(X) X(4) X(3) X(2) X(1)
#define AE__CONV_TILES(X) X(4, 2, 2) X(3, 2, 2) X(1, 4, 2)
#define AE__CONV_ROWS_2 4
#define AE__CONV_ROWS_1 4

#ifdef AE_DOUBLE
typedef int64_t v_int;
#else
typedef int32_t v_int;
#endif
typedef real vec __attribute__((vector_size(4 * sizeof(real))));
typedef v_int vmask __attribute__((vector_size(4 * sizeof(real)))); /* -1: true, 0: false */

static inline vec v_set1(real x) { return (vec){x, x, x, x}; }
static inline vec v_zero(void) { return v_set1(0); }
static inline vec v_load(const real *p)
{
    vec a;
    memcpy(&a, p, sizeof a);
    return a;
}
static inline void v_store(real *p, vec a) { memcpy(p, &a, sizeof a); }
static inline vec v_keep(vec a) { return a; }
/* Tails are few and their code is long: not inlined. */
static __attribute__((noinline, unused)) vec v_load_part(const real *p, size_t n)
{
    return (vec){p[0], n > 1 ? p[1] : 0, n > 2 ? p[2] : 0, 0};
}
static __attribute__((noinline, unused)) void v_store_part(real *p, vec a, size_t n)
{
    p[0] = a[0];
    if (n > 1) p[1] = a[1];
    if (n > 2) p[2] = a[2];
}
static inline vec v_load_n(const real *p, size_t n)
{
    return n == AE__LANES ? v_load(p) : v_load_part(p, n);
}
static inline void v_store_n(real *p, vec a, size_t n)
{
    if (n == AE__LANES)
        v_store(p, a);
    else
        v_store_part(p, a, n);
}

static inline vec v_add(vec a, vec b) { return a + b; }
static inline vec v_sub(vec a, vec b) { return a - b; }
static inline vec v_mul(vec a, vec b) { return a * b; }
static inline vec v_div(vec a, vec b) { return a / b; }
static inline vec v_fma(vec a, vec b, vec c) { return a * b + c; }
static inline vec v_or(vec a, vec b) { return (vec)((vmask)a | (vmask)b); }
static inline vec v_sqrt(vec a) { return (vec){sqrt(a[0]), sqrt(a[1]), sqrt(a[2]), sqrt(a[3])}; }

static inline vmask v_less(vec a, vec b) { return (vmask)(a < b); }
static inline vmask v_nan(vec a) { return (vmask)(a != a); }
static inline unsigned v_nonzero(vec a)
{
    const vmask bit = {1, 2, 4, 8}, set = (vmask)(a != 0) & bit;
    return (unsigned)(set[0] + set[1] + set[2] + set[3]);
}
static inline vec v_select(vmask m, vec a, vec b) { return (vec)((m & (vmask)a) | (~m & (vmask)b)); }
static inline vec v_min(vec a, vec b) { return v_select(v_less(a, b), a, b); }
static inline vec v_max(vec a, vec b) { return v_select(v_less(b, a), a, b); }
static inline vec v_first(vec a, size_t n, vec b)
{
    const vmask lane = {0, 1, 2, 3}, count = lane - lane + (v_int)n;
    return v_select((vmask)(lane < count), a, b);
}
static inline vec v_copysign(vec a, vec sign)
{
    const vmask bit = (vmask)v_set1(-(real)0);
    return v_select(bit, sign, a);
}
static inline vec v_abs(vec a) { return v_copysign(a, v_zero()); }

#ifndef AE_DOUBLE
static inline vec v_round(vec a)
{
    const vec big = v_set1(12582912.0f); /* 1.5 * 2^23: the sum has no bits below 1 */
    return (a + big) - big;
}
/* Two factors, since 2^n itself may leave the range of a float. */
static inline vec v_scale(vec a, vec n)
{
    vmask i = __builtin_convertvector(n, vmask), half = i >> 1, rest = i - half;
    return a * (vec)((half + 127) << 23) * (vec)((rest + 127) << 23);
}
static inline vec v_split(vec a, vec *e)
{
    vmask bits = (vmask)a, n = (bits - 0x3f3504f3) >> 23; /* sqrt(1/2) */
    *e = __builtin_convertvector(n, vec);
    return (vec)(bits - (n << 23));
}
#endif

static inline vec v_quads(const real *p, size_t step)
{
    (void)step;
    return v_load(p);
}
static inline void v_store_quads(real *p, size_t step, vec a)
{
    (void)step;
    v_store(p, a);
}
static inline void v_transpose4(vec q[4])
{
    vec a = q[0], b = q[1], c = q[2], d = q[3];
    for (int i = 0; i < 4; i++)
        q[i] = (vec){a[i], b[i], c[i], d[i]};
}

#define AE__WORDS ((size_t)2)
typedef uint64_t vwords __attribute__((vector_size(16)));
static inline vwords v_multiply(vwords a, vwords b)
{
    return (a & UINT32_MAX) * (b & UINT32_MAX);
}

#endif
