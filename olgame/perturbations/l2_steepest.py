"""The steepest direction in the Euclidean norm."""

from __future__ import annotations

import math

import numpy as np

from olgame.arrays import kernels
from olgame.sets.norms import scaled_norm
from olgame.typing import Array

__all__ = ["l2_steepest"]


@np.errstate(over="ignore", under="ignore", invalid="ignore")
def l2_steepest(gradient: Array, radius: float | Array, atol: float | Array) -> Array:
    """g / norm2(g), and exactly 0 where radius x norm2(g) <= atol; nan stays nan.

    Args:
        gradient: g, shape ``(..., n, d)``.
        radius: rho, broadcasting over ``(..., n)``.
        atol: The rounding level of the objective, broadcasting over ``(..., n)``.

    Returns:
        The directions, shape ``(..., n, d)``.
    """
    xp = kernels(gradient).xp
    scaled, scale, length = scaled_norm(gradient)
    full = length if scale is None else scale * length
    vanishes = xp.asarray(full * radius <= atol)
    # Divided by infinity where it vanishes: one pass over the gradient, in which nan stays nan.
    divisor = xp.where(vanishes, xp.full_like(length, math.inf), length)
    direction: Array = scaled / divisor[..., None]
    return direction
