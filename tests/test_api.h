/* What the tests through ae.h share: calls that must succeed, and a small model with data for it. */
#ifndef TEST_API_H
#define TEST_API_H

#include "ae/ae.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "near.h"

#define must(call)                                                                                 \
    do {                                                                                           \
        if ((call) != AE_OK) fail_msg("%s: %s", #call, ae_last_error());                           \
    } while (0)

/* 4 - 2 - 4: dense tanh | dense sigmoid, binary cross-entropy */
enum { ROWS = 3, INPUTS = 4, CODE = 2, CELLS = ROWS * INPUTS };

static const float x_rows[CELLS] = {0.25f, 0.5f, 0.75f, 1, 0, 0.125f, 0.5f, 1, 1, 0.5f, 0.25f, 0};

static inline ae_config *small_config(void)
{
    ae_config *config;
    must(ae_config_create(&config));
    must(ae_config_input(config, INPUTS));
    must(ae_config_dense(config, CODE, AE_ACT_TANH));
    must(ae_config_code(config));
    must(ae_config_dense(config, INPUTS, AE_ACT_SIGMOID));
    must(ae_config_loss(config, AE_LOSS_BCE));
    return config;
}

/* The model of a config, which is freed. */
static inline ae_model *model_of(ae_config *config)
{
    ae_model *model;
    must(ae_model_create(&model, config));
    ae_config_free(config);
    return model;
}

static inline ae_model *small_model(void)
{
    return model_of(small_config());
}

/* Trains on x_rows, x to x, until there are so many epochs. */
static inline int32_t fit_epochs(ae_model *model, int64_t epochs)
{
    ae_fit_options *options;
    must(ae_fit_options_create(&options));
    must(ae_fit_options_set_i64(options, AE_FIT_EPOCHS, epochs));
    int32_t status = ae_fit(model, x_rows, NULL, ROWS, options);
    ae_fit_options_free(options);
    return status;
}

#endif
