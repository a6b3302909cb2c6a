/* Passes over channels: the kernels against plain loops in double, at every width up to 70, between fences;
 * the batches of rows and of blocks alike, for any number of threads. */
#define _DEFAULT_SOURCE /* MAP_ANONYMOUS */
#include "test_kernels.h"

#include "base/mem.h"
#include "base/pool.h"
#include "base/size.h"
#include "kernels/channels.h"
#include "kernels/images.h"

enum { LONGEST = 70, ROWS = 5, STRIDE = 72 };

/* Sums of 5 products of numbers below 4: a rounding each. */
#define NEAR (64 * ROWS * EPSILON)

static real *fenced_draws(fence f, size_t n, int at_end)
{
    real *x = fenced(f, n, sizeof *x, at_end);
    draw(x, n, 2);
    return x;
}

static double shifted(const real *x, size_t row, const real *shift, size_t j)
{
    return (double)x[row * STRIDE + j] - (shift ? (double)shift[j] : 0);
}

static void check_moments(const ae__kernels *k, const fence *f, size_t n, int at_end, bool both)
{
    const size_t all = (ROWS - 1) * STRIDE + n;
    const real *u = fenced_draws(f[0], all, at_end), *v = fenced_draws(f[1], all, at_end);
    const real *u_shift = both ? fenced_draws(f[2], n, at_end) : NULL;
    const real *v_shift = fenced_draws(f[3], n, at_end);
    real *sums = fenced(f[4], n, sizeof *sums, at_end);
    real *products = fenced(f[5], n, sizeof *products, at_end);
    k->column_moments(&(ae__column_moments){u, v, STRIDE, STRIDE, u_shift, v_shift, ROWS, n}, sums,
                      products);
    for (size_t j = 0; j < n; j++) {
        double sum = 0, product = 0;
        for (size_t i = 0; i < ROWS; i++) {
            sum += shifted(u, i, u_shift, j);
            product += shifted(u, i, u_shift, j) * shifted(v, i, v_shift, j);
        }
        assert_near((double)sums[j], sum, NEAR);
        assert_near((double)products[j], product, NEAR);
    }
}

static void check_blend(const ae__kernels *k, const fence *f, size_t n, int at_end, bool both)
{
    const size_t all = (ROWS - 1) * STRIDE + n;
    const real *x = fenced_draws(f[0], all, at_end),
               *u = both ? fenced_draws(f[1], all, at_end) : NULL;
    const real *a = fenced_draws(f[2], n, at_end), *shift = fenced_draws(f[3], n, at_end);
    const real *d = fenced_draws(f[4], n, at_end), *b = fenced_draws(f[5], n, at_end);
    real *y = fenced(f[6], all, sizeof *y, at_end);
    k->blend(&(ae__blend){a, shift, d, b, x, u, STRIDE, STRIDE, ROWS, n}, y, STRIDE);
    for (size_t i = 0; i < ROWS; i++)
        for (size_t j = 0; j < n; j++) {
            double want = (double)a[j] * shifted(x, i, shift, j) + (double)d[j];
            if (u) want += (double)b[j] * (double)u[i * STRIDE + j];
            assert_near((double)y[i * STRIDE + j], want, NEAR);
        }
}

static void columns_of_every_width_are_summed_and_blended(void **state)
{
    fence f[7];
    (void)state;
    for (int i = 0; i < 7; i++) f[i] = fence_of(ROWS * STRIDE * sizeof(real));
    EACH_LEVEL(k)
    for (size_t n = 1; n <= LONGEST; n++)
        for (int way = 0; way < 4; way++) {
            check_moments(k, f, n, way & 1, way & 2);
            check_blend(k, f, n, way & 1, way & 2);
        }
    for (int i = 0; i < 7; i++) fence_free(f[i]);
}

/* ---- batches ---- */

typedef struct shape {
    size_t rows, pixels, channels;
} shape;

/* More pixels than are summed as reals, more columns than go at a time, vectors, one of all. */
static const shape shapes[] = {{1, 1, 1},    {3, 9, 2},   {16, 300, 1}, {35, 7, 5},
                               {50, 1, 300}, {21, 4, 40}, {40, 600, 3}};

/* x and dy of one batch, in rows and in blocks. */
typedef struct batch {
    shape s;
    size_t size, room; /* of a row; of whole blocks */
    real *x[2], *dy[2], *columns[2], *y[2];
    double *sums;
} batch;

static real *room_of(size_t n)
{
    real *x = calloc(n, sizeof *x);
    assert_non_null(x);
    return x;
}

static batch batch_of(shape s, const ae__engine *engine)
{
    batch b = {.s = s, .size = s.pixels * s.channels};
    b.room = ae__round_up(s.rows, AE__MAX_LANES) * b.size;
    for (int i = 0; i < 2; i++) {
        b.x[i] = room_of(b.room);
        b.dy[i] = room_of(b.room);
        b.y[i] = room_of(b.room);
        b.columns[i] = room_of(4 * s.channels * AE__MAX_LANES);
    }
    draw(b.x[0], s.rows * b.size, 2);
    draw(b.dy[0], s.rows * b.size, 2);
    draw(b.x[1], b.room, 2); /* what lies behind the last image has any value */
    ae__images_pack(b.dy[1], b.size, b.dy[0], b.size, s.rows, b.size, engine);
    for (size_t i = 0; i < s.rows; i++) {
        const size_t lanes = engine->kernels->lanes, block = i / lanes * lanes * b.size;
        for (size_t e = 0; e < b.size; e++)
            b.x[1][block + e * lanes + i % lanes] = b.x[0][i * b.size + e];
    }
    b.sums = calloc(ae__channel_sums(s.rows) * s.channels, sizeof *b.sums);
    assert_non_null(b.sums);
    return b;
}

static void batch_free(batch *b)
{
    for (int i = 0; i < 2; i++) {
        free(b->x[i]);
        free(b->dy[i]);
        free(b->y[i]);
        free(b->columns[i]);
    }
    free(b->sums);
}

static ae__channels channels_of(const batch *b, bool blocked)
{
    return (ae__channels){b->s.rows, b->s.pixels, b->s.channels, blocked};
}

/* a, shift, d and b: functions of the channel. */
static const real *columns_of(const batch *b, bool blocked, size_t which, const ae__engine *engine)
{
    const ae__channels c = channels_of(b, blocked);
    real *columns = b->columns[blocked] + which * b->s.channels * AE__MAX_LANES;
    for (size_t i = 0; i < b->s.channels; i++)
        ae__channels_set(&c, columns, i, 0.25 * (double)((i + which) % 7) - 0.5, engine);
    return columns;
}

static double shift_of(size_t channel)
{
    return 0.25 * (double)((channel + 1) % 7) - 0.5;
}

/* Of n numbers below 8: a rounding each in reals, of 256 at most, then in double. */
static void check_sums(batch *b, bool blocked, const ae__engine *engine)
{
    const double tolerance = 8 * 256 * EPSILON * (double)(b->s.rows * b->s.pixels);
    ae__channel_moments_run(&(ae__channel_moments){.of = channels_of(b, blocked),
                                                   .u = b->dy[blocked],
                                                   .v = b->x[blocked],
                                                   .u_row = b->size,
                                                   .v_row = b->size,
                                                   .v_shift = columns_of(b, blocked, 1, engine),
                                                   .sums = b->sums},
                            engine);
    for (size_t c = 0; c < b->s.channels; c++) {
        double sum = 0, product = 0;
        for (size_t i = c; i < b->s.rows * b->size; i += b->s.channels) {
            sum += (double)b->dy[0][i];
            product += (double)b->dy[0][i] * ((double)b->x[0][i] - shift_of(c));
        }
        assert_near(b->sums[c], sum, tolerance);
        assert_near(b->sums[b->s.channels + c], product, tolerance);
    }
}

static void blend(batch *b, bool blocked, bool gradient, const ae__engine *engine)
{
    ae__channel_blend_run(&(ae__channel_blend){.of = channels_of(b, blocked),
                                               .a = columns_of(b, blocked, 0, engine),
                                               .shift = columns_of(b, blocked, 1, engine),
                                               .d = columns_of(b, blocked, 2, engine),
                                               .b = columns_of(b, blocked, 3, engine),
                                               .x = b->x[blocked],
                                               .u = gradient ? b->dy[blocked] : NULL,
                                               .y = b->y[blocked],
                                               .x_row = b->size,
                                               .u_row = b->size,
                                               .y_row = b->size,
                                               .act = AE_ACT_TANH,
                                               .gradient = gradient},
                          engine);
}

/* The same bits, which kernels owe to every place; and 0 behind the last image of a gradient. */
static void check_blends(batch *b, bool gradient, const ae__engine *engine)
{
    const size_t lanes = engine->kernels->lanes, n = b->s.rows * b->size;
    real *rows = room_of(b->room);
    blend(b, false, gradient, engine);
    blend(b, true, gradient, engine);
    ae__images_unpack(rows, b->size, b->y[1], b->size, b->s.rows, b->size, engine);
    assert_same_bits(rows, b->y[0], n);
    for (size_t i = b->s.rows; gradient && i < ae__round_up(b->s.rows, lanes); i++)
        for (size_t e = 0; e < b->size; e++)
            assert_true(b->y[1][i / lanes * lanes * b->size + e * lanes + i % lanes] == 0);
    free(rows);
}

static void batches_in_rows_and_in_blocks_are_alike(void **state)
{
    (void)state;
    EACH_LEVEL(k)
    for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++) {
        const ae__engine engine = {.kernels = k};
        batch b = batch_of(shapes[i], &engine);
        check_sums(&b, false, &engine);
        check_sums(&b, true, &engine);
        check_blends(&b, false, &engine);
        check_blends(&b, true, &engine);
        batch_free(&b);
    }
}

static void threads_change_no_bit(void **state)
{
    ae__pool *pool;
    (void)state;
    assert_int_equal(ae__pool_create(&pool, &ae__mem_default, 3), AE_OK);
    const ae__engine one = {.kernels = ae__kernels_at(AE_CPU_AUTO)}, many = {one.kernels, pool, 0};
    for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++) {
        batch b = batch_of(shapes[i], &one);
        const size_t n = 2 * b.s.channels * sizeof(double), all = b.room * sizeof(real);
        double *sums = malloc(n);
        real *y = malloc(all);
        assert_non_null(sums);
        assert_non_null(y);
        check_sums(&b, true, &one);
        blend(&b, true, true, &one);
        memcpy(sums, b.sums, n);
        memcpy(y, b.y[1], all);
        check_sums(&b, true, &many);
        blend(&b, true, true, &many);
        assert_memory_equal(sums, b.sums, n);
        assert_memory_equal(y, b.y[1], all);
        free(sums);
        free(y);
        batch_free(&b);
    }
    ae__pool_free(pool);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(columns_of_every_width_are_summed_and_blended),
        cmocka_unit_test(batches_in_rows_and_in_blocks_are_alike),
        cmocka_unit_test(threads_change_no_bit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
