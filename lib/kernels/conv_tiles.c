/* Convolution of one block of images, or of one image, by tiles that keep their sums in registers.
 * Nothing is padded or copied: a tile is told where the run of numbers under each of its pixels
 * begins, for each tap of the kernel (Dukhan 2019, The Indirect Convolution Algorithm); outside of
 * the image that is a run of zeros. Where all its windows lie inside, a tap is a whole row of the
 * kernel. */
#include "kernels/conv_block.h"

#include <math.h>

#include "ae/ae.h"
#include "base/size.h"

enum {
    STRIP_BYTES = 12288, /* of the input under one row of a strip */
    FEW_CHANNELS = 2,
};

/* Some channels of all pixels: `tiles` tiles side by side. */
typedef struct walk {
    const ae__conv_block *c;
    const ae__kernels *kernels;
    const ae__conv_shape *shape;
    size_t unit;  /* reals of one channel of a pixel */
    size_t pixel; /* of all of the input's channels */
    size_t channel, channels, tiles;
    size_t tail; /* channels of a tile's last vector */
    bool finish; /* something of the epilogue is left for `finish` */
} walk;

/* A pixel of a strip of columns of the output. */
typedef struct spot {
    size_t first, end; /* columns */
    size_t row, col;
} spot;

/* The pixels of a tile: where their windows begin, and their outputs. */
typedef struct place {
    ptrdiff_t y[AE__TILE_PIXELS], x[AE__TILE_PIXELS];
    size_t at[AE__TILE_PIXELS];
    bool inside;
} place;

/* To the next pixel, row by row; from the last to itself: the last tile takes it again and again. */
static inline void step(spot *s, size_t rows)
{
    if (s->col + 1 < s->end) {
        s->col++;
    } else if (s->row + 1 < rows) {
        s->col = s->first;
        s->row++;
    }
}

static inline void take(const walk *w, spot *s, place *k)
{
    const ae__conv_block *c = w->c;
    const ptrdiff_t bottom = (ptrdiff_t)c->in_h - (ptrdiff_t)c->kernel_h;
    const ptrdiff_t right = (ptrdiff_t)c->in_w - (ptrdiff_t)c->kernel_w;
    k->inside = true;
    for (size_t p = 0; p < w->shape->pixels; p++) {
        const ptrdiff_t y = (ptrdiff_t)(s->row * c->stride_h) + c->top;
        const ptrdiff_t x = (ptrdiff_t)(s->col * c->stride_w) + c->left;
        k->y[p] = y;
        k->x[p] = x;
        k->at[p] = s->row * c->out_row + s->col * c->out_col;
        k->inside &= (y >= 0) & (y <= bottom) & (x >= 0) & (x <= right);
        step(s, c->out_h);
    }
}

/* Where pixel (y, x) of the input lies, or zeros. */
static inline const real *pixel_at(const walk *w, ptrdiff_t y, ptrdiff_t x)
{
    const ae__conv_block *c = w->c;
    if ((size_t)y >= c->in_h || (size_t)x >= c->in_w) return c->zeros; /* < 0: beyond, too */
    return c->in + ((size_t)y * c->in_w + (size_t)x) * w->pixel;
}

static bool is_left(int32_t act)
{
    return act != AE_ACT_LINEAR && act != AE_ACT_RELU;
}

/* What of the epilogue the tiles could not do, while their outputs are in the first cache. */
static void finish(const walk *w, const place *k)
{
    const ae__epilogue *e = w->c->epilogue;
    const size_t n = w->tiles * w->channels * w->unit;
    for (size_t p = 0; p < w->shape->pixels; p++) {
        if (p > 0 && k->at[p] == k->at[p - 1]) break; /* the last, again */
        const size_t at = k->at[p] + w->channel * w->unit;
        real *out = w->c->out + at;
        if (is_left(e->act)) w->kernels->activate(e->act, e->slope, out, out, n);
        if (e->prev && is_left(e->prev_act))
            w->kernels->derive(e->prev_act, e->prev_slope, out, out, e->prev + at, n);
    }
}

/* All tiles of a place; t knows the taps, `first` is their first row of w. */
static inline void run_tiles(const walk *w, const place *k, ae__conv_tile *t, size_t first)
{
    const ae__conv_block *c = w->c;
    const ae__epilogue *e = c->epilogue;
    const real *gate = e->prev && e->prev_act == AE_ACT_RELU ? e->prev : NULL;
    t->w_row = c->out_c;
    t->at = k->at;
    t->tail = w->tail;
    t->floor = e->act == AE_ACT_RELU ? 0 : -INFINITY;
    for (size_t i = 0, channel = w->channel; i < w->tiles; i++, channel += w->channels) {
        t->w = c->w + first * c->out_c + channel;
        t->out = c->out + channel * w->unit;
        t->bias = e->bias ? e->bias + channel : NULL;
        t->gate = gate ? gate + channel * w->unit : NULL;
        w->shape->run(t);
    }
}

static void run_inside(const walk *w, const place *k)
{
    const ae__conv_block *c = w->c;
    const real *in[AE__TILE_PIXELS];
    for (size_t p = 0; p < w->shape->pixels; p++) in[p] = pixel_at(w, k->y[p], k->x[p]);
    ae__conv_tile t = {
        .tap_step = c->in_w * w->pixel, .taps = c->kernel_h, .run = c->kernel_w * w->pixel};
    t.in = in;
    run_tiles(w, k, &t, 0);
}

/* Rows of the kernel that lie above or below the image under all of the pixels are left out. */
static void run_at_edge(const walk *w, const place *k)
{
    const ae__conv_block *c = w->c;
    const size_t pixels = w->shape->pixels;
    const ptrdiff_t above = -k->y[pixels - 1], below = (ptrdiff_t)c->in_h - k->y[0];
    const size_t end = below > 0 ? ae__min_size(c->kernel_h, (size_t)below) : 0;
    const size_t first = above > 0 ? ae__min_size((size_t)above, end) : 0;
    const real **in = c->taps;
    for (ptrdiff_t y = (ptrdiff_t)first; y < (ptrdiff_t)end; y++)
        for (ptrdiff_t x = 0; x < (ptrdiff_t)c->kernel_w; x++)
            for (size_t p = 0; p < pixels; p++) *in++ = pixel_at(w, k->y[p] + y, k->x[p] + x);
    ae__conv_tile t = {
        .in = c->taps, .in_step = pixels, .taps = (end - first) * c->kernel_w, .run = w->pixel};
    run_tiles(w, k, &t, first * c->kernel_w * c->in_c);
}

static void run_strip(const walk *w, size_t first, size_t width)
{
    const size_t all = w->c->out_h * width;
    spot s = {.first = first, .end = first + width, .col = first};
    for (size_t done = 0; done < all; done += w->shape->pixels) {
        place k;
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
    return ae__even_block(c->out_w, ae__max_size(STRIP_BYTES / col, 1));
}

void ae__conv_block_run(const ae__conv_block *c, const ae__kernels *kernels)
{
    const ae__epilogue *e = c->epilogue;
    walk w = {.c = c, .kernels = kernels};
    if (c->out_h == 0 || c->out_w == 0) return;
    w.shape = c->blocked ? kernels->conv_blocks : kernels->conv_rows;
    w.unit = c->blocked ? kernels->lanes : 1;
    w.pixel = c->in_c * w.unit;
    w.finish = is_left(e->act) || (e->prev && is_left(e->prev_act));
    while (w.channel < c->out_c) {
        const size_t left = c->out_c - w.channel;
        if (left < w.shape->least) {
            w.shape++;
            continue;
        }
        w.channels = ae__min_size(left, w.shape->channels);
        w.tail = (w.channels - 1) % kernels->lanes + 1;
        w.tiles = left / w.channels;
        const size_t width = strip_width(&w);
        for (size_t x = 0; x < c->out_w; x += width)
            run_strip(&w, x, ae__min_size(width, c->out_w - x));
        w.channel += w.tiles * w.channels;
    }
}
