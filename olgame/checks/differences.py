"""Slopes by central differences, for gradients of other people's functions."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import numpy as np

from olgame.arrays import unit_roundoff
from olgame.checks.checklist import host
from olgame.typing import Array

__all__ = ["slope_error", "slope_tolerance"]


def slope_tolerance(like: Array) -> float:
    """The relative error that a right slope may show: 1e-4 in float64, 6e-3 in float32.

    Central differences at the best step leave about unit roundoff^(2/3), times the third
    derivative and the loss of digits in the values, which is what the margin is for.
    """
    return 1e-4 if unit_roundoff(like) < 1e-12 else 6e-3


def slope_error(
    function: Callable[[float, Any], Any],
    slopes: Iterable[tuple[Any, Any]],
    like: Array,
) -> float:
    """The relative error of claimed slopes: the (lower) median over the directions.

    In each direction and for each number that the function returns the step size that agrees best
    counts. A kink or a jump between the two points of a difference spoils some directions, a wrong
    derivative all of them.

    Args:
        function: ``function(h, v)``, the function at h from the point in direction v.
        slopes: Pairs of a direction and the derivative along it, of the shape of the function.
        like: An array of the dtype that is computed in.
    """
    double = unit_roundoff(like) < 1e-12
    steps = (1e-4, 1e-5, 1e-6) if double else (3e-2, 1e-2, 3e-3)
    errors, sizes = [], []
    for direction, claimed in slopes:
        ahead = [host(function(h, direction)) for h in steps]
        behind = [host(function(-h, direction)) for h in steps]
        seen = [(a - b) / (2.0 * h) for a, b, h in zip(ahead, behind, steps, strict=True)]
        told = host(claimed)
        errors.append(float(np.max(np.min([np.abs(s - told) for s in seen], axis=0))))
        sizes.append(max(float(np.max(np.abs(told))), float(np.max(np.abs(seen[0])))))
    floor = max(1e-3 * max(sizes), 1e-6 if double else 1e-3)
    relative = sorted(e / max(size, floor) for e, size in zip(errors, sizes, strict=True))
    return relative[(len(relative) - 1) // 2]
