/* Elementwise kernels and column sums: against formulas in double, at every length up to 70, between
 * fences, and each element alone against the same element in its array. */
#define _DEFAULT_SOURCE /* MAP_ANONYMOUS */
#include "test_kernels.h"

#include <math.h>

enum { ARRAYS = 4, LONGEST = 70 };

static const real slope = (real)0.25;

/* x: ARRAYS arrays of n in [-3, 3), the third not negative; results go where the kernel puts them. */
typedef struct op {
    const char *name;
    void (*run)(const ae__kernels *k, real *const x[ARRAYS], size_t n);
    void (*exact)(double x[ARRAYS]); /* the same for one element */
} op;

#define OP(name, call, formula)                                                                    \
    static void run_##name(const ae__kernels *k, real *const x[ARRAYS], size_t n)                  \
    {                                                                                              \
        call;                                                                                      \
    }                                                                                              \
    static void exact_##name(double x[ARRAYS])                                                     \
    {                                                                                              \
        formula;                                                                                   \
    }
#define GATE(name, act)                                                                            \
    OP(name, k->activate(act, slope, x[0], x[1], n), x[0] = act_of(act, (double)slope, x[1]))      \
    OP(name##_input, k->derive_input(act, slope, x[0], x[1], x[3], n),                             \
       x[0] = x[1] * derivative_at(act, (double)slope, x[3]))
#define ACT(name, act)                                                                             \
    GATE(name, act)                                                                                \
    OP(name##_back, k->derive(act, slope, x[0], x[1], x[3], n),                                    \
       x[0] = x[1] * derivative_of(act, (double)slope, x[3]))

static const ae__sgd plain_sgd = {(real)0.5, 0, false, 1, INFINITY, 0, 0};
static const ae__sgd clamped_sgd = {(real)0.5, (real)0.75,  false,     (real)0.5,
                                    1,         (real)0.125, (real)0.25};
static const ae__sgd nesterov_sgd = {(real)0.5, (real)0.75, true, 1, INFINITY, 0, 0};
static const ae__adam adam = {(real)0.75,   (real)0.875, (real)0.125, (real)0.5,   2,
                              (real)0.0625, (real)0.5,   1,           (real)0.125, (real)0.25};

static const ae__rmsprop rmsprop = {(real)0.5, (real)0.875, (real)0.125, (real)0.75,
                                    (real)0.5, 1,           (real)0.125, (real)0.25};

/* Of l2 / 2 w^2 + l1 |w|. */
static double pull(real l2, real l1, double w)
{
    return (double)l2 * w + (double)l1 * ((w > 0) - (w < 0));
}

static double sgd_gradient(const ae__sgd *s, double w, double g)
{
    return fmin(fmax(g * (double)s->g_scale, -(double)s->g_clamp), (double)s->g_clamp) +
           pull(s->l2, s->l1, w);
}

static void exact_momentum(const ae__sgd *s, double x[ARRAYS])
{
    double g = sgd_gradient(s, x[0], x[3]);
    x[1] = (double)s->momentum * x[1] + g;
    double d = s->nesterov ? g + (double)s->momentum * x[1] : x[1];
    x[0] -= (double)s->learning_rate * d;
}

static void exact_adam_step(double x[ARRAYS])
{
    const ae__adam *a = &adam;
    double g = fmin(fmax(x[3] * (double)a->g_scale, -(double)a->g_clamp), (double)a->g_clamp);
    g += pull(a->l2, a->l1, x[0]);
    x[1] = (double)a->beta1 * x[1] + (1 - (double)a->beta1) * g;
    x[2] = (double)a->beta2 * x[2] + (1 - (double)a->beta2) * g * g;
    x[0] = x[0] * (1 - (double)a->shrink) -
           (double)a->step * x[1] / (sqrt(x[2]) * (double)a->v_factor + (double)a->epsilon);
}

static void exact_rmsprop_step(double x[ARRAYS], double momentum)
{
    const ae__rmsprop *r = &rmsprop;
    double g = fmin(fmax(x[3] * (double)r->g_scale, -(double)r->g_clamp), (double)r->g_clamp);
    g += pull(r->l2, r->l1, x[0]);
    x[2] = (double)r->rho * x[2] + (1 - (double)r->rho) * g * g;
    double d = momentum * x[1] + g / (sqrt(x[2]) + (double)r->epsilon);
    if (momentum > 0) x[1] = d;
    x[0] -= (double)r->learning_rate * d;
}

static void convert(const ae__kernels *k, real *y, const real *x, size_t n)
{
    float copy[LONGEST];
    for (size_t i = 0; i < n; i++) copy[i] = (float)x[i];
    k->from_f32(y, copy, n, (real)0.5, (real)3);
}

OP(exp, k->exp(x[0], x[1], n), x[0] = exp(x[1]))
OP(log, k->log(x[0], x[2], n), x[0] = log(x[2]))
OP(tanh, k->tanh(x[0], x[1], n), x[0] = tanh(x[1]))
OP(sigmoid, k->sigmoid(x[0], x[1], n), x[0] = 1 / (1 + exp(-x[1])))
OP(in_place, k->tanh(x[0], x[0], n), x[0] = tanh(x[0]))
ACT(linear, AE_ACT_LINEAR)
ACT(relu, AE_ACT_RELU)
ACT(leaky_relu, AE_ACT_LEAKY_RELU)
ACT(act_tanh, AE_ACT_TANH)
ACT(act_sigmoid, AE_ACT_SIGMOID)
ACT(elu, AE_ACT_ELU)
ACT(softplus, AE_ACT_SOFTPLUS)
GATE(gelu, AE_ACT_GELU)
GATE(silu, AE_ACT_SILU)
OP(sgd, k->sgd(&plain_sgd, x[0], NULL, x[3], n), x[0] -= x[3] / 2)
OP(clamped, k->sgd(&clamped_sgd, x[0], x[1], x[3], n), exact_momentum(&clamped_sgd, x))
OP(nesterov, k->sgd(&nesterov_sgd, x[0], x[1], x[3], n), exact_momentum(&nesterov_sgd, x))
OP(adam, k->adam(&adam, x[0], x[1], x[2], x[3], n), exact_adam_step(x))
OP(rmsprop, k->rmsprop(&rmsprop, x[0], x[2], NULL, x[3], n), exact_rmsprop_step(x, 0))
OP(rmsprop_momentum, k->rmsprop(&rmsprop, x[0], x[2], x[1], x[3], n), exact_rmsprop_step(x, 0.75))
OP(from_f32, convert(k, x[0], x[1], n), x[0] = (double)(float)x[1] * 0.5 + 3)
OP(one_row, k->column_sums(x[0], x[1], n, 1, n, false), x[0] = x[1])

#define ROW(name)       {#name, run_##name, exact_##name},
#define GATE_ROWS(name) ROW(name) ROW(name##_input)
#define ACT_ROWS(name)  GATE_ROWS(name) ROW(name##_back)
static const op ops[] = {
    ROW(exp) ROW(log) ROW(tanh) ROW(sigmoid) ROW(in_place) ACT_ROWS(linear) ACT_ROWS(relu)
        ACT_ROWS(leaky_relu) ACT_ROWS(act_tanh) ACT_ROWS(act_sigmoid) ACT_ROWS(elu)
            ACT_ROWS(softplus) GATE_ROWS(gelu) GATE_ROWS(silu) ROW(sgd) ROW(clamped) ROW(nesterov)
                ROW(adam) ROW(rmsprop) ROW(rmsprop_momentum) ROW(from_f32) ROW(one_row)};
enum { OPS = sizeof ops / sizeof *ops };

static void draw_arrays(real *const x[ARRAYS], size_t n)
{
    for (size_t a = 0; a < ARRAYS; a++) draw(x[a], n, 3);
    for (size_t i = 0; i < n; i++) x[2][i] = (real)fabs((double)x[2][i]);
}

static void check_op(const ae__kernels *k, const op *o, size_t n, real *const x[ARRAYS])
{
    double want[ARRAYS][LONGEST];
    draw_arrays(x, n);
    for (size_t i = 0; i < n; i++) {
        double element[ARRAYS] = {(double)x[0][i], (double)x[1][i], (double)x[2][i],
                                  (double)x[3][i]};
        o->exact(element);
        for (size_t a = 0; a < ARRAYS; a++) want[a][i] = element[a];
    }
    o->run(k, x, n);
    for (size_t a = 0; a < ARRAYS; a++)
        for (size_t i = 0; i < n; i++) { /* a handful of roundings of numbers up to about 10 */
            double gap = fabs((double)x[a][i] - want[a][i]);
            if (!(gap <= 20 * EPSILON * (1 + fabs(want[a][i]))))
                fail_msg("%s %s[%zu] of %zu: %.9g is not %.9g", k->name, o->name, i, n,
                         (double)x[a][i], want[a][i]);
        }
}

static void elements_agree_with_double_between_fences(void **state)
{
    (void)state;
    fence fences[ARRAYS];
    for (size_t a = 0; a < ARRAYS; a++) fences[a] = fence_of(LONGEST * sizeof(real));
    EACH_LEVEL(k)
    for (size_t o = 0; o < OPS; o++)
        for (size_t n = 0; n <= LONGEST; n++)
            for (int at_end = 0; at_end < 2; at_end++) {
                real *x[ARRAYS];
                for (size_t a = 0; a < ARRAYS; a++)
                    x[a] = fenced(fences[a], n, sizeof(real), at_end);
                check_op(k, ops + o, n, x);
            }
    for (size_t a = 0; a < ARRAYS; a++) fence_free(fences[a]);
}

static void an_element_has_the_same_bits_alone_and_in_an_array(void **state)
{
    (void)state;
    enum { N = 37 };
    EACH_LEVEL(k)
    for (size_t o = 0; o < OPS; o++) {
        real whole[ARRAYS][N], alone[ARRAYS][N];
        real *const x[ARRAYS] = {whole[0], whole[1], whole[2], whole[3]};
        draw_arrays(x, N);
        memcpy(alone, whole, sizeof whole);
        ops[o].run(k, x, N);
        for (size_t i = 0; i < N; i++) {
            real *const one[ARRAYS] = {alone[0] + i, alone[1] + i, alone[2] + i, alone[3] + i};
            ops[o].run(k, one, 1);
        }
        for (size_t a = 0; a < ARRAYS; a++) assert_same_bits(whole[a], alone[a], N);
    }
}

static void every_activation_passes_nan(void **state)
{
    (void)state;
    EACH_LEVEL(k)
    for (int32_t act = AE_ACT_LINEAR; act <= AE_ACT_SILU; act++) {
        real x[19] = {0};
        x[2] = x[18] = NAN;
        k->activate(act, slope, x, x, 19);
        for (size_t i = 0; i < 19; i++) assert_int_equal(!!isnan(x[i]), i == 2 || i == 18);
    }
}

static void weights_of_0_are_not_pulled(void **state)
{
    (void)state;
    const ae__sgd s = {.learning_rate = 1, .g_scale = 1, .g_clamp = INFINITY, .l1 = (real)0.25};
    const real zeros[4] = {0};
    EACH_LEVEL(k)
    {
        real w[4] = {0, (real)-0.0, 1, -1};
        k->sgd(&s, w, NULL, zeros, 4);
        assert_true(w[0] == 0 && w[1] == 0 && w[2] == (real)0.75 && w[3] == (real)-0.75);
    }
}

static void clamped_gradients_pass_nan(void **state)
{
    (void)state;
    EACH_LEVEL(k)
    {
        real w[3] = {1, 1, 1}, velocity[3] = {0};
        const real g[3] = {0, NAN, INFINITY};
        k->sgd(&clamped_sgd, w, velocity, g, 3);
        assert_true(isfinite(w[0]) && isnan(w[1]) && isfinite(w[2]));
    }
}

static void column_sums_add_rows_in_order(void **state)
{
    (void)state;
    enum { ROWS = 9, STRIDE = 301 };
    static real x[ROWS * STRIDE], out[STRIDE], before[STRIDE];
    draw(x, ROWS * STRIDE, 1);
    EACH_LEVEL(k)
    for (size_t n = 0; n < STRIDE; n += n < 70 ? 1 : 23)
        for (int accumulate = 0; accumulate < 2; accumulate++) {
            draw(before, STRIDE, 1);
            memcpy(out, before, sizeof out);
            k->column_sums(out, x, STRIDE, ROWS, n, accumulate);
            for (size_t j = 0; j < n; j++) {
                volatile real sum = 0;
                for (size_t i = 0; i < ROWS; i++) sum += x[i * STRIDE + j];
                if (accumulate) sum += before[j];
                assert_true(out[j] == sum);
            }
            assert_same_bits(out + n, before + n, STRIDE - n);
        }
}

static void sum_of_squares_is_a_double_and_alike_at_every_level(void **state)
{
    (void)state;
    real x[100];
    draw(x, 100, 1);
    for (size_t n = 0; n <= 100; n++) {
        double want = 0, first = ae__kernels_at(AE_CPU_PORTABLE)->sum_squares(x, n);
        for (size_t i = 0; i < n; i++) want += (double)x[i] * (double)x[i];
        assert_near(first, want, 1e-14 * (1 + want));
        EACH_LEVEL(k)
        assert_true(k->sum_squares(x, n) == first);
    }
}

static int descending(const void *a, const void *b)
{
    const real x = *(const real *)a, y = *(const real *)b;
    return (x < y) - (x > y);
}

/* By sorting: what is above the k-th largest, and as many of its equals as are left, from the first. */
static void keep_by_sorting(real *y, const real *x, size_t n, size_t k)
{
    real sorted[LONGEST];
    size_t left = k;
    memcpy(sorted, x, n * sizeof *x);
    qsort(sorted, n, sizeof *sorted, descending);
    for (size_t j = 0; j < n; j++) left -= x[j] > sorted[k - 1];
    for (size_t j = 0; j < n; j++) {
        bool tie = x[j] == sorted[k - 1] && left > 0;
        left -= tie;
        y[j] = x[j] > sorted[k - 1] || tie ? x[j] : 0;
    }
}

/* Numbers far apart, then so few different ones that most are equal, then those at the ends. */
static void draw_for_selection(real *x, size_t n, int how)
{
    const real ends[] = {INFINITY, -INFINITY, 0, -0.0f, 1, -1, (real)1e-40, (real)3e38};
    draw(x, n, how == 0 ? 3 : 1e-3);
    for (size_t j = 0; j < n; j++) {
        if (how == 1) x[j] = (real)draw_below(5) - 2;
        if (how == 2) x[j] = ends[draw_below(8)];
    }
}

static void largest_are_those_of_the_sorted_row(void **state)
{
    (void)state;
    fence f = fence_of(LONGEST * sizeof(real)), g = fence_of(LONGEST * sizeof(real));
    EACH_LEVEL(kernels)
    for (size_t n = 1; n <= LONGEST; n++)
        for (size_t k = 1; k <= n; k++)
            for (int how = 0; how < 4; how++) {
                real *x = fenced(f, n, sizeof *x, how & 1), want[LONGEST];
                real *y = fenced(g, n, sizeof *y, how & 1);
                draw_for_selection(x, n, how);
                keep_by_sorting(want, x, n, k);
                kernels->keep_largest(y, x, n, k);
                assert_same_bits(y, want, n);
                kernels->keep_largest(x, x, n, k);
                assert_same_bits(x, want, n);
            }
    fence_free(f);
    fence_free(g);
}

static void a_nan_among_the_numbers_leaves_nothing_else(void **state)
{
    (void)state;
    EACH_LEVEL(kernels)
    for (size_t n = 1; n <= LONGEST; n++)
        for (size_t k = 1; k <= n; k += n / 3 + 1) {
            real x[LONGEST];
            draw(x, n, 1);
            x[draw_below(n)] = k % 2 ? NAN : -NAN;
            kernels->keep_largest(x, x, n, k);
            for (size_t j = 0; j < n; j++) assert_true(isnan(x[j]));
        }
}

/* All 65536 words, then tails of every length. */
static void words_become_scaled_reals(void **state)
{
    enum { ALL = 65536 };
    static int16_t x[ALL];
    static real y[ALL];
    (void)state;
    for (int i = 0; i < ALL; i++) x[i] = (int16_t)(i - 32768);
    EACH_LEVEL(k)
    for (size_t n = ALL; n > 0; n = n > 40 ? 40 : n - 1) {
        k->from_i16(y, x, n, (real)0x1p-15, (real)-0.5);
        for (size_t i = 0; i < n; i++)
            assert_true(y[i] == (real)(((double)i - 32768) / 32768 - 0.5));
    }
}

/* Scaled in double and rounded once: near 1e9 floats lie 64 apart. */
static void doubles_are_rounded_after_they_are_scaled(void **state)
{
    double x[LONGEST];
    real y[LONGEST];
    (void)state;
    for (size_t i = 0; i < LONGEST; i++) x[i] = 1e9 + draw_one() * 3;
    EACH_LEVEL(k)
    for (size_t n = 0; n <= LONGEST; n++) {
        k->from_f64(y, x, n, 0.5, -5e8);
        for (size_t i = 0; i < n; i++) assert_true(y[i] == (real)((x[i] - 1e9) / 2));
    }
}

/* In place, each column by its own: the difference is taken in double. */
static void columns_are_rescaled_in_double(void **state)
{
    double shift[LONGEST], factor[LONGEST];
    real x[LONGEST], y[LONGEST];
    (void)state;
    for (size_t i = 0; i < LONGEST; i++) {
        x[i] = (real)(16777216 + draw_below(100));
        shift[i] = 16777216 + draw_one();
        factor[i] = draw_one() * 3;
    }
    EACH_LEVEL(k)
    for (size_t n = 0; n <= LONGEST; n++) {
        for (size_t i = 0; i < LONGEST; i++) y[i] = x[i];
        k->rescale(y, shift, factor, n);
        for (size_t i = 0; i < LONGEST; i++) {
            double want = i < n ? ((double)x[i] - shift[i]) * factor[i] : (double)x[i];
            assert_true(y[i] == (real)want);
        }
    }
}

static void bytes_become_scaled_reals(void **state)
{
    (void)state;
    uint8_t x[256];
    real y[256];
    for (size_t i = 0; i < 256; i++) x[i] = (uint8_t)i;
    EACH_LEVEL(k)
    for (size_t n = 0; n <= 256; n++) {
        k->from_u8(y, x, n, (real)(1 / 255.0), (real)-0.5);
        for (size_t i = 0; i < n; i++)
            assert_near((double)y[i], (double)i / 255 - 0.5, 2 * EPSILON);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(elements_agree_with_double_between_fences),
        cmocka_unit_test(an_element_has_the_same_bits_alone_and_in_an_array),
        cmocka_unit_test(every_activation_passes_nan),
        cmocka_unit_test(weights_of_0_are_not_pulled),
        cmocka_unit_test(clamped_gradients_pass_nan),
        cmocka_unit_test(column_sums_add_rows_in_order),
        cmocka_unit_test(sum_of_squares_is_a_double_and_alike_at_every_level),
        cmocka_unit_test(largest_are_those_of_the_sorted_row),
        cmocka_unit_test(a_nan_among_the_numbers_leaves_nothing_else),
        cmocka_unit_test(bytes_become_scaled_reals),
        cmocka_unit_test(words_become_scaled_reals),
        cmocka_unit_test(columns_are_rescaled_in_double),
        cmocka_unit_test(doubles_are_rounded_after_they_are_scaled),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
