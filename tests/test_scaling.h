/* What the tests of scaling share: columns of numbers, in memory and read, and models for them. */
#ifndef TEST_SCALING_H
#define TEST_SCALING_H

#include "test_fit.h"

enum { N = 2000, DIM = 17, CODE_DIM = 3 };

/* Columns of different offset and size. */
static float x[N * DIM];
static double wide[N * DIM]; /* the same numbers */

static inline int draw_x(void **state)
{
    (void)state;
    for (int i = 0; i < N; i++) {
        const double z = draw_unit() - 0.5;
        for (int j = 0; j < DIM; j++) {
            const double v = (z + draw_unit()) * pow(10, j % 7 - 3) + (j % 5 - 2) * 100;
            x[i * DIM + j] = j == 4 ? 7.5f : (float)v;
            wide[i * DIM + j] = (double)x[i * DIM + j];
        }
    }
    return 0;
}

static inline ae_config *config_of(int64_t in, int64_t out, int32_t loss, int32_t input,
                                   int32_t target)
{
    const bool bounded = loss == AE_LOSS_BCE || loss == AE_LOSS_BERNOULLI_NLL;
    ae_config *config;
    must(ae_config_create(&config));
    must(ae_config_input(config, in));
    must(ae_config_corrupt(config, AE_NOISE_GAUSSIAN, 0.125));
    must(ae_config_set_f64(config, AE_PARAM_CLIP_LOW, -1));
    must(ae_config_set_f64(config, AE_PARAM_CLIP_HIGH, 0.75));
    must(ae_config_dense(config, CODE_DIM, AE_ACT_TANH));
    must(ae_config_code(config));
    must(ae_config_dense(config, out, bounded ? AE_ACT_SIGMOID : AE_ACT_LINEAR));
    must(ae_config_loss(config, loss));
    must(ae_config_set_i64(config, AE_PARAM_SCALING_INPUT, input));
    must(ae_config_set_i64(config, AE_PARAM_SCALING_TARGET, target));
    must(ae_config_set_i64(config, AE_PARAM_BATCH, 64));
    return config;
}

static inline ae_model *scaled_model(int32_t loss, int32_t input, int32_t target)
{
    return model_of(config_of(DIM, DIM, loss, input, target));
}

static inline void assert_relative(double got, double want, double tolerance)
{
    assert_near(got, want, tolerance * fabs(want));
}

/* ---- views ---- */

/* Rows that a function reads. */
typedef struct tape {
    const void *rows;
    size_t row_bytes;
    int64_t fails; /* where the row of this number is wanted; 0: nowhere */
} tape;

static inline int32_t tape_read(void *user, int64_t first, int64_t rows, void *out)
{
    const tape *t = user;
    if (t->fails && first + rows > t->fails) return 1;
    memcpy(out, (const char *)t->rows + (size_t)first * t->row_bytes, (size_t)rows * t->row_bytes);
    return 0;
}

static inline ae_data *data_of(int32_t type, const void *rows)
{
    ae_data *data;
    must(ae_data_create(&data));
    must(ae_data_array(data, AE_DATA_X, type, rows, N, DIM));
    return data;
}

static inline ae_data *read_of(int32_t type, tape *t, int32_t flags)
{
    ae_data *data;
    must(ae_data_create(&data));
    must(ae_data_source(data, AE_DATA_X, type, tape_read, t, N, DIM, flags));
    return data;
}

#endif
