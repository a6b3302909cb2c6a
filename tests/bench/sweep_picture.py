"""Draws what sweep.py measured, as an SVG: on the left throughput over batch, a curve a width; on the right time over
time with OpenBLAS, batch by width. Both of the least depth."""
import math

LEFT, SIDE = 58, 380  # of the first panel; its width
TOP, HIGH = 22, 352
MAP_LEFT, MAP_SIDE = 556, 342
SIZE = (MAP_LEFT + MAP_SIDE + 16, TOP + HIGH + 74)
LABEL = 13  # least distance between labels of curves
RATES = (.1, .2, .5, 1, 2, 5, 10, 20, 50, 100, 200, 500, 1000)  # of the grid
INK, SOFT, GRID = "#24292f", "#57606a", "#e4e7eb"
CURVES = ((180, 200, 40), (53, 183, 121), (38, 130, 142), (62, 74, 137), (68, 1, 84))  # from narrow to wide
# Time over time with OpenBLAS, and its colour; between them shades.
SHADES = ((0.4, (1, 102, 94)), (0.7, (90, 180, 172)), (0.9, (199, 234, 229)), (1.0, (248, 248, 246)),
          (1.1, (253, 184, 99)), (1.3, (179, 88, 6)))


def blend(stops, at):
    """stops: (place, colour), ascending."""
    for (a, low), (b, high) in zip(stops, stops[1:]):
        if at <= b or b == stops[-1][0]:
            part = min(max((at - a) / (b - a), 0), 1)
            return "#" + "".join(f"{round(x + part * (y - x)):02x}" for x, y in zip(low, high))
    return None


def text(x, y, words, anchor="middle", more=""):
    return f'<text x="{x:.4g}" y="{y:.4g}" text-anchor="{anchor}"{more}>{words}</text>'


def line(x1, y1, x2, y2, colour, more=""):
    return f'<path d="M{x1:.1f} {y1:.1f}L{x2:.1f} {y2:.1f}" stroke="{colour}"{more}/>'


def curve(points, colour, more):
    path = "L".join(f"{x:.1f} {y:.1f}" for x, y in points)
    return f'<path d="M{path}" stroke="{colour}" fill="none" stroke-linejoin="round"{more}/>'


def apart(places, top):
    """The same places, moved so that labels do not meet, and none is above the top."""
    moved = dict(sorted(enumerate(places), key=lambda item: item[1]))
    order = list(moved)
    for _ in range(200):
        moved[order[0]] = max(moved[order[0]], top)
        for i, j in zip(order, order[1:]):
            if (over := LABEL - (moved[j] - moved[i])) > 0:
                moved[i] -= over / 2
                moved[j] += over / 2
    return [moved[i] for i in range(len(places))]


def curves(lines, batches, widths):
    """Both axes logarithmic."""
    peak = max(line["fma_gflops"] for line in lines.values())
    low = min(min(line["gflops"], line["cblas_gflops"]) for line in lines.values())
    low, high = max((rate for rate in RATES if rate <= low), default=low), peak * 1.12

    span = math.log(batches[-1] / batches[0]) or 1

    def x_of(batch):
        return LEFT + SIDE * math.log(batch / batches[0]) / span

    def y_of(rate):
        return TOP + HIGH * (1 - math.log(rate / low) / math.log(high / low))

    bottom = TOP + HIGH
    for rate in RATES:
        if low <= rate <= high:
            yield line(LEFT, y_of(rate), LEFT + SIDE, y_of(rate), GRID)
            yield text(LEFT - 8, y_of(rate) + 4, rate, "end")
    for batch in batches:
        yield line(x_of(batch), TOP, x_of(batch), bottom, GRID)
        if batch != 64:  # beside 100
            yield text(x_of(batch), bottom + 18, batch)
    yield line(LEFT, y_of(peak), LEFT + SIDE, y_of(peak), SOFT)
    threads = max(line["threads"] for line in lines.values())
    cores = "one core" if threads == 1 else f"{threads} cores"
    yield text(LEFT + 6, y_of(peak) - 5, f"peak of {cores}, {peak:.0f}", "start", f' fill="{SOFT}"')
    yield text(LEFT + SIDE / 2, bottom + 42, "rows in a batch")
    middle = TOP + HIGH / 2
    yield text(16, middle, "GFLOP/s of a training step", more=f' transform="rotate(-90 16 {middle:.4g})"')

    places = [i / max(len(CURVES) - 1, 1) for i in range(len(CURVES))]
    ends = []
    for number, width in enumerate(widths):
        colour = blend(list(zip(places, CURVES)), number / max(len(widths) - 1, 1))
        along = [batch for batch in batches if (batch, width) in lines]
        for key, more in (("cblas_gflops", ' stroke-width="1" stroke-dasharray="4 3"'), ("gflops", ' stroke-width="2"')):
            yield curve([(x_of(b), y_of(lines[b, width][key])) for b in along], colour, more)
        ends.append((width, colour, y_of(lines[along[-1], width]["gflops"])))
    for (width, colour, y), place in zip(ends, apart([end[2] for end in ends], TOP + 4)):
        x = LEFT + SIDE
        yield line(x + 2, y, x + 12, place, colour, ' stroke-width="1"')
        yield text(x + 15, place + 4, width, "start", f' fill="{colour}"')
    yield text(LEFT + SIDE + 15, TOP - 8, "width", "start")


def cells(lines, batches, widths):
    bottom = TOP + HIGH
    tall, wide = HIGH / len(widths), MAP_SIDE / len(batches)
    for column, batch in enumerate(batches):
        x = MAP_LEFT + column * wide
        yield text(x + wide / 2, bottom + 18, batch)
        for row, width in enumerate(widths):
            if (batch, width) in lines:
                ratio = lines[batch, width]["ratio"]
                y = bottom - (row + 1) * tall
                yield (f'<rect x="{x + .5:.4g}" y="{y + .5:.4g}" width="{wide - 1:.4g}" height="{tall - 1:.4g}" rx="2" '
                       f'fill="{blend(SHADES, ratio)}"/>')
                pale = ' fill="#fff"' if not 0.62 < ratio < 1.22 else ""
                yield text(x + wide / 2, y + tall / 2 + 4, f"{ratio:.2f}".removeprefix("0"), more=pale)
    for row, width in enumerate(widths):
        yield text(MAP_LEFT - 8, bottom - (row + .5) * tall + 4, width, "end")
    yield text(MAP_LEFT + MAP_SIDE / 2, bottom + 42, "rows in a batch")
    yield text(MAP_LEFT - 8, TOP - 8, "width", "end")
    yield text(MAP_LEFT + MAP_SIDE / 2, bottom + 64, "time of a step, over that with OpenBLAS's product", more=f' fill="{SOFT}"')


def legend():
    """Under the first panel: what solid and dashed mean."""
    y = TOP + HIGH + 60
    x = LEFT + SIDE / 2
    yield line(x - 150, y, x - 120, y, INK, ' stroke-width="2"')
    yield text(x - 112, y + 4, "own product", "start", f' fill="{SOFT}"')
    yield line(x + 10, y, x + 40, y, INK, ' stroke-width="1" stroke-dasharray="4 3"')
    yield text(x + 48, y + 4, "OpenBLAS's", "start", f' fill="{SOFT}"')


def draw(lines, path):
    depth = min(line["depth"] for line in lines)
    shown = {(line["batch"], line["width"]): line for line in lines if line["depth"] == depth}
    batches = sorted({batch for batch, _ in shown})
    widths = sorted({width for _, width in shown})
    parts = [*curves(shown, batches, widths), *cells(shown, batches, widths), *legend()]
    with open(path, "w") as out:
        out.write(f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {SIZE[0]} {SIZE[1]}" width="{SIZE[0]}" '
                  f'height="{SIZE[1]}" font-family="Helvetica,Arial,sans-serif" font-size="12" fill="{INK}">\n'
                  f'<rect width="100%" height="100%" rx="6" fill="#fff"/>\n' + "\n".join(parts) + "\n</svg>\n")
