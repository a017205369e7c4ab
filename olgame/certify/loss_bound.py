"""From bounds on the output of a network to bounds on its loss."""

from __future__ import annotations

from typing import Any

import attrs
import numpy as np

from olgame.arrays import kernels, to_numpy
from olgame.certify.branching import Loose
from olgame.certify.lead_bounds import lead_bounds
from olgame.certify.output_bound import output_bound
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
    layers: TwoLayerWeights,
    x: Array,
    y: Array,
    loss: Loss,
    radius: Array,
    norm: str,
    *,
    sphere: Array | None = None,
    branches: int = 0,
    tolerance: float = 0.0,
    seen: Array | None = None,
    steps: int | None = None,
) -> LossBound:
    r"""Bound max of l(f(x'), y) over norm(x' - x) <= rho, sample by sample.

    A loss of the margin, l(z, y) = phi(y z) with phi non-increasing, is largest where -y f is:
    from ``-y f <= U`` follows ``l <= phi(-U)``, exactly as tight as U. Of k logits such a loss is a
    function of the leads f_j - f_y alone, non-decreasing in each: from ``f_j - f_y <= U_j`` for all
    rivals follows ``l <= l((U_j)_j, y)`` with U_y = 0; for the cross-entropy that is
    log(1 + sum_{j != y} e^{U_j}). Not all rivals are at their best at one and the same x', so here
    something may be lost, for the loss of the strongest rival (`olgame.losses.MulticlassMargin`)
    nothing.

    Any other loss of one output is convex in z, so over ``z in [-U_-, U_+]`` (bounds on -f and on
    f) it is largest at an end. The loss itself is rounded up; a loss that is positive does not
    underflow to 0.

    Args:
        layers: f, float64.
        x: inputs, shape ``(n, d)``, float64.
        y: labels, shape ``(n,)``, float64.
        loss: l; of k logits only a loss of the margin.
        radius: rho >= 0, shape ``(n,)``, float64.
        norm: ``"l2"`` or ``"linf"``.
        sphere: for inputs on a sphere, as in `output_bound`.
        branches: cuts of each ball, at most, for every bound on an output or a lead.
        tolerance: where a bound is that near what is attained, the ball is not cut (again): of the
            loss, if it is one of the margin of one output, else of the output or lead.
        seen: losses attained, shape ``(n,)``.
        steps: as in `output_bound`.

    Returns:
        Bounds and perturbations.
    """
    x, y, radius = detached(x), detached(y), detached(radius)
    more: dict[str, Any] = {"sphere": sphere, "branches": branches, "steps": steps}
    layers = layers._replace(hidden=detached(layers.hidden), output=detached(layers.output))
    if loss.of_margin:
        more["loose"] = _wide(tolerance)
        if layers.output.ndim == 1:
            more["loose"] = _raises(loss, to_numpy(y), tolerance, seen)
        leads = lead_bounds(layers, x, y, radius, norm, **more)
        largest: Any = leads.bounds
        z = largest if layers.output.ndim > 1 else -y * largest[:, 0]
        return LossBound(loss_above(loss, z, y), leads.deltas)
    xp = kernels(x).xp
    more["loose"] = _wide(tolerance)
    above = output_bound(layers, x, radius, norm, **more)
    below = output_bound(layers._replace(output=-layers.output), x, radius, norm, **more)
    ends = xp.maximum(loss_above(loss, above.bound, y), loss_above(loss, -below.bound, y))
    return LossBound(ends, (above.delta, below.delta))


def _wide(tolerance: float) -> Loose:
    def loose(index: Any, bound: Any, reached: Any) -> Any:
        return bound - reached > tolerance

    return loose


def _raises(loss: Loss, y: Any, tolerance: float, seen: Array | None) -> Loose:
    """Where the loss at the bound on -y f is above all losses attained by more than that."""
    known = np.full(y.shape, -np.inf) if seen is None else to_numpy(seen)

    def loose(index: Any, bound: Any, reached: Any) -> Any:
        label = y[index]
        attained: Any = loss.value(-label * reached, label)
        ceiling: Any = loss.value(-label * bound, label)
        return ceiling - np.maximum(attained, known[index]) > tolerance

    return loose
