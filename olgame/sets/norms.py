"""Euclidean norms and directions that neither overflow nor underflow."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from olgame.arrays import kernels
from olgame.typing import Array, Value

__all__ = ["norm", "norms_and_range", "ordinary_scale", "scaled_norm", "unit"]

_SMALL = 1e-10
_LARGE = 1e15


def ordinary_scale(value: float) -> bool:
    """Whether norms of about ``value`` can be computed as the root of a plain sum of squares.

    The squares of 1e-10 and 1e15 are normal numbers of float32 (and of float64), far enough from
    both ends of its range that what underflows is below rounding for every p < 1e10.
    """
    return _SMALL < value < _LARGE


@np.errstate(over="ignore", under="ignore", invalid="ignore")
def norm(x: Array) -> Value:
    """Euclidean norm over the last axis, right at every scale.

    The plain sum of squares where it is safe, a scaled one elsewhere: the result has the usual
    relative rounding error for all entries that are normal numbers of their dtype, as long as it
    is one itself. nan stays nan.

    Args:
        x: Any array, shape ``(..., p)``.

    Returns:
        The norms, shape ``(...)``.

    Example:
        >>> import numpy as np
        >>> bool(norm(np.array([3e-200, 4e-200])) == 5e-200)
        True
    """
    _, scale, length = scaled_norm(x)
    found: Value = length if scale is None else scale * length
    return found


@np.errstate(over="ignore", under="ignore", invalid="ignore")
def unit(x: Array) -> Array:
    """``x / norm(x)`` over the last axis, right at every scale; 0 for a zero vector.

    Args:
        x: Any array, shape ``(..., p)``.

    Returns:
        A new array of the shape of ``x``; nan where ``x`` is not finite.

    Example:
        >>> import numpy as np
        >>> unit(np.array([[3e-200, 4e-200], [0.0, 0.0]]))
        array([[0.6, 0.8],
               [0. , 0. ]])
    """
    scaled, _, length = scaled_norm(x)
    xp = kernels(x).xp
    direction: Array = scaled / xp.where(length == 0.0, xp.ones_like(length), length)[..., None]
    return direction


@np.errstate(over="ignore", under="ignore", invalid="ignore")
def norms_and_range(x: Any) -> tuple[Any, float, float]:
    """`norm`, and the least and the largest of the norms: nan where one is, (inf, -inf) of none."""
    length: Any = kernels(x).norm(x)
    least, largest = _range(length)
    if least > _SMALL and largest < _LARGE:
        return length, least, largest
    length = norm(x)
    return length, *_range(length)


def scaled_norm(x: Any) -> tuple[Any, Any, Any]:
    """(x/m, m, norm(x/m)) with norm(x) = m norm(x/m), at every scale; see `norm`.

    m is None, for 1, where plain sums of squares will do; else the largest absolute entry of every
    row (1 for a zero row), shape ``(...)``.
    """
    k = kernels(x)
    length: Any = k.norm(x)
    if _ordinary(length):
        return x, None, length
    largest, scaled = _scaled(x)
    return scaled, largest[..., 0], k.norm(scaled)


def _ordinary(lengths: Any) -> bool:
    """Whether all computed norms are of ordinary scale (a nan or a 0 is not)."""
    least, largest = _range(lengths)
    return least > _SMALL and largest < _LARGE


def _range(lengths: Any) -> tuple[float, float]:
    # Two reductions are faster than two comparisons of all.
    if 0 in lengths.shape:
        return math.inf, -math.inf
    return float(lengths.min()), float(lengths.max())


def _scaled(x: Any) -> tuple[Any, Any]:
    """Largest absolute entry m of every row, shape ``(..., 1)`` (1 for a zero row), and x/m."""
    xp = kernels(x).xp
    largest = xp.max(xp.abs(x), axis=-1, keepdims=True)
    largest = xp.where(largest == 0.0, xp.ones_like(largest), largest)
    return largest, x / largest
