/* Whole models against PyTorch's with the same weights and data: output, loss, gradients. To be linked
 * to the insides in float, and in double. */
#include "chain.h"

typedef struct model_reference {
    chain chain;
    double loss;
    const double *output;    /* ROWS x outputs */
    const double *gradients; /* array after array */
} model_reference;

#include "reference/models.h"

/* As in make.py. */
enum { ROWS = 5, EPOCH = 3, FIRST_ROW = 1000 };
#define SEED UINT64_C(0x0123456789ABCDEF)

/* Of the largest element of a tensor. Sums of at most 12 products of numbers near 1, six deep; noise is
 * of 7 digits here and there (measured: 1e-6 and 3e-15). */
#ifdef AE_DOUBLE
#define TOLERANCE 1e-14
#else
#define TOLERANCE 1e-5
#endif

/* The batch as data: float32, in which its draws are exact. */
static ae__array array_of(const real *from, size_t dim, float *values)
{
    for (size_t i = 0; i < ROWS * dim; i++) values[i] = (float)from[i];
    return (ae__array){.values = dim ? values : NULL,
                       .type = AE_TYPE_F32,
                       .rows = ROWS,
                       .dim = dim,
                       .stride = dim * sizeof *values,
                       .scale = 1};
}

/* The output as inference computes it. */
static void check_output(const trial *t, const model_reference *reference)
{
    const size_t side_dim = t->context.side_row;
    float x[256], side[256];
    real out[256];
    assert_true(ROWS * t->in <= 256 && ROWS * t->out <= 256 && ROWS * side_dim <= 256);
    const ae__view view = {.x = array_of(t->trainer.x, t->in, x),
                           .side = array_of(t->trainer.side, side_dim, side)};
    assert_int_equal(ae__run_layers(t->model, &view, 0, t->model->plan.n_layers, true, out), AE_OK);
    assert_near_largest(reference->chain.name, "the output", out, reference->output, ROWS * t->out,
                        TOLERANCE);
}

static void check_gradients(const trial *t, const model_reference *reference)
{
    const double *want = reference->gradients;
    EACH_WEIGHT(t->model, w)
    {
        assert_near_largest(reference->chain.name, w->info.name, t->trainer.gradients + w->offset,
                            want, w->count, TOLERANCE);
        want += w->count;
    }
}

static void models_compute_what_pytorch_computes(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof model_references / sizeof *model_references; i++) {
        const model_reference *reference = &model_references[i];
        draw_state = 1;
        trial t = trial_of(&reference->chain, ROWS);
        t.context.seed = SEED;
        t.context.epoch = EPOCH;
        t.context.first_row = FIRST_ROW;
        t.context.epochs = 1.5;
        trial_draw(&t);
        ae__trainer_gradients(&t.trainer, &t.context, NULL, NULL);
        real loss = (real)(t.trainer.parts[AE__PART_LOSS] / t.trainer.parts[AE__PART_WEIGHT]);
        assert_near_largest(reference->chain.name, "the loss", &loss, &reference->loss, 1,
                            TOLERANCE);
        check_gradients(&t, reference);
        check_output(&t, reference);
        trial_free(&t);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(models_compute_what_pytorch_computes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
