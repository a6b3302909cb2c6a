/* Convolution of one block of images, or of one image, by tiles that keep their sums in registers.
 * Nothing is padded or copied: a tile is told where the run of numbers under each of its pixels
 * begins, for each tap of the kernel (Dukhan 2019, The Indirect Convolution Algorithm); outside of
 * the image that is a run of zeros. Where all its windows lie inside, a tap is a whole row of the
 * kernel. */
#include "kernels/simd/conv.h"

#include "base/size.h"

#include "ae/ae.h"

#include <math.h>

enum {
    TAPS = 32,             /* told to a tile at once */
    STRIP_BYTES = 32768,   /* of the input under a strip's windows, which its next row wants again */
    NARROWEST_STRIP = 4,
};

/* Some channels of all pixels: `tiles` tiles side by side. */
typedef struct walk {
    const ae__conv_block *c;
    const conv_shape *shape;
    size_t unit; /* reals of one channel of a pixel: AE__LANES or 1 */
    size_t channel, channels, tiles;
} walk;

/* The pixels of a tile: their windows, and where their outputs lie. */
typedef struct place {
    size_t pixels;
    ptrdiff_t y[AE__MOST_PIXELS], x[AE__MOST_PIXELS];
    size_t at[AE__MOST_PIXELS];
    bool inside;
} place;

/* A strip of columns of the output; its pixels are numbered row by row. */
typedef struct strip {
    size_t first, width;
} strip;

static place place_of(const ae__conv_block *c, strip s, size_t pixel, size_t pixels)
{
    place k = {.pixels = pixels, .inside = true};
    size_t row = pixel / s.width, col = pixel % s.width;
    for (size_t p = 0; p < pixels; p++) {
        const ptrdiff_t y = (ptrdiff_t)(row * c->stride_h) + c->top;
        const ptrdiff_t x = (ptrdiff_t)((s.first + col) * c->stride_w) + c->left;
        k.y[p] = y;
        k.x[p] = x;
        k.at[p] = row * c->out_row + (s.first + col) * c->out_col;
        k.inside &= y >= 0 && y + (ptrdiff_t)c->kernel_h <= (ptrdiff_t)c->in_h;
        k.inside &= x >= 0 && x + (ptrdiff_t)c->kernel_w <= (ptrdiff_t)c->in_w;
        if (++col == s.width) {
            col = 0;
            row++;
        }
    }
    return k;
}

/* Where pixel (y, x) of the input lies, or zeros. */
static const real *pixel_at(const walk *w, ptrdiff_t y, ptrdiff_t x)
{
    const ae__conv_block *c = w->c;
    if ((size_t)y >= c->in_h || (size_t)x >= c->in_w) return c->zeros; /* < 0: beyond, too */
    return c->in + ((size_t)y * c->in_w + (size_t)x) * c->in_c * w->unit;
}

/* Taps [first, first + taps): rows of the kernel inside, else its cells. */
static void list_taps(const walk *w, const place *k, const real **in, size_t first, size_t taps)
{
    const size_t across = k->inside ? 1 : ae__max_size(w->c->kernel_w, 1);
    ptrdiff_t y = (ptrdiff_t)(first / across), x = (ptrdiff_t)(first % across);
    for (size_t tap = 0; tap < taps; tap++) {
        for (size_t p = 0; p < k->pixels; p++) *in++ = pixel_at(w, k->y[p] + y, k->x[p] + x);
        if (++x == (ptrdiff_t)across) {
            x = 0;
            y++;
        }
    }
}

/* What of the epilogue the tiles do while their sums are in registers. */
static void set_finish(conv_tile *t, const ae__epilogue *e)
{
    t->floor = -INFINITY;
    if (!e) return;
    t->bias = e->bias;
    if (e->act == AE_ACT_RELU) t->floor = 0;
    if (e->prev && e->prev_act == AE_ACT_RELU) t->gate = e->prev;
}

/* And the rest, while they are in the first cache. */
static void finish(const walk *w, const place *k)
{
    const ae__epilogue *e = w->c->epilogue;
    const size_t n = w->tiles * w->channels * w->unit;
    if (!e) return;
    for (size_t p = 0; p < k->pixels; p++) {
        const size_t at = k->at[p] + w->channel * w->unit;
        real *out = w->c->out + at;
        if (e->act != AE_ACT_LINEAR && e->act != AE_ACT_RELU)
            AE__SIMD(activate)(e->act, e->slope, out, out, n);
        if (e->prev && e->prev_act != AE_ACT_LINEAR && e->prev_act != AE_ACT_RELU)
            AE__SIMD(derive)(e->prev_act, e->prev_slope, out, out, e->prev + at, n);
    }
}

static void run_place(const walk *w, const place *k)
{
    const ae__conv_block *c = w->c;
    const real *in[TAPS * AE__MOST_PIXELS];
    const size_t all = k->inside ? c->kernel_h : c->kernel_h * c->kernel_w;
    const size_t rows = k->inside ? c->kernel_w * c->in_c : c->in_c; /* of weights, a tap */
    size_t tap = 0;
    do {
        conv_tile t = {.in = in,
                       .taps = ae__min_size(TAPS, all - tap),
                       .run = rows * w->unit,
                       .w_row = c->out_c,
                       .at = k->at,
                       .tail = w->channels % AE__LANES ? w->channels % AE__LANES : AE__LANES,
                       .first = tap == 0};
        t.last = tap + t.taps == all;
        list_taps(w, k, in, tap, t.taps);
        set_finish(&t, c->epilogue);
        for (size_t i = 0; i < w->tiles; i++) {
            const size_t channel = w->channel + i * w->channels;
            conv_tile here = t;
            here.w = c->w + tap * rows * c->out_c + channel;
            here.out = c->out + channel * w->unit;
            if (t.bias) here.bias += channel;
            if (t.gate) here.gate += channel * w->unit;
            (k->pixels == 1 ? w->shape->one : w->shape->many)(&here);
        }
        tap += t.taps;
    } while (tap < all);
    finish(w, k);
}

/* The last tile takes pixels again that were done, rather than be smaller: they come out the same. */
static void run_strip(const walk *w, strip s)
{
    const size_t all = w->c->out_h * s.width;
    const size_t pixels = w->shape->pixels <= all ? w->shape->pixels : 1;
    for (size_t pixel = 0; pixel < all; pixel += pixels) {
        const place k = place_of(w->c, s, ae__min_size(pixel, all - pixels), pixels);
        run_place(w, &k);
    }
}

static size_t strip_width(const walk *w)
{
    const ae__conv_block *c = w->c;
    const size_t col = c->kernel_h * c->in_c * w->unit * c->stride_w * sizeof(real);
    const size_t most = ae__max_size(STRIP_BYTES / ae__max_size(col, 1), NARROWEST_STRIP);
    return ae__blocks(c->out_w, ae__blocks(c->out_w, most));
}

static void run(const ae__conv_block *c, const conv_shape *shape, size_t unit)
{
    walk w = {.c = c, .shape = shape, .unit = unit};
    if (c->out_h == 0 || c->out_w == 0) return;
    const size_t width = strip_width(&w);
    while (w.channel < c->out_c) {
        const size_t left = c->out_c - w.channel;
        if (left < w.shape->least) {
            w.shape++;
            continue;
        }
        w.channels = ae__min_size(left, w.shape->channels);
        w.tiles = left / w.channels;
        for (size_t x = 0; x < c->out_w; x += width)
            run_strip(&w, (strip){x, ae__min_size(width, c->out_w - x)});
        w.channel += w.tiles * w.channels;
    }
}

void AE__SIMD(conv_block)(const ae__conv_block *c)
{
    run(c, AE__SIMD(conv_block_tiles), AE__LANES);
}

void AE__SIMD(conv_image)(const ae__conv_block *c)
{
    run(c, AE__SIMD(conv_image_tiles), 1);
}
