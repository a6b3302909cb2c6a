/* What calls may not change: everything of the host's. The same calls, of every group of ae.h, some
 * failing, run in different surroundings. */
#include "test_api.h"

#include <dirent.h>
#include <fcntl.h>
#include <fenv.h>
#include <limits.h>
#include <locale.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

enum { MANY = 300, WIDTH = 70, HIDDEN = 40 }; /* rows and columns that end within every tile */

static float rows[MANY * WIDTH];

#define tried(code, call) ok = ok && (call) == (code)

static ae_model *wide_model(bool *all)
{
    ae_config *config = NULL;
    ae_model *model = NULL;
    bool ok = true;
    tried(AE_OK, ae_config_create(&config));
    tried(AE_OK, ae_config_input(config, WIDTH));
    tried(AE_OK, ae_config_dense(config, HIDDEN, AE_ACT_TANH));
    tried(AE_OK, ae_config_code(config));
    tried(AE_OK, ae_config_dense(config, WIDTH, AE_ACT_SIGMOID));
    tried(AE_OK, ae_config_set_i64(config, AE_PARAM_TIED, 0));
    tried(AE_OK, ae_config_loss(config, AE_LOSS_BCE));
    tried(AE_OK, ae_model_create(&model, config));
    tried(AE_ERR_RANGE, ae_config_dense(config, 0, AE_ACT_RELU));
    ae_config_free(config);
    *all = ok;
    return model;
}

static int32_t stop_at_once(const ae_event *event, void *user)
{
    (void)event;
    (void)user;
    return 1;
}

static bool train(ae_model *model, int64_t threads)
{
    ae_fit_options *options = NULL;
    bool ok = true;
    tried(AE_OK, ae_fit_options_create(&options));
    tried(AE_OK, ae_fit_options_set_i64(options, AE_FIT_THREADS, threads));
    tried(AE_OK, ae_fit_options_validation(options, rows, NULL, MANY));
    tried(AE_OK, ae_fit(model, rows, NULL, MANY, options));
    tried(AE_OK, ae_fit_options_set_i64(options, AE_FIT_EPOCHS, 2));
    tried(AE_OK, ae_fit_options_progress(options, stop_at_once, NULL));
    tried(AE_ERR_CANCELLED, ae_fit(model, rows, NULL, MANY, options));
    tried(AE_ERR_INVALID, ae_fit(model, NULL, NULL, MANY, options));
    ae_fit_options_free(options);
    return ok;
}

static bool use(ae_model *model)
{
    static float out[MANY * WIDTH];
    ae_data *data = NULL;
    double loss;
    bool ok = true;
    tried(AE_OK, ae_encode(model, rows, MANY, out, MANY * WIDTH));
    tried(AE_OK, ae_reconstruct(model, rows, MANY, out, MANY * WIDTH));
    tried(AE_OK, ae_score(model, rows, MANY, out, MANY));
    tried(AE_OK, ae_data_create(&data));
    tried(AE_OK, ae_data_array(data, AE_DATA_X, AE_TYPE_U8, rows, MANY, WIDTH));
    tried(AE_OK, ae_data_scale(data, AE_DATA_X, 1.0 / 255, 0));
    tried(AE_OK, ae_evaluate_data(model, data, &loss));
    tried(AE_ERR_RANGE, ae_encode_data(model, data, out, 0));
    ae_data_free(data);
    return ok;
}

static bool keep(const ae_model *model, const char *path)
{
    char text[4096];
    ae_model *loaded = NULL;
    bool ok = true;
    tried(AE_OK, ae_model_summary(model, text, sizeof text, NULL));
    tried(AE_OK, ae_model_save(model, path));
    tried(AE_OK, ae_model_load(&loaded, path));
    ae_model_free(loaded);
    tried(AE_ERR_IO, ae_model_save(model, "/nowhere/model.aem"));
    tried(AE_ERR_IO, ae_model_load(&loaded, "/nowhere/model.aem"));
    tried(AE_ERR_FORMAT, ae_model_load(&loaded, "/proc/self/exe"));
    return ok;
}

/* All of it with one instruction set and product; NULL: well, else the group that went wrong. It prints
 * nothing and asserts nothing, so that it runs anywhere. */
static const char *call_all(int64_t threads, int64_t cpu, int64_t gemm)
{
    char path[64];
    bool ok;
    ae_model *model = wide_model(&ok);
    if (!ok) return "config";
    if (ae_model_set_i64(model, AE_PARAM_CPU, cpu) == AE_OK &&
        ae_model_set_i64(model, AE_PARAM_GEMM, gemm) == AE_OK) {
        snprintf(path, sizeof path, "test_api_host.%ld.aem", (long)getpid());
        tried(AE_OK, ae_model_set_i64(model, AE_PARAM_THREADS, threads));
        if (!ok || !train(model, threads + 1)) return "train";
        if (!use(model)) return "use";
        if (!keep(model, path)) return "keep";
        unlink(path);
    }
    ae_model_free(model);
    return NULL;
}

static const char *call_all_ways(int64_t threads)
{
    const char *wrong = NULL;
    for (int64_t cpu = AE_CPU_AUTO; cpu <= AE_CPU_NEON && !wrong; cpu++)
        wrong = call_all(threads, cpu, AE_GEMM_BUILTIN);
    return wrong ? wrong : call_all(threads, AE_CPU_AUTO, AE_GEMM_CBLAS);
}

/* ---- the host ---- */

enum { SIGNALS = 65 };

typedef struct host {
    int rounding, flags;
    char locale[64], folder[PATH_MAX];
    mode_t mask;
    sigset_t blocked;
    void (*handlers[SIGNALS])(int);
    int descriptors, threads;
} host;

static int entries(const char *path)
{
    int n = 0;
    DIR *folder = opendir(path);
    while (readdir(folder)) n++;
    closedir(folder);
    return n;
}

static pthread_mutex_t held = PTHREAD_MUTEX_INITIALIZER;

static void *wait_for_it(void *unused)
{
    pthread_mutex_lock(&held);
    pthread_mutex_unlock(&held);
    return unused;
}

static int threads_at_rest; /* entries before any call: a BLAS or an emulator may have its own */

/* Beside one that is held, so that it is on the list: a sanitizer starts its own with the first. */
static void count_threads_at_rest(void)
{
    pthread_t thread;
    pthread_mutex_lock(&held);
    pthread_create(&thread, NULL, wait_for_it, NULL);
    threads_at_rest = entries("/proc/self/task") - 1;
    pthread_mutex_unlock(&held);
    pthread_join(thread, NULL);
}

/* Those of the process; one that was joined may still be on the list for a moment. */
static int threads_now(void)
{
    int n = entries("/proc/self/task");
    for (int i = 0; n > threads_at_rest && i < 1000; i++) {
        const struct timespec moment = {.tv_nsec = 1000000};
        nanosleep(&moment, NULL);
        n = entries("/proc/self/task");
    }
    return n;
}

static void look(host *h)
{
    memset(h, 0, sizeof *h);
    h->rounding = fegetround();
    h->flags = fetestexcept(FE_DIVBYZERO | FE_OVERFLOW);
    snprintf(h->locale, sizeof h->locale, "%s", setlocale(LC_ALL, NULL));
    assert_non_null(getcwd(h->folder, sizeof h->folder));
    umask(h->mask = umask(0));
    pthread_sigmask(SIG_SETMASK, NULL, &h->blocked);
    for (int i = 1; i < SIGNALS; i++) {
        struct sigaction action = {0};
        sigaction(i, NULL, &action);
        h->handlers[i] = action.sa_handler;
    }
    h->descriptors = entries("/proc/self/fd");
    h->threads = threads_now();
}

/* Runs call_all_ways with the standard streams going to a file; the bytes that came there. */
static off_t bytes_printed(const char **wrong)
{
    struct stat written;
    FILE *file = tmpfile();
    int old[3] = {0};
    assert_non_null(file);
    fflush(NULL);
    for (int fd = 1; fd <= 2; fd++) {
        old[fd] = dup(fd);
        dup2(fileno(file), fd);
    }
    *wrong = call_all_ways(2);
    fflush(NULL);
    for (int fd = 1; fd <= 2; fd++) {
        dup2(old[fd], fd);
        close(old[fd]);
    }
    fstat(fileno(file), &written);
    fclose(file);
    return written.st_size;
}

static void host_is_as_it_was_after_every_kind_of_call(void **state)
{
    static const int roundings[] = {FE_TONEAREST, FE_UPWARD};
    static host before, after;
    const char *wrong = call_all(2, AE_CPU_AUTO, AE_GEMM_AUTO);
    (void)state;
    assert_null(wrong); /* a BLAS may start threads of its own, to stay, when it is first called */
    for (int i = 0; i < 2; i++) {
        sigset_t some;
        sigemptyset(&some);
        sigaddset(&some, SIGUSR2);
        pthread_sigmask(SIG_BLOCK, &some, NULL);
        umask(i ? 077 : 022);
        setlocale(LC_ALL, i ? "C.UTF-8" : "C");
        fesetround(roundings[i]);
        feraiseexcept(FE_DIVBYZERO | FE_OVERFLOW); /* flags may be raised, but stay */
        look(&before);
        off_t printed = bytes_printed(&wrong);
        look(&after);
        fesetround(FE_TONEAREST);
        if (wrong) fail_msg("%s: %s", wrong, ae_last_error());
        assert_int_equal(printed, 0);
        assert_int_equal(after.rounding, before.rounding);
        assert_int_equal(after.flags, before.flags);
        assert_string_equal(after.locale, before.locale);
        assert_string_equal(after.folder, before.folder);
        assert_int_equal(after.mask, before.mask);
        assert_memory_equal(&after.blocked, &before.blocked, sizeof after.blocked);
        assert_memory_equal(after.handlers, before.handlers, sizeof after.handlers);
        assert_int_equal(after.descriptors, before.descriptors);
        assert_int_equal(after.threads, before.threads);
    }
}

static void one_thread_is_enough_unless_more_are_asked_for(void **state)
{
    ae_model *model = small_model();
    const int before = threads_now();
    (void)state;
    must(fit_epochs(model, 1));
    assert_int_equal(entries("/proc/self/task"), before);
    must(ae_model_set_i64(model, AE_PARAM_THREADS, 3));
    assert_int_equal(entries("/proc/self/task"), before + 2);
    must(ae_model_set_i64(model, AE_PARAM_THREADS, 1));
    assert_int_equal(threads_now(), before);
    ae_model_free(model);
}

/* ---- a small stack ---- */

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
enum { ENOUGH = 1 << 20 }; /* their frames are larger */
#else
enum { ENOUGH = 64 << 10 };
#endif

enum { AMPLE = 4 << 20, PAGE = 4096 };

static _Alignas(PAGE) unsigned char ample[AMPLE];

static void *find_frame(void *address)
{
    *(uintptr_t *)address = (uintptr_t)__builtin_frame_address(0);
    return NULL;
}

/* Bytes of a thread's stack that it does not have: thread variables, 60 KiB of which are OpenBLAS'. */
static size_t taken_before(void)
{
    pthread_attr_t attr;
    pthread_t thread;
    uintptr_t frame = 0;
    pthread_attr_init(&attr);
    assert_int_equal(pthread_attr_setstack(&attr, ample, sizeof ample), 0);
    assert_int_equal(pthread_create(&thread, &attr, find_frame, &frame), 0);
    pthread_join(thread, NULL);
    pthread_attr_destroy(&attr);
    return (size_t)((uintptr_t)ample + sizeof ample - frame);
}

static void *call_all_built_in(void *result)
{
    const char **wrong = result;
    for (int64_t cpu = AE_CPU_AUTO; cpu <= AE_CPU_NEON && !*wrong; cpu++)
        *wrong = call_all(1, cpu, AE_GEMM_BUILTIN);
    return NULL;
}

static void stack_of_64_kib_is_enough(void **state)
{
    size_t size = (taken_before() + ENOUGH + PAGE - 1) / PAGE * PAGE;
    const char *wrong = NULL;
    pthread_attr_t attr;
    pthread_t thread;
    (void)state;
    pthread_attr_init(&attr);
    size += PAGE; /* a guard page is in it */
    if (size < (size_t)PTHREAD_STACK_MIN) size = (size_t)PTHREAD_STACK_MIN; /* of some systems */
    assert_int_equal(pthread_attr_setstacksize(&attr, size), 0);
    assert_int_equal(pthread_create(&thread, &attr, call_all_built_in, &wrong), 0);
    pthread_join(thread, NULL);
    pthread_attr_destroy(&attr);
    if (wrong) fail_msg("%s", wrong);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(host_is_as_it_was_after_every_kind_of_call),
        cmocka_unit_test(one_thread_is_enough_unless_more_are_asked_for),
        cmocka_unit_test(stack_of_64_kib_is_enough),
    };

    for (int i = 0; i < MANY * WIDTH; i++) rows[i] = (float)(i * 37 % 101) / 101;
    count_threads_at_rest();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
