/* base/pool. Linked with -Wl,--wrap=pthread_create, so that a thread can be refused. */
#include "base/mem.h"
#include "base/pool.h"
#include "base/status.h"

#include <fenv.h>
#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

enum { MAX_THREADS = 8, MAX_TASKS = 1000 };

static int threads_left = 1000000; /* further threads that the system grants */

int __real_pthread_create(pthread_t *, const pthread_attr_t *, void *(*)(void *), void *);
int __wrap_pthread_create(pthread_t *, const pthread_attr_t *, void *(*)(void *), void *);

int __wrap_pthread_create(pthread_t *thread, const pthread_attr_t *attr, void *(*fn)(void *),
                          void *arg)
{
    return threads_left-- > 0 ? __real_pthread_create(thread, attr, fn, arg) : 11;
}

static int live_blocks;

static void *counted_alloc(size_t bytes, void *user)
{
    live_blocks++;
    (void)user;
    return malloc(bytes);
}

static void counted_release(void *block, void *user)
{
    live_blocks--;
    (void)user;
    free(block);
}

static const ae_allocator counted = {sizeof counted, counted_alloc, counted_release, NULL};

static ae__pool *pool_of(int32_t threads)
{
    ae__pool *pool;

    assert_int_equal(ae__pool_create(&pool, &counted, threads), AE_OK);
    return pool;
}

/* ---- tasks ---- */

typedef struct tally {
    int runs[MAX_TASKS]; /* of each task; not atomic, so TSan sees a task that runs twice */
    size_t threads;
    atomic_int strangers; /* workers with a number that they cannot have */
} tally;

static void count(void *arg, size_t task, size_t worker)
{
    tally *t = arg;

    t->runs[task]++;
    if (worker >= t->threads) atomic_fetch_add(&t->strangers, 1);
}

static void every_task_runs_exactly_once(void **state)
{
    static tally t;

    (void)state;
    for (int32_t threads = 1; threads <= MAX_THREADS; threads++) {
        ae__pool *pool = pool_of(threads);
        t = (tally){.threads = (size_t)threads};
        for (size_t tasks = 0; tasks <= MAX_TASKS; tasks++) ae__pool_run(pool, tasks, count, &t);
        for (size_t i = 0; i < MAX_TASKS; i++) assert_int_equal(t.runs[i], MAX_TASKS - i);
        assert_int_equal(t.strangers, 0);
        ae__pool_free(pool);
    }
}

static void results_are_the_callers_when_run_returns(void **state)
{
    static tally t;
    ae__pool *pool = pool_of(2);

    (void)state;
    t = (tally){.threads = 2};
    for (int run = 1; run <= 20000; run++) {
        ae__pool_run(pool, 2, count, &t);
        if (t.runs[0] != run || t.runs[1] != run) fail_msg("run %d lost a task", run);
    }
    ae__pool_free(pool);
}

static void null_pool_runs_on_the_caller(void **state)
{
    static tally t;

    (void)state;
    t = (tally){.threads = 1};
    ae__pool_run(NULL, 10, count, &t);
    for (size_t i = 0; i < 10; i++) assert_int_equal(t.runs[i], 1);
    assert_int_equal(t.strangers, 0);
    assert_int_equal(ae__pool_threads(NULL), 1);
    assert_int_equal(ae__pool_check(NULL), AE_OK);
    ae__pool_free(NULL);
}

static void pool_says_how_many_threads_it_has(void **state)
{
    (void)state;
    for (int32_t threads = 1; threads <= MAX_THREADS; threads++) {
        ae__pool *pool = pool_of(threads);
        assert_int_equal(ae__pool_threads(pool), threads);
        assert_int_equal(ae__pool_check(pool), AE_OK);
        ae__pool_free(pool);
    }
    assert_int_equal(live_blocks, 0);
}

/* ---- what workers share with the caller ---- */

typedef struct meeting {
    atomic_size_t present;
    pthread_t thread[MAX_THREADS];
    sigset_t blocked[MAX_THREADS];
    int rounding[MAX_THREADS];
} meeting;

/* As many tasks as threads, each waiting for all: so each thread takes one. */
static void meet(void *arg, size_t task, size_t worker)
{
    meeting *m = arg;

    (void)task;
    m->thread[worker] = pthread_self();
    pthread_sigmask(SIG_SETMASK, NULL, &m->blocked[worker]);
    m->rounding[worker] = fegetround();
    atomic_fetch_add(&m->present, 1);
    while (atomic_load(&m->present) < MAX_THREADS) sched_yield();
}

static meeting meet_on(ae__pool *pool)
{
    meeting m = {.present = 0};

    ae__pool_run(pool, MAX_THREADS, meet, &m);
    return m;
}

static void all_threads_take_part_and_worker_0_is_the_caller(void **state)
{
    ae__pool *pool = pool_of(MAX_THREADS);
    meeting m = meet_on(pool);

    (void)state;
    assert_true(pthread_equal(m.thread[0], pthread_self()));
    for (int i = 0; i < MAX_THREADS; i++) {
        for (int j = 0; j < i; j++) assert_false(pthread_equal(m.thread[i], m.thread[j]));
    }
    ae__pool_free(pool);
}

static void workers_block_signals_and_the_caller_keeps_its_mask(void **state)
{
    const int signals[] = {SIGINT, SIGTERM, SIGALRM, SIGUSR1, SIGCHLD, SIGPROF, SIGPIPE};
    sigset_t before, after;

    (void)state;
    pthread_sigmask(SIG_SETMASK, NULL, &before);
    ae__pool *pool = pool_of(MAX_THREADS);
    meeting m = meet_on(pool);
    pthread_sigmask(SIG_SETMASK, NULL, &after);
    for (size_t s = 0; s < sizeof signals / sizeof signals[0]; s++) {
        for (int i = 1; i < MAX_THREADS; i++)
            assert_int_equal(sigismember(&m.blocked[i], signals[s]), 1);
        assert_int_equal(sigismember(&after, signals[s]), sigismember(&before, signals[s]));
    }
    ae__pool_free(pool);
}

static void workers_round_as_the_caller_does(void **state)
{
    const int modes[] = {FE_UPWARD, FE_TOWARDZERO, FE_TONEAREST};
    ae__pool *pool = pool_of(MAX_THREADS);

    (void)state;
    for (int k = 0; k < 3; k++) {
        fesetround(modes[k]);
        meeting m = meet_on(pool);
        int after = fegetround();
        fesetround(FE_TONEAREST);
        assert_int_equal(after, modes[k]);
        for (int i = 0; i < MAX_THREADS; i++) assert_int_equal(m.rounding[i], modes[k]);
    }
    ae__pool_free(pool);
}

/* ---- failures ---- */

static void *no_memory(size_t bytes, void *user)
{
    (void)bytes;
    (void)user;
    return NULL;
}

static void pool_without_memory_is_nomem(void **state)
{
    const ae_allocator none = {sizeof none, no_memory, counted_release, NULL};
    ae__pool *pool = (ae__pool *)&live_blocks;

    (void)state;
    assert_int_equal(ae__pool_create(&pool, &none, 2), AE_ERR_NOMEM);
    assert_null(pool);
}

static void refused_thread_is_nomem_and_ends_the_others(void **state)
{
    (void)state;
    for (int granted = 0; granted < 3; granted++) {
        ae__pool *pool = (ae__pool *)&live_blocks;
        threads_left = granted;
        assert_int_equal(ae__pool_create(&pool, &counted, 4), AE_ERR_NOMEM);
        threads_left = 1000000;
        assert_null(pool);
        assert_int_equal(live_blocks, 0);
    }
    assert_string_equal(ae__message(), "pool: only 3 of 4 threads could be started (error 11)");
}

static void forked_child_gets_state_and_can_free(void **state)
{
    ae__pool *pool = pool_of(MAX_THREADS);
    int status;

    (void)state;
    meet_on(pool);
    pid_t child = fork();
    if (child == 0) {
        int fault = ae__pool_check(pool) != AE_ERR_STATE;
        ae__pool_free(pool);
        _exit(fault + 2 * (live_blocks != 0));
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
    assert_int_equal(ae__pool_check(pool), AE_OK);
    meet_on(pool);
    ae__pool_free(pool);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_task_runs_exactly_once),
        cmocka_unit_test(results_are_the_callers_when_run_returns),
        cmocka_unit_test(null_pool_runs_on_the_caller),
        cmocka_unit_test(pool_says_how_many_threads_it_has),
        cmocka_unit_test(all_threads_take_part_and_worker_0_is_the_caller),
        cmocka_unit_test(workers_block_signals_and_the_caller_keeps_its_mask),
        cmocka_unit_test(workers_round_as_the_caller_does),
        cmocka_unit_test(pool_without_memory_is_nomem),
        cmocka_unit_test(refused_thread_is_nomem_and_ends_the_others),
        cmocka_unit_test(forked_child_gets_state_and_can_free),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
