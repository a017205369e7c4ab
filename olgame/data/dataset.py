"""Inputs and labels."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

__all__ = ["Dataset"]


class Dataset(NamedTuple):
    """Inputs and labels; unpacks as ``x, y``.

    Attributes:
        x: inputs, one flat row a sample, shape ``(n, d)``.
        y: labels, shape ``(n,)``: -1 or +1 in float64, or class numbers in int64.

    Example:
        >>> from olgame.data import digits
        >>> x, y = digits(classes=(3, 8))
        >>> print(x.shape, y.shape)
        (357, 64) (357,)
    """

    x: NDArray[np.float64]
    y: NDArray[np.float64] | NDArray[np.int64]
