/* The convolutions of W4, layer by layer: conv [THREADS [IMAGES]].
 *
 * Each row gives seconds an epoch of 60,000 images takes in it (forward, gradient of the input,
 * gradients of the weights), and the fraction of the cores' multiply-add peak, measured in the same
 * process. All images lie in blocks, as between layers. The best of many runs counts. */
#include <stdio.h>
#include <stdlib.h>

#include "ae/ae.h"
#include "base/mem.h"
#include "base/size.h"
#include "common.h"
#include "kernels/conv.h"
#include "kernels/images.h"
#include "peak.h"

enum { RUNS = 15, EPOCH = 60000 };

typedef struct work {
    const char *name;
    ae__conv conv;
} work;

static const work works[] = {
    {"conv16 28x28x1", {28, 28, 1, 28, 28, 16, 3, 3, 1, 1, 1, 1}},
    {"conv8  14x14x16", {14, 14, 16, 14, 14, 8, 3, 3, 1, 1, 1, 1}},
    {"conv8  7x7x8", {7, 7, 8, 7, 7, 8, 3, 3, 1, 1, 1, 1}},
    {"conv8  4x4x8", {4, 4, 8, 4, 4, 8, 3, 3, 1, 1, 1, 1}},
    {"conv8  8x8x8", {8, 8, 8, 8, 8, 8, 3, 3, 1, 1, 1, 1}},
    {"conv16 16x16x8", {16, 16, 8, 14, 14, 16, 3, 3, 1, 1, 0, 0}},
    {"conv1  28x28x16", {28, 28, 16, 28, 28, 1, 3, 3, 1, 1, 1, 1}},
    {"conv64 14x14x32", {14, 14, 32, 14, 14, 64, 3, 3, 1, 1, 1, 1}},
    {"conv128 8x8x64", {8, 8, 64, 8, 8, 128, 3, 3, 1, 1, 1, 1}},
    {"conv64/2 28x28x32", {28, 28, 32, 14, 14, 64, 3, 3, 2, 2, 0, 0}},
};

enum { W4_LAYERS = 7, PASSES = 3 };

/* A layer's arrays. */
typedef struct layer {
    const ae__conv *conv;
    size_t rows, x_size, y_size;
    real *x, *y, *dx, *dy, *w, *dw, *b, *db, *scratch;
    const ae__engine *engine;
} layer;

static real *drawn(size_t n)
{
    real *x = aligned_alloc(64, ae__round_up(n * sizeof(real), 64));
    if (!x) fail("out of memory");
    for (size_t i = 0; i < n; i++) x[i] = (real)((double)rand() / RAND_MAX - 0.5);
    return x;
}

static layer layer_of(const ae__conv *c, size_t rows, const ae__engine *engine)
{
    layer l = {.conv = c, .rows = rows, .x_size = ae__conv_x_size(c), .y_size = ae__conv_y_size(c)};
    const size_t all = ae__round_up(rows, engine->kernels->lanes), w = ae__conv_weights(c);
    size_t pass, gradient;
    if (!ae__conv_scratch(c, true, true, engine, &pass) ||
        !ae__conv_gradient_scratch(c, rows, true, true, engine, &gradient))
        fail("too large");
    l.engine = engine;
    l.x = drawn(all * l.x_size);
    l.dx = drawn(all * l.x_size);
    l.y = drawn(all * l.y_size);
    l.dy = drawn(all * l.y_size);
    l.w = drawn(w);
    l.dw = drawn(w);
    l.b = drawn(c->y_c);
    l.db = drawn(c->y_c);
    l.scratch = drawn(ae__max_size(pass, gradient) / sizeof(real));
    return l;
}

static void layer_free(layer *l)
{
    real *const arrays[] = {l->x, l->y, l->dx, l->dy, l->w, l->dw, l->b, l->db, l->scratch};
    for (size_t i = 0; i < sizeof arrays / sizeof *arrays; i++) free(arrays[i]);
}

static void forward(const layer *l)
{
    const ae__epilogue e = {.bias = l->b, .act = AE_ACT_RELU};
    ae__conv_forward(&(ae__conv_pass){.conv = l->conv,
                                      .rows = l->rows,
                                      .in = {l->x, l->x_size, true},
                                      .out = l->y,
                                      .out_row = l->y_size,
                                      .out_blocked = true,
                                      .w = l->w,
                                      .epilogue = &e,
                                      .scratch = l->scratch},
                     l->engine);
}

static void input_gradient(const layer *l)
{
    const ae__epilogue e = {.prev = l->x, .prev_ld = l->x_size, .prev_act = AE_ACT_RELU};
    ae__conv_adjoint(&(ae__conv_pass){.conv = l->conv,
                                      .rows = l->rows,
                                      .in = {l->dy, l->y_size, true},
                                      .out = l->dx,
                                      .out_row = l->x_size,
                                      .out_blocked = true,
                                      .w = l->w,
                                      .epilogue = &e,
                                      .scratch = l->scratch},
                     l->engine);
}

static void weight_gradient(const layer *l)
{
    ae__conv_gradient_run(&(ae__conv_gradient){.conv = l->conv,
                                               .rows = l->rows,
                                               .x = {l->x, l->x_size, true},
                                               .dy = {l->dy, l->y_size, true},
                                               .dw = l->dw,
                                               .y_sums = l->db,
                                               .scratch = l->scratch},
                          l->engine);
}

static void (*const passes[PASSES])(const layer *l) = {forward, input_gradient, weight_gradient};

static double best_of(void (*pass)(const layer *l), const layer *l)
{
    double best = 1e9;
    for (int run = 0; run < RUNS; run++) {
        const double start = seconds_now();
        pass(l);
        const double time = seconds_now() - start;
        if (time < best) best = time;
    }
    return best;
}

/* What lies between the convolutions: pooling and upsampling, forward and backward. */
typedef struct between {
    const char *name;
    size_t channels;
    ae__pooling pooling; /* or: */
    ae__upsampling upsampling;
} between;

static const between betweens[] = {
    {"pool 28x28x16", 16, {28, 28, 14, 14, 2, 2, 2, 2, 0, 0, false}, {0}},
    {"pool 14x14x8", 8, {14, 14, 7, 7, 2, 2, 2, 2, 0, 0, false}, {0}},
    {"pool 7x7x8", 8, {7, 7, 4, 4, 2, 2, 2, 2, 0, 0, false}, {0}},
    {"up 4x4x8", 8, {0}, {4, 4, 2, 2, false}},
    {"up 8x8x8", 8, {0}, {8, 8, 2, 2, false}},
    {"up 14x14x16", 16, {0}, {14, 14, 2, 2, false}},
    {"up 14x14x16, bilinear", 16, {0}, {14, 14, 2, 2, true}},
};
enum { BETWEENS = sizeof betweens / sizeof *betweens, W4_BETWEENS = 6 };

static double between_time(const between *b, const ae__image_pass *pass, bool back,
                           const ae__engine *engine)
{
    double best = 1e9;
    for (int run = 0; run < RUNS; run++) {
        const double start = seconds_now();
        if (b->pooling.x_h)
            (back ? ae__pooling_backward : ae__pooling_forward)(&b->pooling, pass, engine);
        else
            (back ? ae__upsampling_backward : ae__upsampling_forward)(&b->upsampling, pass, engine);
        const double time = seconds_now() - start;
        if (time < best) best = time;
    }
    return best * EPOCH / (double)pass->rows;
}

static double measure_between(const between *b, size_t rows, const ae__engine *engine)
{
    const ae__pooling *p = &b->pooling;
    const ae__upsampling *u = &b->upsampling;
    const size_t x = (p->x_h * p->x_w + u->x_h * u->x_w) * b->channels;
    const size_t y = (p->y_h * p->y_w + u->x_h * u->factor_h * u->x_w * u->factor_w) * b->channels;
    const size_t all = ae__round_up(rows, engine->kernels->lanes);
    real *arrays[] = {drawn(all * x), drawn(all * y), drawn(all * x), drawn(all * y)};
    const ae__image_pass pass = {.rows = rows,
                                 .channels = b->channels,
                                 .blocked = true,
                                 .x_row = x,
                                 .y_row = y,
                                 .x = arrays[0],
                                 .y = arrays[1],
                                 .dx = arrays[2],
                                 .dy = arrays[3],
                                 .act = AE_ACT_RELU};
    const double forward = between_time(b, &pass, false, engine);
    const double backward = between_time(b, &pass, true, engine);
    printf("%-24s%7.4f s         %7.4f s\n", b->name, forward, backward);
    for (size_t i = 0; i < sizeof arrays / sizeof *arrays; i++) free(arrays[i]);
    return forward + backward;
}

int main(int argc, char **argv)
{
    const int32_t threads = argc > 1 ? atoi(argv[1]) : 1;
    const size_t rows = argc > 2 ? (size_t)atoi(argv[2]) : 128;
    ae__engine engine = {ae__kernels_at(AE_CPU_AUTO), NULL, AE_GEMM_AUTO};
    if (ae__pool_create(&engine.pool, &ae__mem_default, threads) != AE_OK) fail("no threads");
    const double peak = peak_gflops() * threads;
    double total[PASSES] = {0};
    printf("%s, %d threads, %zu images, peak %.0f GFLOP/s\n", engine.kernels->name, (int)threads,
           rows, peak);
    for (size_t i = 0; i < sizeof works / sizeof *works; i++) {
        const ae__conv *c = &works[i].conv;
        const double flops = 2.0 * (double)(ae__conv_weights(c) * c->y_h * c->y_w) * EPOCH;
        layer l = layer_of(c, rows, &engine);
        printf("%-20s", works[i].name);
        for (size_t pass = 0; pass < PASSES; pass++) {
            const double time = best_of(passes[pass], &l) * EPOCH / (double)rows;
            if (i < W4_LAYERS && (i > 0 || pass != 1)) total[pass] += time;
            printf("    %7.4f s %3.0f %%", time, 100 * flops / time / 1e9 / peak);
        }
        printf("\n");
        layer_free(&l);
    }
    double rest = 0;
    for (size_t i = 0; i < BETWEENS; i++) {
        const double time = measure_between(betweens + i, rows, &engine);
        if (i < W4_BETWEENS) rest += time;
    }
    printf("W4: forward %.3f, input %.3f, weights %.3f, between %.3f, in all %.3f s\n", total[0],
           total[1], total[2], rest, total[0] + total[1] + total[2] + rest);
    ae__pool_free(engine.pool);
    return 0;
}
