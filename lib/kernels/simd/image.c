/* Images from rows to a block and back: a transposition. */
#include "kernels/simd/simd.h"
#include "kernels/simd/vec.h"

/* Columns that go 4 at a time, which takes whole blocks. */
static size_t whole_fours(size_t rows, size_t n)
{
    return rows == AE__LANES ? n / 4 * 4 : 0;
}

void AE__SIMD(pack)(real *block, const real *x, size_t x_row, size_t rows, size_t n)
{
    const size_t whole = whole_fours(rows, n);
    for (size_t j = 0; j < whole; j += 4) {
        vec q[4];
        AE__UNROLL for (size_t i = 0; i < 4; i++) q[i] = v_quads(x + i * x_row + j, 4 * x_row);
        v_transpose4(q);
        AE__UNROLL for (size_t i = 0; i < 4; i++) v_store(block + (j + i) * AE__LANES, q[i]);
    }
    for (size_t j = whole; j < n; j++)
        for (size_t i = 0; i < AE__LANES; i++)
            block[j * AE__LANES + i] = i < rows ? x[i * x_row + j] : 0;
}

void AE__SIMD(unpack)(real *x, size_t x_row, const real *block, size_t rows, size_t n)
{
    const size_t whole = whole_fours(rows, n);
    for (size_t j = 0; j < whole; j += 4) {
        vec q[4];
        AE__UNROLL for (size_t i = 0; i < 4; i++) q[i] = v_load(block + (j + i) * AE__LANES);
        v_transpose4(q);
        AE__UNROLL for (size_t i = 0; i < 4; i++) v_store_quads(x + i * x_row + j, 4 * x_row, q[i]);
    }
    for (size_t i = 0; i < rows; i++)
        for (size_t j = whole; j < n; j++) x[i * x_row + j] = block[j * AE__LANES + i];
}
