/* The chunks of an .aem file and what reads each of them: docs/format.md tells what they hold. */
#ifndef AE__MODEL_CHUNKS_H
#define AE__MODEL_CHUNKS_H

#include "base/bytes.h"
#include "model/model.h"

/* A model on its way out of a file. */
typedef struct ae__loading {
    const ae_allocator *mem;
    ae__desc desc;
    ae_model *model; /* made when the description is complete, at the first weights */
    bool trained;    /* the counts of training were there */
    bool states;     /* the optimiser's states, too */
} ae__loading;

typedef struct ae__chunk {
    char tag[5];
    bool must; /* be there */
    int32_t (*get)(ae__loading *l, ae__reader *r);
} ae__chunk;

enum { AE__CHUNKS = 15 };

/* In the order of the file: each may rely on those before it that must be there. */
extern const ae__chunk ae__chunks[AE__CHUNKS];

/* FORMAT: "file: " and what is wrong with it. */
int32_t ae__malformed(const char *what);

#endif
