/* Fitting a scaling to numbers that no call lets through: NaN is no number of its column. */
#include "test_api.h"
#include "train/scale.h"

#include <math.h>

static void nan_has_no_say(void **state)
{
    enum { DIM = 3, N = 5 };
    static const double rows[N * DIM] = {(double)NAN, 1, (double)NAN, 1e9,     2, (double)NAN,
                                         (double)NAN, 4, (double)NAN, 1e9 + 2, 5, (double)NAN,
                                         (double)NAN, 3, (double)NAN};
    double offset[DIM], scale[DIM];
    ae_config *config;
    (void)state;
    must(ae_config_create(&config));
    must(ae_preset_vanilla(config, DIM, 1, AE_LOSS_MSE));
    must(ae_config_set_i64(config, AE_PARAM_SCALING_INPUT, AE_SCALING_STANDARD));
    ae_model *model = model_of(config);
    ae__view view = {.side = {.name = NULL}};
    must(ae__array_set(&view.x, "x", AE_TYPE_F64, rows, N, DIM));
    must(ae__scale_fit(model, &view));
    must(ae_model_scaling_get(model, AE_DATA_X, offset, scale, DIM));
    assert_true(offset[0] == 1e9 + 1 && scale[0] == 1);
    assert_true(offset[1] == 3 && fabs(scale[1] - sqrt(2)) < 1e-15);
    assert_true(offset[2] == 0 && scale[2] == 1); /* there is nothing */
    ae_model_free(model);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(nan_has_no_say)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
