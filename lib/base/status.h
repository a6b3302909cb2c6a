/* Status codes with a one-line message in a fixed buffer of each thread. */
#ifndef AE__BASE_STATUS_H
#define AE__BASE_STATUS_H

#include "ae/ae.h"

/* Passes a failure on unchanged; for places that hold nothing. */
#define AE_TRY(call)                                                                               \
    do {                                                                                           \
        int32_t ae_try_status = (call);                                                            \
        if (ae_try_status != AE_OK) return ae_try_status;                                          \
    } while (0)

/* Sets this thread's message (what, got, wanted) and returns `code`. Control characters in the
 * result are replaced by '?', so that a hostile name cannot drive a terminal. */
int32_t ae__fail(int32_t code, const char *format, ...)
#if defined(__GNUC__)
    __attribute__((format(printf, 2, 3)))
#endif
    ;

/* This thread's message; "" before the first failure. */
const char *ae__message(void);

#endif
