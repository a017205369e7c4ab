"""Small convex games against cvxpy: its optimum lies in [value - gap, value]."""

from __future__ import annotations

from typing import Any, cast

import attrs
import cvxpy
import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.special import expit

import olgame as og
from olgame.activations import Activation
from olgame.duality import hindsight_point
from olgame.duality.linear_gap import linear_gap
from olgame.regret import hindsight
from olgame.sets import L2Ball, L2InfBall, ProductSet

Floats = NDArray[np.float64]
cp = cast(Any, cvxpy)
WITHIN = 1e-6
CLASSES = 3
searched: Any = hindsight_point


def hinge(z: Any, y: Floats) -> Any:
    return cp.pos(1 - cp.multiply(y, z))


def cross_entropy(z: Any, y: Floats) -> Any:
    own = np.eye(CLASSES)[y.astype(int)]
    return cp.log_sum_exp(z, axis=1) - cp.sum(cp.multiply(own, z), axis=1)


def multiclass_hinge(z: Any, y: Floats) -> Any:
    own = np.eye(CLASSES)[y.astype(int)]
    return cp.max(z + 1 - own, axis=1) - cp.sum(cp.multiply(own, z), axis=1)


LOSSES: dict[str, Any] = {  # in the words of the oracle
    "logistic": lambda z, y: cp.logistic(-cp.multiply(y, z)),
    "hinge": hinge,
    "smoothed_hinge": lambda z, y: 0.5 * cp.huber(hinge(z, y), 1),
    "absolute": lambda z, y: cp.abs(z - y),
    "squared": lambda z, y: 0.5 * cp.square(z - y),
    "cross_entropy": cross_entropy,
    "multiclass_hinge": multiclass_hinge,
}
OF_CLASSES = ("cross_entropy", "multiclass_hinge")
SHAPES = ("ball", "rows", "blocks")


@attrs.frozen(eq=False)
class Region:
    """B(R), one ball for every row, or two blocks of different radii; as a set and as words."""

    shape: str
    center: Floats
    rows: int
    radius: float

    @property
    def blocks(self) -> list[tuple[slice, float]]:
        p, row = len(self.center), len(self.center) // self.rows
        if self.shape == "ball":
            return [(slice(0, p), self.radius)]
        if self.shape == "rows":
            size = self.radius / self.rows**0.5
            return [(slice(r * row, (r + 1) * row), size) for r in range(self.rows)]
        cut = row * max(1, self.rows // 3)
        return [(slice(0, cut), self.radius), (slice(cut, p), 0.3 * self.radius)]

    @property
    def decision_set(self) -> Any:
        if self.shape == "ball":
            return L2Ball(self.radius, self.center)
        if self.shape == "rows":
            return L2InfBall(self.radius / self.rows**0.5, self.rows, self.center)
        return ProductSet(
            [(L2Ball(r, self.center[at]), at.stop - at.start) for at, r in self.blocks]
        )

    def constraints(self, u: Any) -> list[Any]:
        return [cp.norm(u[at] - self.center[at]) <= r for at, r in self.blocks]


def labels(rng: np.random.Generator, loss: str, n: int) -> Floats:
    if loss in OF_CLASSES:
        return np.asarray(np.arange(n) % CLASSES, dtype=np.float64)
    if loss in ("absolute", "squared"):
        return rng.normal(size=n)
    return rng.choice([-1.0, 1.0], n)


def optimum(maps: Floats, offset: Floats, y: Floats, loss: str, omega: Floats, k: Region) -> float:
    """min over K of sum omega l(offset + maps (u - center), y); maps (N, p) or (N, k, p)."""
    u = cp.Variable(len(k.center))
    v = u - k.center
    if maps.ndim == 2:
        z = offset + maps @ v
    else:
        z = cp.hstack([
            cp.reshape(offset[:, j] + maps[:, j] @ v, (len(maps), 1), order="C")
            for j in range(maps.shape[1])
        ])  # fmt: skip
    total = cp.sum(cp.multiply(omega, LOSSES[loss](z, y)))
    problem = cp.Problem(cp.Minimize(total), k.constraints(u))
    return float(problem.solve("CLARABEL"))


def network(loss: str, activation: str = "tanh", width: int = 12, dim: int = 5) -> Any:
    return og.models.TwoLayerNet(
        dim=dim, width=width, activation=activation, seed=4,
        classes=CLASSES if loss in OF_CLASSES else None,
    )  # fmt: skip


def linear_maps(net: Any, x: Floats) -> tuple[Floats, Floats]:
    """f(W_0, x) and its derivative in the weights, written again."""
    w, b = np.asarray(net.start).reshape(net.width, net.dim), net.signs / net.width**0.5
    values: Any = {"tanh": np.tanh, "softplus": lambda z: np.logaddexp(0, z)}
    slopes: Any = {"tanh": lambda z: 1 - np.tanh(z) ** 2, "softplus": expit}
    z = x @ w.T
    slope = slopes[net.activation.name](z)
    if b.ndim == 1:
        maps = np.einsum("nr,r,nd->nrd", slope, b, x).reshape(len(x), -1)
    else:
        maps = np.einsum("nr,rk,nd->nkrd", slope, b, x).reshape(len(x), b.shape[1], -1)
    return values[net.activation.name](z) @ b, maps


@pytest.mark.filterwarnings("ignore:Solution may be inaccurate")  # of the oracle, to 1e-6
@pytest.mark.parametrize(
    ("shape", "loss"),
    [(a, b) for a in SHAPES for b in LOSSES if b != "multiclass_hinge" or a == "ball"],
)
def test_hindsight_of_linearized_networks(shape: str, loss: str) -> None:
    """n T = 96, p = 60: the game is convex, whatever the network."""
    rng = np.random.default_rng([71, len(loss), len(shape)])
    n, rounds = 8, 12
    net = network(loss, "softplus" if loss == "logistic" else "tanh")
    x, y = rng.normal(size=(n, net.dim)), labels(rng, loss, n)
    k = Region(shape, np.asarray(net.start), net.width, 2.0)
    adversary = og.adversaries.InputAttack(
        og.models.Linearized(net, net.start), x, y, loss=getattr(og.losses, loss),
        attack=og.attacks.PGD(steps=3), perturbation_set=og.perturbations.l2(0.2),
    )  # fmt: skip
    run: Any = og.play(
        og.learners.OnlineGradientDescent(0.3), adversary, k.decision_set, rounds=rounds,
        start=net.start, keep="examples",
    )  # fmt: skip
    inputs = np.concatenate([np.asarray(played.x) for played in run.round_losses])
    offset, maps = linear_maps(net, inputs)
    omega = np.full(n * rounds, 1.0 / (n * rounds))
    best = optimum(maps, offset, np.tile(y, rounds), loss, omega, k)
    found = hindsight(run, every=1, steps=80)
    assert found.value - found.gap - WITHIN <= best <= found.value + WITHIN
    assert found.gap <= 2e-2 * max(best, 0.05)
    regret = run.loss.sum() - rounds * best
    assert found.regret.lower.value - WITHIN * rounds <= regret
    assert regret <= found.regret.upper.value + WITHIN * rounds


@pytest.mark.filterwarnings("ignore:Solution may be inaccurate")
@pytest.mark.parametrize("loss", ["absolute", "squared", "cross_entropy"])
@pytest.mark.parametrize("shape", ["ball", "blocks"])
def test_hindsight_of_linear_models(shape: str, loss: str) -> None:
    rng = np.random.default_rng([72, len(loss)])
    n, rounds, dim = 10, 15, 4
    classes = CLASSES if loss in OF_CLASSES else None
    model = og.models.LinearModel(dim, classes=classes)
    x, y = rng.normal(size=(n, dim)), labels(rng, loss, n)
    p = dim * (classes or 1)
    k = Region(shape, 0.1 * rng.normal(size=p), classes or dim, 1.0)
    adversary = og.adversaries.InputAttack(
        model, x, y, loss=getattr(og.losses, loss), attack=og.attacks.PGD(steps=3),
        perturbation_set=og.perturbations.linf(0.1),
    )  # fmt: skip
    run: Any = og.play(
        og.learners.OnlineGradientDescent(0.3), adversary, k.decision_set, rounds=rounds,
        start=k.center, keep="examples",
    )  # fmt: skip
    inputs = np.concatenate([np.asarray(played.x) for played in run.round_losses])
    if classes is None:
        maps, offset = inputs, inputs @ k.center
    else:  # z_j = <u_j, x>, u one row after another
        maps = np.einsum("kj,nd->nkjd", np.eye(CLASSES), inputs).reshape(len(inputs), CLASSES, p)
        offset = maps @ k.center
    omega = np.full(n * rounds, 1.0 / (n * rounds))
    best = optimum(maps, offset, np.tile(y, rounds), loss, omega, k)
    for every in (5, 1):
        found = hindsight(run, every=every, steps=80)
        assert found.value - found.gap - WITHIN <= best <= found.value + WITHIN
    assert found.gap <= 2e-2


@pytest.mark.parametrize("loss", ["logistic", "absolute", "cross_entropy"])
@pytest.mark.parametrize("shape", SHAPES)
def test_the_linear_gap_of_a_small_set_is_all_there_is_to_gain(shape: str, loss: str) -> None:
    """Where F is nearly linear on K, the floor from its center is the optimum, and not above it."""
    rng = np.random.default_rng([75, len(loss)])
    net = network(loss)
    x, y = rng.normal(size=(20, net.dim)), labels(rng, loss, 20)
    k = Region(shape, np.asarray(net.start), net.width, 1e-3)
    model = og.models.Linearized(net, net.start)
    found = linear_gap(model, net.start, x, y, getattr(og.losses, loss), k.decision_set)
    offset, maps = linear_maps(net, x)
    best = optimum(maps, offset, y, loss, np.full(20, 1 / 20), k)
    assert found.value - found.gap <= best + 1e-8 <= found.value + 1e-8
    assert found.value - best >= 0.999 * found.gap
    assert found.gap >= 1e-5


IDENTITY = Activation(
    "identity", 1.0, 0.0, (0.0, 0.0), (), lambda z: z, np.ones_like, np.zeros_like
)


def linear_net(seed: int, loss: str) -> tuple[Any, Floats, Floats]:
    """Two layers without a bend, p = 24; its output weights and its start."""
    net = og.models.TwoLayerNet(
        dim=4, width=6, activation=IDENTITY, seed=seed, paired=False,
        classes=CLASSES if loss in OF_CLASSES else None,
    )  # fmt: skip
    return net, net.signs / 6**0.5, np.asarray(net.start)


@pytest.mark.parametrize("loss", ["absolute", "squared", "cross_entropy", "multiclass_hinge"])
@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("seed", range(2))
def test_gap_of_convex_games(seed: int, shape: str, loss: str) -> None:
    """n = 40, p = 24, uneven weights; at several points, the optimum of which has a small gap."""
    rng = np.random.default_rng([73, seed, len(loss)])
    n, (net, output, start) = 40, linear_net(seed, loss)
    x, y, omega = rng.normal(size=(n, 4)), labels(rng, loss, n), rng.random(n)
    omega /= omega.sum()
    k = Region(shape, start, 6, 1.5)
    if output.ndim == 1:
        maps = np.einsum("r,nd->nrd", output, x).reshape(n, -1)
    else:
        maps = np.einsum("rk,nd->nkrd", output, x).reshape(n, CLASSES, -1)
    best = optimum(maps, maps @ start, y, loss, omega, k)
    given = (x, y, getattr(og.losses, loss))
    over: dict[str, Any] = {"weights": omega, "decision_set": k.decision_set}
    points: list[Any] = [start, k.decision_set.sample(rng, start.shape)]
    points.append(searched(net, *given, steps=400, **over))
    gaps = []
    for u in points:
        found = og.theory.gap(net, u, *given, **over)
        assert found.floor - WITHIN <= best <= found.value + WITHIN
        gaps.append(found.gap)
    assert gaps[-1] == min(gaps)
    assert gaps[-1] <= (1e-3 if loss in ("squared", "cross_entropy") else 0.1)


def test_an_oracle_of_another_ball_disagrees() -> None:
    """The comparison is no empty one: with 0.9 R the optimum is above the value."""
    rng = np.random.default_rng(74)
    net, output, start = linear_net(0, "squared")
    x, y, omega = rng.normal(size=(40, 4)), rng.normal(size=40), np.full(40, 1 / 40)
    maps = np.einsum("r,nd->nrd", output, x).reshape(40, -1)
    k = Region("ball", start, 6, 0.5)
    smaller = attrs.evolve(k, radius=0.45)
    given = (x, y, og.losses.squared)
    over: dict[str, Any] = {"weights": omega, "decision_set": k.decision_set}
    u = searched(net, *given, steps=400, **over)
    found = og.theory.gap(net, u, *given, **over)
    best = optimum(maps, maps @ start, y, "squared", omega, smaller)
    assert best > found.value + 1e-3
