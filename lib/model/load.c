/* Reading a model from bytes that may be anything: every count is held against the bytes that
 * remain before memory is asked for, tags are looked up, and the description goes through the same
 * checks and the same planner as one made by calls. */
#include <math.h>
#include <string.h>

#include "base/crc32.h"
#include "base/size.h"
#include "base/status.h"
#include "model/file.h"

typedef struct loading {
    const ae_allocator *mem;
    ae__desc desc;
    ae_model *model; /* made when the description is complete, at the first weights */
} loading;

static int32_t malformed(const char *what)
{
    return ae__fail(AE_ERR_FORMAT, "file: %s", what);
}

/* A count that cannot be more than the bytes left, each thing being at least `least` bytes. */
static int32_t get_count(ae__reader *r, size_t least, uint32_t most, const char *what,
                         uint32_t *count)
{
    *count = ae__read_u32(r);
    if (r->truncated) return ae__fail(AE_ERR_FORMAT, "file: ends before the number of %s", what);
    if (*count > most || *count > ae__read_left(r) / least)
        return ae__fail(AE_ERR_FORMAT, "file: %u %s, wanted at most %u, in the bytes there are",
                        (unsigned)*count, what, (unsigned)most);
    return AE_OK;
}

/* Replaces the code of a description's failure: in a file it is damage, or a newer version. */
static int32_t refuse(int32_t status, int32_t code)
{
    char reason[256];
    if (status == AE_OK || status == AE_ERR_NOMEM) return status;
    memcpy(reason, ae__message(), sizeof reason);
    return ae__fail(code, "file: %s", reason);
}

static int32_t get_value(ae__reader *r, ae__spec *spec, uint64_t *seen)
{
    int32_t id = (int32_t)ae__read_u32(r);
    ae__number number = {.type = (int32_t)ae__read_u32(r)};
    const ae__value *value = ae__spec_find(spec, id);
    if (number.type == AE_TYPE_F64)
        number.f64 = ae__read_f64(r);
    else
        number.i64 = (int64_t)ae__read_u64(r);
    if (r->truncated) return malformed("ends within a parameter");
    if (!ae__param_of(id))
        return ae__fail(AE_ERR_VERSION, "file: needs a newer libae: parameter %d", (int)id);
    if (value) {
        uint64_t bit = UINT64_C(1) << (value - spec->values);
        if (*seen & bit) return malformed("holds a parameter twice");
        *seen |= bit;
    }
    return refuse(ae__spec_set(spec, "parameters", id, number), AE_ERR_FORMAT);
}

static int32_t get_values(ae__reader *r, ae__spec *spec)
{
    uint32_t count;
    uint64_t seen = 0;
    AE_TRY(get_count(r, 16, AE__MAX_VALUES, "parameters", &count));
    for (uint32_t i = 0; i < count; i++) AE_TRY(get_value(r, spec, &seen));
    return AE_OK;
}

static int32_t get_model(loading *l, ae__reader *r)
{
    uint32_t rank = ae__read_u32(r);
    if (rank != 1)
        return ae__fail(AE_ERR_FORMAT, "file: input has rank %u, wanted 1", (unsigned)rank);
    uint64_t dim = ae__read_u64(r);
    AE_TRY(refuse(ae__desc_input(&l->desc, dim > INT64_MAX ? -1 : (int64_t)dim), AE_ERR_FORMAT));
    l->desc.code = (int32_t)ae__read_u32(r); /* checked when the layers are known */
    return get_values(r, &l->desc.model);
}

static int32_t get_layers(loading *l, ae__reader *r)
{
    uint32_t count;
    AE_TRY(get_count(r, 8, AE__MAX_LAYERS, "layers", &count));
    for (uint32_t i = 0; i < count; i++) {
        int32_t kind = (int32_t)ae__read_u32(r);
        AE_TRY(refuse(ae__desc_layer(&l->desc, l->mem, kind), AE_ERR_VERSION));
        AE_TRY(get_values(r, &l->desc.layers[i]));
    }
    if (l->desc.code < 1 || l->desc.code > l->desc.n_layers)
        return ae__fail(AE_ERR_FORMAT, "file: encoder of %d layers among %d", (int)l->desc.code,
                        (int)l->desc.n_layers);
    return AE_OK;
}

static int32_t get_terms(loading *l, ae__reader *r)
{
    uint32_t count;
    AE_TRY(get_count(r, 8, AE__MAX_TERMS, "losses", &count));
    for (uint32_t i = 0; i < count; i++) {
        int32_t kind = (int32_t)ae__read_u32(r);
        AE_TRY(refuse(ae__desc_term(&l->desc, l->mem, kind), AE_ERR_VERSION));
        AE_TRY(get_values(r, &l->desc.terms[i]));
    }
    return AE_OK;
}

static int32_t get_optimizer(loading *l, ae__reader *r)
{
    uint32_t count;
    AE_TRY(get_count(r, 8, 1, "optimizers", &count));
    if (count != 1) return malformed("has no optimizer");
    AE_TRY(refuse(ae__desc_optim(&l->desc, (int32_t)ae__read_u32(r)), AE_ERR_VERSION));
    return get_values(r, &l->desc.optim);
}

static int32_t get_reals(ae__reader *r, real *values, size_t n, const char *what)
{
    for (size_t i = 0; i < n; i++) {
        float value = ae__read_f32(r);
        if (!isfinite(value))
            return ae__fail(AE_ERR_NONFINITE, "file: %s hold %g", what, (double)value);
        values[i] = (real)value;
    }
    return r->truncated ? ae__fail(AE_ERR_FORMAT, "file: ends within the %s", what) : AE_OK;
}

/* Plans the description first, so that no weights are made room for that are not in the file. */
static int32_t make_model(loading *l, const ae__reader *r)
{
    ae__plan plan;
    AE_TRY(refuse(ae__plan_create(&plan, &l->desc, l->mem), AE_ERR_FORMAT));
    bool there = plan.weight_count <= ae__read_left(r) / sizeof(float);
    ae__plan_free(&plan, l->mem);
    if (!there) return malformed("has fewer weights than its layers need");
    return ae__model_create(&l->model, &l->desc, l->mem);
}

static int32_t get_weight(ae_model *model, ae__reader *r, const ae__weight *weight)
{
    uint32_t layer = ae__read_u32(r), slot = ae__read_u32(r);
    uint64_t rows = ae__read_u64(r), cols = ae__read_u64(r);
    if (layer != (uint32_t)weight->layer || slot != (uint32_t)weight->slot ||
        rows != weight->info.rows || cols != weight->info.cols)
        return ae__fail(
            AE_ERR_FORMAT, "file: weights %u.%u of %llu x %llu, wanted %d.%d of %zu x %zu",
            (unsigned)layer, (unsigned)slot, (unsigned long long)rows, (unsigned long long)cols,
            (int)weight->layer, (int)weight->slot, weight->info.rows, weight->info.cols);
    return get_reals(r, model->weights + weight->offset, weight->count, "weights");
}

static int32_t get_weights(loading *l, ae__reader *r)
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

static int32_t get_trained(loading *l, ae__reader *r)
{
    ae__trained *trained = &l->model->trained;
    const uint64_t most_epochs = (UINT64_C(1) << 24) - 1, most_rows = (UINT64_C(1) << 40) - 1;
    uint64_t epochs = ae__read_u64(r), steps = ae__read_u64(r);
    uint64_t part_rows = ae__read_u64(r), part_done = ae__read_u64(r);
    double part_sum = ae__read_f64(r);
    uint32_t metrics = ae__read_u32(r);
    if (epochs > most_epochs || steps > INT64_MAX || part_rows > most_rows ||
        part_done > part_rows || !isfinite(part_sum))
        return malformed("has counts of training that cannot be");
    if (metrics != AE__METRICS || ae__read_left(r) != epochs * AE__METRICS * sizeof(double))
        return malformed("has a history of another length");
    AE_TRY(ae__model_reserve_history(l->model, (size_t)epochs));
    for (int32_t i = 0; i < AE__METRICS; i++) {
        for (uint64_t e = 0; e < epochs; e++) trained->history[i][e] = ae__read_f64(r);
    }
    trained->epochs = epochs;
    trained->steps = steps;
    trained->part_rows = part_rows;
    trained->part_done = part_done;
    trained->part_sum = part_sum;
    return AE_OK;
}

static int32_t get_states(loading *l, ae__reader *r)
{
    ae__trained *trained = &l->model->trained;
    const ae__plan *plan = &l->model->plan;
    uint32_t count = ae__read_u32(r);
    if (count > AE__OPTIM_STATES ||
        ae__read_left(r) != (uint64_t)count * plan->weight_count * sizeof(float))
        return malformed("has optimiser states of another length");
    AE_TRY(ae__model_reserve_states(l->model, (int32_t)count));
    for (uint32_t s = 0; s < count; s++) {
        for (int32_t i = 0; i < plan->n_weights; i++)
            AE_TRY(get_reals(r, trained->states[s] + plan->weights[i].offset,
                             plan->weights[i].count, "optimiser states"));
    }
    return AE_OK;
}

static int32_t get_nothing(loading *l, ae__reader *r)
{
    (void)l;
    (void)r;
    return AE_OK;
}

typedef struct chunk {
    char tag[5];
    int32_t (*get)(loading *l, ae__reader *r);
} chunk;

/* In the order of the file; those in capitals must be there. */
static const chunk chunks[] = {
    {"MODL", get_model},   {"LAYR", get_layers},  {"TERM", get_terms},  {"OPTM", get_optimizer},
    {"WGHT", get_weights}, {"trnd", get_trained}, {"stat", get_states}, {"DONE", get_nothing},
};

enum { CHUNKS = sizeof chunks / sizeof *chunks };

static bool critical(const char *tag)
{
    return tag[0] >= 'A' && tag[0] <= 'Z';
}

/* The chunk with this tag from number `next` on, passing over none that must be there; CHUNKS: an
 * unknown one that may be skipped. */
static int32_t look_up(const char *tag, size_t next, size_t *found)
{
    for (size_t i = 0; i < CHUNKS; i++) {
        if (memcmp(chunks[i].tag, tag, 4) != 0) continue;
        *found = i;
        if (i < next)
            return ae__fail(AE_ERR_FORMAT, "file: chunk %s is out of order", chunks[i].tag);
        for (; next < i; next++) {
            if (critical(chunks[next].tag))
                return ae__fail(AE_ERR_FORMAT, "file: chunk %s is missing", chunks[next].tag);
        }
        return AE_OK;
    }
    *found = CHUNKS;
    if (!critical(tag)) return AE_OK;
    return ae__fail(AE_ERR_VERSION, "file: needs a newer libae: chunk %.4s", tag);
}

/* The next chunk's tag and payload, its CRC checked. */
static int32_t get_chunk(ae__reader *r, const char **tag, ae__reader *payload)
{
    const uint8_t *begin = r->bytes + r->at;
    *tag = (const char *)ae__read_bytes(r, 4);
    uint64_t length = ae__read_u64(r);
    if (r->truncated || length > ae__read_left(r) || ae__read_left(r) - length < 4)
        return malformed("ends within a chunk");
    *payload = (ae__reader){.bytes = ae__read_bytes(r, (size_t)length), .count = (size_t)length};
    if (ae__read_u32(r) != ae__crc32(0, begin, 12 + (size_t)length))
        return malformed("a chunk's CRC-32 does not match: damaged");
    return AE_OK;
}

static int32_t get_chunks(loading *l, ae__reader *r)
{
    size_t next = 0, found = 0;
    while (next < CHUNKS) {
        const char *tag;
        ae__reader payload;
        AE_TRY(get_chunk(r, &tag, &payload));
        AE_TRY(look_up(tag, next, &found));
        if (found == CHUNKS) continue;
        AE_TRY(chunks[found].get(l, &payload));
        if (payload.truncated || ae__read_left(&payload))
            return ae__fail(AE_ERR_FORMAT, "file: chunk %s is too %s", chunks[found].tag,
                            payload.truncated ? "short" : "long");
        next = found + 1;
    }
    return ae__read_left(r) ? malformed("goes on after its end") : AE_OK;
}

static int32_t get_header(ae__reader *r)
{
    const uint8_t *magic = ae__read_bytes(r, AE__FILE_MAGIC_BYTES);
    if (!magic || memcmp(magic, AE__FILE_MAGIC, AE__FILE_MAGIC_BYTES) != 0)
        return malformed("is no .aem file: its first 8 bytes are others");
    uint32_t major = ae__read_u32(r);
    ae__read_u32(r); /* a newer minor version only adds what may be skipped */
    if (ae__read_u32(r) != ae__crc32(0, r->bytes, 16) || r->truncated)
        return malformed("the header's CRC-32 does not match: damaged");
    if (major == AE__FILE_MAJOR) return AE_OK;
    return ae__fail(AE_ERR_VERSION, "file: format %u, wanted %d", (unsigned)major, AE__FILE_MAJOR);
}

int32_t ae__file_load(ae_model **out, const uint8_t *bytes, size_t count, const ae_allocator *mem)
{
    loading l = {.mem = mem};
    ae__reader r = {.bytes = bytes, .count = count};
    *out = NULL;
    ae__desc_begin(&l.desc);
    int32_t status = get_header(&r);
    if (status == AE_OK) status = get_chunks(&l, &r);
    ae__desc_free(&l.desc, mem);
    if (status == AE_OK)
        *out = l.model;
    else
        ae__model_free(l.model);
    return status;
}
