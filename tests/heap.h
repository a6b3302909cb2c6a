/* An allocator that counts what is asked of it, and refuses where it is told to. Any thread may ask. */
#ifndef TEST_HEAP_H
#define TEST_HEAP_H

#include "ae/ae.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdlib.h>

typedef struct heap {
    atomic_size_t live;  /* bytes that are not back yet */
    atomic_size_t peak;  /* the most of them at once, with what was refused */
    atomic_size_t given; /* bytes in all */
    bool watched;
    atomic_long calls; /* of alloc while it was watched */
    long fails_at;     /* that of them, from 1, is refused; 0: none */
    bool for_good;     /* and every one that follows */
    size_t room;       /* bytes that may be live; 0: any number */
    size_t largest;    /* bytes that a block may have; 0: any number */
} heap;

enum { HEAP_HEAD = 64 /* bytes before a block, which hold its size */ };

static inline bool heap_refuses(heap *h, size_t bytes, size_t live)
{
    const long call = h->watched ? atomic_fetch_add(&h->calls, 1) + 1 : 0;
    if (h->fails_at > 0 && (call == h->fails_at || (h->for_good && call > h->fails_at)))
        return true;
    return (h->room && live > h->room) || (h->largest && bytes > h->largest);
}

static inline void *heap_alloc(size_t bytes, void *user)
{
    heap *h = user;
    const size_t live = atomic_load(&h->live) + bytes;
    size_t peak = atomic_load(&h->peak);
    while (live > peak && !atomic_compare_exchange_weak(&h->peak, &peak, live)) {
    }
    size_t *block = heap_refuses(h, bytes, live) ? NULL : malloc(bytes + HEAP_HEAD);
    if (!block) return NULL;
    *block = bytes;
    atomic_fetch_add(&h->live, bytes);
    atomic_fetch_add(&h->given, bytes);
    return (char *)block + HEAP_HEAD;
}

static inline void heap_release(void *block, void *user)
{
    size_t *head = (size_t *)(void *)((char *)block - HEAP_HEAD);
    atomic_fetch_sub(&((heap *)user)->live, *head);
    free(head);
}

static inline ae_allocator allocator_of(heap *h)
{
    return (ae_allocator){sizeof(ae_allocator), heap_alloc, heap_release, h};
}

#endif
