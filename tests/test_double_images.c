/* Layers of images: gradients against central differences, in double, in rows and in blocks. To be linked
 * to the double build alone.
 *
 * A chain begins with a dense layer on no more rows than columns, so that its kernel's gradient,
 * x^T dz, tells the whole gradient of the input of what stands above it. Blocks have 4 images here:
 * 3 rows stay in rows, 6 fill one block and half of the next. */
#include "base/size.h"
#include "base/window.h"
#include "gradients.h"
#include "test_double_images.h"

enum { FEW = 3, MANY = 6, IN = 6 };

static void blocks_have_4_images(void **state)
{
    (void)state;
    assert_int_equal(ae__kernels_at(AE_CPU_PORTABLE)->lanes, 4);
}

/* ---- the distance from kinks: activations at 0, and the largest cell of a window from the next ---- */

/* The gap between the two largest cells of each window, at the least; x: an image of c channels. */
static double pool_distance(const ae__layer_call *call, const real *x)
{
    const ae__window w = ae__window_of(call->spec, call->in_shape, false);
    const size_t c = ae__shape_channels(call->in_shape);
    double least = INFINITY;
    for (size_t at = 0; at < w.h.out * w.w.out * c; at++) {
        const size_t top = at / c / w.w.out * w.h.stride, left = at / c % w.w.out * w.w.stride;
        double first = -INFINITY, second = -INFINITY;
        for (size_t cell = 0; cell < w.h.kernel * w.w.kernel; cell++) {
            const size_t i = top + cell / w.w.kernel, j = left + cell % w.w.kernel;
            if (i < w.h.before || i >= w.h.in + w.h.before) continue;
            if (j < w.w.before || j >= w.w.in + w.w.before) continue;
            double v = x[((i - w.h.before) * w.w.in + j - w.w.before) * c + at % c];
            second = fmax(second, fmin(first, v));
            first = fmax(first, v);
        }
        least = fmin(least, first - second);
    }
    return least;
}

/* Layer i alone, in rows: y, to be freed, from x. *least gets its distance. */
static real *run_in_rows(trial *t, int32_t i, const real *x, double *least)
{
    ae__layer_call call = ae__model_call(t->model, i, i, i + 1, &t->context);
    const size_t n = call.rows * call.factor * call.y_row;
    real *y = calloc(n, sizeof *y), *saved = calloc(n + 2 * call.in, 2 * sizeof *saved);
    assert_non_null(y);
    assert_non_null(saved);
    call.x = x;
    call.y = y;
    call.saved = saved;
    call.raw = kinked[call.info->activation];
    t->model->plan.layers[i].ops->forward(&call);
    for (size_t j = 0; call.raw && j < n; j++) *least = fmin(*least, fabs(y[j]));
    const ae__value *pool = ae__spec_find(call.spec, AE_PARAM_POOL);
    for (size_t row = 0; pool && pool->i64 == AE_POOL_MAX && row < call.rows; row++)
        *least = fmin(*least, pool_distance(&call, x + row * call.x_row));
    call.raw = false;
    t->model->plan.layers[i].ops->forward(&call);
    free(saved);
    return y;
}

static double image_distance(trial *t)
{
    double least = INFINITY;
    real *x = NULL;
    for (int32_t i = 0; i < t->model->plan.n_layers; i++) {
        if (t->model->plan.layers[i].merged) continue; /* the next layer does it, too */
        real *y = run_in_rows(t, i, x ? x : t->trainer.x, &least);
        free(x);
        x = y;
    }
    free(x);
    return least;
}

/* ---- chains ---- */

static piece dense(double units, int32_t activation)
{
    return act(with(layer(AE__LAYER_DENSE), AE_PARAM_UNITS, units), activation);
}

static piece reshape(const int64_t *image)
{
    piece p = with(layer(AE__LAYER_RESHAPE), AE_PARAM_HEIGHT, (double)image[0]);
    p = with(p, AE_PARAM_WIDTH, (double)image[1]);
    return with(p, AE_PARAM_CHANNELS, (double)image[2]);
}

/* Dense, reshape, the layer, and, unless it is the last, flatten: with many rows the images lie in
 * blocks from one to the other. */
static chain around(const int64_t *image, piece p, bool last)
{
    chain c = {.name = describe(&p), .input = IN, .terms = {{.kind = AE_LOSS_MSE}}};
    const double n = (double)((image[0] ? image[0] : 1) * image[1] * image[2]);
    c.layers[0] = dense(n, AE_ACT_TANH);
    c.layers[1] = reshape(image);
    c.layers[2] = p;
    if (!last) c.layers[3] = layer(AE__LAYER_FLATTEN);
    return c;
}

static bool was_checked[IMAGE_KINDS];

static void note_layers(const chain *c)
{
    for (const piece *p = c->layers; p->kind; p++)
        for (size_t i = 0; i < IMAGE_KINDS; i++) was_checked[i] |= image_kinds[i] == p->kind;
}

static void check(const chain *c, size_t rows, bool blocked)
{
    note_layers(c);
    trial t = trial_of(c, rows);
    assert_int_equal(
        ae__plan_blocked(&t.model->plan, &t.model->engine, 1, 0, t.model->plan.n_layers, rows),
        blocked);
    draw_smooth_point(&t, image_distance);
    check_gradients(&t, c->name);
    trial_free(&t);
}

/* The layer within a chain, with few rows and many. */
static void check_within(const int64_t *image, piece p)
{
    const chain c = around(image, p, false);
    check(&c, FEW, false);
    check(&c, MANY, true);
}

/* ---- each layer ---- */

static void check_convolutions(const int64_t *image, int32_t kind, int32_t transposed)
{
    for (size_t i = 0; i < 2 * WINDOWS; i++) {
        const window *w = &windows[i / 2];
        const piece p = conv(i % 2 ? transposed : kind, 1 + (int)i % 3, w, i % 5 != 4);
        check_within(image, p);
    }
}

static void gradients_hold_for_every_window_of_a_convolution(void **state)
{
    const int64_t odd[] = {3, 5, 2}, one[] = {4, 5, 1};
    (void)state;
    check_convolutions(odd, AE__LAYER_CONV2D, AE__LAYER_CONV2D_TRANSPOSE);
    check_convolutions(one, AE__LAYER_CONV2D, AE__LAYER_CONV2D_TRANSPOSE);
}

static void gradients_hold_for_every_window_of_a_signal(void **state)
{
    const int64_t signal[] = {0, 7, 3};
    (void)state;
    check_convolutions(signal, AE__LAYER_CONV1D, AE__LAYER_CONV1D_TRANSPOSE);
}

/* The last layer, where the loss is fused, or where two losses are not. */
static void gradients_hold_for_a_convolution_with_the_loss(void **state)
{
    const int64_t image[] = {4, 3, 2};
    const window w = {3, 3, 2, 1, AE_PADDING_SAME};
    const int32_t kinds[] = {AE__LAYER_CONV2D, AE__LAYER_CONV2D_TRANSPOSE};
    (void)state;
    for (size_t i = 0; i < 4; i++) {
        piece p = with(layer(kinds[i % 2]), AE_PARAM_FILTERS, 2);
        chain c = around(image, act(windowed(p, &w), AE_ACT_SIGMOID), true);
        c.terms[0] = (piece){.kind = AE_LOSS_BCE};
        if (i / 2) c.terms[1] = (piece){.kind = AE_LOSS_MSE};
        for (size_t rows = FEW; rows <= MANY; rows += FEW) {
            trial t = trial_of(&c, rows);
            assert_int_equal(t.model->plan.fuse_loss, i / 2 == 0);
            trial_free(&t);
            check(&c, rows, rows == MANY);
        }
    }
}

static void gradients_hold_for_every_pooling(void **state)
{
    const int64_t image[] = {5, 4, 2}, signal[] = {0, 7, 3};
    (void)state;
    for (size_t i = 0; i < 2 * WINDOWS; i++) {
        const window *w = &windows[i / 2];
        const piece two = with(layer(AE__LAYER_POOL2D), AE_PARAM_POOL, (double)(i % 2));
        const piece one = with(layer(AE__LAYER_POOL1D), AE_PARAM_POOL, (double)(i % 2));
        if (w->padding != AE_PADDING_VALID || w->kernel_w <= 4)
            check_within(image, windowed(two, w));
        check_within(signal, windowed(one, w));
    }
}

static void gradients_hold_for_every_upsampling(void **state)
{
    const int64_t image[] = {2, 3, 2}, thin[] = {1, 4, 1}, signal[] = {0, 4, 3};
    (void)state;
    for (int i = 0; i < 2 * 9; i++) {
        const double h = i / 2 / 3 + 1, w = i / 2 % 3 + 1, kind = i % 2;
        const piece two = with(layer(AE__LAYER_UPSAMPLE2D), AE_PARAM_INTERPOLATION, kind);
        const piece one = with(layer(AE__LAYER_UPSAMPLE1D), AE_PARAM_INTERPOLATION, kind);
        check_within(image, with(with(two, AE_PARAM_FACTOR_H, h), AE_PARAM_FACTOR_W, w));
        check_within(thin, with(with(two, AE_PARAM_FACTOR_H, h), AE_PARAM_FACTOR_W, w));
        check_within(signal, with(one, AE_PARAM_FACTOR_W, w));
    }
}

/* ---- upsampling that the convolution above does on its way ---- */

/* Above an activation or not, with the loss or not. */
static void gradients_hold_for_upsampling_within_a_convolution(void **state)
{
    const int64_t image[] = {2, 3, 2}, signal[] = {0, 5, 3};
    (void)state;
    for (size_t i = 0; i < 2 * UPSAMPLINGS; i++) {
        const bool two = i % 2;
        const piece p = upsample(i / 2, two);
        chain c = around(two ? image : signal, p, true);
        piece *next = c.layers + 2;
        if (i % 4 < 2) *next++ = act(layer(AE__LAYER_ACTIVATION), AE_ACT_TANH);
        *next++ = p;
        *next++ = conv(two ? AE__LAYER_CONV2D : AE__LAYER_CONV1D, 1 + (int)i % 4,
                       &upsamplings[i / 2].w, i % 5 != 4);
        if (i % 3) *next = layer(AE__LAYER_FLATTEN);
        check(&c, FEW, false);
        check(&c, MANY, true);
    }
}

/* From image to signal to image to vector. */
static void gradients_hold_for_every_shape(void **state)
{
    const int64_t image[] = {2, 3, 4}, signal[] = {0, 8, 3}, other[] = {4, 1, 6};
    chain c = around(image, reshape(signal), false);
    (void)state;
    c.layers[3] = reshape(other);
    c.layers[4] = layer(AE__LAYER_FLATTEN);
    check(&c, FEW, false);
    check(&c, MANY, true);
}

/* Of images, signals and vectors, each below and above every kind of activation. */
static void gradients_hold_for_every_normalisation(void **state)
{
    const int64_t shapes[][3] = {{2, 3, 3}, {0, 5, 2}, {4, 4, 1}, {0, 1, 7}};
    const int32_t acts[] = {AE_ACT_LINEAR, AE_ACT_TANH, AE_ACT_LEAKY_RELU, AE_ACT_ELU};
    (void)state;
    for (size_t i = 0; i < 32; i++) {
        const int32_t activation = acts[i / 8];
        const bool batch = i % 2;
        chain c =
            around(shapes[i / 2 % 4],
                   norm(batch ? AE__LAYER_BATCH_NORM : AE__LAYER_LAYER_NORM, activation), false);
        c.layers[0].settings[1].value = activation;
        check(&c, FEW, false);
        check(&c, MANY, batch);
    }
}

static void gradients_hold_for_normalisation_of_vectors(void **state)
{
    const int32_t kinds[] = {AE__LAYER_BATCH_NORM, AE__LAYER_LAYER_NORM};
    (void)state;
    for (size_t i = 0; i < 4; i++) {
        chain c = {.name = "norm of vectors", .input = IN, .terms = {{.kind = AE_LOSS_MSE}}};
        c.layers[0] = dense(5, AE_ACT_LEAKY_RELU);
        c.layers[1] = norm(kinds[i % 2], AE_ACT_TANH);
        c.layers[2] = i / 2 ? dense(3, AE_ACT_LINEAR) : (piece){0}; /* or it is the last itself */
        check(&c, FEW, false);
        check(&c, MANY, false);
    }
}

/* ---- chains of several ---- */

/* conv, pool, conv (the code), upsample, conv: the usual model, small. */
static chain usual(void)
{
    static const window same = {3, 3, 1, 1, AE_PADDING_SAME}, half = {2, 2, 2, 2, AE_PADDING_SAME};
    chain c = {.name = "usual", .image = {4, 5, 1}, .code = 3, .terms = {{.kind = AE_LOSS_BCE}}};
    c.layers[0] = conv(AE__LAYER_CONV2D, 3, &same, true);
    c.layers[1] = windowed(with(layer(AE__LAYER_POOL2D), AE_PARAM_POOL, AE_POOL_MAX), &half);
    c.layers[2] = conv(AE__LAYER_CONV2D, 2, &same, true);
    c.layers[3] =
        with(with(layer(AE__LAYER_UPSAMPLE2D), AE_PARAM_FACTOR_H, 2), AE_PARAM_FACTOR_W, 2);
    c.layers[4] = with(layer(AE__LAYER_CONV2D), AE_PARAM_FILTERS, 1);
    c.layers[4] =
        act(windowed(c.layers[4], &(window){1, 2, 1, 1, AE_PADDING_VALID}), AE_ACT_SIGMOID);
    return c;
}

static void gradients_hold_for_the_usual_chain(void **state)
{
    const chain c = usual();
    (void)state;
    check(&c, FEW, false);
    check(&c, MANY, true);
    check(&c, 1, false);
    check(&c, 2 * MANY, true);
}

/* A penalty reads rows, so that what lies in blocks is turned at the layers beside it. */
static void gradients_hold_for_penalties_on_images(void **state)
{
    (void)state;
    for (int layer_ = 0; layer_ < 4; layer_++) {
        chain c = usual();
        c.terms[1] = (piece)ON(AE_PENALTY_L1, layer_);
        trial t = trial_of(&c, MANY);
        for (int32_t i = 0; i < 4; i++)
            assert_int_equal(t.model->plan.layers[i].blocked, layer_ / 2 != i / 2);
        for (int tries = 0; tries < 1000; tries++) {
            double least = INFINITY;
            draw_smooth_point(&t, image_distance);
            loss_of(&t);
            for (size_t j = 0; j < MANY * t.model->plan.layers[layer_].out; j++)
                least = fmin(least, fabs(t.trainer.y[layer_][j]));
            if (least >= KINK) break;
        }
        check_gradients(&t, "penalised");
        trial_free(&t);
    }
}

/* Images, then vectors of which two share a kernel, then images again. */
static void gradients_hold_beside_tied_layers(void **state)
{
    const int64_t image[] = {2, 2, 2};
    const window w = {2, 2, 2, 2, AE_PADDING_VALID};
    chain c = {.name = "tied", .image = {4, 4, 1}, .code = 3, .terms = {{.kind = AE_LOSS_MSE}}};
    (void)state;
    c.layers[0] = conv(AE__LAYER_CONV2D, 2, &w, true);
    c.layers[1] = layer(AE__LAYER_FLATTEN);
    c.layers[2] = dense(3, AE_ACT_TANH);
    c.layers[3] = with(dense(8, AE_ACT_TANH), AE_PARAM_TIED, 2);
    c.layers[4] = reshape(image);
    c.layers[5] = conv(AE__LAYER_CONV2D_TRANSPOSE, 1, &w, true);
    check(&c, FEW, false);
    check(&c, MANY, false);
}

/* The first bias has no effect, so its gradient is 0, which nothing that lies behind the last image
 * may change. */
static chain normalised(void)
{
    static const window same = {3, 3, 1, 1, AE_PADDING_SAME};
    chain c = {.name = "normalised", .image = {3, 4, 2}, .terms = {{.kind = AE_LOSS_MSE}}};
    c.layers[0] = windowed(with(layer(AE__LAYER_CONV2D), AE_PARAM_FILTERS, 3), &same);
    c.layers[1] = norm(AE__LAYER_BATCH_NORM, AE_ACT_LEAKY_RELU);
    c.layers[2] = conv(AE__LAYER_CONV2D, 2, &same, true);
    c.layers[3] = norm(AE__LAYER_BATCH_NORM, AE_ACT_LINEAR);
    return c;
}

/* Within and as the last layer. */
static void gradients_hold_for_convolutions_with_normalisation(void **state)
{
    const chain c = normalised();
    (void)state;
    check(&c, FEW, false);
    check(&c, MANY, true);
}

/* Activations whose derivative is taken from what stands before them, which is kept as images lie. */
static void gradients_hold_for_activations_that_keep_their_input(void **state)
{
    static const window same = {3, 3, 1, 1, AE_PADDING_SAME}, two = {2, 2, 2, 2, AE_PADDING_SAME};
    chain c = {.name = "kept", .image = {4, 5, 1}, .terms = {{.kind = AE_LOSS_MSE}}};
    (void)state;
    c.layers[0] = windowed(with(layer(AE__LAYER_CONV2D), AE_PARAM_FILTERS, 2), &same);
    c.layers[0] = act(c.layers[0], AE_ACT_GELU);
    c.layers[1] = windowed(with(layer(AE__LAYER_POOL2D), AE_PARAM_POOL, AE_POOL_MAX), &two);
    c.layers[2] = norm(AE__LAYER_BATCH_NORM, AE_ACT_SILU);
    c.layers[3] = act(layer(AE__LAYER_ACTIVATION), AE_ACT_GELU);
    c.layers[4] = windowed(with(layer(AE__LAYER_CONV2D_TRANSPOSE), AE_PARAM_FILTERS, 1), &two);
    c.layers[4] = act(c.layers[4], AE_ACT_SILU);
    c.layers[5] = layer(AE__LAYER_FLATTEN);
    check(&c, FEW, false);
    check(&c, MANY, true);
}

/* By the tests above. */
static void every_layer_of_images_was_in_a_chain(void **state)
{
    (void)state;
    for (size_t i = 0; i < IMAGE_KINDS; i++)
        if (!was_checked[i])
            fail_msg("layer %s is in no chain", ae__layer_of(image_kinds[i])->name);
}

/* ---- what the layout, clipping and states change ---- */

/* The sums of a layer in rows are those in blocks in another order: 1e-12 is 1e4 roundings of 1. */
static void blocks_give_the_gradients_of_rows(void **state)
{
    const chain chains[] = {usual(), normalised()};
    (void)state;
    for (size_t i = 0; i < 2; i++) {
        trial t = trial_of(&chains[i], 2 * MANY + 1);
        trial_draw(&t);
        const double loss = loss_of(&t);
        real *gradients = gradients_of(&t);
        for (int32_t l = 0; l < t.model->plan.n_layers; l++)
            t.model->plan.layers[l].blocked = false;
        assert_near(loss_of(&t), loss, 1e-12);
        for (size_t j = 0; j < t.model->plan.weight_reals; j++)
            assert_near(t.trainer.gradients[j], gradients[j], 1e-12);
        free(gradients);
        trial_free(&t);
    }
}

/* Reals of a row of layer i's y, which there is none of where the next layer does it, too. */
static size_t made(const trial *t, int32_t i)
{
    return t->model->plan.layers[i].merged ? 0 : t->model->plan.layers[i].out;
}

/* What an earlier step left behind the last image of a block does not matter. */
static void what_lies_behind_the_last_image_changes_nothing(void **state)
{
    const chain chains[] = {usual(), normalised()};
    (void)state;
    for (size_t i = 0; i < 2; i++) {
        trial t = trial_of(&chains[i], MANY);
        const size_t room = ae__round_up(MANY, t.model->engine.kernels->lanes);
        trial_draw(&t);
        real *gradients = gradients_of(&t);
        for (int32_t l = 0; l < t.model->plan.n_layers; l++)
            for (size_t j = 0; j < room * made(&t, l); j++)
                t.trainer.y[l][j] = t.trainer.dy[0][j] = t.trainer.dy[1][j] = (real)NAN;
        loss_of(&t);
        for (size_t j = 0; j < t.model->plan.weight_reals; j++)
            if (t.trainer.gradients[j] != gradients[j])
                fail_msg("%s: gradient %zu is %g, was %g", chains[i].name, j,
                         t.trainer.gradients[j], gradients[j]);
        free(gradients);
        trial_free(&t);
    }
}

static bool is_state(const ae__weight *w)
{
    return strcmp(w->info.name, "mean") == 0 || strcmp(w->info.name, "variance") == 0;
}

/* One step of gradient descent by hand: the norm is that of what is trained. */
static void clipping_and_decay_leave_running_statistics_alone(void **state)
{
    const double rate = 0.5, most = 0.125;
    chain c = normalised();
    (void)state;
    c.optim =
        (piece){AE_OPTIM_SGD, {{AE_PARAM_LEARNING_RATE, rate}, {AE_PARAM_WEIGHT_DECAY, 0.25}}};
    c.model[0] = (setting){AE_PARAM_CLIP_NORM, most};
    trial t = trial_of(&c, MANY);
    trial_draw(&t);
    real *g = gradients_of(&t);
    const size_t bytes = t.model->plan.weight_reals * sizeof(real);
    real *before = malloc(bytes);
    assert_non_null(before);
    memcpy(before, t.model->weights, bytes);
    double squares = 0;
    EACH_WEIGHT(t.model, w)
    for (size_t i = w->offset; !is_state(w) && i < w->offset + w->count; i++)
        squares += g[i] * g[i];
    assert_true(sqrt(squares) > most);
    ae__trainer_step(&t.trainer, &t.context);
    EACH_WEIGHT(t.model, w)
    for (size_t i = w->offset; i < w->offset + w->count; i++) {
        const double decay = strcmp(w->info.name, "kernel") == 0 ? 0.25 * before[i] : 0;
        const double want = before[i] - rate * (g[i] * most / sqrt(squares) + decay);
        if (!is_state(w)) assert_near(t.model->weights[i], want, 1e-14);
        if (is_state(w)) assert_true(t.trainer.gradients[i] == 0);
    }
    free(g);
    free(before);
    trial_free(&t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(blocks_have_4_images),
        cmocka_unit_test(gradients_hold_for_every_window_of_a_convolution),
        cmocka_unit_test(gradients_hold_for_every_window_of_a_signal),
        cmocka_unit_test(gradients_hold_for_a_convolution_with_the_loss),
        cmocka_unit_test(gradients_hold_for_every_pooling),
        cmocka_unit_test(gradients_hold_for_every_upsampling),
        cmocka_unit_test(gradients_hold_for_upsampling_within_a_convolution),
        cmocka_unit_test(gradients_hold_for_every_shape),
        cmocka_unit_test(gradients_hold_for_every_normalisation),
        cmocka_unit_test(gradients_hold_for_normalisation_of_vectors),
        cmocka_unit_test(gradients_hold_for_the_usual_chain),
        cmocka_unit_test(gradients_hold_for_penalties_on_images),
        cmocka_unit_test(gradients_hold_beside_tied_layers),
        cmocka_unit_test(gradients_hold_for_convolutions_with_normalisation),
        cmocka_unit_test(gradients_hold_for_activations_that_keep_their_input),
        cmocka_unit_test(every_layer_of_images_was_in_a_chain),
        cmocka_unit_test(blocks_give_the_gradients_of_rows),
        cmocka_unit_test(what_lies_behind_the_last_image_changes_nothing),
        cmocka_unit_test(clipping_and_decay_leave_running_statistics_alone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
