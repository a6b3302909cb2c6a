/* CRC-32 four bytes at a time ("slicing-by-4", Kounavis and Berry, 2005). By eight would take twice the
 * tables.
 *
 * table[k][b] is what byte b, with k bytes after it, adds to the remainder. That is linear over
 * GF(2): an entry is the exclusive or of the entries of b's bits, so 8 numbers span each table of
 * 256. All 32 numbers are successive powers of x modulo the polynomial, each row right to left.
 *
 * A build for size goes by halves of a byte, with a table of 16. */
#include "base/crc32.h"

/* clang-format off */
#define SPAN_1(v, a)                      (v), (v) ^ (a)
#define SPAN_2(v, a, b)                   SPAN_1(v, a), SPAN_1((v) ^ (b), a)
#define SPAN_3(v, a, b, c)                SPAN_2(v, a, b), SPAN_2((v) ^ (c), a, b)
#define SPAN_4(v, a, b, c, d)             SPAN_3(v, a, b, c), SPAN_3((v) ^ (d), a, b, c)
#define SPAN_5(v, a, b, c, d, e)          SPAN_4(v, a, b, c, d), SPAN_4((v) ^ (e), a, b, c, d)
#define SPAN_6(v, a, b, c, d, e, f)       SPAN_5(v, a, b, c, d, e), SPAN_5((v) ^ (f), a, b, c, d, e)
#define SPAN_7(v, a, b, c, d, e, f, g)                                                             \
    SPAN_6(v, a, b, c, d, e, f), SPAN_6((v) ^ (g), a, b, c, d, e, f)
#define SPAN(a, b, c, d, e, f, g, h)                                                               \
    {                                                                                              \
        SPAN_7(0u, a, b, c, d, e, f, g), SPAN_7(h, a, b, c, d, e, f, g)                            \
    }

#ifdef AE_SMALL
static const uint32_t table[16] = {
    SPAN_3(0u, 0x1db71064, 0x3b6e20c8, 0x76dc4190), SPAN_3(0xedb88320, 0x1db71064, 0x3b6e20c8, 0x76dc4190),
};
#else
static const uint32_t table[4][256] = {
    SPAN(0x77073096, 0xee0e612c, 0x076dc419, 0x0edb8832, 0x1db71064, 0x3b6e20c8, 0x76dc4190, 0xedb88320),
    SPAN(0x191b3141, 0x32366282, 0x646cc504, 0xc8d98a08, 0x4ac21251, 0x958424a2, 0xf0794f05, 0x3b83984b),
    SPAN(0x01c26a37, 0x0384d46e, 0x0709a8dc, 0x0e1351b8, 0x1c26a370, 0x384d46e0, 0x709a8dc0, 0xe1351b80),
    SPAN(0xb8bc6765, 0xaa09c88b, 0x8f629757, 0xc5b428ef, 0x5019579f, 0xa032af3e, 0x9b14583d, 0xed59b63b),
};
#endif
/* clang-format on */

#ifdef AE_SMALL

static uint32_t add_byte(uint32_t crc, uint8_t byte)
{
    crc ^= byte;
    crc = table[crc & 15] ^ crc >> 4;
    return table[crc & 15] ^ crc >> 4;
}

#else

static uint32_t add_byte(uint32_t crc, uint8_t byte)
{
    return table[0][(crc ^ byte) & 0xFF] ^ crc >> 8;
}

static uint32_t little_endian(const uint8_t *p)
{
    return p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}

static uint32_t slices(uint32_t word)
{
    return table[3][word & 0xFF] ^ table[2][word >> 8 & 0xFF] ^ table[1][word >> 16 & 0xFF] ^
           table[0][word >> 24];
}

#endif

uint32_t ae__crc32(uint32_t crc, const void *bytes, size_t n)
{
    const uint8_t *p = bytes;

    crc = ~crc;
#ifndef AE_SMALL
    for (; n >= 4; n -= 4, p += 4) crc = slices(crc ^ little_endian(p));
#endif
    for (; n > 0; n--, p++) crc = add_byte(crc, *p);
    return ~crc;
}
