/* The parameter table and what it drives: defaults, bounds and messages. */
#include "model/params.h"

#include <assert.h>
#include <float.h>
#include <math.h>
#include <string.h>

#include "base/status.h"
#include "layers/layer.h"
#include "optim/optim.h"
#include "terms/term.h"

#define LIMITS_I64(low, high)                                                                      \
    {.i64 = low},                                                                                  \
    {                                                                                              \
        .i64 = high                                                                                \
    }
#define LIMITS_F64(low, high)                                                                      \
    {.f64 = low},                                                                                  \
    {                                                                                              \
        .f64 = high                                                                                \
    }
#define AE__PARAM(id, scope, type, name, initial, low, high, help)                                 \
    {id, AE_SCOPE_##scope, AE_TYPE_##type, name, (double)(initial), LIMITS_##type(low, high)},

static const ae__param table[] = {
#include "model/params.def"
};
#undef AE__PARAM

/* One after the other in the order of the table: a pointer is 8 bytes, and 24 more in a shared library,
 * which has to relocate it whenever it is loaded. */
#define AE__PARAM(id, scope, type, name, initial, low, high, help)                                 \
    char of_##id[sizeof(help)];                                                                    \
    _Static_assert(sizeof(name) <= AE__PARAM_NAME, "a name is too long");
static const struct helps {
#include "model/params.def"
} helps = {
#undef AE__PARAM
#define AE__PARAM(id, scope, type, name, initial, low, high, help) help,
#include "model/params.def"
};

enum { ROWS = sizeof table / sizeof *table };

const ae__param *ae__param_at(size_t index)
{
    return index < ROWS ? &table[index] : NULL;
}

const char *ae__param_help(size_t index)
{
    const char *help = (const char *)&helps;
    while (index-- > 0) help += strlen(help) + 1;
    return help;
}

const ae__param *ae__param_of(int32_t id)
{
    for (size_t i = 0; i < ROWS; i++) {
        if (table[i].id == id) return &table[i];
    }
    return NULL;
}

const char *ae__param_choice(int32_t id, int64_t value)
{
    static const char *const inits[] = {"zeros",       "glorot_uniform", "glorot_normal",
                                        "he_uniform",  "he_normal",      "lecun_uniform",
                                        "lecun_normal"};
    static const char *const shuffles[] = {"none", "full", "block", "window"};
    static const char *const noises[] = {[AE_NOISE_GAUSSIAN] = "gaussian",
                                         [AE_NOISE_MASKING] = "masking",
                                         [AE_NOISE_SALT_PEPPER] = "salt_pepper",
                                         [AE_NOISE_DROPOUT] = "dropout"};
    static const char *const bounds[] = {"elbo", "importance"};
    static const char *const scalings[] = {"none", "min_max", "standard"};
    static const char *const schedules[] = {"constant", "step", "exponential", "cosine", "plateau"};
    static const char *const variances[] = {"fixed", "global", "feature"};
    static const char *const paddings[] = {"valid", "same", "explicit"};
    static const char *const pools[] = {"max", "average"};
    static const char *const interpolations[] = {"nearest", "bilinear"};
    switch (id) {
    case AE_PARAM_ACTIVATION: return ae__activation_name((int32_t)value);
    case AE_PARAM_BOUND: return bounds[value];
    case AE_PARAM_INIT: return inits[value];
    case AE_PARAM_INTERPOLATION: return interpolations[value];
    case AE_PARAM_PADDING: return paddings[value];
    case AE_PARAM_POOL: return pools[value];
    case AE_PARAM_NOISE: return noises[value];
    case AE_PARAM_SCALING_INPUT:
    case AE_PARAM_SCALING_TARGET: return scalings[value];
    case AE_PARAM_SCHEDULE: return schedules[value];
    case AE_PARAM_SHUFFLE: return shuffles[value];
    case AE_PARAM_VARIANCE_KIND: return variances[value];
    default: return NULL;
    }
}

static void add(ae__spec *spec, int32_t id, double initial)
{
    ae__value *value = ae__spec_add(spec, id);
    value->f64 = isnan(initial) ? ae__param_of(id)->initial : initial;
    value->i64 = ae__param_of(id)->type == AE_TYPE_I64 ? (int64_t)value->f64 : 0;
}

/* A spec of one kind that takes the ids listed (ended by 0), at their defaults. */
static void begin(ae__spec *spec, int32_t kind, const int32_t *ids)
{
    *spec = (ae__spec){.kind = kind};
    for (; *ids; ids++) add(spec, *ids, NAN);
}

void ae__spec_begin_scope(ae__spec *spec, int32_t scope)
{
    *spec = (ae__spec){.kind = 0};
    for (size_t i = 0; i < ROWS; i++) {
        if (table[i].scope == scope) add(spec, table[i].id, NAN);
    }
}

bool ae__spec_begin_layer(ae__spec *spec, int32_t kind)
{
    const ae__layer_ops *ops = ae__layer_of(kind);
    if (ops) begin(spec, kind, ops->params);
    return ops != NULL;
}

bool ae__spec_begin_term(ae__spec *spec, int32_t kind)
{
    const ae__term_ops *ops = ae__term_of(kind);
    if (ops) begin(spec, kind, ops->params);
    return ops != NULL;
}

bool ae__spec_begin_optim(ae__spec *spec, int32_t kind)
{
    const ae__optim_ops *ops = ae__optim_of(kind);
    if (!ops) return false;
    *spec = (ae__spec){.kind = kind};
    for (const ae__optim_param *p = ops->params; p->id; p++) add(spec, p->id, p->value);
    return true;
}

static const char *type_name(int32_t type)
{
    return type == AE_TYPE_I64 ? "an integer (..._i64)" : "a real number (..._f64)";
}

static const char *home(int32_t scope)
{
    static const char *const names[] = {
        [AE_SCOPE_MODEL] = "the model", [AE_SCOPE_LAYER] = "a layer",
        [AE_SCOPE_TERM] = "a loss",     [AE_SCOPE_OPTIM] = "an optimizer",
        [AE_SCOPE_FIT] = "fit options", [AE_SCOPE_RUN] = "a model's run",
    };
    return names[scope];
}

/* The row of an id that the spec takes in this type, and its value there. */
static int32_t find(const ae__spec *spec, const char *owner, int32_t id, int32_t type,
                    const ae__param **row, const ae__value **value)
{
    *row = ae__param_of(id);
    *value = ae__spec_find(spec, id);
    if (!*row)
        return ae__fail(AE_ERR_INVALID, "%s: no parameter has number %d, wanted an AE_PARAM_*",
                        owner, (int)id);
    if (!*value)
        return ae__fail(AE_ERR_INVALID, "%s: does not take %s, a parameter of %s", owner,
                        (*row)->name, home((*row)->scope));
    if ((*row)->type != type)
        return ae__fail(AE_ERR_INVALID, "%s: %s is %s, got %s", owner, (*row)->name,
                        type_name((*row)->type), type_name(type));
    return AE_OK;
}

int32_t ae__spec_set(ae__spec *spec, const char *owner, int32_t id, ae__number number)
{
    const ae__param *row;
    const ae__value *found;
    AE_TRY(find(spec, owner, id, number.type, &row, &found));
    if (number.type == AE_TYPE_I64) {
        if (number.i64 < row->lowest.i64 || number.i64 > row->highest.i64)
            return ae__fail(AE_ERR_RANGE, "%s: %s is %lld, wanted %lld to %lld", owner, row->name,
                            (long long)number.i64, (long long)row->lowest.i64,
                            (long long)row->highest.i64);
    } else if (!(number.f64 >= row->lowest.f64 && number.f64 <= row->highest.f64)) { /* NaN, too */
        return ae__fail(AE_ERR_RANGE, "%s: %s is %.9g, wanted %.9g to %.9g", owner, row->name,
                        number.f64, row->lowest.f64, row->highest.f64);
    }
    ae__value *value = &spec->values[found - spec->values];
    value->i64 = number.i64;
    value->f64 = number.f64;
    return AE_OK;
}

int32_t ae__spec_get(const ae__spec *spec, const char *owner, int32_t id, ae__number *number)
{
    const ae__param *row;
    const ae__value *value;
    AE_TRY(find(spec, owner, id, number->type, &row, &value));
    number->i64 = value->i64;
    number->f64 = value->f64;
    return AE_OK;
}
