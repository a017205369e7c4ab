"""Is it a perturbation set: do projection, distance, norm, radius and samples agree?"""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

import attrs
import numpy as np

from olgame.arrays import as_like, kernels, unit_roundoff
from olgame.checks.checklist import (
    CheckReport,
    Watched,
    differ,
    expect,
    host,
    run_checks,
    skip_check,
)
from olgame.perturbations.perturbation_set import PerturbationSet
from olgame.typing import Array

__all__ = ["check_perturbation_set"]

GUIDE = "docs/how_to/write_a_set_or_a_loss.md"
_ORDER = {"l2": 2.0, "linf": np.inf}


@attrs.frozen(eq=False)
class _Case:
    """B, clean data, points around them at many distances, points of B(x), gradients."""

    set: PerturbationSet
    x: Any
    around: Any
    members: list[Any]
    gradient: Any
    slack: float
    seed: int
    watched: Watched

    @property
    def radius(self) -> Any:
        """rho of every sample, shape ``(n,)``, in NumPy."""
        return np.broadcast_to(host(self.set.radius), (self.x.shape[0],))


def check_perturbation_set(
    perturbation_set: PerturbationSet,
    x: Array | None = None,
    *,
    dim: int = 5,
    seed: int = 0,
    skip: Collection[str] = (),
) -> CheckReport:
    """Check that B(x) is what `olgame.perturbations.PerturbationSet` promises.

    Where midpoints of points of B(x) are in B(x), the projection has to be the nearest point;
    a set that is not convex is told so and is not asked for it.

    Args:
        perturbation_set: B.
        x: Clean data ``(n, d)`` of the kind of array to check with; default random numbers from
            0.2 to 0.8, which a box [0, 1] contains.
        dim: d of the default data.
        seed: Of the random points.
        skip: Names of sub-checks to leave out.

    Returns:
        What was checked.

    Raises:
        CheckError: The first sub-check that fails, with numbers.

    Example:
        >>> from olgame.perturbations import linf
        >>> check_perturbation_set(linf(0.3, box=(0.0, 1.0))).skipped
        {}
    """
    if x is None:
        radius = host(perturbation_set.radius)
        n = radius.shape[0] if radius.ndim else 5
        x = np.random.default_rng(seed).uniform(0.2, 0.8, (n, dim))
    table = {
        "data": _data,
        "norm and radius": _norm_and_radius,
        "sample": _sample,
        "clean point": _clean_point,
        "project": _project,
        "distance": _distance,
        "radius of what is allowed": _allowed_radius,
        "nearest point": _nearest,
        "steepest": _steepest,
        "take": _take,
        "enlarged": _enlarged,
        "samples apart": _samples_apart,
        "leading axes": _leading_axes,
    }
    case = _case(perturbation_set, x, seed)
    return run_checks(perturbation_set, case, table, guide=GUIDE, skip=skip, watched=case.watched)


def _case(allowed: PerturbationSet, x: Any, seed: int) -> _Case:
    rng = np.random.default_rng(seed)
    shape = tuple(x.shape)
    radius = float(np.max(host(allowed.radius))) or 1.0
    lengths = radius * np.geomspace(0.1, 30.0, 16)[:, None, None]
    draw = rng.standard_normal((16, *shape))
    draw /= np.linalg.norm(draw, axis=-1, keepdims=True)
    around = x + as_like(lengths * draw, x)
    gradient = as_like(rng.standard_normal(shape), x)
    members = [allowed.sample(x, rng) for _ in range(8)]
    members += [allowed.project(x, point) for point in around]
    size = float(np.abs(host(around)).max()) * shape[-1] ** 0.5
    watched = Watched()
    watched.add("the clean data", x)
    watched.add("the points to project", around)
    watched.add("the gradient", gradient)
    slack = 100.0 * unit_roundoff(x) * (1.0 + size)
    return _Case(allowed, x, around, members, gradient, slack, seed, watched)


def _lengths(case: _Case, difference: Any, norm: str | None = None) -> Any:
    order = _ORDER[case.set.norm if norm is None else norm]
    return np.linalg.norm(host(difference), ord=order, axis=-1)


def _data(case: _Case) -> None:
    check = getattr(case.set, "check_data", None)
    if check is None:
        skip_check("the set has no `check_data`")
    check(case.x)


def _norm_and_radius(case: _Case) -> None:
    expect(
        case.set.norm in _ORDER, f"`norm` must be one of {sorted(_ORDER)}, got {case.set.norm!r}"
    )
    bad = ~(np.isfinite(case.radius) & (case.radius >= 0.0))
    expect(not bad.any(), f"`radius` must be finite and >= 0, got {case.set.radius}")
    seen = host(case.set.dual_norm(case.gradient))
    true = _lengths(case, case.gradient, "l2")
    name = "norm2"
    if case.set.norm == "linf":
        true, name = np.abs(host(case.gradient)).sum(-1), "norm1"
    expect(
        seen.shape == true.shape and np.abs(seen - true).max() <= case.slack,
        f"`dual_norm` must be {name} for `norm` = {case.set.norm!r}, got {seen} instead of {true}",
    )


def _sample(case: _Case) -> None:
    draw = case.set.sample(case.x, np.random.default_rng(case.seed))
    again = case.set.sample(case.x, np.random.default_rng(case.seed))
    shape = tuple(case.x.shape)
    expect(tuple(draw.shape) == shape, f"`sample` gave shape {tuple(draw.shape)}, not {shape}")
    expect(
        np.array_equal(host(draw), host(again)),
        "`sample` gave two different draws for equal generators. Draw from `rng` alone",
    )
    outside = float(host(case.set.distance(case.x, draw)).max())
    expect(outside <= case.slack, f"a sample is {outside:.3g} outside B(x)")


def _clean_point(case: _Case) -> None:
    moved = float(np.abs(host(case.set.project(case.x, case.x)) - host(case.x)).max())
    expect(
        moved <= case.slack,
        f"`project(x, x)` moves the clean data by {moved:.3g}: x must be in B(x)",
    )
    outside = float(host(case.set.distance(case.x, case.x)).max())
    expect(outside <= case.slack, f"`distance(x, x)` is {outside:.3g}: x must be in B(x)")


def _project(case: _Case) -> None:
    shape = tuple(case.x.shape)
    for point in (*case.around, *case.members):
        landed = case.set.project(case.x, point)
        expect(
            tuple(landed.shape) == shape and landed.dtype == case.x.dtype,
            f"`project` gave shape {tuple(landed.shape)} and dtype {landed.dtype}, not {shape} and "
            f"{case.x.dtype}",
        )
        expect(np.isfinite(host(landed)).all(), "`project` gave numbers that are not finite")
        outside = float(host(case.set.distance(case.x, landed)).max())
        expect(outside <= case.slack, f"`project` landed {outside:.3g} outside B(x)")
    for point in case.members:
        moved = float(np.abs(host(case.set.project(case.x, point)) - host(point)).max())
        expect(
            moved <= case.slack,
            f"`project` moves a point that is in B(x) by {moved:.3g}: it projects onto something "
            "smaller",
        )


def _distance(case: _Case) -> None:
    for point in case.around:
        told = host(case.set.distance(case.x, point))
        expect(
            told.shape == (case.x.shape[0],) and (told >= 0.0).all(),
            f"`distance` must be one number >= 0 for each sample, got {told}",
        )
        least = _lengths(case, point - case.x) - case.radius
        short = least - told
        expect(
            short.max() <= case.slack,
            f"`distance` = {told[short.argmax()]:.6g} is too small: the point is "
            f"{least[short.argmax()]:.6g} beyond `radius` in the norm {case.set.norm}",
        )
        for member in case.members:
            over = told - _lengths(case, point - member)
            expect(
                over.max() <= case.slack,
                f"`distance` = {told[over.argmax()]:.6g} is too large: a point of B(x) is nearer",
            )


def _allowed_radius(case: _Case) -> None:
    euclidean = host(case.set.euclidean_radius(case.x.shape[-1]))
    bound = host(case.set.input_bound(case.x))
    for member in case.members:
        length = _lengths(case, member - case.x)
        over = length - case.radius
        expect(
            over.max() <= case.slack,
            f"a point of B(x) is {length[over.argmax()]:.6g} from x in the norm {case.set.norm}, "
            f"more than `radius` = {case.radius[over.argmax()]:.6g}",
        )
        over = _lengths(case, member - case.x, "l2") - euclidean
        expect(
            over.max() <= case.slack,
            f"`euclidean_radius` is {over.max():.3g} too small for a point of B(x)",
        )
        over = _lengths(case, member, "l2") - bound
        expect(over.max() <= case.slack, f"`input_bound` is {over.max():.3g} too small for B(x)")


def _nearest(case: _Case) -> None:
    pairs = zip(case.members, case.members[1:], strict=False)
    outside = [host(case.set.distance(case.x, 0.5 * a + 0.5 * b)).max() for a, b in pairs]
    if max(outside) > case.slack:
        skip_check("B(x) is not convex")
    for point in case.around:
        landed = host(case.set.project(case.x, point))
        outward = host(point) - landed
        for member in case.members:
            chord = host(member) - landed
            gain, square = (outward * chord).sum(-1), (chord * chord).sum(-1)
            part = np.clip(gain / np.where(square > 0.0, square, 1.0), 0.0, 1.0)[:, None]
            now = np.linalg.norm(outward, axis=-1)
            nearer = np.linalg.norm(outward - part * chord, axis=-1)
            worst = int((now - nearer).argmax())
            expect(
                now[worst] - nearer[worst] <= case.slack,
                f"`project` is not the nearest point: it moved an input by {now[worst]:.6g}, but "
                f"there is a point of B(x) at distance {nearer[worst]:.6g}",
            )


def _steepest(case: _Case) -> None:
    g = case.gradient
    step = case.set.steepest(g)
    length = _lengths(case, step)
    expect(
        length.max() <= 1.0 + case.slack,
        f"`steepest` must have length 1 in the norm {case.set.norm}, got {length.max():.6g}",
    )
    gain = (host(step) * host(g)).sum(-1)
    dual = np.where(case.radius > 0.0, host(case.set.dual_norm(g)), 0.0)
    expect(
        (gain >= dual - 10.0 * case.slack * (1.0 + dual)).all(),
        f"`steepest` gains {gain.min():.6g} where `dual_norm` promises {dual[gain.argmin()]:.6g}",
    )
    for still, why in (
        (case.set.steepest(0.0 * g), "a gradient of 0"),
        (case.set.steepest(g, atol=1e30), "a gain below `atol`"),
    ):
        expect(not host(still).any(), f"`steepest` must be exactly 0 for {why}")


def _rows(case: _Case, *rows: int) -> Any:
    xp = kernels(case.x).xp
    return xp.asarray([row for row in rows if row < case.x.shape[0]])


def _take(case: _Case) -> None:
    index = _rows(case, 2, 0)
    part = case.set.take(index)
    for point in case.around:
        some = part.project(case.x[index], point[index])
        gap = differ(some, case.set.project(case.x, point)[index], case.x)
        expect(
            gap == 0.0,
            f"`take([2, 0])` projects these samples {gap:.3g} away from where the whole set does",
        )


def _enlarged(case: _Case) -> None:
    amount = 0.1
    larger = case.set.enlarged(amount)
    gap = np.abs(host(larger.radius) - host(case.set.radius) - amount).max()
    expect(gap <= case.slack, f"`enlarged({amount})` has radius {larger.radius}")
    for member in case.members:
        outside = float(host(larger.distance(case.x, member)).max())
        expect(outside <= case.slack, f"a point of B(x) is {outside:.3g} outside `enlarged` B(x)")
    for point in case.around:
        landed = larger.project(case.x, point)
        over = _lengths(case, landed - case.x) - case.radius - amount
        expect(over.max() <= case.slack, f"`enlarged({amount})` allows {over.max():.3g} more")


def _samples_apart(case: _Case) -> None:
    if case.x.shape[0] < 2:
        skip_check("there is one sample only")
    for point in case.around:
        other = kernels(case.x).xp.asarray(point, copy=True)
        other[0, :] = case.around[-1][0, :]
        gap = differ(
            case.set.project(case.x, other)[1:], case.set.project(case.x, point)[1:], case.x
        )
        expect(gap == 0.0, f"`project` of one sample depends on another one ({gap:.3g})")


def _leading_axes(case: _Case) -> None:
    together = host(case.set.project(case.x + 0.0 * case.around, case.around))
    distances = host(case.set.distance(case.x + 0.0 * case.around, case.around))
    for k, point in enumerate(case.around):
        gap = differ(together[k], case.set.project(case.x, point), case.x)
        gap = max(gap, differ(distances[k], case.set.distance(case.x, point), case.x))
        expect(
            gap == 0.0,
            f"points of shape {tuple(case.around.shape)}: game {k} is {gap:.3g} away from itself "
            "on its own. Leading axes are independent games",
        )
