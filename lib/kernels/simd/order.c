/* The places of many rows in the order of an epoch, as base/rng.h has them one by one. */
#include "kernels/simd/simd.h"
#include "kernels/simd/vec.h"

#ifdef AE_TRAINING

#include <string.h>

#include "base/rng.h"

enum {
    VECTORS = 2, /* whose rounds do not wait for each other */
    MANY = VECTORS * AE__WORDS
};

/* Once through the network, each number in a lane, of halves of 32 bits. */
static void walk(const ae__order *order, uint64_t i[MANY])
{
    const vwords word = (vwords){0} + UINT32_MAX, mask = word >> (32 - order->half_bits);
    vwords left[VECTORS], right[VECTORS];
    for (size_t v = 0; v < VECTORS; v++) {
        memcpy(&right[v], i + v * AE__WORDS, sizeof right[v]);
        left[v] = right[v] >> order->half_bits;
        right[v] &= mask;
    }
    for (size_t round = 0; round < AE__ORDER_ROUNDS; round++) {
        AE__UNROLL
        for (size_t v = 0; v < VECTORS; v++) {
            vwords x = right[v] ^ ((vwords){0} + order->key[round]);
            x = v_multiply(x ^ x >> 16, (vwords){0} + AE__ORDER_MIX_1) & word;
            x = v_multiply(x ^ x >> 13, (vwords){0} + AE__ORDER_MIX_2) & word;
            x = left[v] ^ ((x ^ x >> 16) & mask);
            left[v] = right[v];
            right[v] = x;
        }
    }
    for (size_t v = 0; v < VECTORS; v++) {
        right[v] |= left[v] << order->half_bits;
        memcpy(i + v * AE__WORDS, &right[v], sizeof right[v]);
    }
}

void AE__SIMD(permute)(const ae__order *order, uint64_t *i, size_t n)
{
    for (; n >= MANY; n -= MANY, i += MANY) {
        walk(order, i);
        for (size_t k = 0; k < MANY; k++)
            if (i[k] >= order->rows) i[k] = ae__order_return(order, i[k]);
    }
    for (size_t k = 0; k < n; k++) i[k] = ae__order_at(order, i[k]);
}

#endif
