/* A sans serif of one pen's width, drawn for the charts. */
#include "common.h"

enum { CAP_HEIGHT = 6, SPACING = 2, BLANK = 3 };

/* Each character as strokes, in the manner of stroke_read: x to the right, y down; the baseline is
 * y = 6. */
static const struct glyph {
    char character;
    const char *strokes;
} glyphs[] = {
    {'0', "10 30 41 45 36 16 05 01 10"},
    {'1', "02 20 20 26"},
    {'2', "01 10 30 41 42 06 06 46"},
    {'3', "01 10 30 41 42 33 23,23 33 44 45 36 16 05"},
    {'4', "30 04 04 44,30 36"},
    {'5', "40 00 00 03 03 12 32 43 45 36 16 05"},
    {'6', "41 30 10 01 05 16 36 45 43 32 12 03"},
    {'7', "00 40 40 16"},
    {'8', "10 30 41 42 33 13 02 01 10,13 33 44 45 36 16 05 04 13"},
    {'9', "05 16 36 45 41 30 10 01 03 14 34 43"},
    {'a', "42 46,43 32 12 03 05 16 36 45"},
    {'b', "00 06,03 12 32 43 45 36 16 05"},
    {'c', "43 32 12 03 05 16 36 45"},
    {'d', "40 46,43 32 12 03 05 16 36 45"},
    {'e', "04 44 44 43 32 12 03 05 16 36 45"},
    {'f', "30 20 11 12 16,02 22"},
    {'g', "42 47 38 18 07,43 32 12 03 05 16 36 45"},
    {'h', "00 06,03 12 32 43 44 46"},
    {'i', "02 06,00"},
    {'j', "22 27 18 08,20"},
    {'k', "00 06,32 05,14 36"},
    {'l', "00 06"},
    {'m', "02 06,03 12 22 33 34 36,33 42 52 63 64 66"},
    {'n', "02 06,03 12 32 43 44 46"},
    {'o', "12 32 43 45 36 16 05 03 12"},
    {'p', "02 08,03 12 32 43 45 36 16 05"},
    {'q', "42 48,43 32 12 03 05 16 36 45"},
    {'r', "02 06,04 03 12 22"},
    {'s', "43 32 12 03 14 34 45 36 16 05"},
    {'t', "10 14 15 26 36,02 32"},
    {'u', "02 04 05 16 36 45,42 46"},
    {'v', "02 26 26 42"},
    {'w', "02 16 16 32 32 56 56 62"},
    {'x', "02 46,42 06"},
    {'y', "02 26,42 18"},
    {'z', "02 42 42 06 06 46"},
    {'.', "06"},
    {':', "03,06"},
    {'-', "04 34"},
    {'+', "04 44,22 26"},
    {'=', "03 43,05 45"},
    {'_', "07 47"},
    {'/', "30 07"},
};

static const char *strokes_of(char character)
{
    for (size_t i = 0; i < sizeof glyphs / sizeof glyphs[0]; i++)
        if (glyphs[i].character == character) return glyphs[i].strokes;
    return "";
}

/* Width of a glyph in its own units. */
static int32_t glyph_width(const char *strokes)
{
    point points[STROKE_POINTS];
    int32_t width = *strokes ? 0 : BLANK - SPACING;

    while (*strokes) {
        const int32_t count = stroke_read(points, &strokes, 1);
        for (int32_t i = 0; i < count; i++) width = points[i].x > width ? points[i].x : width;
    }
    return width;
}

/* Glyph units to units of a coordinate; a glyph is five sixths as wide as its grid. */
static int32_t across(int32_t units, int32_t size)
{
    return units * size * PEN_PIXEL * 5 / (CAP_HEIGHT * 6);
}

static int32_t down(int32_t units, int32_t size)
{
    return units * size * PEN_PIXEL / CAP_HEIGHT;
}

int32_t text_width(const char *text, int32_t size)
{
    int32_t units = *text ? -SPACING : 0;

    for (; *text; text++) units += glyph_width(strokes_of(*text)) + SPACING;
    return across(units, size) / PEN_PIXEL;
}

static void draw_glyph(const pen *p, const char *strokes, int32_t left, int32_t top, int32_t size)
{
    point points[STROKE_POINTS];

    while (*strokes) {
        const int32_t count = stroke_read(points, &strokes, 1);
        for (int32_t i = 0; i < count; i++) {
            points[i].x = left + across(points[i].x, size);
            points[i].y = top + down(points[i].y, size);
        }
        pen_curve(p, points, count);
    }
}

void text_draw(const pen *p, const char *text, int32_t left, int32_t baseline, int32_t size)
{
    const int32_t top = (baseline - size) * PEN_PIXEL;
    int32_t x = 0;

    for (; *text; text++) {
        const char *strokes = strokes_of(*text);
        draw_glyph(p, strokes, left * PEN_PIXEL + across(x, size), top, size);
        x += glyph_width(strokes) + SPACING;
    }
}
