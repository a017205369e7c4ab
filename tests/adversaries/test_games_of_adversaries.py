"""Adversaries that differ from game to game: they say so, and one start serves all games."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import olgame as og
from olgame.exceptions import ArgumentError, ShapeError

A: Any = og.adversaries
DESCENT = og.learners.OnlineGradientDescent(0.1)
RNG = np.random.default_rng(0)
PATHS = RNG.standard_normal((5, 3, 4))
MATRICES = RNG.standard_normal((3, 4, 4))
BALL = og.sets.L2Ball(1.0)
LINEAR, SIMPLEX = og.losses.LinearLoss, og.sets.Simplex()
ADVERSARIES: dict[str, Any] = {
    "listed linear losses": A.ObliviousSequence([LINEAR(g) for g in PATHS]),
    "listed offsets": A.ObliviousSequence([LINEAR(np.ones(4), np.arange(3.0))] * 5),
    "listed quadratic losses": A.ObliviousSequence([og.losses.QuadraticLoss(g) for g in PATHS]),
    "switching": A.Switching(PATHS, 2),
    "drifting": A.Drifting(PATHS),
    "minimax": A.MinimaxLinear(1.0, PATHS[0]),
    "worst-case switching": A.WorstCaseSwitching(1.0, 3, PATHS[0]),
    "best responses in sets": A.BestResponse(og.sets.L2Ball(1.0, center=PATHS[0])),
    "best responses by matrices": A.BestResponse(BALL, A.Bilinear(MATRICES)),
    "best responses among losses": A.BestResponseAmong([LINEAR(PATHS[0]), LINEAR(PATHS[1])]),
    "learners with sets": A.LearnerAsAdversary(
        DESCENT, A.Bilinear(), og.sets.L2Ball(1.0, center=PATHS[0])
    ),
    "learners with matrices": A.LearnerAsAdversary(
        DESCENT, A.Bilinear(MATRICES[..., :2]), SIMPLEX, np.array([0.5, 0.5])
    ),
    "learners with starts": A.LearnerAsAdversary(
        DESCENT, A.Bilinear(), SIMPLEX, RNG.dirichlet(np.ones(4), 3)
    ),
}


@pytest.mark.parametrize("name", ADVERSARIES)
def test_one_start_serves_all_games(name: str) -> None:
    adversary = ADVERSARIES[name]
    start = np.array([0.1, 0.2, 0.0, -0.3])
    options: Any = {"rounds": 5, "keep": "points"}
    shared = og.play(DESCENT, adversary, BALL, start=start, **options)
    assert adversary.games == shared.games == (3,)
    for i in range(3):
        alone = og.play(DESCENT, adversary.game((i,)), BALL, start=start, **options)
        assert alone.games == ()
        np.testing.assert_allclose(shared.loss[:, i], alone.loss, rtol=1e-12, atol=1e-14)
    wrong = np.tile(start, (2, 1))
    with pytest.raises(ShapeError, match=r"agree in the leading axes.*\(2,\) of `start`, \(3,\)"):
        og.play(DESCENT, adversary, BALL, start=wrong, **options)


MADE_ELSEWHERE: dict[str, tuple[Any, str]] = {
    "function": (
        A.from_function(lambda view, rng: LINEAR(PATHS[0]), timing=A.Timing.OBLIVIOUS),
        r"`adversaries.from_function\(function=...\)` made a loss for games of shape \(3,\)",
    ),
    "response": (
        A.from_function(lambda view, rng: A.Response(LINEAR(PATHS[0])), timing=A.Timing.OBLIVIOUS),
        r"`adversaries.from_function\(function=...\)` made a loss for games of shape \(3,\)",
    ),
    "draw": (
        A.Stochastic(lambda rng: rng.standard_normal((3, 4))),
        r"`Stochastic\(draw=...\)` made a loss for games of shape \(3,\)",
    ),
}


@pytest.mark.parametrize("name", MADE_ELSEWHERE)
def test_where_nobody_can_know_the_error_says_what_to_do(name: str) -> None:
    adversary, message = MADE_ELSEWHERE[name]
    with pytest.raises(ShapeError, match=message + r".*`play\(start=...\)` of shape \(3, 4\)"):
        og.play(DESCENT, adversary, BALL, rounds=2, start=np.zeros(4))
    run = og.play(DESCENT, adversary, BALL, rounds=2, start=np.zeros((3, 4)))
    assert run.games == (3,)


def test_parts_of_one_adversary_that_disagree() -> None:
    made: list[Callable[[], Any]] = [
        lambda: A.BestResponse(og.sets.L2Ball(1.0, center=np.zeros((2, 4))), A.Bilinear(MATRICES)),
        lambda: A.LearnerAsAdversary(DESCENT, A.Bilinear(MATRICES), BALL, np.zeros((2, 4))),
    ]
    for make in made:
        with pytest.raises(ShapeError, match=r"payoff=.*must agree in the leading axes.*\(3,\)"):
            og.play(DESCENT, make(), BALL, rounds=2, start=np.zeros(4))


MATRIX = np.arange(12.0).reshape(4, 3)
MISFITS: dict[str, tuple[Any, type[Exception], str]] = {
    "nan": (
        lambda: A.Bilinear(np.where(MATRIX > 10.0, np.nan, MATRIX)),
        ArgumentError,
        r"`Bilinear\(matrix=...\)` must be finite",
    ),
    "infinite": (
        lambda: A.Bilinear(np.where(MATRIX > 10.0, np.inf, MATRIX)),
        ArgumentError,
        r"`Bilinear\(matrix=...\)` must be finite",
    ),
    "no entries": (lambda: A.Bilinear(np.zeros((4, 0))), ShapeError, r"`Bilinear\(matrix=...\)`"),
    "x too long, best response": (
        lambda: og.play(
            DESCENT, A.BestResponse(SIMPLEX, A.Bilinear(MATRIX)), BALL, rounds=1, start=np.zeros(5)
        ),
        ShapeError,
        r"`Bilinear\(matrix=...\)` of shape \(4, 3\) needs x with 4 entries .* got shape \(5,\)",
    ),
    "x too long, self-play": (
        lambda: og.play(
            DESCENT,
            A.LearnerAsAdversary(DESCENT, A.Bilinear(MATRIX), SIMPLEX, np.full(3, 1 / 3)),
            BALL,
            rounds=1,
            start=np.zeros(5),
        ),
        ShapeError,
        r"needs x with 4 entries on its last axis, got shape \(5,\)",
    ),
    "y too short": (
        lambda: og.play(
            DESCENT,
            A.LearnerAsAdversary(DESCENT, A.Bilinear(MATRIX), SIMPLEX, np.full(2, 0.5)),
            BALL,
            rounds=1,
            start=np.zeros(4),
        ),
        ShapeError,
        r"needs y with 3 entries on its last axis, got shape \(2,\)",
    ),
    "no matrix": (
        lambda: og.play(
            DESCENT,
            A.LearnerAsAdversary(DESCENT, A.Bilinear(), SIMPLEX, np.full(2, 0.5)),
            BALL,
            rounds=1,
            start=np.zeros(4),
        ),
        ShapeError,
        r"without a matrix needs x and y of one length, got shapes \(4,\) and \(2,\)",
    ),
}


@pytest.mark.parametrize("name", MISFITS)
def test_a_payoff_that_does_not_fit_is_refused_by_name(name: str) -> None:
    call, kind, message = MISFITS[name]
    with pytest.raises(kind, match=message):
        call()
