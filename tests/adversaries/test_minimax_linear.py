"""The minimax adversary: what it promises, against any learner."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import olgame as og
from olgame.exceptions import ArgumentError

G = 1.7


class Wanderer:
    """A learner that walks at random in the unit ball, whatever it is told."""

    level = og.Level.GRADIENT

    def init(self, start: Any, decision_set: Any) -> Any:
        return [np.random.default_rng(5), start]

    def decide(self, state: Any, /) -> Any:
        return state[1]

    def update(self, state: Any, feedback: Any, /) -> Any:
        step = state[0].standard_normal(state[1].shape)
        return [state[0], 0.9 * step / np.sqrt(np.sum(step**2))]

    def copy(self, state: Any, /) -> Any:
        return list(state)


@pytest.mark.parametrize("dim", [3, 20])
def test_every_learner_has_the_same_regret(dim: int) -> None:
    rounds, center = 64, np.zeros(dim)
    run = og.play(
        Wanderer(),
        og.adversaries.MinimaxLinear(G),
        og.sets.L2Ball(1.0, center=center),
        rounds=rounds,
        keep="points",
    )
    assert run.points is not None
    losses: Any = run.round_losses
    gradients = np.stack([np.asarray(loss.gradient) for loss in losses])
    points = np.stack([np.asarray(p) for p in run.points])
    sums = np.cumsum(gradients, axis=0)
    np.testing.assert_allclose(np.sqrt(np.sum(gradients**2, axis=1)), G, rtol=1e-14)
    np.testing.assert_allclose(np.sum(gradients * points, axis=1), 0.0, atol=1e-14)
    np.testing.assert_allclose(np.sum(gradients[1:] * sums[:-1], axis=1), 0.0, atol=1e-12)
    assert og.regret.linear(run).value == pytest.approx(G * np.sqrt(rounds), rel=1e-12)


def test_two_dimensions_are_too_few_against_a_wanderer() -> None:
    with pytest.raises(ArgumentError, match="play in dimension 3 or more"):
        og.play(
            Wanderer(),
            og.adversaries.MinimaxLinear(G),
            og.sets.L2Ball(1.0, center=np.zeros(2)),
            rounds=5,
        )


def test_games_with_their_own_seeds_are_the_single_games() -> None:
    def played(seed: Any, center: Any) -> Any:
        return og.play(
            og.learners.OnlineGradientDescent(0.1),
            og.adversaries.MinimaxLinear(G),
            og.sets.L2Ball(1.0, center=center),
            rounds=9,
            seed=seed,
        ).gradient_sum

    together = played([3, 8], np.zeros((2, 5)))
    np.testing.assert_allclose(together[0], played(3, np.zeros(5)), rtol=1e-14)
    np.testing.assert_allclose(together[1], played(8, np.zeros(5)), rtol=1e-14)
    with pytest.raises(ArgumentError, match="one seed or one for each"):
        played([1, 2, 3], np.zeros((2, 5)))
