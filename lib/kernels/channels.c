/* Cut into tasks of whole blocks, or of as many rows. */
#include "kernels/channels.h"

#include <string.h>

#include "ae/ae.h"
#include "base/size.h"

enum {
    TASK_ROWS = AE__MAX_LANES,
    PIXELS = 256,  /* summed as reals */
    COLUMNS = 256, /* at a time */
    PART = 2048    /* reals blended at a time */
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

/* ---- sums ---- */

/* Two a task. */
size_t ae__channel_sums(size_t rows)
{
    return 2 * ae__blocks(rows, TASK_ROWS);
}

typedef struct summing {
    const ae__channel_moments *m;
    const ae__kernels *kernels;
    size_t step, columns;
} summing;

/* Adds those of some pixels of some columns, which begin `at` behind the row or block, for its first
 * `images`. */
static void add_part(const summing *k, size_t row, size_t at, size_t pixels, size_t n,
                     size_t images, double *sums)
{
    const ae__channel_moments *m = k->m;
    const size_t column = at % k->columns;
    double *products = sums + m->of.channels;
    real sum[COLUMNS], product[COLUMNS];
    k->kernels->column_moments(
        &(ae__column_moments){.u = m->u + row * m->u_row + at,
                              .v = m->v + row * m->v_row + at,
                              .u_row = k->columns,
                              .v_row = k->columns,
                              .u_shift = m->u_shift ? m->u_shift + column : NULL,
                              .v_shift = m->v_shift + column,
                              .rows = pixels,
                              .n = n},
        sum, product);
    for (size_t i = 0; i < n; i += k->step)
        for (size_t j = 0; j < images; j++) {
            sums[(column + i) / k->step] += (double)sum[i + j];
            products[(column + i) / k->step] += (double)product[i + j];
        }
}

static void add_images(const summing *k, size_t row, size_t images, double *sums)
{
    const size_t all = k->m->of.pixels;
    for (size_t pixel = 0; pixel < all; pixel += PIXELS)
        for (size_t column = 0; column < k->columns; column += COLUMNS)
            add_part(k, row, pixel * k->columns + column, ae__min_size(PIXELS, all - pixel),
                     ae__min_size(COLUMNS, k->columns - column), images, sums);
}

static void sum_task(void *arg, size_t task, size_t worker)
{
    const summing *k = arg;
    const ae__channels *c = &k->m->of;
    const size_t end = ae__min_size((task + 1) * TASK_ROWS, c->rows);
    double *sums = k->m->sums + task * 2 * c->channels;
    (void)worker;
    memset(sums, 0, 2 * c->channels * sizeof *sums);
    for (size_t row = task * TASK_ROWS; row < end; row += k->step)
        add_images(k, row, ae__min_size(k->step, end - row), sums);
}

void ae__channel_moments_run(const ae__channel_moments *m, const ae__engine *engine)
{
    summing k = {m, engine->kernels, step_of(&m->of, engine), ae__channels_columns(&m->of, engine)};
    const size_t tasks = ae__blocks(m->of.rows, TASK_ROWS), n = 2 * m->of.channels;
    ae__pool_run(engine->pool, tasks, sum_task, &k);
    for (size_t task = 1; task < tasks; task++)
        for (size_t i = 0; i < n; i++) m->sums[i] += m->sums[task * n + i];
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

/* Some pixels of a row or block, and what is done to them while they are in cache. */
static void blend_part(const blending *k, real *y, const real *x, const real *u, size_t pixels)
{
    const ae__channel_blend *b = k->b;
    const size_t n = pixels * k->columns;
    k->kernels->blend(&(ae__blend){.a = b->a,
                                   .shift = b->shift,
                                   .d = b->d,
                                   .b = b->b,
                                   .x = x,
                                   .u = u,
                                   .x_row = k->columns,
                                   .u_row = k->columns,
                                   .rows = pixels,
                                   .n = k->columns},
                      y, k->columns);
    if (b->act == AE_ACT_LINEAR) return;
    if (b->gradient)
        k->kernels->derive(b->act, b->slope, y, y, x, n);
    else
        k->kernels->activate(b->act, b->slope, y, y, n);
}

static void blend_task(void *arg, size_t task, size_t worker)
{
    const blending *k = arg;
    const ae__channel_blend *b = k->b;
    const size_t end = ae__min_size((task + 1) * TASK_ROWS, b->of.rows);
    const size_t part = ae__max_size(PART / k->columns, 1), size = b->of.pixels * k->columns;
    (void)worker;
    for (size_t row = task * TASK_ROWS; row < end; row += k->step) {
        const real *x = b->x + row * b->x_row, *u = b->u ? b->u + row * b->u_row : NULL;
        real *y = b->y + row * b->y_row;
        for (size_t pixel = 0; pixel < b->of.pixels; pixel += part) {
            const size_t at = pixel * k->columns;
            blend_part(k, y + at, x + at, u ? u + at : NULL,
                       ae__min_size(part, b->of.pixels - pixel));
        }
        if (b->gradient) clear_behind(y, ae__min_size(k->step, end - row), k->step, size / k->step);
    }
}

void ae__channel_blend_run(const ae__channel_blend *b, const ae__engine *engine)
{
    blending k = {b, engine->kernels, step_of(&b->of, engine),
                  ae__channels_columns(&b->of, engine)};
    ae__pool_run(engine->pool, ae__blocks(b->of.rows, TASK_ROWS), blend_task, &k);
}
