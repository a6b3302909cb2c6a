/* What a model is: its chain of layers, terms, optimiser and hyper-parameters. The config holds one
 * while it is being described, every model its own copy, and the file is one written down. */
#ifndef AE__MODEL_DESC_H
#define AE__MODEL_DESC_H

#include "base/mem.h"
#include "base/shape.h"
#include "model/params.h"

enum { AE__MAX_LAYERS = 1024, AE__MAX_TERMS = 64 };

typedef struct ae__desc {
    ae__spec model; /* scope MODEL */
    ae__spec run;   /* scope RUN; not kept in the file */
    ae__spec optim;
    ae__shape input;
    int32_t n_layers;
    int32_t n_terms;
    int32_t code; /* layers of the encoder; 0: not marked yet */
    ae__spec *layers;
    ae__spec *terms;
} ae__desc;

void ae__desc_begin(ae__desc *desc);
void ae__desc_free(ae__desc *desc, const ae_allocator *mem);

/* A deep copy into memory of its own; NOMEM leaves out empty. */
int32_t ae__desc_copy(ae__desc *out, const ae__desc *desc, const ae_allocator *mem);

/* dims: `rank` of them, 1 to AE__MAX_RANK. */
int32_t ae__desc_input(ae__desc *desc, int32_t rank, const int64_t *dims);
/* Adds a layer, or term, of this kind at its defaults. */
int32_t ae__desc_layer(ae__desc *desc, const ae_allocator *mem, int32_t kind);
int32_t ae__desc_term(ae__desc *desc, const ae_allocator *mem, int32_t kind);
int32_t ae__desc_code(ae__desc *desc);
int32_t ae__desc_optim(ae__desc *desc, int32_t kind);

/* Where a parameter lives, by its scope: the layer or term added last, and so on. owner: room for
 * AE__OWNER bytes of its name in messages. STATE: there is no layer or term yet. */
enum { AE__OWNER = 32 };
int32_t ae__desc_spec(ae__desc *desc, int32_t param, ae__spec **spec, char *owner);

#endif
