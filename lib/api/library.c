/* ae.h: status, version, constants, and the table of parameters. */
#include <string.h>

#include "api/check.h"

#define TEXT(x)    #x
#define TEXT_OF(x) TEXT(x)
#define VERSION_TEXT                                                                               \
    TEXT_OF(AE_VERSION_MAJOR) "." TEXT_OF(AE_VERSION_MINOR) "." TEXT_OF(AE_VERSION_PATCH)

/* What the build text says of a part that is there, or of one that is not. */
#ifdef AE_HAVE_PORTABLE
#define WITH_PORTABLE " portable"
#else
#define WITH_PORTABLE ""
#endif
#ifdef AE_HAVE_AVX2
#define WITH_AVX2 " avx2"
#else
#define WITH_AVX2 ""
#endif
#ifdef AE_HAVE_AVX512
#define WITH_AVX512 " avx512"
#else
#define WITH_AVX512 ""
#endif
#ifdef AE_HAVE_NEON
#define WITH_NEON " neon"
#else
#define WITH_NEON ""
#endif
#ifndef AE_BLAS_NAME
#define AE_BLAS_NAME "none"
#endif
#ifdef AE_TRAINING
#define WITH_TRAINING ""
#else
#define WITH_TRAINING ", without training"
#endif
#ifdef AE_IMAGES
#define WITH_IMAGES ""
#else
#define WITH_IMAGES ", without images"
#endif
#ifdef AE_DRAWN
#define WITH_DRAWN ""
#else
#define WITH_DRAWN ", without drawn"
#endif
#ifdef AE_TOPK
#define WITH_TOPK ""
#else
#define WITH_TOPK ", without topk"
#endif

/* Their names one after the other, without pointers (as in model/params.c), and their values. */
#define AE__CONSTANT(name) char of_##name[sizeof #name];
static const struct names {
#include "constants.def" /* made from ae.h by the build */
} names = {
#undef AE__CONSTANT
#define AE__CONSTANT(name) #name,
#include "constants.def"
};
#undef AE__CONSTANT

static const int32_t values[] = {
#define AE__CONSTANT(name) name,
#include "constants.def"
};

/* Bytes that the struct of no later version will have: more is a size that was not set. */
enum { LARGEST_PARAM = 4096 };

enum { CONSTANTS = sizeof values / sizeof *values };

const char *ae_last_error(void)
{
    return ae__message();
}

const char *ae_status_text(int32_t status)
{
    switch (status) {
    case AE_OK: return "success";
    case AE_ERR_INVALID: return "invalid argument";
    case AE_ERR_STATE: return "not possible in this state";
    case AE_ERR_NOMEM: return "out of memory";
    case AE_ERR_SHAPE: return "dimensions do not fit";
    case AE_ERR_RANGE: return "number out of bounds";
    case AE_ERR_IO: return "input or output failed";
    case AE_ERR_FORMAT: return "not a file of the kind wanted, or a damaged one";
    case AE_ERR_VERSION: return "file needs a newer libae";
    case AE_ERR_NONFINITE: return "NaN or infinity";
    case AE_ERR_DIVERGED: return "training diverged";
    case AE_ERR_CANCELLED: return "cancelled";
    case AE_ERR_UNSUPPORTED: return "not supported by this build or machine";
    case AE_ERR_BUSY: return "model or data in use just now";
    default: return "unknown status";
    }
}

int32_t ae_version(void)
{
    return AE_VERSION_MAJOR * 1000000 + AE_VERSION_MINOR * 1000 + AE_VERSION_PATCH;
}

const char *ae_version_text(void)
{
    return VERSION_TEXT;
}

const char *ae_build_text(void)
{
    return "libae " VERSION_TEXT ", kernels" WITH_PORTABLE WITH_AVX2 WITH_AVX512 WITH_NEON
           ", cblas " AE_BLAS_NAME WITH_TRAINING WITH_IMAGES WITH_DRAWN WITH_TOPK;
}

int32_t ae_constant(const char *name, int64_t *value)
{
    AE__WANT(name);
    AE__WANT(value);
    const char *known = (const char *)&names;
    for (size_t i = 0; i < CONSTANTS; i++, known += strlen(known) + 1) {
        if (strcmp(known, name) == 0) {
            *value = values[i];
            return AE_OK;
        }
    }
    return ae__fail(AE_ERR_INVALID, "ae_constant: there is no constant %s", name);
}

int32_t ae_constant_at(int32_t index, const char **name, int64_t *value)
{
    if (index < 0 || index >= (int32_t)CONSTANTS)
        return ae__fail(AE_ERR_RANGE, "ae_constant_at: index is %d, wanted 0 to %d", (int)index,
                        (int)CONSTANTS - 1);
    const char *known = (const char *)&names;
    for (int32_t i = 0; i < index; i++) known += strlen(known) + 1;
    if (name) *name = known;
    if (value) *value = values[index];
    return AE_OK;
}

static double bound_of(const ae__param *row, ae__limit bound)
{
    return row->type == AE_TYPE_I64 ? (double)bound.i64 : bound.f64;
}

int32_t ae_param_at(int32_t index, ae_param *out)
{
    const ae__param *row = index < 0 ? NULL : ae__param_at((size_t)index);
    AE__WANT(out);
    if (out->size < sizeof *out || out->size > LARGEST_PARAM)
        return ae__fail(AE_ERR_INVALID,
                        "ae_param_at: size is %zu, wanted sizeof(ae_param), %zu here", out->size,
                        sizeof *out);
    if (!row) return ae__fail(AE_ERR_RANGE, "ae_param_at: there is no parameter %d", (int)index);
    *out = (ae_param){.size = sizeof *out,
                      .id = row->id,
                      .scope = row->scope,
                      .type = row->type,
                      .name = row->name,
                      .help = ae__param_help((size_t)index),
                      .default_value = row->initial,
                      .minimum = bound_of(row, row->lowest),
                      .maximum = bound_of(row, row->highest)};
    return AE_OK;
}
