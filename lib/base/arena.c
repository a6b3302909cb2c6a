/* Carving and measuring are one path: only the last line knows whether there is memory behind. */
#include "base/arena.h"

#include "base/mem.h"
#include "base/size.h"

#include <assert.h>

void *ae__arena_take(ae__arena *arena, size_t count, size_t unit)
{
    size_t bytes, padded, end;

    if (!ae__mul_size(count, unit, &bytes) || !ae__add_size(bytes, AE__ALIGN - 1, &padded) ||
        !ae__add_size(arena->bytes, padded / AE__ALIGN * AE__ALIGN, &end)) {
        arena->overflow = true;
        return NULL;
    }
    size_t start = arena->bytes;
    arena->bytes = end;
    assert(arena->base == NULL || end <= arena->cap);
    return arena->base != NULL && bytes > 0 ? arena->base + start : NULL;
}
