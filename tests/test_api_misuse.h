/* Calls as they must not be made: a code, a message that says what was wrong, and outputs untouched. */
#ifndef TEST_API_MISUSE_H
#define TEST_API_MISUSE_H

#include "test_api.h"

#include <stdio.h>

/* What the calls are given. */
static struct {
    ae_config *config;
    ae_model *model;  /* small_model */
    ae_model *coder;  /* 4 - 2, no decoder, no loss */
    ae_model *drawer; /* 4 - 2 drawn - 4, Bernoulli and KL */
    ae_model *teller; /* the same, told one of 3 classes before and after its code */
    ae_data *data;    /* x_rows */
    ae_data *told;    /* the same with classes */
    ae_data *empty, *narrow;
    ae_fit_options *options;
} our;

/* What they write to: a pattern, and still so after a refusal. */
static struct {
    float floats[CELLS];
    double f64, doubles[4];
    int64_t i64, rows, cols;
    int32_t layer;
    size_t size;
    const char *name;
    ae_param param;
    char text[4096];
} out;

/* Handles that are to be made: NULL after a refusal. */
static union {
    void *any;
    ae_config *config;
    ae_model *model;
    ae_data *data;
    ae_fit_options *options;
} made;

static const unsigned char PATTERN = 0xA5;

static inline bool is_pattern(const void *bytes, size_t n)
{
    const unsigned char *at = bytes;
    for (size_t i = 0; i < n; i++) {
        if (at[i] != PATTERN) return false;
    }
    return true;
}

/* ---- which functions were called ---- */

enum { MOST = 200, NAME = 64 };

static char called[MOST][NAME];
static size_t n_called;

static inline bool was_called(const char *name)
{
    for (size_t i = 0; i < n_called; i++) {
        if (strcmp(called[i], name) == 0) return true;
    }
    return false;
}

/* text: a call, "ae_noun_verb(arguments)", perhaps within another expression */
static inline void note(const char *text)
{
    char name[NAME];
    const char *begin = strstr(text, "ae_");
    snprintf(name, sizeof name, "%.*s", (int)strcspn(begin, "("), begin);
    if (was_called(name)) return;
    assert_true(n_called < MOST);
    strcpy(called[n_called++], name);
}

/* ---- what is asked of a call ---- */

static inline void check_refusal(const char *call, int32_t code, const char *says, int32_t got)
{
    if (got != code || !strstr(ae_last_error(), says))
        fail_msg("%s: %s (%s), wanted %s (...%s...)", call, ae_status_text(got), ae_last_error(),
                 ae_status_text(code), says);
    if (!is_pattern(&out, sizeof out)) fail_msg("%s: an output was written", call);
}

#define refuses(code, says, call)                                                                  \
    do {                                                                                           \
        note(#call);                                                                               \
        check_refusal(#call, AE_ERR_##code, says, call);                                           \
    } while (0)

/* The same for a call that makes a handle. */
#define makes_nothing(code, says, call)                                                            \
    do {                                                                                           \
        made.any = &made;                                                                          \
        refuses(code, says, call);                                                                 \
        assert_null(made.any);                                                                     \
    } while (0)

/* A call that cannot fail. */
#define answers(wanted, call)                                                                      \
    do {                                                                                           \
        note(#call);                                                                               \
        assert_true((call) == (wanted));                                                           \
    } while (0)

#define harmless(call)                                                                             \
    do {                                                                                           \
        note(#call);                                                                               \
        call;                                                                                      \
    } while (0)

static inline ae_data *data_of(const float *x, const float *y, int64_t dim)
{
    ae_data *data;
    must(ae_data_create(&data));
    must(ae_data_array(data, AE_DATA_X, AE_TYPE_F32, x, ROWS, dim));
    if (y) must(ae_data_array(data, AE_DATA_Y, AE_TYPE_F32, y, ROWS, dim));
    return data;
}

static const uint8_t classes[ROWS] = {2, 0, 1};

static inline ae_data *told_of(const void *side, int32_t type)
{
    ae_data *data = data_of(x_rows, NULL, INPUTS);
    must(ae_data_array(data, AE_DATA_SIDE, type, side, ROWS, 1));
    return data;
}

static inline ae_model *drawn_model(int64_t n_classes)
{
    ae_config *config;
    must(ae_config_create(&config));
    must(ae_config_input(config, INPUTS));
    if (n_classes) must(ae_config_concat_label(config, n_classes));
    must(ae_config_dense(config, 2 * CODE, AE_ACT_LINEAR));
    must(ae_config_gaussian(config));
    must(ae_config_penalty(config, AE_PENALTY_KL, 1));
    must(ae_config_code(config));
    if (n_classes) must(ae_config_concat_label(config, n_classes));
    must(ae_config_dense(config, INPUTS, AE_ACT_SIGMOID));
    must(ae_config_loss(config, AE_LOSS_BERNOULLI_NLL));
    return model_of(config);
}

static inline ae_model *lone_encoder(void)
{
    ae_config *config;
    must(ae_config_create(&config));
    must(ae_config_input(config, INPUTS));
    must(ae_config_dense(config, CODE, AE_ACT_TANH));
    must(ae_config_code(config));
    return model_of(config);
}

static inline int set_up(void **state)
{
    (void)state;
    memset(&out, PATTERN, sizeof out);
    our.config = small_config();
    our.model = small_model();
    our.coder = lone_encoder();
    our.drawer = drawn_model(0);
    our.teller = drawn_model(3);
    our.told = told_of(classes, AE_TYPE_U8);
    our.data = data_of(x_rows, NULL, INPUTS);
    our.narrow = data_of(x_rows, NULL, INPUTS - 1);
    must(ae_data_create(&our.empty));
    must(ae_fit_options_create(&our.options));
    return 0;
}

static inline int tear_down(void **state)
{
    (void)state;
    ae_config_free(our.config);
    ae_model_free(our.model);
    ae_model_free(our.coder);
    ae_model_free(our.drawer);
    ae_model_free(our.teller);
    ae_data_free(our.told);
    ae_data_free(our.data);
    ae_data_free(our.narrow);
    ae_data_free(our.empty);
    ae_fit_options_free(our.options);
    return 0;
}

#define in_our_house(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

#endif
