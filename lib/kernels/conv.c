/* Forward and adjoint of a batch, cut into tasks. */
#include "kernels/conv.h"

#include <string.h>

#include "ae/ae.h"
#include "base/arena.h"
#include "base/size.h"
#include "kernels/conv_block.h"
#include "kernels/images.h"

enum { TASK_TERMS = 1 << 22 }; /* multiply-adds of a task */

/* A pass on its way: its scratch, and its epilogue in two parts. */
typedef struct job {
    const ae__conv_pass *pass;
    const ae__kernels *kernels;
    bool adjoint;
    size_t in_size, out_size;
    size_t parts; /* tasks of a block */
    real *turned; /* weights of the adjoint */
    real *zeros;
    /* Of the first worker: its list of taps, and a block for what lies in rows; those of the next
     * are `worker_bytes` further on. */
    unsigned char *taps, *in, *out;
    size_t worker_bytes;
    ae__epilogue inner; /* for the block or image */
    ae__epilogue outer; /* for the rows that come of it */
    bool has_outer;
} job;

static void run_part(const job *j, ae__conv_block b, size_t part, size_t worker)
{
    b.w = j->adjoint ? j->turned : j->pass->w;
    b.zeros = j->zeros;
    b.taps = (const real **)(void *)(j->taps + worker * j->worker_bytes);
    (j->adjoint ? ae__conv_adjoint_part : ae__conv_forward_part)(j->pass->conv, b, part, j->parts,
                                                                 j->kernels);
}

/* Images go one by one where a block of them would be emptier than the vectors of their channels. */
static bool one_by_one(const job *j, size_t rows)
{
    const ae__conv_pass *p = j->pass;
    const size_t lanes = j->kernels->lanes, channels = j->adjoint ? p->conv->x_c : p->conv->y_c;
    if (p->in.blocked || p->out_blocked) return false;
    return rows == 1 || 4 * rows * ae__round_up(channels, lanes) <= 3 * lanes * channels;
}

/* One image with zeros around it, where there is room: nearly all of its windows lie inside then. */
static void surround(const job *j, ae__conv_block *b, real *room)
{
    const ae__conv *c = j->pass->conv;
    const size_t h = j->adjoint ? c->y_h : c->x_h, w = j->adjoint ? c->y_w : c->x_w;
    const size_t above = j->adjoint ? (c->kernel_h - 1) / c->stride_h : c->kernel_h / 2;
    const size_t left = j->adjoint ? (c->kernel_w - 1) / c->stride_w : c->kernel_w / 2;
    const size_t row = j->in_size / h, pixel = row / w, wide = (w + 2 * left) * pixel;
    if ((h + 2 * above) * wide > j->in_size * j->kernels->lanes) return;
    memset(room, 0, (h + 2 * above) * wide * sizeof *room);
    for (size_t y = 0; y < h; y++)
        memcpy(room + (y + above) * wide + left * pixel, b->in + y * row, row * sizeof *room);
    b->in = room;
    b->zeros_h = above;
    b->zeros_w = left;
}

/* An activation that tiles do not have is for whole images: of one channel they are long, pixels are
 * not. */
static void run_images(const job *j, size_t row, size_t rows, size_t worker)
{
    const ae__conv_pass *p = j->pass;
    ae__epilogue e = j->inner;
    if (e.act != AE_ACT_RELU) e.act = AE_ACT_LINEAR;
    for (size_t i = row; i < row + rows; i++) {
        real *out = p->out + i * p->out_row;
        ae__conv_block b = {.in = p->in.at + i * p->in.row, .out = out, .epilogue = &e};
        surround(j, &b, (real *)(void *)(j->in + worker * j->worker_bytes));
        run_part(j, b, 0, worker);
        if (j->inner.act != e.act)
            j->kernels->activate(j->inner.act, j->inner.slope, out, out, j->out_size);
    }
}

static void run_block(const job *j, size_t row, size_t rows, size_t part, size_t worker)
{
    const ae__conv_pass *p = j->pass;
    const real *in = p->in.at + row * p->in.row;
    real *to = p->out + row * p->out_row, *out = to;
    ae__epilogue e = j->inner;
    if (e.prev) e.prev += row * e.prev_ld;
    if (!p->in.blocked) {
        real *block = (real *)(void *)(j->in + worker * j->worker_bytes);
        ae__block_pack(block, in, p->in.row, rows, j->in_size, j->kernels);
        in = block;
    }
    if (!p->out_blocked) out = (real *)(void *)(j->out + worker * j->worker_bytes);
    run_part(j, (ae__conv_block){.blocked = true, .in = in, .out = out, .epilogue = &e}, part,
             worker);
    if (!p->out_blocked) ae__block_unpack(to, p->out_row, out, rows, j->out_size, j->kernels);
}

static void finish_rows(const job *j, size_t row, size_t rows)
{
    const ae__conv_pass *p = j->pass;
    ae__epilogue e = j->outer;
    if (!j->has_outer) return;
    if (e.target) e.target += row * e.target_ld;
    if (e.element) e.element += row * e.element_ld;
    if (e.row_weight) e.row_weight += row;
    if (e.row_value) e.row_value += row;
    if (e.prev) e.prev += row * e.prev_ld;
    j->kernels->epilogue(&e, p->out + row * p->out_row, p->out_row, rows, j->out_size);
}

static void run_task(void *arg, size_t task, size_t worker)
{
    const job *j = arg;
    const size_t lanes = j->kernels->lanes, row = task / j->parts * lanes;
    const size_t rows = ae__min_size(lanes, j->pass->rows - row);
    if (one_by_one(j, rows))
        run_images(j, row, rows, worker);
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

/* Measures the scratch of a pass, or carves it. */
static void bind(job *j, ae__arena *arena, int32_t threads)
{
    const ae__conv *c = j->pass->conv;
    const size_t vector = j->kernels->lanes * sizeof(real), cells = c->kernel_h * c->kernel_w;
    j->turned = ae__arena_take(arena, j->adjoint ? ae__conv_weights(c) : 0, sizeof(real));
    j->zeros = ae__arena_take(arena, ae__max_size(c->x_c, c->y_c), vector);
    const size_t before = arena->bytes;
    j->taps = ae__arena_take(arena, cells, AE__TILE_PIXELS * sizeof(real *));
    j->in = ae__arena_take(arena, j->pass->in.blocked ? 0 : j->in_size, vector);
    j->out = ae__arena_take(arena, j->pass->out_blocked ? 0 : j->out_size, vector);
    j->worker_bytes = arena->bytes - before;
    ae__arena_take(arena, (size_t)threads - 1, j->worker_bytes);
}

static job job_of(const ae__conv_pass *p, const ae__engine *engine, bool adjoint)
{
    job j = {.pass = p, .kernels = engine->kernels, .adjoint = adjoint};
    const size_t x = ae__conv_x_size(p->conv), y = ae__conv_y_size(p->conv);
    j.in_size = adjoint ? y : x;
    j.out_size = adjoint ? x : y;
    return j;
}

static void run_pass(const ae__conv_pass *p, const ae__engine *engine, bool adjoint)
{
    job j = job_of(p, engine, adjoint);
    ae__arena arena = {.base = p->scratch, .cap = SIZE_MAX};
    bind(&j, &arena, ae__pool_threads(engine->pool));
    memset(j.zeros, 0, ae__max_size(p->conv->x_c, p->conv->y_c) * j.kernels->lanes * sizeof(real));
    if (adjoint) ae__conv_turn(j.turned, p->w, p->conv);
    split_epilogue(&j);
    j.parts = parts(&j);
    ae__pool_run(engine->pool, ae__blocks(p->rows, j.kernels->lanes) * j.parts, run_task, &j);
}

void ae__conv_forward(const ae__conv_pass *p, const ae__engine *engine)
{
    run_pass(p, engine, false);
}

void ae__conv_adjoint(const ae__conv_pass *p, const ae__engine *engine)
{
    run_pass(p, engine, true);
}

bool ae__conv_scratch(const ae__conv *c, bool x_blocked, bool y_blocked, const ae__engine *engine,
                      size_t *bytes)
{
    *bytes = 0;
    for (int adjoint = 0; adjoint < 2; adjoint++) {
        const ae__conv_pass p = {.conv = c,
                                 .in.blocked = adjoint ? y_blocked : x_blocked,
                                 .out_blocked = adjoint ? x_blocked : y_blocked};
        job j = job_of(&p, engine, adjoint);
        ae__arena arena = {.base = NULL};
        bind(&j, &arena, ae__pool_threads(engine->pool));
        if (arena.overflow) return false;
        *bytes = ae__max_size(*bytes, arena.bytes);
    }
    return true;
}
