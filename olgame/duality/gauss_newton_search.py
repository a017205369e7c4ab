"""A minimizer of F over B(R) for a two-layer network, searched until its gap is small."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import attrs
import numpy as np

from olgame.duality.damped_steps import damped_steps
from olgame.duality.gauss_newton import gauss_newton_step
from olgame.duality.input_clusters import InputClusters, input_clusters
from olgame.duality.sweep import Sweep, sweep
from olgame.duality.two_layer_point import TwoLayerPoint
from olgame.duality.weight_balls import WeightBalls
from olgame.duality.weighted_samples import WeightedSamples
from olgame.losses.loss import Loss

__all__ = ["Searched", "can_search", "gauss_newton_search"]

_LADDER: tuple[tuple[float, float], ...] = (
    (1.0, 1e-1),
    (1.0, 3e-2),
    (1.0, 1e-2),
    (0.2, 3e-3),
    (0.0, 1e-3),
)
"""(rounds between two that are taken, in units of ``every``, 0 for all; width theta)."""
_WINDOWS = (1e-4, 3e-4, 3e-3, 1e-2, 1e-3)
"""Widths of windows on all rounds; the last is that of the step which may follow."""
_FULL = 3  # passes over all rounds in float64, at most
_CENTERS = 2000  # the Gram matrix has as many rows
_CLUSTERS = 4


class Searched(NamedTuple):
    """Where a search ended.

    Attributes:
        sweep: The pass over all rounds at the best point met.
        passes: Evaluations of all rounds: values, and gradients as one each.
        thinned: Rounds of the thinnest choice; for networks with kinks clusters a sample.
    """

    sweep: Sweep
    passes: float
    thinned: int


def can_search(samples: WeightedSamples, balls: WeightBalls, outputs: int) -> bool:
    """Whether `gauss_newton_search` serves: one ball, one output, not too many samples."""
    return len(balls.radii) == 1 and outputs == 1 and samples.per_round <= _CENTERS


def gauss_newton_search(
    point: TwoLayerPoint,
    samples: WeightedSamples,
    loss: Loss,
    balls: WeightBalls,
    *,
    every: int,
    enough: Callable[[float], float],
) -> Searched:
    """Gauss-Newton steps, first on thinned rounds with wide windows, then on all of them.

    Where sigma has kinks the first ones are damped, on the means of clusters (`damped_steps`). If
    these have come as far as was asked, the pass that certifies is next: the rounds lie near their
    means, and the gap of all of them is two or three times that of the means.

    These passes are made in float32, and the later ones left out where the first were enough. A
    last one in float64 finds what the gap would be without curvature (`Sweep.flat_gap`), and all
    that a further step needs: such follow, if it is not small enough, as long as they halve it.
    Nothing is claimed of the point.

    Args:
        point: Where to begin.
        samples: All rounds.
        loss: l.
        balls: B(R).
        every: Rounds are thinned to every ``every``-th one at first.
        enough: From F(u) to the gap that will do.

    Returns:
        The `Searched`.
    """
    radius, rounds = float(balls.radii[0]), len(samples.blocks)
    most = max(1, min(_CLUSTERS, _CENTERS // samples.per_round))
    kinks = loss.smoothness is None

    def step(found: Sweep, theta: float, clusters: InputClusters) -> TwoLayerPoint:
        name = -1 if kinks else 0  # the windows come last
        choice, tolerance = found.choices[name], 0.1 * enough(found.value)
        moved = gauss_newton_step(
            found, choice, theta if kinks else 0.0, clusters, radius, tolerance, damping
        )
        start = point.hidden - point.displacement
        return attrs.evolve(point, hidden=start + moved, displacement=moved)

    passes, fewest, here, last, damping, ladder = 0.0, rounds, point, 0, 0.0, _LADDER
    if point.activation.c2 is None:  # kinks are crossed within a step
        clusters, last = input_clusters(samples, most), rounds
        first = damped_steps(point, samples, loss, clusters, balls, enough)
        here, damping = first.point, first.damping
        passes = first.passes * len(clusters.centers) / len(samples.y)
        ladder = () if first.reached else _LADDER[-1:]
        fewest = max(1, round(len(clusters.centers) / samples.per_round))
    for share, theta in ladder:
        thin, _ = samples.thinned(max(1, round(rounds / max(1.0, share * every))))
        if len(thin.blocks) != last:
            clusters, last = input_clusters(thin, most), len(thin.blocks)
        found = sweep(here, thin, loss, (theta,), dtype=np.float32)
        passes = passes + 2.0 * last / rounds
        if last > fewest and _flat(found, balls) <= enough(found.value):
            break  # good enough for rounds that it was not made from
        here, fewest = step(found, theta, clusters), min(fewest, last)
    best = sweep(here, samples, loss, _WINDOWS)
    least, passes = _flat(best, balls), passes + 2.0
    for _ in range(_FULL - 1):
        if least <= enough(best.value):
            break
        if last != rounds:
            clusters, last = input_clusters(samples, most), rounds
        found = sweep(step(best, _WINDOWS[-1], clusters), samples, loss, _WINDOWS)
        flat, passes = _flat(found, balls), passes + 2.0
        before = least
        if flat < least:
            best, least = found, flat
        if flat > 0.5 * before:
            break
    return Searched(best, passes, fewest)


def _flat(found: Sweep, balls: WeightBalls) -> float:
    return found.flat_gap(found.best(balls), balls)
