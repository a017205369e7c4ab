"""Intersections: the nearest point and not just a common one, with a certificate that is true."""

from __future__ import annotations

import itertools
import math
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

import olgame as og
from olgame.arrays import to_numpy
from olgame.exceptions import ArgumentError, NotAvailableError, ShapeError
from olgame.sets import (
    AffineSubspace,
    Box,
    CappedSimplex,
    Ellipsoid,
    Halfspace,
    L1Ball,
    L2Ball,
    LinfBall,
    Simplex,
)

Floats = NDArray[np.float64]
Intersection: Any = og.sets.Intersection


def floats(*values: float) -> Floats:
    return np.array(values, dtype=np.float64)


def distance(members: Any, x: Floats) -> float:
    return max(float(np.linalg.norm(x - member.project(x))) for member in members)


def wedge(angle: float) -> list[Halfspace]:
    """Two half-planes that meet at the origin in a wedge of this opening, around (-1, 0)."""
    across, up = math.sin(angle / 2), math.cos(angle / 2)
    return [Halfspace(floats(across, up)), Halfspace(floats(across, -up))]


def test_the_nearest_point_is_not_what_alternating_projections_find() -> None:
    """A half-disk: from (1, 2) the nearest point is (0, 1); alternating ends elsewhere."""
    members: list[Any] = [L2Ball(1.0), Halfspace(floats(1.0, 0.0))]
    x = floats(1.0, 2.0)
    z = x
    for _ in range(500):
        for member in members:
            z = to_numpy(member.project(z))
    assert distance(members, z) < 1e-12, "a common point"
    assert np.linalg.norm(z - x) > np.linalg.norm(floats(0.0, 1.0) - x) + 1e-3
    found = Intersection(members).projection(x)
    np.testing.assert_allclose(found.point, [0.0, 1.0], atol=1e-14)
    assert bool(found.converged)


@pytest.mark.parametrize("cap", [0.2, 0.3, 0.5])
@pytest.mark.parametrize("scale", [0.3, 3.0, 300.0])
def test_simplex_and_box_are_the_capped_simplex(cap: float, scale: float) -> None:
    rng = np.random.default_rng(0)
    x = scale * rng.standard_normal((12, 7))
    both = Intersection([Simplex(), Box(-1.0, cap, dim=7)])
    exact: Any = CappedSimplex(cap, dim=7)
    np.testing.assert_allclose(both.project(x), exact.project(x), atol=4e-15 * (1 + scale))
    g = rng.standard_normal(7)
    assert float(both.support(g)) == pytest.approx(float(exact.support(g)), rel=1e-13)
    np.testing.assert_allclose(both.lmo(g), exact.lmo(g), atol=1e-12)


def test_polytopes_are_their_faces_least_distance() -> None:
    """Three half-planes and a box, against the nearest point of every face, by enumeration."""
    rng = np.random.default_rng(3)
    for _ in range(12):
        normals, bounds = rng.standard_normal((3, 2)), rng.uniform(0.1, 0.8, 3)
        a = np.vstack([normals, np.eye(2), -np.eye(2)])
        b = np.concatenate([bounds, np.ones(4)])
        x = rng.standard_normal(2) * rng.choice([1.0, 4.0, 40.0])
        candidates = [x]
        candidates += [x - (n @ x - c) / (n @ n) * n for n, c in zip(a, b, strict=True)]
        for i, j in itertools.combinations(range(len(a)), 2):
            if abs(np.linalg.det(a[[i, j]])) > 1e-9:
                candidates.append(np.linalg.solve(a[[i, j]], b[[i, j]]))
        inside = [u for u in candidates if (a @ u <= b + 1e-12).all()]
        nearest = min(inside, key=lambda u: float(np.linalg.norm(u - x)))
        members: list[Any] = [Halfspace(n, float(c)) for n, c in zip(normals, bounds, strict=True)]
        mine = Intersection([*members, Box(-1.0, 1.0, dim=2)], point=np.zeros(2)).project(x)
        np.testing.assert_allclose(mine, nearest, atol=1e-12 * float(1 + np.linalg.norm(x)))


@pytest.mark.parametrize(
    "members",
    [
        [L2Ball(1.0), L1Ball(1.3), Box(-0.4, 0.6, dim=5)],
        [Ellipsoid(np.linspace(0.3, 2.0, 5)), L2Ball(1.0, 0.2 * np.ones(5))],
        [LinfBall(0.5, 0.1 * np.ones(5)), AffineSubspace(np.ones((1, 5)), floats(0.3))],
    ],
    ids=["three", "ellipsoid and ball", "cube and plane"],
)
def test_what_is_said_of_a_projection_is_true(members: Any) -> None:
    """Gap, infeasibility and distance bound, at an early stop too, against points of the set."""
    rng = np.random.default_rng(1)
    k = Intersection(members)
    inside = [k.project(point) for point in k.sample(rng, (25, 5))]
    for x in 3.0 * rng.standard_normal((4, 5)):
        best = to_numpy(k.project(x))
        for passes in (1, 2, 3, 8, 10_000):
            early = Intersection(members, point=k.point, max_passes=passes).projection(x)
            z, gap = to_numpy(early.point), float(early.gap)
            assert members[0].contains(z, atol=1e-13)
            infeasible = float(early.infeasibility)
            assert distance(members, z) <= infeasible + 1e-14
            for u in inside:
                assert float((x - z) @ (u - z)) <= gap + 1e-12
            bound = float(early.distance_bound)
            assert bound <= np.linalg.norm(x - best) * (1 + 1e-12)
            assert bool(early.converged) or gap > 1e-9
            assert infeasible > 1e-12 or np.sum((z - best) ** 2) <= gap + 1e-11
        assert bool(early.converged)
        assert bound >= np.linalg.norm(x - best) * (1 - 1e-9)
        assert gap <= 1e-10


@pytest.mark.parametrize("angle", [1.0, 0.1, 0.01])
def test_narrow_wedges(angle: float) -> None:
    """The nearest point of a wedge is its tip for everything behind it."""
    k = Intersection(wedge(angle), point=np.zeros(2))
    for x in (floats(1.0, 0.3), floats(2.0, -0.01), floats(0.5, 0.0)):
        found = k.projection(x)
        assert bool(found.converged)
        np.testing.assert_allclose(found.point, [0.0, 0.0], atol=1e-11 / angle)
        assert int(to_numpy(found.passes)) < 2000


def test_balls_that_touch_are_told_not_to_have_converged() -> None:
    """Convergence is slower than linear there: said, and raised only on request."""
    left, right = L2Ball(1.0, floats(-1.0, 0.0)), L2Ball(1.0, floats(1.0, 0.0))
    loose = Intersection([left, right], point=np.zeros(2), max_passes=300)
    x = floats(0.0, 3.0)
    found = loose.projection(x)
    assert not bool(found.converged)
    assert float(found.infeasibility) > 0.0
    assert np.linalg.norm(found.point) < 0.1
    assert left.contains(loose.project(x), atol=1e-12)
    strict = Intersection([left, right], point=np.zeros(2), max_passes=300, strict=True)
    with pytest.raises(NotAvailableError, match="has not converged in 300 passes"):
        strict.project(x)
    assert strict.contains(x, atol=0.1) is False


EMPTY: list[Any] = [
    [L2Ball(1.0, np.zeros(3)), L2Ball(1.0, floats(2.001, 0.0, 0.0))],
    [Simplex(4), Box(0.0, 0.2)],
    [L2Ball(1.0), Halfspace(floats(1.0, 1.0), -1.5)],
    [LinfBall(1.0, np.zeros(2)), Halfspace(floats(1.0, 0.0), -3.0), L2Ball(9.0)],
]


@pytest.mark.parametrize("members", EMPTY, ids=["balls", "caps", "half-space", "three"])
def test_an_empty_intersection_is_noticed(members: Any) -> None:
    with pytest.raises(ArgumentError, match="must have a common point, but none was found"):
        Intersection(members)


def test_an_empty_intersection_is_noticed_late_where_no_dimension_is_known() -> None:
    k = Intersection([L2Ball(1.0), L1Ball(1.0)])
    assert k.dim is None
    np.testing.assert_allclose(k.project(floats(2.0, 0.0)), [1.0, 0.0], atol=1e-14)
    empty = Intersection([Simplex(), Box(0.0, 0.2)])
    with pytest.raises(ArgumentError, match="none was found: after"):
        empty.project(np.ones((3, 4)))
    np.testing.assert_allclose(empty.project(np.zeros(5)), np.full(5, 0.2), atol=1e-12)


def test_parallel_half_planes_apart_are_suspected() -> None:
    """Nothing is bounded, so nothing can be certain; the message says how far one had to go."""
    apart = [Halfspace(floats(1.0, 0.0), -1.0), Halfspace(floats(-1.0, 0.0), -1.0)]
    with pytest.raises(ArgumentError, match=r"the members are 2 apart, and every common point"):
        Intersection(apart, max_passes=200)


def lens() -> tuple[Any, list[tuple[Floats, float]]]:
    """Two balls that overlap, directions, and h there, by hand."""
    k = Intersection([L2Ball(1.0, floats(-0.5, 0.0)), L2Ball(1.0, floats(0.5, 0.0))])
    known = []
    for angle in np.linspace(0.0, math.pi, 9):
        g = 3.0 * floats(math.cos(angle), math.sin(angle))
        # The right arc is that of the left ball: it serves directions within 60 degrees.
        near = angle <= math.pi / 3 or angle >= 2 * math.pi / 3
        tip = 3.0 * math.sqrt(0.75) * math.sin(angle)
        known.append((g, 3.0 * (1.0 - 0.5 * abs(math.cos(angle))) if near else tip))
    return k, known


def test_the_upper_end_is_above_after_every_step(monkeypatch: pytest.MonkeyPatch) -> None:
    k, directions = lens()
    box = Intersection([Halfspace(floats(1.0, 2.0), 0.3), Box(-1.0, 1.0, dim=2)])
    corners = np.array([[-1.0, 0.65], [0.3 + 2.0, -1.0], [1.0, -0.35], [1.0, -1.0], [-1.0, -1.0]])
    corners = corners[(np.abs(corners) <= 1.0).all(axis=1)]
    widths = []
    for steps in (1, 2, 4):
        monkeypatch.setattr("olgame.sets.proximal_maximum._STEPS", steps)
        for g, known in directions:
            found = k.maximum(g)
            assert float(found.upper) >= known * (1 - 1e-14)
            assert float(found.lower) <= known * (1 + 1e-14)
            widths.append(float(found.upper) - float(found.lower))
            found = box.maximum(g)
            assert float(found.upper) >= float((corners @ g).max()) - 1e-14
    assert max(widths[:9]) > 1e-3, "the first step is not the last"


def test_support_has_both_ends() -> None:
    """A lens of two balls: the upper end is above h, and the point attains it."""
    k, directions = lens()
    for g, known in directions:
        found = k.maximum(g)
        assert float(found.upper) >= known * (1 - 1e-14)
        assert float(found.upper) == pytest.approx(known, rel=1e-9)
        assert float(found.lower) == pytest.approx(known, rel=1e-9)
        assert bool(found.converged)
        assert float(k.support(g)) == float(found.upper)
    assert float(k.support(np.zeros(2))) == 0.0
    assert np.isnan(k.support(np.stack([g, g * math.nan]))).tolist() == [False, True]


def test_support_needs_a_bounded_member() -> None:
    k = Intersection(wedge(0.3), point=np.zeros(2))
    assert k.diameter == math.inf
    with pytest.raises(NotAvailableError, match="need a bounded member"):
        k.support(floats(1.0, 0.0))
    assert og.checks.check_decision_set(k).skipped["lmo"].startswith("the support function")


def test_learners_play_in_an_intersection_and_their_regret_is_that_of_the_exact_set() -> None:
    both = Intersection([Simplex(5), Box(-1.0, 0.35)])
    exact = CappedSimplex(0.35, dim=5)
    rng = np.random.default_rng(0)
    losses = [og.losses.LinearLoss(g) for g in rng.standard_normal((40, 5))]
    runs = [
        og.play(
            og.learners.OnlineGradientDescent(0.1),
            og.adversaries.ObliviousSequence(losses),
            k,
            rounds=40,
            start=np.full(5, 0.2),
        )
        for k in (both, exact)
    ]
    np.testing.assert_allclose(runs[0].loss, runs[1].loss, atol=1e-12)
    regrets = [og.regret.linear(run).value for run in runs]
    assert regrets[0] == pytest.approx(regrets[1], rel=1e-11)


INVALID: list[tuple[Any, type[Exception], str]] = [
    (lambda: Intersection([L2Ball(1.0)]), ArgumentError, "must hold two sets or more, got '1'"),
    (lambda: Intersection(3), ArgumentError, "must be a sequence of convex sets, got 3"),
    (lambda: Intersection([L2Ball(1.0), 3]), ArgumentError, "must be a convex set, .* got 3"),
    (lambda: Intersection([Simplex(2), Simplex(3)]), ShapeError, r"one dimension, got \[2, 3\]"),
    (
        lambda: Intersection([L2Ball(1.0), L1Ball(1.0)], tolerance=0.0),
        ArgumentError,
        r"`Intersection\(tolerance=...\)` must be a number between 0 and 1, got 0.0",
    ),
    (
        lambda: Intersection([L2Ball(1.0), L1Ball(1.0)], max_passes=0),
        ArgumentError,
        r"`Intersection\(max_passes=...\)` must be an integer",
    ),
    (
        lambda: Intersection([L2Ball(1.0), L1Ball(1.0)], point=floats(0.9, 0.3)),
        ArgumentError,
        "is outside member 1, a L1Ball",
    ),
    (lambda: Intersection([Simplex(2), L2Ball(1.0)]).project(np.ones(3)), ShapeError, "2 entries"),
]


@pytest.mark.parametrize("which", range(len(INVALID)))
def test_errors_name_the_argument(which: int) -> None:
    call, kind, message = INVALID[which]
    with pytest.raises(kind, match=message):
        call()
