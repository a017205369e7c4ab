"""p-norms and the map from a vector to its dual, at every scale."""

from __future__ import annotations

from typing import Any

import numpy as np

from olgame.arrays import kernels
from olgame.typing import Array, Value

__all__ = ["duality_map", "p_norm"]


@np.errstate(under="ignore", invalid="ignore")
def p_norm(x: Array, p: float) -> Value:
    """norm_p(x) = (sum_j abs(x_j)^p)^(1/p) over the last axis, shape ``(...)``.

    Computed as m norm_p(x/m) with m the largest absolute entry: nothing overflows.
    """
    _, largest, length = _scaled(x, p)
    found: Value = largest[..., 0] * length[..., 0]
    return found


@np.errstate(under="ignore", invalid="ignore")
def duality_map(x: Array, p: float) -> Array:
    """The gradient of norm_p^2/2: sign(x_j) abs(x_j)^(p-1) norm_p(x)^(2-p), shape ``(..., p)``.

    Its norm_q is norm_p(x), with 1/p + 1/q = 1, its inner product with x is norm_p(x)^2, and the
    map with q in place of p takes it back to x.

    Example:
        >>> import numpy as np
        >>> theta = duality_map(np.array([3.0, -1.0, 0.0]), 1.5)
        >>> duality_map(theta, 3.0).round(12)
        array([ 3., -1.,  0.])
    """
    scaled, largest, length = _scaled(x, p)
    xp = kernels(x).xp
    dual: Array = largest * xp.sign(x) * scaled ** (p - 1.0) * length ** (2.0 - p)
    return dual


def _scaled(x: Any, p: float) -> tuple[Any, Any, Any]:
    """abs(x)/m, m and norm_p(x/m) >= 1 (all with the last axis kept; 0, 0 and 1 for x = 0)."""
    xp = kernels(x).xp
    size = xp.abs(x)
    largest = xp.max(size, axis=-1, keepdims=True)
    scaled = size / xp.where(largest == 0.0, xp.ones_like(largest), largest)
    length = xp.sum(scaled**p, axis=-1, keepdims=True) ** (1.0 / p)
    return scaled, largest, xp.where(largest == 0.0, xp.ones_like(length), length)
