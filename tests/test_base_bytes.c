/* base/bytes and base/crc32: bytes in files, the same on every machine. CRCs are zlib's. */
#include "ae/ae.h"
#include "base/bytes.h"
#include "base/crc32.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

typedef struct sink {
    uint8_t bytes[1 << 15];
    size_t count;
    size_t cap; /* what goes beyond fails as a full disk */
    int calls;
} sink;

static int32_t sink_take(void *user, const void *bytes, size_t n)
{
    sink *s = user;

    s->calls++;
    if (n > s->cap - s->count) return AE_ERR_IO;
    memcpy(s->bytes + s->count, bytes, n);
    s->count += n;
    return AE_OK;
}

static sink the_sink;

static ae__writer writer_with(size_t cap)
{
    the_sink = (sink){.cap = cap};
    return (ae__writer){.sink = sink_take, .user = &the_sink};
}

/* ---- reader ---- */

static const uint8_t nine[] = {1, 2, 3, 4, 5, 6, 7, 8, 9};

static ae__reader reader_of(size_t count)
{
    return (ae__reader){.bytes = nine, .count = count};
}

static void reader_takes_the_low_byte_first(void **state)
{
    ae__reader r32 = reader_of(9), r64 = r32;

    (void)state;
    assert_int_equal(ae__read_u32(&r32), 0x04030201);
    assert_int_equal(ae__read_u64(&r64), 0x0807060504030201);
    assert_int_equal(ae__read_left(&r64), 1);
    assert_false(r32.truncated || r64.truncated);
}

static void reader_knows_ieee_754(void **state)
{
    const uint8_t bytes[] = {0x00, 0x00, 0x20, 0xC0, /* -2.5f */
                             0,    0,    0,    0,    0, 0, 0xF8, 0x3F /* 1.5 */};
    ae__reader r = {.bytes = bytes, .count = sizeof bytes};

    (void)state;
    assert_true(ae__read_f32(&r) == -2.5f);
    assert_true(ae__read_f64(&r) == 1.5);
}

static void reader_gives_the_bytes_themselves(void **state)
{
    ae__reader r = reader_of(9);

    (void)state;
    assert_ptr_equal(ae__read_bytes(&r, 4), nine);
    assert_ptr_equal(ae__read_bytes(&r, 0), nine + 4);
    assert_ptr_equal(ae__read_bytes(&r, 5), nine + 4);
    assert_int_equal(ae__read_left(&r), 0);
    assert_false(r.truncated);
}

static void reader_refuses_numbers_that_end_beyond_the_end(void **state)
{
    (void)state;
    for (size_t count = 0; count < 8; count++) {
        ae__reader r32 = reader_of(count % 4), r64 = reader_of(count);
        ae__reader f32 = r32, f64 = r64;
        assert_int_equal(ae__read_u32(&r32), 0);
        assert_int_equal(ae__read_u64(&r64), 0);
        assert_true(ae__read_f32(&f32) == 0 && ae__read_f64(&f64) == 0);
        assert_true(r32.truncated && r64.truncated);
        assert_true(f32.truncated && f64.truncated);
    }
}

static void reader_refuses_lengths_beyond_the_end(void **state)
{
    const size_t lengths[] = {9, 10, (size_t)1 << 31, SIZE_MAX / 2 + 1, SIZE_MAX - 1, SIZE_MAX};

    (void)state;
    for (size_t i = 0; i < sizeof lengths / sizeof lengths[0]; i++) {
        ae__reader r = reader_of(9);
        ae__read_bytes(&r, 1);
        assert_null(ae__read_bytes(&r, lengths[i]));
        assert_true(r.truncated);
    }
}

static void reader_gives_nothing_more_once_truncated(void **state)
{
    ae__reader r = reader_of(9);

    (void)state;
    assert_null(ae__read_bytes(&r, 10));
    assert_int_equal(ae__read_left(&r), 0);
    assert_int_equal(ae__read_u32(&r), 0);
    assert_null(ae__read_bytes(&r, 0));
}

/* ---- writer ---- */

static void writer_puts_the_low_byte_first(void **state)
{
    const uint8_t wanted[] = {0xAB, 0x04, 0x03, 0x02, 0x01, 0x18, 0x17, 0x16, 0x15,
                              0x14, 0x13, 0x12, 0x11, 0x00, 0x00, 0x20, 0xC0, 0x00,
                              0x00, 0x00, 0x00, 0x00, 0x00, 0xF8, 0x3F, 'a',  'e'};
    ae__writer w = writer_with(100);

    (void)state;
    ae__write_bytes(&w, "\xAB", 1);
    ae__write_u32(&w, 0x01020304);
    ae__write_u64(&w, 0x1112131415161718);
    ae__write_f32(&w, -2.5f);
    ae__write_f64(&w, 1.5);
    ae__write_bytes(&w, "ae", 2);
    assert_int_equal(w.status, AE_OK);
    assert_int_equal(w.count, sizeof wanted);
    assert_int_equal(the_sink.count, sizeof wanted);
    assert_memory_equal(the_sink.bytes, wanted, sizeof wanted);
}

static void numbers_come_back_bit_by_bit(void **state)
{
    const float floats[] = {0.0f, -0.0f, 1e-45f, -1.5f, 3.4028235e38f, INFINITY, NAN};
    const double doubles[] = {0.0, -0.0, 5e-324, 1.7976931348623157e308, -INFINITY, (double)NAN};
    ae__writer w = writer_with(1000);

    (void)state;
    for (int i = 0; i < 7; i++) ae__write_f32(&w, floats[i]);
    for (int i = 0; i < 6; i++) ae__write_f64(&w, doubles[i]);
    ae__reader r = {.bytes = the_sink.bytes, .count = the_sink.count};
    for (int i = 0; i < 7; i++) {
        float v = ae__read_f32(&r);
        assert_memory_equal(&v, &floats[i], sizeof v);
    }
    for (int i = 0; i < 6; i++) {
        double v = ae__read_f64(&r);
        assert_memory_equal(&v, &doubles[i], sizeof v);
    }
    assert_int_equal(ae__read_left(&r), 0);
    assert_false(r.truncated);
}

static void arrays_of_every_length_come_back(void **state)
{
    const size_t lengths[] = {0, 1, 1023, 1024, 1025, 5000};
    static float v[5000];

    (void)state;
    for (size_t i = 0; i < 5000; i++) v[i] = (float)i / 7;
    for (size_t k = 0; k < sizeof lengths / sizeof lengths[0]; k++) {
        ae__writer w = writer_with(sizeof the_sink.bytes);
        ae__write_f32s(&w, v, lengths[k]);
        assert_int_equal(w.count, 4 * lengths[k]);
        ae__reader r = {.bytes = the_sink.bytes, .count = the_sink.count};
        for (size_t i = 0; i < lengths[k]; i++) assert_true(ae__read_f32(&r) == v[i]);
        assert_int_equal(ae__read_left(&r), 0);
    }
}

static void writer_keeps_the_first_failure_and_falls_silent(void **state)
{
    ae__writer w = writer_with(6);
    const float v[3000] = {0};

    (void)state;
    ae__write_u32(&w, 1);
    uint32_t crc = w.crc;
    ae__write_u32(&w, 2);
    assert_int_equal(w.status, AE_ERR_IO);
    ae__write_bytes(&w, "x", 1); /* would fit */
    ae__write_f32s(&w, v, 3000);
    assert_int_equal(w.status, AE_ERR_IO);
    assert_int_equal(w.count, 4);
    assert_int_equal(w.crc, crc);
    assert_int_equal(the_sink.calls, 2);
}

static void writer_without_a_sink_counts(void **state)
{
    ae__writer w = {0};
    const float v[3000] = {0};

    (void)state;
    ae__write_u64(&w, 1);
    ae__write_f32s(&w, v, 3000);
    assert_int_equal(w.status, AE_OK);
    assert_int_equal(w.count, 8 + 12000);
}

static void writer_sums_from_the_last_reset(void **state)
{
    ae__writer w = writer_with(100);

    (void)state;
    ae__write_bytes(&w, "head", 4);
    w.crc = 0;
    ae__write_bytes(&w, "12345", 5);
    ae__write_bytes(&w, "6789", 4);
    assert_int_equal(w.crc, 0xCBF43926);
}

/* ---- crc32 ---- */

static void crc_agrees_with_zlib(void **state)
{
    uint8_t all[256], zeros[1000] = {0}, ones[31];

    (void)state;
    for (int i = 0; i < 256; i++) all[i] = (uint8_t)i;
    memset(ones, 0xFF, sizeof ones);
    assert_int_equal(ae__crc32(0, "123456789", 9), 0xCBF43926); /* the check value */
    assert_int_equal(ae__crc32(0, "", 0), 0);
    assert_int_equal(ae__crc32(0, "a", 1), 0xE8B7BE43);
    assert_int_equal(ae__crc32(0, all, sizeof all), 0x29058C73);
    assert_int_equal(ae__crc32(0, zeros, sizeof zeros), 0x060B1780);
    assert_int_equal(ae__crc32(0, ones, sizeof ones), 0x6CAB0B00);
}

static void crc_goes_on_from_any_cut_and_address(void **state)
{
    uint8_t all[256 + 8];

    (void)state;
    for (size_t shift = 0; shift < 8; shift++) {
        for (size_t i = 0; i < 256; i++) all[shift + i] = (uint8_t)i;
        for (size_t cut = 0; cut <= 256; cut++) {
            uint32_t crc = ae__crc32(0, all + shift, cut);
            assert_int_equal(ae__crc32(crc, all + shift + cut, 256 - cut), 0x29058C73);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reader_takes_the_low_byte_first),
        cmocka_unit_test(reader_knows_ieee_754),
        cmocka_unit_test(reader_gives_the_bytes_themselves),
        cmocka_unit_test(reader_refuses_numbers_that_end_beyond_the_end),
        cmocka_unit_test(reader_refuses_lengths_beyond_the_end),
        cmocka_unit_test(reader_gives_nothing_more_once_truncated),
        cmocka_unit_test(writer_puts_the_low_byte_first),
        cmocka_unit_test(numbers_come_back_bit_by_bit),
        cmocka_unit_test(arrays_of_every_length_come_back),
        cmocka_unit_test(writer_keeps_the_first_failure_and_falls_silent),
        cmocka_unit_test(writer_without_a_sink_counts),
        cmocka_unit_test(writer_sums_from_the_last_reset),
        cmocka_unit_test(crc_agrees_with_zlib),
        cmocka_unit_test(crc_goes_on_from_any_cut_and_address),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
