/* What the test_kernels_*.c share: arrays between pages that nobody may touch, fixed draws, levels. */
#ifndef TEST_KERNELS_H
#define TEST_KERNELS_H

#include "ae/ae.h"
#include "kernels/kernels.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

#include "draw.h"
#include "near.h"

#ifdef AE_DOUBLE
#define EPSILON 2.220446049250313e-16
#else
#define EPSILON 1.1920928955078125e-07
#endif

enum { LEVELS = 4 }; /* AE_CPU_PORTABLE .. AE_CPU_NEON */

/* for each table of this machine */
#define EACH_LEVEL(kernels)                                                                        \
    for (int32_t level_ = 0; level_ < LEVELS; level_++)                                            \
        for (const ae__kernels *kernels = ae__kernels_at(level_); kernels; kernels = NULL)

/* A fence: readable pages between two that fault. Arrays are laid against one end or the other. */
typedef struct fence {
    unsigned char *pages;
    size_t bytes; /* of the readable part */
} fence;

static inline fence fence_of(size_t bytes)
{
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    fence f = {.bytes = (bytes + page) / page * page};
    f.pages = mmap(NULL, f.bytes + 2 * page, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    assert_ptr_not_equal(f.pages, MAP_FAILED);
    f.pages += page;
    assert_int_equal(mprotect(f.pages, f.bytes, PROT_READ | PROT_WRITE), 0);
    return f;
}

static inline void fence_free(fence f)
{
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    munmap(f.pages - page, f.bytes + 2 * page);
}

/* n elements of `unit` bytes, with a faulting page right behind (at_end) or right before them. */
static inline void *fenced(fence f, size_t n, size_t unit, int at_end)
{
    assert_true(n * unit <= f.bytes);
    return at_end ? f.pages + f.bytes - n * unit : f.pages;
}

static inline size_t draw_below(size_t n)
{
    return (size_t)(draw_bits() % n);
}

/* in [-scale, scale) */
static inline void draw(real *x, size_t n, double scale)
{
    for (size_t i = 0; i < n; i++)
        x[i] = (real)(scale * ((double)(draw_bits() >> 11) / 4503599627370496.0 - 1));
}

static inline void assert_same_bits(const real *a, const real *b, size_t n)
{
    if (memcmp(a, b, n * sizeof *a) == 0) return;
    for (size_t i = 0; i < n; i++)
        if (memcmp(a + i, b + i, sizeof *a) != 0)
            fail_msg("element %zu: %.9g is not %.9g", i, (double)a[i], (double)b[i]);
}

/* The normal distribution function. */
static inline double phi_of(double x)
{
    return erfc(-x * 0.70710678118654752) / 2;
}

/* Activations in double, and their derivatives: from their outputs, and from their inputs. */
static inline double act_of(int32_t act, double slope, double x)
{
    switch (act) {
    case AE_ACT_RELU: return x > 0 ? x : 0;
    case AE_ACT_LEAKY_RELU: return x > 0 ? x : slope * x;
    case AE_ACT_TANH: return tanh(x);
    case AE_ACT_SIGMOID: return 1 / (1 + exp(-x));
    case AE_ACT_ELU: return x > 0 ? x : expm1(x);
    case AE_ACT_SOFTPLUS: return log1p(exp(x));
    case AE_ACT_GELU: return x * phi_of(x);
    case AE_ACT_SILU: return x / (1 + exp(-x));
    default: return x;
    }
}

static inline double derivative_of(int32_t act, double slope, double y)
{
    switch (act) {
    case AE_ACT_RELU: return y > 0;
    case AE_ACT_LEAKY_RELU: return y > 0 ? 1 : slope;
    case AE_ACT_TANH: return 1 - y * y;
    case AE_ACT_SIGMOID: return y * (1 - y);
    case AE_ACT_ELU: return y > 0 ? 1 : y + 1;
    case AE_ACT_SOFTPLUS: return -expm1(-y);
    default: return 1;
    }
}

static inline double derivative_at(int32_t act, double slope, double x)
{
    const double s = 1 / (1 + exp(-x));
    switch (act) {
    case AE_ACT_GELU: return phi_of(x) + x * 0.39894228040143268 * exp(-x * x / 2);
    case AE_ACT_SILU: return s + x * s * (1 - s);
    default: return derivative_of(act, slope, act_of(act, slope, x));
    }
}

#endif
