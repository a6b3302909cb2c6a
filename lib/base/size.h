/* Sizes that cannot wrap: every product and sum of sizes from outside goes through these. */
#ifndef AE__BASE_SIZE_H
#define AE__BASE_SIZE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

static inline bool ae__mul_size(size_t a, size_t b, size_t *out)
{
    if (b != 0 && a > SIZE_MAX / b) return false;
    *out = a * b;
    return true;
}

static inline bool ae__add_size(size_t a, size_t b, size_t *out)
{
    if (a > SIZE_MAX - b) return false;
    *out = a + b;
    return true;
}

static inline size_t ae__min_size(size_t a, size_t b)
{
    return a < b ? a : b;
}

static inline size_t ae__max_size(size_t a, size_t b)
{
    return a > b ? a : b;
}

/* Blocks of `size` (> 0) that hold n; the last may not be full. */
static inline size_t ae__blocks(size_t n, size_t size)
{
    return (n + size - 1) / size;
}

/* The same, but 1 for 0. Most often one block holds n, and then nothing is divided. */
static inline size_t ae__few_blocks(size_t n, size_t size)
{
    return n <= size ? 1 : ae__blocks(n, size);
}

/* Size of the fewest blocks of at most `most` (> 0) that hold n, as equal as can be. */
static inline size_t ae__even_block(size_t n, size_t most)
{
    return n <= most ? n : ae__blocks(n, ae__blocks(n, most));
}

/* Smallest multiple of `unit` (> 0) that holds n. */
static inline size_t ae__round_up(size_t n, size_t unit)
{
    return ae__blocks(n, unit) * unit;
}

#endif
