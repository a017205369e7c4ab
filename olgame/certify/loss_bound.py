"""From bounds on the output of a network to bounds on its loss."""

from __future__ import annotations

from typing import Any

import attrs

from olgame.arrays import kernels
from olgame.certify.output_bound import OutputBound, output_bound
from olgame.certify.rounding import detached, loss_above
from olgame.losses.loss import Loss
from olgame.models.model import TwoLayerWeights
from olgame.typing import Array

__all__ = ["LossBound", "loss_bound"]


@attrs.frozen(eq=False)
class LossBound:
    """Certified losses, and where to look for inputs that attain them.

    Attributes:
        upper: at least max over the ball of the loss, shape ``(n,)``.
        deltas: perturbations near the maximizers, each of shape ``(n, d)``.
    """

    upper: Array
    deltas: tuple[Array, ...]


def loss_bound(
    layers: TwoLayerWeights, x: Array, y: Array, loss: Loss, radius: Array, norm: str
) -> LossBound:
    r"""Bound max of l(f(x'), y) over norm(x' - x) <= rho, sample by sample.

    A loss of the margin, l(z, y) = phi(y z) with phi non-increasing, is largest where -y f is:
    from ``-y f <= U`` follows ``l <= phi(-U)``, exactly as tight as U. Any other loss here is
    convex in z, so over ``z in [-U_-, U_+]`` (bounds on -f and on f) it is largest at an end.
    The loss itself is rounded up; a loss that is positive does not underflow to 0.

    Args:
        layers: f, float64.
        x: inputs, shape ``(n, d)``, float64.
        y: labels, shape ``(n,)``, float64.
        loss: l.
        radius: rho >= 0, shape ``(n,)``, float64.
        norm: ``"l2"`` or ``"linf"``.

    Returns:
        Bounds and perturbations.
    """
    x, y, radius = detached(x), detached(y), detached(radius)
    xp = kernels(x).xp
    if not loss.of_margin:
        above, below = _signed(layers, 1.0, x, radius, norm), _signed(layers, -1.0, x, radius, norm)
        ends = xp.maximum(loss_above(loss, above.bound, y), loss_above(loss, -below.bound, y))
        return LossBound(ends, (above.delta, below.delta))
    positive: Any = y > 0  # type: ignore[operator]  # `Array` is not ordered
    order, parts = [], []
    for sign, chosen in ((1.0, positive), (-1.0, ~positive)):
        index = xp.nonzero(chosen)[0]
        order.append(index)
        parts.append(_signed(layers, -sign, x[index], radius[index], norm))
    back = xp.argsort(xp.concat(order))
    margin = -xp.concat([part.bound for part in parts])[back]
    delta = xp.concat([part.delta for part in parts])[back]
    return LossBound(loss_above(loss, y * margin, y), (delta,))


def _signed(
    layers: TwoLayerWeights, sign: float, x: Array, radius: Array, norm: str
) -> OutputBound:
    """`output_bound` of ``sign`` f."""
    return output_bound(layers._replace(output=layers.output * sign), x, radius, norm)
