/* Batches of images: between rows and blocks, pooling, upsampling (kernels/image.h). */
#ifndef AE__KERNELS_IMAGES_H
#define AE__KERNELS_IMAGES_H

#include "kernels/gemm.h"

/* y, in blocks, from x, in rows, of n reals an image; and back. */
void ae__images_pack(real *y, size_t y_row, const real *x, size_t x_row, size_t rows, size_t n,
                     const ae__engine *engine);
void ae__images_unpack(real *y, size_t y_row, const real *x, size_t x_row, size_t rows, size_t n,
                       const ae__engine *engine);

/* One block of them: at most `lanes` rows; lanes past the last become 0. */
void ae__block_pack(real *block, const real *x, size_t x_row, size_t rows, size_t n,
                    const ae__kernels *kernels);
void ae__block_unpack(real *x, size_t x_row, const real *block, size_t rows, size_t n,
                      const ae__kernels *kernels);

/* One pass over a batch, whose tensors lie all in rows or all in blocks; dx lies as x, dy as y.
 * Forward writes y. Backward overwrites dx, times the derivative of act, whose output x is. */
typedef struct ae__image_pass {
    size_t rows, channels;
    bool blocked;
    size_t x_row, y_row;
    const real *x;
    real *y;
    const real *dy;
    real *dx;
    int32_t act;
    real slope;
} ae__image_pass;

void ae__pooling_forward(const ae__pooling *p, const ae__image_pass *pass,
                         const ae__engine *engine);
void ae__pooling_backward(const ae__pooling *p, const ae__image_pass *pass,
                          const ae__engine *engine);
void ae__upsampling_forward(const ae__upsampling *u, const ae__image_pass *pass,
                            const ae__engine *engine);
void ae__upsampling_backward(const ae__upsampling *u, const ae__image_pass *pass,
                             const ae__engine *engine);

#endif
