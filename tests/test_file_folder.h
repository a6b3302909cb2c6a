/* What the tests of saving to a path share: a folder, files of bytes, and children. */
#ifndef TEST_FILE_FOLDER_H
#define TEST_FILE_FOLDER_H

#include "folder.h"
#include "test_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

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
