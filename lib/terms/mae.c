/* Mean absolute error: 1/d sum |y - t| a row, the mean over rows. */
#include "terms/term.h"

#include "ae/ae.h"

static const int32_t params[] = {AE_PARAM_WEIGHT, AE_PARAM_FEATURE_WEIGHTS, 0};

const ae__term_ops ae__mae = {
    .kind = AE_LOSS_MAE,
    .name = "mae",
    .params = params,
    .element = AE__ELEMENT_ABSOLUTE,
    .mean = true,
    .values = ae__element_values,
    .gradients = AE__IF_TRAINING(ae__element_gradients),
};
