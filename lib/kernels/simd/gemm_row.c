/* A product with a single row, where nothing is used twice: the sums of many vectors of columns, or
 * of 4 blocks of k, are in flight together, since one alone would wait for its last multiply-add. */
#include "kernels/simd/simd.h"
#include "kernels/simd/vec.h"

#include "base/size.h"

enum { WIDE = AE__WIDE, BLOCKS = 4 };

/* c (1 x cols) = or += a (1 x k) b (k x cols), blocks [first, first + blocks) of k */
typedef struct strip {
    const ae__gemm_block *g;
    size_t step; /* terms of a block */
    size_t a_step, b_step; /* from a block to the next */
    size_t first, col;
    size_t tail; /* columns of the last vector */
} strip;

/* Most often the last vector is whole, and its load then part of the multiply-add. */
static inline vec load_lanes(const real *p, size_t lanes)
{
    return lanes == AE__LANES ? v_load(p) : v_load_n(p, lanes);
}

static inline size_t lanes_of(const strip *s, size_t v, size_t vecs)
{
    return v + 1 == vecs ? s->tail : AE__LANES;
}

/* Term p of each block; blocks and vecs are constants wherever this is called. */
static inline __attribute__((always_inline)) void add_terms(vec sum[BLOCKS][WIDE], const strip *s,
                                                            const real *a, const real *b,
                                                            const size_t blocks, const size_t vecs)
{
    AE__UNROLL for (size_t q = 0; q < blocks; q++, a += s->a_step, b += s->b_step) {
        vec x = v_set1(*a);
        AE__UNROLL for (size_t v = 0; v < vecs; v++) {
            vec y = load_lanes(b + v * AE__LANES, lanes_of(s, v, vecs));
            sum[q][v] = v_fma(x, y, sum[q][v]);
        }
    }
}

static inline __attribute__((always_inline)) void run_strip(const strip *s, const size_t blocks,
                                                            const size_t vecs)
{
    const ae__gemm_block *g = s->g;
    const size_t end = (s->first + blocks) * s->step;
    const size_t last = s->step - (end > g->k ? end - g->k : 0);
    const real *a = g->a + s->first * s->a_step, *b = g->b + s->first * s->b_step + s->col;
    real *c = g->c + s->col;
    vec sum[BLOCKS][WIDE];
    AE__UNROLL for (size_t q = 0; q < blocks; q++)
        AE__UNROLL for (size_t v = 0; v < vecs; v++) sum[q][v] = v_zero();

    size_t p = 0;
    for (; p < last; p++, a += g->a_col, b += g->b_row)
        add_terms(sum, s, a, b, blocks, vecs);
    for (; p < s->step; p++, a += g->a_col, b += g->b_row)
        add_terms(sum, s, a, b, blocks - 1, vecs); /* the last block is shorter */

    AE__UNROLL for (size_t v = 0; v < vecs; v++, c += AE__LANES) {
        size_t lanes = lanes_of(s, v, vecs);
        vec total = sum[0][v];
        if (g->accumulate || s->first > 0) total = v_add(v_load_n(c, lanes), total);
        AE__UNROLL for (size_t q = 1; q < blocks; q++) total = v_add(total, sum[q][v]);
        v_store_n(c, total, lanes);
    }
}

/* One function each, so that every sum gets a register. */
static void wide(const strip *s) { run_strip(s, 1, WIDE); }
static void four_by_1(const strip *s) { run_strip(s, 1, 4); }
static void pair_by_4(const strip *s) { run_strip(s, 4, 2); }
static void pair_by_2(const strip *s) { run_strip(s, 2, 2); }
static void pair_by_1(const strip *s) { run_strip(s, 1, 2); }
static void one_by_4(const strip *s) { run_strip(s, 4, 1); }
static void one_by_2(const strip *s) { run_strip(s, 2, 1); }
static void one_by_1(const strip *s) { run_strip(s, 1, 1); }

/* Vectors of columns that the next strip takes: WIDE, 4, 2 or 1, and blocks of k: 4, 2 or 1. */
static void run_column(strip *s, size_t vecs, size_t blocks)
{
    for (size_t taken; s->first < blocks; s->first += taken) {
        size_t left = blocks - s->first;
        taken = vecs >= 4 ? 1 : left >= 4 ? 4 : left >= 2 ? 2 : 1;
        if (vecs == WIDE)
            wide(s);
        else if (vecs == 4)
            four_by_1(s);
        else if (vecs == 2)
            (taken == 4 ? pair_by_4 : taken == 2 ? pair_by_2 : pair_by_1)(s);
        else
            (taken == 4 ? one_by_4 : taken == 2 ? one_by_2 : one_by_1)(s);
    }
}

void AE__SIMD(gemm_row)(const ae__gemm_block *g)
{
    const size_t step = ae__k_step(g->k);
    strip s = {.g = g, .step = step, .a_step = step * g->a_col, .b_step = step * g->b_row};
    const size_t blocks = ae__few_blocks(g->k, step);
    while (s.col < g->n) {
        size_t left = g->n - s.col;
        size_t vecs = left >= WIDE * AE__LANES ? WIDE
                      : left > 3 * AE__LANES   ? 4
                      : left > AE__LANES       ? 2
                                               : 1;
        size_t cols = ae__min_size(left, vecs * AE__LANES);
        s.first = 0;
        s.tail = cols - (vecs - 1) * AE__LANES;
        run_column(&s, vecs, blocks);
        s.col += cols;
    }
}
