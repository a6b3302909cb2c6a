/* Finds faults in a signal: a convolutional autoencoder that has heard a machine run well for a while
 * reconstructs what it does not know badly. The signal is a few harmonics of a speed that wanders,
 * with noise on it; then every other window has a fault, of five kinds in turn. The threshold is the
 * score that 99 of 100 windows without a fault stay under.
 *
 *     signal --out DIR
 *
 * writes faults.png (the first ten of these windows: signal and reconstruction, score and
 * threshold), loss.png and signal.aem. */
#include "common.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

enum { LENGTH = 128 /* samples of a window */, CODE = 8 };
enum { TRAIN = 8000, HELD = 2000, TEST = 4000, SHOWN = 10 /* windows */ };

enum { SPIKE, DROPOUT, FREQUENCY, PHASE, AMPLITUDE, NO_FAULT, N_KINDS };

static const char *const kind_names[N_KINDS] = {"spike",      "dropout",   "frequency",
                                                "phase jump", "amplitude", "no fault"};

/* What makes the signal: harmonics of a phase, turned on by a speed in radians a sample. */
typedef struct machine {
    double phase, speed, gain;
    rng draws;
} machine;

/* A value's way back to its mean, with a push at random. */
static double wander(double value, double mean, double push, rng *draws)
{
    return value + 0.1 * (mean - value) + push * mean * rng_normal(draws);
}

static double sample(const machine *m, double gain)
{
    return gain * (sin(m->phase) + 0.6 * sin(2.0 * m->phase + 1.0) + 0.3 * sin(5.0 * m->phase));
}

/* The machine's next LENGTH samples; a fault begins at some place in their middle. */
static void draw_window(machine *m, int32_t fault, float *window)
{
    m->speed = wander(m->speed, 0.16, 0.02, &m->draws);
    m->gain = wander(m->gain, 1.0, 0.02, &m->draws);
    const int32_t begin = rng_between(&m->draws, LENGTH / 4, LENGTH * 5 / 8);
    const double strength = rng_unit(&m->draws), sign = rng_unit(&m->draws) < 0.5 ? -1.0 : 1.0;
    const int32_t end = begin + 8 + (int32_t)(16.0 * strength); /* of a dropout */
    double speed = m->speed, gain = m->gain;

    for (int32_t i = 0; i < LENGTH; i++) {
        if (i == begin && fault == FREQUENCY) speed *= pow(1.25 + 0.5 * strength, sign);
        if (i == begin && fault == PHASE) m->phase += sign * (0.6 + strength);
        if (i == begin && fault == AMPLITUDE) gain *= pow(1.4 + 0.5 * strength, sign);
        const bool lost = fault == DROPOUT && i >= begin && i < end;
        double value = lost ? 0.0 : sample(m, gain);
        if (i == begin && fault == SPIKE) value += sign * (0.8 + strength);
        window[i] = (float)(value + 0.05 * rng_normal(&m->draws));
        m->phase += speed;
    }
}

/* Of the windows that are tested. */
static int32_t kind_of(int64_t window)
{
    return window % 2 != 0 ? (int32_t)(window / 2 % NO_FAULT) : NO_FAULT;
}

/* Windows that follow each other; to be freed. */
static float *draw_windows(machine *m, int64_t count, bool faulty)
{
    float *x = allocate((size_t)count * LENGTH, sizeof *x);

    for (int64_t i = 0; i < count; i++)
        draw_window(m, faulty ? kind_of(i) : NO_FAULT, x + i * LENGTH);
    return x;
}

/* Convolutions see what is near, pooling halves the length; the code is of the whole window, too
 * narrow to pass on anything but what windows have in common. */
static void add_layers(ae_config *config)
{
    ae_config_input_signal(config, LENGTH, 1);
    ae_config_conv1d(config, 16, 7, AE_PADDING_SAME, AE_ACT_RELU);
    ae_config_pool1d(config, AE_POOL_MAX, 2, AE_PADDING_SAME);
    ae_config_conv1d(config, 32, 5, AE_PADDING_SAME, AE_ACT_RELU);
    ae_config_pool1d(config, AE_POOL_MAX, 2, AE_PADDING_SAME);
    ae_config_flatten(config);
    ae_config_dense(config, CODE, AE_ACT_LINEAR);
    ae_config_code(config);
    ae_config_dense(config, LENGTH / 4 * 32, AE_ACT_RELU);
    ae_config_reshape_signal(config, LENGTH / 4, 32);
    ae_config_conv1d_transpose(config, 32, 5, 2, AE_PADDING_SAME, AE_ACT_RELU);
    ae_config_conv1d_transpose(config, 16, 7, 2, AE_PADDING_SAME, AE_ACT_RELU);
    ae_config_conv1d(config, 1, 7, AE_PADDING_SAME, AE_ACT_LINEAR);
}

static ae_model *create_model(const settings *s)
{
    ae_config *config;
    ae_model *model;

    must(ae_config_create(&config));
    add_layers(config);
    ae_config_loss(config, AE_LOSS_MSE);
    ae_config_set_f64(config, AE_PARAM_LEARNING_RATE, 0.003);
    ae_config_set_i64(config, AE_PARAM_BATCH, s->batch);
    ae_config_set_i64(config, AE_PARAM_SEED, s->seed);
    ae_config_set_i64(config, AE_PARAM_THREADS, s->threads);
    ae_config_set_i64(config, AE_PARAM_SCHEDULE, AE_SCHEDULE_COSINE);
    ae_config_set_i64(config, AE_PARAM_SCHEDULE_STEPS, s->epochs * (TRAIN / s->batch + 1));
    must(ae_model_create(&model, config)); /* reports the first mistake made above, too */
    ae_config_free(config);
    return model;
}

/* Trains on windows without a fault; returns the seconds that took. */
static double train_model(ae_model *model, const float *train, const float *held, const settings *s)
{
    progress shown;
    ae_fit_options *options = progress_options(&shown, s);

    must(ae_fit_options_validation(options, held, NULL, HELD));
    must(ae_fit(model, train, NULL, TRAIN, options));
    return progress_end(&shown, options);
}

static int by_value(const void *a, const void *b)
{
    const float x = *(const float *)a, y = *(const float *)b;
    return (x > y) - (x < y);
}

/* The score that 99 of 100 windows held out stay under. */
static double threshold_of(ae_model *model, const float *held)
{
    float scores[HELD];

    must(ae_score(model, held, HELD, scores, HELD));
    qsort(scores, HELD, sizeof *scores, by_value);
    return (double)scores[HELD * 99 / 100];
}

/* Of the windows of each kind, the share above the threshold; returns that of all that are faulty. */
static double share_detected(const float *scores, double threshold, double *shares)
{
    double counts[N_KINDS] = {0}, detected = 0.0;

    for (int64_t i = 0; i < TEST; i++) {
        counts[kind_of(i)] += 1.0;
        shares[kind_of(i)] += (double)scores[i] > threshold;
    }
    for (int32_t kind = 0; kind < NO_FAULT; kind++) detected += shares[kind] / (TEST / 2);
    for (int32_t kind = 0; kind < N_KINDS; kind++) shares[kind] /= counts[kind];
    return detected;
}

/* How well scores tell the faulty windows: the area under the ROC curve. */
static double area_of(const float *scores)
{
    const anomalies a = {.test = {.rows = TEST}, .n_normal = TEST / 2};
    float sorted[TEST];

    for (int32_t i = 0; i < TEST; i++) sorted[i % 2 * TEST / 2 + i / 2] = scores[i];
    return anomalies_auc(&a, sorted);
}

/* The first windows, above their scores. */
static void draw_faults(ae_model *model, const float *x, const float *scores, double threshold,
                        const char *path)
{
    enum { COUNT = SHOWN * LENGTH };
    static float out[COUNT];
    static double signal[COUNT], reconstruction[COUNT], score[COUNT], limit[COUNT];
    const curve above[] = {{"signal", signal, COUNT}, {"reconstruction", reconstruction, COUNT}};
    const curve below[] = {{"score", score, COUNT}, {"threshold", limit, COUNT}};
    const panel panels[] = {{"ten windows of 128", above, 2}, {"log10 of the score", below, 2}};

    must(ae_reconstruct(model, x, SHOWN, out, COUNT));
    for (int32_t i = 0; i < COUNT; i++) {
        signal[i] = (double)x[i];
        reconstruction[i] = (double)out[i];
        score[i] = log10((double)scores[i / LENGTH]);
        limit[i] = log10(threshold);
    }
    charts_write(path, "samples", panels, 2);
}

int main(int argc, char **argv)
{
    settings s = {.out = ".", .epochs = 30, .batch = 64, .threads = 1};
    double shares[N_KINDS] = {0};
    float scores[TEST];

    options_parse(&s, "Finds faults in a signal that it draws itself.", NULL, argc, argv);
    make_folder(s.out);

    machine m = {.speed = 0.16, .gain = 1.0, .draws = {(uint64_t)s.seed}};
    float *train = draw_windows(&m, TRAIN, false), *held = draw_windows(&m, HELD, false);
    float *test = draw_windows(&m, TEST, true);
    ae_model *model = create_model(&s);
    const double seconds = train_model(model, train, held, &s);

    const double threshold = threshold_of(model, held);
    must(ae_score(model, test, TEST, scores, TEST));
    const double detected = share_detected(scores, threshold, shares);
    for (int32_t kind = 0; kind < N_KINDS && !s.quiet; kind++)
        printf("%-10s %5.1f %% of windows above the threshold\n", kind_names[kind],
               100.0 * shares[kind]);

    draw_faults(model, test, scores, threshold, path_in(s.out, "faults.png").text);
    report_chart(model, path_in(s.out, "loss.png").text);
    must(ae_model_save(model, path_in(s.out, "signal.aem").text));
    const result results[] = {{"detected", detected, 4},
                              {"false_alarms", shares[NO_FAULT], 4},
                              {"auc", area_of(scores), 4},
                              {0}};
    report_line(model, seconds, results);

    free(train);
    free(held);
    free(test);
    ae_model_free(model);
    return 0;
}
