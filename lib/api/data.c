/* ae.h: views of the caller's arrays, and of what is read from elsewhere. */
#include "api/check.h"
#include "model/table.h"

int32_t ae_data_create_with(ae_data **out, const ae_allocator *allocator)
{
    ae_allocator mem;
    AE__WANT(out);
    *out = NULL;
    AE_TRY(ae__check_allocator(allocator, &mem));
    ae_data *data = ae__mem_alloc(&mem, sizeof *data);
    if (!data) return ae__fail(AE_ERR_NOMEM, "ae_data_create: no memory");
    data->mem = mem;
    *out = data;
    return AE_OK;
}

int32_t ae_data_create(ae_data **out)
{
    return ae_data_create_with(out, NULL);
}

void ae_data_free(ae_data *data)
{
    if (!data) return;
    ae_allocator mem = data->mem;
    ae__source_free(data->view.x.source);
    ae__source_free(data->view.y.source);
    ae__source_free(data->view.side.source);
    ae__source_free(data->view.weight.source);
    ae__mem_free(&mem, data);
}

static const char *const roles[] = {
    [AE_DATA_X] = "x", [AE_DATA_Y] = "y", [AE_DATA_SIDE] = "side", [AE_DATA_WEIGHT] = "weight"};

static int32_t role_of(ae_data *data, int32_t role, ae__array **array)
{
    ae__array *arrays[] = {[AE_DATA_X] = &data->view.x,
                           [AE_DATA_Y] = &data->view.y,
                           [AE_DATA_SIDE] = &data->view.side,
                           [AE_DATA_WEIGHT] = &data->view.weight};
    if (role < AE_DATA_X || role > AE_DATA_WEIGHT)
        return ae__fail(
            AE_ERR_INVALID,
            "data: role is %d, wanted AE_DATA_X (%d), _Y (%d), _SIDE (%d) or _WEIGHT (%d)",
            (int)role, AE_DATA_X, AE_DATA_Y, AE_DATA_SIDE, AE_DATA_WEIGHT);
    *array = arrays[role];
    return AE_OK;
}

static int32_t given(ae_data *data, int32_t role, ae__array **array)
{
    AE_TRY(role_of(data, role, array));
    if (ae__array_given(*array)) return AE_OK;
    return ae__fail(AE_ERR_STATE, "data: role %s has no array yet", roles[role]);
}

static void replace(ae__array *array, const ae__array *next)
{
    ae__source_free(array->source);
    *array = *next;
}

int32_t ae_data_array(ae_data *data, int32_t role, int32_t type, const void *values, int64_t rows,
                      int64_t dim)
{
    ae__array *array = NULL, next;
    AE__WANT(data);
    AE_TRY(role_of(data, role, &array));
    AE_TRY(ae__array_set(&next, roles[role], type, values, rows, dim));
    replace(array, &next);
    return AE_OK;
}

/* Takes the source over. */
static int32_t set_source(ae__array *array, int32_t role, int32_t type, ae__source *source,
                          int64_t rows, int64_t dim)
{
    ae__array next;
    int32_t status = ae__array_set_source(&next, roles[role], type, source, rows, dim);
    if (status == AE_OK)
        replace(array, &next);
    else
        ae__source_free(source);
    return status;
}

int32_t ae_data_source(ae_data *data, int32_t role, int32_t type, ae_read *read, void *user,
                       int64_t rows, int64_t dim, int32_t flags)
{
    ae__array *array = NULL;
    ae__source *source;
    AE__WANT(data);
    AE_TRY(role_of(data, role, &array));
    AE__WANT(read);
    if (flags & ~(AE_SOURCE_IN_ORDER | AE_SOURCE_ANY_THREAD))
        return ae__fail(AE_ERR_INVALID, "data: flags is %d, wanted a sum of AE_SOURCE_*",
                        (int)flags);
    AE_TRY(ae__source_of_function(&source, &data->mem, read, user, flags));
    return set_source(array, role, type, source, rows, dim);
}

static int32_t set_table(ae_data *data, int32_t role, const char *path, ae__table_reader *reader)
{
    ae__array *array = NULL;
    ae__source *source;
    ae__table table;
    AE_TRY(role_of(data, role, &array));
    AE_TRY(ae__source_of_table(&source, &data->mem, path, reader, &table));
    return set_source(array, role, table.type, source, (int64_t)table.rows, (int64_t)table.dim);
}

int32_t ae_data_npy(ae_data *data, int32_t role, const char *path)
{
    AE__WANT(data);
    AE__WANT(path);
    return set_table(data, role, path, ae__table_npy);
}

int32_t ae_data_idx(ae_data *data, int32_t role, const char *path)
{
    AE__WANT(data);
    AE__WANT(path);
    return set_table(data, role, path, ae__table_idx);
}

int32_t ae_data_shape(const ae_data *data, int32_t role, int64_t *rows, int64_t *dim)
{
    ae__array *array = NULL;
    AE__WANT(data);
    AE_TRY(given((ae_data *)data, role, &array));
    if (rows) *rows = (int64_t)array->rows;
    if (dim) *dim = (int64_t)array->dim;
    return AE_OK;
}

int32_t ae_data_scale(ae_data *data, int32_t role, double scale, double offset)
{
    ae__array *array = NULL;
    AE__WANT(data);
    AE_TRY(given(data, role, &array));
    return ae__array_set_scale(array, scale, offset);
}

int32_t ae_data_stride(ae_data *data, int32_t role, int64_t bytes)
{
    ae__array *array = NULL;
    AE__WANT(data);
    AE_TRY(given(data, role, &array));
    return ae__array_set_stride(array, bytes);
}
