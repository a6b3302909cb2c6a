/* exp, log, tanh, sigmoid, elu, softplus, gelu, silu: against libm in double, over all of float. */
#define _DEFAULT_SOURCE /* MAP_ANONYMOUS */
#include "test_kernels.h"

#include <float.h>
#include <math.h>
#include <stdio.h>

enum { CHUNK = 4096 };

static double sigmoid(double x)
{
    return x < 0 ? exp(x) / (1 + exp(x)) : 1 / (1 + exp(-x));
}

static double elu(double x)
{
    return x > 0 ? x : expm1(x);
}

static double softplus(double x)
{
    return x > 0 ? x + log1p(exp(-x)) : log1p(exp(x));
}

static double gelu(double x)
{
    return x < -40 ? -0.0 : x * phi_of(x);
}

static double silu(double x)
{
    return x < -800 ? -0.0 : x * sigmoid(x);
}

enum { EXP, LOG, TANH, SIGMOID, ELU, SOFTPLUS, GELU, SILU, FUNCTIONS };

static void map(const ae__kernels *k, size_t f, real *y, const real *x, size_t n)
{
    switch (f) {
    case EXP: k->exp(y, x, n); break;
    case LOG: k->log(y, x, n); break;
    case TANH: k->tanh(y, x, n); break;
    case SIGMOID: k->sigmoid(y, x, n); break;
    case ELU: k->activate(AE_ACT_ELU, 0, y, x, n); break;
    case SOFTPLUS: k->activate(AE_ACT_SOFTPLUS, 0, y, x, n); break;
    case GELU: k->activate(AE_ACT_GELU, 0, y, x, n); break;
    default: k->activate(AE_ACT_SILU, 0, y, x, n);
    }
}

#ifndef AE_DOUBLE

typedef struct function {
    const char *name;
    double (*exact)(double x);
    double bound; /* ulp, as vmath.h has it */
} function;

static const function functions[FUNCTIONS] = {
    {"exp", exp, 1.1}, {"log", log, 0.9},           {"tanh", tanh, 2.6}, {"sigmoid", sigmoid, 2.5},
    {"elu", elu, 1.0}, {"softplus", softplus, 2.0}, {"gelu", gelu, 5.0}, {"silu", silu, 3.4}};

/* |got - want| in units of the last place of a float as large as want. */
static double ulps(float got, double want)
{
    if (isnan(want)) return isnan(got) ? 0 : INFINITY;
    if (fabs(want) >= 0x1p128 - 0x1p103) return got == (want > 0 ? INFINITY : -INFINITY) ? 0 : 1e9;
    if (!isfinite(got)) return INFINITY;
    int exponent;
    frexp(want, &exponent);
    return fabs((double)got - want) / ldexp(1.0, (exponent < -125 ? -125 : exponent) - 24);
}

static float float_of_bits(uint32_t bits)
{
    float x;
    memcpy(&x, &bits, sizeof x);
    return x;
}

/* Every 509th float there is, both signs, subnormal numbers, infinities and NaN among them. */
static double worst_of_all_floats(const ae__kernels *k, size_t f)
{
    static float x[CHUNK], y[CHUNK];
    double worst = 0;
    for (uint64_t bits = 0; bits < (uint64_t)1 << 32;) {
        size_t n = 0;
        for (; n < CHUNK && bits < (uint64_t)1 << 32; bits += 509)
            x[n++] = float_of_bits((uint32_t)bits);
        map(k, f, y, x, n);
        for (size_t i = 0; i < n; i++) {
            double gap = ulps(y[i], functions[f].exact((double)x[i]));
            if (gap > worst) worst = gap;
        }
    }
    return worst;
}

static void functions_keep_their_error_bounds_over_every_float(void **state)
{
    (void)state;
    EACH_LEVEL(k)
    for (size_t f = 0; f < FUNCTIONS; f++) {
        double worst = worst_of_all_floats(k, f);
        if (worst > functions[f].bound)
            fail_msg("%s %s: %g ulp", k->name, functions[f].name, worst);
    }
}

#endif

static void functions_have_their_limits_at_the_edges(void **state)
{
    (void)state;
    const real edges[] = {0, (real)-0.0, INFINITY, -INFINITY, NAN, -1, (real)1e30, (real)-1e30};
    enum { EDGES = sizeof edges / sizeof *edges };
    const double want[FUNCTIONS][EDGES] = {
        {1, 1, INFINITY, 0, NAN, exp(-1), exp(1e30), 0},
        {-INFINITY, -INFINITY, INFINITY, NAN, NAN, NAN, log(1e30), NAN},
        {0, -0.0, 1, -1, NAN, tanh(-1), 1, -1},
        {0.5, 0.5, 1, 0, NAN, sigmoid(-1), 1, 0},
        {0, -0.0, INFINITY, -1, NAN, elu(-1), 1e30, -1},
        {log(2), log(2), INFINITY, 0, NAN, softplus(-1), 1e30, 0},
        {0, -0.0, INFINITY, -0.0, NAN, gelu(-1), 1e30, -0.0},
        {0, -0.0, INFINITY, -0.0, NAN, silu(-1), 1e30, -0.0},
    };
    EACH_LEVEL(k)
    for (size_t f = 0; f < FUNCTIONS; f++) {
        real y[EDGES];
        map(k, f, y, edges, EDGES);
        for (size_t i = 0; i < EDGES; i++) {
            double w = want[f][i];
            if (isnan(w))
                assert_true(isnan(y[i]));
            else if (isinf(w))
                assert_true((double)y[i] == w);
            else
                assert_near((double)y[i], w, 4 * EPSILON * fabs(w));
            if (w == 0) assert_int_equal(!signbit(y[i]), !signbit(w));
        }
    }
}

/* Far out the derivative is that of a relu; at 0 the distribution function is 1/2. */
static void gates_have_their_slopes_at_the_edges(void **state)
{
    (void)state;
    const real edges[] = {0, (real)-0.0, INFINITY, -INFINITY, (real)1e30, (real)-1e30, NAN};
    const double want[] = {0.5, 0.5, 1, 0, 1, 0};
    EACH_LEVEL(k)
    for (int32_t act = AE_ACT_GELU; act <= AE_ACT_SILU; act++) {
        real dx[7], dy[7] = {1, 1, 1, 1, 1, 1, 1};
        k->derive_input(act, 0, dx, dy, edges, 7);
        for (size_t i = 0; i < 6; i++) assert_near((double)dx[i], want[i], EPSILON);
        assert_true(isnan(dx[6]));
    }
}

static void sigmoid_of_x_and_of_minus_x_sum_to_one(void **state)
{
    (void)state;
    real x[257], y[257], z[257];
    draw(x, 257, 20);
    EACH_LEVEL(k)
    {
        k->sigmoid(y, x, 257);
        for (size_t i = 0; i < 257; i++) z[i] = -x[i];
        k->sigmoid(z, z, 257);
        for (size_t i = 0; i < 257; i++) assert_near((double)y[i] + (double)z[i], 1, 4 * EPSILON);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#ifndef AE_DOUBLE
        cmocka_unit_test(functions_keep_their_error_bounds_over_every_float),
#endif
        cmocka_unit_test(functions_have_their_limits_at_the_edges),
        cmocka_unit_test(gates_have_their_slopes_at_the_edges),
        cmocka_unit_test(sigmoid_of_x_and_of_minus_x_sum_to_one),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
