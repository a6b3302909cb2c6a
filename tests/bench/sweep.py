#!/usr/bin/env python3
"""Times training steps over a grid of batch, width and depth, with the library's own product, with OpenBLAS's in its
place, and as a plain program with OpenBLAS does them (sweep.c): a line of JSON a shape, then a table of what should not
be, and exit code 1 where there is any.

    sweep.py SWEEP [--quick] [--batch B,...] [--width W,...] [--depth D,...] [--threads T] [--json FILE]
                   [--picture FILE] [--again FILE]

SWEEP is the program built from sweep.c with -Dblas=openblas. Slow is a shape that takes more than 1.10 times as long
as the plain program; a cliff, one with less than 0.6 of the lesser throughput of both its neighbours along batch or
along width. Either is timed five times more, in turns with all the others, and counts where the median still says so.
Shapes more than 1.10 times as long as with OpenBLAS's product are timed again, too, and told, but do not count.
--quick: a dozen shapes. --picture draws an SVG; --again takes the lines of an earlier --json instead of
measuring."""
import argparse
import json
import statistics
import sys

import run
import sweep_picture

BATCHES = (1, 2, 4, 16, 64, 100, 256, 1024, 4096)
WIDTHS = (16, 20, 33, 64, 100, 256, 400, 784, 1024, 2048, 4096)
DEPTHS = (1, 2, 4)
QUICK = ((1, 16, 100, 1024), (33, 256, 784), (1,))
DEEP_TERMS = 1 << 33  # batch x width x width beyond which the least depth stands for all
SLOW, CLIFF, AGAIN = 1.10, 0.6, 5
RATIOS = {"plain_ratio": "a plain program", "ratio": "OpenBLAS's product"}  # the first one counts
MEDIANS = ("step_s", "cblas_step_s", "plain_step_s", *RATIOS, "gflops", "cblas_gflops")


def numbers(text):
    return tuple(sorted(int(n) for n in text.split(",")))


def arguments():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("sweep")
    parser.add_argument("--quick", action="store_true", help="a dozen shapes")
    parser.add_argument("--batch", type=numbers, metavar="B,...")
    parser.add_argument("--width", type=numbers, metavar="W,...")
    parser.add_argument("--depth", type=numbers, metavar="D,...", help="numbers of hidden layers")
    parser.add_argument("--threads", default=1, type=int)
    parser.add_argument("--json", metavar="FILE", help="append the lines of JSON to this file")
    parser.add_argument("--picture", metavar="FILE", help="draw an SVG")
    parser.add_argument("--again", metavar="FILE", help="take lines of JSON from this file instead of measuring")
    return parser.parse_args()


def shapes_of(args):
    """(batch, width, depth), the small ones first; and those that are left out."""
    batches, widths, depths = QUICK if args.quick else (BATCHES, WIDTHS, DEPTHS)
    batches, widths, depths = args.batch or batches, args.width or widths, args.depth or depths
    shapes = [(b, w, d) for d in depths for w in widths for b in batches]
    walked = [s for s in shapes if s[0] * s[1] * s[1] <= DEEP_TERMS or s[2] == depths[0]]
    return walked, [s for s in shapes if s not in walked]


def key_of(line):
    return line["batch"], line["width"], line["depth"]


def time_shape(args, shape):
    batch, width, depth = map(str, shape)
    lines = run.measure([args.sweep, "--batch", batch, "--width", width, "--depth", depth, "--threads", str(args.threads)],
                        args.threads)
    if len(lines) != 1:
        sys.exit(1)
    return lines[0]


def neighbours(lines, shape):
    """Those on both sides along batch, and along width, where there are two."""
    for axis in (0, 1):
        row = sorted(s for s in lines if all(s[i] == shape[i] for i in range(3) if i != axis))
        at = row.index(shape)
        if 0 < at < len(row) - 1:
            yield row[at - 1], row[at + 1]


def share(lines, shape, sides):
    """Throughput, of the lesser one of both sides."""
    return lines[shape]["gflops"] / min(lines[side]["gflops"] for side in sides)


def cliffs(lines, shape):
    return [sides for sides in neighbours(lines, shape) if share(lines, shape, sides) < CLIFF]


def suspects(lines):
    """Slow shapes; cliffs, and the neighbours that make them so."""
    found = {shape for shape, line in lines.items() if any(line[ratio] > SLOW for ratio in RATIOS)}
    for shape in lines:
        for sides in cliffs(lines, shape):
            found |= {shape, *sides}
    return found


def time_again(args, lines):
    """Until every suspect has been: a median may make a suspect of a neighbour."""
    while fresh := sorted(shape for shape in suspects(lines) if "again" not in lines[shape]):
        print(f"timed again: {len(fresh)} shapes", file=sys.stderr)
        rounds = [[time_shape(args, shape) for shape in fresh] for _ in range(AGAIN)]
        for timed in zip(*rounds):
            medians = {key: statistics.median(line[key] for line in timed) for key in MEDIANS}
            first = lines[key_of(timed[0])]
            lines[key_of(timed[0])] = {**first, **medians, "again": AGAIN}


def measured(args):
    run.machine()
    walked, left_out = shapes_of(args)
    print(f"{len(walked)} shapes; not walked, as batch x width x width is above 2^{DEEP_TERMS.bit_length() - 1}: "
          f"{', '.join('x'.join(map(str, s)) for s in left_out) or 'none'}", file=sys.stderr)
    lines = {}
    for number, shape in enumerate(walked, 1):
        lines[shape] = time_shape(args, shape)
        print(f"\r{number} of {len(walked)}", end="", file=sys.stderr, flush=True)
    print(file=sys.stderr)
    time_again(args, lines)
    return lines


def kept(path):
    with open(path) as file:
        return {key_of(line): line for line in map(json.loads, file)}


def summary(lines):
    for depth in sorted({shape[2] for shape in lines}):
        for ratio, rival in RATIOS.items():
            ratios = sorted((line[ratio], shape) for shape, line in lines.items() if shape[2] == depth)
            print(f"depth {depth}: {len(ratios)} shapes, time over that of {rival}: least {ratios[0][0]:.2f}, "
                  f"median {statistics.median(r for r, _ in ratios):.2f}, most {ratios[-1][0]:.2f} at "
                  f"{'x'.join(map(str, ratios[-1][1]))}")


def table(lines):
    """What should not be, and what is told beside it; returns how many there are of the former."""
    rows = {ratio: [(shape, f"{line[ratio]:.2f} times as long as {rival}") for shape, line in lines.items()
                    if line[ratio] > SLOW] for ratio, rival in RATIOS.items()}
    rows["cliff"] = [(shape, f"a cliff: {share(lines, shape, sides):.2f} of the throughput of " +
                      " and ".join("x".join(map(str, side)) for side in sides))
                     for shape in lines for sides in cliffs(lines, shape)]
    bad = len(rows["plain_ratio"]) + len(rows["cliff"])
    print(f"\n{bad} shapes are slow or a cliff")
    for (batch, width, depth), text in sorted(sum(rows.values(), [])):
        print(f"{batch:6} {width:6} {depth:6}  {text}")
    return bad


def main():
    args = arguments()
    lines = kept(args.again) if args.again else measured(args)
    text = "".join(json.dumps(line) + "\n" for line in lines.values())
    print(text, end="")
    if args.json:
        with open(args.json, "a") as out:
            out.write(text)
    if args.picture:
        sweep_picture.draw(list(lines.values()), args.picture)
    summary(lines)
    sys.exit(1 if table(lines) else 0)


if __name__ == "__main__":
    main()
