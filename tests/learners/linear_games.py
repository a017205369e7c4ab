"""Games of linear losses for the learners' tests, and what they were as plain arrays."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

import olgame as og
from olgame.adversaries import ObliviousSequence, Response, Timing
from olgame.losses import LinearLoss, QuadraticLoss

Floats = NDArray[np.float64]
ROUNDS = 40
SEQUENCES = ("constant", "switching", "random", "best response")


class BestResponse:
    """Plays the gradient that hurts the current point most, of all with norm2 or norm_inf 1."""

    timing = Timing.SEES_POINT

    def __init__(self, center: Floats, *, norm: str = "2", size: float = 1.0) -> None:
        self.center, self.norm, self.size = center, norm, size

    def init(self, seed: Any) -> None:
        return None

    def respond(self, state: None, view: Any, /) -> Any:
        offset = np.asarray(view.point) - self.center
        length = np.sqrt(offset @ offset)
        if self.norm == "inf":
            gradient = np.where(offset >= 0.0, 1.0, -1.0)
        elif length > 0.0:
            gradient = offset / length
        else:
            gradient = np.eye(len(offset))[0]
        return Response(LinearLoss(self.size * gradient)), None


class Away:
    """Quadratic losses whose gradients have norm mu, on alternating sides of the learner."""

    timing = Timing.SEES_POINT

    def __init__(self, curvature: float = 1.0) -> None:
        self.curvature = curvature

    def init(self, seed: Any) -> None:
        return None

    def respond(self, state: None, view: Any, /) -> Any:
        side = np.eye(len(view.point))[view.round % len(view.point)]
        target = view.point + (-1.0) ** (view.round // len(view.point)) * side
        return Response(QuadraticLoss(target, self.curvature)), None


def oblivious(gradients: Floats) -> ObliviousSequence:
    return ObliviousSequence([LinearLoss(g) for g in gradients])


def fixed_gradients(name: str, dim: int, *, rounds: int = ROUNDS, seed: int = 0) -> Floats:
    rng = np.random.default_rng(seed)
    direction = np.array([1.0, -0.5, 0.25, 0.75, -1.0, 0.1])[:dim]
    if name == "constant":
        return np.tile(direction, (rounds, 1))
    if name == "switching":
        signs = np.where(np.arange(rounds) // 7 % 2, -1.0, 1.0)
        return np.outer(signs, direction)
    drawn: Floats = rng.uniform(-1.0, 1.0, (rounds, dim)) * rng.uniform(0.1, 2.0, (rounds, 1))
    return drawn


def adversary(name: str, center: Floats) -> Any:
    if name == "best response":
        return BestResponse(center)
    return oblivious(fixed_gradients(name, len(center)))


class Played(NamedTuple):
    """W_1, ..., W_{T+1} and g_1, ..., g_T."""

    points: Floats
    gradients: Floats

    def inner(self, u: Floats) -> Floats:
        """<g_t, W_t - u>, shape ``(T,)``."""
        return np.asarray(np.vecdot(self.gradients, self.points[:-1] - u))


def played(run: og.Transcript) -> Played:
    assert run.points is not None
    assert run.round_losses is not None
    points = np.stack([np.asarray(p) for p in (*run.points, run.final_point)])
    losses: Any = run.round_losses
    gradients = [
        np.asarray(loss.evaluate(w).gradient) for loss, w in zip(losses, run.points, strict=True)
    ]
    return Played(points, np.stack(gradients))


def game(
    learner: Any, decision_set: Any, opponent: Any, start: Any, rounds: int = ROUNDS
) -> og.Transcript:
    return og.play(learner, opponent, decision_set, rounds=rounds, start=start, keep="points")


class Ascending:
    """A learner that is told the opposite gradient: it climbs."""

    def __init__(self, learner: Any) -> None:
        self.learner = learner

    def __getattr__(self, name: str) -> Any:
        return getattr(self.learner, name)

    def update(self, state: Any, feedback: Any, /) -> Any:
        return self.learner.update(state, feedback._replace(gradient=-feedback.gradient))


# --- convex sets, longhand: how far outside, and the largest value of a linear function -----------


class Body(NamedTuple):
    """A convex set, and what is known about it by hand."""

    decision_set: Any
    start: Floats
    excess: Any  # points (..., p) -> how far outside (...)
    support: Any  # g (p,) -> max over u of <g, u>

    def regret(self, game: Played) -> float:
        """max over u of sum <g_t, W_t - u>."""
        total = game.gradients.sum(axis=0)
        lost = float(np.sum(game.gradients * game.points[:-1]))
        return lost + float(self.support(-total))

    def comparators(self, count: int = 4, seed: int = 7) -> list[Floats]:
        """Points of the set: some drawn by it, and W_1."""
        rng = np.random.default_rng(seed)
        drawn = [np.asarray(self.decision_set.sample(rng, self.start.shape)) for _ in range(count)]
        return [*drawn, self.start]


CENTER = np.array([0.5, -1.0, 2.0, 0.25])
HIGH = np.array([1.0, 2.0, 0.5, 3.0])
LOW = np.array([0.25, 0.0, 0.1, 0.5])


def _norm(d: Floats, p: float = 2.0) -> Any:
    return np.sum(np.abs(d) ** p, axis=-1) ** (1.0 / p)


def _two_simplices(w: Floats) -> Any:
    first, second = w[..., :2], w[..., 2:]
    sums = np.abs(first.sum(-1) - 1.0) + np.abs(second.sum(-1) - 2.0)
    return sums + np.maximum(-w, 0.0).sum(-1)


BODIES: dict[str, Body] = {
    "ball": Body(
        og.sets.L2Ball(1.5, CENTER), CENTER + 0.1,
        lambda w: _norm(w - CENTER) - 1.5,
        lambda g: g @ CENTER + 1.5 * _norm(g),
    ),
    "rows": Body(
        og.sets.L2InfBall(0.8, 2, CENTER), CENTER,
        lambda w: np.maximum(_norm((w - CENTER)[..., :2]), _norm((w - CENTER)[..., 2:])) - 0.8,
        lambda g: g @ CENTER + 0.8 * (_norm(g[:2]) + _norm(g[2:])),
    ),
    "box": Body(
        og.sets.Box(LOW, HIGH), (LOW + HIGH) / 2.0,
        lambda w: np.max(np.maximum(LOW - w, w - HIGH), axis=-1),
        lambda g: np.maximum(g * LOW, g * HIGH).sum(),
    ),
    "cube": Body(
        og.sets.LinfBall(1.2, CENTER), CENTER - 0.3,
        lambda w: np.max(np.abs(w - CENTER), axis=-1) - 1.2,
        lambda g: g @ CENTER + 1.2 * np.abs(g).sum(),
    ),
    "product": Body(
        og.sets.ProductSet([(og.sets.L2Ball(1.0, CENTER[:2]), 2),
                            (og.sets.LinfBall(0.5, CENTER[2:]), 2)]),
        CENTER,
        lambda w: np.maximum(_norm((w - CENTER)[..., :2]) - 1.0,
                             np.max(np.abs(w - CENTER)[..., 2:], axis=-1) - 0.5),
        lambda g: g @ CENTER + _norm(g[:2]) + 0.5 * np.abs(g[2:]).sum(),
    ),
    "simplex": Body(
        og.sets.Simplex(4, 2.0), np.array([0.8, 0.4, 0.5, 0.3]),
        lambda w: np.abs(w.sum(-1) - 2.0) + np.maximum(-w, 0.0).sum(-1),
        lambda g: 2.0 * g.max(),
    ),
    "two simplices": Body(
        og.sets.ProductSet([(og.sets.Simplex(), 2), (og.sets.Simplex(scale=2.0), 2)]),
        np.array([0.5, 0.5, 0.5, 1.5]),
        _two_simplices,
        lambda g: g[:2].max() + 2.0 * g[2:].max(),
    ),
    "cross-polytope": Body(
        og.sets.L1Ball(1.5), np.array([0.3, -0.2, 0.0, 0.1]),
        lambda w: np.abs(w).sum(-1) - 1.5,
        lambda g: 1.5 * np.abs(g).max(),
    ),
    "p-ball": Body(
        og.sets.LpBall(1.5, 1.4), np.array([0.3, -0.2, 0.0, 0.1]),
        lambda w: _norm(w, 1.4) - 1.5,
        lambda g: 1.5 * _norm(g, 3.5),
    ),
}  # fmt: skip
