"""Slopes p_j of the loss that a certified floor can be built on."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from olgame.arrays import to_numpy
from olgame.duality.weighted_samples import WeightedSamples
from olgame.exceptions import ArgumentError
from olgame.losses.loss import Loss
from olgame.validation import require

__all__ = ["slope_candidates"]

Floats = NDArray[np.float64]


def slope_candidates(
    loss: Loss, f: Floats, samples: WeightedSamples, slopes: Any, smoothing: Sequence[float]
) -> list[tuple[str, Floats]]:
    """Name and slopes p, shape ``(N,)``, of every candidate; all lie in the domain of l*.

    The derivative at f makes the minorant touch F at u0. At a kink the derivative is one end of
    the subdifferential, and a minimizer needs some slope inside: for a loss with kinks the secants
    (l(z + theta/2) - l(z - theta/2))/theta are tried, the derivatives of l averaged over a window
    of width theta. A secant slope of a convex l lies between the slopes at its ends, hence in the
    domain of l*, which is convex.

    Args:
        loss: l.
        f: Outputs, shape ``(N,)``.
        samples: Labels and weights.
        slopes: The caller's own p: the only candidate, if given.
        smoothing: The widths theta; those that change no slope are left out.

    Returns:
        At least one candidate.

    Raises:
        ArgumentError: Given slopes of the wrong shape or not finite, or a width that is not.
    """
    y = samples.y
    if slopes is not None:
        p = to_numpy(slopes).reshape(-1)
        if p.shape != f.shape or not np.isfinite(p).all():
            raise ArgumentError(
                f"`gap(slopes=...)` must be finite with one entry for each of {len(f)} inputs."
            )
        return [("given", p)]
    derivative = np.asarray(loss.derivative(f, y))
    found = [("derivative", derivative)]
    for theta in smoothing if loss.smoothness is None else ():
        require(bool(0 < theta < np.inf), "gap", "smoothing", "be finite and positive", theta)
        left, right = f - 0.5 * theta, f + 0.5 * theta
        secant = (np.asarray(loss.value(right, y)) - np.asarray(loss.value(left, y))) / theta
        # A secant slope of a convex l lies between the slopes at its ends, hence in dom l*; the
        # clip takes rounding off.
        p = np.clip(
            secant, np.asarray(loss.derivative(left, y)), np.asarray(loss.derivative(right, y))
        )
        if (np.abs(p - found[-1][1])[samples.weights > 0] > 1e-9).any():
            found.append((f"secants of width {theta:g}", p))
    return found
