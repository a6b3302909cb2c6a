/* Loading from a path: a regular file, or an error that names the reason; nothing blocks. */
#include "test_file_folder.h"

static void assert_unreadable(const char *path, int32_t code, const char *words)
{
    ae_model *m = (ae_model *)folder;
    int32_t status = ae_model_load(&m, path);
    if (status != code || !strstr(ae_last_error(), words))
        fail_msg("%s: status %d, \"%s\"", path, status, ae_last_error());
    assert_null(m);
}

static void path_and_memory_load_alike(void **state)
{
    (void)state;
    ae_model *m;
    blob b = small_file();
    write_file(in_folder("m.aem"), b);
    ok(ae_model_load(&m, in_folder("m.aem")));
    blob again = saved(m);
    assert_same(again, b);
    ae_model_free(m);
    free(again.bytes);
    free(b.bytes);
}

static void symbolic_link_is_followed(void **state)
{
    (void)state;
    ae_model *m;
    blob b = small_file();
    write_file(in_folder("m.aem"), b);
    ok(symlink("m.aem", in_folder("link")));
    ok(ae_model_load(&m, in_folder("link")));
    ae_model_free(m);
    free(b.bytes);
}

static void what_is_no_file_is_refused(void **state)
{
    (void)state;
    ok(mkfifo(in_folder("fifo"), 0600)); /* without a writer: must not block */
    ok(symlink("nowhere", in_folder("dangling")));
    ok(symlink("loop", in_folder("loop")));
    assert_unreadable(in_folder("fifo"), AE_ERR_IO, "no regular file");
    assert_unreadable("/dev/zero", AE_ERR_IO, "no regular file");
    assert_unreadable("/dev/null", AE_ERR_IO, "no regular file");
    assert_unreadable(folder, AE_ERR_IO, "no regular file");
    assert_unreadable(in_folder("dangling"), AE_ERR_IO, "no such file");
    assert_unreadable(in_folder("loop"), AE_ERR_IO, "errno");
    assert_unreadable(in_folder("missing"), AE_ERR_IO, "no such file or folder (errno 2): /");
    assert_unreadable(in_folder("fifo/below"), AE_ERR_IO, "part of the path is no folder");
    assert_unreadable("", AE_ERR_IO, "no such file");
}

static void hostile_names_are_made_printable(void **state)
{
    (void)state;
    char name[5000];
    assert_unreadable("/nowhere/\x1b[2J\n", AE_ERR_IO, "/nowhere/?[2J?");
    memset(name, 'x', sizeof name - 1);
    name[sizeof name - 1] = 0;
    assert_unreadable(name, AE_ERR_IO, "name too long");
}

static void empty_and_foreign_files_are_refused(void **state)
{
    (void)state;
    write_file(in_folder("empty"), (blob){(uint8_t[1]){0}, 0});
    write_file(in_folder("text"),
               (blob){(uint8_t[]){'h', 'e', 'l', 'l', 'o', ' ', 'y', 'o', 'u'}, 9});
    assert_unreadable(in_folder("empty"), AE_ERR_FORMAT, "no .aem file");
    assert_unreadable(in_folder("text"), AE_ERR_FORMAT, "no .aem file");
    assert_unreadable("/proc/self/maps", AE_ERR_FORMAT, "no .aem file"); /* says that it is empty */
}

/* Of 4 TB of something else no more is read than shows it. */
static void giant_of_another_format_costs_nothing(void **state)
{
    (void)state;
    ae_model *m;
    heap used = {0};
    ae_allocator mem = allocator_of(&used);
    write_file(in_folder("m.aem"), (blob){(uint8_t[]){0x89, 'P', 'N', 'G'}, 4});
    if (truncate(in_folder("m.aem"), (off_t)1 << 42) != 0) skip();
    assert_int_equal(ae_model_load_with(&m, in_folder("m.aem"), &mem), AE_ERR_FORMAT);
    assert_true(used.peak < 1024);
}

static int load_as_nobody(void *path)
{
    ae_model *m;
    if (geteuid() == 0 && setuid(65534) != 0) return 0;
    int32_t status = ae_model_load(&m, path);
    return !(status == AE_ERR_IO && strstr(ae_last_error(), "permission denied") && !m);
}

static void unreadable_file_is_refused(void **state)
{
    (void)state;
    blob b = small_file();
    write_file(in_folder("m.aem"), b);
    ok(chmod(in_folder("m.aem"), 0));
    ok(chmod(folder, 0755));
    assert_int_equal(in_child(load_as_nobody, (void *)in_folder("m.aem")), 0);
    free(b.bytes);
}

static void no_file_descriptor_stays_open(void **state)
{
    (void)state;
    int before = dup(0);
    close(before);
    what_is_no_file_is_refused(state);
    count_files(true);
    path_and_memory_load_alike(state);
    int after = dup(0);
    close(after);
    assert_int_equal(after, before);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        in_a_folder(path_and_memory_load_alike),
        in_a_folder(symbolic_link_is_followed),
        in_a_folder(what_is_no_file_is_refused),
        in_a_folder(hostile_names_are_made_printable),
        in_a_folder(empty_and_foreign_files_are_refused),
        in_a_folder(giant_of_another_format_costs_nothing),
        in_a_folder(unreadable_file_is_refused),
        in_a_folder(no_file_descriptor_stays_open),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
