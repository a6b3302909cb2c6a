/* A small model, and rows for it that are drawn anew for each test. */
#ifndef TEST_FIT_SMALL_H
#define TEST_FIT_SMALL_H

#include "test_fit.h"

/* 10 rows by 4: steps of 4, 4 and 2 rows */
static const recipe small = {.dims = {7, 5, 3, 5, 7},
                             .batch = 4,
                             .hidden = AE_ACT_TANH,
                             .last = AE_ACT_SIGMOID,
                             .loss = AE_LOSS_BCE,
                             .optimizer = AE_OPTIM_ADAM};
enum { DIM = 7, N = 10, STEPS = 3 };

static float x[N * DIM];

static inline int draw_x(void **state)
{
    (void)state;
    draw_state = 1;
    draw_units(x, N * DIM);
    return 0;
}

#endif
