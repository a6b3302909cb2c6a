/* The k largest of a row by bisection: all numbers, in the order of their bits, are halved until just k
 * of the row are not below the cut, or one number with ties is left. That takes no memory, and at most
 * as many passes over the row as a number has bits, whatever k is. */
#include "kernels/simd/simd.h"

#include <math.h>
#include <string.h>

/* Where a number stands among all: -infinity, ..., -0, 0, ..., infinity. */
typedef real_bits place;

#define SIGN ((place)1 << (8 * sizeof(place) - 1))

static inline place place_of(real number)
{
    place bits;
    memcpy(&bits, &number, sizeof bits);
    return bits & SIGN ? ~bits : bits | SIGN;
}

static inline real number_at(place at)
{
    place bits = at & SIGN ? at ^ SIGN : ~at;
    real number;
    memcpy(&number, &bits, sizeof number);
    return number;
}

/* Counts are as wide as the lanes that are compared: no row has 2^32 elements. */

static inline uint32_t count_from(const real *x, size_t n, real least)
{
    uint32_t count = 0;
    for (size_t j = 0; j < n; j++)
        count += x[j] >= least;
    return count;
}

static inline uint32_t count_nan(const real *x, size_t n)
{
    uint32_t count = 0;
    for (size_t j = 0; j < n; j++)
        count += x[j] != x[j];
    return count;
}

/* Finds *least such that k elements are above it, or equal to it and before *end. */
static inline void cut(const real *x, size_t n, size_t k, real *least, size_t *end)
{
    place low = place_of(-INFINITY), high = place_of(INFINITY) + 1;
    size_t above = 0, count = 0; /* elements from high on; from the last cut on */
    while (high - low > 1 && count != k) {
        const place middle = low + (high - low) / 2;
        count = count_from(x, n, number_at(middle));
        if (count >= k) {
            low = middle;
        } else {
            high = middle;
            above = count;
        }
    }
    *least = number_at(low);
    *end = n;
    if (count == k) return;
    for (*end = 0; above < k; ++*end)
        above += x[*end] == *least;
}

void AE__SIMD(keep_largest)(real *y, const real *x, size_t n, size_t k)
{
    real least;
    size_t end;
    if (count_nan(x, n) > 0) {
        for (size_t j = 0; j < n; j++)
            y[j] = NAN;
        return;
    }
    cut(x, n, k, &least, &end);
    for (size_t j = 0; j < end; j++)
        y[j] = x[j] >= least ? x[j] : 0;
    for (size_t j = end; j < n; j++)
        y[j] = x[j] > least ? x[j] : 0;
}
