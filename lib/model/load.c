/* Reading a model from bytes that may be anything: the header, then chunks in their order, whose tags
 * are looked up, each held to its CRC before it is looked into. */
#include <string.h>

#include "base/crc32.h"
#include "base/status.h"
#include "model/chunks.h"
#include "model/file.h"

static bool critical(const char *tag)
{
    return tag[0] >= 'A' && tag[0] <= 'Z';
}

static bool four_letters(const char *tag)
{
    for (int i = 0; i < 4; i++) {
        char lower = (char)(tag[i] | 0x20);
        if (lower < 'a' || lower > 'z') return false;
    }
    return true;
}

/* The chunk with this tag from number `next` on, passing over none that must be there; AE__CHUNKS: an
 * unknown one that may be skipped. */
static int32_t look_up(const char *tag, size_t next, size_t *found)
{
    for (size_t i = 0; i < AE__CHUNKS; i++) {
        if (memcmp(ae__chunks[i].tag, tag, 4) != 0) continue;
        *found = i;
        if (i < next)
            return ae__fail(AE_ERR_FORMAT, "file: chunk %s is out of order, or there twice",
                            ae__chunks[i].tag);
        for (; next < i; next++) {
            if (ae__chunks[next].must)
                return ae__fail(AE_ERR_FORMAT, "file: chunk %s is missing", ae__chunks[next].tag);
        }
        return AE_OK;
    }
    *found = AE__CHUNKS;
    if (!four_letters(tag)) return ae__malformed("a chunk's tag is not four letters");
    if (!critical(tag)) return AE_OK;
    return ae__fail(AE_ERR_VERSION, "file: needs a newer libae: chunk %.4s", tag);
}

#ifdef AE_FUZZ_NO_CRC /* a fuzzer need not guess CRCs */
enum { CHECK_CRC = 0 };
#else
enum { CHECK_CRC = 1 };
#endif

/* Whether the next four bytes are the CRC-32 of the n bytes from `begin`, which have been read. */
static bool intact(ae__reader *r, const uint8_t *begin, size_t n)
{
    return ae__read_u32(r) == ae__crc32(0, begin, n) || !CHECK_CRC;
}

/* The next chunk's tag and payload, its CRC checked. */
static int32_t get_chunk(ae__reader *r, const char **tag, ae__reader *payload)
{
    const uint8_t *begin = r->bytes + r->at;
    *tag = (const char *)ae__read_bytes(r, 4);
    uint64_t length = ae__read_u64(r);
    if (r->truncated || length > ae__read_left(r) || ae__read_left(r) - length < 4)
        return ae__malformed("ends within a chunk");
    *payload = (ae__reader){.bytes = ae__read_bytes(r, (size_t)length), .count = (size_t)length};
    if (!intact(r, begin, 12 + (size_t)length))
        return ae__malformed("a chunk's CRC-32 does not match: damaged");
    return AE_OK;
}

static int32_t get_chunks(ae__loading *l, ae__reader *r)
{
    size_t next = 0, found = 0;
    while (next < AE__CHUNKS) {
        const char *tag;
        ae__reader payload;
        AE_TRY(get_chunk(r, &tag, &payload));
        AE_TRY(look_up(tag, next, &found));
        if (found == AE__CHUNKS) continue;
        int32_t status = ae__chunks[found].get(l, &payload);
        if (payload.truncated) /* zeros beyond the end: the status tells nothing */
            return ae__fail(AE_ERR_FORMAT, "file: chunk %s is too short", ae__chunks[found].tag);
        AE_TRY(status);
        if (ae__read_left(&payload))
            return ae__fail(AE_ERR_FORMAT, "file: chunk %s is too long", ae__chunks[found].tag);
        next = found + 1;
    }
    return ae__read_left(r) ? ae__malformed("goes on after its end") : AE_OK;
}

/* A newer minor version needs no look: what it adds is refused, or skipped, where it stands. */
static int32_t get_header(ae__reader *r)
{
    const uint8_t *magic = ae__read_bytes(r, AE__FILE_MAGIC_BYTES);
    if (!magic || memcmp(magic, AE__FILE_MAGIC, AE__FILE_MAGIC_BYTES) != 0)
        return ae__malformed("is no .aem file: its first 8 bytes are others");
    uint32_t major = ae__read_u32(r);
    ae__read_u32(r);
    if (ae__read_left(r) < 4) return ae__malformed("ends within the header");
    if (!intact(r, r->bytes, r->at))
        return ae__malformed("the header's CRC-32 does not match: damaged");
    if (major == AE__FILE_MAJOR) return AE_OK;
    return ae__fail(major ? AE_ERR_VERSION : AE_ERR_FORMAT, "file: format %u, wanted %d",
                    (unsigned)major, AE__FILE_MAJOR);
}

int32_t ae__file_load(ae_model **out, const uint8_t *bytes, size_t count, const ae_allocator *mem)
{
    ae__loading l = {.mem = mem};
    ae__reader r = {.bytes = bytes, .count = count};
    *out = NULL;
    ae__desc_begin(&l.desc);
    int32_t status = get_header(&r);
    if (status == AE_OK) status = get_chunks(&l, &r);
    ae__desc_free(&l.desc, mem);
    if (status == AE_OK)
        *out = l.model;
    else
        ae__model_free(l.model);
    return status;
}
