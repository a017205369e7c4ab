"""Stochastic, switching, drifting and worst-case switching: what each says of itself is true."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

import olgame as og
from olgame.arrays import to_numpy
from olgame.exceptions import ArgumentError, NotAvailableError, ShapeError
from olgame.learners.learner import Learner

Floats = NDArray[np.float64]
A: Any = og.adversaries
PAYOFF = A.FunctionPayoff(lambda x, y: (x * y).sum(-1), lambda x, y: y, lambda x, y: x)
BALL = og.sets.L2Ball(1.0, center=np.zeros(4))
LEARNERS: dict[str, Learner[Any]] = {
    "descent": og.learners.OnlineGradientDescent(0.3),
    "leader": og.learners.DualAveraging(0.2),
    "optimist": og.learners.Optimistic(og.learners.OnlineGradientDescent(0.3)),
    "still": og.learners.from_function(lambda w, feedback: w),
}


def gradients(run: og.Transcript) -> Floats:
    losses: Any = run.kept_losses("A test")
    return np.array([np.asarray(loss.gradient) for loss in losses])


def draw(rng: np.random.Generator) -> Floats:
    return np.array([1.0, 0.0, 0.0, -1.0]) + rng.standard_normal(4)


def test_stochastic_losses_are_independent_and_of_the_law() -> None:
    run = og.play(LEARNERS["still"], A.Stochastic(draw), BALL, rounds=4000, keep="examples")
    played = gradients(run)
    np.testing.assert_allclose(played.mean(axis=0), [1, 0, 0, -1], atol=0.07)
    centered = played - [1, 0, 0, -1]
    np.testing.assert_allclose(centered.T @ centered / 4000, np.eye(4), atol=0.1)
    np.testing.assert_allclose(centered[1:].T @ centered[:-1] / 4000, 0.0, atol=0.07)


def test_stochastic_losses_depend_on_the_seed_and_not_on_the_game() -> None:
    def played(learner: Learner[Any], seed: Any, **options: Any) -> Floats:
        return gradients(
            og.play(learner, A.Stochastic(draw), BALL, rounds=9, seed=seed, keep="examples")
        )

    one = played(LEARNERS["descent"], 3)
    np.testing.assert_array_equal(one, played(LEARNERS["still"], 3))
    assert not np.array_equal(one, played(LEARNERS["descent"], 4))
    assert len(np.unique(one[:, 0])) == 9


def test_stochastic_targets() -> None:
    adversary = A.Stochastic(draw, og.losses.QuadraticLoss, start=0.1 * np.ones(4))
    run = og.play(LEARNERS["descent"], adversary, BALL, rounds=5)
    np.testing.assert_array_equal(run.start, 0.1 * np.ones(4))
    # The loss at the minimizer of the first round is 0: the target is what was drawn.
    assert run.loss[0] > 0.0


@pytest.mark.parametrize("name", ["stochastic", "switching", "drifting", "worst case", "response"])
def test_games_of_a_batch_are_the_single_games(name: str) -> None:
    rng = np.random.default_rng(0)
    paths = rng.standard_normal((5, 3, 4))
    adversary = {
        "stochastic": A.Stochastic(draw),
        "switching": A.Switching(paths, phases=2),
        "drifting": A.Drifting(np.repeat(paths, 2, axis=0)),
        "worst case": A.WorstCaseSwitching(1.5, phase=3),
        "response": A.BestResponse(
            og.sets.L2Ball(1.0, center=paths[0]),
            A.Bilinear(rng.standard_normal((3, 4, 4))),
        ),
    }[name]
    starts = 0.3 * rng.standard_normal((3, 4))
    learner = LEARNERS["descent"]
    together = og.play(
        learner, adversary, og.sets.L2Ball(1.0, center=np.zeros((3, 4))), rounds=8, start=starts,
        seed=[5, 6, 7], keep="points",
    )  # fmt: skip
    for i in range(3):
        single = together.game(i)
        alone = og.play(
            learner, single.adversary, BALL, rounds=8, start=starts[i], seed=5 + i, keep="points"
        )
        np.testing.assert_allclose(together.loss[:, i], alone.loss, rtol=1e-12)
        np.testing.assert_allclose(to_numpy(together.final_point)[i], to_numpy(alone.final_point))


PATH = np.array([[0.5, 0.0, 0, 0], [0.0, 0.5, 0, 0], [0.0, -0.5, 0, 0]])


@pytest.mark.parametrize("phases", [4, (5, 9)])
def test_switching_knows_its_switches_and_its_path(phases: Any) -> None:
    rounds = 12
    adversary = A.Switching(PATH, phases)
    run = og.play(LEARNERS["still"], adversary, BALL, rounds=rounds, keep="points")
    losses = run.kept_losses("A test")
    minimizers = np.array([-np.asarray(loss.evaluate(np.zeros(4)).gradient) for loss in losses])
    np.testing.assert_array_equal(minimizers, np.repeat(PATH, 4, axis=0))
    for t in range(1, rounds + 1):
        path = adversary.comparators_of(t)
        np.testing.assert_array_equal(path, minimizers[:t])
        jumps = np.linalg.norm(np.diff(minimizers[:t], axis=0), axis=1)
        assert adversary.switches(t) == int((jumps > 0.0).sum())
        assert adversary.path_length(t) == pytest.approx(float(jumps.sum()), rel=1e-14)
        assert adversary.path_length(t) == pytest.approx(og.regret.path_length(path), rel=1e-14)
    assert adversary.switches(10**6) == 2
    # The path is the best there is: its dynamic regret is the loss itself.
    assert og.regret.dynamic(run, adversary.comparators_of(rounds)) == pytest.approx(run.loss.sum())


def test_linear_switching_and_the_best_shifts() -> None:
    """Linear losses -<u_j, w>: the best 2-shift comparator of the game is the adversary's own."""
    adversary = A.Switching(PATH, (5, 9), lambda u: og.losses.LinearLoss(-u))
    run = og.play(LEARNERS["descent"], adversary, BALL, rounds=12, keep="points")
    known = run.loss.sum() + 0.5 * 12
    found = og.regret.switching(run, adversary.switches(12))
    best = adversary.comparators_of(12, BALL)
    np.testing.assert_allclose(best, np.repeat(2.0 * PATH, [4, 4, 4], axis=0), atol=1e-15)
    assert float(og.regret.dynamic(run, best)) == pytest.approx(known)
    assert found.linear.value == pytest.approx(known)


@pytest.mark.parametrize("make", [A.Switching, A.Drifting])
def test_a_gradient_is_no_comparator(make: Any) -> None:
    """Of <g, .> the best point of the unit ball is -g/norm(g); of the whole space there is none."""
    gradients = np.array([[3.0, 4.0], [3.0, 4.0], [0.0, -2.0], [6.0, 8.0]])
    options = {"phases": 1} if make is A.Switching else {}
    adversary = make(gradients, loss=og.losses.LinearLoss, **options)
    disk = og.sets.L2Ball(1.0, center=np.zeros(2))
    best = np.array([[-0.6, -0.8], [-0.6, -0.8], [0.0, 1.0], [-0.6, -0.8]])
    np.testing.assert_allclose(adversary.comparators_of(4, disk), best, atol=1e-15)
    length = 2.0 * math.hypot(0.6, 1.8)
    assert adversary.path_length(4, disk) == pytest.approx(length, rel=1e-14)
    assert adversary.path_length(4, disk) == og.regret.path_length(
        adversary.comparators_of(4, disk)
    )
    for ask in (adversary.comparators_of, adversary.path_length):
        with pytest.raises(NotAvailableError, match=r"linear losses.*comparators_of\(rounds, dec"):
            ask(4)
    # Dynamic regret against the best of every round: what was suffered, and all that could be won.
    run = og.play(LEARNERS["descent"], adversary, disk, rounds=4, keep="points")
    won = float(np.linalg.norm(gradients, axis=1).sum())
    assert og.regret.dynamic(run, best) == pytest.approx(float(run.loss.sum()) + won)
    # Neighbors that are equal are no switch: two changes, not three; and none before the game.
    assert [adversary.switches(t) for t in range(5)] == [0, 0, 0, 1, 2]


@pytest.mark.parametrize("make", [A.Switching, A.Drifting])
def test_the_best_point_of_a_quadratic_loss_in_a_set_is_the_nearest(make: Any) -> None:
    targets = np.array([[3.0, 4.0], [0.1, 0.0], [0.0, -2.0]])
    options = {"phases": 1} if make is A.Switching else {}
    adversary = make(targets, **options)
    disk = og.sets.L2Ball(1.0, center=np.zeros(2))
    best = np.array([[0.6, 0.8], [0.1, 0.0], [0.0, -1.0]])
    np.testing.assert_allclose(adversary.comparators_of(3, disk), best, atol=1e-15)
    np.testing.assert_array_equal(adversary.comparators_of(3), targets)
    # A loss that knows better where it is least, and one of which nothing is known.
    moved = make(targets, loss=lambda a: og.losses.QuadraticLoss(-a, 2.0), **options)
    np.testing.assert_allclose(moved.comparators_of(3, disk), -best, atol=1e-15)

    def loss(a: Any) -> Any:
        return A.PayoffLoss(PAYOFF, a)

    with pytest.raises(NotAvailableError, match=rf"`{make.__name__}\(best=...\)`"):
        make(targets, loss=loss, **options).comparators_of(3)
    known = make(
        targets, loss=loss, best=lambda a, k: -a if k is None else k.project(-a), **options
    )
    np.testing.assert_array_equal(known.comparators_of(3), -targets)
    np.testing.assert_allclose(known.comparators_of(3, disk), -best, atol=1e-15)


@pytest.mark.parametrize(
    "where",
    [
        (og.sets.Simplex(), np.full(3, 1 / 3), 0.1),  # no inner points: no uniform direction stays
        (og.sets.Box(0.0, 1.0, dim=20), np.zeros(20), 0.1),  # a corner: one direction in 2^20 stays
        (og.sets.Simplex(), np.eye(3)[0], 0.7),  # half of the diameter: most points are nearer
    ],
    ids=["simplex", "corner", "long steps"],
)
def test_a_walk_never_stands_still(where: Any) -> None:
    decision_set, start, step = where
    walk = A.Drifting.walk(start, step, 40, seed=1, decision_set=decision_set)
    path = walk.comparators_of(40)
    np.testing.assert_allclose(np.linalg.norm(np.diff(path, axis=0), axis=1), step, rtol=1e-12)
    assert walk.path_length(40) == pytest.approx(39 * step, rel=1e-12)
    assert bool(np.all(decision_set.contains(path, atol=1e-12)))
    assert walk.switches(40) == 39


def test_circles_and_walks_have_the_length_they_say() -> None:
    center = np.array([0.1, 0.2, 0.3])
    circle = A.Drifting.circle(center, radius=0.5, step=0.03, rounds=50)
    path = circle.comparators_of(50)
    np.testing.assert_allclose(np.linalg.norm(path - center, axis=1), 0.5, rtol=1e-14)
    np.testing.assert_allclose(np.linalg.norm(np.diff(path, axis=0), axis=1), 0.03, rtol=1e-12)
    assert circle.path_length(31) == pytest.approx(30 * 0.03)
    assert circle.switches(31) == 30
    walk = A.Drifting.walk(np.zeros(4), 0.2, 60, seed=2, decision_set=BALL)
    path = walk.comparators_of(60)
    assert (np.linalg.norm(path, axis=1) <= 1.0).all()
    assert np.linalg.norm(path, axis=1).max() > 0.8, "it has met the boundary"
    np.testing.assert_allclose(np.linalg.norm(np.diff(path, axis=0), axis=1), 0.2, rtol=1e-12)
    again = A.Drifting.walk(np.zeros(4), 0.2, 80, seed=2, decision_set=BALL)
    np.testing.assert_array_equal(again.comparators_of(60), path)
    other = A.Drifting.walk(np.zeros(4), 0.2, 60, seed=3, decision_set=BALL)
    assert not np.array_equal(other.comparators_of(60), path)
    assert A.Drifting.walk(np.zeros(4), 0.2, 60).path_length(60) == pytest.approx(59 * 0.2)


def test_tracking_a_drift_costs_what_the_path_costs() -> None:
    """A learner that keeps up: its dynamic regret grows with the path, not with the rounds."""
    found = []
    for step in (0.01, 0.02, 0.04):
        adversary = A.Drifting.circle(np.zeros(4), 0.5, step, 400)
        run = og.play(
            og.learners.OnlineGradientDescent(1.0), adversary, BALL, rounds=400, keep="points",
            start=np.array([0.5, 0.0, 0.0, 0.0]),
        )  # fmt: skip
        # Step 1 on (1/2) norm(w - u_t)^2 goes to u_t: every later loss is step^2/2.
        assert run.loss.sum() == pytest.approx(399 * step**2 / 2, rel=1e-9)
        found.append(og.regret.dynamic(run, adversary.comparators_of(400)))
    assert found[1] / found[0] == pytest.approx(4.0)


@pytest.mark.parametrize("learner", LEARNERS.values(), ids=LEARNERS)
@pytest.mark.parametrize(("rounds", "phase"), [(64, 16), (64, 1), (50, 12), (9, 20)])
def test_worst_case_switching_forces_its_regret_on_every_learner(
    learner: Learner[Any], rounds: int, phase: int
) -> None:
    adversary = A.WorstCaseSwitching(1.7, phase)
    ball = og.sets.L2Ball(0.8, center=np.array([1.0, -2.0, 0.0, 0.5]))
    run = og.play(learner, adversary, ball, rounds=rounds, keep="points", seed=3)
    g = gradients(run)
    np.testing.assert_allclose(np.linalg.norm(g, axis=1), 1.7, rtol=1e-13)
    parts = np.split(g, range(phase, rounds, phase))
    assert len(parts) == adversary.switches(rounds) + 1
    center = np.asarray(ball.center)
    path = np.concatenate(
        [
            np.tile(center - 0.8 * s / np.linalg.norm(s), (len(p), 1))
            for p in parts
            for s in [p.sum(0)]
        ]
    )
    forced = 0.8 * 1.7 * sum(math.sqrt(len(part)) for part in parts)
    assert adversary.forced_regret(0.8, rounds) == pytest.approx(forced)
    assert og.regret.dynamic(run, path) == pytest.approx(forced, rel=1e-10)
    # The best shifts of the game gain at least as much as shifts at these rounds.
    assert og.regret.switching(run, len(parts) - 1).linear.value >= forced * (1 - 1e-10)


INVALID: list[tuple[Any, type[Exception], str]] = [
    (lambda: A.Stochastic(3), ArgumentError, r"`Stochastic\(draw=...\)` must be a function, got 3"),
    (lambda: A.Stochastic(draw, 3), ArgumentError, r"`Stochastic\(loss=...\)` must be a function"),
    (lambda: A.Switching(np.ones(3), 2), ShapeError, r"`Switching\(points=...\)` .* \(3,\)"),
    (lambda: A.Switching(PATH, 0), ArgumentError, r"`Switching\(phases=...\)` .* got 0"),
    (lambda: A.Switching(PATH, (5,)), ArgumentError, "the 2 phases after the first"),
    (lambda: A.Switching(PATH, (1, 5)), ArgumentError, "rising from 2 on"),
    (lambda: A.Switching(PATH, (5, 5)), ArgumentError, "rising from 2 on"),
    (lambda: A.Drifting(np.full((2, 2), math.nan)), ArgumentError, "must be finite"),
    (lambda: A.Drifting(PATH).path_length(4), ArgumentError, "holds 3 points, but round 4"),
    (lambda: A.Drifting.circle(np.zeros(2), 1.0, 3.0, 5), ArgumentError, "at most twice"),
    (lambda: A.Drifting.circle(np.zeros(1), 1.0, 1.0, 5), ArgumentError, "be in a plane"),
    (lambda: A.Drifting.walk(np.zeros(4), 0.0, 5), ArgumentError, "finite and positive, got 0"),
    (
        lambda: A.Drifting.walk(2.0 * np.ones(4), 0.1, 5, decision_set=BALL),
        ArgumentError,
        "must lie in `decision_set`",
    ),
    (
        lambda: A.Drifting.walk(np.zeros(4), 2.1, 5, decision_set=BALL),
        ArgumentError,
        r"`Drifting.walk\(step=...\)` must fit in `decision_set`, got 2.1: after 0 steps",
    ),
    (lambda: A.Switching(PATH, 2, best=3), ArgumentError, r"best=...\)` must be a function, got 3"),
    (lambda: A.WorstCaseSwitching(0.0), ArgumentError, r"gradient_bound=...\)` must be finite"),
    (lambda: A.WorstCaseSwitching(1.0, 0), ArgumentError, r"phase=...\)` must be an integer"),
]


@pytest.mark.parametrize("which", range(len(INVALID)))
def test_errors_name_the_argument(which: int) -> None:
    call, kind, message = INVALID[which]
    with pytest.raises(kind, match=message):
        call()
