/* Views of matrices: conversion while gathering, and checks before anything is computed. */
#include "model/array.h"

#include <math.h>

#include "base/shape.h"
#include "base/size.h"
#include "base/status.h"

enum { ROWS = 32 /* of one task */, AHEAD = 8 /* rows prefetched before their turn */, LINE = 64 };

/* Bytes of a number, and what it may be where that is no matter of its scale. */
typedef struct number_type {
    size_t bytes;
    double lowest, highest;
} number_type;

static number_type type_of(int32_t type)
{
    switch (type) {
    case AE_TYPE_F32: return (number_type){sizeof(float), 0, 0};
    case AE_TYPE_F64: return (number_type){sizeof(double), 0, 0};
    case AE_TYPE_U8: return (number_type){1, 0, UINT8_MAX};
    case AE_TYPE_I16: return (number_type){sizeof(int16_t), INT16_MIN, INT16_MAX};
    default: return (number_type){0};
    }
}

static size_t type_bytes(int32_t type)
{
    return type_of(type).bytes;
}

static int32_t check_type(const char *name, int32_t type)
{
    if (type_bytes(type)) return AE_OK;
    return ae__fail(AE_ERR_INVALID,
                    "%s: type is %d, wanted AE_TYPE_F32 (%d), _F64 (%d), _U8 (%d) or _I16 (%d)",
                    name, (int)type, AE_TYPE_F32, AE_TYPE_F64, AE_TYPE_U8, AE_TYPE_I16);
}

static int32_t check_sizes(const char *name, int64_t rows, int64_t dim)
{
    size_t all;
    if (rows < 1 || rows > AE__MAX_ROWS)
        return ae__fail(AE_ERR_RANGE, "%s: rows is %lld, wanted 1 to 2^40 - 1", name,
                        (long long)rows);
    if (dim < 1 || dim > AE__MAX_DIM)
        return ae__fail(AE_ERR_RANGE, "%s: dimension is %lld, wanted 1 to %d", name, (long long)dim,
                        AE__MAX_DIM);
    if ((uint64_t)rows <= SIZE_MAX &&
        ae__mul_size((size_t)rows, (size_t)dim * sizeof(double), &all) && all <= PTRDIFF_MAX)
        return AE_OK;
    return ae__fail(AE_ERR_RANGE, "%s: %lld rows of %lld overflow", name, (long long)rows,
                    (long long)dim);
}

int32_t ae__array_set(ae__array *array, const char *name, int32_t type, const void *values,
                      int64_t rows, int64_t dim)
{
    const size_t bytes = type_bytes(type);
    if (!values) return ae__fail(AE_ERR_INVALID, "%s: values is NULL", name);
    if (bytes && (uintptr_t)values % bytes)
        return ae__fail(AE_ERR_INVALID, "%s: address is no multiple of its type's %zu bytes", name,
                        bytes);
    AE_TRY(ae__array_set_source(array, name, type, NULL, rows, dim));
    array->values = values;
    return AE_OK;
}

int32_t ae__array_set_source(ae__array *array, const char *name, int32_t type, ae__source *source,
                             int64_t rows, int64_t dim)
{
    AE_TRY(check_type(name, type));
    AE_TRY(check_sizes(name, rows, dim));
    *array = (ae__array){.name = name,
                         .source = source,
                         .type = type,
                         .rows = (size_t)rows,
                         .dim = (size_t)dim,
                         .stride = (size_t)dim * type_bytes(type),
                         .scale = 1};
    return AE_OK;
}

bool ae__array_given(const ae__array *array)
{
    return array->values || array->source;
}

size_t ae__array_row_bytes(const ae__array *array)
{
    return array->dim * type_bytes(array->type);
}

int32_t ae__array_set_stride(ae__array *array, int64_t bytes)
{
    size_t unit = type_bytes(array->type), row = array->dim * unit, all;
    if (array->source)
        return ae__fail(AE_ERR_STATE, "data: %s is read from a source, whose rows have no stride",
                        array->name);
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

int32_t ae__array_set_scale(ae__array *array, double scale, double offset)
{
    const number_type t = type_of(array->type);
    const float factor = (float)scale, shift = (float)offset;
    if (!isfinite(factor) || !isfinite(shift) || !isfinite((float)t.lowest * factor + shift) ||
        !isfinite((float)t.highest * factor + shift))
        return ae__fail(AE_ERR_RANGE,
                        "data: scale is %g, offset %g, wanted both and what numbers become finite",
                        scale, offset);
    array->scale = scale;
    array->offset = offset;
    return AE_OK;
}

size_t ae__array_extent(const ae__array *array)
{
    if (!array->values) return 0;
    return (array->rows - 1) * array->stride + ae__array_row_bytes(array);
}

static const void *row_at(const ae__array *array, uint64_t row)
{
    if (array->pick) row = array->pick[row];
    return (const unsigned char *)array->values + (size_t)row * array->stride;
}

/* Columns [column, column + count) of a row. */
static void convert(const ae__array *array, uint64_t row, size_t column, size_t count, real *out,
                    const ae__kernels *kernels)
{
    const char *at = (const char *)row_at(array, row) + column * type_bytes(array->type);
    const void *x = at;
    const ae__scaler *s = array->scaler;
    real scale = (real)array->scale, offset = (real)array->offset;
    if (s && array->type == AE_TYPE_F64) {
        ae__scaler_doubles(s, column, x, count, array->scale, array->offset, out);
        return;
    }
    switch (array->type) {
    case AE_TYPE_U8: kernels->from_u8(out, x, count, scale, offset); break;
    case AE_TYPE_I16: kernels->from_i16(out, x, count, scale, offset); break;
    case AE_TYPE_F32: kernels->from_f32(out, x, count, scale, offset); break;
    case AE_TYPE_F64: kernels->from_f64(out, x, count, array->scale, array->offset); break;
    }
    if (s) kernels->rescale(out, s->offset + column, s->factor + column, count);
}

static void convert_row(const ae__array *array, uint64_t row, real *out, const ae__kernels *kernels)
{
    convert(array, row, 0, array->dim, out, kernels);
    if (array->scaler && array->clipped) ae__scaler_clip(array->clipped, out, array->dim);
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

/* Inlined always: a call of what does nothing but prefetch is taken for one without effect. */
static inline __attribute__((always_inline)) void prefetch_row(const ae__array *array, uint64_t row)
{
    const char *bytes = row_at(array, row);
    const size_t count = ae__array_row_bytes(array);
    for (size_t i = 0; i < count; i += LINE) __builtin_prefetch(bytes + i);
}

/* Rows from i to end; those up to `last` will be wanted here, too. Of others some thread may be at work
 * elsewhere, and prefetch them there. */
static void gather_some(const gathering *g, size_t i, size_t end, size_t last)
{
    const size_t row = ae__row_stride(g->array->dim);
    for (size_t j = i; j < end && j < i + AHEAD; j++) prefetch_row(g->array, number_at(g, j));
    for (; i < end; i++) {
        if (i + AHEAD < last) prefetch_row(g->array, number_at(g, i + AHEAD));
        convert_row(g->array, number_at(g, i), g->buffer + i * row, g->kernels);
    }
}

static void gather_task(void *arg, size_t task, size_t worker)
{
    const gathering *g = arg;
    (void)worker;
    const size_t end = ae__min_size((task + 1) * ROWS, g->count);
    gather_some(g, task * ROWS, end, end);
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

void ae__array_gather_alone(const ae__array *array, const uint64_t *numbers, size_t count,
                            size_t known, real *buffer, const ae__kernels *kernels)
{
    const gathering g = {array, numbers, 0, count, buffer, kernels};
    gather_some(&g, 0, count, known);
}

ae__rows ae__array_copy(const ae__array *array, size_t first, size_t count, real *buffer,
                        const ae__engine *engine)
{
    return gather(array, NULL, first, count, buffer, engine);
}

/* Whether its rows are reals already. */
static bool as_it_is(const ae__array *array)
{
    return array->type == AE_TYPE_F32 && sizeof(real) == sizeof(float) && array->scale == 1 &&
           array->offset == 0 && !array->pick && !array->scaler;
}

ae__rows ae__array_rows(const ae__array *array, size_t first, size_t count, real *buffer,
                        const ae__engine *engine)
{
    if (as_it_is(array)) return (ae__rows){row_at(array, first), array->stride / sizeof(float)};
    return ae__array_copy(array, first, count, buffer, engine);
}

/* What is left of a demand that the type and the scale do not meet by themselves. */
static ae__demand open_demand(const ae__array *array, const ae__demand *demand)
{
    const number_type t = type_of(array->type);
    const float scale = (float)array->scale, offset = (float)array->offset;
    const float a = (float)t.lowest * scale + offset, b = (float)t.highest * scale + offset;
    const bool unit = a >= 0 && a <= 1 && b >= 0 && b <= 1;
    const bool whole = t.highest > 0; /* which a scale leaves finite */
    return (ae__demand){.finite = demand->finite && !whole,
                        .gaps = demand->gaps,
                        .unit = demand->unit && !(whole && unit),
                        .weight = demand->weight && !(whole && a >= 0 && b >= 0),
                        .classes = demand->classes};
}

static int32_t check_all(const ae__array *array, const ae__demand *demand,
                         const ae__kernels *kernels)
{
    enum { PIECE = 256 };
    real piece[PIECE];
    for (size_t i = 0; i < array->rows; i++) {
        for (size_t j = 0; j < array->dim; j += PIECE) {
            size_t count = ae__min_size(PIECE, array->dim - j);
            convert(array, i, j, count, piece, kernels);
            AE_TRY(ae__demand_check(demand, array->name, i, j, piece, count, kernels));
        }
    }
    return AE_OK;
}

int32_t ae__array_hold(ae__array *array, const ae__demand *demand, const ae__kernels *kernels)
{
    const ae__demand open = open_demand(array, demand);
    if (!ae__demand_any(&open)) return AE_OK;
    if (!array->source) return check_all(array, &open, kernels);
    array->demand.finite |= open.finite;
    array->demand.gaps |= open.gaps;
    array->demand.unit |= open.unit;
    array->demand.weight |= open.weight;
    if (open.classes) array->demand.classes = open.classes;
    return AE_OK;
}

/* ---- sources ---- */

ae__array ae__array_in_memory(const ae__array *array, const void *raw, size_t rows)
{
    ae__array there = *array;
    there.source = NULL;
    there.pick = NULL;
    there.values = raw;
    there.rows = rows;
    return there;
}

/* The number of a row of the array in what lies behind it. */
static uint64_t source_row(const ae__array *array, uint64_t row)
{
    return array->pick ? array->pick[row] : row;
}

int32_t ae__array_fetch(const ae__array *array, uint64_t first, size_t count, void *raw)
{
    const size_t bytes = ae__array_row_bytes(array);
    for (size_t at = 0, n; at < count; at += n) {
        uint64_t row = source_row(array, first + at);
        n = array->pick ? 1 : count;
        while (at + n < count && source_row(array, first + at + n) == row + n) n++;
        AE_TRY(array->source->read(array->source, array->name, row, n, (char *)raw + at * bytes));
    }
    return AE_OK;
}

int32_t ae__array_check(const ae__array *array, const uint64_t *numbers, size_t first, size_t count,
                        const real *buffer, const ae__kernels *kernels)
{
    const ae__demand *demand = &array->demand;
    if (!ae__demand_any(demand)) return AE_OK;
    for (size_t i = 0; i < count; i++) {
        uint64_t row = source_row(array, numbers ? numbers[i] : first + i);
        AE_TRY(ae__demand_check(demand, array->name, row, 0,
                                buffer + i * ae__row_stride(array->dim), array->dim, kernels));
    }
    return AE_OK;
}

int32_t ae__array_read(const ae__array *array, size_t first, size_t count, const ae__stage *stage,
                       real *buffer, const ae__engine *engine)
{
    const size_t most = stage->bytes / ae__array_row_bytes(array);
    for (size_t at = 0, rows; at < count; at += rows) {
        rows = ae__min_size(most, count - at);
        AE_TRY(ae__array_fetch(array, first + at, rows, stage->at));
        AE_TRY(ae__pool_check(engine->pool)); /* a caller's function may return in a forked child */
        ae__array piece = ae__array_in_memory(array, stage->at, rows);
        gather(&piece, NULL, 0, rows, buffer + at * ae__row_stride(array->dim), engine);
    }
    return ae__array_check(array, NULL, first, count, buffer, engine->kernels);
}
