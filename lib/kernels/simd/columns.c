/* Matrices whose columns have numbers of their own: those of the channel that a column belongs to. */
#include "kernels/simd/simd.h"
#include "kernels/simd/vec.h"

/* Sums of 4 vectors of columns at once: enough additions in flight, and whole cache lines. */
enum { WIDE = 4 };

/* One row of the vector of columns from j on. */
static inline vec add_product(const ae__column_products *p, size_t i, size_t j, size_t lanes,
                              vec sum)
{
    vec u = v_load_n(p->u + i * p->u_row + j, lanes), v = v_load_n(p->v + i * p->v_row + j, lanes);
    if (p->u_shift) u = v_sub(u, v_load_n(p->u_shift + j, lanes));
    return v_fma(u, v_sub(v, v_load_n(p->v_shift + j, lanes)), sum);
}

void AE__SIMD(column_products)(const ae__column_products *p, real *out)
{
    size_t j = 0;
    for (; j + WIDE * AE__LANES <= p->n; j += WIDE * AE__LANES) {
        vec sum[WIDE];
        for (size_t k = 0; k < WIDE; k++)
            sum[k] = v_zero();
        for (size_t i = 0; i < p->rows; i++)
            for (size_t k = 0; k < WIDE; k++)
                sum[k] = add_product(p, i, j + k * AE__LANES, AE__LANES, sum[k]);
        for (size_t k = 0; k < WIDE; k++)
            v_store(out + j + k * AE__LANES, sum[k]);
    }
    for (; j < p->n; j += AE__LANES) {
        const size_t lanes = v_lanes(p->n - j);
        vec sum = v_zero();
        for (size_t i = 0; i < p->rows; i++)
            sum = add_product(p, i, j, lanes, sum);
        v_store_n(out + j, sum, lanes);
    }
}

static inline void blend_row(const ae__blend *k, real *y, const real *x, const real *u)
{
    for (size_t j = 0; j < k->n; j += AE__LANES) {
        const size_t lanes = v_lanes(k->n - j);
        const vec shifted = v_sub(v_load_n(x + j, lanes), v_load_n(k->shift + j, lanes));
        vec sum = v_fma(v_load_n(k->a + j, lanes), shifted, v_load_n(k->d + j, lanes));
        if (u) sum = v_fma(v_load_n(k->b + j, lanes), v_load_n(u + j, lanes), sum);
        v_store_n(y + j, sum, lanes);
    }
}

void AE__SIMD(blend)(const ae__blend *k, real *y, size_t y_row)
{
    for (size_t i = 0; i < k->rows; i++)
        blend_row(k, y + i * y_row, k->x + i * k->x_row, k->u ? k->u + i * k->u_row : NULL);
}
