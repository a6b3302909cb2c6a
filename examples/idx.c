/* Reads IDX, the format of the MNIST files: 0, 0, type, number of dimensions, the dimensions as
 * 32-bit big-endian numbers, then the values; here bytes only. zlib reads it gzipped or plain. */
#include "common.h"

#include <stdio.h>
#include <stdlib.h>
#include <zlib.h>

enum { IDX_UBYTE = 0x08, PIECE = 1 << 20 };

/* The name as it is, or with ".gz"; NULL where neither can be opened. */
static gzFile open_either(const char *folder, const char *name)
{
    char zipped[256];
    gzFile file = gzopen(path_in(folder, name).text, "rb");

    if (file != NULL) return file;
    const int length = snprintf(zipped, sizeof zipped, "%s.gz", name);
    if (length < 0 || (size_t)length >= sizeof zipped) return NULL;
    return gzopen(path_in(folder, zipped).text, "rb");
}

static void read_exactly(gzFile file, const char *name, void *to, unsigned count)
{
    if (gzread(file, to, count) != (int)count) fail("%s: damaged, or shorter than it says", name);
}

/* Reads the header; returns the number of values. */
static size_t read_header(idx *out, gzFile file, const char *name)
{
    uint8_t magic[4], b[4];
    size_t count = 1;

    read_exactly(file, name, magic, sizeof magic);
    if (magic[0] || magic[1] || magic[2] != IDX_UBYTE) fail("%s: not an IDX file of bytes", name);
    if (magic[3] < 1 || magic[3] > 4) fail("%s: %d dimensions, 1 to 4 wanted", name, magic[3]);
    *out = (idx){.n_dims = magic[3], .dims = {1, 1, 1, 1}};
    for (int32_t i = 0; i < out->n_dims; i++) {
        read_exactly(file, name, b, sizeof b);
        const uint32_t dim =
            (uint32_t)b[0] << 24 | (uint32_t)b[1] << 16 | (uint32_t)b[2] << 8 | b[3];
        if (dim == 0 || dim > (SIZE_MAX >> 1) / count) fail("%s: senseless dimensions", name);
        out->dims[i] = dim;
        count *= dim;
    }
    return count;
}

/* The buffer grows with the bytes that arrive, never with what the header claims. */
static uint8_t *read_values(gzFile file, const char *name, size_t count)
{
    uint8_t *values = NULL;
    size_t cap = 0;

    for (size_t done = 0; done < count;) {
        if (done == cap) {
            cap = cap ? cap * 2 : PIECE;
            if (cap > count) cap = count;
            uint8_t *larger = realloc(values, cap);
            if (larger == NULL) fail("%s: no memory for %zu bytes", name, cap);
            values = larger;
        }
        const size_t n = cap - done < PIECE ? cap - done : PIECE;
        read_exactly(file, name, values + done, (unsigned)n);
        done += n;
    }
    return values;
}

void idx_read(idx *out, const char *folder, const char *name)
{
    gzFile file = open_either(folder, name);
    uint8_t extra;

    if (file == NULL) fail("cannot open %s/%s, nor with .gz", folder, name);
    const size_t count = read_header(out, file, name);
    out->values = read_values(file, name, count);
    if (gzread(file, &extra, 1) != 0) fail("%s: damaged, or longer than it says", name);
    if (gzclose(file) != Z_OK) fail("%s: damaged, or shorter than it says", name);
}

void idx_unpack(const char *folder, const char *name, const char *path)
{
    gzFile from = open_either(folder, name);
    uint8_t piece[1 << 12];
    int n;

    if (from == NULL) fail("cannot open %s/%s, nor with .gz", folder, name);
    FILE *to = fopen(path, "wb");
    if (to == NULL) fail("cannot write %s", path);
    while ((n = gzread(from, piece, sizeof piece)) > 0)
        if (fwrite(piece, 1, (size_t)n, to) != (size_t)n) fail("cannot write %s", path);
    if (n < 0 || gzclose(from) != Z_OK) fail("%s: damaged, or shorter than it says", name);
    if (fclose(to) != 0) fail("cannot write %s", path);
}

bool idx_exists(const char *folder, const char *name)
{
    gzFile file = open_either(folder, name);
    if (file == NULL) return false;
    gzclose(file);
    return true;
}
