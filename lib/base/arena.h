/* One block, carved into arrays. The same binding code runs twice: over an arena without a base it
 * measures, over one with a base it carves. A size that wraps sticks in `overflow`. */
#ifndef AE__BASE_ARENA_H
#define AE__BASE_ARENA_H

#include <stdbool.h>
#include <stddef.h>

typedef struct ae__arena {
    unsigned char *base; /* NULL: measure only */
    size_t bytes;        /* carved so far */
    size_t cap;          /* bytes at base; carving past it is our own mistake (assert) */
    bool overflow;
} ae__arena;

/* count * unit bytes, aligned to AE__ALIGN; NULL while measuring, on overflow, and for count 0. */
void *ae__arena_take(ae__arena *arena, size_t count, size_t unit);

#endif
