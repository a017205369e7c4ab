"""Optimism: the inner learner is told the truth, hints are tried on a copy, and right ones pay."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import olgame as og
from olgame.exceptions import ArgumentError, NotAvailableError, ShapeError
from olgame.learners import DualAveraging, OnlineGradientDescent, OnlineMirrorDescent, Optimistic
from olgame.mirror_maps import Euclidean, NegativeEntropy
from olgame.theory import OptimisticBound, check_bound
from tests.learners.gradient_family import OPTIMISTIC, optimistic
from tests.learners.linear_games import (
    BODIES,
    ROUNDS,
    SEQUENCES,
    Ascending,
    adversary,
    fixed_gradients,
    game,
    oblivious,
    played,
)

RIGHT = [*fixed_gradients("random", 4), np.zeros(4)]
WRONG = [-g for g in RIGHT]
HINTS: dict[str, Any] = {
    "last": None,
    "right": RIGHT,
    "wrong": WRONG,
    "none": lambda t: np.zeros(4),
    "drawn": lambda t: np.random.default_rng(t).normal(size=4),
}


@pytest.mark.parametrize("sequence", SEQUENCES)
@pytest.mark.parametrize("hints", HINTS)
@pytest.mark.parametrize("name", OPTIMISTIC)
def test_feasible_one_step_and_bound(name: str, hints: str, sequence: str) -> None:
    _, geometry, body, alpha, lazy = OPTIMISTIC[name]
    learner, bound = optimistic(name, HINTS[hints])
    opponent = adversary(sequence, body.start)
    run = game(learner, body.decision_set, opponent, body.start)
    seen = played(run)
    assert body.excess(seen.points).max() <= 1e-12
    check = check_bound(bound, run)
    assert check.conclusion == "certified_holds", str(check)
    assert check.regret[-1] == pytest.approx(body.regret(seen), rel=1e-10, abs=1e-10)
    told = [np.zeros(4), *seen.gradients[:-1]]
    if hints != "last":
        given = HINTS[hints]
        told = [given(t + 1) if callable(given) else given[t] for t in range(ROUNDS)]
    surprise = seen.gradients - np.stack(told)
    by_hand = geometry.size(body) / alpha + alpha * float(geometry.dual_square(surprise).sum()) / 2
    assert check.bound[-1] == pytest.approx(by_hand, rel=1e-10)
    if lazy:
        return
    # Z_t from the state; alpha <g_t, W_t - u> <= B(u, Z_t) - B(u, Z_{t+1}) + alpha^2 norm^2/2.
    state, middle = learner.init(body.start, body.decision_set), [body.start]
    for t, gradient in enumerate(seen.gradients, start=1):
        point = learner.decide(state)
        np.testing.assert_array_equal(np.asarray(point), seen.points[t - 1])
        state = learner.update(state, og.Feedback(t, point, 0.0, gradient, None))
        middle.append(np.asarray(learner.learner.decide(state.inner)))
    z = np.stack(middle)
    for u in body.comparators():
        drop = geometry.divergence(u, z[:-1]) - geometry.divergence(u, z[1:])
        gain = alpha**2 * geometry.dual_square(surprise) / 2
        assert (drop + gain - alpha * seen.inner(u)).min() >= -1e-9


@pytest.mark.parametrize("name", OPTIMISTIC)
def test_right_hints_cost_a_constant(name: str) -> None:
    _, geometry, body, alpha, _ = OPTIMISTIC[name]
    rounds = 400
    gradients = fixed_gradients("random", 4, rounds=rounds, seed=3)
    learner, bound = optimistic(name, [*gradients, np.zeros(4)])
    run = game(learner, body.decision_set, oblivious(gradients), body.start, rounds)
    check = check_bound(bound, run)
    assert check.conclusion == "certified_holds"
    assert check.bound[-1] == pytest.approx(geometry.size(body) / alpha)
    blind, _ = optimistic(name, lambda t: np.zeros(4))
    other = game(blind, body.decision_set, oblivious(gradients), body.start, rounds)
    assert og.regret.linear(other).value > check.bound[-1]


@pytest.mark.parametrize("name", OPTIMISTIC)
def test_ascent_fails(name: str) -> None:
    """Half of the broken learner is right: told the truth by the copy, the opposite by the game."""
    _, _, body, _, _ = OPTIMISTIC[name]
    learner, bound = optimistic(name)
    gradients = np.tile(np.array([1.0, -0.5, 0.25, 0.75]), (300, 1))
    run = game(Ascending(learner), body.decision_set, oblivious(gradients), body.start, 300)
    check = check_bound(bound, run)
    assert check.premises["optimistic steps"].fails
    assert check.regret[-1] > check.bound[-1]
    assert check.conclusion == "certified_fails"


class DropsTheTruth(Optimistic):
    """What another library does: given a hint, the observed gradient is not added."""

    def update(self, state: Any, feedback: Any, /) -> Any:
        state.last_gradient = feedback.gradient
        return self._look_ahead(state, feedback.round + 1)


def test_the_observed_gradient_is_not_dropped() -> None:
    gradients = np.tile(np.array([1.0, 0.0]), (200, 1))
    hints = [np.array([-0.5, 0.3])] * 201  # wrong, and always the same
    ball, start = og.sets.L2Ball(1.0, np.zeros(2)), np.zeros(2)
    bound = OptimisticBound(Euclidean(), 0.1, hints)
    run = game(
        Optimistic(OnlineGradientDescent(0.1), hints), ball, oblivious(gradients), start, 200
    )
    assert check_bound(bound, run).conclusion == "certified_holds"
    assert np.asarray(run.final_point)[0] < -0.9
    broken = DropsTheTruth(OnlineGradientDescent(0.1), hints)
    run = game(broken, ball, oblivious(gradients), start, 200)
    assert check_bound(bound, run).conclusion == "certified_fails"


@pytest.mark.parametrize(
    ("inner", "decision_set", "start"),
    [
        (OnlineGradientDescent(0.2), BODIES["ball"].decision_set, BODIES["ball"].start),
        (DualAveraging(0.2), BODIES["ball"].decision_set, BODIES["ball"].start),
        (
            OnlineMirrorDescent(NegativeEntropy(), 0.2),
            BODIES["simplex"].decision_set,
            BODIES["simplex"].start,
        ),
    ],
)
def test_hints_of_zero_change_nothing(inner: Any, decision_set: Any, start: Any) -> None:
    opponent = oblivious(fixed_gradients("random", 4))
    plain = played(game(inner, decision_set, opponent, start))
    hinted = played(game(Optimistic(inner, [np.zeros(4)] * 41), decision_set, opponent, start))
    np.testing.assert_allclose(hinted.points, plain.points, atol=1e-14)


def test_around_a_leader_it_is_the_leader_on_sum_and_hint() -> None:
    center, gradients = np.zeros(3), fixed_gradients("random", 3)
    hints = [np.random.default_rng(t).normal(size=3) for t in range(41)]
    ball = og.sets.L2Ball(0.7, center)
    run = game(Optimistic(DualAveraging(0.2), hints), ball, oblivious(gradients), center)
    total = np.vstack([np.zeros(3), np.cumsum(gradients, axis=0)]) + np.stack(hints)
    y = -0.2 * total
    length = np.sqrt(np.sum(y**2, axis=1, keepdims=True))
    np.testing.assert_allclose(played(run).points, y * np.minimum(1.0, 0.7 / length), atol=1e-14)


def test_declared_sets_are_those_of_the_inner_learner() -> None:
    learner = Optimistic(OnlineMirrorDescent(NegativeEntropy(), 0.1))
    with pytest.raises(NotAvailableError, match="not on L2Ball"):
        og.play(learner, oblivious(np.ones((1, 2))), og.sets.L2Ball(1.0, np.zeros(2)), rounds=1)


def test_bad_arguments_are_named() -> None:
    with pytest.raises(ArgumentError, match=r"`Optimistic\(learner=...\)` must be a learner that"):
        Optimistic(og.learners.from_function(lambda w, f: w, level=og.Level.FULL))
    with pytest.raises(ArgumentError, match=r"`Optimistic\(hints=...\)` must be None"):
        Optimistic(OnlineGradientDescent(0.1), 3)  # type: ignore[arg-type]  # what is refused
    ball, losses = og.sets.L2Ball(1.0, np.zeros(2)), oblivious(np.ones((9, 2)))
    short = Optimistic(OnlineGradientDescent(0.1), [np.ones(2)] * 4)
    assert og.play(short, losses, ball, rounds=4).rounds == 4
    with pytest.raises(ArgumentError, match="holds 4 hints, but the game goes on"):
        og.play(short, losses, ball, rounds=5)
    wrong = Optimistic(OnlineGradientDescent(0.1), [np.ones(3)] * 9)
    with pytest.raises(ShapeError, match=r"of the shape \(2,\) of a gradient, got ndarray"):
        og.play(wrong, losses, ball, rounds=9)
