/* The table of this instruction set: what is used by the parts that are built, else NULL. */
#include "kernels/simd/simd.h"
#include "kernels/simd/vec.h"

const ae__kernels AE__SIMD(kernels) = {
    .level = AE_SIMD_LEVEL,
    .name = AE__SIMD_NAME,
    .mr = AE__MR,
    .nr = AE__NR,
    .lanes = AE__LANES,
    .gemm = AE__SIMD(gemm),
#ifndef AE_SMALL
    .gemm_skip = AE__SIMD(gemm_skip),
    .strip = AE__STRIP,
#endif
    .epilogue = AE__SIMD(epilogue),
    .activate = AE__SIMD(activate),
    .sum_squares = AE__SIMD(sum_squares),
    .from_u8 = AE__SIMD(from_u8),
    .from_i16 = AE__SIMD(from_i16),
    .from_f32 = AE__SIMD(from_f32),
    .from_f64 = AE__SIMD(from_f64),
    .rescale = AE__SIMD(rescale),
#if defined(AE_TRAINING) || defined(AE_DRAWN)
    .exp = AE__SIMD(exp),
    .log = AE__SIMD(log),
    .tanh = AE__SIMD(tanh),
    .sigmoid = AE__SIMD(sigmoid),
    .philox = AE__SIMD(philox),
    .normal = AE__SIMD(normal),
#endif
#ifdef AE_TOPK
    .keep_largest = AE__SIMD(keep_largest),
#endif
#ifdef AE_IMAGES
    .column_moments = AE__SIMD(column_moments),
    .blend = AE__SIMD(blend),
    .conv_blocks = AE__SIMD(conv_blocks),
    .conv_rows = AE__SIMD(conv_rows),
    .pack = AE__SIMD(pack),
    .unpack = AE__SIMD(unpack),
    .pool = AE__SIMD(pool),
    .upsample = AE__SIMD(upsample),
#endif
#ifdef AE_TRAINING
    .permute = AE__SIMD(permute),
    .derive = AE__SIMD(derive),
    .derive_input = AE__SIMD(derive_input),
    .column_sums = AE__SIMD(column_sums),
    .sgd = AE__SIMD(sgd),
    .adam = AE__SIMD(adam),
    .rmsprop = AE__SIMD(rmsprop),
    .conv_visits = AE__SIMD(conv_visits),
    .pool_back = AE__SIMD(pool_back),
    .upsample_back = AE__SIMD(upsample_back),
#endif
};
