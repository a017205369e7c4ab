"""Kinks in reach: minimizers found by brute force are where the intervals say, and not lower."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from olgame.activations import get_activation
from olgame.duality import relu_reach as reach_module
from olgame.duality.input_clusters import input_clusters
from olgame.duality.kink_intervals import KinkIntervals, clustered_inputs
from olgame.duality.relu_reach import Reached, relu_reach
from olgame.duality.two_layer_point import TwoLayerPoint
from olgame.duality.weight_balls import WeightBalls
from olgame.duality.weighted_samples import WeightedSamples

Floats = NDArray[np.float64]
ROUNDS = 3


class Problem:
    """min over the ball of sum_j omega_j p_j sum_r b_r relu(<u_r, x_j>), and its witness."""

    def __init__(self, seed: int) -> None:
        rng = np.random.default_rng([5, seed])
        m, d, n = int(rng.integers(1, 6)), 2, int(rng.integers(1, 6))
        self.first, self.b = rng.normal(size=(m, d)), rng.choice([-1.0, 1.0], m)
        center = rng.normal(size=(n, d)) + (2.0 if seed % 2 else 0.0)
        noise = (0.0, 1e-3, 0.1)[seed % 3]
        self.rounds = [center + noise * rng.normal(size=(n, d)) for _ in range(ROUNDS)]
        self.x = np.concatenate(self.rounds)
        self.p = np.tile(rng.choice([-1.0, 1.0], n), ROUNDS) * rng.random(n * ROUNDS)
        self.omega = np.full(n * ROUNDS, 1.0 / (n * ROUNDS))
        self.radius = float(rng.choice([0.1, 0.5, 2.0]))
        self.rng = rng

    def values(self, u: Floats) -> Floats:
        """At ``u`` of shape ``(k, m, d)``."""
        f = np.maximum(np.einsum("krd,nd->knr", u, self.x), 0.0) @ self.b
        return np.asarray(f @ (self.omega * self.p))

    def gradients(self, u: Floats) -> Floats:
        on = (np.einsum("krd,nd->knr", u, self.x) > 0) * self.b
        return np.asarray(np.einsum("n,knr,nd->krd", self.omega * self.p, on, self.x))

    def projected(self, u: Floats) -> Floats:
        v = u - self.first
        size = np.linalg.norm(v, axis=(1, 2), keepdims=True) + 1e-300
        return np.asarray(self.first + v * np.minimum(1.0, self.radius / size))

    def lowest(self) -> tuple[float, Floats]:
        """Many descents with falling steps."""
        u = self.projected(self.first + self.radius * self.rng.normal(size=(60, *self.first.shape)))
        best, where = np.inf, u[0]
        for k in range(120):
            value = self.values(u)
            if value.min() < best:
                best, where = float(value.min()), u[value.argmin()]
            g = self.gradients(u)
            size = np.linalg.norm(g, axis=(1, 2), keepdims=True) + 1e-300
            u = self.projected(u - 0.8 * self.radius * 0.94**k * g / size)
        return best, where

    def point(self, u: Floats) -> TwoLayerPoint:
        axis: Any = SimpleNamespace()  # not asked for with one output
        return TwoLayerPoint(u, self.b, u - self.first, get_activation("relu"), axis)

    @property
    def samples(self) -> WeightedSamples:
        return WeightedSamples(tuple(self.rounds), np.ones(len(self.x)), self.omega, 2)

    def reached(self, u: Floats, most: int = 2) -> Reached | None:
        balls = WeightBalls(np.array([self.radius]), np.zeros(1, np.int64), len(u))
        g = self.gradients(u[None])[0]
        clusters = input_clusters(self.samples, most)
        return relu_reach(self.point(u), self.samples, self.p, g, clusters, balls)


def excess(seed: int) -> list[float]:
    """Floor less the lowest value found, from the best point and from others."""
    problem = Problem(seed)
    lowest, where = problem.lowest()
    found = []
    for u in (where, problem.first, problem.projected(problem.first[None] + 0.3)[0]):
        for most in (1, 3):
            reached = problem.reached(u, most)
            if reached is not None:
                value = float(problem.values(u[None])[0])
                found.append(value - reached.lost - reached.drop.gamma - lowest)
    return found


def test_nothing_lies_below_the_floor() -> None:
    worst = [max(found) for seed in range(60) if (found := excess(seed))]
    assert len(worst) > 40
    assert max(worst) <= 1e-9
    assert np.mean(np.array(worst) > -1e-6) > 0.2  # not idle: many of them are exact


@pytest.mark.parametrize("broken", ["reach", "fall", "lost"])
def test_the_witness_catches_a_broken_bound(broken: str, monkeypatch: pytest.MonkeyPatch) -> None:
    best = reach_module._best

    def wrong(pairs: Any, *rest: Any) -> Any:
        if broken == "reach":
            return best(pairs.where(pairs.reach < 0), *rest)
        found = best(pairs, *rest)
        if broken == "lost":
            return found._replace(lost=0.3 * found.lost)
        return found._replace(fall=0.3 * found.fall)

    monkeypatch.setattr(reach_module, "_best", wrong)
    assert max(max(found) for seed in range(60) if (found := excess(seed))) > 1e-4


def test_a_minimizer_crosses_only_kinks_in_reach() -> None:
    """Neuron by neuron, the least value of the Lagrangian on a fine grid in the plane."""
    crossed = 0
    for seed in range(40):
        problem = Problem(seed)
        g, mu = problem.gradients(problem.first[None])[0], 0.6
        samples = problem.samples
        inputs = clustered_inputs(samples, problem.p, input_clusters(samples, 2))
        k = len(problem.b)
        intervals = KinkIntervals(inputs, problem.first, problem.b, g, np.full(k, mu))
        pairs = intervals.pairs(10**9)
        assert pairs is not None
        columns = zip(pairs.row, pairs.input, pairs.reach, strict=True)
        known = {(int(r), int(j)): float(t) for r, j, t in columns}
        side = np.linspace(-3.0, 3.0, 401)
        v = np.stack(np.meshgrid(side, side), axis=-1).reshape(-1, 2)
        for r in range(k):
            u = problem.first[r] + v
            value = mu * (v * v).sum(axis=1)
            for x, pull in zip(inputs.x, inputs.pull, strict=True):
                value += pull * problem.b[r] * np.maximum(u @ x, 0.0)
            least = v[value.argmin()]
            z, t = inputs.x @ problem.first[r], inputs.x @ least
            for j in np.flatnonzero(((z > 0) != (z + t > 0)) & (np.abs(z + t) > 0.03)):
                crossed += 1
                assert known[r, int(j)] >= abs(t[j]) - 0.03
    assert crossed > 20


def test_without_kinks_in_reach_the_network_is_linear() -> None:
    """Far from all kinks the fall is that of a linear function on a ball, and exact."""
    problem = Problem(1)
    problem.first = 30.0 * problem.x[:1].repeat(len(problem.b), axis=0)
    problem.radius = 0.1
    g = problem.gradients(problem.first[None])[0]
    moved = problem.first - problem.radius * g / np.linalg.norm(g)
    reached = problem.reached(moved)
    assert reached is not None
    assert reached.share == 0.0
    assert reached.lost + reached.drop.gamma == pytest.approx(0.0, abs=1e-12)


def test_a_neuron_without_a_pull_is_not_looked_at() -> None:
    problem = Problem(2)
    problem.p = 0.0 * problem.p
    assert problem.reached(problem.first) is None
