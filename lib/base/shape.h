/* The shape of one row of a tensor: features, length x channels, or height x width x channels. */
#ifndef AE__BASE_SHAPE_H
#define AE__BASE_SHAPE_H

#include <stddef.h>
#include <stdint.h>

enum { AE__MAX_RANK = 3, AE__MAX_DIM = 1 << 24 /* elements of a row */ };

typedef struct ae__shape {
    int32_t rank; /* 1 to AE__MAX_RANK; 0: not set */
    size_t dims[AE__MAX_RANK];
} ae__shape;

static inline ae__shape ae__shape_vector(size_t dim)
{
    return (ae__shape){.rank = 1, .dims = {dim}};
}

static inline ae__shape ae__shape_signal(size_t length, size_t channels)
{
    return (ae__shape){.rank = 2, .dims = {length, channels}};
}

static inline ae__shape ae__shape_image(size_t height, size_t width, size_t channels)
{
    return (ae__shape){.rank = 3, .dims = {height, width, channels}};
}

/* As an image: a signal is one row of pixels, a vector one pixel. */
static inline ae__shape ae__shape_as_image(const ae__shape *s)
{
    if (s->rank == 3) return *s;
    return s->rank == 2 ? ae__shape_image(1, s->dims[0], s->dims[1])
                        : ae__shape_image(1, 1, s->dims[0]);
}

/* Numbers of a pixel; of a vector all. */
static inline size_t ae__shape_channels(const ae__shape *s)
{
    return s->dims[s->rank - 1];
}

/* Elements of a row. Every dimension was checked by the layer that made the shape. */
static inline size_t ae__shape_size(const ae__shape *shape)
{
    size_t size = 1;
    for (int32_t i = 0; i < shape->rank; i++) size *= shape->dims[i];
    return size;
}

#endif
