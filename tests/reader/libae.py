"""What the test needs of libae through ctypes, by include/ae/ae.h. load() comes first."""
import ctypes
import itertools
from ctypes import POINTER, byref, c_char_p, c_double, c_float, c_int32, c_int64, c_size_t, c_void_p

H, I, L, D, N, F = c_void_p, c_int32, c_int64, c_double, c_size_t, POINTER(c_float)


class Param(ctypes.Structure):
    _fields_ = [("size", N), ("id", I), ("scope", I), ("type", I), ("reserved", I), ("name", c_char_p),
                ("help", c_char_p), ("default_value", D), ("minimum", D), ("maximum", D)]


PROTOTYPES = {
    "constant": [c_char_p, POINTER(L)], "param_at": [I, POINTER(Param)],
    "config_create": [POINTER(H)], "config_input": [H, L], "config_dense": [H, L, I],
    "config_activation": [H, I], "config_corrupt": [H, I, D], "config_topk": [H, L], "config_code": [H], "config_loss": [H, I],
    "config_penalty": [H, I, D], "config_optimizer": [H, I],
    "config_set_i64": [H, I, L], "config_set_f64": [H, I, D],
    "config_get_i64": [H, I, POINTER(L)], "config_get_f64": [H, I, POINTER(D)],
    "model_create": [POINTER(H), H], "model_load_memory": [POINTER(H), c_char_p, N],
    "model_save_memory": [H, c_void_p, N, POINTER(N)],
    "model_get_i64": [H, I, POINTER(L)], "model_get_f64": [H, I, POINTER(D)],
    "model_weights_at": [H, I, POINTER(I), POINTER(c_char_p), POINTER(L), POINTER(L)],
    "model_weights_get": [H, I, c_char_p, F, N], "model_history": [H, I, POINTER(D), N, POINTER(N)],
    "fit_options_create": [POINTER(H)], "fit_options_set_i64": [H, I, L],
    "fit_options_validation": [H, F, F, L], "fit_options_progress": [H, c_void_p, c_void_p],
    "fit": [H, F, F, L, H], "encode": [H, F, L, F, N], "decode": [H, F, L, F, N],
    "reconstruct": [H, F, L, F, N], "score": [H, F, L, F, N],
}
OTHERS = {  # what does not return a status
    "last_error": ([], c_char_p), "config_free": ([H], None), "fit_options_free": ([H], None),
    "model_free": ([H], None), "model_input_dim": ([H], L), "model_code_dim": ([H], L),
    "model_output_dim": ([H], L), "model_epochs": ([H], L), "model_steps": ([H], L),
}
library = None


def load(path):
    global library
    library = ctypes.CDLL(path)
    rows = {name: (arguments, I) for name, arguments in PROTOTYPES.items()}
    for name, (arguments, result) in {**rows, **OTHERS}.items():
        function = getattr(library, "ae_" + name)
        function.argtypes, function.restype = arguments, result


def call(name, *arguments):
    """What ae_NAME returns."""
    return getattr(library, "ae_" + name)(*arguments)


def must(name, *arguments):
    """Calls what must succeed."""
    if call(name, *arguments):
        raise RuntimeError(f"ae_{name}: {call('last_error').decode()}")


def constant(name):
    value = L()
    must("constant", name.encode(), byref(value))
    return value.value


def params():
    """Every parameter that the library keeps in a file."""
    for index in itertools.count():
        param = Param(size=ctypes.sizeof(Param))
        if call("param_at", index, byref(param)):
            return
        if constant("AE_SCOPE_MODEL") <= param.scope <= constant("AE_SCOPE_OPTIM"):
            yield param


def values_of(holder, handle, scope):
    """{name: value} of the parameters of a scope that a "config" or a "model" has."""
    values = {}
    for param in params():
        if param.scope == constant("AE_SCOPE_" + scope):
            suffix, value = ("f64", D()) if param.type == constant("AE_TYPE_F64") else ("i64", L())
            if not call(f"{holder}_get_{suffix}", handle, param.id, byref(value)):
                values[param.name.decode()] = value.value
    return values


def flat(rows):
    values = list(itertools.chain.from_iterable(rows))
    return (c_float * len(values))(*values)


def as_rows(values, cols):
    return [list(values[i:i + cols]) for i in range(0, len(values), cols)]


class Model:
    """A model of the library, to be freed by free()."""

    def __init__(self, handle):
        self.handle = handle

    @classmethod
    def read(cls, data):
        handle = H()
        must("model_load_memory", byref(handle), data, len(data))
        return cls(handle)

    @classmethod
    def built(cls, calls):
        """A model from calls of ae_config_...; and what the config then said of its layers and losses."""
        config, handle, said = H(), H(), {"LAYER": [], "TERM": []}
        must("config_create", byref(config))
        try:
            for name, *arguments in calls:
                must("config_" + name, config, *[constant(a) if isinstance(a, str) else a for a in arguments])
                scope = {"dense": "LAYER", "activation": "LAYER", "corrupt": "LAYER", "topk": "LAYER",
                         "loss": "TERM", "penalty": "TERM"}.get(name)
                if scope:
                    said[scope].append({})
                for scope, parts in said.items():
                    if parts:
                        parts[-1] = values_of("config", config, scope)
            must("model_create", byref(handle), config)
        finally:
            call("config_free", config)
        return cls(handle), said

    def free(self):
        call("model_free", self.handle)

    def fit(self, rows, epochs, validation=None, stop_after=None):
        """Trains; stop_after: cancels after so many events."""
        options, events = H(), itertools.count(1)
        stop = ctypes.CFUNCTYPE(I, H, H)(lambda event, user: next(events) == stop_after)
        held_out = flat(validation or [])
        must("fit_options_create", byref(options))
        try:
            must("fit_options_set_i64", options, constant("AE_FIT_EPOCHS"), epochs)
            if validation:
                must("fit_options_validation", options, held_out, None, len(validation))
            if stop_after:
                must("fit_options_progress", options, ctypes.cast(stop, H), None)
            status = call("fit", self.handle, flat(rows), None, len(rows), options)
        finally:
            call("fit_options_free", options)
        if status != (constant("AE_ERR_CANCELLED") if stop_after else 0):
            raise RuntimeError(f"ae_fit: {call('last_error').decode()}")

    def map(self, name, rows, cols):
        out = (c_float * (len(rows) * cols))()
        must(name, self.handle, flat(rows), len(rows), out, len(out))
        return as_rows(out, cols)

    def encode(self, rows):
        return self.map("encode", rows, call("model_code_dim", self.handle))

    def decode(self, codes):
        return self.map("decode", codes, call("model_output_dim", self.handle))

    def reconstruct(self, rows):
        return self.map("reconstruct", rows, call("model_output_dim", self.handle))

    def score(self, rows):
        return [score for score, in self.map("score", rows, 1)]

    def values(self, scope):
        return values_of("model", self.handle, scope)

    def epochs(self):
        return call("model_epochs", self.handle)

    def steps(self):
        return call("model_steps", self.handle)

    def history(self, metric):
        values = (D * self.epochs())()
        must("model_history", self.handle, metric, values, len(values), None)
        return list(values)

    def weights(self):
        """{(layer, name): rows}"""
        arrays, layer, name, rows, cols = {}, I(), c_char_p(), L(), L()
        places = byref(layer), byref(name), byref(rows), byref(cols)
        for index in itertools.count():
            if call("model_weights_at", self.handle, index, *places):
                return arrays
            values = (c_float * (rows.value * cols.value))()
            must("model_weights_get", self.handle, layer, name, values, len(values))
            arrays[layer.value, name.value.decode()] = as_rows(values, cols.value)

    def save(self):
        size = N()
        must("model_save_memory", self.handle, None, 0, byref(size))
        buffer = (ctypes.c_char * size.value)()
        must("model_save_memory", self.handle, buffer, size, None)
        return buffer.raw


def status_of(data):
    """What the library answers to the bytes of a file."""
    handle = H()
    status = call("model_load_memory", byref(handle), data, len(data))
    call("model_free", handle)
    return status
