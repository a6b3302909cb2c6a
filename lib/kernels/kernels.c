/* The choice of a table. */
#include "kernels/kernels.h"

#include "ae/ae.h"
#include "base/cpu.h"

extern const ae__kernels ae__kernels_portable;
extern const ae__kernels ae__kernels_avx2;
extern const ae__kernels ae__kernels_avx512;
extern const ae__kernels ae__kernels_neon;

static const ae__kernels *const built_in[] = {
#ifdef AE_HAVE_PORTABLE
    [AE_CPU_PORTABLE] = &ae__kernels_portable,
#endif
#ifdef AE_HAVE_AVX2
    [AE_CPU_AVX2] = &ae__kernels_avx2,
#endif
#ifdef AE_HAVE_AVX512
    [AE_CPU_AVX512] = &ae__kernels_avx512,
#endif
#ifdef AE_HAVE_NEON
    [AE_CPU_NEON] = &ae__kernels_neon,
#endif
};

const ae__kernels *ae__kernels_at(int32_t level)
{
    const int32_t count = (int32_t)(sizeof built_in / sizeof *built_in);
    int32_t best = ae__cpu_best();
    if (best >= count) best = count - 1;
    if (level == AE_CPU_AUTO) {
        while (best > 0 && !built_in[best]) best--;
        return built_in[best];
    }
    return level >= 0 && level <= best ? built_in[level] : NULL;
}

const char *ae__activation_name(int32_t act)
{
    static const char *const names[] = {
        [AE_ACT_LINEAR] = "linear",
        [AE_ACT_RELU] = "relu",
        [AE_ACT_LEAKY_RELU] = "leaky_relu",
        [AE_ACT_TANH] = "tanh",
        [AE_ACT_SIGMOID] = "sigmoid",
        [AE_ACT_ELU] = "elu",
        [AE_ACT_SOFTPLUS] = "softplus",
        [AE_ACT_GELU] = "gelu",
        [AE_ACT_SILU] = "silu",
    };
    return names[act];
}

bool ae__activation_keeps_input(int32_t act)
{
    return act == AE_ACT_GELU || act == AE_ACT_SILU;
}
