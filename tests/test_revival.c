/* Dead units of a topk layer come back: what is known to be in the data is found with revival, and missed
 * without. */
#include "test_fit.h"

enum { DIM = 64, ATOMS = 128, ACTIVE = 4, DRAWS = 10000 };

/* Rows that are sums of 4 of 128 directions, chosen evenly, with coefficients in [0.5, 1.5). */
typedef struct dictionary {
    double atoms[ATOMS][DIM]; /* of norm 1 */
    float x[DRAWS][DIM];
} dictionary;

/* Box and Muller 1958 */
static double draw_normal(void)
{
    double radius = sqrt(-2 * log(1 - draw_unit()));
    return radius * cos(6.283185307179586 * draw_unit());
}

static void draw_atom(double atom[DIM])
{
    double squares = 0;
    for (size_t j = 0; j < DIM; j++) {
        atom[j] = draw_normal();
        squares += atom[j] * atom[j];
    }
    for (size_t j = 0; j < DIM; j++) atom[j] /= sqrt(squares);
}

static void draw_row(const dictionary *d, float row[DIM])
{
    size_t used[ACTIVE];
    memset(row, 0, DIM * sizeof *row);
    for (size_t n = 0; n < ACTIVE; n++) {
        bool again;
        do {
            used[n] = (size_t)(draw_bits() % ATOMS);
            again = false;
            for (size_t i = 0; i < n; i++) again |= used[i] == used[n];
        } while (again);
        double coefficient = 0.5 + draw_unit();
        for (size_t j = 0; j < DIM; j++) row[j] += (float)(coefficient * d->atoms[used[n]][j]);
    }
}

static dictionary *draw_dictionary(uint64_t seed)
{
    dictionary *d = malloc(sizeof *d);
    assert_non_null(d);
    draw_state = seed;
    for (size_t i = 0; i < ATOMS; i++) draw_atom(d->atoms[i]);
    for (size_t i = 0; i < DRAWS; i++) draw_row(d, d->x[i]);
    return d;
}

static double cosine(const double *a, const float *b)
{
    double product = 0, squares = 0;
    for (size_t j = 0; j < DIM; j++) {
        product += a[j] * (double)b[j];
        squares += (double)b[j] * (double)b[j];
    }
    return product / sqrt(squares);
}

/* The share of atoms that some row of the decoder points along. */
static double share_found(const dictionary *d, const ae_model *model)
{
    static float rows[ATOMS * DIM];
    int found = 0;
    must(ae_model_weights_get(model, 2, "kernel", rows, ATOMS * DIM));
    for (size_t i = 0; i < ATOMS; i++) {
        bool near = false;
        for (size_t unit = 0; unit < ATOMS; unit++)
            near |= fabs(cosine(d->atoms[i], rows + unit * DIM)) > 0.95;
        found += near;
    }
    return (double)found / ATOMS;
}

/* Learns the dictionary; *dead is the share of units that are so at the end. */
static double learn(uint64_t seed, double revival, double *dead)
{
    enum { EPOCHS = 20 };
    dictionary *d = draw_dictionary(seed);
    ae_config *config;
    double units[EPOCHS];
    must(ae_config_create(&config));
    must(ae_config_input(config, DIM));
    must(ae_config_dense(config, ATOMS, AE_ACT_LINEAR));
    must(ae_config_topk(config, ACTIVE));
    must(ae_config_set_f64(config, AE_PARAM_REVIVAL, revival));
    must(ae_config_code(config));
    must(ae_config_dense(config, DIM, AE_ACT_LINEAR));
    must(ae_config_loss(config, AE_LOSS_MSE));
    must(ae_config_set_f64(config, AE_PARAM_LEARNING_RATE, 0.01));
    must(ae_config_set_i64(config, AE_PARAM_SEED, (int64_t)seed));
    ae_model *model = model_of(config);
    train_to(model, d->x[0], DRAWS, EPOCHS);
    must(ae_model_history(model, AE_METRIC_DEAD_UNITS, units, EPOCHS, NULL));
    double found = share_found(d, model);
    *dead = units[EPOCHS - 1] / ATOMS;
    ae_model_free(model);
    free(d);
    return found;
}

static void known_dictionary_is_found(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 3; seed++) {
        double dead, found = learn(seed, 1, &dead);
        if (!(found >= 0.9 && dead < 0.05))
            fail_msg("seed %d: %g of the atoms found, %g of the units dead", (int)seed, found,
                     dead);
    }
}

/* So that the test before shows what revival does. */
static void without_revival_units_stay_dead_and_atoms_are_missed(void **state)
{
    double dead, found = learn(1, 0, &dead);
    (void)state;
    if (!(found < 0.9 && dead > 0.05))
        fail_msg("%g of the atoms found, %g of the units dead", found, dead);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(known_dictionary_is_found),
        cmocka_unit_test(without_revival_units_stay_dead_and_atoms_are_missed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
