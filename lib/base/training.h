/* Whether this build trains (AE_TRAINING), for the tables of functions that only training needs,
 * and for branches that only training takes. */
#ifndef AE__BASE_TRAINING_H
#define AE__BASE_TRAINING_H

#ifdef AE_TRAINING
#define AE__IF_TRAINING(function) function
enum { AE__TRAINS = 1 };
#else
#define AE__IF_TRAINING(function) NULL
enum { AE__TRAINS = 0 };
#endif

#endif
