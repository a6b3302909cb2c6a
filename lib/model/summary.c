/* The summary: a row a layer, then sums, losses and the optimiser. A multiply-add counts as two
 * floating-point operations; nothing else counts. */
#include "model/summary.h"

#include <stdarg.h>
#include <stdio.h>

typedef struct text {
    char *at;
    size_t cap;
    size_t length; /* as if there were room */
} text;

#if defined(__GNUC__)
__attribute__((format(printf, 2, 3)))
#endif
static void
put(text *t, const char *format, ...)
{
    size_t room = t->length < t->cap ? t->cap - t->length : 0;
    va_list args;
    va_start(args, format);
    int n = vsnprintf(room ? t->at + t->length : NULL, room, format, args);
    va_end(args);
    if (n > 0) t->length += (size_t)n;
}

static void put_value(text *t, const ae__value *value)
{
    const ae__param *row = ae__param_of(value->id);
    const char *choice = ae__param_choice(value->id, value->i64);
    if (choice)
        put(t, "%s %s", row->name, choice);
    else if (row->type == AE_TYPE_I64)
        put(t, "%s %lld", row->name, (long long)value->i64);
    else
        put(t, "%s %g", row->name, value->f64);
}

/* Rows, columns, name of one array of a layer, or whose it is. */
static void put_weight(text *t, const ae__weight_info *info)
{
    put(t, "  %s %zux%zu", info->name, info->rows, info->cols);
    if (info->tied_to >= 0) put(t, " of #%d, transposed", (int)info->tied_to);
}

/* What a layer is besides its activation and its weights. */
static const int32_t shown[] = {AE_PARAM_NOISE,    AE_PARAM_AMOUNT,   AE_PARAM_K,
                                AE_PARAM_SAMPLES,  AE_PARAM_SIDE,     AE_PARAM_LABEL,
                                AE_PARAM_POOL,     AE_PARAM_KERNEL_H, AE_PARAM_KERNEL_W,
                                AE_PARAM_STRIDE_H, AE_PARAM_STRIDE_W, AE_PARAM_FACTOR_H,
                                AE_PARAM_FACTOR_W, AE_PARAM_PADDING,  AE_PARAM_INTERPOLATION};

static void put_shown(text *t, const ae__spec *spec)
{
    const char *between = "  ";
    for (size_t i = 0; i < sizeof shown / sizeof *shown; i++) {
        const ae__value *value = ae__spec_find(spec, shown[i]);
        if (!value) continue;
        put(t, "%s", between);
        put_value(t, value);
        between = ", ";
    }
}

/* "28x28x16" */
static void put_shape(text *t, const ae__shape *shape)
{
    char dims[64];
    int n = 0;
    for (int32_t i = 0; i < shape->rank; i++)
        n += snprintf(dims + n, sizeof dims - (size_t)n, i ? "x%zu" : "%zu", shape->dims[i]);
    put(t, "%12s", dims);
}

/* Of a row of the data. */
static double operations(const ae__layer_plan *layer)
{
    return 2 * layer->info.terms * (double)layer->repeat;
}

static void put_layer(text *t, const ae__plan *plan, int32_t i)
{
    const ae__layer_plan *layer = &plan->layers[i];
    size_t own = 0;
    for (int32_t w = 0; w < plan->n_weights; w++) {
        if (plan->weights[w].layer == i) own += plan->weights[w].count;
    }
    put(t, "#%-4d %-16s %-11s ", (int)i, layer->ops->name,
        ae__activation_name(layer->info.activation));
    put_shape(t, &layer->info.out);
    put(t, " %12zu %14.0f", own, operations(layer));
    for (int32_t slot = 0; slot < layer->info.n_weights; slot++)
        put_weight(t, &layer->info.weights[slot]);
    put_shown(t, layer->spec);
    put(t, "%s\n", i == plan->desc->code - 1 ? "   <- code" : "");
}

static void put_spec(text *t, const char *what, const char *kind, const ae__spec *spec)
{
    put(t, "%s%s%s", what, kind ? " " : "", kind ? kind : "");
    for (int32_t i = 0; i < spec->count; i++) {
        put(t, i ? ", " : ": ");
        put_value(t, &spec->values[i]);
    }
    put(t, "\n");
}

static void put_sums(text *t, const ae_model *model)
{
    const ae__plan *plan = &model->plan;
    double all = 0;
    size_t kept = 0, batch_row = 0;
    for (int32_t i = 0; i < plan->n_weights; i++)
        if (plan->weights[i].info.state) kept += plan->weights[i].count;
    for (int32_t i = 0; i < plan->n_layers; i++) {
        const ae__layer_plan *layer = &plan->layers[i];
        all += operations(layer);
        batch_row += ae__layer_plan_reals(layer) + layer->repeat * layer->info.saved_row;
    }
    put(t, "weights: %zu (%zu bytes)", plan->weight_count, plan->weight_count * sizeof(real));
    if (kept) put(t, ", %zu of them not trained", kept);
    put(t, "; workspace: %zu bytes for %zu rows at a time\n",
        model->block_bytes + model->scratch_reals * sizeof(real), plan->chunk);
    put(t, "a row: %.0f floating-point operations, %zu bytes of layers while training\n", all,
        batch_row * sizeof(real));
}

size_t ae__summary(const ae_model *model, char *buffer, size_t cap)
{
    const ae__plan *plan = &model->plan;
    text t = {buffer, cap, 0};
    put(&t, "%-5s %-16s %-11s %12s %12s %14s\n", "layer", "kind", "activation", "output", "weights",
        "operations");
    put(&t, "%-5s %-16s %-11s ", "", "input", "");
    put_shape(&t, &plan->layers[0].in_shape);
    put(&t, "\n");
    for (int32_t i = 0; i < plan->n_layers; i++) put_layer(&t, plan, i);
    put_sums(&t, model);
    for (int32_t i = 0; i < plan->desc->n_terms; i++)
        put_spec(&t, "loss", ae__term_of(plan->desc->terms[i].kind)->name, &plan->desc->terms[i]);
    put_spec(&t, "optimizer", ae__optim_of(plan->desc->optim.kind)->name, &plan->desc->optim);
    put_spec(&t, "training", NULL, &plan->desc->model);
    put(&t, "trained: %llu epochs, %llu steps\n", (unsigned long long)model->trained.epochs,
        (unsigned long long)model->trained.steps);
    return t.length;
}
