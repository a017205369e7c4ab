"""Negative entropy, for weights that are not negative."""

from __future__ import annotations

import math
from typing import Any, final

import attrs
import numpy as np

from olgame.arrays import kernels, to_numpy
from olgame.exceptions import NotAvailableError
from olgame.mirror_maps.mirror_map import MirrorPoint
from olgame.sets.box import Box
from olgame.sets.convex_set import ConvexSet
from olgame.sets.product_set import ProductSet
from olgame.sets.simplex import Simplex
from olgame.sets.weighted_projection import ends, factors
from olgame.typing import Array, Value

__all__ = ["NegativeEntropy"]


@final
@attrs.frozen
class NegativeEntropy:
    """psi(w) = sum_j w_j log w_j - w_j on w >= 0: multiplicative steps.

        grad psi(w) = log w,    psi*(theta) = sum_j exp theta_j,
        B(u, w) = sum_j u_j log(u_j/w_j) - u_j + w_j,

    the Kullback-Leibler divergence where both sum up to the same. On the simplex of size s the
    minimizer of psi(u) - <theta, u> is s exp(theta)/sum exp(theta) and psi is 1-strongly convex in
    norm1/sqrt(s) (Pinsker), on a box with ends 0 <= low <= high it is exp(theta) clipped and psi is
    1-strongly convex in (sum_j w_j^2/high_j)^(1/2); products of these, block by block.

    Weights of 0 are allowed, 0 log 0 = 0; on the simplex one that starts at 0 stays there. A common
    offset of theta is taken out before anything is exponentiated, and the dual that comes with a
    point is the logarithm itself: what underflows in w is not lost.

    Example:
        >>> import numpy as np
        >>> entropy = NegativeEntropy()
        >>> entropy.project(np.log([1.0, 2.0, 1.0]) + 1e3, Simplex()).point
        array([0.25, 0.5 , 0.25])

    References:
        shalevshwartz2012, Section 2.7; beck2003.
    """

    def value(self, w: Array) -> Value:
        """sum_j w_j log w_j - w_j."""
        total: Value = kernels(w).xp.sum(_times_log(w, w) - w, axis=-1)
        return total

    @np.errstate(divide="ignore")
    def gradient(self, w: Array) -> Array:
        """log w (-inf at 0)."""
        logarithm: Array = kernels(w).xp.log(w)
        return logarithm

    @np.errstate(over="ignore")
    def conjugate(self, theta: Array) -> Value:
        """sum_j exp theta_j."""
        xp = kernels(theta).xp
        total: Value = xp.sum(xp.exp(theta), axis=-1)
        return total

    @np.errstate(over="ignore", under="ignore")
    def inverse(self, theta: Array) -> Array:
        """exp theta."""
        point: Array = kernels(theta).xp.exp(theta)
        return point

    def divergence(self, u: Array, w: Array) -> Value:
        """sum_j u_j log(u_j/w_j) - u_j + w_j; ``inf`` where w_j = 0 < u_j."""
        total: Value = kernels(u).xp.sum(_times_log(u, u) - _times_log(u, w) - u + w, axis=-1)
        return total

    @np.errstate(over="ignore", under="ignore")
    def project(self, theta: Array, decision_set: ConvexSet) -> MirrorPoint:
        """The minimizer over K of psi(u) - <theta, u>, with its logarithm."""
        xp = kernels(theta).xp
        if isinstance(decision_set, Simplex):
            z = theta - xp.max(theta, axis=-1, keepdims=True)
            weight = xp.exp(z)
            total = xp.sum(weight, axis=-1, keepdims=True)
            point = weight * (decision_set.scale / total)
            return MirrorPoint(point, z - xp.log(total / decision_set.scale))
        if isinstance(decision_set, ProductSet):
            parts = [self.project(theta[..., k], factor) for factor, k in factors(decision_set)]
            return MirrorPoint(*(xp.concat(arrays, axis=-1) for arrays in zip(*parts, strict=True)))
        point = decision_set.project(xp.exp(theta))
        return MirrorPoint(point, self.gradient(point))

    def check_decision_set(self, decision_set: ConvexSet, owner: str) -> None:
        """Raise unless K is a simplex, a box of points >= 0, or a product of these."""
        problem = _problem(decision_set)
        if problem:
            raise NotAvailableError(
                f"`{owner}` with negative entropy plays exactly on a Simplex (without `offset`), "
                f"on a Box with `low` >= 0 and on products of these, not on {problem}; use "
                "`mirror_maps.Euclidean()`, which plays on every set."
            )

    def dual_norm(self, g: Array, decision_set: ConvexSet) -> Value:
        """sqrt(s) max abs(g_j) on a simplex, (sum_j high_j g_j^2)^(1/2) on a box.

        Raises:
            NotAvailableError: A box without upper end, where psi is not strongly convex.
        """
        return _dual_square(g, decision_set) ** 0.5  # type: ignore[no-any-return]  # arithmetic of a `Value`

    def largest_divergence(self, w: Array, decision_set: ConvexSet) -> Value:
        """max over the corners of K of B(., w), which is convex: exactly."""
        return self._largest(w, decision_set)  # type: ignore[no-any-return]  # arithmetic of a `Value`

    def _largest(self, w: Any, decision_set: ConvexSet) -> Any:
        xp = kernels(w).xp
        if isinstance(decision_set, Simplex):
            s = decision_set.scale
            least = xp.min(self.gradient(w), axis=-1)
            return s * (math.log(s) - least) - s + xp.sum(w, axis=-1)
        if isinstance(decision_set, ProductSet):
            parts = [self._largest(w[..., k], factor) for factor, k in factors(decision_set)]
            return sum(parts[1:], start=parts[0])
        corners = [end + 0.0 * w for end in ends(decision_set, w)]  # type: ignore[arg-type]  # a box: nothing else is left
        each = [_times_log(u, u) - _times_log(u, w) - u + w for u in corners]
        return xp.sum(xp.maximum(*each), axis=-1)


@np.errstate(divide="ignore", invalid="ignore")
def _times_log(u: Any, w: Any) -> Any:
    """u log w, and 0 where u = 0."""
    xp = kernels(u).xp
    u = u + 0.0 * w
    return xp.where(u == 0.0, xp.zeros_like(u), u * xp.log(w))


def _dual_square(g: Any, decision_set: ConvexSet) -> Any:
    xp = kernels(g).xp
    if isinstance(decision_set, Simplex):
        largest = xp.max(xp.abs(g), axis=-1)
        return decision_set.scale * largest * largest
    if isinstance(decision_set, ProductSet):
        parts = [_dual_square(g[..., k], factor) for factor, k in factors(decision_set)]
        return sum(parts[1:], start=parts[0])
    high = ends(decision_set, g)[1]  # type: ignore[arg-type]  # a box: nothing else is left
    if not bool(xp.all(xp.isfinite(high))):
        raise NotAvailableError(
            "`NegativeEntropy.dual_norm` needs a finite `high`: on a box without upper end "
            "negative entropy is not strongly convex."
        )
    return xp.sum(high * g * g, axis=-1)


def _problem(decision_set: ConvexSet) -> str:
    """Why the projection is not exact there; empty where it is."""
    if isinstance(decision_set, Simplex):
        return "" if decision_set.offset is None else "a Simplex with an offset"
    if isinstance(decision_set, ProductSet):
        found = [_problem(factor) for factor, _ in factors(decision_set)]
        return next((text for text in found if text), "")
    name = type(decision_set).__name__
    if not isinstance(decision_set, Box):
        return name
    return "" if (to_numpy(decision_set.low) >= 0.0).all() else "a Box with a negative `low`"
