"""Half-spaces."""

from __future__ import annotations

import math
from typing import Any, final

import attrs
import numpy as np

from olgame.arrays import as_like, kernels, to_numpy, unit_roundoff
from olgame.exceptions import ArgumentError, NotAvailableError, ShapeError
from olgame.one_game import row
from olgame.sets.clipping import within_distance
from olgame.sets.fields import (
    as_float,
    finite_array,
    finite_center,
    is_floating,
    matched,
    require_length,
    require_sample_shape,
    wide,
)
from olgame.sets.norms import norm, unit
from olgame.typing import Array, Value

__all__ = ["Halfspace"]

# Roundings, times sqrt(p), by which a direction may be off the normal.
_ROUNDINGS = 16.0


def _finite_bound(instance: Any, attribute: attrs.Attribute[Any], value: Any) -> None:
    if not isinstance(value, float) and not is_floating(value):
        raise ShapeError(
            f"`Halfspace({attribute.name}=...)` must be a number, or an array of floats with one "
            f"for each game, got {getattr(value, 'dtype', type(value).__name__)}."
        )
    if not np.isfinite(to_numpy(value)).all():
        raise ArgumentError(f"`Halfspace({attribute.name}=...)` must be finite, got {value}.")


@final
@attrs.frozen(eq=False)
class Halfspace:
    """{ u : <a, u - o> <= b }.

    With a the ``normal``, b the ``bound``, o the ``offset``, n = a/norm(a) and beta = b/norm(a):

        project(x) = x - max(<n, x - o> - beta, 0) n,      inner_radius(x) = beta - <n, x - o>,
        h(g) = <g, o> + t beta at g = t n with t >= 0, else inf,     diameter = reach(x) = inf.

    A direction counts as a multiple of n where what is left of it is rounding: at most 16 sqrt(p)
    unit roundoffs of it. There `lmo` answers the point o + beta n.

    Rounding: computed in float64, whatever the dtype of ``x``. A projected point p satisfies
    ``contains(p, atol=16 * roundoff * (norm(p) + norm(o) + abs(beta)))``. A point that is inside
    comes back as the same object. What is not finite is projected to nan.

    Args:
        normal: a, not 0, shape ``(p,)``, or ``(..., p)`` with one for each game.
        bound: b, a number, or one for each game, shape ``(...)``.
        offset: o, shape ``(p,)`` or ``(..., p)``; None is the origin. It is where `translate`
            keeps what it adds: in ``bound`` it would cancel.

    Raises:
        ArgumentError: An argument is not finite, or the normal is 0.
        ShapeError: An argument is no array of floats, or the lengths differ.

    Example:
        >>> import numpy as np
        >>> half = Halfspace(np.array([3.0, 4.0]), 5.0)
        >>> half.project(np.array([6.0, 8.0]))
        array([0.6, 0.8])
        >>> float(half.support(np.array([6.0, 8.0]))), float(half.support(np.array([1.0, 0.0])))
        (10.0, inf)
    """

    normal: Array = attrs.field(validator=finite_array)
    bound: float | Array = attrs.field(default=0.0, converter=as_float, validator=_finite_bound)
    offset: Array | None = attrs.field(default=None, validator=finite_center)
    _unit: Any = attrs.field(init=False, repr=False, default=None)
    _level: Any = attrs.field(init=False, repr=False, default=None)

    def __attrs_post_init__(self) -> None:
        normal = wide(self.normal)
        length: Any = norm(normal)
        if not bool((to_numpy(length) > 0.0).all()):
            raise ArgumentError(
                "`Halfspace(normal=...)` must not be 0: every point satisfies <0, u> <= b, or none."
            )
        bound = self.bound if isinstance(self.bound, float) else matched(self.bound, normal)
        with np.errstate(over="ignore"):
            level = bound / length
        if not np.isfinite(to_numpy(level)).all():
            raise ArgumentError(
                "`Halfspace(bound=...)` over the length of `normal` must be finite, got "
                f"{to_numpy(self.bound)} / {to_numpy(length)}."
            )
        if self.offset is not None:
            require_length(self.offset, self.dim, "Halfspace")
        object.__setattr__(self, "_unit", unit(normal))
        object.__setattr__(self, "_level", kernels(normal).xp.asarray(level, dtype=normal.dtype))

    @property
    def dim(self) -> int:
        """p."""
        return self.normal.shape[-1]

    @property
    def diameter(self) -> float:
        return math.inf

    @np.errstate(over="ignore", under="ignore", invalid="ignore")
    def project(self, x: Array) -> Array:
        """x - max(<n, x - o> - beta, 0) n, shape ``(..., p)``; ``x`` itself if inside."""
        d, n = self._local(x)
        xp = kernels(d).xp
        excess = self._excess(d, n)
        inside = excess <= 0.0
        if x.ndim == excess.ndim + 1 and bool(xp.all(inside)):
            return x
        moved = d - excess[..., None] * n
        # What the first step leaves is rounding of x; of a far x it is more than rounding of p.
        moved = moved - self._excess(moved, n)[..., None] * n
        if self.offset is not None:
            moved = moved + matched(self.offset, moved)
        projected: Array = xp.where(inside[..., None], x, as_like(moved, x))
        return projected

    def contains(self, x: Array, *, atol: float = 0.0) -> Array | bool:
        """<n, x - o> <= beta + atol, shape ``(...)``; False for nan."""
        excess: Any = self._excess(*self._local(x))
        # Of an infinite point the excess may be -inf.
        return within_distance(x, x, (excess <= atol) & (excess > -math.inf), 0.0)

    @np.errstate(over="ignore", under="ignore", invalid="ignore")
    def support(self, g: Array) -> Value:
        """<g, o> + t beta where g = t n with t >= 0, else inf."""
        along, parallel = self._along(g)
        xp = kernels(g).xp
        value = along * self._level_for(along)
        if self.offset is not None:
            value = value + kernels(along).dot(wide(g), matched(self.offset, wide(g)))
        found = xp.where(parallel, value, xp.full_like(value, math.inf))
        # nan is no direction, and an infinite one no multiple of n.
        found = xp.where(xp.isnan(along), along, found)
        result: Value = xp.astype(found, g.dtype, copy=False)
        return result

    @np.errstate(over="ignore", under="ignore", invalid="ignore")
    def lmo(self, g: Array) -> Array:
        """o + beta n, on the boundary (for g = 0: the point nearest to o).

        Raises:
            NotAvailableError: -g is no multiple t n, t >= 0, of the normal.
        """
        along, parallel = self._along(-g)
        xp = kernels(g).xp
        if not bool(xp.all(parallel | xp.isnan(along))):
            raise NotAvailableError(
                "`Halfspace.lmo(g=...)` has a minimizer only where -g is a non-negative multiple "
                "of the normal: other linear functions are unbounded below; use a bounded set."
            )
        level = self._level_for(along) + 0.0 * along
        level = xp.where(along == 0.0, xp.minimum(level, xp.zeros_like(level)), level)
        point = level[..., None] * matched(self._unit, wide(g))
        if self.offset is not None:
            point = point + matched(self.offset, point)
        found: Array = as_like(point + 0.0 * wide(g), g)
        return found

    def reach(self, x: Array) -> Value:
        """``inf``, shape ``(...)``."""
        excess = self._excess(*self._local(x))
        result: Value = kernels(x).xp.full_like(excess, math.inf)
        return result

    def inner_radius(self, x: Array) -> Value:
        """beta - <n, x - o>: the ball of this radius around ``x`` lies inside (if >= 0)."""
        radius: Value = -self._excess(*self._local(x))
        return radius

    def game(self, index: tuple[int, ...], /) -> Halfspace:
        """The half-space of one game, where an argument has leading axes."""
        bound = row(self.bound, index, 0)
        return Halfspace(row(self.normal, index), bound, row(self.offset, index))

    def translate(self, v: Array) -> Halfspace:
        """The half-space at o + v."""
        require_length(v, self.dim, "Halfspace")
        offset = v if self.offset is None else self.offset + matched(v, self.offset)
        return Halfspace(self.normal, self.bound, offset)

    def sample(self, rng: np.random.Generator, shape: tuple[int, ...]) -> Array:
        """Standard Gaussian points around o + beta n, those outside reflected."""
        require_sample_shape(shape, self.dim, "Halfspace")
        n = to_numpy(self._unit)
        draw = rng.standard_normal(shape)
        along = np.vecdot(draw, n)
        draw = draw + (to_numpy(self._level) - along - np.abs(along))[..., None] * n
        if self.offset is not None:
            draw = draw + to_numpy(self.offset)
        points: Array = as_like(draw, self.normal)
        return points

    def _along(self, g: Any) -> tuple[Any, Any]:
        """t = <n, g>, and whether g = t n with t >= 0 to rounding."""
        require_length(g, self.dim, "Halfspace")
        g64 = wide(g)
        n = matched(self._unit, g64)
        along = kernels(g64).dot(g64, n)
        xp = kernels(g).xp
        rest: Any = norm(g64 - along[..., None] * n)
        size: Any = norm(g64)
        slack = _ROUNDINGS * unit_roundoff(g) * self.dim**0.5 * size
        return along, (rest <= slack) & (along >= -slack) & xp.isfinite(size)

    @np.errstate(over="ignore", under="ignore", invalid="ignore")
    def _excess(self, d: Any, n: Any) -> Any:
        return kernels(d).dot(n, d) - self._level_for(d)

    def _level_for(self, x: Any) -> Any:
        return matched(self._level, x)

    def _local(self, x: Any) -> tuple[Any, Any]:
        """x - o and n, in float64."""
        require_length(x, self.dim, "Halfspace")
        d = wide(x)
        if self.offset is not None:
            d = d - matched(self.offset, d)
        return d, matched(self._unit, d)
