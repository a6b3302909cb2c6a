"""Reads .aem model files and computes with them. Written from docs/format.md alone, with nothing but
Python: it shares no line with libae, so where both agree the page is right.

    model = Model.load("digits.aem")
    code = model.encode(row)              lists of numbers, a row a call, in double precision
    loss, parts = model.evaluate(rows)    what is drawn for it is drawn as docs/determinism.md says
"""
import math
import statistics
import struct
import sys
import zlib
from collections import namedtuple

import images


class FormatError(ValueError):
    """No version of the format can mean these bytes."""


class VersionError(FormatError):
    """A later version may: the file needs a newer reader."""


class NonFiniteError(FormatError):
    """A weight or a state is NaN or infinite."""


# --- tables of the page ---------------------------------------------------------------------------

MAGIC = b"\x89AEM\r\n\x1a\n"
TAGS = [b"MODL", b"LAYR", b"TERM", b"OPTM", b"WGHT", b"SCAL", b"trnd", b"part", b"stat",
        b"data", b"plat", b"best", b"onli", b"grad", b"DONE"]  # in the order of the file
OPTIONAL = [b"SCAL"]  # of those in capitals
I64, F64, F32 = 3, 4, 1  # types
LARGEST, SMALLEST, BELOW_1 = (2 - 2.0 ** -23) * 2.0 ** 127, 2.0 ** -126, 1 - 2.0 ** -23

Parameter = namedtuple("Parameter", "name type default low high")
PARAMETERS = {
    1: Parameter("seed", I64, 0, 0, 2 ** 63 - 1024),
    2: Parameter("batch", I64, 256, 1, 2 ** 24),
    3: Parameter("shuffle", I64, 1, 0, 3),
    4: Parameter("clip_norm", F64, 0.0, 0, LARGEST),
    5: Parameter("clip_value", F64, 0.0, 0, LARGEST),
    6: Parameter("bound", I64, 0, 0, 1),
    20: Parameter("schedule", I64, 0, 0, 4),
    21: Parameter("schedule_steps", I64, 1000, 1, 2 ** 53),
    22: Parameter("schedule_factor", F64, 0.1, SMALLEST, 1),
    23: Parameter("schedule_minimum", F64, 0.0, 0, 1e6),
    24: Parameter("schedule_warmup", I64, 0, 0, 2 ** 53),
    25: Parameter("schedule_patience", I64, 10, 1, 2 ** 20),
    26: Parameter("schedule_threshold", F64, 1e-4, 0, 1),
    27: Parameter("accumulate", I64, 1, 1, 65536),
    30: Parameter("shuffle_block", I64, 256, 1, 2 ** 24),
    31: Parameter("shuffle_window", I64, 16, 1, 2 ** 16),
    40: Parameter("missing", I64, 0, 0, 1),
    41: Parameter("scaling_input", I64, 0, 0, 2),
    42: Parameter("scaling_target", I64, 0, 0, 2),
    100: Parameter("units", I64, 1, 1, 2 ** 24),
    101: Parameter("activation", I64, 0, 0, 8),
    102: Parameter("slope", F64, 0.3, SMALLEST, BELOW_1),
    103: Parameter("bias", I64, 1, 0, 1),
    104: Parameter("init", I64, 1, 0, 6),
    105: Parameter("tied", I64, -1, -1, 1023),
    110: Parameter("noise", I64, 1, 1, 4),
    111: Parameter("amount", F64, 0.0, 0, LARGEST),
    112: Parameter("clip_low", F64, -LARGEST, -LARGEST, LARGEST),
    113: Parameter("clip_high", F64, LARGEST, -LARGEST, LARGEST),
    114: Parameter("mask_value", F64, 0.0, -LARGEST, LARGEST),
    120: Parameter("k", I64, 1, 1, 2 ** 24),
    121: Parameter("samples", I64, 1, 1, 2 ** 16),
    122: Parameter("side", I64, 1, 1, 2 ** 24),
    123: Parameter("label", I64, 0, 0, 1),
    124: Parameter("revival", F64, 1.0, 0, LARGEST),
    125: Parameter("dead_after", I64, 4096, 1, 2 ** 24),
    130: Parameter("filters", I64, 1, 1, 2 ** 20),
    131: Parameter("kernel_h", I64, 1, 1, 4096),
    132: Parameter("kernel_w", I64, 1, 1, 4096),
    133: Parameter("stride_h", I64, 1, 1, 4096),
    134: Parameter("stride_w", I64, 1, 1, 4096),
    135: Parameter("padding", I64, 0, 0, 2),
    136: Parameter("pad_top", I64, 0, 0, 4096),
    137: Parameter("pad_bottom", I64, 0, 0, 4096),
    138: Parameter("pad_left", I64, 0, 0, 4096),
    139: Parameter("pad_right", I64, 0, 0, 4096),
    140: Parameter("pool", I64, 0, 0, 1),
    141: Parameter("factor_h", I64, 2, 1, 4096),
    142: Parameter("factor_w", I64, 2, 1, 4096),
    143: Parameter("interpolation", I64, 0, 0, 1),
    144: Parameter("height", I64, 0, 0, 2 ** 24),
    145: Parameter("width", I64, 1, 1, 2 ** 24),
    146: Parameter("channels", I64, 1, 1, 2 ** 24),
    150: Parameter("norm_momentum", F64, 0.99, 0, BELOW_1),
    151: Parameter("norm_epsilon", F64, 1e-3, SMALLEST, 1),
    200: Parameter("weight", F64, 1.0, SMALLEST, LARGEST),
    201: Parameter("layer", I64, -1, -1, 1023),
    202: Parameter("delta", F64, 1.0, SMALLEST, LARGEST),
    203: Parameter("free_bits", F64, 0.0, 0, LARGEST),
    204: Parameter("warmup", F64, 0.0, 0, 1e6),
    205: Parameter("target", F64, 0.05, 2.0 ** -23, BELOW_1),
    206: Parameter("variance", F64, 1.0, 1e-8, 1e8),
    207: Parameter("variance_kind", I64, 0, 0, 2),
    208: Parameter("feature_weights", I64, 0, 0, 1),
    300: Parameter("learning_rate", F64, 0.001, 0, 1e6),
    301: Parameter("momentum", F64, 0.0, 0, BELOW_1),
    302: Parameter("nesterov", I64, 0, 0, 1),
    303: Parameter("beta1", F64, 0.9, 0, BELOW_1),
    304: Parameter("beta2", F64, 0.999, 0, BELOW_1),
    305: Parameter("epsilon", F64, 1e-7, SMALLEST, 1),
    306: Parameter("weight_decay", F64, 0.0, 0, 1e6),
    307: Parameter("rho", F64, 0.9, 0, BELOW_1),
    308: Parameter("weight_decay_l1", F64, 0.0, 0, 1e6),
}

Part = namedtuple("Part", "kind parameters")  # a loss or an optimiser of a file: "mse", {"weight": 1.0}
Kind = namedtuple("Kind", "name parameters defaults", defaults=({},))
MODEL = Kind("model", [1, 2, 3, 4, 5, 6, 20, 21, 22, 23, 24, 25, 26, 27, 30, 31, 40, 41, 42])
CONV_1D = [101, 102, 103, 104, 130, 132, 134, 135, 138, 139]
CONV_2D = [101, 102, 103, 104, *range(130, 140)]
LAYERS = {
    1: Kind("dense", [100, 101, 102, 103, 104, 105]), 2: Kind("activation", [101, 102]),
    3: Kind("corrupt", [110, 111, 112, 113, 114]), 4: Kind("gaussian", [121]),
    5: Kind("topk", [120, 124, 125]), 6: Kind("concat", [122, 123]),
    7: Kind("conv1d", CONV_1D), 8: Kind("conv2d", CONV_2D),
    9: Kind("conv1d_transpose", CONV_1D), 10: Kind("conv2d_transpose", CONV_2D),
    11: Kind("pool1d", [132, 134, 135, 138, 139, 140]), 12: Kind("pool2d", [*range(131, 141)]),
    13: Kind("upsample1d", [142, 143]), 14: Kind("upsample2d", [141, 142, 143]),
    15: Kind("flatten", []), 16: Kind("reshape", [144, 145, 146]),
    17: Kind("batch_norm", [101, 102, 150, 151]), 18: Kind("layer_norm", [101, 102, 151]),
}
TERMS = {
    1: Kind("mse", [200, 208]), 2: Kind("bce", [200, 208]), 3: Kind("mae", [200, 208]),
    4: Kind("huber", [200, 202, 208]), 5: Kind("bernoulli_nll", [200, 208]),
    6: Kind("gaussian_nll", [200, 206, 207, 208]), 100: Kind("l1", [200, 201]),
    101: Kind("kl", [200, 201, 203, 204]), 102: Kind("kl_sparsity", [200, 201, 205]),
}
OPTIMISERS = {
    1: Kind("sgd", [300, 301, 302, 306, 308], {"learning_rate": 0.01}),
    2: Kind("adam", [300, 303, 304, 305, 306, 308]),
    3: Kind("adamw", [300, 303, 304, 305, 306, 308], {"weight_decay": 0.01}),
    4: Kind("rmsprop", [300, 301, 305, 306, 307, 308]),
}
METRICS = {0: "loss", 1: "val_loss", 2: "learning_rate", 3: "dead_units", 4: "active_units", 5: "warnings"}
TERM, VAL_TERM = 100, 200  # metrics of loss 0
STATES = {"idle"}  # arrays that do not count as weights
SIGMOID = 4  # of ACTIVATIONS
BOUNDED = {"bce", "bernoulli_nll"}  # losses that want targets in [0, 1]
NONE, STANDARD = 0, 2  # kinds of scaling
GAUSSIAN, SALT_PEPPER = 1, 3  # kinds of noise
SHARED = 1  # kind of variance
POSTERIOR, PRIOR = 4, 5  # purposes of draws


def sigmoid(z, slope):
    e = math.exp(-abs(z))  # never overflows
    return 1 / (1 + e) if z >= 0 else e / (1 + e)


ACTIVATIONS = [  # NaN stays NaN
    lambda z, slope: z,
    lambda z, slope: 0.0 if z <= 0 else z,
    lambda z, slope: slope * z if z <= 0 else z,
    lambda z, slope: math.tanh(z),
    sigmoid,
    lambda z, slope: math.expm1(z) if z <= 0 else z,
    lambda z, slope: max(z, 0.0) + math.log1p(math.exp(-abs(z))),  # log(1 + e^z), never overflows
    lambda z, slope: z * math.erfc(-z / math.sqrt(2)) / 2 if z > -40 else 0.0 * z if z != z else -0.0,
    lambda z, slope: z * sigmoid(z, slope) if z > -800 else 0.0 * z if z != z else -0.0,
]


def largest(row, k):
    """The k largest of a row, of equal ones the first, and 0 for the others."""
    if any(map(math.isnan, row)):
        return [math.nan] * len(row)
    kept = sorted(range(len(row)), key=lambda j: -row[j])[:k]  # which keeps the order of equal ones
    return [x if j in kept else 0.0 for j, x in enumerate(row)]


def cross_entropy(y, t, delta):
    return -(t * math.log(y) if t else 0.0) - ((1 - t) * math.log(1 - y) if t < 1 else 0.0)


def huber(y, t, delta):
    return (y - t) ** 2 / 2 if abs(y - t) <= delta else delta * (abs(y - t) - delta / 2)


ELEMENTS = {  # losses that are sums over a row's elements
    "mse": lambda y, t, delta: (y - t) ** 2, "mae": lambda y, t, delta: abs(y - t), "huber": huber,
    "bce": cross_entropy, "bernoulli_nll": cross_entropy,
}


def log_variance(a):
    return 20 * math.tanh(a / 20)


def weighted_mean(values, weights):
    return sum(w * value for w, value in zip(weights, values)) / sum(weights)


def divergence(q, r):
    """Of a Bernoulli variable of mean q from one of mean r."""
    q = min(max(q, 1e-7), 1 - 1e-7)
    return r * math.log(r / q) + (1 - r) * math.log((1 - r) / (1 - q))


# --- draws ----------------------------------------------------------------------------------------

def philox(counter, key):
    """Philox4x32-10 of four words and two."""
    for number in range(10):
        k0, k1 = (word + number * step & 0xFFFFFFFF for word, step in zip(key, (0x9E3779B9, 0xBB67AE85)))
        a, b = 0xD2511F53 * counter[0], 0xCD9E8D57 * counter[2]
        counter = [b >> 32 ^ counter[1] ^ k0, b & 0xFFFFFFFF, a >> 32 ^ counter[3] ^ k1, a & 0xFFFFFFFF]
    return counter


def words(number, count):
    return [number >> 32 * i & 0xFFFFFFFF for i in range(count)]


def drawn_words(seed, purpose, block, layer=0, sample=0, row=0, epoch=0):
    place = block | layer << 30 | sample << 40 | row << 56 | epoch << 96 | purpose << 120
    return philox(words(place, 4), words(seed, 2))


def normals(count, seed, purpose, **place):
    """So many standard normal numbers, those of elements 0, 1, ..."""
    blocks = [drawn_words(seed, purpose, block, **place) for block in range((count + 3) // 4)]
    quantile = statistics.NormalDist().inv_cdf
    return [quantile((word + 0.5) / 2 ** 32) for block in blocks for word in block][:count]


# --- bytes ----------------------------------------------------------------------------------------

class Cursor:
    """Walks over bytes and never beyond their end."""

    def __init__(self, data, name):
        self.data, self.name, self.at = data, name, 0

    def refuse(self, what, error=FormatError):
        raise error(f"{self.name}: {what}, before byte {self.at} of {len(self.data)}")

    def left(self):
        return len(self.data) - self.at

    def take(self, size):
        if size > self.left():
            self.refuse(f"{size} bytes wanted, {self.left()} left")
        self.at += size
        return self.data[self.at - size:self.at]

    def fields(self, types):
        return struct.unpack("<" + types, self.take(struct.calcsize("<" + types)))

    def number(self, type, what, low, high, above=FormatError):
        return self.within(*self.fields(type), what, low, high, above)

    def within(self, value, what, low, high, above):
        if not value >= low:
            self.refuse(f"{what} is {value}, not at least {low}")
        if not value <= high:
            self.refuse(f"{what} is {value}, not at most {high}", above)
        return value

    def count(self, what, size, low=0, high=math.inf):
        """A u32, followed by so many things of at least `size` bytes."""
        count, = self.fields("I")
        if count * size > self.left():
            self.refuse(f"{what} is {count}, too many for {self.left()} bytes")
        return self.within(count, what, low, high, VersionError)

    def matrix(self, rows, cols):
        """Rows of f32."""
        values = self.fields(f"{rows * cols}f")
        if not all(map(math.isfinite, values)):
            self.refuse("a number is not finite", NonFiniteError)
        return [list(values[i:i + cols]) for i in range(0, rows * cols, cols)]

    def crc(self, start):
        """Takes the CRC of the bytes from `start` to here."""
        wanted = zlib.crc32(self.data[start:self.at])
        if self.fields("I") != (wanted,):
            self.refuse("wrong CRC")

    def end(self):
        if self.left():
            self.refuse(f"{self.left()} bytes left over")

    def part(self, kinds):
        """A kind and its parameters."""
        number, = self.fields("I")
        if number not in kinds:
            self.refuse(f"unknown kind {number}", VersionError)
        return Part(kinds[number].name, self.parameters(kinds[number]))

    def parameters(self, kind):
        """{name: value} of all parameters that the kind has, from a list of some."""
        values = {PARAMETERS[id].name: PARAMETERS[id].default for id in kind.parameters}
        values.update(kind.defaults)
        seen = set()
        for _ in range(self.count("count of parameters", 16)):
            id, type = self.fields("II")
            if id not in kind.parameters:
                self.refuse(f"unknown parameter {id} of {kind.name}", VersionError)
            name, wanted, _, low, high = PARAMETERS[id]
            if id in seen or type != wanted:
                self.refuse(f"{name} twice, or of type {type}")
            seen.add(id)
            above = VersionError if type == I64 else FormatError
            values[name] = self.number("q" if type == I64 else "d", name, low, high, above)
        return values


def chunks(data):
    """{tag: payload} of the known chunks of a file whose frames are all in order."""
    file = Cursor(data, "file")
    if file.take(8) != MAGIC:
        file.refuse("wrong magic")
    major, _ = file.fields("II")
    file.crc(0)
    if major != 1:
        file.refuse(f"major version {major}", VersionError if major > 1 else FormatError)
    found, last = {}, -1
    while b"DONE" not in found:
        start = file.at
        tag, size = file.fields("4sQ")
        payload = file.take(size)
        file.crc(start)
        if tag in TAGS:
            if TAGS.index(tag) <= last:
                file.refuse(f"{tag.decode()} twice or out of order")
            found[tag], last = payload, TAGS.index(tag)
        elif not tag.isalpha():
            file.refuse(f"tag {tag} is not letters")
        elif tag[:1].isupper():
            file.refuse(f"unknown chunk {tag.decode()}", VersionError)
    file.end()
    for tag in TAGS:
        if tag not in found and tag.isupper() and tag not in OPTIONAL:
            file.refuse(f"{tag.decode()} is missing")
    if (b"trnd" in found) != (b"stat" in found):
        file.refuse("trnd without stat, or stat without trnd")
    for tag in found:
        if TAGS.index(tag) > TAGS.index(b"stat") and tag.islower() and b"trnd" not in found:
            file.refuse(f"{tag.decode()} without trnd")
    return {tag.decode(): Cursor(payload, tag.decode()) for tag, payload in found.items()}


# --- model ----------------------------------------------------------------------------------------

Best = namedtuple("Best", "loss epoch waited data restored arrays")
Pending = namedtuple("Pending", "rows weight gradients")
Online = namedtuple("Online", "steps running_loss")
Plateau = namedtuple("Plateau", "lowest waited factor")
Training = namedtuple("Training", "epochs steps rows rows_done loss_sum")
Sums = namedtuple("Sums", "weight losses kept")  # of an open epoch: one a loss, and a list of what it keeps


class Layer:
    """One layer: kind, parameters, shape and numbers of a row of inputs and of outputs; called with a row, its
    output."""

    def __init__(self, kind, parameters, shape):
        self.kind, self.parameters, self.in_shape, self.inputs = kind, parameters, shape, math.prod(shape)
        self.shape = images.shape_of(kind, parameters, shape)
        outputs = {"dense": parameters.get("units"), "gaussian": self.inputs // 2,
                   "concat": self.inputs + parameters.get("side", 0)}.get(kind)
        if outputs:
            self.shape = outputs,
        inputs, self.outputs = self.inputs, math.prod(self.shape)
        self.tied = parameters.get("tied", -1)
        self.shapes = images.arrays_of(kind, parameters, shape)  # of its arrays, {(slot, name): (rows, cols)}
        if kind == "dense" and self.tied < 0:
            self.shapes[0, "kernel"] = inputs, self.outputs
        if kind == "dense" and parameters["bias"]:
            self.shapes[1, "bias"] = 1, self.outputs
        if kind == "topk":
            self.shapes[0, "idle"] = 1, inputs
        self.columns = self.bias = None  # of a dense layer: a column and a bias for each output
        self.weights = {}  # of another: {name: rows}

    def __call__(self, row, side=None, z=None):
        """side: of this row, a list or a class; z: what a gaussian layer draws, None: its mean is wanted."""
        if self.columns:
            row = [sum(x * k for x, k in zip(row, column)) + b for column, b in zip(self.columns, self.bias)]
        row = images.run(self.kind, self.parameters, self.in_shape, self.weights, row)
        if self.kind == "topk":
            return largest(row, self.parameters["k"])
        if self.kind == "gaussian":
            means, others = row[:self.outputs], row[self.outputs:]
            return [m + math.exp(log_variance(a) / 2) * n for m, a, n in zip(means, others, z)] if z else means
        if self.kind == "concat":
            count = self.parameters["side"]
            if not self.parameters["label"]:
                return row + list(side)
            return row + [1.0 if side == number else 0.0 for number in range(count)]
        if "activation" not in self.parameters:
            return row
        slope, = struct.unpack("f", struct.pack("f", self.parameters["slope"]))  # as precise as f32
        act = ACTIVATIONS[self.parameters["activation"]]
        return [act(z, slope) for z in row]


class Model:
    """What a file holds.

    parameters          {name: value} of the model itself
    input_dim           numbers in a row of input
    layers              Layer; the first code_layers of them are the encoder
    terms, optimiser    losses and optimiser, each a kind and its parameters
    scalers             of input and target, each pairs of offset and scale, or None where numbers stay as they
                        are; None: not known yet
    weights             {(layer, "kernel", "bias" or "idle"): list of rows}; of losses, which count on after
                        the layers, "log_variance" and "feature_weight"
    training, history   counts, {"loss": a value an epoch}; None and {} if it was not trained
    sums                of an epoch that was stopped half-way; None if none was
    states              of the optimiser, each like weights
    data                fingerprint of those of an open epoch; None: not known
    plateau, best, online   what schedule, early stopping and single steps remember; None: nothing
    pending             gradients of a step that is not complete; None: none
    """

    def __init__(self, data):
        """Reads the bytes of a whole file. Raises FormatError."""
        file = chunks(bytes(data))
        self._model(file["MODL"])
        self._layers(file["LAYR"])
        self._terms(file["TERM"])
        self.optimiser = file["OPTM"].part(OPTIMISERS)
        self._weights(file["WGHT"])
        self.scalers = self._scaling(file.get("SCAL"))
        self.training, self.history, self.sums, self.states = None, {}, None, []
        if "trnd" in file:
            if self.scalers is None:
                file["trnd"].refuse("trained without a scaling")
            self._training(file["trnd"])
            self._states(file["stat"])
        if "part" in file:
            self._sums(file["part"])
        self.data = self._data(file["data"]) if "data" in file else None
        self.plateau = self._plateau(file["plat"]) if "plat" in file else None
        self.best = self._best(file["best"]) if "best" in file else None
        self.online = self._online(file["onli"]) if "onli" in file else None
        self.pending = self._pending(file["grad"]) if "grad" in file else None
        for chunk in file.values():
            chunk.end()

    @classmethod
    def load(cls, path):
        with open(path, "rb") as file:
            return cls(file.read())

    def features(self, layer, row, side=None):
        """The output of one layer; -1 is the last."""
        return self._run(self.layers[:range(len(self.layers))[layer] + 1], self.scaled(row), side)

    def encode(self, row, side=None):
        return self._run(self.layers[:self.code_layers], self.scaled(row), side)

    def decode(self, code, side=None):
        return self._unscaled(self._run(self.layers[self.code_layers:], code, side))

    def reconstruct(self, row, side=None):
        return self._unscaled(self._run(self.layers, self.scaled(row), side))

    def scaled(self, row, target=False):
        """A row as it enters, as x or as the target."""
        if self.scalers is None:
            raise ValueError("the scaling is not known yet")
        scaler = self.scalers[target]
        if scaler is None:
            return row
        row = [(v - offset) / scale for v, (offset, scale) in zip(row, scaler)]
        if self.bounded and scaler is self.scalers[True]:
            row = [min(max(v, 0.0), 1.0) if math.isfinite(v) else v for v in row]
        return row

    def _unscaled(self, row):
        if self.scalers is None:
            raise ValueError("the scaling is not known yet")
        if self.scalers[True] is None:
            return row
        return [v * scale + offset for v, (offset, scale) in zip(row, self.scalers[True])]

    def losses(self, row, side=None, number=0):
        """The loss of a row that is its own target, and of each loss its value without its factor; number: of
        the row in its data."""
        samples = [self._sample_losses(row, side, number, sample) for sample in range(self.samples)]
        parts = [sum(values) / self.samples for values in zip(*samples)]
        weights = [term.parameters["weight"] for term in self.terms]
        sums = [sum(w * value for w, value in zip(weights, values)) for values in samples]
        if not self.parameters["bound"]:
            return sum(sums) / self.samples, parts
        least = min(sums)
        return least - math.log(sum(math.exp(least - v) for v in sums) / self.samples), parts

    def evaluate(self, rows, sides=None, weights=None):
        """The loss over all rows, by their weights, and that of each loss without its factor."""
        sides, weights = sides or [None] * len(rows), weights or [1.0] * len(rows)
        of_rows = [self.losses(row, side, number) for number, (row, side) in enumerate(zip(rows, sides))]
        loss = weighted_mean([value for value, _ in of_rows], weights)
        parts = [weighted_mean(values, weights) for values in zip(*[parts for _, parts in of_rows])]
        for i, term in enumerate(self.terms):
            if term.kind == "kl_sparsity":
                parts[i] = self._sparsity(self._layer_of(term), term.parameters["target"], rows, sides, weights)
                loss += term.parameters["weight"] * parts[i]
        return loss, parts

    def _run(self, layers, row, side):
        if layers and len(row) != layers[0].inputs:
            raise ValueError(f"a row of {len(row)} numbers, {layers[0].inputs} wanted")
        row = self._filled(row) if layers[:1] == self.layers[:1] else row
        for layer in layers:
            row = layer(row, side)
        return row

    def _filled(self, row):
        return [0.0 if math.isnan(x) else x for x in row] if self.parameters["missing"] else row

    def _outputs(self, row, side, number, sample):
        """Of every layer, for a loss."""
        row, outputs = self._filled(row), []
        for i, layer in enumerate(self.layers):
            z = None
            if layer.kind == "gaussian":
                place = dict(layer=i, sample=sample, row=number)
                z = normals(layer.outputs, self.parameters["seed"], POSTERIOR, **place)
            row = layer(row, side, z)
            outputs.append(row)
        return outputs

    def _layer_of(self, term):
        return range(len(self.layers))[term.parameters.get("layer", -1)]

    def _sample_losses(self, row, side, number, sample):
        x, target = self.scaled(row), self.scaled(row, target=True)
        outputs = self._outputs(x, side, number, sample)
        return [self._loss(i, term, x, target, outputs) for i, term in enumerate(self.terms)]

    def _loss(self, number, term, x, row, outputs):
        at, y = self._layer_of(term), outputs[self._layer_of(term)]
        if term.kind == "l1":
            return sum(map(abs, y))
        if term.kind == "kl_sparsity":
            return 0.0  # a row has none of its own
        if term.kind == "kl":
            return self._kl(outputs[at - 1] if at else self._filled(x), y)
        delta, weights = term.parameters.get("delta"), self._element_weights(number, term, row)
        row = self._filled(row)
        if term.kind == "gaussian_nll":
            logs = self._log_variances(number, term.parameters)
            values = [((a - t) ** 2 / math.exp(v) + v + math.log(2 * math.pi)) / 2 for a, t, v in zip(y, row, logs)]
        else:
            values = [ELEMENTS[term.kind](a, t, delta) for a, t in zip(y, row)]
        if term.kind in ("gaussian_nll", "bernoulli_nll"):
            return sum(w * value for w, value in zip(weights, values))
        return weighted_mean(values, weights) if any(weights) else 0.0

    def _element_weights(self, number, term, target):
        weights = [1.0] * len(target)
        if term.parameters["feature_weights"]:
            weights, = self.weights[len(self.layers) + number, "feature_weight"]
        return [0.0 if self.parameters["missing"] and math.isnan(t) else w for w, t in zip(weights, target)]

    def _kl(self, x, y):
        total = 0.0
        for m, a, drawn in zip(x, x[len(y):], y):
            log_v = log_variance(a)
            if self.parameters["bound"]:
                total += (drawn ** 2 - log_v - (drawn - m) ** 2 / math.exp(log_v)) / 2
            else:
                total += (m ** 2 + math.exp(log_v) - 1 - log_v) / 2
        return total

    def _log_variances(self, number, parameters):
        outputs = self.layers[-1].outputs
        if not parameters["variance_kind"]:
            return [math.log(parameters["variance"])] * outputs
        learned = [log_variance(a) for a in self.weights[len(self.layers) + number, "log_variance"][0]]
        return learned * outputs if parameters["variance_kind"] == SHARED else learned

    def _sparsity(self, layer, target, rows, sides, weights):
        outputs = [self._outputs(self.scaled(row), side, number, sample)[layer] for sample in range(self.samples)
                   for number, (row, side) in enumerate(zip(rows, sides))]
        return sum(divergence(weighted_mean(unit, weights * self.samples), target) for unit in zip(*outputs))

    def _model(self, chunk):
        rank = chunk.number("I", "rank", 1, 3, VersionError)
        self.input_shape = tuple(chunk.number("Q", "dimension", 1, 2 ** 24, VersionError) for _ in range(rank))
        self.input_dim = math.prod(self.input_shape)
        if self.input_dim > 2 ** 24:
            chunk.refuse(f"{self.input_dim} dimensions")
        self.code_layers, = chunk.fields("I")
        self.parameters = chunk.parameters(MODEL)

    def _layers(self, chunk):
        self.layers, shape = [], self.input_shape
        for number in range(chunk.count("count of layers", 8, 1, 1024)):
            kind, parameters = chunk.part(LAYERS)
            try:
                layer = Layer(kind, parameters, shape)
            except images.Misfit as fault:
                chunk.refuse(f"layer {number}: {fault}")
            if layer.tied >= 0:
                owner = self.layers[layer.tied] if layer.tied < number else None
                if owner is None or owner.shapes.get((0, "kernel")) != (layer.outputs, layer.inputs):
                    chunk.refuse(f"layer {number} cannot be tied to layer {layer.tied}")
            if layer.kind == "corrupt":
                self._noise(chunk, number, **layer.parameters)
            if layer.kind == "gaussian" and layer.inputs % 2:
                chunk.refuse(f"layer {number}: {layer.inputs} dimensions are not two a normal variable")
            if layer.outputs > 2 ** 24:
                chunk.refuse(f"layer {number}: {layer.outputs} dimensions")
            if layer.kind == "topk" and layer.parameters["k"] > layer.inputs:
                chunk.refuse(f"layer {number} keeps {layer.parameters['k']} of {layer.inputs}")
            self.layers.append(layer)
            shape = layer.shape
        self._forms(chunk)
        if not 1 <= self.code_layers <= len(self.layers):
            chunk.refuse(f"{self.code_layers} of {len(self.layers)} layers are the encoder")
        if not any(name not in STATES for layer in self.layers for _, name in layer.shapes):
            chunk.refuse("no layer has weights")

    def _forms(self, chunk):
        """What there is one of, or one form of."""
        drawing = [layer for layer in self.layers if layer.kind == "gaussian"]
        told = [layer.parameters for layer in self.layers if layer.kind == "concat"]
        if len(drawing) > 1 or any(parameters != told[0] for parameters in told):
            chunk.refuse("two gaussian layers, or concat layers of two forms")
        after = [layer.kind for layer in self.layers]
        while "concat" in after:
            after = after[after.index("concat") + 1:]
        weighed = [kind for kind in after if kind == "dense" or kind.startswith("conv") or kind in images.NORMS]
        if told and not weighed:
            chunk.refuse("no layer with weights after a concat layer")
        self.samples = drawing[0].parameters["samples"] if drawing else 1

    def _noise(self, chunk, number, noise, amount, clip_low, clip_high, mask_value):
        if noise != GAUSSIAN and amount > BELOW_1:
            chunk.refuse(f"layer {number}: a probability of {amount}")
        if noise == SALT_PEPPER:
            clip_low = 0 if clip_low == -LARGEST else clip_low
            clip_high = 1 if clip_high == LARGEST else clip_high
        if clip_low >= clip_high:
            chunk.refuse(f"layer {number}: clipped from {clip_low} to {clip_high}")

    def _terms(self, chunk):
        self.terms = [chunk.part(TERMS) for _ in range(chunk.count("count of losses", 8, 0, 64))]
        last = len(self.layers) - 1
        self.term_shapes, self.kept = [], []  # arrays and sums of each
        for term in self.terms:
            at = term.parameters.get("layer", -1)
            if at > last:
                chunk.refuse("a penalty on a layer that is not there")
            on, activation = self.layers[at], self.layers[at].parameters.get("activation")
            if term.kind in ("bce", "bernoulli_nll", "kl_sparsity") and activation != SIGMOID:
                chunk.refuse(f"{term.kind} of what is not a sigmoid")
            if term.kind == "kl" and on.kind != "gaussian":
                chunk.refuse("kl of a layer that draws nothing")
            learned = [None, 1, on.outputs][term.parameters.get("variance_kind", 0)]
            self.term_shapes.append({(0, "log_variance"): (1, learned)} if learned else {})
            if term.parameters.get("feature_weights"):
                self.term_shapes[-1][len(self.term_shapes[-1]), "feature_weight"] = 1, on.outputs
            self.kept.append({"kl": 2, "kl_sparsity": 1}.get(term.kind, 0) * on.outputs)
        kinds = sorted(term.kind for term in self.terms)
        self.bounded = not BOUNDED.isdisjoint(kinds)
        if self.bounded and self.parameters["scaling_target"] == STANDARD:
            chunk.refuse("a standardised target of what wants 0 to 1")
        likelihoods = [kind for kind in kinds if kind in ("bernoulli_nll", "gaussian_nll")]
        if self.parameters["bound"] and (len(kinds), len(likelihoods), kinds.count("kl")) != (2, 1, 1):
            chunk.refuse("a bound of what are not densities")
        if self.parameters["bound"] and any(term.parameters.get("free_bits") for term in self.terms):
            chunk.refuse("free bits beside a bound that has no place for them")

    def _weights(self, chunk):
        self.weights = {}
        owners = [layer.shapes for layer in self.layers] + self.term_shapes
        wanted = [(number, slot, name, shape) for number, shapes in enumerate(owners)
                  for (slot, name), shape in shapes.items()]
        if sum(self.kept) > sum(rows * cols for *_, (rows, cols) in wanted):
            chunk.refuse("more sums than weights")
        if chunk.count("count of arrays", 28) != len(wanted):
            chunk.refuse(f"{len(wanted)} arrays wanted")
        for number, slot, name, shape in wanted:
            *place, type, rows, cols = chunk.fields("IIIQQ")
            if type != F32:
                chunk.refuse(f"unknown type {type} of array", VersionError)
            if place != [number, slot] or (rows, cols) != shape:
                chunk.refuse(f"array {place}, {rows} x {cols}: wanted {name} of layer {number}, {shape}")
            self.weights[number, name] = array = chunk.matrix(rows, cols)
            if name == "feature_weight" and (min(array[0]) < 0 or not any(array[0])):
                chunk.refuse(f"weights of features of layer {number} below 0, or all 0")
        for number, layer in enumerate(self.layers):
            if layer.kind == "dense":
                kernel = self.weights.get((number, "kernel"))
                layer.columns = list(zip(*kernel)) if kernel else self.weights[layer.tied, "kernel"]
                layer.bias = self.weights.get((number, "bias"), [[0.0] * layer.outputs])[0]
            else:
                layer.weights = {name: self.weights[number, name] for _, name in layer.shapes}

    def _scaling(self, chunk):
        kinds = self.parameters["scaling_input"], self.parameters["scaling_target"]
        outputs = self.layers[-1].outputs
        if chunk is None:
            return None if any(kinds) else (None, None)
        if not any(kinds):
            chunk.refuse("nothing is scaled")
        own = chunk.number("I", "own", 0, 1)
        scaler = self._scaler(chunk, self.input_dim) if kinds[0] != NONE else None
        if own:
            return scaler, self._scaler(chunk, outputs) if kinds[1] != NONE else None
        if scaler and self.input_dim != outputs or self.bounded and kinds[0] == STANDARD:
            chunk.refuse("the input's scaler is none for the target")
        return scaler, scaler

    def _scaler(self, chunk, dim):
        offsets, scales = chunk.fields(f"{dim}d"), chunk.fields(f"{dim}d")
        for offset, scale in zip(offsets, scales):
            if not math.isfinite(offset) or not 2.0 ** -1022 <= scale < math.inf or math.isinf(offset / scale):
                chunk.refuse(f"offset {offset}, scale {scale}")
        return list(zip(offsets, scales))

    def _training(self, chunk):
        epochs = chunk.number("Q", "epochs", 0, 2 ** 24 - 1)
        steps = chunk.number("Q", "steps", epochs, 2 ** 53)
        rows = chunk.number("Q", "rows", 0, 2 ** 53)
        done = chunk.number("Q", "rows done", 0 if steps else 1, rows)
        loss_sum = chunk.number("d", "sum of losses", -sys.float_info.max, sys.float_info.max)
        self.training = Training(epochs, steps, rows, done, loss_sum)
        least = max(1, len(self.terms)) if epochs else 0
        count, metric = chunk.count("count of series", 4 + 8 * epochs, least), -1
        self.metrics = dict(METRICS)
        for i in range(len(self.terms)):
            self.metrics.update({TERM + i: f"term {i}", VAL_TERM + i: f"val_term {i}"})
        self.history = {name: [math.nan] * epochs for name in self.metrics.values()}
        for _ in range(count):
            metric = chunk.number("I", "metric", metric + 1, math.inf)
            values = chunk.fields(f"{epochs}d")
            if metric in self.metrics:
                self.history[self.metrics[metric]] = list(values)

    def _sums(self, chunk):
        if not self.training or not self.training.rows_done:
            chunk.refuse("sums of an epoch that is not open")
        if chunk.count("count of sums", 8) != 1 + len(self.terms) + sum(self.kept):
            chunk.refuse(f"1 + {len(self.terms)} + {sum(self.kept)} sums wanted")
        weight = chunk.number("d", "weight of the rows", 0, sys.float_info.max)
        values = [chunk.number("d", "sum", -sys.float_info.max, sys.float_info.max)
                  for _ in range(len(self.terms) + sum(self.kept))]
        ends = [len(self.terms) + sum(self.kept[:i]) for i in range(len(self.terms) + 1)]
        kept = [values[begin:end] for begin, end in zip(ends, ends[1:])]
        self.sums = Sums(weight, values[:len(self.terms)], kept)

    def _plateau(self, chunk):
        lowest = chunk.number("d", "lowest loss", -sys.float_info.max, sys.float_info.max)
        waited = chunk.number("Q", "epochs waited", 0, 2 ** 53)
        return Plateau(lowest, waited, chunk.number("d", "factor", 0, 1))

    def _data(self, chunk):
        if not self.training.rows_done:
            chunk.refuse("no epoch is open")
        return chunk.number("I", "fingerprint", 1, 2 ** 32 - 1)

    def _best(self, chunk):
        loss = chunk.number("d", "lowest loss", -sys.float_info.max, sys.float_info.max)
        epoch = chunk.number("Q", "best epoch", 1, self.training.epochs)
        waited = chunk.number("Q", "epochs waited", 0, self.training.epochs - epoch)
        data, = chunk.fields("I")
        restored = chunk.number("I", "restored", 0, 1)
        return Best(loss, epoch, waited, data, restored, self._arrays(chunk, chunk.number("I", "arrays", 0, 3)))

    def _online(self, chunk):
        steps = chunk.number("Q", "steps", 1, self.training.steps)
        return Online(steps, chunk.number("d", "running loss", -sys.float_info.max, sys.float_info.max))

    def _pending(self, chunk):
        rows = chunk.number("Q", "rows", 1, self.training.rows_done)
        weight = chunk.number("d", "weight of the rows", 0, sys.float_info.max)
        return Pending(rows, weight, *self._arrays(chunk, 1))

    def _arrays(self, chunk, count):
        return [{key: chunk.matrix(len(array), len(array[0])) for key, array in self.weights.items()}
                for _ in range(count)]

    def _states(self, chunk):
        self.states = self._arrays(chunk, chunk.number("I", "count of states", 0, 2))
