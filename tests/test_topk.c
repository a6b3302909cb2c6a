/* The topk layer: what it passes on and back, and what it counts. What the kernel selects is held to
 * sorting in test_kernels_vector.c; that dead units come back is in test_revival.c. */
#include "chain.h"
#include "test_fit_data.h"

enum { UNITS = 6, BATCH = 4 };

static const double ALWAYS = 1 << 24; /* rows after which no test takes a unit for dead */

/* A topk layer before one that makes it a model; no unit has been idle yet. */
static trial trial_with(double k, double revival, double dead_after)
{
    const chain c = {.name = "topk",
                     .input = UNITS,
                     .layers = {{AE__LAYER_TOPK,
                                 {{AE_PARAM_K, k},
                                  {AE_PARAM_REVIVAL, revival},
                                  {AE_PARAM_DEAD_AFTER, dead_after}}},
                                DENSE(1, AE_ACT_LINEAR)},
                     .terms = {{.kind = AE_LOSS_MSE}}};
    trial t = trial_of(&c, BATCH);
    memset(t.model->weights + t.model->plan.weights[0].offset, 0, UNITS * sizeof(real));
    return t;
}

static const real *idle_of(const trial *t)
{
    assert_string_equal(t->model->plan.weights[0].info.name, "idle");
    return t->model->weights + t->model->plan.weights[0].offset;
}

/* The layer on `rows` rows, which are put into the trial's batch. */
static ae__layer_call forward(trial *t, const real *x, size_t rows)
{
    t->context.rows = rows;
    memcpy(t->trainer.x, x, rows * UNITS * sizeof *x);
    ae__layer_call call = ae__model_call(t->model, 0, 0, 1, &t->context);
    call.x = t->trainer.x;
    call.y = t->trainer.y[0];
    ae__layer_of(AE__LAYER_TOPK)->forward(&call);
    return call;
}

static size_t dead_of(trial *t)
{
    ae__layer_call call = ae__model_call(t->model, 0, 0, 1, &t->context);
    return ae__layer_of(AE__LAYER_TOPK)->dead_units(&call);
}

static void assert_reals(const real *got, const real *want, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (got[i] != want[i])
            fail_msg("number %zu is %g, wanted %g", i, (double)got[i], (double)want[i]);
}

/* ---- forward ---- */

static void largest_by_value_pass_and_the_others_become_0(void **state)
{
    static const struct {
        double k;
        real x[UNITS], y[UNITS];
    } cases[] = {
        {2, {3, 1, 4, 1, -5, 2}, {3, 0, 4, 0, 0, 0}},
        {1, {-3, -1, -4, -1, -5, -2}, {0, -1, 0, 0, 0, 0}}, /* of equal ones the first */
        {3, {2, 7, 2, 2, 2, 1}, {2, 7, 2, 0, 0, 0}},
        {2, {0, 0, 0, 0, 0, 5}, {0, 0, 0, 0, 0, 5}},
        {4, {-1, -2, 3, -3, -4, -5}, {-1, -2, 3, -3, 0, 0}}, /* negative ones, too */
        {6, {1, -2, 3, -4, 5, -6}, {1, -2, 3, -4, 5, -6}},
        {1, {1, INFINITY, -INFINITY, 2, 3, 4}, {0, INFINITY, 0, 0, 0, 0}},
    };
    const int32_t modes[] = {AE__MODE_TRAIN, AE__MODE_EVALUATE, AE__MODE_INFER};
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        trial t = trial_with(cases[i].k, 1, ALWAYS);
        for (size_t mode = 0; mode < 3; mode++) {
            t.context.mode = modes[mode];
            assert_reals(forward(&t, cases[i].x, 1).y, cases[i].y, UNITS);
        }
        trial_free(&t);
    }
}

enum { INPUT = 12, CODES = 7, KEPT = 3, EXAMPLES = 40 };

/* 12, its 8 largest - 7, the 3 largest of them (code) - 12, and again 8. */
static ae_config *four_layers(int32_t optimizer)
{
    ae_config *config;
    must(ae_config_create(&config));
    must(ae_config_input(config, INPUT));
    must(ae_config_set_i64(config, AE_PARAM_BATCH, 16));
    must(ae_config_topk(config, 8));
    must(ae_config_set_i64(config, AE_PARAM_DEAD_AFTER, 4));
    must(ae_config_dense(config, CODES, AE_ACT_LINEAR));
    must(ae_config_topk(config, KEPT));
    must(ae_config_set_i64(config, AE_PARAM_DEAD_AFTER, 30));
    must(ae_config_code(config));
    must(ae_config_dense(config, INPUT, AE_ACT_LINEAR));
    must(ae_config_loss(config, AE_LOSS_MSE));
    must(ae_config_optimizer(config, optimizer));
    must(ae_config_set_f64(config, AE_PARAM_LEARNING_RATE, 0.05));
    return config;
}

static void nan_stays_in_its_row_and_fills_it(void **state)
{
    float *x = drawn(EXAMPLES * INPUT), codes[2][EXAMPLES * CODES];
    ae_model *model = model_of(four_layers(AE_OPTIM_ADAM));
    (void)state;
    for (int i = 0; i < 2; i++) {
        must(ae_encode(model, x, EXAMPLES, codes[i], EXAMPLES * CODES));
        x[5 * INPUT + 2] = NAN;
    }
    for (size_t j = 0; j < EXAMPLES * CODES; j++) {
        if (j / CODES == 5)
            assert_true(isnan(codes[1][j]));
        else
            assert_memory_equal(&codes[0][j], &codes[1][j], sizeof(float));
    }
    ae_model_free(model);
    free(x);
}

/* ---- backward ---- */

/* dx of the layer for dy, with so many rows that each unit had been idle for. */
static const real *backward(trial *t, const real *x, const real *dy, const real *idle)
{
    ae__layer_call call = forward(t, x, 1);
    memcpy(call.weights[0], idle, UNITS * sizeof *idle);
    memcpy(t->trainer.dy[0], dy, UNITS * sizeof *dy);
    call.dy = t->trainer.dy[0];
    call.dx = t->trainer.dy[1];
    call.below_act = AE_ACT_LINEAR;
    ae__layer_of(AE__LAYER_TOPK)->backward(&call);
    return call.dx;
}

static void gradient_passes_where_a_number_did(void **state)
{
    static const real x[UNITS] = {3, 1, 4, 1, 5, 2}, dy[UNITS] = {1, -2, 3, -4, -5, 6};
    static const real dx[UNITS] = {1, 0, 3, 0, -5, 0}, idle[UNITS] = {0};
    trial t = trial_with(3, 1, 4);
    (void)state;
    assert_reals(backward(&t, x, dy, idle), dx, UNITS);
    trial_free(&t);
}

/* The units at 1, 3 and 5 are not kept; the first is alive, and the last would not gain. */
static void dead_units_get_the_gradient_of_rows_that_would_gain(void **state)
{
    static const real x[UNITS] = {3, 1, 4, 1, 5, 2}, dy[UNITS] = {1, -2, 3, -4, -5, 6};
    static const real idle[UNITS] = {4, 3, 0, 4, 0, 4};
    static const real dx[][UNITS] = {
        {1, 0, 3, 0, -5, 0}, {1, 0, 3, -1, -5, 0}, {1, 0, 3, -4, -5, 0}};
    static const double revival[] = {0, 0.25, 1};
    (void)state;
    for (size_t i = 0; i < 3; i++) {
        trial t = trial_with(3, revival[i], 4);
        assert_reals(backward(&t, x, dy, idle), dx[i], UNITS);
        trial_free(&t);
    }
}

/* ---- what is counted ---- */

static const real batch_of_rows[BATCH * UNITS] = {
    9, 8, 0, 0, 0, 0, /* 0 and 1 are kept */
    9, 0, 8, 0, 0, 0, /* 0 and 2 */
    9, 0, 0, 0, 0, 0, /* 0, and a 0 at 1, which is as if it were not */
    0, 0, 0, 9, 8, 0, /* 3 and 4 */
};

static void idle_rows_are_counted_up_to_the_bound(void **state)
{
    static const real counts[][UNITS] = {
        {1, 3, 2, 0, 0, 4}, {1, 3, 2, 0, 0, 6}, {2, 0, 0, 1, 1, 6}, {4, 2, 2, 3, 3, 6}};
    static const real pair[UNITS] = {0, 1, 2, 0, 0, 0}, none[2 * UNITS] = {0};
    trial t = trial_with(2, 1, 6);
    (void)state;
    forward(&t, batch_of_rows, BATCH);
    assert_reals(idle_of(&t), counts[0], UNITS);
    forward(&t, batch_of_rows, BATCH);
    assert_reals(idle_of(&t), counts[1], UNITS);
    forward(&t, pair, 1);
    assert_reals(idle_of(&t), counts[2], UNITS);
    t.context.mode = AE__MODE_EVALUATE;
    forward(&t, batch_of_rows, BATCH);
    t.context.mode = AE__MODE_INFER;
    forward(&t, batch_of_rows, BATCH);
    assert_reals(idle_of(&t), counts[2], UNITS);
    t.context.mode = AE__MODE_TRAIN;
    forward(&t, none, 2);
    assert_reals(idle_of(&t), counts[3], UNITS);
    trial_free(&t);
}

static void unit_is_dead_from_the_bound_on(void **state)
{
    static const real last[UNITS] = {0, 0, 0, 0, 0, 1};
    trial t = trial_with(2, 1, 6);
    (void)state;
    forward(&t, batch_of_rows, BATCH);
    assert_int_equal(dead_of(&t), 0);
    forward(&t, batch_of_rows, 1);
    assert_int_equal(dead_of(&t), 0); /* 5, of the last */
    forward(&t, batch_of_rows, 1);
    assert_int_equal(dead_of(&t), 1);
    forward(&t, batch_of_rows, BATCH);
    assert_int_equal(dead_of(&t), 1);
    forward(&t, last, 1);
    assert_int_equal(dead_of(&t), 0);
    trial_free(&t);
}

/* How many units of a layer are dead after so many epochs over rows whose outputs y never change. */
static int dead_again(const float *y, size_t dim, int64_t epochs, float dead_after, float *idle)
{
    int dead = 0;
    for (size_t j = 0; j < dim; j++) idle[j] = 0;
    for (size_t i = 0; i < (size_t)epochs * EXAMPLES * dim; i++)
        idle[i % dim] = y[i % (EXAMPLES * dim)] != 0 ? 0 : fminf(idle[i % dim] + 1, dead_after);
    for (size_t j = 0; j < dim; j++) dead += idle[j] == dead_after;
    return dead;
}

/* In order and without learning, so that the outputs tell all. */
static void history_tells_dead_units_of_all_layers_after_each_epoch(void **state)
{
    enum { EPOCHS = 4 };
    const int32_t layers[] = {0, 2};
    const size_t dims[] = {INPUT, CODES};
    const float dead_after[] = {4, 30};
    float *x = drawn(EXAMPLES * INPUT), y[2][EXAMPLES * INPUT], got[INPUT], want[INPUT];
    double dead[EPOCHS];
    ae_config *config = four_layers(AE_OPTIM_SGD);
    (void)state;
    must(ae_config_set_f64(config, AE_PARAM_LEARNING_RATE, 0));
    must(ae_config_set_i64(config, AE_PARAM_SHUFFLE, AE_SHUFFLE_NONE));
    ae_model *model = model_of(config);
    for (int i = 0; i < 2; i++)
        must(ae_features(model, layers[i], x, EXAMPLES, y[i], EXAMPLES * dims[i]));
    train_to(model, x, EXAMPLES, EPOCHS);
    model = reloaded(model);
    must(ae_model_history(model, AE_METRIC_DEAD_UNITS, dead, EPOCHS, NULL));
    assert_true(dead[0] > 0);
    for (int64_t epoch = 1; epoch <= EPOCHS; epoch++)
        for (int i = 0; i < 2; i++)
            dead[epoch - 1] -= dead_again(y[i], dims[i], epoch, dead_after[i], want);
    for (int64_t epoch = 1; epoch <= EPOCHS; epoch++) assert_true(dead[epoch - 1] == 0);
    for (int i = 0; i < 2; i++) {
        must(ae_model_weights_get(model, layers[i], "idle", got, dims[i]));
        dead_again(y[i], dims[i], EPOCHS, dead_after[i], want);
        assert_memory_equal(got, want, dims[i] * sizeof *got);
    }
    ae_model_free(model);
    free(x);
}

static void history_without_such_layers_has_nan(void **state)
{
    ae_model *model = small_model();
    double dead[2];
    (void)state;
    must(fit_epochs(model, 2));
    for (int i = 0; i < 2; i++) {
        must(ae_model_history(model, AE_METRIC_DEAD_UNITS, dead, 2, NULL));
        assert_true(isnan(dead[0]) && isnan(dead[1]));
        model = reloaded(model);
    }
    ae_model_free(model);
}

/* ---- the layer in a model ---- */

/* Decay, momentum and clipping would leave fractions. */
static void no_optimiser_steps_the_counts(void **state)
{
    float *x = drawn(EXAMPLES * INPUT), idle[CODES];
    (void)state;
    for (int32_t optimizer = AE_OPTIM_SGD; optimizer <= AE_OPTIM_RMSPROP; optimizer++)
        for (int clipped = 0; clipped < 2; clipped++) {
            ae_config *config = four_layers(optimizer);
            must(ae_config_set_f64(config, AE_PARAM_WEIGHT_DECAY, 0.1));
            must(ae_config_set_f64(config, AE_PARAM_CLIP_NORM, clipped * 0.01));
            ae_model *model = model_of(config);
            train_to(model, x, EXAMPLES, 3);
            must(ae_model_weights_get(model, 2, "idle", idle, CODES));
            for (size_t j = 0; j < CODES; j++)
                assert_true(idle[j] >= 0 && idle[j] <= 30 && idle[j] == floorf(idle[j]));
            ae_model_free(model);
        }
    free(x);
}

/* Stopped after two of an epoch's three steps, saved and loaded. */
static void threads_and_an_interruption_change_nothing(void **state)
{
    float *x = drawn(EXAMPLES * INPUT);
    ae_model *one = model_of(four_layers(AE_OPTIM_ADAM)),
             *three = model_of(four_layers(AE_OPTIM_ADAM));
    ae_data *data;
    (void)state;
    must(ae_data_create(&data));
    must(ae_data_array(data, AE_DATA_X, AE_TYPE_F32, x, EXAMPLES, INPUT));
    must(ae_model_set_i64(three, AE_PARAM_THREADS, 3));
    train_to(one, x, EXAMPLES, 4);
    train_to(three, x, EXAMPLES, 4);
    assert_true(same_models(one, three));
    const int event = 6; /* 3 steps, the epoch, 2 steps */
    check_interrupted(model_of(four_layers(AE_OPTIM_ADAM)), one, data, event);
    ae_data_free(data);
    ae_model_free(one);
    ae_model_free(three);
    free(x);
}

static void diverged_fit_brings_the_counts_back(void **state)
{
    float *x = drawn(EXAMPLES * INPUT);
    ae_model *model = model_of(four_layers(AE_OPTIM_SGD)),
             *before = model_of(four_layers(AE_OPTIM_SGD));
    ae_fit_options *options = options_to(90);
    (void)state;
    train_to(model, x, EXAMPLES, 2);
    train_to(before, x, EXAMPLES, 2);
    must(ae_model_set_f64(model, AE_PARAM_LEARNING_RATE, 1e6));
    assert_int_equal(ae_fit(model, x, NULL, EXAMPLES, options), AE_ERR_DIVERGED);
    assert_int_equal(ae_model_epochs(model), 2);
    assert_true(same_weights(model, before));
    ae_fit_options_free(options);
    ae_model_free(model);
    ae_model_free(before);
    free(x);
}

static void k_must_be_of_the_row(void **state)
{
    static const struct {
        int64_t k;
        const char *says; /* NULL: fine */
    } cases[] = {{1, NULL},
                 {128, NULL},
                 {129, "topk #1: k is 129, wanted 1 to 128"},
                 {200, "topk #1: k is 200, wanted 1 to 128"}};
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        ae_config *config;
        ae_model *model;
        must(ae_config_create(&config));
        must(ae_config_input(config, 64));
        must(ae_config_dense(config, 128, AE_ACT_LINEAR));
        must(ae_config_topk(config, cases[i].k));
        must(ae_config_code(config));
        assert_int_equal(ae_model_create(&model, config), cases[i].says ? AE_ERR_RANGE : AE_OK);
        if (cases[i].says) assert_string_equal(ae_last_error(), cases[i].says);
        ae_model_free(model);
        ae_config_free(config);
    }
}

static void summary_and_list_of_weights_show_what_it_has(void **state)
{
    ae_model *model = model_of(four_layers(AE_OPTIM_ADAM));
    char text[4096];
    const char *name;
    int32_t layer;
    int64_t rows, cols;
    (void)state;
    must(ae_model_summary(model, text, sizeof text, NULL));
    const char *row = strstr(text, "#2    topk ");
    assert_non_null(row);
    assert_non_null(strstr(row, "  idle 1x7  k 3   <- code\n"));
    must(ae_model_weights_at(model, 3, &layer, &name, &rows, &cols));
    assert_int_equal(layer, 2);
    assert_string_equal(name, "idle");
    assert_true(rows == 1 && cols == CODES);
    ae_model_free(model);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(largest_by_value_pass_and_the_others_become_0),
        cmocka_unit_test(nan_stays_in_its_row_and_fills_it),
        cmocka_unit_test(gradient_passes_where_a_number_did),
        cmocka_unit_test(dead_units_get_the_gradient_of_rows_that_would_gain),
        cmocka_unit_test(idle_rows_are_counted_up_to_the_bound),
        cmocka_unit_test(unit_is_dead_from_the_bound_on),
        cmocka_unit_test(history_tells_dead_units_of_all_layers_after_each_epoch),
        cmocka_unit_test(history_without_such_layers_has_nan),
        cmocka_unit_test(no_optimiser_steps_the_counts),
        cmocka_unit_test(threads_and_an_interruption_change_nothing),
        cmocka_unit_test(diverged_fit_brings_the_counts_back),
        cmocka_unit_test(k_must_be_of_the_row),
        cmocka_unit_test(summary_and_list_of_weights_show_what_it_has),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
