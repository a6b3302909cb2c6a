/* A save that is killed before or after any system call, or of which any system call fails: stopped there
 * with ptrace, so that no moment is left to chance. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "test_file_folder.h"

#if defined(__linux__) && defined(__x86_64__)
#include <errno.h>
#include <signal.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/user.h>

typedef int32_t action(const ae_model *m);

static int32_t save(const ae_model *m)
{
    return ae_model_save(m, in_folder("m.aem"));
}

static int32_t load(const ae_model *m)
{
    ae_model *loaded;
    (void)m;
    int32_t status = ae_model_load(&loaded, in_folder("m.aem"));
    return (status == AE_OK) == (loaded != NULL) ? status : AE_ERR_INVALID;
}

/* Acts in a child that waits to be traced, whose exit status is the action's, negated. */
static pid_t start(action *act, const ae_model *m)
{
    pid_t child = fork();
    if (child == 0) {
        if (ptrace(PTRACE_TRACEME, 0, NULL, NULL) != 0) _exit(UINT8_MAX);
        raise(SIGSTOP);
        _exit(-act(m));
    }
    return child;
}

/* Runs to the next entry or return of a system call; false: the child is gone, *status tells how. */
static bool step(pid_t child, int *status)
{
    if (ptrace(PTRACE_SYSCALL, child, NULL, NULL) != 0) return false;
    return waitpid(child, status, 0) == child && WIFSTOPPED(*status);
}

typedef struct files {
    ae_model *model;
    blob old, new;
} files;

/* An old file, and a model of 36 kB to be saved in its place, which takes several writes. */
static files prepare(void)
{
    ae_config *c;
    files f = {.old = small_file()};
    ok(ae_config_create(&c));
    ae_config_input(c, 30);
    ae_config_dense(c, 300, AE_ACT_RELU);
    ae_config_code(c);
    ok(ae_model_create(&f.model, c));
    ae_config_free(c);
    f.new = saved(f.model);
    write_file(in_folder("m.aem"), f.old);
    return f;
}

static void clean_up(files *f)
{
    ae_model_free(f->model);
    free(f->old.bytes);
    free(f->new.bytes);
}

/* 0: the old file, 1: the new one; anything else fails. */
static int which_file(const files *f)
{
    blob b = read_file(in_folder("m.aem"));
    int is_new = b.count == f->new.count;
    assert_same(b, is_new ? f->new : f->old);
    free(b.bytes);
    return is_new;
}

static void killed_at_any_system_call_it_leaves_the_old_file_or_the_new(void **state)
{
    (void)state;
    int status = 0, strays = 0, olds = 0, n = 0;
    files f = prepare();
    for (bool ended = false; !ended; n++) {
        write_file(in_folder("m.aem"), f.old);
        pid_t child = start(save, f.model);
        assert_true(waitpid(child, &status, 0) == child);
        if (WIFEXITED(status)) skip(); /* ptrace is not allowed here */
        for (int i = 0; i < n && !ended; i++) ended = !step(child, &status);
        if (ended) assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
        if (!ended) {
            kill(child, SIGKILL);
            assert_true(waitpid(child, &status, 0) == child && WIFSIGNALED(status));
        }
        olds += !which_file(&f);
        strays += count_files(true) - 1;
    }
    assert_true(olds > 20 && olds < n);
    assert_true(strays <= 2); /* between the return of linkat and the entry of rename */
    clean_up(&f);
}

/* Whether the call is about files: those about memory and signals may be a sanitizer's own. */
static bool about_files(unsigned long long number)
{
    const unsigned long long others[] = {SYS_mmap,        SYS_munmap,       SYS_brk,
                                         SYS_madvise,     SYS_mprotect,     SYS_rt_sigprocmask,
                                         SYS_sigaltstack, SYS_rt_sigaction, SYS_exit_group};
    for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
        if (number == others[i]) return false;
    }
    return true;
}

/* Stopped at the entry of a system call: it is not made, and returns `error`. */
static void fail_call(pid_t child, int error)
{
    int status;
    struct user_regs_struct regs;
    ptrace(PTRACE_GETREGS, child, NULL, &regs);
    regs.orig_rax = (unsigned long long)-1;
    ptrace(PTRACE_SETREGS, child, NULL, &regs);
    step(child, &status);
    regs.rax = (unsigned long long)-error;
    ptrace(PTRACE_SETREGS, child, NULL, &regs);
}

/* Lets a stopped child go; its action's code, or INVALID where it crashed. */
static int32_t finish(pid_t child)
{
    int status;
    ptrace(PTRACE_CONT, child, NULL, NULL);
    assert_true(waitpid(child, &status, 0) == child);
    return WIFEXITED(status) ? -WEXITSTATUS(status) : AE_ERR_INVALID;
}

/* Lets system call number n, which *number will tell, fail with `error`, if it is about files. Returns the
 * action's code. */
static int32_t act_with_fault(action *act, const ae_model *m, int n, int error,
                              unsigned long long *number)
{
    int status = 0;
    struct user_regs_struct regs;
    pid_t child = start(act, m);
    assert_true(waitpid(child, &status, 0) == child);
    if (WIFEXITED(status)) skip();
    for (int i = 0; i <= 2 * n; i++) {
        if (!step(child, &status)) return -WEXITSTATUS(status);
    }
    ptrace(PTRACE_GETREGS, child, NULL, &regs);
    *number = regs.orig_rax;
    if (about_files(*number)) fail_call(child, error);
    return finish(child);
}

static const int errors[] = {EIO, ENOSPC, EINTR, EDQUOT, EMFILE};
enum { ERRORS = sizeof errors / sizeof *errors };

/* Where rename is done and the flush of the folder fails, IO is told though the new file is there. */
static void any_system_call_that_fails_is_told_and_leaves_the_old_file(void **state)
{
    (void)state;
    int told = 0, flushes = 0;
    files f = prepare();
    for (int e = 0; e < ERRORS; e++) {
        for (int n = 0;; n++) {
            unsigned long long number = UINT64_MAX;
            write_file(in_folder("m.aem"), f.old);
            int32_t code = act_with_fault(save, f.model, n, errors[e], &number);
            if (number == UINT64_MAX) break;
            if (code != AE_OK && code != AE_ERR_IO)
                fail_msg("call %llu, errno %d: code %d", number, errors[e], code);
            bool is_new = which_file(&f);
            if (code == AE_OK) assert_true(is_new);
            told += code == AE_ERR_IO;
            flushes += code == AE_ERR_IO && is_new;
            assert_int_equal(count_files(true), 1);
        }
    }
    assert_true(told > 50);
    assert_int_equal(flushes, ERRORS - 1); /* EINTR is tried again */
    clean_up(&f);
}

static void any_system_call_of_a_load_may_fail(void **state)
{
    (void)state;
    int told = 0;
    files f = prepare();
    for (int e = 0; e < ERRORS; e++) {
        for (int n = 0;; n++) {
            unsigned long long number = UINT64_MAX;
            int32_t code = act_with_fault(load, NULL, n, errors[e], &number);
            if (number == UINT64_MAX) break;
            if (code != AE_OK && code != AE_ERR_IO)
                fail_msg("call %llu, errno %d: code %d", number, errors[e], code);
            told += code == AE_ERR_IO;
        }
    }
    assert_int_equal(told,
                     4 * ERRORS - 2); /* open, fstat, read twice; EINTR is tried again there */
    clean_up(&f);
}

/* Truncated between the first read and the second. */
static void file_that_shrinks_while_it_is_read_is_refused(void **state)
{
    (void)state;
    int status = 0, reads = 0;
    files f = prepare();
    pid_t child = start(load, NULL);
    assert_true(waitpid(child, &status, 0) == child);
    if (WIFEXITED(status)) skip();
    while (step(child, &status)) {
        struct user_regs_struct regs;
        ptrace(PTRACE_GETREGS, child, NULL, &regs);
        if (regs.orig_rax == SYS_pread64 && ++reads == 2) ok(truncate(in_folder("m.aem"), 100));
    }
    assert_true(reads > 2 && WIFEXITED(status));
    assert_int_equal(-WEXITSTATUS(status), AE_ERR_IO);
    clean_up(&f);
}

/* Without unnamed files, and with all temporary names taken by others, whose files must stay. */
static void names_of_others_are_never_removed(void **state)
{
    (void)state;
    int status = 0;
    char name[64];
    files f = prepare();
    struct user_regs_struct regs = {0};
    pid_t child = start(save, f.model);
    assert_true(waitpid(child, &status, 0) == child);
    if (WIFEXITED(status)) skip();
    for (int i = 0; i < 1000; i++) {
        snprintf(name, sizeof name, ".ae-%ld-%d.tmp", (long)child, i);
        write_file(in_folder(name), (blob){(uint8_t[1]){0}, 0});
    }
    while (!(regs.orig_rax == SYS_openat && (regs.rdx & O_TMPFILE) == O_TMPFILE)) {
        assert_true(step(child, &status));
        ptrace(PTRACE_GETREGS, child, NULL, &regs);
    }
    fail_call(child, EOPNOTSUPP);
    assert_int_equal(finish(child), AE_ERR_IO);
    assert_int_equal(count_files(false), 1001);
    assert_int_equal(which_file(&f), 0);
    clean_up(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        in_a_folder(killed_at_any_system_call_it_leaves_the_old_file_or_the_new),
        in_a_folder(any_system_call_that_fails_is_told_and_leaves_the_old_file),
        in_a_folder(names_of_others_are_never_removed),
        in_a_folder(any_system_call_of_a_load_may_fail),
        in_a_folder(file_that_shrinks_while_it_is_read_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

#else
int main(void)
{
    return 77; /* skipped: the registers of a traced process are known for x86-64 only */
}
#endif
