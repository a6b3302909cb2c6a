/* One step of an optimiser, element by element. */
#include "kernels/simd/simd.h"
#include "kernels/simd/vec.h"

/* Scaled, clamped (NaN passes), plus the gradient of l2/2 w^2. */
static inline vec gradient(vec g, vec w, vec scale, vec clamp, vec l2)
{
    g = v_mul(g, scale);
    g = v_max(v_sub(v_zero(), clamp), v_min(clamp, g));
    return v_fma(l2, w, g);
}

void AE__SIMD(sgd)(const ae__sgd *s, real *w, real *velocity, const real *g, size_t n)
{
    const vec rate = v_set1(-s->learning_rate), momentum = v_set1(s->momentum);
    const vec scale = v_set1(s->g_scale), clamp = v_set1(s->g_clamp), l2 = v_set1(s->l2);
    for (size_t i = 0; i < n; i += AE__LANES) {
        size_t lanes = v_lanes(n - i);
        vec weight = v_load_n(w + i, lanes);
        vec d = gradient(v_load_n(g + i, lanes), weight, scale, clamp, l2);
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
    const vec scale = v_set1(s->g_scale), clamp = v_set1(s->g_clamp), l2 = v_set1(s->l2);
    for (size_t i = 0; i < n; i += AE__LANES) {
        size_t lanes = v_lanes(n - i);
        vec weight = v_load_n(w + i, lanes);
        vec d = gradient(v_load_n(g + i, lanes), weight, scale, clamp, l2);
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
    const vec scale = v_set1(s->g_scale), clamp = v_set1(s->g_clamp), l2 = v_set1(s->l2);
    for (size_t i = 0; i < n; i += AE__LANES) {
        size_t lanes = v_lanes(n - i);
        vec weight = v_load_n(w + i, lanes);
        vec d = gradient(v_load_n(g + i, lanes), weight, scale, clamp, l2);
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
