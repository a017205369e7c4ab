"""The ball of a p-norm between 1 and 2."""

from __future__ import annotations

from typing import Any, final

import attrs
import numpy as np

from olgame.arrays import as_like, kernels
from olgame.one_game import row
from olgame.sets.clipping import within_distance
from olgame.sets.fields import (
    as_float,
    finite_center,
    matched,
    require_length,
    require_sample_shape,
    wide,
)
from olgame.sets.norms import norm
from olgame.sets.p_norms import duality_map, p_norm
from olgame.typing import Array, Value
from olgame.validation import finite_positive, require

__all__ = ["LpBall"]

_INSIDE = 1.0 - 16 * float(np.finfo(np.float64).eps)
_STEPS = 100


def _between_1_and_2(instance: Any, attribute: attrs.Attribute[Any], value: Any) -> None:
    ok = isinstance(value, float) and 1.0 < value <= 2.0
    rule = "be a number with 1 < p <= 2 (for p = 1 there is `L1Ball`)"
    require(ok, "LpBall", "p", rule, value)


@final
@attrs.frozen(eq=False)
class LpBall:
    """The ball { u : norm_p(u - c) <= R }, 1 < p <= 2: on it p-norm mirror descent is exact.

    With R the ``radius``, c the ``center`` and q = p/(p - 1):

        h(g) = <g, c> + R norm_q(g),    lmo(g) = c - R v/norm_p(v), v_j = sign(g_j) abs(g_j)^(q-1),
        diameter = 2 R,    reach(x) <= norm2(x - c) + R,

    the last an upper bound, exact from the center (norm2 <= norm_p, and both are R at a vertex).
    The Euclidean projection has no closed form: of d = x - c it is c + sign(d) v, where v_j + lam
    v_j^(p-1) = abs(d_j) and lam is such that norm_p(v) = R. Newton's method solves the inner
    equation, climbing to the root from below since v^(p-1) is concave, and, between ends that close
    in, the outer one: to rounding, at the cost of some dozens of passes.

    Rounding: ``contains(u, atol=16 * roundoff * (R + norm(c)))`` holds for a projected point u. A
    point that is inside comes back as the same object; what is not finite is projected to nan.

    Args:
        radius: R, finite and positive.
        p: 1 < p <= 2.
        center: c, shape ``(p,)``, or ``(..., p)`` with one for each game; None is the origin.

    Raises:
        ArgumentError: An argument is out of its domain.
        ShapeError: ``center`` is no array of floats.

    Example:
        >>> import numpy as np
        >>> ball = LpBall(1.0, p=1.5)
        >>> u = ball.project(np.array([2.0, 1.0]))
        >>> bool(abs((np.abs(u) ** 1.5).sum() - 1.0) < 1e-12)
        True
    """

    radius: float = attrs.field(converter=as_float, validator=finite_positive)
    p: float = attrs.field(converter=as_float, validator=_between_1_and_2)
    center: Array | None = attrs.field(default=None, validator=finite_center)

    @property
    def q(self) -> float:
        """p/(p - 1)."""
        return self.p / (self.p - 1.0)

    @property
    def dim(self) -> int | None:
        """p where there is a center, else None (any)."""
        return None if self.center is None else self.center.shape[-1]

    @property
    def diameter(self) -> float:
        return 2.0 * self.radius

    def project(self, x: Array) -> Array:
        """The Euclidean projection, shape ``(..., p)``; ``x`` itself if inside."""
        difference = self._difference(x)
        xp = kernels(x).xp
        inside: Any = xp.asarray(self._inside(difference))
        if x.ndim == difference.ndim and bool(xp.all(inside)):
            return x
        # A row that is inside has no root to look for; any point outside stands in for it.
        size = xp.where(inside[..., None], 2.0, xp.abs(wide(difference)) / self.radius)
        moved = xp.astype(xp.sign(difference) * self._shrunk(size) * self.radius, x.dtype)
        if self.center is not None:
            moved = self._center_for(x) + moved
        projected: Array = xp.where(inside[..., None], x, moved)
        return projected

    @np.errstate(all="ignore")
    def _shrunk(self, a: Any) -> Any:
        """v >= 0 with v + lam v^(p-1) = a and norm_p(v) = 1, for a >= 0 outside the unit ball."""
        xp, p = kernels(a).xp, self.p
        # lam v^(p-1) <= a bounds norm_p(v) by (norm_q(a)/lam)^(1/(p-1)): at lam = norm_q(a) by 1.
        high: Any = xp.asarray(p_norm(a, self.q))[..., None]
        low, lam = 0.0 * high, 0.5 * high
        for _ in range(_STEPS):
            v = _roots(a, lam, p - 1.0)
            total = xp.sum(v**p, axis=-1, keepdims=True)
            low, high = xp.where(total > 1.0, lam, low), xp.where(total > 1.0, high, lam)
            # Newton's step on log sum v^p = 0 over log lam, where powers are lines, if it stays
            # between the ends, else the middle.
            weight = v + (p - 1.0) * (a - v)
            fall = xp.where(v > 0.0, v ** (2.0 * p - 1.0) / weight, 0.0)
            slope = p * lam * xp.sum(fall, axis=-1, keepdims=True) / total
            tried = lam * total ** (1.0 / slope)
            found = xp.abs(tried - lam) <= 1e-15 * lam
            if bool(xp.all(found)):
                break
            between = xp.where((tried > low) & (tried < high), tried, 0.5 * (low + high))
            lam = xp.where(found, lam, between)
        return v / xp.asarray(p_norm(v, p))[..., None]

    def contains(self, x: Array, *, atol: float = 0.0) -> Array | bool:
        """Whether ``x`` is within Euclidean distance ``atol``, shape ``(...)``; False for nan."""
        inside = kernels(x).xp.asarray(self._inside(self._difference(x)))
        projected = self.project(x) if atol > 0.0 else x
        return within_distance(x, projected, inside, atol)

    def support(self, g: Array) -> Value:
        """<g, c> + R norm_q(g)."""
        self._check(g)
        length: Any = p_norm(g, self.q)
        value: Value = length * self.radius
        if self.center is not None:
            value = kernels(g).dot(g, self._center_for(g)) + value
        return value

    def lmo(self, g: Array) -> Array:
        """c - R v/norm_p(v), v_j = sign(g_j) abs(g_j)^(q-1) (c for g = 0)."""
        self._check(g)
        xp = kernels(g).xp
        direction: Any = duality_map(g, self.q)
        length: Any = xp.asarray(p_norm(direction, self.p))[..., None]
        step: Array = direction * (-self.radius / xp.where(length == 0.0, 1.0, length))
        return step if self.center is None else step + self._center_for(g)

    def reach(self, x: Array) -> Value:
        """norm2(x - c) + R: an upper bound, exact from the center."""
        return norm(self._difference(x)) + self.radius

    def translate(self, v: Array) -> LpBall:
        """The ball around c + v."""
        self._check(v)
        center = v if self.center is None else self.center + matched(v, self.center)
        return LpBall(self.radius, self.p, center)

    def game(self, index: tuple[int, ...], /) -> LpBall:
        """The ball of one game, where the center has leading axes."""
        return attrs.evolve(self, center=row(self.center, index))

    def sample(self, rng: np.random.Generator, shape: tuple[int, ...]) -> Array:
        """Uniform points, shape ``shape``, of the kind of the center (float64 NumPy if None).

        Entries with density exp(-abs(t)^p), divided by (sum abs(t)^p + E)^(1/p) with E exponential.
        """
        require_sample_shape(shape, self.dim, "LpBall")
        powers = rng.gamma(1.0 / self.p, size=shape)  # abs(t)^p
        signs = np.where(rng.random(shape) < 0.5, -1.0, 1.0)
        total = powers.sum(-1, keepdims=True) + rng.exponential(size=(*shape[:-1], 1))
        draw = signs * (powers / total) ** (1.0 / self.p) * (self.radius * _INSIDE)
        if self.center is None:
            return np.asarray(draw)
        points: Array = self.center + as_like(draw, self.center)
        return points

    def _inside(self, difference: Any) -> Any:
        length: Any = p_norm(wide(difference), self.p)
        return length <= self.radius

    def _difference(self, x: Any) -> Any:
        self._check(x)
        return x if self.center is None else x - self._center_for(x)

    def _center_for(self, x: Any) -> Any:
        return matched(self.center, x)  # type: ignore[arg-type]  # asked for where there is one

    def _check(self, x: Any) -> None:
        if self.center is not None:
            require_length(x, self.center.shape[-1], "LpBall")


def _roots(a: Any, lam: Any, r: float) -> Any:
    """v with v + lam v^r = a, 0 < r <= 1, by Newton's method from below."""
    xp = kernels(a).xp
    # Too small both: there both terms are at most a/2; there v <= 1, hence lam v^r <= lam.
    v = xp.minimum(0.5 * a, (0.5 * a / lam) ** (1.0 / r))
    zero = xp.zeros_like(v)
    v = xp.maximum(v, xp.minimum(xp.maximum(a - lam, zero), zero + 1.0))
    for _ in range(_STEPS):
        part = lam * xp.where(v > 0.0, v, 1.0) ** r
        step = xp.where(v > 0.0, (a - v - part) / (1.0 + r * part / v), 0.0)
        v = v + xp.maximum(step, zero)  # not `clip`, which takes several times as long
        if not bool(xp.any(step > 1e-15 * v)):
            break
    return v
