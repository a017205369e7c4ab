"""The ball of the sum of absolute values."""

from __future__ import annotations

from typing import Any, final

import attrs
import numpy as np

from olgame.arrays import as_like, kernels
from olgame.exceptions import ShapeError
from olgame.one_game import row
from olgame.sets.clipping import within_distance
from olgame.sets.fields import as_float, finite_center, matched, require_length
from olgame.sets.norms import norm
from olgame.sets.simplex_threshold import onto_simplex, sum_to_float64
from olgame.typing import Array, Value
from olgame.validation import finite_positive

__all__ = ["L1Ball"]

_INSIDE = 1.0 - 16 * float(np.finfo(np.float64).eps)


@final
@attrs.frozen(eq=False)
class L1Ball:
    """The cross-polytope { u : sum_j abs(u_j - c_j) <= R }.

    With R the ``radius`` and c the ``center``, d = x - c, and q the projection of abs(d) onto the
    simplex { q >= 0, sum q = R }:

        project(x) = c + sign(d) q (x itself inside),    h(g) = <g, c> + R max_j abs(g_j),
        lmo(g) = c - R sign(g_j) e_j, j the first largest abs(g_j) (c for g = 0),
        reach(x)^2 = norm2(d)^2 + 2 R max_j abs(d_j) + R^2,    diameter = 2 R.

    Rounding: sums and the projection are computed in float64, whatever the dtype of ``x``;
    ``contains(p, atol=16 * roundoff * (R + norm(c)))`` holds for a projected point p. A point that
    is inside comes back as the same object. No scale of ``x`` overflows. A row that is not finite
    is projected to nan.

    Args:
        radius: R, finite and positive.
        center: c, shape ``(p,)``, or ``(..., p)`` with one center for each game; None is the
            origin. It is not copied, and is converted where a point comes in another dtype or
            library.

    Raises:
        ArgumentError: ``radius`` or ``center`` is out of its domain.
        ShapeError: ``center`` is no array of floats.

    Example:
        >>> import numpy as np
        >>> ball = L1Ball(1.0)
        >>> ball.project(np.array([1.0, -0.5]))
        array([ 0.75, -0.25])
        >>> float(ball.support(np.array([3.0, -4.0])))
        4.0
    """

    radius: float = attrs.field(converter=as_float, validator=finite_positive)
    center: Array | None = attrs.field(default=None, validator=finite_center)

    @property
    def dim(self) -> int | None:
        """p where there is a center, else None (any)."""
        return None if self.center is None else self.center.shape[-1]

    @property
    def diameter(self) -> float:
        return 2.0 * self.radius

    @np.errstate(over="ignore", under="ignore", invalid="ignore")
    def project(self, x: Array) -> Array:
        """The Euclidean projection, shape ``(..., p)``; ``x`` itself if inside."""
        difference = self._difference(x)
        xp = kernels(x).xp
        inside = self._inside(difference)
        if x.ndim == difference.ndim and bool(xp.all(inside)):
            return x
        shrunk = as_like(onto_simplex(xp.abs(difference), self.radius), x)
        moved = xp.where(difference < 0.0, -shrunk, shrunk)
        if self.center is not None:
            moved = self._center_for(x) + moved
        projected: Array = xp.where(inside[..., None], x, moved)
        return projected

    def contains(self, x: Array, *, atol: float = 0.0) -> Array | bool:
        """Whether ``x`` is within Euclidean distance ``atol``, shape ``(...)``; False for nan."""
        inside = self._inside(self._difference(x))
        projected = self.project(x) if atol > 0.0 else x
        return within_distance(x, projected, inside, atol)

    def support(self, g: Array) -> Value:
        """<g, c> + R max_j abs(g_j)."""
        self._check(g)
        xp = kernels(g).xp
        value: Value = xp.max(xp.abs(g), axis=-1) * self.radius
        if self.center is not None:
            value = kernels(g).dot(g, self._center_for(g)) + value
        return value

    @np.errstate(invalid="ignore")
    def lmo(self, g: Array) -> Array:
        """c - R sign(g_j) e_j, j the first largest abs(g_j) (c for g = 0; nan in a nan row)."""
        self._check(g)
        step: Array = self._largest(g) * kernels(g).xp.sign(g) * -self.radius + (g - g)
        return step if self.center is None else step + self._center_for(g)

    def reach(self, x: Array) -> Value:
        """sqrt(norm2(d)^2 + 2 R max abs(d_j) + R^2): the distance of the farthest vertex."""
        away = kernels(x).xp.abs(self._difference(x))
        return norm(away + self._largest(away) * self.radius)

    def inner_radius(self, x: Array) -> Value:
        """(R - norm1(x - c))/sqrt(p): the ball of this radius lies in this one (if >= 0)."""
        length = sum_to_float64(kernels(x).xp.abs(self._difference(x)))
        radius: Value = (self.radius - length) / x.shape[-1] ** 0.5
        return radius

    def game(self, index: tuple[int, ...], /) -> L1Ball:
        """The set of one game, where the center has leading axes."""
        return attrs.evolve(self, center=row(self.center, index))

    def translate(self, v: Array) -> L1Ball:
        """The ball around c + v; around the origin (None) where that is exactly 0."""
        if self.center is None:
            return L1Ball(self.radius, v)
        self._check(v)
        center = self.center + matched(v, self.center)
        nonzero: Any = center != 0.0  # type: ignore[comparison-overlap]  # element-wise
        at_origin = not bool(kernels(center).xp.any(nonzero))
        return L1Ball(self.radius, None if at_origin else center)

    def sample(self, rng: np.random.Generator, shape: tuple[int, ...]) -> Array:
        """Uniform points, shape ``shape``, of the kind of the center (float64 NumPy if None).

        The first p of p + 1 exponentials over the sum of all are uniform in the solid simplex;
        signs carry them to the other orthants.
        """
        if not shape or self.dim not in (None, shape[-1]):
            raise ShapeError(f"`L1Ball.sample(shape=...)` must end in {self.dim}, got {shape}.")
        steps = rng.exponential(size=(*shape[:-1], shape[-1] + 1))
        signs = np.where(rng.random(shape) < 0.5, -1.0, 1.0)
        draw = signs * steps[..., :-1] * (self.radius * _INSIDE / steps.sum(-1, keepdims=True))
        if self.center is None:
            return np.asarray(draw)
        points: Array = self.center + as_like(draw, self.center)
        return points

    def _inside(self, difference: Any) -> Any:
        return sum_to_float64(kernels(difference).xp.abs(difference)) <= self.radius

    @staticmethod
    def _largest(x: Any) -> Any:
        """1 at the first largest absolute entry of every row (or its first nan), else 0."""
        xp = kernels(x).xp
        where = xp.argmax(xp.abs(x), axis=-1, keepdims=True)
        return xp.astype(xp.arange(x.shape[-1], device=x.device) == where, x.dtype)

    def _difference(self, x: Any) -> Any:
        self._check(x)
        return x if self.center is None else x - self._center_for(x)

    def _center_for(self, x: Any) -> Any:
        """The center in the kind of ``x``."""
        center: Any = self.center
        if type(center) is type(x) and center.dtype == x.dtype:
            return center
        return matched(center, x)

    def _check(self, x: Any) -> None:
        if self.center is not None and x.shape[-1] != self.center.shape[-1]:
            require_length(x, self.center.shape[-1], "L1Ball")
