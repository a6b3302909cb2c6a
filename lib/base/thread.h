/* Threads that no signal of the host lands on, and that compute in the mode of their caller. */
#ifndef AE__BASE_THREAD_H
#define AE__BASE_THREAD_H

#include <fenv.h>
#include <pthread.h>

/* Starts a thread that blocks every signal; an error number, or 0. */
int ae__thread_start(pthread_t *thread, void *(*run)(void *), void *arg);

/* A thread's floating-point mode: rounding, exceptions, subnormal numbers. */
#ifdef __x86_64__
typedef struct ae__float_mode {
    unsigned vectors;   /* MXCSR */
    unsigned short x87; /* control word */
} ae__float_mode;
#else
typedef fenv_t ae__float_mode;
#endif

void ae__float_mode_get(ae__float_mode *mode);
void ae__float_mode_set(const ae__float_mode *mode);

#endif
