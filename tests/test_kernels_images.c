/* Pooling and upsampling: against plain loops in double, in both layouts, between fences. */
#define _DEFAULT_SOURCE /* MAP_ANONYMOUS */
#include "test_kernels.h"

#include "base/mem.h"
#include "base/pool.h"
#include "base/size.h"
#include "kernels/images.h"

#include <math.h>

/* Windows side by side, apart, overlapping, cut by the edge, larger than the image; the last three as
 * "same" of Keras pads: 7 to 4, 5 to 3, 3 to 2. */
static const ae__pooling poolings[] = {
    {28, 28, 14, 14, 2, 2, 2, 2, 0, 0, false}, {5, 7, 2, 3, 2, 2, 2, 2, 0, 0, false},
    {7, 6, 3, 5, 3, 2, 2, 1, 0, 0, false},     {9, 8, 2, 2, 2, 3, 5, 5, 0, 0, false},
    {4, 4, 1, 1, 4, 4, 1, 1, 0, 0, false},     {3, 3, 3, 3, 3, 3, 1, 1, 1, 1, false},
    {1, 13, 1, 4, 1, 3, 1, 3, 0, 0, false},    {7, 7, 4, 4, 2, 2, 2, 2, 0, 0, false},
    {5, 5, 3, 3, 3, 3, 2, 2, 1, 1, false},     {3, 2, 2, 1, 2, 2, 2, 2, 0, 0, false},
};
static const ae__upsampling upsamplings[] = {
    {14, 14, 2, 2, false}, {3, 5, 1, 3, false}, {1, 4, 4, 2, false}, {1, 1, 1, 1, false},
    {4, 4, 2, 2, true},    {3, 5, 3, 1, true},  {1, 6, 5, 4, true},  {2, 1, 3, 3, true},
};
static const size_t channel_counts[] = {1, 3, 16, 21};
enum { CHANNELS = 4, ROWS = 19 };

static const int32_t acts[] = {AE_ACT_LINEAR, AE_ACT_RELU, AE_ACT_TANH};
enum { ACTS = 3 };

/* One image of plain loops: x, dy in; y, dx out. Both are h x w x channels. */
typedef struct plain {
    size_t channels;
    const real *x, *dy;
    double *y, *dx;
} plain;

/* The cell of x under a window's tap, or -1. */
static ptrdiff_t cell_under(const ae__pooling *p, size_t i, size_t j, size_t tap)
{
    const size_t y = i * p->stride_h + tap / p->kernel_w - p->pad_top;
    const size_t x = j * p->stride_w + tap % p->kernel_w - p->pad_left;
    return y < p->x_h && x < p->x_w ? (ptrdiff_t)(y * p->x_w + x) : -1;
}

/* One window of one channel: the mean, or the largest and the first that is. */
static void pool_window(const ae__pooling *p, const plain *a, size_t cell, size_t channel)
{
    double sum = 0, most = -INFINITY;
    size_t count = 0, first = 0;
    for (int pass = 0; pass < 2; pass++)
        for (size_t tap = 0; tap < p->kernel_h * p->kernel_w; tap++) {
            const ptrdiff_t at = cell_under(p, cell / p->y_w, cell % p->y_w, tap);
            if (at < 0) continue;
            const size_t i = (size_t)at * a->channels + channel;
            if (pass == 1 && p->average)
                a->dx[i] += (double)a->dy[cell * a->channels + channel] / (double)count;
            if (pass == 1) continue;
            sum += (double)a->x[i];
            count++;
            if ((double)a->x[i] > most) {
                most = (double)a->x[i];
                first = i;
            }
        }
    a->y[cell * a->channels + channel] = p->average ? sum / (double)count : most;
    if (!p->average) a->dx[first] += (double)a->dy[cell * a->channels + channel];
}

static void plain_pooling(const void *shape, const plain *a)
{
    const ae__pooling *p = shape;
    for (size_t cell = 0; cell < p->y_h * p->y_w; cell++)
        for (size_t c = 0; c < a->channels; c++) pool_window(p, a, cell, c);
}

/* The weight of cell i of x in cell o of y, along one axis of n cells: PyTorch's interpolate with
 * align_corners=False. */
static double share(size_t o, size_t i, size_t n, size_t factor, bool bilinear)
{
    if (!bilinear) return o / factor == i;
    double at = fmax(((double)o + 0.5) / (double)factor - 0.5, 0);
    at = fmin(at, (double)n - 1);
    return fmax(1 - fabs(at - (double)i), 0);
}

static void plain_upsampling(const void *shape, const plain *a)
{
    const ae__upsampling *u = shape;
    const size_t h = u->x_h * u->factor_h, w = u->x_w * u->factor_w;
    for (size_t to = 0; to < h * w; to++)
        for (size_t from = 0; from < u->x_h * u->x_w; from++) {
            const double s = share(to / w, from / u->x_w, u->x_h, u->factor_h, u->bilinear) *
                             share(to % w, from % u->x_w, u->x_w, u->factor_w, u->bilinear);
            for (size_t c = 0; c < a->channels; c++) {
                a->y[to * a->channels + c] += s * (double)a->x[from * a->channels + c];
                a->dx[from * a->channels + c] += s * (double)a->dy[to * a->channels + c];
            }
        }
}

/* Either operation, with its sizes in pixels. */
typedef struct operation {
    size_t x, y;
    const void *shape;
    void (*plain)(const void *shape, const plain *a);
    void (*forward)(const void *shape, const ae__image_pass *pass, const ae__engine *engine);
    void (*backward)(const void *shape, const ae__image_pass *pass, const ae__engine *engine);
} operation;

static void pool_forward(const void *p, const ae__image_pass *pass, const ae__engine *engine)
{
    ae__pooling_forward(p, pass, engine);
}

static void pool_backward(const void *p, const ae__image_pass *pass, const ae__engine *engine)
{
    ae__pooling_backward(p, pass, engine);
}

static void upsample_forward(const void *u, const ae__image_pass *pass, const ae__engine *engine)
{
    ae__upsampling_forward(u, pass, engine);
}

static void upsample_backward(const void *u, const ae__image_pass *pass, const ae__engine *engine)
{
    ae__upsampling_backward(u, pass, engine);
}

static operation pooling_of(const ae__pooling *p)
{
    return (operation){p->x_h * p->x_w, p->y_h * p->y_w, p,
                       plain_pooling,   pool_forward,    pool_backward};
}

static operation upsampling_of(const ae__upsampling *u)
{
    const size_t x = u->x_h * u->x_w;
    return (operation){
        x, x * u->factor_h * u->factor_w, u, plain_upsampling, upsample_forward, upsample_backward};
}

enum { X, Y, DX, DY, TENSORS };

/* Tensors between fences, and the same in rows without gaps (images x elements). */
typedef struct batch {
    size_t lanes, n[TENSORS], row[TENSORS];
    real *at[TENSORS], *plain[TENSORS];
    fence fences[TENSORS];
} batch;

static size_t place_of(const batch *b, size_t t, size_t image, size_t element)
{
    return image / b->lanes * b->lanes * b->row[t] + element * b->lanes + image % b->lanes;
}

/* x and dy are drawn, in steps so coarse that windows hold equal numbers. */
static batch batch_of(const operation *o, size_t channels, size_t lanes)
{
    batch b = {.lanes = lanes};
    for (size_t t = 0; t < TENSORS; t++) {
        const size_t n = (t == X || t == DX ? o->x : o->y) * channels;
        b.n[t] = n;
        b.row[t] = n + 5;
        const size_t all = (ae__blocks(ROWS, lanes) - 1) * lanes * b.row[t] + lanes * n;
        b.fences[t] = fence_of(all * sizeof(real));
        b.at[t] = fenced(b.fences[t], all, sizeof(real), draw_below(2) != 0);
        b.plain[t] = malloc(ROWS * n * sizeof(real));
        assert_non_null(b.plain[t]);
        for (size_t i = 0; i < all; i++) b.at[t][i] = t == X || t == DY ? 0 : NAN;
        for (size_t i = 0; i < ROWS * n; i++) {
            b.plain[t][i] = (real)((double)draw_below(17) / 8 - 1);
            if (t == X || t == DY) b.at[t][place_of(&b, t, i / n, i % n)] = b.plain[t][i];
        }
    }
    return b;
}

static void batch_free(batch *b)
{
    for (size_t t = 0; t < TENSORS; t++) {
        fence_free(b->fences[t]);
        free(b->plain[t]);
    }
}

static void run_batch(const operation *o, const batch *b, size_t channels, int32_t act,
                      const ae__engine *engine)
{
    const ae__image_pass pass = {.rows = ROWS,
                                 .channels = channels,
                                 .blocked = b->lanes > 1,
                                 .x_row = b->row[X],
                                 .y_row = b->row[Y],
                                 .x = b->at[X],
                                 .y = b->at[Y],
                                 .dy = b->at[DY],
                                 .dx = b->at[DX],
                                 .act = act};
    o->forward(o->shape, &pass, engine);
    o->backward(o->shape, &pass, engine);
}

static void check_image(const operation *o, const batch *b, size_t channels, int32_t act, size_t i)
{
    double *y = calloc(b->n[Y], sizeof *y), *dx = calloc(b->n[X], sizeof *dx);
    assert_true(y && dx);
    const plain a = {channels, b->plain[X] + i * b->n[X], b->plain[DY] + i * b->n[Y], y, dx};
    o->plain(o->shape, &a);
    for (size_t e = 0; e < b->n[Y]; e++) /* at most 16 numbers up to 1 */
        assert_near((double)b->at[Y][place_of(b, Y, i, e)], y[e], 40 * EPSILON);
    for (size_t e = 0; e < b->n[X]; e++) {
        const double want = dx[e] * derivative_of(act, 0, (double)a.x[e]);
        assert_near((double)b->at[DX][place_of(b, DX, i, e)], want, 40 * EPSILON);
    }
    free(y);
    free(dx);
}

static void check_operation(const operation *o, const ae__kernels *k, size_t number)
{
    const ae__engine engine = {k, NULL, AE_GEMM_AUTO};
    for (size_t c = 0; c < CHANNELS; c++)
        for (size_t lanes = 1; lanes <= k->lanes; lanes += k->lanes - 1) {
            const int32_t act = acts[(number + c) % ACTS];
            batch b = batch_of(o, channel_counts[c], lanes);
            run_batch(o, &b, channel_counts[c], act, &engine);
            for (size_t i = 0; i < ROWS; i++) check_image(o, &b, channel_counts[c], act, i);
            batch_free(&b);
        }
}

static void pooling_agrees_with_plain_loops(void **state)
{
    (void)state;
    EACH_LEVEL(k)
    for (size_t i = 0; i < sizeof poolings / sizeof *poolings; i++)
        for (int average = 0; average < 2; average++) {
            ae__pooling p = poolings[i];
            p.average = average;
            const operation o = pooling_of(&p);
            check_operation(&o, k, i);
        }
}

static void upsampling_agrees_with_plain_loops(void **state)
{
    (void)state;
    EACH_LEVEL(k)
    for (size_t i = 0; i < sizeof upsamplings / sizeof *upsamplings; i++) {
        const operation o = upsampling_of(upsamplings + i);
        check_operation(&o, k, i);
    }
}

static void threads_and_layouts_change_no_bit(void **state)
{
    (void)state;
    const ae__kernels *k = ae__kernels_at(AE_CPU_AUTO);
    const operation operations[] = {pooling_of(poolings), pooling_of(poolings + 2),
                                    upsampling_of(upsamplings), upsampling_of(upsamplings + 4)};
    for (size_t i = 0; i < sizeof operations / sizeof *operations; i++) {
        ae__engine engine = {k, NULL, AE_GEMM_AUTO};
        const uint64_t seed = draw_state;
        batch rows = batch_of(operations + i, 16, 1);
        draw_state = seed;
        batch blocks = batch_of(operations + i, 16, k->lanes);
        run_batch(operations + i, &rows, 16, AE_ACT_TANH, &engine);
        assert_int_equal(ae__pool_create(&engine.pool, &ae__mem_default, 3), AE_OK);
        run_batch(operations + i, &blocks, 16, AE_ACT_TANH, &engine);
        ae__pool_free(engine.pool);
        for (size_t t = 0; t < TENSORS; t++)
            for (size_t e = 0; e < ROWS * rows.n[t]; e++)
                assert_same_bits(rows.at[t] + place_of(&rows, t, e / rows.n[t], e % rows.n[t]),
                                 blocks.at[t] + place_of(&blocks, t, e / rows.n[t], e % rows.n[t]),
                                 1);
        batch_free(&rows);
        batch_free(&blocks);
    }
}

static void the_largest_of_numbers_with_nan_is_nan(void **state)
{
    (void)state;
    const ae__pooling p = {2, 2, 1, 1, 2, 2, 2, 2, 0, 0, false};
    EACH_LEVEL(k)
    for (size_t cell = 0; cell < 4; cell++) {
        real x[4] = {1, 2, 3, 4}, y = 0;
        x[cell] = NAN;
        k->pool(&p, &y, x, 1);
        assert_true(isnan(y));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pooling_agrees_with_plain_loops),
        cmocka_unit_test(upsampling_agrees_with_plain_loops),
        cmocka_unit_test(threads_and_layouts_change_no_bit),
        cmocka_unit_test(the_largest_of_numbers_with_nan_is_nan),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
