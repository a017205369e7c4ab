"""Affine subspaces: solutions of linear equations, or the span of directions."""

from __future__ import annotations

import math
from typing import Any, NamedTuple, final

import attrs
import numpy as np
from numpy.typing import NDArray

from olgame.arrays import as_like, kernels, to_numpy, unit_roundoff
from olgame.exceptions import ArgumentError, NotAvailableError, ShapeError
from olgame.one_game import row
from olgame.sets.clipping import within_distance
from olgame.sets.fields import (
    finite_array,
    finite_center,
    matched,
    require_length,
    require_sample_shape,
    wide,
)
from olgame.sets.norms import norm
from olgame.typing import Array, Value

__all__ = ["AffineSubspace"]

# Roundings, times sqrt(p), of a point or direction by which it may be off the subspace.
_ROUNDINGS = 16.0


def _matrix(instance: Any, attribute: attrs.Attribute[Any], value: Any) -> None:
    finite_array(instance, attribute, value)
    if value.ndim != 2 or 0 in value.shape:
        raise ShapeError(
            f"`AffineSubspace({attribute.name}=...)` must be a matrix of shape (k, p) with k and p "
            f"at least 1, got shape {tuple(value.shape)}."
        )


class _Basis(NamedTuple):
    """Orthonormal rows: of the row space of A, or of the directions; and a (None for 0)."""

    rows: Any
    is_normal: bool
    anchor: Any


@final
@attrs.frozen(eq=False)
class AffineSubspace:
    """{ u in R^p : A (u - o) = b }.

    With A the ``matrix``, b the ``target`` and o the ``offset``; N has as rows an orthonormal basis
    of the row space of A, and a is the least solution, A a = b:

        project(x) = x - N^T N (x - o - a),    h(g) = <g, o + a> for g in the row space, else inf,
        lmo(g) = o + a for g in the row space,    diameter = reach(x) = inf

    (in a subspace of dimension 0, diameter 0 and reach(x) = norm(x - o - a)). The equations may be
    redundant and of any scale: N comes from the singular value decomposition of the rows brought
    to length 1, without singular values at rounding level; equations that contradict each other
    are refused. `spanned_by` takes directions instead of equations.

    Rounding: an affine subspace is thin. A point counts as inside, and a direction as one of the
    row space, where it is off by at most 16 sqrt(p) unit roundoffs (of its dtype) of its own size
    plus that of o + a; a projected point is inside in this sense, and one that is inside comes
    back as the same object. Computed in float64. What is not finite is projected to nan.

    Args:
        matrix: A, shape ``(k, p)``, of any rank (the directions, in a set from `spanned_by`).
        target: b, shape ``(k,)``; None is 0.
        offset: o, shape ``(p,)``, or ``(..., p)`` with one for each game; None is the origin. It
            is where `translate` keeps what it adds.

    Raises:
        ArgumentError: An argument is not finite, or A u = b has no solution.
        ShapeError: An argument is no array of floats, or the shapes do not fit.

    Example:
        >>> import numpy as np
        >>> plane = AffineSubspace(np.array([[1.0, 1.0], [2.0, 2.0]]), np.array([1.0, 2.0]))
        >>> plane.project(np.array([1.0, 1.0])).round(12)
        array([0.5, 0.5])
        >>> round(float(plane.support(np.array([3.0, 3.0]))), 12)
        3.0
    """

    matrix: Array = attrs.field(validator=_matrix)
    target: Array | None = attrs.field(default=None, validator=finite_center)
    offset: Array | None = attrs.field(default=None, validator=finite_center)
    _basis: Any = attrs.field(default=None, repr=False, alias="_basis", kw_only=True)

    def __attrs_post_init__(self) -> None:
        if self.offset is not None:
            require_length(self.offset, self.dim, "AffineSubspace")
        if self._basis is not None:
            return
        a = to_numpy(self.matrix)
        b = np.zeros(len(a)) if self.target is None else to_numpy(self.target)
        if b.shape != (len(a),):
            raise ShapeError(
                f"`AffineSubspace(target=...)` must have shape ({len(a)},), one number for each "
                f"row of `matrix`, got {b.shape}."
            )
        rows, least = _solved(a, b, unit_roundoff(self.matrix))
        reference = wide(self.matrix)
        anchor = as_like(least, reference) if np.any(least) else None
        object.__setattr__(self, "_basis", _Basis(as_like(rows, reference), True, anchor))

    @classmethod
    def spanned_by(cls, directions: Array, offset: Array | None = None) -> AffineSubspace:
        """o + { sum_i t_i d_i }, with the d_i the rows of ``directions``, dependent or not.

        Args:
            directions: shape ``(k, p)``.
            offset: o, shape ``(p,)``, or ``(..., p)`` with one for each game.

        Raises:
            ArgumentError: An argument is not finite.
            ShapeError: An argument is no array of floats, or the shapes do not fit.

        Example:
            >>> import numpy as np
            >>> line = AffineSubspace.spanned_by(np.array([[1.0, 1.0]]), np.array([0.0, 1.0]))
            >>> line.project(np.array([1.0, 1.0])).round(12)
            array([0.5, 1.5])
        """
        probe = cls(directions)  # the checks, and an orthonormal basis of the span
        return cls(directions, None, offset, _basis=_Basis(probe._basis.rows, False, None))

    @property
    def dim(self) -> int:
        """p."""
        return self.matrix.shape[-1]

    @property
    def subspace_dim(self) -> int:
        """The dimension of the subspace itself."""
        rank = int(self._basis.rows.shape[0])
        return self.dim - rank if self._basis.is_normal else rank

    @property
    def diameter(self) -> float:
        return math.inf if self.subspace_dim else 0.0

    @np.errstate(over="ignore", under="ignore", invalid="ignore")
    def project(self, x: Array) -> Array:
        """The nearest point, shape ``(..., p)``; ``x`` itself if inside."""
        d = self._local(x)
        xp = kernels(d).xp
        away = self._normal_part(d)
        inside = self._negligible(away, x)
        if x.ndim == d.ndim and bool(xp.all(inside)):
            return x
        moved = d - away
        # What the first step leaves is rounding of x; of a far x it is more than rounding of p.
        moved = moved - self._normal_part(moved)
        for part in self._shifts:
            moved = moved + matched(part, moved)
        projected: Array = xp.where(inside[..., None], x, as_like(moved, x))
        return projected

    @np.errstate(over="ignore", under="ignore", invalid="ignore")
    def contains(self, x: Array, *, atol: float = 0.0) -> Array | bool:
        """Whether ``x`` is within distance ``atol`` (and rounding), shape ``(...)``."""
        away = self._normal_part(self._local(x))
        distance: Any = norm(away)
        return within_distance(x, x, self._negligible(away, x) | (distance <= atol), 0.0)

    @np.errstate(over="ignore", under="ignore", invalid="ignore")
    def support(self, g: Array) -> Value:
        """<g, o + a> for g in the row space of A, else inf."""
        require_length(g, self.dim, "AffineSubspace")
        wide_g, xp = wide(g), kernels(g).xp
        value = 0.0 * kernels(wide_g).xp.sum(wide_g, axis=-1)
        for part in self._shifts:
            value = value + kernels(wide_g).dot(wide_g, matched(part, wide_g))
        bounded = self._is_normal(wide_g, g) | xp.isnan(value)
        found = xp.where(bounded, value, xp.full_like(value, math.inf))
        result: Value = xp.astype(found, g.dtype, copy=False)
        return result

    @np.errstate(over="ignore", under="ignore", invalid="ignore")
    def lmo(self, g: Array) -> Array:
        """o + a, the point nearest to o.

        Raises:
            NotAvailableError: g is not in the row space of A.
        """
        require_length(g, self.dim, "AffineSubspace")
        wide_g, xp = wide(g), kernels(g).xp
        bounded = self._is_normal(wide_g, g) | xp.any(xp.isnan(wide_g), axis=-1)
        if not bool(xp.all(bounded)):
            raise NotAvailableError(
                "`AffineSubspace.lmo(g=...)` has a minimizer only where g is orthogonal to the "
                "subspace: other linear functions are unbounded below on it; use a bounded set."
            )
        point = 0.0 * wide_g
        for part in self._shifts:
            point = point + matched(part, point)
        found: Array = as_like(point, g)
        return found

    @np.errstate(over="ignore", under="ignore", invalid="ignore")
    def reach(self, x: Array) -> Value:
        """``inf``, shape ``(...)``; the distance from the point in a subspace of dimension 0."""
        distance: Any = norm(self._normal_part(self._local(x)))
        if self.subspace_dim:
            distance = kernels(x).xp.full_like(distance, math.inf)
        result: Value = distance
        return result

    def game(self, index: tuple[int, ...], /) -> AffineSubspace:
        """The subspace of one game, where the offset has leading axes."""
        return attrs.evolve(self, offset=row(self.offset, index))

    def translate(self, v: Array) -> AffineSubspace:
        """The subspace with o + v for o."""
        require_length(v, self.dim, "AffineSubspace")
        offset = v if self.offset is None else self.offset + matched(v, self.offset)
        return attrs.evolve(self, offset=offset)

    def sample(self, rng: np.random.Generator, shape: tuple[int, ...]) -> Array:
        """Projections of standard Gaussian points around o + a."""
        require_sample_shape(shape, self.dim, "AffineSubspace")
        rows, draw = to_numpy(self._basis.rows), rng.standard_normal(shape)
        within = (draw @ rows.T) @ rows
        points = draw - within if self._basis.is_normal else within
        for part in self._shifts:
            points = points + to_numpy(part)
        found: Array = as_like(points, self.matrix)
        return found

    @property
    def _shifts(self) -> list[Any]:
        """What adds up to o + a, without the parts that are 0."""
        return [part for part in (self.offset, self._basis.anchor) if part is not None]

    def _local(self, x: Any) -> Any:
        """x - o - a, in float64."""
        require_length(x, self.dim, "AffineSubspace")
        d = wide(x)
        for part in self._shifts:
            d = d - matched(part, d)
        return d

    def _normal_part(self, d: Any) -> Any:
        """The component of d that is orthogonal to the subspace."""
        rows, xp = matched(self._basis.rows, d), kernels(d).xp
        within = xp.matmul(xp.matmul(d, xp.matrix_transpose(rows)), rows)
        # 0 inf is nan: a row that is not finite stays so.
        return within if self._basis.is_normal else d - within

    def _negligible(self, away: Any, x: Any) -> Any:
        size: Any = norm(wide(x))
        for part in self._shifts:
            size = size + norm(matched(part, wide(x)))
        slack = _ROUNDINGS * unit_roundoff(x) * self.dim**0.5 * size
        return (norm(away) <= slack) & kernels(x).xp.isfinite(size)

    def _is_normal(self, wide_g: Any, g: Any) -> Any:
        """Whether g is orthogonal to the subspace, to rounding."""
        rest: Any = norm(wide_g - self._normal_part(wide_g))
        return rest <= _ROUNDINGS * unit_roundoff(g) * self.dim**0.5 * norm(wide_g)


def _solved(
    a: NDArray[np.float64], b: NDArray[np.float64], roundoff: float
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """An orthonormal basis of the row space of A, and the least solution of A u = b."""
    largest = np.abs(a).max(axis=1)
    scale = np.where(largest > 0.0, largest, 1.0)
    length = scale * np.linalg.norm(a / scale[:, None], axis=1)
    length = np.where(length > 0.0, length, 1.0)
    with np.errstate(over="ignore"):
        a, b = a / length[:, None], b / length
    if not np.isfinite(b).all():
        raise ArgumentError(
            "`AffineSubspace(target=...)` over the lengths of the rows of `matrix` must be finite."
        )
    left, sizes, right = np.linalg.svd(a, full_matrices=False)
    slack = 4.0 * max(a.shape) * roundoff
    rank = int((sizes > slack * sizes[0]).sum()) if sizes[0] > 0.0 else 0
    coordinates = left.T @ b
    least = (coordinates[:rank] / sizes[:rank]) @ right[:rank]
    missed = float(np.linalg.norm(a @ least - b))
    if missed > 64.0 * slack * (float(np.linalg.norm(b)) + float(np.linalg.norm(least))):
        raise ArgumentError(
            "`AffineSubspace(matrix=..., target=...)` must have a solution, but every point "
            f"misses the equations (brought to rows of length 1) by {missed:.3g} or more."
        )
    return right[:rank], least
