/* The number type of all computation: float, or double in the build that the gradient tests use. */
#ifndef AE__BASE_REAL_H
#define AE__BASE_REAL_H

#ifdef AE_DOUBLE
typedef double real;
#else
typedef float real;
#endif

#endif
