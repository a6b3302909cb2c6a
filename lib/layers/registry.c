/* The list of layers. */
#include "layers/layer.h"

extern const ae__layer_ops ae__dense, ae__activation, ae__corrupt, ae__gaussian, ae__topk,
    ae__concat;

static const ae__layer_ops *const layers[] = {&ae__dense,    &ae__activation, &ae__corrupt,
                                              &ae__gaussian, &ae__topk,       &ae__concat};

const ae__layer_ops *ae__layer_at(size_t index)
{
    return index < sizeof layers / sizeof *layers ? layers[index] : NULL;
}

const ae__layer_ops *ae__layer_of(int32_t kind)
{
    for (size_t i = 0; i < sizeof layers / sizeof *layers; i++) {
        if (layers[i]->kind == kind) return layers[i];
    }
    return NULL;
}
