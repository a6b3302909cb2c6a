/* Finds the rows of a table that do not belong: an autoencoder that has learned from normal rows
 * reconstructs others badly. Beside it stand rules without training; the simplest is the distance
 * of a row from the mean in standard deviations, and a model that does no better than that has
 * learned nothing of use.
 *
 *     anomaly --data /folder/with/tables --table vowels
 *     anomaly                                               (on a table that it draws itself) */
#include "common.h"

#include <stdio.h>
#include <stdlib.h>

static ae_model *create_model(int64_t dim, const settings *s)
{
    ae_config *config;
    ae_model *model;

    must(ae_config_create(&config));
    ae_config_input(config, dim);
    ae_config_dense(config, 64, AE_ACT_RELU);
    ae_config_dense(config, 32, AE_ACT_RELU);
    ae_config_dense(config, dim > 3 ? dim / 3 : 1, AE_ACT_LINEAR);
    ae_config_code(config); /* too narrow to pass on anything but what rows have in common */
    ae_config_dense(config, 32, AE_ACT_RELU);
    ae_config_dense(config, 64, AE_ACT_RELU);
    ae_config_dense(config, dim, AE_ACT_LINEAR);
    ae_config_loss(config, AE_LOSS_MSE);
    ae_config_set_i64(config, AE_PARAM_SCALING_INPUT, AE_SCALING_STANDARD);
    ae_config_set_i64(config, AE_PARAM_BATCH, s->batch);
    ae_config_set_i64(config, AE_PARAM_SEED, s->seed);
    ae_config_set_i64(config, AE_PARAM_THREADS, s->threads);
    must(ae_model_create(&model, config));
    ae_config_free(config);
    return model;
}

/* Validated on the normal rows of test; returns seconds. */
static double train_model(ae_model *model, const anomalies *a, const settings *s)
{
    progress shown;
    ae_fit_options *options = progress_options(&shown, s);

    must(ae_fit_options_validation(options, a->test.values, NULL, a->n_normal));
    must(ae_fit(model, a->train.values, NULL, a->train.rows, options));
    return progress_end(&shown, options);
}

static double auc_by_model(ae_model *model, const anomalies *a)
{
    float *scores = allocate((size_t)a->test.rows, sizeof *scores);

    must(ae_score(model, a->test.values, a->test.rows, scores, (size_t)a->test.rows));
    const double area = anomalies_auc(a, scores);
    free(scores);
    return area;
}

/* The rules without training want columns of one size, too. */
static void scale_as(const ae_model *model, anomalies *a)
{
    const size_t dim = (size_t)a->train.cols;
    double *offset = allocate(dim, sizeof *offset), *scale = allocate(dim, sizeof *scale);

    must(ae_model_scaling_get(model, AE_DATA_X, offset, scale, dim));
    anomalies_rescale(a, offset, scale);
    free(offset);
    free(scale);
}

int main(int argc, char **argv)
{
    settings s = {.out = ".", .epochs = 100, .batch = 32, .threads = 1};
    const char *name = "vowels";
    const option own[] = {
        {"--table", "NAME", "the table NAME-X.npy, NAME-y.npy of --data", .text = &name},
        {0},
    };
    anomalies a;

    options_parse(&s, "Finds anomalies in a table of .npy files, or in one drawn here.", own, argc,
                  argv);
    anomalies_load(&a, s.data, name, s.seed);
    make_folder(s.out);

    ae_model *model = create_model(a.train.cols, &s);
    const double seconds = train_model(model, &a, &s);
    report_chart(model, path_in(s.out, "loss.png").text);
    must(ae_model_save(model, path_in(s.out, "anomaly.aem").text));

    const double auc = auc_by_model(model, &a);
    scale_as(model, &a);
    const result results[] = {
        {"auc", auc, 4},
        {"auc_norm", auc_by_norm(&a), 4},
        {"auc_pca", auc_by_pca(&a, ae_model_code_dim(model)), 4},
        {"auc_knn", auc_by_neighbours(&a, 5), 4},
        {0},
    };
    if (!s.quiet)
        printf("areas under the ROC curve: %.4f by the model, %.4f by the norm alone\n",
               results[0].value, results[1].value);
    report_line(model, seconds, results);

    ae_model_free(model);
    anomalies_free(&a);
    return 0;
}
