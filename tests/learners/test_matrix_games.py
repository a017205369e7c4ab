"""Two learners against each other in a matrix game: averages reach its value, as proved."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.optimize import linprog

import olgame as og
from olgame.learners import (
    AdaHedge,
    BlumMansour,
    Hedge,
    RegretMatching,
    RegretMatchingPlus,
)

Floats = NDArray[np.float64]
GAMES = {
    "random": np.random.default_rng(0).uniform(-1.0, 1.0, (7, 5)),
    "rock paper scissors": np.array([[0.0, 2.0, -1.0], [-1.0, 0.0, 3.0], [1.0, -1.0, 0.0]]),
    "lopsided": np.array([[3.0, -1.0], [-2.0, 1.0], [0.5, 0.0]]),
}


def value(matrix: Floats) -> float:
    """min over x max over y of x^T A y, by linear programming."""
    rows, columns = matrix.shape
    # Minimize v subject to A^T x <= v, x a probability vector.
    found = linprog(
        np.append(np.zeros(rows), 1.0),
        A_ub=np.hstack([matrix.T, -np.ones((columns, 1))]),
        b_ub=np.zeros(columns),
        A_eq=np.append(np.ones(rows), 0.0)[None],
        b_eq=[1.0],
        bounds=[(0.0, None)] * rows + [(None, None)],
    )
    assert found.success
    least: float = found.fun
    return least


class Match(NamedTuple):
    """The strategies and losses of both players, shape ``(T, p)`` each."""

    x: Floats
    y: Floats
    x_losses: Floats
    y_losses: Floats


def match(matrix: Floats, learner: Any, rounds: int, *, in_turn: bool = False) -> Match:
    """x wants x^T A y small, y large. In turn, y answers the new x."""
    players = [learner.init(np.full(p, 1.0 / p), og.sets.Simplex()) for p in matrix.shape]
    lists: list[list[Any]] = [[], [], [], []]
    for t in range(1, rounds + 1):
        x, y = (np.asarray(learner.decide(state)) for state in players)
        players[0] = learner.update(players[0], feedback(t, x, matrix @ y))
        opposed = np.asarray(learner.decide(players[0])) if in_turn else x
        players[1] = learner.update(players[1], feedback(t, y, -(opposed @ matrix)))
        for kept, item in zip(lists, (x, y, matrix @ y, -(opposed @ matrix)), strict=True):
            kept.append(item)
    return Match(*(np.stack(kept) for kept in lists))


def feedback(t: int, point: Floats, losses: Floats) -> og.Feedback:
    return og.Feedback(t, point, float(losses @ point), losses, None)


def exploitability(matrix: Floats, x: Floats, y: Floats) -> float:
    return float((x @ matrix).max() - (matrix @ y).min())


def regret(points: Floats, losses: Floats) -> float:
    return float(np.sum(points * losses) - losses.sum(axis=0).min())


def hedge_bound(eta: float) -> Callable[[Floats, Floats], float]:
    def bound(points: Floats, losses: Floats) -> float:
        p, squares = points.shape[1], np.ptp(losses, axis=1) ** 2
        return math.log(p) / eta + eta / 8 * float(squares.sum())

    return bound


def ada_bound(points: Floats, losses: Floats) -> float:
    ranges = np.ptp(losses, axis=1)
    return math.sqrt(math.log(points.shape[1]) * float(ranges @ ranges)) + 2 * float(ranges.max())


def matching_bound(points: Floats, losses: Floats) -> float:
    r = np.vecdot(points, losses)[:, None] - losses
    return math.sqrt(float(np.sum(r**2)))


def swap_bound(points: Floats, losses: Floats) -> float:
    squares = np.sum(points**2, axis=1) * np.ptp(losses, axis=1) ** 2
    p = int(points.shape[1])
    return p * math.log(p) / 0.1 + 0.1 / 8 * float(squares.sum())


LEARNERS: dict[str, tuple[Any, Callable[[Floats, Floats], float]]] = {
    "hedge": (Hedge(0.05), hedge_bound(0.05)),
    "adahedge": (AdaHedge(), ada_bound),
    "regret matching": (RegretMatching(), matching_bound),
    "regret matching+": (RegretMatchingPlus(), matching_bound),
    "blum-mansour": (BlumMansour(Hedge(0.1)), swap_bound),
}


@pytest.mark.parametrize("game", GAMES)
@pytest.mark.parametrize("name", LEARNERS)
def test_averages_reach_the_value_of_the_game(name: str, game: str) -> None:
    matrix, (learner, bound), rounds = GAMES[game], LEARNERS[name], 500
    played = match(matrix, learner, rounds)
    x, y = played.x.mean(axis=0), played.y.mean(axis=0)
    gap = exploitability(matrix, x, y)
    # The gap of the averages is the sum of the regrets, whoever plays; and regrets have bounds.
    regrets = regret(played.x, played.x_losses) + regret(played.y, played.y_losses)
    assert gap == pytest.approx(regrets / rounds, abs=1e-12)
    limit = bound(played.x, played.x_losses) + bound(played.y, played.y_losses)
    assert gap <= limit / rounds + 1e-12
    exact = value(matrix)
    assert (matrix @ y).min() - 1e-9 <= exact <= (x @ matrix).max() + 1e-9
    assert abs(float(np.mean(np.vecdot(played.x, played.x_losses))) - exact) <= limit / rounds


@pytest.mark.parametrize("name", ["adahedge", "regret matching", "regret matching+"])
def test_the_gap_falls_at_least_like_one_over_the_root_of_the_rounds(name: str) -> None:
    matrix, learner = GAMES["random"], LEARNERS[name][0]
    played = match(matrix, learner, 4000)
    rounds = np.array([60, 250, 1000, 4000])
    gaps = [
        exploitability(matrix, played.x[:t].mean(axis=0), played.y[:t].mean(axis=0)) for t in rounds
    ]
    slope = np.polyfit(np.log(rounds), np.log(gaps), 1)[0]
    assert slope <= -0.45
    assert gaps[-1] <= 0.03


@pytest.mark.parametrize("game", GAMES)
def test_regret_matching_plus_in_turn_with_weighted_averages_is_far_faster(game: str) -> None:
    matrix, rounds = GAMES[game], 2000
    weights = np.arange(1.0, rounds + 1.0) / (rounds * (rounds + 1) / 2)

    def gap(learner: Any, *, in_turn: bool, weighted: bool) -> float:
        played = match(matrix, learner, rounds, in_turn=in_turn)
        w = weights if weighted else np.full(rounds, 1.0 / rounds)
        return exploitability(matrix, w @ played.x, w @ played.y)

    plain = gap(RegretMatching(), in_turn=False, weighted=False)
    fast = gap(RegretMatchingPlus(), in_turn=True, weighted=True)
    assert fast <= 0.002
    assert fast <= 0.25 * plain or plain < 1e-12
    # Each player's regret is bounded whoever moves first: it saw every loss after it played.
    played = match(matrix, RegretMatchingPlus(), rounds, in_turn=True)
    for points, losses in ((played.x, played.x_losses), (played.y, played.y_losses)):
        assert regret(points, losses) <= matching_bound(points, losses) + 1e-9


def test_probabilities_subtracted_from_utilities_do_not_solve_the_game() -> None:
    """The mistake of another library, in a learner of our own: the value is missed by far."""

    class Wrong:
        def init(self, start: Any, decision_set: Any) -> Any:
            return [start, np.zeros_like(start)]

        def decide(self, state: Any) -> Any:
            return state[0]

        def update(self, state: Any, told: og.Feedback) -> Any:
            utilities = -np.asarray(told.gradient)
            total = state[1] + utilities - state[0]  # not utilities - <q, utilities>
            positive = np.maximum(total, 0.0)
            share = (
                positive / positive.sum() if positive.any() else np.full(len(total), 1 / len(total))
            )
            return [share, total]

    matrix = 5.0 + GAMES["random"]
    right, wrong = (match(matrix, learner, 1000) for learner in (RegretMatching(), Wrong()))
    found = [exploitability(matrix, m.x.mean(axis=0), m.y.mean(axis=0)) for m in (right, wrong)]
    assert found[0] <= 0.05
    assert found[1] >= 0.4
