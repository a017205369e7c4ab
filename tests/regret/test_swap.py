"""Swap regret against a brute force over all maps of the actions."""

from __future__ import annotations

from itertools import product
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

import olgame as og
from olgame.exceptions import NotAvailableError
from olgame.losses import LinearLoss, QuadraticLoss

Floats = NDArray[np.float64]
T, P = 12, 4
OFFSET = np.array([0.5, -1.0, 2.0, 0.0])
SIMPLICES = {"plain": og.sets.Simplex(P), "moved": og.sets.Simplex(P, 2.5, OFFSET)}


def game(simplex: og.sets.Simplex, *, linear: bool = True, keep: Any = "points") -> og.Transcript:
    rng = np.random.default_rng(0)
    losses: list[Any] = [LinearLoss(g) for g in rng.standard_normal((T, P))]
    if not linear:
        losses = [QuadraticLoss(a) for a in rng.standard_normal((T, P))]
    start = simplex.project(np.array([0.4, 0.3, 0.2, 0.1]))
    return og.play(
        og.learners.OnlineGradientDescent(0.5),
        og.adversaries.ObliviousSequence(losses),
        simplex,
        rounds=T,
        start=start,
        keep=keep,
    )


def weights_and_gradients(run: og.Transcript) -> tuple[Floats, Floats]:
    simplex: Any = run.decision_set
    losses: Any = run.round_losses
    points = run.points or ()
    weights = np.stack([np.asarray(w) for w in points])
    if simplex.offset is not None:
        weights = weights - OFFSET
    gradients = [np.asarray(x.evaluate(w).gradient) for x, w in zip(losses, points, strict=True)]
    return weights, np.stack(gradients)


def swapped(weights: Floats, gradients: Floats, phi: tuple[int, ...]) -> float:
    """sum_t sum_i q_t(i) (g_t(i) - g_t(phi(i)))."""
    total = 0.0
    for q, g in zip(weights, gradients, strict=True):
        total += sum(q[i] * (g[i] - g[phi[i]]) for i in range(P))
    return float(total)


@pytest.mark.parametrize("linear", [True, False])
@pytest.mark.parametrize("name", SIMPLICES)
def test_swap_regret_is_the_best_of_all_maps(name: str, linear: bool) -> None:
    run = game(SIMPLICES[name], linear=linear)
    weights, gradients = weights_and_gradients(run)
    maps = list(product(range(P), repeat=P))
    values = [swapped(weights, gradients, phi) for phi in maps]
    found = og.regret.swap(run)
    assert found.value.value == pytest.approx(max(values), rel=1e-12)
    assert found.value.side == "exact"
    assert tuple(found.replacement) == maps[int(np.argmax(values))]
    single = [
        swapped(weights, gradients, tuple(j if k == i else k for k in range(P)))
        for i in range(P)
        for j in range(P)
    ]
    assert found.internal.value == pytest.approx(max(single), rel=1e-12)
    # No stochastic matrix does better, and external regret is a special case.
    rng = np.random.default_rng(1)
    for _ in range(100):
        q = rng.dirichlet(np.full(P, 0.2), P)
        gain = np.sum(weights * gradients) - np.sum((weights @ q) * gradients)
        assert gain <= found.value.value + 1e-12
    assert og.regret.linear(run).value <= found.value.value + 1e-12
    if not linear:  # an upper bound for convex losses
        losses: Any = run.round_losses
        for phi in maps[::17]:
            matrix = np.eye(P)[list(phi)]
            offset = OFFSET if name == "moved" else 0.0
            there = [
                float(x.value(offset + w @ matrix)) for x, w in zip(losses, weights, strict=True)
            ]
            assert run.loss.sum() - sum(there) <= found.value.value + 1e-12


def test_the_curve_ends_in_the_value_and_is_of_every_prefix() -> None:
    run = game(SIMPLICES["moved"])
    curve = og.regret.swap_curve(run)
    weights, gradients = weights_and_gradients(run)
    for t in (1, 5, T):
        matrix = weights[:t].T @ gradients[:t]
        expected = sum(matrix[i, i] - matrix[i].min() for i in range(P))
        assert curve[t - 1] == pytest.approx(expected, abs=1e-12)
    assert curve[-1] == pytest.approx(og.regret.swap(run).value.value)


def test_the_curve_keeps_its_digits_under_a_common_offset() -> None:
    """An offset of all losses changes no swap regret; 1e9 leaves 7 digits of sums of products."""
    start = np.full(P, 1 / P)
    rng = np.random.default_rng(5)
    rows = rng.integers(-4, 5, (T, P)).astype(float)  # so that rows + 2^40 is exact

    def curve(offset: float) -> Any:
        adversary = og.adversaries.ObliviousSequence([LinearLoss(g + offset) for g in rows])
        learner = og.learners.Hedge(0.25)
        run = og.play(learner, adversary, og.sets.Simplex(P), rounds=T, start=start, keep="points")
        return og.regret.swap_curve(run)

    np.testing.assert_allclose(curve(2.0**40), curve(0.0), rtol=1e-12, atol=1e-12)


def test_games_with_leading_axes() -> None:
    rng = np.random.default_rng(3)
    starts, gradients = rng.dirichlet(np.ones(P), 3), rng.standard_normal((T, 3, P))

    def play(g: Any, start: Any) -> Any:
        adversary = og.adversaries.ObliviousSequence([LinearLoss(x) for x in g])
        learner = og.learners.OnlineGradientDescent(0.5)
        return og.play(learner, adversary, og.sets.Simplex(P), rounds=T, start=start, keep="points")

    together = og.regret.swap(play(gradients, starts))
    for i in range(3):
        alone = og.regret.swap(play(gradients[:, i], starts[i]))
        assert np.asarray(together.value.value)[i] == pytest.approx(alone.value.value, rel=1e-12)
        assert together.replacement[i].tolist() == alone.replacement.tolist()


def test_other_sets_are_refused() -> None:
    run = og.play(
        og.learners.OnlineGradientDescent(0.5),
        og.adversaries.ObliviousSequence([LinearLoss(np.ones(2))]),
        og.sets.L2Ball(1.0, center=np.zeros(2)),
        rounds=1,
        keep="points",
    )
    with pytest.raises(NotAvailableError, match=r"computed on `Simplex`, .* got L2Ball"):
        og.regret.swap(run)
