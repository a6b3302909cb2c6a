/* Room for what training leaves in a model, and the metrics of its history. */
#include "model/trained.h"

#include "base/status.h"
#include "model/model.h"

/* Makes room for `want` arrays laid out as the weights, of which the first `used` are kept. */
static int32_t reserve(const ae_model *model, real **arrays, int32_t used, int32_t want,
                       const char *what)
{
    const size_t n = model->plan.weight_reals;
    if (ae__mem_grow(&model->mem, (void **)arrays, (size_t)used, (size_t)want, n * sizeof **arrays))
        return AE_OK;
    return ae__fail(AE_ERR_NOMEM, "model: no memory for %d %s of %zu weights", (int)want, what, n);
}

int32_t ae__model_reserve_states(ae_model *model, int32_t want)
{
    ae__trained *trained = &model->trained;
    real **states = trained->states;
    if (want <= trained->n_states) return AE_OK;
    AE_TRY(reserve(model, states, trained->n_states, want, "optimiser states"));
    for (int32_t i = 1; i < want; i++) states[i] = states[i - 1] + model->plan.weight_reals;
    trained->n_states = want;
    return AE_OK;
}

int32_t ae__model_reserve_pending(ae_model *model)
{
    ae__pending *pending = &model->trained.pending;
    return pending->sum ? AE_OK : reserve(model, &pending->sum, 0, 1, "gradient");
}

int32_t ae__model_reserve_best(ae_model *model, int32_t arrays)
{
    ae__best *best = &model->trained.best;
    if (arrays <= best->room) return AE_OK;
    AE_TRY(reserve(model, &best->kept, best->arrays, arrays, "arrays of the best epoch"));
    best->room = arrays;
    return AE_OK;
}

/* Metrics of every model, ascending; then those of its terms. */
static const int32_t metrics[] = {AE_METRIC_LOSS,          AE_METRIC_VAL_LOSS,
                                  AE_METRIC_LEARNING_RATE, AE_METRIC_DEAD_UNITS,
                                  AE_METRIC_ACTIVE_UNITS,  AE_METRIC_WARNINGS};

enum { METRICS = sizeof metrics / sizeof *metrics };

size_t ae__history_series(const ae__desc *desc)
{
    return METRICS + 2 * (size_t)desc->n_terms;
}

int32_t ae__history_metric(const ae__desc *desc, size_t series)
{
    size_t n = (size_t)desc->n_terms, term = series - METRICS;
    if (series < METRICS) return metrics[series];
    return term < n ? AE_METRIC_TERM + (int32_t)term : AE_METRIC_VAL_TERM + (int32_t)(term - n);
}

size_t ae__history_find(const ae__desc *desc, int32_t metric)
{
    size_t i = 0, series = ae__history_series(desc);
    while (i < series && ae__history_metric(desc, i) != metric) i++;
    return i;
}

int32_t ae__model_reserve_history(ae_model *model, size_t epochs)
{
    ae__trained *trained = &model->trained;
    const size_t used = (size_t)trained->epochs;
    const size_t row = ae__history_series(&model->desc) * sizeof *trained->history;
    if (epochs <= trained->history_cap) return AE_OK;
    if (!ae__mem_grow(&model->mem, (void **)&trained->history, used, epochs, row))
        return ae__fail(AE_ERR_NOMEM, "model: no memory for a history of %zu epochs", epochs);
    trained->history_cap = epochs;
    return AE_OK;
}

void ae__model_strip(ae_model *model)
{
    double *parts = model->trained.parts;
    ae__mem_free(&model->mem, model->trained.best.kept);
    ae__mem_free(&model->mem, model->trained.pending.sum);
    ae__mem_free(&model->mem, model->trained.history);
    ae__mem_free(&model->mem, model->trained.states[0]);
    ae__mem_free(&model->mem, model->train_block);
    model->trained = (ae__trained){.parts = parts};
    model->train_block = NULL;
    model->train_bytes = 0;
}
