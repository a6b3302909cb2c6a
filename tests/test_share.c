/* Handles on one model: what they can do and may not, what they take, how they go. Many threads use them
 * at once in test_share_threads.c. */
#include "test_share.h"

#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

static bool library_trains(void)
{
    ae_model *model = kind_model(&kinds[0], NULL);
    int32_t status = ae_fit(model, x, NULL, N, NULL);
    ae_model_free(model);
    return status == AE_OK;
}

static void assert_answers_alike(ae_model *a, ae_model *b, const char *name)
{
    static answer of_a, of_b;
    for (uint64_t i = 0; i < 10 * ASKS; i++) {
        const question q = question_of(i);
        ask(a, &q, &of_a);
        ask(b, &q, &of_b);
        if (memcmp(&of_a, &of_b, sizeof of_a) != 0) fail_msg("%s: question %d", name, (int)i);
    }
}

/* ---- what a share is ---- */

static void share_answers_with_the_same_bits(void **state)
{
    (void)state;
    for (const kind *k = kinds; k < kinds + KINDS; k++) {
        ae_model *model = some_model(k, NULL), *share = share_of(model), *second = share_of(share);
        char texts[2][8192];
        assert_answers_alike(model, share, k->name);
        assert_answers_alike(model, second, k->name);
        assert_true(same_models(model, second));
        assert_true(same_weights(model, second));
        assert_int_equal(ae_model_epochs(second), ae_model_epochs(model));
        assert_int_equal(ae_model_code_dim(second), ae_model_code_dim(model));
        must(ae_model_summary(model, texts[0], sizeof texts[0], NULL));
        must(ae_model_summary(second, texts[1], sizeof texts[1], NULL));
        ae_model_free(model);
        assert_string_equal(strstr(texts[0], "a row:"), strstr(texts[1], "a row:"));
        ae_model_free(share);
        ae_model_free(second);
    }
}

/* The history and what else training left are the model's, and go with its last handle. */
static void share_outlives_the_first_handle(void **state)
{
    (void)state;
    for (const kind *k = kinds; k < kinds + KINDS; k++) {
        heap h = {0};
        ae_allocator allocator = allocator_of(&h);
        ae_model *model = some_model(k, &allocator), *want = some_model(k, NULL);
        ae_model *share = share_of(model);
        double loss[1];
        size_t epochs;
        ae_model_free(model);
        assert_answers_alike(share, want, k->name);
        assert_true(same_models(share, want));
        must(ae_model_history(share, AE_METRIC_LOSS, loss, 1, &epochs));
        assert_int_equal((int64_t)epochs, ae_model_epochs(want));
        ae_model *second = share_of(share);
        ae_model_free(share);
        assert_answers_alike(second, want, k->name);
        assert_true(h.live > 0);
        ae_model_free(second);
        assert_int_equal(h.live, 0);
        ae_model_free(want);
    }
}

/* All orders in which a model, two shares and a share of a share can go. */
static void handles_go_in_any_order(void **state)
{
    enum { HANDLES = 4, ORDERS = 24 };
    (void)state;
    for (int order = 0; order < ORDERS; order++) {
        heap h = {0};
        ae_allocator allocator = allocator_of(&h);
        ae_model *handles[HANDLES] = {some_model(&kinds[2], &allocator)};
        answer want, got;
        const question q = {ENCODE, 0, N};
        handles[1] = share_of(handles[0]);
        handles[2] = share_of(handles[0]);
        handles[3] = share_of(handles[1]);
        ask(handles[0], &q, &want);
        for (int left = HANDLES, digits = order; left > 0; digits /= left--) {
            int at = digits % left;
            for (int i = 0; i < left; i++) {
                ask(handles[i], &q, &got);
                assert_memory_equal(&got, &want, sizeof want);
            }
            ae_model_free(handles[at]);
            handles[at] = handles[left - 1];
        }
        assert_int_equal(h.live, 0);
    }
}

/* ---- what it may not ---- */

static void assert_busy(ae_model *model, const char *says)
{
    const float bias[64] = {0};
    ae_data *data;
    must(ae_data_create(&data));
    must(ae_data_array(data, AE_DATA_X, AE_TYPE_F32, x, N, KIND_DIM));
    const int32_t wanted = library_trains() ? AE_ERR_BUSY : AE_ERR_UNSUPPORTED;
    assert_int_equal(ae_fit(model, x, NULL, N, NULL), wanted);
    assert_int_equal(ae_fit_data(model, data, NULL), wanted);
    assert_int_equal(ae_fit_batch(model, x, NULL, N, NULL), wanted);
    assert_int_equal(ae_fit_batch_data(model, data, NULL), wanted);
    const int32_t got[] = {
        ae_model_weights_set(model, 0, "bias", bias, 12),
        ae_model_strip(model),
        ae_model_set_f64(model, AE_PARAM_LEARNING_RATE, 1),
        ae_model_set_i64(model, AE_PARAM_BATCH, 1),
    };
    for (size_t i = 0; i < sizeof got / sizeof *got; i++) assert_int_equal(got[i], AE_ERR_BUSY);
    if (!strstr(ae_last_error(), says)) fail_msg("%s", ae_last_error());
    ae_data_free(data);
}

static void while_there_are_shares_no_handle_changes_the_model(void **state)
{
    const float bias[64] = {0};
    ae_model *model = some_model(&kinds[0], NULL), *share = share_of(model);
    ae_model *second = share_of(share);
    image before = image_of(model);
    (void)state;
    assert_busy(model, "has shares (2)");
    assert_busy(share, "is a share");
    assert_busy(second, "is a share");
    ae_model_free(share);
    assert_busy(model, "has shares (1)");
    assert_true(has_image(model, before) && has_image(second, before));
    ae_model_free(second);
    must(ae_model_weights_set(model, 0, "bias", bias, 12));
    must(ae_model_set_f64(model, AE_PARAM_LEARNING_RATE, 0.5));
    must(ae_model_strip(model));
    share = share_of(model);
    ae_model_free(model);
    assert_busy(share, "is a share"); /* also the last one */
    ae_model_free(share);
    free(before.bytes);
}

static int32_t share_it(const ae_event *event, void *user)
{
    ae_model *share = user;
    (void)event;
    assert_int_equal(ae_model_share(&share, user), AE_ERR_BUSY);
    assert_non_null(strstr(ae_last_error(), "is being trained"));
    assert_null(share);
    return 0;
}

static void callback_cannot_share_what_is_trained(void **state)
{
    ae_model *model = kind_model(&kinds[0], NULL);
    ae_fit_options *options = options_to(2);
    (void)state;
    must(ae_fit_options_progress(options, share_it, model));
    if (library_trains()) must(ae_fit(model, x, NULL, N, options));
    ae_model_free(share_of(model));
    ae_fit_options_free(options);
    ae_model_free(model);
}

/* A change that is refused lets go of the model, too. */
static void model_whose_change_failed_can_be_shared(void **state)
{
    const float bad[64] = {[3] = NAN};
    ae_model *model = kind_model(&kinds[0], NULL);
    (void)state;
    assert_int_equal(ae_model_weights_set(model, 0, "bias", bad, 12), AE_ERR_NONFINITE);
    assert_int_equal(ae_model_weights_set(model, 0, "bias", bad, 3), AE_ERR_SHAPE);
    assert_int_equal(ae_model_set_i64(model, AE_PARAM_BATCH, 0), AE_ERR_RANGE);
    assert_int_equal(ae_model_set_i64(model, AE_PARAM_SEED, 1), AE_ERR_STATE);
    assert_true(ae_fit(model, bad, NULL, 1, NULL) != AE_OK);
    assert_true(ae_fit_batch(model, bad, NULL, 1, NULL) != AE_OK);
    ae_model_free(share_of(model));
    ae_model_free(model);
}

/* ---- what it takes ---- */

static ae_model *wide_model(const ae_allocator *allocator, int64_t memory)
{
    ae_config *config;
    must(ae_config_create_with(&config, allocator));
    must(ae_preset_vanilla(config, 784, 3000, AE_LOSS_MSE));
    if (memory) must(ae_config_set_i64(config, AE_PARAM_MEMORY, memory));
    return model_of(config);
}

static long told_workspace(const ae_model *model)
{
    char text[8192];
    long bytes;
    must(ae_model_summary(model, text, sizeof text, NULL));
    assert_int_equal(sscanf(strstr(text, "workspace: "), "workspace: %ld", &bytes), 1);
    return bytes;
}

static void share_takes_its_workspace_and_little_more(void **state)
{
    heap h = {0};
    ae_allocator allocator = allocator_of(&h);
    ae_model *model = wide_model(&allocator, 0);
    const long before = (long)h.given, weights = 4 * (long)ae_model_weights(model);
    ae_model *share = share_of(model);
    const long taken = (long)h.given - before;
    (void)state;
    assert_int_equal(told_workspace(share), told_workspace(model));
    assert_in_range(taken, told_workspace(share), told_workspace(share) + 32768);
    assert_true(taken < weights / 4);
    ae_model_free(share);
    ae_model_free(model);
}

static void share_keeps_to_the_memory_that_the_model_may_have(void **state)
{
    const long most = 200000;
    ae_model *model = wide_model(NULL, most), *share = share_of(model);
    int64_t memory;
    (void)state;
    must(ae_model_get_i64(share, AE_PARAM_MEMORY, &memory));
    assert_int_equal(memory, most);
    assert_true(told_workspace(share) <= most);
    assert_int_equal(ae_model_set_i64(share, AE_PARAM_MEMORY, told_workspace(share) - 1),
                     AE_ERR_RANGE);
    ae_model_free(share);
    ae_model_free(model);
}

/* How a handle runs is its own. */
static void share_has_parameters_of_its_own_run(void **state)
{
    ae_model *model = some_model(&kinds[0], NULL);
    int64_t threads, cpu;
    (void)state;
    must(ae_model_set_i64(model, AE_PARAM_THREADS, 3));
    must(ae_model_set_i64(model, AE_PARAM_CPU, AE_CPU_PORTABLE));
    ae_model *share = share_of(model);
    must(ae_model_get_i64(share, AE_PARAM_THREADS, &threads));
    must(ae_model_get_i64(share, AE_PARAM_CPU, &cpu));
    assert_int_equal(threads, 1);
    assert_int_equal(cpu, AE_CPU_PORTABLE);
    assert_answers_alike(model, share, "one thread");
    must(ae_model_set_i64(share, AE_PARAM_THREADS, 2));
    must(ae_model_set_i64(model, AE_PARAM_THREADS, 1));
    must(ae_model_get_i64(share, AE_PARAM_THREADS, &threads));
    assert_int_equal(threads, 2);
    assert_answers_alike(model, share, "two threads");
    ae_model_free(model);
    ae_model_free(share);
}

static void share_that_cannot_be_had_leaves_the_model_as_it_was(void **state)
{
    heap h = {0};
    ae_allocator allocator = allocator_of(&h);
    ae_model *model = some_model(&kinds[5], &allocator), *share;
    const size_t live = h.live;
    int32_t status = AE_ERR_NOMEM;
    int failures = 0;
    (void)state;
    while (status == AE_ERR_NOMEM) {
        share = model;
        h.calls = 0;
        h.fails_at = failures + 1;
        h.watched = true;
        status = ae_model_share(&share, model);
        h.watched = false;
        if (status == AE_OK) break;
        failures++;
        assert_null(share);
        assert_int_equal(h.live, live);
        must(ae_model_set_f64(model, AE_PARAM_LEARNING_RATE, 0.5)); /* none is counted */
    }
    assert_int_equal(status, AE_OK);
    assert_true(failures > 3);
    ae_model_free(share);
    ae_model_free(model);
    assert_int_equal(h.live, 0);
}

/* ---- fork ---- */

#ifdef __SANITIZE_THREAD__ /* which knows no threads of a child */
enum { MOST_THREADS = 1 };
#else
enum { MOST_THREADS = 2 };
#endif

/* In a child: a share without threads of a model that has some, and shares of it. */
static int forked(ae_model *model, ae_model *share, const answer *want)
{
    const question q = {RECONSTRUCT, 0, N};
    answer got;
    ae_model *second = NULL;
    ask(share, &q, &got);
    if (memcmp(&got, want, sizeof got) != 0) return 1;
    if (ae_model_share(&second, model) != AE_ERR_STATE || second) return 2;
    if (ae_model_share(&second, share) != AE_OK) return 3;
    ask(second, &q, &got);
    if (memcmp(&got, want, sizeof got) != 0) return 4;
    if (ae_model_set_i64(second, AE_PARAM_THREADS, MOST_THREADS) != AE_OK) return 5; /* its own */
    ask(second, &q, &got);
    if (memcmp(&got, want, sizeof got) != 0) return 6;
    ae_model_free(model);
    ae_model_free(second);
    ae_model_free(share);
    free(x);
    return 0;
}

static void share_without_threads_goes_on_in_a_child(void **state)
{
    const question q = {RECONSTRUCT, 0, N};
    answer want;
    int status;
    ae_model *model = some_model(&kinds[5], NULL);
    (void)state;
    must(ae_model_set_i64(model, AE_PARAM_THREADS, 2));
    ae_model *share = share_of(model);
    ask(model, &q, &want);
    pid_t child = fork();
    if (child == 0) _exit(forked(model, share, &want));
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
    ae_model_free(model);
    ae_model_free(share);
}

int main(void)
{
#define test(name) cmocka_unit_test_setup_teardown(name, draw_x, free_x)
    const struct CMUnitTest tests[] = {
        test(share_answers_with_the_same_bits),
        test(share_outlives_the_first_handle),
        test(handles_go_in_any_order),
        test(while_there_are_shares_no_handle_changes_the_model),
        test(callback_cannot_share_what_is_trained),
        test(model_whose_change_failed_can_be_shared),
        test(share_takes_its_workspace_and_little_more),
        test(share_keeps_to_the_memory_that_the_model_may_have),
        test(share_has_parameters_of_its_own_run),
        test(share_that_cannot_be_had_leaves_the_model_as_it_was),
        test(share_without_threads_goes_on_in_a_child),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
