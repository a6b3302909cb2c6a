/* What the tests of layers of images in double share: layers as calls, and the windows and upsamplings
 * that they are tried with. */
#ifndef TEST_DOUBLE_IMAGES_H
#define TEST_DOUBLE_IMAGES_H

#include "chain.h"

#include <stdio.h>

static inline piece layer(int32_t kind)
{
    return (piece){.kind = kind};
}

static inline piece act(piece p, int32_t activation)
{
    return with(p, AE_PARAM_ACTIVATION, activation);
}

typedef struct window {
    int kernel_h, kernel_w, stride_h, stride_w, padding;
} window;

/* Uneven on all sides, where it is explicit. */
static inline piece windowed(piece p, const window *w)
{
    const bool two = p.kind == AE__LAYER_CONV2D || p.kind == AE__LAYER_CONV2D_TRANSPOSE ||
                     p.kind == AE__LAYER_POOL2D;
    p = with(with(p, AE_PARAM_KERNEL_W, w->kernel_w), AE_PARAM_STRIDE_W, w->stride_w);
    if (two) p = with(with(p, AE_PARAM_KERNEL_H, w->kernel_h), AE_PARAM_STRIDE_H, w->stride_h);
    p = with(p, AE_PARAM_PADDING, w->padding);
    if (w->padding != AE_PADDING_EXPLICIT) return p;
    if (two) p = with(with(p, AE_PARAM_PAD_TOP, w->kernel_h > 1), AE_PARAM_PAD_BOTTOM, 0);
    p = with(p, AE_PARAM_PAD_LEFT, w->kernel_w > 1);
    return with(p, AE_PARAM_PAD_RIGHT, w->kernel_w > 2 ? 2 : 0);
}

static inline const char *describe(const piece *p)
{
    static char text[400];
    size_t at = (size_t)snprintf(text, sizeof text, "%s", ae__layer_of(p->kind)->name);
    for (const setting *s = p->settings; s->id; s++)
        at += (size_t)snprintf(text + at, sizeof text - at, " %s %g", ae__param_of(s->id)->name,
                               s->value);
    return text;
}

static const window windows[] = {
    {1, 1, 1, 1, AE_PADDING_VALID},    {1, 1, 2, 2, AE_PADDING_SAME},
    {2, 2, 2, 2, AE_PADDING_VALID},    {2, 3, 1, 1, AE_PADDING_SAME},
    {3, 3, 1, 1, AE_PADDING_VALID},    {3, 3, 1, 1, AE_PADDING_SAME},
    {3, 3, 2, 2, AE_PADDING_SAME},     {3, 2, 2, 3, AE_PADDING_EXPLICIT},
    {3, 3, 1, 1, AE_PADDING_EXPLICIT}, {2, 3, 3, 4, AE_PADDING_SAME}, /* strides above the kernel */
    {1, 2, 3, 3, AE_PADDING_VALID},    {2, 1, 3, 2, AE_PADDING_EXPLICIT},
    {3, 5, 3, 2, AE_PADDING_VALID},    {5, 5, 1, 1, AE_PADDING_SAME},
    {5, 3, 2, 3, AE_PADDING_SAME},     {4, 5, 2, 1, AE_PADDING_EXPLICIT},
};
enum { WINDOWS = sizeof windows / sizeof *windows };

static inline piece conv(int32_t kind, int filters, const window *w, bool bias)
{
    const piece p = with(layer(kind), AE_PARAM_FILTERS, filters);
    return with(act(windowed(p, w), AE_ACT_TANH), AE_PARAM_BIAS, bias);
}

/* An epsilon that keeps the third derivative small where a channel hardly varies. */
static inline piece norm(int32_t kind, int32_t activation)
{
    return with(with(act(layer(kind), activation), AE_PARAM_NORM_EPSILON, 0.25), AE_PARAM_SLOPE,
                0.2);
}

/* A kernel as wide as the cells that are repeated, at the least, strides of 1, and padding that no window
 * lies in alone. */
static const struct {
    window w;
    int factor_h, factor_w;
    bool merged;
} upsamplings[] = {
    {{3, 3, 1, 1, AE_PADDING_SAME}, 2, 2, true},
    {{3, 3, 1, 1, AE_PADDING_VALID}, 2, 2, true},
    {{3, 3, 1, 1, AE_PADDING_EXPLICIT}, 2, 2, true},
    {{2, 3, 1, 1, AE_PADDING_SAME}, 1, 3, true},
    {{5, 2, 1, 1, AE_PADDING_SAME}, 3, 2, true},
    {{4, 5, 1, 1, AE_PADDING_EXPLICIT}, 2, 3, true},
    {{1, 3, 1, 1, AE_PADDING_VALID}, 1, 2, true},
    {{3, 4, 1, 1, AE_PADDING_VALID}, 3, 4, true},
    {{1, 1, 1, 1, AE_PADDING_VALID}, 2, 2, false},
    {{3, 3, 2, 1, AE_PADDING_SAME}, 2, 2, false},
    {{3, 2, 1, 1, AE_PADDING_SAME}, 2, 3, false},
};
enum { UPSAMPLINGS = sizeof upsamplings / sizeof *upsamplings };

static inline piece upsample(size_t i, bool two)
{
    const piece p = layer(two ? AE__LAYER_UPSAMPLE2D : AE__LAYER_UPSAMPLE1D);
    const piece wide = with(p, AE_PARAM_FACTOR_W, upsamplings[i].factor_w);
    return two ? with(wide, AE_PARAM_FACTOR_H, upsamplings[i].factor_h) : wide;
}

#endif
