/* ae_data: roles, types, strides, scales; every view against the plain array that it stands for. */
#include "test_api.h"

#include <float.h>
#include <math.h>
#include <stdio.h>

/* A linear layer whose kernel is 1: the code is what entered. */
static ae_model *identity(int64_t dim)
{
    ae_config *config;
    float kernel[8 * 8] = {0};
    assert_in_range(dim, 1, 8);
    must(ae_config_create(&config));
    must(ae_config_input(config, dim));
    must(ae_config_dense(config, dim, AE_ACT_LINEAR));
    must(ae_config_code(config));
    must(ae_config_loss(config, AE_LOSS_MSE));
    ae_model *model = model_of(config);
    for (int64_t i = 0; i < dim; i++) kernel[i * dim + i] = 1;
    must(ae_model_weights_set(model, 0, "kernel", kernel, (size_t)(dim * dim)));
    return model;
}

typedef struct view {
    const char *name;
    int32_t type;
    const void *values;
    int64_t stride; /* bytes; 0: not set */
    double scale, offset;
    float entered[4]; /* 2 rows x 2 */
} view;

static const _Alignas(8) float floats[] = /* some layouts call them doubles */
    {1, -2, 3, 0.5f, 5, 6};
static const uint8_t bytes[] = {0, 1, 2, 254, 255, 128};
static const int16_t words[] = {-32768, 32767, 0, -1, 256, 7};
static const double doubles[] = {1e9 + 0.25, 1e9 - 0.5, 0.1, -1e9, 3, 0};

static void numbers_enter_as_type_stride_and_scale_say(void **state)
{
    static const view views[] = {
        {"float", AE_TYPE_F32, floats, 0, 1, 0, {1, -2, 3, 0.5f}},
        {"float, scaled", AE_TYPE_F32, floats, 0, 2, 1, {3, -3, 7, 2}},
        {"float, wide", AE_TYPE_F32, floats, 12, 1, 0, {1, -2, 0.5f, 5}},
        {"float, wide, scaled", AE_TYPE_F32, floats + 1, 12, -1, 0, {2, -3, -5, -6}},
        {"bytes, not scaled", AE_TYPE_U8, bytes, 0, 1, 0, {0, 1, 2, 254}},
        {"bytes, scaled", AE_TYPE_U8, bytes + 1, 0, 0.5, -1, {-0.5f, 0, 126, 126.5f}},
        {"bytes, wide", AE_TYPE_U8, bytes + 1, 3, 1, 0, {1, 2, 255, 128}},
        {"words, not scaled", AE_TYPE_I16, words, 0, 1, 0, {-32768, 32767, 0, -1}},
        {"words, scaled",
         AE_TYPE_I16,
         words,
         0,
         0x1p-15,
         1,
         {0, 1.999969482421875f, 1, 0x1.fffcp-1f}},
        {"words, wide", AE_TYPE_I16, words + 1, 6, 1, 0, {32767, 0, 256, 7}},
        {"doubles, rounded", AE_TYPE_F64, doubles, 0, 1, 0, {1e9f, 1e9f, 0.1f, -1e9f}},
        {"doubles, scaled first", AE_TYPE_F64, doubles, 0, 1, -1e9, {0.25f, -0.5f, -1e9f, -2e9f}},
        {"doubles, wide", AE_TYPE_F64, doubles + 1, 24, -2, 1, {-2e9f, 0.8f, -5, 1}},
    };
    ae_model *model = identity(2);
    (void)state;
    for (const view *v = views; v < views + sizeof views / sizeof *views; v++) {
        ae_data *data;
        float code[4];
        must(ae_data_create(&data));
        must(ae_data_array(data, AE_DATA_X, v->type, v->values, 2, 2));
        if (v->stride) must(ae_data_stride(data, AE_DATA_X, v->stride));
        must(ae_data_scale(data, AE_DATA_X, v->scale, v->offset));
        must(ae_encode_data(model, data, code, 4));
        for (int i = 0; i < 4; i++)
            if (code[i] != v->entered[i])
                fail_msg("%s: number %d is %g", v->name, i, (double)code[i]);
        ae_data_free(data);
    }
    ae_model_free(model);
}

static void image_byte_scaled_by_255_is_a_probability(void **state)
{
    ae_model *model = small_model();
    ae_data *data;
    uint8_t all[256];
    double loss;
    (void)state;
    for (int i = 0; i < 256; i++) all[i] = (uint8_t)i;
    must(ae_data_create(&data));
    must(ae_data_array(data, AE_DATA_X, AE_TYPE_U8, all, 256 / INPUTS, INPUTS));
    assert_int_equal(ae_evaluate_data(model, data, &loss), AE_ERR_RANGE);
    must(ae_data_scale(data, AE_DATA_X, 1.0 / 255, 0));
    must(ae_evaluate_data(model, data, &loss));
    ae_data_free(data);
    ae_model_free(model);
}

/* Rows that lie where they please: of all lengths, types and calls, the bits of the dense ones. */
static void wide_table_gives_the_bits_of_its_columns_alone(void **state)
{
    enum { COLS = 7, MANY = 50 };
    ae_model *model = small_model();
    ae_data *data;
    float table[MANY * COLS], dense[MANY * INPUTS], wide[MANY * INPUTS], alone[MANY * INPUTS];
    double loss[2];
    (void)state;
    for (int i = 0; i < MANY * COLS; i++) table[i] = (float)(i * 37 % 101) / 101;
    for (int i = 0; i < MANY * INPUTS; i++) dense[i] = table[i / INPUTS * COLS + 2 + i % INPUTS];
    must(ae_data_create(&data));
    must(ae_data_array(data, AE_DATA_X, AE_TYPE_F32, table + 2, MANY, INPUTS));
    must(ae_data_stride(data, AE_DATA_X, COLS * sizeof *table));
    must(ae_reconstruct_data(model, data, wide, MANY * INPUTS));
    must(ae_reconstruct(model, dense, MANY, alone, MANY * INPUTS));
    assert_memory_equal(wide, alone, sizeof alone);
    must(ae_features_data(model, 0, data, wide, MANY * INPUTS));
    must(ae_features(model, 0, dense, MANY, alone, MANY * INPUTS));
    assert_memory_equal(wide, alone, MANY * CODE * sizeof *alone);
    must(ae_score_data(model, data, wide, MANY));
    must(ae_score(model, dense, MANY, alone, MANY));
    assert_memory_equal(wide, alone, MANY * sizeof *alone);
    must(ae_evaluate_data(model, data, &loss[0]));
    must(ae_evaluate(model, dense, NULL, MANY, &loss[1]));
    assert_memory_equal(&loss[0], &loss[1], sizeof *loss);
    ae_data_free(data);
    ae_model_free(model);
}

static void training_takes_targets_of_another_type(void **state)
{
    static const uint8_t targets[CELLS] = {0, 1, 1, 0, 1, 1, 0, 0, 0, 0, 1, 1};
    ae_model *viewed = small_model(), *plain = small_model();
    ae_data *data;
    float y[CELLS], kernels[2][INPUTS * CODE];
    (void)state;
    for (int i = 0; i < CELLS; i++) y[i] = (float)targets[i];
    must(ae_data_create(&data));
    must(ae_data_array(data, AE_DATA_X, AE_TYPE_F32, x_rows, ROWS, INPUTS));
    must(ae_data_array(data, AE_DATA_Y, AE_TYPE_U8, targets, ROWS, INPUTS));
    must(ae_fit_data(viewed, data, NULL));
    must(ae_fit(plain, x_rows, y, ROWS, NULL));
    must(ae_model_weights_get(viewed, 1, "kernel", kernels[0], INPUTS * CODE));
    must(ae_model_weights_get(plain, 1, "kernel", kernels[1], INPUTS * CODE));
    assert_memory_equal(kernels[0], kernels[1], sizeof kernels[0]);
    ae_data_free(data);
    ae_model_free(viewed);
    ae_model_free(plain);
}

/* ---- sides ---- */

/* What an identity of so many columns makes of x and what is appended to it. */
static ae_model *appending(int64_t input, int64_t side, bool label)
{
    ae_config *config;
    float kernel[8 * 8] = {0};
    const int64_t dim = input + side;
    must(ae_config_create(&config));
    must(ae_config_input(config, input));
    must(label ? ae_config_concat_label(config, side) : ae_config_concat(config, side));
    must(ae_config_dense(config, dim, AE_ACT_LINEAR));
    must(ae_config_code(config));
    ae_model *model = model_of(config);
    for (int64_t i = 0; i < dim; i++) kernel[i * dim + i] = 1;
    must(ae_model_weights_set(model, 1, "kernel", kernel, (size_t)(dim * dim)));
    return model;
}

static const view sides[] = {
    {"float", AE_TYPE_F32, floats, 0, 1, 0, {1, -2, 3, 0.5f}},
    {"float, wide, scaled", AE_TYPE_F32, floats + 1, 12, -1, 0, {2, -3, -5, -6}},
    {"bytes, scaled", AE_TYPE_U8, bytes + 1, 0, 0.5, -1, {-0.5f, 0, 126, 126.5f}},
    {"bytes, wide", AE_TYPE_U8, bytes + 1, 3, 1, 0, {1, 2, 255, 128}},
};

static void side_is_appended_as_type_stride_and_scale_say(void **state)
{
    ae_model *model = appending(1, 2, false);
    const float x[] = {7, 8};
    (void)state;
    for (const view *v = sides; v < sides + sizeof sides / sizeof *sides; v++) {
        const float want[] = {7, v->entered[0], v->entered[1], 8, v->entered[2], v->entered[3]};
        ae_data *data;
        float code[6];
        must(ae_data_create(&data));
        must(ae_data_array(data, AE_DATA_X, AE_TYPE_F32, x, 2, 1));
        must(ae_data_array(data, AE_DATA_SIDE, v->type, v->values, 2, 2));
        if (v->stride) must(ae_data_stride(data, AE_DATA_SIDE, v->stride));
        must(ae_data_scale(data, AE_DATA_SIDE, v->scale, v->offset));
        must(ae_encode_data(model, data, code, 6));
        for (int i = 0; i < 6; i++)
            if (code[i] != want[i]) fail_msg("%s: number %d is %g", v->name, i, (double)code[i]);
        ae_data_free(data);
    }
    ae_model_free(model);
}

/* More rows than a chunk; as they are, and as bytes whose scale leaves whole numbers. */
static void label_is_appended_as_the_unit_vector_of_its_class(void **state)
{
    enum { MANY = 5000, CLASSES = 3 };
    static float x[MANY], code[MANY * (1 + CLASSES)], labels[MANY];
    static uint8_t scaled[MANY];
    ae_model *model = appending(1, CLASSES, true);
    ae_data *data;
    (void)state;
    for (int i = 0; i < MANY; i++) {
        x[i] = (float)i;
        labels[i] = (float)(i * 7 % CLASSES);
        scaled[i] = (uint8_t)(i * 7 % CLASSES * 32 + 96);
    }
    must(ae_data_create(&data));
    must(ae_data_array(data, AE_DATA_X, AE_TYPE_F32, x, MANY, 1));
    for (int form = 0; form < 2; form++) {
        if (form == 0) must(ae_data_array(data, AE_DATA_SIDE, AE_TYPE_F32, labels, MANY, 1));
        if (form == 1) must(ae_data_array(data, AE_DATA_SIDE, AE_TYPE_U8, scaled, MANY, 1));
        if (form == 1) must(ae_data_scale(data, AE_DATA_SIDE, 0.03125, -3));
        must(ae_encode_data(model, data, code, MANY * (1 + CLASSES)));
        for (int i = 0; i < MANY; i++) {
            assert_true(code[4 * i] == x[i]);
            for (int j = 0; j < CLASSES; j++)
                assert_true(code[4 * i + 1 + j] == (i * 7 % CLASSES == j));
        }
    }
    ae_data_free(data);
    ae_model_free(model);
}

static void role_set_again_is_a_new_array_with_other_rows(void **state)
{
    ae_model *model = identity(2);
    ae_data *data;
    float code[4];
    double loss = 5;
    (void)state;
    must(ae_data_create(&data));
    must(ae_data_array(data, AE_DATA_X, AE_TYPE_U8, bytes, 3, 2));
    must(ae_data_array(data, AE_DATA_Y, AE_TYPE_U8, bytes, 3, 2));
    must(ae_data_scale(data, AE_DATA_X, 100, 100));
    must(ae_data_array(data, AE_DATA_X, AE_TYPE_F32, floats, 2,
                       2)); /* neither scale nor stride stays */
    assert_int_equal(ae_evaluate_data(model, data, &loss), AE_ERR_SHAPE);
    assert_string_equal(ae_last_error(), "x: has 2 rows, wanted the targets' 3");
    assert_true(loss == 5);
    must(ae_data_array(data, AE_DATA_Y, AE_TYPE_F32, floats, 2, 2));
    must(ae_evaluate_data(model, data, &loss));
    assert_true(loss == 0);
    must(ae_encode_data(model, data, code, 4));
    assert_memory_equal(code, floats, sizeof code);
    ae_data_free(data);
    ae_model_free(model);
}

static void refusal_leaves_the_view_as_it_was(void **state)
{
    ae_model *model = identity(2);
    ae_data *data;
    float code[4];
    (void)state;
    must(ae_data_create(&data));
    must(ae_data_array(data, AE_DATA_X, AE_TYPE_F32, floats, 2, 2));
    assert_int_equal(ae_data_array(data, AE_DATA_X, AE_TYPE_U8, bytes, 0, 2), AE_ERR_RANGE);
    assert_int_equal(ae_data_stride(data, AE_DATA_X, 4), AE_ERR_RANGE);
    assert_int_equal(ae_data_scale(data, AE_DATA_X, 2, NAN), AE_ERR_RANGE);
    must(ae_encode_data(model, data, code, 4));
    assert_memory_equal(code, floats, sizeof code);
    ae_data_free(data);
    ae_model_free(model);
}

typedef struct layout {
    int32_t type;
    int64_t rows, dim, stride;
    int32_t array, with_stride; /* codes */
} layout;

static void sizes_are_checked_before_they_are_multiplied(void **state)
{
    static const layout layouts[] = {
        {AE_TYPE_U8, 2, 2, 2, AE_OK, AE_OK},
        {AE_TYPE_U8, 2, 2, 1, AE_OK, AE_ERR_RANGE},
        {AE_TYPE_U8, 2, 2, INT64_MAX, AE_OK, AE_ERR_RANGE},
        {AE_TYPE_U8, 1, 2, 0, AE_OK, AE_ERR_RANGE},
        {AE_TYPE_U8, 1, 2, -2, AE_OK, AE_ERR_RANGE},
        {AE_TYPE_F32, 2, 2, 8, AE_OK, AE_OK},
        {AE_TYPE_F32, 2, 2, 10, AE_OK, AE_ERR_RANGE},
        {AE_TYPE_F32, 2, 2, INT64_MAX - 3, AE_OK, AE_ERR_RANGE},
        {AE_TYPE_F32, 0, 2, 0, AE_ERR_RANGE, 0},
        {AE_TYPE_F32, INT64_MIN, 2, 0, AE_ERR_RANGE, 0},
        {AE_TYPE_F32, INT64_C(1) << 40, 1, 0, AE_ERR_RANGE, 0},
        {AE_TYPE_F32, (INT64_C(1) << 40) - 1, 1 << 24, 0, AE_ERR_RANGE, 0},
        {AE_TYPE_F32, INT64_MAX, INT64_MAX, 0, AE_ERR_RANGE, 0},
        {AE_TYPE_F32, 1, 0, 0, AE_ERR_RANGE, 0},
        {AE_TYPE_F32, 1, (1 << 24) + 1, 0, AE_ERR_RANGE, 0},
        {AE_TYPE_UNSET, 1, 1, 0, AE_ERR_INVALID, 0},
        {AE_TYPE_F64, 1, 1, 8, AE_OK, AE_OK},
        {AE_TYPE_F64, 1, 1, 12, AE_OK, AE_ERR_RANGE},
        {AE_TYPE_I16, 2, 2, 6, AE_OK, AE_OK},
        {AE_TYPE_I16, 2, 2, 5, AE_OK, AE_ERR_RANGE},
        {AE_TYPE_I64, 1, 1, 0, AE_ERR_INVALID, 0},
        {0, 1, 1, 0, AE_ERR_INVALID, 0},
    };
    (void)state;
    for (const layout *l = layouts; l < layouts + sizeof layouts / sizeof *layouts; l++) {
        ae_data *data;
        must(ae_data_create(&data));
        int32_t array = ae_data_array(data, AE_DATA_X, l->type, floats, l->rows, l->dim),
                stride = 0;
        if (array == AE_OK) stride = ae_data_stride(data, AE_DATA_X, l->stride);
        if (array != l->array || stride != l->with_stride)
            fail_msg("layout %td: %d, %d: %s", l - layouts, (int)array, (int)stride,
                     ae_last_error());
        ae_data_free(data);
    }
}

static void float_at_an_odd_address_is_refused_and_a_byte_is_not(void **state)
{
    ae_data *data;
    const uint8_t *at = (const uint8_t *)floats;
    (void)state;
    must(ae_data_create(&data));
    for (int i = 1; i < 4; i++) {
        must(ae_data_array(data, AE_DATA_X, AE_TYPE_U8, at + i, 1, 2));
        assert_int_equal(ae_data_array(data, AE_DATA_X, AE_TYPE_F32, at + i, 1, 2), AE_ERR_INVALID);
        assert_non_null(strstr(ae_last_error(), "address"));
    }
    ae_data_free(data);
}

typedef struct scaling {
    double scale, offset;
    int32_t byte, word; /* codes */
} scaling;

static void scale_must_leave_whole_numbers_finite(void **state)
{
    static const scaling scalings[] = {
        {0, 0, AE_OK, AE_OK},
        {-1e30, 1e30, AE_OK, AE_OK},
        {FLT_MAX / 32769, 0, AE_OK, AE_OK},
        {FLT_MAX / 32767, 0, AE_OK, AE_ERR_RANGE},
        {FLT_MAX / 256, 0, AE_OK, AE_ERR_RANGE},
        {FLT_MAX / 254, 0, AE_ERR_RANGE, AE_ERR_RANGE},
        {1e39, 0, AE_ERR_RANGE, AE_ERR_RANGE},
        {1, -1e39, AE_ERR_RANGE, AE_ERR_RANGE},
        {NAN, 0, AE_ERR_RANGE, AE_ERR_RANGE},
        {1, INFINITY, AE_ERR_RANGE, AE_ERR_RANGE},
    };
    ae_data *data;
    (void)state;
    must(ae_data_create(&data));
    must(ae_data_array(data, AE_DATA_X, AE_TYPE_U8, bytes, 1, 2));
    must(ae_data_array(data, AE_DATA_Y, AE_TYPE_I16, words, 1, 2));
    for (const scaling *s = scalings; s < scalings + sizeof scalings / sizeof *scalings; s++) {
        assert_int_equal(ae_data_scale(data, AE_DATA_X, s->scale, s->offset), s->byte);
        assert_int_equal(ae_data_scale(data, AE_DATA_Y, s->scale, s->offset), s->word);
    }
    ae_data_free(data);
}

static void number_that_its_scale_makes_infinite_is_not_trained_on(void **state)
{
    const float large[] = {1, 1e30f};
    ae_model *model = identity(2);
    ae_data *data;
    (void)state;
    must(ae_data_create(&data));
    must(ae_data_array(data, AE_DATA_X, AE_TYPE_F32, large, 1, 2));
    must(ae_data_scale(data, AE_DATA_X, 1e30, 0));
    assert_int_equal(ae_fit_data(model, data, NULL), AE_ERR_NONFINITE);
    assert_string_equal(ae_last_error(), "x: row 0, column 1 is inf, wanted a finite number");
    ae_data_free(data);
    ae_model_free(model);
}

/* ---- what numbers must be ---- */

/* 2 x 600, so that what is wrong can stand beyond the first piece that is looked at. */
enum { WIDE = 600 };

static union {
    double f64[2 * WIDE];
    float f32[2 * WIDE];
    int16_t i16[2 * WIDE];
    uint8_t u8[2 * WIDE];
} table;

typedef struct flaw {
    int32_t type;
    double value; /* of row 1, column 555; all others are 0 */
    double scale, offset;
    int32_t fit, score; /* codes */
    const char *shown;
} flaw;

static void put(int32_t type, double value)
{
    const size_t at = WIDE + 555;
    memset(&table, 0, sizeof table);
    if (type == AE_TYPE_F64) table.f64[at] = value;
    if (type == AE_TYPE_F32) table.f32[at] = (float)value;
    if (type == AE_TYPE_I16) table.i16[at] = (int16_t)value;
    if (type == AE_TYPE_U8) table.u8[at] = (uint8_t)value;
}

static void number_of_any_type_that_a_loss_cannot_take_is_named(void **state)
{
    static const flaw flaws[] = {
        {AE_TYPE_F64, 0.5, 1, 0, AE_OK, AE_OK, ""},
        {AE_TYPE_F64, NAN, 1, 0, AE_ERR_NONFINITE, AE_OK, "nan"},
        {AE_TYPE_F64, 1.00001, 1, 0, AE_ERR_RANGE, AE_ERR_RANGE, "1.00001"},
        {AE_TYPE_F64, 1 + 1e-12, 1, 0, AE_OK, AE_OK, ""}, /* 1 as float */
        {AE_TYPE_F64, 1e300, 1, 0, AE_ERR_RANGE, AE_ERR_RANGE, "inf"},
        {AE_TYPE_F64, 1e30, 1e-30, 0, AE_OK, AE_OK, ""},
        {AE_TYPE_F32, -0.25, 1, 0, AE_ERR_RANGE, AE_ERR_RANGE, "-0.25"},
        {AE_TYPE_F32, NAN, 0, 0, AE_ERR_NONFINITE, AE_OK, "nan"},
        {AE_TYPE_I16, 1, 1, 0, AE_OK, AE_OK, ""},
        {AE_TYPE_I16, -1, 1, 0, AE_ERR_RANGE, AE_ERR_RANGE, "-1"},
        {AE_TYPE_I16, 32767, 1.0 / 65535, 32768.0 / 65535, AE_OK, AE_OK, ""},
        {AE_TYPE_I16, 32767, 0.5 / 32767, 0.5, AE_OK, AE_OK, ""}, /* -32768 would not be */
        {AE_TYPE_U8, 255, 0.5 / 255, 0.5, AE_OK, AE_OK, ""},
        {AE_TYPE_U8, 255, -1.0 / 255, 0, AE_ERR_RANGE, AE_ERR_RANGE, "-1"},
    };
    float scores[2];
    char says[64];
    ae_config *config;
    ae_data *data;
    (void)state;
    must(ae_config_create(&config));
    must(ae_config_input(config, WIDE));
    must(ae_config_dense(config, 2, AE_ACT_TANH));
    must(ae_config_code(config));
    must(ae_config_dense(config, WIDE, AE_ACT_SIGMOID));
    must(ae_config_loss(config, AE_LOSS_BCE));
    ae_model *model = model_of(config);
    must(ae_data_create(&data));
    for (const flaw *f = flaws; f < flaws + sizeof flaws / sizeof *flaws; f++) {
        put(f->type, f->value);
        must(ae_data_array(data, AE_DATA_X, f->type, &table, 2, WIDE));
        must(ae_data_scale(data, AE_DATA_X, f->scale, f->offset));
        snprintf(says, sizeof says, "x: row 1, column 555 is %s", f->shown);
        if (ae_score_data(model, data, scores, 2) != f->score)
            fail_msg("flaw %td: score, %s", f - flaws, ae_last_error());
        if (ae_fit_data(model, data, NULL) != f->fit ||
            (f->fit != AE_OK && !strstr(ae_last_error(), says)))
            fail_msg("flaw %td: fit, %s", f - flaws, ae_last_error());
    }
    ae_data_free(data);
    ae_model_free(model);
}

typedef struct labels {
    int32_t type;
    const void *values;
    const char *says; /* NULL: taken */
} labels;

static void label_of_any_type_must_be_a_class(void **state)
{
    static const double whole[] = {0, 2, 1}, broken[] = {0, 1.5, 2}, none[] = {0, 1, NAN};
    static const float large[] = {0, 1, 3};
    static const int16_t negative[] = {0, -1, 2}, good[] = {2, 1, 0};
    static const labels cases[] = {
        {AE_TYPE_F64, whole, NULL},
        {AE_TYPE_I16, good, NULL},
        {AE_TYPE_F64, broken, "side: row 1 is 1.5, wanted a class from 0 to 2"},
        {AE_TYPE_F64, none, "side: row 2 is nan"},
        {AE_TYPE_F32, large, "side: row 2 is 3"},
        {AE_TYPE_I16, negative, "side: row 1 is -1"},
    };
    ae_config *config;
    ae_data *data;
    float code[ROWS * CODE];
    (void)state;
    must(ae_config_create(&config));
    must(ae_config_input(config, INPUTS));
    must(ae_config_concat_label(config, 3));
    must(ae_config_dense(config, CODE, AE_ACT_TANH));
    must(ae_config_code(config));
    ae_model *model = model_of(config);
    must(ae_data_create(&data));
    must(ae_data_array(data, AE_DATA_X, AE_TYPE_F32, x_rows, ROWS, INPUTS));
    for (const labels *l = cases; l < cases + sizeof cases / sizeof *cases; l++) {
        must(ae_data_array(data, AE_DATA_SIDE, l->type, l->values, ROWS, 1));
        int32_t status = ae_encode_data(model, data, code, ROWS * CODE);
        if (status != (l->says ? AE_ERR_RANGE : AE_OK) ||
            (l->says && !strstr(ae_last_error(), l->says)))
            fail_msg("labels %td: %s", l - cases, ae_last_error());
    }
    ae_data_free(data);
    ae_model_free(model);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(numbers_enter_as_type_stride_and_scale_say),
        cmocka_unit_test(image_byte_scaled_by_255_is_a_probability),
        cmocka_unit_test(wide_table_gives_the_bits_of_its_columns_alone),
        cmocka_unit_test(training_takes_targets_of_another_type),
        cmocka_unit_test(side_is_appended_as_type_stride_and_scale_say),
        cmocka_unit_test(label_is_appended_as_the_unit_vector_of_its_class),
        cmocka_unit_test(role_set_again_is_a_new_array_with_other_rows),
        cmocka_unit_test(refusal_leaves_the_view_as_it_was),
        cmocka_unit_test(sizes_are_checked_before_they_are_multiplied),
        cmocka_unit_test(float_at_an_odd_address_is_refused_and_a_byte_is_not),
        cmocka_unit_test(scale_must_leave_whole_numbers_finite),
        cmocka_unit_test(number_that_its_scale_makes_infinite_is_not_trained_on),
        cmocka_unit_test(number_of_any_type_that_a_loss_cannot_take_is_named),
        cmocka_unit_test(label_of_any_type_must_be_a_class),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
