/* Which rows are held out: those whose place in a keyed permutation comes before their number, so that
 * there are just as many, without a list to be shuffled. */
#include "train/split.h"

#include <math.h>

#include "base/rng.h"
#include "base/status.h"

static uint64_t held_out(uint64_t rows, double share)
{
    double n = floor((double)rows * share + 0.5);
    if (n < 1) return 1;
    return n < (double)rows ? (uint64_t)n : rows - 1;
}

/* Such rows of an array, where there is one. */
static void pick(ae__array *array, const uint64_t *numbers, uint64_t count)
{
    if (!ae__array_given(array)) return;
    array->pick = numbers;
    array->rows = (size_t)count;
}

static ae__view picked(const ae__view *data, const uint64_t *numbers, uint64_t count)
{
    ae__view view = *data;
    pick(&view.x, numbers, count);
    pick(&view.y, numbers, count);
    pick(&view.side, numbers, count);
    pick(&view.weight, numbers, count);
    return view;
}

int32_t ae__split_create(ae__split *split, const ae_model *model, const ae__view *data,
                         double share)
{
    const uint64_t rows = data->x.rows, held = held_out(rows, share);
    uint64_t at[2] = {0, held}; /* where the next row held out goes, and the next other */
    ae__order order;
    if (rows < 2) return ae__fail(AE_ERR_RANGE, "fit: split of 1 row, wanted at least 2");
    split->numbers = ae__mem_array(&model->mem, (size_t)rows, sizeof *split->numbers);
    if (!split->numbers)
        return ae__fail(AE_ERR_NOMEM, "fit: no memory to split %llu rows",
                        (unsigned long long)rows);
    ae__order_set(&order, rows,
                  &(ae__draw){.seed = (uint64_t)ae__spec_i64(&model->desc.model, AE_PARAM_SEED),
                              .purpose = AE__DRAW_SPLIT});
    for (uint64_t row = 0; row < rows; row++)
        split->numbers[at[ae__order_at(&order, row) >= held]++] = row;
    split->validation = picked(data, split->numbers, held);
    split->data = picked(data, split->numbers + held, rows - held);
    return AE_OK;
}

void ae__split_free(ae__split *split, const ae_model *model)
{
    ae__mem_free(&model->mem, split->numbers);
}
