/* How layers of images see their buffers (kernels/image.h). */
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
        .channels = ae__shape_channels(call->in_shape),
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

/* What an upsampling layer does to images of this shape, and the shape of what it makes. */
ae__upsampling ae__layer_upsampling(const ae__spec *spec, const ae__shape *in);
ae__shape ae__layer_upsampled(const ae__spec *spec, const ae__shape *in);

/* What is done element by element takes a row, or a whole block of rows, at a time:
 *     for (row = first of the task; row < ae__layer_task_end; row += ae__layer_step)
 *         `in` * step numbers from x + row * x_row on */
enum { AE__TASK_ROWS = AE__MAX_LANES };

static inline size_t ae__layer_tasks(const ae__layer_call *call)
{
    return ae__blocks(call->rows, AE__TASK_ROWS);
}

static inline size_t ae__layer_task_end(const ae__layer_call *call, size_t task)
{
    return ae__min_size((task + 1) * AE__TASK_ROWS, call->rows);
}

static inline size_t ae__layer_step(const ae__layer_call *call, bool blocked)
{
    return blocked ? call->context->engine->kernels->lanes : 1;
}

#endif
