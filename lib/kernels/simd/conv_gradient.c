/* The gradient of a convolution's weights, over one block of images: for each pixel of one tensor
 * (the centre: dy, or x where that has more channels) some of its channels meet some taps of the
 * other (around it). Sums run in registers over a few rows of pixels, so few that the centre's stay
 * in the first cache while all taps pass by; then the lanes are added up. */
#include "kernels/simd/conv.h"

#include "base/size.h"

enum {
    MOST_TAPS = 4,
    SUMS = MOST_TAPS * AE__MOST_CHANNELS + AE__LANES,
    PART_BYTES = 36864, /* of the centre in the first cache */
    TAPS_TO_COPY = 32,
};

typedef struct tensor {
    const real *at;
    size_t h, w, c;
} tensor;

/* Pixel (y, x) of the centre meets pixel (y * stride_h + sign * ky + top, x * stride_w + sign * kx +
 * left) of `around`. */
typedef struct pair {
    const ae__conv *conv;
    tensor centre, around;
    size_t stride_h, stride_w;
    ptrdiff_t sign, top, left;
    real *dw;
    size_t centre_step, around_step; /* in dw, from a channel to the next */
} pair;

/* Rows x cols pixels of the centre, some of its channels, and some taps. */
typedef struct visit {
    size_t rows, cols;
    const real *centre;
    size_t centre_row, centre_col;
    const real *tap[MOST_TAPS]; /* in row 0 of `around`, under the first column */
    size_t row[MOST_TAPS];      /* of `around`, under the first row; beyond its rows: zeros */
    size_t row_step, tap_rows;  /* rows of `around`: for each of the centre, in all */
    size_t tap_row, tap_col;
    real *sums; /* taps x channels, then room for a vector */
} visit;

typedef struct tile {
    vec at[MOST_TAPS * AE__MOST_CHANNELS];
} tile;

static const real zeros[AE__LANES];

/* out[i] = the sum of the lanes of at[i]. Four vectors become one, with a partial sum of each in
 * every group of four lanes; then the groups are added. */
static inline __attribute__((always_inline)) void add_lanes(real *out, tile *sum, const size_t n)
{
    enum { GROUPS = AE__LANES / 4 };
    const size_t fours = (n + 3) / 4;
    real part[(MOST_TAPS * AE__MOST_CHANNELS / 4 + GROUPS) * AE__LANES];
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
static inline __attribute__((always_inline)) void run_visit(const visit *v, const size_t channels,
                                                            const size_t taps)
{
    const size_t centre_col = v->centre_col;
    tile sum;
    AE__UNROLL for (size_t t = 0; t < taps; t++)
        AE__UNROLL for (size_t q = 0; q < channels; q++) sum.at[t * channels + q] = v_zero();
    for (size_t r = 0; r < v->rows; r++) {
        const real *centre = v->centre + r * v->centre_row, *tap[MOST_TAPS];
        size_t step[MOST_TAPS];
        AE__UNROLL for (size_t t = 0; t < taps; t++) {
            const size_t row = v->row[t] + r * v->row_step; /* beyond all where it is negative */
            const bool there = row < v->tap_rows;
            tap[t] = there ? v->tap[t] + row * v->tap_row : zeros;
            step[t] = there ? v->tap_col : 0;
        }
        for (size_t i = v->cols; i > 0; i--, centre += centre_col) {
            vec x[MOST_TAPS];
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

typedef struct gradient_shape {
    size_t channels, taps;
    void (*many)(const visit *v); /* `taps` of them */
    void (*one)(const visit *v);  /* 1 */
} gradient_shape;

#define VISITS(channels, pixels, taps)                                                             \
    static void many_##channels(const visit *v) { run_visit(v, channels, taps); }                  \
    static void one_##channels(const visit *v) { run_visit(v, channels, 1); }
AE__CONV_TILES(VISITS)

#define SHAPE(channels, pixels, taps) {channels, taps, many_##channels, one_##channels},
static const gradient_shape shapes[] = {AE__CONV_TILES(SHAPE)}; /* from most channels to 1 */

/* Some channels of some rows of a tensor, which lie at `at`, `col` reals a pixel. */
typedef struct part {
    const tensor *of;
    const gradient_shape *shape;
    size_t channel, row, rows;
    const real *at;
    size_t col;
} part;

static visit visit_of(const part *p, real *sums)
{
    return (visit){.rows = p->rows,
                   .cols = p->of->w,
                   .centre = p->at,
                   .centre_row = p->of->w * p->col,
                   .centre_col = p->col,
                   .sums = sums};
}

/* The sums of channels are what a tap that is 1 everywhere gives. */
static void add_channel_sums(real *out, const part *p)
{
    real one[AE__LANES], sums[SUMS];
    v_store(one, v_set1(1));
    visit v = visit_of(p, sums);
    v.tap[0] = one;
    v.tap_rows = 1;
    p->shape->one(&v);
    for (size_t q = 0; q < p->shape->channels; q++) out[p->channel + q] += sums[q];
}

/* Taps are the channels of `around` under one row of the kernel after the other. */
typedef struct tap {
    size_t ky, channel;
} tap;

/* The columns of the centre that meet some of `around` under kx. */
typedef struct column {
    size_t kx, begin, end;
} column;

static column column_of(const pair *k, size_t kx)
{
    const ptrdiff_t shift = k->sign * (ptrdiff_t)kx + k->left, step = (ptrdiff_t)k->stride_w;
    const ptrdiff_t beyond = (ptrdiff_t)k->around.w - shift; /* x * step < beyond */
    return (column){
        .kx = kx,
        .begin = shift >= 0 ? 0 : (size_t)((step - 1 - shift) / step),
        .end = beyond <= 0 ? 0 : ae__min_size((size_t)((beyond + step - 1) / step), k->centre.w),
    };
}

static void add_taps(const pair *k, const part *p, const column *c, tap *t, size_t taps)
{
    const tensor *around = &k->around;
    const size_t col = around->c * AE__LANES;
    const ptrdiff_t x = (ptrdiff_t)(c->begin * k->stride_w) + k->sign * (ptrdiff_t)c->kx + k->left;
    real sums[SUMS], *dw[MOST_TAPS];
    visit v = visit_of(p, sums);
    v.cols = c->end - c->begin;
    v.centre += c->begin * v.centre_col;
    v.row_step = k->stride_h;
    v.tap_rows = around->h;
    v.tap_row = around->w * col;
    v.tap_col = k->stride_w * col;
    for (size_t i = 0; i < taps; i++) {
        v.tap[i] = around->at + (size_t)x * col + t->channel * AE__LANES;
        v.row[i] = p->row * k->stride_h + (size_t)(k->sign * (ptrdiff_t)t->ky + k->top);
        dw[i] = k->dw + (t->ky * k->conv->kernel_w + c->kx) * k->conv->x_c * k->conv->y_c +
                t->channel * k->around_step + p->channel * k->centre_step;
        if (++t->channel == around->c) {
            t->channel = 0;
            t->ky++;
        }
    }
    (taps == 1 ? p->shape->one : p->shape->many)(&v);
    for (size_t i = 0; i < taps; i++)
        for (size_t q = 0; q < p->shape->channels; q++)
            dw[i][q * k->centre_step] += sums[i * p->shape->channels + q];
}

static void add_part(const pair *k, const part *p)
{
    for (size_t kx = 0; kx < k->conv->kernel_w; kx++) {
        const column c = column_of(k, kx);
        size_t left = c.begin < c.end ? k->conv->kernel_h * k->around.c : 0;
        tap t = {0};
        for (; left >= p->shape->taps; left -= p->shape->taps)
            add_taps(k, p, &c, &t, p->shape->taps);
        for (; left > 0; left--) add_taps(k, p, &c, &t, 1);
    }
}

/* Where a part lies. With more channels beside it its vectors would share few sets of the first
 * cache, so that it is copied first where enough taps come by. */
static void find(part *p, real *copy, const pair *k)
{
    const tensor *t = p->of;
    const size_t n = p->shape->channels * AE__LANES, pixels = p->rows * t->w;
    p->col = t->c * AE__LANES;
    p->at = t->at + p->row * t->w * p->col + p->channel * AE__LANES;
    if (!k || n == p->col || pixels * n * sizeof(real) > PART_BYTES) return;
    if (k->conv->kernel_h * k->conv->kernel_w * k->around.c < TAPS_TO_COPY) return;
    for (size_t i = 0; i < pixels; i++)
        for (size_t j = 0; j < n; j += AE__LANES)
            v_store(copy + i * n + j, v_load(p->at + i * p->col + j));
    p->at = copy;
    p->col = n;
}

/* Every part of a tensor: its channel sums where wanted, and where it is a centre its products. */
static void walk(const tensor *of, real *channel_sums, const pair *k)
{
    _Alignas(64) real copy[PART_BYTES / sizeof(real)];
    part p = {.of = of, .shape = shapes};
    while (p.channel < of->c) {
        if (of->c - p.channel < p.shape->channels) {
            p.shape++;
            continue;
        }
        const size_t row = of->w * p.shape->channels * AE__LANES * sizeof(real);
        const size_t rows = ae__blocks(of->h, ae__blocks(of->h, ae__max_size(PART_BYTES / row, 1)));
        for (p.row = 0; p.row < of->h; p.row += p.rows) {
            p.rows = ae__min_size(rows, of->h - p.row);
            find(&p, copy, k);
            if (channel_sums) add_channel_sums(channel_sums, &p);
            if (k) add_part(k, &p);
        }
        p.channel += p.shape->channels;
    }
}

static bool mirror(const ae__conv *c)
{
    return c->y_c < shapes[0].channels && c->y_c < c->x_c && c->stride_h == 1 && c->stride_w == 1;
}

void AE__SIMD(conv_gradient)(const ae__conv_gradient_block *g)
{
    const ae__conv *c = g->conv;
    const tensor x = {g->x, c->x_h, c->x_w, c->x_c}, dy = {g->dy, c->y_h, c->y_w, c->y_c};
    const ptrdiff_t top = (ptrdiff_t)c->pad_top, left = (ptrdiff_t)c->pad_left;
    if (mirror(c)) {
        const pair k = {c, x, dy, 1, 1, -1, top, left, g->dw, c->y_c, 1};
        walk(&x, g->x_sums, &k);
        if (g->y_sums) walk(&dy, g->y_sums, NULL);
    } else {
        const pair k = {c, dy, x, c->stride_h, c->stride_w, 1, -top, -left, g->dw, 1, c->y_c};
        walk(&dy, g->y_sums, &k);
        if (g->x_sums) walk(&x, g->x_sums, NULL);
    }
}
