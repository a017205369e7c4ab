"""A good point in hindsight: accelerated projected gradient on the losses that were played."""

from __future__ import annotations

from typing import Any, cast

import attrs

from olgame.arrays import as_like, kernels
from olgame.duality.accelerated_descent import Valued, accelerated_descent
from olgame.duality.weighted_samples import WeightedSamples, weighted_samples
from olgame.exceptions import ShapeError
from olgame.losses.loss import Loss
from olgame.losses.smoothed_loss import smoothed_loss
from olgame.models.model import Model
from olgame.models.output_axis import output_axis
from olgame.sets.convex_set import ConvexSet
from olgame.typing import Array
from olgame.validation import require

__all__ = ["hindsight_point"]

_ROWS = 4096


def hindsight_point(
    model: Model,
    rounds: Any,
    y: Any,
    loss: Loss,
    weight_radius: float | None = None,
    start: Array | None = None,
    steps: int = 100,
    *,
    decision_set: ConvexSet | None = None,
    weights: Any = None,
    tolerance: float = 1e-9,
    smoothing: float = 1e-3,
) -> Array:
    r"""Search a minimizer of F(u) = sum_j omega_j l(f(u, x_j), y_j) over a set, for any model.

    Accelerated projected gradient steps with backtracking and restarts
    (`olgame.duality.accelerated_descent`).

    A loss with kinks is replaced by a smooth one (`olgame.losses.smoothed_loss`), with the slopes
    that `gap` tries: for one output by its mean over a window of width theta (`smoothing`), whose
    derivative is the secant slope (l(z + theta/2) - l(z - theta/2))/theta. For the L-Lipschitz l of
    one output that raises F by at most L theta/4.

    A search: nothing is claimed of the result but that it lies in the set and that F is not larger
    there than at the projection of ``start``. `gap` certifies how far it is from the global
    minimum; a few rounds (every 20th to 40th) are enough for a point that is good for all.

    Args:
        model: Any model.
        rounds: Played inputs: T arrays ``(n, d)``, or one array ``(N, d)``.
        y: Labels, shape ``(n,)``, ``(T, n)`` or ``(N,)``.
        loss: l.
        weight_radius: R, between 1e-100 and 1e100, in the scaling of the model: the set is
            ``model.neighborhood(R)``.
        decision_set: Another set to search, instead of ``weight_radius``.
        start: Flat weights to begin at; default ``model.start``.
        steps: Largest number of steps.
        weights: As for `gap`; None: equal.
        tolerance: Stop where the linear model promises less: the Frank-Wolfe gap
            max over u in B(R) of <grad F(v), v - u>.
        smoothing: theta > 0; not used where the loss has a `smoothness`.

    Returns:
        The best point met, shape ``(p,)``, of the model's kind. Deterministic.

    Raises:
        ArgumentError: A number outside its domain, or wrong weights.
        ShapeError: The shapes do not fit.
        DataError: No samples, or labels without meaning for the loss.

    Example:
        >>> import numpy as np, olgame as og
        >>> model = og.models.LinearModel(2)
        >>> x, y = np.array([[1.0, 0.0], [0.0, 1.0]]), np.array([1.0, -1.0])
        >>> hindsight_point(model, x, y, og.losses.logistic, weight_radius=1.0).round(4)
        array([ 0.7071, -0.7071])

    References:
        hazan2022.
    """
    owner = "hindsight_point"
    ball: Any = decision_set
    if decision_set is None:
        rule = "be finite and positive, between 1e-100 and 1e100"
        ok = weight_radius is not None and 1e-100 <= weight_radius <= 1e100
        require(ok, owner, "weight_radius", rule, weight_radius)
        ball = model.neighborhood(cast(float, weight_radius))
    elif weight_radius is not None:
        rule = "be left out where `decision_set` is given"
        require(False, owner, "weight_radius", rule, weight_radius)
    require(steps >= 1, owner, "steps", "be an integer of at least 1", steps)
    samples = weighted_samples(rounds, y, weights, model, loss, owner)
    first = model.start if start is None else start
    if first.ndim != 1 or first.shape != model.start.shape:
        raise ShapeError(
            f"`hindsight_point(start=...)` must have shape {tuple(model.start.shape)}, "
            f"got {tuple(first.shape)}."
        )
    theta = smoothing if loss.smoothness is None else 0.0
    objective = _Objective(model, samples, loss, theta)
    return accelerated_descent(objective, ball, first, steps, tolerance)[0]


@attrs.frozen(eq=False)
class _Objective:
    """F, F of the loss averaged over windows of width theta, and the gradient of the latter."""

    model: Model
    samples: WeightedSamples
    loss: Loss
    theta: float

    def noise(self, value: float) -> float:
        """What two values may differ by for rounding and for the quadrature at kinks."""
        return 1e-12 * (1 + abs(value)) + 1e-3 * self.theta

    def __call__(self, w: Any, *, slope: bool = True) -> Valued:
        exact, smooth, gradient = 0.0, 0.0, w * 0.0
        for where, block in self.samples.pieces(_ROWS):
            x = self.model.asarray(block)
            here = self.model.at(w, x) if slope else None
            z = self.model(w, x) if here is None else here.z
            y = as_like(self.samples.y[where], z)
            omega = as_like(self.samples.weights[where], z)
            values, averages, slopes = self._losses(z, y)
            exact += float(kernels(z).dot(omega, values))
            smooth += float(kernels(z).dot(omega, averages))
            if here is not None:
                weighted = output_axis(self.loss).scaled(omega, slopes)
                gradient = gradient + here.pullback_w(weighted)
        return Valued(exact, smooth, gradient)

    def _losses(self, z: Any, y: Any) -> tuple[Any, Any, Any]:
        loss, theta = self.loss, self.theta
        value = loss.value(z, y)
        if theta == 0:
            return value, value, loss.derivative(z, y)
        return (value, *smoothed_loss(loss, z, y, theta))
