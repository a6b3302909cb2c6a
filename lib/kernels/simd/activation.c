/* Elementwise functions of whole arrays. */
#include "kernels/simd/simd.h"
#include "kernels/simd/vmath.h"

vec AE__SIMD(activate_apart)(int32_t act, vec x)
{
    switch (act) {
    case AE_ACT_ELU: return v_elu(x);
    case AE_ACT_SOFTPLUS: return v_softplus(x);
    case AE_ACT_GELU: return v_gated(x, v_normal_gate(v_abs(x)));
    case AE_ACT_SILU: return v_gated(x, v_logistic_gate(v_abs(x)));
    default: return x;
    }
}

vec AE__SIMD(softplus_slope)(vec y)
{
    return v_sub(v_zero(), v_expm1(v_sub(v_zero(), y)));
}

vec AE__SIMD(gelu_slope)(vec x)
{
    return v_gated_slope(x, v_normal_gate_slope(v_abs(x)));
}

vec AE__SIMD(silu_slope)(vec x)
{
    return v_gated_slope(x, v_logistic_gate_slope(v_abs(x)));
}

#define MAP(name, function)                                                                        \
    void AE__SIMD(name)(real *y, const real *x, size_t n)                                          \
    {                                                                                              \
        for (size_t i = 0; i < n; i += AE__LANES) {                                                \
            size_t lanes = v_lanes(n - i);                                                         \
            v_store_n(y + i, function(v_load_n(x + i, lanes)), lanes);                             \
        }                                                                                          \
    }

MAP(exp, v_exp)
MAP(log, v_log)
MAP(tanh, v_tanh)
MAP(sigmoid, v_sigmoid)

void AE__SIMD(activate)(int32_t act, real slope, real *y, const real *x, size_t n)
{
    vec s = v_set1(slope);
    for (size_t i = 0; i < n; i += AE__LANES) {
        size_t lanes = v_lanes(n - i);
        v_store_n(y + i, v_activate(act, s, v_load_n(x + i, lanes)), lanes);
    }
}

void AE__SIMD(derive)(int32_t act, real slope, real *dx, const real *dy, const real *y, size_t n)
{
    vec s = v_set1(slope);
    for (size_t i = 0; i < n; i += AE__LANES) {
        size_t lanes = v_lanes(n - i);
        vec d = v_load_n(dy + i, lanes), out = v_load_n(y + i, lanes);
        v_store_n(dx + i, v_derive(act, s, d, out), lanes);
    }
}

void AE__SIMD(derive_input)(int32_t act, real slope, real *dx, const real *dy, const real *x,
                            size_t n)
{
    const bool enough = ae__activation_keeps_input(act);
    vec s = v_set1(slope);
    for (size_t i = 0; i < n; i += AE__LANES) {
        size_t lanes = v_lanes(n - i);
        vec d = v_load_n(dy + i, lanes), in = v_load_n(x + i, lanes);
        vec out = enough ? in : v_activate(act, s, in);
        v_store_n(dx + i, v_derive_at(act, s, d, in, out), lanes);
    }
}
