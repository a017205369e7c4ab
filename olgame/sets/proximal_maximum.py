"""The support function of an intersection, from projections onto it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import attrs
import numpy as np

from olgame.arrays import kernels
from olgame.exceptions import NotAvailableError
from olgame.sets.convex_set import ConvexSet
from olgame.sets.dykstra import FLOOR, dykstra
from olgame.sets.norms import norm, unit
from olgame.typing import Array, Value

__all__ = ["LinearMaximum", "diameter_of", "proximal_maximum"]

_STEPS = 48
_LONG = 64.0
_LONGEST = 2.0**12
_PATIENCE = 4


@attrs.frozen(eq=False)
class LinearMaximum:
    """max of <g, u> over the common points u of several sets, between two numbers.

    Attributes:
        point: z, at most ``infeasibility`` away from each set, shape ``(..., p)``.
        lower: <g, z>: below the maximum but for the infeasibility.
        upper: Above the maximum, by the sets' support functions.
        converged: Whether upper - lower is small, relative to norm(g) times the diameter.
        infeasibility: As for `Projection`.
    """

    point: Array
    lower: Value
    upper: Value
    converged: Array
    infeasibility: Value


@np.errstate(over="ignore", under="ignore", invalid="ignore", divide="ignore")
def proximal_maximum(
    members: Sequence[ConvexSet],
    g: Array,
    start: Array,
    diameter: float,
    accuracy: float,
    tolerance: float,
    max_passes: int,
) -> LinearMaximum:
    """Maximize <g, u> over K_1, ..., K_m by proximal steps with a certificate.

    Where the maximizer over one member lies in all others, it is the maximizer. Elsewhere, with
    e = g/norm(g) and D the diameter of a member, u <- Proj(u + t e) with
    t = 4 D, 32 D, 256 D, and longer where steps do not get shorter: the proximal point algorithm,
    which ends after finitely many steps on polyhedra and is linear elsewhere, the faster the longer
    t; far points cost more passes. (Slow are polyhedra with an edge that is orthogonal to g but for
    a small angle.) `dykstra` also gives normals q_i to the K_i at points y_i, and t e = sum q_i + r
    with r the step. So for every common point u, and any j,

        t <e, u> = sum <q_i, u> + <r, u> <= sum_{i != j} <q_i, y_i> + h_j(q_j + r):

    an upper bound, the better the shorter the step.

    Args:
        members: K_1, ..., K_m; one of them bounded.
        g: float64, shape ``(..., p)``.
        start: A point to begin at, of the shape of ``g``.
        diameter: D.
        accuracy: Of upper - lower, relative to norm(g) D, that counts as convergence.
        tolerance: As for `dykstra`.
        max_passes: As for `dykstra`.
    """
    k = kernels(g)
    xp = k.xp
    length: Any = norm(g)
    e = unit(g)
    zeros = xp.zeros_like(length)
    farthest = zeros + math.inf
    u = start
    upper, lower = zeros + math.inf, zeros - math.inf
    point, apart, shortest = start, zeros, zeros + math.inf
    since, reach_of_step, longest = zeros, zeros + 4.0, zeros + _LONGEST
    done = ~xp.isfinite(length)
    easy, corner = _over_one_member(members, g)
    if bool(xp.all(easy | done)):
        value = k.dot(g, corner)
        return LinearMaximum(corner, value, value, xp.ones_like(done), zeros)
    done = done | easy
    for _ in range(_STEPS):
        t = reach_of_step[..., None] * diameter
        # A row that is done stays where it is, which costs one pass.
        found, cone = dykstra(
            members, xp.where(done[..., None], u, u + t * e), farthest, tolerance, max_passes
        )
        z: Any = found.point
        r = z - u
        values = [k.dot(q, y) for q, y in zip(cone.normals, cone.points, strict=True)]
        extra = zeros + math.inf
        for i, q, value in zip(cone.members, cone.normals, values, strict=True):
            if diameter_of(members[i]) < math.inf:
                extra = xp.minimum(extra, members[i].support(q + r) - value)
        bound = (sum(values) + extra) / t[..., 0]
        # What has not converged bounds, but is no point to go on from.
        usable: Any = found.converged
        there = done | ~usable
        reached = k.dot(e, z)
        # The last point and not the highest: they rise, and rounding must not choose among them.
        point = xp.where(there[..., None], point, z)
        apart = xp.where(there, apart, found.infeasibility)
        upper = xp.where(done, upper, xp.minimum(upper, bound))
        lower = xp.where(there, lower, reached)
        size = diameter + xp.abs(upper)
        # At rest; or the bounds have met, and the step does not get shorter.
        length_r: Any = k.norm(r)
        resting = length_r <= 256.0 * FLOOR * size
        halved = length_r <= 0.5 * shortest
        shortest = xp.where(halved, length_r, shortest)
        since = xp.where(halved, zeros, since + 1.0)
        idle = (upper - lower <= accuracy * size) & (since >= _PATIENCE)
        done = done | resting | idle
        if bool(xp.all(done)):
            break
        # Long steps cost passes: only where short ones do not get there.
        slow = ~halved | (reach_of_step < _LONG)
        longer = xp.where(slow, xp.minimum(8.0 * reach_of_step, longest), reach_of_step)
        longest = xp.where(usable, longest, 0.125 * reach_of_step)
        reach_of_step = xp.where(usable, longer, longest)
        u = xp.where(there[..., None], u, z)
    converged = upper - lower <= accuracy * (diameter + xp.abs(upper))
    # Rounding of an infeasible point may put it past the bound.
    upper = xp.maximum(upper, lower)
    bad = ~xp.isfinite(length)
    upper, lower = (xp.where(bad, zeros + math.nan, end * length) for end in (upper, lower))
    point = xp.where(bad[..., None], point + math.nan, xp.where(easy[..., None], corner, point))
    upper, lower = (xp.where(easy, k.dot(g, corner), end) for end in (upper, lower))
    return LinearMaximum(point, lower, upper, converged | bad | easy, apart)


def diameter_of(member: ConvexSet) -> float:
    """The diameter of a set; ``inf`` where it does not know one."""
    try:
        return float(member.diameter)
    except NotAvailableError:
        return math.inf


def _over_one_member(members: Sequence[ConvexSet], g: Any) -> tuple[Any, Any]:
    """Rows in which a member's own maximizer lies in all others, and these maximizers."""
    xp = kernels(g).xp
    easy, corner = xp.zeros_like(g[..., 0], dtype=xp.bool), xp.zeros_like(g)
    for i, member in enumerate(members):
        try:
            point = member.lmo(-g)
        except NotAvailableError:
            continue
        inside = xp.ones_like(easy)
        for j, other in enumerate(members):
            if j != i:
                inside = inside & xp.asarray(other.contains(point))
        corner = xp.where((inside & ~easy)[..., None], point, corner)
        easy = easy | inside
    return easy, corner
