"""The ball of the nuclear norm of a matrix."""

from __future__ import annotations

import math
from typing import Any, final

import attrs
import numpy as np

from olgame.arrays import as_like, kernels
from olgame.exceptions import ShapeError
from olgame.one_game import row
from olgame.sets.clipping import within_distance
from olgame.sets.fields import as_float, finite_center, matched, require_length, wide
from olgame.sets.norms import norm
from olgame.sets.simplex_threshold import onto_simplex
from olgame.typing import Array, Value
from olgame.validation import finite_positive, positive_integer

__all__ = ["NuclearNormBall"]

_INSIDE = 1.0 - 64 * float(np.finfo(np.float64).eps)


@final
@attrs.frozen(eq=False)
class NuclearNormBall:
    """The matrices W with sum_i sigma_i(W - C) <= R, as flat vectors.

    A point is the row-major vector of a matrix with m = ``rows`` rows. With R the ``radius``, C the
    ``center``, and P diag(sigma) Q^T the singular value decomposition of x - C (of g for `lmo`):

        project(x) = C + P diag(q) Q^T, q the projection of sigma onto { q >= 0, sum q = R }
                     (x itself inside),
        h(g) = <g, C> + R sigma_1(g),    lmo(g) = C - R p_1 q_1^T (C for g = 0),
        reach(x)^2 = norm(sigma)^2 + 2 R sigma_1 + R^2,    diameter = 2 R.

    The extreme points are the matrices R a b^T of rank one with unit a and b, whence support,
    minimizer and reach; the diameter is that of the Frobenius norm, which is at most the nuclear.

    Rounding: computed in float64, whatever the dtype of ``x``;
    ``contains(p, atol=16 * roundoff * (R + norm(C)))`` holds for a projected point p. A point that
    is inside comes back as the same object. A row that is not finite is projected to nan.

    Args:
        radius: R, finite and positive.
        rows: m, the number of rows; it divides the length of every point.
        center: C, shape ``(m * cols,)``, or ``(..., m * cols)`` with one for each game; None is
            the origin.

    Raises:
        ArgumentError: ``radius``, ``rows`` or ``center`` is out of its domain.
        ShapeError: ``center`` is no array of floats, or ``rows`` does not divide its length.

    Example:
        >>> import numpy as np
        >>> ball = NuclearNormBall(1.0, rows=2)
        >>> ball.project(np.array([3.0, 0.0, 0.0, 2.5])).round(12)
        array([0.75, 0.  , 0.  , 0.25])
        >>> float(ball.support(np.array([0.0, 3.0, 0.0, 0.0])))
        3.0
    """

    radius: float = attrs.field(converter=as_float, validator=finite_positive)
    rows: int = attrs.field(validator=positive_integer)
    center: Array | None = attrs.field(default=None, validator=finite_center)

    def __attrs_post_init__(self) -> None:
        if self.center is not None and self.center.shape[-1] % self.rows:
            raise ShapeError(
                "`NuclearNormBall(rows=...)` must divide the length of `center`, "
                f"{self.center.shape[-1]}, got {self.rows}."
            )

    @property
    def dim(self) -> int | None:
        """p where there is a center, else None (any multiple of ``rows``)."""
        return None if self.center is None else self.center.shape[-1]

    @property
    def diameter(self) -> float:
        return 2.0 * self.radius

    @np.errstate(over="ignore", under="ignore", invalid="ignore")
    def project(self, x: Array) -> Array:
        """The Euclidean projection, shape ``(..., p)``; ``x`` itself if inside."""
        left, sizes, right = self._decomposed(self._local(x))
        xp = kernels(x).xp
        inside = xp.sum(sizes, axis=-1) <= self.radius
        if x.ndim == inside.ndim + 1 and bool(xp.all(inside)):
            return x
        shrunk = onto_simplex(sizes, self.radius)
        moved = self._flat(xp.matmul(left * shrunk[..., None, :], right))
        if self.center is not None:
            moved = moved + matched(self.center, moved)
        projected: Array = xp.where(inside[..., None], x, as_like(moved, x))
        return projected

    def contains(self, x: Array, *, atol: float = 0.0) -> Array | bool:
        """Whether ``x`` is within Frobenius distance ``atol``, shape ``(...)``; False for nan."""
        inside = kernels(x).xp.sum(self._sizes(self._local(x)), axis=-1) <= self.radius
        near = atol > 0.0 and not bool(kernels(x).xp.all(inside))
        projected = self.project(x) if near else x
        return within_distance(x, projected, inside, atol)

    @np.errstate(over="ignore", under="ignore", invalid="ignore")
    def support(self, g: Array) -> Value:
        """<g, C> + R sigma_1(g)."""
        matrix = self._matrix(wide(g))
        value = self._sizes(matrix)[..., 0] * self.radius
        if self.center is not None:
            flat = self._flat(matrix)
            value = value + kernels(flat).dot(flat, matched(self.center, flat))
        result: Value = kernels(g).xp.astype(value, g.dtype, copy=False)
        return result

    @np.errstate(over="ignore", under="ignore", invalid="ignore")
    def lmo(self, g: Array) -> Array:
        """C - R p_1 q_1^T (C for g = 0; nan in a row that is not finite)."""
        left, sizes, right = self._decomposed(self._matrix(wide(g)))
        factor = kernels(sizes).xp.sign(sizes[..., :1, None]) * -self.radius
        step = self._flat(factor * left[..., :, :1] * right[..., :1, :])
        if self.center is not None:
            step = step + matched(self.center, step)
        found: Array = as_like(step, g)
        return found

    @np.errstate(over="ignore", under="ignore", invalid="ignore")
    def reach(self, x: Array) -> Value:
        """sqrt(norm(sigma)^2 + 2 R sigma_1 + R^2): the distance of -R p_1 q_1^T from x - C."""
        sizes = self._sizes(self._local(x))
        xp = kernels(x).xp
        farthest = xp.concat([sizes[..., :1] + self.radius, sizes[..., 1:]], axis=-1)
        result: Value = xp.astype(norm(farthest), x.dtype, copy=False)
        return result

    def inner_radius(self, x: Array) -> Value:
        """(R - sum sigma)/sqrt(r), r = min(m, cols): the ball of this radius lies inside.

        The nuclear norm is at most sqrt(r) times the Frobenius norm, with equality for a multiple
        of an isometry.
        """
        sizes = self._sizes(self._local(x))
        length = kernels(x).xp.sum(sizes, axis=-1)
        radius: Value = (self.radius - length) / math.sqrt(sizes.shape[-1])
        return radius

    def game(self, index: tuple[int, ...], /) -> NuclearNormBall:
        """The ball of one game, where there is a center for each."""
        return attrs.evolve(self, center=row(self.center, index))

    def translate(self, v: Array) -> NuclearNormBall:
        """The ball around C + v."""
        if self.center is None:
            return NuclearNormBall(self.radius, self.rows, v)
        require_length(v, self.center.shape[-1], "NuclearNormBall")
        return NuclearNormBall(self.radius, self.rows, self.center + matched(v, self.center))

    def sample(self, rng: np.random.Generator, shape: tuple[int, ...]) -> Array:
        """Random singular vectors (those of a Gaussian matrix), uniform singular values.

        Not the uniform law: the singular values are uniform in { q >= 0, sum q <= R }. Of the kind
        of the center (float64 NumPy if None).
        """
        if not shape or shape[-1] % self.rows or 0 in shape or self.dim not in (None, shape[-1]):
            length = f"a multiple of {self.rows}" if self.dim is None else self.dim
            raise ShapeError(
                f"`NuclearNormBall.sample(shape=...)` must end in {length}, got {shape}."
            )
        matrix = rng.standard_normal((*shape[:-1], self.rows, shape[-1] // self.rows))
        left, sizes, right = np.linalg.svd(matrix, full_matrices=False)
        steps = rng.exponential(size=(*sizes.shape[:-1], sizes.shape[-1] + 1))
        drawn = steps[..., :-1] * (self.radius * _INSIDE / steps.sum(-1, keepdims=True))
        draw = ((left * drawn[..., None, :]) @ right).reshape(shape)
        if self.center is None:
            return np.asarray(draw)
        points: Array = self.center + as_like(draw, self.center)
        return points

    def _decomposed(self, matrix: Any) -> tuple[Any, Any, Any]:
        """Singular value decomposition; nan where an entry of the matrix is not finite."""
        xp = kernels(matrix).xp
        finite = xp.all(xp.all(xp.isfinite(matrix), axis=-1), axis=-1)
        safe = xp.where(finite[..., None, None], matrix, xp.zeros_like(matrix))
        left, sizes, right = xp.linalg.svd(safe, full_matrices=False)
        return left, xp.where(finite[..., None], sizes, xp.full_like(sizes, math.nan)), right

    def _sizes(self, matrix: Any) -> Any:
        """The singular values, largest first; nan where an entry is not finite."""
        xp = kernels(matrix).xp
        finite = xp.all(xp.all(xp.isfinite(matrix), axis=-1), axis=-1)
        sizes = xp.linalg.svdvals(xp.where(finite[..., None, None], matrix, xp.zeros_like(matrix)))
        return xp.where(finite[..., None], sizes, xp.full_like(sizes, math.nan))

    def _local(self, x: Any) -> Any:
        """x - C as a matrix, in float64."""
        d = wide(x)
        if self.center is not None:
            require_length(x, self.center.shape[-1], "NuclearNormBall")
            d = d - matched(self.center, d)
        return self._matrix(d)

    def _matrix(self, x: Any) -> Any:
        """``x`` as a matrix, shape ``(..., rows, cols)`` (a view)."""
        length = x.shape[-1]
        if length % self.rows or length == 0 or self.dim not in (None, length):
            rule = f"a multiple of `rows` = {self.rows}" if self.dim in (None, length) else self.dim
            raise ShapeError(
                f"A point of `NuclearNormBall` must have a last axis of length {rule}, "
                f"got {length}."
            )
        return x.reshape((*x.shape[:-1], self.rows, length // self.rows))

    @staticmethod
    def _flat(matrix: Any) -> Any:
        return matrix.reshape((*matrix.shape[:-2], matrix.shape[-2] * matrix.shape[-1]))
