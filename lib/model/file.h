/* The .aem file: docs/format.md is its definition. */
#ifndef AE__MODEL_FILE_H
#define AE__MODEL_FILE_H

#include "base/bytes.h"
#include "model/model.h"

/* The first bytes, with PNG's trick: a byte above 127, line ends of both kinds, an end-of-file. */
#define AE__FILE_MAGIC                                                                             \
    "\x89"                                                                                         \
    "AEM\r\n\x1a\n"
enum { AE__FILE_MAGIC_BYTES = 8, AE__FILE_MAJOR = 1, AE__FILE_MINOR = 0 };

/* NONFINITE: a weight, a state of the optimiser, or a pending gradient is NaN or infinite. */
int32_t ae__file_savable(const ae_model *model);

/* Replaces the file at path by the model's in one step. NONFINITE, IO. */
int32_t ae__file_replace(const ae_model *model, const char *path);

/* Writes the whole file of a model that is savable; returns the writer's status. */
int32_t ae__file_save(const ae_model *model, ae__writer *writer);

/* Reads a whole file into a new model. On failure *out is NULL. */
int32_t ae__file_load(ae_model **out, const uint8_t *bytes, size_t count, const ae_allocator *mem);

#endif
