/* Numbers are put together and taken apart by shifts: the machine's byte order never shows. */
#include "base/bytes.h"

#include "ae/ae.h"
#include "base/crc32.h"
#include "base/size.h"

#include <string.h>

_Static_assert(sizeof(float) == 4 && sizeof(double) == 8, "files hold IEEE 754 numbers");

size_t ae__read_left(const ae__reader *r)
{
    return r->truncated ? 0 : r->count - r->at;
}

const uint8_t *ae__read_bytes(ae__reader *r, size_t n)
{
    if (n > ae__read_left(r)) r->truncated = true;
    if (r->truncated) return NULL;
    const uint8_t *bytes = r->bytes + r->at;
    r->at += n;
    return bytes;
}

static uint64_t read_number(ae__reader *r, size_t n)
{
    const uint8_t *bytes = ae__read_bytes(r, n);
    uint64_t v = 0;

    for (size_t i = 0; bytes != NULL && i < n; i++) v |= (uint64_t)bytes[i] << 8 * i;
    return v;
}

uint32_t ae__read_u32(ae__reader *r)
{
    return (uint32_t)read_number(r, 4);
}

uint64_t ae__read_u64(ae__reader *r)
{
    return read_number(r, 8);
}

float ae__read_f32(ae__reader *r)
{
    uint32_t bits = ae__read_u32(r);
    float v;

    memcpy(&v, &bits, sizeof v);
    return v;
}

double ae__read_f64(ae__reader *r)
{
    uint64_t bits = ae__read_u64(r);
    double v;

    memcpy(&v, &bits, sizeof v);
    return v;
}

void ae__write_bytes(ae__writer *w, const void *bytes, size_t n)
{
    if (w->status != AE_OK) return;
    if (w->sink != NULL) {
        w->status = w->sink(w->user, bytes, n);
        if (w->status != AE_OK) return;
        w->crc = ae__crc32(w->crc, bytes, n);
    }
    w->count += n;
}

static void write_number(ae__writer *w, uint64_t v, size_t n)
{
    uint8_t bytes[8];

    for (size_t i = 0; i < n; i++) bytes[i] = (uint8_t)(v >> 8 * i);
    ae__write_bytes(w, bytes, n);
}

void ae__write_u32(ae__writer *w, uint32_t v)
{
    write_number(w, v, 4);
}

void ae__write_u64(ae__writer *w, uint64_t v)
{
    write_number(w, v, 8);
}

void ae__write_f32(ae__writer *w, float v)
{
    ae__write_f32s(w, &v, 1);
}

void ae__write_f64(ae__writer *w, double v)
{
    uint64_t bits;

    memcpy(&bits, &v, sizeof bits);
    write_number(w, bits, 8);
}

/* to: 4 n bytes.  Unrolled, so that the compiler sees one store (or a swap and a store). */
static void pack_f32s(uint8_t *to, const float *v, size_t n)
{
    for (size_t i = 0; i < n; i++, to += 4) {
        uint32_t bits;
        memcpy(&bits, &v[i], sizeof bits);
        to[0] = (uint8_t)bits;
        to[1] = (uint8_t)(bits >> 8);
        to[2] = (uint8_t)(bits >> 16);
        to[3] = (uint8_t)(bits >> 24);
    }
}

void ae__write_f32s(ae__writer *w, const float *v, size_t n)
{
    enum { CAP = 1024 }; /* floats */
    uint8_t bytes[4 * CAP];

    while (n > 0 && w->status == AE_OK) {
        size_t some = ae__min_size(n, CAP);
        pack_f32s(bytes, v, some);
        ae__write_bytes(w, bytes, 4 * some);
        v += some;
        n -= some;
    }
}
