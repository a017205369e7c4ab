"""Ellipsoids."""

from __future__ import annotations

import math
from typing import Any, final

import attrs
import numpy as np

from olgame.arrays import as_like, kernels, to_numpy, unit_roundoff
from olgame.exceptions import ArgumentError, ShapeError
from olgame.one_game import row
from olgame.sets.clipping import within_distance
from olgame.sets.fields import (
    as_float,
    finite_array,
    finite_center,
    matched,
    require_length,
    require_sample_shape,
    wide,
)
from olgame.sets.norms import norm
from olgame.sets.secular_root import secular_root
from olgame.sets.uniform_in_ball import uniform_in_ball
from olgame.typing import Array, Value
from olgame.validation import finite_positive

__all__ = ["Ellipsoid"]


def _positive(instance: Any, attribute: attrs.Attribute[Any], value: Any) -> None:
    finite_array(instance, attribute, value)
    if not bool((to_numpy(value) > 0.0).all()):
        raise ArgumentError(
            f"`Ellipsoid({attribute.name}=...)` must be positive, got {to_numpy(value).min()}; an "
            "axis of length 0 belongs to an `AffineSubspace`."
        )


@final
@attrs.frozen(eq=False)
class Ellipsoid:
    """{ c + U diag(s) z : norm(z) <= 1 } = { u : sum_j (y_j/s_j)^2 <= 1, y = U^T (u - c) }.

    With s the ``semi_axes``, U the ``axes``, c the ``center``, and y = U^T (x - c):

        project(x) = c + U z, z_j = y_j s_j^2/(s_j^2 + t), t the root of sum_j (z_j/s_j)^2 = 1,
        h(g) = <g, c> + norm(s U^T g),    lmo(g) = c - U (s^2 U^T g)/norm(s U^T g),
        reach(x)^2 = min over t >= 0 of m + t + norm(y)^2 + sum_j s_j^2 y_j^2/(m - s_j^2 + t),
        m = max_j s_j^2,    diameter = 2 max_j s_j.

    The farthest point is no convex problem, but the dual of one quadratic constraint has no gap:
    for every multiplier m + t >= m the right side bounds reach(x)^2 from above, and the least of
    them is its value. Both roots are those of `secular_root`.

    Rounding: computed in float64, whatever the dtype of ``x``, and in units of the longest axis;
    ``contains(p, atol=16 * roundoff * (max s + norm(c)))`` holds for a projected point p; without
    ``atol`` a thin axis sees the rounding of a rotated point max s/min s times enlarged. A point
    that is inside comes back as the same object. What is not finite is projected to nan.

    Args:
        semi_axes: s, positive, shape ``(p,)``, or ``(..., p)`` for one ellipsoid a game.
        axes: U, orthonormal columns, shape ``(p, p)`` or ``(..., p, p)``; None: the coordinate
            axes.
        center: c, shape ``(p,)`` or ``(..., p)``; None is the origin.

    Raises:
        ArgumentError: A semi-axis is not positive, or ``axes`` is not orthonormal.
        ShapeError: An argument is no array of floats, or the lengths differ.

    Example:
        >>> import numpy as np
        >>> ellipsoid = Ellipsoid(np.array([2.0, 1.0]))
        >>> ellipsoid.project(np.array([4.0, 0.0])), float(ellipsoid.support(np.array([0.0, 3.0])))
        (array([2., 0.]), 3.0)

    References:
        more1983.
    """

    semi_axes: Array = attrs.field(validator=_positive)
    axes: Array | None = attrs.field(default=None, validator=finite_center)
    center: Array | None = attrs.field(default=None, validator=finite_center)
    _lengths: Any = attrs.field(init=False, repr=False, default=None)
    _turn: Any = attrs.field(init=False, repr=False, default=None)

    def __attrs_post_init__(self) -> None:
        object.__setattr__(self, "_lengths", wide(self.semi_axes))
        if self.center is not None:
            require_length(self.center, self.dim, "Ellipsoid")
        if self.axes is None:
            return
        shape = tuple(self.axes.shape)
        if shape[-2:] != (self.dim, self.dim):
            raise ShapeError(
                f"`Ellipsoid(axes=...)` must have shape (p, p) with p = {self.dim}, the length of "
                f"`semi_axes`, got {shape}."
            )
        u = to_numpy(self.axes)
        error = float(np.abs(np.swapaxes(u, -1, -2) @ u - np.eye(self.dim)).max())
        if error > 64.0 * unit_roundoff(self.axes) * self.dim:
            raise ArgumentError(
                "`Ellipsoid(axes=...)` must have orthonormal columns, but axes^T axes is "
                f"{error:.3g} away from the identity; `Ellipsoid.from_matrix(...)` finds them."
            )
        # One Newton step to the polar factor: float32 columns, orthonormal in float64.
        u = 1.5 * u - 0.5 * u @ (np.swapaxes(u, -1, -2) @ u)
        object.__setattr__(self, "_turn", as_like(u, self._lengths))

    @classmethod
    def from_matrix(
        cls, matrix: Array, center: Array | None = None, radius: float = 1.0
    ) -> Ellipsoid:
        """{ u : (u - c)^T M (u - c) <= r^2 }.

        Args:
            matrix: M, symmetric and positive definite, shape ``(p, p)`` or ``(..., p, p)``.
            center: c.
            radius: r > 0.

        Raises:
            ArgumentError: M is not symmetric, or not positive definite to rounding.
            ShapeError: M is no square matrix of floats.

        Example:
            >>> import numpy as np
            >>> Ellipsoid.from_matrix(np.diag([1.0, 4.0])).semi_axes
            array([0.5, 1. ])
        """
        options = {"matrix": matrix, "radius": as_float(radius)}
        _Given(**options)
        m = to_numpy(matrix)
        size = float(np.abs(m).max())
        slack = 64.0 * unit_roundoff(matrix) * m.shape[-1] * size
        if float(np.abs(m - np.swapaxes(m, -1, -2)).max()) > slack:
            raise ArgumentError("`Ellipsoid.from_matrix(matrix=...)` must be symmetric.")
        values, vectors = np.linalg.eigh(0.5 * (m + np.swapaxes(m, -1, -2)))
        # Largest eigenvalue first: the semi-axes rise.
        values, vectors = values[..., ::-1], vectors[..., ::-1]
        least = float(values.min())
        if not least > 1e-3 * slack:
            raise ArgumentError(
                "`Ellipsoid.from_matrix(matrix=...)` must be positive definite, but its least "
                f"eigenvalue is {least:.3g} and its largest entry {size:.3g}."
            )
        axes = np.ascontiguousarray(vectors)
        return cls(as_like(radius / np.sqrt(values), matrix), as_like(axes, matrix), center)

    @property
    def dim(self) -> int:
        """p."""
        return self.semi_axes.shape[-1]

    @property
    def diameter(self) -> float:
        return 2.0 * float(to_numpy(self.semi_axes).max())

    @np.errstate(over="ignore", under="ignore", invalid="ignore")
    def project(self, x: Array) -> Array:
        """The nearest point, shape ``(..., p)``; ``x`` itself if inside."""
        y, s, longest = self._local(x)
        xp = kernels(y).xp
        length: Any = norm(y / s)
        inside = length <= 1.0
        if x.ndim == inside.ndim + 1 and bool(xp.all(inside)):
            return x
        squares = s * s
        # s^2 of a thin axis may be 0 in float64: what is left of it is its sign.
        t = xp.where(inside, xp.zeros_like(y[..., 0]), secular_root(s * y, squares))
        z = y * (squares / (squares + t[..., None]))
        # The root is met from below: what is left of norm(z/s) - 1 is divided out.
        excess: Any = norm(z / s)
        z = z / xp.maximum(excess, xp.ones_like(excess))[..., None]
        z = xp.where(xp.isfinite(t)[..., None], z, xp.full_like(z, math.nan))
        projected: Array = xp.where(inside[..., None], x, as_like(self._global(z * longest), x))
        return projected

    @np.errstate(over="ignore", under="ignore", invalid="ignore")
    def contains(self, x: Array, *, atol: float = 0.0) -> Array | bool:
        """Whether ``x`` is within Euclidean distance ``atol``, shape ``(...)``; False for nan."""
        y, s, _ = self._local(x)
        length: Any = norm(y / s)
        inside = length <= 1.0
        near = atol > 0.0 and not bool(kernels(x).xp.all(inside))
        projected = self.project(x) if near else x
        return within_distance(x, projected, inside, atol)

    @np.errstate(over="ignore", under="ignore", invalid="ignore")
    def support(self, g: Array) -> Value:
        """<g, c> + norm(s U^T g)."""
        turned, s, longest = self._turned(g)
        value: Any = norm(s * turned) * longest[..., 0]
        if self.center is not None:
            value = value + kernels(turned).dot(wide(g), matched(self.center, turned))
        result: Value = kernels(g).xp.astype(value, g.dtype, copy=False)
        return result

    @np.errstate(over="ignore", under="ignore", invalid="ignore")
    def lmo(self, g: Array) -> Array:
        """c - U (s^2 U^T g)/norm(s U^T g) (c for g = 0)."""
        turned, s, longest = self._turned(g)
        scaled = s * turned
        xp = kernels(g).xp
        largest = xp.max(xp.abs(scaled), axis=-1, keepdims=True)
        scaled = scaled / xp.where(largest > 0.0, largest, xp.ones_like(largest))
        length: Any = norm(scaled)[..., None]  # type: ignore[index]  # an array, not a number
        direction = scaled / xp.where(length == 0.0, xp.ones_like(length), length)
        found: Array = as_like(self._global(-longest * s * direction), g)
        return found

    @np.errstate(over="ignore", under="ignore", invalid="ignore")
    def reach(self, x: Array) -> Value:
        """The distance of the farthest point: see the class for the dual problem."""
        y, s, longest = self._local(x)
        xp = kernels(y).xp
        # In units of the longest axis m = 1, and (1 - s)(1 + s) is 1 - s^2 without cancellation.
        a, gaps = s * y, (1.0 - s) * (1.0 + s)
        t = secular_root(a, gaps)
        terms = xp.where(a == 0.0, xp.zeros_like(a), a * (a / (gaps + t[..., None])))
        rest = xp.sqrt(1.0 + t + xp.sum(terms, axis=-1))
        value = xp.hypot(norm(y), rest) * longest[..., 0]
        result: Value = xp.astype(value, x.dtype, copy=False)
        return result

    def inner_radius(self, x: Array) -> Value:
        """(1 - norm(y/s)) min_j s_j: the ball of this radius lies inside (if >= 0).

        The ellipsoid is { u : q(u - c) <= 1 } for the norm q(v) = norm(U^T v/s), and q is at most
        1/min s times the Euclidean norm; it is the largest such ball at the center.
        """
        y, s, longest = self._local(x)
        xp = kernels(y).xp
        radius: Value = (1.0 - norm(y / s)) * (xp.min(s, axis=-1) * longest[..., 0])
        return radius

    def game(self, index: tuple[int, ...], /) -> Ellipsoid:
        """The ellipsoid of one game, where an argument has leading axes."""
        axes = row(self.axes, index, 2)
        return Ellipsoid(row(self.semi_axes, index), axes, row(self.center, index))

    def translate(self, v: Array) -> Ellipsoid:
        """The ellipsoid around c + v."""
        require_length(v, self.dim, "Ellipsoid")
        center = v if self.center is None else self.center + matched(v, self.center)
        return attrs.evolve(self, center=center)

    def sample(self, rng: np.random.Generator, shape: tuple[int, ...]) -> Array:
        """Uniform points, shape ``shape``."""
        require_sample_shape(shape, self.dim, "Ellipsoid")
        draw = to_numpy(self.semi_axes) * uniform_in_ball(rng, shape)
        points: Array = as_like(self._global(as_like(draw, self._lengths)), self.semi_axes)
        return points

    def _local(self, x: Any) -> tuple[Any, Any, Any]:
        """U^T (x - c)/m and s/m in float64, and m = max s, shape ``(..., 1)``."""
        require_length(x, self.dim, "Ellipsoid")
        d = wide(x)
        if self.center is not None:
            d = d - matched(self.center, d)
        turned, s, longest = self._turned(d)
        return turned / longest, s, longest

    def _turned(self, g: Any) -> tuple[Any, Any, Any]:
        """U^T g, s/m and m = max s, in float64."""
        require_length(g, self.dim, "Ellipsoid")
        g = wide(g)
        xp = kernels(g).xp
        s = matched(self._lengths, g)
        longest = xp.max(s, axis=-1, keepdims=True)
        turned = g
        if self._turn is not None:
            turned = xp.matmul(g[..., None, :], matched(self._turn, g))[..., 0, :]
        return turned, s / longest, longest

    def _global(self, z: Any) -> Any:
        """c + U z."""
        if self._turn is not None:
            xp = kernels(z).xp
            z = xp.matmul(matched(self._turn, z), z[..., None])[..., 0]
        return z if self.center is None else z + matched(self.center, z)


@attrs.frozen(eq=False)
class _Given:
    """Checks of the arguments of `Ellipsoid.from_matrix`."""

    matrix: Any = attrs.field(validator=finite_array)
    radius: Any = attrs.field(validator=finite_positive)

    @matrix.validator
    def _is_square(self, attribute: attrs.Attribute[Any], value: Any) -> None:
        if value.ndim < 2 or value.shape[-1] != value.shape[-2]:
            raise ShapeError(
                "`Ellipsoid.from_matrix(matrix=...)` must be a square matrix, got shape "
                f"{tuple(value.shape)}."
            )
