/* What the example programs share: errors, options, data, pictures, reports.
 *
 * Every function here either does what it says, or ends the program with one line on stderr and
 * exit code 1. That is a program's way, not a library's; it leaves the examples free to show it. */
#ifndef EXAMPLES_COMMON_H
#define EXAMPLES_COMMON_H

#include "ae/ae.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* ---- common.c: errors, memory, paths, time, random numbers ----------------------------------- */

#if defined(__GNUC__)
#define PRINTF_LIKE __attribute__((format(printf, 1, 2)))
#else
#define PRINTF_LIKE
#endif

/* Prints "program: message" to stderr and exits with 1. */
_Noreturn void fail(const char *format, ...) PRINTF_LIKE;

/* Fails with libae's own message unless status is AE_OK. */
void must(int32_t status);

/* A zeroed block of count * size bytes, to be freed by the caller. */
void *allocate(size_t count, size_t size);

typedef struct file_path {
    char text[1024];
} file_path;

/* folder/name. */
file_path path_in(const char *folder, const char *name);

/* Makes a folder unless it is there. */
void make_folder(const char *folder);

/* Seconds on a clock that never steps back. */
double seconds_now(void);

/* The name that fail() puts before its messages. */
const char *program_name(void);
void set_program_name(const char *argv0);

/* splitmix64 (Steele, Lea and Flood 2014): the same numbers on every machine. */
typedef struct rng {
    uint64_t state;
} rng;

uint64_t rng_next(rng *r);
int32_t rng_between(rng *r, int32_t low, int32_t high); /* both included */
double rng_unit(rng *r);                                /* uniform in [0, 1) */
double rng_normal(rng *r);                              /* mean 0, variance 1 */

/* The x below which a standard normal number lies with probability p, 0 < p < 1. */
double normal_quantile(double p);

/* ---- options.c: the same command line for every example -------------------------------------- */

typedef struct settings {
    const char *data; /* folder with the data; NULL: the program makes its own */
    const char *out;  /* folder for what the program writes */
    int64_t epochs;
    int64_t batch;
    int64_t seed;
    int64_t threads;
    bool quiet; /* print the last line only */
} settings;

/* An option of one program. Exactly one of number, text and flag says what it sets; what that holds
 * before parsing is the default. */
typedef struct option {
    const char *name; /* "--epochs" */
    const char *form; /* "N"; "seed|deep" admits these words only; NULL for a flag */
    const char *help; /* one line */
    int64_t *number;
    int64_t minimum;
    int64_t maximum;
    const char **text;
    bool *flag;
} option;

/* Reads argv into s and the program's own options (ended by a row of zeros; may be NULL).
 * --help prints about and all options and exits with 0; a wrong option exits with 2. */
void options_parse(settings *s, const char *about, const option *own, int argc, char **argv);

/* ---- idx.c, digits.c, scenes.c, images.c: pictures as data ----------------------------------- */

/* An array of bytes in the IDX format of MNIST, gzipped or not. */
typedef struct idx {
    int32_t n_dims;  /* 1 to 4 */
    int64_t dims[4]; /* those beyond n_dims are 1 */
    uint8_t *values; /* dims[0] x ... x dims[3] */
} idx;

/* Reads a file; name may lack its ".gz". */
void idx_read(idx *out, const char *folder, const char *name);
bool idx_exists(const char *folder, const char *name);

/* Copies a file to path, unpacked, in small pieces. */
void idx_unpack(const char *folder, const char *name, const char *path);

typedef struct images {
    int64_t rows, height, width, channels;
    uint8_t *pixels; /* rows x height x width x channels */
    uint8_t *labels; /* one a row; NULL where there are none */
} images;

int64_t images_dim(const images *set); /* numbers in one image */
void images_free(images *set);

/* The bytes as they are, to be freed by ae_data_free: libae turns them into numbers in [0, 1], a
 * batch at a time. */
ae_data *images_view(const images *set);

/* The first images of a set, or all where it has fewer; they stay the set's. */
images images_first(const images *set, int64_t rows);

/* One more than the largest label of a set that has labels. */
int32_t images_classes(const images *set);

/* Draws digit number index of the endless row that seed stands for; its class is index modulo 10.
 * pixels: 28 x 28, ink 255 on 0; the same bytes on every machine. */
void digit_draw(uint8_t *pixels, uint64_t seed, int64_t index);

/* Draws landscapes in colour, 32 x 32 x 3: 4,000 for training and 1,000 for testing; the same bytes on
 * every machine. */
void scenes_draw(images *train, images *test, int64_t seed);

/* The images in folder under MNIST's names (or those of a colour set: ...-idx4-ubyte); with folder
 * NULL, 10,000 digits drawn for training and 2,000 for testing. */
void images_load(images *train, images *test, const char *folder, int64_t seed);

/* ---- npy.c, tables.c: tables as data --------------------------------------------------------- */

typedef struct table {
    int64_t rows, cols; /* cols is 1 for a vector */
    float *values;      /* rows x cols, whatever order and type the file had */
} table;

/* Reads a .npy file (format 1 to 3) of one or two dimensions. */
void npy_read(table *out, const char *path);

/* A table whose odd rows out are to be found by a model that has seen normal ones only. */
typedef struct anomalies {
    table train;      /* half of the normal rows */
    table test;       /* the other normal rows, then all anomalies */
    int64_t n_normal; /* how many rows of test are normal */
} anomalies;

/* Reads folder/NAME-X.npy and folder/NAME-y.npy (1: an anomaly); with folder NULL, draws 2,000
 * points of a curved space of 3 dimensions in 12, and 200 that have the same values in each column,
 * but do not lie in it. */
void anomalies_load(anomalies *out, const char *folder, const char *name, int64_t seed);

/* Replaces each value of a column by (value - offset) / scale. */
void anomalies_rescale(anomalies *a, const double *offset, const double *scale);

void anomalies_free(anomalies *a);

/* Area under the ROC curve: how often an anomaly scores above a normal row; ties count half. */
double anomalies_auc(const anomalies *a, const float *scores);

/* ---- pen.c, picture.c, font.c, chart.c: drawing ---------------------------------------------- */

enum { PEN_PIXEL = 256 }; /* units of a coordinate in one pixel; (0, 0) is the picture's corner */

typedef struct point {
    int32_t x, y;
} point;

/* Draws antialiased strokes into a mask of coverage, 0 to 255, in integers only. */
typedef struct pen {
    uint8_t *mask; /* height x width */
    int32_t width, height;
    int32_t radius; /* half the stroke's thickness */
} pen;

void pen_line(const pen *p, point a, point b);

/* A smooth line through all points (Catmull and Rom 1974); closed if it ends where it began. A
 * point given twice in a row is a corner. */
void pen_curve(const pen *p, const point *points, int32_t count);

enum { STROKE_POINTS = 16 }; /* most points of a stroke */

/* Reads one stroke of a glyph: points "xy" between spaces, each coordinate of so many digits, ended
 * by a comma or the end of text; text moves behind it. Returns the number of points. */
int32_t stroke_read(point *points, const char **text, int32_t digits);

typedef struct picture {
    int32_t width, height, channels; /* 1: grey; 3: red, green, blue */
    uint8_t *pixels;                 /* height x width x channels */
} picture;

void picture_create(picture *out, int32_t width, int32_t height, int32_t channels, uint8_t fill);
void picture_free(picture *p);
void picture_write(const picture *p, const char *path); /* as PNG */

/* Writes n_rows rows of n_cols images each as one PNG, every pixel enlarged to scale x scale.
 * rows[i]: n_cols images of the shape of `shape`, whose other members do not matter. */
void tiles_write(const char *path, const uint8_t *const *rows, int32_t n_rows, int32_t n_cols,
                 const images *shape, int32_t scale);

/* The same for numbers in [0, 1], image after image, with so many pixels between them. */
void grid_write(const char *path, const float *values, int32_t n_rows, int32_t n_cols,
                const images *shape, int32_t scale, int32_t gap);

/* The first ten images of a set over what became of them: values, image after image. */
void comparison_write(const char *path, const images *set, const float *values);

/* Numbers in [0, 1] as bytes 0 to 255; what lies outside is cut. */
void to_bytes(uint8_t *bytes, const float *values, size_t count);

/* Text in a plain sans serif: a-z, 0-9 and some signs; anything else leaves a gap. left and
 * baseline: where it begins; size: a digit's height in pixels. */
void text_draw(const pen *p, const char *text, int32_t left, int32_t baseline, int32_t size);
int32_t text_width(const char *text, int32_t size);

typedef struct curve {
    const char *name;
    const double *values; /* at x = 1, 2, ...; NaN leaves a gap */
    size_t count;
} curve;

/* A line chart as PNG; a value alone is a dot. */
void chart_write(const char *path, const char *x_name, const char *y_name, const curve *curves,
                 size_t n_curves);

typedef struct panel {
    const char *y_name;
    const curve *curves;
    size_t n_curves;
} panel;

/* Several charts, one below the other. */
void charts_write(const char *path, const char *x_name, const panel *panels, size_t n_panels);

/* ---- progress.c, report.c: what training has done -------------------------------------------- */

/* Lines of progress as Keras prints them; the bar moves when stdout is a terminal. */
typedef struct progress {
    bool quiet;
    bool terminal;
    double start; /* of the fit, as seconds_now() told it */
    double drawn; /* seconds into the epoch when the bar was last drawn */
} progress;

/* Options for a fit of s->epochs in all that shows these lines. Use as
 *     progress shown;
 *     ae_fit_options *options = progress_options(&shown, s);
 *     must(ae_fit(model, x, NULL, rows, options));
 *     seconds = progress_end(&shown, options); */
ae_fit_options *progress_options(progress *shown, const settings *s);
/* Frees the options; returns the seconds since they were made. */
double progress_end(const progress *shown, ae_fit_options *options);

/* Such a fit, validated on test; returns the seconds that it took. */
double fit_shown(ae_model *model, const ae_data *train, const ae_data *test, const settings *s);

/* A metric (AE_METRIC_*) of the last epoch; NaN before the first. */
double report_last(const ae_model *model, int32_t metric);

/* A chart of loss and validation loss over the epochs that the model has done. */
void report_chart(const ae_model *model, const char *path);

/* The first ten images of a set over what the model makes of them. */
void report_outputs(ae_model *model, const images *set, const char *path);

typedef struct result {
    const char *key;
    double value;
    int decimals;
} result;

/* The last line of every example: loss=0.0926 val_loss=0.0913 epochs=50 seconds=4.5, then the
 * program's own results (ended by a row of zeros; may be NULL). */
void report_line(const ae_model *model, double seconds, const result *own);

/* ---- pca.c, baselines.c: what a model has to beat -------------------------------------------- */

/* n_components x dim: an orthonormal basis of the leading eigenvectors of a covariance, dim x dim;
 * to be freed. */
double *pca_basis(const double *covariance, int64_t n_components, int64_t dim);

/* Mean squared error, of pixels in [0, 1], that is left when test is projected onto the mean and
 * the first n_components principal components of train. */
double pca_error(const images *train, const images *test, int64_t n_components);

/* Areas under the ROC curve of rules without training. The norm of a row counts standard deviations
 * from the mean and knows nothing else; PCA scores by what its n_components leave over, neighbours
 * by the distance to the k-th nearest row of train. */
double auc_by_norm(const anomalies *a);
double auc_by_pca(const anomalies *a, int64_t n_components);
double auc_by_neighbours(const anomalies *a, int64_t k);

/* The share of a set's images whose label is that of the nearest of train's classes: of the mean
 * images, one a label. */
double nearest_mean_share(const images *train, const images *set);

#endif
