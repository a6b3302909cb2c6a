/* Errors, memory, paths, time and random numbers for the examples. */
#define _POSIX_C_SOURCE 200809L

#include "common.h"

#include <errno.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

static const char *program = "example";

const char *program_name(void)
{
    return program;
}

void set_program_name(const char *argv0)
{
    const char *slash = strrchr(argv0, '/');
    program = slash != NULL ? slash + 1 : argv0;
}

void fail(const char *format, ...)
{
    va_list args;

    fflush(stdout);
    fprintf(stderr, "%s: ", program);
    va_start(args, format);
    vfprintf(stderr, format, args);
    va_end(args);
    fputc('\n', stderr);
    exit(EXIT_FAILURE);
}

void must(int32_t status)
{
    if (status != AE_OK) fail("%s (%s)", ae_last_error(), ae_status_text(status));
}

void *allocate(size_t count, size_t size)
{
    void *block = calloc(count, size);
    if (block == NULL) fail("no memory for %zu x %zu bytes", count, size);
    return block;
}

file_path path_in(const char *folder, const char *name)
{
    file_path p;
    const int length = snprintf(p.text, sizeof p.text, "%s/%s", folder, name);
    if (length < 0 || (size_t)length >= sizeof p.text) fail("path too long: %s/%s", folder, name);
    return p;
}

void make_folder(const char *folder)
{
    struct stat status;

    if (mkdir(folder, 0777) == 0) return;
    if (errno != EEXIST) fail("cannot make folder %s: %s", folder, strerror(errno));
    if (stat(folder, &status) != 0 || !S_ISDIR(status.st_mode)) fail("%s is not a folder", folder);
}

double seconds_now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

uint64_t rng_next(rng *r)
{
    uint64_t z = (r->state += 0x9e3779b97f4a7c15u);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

int32_t rng_between(rng *r, int32_t low, int32_t high)
{
    const uint64_t span = (uint64_t)((int64_t)high - low + 1);
    return (int32_t)(low + (int64_t)(rng_next(r) % span)); /* biased by less than 2^-32 */
}

double rng_unit(rng *r)
{
    return (double)(rng_next(r) >> 11) * 0x1p-53;
}

/* Box and Muller 1958. */
double rng_normal(rng *r)
{
    const double two_pi = 6.283185307179586;
    const double radius = sqrt(-2.0 * log(1.0 - rng_unit(r)));
    return radius * cos(two_pi * rng_unit(r));
}

/* Halves an interval; of the prior's quantiles a picture needs a few dozen. */
double normal_quantile(double p)
{
    double low = -40.0, high = 40.0;

    for (int32_t i = 0; i < 64; i++) {
        const double middle = 0.5 * (low + high);
        if (0.5 * erfc(-middle * sqrt(0.5)) < p)
            low = middle;
        else
            high = middle;
    }
    return 0.5 * (low + high);
}
