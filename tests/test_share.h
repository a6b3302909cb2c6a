/* What the tests of handles on one model share: models of every kind, and questions. */
#ifndef TEST_SHARE_H
#define TEST_SHARE_H

#include "heap.h"
#include "kinds.h"

enum { N = 20, CELLS_MOST = N * KIND_DIM };

static float *x;

static inline int draw_x(void **state)
{
    (void)state;
    draw_state = 7;
    x = drawn(CELLS_MOST);
    return 0;
}

static inline int free_x(void **state)
{
    (void)state;
    free(x);
    return 0;
}

/* Trained, in a build that trains. */
static inline ae_model *some_model(const kind *k, const ae_allocator *allocator)
{
    ae_model *model = kind_model(k, allocator);
    int32_t status = ae_fit(model, x, NULL, N, NULL);
    if (status != AE_ERR_UNSUPPORTED) assert_int_equal(status, AE_OK);
    return model;
}

static inline ae_model *share_of(ae_model *model)
{
    ae_model *share;
    must(ae_model_share(&share, model));
    return share;
}

/* ---- questions ---- */

enum { ENCODE, DECODE, RECONSTRUCT, FEATURES, SCORE, EVALUATE, SAMPLE, POSTERIOR, SAVE, ASKS };

/* Something to ask a model, by number: rows [first, first + rows) of x. */
typedef struct question {
    int32_t ask;
    int64_t first, rows;
} question;

typedef struct answer {
    int32_t status;
    float out[CELLS_MOST];
    double loss;
} answer;

static inline question question_of(uint64_t number)
{
    question q = {.ask = (int32_t)(number % ASKS), .first = (int64_t)(number / ASKS % (N / 2))};
    q.rows = 1 + (int64_t)(number / ASKS * 5 % (N / 2));
    return q;
}

/* No assertions: any thread may ask. */
static inline void ask(ae_model *model, const question *q, answer *a)
{
    const float *rows = x + q->first * KIND_DIM;
    size_t bytes = 0;
    memset(a, 0, sizeof *a);
    switch (q->ask) {
    case ENCODE: a->status = ae_encode(model, rows, q->rows, a->out, CELLS_MOST); break;
    case DECODE: a->status = ae_decode(model, rows, q->rows, a->out, CELLS_MOST); break;
    case RECONSTRUCT: a->status = ae_reconstruct(model, rows, q->rows, a->out, CELLS_MOST); break;
    case FEATURES: a->status = ae_features(model, 0, rows, 1, a->out, CELLS_MOST); break;
    case SCORE: a->status = ae_score(model, rows, q->rows, a->out, CELLS_MOST); break;
    case EVALUATE: a->status = ae_evaluate(model, rows, NULL, q->rows, &a->loss); break;
    case SAMPLE: a->status = ae_sample(model, q->rows, q->first, a->out, CELLS_MOST); break;
    case POSTERIOR: a->status = ae_posterior(model, rows, q->rows, a->out, NULL, CELLS_MOST); break;
    case SAVE:
        a->status = ae_model_save_memory(model, NULL, 0, &bytes);
        a->loss = (double)bytes;
        break;
    }
}

#endif
