/* Numbers held to what is wanted of them: a look at the whole row, then at each where it fails. */
#include "model/demand.h"

#include <math.h>

#include "base/status.h"

static bool outside_unit(real v)
{
    return v < 0 || v > 1;
}

static int32_t check_unit(const char *name, uint64_t row, size_t column, const real *values,
                          size_t count)
{
    bool outside = false;
    size_t j = 0;
    for (size_t i = 0; i < count; i++) outside |= outside_unit(values[i]);
    if (!outside) return AE_OK;
    while (!outside_unit(values[j])) j++;
    return ae__fail(AE_ERR_RANGE,
                    "%s: row %llu, column %zu is %.9g, the loss wants 0 to 1 (see ae_data_scale)",
                    name, (unsigned long long)row, column + j, (double)values[j]);
}

static int32_t check_finite(const char *name, uint64_t row, size_t column, const real *values,
                            size_t count, bool gaps, const ae__kernels *kernels)
{
    size_t j = 0;
    if (isfinite(kernels->sum_squares(values, count)))
        return AE_OK; /* no float's square is large */
    while (j < count && (isfinite(values[j]) || (gaps && isnan(values[j])))) j++;
    if (j == count) return AE_OK;
    return ae__fail(AE_ERR_NONFINITE, "%s: row %llu, column %zu is %g, wanted a finite number",
                    name, (unsigned long long)row, column + j, (double)values[j]);
}

static int32_t check_weight(const char *name, uint64_t row, double weight)
{
    if (weight >= 0 && isfinite(weight)) return AE_OK;
    return ae__fail(weight < 0 ? AE_ERR_RANGE : AE_ERR_NONFINITE,
                    "%s: row %llu is %.9g, wanted a finite number not below 0", name,
                    (unsigned long long)row, weight);
}

static int32_t check_label(const char *name, uint64_t row, double label, size_t classes)
{
    if (label >= 0 && label < (double)classes && label == (double)(size_t)label) return AE_OK;
    return ae__fail(AE_ERR_RANGE, "%s: row %llu is %.9g, wanted a class from 0 to %zu", name,
                    (unsigned long long)row, label, classes - 1);
}

int32_t ae__demand_check(const ae__demand *demand, const char *name, uint64_t row, size_t column,
                         const real *values, size_t count, const ae__kernels *kernels)
{
    if (demand->unit) AE_TRY(check_unit(name, row, column, values, count));
    if (demand->finite)
        AE_TRY(check_finite(name, row, column, values, count, demand->gaps, kernels));
    if (demand->weight) AE_TRY(check_weight(name, row, (double)values[0]));
    return demand->classes ? check_label(name, row, (double)values[0], demand->classes) : AE_OK;
}
