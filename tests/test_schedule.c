/* Schedules of the learning rate, against PyTorch's and in closed form. To be linked to the insides in
 * float, and in double. */
#include "chain.h"

#include "train/schedule.h"

typedef struct schedule_reference {
    const char *name;
    setting settings[8];
    const double *rates;  /* of each step */
    const double *losses; /* of each epoch */
} schedule_reference;

#include "reference/schedules.h"

/* As in make.py. */
enum { RATES = 100, EPOCH_STEPS = 4 };
#define RATE 0.05

#define TOLERANCE 1e-9 /* of the rate; some multiply step by step what others raise to a power */

static ae_model *scheduled(const setting *settings)
{
    chain c = {.name = "scheduled",
               .input = 4,
               .layers = {DENSE(3, AE_ACT_TANH), DENSE(4, AE_ACT_LINEAR)},
               .terms = {{AE_LOSS_MSE}},
               .optim = {AE_OPTIM_SGD, {{AE_PARAM_LEARNING_RATE, RATE}}}};
    ae_model *model = chain_model(&c);
    apply_settings(&model->desc.model, settings);
    return model;
}

static void check(const schedule_reference *reference)
{
    ae_model *model = scheduled(reference->settings);
    for (uint64_t step = 0; step < RATES; step++) {
        double got = ae__schedule_rate(model, step), want = reference->rates[step];
        if (!(fabs(got - want) <= TOLERANCE * want))
            fail_msg("%s: rate of step %d is %.17g, PyTorch's %.17g", reference->name, (int)step,
                     got, want);
        if ((step + 1) % EPOCH_STEPS == 0)
            ae__schedule_epoch(model, reference->losses[step / EPOCH_STEPS]);
    }
    ae__model_free(model);
}

static void rates_are_those_of_pytorch(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof schedule_references / sizeof *schedule_references; i++)
        check(&schedule_references[i]);
}

static double rate_of(const setting *settings, uint64_t step)
{
    ae_model *model = scheduled(settings);
    double rate = ae__schedule_rate(model, step);
    ae__model_free(model);
    return rate;
}

static void constant_is_the_learning_rate_at_any_step(void **state)
{
    const setting none[] = {{0}};
    (void)state;
    assert_true(rate_of(none, 0) == RATE);
    assert_true(rate_of(none, UINT64_C(1) << 53) == RATE);
}

/* PyTorch's cosine rises again. */
static void cosine_stays_at_its_minimum(void **state)
{
    const setting cosine[] = {{AE_PARAM_SCHEDULE, AE_SCHEDULE_COSINE},
                              {AE_PARAM_SCHEDULE_STEPS, 10},
                              {AE_PARAM_SCHEDULE_MINIMUM, 0.01},
                              {0}};
    (void)state;
    assert_near(rate_of(cosine, 5), 0.03, 1e-17);
    assert_true(rate_of(cosine, 10) == 0.01);
    assert_true(rate_of(cosine, 17) == 0.01);
    assert_true(rate_of(cosine, UINT64_C(1) << 53) == 0.01);
}

static void no_schedule_goes_below_its_minimum_or_above_the_rate(void **state)
{
    (void)state;
    for (int32_t kind = AE_SCHEDULE_STEP; kind <= AE_SCHEDULE_COSINE; kind++) {
        const setting low[] = {{AE_PARAM_SCHEDULE, kind},
                               {AE_PARAM_SCHEDULE_STEPS, 10},
                               {AE_PARAM_SCHEDULE_MINIMUM, 0.02},
                               {0}};
        const setting high[] = {{AE_PARAM_SCHEDULE, kind},
                                {AE_PARAM_SCHEDULE_STEPS, 10},
                                {AE_PARAM_SCHEDULE_MINIMUM, 2 * RATE},
                                {0}};
        assert_true(rate_of(low, 1000) == 0.02);
        assert_true(rate_of(high, 0) == RATE && rate_of(high, 1000) == RATE);
    }
}

static void exponential_falls_by_its_factor_each_period(void **state)
{
    const setting exponential[] = {{AE_PARAM_SCHEDULE, AE_SCHEDULE_EXPONENTIAL},
                                   {AE_PARAM_SCHEDULE_STEPS, 8},
                                   {AE_PARAM_SCHEDULE_FACTOR, 0.25},
                                   {0}};
    (void)state;
    for (int i = 0; i < 5; i++)
        assert_near(rate_of(exponential, 4 * (uint64_t)i), RATE / (1 << i), 1e-17);
}

static void warmup_rises_from_a_step_above_zero(void **state)
{
    const setting warmup[] = {{AE_PARAM_SCHEDULE_WARMUP, 5}, {0}};
    (void)state;
    for (int t = 0; t < 5; t++)
        assert_near(rate_of(warmup, (uint64_t)t), RATE * (t + 1) / 5, 1e-17);
    assert_true(rate_of(warmup, 5) == RATE);
}

/* Of losses below 0, as likelihoods of real numbers are, lower ones are better, too. */
static void plateau_asks_for_a_share_of_the_loss_of_either_sign(void **state)
{
    const setting plateau[] = {{AE_PARAM_SCHEDULE, AE_SCHEDULE_PLATEAU},
                               {AE_PARAM_SCHEDULE_FACTOR, 0.5},
                               {AE_PARAM_SCHEDULE_PATIENCE, 1},
                               {AE_PARAM_SCHEDULE_THRESHOLD, 0.1},
                               {0}};
    const double better[] = {-10, -12, -14, -100, -111}, worse[] = {-10, -9.5, -10.5, -10.9, -11};
    (void)state;
    for (int w = 0; w < 2; w++) {
        ae_model *model = scheduled(plateau);
        for (int i = 0; i < 5; i++) ae__schedule_epoch(model, (w ? worse : better)[i]);
        assert_true(ae__schedule_rate(model, 0) == (w ? RATE / 16 : RATE));
        ae__model_free(model);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rates_are_those_of_pytorch),
        cmocka_unit_test(constant_is_the_learning_rate_at_any_step),
        cmocka_unit_test(cosine_stays_at_its_minimum),
        cmocka_unit_test(no_schedule_goes_below_its_minimum_or_above_the_rate),
        cmocka_unit_test(exponential_falls_by_its_factor_each_period),
        cmocka_unit_test(warmup_rises_from_a_step_above_zero),
        cmocka_unit_test(plateau_asks_for_a_share_of_the_loss_of_either_sign),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
