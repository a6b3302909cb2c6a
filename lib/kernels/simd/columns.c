/* Matrices whose columns have numbers of their own: those of the channel that a column is of. */
#include "kernels/simd/simd.h"
#include "kernels/simd/vec.h"

/* 4 vectors of columns at once: enough sums in flight, and whole cache lines. */
enum { WIDE = 4 };

typedef struct moments {
    vec sum, product;
} moments;

/* One row of the vector of columns from j on. */
static inline moments add_row(const ae__column_moments *m, size_t i, size_t j, size_t lanes,
                              moments to)
{
    vec a = v_load_n(m->u + i * m->u_row + j, lanes), b = v_load_n(m->v + i * m->v_row + j, lanes);
    if (m->u_shift) a = v_sub(a, v_load_n(m->u_shift + j, lanes));
    b = v_sub(b, v_load_n(m->v_shift + j, lanes));
    return (moments){v_add(to.sum, a), v_fma(a, b, to.product)};
}

void AE__SIMD(column_moments)(const ae__column_moments *m, real *sums, real *products)
{
    size_t j = 0;
    for (; j + WIDE * AE__LANES <= m->n; j += WIDE * AE__LANES) {
        moments of[WIDE];
        for (size_t k = 0; k < WIDE; k++)
            of[k] = (moments){v_zero(), v_zero()};
        for (size_t i = 0; i < m->rows; i++)
            for (size_t k = 0; k < WIDE; k++)
                of[k] = add_row(m, i, j + k * AE__LANES, AE__LANES, of[k]);
        for (size_t k = 0; k < WIDE; k++) {
            v_store(sums + j + k * AE__LANES, of[k].sum);
            v_store(products + j + k * AE__LANES, of[k].product);
        }
    }
    for (; j < m->n; j += AE__LANES) {
        const size_t lanes = v_lanes(m->n - j);
        moments of = {v_zero(), v_zero()};
        for (size_t i = 0; i < m->rows; i++)
            of = add_row(m, i, j, lanes, of);
        v_store_n(sums + j, of.sum, lanes);
        v_store_n(products + j, of.product, lanes);
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
