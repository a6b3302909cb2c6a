/* The table of this instruction set. */
#include "kernels/simd/simd.h"
#include "kernels/simd/vec.h"

const ae__kernels AE__SIMD(kernels) = {
    .level = AE_SIMD_LEVEL,
    .name = AE__SIMD_NAME,
    .mr = AE__MR,
    .nr = AE__NR,
    .gemm = AE__SIMD(gemm),
    .epilogue = AE__SIMD(epilogue),
    .exp = AE__SIMD(exp),
    .log = AE__SIMD(log),
    .tanh = AE__SIMD(tanh),
    .sigmoid = AE__SIMD(sigmoid),
    .activate = AE__SIMD(activate),
    .derive = AE__SIMD(derive),
    .derive_input = AE__SIMD(derive_input),
    .column_sums = AE__SIMD(column_sums),
    .sgd = AE__SIMD(sgd),
    .adam = AE__SIMD(adam),
    .rmsprop = AE__SIMD(rmsprop),
    .keep_largest = AE__SIMD(keep_largest),
    .sum_squares = AE__SIMD(sum_squares),
    .philox = AE__SIMD(philox),
    .normal = AE__SIMD(normal),
    .from_u8 = AE__SIMD(from_u8),
    .from_f32 = AE__SIMD(from_f32),
};
