/* Training progress in the lines that Keras made familiar. */
#define _POSIX_C_SOURCE 200809L

#include "common.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { BAR = 30 };

static const double redraw_seconds = 0.1;

/* " 17/235 [=>............................]" */
static void print_bar(const ae_event *e)
{
    char bar[BAR + 1], steps[32];
    const int64_t filled = e->step * BAR / e->steps;

    memset(bar, '.', BAR);
    memset(bar, '=', (size_t)filled);
    if (filled < BAR) bar[filled] = '>';
    bar[BAR] = '\0';
    const int width = snprintf(steps, sizeof steps, "%" PRId64, e->steps);
    printf("%*" PRId64 "/%s [%s]", width, e->step, steps, bar);
}

/* " - 2s 8ms/step": what the epoch took in all, and a step of it. */
static void print_time(const ae_event *e)
{
    const double each = e->seconds / (double)e->steps;

    printf(" - %.0fs ", e->seconds);
    if (each >= 1.0)
        printf("%.0fs/step", each);
    else if (each >= 1e-3)
        printf("%.0fms/step", each * 1e3);
    else
        printf("%.0fus/step", each * 1e6);
}

static void show_batch(progress *p, const ae_event *e)
{
    const double left = e->seconds / (double)e->step * (double)(e->steps - e->step);

    if (e->step == 0) return; /* the first batches of a step of several */
    if (e->step == 1) p->drawn = -redraw_seconds;
    if (!p->terminal || e->seconds - p->drawn < redraw_seconds) return;
    if (p->drawn < 0.0) printf("Epoch %" PRId64 "/%" PRId64 "\n", e->epoch, e->epochs);
    p->drawn = e->seconds;
    printf("\r");
    print_bar(e);
    printf(" - ETA: %.0fs - loss: %.4f", left, e->loss);
    fflush(stdout);
}

static void show_epoch(const progress *p, const ae_event *e)
{
    if (!p->terminal) printf("Epoch %" PRId64 "/%" PRId64 "\n", e->epoch, e->epochs);
    if (p->terminal) printf("\r");
    print_bar(e);
    print_time(e);
    printf(" - loss: %.4f", e->loss);
    if (!isnan(e->val_loss)) printf(" - val_loss: %.4f", e->val_loss);
    printf("\n");
    fflush(stdout);
}

static int32_t show(const ae_event *event, void *user)
{
    progress *p = user;

    if (p->quiet) return 0;
    if (event->kind == AE_EVENT_BATCH) show_batch(p, event);
    if (event->kind == AE_EVENT_EPOCH) show_epoch(p, event);
    return 0;
}

ae_fit_options *progress_options(progress *shown, const settings *s)
{
    ae_fit_options *options;

    *shown = (progress){.quiet = s->quiet, .terminal = isatty(STDOUT_FILENO) == 1};
    must(ae_fit_options_create(&options));
    must(ae_fit_options_set_i64(options, AE_FIT_EPOCHS, s->epochs));
    must(ae_fit_options_progress(options, show, shown));
    shown->start = seconds_now();
    return options;
}

double progress_end(const progress *shown, ae_fit_options *options)
{
    ae_fit_options_free(options);
    return seconds_now() - shown->start;
}

double fit_shown(ae_model *model, const ae_data *train, const ae_data *test, const settings *s)
{
    progress shown;
    ae_fit_options *options = progress_options(&shown, s);

    must(ae_fit_options_validation_data(options, test));
    must(ae_fit_data(model, train, options));
    return progress_end(&shown, options);
}
