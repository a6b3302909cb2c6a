#!/usr/bin/env python3
"""Writes images.h beside itself: what PyTorch computes, in float64, for layers of images and signals.

    /usr/bin/python3 tests/reference/images.py        (made with PyTorch 1.13.0)

Each chain is a dense layer, whose gradient tells that of the layer's input, a reshape, the layer, and
flatten. PyTorch has channels before cells, and kernels with the channels of the output first; sizes and
padding are worked out here as Keras defines them, and laid around PyTorch's own windows without any.
"""
import torch
from make import Draws, chain_text, flat, write

functional = torch.nn.functional
ROWS, IN = 3, 4
MOMENTUM, EPSILON = 0.99, 1e-3  # of batch normalisation


def keras_axis(settings, n, axis):
    """Output cells, and padding before and after, of a convolution or pooling."""
    k, s = settings.get("KERNEL_" + axis, 1), settings.get("STRIDE_" + axis, 1)
    if settings["PADDING"] == "AE_PADDING_VALID":
        return (n - k) // s + 1, 0, 0
    if settings["PADDING"] == "AE_PADDING_SAME":
        out = (n + s - 1) // s
        pad = max((out - 1) * s + k - n, 0)
        return out, pad // 2, pad - pad // 2
    first, last = {"H": ("TOP", "BOTTOM"), "W": ("LEFT", "RIGHT")}[axis]
    before, after = settings.get("PAD_" + first, 0), settings.get("PAD_" + last, 0)
    return (n + before + after - k) // s + 1, before, after


def keras_axis_back(settings, n, axis):
    """Output cells, and how many of the first are cut, of a transposed convolution."""
    k, s = settings.get("KERNEL_" + axis, 1), settings.get("STRIDE_" + axis, 1)
    if settings["PADDING"] == "AE_PADDING_VALID":
        return n * s + max(k - s, 0), 0
    if settings["PADDING"] == "AE_PADDING_SAME":
        return n * s, max(k - s, 0) // 2
    first, last = {"H": ("TOP", "BOTTOM"), "W": ("LEFT", "RIGHT")}[axis]
    before, after = settings.get("PAD_" + first, 0), settings.get("PAD_" + last, 0)
    return (n - 1) * s + k - before - after, before


def padded(x, settings, value=0.0):
    (_, top, bottom), (_, left, right) = keras_axis(settings, x.shape[2], "H"), keras_axis(settings, x.shape[3], "W")
    return functional.pad(x, (left, right, top, bottom), value=value)


def window(settings):
    return [(settings.get(name + "_H", 1), settings.get(name + "_W", 1)) for name in ("KERNEL", "STRIDE")]


def convolve(settings, x, kernel):
    (kh, kw), stride = window(settings)
    weight = kernel.reshape(kh, kw, x.shape[1], settings["FILTERS"]).permute(3, 2, 0, 1).contiguous()
    return functional.conv2d(padded(x, settings), weight, stride=stride)


def convolve_back(settings, x, kernel):
    (kh, kw), stride = window(settings)
    weight = kernel.reshape(kh, kw, settings["FILTERS"], x.shape[1]).permute(3, 2, 0, 1).contiguous()
    y = functional.conv_transpose2d(x, weight, stride=stride)
    (h, top), (w, left) = keras_axis_back(settings, x.shape[2], "H"), keras_axis_back(settings, x.shape[3], "W")
    y = y[:, :, top:top + h, left:left + w]
    return functional.pad(y, (0, w - y.shape[3], 0, h - y.shape[2]))


def pool(settings, x):
    kernel, stride = window(settings)
    if settings["POOL"] == "AE_POOL_MAX":
        return functional.max_pool2d(padded(x, settings, -torch.inf), kernel, stride)
    cells = functional.avg_pool2d(padded(torch.ones_like(x), settings), kernel, stride)
    return functional.avg_pool2d(padded(x, settings), kernel, stride) / cells


def upsample(settings, x):
    factor = settings.get("FACTOR_H", 1), settings["FACTOR_W"]
    if settings["INTERPOLATION"] == "AE_INTERPOLATION_NEAREST":
        return functional.interpolate(x, scale_factor=factor, mode="nearest")
    return functional.interpolate(x, scale_factor=factor, mode="bilinear", align_corners=False)


class Layer:
    """The layer between reshape and flatten: a function of x, rows x channels x height x width."""

    def __init__(self, kind, settings, channels, draws):
        self.kind, self.settings, self.arrays, self.states = kind, settings, [], []
        if "CONV" in kind:
            (kh, kw), filters = window(settings)[0], settings["FILTERS"]
            inner, outer = (filters, channels) if "TRANSPOSE" in kind else (channels, filters)
            self.arrays = [draws.array(kh * kw * inner, outer)]
            if settings.get("BIAS", 1):
                self.arrays.append(draws.array(filters))
        if "NORM" in kind:
            self.arrays = [draws.array(channels) for _ in range(2)]
        if "BATCH_NORM" in kind:
            self.states = [draws.array(channels) for _ in range(2)]
        for array in self.arrays:
            array.requires_grad_()

    def __call__(self, x, train):
        act = {"AE_ACT_LINEAR": lambda z: z, "AE_ACT_TANH": torch.tanh,
               "AE_ACT_SIGMOID": torch.sigmoid}[self.settings.get("ACTIVATION", "AE_ACT_LINEAR")]
        return act(self.compute(x, train))

    def compute(self, x, train):
        settings = self.settings
        if "TRANSPOSE" in self.kind:
            z = convolve_back(settings, x, self.arrays[0])
        elif "CONV" in self.kind:
            z = convolve(settings, x, self.arrays[0])
        elif "POOL" in self.kind:
            return pool(settings, x)
        elif "UPSAMPLE" in self.kind:
            return upsample(settings, x)
        elif "LAYER_NORM" in self.kind:
            gamma, beta = self.arrays
            return functional.layer_norm(x.permute(0, 2, 3, 1), gamma.shape, gamma, beta, EPSILON).permute(0, 3, 1, 2)
        else:
            return self.batch_norm(x, train)
        return z + self.arrays[1].reshape(1, -1, 1, 1) if settings.get("BIAS", 1) else z

    def batch_norm(self, x, train):
        """Running statistics by hand: Keras' are of the variance of all numbers, PyTorch's of all but one."""
        gamma, beta = self.arrays
        if train:
            moments = x.mean((0, 2, 3)).detach(), x.var((0, 2, 3), unbiased=False).detach()
            self.states = [MOMENTUM * old + (1 - MOMENTUM) * new for old, new in zip(self.states, moments)]
            return functional.batch_norm(x, None, None, gamma, beta, True, 0, EPSILON)
        mean, variance = self.states
        return functional.batch_norm(x, mean, variance.clamp(min=0), gamma, beta, False, 0, EPSILON)


def row(name, shape, kind, settings):
    """shape: (height, width, channels), or (length, channels)"""
    draws, size = Draws(1), torch.Size(shape).numel()
    height, width, channels = (1, *shape) if len(shape) == 2 else shape
    kernel, bias = draws.array(IN, size).requires_grad_(), draws.array(size).requires_grad_()
    layer = Layer(kind, settings, channels, draws)

    def forward(x, train=False):
        y = torch.tanh(x @ kernel + bias).reshape(ROWS, height, width, channels).permute(0, 3, 1, 2)
        return layer(y, train).permute(0, 2, 3, 1).reshape(ROWS, -1)

    x = draws.array(ROWS, IN)
    t = (draws.array(ROWS, forward(x).shape[1]) + 1) / 2
    loss = functional.mse_loss(forward(x, True), t)
    loss.backward()
    sizes = dict(zip(("HEIGHT", "WIDTH", "CHANNELS"), shape if len(shape) == 3 else (0, *shape)))
    chain = {"name": name, "input": IN, "terms": [("AE_LOSS_MSE", {})], "optim": ("AE_OPTIM_ADAM", {}), "model": {},
             "layers": [("AE__LAYER_DENSE", {"UNITS": size, "ACTIVATION": "AE_ACT_TANH"}), ("AE__LAYER_RESHAPE", sizes),
                        (kind, settings), ("AE__LAYER_FLATTEN", {})]}
    gradients = [a.grad for a in [kernel, bias, *layer.arrays]] + layer.states
    return {"chain": chain_text(chain), "loss": "%.12g" % loss.item(), "output": numbers(forward(x)),
            "gradients": numbers(flat(gradients))}


def numbers(array):
    values = ["%.10g" % v for v in array.flatten().tolist()]
    lines = [", ".join(values[i:i + 7]) for i in range(0, len(values), 7)]
    return "(const double[]){\n        " + ",\n        ".join(lines) + "}"


# --- what is computed -----------------------------------------------------------------------------

WINDOWS = [  # kernel, stride, padding: valid, same, or cells at top, bottom, left, right
    ((1, 1), (1, 1), "VALID"), ((2, 3), (1, 1), "SAME"), ((3, 3), (1, 1), "SAME"), ((3, 3), (2, 2), "SAME"),
    ((2, 2), (2, 2), "VALID"), ((3, 2), (1, 2), (1, 0, 1, 2)), ((1, 2), (3, 3), "SAME"), ((5, 3), (2, 1), "SAME"),
    ((2, 1), (3, 2), (1, 1, 0, 0)), ((4, 4), (1, 1), "VALID"), ((5, 5), (3, 2), (2, 2, 2, 2)),
]


def windowed(number, signal=False):
    (kh, kw), (sh, sw), padding = WINDOWS[number]
    settings = {} if signal else {"KERNEL_H": kh, "STRIDE_H": sh}
    settings.update(KERNEL_W=kw, STRIDE_W=sw, PADDING="AE_PADDING_" + (padding if isinstance(padding, str) else "EXPLICIT"))
    if not isinstance(padding, str):
        top, bottom, left, right = padding
        settings.update({} if signal else {"PAD_TOP": top, "PAD_BOTTOM": bottom}, PAD_LEFT=left, PAD_RIGHT=right)
    return settings


def rows():
    for i in range(len(WINDOWS)):
        for kind in "CONV2D", "CONV2D_TRANSPOSE":
            shape = (4, 5, 2) if i % 2 else (5, 4, 1)
            act = "TANH" if i < 7 else "LINEAR"  # sums of many terms saturate
            more = {"FILTERS": 1 + i % 3, **({"BIAS": 0} if i % 4 == 3 else {}), "ACTIVATION": "AE_ACT_" + act}
            yield row("%s, window %d" % (kind.lower(), i), shape, "AE__LAYER_" + kind, {**windowed(i), **more})
        for kind in ("CONV1D", "CONV1D_TRANSPOSE") if i % 2 else ():
            more = {"FILTERS": 2, "ACTIVATION": "AE_ACT_SIGMOID"}
            yield row("%s, window %d" % (kind.lower(), i), (7, 2), "AE__LAYER_" + kind, {**windowed(i, True), **more})
    for i in (1, 3, 4, 5, 6, 9):
        for way in "MAX", "AVERAGE":
            yield row("pool2d %s, window %d" % (way.lower(), i), (5, 4, 2), "AE__LAYER_POOL2D",
                      {**windowed(i), "POOL": "AE_POOL_" + way})
    yield row("pool1d", (7, 3), "AE__LAYER_POOL1D", {**windowed(3, True), "POOL": "AE_POOL_MAX"})
    for way in "NEAREST", "BILINEAR":
        for factor in (2, 2), (1, 3):
            yield row("upsample2d %s" % way.lower(), (2, 3, 2), "AE__LAYER_UPSAMPLE2D",
                      {"FACTOR_H": factor[0], "FACTOR_W": factor[1], "INTERPOLATION": "AE_INTERPOLATION_" + way})
    yield row("upsample1d", (4, 2), "AE__LAYER_UPSAMPLE1D", {"FACTOR_W": 3, "INTERPOLATION": "AE_INTERPOLATION_BILINEAR"})
    for kind in "BATCH_NORM", "LAYER_NORM":
        for shape in (3, 4, 3), (5, 2):
            yield row(kind.lower(), shape, "AE__LAYER_" + kind, {"ACTIVATION": "AE_ACT_TANH"})


if __name__ == "__main__":
    write("image", list(rows()), "images.py")
