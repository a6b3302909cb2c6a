/* Images from rows to a block and back: a transposition. */
#include "kernels/simd/simd.h"
#include "kernels/simd/vec.h"

void AE__SIMD(pack)(real *block, const real *x, size_t x_row, size_t n)
{
    for (size_t j = 0; j < n; j += 4) {
        vec q[4];
        AE__UNROLL for (size_t i = 0; i < 4; i++) q[i] = v_quads(x + i * x_row + j, 4 * x_row);
        v_transpose4(q);
        AE__UNROLL for (size_t i = 0; i < 4; i++) v_store(block + (j + i) * AE__LANES, q[i]);
    }
}

void AE__SIMD(unpack)(real *x, size_t x_row, const real *block, size_t n)
{
    for (size_t j = 0; j < n; j += 4) {
        vec q[4];
        AE__UNROLL for (size_t i = 0; i < 4; i++) q[i] = v_load(block + (j + i) * AE__LANES);
        v_transpose4(q);
        AE__UNROLL for (size_t i = 0; i < 4; i++) v_store_quads(x + i * x_row + j, 4 * x_row, q[i]);
    }
}
