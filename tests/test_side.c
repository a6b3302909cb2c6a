/* Models that are told more than x, through ae.h: a concat layer is a dense layer's further inputs, so
 * that everything has the bits of a plain model which is fed x and side side by side; labels are unit
 * vectors. */
#include "test_fit.h"

/* More rows than are taken at a time (1024). */
enum { DIM = 6, SIDE = 3, BOTH = DIM + SIDE, HIDDEN = 5, EXAMPLES = 1100, EPOCHS = 2 };

/* Where the side enters. */
enum { ENCODER = 1, DECODER = 2 };

typedef struct conditional {
    int places;
    bool label;
    bool drawn; /* a Gaussian code */
} conditional;

static void add_side(ae_config *config, const conditional *c, int place)
{
    if (!(c->places & place)) return;
    must(c->label ? ae_config_concat_label(config, SIDE) : ae_config_concat(config, SIDE));
}

static void set_up(ae_config *config, int32_t loss)
{
    must(ae_config_loss(config, loss));
    must(ae_config_set_i64(config, AE_PARAM_BATCH, 128));
    must(ae_config_set_i64(config, AE_PARAM_SEED, 4));
    must(ae_config_set_f64(config, AE_PARAM_LEARNING_RATE, 0.01));
}

static ae_model *model_for(const conditional *c)
{
    ae_config *config;
    must(ae_config_create(&config));
    must(ae_config_input(config, DIM));
    add_side(config, c, ENCODER);
    must(ae_config_dense(config, c->drawn ? 4 : 2, c->drawn ? AE_ACT_LINEAR : AE_ACT_TANH));
    if (c->drawn) {
        must(ae_config_gaussian(config));
        must(ae_config_penalty(config, AE_PENALTY_KL, 0.01));
    }
    must(ae_config_code(config));
    add_side(config, c, DECODER);
    must(ae_config_dense(config, HIDDEN, AE_ACT_TANH));
    must(ae_config_dense(config, DIM, AE_ACT_SIGMOID));
    set_up(config, AE_LOSS_BCE);
    return model_of(config);
}

/* Drawn examples with vectors, labels as numbers of two types, and as the vectors they stand for. */
typedef struct examples {
    float *x, *vectors, *numbers, *units;
    uint8_t *labels;
} examples;

static examples examples_of(void)
{
    draw_state = 1;
    examples e = {.x = drawn(EXAMPLES * DIM),
                  .vectors = drawn(EXAMPLES * SIDE),
                  .numbers = drawn(EXAMPLES),
                  .units = calloc(EXAMPLES * SIDE, sizeof(float)),
                  .labels = malloc(EXAMPLES)};
    assert_true(e.units && e.labels);
    for (size_t i = 0; i < EXAMPLES; i++) {
        const size_t label = (size_t)(e.numbers[i] * SIDE);
        e.numbers[i] = (float)label;
        e.labels[i] = (uint8_t)label;
        e.units[i * SIDE + label] = 1;
    }
    return e;
}

static void examples_free(examples *e)
{
    free(e->x);
    free(e->vectors);
    free(e->numbers);
    free(e->units);
    free(e->labels);
}

static ae_data *data_of(const float *x, int64_t dim, int32_t type, const void *side,
                        int64_t side_dim)
{
    ae_data *data;
    must(ae_data_create(&data));
    if (x) must(ae_data_array(data, AE_DATA_X, AE_TYPE_F32, x, EXAMPLES, dim));
    must(ae_data_array(data, AE_DATA_SIDE, type, side, EXAMPLES, side_dim));
    return data;
}

static void fit_to(ae_model *model, const ae_data *data)
{
    ae_fit_options *options = options_to(EPOCHS);
    must(ae_fit_options_validation_data(options, data));
    must(ae_fit_data(model, data, options));
    ae_fit_options_free(options);
}

static void copy_weights(ae_model *to, int32_t to_layer, const ae_model *from, int32_t from_layer,
                         size_t kernel)
{
    float *values = drawn((int64_t)kernel);
    must(ae_model_weights_get(from, from_layer, "kernel", values, kernel));
    must(ae_model_weights_set(to, to_layer, "kernel", values, kernel));
    free(values);
}

/* Rows of two matrices side by side; to be freed. */
static float *beside(const float *a, size_t a_dim, const float *b, size_t b_dim)
{
    float *both = drawn((int64_t)(EXAMPLES * (a_dim + b_dim)));
    for (size_t i = 0; i < EXAMPLES; i++) {
        memcpy(both + i * (a_dim + b_dim), a + i * a_dim, a_dim * sizeof *both);
        memcpy(both + i * (a_dim + b_dim) + a_dim, b + i * b_dim, b_dim * sizeof *both);
    }
    return both;
}

static void assert_same(const float *a, const float *b, size_t count)
{
    assert_memory_equal(a, b, count * sizeof *a);
}

/* ---- as plain models of a wider input ---- */

static const conditional first = {.places = ENCODER};

/* The plain model that first's encoder is, of x and side side by side, and the same weights. */
static ae_model *plain_model(const ae_model *like)
{
    ae_config *config;
    must(ae_config_create(&config));
    must(ae_config_input(config, BOTH));
    must(ae_config_dense(config, 2, AE_ACT_TANH));
    must(ae_config_code(config));
    must(ae_config_dense(config, HIDDEN, AE_ACT_TANH));
    must(ae_config_dense(config, DIM, AE_ACT_SIGMOID));
    set_up(config, AE_LOSS_BCE);
    ae_model *model = model_of(config);
    copy_weights(model, 0, like, 1, BOTH * 2);
    copy_weights(model, 1, like, 2, 2 * HIDDEN);
    copy_weights(model, 2, like, 3, HIDDEN * DIM);
    return model;
}

static void side_of_the_encoder_is_a_wider_input(void **state)
{
    examples e = examples_of();
    ae_model *got = model_for(&first), *want = plain_model(got);
    float *both = beside(e.x, DIM, e.vectors, SIDE), *out[2];
    ae_data *data = data_of(e.x, DIM, AE_TYPE_F32, e.vectors, SIDE);
    ae_fit_options *options = options_to(EPOCHS);
    double loss[2];
    (void)state;
    fit_to(got, data);
    must(ae_fit(want, both, e.x, EXAMPLES, options));
    assert_true(same_weights(got, want));
    for (size_t i = 0; i < 2; i++) out[i] = drawn(EXAMPLES * DIM);
    must(ae_encode_data(got, data, out[0], EXAMPLES * 2));
    must(ae_encode(want, both, EXAMPLES, out[1], EXAMPLES * 2));
    assert_same(out[0], out[1], EXAMPLES * 2);
    must(ae_reconstruct_data(got, data, out[0], EXAMPLES * DIM));
    must(ae_reconstruct(want, both, EXAMPLES, out[1], EXAMPLES * DIM));
    assert_same(out[0], out[1], EXAMPLES * DIM);
    must(ae_evaluate_data(got, data, &loss[0]));
    must(ae_evaluate(want, both, e.x, EXAMPLES, &loss[1]));
    assert_true(loss[0] == loss[1]);
    must(ae_model_history(got, AE_METRIC_VAL_LOSS, loss, 2, NULL));
    assert_true(loss[1] < loss[0]);
    ae_fit_options_free(options);
    ae_data_free(data);
    ae_model_free(got);
    ae_model_free(want);
    for (size_t i = 0; i < 2; i++) free(out[i]);
    free(both);
    examples_free(&e);
}

/* The decoder alone: a model whose input is code and side. */
static void side_of_the_decoder_is_a_wider_code(void **state)
{
    const conditional c = {.places = ENCODER | DECODER};
    examples e = examples_of();
    ae_model *got = model_for(&c);
    float *code = drawn(EXAMPLES * 2), *out = drawn(EXAMPLES * DIM), *want = drawn(EXAMPLES * DIM);
    float *both = beside(code, 2, e.vectors, SIDE);
    ae_data *data = data_of(code, 2, AE_TYPE_F32, e.vectors, SIDE);
    ae_config *config;
    (void)state;
    must(ae_config_create(&config));
    must(ae_config_input(config, 2 + SIDE));
    must(ae_config_dense(config, HIDDEN, AE_ACT_TANH));
    must(ae_config_code(config));
    must(ae_config_dense(config, DIM, AE_ACT_SIGMOID));
    ae_model *plain = model_of(config);
    copy_weights(plain, 0, got, 3, (2 + SIDE) * HIDDEN);
    copy_weights(plain, 1, got, 4, HIDDEN * DIM);
    must(ae_decode_data(got, data, out, EXAMPLES * DIM));
    must(ae_reconstruct(plain, both, EXAMPLES, want, EXAMPLES * DIM));
    assert_same(out, want, EXAMPLES * DIM);
    ae_data_free(data);
    ae_model_free(got);
    ae_model_free(plain);
    free(code);
    free(out);
    free(want);
    free(both);
    examples_free(&e);
}

/* dense([x, s]) = x W_x + s W_s + b, of sums in double. */
static void side_adds_its_own_product(void **state)
{
    examples e = examples_of();
    ae_model *model = model_for(&first);
    float kernel[BOTH * 2], *code = drawn(EXAMPLES * 2);
    ae_data *data = data_of(e.x, DIM, AE_TYPE_F32, e.vectors, SIDE);
    (void)state;
    must(ae_model_weights_get(model, 1, "kernel", kernel, BOTH * 2));
    must(ae_encode_data(model, data, code, EXAMPLES * 2));
    for (size_t i = 0; i < EXAMPLES * 2; i++) {
        double of_x = 0, of_side = 0;
        for (size_t k = 0; k < DIM; k++)
            of_x += (double)e.x[i / 2 * DIM + k] * (double)kernel[k * 2 + i % 2];
        for (size_t k = 0; k < SIDE; k++)
            of_side += (double)e.vectors[i / 2 * SIDE + k] * (double)kernel[(DIM + k) * 2 + i % 2];
        assert_near((double)code[i], tanh(of_x + of_side), 1e-6);
    }
    ae_data_free(data);
    ae_model_free(model);
    free(code);
    examples_free(&e);
}

/* ---- labels ---- */

static const conditional by_label[] = {{ENCODER, true, false},
                                       {DECODER, true, false},
                                       {ENCODER | DECODER, true, false},
                                       {ENCODER | DECODER, true, true}};

enum { BY_LABEL = sizeof by_label / sizeof *by_label };

/* Bytes, floats, and the unit vectors that both stand for, train the same weights. */
static void labels_are_unit_vectors(void **state)
{
    examples e = examples_of();
    ae_data *forms[] = {data_of(e.x, DIM, AE_TYPE_U8, e.labels, 1),
                        data_of(e.x, DIM, AE_TYPE_F32, e.numbers, 1),
                        data_of(e.x, DIM, AE_TYPE_F32, e.units, SIDE)};
    (void)state;
    for (size_t i = 0; i < BY_LABEL; i++) {
        conditional vector = by_label[i];
        vector.label = false;
        ae_model *models[] = {model_for(&by_label[i]), model_for(&by_label[i]), model_for(&vector)};
        double loss[3];
        for (size_t m = 0; m < 3; m++) {
            fit_to(models[m], forms[m]);
            must(ae_evaluate_data(models[m], forms[m], &loss[m]));
            assert_true(loss[m] == loss[0]);
            assert_true(same_weights(models[m], models[0]));
        }
        assert_true(same_models(models[0], models[1]));
        for (size_t m = 0; m < 3; m++) ae_model_free(models[m]);
    }
    for (size_t m = 0; m < 3; m++) ae_data_free(forms[m]);
    examples_free(&e);
}

/* The class is a column of a wider table. */
static void side_may_be_a_column_of_a_table(void **state)
{
    enum { COLUMNS = 4 };
    examples e = examples_of();
    uint8_t *table = calloc(EXAMPLES, COLUMNS);
    float *scores[] = {drawn(EXAMPLES), drawn(EXAMPLES)};
    ae_model *model = model_for(&by_label[2]);
    (void)state;
    assert_non_null(table);
    for (size_t i = 0; i < EXAMPLES; i++) table[i * COLUMNS + 2] = e.labels[i];
    ae_data *plain = data_of(e.x, DIM, AE_TYPE_U8, e.labels, 1);
    ae_data *column = data_of(e.x, DIM, AE_TYPE_U8, table + 2, 1);
    must(ae_data_stride(column, AE_DATA_SIDE, COLUMNS));
    must(ae_score_data(model, plain, scores[0], EXAMPLES));
    must(ae_score_data(model, column, scores[1], EXAMPLES));
    assert_same(scores[0], scores[1], EXAMPLES);
    ae_data_free(plain);
    ae_data_free(column);
    ae_model_free(model);
    free(table);
    free(scores[0]);
    free(scores[1]);
    examples_free(&e);
}

static void threads_change_nothing(void **state)
{
    examples e = examples_of();
    ae_data *data = data_of(e.x, DIM, AE_TYPE_U8, e.labels, 1);
    (void)state;
    for (size_t i = 0; i < BY_LABEL; i++) {
        ae_model *want = model_for(&by_label[i]);
        fit_to(want, data);
        for (int64_t threads = 2; threads <= 4; threads++) {
            ae_model *got = model_for(&by_label[i]);
            must(ae_model_set_i64(got, AE_PARAM_THREADS, threads));
            fit_to(got, data);
            assert_true(same_models(got, want));
            ae_model_free(got);
        }
        ae_model_free(want);
    }
    ae_data_free(data);
    examples_free(&e);
}

/* ---- draws ---- */

/* Each row's code is drawn as it would be without a side; what is told changes the output alone. With
 * a linear decoder, by the difference of the side's rows of the kernel. */
static void sample_is_drawn_for_each_row_of_the_side(void **state)
{
    examples e = examples_of();
    float *out[] = {drawn(EXAMPLES * DIM), drawn(EXAMPLES * DIM)}, kernel[(2 + SIDE) * DIM];
    uint8_t *zeros = calloc(EXAMPLES, 1);
    ae_config *config;
    (void)state;
    must(ae_config_create(&config));
    must(ae_config_input(config, DIM));
    must(ae_config_dense(config, 4, AE_ACT_LINEAR));
    must(ae_config_gaussian(config));
    must(ae_config_code(config));
    must(ae_config_concat_label(config, SIDE));
    must(ae_config_dense(config, DIM, AE_ACT_LINEAR));
    ae_model *model = model_of(config);
    ae_data *some = data_of(NULL, 0, AE_TYPE_U8, e.labels, 1);
    ae_data *none = data_of(NULL, 0, AE_TYPE_U8, zeros, 1);
    must(ae_model_weights_get(model, 3, "kernel", kernel, (2 + SIDE) * DIM));
    must(ae_sample_data(model, some, 9, out[0], EXAMPLES * DIM));
    must(ae_sample_data(model, none, 9, out[1], EXAMPLES * DIM));
    double squares = 0;
    for (size_t i = 0; i < EXAMPLES * DIM; i++) {
        const size_t row = 2 + e.labels[i / DIM], j = i % DIM;
        const double want = (double)kernel[row * DIM + j] - (double)kernel[2 * DIM + j];
        assert_near((double)out[0][i] - (double)out[1][i], want, 1e-6);
        squares += pow((double)out[1][i] - (double)kernel[2 * DIM + j], 2);
    }
    double want = 0; /* of z W with z standard normal: the squares of W */
    for (size_t i = 0; i < 2 * DIM; i++) want += (double)kernel[i] * (double)kernel[i];
    assert_near(squares / EXAMPLES, want, 0.2 * want); /* some 4 deviations */
    ae_data_free(some);
    ae_data_free(none);
    ae_model_free(model);
    free(zeros);
    free(out[0]);
    free(out[1]);
    examples_free(&e);
}

static void posteriors_read_the_side(void **state)
{
    const conditional c = {ENCODER | DECODER, true, true};
    examples e = examples_of();
    ae_model *model = model_for(&c);
    ae_data *data = data_of(e.x, DIM, AE_TYPE_U8, e.labels, 1);
    float *code = drawn(EXAMPLES * 2), *mean = drawn(EXAMPLES * 2), *z = drawn(EXAMPLES * 2);
    double variance[2], want[2][2] = {{0}};
    (void)state;
    must(ae_encode_data(model, data, code, EXAMPLES * 2));
    must(ae_posterior_data(model, data, mean, NULL, EXAMPLES * 2));
    assert_same(code, mean, EXAMPLES * 2);
    must(ae_posterior_sample_data(model, data, 1, 3, z, EXAMPLES * 2));
    must(ae_diagnose_data(model, data, NULL, variance, 2));
    for (size_t i = 0; i < EXAMPLES * 2; i++) {
        assert_true(z[i] != mean[i]);
        want[i % 2][0] += (double)mean[i] / EXAMPLES;
        want[i % 2][1] += (double)mean[i] * (double)mean[i] / EXAMPLES;
    }
    for (size_t j = 0; j < 2; j++)
        assert_near(variance[j], want[j][1] - want[j][0] * want[j][0], 1e-9);
    e.labels[1] = (uint8_t)((e.labels[1] + 1) % SIDE); /* another class, another code, of one row */
    must(ae_encode_data(model, data, mean, EXAMPLES * 2));
    for (size_t i = 0; i < EXAMPLES * 2; i++) assert_true((code[i] == mean[i]) == (i / 2 != 1));
    ae_data_free(data);
    ae_model_free(model);
    free(code);
    free(mean);
    free(z);
    examples_free(&e);
}

/* Rows are their class' centre and a little noise; what a trained decoder draws for a class is near its
 * centre, and to no other. */
static void trained_decoder_draws_what_its_class_looks_like(void **state)
{
    const conditional c = {DECODER, true, true};
    examples e = examples_of();
    float *out = drawn(EXAMPLES * DIM);
    double centre[SIDE][DIM], mean[SIDE][DIM] = {{0}}, rows[SIDE] = {0};
    (void)state;
    for (size_t i = 0; i < SIDE * DIM; i++)
        centre[i / DIM][i % DIM] = draw_unit() < 0.5 ? 0.2 : 0.8;
    for (size_t i = 0; i < EXAMPLES * DIM; i++)
        e.x[i] = (float)(centre[e.labels[i / DIM]][i % DIM] + 0.1 * draw_one());
    ae_model *model = model_for(&c);
    ae_data *data = data_of(e.x, DIM, AE_TYPE_U8, e.labels, 1);
    ae_fit_options *options = options_to(100);
    must(ae_fit_data(model, data, options));
    must(ae_sample_data(model, data, 1, out, EXAMPLES * DIM));
    for (size_t i = 0; i < EXAMPLES * DIM; i++) {
        mean[e.labels[i / DIM]][i % DIM] += (double)out[i];
        rows[e.labels[i / DIM]] += 1.0 / DIM;
    }
    for (size_t i = 0; i < SIDE * DIM; i++)
        assert_near(mean[i / DIM][i % DIM] / rows[i / DIM], centre[i / DIM][i % DIM], 0.1);
    ae_fit_options_free(options);
    ae_data_free(data);
    ae_model_free(model);
    free(out);
    examples_free(&e);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(side_of_the_encoder_is_a_wider_input),
        cmocka_unit_test(side_of_the_decoder_is_a_wider_code),
        cmocka_unit_test(side_adds_its_own_product),
        cmocka_unit_test(labels_are_unit_vectors),
        cmocka_unit_test(side_may_be_a_column_of_a_table),
        cmocka_unit_test(threads_change_nothing),
        cmocka_unit_test(sample_is_drawn_for_each_row_of_the_side),
        cmocka_unit_test(posteriors_read_the_side),
        cmocka_unit_test(trained_decoder_draws_what_its_class_looks_like),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
