/* Atomic replacement: an unnamed file in the target's folder (or, where there is no such thing, a
 * temporary one), write, fsync, link to a temporary name, rename over the target, fsync the folder.
 * At every moment the target is either the old file or the new one. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE /* O_TMPFILE */
#endif
#include "base/file.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/size.h"
#include "base/status.h"

enum { NAMES = 1000 /* temporary names tried */ };

/* Without the locale of strerror. */
static const struct {
    int number;
    const char *text;
} reasons[] = {
    {ENOENT, "no such file or folder"}, {EACCES, "permission denied"},
    {EPERM, "not permitted"},           {EEXIST, "too many temporary files"},
    {ENAMETOOLONG, "name too long"},    {ENOTDIR, "part of the path is no folder"},
    {ENOSPC, "no space left"},          {EDQUOT, "quota exceeded"},
    {EROFS, "read-only file system"},   {EFBIG, "file too large"},
    {EIO, "input/output error"},        {EMFILE, "too many open files"},
};

/* The reason of a failed system call. */
static int32_t fail(const char *path, const char *what)
{
    int reason = errno;
    const char *text = "system error";
    for (size_t i = 0; i < sizeof reasons / sizeof *reasons; i++) {
        if (reasons[i].number == reason) text = reasons[i].text;
    }
    return ae__fail(AE_ERR_IO, "cannot %s: %s (errno %d): %s", what, text, reason, path);
}

int32_t ae__file_open(const char *path, int *fd, uint64_t *bytes)
{
    struct stat info;
    *fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY); /* a FIFO must not block */
    if (*fd < 0) return fail(path, "open");
    int32_t status = fstat(*fd, &info) == 0 ? AE_OK : fail(path, "read");
    if (status == AE_OK && !S_ISREG(info.st_mode))
        status = ae__fail(AE_ERR_IO, "no regular file: %s", path);
    if (status == AE_OK) {
        *bytes = (uint64_t)info.st_size;
        return AE_OK;
    }
    close(*fd);
    *fd = -1;
    return status;
}

void ae__file_close(int fd)
{
    if (fd >= 0) close(fd);
}

int32_t ae__file_read_at(int fd, const char *path, uint64_t at, void *out, size_t count)
{
    uint8_t *bytes = out;
    while (count > 0) {
        ssize_t n = pread(fd, bytes, count, (off_t)at);
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) return fail(path, "read");
        if (n == 0)
            return ae__fail(AE_ERR_IO, "file ended at byte %llu, %zu before it should: %s",
                            (unsigned long long)at, count, path);
        bytes += n;
        at += (uint64_t)n;
        count -= (size_t)n;
    }
    return AE_OK;
}

static int32_t read_open(int fd, uint64_t size, const char *path, const char *magic,
                         const ae_allocator *mem, uint8_t **out, size_t *bytes)
{
    uint8_t start[16];
    size_t n = strlen(magic);
    assert(n <= sizeof start);
    if (size > PTRDIFF_MAX) return ae__fail(AE_ERR_IO, "file too large: %s", path);
    *bytes = (size_t)size;
    n = ae__min_size(n, *bytes);
    AE_TRY(ae__file_read_at(fd, path, 0, start, n));
    if (memcmp(start, magic, n) != 0) *bytes = n;
    *out = ae__mem_alloc(mem, *bytes);
    if (!*out) return ae__fail(AE_ERR_NOMEM, "no memory for the %zu bytes of %s", *bytes, path);
    memcpy(*out, start, n);
    int32_t status = ae__file_read_at(fd, path, n, *out + n, *bytes - n);
    if (status == AE_OK) return AE_OK;
    ae__mem_free(mem, *out);
    *out = NULL;
    return status;
}

int32_t ae__file_read(const char *path, const char *magic, const ae_allocator *mem, uint8_t **out,
                      size_t *bytes)
{
    uint64_t size = 0;
    int fd;
    *out = NULL;
    AE_TRY(ae__file_open(path, &fd, &size));
    int32_t status = read_open(fd, size, path, magic, mem, out, bytes);
    close(fd);
    return status;
}

/* Opens the folder of r->path, and splits the path there. */
static int open_folder(ae__replacement *r)
{
    char folder[PATH_MAX];
    const char *slash = strrchr(r->path, '/');
    size_t length = slash ? (size_t)(slash - r->path) : 0;
    r->target = slash ? slash + 1 : r->path;
    if (length >= sizeof folder) {
        errno = ENAMETOOLONG;
        return -1;
    }
    memcpy(folder, r->path, length);
    folder[length] = 0;
    return open(!slash ? "." : length ? folder : "/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

/* The i-th temporary name: short, since the target's own may be as long as names can be. */
static void name_temporary(ae__replacement *r, int i)
{
    snprintf(r->name, sizeof r->name, ".ae-%ld-%d.tmp", (long)getpid(), i);
}

/* A file with a temporary name, for file systems without unnamed ones. */
static int open_named(ae__replacement *r, mode_t mode)
{
    for (int i = 0; i < NAMES; i++) {
        name_temporary(r, i);
        int fd = openat(r->folder, r->name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode);
        if (fd >= 0) return fd;
        if (errno != EEXIST) break;
    }
    r->name[0] = 0; /* somebody else's */
    return -1;
}

/* Gives an unnamed file a temporary name. */
static int link_named(ae__replacement *r)
{
    char self[64];
    snprintf(self, sizeof self, "/proc/self/fd/%d", r->file);
    for (int i = 0; i < NAMES; i++) {
        name_temporary(r, i);
        if (linkat(AT_FDCWD, self, r->folder, r->name, AT_SYMLINK_FOLLOW) == 0) return 0;
        if (errno != EEXIST) break;
    }
    r->name[0] = 0;
    return -1;
}

static int open_unnamed(ae__replacement *r, mode_t mode)
{
#ifdef O_TMPFILE
    int fd = openat(r->folder, ".", O_TMPFILE | O_WRONLY | O_CLOEXEC, mode);
    if (fd >= 0 && access("/proc/self/fd", X_OK) == 0) return fd;
    if (fd >= 0) close(fd);
#else
    (void)r;
    (void)mode;
#endif
    return -1;
}

int32_t ae__replacement_open(ae__replacement *r, const char *path)
{
    struct stat old;
    *r = (ae__replacement){.path = path, .file = -1};
    r->folder = open_folder(r);
    if (r->folder < 0) return fail(path, "open the folder");
    bool exists = fstatat(r->folder, r->target, &old, 0) == 0;
    if (!r->target[0] || (exists && !S_ISREG(old.st_mode))) /* no device is renamed over */
        return ae__replacement_close(r, ae__fail(AE_ERR_IO, "no regular file: %s", path));
    /* never wider than the old file, not even now */
    mode_t mode = exists ? old.st_mode & 0777 : 0666;
    r->file = open_unnamed(r, mode);
    if (r->file < 0) r->file = open_named(r, mode);
    if (r->file < 0) return ae__replacement_close(r, fail(path, "create a file in the folder"));
    if (exists) (void)fchmod(r->file, mode); /* what the umask took */
    return AE_OK;
}

static int32_t write_all(const ae__replacement *r, const uint8_t *bytes, size_t n)
{
    while (n > 0) {
        ssize_t done = write(r->file, bytes, n);
        if (done < 0 && errno == EINTR) continue;
        if (done < 0) return fail(r->path, "write");
        bytes += done;
        n -= (size_t)done;
    }
    return AE_OK;
}

static int32_t flush(ae__replacement *r)
{
    size_t n = r->held;
    r->held = 0;
    return write_all(r, r->buffer, n);
}

int32_t ae__replacement_write(void *replacement, const void *bytes, size_t n)
{
    ae__replacement *r = replacement;
    if (n > sizeof r->buffer - r->held) AE_TRY(flush(r));
    if (n > sizeof r->buffer) return write_all(r, bytes, n);
    memcpy(r->buffer + r->held, bytes, n);
    r->held += n;
    return AE_OK;
}

static int sync_file(int fd)
{
    int result;
    do {
        result = fsync(fd);
    } while (result != 0 && errno == EINTR);
    return result;
}

static int32_t put_in_place(ae__replacement *r)
{
    AE_TRY(flush(r));
    if (sync_file(r->file) != 0) return fail(r->path, "flush");
    if (!r->name[0] && link_named(r) != 0) return fail(r->path, "link");
    if (renameat(r->folder, r->name, r->folder, r->target) != 0) return fail(r->path, "rename");
    r->name[0] = 0;
    if (sync_file(r->folder) != 0 && errno != EINVAL) /* some file systems cannot */
        return fail(r->path, "flush the folder");
    return AE_OK;
}

int32_t ae__replacement_close(ae__replacement *r, int32_t status)
{
    if (status == AE_OK) status = put_in_place(r);
    if (r->name[0]) unlinkat(r->folder, r->name, 0);
    if (r->file >= 0) close(r->file);
    if (r->folder >= 0) close(r->folder);
    return status;
}
