/* The training loop: order, batches, validation, history, and what each ending leaves. */
#include "train/fit.h"

#include <math.h>
#include <string.h>

#include "base/size.h"
#include "base/status.h"
#include "train/fingerprint.h"
#include "train/fitting.h"
#include "train/scale.h"
#include "train/schedule.h"
#include "train/step.h"

typedef ae__fitting fitting;

/* Means of the terms over rows; the mean of the loss. NaN while rows weigh nothing. */
static double means(const ae_model *model, const double *parts, double *terms)
{
    for (int32_t i = 0; i < model->plan.n_terms; i++)
        terms[i] = parts[AE__PART_TERM + i] / parts[AE__PART_WEIGHT];
    return parts[AE__PART_LOSS] / parts[AE__PART_WEIGHT];
}

/* The context of a step, but for its data. */
static ae__context step_context(const fitting *f)
{
    const ae_model *model = f->model;
    const ae__trained *trained = &model->trained;
    return (ae__context){
        .engine = &model->engine,
        .mode = AE__MODE_TRAIN,
        .rows = f->count,
        .expand = true,
        .seed = (uint64_t)ae__spec_i64(&model->desc.model, AE_PARAM_SEED),
        .epoch = trained->epochs + 1,
        .step = trained->steps,
        .sampled = model->plan.importance,
        .epochs = (double)trained->epochs + (double)trained->part_done / (double)f->rows,
    };
}

/* Trains on the batch that the trainer holds; its group ends with the epoch at the latest. */
static void step(fitting *f, const ae__context *context)
{
    const ae__trained *trained = &f->model->trained;
    if (f->group == f->batch && !trained->pending.rows) {
        ae__trainer_step(&f->trainer, context);
        return;
    }
    ae__trainer_add(&f->trainer, context);
    if (trained->pending.rows >= f->group || trained->part_done + f->count == f->rows)
        ae__trainer_step_added(&f->trainer);
}

/* Gathers the next batch and trains on it. */
static int32_t train_batch(fitting *f)
{
    uint64_t done = f->model->trained.part_done, left = f->rows - done;
    f->count = f->batch < left ? f->batch : left;
    ae__context context = step_context(f);
    AE_TRY(ae__feed_batch(&f->feed, &f->trainer, done, &context));
    step(f, &context);
    return AE_OK;
}

/* What is no array: history and states are blocks that each has its own place for. */
static void copy_counts(ae__trained *to, const ae__trained *from)
{
    to->epochs = from->epochs;
    to->steps = from->steps;
    to->part_rows = from->part_rows;
    to->part_done = from->part_done;
    to->part_data = from->part_data;
    to->n_states = from->n_states;
    to->best = from->best;
}

/* Frees the best epoch that the fit found and forgot. */
static void drop_best(fitting *f)
{
    real *found = f->kept.best.kept;
    if (found != f->model->trained.best.kept) ae__mem_free(&f->model->mem, found);
    f->kept.best.kept = NULL;
}

/* Makes this the state to go back to. */
static void keep(fitting *f)
{
    drop_best(f);
    ae__trainer_keep(&f->trainer);
    copy_counts(&f->kept, &f->model->trained);
}

/* Back to the last complete epoch, or to where this fit began. */
static int32_t diverged(fitting *f, const char *what, double value)
{
    ae__trained *trained = &f->model->trained;
    uint64_t epoch = trained->epochs + 1, step = trained->steps;
    ae__trainer_restore(&f->trainer);
    copy_counts(trained, &f->kept);
    return ae__fail(AE_ERR_DIVERGED,
                    "fit: %s is %g in epoch %llu, step %llu; try a lower learning_rate", what,
                    value, (unsigned long long)epoch, (unsigned long long)step);
}

static int32_t check_finite(fitting *f)
{
    double norm;
    const char *what = ae__trainer_infinite(f->model, &norm);
    return what ? diverged(f, what, norm) : AE_OK;
}

static int32_t save_checkpoint(fitting *f, double now)
{
    if (f->request->checkpoint.path) AE_TRY(check_finite(f));
    return ae__checkpoints_save(&f->checkpoints, f->model, now);
}

/* Writes one, if one is due after what has been done. */
static int32_t checkpoint(fitting *f, int32_t done, double now)
{
    if (!ae__checkpoints_due(&f->checkpoints, f->model, done, now)) return AE_OK;
    return save_checkpoint(f, now);
}

/* Whether anyone wants to know when a batch ended: reading the clock takes a fortieth of the least. */
static bool is_timed(const ae__fit_request *request)
{
    return request->progress || request->checkpoint.seconds > 0;
}

static int32_t train_epoch_rest(fitting *f)
{
    ae__trained *trained = &f->model->trained;
    const double *batch = f->trainer.parts;
    while (trained->part_done < f->rows) {
        f->rate = ae__schedule_rate(f->model, trained->steps);
        AE_TRY(train_batch(f));
        if (!isfinite(batch[AE__PART_LOSS])) return diverged(f, "loss", batch[AE__PART_LOSS]);
        trained->part_done += f->count;
        const double now = is_timed(f->request) ? ae__seconds() : f->began;
        f->worked = now - f->began;
        for (size_t i = 0; i < f->model->plan.n_parts; i++) trained->parts[i] += batch[i];
        const double loss = means(f->model, trained->parts, f->terms);
        AE_TRY(checkpoint(f, trained->pending.rows ? AE__DONE_BATCH : AE__DONE_STEP, now));
        AE_TRY(ae__fitting_report(f, AE_EVENT_BATCH, loss, NAN));
    }
    return AE_OK;
}

/* Dead units of all layers that count theirs, or NaN. */
static double dead_units(const ae_model *model)
{
    const ae__context context = {.engine = &model->engine};
    double sum = NAN;
    for (int32_t i = 0; i < model->plan.n_layers; i++) {
        const ae__layer_call call = ae__model_call(model, i, i, i + 1, &context);
        size_t (*count)(const ae__layer_call *) = model->plan.layers[i].ops->dead_units;
        if (count) sum = (isnan(sum) ? 0 : sum) + (double)count(&call);
    }
    return sum;
}

/* Units in use of a layer that draws, over the epoch; NaN where no term tells. */
static double active_units(const fitting *f)
{
    const ae__plan *plan = &f->model->plan;
    for (int32_t i = 0; i < plan->n_terms; i++) {
        const ae__term_plan *term = &plan->terms[i];
        if (term->ops->active)
            return term->ops->active(f->model->trained.parts + term->tally, term->info.tallies,
                                     f->model->trained.parts[AE__PART_WEIGHT]);
    }
    return NAN;
}

/* The row of the history for the epoch that is over. */
static void record(const fitting *f, double loss, double val_loss)
{
    const ae_model *model = f->model;
    const double active = active_units(f);
    size_t series = ae__history_series(&model->desc);
    double *row = model->trained.history + (size_t)model->trained.epochs * series;
    for (size_t i = 0; i < series; i++) {
        int32_t metric = ae__history_metric(&model->desc, i);
        switch (metric) {
        case AE_METRIC_LOSS: row[i] = loss; break;
        case AE_METRIC_VAL_LOSS: row[i] = val_loss; break;
        case AE_METRIC_LEARNING_RATE: row[i] = f->rate; break;
        case AE_METRIC_DEAD_UNITS: row[i] = dead_units(model); break;
        case AE_METRIC_ACTIVE_UNITS: row[i] = active; break;
        case AE_METRIC_WARNINGS: row[i] = active == 0 ? AE_WARNING_COLLAPSE : 0; break;
        default:
            row[i] = metric < AE_METRIC_VAL_TERM ? f->terms[metric - AE_METRIC_TERM]
                     : isnan(val_loss)           ? NAN
                                                 : f->val_terms[metric - AE_METRIC_VAL_TERM];
        }
    }
}

/* The open epoch has no rows done. */
static void open_epoch(ae_model *model)
{
    model->trained.part_done = 0;
    ae__trainer_drop(model);
    memset(model->trained.parts, 0, model->plan.n_parts * sizeof *model->trained.parts);
}

/* Validation, history, and the state to go back to. */
static int32_t close_epoch(fitting *f)
{
    ae_model *model = f->model;
    const ae__view *validation = f->request->validation;
    double loss = means(model, model->trained.parts, f->terms), val_loss = NAN;
    AE_TRY(check_finite(f));
    if (model->trained.parts[AE__PART_WEIGHT] == 0)
        return ae__fail(AE_ERR_RANGE, "weight: all are 0, wanted one above 0");
    if (validation) {
        AE_TRY(ae__run_loss(model, validation, NULL, &val_loss));
        if (!isfinite(val_loss)) return diverged(f, "validation loss", val_loss);
        means(model, model->work.parts, f->val_terms);
    }
    record(f, loss, val_loss);
    ae__schedule_epoch(model, validation ? val_loss : loss);
    model->trained.epochs++;
    open_epoch(model);
    ae__stop_epoch(model, &f->request->stop, validation ? val_loss : loss);
    keep(f);
    AE_TRY(checkpoint(f, AE__DONE_EPOCH, ae__seconds()));
    return ae__fitting_report(f, AE_EVENT_EPOCH, loss, val_loss);
}

static int32_t train_epoch(fitting *f)
{
    const ae__trained *trained = &f->model->trained;
    f->began = ae__seconds();
    f->found = trained->part_done;
    ae__feed_begin(&f->feed, trained->epochs + 1);
    AE_TRY(train_epoch_rest(f));
    return close_epoch(f);
}

/* Everything that needs memory, before the first step. */
static int32_t reserve(fitting *f)
{
    const ae__spec *optim = &f->model->desc.optim;
    AE_TRY(ae__model_reserve_states(f->model, ae__optim_of(optim->kind)->states(optim)));
    AE_TRY(ae__model_reserve_history(f->model, (size_t)f->request->epochs));
    if (f->group > f->batch) AE_TRY(ae__model_reserve_pending(f->model));
    AE_TRY(ae__stop_reserve(f->model, &f->request->stop));
    AE_TRY(ae__trainer_bind(&f->trainer, f->model, (size_t)f->batch));
    return ae__feed_open(&f->feed, f->model, f->request->data, (size_t)f->batch);
}

/* Goes on with the open epoch, on the data that it was begun on, or begins one. */
static int32_t take_up_epoch(fitting *f, uint32_t data)
{
    ae__trained *trained = &f->model->trained;
    if (f->request->anew) trained->part_done = 0;
    if (trained->part_done && trained->part_rows != f->rows)
        return ae__fail(
            AE_ERR_STATE,
            "fit: epoch %llu was begun on %llu rows, got %llu; AE_FIT_ANEW begins it anew",
            (unsigned long long)trained->epochs + 1, (unsigned long long)trained->part_rows,
            (unsigned long long)f->rows);
    if (trained->part_done && trained->part_data && trained->part_data != data)
        return ae__fail(AE_ERR_STATE,
                        "fit: epoch %llu was begun on other data; AE_FIT_ANEW begins it anew",
                        (unsigned long long)trained->epochs + 1);
    if (!trained->part_done) open_epoch(f->model);
    trained->part_rows = f->rows;
    trained->part_data = data;
    return AE_OK;
}

/* The first fit of a model fits its scaling, too. */
static int32_t scale(fitting *f)
{
    if (!f->model->scaling.fitted) AE_TRY(ae__scale_fit(f->model, &f->split->data));
    AE_TRY(ae__model_scale(f->model, &f->split->data));
    return ae__model_scale(f->model, &f->split->validation);
}

static int32_t take_up(fitting *f)
{
    const ae__fit_request *request = f->request;
    AE_TRY(scale(f));
    AE_TRY(reserve(f));
    uint32_t data = 0, all;
    AE_TRY(ae__fingerprint(&f->trainer, request->data, &data));
    all = data;
    if (request->validation) AE_TRY(ae__fingerprint(&f->trainer, request->validation, &all));
    keep(f);
    AE_TRY(take_up_epoch(f, data));
    if (f->model->trained.epochs < (uint64_t)request->epochs)
        ae__stop_begin(f->model, &request->stop, all);
    return AE_OK;
}

/* All that can fail before the first step. */
static int32_t begin(fitting *f)
{
    ae__trained *trained = &f->model->trained;
    const int32_t states = trained->n_states;
    AE_TRY(ae__checkpoints_begin(&f->checkpoints, &f->request->checkpoint, ae__seconds()));
    int32_t status = take_up(f);
    if (status != AE_OK) {
        trained->n_states = states; /* new ones would be saved */
        return status;
    }
    f->kept.n_states = states;
    f->trainer.wants_norm = f->request->wants_norm;
    f->rate = ae__schedule_rate(f->model, trained->steps ? trained->steps - 1 : 0);
    return AE_OK;
}

static int32_t train_epochs(fitting *f)
{
    const ae__trained *trained = &f->model->trained;
    const uint64_t epochs = (uint64_t)f->request->epochs;
    while (trained->epochs < epochs && !ae__stop_due(f->model, &f->request->stop)) {
        int32_t status = train_epoch(f);
        bool over = trained->epochs >= epochs || ae__stop_due(f->model, &f->request->stop);
        if (status == AE_ERR_CANCELLED && over) break; /* there was nothing left to cancel */
        if (status == AE_ERR_CANCELLED)
            return ae__fail(status, "fit: cancelled by the callback in epoch %llu",
                            (unsigned long long)trained->epochs + (trained->part_done > 0));
        AE_TRY(status);
    }
    return AE_OK;
}

static int32_t train(fitting *f)
{
    AE_TRY(begin(f));
    int32_t status = train_epochs(f);
    if (status != AE_OK && status != AE_ERR_DIVERGED)
        AE_TRY(check_finite(f)); /* the last loss is that of the weights before its step */
    if (status != AE_OK && status != AE_ERR_CANCELLED) return status;
    bool stopped = status == AE_OK && ae__stop_due(f->model, &f->request->stop);
    if (stopped) ae__stop_restore(f->model);
    if (stopped) f->checkpoints.current = false;
    AE_TRY(save_checkpoint(f, ae__seconds()));
    if (stopped) status = ae__fitting_stopped(f);
    return stopped && status == AE_ERR_CANCELLED ? AE_OK : status;
}

/* A fit was ended between its last epoch and the way back to the best one. */
static bool to_be_restored(const ae_model *model, const ae__fit_request *request)
{
    return ae__stop_due(model, &request->stop) && !model->trained.best.restored &&
           model->trained.best.arrays;
}

/* Trains with as many threads as the request wants. */
static int32_t run(fitting *f)
{
    ae_model *model = f->model;
    const int32_t threads = f->request->threads;
    const uint64_t steps = model->trained.steps;
    const bool fitted = model->scaling.fitted;
    ae__pool *pool = model->engine.pool, *own = NULL;
    if (threads && threads != ae__pool_threads(pool)) {
        if (threads > 1) AE_TRY(ae__pool_create(&own, &model->mem, threads));
        model->engine.pool = own;
    }
    int32_t status = train(f);
    drop_best(f);
    ae__feed_close(&f->feed);
    if (model->engine.pool != pool) ae__pool_free(own);
    model->engine.pool = pool;
    /* what was fitted for a fit that did nothing then is not */
    if (model->trained.steps == steps && !model->trained.part_done) model->scaling.fitted = fitted;
    return status;
}

int32_t ae__fit(ae_model *model, const ae__fit_request *request)
{
    const uint64_t batch = (uint64_t)ae__spec_i64(&model->desc.model, AE_PARAM_BATCH);
    const uint64_t batches = (uint64_t)ae__spec_i64(&model->desc.model, AE_PARAM_ACCUMULATE);
    ae__fit_request own = *request;
    ae__split split = {.data = *request->data};
    if (model->trained.epochs >= (uint64_t)request->epochs && !to_be_restored(model, request))
        return AE_OK;
    if (request->validation) split.validation = *request->validation;
    if (request->split > 0) AE_TRY(ae__split_create(&split, model, request->data, request->split));
    own.data = &split.data;
    if (request->validation || request->split > 0) own.validation = &split.validation;
    fitting f = {.model = model, .request = &own, .split = &split, .rows = split.data.x.rows};
    f.batch = batch < f.rows ? batch : f.rows;
    f.group = f.batch * batches < f.rows ? f.batch * batches : f.rows;
    int32_t status = run(&f);
    ae__split_free(&split, model);
    return status;
}
