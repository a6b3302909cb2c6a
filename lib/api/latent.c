/* ae.h: draws from models whose code is the output of a Gaussian layer. */
#include "model/latent.h"

#include "api/check.h"

enum { MAX_SAMPLES = 1 << 16 /* the draws' counter has 16 bits for the sample */ };

#define MAX_STEPS (INT64_C(1) << 24)

static int32_t check_range(const char *name, int64_t value, int64_t least, int64_t most)
{
    if (value >= least && value <= most) return AE_OK;
    return ae__fail(AE_ERR_RANGE, "%s is %lld, wanted %lld to %lld", name, (long long)value,
                    (long long)least, (long long)most);
}

static int32_t check_seed(int64_t seed)
{
    const ae__param *row = ae__param_of(AE_PARAM_SEED);
    return check_range("seed", seed, row->lowest.i64, row->highest.i64);
}

static int32_t check_drawn(const ae_model *model)
{
    AE_TRY(ae__check_model(model));
    if (ae__plan_code_drawn(&model->plan)) return AE_OK;
    return ae__fail(AE_ERR_STATE, "model: its code is not drawn, wanted a gaussian layer there");
}

/* A model with such a code, and its input. */
static int32_t check_encoder(ae_model *model, ae__view *view)
{
    AE_TRY(check_drawn(model));
    AE_TRY(ae__check_input(view, "x", model->plan.layers[0].in));
    AE_TRY(ae__check_side(model, view, 0, model->desc.code, view->x.rows));
    return ae__model_scale(model, view);
}

/* ---- posterior ---- */

static int32_t posterior(ae_model *model, ae__view view, float *mean, float *log_variance,
                         size_t cap)
{
    float *outs[] = {mean, log_variance};
    if (!mean && !log_variance)
        return ae__fail(AE_ERR_INVALID, "posterior: mean and log_variance are NULL, wanted one");
    AE_TRY(check_encoder(model, &view));
    for (int32_t i = 0; i < 2; i++) {
        if (outs[i])
            AE_TRY(ae__check_output(i ? "log_variance" : "mean", outs[i], sizeof *mean, view.x.rows,
                                    ae__plan_code(&model->plan), cap, &view));
    }
    return ae__latent_posterior(model, &view, mean, log_variance);
}

int32_t ae_posterior_data(ae_model *model, const ae_data *data, float *mean, float *log_variance,
                          size_t cap)
{
    AE__WANT(model);
    AE__WANT(data);
    return posterior(model, data->view, mean, log_variance, cap);
}

int32_t ae_posterior(ae_model *model, const float *x, int64_t rows, float *mean,
                     float *log_variance, size_t cap)
{
    ae__view view;
    AE__WANT(model);
    AE__WANT(x);
    AE_TRY(ae__view_plain(&view, model, x, NULL, rows));
    return posterior(model, view, mean, log_variance, cap);
}

static int32_t posterior_sample(ae_model *model, ae__view view, int64_t samples, int64_t seed,
                                float *codes, size_t cap)
{
    AE_TRY(check_encoder(model, &view));
    AE_TRY(check_range("samples", samples, 1, MAX_SAMPLES));
    AE_TRY(check_seed(seed));
    AE_TRY(ae__check_output("codes", codes, sizeof *codes, view.x.rows,
                            (size_t)samples * ae__plan_code(&model->plan), cap, &view));
    return ae__latent_sample(model, &view, (size_t)samples, (uint64_t)seed, codes);
}

int32_t ae_posterior_sample_data(ae_model *model, const ae_data *data, int64_t samples,
                                 int64_t seed, float *codes, size_t cap)
{
    AE__WANT(model);
    AE__WANT(data);
    AE__WANT(codes);
    return posterior_sample(model, data->view, samples, seed, codes, cap);
}

int32_t ae_posterior_sample(ae_model *model, const float *x, int64_t rows, int64_t samples,
                            int64_t seed, float *codes, size_t cap)
{
    ae__view view;
    AE__WANT(model);
    AE__WANT(x);
    AE__WANT(codes);
    AE_TRY(ae__view_plain(&view, model, x, NULL, rows));
    return posterior_sample(model, view, samples, seed, codes, cap);
}

/* ---- prior ---- */

static int32_t sample(ae_model *model, ae__view view, size_t rows, int64_t seed, float *out,
                      size_t cap)
{
    const ae__plan *plan = &model->plan;
    AE_TRY(check_drawn(model));
    AE_TRY(ae__check_decoder(model));
    AE_TRY(check_seed(seed));
    AE_TRY(ae__check_side(model, &view, model->desc.code, plan->n_layers, rows));
    AE_TRY(ae__check_output("output", out, sizeof *out, rows, ae__plan_output(plan), cap, &view));
    AE_TRY(ae__model_scale(model, NULL));
    return ae__latent_prior(model, &view, rows, (uint64_t)seed, out);
}

int32_t ae_sample_data(ae_model *model, const ae_data *data, int64_t seed, float *out, size_t cap)
{
    AE__WANT(model);
    AE__WANT(data);
    AE__WANT(out);
    const ae__view view = {.side = data->view.side};
    if (!ae__array_given(&view.side))
        return ae__fail(AE_ERR_STATE, "side: has no array AE_DATA_SIDE");
    return sample(model, view, view.side.rows, seed, out, cap);
}

int32_t ae_sample(ae_model *model, int64_t rows, int64_t seed, float *out, size_t cap)
{
    const ae__view view = {0};
    AE__WANT(model);
    AE__WANT(out);
    AE_TRY(check_range("rows", rows, 1, AE__MAX_ROWS));
    if ((uint64_t)rows > SIZE_MAX)
        return ae__fail(AE_ERR_RANGE, "rows is %lld, more than memory has", (long long)rows);
    return sample(model, view, (size_t)rows, seed, out, cap);
}

int32_t ae_interpolate(ae_model *model, const float *from, const float *to, int64_t steps,
                       float *out, size_t cap)
{
    ae__view view = {0};
    AE__WANT(model);
    AE__WANT(from);
    AE__WANT(to);
    AE__WANT(out);
    const ae__plan *plan = &model->plan;
    const size_t code = ae__plan_code(plan);
    AE_TRY(ae__check_model(model));
    AE_TRY(ae__check_decoder(model));
    AE_TRY(check_range("steps", steps, 2, MAX_STEPS));
    AE_TRY(ae__array_set(&view.x, "from", AE_TYPE_F32, from, 1, (int64_t)code));
    AE_TRY(ae__array_set(&view.y, "to", AE_TYPE_F32, to, 1, (int64_t)code));
    AE_TRY(ae__check_side(model, &view, model->desc.code, plan->n_layers, 1));
    AE_TRY(ae__check_output("output", out, sizeof *out, (size_t)steps, ae__plan_output(plan), cap,
                            &view));
    AE_TRY(ae__model_scale(model, NULL));
    ae__latent_line(model, from, to, (size_t)steps, out);
    return AE_OK;
}

/* ---- estimates ---- */

static int32_t check_likelihood(const ae_model *model)
{
    if (ae__plan_likelihood(&model->plan)) return AE_OK;
    return ae__fail(AE_ERR_STATE, "model: wanted AE_PENALTY_KL and one loss that is a likelihood, "
                                  "bernoulli_nll or gaussian_nll");
}

static int32_t log_likelihood(ae_model *model, ae__view view, int64_t samples, int64_t seed,
                              double *values, size_t cap)
{
    AE_TRY(check_drawn(model));
    AE_TRY(check_likelihood(model));
    view.weight = (ae__array){0};
    AE_TRY(ae__check_loss(model, &view, model->scaling.own, "x", "y"));
    AE_TRY(check_range("samples", samples, 1, MAX_SAMPLES));
    AE_TRY(check_seed(seed));
    AE_TRY(ae__check_output("values", values, sizeof *values, view.x.rows, 1, cap, &view));
    AE_TRY(ae__model_scale(model, &view));
    return ae__latent_likelihood(model, &view, (size_t)samples, (uint64_t)seed, values);
}

int32_t ae_log_likelihood_data(ae_model *model, const ae_data *data, int64_t samples, int64_t seed,
                               double *values, size_t cap)
{
    AE__WANT(model);
    AE__WANT(data);
    AE__WANT(values);
    return log_likelihood(model, data->view, samples, seed, values, cap);
}

int32_t ae_log_likelihood(ae_model *model, const float *x, int64_t rows, int64_t samples,
                          int64_t seed, double *values, size_t cap)
{
    ae__view view;
    AE__WANT(model);
    AE__WANT(x);
    AE__WANT(values);
    AE_TRY(ae__view_plain(&view, model, x, NULL, rows));
    return log_likelihood(model, view, samples, seed, values, cap);
}

static int32_t diagnose(ae_model *model, ae__view view, double *kl, double *variance, size_t cap)
{
    double *outs[] = {kl, variance};
    if (!kl && !variance)
        return ae__fail(AE_ERR_INVALID, "diagnose: kl and variance are NULL, wanted one");
    AE_TRY(check_encoder(model, &view));
    for (int32_t i = 0; i < 2; i++) {
        if (outs[i])
            AE_TRY(ae__check_output(i ? "variance" : "kl", outs[i], sizeof *kl, 1,
                                    ae__plan_code(&model->plan), cap, &view));
    }
    return ae__latent_diagnose(model, &view, kl, variance);
}

int32_t ae_diagnose_data(ae_model *model, const ae_data *data, double *kl, double *variance,
                         size_t cap)
{
    AE__WANT(model);
    AE__WANT(data);
    return diagnose(model, data->view, kl, variance, cap);
}

int32_t ae_diagnose(ae_model *model, const float *x, int64_t rows, double *kl, double *variance,
                    size_t cap)
{
    ae__view view;
    AE__WANT(model);
    AE__WANT(x);
    AE_TRY(ae__view_plain(&view, model, x, NULL, rows));
    return diagnose(model, view, kl, variance, cap);
}
