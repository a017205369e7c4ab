"""Self-play against linear programming, longhand loops and hand values: nothing of the library."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.optimize import linprog

import olgame as og
from olgame.adversaries import Bilinear, LearnerAsAdversary

Floats = NDArray[np.float64]
Moves = Literal["together", "second"]
SIMPLEX = og.sets.Simplex()
MATRIX: Floats = np.random.default_rng(0).standard_normal((3, 5))
ROUNDS = 400
ORDERS = pytest.mark.parametrize("moves", ["together", "second"])


def uniform(size: int) -> Floats:
    return np.full(size, 1.0 / size)


def value_of(matrix: Floats) -> float:
    """min v with (A^T x)_j <= v for all j, x a probability vector."""
    p, q = matrix.shape
    found = linprog(
        np.r_[np.zeros(p), 1.0],
        A_ub=np.c_[matrix.T, -np.ones(q)],
        b_ub=np.zeros(q),
        A_eq=[np.r_[np.ones(p), 0.0]],
        b_eq=[1.0],
        bounds=[(0.0, None)] * p + [(None, None)],
    )
    return float(found.fun)


def self_play(
    learner: Any, matrix: Floats = MATRIX, rounds: int = ROUNDS, moves: Moves = "together"
) -> og.Transcript:
    p, q = matrix.shape
    opponent = LearnerAsAdversary(learner, Bilinear(matrix), SIMPLEX, uniform(q), moves=moves)
    return og.play(learner, opponent, SIMPLEX, rounds=rounds, start=uniform(p), keep="points")


def moves_of(run: og.Transcript) -> tuple[Floats, Floats]:
    """x_1, ..., x_T and y_1, ..., y_T."""
    losses: Any = run.round_losses
    assert run.points is not None
    first = np.stack([np.asarray(point) for point in run.points])
    return first, np.stack([np.asarray(loss.opponent) for loss in losses])


def softmin(losses: Floats) -> Floats:
    weights = np.exp(-(losses - losses.min()))
    return np.asarray(weights / weights.sum())


# What the bound of each learner says of both players together: (R^x + R^y)/T. A round's losses lie
# in [min A, max A], for Hedge with step eta and T rounds log(n)/eta + eta T range^2/8.
RANGE = float(MATRIX.max() - MATRIX.min())
ETA = 0.1
HEDGE = (np.log(15.0) / ETA + 2.0 * ETA * ROUNDS * RANGE**2 / 8.0) / ROUNDS
MATCHING = RANGE * (np.sqrt(2.0) + np.sqrt(4.0)) / np.sqrt(ROUNDS)
NORMS = max(np.linalg.norm(MATRIX, axis=0).max(), np.linalg.norm(MATRIX, axis=1).max())
DESCENT = (2.0 / (2.0 * 0.05) + 2.0 * 0.05 / 2.0 * ROUNDS * NORMS**2) / ROUNDS  # D_1^2 < 1 each
LEARNERS: dict[str, tuple[Any, float]] = {
    "hedge": (og.learners.Hedge(ETA), HEDGE),
    "regret matching": (og.learners.RegretMatching(), MATCHING),
    "regret matching+": (og.learners.RegretMatchingPlus(), MATCHING),
    "gradient descent": (og.learners.OnlineGradientDescent(0.05), DESCENT),
    "optimistic hedge": (og.learners.Optimistic(og.learners.Hedge(ETA)), HEDGE),
}


@ORDERS
@pytest.mark.parametrize("name", LEARNERS)
def test_averages_enclose_the_value_at_the_rate_of_the_bounds(name: str, moves: Moves) -> None:
    learner, rate = LEARNERS[name]
    run = self_play(learner, moves=moves)
    x, y = (played.mean(axis=0) for played in moves_of(run))
    pays, receives = (x @ MATRIX).max(), (MATRIX @ y).min()
    value = value_of(MATRIX)
    assert receives - 1e-9 <= value <= pays + 1e-9
    found = og.regret.exploitability(run)
    assert found.value == pytest.approx(pays - receives, abs=1e-12)
    assert value in og.regret.game_value(run)
    assert 0.0 < found.value <= rate


@ORDERS
def test_the_gap_is_the_two_regrets_over_the_rounds(moves: Moves) -> None:
    run = self_play(og.learners.RegretMatchingPlus(), moves=moves)
    x, y = moves_of(run)
    suffered = float(np.einsum("ti,ij,tj->", x, MATRIX, y))
    of_first = suffered - (MATRIX @ y.sum(axis=0)).min()
    of_second = (x.sum(axis=0) @ MATRIX).max() - suffered
    assert og.regret.exploitability(run).value == pytest.approx(
        (of_first + of_second) / ROUNDS, abs=1e-12
    )
    assert og.regret.linear(run).value == pytest.approx(of_first, abs=1e-9)


@ORDERS
def test_the_order_of_moves_longhand(moves: Moves) -> None:
    """Together: y_t knows x_1..x_{t-1}; second: it knows x_t. A swap of the two shows at once."""
    x, y = moves_of(self_play(og.learners.Hedge(ETA), rounds=30, moves=moves))
    paid, received = np.zeros(3), np.zeros(5)
    for t in range(30):
        first = softmin(ETA * paid)
        if moves == "second":
            received += first @ MATRIX
        second = softmin(-ETA * received)
        np.testing.assert_allclose(x[t], first, atol=1e-13)
        np.testing.assert_allclose(y[t], second, atol=1e-13)
        paid += MATRIX @ second
        if moves == "together":
            received += first @ MATRIX


@pytest.mark.parametrize("plus", [False, True])
def test_no_probability_is_subtracted_from_a_utility(plus: bool) -> None:
    """Regret is utility minus *expected utility*: a matcher's play does not depend on the unit.

    With the probability itself subtracted it would, and would not be what is written out here.
    """
    learner = og.learners.RegretMatchingPlus() if plus else og.learners.RegretMatching()
    x, y = moves_of(self_play(learner, rounds=40))
    for factor in (2.0**-20, 2.0**20):
        scaled = moves_of(self_play(learner, factor * MATRIX, rounds=40))
        np.testing.assert_array_equal(scaled[0], x)
        np.testing.assert_array_equal(scaled[1], y)
    regrets, wrong = np.zeros(5), np.zeros(5)
    differs = False
    for t in range(39):
        utility = x[t] @ MATRIX
        regrets += utility - utility @ y[t]
        wrong += utility - y[t]
        if plus:
            regrets = np.maximum(regrets, 0.0)
        positive = np.maximum(regrets, 0.0)
        right = positive / positive.sum() if positive.any() else uniform(5)
        np.testing.assert_allclose(y[t + 1], right, atol=1e-12)
        mistaken = np.maximum(wrong, 0.0)
        differs |= bool(mistaken.any()) and np.abs(mistaken / mistaken.sum() - right).max() > 0.01
    assert differs  # the sequence tells the two rules apart


def test_two_by_two_by_hand() -> None:
    """[[2, -1], [-1, 1]]: 2x - (1 - x) = -x + (1 - x) at x = 2/5, and the value is 1/5."""
    pennies = np.array([[2.0, -1.0], [-1.0, 1.0]])
    run = self_play(og.learners.RegretMatchingPlus(), pennies)
    averages = og.regret.average_strategies(run)
    np.testing.assert_allclose(np.asarray(averages.first), [0.4, 0.6], atol=0.05)
    np.testing.assert_allclose(np.asarray(averages.second), [0.4, 0.6], atol=0.05)
    assert 0.2 in og.regret.game_value(run)
    saddle = np.array([0.4, 0.6])
    opponent = LearnerAsAdversary(og.learners.Hedge(ETA), Bilinear(pennies), SIMPLEX, saddle)
    still = og.play(
        og.learners.Hedge(ETA), opponent, SIMPLEX, rounds=5, start=saddle, keep="points"
    )
    assert og.regret.exploitability(still).value == pytest.approx(0.0, abs=1e-12)


def test_games_of_a_batch_are_the_single_games() -> None:
    rng = np.random.default_rng(1)
    matrices, learner = rng.standard_normal((4, 3, 5)), og.learners.Hedge(ETA)
    x, y = rng.dirichlet(np.ones(3), 4), rng.dirichlet(np.ones(5), 4)

    def played(index: Any) -> Any:
        opponent = LearnerAsAdversary(learner, Bilinear(matrices[index]), SIMPLEX, y[index])
        run = og.play(learner, opponent, SIMPLEX, rounds=40, start=x[index], keep="points")
        return og.regret.exploitability(run).value

    np.testing.assert_allclose(played(...), [played(i) for i in range(4)], rtol=1e-12)


def test_a_second_start_outside_its_set_is_no_witness() -> None:
    """With y_1 outside Y an exploitability below 0 came out, and a value above another."""
    payoff = Bilinear(np.array([[2.0, -1.0], [-1.0, 1.0]]))
    with pytest.raises(og.exceptions.ArgumentError, match=r"start=.*outside it"):
        LearnerAsAdversary(og.learners.Hedge(0.1), payoff, og.sets.Simplex(), np.array([2.0, 3.0]))
