/* The interface of a layer: everything that can go wrong goes wrong in `infer`, and the rest cannot
 * fail. One layer a file, one table a layer, all listed in registry.c. */
#ifndef AE__LAYERS_LAYER_H
#define AE__LAYERS_LAYER_H

#include "base/shape.h"
#include "base/spec.h"
#include "layers/context.h"
#include "layers/weight.h"

enum { AE__LAYER_WEIGHTS = 4 }; /* most arrays of weights of one layer */

/* What a layer needs, from its spec and the shape of its input. */
typedef struct ae__layer_info {
    ae__shape out;
    size_t row_factor; /* rows of y for each row of x: 1, or the samples drawn for it */
    int32_t n_weights;
    ae__weight_info weights[AE__LAYER_WEIGHTS];
    int32_t activation; /* AE_ACT_*: the last thing that forward does; LINEAR: nothing */
    real slope;
    size_t saved;     /* reals that forward leaves for backward, of a whole batch; */
    size_t saved_row; /* and more for each row of x */
    double terms;     /* multiply-adds of a row of x */
} ae__layer_info;

/* What a layer is about to run as, for the scratch that it asks for. */
typedef struct ae__layer_need {
    const ae__spec *spec;
    const ae__spec *merged; /* as in a call, and so is `in` */
    bool folds;             /* calls may have a normalisation */
    const ae__shape *in;
    const ae__layer_info *info;
    const ae__engine *engine;
    size_t rows; /* of x, at most */
    bool training;
} ae__layer_need;

/* One layer of a pass. x: rows x in, y: rows * factor x out, with row strides of their own
 * (ae__row_stride), which dx and dy share. */
typedef struct ae__layer_call {
    const ae__context *context;
    const ae__spec *spec;
    const ae__layer_info *info;
    int32_t number;      /* in the chain */
    size_t rows;         /* of x */
    size_t factor;       /* rows of y for each of x */
    size_t in, out;      /* elements of a row */
    size_t x_row, y_row; /* row strides of x and dx, of y and dy */
    const ae__shape *in_shape;
    const ae__spec *merged; /* the layer below, which this one does, too: x is what that would
                             * read; NULL: none */
    const struct ae__layer_call *norm; /* the normalisation above, which this one does, too, but for
                                        * training: y is what that would make; NULL: none */
    bool x_blocked, y_blocked; /* how x and dx lie, y and dy (kernels/image.h); else in rows */
    const real *x;
    real *y;
    real *scratch; /* as much as was asked for */
    real *saved;   /* likewise; NULL but in training */
    real *weights[AE__LAYER_WEIGHTS];

    /* Forward. raw: y keeps what stands before the activation. loss: y is left as this epilogue's
     * loss leaves it (its bias, act and slope are the layer's to fill). */
    bool raw;
    ae__epilogue *loss;

    /* Backward. dy is the gradient with respect to what stands before the activation, and may be
     * overwritten. dx: overwritten; NULL: not wanted. below_act, below_slope: dx is multiplied by
     * this activation's derivative, whose output x is; LINEAR where that does not tell it. */
    real *dy;
    real *dx;
    int32_t below_act;
    real below_slope;
    real *dw[AE__LAYER_WEIGHTS];        /* gradients, as `weights` */
    bool accumulate[AE__LAYER_WEIGHTS]; /* add to dw: not its first writer in this step */
    /* Called when elements [begin, begin + count) of dw[slot] are finished; from any thread. */
    void (*finished)(void *user, int32_t slot, size_t begin, size_t count);
    void *finished_user;
} ae__layer_call;

typedef struct ae__layer_ops {
    int32_t kind;          /* AE__LAYER_*, as in the file */
    const char *name;      /* "dense" */
    const int32_t *params; /* AE_PARAM_* that it takes, ended by 0 */
    bool fuses_loss;       /* forward honours `loss` */
    bool blocks;           /* x and y may lie in blocks of images, */
    bool same_layout;      /* but both or none */
    bool draws;            /* y is drawn from the distribution that x describes */
    bool side; /* forward reads the context's side; AE_PARAM_SIDE and LABEL are its form */

    /* Fills info, or fails with what, got and wanted (the caller names the layer). */
    int32_t (*infer)(const ae__spec *spec, const ae__shape *in, ae__layer_info *info);
    bool folds; /* it can do a batch normalisation above, where it has no activation */
    /* Whether it can do the layer below, whose input is `in`, on its way; NULL: no. */
    bool (*merges)(const ae__spec *spec, const ae__spec *below, const ae__shape *in);
    /* Reals of scratch, in rows or in blocks; false where they cannot be counted. NULL: none. */
    bool (*scratch)(const ae__layer_need *need, size_t *reals);
    void (*forward)(const ae__layer_call *call);
    /* dx comes before dw, since `finished` may change the weights. NULL without training. */
    void (*backward)(const ae__layer_call *call);
    /* Units that are dead, as the state of the call tells; NULL: not counted. */
    size_t (*dead_units)(const ae__layer_call *call);
} ae__layer_ops;

enum { /* kinds of layers, as the file numbers them; never reused */
       AE__LAYER_DENSE = 1,
       AE__LAYER_ACTIVATION = 2,
       AE__LAYER_CORRUPT = 3,
       AE__LAYER_GAUSSIAN = 4,
       AE__LAYER_TOPK = 5,
       AE__LAYER_CONCAT = 6,
       AE__LAYER_CONV1D = 7,
       AE__LAYER_CONV2D = 8,
       AE__LAYER_CONV1D_TRANSPOSE = 9,
       AE__LAYER_CONV2D_TRANSPOSE = 10,
       AE__LAYER_POOL1D = 11,
       AE__LAYER_POOL2D = 12,
       AE__LAYER_UPSAMPLE1D = 13,
       AE__LAYER_UPSAMPLE2D = 14,
       AE__LAYER_FLATTEN = 15,
       AE__LAYER_RESHAPE = 16,
       AE__LAYER_BATCH_NORM = 17,
       AE__LAYER_LAYER_NORM = 18
};

/* y = a[c] (x - mean) + beta = a[c] x + d[c] of a batch normalisation outside of training; `bias` of what
 * makes x comes on top of d, or NULL. */
void ae__batch_norm_fold(const ae__layer_call *norm, const real *bias, real *a, real *d);

/* The layers by number, NULL past the last; and by kind, NULL where there is none. */
const ae__layer_ops *ae__layer_at(size_t index);
const ae__layer_ops *ae__layer_of(int32_t kind);

#endif
