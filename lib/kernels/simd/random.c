/* Random words of many counters at once, and normal numbers from them. */
#include "kernels/simd/simd.h"
#include "kernels/simd/vmath.h"

#include <string.h>

enum {
    VECTORS = 4, /* enough products in flight */
    ROUNDS = 10,
    BLOCKS = VECTORS * AE__WORDS /* counters at once; 4 words each */
};

static inline vwords splat(uint64_t word)
{
    return (vwords){0} + word;
}

/* Philox4x32-10, as base/rng.c has it for one counter. Each word is the lower half of a lane; above
 * it is what the last product left there. */
static inline void blocks(uint32_t *bits, const uint32_t counter[4], const uint32_t key[2])
{
    vwords x0[VECTORS], x1[VECTORS], x2[VECTORS], x3[VECTORS];
    vwords lane = {0};
    uint64_t k0 = key[0], k1 = key[1];
    for (size_t l = 0; l < AE__WORDS; l++)
        lane[l] = l;
    for (size_t v = 0; v < VECTORS; v++) {
        x0[v] = lane + splat(counter[0] + v * AE__WORDS);
        x1[v] = splat(counter[1]);
        x2[v] = splat(counter[2]);
        x3[v] = splat(counter[3]);
    }
#if AE_SIMD_LEVEL > 0 /* a third faster, but long */
    AE__UNROLL
#endif
    for (int round = 0; round < ROUNDS; round++, k0 += 0x9E3779B9, k1 += 0xBB67AE85) {
        AE__UNROLL
        for (size_t v = 0; v < VECTORS; v++) {
            vwords a = v_multiply(x0[v], splat(0xD2511F53));
            vwords b = v_multiply(x2[v], splat(0xCD9E8D57));
            x0[v] = (b >> 32) ^ x1[v] ^ splat(k0);
            x1[v] = b;
            x2[v] = (a >> 32) ^ x3[v] ^ splat(k1);
            x3[v] = a;
        }
    }
    for (size_t v = 0; v < VECTORS; v++)
        for (size_t l = 0; l < AE__WORDS; l++, bits += 4) {
            bits[0] = (uint32_t)x0[v][l];
            bits[1] = (uint32_t)x1[v][l];
            bits[2] = (uint32_t)x2[v][l];
            bits[3] = (uint32_t)x3[v][l];
        }
}

void AE__SIMD(philox)(uint32_t *bits, const uint32_t counter[4], const uint32_t key[2], size_t n)
{
    const size_t words = 4 * BLOCKS;
    uint32_t at[4] = {counter[0], counter[1], counter[2], counter[3]}, last[4 * BLOCKS];
    for (; n >= words; n -= words, bits += words, at[0] += BLOCKS)
        blocks(bits, at, key);
    if (n == 0) return;
    blocks(last, at, key);
    memcpy(bits, last, n * sizeof *bits);
}

/* c[0] x^3 + c[1] x^2 + c[2] x + c[3] */
static inline vec cubic(const real c[4], vec x)
{
    vec y = v_fma(v_set1(c[0]), x, v_set1(c[1]));
    y = v_fma(y, x, v_set1(c[2]));
    return v_fma(y, x, v_set1(c[3]));
}

static const real over[4] = {(real)59.109374720, (real)159.29113202, (real)50.434271938,
                             (real)3.3871327179};
static const real under[4] = {(real)67.187563600, (real)78.757757664, (real)17.895169469, 1};
static const real tail_over[4] = {(real)0.17023821103, (real)1.3067284816, (real)2.7568153900,
                                  (real)1.4234372777};
static const real tail_under[4] = {0, (real)0.12021132975, (real)0.73700164250, 1};

/* Wichura 1988, AS 241, PPND7: the quantile of the probability that is q from 1/2 and `tail` from
 * the nearer of 0 and 1. No draw reaches its third interval: tail >= 2^-33 > e^-25. */
static inline vec quantile(vec q, vec tail)
{
    vec r = v_sub(v_set1((real)0.180625), v_mul(q, q));
    vec s = v_sub(v_sqrt(v_sub(v_zero(), v_log(tail))), v_set1((real)1.6));
    vmask central = v_less(v_abs(q), v_set1((real)0.425));
    vec a = v_select(central, v_mul(v_abs(q), cubic(over, r)), cubic(tail_over, s));
    vec b = v_select(central, cubic(under, r), cubic(tail_under, s));
    return v_copysign(v_div(a, b), q);
}

/* Bits of the upper half mirror those of the lower, so that neither end loses digits. */
static inline vec normal(const uint32_t bits[AE__LANES])
{
    const real unit = (real)0x1p-32, half = (real)0.5;
    real q[AE__LANES], tail[AE__LANES];
    for (size_t l = 0; l < AE__LANES; l++) {
        int32_t b = (int32_t)bits[l], upper = b >> 31, m = b ^ upper;
        tail[l] = ((real)m + half) * unit;
        q[l] = (real)-(upper | 1) * ((real)(INT32_MAX - m) + half) * unit;
    }
    return quantile(v_load(q), v_load(tail));
}

void AE__SIMD(normal)(real *z, const uint32_t *bits, size_t n)
{
    uint32_t last[AE__LANES] = {0};
    for (; n >= AE__LANES; n -= AE__LANES, z += AE__LANES, bits += AE__LANES)
        v_store(z, normal(bits));
    if (n == 0) return;
    memcpy(last, bits, n * sizeof *bits);
    v_store_n(z, normal(last), n);
}
