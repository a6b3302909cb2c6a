/* Random words and normal numbers, many at a time: against base/rng.h, which makes them one by one,
 * and against the distribution. */
#define _DEFAULT_SOURCE /* MAP_ANONYMOUS */
#include "test_kernels.h"

#include "base/rng.h"

#include <math.h>

enum { LONGEST = 300, DRAWS = 1 << 18 };

static const uint32_t key[2] = {0x89ABCDEF, 0x01234567};

/* Wraps in word 0 after three blocks, as no draw does. */
static const uint32_t counter[4] = {0xFFFFFFFD, 1, 0xFFFFFFFF, 0x80000000};

static void words_are_those_of_single_counters(void **state)
{
    fence f = fence_of(LONGEST * sizeof(uint32_t));
    (void)state;
    EACH_LEVEL(k)
    for (size_t n = 0; n <= LONGEST; n++) {
        uint32_t *bits = fenced(f, n, sizeof *bits, 1), want[4];
        k->philox(bits, counter, key, n);
        for (size_t i = 0; i < n; i++) {
            uint32_t at[4] = {counter[0] + (uint32_t)i / 4, counter[1], counter[2], counter[3]};
            ae__philox(at, key, want);
            if (bits[i] != want[i % 4]) fail_msg("%s: word %zu of %zu", k->name, i, n);
        }
    }
    fence_free(f);
}

/* Of few rows, many return; of 2^33, halves of the network have 17 bits; most, 32. */
static void places_are_those_of_single_rows(void **state)
{
    const uint64_t rows[] = {1, 2, 3, 5, 10, 60000, 65536, 65537, (uint64_t)1 << 33, UINT64_MAX};
    fence f = fence_of(LONGEST * sizeof(uint64_t));
    (void)state;
    EACH_LEVEL(k)
    for (size_t r = 0; r < sizeof rows / sizeof *rows; r++) {
        ae__order order;
        ae__order_set(&order, rows[r], &(ae__draw){.seed = r, .purpose = AE__DRAW_ORDER});
        for (size_t n = 0; n <= LONGEST; n++) {
            const uint64_t step = rows[r] / (n + 1) + 1;
            uint64_t *at = fenced(f, n, sizeof *at, 1);
            for (size_t i = 0; i < n; i++) at[i] = i * step % rows[r];
            k->permute(&order, at, n);
            for (size_t i = 0; i < n; i++)
                if (at[i] != ae__order_at(&order, i * step % rows[r]))
                    fail_msg("%s: place %zu of %zu, %ju rows", k->name, i, n, rows[r]);
        }
    }
    fence_free(f);
}

/* The ends, the middle, the seams between the intervals of the quantile, and many between. */
static size_t all_kinds_of_bits(uint32_t *bits)
{
    const double at[] = {0, 0.075, 0.5, 0.925};
    size_t n = 0;
    for (size_t a = 0; a < sizeof at / sizeof *at; a++)
        for (uint32_t i = 0; i < 1000; i++) bits[n++] = (uint32_t)(at[a] * 0x1p32) + i - 500;
    ae__kernels_at(AE_CPU_PORTABLE)->philox(bits + n, counter, key, DRAWS - n);
    return DRAWS;
}

static void normals_are_the_quantile_of_their_bits(void **state)
{
    static uint32_t bits[DRAWS];
    static real z[DRAWS];
    size_t n = all_kinds_of_bits(bits);
    (void)state;
    EACH_LEVEL(k)
    {
        k->normal(z, bits, n);
        for (size_t i = 0; i < n; i++) {
            double want = ae__normal_quantile((bits[i] + 0.5) * 0x1p-32);
            assert_near((double)z[i], want, 5e-7 * fabs(want)); /* as docs/determinism.md says */
        }
    }
}

static void normals_of_mirrored_bits_are_mirrored(void **state)
{
    static uint32_t bits[DRAWS];
    static real z[DRAWS], mirrored[DRAWS];
    size_t n = all_kinds_of_bits(bits);
    (void)state;
    EACH_LEVEL(k)
    {
        k->normal(z, bits, n);
        for (size_t i = 0; i < n; i++) bits[i] = ~bits[i];
        k->normal(mirrored, bits, n);
        for (size_t i = 0; i < n; i++) assert_true(z[i] == -mirrored[i]);
    }
}

static void normal_does_not_depend_on_its_place(void **state)
{
    uint32_t bits[LONGEST];
    real z[LONGEST];
    fence f = fence_of(LONGEST * sizeof(real));
    (void)state;
    EACH_LEVEL(k)
    {
        k->philox(bits, counter, key, LONGEST);
        k->normal(z, bits, LONGEST);
        for (size_t n = 0; n <= 70; n++) {
            real *part = fenced(f, n, sizeof *part, 1);
            k->normal(part, bits + n, n);
            assert_same_bits(part, z + n, n);
        }
    }
    fence_free(f);
}

/* Moments 1 to 4 within 4 standard deviations of their estimates: 1, 2, 15 and 96 are the variances
 * of z, z^2, z^3 and z^4. */
static void normals_have_the_moments_of_the_distribution(void **state)
{
    const double want[4] = {0, 1, 0, 3}, variance[4] = {1, 2, 15, 96};
    static uint32_t bits[DRAWS];
    static real z[DRAWS];
    (void)state;
    EACH_LEVEL(k)
    {
        double sum[4] = {0};
        k->philox(bits, counter, key, DRAWS);
        k->normal(z, bits, DRAWS);
        for (size_t i = 0; i < DRAWS; i++)
            for (int p = 0; p < 4; p++) sum[p] += pow((double)z[i], p + 1);
        for (int p = 0; p < 4; p++)
            assert_near(sum[p] / DRAWS, want[p], 4 * sqrt(variance[p] / DRAWS));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(words_are_those_of_single_counters),
        cmocka_unit_test(places_are_those_of_single_rows),
        cmocka_unit_test(normals_are_the_quantile_of_their_bits),
        cmocka_unit_test(normals_of_mirrored_bits_are_mirrored),
        cmocka_unit_test(normal_does_not_depend_on_its_place),
        cmocka_unit_test(normals_have_the_moments_of_the_distribution),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
