/* The job is there from start until it is done; the thread sleeps while there is none. */
#include "base/runner.h"

#include <stdbool.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/status.h"
#include "base/thread.h"

struct ae__runner {
    ae_allocator mem;
    pid_t owner; /* the process that the thread lives in */
    pthread_t thread;
    pthread_mutex_t mutex;
    pthread_cond_t changed;
    void (*job)(void *arg); /* NULL: nothing to do */
    void *arg;
    bool stop;
};

static void *work(void *arg)
{
    ae__runner *r = arg;

    pthread_mutex_lock(&r->mutex);
    for (;;) {
        while (!r->job && !r->stop) pthread_cond_wait(&r->changed, &r->mutex);
        if (!r->job) break;
        pthread_mutex_unlock(&r->mutex);
        r->job(r->arg);
        pthread_mutex_lock(&r->mutex);
        r->job = NULL;
        pthread_cond_broadcast(&r->changed);
    }
    pthread_mutex_unlock(&r->mutex);
    return NULL;
}

int32_t ae__runner_create(ae__runner **out, const ae_allocator *mem)
{
    ae__runner *r = ae__mem_alloc(mem, sizeof *r);

    *out = NULL;
    if (!r) return ae__fail(AE_ERR_NOMEM, "runner: no memory");
    r->mem = *mem;
    r->owner = getpid();
    r->mutex = (pthread_mutex_t)PTHREAD_MUTEX_INITIALIZER;
    r->changed = (pthread_cond_t)PTHREAD_COND_INITIALIZER;
    int error = ae__thread_start(&r->thread, work, r);
    if (error != 0) {
        ae__mem_free(mem, r);
        return ae__fail(AE_ERR_NOMEM, "runner: its thread could not be started (error %d)", error);
    }
    *out = r;
    return AE_OK;
}

void ae__runner_free(ae__runner *r)
{
    if (!r) return;
    ae_allocator mem = r->mem;
    if (r->owner == getpid()) {
        pthread_mutex_lock(&r->mutex);
        r->stop = true;
        pthread_cond_broadcast(&r->changed);
        pthread_mutex_unlock(&r->mutex);
        pthread_join(r->thread, NULL);
        pthread_cond_destroy(&r->changed);
        pthread_mutex_destroy(&r->mutex);
    }
    ae__mem_free(&mem, r);
}

void ae__runner_start(ae__runner *r, void (*job)(void *arg), void *arg)
{
    pthread_mutex_lock(&r->mutex);
    r->job = job;
    r->arg = arg;
    pthread_cond_broadcast(&r->changed);
    pthread_mutex_unlock(&r->mutex);
}

void ae__runner_wait(ae__runner *r)
{
    pthread_mutex_lock(&r->mutex);
    while (r->job) pthread_cond_wait(&r->changed, &r->mutex);
    pthread_mutex_unlock(&r->mutex);
}
