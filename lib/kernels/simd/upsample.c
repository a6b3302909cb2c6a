/* Upsampling by whole factors. A pixel is a run of n reals, as in pool.c. */
#include "kernels/simd/simd.h"
#include "kernels/simd/vec.h"

#include "base/size.h"

#include "ae/ae.h"

#include <string.h>

/* Cell i of y along one axis is (1 - part) of cell `first` of x and part of cell `next`. Its centre
 * lies at (i + 1/2) / factor - 1/2, cut to the first centre and the last. */
typedef struct mix {
    size_t first, next;
    real part;
} mix;

static mix mix_of(size_t i, size_t factor, size_t count)
{
    const size_t halves = 2 * i + 1 > factor ? 2 * i + 1 - factor : 0;
    const size_t first = halves / (2 * factor);
    return (mix){first, ae__min_size(first + 1, count - 1),
                 (real)(halves % (2 * factor)) / (real)(2 * factor)};
}

/* The four cells of x that a cell of y is made of, and their weights. */
typedef struct corners {
    size_t at[4];
    real weight[4];
} corners;

static corners corners_of(const ae__upsampling *u, mix row, mix col, size_t n)
{
    const size_t up = row.first * u->x_w, down = row.next * u->x_w;
    const real top = 1 - row.part, left = 1 - col.part;
    return (corners){.at = {(up + col.first) * n, (up + col.next) * n, (down + col.first) * n,
                            (down + col.next) * n},
                     .weight = {top * left, top * col.part, row.part * left, row.part * col.part}};
}

static void blend(real *y, const real *x, const corners *c, size_t n)
{
    for (size_t i = 0; i < n; i += AE__LANES) {
        const size_t lanes = v_lanes(n - i);
        vec sum = v_zero();
        for (size_t k = 0; k < 4; k++)
            sum = v_fma(v_set1(c->weight[k]), v_load_n(x + c->at[k] + i, lanes), sum);
        v_store_n(y + i, sum, lanes);
    }
}

/* One corner after the other, since they may be the same. */
static void spread(real *dx, const real *dy, const corners *c, size_t n)
{
    for (size_t i = 0; i < n; i += AE__LANES) {
        const size_t lanes = v_lanes(n - i);
        const vec d = v_load_n(dy + i, lanes);
        AE__UNROLL for (size_t k = 0; k < 4; k++) {
            real *to = dx + c->at[k] + i;
            v_store_n(to, v_fma(v_set1(c->weight[k]), d, v_load_n(to, lanes)), lanes);
        }
    }
}

/* Each row of x is repeated along the columns, and the row of y that makes along the rows. */
static void repeat(const ae__upsampling *u, real *y, const real *x, size_t n)
{
    const size_t row = u->x_w * u->factor_w * n;
    for (size_t i = 0; i < u->x_h; i++) {
        const real *first = y;
        for (size_t j = 0; j < u->x_w; j++, x += n)
            for (size_t k = 0; k < u->factor_w; k++, y += n) memcpy(y, x, n * sizeof *y);
        for (size_t k = 1; k < u->factor_h; k++, y += row) memcpy(y, first, row * sizeof *y);
    }
}

void AE__SIMD(upsample)(const ae__upsampling *u, real *y, const real *x, size_t n)
{
    if (!u->bilinear) {
        repeat(u, y, x, n);
        return;
    }
    for (size_t i = 0; i < u->x_h * u->factor_h; i++) {
        const mix row = mix_of(i, u->factor_h, u->x_h);
        for (size_t j = 0; j < u->x_w * u->factor_w; j++, y += n) {
            const corners c = corners_of(u, row, mix_of(j, u->factor_w, u->x_w), n);
            blend(y, x, &c, n);
        }
    }
}

/* A cell of x gets the sum of the factor_h x factor_w cells that repeat it. */
static void sum_repeated(const ae__upsampling *u, real *dx, const real *dy, size_t n)
{
    const size_t row = u->x_w * u->factor_w * n;
    for (size_t cell = 0; cell < u->x_h * u->x_w; cell++, dx += n) {
        const real *from = dy + cell / u->x_w * u->factor_h * row + cell % u->x_w * u->factor_w * n;
        for (size_t i = 0; i < n; i += AE__LANES) {
            const size_t lanes = v_lanes(n - i);
            vec sum = v_zero();
            for (size_t k = 0; k < u->factor_h; k++)
                for (size_t l = 0; l < u->factor_w; l++)
                    sum = v_add(sum, v_load_n(from + k * row + l * n + i, lanes));
            v_store_n(dx + i, sum, lanes);
        }
    }
}

void AE__SIMD(upsample_back)(const ae__upsampling *u, int32_t act, real slope, real *dx,
                             const real *dy, const real *x, size_t n)
{
    const size_t all = u->x_h * u->x_w * n;
    if (!u->bilinear) {
        sum_repeated(u, dx, dy, n);
    } else {
        memset(dx, 0, all * sizeof *dx);
        for (size_t i = 0; i < u->x_h * u->factor_h; i++) {
            const mix row = mix_of(i, u->factor_h, u->x_h);
            for (size_t j = 0; j < u->x_w * u->factor_w; j++, dy += n) {
                const corners c = corners_of(u, row, mix_of(j, u->factor_w, u->x_w), n);
                spread(dx, dy, &c, n);
            }
        }
    }
    if (act != AE_ACT_LINEAR) AE__SIMD(derive)(act, slope, dx, dx, x, all);
}
