/* What a model has learned: its history as a chart and as the last line that a program prints, and
 * what it makes of images. */
#include "common.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

/* A metric's value for each epoch; to be freed. */
static double *history_of(const ae_model *model, int32_t metric, size_t *count)
{
    must(ae_model_history(model, metric, NULL, 0, count));
    double *values = allocate(*count + 1, sizeof *values);
    must(ae_model_history(model, metric, values, *count, count));
    return values;
}

double report_last(const ae_model *model, int32_t metric)
{
    size_t count;
    double *values = history_of(model, metric, &count);
    const double last = count ? values[count - 1] : NAN;

    free(values);
    return last;
}

void report_chart(const ae_model *model, const char *path)
{
    size_t count;
    double *loss = history_of(model, AE_METRIC_LOSS, &count);
    double *val_loss = history_of(model, AE_METRIC_VAL_LOSS, &count);
    const curve curves[] = {{"loss", loss, count}, {"val_loss", val_loss, count}};

    chart_write(path, "epoch", "loss", curves, 2);
    free(loss);
    free(val_loss);
}

void report_outputs(ae_model *model, const images *set, const char *path)
{
    const images first = images_first(set, 10);
    const size_t count = (size_t)(first.rows * images_dim(&first));
    float *out = allocate(count, sizeof *out);
    ae_data *view = images_view(&first);

    must(ae_reconstruct_data(model, view, out, count));
    comparison_write(path, &first, out);
    ae_data_free(view);
    free(out);
}

void report_line(const ae_model *model, double seconds, const result *own)
{
    printf("loss=%.4f val_loss=%.4f", report_last(model, AE_METRIC_LOSS),
           report_last(model, AE_METRIC_VAL_LOSS));
    printf(" epochs=%lld seconds=%.1f", (long long)ae_model_epochs(model), seconds);
    for (; own != NULL && own->key != NULL; own++)
        printf(" %s=%.*f", own->key, own->decimals, own->value);
    printf("\n");
}
