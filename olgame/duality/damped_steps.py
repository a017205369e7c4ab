"""Damped Gauss-Newton steps on the means of clusters: for networks that bend within a step."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import attrs
import numpy as np

from olgame.duality.gauss_newton import gauss_newton_step, smoothed
from olgame.duality.input_clusters import InputClusters
from olgame.duality.kink_intervals import sums
from olgame.duality.sweep import Sweep, sweep
from olgame.duality.two_layer_point import TwoLayerPoint
from olgame.duality.weight_balls import WeightBalls
from olgame.duality.weighted_samples import WeightedSamples
from olgame.losses.loss import Loss

__all__ = ["Damped", "damped_steps"]

_WIDTHS = (1e-1, 5e-2, 2e-2, 1e-2, 5e-3, 3e-3)  # of windows, step by step; then the last
_STEPS = 16
_TRIALS = 4
_FIRST = 1e-4
_SHARE = 0.5  # of what is enough: on all rounds, which these are the means of, it is more


class Damped(NamedTuple):
    """Where the steps ended.

    Attributes:
        point: The network there.
        damping: That of the last step.
        passes: Evaluations of the clusters: values, and gradients as one each.
        reached: Whether the gap on the means, without curvature, was small enough.
    """

    point: TwoLayerPoint
    damping: float
    passes: int
    reached: bool


def damped_steps(
    point: TwoLayerPoint,
    samples: WeightedSamples,
    loss: Loss,
    clusters: InputClusters,
    balls: WeightBalls,
    enough: Callable[[float], float],
) -> Damped:
    r"""Minimize sum_k Omega_k l_theta(f(u, xbar_k)), Omega_k the weight of cluster k.

    A Gauss-Newton step trusts the gradients at u0. ReLU neurons cross kinks on the way, and where
    F is nearly 0 its linear model has minimizers everywhere, most of them far away: undamped steps
    go to and fro between two points. With (a/2) norm(v)^2 the nearest is taken; a is halved after
    a step that made the value smaller, and four times as large after one that did not, which is
    made again (Levenberg and Marquardt). A pass over the means costs as much as one over a few
    rounds.

    Args:
        point: Where to begin.
        samples: All rounds.
        loss: l.
        clusters: Of them.
        balls: B(R).
        enough: From F(u) to the gap that will do.

    Returns:
        The `Damped`.
    """
    count = len(clusters.centers)
    y, weights = np.zeros(count), sums(clusters.of, samples.weights, count)
    y[clusters.of] = samples.y
    means = attrs.evolve(samples, blocks=(clusters.centers,), y=y, weights=weights)
    each = InputClusters(clusters.centers, np.arange(count))
    kinks, radius = loss.smoothness is None, float(balls.radii[0])
    damping, passes, reached = _FIRST, 0, False
    for i in range(_STEPS):
        theta = _WIDTHS[min(i, len(_WIDTHS) - 1)] if kinks else 0.0
        found = sweep(point, means, loss, (theta,) if kinks else (), dtype=np.float32)
        passes += 2
        choice = found.choices[-1]
        goal = enough(found.value)
        reached = found.flat_gap(found.best(balls), balls) <= _SHARE * goal
        if reached:
            break
        before, tolerance = _value(found, point, theta), 0.1 * goal
        for _ in range(_TRIALS):
            moved = gauss_newton_step(found, choice, theta, each, radius, tolerance, damping)
            trial = attrs.evolve(
                point, hidden=point.hidden + (moved - point.displacement), displacement=moved
            )
            passes += 1
            if _value(found, trial, theta) < before:
                break
            damping *= 4.0
        else:
            break
        point, damping = trial, 0.5 * damping
    return Damped(point, damping, passes, reached)


def _value(found: Sweep, point: TwoLayerPoint, theta: float) -> float:
    """sum_k Omega_k l_theta(f(u, xbar_k)) at another point, outputs in float32."""
    samples = found.samples
    x, hidden = (np.asarray(a, np.float32) for a in (samples.blocks[0], point.hidden))
    f = np.asarray(point.activation.value(x @ hidden.T)) @ point.output.astype(np.float32)
    values, _ = smoothed(found.loss, f.astype(np.float64), samples.y, theta)
    return float(samples.weights @ values)
