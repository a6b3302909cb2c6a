/* Draws at a place of a step, and what its rows weigh. */
#include "layers/context.h"

double ae__context_weight(const ae__context *context)
{
    double sum = 0;
    if (!context->row_weight) return (double)context->rows;
    for (size_t i = 0; i < context->rows; i++) sum += (double)context->row_weight[i];
    return sum;
}

void ae__context_draw(const ae__context *context, ae__draw place, size_t row, size_t at,
                      size_t count, uint32_t *bits)
{
    uint32_t counter[4], key[2];
    place.seed = context->seed;
    place.epoch = (uint32_t)context->epoch;
    place.row = context->row_numbers ? context->row_numbers[row] : context->first_row + row;
    ae__draw_place(&place, (uint32_t)(at / 4), counter, key);
    context->engine->kernels->philox(bits, counter, key, count);
}
