/* A batch of images that goes in portions has the gradients of a batch that goes as a whole: the mean of
 * those of its rows, by their weights. To be linked to the double build alone. */
#include "chain.h"

/* 40 rows go in portions of 16, 16 and 8; so few as 16 are never cut. */
enum { ROWS = 40, PORTION = 16, PORTIONS = 3, MOST = 256 };

/* clang-format off */
#define CONV(filters)                                                                              \
    {AE__LAYER_CONV2D,                                                                             \
     {{AE_PARAM_FILTERS, filters}, {AE_PARAM_KERNEL_H, 3}, {AE_PARAM_KERNEL_W, 3},                 \
      {AE_PARAM_PADDING, AE_PADDING_SAME}, {AE_PARAM_ACTIVATION, AE_ACT_TANH}}}
#define POOL  {AE__LAYER_POOL2D, {{AE_PARAM_KERNEL_H, 2}, {AE_PARAM_KERNEL_W, 2}}}
#define NOISE {AE__LAYER_CORRUPT, {{AE_PARAM_NOISE, AE_NOISE_GAUSSIAN}, {AE_PARAM_AMOUNT, 0.5}}}
/* clang-format on */

/* What a row has of its own: a draw, a side vector, a weight, a divergence and its tallies. */
static const chain variational = {
    .name = "variational",
    .image = {4, 4, 1},
    .layers = {CONV(2),
               POOL,
               {.kind = AE__LAYER_FLATTEN},
               DENSE(4, AE_ACT_LINEAR),
               GAUSSIAN(1),
               CONCAT(3),
               DENSE(16, AE_ACT_SIGMOID)},
    .terms = {{.kind = AE_LOSS_MSE}, ON(AE_PENALTY_KL, 4)},
    .code = 5,
};

/* Noise, an activation that keeps its input, a penalty between, the loss in the last convolution. */
static const chain fused = {
    .name = "fused",
    .image = {4, 4, 1},
    .layers = {NOISE,
               CONV(3),
               POOL,
               {AE__LAYER_ACTIVATION, {{AE_PARAM_ACTIVATION, AE_ACT_GELU}}},
               CONV(2),
               {AE__LAYER_UPSAMPLE2D, {{AE_PARAM_FACTOR_H, 2}, {AE_PARAM_FACTOR_W, 2}}},
               CONV(1)},
    .terms = {{.kind = AE_LOSS_MSE}, ON(AE_PENALTY_L1, 4)},
    .code = 3,
};

/* Elements that are missing, and others that weigh, of a loss within the product and of two apart. */
static chain with_gaps(chain c, bool apart)
{
    c.terms[0] = with((piece){.kind = AE_LOSS_HUBER}, AE_PARAM_FEATURE_WEIGHTS, 1);
    if (apart) c.terms[2] = with((piece){.kind = AE_LOSS_MAE}, AE_PARAM_FEATURE_WEIGHTS, 1);
    c.model[0] = (setting){AE_PARAM_MISSING, 1};
    return c;
}

static real *copy_of(const real *x, size_t n)
{
    real *copy = malloc((n ? n : 1) * sizeof *copy);
    assert_non_null(copy);
    if (n) memcpy(copy, x, n * sizeof *copy);
    return copy;
}

/* Adds the share of their weights times the gradients of rows [row, row + rows), from copies of the batch,
 * and the parts. */
static void add_rows(trial *t, const ae__context *batch, const real *x, size_t row, size_t rows,
                     real *gradients, double *parts)
{
    ae__context c = *batch;
    assert_int_equal(ae__trainer_bind(&t->trainer, t->model, rows), AE_OK);
    assert_int_equal(t->trainer.portions, 0);
    memcpy(t->trainer.x, x + row * t->in, rows * t->in * sizeof *x);
    c.rows = rows;
    c.target += row * t->out;
    c.element_at += row * c.element_row;
    c.side += row * c.side_row;
    c.row_weight += row;
    c.row_numbers += row;
    ae__trainer_gradients(&t->trainer, &c, NULL, NULL);
    for (size_t i = 0; i < t->model->plan.weight_reals; i++)
        gradients[i] +=
            t->trainer.gradients[i] * ae__context_weight(&c) / ae__context_weight(batch);
    for (size_t i = 0; i < t->model->plan.n_parts; i++) parts[i] += t->trainer.parts[i];
}

static void check(const chain *c)
{
    real weights[ROWS], want[MOST] = {0}, *element[MOST] = {NULL};
    uint64_t numbers[ROWS];
    double want_parts[MOST] = {0}, parts[MOST];
    trial t = trial_of(c, ROWS);
    const size_t n = t.model->plan.weight_reals, n_parts = t.model->plan.n_parts;
    assert_int_equal(t.trainer.portions, PORTIONS);
    assert_in_range(n, 1, MOST);
    assert_in_range(n_parts, 1, MOST);
    trial_draw(&t);
    for (size_t i = 0; i < ROWS; i++) {
        weights[i] = draw_unit();
        numbers[i] = 7 * i + 3;
    }
    t.context.row_weight = weights;
    t.context.row_numbers = numbers;
    ae__trainer_gradients(&t.trainer, &t.context, NULL, NULL);
    real *got = copy_of(t.trainer.gradients, n), *x = copy_of(t.trainer.x, ROWS * t.in);
    real *target = copy_of(t.trainer.target, ROWS * t.out);
    real *side = copy_of(t.trainer.side, ROWS * t.context.side_row);
    for (int32_t i = 0; t.context.element && i < t.model->plan.n_terms; i++)
        if (t.context.element[i]) element[i] = copy_of(t.context.element[i], ROWS * t.out);
    memcpy(parts, t.trainer.parts, n_parts * sizeof *parts);
    t.context.target = target;
    t.context.side = side;
    if (t.context.element) t.context.element = element;
    for (size_t row = 0; row < ROWS; row += PORTION)
        add_rows(&t, &t.context, x, row, row + PORTION > ROWS ? ROWS - row : PORTION, want,
                 want_parts);
    for (size_t i = 0; i < n; i++) assert_near(got[i], want[i], 1e-13);
    for (size_t i = 0; i < n_parts; i++)
        assert_near(parts[i], want_parts[i], 1e-13 * fabs(want_parts[i]));
    free(got);
    free(x);
    free(target);
    free(side);
    for (size_t i = 0; i < MOST; i++) free(element[i]);
    trial_free(&t);
}

static void gradients_of_portions_are_those_of_the_batch(void **state)
{
    (void)state;
    check(&variational);
    check(&fused);
    for (int apart = 0; apart < 2; apart++) {
        const chain gaps[] = {with_gaps(variational, apart), with_gaps(fused, apart)};
        check(&gaps[0]);
        check(&gaps[1]);
    }
}

/* Every weight once, whole, when all of its gradient is there. */
static void note(void *user, int32_t weight, size_t begin, size_t count)
{
    size_t *counts = user;
    assert_int_equal(begin, 0);
    counts[weight] += count;
}

static void every_gradient_is_finished_once(void **state)
{
    size_t counts[2 * AE__LAYER_WEIGHTS * 8] = {0};
    trial t = trial_of(&fused, ROWS);
    (void)state;
    trial_draw(&t);
    ae__trainer_gradients(&t.trainer, &t.context, note, counts);
    for (int32_t i = 0; i < t.model->plan.n_weights; i++)
        assert_int_equal(counts[i], t.model->plan.weights[i].count);
    trial_free(&t);
}

/* Moments of a batch and means over its rows want all of it; large kernels would be summed too often. */
static void a_batch_stays_whole_where_its_rows_know_of_each_other(void **state)
{
    chain chains[] = {fused, fused, variational, variational};
    (void)state;
    chains[0].layers[3] = (piece){.kind = AE__LAYER_BATCH_NORM};
    chains[1].terms[1] = (piece)ON(AE_PENALTY_KL_SPARSITY, 4);
    chains[1].layers[4].settings[4].value = AE_ACT_SIGMOID;
    chains[2].layers[4] = (piece)GAUSSIAN(3);
    chains[3].layers[3] = (piece)DENSE(2000, AE_ACT_LINEAR);
    chains[3].layers[6] = (piece)DENSE(1000, AE_ACT_LINEAR);
    for (size_t i = 0; i < sizeof chains / sizeof *chains; i++) {
        trial t = trial_of(&chains[i], ROWS);
        assert_true(t.model->plan.images);
        assert_int_equal(t.trainer.portions, 0);
        trial_free(&t);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(gradients_of_portions_are_those_of_the_batch),
        cmocka_unit_test(every_gradient_is_finished_once),
        cmocka_unit_test(a_batch_stays_whole_where_its_rows_know_of_each_other),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
