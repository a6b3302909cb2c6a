/* base/cpu, against what the kernel tells about the processor. */
#include "ae/ae.h"
#include "base/cpu.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#if defined(__x86_64__) || defined(__i386__)

/* The first "flags" line of /proc/cpuinfo, which only x86 has; padded, so that words stand free. */
static bool read_flags(char *flags, int cap)
{
    FILE *file = fopen("/proc/cpuinfo", "r");
    bool found = false;

    if (file == NULL) return false;
    while (!found && fgets(flags, cap, file) != NULL) found = strncmp(flags, "flags", 5) == 0;
    fclose(file);
    if (found) flags[strcspn(flags, "\n")] = ' ';
    return found;
}

static bool has_all(const char *flags, const char *const *words)
{
    for (; *words != NULL; words++) {
        if (strstr(flags, *words) == NULL) return false;
    }
    return true;
}

static int32_t level_shown(void)
{
    static const char *const avx2[] = {" avx2 ", " fma ", NULL};
    static const char *const avx512[] = {" avx512f ", " avx512bw ", " avx512vl ", " avx512dq ",
                                         NULL};
    static char flags[1 << 14];

    if (!read_flags(flags, sizeof flags)) skip();
    if (!has_all(flags, avx2)) return AE_CPU_PORTABLE;
    return has_all(flags, avx512) ? AE_CPU_AVX512 : AE_CPU_AVX2;
}

#elif defined(__aarch64__)

static int32_t level_shown(void)
{
    return AE_CPU_NEON;
}

#else

static int32_t level_shown(void)
{
    return AE_CPU_PORTABLE;
}

#endif

static void level_is_the_best_that_the_kernel_shows(void **state)
{
    (void)state;
    assert_int_equal(ae__cpu_best(), level_shown());
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(level_is_the_best_that_the_kernel_shows)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
