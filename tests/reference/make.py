#!/usr/bin/env python3
"""Writes models.h, optims.h and schedules.h beside itself: what PyTorch computes, in float64, for the chains below.

    /usr/bin/python3 tests/reference/make.py        (made with PyTorch 1.13.0)

Weights, inputs and targets are draws of splitmix64 cut to 12 bits: the same numbers here and in
tests/chain.h, and exact in float. PyTorch's linear layer keeps its kernel out x in, ours in x out.
"""
import pathlib
import torch

torch.set_default_dtype(torch.float64)

ROWS, STEPS = 5, 24


class Draws:
    def __init__(self, seed):
        self.state = seed

    def one(self):
        mask = (1 << 64) - 1
        self.state = (self.state + 0x9E3779B97F4A7C15) & mask
        z = self.state
        z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & mask
        z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & mask
        return (((z ^ (z >> 31)) >> 52) - 2048) / 2048  # in [-1, 1)

    def array(self, *shape):
        count = torch.Size(shape).numel()
        return torch.tensor([self.one() for _ in range(count)]).reshape(shape)

    def batch(self, dim):
        """x in [-1, 1), and targets in [0, 1)"""
        return self.array(ROWS, dim), (self.array(ROWS, dim) + 1) / 2


def dense(units, activation="LINEAR", **more):
    return "AE__LAYER_DENSE", {"UNITS": units, "ACTIVATION": "AE_ACT_" + activation, **more}


def alone(activation, **more):
    return "AE__LAYER_ACTIVATION", {"ACTIVATION": "AE_ACT_" + activation, **more}


def activate(settings, z):
    act = settings["ACTIVATION"]
    if act in ("AE_ACT_RELU", "AE_ACT_LEAKY_RELU"):
        assert z.abs().min() > 1e-3, "too near the kink"
    functional = torch.nn.functional
    return {
        "AE_ACT_LINEAR": lambda: z,
        "AE_ACT_RELU": lambda: torch.relu(z),
        "AE_ACT_LEAKY_RELU": lambda: functional.leaky_relu(z, settings["SLOPE"]),
        "AE_ACT_TANH": lambda: torch.tanh(z),
        "AE_ACT_SIGMOID": lambda: torch.sigmoid(z),
        "AE_ACT_ELU": lambda: functional.elu(z),
        "AE_ACT_SOFTPLUS": lambda: functional.softplus(z, threshold=100),  # beyond it PyTorch gives z
    }[act]()


def loss(kind, settings, y, t):
    functional = torch.nn.functional
    return {
        "AE_LOSS_MSE": lambda: functional.mse_loss(y, t),
        "AE_LOSS_BCE": lambda: functional.binary_cross_entropy(y, t),
        "AE_LOSS_MAE": lambda: functional.l1_loss(y, t),
        "AE_LOSS_HUBER": lambda: functional.huber_loss(y, t, delta=settings.get("DELTA", 1)),
        "AE_LOSS_BERNOULLI_NLL": lambda: functional.binary_cross_entropy(y, t, reduction="sum") / len(y),
    }[kind]()


class Model:
    def __init__(self, chain, draws):
        self.chain, self.arrays, self.kernels, self.biases = chain, [], {}, {}
        inputs = chain["input"]
        for i, (kind, settings) in enumerate(chain["layers"]):
            if kind != "AE__LAYER_DENSE":
                continue
            units = settings["UNITS"]
            if "TIED" not in settings:
                self.kernels[i] = self.own(draws.array(inputs, units))
            if settings.get("BIAS", 1):
                self.biases[i] = self.own(draws.array(units))
            inputs = units

    def own(self, array):
        self.arrays.append(array.requires_grad_())
        return array

    def forward(self, y):
        for i, (kind, settings) in enumerate(self.chain["layers"]):
            if kind == "AE__LAYER_DENSE":
                kernel = self.kernels[i] if i in self.kernels else self.kernels[settings["TIED"]].T
                y = y @ kernel + self.biases.get(i, 0)
            y = activate(settings, y)
        return y

    def loss(self, x, t):
        y = self.forward(x)
        return sum(more.get("WEIGHT", 1) * loss(kind, more, y, t) for kind, more in self.chain["terms"])


def optimizer(model, kind, settings):
    """Our weight decay acts on kernels alone: two groups. Our defaults are Keras'."""
    groups = [{"params": list(model.kernels.values()), "weight_decay": settings["WEIGHT_DECAY"]},
              {"params": list(model.biases.values()), "weight_decay": 0}]
    lr = settings["LEARNING_RATE"]
    if kind == "AE_OPTIM_SGD":
        return torch.optim.SGD(groups, lr, momentum=settings.get("MOMENTUM", 0),
                               nesterov=bool(settings.get("NESTEROV", 0)))
    if kind == "AE_OPTIM_RMSPROP":
        return torch.optim.RMSprop(groups, lr, alpha=settings.get("RHO", 0.9), eps=settings.get("EPSILON", 1e-7),
                                   momentum=settings.get("MOMENTUM", 0))
    make = {"AE_OPTIM_ADAM": torch.optim.Adam, "AE_OPTIM_ADAMW": torch.optim.AdamW}[kind]
    betas = settings.get("BETA1", 0.9), settings.get("BETA2", 0.999)
    return make(groups, lr, betas=betas, eps=settings.get("EPSILON", 1e-7))


def clip(model, settings):
    """By norm: exactly to the bound, as TensorFlow; clip_grad_norm_ would add 1e-6 to the norm."""
    cut = False
    norm = torch.sqrt(sum((a.grad ** 2).sum() for a in model.arrays))
    if norm > settings.get("CLIP_NORM", float("inf")):
        cut = True
        for a in model.arrays:
            a.grad *= settings["CLIP_NORM"] / norm
    bound = settings.get("CLIP_VALUE", float("inf"))
    cut |= any(bool((a.grad.abs() > bound).any()) for a in model.arrays)
    torch.nn.utils.clip_grad_value_(model.arrays, bound)
    return cut


def chain(name, inputs, layers, terms, optim=None, model=None):
    return {"name": name, "input": inputs, "layers": layers, "terms": terms,
            "optim": optim or ("AE_OPTIM_ADAM", {}), "model": model or {}}


MSE, BCE = ("AE_LOSS_MSE", {}), ("AE_LOSS_BCE", {})
MODELS = [
    chain("seed program", 12, [dense(5, "RELU"), dense(12, "SIGMOID")], [BCE]),
    chain("deep", 12, [dense(8, "RELU"), dense(6, "RELU"), dense(3, "RELU"), dense(6, "RELU"),
                       dense(8, "RELU"), dense(12, "SIGMOID")], [BCE]),
    chain("tied", 9, [dense(4, "TANH"), dense(9, TIED=0)], [MSE]),
    chain("tied twice, no bias", 7, [dense(4, "SIGMOID", BIAS=0), dense(7, "TANH", TIED=0, BIAS=0),
                                     dense(4, BIAS=0), dense(7, "SIGMOID", TIED=0)], [BCE]),
    chain("leaky", 10, [dense(7, "LEAKY_RELU", SLOPE=0.25), dense(5, "LEAKY_RELU", SLOPE=0.125),
                        dense(10, "TANH")], [MSE]),
    chain("activations apart", 8, [dense(5), alone("LEAKY_RELU", SLOPE=0.5), dense(4), alone("TANH"),
                                   dense(8), alone("SIGMOID")], [MSE]),
    chain("two losses", 8, [dense(3, "TANH"), dense(8, "SIGMOID")],
          [("AE_LOSS_MSE", {"WEIGHT": 0.75}), ("AE_LOSS_BCE", {"WEIGHT": 1.5})]),
    chain("elu, softplus", 9, [dense(6, "ELU"), dense(4, "SOFTPLUS"), dense(9, "ELU")], [MSE]),
    chain("mae", 8, [dense(4, "TANH"), dense(8, "SOFTPLUS")], [("AE_LOSS_MAE", {})]),
    chain("huber", 8, [dense(4, "SOFTPLUS"), dense(8)], [("AE_LOSS_HUBER", {"DELTA": 0.5})]),
    chain("bernoulli", 8, [dense(4, "ELU"), dense(8, "SIGMOID")], [("AE_LOSS_BERNOULLI_NLL", {})]),
]


def optim(name, kind, model=None, **settings):
    settings = {"LEARNING_RATE": 0.05, "WEIGHT_DECAY": 0, **settings}
    return chain(name, 4, [dense(3, "TANH"), dense(4)], [MSE], ("AE_OPTIM_" + kind, settings), model)


OPTIMS = [
    optim("sgd", "SGD"),
    optim("sgd, decay", "SGD", WEIGHT_DECAY=0.1),
    optim("momentum", "SGD", MOMENTUM=0.9),
    optim("momentum, decay", "SGD", MOMENTUM=0.9, WEIGHT_DECAY=0.1),
    optim("nesterov", "SGD", MOMENTUM=0.9, NESTEROV=1),
    optim("nesterov, decay", "SGD", MOMENTUM=0.8, NESTEROV=1, WEIGHT_DECAY=0.1),
    optim("adam", "ADAM"),
    optim("adam, decay", "ADAM", WEIGHT_DECAY=0.1),
    optim("adam, other moments", "ADAM", BETA1=0.5, BETA2=0.9, EPSILON=1e-3),
    optim("adamw", "ADAMW", WEIGHT_DECAY=0.1),
    optim("rmsprop", "RMSPROP"),
    optim("rmsprop, decay", "RMSPROP", WEIGHT_DECAY=0.1, RHO=0.5, EPSILON=1e-3),
    optim("rmsprop, momentum", "RMSPROP", MOMENTUM=0.75, LEARNING_RATE=0.0125),
    optim("sgd, norm clipped", "SGD", {"CLIP_NORM": 0.5}, LEARNING_RATE=0.25),
    optim("sgd, value clipped", "SGD", {"CLIP_VALUE": 0.0625}, MOMENTUM=0.5),
    optim("adam, both clipped", "ADAM", {"CLIP_NORM": 0.5, "CLIP_VALUE": 0.125}, WEIGHT_DECAY=0.1),
]


def settings_text(settings):
    return "{" + ", ".join("{AE_PARAM_%s, %s}" % pair for pair in settings.items()) + "}"


def piece_text(piece):
    kind, settings = piece
    return "{%s, %s}" % (kind, settings_text(settings)) if settings else "{%s}" % kind


def chain_text(c):
    layers = ",\n                ".join(piece_text(p) for p in c["layers"])
    lines = [".name = \"%s\"" % c["name"], ".input = %d" % c["input"], ".layers = {%s}" % layers,
             ".terms = {%s}" % ", ".join(piece_text(p) for p in c["terms"]),
             ".optim = " + piece_text(c["optim"])]
    if c["model"]:
        lines.append(".model = " + settings_text(c["model"]))
    return "{" + ",\n      ".join(lines) + "}"


def numbers(array):
    values = ["%.17g" % v for v in torch.as_tensor(array).flatten().tolist()]
    lines = [", ".join(values[i:i + 4]) for i in range(0, len(values), 4)]
    return "(const double[]){\n        " + ",\n        ".join(lines) + "}"


def flat(arrays):
    return torch.cat([a.detach().flatten() for a in arrays])


def model_row(c):
    draws = Draws(1)
    model = Model(c, draws)
    x, t = draws.batch(c["input"])
    loss = model.loss(x, t)
    loss.backward()
    fields = {"chain": chain_text(c), "loss": "%.17g" % loss.item(),
              "output": numbers(model.forward(x)), "gradients": numbers(flat(a.grad for a in model.arrays))}
    return fields


def optim_row(c):
    draws = Draws(1)
    model = Model(c, draws)
    steps, losses, cut = optimizer(model, *c["optim"]), [], 0
    for _ in range(STEPS):
        loss = model.loss(*draws.batch(c["input"]))
        steps.zero_grad()
        loss.backward()
        cut += clip(model, c["model"])
        steps.step()
        losses.append(loss.item())
    assert cut > 0 if c["model"] else cut == 0
    return {"chain": chain_text(c), "losses": numbers(losses), "weights": numbers(flat(model.arrays))}


# --- schedules: the learning rate of every step ---------------------------------------------------

RATE, RATES = 0.05, 100
EPOCH_STEPS = 4  # of a plateau: after each so many steps a loss
LOSSES = [round(abs((k * 7 % 11) / 8 + 3 / (k + 1) - 1.25) + (k > 12) * 0.75, 6) for k in range(RATES // EPOCH_STEPS)]


def schedule(name, make, warmup=0, **settings):
    """make: of torch.optim.lr_scheduler, for an optimiser at RATE; after a linear rise of `warmup` steps."""
    return name, make, warmup, {"SCHEDULE": "AE_SCHEDULE_" + name.split(",")[0].upper(), **settings}


lr = torch.optim.lr_scheduler
SCHEDULES = [
    schedule("step", lambda o: lr.StepLR(o, 30, 0.5), SCHEDULE_STEPS=30, SCHEDULE_FACTOR=0.5),
    schedule("step, warm-up", lambda o: lr.StepLR(o, 20, 0.1), 7, SCHEDULE_STEPS=20),
    schedule("exponential", lambda o: lr.ExponentialLR(o, 0.96), SCHEDULE_STEPS=1, SCHEDULE_FACTOR=0.96),
    schedule("exponential, warm-up", lambda o: lr.ExponentialLR(o, 0.9), 10, SCHEDULE_STEPS=1, SCHEDULE_FACTOR=0.9),
    schedule("cosine", lambda o: lr.CosineAnnealingLR(o, 100), SCHEDULE_STEPS=100),
    schedule("cosine, minimum, warm-up", lambda o: lr.CosineAnnealingLR(o, 90, 0.004), 12, SCHEDULE_STEPS=90,
             SCHEDULE_MINIMUM=0.004),
    schedule("constant, warm-up", lambda o: lr.ConstantLR(o, 1), 25),
    schedule("plateau", lambda o: lr.ReduceLROnPlateau(o, factor=0.5, patience=1, threshold=0.05, min_lr=0.004),
             SCHEDULE_FACTOR=0.5, SCHEDULE_PATIENCE=2, SCHEDULE_THRESHOLD=0.05, SCHEDULE_MINIMUM=0.004),
]


def rates_of(make, warmup):
    """ReduceLROnPlateau's patience is one less than ours: it counts the epochs that are borne."""
    o = torch.optim.SGD([torch.zeros(1, requires_grad=True)], RATE)
    s, rates = make(o) if not warmup else None, []
    if warmup:
        s = lr.SequentialLR(o, [lr.LinearLR(o, 1 / warmup, 1, warmup - 1), make(o)], [warmup])
    for step in range(RATES):
        rates.append(o.param_groups[0]["lr"])
        o.step()
        if isinstance(s, lr.ReduceLROnPlateau):
            if (step + 1) % EPOCH_STEPS == 0:
                s.step(LOSSES[step // EPOCH_STEPS])
        else:
            s.step()
    return rates


def schedule_row(row):
    name, make, warmup, settings = row
    settings = {**settings, **({"SCHEDULE_WARMUP": warmup} if warmup else {})}
    rates = rates_of(make, warmup)
    assert len(set(rates)) > 2
    return {"name": '"%s"' % name, "settings": settings_text(settings), "rates": numbers(rates),
            "losses": numbers(LOSSES)}


def write(name, rows):
    lines = ["/* Written by make.py with PyTorch %s; not to be edited. */" % torch.__version__,
             "static const %s_reference %s_references[] = {" % (name, name)]
    for row in rows:
        lines.append("    {" + ",\n     ".join(".%s = %s" % field for field in row.items()) + "},")
    pathlib.Path(__file__).with_name(name + "s.h").write_text("\n".join(lines + ["};", ""]))


write("model", [model_row(c) for c in MODELS])
write("optim", [optim_row(c) for c in OPTIMS])
write("schedule", [schedule_row(row) for row in SCHEDULES])
