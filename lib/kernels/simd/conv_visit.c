/* Gradients of convolution's weights, with images in the lanes: vectors of both tensors meet, and at
 * the end of a visit the lanes are added up. */
#include "kernels/simd/simd.h"
#include "kernels/simd/vec.h"

typedef struct tile {
    vec at[AE__TILE_TAPS * AE__TILE_CHANNELS];
} tile;

static const real zeros[AE__LANES];

/* out[i] = the sum of the lanes of at[i]. Four vectors become one, with a partial sum of each in
 * every group of four lanes; then the groups are added. */
static inline __attribute__((always_inline)) void add_lanes(real *out, tile *sum, const size_t n)
{
    enum { GROUPS = AE__LANES / 4 };
    const size_t fours = (n + 3) / 4;
    real part[(AE__TILE_TAPS * AE__TILE_CHANNELS / 4 + GROUPS) * AE__LANES];
    AE__UNROLL for (size_t i = n; i < 4 * fours; i++) sum->at[i] = v_zero();
    AE__UNROLL for (size_t i = 0; i < fours; i++) {
        vec *q = sum->at + 4 * i;
        v_transpose4(q);
        v_store(part + i * AE__LANES, v_add(v_add(q[0], q[1]), v_add(q[2], q[3])));
    }
    AE__UNROLL for (size_t i = fours; i % GROUPS != 0; i++) v_store(part + i * AE__LANES, v_zero());
    AE__UNROLL for (size_t i = 0; i < fours; i += GROUPS) {
        const real *p = part + i * AE__LANES;
        vec total = v_quads(p, AE__LANES);
        AE__UNROLL for (size_t g = 1; g < GROUPS; g++)
            total = v_add(total, v_quads(p + 4 * g, AE__LANES));
        v_store(out + 4 * i, total);
    }
}

/* channels and taps are constants wherever this is called. */
static inline __attribute__((always_inline)) void run_visit(const ae__conv_visit *v, const size_t channels,
                                                            const size_t taps)
{
    const size_t centre_col = v->centre_col;
    tile sum;
    AE__UNROLL for (size_t t = 0; t < taps; t++)
        AE__UNROLL for (size_t q = 0; q < channels; q++) sum.at[t * channels + q] = v_zero();
    for (size_t r = 0; r < v->rows; r++) {
        const real *centre = v->centre + r * v->centre_row, *tap[AE__TILE_TAPS];
        size_t step[AE__TILE_TAPS];
        AE__UNROLL for (size_t t = 0; t < taps; t++) {
            const size_t row = v->row[t] + r * v->row_step; /* beyond all where it is negative */
            const bool there = row < v->tap_rows;
            tap[t] = there ? v->tap[t] + row * v->tap_row : zeros;
            step[t] = there ? v->tap_col : 0;
        }
        for (size_t i = v->cols; i > 0; i--, centre += centre_col) {
            vec x[AE__TILE_TAPS];
            AE__UNROLL for (size_t t = 0; t < taps; t++) {
                x[t] = v_load(tap[t]);
                tap[t] += step[t];
            }
            AE__UNROLL for (size_t q = 0; q < channels; q++) {
                const vec y = v_keep(v_load(centre + q * AE__LANES));
                AE__UNROLL for (size_t t = 0; t < taps; t++)
                    sum.at[t * channels + q] = v_fma(x[t], y, sum.at[t * channels + q]);
            }
        }
    }
    add_lanes(v->sums, &sum, taps * channels);
}

#define VISIT(channels, pixels, taps)                                                              \
    static void visit_##channels(const ae__conv_visit *v) { run_visit(v, channels, taps); }
AE__CONV_TILES(VISIT)

#define SHAPE(channels, pixels, taps) {channels, taps, visit_##channels},
const ae__visit_shape AE__SIMD(conv_visits)[] = {AE__CONV_TILES(SHAPE)};
