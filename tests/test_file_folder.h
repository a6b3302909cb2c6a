/* A folder of its own for each test that touches the file system, and what lies in it. */
#ifndef TEST_FILE_FOLDER_H
#define TEST_FILE_FOLDER_H

#include "test_file.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static char folder[256];

/* folder/name; two at a time. */
static inline const char *in_folder(const char *name)
{
    static char paths[2][1024];
    static int next;
    char *path = paths[next++ % 2];
    snprintf(path, sizeof paths[0], "%s/%s", folder, name);
    return path;
}

/* Files in the folder; removes them where told. */
static inline int count_files(bool remove_them)
{
    int n = 0;
    DIR *d = opendir(folder);
    assert_non_null(d);
    for (struct dirent *e; (e = readdir(d)) != NULL;) {
        if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0) continue;
        if (remove_them) remove(in_folder(e->d_name));
        n++;
    }
    closedir(d);
    return n;
}

static inline int make_folder(void **state)
{
    (void)state;
    const char *root = getenv("TMPDIR");
    snprintf(folder, sizeof folder, "%s/libae-XXXXXX", root ? root : "/tmp");
    return mkdtemp(folder) ? 0 : -1;
}

static inline int remove_folder(void **state)
{
    (void)state;
    count_files(true);
    return rmdir(folder);
}

#define in_a_folder(test) cmocka_unit_test_setup_teardown(test, make_folder, remove_folder)

static inline void write_file(const char *path, blob b)
{
    FILE *f = fopen(path, "wb");
    assert_non_null(f);
    assert_int_equal(fwrite(b.bytes, 1, b.count, f), b.count);
    fclose(f);
}

static inline blob read_file(const char *path)
{
    static uint8_t bytes[1 << 16];
    FILE *f = fopen(path, "rb");
    if (!f) fail_msg("%s cannot be opened", path);
    blob b = blob_of(bytes, fread(bytes, 1, sizeof bytes, f));
    fclose(f);
    return b;
}

/* Runs in a child what changes the process for good; its exit status. A crash fails the test. */
static inline int in_child(int (*run)(void *), void *arg)
{
    int status;
    pid_t child = fork();
    if (child == 0) _exit(run(arg));
    assert_true(waitpid(child, &status, 0) == child && WIFEXITED(status));
    return WEXITSTATUS(status);
}

#endif
