/* Views of matrices: conversion while gathering, and checks before anything is computed. */
#include "model/array.h"

#include <math.h>

#include "base/size.h"
#include "base/status.h"
#include "model/desc.h"

enum { ROWS = 16 /* of one task */, AHEAD = 8 /* rows prefetched before their turn */, LINE = 64 };

#define MAX_ROWS ((INT64_C(1) << 40) - 1) /* the draws' counter has 40 bits for the row */

static size_t type_bytes(int32_t type)
{
    return type == AE_TYPE_F32 ? sizeof(float) : type == AE_TYPE_U8 ? 1 : 0;
}

int32_t ae__array_set(ae__array *array, const char *name, int32_t type, const void *values,
                      int64_t rows, int64_t dim)
{
    size_t bytes = type_bytes(type), all;
    if (!values) return ae__fail(AE_ERR_INVALID, "%s: values is NULL", name);
    if (!bytes)
        return ae__fail(AE_ERR_INVALID,
                        "%s: type is %d, wanted AE_TYPE_F32 (%d) or AE_TYPE_U8 (%d)", name,
                        (int)type, AE_TYPE_F32, AE_TYPE_U8);
    if ((uintptr_t)values % bytes)
        return ae__fail(AE_ERR_INVALID, "%s: address is no multiple of its type's %zu bytes", name,
                        bytes);
    if (rows < 1 || rows > MAX_ROWS)
        return ae__fail(AE_ERR_RANGE, "%s: rows is %lld, wanted 1 to 2^40 - 1", name,
                        (long long)rows);
    if (dim < 1 || dim > AE__MAX_DIM)
        return ae__fail(AE_ERR_RANGE, "%s: dimension is %lld, wanted 1 to %d", name, (long long)dim,
                        AE__MAX_DIM);
    if ((uint64_t)rows > SIZE_MAX ||
        !ae__mul_size((size_t)rows, (size_t)dim * sizeof(double), &all) || all > PTRDIFF_MAX)
        return ae__fail(AE_ERR_RANGE, "%s: %lld rows of %lld overflow", name, (long long)rows,
                        (long long)dim);
    *array = (ae__array){.values = values,
                         .type = type,
                         .rows = (size_t)rows,
                         .dim = (size_t)dim,
                         .stride = (size_t)dim * bytes,
                         .scale = 1};
    return AE_OK;
}

int32_t ae__array_set_stride(ae__array *array, int64_t bytes)
{
    size_t unit = type_bytes(array->type), row = array->dim * unit, all;
    if (bytes < 0 || (uint64_t)bytes < row || (uint64_t)bytes % unit)
        return ae__fail(AE_ERR_RANGE,
                        "data: stride is %lld bytes, wanted a multiple of %zu from %zu on",
                        (long long)bytes, unit, row);
    if ((uint64_t)bytes > PTRDIFF_MAX || !ae__mul_size(array->rows, (size_t)bytes, &all) ||
        all > PTRDIFF_MAX)
        return ae__fail(AE_ERR_RANGE, "data: %zu rows of %lld bytes overflow", array->rows,
                        (long long)bytes);
    array->stride = (size_t)bytes;
    return AE_OK;
}

int32_t ae__view_plain(ae__view *view, const float *x, const float *y, int64_t rows, size_t x_dim,
                       size_t y_dim)
{
    *view = (ae__view){0};
    AE_TRY(ae__array_set(&view->x, "x", AE_TYPE_F32, x, rows, (int64_t)x_dim));
    return y ? ae__array_set(&view->y, "y", AE_TYPE_F32, y, rows, (int64_t)y_dim) : AE_OK;
}

size_t ae__array_extent(const ae__array *array)
{
    if (!array->values) return 0;
    return (array->rows - 1) * array->stride + array->dim * type_bytes(array->type);
}

const ae__array *ae__view_target(const ae__view *view)
{
    return view->y.values ? &view->y : &view->x;
}

static const void *row_at(const ae__array *array, uint64_t row)
{
    if (array->pick) row = array->pick[row];
    return (const unsigned char *)array->values + (size_t)row * array->stride;
}

static void convert_row(const ae__array *array, uint64_t row, real *out, const ae__kernels *kernels)
{
    real scale = (real)array->scale, offset = (real)array->offset;
    if (array->type == AE_TYPE_U8)
        kernels->from_u8(out, row_at(array, row), array->dim, scale, offset);
    else
        kernels->from_f32(out, row_at(array, row), array->dim, scale, offset);
}

typedef struct gathering {
    const ae__array *array;
    const uint64_t *numbers; /* NULL: first, first + 1, ... */
    size_t first, count;
    real *buffer;
    const ae__kernels *kernels;
} gathering;

static uint64_t number_at(const gathering *g, size_t i)
{
    return g->numbers ? g->numbers[i] : g->first + i;
}

static void prefetch_row(const ae__array *array, uint64_t row)
{
    const char *bytes = row_at(array, row);
    for (size_t i = 0; i < array->dim * type_bytes(array->type); i += LINE)
        __builtin_prefetch(bytes + i);
}

static void gather_task(void *arg, size_t task, size_t worker)
{
    const gathering *g = arg;
    size_t end = ae__min_size((task + 1) * ROWS, g->count);
    (void)worker;
    for (size_t i = task * ROWS; i < end; i++) {
        if (i + AHEAD < g->count) prefetch_row(g->array, number_at(g, i + AHEAD));
        convert_row(g->array, number_at(g, i), g->buffer + i * ae__row_stride(g->array->dim),
                    g->kernels);
    }
}

static ae__rows gather(const ae__array *array, const uint64_t *numbers, size_t first, size_t count,
                       real *buffer, const ae__engine *engine)
{
    gathering g = {array, numbers, first, count, buffer, engine->kernels};
    ae__pool_run(engine->pool, ae__blocks(count, ROWS), gather_task, &g);
    return (ae__rows){buffer, ae__row_stride(array->dim)};
}

ae__rows ae__array_gather(const ae__array *array, const uint64_t *numbers, size_t count,
                          real *buffer, const ae__engine *engine)
{
    return gather(array, numbers, 0, count, buffer, engine);
}

ae__rows ae__array_rows(const ae__array *array, size_t first, size_t count, real *buffer,
                        const ae__engine *engine)
{
    bool as_it_is = array->type == AE_TYPE_F32 && sizeof(real) == sizeof(float) &&
                    array->scale == 1 && array->offset == 0 && !array->pick;
    if (as_it_is) return (ae__rows){row_at(array, first), array->stride / sizeof(float)};
    return gather(array, NULL, first, count, buffer, engine);
}

/* The number as gathering makes it: the same operations as the kernels'. */
static float scaled(const ae__array *array, const void *row, size_t j)
{
    float v =
        array->type == AE_TYPE_U8 ? (float)((const uint8_t *)row)[j] : ((const float *)row)[j];
    return v * (float)array->scale + (float)array->offset;
}

/* Column of the first number of a row that is not finite, or dim. */
static size_t find_nonfinite(const ae__array *array, const float *row)
{
    float zero = 0, scale = (float)array->scale, offset = (float)array->offset;
    for (size_t j = 0; j < array->dim; j++)
        zero += (row[j] * scale + offset) * 0.0f; /* NaN from NaN and infinity alone */
    for (size_t j = 0; zero != 0 && j < array->dim; j++) {
        if (!isfinite(scaled(array, row, j))) return j;
    }
    return array->dim;
}

int32_t ae__array_check_finite(const ae__array *array, const char *name)
{
    if (array->type != AE_TYPE_F32) return AE_OK; /* a scale leaves 0 to 255 finite */
    for (size_t i = 0; i < array->rows; i++) {
        const float *row = row_at(array, i);
        size_t j = find_nonfinite(array, row);
        if (j < array->dim)
            return ae__fail(AE_ERR_NONFINITE,
                            "%s: row %zu, column %zu is %g, wanted a finite number", name, i, j,
                            (double)scaled(array, row, j));
    }
    return AE_OK;
}

static bool outside_unit(float v)
{
    return v < 0 || v > 1;
}

/* Bytes whose whole range enters as [0, 1] need no look at each. */
static bool range_in_unit(const ae__array *array)
{
    const uint8_t ends[] = {0, UINT8_MAX};
    return array->type == AE_TYPE_U8 && !outside_unit(scaled(array, ends, 0)) &&
           !outside_unit(scaled(array, ends, 1));
}

int32_t ae__array_check_unit(const ae__array *array, const char *name)
{
    if (range_in_unit(array)) return AE_OK;
    for (size_t i = 0; i < array->rows; i++) {
        const void *row = row_at(array, i);
        bool outside = false;
        for (size_t j = 0; j < array->dim; j++) outside |= outside_unit(scaled(array, row, j));
        for (size_t j = 0; outside && j < array->dim; j++) {
            float v = scaled(array, row, j);
            if (outside_unit(v))
                return ae__fail(
                    AE_ERR_RANGE,
                    "%s: row %zu, column %zu is %.9g, the loss wants 0 to 1 (see ae_data_scale)",
                    name, i, j, (double)v);
        }
    }
    return AE_OK;
}

int32_t ae__array_check_labels(const ae__array *array, size_t classes, const char *name)
{
    for (size_t i = 0; i < array->rows; i++) {
        float label = scaled(array, row_at(array, i), 0);
        if (!(label >= 0 && label < (float)classes && label == floorf(label)))
            return ae__fail(AE_ERR_RANGE, "%s: row %zu is %.9g, wanted a class from 0 to %zu", name,
                            i, (double)label, classes - 1);
    }
    return AE_OK;
}
