/* ae.h: fit options and training. */
#include <float.h>
#include <string.h>

#include "api/check.h"
#include "train/fit.h"
#include "train/online.h"

int32_t ae_fit_options_create_with(ae_fit_options **out, const ae_allocator *allocator)
{
    ae_allocator mem;
    AE__WANT(out);
    *out = NULL;
    AE_TRY(ae__check_allocator(allocator, &mem));
    ae_fit_options *options = ae__mem_alloc(&mem, sizeof *options);
    if (!options) return ae__fail(AE_ERR_NOMEM, "ae_fit_options_create: no memory");
    options->mem = mem;
    ae__spec_begin_scope(&options->fit, AE_SCOPE_FIT);
    *out = options;
    return AE_OK;
}

int32_t ae_fit_options_create(ae_fit_options **out)
{
    return ae_fit_options_create_with(out, NULL);
}

void ae_fit_options_free(ae_fit_options *options)
{
    if (!options) return;
    ae_allocator mem = options->mem;
    ae__mem_free(&mem, options->checkpoint);
    ae__mem_free(&mem, options);
}

static int32_t set(ae_fit_options *options, int32_t param, ae__number number)
{
    AE_TRY(ae__stuck(&options->failure));
    return ae__stick(&options->failure, ae__spec_set(&options->fit, "fit", param, number));
}

int32_t ae_fit_options_set_i64(ae_fit_options *options, int32_t param, int64_t value)
{
    AE__WANT(options);
    return set(options, param, (ae__number){.type = AE_TYPE_I64, .i64 = value});
}

int32_t ae_fit_options_set_f64(ae_fit_options *options, int32_t param, double value)
{
    AE__WANT(options);
    return set(options, param, (ae__number){.type = AE_TYPE_F64, .f64 = value});
}

int32_t ae_fit_options_get_i64(const ae_fit_options *options, int32_t param, int64_t *value)
{
    ae__number number = {.type = AE_TYPE_I64};
    AE__WANT(options);
    AE__WANT(value);
    AE_TRY(ae__spec_get(&options->fit, "fit", param, &number));
    *value = number.i64;
    return AE_OK;
}

int32_t ae_fit_options_get_f64(const ae_fit_options *options, int32_t param, double *value)
{
    ae__number number = {.type = AE_TYPE_F64};
    AE__WANT(options);
    AE__WANT(value);
    AE_TRY(ae__spec_get(&options->fit, "fit", param, &number));
    *value = number.f64;
    return AE_OK;
}

int32_t ae_fit_options_validation(ae_fit_options *options, const float *x, const float *y,
                                  int64_t rows)
{
    AE__WANT(options);
    AE_TRY(ae__stuck(&options->failure));
    if (x && rows < 1)
        return ae__stick(
            &options->failure,
            ae__fail(AE_ERR_RANGE, "validation: rows is %lld, wanted at least 1", (long long)rows));
    options->x = x;
    options->y = y;
    options->rows = rows;
    options->data = NULL;
    return AE_OK;
}

int32_t ae_fit_options_validation_data(ae_fit_options *options, const ae_data *data)
{
    AE__WANT(options);
    AE_TRY(ae__stuck(&options->failure));
    options->x = options->y = NULL;
    options->data = data;
    return AE_OK;
}

int32_t ae_fit_options_progress(ae_fit_options *options, ae_progress *progress, void *user)
{
    AE__WANT(options);
    AE_TRY(ae__stuck(&options->failure));
    options->progress = progress;
    options->user = user;
    return AE_OK;
}

static int32_t set_checkpoint(ae_fit_options *options, const char *path, int64_t epochs,
                              int64_t steps, double seconds)
{
    char *copy = NULL;
    if (path && (epochs < 0 || steps < 0 || !(seconds >= 0) || seconds > DBL_MAX))
        return ae__fail(
            AE_ERR_RANGE,
            "checkpoint: every %lld epochs, %lld steps, %g seconds, wanted none below 0",
            (long long)epochs, (long long)steps, seconds);
    if (path && epochs == 0 && steps == 0 && seconds == 0)
        return ae__fail(AE_ERR_RANGE, "checkpoint: every 0 epochs, steps and seconds, wanted one");
    if (path) {
        copy = ae__mem_alloc(&options->mem, strlen(path) + 1);
        if (!copy) return ae__fail(AE_ERR_NOMEM, "checkpoint: no memory for its path");
        strcpy(copy, path);
    }
    ae__mem_free(&options->mem, options->checkpoint);
    options->checkpoint = copy;
    options->checkpoint_epochs = epochs;
    options->checkpoint_steps = steps;
    options->checkpoint_seconds = seconds;
    return AE_OK;
}

int32_t ae_fit_options_checkpoint(ae_fit_options *options, const char *path, int64_t epochs,
                                  int64_t steps, double seconds)
{
    AE__WANT(options);
    AE_TRY(ae__stuck(&options->failure));
    return ae__stick(&options->failure, set_checkpoint(options, path, epochs, steps, seconds));
}

#ifdef AE_TRAINING

/* The validation data as a view, checked; *out is NULL where there are none. */
static int32_t validation_view(const ae_model *model, const ae_fit_options *options, bool own,
                               ae__view *view, const ae__view **out)
{
    *out = NULL;
    if (!options || (!options->x && !options->data)) return AE_OK;
    *view = (ae__view){0};
    if (options->data)
        *view = options->data->view;
    else
        AE_TRY(ae__array_set(&view->x, "validation x", AE_TYPE_F32, options->x, options->rows,
                             ae_model_input_dim(model)));
    if (!options->data && options->y)
        AE_TRY(ae__array_set(&view->y, "validation y", AE_TYPE_F32, options->y, options->rows,
                             ae_model_output_dim(model)));
    *out = view;
    AE_TRY(ae__check_loss(model, view, own, "validation x", "validation y"));
    return ae__check_finite(model, view);
}

/* What the options ask for, but for the data. */
static ae__fit_request request_of(const ae_fit_options *options)
{
    const ae__spec *spec = &options->fit;
    return (ae__fit_request){
        .epochs = ae__spec_i64(spec, AE_FIT_EPOCHS),
        .threads = (int32_t)ae__spec_i64(spec, AE_FIT_THREADS),
        .wants_norm = ae__spec_i64(spec, AE_FIT_GRADIENT_NORM) != 0,
        .split = ae__spec_f64(spec, AE_FIT_SPLIT),
        .anew = ae__spec_i64(spec, AE_FIT_ANEW) != 0,
        .stop = {.patience = (uint64_t)ae__spec_i64(spec, AE_FIT_PATIENCE),
                 .min_change = ae__spec_f64(spec, AE_FIT_MIN_CHANGE),
                 .restore = ae__spec_i64(spec, AE_FIT_RESTORE) != 0},
        .checkpoint = {.path = options->checkpoint,
                       .epochs = (uint64_t)options->checkpoint_epochs,
                       .steps = (uint64_t)options->checkpoint_steps,
                       .seconds = options->checkpoint_seconds},
        .progress = options->progress,
        .user = options->user,
    };
}

/* On a model that may be changed. */
static int32_t fit_checked(ae_model *model, ae__view data, const ae_fit_options *options)
{
    ae__view validation;
    ae_fit_options defaults = {.x = NULL};
    ae__spec_begin_scope(&defaults.fit, AE_SCOPE_FIT);
    ae__fit_request request = request_of(options ? options : &defaults);
    request.data = &data;
    /* the first fit decides whether the target's scaler is its own */
    const bool own = model->scaling.fitted ? model->scaling.own : ae__array_given(&data.y);
    AE_TRY(ae__check_loss(model, &data, own, "x", "y"));
    AE_TRY(ae__check_finite(model, &data));
    AE_TRY(validation_view(model, options, own, &validation, &request.validation));
    if (request.validation && request.split > 0)
        return ae__fail(AE_ERR_INVALID,
                        "fit: split is %g, wanted 0 where validation data are given",
                        request.split);
    return ae__fit(model, &request);
}

static int32_t fit(ae_model *model, ae__view data, const ae_fit_options *options)
{
    if (options) AE_TRY(ae__stuck(&options->failure));
    AE_TRY(ae__change_begin(model));
    return ae__change_end(model, fit_checked(model, data, options));
}

static int32_t fit_batch_checked(ae_model *model, ae__view data, double *loss)
{
    if (data.x.rows > AE__ONLINE_ROWS)
        return ae__fail(AE_ERR_RANGE, "ae_fit_batch: rows is %zu, wanted at most %d", data.x.rows,
                        AE__ONLINE_ROWS);
    AE_TRY(ae__check_loss(model, &data, model->scaling.own, "x", "y"));
    AE_TRY(ae__check_finite(model, &data));
    AE_TRY(ae__model_scale(model, &data));
    return ae__fit_batch(model, &data, loss);
}

static int32_t fit_batch(ae_model *model, ae__view data, double *loss)
{
    AE_TRY(ae__change_begin(model));
    return ae__change_end(model, fit_batch_checked(model, data, loss));
}

#else

static int32_t fit_batch(ae_model *model, ae__view data, double *loss)
{
    (void)model;
    (void)data;
    (void)loss;
    return ae__fail(AE_ERR_UNSUPPORTED, "ae_fit_batch: this libae was built without training");
}

static int32_t fit(ae_model *model, ae__view data, const ae_fit_options *options)
{
    (void)model;
    (void)data;
    (void)options;
    return ae__fail(AE_ERR_UNSUPPORTED, "ae_fit: this libae was built without training");
}

#endif

int32_t ae_fit_data(ae_model *model, const ae_data *data, const ae_fit_options *options)
{
    AE__WANT(model);
    AE__WANT(data);
    return fit(model, data->view, options);
}

int32_t ae_fit(ae_model *model, const float *x, const float *y, int64_t rows,
               const ae_fit_options *options)
{
    ae__view view;
    AE__WANT(model);
    AE__WANT(x);
    AE_TRY(ae__view_plain(&view, model, x, y, rows));
    return fit(model, view, options);
}

int32_t ae_fit_batch_data(ae_model *model, const ae_data *data, double *loss)
{
    AE__WANT(model);
    AE__WANT(data);
    return fit_batch(model, data->view, loss);
}

int32_t ae_fit_batch(ae_model *model, const float *x, const float *y, int64_t rows, double *loss)
{
    ae__view view;
    AE__WANT(model);
    AE__WANT(x);
    AE_TRY(ae__view_plain(&view, model, x, y, rows));
    return fit_batch(model, view, loss);
}
