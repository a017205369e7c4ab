"""Inputs on the sphere whose last coordinate is the same for all."""

from __future__ import annotations

import math
from typing import Any, TypeVar

import numpy as np

from olgame.arrays import kernels
from olgame.data.normalization import normalize
from olgame.typing import Array
from olgame.validation import require

__all__ = ["lift"]

X = TypeVar("X", bound=Array)


def lift(x: X, last: float = 0.5) -> X:
    """Every row scaled and lengthened by one coordinate, so that its norm is 1 and its end fixed.

    x_i -> (sqrt(1 - last^2) x_i / norm2(x_i), last). With ``last`` = 1/2 this is the normalization
    of the theorems on networks without biases (norm 1, last coordinate 1/2): the constant takes the
    place of a bias, and no two inputs of different directions are parallel or opposite. Distances
    shrink: norm2(x'_i - x'_j) = sqrt(1 - last^2) times the distance of the directions.

    Perturb what `lift` returns, not what it is given, if the game's inputs are to stay within a
    given distance; a perturbation moves the last coordinate too unless its set forbids that.

    Args:
        x: floating point inputs, shape ``(..., n, d - 1)``.
        last: the last coordinate, ``-1 < last < 1``.

    Returns:
        A new array of the dtype of ``x``, shape ``(..., n, d)``.

    Raises:
        ArgumentError: ``last`` is outside its domain.
        DataError: a row is zero, and so has no direction, or is not finite; names the row.
        ShapeError: ``x`` is no floating point array with rows.

    Example:
        >>> import numpy as np
        >>> print(lift(np.array([[3.0, 4.0]]), last=0.6))
        [[0.48 0.64 0.6 ]]

    References:
        gao2019.
    """
    number = isinstance(last, int | float | np.number) and not isinstance(last, bool)
    require(bool(number and -1.0 < last < 1.0), "lift", "last", "be between -1 and 1", last)
    rows: Any = normalize(x, math.sqrt((1.0 - last) * (1.0 + last)))
    xp = kernels(x).xp
    lifted: X = xp.concat([rows, xp.full_like(rows[..., :1], last)], axis=-1)
    return lifted
