/* The interface of an optimiser: scalars once a step, then any slice of the parameters. One
 * optimiser a file, one table an optimiser, all listed in registry.c. */
#ifndef AE__OPTIM_OPTIM_H
#define AE__OPTIM_OPTIM_H

#include <math.h>

#include "base/spec.h"
#include "base/training.h"
#include "kernels/kernels.h"

enum { AE__OPTIM_STATES = 2 }; /* most arrays of state, each as long as the weights */

/* The scalars of a whole step, each optimiser's own. */
typedef union ae__optim_step {
    ae__sgd sgd;
    ae__adam adam;
    ae__rmsprop rmsprop;
} ae__optim_step;

/* A slice of one array of weights with its gradient and states. */
typedef struct ae__optim_slice {
    real *w;
    real *state[AE__OPTIM_STATES];
    const real *g;
    size_t count;
    bool decay; /* whether weight decay acts on it */
} ae__optim_slice;

/* A parameter that the optimiser takes, with its own default; NAN: the table's. */
typedef struct ae__optim_param {
    int32_t id;
    double value;
} ae__optim_param;

typedef struct ae__optim_ops {
    int32_t kind;                  /* AE_OPTIM_*, as in the file */
    const char *name;              /* "adam" */
    const ae__optim_param *params; /* ended by id 0 */
    int32_t (*states)(const ae__spec *spec);

    /* Scalars of step t (from 1) at a learning rate. g_scale multiplies every gradient, then
     * +-g_clamp cuts it. */
    void (*prepare)(const ae__spec *spec, double rate, uint64_t t, double g_scale, double g_clamp,
                    ae__optim_step *step);
    void (*update)(const ae__optim_step *step, const ae__kernels *kernels,
                   const ae__optim_slice *slice);
} ae__optim_ops;

/* The optimisers by number, NULL past the last; and by kind, NULL where there is none. */
const ae__optim_ops *ae__optim_at(size_t index);
const ae__optim_ops *ae__optim_of(int32_t kind);

#endif
