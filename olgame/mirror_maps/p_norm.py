"""Half a squared p-norm."""

from __future__ import annotations

import math
from typing import Any, final

import attrs
import numpy as np

from olgame.arrays import kernels
from olgame.exceptions import NotAvailableError
from olgame.mirror_maps.mirror_map import MirrorPoint
from olgame.sets.convex_set import ConvexSet
from olgame.sets.l1_ball import L1Ball
from olgame.sets.lp_ball import LpBall
from olgame.sets.p_norms import duality_map, p_norm
from olgame.sets.whole_space import WholeSpace
from olgame.typing import Array, Value
from olgame.validation import require

__all__ = ["PNorm"]

_STEPS = 200


def _between_1_and_2(instance: Any, attribute: attrs.Attribute[Any], value: Any) -> None:
    ok = isinstance(value, float | int) and not isinstance(value, bool) and 1.0 < value <= 2.0
    require(ok, "PNorm", "p", "be a number with 1 < p <= 2", value)


@final
@attrs.frozen
class PNorm:
    """psi(w) = norm_p(w)^2/2 with 1 < p <= 2, between gradient descent and multiplicative steps.

    With q = p/(p - 1) the conjugate exponent:

        grad psi(w)_j = sign(w_j) abs(w_j)^(p-1) norm_p(w)^(2-p),
        psi*(theta) = norm_q(theta)^2/2;

    grad psi* is the same map with q. psi is (p - 1)-strongly convex in norm_p. With p = 1 +
    1/(log d - 1) or so the price of d dimensions is log d, on vectors without a sign.

    The Bregman projection is exact on the whole space; on `LpBall` with the same p around the
    origin, where it scales: R x/norm_p(x); and on `L1Ball` around the origin, where it shrinks the
    *dual*: the minimizer of psi(u) - <theta, u> over norm1(u) <= R is grad psi*(sign(theta)
    max(abs(theta) - lam, 0)) with the one lam >= 0 for which norm1 = R (or lam = 0), found to
    rounding. (Stationarity: theta - grad psi(u) is lam times a subgradient of norm1 at u.)

    Args:
        p: 1 < p <= 2.

    Example:
        >>> import numpy as np
        >>> PNorm(1.5).project(np.array([0.0, -1.0]), L1Ball(0.5)).point
        array([ 0. , -0.5])

    References:
        gentile2003; shalevshwartz2012, Section 2.6.
    """

    p: float = attrs.field(validator=_between_1_and_2)

    @property
    def q(self) -> float:
        """p/(p - 1)."""
        return self.p / (self.p - 1.0)

    def value(self, w: Array) -> Value:
        """norm_p(w)^2/2."""
        length: Any = p_norm(w, self.p)
        return 0.5 * length * length  # type: ignore[no-any-return]  # arithmetic of a `Value`

    def gradient(self, w: Array) -> Array:
        """sign(w_j) abs(w_j)^(p-1) norm_p(w)^(2-p)."""
        return duality_map(w, self.p)

    def conjugate(self, theta: Array) -> Value:
        """norm_q(theta)^2/2."""
        length: Any = p_norm(theta, self.q)
        return 0.5 * length * length  # type: ignore[no-any-return]  # arithmetic of a `Value`

    def inverse(self, theta: Array) -> Array:
        """sign(theta_j) abs(theta_j)^(q-1) norm_q(theta)^(2-q)."""
        return duality_map(theta, self.q)

    def divergence(self, u: Array, w: Array) -> Value:
        """norm_p(u)^2/2 + norm_p(w)^2/2 - <grad psi(w), u>, as <grad psi(w), w> = norm_p(w)^2."""
        values: Any = self.value(u)
        difference: Value = values + self.value(w) - kernels(u).dot(self.gradient(w), u)
        return difference

    def project(self, theta: Array, decision_set: ConvexSet) -> MirrorPoint:
        """The minimizer over K of psi(u) - <theta, u>."""
        xp = kernels(theta).xp
        if isinstance(decision_set, LpBall):
            length: Any = p_norm(theta, self.q)  # of the dual, and of the point that it maps to
            over = xp.asarray(length > decision_set.radius)[..., None]
            shrunk = theta * (decision_set.radius / xp.where(over[..., 0], length, 1.0))[..., None]
            theta = xp.where(over, shrunk, theta)
        elif isinstance(decision_set, L1Ball):
            theta = self._shrunk(theta, decision_set.radius)
        return MirrorPoint(self.inverse(theta), theta)

    @np.errstate(under="ignore")
    def _shrunk(self, theta: Any, radius: float) -> Any:
        """sign(theta) max(abs(theta) - lam, 0) with norm1(grad psi*(.)) <= R, lam >= 0 least."""
        xp = kernels(theta).xp
        size = xp.astype(xp.abs(theta), xp.float64)
        length, _ = self._length(size)
        outside = length > radius
        # norm1 falls as lam rises (lam is the multiplier of norm1 <= R), to 0 at the largest entry.
        low, lam = xp.zeros_like(length), xp.zeros_like(length)
        high = xp.max(size, axis=-1, keepdims=True)
        for _ in range(_STEPS):
            length, slope = self._length(xp.maximum(size - lam, 0.0 * size))
            low, high = (xp.where(length > radius, lam, low), xp.where(length > radius, high, lam))
            tried = lam + (length - radius) / slope
            found = (xp.abs(tried - lam) <= 1e-15 * lam) | ~outside
            if bool(xp.all(found)):
                break
            between = xp.where((tried > low) & (tried < high), tried, 0.5 * (low + high))
            lam = xp.where(found, lam, between)
        # What rounding leaves is taken off by a factor, which puts the point onto the sphere.
        factor = radius / xp.where(outside, length, radius)
        kept = xp.where(outside, xp.maximum(size - lam, 0.0 * size) * factor, size)
        return xp.sign(theta) * xp.astype(kept, theta.dtype)

    def _length(self, tau: Any) -> tuple[Any, Any]:
        """norm1(grad psi*(tau)) for tau >= 0, and how fast it falls when all of tau > 0 fall.

        With s = tau/max(tau) it is max(tau) sum s^(q-1) norm_q(s)^(2-q).
        """
        xp, q = kernels(tau).xp, self.q
        largest = xp.max(tau, axis=-1, keepdims=True)
        s = tau / xp.where(largest > 0.0, largest, 1.0)
        power = xp.where(s > 0.0, xp.where(s > 0.0, s, 1.0) ** (q - 2.0), 0.0)
        first, second, third = (
            xp.sum(terms, axis=-1, keepdims=True) for terms in (power, power * s, power * s * s)
        )
        third = xp.where(largest > 0.0, third, 1.0)
        scale = third ** (2.0 / q - 1.0)
        fall = scale * ((q - 1.0) * first - (q - 2.0) * second * second / third)
        return largest * second * scale, xp.where(largest > 0.0, fall, 1.0)

    def check_decision_set(self, decision_set: ConvexSet, owner: str) -> None:
        """Raise unless K is the whole space, or an `LpBall` or `L1Ball` around the origin."""
        own = isinstance(decision_set, LpBall) and decision_set.p == self.p
        centered = getattr(decision_set, "center", None) is None
        if isinstance(decision_set, WholeSpace) or (
            centered and (own or isinstance(decision_set, L1Ball))
        ):
            return
        name = type(decision_set).__name__
        if isinstance(decision_set, LpBall) and not own:
            name += f" with p = {decision_set.p}"
        elif not centered and isinstance(decision_set, LpBall | L1Ball):
            name += " with a center"
        raise NotAvailableError(
            f"`{owner}` with the {self.p}-norm plays exactly on WholeSpace, and on LpBall (of the "
            f"same p) and L1Ball around the origin, not on {name}; use `mirror_maps.Euclidean()`, "
            "which plays on every set."
        )

    def dual_norm(self, g: Array, decision_set: ConvexSet) -> Value:
        """norm_q(g)/sqrt(p - 1)."""
        length: Any = p_norm(g, self.q)
        return length / math.sqrt(self.p - 1.0)  # type: ignore[no-any-return]  # arithmetic of a `Value`

    def largest_divergence(self, w: Array, decision_set: ConvexSet) -> Value:
        """Exactly: (R + norm_p(w))^2/2 on the own ball, at a vertex of the l1 ball, else inf."""
        xp = kernels(w).xp
        length: Any = p_norm(w, self.p)
        if isinstance(decision_set, LpBall):
            return 0.5 * (decision_set.radius + length) ** 2  # type: ignore[no-any-return]  # arithmetic of a `Value`
        if isinstance(decision_set, L1Ball):
            radius = decision_set.radius
            steepest = xp.max(xp.abs(self.gradient(w)), axis=-1)
            found: Value = 0.5 * (radius * radius + length * length) + radius * steepest
            return found
        unbounded: Value = length + math.inf
        return unbounded
