"""The floor of networks of k outputs against brute force, and against its form for one output."""

from __future__ import annotations

import sys
from typing import Any, cast

import attrs
import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.special import expit, log_softmax, softmax

import olgame as og
from olgame.activations import Activation, get_activation
from olgame.duality.gap import Gap, gap
from olgame.duality.gram_bound import gram_bound
from olgame.duality.hindsight_point import hindsight_point
from olgame.duality.quadratic_minorant import QuadraticMinorant
from olgame.exceptions import ArgumentError
from olgame.losses import cross_entropy, logistic, multiclass_hinge, multiclass_smoothed_hinge
from olgame.models import TwoLayerNet, TwoLayerWeights
from olgame.sets import L2Ball, L2InfBall

Floats = NDArray[np.float64]
gap_module = cast(Any, sys.modules[gap.__module__])

# sigma and sigma', losses and slopes, written a second time.
SIGMA: dict[str, Any] = {
    "softplus": (lambda z: np.logaddexp(0, z), expit),
    "tanh": (np.tanh, lambda z: 1 - np.tanh(z) ** 2),
    "relu": (lambda z: np.maximum(z, 0), lambda z: (z > 0) * 1.0),
}
LOSSES: dict[str, Any] = {
    "cross_entropy": cross_entropy,
    "hinge": multiclass_hinge,
    "smoothed_hinge": multiclass_smoothed_hinge,
}


def loss_and_slope(name: str, z: Floats, y: Any) -> tuple[Floats, Floats]:
    """Of logits of shape ``(..., n, k)``."""
    own = np.eye(z.shape[-1])[y]
    if name == "cross_entropy":
        return -(log_softmax(z, -1) * own).sum(-1), softmax(z, -1) - own
    rival = np.where(own > 0, -np.inf, z)
    pick = np.eye(z.shape[-1])[rival.argmax(-1)]
    s = (z * own).sum(-1) - rival.max(-1)
    if name == "hinge":
        return np.maximum(0, 1 - s), (s < 1)[..., None] * (pick - own)
    value = np.where(s < 0, 0.5 - s, np.clip(1 - s, 0, 1) ** 2 / 2)
    return value, np.clip(1 - s, 0, 1)[..., None] * (pick - own)


@attrs.frozen(eq=False)
class Tiny:
    """A two-layer network with any start and outputs, as much of the protocol as `gap` asks for."""

    first: Floats
    output: Floats
    activation: Activation
    name: str = "tiny"
    start = property(lambda self: self.first.reshape(-1))
    width = property(lambda self: len(self.first))
    dim = property(lambda self: int(self.first.shape[1]))
    classes = property(lambda self: self.output.shape[1] if self.output.ndim == 2 else None)

    def two_layer(self, w: Floats) -> TwoLayerWeights:
        return TwoLayerWeights(w.reshape(self.first.shape), self.output, self.activation)


@attrs.frozen(eq=False)
class Problem:
    """min over B(R), or over a ball of radius R for each row, of F(u) = sum omega l(f(u, x), y)."""

    net: Any
    x: Floats
    y: Any
    omega: Floats
    loss: str
    radius: float
    by_row: bool

    def value_and_gradient(self, u: Floats) -> tuple[Floats, Floats]:
        """F and its gradient at ``u`` of shape (s, m, d), by formulas of their own."""
        sigma, slope = SIGMA[self.net.activation.name]
        z = np.einsum("srd,nd->snr", u, self.x)
        value, p = loss_and_slope(self.loss, sigma(z) @ self.net.output, self.y)
        q = (self.omega[:, None] * p) @ self.net.output.T
        return (self.omega * value).sum(1), np.einsum("snr,snr,nd->srd", q, slope(z), self.x)

    def sizes(self, v: Floats) -> Floats:
        squares = (v**2).sum(axis=2, keepdims=True)
        return np.asarray(np.sqrt(squares if self.by_row else squares.sum(1, keepdims=True)))

    def project(self, u: Floats) -> Floats:
        v = u - self.net.first
        return np.asarray(
            self.net.first + v * np.minimum(1.0, self.radius / (self.sizes(v) + 1e-300))
        )

    def random_points(self, rng: np.random.Generator, count: int) -> Floats:
        v = rng.normal(size=(count, *self.net.first.shape))
        return np.asarray(
            self.net.first + v * self.radius * rng.random((count, 1, 1)) ** 0.2 / self.sizes(v)
        )

    def lowest(self, rng: np.random.Generator) -> tuple[float, Floats]:
        u = self.random_points(rng, 64)
        best, where = np.inf, u[0]
        for k in range(120):
            f, g = self.value_and_gradient(u)
            if f.min() < best:
                best, where = float(f.min()), u[f.argmin()]
            u = self.project(u - self.radius * 0.8 * 0.96**k * g / (self.sizes(g) + 1e-300))
        return best, where

    def gap(self, u0: Floats, **options: Any) -> Gap:
        start = self.net.start
        balls: Any = L2Ball(self.radius, start)
        if self.by_row:
            balls = L2InfBall(self.radius, self.net.width, start)
        loss = LOSSES[self.loss]
        arguments = (self.net, u0.reshape(-1), self.x, self.y.astype(float), loss, self.omega)
        return gap(*arguments, decision_set=balls, **options)


def problem(seed: int) -> Problem:
    rng = np.random.default_rng([41, seed])
    m, d, n, k = (int(rng.integers(a, b)) for a, b in ((2, 8), (1, 4), (1, 5), (2, 5)))
    wild = seed % 2 == 0
    first = rng.normal(size=(m, d)) * (rng.uniform(0.5, 2.0) if wild else 0.0)
    output = rng.choice([-1.0, 1.0], (m, k)) if seed % 3 else rng.normal(size=(m, k))
    omega = rng.random(n) + 0.01
    return Problem(
        net=Tiny(first, output / m**0.5, get_activation(("softplus", "relu", "tanh")[seed % 3])),
        x=rng.normal(size=(n, d)) * rng.uniform(0.5, 2.0),
        y=rng.integers(0, k, n),
        omega=omega / omega.sum(),
        loss=list(LOSSES)[seed // 3 % 3],
        radius=float(rng.uniform(0.5, 6.0) if wild else rng.uniform(0.2, 1.0)),
        by_row=seed % 5 == 0,
    )


def excess(seed: int) -> float:
    """Largest floor minus the smallest value of F that brute force finds; <= 0 if sound."""
    p = problem(seed)
    rng = np.random.default_rng([42, seed])
    lowest, where = p.lowest(rng)
    inside = p.random_points(rng, 1)[0]
    trials = [p.gap(u) for u in (where, p.net.first, inside)]
    # Any slopes in the domain of the conjugate: q (pi - e_y) with q in [0, 1].
    k = p.net.classes
    pi = rng.random((len(p.y), k)) * (1 - np.eye(k)[p.y])
    slopes = rng.random((len(p.y), 1)) * (pi / pi.sum(1, keepdims=True) - np.eye(k)[p.y])
    trials.append(p.gap(where, slopes=slopes))
    for u, found in zip((where, p.net.first), trials[:2], strict=True):
        assert found.value == pytest.approx(float(p.value_and_gradient(u[None])[0][0]), abs=1e-12)
    return max(found.floor for found in trials) - lowest


def test_nothing_lies_below_the_floor() -> None:
    worst = [excess(seed) for seed in range(60)]
    assert max(worst) <= 1e-9
    assert np.median(worst) > -2.0  # not idle


@pytest.mark.slow
def test_nothing_lies_below_the_floor_on_400_networks() -> None:
    assert max(excess(seed) for seed in range(60, 460)) <= 1e-9


def halved(m: QuadraticMinorant) -> QuadraticMinorant:
    return attrs.evolve(m, eigenvalues=0.3 * m.eigenvalues)


def backwards(m: QuadraticMinorant) -> QuadraticMinorant:
    return attrs.evolve(m, gradient=-m.gradient)


@pytest.mark.parametrize("broken", [halved, backwards])
def test_the_brute_force_catches_a_broken_floor(
    broken: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    smooth, parabolas = gap_module.smooth_minorant, gap_module.relu_minorant
    monkeypatch.setattr(gap_module, "smooth_minorant", lambda *a: broken(smooth(*a)))
    monkeypatch.setattr(gap_module, "relu_minorant", lambda *a: broken(parabolas(*a)))
    assert any(excess(seed) > 1e-6 for seed in range(60))


@pytest.mark.parametrize(
    ("activation", "columns"),
    [
        *((name, (-0.5, 0.5)) for name in SIGMA),
        # With ReLU these two have the same bounds, and another choice among the parabolas.
        *((name, (0.0, 1.0)) for name in SIGMA if name != "relu"),
    ],
)
def test_two_logits_are_one_output(
    activation: str, columns: tuple[float, float], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Logits -f/2 and f/2 (or 0 and f): cross-entropy is the logistic loss of f, term by term."""
    # Kinks in reach are looked at for one output only.
    monkeypatch.setattr(gap_module, "relu_reach", lambda *a: None)
    rng = np.random.default_rng(4)
    for _ in range(10):
        m, d, n = 12, 3, 6
        first, b = rng.normal(size=(m, d)), rng.choice([-1.0, 1.0], m) / m**0.5
        sigma = get_activation(activation)
        one, two = Tiny(first, b, sigma), Tiny(first, np.outer(b, columns), sigma)
        x, y = rng.normal(size=(3, n, d)), rng.integers(0, 2, n).astype(float)
        v = rng.normal(size=(m, d))
        u0 = (first + v / np.linalg.norm(v)).reshape(-1)
        found = gap(cast(Any, two), u0, x, y, cross_entropy, weight_radius=1.5)
        known = gap(cast(Any, one), u0, x, 2 * y - 1, logistic, weight_radius=1.5)
        for name in ("value", "gap", "phi", "gamma", "lambda_max", "stationarity_ratio"):
            assert getattr(found, name) == pytest.approx(getattr(known, name), rel=1e-6, abs=1e-9)


def test_many_directions_of_output_weights_on_a_game() -> None:
    """More than 16 matrices come from mean inputs: still below, and above the sum one by one."""
    rng = np.random.default_rng(0)
    net = TwoLayerNet(dim=4, width=60, activation="softplus", seed=1, classes=6)
    x = rng.normal(size=(9, 4))
    rounds = [x + 0.1 * rng.normal(size=x.shape) for _ in range(5)]
    y = rng.integers(0, 6, 9).astype(float)
    u0 = hindsight_point(net, rounds, y, cross_entropy, weight_radius=2.0, steps=300)
    found = gap(net, u0, rounds, y, cross_entropy, weight_radius=2.0)
    stacked = gap(net, u0, np.concatenate(rounds), np.tile(y, 5), cross_entropy, weight_radius=2.0)
    assert found.value == pytest.approx(stacked.value, rel=1e-13)
    assert stacked.lambda_max < found.lambda_max < 1.5 * stacked.lambda_max
    assert found.gap >= stacked.gap - 1e-12
    for _ in range(20):
        u = net.neighborhood(2.0).sample(rng, (240,))
        value = np.mean([np.mean(np.asarray(cross_entropy.value(net(u, r), y))) for r in rounds])
        assert value >= found.floor


def test_a_global_minimum_of_a_network_of_ten_classes_is_proved() -> None:
    pytest.importorskip("sklearn")
    x, y = og.data.digits(classes=range(10))
    x, y = x[:50], y[:50].astype(float)
    net = TwoLayerNet(dim=64, width=600, activation="softplus", seed=0, classes=10)
    u0 = hindsight_point(net, x, y, cross_entropy, weight_radius=1.0, steps=300)
    found = gap(net, u0, x, y, cross_entropy, weight_radius=1.0, tolerance=1e-5)
    assert found.globally_optimal
    assert found.on_sphere
    assert found.gradient_dominates
    assert found.value < np.log(10)


@pytest.mark.parametrize("name", list(LOSSES))
def test_hindsight_finds_a_better_point(name: str) -> None:
    rng = np.random.default_rng(2)
    net = TwoLayerNet(dim=3, width=20, activation="softplus", seed=1, classes=3)
    x, y = rng.normal(size=(8, 3)), rng.integers(0, 3, 8).astype(float)
    u0 = hindsight_point(net, x, y, LOSSES[name], weight_radius=2.0, steps=500)
    assert bool(np.asarray(net.neighborhood(2.0).contains(u0, atol=1e-12)))
    start = float(np.mean(np.asarray(LOSSES[name].value(net(net.start, x), y))))
    found = gap(net, u0, x, y, LOSSES[name], weight_radius=2.0)
    assert found.value < start - 0.1
    assert found.frank_wolfe_gap < (1e-6 if name == "cross_entropy" else 0.01)


def test_smoothed_gram_matrices_are_above() -> None:
    rng = np.random.default_rng(0)
    centers, moves = rng.normal(size=(5, 3)), 0.3 * rng.normal(size=(4, 5, 3))
    moves -= moves.mean(axis=0)
    w = rng.random((2, 4, 5))
    spread = np.einsum("rti,tid->r", w, moves**2)
    above = gram_bound(w.sum(axis=1), spread, centers)
    for r in range(2):
        x = (centers + moves).reshape(-1, 3)
        exact = (x * w[r].reshape(-1, 1)).T @ x
        assert np.linalg.eigvalsh(above[r] - exact)[0] >= -1e-12


def test_losses_and_slopes_that_do_not_fit_are_refused() -> None:
    net = TwoLayerNet(dim=2, width=4, classes=3)
    x, y = np.eye(2), np.array([0.0, 2.0])
    with pytest.raises(ArgumentError, match=r"`gap\(loss=\.\.\.\)` must be a loss of k logits"):
        gap(net, net.start, x, y, logistic, weight_radius=1.0)
    with pytest.raises(ArgumentError, match="one row of 3 entries for each of 2 inputs"):
        gap(net, net.start, x, y, cross_entropy, weight_radius=1.0, slopes=np.zeros(2))
    with pytest.raises(ArgumentError, match="where the conjugate of the loss is finite"):
        gap(net, net.start, x, y, cross_entropy, weight_radius=1.0, slopes=np.ones((2, 3)))
