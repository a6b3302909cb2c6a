/* Rows read out of a file when they are wanted. A map of it would be simpler, but a file that shrinks
 * under a map ends the process; here it is an error. */
#include "model/table.h"

#include <string.h>

#include "base/file.h"
#include "base/size.h"
#include "base/status.h"

typedef struct table_file {
    ae__source source; /* first, so that a pointer to it is one to this */
    ae__table table;
    int fd; /* -1: not open */
    size_t row_bytes;
    char path[]; /* for messages */
} table_file;

bool ae__table_dimension(ae__table *table, uint64_t dimension)
{
    const uint64_t most = UINT64_C(1) << 60; /* so that bytes can be counted, too */
    if (dimension > most || (dimension && table->dim > most / dimension)) return false;
    table->dim *= dimension;
    return true;
}

int32_t ae__table_check_size(const ae__table *table, uint64_t size)
{
    ae__table all = *table;
    bool counted = ae__table_dimension(&all, table->rows) && ae__table_dimension(&all, table->unit);
    if (counted && size >= table->at && size - table->at == all.dim) return AE_OK;
    return ae__fail(AE_ERR_FORMAT,
                    "has %llu bytes, wanted %llu of header and %llu x %llu numbers of %zu",
                    (unsigned long long)size, (unsigned long long)table->at,
                    (unsigned long long)table->rows, (unsigned long long)table->dim, table->unit);
}

/* ---- byte order ---- */

static bool is_big(void)
{
    return __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__;
}

#define SWAP(bits)                                                                                 \
    static void swap##bits(uint8_t *at, size_t count)                                              \
    {                                                                                              \
        for (size_t i = 0; i < count; i++) {                                                       \
            uint##bits##_t v;                                                                      \
            memcpy(&v, at + i * sizeof v, sizeof v);                                               \
            v = __builtin_bswap##bits(v);                                                          \
            memcpy(at + i * sizeof v, &v, sizeof v);                                               \
        }                                                                                          \
    }

SWAP(16)
SWAP(32)
SWAP(64)

static void swap(void *at, size_t count, size_t unit)
{
    switch (unit) {
    case 2: swap16(at, count); break;
    case 4: swap32(at, count); break;
    case 8: swap64(at, count); break;
    }
}

/* ---- the source ---- */

static int32_t read_rows(ae__source *source, const char *name, uint64_t first, size_t rows,
                         void *out)
{
    const table_file *f = (const table_file *)source;
    const size_t bytes = rows * f->row_bytes;
    (void)name; /* the path says more */
    AE_TRY(ae__file_read_at(f->fd, f->path, f->table.at + first * f->row_bytes, out, bytes));
    if (f->table.big != is_big()) swap(out, bytes / f->table.unit, f->table.unit);
    return AE_OK;
}

static void close_file(ae__source *source)
{
    ae__file_close(((table_file *)source)->fd);
}

/* Opens f->path and reads its header. */
static int32_t open_table(table_file *f, ae__table_reader *reader)
{
    uint8_t header[AE__TABLE_HEADER];
    uint64_t size = 0;
    AE_TRY(ae__file_open(f->path, &f->fd, &size));
    size_t count = (size_t)(size < sizeof header ? size : sizeof header);
    AE_TRY(ae__file_read_at(f->fd, f->path, 0, header, count));
    int32_t status = reader(&f->table, header, count, size);
    if (status != AE_OK) return ae__fail(status, "%s: %s", ae__message(), f->path);
    f->row_bytes = (size_t)f->table.dim * f->table.unit;
    return AE_OK;
}

int32_t ae__source_of_table(ae__source **out, const ae_allocator *mem, const char *path,
                            ae__table_reader *reader, ae__table *table)
{
    size_t length = strlen(path) + 1, bytes;
    table_file *f = NULL;
    *out = NULL;
    if (ae__add_size(sizeof *f, length, &bytes)) f = ae__mem_alloc(mem, bytes);
    if (!f) return ae__fail(AE_ERR_NOMEM, "data: no memory for a source");
    f->source =
        (ae__source){.mem = *mem, .any_thread = true, .read = read_rows, .close = close_file};
    f->fd = -1;
    memcpy(f->path, path, length);
    int32_t status = open_table(f, reader);
    if (status != AE_OK) {
        ae__source_free(&f->source);
        return status;
    }
    *table = f->table;
    *out = &f->source;
    return AE_OK;
}
