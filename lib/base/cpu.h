/* The instruction sets that kernels are compiled for, and the best that this machine has. */
#ifndef AE__BASE_CPU_H
#define AE__BASE_CPU_H

#include <stdint.h>

/* The AE_CPU_* level (ae.h) of this machine and its operating system. */
int32_t ae__cpu_best(void);

#endif
