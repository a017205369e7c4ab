"""Bugs found in other libraries, each as a test that ours passes and the flawed variant fails.

The tests of the rooms go further; this is the list. Every test computes what is right and what the
flaw would give, longhand, and asks that the two differ.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

import olgame as og
from olgame.arrays import to_numpy
from olgame.attacks import PGD, AttackResult, Restarts
from olgame.packed_state import pack, unpack

Floats = NDArray[np.float64]
L: Any = og.learners
Z: Any = og.sets
ROWS: Floats = np.random.default_rng(2).standard_normal((30, 3))


def in_ball(y: Floats, radius: float) -> Floats:
    return y * min(1.0, radius / float(np.linalg.norm(y)))


def points(learner: Any, rows: Floats = ROWS, radius: float = 1.0) -> Floats:
    losses = [og.losses.LinearLoss(row) for row in rows]
    run = og.play(
        learner, og.adversaries.ObliviousSequence(losses), Z.L2Ball(radius),
        rounds=len(rows), start=np.zeros(rows.shape[1]), keep="points",
    )  # fmt: skip
    return np.array([to_numpy(w) for w in [*(run.points or ()), run.final_point]])


def differ(right: Any, flawed: Any) -> bool:
    return float(np.abs(np.asarray(right) - np.asarray(flawed)).max()) > 1e-3


def test_rounds_of_a_decreasing_step_advance() -> None:
    """One library's gradient descent never adds 1 to t: its steps stay D/G."""

    def longhand(advances: bool) -> Floats:
        found = [np.zeros(3)]
        for t, g in enumerate(ROWS, start=1):
            step = 0.5 / math.sqrt(t if advances else 1)
            found.append(in_ball(found[-1] - step * g, 1.0))
        return np.array(found)

    played = points(L.OnlineGradientDescent(og.step_sizes.Decreasing(0.5, 1.0)))
    np.testing.assert_allclose(played, longhand(True), atol=1e-14)
    assert differ(played, longhand(False))


def test_what_was_observed_is_not_dropped_for_a_prediction() -> None:
    """Another learns from the prediction *instead of* the gradient once it is given predictions."""
    hints = np.random.default_rng(3).standard_normal((31, 3))

    def longhand(drops: bool) -> Floats:
        z, found = np.zeros(3), []
        for hint, g in zip(hints, [*ROWS, np.zeros(3)], strict=True):
            found.append(in_ball(z - 0.1 * hint, 1.0))
            z = in_ball(z - 0.1 * (hint if drops else g), 1.0)
        return np.array(found)

    played = points(L.Optimistic(L.OnlineGradientDescent(0.1), hints=hints))
    np.testing.assert_allclose(played, longhand(False), atol=1e-14)
    assert differ(played, longhand(True))


def test_every_block_has_its_own_constraint() -> None:
    """One projected gradient method applies the *last* projection to every parameter."""
    blocks = Z.ProductSet([(Z.L2Ball(1.0), 3), (Z.Simplex(), 2)])
    x = np.array([3.0, 0.0, 4.0, 0.9, 0.1])
    np.testing.assert_allclose(blocks.project(x), [0.6, 0.0, 0.8, 0.9, 0.1], atol=1e-15)
    run = og.play(
        L.OnlineGradientDescent(1.0),
        og.adversaries.ObliviousSequence([og.losses.LinearLoss(-x)] * 3), blocks, rounds=3,
        start=np.array([0.0, 0.0, 0.0, 0.5, 0.5]),
    )  # fmt: skip
    w = to_numpy(run.final_point)
    assert np.linalg.norm(w[:3]) == pytest.approx(1.0)
    assert w[:3].sum() == pytest.approx(1.4)  # on the sphere, and on no simplex
    assert w[3:].sum() == pytest.approx(1.0)


def test_wealth_is_in_the_state() -> None:
    """A parameter-free optimizer kept its wealth outside what is saved: resumed, it was poor."""
    learner, whole = L.CoinBetting(gradient_bound=5.0), Z.WholeSpace(3)

    def feedback(t: int, state: Any) -> og.Feedback:
        w = learner.decide(state)
        return og.Feedback(t, w, float(to_numpy(w) @ ROWS[t - 1]), ROWS[t - 1], None)

    state = learner.init(np.zeros(3), whole)
    for t in range(1, 16):
        state = learner.update(state, feedback(t, state))
    arrays: dict[str, Any] = {}
    stored = pack(state, arrays)
    again = unpack(stored, learner.init(np.zeros(3), whole), arrays, np.zeros(3))
    poor = unpack(stored, learner.init(np.zeros(3), whole), arrays, np.zeros(3))
    poor.wealth = learner.init(np.zeros(3), whole).wealth
    for t in range(16, 31):
        state, again, poor = (learner.update(s, feedback(t, s)) for s in (state, again, poor))
    np.testing.assert_array_equal(learner.decide(again), learner.decide(state))
    assert differ(learner.decide(poor), learner.decide(state))


def test_an_intersection_projects_to_the_nearest_point() -> None:
    """One library alternates projections and calls the common point it finds the projection."""
    disk, half = Z.L2Ball(1.0), Z.Halfspace(np.array([1.0, 0.0]))
    x = np.array([1.0, 2.0])
    alternating = x
    for _ in range(1000):
        alternating = half.project(disk.project(alternating))
    right = [0.0, 1.0]  # nearest of {norm(u) <= 1, u_1 <= 0}: by hand
    np.testing.assert_allclose(Z.Intersection([disk, half]).project(x), right, atol=1e-9)
    assert differ(right, alternating)


@pytest.mark.parametrize("plus", [False, True])
def test_regret_is_utility_minus_expected_utility(plus: bool) -> None:
    """A game theory library subtracts the *probability* of an action from its utility."""
    losses = np.random.default_rng(4).random((30, 3))

    def longhand(flawed: bool) -> Floats:
        q, regrets, found = np.full(3, 1 / 3), np.zeros(3), [np.full(3, 1 / 3)]
        for utility in -losses:
            regrets = regrets + utility - (q if flawed else utility @ q)
            regrets = np.maximum(regrets, 0.0) if plus else regrets
            positive = np.maximum(regrets, 0.0)
            q = positive / positive.sum() if positive.any() else np.full(3, 1 / 3)
            found.append(q)
        return np.array(found)

    learner = L.RegretMatchingPlus() if plus else L.RegretMatching()
    run = og.play(
        learner, og.adversaries.ObliviousSequence([og.losses.LinearLoss(g) for g in losses]),
        Z.Simplex(), rounds=30, start=np.full(3, 1 / 3), keep="points",
    )  # fmt: skip
    played = np.array([to_numpy(w) for w in [*(run.points or ()), run.final_point]])
    np.testing.assert_allclose(played, longhand(False), atol=1e-12)
    assert differ(played, longhand(True))


def test_a_common_offset_costs_the_simplex_nothing() -> None:
    """The sort-based projection adds the entries before it subtracts what they have in common."""
    x = np.array([0.5, 0.3, 0.1, -1.0])
    right = x + (1.0 - 0.9) / 3.0 * np.array([1.0, 1.0, 1.0, 0.0])
    right[3] = 0.0
    offset = 2.0**48
    moved = x + offset
    known = moved - offset  # what the floats hold: multiples of 1/16
    assert differ(known, x)

    def textbook(v: Floats) -> Floats:
        u = np.sort(v)[::-1]
        level = (np.cumsum(u) - 1.0) / np.arange(1, len(u) + 1)
        return np.asarray(np.maximum(v - level[np.flatnonzero(u > level)[-1]], 0.0))

    np.testing.assert_allclose(Z.Simplex().project(x), right, atol=1e-15)
    expected = textbook(known)
    np.testing.assert_allclose(Z.Simplex().project(moved), expected, atol=1e-15)
    assert differ(expected, textbook(moved))


class Scripted:
    """Random starts with outcomes by a script: losses of one sample, run after run."""

    deterministic = False

    def __init__(self, losses: list[float]) -> None:
        self.losses = iter(losses)

    def __call__(self, objective: Any, x: Any, perturbation_set: Any, rng: Any) -> AttackResult:
        found = np.array([next(self.losses)])
        return AttackResult(x + found[..., None] / 100.0, found, np.array([-1.0]), 1, 0)


def test_restarts_keep_the_largest_loss_and_not_the_first_success() -> None:
    """Three libraries stop at the first misclassified point, or return the clean one."""
    attack = Restarts(Scripted([0.1, 0.7, 0.3]), 3)
    found: Any = attack(None, np.zeros((1, 2)), None, np.random.default_rng(0))  # type: ignore[arg-type]  # its parts ask for none
    assert found.loss[0] == 0.7
    np.testing.assert_allclose(found.x, 0.007)


class Sum:
    """<a, x> for each sample: the best point of an l2 ball is x + rho a/norm(a)."""

    a = np.array([3.0, -4.0])

    def value(self, x: Any) -> Any:
        return x @ self.a

    def value_and_gradient(self, x: Any) -> tuple[Any, Any]:
        return x @ self.a, np.broadcast_to(self.a, x.shape)

    def output(self, x: Any) -> Any:
        return x @ self.a

    def take(self, index: Any) -> Any:
        return self


def test_data_beyond_the_unit_box_is_not_clipped() -> None:
    """A built-in [0, 1] box moves data that leaves it by more than the radius."""
    x = np.array([[-2.0, 5.0], [1.5, -0.5]])
    found: Any = PGD(steps=10)(Sum(), x, og.perturbations.l2(0.1), np.random.default_rng(0))
    np.testing.assert_allclose(found.x, x + np.array([0.06, -0.08]), atol=1e-12)
    assert np.linalg.norm(np.clip(x, 0.0, 1.0) - x, axis=1).min() > 0.5  # where a box would be
    with pytest.raises(og.exceptions.ArgumentError, match="box"):
        og.adversaries.InputAttack(
            og.models.LinearModel(2), x, np.ones(2), loss=og.losses.hinge, attack=PGD(),
            perturbation_set=og.perturbations.l2(0.1, box=(0.0, 1.0)),
        )  # fmt: skip


@pytest.mark.parametrize("count", [1, 4, 64])
def test_a_batch_does_not_shorten_the_steps_of_its_samples(count: int) -> None:
    """Mean-reduced losses scale every gradient by 1/B: a raw step goes 1/B as far."""
    rng = np.random.default_rng(5)
    model = og.models.TwoLayerNet(dim=4, width=32, activation="softplus", seed=0)
    x, y = rng.standard_normal((count, 4)), np.ones(count)
    w = to_numpy(model.start) + 0.3 * rng.standard_normal(model.start.shape)

    def attacked(rows: slice) -> Floats:
        objective = og.attacks.ModelObjective(model, w, y[rows], og.losses.logistic)
        ball = og.perturbations.l2(0.2)
        found = PGD(steps=5)(objective, x[rows], ball, np.random.default_rng(0))
        _, gradient = objective.value_and_gradient(x[rows])
        return np.concatenate([to_numpy(found.x), to_numpy(gradient)], axis=-1)

    np.testing.assert_allclose(
        attacked(slice(None)), np.concatenate([attacked(slice(i, i + 1)) for i in range(count)]),
        atol=1e-12,
    )  # fmt: skip


def test_nan_does_not_pass_through_a_projection() -> None:
    """A sort puts nan last and the rest looks like a point of the simplex."""
    rows = np.array([[0.2, np.nan, 0.5], [0.2, 0.3, 0.5]])
    for decision_set in (Z.Simplex(), Z.L1Ball(1.0), Z.CappedSimplex(0.6)):
        projected = to_numpy(decision_set.project(rows))
        assert np.isnan(projected[0]).all()
        assert np.isfinite(projected[1]).all()
        assert not bool(np.asarray(decision_set.contains(rows))[0])
    with pytest.raises(og.exceptions.ViolationError, match="finite"):
        points(L.OnlineGradientDescent(0.1), np.array([[1.0, np.nan, 0.0]]))
