"""Boxes, bounded or not."""

from __future__ import annotations

import math
from typing import Any, final

import attrs
import numpy as np

from olgame.arrays import as_like, kernels, to_numpy
from olgame.exceptions import ArgumentError, NotAvailableError, ShapeError
from olgame.one_game import row
from olgame.sets.clipping import clip, clipped_contains, interval_gap
from olgame.sets.fields import is_floating, matched, require_length
from olgame.sets.norms import norm
from olgame.typing import Array, Value
from olgame.validation import positive_integer

__all__ = ["Box"]


def _as_end(value: Any) -> Any:
    """A number as a float; an array as it is."""
    if isinstance(value, bool | str | bytes) or getattr(value, "ndim", 0) > 0:
        return value
    try:
        return float(value)
    except (TypeError, ValueError):
        return value


def _is_end(instance: Any, attribute: attrs.Attribute[Any], value: Any) -> None:
    if not isinstance(value, float) and not is_floating(value):
        raise ShapeError(
            f"`Box({attribute.name}=...)` must be a number or an array of floats of shape "
            f"(..., p), got {getattr(value, 'dtype', type(value).__name__)}."
        )


@final
@attrs.frozen(eq=False)
class Box:
    """{ u : low_j <= u_j <= high_j for all j }; an infinite end is no bound.

        project(x) = min(max(x, low), high),    h(g) = sum_j max(g_j low_j, g_j high_j),
        lmo(g)_j = low_j where g_j > 0, high_j where g_j < 0,    diameter = norm2(high - low),
        reach(x) = norm2(max(x - low, high - x)).

    In a box without bound h is ``inf`` in the directions that have none (0 inf = 0), reach and
    diameter are ``inf``, and `lmo` refuses those directions. Clipping is exact: a projected point
    lies in the box, and one that is inside comes back as the same object. A point that is not
    finite lies in no box; its infinite entries are projected to nan, or stay where there is no
    bound to stop them.

    Args:
        low: Lower ends, a number or shape ``(..., p)``, leading axes for one box a game; ``-inf``
            where there is no bound.
        high: Upper ends, likewise, nowhere below ``low``; ``inf`` where there is no bound.
        dim: p, needed for the diameter where both ends are numbers; None is any.

    Raises:
        ArgumentError: An end is nan, ``low`` is above ``high`` or ``inf``, ``high`` is ``-inf``.
        ShapeError: An end is no number or array of floats, or the lengths differ.

    Example:
        >>> import numpy as np
        >>> box = Box(0.0, np.array([1.0, np.inf]))
        >>> box.project(np.array([3.0, 4.0]))
        array([1., 4.])
        >>> float(box.support(np.array([3.0, -4.0]))), float(box.support(np.array([0.0, 1.0])))
        (3.0, inf)
    """

    low: float | Array = attrs.field(converter=_as_end, validator=_is_end)
    high: float | Array = attrs.field(converter=_as_end, validator=_is_end)
    dim: int | None = attrs.field(
        default=None, kw_only=True, validator=attrs.validators.optional(positive_integer)
    )
    _diameter: float = attrs.field(init=False, repr=False, default=math.nan)

    def __attrs_post_init__(self) -> None:
        low, high = to_numpy(self.low), to_numpy(self.high)
        lengths = {end.shape[-1] for end in (low, high) if end.ndim}
        lengths |= set() if self.dim is None else {self.dim}
        try:
            np.broadcast_shapes(low.shape, high.shape)
        except ValueError:
            lengths = {-1, -2}
        if len(lengths) > 1:
            raise ShapeError(
                "`Box(low=..., high=..., dim=...)` must agree on the number of coordinates, got "
                f"shapes {low.shape} and {high.shape} and dim {self.dim}."
            )
        ordered = (low <= high) & (low < math.inf) & (high > -math.inf)
        if not np.all(ordered):
            bad = tuple(int(i) for i in np.argwhere(~ordered)[0])
            ends = [float(np.broadcast_to(end, ordered.shape)[bad]) for end in (low, high)]
            where = f" at index {bad[0] if len(bad) == 1 else bad}" if bad else ""
            raise ArgumentError(
                "`Box(low=..., high=...)` must have low <= high, neither nan nor an infinity that "
                f"leaves no point, got {ends[0]} and {ends[1]}{where}."
            )
        if lengths:
            object.__setattr__(self, "dim", lengths.pop())
            with np.errstate(over="ignore"):
                sides = np.broadcast_to(high - low, (*ordered.shape[:-1], self.dim or 0))
            bounded = bool(np.all(np.isfinite(sides)))
            diameter = float(np.max(to_numpy(norm(sides)))) if bounded else math.inf
            object.__setattr__(self, "_diameter", diameter)
        elif not math.isfinite(float(high - low)):
            object.__setattr__(self, "_diameter", math.inf)

    @property
    def diameter(self) -> float:
        """norm2(high - low), the largest over the games.

        Raises:
            NotAvailableError: Both ends are numbers and there is no ``dim``.
        """
        if math.isnan(self._diameter):
            raise NotAvailableError(
                "`Box.diameter` is (high - low) sqrt(p) and p is not known: give `Box(dim=...)`."
            )
        return self._diameter

    def project(self, x: Array) -> Array:
        """min(max(x, low), high), shape ``(..., p)``; ``x`` itself if inside."""
        return clip(x, *self._limits(x))

    def contains(self, x: Array, *, atol: float = 0.0) -> Array | bool:
        """Whether ``x`` is within distance ``atol``, shape ``(...)``; False for nan and inf."""
        return clipped_contains(x, *self._limits(x), atol)

    @np.errstate(over="ignore", invalid="ignore")
    def support(self, g: Array) -> Value:
        """Sum over j of max(g_j low_j, g_j high_j); ``inf`` where unbounded."""
        low, high = self._limits(g)
        xp = kernels(g).xp
        values: Any = g
        # 0 inf is nan: the last branch keeps a zero, and a nan that was there before.
        terms = xp.where(values > 0.0, g * high, xp.where(values < 0.0, g * low, g))
        result: Value = xp.sum(terms, axis=-1)
        return result

    @np.errstate(invalid="ignore")
    def lmo(self, g: Array) -> Array:
        """The corner low_j (g_j > 0) or high_j (g_j < 0); the point nearest to 0 where g_j = 0.

        Raises:
            NotAvailableError: The box has no bound in the direction -g.
        """
        low, high = self._limits(g)
        xp = kernels(g).xp
        values: Any = g
        zero = xp.zeros_like(g)
        rest = xp.minimum(xp.maximum(zero, low), high) + (g - g)
        corner: Array = xp.where(
            values > 0.0, zero + low, xp.where(values < 0.0, zero + high, rest)
        )
        if bool(xp.any(xp.isinf(corner))):
            raise NotAvailableError(
                "`Box.lmo(g=...)` has no minimizer where -g points along a coordinate without "
                "bound: a linear function is unbounded below there; give a finite end."
            )
        return corner

    @np.errstate(over="ignore", invalid="ignore")
    def reach(self, x: Array) -> Value:
        """norm2(max(x - low, high - x)): the distance of the farthest corner."""
        low, high = self._limits(x)
        farthest: Array = kernels(x).xp.maximum(x - low, high - x)
        unbounded = kernels(x).xp.any(kernels(x).xp.isinf(farthest), axis=-1)
        length: Any = norm(farthest)
        reach: Value = kernels(x).xp.where(
            unbounded, kernels(x).xp.full_like(length, math.inf), length
        )
        return reach

    def inner_radius(self, x: Array) -> Value:
        """min over j of (x_j - low_j, high_j - x_j): the ball of this radius lies in the box."""
        return interval_gap(x, *self._limits(x))

    def game(self, index: tuple[int, ...], /) -> Box:
        """The box of one game, where an end has leading axes."""
        return attrs.evolve(self, low=row(self.low, index), high=row(self.high, index))

    def translate(self, v: Array) -> Box:
        """The box with the ends low + v and high + v."""
        low, high = (
            end + v if isinstance(end, float) else end + matched(v, end)
            for end in (self.low, self.high)
        )
        return Box(low, high, dim=self.dim)

    def sample(self, rng: np.random.Generator, shape: tuple[int, ...]) -> Array:
        """Points of shape ``shape``, of the kind of the first end that is no number.

        Uniform between two finite ends; an exponential step away from a single one; standard
        Gaussian where there is none.
        """
        if not shape or self.dim not in (None, shape[-1]):
            raise ShapeError(f"`Box.sample(shape=...)` must end in {self.dim}, got {shape}.")
        low, high = (np.broadcast_to(to_numpy(end), shape) for end in (self.low, self.high))
        part, step, gauss = rng.random(shape), rng.exponential(size=shape), rng.normal(size=shape)
        from_low, from_high = np.isfinite(low), np.isfinite(high)
        with np.errstate(invalid="ignore"):
            between = low * (1.0 - part) + high * part
            half = np.where(from_low, low + step, np.where(from_high, high - step, gauss))
        draw = np.where(from_low & from_high, between, half)
        kind = next((end for end in (self.low, self.high) if not isinstance(end, float)), draw)
        points: Array = as_like(draw, kind)
        return clip(points, *self._limits(points))

    def _limits(self, x: Any) -> tuple[Any, Any]:
        """Both ends in the kind of ``x``."""
        if self.dim is not None and x.shape[-1] != self.dim:
            require_length(x, self.dim, "Box")
        return self._end_for(self.low, x), self._end_for(self.high, x)

    @staticmethod
    def _end_for(end: Any, x: Any) -> Any:
        if isinstance(end, float):
            return as_like(end, x)
        if type(end) is type(x) and end.dtype == x.dtype:
            return end
        return matched(end, x)
