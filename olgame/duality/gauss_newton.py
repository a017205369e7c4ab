"""A step toward the minimizer of F in the span of the network's own gradients."""

from __future__ import annotations

from typing import Any

import attrs
import numpy as np
from numpy.typing import NDArray

from olgame.duality.accelerated_descent import Valued, accelerated_descent
from olgame.duality.input_clusters import InputClusters
from olgame.duality.sweep import ChosenSlopes, Sweep
from olgame.losses.loss import Loss
from olgame.losses.smoothed_loss import smoothed_loss
from olgame.sets.l2_ball import L2Ball

__all__ = ["gauss_newton_step"]

_STEPS = 1000
_RANK = 1e-12

Floats = NDArray[np.float64]


def gauss_newton_step(
    sweep: Sweep,
    choice: ChosenSlopes,
    theta: float,
    clusters: InputClusters,
    radius: float,
    tolerance: float,
    damping: float = 0.0,
) -> Floats:
    r"""Minimize over B(R) what F would be if the network were linear, one gradient a cluster.

    With h_c = grad f(u0, xbar_c) at the mean inputs of the clusters, l_theta the loss smoothed over
    a window of width theta, and c(j) the cluster of input j,

        minimize  sum_j omega_j l_theta(f(u0, x_j) + <h_c(j), v>, y_j) + <q, v> + (a/2) norm(v)^2
        over norm(delta + v) <= R,     q = g - sum_j omega_j p_j h_c(j),

    q such that the gradient at v = 0 is that of F_theta exactly, whatever the clusters. A minimizer
    lies in the span of the h_c, delta and q: in an orthonormal basis of that, from the Gram matrix

        <h_c, h_e> = <xbar_c, xbar_e> sum_r b_r^2 sigma'(<u_r, xbar_c>) sigma'(<u_r, xbar_e>),

    an accelerated step costs O(N + C^2) instead of O(N m d), and kinks, which ask for many steps,
    are cheap. Of one output, and of one ball.

    Args:
        sweep: Of one output, with the outputs at u0.
        choice: The slopes of l_theta, and their g.
        theta: Width of the window; not used where the loss is smooth.
        clusters: Of the inputs.
        radius: R.
        tolerance: Frank-Wolfe gap of the minimization.
        damping: a >= 0. Where F is nearly 0 the linear model has minimizers far away, where the
            network is not what it was; of those a small a takes the nearest.

    Returns:
        delta + v, shape ``(m, d)``, in the ball.
    """
    point, centers = sweep.point, clusters.centers
    delta, count = point.displacement, len(clusters.centers)
    hidden: Any = point.activation.derivative(centers @ point.hidden.T) * point.output
    pulls = np.bincount(clusters.of, sweep.samples.weights * choice.p, minlength=count)
    q = choice.gradient - (hidden * pulls[:, None]).T @ centers

    gram = np.empty((count + 2, count + 2))
    gram[:count, :count] = (hidden @ hidden.T) * (centers @ centers.T)
    for i, vector in enumerate((delta, q), start=count):
        gram[i, :count] = gram[:count, i] = ((centers @ vector.T) * hidden).sum(axis=1)
    gram[count:, count:] = [[np.vdot(a, b) for a in (delta, q)] for b in (delta, q)]
    values, basis = np.linalg.eigh(gram)
    kept = values > _RANK * values[-1]
    if not kept.any():
        return delta
    roots = np.sqrt(values[kept])
    rows = basis[:, kept] * roots  # h_c, delta and q in the orthonormal basis
    model = _Linearized(sweep, theta, clusters, rows[:count], rows[count], rows[count + 1], damping)
    ball = L2Ball(radius)
    found, _ = accelerated_descent(model, ball, rows[count], _STEPS, tolerance)
    share = (basis[:, kept] / roots) @ np.asarray(found)
    moved = (hidden * share[:count, None]).T @ centers + share[count] * delta + share[-1] * q
    return np.asarray(ball.project(moved.reshape(-1))).reshape(delta.shape)


@attrs.frozen(eq=False)
class _Linearized:
    """The function that is minimized, of coordinates of delta + v."""

    sweep: Sweep
    theta: float
    clusters: InputClusters
    rows: Floats
    delta: Floats
    q: Floats
    damping: float

    def noise(self, value: float) -> float:
        # The mean over a window may be a quadrature, which is off near kinks.
        smooth = self.theta == 0.0 or hasattr(self.sweep.loss, "smoothed")
        return 1e-14 * (1.0 + abs(value)) + (0.0 if smooth else 1e-3 * self.theta)

    def __call__(self, w: Any, *, slope: bool = True) -> Valued:
        samples, v = self.sweep.samples, w - self.delta
        z = self.sweep.outputs + (self.rows @ v)[self.clusters.of]
        values, slopes = smoothed(self.sweep.loss, z, samples.y, self.theta)
        value = float(samples.weights @ values) + float(self.q @ v)
        value += 0.5 * self.damping * float(v @ v)
        if not slope:
            return Valued(value, value, None)
        pulls = np.bincount(self.clusters.of, samples.weights * slopes, minlength=len(self.rows))
        return Valued(value, value, self.rows.T @ pulls + self.q + self.damping * v)


def smoothed(loss: Loss, z: Floats, y: Floats, theta: float) -> tuple[Floats, Floats]:
    """Values and slopes of l_theta, of l itself where theta is 0."""
    if theta == 0.0:
        return np.asarray(loss.value(z, y)), np.asarray(loss.derivative(z, y))
    value, slope = smoothed_loss(loss, z, y, theta)
    return np.asarray(value), np.asarray(slope)
