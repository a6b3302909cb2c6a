/* What layers of images compute, in double: transposed convolution is the adjoint of convolution, and a
 * convolution that does a neighbour's work on its way makes what the two make apart. To be linked to the
 * double build alone. */
#include "base/window.h"
#include "test_double_images.h"

enum { FROM = 3, TO = 2 /* channels */ };

static real *draw_rows(size_t n)
{
    real *x = malloc(n * sizeof *x);
    assert_non_null(x);
    for (size_t i = 0; i < n; i++) x[i] = (real)draw_one();
    return x;
}

static real *run_alone(const ae_model *model, const real *x, size_t rows)
{
    const ae__context context = {.engine = &model->engine, .mode = AE__MODE_INFER, .rows = rows};
    const int32_t n = model->plan.n_layers;
    real *y = draw_rows(rows * model->plan.layers[n - 1].out);
    ae__run_chunk((ae_model *)model, &context, (ae__rows){x, model->plan.layers[0].in}, 0, n, y);
    return y;
}

/* ---- <conv(x), y> = <x, transposed conv(y)> ---- */

static double dot(const real *a, const real *b, size_t n)
{
    double sum = 0;
    for (size_t i = 0; i < n; i++) sum += a[i] * b[i];
    return sum;
}

static double norm_of(const real *a, size_t n)
{
    return sqrt(dot(a, a, n));
}

/* A layer alone, linear and without bias, on images or (height 0) signals. */
static ae_model *model_alone(piece p, size_t height, size_t width, size_t channels)
{
    const chain c = {.name = describe(&p),
                     .image = {(int64_t)height, (int64_t)width, (int64_t)channels},
                     .layers = {with(p, AE_PARAM_BIAS, 0)}};
    return chain_model(&c);
}

/* Explicit padding that takes what the convolution made back to its input; false where that has cells
 * which no window saw. */
static bool pad_back(piece *p, const ae__window_axis *a, int32_t before, int32_t after)
{
    const size_t all = (a->out - 1) * a->stride + a->kernel;
    if (a->in + a->before > all) return false;
    *p = with(with(*p, before, (double)a->before), after, (double)(all - a->before - a->in));
    return true;
}

/* The layer that goes back from what `forward` makes, or NULL. */
static ae_model *model_back(const ae_model *forward, const window *w)
{
    const ae__layer_plan *plan = &forward->plan.layers[0];
    const bool two = plan->in_shape.rank == 3;
    const ae__window seen = ae__window_of(plan->spec, &plan->in_shape, false);
    const window valid = {w->kernel_h, w->kernel_w, w->stride_h, w->stride_w, AE_PADDING_VALID};
    piece p = layer(two ? AE__LAYER_CONV2D_TRANSPOSE : AE__LAYER_CONV1D_TRANSPOSE);
    p = with(windowed(with(p, AE_PARAM_FILTERS, FROM), &valid), AE_PARAM_PADDING,
             AE_PADDING_EXPLICIT);
    if (two && !pad_back(&p, &seen.h, AE_PARAM_PAD_TOP, AE_PARAM_PAD_BOTTOM)) return NULL;
    if (!pad_back(&p, &seen.w, AE_PARAM_PAD_LEFT, AE_PARAM_PAD_RIGHT)) return NULL;
    return model_alone(p, two ? seen.h.out : 0, seen.w.out, TO);
}

/* The kernels have the same numbers in the same order. */
static void check_adjoint(const ae_model *forward, const ae_model *back, size_t rows)
{
    const size_t n = rows * forward->plan.layers[0].in, m = rows * forward->plan.layers[0].out;
    assert_int_equal(rows * back->plan.layers[0].out, n);
    assert_int_equal(forward->plan.weight_count, back->plan.weight_count);
    for (size_t i = 0; i < forward->plan.weight_count; i++)
        forward->weights[i] = back->weights[i] = (real)draw_one();
    real *x = draw_rows(n), *y = draw_rows(m);
    real *conv_x = run_alone(forward, x, rows), *back_y = run_alone(back, y, rows);
    assert_near(dot(conv_x, y, m), dot(x, back_y, n), 1e-12 * norm_of(conv_x, m) * norm_of(y, m));
    free(x);
    free(y);
    free(conv_x);
    free(back_y);
}

static void transposed_convolution_is_the_adjoint(void **state)
{
    const size_t images[][2] = {{5, 7}, {8, 6}, {0, 9}, {0, 12}};
    int32_t checked = 0;
    (void)state;
    for (size_t i = 0; i < 4 * WINDOWS; i++) {
        const size_t *image = images[i % 4];
        const piece p = layer(image[0] ? AE__LAYER_CONV2D : AE__LAYER_CONV1D);
        ae_model *forward = model_alone(windowed(with(p, AE_PARAM_FILTERS, TO), &windows[i / 4]),
                                        image[0], image[1], FROM);
        ae_model *back = model_back(forward, &windows[i / 4]);
        for (size_t rows = 3; back && rows <= 9; rows += 3) check_adjoint(forward, back, rows);
        checked += back != NULL;
        ae__model_free(back);
        ae__model_free(forward);
    }
    assert_true(checked > 2 * WINDOWS);
}

/* ---- upsampling below ---- */

/* Each cell of an image h x w x c factor_h x factor_w times, of many rows. */
static real *repeat_cells(const real *x, size_t rows, const size_t image[3], size_t factor_h,
                          size_t factor_w)
{
    const size_t h = image[0] * factor_h, w = image[1] * factor_w, c = image[2];
    real *y = draw_rows(rows * h * w * c);
    for (size_t i = 0; i < rows * h * w * c; i++) {
        const size_t row = i / (h * w * c), up = i / (w * c) % h, left = i / c % w;
        y[i] = x[((row * image[0] + up / factor_h) * image[1] + left / factor_w) * c + i % c];
    }
    return y;
}

/* The sums are the same in another order. */
static void a_convolution_that_upsamples_is_that_of_the_larger_image(void **state)
{
    const size_t image[] = {3, 4, FROM};
    (void)state;
    for (size_t i = 0; i < UPSAMPLINGS; i++) {
        const size_t h = (size_t)upsamplings[i].factor_h, w = (size_t)upsamplings[i].factor_w;
        const chain c = {
            .image = {3, 4, FROM},
            .layers = {upsample(i, true), conv(AE__LAYER_CONV2D, TO, &upsamplings[i].w, true)}};
        const chain plain = {.image = {3 * (int64_t)h, 4 * (int64_t)w, FROM},
                             .layers = {c.layers[1]}};
        chain both = c;
        both.code = 2;
        ae_model *model = chain_model(&both), *larger = chain_model(&plain);
        assert_int_equal(model->plan.layers[0].merged, upsamplings[i].merged);
        assert_int_equal(model->plan.weight_count, larger->plan.weight_count);
        for (size_t j = 0; j < model->plan.weight_reals; j++)
            model->weights[j] = larger->weights[j] = (real)draw_one();
        for (size_t rows = 1; rows <= 9; rows += 4) {
            real *x = draw_rows(rows * 12 * FROM), *xx = repeat_cells(x, rows, image, h, w);
            real *y = run_alone(model, x, rows), *yy = run_alone(larger, xx, rows);
            for (size_t j = 0; j < rows * model->plan.layers[1].out; j++)
                assert_near(y[j], yy[j], 1e-13);
            free(x);
            free(xx);
            free(y);
            free(yy);
        }
        ae__model_free(model);
        ae__model_free(larger);
    }
}

/* The upsampled image is wanted itself: as the code, or by a penalty. */
static void upsampling_that_others_read_is_not_done_on_the_way(void **state)
{
    chain c = {.name = "upsample", .image = {3, 4, 2}, .terms = {{.kind = AE_LOSS_MSE}}};
    (void)state;
    c.layers[0] = upsample(0, true);
    c.layers[1] = conv(AE__LAYER_CONV2D, 1, &upsamplings[0].w, true);
    for (int32_t i = 0; i < 4; i++) {
        c.code = i % 2 ? 1 : 2;
        c.terms[1] = i / 2 ? (piece)ON(AE_PENALTY_L1, 0) : (piece){0};
        ae_model *model = chain_model(&c);
        assert_int_equal(model->plan.layers[0].merged, i == 0);
        ae__model_free(model);
    }
}

/* ---- batch normalisation that the convolution below does, too, while inferring ---- */

/* Upsampling or nothing, a convolution or its transpose, normalisation, and a layer above. */
static chain normalised_above(size_t i)
{
    static const window same = {3, 3, 1, 1, AE_PADDING_SAME};
    chain c = {.name = "normalised above", .image = {3, 4, FROM}, .code = 1};
    const int32_t kind = i / 2 % 2 ? AE__LAYER_CONV2D_TRANSPOSE : AE__LAYER_CONV2D;
    piece *next = c.layers;
    *next++ = i % 2 ? upsample(0, true) : act(layer(AE__LAYER_ACTIVATION), AE_ACT_LINEAR);
    *next++ = act(conv(kind, TO, &same, i / 4), AE_ACT_LINEAR);
    *next++ = norm(AE__LAYER_BATCH_NORM, i / 2 % 2 ? AE_ACT_GELU : AE_ACT_RELU);
    *next = act(layer(AE__LAYER_ACTIVATION), AE_ACT_LINEAR);
    c.code = 4;
    return c;
}

/* By what a run that ends with the convolution makes of the same rows. */
static void normalisation_is_that_of_what_the_convolution_makes(void **state)
{
    (void)state;
    for (size_t i = 0; i < 8; i++) {
        const chain c = normalised_above(i);
        ae_model *model = chain_model(&c);
        const size_t n = model->plan.layers[2].out;
        assert_true(model->plan.layers[1].folds);
        EACH_WEIGHT(model, w)
        for (size_t j = 0; j < w->count; j++) model->weights[w->offset + j] = (real)draw_unit();
        for (size_t rows = 1; rows <= 9; rows += 4) {
            const ae__context context = {
                .engine = &model->engine, .mode = AE__MODE_INFER, .rows = rows};
            real *x = draw_rows(rows * model->plan.layers[0].in), *z = draw_rows(rows * n);
            real *y = run_alone(model, x, rows);
            ae__run_chunk(model, &context, (ae__rows){x, model->plan.layers[0].in}, 0, 2, z);
            for (size_t j = 0; j < rows * n; j++) {
                const size_t ch = j % TO;
                const double s = sqrt(weights_of_layer(model, 2, "variance")[ch] + 0.25);
                const double h = (z[j] - weights_of_layer(model, 2, "mean")[ch]) / s;
                const double v = weights_of_layer(model, 2, "gamma")[ch] * h +
                                 weights_of_layer(model, 2, "beta")[ch];
                assert_near(y[j], i / 2 % 2 ? v * 0.5 * erfc(-v / sqrt(2)) : fmax(v, 0), 1e-13);
            }
            free(x);
            free(y);
            free(z);
        }
        ae__model_free(model);
    }
}

/* As the code, by a penalty, under an activation, or where the loss takes what comes of it. */
static void a_convolution_that_others_read_is_not_normalised_on_the_way(void **state)
{
    (void)state;
    for (int32_t i = 0; i < 5; i++) {
        chain c = normalised_above(0);
        c.terms[0] = (piece){.kind = AE_LOSS_MSE};
        if (i == 1) c.code = 2;
        if (i == 2) c.terms[1] = (piece)ON(AE_PENALTY_L1, 1);
        if (i == 3) c.layers[1] = act(c.layers[1], AE_ACT_RELU);
        if (i == 4) c.layers[3] = (piece){0};
        if (i == 4) c.code = 1;
        ae_model *model = chain_model(&c);
        assert_int_equal(model->plan.layers[1].folds, i == 0);
        ae__model_free(model);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(transposed_convolution_is_the_adjoint),
        cmocka_unit_test(a_convolution_that_upsamples_is_that_of_the_larger_image),
        cmocka_unit_test(upsampling_that_others_read_is_not_done_on_the_way),
        cmocka_unit_test(normalisation_is_that_of_what_the_convolution_makes),
        cmocka_unit_test(a_convolution_that_others_read_is_not_normalised_on_the_way),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
