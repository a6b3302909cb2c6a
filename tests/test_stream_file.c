/* Rows of .npy and IDX files: every type, version and byte order, files that lie, and memory that does
 * not grow with them. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE /* wait4 */
#endif
#include "test_stream.h"

#include <fcntl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static char path[64]; /* of the file at hand, in the folder where the test runs */

static int begin(void **state)
{
    snprintf(path, sizeof path, "test_stream_file.%ld", (long)getpid());
    return draw_table(state);
}

static int end(void **state)
{
    (void)state;
    unlink(path);
    return 0;
}

static void write_file(const void *head, size_t head_bytes, const void *body, size_t body_bytes)
{
    FILE *f = fopen(path, "wb");
    assert_non_null(f);
    assert_int_equal(fwrite(head, 1, head_bytes, f), head_bytes);
    assert_int_equal(fwrite(body, 1, body_bytes, f), body_bytes);
    assert_int_equal(fclose(f), 0);
}

/* ---- as others write them ---- */

/* The head of a .npy file as numpy.lib.format says, its length in bytes. */
static size_t npy_head(char *head, int version, const char *dictionary)
{
    const size_t width = version == 1 ? 2 : 4, n = strlen(dictionary);
    memcpy(head, "\x93NUMPY", 6);
    head[6] = (char)version;
    head[7] = 0;
    for (size_t i = 0; i < width; i++) head[8 + i] = (char)(n >> 8 * i & 255);
    memcpy(head + 8 + width, dictionary, n);
    return 8 + width + n;
}

static size_t idx_head(char *head, int code, int n, const uint32_t *dims)
{
    memcpy(head, (char[]){0, 0, (char)code, (char)n}, 4);
    for (int i = 0; i < 4 * n; i++) head[4 + i] = (char)(dims[i / 4] >> 8 * (3 - i % 4) & 255);
    return 4 + 4 * (size_t)n;
}

static bool big_endian(void)
{
    const union {
        uint16_t word;
        uint8_t first;
    } probe = {1};
    return probe.first == 0;
}

/* The table's numbers with their bytes in this order, to be freed. */
static char *body_of(int32_t type, bool big)
{
    const size_t unit = bytes_of(type);
    const bool swapped = big != big_endian();
    char *body = malloc(N * DIM * unit);
    for (size_t i = 0; i < N * DIM * unit; i++)
        body[i] =
            ((const char *)table_of(type))[swapped ? i / unit * unit + unit - 1 - i % unit : i];
    return body;
}

/* What the file enters a model as, against the table in memory; training on it, too. */
static void check_file(int32_t (*set)(ae_data *, int32_t, const char *), int32_t type,
                       const char *what)
{
    float codes[2][N * CODE_DIM];
    ae_data *file, *array = data_of(type, NULL, 0);
    ae_model *models[] = {stream_model(AE_SHUFFLE_BLOCK, 10), stream_model(AE_SHUFFLE_BLOCK, 10)};
    int64_t rows, dim;
    must(ae_data_create(&file));
    if (set(file, AE_DATA_X, path) != AE_OK) fail_msg("%s: %s", what, ae_last_error());
    must(ae_data_shape(file, AE_DATA_X, &rows, &dim));
    assert_true(rows == N && dim == DIM);
    must(ae_data_scale(file, AE_DATA_X, table_scale, 0));
    must(fit_to(models[0], file, 2, 2));
    must(fit_to(models[1], array, 2, 2));
    must(ae_encode_data(models[0], file, codes[0], N * CODE_DIM));
    must(ae_encode_data(models[1], array, codes[1], N * CODE_DIM));
    if (!same_models(models[0], models[1]) || memcmp(codes[0], codes[1], sizeof codes[0]) != 0)
        fail_msg("%s", what);
    for (int i = 0; i < 2; i++) ae_model_free(models[i]);
    ae_data_free(file);
    ae_data_free(array);
}

typedef struct npy {
    int version;
    int32_t type;
    bool big;
    const char *dictionary;
} npy;

static void npy_of_every_version_type_and_order_is_read(void **state)
{
    static const npy files[] = {
        {1, AE_TYPE_F32, false,
         "{'descr': '<f4', 'fortran_order': False, 'shape': (103, 7), }      \n"},
        {1, AE_TYPE_F32, true, "{'descr': '>f4', 'fortran_order': False, 'shape': (103, 7), }\n"},
        {2, AE_TYPE_F64, false, "{'descr': '<f8', 'fortran_order': False, 'shape': (103, 7)}\n"},
        {3, AE_TYPE_F64, true, "{'shape':(103,7,),'fortran_order':False,'descr':'>f8'}"},
        {1, AE_TYPE_I16, false,
         "{\"descr\": \"<i2\",\t'fortran_order': False, 'shape': (103, 7, 1)}"},
        {2, AE_TYPE_I16, true,
         " { 'descr' : '>i2', 'fortran_order':False ,'shape': ( 103 , 1 , 7 ) } "},
        {1, AE_TYPE_U8, false, "{'descr': '|u1', 'fortran_order': False, 'shape': (103, 7), }\n"},
    };
    char head[256];
    (void)state;
    for (const npy *f = files; f < files + sizeof files / sizeof *files; f++) {
        char *body = body_of(f->type, f->big);
        write_file(head, npy_head(head, f->version, f->dictionary), body,
                   N * DIM * bytes_of(f->type));
        check_file(ae_data_npy, f->type, f->dictionary);
        free(body);
    }
}

static void idx_of_every_type_is_read(void **state)
{
    static const int codes[] = {0x0D, 0x0E, 0x08, 0x0B}; /* as types[] */
    static const uint32_t dims[] = {N, 1, DIM, 1};
    char head[64];
    (void)state;
    for (int i = 0; i < TYPES; i++) {
        char *body = body_of(types[i], true);
        write_file(head, idx_head(head, codes[i], 3 + i % 2, dims), body,
                   N * DIM * bytes_of(types[i]));
        check_file(ae_data_idx, types[i], "idx");
        free(body);
    }
}

/* MNIST's labels are a file of one dimension. */
static void file_of_one_dimension_has_rows_of_one_number(void **state)
{
    static const uint32_t labels = N;
    char head[128];
    int64_t rows, dim;
    ae_data *data;
    (void)state;
    must(ae_data_create(&data));
    write_file(head, idx_head(head, 8, 1, &labels), table.u8, N);
    must(ae_data_idx(data, AE_DATA_SIDE, path));
    must(ae_data_shape(data, AE_DATA_SIDE, &rows, &dim));
    assert_true(rows == N && dim == 1);
    write_file(head, npy_head(head, 1, "{'descr': '<f4', 'fortran_order': False, 'shape': (5,)}"),
               table.f32, 20);
    must(ae_data_npy(data, AE_DATA_SIDE, path));
    must(ae_data_shape(data, AE_DATA_SIDE, &rows, &dim));
    assert_true(rows == 5 && dim == 1);
    ae_data_free(data);
}

/* ---- files that lie ---- */

/* Refused with this code and these words, and the view as it was. */
static void refused(int32_t (*set)(ae_data *, int32_t, const char *), const char *from,
                    int32_t code, const char *words)
{
    ae_data *data = data_of(AE_TYPE_F32, NULL, 0);
    int64_t rows;
    int32_t status = set(data, AE_DATA_X, from);
    if (status != code || !strstr(ae_last_error(), words))
        fail_msg("%d, %s; wanted %d, %s", (int)status, ae_last_error(), (int)code, words);
    must(ae_data_shape(data, AE_DATA_X, &rows, NULL));
    assert_int_equal(rows, N);
    ae_data_free(data);
}

static void npy_that_is_not_as_it_should_be_is_refused(void **state)
{
    static const struct {
        int version;
        const char *dictionary;
        size_t bytes; /* behind the head */
        int32_t code;
        const char *words;
    } cases[] = {
#define D "'descr': '<f4', "
#define O "'fortran_order': False, "
        {0, "{" D O "'shape': (2, 3)}", 24, AE_ERR_FORMAT, "has .npy version 0"},
        {4, "{" D O "'shape': (2, 3)}", 24, AE_ERR_FORMAT, "has .npy version 4"},
        {1, "{" D O "'shape': (2, 3)}", 23, AE_ERR_FORMAT,
         "has 90 bytes, wanted 67 of header and 2 x 3"},
        {1, "{" D O "'shape': (2, 3)}", 25, AE_ERR_FORMAT, "has 92 bytes"},
        {1, "{" D O "'shape': (2, 3)}", 0, AE_ERR_FORMAT, "numbers of 4"},
        {1, "{" D O "'shape': (0, 3)}", 0, AE_ERR_RANGE, "rows is 0"},
        {1, "{" D O "'shape': (3, 0)}", 0, AE_ERR_RANGE, "dimension is 0"},
        {1, "{" D O "'shape': (1, 16777217)}", 4, AE_ERR_FORMAT, "16777217 numbers"},
        {1, "{" D O "'shape': (4294967296, 4294967296)}", 0, AE_ERR_FORMAT, "wanted"},
        {1, "{" D O "'shape': (1, 4294967296, 4294967296)}", 0, AE_ERR_FORMAT, "shape"},
        {1, "{" D O "'shape': (4611686018427387904, 4)}", 0, AE_ERR_FORMAT, "wanted"},
        {1, "{" D O "'shape': (18446744073709551616,)}", 0, AE_ERR_FORMAT, "shape"},
        {1, "{" D O "'shape': ()}", 4, AE_ERR_FORMAT, "shape that is no tuple"},
        {1, "{" D O "'shape': (-1, 3)}", 4, AE_ERR_FORMAT, "shape that is no tuple"},
        {1, "{" D O "'shape': (2 3)}", 24, AE_ERR_FORMAT, "shape that is no tuple"},
        {1, "{" D O "'shape': (2, 3", 24, AE_ERR_FORMAT, "shape that is no tuple"},
        {1, "{" D O "'shape': (2, 3)", 24, AE_ERR_FORMAT, "not descr, fortran_order and shape"},
        {1, "{" D O "'shape': (2, 3)}}", 24, AE_ERR_FORMAT, "not descr"},
        {1, "{" D "'shape': (2, 3)}", 24, AE_ERR_FORMAT, "not descr"},
        {1, "{" D D O "'shape': (2, 3)}", 24, AE_ERR_FORMAT, "not descr"},
        {1, "{" D O "'shape': (2, 3), 'x': 1}", 24, AE_ERR_FORMAT, "not descr"},
        {1, "", 24, AE_ERR_FORMAT, "not descr"},
        {1, "{'descr': '<i8', " O "'shape': (2, 3)}", 48, AE_ERR_FORMAT, "another type"},
        {1, "{'descr': '<f4x', " O "'shape': (2, 3)}", 24, AE_ERR_FORMAT, "another type"},
        {1, "{'descr': [('a', '<f4')], " O "'shape': (2, 3)}", 24, AE_ERR_FORMAT, "another type"},
        {1, "{" D "'fortran_order': True, 'shape': (2, 3)}", 24, AE_ERR_FORMAT, "Fortran"},
#undef D
#undef O
    };
    static const char zeros[64];
    char head[256];
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        write_file(head, npy_head(head, cases[i].version, cases[i].dictionary), zeros,
                   cases[i].bytes);
        refused(ae_data_npy, path, cases[i].code, cases[i].words);
    }
    size_t n = npy_head(head, 2, "{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3)}");
    for (size_t cut = 0; cut < n; cut++) {
        write_file(head, cut, zeros, 0);
        refused(ae_data_npy, path, AE_ERR_FORMAT,
                cut < 12 ? "is not a .npy file" : "wanted at most");
    }
    memset(head + 8, 0xff, 4); /* the header's length */
    write_file(head, n, zeros, 24);
    refused(ae_data_npy, path, AE_ERR_FORMAT, "has a header of 4294967295 bytes");
    refused(ae_data_idx, path, AE_ERR_FORMAT, "is not an IDX file");
}

static void idx_that_is_not_as_it_should_be_is_refused(void **state)
{
    static const struct {
        int code, n;
        uint32_t dims[3];
        size_t bytes;
        int32_t status;
        const char *words;
    } cases[] = {
        {8,
         2,
         {2, 3},
         5,
         AE_ERR_FORMAT,
         "has 17 bytes, wanted 12 of header and 2 x 3 numbers of 1"},
        {8, 2, {2, 3}, 7, AE_ERR_FORMAT, "has 19 bytes"},
        {8, 2, {0, 3}, 0, AE_ERR_RANGE, "rows is 0"},
        {8, 2, {3, 0}, 0, AE_ERR_RANGE, "dimension is 0"},
        {8, 3, {UINT32_MAX, UINT32_MAX, UINT32_MAX}, 9, AE_ERR_FORMAT, "multiply to more"},
        {0x0E, 2, {UINT32_MAX, UINT32_MAX}, 9, AE_ERR_FORMAT, "wanted 12 of header"},
        {0x0C, 2, {2, 3}, 24, AE_ERR_FORMAT, "has IDX type 0x0C"},
        {8, 0, {0}, 6, AE_ERR_FORMAT, "has 0 dimensions"},
    };
    static const char zeros[64];
    char head[64];
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        write_file(head, idx_head(head, cases[i].code, cases[i].n, cases[i].dims), zeros,
                   cases[i].bytes);
        refused(ae_data_idx, path, cases[i].status, cases[i].words);
    }
    write_file("\0\0\x08\xff", 4, zeros, 60);
    refused(ae_data_idx, path, AE_ERR_FORMAT, "has 255 dimensions, or ends in them");
    write_file("\x1f\x8b\x08\0\0\0\0\0\0\0", 10, zeros, 10);
    refused(ae_data_idx, path, AE_ERR_FORMAT, "is compressed");
    write_file("", 0, "", 0);
    refused(ae_data_idx, path, AE_ERR_FORMAT, "is not an IDX file: test_stream_file");
}

static void what_is_no_regular_file_is_refused_at_once(void **state)
{
    (void)state;
    refused(ae_data_npy, "/nowhere/x.npy", AE_ERR_IO, "no such file or folder");
    refused(ae_data_npy, ".", AE_ERR_IO, "no regular file");
    refused(ae_data_idx, "/dev/zero", AE_ERR_IO, "no regular file");
    assert_int_equal(mkfifo(path, 0600), 0); /* it must not wait for somebody to write */
    refused(ae_data_npy, path, AE_ERR_IO, "no regular file");
}

/* ---- files that change ---- */

static void write_rows(void)
{
    static const uint32_t dims[] = {N, DIM};
    char head[64];
    write_file(head, idx_head(head, 8, 2, dims), table.u8, N * DIM);
}

static int32_t cut_file(const ae_event *event, void *user)
{
    if (event->step == 4 && event->epoch == 1) assert_int_equal(truncate(user, 12 + 60 * DIM), 0);
    return 0;
}

static void file_that_shrinks_ends_the_fit_and_keeps_its_steps(void **state)
{
    float code[N * CODE_DIM];
    ae_data *data;
    ae_fit_options *options = options_to(2);
    (void)state;
    must(ae_data_create(&data));
    must(ae_fit_options_progress(options, cut_file, path));
    for (int64_t threads = 1; threads <= 2; threads++) {
        ae_model *model = stream_model(AE_SHUFFLE_NONE, 10);
        write_rows();
        must(ae_data_idx(data, AE_DATA_X, path));
        must(ae_data_scale(data, AE_DATA_X, table_scale, 0));
        must(ae_fit_options_set_i64(options, AE_FIT_THREADS, threads));
        assert_int_equal(ae_fit_data(model, data, options), AE_ERR_IO);
        assert_non_null(strstr(ae_last_error(), "file ended at byte"));
        assert_in_range(ae_model_steps(model), 4, 7); /* what had been read ahead was used */
        assert_int_equal(ae_encode_data(model, data, code, N * CODE_DIM), AE_ERR_IO);
        write_rows();
        must(ae_fit_data(model, data, options)); /* the same file, whole again */
        ae_model_free(model);
    }
    ae_fit_options_free(options);
    ae_data_free(data);
}

/* ---- descriptors ---- */

static int open_files(void)
{
    int n = 0;
    for (int fd = 0; fd < 256; fd++) n += fcntl(fd, F_GETFD) >= 0;
    return n;
}

static void files_are_closed_and_not_inherited(void **state)
{
    const int before = open_files();
    ae_data *data;
    (void)state;
    write_rows();
    must(ae_data_create(&data));
    for (int i = 0; i < 3; i++) {
        must(ae_data_idx(data, AE_DATA_X, path));
        must(ae_data_idx(data, AE_DATA_Y, path));
        assert_int_equal(ae_data_npy(data, AE_DATA_X, path), AE_ERR_FORMAT);
        assert_int_equal(open_files(), before + 2);
    }
    for (int fd = 3; fd < 256; fd++) {
        char link[64], name[256];
        snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
        ssize_t n = readlink(link, name, sizeof name - 1);
        if (n < 0) continue;
        name[n] = '\0';
        if (strstr(name, path)) assert_true(fcntl(fd, F_GETFD) & FD_CLOEXEC);
    }
    must(ae_data_array(data, AE_DATA_X, AE_TYPE_F32, table.f32, N, DIM));
    assert_int_equal(open_files(), before + 1);
    ae_data_free(data);
    assert_int_equal(open_files(), before);
}

/* ---- memory ---- */

enum { WIDE = 256 };

/* A .npy file of so many rows of WIDE floats, 1 MiB a thousand rows, made without memory for it. */
static void write_wide(int64_t rows)
{
    char dictionary[128], head[256];
    float row[WIDE];
    snprintf(dictionary, sizeof dictionary,
             "{'descr': '%cf4', 'fortran_order': False, 'shape': (%lld, %d)}",
             big_endian() ? '>' : '<', (long long)rows, WIDE);
    write_file(head, npy_head(head, 1, dictionary), "", 0);
    FILE *f = fopen(path, "ab");
    for (int64_t i = 0; i < rows; i++) {
        for (int j = 0; j < WIDE; j++) row[j] = (float)((i * 31 + j * 7) % 101) / 100;
        assert_int_equal(fwrite(row, sizeof row, 1, f), 1);
    }
    assert_int_equal(fclose(f), 0);
}

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
static const bool limited = false;
#else
static const bool limited = true;
#endif

/* Bytes of address space: what the process has, 24 MiB, and the stacks of threads. */
static rlim_t memory_of_training(int64_t threads)
{
    unsigned long pages = 0;
    FILE *f = fopen("/proc/self/statm", "r");
    assert_true(f && fscanf(f, "%lu", &pages) == 1);
    fclose(f);
    size_t more = ((size_t)24 << 20) + (size_t)(threads - 1) * 2 * ((size_t)8 << 20);
    return (rlim_t)pages * (rlim_t)sysconf(_SC_PAGESIZE) + more;
}

/* Rows of a file that is larger than all of that; where a BLAS has taken more than a test should
 * write, than what training may take beside it. */
static int64_t rows_beyond(rlim_t memory)
{
    const rlim_t most = (rlim_t)128 << 20, row = WIDE * sizeof(float);
    return memory < most ? (int64_t)(memory / row) + 1000 : 60000;
}

/* Trains on the file, and validates on it; no assertions, as it runs in a child. */
static bool train_on_file(int64_t threads)
{
    ae_config *config;
    ae_model *model;
    ae_data *data;
    ae_fit_options *options;
    if (ae_config_create(&config) != AE_OK) return false;
    ae_config_input(config, WIDE);
    ae_config_dense(config, 4, AE_ACT_TANH);
    ae_config_code(config);
    ae_config_dense(config, WIDE, AE_ACT_SIGMOID);
    ae_config_loss(config, AE_LOSS_MSE);
    ae_config_set_i64(config, AE_PARAM_SHUFFLE, AE_SHUFFLE_BLOCK);
    ae_config_set_i64(config, AE_PARAM_SHUFFLE_BLOCK, 64);
    if (ae_model_create(&model, config) != AE_OK || ae_data_create(&data) != AE_OK ||
        ae_data_npy(data, AE_DATA_X, path) != AE_OK || ae_fit_options_create(&options) != AE_OK)
        return false;
    ae_fit_options_set_i64(options, AE_FIT_THREADS, threads);
    ae_fit_options_validation_data(options, data);
    return ae_fit_data(model, data, options) == AE_OK;
}

/* The peak, in KiB, of training in a child under such a limit, as ulimit -v sets it. */
static long peak_of_training(int64_t rows, int64_t threads, rlim_t memory)
{
    struct rusage used;
    int status;
    write_wide(rows);
    pid_t child = fork();
    if (child == 0) {
        struct rlimit limit = {memory, memory};
        bool good = (!limited || setrlimit(RLIMIT_AS, &limit) == 0) && train_on_file(threads);
        if (!good) fprintf(stderr, "%s\n", ae_last_error());
        _exit(good ? 0 : 1);
    }
    assert_true(wait4(child, &status, 0, &used) == child);
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    return used.ru_maxrss;
}

/* More data than the process may have memory, and a tenth of that; both are more than the windows' 2 MiB. */
static void memory_does_not_grow_with_the_file(void **state)
{
    (void)state;
    for (int64_t threads = 1; threads <= 2; threads++) {
        const rlim_t memory = memory_of_training(threads);
        const int64_t rows = rows_beyond(memory);
        long small = peak_of_training(rows / 10, threads, memory);
        long large = peak_of_training(rows, threads, memory);
        if (large > small + small / 20)
            fail_msg("%d threads: peak of %ld KiB, %ld KiB with ten times the rows", (int)threads,
                     small, large);
    }
}

int main(void)
{
#define test(name) cmocka_unit_test_setup_teardown(name, begin, end)
    const struct CMUnitTest tests[] = {
        test(npy_of_every_version_type_and_order_is_read),
        test(idx_of_every_type_is_read),
        test(file_of_one_dimension_has_rows_of_one_number),
        test(npy_that_is_not_as_it_should_be_is_refused),
        test(idx_that_is_not_as_it_should_be_is_refused),
        test(what_is_no_regular_file_is_refused_at_once),
        test(file_that_shrinks_ends_the_fit_and_keeps_its_steps),
        test(files_are_closed_and_not_inherited),
        test(memory_does_not_grow_with_the_file),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
