"""The learners of gradients: each with a set, its bound, and both by hand."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from olgame.learners import (
    AdaGrad,
    AMSGrad,
    DualAveraging,
    FollowTheRegularizedLeader,
    FullMatrixAdaGrad,
    OnlineGradientDescent,
    OnlineMirrorDescent,
    OnlineNewtonStep,
    Optimistic,
)
from olgame.mirror_maps import NegativeEntropy, PNorm
from olgame.step_sizes import AdaGradNorm, Decreasing
from olgame.theory import (
    AdaGradBound,
    AMSGradBound,
    GradientDescentBound,
    MirrorDescentBound,
    NewtonStepBound,
    OptimisticBound,
    RegularizedLeaderBound,
)
from tests.learners.geometries import (
    ENTROPY,
    ENTROPY_BOX,
    ENTROPY_TWICE,
    EUCLIDEAN,
    SCALED,
    Geometry,
    p_norm,
)
from tests.learners.linear_games import BODIES, Body, Floats, Played


class Member(NamedTuple):
    """A learner on a body.

    Attributes:
        learner: The learner.
        bound: Its theorem.
        body: Where it plays.
        one_step: The inequality of its proof, as numbers that must not be negative, given u.
        by_hand: The bound after the game.
        linear: Whether the theorem is about linear regret.
    """

    learner: Any
    bound: Any
    body: Body
    one_step: Callable[[Played, Floats], Floats]
    by_hand: Callable[[Played], float]
    linear: bool = True


def mirror(geometry: Geometry, body: str, alpha: float, learner: Any = None) -> Member:
    def one_step(game: Played, u: Floats) -> Floats:
        drop = geometry.divergence(u, game.points[:-1]) - geometry.divergence(u, game.points[1:])
        return drop + alpha**2 * geometry.dual_square(game.gradients) / 2 - alpha * game.inner(u)

    def by_hand(game: Played) -> float:
        moved = alpha * float(geometry.dual_square(game.gradients).sum()) / 2
        return geometry.size(BODIES[body]) / alpha + moved

    if learner is None:
        learner = OnlineMirrorDescent(geometry.mirror_map, alpha)
    theorem = MirrorDescentBound(geometry.mirror_map, alpha)
    return Member(learner, theorem, BODIES[body], one_step, by_hand)


def leader(geometry: Geometry, body: str, rule: Any, alphas: Any, learner: Any = None) -> Member:
    """``alphas(gradients)`` gives alpha_1, ..., alpha_{T+1} by hand."""

    def one_step(game: Played, u: Floats) -> Floats:
        """m_{t+1} >= m_t + <g_t, W_t> - alpha_t norm_*^2/2; u is worse than W_t by B(u, W_t)."""
        alpha, w = alphas(game), game.points
        before = np.vstack([np.zeros(4), np.cumsum(game.gradients, axis=0)])
        least = np.vecdot(before, w) + geometry.divergence(w, w[0]) / alpha
        gain = np.vecdot(game.gradients, w[:-1])
        gain -= alpha[:-1] * geometry.dual_square(game.gradients) / 2
        other = before @ u + geometry.divergence(u, w[0]) / alpha
        worse = other - least - geometry.divergence(u, w) / alpha
        return np.concatenate([np.diff(least) - gain, worse])

    def by_hand(game: Played) -> float:
        alpha = alphas(game)[:-1]
        moved = float(alpha @ geometry.dual_square(game.gradients)) / 2
        return float(geometry.size(BODIES[body]) / alpha[-1] + moved)

    if learner is None:
        learner = FollowTheRegularizedLeader(geometry.mirror_map, rule)
    theorem = RegularizedLeaderBound(geometry.mirror_map, rule)
    return Member(learner, theorem, BODIES[body], one_step, by_hand)


def constant(alpha: float) -> Callable[[Played], Floats]:
    return lambda game: np.full(len(game.points), alpha)


def root(scale: float) -> Callable[[Played], Floats]:
    return lambda game: scale / np.sqrt(np.arange(1, len(game.points) + 1))


def following(scale: float, geometry: Geometry) -> Callable[[Played], Floats]:
    def alphas(game: Played) -> Floats:
        found = scale / np.sqrt(np.cumsum(geometry.dual_square(game.gradients)))
        return np.concatenate([found[:1], found])

    return alphas


def _quadratic(before: Floats, after: Floats, metric: Floats) -> Floats:
    """(1/2) [norm_t(before)^2 - norm_t(after)^2] for diagonals (T, p) or matrices (T, p, p)."""
    if metric.ndim == 2:
        return np.asarray(0.5 * np.sum(metric * (before**2 - after**2), axis=-1))
    pair = [np.einsum("ti,tij,tj->t", v, metric, v) for v in (before, after)]
    return np.asarray(0.5 * (pair[0] - pair[1]))


def _outer(gradients: Floats) -> Floats:
    return np.asarray(np.cumsum(gradients[:, :, None] * gradients[:, None, :], axis=0))


def _root(matrices: Floats) -> Floats:
    values, vectors = np.linalg.eigh(matrices)
    return np.asarray((vectors * np.sqrt(np.maximum(values, 0.0))[:, None]) @ vectors.mT)


def widths(body: Body) -> Floats:
    axes = np.eye(len(body.start))
    return np.array([float(body.support(e) + body.support(-e)) for e in axes])


def adagrad(body: str, alpha: float, delta: float = 0.0) -> Member:
    def metric(game: Played) -> Floats:
        return np.asarray(delta + np.sqrt(np.cumsum(game.gradients**2, axis=0)))

    def one_step(game: Played, u: Floats) -> Floats:
        h = metric(game)
        drop = _quadratic(game.points[:-1] - u, game.points[1:] - u, h)
        moved = np.sum(np.where(h > 0, game.gradients**2 / np.where(h > 0, h, 1), 0), axis=-1)
        return np.asarray(drop + alpha**2 * moved / 2 - alpha * game.inner(u))

    def by_hand(game: Played) -> float:
        length = np.sqrt(np.sum(game.gradients**2, axis=0))
        d = widths(BODIES[body])
        return float(np.sum(d**2 * (delta + length) / (2 * alpha) + alpha * length))

    theorem = AdaGradBound(alpha, delta)
    return Member(AdaGrad(alpha, delta), theorem, BODIES[body], one_step, by_hand)


def full_adagrad(body: str, alpha: float, delta: float = 0.0) -> Member:
    def one_step(game: Played, u: Floats) -> Floats:
        h = _root(_outer(game.gradients)) + delta * np.eye(4)
        drop = _quadratic(game.points[:-1] - u, game.points[1:] - u, h)
        inverse = np.linalg.pinv(h, rcond=1e-7, hermitian=True)
        moved = np.einsum("ti,tij,tj->t", game.gradients, inverse, game.gradients)
        return np.asarray(drop + alpha**2 * moved / 2 - alpha * game.inner(u))

    def by_hand(game: Played) -> float:
        trace = float(np.linalg.svd(game.gradients, compute_uv=False).sum())
        return 3.0**2 * (delta + trace) / (2 * alpha) + alpha * trace

    theorem = AdaGradBound(alpha, delta, matrix="full")
    return Member(FullMatrixAdaGrad(alpha, delta), theorem, BODIES[body], one_step, by_hand)


def newton(body: str, gamma: float, delta: float) -> Member:
    def matrices(game: Played) -> Floats:
        return np.asarray(delta * np.eye(4) + _outer(game.gradients))

    def moved(game: Played) -> Floats:
        inverse = np.linalg.inv(matrices(game))
        found = np.einsum("ti,tij,tj->t", game.gradients, inverse, game.gradients)
        return np.asarray(found / (2 * gamma))

    def one_step(game: Played, u: Floats) -> Floats:
        drop = _quadratic(game.points[:-1] - u, game.points[1:] - u, matrices(game))
        return gamma * drop + moved(game) - game.inner(u)

    def by_hand(game: Played) -> float:
        reach = math.sqrt(2 * EUCLIDEAN.size(BODIES[body]))
        return gamma * delta * reach**2 / 2 + float(moved(game).sum())

    learner = OnlineNewtonStep(gamma, delta)
    theorem = NewtonStepBound(gamma, delta)
    return Member(learner, theorem, BODIES[body], one_step, by_hand, linear=False)


def amsgrad(body: str, scale: float, beta1: float, beta2: float, delta: float = 0.0) -> Member:
    rule = Decreasing(scale, 1.0)

    def averages(game: Played) -> tuple[Floats, Floats, Floats]:
        rounds = np.arange(len(game.gradients))
        lag = rounds[:, None] - rounds
        past = lag >= 0
        power = np.where(past, lag, 0)
        mean = np.where(past, (1 - beta1) * beta1**power, 0.0) @ game.gradients
        square = np.where(past, (1 - beta2) * beta2**power, 0.0) @ game.gradients**2
        h = np.sqrt(np.maximum.accumulate(square, axis=0)) + delta
        return scale / np.sqrt(rounds + 1.0), mean, h

    def squares(mean: Floats, h: Floats) -> Floats:
        return np.asarray(np.sum(np.where(h > 0, mean**2 / np.where(h > 0, h, 1), 0), axis=-1))

    def one_step(game: Played, u: Floats) -> Floats:
        alpha, mean, h = averages(game)
        drop = _quadratic(game.points[:-1] - u, game.points[1:] - u, h)
        inner = np.vecdot(mean, game.points[:-1] - u)
        return np.asarray(drop + alpha**2 * squares(mean, h) / 2 - alpha * inner)

    def by_hand(game: Played) -> float:
        alpha, mean, h = averages(game)
        d, m = widths(BODIES[body]), beta1 / (1 - beta1)
        moved = (0.5 + m) * float(alpha @ squares(mean, h))
        return float(d**2 @ h[-1] / (2 * alpha[-1]) + moved + m * d @ np.abs(mean[-1]))

    learner = AMSGrad(rule, beta1=beta1, beta2=beta2, delta=delta)
    theorem = AMSGradBound(rule, beta1, beta2, delta)
    return Member(learner, theorem, BODIES[body], one_step, by_hand)


def descent(body: str, rule: Any, alphas: Any, steps: Any) -> Member:
    def one_step(game: Played, u: Floats) -> Floats:
        alpha = alphas(game)[: len(game.gradients)]
        drop = EUCLIDEAN.divergence(u, game.points[:-1]) - EUCLIDEAN.divergence(u, game.points[1:])
        moved = alpha**2 * EUCLIDEAN.dual_square(game.gradients) / 2
        return np.asarray(drop + moved - alpha * game.inner(u))

    def by_hand(game: Played) -> float:
        alpha = alphas(game)[: len(game.gradients)]
        reach = math.sqrt(2 * EUCLIDEAN.size(BODIES[body]))
        diameter = min(2 * reach, float(BODIES[body].decision_set.diameter))
        changed = diameter**2 / 2 * (1 / alpha[-1] - 1 / alpha[0])
        moved = float(alpha @ EUCLIDEAN.dual_square(game.gradients)) / 2
        return float(reach**2 / (2 * alpha[0]) + changed + moved)

    learner = OnlineGradientDescent(rule)
    return Member(learner, GradientDescentBound(steps), BODIES[body], one_step, by_hand)


def _now(scale: float) -> Callable[[Played], Floats]:
    """Steps of `AdaGradNorm` as gradient descent takes them: g_t counts in alpha_t."""
    return lambda game: following(scale, EUCLIDEAN)(game)[1:]


LAZY = DualAveraging(0.2)
FAMILY: dict[str, Member] = {
    "gradient descent": descent("ball", 0.2, constant(0.2), "fixed"),
    "gradient descent, decreasing": descent("cube", Decreasing(2.0, 1.0), root(2.0), "decreasing"),
    "gradient descent, adagrad": descent("ball", AdaGradNorm(2.0), _now(2.0), "adagrad"),
    "mirror descent, euclidean": mirror(EUCLIDEAN, "ball", 0.2),
    "mirror descent, scaled on a ball": mirror(SCALED, "ball", 0.2),
    "mirror descent, scaled on a cube": mirror(SCALED, "cube", 0.2),
    "mirror descent, entropy": mirror(ENTROPY, "simplex", 0.3),
    "mirror descent, entropy twice": mirror(ENTROPY_TWICE, "two simplices", 0.3),
    "mirror descent, entropy on a box": mirror(ENTROPY_BOX, "box", 0.3),
    "mirror descent, p-norm": mirror(p_norm(1.4), "p-ball", 0.2),
    "mirror descent, p-norm on l1": mirror(p_norm(1.3), "cross-polytope", 0.2),
    "dual averaging": leader(EUCLIDEAN, "ball", 0.2, constant(0.2), LAZY),
    "dual averaging, decreasing": leader(
        EUCLIDEAN, "cube", Decreasing(2.0, 1.0), root(2.0), DualAveraging(Decreasing(2.0, 1.0))
    ),
    "dual averaging, adagrad": leader(
        EUCLIDEAN, "ball", AdaGradNorm(2.0), following(2.0, EUCLIDEAN),
        DualAveraging(AdaGradNorm(2.0)),
    ),
    "leader, scaled": leader(SCALED, "ball", 0.2, constant(0.2)),
    "leader, entropy": leader(ENTROPY, "simplex", Decreasing(2.0, 1.0), root(2.0)),
    "leader, entropy, adagrad": leader(
        ENTROPY, "simplex", AdaGradNorm(2.0), following(2.0, ENTROPY)
    ),
    "leader, entropy twice": leader(ENTROPY_TWICE, "two simplices", 0.3, constant(0.3)),
    "leader, entropy on a box": leader(ENTROPY_BOX, "box", 0.3, constant(0.3)),
    "leader, p-norm": leader(p_norm(1.4), "p-ball", Decreasing(1.0, 1.0), root(1.0)),
    "leader, p-norm on l1": leader(p_norm(1.3), "cross-polytope", 0.2, constant(0.2)),
    "adagrad on a box": adagrad("box", 1.0),
    "adagrad on a cube": adagrad("cube", 1.7, 0.1),
    "adagrad on a ball": adagrad("ball", 2.0),
    "adagrad on rows": adagrad("rows", 1.0),
    "adagrad on a product": adagrad("product", 1.0),
    "full adagrad": full_adagrad("ball", 2.0),
    "full adagrad, delta": full_adagrad("ball", 2.0, 0.3),
    "newton step": newton("ball", 0.2, 1.0),
    "newton step, long": newton("ball", 0.02, 10.0),
    "amsgrad": amsgrad("cube", 1.0, 0.9, 0.99),
    "amsgrad, no momentum": amsgrad("ball", 1.0, 0.0, 0.9),
    "amsgrad, delta": amsgrad("product", 0.5, 0.5, 0.999, 1e-3),
}  # fmt: skip

OPTIMISTIC: dict[str, tuple[Any, Geometry, Body, float, bool]] = {
    "gradient descent": (OnlineGradientDescent(0.2), EUCLIDEAN, BODIES["ball"], 0.2, False),
    "dual averaging": (DualAveraging(0.2), EUCLIDEAN, BODIES["cube"], 0.2, True),
    "mirror descent, entropy": (
        OnlineMirrorDescent(NegativeEntropy(), 0.3), ENTROPY, BODIES["simplex"], 0.3, False,
    ),
    "leader, entropy": (
        FollowTheRegularizedLeader(NegativeEntropy(), 0.3), ENTROPY, BODIES["simplex"], 0.3, True,
    ),
    "leader, p-norm": (
        FollowTheRegularizedLeader(PNorm(1.4), 0.2), p_norm(1.4), BODIES["p-ball"], 0.2, True,
    ),
}  # fmt: skip


def optimistic(name: str, hints: Any = None) -> tuple[Optimistic, OptimisticBound]:
    inner, geometry, _, alpha, lazy = OPTIMISTIC[name]
    return Optimistic(inner, hints), OptimisticBound(geometry.mirror_map, alpha, hints, lazy)
