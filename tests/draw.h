/* Draws that are the same on every run and machine, in C and in tests/reference/make.py. */
#ifndef TEST_DRAW_H
#define TEST_DRAW_H

#include <stdint.h>

/* splitmix64 (Steele et al. 2014) */
static uint64_t draw_state = 1;

static inline uint64_t draw_bits(void)
{
    uint64_t z = draw_state += 0x9e3779b97f4a7c15u;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

/* A multiple of 2^-11 in [-1, 1), exact in float. */
static inline double draw_one(void)
{
    return ((double)(draw_bits() >> 52) - 2048) / 2048;
}

/* The same in [0, 1). */
static inline double draw_unit(void)
{
    return (draw_one() + 1) / 2;
}

#endif
