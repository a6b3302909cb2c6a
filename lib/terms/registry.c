/* The list of terms: those of the parts that are built. */
#include "terms/term.h"

extern const ae__term_ops ae__l1, ae__kl, ae__kl_sparsity;
extern const ae__term_ops ae__mse, ae__bce, ae__mae, ae__huber, ae__bernoulli_nll, ae__gaussian_nll;

static const ae__term_ops *const terms[] = {
    &ae__mse, &ae__bce,          &ae__bernoulli_nll, &ae__mae, &ae__huber,
#ifdef AE_DRAWN
    &ae__kl,  &ae__gaussian_nll,
#endif
#ifdef AE_TOPK
    &ae__l1,  &ae__kl_sparsity,
#endif
};

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

double ae__term_reduction(const ae__term_ops *ops, size_t dim)
{
    return ops->mean ? 1 / (double)dim : 1;
}

double ae__term_factor(const ae__term_ops *ops, const ae__spec *spec, size_t dim,
                       const ae__context *context)
{
    const ae__value *warmup = ae__spec_find(spec, AE_PARAM_WARMUP);
    double weight = ae__spec_f64(spec, AE_PARAM_WEIGHT) * ae__term_reduction(ops, dim);
    if (context->mode != AE__MODE_TRAIN || !warmup || context->epochs >= warmup->f64) return weight;
    return weight * context->epochs / warmup->f64;
}
