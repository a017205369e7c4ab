"""How far rounding may move what the certificates compute, and both ends moved out by that."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from olgame.arrays import kernels, unit_roundoff
from olgame.losses.class_labels import is_label, rivals
from olgame.losses.loss import Loss
from olgame.models.model import TwoLayerWeights
from olgame.models.output_axis import output_axis
from olgame.typing import Array

__all__ = ["detached", "loss_above", "loss_below", "mean", "output_slack", "widest"]


def widest(layers: TwoLayerWeights) -> TwoLayerWeights:
    """One output whose weights are at least as large as those of every output, in absolute value.

    Its slack and its Lipschitz constant are bounds on theirs.
    """
    size: Any = kernels(layers.output).xp.abs(layers.output)
    return layers if size.ndim == 1 else layers._replace(output=kernels(size).xp.max(size, axis=-1))


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

    Of k logits it is right to 8 + k u, if that of the label is 0 (so that no lead z_j - z_y is
    rounded). The hinge losses are 0 at and beyond margin 1, where nothing underflows yet, and
    non-increasing: there 0 stays 0.
    """
    value: Any = loss.value(z, y)
    xp = kernels(value).xp
    raised = value + (_accuracy(loss, z) * xp.abs(value) + _tiny(value))
    if not loss.of_margin:
        above: Array = raised
        return above
    no_larger: Any = loss.value(_at_most_margin_one(loss, z, y), y)
    above = xp.where(no_larger == 0, xp.minimum(value, xp.zeros_like(raised)), raised)
    return above


def _accuracy(loss: Loss, z: Array) -> float:
    """Relative error of a computed loss: 8 u, and of k logits one more for each."""
    terms = z.shape[-1] if getattr(loss, "multiclass", False) else 0
    return (8 + terms) * unit_roundoff(z)


def _at_most_margin_one(loss: Loss, z: Array, y: Array) -> Any:
    """Outputs with the same margins, those above 1 lowered to 1."""
    xp = kernels(z).xp
    if getattr(loss, "multiclass", False):
        return xp.where(is_label(z, y), xp.zeros_like(z), xp.clip(rivals(z, y), -1.0, None))
    return xp.where(y * z < 1, z, y)  # type: ignore[operator]  # `Array` is not ordered


def _largest_margin(loss: Loss, z: Array, y: Array, slack: Any) -> Any:
    """The outputs within ``slack`` of z that have the largest margins."""
    near: Any = z
    if not getattr(loss, "multiclass", False):
        return near + y * slack
    xp = kernels(z).xp
    # A lead z_j - z_y of two logits is rounded once more.
    slack = slack + 2 * unit_roundoff(z) * xp.max(xp.abs(near), axis=-1)
    return near + xp.where(is_label(z, y), slack[..., None], -slack[..., None])


@np.errstate(all="ignore")
def loss_below(loss: Loss, z: Array, y: Array, slack: Array) -> Array:
    """At most l(z', y) for every z' within ``slack`` of z; ``-inf`` where nothing is known.

    Each of k logits within ``slack``. A loss of the margin is least at the largest margin. Any
    other is convex, so at least its tangent at z: ``l(z', y) >= l(z, y) - abs(l'(z, y)) slack``.

    Args:
        loss: l.
        z: computed outputs, shape ``(n,)`` or ``(n, k)``.
        y: labels, shape ``(n,)``.
        slack: shape ``(n,)``.
    """
    near = _largest_margin(loss, z, y, slack) if loss.of_margin else z
    value: Any = loss.value(near, y)
    xp, u, accuracy = kernels(value).xp, unit_roundoff(value), _accuracy(loss, z)
    below: Any = value - (accuracy * xp.abs(value) + _tiny(value))
    below = xp.where(value >= 0, xp.clip(below, 0.0, None), below)
    if not loss.of_margin:
        steepness = output_axis(loss).size(loss.derivative(z, y))
        below = below - (1 + accuracy) * steepness * slack
        below = below - u * xp.abs(below)
    found: Array = xp.where(xp.isnan(below), -float("inf"), below)
    return found


def mean(values: NDArray[np.float64], toward: float | None = None) -> float:
    """The mean, correctly summed; with ``toward``, rounded that way unless all values are 0."""
    found = math.fsum(values.tolist()) / len(values)
    if toward is None or not np.any(values):
        return found
    # Two roundings, of the sum and of the quotient: together less than two steps.
    return math.nextafter(math.nextafter(found, toward), toward)


def detached(x: Any) -> Any:
    """``x`` outside of any graph of derivatives: certificates are numbers."""
    return x.detach() if hasattr(x, "detach") else x


def _tiny(x: Any) -> float:
    """The smallest normal number of the dtype of ``x``."""
    return float(kernels(x).xp.finfo(x.dtype).smallest_normal)
