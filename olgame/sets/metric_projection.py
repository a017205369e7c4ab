"""Projections in the distance of a positive definite matrix, onto the sets where they are exact."""

from __future__ import annotations

from typing import Any

from olgame.arrays import kernels
from olgame.exceptions import NotAvailableError
from olgame.sets.convex_set import ConvexSet
from olgame.sets.fields import matched
from olgame.sets.l2_ball import L2Ball
from olgame.sets.nearest_in_ball import nearest_in_ball
from olgame.sets.whole_space import WholeSpace
from olgame.typing import Array

__all__ = ["metric_nearest", "require_metric_projection", "times"]


def require_metric_projection(decision_set: ConvexSet, owner: str) -> None:
    """Raise `NotAvailableError` unless `metric_nearest` is exact on this set."""
    if not isinstance(decision_set, L2Ball | WholeSpace):
        raise NotAvailableError(
            f"`{owner}` projects in the distance of a full matrix, which is exact on L2Ball and "
            f"WholeSpace, not on {type(decision_set).__name__}; play `AdaGrad` (a weight for every "
            "coordinate) on boxes and products, `OnlineGradientDescent` on any set."
        )


def metric_nearest(decision_set: ConvexSet, x: Array, values: Array, vectors: Array) -> Array:
    """The minimizer of (u - x)^T H (u - x) over u in K, H = Q diag(h) Q^T.

    Seen in the eigenvectors a ball is a ball and H is diagonal, so that one secular equation is
    left (`nearest_in_ball`).

    Args:
        decision_set: K, an `L2Ball` or the `WholeSpace`.
        x: Points, shape ``(..., p)``.
        values: h >= 0, eigenvalues of H, shape ``(..., p)``.
        vectors: Q, eigenvectors in its columns, shape ``(..., p, p)``.

    Returns:
        The minimizers, shape ``(..., p)``; ``x`` itself if all points are inside.

    Example:
        >>> import numpy as np
        >>> h, q = np.linalg.eigh(np.array([[2.0, 1.0], [1.0, 2.0]]))
        >>> metric_nearest(L2Ball(1.0), np.array([3.0, 3.0]), h, q).round(6)
        array([0.707107, 0.707107])
    """
    if isinstance(decision_set, WholeSpace):
        return x
    if not isinstance(decision_set, L2Ball):
        raise NotAvailableError(f"No projection in a metric onto {type(decision_set).__name__}.")
    k = kernels(x)
    inside: Any = k.xp.asarray(decision_set.contains(x))
    if bool(k.xp.all(inside)):
        return x
    transposed = k.xp.matrix_transpose(vectors)
    center: Any = None if decision_set.center is None else matched(decision_set.center, x)
    turned = times(transposed, x if center is None else x - center)
    moved = times(vectors, nearest_in_ball(turned, values, decision_set.radius))
    if center is not None:
        moved = moved + center
    # Turning back costs a rounding or two; the set takes them off.
    nearest: Array = k.xp.where(inside[..., None], x, decision_set.project(moved))
    return nearest


def times(matrix: Any, x: Any) -> Any:
    """The product of matrices ``(..., p, p)`` and vectors ``(..., p)``."""
    return (matrix @ x[..., None])[..., 0]
