"""Layers of images and signals, from docs/format.md alone: sections 5, 6 and 8. A shape is a tuple:
(dimensions,), (length, channels) or (height, width, channels); a row is a flat list."""
import itertools
import math

VALID, SAME, EXPLICIT = range(3)
MAX_POOL, NEAREST = 0, 0
MOST = 2 ** 24  # numbers of a row
RANKS = {"conv1d": 2, "conv2d": 3, "conv1d_transpose": 2, "conv2d_transpose": 3, "pool1d": 2, "pool2d": 3,
         "upsample1d": 2, "upsample2d": 3, "dense": 1, "gaussian": 1, "concat": 1}
NORMS = {"batch_norm": ["gamma", "beta", "mean", "variance"], "layer_norm": ["gamma", "beta"]}


class Misfit(ValueError):
    """Layers that do not fit each other."""


def axes(kind, parameters, shape):
    """(n, kernel, stride, out, before) of height and width; a signal has a height of 1."""
    names = [("h", "top", "bottom"), ("w", "left", "right")]
    if len(shape) == 2:
        return [(1, 1, 1, 1, 0), axis(kind, parameters, shape[0], *names[1])]
    return [axis(kind, parameters, n, *name) for n, name in zip(shape, names)]


def axis(kind, parameters, n, name, first, last):
    kernel, stride, padding = parameters["kernel_" + name], parameters["stride_" + name], parameters["padding"]
    before, after = parameters["pad_" + first], parameters["pad_" + last]
    if kind.endswith("transpose"):
        out, cut = {VALID: (n * stride + max(kernel - stride, 0), 0), SAME: (n * stride, max(kernel - stride, 0) // 2),
                    EXPLICIT: ((n - 1) * stride + kernel - before - after, before)}[padding]
        return n, kernel, stride, positive(out), cut
    if padding == SAME:
        out = -(-n // stride)
        return n, kernel, stride, out, max((out - 1) * stride + kernel - n, 0) // 2
    before, after = (before, after) if padding == EXPLICIT else (0, 0)
    return n, kernel, stride, positive((n + before + after - kernel) // stride + 1), before


def positive(out):
    if out < 1:
        raise Misfit("nothing is left of an axis")
    return out


def windows(axis, transposed=False):
    """For each cell of the output the (cell, tap) that it is made of."""
    n, kernel, stride, out, before = axis
    taps = [[] for _ in range(out)]
    for cell, tap in itertools.product(range(out if not transposed else n), range(kernel)):
        other = cell * stride - before + tap
        if transposed and 0 <= other < out:
            taps[other].append((cell, tap))
        elif not transposed and 0 <= other < n:
            taps[cell].append((other, tap))
    return taps


def shape_of(kind, parameters, shape):
    """Of the output."""
    if len(shape) != RANKS.get(kind, len(shape)):
        raise Misfit(f"{kind} of rank {len(shape)}")
    *cells, channels = shape
    if kind.startswith(("conv", "pool")):
        sizes = axes(kind, parameters, shape)
        if kind.startswith("pool"):
            for n, kernel, stride, out, before in sizes:
                if before >= kernel or (out - 1) * stride >= n + before:
                    raise Misfit("a window beside the image")
        shape = tuple(axis[3] for axis in sizes[3 - len(shape):]) + (parameters.get("filters", channels),)
    elif kind.startswith("upsample"):
        factors = [parameters["factor_" + name] for name in "hw"[3 - len(shape):]]
        shape = tuple(n * factor for n, factor in zip(cells, factors)) + (channels,)
    elif kind == "flatten":
        shape = math.prod(shape),
    elif kind == "reshape":
        height, *other = (parameters[name] for name in ("height", "width", "channels"))
        wanted = (height, *other) if height else tuple(other)
        if math.prod(wanted) != math.prod(shape):
            raise Misfit(f"{shape} as {wanted}")
        shape = wanted
    if math.prod(shape) > MOST:
        raise Misfit(f"an output of {shape}")
    return shape


def arrays_of(kind, parameters, shape):
    """{(slot, name): (rows, cols)}"""
    channels = shape[-1]
    if kind in NORMS:
        return {(slot, name): (1, channels) for slot, name in enumerate(NORMS[kind])}
    if not kind.startswith("conv"):
        return {}
    cells, filters = parameters.get("kernel_h", 1) * parameters["kernel_w"], parameters["filters"]
    inner, outer = (filters, channels) if kind.endswith("transpose") else (channels, filters)
    bias = {(1, "bias"): (1, filters)} if parameters["bias"] else {}
    return {(0, "kernel"): (cells * inner, outer), **bias}


def run(kind, parameters, shape, weights, row):
    """What stands before the activation; weights: {name: rows}."""
    if kind in NORMS:
        return norm(kind, parameters, shape[-1], weights, row)
    if kind.startswith("conv"):
        return convolve(kind, parameters, shape, weights, row)
    if kind.startswith("pool"):
        return pool(parameters, shape, axes(kind, parameters, shape), row)
    if kind.startswith("upsample"):
        return upsample(parameters, shape, row)
    return row


def pixel(shape, row, i, j):
    *_, width, channels = shape
    at = (i * width + j) * channels
    return row[at:at + channels]


def convolve(kind, parameters, shape, weights, row):
    transposed, filters = kind.endswith("transpose"), parameters["filters"]
    (_, kernel_h, *_), (_, kernel_w, *_) = sizes = axes(kind, parameters, shape)
    kernel, bias = weights["kernel"], weights.get("bias", [[0.0] * filters])[0]
    out = []
    for vertical, horizontal in itertools.product(*(windows(axis, transposed) for axis in sizes)):
        sums = list(bias)
        for (i, p), (j, q) in itertools.product(vertical, horizontal):
            x, tap = pixel(shape, row, i, j), p * kernel_w + q
            for f in range(filters):
                if transposed:  # a row of the kernel: a tap and a filter; a column: a channel of x
                    sums[f] += sum(a * b for a, b in zip(x, kernel[tap * filters + f]))
                else:
                    sums[f] += sum(a * kernel[tap * len(x) + c][f] for c, a in enumerate(x))
        out += sums
    return out


def largest(values):
    return math.nan if any(map(math.isnan, values)) else max(values)


def pool(parameters, shape, sizes, row):
    out = []
    for vertical, horizontal in itertools.product(*map(windows, sizes)):
        pixels = [pixel(shape, row, i, j) for (i, _), (j, _) in itertools.product(vertical, horizontal)]
        for values in zip(*pixels):
            out.append(largest(values) if parameters["pool"] == MAX_POOL else sum(values) / len(values))
    return out


def mixed(n, factor, kind):
    """For each of n factor cells the (cell, share) that it is made of."""
    if kind == NEAREST:
        return [[(i // factor, 1.0)] for i in range(n * factor)]
    places = [min(max((i + 0.5) / factor - 0.5, 0), n - 1) for i in range(n * factor)]
    return [[(int(p), 1 - p % 1), (min(int(p) + 1, n - 1), p % 1)] for p in places]


def upsample(parameters, shape, row):
    kind = parameters["interpolation"]
    height = shape[0] if len(shape) == 3 else 1
    vertical = mixed(height, parameters.get("factor_h", 1), kind)
    horizontal = mixed(shape[-2], parameters["factor_w"], kind)
    out = []
    for rows, columns in itertools.product(vertical, horizontal):
        cells = [(pixel(shape, row, i, j), a * b) for (i, a), (j, b) in itertools.product(rows, columns)]
        out += [sum(share * values[c] for values, share in cells) for c in range(shape[-1])]
    return out


def norm(kind, parameters, channels, weights, row):
    gamma, beta, epsilon = weights["gamma"][0], weights["beta"][0], parameters["norm_epsilon"]
    out = []
    for at in range(0, len(row), channels):
        x = row[at:at + channels]
        if kind == "batch_norm":
            means, variances = weights["mean"][0], [max(v, 0.0) for v in weights["variance"][0]]
        else:
            mean = sum(x) / channels
            means, variances = [mean] * channels, [sum((v - mean) ** 2 for v in x) / channels] * channels
        out += [g * (v - m) / math.sqrt(s + epsilon) + b for g, v, m, s, b in zip(gamma, x, means, variances, beta)]
    return out
