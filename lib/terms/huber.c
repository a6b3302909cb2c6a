/* Huber's loss (1964): 1/d sum h(y - t) a row, the mean over rows, with h(r) = r^2 / 2 up to
 * |r| = delta and delta (|r| - delta / 2) beyond. */
#include "terms/term.h"

#include "ae/ae.h"

static const int32_t params[] = {AE_PARAM_WEIGHT, AE_PARAM_DELTA, AE_PARAM_FEATURE_WEIGHTS, 0};

const ae__term_ops ae__huber = {
    .kind = AE_LOSS_HUBER,
    .name = "huber",
    .params = params,
    .element = AE__ELEMENT_HUBER,
    .mean = true,
    .values = ae__element_values,
    .gradients = AE__IF_TRAINING(ae__element_gradients),
};
