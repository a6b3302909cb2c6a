/* Moments and bounds of each feature in one pass, row by row, so that nothing but the rows and their order
 * has a say in the bits: Welford's update (1962) of differences from the first row, which keeps the digits
 * of numbers that are far from 0 and close together (Chan, Golub and LeVeque 1983). */
#include "train/scale.h"

#include <float.h>
#include <math.h>

#include "base/size.h"
#include "base/status.h"

typedef struct column {
    double n; /* numbers; NaN is none */
    double first;
    double mean, squares; /* of the differences from it, and sum of squares about the mean */
    double least, largest;
} column;

static void add(column *c, double v)
{
    if (isnan(v)) return;
    if (c->n == 0) c->first = c->least = c->largest = v;
    const double d = v - c->first, off = d - c->mean;
    c->n++;
    c->mean += off / c->n;
    c->squares += off * (d - c->mean);
    if (v < c->least) c->least = v;
    if (v > c->largest) c->largest = v;
}

/* The doubles of a row that lies in memory. */
static const double *doubles_of(const ae__array *array, uint64_t row)
{
    if (array->pick) row = array->pick[row];
    const void *at = (const char *)array->values + (size_t)row * array->stride;
    return at;
}

/* Rows [first, first + count) of an array in memory, as reals and, of doubles, as they were. */
static void add_rows(column *columns, const ae__array *array, size_t first, ae__rows rows,
                     size_t count)
{
    for (size_t i = 0; i < count; i++) {
        const real *x = rows.at + i * rows.row;
        const double *wide = array->type == AE_TYPE_F64 ? doubles_of(array, first + i) : NULL;
        for (size_t j = 0; j < array->dim; j++)
            add(&columns[j], wide ? wide[j] * array->scale + array->offset : (double)x[j]);
    }
}

/* All rows in order, by way of a buffer of the workspace. */
static int32_t add_array(column *columns, const ae_model *model, const ae__array *array,
                         real *buffer)
{
    const ae__stage *stage = &model->work.stage;
    const ae__engine *engine = &model->engine;
    const size_t staged = stage->bytes / ae__array_row_bytes(array), chunk = model->plan.chunk;
    for (size_t at = 0, count; at < array->rows; at += count) {
        count = ae__min_size(chunk, array->rows - at);
        if (!array->source) {
            add_rows(columns, array, at, ae__array_rows(array, at, count, buffer, engine), count);
            continue;
        }
        count = ae__min_size(count, staged);
        AE_TRY(ae__array_fetch(array, at, count, stage->at));
        AE_TRY(ae__pool_check(engine->pool)); /* it may return in a forked child */
        ae__array there = ae__array_in_memory(array, stage->at, count);
        ae__rows rows = ae__array_gather(&there, NULL, count, buffer, engine);
        AE_TRY(ae__array_check(array, NULL, at, count, buffer, engine->kernels));
        add_rows(columns, &there, 0, rows, count);
    }
    return AE_OK;
}

/* What becomes 0, and how far from there 1 is: 1 where all numbers are the same. */
static double offset_of(const column *c, int32_t kind)
{
    return kind == AE_SCALING_STANDARD ? c->first + c->mean : c->least;
}

static double scale_of(const column *c, int32_t kind)
{
    const double deviation = c->n > 0 ? sqrt(c->squares / c->n) : 0;
    const double scale = kind == AE_SCALING_STANDARD ? deviation : c->largest - c->least;
    return scale >= DBL_MIN ? scale : 1;
}

/* A scaler on its way: the one in use stays until all rows have been seen. */
typedef struct fitted {
    const ae__array *array;
    ae__scaler *scaler;
    real *buffer;
    int32_t kind;
    column *columns; /* NULL: there is no such scaler */
    double *offset, *scale;
} fitted;

static int32_t fit(const ae_model *model, fitted *f)
{
    const size_t dim = f->scaler->dim;
    if (!dim) return AE_OK;
    f->columns = ae__mem_array(&model->mem, dim, sizeof *f->columns + 2 * sizeof(double));
    if (!f->columns)
        return ae__fail(AE_ERR_NOMEM, "scaling: no memory for moments of %zu columns", dim);
    f->offset = (double *)(f->columns + dim);
    f->scale = f->offset + dim;
    AE_TRY(add_array(f->columns, model, f->array, f->buffer));
    for (size_t j = 0; j < dim; j++) {
        f->offset[j] = offset_of(&f->columns[j], f->kind);
        f->scale[j] = scale_of(&f->columns[j], f->kind);
    }
    return AE_OK;
}

int32_t ae__scale_fit(ae_model *model, const ae__view *data)
{
    const int32_t own = ae__array_given(&data->y);
    fitted f[] = {
        {.array = &data->x, .scaler = &model->scaling.input, .buffer = model->work.x},
        {.array = &data->y, .scaler = &model->scaling.target, .buffer = model->work.target}};
    int32_t status = ae__model_check_scaling(model, own);
    for (int32_t i = 0; i <= own && status == AE_OK; i++) {
        f[i].kind = ae__model_scaling_kind(model, i);
        status = fit(model, &f[i]);
    }
    for (int32_t i = 0; i < 2; i++) {
        if (status == AE_OK && f[i].columns)
            status = ae__scaler_set(f[i].scaler, f[i].offset, f[i].scale);
        ae__mem_free(&model->mem, f[i].columns);
    }
    if (status == AE_OK) ae__model_scale_by(model, own);
    return status;
}
