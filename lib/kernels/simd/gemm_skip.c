/* One thread's block of a product whose A is mostly 0: of each row the terms that are not are listed,
 * block of k by block of k, and only these are multiplied, in the order that gemm.c has. What is left
 * out, 0 b, changes no sum of finite numbers but the sign of a 0, where all other terms are too small for
 * a number. */
#include "kernels/simd/simd.h"
#include "kernels/simd/vec.h"

#include <string.h>

#include "base/size.h"

enum { WIDE = AE__WIDE };

/* The terms of a row's block of k. */
typedef struct terms {
    size_t count;
    uint16_t at[AE__K_BLOCK];
    const real *a;
    size_t a_col;
    const real *b; /* of column 0 and term 0 */
    size_t b_row;
    real *c;
    bool add;
} terms;

/* Without a branch, which nothing could predict. */
static void list(terms *t, size_t k)
{
    const real *a = t->a;
    size_t count = 0;
    for (size_t p = 0; p < k; p++, a += t->a_col) {
        real_bits bits;
        memcpy(&bits, a, sizeof bits);
        t->at[count] = (uint16_t)p;
        count += bits << 1 != 0; /* the sign does not count; as integers, since NaN has a case of its own */
    }
    t->count = count;
}

/* Columns from `col` on; vecs and partial are constants wherever this is called. */
static inline __attribute__((always_inline)) void run(const terms *t, size_t col, size_t tail,
                                                      const size_t vecs, const bool partial)
{
    const real *b = t->b + col;
    const size_t b_row = t->b_row;
    real *c = t->c + col;
    vec sum[WIDE];
    AE__UNROLL for (size_t v = 0; v < vecs; v++) sum[v] = v_zero();
    for (size_t i = 0; i < t->count; i++) {
        const real *row = b + t->at[i] * b_row;
        vec x = v_set1(t->a[t->at[i] * t->a_col]);
        AE__UNROLL for (size_t v = 0; v < vecs; v++) {
            vec y = partial ? v_load_n(row, tail) : v_load(row + v * AE__LANES);
            sum[v] = v_fma(x, y, sum[v]);
        }
    }
    AE__UNROLL for (size_t v = 0; v < vecs; v++, c += AE__LANES) {
        size_t lanes = partial ? tail : AE__LANES;
        if (t->add) sum[v] = v_add(v_load_n(c, lanes), sum[v]);
        v_store_n(c, sum[v], lanes);
    }
}

static void run_row(const terms *t, size_t n)
{
    size_t j = 0;
    for (; j + WIDE * AE__LANES <= n; j += WIDE * AE__LANES) run(t, j, 0, WIDE, false);
    for (; j + 4 * AE__LANES <= n; j += 4 * AE__LANES) run(t, j, 0, 4, false);
    for (; j + AE__LANES <= n; j += AE__LANES) run(t, j, 0, 1, false);
    if (j < n) run(t, j, n - j, 1, true);
}

void AE__SIMD(gemm_skip)(const ae__gemm_block *g)
{
    const size_t step = ae__k_step(g->k);
    terms t = {.a_col = g->a_col, .b_row = g->b_row};
    for (size_t p = 0; p < g->k; p += step) {
        t.b = g->b + p * g->b_row;
        t.add = g->accumulate || p > 0;
        for (size_t i = 0; i < g->m; i++) {
            t.a = g->a + i * g->a_row + p * g->a_col;
            list(&t, ae__min_size(step, g->k - p));
            t.c = g->c + i * g->c_row;
            run_row(&t, g->n);
        }
    }
}
