/* What the example programs share, where a program's own output would not show a fault. */
#include "common.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include <cmocka.h>

enum { SIDE = 28 };

/* Seed 1234567, as published with implementations in many languages (rosettacode.org). */
static void random_numbers_are_splitmix64(void **state)
{
    static const uint64_t published[] = {6457827717110365317u, 3203168211198807973u,
                                         9817491932198370423u, 4593380528125082431u,
                                         16408922859458223821u};
    rng r = {1234567};

    (void)state;
    for (size_t i = 0; i < 5; i++) assert_int_equal(rng_next(&r), published[i]);
}

/* Golden: gcc and clang, -O0 to -O3 -ffast-math gave the same. */
static void digits_have_the_same_bytes_everywhere(void **state)
{
    uint8_t pixels[SIDE * SIDE];
    uLong crc = 0;

    (void)state;
    for (int64_t i = 0; i < 200; i++) {
        digit_draw(pixels, 7, i);
        crc = crc32(crc, pixels, sizeof pixels);
    }
    assert_int_equal(crc, 0xd1c09878);
}

/* Golden: gcc and clang, -O0 to -O3 -ffast-math gave the same. */
static void scenes_have_the_same_bytes_everywhere(void **state)
{
    images train, test;

    (void)state;
    scenes_draw(&train, &test, 7);
    const uLong crc = crc32(0, test.pixels, (uInt)(test.rows * images_dim(&test)));
    images_free(&train);
    images_free(&test);
    assert_int_equal(crc, 0x5b56e3f1);
}

/* A line of length l and radius r covers 2 r l + pi r^2; a pixel's rounding is below 1/255, and the
 * soft edge of the caps errs outwards: 2 % in all. */
static void pen_covers_the_area_of_its_line(void **state)
{
    static uint8_t mask[64 * 64];
    const pen p = {mask, 64, 64, 3 * PEN_PIXEL};
    const double wanted = 2 * 3 * 40 + 3.14159 * 9;
    double covered = 0.0;

    (void)state;
    pen_line(&p, (point){10 * PEN_PIXEL, 20 * PEN_PIXEL}, (point){42 * PEN_PIXEL, 44 * PEN_PIXEL});
    for (size_t i = 0; i < sizeof mask; i++) covered += mask[i] / 255.0;
    assert_true(covered > 0.98 * wanted && covered < 1.02 * wanted);
}

static void pen_stays_in_its_mask(void **state)
{
    uint8_t mask[3 * 16 * 16];
    const pen p = {mask + 256, 16, 16, 2 * PEN_PIXEL};

    (void)state;
    memset(mask, 0, sizeof mask);
    pen_line(&p, (point){-999 * PEN_PIXEL, -999 * PEN_PIXEL}, (point){0, 99 * PEN_PIXEL});
    pen_line(&p, (point){-9 * PEN_PIXEL, -9 * PEN_PIXEL}, (point){99 * PEN_PIXEL, 99 * PEN_PIXEL});
    for (size_t i = 0; i < 256; i++) assert_int_equal(mask[i] | mask[512 + i], 0);
    assert_int_equal(mask[256 + 8 * 16 + 8], 255);
}

static void strokes_are_read_one_after_the_other(void **state)
{
    const char *text = "0199 5060,7080";
    point points[STROKE_POINTS];

    (void)state;
    assert_int_equal(stroke_read(points, &text, 2), 2);
    assert_true(points[0].x == 1 && points[0].y == 99 && points[1].x == 50 && points[1].y == 60);
    assert_int_equal(stroke_read(points, &text, 2), 1);
    assert_true(points[0].x == 70 && points[0].y == 80 && *text == '\0');
}

/* All sign patterns of (128 +- 100, 128 +- 40, 128 +- 10): uncorrelated, variances 100^2, 40^2 and
 * 10^2, so that k components leave the smallest 3 - k. */
static void pca_leaves_the_smallest_variances(void **state)
{
    static const int32_t spread[] = {100, 40, 10};
    uint8_t pixels[8 * 3];
    const images set = {.rows = 8, .height = 3, .width = 1, .channels = 1, .pixels = pixels};
    const float unit = 3.0f * 255.0f * 255.0f;

    (void)state;
    for (int32_t i = 0; i < 8; i++)
        for (int32_t j = 0; j < 3; j++)
            pixels[3 * i + j] = (uint8_t)(128 + ((i >> j & 1) ? spread[j] : -spread[j]));
    assert_float_equal(pca_error(&set, &set, 1), 1700.0f / unit, 1e-6f);
    assert_float_equal(pca_error(&set, &set, 2), 100.0f / unit, 1e-6f);
    assert_float_equal(pca_error(&set, &set, 3), 0.0f, 1e-12f);
}

/* Of the pairs (1, 1), (1, 2), (3, 1), (3, 2): a tie, a loss, two wins. */
static void auc_counts_ties_half(void **state)
{
    float unused[4] = {0};
    const float scores[] = {1.0f, 2.0f, 1.0f, 3.0f};
    const anomalies a = {.test = {4, 1, unused}, .n_normal = 2};

    (void)state;
    assert_float_equal(anomalies_auc(&a, scores), 0.625f, 1e-6f);
}

/* As published with AS 241 (Wichura 1988), and by symmetry. */
static void quantiles_are_those_of_the_normal_distribution(void **state)
{
    static const double published[][2] = {
        {0.25, -0.6744897501960817}, {0.001, -3.090232306167814}, {1e-20, -9.262340089798408}};

    (void)state;
    for (size_t i = 0; i < 3; i++) {
        const double p = published[i][0], q = normal_quantile(p);
        assert_true(fabs(q - published[i][1]) < 1e-12);
        if (p > 1e-9) assert_true(fabs(normal_quantile(1.0 - p) + q) < 1e-9);
    }
}

/* Means of the classes: (1, 1) and, far from it, (9, 8). The third image is nearer to the class
 * that it does not say. */
static void nearest_mean_is_counted_where_it_is_right(void **state)
{
    uint8_t pixels[] = {0, 2, 2, 0, 9, 8}, labels[] = {0, 0, 2};
    uint8_t other[] = {3, 3, 7, 7, 8, 9}, said[] = {0, 2, 0};
    const images train = {3, 1, 2, 1, pixels, labels}, set = {3, 1, 2, 1, other, said};

    (void)state;
    assert_int_equal(images_classes(&train), 3); /* of which 1 has no image */
    assert_float_equal(nearest_mean_share(&train, &set), 2.0f / 3.0f, 1e-6f);
    assert_float_equal(nearest_mean_share(&train, &train), 1.0f, 1e-6f);
}

/* Nearest rows of {0, 1, 5}: 0.5 is nearer to them than 9, and 9 lies farther from 0. */
static void baselines_rank_the_far_row_higher(void **state)
{
    float train[] = {0.0f, 1.0f, 5.0f}, test[] = {0.5f, 9.0f};
    const anomalies a = {.train = {3, 1, train}, .test = {2, 1, test}, .n_normal = 1};

    (void)state;
    assert_float_equal(auc_by_norm(&a), 1.0f, 1e-6f);
    assert_float_equal(auc_by_neighbours(&a, 1), 1.0f, 1e-6f);
    assert_float_equal(auc_by_neighbours(&a, 5), 1.0f, 1e-6f);
}

static void bytes_are_rounded_and_cut(void **state)
{
    static const float values[] = {-1.0f, 0.0f, 0.5f, 1.0f, 7.0f};
    static const uint8_t wanted[] = {0, 0, 128, 255, 255};
    uint8_t bytes[5];

    (void)state;
    to_bytes(bytes, values, 5);
    assert_memory_equal(bytes, wanted, 5);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(random_numbers_are_splitmix64),
        cmocka_unit_test(digits_have_the_same_bytes_everywhere),
        cmocka_unit_test(scenes_have_the_same_bytes_everywhere),
        cmocka_unit_test(pen_covers_the_area_of_its_line),
        cmocka_unit_test(pen_stays_in_its_mask),
        cmocka_unit_test(strokes_are_read_one_after_the_other),
        cmocka_unit_test(pca_leaves_the_smallest_variances),
        cmocka_unit_test(auc_counts_ties_half),
        cmocka_unit_test(quantiles_are_those_of_the_normal_distribution),
        cmocka_unit_test(nearest_mean_is_counted_where_it_is_right),
        cmocka_unit_test(baselines_rank_the_far_row_higher),
        cmocka_unit_test(bytes_are_rounded_and_cut),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
