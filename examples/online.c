/* Follows a signal that drifts. Two models are trained on its first rows; then one stays as it is,
 * while the other makes a step on every few rows that come, after it has scored them. Rows that do
 * not belong are hidden in the stream: both find them in the beginning, only one does in the end.
 *
 *     online --out DIR
 *
 * writes scores.png: the mean score of rows that belong, over the stream, and online.aem. */
#include "common.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { DIM = 12, HIDDEN = 3, FIRST = 4000, STREAM = 40000, WINDOW = 500, ODD = 40 /* one in */ };

/* A point of a curved space of HIDDEN dimensions in DIM, which turns while `share` goes from 0 to 1. */
typedef struct source {
    double from[HIDDEN][DIM], to[HIDDEN][DIM];
    rng draws;
} source;

static source source_of(int64_t seed)
{
    source s = {.draws = {(uint64_t)seed}};

    for (int32_t i = 0; i < HIDDEN * DIM; i++) {
        s.from[i / DIM][i % DIM] = rng_normal(&s.draws);
        s.to[i / DIM][i % DIM] = rng_normal(&s.draws);
    }
    return s;
}

static void draw_row(source *s, double share, float *row)
{
    const double angle = 1.5707963267948966 * share;
    double hidden[HIDDEN];

    for (int32_t h = 0; h < HIDDEN; h++) hidden[h] = 0.7 * rng_normal(&s->draws);
    for (int32_t j = 0; j < DIM; j++) {
        double sum = 0.0;
        for (int32_t h = 0; h < HIDDEN; h++)
            sum += hidden[h] * (cos(angle) * s->from[h][j] + sin(angle) * s->to[h][j]);
        row[j] = (float)(tanh(sum) + 0.02 * rng_normal(&s->draws));
    }
}

/* A row whose halves do not belong together. */
static void draw_odd_row(source *s, double share, float *row)
{
    float other[DIM];

    draw_row(s, share, row);
    draw_row(s, share, other);
    memcpy(row, other, DIM / 2 * sizeof *row);
}

static ae_model *create_model(const settings *s)
{
    ae_config *config;
    ae_model *model;

    must(ae_config_create(&config));
    ae_config_input(config, DIM);
    ae_config_dense(config, 32, AE_ACT_TANH);
    ae_config_dense(config, HIDDEN, AE_ACT_LINEAR);
    ae_config_code(config);
    ae_config_dense(config, 32, AE_ACT_TANH);
    ae_config_dense(config, DIM, AE_ACT_LINEAR);
    ae_config_loss(config, AE_LOSS_MSE);
    ae_config_set_f64(config, AE_PARAM_CLIP_NORM, 0.1); /* one wild row spoils little */
    ae_config_set_f64(config, AE_PARAM_LEARNING_RATE, 0.003);
    ae_config_set_i64(config, AE_PARAM_BATCH, s->batch);
    ae_config_set_i64(config, AE_PARAM_SEED, s->seed);
    ae_config_set_i64(config, AE_PARAM_THREADS, s->threads);
    must(ae_model_create(&model, config));
    ae_config_free(config);
    return model;
}

/* A model trained on the first rows, a tenth of them held out; returns the seconds that took. */
static double train_model(ae_model *model, const float *rows, const settings *s)
{
    progress shown;
    ae_fit_options *options = progress_options(&shown, s);

    must(ae_fit_options_set_f64(options, AE_FIT_SPLIT, 0.1));
    must(ae_fit(model, rows, NULL, FIRST, options));
    return progress_end(&shown, options);
}

/* What one model says of every row of the stream. */
typedef struct follower {
    ae_model *model;
    bool learns;
    float scores[STREAM];
    double means[STREAM / WINDOW]; /* of the rows that belong */
} follower;

static void follow(follower *f, const float *rows, int64_t batch)
{
    for (int64_t i = 0; i < STREAM; i += batch) {
        const int64_t count = i + batch <= STREAM ? batch : STREAM - i;
        must(ae_score(f->model, rows + i * DIM, count, f->scores + i, (size_t)count));
        if (f->learns) must(ae_fit_batch(f->model, rows + i * DIM, NULL, count, NULL));
    }
    for (int64_t w = 0; w < STREAM / WINDOW; w++) {
        double sum = 0.0, n = 0.0;
        for (int64_t i = w * WINDOW; i < (w + 1) * WINDOW; i++) {
            if (i % ODD == ODD - 1) continue;
            sum += (double)f->scores[i];
            n += 1.0;
        }
        f->means[w] = sum / n;
    }
}

/* How well scores tell the odd rows of the last quarter: the area under the ROC curve. */
static double late_auc(const follower *f)
{
    enum { BEGIN = STREAM / 4 * 3, COUNT = STREAM - BEGIN };
    const anomalies a = {.test = {.rows = COUNT}, .n_normal = COUNT - COUNT / ODD};
    float *sorted = allocate(COUNT, sizeof *sorted);
    int64_t normal = 0, odd = a.n_normal;

    for (int64_t i = BEGIN; i < STREAM; i++)
        sorted[i % ODD == ODD - 1 ? odd++ : normal++] = f->scores[i];
    const double area = anomalies_auc(&a, sorted);
    free(sorted);
    return area;
}

int main(int argc, char **argv)
{
    settings s = {.out = ".", .epochs = 30, .batch = 16, .threads = 1};

    options_parse(&s, "Learns from a stream of rows while it scores them.", NULL, argc, argv);
    make_folder(s.out);

    source drawn = source_of(s.seed);
    float *first = allocate((size_t)FIRST * DIM, sizeof *first);
    float *stream = allocate((size_t)STREAM * DIM, sizeof *stream);
    for (int64_t i = 0; i < FIRST; i++) draw_row(&drawn, 0.0, first + i * DIM);
    for (int64_t i = 0; i < STREAM; i++)
        (i % ODD == ODD - 1 ? draw_odd_row : draw_row)(&drawn, (double)i / STREAM,
                                                       stream + i * DIM);

    follower *frozen = allocate(1, sizeof *frozen), *online = allocate(1, sizeof *online);
    frozen->model = create_model(&s);
    const double seconds = train_model(frozen->model, first, &s);
    must(ae_model_save(frozen->model, path_in(s.out, "online.aem").text));
    must(ae_model_load(&online->model, path_in(s.out, "online.aem").text));
    must(ae_model_set_i64(online->model, AE_PARAM_THREADS, s.threads));
    online->learns = true;
    follow(frozen, stream, s.batch);
    follow(online, stream, s.batch);

    const curve curves[] = {{"as trained", frozen->means, STREAM / WINDOW},
                            {"online", online->means, STREAM / WINDOW}};
    chart_write(path_in(s.out, "scores.png").text, "windows of 500 rows", "score", curves, 2);
    must(ae_model_save(online->model, path_in(s.out, "online.aem").text));
    const result results[] = {{"score", online->means[STREAM / WINDOW - 1], 5},
                              {"score_frozen", frozen->means[STREAM / WINDOW - 1], 5},
                              {"auc", late_auc(online), 4},
                              {"auc_frozen", late_auc(frozen), 4},
                              {0}};
    report_line(online->model, seconds, results);

    ae_model_free(frozen->model);
    ae_model_free(online->model);
    free(frozen);
    free(online);
    free(first);
    free(stream);
    return 0;
}
