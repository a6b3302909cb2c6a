/* Describing a model wrongly: the first mistake is told, and told again by everything that follows. */
#include "heap.h"
#include "test_api_misuse.h"

enum {
    INPUT = 1,
    DENSE,
    ACT,
    CORRUPT,
    TOPK,
    GAUSSIAN,
    CONCAT,
    LABEL,
    CODED,
    LOSS,
    PENALTY,
    OPTIM,
    SET,
    SETF
};

typedef struct step {
    int32_t call;
    int64_t value;
    int32_t number; /* of a constant or parameter */
} step;

static int32_t take(ae_config *config, const step *s)
{
    switch (s->call) {
    case INPUT: return ae_config_input(config, s->value);
    case DENSE: return ae_config_dense(config, s->value, s->number);
    case ACT: return ae_config_activation(config, s->number);
    case CORRUPT: return ae_config_corrupt(config, s->number, (double)s->value);
    case TOPK: return ae_config_topk(config, s->value);
    case GAUSSIAN: return ae_config_gaussian(config);
    case CONCAT: return ae_config_concat(config, s->value);
    case LABEL: return ae_config_concat_label(config, s->value);
    case CODED: return ae_config_code(config);
    case LOSS: return ae_config_loss(config, s->number);
    case PENALTY: return ae_config_penalty(config, s->number, (double)s->value);
    case OPTIM: return ae_config_optimizer(config, s->number);
    case SETF: return ae_config_set_f64(config, s->number, (double)s->value);
    default: return ae_config_set_i64(config, s->number, s->value);
    }
}

/* Calls in order; the failure is the last one's, or the create's where all succeed. */
typedef struct mistake {
    int32_t code;
    const char *says;
    step steps[9];
} mistake;

static const mistake mistakes[] = {
    {AE_ERR_STATE, "config: no input", {{0}}},
    {AE_ERR_STATE, "config: no layer", {{INPUT, 4, 0}}},
    {AE_ERR_STATE, "config: no code", {{INPUT, 4, 0}, {DENSE, 2, 0}}},
    {AE_ERR_SHAPE, "no layer has weights", {{INPUT, 4, 0}, {ACT, 0, 0}, {CODED, 0, 0}}},
    {AE_ERR_RANGE, "input: dimension is 0", {{INPUT, 0, 0}}},
    {AE_ERR_RANGE, "dimension is -1, wanted 1 to 16777216", {{INPUT, -1, 0}}},
    {AE_ERR_RANGE, "dimension is 16777217", {{INPUT, (1 << 24) + 1, 0}}},
    {AE_ERR_RANGE, "dimension is 9223372036854775807", {{INPUT, INT64_MAX, 0}}},
    {AE_ERR_STATE, "input: set before", {{INPUT, 4, 0}, {INPUT, 4, 0}}},
    {AE_ERR_STATE, "dense #0: no input yet", {{DENSE, 2, AE_ACT_RELU}}},
    {AE_ERR_STATE, "activation #0: no input yet", {{ACT, 0, AE_ACT_RELU}}},
    {AE_ERR_RANGE, "dense #0: units is 0, wanted 1 to 16777216", {{INPUT, 4, 0}, {DENSE, 0, 0}}},
    {AE_ERR_RANGE, "units is -9223372036854775808", {{INPUT, 4, 0}, {DENSE, INT64_MIN, 0}}},
    {AE_ERR_RANGE, "dense #0: activation is 99, wanted 0 to 8", {{INPUT, 4, 0}, {DENSE, 2, 99}}},
    {AE_ERR_RANGE, "activation is -1", {{INPUT, 4, 0}, {ACT, 0, AE_ACT_UNSET}}},
    {AE_ERR_STATE, "corrupt #0: no input yet", {{CORRUPT, 0, AE_NOISE_MASKING}}},
    {AE_ERR_RANGE, "corrupt #0: noise is 5, wanted 1 to 4", {{INPUT, 4, 0}, {CORRUPT, 0, 5}}},
    {AE_ERR_RANGE, "noise is -1", {{INPUT, 4, 0}, {CORRUPT, 0, AE_NOISE_UNSET}}},
    {AE_ERR_RANGE, "amount is -1", {{INPUT, 4, 0}, {CORRUPT, -1, AE_NOISE_GAUSSIAN}}},
    {AE_ERR_RANGE,
     "corrupt #0: amount is 1, wanted 0 to 0.999999881",
     {{INPUT, 4, 0}, {CORRUPT, 1, AE_NOISE_DROPOUT}, {DENSE, 4, 0}, {CODED, 0, 0}}},
    {AE_ERR_SHAPE,
     "no layer has weights",
     {{INPUT, 4, 0}, {CORRUPT, 0, AE_NOISE_MASKING}, {CODED, 0, 0}}},
    {AE_ERR_INVALID,
     "bce #0: last activation is linear, wanted sigmoid",
     {{INPUT, 4, 0},
      {DENSE, 4, AE_ACT_SIGMOID},
      {CODED, 0, 0},
      {CORRUPT, 0, AE_NOISE_MASKING},
      {LOSS, 0, AE_LOSS_BCE}}},
    {AE_ERR_STATE, "topk #0: no input yet", {{TOPK, 1, 0}}},
    {AE_ERR_RANGE, "topk #0: k is 0, wanted 1 to 16777216", {{INPUT, 4, 0}, {TOPK, 0, 0}}},
    {AE_ERR_RANGE,
     "topk #1: k is 3, wanted 1 to 2",
     {{INPUT, 4, 0}, {DENSE, 2, 0}, {TOPK, 3, 0}, {CODED, 0, 0}}},
    {AE_ERR_SHAPE, "no layer has weights", {{INPUT, 4, 0}, {TOPK, 2, 0}, {CODED, 0, 0}}},
    {AE_ERR_SHAPE,
     "dense #1: tied to layer #0, which has no kernel",
     {{INPUT, 4, 0}, {TOPK, 2, 0}, {CODED, 0, 0}, {DENSE, 4, 0}, {SET, 0, AE_PARAM_TIED}}},
    {AE_ERR_STATE, "gaussian #0: no input yet", {{GAUSSIAN, 0, 0}}},
    {AE_ERR_SHAPE,
     "gaussian #1: input has 3 numbers, wanted means and as many log-variances",
     {{INPUT, 4, 0}, {DENSE, 3, 0}, {GAUSSIAN, 0, 0}, {CODED, 0, 0}}},
    {AE_ERR_SHAPE,
     "gaussian #3: layer #1 draws already, wanted one at most",
     {{INPUT, 4, 0},
      {DENSE, 4, 0},
      {GAUSSIAN, 0, 0},
      {CODED, 0, 0},
      {DENSE, 4, 0},
      {GAUSSIAN, 0, 0}}},
    {AE_ERR_INVALID,
     "dense #0: does not take samples",
     {{INPUT, 4, 0}, {DENSE, 4, 0}, {SET, 2, AE_PARAM_SAMPLES}}},
    {AE_ERR_RANGE,
     "gaussian #0: samples is 65537, wanted 1 to 65536",
     {{INPUT, 4, 0}, {GAUSSIAN, 0, 0}, {SET, 65537, AE_PARAM_SAMPLES}}},
    {AE_ERR_STATE, "concat #0: no input yet", {{CONCAT, 3, 0}}},
    {AE_ERR_STATE, "concat #0: no input yet", {{LABEL, 3, 0}}},
    {AE_ERR_RANGE, "concat #0: side is 0, wanted 1 to 16777216", {{INPUT, 4, 0}, {CONCAT, 0, 0}}},
    {AE_ERR_RANGE, "concat #0: side is 16777217", {{INPUT, 4, 0}, {LABEL, (1 << 24) + 1, 0}}},
    {AE_ERR_RANGE, "side is -1", {{INPUT, 4, 0}, {LABEL, -1, 0}}},
    {AE_ERR_RANGE,
     "concat #0: output of 4 + 16777216 numbers, wanted at most 16777216",
     {{INPUT, 4, 0}, {CONCAT, 1 << 24, 0}, {CODED, 0, 0}}},
    {AE_ERR_SHAPE,
     "concat #2: side is 2, wanted layer #0's 3",
     {{INPUT, 4, 0}, {CONCAT, 3, 0}, {DENSE, 4, 0}, {CODED, 0, 0}, {CONCAT, 2, 0}, {DENSE, 4, 0}}},
    {AE_ERR_SHAPE,
     "concat #2: label is 1, wanted layer #0's 0",
     {{INPUT, 4, 0}, {CONCAT, 3, 0}, {DENSE, 4, 0}, {CODED, 0, 0}, {LABEL, 3, 0}, {DENSE, 4, 0}}},
    {AE_ERR_SHAPE,
     "concat #1: wanted a layer with weights after it",
     {{INPUT, 4, 0}, {DENSE, 4, 0}, {CONCAT, 3, 0}, {ACT, 0, 0}, {CODED, 0, 0}}},
    {AE_ERR_STATE, "code: no layer yet", {{INPUT, 4, 0}, {CODED, 0, 0}}},
    {AE_ERR_STATE,
     "code: marked before, after layer #0",
     {{INPUT, 4, 0}, {DENSE, 2, 0}, {CODED, 0, 0}, {DENSE, 4, 0}, {CODED, 0, 0}}},
    {AE_ERR_INVALID, "loss: there is no kind 99", {{LOSS, 0, 99}}},
    {AE_ERR_INVALID, "loss: there is no kind -1", {{LOSS, 0, AE_LOSS_UNSET}}},
    {AE_ERR_INVALID, "optimizer: there is no kind 5", {{OPTIM, 0, 5}}},
    {AE_ERR_INVALID, "loss: there is no kind 100", {{LOSS, 0, AE_PENALTY_L1}}},
    {AE_ERR_INVALID, "loss: there is no kind 101", {{LOSS, 0, AE_PENALTY_KL}}},
    {AE_ERR_INVALID,
     "penalty: there is no kind 6",
     {{INPUT, 4, 0}, {DENSE, 2, 0}, {PENALTY, 1, AE_LOSS_GAUSSIAN_NLL}}},
    {AE_ERR_INVALID,
     "penalty: there is no kind 1",
     {{INPUT, 4, 0}, {DENSE, 2, 0}, {PENALTY, 1, AE_LOSS_MSE}}},
    {AE_ERR_STATE, "penalty: no layer yet", {{INPUT, 4, 0}, {PENALTY, 1, AE_PENALTY_L1}}},
    {AE_ERR_RANGE,
     "l1 #0: weight is -1",
     {{INPUT, 4, 0}, {DENSE, 2, 0}, {PENALTY, -1, AE_PENALTY_L1}}},
    {AE_ERR_SHAPE,
     "l1 #0: on layer #7, wanted one of 1",
     {{INPUT, 4, 0},
      {DENSE, 2, 0},
      {CODED, 0, 0},
      {PENALTY, 1, AE_PENALTY_L1},
      {SET, 7, AE_PARAM_LAYER}}},
    {AE_ERR_RANGE,
     "kl #0: weight is 0",
     {{INPUT, 4, 0}, {GAUSSIAN, 0, 0}, {PENALTY, 0, AE_PENALTY_KL}}},
    {AE_ERR_INVALID,
     "kl #0: layer is dense, wanted gaussian",
     {{INPUT, 4, 0}, {DENSE, 4, 0}, {CODED, 0, 0}, {PENALTY, 1, AE_PENALTY_KL}}},
    {AE_ERR_INVALID,
     "kl_sparsity #0: activation is relu, wanted sigmoid",
     {{INPUT, 4, 0}, {DENSE, 4, AE_ACT_RELU}, {CODED, 0, 0}, {PENALTY, 1, AE_PENALTY_KL_SPARSITY}}},
    {AE_ERR_SHAPE,
     "config: penalties keep 8 sums, wanted at most 4, one a weight",
     {{INPUT, 1, 0},
      {DENSE, 4, AE_ACT_SIGMOID},
      {SET, 0, AE_PARAM_BIAS},
      {CODED, 0, 0},
      {PENALTY, 1, AE_PENALTY_KL_SPARSITY},
      {PENALTY, 1, AE_PENALTY_KL_SPARSITY}}},
    {AE_ERR_RANGE, "config: bound is 2, wanted 0 to 1", {{SET, 2, AE_PARAM_BOUND}}},
    {AE_ERR_INVALID,
     "config: bound is importance, wanted a gaussian layer",
     {{INPUT, 4, 0},
      {DENSE, 4, AE_ACT_SIGMOID},
      {CODED, 0, 0},
      {LOSS, 0, AE_LOSS_BERNOULLI_NLL},
      {SET, AE_BOUND_IMPORTANCE, AE_PARAM_BOUND}}},
    {AE_ERR_INVALID,
     "config: bound is importance, wanted one loss and AE_PENALTY_KL",
     {{INPUT, 4, 0},
      {GAUSSIAN, 0, 0},
      {CODED, 0, 0},
      {DENSE, 4, 0},
      {LOSS, 0, AE_LOSS_GAUSSIAN_NLL},
      {SET, AE_BOUND_IMPORTANCE, AE_PARAM_BOUND}}},
    {AE_ERR_INVALID,
     "config: bound is importance, wanted one loss and AE_PENALTY_KL",
     {{INPUT, 4, 0},
      {GAUSSIAN, 0, 0},
      {PENALTY, 1, AE_PENALTY_KL},
      {CODED, 0, 0},
      {DENSE, 4, 0},
      {SET, AE_BOUND_IMPORTANCE, AE_PARAM_BOUND}}},
    {AE_ERR_INVALID,
     "mse #1: is no log-density, which the importance bound is made of",
     {{INPUT, 4, 0},
      {GAUSSIAN, 0, 0},
      {PENALTY, 1, AE_PENALTY_KL},
      {CODED, 0, 0},
      {DENSE, 4, 0},
      {LOSS, 0, AE_LOSS_MSE},
      {SET, AE_BOUND_IMPORTANCE, AE_PARAM_BOUND}}},
    {AE_ERR_INVALID,
     "l1 #1: is no log-density",
     {{INPUT, 4, 0},
      {GAUSSIAN, 0, 0},
      {PENALTY, 1, AE_PENALTY_KL},
      {PENALTY, 1, AE_PENALTY_L1},
      {CODED, 0, 0},
      {DENSE, 4, 0},
      {LOSS, 0, AE_LOSS_GAUSSIAN_NLL},
      {SET, AE_BOUND_IMPORTANCE, AE_PARAM_BOUND}}},
    {AE_ERR_INVALID,
     "kl #0: free_bits is 2, which the importance bound has no place for",
     {{INPUT, 4, 0},
      {GAUSSIAN, 0, 0},
      {PENALTY, 1, AE_PENALTY_KL},
      {SETF, 2, AE_PARAM_FREE_BITS},
      {CODED, 0, 0},
      {DENSE, 4, 0},
      {LOSS, 0, AE_LOSS_GAUSSIAN_NLL},
      {SET, AE_BOUND_IMPORTANCE, AE_PARAM_BOUND}}},
    {AE_ERR_INVALID, "optimizer: there is no kind 0", {{OPTIM, 0, 0}}},
    {AE_ERR_STATE, "layer: none was added yet", {{SET, 1, AE_PARAM_BIAS}}},
    {AE_ERR_INVALID, "no parameter has number 77", {{SET, 1, 77}}},
    {AE_ERR_INVALID, "epochs", {{SET, 1, AE_FIT_EPOCHS}}},
    {AE_ERR_INVALID, "does not take nesterov", {{SET, 1, AE_PARAM_NESTEROV}}},
    {AE_ERR_INVALID, "learning_rate", {{SET, 1, AE_PARAM_LEARNING_RATE}}},
    {AE_ERR_INVALID,
     "activation #0: does not take init",
     {{INPUT, 4, 0}, {ACT, 0, 0}, {SET, 1, AE_PARAM_INIT}}},
    {AE_ERR_INVALID,
     "bce #0: last activation is relu, wanted sigmoid",
     {{INPUT, 4, 0}, {DENSE, 4, AE_ACT_RELU}, {CODED, 0, 0}, {LOSS, 0, AE_LOSS_BCE}}},
    {AE_ERR_INVALID,
     "bernoulli_nll #0: last activation is elu, wanted sigmoid",
     {{INPUT, 4, 0}, {DENSE, 4, AE_ACT_ELU}, {CODED, 0, 0}, {LOSS, 0, AE_LOSS_BERNOULLI_NLL}}},
    {AE_ERR_SHAPE,
     "dense #0: tied to layer #0, wanted an earlier one",
     {{INPUT, 4, 0}, {DENSE, 4, 0}, {SET, 0, AE_PARAM_TIED}, {CODED, 0, 0}}},
    {AE_ERR_SHAPE,
     "dense #1: tied to layer #0's kernel of 4 x 2, wanted 5 x 2",
     {{INPUT, 4, 0}, {DENSE, 2, 0}, {CODED, 0, 0}, {DENSE, 5, 0}, {SET, 0, AE_PARAM_TIED}}},
    {AE_ERR_SHAPE,
     "dense #1: tied to layer #0, which has no kernel",
     {{INPUT, 4, 0}, {ACT, 0, 0}, {CODED, 0, 0}, {DENSE, 4, 0}, {SET, 0, AE_PARAM_TIED}}},
    {AE_ERR_UNSUPPORTED,
     "cpu: level",
     {{INPUT, 4, 0},
      {DENSE, 4, 0},
      {CODED, 0, 0},
#ifdef __aarch64__
      {SET, AE_CPU_AVX512, AE_PARAM_CPU}}},
#else
      {SET, AE_CPU_NEON, AE_PARAM_CPU}}},
#endif
};

/* Each later call gives the first failure again. */
static void check_stuck(ae_config *config, const mistake *m)
{
    const step later[] = {{INPUT, 4, 0},   {DENSE, 4, 0},     {ACT, 0, 0},    {CODED, 0, 0},
                          {LOSS, 0, 1},    {PENALTY, 1, 100}, {OPTIM, 0, 1},  {SET, 1, 77},
                          {CORRUPT, 0, 1}, {GAUSSIAN, 0, 0},  {CONCAT, 1, 0}, {LABEL, 1, 0},
                          {TOPK, 1, 0}};
    for (size_t i = 0; i < sizeof later / sizeof *later; i++)
        check_refusal("later", m->code, m->says, take(config, &later[i]));
    check_refusal("get", m->code, m->says, ae_config_get_i64(config, AE_PARAM_BATCH, &out.i64));
    check_refusal("get", m->code, m->says, ae_config_get_f64(config, AE_PARAM_BETA1, &out.f64));
}

static void mistake_in_a_config_is_told_and_told_again(void **state)
{
    (void)state;
    for (const mistake *m = mistakes; m < mistakes + sizeof mistakes / sizeof *mistakes; m++) {
        ae_config *config;
        int32_t status = AE_OK;
        must(ae_config_create(&config));
        for (const step *s = m->steps; s->call; s++) {
            if (status != AE_OK) fail_msg("%s: a call too early", m->says);
            status = take(config, s);
        }
        if (status != AE_OK) check_refusal("last step", m->code, m->says, status);
        if (status != AE_OK) check_stuck(config, m);
        made.any = &made;
        check_refusal("create", m->code, m->says, ae_model_create(&made.model, config));
        assert_null(made.any);
        ae_config_free(config);
    }
}

static void getting_what_is_not_there_does_not_stick(void **state)
{
    (void)state;
    refuses(INVALID, "nesterov", ae_config_get_i64(our.config, AE_PARAM_NESTEROV, &out.i64));
    must(ae_config_set_i64(our.config, AE_PARAM_BATCH, 1));
}

static void most_layers_and_losses_are_bounded(void **state)
{
    ae_config *layers, *losses;
    (void)state;
    must(ae_config_create(&layers));
    must(ae_config_input(layers, 1));
    for (int i = 0; i < 1024; i++) must(ae_config_activation(layers, AE_ACT_RELU));
    refuses(RANGE, "more than 1024 layers", ae_config_dense(layers, 1, AE_ACT_RELU));
    ae_config_free(layers);
    must(ae_config_create(&losses));
    for (int i = 0; i < 64; i++) must(ae_config_loss(losses, AE_LOSS_MSE));
    refuses(RANGE, "more than 64 losses", ae_config_loss(losses, AE_LOSS_MSE));
    ae_config_free(losses);
}

typedef struct giant {
    int64_t dim;
    int layers;
    int32_t code;
    const char *says;
} giant;

static void giant_is_refused_before_its_memory_is_touched(void **state)
{
    static const giant giants[] = {
        {1 << 12, 1, AE_ERR_NOMEM, "no memory for"},
        {1 << 24, 1, AE_ERR_NOMEM, "no memory for"},
        {1 << 24, 1024, AE_ERR_RANGE, "dense #1023: weights overflow"}, /* 2^58 in all */
    };
    heap h = {.largest = 1 << 24};
    const ae_allocator small = allocator_of(&h);
    (void)state;
    for (const giant *g = giants; g < giants + sizeof giants / sizeof *giants; g++) {
        ae_config *config;
        must(ae_config_create_with(&config, &small));
        must(ae_config_input(config, g->dim));
        for (int i = 0; i < g->layers; i++) must(ae_config_dense(config, g->dim, AE_ACT_RELU));
        must(ae_config_code(config));
        made.any = &made;
        check_refusal("create", g->code, g->says, ae_model_create(&made.model, config));
        assert_null(made.any);
        ae_config_free(config);
    }
    assert_int_equal(h.live, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        in_our_house(mistake_in_a_config_is_told_and_told_again),
        in_our_house(getting_what_is_not_there_does_not_stick),
        in_our_house(most_layers_and_losses_are_bounded),
        in_our_house(giant_is_refused_before_its_memory_is_touched),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
