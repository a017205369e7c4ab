"""The simplex: probability vectors and their multiples."""

from __future__ import annotations

import math
from typing import Any, final

import attrs
import numpy as np

from olgame.arrays import as_like, kernels, unit_roundoff
from olgame.exceptions import ShapeError
from olgame.one_game import row
from olgame.sets.clipping import within_distance
from olgame.sets.fields import as_float, finite_center, matched, require_length
from olgame.sets.norms import norm
from olgame.sets.simplex_threshold import onto_simplex, sum_to_float64
from olgame.typing import Array, Value
from olgame.validation import finite_positive, positive_integer

__all__ = ["Simplex"]

# Roundings by which the sum of a point of the simplex may be off.
_ROUNDINGS = 8.0


@final
@attrs.frozen(eq=False)
class Simplex:
    """o + { q in R^p : q >= 0, sum_j q_j = s }.

    With s the ``scale``, o the ``offset`` and e_j the unit vectors:

        project(x) = o + max(x - o - theta, 0), theta such that the entries add up to s,
        h(g) = <g, o> + s max_j g_j,    lmo(g) = o + s e_j, j the first least g_j,
        reach(x) = max over j of norm2(x - o - s e_j),    diameter = s sqrt(2) (0 if p = 1).

    Rounding: a simplex is thin, and hardly any floating point vector adds up to s exactly. So a
    point counts as inside when no q_j is negative and the sum, taken in float64, is off by at most
    8 roundings (of its dtype) of s + norm1(o); a projected point is inside in this sense, and one
    that is inside comes back as the same object. The projection is computed in float64 from
    x - o - max(x - o): a common offset of the entries, huge or not, costs no more than it cost
    when x was rounded. A row that is not finite is projected to nan.

    Args:
        dim: p; None is any.
        scale: s, finite and positive.
        offset: o, shape ``(p,)``, or ``(..., p)`` with one for each game; None is the origin. It
            is where `translate` keeps what it adds.

    Raises:
        ArgumentError: An argument is out of its domain.
        ShapeError: ``offset`` is no array of floats, or not of length ``dim``.

    Example:
        >>> import numpy as np
        >>> simplex = Simplex()
        >>> simplex.project(np.array([1.0, 0.5, -3.0]))
        array([0.75, 0.25, 0.  ])
        >>> simplex.lmo(np.array([1.0, 0.5, -3.0]))
        array([0., 0., 1.])
    """

    dim: int | None = attrs.field(
        default=None, validator=attrs.validators.optional(positive_integer)
    )
    scale: float = attrs.field(default=1.0, converter=as_float, validator=finite_positive)
    offset: Array | None = attrs.field(default=None, validator=finite_center)

    def __attrs_post_init__(self) -> None:
        if self.offset is None:
            return
        length = self.offset.shape[-1]
        if self.dim not in (None, length):
            raise ShapeError(
                f"`Simplex(dim=...)` must be the length of `offset`, {length}, got {self.dim}."
            )
        object.__setattr__(self, "dim", length)

    @property
    def diameter(self) -> float:
        return 0.0 if self.dim == 1 else self.scale * math.sqrt(2.0)

    def project(self, x: Array) -> Array:
        """The Euclidean projection, shape ``(..., p)``; ``x`` itself if inside."""
        difference = self._difference(x)
        xp = kernels(x).xp
        inside = self._inside(difference)
        if x.ndim == difference.ndim and bool(xp.all(inside)):
            return x
        moved = as_like(onto_simplex(difference, self.scale), x)
        if self.offset is not None:
            moved = self._offset_for(x) + moved
        projected: Array = xp.where(inside[..., None], x, moved)
        return projected

    def contains(self, x: Array, *, atol: float = 0.0) -> Array | bool:
        """Whether ``x`` is within distance ``atol`` (and rounding), shape ``(...)``."""
        inside = self._inside(self._difference(x))
        near = atol > 0.0 and not bool(kernels(x).xp.all(inside))
        return within_distance(x, self.project(x) if near else x, inside, atol)

    def support(self, g: Array) -> Value:
        """<g, o> + s max_j g_j."""
        self._check(g)
        value: Value = kernels(g).xp.max(g, axis=-1) * self.scale
        if self.offset is not None:
            value = kernels(g).dot(g, self._offset_for(g)) + value
        return value

    @np.errstate(invalid="ignore")
    def lmo(self, g: Array) -> Array:
        """The vertex o + s e_j, j the first least g_j (nan in a nan row)."""
        self._check(g)
        vertex: Array = self._least(g) * self.scale + (g - g)
        return vertex if self.offset is None else vertex + self._offset_for(g)

    def reach(self, x: Array) -> Value:
        """The distance of the farthest vertex, o + s e_j with x_j - o_j least."""
        difference = self._difference(x)
        return norm(difference - self._least(difference) * self.scale)

    def game(self, index: tuple[int, ...], /) -> Simplex:
        """The simplex of one game, where the offset has leading axes."""
        return Simplex(self.dim, self.scale, row(self.offset, index))

    def translate(self, v: Array) -> Simplex:
        """The simplex at o + v."""
        self._check(v)
        offset = v if self.offset is None else self.offset + matched(v, self.offset)
        return Simplex(offset.shape[-1], self.scale, offset)

    def sample(self, rng: np.random.Generator, shape: tuple[int, ...]) -> Array:
        """Uniform points, shape ``shape``, of the kind of the offset (float64 NumPy if None)."""
        if not shape or shape[-1] < 1 or self.dim not in (None, shape[-1]):
            raise ShapeError(f"`Simplex.sample(shape=...)` must end in {self.dim}, got {shape}.")
        steps = rng.exponential(size=shape)
        draw = steps / steps.sum(-1, keepdims=True) * self.scale
        if self.offset is None:
            return np.asarray(draw)
        points: Array = self.offset + as_like(draw, self.offset)
        return points

    @np.errstate(over="ignore", invalid="ignore")
    def _inside(self, difference: Any) -> Any:
        xp = kernels(difference).xp
        size = self.scale
        if self.offset is not None:
            size = self.scale + sum_to_float64(xp.abs(self._offset_for(difference)))
        slack = _ROUNDINGS * unit_roundoff(difference) * size
        close = xp.abs(sum_to_float64(difference) - self.scale) <= slack
        # One number for all points is found several times as fast as one for each.
        if bool(xp.min(difference) >= 0.0):
            return close
        return close & xp.all(difference >= 0.0, axis=-1)

    @staticmethod
    def _least(x: Any) -> Any:
        """1 at the first least entry of every row, else 0."""
        xp = kernels(x).xp
        where = xp.argmin(x, axis=-1, keepdims=True)
        return xp.astype(xp.arange(x.shape[-1], device=x.device) == where, x.dtype)

    def _difference(self, x: Any) -> Any:
        self._check(x)
        return x if self.offset is None else x - self._offset_for(x)

    def _offset_for(self, x: Any) -> Any:
        """The offset in the kind of ``x``."""
        offset: Any = self.offset
        if type(offset) is type(x) and offset.dtype == x.dtype:
            return offset
        return matched(offset, x)

    def _check(self, x: Any) -> None:
        if self.dim is not None:
            require_length(x, self.dim, "Simplex")
        elif x.shape[-1] < 1:
            raise ShapeError("A point of `Simplex` must have an entry, got an empty last axis.")
