/* Every gradient against central differences, in double. To be linked to the double build alone.
 *
 * Each chain of the sweep begins with a dense layer on fewer rows than columns, so that its kernel's
 * gradient, x^T dz, tells the whole gradient of the input of what stands above it. */
#include "test_double_gradients.h"

#include <stdio.h>

/* ---- what is covered ---- */

static const piece layers[] = {{AE__LAYER_DENSE, {{AE_PARAM_UNITS, UNITS}}},
                               {.kind = AE__LAYER_ACTIVATION},
                               CORRUPT(AE_NOISE_DROPOUT, 0.1),
                               GAUSSIAN(1),
                               CONCAT(2),
                               TOPK(2)};
enum { LAYERS = sizeof layers / sizeof *layers };

static void every_registered_layer_is_covered(void **state)
{
    (void)state;
    for (size_t i = 0; ae__layer_at(i); i++) {
        size_t j = 0;
        while (j < LAYERS && layers[j].kind != ae__layer_at(i)->kind) j++;
        if (j == LAYERS && !of_images(ae__layer_at(i)->kind))
            fail_msg("layer %s is in no chain", ae__layer_at(i)->name);
    }
}

static void every_registered_term_is_covered(void **state)
{
    (void)state;
    for (size_t i = 0; ae__term_at(i); i++) {
        size_t j = 0;
        while (j < TERMS && terms[j].kind != ae__term_at(i)->kind) j++;
        if (j == TERMS) fail_msg("term %s is in no chain", ae__term_at(i)->name);
    }
}

static void every_activation_is_covered(void **state)
{
    const ae__param *row = ae__param_of(AE_PARAM_ACTIVATION);
    (void)state;
    assert_int_equal(row->lowest.i64, 0);
    assert_int_equal(row->highest.i64, ACTS - 1);
}

/* ---- the sweep: dense, any layer, dense (and perhaps an activation of its own) ---- */

typedef struct variant {
    int32_t below, act; /* AE_ACT_* of the first layer and of those above */
    bool bias, tied, apart;
    size_t layer; /* in `layers` */
    size_t term;  /* in `terms`; TERMS: all together */
} variant;

static bool takes(int32_t kind, int32_t id)
{
    const int32_t *ids = ae__layer_of(kind)->params;
    while (*ids && *ids != id) ids++;
    return *ids == id;
}

/* The piece with the settings of the variant that it takes. */
static piece layer_of(const variant *v, piece p, int32_t act)
{
    if (takes(p.kind, AE_PARAM_ACTIVATION)) p = with(p, AE_PARAM_ACTIVATION, act);
    if (takes(p.kind, AE_PARAM_SLOPE)) p = with(p, AE_PARAM_SLOPE, 0.2);
    if (takes(p.kind, AE_PARAM_BIAS)) p = with(p, AE_PARAM_BIAS, v->bias);
    return p;
}

/* Whether the term goes with a last layer of this activation, or with a layer that draws. */
static bool fits(int32_t term, bool draws, int32_t act)
{
    const ae__term_ops *ops = ae__term_of(term);
    const ae__term_site site = {"dense", draws, act, 1};
    ae__term_info info = {0};
    ae__spec spec;
    assert_true(ae__spec_begin_term(&spec, term));
    return !ops->infer || ops->infer(&spec, &site, &info) == AE_OK;
}

/* Those that go with the chain; *last_act becomes one that they go with. */
static void add_terms(chain *c, const variant *v, int32_t *last_act)
{
    const bool draws = ae__layer_of(layers[v->layer].kind)->draws;
    size_t n = 0;
    for (size_t i = 0; i < TERMS; i++) {
        if (v->term != TERMS && v->term != i) continue;
        if (!fits(terms[i].kind, draws, *last_act)) *last_act = AE_ACT_SIGMOID;
        if (!fits(terms[i].kind, draws, *last_act)) continue;
        c->terms[n++] = with(terms[i], AE_PARAM_WEIGHT, 0.75 + (double)i);
    }
}

/* Whether the layer gives as many numbers as it takes, so that the next can be tied to the one
 * below it. */
static bool keeps_width(int32_t kind)
{
    return kind != AE__LAYER_GAUSSIAN && kind != AE__LAYER_CONCAT;
}

static void check_variant(const variant *v)
{
    const piece narrow = {AE__LAYER_DENSE, {{AE_PARAM_UNITS, UNITS}}};
    const piece outer = {AE__LAYER_DENSE, {{AE_PARAM_UNITS, IN}}};
    const piece alone = {.kind = AE__LAYER_ACTIVATION};
    int32_t last_act = v->act;
    char name[160];
    snprintf(name, sizeof name, "%s, activations %d %d, %s, %s, %s, term %zu",
             ae__layer_of(layers[v->layer].kind)->name, (int)v->below, (int)v->act,
             v->bias ? "bias" : "no bias", v->tied ? "tied" : "untied",
             v->apart ? "apart" : "within", v->term);
    chain c = {.name = name, .input = IN};
    add_terms(&c, v, &last_act);
    if (!c.terms[0].kind || (v->tied && !keeps_width(layers[v->layer].kind))) return;
    c.layers[0] = layer_of(v, narrow, v->below);
    c.layers[1] = layer_of(v, layers[v->layer], v->act);
    c.layers[2] = layer_of(v, outer, v->apart ? AE_ACT_LINEAR : last_act);
    if (v->tied) c.layers[2] = with(c.layers[2], AE_PARAM_TIED, 0);
    if (v->apart) c.layers[3] = layer_of(v, alone, last_act);
    check_chain(&c, ROWS);
}

static void gradients_equal_central_differences(void **state)
{
    (void)state;
    for (size_t i = 0; i < LAYERS * (TERMS + 1) * ACTS * ACTS * 8; i++) {
        size_t rest = i / 8;
        variant v = {.bias = i & 1, .tied = i & 2, .apart = i & 4};
        v.act = (int32_t)(rest % ACTS);
        v.below = (int32_t)(rest / ACTS % ACTS);
        v.layer = rest / ACTS / ACTS % LAYERS;
        v.term = rest / ACTS / ACTS / LAYERS;
        /* one term alone: it is all the same to it how two activations go together */
        if (v.term == TERMS || v.below == v.act) check_variant(&v);
    }
}

/* ---- chains that the sweep does not make ---- */

static void gradients_hold_for_penalties_within_the_chain(void **state)
{
    trial t = trial_of(&penalised, ROWS);
    (void)state;
    assert_true(t.model->plan.fuse_loss);
    trial_free(&t);
    check_chain(&penalised, ROWS);
}

/* Training activates what it has kept; evaluation does it in the epilogue of the product. */
static void keeping_the_input_of_activations_changes_no_loss(void **state)
{
    trial t = trial_of(&gated, ODD_ROWS);
    double losses[2][ODD_ROWS];
    (void)state;
    for (int32_t i = 0; i < t.model->plan.n_layers; i++)
        assert_int_equal(t.trainer.z[i] != NULL, i == 0 || i == 2 || i == 3);
    trial_draw(&t);
    t.context.mode = AE__MODE_EVALUATE;
    for (int kept = 0; kept < 2; kept++) {
        const ae__pass pass = {.model = t.model,
                               .context = &t.context,
                               .x = {t.trainer.x, t.in},
                               .y = t.trainer.y,
                               .z = kept ? t.trainer.z : NULL,
                               .spare = {t.trainer.dy[0], t.trainer.dy[0]},
                               .values = t.trainer.values,
                               .sums = t.trainer.sums,
                               .parts = t.trainer.parts};
        ae__pass_forward(&pass);
        memcpy(losses[kept], t.trainer.sums, sizeof losses[kept]);
    }
    assert_memory_equal(losses[0], losses[1], sizeof losses[0]);
    trial_free(&t);
}

static void gradients_hold_where_the_input_of_activations_is_kept(void **state)
{
    (void)state;
    check_chain(&gated, ODD_ROWS);
}

/* Before the first layer, between two, and behind the last, where no loss is fused. */
static void gradients_hold_for_every_noise_at_every_place(void **state)
{
    const piece noises[] = {
        CORRUPT(AE_NOISE_GAUSSIAN, 0.5),    CLIPPED(AE_NOISE_GAUSSIAN, 0.5, -0.25, 0.5),
        CORRUPT(AE_NOISE_MASKING, 0.4),     MASKED(0.4, 0.75),
        CORRUPT(AE_NOISE_SALT_PEPPER, 0.4), CLIPPED(AE_NOISE_SALT_PEPPER, 0.4, -2, 3),
        CORRUPT(AE_NOISE_DROPOUT, 0.4)};
    (void)state;
    for (size_t i = 0; i < sizeof noises / sizeof *noises; i++) {
        const chain c = {.name = "noise",
                         .input = IN,
                         .layers = {noises[i], DENSE(UNITS, AE_ACT_TANH), noises[i],
                                    DENSE(IN, AE_ACT_SIGMOID), noises[i]},
                         .terms = {{.kind = AE_LOSS_MSE}}};
        check_chain(&c, ODD_ROWS);
    }
}

/* Below the first weights, where no gradient is wanted, between layers, and behind the last. */
static void gradients_hold_for_topk_at_every_place(void **state)
{
    const chain c = {.name = "topk",
                     .input = IN,
                     .layers = {TOPK(3), DENSE(UNITS, AE_ACT_TANH), TOPK(1),
                                DENSE(IN, AE_ACT_SOFTPLUS), TOPK(4)},
                     .terms = {{.kind = AE_LOSS_MSE}}};
    (void)state;
    check_chain(&c, ROWS);
}

static void gradients_of_a_kernel_used_three_times_are_summed(void **state)
{
    (void)state;
    check_chain(&tied_twice, ROWS);
}

static void gradients_hold_for_odd_and_deep_chains(void **state)
{
    (void)state;
    check_chain(&odd_and_deep, ODD_ROWS);
}

static void gradients_hold_for_a_single_layer_and_row(void **state)
{
    const chain c = {.name = "one layer",
                     .input = 6,
                     .layers = {DENSE(2, AE_ACT_TANH)},
                     .terms = {{.kind = AE_LOSS_MSE}}};
    (void)state;
    check_chain(&c, 1);
}

/* ---- codes that are drawn ---- */

static void gradients_hold_for_codes_that_are_drawn(void **state)
{
    (void)state;
    for (size_t i = 0; i < DRAWN_CODES; i++) check_warming(&drawn_codes[i], ROWS);
}

/* More columns than a block of the loops, more rows than a task. */
static void gradients_hold_for_wide_codes(void **state)
{
    static const chain c = {.name = "wide code",
                            .input = 1,
                            .layers = {DENSE(2 * 261, AE_ACT_LINEAR), GAUSSIAN(2),
                                       DENSE(1, AE_ACT_TANH), DENSE(67, AE_ACT_SIGMOID)},
                            .terms = {NLL(AE_VARIANCE_GLOBAL), NLL(AE_VARIANCE_FEATURE),
                                      KL(1, {AE_PARAM_WEIGHT, 0.01}),
                                      ON(AE_PENALTY_KL_SPARSITY, 3)}};
    (void)state;
    check_chain(&c, ODD_ROWS);
}

/* ---- likelihoods with a variance ---- */

static void gradients_hold_for_every_variance(void **state)
{
    const int32_t acts[] = {AE_ACT_LINEAR, AE_ACT_SIGMOID, AE_ACT_TANH};
    (void)state;
    for (int32_t i = 0; i < 3 * 3 * 2 * 2; i++) {
        const int32_t kind = i % 3, act = acts[i / 3 % 3], samples = i / 9 % 2 ? 3 : 1;
        chain c = {.name = "variance",
                   .input = IN,
                   .layers = {DENSE(UNITS, AE_ACT_TANH), GAUSSIAN(samples), DENSE(IN, act)},
                   .terms = {NLL(kind), SCALED(AE_LOSS_MSE, 0.5)}};
        if (i / 18) {
            c.layers[2] = (piece)DENSE(IN, AE_ACT_LINEAR);
            c.layers[3] = (piece){AE__LAYER_ACTIVATION, {{AE_PARAM_ACTIVATION, act}}};
        }
        check_chain(&c, ROWS);
    }
}

/* ---- means over rows ---- */

static void gradients_hold_for_means_over_rows(void **state)
{
    (void)state;
    for (size_t i = 0; i < SPARSE; i++) check_chain(&sparse[i], ODD_ROWS);
}

/* ---- sides ---- */

static void gradients_hold_for_sides(void **state)
{
    (void)state;
    for (size_t i = 0; i < SIDED; i++) check_chain(&sided[i], ODD_ROWS);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_registered_layer_is_covered),
        cmocka_unit_test(every_registered_term_is_covered),
        cmocka_unit_test(every_activation_is_covered),
        cmocka_unit_test(gradients_equal_central_differences),
        cmocka_unit_test(gradients_hold_for_penalties_within_the_chain),
        cmocka_unit_test(keeping_the_input_of_activations_changes_no_loss),
        cmocka_unit_test(gradients_hold_where_the_input_of_activations_is_kept),
        cmocka_unit_test(gradients_hold_for_every_noise_at_every_place),
        cmocka_unit_test(gradients_hold_for_topk_at_every_place),
        cmocka_unit_test(gradients_of_a_kernel_used_three_times_are_summed),
        cmocka_unit_test(gradients_hold_for_odd_and_deep_chains),
        cmocka_unit_test(gradients_hold_for_a_single_layer_and_row),
        cmocka_unit_test(gradients_hold_for_codes_that_are_drawn),
        cmocka_unit_test(gradients_hold_for_wide_codes),
        cmocka_unit_test(gradients_hold_for_every_variance),
        cmocka_unit_test(gradients_hold_for_means_over_rows),
        cmocka_unit_test(gradients_hold_for_sides),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
