"""Half the squared Euclidean norm."""

from __future__ import annotations

from typing import Any, final

import attrs

from olgame.arrays import kernels
from olgame.mirror_maps.mirror_map import MirrorPoint
from olgame.sets.convex_set import ConvexSet
from olgame.typing import Array, Value

__all__ = ["Euclidean"]


@final
@attrs.frozen
class Euclidean:
    """psi(w) = norm2(w)^2/2: points are their own duals, and mirror descent is gradient descent.

        grad psi(w) = w,    psi*(theta) = norm2(theta)^2/2,    B(u, w) = norm2(u - w)^2/2.

    The Bregman projection is the Euclidean one, which every set has.

    Example:
        >>> import numpy as np
        >>> from olgame.sets import L2Ball
        >>> Euclidean().project(np.array([3.0, 4.0]), L2Ball(1.0)).point
        array([0.6, 0.8])
    """

    def value(self, w: Array) -> Value:
        """norm2(w)^2/2."""
        return self.divergence(w, 0.0 * w)

    def gradient(self, w: Array) -> Array:
        """w."""
        return w

    def conjugate(self, theta: Array) -> Value:
        """norm2(theta)^2/2."""
        return self.value(theta)

    def inverse(self, theta: Array) -> Array:
        """theta."""
        return theta

    def divergence(self, u: Array, w: Array) -> Value:
        """norm2(u - w)^2/2."""
        difference = u - w
        half: Value = 0.5 * kernels(u).dot(difference, difference)
        return half

    def project(self, theta: Array, decision_set: ConvexSet) -> MirrorPoint:
        """The Euclidean projection of theta."""
        point = decision_set.project(theta)
        return MirrorPoint(point, point)

    def check_decision_set(self, decision_set: ConvexSet, owner: str) -> None:
        """Every set will do."""

    def dual_norm(self, g: Array, decision_set: ConvexSet) -> Value:
        """norm2(g)."""
        length: Value = kernels(g).norm(g)
        return length

    def largest_divergence(self, w: Array, decision_set: ConvexSet) -> Value:
        """reach(w)^2/2, exactly."""
        reach: Any = decision_set.reach(w)
        half: Value = 0.5 * reach * reach
        return half
