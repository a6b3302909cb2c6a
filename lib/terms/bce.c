/* Binary cross-entropy: -1/d sum t log s(z) + (1 - t) log(1 - s(z)) a row, the mean over rows, from
 * the logits z = what stands before the last layer's sigmoid; and the negative log-likelihood of
 * Bernoulli variables, which is the same without 1/d. */
#include "terms/term.h"

#include "ae/ae.h"
#include "base/status.h"

static const int32_t params[] = {AE_PARAM_WEIGHT, AE_PARAM_FEATURE_WEIGHTS, 0};

static int32_t infer(const ae__spec *spec, const ae__term_site *site, ae__term_info *info)
{
    (void)spec;
    (void)info;
    if (site->activation == AE_ACT_SIGMOID) return AE_OK;
    return ae__fail(AE_ERR_INVALID, "last activation is %s, wanted sigmoid",
                    ae__activation_name(site->activation));
}

const ae__term_ops ae__bce = {
    .kind = AE_LOSS_BCE,
    .name = "bce",
    .params = params,
    .element = AE__ELEMENT_LOGISTIC,
    .mean = true,
    .unit_targets = true,
    .infer = infer,
    .values = ae__element_values,
    .gradients = AE__IF_TRAINING(ae__element_gradients),
};

const ae__term_ops ae__bernoulli_nll = {
    .kind = AE_LOSS_BERNOULLI_NLL,
    .name = "bernoulli_nll",
    .params = params,
    .element = AE__ELEMENT_LOGISTIC,
    .unit_targets = true,
    .density = true,
    .infer = infer,
    .values = ae__element_values,
    .gradients = AE__IF_TRAINING(ae__element_gradients),
};
