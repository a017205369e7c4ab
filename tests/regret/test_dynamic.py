"""Dynamic regret and path length, longhand."""

from __future__ import annotations

import math
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

import olgame as og
from olgame.exceptions import NotKeptError, ShapeError
from olgame.losses import LinearLoss, QuadraticLoss

Floats = NDArray[np.float64]
T, P, RADIUS = 20, 3, 1.5
CENTER = np.array([0.3, -0.2, 0.1])


def losses(linear: bool) -> list[Any]:
    rng = np.random.default_rng(0)
    if linear:
        return [LinearLoss(g, offset=0.3) for g in rng.standard_normal((T, P))]
    return [QuadraticLoss(a, curvature=2.0) for a in rng.standard_normal((T, P))]


def game(linear: bool = True, keep: Any = "points") -> og.Transcript:
    learner = og.learners.OnlineGradientDescent(0.3)
    adversary = og.adversaries.ObliviousSequence(losses(linear))
    ball = og.sets.L2Ball(RADIUS, CENTER)
    return og.play(learner, adversary, ball, rounds=T, keep=keep)


def test_regret_against_a_path_is_the_sum_of_differences() -> None:
    path = CENTER + np.random.default_rng(1).standard_normal((T, P)) / 3
    for linear in (True, False):
        run = game(linear)
        assert run.points is not None
        differences, inner = [], []
        for loss, w, u in zip(losses(linear), run.points, path, strict=True):
            w = np.asarray(w)
            g = loss.gradient if linear else 2.0 * (w - loss.target)
            worse = (g @ w - g @ u) if linear else (
                np.sum((w - loss.target) ** 2) - np.sum((u - loss.target) ** 2)
            )  # fmt: skip
            differences.append(worse)
            inner.append(g @ (w - u))
        assert og.regret.dynamic(run, path) == pytest.approx(sum(differences), rel=1e-12)
        assert og.regret.dynamic(run, list(path)) == og.regret.dynamic(run, path)
        np.testing.assert_allclose(og.regret.dynamic_curve(run, path), np.cumsum(differences))
        found = og.regret.dynamic_linear(run, path)
        assert found.value == pytest.approx(sum(inner), rel=1e-12)
        assert found.side == "exact"
        np.testing.assert_allclose(og.regret.dynamic_linear_curve(run, path), np.cumsum(inner))
        # Convexity, and equality where the losses are linear.
        gap = found.value - og.regret.dynamic(run, path)
        assert gap == pytest.approx(0.0, abs=1e-12) if linear else gap > 0.1
        steps = [math.dist(a, b) for a, b in pairwise(path)]
        assert og.regret.path_length(path) == pytest.approx(sum(steps), rel=1e-14)


def test_a_constant_path_gives_external_regret_and_no_path_the_largest() -> None:
    run = game(linear=False)
    u = CENTER + 0.2
    assert og.regret.dynamic(run, np.tile(u, (T, 1))) == pytest.approx(og.regret.external(run, u))
    linear_run = game()
    best = og.regret.dynamic_linear(linear_run).value
    assert linear_run.points is not None
    expected = 0.0
    for loss, w in zip(losses(True), linear_run.points, strict=True):
        g = loss.gradient
        expected += float(g @ (np.asarray(w) - CENTER)) + RADIUS * math.sqrt(g @ g)
    assert best == pytest.approx(expected, rel=1e-12)
    for path in CENTER + np.random.default_rng(2).uniform(-0.8, 0.8, (30, T, P)):
        assert og.regret.dynamic_linear(linear_run, path).value <= best


def test_games_with_leading_axes_have_one_path_or_one_each() -> None:
    rng = np.random.default_rng(3)
    starts, gradients = rng.standard_normal((4, P)), rng.standard_normal((T, 4, P))
    paths = rng.standard_normal((T, 4, P))

    def play(g: Any, start: Any) -> Any:
        adversary = og.adversaries.ObliviousSequence([LinearLoss(x) for x in g])
        ball = og.sets.L2Ball(1.5, center=start)
        learner = og.learners.OnlineGradientDescent(0.3)
        return og.play(learner, adversary, ball, rounds=T, start=start, keep="points")

    together = play(gradients, starts)
    for path in (paths, paths[:, 0]):
        found = og.regret.dynamic(together, path)
        linear = np.asarray(og.regret.dynamic_linear(together, path).value)
        largest = np.asarray(og.regret.dynamic_linear(together).value)
        for i in range(4):
            alone = play(gradients[:, i], starts[i])
            own = path[:, i] if path.ndim == 3 else path
            assert found[i] == pytest.approx(og.regret.dynamic(alone, own), rel=1e-12)
            assert linear[i] == pytest.approx(og.regret.dynamic_linear(alone, own).value)
            assert largest[i] == pytest.approx(og.regret.dynamic_linear(alone).value)
    assert og.regret.path_length(paths).shape == (4,)


def test_what_cannot_be_answered_is_refused() -> None:
    run = game()
    for bad in (np.zeros((T + 1, P)), np.zeros((T, P + 1)), np.zeros(T), np.zeros((T, 2, P))):
        with pytest.raises(
            ShapeError, match=r"`dynamic\(path=\.\.\.\)` must have one point a round"
        ):
            og.regret.dynamic(run, bad)
    with pytest.raises(NotKeptError, match="Dynamic regret needs"):
        og.regret.dynamic(game(keep="sums"), np.zeros((T, P)))
