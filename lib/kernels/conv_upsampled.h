/* Convolution of an image whose cells are repeated, from the image as it was. */
#ifndef AE__KERNELS_CONV_UPSAMPLED_H
#define AE__KERNELS_CONV_UPSAMPLED_H

#include "kernels/conv.h"

/* c: a convolution of what u makes of an image. Whether it can be had so, and gains by it. */
bool ae__conv_upsampled_fits(const ae__conv *c, const ae__upsampling *u);

/* The convolution whose adjoint does both, from c's y, its x, to the image, its y; as many channels. */
ae__conv ae__conv_upsampled(const ae__conv *c, const ae__upsampling *u);

/* Its weights, from those of c; and their gradient, in those of c. */
void ae__conv_upsampled_weights(real *to, const real *w, const ae__conv *c,
                                const ae__upsampling *u);
void ae__conv_upsampled_gradient(real *dw, const real *from, const ae__conv *c,
                                 const ae__upsampling *u, bool accumulate);

#endif
