/* Threads that no signal of the host lands on. */
#ifndef AE__BASE_THREAD_H
#define AE__BASE_THREAD_H

#include <pthread.h>

/* Starts a thread that blocks every signal; an error number, or 0. */
int ae__thread_start(pthread_t *thread, void *(*run)(void *), void *arg);

#endif
