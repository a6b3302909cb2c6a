/* Schedules of the learning rate. Only that of a plateau remembers anything but the step. */
#include "train/schedule.h"

#include <math.h>

static double factor_of(const ae__spec *spec)
{
    return ae__spec_f64(spec, AE_PARAM_SCHEDULE_FACTOR);
}

/* After t steps that came when the warm-up was over. */
static double rate_at(const ae_model *model, double rate, uint64_t t)
{
    const ae__spec *spec = &model->desc.model;
    const int64_t kind = ae__spec_i64(spec, AE_PARAM_SCHEDULE);
    if (kind == AE_SCHEDULE_CONSTANT) return rate;
    const uint64_t n = (uint64_t)ae__spec_i64(spec, AE_PARAM_SCHEDULE_STEPS);
    const double low = fmin(ae__spec_f64(spec, AE_PARAM_SCHEDULE_MINIMUM), rate);
    const double pi = 3.14159265358979324, periods = (double)t / (double)n;
    switch (kind) {
    case AE_SCHEDULE_STEP: return fmax(low, rate * pow(factor_of(spec), (double)(t / n)));
    case AE_SCHEDULE_EXPONENTIAL: return fmax(low, rate * pow(factor_of(spec), periods));
    case AE_SCHEDULE_COSINE: return low + (rate - low) * (1 + cos(pi * fmin(periods, 1))) / 2;
    case AE_SCHEDULE_PLATEAU:
        return model->trained.plateau.begun ? fmax(low, rate * model->trained.plateau.scale) : rate;
    default: return rate;
    }
}

double ae__schedule_rate(const ae_model *model, uint64_t step)
{
    const double rate = ae__spec_f64(&model->desc.optim, AE_PARAM_LEARNING_RATE);
    const uint64_t rise = (uint64_t)ae__spec_i64(&model->desc.model, AE_PARAM_SCHEDULE_WARMUP);
    if (step < rise) return rate * ((double)(step + 1) / (double)rise);
    return rate_at(model, rate, step - rise);
}

void ae__schedule_epoch(ae_model *model, double loss)
{
    const ae__spec *spec = &model->desc.model;
    ae__plateau *p = &model->trained.plateau;
    if (ae__spec_i64(spec, AE_PARAM_SCHEDULE) != AE_SCHEDULE_PLATEAU) return;
    double margin = ae__spec_f64(spec, AE_PARAM_SCHEDULE_THRESHOLD) * fabs(p->lowest);
    if (!p->begun) {
        *p = (ae__plateau){.begun = true, .lowest = loss, .scale = 1};
    } else if (loss < p->lowest - margin) {
        p->lowest = loss;
        p->waited = 0;
    } else if (++p->waited >= (uint64_t)ae__spec_i64(spec, AE_PARAM_SCHEDULE_PATIENCE)) {
        p->scale *= factor_of(spec);
        p->waited = 0;
    }
}
