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

enum { ROWS = 5 }; /* as in make.py */

/* Of the largest element of a tensor. Sums of at most 12 products of numbers near 1, six deep. */
#ifdef AE_DOUBLE
#define TOLERANCE 1e-14
#else
#define TOLERANCE 1e-5
#endif

static void compare(const char *name, const char *what, const real *got, const double *want,
                    size_t n)
{
    double most = 0, gap = 0;
    for (size_t i = 0; i < n; i++) {
        most = fmax(most, fabs(want[i]));
        gap = fmax(gap, fabs(got[i] - want[i]));
    }
    if (!(gap <= TOLERANCE * most))
        fail_msg("%s: %s is %g off at most, PyTorch's largest is %g", name, what, gap, most);
}

/* The output as inference computes it, from the batch as data: float32, where the draws are exact. */
static void check_output(const trial *t, const model_reference *reference)
{
    float x[256];
    real out[256];
    const ae__view view = {.x = {.values = x,
                                 .type = AE_TYPE_F32,
                                 .rows = ROWS,
                                 .dim = t->in,
                                 .stride = t->in * sizeof *x,
                                 .scale = 1}};
    assert_true(ROWS * t->in <= 256 && ROWS * t->out <= 256);
    for (size_t i = 0; i < ROWS * t->in; i++) x[i] = (float)t->trainer.x[i];
    ae__run_layers(t->model, &view, 0, t->model->plan.n_layers, out);
    compare(reference->chain.name, "the output", out, reference->output, ROWS * t->out);
}

static void check_gradients(const trial *t, const model_reference *reference)
{
    const double *want = reference->gradients;
    EACH_WEIGHT(t->model, w)
    {
        compare(reference->chain.name, w->info.name, t->trainer.gradients + w->offset, want,
                w->count);
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
        trial_draw(&t);
        ae__trainer_gradients(&t.trainer, &t.context, NULL, NULL);
        real loss = (real)(t.trainer.parts[AE__PART_LOSS] / ROWS);
        compare(reference->chain.name, "the loss", &loss, &reference->loss, 1);
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
