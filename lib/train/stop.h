/* Early stopping: the epoch of the lowest loss, how long ago it was, and its weights. */
#ifndef AE__TRAIN_STOP_H
#define AE__TRAIN_STOP_H

#include "model/model.h"

typedef struct ae__stop_rule {
    uint64_t patience; /* epochs without a lower loss; 0: never stops */
    double min_change; /* by which a loss has to be lower */
    bool restore;      /* the best epoch is kept, and gone back to */
} ae__stop_rule;

/* Room for what is kept. NOMEM leaves the model as it was. */
int32_t ae__stop_reserve(ae_model *model, const ae__stop_rule *rule);

/* A fit begins on data of a fingerprint: what is known of others, or of no use, is forgotten. Without
 * patience that is all; the caller has kept `best`, and frees or puts back its arrays. */
void ae__stop_begin(ae_model *model, const ae__stop_rule *rule, uint32_t data);

/* Notes the loss of the epoch that is over, number trained.epochs. */
void ae__stop_epoch(ae_model *model, const ae__stop_rule *rule, double loss);

/* Whether patience has run out. */
bool ae__stop_due(const ae_model *model, const ae__stop_rule *rule);

/* Goes back to the best epoch's weights and optimiser, where they were kept; once, so that what is
 * done to the model afterwards stays. */
void ae__stop_restore(ae_model *model);

#endif
