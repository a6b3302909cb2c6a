/* Little-endian bytes, whatever the machine: a reader that cannot leave its bounds, and a writer
 * into a sink. Both remember their first failure, so that callers check once at the end. */
#ifndef AE__BASE_BYTES_H
#define AE__BASE_BYTES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct ae__reader {
    const uint8_t *bytes;
    size_t count;
    size_t at;
    bool truncated; /* something was read past the end; all later reads give 0 */
} ae__reader;

uint32_t ae__read_u32(ae__reader *r);
uint64_t ae__read_u64(ae__reader *r);
float ae__read_f32(ae__reader *r);
double ae__read_f64(ae__reader *r);
/* The next n bytes, or NULL (and truncated). */
const uint8_t *ae__read_bytes(ae__reader *r, size_t n);
size_t ae__read_left(const ae__reader *r);

typedef struct ae__writer {
    /* Takes n bytes; a status. NULL: the writer only counts. */
    int32_t (*sink)(void *user, const void *bytes, size_t n);
    void *user;
    uint64_t count; /* bytes written so far */
    uint32_t crc;   /* CRC-32 of the bytes since it was last set to 0 */
    int32_t status; /* the sink's first failure; nothing is written after it */
} ae__writer;

void ae__write_bytes(ae__writer *w, const void *bytes, size_t n);
void ae__write_u32(ae__writer *w, uint32_t v);
void ae__write_u64(ae__writer *w, uint64_t v);
void ae__write_f32(ae__writer *w, float v);
void ae__write_f64(ae__writer *w, double v);
/* Arrays go through a small buffer on the stack. */
void ae__write_f32s(ae__writer *w, const float *v, size_t n);

#endif
