/* Products: the documented order of every sum, to the bit; cuts and threads that change nothing. */
#define _DEFAULT_SOURCE /* MAP_ANONYMOUS */
#include "test_kernels.h"

#include "base/mem.h"
#include "base/pool.h"
#include "base/size.h"
#include "kernels/gemm.h"

#include <math.h>

/* A product in memory of its own, each array between two fences. */
typedef struct product {
    ae__gemm_block g;
    size_t a_size, b_size, c_size;
    real *a, *b, *c, *c_before;
    fence fences[3];
} product;

static const real gap_mark = (real)12345.5; /* stands between the rows of C */

static size_t extent(size_t rows, size_t stride, size_t cols)
{
    return rows == 0 || cols == 0 ? 0 : (rows - 1) * stride + cols;
}

/* m x n x k, rows padded by `pad` elements, arrays ending (or beginning) at a fence. */
static product product_of(size_t m, size_t n, size_t k, bool a_t, bool b_t, bool add, size_t pad,
                          int at_end)
{
    product p = {.g = {.m = m, .n = n, .k = k, .accumulate = add}};
    const size_t a_ld = (a_t ? m : k) + pad, b_ld = (b_t ? k : n) + pad;
    p.a_size = a_t ? extent(k, a_ld, m) : extent(m, a_ld, k);
    p.b_size = b_t ? extent(n, b_ld, k) : extent(k, b_ld, n);
    p.g.c_row = n + pad;
    p.c_size = extent(m, p.g.c_row, n);
    real **arrays[] = {&p.a, &p.b, &p.c};
    const size_t sizes[] = {p.a_size, p.b_size, p.c_size};
    for (size_t i = 0; i < 3; i++) {
        p.fences[i] = fence_of(sizes[i] * sizeof(real));
        *arrays[i] = fenced(p.fences[i], sizes[i], sizeof(real), at_end);
    }
    draw(p.a, p.a_size, 1);
    draw(p.b, p.b_size, 1);
    draw(p.c, p.c_size, 1);
    for (size_t i = 0; i < m; i++)
        for (size_t j = n; j < p.g.c_row && i + 1 < m; j++) p.c[i * p.g.c_row + j] = gap_mark;
    p.c_before = malloc(p.c_size * sizeof(real) + 1);
    assert_non_null(p.c_before);
    memcpy(p.c_before, p.c, p.c_size * sizeof(real));
    p.g.a = p.a;
    p.g.a_row = a_t ? 1 : a_ld;
    p.g.a_col = a_t ? a_ld : 1;
    p.g.b = p.b;
    p.g.b_row = b_t ? 1 : b_ld;
    p.g.b_col = b_t ? b_ld : 1;
    p.g.c = p.c;
    return p;
}

static void product_free(product *p)
{
    for (size_t i = 0; i < 3; i++) fence_free(p->fences[i]);
    free(p->c_before);
}

static real multiply_add(int32_t level, real a, real b, real c)
{
    volatile real ab = a * b; /* rounded on its own, whatever this compiler likes to do */
    if (level == AE_CPU_PORTABLE) return ab + c;
    return (real)fmaf((float)a, (float)b, (float)c);
}

/* C(i, j) in the order that kernels.h promises. */
static real in_order(const product *p, int32_t level, size_t i, size_t j)
{
    const ae__gemm_block *g = &p->g;
    const size_t step = ae__k_step(g->k);
    real total = g->accumulate ? p->c_before[i * g->c_row + j] : 0;
    for (size_t start = 0; start < g->k; start += step) {
        real sum = 0;
        for (size_t t = start; t < g->k && t < start + step; t++)
            sum = multiply_add(level, g->a[i * g->a_row + t * g->a_col],
                               g->b[t * g->b_row + j * g->b_col], sum);
        total = start == 0 && !g->accumulate ? sum : total + sum;
    }
    return total;
}

static void check_every_bit(const product *p, const ae__kernels *kernels)
{
    const ae__gemm_block *g = &p->g;
    for (size_t i = 0; i < g->m; i++)
        for (size_t j = 0; j < g->c_row && i * g->c_row + j < p->c_size; j++) {
            real want = j < g->n ? in_order(p, kernels->level, i, j) : gap_mark;
            real got = p->c[i * g->c_row + j];
            if (got != want)
                fail_msg("%s %zu x %zu x %zu at %zu, %zu: %.9g is not %.9g", kernels->name, g->m,
                         g->n, g->k, i, j, (double)got, (double)want);
        }
}

static void check_block(size_t m, size_t n, size_t k, unsigned variant)
{
    EACH_LEVEL(kernels)
    {
        product p = product_of(m, n, k, variant & 1, variant & 2, variant & 4,
                               variant & 8 ? draw_below(5) : 0, (variant & 16) != 0);
        kernels->gemm(&p.g);
        check_every_bit(&p, kernels);
        product_free(&p);
    }
}

static void sums_have_the_documented_order_at_every_tile_edge(void **state)
{
    (void)state;
    const size_t depths[] = {0, 1, 2, 5, 255, 256, 257, 513, 784, 1031};
    for (size_t m = 1; m <= 26; m++)
        for (size_t n = 1; n <= 70; n += n < 36 ? 1 : 7)
            check_block(m, n, 1 + draw_below(9), (unsigned)draw_below(32));
    for (size_t d = 0; d < sizeof depths / sizeof *depths; d++)
        for (unsigned variant = 0; variant < 32; variant++)
            check_block(1 + draw_below(14), 1 + draw_below(40), depths[d], variant);
}

static void single_rows_have_the_documented_order(void **state)
{
    (void)state;
    for (size_t n = 1; n <= 70; n++)
        check_block(1, n, 1 + draw_below(1100), (unsigned)draw_below(32) & ~2u);
    for (size_t n = 240; n <= 300; n += 3)
        check_block(1, n, 1 + draw_below(600), (unsigned)draw_below(32) & ~2u);
    for (size_t k = 0; k <= 40; k++) check_block(1, 40, k * 37, 0);
}

static void few_rows_have_the_documented_order(void **state)
{
    (void)state;
    for (size_t m = 1; m <= 5; m++)
        for (size_t n = 1; n <= 140; n += 3) {
            check_block(m, n, 4 * draw_below(150), (unsigned)draw_below(32) | 2);
            check_block(m, n, 1 + draw_below(300), (unsigned)draw_below(32) & ~2u);
        }
}

static void rows_a_kibibyte_apart_are_multiplied_alike(void **state)
{
    (void)state;
    check_block(30, 256, 40, 0);
    check_block(30, 1024 / sizeof(real), 300, 16);
    check_block(1, 1024, 20, 0);
}

/* All but one of so many elements become 0, of either sign. */
static void clear_most(real *a, size_t n, size_t of)
{
    for (size_t i = 0; i < n; i++)
        if (draw_below(of)) a[i] = (real)(draw_below(2) ? 0.0 : -0.0);
}

static void skipping_zeros_changes_no_number(void **state)
{
    (void)state;
    const size_t depths[] = {1, 5, 255, 256, 257, 784};
    EACH_LEVEL(kernels)
    for (size_t d = 0; d < sizeof depths / sizeof *depths; d++)
        for (unsigned variant = 0; variant < 32; variant++) {
            if (!kernels->gemm_skip) skip();
            if (variant & 2) continue; /* of a transposed B it takes none */
            product p =
                product_of(1 + draw_below(70), 1 + draw_below(300), depths[d], variant & 1, false,
                           variant & 4, variant & 8 ? draw_below(5) : 0, (variant & 16) != 0);
            clear_most(p.a, p.a_size, 1 + draw_below(9));
            kernels->gemm_skip(&p.g);
            check_every_bit(&p, kernels);
            product_free(&p);
        }
}

static void products_agree_with_double_sums(void **state)
{
    (void)state;
    EACH_LEVEL(kernels)
    {
        product p = product_of(19, 45, 700, false, true, false, 3, 1);
        kernels->gemm(&p.g);
        for (size_t i = 0; i < 19; i++)
            for (size_t j = 0; j < 45; j++) {
                double sum = 0, size = 0;
                for (size_t t = 0; t < 700; t++) {
                    double term = (double)p.a[i * p.g.a_row + t] * (double)p.b[j * p.g.b_col + t];
                    sum += term;
                    size += fabs(term);
                }
                /* every term passes at most 256 + 3 roundings */
                assert_near((double)p.c[i * p.g.c_row + j], sum, 259 * EPSILON / 2 * size);
            }
        product_free(&p);
    }
}

static void nan_and_infinity_stay_in_their_row_and_column(void **state)
{
    (void)state;
    EACH_LEVEL(kernels)
    {
        product p = product_of(14, 37, 20, false, false, false, 0, 1);
        p.a[5 * p.g.a_row + 3] = NAN;
        p.b[7 * p.g.b_row + 36] = INFINITY;
        kernels->gemm(&p.g);
        for (size_t i = 0; i < 14; i++)
            for (size_t j = 0; j < 37; j++) {
                real c = p.c[i * p.g.c_row + j];
                assert_int_equal(!!isnan(c), i == 5);
                if (i != 5) assert_int_equal(!!isinf(c), j == 36);
            }
        product_free(&p);
    }
}

static void nan_is_not_skipped(void **state)
{
    (void)state;
    EACH_LEVEL(kernels)
    {
        if (!kernels->gemm_skip) skip();
        product p = product_of(14, 37, 20, false, false, false, 0, 1);
        memset(p.a, 0, p.a_size * sizeof(real));
        p.a[5 * p.g.a_row + 3] = NAN;
        kernels->gemm_skip(&p.g);
        for (size_t i = 0; i < 14; i++)
            for (size_t j = 0; j < 37; j++)
                assert_int_equal(!!isnan(p.c[i * p.g.c_row + j]), i == 5);
        product_free(&p);
    }
}

/* Whole products with an epilogue, as the layers run them. */
typedef struct run {
    product p;
    real *bias, *target, *weight;
    double *value;
    unsigned char *finished;
    ae__epilogue epilogue;
} run;

static run run_of(size_t m, size_t n, size_t k, bool b_t, int32_t loss)
{
    run r = {.p = product_of(m, n, k, false, b_t, false, 3, 1)};
    r.bias = malloc(n * sizeof(real));
    r.target = malloc(m * n * sizeof(real));
    r.weight = malloc(m * sizeof(real));
    r.value = calloc(m, sizeof(double));
    r.finished = calloc(m, 1);
    assert_true(r.bias && r.target && r.weight && r.value && r.finished);
    draw(r.bias, n, 1);
    draw(r.target, m * n, 1);
    draw(r.weight, m, 1);
    r.epilogue = (ae__epilogue){.bias = r.bias,
                                .act = AE_ACT_TANH,
                                .loss = loss,
                                .delta = (real)0.5,
                                .gradient = true,
                                .target = r.target,
                                .target_ld = n,
                                .scale = (real)0.125,
                                .row_weight = r.weight,
                                .row_value = r.value};
    if (loss == AE__ELEMENT_NONE) {
        r.epilogue.prev = r.target;
        r.epilogue.prev_ld = n;
        r.epilogue.prev_act = AE_ACT_SIGMOID;
    }
    return r;
}

static void run_free(run *r)
{
    product_free(&r->p);
    free(r->bias);
    free(r->target);
    free(r->weight);
    free(r->value);
    free(r->finished);
}

static void count_rows(void *arg, size_t row, size_t rows)
{
    run *r = arg;
    for (size_t i = row; i < row + rows; i++) r->finished[i]++;
}

static void run_product(run *r, const ae__kernels *kernels, ae__pool *pool, int32_t gemm)
{
    const ae__gemm_block *b = &r->p.g;
    const ae__engine engine = {kernels, pool, gemm};
    const ae__gemm g = {.m = b->m,
                        .n = b->n,
                        .k = b->k,
                        .a = b->a,
                        .a_row = b->a_row,
                        .a_col = b->a_col,
                        .b = b->b,
                        .b_row = b->b_row,
                        .b_col = b->b_col,
                        .c = b->c,
                        .c_row = b->c_row,
                        .epilogue = &r->epilogue,
                        .done = count_rows,
                        .done_arg = r};
    memset(r->value, 0, b->m * sizeof(double));
    memset(r->finished, 0, b->m);
    ae__gemm_run(&g, 1, NULL, &engine);
    for (size_t i = 0; i < b->m; i++) assert_int_equal(r->finished[i], 1);
}

static const struct shape {
    size_t m, n, k;
} shapes[] = {{1, 32, 784},    {256, 32, 200},  {256, 300, 32}, {70, 33, 65},  {33, 600, 300},
              {300, 400, 260}, {257, 129, 600}, {5, 2000, 70},  {1000, 8, 12}, {1, 1, 1}};
enum { SHAPES = sizeof shapes / sizeof *shapes };
static const int32_t losses[] = {AE__ELEMENT_NONE, AE__ELEMENT_SQUARED, AE__ELEMENT_ABSOLUTE,
                                 AE__ELEMENT_HUBER, AE__ELEMENT_LOGISTIC};
enum { LOSSES = sizeof losses / sizeof *losses };

static void epilogue_while_in_cache_equals_epilogue_on_a_stored_product(void **state)
{
    (void)state;
    EACH_LEVEL(kernels)
    for (size_t s = 0; s < SHAPES; s++)
        for (size_t l = 0; l < LOSSES; l++) {
            const struct shape *h = shapes + s;
            run r = run_of(h->m, h->n, h->k, s % 2, losses[l]);
            product *p = &r.p;
            kernels->gemm(&p->g);
            kernels->epilogue(&r.epilogue, p->c, p->g.c_row, h->m, h->n);
            memcpy(p->c_before, p->c, p->c_size * sizeof(real));
            double *value = malloc(h->m * sizeof(double));
            assert_non_null(value);
            memcpy(value, r.value, h->m * sizeof(double));
            run_product(&r, kernels, NULL, AE_GEMM_BUILTIN);
            assert_same_bits(p->c, p->c_before, p->c_size);
            assert_memory_equal(r.value, value, h->m * sizeof(double));
            free(value);
            run_free(&r);
        }
}

static void threads_change_no_bit(void **state)
{
    (void)state;
    for (int32_t threads = 2; threads <= 4; threads++) {
        ae__pool *pool;
        assert_int_equal(ae__pool_create(&pool, &ae__mem_default, threads), AE_OK);
        EACH_LEVEL(kernels)
        for (size_t s = 0; s < SHAPES; s++) {
            run r = run_of(shapes[s].m, shapes[s].n, shapes[s].k, s % 2, losses[s % 3]);
            run_product(&r, kernels, NULL, AE_GEMM_AUTO);
            memcpy(r.p.c_before, r.p.c, r.p.c_size * sizeof(real));
            run_product(&r, kernels, pool, AE_GEMM_AUTO);
            assert_same_bits(r.p.c, r.p.c_before, r.p.c_size);
            run_free(&r);
        }
        ae__pool_free(pool);
    }
}

/* Shapes of which ae__gemm_run looks for zeros, one with a loss and one without; with most and none. */
static void products_of_mostly_zeros_are_those_of_any_other(void **state)
{
    (void)state;
    static const struct shape wide[] = {
        {300, 150, 200}, {70, 1100, 90}, {200, 520, 257}, {260, 20, 300}};
    ae__pool *pool;
    assert_int_equal(ae__pool_create(&pool, &ae__mem_default, 3), AE_OK);
    EACH_LEVEL(kernels)
    for (size_t s = 0; s < sizeof wide / sizeof *wide; s++)
        for (size_t of = 1; of <= 9; of += 8) {
            run r = run_of(wide[s].m, wide[s].n, wide[s].k, false, losses[s]);
            clear_most(r.p.a, r.p.a_size, of);
            kernels->gemm(&r.p.g);
            kernels->epilogue(&r.epilogue, r.p.c, r.p.g.c_row, wide[s].m, wide[s].n);
            memcpy(r.p.c_before, r.p.c, r.p.c_size * sizeof(real));
            run_product(&r, kernels, pool, AE_GEMM_BUILTIN);
            assert_same_bits(r.p.c, r.p.c_before, r.p.c_size);
            run_free(&r);
        }
    ae__pool_free(pool);
}

#ifdef AE_HAVE_CBLAS /* the float build may have one, the double build has none */
static void cblas_agrees_with_the_built_in_product(void **state)
{
    (void)state;
    const ae__kernels *kernels = ae__kernels_at(AE_CPU_AUTO);
    for (size_t s = 0; s < SHAPES; s++) {
        run r = run_of(shapes[s].m, shapes[s].n, shapes[s].k, s % 2, AE__ELEMENT_LOGISTIC);
        run_product(&r, kernels, NULL, AE_GEMM_BUILTIN);
        memcpy(r.p.c_before, r.p.c, r.p.c_size * sizeof(real));
        run_product(&r, kernels, NULL, AE_GEMM_CBLAS);
        for (size_t i = 0; i < r.p.c_size; i++) /* logits below 40, gradients below 0.3 */
            assert_near((double)r.p.c[i], (double)r.p.c_before[i], 1e-5);
        run_free(&r);
    }
}
#endif

static void products_without_rows_or_columns_do_nothing(void **state)
{
    (void)state;
    const ae__engine engine = {ae__kernels_at(AE_CPU_AUTO), NULL, AE_GEMM_AUTO};
    const ae__gemm none = {.m = 0, .n = 5, .k = 3, .a_col = 1, .b_col = 1};
    const ae__gemm thin = {.m = 5, .n = 0, .k = 3, .a_col = 1, .b_col = 1};
    ae__gemm_run(&none, 1, NULL, &engine);
    ae__gemm_run(&thin, 1, NULL, &engine);
}

static void levels_that_are_not_there_have_no_table(void **state)
{
    (void)state;
    assert_non_null(ae__kernels_at(AE_CPU_AUTO));
    assert_non_null(ae__kernels_at(AE_CPU_PORTABLE));
    assert_null(ae__kernels_at(-2));
    assert_null(ae__kernels_at(LEVELS));
    EACH_LEVEL(kernels)
    assert_int_equal(kernels->level, level_);
}

static void row_strides_of_our_own_avoid_a_kibibyte(void **state)
{
    (void)state;
    const size_t clash = 1024 / sizeof(real), line = 64 / sizeof(real);
    assert_int_equal(ae__row_stride(784), 784);
    assert_int_equal(ae__row_stride(clash), clash + line);
    assert_int_equal(ae__row_stride(4 * clash), 4 * clash + line);
    assert_int_equal(ae__row_stride(0), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sums_have_the_documented_order_at_every_tile_edge),
        cmocka_unit_test(single_rows_have_the_documented_order),
        cmocka_unit_test(few_rows_have_the_documented_order),
        cmocka_unit_test(rows_a_kibibyte_apart_are_multiplied_alike),
        cmocka_unit_test(skipping_zeros_changes_no_number),
        cmocka_unit_test(nan_is_not_skipped),
        cmocka_unit_test(products_agree_with_double_sums),
        cmocka_unit_test(nan_and_infinity_stay_in_their_row_and_column),
        cmocka_unit_test(epilogue_while_in_cache_equals_epilogue_on_a_stored_product),
        cmocka_unit_test(threads_change_no_bit),
        cmocka_unit_test(products_of_mostly_zeros_are_those_of_any_other),
#ifdef AE_HAVE_CBLAS
        cmocka_unit_test(cblas_agrees_with_the_built_in_product),
#endif
        cmocka_unit_test(products_without_rows_or_columns_do_nothing),
        cmocka_unit_test(levels_that_are_not_there_have_no_table),
        cmocka_unit_test(row_strides_of_our_own_avoid_a_kibibyte),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
