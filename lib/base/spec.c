/* Look-up of a spec's values by id. */
#include "base/spec.h"

#include <assert.h>

const ae__value *ae__spec_find(const ae__spec *spec, int32_t id)
{
    for (int32_t i = 0; i < spec->count; i++) {
        if (spec->values[i].id == id) return &spec->values[i];
    }
    return NULL;
}

int64_t ae__spec_i64(const ae__spec *spec, int32_t id)
{
    const ae__value *value = ae__spec_find(spec, id);
    assert(value);
    return value->i64;
}

double ae__spec_f64(const ae__spec *spec, int32_t id)
{
    const ae__value *value = ae__spec_find(spec, id);
    assert(value);
    return value->f64;
}
