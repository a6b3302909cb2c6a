/* Cut into tasks of whole blocks, or of as many rows. */
#include "kernels/channels.h"

#include <string.h>

#include "ae/ae.h"
#include "base/size.h"

enum {
    TASK_ROWS = AE__MAX_LANES,
    PIXELS = 256, /* summed as reals */
    COLUMNS = 256 /* at a time */
};

/* Columns of a channel: images of a block. */
static size_t step_of(const ae__channels *c, const ae__engine *engine)
{
    return c->blocked ? engine->kernels->lanes : 1;
}

size_t ae__channels_columns(const ae__channels *c, const ae__engine *engine)
{
    return c->channels * step_of(c, engine);
}

void ae__channels_set(const ae__channels *c, real *columns, size_t channel, double value,
                      const ae__engine *engine)
{
    const size_t step = step_of(c, engine);
    for (size_t i = 0; i < step; i++) columns[channel * step + i] = (real)value;
}

size_t ae__channel_sums(size_t rows)
{
    return ae__blocks(rows, TASK_ROWS);
}

/* ---- sums ---- */

typedef struct summing {
    const ae__channel_sum *s;
    const ae__kernels *kernels;
    size_t step, columns;
} summing;

/* Some pixels of some columns, which begin `at` behind the row or block. */
static void sum_part(const summing *k, size_t row, size_t at, size_t pixels, size_t n, real *out)
{
    const ae__channel_sum *s = k->s;
    const real *u = s->u + row * s->u_row + at;
    const size_t column = at % k->columns;
    if (!s->v) {
        k->kernels->column_sums(out, u, k->columns, pixels, n, false);
        return;
    }
    const ae__column_products p = {.u = u,
                                   .v = s->v + row * s->v_row + at,
                                   .u_row = k->columns,
                                   .v_row = k->columns,
                                   .u_shift = s->u_shift ? s->u_shift + column : NULL,
                                   .v_shift = s->v_shift + column,
                                   .rows = pixels,
                                   .n = n};
    k->kernels->column_products(&p, out);
}

/* A row, or the first `images` of a block. */
static void sum_images(const summing *k, size_t row, size_t images, double *sums)
{
    const size_t all = k->s->of.pixels;
    real part[COLUMNS];
    for (size_t pixel = 0; pixel < all; pixel += PIXELS)
        for (size_t column = 0; column < k->columns; column += COLUMNS) {
            const size_t n = ae__min_size(COLUMNS, k->columns - column);
            sum_part(k, row, pixel * k->columns + column, ae__min_size(PIXELS, all - pixel), n,
                     part);
            for (size_t i = 0; i < n; i += k->step)
                for (size_t j = 0; j < images; j++)
                    sums[(column + i) / k->step] += (double)part[i + j];
        }
}

static void sum_task(void *arg, size_t task, size_t worker)
{
    const summing *k = arg;
    const ae__channels *c = &k->s->of;
    const size_t end = ae__min_size((task + 1) * TASK_ROWS, c->rows);
    double *sums = k->s->sums + task * c->channels;
    (void)worker;
    memset(sums, 0, c->channels * sizeof *sums);
    for (size_t row = task * TASK_ROWS; row < end; row += k->step)
        sum_images(k, row, ae__min_size(k->step, end - row), sums);
}

void ae__channel_sum_run(const ae__channel_sum *s, const ae__engine *engine)
{
    summing k = {s, engine->kernels, step_of(&s->of, engine), ae__channels_columns(&s->of, engine)};
    const size_t tasks = ae__channel_sums(s->of.rows), n = s->of.channels;
    ae__pool_run(engine->pool, tasks, sum_task, &k);
    for (size_t task = 1; task < tasks; task++)
        for (size_t i = 0; i < n; i++) s->sums[i] += s->sums[task * n + i];
}

/* ---- blends ---- */

typedef struct blending {
    const ae__channel_blend *b;
    const ae__kernels *kernels;
    size_t step, columns;
} blending;

static void clear_behind(real *block, size_t images, size_t lanes, size_t n)
{
    for (size_t e = 0; images < lanes && e < n; e++)
        for (size_t i = images; i < lanes; i++) block[e * lanes + i] = 0;
}

static void finish(const blending *k, real *y, const real *x, size_t images)
{
    const ae__channel_blend *b = k->b;
    const size_t n = b->of.pixels * k->columns;
    if (b->gradient) {
        k->kernels->derive(b->act, b->slope, y, y, x, n);
        clear_behind(y, images, k->step, n / k->step);
    } else if (b->act != AE_ACT_LINEAR) {
        k->kernels->activate(b->act, b->slope, y, y, n);
    }
}

static void blend_task(void *arg, size_t task, size_t worker)
{
    const blending *k = arg;
    const ae__channel_blend *b = k->b;
    const size_t end = ae__min_size((task + 1) * TASK_ROWS, b->of.rows);
    (void)worker;
    for (size_t row = task * TASK_ROWS; row < end; row += k->step) {
        const real *x = b->x + row * b->x_row;
        real *y = b->y + row * b->y_row;
        const ae__blend one = {.a = b->a,
                               .shift = b->shift,
                               .d = b->d,
                               .b = b->b,
                               .x = x,
                               .u = b->u ? b->u + row * b->u_row : NULL,
                               .x_row = k->columns,
                               .u_row = k->columns,
                               .rows = b->of.pixels,
                               .n = k->columns};
        k->kernels->blend(&one, y, k->columns);
        finish(k, y, x, ae__min_size(k->step, end - row));
    }
}

void ae__channel_blend_run(const ae__channel_blend *b, const ae__engine *engine)
{
    blending k = {b, engine->kernels, step_of(&b->of, engine),
                  ae__channels_columns(&b->of, engine)};
    ae__pool_run(engine->pool, ae__blocks(b->of.rows, TASK_ROWS), blend_task, &k);
}
