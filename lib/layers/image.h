/* How layers of images see their buffers. */
#ifndef AE__LAYERS_IMAGE_H
#define AE__LAYERS_IMAGE_H

#include "base/size.h"
#include "kernels/images.h"
#include "layers/layer.h"

/* A pass over images, or signals, of which x and y have as many channels. */
static inline ae__image_pass ae__layer_images(const ae__layer_call *call)
{
    return (ae__image_pass){
        .rows = call->rows,
        .channels = call->in_shape->dims[call->in_shape->rank - 1],
        .blocked = call->x_blocked,
        .x_row = call->x_row,
        .y_row = call->y_row,
        .x = call->x,
        .y = call->y,
        .dy = call->dy,
        .dx = call->dx,
        .act = call->below_act,
        .slope = call->below_slope,
    };
}

/* For what is done element by element: blocks are as many rows, each with the gap behind it. */
static inline size_t ae__layer_flat_rows(const ae__layer_call *call, bool blocked)
{
    return blocked ? ae__round_up(call->rows, call->context->engine->kernels->lanes) : call->rows;
}

#endif
