/* What every public function checks before it calls a floor down. */
#ifndef AE__API_CHECK_H
#define AE__API_CHECK_H

#include "base/status.h"
#include "model/model.h"

/* INVALID naming the argument, where it is NULL. */
#define AE__WANT(argument)                                                                         \
    do {                                                                                           \
        if (!(argument)) return ae__fail(AE_ERR_INVALID, "%s: %s is NULL", __func__, #argument);   \
    } while (0)

/* The host's allocator, or malloc's for NULL; INVALID where a function is missing. */
int32_t ae__check_allocator(const ae_allocator *given, ae_allocator *out);

/* STATE in a forked child of a model with workers. */
int32_t ae__check_model(const ae_model *model);

/* The same, and around whatever changes what handles have in common: BUSY in a callback of its ae_fit,
 * and while there are shares. ..._end passes the status on. */
int32_t ae__change_begin(ae_model *model);
int32_t ae__change_end(ae_model *model, int32_t status);

/* STATE: no layer comes after the code. */
int32_t ae__check_decoder(const ae_model *model);

/* A buffer for rows x dim numbers of `unit` bytes. RANGE: more than cap; INVALID: misaligned, or over
 * an array of the view. `name` is the buffer's. */
int32_t ae__check_output(const char *name, const void *out, size_t unit, size_t rows, size_t dim,
                         size_t cap, const ae__view *view);

/* The first failure of an object's calls. stick remembers it, and gives back the status that it is
 * given; stuck fails with it from then on. */
typedef struct ae__failure {
    int32_t status;
    char message[256];
} ae__failure;

int32_t ae__stick(ae__failure *failure, int32_t status);
int32_t ae__stuck(const ae__failure *failure);

struct ae_config {
    ae_allocator mem;
    ae__failure failure;
    ae__desc desc;
};

/* Sets a parameter of a config where its scope says, without making a failure stick. */
int32_t ae__config_set(ae_config *config, int32_t param, ae__number number);

struct ae_data {
    ae_allocator mem;
    ae__view view;
};

struct ae_fit_options {
    ae_allocator mem;
    ae__failure failure;
    ae__spec fit;       /* scope FIT */
    const float *x, *y; /* plain validation data, or */
    int64_t rows;
    const ae_data *data; /* a view */
    ae_progress *progress;
    void *user;
    char *checkpoint; /* path, ours; NULL: none */
    int64_t checkpoint_epochs, checkpoint_steps;
    double checkpoint_seconds;
};

/* The view of plain rows of a model's input, and where y is not NULL of its output. RANGE, INVALID. */
int32_t ae__view_plain(ae__view *view, const ae_model *model, const float *x, const float *y,
                       int64_t rows);

/* A view on its way to where it is used, a copy: what its arrays hold is checked here, what its
 * sources hold is noted, to be checked as it comes. `name` is what messages call the data.
 * STATE: the view has no x; SHAPE: another dimension than `dim`, or targets of other rows. */
int32_t ae__check_input(ae__view *view, const char *name, size_t dim);

/* The side for layers [first, last) and `rows` rows. STATE: they take one, and there is none; SHAPE:
 * another dimension or number of rows, or a model without a place for it; RANGE: labels. */
int32_t ae__check_side(const ae_model *model, ae__view *view, int32_t first, int32_t last,
                       size_t rows);

/* The same for a view whose loss is to be computed: STATE: the model has no loss; SHAPE: targets of
 * another dimension than the output, or weights that are not one for each row; RANGE: outside [0, 1]
 * where a loss wants that, and they are not scaled to it, or weights below 0 or all 0; NONFINITE: other
 * weights. `own`: the target's scaler is its own. */
int32_t ae__check_loss(const ae_model *model, ae__view *view, bool own, const char *x_name,
                       const char *y_name);

/* NONFINITE: NaN, where the model takes it for nothing else, or infinity in x, side or targets, after the
 * checks above. */
int32_t ae__check_finite(const ae_model *model, ae__view *view);

#endif
