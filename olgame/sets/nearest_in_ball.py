"""The nearest point of a Euclidean ball in a weighted distance: one secular equation."""

from __future__ import annotations

from typing import Any

import numpy as np

from olgame.arrays import kernels
from olgame.sets.norms import norm
from olgame.sets.secular_root import secular_root
from olgame.typing import Array

__all__ = ["nearest_in_ball"]

_SMALLEST = 1e-60


@np.errstate(over="ignore", under="ignore", invalid="ignore")
def nearest_in_ball(x: Array, weights: Array, radius: float) -> Array:
    """The minimizer of sum_j h_j (u_j - x_j)^2 over norm2(u) <= R, to rounding.

    Outside the ball the minimizer is u_j = h_j x_j/(h_j + lam) with the one lam > 0 for which
    norm(u) = R (`secular_root`). Only ratios of weights matter. A weight of 0 is taken as the limit
    from above: such an entry is moved first, since moving it costs nothing.

    Args:
        x: Points, shape ``(..., p)``.
        weights: h >= 0, shape ``(p,)`` or ``(..., p)``; where all are 0 they count as 1.
        radius: R > 0.

    Returns:
        The minimizers, shape ``(..., p)``, of the dtype of ``x``; ``x`` itself if all points are
        inside, nan in a row that is not finite. Computed in float64.

    Example:
        >>> import numpy as np
        >>> nearest_in_ball(np.array([2.0, 0.0]), np.array([5.0, 1.0]), 1.0)
        array([1., 0.])

    References:
        more1983.
    """
    xp = kernels(x).xp
    length: Any = norm(x)
    inside: Any = xp.asarray(length <= radius)
    if bool(xp.all(inside)):
        return x
    z = xp.astype(x, xp.float64) / radius
    h: Any = xp.astype(weights, xp.float64)
    largest = xp.max(h, axis=-1, keepdims=True)
    h = xp.where(largest > 0.0, h / xp.where(largest > 0.0, largest, 1.0), 1.0)
    h = xp.clip(h, _SMALLEST, None)
    lam: Any = xp.asarray(secular_root(h * z, h))[..., None]
    u: Any = h / (h + lam) * z
    u = u / norm(u)[..., None]  # type: ignore[index]  # an array
    moved = xp.astype(u * radius, x.dtype)
    nearest: Array = xp.where(inside[..., None], x, moved)
    return nearest
