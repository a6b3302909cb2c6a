/* Counter-based draws, the normal quantile that turns them into noise, and the order of the rows.
 * Nothing here has a state: the same arguments give the same number on every machine. */
#include "base/rng.h"

#include <assert.h>
#include <math.h>

/* ---- Philox4x32-10 ---- */

void ae__philox(const uint32_t counter[4], const uint32_t key[2], uint32_t out[4])
{
    uint32_t x0 = counter[0], x1 = counter[1], x2 = counter[2], x3 = counter[3];
    uint32_t k0 = key[0], k1 = key[1];

    for (int round = 0; round < 10; round++) {
        uint64_t a = (uint64_t)0xD2511F53 * x0;
        uint64_t b = (uint64_t)0xCD9E8D57 * x2;
        x0 = (uint32_t)(b >> 32) ^ x1 ^ k0;
        x1 = (uint32_t)b;
        x2 = (uint32_t)(a >> 32) ^ x3 ^ k1;
        x3 = (uint32_t)a;
        k0 += 0x9E3779B9; /* the golden ratio, and sqrt(3) - 1 */
        k1 += 0xBB67AE85;
    }
    out[0] = x0;
    out[1] = x1;
    out[2] = x2;
    out[3] = x3;
}

/* ---- draws ---- */

void ae__draw_place(const ae__draw *draw, uint32_t block, uint32_t counter[4], uint32_t key[2])
{
    assert(block >> 30 == 0 && draw->layer >> 10 == 0 && draw->sample >> 16 == 0);
    assert(draw->row >> 40 == 0 && draw->epoch >> 24 == 0 && draw->purpose >> 8 == 0);
    uint64_t low = block | (uint64_t)draw->layer << 30 | (uint64_t)draw->sample << 40 |
                   draw->row << 56; /* the row's lowest 8 bits; its other 32 follow in `high` */
    uint64_t high = draw->row >> 8 | (uint64_t)draw->epoch << 32 | (uint64_t)draw->purpose << 56;

    counter[0] = (uint32_t)low;
    counter[1] = (uint32_t)(low >> 32);
    counter[2] = (uint32_t)high;
    counter[3] = (uint32_t)(high >> 32);
    key[0] = (uint32_t)draw->seed;
    key[1] = (uint32_t)(draw->seed >> 32);
}

void ae__draw_bits(const ae__draw *draw, uint32_t block, uint32_t out[4])
{
    uint32_t counter[4], key[2];

    ae__draw_place(draw, block, counter, key);
    ae__philox(counter, key, out);
}

/* ---- normal distribution ---- */

typedef struct rational { /* highest power first */
    double over[8];
    double under[8];
} rational;

static const rational centre = {
    {2.5090809287301226727e+3, 3.3430575583588128105e+4, 6.7265770927008700853e+4,
     4.5921953931549871457e+4, 1.3731693765509461125e+4, 1.9715909503065514427e+3,
     1.3314166789178437745e+2, 3.3871328727963666080e+0},
    {5.2264952788528545610e+3, 2.8729085735721942674e+4, 3.9307895800092710610e+4,
     2.1213794301586595867e+4, 5.3941960214247511077e+3, 6.8718700749205790830e+2,
     4.2313330701600911252e+1, 1.0}};
static const rational tail = {
    {7.74545014278341407640e-4, 2.27238449892691845833e-2, 2.41780725177450611770e-1,
     1.27045825245236838258e+0, 3.64784832476320460504e+0, 5.76949722146069140550e+0,
     4.63033784615654529590e+0, 1.42343711074968357734e+0},
    {1.05075007164441684324e-9, 5.47593808499534494600e-4, 1.51986665636164571966e-2,
     1.48103976427480074590e-1, 6.89767334985100004550e-1, 1.67638483018380384940e+0,
     2.05319162663775882187e+0, 1.0}};
static const rational far_tail = {
    {2.01033439929228813265e-7, 2.71155556874348757815e-5, 1.24266094738807843860e-3,
     2.65321895265761230930e-2, 2.96560571828504891230e-1, 1.78482653991729133580e+0,
     5.46378491116411436990e+0, 6.65790464350110377720e+0},
    {2.04426310338993978564e-15, 1.42151175831644588870e-7, 1.84631831751005468180e-5,
     7.86869131145613259100e-4, 1.48753612908506148525e-2, 1.36929880922735805310e-1,
     5.99832206555887937690e-1, 1.0}};

static double evaluate(const rational *f, double x)
{
    double over = f->over[0], under = f->under[0];

    for (int i = 1; i < 8; i++) {
        over = over * x + f->over[i];
        under = under * x + f->under[i];
    }
    return over / under;
}

double ae__normal_quantile(double p)
{
    double q = p - 0.5;

    if (fabs(q) <= 0.425) return q * evaluate(&centre, 0.180625 - q * q);
    double r = sqrt(-log(q < 0 ? p : 1 - p));
    double z = r <= 5 ? evaluate(&tail, r - 1.6) : evaluate(&far_tail, r - 5);
    return q < 0 ? -z : z;
}

/* ---- order of the rows ---- */

void ae__order_set(ae__order *order, uint64_t rows, const ae__draw *draw)
{
    uint32_t half_bits = 1;

    while (half_bits < 32 && (uint64_t)1 << 2 * half_bits < rows) half_bits++;
    order->rows = rows;
    order->half_bits = half_bits;
    for (uint32_t i = 0; i < AE__ORDER_ROUNDS / 4; i++) ae__draw_bits(draw, i, order->key + 4 * i);
}

/* MurmurHash3's finalizer: every bit in moves every bit out. */
static uint32_t mix(uint32_t x)
{
    x = (x ^ x >> 16) * AE__ORDER_MIX_1;
    x = (x ^ x >> 13) * AE__ORDER_MIX_2;
    return x ^ x >> 16;
}

static uint64_t permute(const ae__order *order, uint64_t i)
{
    uint32_t mask = UINT32_MAX >> (32 - order->half_bits);
    uint32_t left = (uint32_t)(i >> order->half_bits);
    uint32_t right = (uint32_t)i & mask;

    for (int round = 0; round < AE__ORDER_ROUNDS; round++) {
        uint32_t next = left ^ (mix(right ^ order->key[round]) & mask);
        left = right;
        right = next;
    }
    return (uint64_t)left << order->half_bits | right;
}

/* The rounds backwards. */
static uint64_t permute_back(const ae__order *order, uint64_t i)
{
    uint32_t mask = UINT32_MAX >> (32 - order->half_bits);
    uint32_t left = (uint32_t)(i >> order->half_bits);
    uint32_t right = (uint32_t)i & mask;

    for (int round = AE__ORDER_ROUNDS; round-- > 0;) {
        uint32_t before = right ^ (mix(left ^ order->key[round]) & mask);
        right = left;
        left = before;
    }
    return (uint64_t)left << order->half_bits | right;
}

/* The network permutes a power of four, less than 4 times the rows (or 4): a number that falls
 * outside is sent through again, until it comes back among the rows, as its cycle must. */
uint64_t ae__order_return(const ae__order *order, uint64_t i)
{
    while (i >= order->rows) i = permute(order, i);
    return i;
}

uint64_t ae__order_at(const ae__order *order, uint64_t i)
{
    assert(i < order->rows);
    return ae__order_return(order, permute(order, i));
}

uint64_t ae__order_place(const ae__order *order, uint64_t row)
{
    assert(row < order->rows);
    do row = permute_back(order, row);
    while (row >= order->rows);
    return row;
}
