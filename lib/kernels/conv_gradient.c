/* The gradient of a convolution's weights: groups of blocks, then the sum of the groups. */
#include "kernels/conv.h"

#include <string.h>

#include "base/size.h"

enum {
    MOST_GROUPS = 16,
    GROUP_REALS = 1 << 20, /* of the gradients of all groups together, where weights are many */
    SLICE = 4096,          /* weights that a task adds up */
    LINE = 64 / sizeof(real),
};

/* A group's gradient: dw, then the sums over x, then those over y. */
typedef struct job {
    const ae__conv_gradient *g;
    const ae__kernels *kernels;
    size_t blocks, groups;
    real *gradients;
    size_t size; /* of one of them */
    real *work;  /* of each worker: x where it is in rows, then dy */
    size_t dy_block, worker_size;
} job;

static size_t group_size(const ae__conv *c)
{
    return ae__round_up(ae__conv_weights(c) + c->x_c + c->y_c, LINE);
}

static size_t group_count(const ae__conv *c, size_t blocks)
{
    const size_t most = ae__max_size(GROUP_REALS / group_size(c), 1);
    return ae__min_size(blocks, ae__min_size(most, MOST_GROUPS));
}

/* The block of images from `row` on, where it lies or in `work`. */
static const real *block_of(const job *j, const ae__images *x, size_t row, size_t size, real *work)
{
    const real *at = x->at + row * x->row;
    if (x->blocked) return at;
    const size_t rows = ae__min_size(j->kernels->lanes, j->g->rows - row);
    j->kernels->pack(work, at, x->row, rows, size);
    return work;
}

static void group_task(void *arg, size_t task, size_t worker)
{
    const job *j = arg;
    const ae__conv_gradient *g = j->g;
    const ae__conv *c = g->conv;
    real *dw = j->gradients + task * j->size, *work = j->work + worker * j->worker_size;
    real *x_sums = dw + ae__conv_weights(c), *y_sums = x_sums + c->x_c;
    memset(dw, 0, j->size * sizeof *dw);
    const size_t end = j->blocks * (task + 1) / j->groups;
    for (size_t block = j->blocks * task / j->groups; block < end; block++) {
        const size_t row = block * j->kernels->lanes;
        j->kernels->conv_gradient(&(ae__conv_gradient_block){
            .conv = c,
            .x = block_of(j, &g->x, row, ae__conv_x_size(c), work),
            .dy = block_of(j, &g->dy, row, ae__conv_y_size(c), work + j->dy_block),
            .dw = dw,
            .x_sums = g->x_sums ? x_sums : NULL,
            .y_sums = g->y_sums ? y_sums : NULL,
        });
    }
}

static void add_groups(const job *j, real *out, size_t at, size_t count, bool accumulate)
{
    j->kernels->column_sums(out, j->gradients + at, j->size, j->groups, count, accumulate);
}

static void slice_task(void *arg, size_t task, size_t worker)
{
    const job *j = arg;
    const ae__conv_gradient *g = j->g;
    const size_t begin = task * SLICE;
    const size_t count = ae__min_size(SLICE, ae__conv_weights(g->conv) - begin);
    (void)worker;
    add_groups(j, g->dw + begin, begin, count, g->accumulate);
    if (g->done) g->done(g->done_arg, begin, count);
}

void ae__conv_gradient_run(const ae__conv_gradient *g, const ae__engine *engine)
{
    const ae__conv *c = g->conv;
    const size_t lanes = engine->kernels->lanes, weights = ae__conv_weights(c);
    job j = {.g = g, .kernels = engine->kernels, .gradients = g->scratch, .size = group_size(c)};
    j.blocks = ae__blocks(g->rows, lanes);
    j.groups = group_count(c, j.blocks);
    j.work = g->scratch + j.groups * j.size;
    j.dy_block = g->x.blocked ? 0 : ae__round_up(ae__conv_x_size(c) * lanes, LINE);
    j.worker_size =
        j.dy_block + (g->dy.blocked ? 0 : ae__round_up(ae__conv_y_size(c) * lanes, LINE));
    ae__pool_run(engine->pool, j.groups, group_task, &j);
    if (g->x_sums) add_groups(&j, g->x_sums, weights, c->x_c, g->accumulate_sums);
    if (g->y_sums) add_groups(&j, g->y_sums, weights + c->x_c, c->y_c, g->accumulate_sums);
    ae__pool_run(engine->pool, ae__blocks(weights, SLICE), slice_task, &j);
}

bool ae__conv_scratch(const ae__conv *c, size_t rows, bool x_blocked, bool y_blocked, bool training,
                      const ae__engine *engine, size_t *reals)
{
    const size_t lanes = engine->kernels->lanes;
    const size_t images =
        (x_blocked ? 0 : ae__conv_x_size(c)) + (y_blocked ? 0 : ae__conv_y_size(c));
    const size_t zeros = ae__max_size(c->x_c, c->y_c);
    size_t blocks, all, pass, groups = 0;
    if (!ae__mul_size(images, lanes, &blocks) || !ae__add_size(blocks, 2 * LINE, &blocks) ||
        !ae__mul_size(blocks, (size_t)ae__pool_threads(engine->pool), &all))
        return false;
    if (!ae__mul_size(zeros, lanes, &pass) || !ae__add_size(pass, ae__conv_weights(c), &pass))
        return false;
    if (training) groups = group_count(c, ae__blocks(rows, lanes)) * group_size(c);
    return ae__add_size(all, ae__max_size(pass + 2 * LINE, groups), reals);
}
