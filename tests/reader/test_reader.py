#!/usr/bin/env python3
"""The page docs/format.md against the library: aem.py, which knows the page alone, reads what libae
writes, computes what libae computes, and refuses what libae refuses.

    test_reader.py LIBAE_SO
"""
import itertools
import math
import os
import pathlib
import random
import re
import struct
import sys
import unittest
import zlib
from collections import namedtuple

import aem
import libae

TESTS = pathlib.Path(__file__).resolve().parent.parent
GOLDEN = {path.name: path.read_bytes() for path in sorted((TESTS / "golden").glob("*.aem"))}
TINY, TRAINED, DRAWN = (GOLDEN[name + "-1.0.aem"] for name in ("tiny", "trained", "drawn"))
TOLERANCE = 1e-5  # float32 against double, after sums of up to 24 products in up to 6 layers
ROWS = 22


# --- models ---------------------------------------------------------------------------------------

def drawn(dim, rows=ROWS, seed=1):
    """Rows in [0, 1) of numbers that float32 holds exactly."""
    draw = random.Random(seed)
    return [[draw.randrange(2 ** 20) / 2 ** 20 for _ in range(dim)] for _ in range(rows)]


def told(calls, rows=ROWS):
    """A side for each row of a model made by these calls: a class, or a list; None where it takes none."""
    for name, *arguments in calls:
        if name == "concat_label":
            return [row * 7 % arguments[0] for row in range(rows)]
        if name == "concat":
            return drawn(arguments[0], rows, seed=9)
    return None


SEED_LIKE = [
    ("input", 12), ("set_i64", "AE_PARAM_BATCH", 8), ("dense", 4, "AE_ACT_RELU"), ("code",),
    ("dense", 12, "AE_ACT_SIGMOID"), ("loss", "AE_LOSS_BCE"), ("optimizer", "AE_OPTIM_ADAM"),
]
MODELS = {
    "seed-like": SEED_LIKE,
    "deep": [
        ("input", 12), ("set_i64", "AE_PARAM_SEED", 2 ** 40 + 5), ("set_i64", "AE_PARAM_SHUFFLE", 0),
        ("dense", 24, "AE_ACT_TANH"), ("dense", 9, "AE_ACT_LEAKY_RELU"), ("set_f64", "AE_PARAM_SLOPE", 0.1),
        ("dense", 3, "AE_ACT_LINEAR"), ("set_i64", "AE_PARAM_BIAS", 0), ("code",),
        ("dense", 9, "AE_ACT_RELU"), ("set_i64", "AE_PARAM_INIT", "AE_INIT_HE_NORMAL"),
        ("dense", 24, "AE_ACT_SIGMOID"), ("dense", 12, "AE_ACT_LINEAR"),
        ("loss", "AE_LOSS_MSE"), ("optimizer", "AE_OPTIM_ADAMW"), ("set_f64", "AE_PARAM_LEARNING_RATE", 0.01),
    ],
    "tied, with bias": [
        ("input", 12), ("dense", 5, "AE_ACT_TANH"), ("code",), ("dense", 12, "AE_ACT_LINEAR"),
        ("set_i64", "AE_PARAM_TIED", 0), ("loss", "AE_LOSS_MSE"), ("set_f64", "AE_PARAM_WEIGHT", 0.25),
        ("set_f64", "AE_PARAM_CLIP_NORM", 0.5), ("set_f64", "AE_PARAM_WEIGHT_DECAY", 1e-3),
    ],
    "tied, without bias": [
        ("input", 12), ("dense", 7, "AE_ACT_LINEAR"), ("dense", 2, "AE_ACT_LINEAR"), ("code",),
        ("dense", 7, "AE_ACT_LINEAR"), ("set_i64", "AE_PARAM_TIED", 1), ("set_i64", "AE_PARAM_BIAS", 0),
        ("dense", 12, "AE_ACT_SIGMOID"), ("set_i64", "AE_PARAM_TIED", 0), ("set_i64", "AE_PARAM_BIAS", 0),
        ("loss", "AE_LOSS_MSE"), ("loss", "AE_LOSS_BCE"), ("set_f64", "AE_PARAM_WEIGHT", 2.0),
    ],
    "activation layers": [
        ("input", 12), ("activation", "AE_ACT_TANH"), ("dense", 6, "AE_ACT_LINEAR"),
        ("activation", "AE_ACT_LEAKY_RELU"), ("set_f64", "AE_PARAM_SLOPE", 0.7), ("code",),
        ("dense", 12, "AE_ACT_LINEAR"), ("activation", "AE_ACT_SIGMOID"), ("loss", "AE_LOSS_BCE"),
    ],
    "momentum": [
        ("input", 12), ("set_i64", "AE_PARAM_BATCH", 5), ("dense", 4, "AE_ACT_TANH"), ("code",),
        ("dense", 12, "AE_ACT_LINEAR"), ("loss", "AE_LOSS_MSE"), ("optimizer", "AE_OPTIM_SGD"),
        ("set_f64", "AE_PARAM_MOMENTUM", 0.9), ("set_i64", "AE_PARAM_NESTEROV", 1),
        ("set_f64", "AE_PARAM_CLIP_VALUE", 0.1),
    ],
    "robust": [
        ("input", 12), ("dense", 6, "AE_ACT_ELU"), ("code",), ("dense", 12, "AE_ACT_SOFTPLUS"),
        ("loss", "AE_LOSS_HUBER"), ("set_f64", "AE_PARAM_DELTA", 0.25), ("loss", "AE_LOSS_MAE"),
        ("optimizer", "AE_OPTIM_RMSPROP"), ("set_f64", "AE_PARAM_RHO", 0.8), ("set_f64", "AE_PARAM_MOMENTUM", 0.5),
        ("set_f64", "AE_PARAM_WEIGHT_DECAY_L1", 1e-3),
    ],
    "gated": [
        ("input", 12), ("dense", 6, "AE_ACT_GELU"), ("code",), ("activation", "AE_ACT_SILU"),
        ("dense", 8, "AE_ACT_SILU"), ("dense", 12, "AE_ACT_GELU"), ("loss", "AE_LOSS_MSE"),
    ],
    "likelihood": [
        ("input", 12), ("dense", 4, "AE_ACT_SOFTPLUS"), ("code",), ("dense", 12, "AE_ACT_SIGMOID"),
        ("loss", "AE_LOSS_BERNOULLI_NLL"), ("optimizer", "AE_OPTIM_RMSPROP"),
    ],
    "penalised": [
        ("input", 12), ("dense", 7, "AE_ACT_TANH"), ("penalty", "AE_PENALTY_L1", 0.01),
        ("dense", 4, "AE_ACT_RELU"), ("code",), ("penalty", "AE_PENALTY_L1", 0.25),
        ("dense", 12, "AE_ACT_SIGMOID"), ("loss", "AE_LOSS_BCE"),
    ],
    "corrupted": [
        ("input", 12), ("corrupt", "AE_NOISE_GAUSSIAN", 0.5), ("set_f64", "AE_PARAM_CLIP_LOW", 0.0),
        ("dense", 6, "AE_ACT_RELU"), ("corrupt", "AE_NOISE_DROPOUT", 0.25), ("code",),
        ("corrupt", "AE_NOISE_MASKING", 0.25), ("set_f64", "AE_PARAM_MASK_VALUE", 2.0),
        ("dense", 12, "AE_ACT_LINEAR"), ("corrupt", "AE_NOISE_SALT_PEPPER", 0.5), ("loss", "AE_LOSS_MSE"),
    ],
    "topk": [
        ("input", 12), ("topk", 9), ("set_i64", "AE_PARAM_DEAD_AFTER", 20), ("dense", 8, "AE_ACT_LINEAR"),
        ("topk", 3), ("set_f64", "AE_PARAM_REVIVAL", 0.5), ("code",), ("dense", 12, "AE_ACT_SIGMOID"),
        ("topk", 12), ("loss", "AE_LOSS_MSE"),
    ],
    "drawn": [
        ("input", 12), ("set_i64", "AE_PARAM_SEED", 2 ** 50 + 3), ("dense", 8, "AE_ACT_TANH"), ("dense", 6, "AE_ACT_LINEAR"),
        ("gaussian",), ("penalty", "AE_PENALTY_KL", 0.5), ("set_f64", "AE_PARAM_FREE_BITS", 0.125),
        ("set_f64", "AE_PARAM_WARMUP", 2.5), ("code",), ("dense", 12, "AE_ACT_SIGMOID"), ("loss", "AE_LOSS_BERNOULLI_NLL"),
    ],
    "drawn, told": [
        ("input", 12), ("concat_label", 5), ("dense", 10, "AE_ACT_TANH"), ("gaussian",), ("set_i64", "AE_PARAM_SAMPLES", 3),
        ("code",), ("penalty", "AE_PENALTY_KL", 1.0), ("concat_label", 5), ("dense", 12, "AE_ACT_LINEAR"),
        ("loss", "AE_LOSS_GAUSSIAN_NLL"), ("set_f64", "AE_PARAM_VARIANCE", 0.25),
        ("set_i64", "AE_PARAM_VARIANCE_KIND", "AE_VARIANCE_FEATURE"), ("set_f64", "AE_PARAM_LEARNING_RATE", 0.05),
    ],
    "importance": [
        ("input", 12), ("set_i64", "AE_PARAM_BOUND", "AE_BOUND_IMPORTANCE"), ("dense", 6, "AE_ACT_TANH"),
        ("gaussian",), ("set_i64", "AE_PARAM_SAMPLES", 4), ("penalty", "AE_PENALTY_KL", 1.0), ("code",), ("concat", 2),
        ("dense", 12, "AE_ACT_SIGMOID"), ("loss", "AE_LOSS_GAUSSIAN_NLL"),
        ("set_i64", "AE_PARAM_VARIANCE_KIND", "AE_VARIANCE_GLOBAL"), ("set_f64", "AE_PARAM_VARIANCE", 0.5),
    ],
    "means": [
        ("input", 12), ("dense", 8, "AE_ACT_SIGMOID"), ("penalty", "AE_PENALTY_KL_SPARSITY", 0.5),
        ("set_f64", "AE_PARAM_TARGET", 0.125), ("gaussian",), ("set_i64", "AE_PARAM_SAMPLES", 2), ("code",),
        ("dense", 7, "AE_ACT_SIGMOID"), ("penalty", "AE_PENALTY_KL_SPARSITY", 2.0), ("dense", 12, "AE_ACT_LINEAR"),
        ("loss", "AE_LOSS_MSE"),
    ],
    "variance": [
        ("input", 12), ("dense", 4, "AE_ACT_TANH"), ("code",), ("dense", 12, "AE_ACT_LINEAR"),
        ("loss", "AE_LOSS_GAUSSIAN_NLL"), ("set_f64", "AE_PARAM_VARIANCE", 0.125),
    ],
    "images": [
        ("input_image", 2, 3, 2), ("conv2d", 5, 3, 2, "AE_PADDING_SAME", "AE_ACT_RELU"),
        ("pool2d", "AE_POOL_MAX", 2, 2, "AE_PADDING_SAME"), ("batch_norm", "AE_ACT_LEAKY_RELU"), ("code",),
        ("upsample2d", 2, 2, "AE_INTERPOLATION_BILINEAR"),
        ("conv2d", 2, 1, 2, "AE_PADDING_VALID", "AE_ACT_SIGMOID"), ("loss", "AE_LOSS_BCE"),
    ],
    "images from vectors": [
        ("input", 12), ("reshape_image", 3, 2, 2), ("layer_norm", "AE_ACT_TANH"), ("corrupt", "AE_NOISE_DROPOUT", 0.25),
        ("conv2d", 3, 2, 2, "AE_PADDING_EXPLICIT", "AE_ACT_LINEAR"), ("set_i64", "AE_PARAM_PAD_TOP", 1),
        ("set_i64", "AE_PARAM_PAD_RIGHT", 2), ("set_i64", "AE_PARAM_STRIDE_W", 2), ("set_i64", "AE_PARAM_BIAS", 0),
        ("activation", "AE_ACT_ELU"), ("pool2d", "AE_POOL_AVERAGE", 3, 2, "AE_PADDING_SAME"),
        ("set_i64", "AE_PARAM_STRIDE_H", 1), ("flatten",), ("dense", 4, "AE_ACT_TANH"), ("code",),
        ("penalty", "AE_PENALTY_L1", 0.125), ("reshape_image", 1, 2, 2),
        ("conv2d_transpose", 2, 3, 2, 3, 1, "AE_PADDING_VALID", "AE_ACT_LINEAR"), ("batch_norm", "AE_ACT_LINEAR"),
        ("set_f64", "AE_PARAM_NORM_MOMENTUM", 0.5), ("pool2d", "AE_POOL_MAX", 1, 2, "AE_PADDING_EXPLICIT"),
        ("set_i64", "AE_PARAM_PAD_LEFT", 1), ("flatten",), ("dense", 12, "AE_ACT_LINEAR"), ("loss", "AE_LOSS_MSE"),
    ],
    "signals": [
        ("input_signal", 6, 2), ("conv1d", 4, 3, "AE_PADDING_SAME", "AE_ACT_SOFTPLUS"), ("set_i64", "AE_PARAM_STRIDE_W", 2),
        ("layer_norm", "AE_ACT_LINEAR"), ("set_f64", "AE_PARAM_NORM_EPSILON", 0.125), ("code",),
        ("conv1d_transpose", 3, 4, 2, "AE_PADDING_SAME", "AE_ACT_TANH"), ("upsample1d", 2, "AE_INTERPOLATION_NEAREST"),
        ("pool1d", "AE_POOL_AVERAGE", 2, "AE_PADDING_VALID"), ("reshape_signal", 9, 2),
        ("conv1d", 2, 4, "AE_PADDING_VALID", "AE_ACT_LINEAR"), ("loss", "AE_LOSS_MSE"),
    ],
    "standardised": [
        ("input", 12), ("set_i64", "AE_PARAM_SCALING_INPUT", "AE_SCALING_STANDARD"), ("dense", 4, "AE_ACT_TANH"), ("code",),
        ("dense", 12, "AE_ACT_LINEAR"), ("loss", "AE_LOSS_MSE"), ("loss", "AE_LOSS_GAUSSIAN_NLL"),
    ],
    "brought to [0, 1]": [
        ("input", 12), ("set_i64", "AE_PARAM_SCALING_INPUT", "AE_SCALING_MIN_MAX"),
        ("set_i64", "AE_PARAM_SCALING_TARGET", "AE_SCALING_MIN_MAX"), ("dense", 4, "AE_ACT_RELU"), ("code",),
        ("dense", 12, "AE_ACT_SIGMOID"), ("loss", "AE_LOSS_BCE"),
    ],
    "gaps": [
        ("input", 12), ("set_i64", "AE_PARAM_MISSING", 1), ("dense", 6, "AE_ACT_RELU"), ("code",),
        ("dense", 12, "AE_ACT_SIGMOID"), ("loss", "AE_LOSS_BCE"), ("loss", "AE_LOSS_HUBER"),
        ("set_i64", "AE_PARAM_FEATURE_WEIGHTS", 1), ("set_f64", "AE_PARAM_WEIGHT", 0.5),
    ],
    "gaps, drawn": [
        ("input", 12), ("set_i64", "AE_PARAM_MISSING", 1), ("dense", 6, "AE_ACT_TANH"), ("gaussian",),
        ("set_i64", "AE_PARAM_SAMPLES", 2), ("penalty", "AE_PENALTY_KL", 1.0), ("code",),
        ("dense", 7, "AE_ACT_SIGMOID"), ("penalty", "AE_PENALTY_KL_SPARSITY", 2.0), ("dense", 12, "AE_ACT_LINEAR"),
        ("loss", "AE_LOSS_GAUSSIAN_NLL"), ("set_i64", "AE_PARAM_VARIANCE_KIND", "AE_VARIANCE_FEATURE"),
        ("set_i64", "AE_PARAM_FEATURE_WEIGHTS", 1),
    ],
    "all encoder": [
        ("input", 12), ("dense", 12, "AE_ACT_SIGMOID"), ("code",), ("loss", "AE_LOSS_MSE"),
        ("optimizer", "AE_OPTIM_SGD"),
    ],
}


# --- files ----------------------------------------------------------------------------------------

OK, DAMAGED, NEWER, NONFINITE = "AE_OK", "AE_ERR_FORMAT", "AE_ERR_VERSION", "AE_ERR_NONFINITE"


def refusal(data):
    """What the reader answers, in the words of the library."""
    try:
        aem.Model(data)
    except aem.VersionError:
        return NEWER
    except aem.NonFiniteError:
        return NONFINITE
    except aem.FormatError:
        return DAMAGED
    return OK


def framed(tag, payload=b""):
    """A chunk."""
    chunk = tag + struct.pack("<Q", len(payload)) + payload
    return chunk + struct.pack("<I", zlib.crc32(chunk))


def taken_apart(data):
    """Header, and the (tag, payload) of each chunk, of a file in order."""
    at, parts = 20, []
    while at < len(data):
        tag, size = struct.unpack_from("<4sQ", data, at)
        parts.append((tag, data[at + 12:at + 12 + size]))
        at += 16 + size
    return data[:20], parts


def put_together(header, parts):
    return header + b"".join(framed(*part) for part in parts)


def replaced(data, tag, payload):
    """The file with another payload, under a right CRC."""
    header, parts = taken_apart(data)
    return put_together(header, [(name, payload if name == tag else old) for name, old in parts])


def edited(data, tag, at, content):
    """The file with some bytes of a payload replaced, under a right CRC."""
    payload = dict(taken_apart(data)[1])[tag]
    return replaced(data, tag, payload[:at] + content + payload[at + len(content):])


def u32(*values):
    return struct.pack(f"<{len(values)}I", *values)


def trnd(epochs=2, steps=4, rows=4, rows_done=0, loss_sum=0.0, series=((0, [2.0, 1.0]), (100, [2.0, 1.0]))):
    numbers = struct.pack("<QQQQdI", epochs, steps, rows, rows_done, loss_sum, len(series))
    return numbers + b"".join(struct.pack(f"<I{len(values)}d", metric, *values) for metric, values in series)


FAULTS = {  # of tiny-1.0.aem, one each: chunk, offset in the payload, new bytes; section 9 of the page
    "rank 0": (b"MODL", 0, u32(0), DAMAGED),
    "rank 2": (b"MODL", 0, u32(2), NEWER),
    "dimension 0": (b"MODL", 4, u32(0), DAMAGED),
    "dimension above its bound": (b"MODL", 4, u32(2 ** 24 + 1), NEWER),
    "no encoder": (b"MODL", 12, u32(0), DAMAGED),
    "encoder beyond the layers": (b"MODL", 12, u32(3), DAMAGED),
    "more parameters than bytes": (b"MODL", 16, u32(1000), DAMAGED),
    "parameter unknown": (b"MODL", 20, u32(99), NEWER),
    "parameter of another kind": (b"MODL", 20, u32(300), NEWER),
    "parameter twice": (b"MODL", 36, u32(1), DAMAGED),
    "parameter of the other type": (b"MODL", 24, u32(4), DAMAGED),
    "parameter of no type": (b"MODL", 24, u32(0), DAMAGED),
    "integer below its bound": (b"MODL", 44, struct.pack("<q", 0), DAMAGED),
    "integer above its bound": (b"MODL", 44, struct.pack("<q", 2 ** 24 + 1), NEWER),
    "real below its bound": (b"MODL", 76, struct.pack("<d", -1.0), DAMAGED),
    "real above its bound": (b"MODL", 76, struct.pack("<d", aem.LARGEST * 2), DAMAGED),
    "real that is NaN": (b"MODL", 76, struct.pack("<d", math.nan), DAMAGED),
    "no layers": (b"LAYR", 0, u32(0), DAMAGED),
    "more layers than bytes": (b"LAYR", 0, u32(1000), DAMAGED),
    "more than 1024 layers": (b"LAYR", 0, u32(1025, *[2, 0] * 1025), NEWER),
    "layer of unknown kind": (b"LAYR", 4, u32(99), NEWER),
    "activation unknown": (b"LAYR", 36, u32(99), NEWER),
    "tied to itself": (b"LAYR", 204, u32(1), DAMAGED),
    "tied to a kernel of another shape": (b"LAYR", 124, u32(3), DAMAGED),
    "loss of unknown kind": (b"TERM", 4, u32(99), NEWER),
    "cross-entropy of what is not a probability": (b"TERM", 4, u32(2), DAMAGED),
    "more than 64 losses": (b"TERM", 0, u32(65, *[1, 0] * 65), NEWER),
    "optimiser of unknown kind": (b"OPTM", 0, u32(5), NEWER),
    "array too many": (b"WGHT", 0, u32(4), DAMAGED),
    "array of unknown type": (b"WGHT", 12, u32(2), NEWER),
    "array of another slot": (b"WGHT", 8, u32(1), DAMAGED),
    "array of another shape": (b"WGHT", 16, struct.pack("<QQ", 1, 2), DAMAGED),
    "array of uncountable elements": (b"WGHT", 16, struct.pack("<QQ", 2 ** 63, 2 ** 63), DAMAGED),
    "weight that is infinite": (b"WGHT", 32, struct.pack("<f", math.inf), NONFINITE),
    "weight that is NaN": (b"WGHT", 32, struct.pack("<f", math.nan), NONFINITE),
}
TRAININGS = {  # payloads of trnd
    "none": (trnd(), OK),
    "half an epoch": (trnd(rows_done=4, loss_sum=1.0), OK),
    "no whole epoch": (trnd(epochs=0, series=()), OK),
    "unknown series": (trnd(series=((7, [1.0, 1.0]), (1000, [1.0, 1.0]))), OK),
    "values that are not finite": (trnd(series=((0, [math.inf, math.nan]), (1, [math.nan, 0.0]))), OK),
    "no step": (trnd(epochs=0, steps=0, series=()), DAMAGED),
    "more epochs than steps": (trnd(steps=1), DAMAGED),
    "more steps than a double counts": (trnd(steps=2 ** 53 + 1), DAMAGED),
    "more rows than a double counts": (trnd(rows=2 ** 53 + 1), DAMAGED),
    "more rows done than there are": (trnd(rows_done=5), DAMAGED),
    "sum that is not finite": (trnd(rows_done=4, loss_sum=math.nan), DAMAGED),
    "no series": (trnd(series=()), DAMAGED),
    "fewer series than losses": (trnd(series=((0, [2.0, 1.0]),)), DAMAGED),
    "series twice": (trnd(series=((0, [2.0, 1.0]), (0, [2.0, 1.0]))), DAMAGED),
    "series out of order": (trnd(series=((2, [2.0, 1.0]), (0, [2.0, 1.0]))), DAMAGED),
    "series too short": (trnd(series=((0, [2.0]), (1, [2.0]))), DAMAGED),
    "series too long": (trnd(series=((0, [2.0, 1.0, 0.5]), (1, [2.0, 1.0, 0.5]))), DAMAGED),
}


def part(*sums):
    return struct.pack(f"<I{len(sums)}d", len(sums), *sums)


PARTS = {  # payloads of part in drawn-1.0.aem: weights, two losses, and two sums of the first
    "none": (part(2.0, 1.0, -2.0, 3.0, 4.0), OK),
    "rows that weigh nothing": (part(0.0, 1.0, -2.0, 3.0, 4.0), OK),
    "rows that weigh less": (part(-1.0, 1.0, -2.0, 3.0, 4.0), DAMAGED),
    "no sums": (part(), DAMAGED),
    "a sum too few": (part(2.0, 1.0, 2.0, 3.0), DAMAGED),
    "a sum too many": (part(2.0, 1.0, 2.0, 3.0, 4.0, 5.0), DAMAGED),
    "more sums than bytes": (u32(6) + part(2.0, 1.0, 2.0, 3.0, 4.0)[4:], DAMAGED),
    "sum that is not finite": (part(2.0, 1.0, math.inf, 3.0, 4.0), DAMAGED),
    "sum that is NaN": (part(2.0, 1.0, 2.0, 3.0, math.nan), DAMAGED),
}


def scal(own, *numbers):
    return struct.pack(f"<I{len(numbers)}d", own, *numbers)


SCALED = [(1, {100: 2}), (1, {100: 2, 101: 4})], [(2, {})]  # layers and losses on two numbers
SCALINGS = {  # parameters 41 and 42, payload of SCAL
    "of the input": (1, 0, scal(0, 1.0, -2.0, 0.5, 3.0), OK),
    "of both": (2, 1, scal(1, 0.0, 0.0, 1.0, 1.0, 1e300, -1e300, 1.0, 1e300), OK),
    "of the target alone": (0, 1, scal(1, 1.0, 2.0, 3.0, 4.0), OK),
    "of a target that has none": (0, 1, scal(0), OK),
    "of the input, the target stays": (2, 0, scal(1, 1.0, 2.0, 3.0, 4.0), OK),
    "of nothing": (0, 0, scal(0), DAMAGED),
    "shared, where it may not be": (2, 1, scal(0, 1.0, 2.0, 3.0, 4.0), DAMAGED),
    "of neither kind": (1, 1, scal(2, 1.0, 2.0, 3.0, 4.0), DAMAGED),
    "an offset that is NaN": (1, 0, scal(0, math.nan, 0.0, 1.0, 1.0), DAMAGED),
    "a scale that is infinite": (1, 0, scal(0, 0.0, 0.0, 1.0, math.inf), DAMAGED),
    "a scale of 0": (1, 0, scal(0, 0.0, 0.0, 0.0, 1.0), DAMAGED),
    "a scale below 0": (1, 0, scal(0, 0.0, 0.0, 1.0, -1.0), DAMAGED),
    "a least scale": (1, 0, scal(0, 0.0, 0.0, 2.0 ** -1022, 1.0), OK),
    "a scale below that": (1, 0, scal(0, 0.0, 0.0, 2.0 ** -1023, 1.0), DAMAGED),
    "a ratio that overflows": (1, 0, scal(0, 0.0, 1e300, 1.0, 1e-10), DAMAGED),
    "numbers too few": (1, 0, scal(0, 0.0, 0.0, 1.0), DAMAGED),
    "numbers too many": (1, 0, scal(0, 0.0, 0.0, 1.0, 1.0, 1.0), DAMAGED),
}


def listed(values):
    """A list of parameters, {id: value}."""
    rows = [struct.pack("<IIq" if isinstance(value, int) else "<IId", id, 3 if isinstance(value, int) else 4, value)
            for id, value in values.items()]
    return u32(len(rows)) + b"".join(rows)


def described(layers, terms, dim=3, model=()):
    """A file of layers and losses, each a kind and {id: value}, with the arrays of its dense layers, all 0. The
    code is the output of the first layer."""
    arrays, width = [], dim
    for number, (kind, values) in enumerate(layers):
        if kind == 1:
            units = values[100]
            arrays += [(number, 0, width, units), (number, 1, 1, units)]
        width = units if kind == 1 else width // 2 if kind == 4 else width + values.get(122, 1) if kind == 6 else width
    weights = [struct.pack("<IIIQQ", layer, slot, 1, rows, cols) + bytes(4 * rows * cols)
               for layer, slot, rows, cols in arrays]
    return put_together(TINY[:20], [
        (b"MODL", struct.pack("<IQI", 1, dim, 1) + listed(dict(model))),
        (b"LAYR", u32(len(layers)) + b"".join(u32(kind) + listed(values) for kind, values in layers)),
        (b"TERM", u32(len(terms)) + b"".join(u32(kind) + listed(values) for kind, values in terms)),
        (b"OPTM", u32(2, 0)), (b"WGHT", u32(len(arrays)) + b"".join(weights)), (b"DONE", b"")])


SIGNAL, FLAT = (16, {145: 3}), (15, {})
CODER, DECODER, DRAW, TELL = (1, {100: 4}), (1, {100: 3, 101: 4}), (4, {}), (6, {122: 2})
KL, BERNOULLI, IMPORTANCE = (101, {201: 1}), (5, {}), {6: 1}
TOLD = [TELL, CODER, DRAW, TELL, DECODER]
DESCRIPTIONS = {  # layers, losses, parameters of the model; sections 5 and 8 of the page
    "drawn": ([CODER, DRAW, DECODER], [KL, BERNOULLI], {}, OK),
    "drawn, by importance": ([CODER, DRAW, DECODER], [KL, BERNOULLI], IMPORTANCE, OK),
    "drawn, by importance of a normal variable": ([CODER, DRAW, DECODER], [KL, (6, {})], IMPORTANCE, OK),
    "told": (TOLD, [], {}, OK),
    "an odd input": ([(1, {100: 5}), DRAW, DECODER], [], {}, DAMAGED),
    "two gaussian layers": ([CODER, DRAW, CODER, DRAW, DECODER], [], {}, DAMAGED),
    "65536 samples": ([CODER, (4, {121: 65536}), DECODER], [], {}, OK),
    "more than 65536 samples": ([CODER, (4, {121: 65537}), DECODER], [], {}, NEWER),
    "no samples": ([CODER, (4, {121: 0}), DECODER], [], {}, DAMAGED),
    "sides of two widths": (TOLD[:3] + [(6, {122: 3}), DECODER], [], {}, DAMAGED),
    "sides of two forms": (TOLD[:3] + [(6, {122: 2, 123: 1}), DECODER], [], {}, DAMAGED),
    "labels": ([(6, {122: 2, 123: 1}), DECODER], [], {}, OK),
    "side after the last weights": ([DECODER, TELL, (2, {})], [], {}, DAMAGED),
    "an output above 2^24": ([(6, {122: 2 ** 24}), DECODER], [], {}, DAMAGED),
    "kl of a dense layer": ([CODER, DRAW, DECODER], [(101, {201: 0})], {}, DAMAGED),
    "kl of the last layer": ([CODER, DRAW, DECODER], [(101, {})], {}, DAMAGED),
    "sparsity": ([CODER, DRAW, DECODER], [(102, {})], {}, OK),
    "sparsity of what is not a sigmoid": ([CODER, DRAW, DECODER], [(102, {201: 0})], {}, DAMAGED),
    "target 0": ([DECODER], [(102, {205: 0.0})], {}, DAMAGED),
    "free bits below 0": ([CODER, DRAW, DECODER], [(101, {201: 1, 203: -0.5})], {}, DAMAGED),
    "variance 0": ([DECODER], [(6, {206: 0.0})], {}, DAMAGED),
    "a variance without its array": ([DECODER], [(6, {207: 1})], {}, DAMAGED),
    "kind of variance unknown": ([DECODER], [(6, {207: 3})], {}, NEWER),
    "features without their array": ([DECODER], [(1, {208: 1})], {}, DAMAGED),
    "features of a penalty": ([DECODER], [(102, {208: 1})], {}, NEWER),
    "missing unknown": ([DECODER], [], {40: 2}, NEWER),
    "as many sums as weights": ([DECODER, (2, {101: 4})], [(102, {})] * 4, {}, OK),
    "more sums than weights": ([DECODER, (2, {101: 4})], [(102, {201: 0}), (102, {})] * 2 + [(102, {})], {}, DAMAGED),
    "importance of nothing": ([CODER, DRAW, DECODER], [], IMPORTANCE, DAMAGED),
    "importance without a gaussian layer": ([DECODER], [BERNOULLI], IMPORTANCE, DAMAGED),
    "importance without kl": ([CODER, DRAW, DECODER], [BERNOULLI], IMPORTANCE, DAMAGED),
    "importance without a likelihood": ([CODER, DRAW, DECODER], [KL], IMPORTANCE, DAMAGED),
    "importance of two likelihoods": ([CODER, DRAW, DECODER], [KL, BERNOULLI, (6, {})], IMPORTANCE, DAMAGED),
    "importance of two divergences": ([CODER, DRAW, DECODER], [KL, KL, BERNOULLI], IMPORTANCE, DAMAGED),
    "importance of a mean": ([CODER, DRAW, DECODER], [KL, (1, {})], IMPORTANCE, DAMAGED),
    "importance with a penalty": ([CODER, DRAW, DECODER], [KL, BERNOULLI, (100, {})], IMPORTANCE, DAMAGED),
    "a signal": ([SIGNAL, FLAT, CODER, DECODER], [], {}, OK),
    "a shape of other numbers": ([(16, {145: 2}), FLAT, CODER], [], {}, DAMAGED),
    "a dense layer on a signal": ([SIGNAL, CODER], [], {}, DAMAGED),
    "a pooled vector": ([(11, {}), CODER], [], {}, DAMAGED),
    "a pooled signal of rank 3": ([SIGNAL, (12, {}), FLAT, CODER], [], {}, DAMAGED),
    "a kernel above the signal": ([SIGNAL, (11, {132: 4}), FLAT, CODER], [], {}, DAMAGED),
    "a window beside the signal": ([SIGNAL, (11, {132: 2, 135: 2, 138: 2}), FLAT, CODER], [], {}, DAMAGED),
    "a last window beside the signal": ([SIGNAL, (11, {135: 2, 139: 1}), FLAT, CODER], [], {}, DAMAGED),
    "nothing left of the signal": ([SIGNAL, (9, {135: 2, 138: 2, 139: 1}), FLAT, CODER], [], {}, DAMAGED),
    "a signal above 2^24": ([SIGNAL, (13, {142: 4096}), (13, {142: 4096}), FLAT, CODER], [], {}, DAMAGED),
    "a stride of 0": ([SIGNAL, (11, {134: 0}), FLAT, CODER], [], {}, DAMAGED),
    "a stride of the other axis": ([SIGNAL, (11, {133: 1}), FLAT, CODER], [], {}, NEWER),
    "padding unknown": ([SIGNAL, (11, {135: 3}), FLAT, CODER], [], {}, NEWER),
    "interpolation unknown": ([SIGNAL, (13, {143: 2}), FLAT, CODER], [], {}, NEWER),
    "epsilon 0": ([(18, {151: 0.0}), CODER], [], {}, DAMAGED),
    "cross-entropy of a shape": ([DECODER, (15, {})], [(2, {})], {}, DAMAGED),
    "scaled, not yet fitted": ([CODER, DECODER], [BERNOULLI], {41: 2, 42: 1}, OK),
    "a standardised target of a cross-entropy": ([CODER, DECODER], [BERNOULLI], {42: 2}, DAMAGED),
    "scaling unknown": ([CODER, DECODER], [], {41: 3}, NEWER),
    "bound unknown": ([CODER, DRAW, DECODER], [KL, BERNOULLI], {6: 2}, NEWER),
}


class Case(unittest.TestCase):
    def read(self, data):
        model = libae.Model.read(data)
        self.addCleanup(model.free)
        return model

    def built(self, calls):
        model, said = libae.Model.built(calls)
        self.addCleanup(model.free)
        return model, said

    def assert_close(self, ours, theirs):
        """Within TOLERANCE of the value, or of 1 where a sum has cancelled below it."""
        self.assertEqual(len(ours), len(theirs))
        for a, b in zip(itertools.chain.from_iterable(ours), itertools.chain.from_iterable(theirs)):
            self.assertLessEqual(abs(a - b), TOLERANCE * max(1, abs(a)), f"{a} here, {b} in libae")

    def assert_same_numbers(self, ours, theirs):
        self.assertEqual([struct.pack("<d", a) for a in ours], [struct.pack("<d", b) for b in theirs])

    def assert_refused(self, data):
        with self.assertRaises(aem.FormatError):
            aem.Model(data)

    def assert_alike(self, data):
        """The reader and the library both take these bytes, or both refuse them."""
        ours, theirs = refusal(data), libae.status_of(data)
        self.assertEqual(ours == OK, theirs == 0, f"{ours} here, {theirs} from libae")

    def assert_answer(self, data, wanted):
        self.assertEqual(refusal(data), wanted)
        self.assertEqual(libae.status_of(data), libae.constant(wanted), libae.call("last_error"))


Trained = namedtuple("Trained", "name native said read calls")  # one model, in libae and here


class ReadsWhatTheLibraryWrites(Case):
    @classmethod
    def setUpClass(cls):
        cls.trained = []
        for name, calls in MODELS.items():
            native, said = libae.Model.built(calls)
            cls.addClassCleanup(native.free)
            native.fit(drawn(12), 3, drawn(12, rows=6, seed=2), sides=told(calls), validation_sides=told(calls, 6))
            cls.trained.append(Trained(name, native, said, aem.Model(native.save()), calls))

    def test_weights_are_the_same_bits(self):
        for name, model, _, read, calls in self.trained:
            with self.subTest(name):
                self.assertEqual(read.weights, model.weights())

    def test_parameters_are_the_same(self):
        for name, model, said, read, _ in self.trained:
            with self.subTest(name):
                self.assertEqual(read.parameters, model.values("MODEL"))
                self.assertEqual(read.optimiser.parameters, model.values("OPTIM"))
                self.assertEqual([layer.parameters for layer in read.layers], said["LAYER"])
                self.assertEqual([term.parameters for term in read.terms], said["TERM"])

    def test_rows_are_encoded_decoded_and_reconstructed_alike(self):
        rows = [[4 * x - 2 for x in row] for row in drawn(12, seed=3)]
        for name, model, _, read, calls in self.trained:
            with self.subTest(name):
                sides = told(calls) or [None] * ROWS
                codes = model.encode(rows, told(calls))
                self.assert_close(list(map(read.encode, rows, sides)), codes)
                self.assert_close(list(map(read.reconstruct, rows, sides)), model.reconstruct(rows, told(calls)))
                if read.code_layers < len(read.layers):
                    self.assert_close(list(map(read.decode, codes, sides)), model.decode(codes, told(calls)))

    def test_far_rows_saturate_alike(self):
        rows = [[1000 * x - 500 for x in row] for row in drawn(12, seed=4)]
        model, _ = self.built(SEED_LIKE)
        read = aem.Model(model.save())
        self.assert_close([read.reconstruct(row) for row in rows], model.reconstruct(rows))

    def test_nan_passes_through_every_activation(self):
        for name in "LINEAR", "RELU", "LEAKY_RELU", "TANH", "SIGMOID", "ELU", "SOFTPLUS", "GELU", "SILU":
            with self.subTest(name):
                model, _ = self.built([("input", 2), ("dense", 2, "AE_ACT_" + name), ("code",)])
                read = aem.Model(model.save())
                for values in read.encode([math.nan, 1]), model.encode([[math.nan, 1]])[0]:
                    self.assertTrue(all(map(math.isnan, values)), values)

    def test_nan_fills_its_row_of_topk(self):
        model, _ = self.built([("input", 3), ("topk", 1), ("code",), ("dense", 1, "AE_ACT_LINEAR")])
        read = aem.Model(model.save())
        for values in read.encode([math.nan, 1, 2]), model.encode([[math.nan, 1, 2]])[0]:
            self.assertTrue(all(map(math.isnan, values)), values)

    def test_the_first_of_equal_numbers_is_kept(self):
        model, _ = self.built([("input", 5), ("topk", 2), ("code",), ("dense", 1, "AE_ACT_LINEAR")])
        read = aem.Model(model.save())
        for row in [1, 2, 1, 2, 2], [0, 0, 0, -1, 0], [-1, -2, -3, -4, -1]:
            self.assertEqual(read.encode(row), model.encode([row])[0])

    def test_losses_of_the_page_give_the_scores(self):
        rows = drawn(12, seed=5)
        for name, model, _, read, calls in self.trained:
            with self.subTest(name):
                ours = map(read.losses, rows, told(calls) or [None] * ROWS, range(ROWS))
                self.assert_close([[loss for loss, _ in ours]], [model.score(rows, told(calls))])

    def test_losses_of_the_page_and_their_parts_are_evaluates(self):
        rows = drawn(12, seed=6)
        for name, model, _, read, calls in self.trained:
            with self.subTest(name):
                (loss, parts), (wanted, wanted_parts) = (one.evaluate(rows, told(calls)) for one in (read, model))
                self.assert_close([[loss, *parts]], [[wanted, *wanted_parts]])

    def test_codes_are_drawn_as_the_page_says(self):
        rows, seed = drawn(12, seed=7), 2 ** 33 + 1
        for name, model, _, read, calls in self.trained:
            if read.layers[read.code_layers - 1].kind != "gaussian":
                continue
            with self.subTest(name):
                sides, dim = told(calls), read.layers[read.code_layers - 1].outputs
                ours = [[m + math.exp(aem.log_variance(a) / 2) * z for m, a, z in zip(x, x[dim:], aem.normals(
                            dim, seed, aem.POSTERIOR, layer=read.code_layers - 1, sample=sample, row=number))]
                        for number, row in enumerate(rows)
                        for x in [read.features(read.code_layers - 2, row, sides and sides[number])]
                        for sample in range(2)]
                self.assert_close(ours, model.posterior_samples(rows, 2, seed, sides))
                if sides:
                    priors = [aem.normals(dim, seed, aem.PRIOR, row=number) for number in range(ROWS)]
                    self.assert_close(list(map(read.decode, priors, sides)), model.sample(rows, seed, sides))

    def test_likelihood_is_the_importance_bound_of_its_seed(self):
        calls = MODELS["importance"] + [("set_i64", "AE_PARAM_SEED", 77)]
        model, _ = self.built(calls)
        read, rows, sides = aem.Model(model.save()), drawn(12), told(calls)
        ours = [-read.losses(row, side, number)[0] for number, (row, side) in enumerate(zip(rows, sides))]
        self.assert_close([ours], [model.log_likelihood(rows, 4, 77, sides)])

    def test_history_is_the_same(self):
        for name, model, _, read, calls in self.trained:
            with self.subTest(name):
                self.assertEqual(len(read.metrics), 6 + 2 * len(read.terms))
                for metric, name in read.metrics.items():
                    self.assertEqual(len(read.history[name]), 3)
                    self.assert_same_numbers(read.history[name], model.history(metric))
                self.assertEqual(read.training.epochs, model.epochs())
                self.assertEqual(read.training.steps, model.steps())
                self.assertEqual((read.training.rows, read.training.rows_done), (ROWS, 0))

    def test_validation_that_was_not_taken_is_nan(self):
        model, _ = self.built(SEED_LIKE)
        model.fit(drawn(12), epochs=2)
        self.assertTrue(all(map(math.isnan, aem.Model(model.save()).history["val_loss"])))

    def test_an_epoch_stopped_half_way_tells_its_rows(self):
        model, _ = self.built(SEED_LIKE)
        model.fit(drawn(12), epochs=2, stop_after=6)  # batches of 8, 8 and 6 rows, the epoch, 8 and 8
        training = aem.Model(model.save()).training
        self.assertEqual(training[:4], (1, 5, ROWS, 16))
        self.assertGreater(training.loss_sum, 0)

    def test_sums_of_an_open_epoch_are_those_of_its_rows(self):
        calls = [("set_f64", "AE_PARAM_LEARNING_RATE", 0.0), ("set_i64", "AE_PARAM_BATCH", 8), *MODELS["drawn"]]
        model, _ = self.built([calls[2], *calls[:2], *calls[3:], ("set_i64", "AE_PARAM_SHUFFLE", 0)])
        rows = drawn(12)
        model.fit(rows, epochs=1, stop_after=1)
        read = aem.Model(model.save())
        means = [read.features(1, row)[:3] for row in rows[:8]]
        kept = [sum(m) for m in zip(*means)] + [sum(v * v for v in m) for m in zip(*means)]
        divergence = sum(max(0.125, (m ** 2 + math.exp(v) - 1 - v) / 2)
                         for x in (read.features(1, row) for row in rows[:8])
                         for m, v in zip(x, map(aem.log_variance, x[3:])))
        self.assert_close([read.sums.kept[0], read.sums.kept[1]], [kept, []])
        self.assert_close([[read.sums.losses[0], read.training.loss_sum]],  # warmed up by nothing yet
                          [[divergence, read.sums.losses[1]]])

    def test_an_open_epoch_knows_its_data_by_the_fingerprint_of_the_page(self):
        for count in 22, 300:
            rows, sample = drawn(12, rows=count), min(count, 256)
            model, _ = self.built(SEED_LIKE)
            model.fit(rows, epochs=1, stop_after=1)
            crc = zlib.crc32(struct.pack("<QQ", count, 12))
            for i in range(sample):
                crc = zlib.crc32(struct.pack("<12f", *rows[i * (count - 1) // (sample - 1)]), crc)
            self.assertEqual(aem.Model(model.save()).data, zlib.crc32(struct.pack("<QQ", 0, 0), crc))
            model.fit(rows, epochs=1)
            self.assertIsNone(aem.Model(model.save()).data)

    def test_gaps_and_weights_are_evaluated_by_the_page(self):
        for name in "gaps", "gaps, drawn":
            model, _ = self.built(MODELS[name])
            terms = aem.Model(model.save()).terms
            loss = len(aem.Model(model.save()).layers) + len(terms) - 1  # the one whose features weigh
            model.set_weights(loss, "feature_weight", [[j % 4 / 2 for j in range(12)]])
            rows, weights = drawn(12, seed=8), [number % 3 / 2 for number in range(ROWS)]
            rows = [[math.nan if (i + j * j) % 5 == 0 else x for j, x in enumerate(row)] for i, row in enumerate(rows)]
            rows[3] = [math.nan] * 12
            model.fit(rows, epochs=3, weights=weights)
            read = aem.Model(model.save())
            ours = map(read.losses, rows, [None] * ROWS, range(ROWS))
            self.assert_close([[loss for loss, _ in ours]], [model.score(rows)])
            self.assert_close(list(map(read.reconstruct, rows)), model.reconstruct(rows))
            (loss, parts), (wanted, wanted_parts) = (one.evaluate(rows, weights=weights) for one in (read, model))
            self.assert_close([[loss, *parts]], [[wanted, *wanted_parts]])

    def test_sums_and_fingerprint_of_rows_that_weigh(self):
        model, _ = self.built([*SEED_LIKE, ("set_i64", "AE_PARAM_ACCUMULATE", 3), ("set_i64", "AE_PARAM_SHUFFLE", 0)])
        rows, weights = drawn(12), [number % 5 / 4 for number in range(ROWS)]
        model.fit(rows, epochs=1, stop_after=2, weights=weights)  # without a step
        read = aem.Model(model.save())
        of_rows = [read.losses(row)[0] for row in rows[:16]]
        self.assertEqual((read.sums.weight, read.pending.weight), (sum(weights[:16]), sum(weights[:16])))
        self.assert_close([[read.training.loss_sum]], [[sum(w * loss for w, loss in zip(weights, of_rows))]])
        crc = zlib.crc32(struct.pack("<QQ", ROWS, 12) + b"".join(struct.pack("<12f", *row) for row in rows))
        crc = zlib.crc32(struct.pack(f"<QQQ{ROWS}f", 0, 0, 1, *weights), crc)
        self.assertEqual(read.data, crc)

    def test_weights_of_features_that_are_none_are_refused(self):
        model, _ = self.built([("input", 2), ("dense", 2, "AE_ACT_LINEAR"), ("code",), ("loss", "AE_LOSS_MSE"),
                               ("set_i64", "AE_PARAM_FEATURE_WEIGHTS", 1)])
        data = model.save()
        at = len(dict(taken_apart(data)[1])[b"WGHT"]) - 8
        for values, wanted in ((0, 1), OK), ((0, 0), DAMAGED), ((2, -0.5), DAMAGED), ((1, math.nan), NONFINITE):
            self.assert_answer(edited(data, b"WGHT", at, struct.pack("<2f", *values)), wanted)

    def test_what_schedules_and_groups_leave_is_read(self):
        model, _ = self.built([*SEED_LIKE, ("set_i64", "AE_PARAM_SCHEDULE", "AE_SCHEDULE_PLATEAU"),
                               ("set_i64", "AE_PARAM_ACCUMULATE", 2)])
        model.fit(drawn(12), epochs=2, stop_after=5)  # batches of 8, 8 and 6 rows, the epoch, and 8
        read = aem.Model(model.save())
        self.assertEqual((read.plateau.waited, read.plateau.factor), (0, 1))
        self.assert_same_numbers([read.plateau.lowest], model.history(0))
        self.assertEqual((read.training.steps, read.pending.rows, read.pending.weight), (2, 8, 8))
        self.assertEqual((read.parameters["schedule"], read.parameters["accumulate"]), (4, 2))

    def test_a_model_that_was_not_trained_has_neither_history_nor_states(self):
        model, _ = self.built(SEED_LIKE)
        read = aem.Model(model.save())
        self.assertEqual((read.training, read.history, read.sums, read.states), (None, {}, None, []))

    def test_adam_has_two_states_momentum_one_and_plain_descent_none(self):
        counts = {one.name: len(one.read.states) for one in self.trained}
        wanted = {"seed-like": 2, "deep": 2, "momentum": 1, "all encoder": 0}
        self.assertEqual({name: counts[name] for name in wanted}, wanted)

    def test_rows_of_another_length_are_refused(self):
        with self.assertRaises(ValueError):
            aem.Model(TINY).encode([1, 2, 3])


class ReadsThePage(Case):
    def test_the_golden_files_compute_as_the_library_does(self):
        for name, data in GOLDEN.items():
            with self.subTest(name):
                read, model = aem.Model(data), self.read(data)
                rows = drawn(read.input_dim)
                sides = [number % 3 for number in range(ROWS)] if data is DRAWN else None
                self.assertEqual(read.weights, model.weights())
                self.assert_close([read.reconstruct(*row) for row in zip(rows, sides or [None] * ROWS)],
                                  model.reconstruct(rows, sides))
                for metric, name in aem.METRICS.items():
                    self.assert_same_numbers(read.history.get(name, []), model.history(metric))

    def test_the_example_is_the_golden_file(self):
        page = (TESTS.parent / "docs" / "format.md").read_text()
        lines = re.findall(r"^[0-9a-f]{3}  ((?:[0-9a-f]{2} )+)", page, re.M)
        self.assertEqual(bytes.fromhex("".join(lines)), TINY)

    def test_the_example_computes_what_the_page_says(self):
        model = aem.Model(TINY)
        self.assertEqual(model.encode([4, 1]), [1])
        self.assertEqual(model.decode([1]), [0.75, -2.75])
        self.assertEqual(model.reconstruct([4, 1]), [0.75, -2.75])

    def test_the_drawn_file_tells_what_was_summed(self):
        read = aem.Model(DRAWN)
        self.assertEqual(read.training[:4], (1, 3, 4, 2))
        self.assertEqual(read.sums.weight, 2)
        kl = 0.5 + 0.125  # of a row with m = 1, and the nats that are free of one with m = 0
        nll = 2 * math.log(2 * math.pi)  # both are what the output is
        self.assertEqual(read.sums.losses[0], kl)
        self.assertEqual(read.sums.kept, [[1.0, 1.0], []])
        self.assertAlmostEqual(read.sums.losses[1], nll, places=12)
        self.assertAlmostEqual(read.training.loss_sum, nll + 0.5 * kl * 1 / 4, places=12)  # after 1 epoch of 4

    def test_the_parameters_are_those_of_the_library(self):
        ids = set()
        for param in libae.params():
            ours = aem.PARAMETERS[param.id]
            theirs = (param.name.decode(), param.default_value, param.minimum, param.maximum)
            self.assertEqual((ours.name, ours.default, ours.low, ours.high), theirs)
            self.assertEqual(ours.type == aem.F64, param.type == libae.constant("AE_TYPE_F64"))
            ids.add(param.id)
        self.assertEqual(ids, set(aem.PARAMETERS))

    def test_parameters_that_are_missing_have_their_defaults(self):
        array = struct.Struct("<IIIQQf")
        weights = u32(2) + array.pack(0, 0, 1, 1, 1, 2.0) + array.pack(0, 1, 1, 1, 1, 0.5)
        for optimiser in 1, 2, 3:
            data = put_together(TINY[:20], [
                (b"MODL", struct.pack("<IQII", 1, 1, 1, 0)), (b"LAYR", u32(1, 1, 0)), (b"TERM", u32(1, 1, 0)),
                (b"OPTM", u32(optimiser, 0)), (b"WGHT", weights), (b"DONE", b"")])
            with self.subTest(optimiser=optimiser):
                read, model = aem.Model(data), self.read(data)
                self.assertEqual(read.parameters, model.values("MODEL"))
                self.assertEqual(read.optimiser.parameters, model.values("OPTIM"))
                self.assertEqual(read.encode([3]), [6.5])


class RefusesWhatTheLibraryRefuses(Case):
    def test_every_truncation(self):
        for data in GOLDEN.values():
            for size in range(len(data)):
                self.assert_refused(data[:size])

    def test_every_bit_flipped(self):
        for at, bit in itertools.product(range(len(TINY)), range(8)):
            self.assert_refused(TINY[:at] + bytes([TINY[at] ^ 1 << bit]) + TINY[at + 1:])

    def test_a_byte_after_the_end(self):
        self.assert_refused(TINY + b"\0")

    def test_every_payload_cut_short_or_longer_under_a_right_crc(self):
        for data in GOLDEN.values():
            for tag, payload in taken_apart(data)[1]:
                for size in range(len(payload)):
                    self.assert_refused(replaced(data, tag, payload[:size]))
                self.assert_refused(replaced(data, tag, payload + b"\0"))

    def test_every_byte_changed_under_a_right_crc(self):
        # Some of these are files, with another weight, rate or seed; most are not.
        for data in GOLDEN.values():
            for tag, payload in taken_apart(data)[1]:
                for at, change in itertools.product(range(len(payload)), (0x01, 0x80, 0xFF)):
                    with self.subTest(bytes=len(data), tag=tag, at=at, change=change):
                        self.assert_alike(edited(data, tag, at, bytes([payload[at] ^ change])))

    def test_every_order_of_chunks_but_one(self):
        header, parts = taken_apart(TRAINED)
        for one, two in itertools.combinations(range(len(parts)), 2):
            swapped = list(parts)
            swapped[one], swapped[two] = parts[two], parts[one]
            self.assert_answer(put_together(header, swapped), DAMAGED)

    def test_a_chunk_missing_or_twice(self):
        header, parts = taken_apart(TRAINED)
        for number in range(len(parts)):
            self.assert_answer(put_together(header, parts[:number] + parts[number + 1:]), DAMAGED)
            self.assert_answer(put_together(header, parts[:number + 1] + parts[number:]), DAMAGED)

    def test_an_unknown_chunk_unless_its_first_letter_is_small(self):
        header, parts = taken_apart(TINY)
        answers = {b"note": OK, b"nOTE": OK, b"Note": NEWER, b"NOTE": NEWER, b"n0te": DAMAGED}
        for number, (tag, answer) in itertools.product(range(len(parts)), answers.items()):
            with self.subTest(tag=tag, before=parts[number][0]):
                more = parts[:number] + [(tag, b"any")] * 2 + parts[number:]
                self.assert_answer(put_together(header, more), answer)

    def test_every_major_version_but_one_and_no_minor_version(self):
        for version, answer in {(0, 0): DAMAGED, (1, 7): OK, (2, 0): NEWER, (2 ** 32 - 1, 0): NEWER}.items():
            header = aem.MAGIC + u32(*version)
            self.assert_answer(header + u32(zlib.crc32(header)) + TINY[20:], answer)

    def test_each_fault_of_the_page_in_its_class(self):
        for name, (tag, at, content, answer) in FAULTS.items():
            with self.subTest(name):
                self.assert_answer(edited(TINY, tag, at, content), answer)

    def test_layers_that_are_all_without_weights(self):
        bare = replaced(replaced(TINY, b"LAYR", u32(1, 2, 0)), b"WGHT", u32(0))
        self.assert_answer(bare, DAMAGED)

    def test_layers_that_have_state_alone(self):
        idle = u32(1, 0, 0, 1) + struct.pack("<QQ2f", 1, 2, 0, 0)
        bare = replaced(replaced(TINY, b"LAYR", u32(1, 5, 0)), b"WGHT", idle)
        self.assert_answer(bare, DAMAGED)

    def test_more_kept_than_there_are(self):
        model, _ = self.built([("input", 2), ("topk", 2), ("dense", 2, "AE_ACT_LINEAR"), ("code",)])
        layers = dict(taken_apart(model.save())[1])[b"LAYR"]
        begin = layers.index(u32(5, 3, 120)) + 8
        for k, answer in (1, OK), (2, OK), (3, DAMAGED), (0, DAMAGED), (2 ** 24, DAMAGED), (2 ** 24 + 1, NEWER):
            with self.subTest(k=k):
                self.assert_answer(edited(model.save(), b"LAYR", begin, struct.pack("<IIq", 120, 3, k)), answer)

    def test_noise_beyond_its_bounds(self):
        model, _ = self.built([("input", 2), ("dense", 2, "AE_ACT_LINEAR"), ("code",), ("corrupt", "AE_NOISE_DROPOUT", 0)])
        layers = dict(taken_apart(model.save())[1])[b"LAYR"]
        begin = layers.index(u32(3, 5, 110))  # kind, count, then noise, amount, clip_low, clip_high

        def with_noise(noise, amount, low, high):
            values = [struct.pack("<IIq", 110, 3, noise)]
            values += [struct.pack("<IId", 111 + i, 4, value) for i, value in enumerate((amount, low, high))]
            return edited(model.save(), b"LAYR", begin + 8, b"".join(values))

        most = (2 - 2.0 ** -23) * 2.0 ** 127
        for noise, amount, low, high, answer in (
                (1, 2.0, -most, most, OK), (2, 2.0, -most, most, DAMAGED), (3, 1.0, -most, most, DAMAGED),
                (4, 1 - 2.0 ** -23, -most, most, OK), (4, 1.0, -most, most, DAMAGED), (1, 1.0, 1.0, 1.0, DAMAGED),
                (1, 1.0, 1.0, most, OK), (3, 0.5, 1.0, most, DAMAGED), (3, 0.5, 1.0, 1.5, OK),
                (5, 0.5, -most, most, NEWER), (1, -1.0, -most, most, DAMAGED)):
            with self.subTest(noise=noise, amount=amount, low=low, high=high):
                self.assert_answer(with_noise(noise, amount, low, high), answer)

    def test_each_fault_of_what_training_has_done(self):
        for name, (payload, answer) in TRAININGS.items():
            with self.subTest(name):
                self.assert_answer(replaced(TRAINED, b"trnd", payload), answer)

    def test_each_fault_of_the_sums_of_an_open_epoch(self):
        for name, (payload, answer) in PARTS.items():
            with self.subTest(name):
                self.assert_answer(replaced(DRAWN, b"part", payload), answer)
        header, parts = taken_apart(DRAWN)
        self.assert_answer(put_together(header, [one for one in parts if one[0] != b"part"]), OK)
        closed = edited(DRAWN, b"trnd", 24, struct.pack("<Q", 0))
        self.assert_answer(closed, DAMAGED)
        untrained = [one for one in parts if one[0] not in (b"trnd", b"stat")]
        self.assert_answer(put_together(header, untrained), DAMAGED)

    def test_each_fault_of_a_scaling(self):
        for name, (of_input, of_target, payload, answer) in SCALINGS.items():
            header, parts = taken_apart(described(*SCALED, dim=2, model={41: of_input, 42: of_target}))
            with self.subTest(name):
                self.assert_answer(put_together(header, parts[:-1] + [(b"SCAL", payload)] + parts[-1:]), answer)

    def test_each_description_in_its_class(self):
        for name, (layers, terms, model, answer) in DESCRIPTIONS.items():
            with self.subTest(name):
                self.assert_answer(described(layers, terms, model=model), answer)

    def test_more_than_two_states(self):
        elements = sum(len(row) for array in aem.Model(TRAINED).weights.values() for row in array)
        for count, answer in enumerate([OK, OK, OK, DAMAGED]):
            stat = struct.pack(f"<I{count * elements}f", count, *[0.5] * (count * elements))
            self.assert_answer(replaced(TRAINED, b"stat", stat), answer)

    def test_a_state_that_is_not_finite(self):
        self.assert_answer(edited(TRAINED, b"stat", 4, struct.pack("<f", math.nan)), NONFINITE)


if __name__ == "__main__":
    libae.load(os.path.abspath(sys.argv.pop(1)))
    unittest.main()
