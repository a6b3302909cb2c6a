/* base/rng. Expected numbers: Random123's known answers; Wichura's paper and Python's statistics;
 * for the layout of key and counter and for the order, a Python program written from
 * docs/determinism.md. */
#include "base/rng.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

/* ---- Philox ---- */

static void philox_gives_the_published_answers(void **state)
{
    static const struct {
        uint32_t counter[4], key[2], out[4];
    } known[] = {
        {{0}, {0}, {0x6627E8D5, 0xE169C58D, 0xBC57AC4C, 0x9B00DBD8}},
        {{UINT32_MAX, UINT32_MAX, UINT32_MAX, UINT32_MAX},
         {UINT32_MAX, UINT32_MAX},
         {0x408F276D, 0x41C83B0E, 0xA20BC7C6, 0x6D5451FD}},
        {{0x243F6A88, 0x85A308D3, 0x13198A2E, 0x03707344}, /* digits of pi */
         {0xA4093822, 0x299F31D0},
         {0xD16CFE09, 0x94FDCCEB, 0x5001E420, 0x24126EA1}},
    };

    (void)state;
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++) {
        uint32_t out[4];
        ae__philox(known[i].counter, known[i].key, out);
        assert_memory_equal(out, known[i].out, sizeof out);
    }
}

static const ae__draw full = {.seed = 0x0123456789ABCDEF,
                              .purpose = 0x5A,
                              .epoch = 0x123456,
                              .layer = 0x2A5,
                              .sample = 0xBEEF,
                              .row = 0x89ABCDEF01};
static const uint32_t full_block = 0x15555555;

static void draw_lays_its_fields_out_as_documented(void **state)
{
    const uint32_t counter[] = {0x55555555, 0x01BEEFA9, 0x89ABCDEF, 0x5A123456};
    const uint32_t key[] = {0x89ABCDEF, 0x01234567};
    uint32_t out[4], wanted[4];

    (void)state;
    ae__draw_bits(&full, full_block, out);
    ae__philox(counter, key, wanted);
    assert_memory_equal(out, wanted, sizeof out);
}

static void uniform_is_the_middle_of_its_step(void **state)
{
    const double wanted[] = {0.1892606186447665, 0.6409065156476572, 0.9428235351806507,
                             0.7370638981228694};
    uint32_t bits[4];

    (void)state;
    ae__draw_bits(&full, full_block, bits);
    for (size_t i = 0; i < 4; i++) assert_true(ae__draw_uniform(bits[i]) == wanted[i]);
}

static void uniform_fills_the_unit_interval_evenly(void **state)
{
    enum { DRAWS = 100000, BINS = 100 };
    ae__draw draw = {.seed = 1, .purpose = AE__DRAW_INIT};
    int count[BINS] = {0};
    double chi2 = 0;

    (void)state;
    for (uint32_t block = 0; block < DRAWS / 4; block++) {
        uint32_t bits[4];
        ae__draw_bits(&draw, block, bits);
        for (size_t i = 0; i < 4; i++) count[(int)(ae__draw_uniform(bits[i]) * BINS)]++;
    }
    for (int i = 0; i < BINS; i++) chi2 += pow(count[i] - DRAWS / BINS, 2) * BINS / DRAWS;
    assert_true(chi2 > 61.1 && chi2 < 148.2); /* 0.1 % and 99.9 % at 99 degrees of freedom */
}

/* ---- normal quantile ---- */

static void quantile_agrees_with_the_references(void **state)
{
    static const double known[][2] = {
        {0.25, -0.6744897501960817}, /* AS 241 prints these three */
        {0.001, -3.090232306167814},      {1e-20, -9.262340089798408},
        {1e-300, -37.0470962993612}, /* NormalDist().inv_cdf */
        {1e-5, -4.2648907939228256},      {0.075, -1.4395314709384557},
        {0.075001, -1.4395244066035215},  {0.4, -0.2533471031357998},
        {0.6, 0.2533471031357998},        {0.925, 1.439531470938456},
        {0.97, 1.8807936081512504},       {0.9999, 3.7190164854557084},
        {0x1p-33, -6.337957754553789}, /* the smallest uniform draw */
        {1 - 0x1p-33, 6.337957754553789},
    };

    (void)state;
    assert_true(ae__normal_quantile(0.5) == 0);
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++) {
        double z = ae__normal_quantile(known[i][0]);
        assert_true(fabs(z / known[i][1] - 1) < 1e-14); /* the paper promises about 1e-16 */
    }
}

static void quantile_is_odd_around_one_half(void **state)
{
    (void)state;
    for (int i = 1; i < 512; i++) { /* i / 1024 and its complement are exact */
        double p = i / 1024.0;
        assert_true(ae__normal_quantile(1 - p) == -ae__normal_quantile(p));
    }
}

/* ---- order ---- */

static ae__order order_of(uint64_t rows, uint64_t seed, uint32_t epoch)
{
    ae__order order;

    ae__order_set(&order, rows,
                  &(ae__draw){.seed = seed, .purpose = AE__DRAW_ORDER, .epoch = epoch});
    return order;
}

static void order_agrees_with_the_reference(void **state)
{
    const uint64_t ten[] = {9, 1, 5, 7, 2, 6, 3, 0, 4, 8};
    const uint64_t mnist[] = {34580, 56350, 8860, 8809, 19771, 9693};
    ae__order order = order_of(10, 42, 3);

    (void)state;
    for (uint64_t i = 0; i < 10; i++) assert_int_equal(ae__order_at(&order, i), ten[i]);
    order = order_of(60000, 42, 0);
    for (uint64_t i = 0; i < 6; i++) assert_int_equal(ae__order_at(&order, i), mnist[i]);
    order = order_of((uint64_t)1 << 40, 42, 0);
    assert_int_equal(ae__order_at(&order, 0), 470665019295);
    assert_int_equal(ae__order_at(&order, ((uint64_t)1 << 40) - 1), 271653329980);
}

static void order_must_be_a_bijection(uint64_t rows)
{
    ae__order order = order_of(rows, rows, 1);
    bool *seen = calloc(rows + 1, sizeof *seen);

    assert_true(seen);
    for (uint64_t i = 0; i < rows; i++) {
        uint64_t row = ae__order_at(&order, i);
        if (row >= rows || seen[row]) fail_msg("%ju rows: %ju at %ju", rows, row, i);
        seen[row] = true;
        assert_int_equal(ae__order_place(&order, row), i);
    }
    free(seen);
}

static void order_is_a_bijection_of_any_number_of_rows(void **state)
{
    (void)state;
    for (uint64_t rows = 0; rows <= 2000; rows++) order_must_be_a_bijection(rows);
    order_must_be_a_bijection(65535);
    order_must_be_a_bijection(65536);
    order_must_be_a_bijection(65537);
    order_must_be_a_bijection(1000003);
}

static int compare(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

    return (x > y) - (x < y);
}

static void order_stays_in_bounds_and_apart_on_huge_data(void **state)
{
    enum { SOME = 20000 };
    const uint64_t sizes[] = {((uint64_t)1 << 40) - 1, (uint64_t)1 << 40, ((uint64_t)1 << 38) + 1,
                              (uint64_t)1 << 62, UINT64_MAX};
    static uint64_t row[SOME];

    (void)state;
    for (size_t k = 0; k < sizeof sizes / sizeof sizes[0]; k++) {
        ae__order order = order_of(sizes[k], 7, 0);
        for (uint64_t i = 0; i < SOME; i++) row[i] = ae__order_at(&order, i * (sizes[k] / SOME));
        qsort(row, SOME, sizeof row[0], compare);
        assert_true(row[SOME - 1] < sizes[k]);
        for (int i = 1; i < SOME; i++) assert_true(row[i - 1] < row[i]);
    }
}

/* chi-square of `count` over n equally likely cells, in standard deviations from its mean */
static double surprise(const int *count, int n, int free_cells)
{
    double total = 0, chi2 = 0;

    for (int i = 0; i < n; i++) total += count[i];
    for (int i = 0; i < n; i++) chi2 += pow(count[i] - total / n, 2) * n / total;
    return (chi2 - free_cells) / sqrt(2.0 * free_cells);
}

static void every_row_comes_equally_often_at_every_place(void **state)
{
    const int sizes[] = {3, 5, 10, 20, 50};

    (void)state;
    for (size_t k = 0; k < sizeof sizes / sizeof sizes[0]; k++) {
        int n = sizes[k], count[50 * 50] = {0};
        for (uint32_t epoch = 0; epoch < 20000; epoch++) {
            ae__order order = order_of((uint64_t)n, 5, epoch);
            for (int i = 0; i < n; i++) count[i * n + (int)ae__order_at(&order, (uint64_t)i)]++;
        }
        assert_true(fabs(surprise(count, n * n, (n - 1) * (n - 1))) < 4);
    }
}

static void neighbours_come_equally_often_at_every_distance(void **state)
{
    const int sizes[] = {4, 8, 10, 16, 50, 64};

    (void)state;
    for (size_t k = 0; k < sizeof sizes / sizeof sizes[0]; k++) {
        int n = sizes[k], count[64] = {0};
        for (uint32_t epoch = 0; epoch < 20000; epoch++) {
            ae__order order = order_of((uint64_t)n, 6, epoch);
            int first = (int)ae__order_at(&order, 0), second = (int)ae__order_at(&order, 1);
            count[(second - first + n) % n]++;
        }
        assert_int_equal(count[0], 0);
        assert_true(fabs(surprise(count + 1, n - 1, n - 2)) < 4);
    }
}

static void epochs_and_seeds_have_orders_of_their_own(void **state)
{
    ae__order a = order_of(1000, 1, 0), b = order_of(1000, 1, 1), c = order_of(1000, 2, 0);
    int same_epoch = 0, same_seed = 0;

    (void)state;
    for (uint64_t i = 0; i < 1000; i++) {
        same_epoch += ae__order_at(&a, i) == ae__order_at(&c, i);
        same_seed += ae__order_at(&a, i) == ae__order_at(&b, i);
    }
    assert_true(same_epoch < 8 && same_seed < 8); /* Poisson with mean 1: 8 or more in 1e-5 */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(philox_gives_the_published_answers),
        cmocka_unit_test(draw_lays_its_fields_out_as_documented),
        cmocka_unit_test(uniform_is_the_middle_of_its_step),
        cmocka_unit_test(uniform_fills_the_unit_interval_evenly),
        cmocka_unit_test(quantile_agrees_with_the_references),
        cmocka_unit_test(quantile_is_odd_around_one_half),
        cmocka_unit_test(order_agrees_with_the_reference),
        cmocka_unit_test(order_is_a_bijection_of_any_number_of_rows),
        cmocka_unit_test(order_stays_in_bounds_and_apart_on_huge_data),
        cmocka_unit_test(every_row_comes_equally_often_at_every_place),
        cmocka_unit_test(neighbours_come_equally_often_at_every_distance),
        cmocka_unit_test(epochs_and_seeds_have_orders_of_their_own),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
