/* Pooling. A pixel is a run of n reals; nothing here asks whether these are channels or vectors of
 * images. */
#include "kernels/simd/simd.h"
#include "kernels/simd/vmath.h"

#include "base/size.h"

#include <string.h>

/* The cells of x under one window: rows x cols from `first`. */
typedef struct window {
    size_t first, rows, cols;
} window;

static window window_of(const ae__pooling *p, size_t i, size_t j)
{
    const size_t top = i * p->stride_h, left = j * p->stride_w;
    const size_t y = top > p->pad_top ? top - p->pad_top : 0;
    const size_t x = left > p->pad_left ? left - p->pad_left : 0;
    return (window){.first = y * p->x_w + x,
                    .rows = ae__min_size(top + p->kernel_h - p->pad_top, p->x_h) - y,
                    .cols = ae__min_size(left + p->kernel_w - p->pad_left, p->x_w) - x};
}

/* A NaN stays, and a NaN that comes is taken. */
static inline vec larger(vec most, vec x)
{
    return v_select(v_nan(x), x, v_max(x, most));
}

/* One vector of a cell of y; x: the same vector of the window's first cell. */
static inline vec largest(const real *x, const window *w, size_t row, size_t col, size_t lanes)
{
    vec most = v_load_n(x, lanes);
    for (size_t i = 0; i < w->rows; i++)
        for (size_t j = i == 0; j < w->cols; j++)
            most = larger(most, v_load_n(x + i * row + j * col, lanes));
    return most;
}

static inline vec mean(const real *x, const window *w, size_t row, size_t col, size_t lanes)
{
    vec sum = v_zero();
    for (size_t i = 0; i < w->rows; i++)
        for (size_t j = 0; j < w->cols; j++)
            sum = v_add(sum, v_load_n(x + i * row + j * col, lanes));
    return v_div(sum, v_set1((real)(w->rows * w->cols)));
}

void AE__SIMD(pool)(const ae__pooling *p, real *y, const real *x, size_t n)
{
    const size_t row = p->x_w * n;
    for (size_t cell = 0; cell < p->y_h * p->y_w; cell++, y += n) {
        const window w = window_of(p, cell / p->y_w, cell % p->y_w);
        const real *from = x + w.first * n;
        for (size_t i = 0; i < n; i += AE__LANES) {
            const size_t lanes = v_lanes(n - i);
            vec out = p->average ? mean(from + i, &w, row, n, lanes)
                                 : largest(from + i, &w, row, n, lanes);
            v_store_n(y + i, out, lanes);
        }
    }
}

/* What a window gives to its cells. A cell that no other window has is written, not added to. */
typedef struct giver {
    window w;
    size_t row, col;
    bool alone;
} giver;

static inline void give(const giver *g, real *dx, vec d, size_t lanes)
{
    if (!g->alone) d = v_add(v_load_n(dx, lanes), d);
    v_store_n(dx, d, lanes);
}

/* All to the first of the largest cells. */
static inline void give_largest(const giver *g, real *dx, const real *x, vec d, vec y, size_t lanes)
{
    for (size_t i = 0; i < g->w.rows; i++)
        for (size_t j = 0; j < g->w.cols; j++) {
            const size_t at = i * g->row + j * g->col;
            const vmask below = v_less(v_load_n(x + at, lanes), y);
            give(g, dx + at, v_select(below, v_zero(), d), lanes);
            d = v_select(below, d, v_zero());
        }
}

static inline void give_shares(const giver *g, real *dx, vec d, size_t lanes)
{
    d = v_div(d, v_set1((real)(g->w.rows * g->w.cols)));
    for (size_t i = 0; i < g->w.rows; i++)
        for (size_t j = 0; j < g->w.cols; j++) give(g, dx + i * g->row + j * g->col, d, lanes);
}

/* Whether every cell of x lies in a window. */
static bool covers(const ae__pooling *p)
{
    return p->stride_h <= p->kernel_h && p->stride_w <= p->kernel_w &&
           (p->y_h - 1) * p->stride_h + p->kernel_h >= p->x_h + p->pad_top &&
           (p->y_w - 1) * p->stride_w + p->kernel_w >= p->x_w + p->pad_left;
}

/* The largest cell equals y, so that there the derivative below is that at y. */
void AE__SIMD(pool_back)(const ae__pooling *p, int32_t act, real slope, real *dx, const real *dy,
                         const real *x, const real *y, size_t n)
{
    const size_t all = p->x_h * p->x_w * n;
    const vec s = v_set1(slope);
    giver g = {.row = p->x_w * n, .col = n};
    g.alone = p->stride_h >= p->kernel_h && p->stride_w >= p->kernel_w;
    if (!g.alone || !covers(p)) memset(dx, 0, all * sizeof *dx);
    for (size_t cell = 0; cell < p->y_h * p->y_w; cell++, y += n, dy += n) {
        g.w = window_of(p, cell / p->y_w, cell % p->y_w);
        const size_t first = g.w.first * n;
        for (size_t i = 0; i < n; i += AE__LANES) {
            const size_t lanes = v_lanes(n - i);
            const vec d = v_load_n(dy + i, lanes), out = v_load_n(y + i, lanes);
            if (p->average)
                give_shares(&g, dx + first + i, d, lanes);
            else
                give_largest(&g, dx + first + i, x + first + i, v_derive(act, s, d, out), out,
                             lanes);
        }
    }
    if (p->average && act != AE_ACT_LINEAR) AE__SIMD(derive)(act, slope, dx, dx, x, all);
}
