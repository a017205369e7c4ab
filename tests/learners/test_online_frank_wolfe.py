"""Online Frank-Wolfe: feasible, both steps of its proof, regret under its bound, its order."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

import olgame as og
from olgame.exceptions import ArgumentError, NotAvailableError
from olgame.learners import OnlineFrankWolfe
from olgame.theory import OnlineFrankWolfeBound, check_bound
from tests.learners.ball_games import NAMES, gradients_of, onto_ball, opponent, points_of
from tests.learners.linear_games import oblivious

T, P, RADIUS, G = 150, 4, 1.5, 2.0
CENTER = np.array([0.3, -0.2, 0.1, 0.5])
BALL = og.sets.L2Ball(RADIUS, center=CENTER)
D = 2 * RADIUS
LEARNER = OnlineFrankWolfe.tuned(rounds=T, gradient_bound=G, diameter=D)


def play(adversary: Any, learner: Any = LEARNER, rounds: int = T) -> og.Transcript:
    return og.play(learner, adversary, BALL, rounds=rounds, keep="points")


@pytest.mark.parametrize("name", NAMES)
def test_feasible_each_step_of_the_proof_and_regret(name: str) -> None:
    run = play(opponent(name, T, CENTER, G))
    points, gradients = points_of(run), gradients_of(run)
    assert np.sqrt(np.sum((points - CENTER) ** 2, axis=1)).max() <= RADIUS * (1 + 1e-14)

    eta, total = LEARNER.step_size, np.zeros(P)
    leader, height, gap = CENTER, 0.0, 0.0  # x_t, F_t(x_t) and h_t, written out for a ball
    rng = np.random.default_rng(1)
    away = rng.standard_normal((5, P))
    comparators = [CENTER, *onto_ball(CENTER + 9 * away, CENTER, RADIUS)]
    suffered = np.zeros(len(comparators))
    squares = distances = 0.0
    for t, g in enumerate(gradients, start=1):
        w, next_w = points[t - 1], points[t]
        total = total + g
        sigma, norm = min(1.0, 2 / math.sqrt(t)), math.sqrt(g @ g)
        next_leader = onto_ball(CENTER - eta * total / 2, CENTER, RADIUS)

        def objective(x: Any, total: Any = total) -> float:
            return float(eta * total @ x + (x - CENTER) @ (x - CENTER))

        next_height = objective(next_leader)
        # The leader moves little: F_{t+1}(x_{t+1}) - F_t(x_t) - eta <g_t, x_t>.
        assert next_height - height - eta * g @ leader >= -((eta * norm) ** 2) / 4 - 1e-12
        # One step of Frank-Wolfe.
        next_gap = objective(next_w) - next_height
        limit = (1 - sigma) * (math.sqrt(max(gap, 0.0)) + eta * norm / 2) ** 2 + (sigma * D) ** 2
        assert -1e-12 <= next_gap <= limit + 1e-12
        assert (w - leader) @ (w - leader) <= gap + 1e-12
        # All of it, against several comparators.
        squares, distances = squares + norm**2, distances + norm * math.sqrt(max(gap, 0.0))
        for i, u in enumerate(comparators):
            suffered[i] += g @ (w - u)
            start = (u - CENTER) @ (u - CENTER) / eta
            assert suffered[i] <= start + eta / 4 * squares + distances + 1e-9
        leader, height, gap = next_leader, next_height, next_gap

    regret = np.sum(gradients * (points[:-1] - CENTER)) + RADIUS * math.sqrt(total @ total)
    check = check_bound(OnlineFrankWolfeBound(LEARNER), run)
    assert check.conclusion == "certified_holds", check
    assert check.regret[-1] == pytest.approx(regret, rel=1e-12, abs=1e-12)
    prior = OnlineFrankWolfeBound(LEARNER).prior(T, gradient_bound=G, diameter=D).value
    assert regret <= check.bound[-1] <= prior
    assert prior == pytest.approx((2 + 8 / 3 + 1 / 8) * D * G * T**0.75)


def test_constant_gradients_attain_the_order_three_quarters() -> None:
    """Regret about D G T^(3/4)/2, within a factor 10 of the bound; log-log slope 3/4."""
    regrets, rounds = [], (500, 2000, 8000)
    for horizon in rounds:
        learner = OnlineFrankWolfe.tuned(rounds=horizon, gradient_bound=G, diameter=D)
        push = oblivious(np.tile(G * np.eye(P)[0], (horizon, 1)))
        run = play(push, learner, horizon)
        regrets.append(og.regret.linear(run).value)
        bound = OnlineFrankWolfeBound(learner)
        prior = bound.prior(horizon, gradient_bound=G, diameter=D).value
        assert regrets[-1] >= prior / 10
        assert regrets[-1] >= bound.bound(run)[-1] / 5
    slope = np.polyfit(np.log(rounds), np.log(regrets), 1)[0]
    assert abs(slope - 0.75) <= 0.05


@pytest.mark.parametrize(
    "decision_set",
    [
        og.sets.Simplex(5),
        og.sets.L1Ball(1.0, center=np.ones(5)),
        og.sets.LinfBall(0.5, center=np.ones(5)),
        og.sets.ProductSet([(og.sets.Simplex(3), 3), (og.sets.L2Ball(1.0), 2)]),
    ],
    ids=lambda found: type(found).__name__,
)
def test_other_sets_stay_under_the_bound(decision_set: Any) -> None:
    rng = np.random.default_rng(2)
    start = decision_set.project(np.full(5, 0.3))
    horizon = 300
    gradients = rng.standard_normal((horizon, 5)) + np.array([1.0, -0.5, 0.2, 0.0, -1.0])
    norm = float(np.sqrt(np.sum(gradients**2, axis=1)).max())
    learner = OnlineFrankWolfe.tuned(
        rounds=horizon, gradient_bound=norm, diameter=decision_set.diameter
    )
    run = og.play(
        learner, oblivious(gradients), decision_set, rounds=horizon, start=start, keep="points"
    )
    assert check_bound(OnlineFrankWolfeBound(learner), run).conclusion == "certified_holds"


class Ascending(OnlineFrankWolfe):
    """Adds the gradients up with the wrong sign."""

    def update(self, state: Any, feedback: Any, /) -> Any:
        return super().update(state, feedback._replace(gradient=-feedback.gradient))


class Forgetful(OnlineFrankWolfe):
    """Goes all the way to the newest vertex."""

    def update(self, state: Any, feedback: Any, /) -> Any:
        return super().update(state, feedback._replace(round=1))


@pytest.mark.parametrize(("broken", "name"), [(Ascending, "constant"), (Forgetful, "random")])
def test_broken_learners_are_found_out(broken: Any, name: str) -> None:
    run = play(opponent(name, T, CENTER, G), broken(LEARNER.step_size))
    check = check_bound(OnlineFrankWolfeBound(LEARNER), run)
    assert check.premises["played by OnlineFrankWolfe"].fails
    if broken is Ascending:
        assert check.conclusion == "certified_fails"
    else:
        assert check.conclusion == "open"


def test_what_cannot_be_played_is_refused() -> None:
    push = oblivious(np.ones((3, P)))
    with pytest.raises(NotAvailableError, match="needs a bounded decision set, got WholeSpace"):
        og.play(LEARNER, push, og.sets.WholeSpace(), rounds=3, start=CENTER)
    with pytest.raises(ArgumentError, match=r"`OnlineFrankWolfe.tuned\(diameter=\.\.\.\)` must be"):
        OnlineFrankWolfe.tuned(rounds=3, gradient_bound=1.0, diameter=math.inf)
    with pytest.raises(ArgumentError, match=r"`OnlineFrankWolfe\(step_size=\.\.\.\)`"):
        OnlineFrankWolfe(math.nan)
