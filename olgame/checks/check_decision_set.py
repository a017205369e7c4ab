"""Is it a convex set: do projection, support function, samples and the rest agree?"""

from __future__ import annotations

import math
from collections.abc import Collection
from typing import Any

import numpy as np

from olgame.arrays import as_like, kernels, unit_roundoff
from olgame.checks.checklist import (
    CheckReport,
    differ,
    expect,
    flags,
    games,
    host,
    run_checks,
    skip_check,
    unit_directions,
)
from olgame.checks.set_case import SetCase, set_case
from olgame.exceptions import NotAvailableError
from olgame.sets.convex_set import ConvexSet
from olgame.typing import Array

__all__ = ["check_decision_set"]

GUIDE = "docs/how_to/write_a_set_or_a_loss.md"


def check_decision_set(
    decision_set: ConvexSet,
    *,
    like: Array | None = None,
    dim: int | None = None,
    seed: int = 0,
    skip: Collection[str] = (),
) -> CheckReport:
    """Check that a set is what `olgame.sets.ConvexSet` promises.

    The projection p of x is held against the definition: <x - p, u - p> <= 0 for points u of the
    set, its samples and the minimizer of <p - x, u>; the message gives a point of the set that is
    nearer. The support function is held against samples, against ``lmo``, and against projections
    of far points, <g, Proj(x + t g)> >= h(g) - reach(x) diam/t.

    Args:
        decision_set: K.
        like: An array ``(p,)`` of the kind to check with; default K's center, else float64 NumPy.
        dim: p, where the set does not say it and ``like`` is not given; default 6.
        seed: Of the random points.
        skip: Names of sub-checks to leave out.

    Returns:
        What was checked.

    Raises:
        CheckError: The first sub-check that fails.

    Example:
        >>> from olgame.sets import L2Ball
        >>> check_decision_set(L2Ball(2.0)).passed[:4]
        ('sample', 'contains', 'project', 'nearest point')
    """
    if like is None:
        like = getattr(decision_set, "center", None)
    if like is None:
        like = np.zeros(dim or getattr(decision_set, "dim", None) or 6)
    table = {
        "sample": _sample,
        "contains": _contains,
        "project": _project,
        "nearest point": _nearest,
        "lmo": _lmo,
        "diameter": _diameter,
        "support": _support,
        "reach": _reach,
        "translate": _translate,
        "leading axes": _leading_axes,
    }
    case = set_case(decision_set, like[(0,) * (like.ndim - 1)], seed)
    return run_checks(decision_set, case, table, guide=GUIDE, skip=skip, watched=case.watched)


def _sample(case: SetCase) -> None:
    shape = (3, 2, case.like.shape[-1])
    draw = case.set.sample(np.random.default_rng(case.seed), shape)
    expect(tuple(draw.shape) == shape, f"`sample` gave shape {tuple(draw.shape)} for {shape}")
    expect(np.isfinite(host(draw)).all(), "`sample` gave numbers that are not finite")
    again = case.set.sample(np.random.default_rng(case.seed), shape)
    expect(
        np.array_equal(host(draw), host(again)),
        "`sample` gave two different draws for equal generators. Draw from `rng` alone",
    )
    outside = ~flags(case.set.contains(case.inside, atol=case.slack))
    expect(not outside.any(), f"{outside.sum()} of {outside.size} samples are not in the set")


def _contains(case: SetCase) -> None:
    for value, inside in zip(case.inside, flags(case.set.contains(case.inside)), strict=True):
        loose = case.set.contains(value, atol=case.slack)
        expect(bool(loose) or not inside, "`contains` is False with a larger `atol`")
    nan = case.like * 0.0 + math.nan
    expect(not bool(case.set.contains(nan)), "`contains` is True for nan")
    expect(not bool(case.set.contains(nan, atol=1.0)), "`contains` is True for nan with `atol`")
    if math.isinf(case.set.diameter):
        return
    step = 1.5 * case.set.diameter + case.slack
    far = case.inside + step * unit_directions(
        np.random.default_rng(case.seed), tuple(case.inside.shape), case.like
    )
    wrong = flags(case.set.contains(far))
    expect(
        not wrong.any(),
        f"`contains` is True for a point at distance {step:.3g} from a point of the set, whose "
        f"`diameter` is {case.set.diameter:.3g}",
    )


def _project(case: SetCase) -> None:
    projected = case.set.project(case.around)
    shape = tuple(case.around.shape)
    expect(
        tuple(projected.shape) == shape,
        f"`project` gave shape {tuple(projected.shape)} for {shape}",
    )
    expect(
        projected.dtype == case.around.dtype,
        f"`project` gave dtype {projected.dtype} for {case.around.dtype}",
    )
    expect(np.isfinite(host(projected)).all(), "`project` gave numbers that are not finite")
    slack = case.slack + 50.0 * unit_roundoff(case.like) * float(np.abs(host(case.around)).max())
    bad = ~flags(case.set.contains(projected, atol=slack))
    expect(not bad.any(), f"{bad.sum()} of {bad.size} projected points are not in the set")
    kept = flags(case.set.contains(case.inside))
    moved = host(kernels(case.like).norm(case.inside - case.set.project(case.inside)))
    moved = np.where(kept, moved, 0.0)
    expect(
        moved.max() <= slack,
        f"`project` moves a point that `contains` says is inside, by {moved.max():.3g}: it "
        "projects onto something smaller than the set",
    )
    expect(
        differ(case.set.project(projected), projected, case.like) == 0.0,
        "`project` moves a point that it has just projected",
    )


def _witnesses(case: SetCase, outward: Any) -> list[Any]:
    """Points of the set: samples and, where it has one that `contains` agrees with, the lmo."""
    found = [u for u in case.inside if bool(case.set.contains(u, atol=case.slack))]
    try:
        least = case.set.lmo(-outward)
    except NotAvailableError:
        return found
    return [*found, least] if bool(case.set.contains(least, atol=case.slack)) else found


def _nearest(case: SetCase) -> None:
    for x in case.around:
        p = case.set.project(x)
        at, outward = host(p), host(x) - host(p)
        distance = float(np.linalg.norm(outward))
        for u in _witnesses(case, x - p):
            chord = host(u) - at
            gain, square = float(outward @ chord), float(chord @ chord)
            if gain <= 10.0 * case.slack * (distance + case.scale):
                continue
            nearer = float(np.linalg.norm(outward - min(1.0, gain / square) * chord))
            expect(
                nearer >= distance * (1.0 - 1e3 * unit_roundoff(case.like)),
                f"`project` is not the nearest point: it moved a point by {distance:.6g}, but "
                f"there is a point of the set at distance {nearer:.6g}",
            )


def _finite_directions(case: SetCase) -> list[Any]:
    """Directions, random ones and those of axes, where the set is bounded."""
    axes = np.eye(case.like.shape[-1])[:8]
    tried = [*case.directions, *as_like(np.concatenate([axes, -axes]), case.like)]
    found = []
    for g in tried:
        try:
            if np.isfinite(host(case.set.support(g))):
                found.append(g)
        except NotAvailableError:
            continue
    return found


def _require_directions(case: SetCase) -> list[Any]:
    return _finite_directions(case) or skip_check("the support function is infinite everywhere")


def _lmo(case: SetCase) -> None:
    for g in _require_directions(case):
        least = case.set.lmo(-g)
        within = bool(case.set.contains(least, atol=case.slack))
        expect(within, "`lmo` gave a point outside the set")
        value = float(host(least) @ host(g))
        best = max(float(host(u) @ host(g)) for u in case.inside)
        size = float(np.linalg.norm(host(g)))
        expect(
            value >= best - 10.0 * case.slack * size,
            f"`lmo(g)` is not a *minimizer* of <g, u>: it has value {-value:.6g}, a sample of the "
            f"set has {-best:.6g}",
        )


def _support(case: SetCase) -> None:
    for g in _require_directions(case):
        found, size = float(host(case.set.support(g))), float(np.linalg.norm(host(g)))
        slack = 20.0 * case.slack * size
        best = max(float(host(u) @ host(g)) for u in case.inside)
        expect(
            found >= best - slack,
            f"`support(g)` = {found:.6g} is too small: a sample of the set has <g, u> = {best:.6g}",
        )
        reached = float(host(case.set.lmo(-g)) @ host(g))
        expect(
            abs(found - reached) <= slack,
            f"`support(g)` = {found:.6g}, but `lmo(-g)`, the point of the set where <g, u> is "
            f"largest, has {reached:.6g}",
        )
        twice = float(host(case.set.support(g * 2.0)))
        expect(
            abs(twice - 2.0 * found) <= 2.0 * slack,
            f"`support(2 g)` = {twice:.6g} is not 2 `support(g)` = {2.0 * found:.6g}",
        )
        if math.isinf(case.set.diameter):
            continue
        t = 1e4 * case.scale / size
        inner = case.inside[0]
        seen = float(host(case.set.project(inner + t * g)) @ host(g))
        error = float(host(case.set.reach(inner))) * case.set.diameter / t
        slack *= 1e4
        expect(
            seen - slack <= found <= seen + error + slack,
            f"`support(g)` = {found:.6g} and `project` disagree: the projection of a far point in "
            f"direction g has <g, u> = {seen:.6g}, at most {error:.2g} below the support",
        )


def _reach(case: SetCase) -> None:
    for x in case.around:
        found = float(host(case.set.reach(x)))
        distances = [float(np.linalg.norm(host(x) - host(u))) for u in case.inside]
        slack = case.slack + 50.0 * unit_roundoff(case.like) * max(distances)
        expect(
            found >= max(distances) - slack,
            f"`reach(x)` = {found:.6g} is too small: a point of the set is {max(distances):.6g} "
            "from x",
        )
        most = min(distances) + case.set.diameter
        expect(
            found <= most + slack,
            f"`reach(x)` = {found:.6g} is too large: it can be at most {most:.6g}, the distance to "
            "a point of the set plus the diameter",
        )


def _diameter(case: SetCase) -> None:
    if math.isinf(case.set.diameter):
        skip_check("the set is unbounded")
    points = [*case.inside, *(case.set.lmo(g) for g in case.directions)]
    points += [case.set.lmo(-g) for g in case.directions]
    rows = np.stack([host(point) for point in points])
    largest = float(np.linalg.norm(rows[:, None] - rows[None], axis=-1).max())
    expect(
        case.set.diameter >= largest - case.slack,
        f"`diameter` = {case.set.diameter:.6g} is too small: two points of the set are "
        f"{largest:.6g} apart",
    )


def _translate(case: SetCase) -> None:
    v = case.directions[0]
    moved = case.set.translate(v)
    expect(
        differ(moved.project(case.around + v), case.set.project(case.around) + v, case.like) == 0.0,
        "`translate(v).project(x + v)` is not `project(x) + v`",
    )
    for g in _finite_directions(case):
        shifted = float(host(case.set.support(g))) + float(host(g) @ host(v))
        rounding = 1e3 * unit_roundoff(v) * float(np.abs(host(g) * host(v)).sum())
        expect(
            abs(float(host(moved.support(g))) - shifted)
            <= 20.0 * case.slack * (1.0 + abs(shifted)) + rounding,
            "`translate(v).support(g)` is not `support(g) + <g, v>`",
        )


def _leading_axes(case: SetCase) -> None:
    p = case.like.shape[-1]
    xp = kernels(case.like).xp
    points = xp.reshape(case.around, (3, 4, p))
    directions = xp.reshape(case.directions, (3, 4, p))
    functions: dict[str, tuple[Any, Any]] = {
        "project": (case.set.project, points),
        "contains": (case.set.contains, points),
        "reach": (case.set.reach, points),
        "support": (case.set.support, directions),
        "lmo": (case.set.lmo, directions),
    }
    for name, (function, x) in functions.items():
        try:
            together = host(function(x))
        except NotAvailableError:
            continue
        for index in games(x):
            expect(
                together.shape[:2] == (3, 4)
                and differ(together[index], function(x[index]), x) == 0,
                f"`{name}` of points of shape (3, 4, {p}) is not that of each point on its own: "
                "work on the last axis only",
            )
