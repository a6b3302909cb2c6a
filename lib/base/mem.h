/* The only door to the heap: every block comes from the allocator that the host gave. */
#ifndef AE__BASE_MEM_H
#define AE__BASE_MEM_H

#include "ae/ae.h"

#include <stdbool.h>

#define AE__ALIGN 64 /* bytes: a cache line and an AVX-512 vector */

/* malloc and free, as an allocator. */
extern const ae_allocator ae__mem_default;

/* A zeroed block of `bytes` aligned to AE__ALIGN, or NULL. */
void *ae__mem_alloc(const ae_allocator *mem, size_t bytes);

/* Frees a block of ae__mem_alloc with the same allocator; NULL does nothing. */
void ae__mem_free(const ae_allocator *mem, void *block);

/* Same with count * unit bytes; NULL, too, where the product wraps. */
void *ae__mem_array(const ae_allocator *mem, size_t count, size_t unit);

/* Grows *block from `used` to `count` elements, contents kept; false leaves it as it was. */
bool ae__mem_grow(const ae_allocator *mem, void **block, size_t used, size_t count, size_t unit);

#endif
