"""The Euclidean ball."""

from __future__ import annotations

import math
from typing import Any, cast, final

import attrs
import numpy as np
from numpy.typing import NDArray

from olgame.arrays import BLOCK, as_like, blocks, kernels
from olgame.exceptions import ShapeError
from olgame.one_game import row
from olgame.sets.fields import as_float, finite_center, matched, require_length
from olgame.sets.norms import norm, ordinary_scale, unit
from olgame.sets.uniform_in_ball import uniform_in_ball
from olgame.typing import Array, Value
from olgame.validation import finite_positive

__all__ = ["L2Ball"]


@final
@attrs.frozen(eq=False)
class L2Ball:
    """The ball B(R) = { u : norm2(u - c) <= R }.

    With R the ``radius`` and c the ``center``:

        project(x) = c + (x - c) min(1, R / norm(x - c)),    h(g) = <g, c> + R norm(g),
        lmo(g) = c - R g/norm(g),    reach(x) = norm(x - c) + R,    diameter = 2 R.

    Rounding: a projected point p has norm(p - c) <= R + s in exact arithmetic, where s is a few
    units of roundoff (of the dtype of ``x``) of R and of norm(c), plus the error of the dot
    product that gave the norm; ``contains(p, atol=16 * roundoff * (R + norm(c)))`` holds. A point
    that is inside comes back as the same object. Norms do not overflow or underflow: the
    projection is right to rounding wherever ``x - c`` is finite and R and the largest entry of
    ``x - c`` are normal numbers of the dtype. What is not finite is projected to nan.

    Args:
        radius: R, finite and positive.
        center: c, shape ``(p,)``, or ``(..., p)`` with one center for each game; None is the
            origin. It is not copied, and is converted where a point comes in another dtype or
            library (slow: give the game one kind of array).

    Raises:
        ArgumentError: ``radius`` or ``center`` is out of its domain.
        ShapeError: ``center`` is no array of floats.

    Example:
        >>> import numpy as np
        >>> ball = L2Ball(1.0)
        >>> ball.project(np.array([3.0, 4.0]))
        array([0.6, 0.8])
        >>> float(ball.support(np.array([3.0, 4.0])))
        5.0

    References:
        hazan2022, Section 2.1.
    """

    radius: float = attrs.field(converter=as_float, validator=finite_positive)
    center: Array | None = attrs.field(default=None, validator=finite_center)
    _ordinary: bool = attrs.field(init=False, repr=False, default=True)

    def __attrs_post_init__(self) -> None:
        # For radii of ordinary size a plain sum of squares decides inside from outside rightly.
        object.__setattr__(self, "_ordinary", ordinary_scale(self.radius))

    @property
    def dim(self) -> int | None:
        """p where there is a center, else None (any)."""
        return None if self.center is None else self.center.shape[-1]

    @property
    def diameter(self) -> float:
        return 2.0 * self.radius

    # A decorator costs a third of a ``with np.errstate(...)`` block, in every round.
    @np.errstate(over="ignore", under="ignore", invalid="ignore")
    def project(self, x: Array) -> Array:
        """c + (x - c) min(1, R / norm(x - c)), shape ``(..., p)``; ``x`` itself if inside."""
        center = None if self.center is None else self._center_for(x)
        if x.ndim == 1 and x.shape[0] > BLOCK and (center is None or center.ndim == 1):
            return self._project_long(x, center, in_place=False)
        difference: Any = x if center is None else x - center
        if difference.ndim != 1:
            return self._project_many(x, center, difference)
        length = float(kernels(x).norm(difference))
        if not (self._ordinary and length < math.inf):
            return self._project_scaled(x, center, difference)
        if length <= self.radius:
            return x
        factor = self.radius / length
        if center is None:
            return x * factor
        return _shrunk(center, difference, factor)

    @np.errstate(over="ignore", under="ignore", invalid="ignore")
    def project_in_place(self, x: Array) -> Array:
        """`project` of a point whose memory may be used for the result.

        For millions of weights a fresh array costs more than the arithmetic: one point is moved
        where it lies, block by block, and many around the origin too.
        """
        center = None if self.center is None else self._center_for(x)
        if x.ndim == 1 and (center is None or center.ndim == 1):
            return self._project_long(x, center, in_place=True)
        if center is not None or not self._ordinary:
            return self.project(x)
        k, points = kernels(x), cast(Any, x)
        lengths: Any = k.norm(x)
        count = math.prod(lengths.shape)
        if k.count(lengths <= self.radius) != count:
            if k.count(lengths < math.inf) != count:
                return self.project(x)
            # The factor of a point inside is R/R = 1 exactly.
            floor = k.xp.full_like(lengths, self.radius)
            points *= (self.radius / k.xp.maximum(lengths, floor))[..., None]
        return x

    def shrinkage(self, lengths: NDArray[np.float64]) -> NDArray[np.float64] | None:
        """min(1, R/length): what `project` multiplies points of these norms with; else None.

        None for a ball that is not around the origin, and where a norm is not finite or its square
        no ordinary number.
        """
        if self.center is not None or not self._ordinary:
            return None
        largest = np.max(lengths, initial=0.0)
        return self.radius / np.maximum(lengths, self.radius) if largest < math.inf else None

    def _project_long(self, x: Any, center: Any, *, in_place: bool) -> Array:
        """`project` of one point, block by block: passes over memory are what it costs."""
        k, pieces = kernels(x), blocks(x)
        moved = x if in_place or center is None else k.xp.empty_like(x)
        if center is None:
            length = float(k.norm(x))
        else:
            squares = 0.0
            for block in pieces:
                out = None if in_place else moved[block]
                difference = k.axpy(-1.0, center[block], x[block], out)
                squares += float(k.dot(difference, difference))
            length = squares**0.5
        if not (self._ordinary and length < math.inf):
            return self._project_scaled(x, center, x if center is None else x - center)
        if length <= self.radius:
            found: Array = x
            return found
        factor = self.radius / length
        if center is None and not in_place:
            scaled: Array = moved * factor
            return scaled
        for block in pieces:
            part = moved[block]
            if in_place and center is not None:
                part -= center[block]
            part *= factor
            if center is not None:
                part += center[block]
        result: Array = moved
        return result

    def _project_many(self, x: Any, center: Any, difference: Any) -> Array:
        """`project` for leading axes, of the point or of the center."""
        k = kernels(x)
        lengths = k.norm(difference)
        count, inside = math.prod(lengths.shape), k.count(lengths <= self.radius)
        if self._ordinary and inside == count:
            return x if x.ndim == difference.ndim else _broadcast(x, difference)
        if not (self._ordinary and k.count(lengths < math.inf) == count):
            return self._project_scaled(x, center, difference)
        if center is not None and inside == 0:
            return _shrunk(center, difference, (self.radius / lengths)[..., None])
        # The factor of a point inside is R/R = 1 exactly.
        floor = k.xp.full_like(lengths, self.radius)
        factor = (self.radius / k.xp.maximum(lengths, floor))[..., None]
        moved: Array
        if center is None:
            moved = x * factor
        else:
            moved = k.xp.where(factor < 1.0, _shrunk(center, difference, factor), x)
        return moved

    def _project_scaled(self, x: Any, center: Any, difference: Any) -> Array:
        """`project` where a sum of squares could overflow or underflow, or is nan."""
        xp = kernels(x).xp
        moved = unit(difference) * self.radius
        if center is not None:
            moved = moved + center
        # Not inside, rather than outside: nan becomes nan.
        inside = (xp.asarray(norm(difference)) <= self.radius)[..., None]
        projected: Array = xp.where(inside, x, moved)
        return projected

    @np.errstate(over="ignore", under="ignore", invalid="ignore")
    def contains(self, x: Array, *, atol: float = 0.0) -> Array | bool:
        """norm(x - c) <= R + atol, shape ``(...)``; False for nan."""
        difference: Any = x if self.center is None else x - self._center_for(x)
        length: Any = kernels(x).norm(difference) if self._ordinary else norm(difference)
        inside: Array = length <= self.radius + atol
        return bool(inside) if difference.ndim == 1 else inside

    def support(self, g: Array) -> Value:
        """<g, c> + R norm(g)."""
        value: Value = norm(g) * self.radius
        if self.center is not None:
            value = kernels(g).dot(g, self._center_for(g)) + value
        return value

    def lmo(self, g: Array) -> Array:
        """c - R g/norm(g) (c for g = 0)."""
        step = unit(g) * -self.radius
        return step if self.center is None else step + self._center_for(g)

    def reach(self, x: Array) -> Value:
        """norm(x - c) + R."""
        return norm(x if self.center is None else x - self._center_for(x)) + self.radius

    def inner_radius(self, x: Array) -> Value:
        """R - norm(x - c): the ball of this radius around ``x`` lies in this one (if >= 0)."""
        difference = x if self.center is None else x - self._center_for(x)
        radius: Value = self.radius - norm(difference)
        return radius

    def game(self, index: tuple[int, ...], /) -> L2Ball:
        """The set of one game, where the center has leading axes."""
        return attrs.evolve(self, center=row(self.center, index))

    def translate(self, v: Array) -> L2Ball:
        """The ball around c + v; around the origin (None) where that is exactly 0."""
        if self.center is None:
            return L2Ball(self.radius, v)
        require_length(v, self.center.shape[-1], "L2Ball")
        center = self.center + matched(v, self.center)
        nonzero: Any = center != 0.0  # type: ignore[comparison-overlap]  # element-wise
        at_origin = not bool(kernels(center).xp.any(nonzero))
        return L2Ball(self.radius, None if at_origin else center)

    def sample(self, rng: np.random.Generator, shape: tuple[int, ...]) -> Array:
        """Uniform points, shape ``shape``, of the kind of the center (float64 NumPy if None)."""
        draw = self.radius * uniform_in_ball(rng, shape)
        if self.center is None:
            return draw
        if shape[-1:] != self.center.shape[-1:]:
            raise ShapeError(
                f"`L2Ball.sample(shape=...)` must end in {self.center.shape[-1]}, got {shape}."
            )
        points: Array = self.center + as_like(draw, self.center)
        return points

    def _center_for(self, x: Any) -> Any:
        """The center in the kind of ``x``; a few comparisons where it is of that kind."""
        center: Any = self.center
        if center.shape[-1] != x.shape[-1]:
            require_length(x, center.shape[-1], "L2Ball")
        return center if center.dtype == x.dtype and type(center) is type(x) else matched(center, x)


def _shrunk(center: Any, difference: Any, factor: Any) -> Array:
    """center + factor * difference, in the memory of ``difference`` (millions of weights)."""
    difference *= factor
    difference += center
    result: Array = difference
    return result


def _broadcast(x: Any, reference: Any) -> Array:
    """``x`` with the leading axes of ``reference``."""
    wide: Array = kernels(x).xp.broadcast_to(x, reference.shape)
    return wide
