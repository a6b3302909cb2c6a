/* Writing a model: each chunk's body is run twice, once to count its bytes, once to write them. */
#include <math.h>

#include "base/file.h"
#include "base/status.h"
#include "model/file.h"

static void put_values(ae__writer *w, const ae__spec *spec)
{
    ae__write_u32(w, (uint32_t)spec->count);
    for (int32_t i = 0; i < spec->count; i++) {
        const ae__value *value = &spec->values[i];
        int32_t type = ae__param_of(value->id)->type;
        ae__write_u32(w, (uint32_t)value->id);
        ae__write_u32(w, (uint32_t)type);
        if (type == AE_TYPE_I64)
            ae__write_u64(w, (uint64_t)value->i64);
        else
            ae__write_f64(w, value->f64);
    }
}

static void put_spec(ae__writer *w, const ae__spec *spec)
{
    ae__write_u32(w, (uint32_t)spec->kind);
    put_values(w, spec);
}

static void put_specs(ae__writer *w, const ae__spec *specs, int32_t n)
{
    ae__write_u32(w, (uint32_t)n);
    for (int32_t i = 0; i < n; i++) put_spec(w, &specs[i]);
}

static void put_model(ae__writer *w, const ae_model *model)
{
    const ae__desc *desc = &model->desc;
    ae__write_u32(w, (uint32_t)desc->input.rank);
    for (int32_t i = 0; i < desc->input.rank; i++) ae__write_u64(w, desc->input.dims[i]);
    ae__write_u32(w, (uint32_t)desc->code);
    put_values(w, &desc->model);
}

static void put_layers(ae__writer *w, const ae_model *model)
{
    put_specs(w, model->desc.layers, model->desc.n_layers);
}

static void put_terms(ae__writer *w, const ae_model *model)
{
    put_specs(w, model->desc.terms, model->desc.n_terms);
}

static void put_optimizer(ae__writer *w, const ae_model *model)
{
    put_spec(w, &model->desc.optim);
}

static void put_reals(ae__writer *w, const real *values, size_t n)
{
#ifdef AE_DOUBLE
    for (size_t i = 0; i < n; i++) ae__write_f32(w, (float)values[i]);
#else
    ae__write_f32s(w, values, n);
#endif
}

static void put_weights(ae__writer *w, const ae_model *model)
{
    ae__write_u32(w, (uint32_t)model->plan.n_weights);
    for (int32_t i = 0; i < model->plan.n_weights; i++) {
        const ae__weight *weight = &model->plan.weights[i];
        ae__write_u32(w, (uint32_t)weight->layer);
        ae__write_u32(w, (uint32_t)weight->slot);
        ae__write_u32(w, AE_TYPE_F32);
        ae__write_u64(w, weight->info.rows);
        ae__write_u64(w, weight->info.cols);
        put_reals(w, model->weights + weight->offset, weight->count);
    }
}

static void put_scaler(ae__writer *w, const ae__scaler *s)
{
    for (size_t j = 0; j < s->dim; j++) ae__write_f64(w, s->offset[j]);
    for (size_t j = 0; j < s->dim; j++) ae__write_f64(w, s->scale[j]);
}

static void put_scaling(ae__writer *w, const ae_model *model)
{
    const ae__scaling *s = &model->scaling;
    ae__write_u32(w, s->own);
    put_scaler(w, &s->input);
    if (s->own) put_scaler(w, &s->target);
}

static void put_trained(ae__writer *w, const ae_model *model)
{
    const ae__trained *trained = &model->trained;
    ae__write_u64(w, trained->epochs);
    ae__write_u64(w, trained->steps);
    ae__write_u64(w, trained->part_rows);
    ae__write_u64(w, trained->part_done);
    ae__write_f64(w, trained->part_done ? trained->parts[AE__PART_LOSS] : 0);
    size_t series = ae__history_series(&model->desc);
    ae__write_u32(w, (uint32_t)series);
    for (size_t i = 0; i < series; i++) {
        ae__write_u32(w, (uint32_t)ae__history_metric(&model->desc, i));
        for (size_t e = 0; e < trained->epochs; e++)
            ae__write_f64(w, trained->history[e * series + i]);
    }
}

static void put_parts(ae__writer *w, const ae_model *model)
{
    ae__write_u32(w, (uint32_t)model->plan.n_parts - AE__PART_WEIGHT);
    for (size_t i = AE__PART_WEIGHT; i < model->plan.n_parts; i++)
        ae__write_f64(w, model->trained.parts[i]);
}

/* What is laid out as the weights. */
static void put_array(ae__writer *w, const ae_model *model, const real *values)
{
    for (int32_t i = 0; i < model->plan.n_weights; i++) {
        const ae__weight *weight = &model->plan.weights[i];
        put_reals(w, values + weight->offset, weight->count);
    }
}

static void put_states(ae__writer *w, const ae_model *model)
{
    ae__write_u32(w, (uint32_t)model->trained.n_states);
    for (int32_t s = 0; s < model->trained.n_states; s++)
        put_array(w, model, model->trained.states[s]);
}

static void put_data(ae__writer *w, const ae_model *model)
{
    ae__write_u32(w, model->trained.part_data);
}

static void put_plateau(ae__writer *w, const ae_model *model)
{
    const ae__plateau *plateau = &model->trained.plateau;
    ae__write_f64(w, plateau->lowest);
    ae__write_u64(w, plateau->waited);
    ae__write_f64(w, plateau->scale);
}

static void put_best(ae__writer *w, const ae_model *model)
{
    const ae__best *best = &model->trained.best;
    ae__write_f64(w, best->loss);
    ae__write_u64(w, best->epoch);
    ae__write_u64(w, best->waited);
    ae__write_u32(w, best->data);
    ae__write_u32(w, best->restored);
    ae__write_u32(w, (uint32_t)best->arrays);
    for (int32_t i = 0; i < best->arrays; i++)
        put_array(w, model, best->kept + (size_t)i * model->plan.weight_reals);
}

static void put_online(ae__writer *w, const ae_model *model)
{
    ae__write_u64(w, model->trained.online.steps);
    ae__write_f64(w, model->trained.online.loss);
}

static void put_pending(ae__writer *w, const ae_model *model)
{
    ae__write_u64(w, model->trained.pending.rows);
    ae__write_f64(w, model->trained.pending.weight);
    put_array(w, model, model->trained.pending.sum);
}

static void put_nothing(ae__writer *w, const ae_model *model)
{
    (void)w;
    (void)model;
}

static bool always(const ae_model *model)
{
    (void)model;
    return true;
}

static bool scaled(const ae_model *model)
{
    return ae__model_scales(model) && model->scaling.fitted;
}

static bool trained(const ae_model *model)
{
    return model->trained.steps > 0 || model->trained.part_done > 0;
}

static bool within_epoch(const ae_model *model)
{
    return trained(model) && model->trained.part_done > 0;
}

static bool on_plateau(const ae_model *model)
{
    return trained(model) && model->trained.plateau.begun;
}

static bool knows_data(const ae_model *model)
{
    return within_epoch(model) && model->trained.part_data != 0;
}

static bool has_best(const ae_model *model)
{
    return trained(model) && model->trained.best.begun;
}

static bool was_online(const ae_model *model)
{
    return trained(model) && model->trained.online.steps > 0;
}

static bool within_group(const ae_model *model)
{
    return within_epoch(model) && model->trained.pending.rows > 0;
}

typedef struct chunk {
    char tag[5];
    bool (*wanted)(const ae_model *model);
    void (*body)(ae__writer *w, const ae_model *model);
} chunk;

static const chunk chunks[] = {
    {"MODL", always, put_model},       {"LAYR", always, put_layers},
    {"TERM", always, put_terms},       {"OPTM", always, put_optimizer},
    {"WGHT", always, put_weights},     {"SCAL", scaled, put_scaling},
    {"trnd", trained, put_trained},    {"part", within_epoch, put_parts},
    {"stat", trained, put_states},     {"data", knows_data, put_data},
    {"plat", on_plateau, put_plateau}, {"best", has_best, put_best},
    {"onli", was_online, put_online},  {"grad", within_group, put_pending},
    {"DONE", always, put_nothing},
};

static void put_chunk(ae__writer *w, const chunk *c, const ae_model *model)
{
    ae__writer counter = {0};
    c->body(&counter, model);
    w->crc = 0;
    ae__write_bytes(w, c->tag, 4);
    ae__write_u64(w, counter.count);
    c->body(w, model);
    ae__write_u32(w, w->crc);
}

static int32_t check_finite(const ae_model *model, const real *values, const char *what)
{
    for (int32_t i = 0; i < model->plan.n_weights; i++) {
        const ae__weight *weight = &model->plan.weights[i];
        for (size_t j = 0; j < weight->count; j++) {
            if (!isfinite(values[weight->offset + j]))
                return ae__fail(AE_ERR_NONFINITE, "save: layer #%d, %s%s, number %zu is not finite",
                                (int)weight->layer, what, weight->info.name, j);
        }
    }
    return AE_OK;
}

int32_t ae__file_savable(const ae_model *model)
{
    AE_TRY(check_finite(model, model->weights, ""));
    for (int32_t i = 0; i < model->trained.n_states; i++)
        AE_TRY(check_finite(model, model->trained.states[i], "optimiser's state of "));
    if (within_group(model))
        AE_TRY(check_finite(model, model->trained.pending.sum, "gradient of "));
    return AE_OK;
}

int32_t ae__file_save(const ae_model *model, ae__writer *writer)
{
    writer->crc = 0;
    ae__write_bytes(writer, AE__FILE_MAGIC, AE__FILE_MAGIC_BYTES);
    ae__write_u32(writer, AE__FILE_MAJOR);
    ae__write_u32(writer, AE__FILE_MINOR);
    ae__write_u32(writer, writer->crc);
    for (size_t i = 0; i < sizeof chunks / sizeof *chunks; i++) {
        if (chunks[i].wanted(model)) put_chunk(writer, &chunks[i], model);
    }
    return writer->status;
}

int32_t ae__file_replace(const ae_model *model, const char *path)
{
    ae__replacement file;
    AE_TRY(ae__file_savable(model));
    AE_TRY(ae__replacement_open(&file, path));
    ae__writer writer = {.sink = ae__replacement_write, .user = &file};
    return ae__replacement_close(&file, ae__file_save(model, &writer));
}
