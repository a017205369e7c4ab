"""A point drawn into a ball, exactly as the weights are stored."""

from __future__ import annotations

import numpy as np

from olgame.arrays import as_like, to_numpy, unit_roundoff
from olgame.exceptions import ArgumentError
from olgame.typing import Array

__all__ = ["drawn_inside"]


def drawn_inside(point: Array, center: Array, radius: float) -> Array:
    """``point``, moved toward ``center`` by as little as puts it at a distance of at most R.

    The distance is that of `olgame.theory.ceiling`: in float64, from the numbers as they are
    stored. A projection of the game's dtype may leave a point outside by rounding, and a point
    outside is no witness for a bound over the ball.

    Args:
        point: W, shape ``(p,)``.
        center: W_0, shape ``(p,)``.
        radius: R > 0.

    Returns:
        ``point`` itself where it is inside; else a point near the sphere.

    Raises:
        ArgumentError: ``point`` or ``center`` is not finite.

    Example:
        >>> import numpy as np
        >>> inside = drawn_inside(np.full(3, 0.7), np.zeros(3), 1.0)
        >>> bool(1.0 - 1e-15 < np.linalg.norm(inside) <= 1.0)
        True
    """
    origin = to_numpy(center)
    offset = to_numpy(point) - origin
    if not np.isfinite(offset).all():
        raise ArgumentError("`drawn_inside(point=..., center=...)` must be finite, got nan or inf.")
    candidate, shrink = point, 1.0
    distance = float(np.linalg.norm(offset))
    while distance > radius:
        shrink = (shrink - unit_roundoff(point)) * radius / distance
        candidate = as_like(origin + shrink * offset, point)
        distance = float(np.linalg.norm(to_numpy(candidate) - origin))
    return candidate
