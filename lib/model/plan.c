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
    layer->keeps_z = i < plan->n_layers - 1 && ae__activation_keeps_input(layer->info.activation);
    plan->widest = ae__max_size(plan->widest, ae__row_stride(layer->out));
    plan->samples *= layer->info.row_factor;
    return AE_OK;
}

/* Notes the layers of which a chain has one, or of one form. */
static int32_t note_layer(ae__plan *plan, int32_t i)
{
    const ae__layer_plan *layer = &plan->layers[i];
    if (layer->ops->draws && plan->sampler >= 0)
        return ae__fail(AE_ERR_SHAPE, "%s #%d: layer #%d draws already, wanted one at most",
                        layer->ops->name, (int)i, (int)plan->sampler);
    if (layer->ops->draws) plan->sampler = i;
    if (!layer->ops->side) return AE_OK;
    if (plan->side < 0) plan->side = i;
    const ae__spec *first = plan->layers[plan->side].spec;
    static const int32_t form[] = {AE_PARAM_SIDE, AE_PARAM_LABEL};
    for (size_t p = 0; p < sizeof form / sizeof *form; p++) {
        int64_t got = ae__spec_i64(layer->spec, form[p]), want = ae__spec_i64(first, form[p]);
        if (got != want)
            return ae__fail(AE_ERR_SHAPE, "%s #%d: %s is %lld, wanted layer #%d's %lld",
                            layer->ops->name, (int)i, ae__param_of(form[p])->name, (long long)got,
                            (int)plan->side, (long long)want);
    }
    return AE_OK;
}

/* Finds the array that `slot` of layer i is tied to: the same name, rows and columns. */
static int32_t tie(ae__plan *plan, int32_t i, int32_t slot)
{
    ae__layer_plan *layer = &plan->layers[i];
    const ae__weight_info *want = &layer->info.weights[slot];
    const ae__weight *owner;
    if (want->tied_to >= i)
        return ae__fail(AE_ERR_SHAPE, "tied to layer #%d, wanted an earlier one",
                        (int)want->tied_to);
    owner = ae__plan_weight(plan, want->tied_to, want->name);
    if (!owner)
        return ae__fail(AE_ERR_SHAPE, "tied to layer #%d, which has no %s of its own",
                        (int)want->tied_to, want->name);
    if (owner->info.rows != want->rows || owner->info.cols != want->cols)
        return ae__fail(AE_ERR_SHAPE, "tied to layer #%d's %s of %zu x %zu, wanted %zu x %zu",
                        (int)want->tied_to, want->name, owner->info.rows, owner->info.cols,
                        want->rows, want->cols);
    layer->weights[slot] = (int32_t)(owner - plan->weights);
    plan->weights[layer->weights[slot]].last = i;
    return AE_OK;
}

/* Appends one array to the vector of weights, and gives its number. */
static int32_t append(ae__plan *plan, int32_t layer, int32_t slot, const ae__weight_info *info,
                      int32_t *number)
{
    ae__weight *weight = &plan->weights[plan->n_weights];
    size_t align = AE__ALIGN / sizeof(real), end;
    if (!ae__mul_size(info->rows, info->cols, &weight->count) ||
        !ae__add_size(plan->weight_reals, weight->count, &end) ||
        end > PTRDIFF_MAX / sizeof(real) / 8)
        return ae__fail(AE_ERR_RANGE, "weights overflow");
    weight->info = *info;
    weight->layer = weight->last = layer;
    weight->slot = slot;
    weight->offset = plan->weight_reals;
    plan->weight_reals = ae__round_up(end, align);
    plan->weight_count += weight->count;
    *number = plan->n_weights++;
    return AE_OK;
}

static int32_t lay_out_layer(ae__plan *plan, int32_t i)
{
    ae__layer_plan *layer = &plan->layers[i];
    for (int32_t slot = 0; slot < layer->info.n_weights; slot++) {
        const ae__weight_info *info = &layer->info.weights[slot];
        int32_t status = info->tied_to >= 0 ? tie(plan, i, slot)
                                            : append(plan, i, slot, info, &layer->weights[slot]);
        if (status != AE_OK) return blame(status, layer->ops->name, i);
    }
    return AE_OK;
}

/* Something is there to be trained, and after the last layer that appends a side. */
static int32_t check_weights(const ae__plan *plan)
{
    int32_t i = plan->n_layers - 1;
    if (plan->lowest == plan->n_layers)
        return ae__fail(AE_ERR_SHAPE, "config: no layer has weights");
    for (; !plan->layers[i].info.n_weights; i--) {
        if (plan->layers[i].ops->side)
            return ae__fail(AE_ERR_SHAPE, "%s #%d: wanted a layer with weights after it",
                            plan->layers[i].ops->name, (int)i);
    }
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
        AE_TRY(note_layer(plan, i));
        AE_TRY(lay_out_layer(plan, i));
        if (plan->lowest == plan->n_layers && is_stepped(&plan->layers[i].info)) plan->lowest = i;
    }
    return check_weights(plan);
}

/* A loss whose features have weights keeps them last of its arrays. */
static void infer_features(ae__plan *plan, ae__term_plan *term, size_t dim)
{
    const ae__value *weighs = ae__spec_find(term->spec, AE_PARAM_FEATURE_WEIGHTS);
    term->features = -1;
    if (!weighs || !weighs->i64) return;
    term->features = term->info.n_weights++;
    term->info.weights[term->features] = (ae__weight_info){.name = "feature_weight",
                                                           .rows = 1,
                                                           .cols = dim,
                                                           .first = 1,
                                                           .state = true,
                                                           .weighs = true,
                                                           .tied_to = -1};
    plan->weighs_features = true;
}

static int32_t infer_term(ae__plan *plan, int32_t i)
{
    ae__term_plan *term = &plan->terms[i];
    term->spec = &plan->desc->terms[i];
    term->ops = ae__term_of(term->spec->kind);
    const ae__value *layer = ae__spec_find(term->spec, AE_PARAM_LAYER);
    term->layer = layer && layer->i64 >= 0 ? (int32_t)layer->i64 : plan->n_layers - 1;
    if (term->layer >= plan->n_layers)
        return ae__fail(AE_ERR_SHAPE, "%s #%d: on layer #%d, wanted one of %d", term->ops->name,
                        (int)i, (int)term->layer, (int)plan->n_layers);
    const ae__layer_plan *on = &plan->layers[term->layer];
    const ae__term_site site = {on->ops->name, on->ops->draws, on->info.activation, on->out};
    int32_t status = term->ops->infer ? term->ops->infer(term->spec, &site, &term->info) : AE_OK;
    if (status != AE_OK) return blame(status, term->ops->name, i);
    plan->bounded |= term->ops->unit_targets;
    if (term->ops->unit_targets &&
        ae__spec_i64(&plan->desc->model, AE_PARAM_SCALING_TARGET) == AE_SCALING_STANDARD)
        return ae__fail(AE_ERR_INVALID,
                        "%s #%d: wants targets from 0 to 1: scaling_target is standard, wanted "
                        "min_max or none",
                        term->ops->name, (int)i);
    infer_features(plan, term, on->out);
    term->tally = plan->n_parts;
    plan->n_parts += term->info.tallies;
    for (int32_t slot = 0; status == AE_OK && slot < term->info.n_weights; slot++)
        status =
            append(plan, plan->n_layers + i, slot, &term->info.weights[slot], &term->weights[slot]);
    return status == AE_OK ? AE_OK : blame(status, term->ops->name, i);
}

/* The importance-weighted bound is one of densities alone. */
static int32_t check_bound(const ae__plan *plan)
{
    if (!plan->importance) return AE_OK;
    if (plan->sampler < 0)
        return ae__fail(AE_ERR_INVALID,
                        "config: bound is importance, wanted a gaussian layer to weigh samples of");
    for (int32_t i = 0; i < plan->n_terms; i++) {
        if (!plan->terms[i].ops->density)
            return ae__fail(AE_ERR_INVALID,
                            "%s #%d: is no log-density, which the importance bound is made of",
                            plan->terms[i].ops->name, (int)i);
        const ae__value *free_bits = ae__spec_find(plan->terms[i].spec, AE_PARAM_FREE_BITS);
        if (free_bits && free_bits->f64 > 0)
            return ae__fail(AE_ERR_INVALID,
                            "%s #%d: free_bits is %g, which the importance bound has no place for",
                            plan->terms[i].ops->name, (int)i, free_bits->f64);
    }
    if (ae__plan_likelihood(plan)) return AE_OK;
    return ae__fail(AE_ERR_INVALID,
                    "config: bound is importance, wanted one loss and AE_PENALTY_KL");
}

/* A file cannot ask for tallies without bytes of weights. */
static int32_t check_tallies(const ae__plan *plan)
{
    const size_t tallies = plan->n_parts - AE__PART_TERM - (size_t)plan->n_terms;
    if (tallies <= plan->weight_count) return AE_OK;
    return ae__fail(AE_ERR_SHAPE,
                    "config: penalties keep %zu sums, wanted at most %zu, one a weight", tallies,
                    plan->weight_count);
}

static int32_t infer_terms(ae__plan *plan)
{
    plan->n_parts = AE__PART_TERM + (size_t)plan->n_terms;
    for (int32_t i = 0; i < plan->n_terms; i++) AE_TRY(infer_term(plan, i));
    AE_TRY(check_tallies(plan));
    return check_bound(plan);
}

/* The last layer's product computes the loss where it is the only term there, of one row for each
 * target. */
static bool fuses_loss(const ae__plan *plan)
{
    int32_t last = plan->n_layers - 1, there = 0, losses = 0;
    for (int32_t i = 0; i < plan->n_terms; i++) {
        there += plan->terms[i].layer == last;
        losses += plan->terms[i].ops->element != AE__ELEMENT_NONE;
    }
    return there == 1 && losses == 1 && plan->samples == 1 && plan->layers[last].ops->fuses_loss;
}

static bool read_by_term(const ae__plan *plan, int32_t i)
{
    for (int32_t t = 0; t < plan->n_terms; t++) {
        if (plan->terms[t].layer == i) return true;
    }
    return false;
}

/* Finds layers that the next one, or the one before, can do on its way: where nobody else wants what
 * comes between. */
static void merge_layers(ae__plan *plan)
{
    for (int32_t i = 0; i < plan->n_layers - 1; i++) {
        ae__layer_plan *layer = &plan->layers[i], *next = layer + 1;
        const bool between = i + 1 != plan->desc->code && !read_by_term(plan, i);
        layer->merged = between && next->ops->merges &&
                        next->ops->merges(next->spec, layer->spec, &layer->in_shape);
        layer->folds = between && layer->ops->folds && next->ops->kind == AE__LAYER_BATCH_NORM &&
                       i + 2 < plan->n_layers && layer->info.activation == AE_ACT_LINEAR;
        next->turn = layer->merged || layer->folds ? layer->turn : !layer->turn;
    }
}

/* Finds the runs of layers between which images may stay in blocks: from a layer that takes rows or
 * blocks, over layers that want both sides alike, to the next that takes either. Terms read rows. */
static void find_blocks(ae__plan *plan)
{
    for (int32_t from = 0, to; from < plan->n_layers - 1; from = to) {
        bool blocked = plan->layers[from].ops->blocks && !plan->layers[from].ops->same_layout;
        for (to = from + 1; to < plan->n_layers && plan->layers[to].ops->same_layout; to++) {
        }
        blocked = blocked && to < plan->n_layers && plan->layers[to].ops->blocks;
        for (int32_t i = from; i < to; i++) blocked = blocked && !read_by_term(plan, i);
        for (int32_t i = from; i < to && i < plan->n_layers; i++) {
            plan->layers[i].blocked = blocked;
            plan->layers[i].from = from;
            plan->layers[i].to = to;
        }
        plan->images |= blocked;
    }
}

/* Whether no row of a batch knows of the others. */
static bool rows_are_alone(const ae__plan *plan)
{
    bool alone = plan->samples == 1;
    for (int32_t i = 0; i < plan->n_weights; i++)
        alone = alone && (!plan->weights[i].info.state || plan->weights[i].info.weighs);
    for (int32_t i = 0; i < plan->n_layers; i++) alone = alone && !plan->layers[i].info.saved;
    for (int32_t i = 0; i < plan->n_terms; i++)
        alone = alone && !plan->terms[i].ops->whole &&
                plan->terms[i].info.n_weights == (plan->terms[i].features >= 0);
    return alone;
}

/* Images go in portions where these have more numbers in them than the gradients that each makes. */
static bool takes_portions(const ae__plan *plan)
{
    size_t row = 0;
    for (int32_t i = 0; i < plan->n_layers; i++) row += plan->layers[i].out;
    return plan->images && rows_are_alone(plan) && plan->weight_reals / AE__MAX_LANES <= row;
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
    merge_layers(plan);
    find_blocks(plan);
    if (plan->images) plan->chunk = ae__round_up(plan->chunk, AE__MAX_LANES);
    plan->portions = takes_portions(plan);
}

static int32_t allocate(ae__plan *plan, const ae_allocator *mem)
{
    size_t n = (size_t)plan->n_layers, terms = (size_t)plan->n_terms;
    size_t weights = n * AE__LAYER_WEIGHTS + terms * AE__TERM_WEIGHTS;
    plan->layers = ae__mem_array(mem, n, sizeof *plan->layers);
    plan->weights = ae__mem_array(mem, weights, sizeof *plan->weights);
    if (terms) plan->terms = ae__mem_array(mem, terms, sizeof *plan->terms);
    if (plan->layers && plan->weights && (plan->terms || !terms)) return AE_OK;
    return ae__fail(AE_ERR_NOMEM, "model: no memory for a plan of %zu layers", n);
}

bool ae__plan_shrink(ae__plan *plan)
{
    if (plan->chunk == 1) return false;
    plan->chunk /= 2;
    if (plan->images && plan->chunk > AE__MAX_LANES)
        plan->chunk = ae__round_up(plan->chunk, AE__MAX_LANES);
    return true;
}

int32_t ae__plan_create(ae__plan *plan, const ae__desc *desc, const ae_allocator *mem)
{
    int32_t status = check_chain(desc);
    *plan =
        (ae__plan){.desc = desc,
                   .n_layers = desc->n_layers,
                   .n_terms = desc->n_terms,
                   .sampler = -1,
                   .side = -1,
                   .importance = ae__spec_i64(&desc->model, AE_PARAM_BOUND) == AE_BOUND_IMPORTANCE,
                   .missing = ae__spec_i64(&desc->model, AE_PARAM_MISSING) != 0,
                   .samples = 1};
    if (status == AE_OK) status = allocate(plan, mem);
    if (status == AE_OK) status = lay_out(plan);
    if (status == AE_OK) status = infer_terms(plan);
    if (status == AE_OK)
        choose_sizes(plan);
    else
        ae__plan_free(plan, mem);
    return status;
}

void ae__plan_free(ae__plan *plan, const ae_allocator *mem)
{
    ae__mem_free(mem, plan->layers);
    ae__mem_free(mem, plan->terms);
    ae__mem_free(mem, plan->weights);
    *plan = (ae__plan){0};
}

size_t ae__plan_classes(const ae__plan *plan)
{
    const ae__spec *spec = plan->side < 0 ? NULL : plan->layers[plan->side].spec;
    bool label = spec && ae__spec_i64(spec, AE_PARAM_LABEL);
    return label ? (size_t)ae__spec_i64(spec, AE_PARAM_SIDE) : 0;
}

size_t ae__plan_side(const ae__plan *plan)
{
    if (plan->side < 0) return 0;
    if (ae__plan_classes(plan)) return 1;
    return (size_t)ae__spec_i64(plan->layers[plan->side].spec, AE_PARAM_SIDE);
}

bool ae__plan_code_drawn(const ae__plan *plan)
{
    return plan->sampler >= 0 && plan->sampler == plan->desc->code - 1;
}

bool ae__plan_folds(const ae__plan *plan, int32_t i, int32_t last, int32_t mode)
{
    return plan->layers[i].folds && i + 1 < last && mode != AE__MODE_TRAIN;
}

int32_t ae__plan_below(const ae__plan *plan, int32_t i)
{
    return i > 0 && plan->layers[i - 1].merged ? i - 2 : i - 1;
}

bool ae__plan_blocked(const ae__plan *plan, const ae__engine *engine, int32_t i, int32_t first,
                      int32_t last, size_t rows)
{
    const ae__layer_plan *layer = &plan->layers[i];
    return layer->blocked && first <= layer->from && layer->to < last &&
           rows >= engine->kernels->lanes;
}

int32_t ae__plan_scratch(const ae__plan *plan, const ae__engine *engine, size_t rows, bool training,
                         size_t *reals)
{
    *reals = 0;
    for (int32_t i = 0; i < plan->n_layers; i++) {
        const ae__layer_plan *layer = &plan->layers[i];
        const ae__layer_need need = {.spec = layer->spec,
                                     .merged =
                                         ae__plan_below(plan, i) < i - 1 ? layer[-1].spec : NULL,
                                     .folds = layer->folds,
                                     .in = &plan->layers[ae__plan_below(plan, i) + 1].in_shape,
                                     .info = &layer->info,
                                     .engine = engine,
                                     .rows = rows * layer->repeat,
                                     .training = training};
        size_t n;
        if (!layer->ops->scratch) continue;
        if (!layer->ops->scratch(&need, &n) || n > PTRDIFF_MAX / sizeof(real))
            return ae__fail(AE_ERR_RANGE, "%s #%d: memory overflows", layer->ops->name, (int)i);
        *reals = ae__max_size(*reals, n);
    }
    return AE_OK;
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

real **ae__plan_elements(const ae__plan *plan, ae__arena *arena, size_t rows)
{
    real **element = ae__arena_take(arena, (size_t)plan->n_terms, sizeof *element);
    for (int32_t i = 0; i < plan->n_terms; i++) {
        const ae__term_plan *term = &plan->terms[i];
        real *of = NULL;
        if (!term->ops->penalty && (plan->missing || term->features >= 0))
            of = ae__arena_take(arena, plan->missing ? rows : 1,
                                ae__row_stride(ae__plan_output(plan)) * sizeof *of);
        if (element) element[i] = of;
    }
    return element;
}

bool ae__plan_likelihood(const ae__plan *plan)
{
    int32_t n[2] = {0, 0};
    for (int32_t i = 0; i < plan->n_terms; i++)
        if (plan->terms[i].ops->density) n[plan->terms[i].ops->penalty]++;
    return n[false] == 1 && n[true] == 1;
}

const ae__weight *ae__plan_weight(const ae__plan *plan, int32_t layer, const char *name)
{
    for (int32_t i = 0; i < plan->n_weights; i++) {
        if (plan->weights[i].layer == layer && strcmp(plan->weights[i].info.name, name) == 0)
            return &plan->weights[i];
    }
    return NULL;
}
