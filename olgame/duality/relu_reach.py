"""How far a two-layer ReLU network can fall, from the kinks that its neurons can reach."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from olgame.duality.input_clusters import InputClusters
from olgame.duality.kink_intervals import (
    ClusteredInputs,
    KinkIntervals,
    KinkPairs,
    clustered_inputs,
    sums,
)
from olgame.duality.quadratic_minorant import Drop
from olgame.duality.two_layer_point import TwoLayerPoint
from olgame.duality.weight_balls import WeightBalls
from olgame.duality.weighted_samples import WeightedSamples

__all__ = ["Reached", "relu_reach"]

_ENTRIES = 1 << 17  # pairs of a neuron and a cluster in one block (1 MB)
_MOST = 1 << 22  # pairs of a neuron and an input that may stay in reach in one block (32 MB)
_WIDTHS = (0.0, 0.4, 0.45, 0.5, 0.55, 0.6, 0.7, 0.85, 1.0, 1.3, 2.0, 4.0)
"""w, in units of sum_j abs(c_j) norm(x_j)^2/(2 mu): what kinks in reach can move."""
_ROOM = 1e-6  # of mu, that mu - kappa has at least
_UP = 1 + 1e-9

Floats = NDArray[np.float64]


class Reached(NamedTuple):
    """What `relu_reach` found.

    Attributes:
        lost: What constants lose of the value at u0.
        drop: How far the rest falls; its ``lambda_max`` is the largest kappa that was taken.
        share: Of all pairs of a neuron and an input, those whose kink is in reach.
    """

    lost: float
    drop: Drop
    share: float


def relu_reach(
    point: TwoLayerPoint,
    samples: WeightedSamples,
    slopes: Floats,
    gradient: Floats,
    clusters: InputClusters,
    balls: WeightBalls,
) -> Reached | None:
    r"""How far G(u) = sum_j omega_j p_j f(u, x_j) falls on K, for sigma = relu and one output.

    For every mu_h > 0, min over K of G is at least the least value over *all* u of

        G(u) + sum_h mu_h (norm(u_h - W_0h)^2 - R_h^2),

    a sum over neurons. Let v be a minimizer of the part of a neuron, less u0_r; q = g + 2 mu delta,
    z_j = <u0_r, x_j>, c_j = omega_j p_j b_r, t_j = <v, x_j>, and

        e(z, t) = relu(z + t) - relu(z) - relu'(z) t >= 0,   0 unless t carries z over the kink.

    **What a neuron reaches.** A minimizer exists, as the squares win. The part is a convex function
    plus a sum of concave ones, so 0 is among its slopes there: with some s_j in [0, 1] where z_j +
    t_j = 0, and s_j = relu'(z_j + t_j) elsewhere,

        v = -(1/(2 mu)) [ q + sum_j c_j (s_j - relu'(z_j)) x_j ],

    (concave kinks are no minimizers, and any s_j fits them) and s_j = relu'(z_j) wherever the kink
    is out of reach. The right side confines t to intervals. At first every kink is in reach; the
    intervals put most out of reach, which narrows the intervals, and so on. A round shrinks what
    is left by about (kinks in a unit of t) times abs(c_j) norm(x_j)^2/(2 mu), summed: where this is
    below 1, hardly a kink is left in the end, and without kinks a network is linear in its weights.
    `olgame.duality.kink_intervals` has the intervals.

    **What is left.** v minimizes <q, v> + mu norm(v)^2 + sum_j c_j e(z_j, t_j) over kinks in reach.
    Where c_j >= 0 the term is >= 0. Otherwise, with d = abs(z_j), t <= T_j toward the kink, w > 0,

        e <= a t^2,  a = 1/(4 d), or (T - d)/T^2 if T <= 2 d,                 (chosen if w <= d)
        e <= (w - d)^2/(4 w) - sign(z) (w - d)/(2 w) t + t^2/(4 w),           (else)
        e <= T - d.

    (First: max(0, t - d)/t^2 increases up to t = 2 d. Second: the parabola above relu.) With eta
    the sum of the constants times abs(c_j), q' = q with the slopes, and kappa = sum_j abs(c_j) a_j
    norm(x_j)^2, the trace of the curvature, a neuron falls by at most

        eta + norm(q')^2/(4 (mu - kappa)),

    and each takes the best of a short grid of w, or the third bound for all of its kinks: the sets
    of kinks are small, and for a single one the best w is exact.

    **Rounds.** Inputs are in clusters: first all of one are in reach or none, with norm(u0_r)
    norm(x_j - xbar) for what is not known of z_j, and only the z_j in reach are computed, one by
    one. No pass over the rounds: O(m C d) for each time the intervals shrink, C clusters.

    mu_h is norm(g_h)/(2 R_h), that of a stationary point on the sphere.

    Args:
        point: The network at u0, of one output.
        samples: x_j and omega_j.
        slopes: p, shape ``(N,)``.
        gradient: g, shape ``(m, d)``.
        clusters: Of the inputs; any are sound.
        balls: K.

    Returns:
        The `Reached`; None where some mu_h is 0, or too many clusters stay in reach.
    """
    ratio = balls.norms(gradient) / (2.0 * balls.radii)
    if not ((ratio > 0.0) & np.isfinite(ratio)).all():
        return None
    inputs = clustered_inputs(samples, slopes, clusters)
    mu = balls.of_rows(ratio)
    q = gradient + 2.0 * mu[:, None] * point.displacement
    lost, fall, top, left = 0.0, 0.0, 0.0, 0
    size = max(1, _ENTRIES // len(inputs.centers))
    for first in range(0, len(mu), size):
        these = slice(first, first + size)
        hidden, output = point.hidden[these], point.output[these]
        pairs = KinkIntervals(inputs, hidden, output, q[these], mu[these]).pairs(_MOST)
        if pairs is None:
            return None
        best = _best(pairs.where(pairs.c < 0), inputs, q[these], mu[these])
        lost, fall, top = lost + best.lost.sum(), fall + best.fall.sum(), max(top, best.kappa.max())
        left += len(pairs.z)
    # Sums of products of computed numbers, none negative: relative rounding.
    drop = _drop(point, gradient, balls, ratio, _UP * float(fall), float(top))
    return Reached(_UP * float(lost), drop, left / (len(mu) * len(samples.y)))


class _Best(NamedTuple):
    """Of every neuron: what it loses, how far it falls then, and kappa; ``(k,)`` each."""

    lost: Floats
    fall: Floats
    kappa: Floats


def _best(pairs: KinkPairs, inputs: ClusteredInputs, q: Floats, mu: Floats) -> _Best:
    """Of every neuron the bound that makes it fall least."""
    k = len(mu)
    order = np.argsort(pairs.row, kind="stable")
    pairs = pairs.where(order)
    c, d = -pairs.c, np.abs(pairs.z)
    beyond = np.maximum(pairs.reach - d, 0.0)
    beyond = np.where(pairs.unsure, pairs.reach, beyond)  # relu'(z) may be either
    lost = sums(pairs.row, c * beyond, k)
    fall, kappa = (q * q).sum(axis=1) / (4.0 * mu), np.zeros(k)
    if not len(c):
        return _Best(lost, fall, kappa)

    squares = inputs.squares[pairs.input]
    shift = sums(pairs.row, c * squares, k) / (2.0 * mu)
    rows, first = np.unique(pairs.row, return_index=True)
    ends = np.append(first[1:], len(c))
    short = pairs.reach <= 2.0 * d
    safe = np.where(d > 0, d, 1.0)
    tight = np.where(short, beyond / np.maximum(pairs.reach, 1e-300) ** 2, 0.25 / safe)
    sign = np.where(pairs.z > 0, 1.0, -1.0)
    x = inputs.x[pairs.input]
    for width in _WIDTHS:
        w = (width * shift)[pairs.row]
        wide = w > d
        sharp = ~wide & (d > 0)
        w = np.where(wide, w, safe)
        bend = c * np.where(wide, 0.25 / w, np.where(sharp, tight, 0.0))
        flat = np.where(pairs.unsure | ~(wide | sharp), c * beyond, 0.0)
        bend = np.where(pairs.unsure, 0.0, bend)
        curved = wide & ~pairs.unsure
        eta = sums(pairs.row, flat + np.where(curved, c * (w - d) ** 2 / (4.0 * w), 0.0), k)
        turn = np.where(curved, sign * c * (w - d) / (2.0 * w), 0.0)
        moved = q.copy()
        for row, begin, end in zip(rows, first, ends, strict=True):
            moved[row] += turn[begin:end] @ x[begin:end]
        top = sums(pairs.row, bend * squares, k) * _UP
        room = mu - top
        fits = room > _ROOM * mu
        drop = np.where(fits, (moved * moved).sum(axis=1) / (4.0 * np.where(fits, room, 1.0)), 0.0)
        better = fits & (eta + drop < lost + fall)
        lost, fall = np.where(better, eta, lost), np.where(better, drop, fall)
        kappa = np.where(better, top, kappa)
    return _Best(lost, fall, kappa)


def _drop(
    point: TwoLayerPoint, gradient: Floats, balls: WeightBalls, mu: Floats, fall: float, top: float
) -> Drop:
    radii, moved = balls.radii, balls.norms(point.displacement)
    slack = np.maximum((radii - moved) * (radii + moved), 0.0)
    inner, size = balls.sums(gradient * point.displacement), balls.norms(gradient)
    return Drop(
        gamma=fall + float(mu @ slack),
        mu=float(mu.max()),
        lambda_max=top,
        stationarity_ratio=float(mu.min()),
        frank_wolfe_gap=float((inner + radii * size).sum()),
        pull=float((8 * radii**2 * mu).sum()),
        penalty=float((mu * radii**2).sum()),
    )
