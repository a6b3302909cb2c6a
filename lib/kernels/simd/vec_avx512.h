/* 16 floats: AVX-512 F, BW, DQ, VL. Masks serve the tails. */
#ifndef AE__SIMD_VEC_AVX512_H
#define AE__SIMD_VEC_AVX512_H

#include <immintrin.h>

#define AE__LANES ((size_t)16)
#define AE__MR    12 /* 24 sums, 2 vectors of B, 6 registers to spare */
#define AE__WIDE  16
#define AE__STRIP 4
#define AE__CHAINS 4
#define AE__TILE_ROWS(X) X(12) X(8) X(4) X(3) X(2) X(1)
#define AE__CONV_TILES(X) X(8, 3, 3) X(4, 6, 4) X(3, 6, 4) X(1, 8, 4)
#define AE__CONV_ROWS_2 6
#define AE__CONV_ROWS_1 8

typedef __m512 vec;
typedef __mmask16 vmask;

static inline vmask v_lane_mask(size_t n)
{
    return (vmask)((1u << n) - 1);
}

static inline vec v_set1(float x) { return _mm512_set1_ps(x); }
static inline vec v_zero(void) { return _mm512_setzero_ps(); }
static inline vec v_load(const float *p) { return _mm512_loadu_ps(p); }
static inline void v_store(float *p, vec a) { _mm512_storeu_ps(p, a); }
static inline vec v_keep(vec a) { __asm__("" : "+v"(a)); return a; }
static inline vec v_load_n(const float *p, size_t n)
{
    return _mm512_maskz_loadu_ps(v_lane_mask(n), p);
}
static inline void v_store_n(float *p, vec a, size_t n)
{
    if (n == AE__LANES) /* asked, since a mask makes stores slow */
        _mm512_storeu_ps(p, a);
    else
        _mm512_mask_storeu_ps(p, v_lane_mask(n), a);
}
static inline vec v_first(vec a, size_t n, vec b)
{
    return _mm512_mask_mov_ps(b, v_lane_mask(n), a);
}

static inline vec v_add(vec a, vec b) { return _mm512_add_ps(a, b); }
static inline vec v_sub(vec a, vec b) { return _mm512_sub_ps(a, b); }
static inline vec v_mul(vec a, vec b) { return _mm512_mul_ps(a, b); }
static inline vec v_div(vec a, vec b) { return _mm512_div_ps(a, b); }
static inline vec v_fma(vec a, vec b, vec c) { return _mm512_fmadd_ps(a, b, c); }
static inline vec v_sqrt(vec a) { return _mm512_sqrt_ps(a); }
static inline vec v_or(vec a, vec b) { return _mm512_or_ps(a, b); }
static inline vec v_abs(vec a) { return _mm512_abs_ps(a); }
static inline vec v_min(vec a, vec b) { return _mm512_min_ps(a, b); }
static inline vec v_max(vec a, vec b) { return _mm512_max_ps(a, b); }

static inline vmask v_less(vec a, vec b) { return _mm512_cmp_ps_mask(a, b, _CMP_LT_OQ); }
static inline vmask v_nan(vec a) { return _mm512_cmp_ps_mask(a, a, _CMP_UNORD_Q); }
static inline unsigned v_nonzero(vec a)
{
    return _mm512_cmp_ps_mask(a, _mm512_setzero_ps(), _CMP_NEQ_UQ);
}
static inline unsigned v_any(const uint16_t *words, unsigned bits)
{
    __m256i w = _mm256_loadu_si256((const __m256i *)words);
    return _mm256_test_epi16_mask(w, _mm256_set1_epi16((short)bits));
}
static inline size_t v_places(uint32_t *at, size_t n, unsigned bits)
{
    const __m512i lane = _mm512_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
    __m512i place = _mm512_add_epi32(lane, _mm512_set1_epi32((int)n));
    _mm512_storeu_si512(at, _mm512_maskz_compress_epi32((__mmask16)bits, place));
    return (size_t)__builtin_popcount(bits);
}
static inline vec v_select(vmask m, vec a, vec b) { return _mm512_mask_mov_ps(b, m, a); }
static inline vec v_copysign(vec a, vec sign)
{
    __m512 bit = _mm512_set1_ps(-0.0f);
    return _mm512_or_ps(_mm512_andnot_ps(bit, a), _mm512_and_ps(bit, sign));
}

static inline vec v_round(vec a)
{
    return _mm512_roundscale_ps(a, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
}
static inline vec v_scale(vec a, vec n) { return _mm512_scalef_ps(a, n); }
static inline vec v_split(vec a, vec *e)
{
    const __m512i half = _mm512_set1_epi32(0x3f3504f3); /* sqrt(1/2) */
    __m512i bits = _mm512_castps_si512(a);
    __m512i n = _mm512_srai_epi32(_mm512_sub_epi32(bits, half), 23);
    *e = _mm512_cvtepi32_ps(n);
    return _mm512_castsi512_ps(_mm512_sub_epi32(bits, _mm512_slli_epi32(n, 23)));
}

static inline vec v_quads(const float *p, size_t step)
{
    __m512 q = _mm512_castps128_ps512(_mm_loadu_ps(p));
    q = _mm512_insertf32x4(q, _mm_loadu_ps(p + step), 1);
    q = _mm512_insertf32x4(q, _mm_loadu_ps(p + 2 * step), 2);
    return _mm512_insertf32x4(q, _mm_loadu_ps(p + 3 * step), 3);
}
static inline void v_store_quads(float *p, size_t step, vec a)
{
    _mm_storeu_ps(p, _mm512_castps512_ps128(a));
    _mm_storeu_ps(p + step, _mm512_extractf32x4_ps(a, 1));
    _mm_storeu_ps(p + 2 * step, _mm512_extractf32x4_ps(a, 2));
    _mm_storeu_ps(p + 3 * step, _mm512_extractf32x4_ps(a, 3));
}
static inline void v_transpose4(vec q[4])
{
    __m512 a = _mm512_unpacklo_ps(q[0], q[1]), b = _mm512_unpackhi_ps(q[0], q[1]);
    __m512 c = _mm512_unpacklo_ps(q[2], q[3]), d = _mm512_unpackhi_ps(q[2], q[3]);
    q[0] = _mm512_shuffle_ps(a, c, 0x44);
    q[1] = _mm512_shuffle_ps(a, c, 0xee);
    q[2] = _mm512_shuffle_ps(b, d, 0x44);
    q[3] = _mm512_shuffle_ps(b, d, 0xee);
}

#define AE__WORDS ((size_t)8)
typedef uint64_t vwords __attribute__((vector_size(64)));
static inline vwords v_multiply(vwords a, vwords b)
{
    return (vwords)_mm512_mul_epu32((__m512i)a, (__m512i)b);
}

#endif
