"""A step with a size for every coordinate, projected in the distance that belongs to it."""

from __future__ import annotations

from typing import Any

from olgame.arrays import kernels
from olgame.learners.per_game import per_game
from olgame.sets.convex_set import ConvexSet
from olgame.sets.weighted_projection import weighted_nearest
from olgame.typing import Array, Value

__all__ = ["diagonal_step"]


def diagonal_step(
    decision_set: ConvexSet, w: Array, direction: Array, metric: Array, step: Value
) -> Array:
    """The minimizer over K of step <m, u> + (1/2) sum_j h_j (u_j - w_j)^2.

    That is the point of K nearest to w - step m/h in the distance of h. A coordinate with h_j = 0
    (no gradient yet) does not move.

    Args:
        decision_set: K, one with an exact `weighted_nearest`.
        w: The point, shape ``(..., p)``.
        direction: m, shape ``(..., p)``.
        metric: h >= 0, shape ``(..., p)``.
        step: One number, or one per game.
    """
    xp = kernels(w).xp
    known: Any = metric > 0.0  # type: ignore[operator]  # element-wise
    slope: Any = xp.where(known, direction / xp.where(known, metric, 1.0), 0.0)
    return weighted_nearest(decision_set, w - per_game(step, w) * slope, metric)
