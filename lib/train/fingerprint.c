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

static void put_row(ae__writer *w, const ae_model *model, const ae__array *array, uint64_t number,
                    real *buffer)
{
    ae__rows row = ae__array_gather(array, &number, 1, buffer, &model->engine);
#ifdef AE_DOUBLE
    for (size_t j = 0; j < array->dim; j++) ae__write_f32(w, (float)row.at[j]);
#else
    ae__write_f32s(w, row.at, array->dim);
#endif
}

uint32_t ae__fingerprint(ae__trainer *trainer, const ae__view *view, uint32_t crc)
{
    const ae__array *arrays[] = {&view->x, &view->y, &view->side};
    real *const buffers[] = {trainer->x, trainer->target, trainer->side};
    const uint64_t rows = view->x.rows, n = rows < SAMPLE ? rows : SAMPLE;
    ae__writer w = {.sink = drop, .crc = crc};
    ae__write_u64(&w, rows);
    for (size_t a = 0; a < sizeof arrays / sizeof *arrays; a++) {
        const ae__array *array = arrays[a];
        ae__write_u64(&w, array->values ? array->dim : 0);
        for (uint64_t i = 0; array->values && i < n; i++)
            put_row(&w, trainer->model, array, n > 1 ? i * (rows - 1) / (n - 1) : 0, buffers[a]);
    }
    return w.crc ? w.crc : 1;
}
