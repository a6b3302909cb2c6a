/* Layers of images: gradients against central differences, in double, in rows and in blocks; and that
 * transposed convolution is the adjoint of convolution. To be linked to the double build alone.
 *
 * A chain begins with a dense layer on no more rows than columns, so that its kernel's gradient,
 * x^T dz, tells the whole gradient of the input of what stands above it. Blocks have 4 images here:
 * 3 rows stay in rows, 6 fill one block and half of the next. */
#include "base/size.h"
#include "gradients.h"

#include <stdio.h>

enum { FEW = 3, MANY = 6, IN = 6 };

static void every_layer_of_images_is_registered_and_blocks_have_4_images(void **state)
{
    (void)state;
    for (size_t i = 0; i < IMAGE_KINDS; i++) assert_non_null(ae__layer_of(image_kinds[i]));
    assert_int_equal(ae__kernels_at(AE_CPU_PORTABLE)->lanes, 4);
}

/* ---- chains ---- */

static piece with(piece p, int32_t id, double value)
{
    setting *s = p.settings;
    while (s->id) s++;
    *s = (setting){id, value};
    return p;
}

static piece layer(int32_t kind)
{
    return (piece){.kind = kind};
}

static piece act(piece p, int32_t activation)
{
    return with(p, AE_PARAM_ACTIVATION, activation);
}

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

typedef struct window {
    int kernel_h, kernel_w, stride_h, stride_w, padding;
} window;

/* Uneven on all sides, where it is explicit. */
static piece windowed(piece p, const window *w)
{
    const bool two = p.kind == AE__LAYER_CONV2D || p.kind == AE__LAYER_CONV2D_TRANSPOSE ||
                     p.kind == AE__LAYER_POOL2D;
    p = with(with(p, AE_PARAM_KERNEL_W, w->kernel_w), AE_PARAM_STRIDE_W, w->stride_w);
    if (two) p = with(with(p, AE_PARAM_KERNEL_H, w->kernel_h), AE_PARAM_STRIDE_H, w->stride_h);
    p = with(p, AE_PARAM_PADDING, w->padding);
    if (w->padding != AE_PADDING_EXPLICIT) return p;
    if (two) p = with(with(p, AE_PARAM_PAD_TOP, w->kernel_h > 1), AE_PARAM_PAD_BOTTOM, 0);
    p = with(p, AE_PARAM_PAD_LEFT, w->kernel_w > 1);
    return with(p, AE_PARAM_PAD_RIGHT, w->kernel_w > 2 ? 2 : 0);
}

static const char *describe(const piece *p)
{
    static char text[400];
    size_t at = (size_t)snprintf(text, sizeof text, "%s", ae__layer_of(p->kind)->name);
    for (const setting *s = p->settings; s->id; s++)
        at += (size_t)snprintf(text + at, sizeof text - at, " %s %g", ae__param_of(s->id)->name,
                               s->value);
    return text;
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

static void check(const chain *c, size_t rows, bool blocked)
{
    trial t = trial_of(c, rows);
    assert_int_equal(
        ae__plan_blocked(&t.model->plan, &t.model->engine, 1, 0, t.model->plan.n_layers, rows),
        blocked);
    draw_smooth_image(&t);
    check_image_gradients(&t, c->name);
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

static const window windows[] = {
    {1, 1, 1, 1, AE_PADDING_VALID},    {1, 1, 2, 2, AE_PADDING_SAME},
    {2, 2, 2, 2, AE_PADDING_VALID},    {2, 3, 1, 1, AE_PADDING_SAME},
    {3, 3, 1, 1, AE_PADDING_VALID},    {3, 3, 1, 1, AE_PADDING_SAME},
    {3, 3, 2, 2, AE_PADDING_SAME},     {3, 2, 2, 3, AE_PADDING_EXPLICIT},
    {3, 3, 1, 1, AE_PADDING_EXPLICIT}, {2, 3, 3, 4, AE_PADDING_SAME}, /* strides above the kernel */
    {1, 2, 3, 3, AE_PADDING_VALID},    {2, 1, 3, 2, AE_PADDING_EXPLICIT},
    {3, 5, 3, 2, AE_PADDING_VALID},    {5, 5, 1, 1, AE_PADDING_SAME},
    {5, 3, 2, 3, AE_PADDING_SAME},     {4, 5, 2, 1, AE_PADDING_EXPLICIT},
};
enum { WINDOWS = sizeof windows / sizeof *windows };

static piece conv(int32_t kind, int filters, const window *w, bool bias)
{
    const piece p = with(layer(kind), AE_PARAM_FILTERS, filters);
    return with(act(windowed(p, w), AE_ACT_TANH), AE_PARAM_BIAS, bias);
}

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

/* A kernel as wide as the cells that are repeated, at the least, strides of 1, and padding that no window
 * lies in alone. */
static const struct {
    window w;
    int factor_h, factor_w;
    bool merged;
} upsamplings[] = {
    {{3, 3, 1, 1, AE_PADDING_SAME}, 2, 2, true},
    {{3, 3, 1, 1, AE_PADDING_VALID}, 2, 2, true},
    {{3, 3, 1, 1, AE_PADDING_EXPLICIT}, 2, 2, true},
    {{2, 3, 1, 1, AE_PADDING_SAME}, 1, 3, true},
    {{5, 2, 1, 1, AE_PADDING_SAME}, 3, 2, true},
    {{4, 5, 1, 1, AE_PADDING_EXPLICIT}, 2, 3, true},
    {{1, 3, 1, 1, AE_PADDING_VALID}, 1, 2, true},
    {{3, 4, 1, 1, AE_PADDING_VALID}, 3, 4, true},
    {{1, 1, 1, 1, AE_PADDING_VALID}, 2, 2, false},
    {{3, 3, 2, 1, AE_PADDING_SAME}, 2, 2, false},
    {{3, 2, 1, 1, AE_PADDING_SAME}, 2, 3, false},
};
enum { UPSAMPLINGS = sizeof upsamplings / sizeof *upsamplings };

static piece upsample(size_t i, bool two)
{
    const piece p = layer(two ? AE__LAYER_UPSAMPLE2D : AE__LAYER_UPSAMPLE1D);
    const piece wide = with(p, AE_PARAM_FACTOR_W, upsamplings[i].factor_w);
    return two ? with(wide, AE_PARAM_FACTOR_H, upsamplings[i].factor_h) : wide;
}

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

/* An epsilon that keeps the third derivative small where a channel hardly varies. */
static piece norm(int32_t kind, int32_t activation)
{
    return with(with(act(layer(kind), activation), AE_PARAM_NORM_EPSILON, 0.25), AE_PARAM_SLOPE,
                0.2);
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
            draw_smooth_image(&t);
            image_loss(&t);
            for (size_t j = 0; j < MANY * t.model->plan.layers[layer_].out; j++)
                least = fmin(least, fabs(t.trainer.y[layer_][j]));
            if (least >= IMAGE_KINK) break;
        }
        check_image_gradients(&t, "penalised");
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

/* ---- what the layout, clipping and states change ---- */

/* The sums of a layer in rows are those in blocks in another order: 1e-12 is 1e4 roundings of 1. */
static void blocks_give_the_gradients_of_rows(void **state)
{
    const chain chains[] = {usual(), normalised()};
    (void)state;
    for (size_t i = 0; i < 2; i++) {
        trial t = trial_of(&chains[i], 2 * MANY + 1);
        trial_draw(&t);
        const double loss = image_loss(&t);
        real *gradients = image_gradients(&t);
        for (int32_t l = 0; l < t.model->plan.n_layers; l++)
            t.model->plan.layers[l].blocked = false;
        assert_near(image_loss(&t), loss, 1e-12);
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
        real *gradients = image_gradients(&t);
        for (int32_t l = 0; l < t.model->plan.n_layers; l++)
            for (size_t j = 0; j < room * made(&t, l); j++)
                t.trainer.y[l][j] = t.trainer.dy[0][j] = t.trainer.dy[1][j] = (real)NAN;
        image_loss(&t);
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
    real *g = image_gradients(&t);
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

enum { FROM = 3, TO = 2 /* channels */ };

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

static const real *array_of(const ae_model *model, int32_t layer_, const char *name)
{
    return model->weights + ae__plan_weight(&model->plan, layer_, name)->offset;
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
                const double s = sqrt(array_of(model, 2, "variance")[ch] + 0.25);
                const double h = (z[j] - array_of(model, 2, "mean")[ch]) / s;
                const double v =
                    array_of(model, 2, "gamma")[ch] * h + array_of(model, 2, "beta")[ch];
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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_layer_of_images_is_registered_and_blocks_have_4_images),
        cmocka_unit_test(gradients_hold_for_every_window_of_a_convolution),
        cmocka_unit_test(gradients_hold_for_every_window_of_a_signal),
        cmocka_unit_test(gradients_hold_for_a_convolution_with_the_loss),
        cmocka_unit_test(gradients_hold_for_every_pooling),
        cmocka_unit_test(gradients_hold_for_every_upsampling),
        cmocka_unit_test(gradients_hold_for_upsampling_within_a_convolution),
        cmocka_unit_test(a_convolution_that_upsamples_is_that_of_the_larger_image),
        cmocka_unit_test(upsampling_that_others_read_is_not_done_on_the_way),
        cmocka_unit_test(normalisation_is_that_of_what_the_convolution_makes),
        cmocka_unit_test(a_convolution_that_others_read_is_not_normalised_on_the_way),
        cmocka_unit_test(gradients_hold_for_every_shape),
        cmocka_unit_test(gradients_hold_for_every_normalisation),
        cmocka_unit_test(gradients_hold_for_normalisation_of_vectors),
        cmocka_unit_test(gradients_hold_for_the_usual_chain),
        cmocka_unit_test(gradients_hold_for_penalties_on_images),
        cmocka_unit_test(gradients_hold_beside_tied_layers),
        cmocka_unit_test(gradients_hold_for_convolutions_with_normalisation),
        cmocka_unit_test(gradients_hold_for_activations_that_keep_their_input),
        cmocka_unit_test(blocks_give_the_gradients_of_rows),
        cmocka_unit_test(what_lies_behind_the_last_image_changes_nothing),
        cmocka_unit_test(clipping_and_decay_leave_running_statistics_alone),
        cmocka_unit_test(transposed_convolution_is_the_adjoint),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
