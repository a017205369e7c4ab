"""The ball of the largest entry."""

from __future__ import annotations

import math
from typing import Any, final

import attrs
import numpy as np

from olgame.arrays import as_like, kernels
from olgame.exceptions import NotAvailableError, ShapeError
from olgame.one_game import row
from olgame.sets.clipping import clip, clipped_contains
from olgame.sets.fields import as_float, finite_center, matched, require_length
from olgame.sets.norms import norm
from olgame.typing import Array, Value
from olgame.validation import finite_positive, positive_integer

__all__ = ["LinfBall"]


@final
@attrs.frozen(eq=False)
class LinfBall:
    """The cube { u : max over j of abs(u_j - c_j) <= R }.

    With R the ``radius`` and c the ``center``:

        project(x) = min(max(x, c - R), c + R),    h(g) = <g, c> + R norm1(g),
        lmo(g) = c - R sign(g),    reach(x) = norm2(abs(x - c) + R),    diameter = 2 R sqrt(p).

    Rounding: c - R and c + R are rounded once to the dtype of ``x``, and a projected point lies in
    the cube with these ends exactly. A point that is inside comes back as the same object. What is
    not finite is projected to nan.

    Args:
        radius: R, finite and positive.
        center: c, shape ``(p,)``, or ``(..., p)`` with one center for each game; None is the
            origin. It is not copied, and is converted where a point comes in another dtype or
            library.
        dim: p, needed for the diameter where there is no center; None is any.

    Raises:
        ArgumentError: ``radius``, ``center`` or ``dim`` is out of its domain.
        ShapeError: ``center`` is no array of floats, or not of length ``dim``.

    Example:
        >>> import numpy as np
        >>> ball = LinfBall(1.0)
        >>> ball.project(np.array([3.0, 0.5, -4.0]))
        array([ 1. ,  0.5, -1. ])
        >>> float(ball.support(np.array([3.0, 0.5, -4.0])))
        7.5
    """

    radius: float = attrs.field(converter=as_float, validator=finite_positive)
    center: Array | None = attrs.field(default=None, validator=finite_center)
    dim: int | None = attrs.field(
        default=None, kw_only=True, validator=attrs.validators.optional(positive_integer)
    )

    def __attrs_post_init__(self) -> None:
        if self.center is None:
            return
        length = self.center.shape[-1]
        if self.dim not in (None, length):
            raise ShapeError(
                f"`LinfBall(dim=...)` must be the length of `center`, {length}, got {self.dim}."
            )
        object.__setattr__(self, "dim", length)

    @property
    def diameter(self) -> float:
        """2 R sqrt(p).

        Raises:
            NotAvailableError: The ball has neither ``center`` nor ``dim``.
        """
        if self.dim is None:
            raise NotAvailableError(
                "`LinfBall.diameter` is 2 R sqrt(p) and p is not known: give `LinfBall(dim=...)`."
            )
        return 2.0 * self.radius * math.sqrt(self.dim)

    def project(self, x: Array) -> Array:
        """min(max(x, c - R), c + R), shape ``(..., p)``; ``x`` itself if inside."""
        return clip(x, *self._limits(x))

    def contains(self, x: Array, *, atol: float = 0.0) -> Array | bool:
        """Whether ``x`` is within Euclidean distance ``atol``, shape ``(...)``; False for nan."""
        return clipped_contains(x, *self._limits(x), atol)

    def support(self, g: Array) -> Value:
        """<g, c> + R norm1(g)."""
        self._check(g)
        xp = kernels(g).xp
        value: Value = xp.sum(xp.abs(g), axis=-1) * self.radius
        if self.center is not None:
            value = kernels(g).dot(g, self._center_for(g)) + value
        return value

    @np.errstate(invalid="ignore")
    def lmo(self, g: Array) -> Array:
        """c - R sign(g) (c_j where g_j = 0)."""
        self._check(g)
        # The sign of nan is nan in one library and 0 in another; g - g is 0 for a number.
        step: Array = (kernels(g).xp.sign(g) + (g - g)) * -self.radius
        return step if self.center is None else step + self._center_for(g)

    def reach(self, x: Array) -> Value:
        """norm2(abs(x - c) + R): the distance of the farthest corner."""
        return norm(self._offset(x) + self.radius)

    def inner_radius(self, x: Array) -> Value:
        """R - max abs(x - c): the ball of this radius around ``x`` lies in the cube (if >= 0)."""
        radius: Value = self.radius - kernels(x).xp.max(self._offset(x), axis=-1)
        return radius

    def game(self, index: tuple[int, ...], /) -> LinfBall:
        """The set of one game, where the center has leading axes."""
        return attrs.evolve(self, center=row(self.center, index))

    def translate(self, v: Array) -> LinfBall:
        """The cube around c + v; around the origin (None) where that is exactly 0."""
        self._check(v)
        center = v if self.center is None else self.center + matched(v, self.center)
        nonzero: Any = center != 0.0  # type: ignore[comparison-overlap]  # element-wise
        at_origin = self.center is not None and not bool(kernels(center).xp.any(nonzero))
        return LinfBall(self.radius, None if at_origin else center, dim=center.shape[-1])

    def sample(self, rng: np.random.Generator, shape: tuple[int, ...]) -> Array:
        """Uniform points, shape ``shape``, of the kind of the center (float64 NumPy if None)."""
        if not shape or self.dim not in (None, shape[-1]):
            raise ShapeError(f"`LinfBall.sample(shape=...)` must end in {self.dim}, got {shape}.")
        draw: Any = self.radius * rng.uniform(-1.0, 1.0, shape)
        if self.center is None:
            return np.asarray(draw)
        points: Array = self.center + as_like(draw, self.center)
        return clip(points, *self._limits(points))

    def _limits(self, x: Any) -> tuple[Any, Any]:
        """c - R and c + R in the kind of ``x``."""
        self._check(x)
        if self.center is None:
            return as_like(-self.radius, x), as_like(self.radius, x)
        center = self._center_for(x)
        return center - self.radius, center + self.radius

    def _offset(self, x: Any) -> Any:
        self._check(x)
        return kernels(x).xp.abs(x if self.center is None else x - self._center_for(x))

    def _center_for(self, x: Any) -> Any:
        """The center in the kind of ``x``."""
        center: Any = self.center
        if type(center) is type(x) and center.dtype == x.dtype:
            return center
        return matched(center, x)

    def _check(self, x: Any) -> None:
        if self.dim is not None and x.shape[-1] != self.dim:
            require_length(x, self.dim, "LinfBall")
