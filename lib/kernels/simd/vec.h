/* A thin coat over one instruction set, so that every kernel is written once. Each vec_*.h gives:
 *
 *   vec, AE__LANES           a vector of reals and their number
 *   vmask                    the result of a comparison
 *   AE__MR, AE__TILE_ROWS(X) rows of the register tile; X(AE__MR) and smaller ones, down to X(1)
 *   AE__CONV_TILES(X)        register tiles of convolution with images in the lanes, from most channels
 *                            to 1: X(channels, pixels, taps of a gradient)
 *   AE__CONV_ROWS_2, _1      pixels of those with 2 vectors of channels, with 1
 *   AE__WIDE                 sums of a single row that find registers
 *   AE__CHAINS               vectors that go through a long formula together: of one, each operation waits
 *                            for the last, and a processor looks only so far ahead for others
 *   AE__STRIP                rows whose zeros are passed over where all of them have one: the more, the
 *                            fewer such terms, and the less of B is read for each; divides AE__LANES
 *
 *   v_set1  v_zero  v_load  v_store
 *   v_keep(a)                a, in a register where the compiler would rather load it again
 *   v_load_n(p, n)           first n lanes, the rest 0; touches nothing beyond them (0 < n <= lanes)
 *   v_store_n(p, a, n)
 *   v_first(a, n, b)         first n lanes of a, the rest of b
 *   v_or(a, b)               of their bits
 *   v_add  v_sub  v_mul  v_div  v_sqrt  v_abs
 *   v_fma(a, b, c)           a b + c, rounded once (portable: twice)
 *   v_min(a, b), v_max(a, b) a NaN in b passes
 *   v_less(a, b), v_nan(a), v_select(mask, a, b)
 *   v_nonzero(a)             a bit for each lane, the first one's lowest: is it other than 0 (NaN is)?
 *   v_any(words, bits)       a bit for each of a vector's number of 16-bit words: has it one of `bits`?
 *   v_places(at, n, bits)    the bits that are set, counted from n, to at[0] and on; returns how many, and
 *                            writes at[AE__LANES - 1] at most
 *   v_copysign(a, sign)
 *   v_round(a)               to nearest even, |a| < 2^22
 *   v_scale(a, n)            a 2^n, n integral, |n| <= 252
 *   v_split(a, &e)           m in [sqrt(1/2), sqrt(2)) with a = m 2^e, for normal a > 0
 *   v_quads(p, step)         4 lanes from p, 4 from p + step, ...
 *   v_store_quads(p, step, a)  back again
 *   v_transpose4(q)          4 x 4 transpose within each group of 4 lanes of q[0] .. q[3]
 *
 *   vwords, AE__WORDS        a vector of uint64_t, which takes + ^ << >>, and their number
 *   v_multiply(a, b)         products of the lower halves of each
 *
 * The compiler's flags and AE_SIMD_LEVEL choose one; its numbers are those of AE_CPU_*. */
#ifndef AE__SIMD_VEC_H
#define AE__SIMD_VEC_H

#include "base/real.h"

#include <stddef.h>
#include <stdint.h>

#if AE_SIMD_LEVEL == 0
#include "kernels/simd/vec_portable.h"
#elif AE_SIMD_LEVEL == 1
#include "kernels/simd/vec_avx2.h"
#elif AE_SIMD_LEVEL == 2
#include "kernels/simd/vec_avx512.h"
#elif AE_SIMD_LEVEL == 3
#include "kernels/simd/vec_neon.h"
#endif

#define AE__VECS 2 /* vectors of the register tile */
#define AE__NR   (AE__VECS * AE__LANES)

/* Before a loop over registers: arrays of vectors are registers only where no loop is left. */
#ifdef __clang__
#define AE__UNROLL _Pragma("clang loop unroll(full)")
#else
#define AE__UNROLL _Pragma("GCC unroll 16")
#endif

#if AE_SIMD_LEVEL != 2
static inline unsigned v_any(const uint16_t *words, unsigned bits)
{
    unsigned any = 0;
    for (size_t i = 0; i < AE__LANES; i++) any |= (unsigned)((words[i] & bits) != 0) << i;
    return any;
}
/* Without a branch, which nothing could predict. */
static inline size_t v_places(uint32_t *at, size_t n, unsigned bits)
{
    size_t count = 0;
    for (size_t i = 0; i < AE__LANES; i++) {
        at[count] = (uint32_t)(n + i);
        count += bits >> i & 1;
    }
    return count;
}
#endif

/* Lanes of the vector that starts where `left` (> 0) elements remain. */
static inline size_t v_lanes(size_t left)
{
    return left < AE__LANES ? left : AE__LANES;
}

#endif
