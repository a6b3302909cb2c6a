/* base/mem, base/arena and base/size: blocks, arrays and sizes that cannot wrap. */
#include "base/arena.h"
#include "base/mem.h"
#include "base/size.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* A host's allocator at its worst: blocks at odd addresses, full of rubbish, and then none. */
typedef struct host {
    int left; /* requests that will still be met */
    int live; /* blocks not yet given back */
    size_t shift;
} host;

static void *host_alloc(size_t bytes, void *user)
{
    host *h = user;

    if (h->left-- <= 0) return NULL;
    unsigned char *block = malloc(bytes + h->shift);
    if (block == NULL) return NULL;
    memset(block, 0xA5, bytes + h->shift);
    h->live++;
    return block + h->shift;
}

static void host_release(void *block, void *user)
{
    host *h = user;

    h->live--;
    free((unsigned char *)block - h->shift);
}

static ae_allocator allocator_of(host *h)
{
    return (ae_allocator){sizeof(ae_allocator), host_alloc, host_release, h};
}

static bool is_zero(const unsigned char *bytes, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (bytes[i] != 0) return false;
    }
    return true;
}

/* ---- mem ---- */

static void block_is_aligned_and_zeroed_wherever_the_host_puts_it(void **state)
{
    (void)state;
    for (size_t shift = 0; shift <= 64; shift++) {
        host h = {.left = 1, .shift = shift};
        ae_allocator mem = allocator_of(&h);
        unsigned char *block = ae__mem_alloc(&mem, 1000);
        assert_non_null(block);
        assert_int_equal((uintptr_t)block % 64, 0);
        assert_true(is_zero(block, 1000));
        memset(block, 1, 1000); /* under ASan: all of it is ours */
        ae__mem_free(&mem, block);
        assert_int_equal(h.live, 0);
    }
}

static void default_allocator_gives_and_takes(void **state)
{
    (void)state;
    void *block = ae__mem_alloc(&ae__mem_default, 1);
    assert_non_null(block);
    ae__mem_free(&ae__mem_default, block);
}

static void freeing_null_does_nothing(void **state)
{
    host h = {0};
    ae_allocator mem = allocator_of(&h);

    (void)state;
    ae__mem_free(&mem, NULL);
    assert_int_equal(h.live, 0);
}

static void block_of_no_bytes_is_not_null(void **state)
{
    (void)state;
    void *block = ae__mem_alloc(&ae__mem_default, 0);
    assert_non_null(block);
    ae__mem_free(&ae__mem_default, block);
}

static void refusal_of_the_host_is_null(void **state)
{
    host h = {.left = 0};
    ae_allocator mem = allocator_of(&h);

    (void)state;
    assert_null(ae__mem_alloc(&mem, 8));
    assert_null(ae__mem_array(&mem, 8, 8));
}

static void sizes_that_wrap_never_reach_the_host(void **state)
{
    host h = {.left = 100};
    ae_allocator mem = allocator_of(&h);

    (void)state;
    assert_null(ae__mem_alloc(&mem, SIZE_MAX));
    assert_null(ae__mem_alloc(&mem, SIZE_MAX - 64));
    assert_null(ae__mem_array(&mem, SIZE_MAX / 2 + 1, 2)); /* product 0 */
    assert_null(ae__mem_array(&mem, SIZE_MAX / 8 + 2, 8)); /* product 8 */
    assert_int_equal(h.left, 100);
}

static void growing_keeps_what_was_used_and_zeroes_the_rest(void **state)
{
    host h = {.left = 2};
    ae_allocator mem = allocator_of(&h);
    void *block = ae__mem_array(&mem, 3, sizeof(uint32_t));

    (void)state;
    assert_non_null(block);
    memcpy(block, (uint32_t[]){7, 8, 9}, 12);
    assert_true(ae__mem_grow(&mem, &block, 3, 100, sizeof(uint32_t)));
    assert_memory_equal(block, ((uint32_t[]){7, 8, 9}), 12);
    assert_true(is_zero((unsigned char *)block + 12, 388));
    ae__mem_free(&mem, block);
    assert_int_equal(h.live, 0);
}

static void growing_starts_from_null(void **state)
{
    void *block = NULL;

    (void)state;
    assert_true(ae__mem_grow(&ae__mem_default, &block, 0, 4, 4));
    assert_non_null(block);
    ae__mem_free(&ae__mem_default, block);
}

static void failed_growth_leaves_the_block(void **state)
{
    host h = {.left = 1};
    ae_allocator mem = allocator_of(&h);
    void *block = ae__mem_alloc(&mem, 4);
    void *before = block;

    (void)state;
    assert_non_null(block);
    assert_false(ae__mem_grow(&mem, &block, 1, 2, 4));
    assert_false(ae__mem_grow(&mem, &block, 1, SIZE_MAX / 2, 4));
    assert_ptr_equal(block, before);
    ae__mem_free(&mem, block);
    assert_int_equal(h.live, 0);
}

/* ---- arena ---- */

static void arena_carves_what_it_measured(void **state)
{
    _Alignas(AE__ALIGN) unsigned char memory[64 + 128 + 64];
    ae__arena measure = {0}, carve = {.base = memory, .cap = sizeof memory};

    (void)state;
    assert_null(ae__arena_take(&measure, 1, 1));
    assert_null(ae__arena_take(&measure, 13, 5)); /* 65 bytes take 128 */
    assert_null(ae__arena_take(&measure, 64, 1));
    assert_int_equal(measure.bytes, sizeof memory);
    assert_ptr_equal(ae__arena_take(&carve, 1, 1), memory);
    assert_ptr_equal(ae__arena_take(&carve, 13, 5), memory + 64);
    assert_ptr_equal(ae__arena_take(&carve, 64, 1), memory + 192);
    assert_int_equal(carve.bytes, measure.bytes);
    assert_false(measure.overflow || carve.overflow);
}

static void arena_gives_nothing_for_count_zero(void **state)
{
    _Alignas(AE__ALIGN) unsigned char memory[64];
    ae__arena carve = {.base = memory, .cap = sizeof memory};

    (void)state;
    assert_null(ae__arena_take(&carve, 0, 8));
    assert_int_equal(carve.bytes, 0);
}

static void arena_overflow(size_t taken, size_t count, size_t unit)
{
    ae__arena arena = {.bytes = taken};

    assert_null(ae__arena_take(&arena, count, unit));
    assert_true(arena.overflow);
    ae__arena_take(&arena, 1, 1);
    assert_true(arena.overflow);
}

static void arena_overflow_sticks(void **state)
{
    (void)state;
    arena_overflow(0, SIZE_MAX / 2 + 1, 2); /* the product wraps */
    arena_overflow(0, SIZE_MAX, 1);         /* rounding up wraps */
    arena_overflow(64, SIZE_MAX - 63, 1);   /* the sum wraps */
}

/* ---- size ---- */

static void checked_product_refuses_to_wrap(void **state)
{
    size_t out = 7;

    (void)state;
    assert_true(ae__mul_size(SIZE_MAX, 1, &out) && out == SIZE_MAX);
    assert_true(ae__mul_size(SIZE_MAX, 0, &out) && out == 0);
    assert_true(ae__mul_size(0, SIZE_MAX, &out) && out == 0);
    assert_false(ae__mul_size(SIZE_MAX / 2 + 1, 2, &out));
    assert_false(ae__mul_size(SIZE_MAX, SIZE_MAX, &out));
    assert_int_equal(out, 0);
}

static void checked_sum_refuses_to_wrap(void **state)
{
    size_t out = 7;

    (void)state;
    assert_true(ae__add_size(SIZE_MAX - 1, 1, &out) && out == SIZE_MAX);
    assert_false(ae__add_size(SIZE_MAX, 1, &out));
    assert_true(out == SIZE_MAX);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(block_is_aligned_and_zeroed_wherever_the_host_puts_it),
        cmocka_unit_test(default_allocator_gives_and_takes),
        cmocka_unit_test(freeing_null_does_nothing),
        cmocka_unit_test(block_of_no_bytes_is_not_null),
        cmocka_unit_test(refusal_of_the_host_is_null),
        cmocka_unit_test(sizes_that_wrap_never_reach_the_host),
        cmocka_unit_test(growing_keeps_what_was_used_and_zeroes_the_rest),
        cmocka_unit_test(growing_starts_from_null),
        cmocka_unit_test(failed_growth_leaves_the_block),
        cmocka_unit_test(arena_carves_what_it_measured),
        cmocka_unit_test(arena_gives_nothing_for_count_zero),
        cmocka_unit_test(arena_overflow_sticks),
        cmocka_unit_test(checked_product_refuses_to_wrap),
        cmocka_unit_test(checked_sum_refuses_to_wrap),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
