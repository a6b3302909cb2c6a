/* Convolution, its adjoint and the gradient of its weights: against plain loops in double, in both
 * layouts, between fences; the same bits for every layout, neighbour and number of threads. */
#define _DEFAULT_SOURCE /* MAP_ANONYMOUS */
#include "test_kernels.h"

#include "base/mem.h"
#include "base/pool.h"
#include "base/size.h"
#include "kernels/conv.h"
#include "kernels/images.h"

#include <math.h>

/* Kernels, strides and paddings of all kinds, sizes beside the lanes, more taps than one list. */
static const ae__conv shapes[] = {
    {28, 28, 1, 28, 28, 16, 3, 3, 1, 1, 1, 1}, {14, 14, 16, 14, 14, 8, 3, 3, 1, 1, 1, 1},
    {7, 7, 8, 7, 7, 8, 3, 3, 1, 1, 1, 1},      {16, 16, 8, 14, 14, 16, 3, 3, 1, 1, 0, 0},
    {12, 9, 16, 12, 9, 1, 3, 3, 1, 1, 1, 1},   {4, 4, 3, 2, 2, 5, 3, 3, 2, 2, 0, 0},
    {5, 6, 2, 3, 3, 3, 3, 3, 2, 2, 1, 1},      {9, 11, 7, 3, 3, 6, 2, 3, 3, 4, 0, 0},
    {7, 5, 3, 3, 2, 4, 1, 1, 3, 4, 0, 0},      {6, 6, 19, 6, 6, 33, 1, 1, 1, 1, 0, 0},
    {1, 20, 4, 1, 20, 6, 1, 5, 1, 1, 0, 2},    {1, 30, 2, 1, 10, 3, 1, 7, 1, 3, 0, 1},
    {8, 8, 2, 8, 8, 3, 7, 7, 1, 1, 3, 3},      {3, 3, 2, 6, 6, 2, 4, 4, 1, 1, 3, 3},
    {2, 2, 1, 2, 2, 1, 5, 5, 1, 1, 2, 2},      {1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 0, 0},
    {6, 5, 12, 3, 5, 11, 4, 2, 2, 1, 1, 0},    {5, 5, 3, 4, 4, 2, 3, 4, 1, 1, 0, 1},
    {3, 40, 5, 3, 40, 7, 2, 1, 1, 1, 0, 0},    {9, 9, 2, 5, 5, 2, 1, 1, 2, 2, 0, 0},
    {10, 9, 2, 4, 4, 3, 7, 6, 3, 3, 5, 4},     {4, 10, 9, 4, 5, 2, 3, 3, 1, 2, 1, 1},
    {10, 4, 9, 5, 4, 2, 3, 3, 2, 1, 1, 1},     {28, 28, 1, 14, 14, 16, 4, 4, 2, 2, 1, 1},
    {14, 14, 16, 8, 8, 8, 4, 4, 2, 2, 2, 2},   {7, 11, 5, 3, 4, 3, 7, 6, 3, 3, 4, 2},
};
enum { SHAPES = sizeof shapes / sizeof *shapes };

static const real slope = (real)0.25;

/* x, y and w drawn, in rows without gaps, and what plain loops make of them in double. */
typedef struct problem {
    const ae__conv *c;
    size_t rows, x_size, y_size, w_size;
    real *x, *y, *w;
    double *conv, *adjoint, *dw;          /* sums */
    double *conv_of, *adjoint_of, *dw_of; /* sums of the sizes of the same terms */
} problem;

static double *doubles(size_t n)
{
    double *x = calloc(n + 1, sizeof *x);
    assert_non_null(x);
    return x;
}

static real *drawn(size_t n)
{
    real *x = malloc(n * sizeof *x + 1);
    assert_non_null(x);
    draw(x, n, 1);
    return x;
}

static problem problem_of(const ae__conv *c, size_t rows)
{
    problem p = {.c = c, .rows = rows, .x_size = ae__conv_x_size(c), .y_size = ae__conv_y_size(c)};
    p.w_size = ae__conv_weights(c);
    p.x = drawn(rows * p.x_size);
    p.y = drawn(rows * p.y_size);
    p.w = drawn(p.w_size);
    p.conv = doubles(rows * p.y_size);
    p.conv_of = doubles(rows * p.y_size);
    p.adjoint = doubles(rows * p.x_size);
    p.adjoint_of = doubles(rows * p.x_size);
    p.dw = doubles(p.w_size);
    p.dw_of = doubles(p.w_size);
    return p;
}

static void problem_free(problem *p)
{
    void *const arrays[] = {p->x,       p->y,       p->w,          p->dw,   p->conv,
                            p->adjoint, p->conv_of, p->adjoint_of, p->dw_of};
    for (size_t i = 0; i < sizeof arrays / sizeof *arrays; i++) free(arrays[i]);
}

static void add_term(double *sum, double *size, double term)
{
    *sum += term;
    *size += fabs(term);
}

/* One weight's terms: elements x and y of the batch meet at weight w. */
static void meet(problem *p, size_t x, size_t y, size_t w)
{
    const double at_x = (double)p->x[x], at_y = (double)p->y[y], at_w = (double)p->w[w];
    add_term(p->conv + y, p->conv_of + y, at_x * at_w);
    add_term(p->adjoint + x, p->adjoint_of + x, at_y * at_w);
    add_term(p->dw + w, p->dw_of + w, at_x * at_y);
}

/* All channels of pixel (oy, ox) of y, under tap (ky, kx). */
static void meet_channels(problem *p, size_t image, size_t oy, size_t ox, size_t ky, size_t kx)
{
    const ae__conv *c = p->c;
    const size_t iy = oy * c->stride_h + ky - c->pad_top, ix = ox * c->stride_w + kx - c->pad_left;
    if (iy >= c->x_h || ix >= c->x_w) return; /* negative ones, too */
    const size_t x = image * p->x_size + (iy * c->x_w + ix) * c->x_c;
    const size_t y = image * p->y_size + (oy * c->y_w + ox) * c->y_c;
    for (size_t i = 0; i < c->x_c; i++)
        for (size_t j = 0; j < c->y_c; j++)
            meet(p, x + i, y + j, ((ky * c->kernel_w + kx) * c->x_c + i) * c->y_c + j);
}

static void solve(problem *p)
{
    const ae__conv *c = p->c;
    for (size_t image = 0; image < p->rows; image++)
        for (size_t oy = 0; oy < c->y_h; oy++)
            for (size_t ox = 0; ox < c->y_w; ox++)
                for (size_t tap = 0; tap < c->kernel_h * c->kernel_w; tap++)
                    meet_channels(p, image, oy, ox, tap / c->kernel_w, tap % c->kernel_w);
}

/* A tensor as it is handed over, between fences: in rows with a gap, or in blocks (lanes > 1). */
typedef struct tensor {
    fence f;
    real *at;
    size_t n, row, rows, lanes, all;
} tensor;

static size_t place_of(const tensor *t, size_t image, size_t element)
{
    return image / t->lanes * t->lanes * t->row + element * t->lanes + image % t->lanes;
}

/* x: rows x n, or NULL: 0. */
static tensor tensor_of(const real *x, size_t rows, size_t n, size_t lanes)
{
    tensor t = {.n = n, .row = n + 3, .rows = rows, .lanes = lanes};
    t.all = (ae__blocks(rows, lanes) - 1) * lanes * t.row + lanes * n;
    t.f = fence_of(t.all * sizeof(real));
    t.at = fenced(t.f, t.all, sizeof(real), draw_below(2) != 0);
    memset(t.at, 0, t.all * sizeof(real));
    for (size_t i = 0; x && i < rows; i++)
        for (size_t e = 0; e < n; e++) t.at[place_of(&t, i, e)] = x[i * n + e];
    return t;
}

static ae__images images_of(const tensor *t)
{
    return (ae__images){t->at, t->row, t->lanes > 1};
}

static void assert_same_tensor(const tensor *t, const real *want)
{
    for (size_t i = 0; i < t->rows; i++)
        for (size_t e = 0; e < t->n; e++)
            assert_same_bits(t->at + place_of(t, i, e), want + i * t->n + e, 1);
}

/* As many bytes as a call may use, all set, with a fence behind. */
static void *scratch_of(size_t bytes, fence *f)
{
    const size_t all = ae__round_up(bytes, 64); /* begins on a cache line */
    *f = fence_of(all);
    return memset(fenced(*f, all, 1, 1), 0xff, all);
}

/* Forward or adjoint of p into out, whose layout, like that of `in`, is given by its lanes. */
static void run_pass(const problem *p, bool adjoint, const tensor *in, const tensor *out,
                     const ae__epilogue *e, const ae__engine *engine)
{
    fence f;
    size_t bytes;
    const bool x_blocked = (adjoint ? out : in)->lanes > 1;
    const bool y_blocked = (adjoint ? in : out)->lanes > 1;
    assert_true(ae__conv_scratch(p->c, x_blocked, y_blocked, engine, &bytes));
    const ae__conv_pass pass = {
        .conv = p->c,
        .rows = p->rows,
        .in = images_of(in),
        .out = out->at,
        .out_row = out->row,
        .out_blocked = out->lanes > 1,
        .w = p->w,
        .epilogue = e,
        .scratch = scratch_of(bytes, &f),
    };
    (adjoint ? ae__conv_adjoint : ae__conv_forward)(&pass, engine);
    fence_free(f);
}

/* Every pair of layouts of two tensors. */
#define EACH_LAYOUT(k, first, second)                                                              \
    for (size_t first = 1; first <= (k)->lanes; first += (k)->lanes - 1)                           \
        for (size_t second = 1; second <= (k)->lanes; second += (k)->lanes - 1)

enum { CASES = 7 };

/* Bias and activation, or the derivative of the activation below, or nothing. */
static ae__epilogue epilogue_of(size_t number, const real *bias, const tensor *prev)
{
    static const int32_t acts[CASES] = {AE_ACT_LINEAR, AE_ACT_RELU, AE_ACT_TANH,  AE_ACT_LEAKY_RELU,
                                        AE_ACT_RELU,   AE_ACT_TANH, AE_ACT_LINEAR};
    if (number < 4) return (ae__epilogue){.bias = bias, .act = acts[number], .slope = slope};
    return (ae__epilogue){
        .prev = prev->at, .prev_ld = prev->row, .prev_act = acts[number], .prev_slope = slope};
}

static double finished(const ae__epilogue *e, double sum, double bias, double prev)
{
    sum = act_of(e->act, (double)e->slope, e->bias ? sum + bias : sum);
    return e->prev ? sum * derivative_of(e->prev_act, (double)e->prev_slope, prev) : sum;
}

/* Each sum passes one rounding a term; no activation or derivative here is steeper than 1. */
static void check_pass(const problem *p, const ae__kernels *k, bool adjoint, size_t in_lanes,
                       size_t out_lanes, size_t number)
{
    const ae__engine engine = {k, NULL, AE_GEMM_AUTO};
    const size_t n = adjoint ? p->x_size : p->y_size, channels = adjoint ? p->c->x_c : p->c->y_c;
    const double *sum = adjoint ? p->adjoint : p->conv;
    const double *size = adjoint ? p->adjoint_of : p->conv_of;
    const double terms = (double)(p->w_size / channels) + 4;
    real *bias = drawn(channels);
    const real *before = adjoint ? p->x : p->y;
    tensor in =
        tensor_of(adjoint ? p->y : p->x, p->rows, adjoint ? p->y_size : p->x_size, in_lanes);
    tensor out = tensor_of(NULL, p->rows, n, out_lanes);
    tensor prev = tensor_of(before, p->rows, n, out_lanes);
    const ae__epilogue e = epilogue_of(number, bias, &prev);
    run_pass(p, adjoint, &in, &out, &e, &engine);
    for (size_t i = 0; i < p->rows * n; i++) {
        const double got = (double)out.at[place_of(&out, i / n, i % n)];
        const double b = (double)bias[i % channels];
        assert_near(got, finished(&e, sum[i], b, (double)before[i]),
                    EPSILON * (terms / 2 * (size[i] + fabs(b)) + 4));
    }
    fence_free(in.f);
    fence_free(out.f);
    fence_free(prev.f);
    free(bias);
}

static void passes_agree_with_plain_loops(void **state)
{
    (void)state;
    size_t number = 0;
    EACH_LEVEL(k)
    for (size_t s = 0; s < SHAPES; s++)
        for (size_t rows = 1; rows <= k->lanes + 1; rows += k->lanes / 2) {
            problem p = problem_of(shapes + s, rows);
            solve(&p);
            EACH_LAYOUT(k, in, out)
            for (int adjoint = 0; adjoint < 2; adjoint++)
                check_pass(&p, k, adjoint, in, out, number++ % CASES);
            problem_free(&p);
        }
}

/* The gradients between fences; sums: x_c, then y_c. */
typedef struct gradient {
    fence f[2];
    real *dw, *sums;
} gradient;

static gradient gradient_of(const problem *p)
{
    gradient g;
    const size_t channels = p->c->x_c + p->c->y_c;
    g.f[0] = fence_of(p->w_size * sizeof(real));
    g.f[1] = fence_of(channels * sizeof(real));
    g.dw = fenced(g.f[0], p->w_size, sizeof(real), 1);
    g.sums = fenced(g.f[1], channels, sizeof(real), 1);
    for (size_t i = 0; i < p->w_size; i++) g.dw[i] = 1;
    for (size_t i = 0; i < channels; i++) g.sums[i] = 1;
    return g;
}

static void gradient_free(gradient *g)
{
    fence_free(g->f[0]);
    fence_free(g->f[1]);
}

static void count_weights(void *arg, size_t begin, size_t count)
{
    unsigned char *done = arg;
    for (size_t i = begin; i < begin + count; i++) done[i]++;
}

static void run_gradient(const problem *p, const gradient *g, size_t x_lanes, size_t y_lanes,
                         bool accumulate, const ae__engine *engine)
{
    fence f;
    size_t bytes;
    tensor x = tensor_of(p->x, p->rows, p->x_size, x_lanes);
    tensor dy = tensor_of(p->y, p->rows, p->y_size, y_lanes);
    unsigned char *done = calloc(p->w_size, 1);
    assert_non_null(done);
    assert_true(ae__conv_gradient_scratch(p->c, p->rows, x_lanes > 1, y_lanes > 1, engine, &bytes));
    ae__conv_gradient_run(
        &(ae__conv_gradient){
            .conv = p->c,
            .rows = p->rows,
            .x = images_of(&x),
            .dy = images_of(&dy),
            .dw = g->dw,
            .x_sums = g->sums,
            .y_sums = g->sums + p->c->x_c,
            .accumulate = accumulate,
            .accumulate_sums = !accumulate,
            .done = count_weights,
            .done_arg = done,
            .scratch = scratch_of(bytes, &f),
        },
        engine);
    for (size_t i = 0; i < p->w_size; i++) assert_int_equal(done[i], 1);
    free(done);
    fence_free(x.f);
    fence_free(dy.f);
    fence_free(f);
}

static double channel_sum(const real *x, size_t all, size_t channel, size_t channels, double *size)
{
    double sum = 0;
    for (size_t i = channel; i < all; i += channels) add_term(&sum, size, (double)x[i]);
    return sum;
}

/* Before each sum there was a 1, which counts where it is added to. */
static void check_gradient(const problem *p, const gradient *g, bool accumulate)
{
    const ae__conv *c = p->c;
    const double pixels = (double)(p->rows * c->y_h * c->y_w + c->x_h * c->x_w) + 8;
    for (size_t i = 0; i < p->w_size; i++)
        assert_near((double)g->dw[i], p->dw[i] + accumulate,
                    EPSILON * (pixels / 2 * p->dw_of[i] + 1));
    for (size_t i = 0; i < c->x_c + c->y_c; i++) {
        double size = 0;
        const double sum = i < c->x_c
                               ? channel_sum(p->x, p->rows * p->x_size, i, c->x_c, &size)
                               : channel_sum(p->y, p->rows * p->y_size, i - c->x_c, c->y_c, &size);
        assert_near((double)g->sums[i], sum + !accumulate, EPSILON * (pixels / 2 * size + 1));
    }
}

static void gradients_agree_with_plain_loops(void **state)
{
    (void)state;
    EACH_LEVEL(k)
    for (size_t s = 0; s < SHAPES; s++)
        for (size_t rows = 1; rows <= 2 * k->lanes + 1; rows += k->lanes) {
            const ae__engine engine = {k, NULL, AE_GEMM_AUTO};
            problem p = problem_of(shapes + s, rows);
            solve(&p);
            EACH_LAYOUT(k, x, y)
            {
                gradient g = gradient_of(&p);
                run_gradient(&p, &g, x, y, x == y, &engine);
                check_gradient(&p, &g, x == y);
                gradient_free(&g);
            }
            problem_free(&p);
        }
}

/* <conv(x), y> = <x, adjoint(y)> = <dw, w>, in sums of double. */
static void adjoint_and_gradient_are_those_of_the_convolution(void **state)
{
    (void)state;
    EACH_LEVEL(k)
    for (size_t s = 0; s < SHAPES; s++) {
        const ae__engine engine = {k, NULL, AE_GEMM_AUTO};
        problem p = problem_of(shapes + s, k->lanes + 2);
        tensor x = tensor_of(p.x, p.rows, p.x_size, k->lanes);
        tensor y = tensor_of(p.y, p.rows, p.y_size, k->lanes);
        tensor conv = tensor_of(NULL, p.rows, p.y_size, 1);
        tensor adjoint = tensor_of(NULL, p.rows, p.x_size, 1);
        gradient g = gradient_of(&p);
        double product[3] = {0}, size = 0;
        run_pass(&p, false, &x, &conv, NULL, &engine);
        run_pass(&p, true, &y, &adjoint, NULL, &engine);
        run_gradient(&p, &g, 1, k->lanes, false, &engine);
        for (size_t i = 0; i < p.rows * p.y_size; i++) {
            double at = (double)conv.at[place_of(&conv, i / p.y_size, i % p.y_size)];
            add_term(product, &size, at * (double)p.y[i]);
        }
        for (size_t i = 0; i < p.rows * p.x_size; i++)
            product[1] +=
                (double)adjoint.at[place_of(&adjoint, i / p.x_size, i % p.x_size)] * (double)p.x[i];
        for (size_t i = 0; i < p.w_size; i++) product[2] += (double)g.dw[i] * (double)p.w[i];
        assert_near(product[1], product[0], 4500 * EPSILON * size); /* 1e-12 of it in double */
        assert_near(product[2], product[0], 4500 * EPSILON * size);
        fence_free(x.f);
        fence_free(y.f);
        fence_free(conv.f);
        fence_free(adjoint.f);
        gradient_free(&g);
        problem_free(&p);
    }
}

/* What each image of p gives alone, in rows: rows x n. */
static real *alone(const problem *p, bool adjoint, size_t number, const real *bias,
                   const ae__engine *engine)
{
    const size_t n = adjoint ? p->x_size : p->y_size, m = adjoint ? p->y_size : p->x_size;
    const real *from = adjoint ? p->y : p->x, *before = adjoint ? p->x : p->y;
    real *out = malloc(p->rows * n * sizeof *out);
    assert_non_null(out);
    for (size_t i = 0; i < p->rows; i++) {
        problem one = *p;
        one.rows = 1;
        tensor in = tensor_of(from + i * m, 1, m, 1), to = tensor_of(NULL, 1, n, 1);
        tensor prev = tensor_of(before + i * n, 1, n, 1);
        const ae__epilogue e = epilogue_of(number, bias, &prev);
        run_pass(&one, adjoint, &in, &to, &e, engine);
        memcpy(out + i * n, to.at, n * sizeof *out);
        fence_free(in.f);
        fence_free(to.f);
        fence_free(prev.f);
    }
    return out;
}

/* The batch in every layout. */
static void check_bits(const problem *p, bool adjoint, size_t number, const real *bias,
                       const real *want, const ae__engine *engine)
{
    const size_t n = adjoint ? p->x_size : p->y_size, m = adjoint ? p->y_size : p->x_size;
    EACH_LAYOUT(engine->kernels, in_lanes, out_lanes)
    {
        tensor in = tensor_of(adjoint ? p->y : p->x, p->rows, m, in_lanes);
        tensor out = tensor_of(NULL, p->rows, n, out_lanes);
        tensor prev = tensor_of(adjoint ? p->x : p->y, p->rows, n, out_lanes);
        const ae__epilogue e = epilogue_of(number, bias, &prev);
        run_pass(p, adjoint, &in, &out, &e, engine);
        assert_same_tensor(&out, want);
        fence_free(in.f);
        fence_free(out.f);
        fence_free(prev.f);
    }
}

static void scale(real *x, size_t n, real factor)
{
    for (size_t i = 0; i < n; i++) x[i] *= factor;
}

/* Also where products are too small for a number, so that sums are -0 or 0. */
static void an_image_has_the_same_bits_alone_in_a_batch_and_in_every_layout(void **state)
{
    (void)state;
    const real tiny = (real)(sizeof(real) == sizeof(float) ? 1e-23 : 1e-162);
    size_t number = 0;
    EACH_LEVEL(k)
    for (size_t s = 0; s < SHAPES; s++)
        for (int adjoint = 0; adjoint < 2; adjoint++, number++) {
            const ae__engine engine = {k, NULL, AE_GEMM_AUTO};
            problem p = problem_of(shapes + s, k->lanes + 3);
            real *bias = drawn(adjoint ? p.c->x_c : p.c->y_c);
            for (int small = 0; small < 2; small++) {
                const size_t act = small ? CASES - 1 : number % CASES;
                scale(p.x, p.rows * p.x_size, small ? tiny : 1);
                scale(p.y, p.rows * p.y_size, small ? tiny : 1);
                scale(p.w, p.w_size, small ? tiny : 1);
                real *want = alone(&p, adjoint, act, bias, &engine);
                check_bits(&p, adjoint, act, bias, want, &engine);
                free(want);
            }
            free(bias);
            problem_free(&p);
        }
}

/* Large enough to be cut into several tasks a block. */
static const ae__conv large = {24, 20, 32, 24, 20, 32, 3, 3, 1, 1, 1, 1};
static const ae__conv large_strided = {24, 20, 32, 12, 10, 64, 3, 3, 2, 2, 1, 1};

static void threads_change_no_bit(void **state)
{
    (void)state;
    const ae__kernels *k = ae__kernels_at(AE_CPU_AUTO);
    const ae__conv *const some[] = {shapes + 1, shapes + 6, &large, &large_strided};
    for (int32_t threads = 2; threads <= 4; threads++)
        for (size_t s = 0; s < sizeof some / sizeof *some; s++) {
            ae__engine engine = {k, NULL, AE_GEMM_AUTO};
            problem p = problem_of(some[s], 5 * k->lanes + 1);
            gradient g = gradient_of(&p), h = gradient_of(&p);
            real *want[2][2], *bias = drawn(64);
            for (size_t i = 0; i < 4; i++) /* with a bias and tanh, with the derivative of relu */
                want[i / 2][i % 2] = alone(&p, i / 2, 2 + i % 2 * 2, bias, &engine);
            run_gradient(&p, &g, k->lanes, 1, false, &engine);
            assert_int_equal(ae__pool_create(&engine.pool, &ae__mem_default, threads), AE_OK);
            for (size_t i = 0; i < 4; i++) {
                check_bits(&p, i / 2, 2 + i % 2 * 2, bias, want[i / 2][i % 2], &engine);
                free(want[i / 2][i % 2]);
            }
            free(bias);
            run_gradient(&p, &h, 1, k->lanes, false, &engine);
            assert_same_bits(g.dw, h.dw, p.w_size);
            assert_same_bits(g.sums, h.sums, p.c->x_c + p.c->y_c);
            ae__pool_free(engine.pool);
            gradient_free(&g);
            gradient_free(&h);
            problem_free(&p);
        }
}

/* A loss behind the convolution is the loss of the stored convolution. */
static void a_loss_equals_the_loss_of_what_was_stored(void **state)
{
    (void)state;
    enum { ROWS = 19 };
    EACH_LEVEL(k)
    for (size_t s = 0; s < 6; s++)
        for (int32_t loss = AE__ELEMENT_SQUARED; loss <= AE__ELEMENT_LOGISTIC; loss++) {
            const ae__engine engine = {k, NULL, AE_GEMM_AUTO};
            problem p = problem_of(shapes + s, ROWS);
            double value[2][ROWS] = {{0}};
            real weight[ROWS], *bias = drawn(p.c->y_c);
            draw(weight, ROWS, 1);
            tensor x = tensor_of(p.x, ROWS, p.x_size, s % 2 ? k->lanes : 1);
            tensor fused = tensor_of(NULL, ROWS, p.y_size, 1);
            tensor stored = tensor_of(NULL, ROWS, p.y_size, 1);
            ae__epilogue e = {.bias = bias,
                              .act = AE_ACT_TANH,
                              .loss = loss,
                              .gradient = true,
                              .delta = (real)0.5,
                              .target = p.y,
                              .target_ld = p.y_size,
                              .scale = 2,
                              .row_weight = weight,
                              .row_value = value[0]};
            const ae__epilogue first = {.bias = bias};
            run_pass(&p, false, &x, &fused, &e, &engine);
            run_pass(&p, false, &x, &stored, &first, &engine);
            e.bias = NULL;
            e.row_value = value[1];
            k->epilogue(&e, stored.at, stored.row, ROWS, p.y_size);
            assert_same_bits(fused.at, stored.at, stored.all);
            assert_memory_equal(value[0], value[1], sizeof value[0]);
            fence_free(x.f);
            fence_free(fused.f);
            fence_free(stored.f);
            free(bias);
            problem_free(&p);
        }
}

static void nan_stays_in_its_image_and_under_its_windows(void **state)
{
    (void)state;
    EACH_LEVEL(k)
    {
        const ae__engine engine = {k, NULL, AE_GEMM_AUTO};
        const ae__epilogue relu = {.act = AE_ACT_RELU};
        problem p = problem_of(shapes + 2, k->lanes + 1);
        p.x[p.x_size + (3 * 7 + 6) * 8] = NAN; /* image 1, pixel (3, 6) */
        EACH_LAYOUT(k, in, out)
        {
            tensor x = tensor_of(p.x, p.rows, p.x_size, in),
                   y = tensor_of(NULL, p.rows, p.y_size, out);
            run_pass(&p, false, &x, &y, &relu, &engine);
            for (size_t i = 0; i < p.rows * p.y_size; i++) {
                const size_t row = i % p.y_size / 56, col = i % 56 / 8;
                const bool under = i / p.y_size == 1 && row >= 2 && row <= 4 && col >= 5;
                const bool nan = isnan(y.at[place_of(&y, i / p.y_size, i % p.y_size)]);
                assert_int_equal(nan, under);
            }
            fence_free(x.f);
            fence_free(y.f);
        }
        problem_free(&p);
    }
}

static void rows_become_blocks_and_rows_again(void **state)
{
    (void)state;
    EACH_LEVEL(k)
    for (size_t rows = 1; rows <= 2 * k->lanes + 1; rows += draw_below(4) + 1)
        for (size_t n = 1; n < 40; n += draw_below(5) + 1) {
            const ae__engine engine = {k, NULL, AE_GEMM_AUTO};
            real *x = drawn(rows * n);
            tensor from = tensor_of(x, rows, n, 1), to = tensor_of(NULL, rows, n, 1);
            tensor block = tensor_of(NULL, rows, n, k->lanes);
            for (size_t i = 0; i < block.all; i++) block.at[i] = NAN;
            ae__images_pack(block.at, block.row, from.at, from.row, rows, n, &engine);
            assert_same_tensor(&block, x);
            for (size_t i = rows; i % k->lanes != 0; i++)
                for (size_t e = 0; e < n; e++) assert_true(block.at[place_of(&block, i, e)] == 0);
            ae__images_unpack(to.at, to.row, block.at, block.row, rows, n, &engine);
            assert_same_tensor(&to, x);
            fence_free(from.f);
            fence_free(to.f);
            fence_free(block.f);
            free(x);
        }
}

static void scratch_that_cannot_be_counted_is_refused(void **state)
{
    (void)state;
    const ae__engine engine = {ae__kernels_at(AE_CPU_AUTO), NULL, AE_GEMM_AUTO};
    const ae__conv huge = {SIZE_MAX / 2, 1, 1, SIZE_MAX / 4, 1, 1, 1, 1, 2, 1, 0, 0};
    size_t bytes;
    assert_false(ae__conv_scratch(&huge, false, true, &engine, &bytes));
    assert_false(ae__conv_gradient_scratch(&huge, 1, false, true, &engine, &bytes));
    assert_true(ae__conv_scratch(&huge, true, true, &engine, &bytes));
    assert_true(ae__conv_gradient_scratch(&huge, 1, true, true, &engine, &bytes));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(passes_agree_with_plain_loops),
        cmocka_unit_test(gradients_agree_with_plain_loops),
        cmocka_unit_test(adjoint_and_gradient_are_those_of_the_convolution),
        cmocka_unit_test(an_image_has_the_same_bits_alone_in_a_batch_and_in_every_layout),
        cmocka_unit_test(threads_change_no_bit),
        cmocka_unit_test(a_loss_equals_the_loss_of_what_was_stored),
        cmocka_unit_test(nan_stays_in_its_image_and_under_its_windows),
        cmocka_unit_test(rows_become_blocks_and_rows_again),
        cmocka_unit_test(scratch_that_cannot_be_counted_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
