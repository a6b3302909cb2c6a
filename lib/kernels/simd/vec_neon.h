/* 4 floats: NEON of 64-bit ARM. Tails go lane by lane. */
#ifndef AE__SIMD_VEC_NEON_H
#define AE__SIMD_VEC_NEON_H

#include <arm_neon.h>

#define AE__LANES ((size_t)4)
#define AE__MR    8 /* 16 sums, 2 vectors of B, 14 registers to spare */
#define AE__WIDE  16
#define AE__STRIP 2
#define AE__CHAINS 4
#define AE__TILE_ROWS(X) X(8) X(4) X(3) X(2) X(1)
#define AE__CONV_TILES(X) X(8, 3, 3) X(4, 6, 4) X(3, 6, 4) X(1, 8, 4)
#define AE__CONV_ROWS_2 6
#define AE__CONV_ROWS_1 8

typedef float32x4_t vec;
typedef uint32x4_t vmask;

static inline vec v_set1(float x) { return vdupq_n_f32(x); }
static inline vec v_zero(void) { return vdupq_n_f32(0.0f); }
static inline vec v_load(const float *p) { return vld1q_f32(p); }
static inline void v_store(float *p, vec a) { vst1q_f32(p, a); }
static inline vec v_keep(vec a) { return a; }
/* Tails are few and their code is long: not inlined. */
static __attribute__((noinline, unused)) vec v_load_part(const float *p, size_t n)
{
    vec a = vsetq_lane_f32(p[0], v_zero(), 0);
    if (n > 1) a = vsetq_lane_f32(p[1], a, 1);
    if (n > 2) a = vsetq_lane_f32(p[2], a, 2);
    return a;
}
static __attribute__((noinline, unused)) void v_store_part(float *p, vec a, size_t n)
{
    p[0] = vgetq_lane_f32(a, 0);
    if (n > 1) p[1] = vgetq_lane_f32(a, 1);
    if (n > 2) p[2] = vgetq_lane_f32(a, 2);
}
static inline vec v_load_n(const float *p, size_t n)
{
    return n == AE__LANES ? v_load(p) : v_load_part(p, n);
}
static inline void v_store_n(float *p, vec a, size_t n)
{
    if (n == AE__LANES)
        v_store(p, a);
    else
        v_store_part(p, a, n);
}

static inline vec v_add(vec a, vec b) { return vaddq_f32(a, b); }
static inline vec v_sub(vec a, vec b) { return vsubq_f32(a, b); }
static inline vec v_mul(vec a, vec b) { return vmulq_f32(a, b); }
static inline vec v_div(vec a, vec b) { return vdivq_f32(a, b); }
static inline vec v_fma(vec a, vec b, vec c) { return vfmaq_f32(c, a, b); }
static inline vec v_sqrt(vec a) { return vsqrtq_f32(a); }
static inline vec v_abs(vec a) { return vabsq_f32(a); }
static inline vec v_or(vec a, vec b)
{
    return vreinterpretq_f32_u32(vorrq_u32(vreinterpretq_u32_f32(a), vreinterpretq_u32_f32(b)));
}
static inline vec v_min(vec a, vec b) { return vminq_f32(a, b); }
static inline vec v_max(vec a, vec b) { return vmaxq_f32(a, b); }

static inline vmask v_less(vec a, vec b) { return vcltq_f32(a, b); }
static inline vmask v_nan(vec a) { return vmvnq_u32(vceqq_f32(a, a)); }
static inline unsigned v_nonzero(vec a)
{
    const uint32x4_t bit = {1, 2, 4, 8};
    return vaddvq_u32(vandq_u32(vmvnq_u32(vceqzq_f32(a)), bit));
}
static inline vec v_select(vmask m, vec a, vec b) { return vbslq_f32(m, a, b); }
static inline vec v_first(vec a, size_t n, vec b)
{
    const uint32_t lane[4] = {0, 1, 2, 3};
    return v_select(vcltq_u32(vld1q_u32(lane), vdupq_n_u32((uint32_t)n)), a, b);
}
static inline vec v_copysign(vec a, vec sign)
{
    return vbslq_f32(vdupq_n_u32(0x80000000u), sign, a);
}

static inline vec v_round(vec a) { return vrndnq_f32(a); }
/* Two factors, since 2^n itself may leave the range of a float. */
static inline vec v_scale(vec a, vec n)
{
    const int32x4_t bias = vdupq_n_s32(127);
    int32x4_t i = vcvtnq_s32_f32(n), half = vshrq_n_s32(i, 1), rest = vsubq_s32(i, half);
    float32x4_t x = vreinterpretq_f32_s32(vshlq_n_s32(vaddq_s32(half, bias), 23));
    float32x4_t y = vreinterpretq_f32_s32(vshlq_n_s32(vaddq_s32(rest, bias), 23));
    return vmulq_f32(vmulq_f32(a, x), y);
}
static inline vec v_split(vec a, vec *e)
{
    const int32x4_t half = vdupq_n_s32(0x3f3504f3); /* sqrt(1/2) */
    int32x4_t bits = vreinterpretq_s32_f32(a);
    int32x4_t n = vshrq_n_s32(vsubq_s32(bits, half), 23);
    *e = vcvtq_f32_s32(n);
    return vreinterpretq_f32_s32(vsubq_s32(bits, vshlq_n_s32(n, 23)));
}

static inline vec v_quads(const float *p, size_t step)
{
    (void)step;
    return v_load(p);
}
static inline void v_store_quads(float *p, size_t step, vec a)
{
    (void)step;
    v_store(p, a);
}
static inline void v_transpose4(vec q[4])
{
    float32x4x2_t a = vtrnq_f32(q[0], q[1]), b = vtrnq_f32(q[2], q[3]);
    q[0] = vcombine_f32(vget_low_f32(a.val[0]), vget_low_f32(b.val[0]));
    q[1] = vcombine_f32(vget_low_f32(a.val[1]), vget_low_f32(b.val[1]));
    q[2] = vcombine_f32(vget_high_f32(a.val[0]), vget_high_f32(b.val[0]));
    q[3] = vcombine_f32(vget_high_f32(a.val[1]), vget_high_f32(b.val[1]));
}

#define AE__WORDS ((size_t)2)
typedef uint64x2_t vwords;
static inline vwords v_multiply(vwords a, vwords b)
{
    return vmull_u32(vmovn_u64(a), vmovn_u64(b));
}

#endif
