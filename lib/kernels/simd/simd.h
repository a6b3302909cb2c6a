/* What the sources of this folder share. Each is compiled once an instruction set, with
 * AE_SIMD_LEVEL naming it, and AE__SIMD(gemm) is ae__gemm_avx2 in one and ae__gemm_neon in another. */
#ifndef AE__SIMD_SIMD_H
#define AE__SIMD_SIMD_H

#include "kernels/kernels.h"

#if AE_SIMD_LEVEL == 0
#define AE__SIMD(name) ae__##name##_portable
#define AE__SIMD_NAME  "portable"
#elif AE_SIMD_LEVEL == 1
#define AE__SIMD(name) ae__##name##_avx2
#define AE__SIMD_NAME  "avx2"
#elif AE_SIMD_LEVEL == 2
#define AE__SIMD(name) ae__##name##_avx512
#define AE__SIMD_NAME  "avx512"
#elif AE_SIMD_LEVEL == 3
#define AE__SIMD(name) ae__##name##_neon
#define AE__SIMD_NAME  "neon"
#endif

#ifdef AE_DOUBLE
typedef uint64_t real_bits;
#else
typedef uint32_t real_bits;
#endif

extern const ae__kernels AE__SIMD(kernels);

void AE__SIMD(gemm)(const ae__gemm_block *g);
void AE__SIMD(gemm_skip)(const ae__gemm_block *g); /* k > 0, b_col = 1, a_row or a_col = 1 */
void AE__SIMD(gemm_row)(const ae__gemm_block *g); /* m = 1, b_col = 1 */

void AE__SIMD(epilogue)(const ae__epilogue *e, real *c, size_t c_row, size_t rows, size_t n);

void AE__SIMD(exp)(real *y, const real *x, size_t n);
void AE__SIMD(log)(real *y, const real *x, size_t n);
void AE__SIMD(tanh)(real *y, const real *x, size_t n);
void AE__SIMD(sigmoid)(real *y, const real *x, size_t n);
void AE__SIMD(activate)(int32_t act, real slope, real *y, const real *x, size_t n);
void AE__SIMD(derive)(int32_t act, real slope, real *dx, const real *dy, const real *y, size_t n);
void AE__SIMD(derive_input)(int32_t act, real slope, real *dx, const real *dy, const real *x,
                            size_t n);

void AE__SIMD(sgd)(const ae__sgd *s, real *w, real *velocity, const real *g, size_t n);
void AE__SIMD(adam)(const ae__adam *s, real *w, real *m, real *v, const real *g, size_t n);
void AE__SIMD(rmsprop)(const ae__rmsprop *s, real *w, real *v, real *velocity, const real *g,
                       size_t n);

void AE__SIMD(column_sums)(real *out, const real *x, size_t x_row, size_t rows, size_t n,
                           bool accumulate);
void AE__SIMD(column_moments)(const ae__column_moments *m, real *sums, real *products);
void AE__SIMD(blend)(const ae__blend *k, real *y, size_t y_row);
void AE__SIMD(keep_largest)(real *y, const real *x, size_t n, size_t k);
double AE__SIMD(sum_squares)(const real *x, size_t n);
void AE__SIMD(philox)(uint32_t *bits, const uint32_t counter[4], const uint32_t key[2], size_t n);
void AE__SIMD(permute)(const ae__order *order, uint64_t *i, size_t n);
void AE__SIMD(normal)(real *z, const uint32_t *bits, size_t n);
void AE__SIMD(from_u8)(real *y, const uint8_t *x, size_t n, real scale, real offset);
void AE__SIMD(from_i16)(real *y, const int16_t *x, size_t n, real scale, real offset);
void AE__SIMD(from_f32)(real *y, const float *x, size_t n, real scale, real offset);
void AE__SIMD(from_f64)(real *y, const double *x, size_t n, double scale, double offset);
void AE__SIMD(rescale)(real *y, const double *shift, const double *factor, size_t n);

extern const ae__conv_shape AE__SIMD(conv_blocks)[];
extern const ae__conv_shape AE__SIMD(conv_rows)[];
extern const ae__visit_shape AE__SIMD(conv_visits)[];
void AE__SIMD(pack)(real *block, const real *x, size_t x_row, size_t n);
void AE__SIMD(unpack)(real *x, size_t x_row, const real *block, size_t n);
void AE__SIMD(pool)(const ae__pooling *p, real *y, const real *x, size_t n);
void AE__SIMD(pool_back)(const ae__pooling *p, int32_t act, real slope, real *dx, const real *dy,
                         const real *x, const real *y, size_t n);
void AE__SIMD(upsample)(const ae__upsampling *u, real *y, const real *x, size_t n);
void AE__SIMD(upsample_back)(const ae__upsampling *u, int32_t act, real slope, real *dx,
                             const real *dy, const real *x, size_t n);

#endif
