/* The order of an epoch's rows, against values of a Python program written from docs/determinism.md
 * alone, and against what an order must be. */
#include "train/sequence.h"

#include "ae/ae.h"
#include "model/params.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

typedef struct order {
    int64_t mode, block, window;
    uint64_t rows;
} order;

static ae__sequence sequence_of(const order *o, int64_t seed, uint64_t epoch)
{
    const struct {
        int32_t id;
        int64_t value;
    } settings[] = {{AE_PARAM_SEED, seed},
                    {AE_PARAM_SHUFFLE, o->mode},
                    {AE_PARAM_SHUFFLE_BLOCK, o->block},
                    {AE_PARAM_SHUFFLE_WINDOW, o->window}};
    ae__sequence s;
    ae__spec model;
    ae__spec_begin_scope(&model, AE_SCOPE_MODEL);
    for (size_t i = 0; i < sizeof settings / sizeof *settings; i++) {
        ae__number number = {.type = AE_TYPE_I64, .i64 = settings[i].value};
        assert_int_equal(ae__spec_set(&model, "test", settings[i].id, number), AE_OK);
    }
    ae__sequence_set(&s, &model, o->rows, epoch, ae__kernels_at(AE_CPU_AUTO));
    return s;
}

static uint64_t slot_at(const ae__sequence *s, const ae__stretch *t, uint64_t position)
{
    uint64_t slot;
    ae__sequence_slots(s, t, position, 1, &slot);
    return slot;
}

static uint64_t row_at(const ae__sequence *s, uint64_t position)
{
    ae__stretch t;
    ae__sequence_stretch(s, position, &t);
    return ae__sequence_row(s, &t, slot_at(s, &t, position));
}

static void orders_agree_with_the_reference(void **state)
{
    static const struct {
        order o;
        uint64_t rows[14];
    } cases[] = {
        {{AE_SHUFFLE_FULL, 3, 2, 10}, {9, 1, 5, 7, 2, 6, 3, 0, 4, 8}},
        {{AE_SHUFFLE_BLOCK, 3, 2, 14}, {13, 3, 4, 12, 5, 2, 0, 10, 11, 9, 1, 6, 8, 7}},
        {{AE_SHUFFLE_WINDOW, 3, 2, 14}, {1, 2, 3, 5, 4, 0, 11, 9, 7, 8, 6, 10, 12, 13}},
        {{AE_SHUFFLE_BLOCK, 4, 3, 1000},
         {285, 286, 216, 201, 217, 219, 218, 202, 287, 203, 200, 284, 409, 735}},
        {{AE_SHUFFLE_BLOCK, 256, 16, 60000},
         {46002, 39054, 18201, 7238, 23731, 12934, 18233, 34829, 52997, 53232, 12812, 26333, 20402,
          57226}},
        {{AE_SHUFFLE_WINDOW, 256, 16, 60000},
         {2994, 2190, 25, 1606, 2739, 390, 57, 1805, 1285, 1520, 268, 1245, 3506, 3210}},
        {{AE_SHUFFLE_BLOCK, 7, 100, 14}, {1, 2, 8, 5, 9, 13, 10, 6, 12, 7, 4, 0, 3, 11}},
        {{AE_SHUFFLE_NONE, 3, 2, 14}, {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13}},
    };
    (void)state;
    for (size_t c = 0; c < sizeof cases / sizeof *cases; c++) {
        ae__sequence s = sequence_of(&cases[c].o, 42, 3);
        for (uint64_t i = 0; i < cases[c].o.rows && i < 14; i++)
            assert_int_equal(row_at(&s, i), cases[c].rows[i]);
    }
}

/* Many positions at once give what each gives by itself. */
static void check_all_together(const ae__sequence *s, const ae__stretch *t)
{
    enum { MANY = 37 };
    uint64_t slots[MANY], rows[MANY];
    const size_t count = t->rows < MANY ? (size_t)t->rows : MANY;
    ae__sequence_slots(s, t, t->first, count, slots);
    ae__sequence_rows(s, t, slots, count, rows);
    for (size_t i = 0; i < count; i++) {
        assert_int_equal(slots[i], slot_at(s, t, t->first + i));
        assert_int_equal(rows[i], ae__sequence_row(s, t, slots[i]));
    }
}

/* Every row once; windows that follow each other and hold whole blocks: of rows as they stand in the
 * data by slot, and within a window nothing else. */
static void check_order(const order *o)
{
    ae__sequence s = sequence_of(o, 7, 2);
    unsigned char *seen = calloc(o->rows, 1);
    ae__stretch t = {0};
    for (uint64_t first = 0; first < o->rows; first += t.rows) {
        ae__sequence_stretch(&s, first, &t);
        assert_int_equal(t.first, first);
        assert_in_range(t.rows, 1, ae__sequence_window(&s));
        for (uint64_t slot = 0; slot < t.rows; slot++) {
            uint64_t row = ae__sequence_row(&s, &t, slot);
            assert_true(row < o->rows && !seen[row]);
            seen[row] = 1;
            bool block_begins = row % s.block == 0;
            if (slot && !block_begins)
                assert_int_equal(row, ae__sequence_row(&s, &t, slot - 1) + 1);
            if (!slot) assert_true(block_begins);
        }
        check_all_together(&s, &t);
        for (uint64_t i = 0; i < t.rows; i++) {
            ae__stretch same;
            ae__sequence_stretch(&s, first + i, &same);
            assert_true(same.number == t.number && same.rows == t.rows);
            uint64_t slot = slot_at(&s, &t, first + i);
            assert_true(slot < t.rows);
            if (!s.permutes_rows) assert_int_equal(slot, i);
        }
    }
    free(seen);
}

static void each_row_comes_once_and_windows_are_made_of_whole_blocks(void **state)
{
    (void)state;
    for (int64_t mode = AE_SHUFFLE_NONE; mode <= AE_SHUFFLE_WINDOW; mode++) {
        for (uint64_t rows = 1; rows <= 60; rows++) {
            for (int64_t block = 1; block <= 7; block += 2) {
                for (int64_t window = 1; window <= 5; window++)
                    check_order(&(order){mode, block, window, rows});
            }
        }
        check_order(&(order){mode, 256, 16, 100003});
        check_order(&(order){mode, 1 << 24, 1 << 16, 5000});
    }
}

static void rows_of_a_window_are_permuted_where_the_order_says(void **state)
{
    (void)state;
    for (int64_t mode = AE_SHUFFLE_NONE; mode <= AE_SHUFFLE_WINDOW; mode++) {
        order o = {mode, 10, 5, 1000};
        ae__sequence s = sequence_of(&o, 1, 1);
        int in_place = 0, next = 0;
        for (uint64_t i = 0; i < 1000; i++) {
            in_place += row_at(&s, i) / 50 == i / 50;
            next += i > 0 && row_at(&s, i) == row_at(&s, i - 1) + 1;
        }
        bool stays = mode == AE_SHUFFLE_NONE || mode == AE_SHUFFLE_WINDOW;
        assert_true(stays ? in_place == 1000 : in_place < 150); /* 50 if it were chance */
        assert_true(mode == AE_SHUFFLE_NONE ? next == 999 : next < 60);
    }
}

/* Over many epochs every row is at every place as often, where all blocks are full: chi-square of
 * 20 x 20 degrees of freedom, whose 99.9 % point is 493. */
static void every_row_comes_to_every_place(void **state)
{
    enum { N = 21, EPOCHS = 1000 };
    order o = {AE_SHUFFLE_BLOCK, 3, 2, N};
    int count[N][N] = {{0}};
    double sum = 0;
    (void)state;
    for (uint64_t epoch = 1; epoch <= EPOCHS; epoch++) {
        ae__sequence s = sequence_of(&o, 9, epoch);
        for (uint64_t i = 0; i < N; i++) count[row_at(&s, i)][i]++;
    }
    for (int i = 0; i < N * N; i++) {
        double off = count[i / N][i % N] - EPOCHS / (double)N;
        sum += off * off / (EPOCHS / (double)N);
    }
    assert_true(sum < 493);
}

static void huge_data_need_no_memory(void **state)
{
    order o = {AE_SHUFFLE_BLOCK, 1000, 100, (UINT64_C(1) << 40) - 1};
    ae__sequence s = sequence_of(&o, 3, 1);
    uint64_t sum = 0;
    (void)state;
    for (uint64_t i = 0; i < 1000; i++) {
        uint64_t row = row_at(&s, o.rows / 1000 * i);
        assert_true(row < o.rows);
        sum += row / 1000;
    }
    assert_in_range(sum, o.rows / 1000 * 450, o.rows / 1000 * 550);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(orders_agree_with_the_reference),
        cmocka_unit_test(each_row_comes_once_and_windows_are_made_of_whole_blocks),
        cmocka_unit_test(rows_of_a_window_are_permuted_where_the_order_says),
        cmocka_unit_test(every_row_comes_to_every_place),
        cmocka_unit_test(huge_data_need_no_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
