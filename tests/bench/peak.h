/* The multiply-adds that this core can do: the roof over every product. */
#ifndef BENCH_PEAK_H
#define BENCH_PEAK_H

/* GFLOP/s of one thread in float32, by the best instruction set there is. */
double peak_gflops(void);

#endif
