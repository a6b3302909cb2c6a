/* Using a model through ae.h: encode, decode, reconstruct, features, score and evaluate agree with
 * each other, and no row knows of the others. */
#include "test_fit.h"

/* Odd sizes, and one whose rows are taken in more than one chunk. */
static const struct shape {
    recipe recipe;
    int64_t rows;
} shapes[] = {
    {{{1, 1, 1}, 1, AE_ACT_LINEAR, AE_ACT_LINEAR, AE_LOSS_MSE, AE_OPTIM_ADAM}, 1},
    {{{7, 5, 3, 5, 7}, 8, AE_ACT_TANH, AE_ACT_SIGMOID, AE_LOSS_BCE, AE_OPTIM_ADAM}, 19},
    {{{33, 17, 33}, 8, AE_ACT_LEAKY_RELU, AE_ACT_TANH, AE_LOSS_MSE, AE_OPTIM_SGD, .tied = true},
     50},
    {{{300, 21, 300}, 8, AE_ACT_RELU, AE_ACT_SIGMOID, AE_LOSS_BCE, AE_OPTIM_ADAM}, 1000},
    {{{256, 130, 9, 256}, 8, AE_ACT_SIGMOID, AE_ACT_LINEAR, AE_LOSS_MSE, AE_OPTIM_ADAM}, 37},
};

/* A model of a shape with input of its own and room for its outputs. */
typedef struct setup {
    ae_model *model;
    int64_t rows;
    size_t in, code, out; /* of a row */
    float *x, *codes, *outs, *scores;
} setup;

static setup setup_of(const struct shape *shape)
{
    setup s = {.model = recipe_model(&shape->recipe), .rows = shape->rows};
    draw_state = 1;
    s.in = (size_t)ae_model_input_dim(s.model);
    s.code = (size_t)ae_model_code_dim(s.model);
    s.out = (size_t)ae_model_output_dim(s.model);
    s.x = drawn(s.rows * (int64_t)s.in);
    s.codes = drawn(s.rows * (int64_t)s.code);
    s.outs = drawn(s.rows * (int64_t)s.out);
    s.scores = drawn(s.rows);
    return s;
}

static void setup_free(setup *s)
{
    ae_model_free(s->model);
    free(s->x);
    free(s->codes);
    free(s->outs);
    free(s->scores);
}

enum { SHAPES = sizeof shapes / sizeof *shapes };

#define EACH_SHAPE(shape) for (const struct shape *shape = shapes; shape < shapes + SHAPES; shape++)

static size_t n_rows(const setup *s)
{
    return (size_t)s->rows;
}

static void encode_all(const setup *s)
{
    must(ae_encode(s->model, s->x, s->rows, s->codes, n_rows(s) * s->code));
    must(ae_reconstruct(s->model, s->x, s->rows, s->outs, n_rows(s) * s->out));
    must(ae_score(s->model, s->x, s->rows, s->scores, n_rows(s)));
}

static void assert_same_bits(const float *a, const float *b, size_t n)
{
    assert_memory_equal(a, b, n * sizeof *a);
}

static void decoded_code_is_the_reconstruction(void **state)
{
    (void)state;
    EACH_SHAPE(shape)
    {
        setup s = setup_of(shape);
        float *decoded = drawn(s.rows * (int64_t)s.out);
        encode_all(&s);
        must(ae_decode(s.model, s.codes, s.rows, decoded, n_rows(&s) * s.out));
        assert_same_bits(decoded, s.outs, n_rows(&s) * s.out);
        free(decoded);
        setup_free(&s);
    }
}

static void features_are_the_outputs_of_layers(void **state)
{
    (void)state;
    EACH_SHAPE(shape)
    {
        setup s = setup_of(shape);
        int32_t layers = ae_model_layers(s.model), code = (layers + 1) / 2 - 1;
        float *features = drawn(s.rows * (int64_t)s.out);
        encode_all(&s);
        must(ae_features(s.model, layers - 1, s.x, s.rows, features, n_rows(&s) * s.out));
        assert_same_bits(features, s.outs, n_rows(&s) * s.out);
        must(ae_features(s.model, code, s.x, s.rows, features, n_rows(&s) * s.code));
        assert_same_bits(features, s.codes, n_rows(&s) * s.code);
        free(features);
        setup_free(&s);
    }
}

static void row_alone_has_the_bits_it_has_among_others(void **state)
{
    (void)state;
    EACH_SHAPE(shape)
    {
        setup s = setup_of(shape);
        float *alone = drawn((int64_t)s.out), score;
        encode_all(&s);
        for (size_t i = 0; i < n_rows(&s); i++) {
            must(ae_encode(s.model, s.x + i * s.in, 1, alone, s.out));
            assert_same_bits(alone, s.codes + i * s.code, s.code);
            must(ae_reconstruct(s.model, s.x + i * s.in, 1, alone, s.out));
            assert_same_bits(alone, s.outs + i * s.out, s.out);
            must(ae_score(s.model, s.x + i * s.in, 1, &score, 1));
            assert_same_bits(&score, s.scores + i, 1);
        }
        free(alone);
        setup_free(&s);
    }
}

/* evaluate adds in double what score rounds to float: half of 2^-23 each. */
static void mean_of_scores_is_evaluate(void **state)
{
    (void)state;
    EACH_SHAPE(shape)
    {
        setup s = setup_of(shape);
        double loss, sum = 0;
        encode_all(&s);
        must(ae_evaluate(s.model, s.x, NULL, s.rows, &loss));
        for (size_t i = 0; i < n_rows(&s); i++) sum += s.scores[i];
        assert_true(fabs(sum / (double)s.rows - loss) <= 0x1p-24 * loss);
        setup_free(&s);
    }
}

/* The definition of each loss in ae.h, on the reconstruction. BCE from probabilities loses the digits
 * that 1 - y rounds off: y of 1/4 to 3/4, as here, keeps the sum to 1e-6. */
static void score_is_the_loss_of_the_reconstruction(void **state)
{
    (void)state;
    EACH_SHAPE(shape)
    {
        setup s = setup_of(shape);
        encode_all(&s);
        for (size_t i = 0; i < n_rows(&s); i++) {
            double sum = 0;
            for (size_t j = 0; j < s.out; j++) {
                double y = s.outs[i * s.out + j], t = s.x[i * s.in + j];
                sum += shape->recipe.loss == AE_LOSS_MSE ? (y - t) * (y - t)
                                                         : -t * log(y) - (1 - t) * log(1 - y);
            }
            assert_true(fabs(sum / (double)s.out - s.scores[i]) <= 1e-6 * (1 + s.scores[i]));
        }
        setup_free(&s);
    }
}

static void nan_stays_in_its_row(void **state)
{
    (void)state;
    EACH_SHAPE(shape)
    {
        setup s = setup_of(shape);
        size_t row = n_rows(&s) / 2;
        float *before = drawn(s.rows * (int64_t)s.out);
        encode_all(&s);
        memcpy(before, s.outs, n_rows(&s) * s.out * sizeof *before);
        s.x[row * s.in] = NAN;
        encode_all(&s);
        assert_true(isnan(s.codes[row * s.code]) || shape->recipe.hidden == AE_ACT_RELU);
        assert_same_bits(s.outs, before, row * s.out);
        assert_same_bits(s.outs + (row + 1) * s.out, before + (row + 1) * s.out,
                         (n_rows(&s) - row - 1) * s.out);
        free(before);
        setup_free(&s);
    }
}

/* The same rows as bytes, through every call that takes data. */
static void data_give_what_plain_rows_give(void **state)
{
    (void)state;
    EACH_SHAPE(shape)
    {
        setup s = setup_of(shape);
        size_t cells = n_rows(&s) * s.in;
        uint8_t *bytes = malloc(cells);
        float *out = drawn(s.rows * (int64_t)s.out);
        double loss, loss_of_data;
        ae_data *data;
        for (size_t i = 0; i < cells; i++) {
            bytes[i] = (uint8_t)(draw_bits() >> 56);
            s.x[i] = (float)bytes[i] * (float)(1.0 / 255);
        }
        encode_all(&s);
        must(ae_evaluate(s.model, s.x, NULL, s.rows, &loss));
        must(ae_data_create(&data));
        must(ae_data_array(data, AE_DATA_X, AE_TYPE_U8, bytes, s.rows, (int64_t)s.in));
        must(ae_data_scale(data, AE_DATA_X, 1.0 / 255, 0));
        must(ae_encode_data(s.model, data, out, n_rows(&s) * s.code));
        assert_same_bits(out, s.codes, n_rows(&s) * s.code);
        must(ae_reconstruct_data(s.model, data, out, n_rows(&s) * s.out));
        assert_same_bits(out, s.outs, n_rows(&s) * s.out);
        must(ae_score_data(s.model, data, out, n_rows(&s)));
        assert_same_bits(out, s.scores, n_rows(&s));
        must(ae_evaluate_data(s.model, data, &loss_of_data));
        assert_true(loss == loss_of_data);
        ae_data_free(data);
        free(bytes);
        free(out);
        setup_free(&s);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(decoded_code_is_the_reconstruction),
        cmocka_unit_test(features_are_the_outputs_of_layers),
        cmocka_unit_test(row_alone_has_the_bits_it_has_among_others),
        cmocka_unit_test(mean_of_scores_is_evaluate),
        cmocka_unit_test(score_is_the_loss_of_the_reconstruction),
        cmocka_unit_test(nan_stays_in_its_row),
        cmocka_unit_test(data_give_what_plain_rows_give),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
