#!/usr/bin/env python3
"""libae from Python, with ctypes and NumPy alone: build, train, encode, also in many threads, save, load, compare.

    quickstart.py [LIBRARY]

LIBRARY is the path of libae.so; without it AE_LIBRARY names it, else the system's is taken.
Nothing here knows a number of ae.h: constants are asked for by name."""
import ctypes
import ctypes.util
import os
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from ctypes import POINTER, byref, c_char_p, c_double, c_float, c_int32, c_int64, c_size_t, c_void_p

import numpy as np

FLOATS = POINTER(c_float)
OUT = POINTER(c_void_p)
ARGUMENTS = {
    "ae_constant": [c_char_p, POINTER(c_int64)],
    "ae_config_create": [OUT],
    "ae_config_input": [c_void_p, c_int64],
    "ae_config_dense": [c_void_p, c_int64, c_int32],
    "ae_config_code": [c_void_p],
    "ae_config_loss": [c_void_p, c_int32],
    "ae_config_set_i64": [c_void_p, c_int32, c_int64],
    "ae_config_set_f64": [c_void_p, c_int32, c_double],
    "ae_model_create": [OUT, c_void_p],
    "ae_model_share": [OUT, c_void_p],
    "ae_fit_options_create": [OUT],
    "ae_fit_options_set_i64": [c_void_p, c_int32, c_int64],
    "ae_fit": [c_void_p, FLOATS, FLOATS, c_int64, c_void_p],
    "ae_evaluate": [c_void_p, FLOATS, FLOATS, c_int64, POINTER(c_double)],
    "ae_encode": [c_void_p, FLOATS, c_int64, FLOATS, c_size_t],
    "ae_decode": [c_void_p, FLOATS, c_int64, FLOATS, c_size_t],
    "ae_model_save": [c_void_p, c_char_p],
    "ae_model_load": [OUT, c_char_p],
}
FREES = ["ae_config_free", "ae_model_free", "ae_fit_options_free"]


def open_library(path):
    """libae, each function with its types."""
    ae = ctypes.CDLL(path)
    for name, types in ARGUMENTS.items():
        getattr(ae, name).argtypes = types
        getattr(ae, name).restype = c_int32
    for name in FREES:
        getattr(ae, name).argtypes = [c_void_p]
        getattr(ae, name).restype = None
    for name in ("ae_last_error", "ae_build_text"):
        getattr(ae, name).restype = c_char_p
    return ae


argument = sys.argv[1] if len(sys.argv) > 1 else None
ae = open_library(argument or os.environ.get("AE_LIBRARY") or ctypes.util.find_library("ae") or "libae.so.0")


def must(status):
    """Turns a code that is not AE_OK into an exception with libae's own message."""
    if status != 0:
        raise RuntimeError(ae.ae_last_error().decode())


def constant(name):
    value = c_int64()
    must(ae.ae_constant(name.encode(), byref(value)))
    return value.value


def create(function, *arguments):
    """The handle that a function of the form f(T **out, ...) makes."""
    handle = c_void_p()
    must(function(byref(handle), *arguments))
    return handle


def floats(array):
    """The numbers of an array where they stand; it must be float32 and contiguous."""
    assert array.dtype == np.float32 and array.flags.c_contiguous
    return array.ctypes.data_as(FLOATS)


def draw_circles(rows, seed):
    """Points of 2 dimensions on a circle, turned into 8 dimensions: a code of 2 can hold them."""
    random = np.random.default_rng(seed)
    angle = random.uniform(0, 2 * np.pi, rows)
    return (np.column_stack([np.cos(angle), np.sin(angle)]) @ random.normal(size=(2, 8))).astype(np.float32)


def create_model(inputs, code):
    config = create(ae.ae_config_create)
    ae.ae_config_input(config, inputs)
    ae.ae_config_dense(config, 32, constant("AE_ACT_TANH"))
    ae.ae_config_dense(config, code, constant("AE_ACT_LINEAR"))
    ae.ae_config_code(config)  # all layers so far are the encoder
    ae.ae_config_dense(config, 32, constant("AE_ACT_TANH"))
    ae.ae_config_dense(config, inputs, constant("AE_ACT_LINEAR"))
    ae.ae_config_loss(config, constant("AE_LOSS_MSE"))
    ae.ae_config_set_i64(config, constant("AE_PARAM_BATCH"), 32)
    ae.ae_config_set_f64(config, constant("AE_PARAM_LEARNING_RATE"), 0.003)
    model = create(ae.ae_model_create, config)  # reports the first mistake made above, too
    ae.ae_config_free(config)
    return model


def fit(model, x, epochs):
    options = create(ae.ae_fit_options_create)
    must(ae.ae_fit_options_set_i64(options, constant("AE_FIT_EPOCHS"), epochs))
    must(ae.ae_fit(model, floats(x), None, len(x), options))  # no targets: reconstruct the input
    ae.ae_fit_options_free(options)


def encode(model, x, code):
    out = np.empty((len(x), code), np.float32)
    must(ae.ae_encode(model, floats(x), len(x), floats(out), out.size))
    return out


def encode_in_threads(model, x, code, threads):
    """Each part by a handle of its own on the model; ctypes lets other threads run while libae works."""
    def encode_part(part):
        share = create(ae.ae_model_share, model)
        out = encode(share, part, code)
        ae.ae_model_free(share)
        return out

    with ThreadPoolExecutor(threads) as pool:
        return np.concatenate(list(pool.map(encode_part, np.array_split(x, threads))))


def decode(model, code, outputs):
    out = np.empty((len(code), outputs), np.float32)
    must(ae.ae_decode(model, floats(code), len(code), floats(out), out.size))
    return out


def evaluate(model, x):
    loss = c_double()
    must(ae.ae_evaluate(model, floats(x), None, len(x), byref(loss)))
    return loss.value


print(ae.ae_build_text().decode())
x = draw_circles(1024, seed=1)
model = create_model(inputs=8, code=2)
before = evaluate(model, x)
fit(model, x, epochs=20)
code = encode(model, x, 2)
mse = float(np.mean((decode(model, code, 8) - x) ** 2))
shared = np.array_equal(encode_in_threads(model, x, 2, threads=4), code)

with tempfile.TemporaryDirectory() as folder:
    path = os.path.join(folder, "circles.aem").encode()
    must(ae.ae_model_save(model, path))
    loaded = create(ae.ae_model_load, path)
same = np.array_equal(encode(loaded, x, 2), code)
ae.ae_model_free(loaded)
ae.ae_model_free(model)
print(f"before={before:.5f} mse={mse:.5f} variance={x.var():.5f} same={int(same)} shared={int(shared)}")
sys.exit(0 if same and shared else 1)
