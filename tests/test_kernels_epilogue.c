/* What is done to a block of a product while it is in cache: against its formulas in double. */
#define _DEFAULT_SOURCE /* MAP_ANONYMOUS */
#include "test_kernels.h"

#include <math.h>

enum { ROWS = 3, LONGEST = 2100 }; /* more columns than one run of 64 vectors */

static const real slope = (real)0.25, delta = (real)0.75;

/* One case: everything an epilogue may read, each array between fences. */
typedef struct block {
    size_t n;
    real *c, *bias, *target, *prev, *weight, *element;
    real *before; /* C as it was */
    double value[ROWS];
    fence fences[6];
} block;

static block block_of(size_t n, int at_end)
{
    block b = {.n = n};
    real **arrays[] = {&b.c, &b.target, &b.prev, &b.bias, &b.weight, &b.element};
    const size_t sizes[] = {ROWS * n, ROWS * n, ROWS * n, n, ROWS, ROWS * n};
    for (size_t i = 0; i < 6; i++) {
        b.fences[i] = fence_of(sizes[i] * sizeof(real));
        *arrays[i] = fenced(b.fences[i], sizes[i], sizeof(real), at_end);
        draw(*arrays[i], sizes[i], 2);
    }
    b.before = malloc(ROWS * n * sizeof(real) + 1);
    assert_non_null(b.before);
    memcpy(b.before, b.c, ROWS * n * sizeof(real));
    return b;
}

static void block_free(block *b)
{
    for (size_t i = 0; i < 6; i++) fence_free(b->fences[i]);
    free(b->before);
}

/* The derivative of a loss at y - t = gap, and the loss added to *value. */
static double slope_of(int32_t loss, double gap, double *value)
{
    const double size = fabs(gap), limit = (double)delta;
    switch (loss) {
    case AE__ELEMENT_ABSOLUTE: *value += size; return (gap > 0) - (gap < 0);
    case AE__ELEMENT_HUBER:
        *value += size <= limit ? gap * gap / 2 : limit * (size - limit / 2);
        return size <= limit ? gap : copysign(limit, gap);
    default: *value += gap * gap; return 2 * gap;
    }
}

/* Element (i, j): its new C, its loss added to *value. */
static double exact(const ae__epilogue *e, const block *b, size_t i, size_t j, double *value)
{
    double c = (double)b->before[i * b->n + j] + (e->bias ? (double)e->bias[j] : 0), d = 0;
    double element = e->element ? (double)e->element[i * e->element_ld + j] : 1, own = 0;
    const double z = c, weight = (double)e->scale * (e->row_weight ? (double)e->row_weight[i] : 1);
    if (e->loss == AE__ELEMENT_LOGISTIC) {
        double t = (double)e->target[i * b->n + j];
        own = fmax(c, 0) - t * c + log1p(exp(-fabs(c)));
        d = 1 / (1 + exp(-c)) - t;
    } else {
        c = act_of(e->act, (double)slope, z);
    }
    if (e->loss != AE__ELEMENT_NONE && e->loss != AE__ELEMENT_LOGISTIC)
        d = slope_of(e->loss, c - (double)e->target[i * b->n + j], &own) *
            derivative_at(e->act, (double)slope, z);
    *value += element * own;
    if (e->loss != AE__ELEMENT_NONE && e->gradient) c = d * element * weight;
    if (e->prev) c *= derivative_of(e->prev_act, (double)slope, (double)e->prev[i * b->n + j]);
    return c;
}

static void check(const ae__kernels *k, const ae__epilogue *e, block *b)
{
    memset(b->value, 0, sizeof b->value);
    memcpy(b->c, b->before, ROWS * b->n * sizeof(real));
    k->epilogue(e, b->c, b->n, ROWS, b->n);
    for (size_t i = 0; i < ROWS; i++) {
        double value = 0;
        for (size_t j = 0; j < b->n; j++) {
            double want = exact(e, b, i, j, &value);
            assert_near((double)b->c[i * b->n + j], want, 40 * EPSILON * (1 + fabs(want)));
        }
        /* a few units a loss, and at most 64 of them summed before the sum is a double */
        if (e->row_value)
            assert_near(b->value[i], value, 32 * EPSILON * ((double)(b->n + 16) + fabs(value)));
    }
}

/* bit 0: bias, 1: row weights, 2: gradient, 3: prev, 4: weights of elements, 5: one row of them */
static ae__epilogue epilogue_of(const block *b, int32_t act, int32_t loss, unsigned variant)
{
    ae__epilogue e = {
        .act = act, .slope = slope, .loss = loss, .delta = delta, .scale = (real)0.375};
    if (variant & 1) e.bias = b->bias;
    if (variant & 2) e.row_weight = b->weight;
    if (loss != AE__ELEMENT_NONE) {
        e.gradient = (variant & 4) != 0;
        e.target = b->target;
        e.target_ld = b->n;
        e.row_value = (double *)b->value;
    }
    if (variant & 16) {
        e.element = b->element;
        e.element_ld = variant & 32 ? 0 : b->n;
    }
    if (variant & 8) {
        e.prev = b->prev;
        e.prev_ld = b->n;
        e.prev_act = AE_ACT_TANH;
    }
    return e;
}

static void check_all(size_t n, int at_end)
{
    block b = block_of(n, at_end);
    EACH_LEVEL(k)
    for (int32_t act = AE_ACT_LINEAR; act <= AE_ACT_SILU; act++)
        for (int32_t loss = AE__ELEMENT_NONE; loss <= AE__ELEMENT_LOGISTIC; loss++)
            for (unsigned variant = 0; variant < 64; variant++) {
                ae__epilogue e = epilogue_of(&b, act, loss, variant);
                check(k, &e, &b);
            }
    block_free(&b);
}

static void epilogues_agree_with_double_between_fences(void **state)
{
    (void)state;
    for (size_t n = 0; n <= 70; n++) check_all(n, n % 2);
    check_all(LONGEST, 1);
}

static void an_element_has_the_same_bits_in_any_column(void **state)
{
    (void)state;
    block b = block_of(41, 1);
    EACH_LEVEL(k)
    for (int32_t loss = AE__ELEMENT_NONE; loss <= AE__ELEMENT_LOGISTIC; loss++) {
        ae__epilogue e = epilogue_of(&b, AE_ACT_SIGMOID, loss, 31);
        memcpy(b.c, b.before, ROWS * b.n * sizeof(real));
        k->epilogue(&e, b.c, b.n, ROWS, b.n);
        for (size_t j = 0; j < b.n; j++) {
            real column[ROWS];
            ae__epilogue one = e;
            for (size_t i = 0; i < ROWS; i++) column[i] = b.before[i * b.n + j];
            one.bias += j;
            one.prev += j;
            if (one.target) one.target += j;
            one.element += j;
            k->epilogue(&one, column, 1, ROWS, 1);
            for (size_t i = 0; i < ROWS; i++) assert_same_bits(column + i, b.c + i * b.n + j, 1);
        }
    }
    block_free(&b);
}

static void loss_of_far_logits_is_exact(void **state)
{
    (void)state;
    real logits[] = {100, -100, 10000, -10000, 0}, targets[] = {0, 1, 1, 0, (real)0.5};
    const double want = 100 + 100 + 0 + 0 + log(2);
    EACH_LEVEL(k)
    {
        double value = 0;
        real c[5];
        memcpy(c, logits, sizeof c);
        const ae__epilogue e = {.loss = AE__ELEMENT_LOGISTIC,
                                .gradient = true,
                                .target = targets,
                                .scale = 1,
                                .row_value = &value};
        k->epilogue(&e, c, 5, 1, 5);
        assert_near(value, want, want * 4 * EPSILON);
        const double gradient[] = {1, -1, 0, 0, 0};
        for (size_t j = 0; j < 5; j++) assert_near((double)c[j], gradient[j], EPSILON);
    }
}

static void distances_bend_at_zero_and_at_delta(void **state)
{
    enum { N = 5 };
    static const struct {
        int32_t loss;
        double value;
        real gradient[N];
    } cases[] = {{AE__ELEMENT_ABSOLUTE, 5, {-1, -1, 0, 1, 1}},
                 {AE__ELEMENT_HUBER, 2, {(real)-0.5, (real)-0.5, 0, (real)0.5, (real)0.5}}};
    const real gaps[N] = {-2, (real)-0.5, 0, (real)0.5, 2}, target[N] = {1, 1, 1, 1, 1};
    (void)state;
    EACH_LEVEL(k)
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const ae__epilogue e = {.bias = target, /* C holds the gaps */
                                .loss = cases[i].loss,
                                .delta = (real)0.5,
                                .gradient = true,
                                .target = target,
                                .scale = 1,
                                .row_value = &(double){0}};
        real c[N];
        memcpy(c, gaps, sizeof c);
        k->epilogue(&e, c, N, 1, N);
        assert_true(*e.row_value == cases[i].value);
        for (size_t j = 0; j < N; j++) assert_true(c[j] == cases[i].gradient[j]);
    }
}

static void loss_of_thousands_of_equal_logits_does_not_overflow(void **state)
{
    (void)state;
    enum { N = 5000 };
    static real c[N], target[N];
    EACH_LEVEL(k)
    {
        double value = 1; /* added to */
        memset(c, 0, sizeof c);
        const ae__epilogue e = {
            .loss = AE__ELEMENT_LOGISTIC, .target = target, .row_value = &value};
        k->epilogue(&e, c, N, 1, N);
        assert_near(value, 1 + N * log(2), N * EPSILON);
    }
}

static void nan_stays_in_its_element_and_in_the_value_of_its_row(void **state)
{
    (void)state;
    EACH_LEVEL(k)
    for (int32_t loss = AE__ELEMENT_SQUARED; loss <= AE__ELEMENT_LOGISTIC; loss++) {
        block b = block_of(35, 1);
        ae__epilogue e = epilogue_of(&b, AE_ACT_LINEAR, loss, 7);
        b.c[b.n + 33] = NAN;
        k->epilogue(&e, b.c, b.n, ROWS, b.n);
        for (size_t i = 0; i < ROWS; i++) {
            assert_int_equal(!!isnan(b.value[i]), i == 1);
            for (size_t j = 0; j < b.n; j++)
                assert_int_equal(!!isnan(b.c[i * b.n + j]), i == 1 && j == 33);
        }
        block_free(&b);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(epilogues_agree_with_double_between_fences),
        cmocka_unit_test(an_element_has_the_same_bits_in_any_column),
        cmocka_unit_test(loss_of_far_logits_is_exact),
        cmocka_unit_test(distances_bend_at_zero_and_at_delta),
        cmocka_unit_test(loss_of_thousands_of_equal_logits_does_not_overflow),
        cmocka_unit_test(nan_stays_in_its_element_and_in_the_value_of_its_row),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
