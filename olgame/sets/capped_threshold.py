"""The threshold that projects onto a capped simplex."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from olgame.arrays import kernels
from olgame.typing import Array

__all__ = ["onto_capped_simplex"]


@np.errstate(over="ignore", under="ignore", invalid="ignore", divide="ignore")
def onto_capped_simplex(x: Array, caps: Array, total: float) -> Array:
    """The projection of every row onto { 0 <= q <= u, sum q = s }, in float64.

    q = min(max(x - theta, 0), u) with theta such that f(theta) = sum q(theta) = s. f is piecewise
    linear, non-increasing, with kinks at the 2 p breakpoints x_j - u_j and x_j. The largest
    breakpoint with f >= s is found by bisection among them (each f a sum on its own: running sums
    would lose the digits that an offset or a far entry has in front), and the linear piece to the
    next one gives theta. Breakpoints are rounded by an offset too; entries far from theta are
    not concerned. So the search is repeated for x - theta, and one Newton step mends what is left.

    Args:
        x: Points, float64, shape ``(..., p)``.
        caps: u, positive and finite, sum at least s (to rounding), the shape of ``x``.
        total: s, finite and positive.

    Returns:
        The projections, shape ``(..., p)``; nan in every entry of a row that is not finite.

    Example:
        >>> import numpy as np
        >>> onto_capped_simplex(1e9 + np.array([2.0, 0.25, 0.0]), np.full(3, 0.5), 1.0)
        array([0.5  , 0.375, 0.125])
    """
    xp = kernels(x).xp
    finite = xp.all(xp.isfinite(x), axis=-1)[..., None]
    z: Any = xp.where(finite, x, xp.zeros_like(x)) + xp.zeros_like(caps)
    for _ in range(2):
        z = z - _threshold(z, caps, total)
    q = _clipped(z, caps, xp.zeros_like(z[..., :1]))
    moving = xp.sum(xp.astype((q > 0.0) & (q < caps), z.dtype), axis=-1, keepdims=True)
    step = (xp.sum(q, axis=-1, keepdims=True) - total) / moving
    q = _clipped(z, caps, xp.where(moving > 0.0, step, xp.zeros_like(step)))
    result: Array = xp.where(finite, q, xp.full_like(q, math.nan))
    return result


def _clipped(z: Any, caps: Any, theta: Any) -> Any:
    xp = kernels(z).xp
    return xp.minimum(xp.maximum(z - theta, xp.zeros_like(z)), caps)


def _threshold(z: Any, caps: Any, total: float) -> Any:
    """theta up to the rounding of the breakpoints next to it, shape ``(..., 1)``."""
    xp = kernels(z).xp
    kinks = xp.sort(xp.concat([z - caps, z], axis=-1), axis=-1)
    last = kinks.shape[-1] - 1
    index = xp.arange(last + 1, device=z.device)

    def kink(place: Any) -> Any:
        chosen = xp.where(index == place, kinks, xp.zeros_like(kinks))
        return xp.sum(chosen, axis=-1, keepdims=True)

    low, high = xp.zeros_like(z[..., :1]), xp.full_like(z[..., :1], float(last))
    for _ in range((last + 1).bit_length()):
        middle = xp.ceil(0.5 * (low + high))
        enough = xp.sum(_clipped(z, caps, kink(middle)), axis=-1, keepdims=True) >= total
        low, high = xp.where(enough, middle, low), xp.where(enough, high, middle - 1.0)
        high = xp.maximum(high, low)
    left, right = kink(low), kink(xp.minimum(low + 1.0, xp.full_like(low, float(last))))
    excess = xp.sum(_clipped(z, caps, left), axis=-1, keepdims=True) - total
    moving = xp.sum(xp.astype((z - caps <= left) & (z > left), z.dtype), axis=-1, keepdims=True)
    # Where nothing seems to move, entries whose two breakpoints are rounded to one move at the
    # right end: 0/0 counts as no step.
    step = xp.where(excess > 0.0, excess / moving, xp.zeros_like(excess))
    return xp.minimum(left + step, right)
