"""Projected gradient descent: feasible, one step of its proof, regret under its bound, tight."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

import olgame as og
from olgame.learners import OnlineGradientDescent
from olgame.losses import LinearLoss
from olgame.step_sizes import AdaGradNorm, Decreasing, Fixed
from tests.learners.linear_games import BestResponse

T, P, RADIUS, G = 60, 4, 1.5, 2.0


def sequences() -> dict[str, Any]:
    rng = np.random.default_rng(0)
    random = rng.standard_normal((T, P))
    random *= G / np.sqrt(np.sum(random**2, axis=1, keepdims=True))
    fixed = np.tile(G * np.eye(P)[1], (T, 1))
    switching = fixed * np.where(np.arange(T) // 7 % 2, 1.0, -1.0)[:, None]
    found: dict[str, Any] = {
        name: og.adversaries.ObliviousSequence([LinearLoss(g) for g in gradients])
        for name, gradients in (("random", random), ("constant", fixed), ("switching", switching))
    }
    best = BestResponse(np.zeros(P), size=G)
    return found | {"best response": best, "minimax": og.adversaries.MinimaxLinear(G)}


# rule, regret bound for T rounds: D_1 = RADIUS, diam = 2 RADIUS
RULES: dict[str, tuple[Any, float]] = {
    "fixed": (RADIUS / (G * math.sqrt(T)), RADIUS * G * math.sqrt(T)),
    "decreasing": (Decreasing(2 * RADIUS, G), 1.5 * 2 * RADIUS * G * math.sqrt(T)),
    "adagrad norm": (
        AdaGradNorm(2 * RADIUS / math.sqrt(2)),
        math.sqrt(2) * 2 * RADIUS * G * math.sqrt(T),
    ),
}


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("sequence", sequences())
def test_feasible_one_step_and_regret(rule: str, sequence: str) -> None:
    step, bound = RULES[rule]
    start = np.array([0.3, -0.2, 0.1, 0.5])
    run = og.play(
        OnlineGradientDescent(step),
        sequences()[sequence],
        og.sets.L2Ball(RADIUS, center=start),
        rounds=T,
        keep="points",
    )
    assert run.points is not None
    points = np.stack([np.asarray(p) for p in (*run.points, run.final_point)])
    assert np.sqrt(np.sum((points - start) ** 2, axis=1)).max() <= RADIUS * (1 + 1e-14)

    losses: Any = run.round_losses
    gradients = np.stack([np.asarray(loss.gradient) for loss in losses])
    rng = np.random.default_rng(1)
    directions = rng.standard_normal((5, P))
    comparators = start + RADIUS * directions / np.sqrt(np.sum(directions**2, axis=1))[:, None]
    squares = np.sum(gradients**2, axis=1)
    for u in (*comparators, start):
        distance = np.sum((points - u) ** 2, axis=1)
        inner = np.sum(gradients * (points[:-1] - u), axis=1)
        alpha = run.step_size
        # The one-step inequality of the proof.
        slack = distance[:-1] - 2 * alpha * inner + alpha**2 * squares - distance[1:]
        assert slack.min() >= -1e-12
    # The best comparator, written out: the support function of the ball.
    total = gradients.sum(axis=0)
    regret = np.sum(gradients * (points[:-1] - start)) + RADIUS * np.sqrt(total @ total)
    assert og.regret.linear(run).value == pytest.approx(regret, rel=1e-12, abs=1e-12)
    assert regret <= bound * (1 + 1e-12)


@pytest.mark.parametrize("dim", [2, 3, 50])
@pytest.mark.parametrize("rounds", [1, 7, 400])
def test_the_bound_is_attained_against_the_minimax_adversary(dim: int, rounds: int) -> None:
    center = np.linspace(-1.0, 1.0, dim)
    run = og.play(
        OnlineGradientDescent(RADIUS / (G * math.sqrt(rounds))),
        og.adversaries.MinimaxLinear(G),
        og.sets.L2Ball(RADIUS, center=center),
        rounds=rounds,
        start=center,
    )
    assert og.regret.linear(run).value == pytest.approx(RADIUS * G * math.sqrt(rounds), rel=1e-12)


def test_a_learner_that_ascends_breaks_the_bound_and_is_audited() -> None:
    class Ascent(OnlineGradientDescent):
        def update(self, state: Any, feedback: Any, /) -> Any:
            return super().update(state, feedback._replace(gradient=-feedback.gradient))

    step, bound = RULES["fixed"]
    center = np.zeros(P)
    run = og.play(
        Ascent(step),
        sequences()["constant"],
        og.sets.L2Ball(RADIUS, center=center),
        rounds=T,
    )
    assert og.regret.linear(run).value > bound
    assert run.update_error.min() == pytest.approx(2 * step * G, rel=1e-9) or (
        run.update_error[0] == pytest.approx(2 * step * G)
    )


def test_adagrad_norm_waits_while_gradients_are_zero_in_every_game() -> None:
    zeros, ones = np.zeros((2, P)), np.stack([np.ones(P), np.zeros(P)])
    run = og.play(
        OnlineGradientDescent(AdaGradNorm(1.0)),
        og.adversaries.ObliviousSequence([LinearLoss(zeros), LinearLoss(ones), LinearLoss(ones)]),
        og.sets.L2Ball(9.0, center=zeros),
        rounds=3,
    )
    expected = np.array([[0.0, 0.0], [0.5, 0.0], [1 / math.sqrt(8), 0.0]])
    np.testing.assert_allclose(run.step_size, expected, rtol=1e-15)


@pytest.mark.parametrize("bad", [0.0, -1.0, math.inf, math.nan, "0.1"])
def test_bad_steps_are_refused_by_name(bad: Any) -> None:
    with pytest.raises(
        og.exceptions.ArgumentError, match=r"`Fixed\(value=\.\.\.\)` must be finite"
    ):
        OnlineGradientDescent(bad)


def test_a_state_copied_goes_on_by_itself() -> None:
    learner = OnlineGradientDescent(Fixed(0.1))
    ball = og.sets.L2Ball(1.0, center=np.zeros(2))
    state = learner.init(np.zeros(2), ball)
    copy = learner.copy(state)
    feedback = og.Feedback(1, np.zeros(2), 0.0, np.ones(2), None)
    learner.update(state, feedback)
    np.testing.assert_array_equal(np.asarray(learner.decide(copy)), np.zeros(2))
