/* Files of numbers, rows one after the other behind a header, and such a file as a source of rows. */
#ifndef AE__MODEL_TABLE_H
#define AE__MODEL_TABLE_H

#include "model/source.h"

/* What a header says. */
typedef struct ae__table {
    int32_t type;  /* AE_TYPE_* */
    size_t unit;   /* bytes of a number */
    bool big;      /* big-endian */
    uint64_t rows; /* first dimension */
    uint64_t dim;  /* product of the others */
    uint64_t at;   /* where the numbers begin */
} ae__table;

enum { AE__TABLE_HEADER = 4096 /* bytes of a file that a header may have */ };

/* Reads a header from the first `count` bytes of a file of `size`, all of it or AE__TABLE_HEADER.
 * FORMAT, with what is wrong: any bytes may be given. */
typedef int32_t ae__table_reader(ae__table *out, const uint8_t *bytes, size_t count, uint64_t size);
ae__table_reader ae__table_npy, ae__table_idx;

/* For the readers. Takes one more dimension in; false: they multiply to more than there is. */
bool ae__table_dimension(ae__table *table, uint64_t dimension);
/* FORMAT: the file is not as long as the header says. */
int32_t ae__table_check_size(const ae__table *table, uint64_t size);

/* Opens a file; *table becomes what its header says. IO: no regular file that can be read; FORMAT;
 * NOMEM. */
int32_t ae__source_of_table(ae__source **out, const ae_allocator *mem, const char *path,
                            ae__table_reader *reader, ae__table *table);

#endif
