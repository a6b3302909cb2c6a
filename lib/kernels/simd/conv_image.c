/* Convolution tiles of one image, with channels in the lanes: a number of the input meets a vector
 * of weights. The order of every sum is that of conv_block.c. */
#include "kernels/simd/simd.h"
#include "kernels/simd/vec.h"

enum { VECS = 2 };

typedef struct sums {
    vec at[AE__TILE_PIXELS][VECS];
} sums;

/* Vector v of `vecs` from p; the last has t->tail channels. */
static inline vec load(const ae__conv_tile *t, const real *p, size_t v, size_t vecs)
{
    p += v * AE__LANES;
    return v + 1 == vecs ? v_load_n(p, t->tail) : v_load(p);
}

/* vecs and pixels are constants wherever these are called. */
static inline __attribute__((always_inline)) void add_taps(const ae__conv_tile *t, sums *sum,
                                                           const size_t vecs, const size_t pixels)
{
    const real *const *in = t->in, *w = t->w;
    const size_t run = t->run, w_row = t->w_row;
    for (size_t tap = 0; tap < t->taps; tap++, in += t->in_step) {
        const real *x[AE__TILE_PIXELS];
        AE__UNROLL for (size_t p = 0; p < pixels; p++) x[p] = in[p] + tap * t->tap_step;
        for (size_t i = 0; i < run; i++, w += w_row) {
            vec weight[VECS];
            AE__UNROLL for (size_t v = 0; v < vecs; v++) weight[v] = load(t, w, v, vecs);
            AE__UNROLL for (size_t p = 0; p < pixels; p++) {
                const vec broadcast = v_set1(x[p][i]);
                AE__UNROLL for (size_t v = 0; v < vecs; v++)
                    sum->at[p][v] = v_fma(broadcast, weight[v], sum->at[p][v]);
            }
        }
    }
}

static inline __attribute__((always_inline)) void finish(const ae__conv_tile *t, sums *sum,
                                                         const size_t vecs, const size_t pixels)
{
    const vec floor = v_set1(t->floor), zero = v_zero();
    vec bias[VECS] = {zero, zero};
    if (t->bias)
        AE__UNROLL for (size_t v = 0; v < vecs; v++)
            bias[v] = v_add(load(t, t->bias, v, vecs), zero);
    AE__UNROLL for (size_t p = 0; p < pixels; p++)
        AE__UNROLL for (size_t v = 0; v < vecs; v++)
            sum->at[p][v] = v_max(floor, v_add(sum->at[p][v], bias[v]));
    if (t->gate)
        AE__UNROLL for (size_t p = 0; p < pixels; p++)
            AE__UNROLL for (size_t v = 0; v < vecs; v++) {
                const vec gate = load(t, t->gate + t->at[p], v, vecs);
                sum->at[p][v] = v_select(v_less(zero, gate), sum->at[p][v], zero);
            }
}

static inline __attribute__((always_inline)) void run_tile(const ae__conv_tile *t,
                                                           const size_t vecs, const size_t pixels)
{
    sums sum;
    AE__UNROLL for (size_t p = 0; p < pixels; p++)
        AE__UNROLL for (size_t v = 0; v < vecs; v++) sum.at[p][v] = v_zero();
    add_taps(t, &sum, vecs, pixels);
    finish(t, &sum, vecs, pixels);
    const size_t tail = t->tail;
    real *out[AE__TILE_PIXELS]; /* known before the first store, which might change t */
    AE__UNROLL for (size_t p = 0; p < pixels; p++) out[p] = t->out + t->at[p];
    AE__UNROLL for (size_t p = 0; p < pixels; p++) {
        if (vecs == VECS) v_store(out[p], sum.at[p][0]);
        v_store_n(out[p] + (vecs - 1) * AE__LANES, sum.at[p][vecs - 1], tail);
    }
}

static void two(const ae__conv_tile *t) { run_tile(t, 2, AE__CONV_ROWS_2); }
static void one(const ae__conv_tile *t) { run_tile(t, 1, AE__CONV_ROWS_1); }

const ae__conv_shape AE__SIMD(conv_rows)[] = {
    {AE__LANES + 1, 2 * AE__LANES, AE__CONV_ROWS_2, two},
    {1, AE__LANES, AE__CONV_ROWS_1, one},
};
