/* Convolution tiles of one image, with channels in the lanes: a number of the input meets a vector
 * of weights. The order of every sum is that of conv_block.c. */
#include "kernels/simd/conv.h"

enum { VECS = 2, FEW = AE__CONV_ROWS_2, MANY = AE__CONV_ROWS_1 };

typedef struct sums {
    vec at[AE__MOST_PIXELS][VECS];
} sums;

/* Vector v of `vecs` from p, of which the last has t->tail channels if it is partial. */
static inline vec load(const conv_tile *t, const real *p, size_t v, size_t vecs, bool partial)
{
    p += v * AE__LANES;
    return partial && v + 1 == vecs ? v_load_n(p, t->tail) : v_load(p);
}

/* vecs, pixels and partial are constants wherever these are called. */
static inline __attribute__((always_inline)) void add_taps(const conv_tile *t, sums *sum,
                                                           const size_t vecs, const size_t pixels,
                                                           const bool partial)
{
    const real *const *in = t->in, *w = t->w;
    const size_t run = t->run, w_row = t->w_row;
    for (size_t tap = 0; tap < t->taps; tap++, in += t->in_step) {
        const real *x[AE__MOST_PIXELS];
        AE__UNROLL for (size_t p = 0; p < pixels; p++) x[p] = in[p] + tap * t->tap_step;
        for (size_t i = 0; i < run; i++, w += w_row) {
            vec weight[VECS];
            AE__UNROLL for (size_t v = 0; v < vecs; v++) weight[v] = load(t, w, v, vecs, partial);
            AE__UNROLL for (size_t p = 0; p < pixels; p++) {
                const vec broadcast = v_set1(x[p][i]);
                AE__UNROLL for (size_t v = 0; v < vecs; v++)
                    sum->at[p][v] = v_fma(broadcast, weight[v], sum->at[p][v]);
            }
        }
    }
}

static inline __attribute__((always_inline)) void finish(const conv_tile *t, sums *sum,
                                                         const size_t vecs, const size_t pixels,
                                                         const bool partial)
{
    const vec floor = v_set1(t->floor);
    AE__UNROLL for (size_t v = 0; v < vecs; v++) {
        const vec zero = v_zero();
        const vec bias = t->bias ? v_add(load(t, t->bias, v, vecs, partial), zero) : zero;
        AE__UNROLL for (size_t p = 0; p < pixels; p++)
            sum->at[p][v] = v_add(sum->at[p][v], bias);
    }
    AE__UNROLL for (size_t p = 0; p < pixels; p++)
        AE__UNROLL for (size_t v = 0; v < vecs; v++)
            sum->at[p][v] = v_max(floor, sum->at[p][v]);
    if (t->gate)
        AE__UNROLL for (size_t p = 0; p < pixels; p++)
            AE__UNROLL for (size_t v = 0; v < vecs; v++) {
                const vec gate = load(t, t->gate + t->at[p], v, vecs, partial);
                sum->at[p][v] = v_select(v_less(v_zero(), gate), sum->at[p][v], v_zero());
            }
}

static inline __attribute__((always_inline)) void run_tile(const conv_tile *t, const size_t vecs,
                                                           const size_t pixels, const bool partial)
{
    sums sum;
    AE__UNROLL for (size_t p = 0; p < pixels; p++)
        AE__UNROLL for (size_t v = 0; v < vecs; v++) sum.at[p][v] = v_zero();
    if (!t->first)
        AE__UNROLL for (size_t p = 0; p < pixels; p++)
            AE__UNROLL for (size_t v = 0; v < vecs; v++)
                sum.at[p][v] = load(t, t->out + t->at[p], v, vecs, partial);
    add_taps(t, &sum, vecs, pixels, partial);
    if (t->last) finish(t, &sum, vecs, pixels, partial);
    const size_t tail = t->tail;
    real *out[AE__MOST_PIXELS]; /* known before the first store, which might change t */
    AE__UNROLL for (size_t p = 0; p < pixels; p++) out[p] = t->out + t->at[p];
    AE__UNROLL for (size_t p = 0; p < pixels; p++)
        AE__UNROLL for (size_t v = 0; v < vecs; v++) {
            if (partial && v + 1 == vecs)
                v_store_n(out[p] + v * AE__LANES, sum.at[p][v], tail);
            else
                v_store(out[p] + v * AE__LANES, sum.at[p][v]);
        }
}

static void whole_many(const conv_tile *t) { run_tile(t, 2, FEW, false); }
static void whole_one(const conv_tile *t) { run_tile(t, 2, 1, false); }
static void two_many(const conv_tile *t) { run_tile(t, 2, FEW, true); }
static void two_one(const conv_tile *t) { run_tile(t, 2, 1, true); }
static void one_many(const conv_tile *t) { run_tile(t, 1, MANY, true); }
static void one_one(const conv_tile *t) { run_tile(t, 1, 1, true); }

const conv_shape AE__SIMD(conv_image_tiles)[] = {
    {2 * AE__LANES, 2 * AE__LANES, FEW, whole_many, whole_one},
    {AE__LANES + 1, 2 * AE__LANES, FEW, two_many, two_one},
    {1, AE__LANES, MANY, one_many, one_one},
};
