"""The strongly adaptive ensemble: feasible, the steps of its proof, regret on all intervals."""

from __future__ import annotations

import math
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.special import gammaln

import olgame as og
from olgame.exceptions import ArgumentError, NotAvailableError
from olgame.learners import OnlineGradientDescent, StronglyAdaptive
from olgame.theory import StronglyAdaptiveBound, check_bound
from olgame.theory.strongly_adaptive_bound import coin_bound
from tests.learners.ball_games import (
    NAMES,
    MinimaxBlocks,
    gradients_of,
    onto_ball,
    opponent,
    points_of,
)
from tests.learners.linear_games import oblivious

Floats = NDArray[np.float64]
T, P, RADIUS, G = 85, 4, 1.5, 2.0
D = 2 * RADIUS
CENTER = np.array([0.3, -0.2, 0.1, 0.5])
BALL = og.sets.L2Ball(RADIUS, center=CENTER)
LEARNER = StronglyAdaptive(G)


def play(adversary: Any, learner: Any = LEARNER, rounds: int = T, ball: Any = BALL) -> Any:
    return og.play(learner, adversary, ball, rounds=rounds, keep="points")


class Interval(NamedTuple):
    """A covering interval."""

    level: int
    first: int

    @property
    def last(self) -> int:
        return self.first + (1 << self.level) - 1

    @property
    def prior(self) -> float:
        k, i = self.level, self.first >> self.level
        return 1.0 / ((k + 1) * (k + 2) * i * (i + 1))

    @property
    def step(self) -> float:
        return RADIUS / (G * math.sqrt(2**self.level))


class Expert:
    """Its gradient descent and its bettor, one number at a time."""

    def __init__(self) -> None:
        self.point, self.sum, self.wealth, self.played = CENTER, 0.0, 1.0, 0
        self.inner: list[float] = []

    @property
    def bet(self) -> float:
        total = 0.0 if abs(self.sum) < 1e-12 else self.sum
        return total / (self.played + 1) * self.wealth


def covering(rounds: int) -> list[Interval]:
    levels = range(rounds.bit_length())
    return [Interval(k, s) for k in levels for s in range(2**k, rounds + 1, 2**k)]


def written_out(gradients: Floats) -> tuple[Floats, dict[Interval, Expert]]:
    """The points, interval by interval, with the proof's steps checked on the way."""
    experts: dict[Interval, Expert] = {}
    points = []
    for t, g in enumerate(gradients, start=1):
        for interval in covering(t):
            if interval.first == t:
                experts[interval] = Expert()
        active = {j: e for j, e in experts.items() if j.first <= t <= j.last}
        shares = {j: j.prior * max(e.bet, 0.0) for j, e in active.items()}
        if not sum(shares.values()) > 0.0:
            shares = {j: j.prior for j in active}
        total = sum(shares.values())
        w = sum(shares[j] / total * e.point for j, e in active.items())
        points.append(w)
        change = 0.0
        for j, e in active.items():
            coin, bet = float(g @ (w - e.point)) / (G * D), e.bet
            if bet <= 0.0:
                coin = max(coin, 0.0)
            change += j.prior * coin * bet
            e.wealth, e.sum, e.played = e.wealth + coin * bet, e.sum + coin, e.played + 1
            e.inner.append(float(g @ (w - e.point)))
            e.point = onto_ball(e.point - j.step * g, CENTER, RADIUS)
            # The wealth of a bettor, from below; and no bettor is richer than its prior allows.
            n, x = e.played, e.sum
            least = n * math.log(2) + gammaln((n + 1 + x) / 2) + gammaln((n + 1 - x) / 2)
            least -= math.log(math.pi) + gammaln(n + 1)
            assert math.exp(least) <= e.wealth * (1 + 1e-9) <= (1 + 1e-8) / j.prior
            assert sum(e.inner) <= G * D * e.sum + 1e-9
        assert change <= 1e-12  # the total wealth never grows
    return np.stack(points), experts


def pieces(first: int, last: int) -> list[tuple[Interval, int]]:
    """Covering intervals, and how many of their rounds are used, that make up [first, last]."""
    found = []
    while first <= last:
        here = [Interval(k, first) for k in range(30) if first % 2**k == 0]
        reaching = [j for j in here if j.last >= last]
        piece = reaching[0] if reaching else here[-1]
        found.append((piece, min(piece.last, last) - first + 1))
        first = piece.last + 1
    return found


def bound_written_out(first: int, last: int, squares: Floats) -> float:
    total = 0.0
    for piece, n in pieces(first, last):
        begin = piece.first - 1
        total += RADIUS**2 / (2 * piece.step) + piece.step / 2 * squares[begin : begin + n].sum()
        logs = math.log(1 / piece.prior) + 0.5 * math.log(math.pi * (n + 1) / 2)
        total += G * D * math.sqrt(2 * (n + 1) * logs)
    return total


@pytest.mark.parametrize("name", NAMES)
def test_feasible_each_step_of_the_proof_and_all_intervals(name: str) -> None:
    run = play(opponent(name, T, CENTER, G))
    points, gradients = points_of(run), gradients_of(run)
    assert np.sqrt(np.sum((points - CENTER) ** 2, axis=1)).max() <= RADIUS * (1 + 1e-14)
    expected, _ = written_out(gradients)
    np.testing.assert_allclose(points[:-1], expected, rtol=0, atol=1e-11)

    bound = StronglyAdaptiveBound(LEARNER)
    squares = np.sum(gradients**2, axis=1)
    nearest = np.zeros(T)
    for last in range(1, T + 1):
        for first in range(1, last + 1):
            part = slice(first - 1, last)
            total = gradients[part].sum(axis=0)
            lost = np.sum(gradients[part] * (points[:-1][part] - CENTER))
            regret = lost + RADIUS * math.sqrt(total @ total)
            limit = bound_written_out(first, last, squares)
            assert regret <= limit
            nearest[last - 1] = max(nearest[last - 1], regret / limit)
    check = check_bound(bound, run)
    assert check.conclusion == "certified_holds", check
    np.testing.assert_allclose(check.regret / check.bound, nearest, rtol=1e-9)
    found = bound.on_intervals(run, np.array([1, 7, 64]), np.array([85, 7, 70]))
    expected_bounds = [bound_written_out(*ends, squares) for ends in ((1, 85), (7, 7), (64, 70))]
    np.testing.assert_allclose(found, expected_bounds, rtol=1e-12)


def test_lengths_of_pieces_double_but_for_the_last() -> None:
    for first in range(1, 40):
        for last in range(first, 80):
            found = pieces(first, last)
            assert sum(n for _, n in found) == last - first + 1
            lengths = [2**piece.level for piece, _ in found]
            assert all(2 * a <= b for a, b in pairwise(lengths[:-1]))
            assert lengths[-1] < 2 * found[-1][1] or lengths[-1] == 1


@pytest.mark.parametrize("prior", [0.5, 1e-2, 1e-6])
def test_coins_that_exceed_the_bound_would_make_the_bettor_too_rich(prior: float) -> None:
    for n in (10, 100, 10_000):
        x = float(coin_bound(n, prior))
        if x > n:
            continue
        logarithm = n * math.log(2) - math.log(math.pi) - gammaln(n + 1)
        logarithm += gammaln((n + 1 + x) / 2) + gammaln((n + 1 - x) / 2)
        assert logarithm >= math.log(1 / prior)
        assert logarithm <= 2.5 * math.log(1 / prior) + 3.0  # and the bound is not far off


def test_the_bound_is_within_a_factor_of_thirty_on_blocks_that_nobody_can_beat() -> None:
    rounds, length, center = 255, 16, np.zeros(P)
    learner, ball = StronglyAdaptive(1.0), og.sets.L2Ball(1.0, center=np.zeros(P))
    run = play(MinimaxBlocks(length, center), learner, rounds, ball)
    first = np.arange(1, rounds - length, length)
    regrets = [og.regret.interval(run).at(int(r), int(r) + length - 1) for r in first]
    np.testing.assert_allclose(regrets, math.sqrt(length), rtol=1e-9)
    bound = StronglyAdaptiveBound(learner)
    assert (bound.on_intervals(run, first, first + length - 1) <= 30 * math.sqrt(length)).all()
    assert (bound.bound(run) / bound.regret(run)).min() <= 7


def test_regret_on_intervals_grows_like_the_root_of_their_length() -> None:
    """Where the best point shifts once: gradient descent loses the whole of a late interval."""
    found = []
    for rounds in (256, 1024, 4096):
        signs = np.where(np.arange(rounds) < rounds // 2, 1.0, -1.0)
        push = oblivious(signs[:, None] * np.eye(3)[0])
        ball = og.sets.L2Ball(1.0, center=np.zeros(3))
        learners = (StronglyAdaptive(1.0), OnlineGradientDescent(rounds**-0.5))
        runs = [play(push, learner, rounds, ball) for learner in learners]
        late = slice(rounds // 2, None)
        found.append([float(np.sum(run.loss[late] + 1.0)) for run in runs])
    adaptive, descent = np.array(found).T
    slope = np.polyfit(np.log([256, 1024, 4096]), np.log(adaptive), 1)[0]
    assert slope <= 0.55
    assert (adaptive < descent).all()


class Sleepy(StronglyAdaptive):
    """Forgets its bets: all experts have their prior's share for ever."""

    def update(self, state: Any, feedback: Any, /) -> Any:
        state = super().update(state, feedback)
        state.coins, state.bets = 0.0 * state.coins, 0.0 * state.bets
        return state


class Contrary(StronglyAdaptive):
    """Told the gradient with the wrong sign."""

    def update(self, state: Any, feedback: Any, /) -> Any:
        return super().update(state, feedback._replace(gradient=-feedback.gradient))


@pytest.mark.parametrize("broken", [Sleepy, Contrary])
def test_broken_learners_are_found_out(broken: Any) -> None:
    rounds, ball = 1023, og.sets.L2Ball(1.0, center=np.zeros(3))
    push = oblivious(np.tile(np.eye(3)[0], (rounds, 1)))
    run = play(push, broken(1.0), rounds, ball)
    bound = StronglyAdaptiveBound(StronglyAdaptive(1.0))
    assert bound.premises(run)["played by StronglyAdaptive"].fails
    if broken is Contrary:
        regret = og.regret.interval(run, "dyadic").at(513, 768)
        assert regret > bound.on_intervals(run, np.array([513]), 768)[0]


def test_experts_that_differ_by_rounding_alone_share_by_their_prior() -> None:
    """Far from the origin W_t - x_t^J is rounding: no bet may be made on it."""
    far = og.sets.L2Ball(1.0, center=np.full(3, 1e6))
    near = og.sets.L2Ball(1.0, center=np.zeros(3))
    gradients = np.random.default_rng(0).standard_normal((64, 3)) / 3.0
    points = [points_of(play(oblivious(gradients), LEARNER, 64, ball)) for ball in (far, near)]
    assert np.abs(points[0] - 1e6 - points[1]).max() < 1e-6


def test_premises_and_refusals() -> None:
    run = play(opponent("random", T, CENTER, 2 * G))
    assert StronglyAdaptiveBound(LEARNER).premises(run)["bounded gradients"].fails
    small = StronglyAdaptive(G, diameter=RADIUS)
    run = play(opponent("random", T, CENTER, G), small)
    assert StronglyAdaptiveBound(small).premises(run)["diameter of the decision set"].fails
    with pytest.raises(NotAvailableError, match="bounded decision set of more than one point"):
        og.play(LEARNER, oblivious(np.ones((3, P))), og.sets.WholeSpace(), rounds=3, start=CENTER)
    with pytest.raises(ArgumentError, match=r"`StronglyAdaptive\(gradient_bound=\.\.\.\)`"):
        StronglyAdaptive(-1.0)
