/* One thread's block of a product whose A is mostly 0, with neighbours that are 0 together. Of each strip
 * of rows the terms that one of them has are listed, block of k by block of k, and only these are
 * multiplied, in the order that gemm.c has. What is left out, 0 b, changes no sum of finite numbers but
 * the sign of a 0, where all other terms are too small for a number. */
#include "kernels/simd/simd.h"
#include "kernels/simd/vec.h"

#include <string.h>

#include "base/size.h"

enum {
    STRIP = AE__STRIP,
    VECS = AE__WIDE / STRIP,
    STRIPS = 8, /* that are listed before a panel of B passes by */
};

/* Rows of A and of C, and which terms of a block of k one of them has. */
typedef struct strip {
    const real *a[STRIP]; /* the first one again where there are fewer */
    real *c;
    size_t rows, count;
    uint32_t at[AE__K_BLOCK + AE__LANES]; /* a vector's places may be written beyond `count` */
} strip;

typedef struct block {
    const ae__gemm_block *g;
    size_t first, k; /* terms */
    size_t n_strips;
    strip strips[STRIPS];
} block;

/* Rows one after the other. */
static void list_rows(strip *s, size_t k)
{
    const real *a[STRIP];
    size_t count = 0;
    memcpy(a, s->a, sizeof a);
    for (size_t p = 0; p < k; p += AE__LANES) {
        const size_t lanes = v_lanes(k - p);
        vec any = v_load_n(a[0] + p, lanes);
        AE__UNROLL for (size_t i = 1; i < STRIP; i++) any = v_or(any, v_load_n(a[i] + p, lanes));
        count += v_places(s->at + count, p, v_nonzero(any));
    }
    s->count = count;
}

/* Rows side by side: the strips of a vector. */
static void list_columns(strip *s, size_t strips, size_t k, size_t a_col)
{
    uint16_t bits[AE__K_BLOCK + AE__LANES]; /* of each term: which rows have it */
    const real *a = s->a[0];
    const size_t rows = (strips - 1) * STRIP + s[strips - 1].rows;
    for (size_t p = 0; p < k; p++, a += a_col) bits[p] = (uint16_t)v_nonzero(v_load_n(a, rows));
    memset(bits + k, 0, AE__LANES * sizeof *bits);
    for (size_t i = 0; i < strips; i++) {
        const unsigned own = ((1u << STRIP) - 1) << STRIP * i;
        size_t count = 0;
        for (size_t p = 0; p < k; p += AE__LANES)
            count += v_places(s[i].at + count, p, v_any(bits + p, own));
        s[i].count = count;
    }
}

/* Rows `row` and following. */
static void list_strips(block *t, size_t row)
{
    const ae__gemm_block *g = t->g;
    const size_t vector = AE__LANES / STRIP;
    t->n_strips = ae__min_size(STRIPS, ae__blocks(g->m - row, STRIP));
    for (size_t i = 0; i < t->n_strips; i++, row += STRIP) {
        strip *s = &t->strips[i];
        s->rows = ae__min_size(STRIP, g->m - row);
        for (size_t r = 0; r < STRIP; r++)
            s->a[r] = g->a + (row + (r < s->rows ? r : 0)) * g->a_row + t->first * g->a_col;
        s->c = g->c + row * g->c_row;
    }
    if (g->a_col == 1)
        for (size_t i = 0; i < t->n_strips; i++) list_rows(&t->strips[i], t->k);
    else
        for (size_t i = 0; i < t->n_strips; i += vector)
            list_columns(&t->strips[i], ae__min_size(vector, t->n_strips - i), t->k, g->a_col);
}

/* A strip and `vecs` vectors of columns from col on, of the last one `tail`; vecs and partial are
 * constants wherever this is called. */
static inline __attribute__((always_inline)) void run_tile(const block *t, const strip *s, size_t col,
                                                           size_t tail, const size_t vecs,
                                                           const bool partial)
{
    const ae__gemm_block *g = t->g;
    const real *b = g->b + t->first * g->b_row + col;
    const size_t a_col = g->a_col, b_row = g->b_row, count = s->count;
    vec sum[STRIP][VECS];
    AE__UNROLL for (size_t r = 0; r < STRIP; r++)
        AE__UNROLL for (size_t v = 0; v < vecs; v++) sum[r][v] = v_zero();

    for (size_t i = 0; i < count; i++) {
        const size_t p = s->at[i];
        const real *row = b + p * b_row;
        vec y[VECS];
        AE__UNROLL for (size_t v = 0; v < vecs; v++) {
            const bool part = partial && v + 1 == vecs;
            y[v] = part ? v_load_n(row + v * AE__LANES, tail) : v_load(row + v * AE__LANES);
        }
        AE__UNROLL for (size_t r = 0; r < STRIP; r++) {
            vec x = v_set1(s->a[r][p * a_col]);
            AE__UNROLL for (size_t v = 0; v < vecs; v++) sum[r][v] = v_fma(x, y[v], sum[r][v]);
        }
    }

    const bool add = g->accumulate || t->first > 0;
    AE__UNROLL for (size_t r = 0; r < STRIP; r++) {
        if (r >= s->rows) break;
        real *c = s->c + r * g->c_row + col;
        AE__UNROLL for (size_t v = 0; v < vecs; v++, c += AE__LANES) {
            const size_t lanes = partial && v + 1 == vecs ? tail : AE__LANES;
            v_store_n(c, add ? v_add(v_load_n(c, lanes), sum[r][v]) : sum[r][v], lanes);
        }
    }
}

/* All strips and a panel of `cols` columns. */
static void run_panel(const block *t, size_t col, size_t cols)
{
    const strip *s = t->strips, *end = s + t->n_strips;
    if (cols == VECS * AE__LANES)
        for (; s < end; s++) run_tile(t, s, col, AE__LANES, VECS, false);
    else if (cols > AE__LANES)
        for (; s < end; s++) run_tile(t, s, col, cols - AE__LANES, 2, true);
    else
        for (; s < end; s++) run_tile(t, s, col, cols, 1, true);
}

void AE__SIMD(gemm_skip)(const ae__gemm_block *g)
{
    const size_t step = ae__k_step(g->k), wide = VECS * AE__LANES;
    block t;
    t.g = g;
    for (t.first = 0; t.first < g->k; t.first += step) {
        t.k = ae__min_size(step, g->k - t.first);
        for (size_t row = 0; row < g->m; row += STRIPS * STRIP) {
            list_strips(&t, row);
            for (size_t j = 0, cols; j < g->n; j += cols) {
                cols = ae__min_size(g->n - j >= wide ? wide : AE__NR, g->n - j);
                run_panel(&t, j, cols);
            }
        }
    }
}
