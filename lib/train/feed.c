/* Batches of rows, out of memory or out of windows that are read. */
#include "train/feed.h"

#include <stdio.h>

#include "base/size.h"
#include "base/status.h"

enum { ROWS = AE__FEED_ROWS /* of one task */ };

static bool is_source(const ae__array *array)
{
    return array && array->source;
}

/* ---- rows of a batch ---- */

static bool holds(const ae__stretch *stretch, uint64_t position)
{
    return position >= stretch->first && position - stretch->first < stretch->rows;
}

/* Numbers and slots of the rows from a position on. */
static void number_rows(const ae__feed *f, uint64_t position, size_t count, uint64_t *slots,
                        uint64_t *numbers)
{
    ae__stretch stretch;
    for (size_t i = 0, n; i < count; i += n, position += n) {
        ae__sequence_stretch(&f->sequence, position, &stretch);
        n = count - i;
        if (n > stretch.first + stretch.rows - position)
            n = (size_t)(stretch.first + stretch.rows - position);
        ae__sequence_slots(&f->sequence, &stretch, position, n, slots + i);
        ae__sequence_rows(&f->sequence, &stretch, slots + i, n, numbers + i);
    }
}

/* Whether the batch is so small that rows are numbered for several. */
static bool is_small(const ae__feed *f)
{
    return !f->slots && 2 * f->batch.rows <= ROWS;
}

/* Numbers the rows of several small batches together, since one permutation waits for itself, and has
 * those of this batch among them. */
static void number_ahead(ae__feed *f)
{
    ae__numbered *known = &f->known;
    uint64_t slots[ROWS];
    if (f->batch.at < known->from || f->batch.at + f->batch.rows > known->to) {
        const uint64_t left = f->sequence.rows - f->batch.at;
        known->from = f->batch.at;
        known->to = known->from + (left < ROWS ? left : ROWS);
        number_rows(f, known->from, (size_t)(known->to - known->from), slots, known->numbers);
    }
    f->batch.numbers = known->numbers + (f->batch.at - known->from);
}

/* Numbers some rows, and takes them out of memory. */
static void rows_task(void *arg, size_t task, size_t worker)
{
    ae__feed *f = arg;
    const size_t begin = task * ROWS, end = ae__min_size(begin + ROWS, f->batch.rows);
    uint64_t some[ROWS], *slots = f->slots ? f->slots + begin : some;
    uint64_t *numbers = f->batch.numbers + begin;
    size_t known = end - begin;
    (void)worker;
    if (is_small(f))
        known = (size_t)(f->known.to - f->batch.at);
    else
        number_rows(f, f->batch.at + begin, end - begin, slots, numbers);
    for (int32_t i = 0; i < AE__FEED_ROLES; i++) {
        const ae__array *array = f->arrays[i];
        if (!array || array->source) continue;
        ae__array_gather_alone(array, numbers, end - begin, known,
                               f->batch.buffers[i] + begin * ae__row_stride(array->dim),
                               f->model->engine.kernels);
    }
}

/* ---- windows ---- */

/* Rows of an array that stand together in the data are read together. */
static int32_t read_array(const ae__feed *f, const ae__array *array, const ae__stretch *stretch,
                          void *raw)
{
    const size_t bytes = ae__array_row_bytes(array);
    for (uint64_t slot = 0, n; slot < stretch->rows; slot += n) {
        uint64_t first = ae__sequence_row(&f->sequence, stretch, slot);
        n = 1;
        while (slot + n < stretch->rows &&
               ae__sequence_row(&f->sequence, stretch, slot + n) == first + n)
            n++;
        AE_TRY(ae__array_fetch(array, first, (size_t)n, (char *)raw + (size_t)slot * bytes));
    }
    return AE_OK;
}

static int32_t read_arrays(const ae__feed *f, const ae__feed_window *w)
{
    for (int32_t i = 0; i < AE__FEED_ROLES; i++) {
        if (is_source(f->arrays[i])) AE_TRY(read_array(f, f->arrays[i], &w->stretch, w->raw[i]));
    }
    return AE_OK;
}

/* Messages belong to threads, so the window carries that of its own. */
static void read_window(const ae__feed *f, ae__feed_window *w)
{
    w->status = read_arrays(f, w);
    if (w->status != AE_OK) snprintf(w->message, sizeof w->message, "%s", ae__message());
}

static void read_job(void *feed)
{
    const ae__feed *f = feed;
    read_window(f, f->reading);
}

static void finish_reading(ae__feed *f)
{
    if (f->reading) ae__runner_wait(f->runner);
    f->reading = NULL;
}

static ae__feed_window *other(ae__feed *f)
{
    return f->runner && f->now == f->pair ? f->pair + 1 : f->pair;
}

static void set_window(ae__feed *f, ae__feed_window *w, uint64_t position)
{
    w->full = true;
    ae__sequence_stretch(&f->sequence, position, &w->stretch);
}

static void read_ahead(ae__feed *f)
{
    uint64_t next = f->now->stretch.first + f->now->stretch.rows;
    if (!f->runner || next >= f->sequence.rows) return;
    f->reading = other(f);
    set_window(f, f->reading, next);
    ae__runner_start(f->runner, read_job, f);
}

/* Has the window of a position be the one that rows are taken from. */
static int32_t bring(ae__feed *f, uint64_t position)
{
    if (f->now->full && holds(&f->now->stretch, position)) return AE_OK;
    finish_reading(f);
    f->now = other(f);
    if (!f->now->full || !holds(&f->now->stretch, position)) {
        set_window(f, f->now, position);
        read_window(f, f->now);
        AE_TRY(ae__pool_check(f->model->engine.pool)); /* it may return in a forked child */
    }
    if (f->now->status != AE_OK) {
        f->now->full = false;
        return ae__fail(f->now->status, "%s", f->now->message);
    }
    read_ahead(f);
    return AE_OK;
}

/* ---- batches ---- */

static int32_t take_from_windows(ae__feed *f)
{
    const ae__engine *engine = &f->model->engine;
    const ae__taking *batch = &f->batch;
    for (size_t done = 0, n; done < batch->rows; done += n) {
        AE_TRY(bring(f, batch->at + done));
        const ae__stretch *stretch = &f->now->stretch;
        size_t left = (size_t)(stretch->first + stretch->rows - (batch->at + done));
        n = ae__min_size(batch->rows - done, left);
        for (int32_t i = 0; i < AE__FEED_ROLES; i++) {
            if (!is_source(f->arrays[i])) continue;
            ae__array in = ae__array_in_memory(f->arrays[i], f->now->raw[i], (size_t)stretch->rows);
            real *out = batch->buffers[i] + done * ae__row_stride(in.dim);
            ae__array_gather(&in, f->slots + done, n, out, engine);
            AE_TRY(
                ae__array_check(f->arrays[i], batch->numbers + done, 0, n, out, engine->kernels));
        }
    }
    return AE_OK;
}

int32_t ae__feed_batch(ae__feed *f, ae__trainer *trainer, uint64_t at, ae__context *context)
{
    ae__rows rows[AE__FEED_ROLES] = {{0}};
    f->batch = (ae__taking){
        .at = at,
        .numbers = trainer->numbers,
        .rows = context->rows,
        .buffers = {trainer->x, trainer->target, trainer->side, trainer->weight},
    };
    if (is_small(f)) number_ahead(f);
    ae__pool_run(f->model->engine.pool, ae__blocks(context->rows, ROWS), rows_task, f);
    if (f->block) AE_TRY(take_from_windows(f));
    for (int32_t i = 0; i < AE__FEED_ROLES; i++)
        if (f->arrays[i])
            rows[i] = (ae__rows){f->batch.buffers[i], ae__row_stride(f->arrays[i]->dim)};
    const ae__rows target = rows[f->arrays[1] ? 1 : 0];
    context->row_numbers = f->batch.numbers;
    context->target = target.at;
    context->target_row = target.row;
    context->side = rows[2].at;
    context->side_row = rows[2].row;
    context->row_weight = rows[3].at;
    ae__trainer_weigh(trainer, context);
    return AE_OK;
}

/* ---- life ---- */

void ae__feed_begin(ae__feed *f, uint64_t epoch)
{
    finish_reading(f);
    f->pair[0].full = f->pair[1].full = false;
    f->known.to = 0;
    ae__sequence_set(&f->sequence, &f->model->desc.model, f->sequence.rows, epoch,
                     f->model->engine.kernels);
}

static int32_t check_order(const ae__feed *f)
{
    for (int32_t i = 0; i < AE__FEED_ROLES; i++) {
        if (is_source(f->arrays[i]) && f->arrays[i]->source->in_order &&
            f->sequence.permutes_blocks)
            return ae__fail(AE_ERR_STATE,
                            "%s: its rows come in order alone, wanted AE_PARAM_SHUFFLE of "
                            "AE_SHUFFLE_NONE or AE_SHUFFLE_WINDOW",
                            f->arrays[i]->name);
    }
    return AE_OK;
}

/* Whether there are sources, and whether all of them may be read by another thread. */
static bool has_sources(const ae__feed *f, bool *any_thread)
{
    bool found = false;
    *any_thread = true;
    for (int32_t i = 0; i < AE__FEED_ROLES; i++) {
        if (!is_source(f->arrays[i])) continue;
        found = true;
        *any_thread &= f->arrays[i]->source->any_thread;
    }
    return found;
}

static void bind(ae__feed *f, ae__arena *arena, size_t batch, bool ahead)
{
    const size_t rows = (size_t)ae__sequence_window(&f->sequence);
    f->slots = ae__arena_take(arena, batch, sizeof *f->slots);
    for (int32_t w = 0; w <= ahead; w++) {
        for (int32_t i = 0; i < AE__FEED_ROLES; i++) {
            if (is_source(f->arrays[i]))
                f->pair[w].raw[i] = ae__arena_take(arena, rows, ae__array_row_bytes(f->arrays[i]));
        }
    }
}

static int32_t allocate(ae__feed *f, size_t batch, bool ahead)
{
    const unsigned long long rows = ae__sequence_window(&f->sequence);
    ae__arena arena = {0};
    bind(f, &arena, batch, ahead);
    if (arena.overflow) return ae__fail(AE_ERR_RANGE, "fit: a window of %llu rows overflows", rows);
    f->block = ae__mem_alloc(&f->model->mem, arena.bytes);
    if (!f->block)
        return ae__fail(
            AE_ERR_NOMEM,
            "fit: no memory for %zu bytes of windows of %llu rows; lower shuffle_window",
            arena.bytes, rows);
    arena = (ae__arena){.base = f->block, .cap = arena.bytes};
    bind(f, &arena, batch, ahead);
    return ahead ? ae__runner_create(&f->runner, &f->model->mem) : AE_OK;
}

int32_t ae__feed_open(ae__feed *f, ae_model *model, const ae__view *data, size_t batch)
{
    const ae__array *arrays[] = {&data->x, &data->y, &data->side, &data->weight};
    bool any_thread;
    *f = (ae__feed){.model = model};
    f->now = f->pair;
    for (int32_t i = 0; i < AE__FEED_ROLES; i++)
        f->arrays[i] = ae__array_given(arrays[i]) ? arrays[i] : NULL;
    ae__sequence_set(&f->sequence, &model->desc.model, data->x.rows, 1, model->engine.kernels);
    AE_TRY(check_order(f));
    if (!has_sources(f, &any_thread)) return AE_OK;
    int32_t status = allocate(f, batch, any_thread && ae__pool_threads(model->engine.pool) > 1);
    if (status != AE_OK) ae__feed_close(f);
    return status;
}

void ae__feed_close(ae__feed *f)
{
    if (!f->model) return;
    ae__runner_free(f->runner);
    ae__mem_free(&f->model->mem, f->block);
    *f = (ae__feed){0};
}
