/* A model as a table of text. */
#ifndef AE__MODEL_SUMMARY_H
#define AE__MODEL_SUMMARY_H

#include "model/model.h"

/* Writes as much as fits into cap bytes, ended by NUL where cap is not 0; returns the whole
 * length. */
size_t ae__summary(const ae_model *model, char *text, size_t cap);

#endif
