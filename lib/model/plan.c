/* Planning: infer each layer, lay the weights out, check the terms. */
#include "model/plan.h"

#include <stdio.h>
#include <string.h>

#include "base/size.h"
#include "base/status.h"

enum { CHUNK_BYTES = 1 << 20 /* of the widest row buffer while inferring: half an L2 cache */ };
enum { CHUNK_LEAST = 8, CHUNK_MOST = 1024 };

/* Puts who is to blame before the message that a layer or a term left. */
static int32_t blame(int32_t status, const char *kind, int32_t number)
{
    char reason[200];
    snprintf(reason, sizeof reason, "%s", ae__message());
    return ae__fail(status, "%s #%d: %s", kind, (int)number, reason);
}

static int32_t infer_layer(ae__plan *plan, int32_t i)
{
    ae__layer_plan *layer = &plan->layers[i];
    layer->spec = &plan->desc->layers[i];
    layer->ops = ae__layer_of(layer->spec->kind);
    layer->in_shape = i ? plan->layers[i - 1].info.out : plan->desc->input;
    layer->in = ae__shape_size(&layer->in_shape);
    layer->repeat = i ? layer[-1].repeat * layer[-1].info.row_factor : 1;
    layer->info = (ae__layer_info){.row_factor = 1, .activation = AE_ACT_LINEAR};
    int32_t status = layer->ops->infer(layer->spec, &layer->in_shape, &layer->info);
    if (status != AE_OK) return blame(status, layer->ops->name, i);
    layer->out = ae__shape_size(&layer->info.out);
    plan->widest = ae__max_size(plan->widest, ae__layer_plan_reals(layer));
    return AE_OK;
}

/* Finds the array that `slot` of layer i is tied to: the same name, rows and columns. */
static int32_t tie(ae__plan *plan, int32_t i, int32_t slot)
{
    ae__layer_plan *layer = &plan->layers[i];
    const ae__weight_info *want = &layer->info.weights[slot];
    const char *kind = layer->ops->name;
    const ae__weight *owner;
    if (want->tied_to >= i)
        return ae__fail(AE_ERR_SHAPE, "%s #%d: tied to layer #%d, wanted an earlier one", kind,
                        (int)i, (int)want->tied_to);
    owner = ae__plan_weight(plan, want->tied_to, want->name);
    if (!owner)
        return ae__fail(AE_ERR_SHAPE, "%s #%d: tied to layer #%d, which has no %s of its own", kind,
                        (int)i, (int)want->tied_to, want->name);
    if (owner->info.rows != want->rows || owner->info.cols != want->cols)
        return ae__fail(AE_ERR_SHAPE,
                        "%s #%d: tied to layer #%d's %s of %zu x %zu, wanted %zu x %zu", kind,
                        (int)i, (int)want->tied_to, want->name, owner->info.rows, owner->info.cols,
                        want->rows, want->cols);
    layer->weights[slot] = (int32_t)(owner - plan->weights);
    plan->weights[layer->weights[slot]].last = i;
    return AE_OK;
}

/* Appends one array to the vector of weights. */
static int32_t append(ae__plan *plan, int32_t i, int32_t slot)
{
    const ae__weight_info *info = &plan->layers[i].info.weights[slot];
    ae__weight *weight = &plan->weights[plan->n_weights];
    size_t align = AE__ALIGN / sizeof(real), end;
    if (!ae__mul_size(info->rows, info->cols, &weight->count) ||
        !ae__add_size(plan->weight_reals, weight->count, &end) ||
        end > PTRDIFF_MAX / sizeof(real) / 8)
        return ae__fail(AE_ERR_RANGE, "%s #%d: weights overflow", plan->layers[i].ops->name,
                        (int)i);
    weight->info = *info;
    weight->layer = weight->last = i;
    weight->slot = slot;
    weight->offset = plan->weight_reals;
    plan->weight_reals = ae__round_up(end, align);
    plan->weight_count += weight->count;
    plan->layers[i].weights[slot] = plan->n_weights++;
    return AE_OK;
}

/* Whether the optimiser steps an array of the layer. */
static bool is_stepped(const ae__layer_info *info)
{
    int32_t slot = 0;
    while (slot < info->n_weights && info->weights[slot].state) slot++;
    return slot < info->n_weights;
}

static int32_t lay_out(ae__plan *plan)
{
    plan->lowest = plan->n_layers;
    for (int32_t i = 0; i < plan->n_layers; i++) {
        AE_TRY(infer_layer(plan, i));
        if (plan->lowest == plan->n_layers && is_stepped(&plan->layers[i].info)) plan->lowest = i;
        for (int32_t slot = 0; slot < plan->layers[i].info.n_weights; slot++) {
            bool tied = plan->layers[i].info.weights[slot].tied_to >= 0;
            AE_TRY(tied ? tie(plan, i, slot) : append(plan, i, slot));
        }
    }
    /* Every width is then that of some array, so that a file cannot ask for memory without
     * bytes. */
    if (plan->lowest == plan->n_layers)
        return ae__fail(AE_ERR_SHAPE, "config: no layer has weights");
    return AE_OK;
}

static int32_t check_terms(const ae__plan *plan)
{
    for (int32_t i = 0; i < plan->desc->n_terms; i++) {
        const ae__spec *spec = &plan->desc->terms[i];
        const ae__term_ops *ops = ae__term_of(spec->kind);
        int32_t layer = ae__plan_term_layer(plan, i);
        if (layer >= plan->n_layers)
            return ae__fail(AE_ERR_SHAPE, "%s #%d: on layer #%d, wanted one of %d", ops->name,
                            (int)i, (int)layer, (int)plan->n_layers);
        int32_t activation = plan->layers[layer].info.activation;
        int32_t status = ops->check ? ops->check(spec, activation) : AE_OK;
        if (status != AE_OK) return blame(status, ops->name, i);
    }
    return AE_OK;
}

/* The last layer's product computes the loss where it is the only term there. */
static bool fuses_loss(const ae__plan *plan)
{
    int32_t last = plan->n_layers - 1, there = 0, losses = 0;
    for (int32_t i = 0; i < plan->desc->n_terms; i++) {
        there += ae__plan_term_layer(plan, i) == last;
        losses += ae__term_of(plan->desc->terms[i].kind)->element != AE__ELEMENT_NONE;
    }
    return there == 1 && losses == 1 && plan->layers[last].ops->fuses_loss;
}

static int32_t check_chain(const ae__desc *desc)
{
    if (!desc->input.rank)
        return ae__fail(AE_ERR_STATE, "config: no input; call ae_config_input first");
    if (!desc->n_layers) return ae__fail(AE_ERR_STATE, "config: no layer; call ae_config_dense");
    if (!desc->code)
        return ae__fail(AE_ERR_STATE, "config: no code; call ae_config_code after the encoder");
    return AE_OK;
}

static void choose_sizes(ae__plan *plan)
{
    size_t input = ae__row_stride(plan->layers[0].in);
    size_t rows = CHUNK_BYTES / sizeof(real) / ae__max_size(plan->widest, input);
    plan->chunk = ae__min_size(ae__max_size(rows, CHUNK_LEAST), CHUNK_MOST);
    plan->fuse_loss = fuses_loss(plan);
}

int32_t ae__plan_create(ae__plan *plan, const ae__desc *desc, const ae_allocator *mem)
{
    int32_t status = check_chain(desc);
    size_t n = (size_t)desc->n_layers;
    *plan = (ae__plan){.desc = desc, .n_layers = desc->n_layers};
    if (status == AE_OK) {
        plan->layers = ae__mem_array(mem, n, sizeof *plan->layers);
        plan->weights = ae__mem_array(mem, n * AE__LAYER_WEIGHTS, sizeof *plan->weights);
        if (!plan->layers || !plan->weights)
            status = ae__fail(AE_ERR_NOMEM, "model: no memory for a plan of %zu layers", n);
    }
    if (status == AE_OK) status = lay_out(plan);
    if (status == AE_OK) status = check_terms(plan);
    if (status == AE_OK)
        choose_sizes(plan);
    else
        ae__plan_free(plan, mem);
    return status;
}

void ae__plan_free(ae__plan *plan, const ae_allocator *mem)
{
    ae__mem_free(mem, plan->layers);
    ae__mem_free(mem, plan->weights);
    *plan = (ae__plan){0};
}

int32_t ae__plan_term_layer(const ae__plan *plan, int32_t term)
{
    const ae__value *layer = ae__spec_find(&plan->desc->terms[term], AE_PARAM_LAYER);
    return layer && layer->i64 >= 0 ? (int32_t)layer->i64 : plan->n_layers - 1;
}

size_t ae__layer_plan_reals(const ae__layer_plan *layer)
{
    return layer->repeat * layer->info.row_factor * ae__row_stride(layer->out);
}

size_t ae__plan_output(const ae__plan *plan)
{
    return plan->layers[plan->n_layers - 1].out;
}

size_t ae__plan_code(const ae__plan *plan)
{
    return plan->layers[plan->desc->code - 1].out;
}

const ae__weight *ae__plan_weight(const ae__plan *plan, int32_t layer, const char *name)
{
    for (int32_t i = 0; i < plan->n_weights; i++) {
        if (plan->weights[i].layer == layer && strcmp(plan->weights[i].info.name, name) == 0)
            return &plan->weights[i];
    }
    return NULL;
}
