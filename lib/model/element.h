/* Weights of the elements of a target: of its features, where a loss has some, and 0 for what is missing,
 * which is NaN in the data and then becomes 0. */
#ifndef AE__MODEL_ELEMENT_H
#define AE__MODEL_ELEMENT_H

#include "model/model.h"

/* Writes the weights for the context's rows, whose target may have gaps still, to element[term], and has
 * the context point there. A mean is then one over the elements that count: they sum to their number.
 * densities: features do not weigh. */
void ae__element_weigh(const ae_model *model, real *const *element, bool densities,
                       ae__context *context);

/* Puts 0 in place of NaN in rows of `dim` numbers, ae__row_stride(dim) apart, of a model that allows it. */
void ae__element_fill(const ae_model *model, real *x, size_t rows, size_t dim);

#endif
