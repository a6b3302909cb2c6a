/* Files whose CRCs are right and whose content is malicious: an error, in bounded memory, or a sound
 * model. Offsets are those of docs/format.md. */
#include "test_file.h"

#include <math.h>

/* b with a number in a chunk's payload, and CRCs that are right. */
static blob forged(blob b, const char *tag, size_t offset, size_t bytes, uint64_t value)
{
    forge_put(b.bytes + forge_find(b, tag) + 12 + offset, bytes, value);
    forge_seal(b.bytes, b.count);
    return b;
}

typedef struct forgery {
    const char *tag;
    size_t offset, bytes;
    uint64_t value;
    int32_t code;
    const char *words;
} forgery;

/* Each in a file of its own. */
static void refuse_all(blob (*file)(void), const forgery *list, size_t n)
{
    for (const forgery *f = list; f < list + n; f++)
        assert_refused(forged(file(), f->tag, f->offset, f->bytes, f->value), f->code, f->words);
}

#define REFUSE_ALL(file, list) refuse_all(file, list, sizeof list / sizeof *list)

#define U32 UINT64_C(0xFFFFFFFF)
#define U64 UINT64_MAX
#define F   AE_ERR_FORMAT
#define V   AE_ERR_VERSION

/* MODL: rank, dimension (4), code (12), parameters (16), the first of them (20).
 * LAYR: layers, kind (4), parameters (8), then 16 bytes each. */
static void dimensions_out_of_bounds_are_refused(void **state)
{
    (void)state;
    const forgery list[] = {
        {"MODL", 0, 4, 0, F, "rank 0"},
        {"MODL", 0, 4, 3, V, "input of dimension"}, /* code and count of parameters */
        {"MODL", 0, 4, 4, V, "rank 4"},
        {"MODL", 0, 4, U32, V, "rank 4294967295"},
        {"MODL", 4, 8, 0, F, "dimension is 0"},
        {"MODL", 4, 8, 1, F, "kernel of 1 x 2, wanted 3 x 2"},
        {"MODL", 4, 8, 1 << 16, F, "kernel of 65536 x 2"},
        {"MODL", 4, 8, 1 << 24, F, "kernel of 16777216 x 2"},
        {"MODL", 4, 8, (1 << 24) + 1, V, "dimension 16777217"},
        {"MODL", 4, 8, UINT64_C(1) << 31, V, "dimension 2147483648"},
        {"MODL", 4, 8, UINT64_C(1) << 32, V, "dimension 4294967296"},
        {"MODL", 4, 8, UINT64_C(1) << 63, V, "dimension 9223372036854775808"},
        {"MODL", 4, 8, U64, V, "dimension 18446744073709551615"},
        {"LAYR", 20, 8, 0, F, "layer #0: units is 0"},
        {"LAYR", 20, 8, 1, F, "of 3 x 2, wanted 0.0 of 3 x 1"},
        {"LAYR", 20, 8, 1 << 16, F, "fewer weights"},
        {"LAYR", 20, 8, (1 << 24) + 1, V, "layer #0: units is 16777217"},
        {"LAYR", 20, 8, UINT64_C(1) << 31, V, "units is 2147483648"},
        {"LAYR", 20, 8, UINT64_C(1) << 32, V, "units is 4294967296"},
        {"LAYR", 20, 8, UINT64_C(1) << 63, F, "units is -9223372036854775808"},
        {"LAYR", 20, 8, U64, F, "units is -1"},
    };
    REFUSE_ALL(small_file, list);
}

static void counts_beyond_the_bytes_are_refused(void **state)
{
    (void)state;
    const forgery list[] = {
        {"MODL", 16, 4, U32, F, "4294967295 of parameters"},
        {"MODL", 16, 4, 0, F, "MODL is too long"},
        {"MODL", 16, 4, 4, F, "MODL is too long"},
        {"LAYR", 0, 4, 0, F, "encoder of 1 layers among 0"},
        {"LAYR", 0, 4, 1, F, "LAYR is too long"},
        {"LAYR", 0, 4, 3, F, "LAYR is too short"},
        {"LAYR", 0, 4, 1 << 30, F, "1073741824 of layer"},
        {"LAYR", 8, 4, U32, F, "4294967295 of parameters"},
        {"TERM", 0, 4, 1 << 29, F, "536870912 of loss"},
        {"OPTM", 4, 4, 7, F, "7 of parameters in 96 bytes"},
        {"WGHT", 0, 4, 0, F, "0 arrays of weights, wanted 3"},
        {"WGHT", 0, 4, U32, F, "4294967295 arrays"},
        {"stat", 0, 4, 3, F, "another length"},
        {"stat", 0, 4, U32, F, "another length"},
        {"stat", 0, 4, 1, F, "another length"},
    };
    REFUSE_ALL(small_file, list);
}

static void chunk_lengths_beyond_the_file_are_refused(void **state)
{
    (void)state;
    const uint64_t lengths[] = {1 << 20, U32 - 15, U32, U64 - 15, U64 - 11, U64 - 3, U64};
    for (size_t i = 0; i < sizeof lengths / sizeof *lengths; i++) {
        blob b = small_file();
        forge_put(b.bytes + HEADER + 4, 8, lengths[i]);
        assert_refused(b, F, "ends within a chunk");
    }
}

static void unknown_numbers_need_a_newer_library(void **state)
{
    (void)state;
    const forgery list[] = {
        {"MODL", 20, 4, 99, V, "model with parameter 99"},
        {"MODL", 20, 4, AE_PARAM_UNITS, V, "model with parameter 100"},
        {"MODL", 20, 4, AE_PARAM_THREADS, V, "model with parameter 500"},
        {"MODL", 20, 4, 0, V, "parameter 0"},
        {"MODL", 20, 4, U32, V, "parameter -1"},
        {"LAYR", 4, 4, 99, V, "there is no kind 99"},
        {"LAYR", 4, 4, 0, V, "there is no kind 0"},
        {"LAYR", 4, 4, U32, V, "there is no kind -1"},
        {"LAYR", 36, 8, 99, V, "activation is 99"},
        {"LAYR", 36, 8, U64, F, "activation is -1"},
        {"LAYR", 68, 8, 2, V, "bias is 2"},
        {"LAYR", 84, 8, 7, V, "init is 7"},
        {"TERM", 4, 4, 99, V, "there is no kind 99"},
        {"OPTM", 0, 4, 5, V, "there is no kind 5"},
        {"WGHT", 12, 4, 5, V, "weights of type 5"},
    };
    REFUSE_ALL(small_file, list);
}

static uint64_t f64_bits(double v)
{
    uint64_t bits;
    memcpy(&bits, &v, sizeof bits);
    return bits;
}

/* A later parameter's value: of the first at 28 and of the next every 16 bytes (OPTM: 16). */
static void parameters_out_of_bounds_are_refused(void **state)
{
    (void)state;
    const forgery list[] = {
        {"MODL", 24, 4, AE_TYPE_F64, F, "of type 4, wanted 3"},
        {"MODL", 24, 4, 0, F, "of type 0, wanted 3"},
        {"MODL", 28, 8, U64, F, "seed is -1"},
        {"MODL", 36, 4, AE_PARAM_SEED, F, "parameter 1 twice"},
        {"MODL", 44, 8, 0, F, "batch is 0"},
        {"MODL", 44, 8, 1 << 25, V, "batch is"},
        {"MODL", 76, 8, f64_bits(-1), F, "clip_norm is -1"},
        {"MODL", 76, 8, f64_bits((double)INFINITY), F, "clip_norm is inf"},
        {"LAYR", 52, 8, f64_bits(1), F, "slope is 1"},
        {"LAYR", 52, 8, f64_bits(0), F, "slope is 0"},
        {"TERM", 20, 8, f64_bits((double)NAN), F, "loss #0: weight is"},
        {"TERM", 20, 8, 0, F, "weight is 0"},
        {"OPTM", 16, 8, f64_bits(-1), F, "optimizer: learning_rate is -1"},
        {"OPTM", 16, 8, f64_bits((double)NAN), F, "learning_rate is"},
        {"OPTM", 32, 8, f64_bits(1), F, "beta1 is 1"},
        {"OPTM", 64, 8, 0, F, "epsilon is 0"},
    };
    REFUSE_ALL(small_file, list);
}

/* The second layer's kind is at 108, its first parameter at 116; tied is its sixth. */
static void ties_and_shapes_must_hold(void **state)
{
    (void)state;
    const forgery list[] = {
        {"MODL", 12, 4, 0, F, "encoder of 0 layers among 2"},
        {"MODL", 12, 4, 3, F, "encoder of 3 layers among 2"},
        {"MODL", 12, 4, U32, F, "encoder of -1 layers"},
        {"LAYR", 204, 8, 1, F, "dense #1: tied to layer #1, wanted an earlier one"},
        {"LAYR", 204, 8, 2, F, "tied to layer #2"},
        {"LAYR", 204, 8, 1024, V, "tied is 1024"},
        {"LAYR", 100, 8, 0, F, "dense #0: tied to layer #0"},
        {"LAYR", 124, 8, 2, F, "tied to layer #0's kernel of 3 x 2, wanted 2 x 2"},
        {"LAYR", 140, 8, AE_ACT_RELU, F, "last activation is relu, wanted sigmoid"},
        {"WGHT", 4, 4, 1, F, "weights 1.0"},
        {"WGHT", 8, 4, 1, F, "weights 0.1"},
        {"WGHT", 16, 8, 2, F, "of 2 x 2, wanted 0.0 of 3 x 2"},
        {"WGHT", 16, 8, (UINT64_C(1) << 32) + 3, F, "weights 0.0"},
        {"WGHT", 24, 8, U64, F, "weights 0.0"},
    };
    REFUSE_ALL(small_file, list);
}

static void numbers_that_are_not_finite_are_refused(void **state)
{
    (void)state;
    const uint32_t bad[] = {0x7F800000, 0xFF800000, 0x7FC00000, 0x7F800001, 0xFFFFFFFF};
    for (int i = 0; i < 5; i++) {
        assert_refused(forged(small_file(), "WGHT", 32, 4, bad[i]), AE_ERR_NONFINITE,
                       "weights hold");
        assert_refused(forged(small_file(), "stat", 4, 4, bad[i]), AE_ERR_NONFINITE, "states hold");
    }
}

/* trnd: epochs, steps (8), rows of the broken epoch (16), done (24), sum (32), series (40), metric (44),
 * its values (48); 20 bytes a series. */
static void counts_of_training_must_hold(void **state)
{
    (void)state;
    const forgery list[] = {
        {"trnd", 0, 8, 3, F, "another length"},
        {"trnd", 0, 8, 7, F, "cannot be"},
        {"trnd", 0, 8, UINT64_C(1) << 61, F, "cannot be"},
        {"trnd", 8, 8, 0, F, "cannot be"},
        {"trnd", 8, 8, 1, F, "cannot be"},
        {"trnd", 8, 8, (UINT64_C(1) << 53) + 1, F, "cannot be"},
        {"trnd", 8, 8, U64, F, "cannot be"},
        {"trnd", 16, 8, U64, F, "cannot be"},
        {"trnd", 24, 8, ROWS + 1, F, "cannot be"},
        {"trnd", 32, 8, f64_bits((double)NAN), F, "cannot be"},
        {"trnd", 40, 4, 0, F, "another length"},
        {"trnd", 40, 4, U32, F, "another length"},
        {"trnd", 64, 4, 0, F, "out of order"},
        {"trnd", 44, 4, 1, F, "out of order"},
    };
    REFUSE_ALL(small_file, list);
}

/* Where in the payload of a small file's trnd a series begins. */
static size_t series_at(int32_t metric)
{
    blob b = small_file();
    const uint8_t *payload = b.bytes + forge_find(b, "trnd") + 12;
    size_t at = 44;
    while (forge_get(payload + at, 4) != (uint64_t)metric) at += 20;
    free(b.bytes);
    return at;
}

static void history_of_later_versions_is_passed_over(void **state)
{
    (void)state;
    double loss[2], warnings[2];
    ae_model *m;
    blob b = forged(small_file(), "trnd", series_at(AE_METRIC_WARNINGS), 4, 99);
    ok(ae_model_load_memory(&m, b.bytes, b.count));
    ok(ae_model_history(m, AE_METRIC_LOSS, loss, 2, NULL));
    ok(ae_model_history(m, AE_METRIC_WARNINGS, warnings, 2, NULL));
    assert_true(loss[0] > 0 && loss[1] > 0);
    assert_true(isnan(warnings[0]) && isnan(warnings[1]));
    ae_model_free(m);
    free(b.bytes);
}

/* A row of the history has two numbers for each loss, so that 64 losses want 64 series. */
static void history_has_a_series_for_each_loss(void **state)
{
    (void)state;
    enum { LOSSES = 64, EPOCHS = 1000, SERIES = 4 + 8 * EPOCHS };
    static uint8_t terms[4 + 8 * LOSSES], trnd[44 + LOSSES * SERIES];
    forge_put(terms, 4, LOSSES);
    for (size_t i = 0; i < LOSSES; i++) forge_put(terms + 4 + 8 * i, 4, AE_LOSS_MSE);
    for (size_t series = LOSSES - 1; series <= LOSSES; series++) {
        blob b = forge_remove(forge_remove(small_file(), "TERM"), "trnd");
        forge_put(trnd, 8, EPOCHS);
        forge_put(trnd + 8, 8, EPOCHS);
        forge_put(trnd + 40, 4, series);
        for (size_t i = 0; i < series; i++) forge_put(trnd + 44 + i * SERIES, 4, 1000 + i);
        b = forge_insert(b, forge_find(b, "OPTM"), "TERM", terms, sizeof terms);
        b = forge_insert(b, forge_find(b, "stat"), "trnd", trnd, 44 + series * SERIES);
        if (series < LOSSES) {
            assert_refused(b, F, "another length");
        } else {
            ok(try_load(b));
            free(b.bytes);
        }
    }
}

static int32_t stop(const ae_event *event, void *user)
{
    (void)event, (void)user;
    return 1;
}

/* A small model, stopped after its first batch. */
static blob open_file(void)
{
    ae_fit_options *o;
    ae_model *m = small_model();
    ok(ae_fit_options_create(&o));
    ok(ae_fit_options_progress(o, stop, NULL));
    assert_int_equal(ae_fit(m, small_data(), NULL, ROWS, o), AE_ERR_CANCELLED);
    ae_fit_options_free(o);
    blob b = saved(m);
    ae_model_free(m);
    return b;
}

/* part: how many sums, 2: of weights (4) and of the loss (12). */
static void sums_of_an_open_epoch_must_hold(void **state)
{
    (void)state;
    const forgery list[] = {
        {"part", 0, 4, 0, F, "another number of sums"},
        {"part", 0, 4, 1, F, "another number of sums"},
        {"part", 0, 4, U32, F, "another number of sums"},
        {"part", 4, 8, f64_bits((double)NAN), F, "sums of an open epoch that are not finite"},
        {"part", 12, 8, f64_bits((double)INFINITY), F, "not finite"},
        {"part", 4, 8, f64_bits(-1.0), F, "weigh less than 0"},
        {"trnd", 24, 8, 0, F, "sums of an epoch that is not open"},
    };
    REFUSE_ALL(open_file, list);
    blob without = forge_remove(open_file(), "part");
    ok(try_load(without));
    free(without.bytes);
    assert_refused(forge_remove(forge_remove(open_file(), "trnd"), "stat"), F, "not open");
}

/* 2 numbers standardised, a target of 3 brought to [0, 1]. */
static blob scaled_file(void)
{
    static const float x[] = {1, 2, 3, 5}, y[] = {0, 1, 2, 4, 3, 2};
    ae_config *c;
    ae_model *m;
    ok(ae_config_create(&c));
    ae_config_input(c, 2);
    ae_config_dense(c, 1, AE_ACT_LINEAR);
    ae_config_code(c);
    ae_config_dense(c, 3, AE_ACT_SIGMOID);
    ae_config_loss(c, AE_LOSS_BCE);
    ae_config_set_i64(c, AE_PARAM_SCALING_INPUT, AE_SCALING_STANDARD);
    ok(ae_config_set_i64(c, AE_PARAM_SCALING_TARGET, AE_SCALING_MIN_MAX));
    ok(ae_model_create(&m, c));
    ae_config_free(c);
    ok(ae_fit(m, x, y, 2, NULL));
    blob b = saved(m);
    ae_model_free(m);
    return b;
}

/* SCAL: whether the target has its own; offsets (4) and scales (20) of x, and of y (36, 60). Parameters 41 and
 * 42 of MODL have their values at 20 + 16 * 16 + 8 and 16 bytes on. */
static void scaling_must_hold(void **state)
{
    (void)state;
    const forgery list[] = {
        {"SCAL", 0, 4, 2, F, "scaling that cannot be"},
        {"SCAL", 0, 4, U32, F, "scaling that cannot be"},
        {"SCAL", 0, 4, 0, F, "of 2 numbers, wanted the output's 3"},
        {"SCAL", 4, 8, f64_bits((double)NAN), F, "column 0 has offset"},
        {"SCAL", 12, 8, f64_bits((double)INFINITY), F, "column 1 has offset inf"},
        {"SCAL", 20, 8, 0, F, "column 0 has offset 2, scale 0"},
        {"SCAL", 20, 8, f64_bits(-1), F, "scale -1"},
        {"SCAL", 28, 8, f64_bits(1e-320), F, "column 1"},
        {"SCAL", 28, 8, f64_bits((double)INFINITY), F, "scale inf"},
        {"SCAL", 60, 8, 0, F, "column 0 has offset 0, scale 0"},
        {"SCAL", 76, 8, f64_bits((double)NAN), F, "column 2"},
        {"MODL", 300, 8, AE_SCALING_NONE, F, "column 1 has offset 3.5, scale 0"},
        {"MODL", 300, 8, 3, V, "scaling_input is 3"},
        {"MODL", 300, 8, U64, F, "scaling_input is -1"},
        {"MODL", 316, 8, AE_SCALING_STANDARD, F, "wants targets from 0 to 1"},
        {"MODL", 316, 8, AE_SCALING_NONE, F, "SCAL is too long"},
    };
    REFUSE_ALL(scaled_file, list);
    assert_refused(forge_remove(scaled_file(), "SCAL"), F, "trained without its scaling");
    blob untrained =
        forge_remove(forge_remove(forge_remove(scaled_file(), "SCAL"), "trnd"), "stat");
    ok(try_load(untrained));
    free(untrained.bytes);
    const uint8_t payload[4] = {0};
    blob b = small_file();
    b = forge_insert(b, forge_find(b, "trnd"), "SCAL", payload, sizeof payload);
    assert_refused(b, F, "scaling that cannot be");
}

/* A history without a series must not make room for epochs out of nothing. */
static void epochs_without_bytes_are_refused(void **state)
{
    (void)state;
    uint8_t payload[44] = {0};
    blob b = forge_remove(small_file(), "trnd");
    forge_put(payload, 8, (1 << 24) - 1);
    forge_put(payload + 8, 8, 1 << 24);
    b = forge_insert(b, forge_find(b, "stat"), "trnd", payload, sizeof payload);
    assert_refused(b, F, "another length");
}

static void missing_parameters_have_their_defaults(void **state)
{
    (void)state;
    double rate;
    ae_model *m;
    blob b = small_file();
    size_t at = forge_find(b, "OPTM");
    b = forge_splice(b, at + 20, 96, NULL, 0);
    forge_put(b.bytes + at + 4, 8, 8);
    forge_put(b.bytes + at + 16, 4, 0);
    forge_seal(b.bytes, b.count);
    ok(ae_model_load_memory(&m, b.bytes, b.count));
    ok(ae_model_get_f64(m, AE_PARAM_LEARNING_RATE, &rate));
    assert_true(rate == 0.001);
    ae_model_free(m);
    free(b.bytes);
}

/* A chain of n layers of 8 bytes each, all at their defaults: dense layers of one unit, or activations. */
static blob chain(uint32_t n, uint32_t kind)
{
    blob b = forge_remove(small_file(), "LAYR");
    uint8_t *payload = calloc(1, 4 + 8 * (size_t)n);
    forge_put(payload, 4, n);
    for (uint32_t i = 0; i < n; i++) forge_put(payload + 4 + 8 * (size_t)i, 4, kind);
    b = forge_insert(b, forge_find(b, "TERM"), "LAYR", payload, 4 + 8 * (size_t)n);
    free(payload);
    return b;
}

static void chains_are_bounded(void **state)
{
    (void)state;
    assert_refused(chain(1025, 1), V, "more than 1024 layers");
    assert_refused(chain(100000, 2), V, "more than 1024 layers");
    assert_refused(chain(1024, 2), F, "no layer has weights");
    assert_refused(chain(1024, 1), F, "last activation");
}

/* A layer or a term of one parameter. */
enum { SPEC = 24 };

static void put_spec(uint8_t *at, uint32_t kind, int32_t id, uint64_t value)
{
    forge_put(at, 4, kind);
    forge_put(at + 4, 4, 1);
    forge_put(at + 8, 4, (uint64_t)id);
    forge_put(at + 12, 4, AE_TYPE_I64);
    forge_put(at + 16, 8, value);
}

/* n dense layers, each 2^24 units wide, on an input as wide. */
static blob wide_chain(uint32_t n)
{
    blob b = forge_remove(small_file(), "LAYR");
    uint8_t *payload = calloc(n + 1, SPEC);
    forge_put(payload, 4, n);
    for (uint32_t i = 0; i < n; i++)
        put_spec(payload + 4 + (size_t)i * SPEC, 1, AE_PARAM_UNITS, 1 << 24);
    forge_put(b.bytes + HEADER + 12 + 4, 8, 1 << 24);
    forge_put(b.bytes + forge_find(b, "TERM") + 12 + 4, 4, AE_LOSS_MSE);
    b = forge_insert(b, forge_find(b, "TERM"), "LAYR", payload, 4 + (size_t)n * SPEC);
    free(payload);
    return b;
}

/* 2^48 weights a layer: one is a petabyte, 1024 pass what a size can count. */
static void products_of_dimensions_are_refused(void **state)
{
    (void)state;
    bool wide = sizeof(size_t) > 4;
    assert_refused(wide_chain(1), F, wide ? "fewer weights" : "overflow");
    assert_refused(wide_chain(1024), F, "overflow");
}

static void losses_are_bounded(void **state)
{
    (void)state;
    uint8_t payload[4 + 8 * 65] = {65};
    for (size_t i = 0; i < 65; i++) payload[4 + 8 * i] = AE_LOSS_MSE;
    blob b = forge_remove(small_file(), "TERM");
    b = forge_insert(b, forge_find(b, "OPTM"), "TERM", payload, sizeof payload);
    assert_refused(b, V, "more than 64 losses");
}

enum { WIDE = 1 << 18 };

static blob file_of(ae_config *c)
{
    ae_model *m;
    ok(ae_model_create(&m, c));
    ae_config_free(c);
    blob b = saved(m);
    ae_model_free(m);
    return b;
}

/* A dense layer of one unit and the layer that is tied to it, as wide as the first's input. */
static void add_wide_pair(ae_config *c, int64_t number)
{
    ae_config_dense(c, 1, AE_ACT_LINEAR);
    ae_config_set_i64(c, AE_PARAM_BIAS, 0);
    ae_config_code(c);
    ae_config_dense(c, WIDE, AE_ACT_LINEAR);
    ae_config_set_i64(c, AE_PARAM_TIED, number);
    ok(ae_config_set_i64(c, AE_PARAM_BIAS, 0));
}

/* The widest rows for the fewest bytes: where memory is the largest multiple of the file. */
static void wide_files_stay_within_their_memory(void **state)
{
    (void)state;
    for (int drawn = 0; drawn < 2; drawn++) {
        ae_config *c;
        ok(ae_config_create(&c));
        ae_config_input(c, drawn ? 2 * WIDE : WIDE);
        if (drawn) ae_config_corrupt(c, AE_NOISE_MASKING, 0.5);
        if (drawn) ok(ae_config_gaussian(c));
        add_wide_pair(c, drawn ? 2 : 0);
        blob b = file_of(c);
        ok(try_load(b));
        free(b.bytes);
    }
}

/* A layer without weights costs a file nothing, nor does a penalty: 63 of them on as many wide layers. */
static void sums_without_weights_are_refused(void **state)
{
    (void)state;
    enum { WITHOUT = 63 };
    uint8_t layers[4 + (1 + WITHOUT) * SPEC], terms[4 + WITHOUT * SPEC];
    ae_config *c;
    ok(ae_config_create(&c));
    ae_config_input(c, 1);
    ae_config_dense(c, WIDE, AE_ACT_SIGMOID);
    ok(ae_config_code(c));
    forge_put(layers, 4, 1 + WITHOUT);
    forge_put(terms, 4, WITHOUT);
    put_spec(layers + 4, 1, AE_PARAM_UNITS, WIDE);
    for (size_t i = 0; i < WITHOUT; i++) {
        put_spec(layers + 4 + (i + 1) * SPEC, 2, AE_PARAM_ACTIVATION, AE_ACT_SIGMOID);
        put_spec(terms + 4 + i * SPEC, AE_PENALTY_KL_SPARSITY, AE_PARAM_LAYER, i + 1);
    }
    blob b = forge_remove(file_of(c), "LAYR");
    b = forge_remove(forge_insert(b, forge_find(b, "TERM"), "LAYR", layers, sizeof layers), "TERM");
    b = forge_insert(b, forge_find(b, "OPTM"), "TERM", terms, sizeof terms);
    assert_refused(b, F, "penalties keep 16515072 sums, wanted at most 524288");
}

/* Whatever one changed field makes of the file: an error that is documented, or a model that can be
 * saved, and never more memory than try_load allows. */
static void every_forged_field_gives_an_error_or_a_model(void **state)
{
    (void)state;
    const uint64_t values[] = {0, 1, 2, 5, 0x7F, 0x80, 0xFF, 1 << 16, U32 >> 1, U32, U64 >> 1, U64};
    int loaded = 0;
    blob b = small_file();
    for (size_t at = HEADER; at + 8 <= b.count; at++) {
        for (size_t i = 0; i < 2 * sizeof values / sizeof *values; i++) {
            uint8_t old[8];
            memcpy(old, b.bytes + at, 8);
            forge_put(b.bytes + at, i % 2 ? 8 : 1, values[i / 2]);
            blob copy = blob_of(b.bytes, b.count);
            forge_seal(copy.bytes, copy.count);
            int32_t status = try_load(copy);
            if (status != F && status != V && status != AE_ERR_NONFINITE)
                assert_int_equal(status, 0);
            loaded += status == AE_OK;
            free(copy.bytes);
            memcpy(b.bytes + at, old, 8);
        }
    }
    assert_true(loaded > 1000);
    free(b.bytes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(dimensions_out_of_bounds_are_refused),
        cmocka_unit_test(counts_beyond_the_bytes_are_refused),
        cmocka_unit_test(chunk_lengths_beyond_the_file_are_refused),
        cmocka_unit_test(unknown_numbers_need_a_newer_library),
        cmocka_unit_test(parameters_out_of_bounds_are_refused),
        cmocka_unit_test(ties_and_shapes_must_hold),
        cmocka_unit_test(numbers_that_are_not_finite_are_refused),
        cmocka_unit_test(counts_of_training_must_hold),
        cmocka_unit_test(history_of_later_versions_is_passed_over),
        cmocka_unit_test(history_has_a_series_for_each_loss),
        cmocka_unit_test(sums_of_an_open_epoch_must_hold),
        cmocka_unit_test(scaling_must_hold),
        cmocka_unit_test(epochs_without_bytes_are_refused),
        cmocka_unit_test(missing_parameters_have_their_defaults),
        cmocka_unit_test(chains_are_bounded),
        cmocka_unit_test(products_of_dimensions_are_refused),
        cmocka_unit_test(losses_are_bounded),
        cmocka_unit_test(wide_files_stay_within_their_memory),
        cmocka_unit_test(sums_without_weights_are_refused),
        cmocka_unit_test(every_forged_field_gives_an_error_or_a_model),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
