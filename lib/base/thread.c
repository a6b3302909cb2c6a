/* A thread inherits the mask that its creator has at that moment. */
#include "base/thread.h"

#include <signal.h>
#include <stddef.h>

int ae__thread_start(pthread_t *thread, void *(*run)(void *), void *arg)
{
    sigset_t all, before;

    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int error = pthread_create(thread, NULL, run, arg);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return error;
}

#ifdef __x86_64__

/* As fegetenv and fesetenv, which are the only functions of libm that every program needs; and those
 * load and store the whole of the x87. */
void ae__float_mode_get(ae__float_mode *mode)
{
    __asm__ volatile("stmxcsr %0\n\tfnstcw %1" : "=m"(mode->vectors), "=m"(mode->x87));
}

void ae__float_mode_set(const ae__float_mode *mode)
{
    __asm__ volatile("ldmxcsr %0\n\tfldcw %1" : : "m"(mode->vectors), "m"(mode->x87));
}

#else

void ae__float_mode_get(ae__float_mode *mode)
{
    fegetenv(mode);
}

void ae__float_mode_set(const ae__float_mode *mode)
{
    fesetenv(mode);
}

#endif
