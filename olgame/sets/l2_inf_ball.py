"""The per-neuron ball: every row of a matrix in its own Euclidean ball."""

from __future__ import annotations

import math
from typing import Any, final

import attrs
import numpy as np

from olgame.arrays import kernels
from olgame.exceptions import ShapeError
from olgame.one_game import row
from olgame.sets.fields import as_float, finite_center, matched, require_length
from olgame.sets.l2_ball import L2Ball
from olgame.sets.norms import norm
from olgame.typing import Array, Value
from olgame.validation import finite_positive, positive_integer

__all__ = ["L2InfBall"]


@final
@attrs.frozen(eq=False)
class L2InfBall:
    """The matrices W with max over r of norm2(w_r - c_r) <= R, as flat vectors.

    A point is the row-major vector of a matrix with m = ``rows`` rows: the product of m balls, one
    for each neuron. With R the ``radius`` and c the ``center``, row by row:

        project = projection of each row onto its ball,    h(g) = <g, c> + R sum_r norm(g_r),
        diameter = 2 R sqrt(m),    reach(x)^2 = sum_r (norm(x_r - c_r) + R)^2.

    Rounding and extreme scales are as for `L2Ball`, row by row.

    Args:
        radius: R, finite and positive.
        rows: m, the number of rows; it divides the length of every point.
        center: c, shape ``(..., m * cols)``; None is the origin.

    Raises:
        ArgumentError: ``radius``, ``rows`` or ``center`` is out of its domain.
        ShapeError: ``center`` is no array of floats, or ``rows`` does not divide its length.

    Example:
        >>> import numpy as np
        >>> ball = L2InfBall(1.0, rows=2)
        >>> ball.project(np.array([3.0, 4.0, 0.1, 0.2]))
        array([0.6, 0.8, 0.1, 0.2])
    """

    radius: float = attrs.field(converter=as_float, validator=finite_positive)
    rows: int = attrs.field(validator=positive_integer)
    center: Array | None = attrs.field(default=None, validator=finite_center)
    _row: L2Ball = attrs.field(init=False, repr=False, default=None)

    def __attrs_post_init__(self) -> None:
        center = None if self.center is None else self._matrix(self.center)
        object.__setattr__(self, "_row", L2Ball(self.radius, center))

    @property
    def dim(self) -> int | None:
        """p where there is a center, else None (any multiple of ``rows``)."""
        return None if self.center is None else self.center.shape[-1]

    @property
    def diameter(self) -> float:
        return 2.0 * self.radius * math.sqrt(self.rows)

    def project(self, x: Array) -> Array:
        """The projection of every row; ``x`` itself if inside."""
        matrix = self._matrix(x)
        projected: Any = self._row.project(matrix)
        return x if projected is matrix else self._flat(projected)

    def contains(self, x: Array, *, atol: float = 0.0) -> Array | bool:
        """Whether sqrt(sum over r of (norm(x_r - c_r) - R)_+^2) <= atol; False for nan."""
        matrix: Any = self._matrix(x)
        xp = kernels(x).xp
        within = xp.all(self._row.contains(matrix), axis=-1)
        if atol > 0.0 and not bool(xp.all(within)):
            distance: Any = norm(x - self.project(x))
            within = within | (distance <= atol)
        inside: Array = within
        return bool(inside) if inside.ndim == 0 else inside

    def support(self, g: Array) -> Value:
        """<g, c> + R sum over r of norm(g_r)."""
        rows: Any = self._row.support(self._matrix(g))
        result: Value = rows.sum(-1)
        return result

    def lmo(self, g: Array) -> Array:
        """c_r - R g_r/norm(g_r) in every row (c_r where g_r = 0)."""
        return self._flat(self._row.lmo(self._matrix(g)))

    def reach(self, x: Array) -> Value:
        """sqrt(sum over r of (norm(x_r - c_r) + R)^2)."""
        rows: Any = self._row.reach(self._matrix(x))
        result: Value = kernels(x).norm(rows)
        return result

    def game(self, index: tuple[int, ...], /) -> L2InfBall:
        """The set of one game, where the center has leading axes."""
        return attrs.evolve(self, center=row(self.center, index))

    def translate(self, v: Array) -> L2InfBall:
        """The set around c + v."""
        if self.center is None:
            return L2InfBall(self.radius, self.rows, v)
        require_length(v, self.center.shape[-1], "L2InfBall")
        return L2InfBall(self.radius, self.rows, self.center + matched(v, self.center))

    def sample(self, rng: np.random.Generator, shape: tuple[int, ...]) -> Array:
        """Every row uniform in its ball, shape ``shape``."""
        if not shape or shape[-1] % self.rows or self.dim not in (None, shape[-1]):
            length = f"a multiple of {self.rows}" if self.dim is None else self.dim
            raise ShapeError(f"`L2InfBall.sample(shape=...)` must end in {length}, got {shape}.")
        matrix = (*shape[:-1], self.rows, shape[-1] // self.rows)
        return self._flat(self._row.sample(rng, matrix))

    def _matrix(self, x: Any) -> Any:
        """``x`` as a matrix, shape ``(..., rows, cols)`` (a view)."""
        length = x.shape[-1]
        if length % self.rows or length == 0 or (self.dim is not None and length != self.dim):
            rule = f"a multiple of `rows` = {self.rows}" if self.dim in (None, length) else self.dim
            raise ShapeError(
                f"A point of `L2InfBall` must have a last axis of length {rule}, got {length}."
            )
        return x.reshape((*x.shape[:-1], self.rows, length // self.rows))

    @staticmethod
    def _flat(matrix: Any) -> Array:
        flat: Array = matrix.reshape((*matrix.shape[:-2], matrix.shape[-2] * matrix.shape[-1]))
        return flat
