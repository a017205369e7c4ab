"""The duality gap where the model is linear in its weights, over any convex set."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from olgame.arrays import as_like, kernels, to_numpy, unit_roundoff
from olgame.duality.slope_rules import slope_rules
from olgame.duality.weighted_samples import weighted_samples
from olgame.losses.loss import Loss
from olgame.models.model import Model
from olgame.models.output_axis import output_axis
from olgame.sets.convex_set import ConvexSet
from olgame.typing import Array

__all__ = ["LinearGap", "linear_gap"]

_ROWS = 4096
_ROUNDING = 16.0


class LinearGap(NamedTuple):
    """min F over K lies in [value - gap, value].

    Attributes:
        value: F(u0).
        gap: F(u0) - floor >= 0, rounding included.
        slopes: Which slopes were taken.
    """

    value: float
    gap: float
    slopes: str


def linear_gap(
    model: Model,
    u0: Array,
    rounds: Any,
    y: Any,
    loss: Loss,
    decision_set: ConvexSet,
    weights: Any = None,
    smoothing: Sequence[float] = (1e-4, 1e-3, 1e-2, 1e-1),
) -> LinearGap:
    r"""Certify how far u0 is from the minimum of F(u) = sum_j omega_j l(f(u, x_j), y_j) over K.

    For f(., x) affine in the weights and slopes p_j in the domain of l*(., y_j),

        F(u) >= sum_j omega_j [p_j f(u0, x_j) - l*(p_j)] + <g, u - u0>,
        g = sum_j omega_j p_j grad_w f(u0, x_j),

    whose minimum over K is Phi - (<g, u0> + h(-g)), h the support function of K: of a ball around
    W_0 the Frank-Wolfe gap <g, u0 - W_0> + R norm(g). The slopes are those that
    `olgame.duality.gap` tries; the best is taken. A margin for rounding is added: 16 roundoffs of
    the dtype of the model x the longest sum x the sum of absolute terms.

    Args:
        model: A model that is affine in its weights (`LinearModel`, `Linearized`).
        u0: A point of K, shape ``(p,)``.
        rounds: Played inputs, as for `olgame.duality.gap`.
        y: Labels, likewise.
        loss: l, with a conjugate.
        decision_set: K.
        weights: omega, likewise; None: equal.
        smoothing: Widths of the secants.

    Returns:
        The `LinearGap`; its gap is infinite where K is unbounded against -g.
    """
    samples = weighted_samples(rounds, y, weights, model, loss, "linear_gap")
    axis = output_axis(model)
    pieces = list(samples.pieces(_ROWS))
    outputs = [to_numpy(model(u0, model.asarray(block))) for _, block in pieces]
    f = np.zeros((len(samples.y), *outputs[0].shape[1:]))
    for (where, _), found in zip(pieces, outputs, strict=True):
        f[where] = found
    value = float(samples.weights @ np.asarray(loss.value(f, samples.y)))
    best, name = -np.inf, ""
    recentered = decision_set.translate(-u0)
    last = None
    for rule in slope_rules(loss, samples, f.shape[1:], None, smoothing):
        p = rule.slopes(f, samples.y, slice(None))
        if last is not None and np.array_equal(p, last):
            continue
        last = p
        conjugate = np.asarray(loss.conjugate(p, samples.y))
        conjugate = np.where(samples.weights > 0, conjugate, 0.0)
        phi = float(samples.weights @ (axis.inner(p, f) - conjugate))
        gradient: Any = u0 * 0.0
        omega = samples.weights.reshape(-1, *(1 for _ in p.shape[1:]))
        for where, block in pieces:
            at = model.at(u0, model.asarray(block))
            gradient = gradient + at.pullback_w(as_like((omega * p)[where], u0))
        fall: Any = recentered.support(-gradient)
        floor = phi - float(to_numpy(fall))
        size = abs(value) + float(samples.weights @ np.abs(conjugate)) + abs(floor)
        size += float(to_numpy(kernels(u0).norm(gradient))) * float(
            to_numpy(kernels(u0).norm(u0)) + to_numpy(decision_set.reach(u0))
        )
        longest = len(samples.y) + u0.shape[-1]
        floor -= _ROUNDING * unit_roundoff(u0) * longest * size if np.isfinite(floor) else 0.0
        if floor > best:
            best, name = floor, rule.name
    return LinearGap(value, value - best, name)
