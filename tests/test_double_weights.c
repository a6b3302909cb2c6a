/* What rows and features weigh, and what is missing: gradients against central differences, and against
 * the same rows told otherwise. To be linked to the double build alone. */
#include "test_double_gradients.h"

/* ---- rows ---- */

static const chain both_terms = {
    .name = "both terms",
    .input = IN,
    .layers = {DENSE(UNITS, AE_ACT_TANH), DENSE(IN, AE_ACT_SIGMOID)},
    .terms = {{.kind = AE_LOSS_MSE}, {AE_LOSS_BCE, {{AE_PARAM_WEIGHT, 0.5}}}},
};

static void gradients_follow_the_weights_of_rows(void **state)
{
    const chain *const chains[] = {&odd_and_deep,   &tied_twice, &both_terms, &penalised,
                                   &sparse[0],      &sparse[1],  &sparse[2],  &sided[0],
                                   &drawn_codes[0], &gated};
    (void)state;
    for (size_t i = 0; i < sizeof chains / sizeof *chains; i++) {
        chain c = *chains[i];
        c.weighed = true;
        check_chain(&c, ODD_ROWS);
    }
}

/* With weights of rows and features, and gaps, in all combinations: bits of `how`. */
static chain with_weights(chain c, unsigned how)
{
    setting *s = c.model;
    while (s->id) s++;
    if (how & 1) *s = (setting){AE_PARAM_MISSING, 1};
    for (piece *p = c.terms; p->kind && how & 2; p++)
        if (!ae__term_of(p->kind)->penalty) *p = with(*p, AE_PARAM_FEATURE_WEIGHTS, 1);
    c.weighed = how & 4;
    return c;
}

enum { HOWS = 8 };

/* Every loss alone on a dense layer, where it is fused, or on an activation of its own. */
static void gradients_follow_the_weights_of_elements(void **state)
{
    (void)state;
    for (size_t i = 0; i < TERMS * HOWS * 2; i++) {
        const piece apart = {AE__LAYER_ACTIVATION, {{AE_PARAM_ACTIVATION, AE_ACT_SIGMOID}}};
        const piece term = terms[i / HOWS / 2];
        chain c = {.name = ae__term_of(term.kind)->name,
                   .input = IN,
                   .layers = {DENSE(UNITS, AE_ACT_TANH), DENSE(67, AE_ACT_SIGMOID)},
                   .terms = {term}};
        if (ae__term_of(term.kind)->penalty) continue;
        if (i / HOWS % 2) {
            c.layers[1] = (piece)DENSE(67, AE_ACT_LINEAR);
            c.layers[2] = apart;
        }
        c = with_weights(c, i % HOWS);
        check_chain(&c, ODD_ROWS);
    }
}

static void gradients_follow_all_weights_of_drawn_codes(void **state)
{
    (void)state;
    for (size_t i = 0; i < DRAWN_CODES * HOWS; i++) {
        const chain c = with_weights(drawn_codes[i / HOWS], i % HOWS);
        check_warming(&c, ROWS + 1);
    }
}

/* Kernels of more bytes than a product takes whole: the loss follows in a second run. */
static const chain wide = {
    .name = "wide",
    .input = 300,
    .layers = {DENSE(250, AE_ACT_RELU), DENSE(300, AE_ACT_SIGMOID)},
    .terms = {{.kind = AE_LOSS_BCE}},
};

enum { MANY_ROWS = 130 };

/* So many rows that every way of cutting a product has to find the weights and targets of its own. */
static void fused_loss_finds_the_rows_of_every_task(void **state)
{
    const chain *const chains[] = {&odd_and_deep, &wide};
    real row_weight[MANY_ROWS];
    (void)state;
    for (size_t i = 0; i < MANY_ROWS; i++) row_weight[i] = (real)(i % 5) / 2;
    for (size_t i = 0; i < sizeof chains / sizeof *chains; i++) {
        const chain c = with_weights(*chains[i], 3);
        trial t = trial_of(&c, MANY_ROWS);
        trial_draw(&t);
        t.context.row_weight = row_weight;
        assert_true(t.model->plan.fuse_loss);
        check_fused_equals_plain(&t, chains[i]->name);
        trial_free(&t);
    }
}

/* The sums are the same terms twice, added in another order: 1e-14 is 100 roundings of 1. */
static void twice_the_same_rows_change_nothing(void **state)
{
    trial t = trial_of(&both_terms, 2 * ROWS);
    (void)state;
    t.context.rows = ROWS;
    trial_draw(&t);
    const double loss = loss_of(&t);
    real *gradients = gradients_of(&t);
    memcpy(t.trainer.x + ROWS * t.in, t.trainer.x, ROWS * t.in * sizeof(real));
    memcpy(t.trainer.target + ROWS * t.out, t.trainer.target, ROWS * t.out * sizeof(real));
    t.context.rows = 2 * ROWS;
    assert_near(loss_of(&t), loss, 1e-14);
    for (size_t i = 0; i < t.model->plan.weight_reals; i++)
        assert_near(t.trainer.gradients[i], gradients[i], 1e-14);
    free(gradients);
    trial_free(&t);
}

/* ---- a weight of 2, and a row twice ---- */

enum { FEW = 5, TIMES = 3 /* weights 0 to 2 */ };

/* Row i of the batch stands there i mod 3 times, under the number that its draws go by. */
static trial repeated(const chain *c, const trial *weighed, uint64_t *numbers)
{
    trial t = trial_of(c, FEW * TIMES);
    const size_t side = t.context.side_row;
    size_t n = 0;
    memcpy(t.model->weights, weighed->model->weights, t.model->plan.weight_reals * sizeof(real));
    for (size_t i = 0; i < FEW; i++) {
        for (size_t copy = 0; copy < i % TIMES; copy++, n++) {
            const ae__trainer *from = &weighed->trainer;
            memcpy(t.trainer.x + n * t.in, from->x + i * t.in, t.in * sizeof(real));
            memcpy(t.trainer.target + n * t.out, from->target + i * t.out, t.out * sizeof(real));
            if (side) memcpy(t.trainer.side + n * side, from->side + i * side, side * sizeof(real));
            numbers[n] = i;
        }
    }
    t.context.rows = n;
    t.context.row_numbers = numbers;
    return t;
}

static void check_repeated(const chain *c)
{
    uint64_t numbers[FEW * TIMES];
    real weight[FEW];
    trial one = trial_of(c, FEW);
    trial_draw(&one);
    trial many = repeated(c, &one, numbers);
    for (size_t i = 0; i < FEW; i++) weight[i] = (real)(i % TIMES);
    one.context.row_weight = weight;
    many.context.epochs = one.context.epochs = 2; /* of a warm-up of 4 */
    assert_near(loss_of(&one), loss_of(&many), 1e-12);
    for (size_t i = 0; i < one.model->plan.n_parts; i++)
        assert_near(one.trainer.parts[i], many.trainer.parts[i], 1e-12);
    for (size_t i = 0; i < one.model->plan.weight_reals; i++)
        assert_near(one.trainer.gradients[i], many.trainer.gradients[i], 1e-12);
    trial_free(&one);
    trial_free(&many);
}

/* Values, sums of all kinds and gradients, of every loss and penalty. */
static void weight_is_the_number_of_times_that_a_row_stands_there(void **state)
{
    (void)state;
    for (size_t i = 0; i < DRAWN_CODES; i++) check_repeated(&drawn_codes[i]);
    for (size_t i = 0; i < SPARSE; i++) check_repeated(&sparse[i]);
    for (size_t i = 0; i < SIDED; i++) check_repeated(&sided[i]);
    for (size_t i = 0; i < TERMS; i++) {
        const chain c = {.name = ae__term_of(terms[i].kind)->name,
                         .input = IN,
                         .layers = {DENSE(UNITS, AE_ACT_TANH), DENSE(67, AE_ACT_SIGMOID)},
                         .terms = {terms[i]}};
        if (terms[i].kind != AE_PENALTY_KL) check_repeated(&c);
    }
}

/* Nothing to learn from: a loss and gradients of 0, whatever the chain. */
static void rows_that_weigh_nothing_have_no_gradient(void **state)
{
    real weight[FEW] = {0};
    (void)state;
    for (size_t i = 0; i < DRAWN_CODES + SPARSE; i++) {
        trial t = trial_of(i < SPARSE ? &sparse[i] : &drawn_codes[i - SPARSE], FEW);
        trial_draw(&t);
        t.context.row_weight = weight;
        ae__trainer_gradients(&t.trainer, &t.context, NULL, NULL);
        for (size_t j = 0; j < t.model->plan.n_parts; j++) assert_true(t.trainer.parts[j] == 0);
        for (size_t j = 0; j < t.model->plan.weight_reals; j++)
            assert_true(t.trainer.gradients[j] == 0);
        trial_free(&t);
    }
}

/* Of one row of so many features that are all as far off, the first two of these weights. */
static double loss_of_features(const piece *term, int units, real first, real second)
{
    const chain plain = {.name = ae__term_of(term->kind)->name,
                         .input = IN,
                         .layers = {DENSE(UNITS, AE_ACT_TANH), DENSE(units, AE_ACT_SIGMOID)},
                         .terms = {*term}};
    const chain c = with_weights(plain, 2);
    trial t = trial_of(&c, 1);
    const ae__plan *plan = &t.model->plan;
    real *features = weights_of_layer(t.model, plan->n_layers, "feature_weight");
    memset(t.model->weights, 0, plan->weight_reals * sizeof(real));
    for (int i = 0; i < units; i++) t.trainer.target[i] = 0.25;
    features[0] = first;
    if (units > 1) features[1] = second;
    ae__trainer_weigh(&t.trainer, &t.context);
    const double loss = loss_of(&t);
    trial_free(&t);
    return loss;
}

/* Means go by the share of a feature, sums by its weight; one that weighs nothing is not there. */
static void features_count_by_their_weights(void **state)
{
    (void)state;
    for (size_t i = 0; i < TERMS; i++) {
        const ae__term_ops *ops = ae__term_of(terms[i].kind);
        if (ops->penalty) continue;
        const double one = loss_of_features(&terms[i], 1, 1, 0);
        assert_true(one > 0.01);
        assert_near(loss_of_features(&terms[i], 1, 3, 0), ops->mean ? one : 3 * one, 1e-14);
        assert_near(loss_of_features(&terms[i], 2, 3, 0), ops->mean ? one : 3 * one, 1e-14);
        assert_near(loss_of_features(&terms[i], 2, 3, 1), ops->mean ? one : 4 * one, 1e-14);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(gradients_follow_the_weights_of_rows),
        cmocka_unit_test(gradients_follow_the_weights_of_elements),
        cmocka_unit_test(gradients_follow_all_weights_of_drawn_codes),
        cmocka_unit_test(weight_is_the_number_of_times_that_a_row_stands_there),
        cmocka_unit_test(rows_that_weigh_nothing_have_no_gradient),
        cmocka_unit_test(features_count_by_their_weights),
        cmocka_unit_test(fused_loss_finds_the_rows_of_every_task),
        cmocka_unit_test(twice_the_same_rows_change_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
