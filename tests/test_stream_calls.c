/* Who calls a function that reads, and when: on which threads, in which order, while it is busy, and in
 * processes that were forked. */
#include "test_stream.h"

#include <pthread.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

static pthread_t host_thread;
static atomic_int elsewhere, unmasked;

static int32_t watched_read(void *user, int64_t first, int64_t rows, void *out)
{
    sigset_t blocked;
    if (!pthread_equal(pthread_self(), host_thread)) {
        atomic_fetch_add(&elsewhere, 1);
        pthread_sigmask(SIG_SETMASK, NULL, &blocked);
        if (!sigismember(&blocked, SIGINT) || !sigismember(&blocked, SIGALRM))
            atomic_fetch_add(&unmasked, 1);
    }
    return tape_read(user, first, rows, out);
}

/* How many calls of a fit were made elsewhere than on the caller's thread. */
static int calls_elsewhere(int32_t flags, int64_t threads)
{
    tape t = tape_of(AE_TYPE_F32, DIM);
    ae_model *model = stream_model(AE_SHUFFLE_WINDOW, 10);
    ae_data *data;
    host_thread = pthread_self();
    atomic_store(&elsewhere, 0);
    must(ae_data_create(&data));
    must(ae_data_source(data, AE_DATA_X, AE_TYPE_F32, watched_read, &t, N, DIM, flags));
    must(ae_data_scale(data, AE_DATA_X, table_scale, 0));
    must(fit_to(model, data, 2, threads));
    int calls = atomic_load(&elsewhere);
    assert_int_equal(t.calls, N + 10); /* rows that tell the data apart, then windows */
    assert_false(t.twice);
    ae_data_free(data);
    ae_model_free(model);
    return calls;
}

static void function_is_called_elsewhere_only_where_it_and_the_fit_allow_that(void **state)
{
    (void)state;
    assert_int_equal(calls_elsewhere(0, 1), 0);
    assert_int_equal(calls_elsewhere(0, 4), 0);
    assert_int_equal(calls_elsewhere(AE_SOURCE_ANY_THREAD, 1), 0);
    assert_int_equal(calls_elsewhere(AE_SOURCE_ANY_THREAD, 2), 8); /* but for each epoch's first */
    assert_int_equal(calls_elsewhere(AE_SOURCE_ANY_THREAD | AE_SOURCE_IN_ORDER, 2), 8);
    assert_int_equal(atomic_load(&unmasked), 0);
}

static void order_that_jumps_is_refused_to_a_function_that_cannot(void **state)
{
    tape t = tape_of(AE_TYPE_F32, DIM);
    ae_data *data = data_of(AE_TYPE_F32, &t, AE_SOURCE_IN_ORDER);
    (void)state;
    for (int64_t mode = AE_SHUFFLE_FULL; mode <= AE_SHUFFLE_BLOCK; mode++) {
        ae_model *model = stream_model(mode, 10);
        assert_int_equal(fit_to(model, data, 1, 1), AE_ERR_STATE);
        assert_non_null(strstr(ae_last_error(), "wanted AE_PARAM_SHUFFLE of AE_SHUFFLE_NONE"));
        assert_int_equal(ae_model_steps(model), 0);
        ae_model_free(model);
    }
    assert_int_equal(t.calls, 0);
    ae_data_free(data);
}

static struct {
    ae_model *model;
    ae_data *data;
    int32_t status;
} within;

static int32_t greedy_read(void *user, int64_t first, int64_t rows, void *out)
{
    float code[N * CODE_DIM];
    within.status = ae_encode_data(within.model, within.data, code, N * CODE_DIM);
    return tape_read(user, first, rows, out);
}

static void data_in_order_are_busy_while_they_are_read(void **state)
{
    tape t = tape_of(AE_TYPE_F32, DIM);
    ae_model *model = stream_model(AE_SHUFFLE_NONE, 10);
    float code[N * CODE_DIM];
    (void)state;
    within.model = stream_model(AE_SHUFFLE_NONE, 10);
    must(ae_data_create(&within.data));
    must(ae_data_source(within.data, AE_DATA_X, AE_TYPE_F32, greedy_read, &t, N, DIM,
                        AE_SOURCE_IN_ORDER));
    must(ae_encode_data(model, within.data, code, N * CODE_DIM));
    assert_int_equal(within.status, AE_ERR_BUSY);
    assert_int_equal(t.calls, 1);
    ae_data_free(within.data);
    ae_model_free(within.model);
    ae_model_free(model);
}

static int32_t fork_at_once(const ae_event *event, void *user)
{
    pid_t *child = user;
    if (event->epoch == 1 && event->step == 1 && event->kind == AE_EVENT_BATCH) *child = fork();
    return 0;
}

/* The thread that reads ahead stays in the parent. */
static void fit_in_a_forked_child_ends_with_state(void **state)
{
    tape t = tape_of(AE_TYPE_F32, DIM);
    ae_data *data = data_of(AE_TYPE_F32, &t, AE_SOURCE_ANY_THREAD);
    ae_model *model = stream_model(AE_SHUFFLE_BLOCK, 10);
    ae_fit_options *options = options_to(2);
    pid_t child = -1;
    int status = -1;
    (void)state;
    must(ae_fit_options_set_i64(options, AE_FIT_THREADS, 2));
    must(ae_fit_options_progress(options, fork_at_once, &child));
    int32_t fitted = ae_fit_data(model, data, options);
    if (child == 0) {
        ae_data_free(data);
        ae_model_free(model);
        _exit(fitted == AE_ERR_STATE ? 0 : 1);
    }
    must(fitted);
    assert_true(child > 0 && waitpid(child, &status, 0) == child);
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    ae_fit_options_free(options);
    ae_data_free(data);
    ae_model_free(model);
}

/* Forks at the call with this number, and reads on in both processes. */
typedef struct forker {
    tape tape;
    long at;
    pid_t child;
} forker;

static int32_t read_and_fork(void *user, int64_t first, int64_t rows, void *out)
{
    forker *f = user;
    if (f->tape.calls + 1 == f->at) f->child = fork();
    return tape_read(&f->tape, first, rows, out);
}

/* Each call of the function in turn is the one that forks, until one is made without it. */
static void reader_that_forks_leaves_the_child_a_model_that_answers_state(void **state)
{
    float code[N * CODE_DIM];
    (void)state;
    for (int64_t threads = 1; threads <= 2; threads++) {
        for (int train = 0; train < 2; train++) {
            forker f = {.child = 1};
            while (f.child > 0) {
                f = (forker){.tape = tape_of(AE_TYPE_F32, DIM), .at = f.at + 1, .child = -1};
                ae_data *data = data_of(AE_TYPE_F32, NULL, 0);
                ae_model *model = stream_model(AE_SHUFFLE_WINDOW, 40);
                int status = 0;
                must(ae_data_source(data, AE_DATA_X, AE_TYPE_F32, read_and_fork, &f, N, DIM, 0));
                must(ae_data_scale(data, AE_DATA_X, table_scale, 0));
                must(ae_model_set_i64(model, AE_PARAM_THREADS, threads));
                int32_t got = train ? fit_to(model, data, 1, 0)
                                    : ae_encode_data(model, data, code, N * CODE_DIM);
                ae_data_free(data);
                ae_model_free(model);
                if (f.child == 0) _exit(got == (threads > 1 ? AE_ERR_STATE : AE_OK) ? 0 : 1);
                assert_int_equal(got, AE_OK);
                if (f.child > 0) assert_int_equal(waitpid(f.child, &status, 0), f.child);
                assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
            }
            assert_true(f.at > 1);
        }
    }
}

int main(void)
{
#define test(name) cmocka_unit_test_setup(name, draw_table)
    const struct CMUnitTest tests[] = {
        test(function_is_called_elsewhere_only_where_it_and_the_fit_allow_that),
        test(order_that_jumps_is_refused_to_a_function_that_cannot),
        test(data_in_order_are_busy_while_they_are_read),
        test(fit_in_a_forked_child_ends_with_state),
        test(reader_that_forks_leaves_the_child_a_model_that_answers_state),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
