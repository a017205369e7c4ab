"""The steepest direction in the Euclidean norm."""

from __future__ import annotations

from typing import Any

from olgame.arrays import kernels
from olgame.sets.norms import norm, unit
from olgame.typing import Array

__all__ = ["l2_steepest"]


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
    length: Any = norm(gradient)
    vanishes = xp.asarray(length * radius <= atol)[..., None]
    direction: Array = xp.where(vanishes, xp.zeros_like(gradient), unit(gradient))
    return direction
