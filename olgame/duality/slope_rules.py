"""Slopes p_j of the loss that a certified floor can be built on."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from olgame.arrays import to_numpy
from olgame.duality.weighted_samples import WeightedSamples
from olgame.exceptions import ArgumentError
from olgame.losses.loss import Loss
from olgame.losses.smoothed_loss import smoothed_loss
from olgame.validation import require

__all__ = ["SlopeRule", "slope_rules"]

Floats = NDArray[np.float64]


class SlopeRule(NamedTuple):
    """How slopes follow from outputs.

    Attributes:
        name: In words.
        slopes: p of some samples from (their outputs, their labels, where they stand among all).
    """

    name: str
    slopes: Callable[[Floats, Floats, slice], Floats]


def slope_rules(
    loss: Loss,
    samples: WeightedSamples,
    outputs: tuple[int, ...],
    slopes: Any,
    smoothing: Sequence[float],
) -> list[SlopeRule]:
    """Every rule; all lead into the domain of l*.

    The derivative at f makes the minorant touch F at u0. At a kink the derivative is one end of
    the subdifferential, and a minimizer needs some slope inside: for a loss with kinks there are
    also the slopes of l smoothed over a window of width theta (`olgame.losses.smoothed_loss`; for
    one output the secants (l(z + theta/2) - l(z - theta/2))/theta).

    Args:
        loss: l.
        samples: How many there are.
        outputs: ``()`` or ``(k,)``, the shape of one output.
        slopes: The caller's own p: the only rule, if given.
        smoothing: The widths theta.

    Returns:
        At least one rule.

    Raises:
        ArgumentError: Given slopes of the wrong shape or not finite, or a width that is not.
    """
    if slopes is not None:
        p, shape = to_numpy(slopes), (len(samples.y), *outputs)
        if p.size != np.prod(shape) or not np.isfinite(p).all():
            each = "entry" if not outputs else f"row of {outputs[0]} entries"
            raise ArgumentError(
                f"`gap(slopes=...)` must be finite with one {each} for each of {shape[0]} inputs."
            )
        own = p.reshape(shape)
        return [SlopeRule("given", lambda f, y, where: own[where])]
    found = [SlopeRule("derivative", lambda f, y, where: np.asarray(loss.derivative(f, y)))]
    for theta in smoothing if loss.smoothness is None else ():
        require(bool(0 < theta < np.inf), "gap", "smoothing", "be finite and positive", theta)
        kind = "smoothed over" if outputs else "secants of"
        found.append(SlopeRule(f"{kind} width {theta:g}", _window(loss, theta)))
    return found


def _window(loss: Loss, theta: float) -> Callable[[Floats, Floats, slice], Floats]:
    return lambda f, y, where: np.asarray(smoothed_loss(loss, f, y, theta)[1])
