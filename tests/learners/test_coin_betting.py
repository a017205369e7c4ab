"""Coin betting: the wealth, the reduction to a set, and regret against every comparator."""

from __future__ import annotations

import copy
import math
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.optimize import minimize_scalar
from scipy.special import digamma, gammaln

import olgame as og
from olgame.learners import CoinBetting
from olgame.losses import LinearLoss
from olgame.theory import CoinBettingBound, check_bound
from olgame.theory.coin_betting_bound import log_potential
from tests.learners.linear_games import BestResponse

Floats = NDArray[np.float64]
T, P, G = 60, 3, 2.0
CENTER = np.array([0.3, -0.2, 0.1])
SPACE = og.sets.WholeSpace()
SETS: dict[str, Any] = {
    "space": SPACE,
    "ball": og.sets.L2Ball(1.5, center=CENTER),
    "off center": og.sets.L2Ball(1.0, center=CENTER + 0.5),
    "cube": og.sets.LinfBall(0.4, center=CENTER),
    "simplex": og.sets.Simplex(P, 2.0, CENTER - 2 / 3),
}


def oblivious(rows: Any) -> og.adversaries.ObliviousSequence:
    return og.adversaries.ObliviousSequence([LinearLoss(np.atleast_1d(g)) for g in rows])


def sequences() -> dict[str, Any]:
    rng = np.random.default_rng(0)
    random = rng.standard_normal((T, P))
    random *= G * rng.uniform(0.0, 1.0, (T, 1)) / np.linalg.norm(random, axis=1, keepdims=True)
    fixed = np.tile(G * np.array([0.6, 0.0, -0.8]), (T, 1))
    switching = fixed * np.where(np.arange(T) // 9 % 2, 1.0, -1.0)[:, None]
    found = {"random": random, "constant": fixed, "switching": switching, "0": 0.0 * fixed}
    best = BestResponse(CENTER, size=G)
    return {name: oblivious(rows) for name, rows in found.items()} | {"best": best}


def record(run: og.Transcript) -> tuple[Floats, Floats]:
    points = np.stack([np.asarray(p) for p in (*(run.points or ()), run.final_point)])
    losses: Any = run.round_losses
    return points, np.stack([loss.gradient for loss in losses])


def potential(t: int, x: Any) -> Any:
    """F_t(x), from scipy's gamma function."""
    half = (t + 1) / 2
    gammas = gammaln(half + x / 2) + gammaln(half - x / 2) - gammaln(t + 1)
    return np.exp(t * math.log(2) + gammas - math.log(math.pi))


@pytest.mark.parametrize("per_coordinate", [False, True])
@pytest.mark.parametrize("name", SETS)
@pytest.mark.parametrize("sequence", sequences())
def test_feasible_one_step_and_regret(name: str, sequence: str, per_coordinate: bool) -> None:
    decision_set = SETS[name]
    learner = CoinBetting(G, 0.5, per_coordinate=per_coordinate)
    start = CENTER
    run = og.play(
        learner, sequences()[sequence], decision_set, rounds=T, start=start, keep="points"
    )
    points, gradients = record(run)
    assert all(decision_set.contains(p, atol=1e-13) for p in points)

    # The game again by hand: bets, coins, wealth. Comparators in the set, and if it is the space
    # at any distance.
    rng = np.random.default_rng(1)
    if decision_set is SPACE:
        others = start + rng.standard_normal((6, P)) * np.array([[0.0, 0.1, 1, 10, 1e3, 1e6]]).T
    else:
        others = np.stack([*decision_set.sample(rng, (4, P)), decision_set.project(start)])
    state: Any = learner.init(start, decision_set)
    total, wealth = np.zeros(P), np.full(P if per_coordinate else 1, 0.5)
    told = np.zeros(len(others))
    for t, g in enumerate(gradients, start=1):
        bet = np.asarray(state.bet)
        fraction = (bet - start) / wealth
        np.testing.assert_allclose(fraction, total / t, atol=1e-13)
        np.testing.assert_allclose(decision_set.project(bet), points[t - 1], atol=1e-13)
        state = learner.update(state, og.Feedback(t, points[t - 1], 0.0, g, None))
        coin = np.asarray(state.coins) - total
        # One step of the reduction: the surrogate is no longer, and dominates.
        surrogate = -G * coin
        assert np.linalg.norm(surrogate) <= np.linalg.norm(g) * (1 + 1e-12) + 1e-12
        left = (points[t - 1] - others) @ g
        right = (bet - others) @ surrogate
        size = 1e-12 * (1 + np.abs(others).max() + np.abs(bet).max())
        assert (left <= right + G * size).all()
        told += right
        # One step of the wealth: what was bet on the coin was won.
        won = coin * (bet - start)
        wealth = wealth + (won if per_coordinate else won.sum())
        total = total + coin
        np.testing.assert_allclose(np.asarray(state.wealth), wealth, rtol=1e-9)
        # Its least value.
        sizes = np.abs(total) if per_coordinate else np.linalg.norm(total)
        assert (wealth >= 0.5 * potential(t, sizes) * (1 - 1e-9)).all()

    # Regret against every comparator at once.
    bound = CoinBettingBound(learner)
    for u, surrogate_regret in zip(others, told, strict=True):
        regret = float(np.sum(gradients * (points[:-1] - u)))
        if per_coordinate:
            limit = sum(bound.against(abs(float(x)), T).value for x in u - start)
        else:
            limit = bound.against(float(np.linalg.norm(u - start)), T).value
        assert regret <= surrogate_regret + 1e-9 * (1 + abs(surrogate_regret))
        assert regret <= limit + 1e-9 * (1 + abs(limit))
    for radius in (0.1, 30.0) if decision_set is SPACE else (None,):
        check = check_bound(CoinBettingBound(learner, radius), run)
        assert check.conclusion == "certified_holds", str(check)


@pytest.mark.parametrize("rounds", [1, 2, 5, 30, 200])
def test_the_wealth_is_exactly_the_potential_for_coins_of_one(rounds: int) -> None:
    """Any signs: the wealth depends on their sum alone, and the proof loses nothing."""
    rng = np.random.default_rng(rounds)
    for share in (0.5, 0.7, 1.0):
        coins = np.where(rng.random(rounds) < share, 1.0, -1.0)
        learner = CoinBetting(G, 2.0)
        state: Any = learner.init(np.zeros(1), SPACE)
        for t, c in enumerate(coins, start=1):
            g = np.array([-G * c])
            state = learner.update(state, og.Feedback(t, state.point, 0.0, g, None))
        exact = 2.0 * float(potential(rounds, coins.sum()))
        assert float(state.wealth[0]) == pytest.approx(exact, rel=1e-11)
        assert log_potential(rounds, float(coins.sum())) == pytest.approx(
            math.log(exact / 2.0), abs=1e-11
        )


@pytest.mark.parametrize(("rounds", "most"), [(1, 1.78), (2, 1.78), (10, 1.5), (100, 1.34)])
def test_the_bound_is_tight_up_to_its_closed_form(rounds: int, most: float) -> None:
    """Heads and tails with a given sum, against the comparator for which that is the worst."""
    learner = CoinBetting()
    bound = CoinBettingBound(learner)
    for heads in {math.ceil(rounds / 2), math.ceil(0.6 * rounds), math.ceil(0.75 * rounds), rounds}:
        total = 2 * heads - rounds
        # In turn first: a fortune that is lost again would cost the regret its digits.
        coins = [1.0, -1.0] * (rounds - heads) + [1.0] * total
        run = og.play(
            learner, oblivious([-c for c in coins]), SPACE,
            rounds=rounds, start=np.zeros(1), keep="points",
        )  # fmt: skip
        slope = 0.5 * (digamma((rounds + 1 + total) / 2) - digamma((rounds + 1 - total) / 2))
        u = np.array([float(potential(rounds, total) * slope)])
        regret = og.regret.external(run, u)
        # What no number below could be: the conjugate of the potential, by a search.
        worst = minimize_scalar(
            lambda x, u=u: float(potential(rounds, x) - u[0] * x), bounds=(0, rounds),
            method="bounded", options={"xatol": 1e-12},
        )  # fmt: skip
        assert regret == pytest.approx(1.0 - worst.fun, rel=1e-6)
        limit = bound.against(float(u[0]), rounds).value
        assert regret * (1 - 1e-12) <= limit <= most * regret


def test_the_closed_form_is_above_the_conjugate_everywhere() -> None:
    for rounds in (1, 2, 3, 7, 50, 1000):
        for norm in (0.0, 1e-3, 0.1, 1.0, 30.0, 1e6):
            x = np.linspace(0.0, rounds, 4001)
            logs = np.array([log_potential(rounds, float(v)) for v in x])
            least = math.exp(-rounds / (2 * (rounds + 1) ** 2)) * math.sqrt(
                2 / (math.pi * (rounds + 1))
            )
            assert (logs >= math.log(least) + x**2 / (2 * rounds) - 1e-12).all()  # step (3)
            conjugate = float(np.max(norm * x - np.exp(np.minimum(logs, 700.0))))
            limit = CoinBettingBound(CoinBetting()).against(norm, rounds).value
            assert 1.0 + conjugate <= limit + 1e-12
            simple = 1.0 + norm * math.sqrt(
                rounds * math.log(1 + 2.02 * rounds * (rounds + 1) * norm**2)
            )
            assert limit <= simple


def test_nothing_is_lost_but_the_endowment_at_the_start() -> None:
    for sequence in sequences().values():
        run = og.play(CoinBetting(G, 0.5), sequence, SPACE, rounds=T, start=CENTER, keep="points")
        assert og.regret.external(run, CENTER) <= 0.5 * G
        if isinstance(sequence, BestResponse):
            assert og.regret.external(run, CENTER) >= 0.4 * G  # nearly all of it


def test_no_step_size_serves_all_comparators_as_well() -> None:
    """Against u = 0.01 and u = 100 at once: gradient descent with any step does worse on one."""
    rounds, noise = 400, np.random.default_rng(2).choice([-1.0, 1.0], 400)
    games = {0.01: oblivious(noise), 100.0: oblivious(-np.ones(rounds))}

    def regrets(learner: Any) -> list[float]:
        return [
            og.regret.external(
                og.play(learner, adversary, SPACE, rounds=rounds, start=np.zeros(1), keep="points"),
                np.array([u]),
            )
            for u, adversary in games.items()
        ]

    small, large = regrets(CoinBetting())
    assert small <= 2.0
    assert large <= 8000.0  # of T u = 40,000
    for step in (1e-3, 1e-2, 0.1, 1.0, 10.0):
        other = regrets(og.learners.OnlineGradientDescent(step))
        assert other[0] > small or other[1] > large


def test_the_wealth_is_in_the_state_and_a_copy_goes_on_exactly() -> None:
    """A library that keeps the wealth beside its saved state starts poor again after a resume."""
    rows = np.random.default_rng(3).uniform(-1.0, 1.0, (T, P)) / 2
    learner = CoinBetting(1.0)
    state: Any = learner.init(CENTER, SPACE)
    for t in range(1, 31):
        state = learner.update(state, og.Feedback(t, state.point, 0.0, rows[t - 1], None))
    assert float(state.wealth[0]) != 1.0
    other = copy.deepcopy(learner.copy(state))
    for t in range(31, T + 1):
        for s in (state, other):
            learner.update(s, og.Feedback(t, s.point, 0.0, rows[t - 1], None))
    np.testing.assert_array_equal(np.asarray(state.point), np.asarray(other.point))


def test_a_gradient_above_its_bound_is_refused_by_name_and_round() -> None:
    rows = [np.array([1.0, 0.0, 0.0]), np.array([2.0, 2.0, 0.0])]
    with pytest.raises(
        og.exceptions.ArgumentError,
        match=r"`CoinBetting\(gradient_bound=\.\.\.\)` must bound the gradients, got 2\.0 and a "
        r"gradient of size 2\.82843 in round 2",
    ):
        og.play(CoinBetting(2.0), oblivious(rows), SPACE, rounds=2, start=CENTER)
    assert og.play(
        CoinBetting(2.0, per_coordinate=True), oblivious(rows), SPACE, rounds=2, start=CENTER
    ).rounds == 2  # fmt: skip
    with pytest.raises(og.exceptions.ArgumentError, match="of size nan in round 1"):
        og.play(CoinBetting(), oblivious([np.full(P, np.nan)]), SPACE, rounds=1, start=CENTER)


@pytest.mark.parametrize(
    ("wrong", "premise"),
    [
        (lambda g, t: -g, "bets of Krichevsky and Trofimov"),
        (lambda g, t: g if t % 2 else 0.0 * g, "bets of Krichevsky and Trofimov"),
        (lambda g, t: 1.01 * g, "bets of Krichevsky and Trofimov"),
    ],
)
def test_a_broken_bettor_is_found_out(wrong: Any, premise: str) -> None:
    learner = CoinBetting(2.0 * G)

    class Broken:
        level = learner.level

        def init(self, start: Any, decision_set: Any) -> Any:
            return learner.init(start, decision_set)

        def decide(self, state: Any, /) -> Any:
            return learner.decide(state)

        def update(self, state: Any, feedback: Any, /) -> Any:
            changed = wrong(feedback.gradient, feedback.round)
            return learner.update(state, feedback._replace(gradient=changed))

        def copy(self, state: Any, /) -> Any:
            return learner.copy(state)

    run = og.play(
        Broken(), sequences()["constant"], SETS["ball"], rounds=T, start=CENTER, keep="points"
    )
    check = check_bound(CoinBettingBound(learner), run)
    assert check.premises[premise].fails
    assert check.conclusion != "certified_holds"


def test_a_gradient_above_the_stated_bound_breaks_the_premise() -> None:
    run = og.play(
        CoinBetting(4.0), oblivious([np.array([3.0, 0.0, 0.0])] * 5), SETS["ball"],
        rounds=5, start=CENTER, keep="points",
    )  # fmt: skip
    assert CoinBettingBound(CoinBetting(2.0)).premises(run)["bounded gradients"].fails


def test_the_first_reduction_would_cost_a_factor() -> None:
    """It tells the bettor (g + norm(g) v)/2 outside the set; ours is nearer to what was played."""
    ball, start = og.sets.L2Ball(1.0, center=np.zeros(1)), np.zeros(1)
    learner = CoinBetting()
    state: Any = learner.init(start, ball)
    for t in range(1, 30):
        state = learner.update(state, og.Feedback(t, state.point, 0.0, np.array([-1.0]), None))
    # Once the bet has left the ball nothing pushes it farther, and the coins stand still.
    assert 1.0 < float(state.bet[0]) < 3.0
    before = float(state.coins[0])
    back: Any = learner.update(state, og.Feedback(30, state.point, 0.0, np.array([1.0]), None))
    assert float(back.coins[0]) == before - 1.0  # and the way back is charged in full


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (
            lambda: CoinBetting(0.0),
            r"`CoinBetting\(gradient_bound=\.\.\.\)` must be finite and pos",
        ),
        (lambda: CoinBetting(1.0, math.inf), r"`CoinBetting\(endowment=\.\.\.\)` must be finite"),
        (lambda: CoinBettingBound(CoinBetting(), 0.0), r"`CoinBettingBound\(radius=\.\.\.\)` must"),
        (lambda: CoinBettingBound(CoinBetting()).against(-1.0, 5), "at least 0, got -1.0"),
        (lambda: CoinBettingBound(CoinBetting()).against(1.0, 0), "at least 1, got 0"),
    ],
)
def test_bad_arguments_are_refused_by_name(make: Any, message: str) -> None:
    with pytest.raises(og.exceptions.ArgumentError, match=message):
        make()


def test_the_comparators_must_be_said_in_an_unbounded_set_and_only_there() -> None:
    run = og.play(CoinBetting(), oblivious(np.ones((3, 1))), SPACE, rounds=3, start=np.zeros(1))
    with pytest.raises(og.exceptions.ArgumentError, match="is needed in an unbounded decision set"):
        CoinBettingBound(CoinBetting()).bound(run)
    ball = og.sets.L2Ball(1.0, center=np.zeros(1))
    run = og.play(CoinBetting(), oblivious(np.ones((3, 1))), ball, rounds=3)
    with pytest.raises(og.exceptions.ArgumentError, match="must be None in a bounded decision set"):
        CoinBettingBound(CoinBetting(), 1.0).regret(run)
