/* Any bytes may be loaded; what loads can run, and its file is a fixed point: saved, loaded and saved
 * again it is the same.
 *
 * The mutator knows the format: it mutates one chunk's payload, sets its length, sometimes repeats,
 * drops or moves a chunk, and makes the CRCs right; one time in eight it leaves the bytes as libFuzzer
 * made them. Built with -DAE_FUZZ_NO_CRC the loader takes any CRC. A short run that leaves nothing:
 *
 *     fuzz_load -runs=20000 -seed=1 -max_len=8192 "$(mktemp -d)" tests/golden */
#include "ae/ae.h"
#include "forge.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t cap, unsigned seed);
size_t LLVMFuzzerMutate(uint8_t *data, size_t size, size_t cap);

enum {
    MOST_RUN = 1 << 16,     /* numbers in a row: wider models are loaded and saved only */
    MOST_WEIGHTS = 1 << 12, /* likewise: up to 2^16 samples meet each */
    MOST_LAYERS = 1 << 14,  /* numbers in a row of all layers: likewise, whatever they cost */
    MOST_BLOCK = 1 << 26    /* bytes */
};

static void want(int32_t truth)
{
    if (!truth) __builtin_trap();
}

static blob save(const ae_model *model)
{
    blob b = {NULL, 0};
    want(ae_model_save_memory(model, NULL, 0, &b.count) == AE_OK);
    b.bytes = malloc(b.count);
    want(ae_model_save_memory(model, b.bytes, b.count, NULL) == AE_OK);
    return b;
}

/* A host that gives no large blocks, as training on many samples would want. */
static void *small_alloc(size_t bytes, void *user)
{
    (void)user;
    return bytes <= MOST_BLOCK ? malloc(bytes) : NULL;
}

static void small_release(void *block, void *user)
{
    (void)user;
    free(block);
}

static ae_model *load(blob b)
{
    const ae_allocator small = {sizeof small, small_alloc, small_release, NULL};
    ae_model *model = (ae_model *)&b;
    int32_t status = ae_model_load_memory_with(&model, b.bytes, b.count, &small);
    want(status == AE_OK ? model != NULL : model == NULL && ae_last_error()[0] != 0);
    want(status == AE_OK || status == AE_ERR_FORMAT || status == AE_ERR_VERSION ||
         status == AE_ERR_NONFINITE || status == AE_ERR_NOMEM || status == AE_ERR_RANGE);
    return model;
}

/* Whether the call was made; STATE: the model has no part for it. */
static int32_t done(int32_t status)
{
    want(status == AE_OK || status == AE_ERR_STATE);
    return status == AE_OK;
}

enum { MOST_SIDE = 16 };

/* Sets the side of one row of a model whose width is not known; 0: it takes a wider one. */
static int32_t set_side(ae_model *model, ae_data *data, float *out, size_t cap)
{
    static const float side[MOST_SIDE];
    int32_t status = ae_reconstruct_data(model, data, out, cap);
    for (int64_t dim = 1; dim <= MOST_SIDE && status != AE_OK; dim++) {
        want(status == (dim > 1 ? AE_ERR_SHAPE : AE_ERR_STATE));
        want(ae_data_array(data, AE_DATA_SIDE, AE_TYPE_F32, side, 1, dim) == AE_OK);
        status = ae_reconstruct_data(model, data, out, cap);
    }
    return status == AE_OK;
}

/* Evaluates what fits into memory when trained on: else 2^16 samples of many layers would take long. */
static void train(ae_model *model, const ae_data *data)
{
    ae_fit_options *options;
    double loss;
    int32_t status = AE_ERR_STATE;
    want(ae_fit_options_create(&options) == AE_OK);
    ae_fit_options_set_i64(options, AE_FIT_EPOCHS, ae_model_epochs(model) + 1);
    if (ae_model_epochs(model) < 1000) status = ae_fit_data(model, data, options);
    if (status == AE_OK) want(ae_evaluate_data(model, data, &loss) == AE_OK);
    ae_fit_options_free(options);
}

/* One row through the encoder and back, what may be drawn, and one step of training. ends: room for two
 * rows of the output. */
static void use_row(ae_model *model, ae_data *data, float *code, float *ends)
{
    const size_t dim = (size_t)ae_model_code_dim(model),
                 cap = 2 * (size_t)ae_model_output_dim(model);
    double likelihood;
    want(ae_encode_data(model, data, code, dim) == AE_OK);
    done(ae_interpolate(model, code, code, 2, ends, cap));
    done(ae_posterior_sample_data(model, data, 1, 0, code, dim));
    done(ae_posterior_data(model, data, NULL, code, dim));
    if (!done(ae_sample(model, 1, 0, ends, cap))) done(ae_sample_data(model, data, 0, ends, cap));
    done(ae_log_likelihood_data(model, data, 3, 0, &likelihood, 1));
    train(model, data);
}

static void use(ae_model *model)
{
    size_t in = (size_t)ae_model_input_dim(model), code = (size_t)ae_model_code_dim(model);
    size_t out = (size_t)ae_model_output_dim(model);
    int64_t all = 0;
    for (int32_t i = 0; i < ae_model_layers(model); i++) all += ae_model_layer_dim(model, i);
    if (in + code + out > MOST_RUN || ae_model_weights(model) > MOST_WEIGHTS) return;
    if (all > MOST_LAYERS) return;
    float *x = calloc(in + code + 2 * out, sizeof *x);
    ae_data *data;
    want(ae_data_create(&data) == AE_OK);
    want(ae_data_array(data, AE_DATA_X, AE_TYPE_F32, x, 1, (int64_t)in) == AE_OK);
    if (set_side(model, data, x + in + code, out)) {
        int32_t status = ae_decode(model, x + in, 1, x + in + code, out);
        want(status == AE_OK || status == AE_ERR_STATE); /* a code that is the last layer's */
        use_row(model, data, x + in, x + in + code);
    }
    ae_data_free(data);
    free(x);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    blob input = blob_of(data, size);
    ae_model *model = load(input);
    free(input.bytes);
    if (!model) return 0;
    blob once = save(model);
    use(model);
    ae_model_free(model);
    model = load(once);
    want(model != NULL);
    blob twice = save(model);
    want(once.count == twice.count && memcmp(once.bytes, twice.bytes, once.count) == 0);
    ae_model_free(model);
    free(once.bytes);
    free(twice.bytes);
    return 0;
}

/* ---- the mutator ---- */

/* Chunk number `which`, counted round and round; 0 bytes: the file has none. */
static size_t pick(const uint8_t *data, size_t size, unsigned which, size_t *at)
{
    size_t chunks = 0, n;
    for (*at = HEADER; (n = forge_chunk(data, size, *at)) != 0; *at += n) chunks++;
    if (chunks == 0) return 0;
    *at = HEADER;
    for (which %= (unsigned)chunks; which > 0; which--) *at += forge_chunk(data, size, *at);
    return forge_chunk(data, size, *at);
}

/* Makes the n bytes at `at` m bytes long; the new size. */
static size_t resize(uint8_t *data, size_t size, size_t at, size_t n, size_t m)
{
    memmove(data + at + m, data + at + n, size - at - n);
    return size - n + m;
}

static size_t mutate_payload(uint8_t *data, size_t size, size_t cap, size_t at, size_t n)
{
    uint8_t *payload = malloc(cap);
    size_t length = n - FRAME;
    memcpy(payload, data + at + 12, length);
    size_t grown = LLVMFuzzerMutate(payload, length, cap - size + length);
    size = resize(data, size, at + 12, length, grown);
    memcpy(data + at + 12, payload, grown);
    forge_put(data + at + 4, 8, grown);
    free(payload);
    return size;
}

/* Puts a copy of a chunk in front of another, or of itself. */
static size_t repeat_chunk(uint8_t *data, size_t size, size_t cap, size_t at, size_t n, size_t to)
{
    uint8_t *chunk = malloc(n);
    if (n <= cap - size) {
        memcpy(chunk, data + at, n);
        size = resize(data, size, to, 0, n);
        memcpy(data + to, chunk, n);
    }
    free(chunk);
    return size;
}

size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t cap, unsigned seed)
{
    size_t at, to, n = pick(data, size, seed >> 8, &at);
    pick(data, size, seed >> 16, &to);
    if (n == 0 || seed % 8 == 0) return LLVMFuzzerMutate(data, size, cap);
    if (seed % 64 == 1)
        size = resize(data, size, at, n, 0);
    else if (seed % 64 == 2)
        size = repeat_chunk(data, size, cap, at, n, to);
    else
        size = mutate_payload(data, size, cap, at, n);
    forge_seal(data, size);
    return size;
}
