/* Handles on one model, on many threads at once. AE_CALLS=1000000 in the environment makes more calls. */
#include "test_share.h"

#include <pthread.h>

enum { THREADS = 8, QUESTIONS = 10 * ASKS };

typedef struct worker {
    pthread_t thread;
    ae_model **models; /* of each kind */
    const answer *want;
    uint64_t state;
    long calls, wrong, refused;
} worker;

/* xorshift64 (Marsaglia 2003) */
static uint64_t draw_of(worker *w)
{
    w->state ^= w->state << 13;
    w->state ^= w->state >> 7;
    w->state ^= w->state << 17;
    return w->state;
}

static void start_all(worker *workers, void *(*run)(void *))
{
    for (int i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&workers[i].thread, NULL, run, &workers[i]), 0);
}

static void join_all(worker *workers)
{
    for (int i = 0; i < THREADS; i++) {
        pthread_join(workers[i].thread, NULL);
        if (workers[i].wrong || workers[i].refused)
            fail_msg("thread %d: %ld answers differ, %ld calls were refused", i, workers[i].wrong,
                     workers[i].refused);
    }
}

/* Asks shares of its own, and now and then makes them anew. */
static void *ask_shares(void *arg)
{
    worker *w = arg;
    ae_model *shares[KINDS] = {NULL};
    answer *got = malloc(sizeof *got);
    for (long i = 0; got && i < w->calls; i++) {
        const uint64_t bits = draw_of(w), at = bits % (KINDS * QUESTIONS), k = at / QUESTIONS;
        const question q = question_of(at % QUESTIONS);
        if (bits >> 32 & 255 ? !shares[k] : 1) {
            ae_model_free(shares[k]);
            w->refused += ae_model_share(&shares[k], w->models[k]) != AE_OK;
        }
        if (!shares[k]) break;
        ask(shares[k], &q, got);
        w->wrong += memcmp(got, &w->want[at], sizeof *got) != 0;
    }
    for (int k = 0; k < KINDS; k++) ae_model_free(shares[k]);
    w->wrong += !got;
    free(got);
    return NULL;
}

static void ask_at_once(int64_t gemm)
{
    const char *wanted = getenv("AE_CALLS");
    const long calls = (wanted ? atol(wanted) : 100000) / 2;
    answer *want = malloc(KINDS * QUESTIONS * sizeof *want);
    ae_model *models[KINDS];
    worker workers[THREADS];
    assert_non_null(want);
    for (int k = 0; k < KINDS; k++) {
        models[k] = some_model(&kinds[k], NULL);
        const int32_t draws = kinds[k].build == build_variational ? AE_OK : AE_ERR_STATE;
        must(ae_model_set_i64(models[k], AE_PARAM_GEMM, gemm));
        for (uint64_t i = 0; i < QUESTIONS; i++) {
            const question q = question_of(i);
            answer *a = &want[k * QUESTIONS + (int)i];
            ask(models[k], &q, a);
            assert_int_equal(a->status, q.ask == SAMPLE || q.ask == POSTERIOR ? draws : AE_OK);
        }
    }
    for (int i = 0; i < THREADS; i++)
        workers[i] = (worker){
            .models = models, .want = want, .state = (uint64_t)i + 1, .calls = calls / THREADS};
    start_all(workers, ask_shares);
    join_all(workers);
    for (int k = 0; k < KINDS; k++) ae_model_free(models[k]);
    free(want);
}

/* With each way to multiply: where there is no CBLAS, twice with the product of our own. */
static void eight_threads_get_the_bits_of_one(void **state)
{
    ae_model *model = kind_model(&kinds[0], NULL);
    bool cblas = ae_model_set_i64(model, AE_PARAM_GEMM, AE_GEMM_CBLAS) == AE_OK;
    (void)state;
    ae_model_free(model);
    ask_at_once(AE_GEMM_BUILTIN);
    ask_at_once(cblas ? AE_GEMM_CBLAS : AE_GEMM_AUTO);
}

/* ---- coming and going ---- */

enum { ROUNDS = 200 };

/* Grows and cuts a tree of shares; its first handle was given to it. */
static void *churn(void *arg)
{
    enum { HANDLES = 5 };
    worker *w = arg;
    ae_model *handles[HANDLES] = {w->models[0]};
    answer *got = malloc(sizeof *got);
    const question q = {ENCODE, 0, 3};
    for (int round = 0; got && round < ROUNDS; round++) {
        const uint64_t bits = draw_of(w), to = 1 + bits % (HANDLES - 1);
        ae_model_free(handles[to]);
        handles[to] = NULL;
        w->refused += ae_model_share(&handles[to], handles[0]) != AE_OK;
        ask(handles[to], &q, got);
        w->wrong += memcmp(got, w->want, sizeof *got) != 0;
        ae_model *first = handles[0]; /* the next ones come of this one */
        handles[0] = handles[to];
        handles[to] = first;
    }
    for (int i = 0; i < HANDLES; i++) ae_model_free(handles[i]);
    free(got);
    return NULL;
}

/* The first handle goes while they come and go; the last one, whichever it is, takes all with it. */
static void shares_come_and_go_on_many_threads(void **state)
{
    heap h = {0};
    ae_allocator allocator = allocator_of(&h);
    ae_model *model = some_model(&kinds[4], &allocator), *given[THREADS];
    const question q = {ENCODE, 0, 3};
    worker workers[THREADS];
    answer want;
    (void)state;
    ask(model, &q, &want);
    for (int i = 0; i < THREADS; i++) {
        given[i] = share_of(model);
        workers[i] = (worker){.models = &given[i], .want = &want, .state = (uint64_t)i + 1};
    }
    start_all(workers, churn);
    ae_model_free(model);
    join_all(workers);
    assert_int_equal(h.live, 0);
}

/* Shares a model that is being changed: has a share, whose weights stay, or is told to wait. */
static void *share_if_idle(void *arg)
{
    worker *w = arg;
    answer *got = malloc(2 * sizeof *got);
    const question q = {ENCODE, 0, 3};
    for (int round = 0; got && round < ROUNDS; round++) {
        ae_model *share;
        int32_t status = ae_model_share(&share, w->models[0]);
        if (status == AE_ERR_BUSY) continue;
        w->refused += status != AE_OK;
        w->calls++;
        ask(share, &q, &got[0]);
        ask(share, &q, &got[1]);
        w->wrong += memcmp(&got[0], &got[1], sizeof *got) != 0;
        ae_model_free(share);
    }
    free(got);
    return NULL;
}

/* One step, or what comes near it in a build that does not train. */
static int32_t change(ae_model *model)
{
    float bias[12] = {(float)draw_unit()};
    int32_t status = ae_fit_batch(model, x, NULL, 2, NULL);
    return status != AE_ERR_UNSUPPORTED ? status : ae_model_weights_set(model, 0, "bias", bias, 12);
}

static void model_is_trained_or_shared_and_never_both(void **state)
{
    ae_model *model = some_model(&kinds[0], NULL);
    worker workers[THREADS];
    (void)state;
    for (int i = 0; i < THREADS; i++) workers[i] = (worker){.models = &model};
    start_all(workers, share_if_idle);
    for (int round = 0; round < 20 * ROUNDS; round++) {
        int32_t status = change(model);
        if (status != AE_ERR_BUSY) assert_int_equal(status, AE_OK);
    }
    join_all(workers);
    must(change(model));
    ae_model_free(model);
}

int main(void)
{
#define test(name) cmocka_unit_test_setup_teardown(name, draw_x, free_x)
    const struct CMUnitTest tests[] = {
        test(eight_threads_get_the_bits_of_one),
        test(shares_come_and_go_on_many_threads),
        test(model_is_trained_or_shared_and_never_both),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
