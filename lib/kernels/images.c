/* How passes over images are cut: by images, or by blocks of them. */
#include "kernels/images.h"

#include "base/size.h"

enum { TASK_CELLS = 1 << 16 }; /* numbers of the larger tensor in a task */

typedef struct job {
    const ae__image_pass *pass;
    const ae__kernels *kernels;
    const ae__pooling *pooling;
    const ae__upsampling *upsampling;
    void (*image)(const struct job *j, size_t row);
    size_t pixel;       /* reals of a pixel */
    size_t step, count; /* rows of an image or block; images or blocks of a task */
} job;

static void run_task(void *arg, size_t task, size_t worker)
{
    const job *j = arg;
    (void)worker;
    for (size_t i = task * j->count; i < (task + 1) * j->count; i++)
        if (i * j->step < j->pass->rows) j->image(j, i * j->step);
}

static void run(job *j, size_t pixels, const ae__engine *engine)
{
    const ae__image_pass *pass = j->pass;
    j->kernels = engine->kernels;
    j->step = pass->blocked ? engine->kernels->lanes : 1;
    j->pixel = pass->channels * j->step;
    j->count = ae__max_size(TASK_CELLS / ae__max_size(pixels * j->pixel, 1), 1);
    const size_t tasks = ae__blocks(ae__blocks(pass->rows, j->step), j->count);
    ae__pool_run(engine->pool, tasks, run_task, j);
}

static void pool(const job *j, size_t row)
{
    const ae__image_pass *p = j->pass;
    j->kernels->pool(j->pooling, p->y + row * p->y_row, p->x + row * p->x_row, j->pixel);
}

static void pool_back(const job *j, size_t row)
{
    const ae__image_pass *p = j->pass;
    const size_t x = row * p->x_row, y = row * p->y_row;
    j->kernels->pool_back(j->pooling, p->act, p->slope, p->dx + x, p->dy + y, p->x + x, p->y + y,
                          j->pixel);
}

static void upsample(const job *j, size_t row)
{
    const ae__image_pass *p = j->pass;
    j->kernels->upsample(j->upsampling, p->y + row * p->y_row, p->x + row * p->x_row, j->pixel);
}

static void upsample_back(const job *j, size_t row)
{
    const ae__image_pass *p = j->pass;
    const size_t x = row * p->x_row;
    j->kernels->upsample_back(j->upsampling, p->act, p->slope, p->dx + x, p->dy + row * p->y_row,
                              p->x + x, j->pixel);
}

static void run_pooling(const ae__pooling *p, const ae__image_pass *pass, const ae__engine *engine,
                        void (*image)(const job *j, size_t row))
{
    job j = {.pass = pass, .pooling = p, .image = image};
    run(&j, p->x_h * p->x_w, engine);
}

static void run_upsampling(const ae__upsampling *u, const ae__image_pass *pass,
                           const ae__engine *engine, void (*image)(const job *j, size_t row))
{
    job j = {.pass = pass, .upsampling = u, .image = image};
    run(&j, u->x_h * u->factor_h * u->x_w * u->factor_w, engine);
}

void ae__pooling_forward(const ae__pooling *p, const ae__image_pass *pass, const ae__engine *engine)
{
    run_pooling(p, pass, engine, pool);
}

void ae__pooling_backward(const ae__pooling *p, const ae__image_pass *pass,
                          const ae__engine *engine)
{
    run_pooling(p, pass, engine, pool_back);
}

void ae__upsampling_forward(const ae__upsampling *u, const ae__image_pass *pass,
                            const ae__engine *engine)
{
    run_upsampling(u, pass, engine, upsample);
}

void ae__upsampling_backward(const ae__upsampling *u, const ae__image_pass *pass,
                             const ae__engine *engine)
{
    run_upsampling(u, pass, engine, upsample_back);
}

/* Elements that the kernels turn: of whole blocks, 4 at a time. */
static size_t quick(size_t rows, size_t n, size_t lanes)
{
    return rows == lanes ? n / 4 * 4 : 0;
}

void ae__block_pack(real *block, const real *x, size_t x_row, size_t rows, size_t n,
                    const ae__kernels *kernels)
{
    const size_t lanes = kernels->lanes, done = quick(rows, n, lanes);
    kernels->pack(block, x, x_row, done);
    for (size_t i = 0; i < lanes; i++)
        for (size_t j = done; j < n; j++) block[j * lanes + i] = i < rows ? x[i * x_row + j] : 0;
}

void ae__block_unpack(real *x, size_t x_row, const real *block, size_t rows, size_t n,
                      const ae__kernels *kernels)
{
    const size_t lanes = kernels->lanes, done = quick(rows, n, lanes);
    kernels->unpack(x, x_row, block, done);
    for (size_t i = 0; i < rows; i++)
        for (size_t j = done; j < n; j++) x[i * x_row + j] = block[j * lanes + i];
}

/* A conversion. */
typedef struct turn {
    real *y;
    const real *x;
    size_t y_row, x_row, rows, n;
    const ae__kernels *kernels;
} turn;

static void pack_task(void *arg, size_t task, size_t worker)
{
    const turn *t = arg;
    const size_t lanes = t->kernels->lanes, row = task * lanes;
    (void)worker;
    ae__block_pack(t->y + row * t->y_row, t->x + row * t->x_row, t->x_row,
                   ae__min_size(lanes, t->rows - row), t->n, t->kernels);
}

static void unpack_task(void *arg, size_t task, size_t worker)
{
    const turn *t = arg;
    const size_t lanes = t->kernels->lanes, row = task * lanes;
    (void)worker;
    ae__block_unpack(t->y + row * t->y_row, t->y_row, t->x + row * t->x_row,
                     ae__min_size(lanes, t->rows - row), t->n, t->kernels);
}

void ae__images_pack(real *y, size_t y_row, const real *x, size_t x_row, size_t rows, size_t n,
                     const ae__engine *engine)
{
    turn t = {y, x, y_row, x_row, rows, n, engine->kernels};
    ae__pool_run(engine->pool, ae__blocks(rows, t.kernels->lanes), pack_task, &t);
}

void ae__images_unpack(real *y, size_t y_row, const real *x, size_t x_row, size_t rows, size_t n,
                       const ae__engine *engine)
{
    turn t = {y, x, y_row, x_row, rows, n, engine->kernels};
    ae__pool_run(engine->pool, ae__blocks(rows, t.kernels->lanes), unpack_task, &t);
}
