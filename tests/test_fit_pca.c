/* A linear autoencoder that has converged on centred data is PCA (Baldi and Hornik 1989): its error is
 * the sum of the discarded eigenvalues of the 1/n covariance, its decoder spans the leading ones'
 * vectors. To be linked to the insides in float, and in double. */
#include "chain.h"

#include "train/fit.h"

enum { DIM = 6, CODE = 2, ROWS = 32, EPOCHS = 10000 };

/* At a minimum the error is flat, so it is nearer to its limit than the subspace is. */
#ifdef AE_DOUBLE
#define ERROR_TOLERANCE 1e-13
#define ANGLE_TOLERANCE 1e-9
#else
#define ERROR_TOLERANCE 1e-6
#define ANGLE_TOLERANCE 1e-5
#endif

static const chain linear = {
    .name = "linear",
    .input = DIM,
    .layers = {DENSE(CODE, AE_ACT_LINEAR), DENSE(DIM, AE_ACT_LINEAR)},
    .terms = {{.kind = AE_LOSS_MSE}},
    .optim = {AE_OPTIM_SGD, {{AE_PARAM_LEARNING_RATE, 0.3}, {AE_PARAM_MOMENTUM, 0.9}}},
    .model = {{AE_PARAM_BATCH, ROWS}},
};

/* Rows come with their negatives, so that the mean is 0; columns of falling spread, mixed. */
static void draw_centred(float x[ROWS][DIM])
{
    static const double spread[DIM] = {2, 1.5, 0.5, 0.375, 0.25, 0.125};
    for (size_t i = 0; i < ROWS; i += 2) {
        double last = 0;
        for (size_t j = 0; j < DIM; j++) {
            double here = draw_one() * spread[j];
            x[i][j] = (float)(here + last / 2);
            x[i + 1][j] = -x[i][j];
            last = here;
        }
    }
}

static void covariance(float x[ROWS][DIM], double c[DIM][DIM])
{
    for (size_t j = 0; j < DIM; j++) {
        for (size_t k = 0; k < DIM; k++) {
            c[j][k] = 0;
            for (size_t i = 0; i < ROWS; i++) c[j][k] += (double)x[i][j] * x[i][k] / ROWS;
        }
    }
}

/* c = rotated by +-angle in the plane of p and q, from both sides; v from one. */
static void rotate(double c[DIM][DIM], double v[DIM][DIM], size_t p, size_t q)
{
    const double angle = atan2(2 * c[p][q], c[q][q] - c[p][p]) / 2;
    const double co = cos(angle), si = sin(angle);
    for (size_t i = 0; i < DIM; i++) {
        double cp = c[i][p], cq = c[i][q], vp = v[i][p], vq = v[i][q];
        c[i][p] = co * cp - si * cq;
        c[i][q] = si * cp + co * cq;
        v[i][p] = co * vp - si * vq;
        v[i][q] = si * vp + co * vq;
    }
    for (size_t i = 0; i < DIM; i++) {
        double cp = c[p][i], cq = c[q][i];
        c[p][i] = co * cp - si * cq;
        c[q][i] = si * cp + co * cq;
    }
}

/* Jacobi's method: afterwards c's diagonal holds the eigenvalues, v's columns the vectors. */
static void solve(double c[DIM][DIM], double v[DIM][DIM])
{
    for (size_t i = 0; i < DIM; i++)
        for (size_t j = 0; j < DIM; j++) v[i][j] = i == j;
    for (int sweep = 0; sweep < 20; sweep++)
        for (size_t p = 0; p < DIM; p++)
            for (size_t q = p + 1; q < DIM; q++) rotate(c, v, p, q);
}

/* How many eigenvalues are larger than number i. */
static size_t rank_of(double c[DIM][DIM], size_t i)
{
    size_t larger = 0;
    for (size_t j = 0; j < DIM; j++) larger += c[j][j] > c[i][i];
    return larger;
}

/* Gram and Schmidt's basis of the rows. */
static void orthonormalise(double rows[CODE][DIM])
{
    for (size_t i = 0; i < CODE; i++) {
        double norm = 0;
        for (size_t k = 0; k < i; k++) {
            double dot = 0;
            for (size_t j = 0; j < DIM; j++) dot += rows[i][j] * rows[k][j];
            for (size_t j = 0; j < DIM; j++) rows[i][j] -= dot * rows[k][j];
        }
        for (size_t j = 0; j < DIM; j++) norm += rows[i][j] * rows[i][j];
        for (size_t j = 0; j < DIM; j++) rows[i][j] /= sqrt(norm);
    }
}

/* The root of the summed squared sines of the principal angles between the decoder's rows and the
 * leading eigenvectors: what the basis has along the discarded ones. */
static double subspace_gap(const ae_model *model, double c[DIM][DIM], double v[DIM][DIM])
{
    const real *kernel = weights_of_layer(model, 1, "kernel");
    double basis[CODE][DIM], sum = 0;
    for (size_t i = 0; i < CODE; i++)
        for (size_t j = 0; j < DIM; j++) basis[i][j] = kernel[i * DIM + j];
    orthonormalise(basis);
    for (size_t i = 0; i < CODE; i++) {
        for (size_t k = 0; k < DIM; k++) {
            double along = 0;
            for (size_t j = 0; j < DIM; j++) along += basis[i][j] * v[j][k];
            if (rank_of(c, k) >= CODE) sum += along * along;
        }
    }
    return sqrt(sum);
}

static void linear_autoencoder_converges_to_pca(void **state)
{
    float x[ROWS][DIM];
    double c[DIM][DIM], v[DIM][DIM], discarded = 0;
    ae__view view = {0};
    ae_model *model = chain_model(&linear);
    (void)state;
    ae__model_init(model);
    draw_centred(x);
    covariance(x, c);
    solve(c, v);
    for (size_t i = 0; i < DIM; i++)
        if (rank_of(c, i) >= CODE) discarded += c[i][i];
    assert_int_equal(ae__array_set(&view.x, "x", AE_TYPE_F32, x[0], ROWS, DIM), AE_OK);
    assert_int_equal(ae__fit(model, &(ae__fit_request){.epochs = EPOCHS, .data = &view}), AE_OK);
    /* the loss is a mean over columns, the eigenvalues' sum is not */
    assert_near(data_loss(model, &view) * DIM, discarded, ERROR_TOLERANCE * discarded);
    assert_near(subspace_gap(model, c, v), 0, ANGLE_TOLERANCE);
    ae__model_free(model);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(linear_autoencoder_converges_to_pca),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
