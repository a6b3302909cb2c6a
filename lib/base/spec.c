/* Look-up of a spec's values by id: a step of training does it some twenty times. */
#include "base/spec.h"

#include <assert.h>

const ae__value *ae__spec_find(const ae__spec *spec, int32_t id)
{
    const uint8_t place = spec->places[(uint32_t)id % AE__SPEC_PLACES];
    return place && spec->values[place - 1].id == id ? &spec->values[place - 1] : NULL;
}

ae__value *ae__spec_add(ae__spec *spec, int32_t id)
{
    uint8_t *place = &spec->places[(uint32_t)id % AE__SPEC_PLACES];
    ae__value *value = &spec->values[spec->count];
    assert(spec->count < AE__MAX_VALUES && !*place);
    value->id = id;
    *place = (uint8_t)++spec->count;
    return value;
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
