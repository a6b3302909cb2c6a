/* Draws digits as a hand might write them, for programs that have no MNIST at hand. Each is a pen's
 * path through a few points, which are moved, scaled, slanted and turned at random. */
#include "common.h"

#include <string.h>

enum { SIDE = 28, STYLES = 2 };

/* Two ways to write each digit: strokes as in stroke_read, x to the right, y down, 0 to 99 each. */
static const char *const glyphs[10][STYLES] = {
    {"5401 3014 1950 2986 5099 7286 8150 7414 5401",
     "6610 4602 2518 1652 2688 5099 7682 8448 7616 6203 4808"},
    {"5200 4899", "3422 5401 5401 5150 5099"},
    {"1925 3106 5400 7613 7537 5268 1796 1796 4895 8497",
     "2220 4402 7008 7632 6064 3892 2098 1586 3080 5694 8692"},
    {"2013 4400 7210 7234 4447 4447 7457 8179 6497 3899 1587",
     "2204 7603 7603 4642 4642 7858 7490 1894"},
    {"6001 1466 1466 8865,6202 6299", "2604 2044 3054 5452 7646,7800 7350 6899"},
    {"8003 3003 3003 2544 2544 5237 7852 7978 6296 3899 1589",
     "3404 2642 4842 7254 7678 5896 3498 1688,3404 8200"},
    {"6802 4222 2358 2787 4899 7289 7766 6052 3858 2676",
     "5000 2834 2072 3697 6295 7476 6260 4264 2684"},
    {"1605 8304 8304 6048 4299", "1608 8004 8004 5852 4699,3454 7648"},
    {"5046 2828 3107 5000 6907 7227 5046 2568 2791 5099 7391 7668 5046",
     "7416 5201 3010 3030 5448 7368 6892 4699 2688 3066 5842 7612"},
    {"7624 5803 3407 2329 3449 5647 7624 7624 7552 6678 5499",
     "7414 5001 2616 2842 5248 7232 7608 7454 7299"},
};

/* How one digit is written; lengths in 1/256 pixel, slopes in 1/100. */
typedef struct hand {
    int32_t across, down; /* length of 100 template units */
    int32_t slant, turn;
    int32_t left, top; /* where the template's middle lands */
    int32_t wobble;    /* template units that a point may be off */
} hand;

static hand random_hand(rng *r)
{
    const int32_t middle = SIDE * PEN_PIXEL / 2;
    const hand h = {
        .across = rng_between(r, 15 * PEN_PIXEL, 21 * PEN_PIXEL),
        .down = rng_between(r, 17 * PEN_PIXEL, 20 * PEN_PIXEL),
        .slant = rng_between(r, -8, 32),
        .turn = rng_between(r, -8, 8),
        .left = middle + rng_between(r, -PEN_PIXEL, PEN_PIXEL),
        .top = middle + rng_between(r, -PEN_PIXEL, PEN_PIXEL),
        .wobble = rng_between(r, 1, 4),
    };
    return h;
}

static point place(const hand *h, point p, rng *r)
{
    const int32_t x = p.x - 50 + rng_between(r, -h->wobble, h->wobble);
    const int32_t y = p.y - 50 + rng_between(r, -h->wobble, h->wobble);
    const int32_t right = x * h->across / 100, down = y * h->down / 100;
    const point placed = {
        h->left + right - down * (h->slant + h->turn) / 100,
        h->top + down + right * h->turn / 100,
    };
    return placed;
}

/* Puts a stroke's points where the hand sets them. A point met again stays where it was, so that
 * corners stay sharp and loops closed. */
static void place_stroke(point *placed, const point *points, int32_t count, const hand *h, rng *r)
{
    for (int32_t i = 0; i < count; i++) {
        placed[i] = place(h, points[i], r);
        for (int32_t k = 0; k < i; k++)
            if (points[k].x == points[i].x && points[k].y == points[i].y) placed[i] = placed[k];
    }
}

void digit_draw(uint8_t *pixels, uint64_t seed, int64_t index)
{
    rng r = {seed};
    r.state = rng_next(&r) + (uint64_t)index * 0xd1342543de82ef95u; /* apart from other indices */
    const char *strokes = glyphs[index % 10][rng_between(&r, 0, STYLES - 1)];
    const hand h = random_hand(&r);
    const pen p = {pixels, SIDE, SIDE, rng_between(&r, 200, 400)};
    point points[STROKE_POINTS], placed[STROKE_POINTS];

    memset(pixels, 0, SIDE * SIDE);
    while (*strokes) {
        const int32_t count = stroke_read(points, &strokes, 2);
        place_stroke(placed, points, count, &h, &r);
        pen_curve(&p, placed, count);
    }
}
