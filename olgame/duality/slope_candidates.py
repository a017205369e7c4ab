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
from olgame.losses.smoothed_loss import smoothed_loss
from olgame.validation import require

__all__ = ["slope_candidates"]

Floats = NDArray[np.float64]


def slope_candidates(
    loss: Loss, f: Floats, samples: WeightedSamples, slopes: Any, smoothing: Sequence[float]
) -> list[tuple[str, Floats]]:
    """Name and slopes p, of the shape of f, of every candidate; all lie in the domain of l*.

    The derivative at f makes the minorant touch F at u0. At a kink the derivative is one end of
    the subdifferential, and a minimizer needs some slope inside: for a loss with kinks the slopes
    of l smoothed over a window of width theta are tried (`olgame.losses.smoothed_loss`; for one
    output the secants (l(z + theta/2) - l(z - theta/2))/theta).

    Args:
        loss: l.
        f: Outputs, shape ``(N,)`` or ``(N, k)``.
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
        p = to_numpy(slopes)
        if p.size != f.size or not np.isfinite(p).all():
            each = "entry" if f.ndim == 1 else f"row of {f.shape[1]} entries"
            raise ArgumentError(
                f"`gap(slopes=...)` must be finite with one {each} for each of {len(f)} inputs."
            )
        return [("given", p.reshape(f.shape))]
    derivative = np.asarray(loss.derivative(f, y))
    found = [("derivative", derivative)]
    for theta in smoothing if loss.smoothness is None else ():
        require(bool(0 < theta < np.inf), "gap", "smoothing", "be finite and positive", theta)
        p = np.asarray(smoothed_loss(loss, f, y, theta)[1])
        if (np.abs(p - found[-1][1])[samples.weights > 0] > 1e-9).any():
            kind = "secants of" if f.ndim == 1 else "smoothed over"
            found.append((f"{kind} width {theta:g}", p))
    return found
