"""The simplex with an upper bound on every entry."""

from __future__ import annotations

import math
from typing import Any, final

import attrs
import numpy as np

from olgame.arrays import as_like, kernels, to_numpy, unit_roundoff
from olgame.exceptions import ArgumentError, ShapeError
from olgame.one_game import row
from olgame.sets.capped_threshold import onto_capped_simplex
from olgame.sets.clipping import within_distance
from olgame.sets.fields import (
    as_float,
    finite_center,
    is_floating,
    matched,
    require_length,
    require_sample_shape,
    wide,
)
from olgame.sets.norms import norm
from olgame.sets.simplex_threshold import sum_to_float64
from olgame.typing import Array, Value
from olgame.validation import finite_positive, positive_integer

__all__ = ["CappedSimplex"]

# Roundings by which the sum of a point may be off.
_ROUNDINGS = 8.0
# Vertices that a sample mixes.
_MIXED = 4


def _cap(instance: Any, attribute: attrs.Attribute[Any], value: Any) -> None:
    name = f"`CappedSimplex({attribute.name}=...)`"
    if not isinstance(value, float) and not (is_floating(value) and value.ndim > 0):
        raise ShapeError(
            f"{name} must be a number or an array of floats of shape (..., p), got "
            f"{getattr(value, 'dtype', type(value).__name__)}."
        )
    if not bool((to_numpy(value) > 0.0).all()):
        raise ArgumentError(
            f"{name} must be positive (inf is no cap), got {to_numpy(value).min()}."
        )


@final
@attrs.frozen(eq=False)
class CappedSimplex:
    """o + { q in R^p : 0 <= q_j <= u_j for all j, sum_j q_j = s }.

    With u the ``cap``, s the ``total``, o the ``offset``, c_j = min(u_j, s), d = x - o:

        project(x) = o + min(max(d - theta, 0), u), theta such that the entries add up to s,
        lmo(g) = o + the caps of the least g_j, filled up until they add up to s,
        h(g) = -<-g, o + lmo(-g)>, the largest g_j filled up.

    Whether two points at a given distance exist is a question of subset sums where caps differ.
    With equal caps diameter and reach are exact: all vertices have the same norm, so the farthest
    from x is the vertex with the least inner product, `lmo` at d. With different caps both are
    **upper bounds**, from e^2 <= c e for 0 <= e <= c, and with m = min(s, sum_j u_j - s):

        diameter^2 <= max { sum_j e'_j e_j : 0 <= e <= e', sum_j e_j = 2 m },  e' = min(c, m),
        reach(x)^2 <= norm(d)^2 + max over q of sum_j (c_j + l_j - 2 d_j) q_j - c_j l_j,

    Proof of the first: the difference e of two points has abs(e_j) <= c_j and positive parts that
    add up to at most s, and to at most sum (u - q) = r; so do its negative parts. The second:
    (d - q)^2 = d^2 - 2 d q + q^2, and u_j - q_j is at most r. []
    Either is off by a single partly filled entry.

    Rounding: a point counts as inside where every q_j is in [0, u_j] to 8 roundings (of its dtype)
    of s + norm1(o), and the sum is off by no more; a projected point is inside in this sense, and
    one that is inside comes back as the same object. Computed in float64 around a breakpoint near
    theta: a common offset of the entries costs no more than when x was rounded. A row that is not
    finite is projected to nan.

    Args:
        cap: u > 0, a number or shape ``(p,)``; or ``(..., p)`` with one for each game.
        total: s, finite and positive, at most the sum of the caps.
        offset: o, shape ``(p,)``, or ``(..., p)`` with one for each game; None is the origin.
        dim: p; None is any where ``cap`` is a number and there is no ``offset``.

    Raises:
        ArgumentError: An argument is out of its domain; the caps add up to less than ``total``.
        ShapeError: An argument is no array of floats, or the lengths differ.

    Example:
        >>> import numpy as np
        >>> simplex = CappedSimplex(0.5)
        >>> simplex.project(np.array([2.0, 0.25, 0.0]))
        array([0.5  , 0.375, 0.125])
        >>> simplex.lmo(np.array([1.0, 2.0, 3.0]))
        array([0.5, 0.5, 0. ])
    """

    cap: float | Array = attrs.field(converter=as_float, validator=_cap)
    total: float = attrs.field(default=1.0, converter=as_float, validator=finite_positive)
    offset: Array | None = attrs.field(default=None, validator=finite_center)
    dim: int | None = attrs.field(
        default=None, kw_only=True, validator=attrs.validators.optional(positive_integer)
    )

    def __attrs_post_init__(self) -> None:
        arrays = [a for a in (self.cap, self.offset) if not isinstance(a, float) and a is not None]
        lengths = {a.shape[-1] for a in arrays} | ({self.dim} if self.dim is not None else set())
        if len(lengths) > 1:
            raise ShapeError(
                "`CappedSimplex(cap=..., offset=..., dim=...)` must agree on the number of "
                f"coordinates, got {sorted(lengths)}."
            )
        if lengths:
            object.__setattr__(self, "dim", lengths.pop())
            self._require_room(self.dim or 0)

    @property
    def diameter(self) -> float:
        """The largest distance of two points; an upper bound for different caps or any p."""
        if self.dim is None:
            cap: Any = self.cap
            return _diameter_of_equal_caps(cap, self.total, None)
        caps = np.minimum(np.broadcast_to(to_numpy(self.cap), (*self._games, self.dim)), self.total)
        return max(_diameter(row, self._moved(row)) for row in caps.reshape(-1, self.dim))

    @np.errstate(over="ignore", under="ignore", invalid="ignore")
    def project(self, x: Array) -> Array:
        """The Euclidean projection, shape ``(..., p)``; ``x`` itself if inside."""
        d = self._local(x)
        xp = kernels(x).xp
        inside = self._inside(d, x)
        if x.ndim == inside.ndim + 1 and bool(xp.all(inside)):
            return x
        moved = onto_capped_simplex(d, self._caps_for(d), self.total)
        if self.offset is not None:
            moved = moved + matched(self.offset, moved)
        projected: Array = xp.where(inside[..., None], x, as_like(moved, x))
        return projected

    def contains(self, x: Array, *, atol: float = 0.0) -> Array | bool:
        """Whether ``x`` is within distance ``atol`` (and rounding), shape ``(...)``."""
        inside = self._inside(self._local(x), x)
        near = atol > 0.0 and not bool(kernels(x).xp.all(inside))
        projected = self.project(x) if near else x
        return within_distance(x, projected, inside, atol)

    @np.errstate(over="ignore", invalid="ignore")
    def support(self, g: Array) -> Value:
        """<g, o> plus s units of the largest g_j, as far as the caps allow."""
        self._check(g)
        g64 = wide(g)
        value = kernels(g64).dot(g64, self._filled(-g64))
        if self.offset is not None:
            value = value + kernels(g64).dot(g64, matched(self.offset, g64))
        result: Value = kernels(g).xp.astype(value, g.dtype, copy=False)
        return result

    @np.errstate(over="ignore", invalid="ignore")
    def lmo(self, g: Array) -> Array:
        """The vertex that fills the least g_j, the first of equal ones (nan in a nan row)."""
        self._check(g)
        vertex = self._filled(wide(g)) + (wide(g) - wide(g))
        if self.offset is not None:
            vertex = vertex + matched(self.offset, vertex)
        found: Array = as_like(vertex, g)
        return found

    @np.errstate(over="ignore", invalid="ignore")
    def reach(self, x: Array) -> Value:
        """The distance of the farthest vertex; an upper bound where caps differ."""
        d = self._local(x)
        xp = kernels(x).xp
        if isinstance(self.cap, float):
            found: Any = norm(d - self._filled(d))
        else:
            c = self._caps_for(d)
            equal = xp.all(c == c[..., :1], axis=-1)
            room = xp.sum(c, axis=-1, keepdims=True) - self.total
            least = xp.maximum(c - room, xp.zeros_like(c))
            q = self._filled(xp.where(equal[..., None], d, 2.0 * d - c - least))
            # The bound is norm(d - q)^2 + sum (q - l)(c - q), which does not cancel.
            partly = xp.maximum((q - least) * (c - q), xp.zeros_like(c))
            slack = xp.where(equal, xp.zeros_like(d[..., 0]), xp.sum(partly, axis=-1))
            found = xp.hypot(norm(d - q), xp.sqrt(slack))
        result: Value = xp.astype(found, x.dtype, copy=False)
        return result

    def game(self, index: tuple[int, ...], /) -> CappedSimplex:
        """The set of one game, where an argument has leading axes."""
        offset = row(self.offset, index)
        return CappedSimplex(row(self.cap, index), self.total, offset, dim=self.dim)

    def translate(self, v: Array) -> CappedSimplex:
        """The set at o + v."""
        self._check(v)
        offset = v if self.offset is None else self.offset + matched(v, self.offset)
        return CappedSimplex(self.cap, self.total, offset, dim=self.dim)

    def sample(self, rng: np.random.Generator, shape: tuple[int, ...]) -> Array:
        """Random mixtures of random vertices and the point s u/sum(u), of the kind of the offset.

        (Of the kind of the caps where there is no offset; float64 NumPy where they are a number.)
        """
        require_sample_shape(shape, self.dim, "CappedSimplex")
        self._require_room(shape[-1])
        caps = np.broadcast_to(np.minimum(to_numpy(self.cap), self.total), shape)
        weights = rng.dirichlet(np.ones(_MIXED + 1), size=shape[:-1])
        draw = weights[..., :1] * caps * (self.total / caps.sum(-1, keepdims=True))
        for k in range(1, _MIXED + 1):
            draw = draw + weights[..., k : k + 1] * _fill(
                rng.standard_normal(shape), caps, self.total
            )
        if self.offset is None and isinstance(self.cap, float):
            return np.asarray(draw)
        kind: Any = self.offset if self.offset is not None else self.cap
        points: Array = as_like(draw, kind)
        return points if self.offset is None else points + self.offset

    @property
    def _games(self) -> tuple[int, ...]:
        return () if isinstance(self.cap, float) else tuple(self.cap.shape[:-1])

    def _moved(self, caps: Any) -> float:
        """min(s, sum (u - q)): how much of the total two points can have in different places."""
        return min(self.total, max(float(np.sum(caps)) - self.total, 0.0))

    def _require_room(self, p: int) -> None:
        """Raise unless the caps of p entries add up to the total (to rounding)."""
        room = np.sum(np.broadcast_to(to_numpy(self.cap), (*self._games, p)), axis=-1)
        if not bool((room >= self.total * (1.0 - _ROUNDINGS * np.finfo(np.float64).eps)).all()):
            raise ArgumentError(
                f"`CappedSimplex(cap=...)` must add up to at least `total` = {self.total}, got "
                f"{float(room.min()):.17g} for {p} entries."
            )

    @np.errstate(over="ignore", invalid="ignore")
    def _inside(self, d: Any, x: Any) -> Any:
        xp = kernels(d).xp
        size = self.total
        if self.offset is not None:
            size = self.total + sum_to_float64(xp.abs(matched(self.offset, d)))[..., None]
        slack = _ROUNDINGS * unit_roundoff(x) * size
        far = xp.maximum(-d, d - self._caps_for(d)) <= slack
        close = xp.abs(sum_to_float64(d)[..., None] - self.total) <= slack
        return xp.all(far & close, axis=-1)

    def _filled(self, g: Any) -> Any:
        """The vertex (without o) that fills the least g_j first."""
        return _fill(g, self._caps_for(g), self.total)

    def _caps_for(self, x: Any) -> Any:
        """c_j = min(u_j, s), in float64."""
        xp = kernels(x).xp
        if isinstance(self.cap, float):
            return xp.full_like(x, min(self.cap, self.total))
        caps = wide(matched(self.cap, x))
        return xp.minimum(caps, xp.full_like(caps, self.total)) + 0.0 * xp.zeros_like(x)

    def _local(self, x: Any) -> Any:
        """x - o, in float64."""
        self._check(x)
        d = wide(x)
        return d if self.offset is None else d - matched(self.offset, d)

    def _check(self, x: Any) -> None:
        if self.dim is not None:
            require_length(x, self.dim, "CappedSimplex")
        else:
            self._require_room(x.shape[-1])


def _fill(g: Any, caps: Any, total: float) -> Any:
    """The caps of the least g_j, filled up until they add up to ``total``."""
    xp = kernels(g).xp
    order = xp.argsort(g, axis=-1, stable=True)
    ordered = _gathered(caps, order)
    before = xp.cumulative_sum(ordered, axis=-1) - ordered
    taken = xp.minimum(xp.maximum(total - before, xp.zeros_like(before)), ordered)
    return _gathered(taken, xp.argsort(order, axis=-1))


def _gathered(x: Any, index: Any) -> Any:
    xp = kernels(x).xp
    x = xp.broadcast_to(x, index.shape)
    along = getattr(xp, "take_along_dim", None)
    return xp.take_along_axis(x, index, axis=-1) if along is None else along(x, index, -1)


def _diameter(caps: Any, moved: float) -> float:
    """See `CappedSimplex`; ``moved`` is m."""
    if np.all(caps == caps[0]):
        return _diameter_of_equal_caps(float(caps[0]), moved, len(caps))
    ordered = np.sort(np.minimum(caps, moved))[::-1]
    before = np.cumsum(ordered) - ordered
    return math.sqrt(float(ordered @ np.clip(2.0 * moved - before, 0.0, ordered)))


def _diameter_of_equal_caps(cap: float, moved: float, p: int | None) -> float:
    """m units up and m units down, each in k whole caps and a rest.

    Where p = 2 k + 1 the rests of both would need the same entry.
    """
    k = math.floor(moved / cap * (1.0 + 1e-15))
    rest = max(moved - k * cap, 0.0)
    if p is not None and 2 * (k + 1) > p:
        k, rest = min(k, p // 2), 0.0
    return math.sqrt(2.0 * (k * cap * cap + rest * rest))
