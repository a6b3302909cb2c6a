/* One thread in the background that runs one job at a time. */
#ifndef AE__BASE_RUNNER_H
#define AE__BASE_RUNNER_H

#include "ae/ae.h"

typedef struct ae__runner ae__runner;

/* The thread blocks every signal. NOMEM where it, or its memory, cannot be had. */
int32_t ae__runner_create(ae__runner **out, const ae_allocator *mem);

/* Waits for the job and joins the thread; in a forked child, where there is none, only gives the
 * memory back. */
void ae__runner_free(ae__runner *runner);

/* Starts a job; none may be running. What it writes is there after ae__runner_wait. */
void ae__runner_start(ae__runner *runner, void (*job)(void *arg), void *arg);
void ae__runner_wait(ae__runner *runner);

#endif
