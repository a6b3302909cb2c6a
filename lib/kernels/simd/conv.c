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
    TAPS = 32, /* told to a tile at once */
    STRIP_BYTES = 12288,
    FEW_CHANNELS = 2,
};

/* Some channels of all pixels: `tiles` tiles side by side. */
typedef struct walk {
    const ae__conv_block *c;
    const conv_shape *shape;
    size_t unit;  /* reals of one channel of a pixel: AE__LANES or 1 */
    size_t pixel; /* of all of the input's */
    size_t channel, channels, tiles;
    size_t tail; /* channels of a tile's last vector */
    bool finish; /* something of the epilogue is left for `finish` */
} walk;

/* A strip of columns of the output, and a pixel of it. */
typedef struct spot {
    size_t first, end; /* columns */
    size_t row, col;
} spot;

/* The pixels of a tile: where their windows begin, and their outputs. */
typedef struct place {
    size_t pixels;
    ptrdiff_t y[AE__MOST_PIXELS], x[AE__MOST_PIXELS];
    size_t at[AE__MOST_PIXELS];
    bool inside;
} place;

/* The next pixels, row by row. */
static inline void take(const walk *w, spot *s, place *k)
{
    const ae__conv_block *c = w->c;
    const ptrdiff_t bottom = (ptrdiff_t)c->in_h - (ptrdiff_t)c->kernel_h;
    const ptrdiff_t right = (ptrdiff_t)c->in_w - (ptrdiff_t)c->kernel_w;
    k->inside = true;
    for (size_t p = 0; p < k->pixels; p++) {
        const ptrdiff_t y = (ptrdiff_t)(s->row * c->stride_h) + c->top;
        const ptrdiff_t x = (ptrdiff_t)(s->col * c->stride_w) + c->left;
        k->y[p] = y;
        k->x[p] = x;
        k->at[p] = s->row * c->out_row + s->col * c->out_col;
        k->inside &= (y >= 0) & (y <= bottom) & (x >= 0) & (x <= right);
        if (++s->col == s->end) {
            s->col = s->first;
            s->row++;
        }
    }
}

/* Where pixel (y, x) of the input lies, or zeros. */
static inline const real *pixel_at(const walk *w, ptrdiff_t y, ptrdiff_t x)
{
    const ae__conv_block *c = w->c;
    if ((size_t)y >= c->in_h || (size_t)x >= c->in_w) return c->zeros; /* < 0: beyond, too */
    return c->in + ((size_t)y * c->in_w + (size_t)x) * w->pixel;
}

/* Taps [first, first + taps): cells of the kernel. */
static void list_cells(const walk *w, const place *k, const real **in, size_t first, size_t taps)
{
    const size_t across = w->c->kernel_w;
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

static bool is_left(int32_t act)
{
    return act != AE_ACT_LINEAR && act != AE_ACT_RELU;
}

/* And the rest, while they are in the first cache. */
static void finish(const walk *w, const place *k)
{
    const ae__epilogue *e = w->c->epilogue;
    const size_t n = w->tiles * w->channels * w->unit;
    for (size_t p = 0; p < k->pixels; p++) {
        const size_t at = k->at[p] + w->channel * w->unit;
        real *out = w->c->out + at;
        if (is_left(e->act)) AE__SIMD(activate)(e->act, e->slope, out, out, n);
        if (e->prev && is_left(e->prev_act))
            AE__SIMD(derive)(e->prev_act, e->prev_slope, out, out, e->prev + at, n);
    }
}

static conv_tile tile_of(const walk *w, const place *k)
{
    conv_tile t = {.w_row = w->c->out_c, .at = k->at, .tail = w->tail};
    set_finish(&t, w->c->epilogue);
    return t;
}

/* The same part of the sums of all tiles. */
static inline void run_tiles(const walk *w, const place *k, conv_tile *t, size_t w_first)
{
    void (*const run)(const conv_tile *t) = k->pixels == 1 ? w->shape->one : w->shape->many;
    const ae__conv_block *c = w->c;
    const conv_tile first = *t;
    for (size_t i = 0, channel = w->channel; i < w->tiles; i++, channel += w->channels) {
        t->w = c->w + w_first * c->out_c + channel;
        t->out = c->out + channel * w->unit;
        if (first.bias) t->bias = first.bias + channel;
        if (first.gate) t->gate = first.gate + channel * w->unit;
        run(t);
    }
    t->bias = first.bias;
    t->gate = first.gate;
}

static void run_inside(const walk *w, const place *k)
{
    const ae__conv_block *c = w->c;
    const real *in[AE__MOST_PIXELS];
    conv_tile t = tile_of(w, k);
    for (size_t p = 0; p < k->pixels; p++) in[p] = pixel_at(w, k->y[p], k->x[p]);
    t.in = in;
    t.tap_step = c->in_w * w->pixel;
    t.taps = c->kernel_h;
    t.run = c->kernel_w * w->pixel;
    t.first = t.last = true;
    run_tiles(w, k, &t, 0);
}

/* Rows of the kernel that lie above or below the image under all of the pixels are left out. */
static void run_at_edge(const walk *w, const place *k)
{
    const ae__conv_block *c = w->c;
    const ptrdiff_t above = -k->y[k->pixels - 1], below = (ptrdiff_t)c->in_h - k->y[0];
    const size_t all = c->kernel_w * (below > 0 ? ae__min_size(c->kernel_h, (size_t)below) : 0);
    const real *in[TAPS * AE__MOST_PIXELS];
    conv_tile t = tile_of(w, k);
    t.in = in;
    t.in_step = k->pixels;
    t.run = w->pixel;
    size_t tap = ae__min_size(above > 0 ? (size_t)above * c->kernel_w : 0, all);
    t.first = true;
    do {
        t.taps = ae__min_size(TAPS, all - tap);
        t.last = tap + t.taps == all;
        list_cells(w, k, in, tap, t.taps);
        run_tiles(w, k, &t, tap * c->in_c);
        tap += t.taps;
        t.first = false;
    } while (tap < all);
}

/* The last tile takes pixels again that were done, rather than be smaller: they come out the same. */
static void run_strip(const walk *w, size_t first, size_t width)
{
    const size_t all = w->c->out_h * width;
    const size_t pixels = w->shape->pixels <= all ? w->shape->pixels : 1;
    spot s = {.first = first, .end = first + width, .col = first};
    place k = {.pixels = pixels};
    for (size_t done = 0; done < all; done += pixels) {
        if (all - done < pixels) {
            s.row = (all - pixels) / width;
            s.col = first + (all - pixels) % width;
        }
        take(w, &s, &k);
        (k.inside ? run_inside : run_at_edge)(w, &k);
        if (w->finish) finish(w, &k);
    }
}

/* Where few channels of the output share what is loaded, strips so narrow that the input under their
 * windows is in the first cache still when the next row of pixels wants it. */
static size_t strip_width(const walk *w)
{
    const ae__conv_block *c = w->c;
    const size_t col = c->kernel_h * c->stride_w * w->pixel * sizeof(real);
    if (w->channels > FEW_CHANNELS || col * c->out_w <= STRIP_BYTES) return c->out_w;
    return ae__blocks(c->out_w, ae__blocks(c->out_w, ae__max_size(STRIP_BYTES / col, 1)));
}

static void run(const ae__conv_block *c, const conv_shape *shape, size_t unit)
{
    const ae__epilogue *e = c->epilogue;
    walk w = {.c = c, .shape = shape, .unit = unit, .pixel = c->in_c * unit};
    if (c->out_h == 0 || c->out_w == 0) return;
    w.finish = e && (is_left(e->act) || (e->prev && is_left(e->prev_act)));
    while (w.channel < c->out_c) {
        const size_t left = c->out_c - w.channel;
        if (left < w.shape->least) {
            w.shape++;
            continue;
        }
        w.channels = ae__min_size(left, w.shape->channels);
        w.tail = w.channels % AE__LANES ? w.channels % AE__LANES : AE__LANES;
        w.tiles = left / w.channels;
        const size_t width = strip_width(&w);
        for (size_t x = 0; x < c->out_w; x += width)
            run_strip(&w, x, ae__min_size(width, c->out_w - x));
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
