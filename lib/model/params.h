/* The table of everything tunable, and specs filled and changed by it. */
#ifndef AE__MODEL_PARAMS_H
#define AE__MODEL_PARAMS_H

#include <stdbool.h>

#include "ae/ae.h"
#include "base/spec.h"

enum { AE__PARAM_NAME = 20 }; /* bytes of the longest name, its end included, or more */

typedef union ae__limit { /* of a row's type */
    int64_t i64;
    double f64;
} ae__limit;

typedef struct ae__param {
    int32_t id, scope, type; /* AE_PARAM_* or AE_FIT_*, AE_SCOPE_*, AE_TYPE_I64 or AE_TYPE_F64 */
    char name[AE__PARAM_NAME];
    double initial;
    ae__limit lowest, highest;
} ae__param;

/* Rows by number, NULL past the last, and what they mean; by id, NULL where there is none. */
const ae__param *ae__param_at(size_t index);
const char *ae__param_help(size_t index); /* of a row that is there */
const ae__param *ae__param_of(int32_t id);

/* The name of a value that is a choice ("glorot_uniform"), or NULL where it is a number. */
const char *ae__param_choice(int32_t id, int64_t value);

/* A number of either type on its way to or from a spec. */
typedef struct ae__number {
    int32_t type; /* AE_TYPE_I64 or AE_TYPE_F64 */
    int64_t i64;
    double f64;
} ae__number;

/* A spec that takes all ids of a scope, as for the model, a run, a fit, at their defaults. */
void ae__spec_begin_scope(ae__spec *spec, int32_t scope);
/* A layer, term or optimiser of the kind, at its defaults; false: there is no such kind. */
bool ae__spec_begin_layer(ae__spec *spec, int32_t kind);
bool ae__spec_begin_term(ae__spec *spec, int32_t kind);
bool ae__spec_begin_optim(ae__spec *spec, int32_t kind);

/* Checks type and bounds, then stores. INVALID: no such parameter, another type, or not one of this
 * spec; RANGE. `owner` names the spec in messages: "dense #3". */
int32_t ae__spec_set(ae__spec *spec, const char *owner, int32_t id, ae__number number);
int32_t ae__spec_get(const ae__spec *spec, const char *owner, int32_t id, ae__number *number);

#endif
