/* Any bytes may be the head of a .npy or IDX file: what is taken says truly where its numbers lie. The
 * last byte chooses the format, those before it are the file. */
#include "model/table.h"

#include <stdlib.h>
#include <string.h>

#include "base/status.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void want(bool truth)
{
    if (!truth) __builtin_trap();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    ae__table table;
    if (size == 0) return 0;
    uint8_t *file = malloc(--size); /* a block of its own, so that reading past its end is seen */
    if (size) memcpy(file, data, size);
    size_t head = size < AE__TABLE_HEADER ? size : AE__TABLE_HEADER;
    int32_t status = (data[size] & 1 ? ae__table_npy : ae__table_idx)(&table, file, head, size);
    free(file);
    want(status == AE_OK || (status == AE_ERR_FORMAT && ae__message()[0]));
    if (status != AE_OK) return 0;
    want(table.unit == 1 || table.unit == 2 || table.unit == 4 || table.unit == 8);
    want(table.at <= head && (table.rows == 0 || table.dim <= size));
    want((table.rows && table.dim ? table.rows * table.dim : 0) * table.unit == size - table.at);
    return 0;
}
