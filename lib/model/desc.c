/* Building a description piece by piece; each piece is checked as far as it can be alone. */
#include "model/desc.h"

#include <stdio.h>
#include <string.h>

#include "base/status.h"
#include "layers/layer.h"
#include "optim/optim.h"
#include "terms/term.h"

void ae__desc_begin(ae__desc *desc)
{
    *desc = (ae__desc){0};
    ae__spec_begin_scope(&desc->model, AE_SCOPE_MODEL);
    ae__spec_begin_scope(&desc->run, AE_SCOPE_RUN);
    ae__spec_begin_optim(&desc->optim, AE_OPTIM_ADAM);
}

void ae__desc_free(ae__desc *desc, const ae_allocator *mem)
{
    ae__mem_free(mem, desc->layers);
    ae__mem_free(mem, desc->terms);
    desc->layers = desc->terms = NULL;
}

/* An exact copy of n specs; NULL for none. */
static bool copy_specs(ae__spec **out, const ae__spec *specs, int32_t n, const ae_allocator *mem)
{
    *out = NULL;
    if (n == 0) return true;
    *out = ae__mem_array(mem, (size_t)n, sizeof **out);
    if (*out) memcpy(*out, specs, (size_t)n * sizeof **out);
    return *out != NULL;
}

int32_t ae__desc_copy(ae__desc *out, const ae__desc *desc, const ae_allocator *mem)
{
    *out = *desc;
    if (copy_specs(&out->layers, desc->layers, desc->n_layers, mem) &&
        copy_specs(&out->terms, desc->terms, desc->n_terms, mem))
        return AE_OK;
    ae__mem_free(mem, out->layers);
    *out = (ae__desc){0};
    return ae__fail(AE_ERR_NOMEM, "config: no memory for its copy");
}

int32_t ae__desc_input(ae__desc *desc, int32_t rank, const int64_t *dims)
{
    static const char *const names[][AE__MAX_RANK] = {
        {"dimension"}, {"length", "channels"}, {"height", "width", "channels"}};
    ae__shape shape = {.rank = rank};
    int64_t most = AE__MAX_DIM;
    if (desc->input.rank) return ae__fail(AE_ERR_STATE, "input: set before");
    for (int32_t i = 0; i < rank; i++) {
        if (dims[i] < 1 || dims[i] > most)
            return ae__fail(AE_ERR_RANGE, "input: %s is %lld, wanted 1 to %lld%s",
                            names[rank - 1][i], (long long)dims[i], (long long)most,
                            i ? ", for at most 2^24 numbers in all" : "");
        shape.dims[i] = (size_t)dims[i];
        most /= dims[i];
    }
    desc->input = shape;
    return AE_OK;
}

/* Room for one more spec; arrays grow in steps of 8. */
static int32_t grow(ae__spec **specs, int32_t used, int32_t most, const ae_allocator *mem,
                    const char *what)
{
    size_t n = (size_t)used;
    if (used == most) return ae__fail(AE_ERR_RANGE, "config: more than %d %s", (int)most, what);
    if (n % 8 == 0 && !ae__mem_grow(mem, (void **)specs, n, n + 8, sizeof **specs))
        return ae__fail(AE_ERR_NOMEM, "config: no memory for %d %s", (int)used + 1, what);
    return AE_OK;
}

int32_t ae__desc_layer(ae__desc *desc, const ae_allocator *mem, int32_t kind)
{
    ae__spec spec;
    if (!ae__spec_begin_layer(&spec, kind))
        return ae__fail(AE_ERR_INVALID, "layer #%d: there is no kind %d", (int)desc->n_layers,
                        (int)kind);
    if (!desc->input.rank)
        return ae__fail(AE_ERR_STATE, "%s #%d: no input yet; call ae_config_input first",
                        ae__layer_of(kind)->name, (int)desc->n_layers);
    AE_TRY(grow(&desc->layers, desc->n_layers, AE__MAX_LAYERS, mem, "layers"));
    desc->layers[desc->n_layers++] = spec;
    return AE_OK;
}

int32_t ae__desc_term(ae__desc *desc, const ae_allocator *mem, int32_t kind)
{
    ae__spec spec;
    if (!ae__spec_begin_term(&spec, kind))
        return ae__fail(AE_ERR_INVALID, "loss: there is no kind %d", (int)kind);
    AE_TRY(grow(&desc->terms, desc->n_terms, AE__MAX_TERMS, mem, "losses"));
    desc->terms[desc->n_terms++] = spec;
    return AE_OK;
}

int32_t ae__desc_code(ae__desc *desc)
{
    if (!desc->n_layers) return ae__fail(AE_ERR_STATE, "code: no layer yet");
    if (desc->code)
        return ae__fail(AE_ERR_STATE, "code: marked before, after layer #%d", (int)desc->code - 1);
    desc->code = desc->n_layers;
    return AE_OK;
}

int32_t ae__desc_optim(ae__desc *desc, int32_t kind)
{
    if (!ae__spec_begin_optim(&desc->optim, kind))
        return ae__fail(AE_ERR_INVALID, "optimizer: there is no kind %d", (int)kind);
    return AE_OK;
}

/* The spec added last, or STATE. */
static int32_t last(ae__spec *specs, int32_t n, const char *what, const char *kind, ae__spec **spec,
                    char *owner)
{
    if (n == 0) return ae__fail(AE_ERR_STATE, "%s: none was added yet", what);
    snprintf(owner, AE__OWNER, "%s #%d", kind, (int)n - 1);
    *spec = &specs[n - 1];
    return AE_OK;
}

int32_t ae__desc_spec(ae__desc *desc, int32_t param, ae__spec **spec, char *owner)
{
    const ae__param *row = ae__param_of(param);
    int32_t n = desc->n_layers, terms = desc->n_terms;
    if (!row)
        return ae__fail(AE_ERR_INVALID, "config: no parameter has number %d, wanted an AE_PARAM_*",
                        (int)param);
    snprintf(owner, AE__OWNER, "config");
    switch (row->scope) {
    case AE_SCOPE_LAYER:
        return last(desc->layers, n, "layer", n ? ae__layer_of(desc->layers[n - 1].kind)->name : "",
                    spec, owner);
    case AE_SCOPE_TERM:
        return last(desc->terms, terms, "loss",
                    terms ? ae__term_of(desc->terms[terms - 1].kind)->name : "", spec, owner);
    case AE_SCOPE_OPTIM:
        snprintf(owner, AE__OWNER, "optimizer %s", ae__optim_of(desc->optim.kind)->name);
        *spec = &desc->optim;
        return AE_OK;
    default: /* FIT is no spec of a config: its look-up there fails with a message */
        *spec = row->scope == AE_SCOPE_RUN ? &desc->run : &desc->model;
        return AE_OK;
    }
}
