/* What the processor has and the operating system saves: the compiler's run-time asks for both. */
#include "base/cpu.h"

#include "ae/ae.h"

#include <stdbool.h>

#if defined(__GNUC__) && (defined(__x86_64__) || defined(__i386__))

int32_t ae__cpu_best(void)
{
    __builtin_cpu_init(); /* we may be called from a constructor that runs before the run-time's */
    if (!__builtin_cpu_supports("avx2") || !__builtin_cpu_supports("fma")) return AE_CPU_PORTABLE;
    bool wide = __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
                __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512dq");
    return wide ? AE_CPU_AVX512 : AE_CPU_AVX2;
}

#elif defined(__aarch64__)

int32_t ae__cpu_best(void)
{
    return AE_CPU_NEON; /* part of every ARMv8-A */
}

#else

int32_t ae__cpu_best(void)
{
    return AE_CPU_PORTABLE;
}

#endif
