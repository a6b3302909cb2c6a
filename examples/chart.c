/* Line charts: curves over x = 1, 2, ..., with ticks at round numbers. */
#include "common.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { WIDTH = 960, HEIGHT = 600, LEFT = 92, RIGHT = 36, TOP = 64, BOTTOM = 72 }; /* margins */
enum { LABEL_SIZE = 12, NAME_SIZE = 13, TICK = 6, LEGEND = TOP - 24, LEGEND_GAP = 28 };
enum { PANEL_BYTES = WIDTH * HEIGHT * 3 };

typedef struct colour {
    uint8_t rgb[3];
} colour;

static const colour grid_colour = {{232, 232, 232}}, axis_colour = {{96, 96, 96}};
static const colour text_colour = {{64, 64, 64}};

/* Okabe and Ito's palette: told apart by the colour-blind, too. */
static const colour palette[] = {
    {{0, 114, 178}}, {{213, 94, 0}}, {{0, 158, 115}}, {{204, 121, 167}}, {{230, 159, 0}},
};

enum { N_COLOURS = sizeof palette / sizeof palette[0] };

/* The numbers along one axis. */
typedef struct axis {
    double low, high;   /* at the ends */
    double first, step; /* of the ticks */
    int32_t n_ticks;
    int decimals;
} axis;

typedef struct chart {
    picture picture;
    pen pen;
    axis x, y;
} chart;

/* 1, 2 or 5 times a power of ten: about a sixth of the range. */
static double round_step(double range)
{
    const double power = pow(10.0, floor(log10(range / 6.0)));
    const double factor = range / 6.0 / power;
    return power * (factor <= 1.0 ? 1.0 : factor <= 2.0 ? 2.0 : factor <= 5.0 ? 5.0 : 10.0);
}

static int32_t ticks_between(double first, double last, double step)
{
    return (int32_t)floor((last - first) / step + 1e-6) + 1;
}

/* Ends at ticks. */
static axis axis_of_values(double low, double high)
{
    if (!(low <= high)) low = 0.0, high = 1.0; /* no values */
    if (high - low <= 1e-6 * fabs(high)) low -= 0.5 * fabs(low) + 1e-3, high += 0.5 * fabs(high);
    const double step = round_step(high - low);
    axis a = {
        .low = floor(low / step) * step,
        .high = ceil(high / step) * step,
        .step = step,
        .decimals = step < 1.0 ? (int)ceil(-log10(step) - 1e-9) : 0,
    };
    a.first = a.low;
    a.n_ticks = ticks_between(a.first, a.high, step);
    return a;
}

/* From 1 to count, ticks at whole numbers. */
static axis axis_of_count(size_t count)
{
    const double step = count > 6 ? fmax(1.0, round_step((double)count)) : 1.0;
    axis a = {
        .low = count > 1 ? 1.0 : 0.0,
        .high = count > 1 ? (double)count : 2.0,
        .first = step,
        .step = step,
    };
    a.n_ticks = ticks_between(a.first, a.high, step);
    return a;
}

static double tick(const axis *a, int32_t index)
{
    return a->first + index * a->step;
}

static double along(const axis *a, double value)
{
    return (value - a->low) / (a->high - a->low);
}

static point point_at(const chart *c, double x, double y)
{
    const double right = LEFT + along(&c->x, x) * (WIDTH - LEFT - RIGHT);
    const double down = HEIGHT - BOTTOM - along(&c->y, y) * (HEIGHT - TOP - BOTTOM);
    const point p = {(int32_t)lround(right * PEN_PIXEL), (int32_t)lround(down * PEN_PIXEL)};
    return p;
}

static int32_t pixel(int32_t coordinate)
{
    return coordinate / PEN_PIXEL;
}

/* Lays what the pen has drawn over the picture and empties the pen's mask. */
static void ink(chart *c, colour with)
{
    for (size_t i = 0; i < (size_t)WIDTH * HEIGHT; i++) {
        for (size_t k = 0; k < 3; k++) {
            uint8_t *to = &c->picture.pixels[3 * i + k];
            const int32_t share = c->pen.mask[i];
            *to = (uint8_t)((*to * (255 - share) + with.rgb[k] * share + 127) / 255);
        }
    }
    memset(c->pen.mask, 0, (size_t)WIDTH * HEIGHT);
}

static int32_t pixel_centre(int32_t coordinate)
{
    return pixel(coordinate) * PEN_PIXEL + PEN_PIXEL / 2;
}

/* A line one pixel wide that covers whole pixels. */
static void draw_hairline(chart *c, point a, point b)
{
    c->pen.radius = PEN_PIXEL / 2;
    pen_line(&c->pen, (point){pixel_centre(a.x), pixel_centre(a.y)},
             (point){pixel_centre(b.x), pixel_centre(b.y)});
}

static void draw_text(chart *c, const char *text, int32_t left, int32_t baseline, int32_t size)
{
    c->pen.radius = PEN_PIXEL * 5 / 8;
    text_draw(&c->pen, text, left, baseline, size);
}

static void draw_x_tick(chart *c, double x)
{
    const point at = point_at(c, x, c->y.low);
    const point end = {at.x, at.y + TICK * PEN_PIXEL};
    char label[32];

    snprintf(label, sizeof label, "%.0f", x);
    draw_hairline(c, at, end);
    draw_text(c, label, pixel(at.x) - text_width(label, LABEL_SIZE) / 2,
              pixel(end.y) + 8 + LABEL_SIZE, LABEL_SIZE);
}

static void draw_y_tick(chart *c, double y)
{
    const point at = point_at(c, c->x.low, y);
    char label[32];

    snprintf(label, sizeof label, "%.*f", c->y.decimals, y);
    draw_text(c, label, LEFT - 12 - text_width(label, LABEL_SIZE), pixel(at.y) + LABEL_SIZE / 2,
              LABEL_SIZE);
}

static void draw_axes(chart *c, const char *x_name, const char *y_name)
{
    for (int32_t i = 0; i < c->y.n_ticks; i++)
        draw_hairline(c, point_at(c, c->x.low, tick(&c->y, i)),
                      point_at(c, c->x.high, tick(&c->y, i)));
    ink(c, grid_colour);
    draw_hairline(c, point_at(c, c->x.low, c->y.low), point_at(c, c->x.high, c->y.low));
    ink(c, axis_colour);
    for (int32_t i = 0; i < c->y.n_ticks; i++) draw_y_tick(c, tick(&c->y, i));
    for (int32_t i = 0; i < c->x.n_ticks; i++) draw_x_tick(c, tick(&c->x, i));
    if (c->x.first > c->x.low && c->x.low > 0.0) draw_x_tick(c, c->x.low);
    draw_text(c, y_name, LEFT, LEGEND, NAME_SIZE);
    draw_text(c, x_name, LEFT + (WIDTH - LEFT - RIGHT - text_width(x_name, NAME_SIZE)) / 2,
              HEIGHT - 18, NAME_SIZE);
    ink(c, text_colour);
}

static void draw_curve(chart *c, const curve *of, colour with)
{
    for (size_t i = 0; i < of->count; i++) {
        if (!isfinite(of->values[i])) continue;
        const size_t before = i > 0 && isfinite(of->values[i - 1]) ? i - 1 : i;
        c->pen.radius = of->count > 1 ? PEN_PIXEL : 4 * PEN_PIXEL;
        pen_line(&c->pen, point_at(c, (double)before + 1.0, of->values[before]),
                 point_at(c, (double)i + 1.0, of->values[i]));
    }
    ink(c, with);
}

/* Above the plot, from the right edge to the left, where no curve runs. */
static void draw_legend(chart *c, const curve *curves, size_t n_curves)
{
    int32_t left = WIDTH - RIGHT;

    for (size_t i = n_curves; i-- > 0;) {
        left -= text_width(curves[i].name, NAME_SIZE);
        const int32_t y = LEGEND - NAME_SIZE / 2;
        const point a = {(left - 44) * PEN_PIXEL, y * PEN_PIXEL};
        const point b = {(left - 14) * PEN_PIXEL, y * PEN_PIXEL};
        c->pen.radius = PEN_PIXEL * 5 / 4;
        pen_line(&c->pen, a, b);
        ink(c, palette[i % N_COLOURS]);
        draw_text(c, curves[i].name, left, LEGEND, NAME_SIZE);
        ink(c, text_colour);
        left -= 44 + LEGEND_GAP;
    }
}

static void chart_open(chart *c, const curve *curves, size_t n_curves)
{
    double low = INFINITY, high = -INFINITY;
    size_t count = 0;

    for (size_t k = 0; k < n_curves; k++) {
        count = curves[k].count > count ? curves[k].count : count;
        for (size_t i = 0; i < curves[k].count; i++) {
            if (!isfinite(curves[k].values[i])) continue;
            low = fmin(low, curves[k].values[i]);
            high = fmax(high, curves[k].values[i]);
        }
    }
    picture_create(&c->picture, WIDTH, HEIGHT, 3, 255);
    c->pen = (pen){allocate(WIDTH, HEIGHT), WIDTH, HEIGHT, PEN_PIXEL};
    c->x = axis_of_count(count);
    c->y = axis_of_values(low, high);
}

/* Puts one chart into the picture of all, as its number from the top. */
static void draw_panel(picture *all, const char *x_name, const panel *of, size_t number)
{
    chart c;

    chart_open(&c, of->curves, of->n_curves);
    draw_axes(&c, x_name, of->y_name);
    for (size_t i = 0; i < of->n_curves; i++)
        draw_curve(&c, &of->curves[i], palette[i % N_COLOURS]);
    draw_legend(&c, of->curves, of->n_curves);
    memcpy(all->pixels + number * PANEL_BYTES, c.picture.pixels, PANEL_BYTES);
    picture_free(&c.picture);
    free(c.pen.mask);
}

void charts_write(const char *path, const char *x_name, const panel *panels, size_t n_panels)
{
    picture all;

    picture_create(&all, WIDTH, HEIGHT * (int32_t)n_panels, 3, 255);
    for (size_t i = 0; i < n_panels; i++) draw_panel(&all, x_name, &panels[i], i);
    picture_write(&all, path);
    picture_free(&all);
}

void chart_write(const char *path, const char *x_name, const char *y_name, const curve *curves,
                 size_t n_curves)
{
    const panel only = {y_name, curves, n_curves};
    charts_write(path, x_name, &only, 1);
}
