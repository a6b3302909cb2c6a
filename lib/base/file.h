/* Files read whole or at any place, and replaced whole or not at all. */
#ifndef AE__BASE_FILE_H
#define AE__BASE_FILE_H

#include "base/mem.h"

/* Reads a regular file into one block of ae__mem_alloc; of one that does not begin with `magic` (a text of
 * at most 16 bytes) no more than that is read. IO names the path and the system's reason; NOMEM. On
 * failure *out is NULL. */
int32_t ae__file_read(const char *path, const char *magic, const ae_allocator *mem, uint8_t **out,
                      size_t *bytes);

/* Opens a regular file to be read; *bytes is its size. IO. */
int32_t ae__file_open(const char *path, int *fd, uint64_t *bytes);
/* Nothing for -1. */
void ae__file_close(int fd);

/* Reads `count` bytes from byte `at` on; several threads may. IO, too, where the file ends before. */
int32_t ae__file_read_at(int fd, const char *path, uint64_t at, void *out, size_t count);

/* A file being written beside its target, unseen until it is put in place. */
typedef struct ae__replacement {
    const char *path;
    int folder; /* file descriptors */
    int file;
    char name[64];      /* of the temporary in the folder; "": it has none yet */
    const char *target; /* last part of path */
    size_t held;        /* bytes in the buffer, not written yet */
    uint8_t buffer[1 << 12];
} ae__replacement;

/* Opens a replacement of path. Its permissions are those of the file there, else the umask's. A
 * symbolic link is replaced, not followed. IO, also where there is anything but a regular file. */
int32_t ae__replacement_open(ae__replacement *r, const char *path);

/* Writes n bytes, at the latest when the file is closed; a sink for ae__writer. IO. */
int32_t ae__replacement_write(void *replacement, const void *bytes, size_t n);

/* status AE_OK: flushes to the disk and puts the file in the target's place. Otherwise, or where
 * that fails, removes every trace. Returns the first failure. */
int32_t ae__replacement_close(ae__replacement *r, int32_t status);

#endif
