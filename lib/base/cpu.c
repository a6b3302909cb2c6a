/* What the processor has and the operating system saves. Asked for here, not through the compiler's
 * run-time, which would bring 5 KB and a constructor that runs in every host. */
#include "base/cpu.h"

#include "ae/ae.h"

#include <stdbool.h>

#if defined(__GNUC__) && (defined(__x86_64__) || defined(__i386__))

#include <cpuid.h>

enum {
    SAVES_YMM = 0x06, /* in XCR0 (Intel SDM 1, 13.3): SSE and AVX state, */
    SAVES_ZMM = 0xe6, /* and opmask, upper halves of ZMM0-15, ZMM16-31 */
};

static unsigned saved_state(void)
{
    unsigned low, high;
    __asm__("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
    return low;
}

static bool has_all(unsigned bits, unsigned wanted)
{
    return (bits & wanted) == wanted;
}

int32_t ae__cpu_best(void)
{
    unsigned eax, more, basic, edx;
    if (!__get_cpuid(1, &eax, &more, &basic, &edx) || !has_all(basic, bit_OSXSAVE | bit_FMA) ||
        !__get_cpuid_count(7, 0, &eax, &more, &basic, &edx) || !has_all(more, bit_AVX2) ||
        !has_all(saved_state(), SAVES_YMM))
        return AE_CPU_PORTABLE;
    bool wide = has_all(more, bit_AVX512F | bit_AVX512BW | bit_AVX512VL | bit_AVX512DQ) &&
                has_all(saved_state(), SAVES_ZMM);
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
