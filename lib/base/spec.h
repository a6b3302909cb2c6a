/* A kind with numbered values: what describes a layer, a term, an optimiser in the config, in the
 * model and in the file. Which ids a kind takes, and within which bounds, is said elsewhere. */
#ifndef AE__BASE_SPEC_H
#define AE__BASE_SPEC_H

#include <stddef.h>
#include <stdint.h>

enum { AE__MAX_VALUES = 24, AE__SPEC_PLACES = 64 };

/* i64 or f64 by the id's type; both are kept as the caller gave them. */
typedef struct ae__value {
    int32_t id;
    int64_t i64;
    double f64;
} ae__value;

typedef struct ae__spec {
    int32_t kind;
    int32_t count;
    ae__value values[AE__MAX_VALUES];
    uint8_t places[AE__SPEC_PLACES]; /* of values, from 1, by id modulo their number: no two meet */
} ae__spec;

/* Adds an id that the kind takes, and no other modulo AE__SPEC_PLACES does, to a spec zeroed before. */
ae__value *ae__spec_add(ae__spec *spec, int32_t id);

/* The value with this id, or NULL where the kind does not take it. */
const ae__value *ae__spec_find(const ae__spec *spec, int32_t id);

/* The value of an id that the kind takes. */
int64_t ae__spec_i64(const ae__spec *spec, int32_t id);
double ae__spec_f64(const ae__spec *spec, int32_t id);

#endif
