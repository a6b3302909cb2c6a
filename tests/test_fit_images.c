/* Layers of images against PyTorch's with the same weights and data: output, loss, gradients, running
 * statistics; in rows, and in blocks. To be linked to the insides in float, and in double. */
#include "chain.h"

typedef struct image_reference {
    chain chain;
    double loss;
    const double *output;    /* ROWS x outputs, by running statistics */
    const double *gradients; /* array after array; of running statistics what they have become */
} image_reference;

#include "reference/images.h"

enum { REFERENCES = sizeof image_references / sizeof *image_references };

/* Of the largest element of a tensor, of which images.h has 10 digits. */
#ifdef AE_DOUBLE
#define TOLERANCE 1e-9
#else
#define TOLERANCE 1e-5
#endif

/* The same rows again and again change neither a mean over rows nor the moments of a batch: 7 times they
 * fill no whole number of blocks, whatever the level. */
enum { ROWS = 3 /* as in images.py */, TIMES = 7 };

static void repeat_rows(real *rows, size_t dim)
{
    for (size_t i = 1; i < TIMES; i++)
        memcpy(rows + i * ROWS * dim, rows, ROWS * dim * sizeof *rows);
}

/* All rows of the batch as inference computes them. */
static void check_output(const trial *t, const image_reference *reference)
{
    float x[TIMES * ROWS * 8];
    const size_t n = t->context.rows;
    real *out = malloc(n * t->out * sizeof *out);
    assert_non_null(out);
    assert_true(t->in <= 8);
    for (size_t i = 0; i < n * t->in; i++) x[i] = (float)t->trainer.x[i];
    const ae__view view = {.x = {.values = x,
                                 .type = AE_TYPE_F32,
                                 .rows = n,
                                 .dim = t->in,
                                 .stride = t->in * sizeof *x,
                                 .scale = 1}};
    assert_int_equal(ae__run_layers(t->model, &view, 0, t->model->plan.n_layers, true, out), AE_OK);
    for (size_t i = 0; i < n; i += ROWS)
        assert_near_largest(reference->chain.name, "the output", out + i * t->out,
                            reference->output, ROWS * t->out, TOLERANCE);
    free(out);
}

static void check_gradients(const trial *t, const image_reference *reference)
{
    const double *want = reference->gradients;
    EACH_WEIGHT(t->model, w)
    {
        const real *from = w->info.state ? t->model->weights : t->trainer.gradients;
        assert_near_largest(reference->chain.name, w->info.name, from + w->offset, want, w->count,
                            TOLERANCE);
        want += w->count;
    }
}

static void check(const image_reference *reference, size_t times)
{
    draw_state = 1;
    trial t = trial_of(&reference->chain, times * ROWS);
    t.context.rows = ROWS;
    trial_draw(&t);
    if (times > 1) repeat_rows(t.trainer.x, t.in);
    if (times > 1) repeat_rows(t.trainer.target, t.out);
    t.context.rows = times * ROWS;
    ae__trainer_gradients(&t.trainer, &t.context, NULL, NULL);
    real loss = (real)(t.trainer.parts[AE__PART_LOSS] / (double)t.context.rows);
    assert_near_largest(reference->chain.name, "the loss", &loss, &reference->loss, 1, TOLERANCE);
    check_gradients(&t, reference);
    check_output(&t, reference);
    trial_free(&t);
}

static void images_in_rows_are_what_pytorch_computes(void **state)
{
    (void)state;
    for (size_t i = 0; i < REFERENCES; i++) check(&image_references[i], 1);
}

static void images_in_blocks_are_what_pytorch_computes(void **state)
{
    (void)state;
    for (size_t i = 0; i < REFERENCES; i++) check(&image_references[i], TIMES);
}

/* The table has every kind of layer that takes images. */
static void every_kind_has_a_reference(void **state)
{
    static const int32_t kinds[] = {AE__LAYER_CONV1D,           AE__LAYER_CONV2D,
                                    AE__LAYER_CONV1D_TRANSPOSE, AE__LAYER_CONV2D_TRANSPOSE,
                                    AE__LAYER_POOL1D,           AE__LAYER_POOL2D,
                                    AE__LAYER_UPSAMPLE1D,       AE__LAYER_UPSAMPLE2D,
                                    AE__LAYER_BATCH_NORM,       AE__LAYER_LAYER_NORM};
    (void)state;
    for (size_t k = 0; k < sizeof kinds / sizeof *kinds; k++) {
        size_t i = 0;
        while (i < REFERENCES && image_references[i].chain.layers[2].kind != kinds[k]) i++;
        assert_true(i < REFERENCES);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(images_in_rows_are_what_pytorch_computes),
        cmocka_unit_test(images_in_blocks_are_what_pytorch_computes),
        cmocka_unit_test(every_kind_has_a_reference),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
