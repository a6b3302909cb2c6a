/* The caller's function as a source of rows. One that goes in order keeps its place; a jump back
 * begins anew, a jump forward reads over what lies between. */
#include "model/source.h"

#include <stdatomic.h>

#include "base/size.h"
#include "base/status.h"

typedef struct function {
    ae__source source; /* first, so that a pointer to it is one to this */
    ae_read *read;
    void *user;
    atomic_flag busy; /* the one that goes in order has one place */
    uint64_t place;   /* the next row that comes; NOWHERE: begin anew */
} function;

#define NOWHERE UINT64_MAX

static int32_t call(const function *f, const char *name, uint64_t first, size_t rows, void *out)
{
    int32_t answer = f->read(f->user, (int64_t)first, (int64_t)rows, out);
    if (answer == 0) return AE_OK;
    return ae__fail(AE_ERR_IO, "%s: the function that reads it answered %d for %zu rows from %llu",
                    name, (int)answer, rows, (unsigned long long)first);
}

static int32_t read_any(ae__source *source, const char *name, uint64_t first, size_t rows,
                        void *out)
{
    return call((const function *)source, name, first, rows, out);
}

static int32_t advance(function *f, const char *name, uint64_t first, size_t rows, void *out)
{
    if (f->place > first) f->place = 0;
    while (f->place < first) {
        size_t over = (size_t)(first - f->place < rows ? first - f->place : rows);
        AE_TRY(call(f, name, f->place, over, out));
        f->place += over;
    }
    AE_TRY(call(f, name, first, rows, out));
    f->place += rows;
    return AE_OK;
}

static int32_t read_in_order(ae__source *source, const char *name, uint64_t first, size_t rows,
                             void *out)
{
    function *f = (function *)source;
    if (atomic_flag_test_and_set(&f->busy))
        return ae__fail(AE_ERR_BUSY, "%s: comes in order alone, and is read by another call", name);
    int32_t status = advance(f, name, first, rows, out);
    if (status != AE_OK) f->place = NOWHERE;
    atomic_flag_clear(&f->busy);
    return status;
}

int32_t ae__source_of_function(ae__source **out, const ae_allocator *mem, ae_read *read, void *user,
                               int32_t flags)
{
    function *f = ae__mem_alloc(mem, sizeof *f);
    *out = NULL;
    if (!f) return ae__fail(AE_ERR_NOMEM, "data: no memory for a source");
    f->source = (ae__source){.mem = *mem,
                             .in_order = (flags & AE_SOURCE_IN_ORDER) != 0,
                             .any_thread = (flags & AE_SOURCE_ANY_THREAD) != 0};
    f->source.read = f->source.in_order ? read_in_order : read_any;
    f->read = read;
    f->user = user;
    f->place = NOWHERE;
    atomic_flag_clear(&f->busy);
    *out = &f->source;
    return AE_OK;
}

void ae__source_free(ae__source *source)
{
    if (!source) return;
    ae_allocator mem = source->mem;
    if (source->close) source->close(source);
    ae__mem_free(&mem, source);
}
