/* The list of layers: those of the parts that are built (meson_options.txt). */
#include "layers/layer.h"

extern const ae__layer_ops ae__dense, ae__activation, ae__corrupt, ae__gaussian, ae__topk;
extern const ae__layer_ops ae__conv1d, ae__conv2d, ae__conv1d_transpose, ae__conv2d_transpose;
extern const ae__layer_ops ae__pool1d, ae__pool2d, ae__upsample1d, ae__upsample2d;
extern const ae__layer_ops ae__flatten, ae__reshape, ae__batch_norm, ae__layer_norm, ae__concat;

static const ae__layer_ops *const layers[] = {
    &ae__dense,    &ae__activation, &ae__corrupt,
#ifdef AE_DRAWN
    &ae__gaussian, &ae__concat,
#endif
#ifdef AE_TOPK
    &ae__topk,
#endif
#ifdef AE_IMAGES
    &ae__conv1d,   &ae__conv2d,     &ae__conv1d_transpose, &ae__conv2d_transpose,
    &ae__pool1d,   &ae__pool2d,     &ae__upsample1d,       &ae__upsample2d,
    &ae__flatten,  &ae__reshape,    &ae__batch_norm,       &ae__layer_norm,
#endif
};

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
