"""Convex losses from below: tangents at the points that a search has met."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from olgame.arrays import as_like, kernels, to_numpy, unit_roundoff
from olgame.duality.accelerated_descent import Valued, accelerated_descent
from olgame.losses.round_loss import RoundLoss
from olgame.sets.convex_set import ConvexSet
from olgame.typing import Array

__all__ = ["CuttingPlanes"]

Floats = NDArray[np.float64]

_KEPT = 256
_WEIGHT_STEPS = 400


class CuttingPlanes:
    r"""F = (1/T) sum_t l_t, minimized over K, and bounded from below by its own tangents.

    With tangents F(u) >= c_k + <g_k, u - W_1> of a convex F at the points u_k of a search,
    c_k = F(u_k) - <g_k, u_k - W_1>, and any lambda in the simplex,

        min over K of F >= sum_k lambda_k c_k - h(-sum_k lambda_k g_k),

    h the support function of K - W_1: concave in lambda, and as sharp as the minimum over K of the
    largest tangent for the best lambda. It is found by Frank-Wolfe steps on the simplex; any is
    sound, so the search claims nothing.

    Args:
        losses: l_1, ..., l_T, convex.
        start: W_1, shape ``(p,)``.
        decision_set: K.
    """

    def __init__(self, losses: Sequence[RoundLoss], start: Array, decision_set: ConvexSet) -> None:
        self._losses, self._start, self._set = losses, start, decision_set
        self._recentered = decision_set.translate(-start)
        self._constants: list[float] = []
        self._slopes: list[Any] = []
        self._size = 0.0
        self.passes = 0

    def evaluate(self, u: Array) -> tuple[float, Any]:
        """F and a subgradient at ``u``; the tangent is kept."""
        self.passes += 1
        value, absolute, gradient = 0.0, 0.0, self._start * 0.0
        for loss in self._losses:
            found = loss.evaluate(u)
            value += float(to_numpy(found.value))
            absolute += abs(float(to_numpy(found.value)))
            gradient = gradient + found.gradient
        count = len(self._losses)
        value, gradient = value / count, gradient / count
        moved: Any = u - self._start
        inner = float(to_numpy(kernels(u).dot(gradient, moved)))
        self._constants.append(value - inner)
        self._slopes.append(gradient)
        length = float(to_numpy(kernels(u).norm(gradient)))
        self._size = max(self._size, absolute / count + abs(inner) + length * self._reach())
        if len(self._slopes) > _KEPT:
            del self._constants[0], self._slopes[0]
        return value, gradient

    def search(self, steps: int, start: Array) -> tuple[Array, float]:
        """The best point of accelerated projected gradient steps, and F there."""
        return accelerated_descent(self, self._set, start, steps)

    def __call__(self, w: Array, *, slope: bool = True) -> Valued:
        """As an objective of the search; every point leaves its tangent, asked for or not."""
        value, gradient = self.evaluate(w)
        return Valued(value, value, gradient)

    def noise(self, value: float) -> float:
        """What two values may differ by for rounding."""
        return 1e-13 * (1.0 + abs(value))

    def floor(self) -> float:
        """A lower bound on min over K of F, rounding taken off."""
        constants = np.array(self._constants)
        slopes = np.stack([to_numpy(slope) for slope in self._slopes])
        weights = np.zeros(len(constants))
        weights[-1] = 1.0
        best, total = -np.inf, slopes[-1].copy()
        for _ in range(_WEIGHT_STEPS):
            point = self._least(total)
            here = float(constants @ weights)
            reached = here + float(total @ point)
            best = max(best, reached)
            # The subgradient in lambda_k is the tangent k at the point that is least for lambda.
            rises = constants + slopes @ point
            toward = int(rises.argmax())
            if not rises[toward] > reached + 1e-15 * abs(reached):
                break
            gamma = self._line(here, float(constants[toward]), total, slopes[toward])
            weights *= 1.0 - gamma
            weights[toward] += gamma
            total += gamma * (slopes[toward] - total)
        p = slopes.shape[-1]
        slack = 8.0 * unit_roundoff(self._start) * (len(self._losses) + p + len(constants))
        return float(best - slack * (self._size + abs(best)))

    def _line(self, here: float, there: float, total: Floats, toward: Floats) -> float:
        """The best step from one combination toward one tangent, by golden section.

        The bound is concave along it; constants ``here`` and ``there``, slopes ``total`` and
        ``toward``.
        """

        def value(gamma: float) -> float:
            mixed = total + gamma * (toward - total)
            return here + gamma * (there - here) + float(mixed @ self._least(mixed))

        low, high, ratio = 0.0, 1.0, 0.5 * (5.0**0.5 - 1.0)
        left, right = high - ratio, low + ratio
        at_left, at_right = value(left), value(right)
        for _ in range(40):
            if at_left >= at_right:
                high, right, at_right = right, left, at_left
                left = high - ratio * (high - low)
                at_left = value(left)
            else:
                low, left, at_left = left, right, at_right
                right = low + ratio * (high - low)
                at_right = value(right)
        return 0.5 * (low + high)

    def _least(self, slope: Floats) -> Floats:
        """The u - W_1 in K - W_1 where <slope, .> is least."""
        return to_numpy(self._recentered.lmo(as_like(slope, self._start)))

    def _reach(self) -> float:
        return float(to_numpy(self._set.reach(self._start)))
