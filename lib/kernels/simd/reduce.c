/* Sums over arrays, each of one fixed order, and conversions into them. */
#include "kernels/simd/simd.h"
#include "kernels/simd/vec.h"

/* Sums of 4 vectors of columns at once: enough additions in flight, and whole cache lines. */
enum { WIDE = 4 };

static inline void sum_wide(real *out, const real *x, size_t x_row, size_t rows, bool accumulate)
{
    vec sum[WIDE];
    AE__UNROLL for (size_t v = 0; v < WIDE; v++) sum[v] = v_zero();
    for (size_t i = 0; i < rows; i++, x += x_row)
        AE__UNROLL for (size_t v = 0; v < WIDE; v++)
            sum[v] = v_add(sum[v], v_load(x + v * AE__LANES));
    AE__UNROLL for (size_t v = 0; v < WIDE; v++) {
        real *o = out + v * AE__LANES;
        v_store(o, accumulate ? v_add(v_load(o), sum[v]) : sum[v]);
    }
}

void AE__SIMD(column_sums)(real *out, const real *x, size_t x_row, size_t rows, size_t n,
                           bool accumulate)
{
    size_t j = 0;
    for (; j + WIDE * AE__LANES <= n; j += WIDE * AE__LANES)
        sum_wide(out + j, x + j, x_row, rows, accumulate);
    for (; j < n; j += AE__LANES) {
        size_t lanes = v_lanes(n - j);
        vec sum = v_zero();
        for (size_t i = 0; i < rows; i++)
            sum = v_add(sum, v_load_n(x + i * x_row + j, lanes));
        v_store_n(out + j, accumulate ? v_add(v_load_n(out + j, lanes), sum) : sum, lanes);
    }
}

/* Partial sum l takes elements l, l + 16, l + 32, ...: the same at every level. */
double AE__SIMD(sum_squares)(const real *x, size_t n)
{
    enum { PARTS = 16 };
    double part[PARTS] = {0}, sum = 0;
    size_t whole = n / PARTS * PARTS;
    for (size_t i = 0; i < whole; i += PARTS)
        AE__UNROLL for (size_t l = 0; l < PARTS; l++)
            part[l] += (double)x[i + l] * (double)x[i + l];
    for (size_t i = whole; i < n; i++)
        part[i - whole] += (double)x[i] * (double)x[i];
    for (size_t l = 0; l < PARTS; l++)
        sum += part[l];
    return sum;
}

void AE__SIMD(from_u8)(real *restrict y, const uint8_t *restrict x, size_t n, real scale,
                       real offset)
{
    for (size_t i = 0; i < n; i++)
        y[i] = (real)x[i] * scale + offset;
}

void AE__SIMD(from_i16)(real *restrict y, const int16_t *restrict x, size_t n, real scale,
                        real offset)
{
    for (size_t i = 0; i < n; i++)
        y[i] = (real)x[i] * scale + offset;
}

void AE__SIMD(from_f64)(real *restrict y, const double *restrict x, size_t n, double scale,
                        double offset)
{
    for (size_t i = 0; i < n; i++)
        y[i] = (real)(x[i] * scale + offset);
}

void AE__SIMD(rescale)(real *restrict y, const double *restrict shift,
                       const double *restrict factor, size_t n)
{
    for (size_t j = 0; j < n; j++)
        y[j] = (real)(((double)y[j] - shift[j]) * factor[j]);
}

/* y == x is allowed, so that the compiler has to ask before it vectorises: we do it ourselves. */
void AE__SIMD(from_f32)(real *y, const float *x, size_t n, real scale, real offset)
{
#ifdef AE_DOUBLE
    for (size_t i = 0; i < n; i++)
        y[i] = (real)x[i] * scale + offset;
#else
    const vec factor = v_set1(scale), shift = v_set1(offset);
    for (size_t i = 0; i < n; i += AE__LANES) {
        size_t lanes = v_lanes(n - i);
        v_store_n(y + i, v_add(v_mul(v_load_n(x + i, lanes), factor), shift), lanes);
    }
#endif
}
