/* Reads NumPy's .npy: magic, version, length of a header, the header (a Python dictionary as text),
 * then the values. numpy.lib.format describes it. */
#include "common.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { HEADER_CAP = 65536, DIM_CAP = 1 << 30 };

static uint64_t little_endian(const uint8_t *b, int bytes)
{
    uint64_t v = 0;
    for (int i = bytes; i-- > 0;) v = v << 8 | b[i];
    return v;
}

static float from_f32(const uint8_t *b)
{
    const uint32_t bits = (uint32_t)little_endian(b, 4);
    float v;
    memcpy(&v, &bits, sizeof v);
    return v;
}

static float from_f64(const uint8_t *b)
{
    const uint64_t bits = little_endian(b, 8);
    double v;
    memcpy(&v, &bits, sizeof v);
    return (float)v;
}

static float from_i64(const uint8_t *b)
{
    const uint64_t bits = little_endian(b, 8);
    int64_t v;
    memcpy(&v, &bits, sizeof v);
    return (float)v; /* exact up to 2^24 */
}

static float from_u8(const uint8_t *b)
{
    return (float)*b;
}

typedef struct type {
    const char *name; /* NumPy's */
    size_t bytes;
    float (*value)(const uint8_t *bytes);
} type;

static const type types[] = {
    {"'<f4'", 4, from_f32}, {"'<f8'", 8, from_f64}, {"'<i8'", 8, from_i64},
    {"'|u1'", 1, from_u8},  {"'|b1'", 1, from_u8},
};

/* An open file and what its header says. */
typedef struct npy {
    FILE *file;
    const char *path;
    const type *type;
    bool by_columns;
    int64_t rows, cols;
} npy;

static void read_exactly(const npy *n, void *to, size_t bytes)
{
    if (fread(to, 1, bytes, n->file) != bytes) fail("%s: shorter than it says", n->path);
}

/* The header's text, ended by NUL; to be freed. */
static char *read_header(const npy *n)
{
    uint8_t magic[8], length[4];

    read_exactly(n, magic, sizeof magic);
    if (memcmp(magic, "\x93NUMPY", 6) != 0) fail("%s: not a .npy file", n->path);
    if (magic[6] < 1 || magic[6] > 3) fail("%s: .npy version %d is unknown", n->path, magic[6]);
    const int width = magic[6] == 1 ? 2 : 4;
    read_exactly(n, length, (size_t)width);
    const uint64_t bytes = little_endian(length, width);
    if (bytes > HEADER_CAP) fail("%s: header of %" PRIu64 " bytes", n->path, bytes);
    char *header = allocate((size_t)bytes + 1, 1);
    read_exactly(n, header, (size_t)bytes);
    return header;
}

/* What follows 'key': in the header. */
static const char *value_of(const npy *n, const char *header, const char *key)
{
    const char *at = strstr(header, key);
    if (at == NULL) fail("%s: header without %s", n->path, key);
    at += strlen(key);
    return at + strspn(at, ": ");
}

/* (rows,) or (rows, cols); returns false for anything else. */
static bool parse_shape(npy *n, const char *at)
{
    int64_t dims[2] = {1, 1};

    if (*at++ != '(') return false;
    for (int i = 0; i < 2; i++) {
        char *end;
        dims[i] = strtoll(at, &end, 10);
        if (end == at || dims[i] < 1 || dims[i] > DIM_CAP) return false;
        at = end + strspn(end, ", ");
        if (*at == ')') break;
    }
    n->rows = dims[0];
    n->cols = dims[1];
    return *at == ')';
}

static void parse_header(npy *n, const char *header)
{
    const char *descr = value_of(n, header, "'descr'");

    for (size_t i = 0; i < sizeof types / sizeof types[0]; i++)
        if (strncmp(descr, types[i].name, strlen(types[i].name)) == 0) n->type = &types[i];
    if (n->type == NULL) fail("%s: numbers of a type that this reader does not know", n->path);
    n->by_columns = strncmp(value_of(n, header, "'fortran_order'"), "True", 4) == 0;
    if (!parse_shape(n, value_of(n, header, "'shape'")))
        fail("%s: not a table of one or two dimensions", n->path);
}

/* Whether exactly the values are left in the file; found before anything is allocated for them. */
static bool has_values(const npy *n)
{
    const long start = ftell(n->file);
    if (start < 0 || fseek(n->file, 0, SEEK_END) != 0) return false;
    const long end = ftell(n->file);
    if (end < start || fseek(n->file, start, SEEK_SET) != 0) return false;
    return (uint64_t)(end - start) == (uint64_t)(n->rows * n->cols) * n->type->bytes;
}

static void read_values(const npy *n, float *values)
{
    uint8_t bytes[8];

    for (int64_t i = 0; i < n->rows * n->cols; i++) {
        read_exactly(n, bytes, n->type->bytes);
        const int64_t to = n->by_columns ? i % n->rows * n->cols + i / n->rows : i;
        values[to] = n->type->value(bytes);
    }
}

void npy_read(table *out, const char *path)
{
    npy n = {.file = fopen(path, "rb"), .path = path};

    if (n.file == NULL) fail("cannot open %s: %s", path, strerror(errno));
    char *header = read_header(&n);
    parse_header(&n, header);
    free(header);
    if (!has_values(&n)) fail("%s: not as long as its header says", path);
    *out = (table){.rows = n.rows, .cols = n.cols};
    out->values = allocate((size_t)(n.rows * n.cols), sizeof *out->values);
    read_values(&n, out->values);
    fclose(n.file);
}
