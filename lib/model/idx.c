/* IDX, the format of MNIST's files: 0, 0, a type, the number of dimensions, each of them in 32 bits,
 * then the numbers; all big-endian. */
#include "base/status.h"
#include "model/table.h"

static const struct {
    uint8_t code;
    int32_t type;
    size_t unit;
} types[] = {
    {0x08, AE_TYPE_U8, 1}, {0x0B, AE_TYPE_I16, 2}, {0x0D, AE_TYPE_F32, 4}, {0x0E, AE_TYPE_F64, 8}};

static int32_t find_type(ae__table *out, uint8_t code)
{
    for (size_t i = 0; i < sizeof types / sizeof *types; i++) {
        if (types[i].code != code) continue;
        out->type = types[i].type;
        out->unit = types[i].unit;
        return AE_OK;
    }
    return ae__fail(AE_ERR_FORMAT,
                    "has IDX type 0x%02X, wanted 0x08 (8 bits), 0x0B (16), 0x0D or 0x0E (floats)",
                    code);
}

int32_t ae__table_idx(ae__table *out, const uint8_t *bytes, size_t count, uint64_t size)
{
    *out = (ae__table){.dim = 1, .big = true};
    if (count >= 2 && bytes[0] == 0x1F && bytes[1] == 0x8B)
        return ae__fail(AE_ERR_FORMAT, "is compressed, wanted it unpacked");
    if (count < 8 || bytes[0] || bytes[1]) return ae__fail(AE_ERR_FORMAT, "is not an IDX file");
    AE_TRY(find_type(out, bytes[2]));
    const size_t n = bytes[3];
    out->at = 4 + 4 * n;
    if (n < 1 || out->at > count)
        return ae__fail(AE_ERR_FORMAT, "has %zu dimensions, or ends in them", n);
    for (size_t i = 0; i < n; i++) {
        const uint8_t *b = bytes + 4 + 4 * i;
        uint64_t dimension =
            (uint64_t)b[0] << 24 | (uint64_t)b[1] << 16 | (uint64_t)b[2] << 8 | b[3];
        if (i == 0)
            out->rows = dimension;
        else if (!ae__table_dimension(out, dimension))
            return ae__fail(AE_ERR_FORMAT, "has dimensions that multiply to more than there is");
    }
    return ae__table_check_size(out, size);
}
