/* Training steps as a program does them that calls a CBLAS and has loops for the rest. */
#ifndef PLAIN_H
#define PLAIN_H

#include <stdint.h>

/* `depth` hidden layers of `width` units, relu, between input and output of `width`, sigmoid; BCE, Adam. */
typedef struct plain plain;

/* All kernels alike: width x width. */
plain *plain_create(int64_t batch, int64_t width, int64_t depth, const float *kernel);

/* A step on batch rows in the given order; returns the loss. */
float plain_step(plain *p, const float *rows, const int64_t *order);

void plain_free(plain *p);

#endif
