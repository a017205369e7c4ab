"""Games of linear losses in a ball, whose gradients have a given length."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

import olgame as og
from olgame.adversaries import MinimaxLinear, Timing
from olgame.arrays import to_numpy
from tests.learners.linear_games import BestResponse, oblivious

Floats = NDArray[np.float64]
NAMES = ("constant", "switching", "random", "best response", "minimax")


def opponent(name: str, rounds: int, center: Floats, gradient_bound: float = 1.0) -> Any:
    """Constant, switching, random, best-response and minimax gradients of norm G."""
    dim, rng = len(center), np.random.default_rng(0)
    if name == "best response":
        return BestResponse(center, size=gradient_bound)
    if name == "minimax":
        return MinimaxLinear(gradient_bound, center=center)
    gradients = np.tile(gradient_bound * np.eye(dim)[-1], (rounds, 1))
    if name == "random":
        gradients = rng.standard_normal((rounds, dim))
        gradients *= gradient_bound / np.sqrt(np.sum(gradients**2, axis=1, keepdims=True))
    if name == "switching":
        gradients = gradients * np.where(np.arange(rounds) // 7 % 2, 1.0, -1.0)[:, None]
    return oblivious(gradients)


class MinimaxBlocks:
    """The minimax adversary begun anew after every ``length`` rounds.

    In the ball of radius D_1 around c the best point of a block gains D_1 G sqrt(length) and the
    learner suffers nothing: against the best path with a point for each block every learner has
    regret D_1 G sqrt(length) x blocks.
    """

    timing = Timing.SEES_POINT

    def __init__(self, length: int, center: Floats) -> None:
        self.length = length
        self.minimax = MinimaxLinear(1.0, center=center)

    def init(self, seed: Any) -> Any:
        return self.minimax.init(seed)

    def respond(self, state: Any, view: Any, /) -> Any:
        if (view.round - 1) % self.length == 0:
            state = self.minimax.init(0)
        return self.minimax.respond(state, view)


def points_of(run: og.Transcript) -> Floats:
    """W_1, ..., W_{T+1}."""
    assert run.points is not None
    return np.stack([to_numpy(p) for p in (*run.points, run.final_point)])


def gradients_of(run: og.Transcript) -> Floats:
    """g_1, ..., g_T of linear losses."""
    losses: Any = run.round_losses
    return np.stack([to_numpy(loss.gradient) for loss in losses])


def onto_ball(x: Floats, center: Floats, radius: float) -> Floats:
    """The projection, written out, for witnesses."""
    away = x - center
    length = np.sqrt(np.sum(away**2, axis=-1, keepdims=True))
    return np.where(length > radius, center + away * radius / np.maximum(length, 1e-300), x)
