/* What the chunks of a file say: every count is held against the bytes that remain before memory is
 * asked for, and the description goes through the same checks and the same planner as one made by calls.
 * FORMAT is what no version of the format can mean; VERSION what a newer one may. */
#include "model/chunks.h"

#include <math.h>
#include <stdio.h>

#include "base/status.h"

#define MOST (UINT64_C(1) << 53) /* of any count */

int32_t ae__malformed(const char *what)
{
    return ae__fail(AE_ERR_FORMAT, "file: %s", what);
}

/* Replaces the code of a description's failure: FORMAT, or VERSION. */
static int32_t refuse(int32_t status, int32_t code)
{
    char reason[256];
    if (status == AE_OK || status == AE_ERR_NOMEM) return status;
    snprintf(reason, sizeof reason, "%s", ae__message());
    return ae__fail(code, "file: %s%s", code == AE_ERR_VERSION ? "needs a newer libae: " : "",
                    reason);
}

/* A count of things of at least `least` bytes each, which must be left. */
static int32_t get_count(ae__reader *r, size_t least, const char *what, uint32_t *count)
{
    *count = ae__read_u32(r);
    if (*count <= ae__read_left(r) / least) return AE_OK;
    return ae__fail(AE_ERR_FORMAT, "file: %u of %s in %zu bytes", (unsigned)*count, what,
                    ae__read_left(r));
}

static int32_t get_value(ae__reader *r, ae__spec *spec, const char *owner, uint32_t *seen)
{
    int32_t id = (int32_t)ae__read_u32(r);
    ae__number number = {.type = (int32_t)ae__read_u32(r)};
    if (number.type == AE_TYPE_F64)
        number.f64 = ae__read_f64(r);
    else
        number.i64 = (int64_t)ae__read_u64(r);
    const ae__value *value = ae__spec_find(spec, id);
    if (!value)
        return ae__fail(AE_ERR_VERSION, "file: needs a newer libae: %s with parameter %d", owner,
                        (int)id);
    uint32_t bit = UINT32_C(1) << (value - spec->values);
    if (*seen & bit)
        return ae__fail(AE_ERR_FORMAT, "file: %s has parameter %d twice", owner, (int)id);
    *seen |= bit;
    const ae__param *row = ae__param_of(id);
    if (number.type != row->type)
        return ae__fail(AE_ERR_FORMAT, "file: %s has %s of type %d, wanted %d", owner, row->name,
                        (int)number.type, (int)row->type);
    bool beyond = row->type == AE_TYPE_I64 && number.i64 > row->highest.i64; /* a later constant? */
    return refuse(ae__spec_set(spec, owner, id, number), beyond ? AE_ERR_VERSION : AE_ERR_FORMAT);
}

/* Those that are not there stay at their defaults. */
static int32_t get_values(ae__reader *r, ae__spec *spec, const char *owner)
{
    uint32_t count, seen = 0;
    AE_TRY(get_count(r, 16, "parameters", &count));
    for (uint32_t i = 0; i < count; i++) AE_TRY(get_value(r, spec, owner, &seen));
    return AE_OK;
}

static int32_t get_model(ae__loading *l, ae__reader *r)
{
    uint32_t rank = ae__read_u32(r);
    int64_t dims[AE__MAX_RANK];
    if (rank < 1 || rank > AE__MAX_RANK)
        return ae__fail(rank ? AE_ERR_VERSION : AE_ERR_FORMAT,
                        "file: input has rank %u, wanted 1 to %d", (unsigned)rank, AE__MAX_RANK);
    for (uint32_t i = 0; i < rank; i++) {
        uint64_t dim = ae__read_u64(r);
        if (dim > AE__MAX_DIM)
            return ae__fail(AE_ERR_VERSION, "file: needs a newer libae: input of dimension %llu",
                            (unsigned long long)dim);
        dims[i] = (int64_t)dim;
    }
    AE_TRY(refuse(ae__desc_input(&l->desc, (int32_t)rank, dims), AE_ERR_FORMAT));
    l->desc.code = (int32_t)ae__read_u32(r); /* checked when the layers are known */
    return get_values(r, &l->desc.model, "model");
}

/* Layers, or terms: kinds with their parameters. */
static int32_t get_specs(ae__loading *l, ae__reader *r, const char *what, ae__spec **specs,
                         int32_t (*add)(ae__desc *, const ae_allocator *, int32_t kind))
{
    uint32_t count;
    AE_TRY(get_count(r, 8, what, &count));
    for (uint32_t i = 0; i < count; i++) {
        char owner[AE__OWNER];
        snprintf(owner, sizeof owner, "%s #%u", what, (unsigned)i);
        AE_TRY(refuse(add(&l->desc, l->mem, (int32_t)ae__read_u32(r)), AE_ERR_VERSION));
        AE_TRY(get_values(r, &(*specs)[i], owner));
    }
    return AE_OK;
}

static int32_t get_layers(ae__loading *l, ae__reader *r)
{
    AE_TRY(get_specs(l, r, "layer", &l->desc.layers, ae__desc_layer));
    if (l->desc.code >= 1 && l->desc.code <= l->desc.n_layers) return AE_OK;
    return ae__fail(AE_ERR_FORMAT, "file: encoder of %d layers among %d", (int)l->desc.code,
                    (int)l->desc.n_layers);
}

static int32_t get_terms(ae__loading *l, ae__reader *r)
{
    return get_specs(l, r, "loss", &l->desc.terms, ae__desc_term);
}

static int32_t get_optimizer(ae__loading *l, ae__reader *r)
{
    AE_TRY(refuse(ae__desc_optim(&l->desc, (int32_t)ae__read_u32(r)), AE_ERR_VERSION));
    return get_values(r, &l->desc.optim, "optimizer");
}

static int32_t get_reals(ae__reader *r, real *values, size_t n, const char *what)
{
    for (size_t i = 0; i < n; i++) {
        float value = ae__read_f32(r);
        if (!isfinite(value))
            return ae__fail(AE_ERR_NONFINITE, "file: %s hold %g", what, (double)value);
        values[i] = (real)value;
    }
    return AE_OK;
}

/* Plans the description first, so that no weights are made room for that are not in the file. */
static int32_t make_model(ae__loading *l, const ae__reader *r)
{
    ae__plan plan;
    AE_TRY(refuse(ae__plan_create(&plan, &l->desc, l->mem), AE_ERR_FORMAT));
    bool there = plan.weight_count <= ae__read_left(r) / sizeof(float);
    ae__plan_free(&plan, l->mem);
    if (!there) return ae__malformed("has fewer weights than its layers need");
    return ae__model_create(&l->model, &l->desc, l->mem);
}

static int32_t get_weight(ae_model *model, ae__reader *r, const ae__weight *weight)
{
    uint32_t layer = ae__read_u32(r), slot = ae__read_u32(r), type = ae__read_u32(r);
    uint64_t rows = ae__read_u64(r), cols = ae__read_u64(r);
    if (layer != (uint32_t)weight->layer || slot != (uint32_t)weight->slot ||
        rows != weight->info.rows || cols != weight->info.cols)
        return ae__fail(
            AE_ERR_FORMAT, "file: weights %u.%u of %llu x %llu, wanted %d.%d of %zu x %zu",
            (unsigned)layer, (unsigned)slot, (unsigned long long)rows, (unsigned long long)cols,
            (int)weight->layer, (int)weight->slot, weight->info.rows, weight->info.cols);
    if (type != AE_TYPE_F32)
        return ae__fail(AE_ERR_VERSION, "file: needs a newer libae: weights of type %u",
                        (unsigned)type);
    AE_TRY(get_reals(r, model->weights + weight->offset, weight->count, "weights"));
    if (!weight->info.weighs || ae__weighs(model->weights + weight->offset, weight->count))
        return AE_OK;
    return ae__malformed("has weights of features below 0, or all 0");
}

static int32_t get_weights(ae__loading *l, ae__reader *r)
{
    uint32_t count = ae__read_u32(r);
    AE_TRY(make_model(l, r));
    if (count != (uint32_t)l->model->plan.n_weights)
        return ae__fail(AE_ERR_FORMAT, "file: %u arrays of weights, wanted %d", (unsigned)count,
                        (int)l->model->plan.n_weights);
    for (uint32_t i = 0; i < count; i++)
        AE_TRY(get_weight(l->model, r, &l->model->plan.weights[i]));
    return AE_OK;
}

/* In place, so that nothing is allocated. */
static int32_t get_scaler(ae__reader *r, ae__scaler *s)
{
    double *const arrays[] = {s->offset, s->scale};
    for (size_t i = 0; i < sizeof arrays / sizeof *arrays; i++)
        for (size_t j = 0; j < s->dim; j++) arrays[i][j] = ae__read_f64(r);
    return refuse(ae__scaler_set(s, s->offset, s->scale), AE_ERR_FORMAT);
}

static int32_t get_scaling(ae__loading *l, ae__reader *r)
{
    ae__scaling *s = &l->model->scaling;
    uint32_t own = ae__read_u32(r);
    if (own > 1 || !ae__model_scales(l->model))
        return ae__malformed("has a scaling that cannot be");
    AE_TRY(get_scaler(r, &s->input));
    if (own) AE_TRY(get_scaler(r, &s->target));
    AE_TRY(refuse(ae__model_check_scaling(l->model, own), AE_ERR_FORMAT));
    ae__model_scale_by(l->model, own);
    return AE_OK;
}

/* Series in ascending order of their metric; those of later versions are passed over, and where one
 * is missing its values are NaN. One is there for each loss, so that an epoch's row has bytes. */
static int32_t get_history(ae_model *model, ae__reader *r, uint64_t epochs)
{
    uint32_t series = ae__read_u32(r), metric = 0;
    const uint32_t terms = (uint32_t)model->desc.n_terms;
    if (ae__read_left(r) != series * (4 + 8 * epochs) || (epochs && (!series || series < terms)))
        return ae__malformed("has a history of another length");
    AE_TRY(ae__model_reserve_history(model, (size_t)epochs));
    const size_t row = ae__history_series(&model->desc);
    for (size_t i = 0; i < row * epochs; i++) model->trained.history[i] = NAN;
    for (uint32_t i = 0; i < series; i++) {
        uint32_t last = metric;
        metric = ae__read_u32(r);
        if (i && metric <= last) return ae__malformed("has a history out of order");
        const size_t at = ae__history_find(&model->desc, (int32_t)metric);
        for (size_t e = 0; e < epochs; e++) {
            double value = ae__read_f64(r);
            if (at < row) model->trained.history[e * row + at] = value;
        }
    }
    return AE_OK;
}

static int32_t get_trained(ae__loading *l, ae__reader *r)
{
    const uint64_t most_epochs = (UINT64_C(1) << 24) - 1;
    ae__trained *trained = &l->model->trained;
    uint64_t epochs = ae__read_u64(r);
    if (ae__model_scales(l->model) && !l->model->scaling.fitted)
        return ae__malformed("has been trained without its scaling");
    trained->steps = ae__read_u64(r);
    trained->part_rows = ae__read_u64(r);
    trained->part_done = ae__read_u64(r);
    trained->parts[AE__PART_LOSS] = ae__read_f64(r);
    trained->parts[AE__PART_WEIGHT] = (double)trained->part_done;
    if ((trained->steps < 1 && !trained->part_done) || trained->steps > MOST ||
        epochs > trained->steps || epochs > most_epochs || trained->part_rows > MOST ||
        trained->part_done > trained->part_rows || !isfinite(trained->parts[AE__PART_LOSS]))
        return ae__malformed("has counts of training that cannot be");
    AE_TRY(get_history(l->model, r, epochs));
    trained->epochs = epochs;
    l->trained = true;
    return AE_OK;
}

/* The open epoch's sums but for the loss; where the chunk is missing they stay 0, and rows weigh 1. */
static int32_t get_parts(ae__loading *l, ae__reader *r)
{
    const size_t n = l->model->plan.n_parts - AE__PART_WEIGHT;
    double *parts = l->model->trained.parts + AE__PART_WEIGHT;
    if (!l->model->trained.part_done) return ae__malformed("has sums of an epoch that is not open");
    if (ae__read_u32(r) != n) return ae__malformed("has another number of sums of an open epoch");
    for (size_t i = 0; i < n; i++) {
        parts[i] = ae__read_f64(r);
        if (!isfinite(parts[i]))
            return ae__malformed("has sums of an open epoch that are not finite");
    }
    return parts[0] >= 0 ? AE_OK
                         : ae__malformed("has rows of an open epoch that weigh less than 0");
}

/* What is laid out as the weights. */
static int32_t get_array(const ae__loading *l, ae__reader *r, real *values, const char *what)
{
    const ae__plan *plan = &l->model->plan;
    for (int32_t i = 0; i < plan->n_weights; i++)
        AE_TRY(get_reals(r, values + plan->weights[i].offset, plan->weights[i].count, what));
    return AE_OK;
}

/* Whether just so many of these are left. */
static bool has_arrays(const ae__loading *l, const ae__reader *r, uint32_t arrays)
{
    return ae__read_left(r) == (uint64_t)arrays * l->model->plan.weight_count * sizeof(float);
}

static int32_t get_states(ae__loading *l, ae__reader *r)
{
    ae__trained *trained = &l->model->trained;
    uint32_t count = ae__read_u32(r);
    if (count > AE__OPTIM_STATES || !has_arrays(l, r, count))
        return ae__malformed("has optimiser states of another length");
    AE_TRY(ae__model_reserve_states(l->model, (int32_t)count));
    for (uint32_t s = 0; s < count; s++)
        AE_TRY(get_array(l, r, trained->states[s], "optimiser states"));
    l->states = true;
    return AE_OK;
}

/* What goes on with a training needs one. */
static int32_t want_trained(const ae__loading *l)
{
    return l->states ? AE_OK : ae__malformed("has what training left, but neither trnd nor stat");
}

static int32_t get_plateau(ae__loading *l, ae__reader *r)
{
    ae__plateau *p = &l->model->trained.plateau;
    AE_TRY(want_trained(l));
    *p = (ae__plateau){.begun = true, .lowest = ae__read_f64(r)};
    p->waited = ae__read_u64(r);
    p->scale = ae__read_f64(r);
    if (!isfinite(p->lowest) || p->waited > MOST || !(p->scale >= 0 && p->scale <= 1))
        return ae__malformed("has a plateau that cannot be");
    return AE_OK;
}

static int32_t get_data(ae__loading *l, ae__reader *r)
{
    ae__trained *trained = &l->model->trained;
    AE_TRY(want_trained(l));
    trained->part_data = ae__read_u32(r);
    if (trained->part_done && trained->part_data) return AE_OK;
    return ae__malformed("has data of an epoch that is not open");
}

static int32_t get_best(ae__loading *l, ae__reader *r)
{
    const uint64_t epochs = l->model->trained.epochs;
    ae__best *best = &l->model->trained.best;
    AE_TRY(want_trained(l));
    best->loss = ae__read_f64(r);
    best->epoch = ae__read_u64(r);
    best->waited = ae__read_u64(r);
    best->data = ae__read_u32(r);
    uint32_t restored = ae__read_u32(r), arrays = ae__read_u32(r);
    if (!isfinite(best->loss) || best->epoch < 1 || best->epoch > epochs ||
        best->waited > epochs - best->epoch || restored > 1 || arrays > 1 + AE__OPTIM_STATES ||
        !has_arrays(l, r, arrays))
        return ae__malformed("has a best epoch that cannot be");
    AE_TRY(ae__model_reserve_best(l->model, (int32_t)arrays));
    for (uint32_t i = 0; i < arrays; i++)
        AE_TRY(get_array(l, r, best->kept + i * l->model->plan.weight_reals, "best weights"));
    best->arrays = (int32_t)arrays;
    best->restored = restored != 0;
    best->begun = true;
    return AE_OK;
}

static int32_t get_online(ae__loading *l, ae__reader *r)
{
    ae__online *online = &l->model->trained.online;
    AE_TRY(want_trained(l));
    online->steps = ae__read_u64(r);
    online->loss = ae__read_f64(r);
    if (online->steps < 1 || online->steps > l->model->trained.steps || !isfinite(online->loss))
        return ae__malformed("has a running loss that cannot be");
    return AE_OK;
}

static int32_t get_pending(ae__loading *l, ae__reader *r)
{
    ae__trained *trained = &l->model->trained;
    AE_TRY(want_trained(l));
    uint64_t rows = ae__read_u64(r);
    double weight = ae__read_f64(r);
    if (rows < 1 || rows > trained->part_done || !(weight >= 0 && isfinite(weight)) ||
        !has_arrays(l, r, 1))
        return ae__malformed("has gradients of batches that cannot be");
    AE_TRY(ae__model_reserve_pending(l->model));
    trained->pending.rows = rows;
    trained->pending.weight = weight;
    return get_array(l, r, trained->pending.sum, "gradients");
}

static int32_t get_done(ae__loading *l, ae__reader *r)
{
    (void)r;
    if (l->states == l->trained) return AE_OK;
    return ae__malformed("has one of chunks trnd and stat without the other");
}

const ae__chunk ae__chunks[AE__CHUNKS] = {
    {"MODL", true, get_model},     {"LAYR", true, get_layers},   {"TERM", true, get_terms},
    {"OPTM", true, get_optimizer}, {"WGHT", true, get_weights},  {"SCAL", false, get_scaling},
    {"trnd", false, get_trained},  {"part", false, get_parts},   {"stat", false, get_states},
    {"data", false, get_data},     {"plat", false, get_plateau}, {"best", false, get_best},
    {"onli", false, get_online},   {"grad", false, get_pending}, {"DONE", true, get_done},
};
