/* Whether this build trains (AE_TRAINING), for the tables of functions that only training needs. */
#ifndef AE__BASE_TRAINING_H
#define AE__BASE_TRAINING_H

#ifdef AE_TRAINING
#define AE__IF_TRAINING(function) function
#else
#define AE__IF_TRAINING(function) NULL
#endif

#endif
