"""Payoffs that are convex-concave and not bilinear: exploitability and value between two ends."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

import olgame as og
from olgame.arrays import to_numpy
from olgame.exceptions import NotAvailableError

cp: Any = pytest.importorskip("cvxpy")
Floats = NDArray[np.float64]
A: Any = og.adversaries
DESCENT = og.learners.OnlineGradientDescent(0.1)
RNG = np.random.default_rng(0)
MATRIX, TARGET = RNG.standard_normal((4, 3)), RNG.standard_normal(4)
SIMPLEX, BALL = og.sets.Simplex(), og.sets.L2Ball(1.0)
X0, Y0 = np.full(4, 0.25), np.zeros(3)


def smooth(matrix: Any = MATRIX) -> Any:
    """(1/2) norm(x - c)^2 + x^T A y - norm(y)^2."""
    return A.FunctionPayoff(
        lambda x, y: (0.5 * (x - TARGET) ** 2).sum(-1) + ((x @ matrix - y) * y).sum(-1),
        lambda x, y: x - TARGET + y @ matrix.T,
        lambda x, y: x @ matrix - 2.0 * y,
    )  # fmt: skip


def kinked() -> Any:
    """norm1(x - c) + x^T A y - max_j abs(y_j): subgradients with jumps."""

    def second(x: Any, y: Any) -> Any:
        largest = np.abs(y).argmax(axis=-1)
        return x @ MATRIX - np.sign(y) * (np.arange(3) == largest[..., None])

    return A.FunctionPayoff(
        lambda x, y: np.abs(x - TARGET).sum(-1) + ((x @ MATRIX) * y).sum(-1) - np.abs(y).max(-1),
        lambda x, y: np.sign(x - TARGET) + y @ MATRIX.T,
        second,
    )


def oracle(name: str, x: Floats, y: Floats) -> tuple[float, float]:
    """min over the simplex of phi(., y) and max over the unit ball of phi(x, .), by cvxpy."""
    u, v = cp.Variable(4), cp.Variable(3)
    if name == "smooth":
        first = 0.5 * cp.sum_squares(u - TARGET) + (MATRIX @ y) @ u - float(y @ y)
        second = 0.5 * float(((x - TARGET) ** 2).sum()) + (x @ MATRIX) @ v - cp.sum_squares(v)
    else:
        first = cp.norm1(u - TARGET) + (MATRIX @ y) @ u - float(np.abs(y).max())
        second = float(np.abs(x - TARGET).sum()) + (x @ MATRIX) @ v - cp.norm_inf(v)
    least = cp.Problem(cp.Minimize(first), [u >= 0, cp.sum(u) == 1]).solve(solver="CLARABEL")
    most = cp.Problem(cp.Maximize(second), [cp.norm2(v) <= 1]).solve(solver="CLARABEL")
    return float(least), float(most)


PAYOFFS = {"smooth": smooth(), "kinked": kinked()}


def self_play(payoff: Any, rounds: int, y: Any = Y0, **options: Any) -> og.Transcript:
    opponent = A.LearnerAsAdversary(DESCENT, payoff, BALL, y)
    options = {"start": X0, "keep": "points", **options}
    return og.play(DESCENT, opponent, SIMPLEX, rounds=rounds, **options)


@pytest.mark.parametrize("rounds", [3, 80])
@pytest.mark.parametrize("name", PAYOFFS)
def test_the_ends_enclose_what_cvxpy_finds(name: str, rounds: int) -> None:
    run = self_play(PAYOFFS[name], rounds)
    averages = og.regret.average_strategies(run)
    least, most = oracle(name, to_numpy(averages.first), to_numpy(averages.second))
    found, value = og.regret.exploitability_bounds(run), og.regret.game_value(run)
    assert (found.lower.side, found.upper.side) == ("lower", "upper")
    assert found.lower.value <= most - least + 1e-7
    assert found.upper.value >= most - least - 1e-7
    assert value.lower.value <= least + 1e-7
    assert value.upper.value >= most - 1e-7
    assert found.width <= (1e-6 if name == "smooth" else 0.05)
    assert value.width == pytest.approx(found.upper.value, abs=1e-12)


def test_no_more_than_both_regrets() -> None:
    """Jensen: the exploitability of the averages is at most (R^x + R^y)/T."""
    run = self_play(PAYOFFS["smooth"], 60)
    regret = og.regret.hindsight(run).regret.upper.value
    losses: Any = run.round_losses
    xs = np.array([to_numpy(point) for point in run.points or ()])
    ys = np.array([to_numpy(loss.opponent) for loss in losses])
    v = cp.Variable(3)
    mean = 0.5 * ((xs - TARGET) ** 2).sum(1).mean() + (xs.mean(0) @ MATRIX) @ v - cp.sum_squares(v)
    best = cp.Problem(cp.Maximize(mean), [cp.norm2(v) <= 1]).solve(solver="CLARABEL")
    of_second = 60 * float(best) - float(run.loss.sum())
    assert len(xs) == len(ys) == 60
    assert og.regret.exploitability_bounds(run).upper.value <= (regret + of_second) / 60 + 1e-6


def test_bilinear_ends_are_the_exact_number() -> None:
    run = self_play(A.Bilinear(MATRIX), 30)
    exact, found = og.regret.exploitability(run).value, og.regret.exploitability_bounds(run)
    assert exact in found
    assert found.width < 1e-12
    assert found.width > 0.0
    same = A.FunctionPayoff(
        lambda x, y: ((x @ MATRIX) * y).sum(-1), lambda x, y: y @ MATRIX.T, lambda x, y: x @ MATRIX
    )
    other = og.regret.exploitability_bounds(self_play(same, 30))
    assert other.lower.value - 1e-9 <= exact <= other.upper.value + 1e-9


def test_a_stated_best_response_is_tried_and_not_believed() -> None:
    honest = A.FunctionPayoff(
        PAYOFFS["smooth"].value, PAYOFFS["smooth"].first_gradient,
        PAYOFFS["smooth"].second_gradient, lambda x, y_set: y_set.project(0.5 * (x @ MATRIX)),
    )  # fmt: skip
    liar = A.FunctionPayoff(
        PAYOFFS["smooth"].value, PAYOFFS["smooth"].first_gradient,
        PAYOFFS["smooth"].second_gradient, lambda x, y_set: np.array([50.0, 0.0, 0.0]),
    )  # fmt: skip
    run = self_play(PAYOFFS["smooth"], 20)
    averages = og.regret.average_strategies(run)
    least, most = oracle("smooth", to_numpy(averages.first), to_numpy(averages.second))
    for payoff in (honest, liar):
        found = og.regret.exploitability_bounds(self_play(payoff, 20))
        assert found.lower.value <= most - least + 1e-7
        assert found.upper.value >= most - least - 1e-7
        assert found.width < 1e-6


def test_games_have_their_own_ends() -> None:
    seconds = 0.5 * RNG.standard_normal((3, 3)) / 3.0
    many = self_play(PAYOFFS["smooth"], 15, seconds, start=np.tile(X0, (3, 1)))
    found = og.regret.exploitability_bounds(many)
    assert np.asarray(found.lower.value).shape == (3,)
    for i in range(3):
        alone = og.regret.exploitability_bounds(self_play(PAYOFFS["smooth"], 15, seconds[i]))
        assert np.asarray(found.lower.value)[i] == pytest.approx(alone.lower.value, abs=1e-7)
        assert np.asarray(found.upper.value)[i] == pytest.approx(alone.upper.value, abs=1e-7)


def test_what_is_not_bounded_is_refused() -> None:
    opponent = A.LearnerAsAdversary(DESCENT, A.FunctionPayoff(
        lambda x, y: ((x @ MATRIX) * y).sum(-1), lambda x, y: y @ MATRIX.T, lambda x, y: x @ MATRIX
    ), og.sets.WholeSpace(3), Y0)  # fmt: skip
    run = og.play(DESCENT, opponent, SIMPLEX, rounds=3, start=X0, keep="points")
    with pytest.raises(NotAvailableError, match="bounded"):
        og.regret.exploitability_bounds(run)
