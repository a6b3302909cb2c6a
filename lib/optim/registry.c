/* The list of optimisers. */
#include "optim/optim.h"

extern const ae__optim_ops ae__optim_sgd, ae__optim_adam, ae__optim_adamw, ae__optim_rmsprop;

static const ae__optim_ops *const optimisers[] = {&ae__optim_sgd, &ae__optim_adam, &ae__optim_adamw,
                                                  &ae__optim_rmsprop};

const ae__optim_ops *ae__optim_at(size_t index)
{
    return index < sizeof optimisers / sizeof *optimisers ? optimisers[index] : NULL;
}

const ae__optim_ops *ae__optim_of(int32_t kind)
{
    for (size_t i = 0; i < sizeof optimisers / sizeof *optimisers; i++) {
        if (optimisers[i]->kind == kind) return optimisers[i];
    }
    return NULL;
}
