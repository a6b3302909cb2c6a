/* Model files as bytes to be forged: chunks found, changed, put in and taken out, CRCs made right again.
 * Independent of lib/: written from docs/format.md. */
#ifndef FORGE_H
#define FORGE_H

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

enum { HEADER = 20, FRAME = 16 /* bytes of a chunk besides its payload */ };

/* Of exactly `count` bytes on the heap, so that a sanitizer sees the first byte read beyond. */
typedef struct blob {
    uint8_t *bytes;
    size_t count;
} blob;

static inline blob blob_of(const void *bytes, size_t count)
{
    blob b = {malloc(count ? count : 1), count};
    if (count) memcpy(b.bytes, bytes, count);
    return b;
}

static inline uint64_t forge_get(const uint8_t *at, size_t bytes)
{
    uint64_t v = 0;
    for (size_t i = 0; i < bytes; i++) v |= (uint64_t)at[i] << 8 * i;
    return v;
}

static inline void forge_put(uint8_t *at, size_t bytes, uint64_t v)
{
    for (size_t i = 0; i < bytes; i++) at[i] = (uint8_t)(v >> 8 * i);
}

/* CRC-32 bit by bit, as the format defines it. */
static inline uint32_t forge_crc(const uint8_t *bytes, size_t n)
{
    uint32_t crc = UINT32_MAX;
    for (size_t i = 0; i < n; i++) {
        crc ^= bytes[i];
        for (int bit = 0; bit < 8; bit++) crc = crc >> 1 ^ (crc & 1 ? 0xEDB88320u : 0);
    }
    return ~crc;
}

/* Bytes of the chunk at `at`, frame included; 0: it does not lie within the file. */
static inline size_t forge_chunk(const uint8_t *bytes, size_t count, size_t at)
{
    if (at > count || count - at < FRAME) return 0;
    uint64_t length = forge_get(bytes + at + 4, 8);
    return length <= count - at - FRAME ? FRAME + (size_t)length : 0;
}

/* Makes the CRCs of the header and of every chunk right. */
static inline void forge_seal(uint8_t *bytes, size_t count)
{
    if (count < HEADER) return;
    forge_put(bytes + 16, 4, forge_crc(bytes, 16));
    for (size_t at = HEADER, n; (n = forge_chunk(bytes, count, at)) != 0; at += n)
        forge_put(bytes + at + n - 4, 4, forge_crc(bytes + at, n - 4));
}

/* Where the chunk begins; the end of the file where there is none. */
static inline size_t forge_find(blob b, const char *tag)
{
    size_t at = HEADER;
    for (size_t n; (n = forge_chunk(b.bytes, b.count, at)) != 0; at += n) {
        if (memcmp(b.bytes + at, tag, 4) == 0) return at;
    }
    return b.count;
}

/* Replaces `old` bytes at `at` by others; b is freed. */
static inline blob forge_splice(blob b, size_t at, size_t old, const void *bytes, size_t n)
{
    blob out = {malloc(b.count - old + n), b.count - old + n};
    memcpy(out.bytes, b.bytes, at);
    if (n) memcpy(out.bytes + at, bytes, n);
    memcpy(out.bytes + at + n, b.bytes + at + old, b.count - at - old);
    free(b.bytes);
    return out;
}

/* Puts a chunk in front of offset `at`. */
static inline blob forge_insert(blob b, size_t at, const char *tag, const void *payload, size_t n)
{
    uint8_t *chunk = calloc(1, n + FRAME);
    memcpy(chunk, tag, 4);
    forge_put(chunk + 4, 8, n);
    if (n) memcpy(chunk + 12, payload, n);
    b = forge_splice(b, at, 0, chunk, n + FRAME);
    forge_seal(b.bytes, b.count);
    free(chunk);
    return b;
}

static inline blob forge_remove(blob b, const char *tag)
{
    size_t at = forge_find(b, tag);
    return forge_splice(b, at, forge_chunk(b.bytes, b.count, at), NULL, 0);
}

#endif
