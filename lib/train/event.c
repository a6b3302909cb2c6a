/* What the callback of a fit is told. */
#include <math.h>
#include <time.h>

#include "base/size.h"
#include "base/status.h"
#include "train/fitting.h"

double ae__seconds(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static int32_t call(const ae__fitting *f, const ae_event *event)
{
    int32_t cancel = f->request->progress(event, f->request->user);
    AE_TRY(ae__pool_check(f->model->engine.pool));
    return cancel ? AE_ERR_CANCELLED : AE_OK;
}

int32_t ae__fitting_report(const ae__fitting *f, int32_t kind, double loss, double val_loss)
{
    if (!f->request->progress) return AE_OK;
    const ae__trained *trained = &f->model->trained;
    uint64_t done = kind == AE_EVENT_EPOCH ? f->rows : trained->part_done;
    ae_event event = {
        .size = sizeof event,
        .kind = kind,
        .n_terms = f->model->plan.n_terms,
        .epoch = (int64_t)trained->epochs + (kind == AE_EVENT_BATCH),
        .epochs = f->request->epochs,
        .step = (int64_t)(trained->pending.rows ? done / f->group : ae__blocks(done, f->group)),
        .steps = (int64_t)ae__blocks(f->rows, f->group),
        .loss = loss,
        .val_loss = val_loss,
        .learning_rate = f->rate,
        .seconds = kind == AE_EVENT_BATCH ? f->worked : ae__seconds() - f->began,
        .terms = f->terms,
        .val_terms = isnan(val_loss) ? NULL : f->val_terms,
        .gradient_norm = f->trainer.norm,
        .rows_per_second = done > f->found ? (double)(done - f->found) / f->worked : 0,
    };
    return call(f, &event);
}

int32_t ae__fitting_stopped(const ae__fitting *f)
{
    if (!f->request->progress) return AE_OK;
    const ae_model *model = f->model;
    const ae__desc *desc = &model->desc;
    const uint64_t epoch = model->trained.best.epoch;
    const double *row = model->trained.history + (size_t)(epoch - 1) * ae__history_series(desc);
    const double val_loss = row[ae__history_find(desc, AE_METRIC_VAL_LOSS)];
    const double *val_terms = row + ae__history_find(desc, AE_METRIC_VAL_TERM);
    ae_event event = {
        .size = sizeof event,
        .kind = AE_EVENT_STOP,
        .n_terms = model->plan.n_terms,
        .epoch = (int64_t)epoch,
        .epochs = f->request->epochs,
        .step = (int64_t)ae__blocks(f->rows, f->group),
        .steps = (int64_t)ae__blocks(f->rows, f->group),
        .loss = row[ae__history_find(desc, AE_METRIC_LOSS)],
        .val_loss = val_loss,
        .learning_rate = row[ae__history_find(desc, AE_METRIC_LEARNING_RATE)],
        .terms = row + ae__history_find(desc, AE_METRIC_TERM),
        .val_terms = isnan(val_loss) ? NULL : val_terms,
        .gradient_norm = NAN,
    };
    return call(f, &event);
}
