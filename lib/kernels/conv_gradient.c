/* The gradient of a convolution's weights: groups of blocks, then the sum of the groups. */
#include "kernels/conv.h"

#include <string.h>

#include "base/arena.h"
#include "base/size.h"
#include "kernels/conv_block.h"
#include "kernels/images.h"

enum {
    MOST_GROUPS = 16,
    GROUP_REALS = 1 << 20, /* of the gradients of all groups together, where weights are many */
    SLICE = 4096,          /* weights that a task adds up */
    LINE = 64 / sizeof(real),
};

/* A group's gradient: dw, then the sums over x, then those over y, each channels x lanes. */
typedef struct job {
    const ae__conv_gradient *g;
    const ae__kernels *kernels;
    size_t blocks, groups;
    real *gradients;
    size_t size; /* of one of them */
    /* Of the first worker: a block for what lies in rows; those of the next are `worker_bytes`
     * further on. */
    unsigned char *x, *dy;
    size_t worker_bytes;
} job;

/* dw begins on a cache line, and so do the sums. */
static size_t sums_at(const ae__conv *c)
{
    return ae__round_up(ae__conv_weights(c), LINE);
}

static size_t group_size(const ae__conv *c, size_t lanes)
{
    return ae__round_up(sums_at(c) + (c->x_c + c->y_c) * lanes, LINE);
}

static size_t group_count(const ae__conv *c, size_t lanes, size_t blocks)
{
    const size_t most = ae__max_size(GROUP_REALS / group_size(c, lanes), 1);
    return ae__min_size(blocks, ae__min_size(most, MOST_GROUPS));
}

/* The block of images from `row` on: where it lies, or in `work`. */
static const real *block_of(const job *j, const ae__images *x, size_t row, size_t size, void *work)
{
    const real *at = x->at + row * x->row;
    if (x->blocked) return at;
    const size_t rows = ae__min_size(j->kernels->lanes, j->g->rows - row);
    ae__block_pack(work, at, x->row, rows, size, j->kernels);
    return work;
}

static void group_task(void *arg, size_t task, size_t worker)
{
    const job *j = arg;
    const ae__conv_gradient *g = j->g;
    const ae__conv *c = g->conv;
    const size_t mine = worker * j->worker_bytes;
    real *dw = j->gradients + task * j->size;
    real *x_sums = dw + sums_at(c), *y_sums = x_sums + c->x_c * j->kernels->lanes;
    memset(dw, 0, j->size * sizeof *dw);
    const size_t end = j->blocks * (task + 1) / j->groups;
    for (size_t block = j->blocks * task / j->groups; block < end; block++) {
        const size_t row = block * j->kernels->lanes;
        ae__conv_block_gradient_run(
            &(ae__conv_block_gradient){
                .conv = c,
                .x = block_of(j, &g->x, row, ae__conv_x_size(c), j->x + mine),
                .dy = block_of(j, &g->dy, row, ae__conv_y_size(c), j->dy + mine),
                .dw = dw,
                .x_sums = g->x_sums ? x_sums : NULL,
                .y_sums = g->y_sums ? y_sums : NULL,
            },
            j->kernels);
    }
}

/* The sums of `channels` channels, those of the groups at `at`: group by group, lane by lane. */
static void add_sums(const job *j, real *out, size_t at, size_t channels, bool accumulate)
{
    const size_t lanes = j->kernels->lanes;
    for (size_t c = 0; out && c < channels; c++) {
        real sum = accumulate ? out[c] : 0;
        for (size_t group = 0; group < j->groups; group++) {
            const real *lane = j->gradients + group * j->size + at + c * lanes;
            for (size_t i = 0; i < lanes; i++) sum += lane[i];
        }
        out[c] = sum;
    }
}

static void slice_task(void *arg, size_t task, size_t worker)
{
    const job *j = arg;
    const ae__conv_gradient *g = j->g;
    const size_t begin = task * SLICE;
    const size_t count = ae__min_size(SLICE, ae__conv_weights(g->conv) - begin);
    (void)worker;
    j->kernels->column_sums(g->dw + begin, j->gradients + begin, j->size, j->groups, count,
                            g->accumulate);
    if (g->done) g->done(g->done_arg, begin, count);
}

/* Measures the scratch, or carves it. */
static void bind(job *j, ae__arena *arena, int32_t threads)
{
    const ae__conv *c = j->g->conv;
    const size_t lanes = j->kernels->lanes, vector = lanes * sizeof(real);
    j->size = group_size(c, lanes);
    j->blocks = ae__blocks(j->g->rows, lanes);
    j->groups = group_count(c, lanes, j->blocks);
    j->gradients = ae__arena_take(arena, j->groups, j->size * sizeof(real));
    const size_t before = arena->bytes;
    j->x = ae__arena_take(arena, j->g->x.blocked ? 0 : ae__conv_x_size(c), vector);
    j->dy = ae__arena_take(arena, j->g->dy.blocked ? 0 : ae__conv_y_size(c), vector);
    j->worker_bytes = arena->bytes - before;
    ae__arena_take(arena, (size_t)threads - 1, j->worker_bytes);
}

void ae__conv_gradient_run(const ae__conv_gradient *g, const ae__engine *engine)
{
    const ae__conv *c = g->conv;
    const size_t sums = sums_at(c);
    job j = {.g = g, .kernels = engine->kernels};
    ae__arena arena = {.base = g->scratch, .cap = SIZE_MAX};
    bind(&j, &arena, ae__pool_threads(engine->pool));
    ae__pool_run(engine->pool, j.groups, group_task, &j);
    add_sums(&j, g->x_sums, sums, c->x_c, g->accumulate_sums);
    add_sums(&j, g->y_sums, sums + c->x_c * j.kernels->lanes, c->y_c, g->accumulate_sums);
    ae__pool_run(engine->pool, ae__blocks(ae__conv_weights(c), SLICE), slice_task, &j);
}

bool ae__conv_gradient_scratch(const ae__conv *c, size_t rows, bool x_blocked, bool dy_blocked,
                               const ae__engine *engine, size_t *bytes)
{
    const ae__conv_gradient g = {
        .conv = c, .rows = rows, .x.blocked = x_blocked, .dy.blocked = dy_blocked};
    job j = {.g = &g, .kernels = engine->kernels};
    ae__arena arena = {.base = NULL};
    bind(&j, &arena, ae__pool_threads(engine->pool));
    *bytes = arena.bytes;
    return !arena.overflow;
}
