/* The list of terms. */
#include "terms/term.h"

extern const ae__term_ops ae__l1;
extern const ae__term_ops ae__mse, ae__bce, ae__mae, ae__huber, ae__bernoulli_nll;

static const ae__term_ops *const terms[] = {&ae__mse,   &ae__bce,           &ae__mae,
                                            &ae__huber, &ae__bernoulli_nll, &ae__l1};

const ae__term_ops *ae__term_at(size_t index)
{
    return index < sizeof terms / sizeof *terms ? terms[index] : NULL;
}

const ae__term_ops *ae__term_of(int32_t kind)
{
    for (size_t i = 0; i < sizeof terms / sizeof *terms; i++) {
        if (terms[i]->kind == kind) return terms[i];
    }
    return NULL;
}

double ae__term_factor(const ae__term_ops *ops, const ae__spec *spec, size_t dim)
{
    double weight = ae__spec_f64(spec, AE_PARAM_WEIGHT);
    return ops->mean ? weight / (double)dim : weight;
}
