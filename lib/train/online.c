/* One step on the rows of one call. There are no epochs here: draws are functions of the absolute step. */
#include "train/online.h"

#include <math.h>

#include "base/status.h"
#include "train/step.h"

enum { MEMORY = 100 /* calls that the running loss remembers */ };

/* All rows of an array, where it is given, in the trainer's buffer. */
static int32_t take_rows(ae__trainer *t, const ae__array *array, real *buffer, ae__rows *out)
{
    ae_model *model = t->model;
    if (!ae__array_given(array)) return AE_OK;
    *out = (ae__rows){buffer, ae__row_stride(array->dim)};
    if (array->source)
        return ae__array_read(array, 0, array->rows, &model->work.stage, buffer, &model->engine);
    ae__array_gather(array, t->numbers, array->rows, buffer, &model->engine);
    return AE_OK;
}

/* Fills the trainer's batch and makes the context of a step on it. A draw's epoch is 2^23 and up, which
 * no ae_fit comes to, by bits 16 to 38 of the step; its row, the low 16 and the number in the batch. */
static int32_t take(ae__trainer *t, const ae__view *data, ae__context *out)
{
    const ae_model *model = t->model;
    const uint64_t step = model->trained.steps, high = UINT64_C(1) << 23;
    const size_t rows = data->x.rows;
    ae__rows x = {0}, target, side = {0}, weight = {0};
    for (size_t i = 0; i < rows; i++) t->numbers[i] = i;
    AE_TRY(take_rows(t, &data->x, t->x, &x));
    target = x;
    AE_TRY(take_rows(t, &data->y, t->target, &target));
    AE_TRY(take_rows(t, &data->side, t->side, &side));
    AE_TRY(take_rows(t, &data->weight, t->weight, &weight));
    for (size_t i = 0; i < rows; i++) t->numbers[i] = (step & 0xFFFF) << 24 | i;
    *out = (ae__context){
        .engine = &model->engine,
        .mode = AE__MODE_TRAIN,
        .rows = rows,
        .expand = true,
        .seed = (uint64_t)ae__spec_i64(&model->desc.model, AE_PARAM_SEED),
        .epoch = high | (step >> 16 & (high - 1)),
        .step = step,
        .row_numbers = t->numbers,
        .sampled = model->plan.importance,
        .epochs = INFINITY, /* no warm-up ends here */
        .target = target.at,
        .target_row = target.row,
        .side = side.at,
        .side_row = side.row,
        .row_weight = weight.at,
    };
    ae__trainer_weigh(t, out);
    if (ae__context_weight(out) > 0) return AE_OK;
    return ae__fail(AE_ERR_RANGE, "weight: all are 0, wanted one above 0");
}

static void note(ae__online *online, double loss)
{
    const uint64_t n = ++online->steps;
    online->loss += (loss - online->loss) / (double)(n < MEMORY ? n : MEMORY);
}

/* The step, taken back where it leaves anything that is not finite. */
static int32_t step(ae__trainer *t, const ae__view *data, double *loss)
{
    ae__trained *trained = &t->model->trained;
    const uint64_t steps = trained->steps;
    ae__context context;
    const char *what = "loss";
    AE_TRY(take(t, data, &context));
    ae__trainer_keep(t);
    ae__trainer_step(t, &context);
    double value = t->parts[AE__PART_LOSS] / t->parts[AE__PART_WEIGHT];
    if (isfinite(value)) what = ae__trainer_infinite(t->model, &value);
    if (what) {
        ae__trainer_restore(t);
        trained->steps = steps;
        return ae__fail(AE_ERR_DIVERGED, "fit: %s is %g in step %llu", what, value,
                        (unsigned long long)steps + 1);
    }
    note(&trained->online, value);
    if (loss) *loss = value;
    return AE_OK;
}

int32_t ae__fit_batch(ae_model *model, const ae__view *data, double *loss)
{
    const ae__spec *optim = &model->desc.optim;
    const int32_t states = model->trained.n_states;
    ae__trainer trainer;
    AE_TRY(ae__model_reserve_states(model, ae__optim_of(optim->kind)->states(optim)));
    int32_t status = ae__trainer_bind(&trainer, model, data->x.rows);
    if (status == AE_OK) status = step(&trainer, data, loss);
    if (status != AE_OK) model->trained.n_states = states; /* new ones would be saved */
    return status;
}
