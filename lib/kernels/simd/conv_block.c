/* Convolution tiles with images in the lanes: a vector of the input meets one weight in all lanes. */
#include "kernels/simd/simd.h"
#include "kernels/simd/vec.h"

typedef struct sums {
    vec at[AE__TILE_PIXELS][AE__TILE_CHANNELS];
} sums;

/* The numbers of channels and pixels are constants wherever these are called. */
static inline __attribute__((always_inline)) void add_taps(const ae__conv_tile *t, sums *sum,
                                                           const size_t channels,
                                                           const size_t pixels)
{
    const real *const *in = t->in, *w = t->w;
    const size_t run = t->run, w_row = t->w_row;
    for (size_t tap = 0; tap < t->taps; tap++, in += t->in_step) {
        const real *x[AE__TILE_PIXELS];
        AE__UNROLL for (size_t p = 0; p < pixels; p++) x[p] = in[p] + tap * t->tap_step;
        for (size_t i = 0; i < run; i += AE__LANES, w += w_row) {
            vec v[AE__TILE_PIXELS];
            AE__UNROLL for (size_t p = 0; p < pixels; p++) v[p] = v_load(x[p] + i);
            AE__UNROLL for (size_t q = 0; q < channels; q++) {
                const vec weight = v_set1(w[q]);
                AE__UNROLL for (size_t p = 0; p < pixels; p++)
                    sum->at[p][q] = v_fma(v[p], weight, sum->at[p][q]);
            }
        }
    }
}

/* Without a bias, too, something is added: it makes one zero of -0 and 0, the only numbers that know
 * how many taps of zeros there were. */
static inline __attribute__((always_inline)) void finish(const ae__conv_tile *t, sums *sum,
                                                         const size_t channels, const size_t pixels)
{
    const vec floor = v_set1(t->floor);
    AE__UNROLL for (size_t q = 0; q < channels; q++) {
        const vec bias = t->bias ? v_add(v_set1(t->bias[q]), v_zero()) : v_zero();
        AE__UNROLL for (size_t p = 0; p < pixels; p++)
            sum->at[p][q] = v_max(floor, v_add(sum->at[p][q], bias));
    }
    if (t->gate)
        AE__UNROLL for (size_t p = 0; p < pixels; p++) {
            const real *gate = t->gate + t->at[p];
            AE__UNROLL for (size_t q = 0; q < channels; q++) {
                const vmask open = v_less(v_zero(), v_load(gate + q * AE__LANES));
                sum->at[p][q] = v_select(open, sum->at[p][q], v_zero());
            }
        }
}

static inline __attribute__((always_inline)) void run_tile(const ae__conv_tile *t,
                                                           const size_t channels,
                                                           const size_t pixels)
{
    sums sum;
    AE__UNROLL for (size_t p = 0; p < pixels; p++)
        AE__UNROLL for (size_t q = 0; q < channels; q++) sum.at[p][q] = v_zero();
    add_taps(t, &sum, channels, pixels);
    finish(t, &sum, channels, pixels);
    real *out[AE__TILE_PIXELS]; /* known before the first store, which might change t */
    AE__UNROLL for (size_t p = 0; p < pixels; p++) out[p] = t->out + t->at[p];
    AE__UNROLL for (size_t p = 0; p < pixels; p++)
        AE__UNROLL for (size_t q = 0; q < channels; q++)
            v_store(out[p] + q * AE__LANES, sum.at[p][q]);
}

#define TILE(channels, pixels, taps)                                                               \
    static void tile_##channels(const ae__conv_tile *t) { run_tile(t, channels, pixels); }
AE__CONV_TILES(TILE)

#define SHAPE(channels, pixels, taps) {channels, channels, pixels, tile_##channels},
const ae__conv_shape AE__SIMD(conv_blocks)[] = {AE__CONV_TILES(SHAPE)};
