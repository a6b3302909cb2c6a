/* Optimisers, step by step, against PyTorch's: the same weights, the same batches, the same losses on
 * the way and the same weights at the end. To be linked to the insides in float, and in double. */
#include "chain.h"

#include "optim/optim.h"

typedef struct optim_reference {
    chain chain;
    int32_t steps;
    const double *losses;  /* of each step, before it */
    const double *weights; /* after the last, array after array */
} optim_reference;

#include "reference/optims.h"

/* As in make.py. */
enum { ROWS = 5 };

/* Weights and losses are about 1; 100 steps carry each other's roundings on with factors near 1. Some
 * 30 units in the last place of 1 (measured: 9e-7 and 1e-15). */
#ifdef AE_DOUBLE
#define TOLERANCE 4e-15
#else
#define TOLERANCE 3e-6
#endif

static void every_registered_optimiser_is_listed(void **state)
{
    const size_t n = sizeof optim_references / sizeof *optim_references;
    (void)state;
    for (size_t i = 0; ae__optim_at(i); i++) {
        size_t j = 0;
        while (j < n && optim_references[j].chain.optim.kind != ae__optim_at(i)->kind) j++;
        if (j == n) fail_msg("optimiser %s is not among the references", ae__optim_at(i)->name);
    }
}

static void compare(const char *name, const char *what, double got, double want)
{
    if (!(fabs(got - want) <= TOLERANCE * fmax(fabs(want), 1)))
        fail_msg("%s: %s is %.17g, PyTorch's %.17g", name, what, got, want);
}

static void check_steps(const optim_reference *reference)
{
    draw_state = 1;
    trial t = trial_of(&reference->chain, ROWS);
    const double *want = reference->weights;
    for (int32_t i = 0; i < reference->steps; i++) {
        trial_draw(&t);
        ae__trainer_step(&t.trainer, &t.context);
        compare(reference->chain.name, "a loss", t.trainer.parts[AE__PART_LOSS] / ROWS,
                reference->losses[i]);
    }
    EACH_WEIGHT(t.model, w)
    for (size_t i = 0; i < w->count; i++)
        compare(reference->chain.name, w->info.name, t.model->weights[w->offset + i], *want++);
    trial_free(&t);
}

static void steps_are_those_of_pytorch(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof optim_references / sizeof *optim_references; i++)
        check_steps(&optim_references[i]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_registered_optimiser_is_listed),
        cmocka_unit_test(steps_are_those_of_pytorch),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
