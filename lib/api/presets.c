/* ae.h: the usual models, as calls of the builders. The first call that fails sticks and the later
 * ones repeat it, so that the last status tells of all. */
#include "api/check.h"

/* Whether the loss is one of numbers in [0, 1]. */
static bool of_unit(int32_t loss)
{
    const ae__term_ops *ops = ae__term_of(loss);
    return ops && ops->unit_targets;
}

static int32_t output_act(int32_t loss)
{
    return of_unit(loss) ? AE_ACT_SIGMOID : AE_ACT_LINEAR;
}

static int32_t add_output(ae_config *config, int64_t input, int32_t loss)
{
    ae_config_dense(config, input, output_act(loss));
    return ae_config_loss(config, loss);
}

/* A code drawn from a distribution of two numbers a dimension. The penalty comes after the loss,
 * where the caller can set it. */
static void add_drawn_code(ae_config *config, int64_t code, int32_t loss)
{
    const int64_t units = code > 0 && code <= INT32_MAX ? 2 * code : code; /* no overflow */
    ae_config_dense(config, units, AE_ACT_LINEAR);
    ae_config_gaussian(config);
    ae_config_loss(config, loss);
    if (loss == AE_LOSS_GAUSSIAN_NLL)
        ae_config_set_i64(config, AE_PARAM_VARIANCE_KIND, AE_VARIANCE_GLOBAL);
    ae_config_penalty(config, AE_PENALTY_KL, 1);
    ae_config_code(config);
}

int32_t ae_preset_vanilla(ae_config *config, int64_t input, int64_t code, int32_t loss)
{
    AE__WANT(config);
    ae_config_input(config, input);
    ae_config_dense(config, code, AE_ACT_RELU);
    ae_config_code(config);
    return add_output(config, input, loss);
}

int32_t ae_preset_deep(ae_config *config, int64_t input, const int64_t *hidden, size_t count,
                       int64_t code, int32_t loss)
{
    AE__WANT(config);
    AE_TRY(ae__stuck(&config->failure));
    if (!hidden && count)
        return ae__stick(&config->failure,
                         ae__fail(AE_ERR_INVALID, "%s: hidden is NULL", __func__));
    ae_config_input(config, input);
    for (size_t i = 0; i < count; i++) AE_TRY(ae_config_dense(config, hidden[i], AE_ACT_RELU));
    ae_config_dense(config, code, AE_ACT_LINEAR);
    ae_config_code(config);
    for (size_t i = count; i > 0; i--) AE_TRY(ae_config_dense(config, hidden[i - 1], AE_ACT_RELU));
    return add_output(config, input, loss);
}

int32_t ae_preset_denoising(ae_config *config, int64_t input, int64_t code, int32_t noise,
                            double amount, int32_t loss)
{
    AE__WANT(config);
    ae_config_input(config, input);
    ae_config_corrupt(config, noise, amount);
    if (of_unit(loss)) {
        ae_config_set_f64(config, AE_PARAM_CLIP_LOW, 0);
        ae_config_set_f64(config, AE_PARAM_CLIP_HIGH, 1);
    }
    ae_config_dense(config, code, AE_ACT_RELU);
    ae_config_code(config);
    return add_output(config, input, loss);
}

int32_t ae_preset_sparse(ae_config *config, int64_t input, int64_t code, double weight,
                         int32_t loss)
{
    AE__WANT(config);
    ae_config_input(config, input);
    ae_config_dense(config, code, AE_ACT_RELU);
    ae_config_penalty(config, AE_PENALTY_L1, weight);
    ae_config_code(config);
    return add_output(config, input, loss);
}

int32_t ae_preset_topk(ae_config *config, int64_t input, int64_t code, int64_t k, int32_t loss)
{
    AE__WANT(config);
    ae_config_input(config, input);
    ae_config_dense(config, code, AE_ACT_LINEAR);
    ae_config_topk(config, k);
    ae_config_code(config);
    return add_output(config, input, loss);
}

int32_t ae_preset_variational(ae_config *config, int64_t input, int64_t hidden, int64_t code,
                              int32_t loss)
{
    AE__WANT(config);
    ae_config_input(config, input);
    ae_config_dense(config, hidden, AE_ACT_RELU);
    add_drawn_code(config, code, loss);
    ae_config_dense(config, hidden, AE_ACT_RELU);
    return ae_config_dense(config, input, output_act(loss));
}

int32_t ae_preset_conditional(ae_config *config, int64_t input, int64_t classes, int64_t hidden,
                              int64_t code, int32_t loss)
{
    AE__WANT(config);
    ae_config_input(config, input);
    ae_config_concat_label(config, classes);
    ae_config_dense(config, hidden, AE_ACT_RELU);
    add_drawn_code(config, code, loss);
    ae_config_concat_label(config, classes);
    ae_config_dense(config, hidden, AE_ACT_RELU);
    return ae_config_dense(config, input, output_act(loss));
}
