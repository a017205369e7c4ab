"""Noise between the game and the learner: the truth is played, the mean regret is bounded."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

import olgame as og
from olgame.exceptions import ArgumentError
from olgame.learners import Noisy, OnePointBandit, OnlineGradientDescent, TwoPointBandit
from olgame.noise import Gaussian, StudentT, Uniform
from tests.learners.ball_games import NAMES, opponent, points_of
from tests.learners.linear_games import oblivious

T, P, RADIUS, G = 100, 4, 1.5, 2.0
CENTER = np.array([0.3, -0.2, 0.1, 0.5])
BALL = og.sets.L2Ball(RADIUS, center=CENTER)
ALPHA = 0.05
DESCENT = OnlineGradientDescent(ALPHA)
NOISES: dict[str, Any] = {"normal": Gaussian(0.7), "bounded": Uniform(1.2), "tails": StudentT(0.4)}


class Spy:
    """Remembers what a learner is told."""

    level = og.Level.GRADIENT

    def __init__(self) -> None:
        self.told: list[Any] = []

    def init(self, start: Any, decision_set: Any) -> Any:
        return DESCENT.init(start, decision_set)

    def decide(self, state: Any, /) -> Any:
        return DESCENT.decide(state)

    def update(self, state: Any, feedback: Any, /) -> Any:
        self.told.append(feedback)
        return DESCENT.update(state, feedback)

    def copy(self, state: Any, /) -> Any:
        return DESCENT.copy(state)


@pytest.mark.parametrize("noise", NOISES)
@pytest.mark.parametrize("name", NAMES)
def test_the_referee_sees_the_truth_and_the_learner_does_not(name: str, noise: str) -> None:
    spy = Spy()
    learner = Noisy(spy, gradient=NOISES[noise], value=Gaussian(0.3), seed=4)
    run = og.play(learner, opponent(name, T, CENTER, G), BALL, rounds=T, keep="points")
    points = points_of(run)
    assert np.sqrt(np.sum((points - CENTER) ** 2, axis=1)).max() <= RADIUS * (1 + 1e-14)
    losses: Any = run.round_losses
    gradients = np.stack([np.asarray(loss.gradient) for loss in losses])
    # The truth, written out.
    np.testing.assert_allclose(run.loss, np.sum(gradients * points[:-1], axis=1), rtol=1e-13)
    total = gradients.sum(axis=0)
    regret = np.sum(gradients * (points[:-1] - CENTER)) + RADIUS * math.sqrt(total @ total)
    assert og.regret.linear(run).value == pytest.approx(regret, rel=1e-12, abs=1e-12)
    # What the learner was told is off in every number, and its steps follow it.
    told = np.stack([feedback.gradient for feedback in spy.told])
    values = np.array([float(feedback.value) for feedback in spy.told])
    assert (told != gradients).all()
    assert (values != run.loss).all()
    steps = points[:-1] - ALPHA * told - CENTER
    lengths = np.linalg.norm(steps, axis=1, keepdims=True)
    expected = CENTER + steps * np.minimum(1.0, RADIUS / lengths)
    np.testing.assert_allclose(points[1:], expected, rtol=0, atol=1e-13)
    # One step of the proof of gradient descent, on what was told.
    for u in (CENTER, CENTER + RADIUS * np.eye(P)[1]):
        distance = np.sum((points - u) ** 2, axis=1)
        inner, squares = np.sum(told * (points[:-1] - u), axis=1), np.sum(told**2, axis=1)
        slack = distance[:-1] - 2 * ALPHA * inner + ALPHA**2 * squares - distance[1:]
        assert slack.min() >= -1e-12
    assert np.isnan(run.step_size).all()  # not those of the true gradients: nothing to audit


@pytest.mark.parametrize("noise", NOISES.values(), ids=NOISES)
def test_noise_has_mean_zero_and_the_deviation_it_states(noise: Any) -> None:
    draws = noise.draw(np.random.default_rng(0), (200_000, 2))
    assert draws.shape == (200_000, 2)
    assert np.abs(draws.mean(axis=0)).max() <= 5 * noise.deviation / math.sqrt(200_000)
    assert draws.std() == pytest.approx(noise.deviation, rel=0.05)
    if isinstance(noise, Uniform):
        assert np.abs(draws).max() <= noise.scale
    if isinstance(noise, StudentT):
        assert np.mean(np.abs(draws) > 6 * noise.deviation) > 1e-3


def test_mean_regret_is_under_the_bound_that_counts_the_noise() -> None:
    """Its mean over 100 draws, and 1/3 of the bound is attained on constant gradients."""
    games, deviation = 100, 2.0
    start = np.tile(CENTER, (games, 1))
    ball = og.sets.L2Ball(RADIUS, center=start)
    alpha = RADIUS / math.sqrt(T * (G**2 + P * deviation**2))
    learner = Noisy(OnlineGradientDescent(alpha), gradient=Gaussian(deviation), seed=range(games))
    for name in NAMES[:3]:
        run = og.play(learner, opponent(name, T, CENTER, G), ball, rounds=T)
        regret = np.asarray(og.regret.linear(run).value)
        bound = RADIUS**2 / (2 * alpha) + alpha / 2 * T * (G**2 + P * deviation**2)
        # The mean is of the regret against the best point, which is fixed: the losses are.
        assert regret.mean() + 4 * regret.std() / math.sqrt(games) <= bound
        if name == "constant":
            assert bound <= 3 * regret.mean()
            # On what was told the regret is another, so the two can be told apart.
            quiet = og.play(
                OnlineGradientDescent(alpha), opponent(name, T, CENTER, G), BALL, rounds=T
            )
            assert abs(regret.mean() - og.regret.linear(quiet).value) > 5 * regret.std() / 10


def test_noise_is_keyed_by_seed_and_round() -> None:
    push = oblivious(np.random.default_rng(1).standard_normal((T, P)))

    def losses(seed: int) -> Any:
        learner = Noisy(DESCENT, gradient=Gaussian(1.0), seed=seed)
        return og.play(learner, push, BALL, rounds=T).loss

    np.testing.assert_array_equal(losses(1), losses(1))
    assert not np.array_equal(losses(1), losses(2))
    # A learner told one number: only the value is noisy.
    bandit = OnePointBandit(0.001, 0.1)
    truth = og.play(bandit, push, BALL, rounds=T)
    noisy = og.play(Noisy(bandit, value=Gaussian(5.0)), push, BALL, rounds=T)
    assert truth.loss[0] == noisy.loss[0]
    assert not np.array_equal(truth.loss[1:], noisy.loss[1:])
    # Without noise it is the learner itself.
    np.testing.assert_array_equal(og.play(Noisy(bandit), push, BALL, rounds=T).loss, truth.loss)


def test_bad_noise_is_refused() -> None:
    with pytest.raises(ArgumentError, match="must be of level VALUE or GRADIENT, got TwoPoint"):
        Noisy(TwoPointBandit(0.1, 0.1))
    with pytest.raises(
        ArgumentError, match=r"`Noisy\(gradient=\.\.\.\)` must be None for a learner"
    ):
        Noisy(OnePointBandit(0.1, 0.1), gradient=Gaussian(1.0))
    with pytest.raises(ArgumentError, match=r"`Noisy\(value=\.\.\.\)` must be a noise model"):
        Noisy(DESCENT, value=0.1)  # type: ignore[arg-type]  # what is refused
    with pytest.raises(
        ArgumentError, match=r"`StudentT\(degrees=\.\.\.\)` must be an integer of at"
    ):
        StudentT(1.0, 2)
    for kind in (Gaussian, Uniform, StudentT):
        with pytest.raises(ArgumentError, match="must be finite and positive"):
            kind(math.nan)
