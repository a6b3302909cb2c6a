/* Random draws as pure functions of where they are used, never of what was drawn before:
 * Philox4x32-10 (Salmon et al., "Parallel random numbers: as easy as 1, 2, 3", SC 2011).
 * docs/determinism.md lays the key and the counter out bit by bit. */
#ifndef AE__BASE_RNG_H
#define AE__BASE_RNG_H

#include <stddef.h>
#include <stdint.h>

/* What a draw is for; never reused. */
enum {
    AE__DRAW_INIT = 1,      /* first weights: layer, sample = array of the layer */
    AE__DRAW_ORDER = 2,     /* order of the rows: epoch; within a window sample = 1, row = window */
    AE__DRAW_CORRUPT = 3,   /* noise while training: layer, sample, row, epoch */
    AE__DRAW_POSTERIOR = 4, /* samples of a Gaussian layer: layer, sample, row, epoch */
    AE__DRAW_PRIOR = 5,     /* codes from the prior: row */
    AE__DRAW_SPLIT = 6      /* rows held out for validation */
};

/* Widths in bits: purpose 8, epoch 24, layer 10, sample 16, row 40. */
typedef struct ae__draw {
    uint64_t seed;
    uint32_t purpose;
    uint32_t epoch;
    uint32_t layer;
    uint32_t sample;
    uint64_t row;
} ae__draw;

void ae__philox(const uint32_t counter[4], const uint32_t key[2], uint32_t out[4]);

/* The counter and the key of a draw's block (< 2^30); the next block's counter has 1 more in word 0. */
void ae__draw_place(const ae__draw *draw, uint32_t block, uint32_t counter[4], uint32_t key[2]);

/* The 128 bits that serve elements 4 * block .. 4 * block + 3 (block < 2^30). */
void ae__draw_bits(const ae__draw *draw, uint32_t block, uint32_t out[4]);

/* Uniform in (0, 1), from 32 of them. */
static inline double ae__draw_uniform(uint32_t bits)
{
    return ((double)bits + 0.5) * 0x1p-32;
}

/* Quantile of the standard normal distribution at p in (0, 1): Wichura, AS 241, PPND16. */
double ae__normal_quantile(double p);

/* A multiple of 4, as keys come by fours. Over 400,000 seeds and 10 rows, 4 rounds leave places 5 %
 * uneven and 8 leave pairs of places uneven; with 12 nothing shows from 2 rows up. */
enum { AE__ORDER_ROUNDS = 12 };

/* Of MurmurHash3's finalizer. */
#define AE__ORDER_MIX_1 UINT32_C(0x85EBCA6B)
#define AE__ORDER_MIX_2 UINT32_C(0xC2B2AE35)

/* A keyed bijection of 0 .. rows - 1: balanced Feistel network with cycle walking. */
typedef struct ae__order {
    uint64_t rows;
    uint32_t half_bits; /* of the network's even width; 1 to 32 */
    uint32_t key[AE__ORDER_ROUNDS];
} ae__order;

void ae__order_set(ae__order *order, uint64_t rows, const ae__draw *draw);
uint64_t ae__order_at(const ae__order *order, uint64_t i); /* i < rows */

/* What a walk through the network gives, walked on until it is among the rows. */
uint64_t ae__order_return(const ae__order *order, uint64_t i);

/* The other way: the i with ae__order_at(i) == row. */
uint64_t ae__order_place(const ae__order *order, uint64_t row);

#endif
