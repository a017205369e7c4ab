"""The threshold that projects onto a simplex; the l1 ball needs it too."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from olgame.arrays import kernels
from olgame.typing import Array

__all__ = ["onto_simplex", "sum_to_float64"]


@np.errstate(over="ignore", under="ignore", invalid="ignore", divide="ignore")
def onto_simplex(x: Array, scale: float) -> Array:
    """The projection of every row of ``x`` onto { q >= 0, sum q = s }, in float64.

    q = max(x - theta, 0) with theta such that the entries add up to s. A common offset of x does
    not change q, so z = (x - max(x))/s is projected onto the simplex of size 1: computed on x
    itself, the sums lose every digit that an offset has in front. Entries below -1, however far,
    never count, since theta >= -1.

    Args:
        x: Points, shape ``(..., p)``, p >= 1, of any floating dtype.
        scale: s, finite and positive.

    Returns:
        The projections in float64, shape ``(..., p)``; nan in every entry of a row that is not
        finite.

    Example:
        >>> import numpy as np
        >>> onto_simplex(np.array([1e9 + 1.0, 1e9 + 0.5, -1e9]), 1.0)
        array([0.75, 0.25, 0.  ])

    References:
        duchi2008.
    """
    xp = kernels(x).xp
    wide: Any = xp.astype(x, xp.float64)
    z = (wide - xp.max(wide, axis=-1, keepdims=True)) / scale
    ordered = xp.sort(z, axis=-1, descending=True)
    ranks = xp.arange(1, z.shape[-1] + 1, dtype=z.dtype, device=z.device)
    # With S_k the sum of the k largest entries, (S_k - 1)/k rises with k exactly as long as entry
    # k + 1 is above it, and theta is its value where that ends: the maximum over k.
    theta = xp.max((xp.cumulative_sum(ordered, axis=-1) - 1.0) / ranks, axis=-1, keepdims=True)
    # A running sum of p terms loses up to p roundings (1e-13 of s at p = 1e6); one Newton step,
    # with sums that are taken in pairs, mends it.
    q = xp.maximum(z - theta, xp.zeros_like(z))
    positive = xp.sum(xp.astype(q > 0.0, z.dtype), axis=-1, keepdims=True)
    theta = theta + (xp.sum(q, axis=-1, keepdims=True) - 1.0) / positive
    q = xp.maximum(z - theta, xp.zeros_like(z)) * scale
    finite = xp.all(xp.isfinite(x), axis=-1)[..., None]
    result: Array = xp.where(finite, q, xp.full_like(q, math.nan))
    return result


@np.errstate(over="ignore", invalid="ignore")
def sum_to_float64(x: Array) -> Any:
    """Sum over the last axis, accumulated and returned in float64."""
    xp = kernels(x).xp
    return xp.sum(x, axis=-1, dtype=xp.float64)
