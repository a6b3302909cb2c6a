/* NumPy's .npy (numpy.lib.format): magic, version, length of the header, and the header, a Python
 * dictionary: {'descr': '<f4', 'fortran_order': False, 'shape': (100, 784), } */
#include <string.h>

#include "base/status.h"
#include "model/table.h"

static const struct {
    const char *name;
    int32_t type;
    size_t unit;
    bool big;
} types[] = {{"<f4", AE_TYPE_F32, 4, false}, {">f4", AE_TYPE_F32, 4, true},
             {"<f8", AE_TYPE_F64, 8, false}, {">f8", AE_TYPE_F64, 8, true},
             {"<i2", AE_TYPE_I16, 2, false}, {">i2", AE_TYPE_I16, 2, true},
             {"|u1", AE_TYPE_U8, 1, false}};

/* What is left of the header. */
typedef struct text {
    const char *at;
    size_t left;
} text;

static void skip(text *t, size_t n)
{
    t->at += n;
    t->left -= n;
}

static void skip_space(text *t)
{
    while (t->left && (*t->at == ' ' || *t->at == '\n' || *t->at == '\t')) skip(t, 1);
}

/* Whether the next word is this one, which is then passed over. */
static bool take(text *t, const char *word)
{
    const size_t n = strlen(word);
    skip_space(t);
    if (t->left < n || memcmp(t->at, word, n) != 0) return false;
    skip(t, n);
    return true;
}

/* 'word' or "word". */
static bool take_quoted(text *t, const char *word)
{
    text begin = *t;
    const char *quote = take(t, "'") ? "'" : take(t, "\"") ? "\"" : NULL;
    if (quote && t->left && *t->at == *word && take(t, word) && t->left && *t->at == *quote) {
        skip(t, 1);
        return true;
    }
    *t = begin;
    return false;
}

static bool take_number(text *t, uint64_t *value)
{
    skip_space(t);
    bool any = false;
    for (*value = 0; t->left && *t->at >= '0' && *t->at <= '9'; skip(t, 1)) {
        if (*value > UINT64_MAX / 10 - 1) return false;
        *value = *value * 10 + (uint64_t)(*t->at - '0');
        any = true;
    }
    return any;
}

static int32_t read_type(text *t, ae__table *out)
{
    for (size_t i = 0; i < sizeof types / sizeof *types; i++) {
        if (!take_quoted(t, types[i].name)) continue;
        out->type = types[i].type;
        out->unit = types[i].unit;
        out->big = types[i].big;
        return AE_OK;
    }
    return ae__fail(AE_ERR_FORMAT, "has numbers of another type than f4, f8, u1 or i2");
}

static int32_t read_order(text *t, ae__table *out)
{
    (void)out;
    if (take(t, "False")) return AE_OK;
    return ae__fail(AE_ERR_FORMAT, "has its numbers in Fortran's order, wanted C's (by rows)");
}

static int32_t read_shape(text *t, ae__table *out)
{
    uint64_t dimension;
    bool good = take(t, "(") && take_number(t, &out->rows), more = true;
    while (good && more && take(t, ",")) {
        more = take_number(t, &dimension);
        if (more) good = ae__table_dimension(out, dimension);
    }
    if (good && take(t, ")")) return AE_OK;
    return ae__fail(AE_ERR_FORMAT, "has a shape that is no tuple of one or more dimensions");
}

static const struct {
    const char *key;
    int32_t (*read)(text *t, ae__table *out);
} entries[] = {{"descr", read_type}, {"fortran_order", read_order}, {"shape", read_shape}};

enum { ENTRIES = sizeof entries / sizeof *entries };

/* One of the three entries; a bit of *found for each that has been there. */
static int32_t read_entry(text *t, ae__table *out, unsigned *found)
{
    for (size_t i = 0; i < ENTRIES; i++) {
        if (!take_quoted(t, entries[i].key)) continue;
        if (*found & 1u << i || !take(t, ":")) break;
        *found |= 1u << i;
        return entries[i].read(t, out);
    }
    return ae__fail(AE_ERR_FORMAT, "has a header that is not descr, fortran_order and shape");
}

static int32_t read_header(text *t, ae__table *out)
{
    unsigned found = 0;
    bool closed = false, more = take(t, "{");
    while (more && !(closed = take(t, "}"))) {
        AE_TRY(read_entry(t, out, &found));
        more = take(t, ",");
    }
    closed = closed || take(t, "}");
    skip_space(t);
    if (closed && found == (1u << ENTRIES) - 1 && !t->left) return AE_OK;
    return ae__fail(AE_ERR_FORMAT, "has a header that is not descr, fortran_order and shape");
}

int32_t ae__table_npy(ae__table *out, const uint8_t *bytes, size_t count, uint64_t size)
{
    const size_t magic = 6, width = count > magic && bytes[magic] == 1 ? 2 : 4;
    const size_t begin = magic + 2 + width;
    *out = (ae__table){.dim = 1};
    if (count < begin || memcmp(bytes, "\x93NUMPY", magic) != 0)
        return ae__fail(AE_ERR_FORMAT, "is not a .npy file");
    if (bytes[magic] < 1 || bytes[magic] > 3)
        return ae__fail(AE_ERR_FORMAT, "has .npy version %d, wanted 1 to 3", bytes[magic]);
    uint64_t length = 0;
    for (size_t i = width; i-- > 0;) length = length << 8 | bytes[magic + 2 + i];
    if (length > count - begin)
        return ae__fail(AE_ERR_FORMAT, "has a header of %llu bytes, wanted at most %zu",
                        (unsigned long long)length, count - begin);
    out->at = begin + length;
    AE_TRY(read_header(&(text){(const char *)bytes + begin, (size_t)length}, out));
    return ae__table_check_size(out, size);
}
