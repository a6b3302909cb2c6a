/* Forward and adjoint, cut into tasks. The adjoint of a convolution with stride s is s x s
 * convolutions with stride 1, one for each residue of a pixel's place, each with those taps of the
 * kernel that meet it, turned round and with inputs and outputs exchanged. */
#include "kernels/conv.h"

#include <string.h>

#include "ae/ae.h"
#include "base/size.h"

enum {
    TASK_TERMS = 1 << 22, /* multiply-adds of a task */
    LINE = 64 / sizeof(real),
};

/* A pass on its way: its scratch, and its epilogue in two parts. */
typedef struct job {
    const ae__conv_pass *pass;
    const ae__kernels *kernels;
    bool adjoint;
    size_t in_size, out_size;
    size_t parts;  /* tasks of a block */
    const real *w; /* of the adjoint: as `turn` left it */
    const real *zeros;
    real *blocks; /* of each worker: the input where it is in rows, then the output */
    size_t out_block, worker_size;
    ae__epilogue inner; /* for the block or image */
    ae__epilogue outer; /* for the rows that come of it */
    bool has_outer;
} job;

/* ---- The adjoint's phases ---- */

/* Along one axis: taps residue, residue + stride, ... give the pixels first, first + stride, ... of
 * x; the window of the first begins at `begin` of y. */
typedef struct axis {
    size_t residue, taps, first, count;
    ptrdiff_t begin;
} axis;

static axis axis_of(size_t residue, size_t kernel, size_t stride, size_t pad, size_t x)
{
    axis a = {.residue = residue};
    a.taps = residue < kernel ? (kernel - residue - 1) / stride + 1 : 0;
    a.first = (residue + stride - pad % stride) % stride;
    a.count = a.first < x ? (x - a.first - 1) / stride + 1 : 0;
    a.begin = (ptrdiff_t)((a.first + pad - residue) / stride) + 1 - (ptrdiff_t)a.taps;
    return a;
}

static axis axis_h(const ae__conv *c, size_t residue)
{
    return axis_of(residue, c->kernel_h, c->stride_h, c->pad_top, c->x_h);
}

static axis axis_w(const ae__conv *c, size_t residue)
{
    return axis_of(residue, c->kernel_w, c->stride_w, c->pad_left, c->x_w);
}

/* dst: y_c x x_c, src: x_c x y_c */
static void transpose(real *dst, const real *src, const ae__conv *c)
{
    for (size_t j = 0; j < c->y_c; j++)
        for (size_t i = 0; i < c->x_c; i++) *dst++ = src[i * c->y_c + j];
}

/* The weights phase after phase, as the blocks want them. */
static void turn(real *dst, const real *w, const ae__conv *c)
{
    const size_t cell = c->x_c * c->y_c;
    for (size_t i = 0; i < c->stride_h; i++)
        for (size_t j = 0; j < c->stride_w; j++) {
            const axis h = axis_h(c, i), v = axis_w(c, j);
            for (size_t p = h.taps; p-- > 0;)
                for (size_t q = v.taps; q-- > 0; dst += cell) {
                    const size_t ky = i + p * c->stride_h, kx = j + q * c->stride_w;
                    transpose(dst, w + (ky * c->kernel_w + kx) * cell, c);
                }
        }
}

/* ---- One block ---- */

typedef void block_kernel(const ae__conv_block *b);

/* Rows of pixels [part, part + 1) / parts of `count`. */
static size_t cut(size_t count, size_t part, size_t parts)
{
    return count * part / parts;
}

static void forward_part(const job *j, ae__conv_block b, size_t part, block_kernel *run)
{
    const ae__conv *c = j->pass->conv;
    const size_t unit = run == j->kernels->conv_block ? j->kernels->lanes : 1;
    const size_t begin = cut(c->y_h, part, j->parts), end = cut(c->y_h, part + 1, j->parts);
    ae__epilogue e = *b.epilogue;
    b.in_h = c->x_h;
    b.in_w = c->x_w;
    b.in_c = c->x_c;
    b.out_h = end - begin;
    b.out_w = c->y_w;
    b.out_c = c->y_c;
    b.kernel_h = c->kernel_h;
    b.kernel_w = c->kernel_w;
    b.stride_h = c->stride_h;
    b.stride_w = c->stride_w;
    b.top = (ptrdiff_t)(begin * c->stride_h) - (ptrdiff_t)c->pad_top;
    b.left = -(ptrdiff_t)c->pad_left;
    b.w = j->w;
    b.out_col = c->y_c * unit;
    b.out_row = c->y_w * b.out_col;
    b.out += begin * b.out_row;
    if (e.prev) e.prev += begin * b.out_row;
    b.epilogue = &e;
    run(&b);
}

static void run_phase(ae__conv_block b, const ae__conv *c, axis h, axis v, size_t begin, size_t end,
                      block_kernel *run)
{
    ae__epilogue e = *b.epilogue;
    const size_t at = ((h.first + begin * c->stride_h) * c->x_w + v.first) * b.out_col;
    b.out_h = end - begin;
    b.out_w = v.count;
    b.kernel_h = h.taps;
    b.kernel_w = v.taps;
    b.top = h.begin + (ptrdiff_t)begin;
    b.left = v.begin;
    b.out += at;
    if (e.prev) e.prev += at;
    b.out_row = c->stride_h * c->x_w * b.out_col;
    b.out_col *= c->stride_w;
    b.epilogue = &e;
    run(&b);
}

static void adjoint_part(const job *j, ae__conv_block b, size_t part, block_kernel *run)
{
    const ae__conv *c = j->pass->conv;
    b.in_h = c->y_h;
    b.in_w = c->y_w;
    b.in_c = c->y_c;
    b.out_c = c->x_c;
    b.stride_h = b.stride_w = 1;
    b.out_col = c->x_c * (run == j->kernels->conv_block ? j->kernels->lanes : 1);
    b.w = j->w;
    for (size_t i = 0; i < c->stride_h; i++)
        for (size_t k = 0; k < c->stride_w; k++) {
            const axis h = axis_h(c, i), v = axis_w(c, k);
            run_phase(b, c, h, v, cut(h.count, part, j->parts), cut(h.count, part + 1, j->parts),
                      run);
            b.w += h.taps * v.taps * c->x_c * c->y_c;
        }
}

static void run_part(const job *j, const real *in, real *out, const ae__epilogue *e, size_t part,
                     block_kernel *run)
{
    const ae__conv_block b = {.in = in, .out = out, .epilogue = e, .zeros = j->zeros};
    (j->adjoint ? adjoint_part : forward_part)(j, b, part, run);
}

static void finish_rows(const job *j, size_t row, size_t rows)
{
    const ae__conv_pass *p = j->pass;
    ae__epilogue e = j->outer;
    if (!j->has_outer) return;
    if (e.target) e.target += row * e.target_ld;
    if (e.row_weight) e.row_weight += row;
    if (e.row_value) e.row_value += row;
    if (e.prev) e.prev += row * e.prev_ld;
    j->kernels->epilogue(&e, p->out + row * p->out_row, p->out_row, rows, j->out_size);
}

/* Images go one by one where a block of them would be emptier than the vectors of their channels. */
static bool one_by_one(const job *j, size_t rows)
{
    const ae__conv_pass *p = j->pass;
    const size_t lanes = j->kernels->lanes, channels = j->adjoint ? p->conv->x_c : p->conv->y_c;
    if (p->in.blocked || p->out_blocked) return false;
    return rows == 1 || 4 * rows * ae__round_up(channels, lanes) <= 3 * lanes * channels;
}

static void run_images(const job *j, size_t row, size_t rows)
{
    const ae__conv_pass *p = j->pass;
    for (size_t i = row; i < row + rows; i++)
        run_part(j, p->in.at + i * p->in.row, p->out + i * p->out_row, &j->inner, 0,
                 j->kernels->conv_image);
}

static void run_block(const job *j, size_t row, size_t rows, size_t part, size_t worker)
{
    const ae__conv_pass *p = j->pass;
    real *work = j->blocks + worker * j->worker_size, *to = p->out + row * p->out_row;
    const real *in = p->in.at + row * p->in.row;
    real *out = p->out_blocked ? to : work + j->out_block;
    ae__epilogue e = j->inner;
    if (e.prev) e.prev += row * e.prev_ld;
    if (!p->in.blocked) {
        j->kernels->pack(work, in, p->in.row, rows, j->in_size);
        in = work;
    }
    run_part(j, in, out, &e, part, j->kernels->conv_block);
    if (!p->out_blocked) j->kernels->unpack(to, p->out_row, out, rows, j->out_size);
}

static void run_task(void *arg, size_t task, size_t worker)
{
    const job *j = arg;
    const size_t lanes = j->kernels->lanes, row = task / j->parts * lanes;
    const size_t rows = ae__min_size(lanes, j->pass->rows - row);
    if (one_by_one(j, rows))
        run_images(j, row, rows);
    else
        run_block(j, row, rows, task % j->parts, worker);
    finish_rows(j, row, rows);
}

/* In rows a loss wants whole images, and what lies in rows has to wait for them. */
static void split_epilogue(job *j)
{
    const ae__epilogue *e = j->pass->epilogue;
    if (!e) return;
    j->inner = *e;
    if (j->pass->out_blocked) return;
    const bool loss = e->loss != AE__ELEMENT_NONE;
    j->inner =
        (ae__epilogue){.bias = e->bias, .act = loss ? AE_ACT_LINEAR : e->act, .slope = e->slope};
    j->outer = *e;
    j->outer.bias = NULL;
    if (!loss) j->outer.act = AE_ACT_LINEAR;
    j->has_outer = loss || e->prev;
}

/* Tasks of a block: none is cut that has to be turned into blocks or rows as a whole. */
static size_t parts(const job *j)
{
    const ae__conv_pass *p = j->pass;
    const ae__conv *c = p->conv;
    if (!p->in.blocked || !p->out_blocked) return 1;
    const size_t terms = ae__conv_weights(c) * c->y_h * c->y_w * j->kernels->lanes;
    return ae__max_size(ae__min_size(terms / TASK_TERMS, c->y_h), 1);
}

static void run_pass(const ae__conv_pass *p, const ae__engine *engine, bool adjoint)
{
    const ae__conv *c = p->conv;
    const size_t lanes = engine->kernels->lanes;
    const size_t x = ae__conv_x_size(c), y = ae__conv_y_size(c);
    const size_t zeros = ae__round_up(ae__max_size(c->x_c, c->y_c) * lanes, LINE);
    job j = {.pass = p, .kernels = engine->kernels, .adjoint = adjoint, .w = p->w};
    real *scratch = p->scratch;
    j.in_size = adjoint ? y : x;
    j.out_size = adjoint ? x : y;
    j.parts = parts(&j);
    if (adjoint) {
        turn(scratch, p->w, c);
        j.w = scratch;
        scratch += ae__round_up(ae__conv_weights(c), LINE);
    }
    memset(scratch, 0, zeros * sizeof(real));
    j.zeros = scratch;
    j.blocks = scratch + zeros;
    j.out_block = p->in.blocked ? 0 : ae__round_up(j.in_size * lanes, LINE);
    j.worker_size = j.out_block + (p->out_blocked ? 0 : ae__round_up(j.out_size * lanes, LINE));
    split_epilogue(&j);
    ae__pool_run(engine->pool, ae__blocks(p->rows, lanes) * j.parts, run_task, &j);
}

void ae__conv_forward(const ae__conv_pass *p, const ae__engine *engine)
{
    run_pass(p, engine, false);
}

void ae__conv_adjoint(const ae__conv_pass *p, const ae__engine *engine)
{
    run_pass(p, engine, true);
}
