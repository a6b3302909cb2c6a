/* What the test_file*.c and test_save*.c share: small models, and their files. */
#ifndef TEST_FILE_H
#define TEST_FILE_H

#include "ae/ae.h"
#include "forge.h"
#include "heap.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

#define ok(call) assert_ok(call, #call)

static inline void assert_ok(int32_t status, const char *call)
{
    if (status != AE_OK) fail_msg("%s: %d, %s", call, status, ae_last_error());
}

/* 3 - 2 tanh (code) - 3 sigmoid, tied, with BCE and Adam: about 900 bytes when trained. */
static inline ae_model *small_model(void)
{
    ae_config *c;
    ae_model *m;
    ok(ae_config_create(&c));
    ae_config_set_i64(c, AE_PARAM_SEED, 7);
    ae_config_set_i64(c, AE_PARAM_BATCH, 8);
    ae_config_input(c, 3);
    ae_config_dense(c, 2, AE_ACT_TANH);
    ae_config_code(c);
    ae_config_dense(c, 3, AE_ACT_SIGMOID);
    ae_config_set_i64(c, AE_PARAM_TIED, 0);
    ok(ae_config_loss(c, AE_LOSS_BCE));
    ok(ae_model_create(&m, c));
    ae_config_free(c);
    return m;
}

enum { ROWS = 20 };

static inline const float *small_data(void)
{
    static float x[ROWS * 3];
    for (int i = 0; i < ROWS * 3; i++) x[i] = (float)(i * 37 % 64) / 64;
    return x;
}

/* Trains up to so many epochs in all. */
static inline void train(ae_model *m, int64_t epochs)
{
    ae_fit_options *o;
    ok(ae_fit_options_create(&o));
    ok(ae_fit_options_set_i64(o, AE_FIT_EPOCHS, epochs));
    ok(ae_fit(m, small_data(), NULL, ROWS, o));
    ae_fit_options_free(o);
}

static inline blob saved(const ae_model *m)
{
    blob b = {NULL, 0};
    ok(ae_model_save_memory(m, NULL, 0, &b.count));
    b.bytes = malloc(b.count);
    ok(ae_model_save_memory(m, b.bytes, b.count, NULL));
    return b;
}

/* The file of a small model, trained for 2 epochs. */
static inline blob small_file(void)
{
    ae_model *m = small_model();
    train(m, 2);
    blob b = saved(m);
    ae_model_free(m);
    return b;
}

static inline void assert_same(blob a, blob b)
{
    assert_int_equal(a.count, b.count);
    assert_memory_equal(a.bytes, b.bytes, a.count);
}

/* ---- memory ---- */

/* Loads bytes and frees what comes of them, within the memory that docs/format.md promises: at most
 * 128 times the file and 8 MiB. A failure leaves NULL and a message. What loads can be used and saved. */
static inline int32_t try_load(blob b)
{
    heap used = {0};
    ae_allocator mem = allocator_of(&used);
    ae_model *m = (ae_model *)&used;
    int32_t status = ae_model_load_memory_with(&m, b.bytes, b.count, &mem);
    assert_true(used.peak <= 128 * b.count + (8 << 20));
    if (status == AE_OK) {
        blob again = saved(m);
        free(again.bytes);
        ae_model_free(m);
    } else {
        assert_null(m);
        assert_string_not_equal(ae_last_error(), "");
    }
    assert_int_equal(used.live, 0);
    return status;
}

/* Fails with this code and with these words in the message. b is freed. */
static inline void assert_refused(blob b, int32_t code, const char *words)
{
    int32_t status = try_load(b);
    if (status != code || !strstr(ae_last_error(), words))
        fail_msg("status %d, \"%s\"; wanted %d, \"%s\"", status, ae_last_error(), code, words);
    free(b.bytes);
}

#endif
