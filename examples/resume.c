/* Trains digits so that nothing is lost when it is killed: it writes checkpoints, and begins by looking
 * for one. Kill it at any moment, with SIGKILL or by pulling the plug, and start it again: it goes on
 * with the next step, and ends with the bytes of a run that nobody disturbed.
 *
 *     resume --out once                                          (to be left alone)
 *     resume --out twice & sleep 1; kill -KILL $!; resume --out twice
 *     cmp once/resume.aem twice/resume.aem
 *
 * The learning rate falls along a cosine, and training stops early where the validation loss no
 * longer does: both are part of the checkpoint. Writes resume.aem and loss.png. */
#define _POSIX_C_SOURCE 200809L

#include "common.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { BETWEEN = 100 /* steps from checkpoint to checkpoint */ };

static ae_model *create_model(const images *set, const settings *s)
{
    const int64_t steps = s->epochs * ((set->rows + s->batch - 1) / s->batch);
    ae_config *config;
    ae_model *model;

    must(ae_config_create(&config));
    ae_config_input(config, images_dim(set));
    ae_config_dense(config, 128, AE_ACT_RELU);
    ae_config_dense(config, 16, AE_ACT_LINEAR);
    ae_config_code(config);
    ae_config_dense(config, 128, AE_ACT_RELU);
    ae_config_dense(config, images_dim(set), AE_ACT_SIGMOID);
    ae_config_loss(config, AE_LOSS_BCE);
    ae_config_set_f64(config, AE_PARAM_LEARNING_RATE, 0.003);
    ae_config_set_i64(config, AE_PARAM_SCHEDULE, AE_SCHEDULE_COSINE);
    ae_config_set_i64(config, AE_PARAM_SCHEDULE_WARMUP, 50);
    ae_config_set_i64(config, AE_PARAM_SCHEDULE_STEPS, steps);
    ae_config_set_i64(config, AE_PARAM_BATCH, s->batch);
    ae_config_set_i64(config, AE_PARAM_SEED, s->seed);
    must(ae_model_create(&model, config));
    ae_config_free(config);
    return model;
}

/* The last checkpoint, or where there is none a new model. */
static ae_model *find_model(const char *checkpoint, const images *set, const settings *s)
{
    const bool there = access(checkpoint, F_OK) == 0;
    ae_model *model = there ? NULL : create_model(set, s);

    if (there) must(ae_model_load(&model, checkpoint));
    if (there && !s->quiet)
        printf("going on from %lld epochs, %lld steps\n", (long long)ae_model_epochs(model),
               (long long)ae_model_steps(model));
    must(ae_model_set_i64(model, AE_PARAM_THREADS, s->threads)); /* no part of a file */
    return model;
}

/* Returns the seconds that this run of the program took. */
static double train_model(ae_model *model, const ae_data *train, const ae_data *test,
                          const char *checkpoint, const settings *s)
{
    progress shown;
    ae_fit_options *options = progress_options(&shown, s);

    must(ae_fit_options_set_i64(options, AE_FIT_PATIENCE, 5));
    must(ae_fit_options_validation_data(options, test));
    must(ae_fit_options_checkpoint(options, checkpoint, 1, BETWEEN, 0.0));
    must(ae_fit_data(model, train, options)); /* the file is then the trained model */
    return progress_end(&shown, options);
}

int main(int argc, char **argv)
{
    settings s = {.out = ".", .epochs = 20, .batch = 64, .threads = 1};
    images train, test;

    options_parse(&s, "Trains on digits from checkpoint to checkpoint: kill it and run it again.",
                  NULL, argc, argv);
    images_load(&train, &test, s.data, s.seed);
    make_folder(s.out);

    const file_path checkpoint = path_in(s.out, "resume.aem");
    ae_model *model = find_model(checkpoint.text, &train, &s);
    ae_data *x_train = images_view(&train), *x_test = images_view(&test);
    const double seconds = train_model(model, x_train, x_test, checkpoint.text, &s);

    report_chart(model, path_in(s.out, "loss.png").text);
    const result results[] = {{"steps", (double)ae_model_steps(model), 0}, {0}};
    report_line(model, seconds, results);

    ae_data_free(x_train);
    ae_data_free(x_test);
    ae_model_free(model);
    images_free(&train);
    images_free(&test);
    return 0;
}
