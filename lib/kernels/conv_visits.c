/* The gradient of a convolution's weights, over one block of images: the pixels of one tensor (the
 * centre: dy, or x where dy has few channels) meet those of the other around them. A visit takes so
 * few rows of the centre that its part stays in the first cache while all taps pass by. */
#include "kernels/conv_block.h"

#include <string.h>

#include "base/size.h"

enum {
    SUMS = AE__TILE_TAPS * AE__TILE_CHANNELS + 16, /* with room for a vector */
    PART_BYTES = 36864,                            /* of the centre in the first cache */
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
    const ae__kernels *kernels;
    tensor centre, around;
    size_t stride_h, stride_w;
    ptrdiff_t sign, top, left;
    real *dw, *sums;                 /* sums: of the centre's channels; NULL: not wanted */
    size_t centre_step, around_step; /* in dw, from a channel to the next */
} pair;

/* Some channels of some rows of the centre, which lie at `at`, `col` reals a pixel. */
typedef struct part {
    const ae__visit_shape *shape;
    size_t channel, row, rows;
    const real *at;
    size_t col;
} part;

/* The columns of the centre that meet some of `around` under kx, the first of them column x. */
typedef struct column {
    size_t kx, begin, end, x;
} column;

static column column_of(const pair *k, size_t kx)
{
    const ptrdiff_t shift = k->sign * (ptrdiff_t)kx + k->left, step = (ptrdiff_t)k->stride_w;
    const ptrdiff_t beyond = (ptrdiff_t)k->around.w - shift; /* x * step < beyond */
    column c = {.kx = kx};
    c.begin = shift >= 0 ? 0 : (size_t)((step - 1 - shift) / step);
    if (beyond > 0) c.end = ae__min_size((size_t)((beyond + step - 1) / step), k->centre.w);
    c.x = (size_t)((ptrdiff_t)c.begin * step + shift);
    return c;
}

/* Channels of `around` under one row of the kernel after the other, where `ky` and `channel` stand;
 * past the last row there is nothing. */
typedef struct taps {
    size_t ky, channel;
} taps;

static void next_tap(taps *t, const pair *k)
{
    if (++t->channel < k->around.c) return;
    t->channel = 0;
    t->ky++;
}

static void add_taps(const pair *k, const part *p, const column *c, taps *t)
{
    const tensor *around = &k->around;
    const size_t lanes = k->kernels->lanes, col = around->c * lanes;
    const size_t cell = k->conv->x_c * k->conv->y_c, channels = p->shape->channels;
    real sums[SUMS], *dw[AE__TILE_TAPS];
    size_t n = 0;
    ae__conv_visit v = {.rows = p->rows,
                        .cols = c->end - c->begin,
                        .centre = p->at + c->begin * p->col,
                        .centre_row = k->centre.w * p->col,
                        .centre_col = p->col,
                        .row_step = k->stride_h,
                        .tap_rows = around->h,
                        .tap_row = around->w * col,
                        .tap_col = k->stride_w * col,
                        .sums = sums};
    for (; n < p->shape->taps && t->ky < k->conv->kernel_h; n++, next_tap(t, k)) {
        v.tap[n] = around->at + c->x * col + t->channel * lanes;
        v.row[n] = p->row * k->stride_h + (size_t)(k->sign * (ptrdiff_t)t->ky + k->top);
        dw[n] = k->dw + (t->ky * k->conv->kernel_w + c->kx) * cell + t->channel * k->around_step;
    }
    for (size_t i = n; i < p->shape->taps; i++) v.row[i] = SIZE_MAX / 2;
    p->shape->run(&v);
    for (size_t i = 0; i < n; i++)
        for (size_t q = 0; q < channels; q++)
            dw[i][(p->channel + q) * k->centre_step] += sums[i * channels + q];
}

/* Adds to channels x lanes sums. */
static void add_pixels(const ae__kernels *kernels, real *sums, const real *at, size_t col,
                       size_t pixels, size_t n)
{
    kernels->column_sums(sums, at, col, pixels, n, true);
}

static void add_part(const pair *k, const part *p)
{
    const size_t lanes = k->kernels->lanes;
    if (k->sums)
        add_pixels(k->kernels, k->sums + p->channel * lanes, p->at, p->col, p->rows * k->centre.w,
                   p->shape->channels * lanes);
    for (size_t kx = 0; kx < k->conv->kernel_w; kx++) {
        const column c = column_of(k, kx);
        if (c.begin >= c.end) continue;
        for (taps t = {0}; t.ky < k->conv->kernel_h;) add_taps(k, p, &c, &t);
    }
}

/* Where a part lies. With more channels beside it its vectors would share few sets of the first
 * cache, so that it is copied where enough taps come by. */
static void find(const pair *k, part *p, real *copy)
{
    const tensor *t = &k->centre;
    const size_t n = p->shape->channels * k->kernels->lanes, pixels = p->rows * t->w;
    p->col = t->c * k->kernels->lanes;
    p->at = t->at + p->row * t->w * p->col + p->channel * k->kernels->lanes;
    if (n == p->col || pixels * n * sizeof(real) > PART_BYTES) return;
    if (k->conv->kernel_h * k->conv->kernel_w * k->around.c < TAPS_TO_COPY) return;
    for (size_t i = 0; i < pixels; i++) memcpy(copy + i * n, p->at + i * p->col, n * sizeof *copy);
    p->at = copy;
    p->col = n;
}

static void add_pair(const pair *k)
{
    _Alignas(64) real copy[PART_BYTES / sizeof(real)];
    const tensor *t = &k->centre;
    part p = {.shape = k->kernels->conv_visits};
    while (p.channel < t->c) {
        if (t->c - p.channel < p.shape->channels) {
            p.shape++;
            continue;
        }
        const size_t row = t->w * p.shape->channels * k->kernels->lanes * sizeof(real);
        const size_t rows = ae__even_block(t->h, ae__max_size(PART_BYTES / row, 1));
        for (p.row = 0; p.row < t->h; p.row += p.rows) {
            p.rows = ae__min_size(rows, t->h - p.row);
            find(k, &p, copy);
            add_part(k, &p);
        }
        p.channel += p.shape->channels;
    }
}

/* Whether x is the centre: where dy has fewer channels than a tile. */
static bool centre_is_x(const ae__conv *c, const ae__kernels *kernels)
{
    return c->y_c < kernels->conv_visits->channels && c->y_c < c->x_c && c->stride_h == 1 &&
           c->stride_w == 1;
}

void ae__conv_block_gradient_run(const ae__conv_block_gradient *g, const ae__kernels *kernels)
{
    const ae__conv *c = g->conv;
    const tensor x = {g->x, c->x_h, c->x_w, c->x_c}, dy = {g->dy, c->y_h, c->y_w, c->y_c};
    const ptrdiff_t top = (ptrdiff_t)c->pad_top, left = (ptrdiff_t)c->pad_left;
    const bool turned = centre_is_x(c, kernels);
    const pair k = {.conv = c,
                    .kernels = kernels,
                    .centre = turned ? x : dy,
                    .around = turned ? dy : x,
                    .stride_h = c->stride_h,
                    .stride_w = c->stride_w,
                    .sign = turned ? -1 : 1,
                    .top = turned ? top : -top,
                    .left = turned ? left : -left,
                    .dw = g->dw,
                    .sums = turned ? g->x_sums : g->y_sums,
                    .centre_step = turned ? c->y_c : 1,
                    .around_step = turned ? 1 : c->y_c};
    real *other = turned ? g->y_sums : g->x_sums;
    const size_t col = k.around.c * kernels->lanes;
    add_pair(&k);
    if (other) add_pixels(kernels, other, k.around.at, col, k.around.h * k.around.w, col);
}
