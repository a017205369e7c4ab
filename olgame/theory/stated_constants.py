"""Are the constants that an activation states at least not wrong on a grid?"""

from __future__ import annotations

import numpy as np

from olgame import activations
from olgame.activations import Activation

__all__ = ["refuted", "stated_by_library"]

GRID = np.linspace(-40.0, 40.0, 80_001)
"""Beyond, the activations in use are linear or constant to rounding."""


def stated_by_library(activation: Activation) -> bool:
    """Whether this is one of the library's activations, constants and functions included."""
    own = (getattr(activations, name) for name in ("softplus", "tanh", "gelu", "silu", "relu"))
    return any(activation == sigma for sigma in own)


def refuted(activation: Activation) -> str:
    """What is wrong with the constants of ``activation``; empty if a grid does not show it.

    With h the spacing of the grid, by the mean value theorem the difference quotients of sigma are
    values of sigma', at most C1 in absolute value and within C2 h/4 of sigma' at the middle of the
    cell; those of sigma' are values of sigma'', between c- and c+ and at most C2. A quotient
    outside refutes the constant. That none is outside proves nothing: the grid is finite.

    Args:
        activation: sigma with its constants.

    Returns:
        The refuted constant with a number, or "".
    """
    h = float(GRID[1] - GRID[0])
    middle = (GRID[1:] + GRID[:-1]) / 2.0
    value = np.asarray(activation.value(GRID), dtype=np.float64)
    slope = np.asarray(activation.derivative(GRID), dtype=np.float64)
    if not (np.isfinite(value).all() and np.isfinite(slope).all()):
        return "sigma or sigma' is not finite"
    # A few units in the last place of the values, divided by h.
    rounding = 16.0 * np.finfo(np.float64).eps / h
    first, second = np.diff(value) / h, np.diff(slope) / h
    slack = rounding * (1.0 + float(np.abs(value).max()))
    bend_slack = rounding * (1.0 + float(np.abs(slope).max()))
    steepest = float(np.abs(first).max())
    if steepest > activation.c1 + slack:
        return f"abs(sigma') reaches {steepest:.6g} > C1 = {activation.c1:.6g}"
    if activation.c2 is None:
        return ""
    largest, least = float(second.max()), float(second.min())
    if max(largest, -least) > activation.c2 + bend_slack:
        return f"abs(sigma'') reaches {max(largest, -least):.6g} > C2 = {activation.c2:.6g}"
    low, high = activation.curvature_range or (-activation.c2, activation.c2)
    if largest > high + bend_slack or least < low - bend_slack:
        return f"sigma'' has the range [{least:.6g}, {largest:.6g}], not [{low:.6g}, {high:.6g}]"
    off = float(np.abs(first - np.asarray(activation.derivative(middle))).max())
    if off > activation.c2 * h / 4.0 + slack:
        return f"its derivative is not that of its value, by {off:.3g}"
    return ""
