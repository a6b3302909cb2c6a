/* The distribution of the code: posteriors, draws, and what they tell. For models whose code is
 * drawn (ae__plan_code_drawn). What can fail is reading from a source. */
#ifndef AE__MODEL_LATENT_H
#define AE__MODEL_LATENT_H

#include "model/run.h"

/* Means and log-variances, rows x code each; either may be NULL. */
int32_t ae__latent_posterior(ae_model *model, const ae__view *view, real *mean, real *log_variance);

/* Codes drawn from the posteriors: rows x samples x code. */
int32_t ae__latent_sample(ae_model *model, const ae__view *view, size_t samples, uint64_t seed,
                          real *codes);

/* Outputs for `rows` codes from the prior, or one for each row of view->side. */
int32_t ae__latent_prior(ae_model *model, const ae__view *view, size_t rows, uint64_t seed,
                         real *out);

/* Outputs for codes on the line from one to the other; the code need not be drawn. */
void ae__latent_line(ae_model *model, const real *from, const real *to, size_t steps, real *out);

/* The estimate of log p(x) of each row from so many samples. */
int32_t ae__latent_likelihood(ae_model *model, const ae__view *view, size_t samples, uint64_t seed,
                              double *values);

/* Divergence from the prior and variance of the mean of each dimension; either may be NULL. */
int32_t ae__latent_diagnose(ae_model *model, const ae__view *view, double *kl, double *variance);

#endif
