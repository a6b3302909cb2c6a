/* One word, the gate, says all that threads must agree on: whether there are tasks to take (OPEN),
 * whether to end (STOP), and how many workers are inside. The caller opens it and works along;
 * whoever finds no task left shuts it, and the caller returns when nobody is inside. A worker that
 * was late (asleep, or robbed of its processor) finds it shut and is not waited for.
 *
 * Sleeping loses no wake-up, because a sleeper counts itself before it looks at the gate and a
 * waker moves the gate before it looks at the count, both sequentially consistent. */
#include "base/pool.h"

#include "base/mem.h"
#include "base/size.h"
#include "base/status.h"
#include "base/thread.h"

#include <assert.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <unistd.h>

enum { OPEN = 1, STOP = 2, ENTERED = 4 /* the rest of the gate counts in this unit */ };
enum { SPINS = 1000 }; /* 10 to 50 us, by processor: what waking a sleeper costs */

typedef struct bell {
    pthread_cond_t cond;
    atomic_uint sleepers;
} bell;

typedef struct worker {
    ae__pool *pool;
    size_t number;
    pthread_t thread;
} worker;

struct ae__pool {
    ae_allocator mem;
    pid_t owner; /* the process that the workers live in */
    int32_t workers;

    ae__task *fn; /* the run: written while the gate is shut and nobody inside */
    void *arg;
    size_t tasks;
    ae__float_mode float_mode;

    pthread_mutex_t mutex;                /* for sleeping only */
    bell opened;                          /* wakes workers */
    bell left;                            /* wakes the caller */
    _Alignas(AE__ALIGN) atomic_uint gate; /* on lines of their own: all threads pull at them */
    _Alignas(AE__ALIGN) atomic_size_t next;
    _Alignas(AE__ALIGN) worker worker[];
};

static void relax(void)
{
#if defined(__x86_64__) || defined(__i386__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    __asm__ volatile("isb"); /* `yield` does nothing on most cores */
#endif
}

/* ---- waiting ---- */

static bool has_work(unsigned gate)
{
    return (gate & (OPEN | STOP)) != 0;
}

static bool is_empty(unsigned gate)
{
    return gate == 0;
}

static void wait_until(ae__pool *pool, bool (*holds)(unsigned gate), bell *b)
{
    for (int i = 0; i < SPINS; i++) {
        if (holds(atomic_load(&pool->gate))) return;
        relax();
    }
    pthread_mutex_lock(&pool->mutex);
    atomic_fetch_add(&b->sleepers, 1);
    while (!holds(atomic_load(&pool->gate))) pthread_cond_wait(&b->cond, &pool->mutex);
    atomic_fetch_sub(&b->sleepers, 1);
    pthread_mutex_unlock(&pool->mutex);
}

static void ring(ae__pool *pool, bell *b)
{
    if (atomic_load(&b->sleepers) == 0) return;
    pthread_mutex_lock(&pool->mutex);
    pthread_cond_broadcast(&b->cond);
    pthread_mutex_unlock(&pool->mutex);
}

/* ---- running ---- */

static bool enter(ae__pool *pool)
{
    unsigned gate = atomic_load(&pool->gate);

    while ((gate & OPEN) != 0) {
        if (atomic_compare_exchange_weak(&pool->gate, &gate, gate + ENTERED)) return true;
    }
    return false;
}

static void leave(ae__pool *pool)
{
    if (atomic_fetch_sub(&pool->gate, ENTERED) == ENTERED) ring(pool, &pool->left);
}

static void take_tasks(ae__pool *pool, size_t number)
{
    size_t task;

    while ((task = atomic_fetch_add(&pool->next, 1)) < pool->tasks)
        pool->fn(pool->arg, task, number);
    atomic_fetch_and(&pool->gate, ~(unsigned)OPEN);
}

static void *work(void *arg)
{
    worker *self = arg;
    ae__pool *pool = self->pool;

    for (;;) {
        wait_until(pool, has_work, &pool->opened);
        if ((atomic_load(&pool->gate) & STOP) != 0) return NULL;
        if (!enter(pool)) continue;
        ae__float_mode_set(&pool->float_mode);
        take_tasks(pool, self->number);
        leave(pool);
    }
}

void ae__pool_run(ae__pool *pool, size_t tasks, ae__task *fn, void *arg)
{
    if (pool == NULL || pool->workers == 0 || tasks < 2) {
        for (size_t task = 0; task < tasks; task++) fn(arg, task, 0);
        return;
    }
    pool->fn = fn;
    pool->arg = arg;
    pool->tasks = tasks;
    ae__float_mode_get(&pool->float_mode);
    atomic_store(&pool->next, 0);
    atomic_fetch_or(&pool->gate, OPEN);
    ring(pool, &pool->opened);
    take_tasks(pool, 0);
    wait_until(pool, is_empty, &pool->left);
}

/* ---- life ---- */

static int start_workers(ae__pool *pool, int32_t wanted)
{
    while (pool->workers < wanted) {
        worker *next = &pool->worker[pool->workers];
        *next = (worker){.pool = pool, .number = (size_t)pool->workers + 1};
        int error = ae__thread_start(&next->thread, work, next);
        if (error != 0) return error;
        pool->workers++;
    }
    return 0;
}

int32_t ae__pool_create(ae__pool **out, const ae_allocator *mem, int32_t threads)
{
    size_t bytes;
    ae__pool *pool = NULL;

    assert(threads >= 1);
    *out = NULL;
    if (ae__mul_size((size_t)threads - 1, sizeof(worker), &bytes) &&
        ae__add_size(bytes, sizeof *pool, &bytes))
        pool = ae__mem_alloc(mem, bytes);
    if (pool == NULL) return ae__fail(AE_ERR_NOMEM, "pool: no memory for %d threads", (int)threads);
    pool->mem = *mem;
    pool->owner = getpid();
    pool->mutex = (pthread_mutex_t)PTHREAD_MUTEX_INITIALIZER;
    pool->opened.cond = (pthread_cond_t)PTHREAD_COND_INITIALIZER;
    pool->left.cond = (pthread_cond_t)PTHREAD_COND_INITIALIZER;
    int error = start_workers(pool, threads - 1);
    if (error != 0) {
        int32_t started = pool->workers;
        ae__pool_free(pool);
        return ae__fail(AE_ERR_NOMEM, "pool: only %d of %d threads could be started (error %d)",
                        (int)started + 1, (int)threads, error);
    }
    *out = pool;
    return AE_OK;
}

static bool has_workers(const ae__pool *pool)
{
    return pool->owner == getpid();
}

void ae__pool_free(ae__pool *pool)
{
    if (pool == NULL) return;
    ae_allocator mem = pool->mem;
    if (has_workers(pool)) {
        atomic_fetch_or(&pool->gate, STOP);
        ring(pool, &pool->opened);
        for (int32_t i = 0; i < pool->workers; i++) pthread_join(pool->worker[i].thread, NULL);
        pthread_cond_destroy(&pool->left.cond);
        pthread_cond_destroy(&pool->opened.cond);
        pthread_mutex_destroy(&pool->mutex);
    }
    ae__mem_free(&mem, pool);
}

int32_t ae__pool_threads(const ae__pool *pool)
{
    return pool == NULL ? 1 : pool->workers + 1;
}

int32_t ae__pool_check(const ae__pool *pool)
{
    if (pool == NULL || has_workers(pool)) return AE_OK;
    return ae__fail(AE_ERR_STATE, "pool: its threads live in process %ld, this is %ld",
                    (long)pool->owner, (long)getpid());
}
