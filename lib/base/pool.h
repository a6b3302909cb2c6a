/* A few threads that take numbered tasks. Tasks come from shapes, so the number of threads never
 * changes a result: a task writes only what belongs to its number. */
#ifndef AE__BASE_POOL_H
#define AE__BASE_POOL_H

#include "ae/ae.h"

typedef struct ae__pool ae__pool;

/* `worker` (0 .. threads - 1) is for scratch memory only. */
typedef void ae__task(void *arg, size_t task, size_t worker);

/* threads - 1 workers beside the caller. They block every signal and copy the caller's
 * floating-point mode at each run. NOMEM where a thread or memory cannot be had. */
int32_t ae__pool_create(ae__pool **out, const ae_allocator *mem, int32_t threads);

/* Joins the workers; in a forked child, where there are none, only gives the memory back. */
void ae__pool_free(ae__pool *pool);

int32_t ae__pool_threads(const ae__pool *pool); /* 1 for NULL */

/* STATE in a forked child: the workers stayed in the parent. NULL is fine everywhere. */
int32_t ae__pool_check(const ae__pool *pool);

/* Runs fn for tasks 0 .. tasks - 1 and returns when all are done. A NULL pool, or a single task,
 * runs on the caller alone. Waiting spins for a bounded time, then sleeps. */
void ae__pool_run(ae__pool *pool, size_t tasks, ae__task *fn, void *arg);

#endif
