#!/usr/bin/env python3
"""Writes models.h, optims.h and schedules.h beside itself: what PyTorch computes, in float64, for the chains below.

    /usr/bin/python3 tests/reference/make.py        (made with PyTorch 1.13.0)

Weights, inputs, targets and sides are draws of splitmix64 cut to 12 bits: the same numbers here and in
tests/chain.h, and exact in float. PyTorch's linear layer keeps its kernel out x in, ours in x out.
The noise of layers is drawn here anew, as docs/determinism.md says.
"""
import math
import pathlib
import torch
from torch.distributions import Bernoulli, Normal, kl_divergence

torch.set_default_dtype(torch.float64)

ROWS, STEPS = 5, 100
STEPS_L1 = 24  # with a decay of L1, which takes weights to the kink at 0 soon after
SEED, EPOCH, FIRST_ROW, EPOCHS_DONE = 0x0123456789ABCDEF, 3, 1000, 1.5  # of the step
CORRUPT, POSTERIOR = 3, 4  # what a draw is for
MASK32 = (1 << 32) - 1


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

    def batch(self, inputs, outputs):
        """x in [-1, 1), and targets in [0, 1)"""
        return self.array(ROWS, inputs), (self.array(ROWS, outputs) + 1) / 2

    def side(self, dim, classes):
        """Vectors in [-1, 1), or labels as the unit vectors that they stand for."""
        if not classes:
            return self.array(ROWS, dim)
        labels = ((self.array(ROWS) + 1) / 2 * classes).long()
        return torch.nn.functional.one_hot(labels, classes).double()


def philox(counter, key):
    """Salmon et al. 2011: Philox4x32-10"""
    x, k = list(counter), list(key)
    for _ in range(10):
        a, b = 0xD2511F53 * x[0], 0xCD9E8D57 * x[2]
        x = [(b >> 32) ^ x[1] ^ k[0], b & MASK32, (a >> 32) ^ x[3] ^ k[1], a & MASK32]
        k = [(k[0] + 0x9E3779B9) & MASK32, (k[1] + 0xBB67AE85) & MASK32]
    return x


def place(seed, purpose, epoch, row, sample, layer, block):
    """Counter and key of four words."""
    counter = block | layer << 30 | sample << 40 | row << 56 | epoch << 96 | purpose << 120
    return [counter >> shift & MASK32 for shift in (0, 32, 64, 96)], [seed & MASK32, seed >> 32]


assert philox(*place(0x0123456789ABCDEF, 0x5A, 0x123456, 0x89ABCDEF01, 0xBEEF, 0x2A5, 0x15555555)) == [
    0x30736247, 0xA412730C, 0xF15CE219, 0xBCB03839]


def words(purpose, layer, samples, dim):
    """rows samples x dim words of a layer, sample by sample of each row"""
    return torch.tensor([[philox(*place(SEED, purpose, EPOCH, FIRST_ROW + row, sample, layer, j // 4))[j % 4]
                          for j in range(dim)] for row in range(ROWS) for sample in range(samples)])


def normal(bits):
    """Wichura 1988: PPND7 of AS 241, whose few digits are the noise's own"""
    p = (bits.double() + 0.5) / 2 ** 32
    q = p - 0.5
    r = 0.180625 - q * q
    centre = q * (((59.109374720 * r + 159.29113202) * r + 50.434271938) * r + 3.3871327179) / (
        ((67.187563600 * r + 78.757757664) * r + 17.895169469) * r + 1)
    r = torch.sqrt(-torch.log(torch.minimum(p, 1 - p))) - 1.6
    tail = (((0.17023821103 * r + 1.3067284816) * r + 2.7568153900) * r + 1.4234372777) / (
        (0.12021132975 * r + 0.73700164250) * r + 1)
    z = torch.where(q.abs() <= 0.425, centre, torch.sign(q) * tail)
    assert ((z - torch.special.ndtri(p)).abs() <= 5e-7 * z.abs()).all()
    return z


def corrupt(noise, amount, **more):
    return "AE__LAYER_CORRUPT", {"NOISE": "AE_NOISE_" + noise, "AMOUNT": amount, **more}


def gaussian(samples):
    return "AE__LAYER_GAUSSIAN", {"SAMPLES": samples}


def concat(dim):
    return "AE__LAYER_CONCAT", {"SIDE": dim}


def label(classes):
    return "AE__LAYER_CONCAT", {"SIDE": classes, "LABEL": 1}


def noisy(settings, layer, samples, x):
    """x as a corrupt layer leaves it"""
    bits, amount = words(CORRUPT, layer, samples, x.shape[1]), settings["AMOUNT"]
    low, high = settings.get("CLIP_LOW", -math.inf), settings.get("CLIP_HIGH", math.inf)
    if settings["NOISE"] == "AE_NOISE_GAUSSIAN":
        y = x + amount * normal(bits)
        assert min((y - low).abs().min(), (y - high).abs().min()) > 1e-3, "too near the kink"
        return y.clamp(low, high)
    replaced = bits < int(amount * 2 ** 32)
    if settings["NOISE"] == "AE_NOISE_MASKING":
        return torch.where(replaced, torch.tensor(float(settings.get("MASK_VALUE", 0))), x)
    if settings["NOISE"] == "AE_NOISE_DROPOUT":
        return torch.where(replaced, torch.tensor(0.0), x / (1 - amount))
    salt = torch.where(bits < int(amount * 2 ** 32) // 2, torch.tensor(settings.get("CLIP_LOW", 0.0)),
                       torch.tensor(settings.get("CLIP_HIGH", 1.0)))
    return torch.where(replaced, salt, x)


def log_variance(a):
    return 20 * torch.tanh(a / 20)


def posterior(x):
    mean, a = x.chunk(2, 1)
    return Normal(mean, torch.exp(log_variance(a) / 2))


def dense(units, activation="LINEAR", **more):
    return "AE__LAYER_DENSE", {"UNITS": units, "ACTIVATION": "AE_ACT_" + activation, **more}


def alone(activation, **more):
    return "AE__LAYER_ACTIVATION", {"ACTIVATION": "AE_ACT_" + activation, **more}


def topk(k):
    return "AE__LAYER_TOPK", {"K": k}


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
        "AE_ACT_GELU": lambda: functional.gelu(z),
        "AE_ACT_SILU": lambda: functional.silu(z),
    }[act]()


def keep_largest(settings, z):
    k = settings["K"]
    values, places = torch.topk(z, k + 1)
    assert (values[:, k - 1] - values[:, k]).min() > 1e-3, "too near a tie"
    return torch.zeros_like(z).scatter(-1, places[:, :k], values[:, :k])


def weighed(kind, settings, y, t, a, elements):
    """One number a row: of each element times its weight, a mean over these or a sum."""
    functional = torch.nn.functional
    if kind in ("AE_LOSS_BCE", "AE_LOSS_BERNOULLI_NLL"):
        values = functional.binary_cross_entropy(y, t, weight=elements, reduction="none")
    elif kind == "AE_LOSS_GAUSSIAN_NLL":
        v = torch.tensor(settings.get("VARIANCE", 1.0)) if a is None else torch.exp(log_variance(a))
        values = elements * functional.gaussian_nll_loss(y, t, v.expand(y.shape), full=True, eps=1e-12,
                                                         reduction="none")
    else:
        plain = {"AE_LOSS_MSE": functional.mse_loss, "AE_LOSS_MAE": functional.l1_loss,
                 "AE_LOSS_HUBER": functional.huber_loss}[kind]
        more = {"delta": settings.get("DELTA", 1)} if "HUBER" in kind else {}
        values = elements * plain(y, t, reduction="none", **more)
    if "NLL" in kind:
        return values.sum(1)
    return values.sum(1) / elements.sum(1).clamp(min=1e-300)


def mean(values, weight):
    return values.mean(0) if weight is None else (values.T * weight).sum(-1) / weight.sum()


def loss(kind, settings, y, t, a):
    """A number, or one a row where terms are densities; a: what gives a learned log-variance."""
    functional = torch.nn.functional
    if kind == "AE_LOSS_GAUSSIAN_NLL":
        variance = torch.tensor(settings.get("VARIANCE", 1.0)) if a is None else torch.exp(log_variance(a))
        return -Normal(y, variance.sqrt()).log_prob(t).sum(1)
    return {
        "AE_LOSS_MSE": lambda: functional.mse_loss(y, t),
        "AE_LOSS_BCE": lambda: functional.binary_cross_entropy(y, t),
        "AE_LOSS_MAE": lambda: functional.l1_loss(y, t),
        "AE_LOSS_HUBER": lambda: functional.huber_loss(y, t, delta=settings.get("DELTA", 1)),
        "AE_LOSS_BERNOULLI_NLL": lambda: functional.binary_cross_entropy(y, t, reduction="none").sum(1),
    }[kind]()


def divergence(settings, x, y, sampled):
    """Of a Gaussian layer from the standard normal distribution; one a row of y."""
    q, prior = posterior(x), Normal(0.0, 1.0)
    if sampled:
        return (q.log_prob(y) - prior.log_prob(y)).sum(1)
    kl, bits = kl_divergence(q, prior), settings.get("FREE_BITS", 0)
    assert (kl - bits).abs().min() > 1e-3, "too near the kink"
    return torch.maximum(kl, torch.tensor(float(bits))).sum(1)


def penalty(kind, settings, x, y, sampled, weight):
    """Likewise; x: the layer's input for each row of its output y, weight: of each."""
    if kind == "AE_PENALTY_KL":
        return divergence(settings, x, y, sampled)
    if kind == "AE_PENALTY_L1":
        assert y[y != 0].abs().min() > 1e-3, "too near the kink"
        return y.abs().sum(1)
    wanted, got = Bernoulli(torch.tensor(settings.get("TARGET", 0.05))), Bernoulli(mean(y, weight))
    return {"AE_PENALTY_KL_SPARSITY": lambda: kl_divergence(wanted, got).sum()}[kind]()


class Model:
    def __init__(self, chain, draws):
        self.chain, self.arrays, self.kernels, self.biases, self.variances = chain, [], {}, {}, {}
        self.features, self.observed, self.weight = {}, None, None
        self.samples, self.side, width = 1, None, chain["input"]
        for i, (kind, settings) in enumerate(chain["layers"]):
            if kind == "AE__LAYER_DENSE":
                width = self.dense(i, settings, width, draws)
            if kind == "AE__LAYER_TOPK":
                self.own(draws.array(width))  # its state, which takes no part
            if kind == "AE__LAYER_GAUSSIAN":
                width, self.samples = width // 2, settings["SAMPLES"]
            if kind == "AE__LAYER_CONCAT":
                width, self.side = width + settings["SIDE"], settings
        self.outputs = width
        for i, (kind, settings) in enumerate(chain["terms"]):
            if settings.get("VARIANCE_KIND", "AE_VARIANCE_FIXED") != "AE_VARIANCE_FIXED":
                shared = settings["VARIANCE_KIND"] == "AE_VARIANCE_GLOBAL"
                self.variances[i] = self.own(draws.array(1 if shared else width))
            if settings.get("FEATURE_WEIGHTS"):
                self.features[i] = self.own(draws.array(width).abs()).detach()  # not trained

    def dense(self, i, settings, inputs, draws):
        units = settings["UNITS"]
        if "TIED" not in settings:
            self.kernels[i] = self.own(draws.array(inputs, units))
        if settings.get("BIAS", 1):
            self.biases[i] = self.own(draws.array(units))
        return units

    def own(self, array):
        self.arrays.append(array.requires_grad_())
        return array

    def batch(self, draws):
        x, t = draws.batch(self.chain["input"], self.outputs)
        more = self.side
        side = more and draws.side(more["SIDE"], more["SIDE"] if more.get("LABEL") else 0)
        if self.chain["weighed"]:
            self.weight = torch.floor(4 * (draws.array(ROWS) + 1) / 2) / 2
        if self.chain["model"].get("MISSING"):
            t, self.observed = self.gaps(t, draws)
            x, _ = self.gaps(x, draws)
            self.observed[ROWS - 1] = 0
            t[ROWS - 1] = 0
        return x, t, side

    @staticmethod
    def gaps(x, draws):
        """0 in a quarter of the numbers, and 1 for each of the others."""
        there = ((draws.array(*x.shape) + 1) / 2 >= 0.25).double()
        return x * there, there

    def elements(self, i, t):
        """Weights of the elements of the targets t for loss i; None: all 1."""
        if self.observed is None and i not in self.features:
            return None
        there = torch.ones_like(t) if self.observed is None else self.observed.repeat_interleave(self.samples, 0)
        return there * self.features.get(i, 1)

    def layer(self, i, x, side, train):
        """y for x, and x for each row of y"""
        kind, settings = self.chain["layers"][i]
        repeat = len(x) // ROWS
        if kind == "AE__LAYER_DENSE":
            kernel = self.kernels[i] if i in self.kernels else self.kernels[settings["TIED"]].T
            return activate(settings, x @ kernel + self.biases.get(i, 0)), x
        if kind == "AE__LAYER_CONCAT":
            return torch.cat([x, side.repeat_interleave(repeat, 0)], 1), x
        if kind == "AE__LAYER_CORRUPT":
            return (noisy(settings, i, repeat, x) if train else x), x
        if kind == "AE__LAYER_TOPK":
            return keep_largest(settings, x), x
        if kind == "AE__LAYER_GAUSSIAN":
            if not train:
                return posterior(x).mean, x
            x = x.repeat_interleave(settings["SAMPLES"], 0)
            q = posterior(x)
            return q.mean + q.stddev * normal(words(POSTERIOR, i, settings["SAMPLES"], q.mean.shape[1])), x
        return activate(settings, x), x

    def forward(self, x, side=None, train=False):
        """(y, x) of each layer"""
        trace = []
        for i in range(len(self.chain["layers"])):
            trace.append(self.layer(i, trace[-1][0] if trace else x, side, train))
        return trace

    def loss(self, x, t, side=None):
        trace, total = self.forward(x, side, True), 0
        importance = self.chain["model"].get("BOUND") == "AE_BOUND_IMPORTANCE"
        t = t.repeat_interleave(self.samples, 0)
        weighs = self.weight is not None or self.observed is not None or self.features
        for i, (kind, more) in enumerate(self.chain["terms"]):
            y, x = trace[more.get("LAYER", -1)]
            weight = None if self.weight is None else self.weight.repeat_interleave(len(y) // ROWS)
            elements = self.elements(i, t) if "LOSS" in kind else None
            if "LOSS" not in kind:
                value = penalty(kind, more, x, y, importance, weight)
            elif weighs:
                elements = torch.ones_like(t) if elements is None else elements
                value = weighed(kind, more, y, t, self.variances.get(i), elements)
            else:
                value = loss(kind, more, y, t, self.variances.get(i))
            factor = more.get("WEIGHT", 1) * min(1, EPOCHS_DONE / more.get("WARMUP", EPOCHS_DONE))
            total = total + factor * (value if importance or not value.dim() else mean(value, weight))
        if importance:  # Burda et al. 2016, equation 8
            total = math.log(self.samples) - torch.logsumexp(-total.reshape(ROWS, self.samples), 1)
        return mean(total, self.weight) if total.dim() else total


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


def pull(model, factor):
    """Adds the gradient of factor times the sum of |w|, kernels alone, to what was clipped."""
    kernels = list(model.kernels.values())
    assert not factor or all(k.abs().min() > 1e-4 for k in kernels), "too near the kink"
    penalty = factor * sum(k.abs().sum() for k in kernels)
    for k, gradient in zip(kernels, torch.autograd.grad(penalty, kernels)):
        k.grad += gradient


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


def chain(name, inputs, layers, terms, optim=None, model=None, weighed=False):
    """weighed: rows have weights"""
    return {"name": name, "input": inputs, "layers": layers, "terms": terms,
            "optim": optim or ("AE_OPTIM_ADAM", {}), "model": model or {}, "weighed": weighed}


def kl(layer, **more):
    return "AE_PENALTY_KL", {"LAYER": layer, **more}


def nll(variance_kind, **more):
    return "AE_LOSS_GAUSSIAN_NLL", {"VARIANCE_KIND": "AE_VARIANCE_" + variance_kind, **more}


MSE, BCE, BERNOULLI = ("AE_LOSS_MSE", {}), ("AE_LOSS_BCE", {}), ("AE_LOSS_BERNOULLI_NLL", {})
IMPORTANCE = {"BOUND": "AE_BOUND_IMPORTANCE"}
MISSING = {"MISSING": 1}


def features(term):
    return term[0], {**term[1], "FEATURE_WEIGHTS": 1}


def weighing(name, activation, term):
    """Weights of rows, of features, gaps, and all of them."""
    layers = [dense(4, "TANH"), dense(7, activation)]
    return [chain(name + ", rows weighed", 6, layers[:1] + [dense(6, activation)], [term], weighed=True),
            chain(name + ", features weighed", 6, layers[:1] + [dense(6, activation)], [features(term)]),
            chain(name + ", gaps", 7, layers, [term], model=MISSING),
            chain(name + ", all weighed", 7, layers, [features(term)], model=MISSING, weighed=True)]


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
    chain("gelu, silu", 9, [dense(6, "GELU"), dense(4, "SILU"), alone("GELU"), dense(9, "SILU")], [MSE]),
    chain("gelu, tied", 8, [dense(5, "SILU"), dense(8, "GELU", TIED=0)], [("AE_LOSS_HUBER", {"DELTA": 0.5})]),
    chain("mae", 8, [dense(4, "TANH"), dense(8, "SOFTPLUS")], [("AE_LOSS_MAE", {})]),
    chain("huber", 8, [dense(4, "SOFTPLUS"), dense(8)], [("AE_LOSS_HUBER", {"DELTA": 0.5})]),
    chain("topk", 9, [dense(8), topk(3), dense(6, "ELU"), topk(5), dense(9)], [MSE]),
    chain("bernoulli", 8, [dense(4, "ELU"), dense(8, "SIGMOID")], [BERNOULLI]),
    chain("gaussian noise", 6, [corrupt("GAUSSIAN", 0.5), dense(4, "TANH"),
                                corrupt("GAUSSIAN", 0.25, CLIP_LOW=-0.75, CLIP_HIGH=0.5), dense(6)], [MSE]),
    chain("masking", 6, [corrupt("MASKING", 0.3), dense(5, "TANH"),
                         corrupt("MASKING", 0.25, MASK_VALUE=0.5), dense(6, "SIGMOID")], [BCE]),
    chain("salt and pepper", 6, [corrupt("SALT_PEPPER", 0.4), dense(5, "TANH"),
                                 corrupt("SALT_PEPPER", 0.3, CLIP_LOW=-1.0, CLIP_HIGH=2.0), dense(6)], [MSE]),
    chain("dropout", 6, [corrupt("DROPOUT", 0.2), dense(5, "SIGMOID"), corrupt("DROPOUT", 0.5), dense(6)],
          [MSE]),
    chain("l1", 6, [dense(4, "RELU"), dense(6, "SOFTPLUS")],
          [("AE_PENALTY_L1", {"LAYER": 0, "WEIGHT": 0.25}), MSE, ("AE_PENALTY_L1", {"LAYER": 1, "WEIGHT": 0.5})]),
    chain("kl sparsity", 6, [dense(4, "SIGMOID"), dense(6, "SIGMOID")],
          [BCE, ("AE_PENALTY_KL_SPARSITY", {"LAYER": 0, "WEIGHT": 0.5}),
           ("AE_PENALTY_KL_SPARSITY", {"LAYER": 1, "TARGET": 0.75})]),
    chain("variational", 6, [dense(5, "TANH"), dense(6), gaussian(1), dense(4, "TANH"), dense(6, "SIGMOID")],
          [BERNOULLI, kl(2)]),
    chain("variational, beta", 6, [dense(6), gaussian(1), dense(6, "SIGMOID")], [MSE, kl(1, WEIGHT=0.125)]),
    chain("variational, behind tanh", 6, [dense(4, "TANH"), gaussian(2), dense(6, "SIGMOID")],
          [BERNOULLI, kl(1, WEIGHT=4)]),
    chain("free bits", 6, [dense(6), gaussian(1), dense(6, "SIGMOID")], [BERNOULLI, kl(1, FREE_BITS=0.25)]),
    chain("warm-up", 6, [dense(6), gaussian(1), dense(6, "SIGMOID")], [kl(1, WARMUP=6), BERNOULLI]),
    chain("warm-up over", 6, [dense(6), gaussian(1), dense(6, "SIGMOID")], [kl(1, WARMUP=1), BERNOULLI]),
    chain("four samples", 6, [dense(6), gaussian(4), dense(4, "TANH"), dense(6, "SIGMOID")],
          [BERNOULLI, kl(1), ("AE_PENALTY_L1", {"LAYER": 2, "WEIGHT": 0.125}),
           ("AE_PENALTY_KL_SPARSITY", {"LAYER": 3, "TARGET": 0.5})]),
    chain("four samples, noise behind", 6, [dense(6), gaussian(4), corrupt("DROPOUT", 0.25), dense(6, "SIGMOID")],
          [BERNOULLI, kl(1)]),
    chain("importance, one sample", 6, [dense(6), gaussian(1), dense(6, "SIGMOID")], [BERNOULLI, kl(1)],
          model=IMPORTANCE),
    chain("importance, five samples", 6, [dense(5, "TANH"), dense(6), gaussian(5), dense(4, "TANH"),
                                          dense(6, "SIGMOID")], [BERNOULLI, kl(2)], model=IMPORTANCE),
    chain("importance, variances", 6, [dense(4, "TANH"), gaussian(3), dense(6)], [nll("FEATURE"), kl(1)],
          model=IMPORTANCE),
    chain("fixed variance", 6, [dense(4, "TANH"), dense(6)], [nll("FIXED", VARIANCE=0.25)]),
    chain("one variance", 6, [dense(4, "TANH"), dense(6, "SIGMOID")], [nll("GLOBAL", WEIGHT=0.5)]),
    chain("variances", 6, [dense(4, "TANH"), dense(6)], [nll("FEATURE")]),
    chain("variances, three samples", 6, [dense(6), gaussian(3), dense(6, "TANH")], [nll("FEATURE"), kl(1)]),
    chain("one variance, three samples, apart", 6, [dense(6), gaussian(3), dense(6), alone("SIGMOID")],
          [nll("GLOBAL"), kl(1)]),
    chain("gaussian last", 6, [dense(4, "TANH"), dense(12), gaussian(2)], [MSE, kl(2), nll("GLOBAL")]),
    chain("side", 6, [concat(3), dense(4, "TANH"), concat(3), dense(6, "SIGMOID")], [BCE]),
    chain("label", 6, [dense(4, "TANH"), label(4), dense(6, "SIGMOID")], [BCE]),
    chain("conditional, side", 6, [concat(2), dense(5, "TANH"), dense(6), gaussian(3), concat(2),
                                   dense(6, "SIGMOID")], [BERNOULLI, kl(3)]),
    chain("conditional, label", 6, [label(4), dense(6), gaussian(2), label(4), dense(4, "SOFTPLUS"), dense(6)],
          [nll("FEATURE"), kl(2)], model=IMPORTANCE),
    *weighing("mse", "TANH", MSE), *weighing("bce", "SIGMOID", BCE), *weighing("mae", "LINEAR", ("AE_LOSS_MAE", {})),
    *weighing("huber", "LINEAR", ("AE_LOSS_HUBER", {"DELTA": 0.5})), *weighing("bernoulli", "SIGMOID", BERNOULLI),
    *weighing("one variance", "SIGMOID", nll("GLOBAL")), *weighing("variances", "LINEAR", nll("FEATURE")),
    chain("two losses, all weighed", 8, [dense(3, "TANH"), dense(8, "SIGMOID")],
          [("AE_LOSS_MSE", {"WEIGHT": 0.75}), features(BCE)], model=MISSING, weighed=True),
    chain("penalties, rows weighed", 6, [dense(4, "SIGMOID"), dense(6, "SIGMOID")],
          [BCE, ("AE_PENALTY_KL_SPARSITY", {"LAYER": 0, "WEIGHT": 0.5}), ("AE_PENALTY_L1", {"LAYER": 0}),
           ("AE_PENALTY_KL_SPARSITY", {"LAYER": 1, "TARGET": 0.75})], weighed=True),
    chain("four samples, all weighed", 6, [dense(6), gaussian(4), dense(4, "TANH"), dense(6, "SIGMOID")],
          [features(BERNOULLI), kl(1), ("AE_PENALTY_L1", {"LAYER": 2, "WEIGHT": 0.125}),
           ("AE_PENALTY_KL_SPARSITY", {"LAYER": 3, "TARGET": 0.5})], model=MISSING, weighed=True),
    chain("importance, all weighed", 6, [dense(4, "TANH"), gaussian(3), dense(6)], [features(nll("FEATURE")), kl(1)],
          model={**IMPORTANCE, **MISSING}, weighed=True),
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
    optim("sgd, decay of L1", "SGD", WEIGHT_DECAY_L1=0.0625),
    optim("nesterov, both decays", "SGD", MOMENTUM=0.8, NESTEROV=1, WEIGHT_DECAY=0.05, WEIGHT_DECAY_L1=0.1),
    optim("adam, both decays, clipped", "ADAM", {"CLIP_VALUE": 0.125}, WEIGHT_DECAY=0.1, WEIGHT_DECAY_L1=0.125),
    optim("adamw, decay of L1", "ADAMW", WEIGHT_DECAY=0.1, WEIGHT_DECAY_L1=0.125),
    optim("rmsprop, decay of L1", "RMSPROP", WEIGHT_DECAY_L1=0.05),
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
    if c["weighed"]:
        lines.append(".weighed = true")
    return "{" + ",\n      ".join(lines) + "}"


def numbers(array):
    values = ["%.17g" % v for v in torch.as_tensor(array).flatten().tolist()]
    lines = [", ".join(values[i:i + 4]) for i in range(0, len(values), 4)]
    return "(const double[]){\n        " + ",\n        ".join(lines) + "}"


def flat(arrays):
    return torch.cat([a.detach().flatten() for a in arrays])


def gradient(array):
    return torch.zeros_like(array) if array.grad is None else array.grad


def model_row(c):
    draws = Draws(1)
    model = Model(c, draws)
    x, t, side = model.batch(draws)
    loss = model.loss(x, t, side)
    loss.backward()
    return {"chain": chain_text(c), "loss": "%.17g" % loss.item(),
            "output": numbers(model.forward(x, side)[-1][0]),
            "gradients": numbers(flat(gradient(a) for a in model.arrays))}


def optim_row(c):
    draws = Draws(1)
    model = Model(c, draws)
    steps, losses, cut = optimizer(model, *c["optim"]), [], 0
    count = STEPS_L1 if "WEIGHT_DECAY_L1" in c["optim"][1] else STEPS
    for _ in range(count):
        loss = model.loss(*model.batch(draws))
        steps.zero_grad()
        loss.backward()
        cut += clip(model, c["model"])
        pull(model, c["optim"][1].get("WEIGHT_DECAY_L1", 0))
        steps.step()
        losses.append(loss.item())
    assert cut > 0 if c["model"] else cut == 0
    return {"chain": chain_text(c), "steps": count, "losses": numbers(losses), "weights": numbers(flat(model.arrays))}


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


def write(name, rows, script="make.py"):
    lines = ["/* Written by %s with PyTorch %s; not to be edited. */" % (script, torch.__version__),
             "static const %s_reference %s_references[] = {" % (name, name)]
    for row in rows:
        lines.append("    {" + ",\n     ".join(".%s = %s" % field for field in row.items()) + "},")
    pathlib.Path(__file__).with_name(name + "s.h").write_text("\n".join(lines + ["};", ""]))


if __name__ == "__main__":
    write("model", [model_row(c) for c in MODELS])
    write("optim", [optim_row(c) for c in OPTIMS])
    write("schedule", [schedule_row(row) for row in SCHEDULES])
