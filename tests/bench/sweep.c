/* Training steps of one shape: with the library's own product, with a CBLAS' in its place, and by a plain
 * program that calls the CBLAS (plain.c). Printed as a line of JSON:
 *
 *     sweep --batch B --width W --depth D [--threads T] [--rounds N] [--milliseconds N]
 *
 * D hidden layers of W units, relu, between input and output of W, sigmoid; BCE, Adam. All three take
 * turns in one process, both products on one model, --rounds times (at least twice, then until LONGEST is over), and of
 * each the fastest round counts: what else the machine does only adds. One thread is timed by its own
 * processor time. Time between epochs is no part of a step.
 *
 * No number is 0, nor any derivative: rows lie in (0, 1], weights in (0, 2 / W], so that relu passes all on
 * and the mean stays what it was; the learning rate is 0, and weights stay, too. gflops counts the
 * multiply-adds of the products. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "common.h"
#include "peak.h"
#include "plain.h"

enum { DATA_BYTES = 4 << 20, MOST_STEPS = 1 << 20 };
#define LONGEST 8.0 /* seconds for a shape's rounds, from the third on */

typedef struct shape {
    int64_t batch, width, depth, threads;
} shape;

/* One fit: its first step warms up. */
typedef struct measurement {
    bool alone; /* one thread: processor time */
    int64_t done, steps;
    double since, seconds;
} measurement;

static double now(const measurement *m)
{
    return m->alone ? (double)clock() / CLOCKS_PER_SEC : seconds_now();
}

static int32_t note_step(const ae_event *event, void *user)
{
    measurement *m = user;
    if (event->kind == AE_EVENT_BATCH) m->done++;
    const bool over = m->done == m->steps;
    if (event->kind == AE_EVENT_EPOCH || m->done == 0)
        m->since = now(m);
    else if (over || event->step == event->steps)
        m->seconds += now(m) - m->since;
    return over;
}

/* A number in (0, 1]. */
static float drawn(rng *r)
{
    return (float)((rng_next(r) >> 40) + 1) / (1 << 24);
}

/* Of all layers. */
static float *draw_kernel(const shape *s, rng *r)
{
    const size_t count = (size_t)(s->width * s->width);
    float *kernel = allocate(count, sizeof *kernel);
    for (size_t i = 0; i < count; i++) kernel[i] = drawn(r) * 2 / (float)s->width;
    return kernel;
}

static ae_model *make_model(const shape *s, const float *kernel)
{
    ae_config *config;
    ae_model *model;
    must(ae_config_create(&config));
    ae_config_input(config, s->width);
    for (int64_t i = 0; i < s->depth; i++) ae_config_dense(config, s->width, AE_ACT_RELU);
    ae_config_code(config);
    ae_config_dense(config, s->width, AE_ACT_SIGMOID);
    ae_config_loss(config, AE_LOSS_BCE);
    ae_config_optimizer(config, AE_OPTIM_ADAM);
    ae_config_set_f64(config, AE_PARAM_LEARNING_RATE, 0);
    ae_config_set_i64(config, AE_PARAM_BATCH, s->batch);
    ae_config_set_i64(config, AE_PARAM_THREADS, s->threads);
    ae_config_set_i64(config, AE_PARAM_MEMORY, INT64_C(1) << 36);
    must(ae_model_create(&model, config));
    ae_config_free(config);
    for (int32_t layer = 0; layer <= s->depth; layer++)
        must(ae_model_weights_set(model, layer, "kernel", kernel, (size_t)(s->width * s->width)));
    return model;
}

/* Rows of so many batches that they stay near. */
static int64_t data_rows(const shape *s)
{
    const int64_t batches = DATA_BYTES / (s->batch * s->width * (int64_t)sizeof(float));
    return (batches > 0 ? batches : 1) * s->batch;
}

/* Seconds a step. */
static double measure(ae_model *model, const shape *s, const float *rows, int32_t gemm,
                      int64_t steps)
{
    measurement m = {.alone = s->threads == 1, .done = -1, .steps = steps};
    const int64_t epochs = (steps + 1) * s->batch / data_rows(s) + 1;
    ae_fit_options *options;
    must(ae_model_set_i64(model, AE_PARAM_GEMM, gemm));
    must(ae_fit_options_create(&options));
    ae_fit_options_set_i64(options, AE_FIT_EPOCHS, ae_model_epochs(model) + epochs);
    ae_fit_options_set_i64(options, AE_FIT_ANEW, 1);
    ae_fit_options_progress(options, note_step, &m);
    const int32_t status = ae_fit(model, rows, NULL, data_rows(s), options);
    if (status != AE_ERR_CANCELLED) must(status);
    ae_fit_options_free(options);
    return m.seconds / (double)steps;
}

static double measure_plain(plain *p, const shape *s, const float *rows, rng *r, int64_t steps)
{
    const measurement m = {.alone = s->threads == 1};
    const int64_t n = data_rows(s), batches = n / s->batch;
    int64_t *order = allocate((size_t)n, sizeof *order);
    for (int64_t i = 0; i < n; i++) order[i] = i;
    for (int64_t i = n - 1; i > 0; i--) {
        const int64_t j = (int64_t)(rng_next(r) % (uint64_t)(i + 1)), kept = order[i];
        order[i] = order[j];
        order[j] = kept;
    }
    plain_step(p, rows, order); /* warms up */
    const double start = now(&m);
    for (int64_t i = 0; i < steps; i++) plain_step(p, rows, order + i % batches * s->batch);
    const double seconds = now(&m) - start;
    free(order);
    return seconds / (double)steps;
}

static double lesser(double a, double b)
{
    return a < b ? a : b;
}

/* Steps that take about so many seconds. */
static int64_t count_steps(ae_model *model, const shape *s, const float *rows, double seconds)
{
    double step = 0;
    int64_t steps = 1;
    for (; steps < MOST_STEPS; steps *= 4) {
        step = measure(model, s, rows, AE_GEMM_BUILTIN, steps);
        if (step * (double)steps > seconds / 8) break;
    }
    const double wanted = seconds / step;
    return wanted < 1 ? 1 : wanted < MOST_STEPS ? (int64_t)wanted : MOST_STEPS;
}

/* "avx2": what the model runs on, the best level that it takes. */
static const char *kernels_of(ae_model *model)
{
    static const char *const names[] = {"portable", "avx2", "avx512", "neon"};
    int32_t level = AE_CPU_NEON;
    while (level > 0 && ae_model_set_i64(model, AE_PARAM_CPU, level)) level--;
    return names[level];
}

int main(int argc, char **argv)
{
    settings common = {.epochs = 1, .batch = 256, .threads = 1, .out = "."};
    int64_t width = 256, depth = 1, rounds = 5, milliseconds = 50;
    const option own[] = {
        {"--width", "W", "of all layers", .number = &width, .minimum = 1, .maximum = 65536},
        {"--depth", "D", "hidden layers", .number = &depth, .minimum = 1, .maximum = 64},
        {"--rounds", "N", "most turns", .number = &rounds, .minimum = 2, .maximum = 1000},
        {"--milliseconds", "N", "of a turn", .number = &milliseconds, .minimum = 1,
         .maximum = 60000},
        {0}};
    options_parse(&common, "Times training steps of one shape, with two products.", own, argc,
                  argv);
    const shape s = {common.batch, width, depth, common.threads};
    const size_t numbers = (size_t)(data_rows(&s) * width);
    rng r = {(uint64_t)common.seed};
    float *rows = allocate(numbers, sizeof *rows), *kernel = draw_kernel(&s, &r);
    for (size_t i = 0; i < numbers; i++) rows[i] = drawn(&r);
    ae_model *model = make_model(&s, kernel);
    plain *program = plain_create(s.batch, s.width, s.depth, kernel);

    const int64_t steps = count_steps(model, &s, rows, (double)milliseconds / 1000);
    double ours = HUGE_VAL, theirs = HUGE_VAL, plainly = HUGE_VAL;
    int64_t round = 0;
    for (const double start = seconds_now(); round < rounds; round++) {
        if (round >= 2 && seconds_now() - start > LONGEST) break;
        ours = lesser(ours, measure(model, &s, rows, AE_GEMM_BUILTIN, steps));
        theirs = lesser(theirs, measure(model, &s, rows, AE_GEMM_CBLAS, steps));
        plainly = lesser(plainly, measure_plain(program, &s, rows, &r, steps));
    }
    const double flops = 2.0 * (double)(s.batch * width * width) * (double)(3 * (depth + 1) - 1);
    printf("{\"peer\":\"libae-%s\",\"work\":\"sweep\",\"batch\":%d,\"width\":%d,\"depth\":%d,"
           "\"threads\":%d,\"steps\":%d,\"rounds\":%d,\"step_s\":%.4g,\"cblas_step_s\":%.4g,"
           "\"plain_step_s\":%.4g,\"ratio\":%.3f,\"plain_ratio\":%.3f,\"gflops\":%.2f,\"cblas_"
           "gflops\":%.2f,\"fma_gflops\":%.1f,"
           "\"kernels\":\"%s\"}\n",
           ae_version_text(), (int)s.batch, (int)width, (int)depth, (int)s.threads, (int)steps,
           (int)round, ours, theirs, plainly, ours / theirs, ours / plainly, flops / ours / 1e9,
           flops / theirs / 1e9, peak_gflops() * (double)s.threads, kernels_of(model));
    ae_model_free(model);
    plain_free(program);
    free(kernel);
    free(rows);
    return 0;
}
