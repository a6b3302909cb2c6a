/* CRC-32 as in PNG, zlib and IEEE 802.3 (polynomial 0xEDB88320, reflected). */
#ifndef AE__BASE_CRC32_H
#define AE__BASE_CRC32_H

#include <stddef.h>
#include <stdint.h>

/* Goes on from `crc` (0 at the start), as zlib's crc32(). */
uint32_t ae__crc32(uint32_t crc, const void *bytes, size_t n);

#endif
