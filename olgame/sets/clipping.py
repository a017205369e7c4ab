"""Projection onto intervals, coordinate by coordinate, and the distance test of several sets."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from olgame.arrays import kernels
from olgame.sets.norms import norm
from olgame.typing import Array

__all__ = ["clip", "clipped_contains", "interval_gap", "within_distance"]


@np.errstate(over="ignore", invalid="ignore")
def clip(x: Array, low: Any, high: Any) -> Array:
    """min(max(x, low), high); ``x`` itself if it is inside, nan where an entry is not finite.

    Args:
        x: Points, shape ``(..., p)``.
        low: Lower ends in the kind of ``x``, broadcastable to its shape; may be ``-inf``.
        high: Upper ends, nowhere below ``low``; may be ``inf``.

    Returns:
        The clipped points, shape ``(..., p)``. An infinite entry that its interval does not admit
        becomes nan, not an end: what led there was no number.

    Example:
        >>> import numpy as np
        >>> clip(np.array([-3.0, 0.5, np.inf]), np.array(-1.0), np.array(1.0))
        array([-1. ,  0.5,  nan])
    """
    xp = kernels(x).xp
    # Not minimum(maximum(...)): two large temporaries at once cost twenty times as much.
    clipped: Any = xp.clip(x, low, high)
    if clipped.shape == x.shape and bool(xp.all(clipped == x)):
        return x
    finite = xp.isfinite(x)
    if not bool(xp.all(finite)):
        clipped = xp.where(finite, clipped, xp.full_like(clipped, math.nan))
    result: Array = clipped
    return result


def clipped_contains(x: Array, low: Any, high: Any, atol: float) -> Array | bool:
    """Whether ``x`` is within distance ``atol`` of the intervals' product; False for nan and inf.

    An end is compared as `clip` rounds it: what `clip` returns is always inside.
    """
    xp = kernels(x).xp
    values: Any = x
    inside = xp.all((values >= low) & (values <= high) & xp.isfinite(x), axis=-1)
    return within_distance(x, clip(x, low, high), inside, atol) if atol > 0.0 else _plain(inside)


def within_distance(x: Array, projected: Array, inside: Any, atol: float) -> Array | bool:
    """``inside``, or norm(x - projected) <= ``atol``; a bool for a single point."""
    xp = kernels(x).xp
    if atol > 0.0 and not bool(xp.all(inside)):
        with np.errstate(over="ignore", invalid="ignore"):
            distance: Any = norm(x - projected)
        inside = inside | (distance <= atol)
    return _plain(inside)


def interval_gap(x: Array, low: Any, high: Any) -> Array:
    """The least distance of an entry of ``x`` from the ends of its interval, shape ``(...)``.

    Never inf, which would let points through that are not finite: the largest number of the dtype
    stands for it.
    """
    xp = kernels(x).xp
    gap: Array = xp.min(xp.minimum(x - low, high - x), axis=-1)
    largest = float(xp.finfo(x.dtype).max)
    bounded: Array = xp.minimum(gap, xp.full_like(gap, largest))
    return bounded


def _plain(inside: Any) -> Array | bool:
    result: Array | bool = bool(inside) if inside.ndim == 0 else inside
    return result
