"""Projections in a distance that weighs coordinates, onto the sets where they are exact."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from olgame.arrays import as_like, kernels
from olgame.exceptions import NotAvailableError
from olgame.sets.box import Box
from olgame.sets.convex_set import ConvexSet
from olgame.sets.fields import matched
from olgame.sets.l2_ball import L2Ball
from olgame.sets.l2_inf_ball import L2InfBall
from olgame.sets.linf_ball import LinfBall
from olgame.sets.nearest_in_ball import nearest_in_ball
from olgame.sets.product_set import ProductSet
from olgame.sets.scaled import Scaled
from olgame.sets.translated import Translated
from olgame.sets.whole_space import WholeSpace
from olgame.typing import Array

__all__ = [
    "ends",
    "factors",
    "has_weighted_projection",
    "require_weighted_projection",
    "weighted_nearest",
]

_SEPARABLE = (Box, LinfBall, WholeSpace)


def factors(product: ProductSet) -> Iterator[tuple[ConvexSet, slice]]:
    """The factors of a product with the coordinates that each rules."""
    start = 0
    for block in product.blocks:
        yield block.factor, slice(start, start + block.length)
        start += block.length


def ends(decision_set: Box | LinfBall, x: Array) -> tuple[Any, Any]:
    """Lower and upper ends of a box in the kind of ``x``, broadcastable to its shape."""
    if isinstance(decision_set, Box):
        low, high = (
            as_like(end, x) if isinstance(end, float) else matched(end, x)
            for end in (decision_set.low, decision_set.high)
        )
        return low, high
    middle: Any = 0.0 if decision_set.center is None else matched(decision_set.center, x)
    radius = as_like(decision_set.radius, x)
    return middle - radius, middle + radius


def has_weighted_projection(decision_set: ConvexSet) -> bool:
    """Whether `weighted_nearest` is exact on this set."""
    if isinstance(decision_set, ProductSet):
        return all(has_weighted_projection(factor) for factor, _ in factors(decision_set))
    if isinstance(decision_set, Scaled | Translated):
        return has_weighted_projection(decision_set.factor)
    return isinstance(decision_set, (*_SEPARABLE, L2Ball, L2InfBall))


def require_weighted_projection(decision_set: ConvexSet, owner: str) -> None:
    """Raise `NotAvailableError` unless `weighted_nearest` is exact on this set."""
    if not has_weighted_projection(decision_set):
        raise NotAvailableError(
            f"`{owner}` projects in a distance that weighs coordinates, which is exact on Box, "
            "LinfBall, L2Ball, L2InfBall, WholeSpace, their products and what is moved or scaled "
            f"from them, not on {type(decision_set).__name__}; play `OnlineGradientDescent` there "
            "(on a simplex `OnlineMirrorDescent(mirror_maps.NegativeEntropy(), ...)`)."
        )


def weighted_nearest(decision_set: ConvexSet, x: Array, weights: Array) -> Array:
    """The minimizer of sum_j h_j (u_j - x_j)^2 over u in K.

    On intervals every coordinate is on its own, and the weights do not matter: it is the Euclidean
    projection. On a Euclidean ball it is `nearest_in_ball`; blocks of a product are on their own.

    Args:
        decision_set: K, one of those of `has_weighted_projection`.
        x: Points, shape ``(..., p)``.
        weights: h >= 0, shape ``(p,)`` or ``(..., p)``.

    Returns:
        The minimizers, shape ``(..., p)``; ``x`` itself if it is inside.

    Example:
        >>> import numpy as np
        >>> weighted_nearest(L2Ball(1.0), np.array([2.0, 1.0]), np.array([1.0, 1e12])).round(3)
        array([0., 1.])
    """
    if isinstance(decision_set, _SEPARABLE):
        return decision_set.project(x)
    if isinstance(decision_set, L2Ball):
        return _in_ball(x, weights, decision_set.radius, decision_set.center)
    if isinstance(decision_set, L2InfBall):
        return _in_rows(decision_set, x, weights)
    if isinstance(decision_set, ProductSet):
        parts = [
            weighted_nearest(factor, x[..., where], weights[..., where])
            for factor, where in factors(decision_set)
        ]
        joined: Array = kernels(x).xp.concat(parts, axis=-1)
        return joined
    if isinstance(decision_set, Scaled):
        scale = decision_set.scale
        return weighted_nearest(decision_set.factor, x / scale, weights) * scale
    if isinstance(decision_set, Translated):
        shift = matched(decision_set.shift, x)
        return weighted_nearest(decision_set.factor, x - shift, weights) + shift
    raise NotAvailableError(f"No weighted projection onto {type(decision_set).__name__} is known.")


def _in_ball(x: Any, weights: Any, radius: float, center: Array | None) -> Array:
    if center is None:
        return nearest_in_ball(x, weights, radius)
    middle: Any = matched(center, x)
    offset = x - middle
    nearest: Any = nearest_in_ball(offset, weights, radius)
    return x if nearest is offset else middle + nearest  # type: ignore[no-any-return]  # arithmetic of Any


def _in_rows(ball: L2InfBall, x: Any, weights: Any) -> Array:
    """Every row in its own ball: rows are a leading axis."""

    def rows(values: Any) -> Any:
        return values.reshape((*values.shape[:-1], ball.rows, values.shape[-1] // ball.rows))

    center = None if ball.center is None else rows(ball.center)
    nearest: Array = _in_ball(rows(x), rows(weights), ball.radius, center).reshape(x.shape)  # type: ignore[attr-defined]  # arrays reshape
    return nearest
