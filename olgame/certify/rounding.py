"""How far rounding may move what the certificates compute, and both ends moved out by that."""

from __future__ import annotations

from typing import Any

import numpy as np

from olgame.arrays import kernels, unit_roundoff
from olgame.losses.loss import Loss
from olgame.models.model import TwoLayerWeights
from olgame.typing import Array

__all__ = ["detached", "loss_above", "loss_below", "output_slack"]


@np.errstate(all="ignore")
def output_slack(layers: TwoLayerWeights, rows: Array, lengths: Array) -> Array:
    r"""How far sum_k c_k sigma(<w_k, x>), computed in float64, may be from its real value.

        slack = 4 u (m + d) S,
        S = C1 sum_k abs(c_k) norm2(w_k) norm2(x) + abs(sigma(0)) sum_k abs(c_k),

    u the unit roundoff 2.2e-16. For: a pre-activation, a sum of d products, errs by at most
    ``d u/2 norm2(w_k) norm2(x)`` in any order of summation, and moves neuron k by abs(c_k) C1 times
    that; an activation is right to a few u; the sum of m products errs by at most ``m u/2`` times
    ``sum_k abs(c_k sigma(z_k)) <= S``. That is an eighth of the slack, and the rest is for the
    few. Where numbers underflow, each of at most m + d + 4 operations a neuron errs by less than
    the smallest normal number.

    Args:
        layers: w_k, c_k, sigma; float64.
        rows: norm2(w_k), shape ``(m,)``.
        lengths: norm2(x), or the largest norm2 of a ball of inputs, shape ``(n,)``.

    Returns:
        The slack, shape ``(n,)``; ``inf`` where it overflows.
    """
    hidden, output, activation = layers
    xp = kernels(output).xp
    width, dim = hidden.shape
    c: Any = xp.abs(output)
    length: Any = lengths
    at_zero: Any = xp.abs(activation.value(xp.zeros_like(c[:1])))
    moved = activation.c1 * xp.sum(c * (length[:, None] * rows), axis=-1)
    lost = _tiny(c) * (width + dim + 4) * (1 + activation.c1 * xp.sum(c))
    slack = 4 * unit_roundoff(c) * (width + dim) * (moved + at_zero * xp.sum(c)) + lost
    found: Array = xp.where(xp.isnan(slack), float("inf"), slack)
    return found


@np.errstate(all="ignore")
def loss_above(loss: Loss, z: Array, y: Array) -> Array:
    """At least l(z, y): the computed value is right to 8 u or, where it underflows, in its sign.

    The hinge losses are 0 at and beyond margin 1, where nothing underflows yet, and non-increasing:
    there 0 stays 0.
    """
    value: Any = loss.value(z, y)
    xp = kernels(value).xp
    raised = value + (8 * unit_roundoff(value) * xp.abs(value) + _tiny(value))
    if not loss.of_margin:
        above: Array = raised
        return above
    margin: Any = y * z
    no_larger: Any = loss.value(xp.where(margin < 1, z, y), y)
    above = xp.where(no_larger == 0, xp.minimum(value, xp.zeros_like(raised)), raised)
    return above


@np.errstate(all="ignore")
def loss_below(loss: Loss, z: Array, y: Array, slack: Array) -> Array:
    """At most l(z', y) for every z' within ``slack`` of z; ``-inf`` where nothing is known.

    A loss of the margin is least at the largest margin. Any other is convex, so at least its
    tangent at z: ``l(z', y) >= l(z, y) - abs(l'(z, y)) slack``.
    """
    near: Any = z
    value: Any = loss.value(near + y * slack if loss.of_margin else near, y)
    xp, u = kernels(value).xp, unit_roundoff(value)
    below: Any = value - (8 * u * xp.abs(value) + _tiny(value))
    below = xp.where(value >= 0, xp.clip(below, 0.0, None), below)
    if not loss.of_margin:
        below = below - (1 + 8 * u) * xp.abs(loss.derivative(z, y)) * slack
        below = below - u * xp.abs(below)
    found: Array = xp.where(xp.isnan(below), -float("inf"), below)
    return found


def detached(x: Any) -> Any:
    """``x`` outside of any graph of derivatives: certificates are numbers."""
    return x.detach() if hasattr(x, "detach") else x


def _tiny(x: Any) -> float:
    """The smallest normal number of the dtype of ``x``."""
    return float(kernels(x).xp.finfo(x.dtype).smallest_normal)
