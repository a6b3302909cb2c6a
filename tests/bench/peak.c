/* Twelve independent chains of fused multiply-adds in registers, nothing else. */
#include "peak.h"

#include <stdint.h>

#include "common.h"

enum { CHAINS = 12, STEPS = 4000000, RUNS = 5 };

#if defined(__x86_64__)
#include <immintrin.h>

#define CHAIN_LOOP(type, lanes, set1, fma)                                                         \
    type sum[CHAINS], x = set1(0.999f), y = set1(1e-5f);                                           \
    for (int i = 0; i < CHAINS; i++) sum[i] = set1((float)i * 1e-3f);                              \
    for (int64_t step = 0; step < STEPS; step++) {                                                 \
        _Pragma("GCC unroll 12") for (int i = 0; i < CHAINS; i++) sum[i] = fma(sum[i], x, y);      \
        __asm__ volatile("");                                                                      \
    }                                                                                              \
    for (int i = 1; i < CHAINS; i++) sum[0] = fma(sum[i], x, sum[0]);                              \
    *sink = ((const float *)&sum[0])[0];                                                           \
    return lanes

__attribute__((target("avx512f,fma"))) static int chains_512(volatile float *sink)
{
    CHAIN_LOOP(__m512, 16, _mm512_set1_ps, _mm512_fmadd_ps);
}

__attribute__((target("avx2,fma"))) static int chains_256(volatile float *sink)
{
    CHAIN_LOOP(__m256, 8, _mm256_set1_ps, _mm256_fmadd_ps);
}

static int chains(volatile float *sink)
{
    return __builtin_cpu_supports("avx512f") ? chains_512(sink) : chains_256(sink);
}

#else

typedef float lanes4 __attribute__((vector_size(16)));

static int chains(volatile float *sink)
{
    lanes4 sum[CHAINS], x = {0.999f, 0.999f, 0.999f, 0.999f};
    for (int i = 0; i < CHAINS; i++) sum[i] = x * (float)i;
    for (int64_t step = 0; step < STEPS; step++) {
        for (int i = 0; i < CHAINS; i++) sum[i] = sum[i] * x + x;
        __asm__ volatile("");
    }
    for (int i = 1; i < CHAINS; i++) sum[0] += sum[i];
    *sink = sum[0][0];
    return 4;
}

#endif

double peak_gflops(void)
{
    volatile float sink = 0;
    double best = 0;
    for (int run = 0; run < RUNS; run++) {
        double start = seconds_now();
        int lanes = chains(&sink);
        double rate = 2.0 * CHAINS * lanes * STEPS / (seconds_now() - start) / 1e9;
        if (rate > best) best = rate;
    }
    return best;
}
