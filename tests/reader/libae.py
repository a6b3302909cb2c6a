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
    "config_activation": [H, I], "config_corrupt": [H, I, D], "config_topk": [H, L], "config_gaussian": [H], "config_concat": [H, L],
    "config_concat_label": [H, L], "config_input_image": [H, L, L, L], "config_input_signal": [H, L, L],
    "config_conv2d": [H, L, L, L, I, I], "config_conv1d": [H, L, L, I, I],
    "config_conv2d_transpose": [H, L, L, L, L, L, I, I], "config_conv1d_transpose": [H, L, L, L, I, I],
    "config_pool2d": [H, I, L, L, I], "config_pool1d": [H, I, L, I], "config_upsample2d": [H, L, L, I],
    "config_upsample1d": [H, L, I], "config_flatten": [H], "config_reshape_image": [H, L, L, L],
    "config_reshape_signal": [H, L, L], "config_batch_norm": [H, I], "config_layer_norm": [H, I],
    "config_code": [H], "config_loss": [H, I],
    "config_penalty": [H, I, D], "config_optimizer": [H, I],
    "config_set_i64": [H, I, L], "config_set_f64": [H, I, D],
    "config_get_i64": [H, I, POINTER(L)], "config_get_f64": [H, I, POINTER(D)],
    "model_create": [POINTER(H), H], "model_load_memory": [POINTER(H), c_char_p, N],
    "model_save_memory": [H, c_void_p, N, POINTER(N)],
    "model_get_i64": [H, I, POINTER(L)], "model_get_f64": [H, I, POINTER(D)],
    "model_weights_at": [H, I, POINTER(I), POINTER(c_char_p), POINTER(L), POINTER(L)],
    "model_weights_get": [H, I, c_char_p, F, N], "model_weights_set": [H, I, c_char_p, F, N], "model_history": [H, I, POINTER(D), N, POINTER(N)],
    "fit_options_create": [POINTER(H)], "fit_options_set_i64": [H, I, L],
    "data_create": [POINTER(H)], "data_array": [H, I, I, c_void_p, L, L],
    "fit_options_validation_data": [H, H], "fit_options_progress": [H, c_void_p, c_void_p], "fit_data": [H, H, H],
    "encode_data": [H, H, F, N], "decode_data": [H, H, F, N], "reconstruct_data": [H, H, F, N],
    "score_data": [H, H, F, N], "evaluate_data": [H, H, POINTER(D)], "evaluate_terms": [H, H, POINTER(D), N],
    "posterior_sample_data": [H, H, L, L, F, N], "sample_data": [H, H, L, F, N],
    "log_likelihood_data": [H, H, L, L, POINTER(D), N],
}
OTHERS = {  # what does not return a status
    "last_error": ([], c_char_p), "config_free": ([H], None), "fit_options_free": ([H], None),
    "data_free": ([H], None), "model_terms": ([H], I),
    "model_free": ([H], None), "model_input_dim": ([H], L), "model_code_dim": ([H], L),
    "model_output_dim": ([H], L), "model_epochs": ([H], L), "model_steps": ([H], L),
}
LAYERS = (  # calls that add one
    "dense", "activation", "corrupt", "topk", "gaussian", "concat", "concat_label", "conv2d", "conv1d", "conv2d_transpose",
    "conv1d_transpose", "pool2d", "pool1d", "upsample2d", "upsample1d", "flatten", "reshape_image", "reshape_signal",
    "batch_norm", "layer_norm")
cdll = None


def load(path):
    global cdll
    cdll = ctypes.CDLL(path)
    rows = {name: (arguments, I) for name, arguments in PROTOTYPES.items()}
    for name, (arguments, result) in {**rows, **OTHERS}.items():
        function = getattr(cdll, "ae_" + name)
        function.argtypes, function.restype = arguments, result


def call(name, *arguments):
    """What ae_NAME returns."""
    return getattr(cdll, "ae_" + name)(*arguments)


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


class Data:
    """A view of rows and, where there are any, of their sides: lists, or classes; and of their weights."""

    def __init__(self, rows, sides=None, weights=None):
        self.handle, self.arrays, self.rows = H(), [], len(rows)
        must("data_create", byref(self.handle))
        self.add("AE_DATA_X", rows)
        if sides is not None:
            self.add("AE_DATA_SIDE", [side if isinstance(side, list) else [side] for side in sides])
        if weights is not None:
            self.add("AE_DATA_WEIGHT", [[weight] for weight in weights])

    def add(self, role, rows):
        self.arrays.append(flat(rows))
        must("data_array", self.handle, constant(role), constant("AE_TYPE_F32"), self.arrays[-1], len(rows), len(rows[0]))

    def __enter__(self):
        return self

    def __exit__(self, *_):
        call("data_free", self.handle)


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
                scope = "TERM" if name in ("loss", "penalty") else "LAYER" if name in LAYERS else None
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

    def fit(self, rows, epochs, validation=None, stop_after=None, sides=None, validation_sides=None, weights=None):
        """Trains; stop_after: cancels after so many events."""
        options, events = H(), itertools.count(1)
        stop = ctypes.CFUNCTYPE(I, H, H)(lambda event, user: next(events) == stop_after)
        must("fit_options_create", byref(options))
        with Data(rows, sides, weights) as data, Data(validation or rows, validation_sides) as held_out:
            try:
                must("fit_options_set_i64", options, constant("AE_FIT_EPOCHS"), epochs)
                if validation:
                    must("fit_options_validation_data", options, held_out.handle)
                if stop_after:
                    must("fit_options_progress", options, ctypes.cast(stop, H), None)
                status = call("fit_data", self.handle, data.handle, options)
            finally:
                call("fit_options_free", options)
        if status != (constant("AE_ERR_CANCELLED") if stop_after else 0):
            raise RuntimeError(f"ae_fit_data: {call('last_error').decode()}")

    def map(self, name, rows, cols, sides=None, numbers=(), type=c_float):
        """What ae_NAME_data makes of rows; numbers: the arguments between data and output."""
        out = (type * (len(rows) * cols))()
        with Data(rows, sides) as data:
            must(f"{name}_data", self.handle, data.handle, *numbers, out, len(out))
        return as_rows(out, cols)

    def encode(self, rows, sides=None):
        return self.map("encode", rows, self.code_dim(), sides)

    def decode(self, codes, sides=None):
        return self.map("decode", codes, self.output_dim(), sides)

    def reconstruct(self, rows, sides=None):
        return self.map("reconstruct", rows, self.output_dim(), sides)

    def score(self, rows, sides=None):
        return [score for score, in self.map("score", rows, 1, sides)]

    def evaluate(self, rows, sides=None, weights=None):
        """The loss, and its parts."""
        loss, parts = D(), (D * call("model_terms", self.handle))()
        with Data(rows, sides, weights) as data:
            must("evaluate_data", self.handle, data.handle, byref(loss))
            must("evaluate_terms", self.handle, data.handle, parts, len(parts))
        return loss.value, list(parts)

    def posterior_samples(self, rows, samples, seed, sides=None):
        """The samples of each row, one after the other."""
        codes = self.map("posterior_sample", rows, samples * self.code_dim(), sides, (samples, seed))
        return [code for row in codes for code in as_rows(row, self.code_dim())]

    def sample(self, rows, seed, sides):
        return self.map("sample", rows, self.output_dim(), sides, (seed,))

    def log_likelihood(self, rows, samples, seed, sides=None):
        return [value for value, in self.map("log_likelihood", rows, 1, sides, (samples, seed), D)]

    def code_dim(self):
        return call("model_code_dim", self.handle)

    def output_dim(self):
        return call("model_output_dim", self.handle)

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

    def set_weights(self, layer, name, rows):
        must("model_weights_set", self.handle, layer, name.encode(), flat(rows), len(flat(rows)))

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
