/* Mean squared error: 1/d sum (y - t)^2 a row, the mean over rows. */
#include "terms/term.h"

#include "ae/ae.h"

static const int32_t params[] = {AE_PARAM_WEIGHT, AE_PARAM_FEATURE_WEIGHTS, 0};

const ae__term_ops ae__mse = {
    .kind = AE_LOSS_MSE,
    .name = "mse",
    .params = params,
    .element = AE__ELEMENT_SQUARED,
    .mean = true,
    .values = ae__element_values,
    .gradients = AE__IF_TRAINING(ae__element_gradients),
};
