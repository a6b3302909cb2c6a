/* Early stopping (Prechelt 1998), in the form of patience. */
#include "train/stop.h"

#include <string.h>

int32_t ae__stop_reserve(ae_model *model, const ae__stop_rule *rule)
{
    if (!rule->patience || !rule->restore) return AE_OK;
    return ae__model_reserve_best(model, 1 + model->trained.n_states);
}

void ae__stop_begin(ae_model *model, const ae__stop_rule *rule, uint32_t data)
{
    ae__best *best = &model->trained.best;
    if (!rule->patience) *best = (ae__best){0};
    if (best->data != data) best->begun = false;
    if (!best->begun || !rule->restore) best->arrays = 0;
    best->data = data;
}

/* Keeps the weights and the optimiser as they are now. */
static void keep(ae_model *model)
{
    ae__best *best = &model->trained.best;
    const size_t n = model->plan.weight_reals;
    memcpy(best->kept, model->weights, n * sizeof *best->kept);
    for (int32_t i = 0; i < model->trained.n_states; i++)
        memcpy(best->kept + (size_t)(1 + i) * n, model->trained.states[i], n * sizeof *best->kept);
    best->arrays = 1 + model->trained.n_states;
}

void ae__stop_epoch(ae_model *model, const ae__stop_rule *rule, double loss)
{
    ae__best *best = &model->trained.best;
    if (!rule->patience) return;
    best->restored = false;
    best->waited++;
    if (best->begun && !(loss < best->loss - rule->min_change)) return;
    best->begun = true;
    best->loss = loss;
    best->epoch = model->trained.epochs;
    best->waited = 0;
    if (rule->restore) keep(model);
}

bool ae__stop_due(const ae_model *model, const ae__stop_rule *rule)
{
    const ae__best *best = &model->trained.best;
    return rule->patience && best->begun && best->waited >= rule->patience;
}

void ae__stop_restore(ae_model *model)
{
    ae__best *best = &model->trained.best;
    const size_t n = model->plan.weight_reals;
    if (best->restored || !best->arrays) return;
    memcpy(model->weights, best->kept, n * sizeof *best->kept);
    for (int32_t i = 0; i < model->trained.n_states; i++) {
        real *state = model->trained.states[i];
        memset(state, 0, n * sizeof *state); /* where the best epoch had none yet */
        if (1 + i < best->arrays)
            memcpy(state, best->kept + (size_t)(1 + i) * n, n * sizeof *state);
    }
    best->restored = true;
}
