"""A loss averaged over a window of outputs: what stands in for one with kinks."""

from __future__ import annotations

from typing import Any

import numpy as np

from olgame.arrays import as_like, kernels
from olgame.losses.loss import Loss

__all__ = ["smoothed_loss"]

_NODES, _WEIGHTS = (a.tolist() for a in np.polynomial.legendre.leggauss(16))
_POINTS = 32


def smoothed_loss(loss: Loss, z: Any, y: Any, theta: float) -> tuple[Any, Any]:
    """A smooth convex loss near l, about theta wide at its kinks, and its slope.

    One output: the mean of l over an interval of width theta around z; its derivative is the secant
    slope (l(z + theta/2) - l(z - theta/2))/theta. k logits: what the loss itself offers as
    ``smoothed(z, y, theta)``, else the mean over 64 points of the cube [-theta/2, theta/2]^k around
    z, and the mean of the slopes there.

    All slopes are in the domain of l*: it is convex, and a secant slope lies between the slopes at
    its ends (what rounding may add is clipped), a mean in their convex hull.

    Args:
        loss: l.
        z: outputs, shape ``(..., n)`` or ``(..., n, k)``.
        y: labels.
        theta: width > 0.

    Returns:
        (value, slope), of the shapes of a loss and of z.

    Example:
        >>> from olgame.losses import hinge
        >>> value, slope = smoothed_loss(hinge, np.array([1.0]), np.array([1.0]), 0.1)
        >>> slope.round(12), bool(0.0 < value[0] < 0.1 / 4)
        (array([-0.5]), True)
    """
    own = getattr(loss, "smoothed", None)
    if own is not None:
        value, slope = own(z, y, theta)
        return value, slope
    value = 0.0
    if getattr(loss, "multiclass", False):
        slope = z * 0.0
        moves = theta * _cube(int(z.shape[-1]))
        for move in moves:
            near = z + as_like(move, z)
            value = value + loss.value(near, y) * (1 / len(moves))
            slope = slope + loss.derivative(near, y) * (1 / len(moves))
        return value, slope
    for node, weight in zip(_NODES, _WEIGHTS, strict=True):
        value = value + 0.5 * weight * loss.value(z + 0.5 * theta * node, y)
    left, right = z - 0.5 * theta, z + 0.5 * theta
    secant: Any = (loss.value(right, y) - loss.value(left, y)) * (1 / theta)
    xp = kernels(secant).xp
    low: Any = loss.derivative(left, y)
    high: Any = loss.derivative(right, y)
    return value, xp.where(secant < low, low, xp.where(secant > high, high, secant))


def _cube(k: int) -> Any:
    """Points of [-1/2, 1/2]^k, evenly spread, each with its opposite; shape ``(64, k)``.

    The multiples of a vector of irrational numbers, modulo 1: powers of 1/phi, where
    phi^(k+1) = phi + 1 (for k = 1 the golden ratio).
    """
    phi = 2.0
    for _ in range(60):
        phi = (1.0 + phi) ** (1.0 / (k + 1))
    steps = phi ** -np.arange(1.0, k + 1.0)
    points = np.mod(0.5 + np.outer(np.arange(1.0, _POINTS + 1.0), steps), 1.0) - 0.5
    return np.concatenate([points, -points])
