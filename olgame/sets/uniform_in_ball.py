"""Uniform draws from the Euclidean unit ball."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

__all__ = ["uniform_in_ball"]

_INSIDE = 1.0 - 16 * float(np.finfo(np.float64).eps)


def uniform_in_ball(rng: np.random.Generator, shape: tuple[int, ...]) -> NDArray[np.float64]:
    """Independent uniform points of { u in R^p : norm(u) <= 1 }, in float64.

    u = s v with v uniform on the sphere (a normalized Gaussian) and s^p uniform on [0, 1]; s is
    kept a few roundings below 1, so that norm(u) <= 1 in floating point too.

    Args:
        rng: NumPy's generator, which is advanced.
        shape: ``(..., p)``; the leading axes are independent draws.

    Returns:
        The points, shape ``shape``.

    Example:
        >>> import numpy as np
        >>> uniform_in_ball(np.random.default_rng(0), (5, 3)).shape
        (5, 3)
    """
    directions = rng.standard_normal(shape)
    length = np.sqrt(np.vecdot(directions, directions))[..., None]
    lengths = np.minimum(rng.random((*shape[:-1], 1)) ** (1.0 / shape[-1]), _INSIDE)
    # A zero Gaussian has probability zero, but stays 0 instead of becoming nan.
    return np.asarray(directions * (lengths / np.where(length > 0.0, length, 1.0)))
