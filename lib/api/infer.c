/* ae.h: using a model. */
#include "api/check.h"
#include "model/run.h"

/* Layers [first, last) over x, and with `undo` back to the target's units; every check comes before the
 * first write. */
static int32_t run(ae_model *model, ae__view view, int32_t first, int32_t last, bool undo,
                   float *out, size_t cap)
{
    AE_TRY(ae__check_model(model));
    AE_TRY(ae__check_input(&view, first ? "code" : "x", model->plan.layers[first].in));
    AE_TRY(ae__check_side(model, &view, first, last, view.x.rows));
    AE_TRY(ae__check_output("output", out, sizeof *out, view.x.rows,
                            model->plan.layers[last - 1].out, cap, &view));
    AE_TRY(ae__model_scale(model, first ? NULL : &view));
    return ae__run_layers(model, &view, first, last, undo, out);
}

int32_t ae_encode_data(ae_model *model, const ae_data *data, float *code, size_t cap)
{
    AE__WANT(model);
    AE__WANT(data);
    AE__WANT(code);
    return run(model, data->view, 0, model->desc.code, false, code, cap);
}

int32_t ae_reconstruct_data(ae_model *model, const ae_data *data, float *out, size_t cap)
{
    AE__WANT(model);
    AE__WANT(data);
    AE__WANT(out);
    return run(model, data->view, 0, model->plan.n_layers, true, out, cap);
}

static int32_t check_layer(const ae_model *model, int32_t layer)
{
    if (layer >= 0 && layer < model->plan.n_layers) return AE_OK;
    return ae__fail(AE_ERR_RANGE, "ae_features: layer is %d, wanted 0 to %d", (int)layer,
                    (int)model->plan.n_layers - 1);
}

int32_t ae_features_data(ae_model *model, int32_t layer, const ae_data *data, float *out,
                         size_t cap)
{
    AE__WANT(model);
    AE__WANT(data);
    AE__WANT(out);
    AE_TRY(check_layer(model, layer));
    return run(model, data->view, 0, layer + 1, false, out, cap);
}

/* run() on plain rows that enter layer `first`. */
static int32_t run_plain(ae_model *model, const float *x, int64_t rows, int32_t first, int32_t last,
                         bool undo, float *out, size_t cap)
{
    ae__view view = {0};
    AE_TRY(ae__array_set(&view.x, first ? "code" : "x", AE_TYPE_F32, x, rows,
                         (int64_t)model->plan.layers[first].in));
    return run(model, view, first, last, undo, out, cap);
}

int32_t ae_encode(ae_model *model, const float *x, int64_t rows, float *code, size_t cap)
{
    AE__WANT(model);
    AE__WANT(x);
    AE__WANT(code);
    return run_plain(model, x, rows, 0, model->desc.code, false, code, cap);
}

int32_t ae_decode(ae_model *model, const float *code, int64_t rows, float *out, size_t cap)
{
    AE__WANT(model);
    AE__WANT(code);
    AE__WANT(out);
    AE_TRY(ae__check_decoder(model));
    return run_plain(model, code, rows, model->desc.code, model->plan.n_layers, true, out, cap);
}

int32_t ae_decode_data(ae_model *model, const ae_data *data, float *out, size_t cap)
{
    AE__WANT(model);
    AE__WANT(data);
    AE__WANT(out);
    AE_TRY(ae__check_decoder(model));
    return run(model, data->view, model->desc.code, model->plan.n_layers, true, out, cap);
}

int32_t ae_reconstruct(ae_model *model, const float *x, int64_t rows, float *out, size_t cap)
{
    AE__WANT(model);
    AE__WANT(x);
    AE__WANT(out);
    return run_plain(model, x, rows, 0, model->plan.n_layers, true, out, cap);
}

int32_t ae_features(ae_model *model, int32_t layer, const float *x, int64_t rows, float *out,
                    size_t cap)
{
    AE__WANT(model);
    AE__WANT(x);
    AE__WANT(out);
    AE_TRY(check_layer(model, layer));
    return run_plain(model, x, rows, 0, layer + 1, false, out, cap);
}

static int32_t score(ae_model *model, ae__view view, float *scores, size_t cap)
{
    double loss;
    AE_TRY(ae__check_model(model));
    view.weight = (ae__array){0}; /* of no meaning to a row alone */
    AE_TRY(ae__check_output("scores", scores, sizeof *scores, view.x.rows, 1, cap, &view));
    AE_TRY(ae__check_loss(model, &view, model->scaling.own, "x", "y"));
    AE_TRY(ae__model_scale(model, &view));
    return ae__run_loss(model, &view, scores, &loss);
}

int32_t ae_score_data(ae_model *model, const ae_data *data, float *scores, size_t cap)
{
    AE__WANT(model);
    AE__WANT(data);
    AE__WANT(scores);
    return score(model, data->view, scores, cap);
}

int32_t ae_score(ae_model *model, const float *x, int64_t rows, float *scores, size_t cap)
{
    ae__view view;
    AE__WANT(model);
    AE__WANT(x);
    AE__WANT(scores);
    AE_TRY(ae__view_plain(&view, model, x, NULL, rows));
    return score(model, view, scores, cap);
}

static int32_t evaluate(ae_model *model, ae__view view, double *loss)
{
    AE_TRY(ae__check_model(model));
    AE_TRY(ae__check_loss(model, &view, model->scaling.own, "x", "y"));
    AE_TRY(ae__model_scale(model, &view));
    return ae__run_loss(model, &view, NULL, loss);
}

int32_t ae_evaluate_terms(ae_model *model, const ae_data *data, double *terms, size_t cap)
{
    double loss;
    AE__WANT(model);
    AE__WANT(data);
    AE__WANT(terms);
    const size_t n = (size_t)model->plan.n_terms;
    if (n) AE_TRY(ae__check_output("terms", terms, sizeof *terms, 1, n, cap, &data->view));
    AE_TRY(evaluate(model, data->view, &loss));
    for (size_t i = 0; i < n; i++)
        terms[i] = model->work.parts[AE__PART_TERM + i] / model->work.parts[AE__PART_WEIGHT];
    return AE_OK;
}

int32_t ae_evaluate_data(ae_model *model, const ae_data *data, double *loss)
{
    AE__WANT(model);
    AE__WANT(data);
    AE__WANT(loss);
    return evaluate(model, data->view, loss);
}

int32_t ae_evaluate(ae_model *model, const float *x, const float *y, int64_t rows, double *loss)
{
    ae__view view;
    AE__WANT(model);
    AE__WANT(x);
    AE__WANT(loss);
    AE_TRY(ae__view_plain(&view, model, x, y, rows));
    return evaluate(model, view, loss);
}
