"""The root of the secular equation, which ellipsoids are projected with."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from olgame.arrays import kernels
from olgame.sets.norms import norm
from olgame.typing import Array

__all__ = ["secular_root"]

_STEPS = 100


@np.errstate(all="ignore")
def secular_root(a: Array, d: Array) -> Array:
    """The t >= 0 with norm(a/(d + t)) = 1, for every row; 0 where norm(a/d) <= 1.

    N(t) = norm(a/(d + t)) falls in t, and 1/N is concave: in polar form a/(d + t) is N times a unit
    vector q, (1/N)' = (sum_j q_j^2/(d_j + t))/N, and by Cauchy's inequality this slope falls. So
    Newton's method on 1/N(t) = 1 from a point left of the root,

        t <- t + (N - 1)/(sum_j q_j^2/(d_j + t)),

    climbs to it and never passes it (but for rounding), the faster the closer: 1/N is nearly
    linear. It starts where one coordinate alone, or all of them with the largest d, would put the
    root: max(0, max_j (abs(a_j) - d_j), norm(a) - max_j d_j), where N is at most sqrt(p). It ends
    where t does not grow any more.

    Args:
        a: Numerators, float64, shape ``(..., p)``.
        d: Poles, float64, at least 0, broadcast with ``a``; 0/0 counts as 0.

    Returns:
        t, shape ``(...)``; nan in a row that is not finite.

    Example:
        >>> import numpy as np
        >>> float(secular_root(np.array([3.0, 4.0]), np.array([2.0, 2.0])))
        3.0

    References:
        more1983.
    """
    xp = kernels(a).xp
    size: Any = xp.abs(a) + 0.0 * d
    poles: Any = d + 0.0 * size
    zero = xp.zeros_like(size[..., 0])
    alone = xp.max(size - poles, axis=-1)
    t = xp.maximum(xp.maximum(zero, alone), norm(size) - xp.max(poles, axis=-1))
    t = xp.where(xp.all(xp.isfinite(size), axis=-1), t, xp.full_like(t, math.nan))
    for _ in range(_STEPS):
        below = poles + t[..., None]
        terms = xp.where(size == 0.0, xp.zeros_like(size), size / below)
        length: Any = norm(terms)
        shares = terms / xp.where(length > 0.0, length, xp.ones_like(length))[..., None]
        weights = xp.where(size == 0.0, xp.zeros_like(size), shares * shares / below)
        step = (length - 1.0) / xp.sum(weights, axis=-1)
        grown = xp.where(length > 1.0, t + step, t)
        if not bool(xp.any(grown > t)):
            break
        t = xp.where(grown > t, grown, t)
    found: Array = t
    return found
