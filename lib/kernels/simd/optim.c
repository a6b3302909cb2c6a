/* One step of an optimiser, element by element. */
#include "kernels/simd/simd.h"
#include "kernels/simd/vec.h"

/* What is done to every gradient. */
typedef struct shaping {
    vec scale, clamp, l2, l1;
    bool pulls; /* l1 is not 0: no vector has to be asked */
} shaping;

static inline shaping shaping_of(real g_scale, real g_clamp, real l2, real l1)
{
    return (shaping){v_set1(g_scale), v_set1(g_clamp), v_set1(l2), v_set1(l1), l1 > 0};
}

/* Scaled, clamped (NaN passes), plus the gradient of l2/2 w^2 + l1 |w|. */
static inline vec gradient(vec g, vec w, shaping s)
{
    const vec zero = v_zero();
    g = v_mul(g, s.scale);
    g = v_max(v_sub(zero, s.clamp), v_min(s.clamp, g));
    g = v_fma(s.l2, w, g);
    if (!s.pulls) return g;
    return v_add(g, v_select(v_less(zero, v_abs(w)), v_copysign(s.l1, w), zero));
}

void AE__SIMD(sgd)(const ae__sgd *s, real *w, real *velocity, const real *g, size_t n)
{
    const vec rate = v_set1(-s->learning_rate), momentum = v_set1(s->momentum);
    const shaping shape = shaping_of(s->g_scale, s->g_clamp, s->l2, s->l1);
    for (size_t i = 0; i < n; i += AE__LANES) {
        size_t lanes = v_lanes(n - i);
        vec weight = v_load_n(w + i, lanes);
        vec d = gradient(v_load_n(g + i, lanes), weight, shape);
        if (velocity) {
            vec u = v_fma(momentum, v_load_n(velocity + i, lanes), d);
            v_store_n(velocity + i, u, lanes);
            d = s->nesterov ? v_fma(momentum, u, d) : u;
        }
        v_store_n(w + i, v_fma(rate, d, weight), lanes);
    }
}

void AE__SIMD(adam)(const ae__adam *s, real *w, real *m, real *v, const real *g, size_t n)
{
    const vec beta1 = v_set1(s->beta1), rest1 = v_set1(1 - s->beta1);
    const vec beta2 = v_set1(s->beta2), rest2 = v_set1(1 - s->beta2);
    const vec epsilon = v_set1(s->epsilon), v_factor = v_set1(s->v_factor);
    const vec step = v_set1(-s->step), shrink = v_set1(-s->shrink);
    const shaping shape = shaping_of(s->g_scale, s->g_clamp, s->l2, s->l1);
    for (size_t i = 0; i < n; i += AE__LANES) {
        size_t lanes = v_lanes(n - i);
        vec weight = v_load_n(w + i, lanes);
        vec d = gradient(v_load_n(g + i, lanes), weight, shape);
        vec first = v_fma(beta1, v_load_n(m + i, lanes), v_mul(rest1, d));
        vec second = v_fma(beta2, v_load_n(v + i, lanes), v_mul(v_mul(rest2, d), d));
        vec root = v_fma(v_sqrt(second), v_factor, epsilon);
        weight = v_fma(shrink, weight, weight);
        v_store_n(m + i, first, lanes);
        v_store_n(v + i, second, lanes);
        v_store_n(w + i, v_fma(v_div(first, root), step, weight), lanes);
    }
}

void AE__SIMD(rmsprop)(const ae__rmsprop *s, real *w, real *v, real *velocity, const real *g,
                       size_t n)
{
    const vec rate = v_set1(-s->learning_rate), momentum = v_set1(s->momentum);
    const vec rho = v_set1(s->rho), rest = v_set1(1 - s->rho), epsilon = v_set1(s->epsilon);
    const shaping shape = shaping_of(s->g_scale, s->g_clamp, s->l2, s->l1);
    for (size_t i = 0; i < n; i += AE__LANES) {
        size_t lanes = v_lanes(n - i);
        vec weight = v_load_n(w + i, lanes);
        vec d = gradient(v_load_n(g + i, lanes), weight, shape);
        vec square = v_fma(rho, v_load_n(v + i, lanes), v_mul(v_mul(rest, d), d));
        d = v_div(d, v_add(v_sqrt(square), epsilon));
        if (velocity) {
            d = v_fma(momentum, v_load_n(velocity + i, lanes), d);
            v_store_n(velocity + i, d, lanes);
        }
        v_store_n(v + i, square, lanes);
        v_store_n(w + i, v_fma(rate, d, weight), lanes);
    }
}
