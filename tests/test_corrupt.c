/* The corrupt layer: what it draws, by moments and the Kolmogorov-Smirnov statistic; what its draws
 * depend on and what not; and that a model sees noise in training alone. Seeds are fixed: a bound of 4
 * standard deviations, or of the 0.1 % point, passes or fails once and for all. */
#include "chain.h"
#include "test_fit.h"

#include <float.h>
#include <stdio.h>

enum { DIM = 900, N_ROWS = 150, DRAWS = DIM * N_ROWS };

static const double X = 0.25; /* every element of the input */

/* One corrupt layer before one that makes it a model. */
static trial trial_with(int32_t noise, double amount, double low, double high)
{
    const chain c = {.name = "corrupt",
                     .input = DIM,
                     .layers = {{AE__LAYER_CORRUPT,
                                 {{AE_PARAM_NOISE, noise},
                                  {AE_PARAM_AMOUNT, amount},
                                  {AE_PARAM_CLIP_LOW, low},
                                  {AE_PARAM_CLIP_HIGH, high},
                                  {AE_PARAM_MASK_VALUE, 0.75}}},
                                DENSE(1, AE_ACT_LINEAR)},
                     .terms = {{.kind = AE_LOSS_MSE}}};
    trial t = trial_of(&c, N_ROWS);
    t.context.seed = 1;
    t.context.epoch = 1;
    for (size_t i = 0; i < DRAWS; i++) t.trainer.x[i] = (real)X;
    return t;
}

static trial unclipped(int32_t noise, double amount)
{
    return trial_with(noise, amount, -FLT_MAX, FLT_MAX);
}

/* Output of the layer for the rows of the context. */
static void run_layer(const trial *t, real *y)
{
    ae__layer_call call = ae__model_call(t->model, 0, 0, 1, &t->context);
    call.x = t->trainer.x;
    call.y = y;
    ae__layer_of(AE__LAYER_CORRUPT)->forward(&call);
}

static real *output_of(const trial *t)
{
    real *y = malloc(DRAWS * sizeof *y);
    assert_non_null(y);
    run_layer(t, y);
    return y;
}

static size_t count_of(const real *y, double value)
{
    size_t count = 0;
    for (size_t i = 0; i < DRAWS; i++) count += y[i] == (real)value;
    return count;
}

/* Within 4 standard deviations of the expected count. */
static void assert_share(size_t count, double p)
{
    assert_near((double)count, p * DRAWS, 4 * sqrt(p * (1 - p) * DRAWS));
}

static double normal_below(double z)
{
    return erfc(-z / sqrt(2)) / 2;
}

/* ---- distributions ---- */

static int ascending(const void *a, const void *b)
{
    real x = *(const real *)a, y = *(const real *)b;
    return (x > y) - (x < y);
}

static void gaussian_noise_is_normal_with_its_deviation(void **state)
{
    const double deviation = 0.5;
    trial t = unclipped(AE_NOISE_GAUSSIAN, deviation);
    real *y = output_of(&t);
    double sum = 0, squares = 0, gap = 0;
    (void)state;
    qsort(y, DRAWS, sizeof *y, ascending);
    for (size_t i = 0; i < DRAWS; i++) {
        double z = ((double)y[i] - X) / deviation, below = normal_below(z);
        sum += z;
        squares += z * z;
        gap = fmax(gap, fmax(below - (double)i / DRAWS, (double)(i + 1) / DRAWS - below));
    }
    assert_near(sum / DRAWS, 0, 4 / sqrt(DRAWS));
    assert_near(squares / DRAWS, 1, 4 * sqrt(2.0 / DRAWS));
    assert_near(gap, 0, 1.95 / sqrt(DRAWS)); /* Kolmogorov-Smirnov, 0.1 % */
    free(y);
    trial_free(&t);
}

static void clipped_noise_piles_up_at_its_bounds(void **state)
{
    const double deviation = 0.5, low = 0, high = 1;
    trial t = trial_with(AE_NOISE_GAUSSIAN, deviation, low, high);
    real *y = output_of(&t);
    (void)state;
    assert_share(count_of(y, low), normal_below((low - X) / deviation));
    assert_share(count_of(y, high), 1 - normal_below((high - X) / deviation));
    for (size_t i = 0; i < DRAWS; i++) assert_true((double)y[i] >= low && (double)y[i] <= high);
    free(y);
    trial_free(&t);
}

static void masking_leaves_the_others_as_they_are(void **state)
{
    trial t = unclipped(AE_NOISE_MASKING, 0.3);
    real *y = output_of(&t);
    (void)state;
    assert_share(count_of(y, 0.75), 0.3);
    assert_int_equal(count_of(y, 0.75) + count_of(y, X), DRAWS);
    free(y);
    trial_free(&t);
}

static void salt_and_pepper_come_equally_often(void **state)
{
    const double bounds[][4] = {
        {-FLT_MAX, FLT_MAX, 0, 1}, {-2, 3, -2, 3}, {-2, FLT_MAX, -2, 1}, {-FLT_MAX, 3, 0, 3}};
    (void)state;
    for (size_t i = 0; i < sizeof bounds / sizeof *bounds; i++) {
        trial t = trial_with(AE_NOISE_SALT_PEPPER, 0.3, bounds[i][0], bounds[i][1]);
        real *y = output_of(&t);
        size_t low = count_of(y, bounds[i][2]), high = count_of(y, bounds[i][3]);
        assert_share(low, 0.15);
        assert_share(high, 0.15);
        assert_int_equal(low + high + count_of(y, X), DRAWS);
        free(y);
        trial_free(&t);
    }
}

static void dropout_scales_the_survivors(void **state)
{
    trial t = unclipped(AE_NOISE_DROPOUT, 0.375);
    real *y = output_of(&t);
    (void)state;
    assert_share(count_of(y, 0), 0.375);
    assert_int_equal(count_of(y, 0) + count_of(y, X / 0.625), DRAWS);
    free(y);
    trial_free(&t);
}

static void amount_of_nothing_changes_nothing(void **state)
{
    (void)state;
    for (int32_t noise = AE_NOISE_GAUSSIAN; noise <= AE_NOISE_DROPOUT; noise++) {
        trial t = unclipped(noise, 0);
        real *y = output_of(&t);
        assert_int_equal(count_of(y, X), DRAWS);
        free(y);
        trial_free(&t);
    }
}

static void nan_passes_unless_replaced(void **state)
{
    (void)state;
    for (int32_t noise = AE_NOISE_GAUSSIAN; noise <= AE_NOISE_DROPOUT; noise++) {
        trial t = unclipped(noise, 0.25);
        real *y = output_of(&t);
        for (size_t i = 0; i < DRAWS; i++)
            if (noise != AE_NOISE_GAUSSIAN && y[i] != (real)X && y[i] != (real)(X / 0.75)) y[i] = 7;
        for (size_t i = 0; i < DRAWS; i++) t.trainer.x[i] = NAN;
        real *z = output_of(&t);
        for (size_t i = 0; i < DRAWS; i++) assert_int_equal(isnan(z[i]) != 0, y[i] != 7);
        free(y);
        free(z);
        trial_free(&t);
    }
}

/* ---- what draws depend on ---- */

static void rows_have_their_draws_in_any_batch(void **state)
{
    (void)state;
    for (int32_t noise = AE_NOISE_GAUSSIAN; noise <= AE_NOISE_DROPOUT; noise++) {
        trial t = unclipped(noise, 0.5);
        real *whole = output_of(&t), *part = malloc(DRAWS * sizeof *part);
        uint64_t numbers[3];
        t.context.rows = 3;
        for (size_t row = 0; row + 3 <= N_ROWS; row += 3) {
            t.context.row_numbers = NULL;
            t.context.first_row = row;
            run_layer(&t, part);
            assert_memory_equal(part, whole + row * DIM, 3 * DIM * sizeof *part);
            for (size_t i = 0; i < 3; i++) numbers[i] = row + 2 - i;
            t.context.row_numbers = numbers;
            run_layer(&t, part);
            for (size_t i = 0; i < 3; i++)
                assert_memory_equal(part + i * DIM, whole + numbers[i] * DIM, DIM * sizeof *part);
        }
        free(whole);
        free(part);
        trial_free(&t);
    }
}

/* Elements of two outputs that are alike: of masking with 1/2, half of them, if they are
 * independent. */
static size_t alike(const real *a, const real *b, size_t count)
{
    size_t same = 0;
    for (size_t i = 0; i < count; i++) same += a[i] == b[i];
    return same;
}

static void draws_are_fresh_for_each_epoch_seed_row_and_layer(void **state)
{
    trial t = unclipped(AE_NOISE_MASKING, 0.5);
    real *y = output_of(&t), *other[4];
    (void)state;
    t.context.epoch = 2;
    other[0] = output_of(&t);
    t.context.epoch = 1;
    t.context.seed = 2;
    other[1] = output_of(&t);
    t.context.seed = 1;
    t.context.first_row = N_ROWS;
    other[2] = output_of(&t);
    t.context.first_row = 0;
    ae__layer_call call = ae__model_call(t.model, 0, 0, 1, &t.context);
    call.number = 1;
    call.x = t.trainer.x;
    call.y = other[3] = malloc(DRAWS * sizeof(real));
    ae__layer_of(AE__LAYER_CORRUPT)->forward(&call);
    for (size_t i = 0; i < 4; i++) {
        assert_share(alike(y, other[i], DRAWS), 0.5);
        free(other[i]);
    }
    assert_near((double)alike(y, y + DIM, DRAWS - DIM) / (DRAWS - DIM), 0.5, 2 / sqrt(DRAWS));
    free(y);
    trial_free(&t);
}

static void instruction_sets_draw_alike(void **state)
{
    (void)state;
    for (int32_t noise = AE_NOISE_GAUSSIAN; noise <= AE_NOISE_DROPOUT; noise++) {
        trial t = unclipped(noise, 0.5);
        t.model->engine.kernels = ae__kernels_at(AE_CPU_PORTABLE);
        real *want = output_of(&t);
        for (int32_t level = 0; level <= AE_CPU_NEON; level++) {
            if (!ae__kernels_at(level)) continue;
            t.model->engine.kernels = ae__kernels_at(level);
            real *y = output_of(&t);
            for (size_t i = 0; i < DRAWS; i++) /* 0.5 z, |z| < 6.4, to twice 5e-7 of it */
                assert_near((double)y[i], (double)want[i], noise == AE_NOISE_GAUSSIAN ? 4e-6 : 0);
            free(y);
        }
        free(want);
        trial_free(&t);
    }
}

static void there_is_no_noise_but_in_training(void **state)
{
    trial t = unclipped(AE_NOISE_GAUSSIAN, 0.5);
    const int32_t modes[] = {AE__MODE_INFER, AE__MODE_EVALUATE};
    (void)state;
    for (size_t i = 0; i < 2; i++) {
        t.context.mode = modes[i];
        real *y = output_of(&t);
        assert_memory_equal(y, t.trainer.x, DRAWS * sizeof *y);
        free(y);
    }
    trial_free(&t);
}

static void bounds_must_leave_room(void **state)
{
    static const struct {
        int32_t noise;
        double low, high;
        const char *says; /* NULL: fine */
    } cases[] = {
        {AE_NOISE_GAUSSIAN, 1, 1, "corrupt #0: clip_low is 1, wanted below clip_high, 1"},
        {AE_NOISE_GAUSSIAN, 1, 2, NULL},
        {AE_NOISE_SALT_PEPPER, 1, FLT_MAX, "clip_low is 1, wanted below clip_high, 1"},
        {AE_NOISE_SALT_PEPPER, -FLT_MAX, 0, "clip_low is 0, wanted below clip_high, 0"},
        {AE_NOISE_SALT_PEPPER, -1, FLT_MAX, NULL},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        ae_config *config;
        ae_model *model;
        must(ae_config_create(&config));
        must(ae_config_input(config, 4));
        must(ae_config_corrupt(config, cases[i].noise, 0.5));
        must(ae_config_set_f64(config, AE_PARAM_CLIP_LOW, cases[i].low));
        must(ae_config_set_f64(config, AE_PARAM_CLIP_HIGH, cases[i].high));
        must(ae_config_dense(config, 4, AE_ACT_LINEAR));
        must(ae_config_code(config));
        assert_int_equal(ae_model_create(&model, config), cases[i].says ? AE_ERR_RANGE : AE_OK);
        if (cases[i].says) assert_non_null(strstr(ae_last_error(), cases[i].says));
        ae_model_free(model);
        ae_config_free(config);
    }
}

static void summary_names_the_noise(void **state)
{
    trial t = unclipped(AE_NOISE_SALT_PEPPER, 0.25);
    char text[2048];
    (void)state;
    must(ae_model_summary(t.model, text, sizeof text, NULL));
    const char *row = strstr(text, "#0    corrupt ");
    assert_non_null(row);
    assert_non_null(strstr(row, "  noise salt_pepper, amount 0.25   <- code\n"));
    trial_free(&t);
}

/* ---- training ---- */

enum { INPUT = 12, HIDDEN = 7, EXAMPLES = 40 };

static ae_model *model_with(bool noisy, int32_t threads)
{
    ae_config *config;
    must(ae_config_create(&config));
    must(ae_config_input(config, INPUT));
    must(ae_config_set_i64(config, AE_PARAM_BATCH, 16));
    must(ae_config_set_i64(config, AE_PARAM_THREADS, threads));
    if (noisy) must(ae_config_corrupt(config, AE_NOISE_GAUSSIAN, 0.5));
    must(ae_config_dense(config, HIDDEN, AE_ACT_TANH));
    if (noisy) must(ae_config_corrupt(config, AE_NOISE_DROPOUT, 0.25));
    must(ae_config_code(config));
    must(ae_config_dense(config, INPUT, AE_ACT_SIGMOID));
    must(ae_config_loss(config, AE_LOSS_BCE));
    return model_of(config);
}

static void threads_and_an_interruption_change_nothing(void **state)
{
    float *x = drawn(EXAMPLES * INPUT);
    ae_model *one = model_with(true, 1), *three = model_with(true, 3), *again = model_with(true, 1);
    (void)state;
    train_to(one, x, EXAMPLES, 4);
    train_to(three, x, EXAMPLES, 4);
    train_to(again, x, EXAMPLES, 2);
    again = reloaded(again);
    train_to(again, x, EXAMPLES, 4);
    assert_true(same_models(one, three));
    assert_true(same_models(one, again));
    ae_model_free(one);
    ae_model_free(three);
    ae_model_free(again);
    free(x);
}

static void target_is_the_clean_input(void **state)
{
    float *x = drawn(EXAMPLES * INPUT);
    ae_model *to_itself = model_with(true, 1), *to_clean = model_with(true, 1);
    ae_fit_options *options = options_to(3);
    (void)state;
    train_to(to_itself, x, EXAMPLES, 3);
    must(ae_fit(to_clean, x, x, EXAMPLES, options));
    assert_true(same_models(to_itself, to_clean));
    ae_fit_options_free(options);
    ae_model_free(to_itself);
    ae_model_free(to_clean);
    free(x);
}

/* Weights of the noisy model put into one without noise, whose layers have other numbers. */
static ae_model *without_noise(const ae_model *noisy)
{
    ae_model *plain = model_with(false, 1);
    const char *const names[] = {"kernel", "bias"};
    float values[INPUT * HIDDEN];
    for (int32_t layer = 0; layer < 2; layer++)
        for (int32_t i = 0; i < 2; i++) {
            size_t count = (size_t)(i ? layer ? INPUT : HIDDEN : INPUT * HIDDEN);
            int32_t from = layer ? 3 : 1;
            must(ae_model_weights_get(noisy, from, names[i], values, count));
            must(ae_model_weights_set(plain, layer, names[i], values, count));
        }
    return plain;
}

static void validation_encoding_and_scores_are_clean(void **state)
{
    float *x = drawn(EXAMPLES * INPUT), code[2][EXAMPLES * HIDDEN], score[2][EXAMPLES];
    ae_model *noisy = model_with(true, 1);
    ae_fit_options *options = options_to(1);
    double val_loss, loss;
    (void)state;
    must(ae_fit_options_validation(options, x, NULL, EXAMPLES));
    must(ae_fit(noisy, x, NULL, EXAMPLES, options));
    ae_model *models[] = {noisy, without_noise(noisy)};
    must(ae_model_history(noisy, AE_METRIC_VAL_LOSS, &val_loss, 1, NULL));
    for (int i = 0; i < 2; i++) {
        must(ae_evaluate(models[i], x, NULL, EXAMPLES, &loss));
        assert_true(loss == val_loss);
        must(ae_encode(models[i], x, EXAMPLES, code[i], EXAMPLES * HIDDEN));
        must(ae_score(models[i], x, EXAMPLES, score[i], EXAMPLES));
        ae_model_free(models[i]);
    }
    assert_memory_equal(code[0], code[1], sizeof code[0]);
    assert_memory_equal(score[0], score[1], sizeof score[0]);
    ae_fit_options_free(options);
    free(x);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(gaussian_noise_is_normal_with_its_deviation),
        cmocka_unit_test(clipped_noise_piles_up_at_its_bounds),
        cmocka_unit_test(masking_leaves_the_others_as_they_are),
        cmocka_unit_test(salt_and_pepper_come_equally_often),
        cmocka_unit_test(dropout_scales_the_survivors),
        cmocka_unit_test(amount_of_nothing_changes_nothing),
        cmocka_unit_test(nan_passes_unless_replaced),
        cmocka_unit_test(rows_have_their_draws_in_any_batch),
        cmocka_unit_test(draws_are_fresh_for_each_epoch_seed_row_and_layer),
        cmocka_unit_test(instruction_sets_draw_alike),
        cmocka_unit_test(there_is_no_noise_but_in_training),
        cmocka_unit_test(bounds_must_leave_room),
        cmocka_unit_test(summary_names_the_noise),
        cmocka_unit_test(threads_and_an_interruption_change_nothing),
        cmocka_unit_test(target_is_the_clean_input),
        cmocka_unit_test(validation_encoding_and_scores_are_clean),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
