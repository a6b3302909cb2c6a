/* Where rows are read from that do not lie in memory. */
#ifndef AE__MODEL_SOURCE_H
#define AE__MODEL_SOURCE_H

#include "base/mem.h"

typedef struct ae__source ae__source;

struct ae__source {
    ae_allocator mem;
    bool in_order;   /* is best asked for one row after the other */
    bool any_thread; /* may be read by other threads than the caller's */

    /* Rows [first, first + rows) to `out`, dense, in the type of the array: a status, with a message
     * that begins with `name`. */
    int32_t (*read)(ae__source *source, const char *name, uint64_t first, size_t rows, void *out);
    /* Gives back what it holds, but for itself; NULL: nothing. */
    void (*close)(ae__source *source);
};

/* The caller's function; flags: sum of AE_SOURCE_*. NOMEM. */
int32_t ae__source_of_function(ae__source **out, const ae_allocator *mem, ae_read *read, void *user,
                               int32_t flags);

void ae__source_free(ae__source *source);

#endif
