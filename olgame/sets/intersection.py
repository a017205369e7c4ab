"""Intersections of sets that can be projected onto."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from typing import Any, final

import attrs
import numpy as np

from olgame.arrays import as_like, kernels, to_numpy, unit_roundoff
from olgame.exceptions import ArgumentError, NotAvailableError, ShapeError
from olgame.one_game import one_game, row
from olgame.sets.clipping import within_distance
from olgame.sets.convex_set import ConvexSet
from olgame.sets.dykstra import Projection, dykstra
from olgame.sets.fields import (
    as_float,
    finite_center,
    is_convex_set,
    matched,
    require_length,
    require_sample_shape,
    wide,
)
from olgame.sets.norms import norm
from olgame.sets.proximal_maximum import LinearMaximum, diameter_of, proximal_maximum
from olgame.typing import Array, Value
from olgame.validation import positive_integer, require

__all__ = ["Intersection"]

# Points of the set that a sample mixes.
_MIXED = 3
_ACCURACY = 1e-9
_REFUSED = 1e-6


def _as_members(sets: Iterable[ConvexSet]) -> tuple[ConvexSet, ...]:
    try:
        return tuple(sets)
    except TypeError as error:
        raise ArgumentError(
            f"`Intersection(members=...)` must be a sequence of convex sets, got {sets!r:.100}."
        ) from error


def _two_or_more(instance: Any, attribute: attrs.Attribute[Any], value: Any) -> None:
    rule = "hold two sets or more"
    require(len(value) >= 2, "Intersection", attribute.name, rule, f"{len(value)}")
    for member in value:
        is_convex_set(instance, attribute, member)


def _small(instance: Any, attribute: attrs.Attribute[Any], value: Any) -> None:
    ok = isinstance(value, float) and 0.0 < value < 1.0
    require(ok, "Intersection", attribute.name, "be a number between 0 and 1", value)


@final
@attrs.frozen(eq=False)
class Intersection:
    """The common points of K_1, ..., K_m, projected onto by Dykstra's algorithm.

    Alternating projections find *a* common point, not the nearest one; Dykstra's corrections make
    it the nearest. `project` iterates to rounding where it can; `projection` returns the same point
    with what is known of it: whether it has converged, how far apart the members still are, and a
    certified duality gap. Support function and linear minimizer come from proximal steps with a
    certificate (`maximum`); `support` is its upper end, and both refuse where the ends are farther
    apart than 1e-6 of norm(g) times the diameter (mostly they meet to rounding). They need a member
    that is bounded, and cost a few hundred projections onto each member.

    ``diameter`` and ``reach`` are **upper bounds**, the least over the members: what an
    intersection really reaches is no convex problem.

    That the members have a common point is checked when the set is made (at the first projection,
    where no member knows its dimension). That they have none is certain where a lower bound on the
    distance of a common point passes what a bounded member allows; it is suspected, with the same
    error, where ``max_passes`` are not enough. For members that barely touch give a ``point``.

    Args:
        members: K_1, ..., K_m, two or more; the first is met exactly.
        point: A common point, shape ``(p,)`` or ``(..., p)``, where a game starts unless told
            otherwise; default: one that is searched for.
        tolerance: Largest distance between the members' points, relative to norm(x) +
            norm(projection), that counts as convergence.
        max_passes: Largest number of passes over the members.
        strict: Raise where a projection has not converged, instead of going on with a point that
            is outside some member; `contains` tells, and so does the referee of a game.

    Raises:
        ArgumentError: An argument is out of its domain, ``point`` is outside a member, or no
            common point was found.
        ShapeError: The dimensions of the members differ.

    Example:
        >>> import numpy as np
        >>> from olgame.sets import Box, L2Ball
        >>> quarter = Intersection([L2Ball(1.0), Box(0.0, np.inf, dim=2)])
        >>> quarter.project(np.array([-3.0, 4.0])).round(12) + 0.0
        array([0., 1.])
        >>> bool(quarter.projection(np.array([-3.0, 4.0])).converged)
        True

    References:
        boyle1986.
    """

    members: tuple[ConvexSet, ...] = attrs.field(converter=_as_members, validator=_two_or_more)
    point: Array | None = attrs.field(default=None, validator=finite_center, kw_only=True)
    tolerance: float = attrs.field(
        default=1e-12, converter=as_float, validator=_small, kw_only=True
    )
    max_passes: int = attrs.field(default=10_000, validator=positive_integer, kw_only=True)
    strict: bool = attrs.field(default=False, kw_only=True)
    _known: bool = attrs.field(default=False, kw_only=True, repr=False, alias="_known")

    def __attrs_post_init__(self) -> None:
        dims: set[int] = {getattr(member, "dim", 0) or 0 for member in self.members} - {0}
        if self.point is not None:
            dims.add(self.point.shape[-1])
        if len(dims) > 1:
            raise ShapeError(
                "`Intersection(members=..., point=...)` must have one dimension, got "
                f"{sorted(dims)}."
            )
        if self._known or not dims:
            return
        if self.point is not None:
            self._check_point(self.point)
            return
        shape = (dims.pop(),)
        draws = [member.sample(np.random.default_rng(0), shape) for member in self.members]
        kind = next((draw for draw in draws if not isinstance(draw, np.ndarray)), draws[0])
        found = self.projection(kind)
        if not bool(kernels(kind).xp.all(found.converged)):
            raise ArgumentError(_no_common_point(found))
        object.__setattr__(self, "point", as_like(found.point, kind))

    @property
    def iterative(self) -> bool:
        """A projection takes many steps: what asks for thousands of them should think twice."""
        return True

    @property
    def dim(self) -> int | None:
        """p where a member or the point knows it, else None (any)."""
        if self.point is not None:
            return self.point.shape[-1]
        dims = (getattr(member, "dim", None) for member in self.members)
        return next((dim for dim in dims if dim is not None), None)

    @property
    def center(self) -> Array | None:
        """A common point, where a game starts unless told otherwise; None where p is not known."""
        return self.point

    @property
    def diameter(self) -> float:
        """The least diameter of a member, an upper bound."""
        return min(diameter_of(member) for member in self.members)

    def projection(self, x: Array) -> Projection:
        """What Dykstra's algorithm finds for ``x``, shape ``(..., p)``; see `Projection`.

        Raises:
            ArgumentError: The members have no common point.
        """
        x64 = self._wide(x)
        xp = kernels(x64).xp
        farthest: Any = self._reach(x64)
        found, _ = dykstra(self.members, x64, farthest, self.tolerance, self.max_passes)
        bound: Any = found.distance_bound
        if bool(xp.any(bound > farthest * (1.0 + 1e-9))):
            raise ArgumentError(_no_common_point(found))
        return found

    def project(self, x: Array) -> Array:
        """The nearest common point, shape ``(..., p)``; ``x`` itself if inside.

        Raises:
            ArgumentError: The members have no common point.
            NotAvailableError: It has not converged, and the set is ``strict``.
        """
        inside = self._inside(x)
        xp = kernels(x).xp
        if bool(xp.all(xp.asarray(inside))):
            return x
        found = self.projection(x)
        failed = ~found.converged & xp.all(xp.isfinite(x), axis=-1)  # type: ignore[operator]  # flags of arrays, not a bool
        if self.strict and bool(xp.any(failed)):
            raise NotAvailableError(
                f"`Intersection.project` has not converged in {self.max_passes} passes: the "
                f"members' points are {float(np.nanmax(to_numpy(found.infeasibility))):.3g} apart. "
                "Raise `max_passes` or `tolerance`, or give `strict=False` to go on."
            )
        moved: Array = xp.where(xp.asarray(inside)[..., None], x, as_like(found.point, x))
        return moved

    def contains(self, x: Array, *, atol: float = 0.0) -> Array | bool:
        """Whether ``x`` is within distance ``atol``, shape ``(...)``; False for nan."""
        xp = kernels(x).xp
        inside = xp.asarray(self._inside(x))
        if atol <= 0.0 or bool(xp.all(inside)):
            return within_distance(x, x, inside, 0.0)
        near = xp.ones_like(inside)
        for member in self.members:  # the distance from each of them is at most that from K
            near = near & xp.asarray(member.contains(x, atol=atol))
        if not bool(xp.any(near)):
            return within_distance(x, x, inside, 0.0)
        projected = as_like(self.projection(x).point, x)
        return within_distance(x, projected, inside, atol)

    def maximum(self, g: Array) -> LinearMaximum:
        """The largest <g, u> over the set, between two numbers; see `LinearMaximum`.

        Raises:
            NotAvailableError: No member is bounded.
        """
        g64 = self._wide(g)
        if not self.diameter < math.inf:
            raise NotAvailableError(
                "`Intersection.support` and `lmo` need a bounded member, whose support function "
                "closes the certificate; add a ball or a box that contains the rest."
            )
        start = kernels(g64).xp.zeros_like(g64)
        if self.point is not None:
            start = start + matched(self.point, g64)
        return proximal_maximum(
            self.members, g64, start, self.diameter, _ACCURACY, self.tolerance, self.max_passes
        )

    def support(self, g: Array) -> Value:
        """The upper end of `maximum`, above h(g) by at most 1e-6 norm(g) diameter.

        Raises:
            NotAvailableError: No member is bounded, or the two ends are farther apart.
        """
        upper: Value = as_like(self._closed(g).upper, g)
        return upper

    def lmo(self, g: Array) -> Array:
        """A minimizer of <g, u>, to the same accuracy.

        Raises:
            NotAvailableError: As for `support`.
        """
        found: Array = as_like(self._closed(-g).point, g)
        return found

    def reach(self, x: Array) -> Value:
        """The least reach of a member, an upper bound."""
        reach: Value = as_like(self._reach(self._wide(x)), x)
        return reach

    @property
    def inner_radius(self) -> Callable[[Array], Value] | None:
        """The least of the members'; None where one of them states none."""
        stated = [getattr(member, "inner_radius", None) for member in self.members]
        if any(radius is None for radius in stated):
            return None
        return lambda x: _least([radius(x) for radius in stated if radius is not None], x)

    def game(self, index: tuple[int, ...], /) -> Intersection:
        """The intersection of one game, where members have leading axes."""
        members, point = [one_game(k, index) for k in self.members], row(self.point, index)
        return attrs.evolve(self, members=members, point=point, _known=True)

    def translate(self, v: Array) -> Intersection:
        """The intersection of the translated members."""
        point = None if self.point is None else self.point + matched(v, self.point)
        members = [member.translate(v) for member in self.members]
        return attrs.evolve(self, members=members, point=point, _known=True)

    def sample(self, rng: np.random.Generator, shape: tuple[int, ...]) -> Array:
        """Random mixtures of projected samples of the members (not the uniform law)."""
        require_sample_shape(shape, self.dim, "Intersection")
        weights = rng.dirichlet(np.ones(_MIXED), size=shape[:-1])
        mixed: Any = 0.0
        for k in range(_MIXED):
            draw = self.members[k % len(self.members)].sample(rng, shape)
            draw = draw if self.point is None else as_like(draw, self.point)
            share = as_like(weights[..., k : k + 1], draw)
            mixed = mixed + share * self.project(draw)
        found: Array = mixed
        return found

    def _closed(self, g: Array) -> LinearMaximum:
        found = self.maximum(g)
        width = to_numpy(found.upper) - to_numpy(found.lower)
        size = to_numpy(norm(wide(g))) * self.diameter
        if bool((width > _REFUSED * size + 1e-300).any()):
            raise NotAvailableError(
                f"`Intersection.support` is known to within {float(np.nanmax(width)):.3g} only, "
                "and that is not rounding; `Intersection.maximum(g)` has both ends."
            )
        return found

    def _inside(self, x: Any) -> Any:
        found: Any = True
        for member in self.members:
            found = found & kernels(x).xp.asarray(member.contains(x))
        return found

    def _reach(self, x: Any) -> Any:
        return _least([member.reach(x) for member in self.members], x)

    def _check_point(self, point: Any) -> None:
        for index, member in enumerate(self.members):
            slack = 1e3 * unit_roundoff(point) * (1.0 + float(np.abs(to_numpy(point)).max()))
            if not to_numpy(member.contains(point, atol=slack)).all():
                raise ArgumentError(
                    f"`Intersection(point=...)` must lie in all members, but is outside member "
                    f"{index}, a {type(member).__name__}."
                )

    def _wide(self, x: Any) -> Any:
        if self.dim is not None:
            require_length(x, self.dim, "Intersection")
        return wide(x)


def _least(values: list[Any], like: Any) -> Any:
    found = as_like(values[0], like)
    for value in values[1:]:
        found = kernels(like).xp.minimum(found, as_like(value, like))
    return found


def _no_common_point(found: Projection) -> str:
    apart, bound = (
        float(np.nanmax(to_numpy(value))) for value in (found.infeasibility, found.distance_bound)
    )
    return (
        "`Intersection(members=...)` must have a common point, but none was found: after "
        f"{int(to_numpy(found.passes).max())} passes the members are {apart:.3g} apart, and every "
        f"common point is at least {bound:.3g} away from where the search began. If they do meet, "
        "give a common point: `Intersection(point=...)`."
    )
