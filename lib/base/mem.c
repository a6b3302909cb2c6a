/* Aligned, zeroed blocks out of an allocator that promises neither. The host's own pointer is kept
 * in the word below the block that we hand out:
 *
 *     raw ... padding ... [raw] | block, a multiple of AE__ALIGN ...                            */
#include "base/mem.h"

#include "base/size.h"

#include <stdlib.h>
#include <string.h>

/* Zeroed: what the heap has fresh from the system is so, and takes no memory before it is used. */
static void *heap_alloc(size_t bytes, void *user)
{
    (void)user;
    return calloc(1, bytes);
}

static void heap_release(void *block, void *user)
{
    (void)user;
    free(block);
}

const ae_allocator ae__mem_default = {sizeof(ae_allocator), heap_alloc, heap_release, NULL};

void *ae__mem_alloc(const ae_allocator *mem, size_t bytes)
{
    size_t total;

    if (!ae__add_size(bytes, sizeof(void *) + AE__ALIGN - 1, &total)) return NULL;
    unsigned char *raw = mem->alloc(total, mem->user);
    if (raw == NULL) return NULL;
    uintptr_t lowest = (uintptr_t)raw + sizeof(void *);
    unsigned char *block = raw + sizeof(void *) + (-lowest & (AE__ALIGN - 1));
    ((void **)(void *)block)[-1] = raw;
    return mem->alloc == heap_alloc ? block : memset(block, 0, bytes);
}

void ae__mem_free(const ae_allocator *mem, void *block)
{
    if (block != NULL) mem->release(((void **)block)[-1], mem->user);
}

void *ae__mem_array(const ae_allocator *mem, size_t count, size_t unit)
{
    size_t bytes;

    return ae__mul_size(count, unit, &bytes) ? ae__mem_alloc(mem, bytes) : NULL;
}

bool ae__mem_grow(const ae_allocator *mem, void **block, size_t used, size_t count, size_t unit)
{
    void *grown = ae__mem_array(mem, count, unit);
    void *old;

    if (grown == NULL) return false;
    memcpy(&old, block, sizeof old); /* as bytes: *block may be declared as any type of pointer */
    if (used > 0) memcpy(grown, old, used * unit);
    ae__mem_free(mem, old);
    memcpy(block, &grown, sizeof grown);
    return true;
}
