/* Saving to a path: the new file as a whole, or the old one as it was, and nothing else beside. */
#include "test_file_folder.h"

#include <pthread.h>
#include <signal.h>
#include <sys/resource.h>

/* Saves a model where a smaller one is, and wants this failure: the old file stays, byte for byte. */
static void assert_unsaved(const ae_model *m, const char *path, const char *words)
{
    int before = count_files(false);
    assert_int_equal(ae_model_save(m, path), AE_ERR_IO);
    if (!strstr(ae_last_error(), words)) fail_msg("\"%s\", wanted \"%s\"", ae_last_error(), words);
    assert_int_equal(count_files(false), before);
}

static void path_and_memory_give_the_same_bytes(void **state)
{
    (void)state;
    ae_model *m = small_model();
    for (int64_t epochs = 0; epochs < 3; epochs++) { /* a new file, then in place of one */
        train(m, epochs);
        blob b = saved(m);
        ok(ae_model_save(m, in_folder("m.aem")));
        blob file = read_file(in_folder("m.aem"));
        assert_same(file, b);
        assert_int_equal(count_files(false), 1);
        free(b.bytes);
        free(file.bytes);
    }
    ae_model_free(m);
}

static int32_t saved_mode(const ae_model *m)
{
    struct stat info;
    ok(ae_model_save(m, in_folder("m.aem")));
    ok(stat(in_folder("m.aem"), &info));
    return (int32_t)(info.st_mode & 07777);
}

static void permissions_are_the_old_files_or_the_umasks(void **state)
{
    (void)state;
    const mode_t modes[] = {0400, 0600, 0640, 0666, 0000};
    ae_model *m = small_model();
    mode_t mask = umask(027);
    assert_int_equal(saved_mode(m), 0640);
    for (size_t i = 0; i < sizeof modes / sizeof *modes; i++) {
        ok(chmod(in_folder("m.aem"), modes[i]));
        assert_int_equal(saved_mode(m), modes[i]);
    }
    assert_int_equal(umask(mask), 027);
    ae_model_free(m);
}

static void symbolic_link_is_replaced_not_followed(void **state)
{
    (void)state;
    struct stat info;
    ae_model *m = small_model();
    blob b = small_file();
    write_file(in_folder("target"), b);
    ok(symlink("target", in_folder("link")));
    ok(symlink("nowhere", in_folder("dangling")));
    ok(ae_model_save(m, in_folder("link")));
    ok(ae_model_save(m, in_folder("dangling")));
    ok(lstat(in_folder("link"), &info));
    assert_true(S_ISREG(info.st_mode));
    ok(lstat(in_folder("dangling"), &info));
    assert_true(S_ISREG(info.st_mode));
    blob target = read_file(in_folder("target"));
    assert_same(target, b);
    assert_int_equal(count_files(false), 3);
    ae_model_free(m);
    free(target.bytes);
    free(b.bytes);
}

/* A rename over a device or a FIFO would take it away from everybody else. */
static void what_is_no_file_is_left_alone(void **state)
{
    (void)state;
    struct stat before, after;
    ae_model *m = small_model();
    ok(mkfifo(in_folder("fifo"), 0600));
    ok(mkdir(in_folder("folder"), 0700));
    ok(symlink("/dev/full", in_folder("full")));
    ok(symlink("folder", in_folder("link")));
    ok(stat("/dev/full", &before));
    const char *const names[] = {"fifo", "folder", "folder/", "folder/.", "link", "full", "..", ""};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        assert_unsaved(m, in_folder(names[i]), "no regular file");
    assert_unsaved(m, "/dev/full", "no regular file");
    assert_unsaved(m, "/dev/null", "no regular file");
    assert_unsaved(m, "", "no regular file");
    assert_unsaved(m, "/", "no regular file");
    ok(stat("/dev/full", &after));
    assert_true(S_ISCHR(after.st_mode) && before.st_ino == after.st_ino);
    ae_model_free(m);
}

static void folders_that_cannot_be_written_are_refused(void **state)
{
    (void)state;
    char longest[301] = {0}, folders[8192] = {0};
    ae_model *m = small_model();
    write_file(in_folder("file"), (blob){(uint8_t[1]){0}, 0});
    assert_unsaved(m, "/nowhere/m.aem", "cannot open the folder: no such file or folder (errno 2)");
    assert_unsaved(m, in_folder("file/m.aem"), "part of the path is no folder");
    assert_unsaved(m, "/proc/m.aem", "cannot create a file in the folder");
    memset(longest, 'x', sizeof longest - 1);
    assert_unsaved(m, in_folder(longest), "name too long");
    memset(folders, '/', sizeof folders - 2);
    folders[sizeof folders - 2] = 'x';
    assert_unsaved(m, folders, "cannot open the folder: name too long");
    ae_model_free(m);
}

/* Of a model whose last step has left a weight that is not finite. */
static int32_t save_broken(const ae_event *event, void *user)
{
    size_t bytes = 7;
    (void)event;
    assert_int_equal(ae_model_save(user, in_folder("m.aem")), AE_ERR_NONFINITE);
    assert_non_null(strstr(ae_last_error(), "layer #0, kernel, number 0 is not finite"));
    assert_int_equal(ae_model_save_memory(user, NULL, 0, &bytes), AE_ERR_NONFINITE);
    assert_int_equal(bytes, 7);
    return 1;
}

/* One step of which the loss is still finite, 1e36, and the weight no more; the fit then takes it back. */
static ae_model *model_broken_for_a_while(void)
{
    const float one = 1, x = 1e18f, y = 0;
    ae_config *c;
    ae_model *m;
    ae_fit_options *o;
    ok(ae_config_create(&c));
    ae_config_input(c, 1);
    ae_config_dense(c, 1, AE_ACT_LINEAR);
    ae_config_code(c);
    ae_config_loss(c, AE_LOSS_MSE);
    ae_config_optimizer(c, AE_OPTIM_SGD);
    ae_config_set_f64(c, AE_PARAM_LEARNING_RATE, 1e6);
    ok(ae_model_create(&m, c));
    ae_config_free(c);
    ok(ae_model_weights_set(m, 0, "kernel", &one, 1));
    ok(ae_fit_options_create(&o));
    ok(ae_fit_options_progress(o, save_broken, m));
    assert_int_equal(ae_fit(m, &x, &y, 1, o), AE_ERR_DIVERGED);
    ae_fit_options_free(o);
    return m;
}

static void weights_that_are_not_finite_are_not_saved(void **state)
{
    (void)state;
    blob b = small_file();
    write_file(in_folder("m.aem"), b);
    ae_model *m = model_broken_for_a_while();
    blob file = read_file(in_folder("m.aem"));
    assert_same(file, b);
    assert_int_equal(count_files(false), 1);
    ae_model_free(m);
    free(file.bytes);
    free(b.bytes);
}

static void name_as_long_as_names_can_be_is_saved(void **state)
{
    (void)state;
    char name[256];
    ae_model *m = small_model();
    memset(name, 'x', 255);
    name[255] = 0;
    ok(ae_model_save(m, in_folder(name)));
    assert_int_equal(count_files(false), 1);
    ae_model_free(m);
}

/* Left by a process that was killed and had our number. */
static void names_that_are_taken_are_passed_over(void **state)
{
    (void)state;
    char name[64];
    ae_model *m = small_model();
    for (int i = 0; i < 3; i++) {
        snprintf(name, sizeof name, ".ae-%ld-%d.tmp", (long)getpid(), i);
        write_file(in_folder(name), (blob){(uint8_t[1]){0}, 0});
    }
    ok(ae_model_save(m, in_folder("m.aem")));
    assert_int_equal(count_files(false), 4);
    ae_model_free(m);
}

static void path_without_a_folder_is_in_the_working_one(void **state)
{
    (void)state;
    ae_model *m = small_model();
    int here = open(".", O_RDONLY | O_DIRECTORY);
    ok(chdir(folder));
    int32_t status = ae_model_save(m, "m.aem");
    ok(fchdir(here));
    close(here);
    ok(status);
    blob b = read_file(in_folder("m.aem"));
    assert_int_equal(try_load(b), AE_OK);
    ae_model_free(m);
    free(b.bytes);
}

/* ---- limits of the process ---- */

typedef struct limit {
    const ae_model *model;
    int what;
    rlim_t value;
    const char *words;
} limit;

static int save_within(void *arg)
{
    const limit *l = arg;
    struct rlimit r = {l->value, l->value};
    signal(SIGXFSZ, SIG_IGN);
    if (setrlimit(l->what, &r) != 0) return 2;
    return !(ae_model_save(l->model, in_folder("m.aem")) == AE_ERR_IO &&
             strstr(ae_last_error(), l->words));
}

static void limits_leave_the_old_file(void **state)
{
    (void)state;
    ae_model *m = small_model();
    blob b = small_file();
    write_file(in_folder("m.aem"), b);
    train(m, 1);
    for (rlim_t bytes = 0; bytes < 800; bytes += 37) {
        limit l = {m, RLIMIT_FSIZE, bytes, "cannot write: file too large"};
        assert_int_equal(in_child(save_within, &l), 0);
    }
    for (rlim_t files = 0; files < 5; files++) {
        limit l = {m, RLIMIT_NOFILE, files, "too many open files"};
        assert_int_equal(in_child(save_within, &l), 0);
    }
    blob file = read_file(in_folder("m.aem"));
    assert_same(file, b);
    assert_int_equal(count_files(false), 1);
    ae_model_free(m);
    free(file.bytes);
    free(b.bytes);
}

/* ---- two savers ---- */

typedef struct saver {
    pthread_t thread;
    ae_model *model;
    const char *path;
    int failures;
} saver;

static void *save_often(void *arg)
{
    saver *s = arg;
    for (int i = 0; i < 100; i++) s->failures += ae_model_save(s->model, s->path) != AE_OK;
    return NULL;
}

static void two_savers_leave_one_of_their_files(void **state)
{
    (void)state;
    const char *path = in_folder("m.aem");
    saver savers[2] = {{.model = small_model(), .path = path},
                       {.model = small_model(), .path = path}};
    train(savers[1].model, 2);
    for (int i = 0; i < 2; i++) ok(pthread_create(&savers[i].thread, NULL, save_often, &savers[i]));
    for (int i = 0; i < 2; i++) {
        ok(pthread_join(savers[i].thread, NULL));
        assert_int_equal(savers[i].failures, 0);
    }
    blob a = saved(savers[0].model), b = saved(savers[1].model), file = read_file(path);
    assert_same(file, file.count == a.count ? a : b);
    assert_int_equal(count_files(false), 1);
    ae_model_free(savers[0].model);
    ae_model_free(savers[1].model);
    free(a.bytes);
    free(b.bytes);
    free(file.bytes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        in_a_folder(path_and_memory_give_the_same_bytes),
        in_a_folder(permissions_are_the_old_files_or_the_umasks),
        in_a_folder(symbolic_link_is_replaced_not_followed),
        in_a_folder(what_is_no_file_is_left_alone),
        in_a_folder(folders_that_cannot_be_written_are_refused),
        in_a_folder(weights_that_are_not_finite_are_not_saved),
        in_a_folder(name_as_long_as_names_can_be_is_saved),
        in_a_folder(names_that_are_taken_are_passed_over),
        in_a_folder(path_without_a_folder_is_in_the_working_one),
        in_a_folder(limits_leave_the_old_file),
        in_a_folder(two_savers_leave_one_of_their_files),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
