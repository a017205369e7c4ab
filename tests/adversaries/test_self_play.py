"""Two players: best responses, learners against learners, saddle points of matrix games."""

from __future__ import annotations

from typing import Any

import attrs
import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.optimize import linprog

import olgame as og
from olgame.arrays import to_numpy
from olgame.exceptions import ArgumentError, NotAvailableError, NotKeptError

Floats = NDArray[np.float64]
A: Any = og.adversaries
L: Any = og.learners
MATRIX = np.random.default_rng(4).standard_normal((4, 3))
X0, Y0 = np.full(4, 0.25), np.full(3, 1 / 3)


def value_by_linear_programming(a: Floats) -> float:
    """min t with A^T x <= t on the simplex."""
    p, q = a.shape
    found = linprog(
        np.r_[np.zeros(p), 1.0],
        A_ub=np.c_[a.T, -np.ones(q)],
        b_ub=np.zeros(q),
        A_eq=np.r_[np.ones(p), 0.0][None],
        b_eq=[1.0],
        bounds=[(0, None)] * p + [(None, None)],
        method="highs",
    )
    return float(found.fun)


def self_play(
    first: Any,
    second: Any,
    a: Floats = MATRIX,
    *,
    moves: str = "together",
    rounds: int = 200,
    keep: Any = "points",
) -> og.Transcript:
    opponent = A.LearnerAsAdversary(
        second, A.Bilinear(a), og.sets.Simplex(), np.full(a.shape[1], 1 / a.shape[1]), moves=moves
    )
    start = np.full(a.shape[0], 1 / a.shape[0])
    return og.play(first, opponent, og.sets.Simplex(), rounds=rounds, start=start, keep=keep)


def played(run: og.Transcript) -> tuple[Floats, Floats]:
    losses: Any = run.round_losses
    return (
        np.array([to_numpy(point) for point in run.points or ()]),
        np.array([to_numpy(loss.opponent) for loss in losses]),
    )


PAIRS = {
    "descent": (L.OnlineGradientDescent(0.05), L.OnlineGradientDescent(0.07)),
    "hedge against descent": (L.Hedge(0.1), L.OnlineGradientDescent(0.07)),
    "regret matching": (L.RegretMatchingPlus(), L.RegretMatching()),
    "optimists": (
        L.Optimistic(L.OnlineGradientDescent(0.1)),
        L.Optimistic(L.OnlineGradientDescent(0.1)),
    ),
    "full information": (L.OnlineGradientDescent(0.05), L.FollowTheLeader()),
}


@pytest.mark.parametrize("moves", ["together", "second"])
@pytest.mark.parametrize("name", PAIRS)
def test_exploitability_is_the_sum_of_both_regrets(name: str, moves: str) -> None:
    """For any two learners, whatever they do: with moves, sums and maxima written out here."""
    if name == "full information" and not hasattr(L, "FollowTheLeader"):
        pytest.skip("no such learner")
    run = self_play(*PAIRS[name], moves=moves)
    x, y = played(run)
    assert len(x) == len(y) == run.rounds
    suffered = np.einsum("tp,pq,tq->t", x, MATRIX, y)
    np.testing.assert_allclose(run.loss, suffered, atol=1e-14)
    regret_x = suffered.sum() - (MATRIX @ y.sum(0)).min()
    regret_y = (x.sum(0) @ MATRIX).max() - suffered.sum()
    assert og.regret.linear(run).value == pytest.approx(regret_x, abs=1e-12)
    found = og.regret.exploitability(run)
    assert found.side == "exact"
    assert found.value == pytest.approx((regret_x + regret_y) / run.rounds, abs=1e-13)
    averages = og.regret.average_strategies(run)
    np.testing.assert_allclose(to_numpy(averages.first), x.mean(0), atol=1e-15)
    np.testing.assert_allclose(to_numpy(averages.second), y.mean(0), atol=1e-15)


@pytest.mark.parametrize("shape", [(2, 2), (4, 3), (3, 7), (6, 6)])
def test_averages_reach_the_value_of_linear_programming(shape: tuple[int, int]) -> None:
    rng = np.random.default_rng(shape[0])
    a = rng.standard_normal(shape)
    exact = value_by_linear_programming(a)
    widths = []
    for rounds in (100, 1600):
        run = self_play(L.RegretMatchingPlus(), L.RegretMatchingPlus(), a, rounds=rounds)
        bounds = og.regret.game_value(run)
        assert bounds.lower.value <= exact + 1e-9
        assert exact <= bounds.upper.value + 1e-9
        assert bounds.width == pytest.approx(og.regret.exploitability(run).value, abs=1e-12)
        widths.append(bounds.width)
    assert widths[1] < 0.05
    assert widths[1] < 0.5 * widths[0] + 1e-3


def test_moving_second_is_an_advantage() -> None:
    """The second mover's regret is not positive for descent with the step of the round known."""
    for name in ("descent", "optimists"):
        x, y = played(self_play(*PAIRS[name], moves="second"))
        gained = np.einsum("tp,pq,tq->t", x, MATRIX, y).sum()
        best = (x.sum(0) @ MATRIX).max()
        if name == "descent":  # be-the-leader: regret <= D^2/(2 alpha), start term alone
            assert best - gained <= (1 - 1 / 3) / (2 * 0.07) + 1e-12
        x, y = played(self_play(*PAIRS[name], moves="together"))
        assert np.einsum("tp,pq,tq->t", x, MATRIX, y).sum() <= gained + 1e-9


@attrs.frozen
class Recorder:
    """Plays a fixed point and writes down what it is told, and when."""

    log: list[Any]
    level: og.Level = og.Level.FULL

    def init(self, start: Any, decision_set: Any) -> Any:
        self.log.append(("init", tuple(start.shape)))
        return start

    def decide(self, state: Any, /) -> Any:
        return state

    def update(self, state: Any, feedback: Any, /) -> Any:
        self.log.append(feedback)
        return 0.5 * state + 0.5 * np.eye(3)[feedback.round % 3]

    def copy(self, state: Any, /) -> Any:
        return state


@pytest.mark.parametrize("moves", ["together", "second"])
def test_what_the_second_player_is_told(moves: str) -> None:
    log: list[Any] = []
    run = self_play(L.OnlineGradientDescent(0.05), Recorder(log), moves=moves, rounds=5)
    assert run.adversary.timing is (
        A.Timing.SEES_PAST if moves == "together" else A.Timing.SEES_POINT
    )
    x, y = played(run)
    told = [entry for entry in log if hasattr(entry, "round")]
    assert [feedback.round for feedback in told] == list(range(1, 5 if moves == "together" else 6))
    for feedback in told:
        t = feedback.round - 1
        np.testing.assert_allclose(feedback.gradient, -(x[t] @ MATRIX), atol=1e-15)
        assert float(feedback.value) == pytest.approx(-float(x[t] @ MATRIX @ feedback.point))
        assert float(feedback.loss.value(Y0)) == pytest.approx(-float(x[t] @ MATRIX @ Y0))
        if moves == "together":
            np.testing.assert_array_equal(feedback.point, y[t])
        else:  # y_t is the decision after the update of round t
            np.testing.assert_array_equal(y[t], 0.5 * feedback.point + 0.5 * np.eye(3)[(t + 1) % 3])
    values: list[Any] = []
    self_play(L.OnlineGradientDescent(0.05), Recorder(values, og.Level.VALUE), rounds=4)
    told = [entry for entry in values if hasattr(entry, "round")]
    assert told
    assert all(feedback.gradient is None and feedback.loss is None for feedback in told)


def test_best_response_is_best() -> None:
    """Against every other move of its set, and in the value of the robust problem."""
    rng = np.random.default_rng(0)
    sets: list[Any] = [og.sets.Simplex(), og.sets.L2Ball(1.0), og.sets.Box(-1.0, 0.5, dim=3)]
    for y_set in sets:
        adversary = A.BestResponse(y_set, A.Bilinear(MATRIX))
        run = og.play(
            L.OnlineGradientDescent(0.1), adversary, og.sets.Simplex(), rounds=20, start=X0,
            keep="points",
        )  # fmt: skip
        x, y = played(run)
        for other in y_set.sample(rng, (50, 3)):
            assert (x @ MATRIX @ to_numpy(other) <= run.loss + 1e-12).all()
        np.testing.assert_allclose(np.einsum("tp,pq,tq->t", x, MATRIX, y), run.loss, atol=1e-14)
    past = A.BestResponse(og.sets.Simplex(), A.Bilinear(MATRIX), sees="past")
    run = og.play(
        L.OnlineGradientDescent(0.1), past, og.sets.Simplex(), rounds=9, start=X0, keep="points"
    )
    x, y = played(run)
    np.testing.assert_array_equal(y[1:], np.eye(3)[(x[:-1] @ MATRIX).argmax(axis=1)])


def test_best_response_solves_the_matrix_game() -> None:
    """No-regret against best responses: the average loss is at least the value, and tends to it."""
    exact = value_by_linear_programming(MATRIX)
    adversary = A.BestResponse(og.sets.Simplex(), A.Bilinear(MATRIX))
    run = og.play(
        L.OnlineGradientDescent(0.02), adversary, og.sets.Simplex(), rounds=2000, start=X0,
        keep="points",
    )  # fmt: skip
    assert (run.loss >= exact - 1e-12).all()
    regret = og.regret.linear(run).value
    assert run.loss.mean() <= exact + regret / run.rounds + 1e-12
    assert og.regret.game_value(run).upper.value == pytest.approx(exact, abs=0.03)
    # The second player's regret is not positive, term by term.
    assert og.regret.exploitability(run).value <= regret / run.rounds + 1e-12


def test_a_payoff_of_ones_own() -> None:
    """x^2/2 + x y - y^2/2 has its saddle point at 0; curvature makes the last moves converge."""
    payoff = A.FunctionPayoff(
        lambda x, y: (0.5 * x * x + x * y - 0.5 * y * y).sum(-1),
        lambda x, y: x + y,
        lambda x, y: x - y,
        lambda x, y_set: y_set.project(x),
    )
    ball = og.sets.L2Ball(1.0, center=np.zeros(2))
    start = np.array([0.6, -0.3])
    opponent = A.LearnerAsAdversary(L.OnlineGradientDescent(0.2), payoff, ball, start)
    run = og.play(
        L.OnlineGradientDescent(0.2), opponent, ball, rounds=60, start=-start, keep="points"
    )
    assert np.linalg.norm(to_numpy(run.final_point)) < 1e-3
    with pytest.raises(NotAvailableError, match="exact for `Bilinear` payoffs, got FunctionPayoff"):
        og.regret.exploitability(run)
    averages = og.regret.average_strategies(run)
    exact = sum(float((to_numpy(part) ** 2).sum()) for part in averages)
    found = og.regret.exploitability_bounds(run)
    assert found.lower.value <= exact <= found.upper.value
    assert found.width < 1e-6
    answer = A.BestResponse(ball, payoff)
    run = og.play(L.OnlineGradientDescent(0.1), answer, ball, rounds=5, start=start)
    # max over y of phi is x^2/2 + x^2/2 inside.
    np.testing.assert_allclose(run.loss[0], start @ start)
    blind = A.FunctionPayoff(*[lambda x, y: x] * 3)
    with pytest.raises(NotAvailableError, match=r"give `FunctionPayoff\(best_response=...\)`"):
        og.play(L.OnlineGradientDescent(0.1), A.BestResponse(ball, blind), ball, rounds=1)


def test_several_games_are_the_single_games() -> None:
    rng = np.random.default_rng(0)
    matrices, starts = rng.standard_normal((3, 4, 2)), rng.dirichlet(np.ones(4), 3)
    seconds = rng.dirichlet(np.ones(2), 3)

    def opponent(a: Floats, y: Floats) -> Any:
        return A.LearnerAsAdversary(
            L.OnlineGradientDescent(0.1), A.Bilinear(a), og.sets.Simplex(), y
        )

    def game(a: Floats, x: Floats, y: Floats) -> og.Transcript:
        return og.play(
            L.OnlineGradientDescent(0.1), opponent(a, y), og.sets.Simplex(), rounds=30, start=x,
            keep="points",
        )  # fmt: skip

    many = game(matrices, starts, seconds)
    gaps, bounds = og.regret.exploitability(many), og.regret.game_value(many)
    for i in range(3):
        one = game(matrices[i], starts[i], seconds[i])
        np.testing.assert_allclose(many.loss[:, i], one.loss, rtol=1e-12, atol=1e-14)
        assert np.asarray(gaps.value)[i] == pytest.approx(og.regret.exploitability(one).value)
        same = many.game(i)
        assert og.regret.exploitability(same).value == pytest.approx(
            og.regret.exploitability(one).value
        )
        assert np.asarray(bounds.upper.value)[i] >= value_by_linear_programming(matrices[i]) - 1e-12
    # One y_1 for all games.
    shared = og.play(
        L.OnlineGradientDescent(0.1), opponent(MATRIX[:, :2], seconds[0]), og.sets.Simplex(),
        rounds=30, start=starts, keep="examples",
    )  # fmt: skip
    one = game(MATRIX[:, :2], starts[1], seconds[0])
    np.testing.assert_allclose(shared.loss[:, 1], one.loss, rtol=1e-12, atol=1e-14)
    assert np.asarray(og.regret.exploitability(shared).value).shape == (3,)


def test_torch_players_play_the_same_game() -> None:
    torch = pytest.importorskip("torch")
    opponent = A.LearnerAsAdversary(
        L.OnlineGradientDescent(0.07),
        A.Bilinear(torch.tensor(MATRIX)),
        og.sets.Simplex(),
        torch.tensor(Y0),
    )
    run = og.play(
        L.OnlineGradientDescent(0.05), opponent, og.sets.Simplex(), rounds=50,
        start=torch.tensor(X0), keep="points",
    )  # fmt: skip
    other = self_play(L.OnlineGradientDescent(0.05), L.OnlineGradientDescent(0.07), rounds=50)
    np.testing.assert_allclose(run.loss, other.loss, atol=1e-13)
    assert og.regret.exploitability(run).value == pytest.approx(
        og.regret.exploitability(other).value, abs=1e-13
    )


def test_what_is_not_known_is_refused_by_name() -> None:
    run = self_play(
        L.OnlineGradientDescent(0.1), L.OnlineGradientDescent(0.1), keep="examples", rounds=9
    )
    again = self_play(L.OnlineGradientDescent(0.1), L.OnlineGradientDescent(0.1), rounds=9)
    replayed, kept = og.regret.exploitability(run).value, og.regret.exploitability(again).value
    assert replayed == pytest.approx(kept, abs=1e-15)
    sums = self_play(
        L.OnlineGradientDescent(0.1), L.OnlineGradientDescent(0.1), keep="sums", rounds=9
    )
    with pytest.raises(NotKeptError):
        og.regret.exploitability(sums)
    other = og.play(
        L.OnlineGradientDescent(0.1), A.MinimaxLinear(), og.sets.L2Ball(1.0, np.zeros(3)), rounds=3,
        keep="points",
    )  # fmt: skip
    with pytest.raises(NotAvailableError, match=r"plays for a payoff.*got MinimaxLinear"):
        og.regret.game_value(other)
    simplex = og.sets.Simplex()
    learner = L.OnlineGradientDescent(0.1)
    invalid: list[tuple[Any, str]] = [
        (lambda: A.LearnerAsAdversary(learner, A.Bilinear(), simplex), r"start=...\)` is needed"),
        (lambda: A.LearnerAsAdversary(3, A.Bilinear(), simplex, Y0), "must be a learner.*got 3"),
        (lambda: A.LearnerAsAdversary(learner, 3, simplex, Y0), "must be a payoff.*got 3"),
        (lambda: A.LearnerAsAdversary(learner, A.Bilinear(), 3, Y0), "must be a convex set"),
        (
            lambda: A.LearnerAsAdversary(learner, A.Bilinear(), simplex, Y0, moves="first"),
            "must be one of together, second, got 'first'",
        ),
        (lambda: A.BestResponse(simplex, sees="all"), "must be one of point, past, got 'all'"),
        (lambda: A.BestResponse(3), "must be a convex set"),
        (lambda: A.Bilinear([1.0]), "must be an array of floats of shape"),
        (lambda: A.FunctionPayoff(1, 2, 3), "must be a function"),
    ]
    for make, message in invalid:
        with pytest.raises((ArgumentError, og.exceptions.ShapeError), match=message):
            make()
