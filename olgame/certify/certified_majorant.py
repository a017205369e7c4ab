"""Certificates of every sample, held still as one model of the weights."""

from __future__ import annotations

from functools import partial
from typing import Any

import attrs
import numpy as np
from array_api_compat import device

from olgame.arrays import as_like, kernels
from olgame.certify.cap_region import Cap
from olgame.certify.frozen_majorant import FrozenMajorant
from olgame.certify.output_bound import CHUNK_ENTRIES, STEPS
from olgame.certify.region import Ball, Region
from olgame.certify.region_bound import region_bound, region_slack
from olgame.certify.rounding import detached
from olgame.models.model import Model, TwoLayerWeights
from olgame.perturbations.cap_perturbation import CapPerturbation
from olgame.perturbations.perturbation_set import PerturbationSet
from olgame.sets.norms import norm as norm_2
from olgame.typing import Array

__all__ = ["certified_majorant"]

_SHARP = 1e-9


def certified_majorant(
    model: Model,
    layers: TwoLayerWeights,
    w: Array,
    x: Array,
    y: Array,
    perturbation_set: PerturbationSet,
) -> FrozenMajorant:
    """Certify max of -y f(W_t, .) over every B(x), and hold the quadratics still.

    Args:
        model: f, of one output.
        layers: its structure at W_t, float64.
        w: W_t, shape ``(p,)``.
        x: clean inputs, shape ``(n, d)``.
        y: labels +-1, shape ``(n,)``.
        perturbation_set: B(x). Certified is the ball around x, or the cap.

    Returns:
        The model g, in the dtype of ``w``.
    """
    xp = kernels(w).xp
    x_: Any = xp.astype(detached(x), xp.float64)
    y_: Any = xp.astype(detached(y), xp.float64)
    layers = layers._replace(hidden=detached(layers.hidden), output=detached(layers.output))
    lengths: Any = norm_2(x_)
    radius: Any = 0.0 * y_ + as_like(perturbation_set.radius, x_)
    # A radius of 0 is raised to rounding level: a larger set, with a ball to maximize over.
    radius = xp.where(radius > 0, radius, 1e-12 * lengths + 1e-100)
    chunk = max(1, CHUNK_ENTRIES // (layers.hidden.shape[0] * x_.shape[1]))
    order, parts = [], []
    for label in (1.0, -1.0):
        network = layers._replace(output=-label * layers.output)
        index = xp.nonzero(y_ == label)[0]
        for first in range(0, index.shape[0], chunk):
            part = index[first : first + chunk]
            region: Region = Ball(radius[part], perturbation_set.norm, x_.shape[1])
            if isinstance(perturbation_set, CapPerturbation):
                # Points of the sphere are on it up to rounding.
                region = Cap.of(x_[part], radius[part], 1e-12 * lengths[part])
            order.append(part)
            parts.append(_pieces(network, x_[part], region))
    back = xp.argsort(xp.concat(order))
    found: list[Any] = [
        None if each[0] is None else xp.concat(list(each))[back]
        for each in zip(*parts, strict=True)
    ]
    upper, mean, star, slope, bend, cross = found
    like = partial(as_like, reference=w)
    smooth = layers.activation.c2 is not None
    held = FrozenMajorant(
        model=model,
        output=like(layers.output),
        activation=layers.activation,
        y=like(y_),
        center=like(x_ + mean) if smooth else like(x_ + star),
        move=like(star - mean) if smooth else None,
        slope=None if smooth else like(slope),
        bend=like(bend),
        cross=None if cross is None else like(cross),
        offset=like(0.0 * upper),
        played=like(x_ + star),
        upper=like(upper),
    )
    reached = -held.y * held(w, x)
    return attrs.evolve(held, offset=held.upper - reached)


@np.errstate(all="ignore")
def _pieces(layers: TwoLayerWeights, x: Any, region: Region) -> tuple[Any, ...]:
    """U, delta_0, delta*, and what is held still of the parabolas of every neuron.

    The latter as `Pieces`.
    """
    xp = kernels(x).xp
    steps = STEPS["relu" if layers.activation.c2 is None else "smooth"]
    best, family = region_bound(layers, x, region, steps)
    q = family.quadratic(best.mean, best.second)
    sharp = xp.full((x.shape[0], 1), _SHARP, dtype=x.dtype, device=device(x))
    star = region.maximum(q.gradient, q.curvature, sharp, None).mean
    pieces = family.pieces(best.mean, best.second)
    upper = best.bound + region_slack(layers, x, region.longest())
    return upper, best.mean, region.inside(star), *pieces
