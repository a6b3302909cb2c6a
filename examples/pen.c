/* Antialiased strokes. Coordinates are whole numbers, and the only root is of a whole number, which
 * IEEE 754 rounds the same way everywhere: a picture has the same bytes on every machine. */
#include "common.h"

#include <math.h>

enum { SPAN_STEPS = 8 }; /* straight pieces between two points of a curve */

static int32_t clamp(int64_t v, int32_t low, int32_t high)
{
    return v < low ? low : v > high ? high : (int32_t)v;
}

/* sqrt(x^2 + y^2), rounded down. */
static int64_t length_of(int64_t x, int64_t y)
{
    return (int64_t)sqrt((double)(x * x + y * y));
}

/* A line from a to b as the distance needs it. */
typedef struct segment {
    point a, b;
    int64_t dx, dy, length;
} segment;

static int64_t distance(const segment *s, int64_t x, int64_t y)
{
    const int64_t px = x - s->a.x, py = y - s->a.y;
    const int64_t along = px * s->dx + py * s->dy;

    if (along <= 0) return length_of(px, py);
    if (along >= s->length * s->length) return length_of(x - s->b.x, y - s->b.y);
    const int64_t across = px * s->dy - py * s->dx;
    return (across < 0 ? -across : across) / s->length;
}

/* Full up to half a pixel inside the edge, none from half a pixel outside it. */
static uint8_t coverage(const pen *p, int64_t away)
{
    const int32_t inside = clamp(p->radius + PEN_PIXEL / 2 - away, 0, PEN_PIXEL);
    return (uint8_t)(inside * 255 / PEN_PIXEL);
}

void pen_line(const pen *p, point a, point b)
{
    const int32_t reach = p->radius + PEN_PIXEL / 2;
    const int32_t left = clamp((a.x < b.x ? a.x : b.x) - reach, 0, p->width * PEN_PIXEL);
    const int32_t right = clamp((a.x < b.x ? b.x : a.x) + reach, -1, p->width * PEN_PIXEL - 1);
    const int32_t top = clamp((a.y < b.y ? a.y : b.y) - reach, 0, p->height * PEN_PIXEL);
    const int32_t bottom = clamp((a.y < b.y ? b.y : a.y) + reach, -1, p->height * PEN_PIXEL - 1);
    segment s = {.a = a, .b = b, .dx = (int64_t)b.x - a.x, .dy = (int64_t)b.y - a.y};

    s.length = length_of(s.dx, s.dy);
    for (int32_t i = top / PEN_PIXEL; i * PEN_PIXEL <= bottom; i++) {
        for (int32_t j = left / PEN_PIXEL; j * PEN_PIXEL <= right; j++) {
            const int64_t x = j * PEN_PIXEL + PEN_PIXEL / 2, y = i * PEN_PIXEL + PEN_PIXEL / 2;
            const uint8_t ink = coverage(p, distance(&s, x, y));
            uint8_t *pixel = &p->mask[(int64_t)i * p->width + j];
            if (ink > *pixel) *pixel = ink;
        }
    }
}

/* One coordinate of the curve between p1 and p2, at step / SPAN_STEPS of the way. */
static int32_t blend(int64_t p0, int64_t p1, int64_t p2, int64_t p3, int64_t step)
{
    const int64_t n = SPAN_STEPS;
    const int64_t cubic = (3 * p1 - p0 - 3 * p2 + p3) * step;
    const int64_t square = (cubic + (2 * p0 - 5 * p1 + 4 * p2 - p3) * n) * step;
    return (int32_t)(p1 + (square + (p2 - p0) * n * n) * step / (2 * n * n * n));
}

static bool same(point a, point b)
{
    return a.x == b.x && a.y == b.y;
}

void pen_curve(const pen *p, const point *points, int32_t count)
{
    const int32_t last = count - 1;
    const bool closed = last > 1 && same(points[0], points[last]);

    if (count == 1) pen_line(p, points[0], points[0]);
    for (int32_t i = 0; i < last; i++) {
        const point p0 = i > 0 ? points[i - 1] : points[closed ? last - 1 : 0];
        const point p1 = points[i], p2 = points[i + 1];
        const point p3 = i + 1 < last ? points[i + 2] : points[closed ? 1 : last];
        point from = p1;
        if (same(p1, p2)) continue;
        for (int32_t step = 1; step <= SPAN_STEPS; step++) {
            const point to = {blend(p0.x, p1.x, p2.x, p3.x, step),
                              blend(p0.y, p1.y, p2.y, p3.y, step)};
            pen_line(p, from, to);
            from = to;
        }
    }
}

static int32_t read_number(const char *text, int32_t digits)
{
    int32_t number = 0;
    for (int32_t i = 0; i < digits; i++) number = 10 * number + text[i] - '0';
    return number;
}

int32_t stroke_read(point *points, const char **text, int32_t digits)
{
    int32_t count = 0;
    char end;

    do {
        points[count].x = read_number(*text, digits);
        points[count++].y = read_number(*text + digits, digits);
        *text += 2 * digits;
        end = **text;
        if (end) (*text)++;
    } while (end == ' ');
    return count;
}
