/* What the tests of data that are read share: rows of every type, a function that reads them, models
 * for them. */
#ifndef TEST_STREAM_H
#define TEST_STREAM_H

#include "test_fit.h"

#include <stdatomic.h>
#include <stdio.h>

enum { N = 103, DIM = 7, CODE_DIM = 3, TYPES = 4 };

static const int32_t types[TYPES] = {AE_TYPE_F32, AE_TYPE_F64, AE_TYPE_U8, AE_TYPE_I16};

/* The same numbers, whole and 0 to 200, in every type; times 1 / 200 they lie in [0, 1]. */
static struct {
    float f32[N * DIM];
    double f64[N * DIM];
    uint8_t u8[N * DIM];
    int16_t i16[N * DIM];
} table;

static const double table_scale = 1.0 / 200;

static inline const void *table_of(int32_t type)
{
    switch (type) {
    case AE_TYPE_F32: return table.f32;
    case AE_TYPE_F64: return table.f64;
    case AE_TYPE_U8: return table.u8;
    default: return table.i16;
    }
}

static inline size_t bytes_of(int32_t type)
{
    return type == AE_TYPE_F64 ? 8 : type == AE_TYPE_F32 ? 4 : type == AE_TYPE_I16 ? 2 : 1;
}

static inline int draw_table(void **state)
{
    (void)state;
    for (int i = 0; i < N * DIM; i++) {
        table.u8[i] = (uint8_t)(draw_bits() % 201);
        table.i16[i] = table.u8[i];
        table.f64[i] = table.f32[i] = table.u8[i];
    }
    return 0;
}

/* ---- a function that reads ---- */

typedef struct tape {
    const void *rows;
    size_t row_bytes;
    int64_t next;    /* the row after the last that was read */
    long calls;      /* made so far */
    long fails_at;   /* the call, from 1, that fails; 0: none */
    bool jumped;     /* was asked for neither the next row nor the first */
    atomic_int here; /* calls that are going on */
    bool twice;      /* two were */
} tape;

static inline int32_t tape_read(void *user, int64_t first, int64_t rows, void *out)
{
    tape *t = user;
    if (atomic_fetch_add(&t->here, 1) > 0) t->twice = true;
    bool fails = ++t->calls == t->fails_at;
    if (first != t->next && first != 0) t->jumped = true;
    if (first < 0 || rows < 1 || first + rows > N) abort();
    if (!fails)
        memcpy(out, (const char *)t->rows + (size_t)first * t->row_bytes,
               (size_t)rows * t->row_bytes);
    t->next = first + rows;
    atomic_fetch_sub(&t->here, 1);
    return fails ? 77 : 0;
}

static inline tape tape_of(int32_t type, int64_t dim)
{
    return (tape){.rows = table_of(type), .row_bytes = (size_t)dim * bytes_of(type)};
}

/* ---- views ---- */

/* The table as x, read by t, or where that is NULL in memory. */
static inline ae_data *data_of(int32_t type, tape *t, int32_t flags)
{
    ae_data *data;
    must(ae_data_create(&data));
    if (t)
        must(ae_data_source(data, AE_DATA_X, type, tape_read, t, N, DIM, flags));
    else
        must(ae_data_array(data, AE_DATA_X, type, table_of(type), N, DIM));
    must(ae_data_scale(data, AE_DATA_X, table_scale, 0));
    return data;
}

/* ---- models ---- */

static inline ae_config *stream_config(void)
{
    ae_config *config;
    must(ae_config_create(&config));
    must(ae_config_input(config, DIM));
    must(ae_config_corrupt(config, AE_NOISE_MASKING, 0.25)); /* draws go by the number of the row */
    must(ae_config_dense(config, CODE_DIM, AE_ACT_TANH));
    must(ae_config_code(config));
    must(ae_config_dense(config, DIM, AE_ACT_SIGMOID));
    must(ae_config_loss(config, AE_LOSS_BCE));
    return config;
}

static inline ae_model *stream_model(int64_t mode, int64_t batch)
{
    ae_config *config = stream_config();
    must(ae_config_set_i64(config, AE_PARAM_SHUFFLE, mode));
    must(ae_config_set_i64(config, AE_PARAM_SHUFFLE_BLOCK, 8));
    must(ae_config_set_i64(config, AE_PARAM_SHUFFLE_WINDOW, 3));
    must(ae_config_set_i64(config, AE_PARAM_BATCH, batch));
    return model_of(config);
}

static inline int32_t fit_to(ae_model *model, const ae_data *data, int64_t epochs, int64_t threads)
{
    ae_fit_options *options = options_to(epochs);
    must(ae_fit_options_set_i64(options, AE_FIT_THREADS, threads));
    int32_t status = ae_fit_data(model, data, options);
    ae_fit_options_free(options);
    return status;
}

#endif
