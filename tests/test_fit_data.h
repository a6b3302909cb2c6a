/* What the tests of training on views share: fits, whole and cancelled, and refusals. */
#ifndef TEST_FIT_DATA_H
#define TEST_FIT_DATA_H

#include "test_fit.h"

/* Trains until there are so many epochs. */
static inline int32_t fit_to(ae_model *model, const ae_data *data, int64_t epochs)
{
    ae_fit_options *options = options_to(epochs);
    int32_t status = ae_fit_data(model, data, options);
    ae_fit_options_free(options);
    return status;
}

static inline void fit_up_to_event(ae_model *model, const ae_data *data, int64_t epochs, int at)
{
    interruption i = {.at = at};
    ae_fit_options *options = options_to(epochs);
    must(ae_fit_options_progress(options, interrupt, &i));
    assert_int_equal(ae_fit_data(model, data, options), AE_ERR_CANCELLED);
    ae_fit_options_free(options);
}

/* Cancelled at that event, saved, loaded and gone on with, a fit ends with the bytes of `want`, which was
 * let be. Frees the model. */
static inline void check_interrupted(ae_model *model, const ae_model *want, const ae_data *data,
                                     int at)
{
    fit_up_to_event(model, data, ae_model_epochs(want), at);
    model = reloaded(model);
    must(fit_to(model, data, ae_model_epochs(want)));
    if (!same_models(model, want)) fail_msg("after %d events", at);
    ae_model_free(model);
}

static inline void assert_refused(int32_t got, int32_t want, const char *says)
{
    if (got != want || !strstr(ae_last_error(), says))
        fail_msg("%s: \"%s\", wanted \"%s\"", ae_status_text(got), ae_last_error(), says);
}

#endif
