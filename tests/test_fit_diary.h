/* Fits of the small model, and what they tell, written down. */
#ifndef TEST_FIT_DIARY_H
#define TEST_FIT_DIARY_H

#include "test_fit_small.h"

/* A small model that has done so many epochs on x. */
static inline ae_model *trained(int64_t epochs)
{
    ae_model *model = recipe_model(&small);
    train_to(model, x, N, epochs);
    return model;
}

/* Frees both, which must have been the same. */
static inline void assert_same_models(ae_model *got, ae_model *want)
{
    bool same = same_models(got, want);
    ae_model_free(got);
    ae_model_free(want);
    assert_true(same);
}

enum { EPOCHS = 3, EVENTS = EPOCHS * (STEPS + 1) };

/* All that a fit tells. */
typedef struct diary {
    ae_event events[EVENTS];
    int count;
    int cancel_at; /* the event that is answered with 1 */
} diary;

static inline int32_t note_event(const ae_event *event, void *user)
{
    diary *d = user;
    assert_true(d->count < EVENTS);
    assert_int_equal(event->size, sizeof *event);
    d->events[d->count++] = *event;
    return d->count == d->cancel_at;
}

static inline void fit_noting(ae_model *model, diary *d, int32_t want)
{
    ae_fit_options *options = options_to(EPOCHS);
    must(ae_fit_options_validation(options, x, NULL, N / 2));
    must(ae_fit_options_progress(options, note_event, d));
    assert_int_equal(ae_fit(model, x, NULL, N, options), want);
    ae_fit_options_free(options);
}

#endif
