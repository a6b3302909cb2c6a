/* ae.h: the scaling of a model's input and target. */
#include "api/check.h"
#ifdef AE_TRAINING
#include "train/scale.h"
#endif

/* A role that can be scaled, and its dimensions. */
static int32_t check_role(const ae_model *model, int32_t role, size_t *dim)
{
    if (role != AE_DATA_X && role != AE_DATA_Y)
        return ae__fail(AE_ERR_INVALID, "scaling: role is %d, wanted AE_DATA_X or AE_DATA_Y",
                        (int)role);
    *dim = role == AE_DATA_Y ? ae__plan_output(&model->plan) : model->plan.layers[0].in;
    return ae__check_model(model);
}

int32_t ae_model_scaling_get(const ae_model *model, int32_t role, double *offset, double *scale,
                             size_t cap)
{
    size_t dim = 0;
    AE__WANT(model);
    AE_TRY(check_role(model, role, &dim));
    AE_TRY(ae__model_scale((ae_model *)model, NULL));
    if ((offset || scale) && cap < dim)
        return ae__fail(AE_ERR_RANGE, "scaling: capacity is %zu, wanted %zu", cap, dim);
    const ae__scaler *scaler = ae__model_scaler(model, role == AE_DATA_Y);
    for (size_t j = 0; j < dim; j++) {
        if (offset) offset[j] = scaler ? scaler->offset[j] : 0;
        if (scale) scale[j] = scaler ? scaler->scale[j] : 1;
    }
    return AE_OK;
}

static int32_t set(ae_model *model, bool target, const double *offset, const double *scale,
                   size_t count, size_t dim)
{
    ae__scaling *s = &model->scaling;
    ae__scaler *scaler = target ? &s->target : &s->input;
    const bool own = target || (s->fitted && s->own) ||
                     model->plan.layers[0].in != ae__plan_output(&model->plan);
    if (!scaler->dim)
        return ae__fail(AE_ERR_STATE, "scaling: that of %s is none", target ? "y" : "x");
    if (count != dim)
        return ae__fail(AE_ERR_SHAPE, "scaling: count is %zu, wanted %zu", count, dim);
    AE_TRY(ae__model_check_scaling(model, own));
    if (!s->fitted) ae__scaler_begin(target ? &s->input : &s->target);
    AE_TRY(ae__scaler_set(scaler, offset, scale));
    ae__model_scale_by(model, own);
    return AE_OK;
}

int32_t ae_model_scaling_set(ae_model *model, int32_t role, const double *offset,
                             const double *scale, size_t count)
{
    size_t dim = 0;
    AE__WANT(model);
    AE_TRY(check_role(model, role, &dim));
    AE__WANT(offset);
    AE__WANT(scale);
    AE_TRY(ae__change_begin(model));
    return ae__change_end(model, set(model, role == AE_DATA_Y, offset, scale, count, dim));
}

int64_t ae_model_clipped_rows(const ae_model *model)
{
    return model ? (int64_t)atomic_load(&model->scaling.clipped) : 0;
}

/* ---- fitting ---- */

#ifdef AE_TRAINING

/* Whether there is a y decides anew whether the target's scaler is its own. */
static int32_t fit_checked(ae_model *model, ae__view view)
{
    AE_TRY(ae__check_loss(model, &view, ae__array_given(&view.y), "x", "y"));
    AE_TRY(ae__check_finite(model, &view));
    return ae__scale_fit(model, &view);
}

static int32_t fit_scaling(ae_model *model, ae__view view)
{
    AE_TRY(ae__change_begin(model));
    return ae__change_end(model, fit_checked(model, view));
}

#else

static int32_t fit_scaling(ae_model *model, ae__view view)
{
    (void)model;
    (void)view;
    return ae__fail(AE_ERR_UNSUPPORTED, "ae_fit_scaling: this libae was built without training");
}

#endif

int32_t ae_fit_scaling_data(ae_model *model, const ae_data *data)
{
    AE__WANT(model);
    AE__WANT(data);
    return fit_scaling(model, data->view);
}

int32_t ae_fit_scaling(ae_model *model, const float *x, const float *y, int64_t rows)
{
    ae__view view;
    AE__WANT(model);
    AE__WANT(x);
    AE_TRY(ae__view_plain(&view, model, x, y, rows));
    return fit_scaling(model, view);
}
