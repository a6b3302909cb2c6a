/* A window that slides over images or signals: sizes and padding, from a layer's parameters. */
#ifndef AE__BASE_WINDOW_H
#define AE__BASE_WINDOW_H

#include <stdbool.h>

#include "base/shape.h"
#include "base/spec.h"

/* One axis: cell o of `out` sees cells o * stride - before ... + kernel - 1 of `in`. Transposed, `in`
 * and `out` change places: cell i of `in` adds to those of `out`. */
typedef struct ae__window_axis {
    size_t in, out;
    size_t kernel, stride;
    size_t before; /* padding */
} ae__window_axis;

typedef struct ae__window {
    ae__window_axis h, w;
} ae__window;

/* From AE_PARAM_KERNEL_*, STRIDE_*, PADDING and PAD_*; a signal has the axis w alone. SHAPE or RANGE,
 * with what, got and wanted, where no output is left. */
int32_t ae__window_infer(const ae__spec *spec, const ae__shape *in, bool transposed,
                         ae__window *window);

/* The same for a spec that has passed it. */
ae__window ae__window_of(const ae__spec *spec, const ae__shape *in, bool transposed);

/* SHAPE unless the shape is that of a signal (rank 2) or an image (rank 3). */
int32_t ae__window_check_rank(const ae__shape *in, int32_t rank);

/* The output: an image or, where `in` is one, a signal. RANGE: of more numbers than a row may have. */
int32_t ae__window_output(const ae__window *window, const ae__shape *in, size_t channels,
                          ae__shape *out);

#endif
