"""Bandits: feasible, unbiased, a step of the proof, sure and expected regret under their bounds."""

from __future__ import annotations

import math
from typing import Any

import attrs
import numpy as np
import pytest
from numpy.typing import NDArray

import olgame as og
from olgame.exceptions import ArgumentError, NotAvailableError
from olgame.feedback import Feedback
from olgame.learners import OnePointBandit, TwoPointBandit
from olgame.losses import LinearLoss, QuadraticLoss
from olgame.theory import OnePointBound, TwoPointBound, check_bound
from olgame.theory.bandit_steps import bandit_steps
from tests.learners.ball_games import NAMES, onto_ball, opponent, points_of
from tests.learners.linear_games import oblivious

Floats = NDArray[np.float64]
T, P, RADIUS, G, DELTA = 80, 4, 1.5, 2.0, 0.3
CENTER = np.array([0.3, -0.2, 0.1, 0.5])
BALL = og.sets.L2Ball(RADIUS, center=CENTER)
ONE, TWO = OnePointBandit(0.002, DELTA, seed=3), TwoPointBandit(0.05, DELTA, seed=3)
BOUNDS: list[tuple[Any, Any]] = [(ONE, OnePointBound(ONE)), (TWO, TwoPointBound(TWO))]
BY_NAME = pytest.mark.parametrize(("learner", "bound"), BOUNDS, ids=["one point", "two points"])


@BY_NAME
@pytest.mark.parametrize("name", NAMES)
def test_feasible_each_step_of_the_proof_and_the_sure_bound(
    learner: Any, bound: Any, name: str
) -> None:
    run = og.play(learner, opponent(name, T, CENTER, G), BALL, rounds=T, keep="points")
    played = points_of(run)
    assert np.sqrt(np.sum((played - CENTER) ** 2, axis=1)).max() <= RADIUS * (1 + 1e-14)
    steps = bandit_steps(run, learner)
    inner = RADIUS - DELTA  # K_s is the ball of this radius: there is room for a step of delta
    assert np.sqrt(np.sum((steps.iterates - CENTER) ** 2, axis=1)).max() <= inner * (1 + 1e-14)
    lengths = np.sqrt(np.sum((played[:-1] - steps.iterates) ** 2, axis=1))
    expected = DELTA if learner is ONE else 0.0
    np.testing.assert_allclose(lengths, expected, atol=1e-14)

    directions = np.random.default_rng(1).standard_normal((5, P))
    comparators = [CENTER, *onto_ball(CENTER + 9 * directions, CENTER, inner)]
    eta, z, estimates = learner.step_size, steps.iterates, steps.estimates
    for u in comparators:
        distance = np.sum((z - u) ** 2, axis=1)
        lost = np.sum(estimates * (z - u), axis=1)
        squares = np.sum(estimates**2, axis=1)
        slack = distance[:-1] - 2 * eta * lost[:-1] + eta**2 * squares[:-1] - distance[1:]
        assert slack.min() >= -1e-9
    total = estimates.sum(axis=0)
    regret = np.sum(estimates * (z - CENTER)) + inner * math.sqrt(total @ total)
    check = check_bound(bound, run)
    assert check.conclusion == "certified_holds", check
    assert check.regret[-1] == pytest.approx(regret, rel=1e-10)
    sure = inner**2 / (2 * eta) + eta / 2 * np.sum(estimates**2)
    assert check.bound[-1] == pytest.approx(sure, rel=1e-12)


@attrs.frozen(eq=False)
class NormLoss:
    """l(w) = norm(w - a): convex, with a kink."""

    target: Floats

    def value(self, w: Any) -> Any:
        return np.linalg.norm(w - self.target, axis=-1)


def estimates_of(learner: Any, loss: Any, point: Floats, games: int) -> Floats:
    """First estimates of that many games, one for each seed, at the same iterate."""
    start = np.tile(point, (games, 1))
    learner = attrs.evolve(learner, seed=range(games))
    state = learner.init(start, og.sets.L2Ball(5.0, center=start))
    played = learner.decide(state)
    value = np.asarray(loss.value(played))
    feedback = Feedback(1, played, value, None, loss)
    return np.asarray(learner.update(state, feedback).estimate)


def smoothed_gradient(target: Floats, point: Floats, delta: float) -> Floats:
    """Gradient at ``point`` of E norm(point + delta b - a), by quadrature over a disk."""

    def smoothed(z: Floats) -> float:
        radii = (np.arange(400) + 0.5) / 400
        angles = 2 * math.pi * (np.arange(400) + 0.5) / 400
        ring = np.stack([np.cos(angles), np.sin(angles)], axis=1)
        places = z + delta * radii[:, None, None] * ring
        values = np.linalg.norm(places - target, axis=-1).mean(axis=1)
        return float((2 * radii * values).mean())

    h = 1e-4
    slopes = [(smoothed(point + h * e) - smoothed(point - h * e)) / (2 * h) for e in np.eye(2)]
    return np.array(slopes)


@pytest.mark.parametrize("learner", [ONE, TWO], ids=["one point", "two points"])
def test_estimates_have_the_mean_that_theory_says(learner: Any) -> None:
    games, point, target = 4000, np.array([0.4, -0.1]), np.array([0.5, 0.1])
    slope = np.array([1.0, -2.0])
    cases = [
        (LinearLoss(slope), slope),
        (QuadraticLoss(target), point - target),
        (NormLoss(target), smoothed_gradient(target, point, DELTA)),
    ]
    for loss, gradient in cases:
        found = estimates_of(learner, loss, point, games)
        error = found.mean(axis=0) - gradient
        deviation = found.std(axis=0) / math.sqrt(games)
        assert (np.abs(error) <= 4 * deviation).all()
        assert (deviation < 0.1 * np.abs(gradient).max()).all()  # it would have shown
    # The gradient of the loss itself, without smoothing, is another: the test can tell.
    kinked = (point - target) / np.linalg.norm(point - target)
    assert np.abs(found.mean(axis=0) - kinked).max() > 7 * deviation.max()


@pytest.mark.parametrize("dim", [2, 6])
def test_mean_squares_of_two_point_estimates(dim: int) -> None:
    from olgame.theory.two_point_bound import mean_square

    point, target = np.full(dim, 0.05), np.zeros(dim)
    slope = np.arange(1.0, dim + 1.0)
    linear = estimates_of(TWO, LinearLoss(slope), point, 2500)
    squares = np.sum(linear**2, axis=1)
    expected = mean_square(dim, float(np.linalg.norm(slope)), linear=True)
    assert squares.mean() == pytest.approx(expected, rel=5 * squares.std() / 50 / expected)
    kinked = np.sum(estimates_of(TWO, NormLoss(target), point, 2500) ** 2, axis=1)
    assert kinked.mean() <= mean_square(dim, 1.0)
    assert kinked.max() <= dim**2 * (1 + 1e-12)


def batch(learner: Any, gradients: Floats, games: int) -> Floats:
    """Regret of that many games that differ in the seed alone."""
    start = np.zeros((games, gradients.shape[1]))
    run = og.play(
        attrs.evolve(learner, seed=range(games)),
        oblivious(gradients),
        og.sets.L2Ball(1.0, center=start),
        rounds=len(gradients),
        start=start,
    )
    return np.asarray(og.regret.linear(run).value)


def test_mean_regret_is_under_the_bound_and_near_it_on_constant_gradients() -> None:
    """Constant gradients attain 1/1.7 of the bound with two points, 1/3.5 with one."""
    rounds, dim, games = 100, 4, 60
    fixed = np.tile(np.eye(dim)[0], (rounds, 1))
    random = np.random.default_rng(0).standard_normal((rounds, dim))
    random /= np.linalg.norm(random, axis=1, keepdims=True)
    switching = fixed * np.where(np.arange(rounds) // 20 % 2, 1.0, -1.0)[:, None]
    sizes: dict[str, Any] = {"dim": dim, "reach": 1.0, "inner_radius": 1.0, "lipschitz": 1.0}
    two = TwoPointBandit(1 / math.sqrt(dim * rounds), 1e-3)
    delta = math.sqrt(dim / 3) * rounds**-0.25
    one = OnePointBandit(delta / (dim * math.sqrt(rounds)), delta)
    limits = (
        (two, TwoPointBound(two).expected(rounds, linear=True, **sizes).value, 1.7),
        (one, OnePointBound(one).expected(rounds, loss_bound=1.0, **sizes).value, 3.5),
    )
    for learner, limit, factor in limits:
        for gradients in (fixed, random, switching):
            regret = batch(learner, gradients, games)
            error = 4 * regret.std() / math.sqrt(games)
            assert regret.mean() + error <= limit
            if gradients is fixed:
                assert limit <= factor * regret.mean()
    # A bandit that climbs exceeds the bound.
    assert batch(Climbing(two.step_size, two.exploration), fixed, 5).mean() > limits[0][1]


class Climbing(TwoPointBandit):
    """Reads the loss upside down."""

    def update(self, state: Any, feedback: Any, /) -> Any:
        loss = LinearLoss(-feedback.loss.gradient)
        return super().update(state, feedback._replace(loss=loss))


class OnlyValues:
    """A loss that can be asked for values and nothing else, and counts."""

    def __init__(self, loss: Any) -> None:
        self.loss, self.asked = loss, 0

    def value(self, w: Any) -> Any:
        self.asked += 1
        return self.loss.value(w)


def test_two_points_are_read_and_nothing_else() -> None:
    loss = OnlyValues(QuadraticLoss(np.zeros(P)))
    state = TWO.init(CENTER, BALL)
    TWO.update(state, Feedback(1, CENTER, 0.0, None, loss))  # type: ignore[arg-type]  # any array-like
    assert loss.asked == 2
    state = ONE.init(CENTER, BALL)
    ONE.update(state, Feedback(1, ONE.decide(state), 1.0, None, None))  # nor a loss, nor a gradient
    assert ONE.level is og.Level.VALUE


def test_draws_are_keyed_and_stay_in_every_set() -> None:
    sets: list[tuple[Any, Floats]] = [
        (og.sets.Box(np.zeros(3), np.array([1.0, 2.0, 3.0])), np.array([0.5, 0.5, 0.5])),
        (og.sets.L1Ball(2.0), np.array([0.3, -0.2, 0.1])),
    ]
    for decision_set, start in sets:
        push = oblivious(np.random.default_rng(0).standard_normal((60, 3)))
        for learner in (OnePointBandit(0.1, 0.2, seed=5), TwoPointBandit(0.5, 0.2, seed=5)):
            runs = [og.play(learner, push, decision_set, rounds=60, start=start) for _ in "ab"]
            assert runs[0].point_excess.max() == 0.0
            np.testing.assert_array_equal(runs[0].loss, runs[1].loss)
            other = og.play(
                attrs.evolve(learner, seed=6), push, decision_set, rounds=60, start=start
            )
            assert not np.array_equal(runs[0].loss, other.loss)


def test_what_cannot_be_explored_is_refused() -> None:
    push = oblivious(np.ones((3, 3)))
    third = np.ones(3) / 3
    with pytest.raises(ArgumentError, match=r"must be smaller than the inner radius 0\.5"):
        og.play(
            OnePointBandit(0.1, 0.7), push, og.sets.L2Ball(1.0), rounds=3,
            start=np.array([0.5, 0.0, 0.0]),
        )  # fmt: skip
    with pytest.raises(NotAvailableError, match="states no `inner_radius`"):
        og.play(TwoPointBandit(0.1, 0.1), push, og.sets.Simplex(), rounds=3, start=third)
    with pytest.raises(NotAvailableError, match="got inner radius 0 in L2Ball; start at an inner"):
        og.play(TwoPointBandit(0.1, 0.1), push, og.sets.L2Ball(1.0), rounds=3, start=np.eye(3)[0])
    given = TwoPointBandit(0.1, 0.1, inner_radius=0.5)
    rows = og.sets.L2InfBall(0.5, 3)
    assert og.play(given, push, rows, rounds=3, start=np.zeros(3)).rounds == 3
    with pytest.raises(ArgumentError, match=r"`OnePointBandit\(exploration=\.\.\.\)`"):
        OnePointBandit(0.1, math.inf)
    with pytest.raises(ArgumentError, match=r"`TwoPointBandit\(seed=\.\.\.\)` must be"):
        TwoPointBandit(0.1, 0.1, seed=-1)
    with pytest.raises(ArgumentError, match=r"must carry the loss itself"):
        TWO.update(TWO.init(CENTER, BALL), Feedback(1, CENTER, 0.0, None, None))
