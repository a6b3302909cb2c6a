/* libae: train and run autoencoders from C, or from anything that can call C.
 *
 * The whole public interface, in reading order: status, describe a model, create it, give it data,
 * train, use, look inside, save. In outline (README.md has a whole program):
 *
 *     ae_config *config;
 *     ae_model *model;
 *     ae_fit_options *options;
 *
 *     ae_config_create(&config);
 *     ae_config_input(config, 784);
 *     ae_config_dense(config, 32, AE_ACT_RELU);
 *     ae_config_code(config);                          all layers so far are the encoder
 *     ae_config_dense(config, 784, AE_ACT_SIGMOID);
 *     ae_config_loss(config, AE_LOSS_BCE);
 *     if (ae_model_create(&model, config) != AE_OK)    reports the first mistake made above, too
 *         return complain(ae_last_error());
 *     ae_fit_options_create(&options);
 *     ae_fit_options_set_i64(options, AE_FIT_EPOCHS, 50);
 *     ae_fit(model, x, NULL, 60000, options);          no targets: reconstruct the input
 *     ae_encode(model, x_test, 10000, code, 10000 * 32);
 *     ae_model_save(model, "digits.aem");
 *
 * Rules that hold everywhere:
 *  - Functions that can fail return AE_OK (0) or a negative AE_ERR_* code; ae_last_error() then
 *    tells in one line what was wrong, what was got and what was wanted; read it before the next
 *    call. On failure every output is untouched, except that a handle asked for through `T **out`
 *    becomes NULL, and that rows which were written before reading others failed (ae_data_source,
 *    ae_data_npy) stay written.
 *  - A handle is made by ..._create or ..._load and freed by the ..._free of its kind, which
 *    accepts NULL. Nothing else is owned by the caller. Strings returned are constants of the
 *    library unless the function says otherwise.
 *  - Arrays are borrowed until the call returns; where an object remembers one (ae_data, validation
 *    data), until the call that uses that object returns.
 *  - Matrices are row-major: one example a row. Capacities are counted in elements. Output arrays
 *    must not overlap input arrays.
 *  - Different handles may be used from different threads at the same time; one handle by one
 *    thread at a time, or by many while all of them only call functions that take it as const. Many
 *    threads use one model through handles of their own: ae_model_share. Nothing is global but each
 *    thread's last message.
 *  - After a fork the child may use what no thread was using. Only the threads of a model
 *    (AE_PARAM_THREADS above 1, or those of a fit that forks in a callback) stay in the parent: in the
 *    child all calls on it that return a status answer AE_ERR_STATE; ae_model_free frees it.
 *  - Callbacks return to the library: no longjmp, and no C++ exception, leaves one.
 *  - The library never prints, exits, aborts, reads the environment, or changes the host's locale,
 *    signals, or floating-point mode (its arithmetic may raise exception flags); it starts threads
 *    only when asked for more than one. (A CBLAS, where the library was built with one, does as it
 *    likes when it is loaded: OpenBLAS starts threads.)
 *
 * The last line of each comment: from which threads the function may be called ("as const": by many
 * while nobody changes the handle), whether it allocates, and the version in which it appeared. */
#ifndef AE_AE_H
#define AE_AE_H

#include <stddef.h>
#include <stdint.h>

#include "ae/version.h"

#if defined(__GNUC__) && !defined(_WIN32)
#define AE_API __attribute__((visibility("default")))
#else
#define AE_API
#endif

#ifdef __cplusplus
extern "C" {
#endif

/* ------------------------------------------------------------------------------------------------
 * Status
 * --------------------------------------------------------------------------------------------- */

enum {
    AE_OK = 0,
    AE_ERR_INVALID = -1,      /* an argument makes no sense: NULL, an unknown constant or name */
    AE_ERR_STATE = -2,        /* not now: e.g. no code was marked, or the process has forked */
    AE_ERR_NOMEM = -3,        /* memory, or a thread, could not be had */
    AE_ERR_SHAPE = -4,        /* dimensions do not fit each other */
    AE_ERR_RANGE = -5,        /* a number out of its bounds, or a buffer's capacity too small */
    AE_ERR_IO = -6,           /* the operating system refused to read or write */
    AE_ERR_FORMAT = -7,       /* not a file of the kind wanted, or a damaged one */
    AE_ERR_VERSION = -8,      /* a model file that needs a newer libae */
    AE_ERR_NONFINITE = -9,    /* NaN or infinity where numbers are needed */
    AE_ERR_DIVERGED = -10,    /* training produced a loss that is not finite */
    AE_ERR_CANCELLED = -11,   /* the progress callback asked to stop */
    AE_ERR_UNSUPPORTED = -12, /* this build or this machine cannot do it */
    AE_ERR_BUSY = -13         /* the model is trained, or shared, or the data are read, just now */
};

/* The message of this thread's last failure: one line of at most 255 bytes of UTF-8, "" before the
 * first. The text stays until the next failing call of this thread; no call that succeeds clears
 * it. It is for people: its wording may change, and numbers have the host's decimal point.
 * Threads: any. Allocates: never. Since: 0.1. */
AE_API const char *ae_last_error(void);

/* A few words for a code, "unknown status" for a number that is none.
 * Threads: any. Allocates: never. Since: 0.1. */
AE_API const char *ae_status_text(int32_t status);

/* The library's version, as major * 1000000 + minor * 1000 + patch, and as "major.minor.patch".
 * Threads: any. Allocates: never. Since: 0.1. */
AE_API int32_t ae_version(void);
AE_API const char *ae_version_text(void);

/* What was compiled in, for a bug report: "libae 0.1.0, kernels portable avx2, cblas openblas", then
 * ", without training" and the like where a part was left out.
 * Threads: any. Allocates: never. Since: 0.1. */
AE_API const char *ae_build_text(void);

/* The value of any constant of this header by its name ("AE_ACT_RELU"), for languages that cannot
 * read it. INVALID: NULL, or no such name.
 * Threads: any. Allocates: never. Since: 0.1. */
AE_API int32_t ae_constant(const char *name, int64_t *value);

/* The constants by number, 0 up to the first RANGE. name and value may each be NULL.
 * Threads: any. Allocates: never. Since: 0.1. */
AE_API int32_t ae_constant_at(int32_t index, const char **name, int64_t *value);

/* Where the library gets its memory. alloc returns a block aligned for any type, or NULL; release
 * takes a block back, never NULL. Both are called only from inside calls of the library, on the
 * caller's thread: on several at once where models, or shares of one, are made or freed on several.
 * `size` is sizeof(ae_allocator). */
typedef struct ae_allocator {
    size_t size;
    void *(*alloc)(size_t bytes, void *user);
    void (*release)(void *block, void *user);
    void *user;
} ae_allocator;

/* ------------------------------------------------------------------------------------------------
 * Describe a model
 * --------------------------------------------------------------------------------------------- */

/* A model's description: a chain of layers, one of whose ends is the code, the losses on it, the
 * optimiser and its hyper-parameters. The first call that fails on a config sticks: every later
 * one, and ae_model_create, returns the same code and message: a chain of calls needs one check. */
typedef struct ae_config ae_config;

/* Activations, computed element by element: x in, y out. GELU and SILU of a layer that is not the last
 * take memory for x, too, while training. */
enum {
    AE_ACT_UNSET = -1,
    AE_ACT_LINEAR = 0,     /* y = x */
    AE_ACT_RELU = 1,       /* y = max(x, 0) */
    AE_ACT_LEAKY_RELU = 2, /* y = x for x > 0, else slope * x (AE_PARAM_SLOPE) */
    AE_ACT_TANH = 3,       /* y = tanh x */
    AE_ACT_SIGMOID = 4,    /* y = 1 / (1 + e^-x) */
    AE_ACT_ELU = 5,        /* y = x for x > 0, else e^x - 1 (Clevert et al. 2016) */
    AE_ACT_SOFTPLUS = 6,   /* y = log(1 + e^x) (Dugas et al. 2001) */
    AE_ACT_GELU = 7,       /* y = x Phi(x), Phi the normal distribution function, by erf and not by
                            * tanh (Hendrycks and Gimpel 2016) */
    AE_ACT_SILU = 8        /* y = x / (1 + e^-x), also called swish (Elfwing et al. 2018) */
};

/* Losses of a row: y the model's output, t the target, d the output's dimensions; then the mean
 * over rows (as Keras), by their weights where they have some (AE_DATA_WEIGHT). Where features have
 * weights (AE_PARAM_FEATURE_WEIGHTS), or some are missing (AE_PARAM_MISSING), 1/d sum becomes the
 * weighted mean of those that are there, sum their weighted sum. The cross-entropies are computed
 * from logits: the last activation must be AE_ACT_SIGMOID, targets lie in [0, 1]. */
enum {
    AE_LOSS_UNSET = -1,
    AE_LOSS_MSE = 1,           /* mean squared error: 1/d sum (y - t)^2 */
    AE_LOSS_BCE = 2,           /* binary cross-entropy: -1/d sum (t log y + (1 - t) log(1 - y)) */
    AE_LOSS_MAE = 3,           /* mean absolute error: 1/d sum |y - t| */
    AE_LOSS_HUBER = 4,         /* 1/d sum h(y - t), h(r) = r^2 / 2 up to |r| = delta, beyond it
                               * delta (|r| - delta / 2): outliers pull less (Huber 1964) */
    AE_LOSS_BERNOULLI_NLL = 5, /* -sum (t log y + (1 - t) log(1 - y)): BCE times d, in nats */
    AE_LOSS_GAUSSIAN_NLL = 6   /* 1/2 sum ((y - t)^2 / v + log(2 pi v)), in nats; the variance v is
                                * AE_PARAM_VARIANCE, or learned: AE_PARAM_VARIANCE_KIND */
};

/* Whether the variance of AE_LOSS_GAUSSIAN_NLL is learned. */
enum {
    AE_VARIANCE_UNSET = -1,
    AE_VARIANCE_FIXED = 0,
    AE_VARIANCE_GLOBAL = 1, /* one for all features */
    AE_VARIANCE_FEATURE = 2 /* one a feature */
};

/* Penalties on the output y of a layer: a sum over its elements, then the mean over rows. */
enum {
    AE_PENALTY_UNSET = -1,
    AE_PENALTY_L1 = 100,         /* sum |y|: keeps most of a code at 0 */
    AE_PENALTY_KL = 101,         /* of a Gaussian layer alone: the divergence of its distribution
                                   * from the standard normal one, 1/2 sum (m^2 + v - 1 - log v), in
                                   * nats (Kingma and Welling 2014) */
    AE_PENALTY_KL_SPARSITY = 102 /* of a sigmoid layer: sum of r log(r / q) + (1 - r) log((1 - r) /
                                   * (1 - q)), with r = AE_PARAM_TARGET and q an element's mean over
                                   * the rows of the batch (Ng 2011), or of the call of ae_evaluate;
                                   * the scores of rows leave it out */
};

/* What a model with a Gaussian layer of k samples a row is trained on. */
enum {
    AE_BOUND_UNSET = -1,
    AE_BOUND_ELBO = 0,      /* the mean of the samples' losses: the evidence lower bound */
    AE_BOUND_IMPORTANCE = 1 /* -log of the mean of e^-loss: the importance-weighted bound (Burda et
                             * al. 2016); the KL penalty is then that of each sample */
};

/* Optimisers: g the gradient, w a weight, lr the learning rate. docs/math.md has the formulas. */
enum {
    AE_OPTIM_UNSET = -1,
    AE_OPTIM_SGD = 1,  /* gradient descent: v = momentum v + g, w -= lr v (Sutskever et al. 2013) */
    AE_OPTIM_ADAM = 2, /* moments with bias correction (Kingma and Ba 2015, algorithm 1) */
    AE_OPTIM_ADAMW = 3,  /* Adam, with w -= lr weight_decay w apart (Loshchilov and Hutter 2019) */
    AE_OPTIM_RMSPROP = 4 /* w -= lr g / root of the mean g^2 (Tieleman and Hinton 2012) */
};

/* First values of a kernel of i inputs and o outputs (of a convolution: its cells times the channels
 * that it takes, and that it gives); biases begin at 0. Normal ones are cut at two standard deviations
 * and scaled to the variance said. */
enum {
    AE_INIT_UNSET = -1,
    AE_INIT_ZEROS = 0,
    AE_INIT_GLOROT_UNIFORM = 1, /* uniform in +-sqrt(6 / (i + o)): Glorot and Bengio 2010 */
    AE_INIT_GLOROT_NORMAL = 2,  /* normal, variance 2 / (i + o) */
    AE_INIT_HE_UNIFORM = 3,     /* uniform in +-sqrt(6 / i): He et al. 2015 */
    AE_INIT_HE_NORMAL = 4,      /* normal, variance 2 / i */
    AE_INIT_LECUN_UNIFORM = 5,  /* uniform in +-sqrt(3 / i): LeCun et al. 1998 */
    AE_INIT_LECUN_NORMAL = 6    /* normal, variance 1 / i */
};

/* What a corrupt layer does to its input while training, element by element; p is AE_PARAM_AMOUNT.
 * The bounds lo and hi are AE_PARAM_CLIP_LOW and CLIP_HIGH. */
enum {
    AE_NOISE_UNSET = -1,
    AE_NOISE_GAUSSIAN = 1,    /* y = x + p z, z standard normal, cut to [lo, hi] */
    AE_NOISE_MASKING = 2,     /* AE_PARAM_MASK_VALUE with probability p, else x, unscaled: Vincent
                               * et al. 2008 */
    AE_NOISE_SALT_PEPPER = 3, /* lo or hi, with probability p / 2 each, else x */
    AE_NOISE_DROPOUT = 4      /* 0 with probability p, else x / (1 - p): Srivastava et al. 2014 */
};

/* What the windows of a convolution or a pooling may lie over besides the image. With n cells along an
 * axis, kernel k, stride s and p cells of padding on both sides together, the output has (as Keras):
 *                  convolution, pooling              transposed convolution
 *     VALID        floor((n - k) / s) + 1            n s + max(k - s, 0)
 *     SAME         ceil(n / s)                       n s
 *     EXPLICIT     floor((n + p - k) / s) + 1        (n - 1) s + k - p
 * SAME pads as much as that needs, evenly, the odd cell below or to the right. */
enum {
    AE_PADDING_UNSET = -1,
    AE_PADDING_VALID = 0,
    AE_PADDING_SAME = 1,
    AE_PADDING_EXPLICIT = 2 /* AE_PARAM_PAD_TOP, BOTTOM, LEFT, RIGHT */
};

/* What the window of a pooling becomes. */
enum {
    AE_POOL_UNSET = -1,
    AE_POOL_MAX = 0,
    AE_POOL_AVERAGE = 1 /* of the cells inside the image */
};

/* What an upsampled image has between the cells that it was made from. */
enum {
    AE_INTERPOLATION_UNSET = -1,
    AE_INTERPOLATION_NEAREST = 0, /* each cell again */
    AE_INTERPOLATION_BILINEAR = 1 /* between the centres of cells; beyond the outer ones, these */
};

/* Order of the rows in an epoch. */
enum {
    AE_SHUFFLE_UNSET = -1,
    AE_SHUFFLE_NONE = 0, /* as they stand */
    AE_SHUFFLE_FULL = 1, /* a new permutation each epoch */
    /* A new permutation of blocks of rows (AE_PARAM_SHUFFLE_BLOCK), and one of the rows within each
     * window of so many blocks (SHUFFLE_WINDOW): nearly as good, and data that are larger than
     * memory are read a block at a time. */
    AE_SHUFFLE_BLOCK = 2,
    /* A new permutation of the rows within each window; blocks stay: for data that come in order. */
    AE_SHUFFLE_WINDOW = 3
};

/* How the learning rate changes: its value at step t, from 0, of all that the model has made. r is
 * AE_PARAM_LEARNING_RATE, n AE_PARAM_SCHEDULE_STEPS, f AE_PARAM_SCHEDULE_FACTOR and low the smaller of
 * AE_PARAM_SCHEDULE_MINIMUM and r. With AE_PARAM_SCHEDULE_WARMUP of w steps, the rate is r (t + 1) / w
 * for t < w, and t counts from there in what follows. docs/training.md says more. */
enum {
    AE_SCHEDULE_UNSET = -1,
    AE_SCHEDULE_CONSTANT = 0,    /* r */
    AE_SCHEDULE_STEP = 1,        /* r f^floor(t / n), not below low */
    AE_SCHEDULE_EXPONENTIAL = 2, /* r f^(t / n), not below low */
    AE_SCHEDULE_COSINE = 3,      /* low + (r - low) (1 + cos(pi t / n)) / 2; from step n on low
                                  * (Loshchilov and Hutter 2017, without restarts) */
    AE_SCHEDULE_PLATEAU = 4      /* r, times f at the end of every AE_PARAM_SCHEDULE_PATIENCE epochs
                                  * in a row without a lower validation loss (without validation:
                                  * loss), not below low */
};

/* What input and target are brought to, feature by feature, before the model sees them: v enters as
 * (v - offset) / scale. A feature that has one value alone has scale 1, so that it enters as 0. */
enum {
    AE_SCALING_UNSET = -1,
    AE_SCALING_NONE = 0,
    AE_SCALING_MIN_MAX = 1, /* to [0, 1]: offset the smallest value of training, scale the range */
    AE_SCALING_STANDARD = 2 /* to mean 0 and deviation 1: offset the mean, scale the deviation */
};

/* Instruction sets of the kernels. */
enum {
    AE_CPU_AUTO = -1, /* the best that this machine has */
    AE_CPU_PORTABLE = 0,
    AE_CPU_AVX2 = 1,   /* with FMA */
    AE_CPU_AVX512 = 2, /* F, BW, DQ and VL */
    AE_CPU_NEON = 3
};

/* Who multiplies matrices. */
enum {
    AE_GEMM_UNSET = -1,
    AE_GEMM_AUTO = 0,    /* a fixed table by shape */
    AE_GEMM_BUILTIN = 1, /* the library's own product: the same bits whatever BLAS is installed */
    AE_GEMM_CBLAS = 2    /* a CBLAS for whole products, where one was built in */
};

/* Everything that can be tuned, set by ..._set_i64 or ..._set_f64 of the object that it belongs to.
 * ae_param_at() lists name, type, default, bounds and help of each; they are given here too. */
enum {
    AE_PARAM_UNSET = -1,

    /* the model (ae_config_set, ae_model_set); kept in the file */
    AE_PARAM_SEED = 1,       /* i64, 0: of every random draw; 0 to 2^63 - 1024 */
    AE_PARAM_BATCH = 2,      /* i64, 256: rows a step, the last may be fewer; 1 to 2^24 */
    AE_PARAM_SHUFFLE = 3,    /* i64, AE_SHUFFLE_FULL */
    AE_PARAM_CLIP_NORM = 4,  /* f64, 0 (off): scales the whole gradient down to at most this norm */
    AE_PARAM_CLIP_VALUE = 5, /* f64, 0 (off): cuts every gradient to +- this, after CLIP_NORM */
    AE_PARAM_BOUND = 6,      /* i64, AE_BOUND_ELBO */
    AE_PARAM_SCHEDULE = 20,  /* i64, AE_SCHEDULE_CONSTANT: of the learning rate */
    AE_PARAM_SCHEDULE_STEPS = 21,     /* i64, 1000: steps of its period; 1 to 2^53 */
    AE_PARAM_SCHEDULE_FACTOR = 22,    /* f64, 0.1: what it multiplies by; 0 < factor <= 1 */
    AE_PARAM_SCHEDULE_MINIMUM = 23,   /* f64, 0: lowest rate; 0 to 1e6 */
    AE_PARAM_SCHEDULE_WARMUP = 24,    /* i64, 0: steps of a linear rise before it; 0 to 2^53 */
    AE_PARAM_SCHEDULE_PATIENCE = 25,  /* i64, 10: of PLATEAU: epochs; 1 to 2^20 */
    AE_PARAM_SCHEDULE_THRESHOLD = 26, /* f64, 1e-4: of PLATEAU: a loss is lower that lies below the
                                       * lowest so far by more than this share of it; 0 to 1 */
    AE_PARAM_ACCUMULATE = 27,         /* i64, 1: batches a step, whose gradient is the mean over all
                                       * their rows: 4 of 64 rows make the step of 256 in the
                                       * memory of 64; the last group of an epoch may have fewer;
                                       * 1 to 65536 */
    AE_PARAM_SHUFFLE_BLOCK = 30,      /* i64, 256: rows of a block; 1 to 2^24 */
    AE_PARAM_SHUFFLE_WINDOW = 31,     /* i64, 16: blocks of a window, which a fit has in memory as a
                                   * whole of data that are read; 1 to 2^16 */
    AE_PARAM_MISSING = 40,            /* i64, 0: whether NaN in x and y stands for a number that is
                                       * missing: in x it enters as 0, in the target it is no part of a
                                       * loss, nor of a score. Of a row's elements that are there a
                                       * mean is taken over their number, a likelihood is that of
                                       * these alone; a row with none has the loss 0. Fixed once a
                                       * model exists */

    AE_PARAM_SCALING_INPUT = 41, /* i64, AE_SCALING_NONE: of x, and of the target where that is x */
    AE_PARAM_SCALING_TARGET = 42, /* i64, AE_SCALING_NONE: of a y beside it; of a cross-entropy not
                                   * STANDARD (else INVALID from create) */

    /* the layer added last (ae_config_set); kept in the file */
    AE_PARAM_UNITS = 100,      /* i64: outputs of a dense layer, as given to ae_config_dense */
    AE_PARAM_ACTIVATION = 101, /* i64, AE_ACT_LINEAR */
    AE_PARAM_SLOPE = 102,      /* f64, 0.3: of leaky relu for x < 0; 0 < slope < 1 */
    AE_PARAM_BIAS = 103,       /* i64, 1: whether the layer adds a bias */
    AE_PARAM_INIT = 104,       /* i64, AE_INIT_GLOROT_UNIFORM */
    AE_PARAM_TIED = 105,       /* i64, -1 (not tied): number, from 0, of an earlier dense layer;
                                * its kernel, transposed, is this one's, so that its inputs must be
                                * these units, its units these inputs (else SHAPE from create) */
    AE_PARAM_NOISE = 110,      /* i64: AE_NOISE_*, as given to ae_config_corrupt */
    AE_PARAM_AMOUNT = 111,     /* f64, as given: standard deviation >= 0, or probability, 0 <= p < 1
                                * (else RANGE from create) */
    AE_PARAM_CLIP_LOW = 112,   /* f64, -FLT_MAX (no bound; salt and pepper: 0): least after noise */
    AE_PARAM_CLIP_HIGH = 113,  /* f64, FLT_MAX (no bound; salt and pepper: 1): largest; to be above
                                * CLIP_LOW (else RANGE from create) */
    AE_PARAM_MASK_VALUE = 114, /* f64, 0: what masking writes */
    AE_PARAM_K = 120,          /* i64: numbers of a row that topk keeps, as given; 1 to all of them
                                * (else RANGE from create) */
    AE_PARAM_SAMPLES = 121,    /* i64, 1: draws a row of a Gaussian layer, in training and in
                                * evaluation; 1 to 65536 */
    AE_PARAM_SIDE = 122,       /* i64: numbers of a side vector, as given to ae_config_concat */
    AE_PARAM_LABEL = 123,      /* i64, 0: whether the side is the number of a class, which enters as
                                * SIDE numbers, all 0 but a 1 at its place */
    AE_PARAM_REVIVAL = 124,    /* f64, 1: of topk, factor of a dead unit's gradient; 0: off */
    AE_PARAM_DEAD_AFTER = 125, /* i64, 4096: of topk, rows of training in succession that do not
                                * keep a unit, which make it dead; 1 to 2^24 */
    AE_PARAM_FILTERS = 130,    /* i64: channels that a convolution makes, as given */
    AE_PARAM_KERNEL_H = 131,   /* i64: height of the window of a convolution or pooling, as given; 1
                                * to 4096 */
    AE_PARAM_KERNEL_W = 132,   /* i64: width, or of a signal's window the length; 1 to 4096 */
    AE_PARAM_STRIDE_H = 133,   /* i64, 1 (pooling: its window): cells from window to window; 1 to
                                * 4096 */
    AE_PARAM_STRIDE_W = 134,   /* i64, likewise */
    AE_PARAM_PADDING = 135,    /* i64: AE_PADDING_*, as given */
    AE_PARAM_PAD_TOP = 136,    /* i64, 0: cells of EXPLICIT padding; 0 to 4096 */
    AE_PARAM_PAD_BOTTOM = 137, /* i64, 0 */
    AE_PARAM_PAD_LEFT = 138,   /* i64, 0 */
    AE_PARAM_PAD_RIGHT = 139,  /* i64, 0 */
    AE_PARAM_POOL = 140,       /* i64: AE_POOL_*, as given */
    AE_PARAM_FACTOR_H = 141,   /* i64: how many times as high an upsampled image is, as given; 1 to
                                * 4096 */
    AE_PARAM_FACTOR_W = 142,   /* i64, likewise */
    AE_PARAM_INTERPOLATION = 143, /* i64: AE_INTERPOLATION_*, as given */
    AE_PARAM_HEIGHT = 144,        /* i64, as given to ae_config_reshape_image; 0: a signal */
    AE_PARAM_WIDTH = 145,         /* i64, as given; of a signal the length */
    AE_PARAM_CHANNELS = 146,      /* i64, as given */
    AE_PARAM_NORM_MOMENTUM = 150, /* f64, 0.99: share of the running mean and variance that a batch
                                   * leaves; 0 <= momentum < 1 */
    AE_PARAM_NORM_EPSILON = 151,  /* f64, 1e-3: added to the variance; 0 < epsilon <= 1 */

    /* the loss added last (ae_config_set); kept in the file */
    AE_PARAM_WEIGHT = 200, /* f64, 1: factor of the loss or penalty in the sum; > 0 */
    AE_PARAM_LAYER = 201,  /* i64: layer that a penalty reads, from 0; set by ae_config_penalty */
    AE_PARAM_DELTA = 202,  /* f64, 1: of HUBER, where its square ends; > 0 */
    AE_PARAM_FREE_BITS = 203, /* f64, 0: of KL: nats of each dimension of a row that cost nothing in
                               * training (Kingma et al. 2016); >= 0, and 0 under
                               * AE_BOUND_IMPORTANCE (else INVALID from create) */
    AE_PARAM_WARMUP = 204,    /* f64, 0: of KL: epochs of training over which its weight rises
                               * from 0 (Bowman et al. 2016), step by step; 0 to 1e6 */
    AE_PARAM_TARGET = 205,    /* f64, 0.05: of KL_SPARSITY: the mean wanted; 0 < target < 1 */
    AE_PARAM_VARIANCE = 206,  /* f64, 1: of GAUSSIAN_NLL, or where its learning begins; 1e-8 to
                               * 1e8 */
    AE_PARAM_VARIANCE_KIND = 207, /* i64, AE_VARIANCE_FIXED */
    /* i64, 0: of a loss, not of a penalty: whether each feature of the output has a weight, all 1
     * until ae_model_weights_set, of "feature_weight" of the loss, changes them. MSE, MAE, HUBER and
     * BCE divide by their sum instead of d */
    AE_PARAM_FEATURE_WEIGHTS = 208,

    /* the optimiser (ae_config_set, ae_model_set); kept in the file. ae_config_optimizer puts them
     * back to their defaults */
    AE_PARAM_LEARNING_RATE = 300, /* f64, 0.001 (0.01 for SGD); 0 to 1e6; AE_PARAM_SCHEDULE
                                   * changes it with the steps */
    AE_PARAM_MOMENTUM = 301,      /* f64, 0: of SGD and RMSPROP; 0 <= momentum < 1 */
    AE_PARAM_NESTEROV = 302,      /* i64, 0: Nesterov's form of SGD's momentum */
    AE_PARAM_BETA1 = 303,         /* f64, 0.9: of Adam's first moment; 0 <= beta < 1 */
    AE_PARAM_BETA2 = 304,         /* f64, 0.999: of its second */
    AE_PARAM_EPSILON = 305,       /* f64, 1e-7: added to the root of Adam and RMSPROP;
                                   * 0 < epsilon <= 1 */
    AE_PARAM_WEIGHT_DECAY = 306,  /* f64, 0 (0.01 for ADAMW): adds weight_decay * w to the gradient
                                   * (ADAMW: apart from it); of kernels, not of biases; 0 to 1e6 */
    AE_PARAM_RHO = 307,           /* f64, 0.9: decay of RMSPROP's mean square; 0 <= rho < 1 */
    AE_PARAM_WEIGHT_DECAY_L1 = 308, /* f64, 0: adds weight_decay_l1 * sign(w), 0 at w = 0, to the
                                     * gradient (of ADAMW, too); of kernels, not of biases; 0 to 1e6 */

    /* one fit (ae_fit_options_set) */
    AE_FIT_EPOCHS = 400,   /* i64, 1: epochs in total, 0 to 2^20: a model that has done 5 goes on
                           * to this number, and is left as it is when it has done them all. For n
                           * more: ae_model_epochs(model) + n */
    AE_FIT_THREADS = 401,  /* i64, 0 (AE_PARAM_THREADS of the model): threads of this fit; to 256 */
    AE_FIT_PATIENCE = 402, /* i64, 0 (off): stops early, after so many epochs in a row without a
                              * lower validation loss (without validation: loss); to 2^20 */
    AE_FIT_MIN_CHANGE = 403, /* f64, 0: a loss is lower that lies below the lowest so far by more
                              * than this; 0 to FLT_MAX */
    AE_FIT_RESTORE = 404,    /* i64, 1: whether a fit that stops early goes back to the weights and
                              * the optimiser's state of the epoch with the lowest loss */
    AE_FIT_SPLIT = 405, /* f64, 0: share of the rows that is taken out of the data and validated
                              * on instead: of n rows n * share, rounded, at least 1 and at most
                              * n - 1, drawn by the seed. The others are trained on as if they had
                              * been given alone; 0 to below 1 */
    AE_FIT_ANEW = 406,  /* i64, 0: whether an epoch that was left open begins anew, on any data,
                         * instead of going on */
    /* i64, 0: whether events tell the gradient's norm, which takes a pass over it after each step;
     * steps stay the same bits */
    AE_FIT_GRADIENT_NORM = 407,

    /* how a model runs (ae_config_set, ae_model_set); not kept in the file */
    AE_PARAM_THREADS = 500, /* i64, 1: threads of a call; never changes a result; 1 to 256 */
    AE_PARAM_GEMM = 501,    /* i64, AE_GEMM_AUTO */
    AE_PARAM_CPU = 502,     /* i64, AE_CPU_AUTO: instruction set of the kernels */
    AE_PARAM_MEMORY = 503,  /* i64, 2^30: most bytes of a model's workspace, and of a fit's, beside
                             * arrays as large as the weights; 1 to 2^62. As many rows go at a time as
                             * fit; where one row, or a batch, does not, that is RANGE before anything
                             * is allocated */
    /* i64, 0: whether ae_score takes MSE, MAE and HUBER (its delta, too) of output and target in the
     * caller's units, not in scaled ones; other losses, and penalties, stay as they are */
    AE_PARAM_RAW_SCORES = 504
};

/* What a parameter belongs to. */
enum {
    AE_SCOPE_UNSET = -1,
    AE_SCOPE_MODEL = 0,
    AE_SCOPE_LAYER = 1,
    AE_SCOPE_TERM = 2, /* a loss */
    AE_SCOPE_OPTIM = 3,
    AE_SCOPE_FIT = 4,
    AE_SCOPE_RUN = 5
};

/* Types of parameters, and of numbers in arrays. */
enum {
    AE_TYPE_UNSET = -1,
    AE_TYPE_F32 = 1, /* float */
    AE_TYPE_U8 = 2,  /* uint8_t */
    AE_TYPE_I64 = 3, /* int64_t */
    AE_TYPE_F64 = 4, /* double */
    AE_TYPE_I16 = 5  /* int16_t */
};

/* What ae_param_at() tells of a parameter. */
typedef struct ae_param {
    size_t size;   /* sizeof(ae_param), set by the caller; becomes what the library filled in */
    int32_t id;    /* AE_PARAM_* or AE_FIT_* */
    int32_t scope; /* AE_SCOPE_* */
    int32_t type;  /* AE_TYPE_I64 or AE_TYPE_F64 */
    int32_t reserved;
    const char *name; /* "learning_rate" */
    const char *help; /* one line */
    double default_value;
    double minimum; /* both bounds are allowed values */
    double maximum;
} ae_param;

/* Describes the parameters by number, so that a binding can make its arguments from them.
 *   index   0 up to the first RANGE
 *   out     its size is sizeof(ae_param) of the caller's header, this version's or a later one's
 * INVALID: out is NULL, or its size was not set. RANGE: there is no such number.
 * Threads: any. Allocates: never. Since: 0.1. */
AE_API int32_t ae_param_at(int32_t index, ae_param *out);

/* Makes an empty description, to be freed by ae_config_free.
 *   allocator   of every block that the config and its models need; copied; what `user` points to
 *               must outlive them. NULL: malloc
 * INVALID: out is NULL, or the allocator lacks a function or has another size. NOMEM.
 * Threads: any. Allocates: yes. Since: 0.1. */
AE_API int32_t ae_config_create(ae_config **out);
AE_API int32_t ae_config_create_with(ae_config **out, const ae_allocator *allocator);
AE_API void ae_config_free(ae_config *config);

/* Says what a row of input is; comes before the layers.
 *   dim   numbers in a row, 1 to 2^24
 * INVALID: NULL. RANGE. STATE: said before.
 * Threads: one call per handle. Allocates: never. Since: 0.1. */
AE_API int32_t ae_config_input(ae_config *config, int64_t dim);

/* Says that a row is an image, height x width x channels numbers, or a signal, length x channels, row
 * by row and channels innermost, as image files have them. At most 2^24 numbers in all. Codes as
 * ae_config_input.
 * Threads: one call per handle. Allocates: never. Since: 0.1. */
AE_API int32_t ae_config_input_image(ae_config *config, int64_t height, int64_t width,
                                     int64_t channels);
AE_API int32_t ae_config_input_signal(ae_config *config, int64_t length, int64_t channels);

/* Adds a fully connected layer: y = act(x kernel + bias), kernel: inputs x units. It takes vectors:
 * images and signals go through ae_config_flatten first (else SHAPE from ae_model_create).
 *   units        outputs of a row, 1 to 2^24
 *   activation   AE_ACT_*
 * Further parameters: AE_PARAM_SLOPE, BIAS, INIT, TIED, set after this call.
 * INVALID: NULL. RANGE: units, no such activation, or more than 1024 layers. STATE: no input yet.
 * NOMEM.
 * Threads: one call per handle. Allocates: yes. Since: 0.1. */
AE_API int32_t ae_config_dense(ae_config *config, int64_t units, int32_t activation);

/* Adds a convolution, of images or of signals: y = act(conv(x, kernel) + bias), the kernel sliding
 * over x with stride 1 unless AE_PARAM_STRIDE_H and _W are set after this call. Weights: "kernel",
 * (kernel_h kernel_w channels) x filters, and "bias".
 *   filters              channels of the output, 1 to 2^20
 *   kernel, _h, _w       cells that it sees, 1 to 4096
 *   padding              AE_PADDING_*
 *   activation           AE_ACT_*
 * Further parameters: AE_PARAM_STRIDE_H, STRIDE_W, PAD_*, SLOPE, BIAS, INIT. Codes as
 * ae_config_dense; input of another rank, or a kernel above the padded input, is SHAPE from
 * ae_model_create, an output of more than 2^24 numbers RANGE.
 * Threads: one call per handle. Allocates: yes. Since: 0.1. */
AE_API int32_t ae_config_conv2d(ae_config *config, int64_t filters, int64_t kernel_h,
                                int64_t kernel_w, int32_t padding, int32_t activation);
AE_API int32_t ae_config_conv1d(ae_config *config, int64_t filters, int64_t kernel, int32_t padding,
                                int32_t activation);

/* Adds a transposed convolution, the adjoint of one from its output to its input: with stride 2 an
 * image grows to twice its size. Weights: "kernel", (kernel_h kernel_w filters) x channels, as Keras
 * has it, and "bias". Otherwise as ae_config_conv2d.
 *   stride_h, stride_w   cells of the output from window to window, 1 to 4096
 * Threads: one call per handle. Allocates: yes. Since: 0.1. */
AE_API int32_t ae_config_conv2d_transpose(ae_config *config, int64_t filters, int64_t kernel_h,
                                          int64_t kernel_w, int64_t stride_h, int64_t stride_w,
                                          int32_t padding, int32_t activation);
AE_API int32_t ae_config_conv1d_transpose(ae_config *config, int64_t filters, int64_t kernel,
                                          int64_t stride, int32_t padding, int32_t activation);

/* Adds a pooling: windows that lie side by side, unless AE_PARAM_STRIDE_H and _W are set after this
 * call, become one cell of each channel.
 *   pool      AE_POOL_*
 *   kernel_h, kernel_w, length   of a window, 1 to 4096
 *   padding   AE_PADDING_*; with SAME 7 cells in windows of 2 become 4, with VALID 3
 * Further parameters: AE_PARAM_STRIDE_H, STRIDE_W, PAD_*. Codes as ae_config_conv2d; a window that
 * lies in padding alone is SHAPE from ae_model_create, too.
 * Threads: one call per handle. Allocates: yes. Since: 0.1. */
AE_API int32_t ae_config_pool2d(ae_config *config, int32_t pool, int64_t kernel_h, int64_t kernel_w,
                                int32_t padding);
AE_API int32_t ae_config_pool1d(ae_config *config, int32_t pool, int64_t length, int32_t padding);

/* Adds an upsampling: each cell becomes factor_h x factor_w cells.
 *   factor_h, factor_w, factor   1 to 4096
 *   interpolation                AE_INTERPOLATION_*
 * Codes as ae_config_conv2d, whose bounds of the output hold here, too.
 * Threads: one call per handle. Allocates: yes. Since: 0.1. */
AE_API int32_t ae_config_upsample2d(ae_config *config, int64_t factor_h, int64_t factor_w,
                                    int32_t interpolation);
AE_API int32_t ae_config_upsample1d(ae_config *config, int64_t factor, int32_t interpolation);

/* Lets the same numbers count as a vector, as dense layers want it, as an image or as a signal.
 *   height, width, length, channels   1 to 2^24; their product is the input's (else SHAPE from create)
 * Codes as ae_config_dense.
 * Threads: one call per handle. Allocates: yes. Since: 0.1. */
AE_API int32_t ae_config_flatten(ae_config *config);
AE_API int32_t ae_config_reshape_image(ae_config *config, int64_t height, int64_t width,
                                       int64_t channels);
AE_API int32_t ae_config_reshape_signal(ae_config *config, int64_t length, int64_t channels);

/* Adds batch normalisation (Ioffe and Szegedy 2015): each channel of images and signals, each element
 * of vectors, is brought to mean "beta" and deviation "gamma" over the batch while training; otherwise
 * by the running "mean" and "variance", which are kept with the weights, but not trained.
 * Further parameters: AE_PARAM_NORM_MOMENTUM, NORM_EPSILON, SLOPE. Codes as ae_config_dense.
 * Threads: one call per handle. Allocates: yes. Since: 0.1. */
AE_API int32_t ae_config_batch_norm(ae_config *config, int32_t activation);

/* Adds layer normalisation (Ba et al. 2016): each row of vectors, each pixel of images and signals, is
 * brought to mean 0 and deviation 1 over its channels, then times "gamma", plus "beta".
 * Further parameters: AE_PARAM_NORM_EPSILON, SLOPE. Codes as ae_config_dense.
 * Threads: one call per handle. Allocates: yes. Since: 0.1. */
AE_API int32_t ae_config_layer_norm(ae_config *config, int32_t activation);

/* Adds an activation as a layer of its own: y = act(x).
 *   activation   AE_ACT_*
 * Further parameter: AE_PARAM_SLOPE. Codes as ae_config_dense.
 * Threads: one call per handle. Allocates: yes. Since: 0.1. */
AE_API int32_t ae_config_activation(ae_config *config, int32_t activation);

/* Adds a layer that corrupts its input while training and otherwise passes it on as it is: before the
 * first layer for a model that restores what was corrupted (the target stays as it was), after a
 * hidden one to regularise. Every epoch, row and element has a draw of its own, a function of the
 * seed: the same for any batch size and number of threads. Encoding, decoding, scores and validation
 * see no noise.
 *   noise    AE_NOISE_*
 *   amount   Gaussian: standard deviation, 0 to FLT_MAX; any other: probability, 0 to below 1
 * Further parameters: AE_PARAM_CLIP_LOW, CLIP_HIGH, MASK_VALUE. Codes as ae_config_dense; a
 * probability of 1 or more is RANGE from ae_model_create.
 * Threads: one call per handle. Allocates: yes. Since: 0.1. */
AE_API int32_t ae_config_corrupt(ae_config *config, int32_t noise, double amount);

/* Adds a layer that keeps the k largest numbers of each row, of equal ones the first, and makes the
 * others 0, in training as in use (Makhzani and Frey 2013). A NaN makes its whole row NaN. Comes best
 * after a linear dense layer; often it is the code.
 *   k   1 to the numbers in a row
 * Further parameters: AE_PARAM_REVIVAL, DEAD_AFTER. A unit, one place of the row, that is never kept
 * gets no gradient and would stay as it is. Where each of the last AE_PARAM_DEAD_AFTER rows of training
 * left it 0 it is dead, and gets the gradient of the rows that want more of it as if they had kept it,
 * times AE_PARAM_REVIVAL, until one does. AE_METRIC_DEAD_UNITS counts dead units; the weights "idle",
 * 1 x units, count the rows of each. Codes as ae_config_dense; k beyond the numbers in a row is RANGE
 * from ae_model_create.
 * Threads: one call per handle. Allocates: yes. Since: 0.1. */
AE_API int32_t ae_config_topk(ae_config *config, int64_t k);

/* Adds a layer that draws its output from normal distributions, whose means and log-variances are
 * its input: of 2 d numbers the first d are means m, the other d give the log-variances l, bounded
 * smoothly, log v = 20 tanh(l / 20); y = m + sqrt(v) z, z standard normal (Kingma and Welling 2014;
 * Rezende et al. 2014). A dense layer of 2 d linear units comes before it, AE_PENALTY_KL on it:
 *     ae_config_dense(config, 2 * 20, AE_ACT_LINEAR);
 *     ae_config_gaussian(config);
 *     ae_config_penalty(config, AE_PENALTY_KL, 1);
 *     ae_config_code(config);
 * Training draws anew each epoch and row, evaluation and scores the same for a row's number each
 * time; ae_encode, ae_reconstruct and ae_features give the mean. A chain has at most one.
 * Further parameter: AE_PARAM_SAMPLES. Codes as ae_config_dense; an input of an odd number, or a
 * second such layer, is SHAPE from ae_model_create.
 * Threads: one call per handle. Allocates: yes. Since: 0.1. */
AE_API int32_t ae_config_gaussian(ae_config *config);

/* Adds a layer that appends each row's side vector (AE_DATA_SIDE) to its input: what the model is
 * told besides x, in the encoder, the decoder, or both. The second form takes labels: a side of one
 * number, the row's class, 0 to classes - 1, which enters as `classes` numbers, all 0 but a 1 at
 * its place. Such a model is fed by the ..._data functions. All side vectors of a chain are of one
 * form (else SHAPE from ae_model_create).
 *   dim, classes   1 to 2^24
 * Codes as ae_config_dense.
 * Threads: one call per handle. Allocates: yes. Since: 0.1. */
AE_API int32_t ae_config_concat(ae_config *config, int64_t dim);
AE_API int32_t ae_config_concat_label(ae_config *config, int64_t classes);

/* Marks the output of the layer added last as the code: the layers so far are the encoder, those to
 * come the decoder. Every model needs one.
 * INVALID: NULL. STATE: no layer yet, or marked before.
 * Threads: one call per handle. Allocates: never. Since: 0.1. */
AE_API int32_t ae_config_code(ae_config *config);

/* Adds a loss on the output of the last layer. The model's loss is the sum of all, each times its
 * AE_PARAM_WEIGHT; training, scores and evaluation need at least one.
 *   loss   AE_LOSS_*
 * INVALID: NULL, or no such loss. RANGE: more than 64. NOMEM.
 * Threads: one call per handle. Allocates: yes. Since: 0.1. */
AE_API int32_t ae_config_loss(ae_config *config, int32_t loss);

/* Adds a penalty on the output of the layer added last, often the code. It is a part of the model's
 * loss, of ae_evaluate and of ae_score.
 *   penalty   AE_PENALTY_*
 *   weight    its factor in the sum, above 0 (AE_PARAM_WEIGHT)
 * INVALID: NULL, or no such penalty. RANGE: weight. STATE: no layer yet. NOMEM.
 * Threads: one call per handle. Allocates: yes. Since: 0.1. */
AE_API int32_t ae_config_penalty(ae_config *config, int32_t penalty, double weight);

/* Chooses the optimiser and puts its parameters at their defaults. Without this call:
 * AE_OPTIM_ADAM.
 *   optimizer   AE_OPTIM_*
 * INVALID: NULL, or no such optimiser.
 * Threads: one call per handle. Allocates: never. Since: 0.1. */
AE_API int32_t ae_config_optimizer(ae_config *config, int32_t optimizer);

/* Sets or gets a parameter of the model, of the layer added last, of the loss added last, of the
 * optimiser, or of how models run, by its scope.
 *   param   AE_PARAM_*, of the type in the function's name
 *   value   within its bounds
 * INVALID: NULL, no such parameter, of the other type, or not one that the layer, loss or optimiser
 * takes. RANGE: out of bounds, or not finite. STATE: no layer or loss yet. A get never sticks.
 * Threads: one call per handle. Allocates: never. Since: 0.1. */
AE_API int32_t ae_config_set_i64(ae_config *config, int32_t param, int64_t value);
AE_API int32_t ae_config_set_f64(ae_config *config, int32_t param, double value);
AE_API int32_t ae_config_get_i64(const ae_config *config, int32_t param, int64_t *value);
AE_API int32_t ae_config_get_f64(const ae_config *config, int32_t param, double *value);

/* ------------------------------------------------------------------------------------------------
 * Presets
 *
 * The usual models in one call, for a config without an input. Each is short for the calls that its
 * comment lists, where `out` is AE_ACT_SIGMOID for AE_LOSS_BCE and AE_LOSS_BERNOULLI_NLL, whose rows
 * lie in [0, 1], and AE_ACT_LINEAR for any other loss. Optimiser, batch, seed and whatever is set for
 * the whole model are the caller's, before or after; parameters of layers are at their defaults. A
 * model that differs is built by the calls themselves.
 *   input   numbers in a row, 1 to 2^24
 *   code    dimensions of the code, 1 to 2^24
 *   loss    AE_LOSS_*
 * INVALID: NULL, or no such loss. RANGE: a number out of its bounds. STATE: it has an input. NOMEM.
 * Like all failures on a config these stick.
 * --------------------------------------------------------------------------------------------- */

/* The model with which most begin.
 *     ae_config_input(config, input);
 *     ae_config_dense(config, code, AE_ACT_RELU);
 *     ae_config_code(config);
 *     ae_config_dense(config, input, out);
 *     ae_config_loss(config, loss);
 * Threads: one call per handle. Allocates: yes. Since: 0.1. */
AE_API int32_t ae_preset_vanilla(ae_config *config, int64_t input, int64_t code, int32_t loss);

/* Several layers each way, the decoder mirroring the encoder (Hinton and Salakhutdinov 2006).
 *     ae_config_input(config, input);
 *     ae_config_dense(config, hidden[0], AE_ACT_RELU);             up to hidden[count - 1]
 *     ae_config_dense(config, code, AE_ACT_LINEAR);
 *     ae_config_code(config);
 *     ae_config_dense(config, hidden[count - 1], AE_ACT_RELU);     down to hidden[0]
 *     ae_config_dense(config, input, out);
 *     ae_config_loss(config, loss);
 *   hidden   units of `count` layers, from the input on; NULL with a count of 0: none
 *   count    0 to 511
 * Threads: one call per handle. Allocates: yes. Since: 0.1. */
AE_API int32_t ae_preset_deep(ae_config *config, int64_t input, const int64_t *hidden, size_t count,
                              int64_t code, int32_t loss);

/* Restores rows that were corrupted (Vincent et al. 2008). Rows in [0, 1] stay there.
 *     ae_config_input(config, input);
 *     ae_config_corrupt(config, noise, amount);
 *     ae_config_set_f64(config, AE_PARAM_CLIP_LOW, 0);             where out is AE_ACT_SIGMOID
 *     ae_config_set_f64(config, AE_PARAM_CLIP_HIGH, 1);            likewise
 *     ae_config_dense(config, code, AE_ACT_RELU);
 *     ae_config_code(config);
 *     ae_config_dense(config, input, out);
 *     ae_config_loss(config, loss);
 *   noise, amount   as of ae_config_corrupt
 * Threads: one call per handle. Allocates: yes. Since: 0.1. */
AE_API int32_t ae_preset_denoising(ae_config *config, int64_t input, int64_t code, int32_t noise,
                                   double amount, int32_t loss);

/* A code, often wider than the input, of which a row uses little (Olshausen and Field 1996).
 *     ae_config_input(config, input);
 *     ae_config_dense(config, code, AE_ACT_RELU);
 *     ae_config_penalty(config, AE_PENALTY_L1, weight);
 *     ae_config_code(config);
 *     ae_config_dense(config, input, out);
 *     ae_config_loss(config, loss);
 *   weight   of the penalty, above 0; beside a loss that is a mean over a row's numbers often 1e-4
 *            to 1e-3, beside a likelihood, their sum, as many times that as a row has numbers
 * Threads: one call per handle. Allocates: yes. Since: 0.1. */
AE_API int32_t ae_preset_sparse(ae_config *config, int64_t input, int64_t code, double weight,
                                int32_t loss);

/* A code, often wider than the input, of which a row uses k numbers (Makhzani and Frey 2013).
 *     ae_config_input(config, input);
 *     ae_config_dense(config, code, AE_ACT_LINEAR);
 *     ae_config_topk(config, k);
 *     ae_config_code(config);
 *     ae_config_dense(config, input, out);
 *     ae_config_loss(config, loss);
 *   k   1 to code (above: RANGE from ae_model_create)
 * Threads: one call per handle. Allocates: yes. Since: 0.1. */
AE_API int32_t ae_preset_topk(ae_config *config, int64_t input, int64_t code, int64_t k,
                              int32_t loss);

/* A model that draws new rows, too (Kingma and Welling 2014; Rezende et al. 2014).
 *     ae_config_input(config, input);
 *     ae_config_dense(config, hidden, AE_ACT_RELU);
 *     ae_config_dense(config, 2 * code, AE_ACT_LINEAR);
 *     ae_config_gaussian(config);
 *     ae_config_loss(config, loss);
 *     ae_config_set_i64(config, AE_PARAM_VARIANCE_KIND, AE_VARIANCE_GLOBAL);     GAUSSIAN_NLL
 *     ae_config_penalty(config, AE_PENALTY_KL, 1);
 *     ae_config_code(config);
 *     ae_config_dense(config, hidden, AE_ACT_RELU);
 *     ae_config_dense(config, input, out);
 * The penalty is the loss added last, so that AE_PARAM_WEIGHT, WARMUP and FREE_BITS can be set next.
 *   code   here 1 to 2^23
 *   loss   AE_LOSS_BERNOULLI_NLL or AE_LOSS_GAUSSIAN_NLL, in nats as the penalty is: the model's
 *          loss is then the negative evidence lower bound
 * Threads: one call per handle. Allocates: yes. Since: 0.1. */
AE_API int32_t ae_preset_variational(ae_config *config, int64_t input, int64_t hidden, int64_t code,
                                     int32_t loss);

/* The same, told the class of each row, and then asked for rows of a class (Kingma et al. 2014;
 * Sohn et al. 2015): the calls of ae_preset_variational, with
 *     ae_config_concat_label(config, classes);
 * before each of its two hidden layers. Fed by the ..._data functions, with labels as AE_DATA_SIDE.
 *   classes   1 to 2^24
 * Threads: one call per handle. Allocates: yes. Since: 0.1. */
AE_API int32_t ae_preset_conditional(ae_config *config, int64_t input, int64_t classes,
                                     int64_t hidden, int64_t code, int32_t loss);

/* ------------------------------------------------------------------------------------------------
 * Create a model
 * --------------------------------------------------------------------------------------------- */

/* Layers with weights, the memory to run them, and what training has left. Independent of the
 * config that it was made from. */
typedef struct ae_model ae_model;

/* Plans, allocates and initialises a model, to be freed by ae_model_free. The config stays as it
 * is.
 * Fails with the first failure of the config's calls; INVALID: NULL, or a loss that does not go
 * with the last activation or the scaling; STATE: no input, layer or code; SHAPE: layers that do not
 * fit each other, or penalties that keep more sums than there are weights; RANGE: sizes that
 * overflow, or a workspace above AE_PARAM_MEMORY; NOMEM; UNSUPPORTED: AE_PARAM_CPU or AE_PARAM_GEMM
 * names what is not there.
 * Threads: one call per config. Allocates: yes. Since: 0.1. */
AE_API int32_t ae_model_create(ae_model **out, const ae_config *config);
AE_API void ae_model_free(ae_model *model);

/* Makes a second handle on the same model, for another thread: the weights are not copied, the
 * workspace is its own, so that both can be used at once, without a lock and with the same bits. A share
 * can do all that leaves the model as it is: "Use", "Draw", "Look inside", "Save".
 *   model   may be a share itself; may be freed before its shares, and those in any order: what they
 *           have in common goes with the last
 * While a share is there, on every handle, also on the first, ae_fit, ae_fit_batch,
 * ae_model_weights_set, ae_model_strip and ae_model_set of what is kept in the file answer BUSY; once
 * they are all freed the first handle may be trained again. Parameters of scope run are each handle's
 * own, at first those of `model` but for AE_PARAM_THREADS, which is 1.
 * A share takes the workspace that its summary tells, within AE_PARAM_MEMORY, and some kilobytes for
 * the description, from the model's allocator.
 * INVALID: NULL. STATE: a forked process. BUSY: the model is being trained, on this thread (a progress
 * callback) or on another. NOMEM: also where a thread cannot be had.
 * Threads: as const, also while other threads use, share or free other handles on the model, or train
 * this one (BUSY). Allocates: yes. Since: 0.1. */
AE_API int32_t ae_model_share(ae_model **out, ae_model *model);

/* Numbers in a row of input, code and output; 0 for NULL.
 * Threads: as const. Allocates: never. Since: 0.1. */
AE_API int64_t ae_model_input_dim(const ae_model *model);
AE_API int64_t ae_model_code_dim(const ae_model *model);
AE_API int64_t ae_model_output_dim(const ae_model *model);

/* Number of layers; numbers in a row of the output of layer 0 up to that. 0 for NULL or no such
 * layer.
 * Threads: as const. Allocates: never. Since: 0.1. */
AE_API int32_t ae_model_layers(const ae_model *model);
AE_API int64_t ae_model_layer_dim(const ae_model *model, int32_t layer);

/* Number of losses and penalties. 0 for NULL.
 * Threads: as const. Allocates: never. Since: 0.1. */
AE_API int32_t ae_model_terms(const ae_model *model);

/* Weights in all, layers' state included; complete epochs and optimiser steps so far. 0 for NULL.
 * Threads: as const. Allocates: never. Since: 0.1. */
AE_API int64_t ae_model_weights(const ae_model *model);
AE_API int64_t ae_model_epochs(const ae_model *model);
AE_API int64_t ae_model_steps(const ae_model *model);

/* Writes layers, shapes, weights, memory and training set-up as a table of text, ended by NUL.
 *   text     cap bytes; NULL with cap 0: only *length is wanted
 *   length   becomes the length without the NUL; may be NULL
 * INVALID: model is NULL, or text with a cap that is not 0. RANGE: cap is not above the length.
 * Threads: as const. Allocates: never. Since: 0.1. */
AE_API int32_t ae_model_summary(const ae_model *model, char *text, size_t cap, size_t *length);

/* Changes, or reads, a parameter of scope model, optim or run between calls: a lower learning rate,
 * more threads. Codes as ae_config_set, and: RANGE: threads whose workspace is above
 * AE_PARAM_MEMORY, or an AE_PARAM_MEMORY below the workspace; STATE: fixed once a model exists (those
 * of layers and losses, AE_PARAM_SEED, MISSING, SCALING_INPUT and SCALING_TARGET), or a forked
 * process; BUSY: called from a progress callback, or of scope model or optim while the model has
 * shares; UNSUPPORTED, NOMEM: the instruction set, BLAS or threads cannot be had. On failure all is as
 * it was.
 * Threads: one call per handle. Allocates: for scope run, where threads or instruction set want more.
 * Since: 0.1. */
AE_API int32_t ae_model_set_i64(ae_model *model, int32_t param, int64_t value);
AE_API int32_t ae_model_set_f64(ae_model *model, int32_t param, double value);
AE_API int32_t ae_model_get_i64(const ae_model *model, int32_t param, int64_t *value);
AE_API int32_t ae_model_get_f64(const ae_model *model, int32_t param, double *value);

/* ------------------------------------------------------------------------------------------------
 * Data
 * --------------------------------------------------------------------------------------------- */

/* A view of the caller's arrays, which are neither copied nor changed, and must stay until the call
 * that uses the view returns; or of rows that are read when they are wanted, from a function of the
 * caller's or a file, and may be more than memory holds. Wherever data are taken, either will do. */
typedef struct ae_data ae_data;

/* What an array is. */
enum {
    AE_DATA_UNSET = -1,
    AE_DATA_X = 0,    /* the input */
    AE_DATA_Y = 1,    /* the target; without it the input is the target */
    AE_DATA_SIDE = 2, /* what the concat layers append, for models that have some */
    /* A weight for each row: of dimension 1, finite, not below 0; without it all are 1. The losses of
     * training and of ae_evaluate are means over rows by weight, sum w v / sum w: in one batch a row of
     * weight 2 counts as if it stood there twice, one of weight 0 not at all. Penalties are weighed with
     * the losses. Batch normalisation and topk layers, which look at rows and not at losses, take all rows
     * alike, and so do scores and all other uses. A batch whose weights are all 0 has the gradient 0, of
     * which the optimiser makes a step; until some are not an event's losses are NaN. All weights of the
     * data may not be 0: RANGE, of an array before the first step, of data that are read at the end. */
    AE_DATA_WEIGHT = 3
};

/* Makes an empty view, to be freed by ae_data_free. INVALID and NOMEM as ae_config_create.
 * Threads: any. Allocates: yes. Since: 0.1. */
AE_API int32_t ae_data_create(ae_data **out);
AE_API int32_t ae_data_create_with(ae_data **out, const ae_allocator *allocator);
AE_API void ae_data_free(ae_data *data);

/* Sets one array: its rows one after the other, its numbers used as they are. Setting a role again
 * replaces the array and forgets its scale and stride.
 *   role     AE_DATA_*
 *   type     AE_TYPE_F32, F64, U8 or I16
 *   values   rows x dim numbers, aligned for their type
 *   rows     1 to 2^40 - 1; x and y must have as many when the view is used (else SHAPE there)
 *   dim      numbers in a row, 1 to 2^24
 * INVALID: NULL, misaligned, or an unknown role or type. RANGE: rows or dim, or sizes that
 * overflow. On failure the view is as it was.
 * Threads: one call per handle. Allocates: never. Since: 0.1. */
AE_API int32_t ae_data_array(ae_data *data, int32_t role, int32_t type, const void *values,
                             int64_t rows, int64_t dim);

/* Reads rows for the library.
 *   first_row   from 0
 *   rows        at least 1, all of them there: first_row + rows is at most the rows said
 *   out         rows x dim numbers of the type said, to be written all
 * 0: done. Anything else: it could not; the call that wanted the rows ends with IO. It must not call
 * the library with the model, or the view, that it reads for. */
typedef int32_t ae_read(void *user, int64_t first_row, int64_t rows, void *out);

/* What such a function does beyond. */
enum {
    AE_SOURCE_UNSET = -1,
    /* It cannot jump: first_row is where its last call ended, or 0, to begin anew (the first time,
     * too). Orders of AE_SHUFFLE_FULL and BLOCK want it to (STATE from ae_fit). */
    AE_SOURCE_IN_ORDER = 1,
    /* It may be called on a thread of the library's, but never twice at once by one call of it. A
     * fit with more than one thread then reads ahead while it trains. Without this flag it is called
     * on the thread that called the library. */
    AE_SOURCE_ANY_THREAD = 2
};

/* Sets what a function reads, in place of an array. Its rows are checked as they come: see ae_fit.
 *   role, type, rows, dim   as ae_data_array
 *   read, user              kept, as `user` points to, until ae_data_free, or the role is set again
 *   flags                   sum of AE_SOURCE_*, 0: none
 * INVALID: NULL, or an unknown role, type or flag. RANGE: rows or dim. NOMEM. On failure the view is
 * as it was.
 * Threads: one call per handle; so, too, all calls that use a view with AE_SOURCE_IN_ORDER (else
 * BUSY from one of them). Allocates: yes. Since: 0.1. */
AE_API int32_t ae_data_source(ae_data *data, int32_t role, int32_t type, ae_read *read, void *user,
                              int64_t rows, int64_t dim, int32_t flags);

/* Sets the numbers of a file, which may be larger than memory: NumPy's .npy (format 1 to 3, in C
 * order, of f4, f8, i2 in either byte order, or u1), or IDX as MNIST has it (types 0x08, 0x0B, 0x0D,
 * 0x0E; not compressed). The first dimension counts rows; the others multiply to the numbers in one,
 * 1 where there are none. The file stays open until ae_data_free, or the role is set again; it is
 * read in pieces, never mapped, and should not change meanwhile: one that has become shorter is IO
 * when that is found.
 *   path   of a regular file, which is not needed after the call
 * INVALID: NULL, or an unknown role. IO: no regular file that can be read. FORMAT: any other bytes, or
 * not as many as the header says. RANGE: rows or dim. NOMEM. On failure the view is as it was.
 * Threads: one call per handle; a view of files may be used by many calls. Allocates: yes.
 * Since: 0.1. */
AE_API int32_t ae_data_npy(ae_data *data, int32_t role, const char *path);
AE_API int32_t ae_data_idx(ae_data *data, int32_t role, const char *path);

/* What a role has; each may be NULL. INVALID: NULL, or an unknown role. STATE: the role has no array.
 * Threads: as const. Allocates: never. Since: 0.1. */
AE_API int32_t ae_data_shape(const ae_data *data, int32_t role, int64_t *rows, int64_t *dim);

/* Lets each number of an array enter as value * scale + offset: scale 1.0 / 255 and offset 0 take
 * 8-bit images to [0, 1]. Doubles are scaled in double, then rounded to float; all else is computed
 * in float, product and sum each rounded.
 * INVALID: NULL or an unknown role. STATE: the role has no array. RANGE: scale, offset, or what they
 * make of a number of 8 or 16 bits, is not finite as float.
 * Threads: one call per handle. Allocates: never. Since: 0.1. */
AE_API int32_t ae_data_scale(ae_data *data, int32_t role, double scale, double offset);

/* Says how far rows lie apart, where they are part of a wider table.
 *   bytes   from row to row: a multiple of the type's size, at least dim of them
 * INVALID: NULL or an unknown role. STATE: the role has no array, or is read. RANGE.
 * Threads: one call per handle. Allocates: never. Since: 0.1. */
AE_API int32_t ae_data_stride(ae_data *data, int32_t role, int64_t bytes);

/* ------------------------------------------------------------------------------------------------
 * Train
 * --------------------------------------------------------------------------------------------- */

/* What an event tells of. */
enum {
    AE_EVENT_UNSET = -1,
    AE_EVENT_BATCH = 1, /* a step has been made */
    AE_EVENT_EPOCH = 2, /* an epoch is over, validation included */
    AE_EVENT_STOP = 3   /* AE_FIT_PATIENCE has run out: `epoch` is the one of the lowest loss, which
                         * is val_loss, or loss without validation, and its weights are restored
                         * unless AE_FIT_RESTORE is 0. The value returned is of no meaning */
};

/* What a progress callback is told. Later versions only append members: those within `size` bytes
 * are there. */
typedef struct ae_event {
    size_t size;
    int32_t kind;         /* AE_EVENT_* */
    int32_t n_terms;      /* losses and penalties of the model */
    int64_t epoch;        /* the current one, from 1 */
    int64_t epochs;       /* AE_FIT_EPOCHS */
    int64_t step;         /* steps done in this epoch */
    int64_t steps;        /* steps of an epoch */
    double loss;          /* mean over the epoch's rows so far, each taken when it was trained on */
    double val_loss;      /* NaN in a batch event, and without validation data */
    double learning_rate; /* of the step just made */
    double seconds;       /* since the epoch began, validation included */
    /* The parts of both losses: of each loss and penalty, in the order in which they were added, its
     * mean without its weight. val_terms: NULL where val_loss is NaN. Valid during the call. */
    const double *terms;
    const double *val_terms;
    double gradient_norm; /* of the step just made, before clipping; NaN where no step was made, or
                             * neither AE_FIT_GRADIENT_NORM nor AE_PARAM_CLIP_NORM asks for it */
    double rows_per_second; /* trained on since the epoch began, or was gone on with, without
                             * validation; 0 before the first */
} ae_event;

/* Called on the thread that called ae_fit, between steps. A value other than 0 ends the training:
 * at an AE_EVENT_EPOCH that epoch is complete, at an AE_EVENT_BATCH its step is. It may look into
 * the model, run it and save it. ae_fit, ae_fit_batch, ae_model_set, ae_model_weights_set, ae_model_strip
 * and ae_model_share answer BUSY, and the model must not be freed. */
typedef int32_t ae_progress(const ae_event *event, void *user);

/* What one run of ae_fit wants. As with a config, the first call that fails sticks: later calls,
 * and ae_fit, return the same code and message. */
typedef struct ae_fit_options ae_fit_options;

/* Makes options at their defaults, to be freed by ae_fit_options_free. INVALID and NOMEM as
 * ae_config_create.
 * Threads: any. Allocates: yes. Since: 0.1. */
AE_API int32_t ae_fit_options_create(ae_fit_options **out);
AE_API int32_t ae_fit_options_create_with(ae_fit_options **out, const ae_allocator *allocator);
AE_API void ae_fit_options_free(ae_fit_options *options);

/* Sets or gets an AE_FIT_* parameter. INVALID and RANGE as ae_config_set.
 * Threads: one call per handle. Allocates: never. Since: 0.1. */
AE_API int32_t ae_fit_options_set_i64(ae_fit_options *options, int32_t param, int64_t value);
AE_API int32_t ae_fit_options_get_i64(const ae_fit_options *options, int32_t param, int64_t *value);
AE_API int32_t ae_fit_options_set_f64(ae_fit_options *options, int32_t param, double value);
AE_API int32_t ae_fit_options_get_f64(const ae_fit_options *options, int32_t param, double *value);

/* Gives rows on which ae_evaluate's loss is taken after each epoch; they are never trained on. (For a
 * share of the training data: AE_FIT_SPLIT.) The second form takes any data. What is given is borrowed
 * until ae_fit returns, and checked there.
 *   x      rows x input dimensions; NULL: no validation
 *   y      rows x output dimensions; NULL: x is the target
 *   data   a view; NULL: no validation
 * INVALID: options is NULL. RANGE: rows below 1.
 * Threads: one call per handle. Allocates: never. Since: 0.1. */
AE_API int32_t ae_fit_options_validation(ae_fit_options *options, const float *x, const float *y,
                                         int64_t rows);
AE_API int32_t ae_fit_options_validation_data(ae_fit_options *options, const ae_data *data);

/* Gives a function to call after each step and each epoch; NULL: none. INVALID: options is NULL.
 * Threads: one call per handle. Allocates: never. Since: 0.1. */
AE_API int32_t ae_fit_options_progress(ae_fit_options *options, ae_progress *progress, void *user);

/* Has ae_fit save the model to a file again and again while it trains, as ae_model_save does: the file
 * is the last checkpoint or the one before, never a part of one, whatever ends the process. Loaded
 * and fitted with the same data and options, a checkpoint goes on with the next step, also in the
 * middle of an epoch, and ends with the bits of a training that was never interrupted. One is due at
 * each of the marks that are not 0, and when ae_fit ends, unless by an error other than CANCELLED.
 *   path      copied; NULL: no checkpoints, and the marks are of no meaning
 *   epochs    after each multiple of it, counted by ae_model_epochs
 *   steps     after each multiple of it, counted by ae_model_steps
 *   seconds   after the first step that ends so long after the last checkpoint, or the beginning
 * INVALID: options is NULL. RANGE: a mark below 0 or not finite, or all 0. NOMEM.
 * Threads: one call per handle. Allocates: yes. Since: 0.1. */
AE_API int32_t ae_fit_options_checkpoint(ae_fit_options *options, const char *path, int64_t epochs,
                                         int64_t steps, double seconds);

/* Trains until the model has done AE_FIT_EPOCHS epochs in all; does nothing where it has, also on
 * other rows.
 *   x         rows x input dimensions
 *   y         rows x output dimensions; NULL: x is the target. Noisy x and clean y train a denoiser
 *   rows      1 to 2^40 - 1
 *   options   NULL: the defaults, one epoch in all
 *
 * Every random draw depends on the seed, the epoch and the row alone. So training 5 epochs, saving,
 * loading and training to 10 gives the bits of training 10 at once, and the number of threads
 * changes nothing.
 *
 * With AE_FIT_PATIENCE it stops early and returns AE_OK. What it knows of the epochs (lowest loss,
 * epochs waited, best weights) stays in the model and its file until ae_model_strip, or a fit without
 * patience or on other data: a later fit on the same data does nothing unless it has more patience.
 * Counts of epochs and steps, schedules and history go on over a restoration.
 *
 * Found before the first step, with the model unchanged: INVALID (NULL, misaligned, both validation
 * data and AE_FIT_SPLIT, or a scaling that ae_fit_scaling refuses), STATE (no loss, a forked process,
 * or an epoch left open on other data: see CANCELLED), BUSY (called from a progress callback, or the
 * model has shares), SHAPE (dimensions other than the model's), RANGE (rows; targets outside [0, 1] of
 * a cross-entropy; weights below 0 or all 0; a batch that needs more than AE_PARAM_MEMORY), NONFINITE
 * (infinity in the data, or NaN where AE_PARAM_MISSING does not allow it), IO (a checkpoint's path
 * cannot be written to), NOMEM, UNSUPPORTED (a library without training). A child that the callback
 * forks gets STATE on its return, where the fit has threads.
 *
 * Data that are read (ae_data_source, ae_data_npy, ae_data_idx) give the bits of the same rows in
 * memory. Of them a window is in memory, AE_PARAM_SHUFFLE_BLOCK x SHUFFLE_WINDOW rows whatever the
 * order; with more than one thread a second one, which is read meanwhile, on one more thread of the
 * library's; AE_FIT_SPLIT takes 8 bytes a row besides. AE_SHUFFLE_FULL reads row by row, which is
 * slow, AE_SHUFFLE_BLOCK blocks. Data that come in order alone want AE_SHUFFLE_WINDOW or NONE (else
 * STATE, before the first step), and are told from others by their first 256 rows. IO (the function
 * failed, the file ended), and NONFINITE and RANGE of their numbers, come with the rows that they
 * are found in: the steps made before stay, and a later fit on the same data goes on with the next.
 *
 * CANCELLED: the callback ended it with something left to do. The completed steps stay. A later fit
 * on the same data goes on with the next step, as if it had not been cancelled; on other data (told
 * by the number of rows and a sum over 256 of them) it is STATE, unless AE_FIT_ANEW is 1.
 * IO: a checkpoint could not be written. The completed steps stay, as with CANCELLED.
 * DIVERGED: a loss, a weight or the optimiser's state was not finite; told, too, in place of any code
 * above where the last step left it so. The model is as after its last complete epoch of this call, or
 * where there is none as it was before the call, to the byte.
 * Threads: one call per handle. Allocates: before the first step. Since: 0.1. */
AE_API int32_t ae_fit(ae_model *model, const float *x, const float *y, int64_t rows,
                      const ae_fit_options *options);
AE_API int32_t ae_fit_data(ae_model *model, const ae_data *data, const ae_fit_options *options);

/* Makes one step of the optimiser on these rows, as they come: for a model that goes on learning while
 * it is used. What it needs is kept in the model and its file; nothing grows with the number of calls.
 *   x, y   as for ae_fit
 *   rows   1 to 2^24, of the whole call: AE_PARAM_BATCH and SHUFFLE have no say
 *   loss   becomes the mean loss of these rows, by weight, each before the step; may be NULL
 * There are no epochs here. Schedules go by the steps, which ae_fit's are counted with; a plateau, a
 * history, early stopping and checkpoints belong to ae_fit, and an epoch that it left open waits for it.
 * A warm-up of a penalty is taken as over. Random draws are functions of the step, so that every call
 * has others. One row that is out of all bounds can spoil what was learnt: AE_PARAM_CLIP_NORM helps.
 * Codes as ae_fit, but never CANCELLED or IO. DIVERGED: the model is as it was before the call.
 * Threads: one call per handle. Allocates: where there were never so many rows. Since: 0.1. */
AE_API int32_t ae_fit_batch(ae_model *model, const float *x, const float *y, int64_t rows,
                            double *loss);
AE_API int32_t ae_fit_batch_data(ae_model *model, const ae_data *data, double *loss);

/* The mean of ae_fit_batch's losses up to the 100th call, then r + (loss - r) / 100 at each. NaN for
 * NULL, or before the first call.
 * Threads: as const. Allocates: never. Since: 0.1. */
AE_API double ae_model_running_loss(const ae_model *model);

/* What the history holds, a value an epoch. */
enum {
    AE_METRIC_UNSET = -1,
    AE_METRIC_LOSS = 0,          /* mean over the epoch's rows, by weight, each taken when it was
                                  * trained on */
    AE_METRIC_VAL_LOSS = 1,      /* of the validation data after the epoch; NaN without any */
    AE_METRIC_LEARNING_RATE = 2, /* of the epoch's last step */
    AE_METRIC_DEAD_UNITS = 3,    /* of all topk layers after the epoch; NaN without such a layer */
    AE_METRIC_ACTIVE_UNITS = 4,  /* dimensions of a Gaussian layer whose mean has a variance above
                                 * 0.01 over the epoch's rows (Burda et al. 2016); NaN without one,
                                 * or without AE_PENALTY_KL on it */
    AE_METRIC_WARNINGS = 5,      /* sum of AE_WARNING_*, 0: none */
    AE_METRIC_TERM = 100,        /* TERM + i: mean of loss or penalty i without its weight; i counts
                                 * both in the order in which they were added, from 0 */
    AE_METRIC_VAL_TERM = 200     /* VAL_TERM + i: the same of the validation data */
};

/* What AE_METRIC_WARNINGS is made of. */
enum {
    AE_WARNING_UNSET = -1,
    AE_WARNING_COLLAPSE = 1 /* no unit of the Gaussian layer is active: its posterior has collapsed
                             * to the prior, and the code tells nothing of x. A warm-up, free bits or
                             * a smaller weight of the KL penalty help */
};

/* Copies a metric of all complete epochs; the history is kept in the file.
 *   metric   AE_METRIC_*
 *   values   cap numbers; NULL with cap 0: only *count is wanted
 *   count    becomes the number of epochs; may be NULL
 * INVALID: model is NULL, values with a cap that is not 0, or no such metric. RANGE: cap below the
 * count.
 * Threads: as const. Allocates: never. Since: 0.1. */
AE_API int32_t ae_model_history(const ae_model *model, int32_t metric, double *values, size_t cap,
                                size_t *count);

/* Gives back what only training needs: its workspace, the optimiser's state, history, counts of
 * epochs and steps. The weights stay; the saved file shrinks to about a third under Adam; a later
 * fit begins at epoch 1. INVALID: NULL. STATE: a forked process. BUSY: called from a progress
 * callback, or the model has shares.
 * Threads: one call per handle. Allocates: never. Since: 0.1. */
AE_API int32_t ae_model_strip(ae_model *model);

/* ------------------------------------------------------------------------------------------------
 * Scale
 *
 * Of models with AE_PARAM_SCALING_INPUT or AE_PARAM_SCALING_TARGET: each feature v enters as
 * (v - offset) / scale, and outputs come back as output * scale + offset. The first ae_fit fits both
 * before its first step, in one pass over the rows that it trains on, which count alike whatever they
 * weigh, and without the numbers that are missing; they are kept in the file, and stay through all
 * further training. Until then, calls that take rows are STATE.
 *
 * Where that fit is given no y, input and target share the input's scaler; else the target has one of
 * its own, through which x goes, too, where it is the target later. Losses, scores (but for
 * AE_PARAM_RAW_SCORES), likelihoods, ae_features and the noise of corrupt layers are of scaled
 * numbers. Where a cross-entropy wants targets in [0, 1], AE_SCALING_MIN_MAX cuts what lies outside
 * the range of training, but not NaN and infinity, in x, too, where it shares the scaler; such rows
 * are counted.
 * --------------------------------------------------------------------------------------------- */

/* Fits the scaling, or fits it anew, without training: before ae_fit_batch, or on other rows than
 * ae_fit's.
 *   x, y, rows, data   as for ae_fit; a model that scales nothing stays as it is
 * Codes as ae_fit_batch, but never DIVERGED; and IO: data that are read; INVALID: x would be the
 * target of a cross-entropy, and AE_SCALING_STANDARD. On failure the scaling is as it was.
 * Threads: one call per handle. Allocates: yes. Since: 0.1. */
AE_API int32_t ae_fit_scaling(ae_model *model, const float *x, const float *y, int64_t rows);
AE_API int32_t ae_fit_scaling_data(ae_model *model, const ae_data *data);

/* Copies offsets and scales out: 0 and 1 where nothing is scaled.
 *   role            AE_DATA_X, or AE_DATA_Y: of the target, whatever that is
 *   offset, scale   cap numbers each, at least the input's or output's dimensions; either may be NULL
 * INVALID: model is NULL, or another role. RANGE: cap. STATE: not fitted yet, or a forked process.
 * Threads: as const. Allocates: never. Since: 0.1. */
AE_API int32_t ae_model_scaling_get(const ae_model *model, int32_t role, double *offset,
                                    double *scale, size_t cap);

/* Tells offsets and scales in place of a fit. Those of AE_DATA_X are shared with the target until it has
 * been told, or fitted with, its own; a role that is never told has offsets 0 and scales 1.
 *   offset, scale   count numbers each, exactly the input's or output's dimensions; scales above 0
 * INVALID: NULL, another role, or as above. STATE: the role's scaling is AE_SCALING_NONE, or a forked
 * process. SHAPE: count. NONFINITE: NaN or infinity. RANGE: a scale that is not above 0, or so small
 * that numbers overflow. BUSY: called from a progress callback, or the model has shares, or is one. On
 * failure nothing is changed.
 * Threads: one call per handle. Allocates: never. Since: 0.1. */
AE_API int32_t ae_model_scaling_set(ae_model *model, int32_t role, const double *offset,
                                    const double *scale, size_t count);

/* How many rows had numbers cut to the range of training, each time that they were used through this
 * handle; not kept in the file. 0 for NULL.
 * Threads: as const. Allocates: never. Since: 0.1. */
AE_API int64_t ae_model_clipped_rows(const ae_model *model);

/* ------------------------------------------------------------------------------------------------
 * Use
 *
 * x is rows x input dimensions of float32, or data of any type through ..._data. Rows are
 * independent: a row's result has the same bits alone or among others (with the built-in product),
 * and NaN stays in its row (with AE_PARAM_MISSING it counts as 0 in x). Data that are read are read in
 * pieces, in order, once. Common to all:
 *   rows   1 to 2^40 - 1
 *   cap    numbers that the output has room for, at least rows x its dimensions
 * INVALID: NULL, misaligned, or an output that overlaps the input. RANGE: rows, or cap. SHAPE: data
 * of other dimensions. STATE: a view without an x, a forked process, or scaling that is not fitted yet.
 * IO, BUSY: data that are read.
 * --------------------------------------------------------------------------------------------- */

/* The code of each row: rows x code dimensions; of a Gaussian layer its mean.
 * Threads: one call per handle. Allocates: never. Since: 0.1. */
AE_API int32_t ae_encode(ae_model *model, const float *x, int64_t rows, float *code, size_t cap);
AE_API int32_t ae_encode_data(ae_model *model, const ae_data *data, float *code, size_t cap);

/* The output for codes of rows x code dimensions: rows x output dimensions. STATE, too: the model
 * has no layer after its code.
 * Threads: one call per handle. Allocates: never. Since: 0.1. */
AE_API int32_t ae_decode(ae_model *model, const float *code, int64_t rows, float *out, size_t cap);
AE_API int32_t ae_decode_data(ae_model *model, const ae_data *data, float *out, size_t cap);

/* decode(encode(x)), the same bits: rows x output dimensions.
 * Threads: one call per handle. Allocates: never. Since: 0.1. */
AE_API int32_t ae_reconstruct(ae_model *model, const float *x, int64_t rows, float *out,
                              size_t cap);
AE_API int32_t ae_reconstruct_data(ae_model *model, const ae_data *data, float *out, size_t cap);

/* The output of one layer: rows x ae_model_layer_dim; of the last one scaled, as its loss sees it.
 *   layer   from 0; RANGE, too: there is no such layer
 * Threads: one call per handle. Allocates: never. Since: 0.1. */
AE_API int32_t ae_features(ae_model *model, int32_t layer, const float *x, int64_t rows, float *out,
                           size_t cap);
AE_API int32_t ae_features_data(ae_model *model, int32_t layer, const ae_data *data, float *out,
                                size_t cap);

/* How badly each row is reconstructed: its own value of the model's loss, high for rows unlike
 * those trained on. Their mean, by weight, is ae_evaluate's loss, up to rounding to float. A NaN in a row
 * gives a NaN score, which no threshold catches, unless AE_PARAM_MISSING has it leave the loss: rows with
 * gaps then compare with others where the loss is a mean, and a row that is all gap scores 0.
 *   scores   one a row
 * The target is y of the data where it has one, else x. STATE, too: the model has no loss. RANGE,
 * too: targets outside [0, 1] of a cross-entropy.
 * Threads: one call per handle. Allocates: never. Since: 0.1. */
AE_API int32_t ae_score(ae_model *model, const float *x, int64_t rows, float *scores, size_t cap);
AE_API int32_t ae_score_data(ae_model *model, const ae_data *data, float *scores, size_t cap);

/* The model's loss over all rows, by weight, without training; validation is this function. A warm-up is
 * taken as over, and free bits as 0.
 *   y   rows x output dimensions; NULL: x is the target
 * Codes as ae_score, and of weights: SHAPE (not one for each row), NONFINITE, RANGE (below 0, or all 0).
 * Threads: one call per handle. Allocates: never. Since: 0.1. */
AE_API int32_t ae_evaluate(ae_model *model, const float *x, const float *y, int64_t rows,
                           double *loss);
AE_API int32_t ae_evaluate_data(ae_model *model, const ae_data *data, double *loss);

/* The parts of that loss: of each loss and penalty, in the order in which they were added, its mean
 * over rows without its weight.
 *   terms   cap numbers, at least ae_model_terms
 * Codes as ae_score.
 * Threads: one call per handle. Allocates: never. Since: 0.1. */
AE_API int32_t ae_evaluate_terms(ae_model *model, const ae_data *data, double *terms, size_t cap);

/* ------------------------------------------------------------------------------------------------
 * Draw
 *
 * For models whose code is the output of a Gaussian layer (else STATE). The posterior of a row is
 * the normal distribution of its code; the prior is the standard normal one. Draws are functions of
 * the seed given, the row's number and the sample's, so that a call can be repeated, or cut into
 * parts. Further codes as in "Use".
 *   seed   0 to 2^63 - 1024 (else RANGE)
 * --------------------------------------------------------------------------------------------- */

/* Means and log-variances of the posteriors: rows x code dimensions each.
 *   mean, log_variance   cap numbers each; one of them may be NULL (both: INVALID)
 * Threads: one call per handle. Allocates: never. Since: 0.1. */
AE_API int32_t ae_posterior(ae_model *model, const float *x, int64_t rows, float *mean,
                            float *log_variance, size_t cap);
AE_API int32_t ae_posterior_data(ae_model *model, const ae_data *data, float *mean,
                                 float *log_variance, size_t cap);

/* Codes drawn from the posteriors: rows x samples x code dimensions.
 *   samples   of each row, 1 to 65536
 * Threads: one call per handle. Allocates: never. Since: 0.1. */
AE_API int32_t ae_posterior_sample(ae_model *model, const float *x, int64_t rows, int64_t samples,
                                   int64_t seed, float *codes, size_t cap);
AE_API int32_t ae_posterior_sample_data(ae_model *model, const ae_data *data, int64_t samples,
                                        int64_t seed, float *codes, size_t cap);

/* What the decoder makes of codes drawn from the prior: rows x output dimensions. The second form
 * is for decoders with a concat layer: a row is drawn for each row of the data's AE_DATA_SIDE.
 * Threads: one call per handle. Allocates: never. Since: 0.1. */
AE_API int32_t ae_sample(ae_model *model, int64_t rows, int64_t seed, float *out, size_t cap);
AE_API int32_t ae_sample_data(ae_model *model, const ae_data *data, int64_t seed, float *out,
                              size_t cap);

/* What any decoder makes of the codes on the straight line between two: steps x output dimensions,
 * the first of `from`, the last of `to`. Models without a Gaussian layer may be asked, too.
 *   from, to   code dimensions each
 *   steps      2 to 2^24
 * STATE, too: the decoder has a concat layer (ae_decode_data takes a side).
 * Threads: one call per handle. Allocates: never. Since: 0.1. */
AE_API int32_t ae_interpolate(ae_model *model, const float *from, const float *to, int64_t steps,
                              float *out, size_t cap);

/* An estimate of log p(x) of each row, in nats, by importance sampling from its posterior (Burda et
 * al. 2016, equation 8): log of the mean over samples of p(x | z) p(z) / q(z | x). A lower bound in
 * expectation, the closer the more samples there are. Weights of losses and penalties do not enter;
 * p(x | z) is what AE_LOSS_BERNOULLI_NLL or AE_LOSS_GAUSSIAN_NLL says.
 *   samples   1 to 65536
 *   values    cap numbers, one a row
 * STATE, too: the model has not just one of these two losses, and AE_PENALTY_KL.
 * Threads: one call per handle. Allocates: never. Since: 0.1. */
AE_API int32_t ae_log_likelihood(ae_model *model, const float *x, int64_t rows, int64_t samples,
                                 int64_t seed, double *values, size_t cap);
AE_API int32_t ae_log_likelihood_data(ae_model *model, const ae_data *data, int64_t samples,
                                      int64_t seed, double *values, size_t cap);

/* What each dimension of the code carries, over all rows.
 *   kl         its divergence from the prior, in nats, mean over rows
 *   variance   of its posterior mean; a dimension is called active above 0.01 (Burda et al. 2016)
 *   cap        numbers that each has room for, at least the code's dimensions; one of the two may
 *              be NULL (both: INVALID)
 * Threads: one call per handle. Allocates: never. Since: 0.1. */
AE_API int32_t ae_diagnose(ae_model *model, const float *x, int64_t rows, double *kl,
                           double *variance, size_t cap);
AE_API int32_t ae_diagnose_data(ae_model *model, const ae_data *data, double *kl, double *variance,
                                size_t cap);

/* ------------------------------------------------------------------------------------------------
 * Look inside
 *
 * Weights go by layer (from 0) and name: "kernel", inputs x units, and "bias", 1 x units; of
 * convolutions as said there; of normalisation "gamma" and "beta", 1 x channels each. A tied layer has
 * no kernel of its own. A layer's state is listed with them, since it is kept as they are, but no
 * optimiser steps it: "idle", 1 x units, of topk; "mean" and "variance", 1 x channels, of batch
 * normalisation. Losses count on after the layers, so that loss or penalty i is layer ae_model_layers +
 * i: AE_LOSS_GAUSSIAN_NLL that learns its variance has "log_variance", 1 x features or 1 x 1, bounded
 * as that of a Gaussian layer; one with AE_PARAM_FEATURE_WEIGHTS has "feature_weight", 1 x features, which
 * no optimiser steps.
 * --------------------------------------------------------------------------------------------- */

/* Describes the arrays of weights by number.
 *   index               0 up to the first RANGE
 *   layer, name         where it belongs; name is a constant of the library
 *   rows, cols          its shape
 * Each of the four may be NULL. INVALID: model is NULL. RANGE: there is no such number.
 * Threads: as const. Allocates: never. Since: 0.1. */
AE_API int32_t ae_model_weights_at(const ae_model *model, int32_t index, int32_t *layer,
                                   const char **name, int64_t *rows, int64_t *cols);

/* Copies one array out.
 *   values   cap numbers, at least rows x cols, row-major
 * INVALID: NULL, or no such layer or name. RANGE: cap.
 * Threads: as const. Allocates: never. Since: 0.1. */
AE_API int32_t ae_model_weights_get(const ae_model *model, int32_t layer, const char *name,
                                    float *values, size_t cap);

/* Replaces one array; the optimiser's state stays.
 *   values   count numbers, exactly rows x cols, row-major
 * INVALID: NULL, or no such layer or name. SHAPE: count. NONFINITE: NaN or infinity. RANGE: weights of
 * features below 0, or all 0. BUSY: called from a progress callback, or the model has shares. On failure
 * nothing is changed.
 * Threads: one call per handle. Allocates: never. Since: 0.1. */
AE_API int32_t ae_model_weights_set(ae_model *model, int32_t layer, const char *name,
                                    const float *values, size_t count);

/* ------------------------------------------------------------------------------------------------
 * Save
 *
 * A .aem file holds the whole description, the weights, and what further training needs, byte for
 * byte the same on every machine; docs/format.md defines it.
 * --------------------------------------------------------------------------------------------- */

/* Writes the model to a file. The file at path is replaced in one step when everything is on the
 * disk, or stays as it was; it keeps its permissions. A symbolic link at path is replaced, not
 * followed.
 * INVALID: NULL. NONFINITE: a weight, or what the optimiser keeps of it, is NaN or infinite. IO: with
 * the system's reason.
 * Threads: as const. Allocates: never. Since: 0.1. */
AE_API int32_t ae_model_save(const ae_model *model, const char *path);

/* Writes the same bytes to memory.
 *   buffer   cap bytes; NULL with cap 0: only *bytes is wanted
 *   bytes    becomes the number of bytes of the file; may be NULL
 * INVALID: model is NULL, or buffer with a cap that is not 0. RANGE: cap. NONFINITE as above.
 * Threads: as const. Allocates: never. Since: 0.1. */
AE_API int32_t ae_model_save_memory(const ae_model *model, void *buffer, size_t cap, size_t *bytes);

/* Reads a model, to be freed by ae_model_free, from a file or from memory. Any bytes may be given.
 *   allocator   as for ae_config_create_with
 * Parameters of scope run are at their defaults.
 * INVALID: NULL. IO: no regular file that can be read. FORMAT: not a model, or a damaged one.
 * VERSION: it needs a newer libae. NONFINITE: it holds NaN or infinity. RANGE: its layers need more
 * workspace than AE_PARAM_MEMORY's default. NOMEM.
 * Threads: any. Allocates: yes. Since: 0.1. */
AE_API int32_t ae_model_load(ae_model **out, const char *path);
AE_API int32_t ae_model_load_memory(ae_model **out, const void *buffer, size_t bytes);
AE_API int32_t ae_model_load_with(ae_model **out, const char *path, const ae_allocator *allocator);
AE_API int32_t ae_model_load_memory_with(ae_model **out, const void *buffer, size_t bytes,
                                         const ae_allocator *allocator);

#ifdef __cplusplus
}
#endif

#endif
