/* Fingerprints of data. All rows of MNIST would take a third of the time of an epoch, 256 of them a
 * millisecond. */
#include "train/fingerprint.h"

#include "base/bytes.h"
#include "base/size.h"
#include "base/status.h"

enum { SAMPLE = 256 /* rows */ };

/* A sink for the sake of the CRC. */
static int32_t drop(void *user, const void *bytes, size_t n)
{
    (void)user;
    (void)bytes;
    (void)n;
    return AE_OK;
}

/* The row as it enters, not scaled yet; of a source it is not held to anything, that comes when it is trained on. */
static int32_t put_row(ae__writer *w, ae_model *model, const ae__array *array, uint64_t number,
                       real *buffer)
{
    ae__array there = *array;
    if (array->source) {
        AE_TRY(ae__array_fetch(array, number, 1, model->work.stage.at));
        AE_TRY(ae__pool_check(model->engine.pool)); /* it may return in a forked child */
        there = ae__array_in_memory(array, model->work.stage.at, 1);
        number = 0;
    }
    there.scaler = NULL;
    ae__rows row = ae__array_gather(&there, &number, 1, buffer, &model->engine);
#ifdef AE_DOUBLE
    for (size_t j = 0; j < array->dim; j++) ae__write_f32(w, (float)row.at[j]);
#else
    ae__write_f32s(w, row.at, array->dim);
#endif
    return AE_OK;
}

static uint64_t sample(const ae__array *array, uint64_t i, uint64_t n)
{
    if (array->source && array->source->in_order) return i;
    return n > 1 ? i * (array->rows - 1) / (n - 1) : 0;
}

int32_t ae__fingerprint(ae__trainer *trainer, const ae__view *view, uint32_t *crc)
{
    const ae__array *arrays[] = {&view->x, &view->y, &view->side, &view->weight};
    real *const buffers[] = {trainer->x, trainer->target, trainer->side, trainer->weight};
    const uint64_t rows = view->x.rows, n = rows < SAMPLE ? rows : SAMPLE;
    ae__writer w = {.sink = drop, .crc = *crc};
    ae__write_u64(&w, rows);
    for (size_t a = 0; a < sizeof arrays / sizeof *arrays; a++) {
        const ae__array *array = arrays[a];
        bool given = ae__array_given(array);
        if (!given && array == &view->weight) continue; /* as if there were no such thing */
        ae__write_u64(&w, given ? array->dim : 0);
        for (uint64_t i = 0; given && i < n; i++)
            AE_TRY(put_row(&w, trainer->model, array, sample(array, i, n), buffers[a]));
    }
    *crc = w.crc ? w.crc : 1;
    return AE_OK;
}
