"""The projection onto an intersection, from the projections onto its members."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, NamedTuple

import attrs
import numpy as np

from olgame.arrays import kernels
from olgame.sets.convex_set import ConvexSet
from olgame.typing import Array, Value

__all__ = ["FLOOR", "Normals", "Projection", "dykstra"]

FLOOR = 4 * float(np.finfo(np.float64).eps)
"""Relative distance between the members' points that no further pass is asked to mend."""

_PATIENCE = 48
_EVERY = 6
_MEMORY = 8


@attrs.frozen(eq=False)
class Projection:
    """What Dykstra's algorithm found, for each row of x.

    With z the ``point`` and p* the projection: z lies in the first member, at a distance of at most
    ``infeasibility`` from each of the others, and <x - z, u - z> <= ``gap`` for every common point
    u. Where z is a common point itself, norm(z - p*)^2 <= gap.

    Attributes:
        point: z, shape ``(..., p)``.
        converged: Whether the members' points came together, within the tolerance, before z was
            projected once more; else z is a common point, but hardly the nearest.
        passes: How often each member was projected onto until z, shape ``(...)``.
        infeasibility: The largest distance of z from the point of another member.
        gap: A bound on <x - z, u - z> over the common points u.
        distance_bound: A lower bound on the distance of x from every common point (0 or more);
            it grows without end where there is none.
    """

    point: Array
    converged: Array
    passes: Array
    infeasibility: Value
    gap: Value
    distance_bound: Value


class Normals(NamedTuple):
    """Pairs of a point y of member i and a normal q there: <q, u - y> <= 0 for u in member i."""

    members: list[int]
    points: list[Any]
    normals: list[Any]


class _Found(NamedTuple):
    """One ascent: z, what is known of it, the y_i (z first) and the normals there."""

    point: Any
    apart: Any
    passes: Any
    bound: Any
    points: list[Any]
    normals: list[Any]


class _Pass(NamedTuple):
    """One correction of all duals: the new ones, the y_i, z, and x - sum q_i before Proj_1.

    ``height`` is twice the dual objective, norm(x - z)^2 - 2 gap.
    """

    duals: Any
    held: list[Any]
    point: Any
    before: Any
    height: Any


@np.errstate(over="ignore", under="ignore", invalid="ignore")
def dykstra(
    members: Sequence[ConvexSet], x: Array, farthest: Value, tolerance: float, max_passes: int
) -> tuple[Projection, Normals]:
    """Dykstra's algorithm in its dual form, accelerated.

    The dual of  min over u of norm(u - x)^2/2  with u in K_1, ..., K_m  has a vector q_i for each
    member but the first: u(q) = Proj_1(x - sum q_i) falls short of u in K_i, and Dykstra's
    correction of q_i is the proximal step

        q_i <- T_i(v) = v_i + (u(v) - y_i)/(m - 1),   y_i = Proj_i(u(v) + (m - 1) v_i),

    at v = q: with m = 2 the algorithm of Boyle and Dykstra to the letter. Here v also has
    Nesterov's momentum, restarted where it works against the ascent; and every sixth pass tries
    the point that Anderson's extrapolation of the last passes takes for the fixed point of T, and
    goes on from there if it halves norm(T(v) - v) and the dual objective is no lower. Far points
    take thousands of passes without the first, and hundreds without the second. What rounding of a
    far x leaves outside a member is projected once more, from z.

    **Certificate.** Each q_i is normal to K_i at y_i, x - sum q_i - z to K_1 at z, and they add up
    to x - z; so <x - z, u - z> <= sum <q_i, y_i - z> for every common point u, the ``gap``, and
    norm(x - u)^2 >= norm(x - z)^2 - 2 gap. Where this passes the distance at which common points
    can be, there are none. A stall is not mistaken for convergence: the y_i then are apart. The
    normals of the second projection add to those of the first.

    Args:
        members: K_1, ..., K_m; at least two.
        x: float64, shape ``(..., p)``.
        farthest: No common point is farther from x (``inf`` where nobody knows), shape ``(...)``.
        tolerance: Largest distance of the y_i from z, relative to norm(x) + norm(z), that counts as
            convergence. Passes go on below it, to a few roundings or until nothing improves.
        max_passes: Largest number of passes.

    Returns:
        The `Projection` (rows that are not finite have a nan point) and the `Normals` that add up
        to x - z.

    References:
        boyle1986; beck2009; walker2011.
    """
    k = kernels(x)
    first = _ascent(members, x, farthest, tolerance, max_passes)
    again = _ascent(members, first.point, farthest, tolerance, max_passes)
    z = again.point
    cone = Normals(
        [*range(len(members))] * 2, first.points + again.points, first.normals + again.normals
    )
    gap: Any = sum(k.dot(q, y - z) for q, y in zip(cone.normals, cone.points, strict=True))
    converged = first.apart <= max(tolerance, FLOOR) * (k.norm(x) + k.norm(z))
    passes = first.passes + again.passes
    return Projection(z, converged, passes, again.apart, gap, first.bound), cone


def _ascent(
    members: Sequence[ConvexSet], x: Any, farthest: Any, tolerance: float, max_passes: int
) -> _Found:
    k = kernels(x)
    xp = k.xp
    finite = xp.isfinite(k.norm(x))
    x = xp.where(finite[..., None], x, xp.zeros_like(x))
    size_x: Any = k.norm(x)
    zeros = xp.zeros_like(size_x)
    best: list[Any] = [x for _ in members]
    normals: list[Any] = [xp.zeros_like(x) for _ in members]
    apart, bound = zeros + math.inf, zeros
    found_at, since, passes, done = zeros, zeros, 0, ~finite

    def taken(v: Any) -> _Pass:
        """One pass from v, kept where it is the best so far."""
        nonlocal best, normals, apart, bound, found_at, since, passes, done
        passes += 1
        now = _correct(members, x, v)
        points, z = [now.point, *now.held], now.point
        cone = [now.before - z, *(now.duals[..., i, :] for i in range(len(now.held)))]
        distance = _largest([k.norm(y - z) for y in now.held])
        better = (distance < apart) & ~done
        pick = better[..., None]
        best = [xp.where(pick, a, b) for a, b in zip(points, best, strict=True)]
        normals = [xp.where(pick, a, b) for a, b in zip(cone, normals, strict=True)]
        apart = xp.where(better, distance, apart)
        found_at = xp.where(better, zeros + passes, found_at)
        since = xp.where(better, zeros, since + 1.0)
        gap: Any = sum(k.dot(q, y - z) for q, y in zip(cone, points, strict=True))
        height = k.dot(x - z, x - z) - 2.0 * gap
        reached = xp.maximum(bound, xp.sqrt(xp.maximum(height, zeros)))
        bound = xp.where(done, bound, reached)
        size = size_x + k.norm(best[0])
        tired = (apart <= tolerance * size) & (since >= _PATIENCE + 0.5 * passes)
        done = done | (apart <= FLOOR * size) | tired | (bound > farthest)
        return now._replace(height=height)

    duals = xp.stack([xp.zeros_like(x) for _ in members[1:]], axis=-2)
    leading, weight = duals, zeros + 1.0
    history: list[tuple[Any, Any]] = []
    while passes < max_passes:
        now = taken(leading)
        if bool(xp.all(done)):
            break
        new, fresh = now.duals, xp.zeros_like(done)
        history = [*history[-_MEMORY:], (_flat(new - leading), _flat(new))]
        if len(history) > 2 and passes % _EVERY == 0:
            guess = _extrapolated(history).reshape(new.shape)
            tried = taken(guess)
            history = [*history[-_MEMORY:], (_flat(tried.duals - guess), _flat(tried.duals))]
            fresh = k.norm(history[-1][0]) <= 0.5 * k.norm(history[-2][0])
            # A short move far up the wrong hill is no progress. (Near the top all is rounding.)
            fresh = fresh & (tried.height >= now.height - FLOOR * size_x * size_x)
            new = xp.where(fresh[..., None, None], tried.duals, new)
            if bool(xp.all(done)):
                break
        turn = k.dot(_flat(leading - new), _flat(new - duals))
        weight = xp.where((turn > 0.0) | fresh, zeros + 1.0, weight)
        following = 0.5 * (1.0 + xp.sqrt(1.0 + 4.0 * weight * weight))
        push = xp.where(fresh, zeros, (weight - 1.0) / following)[..., None, None]
        leading, duals, weight = new + push * (new - duals), new, following
    point = xp.where(finite[..., None], best[0], xp.full_like(x, math.nan))
    return _Found(point, apart, found_at, bound, best, normals)


def _correct(members: Sequence[ConvexSet], x: Any, v: Any) -> _Pass:
    xp = kernels(x).xp
    count = float(len(members) - 1)
    u = members[0].project(x - xp.sum(v, axis=-2))
    held, new = [], []
    for i, member in enumerate(members[1:]):
        shifted = u + v[..., i, :] * count
        y = member.project(shifted)
        held.append(y)
        new.append((shifted - y) * (1.0 / count))
    duals = xp.stack(new, axis=-2)
    before = x - xp.sum(duals, axis=-2)
    return _Pass(duals, held, members[0].project(before), before, None)


def _extrapolated(history: list[tuple[Any, Any]]) -> Any:
    """Anderson's extrapolation: the mean of T(v) that has the least mean of T(v) - v."""
    xp = kernels(history[0][0]).xp
    moves, images = (xp.stack(column, axis=-1) for column in zip(*history, strict=True))
    change, shift = (a[..., 1:] - a[..., :-1] for a in (moves, images))
    weights = xp.matmul(xp.linalg.pinv(change, rtol=1e-10), moves[..., -1:])
    return (images[..., -1:] - xp.matmul(shift, weights))[..., 0]


def _flat(duals: Any) -> Any:
    return duals.reshape((*duals.shape[:-2], duals.shape[-2] * duals.shape[-1]))


def _largest(values: list[Any]) -> Any:
    found = values[0]
    for value in values[1:]:
        found = kernels(value).xp.maximum(found, value)
    return found
