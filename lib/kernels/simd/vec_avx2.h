/* 8 floats: AVX2 and FMA. Masked loads and stores serve the tails. */
#ifndef AE__SIMD_VEC_AVX2_H
#define AE__SIMD_VEC_AVX2_H

#include <immintrin.h>

#define AE__LANES ((size_t)8)
#define AE__MR    6 /* 12 sums, 2 vectors of B, 1 of A: 15 of 16 registers */
#define AE__WIDE  8
#define AE__STRIP 2
#define AE__CHAINS 2
#define AE__TILE_ROWS(X) X(6) X(4) X(3) X(2) X(1)
#define AE__CONV_TILES(X) X(4, 3, 3) X(3, 3, 3) X(1, 8, 3)
#define AE__CONV_ROWS_2 4
#define AE__CONV_ROWS_1 8

typedef __m256 vec;
typedef __m256 vmask;

static inline __m256i v_lane_mask(size_t n)
{
    const __m256i lane = _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7);
    return _mm256_cmpgt_epi32(_mm256_set1_epi32((int)n), lane);
}

static inline vec v_set1(float x) { return _mm256_set1_ps(x); }
static inline vec v_zero(void) { return _mm256_setzero_ps(); }
static inline vec v_load(const float *p) { return _mm256_loadu_ps(p); }
static inline void v_store(float *p, vec a) { _mm256_storeu_ps(p, a); }
static inline vec v_keep(vec a) { return a; }
static inline vec v_load_n(const float *p, size_t n)
{
    return n == AE__LANES ? v_load(p) : _mm256_maskload_ps(p, v_lane_mask(n));
}
static inline void v_store_n(float *p, vec a, size_t n)
{
    if (n == AE__LANES)
        v_store(p, a);
    else
        _mm256_maskstore_ps(p, v_lane_mask(n), a);
}
static inline vec v_first(vec a, size_t n, vec b)
{
    return _mm256_blendv_ps(b, a, _mm256_castsi256_ps(v_lane_mask(n)));
}

static inline vec v_add(vec a, vec b) { return _mm256_add_ps(a, b); }
static inline vec v_sub(vec a, vec b) { return _mm256_sub_ps(a, b); }
static inline vec v_mul(vec a, vec b) { return _mm256_mul_ps(a, b); }
static inline vec v_div(vec a, vec b) { return _mm256_div_ps(a, b); }
static inline vec v_fma(vec a, vec b, vec c) { return _mm256_fmadd_ps(a, b, c); }
static inline vec v_sqrt(vec a) { return _mm256_sqrt_ps(a); }
static inline vec v_or(vec a, vec b) { return _mm256_or_ps(a, b); }
static inline vec v_abs(vec a) { return _mm256_andnot_ps(_mm256_set1_ps(-0.0f), a); }
static inline vec v_min(vec a, vec b) { return _mm256_min_ps(a, b); }
static inline vec v_max(vec a, vec b) { return _mm256_max_ps(a, b); }

static inline vmask v_less(vec a, vec b) { return _mm256_cmp_ps(a, b, _CMP_LT_OQ); }
static inline vmask v_nan(vec a) { return _mm256_cmp_ps(a, a, _CMP_UNORD_Q); }
static inline unsigned v_nonzero(vec a)
{
    return (unsigned)_mm256_movemask_ps(_mm256_cmp_ps(a, _mm256_setzero_ps(), _CMP_NEQ_UQ));
}
static inline vec v_select(vmask m, vec a, vec b) { return _mm256_blendv_ps(b, a, m); }
static inline vec v_copysign(vec a, vec sign)
{
    __m256 bit = _mm256_set1_ps(-0.0f);
    return _mm256_or_ps(_mm256_andnot_ps(bit, a), _mm256_and_ps(bit, sign));
}

static inline vec v_round(vec a)
{
    return _mm256_round_ps(a, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
}
/* Two factors, since 2^n itself may leave the range of a float. */
static inline vec v_scale(vec a, vec n)
{
    const __m256i bias = _mm256_set1_epi32(127);
    __m256i i = _mm256_cvtps_epi32(n), half = _mm256_srai_epi32(i, 1);
    __m256i rest = _mm256_sub_epi32(i, half);
    __m256 x = _mm256_castsi256_ps(_mm256_slli_epi32(_mm256_add_epi32(half, bias), 23));
    __m256 y = _mm256_castsi256_ps(_mm256_slli_epi32(_mm256_add_epi32(rest, bias), 23));
    return _mm256_mul_ps(_mm256_mul_ps(a, x), y);
}
static inline vec v_split(vec a, vec *e)
{
    const __m256i half = _mm256_set1_epi32(0x3f3504f3); /* sqrt(1/2) */
    __m256i bits = _mm256_castps_si256(a);
    __m256i n = _mm256_srai_epi32(_mm256_sub_epi32(bits, half), 23);
    *e = _mm256_cvtepi32_ps(n);
    return _mm256_castsi256_ps(_mm256_sub_epi32(bits, _mm256_slli_epi32(n, 23)));
}

static inline vec v_quads(const float *p, size_t step)
{
    return _mm256_insertf128_ps(_mm256_castps128_ps256(_mm_loadu_ps(p)), _mm_loadu_ps(p + step), 1);
}
static inline void v_store_quads(float *p, size_t step, vec a)
{
    _mm_storeu_ps(p, _mm256_castps256_ps128(a));
    _mm_storeu_ps(p + step, _mm256_extractf128_ps(a, 1));
}
static inline void v_transpose4(vec q[4])
{
    __m256 a = _mm256_unpacklo_ps(q[0], q[1]), b = _mm256_unpackhi_ps(q[0], q[1]);
    __m256 c = _mm256_unpacklo_ps(q[2], q[3]), d = _mm256_unpackhi_ps(q[2], q[3]);
    q[0] = _mm256_shuffle_ps(a, c, 0x44);
    q[1] = _mm256_shuffle_ps(a, c, 0xee);
    q[2] = _mm256_shuffle_ps(b, d, 0x44);
    q[3] = _mm256_shuffle_ps(b, d, 0xee);
}

#define AE__WORDS ((size_t)4)
typedef uint64_t vwords __attribute__((vector_size(32)));
static inline vwords v_multiply(vwords a, vwords b)
{
    return (vwords)_mm256_mul_epu32((__m256i)a, (__m256i)b);
}

#endif
