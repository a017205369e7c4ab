"""Sets with closed forms: projection, membership, dual pairs, sizes, samples; NumPy and torch."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from olgame.arrays import to_numpy
from olgame.sets import (
    Box,
    ConvexSet,
    L1Ball,
    L2Ball,
    L2InfBall,
    LinfBall,
    ProductSet,
    Simplex,
    WholeSpace,
)
from tests.sets.kinds import KINDS, Floats, P, make
from tests.sets.shapes import CASES, SIMPLEX, Case


def tolerance(kind: str) -> float:
    return 2e-5 if kind.endswith("32") else 1e-12


cases = pytest.mark.parametrize("name", CASES)
kinds = pytest.mark.parametrize("kind", KINDS)


def points(case: Case) -> list[Floats]:
    """Points inside, outside, mixed (one block in, one out), and at the center."""
    rng = np.random.default_rng(5)
    draws = [case.center + scale * rng.standard_normal(P) for scale in (0.05, 0.5, 2.0, 100.0)]
    mixed = case.center.copy()
    mixed[-1] += 9.0
    return [*draws, mixed, case.center.copy()]


def is_projection(case: Case, x: Floats, p: Floats, tol: float) -> bool:
    """p in K and <x - p, p> = h_K(x - p): necessary and sufficient for p = Proj_K(x)."""
    scale = tol * (1.0 + float(np.abs(x).max()) ** 2)
    inside = bool((case.excesses(p) <= scale).all())
    return inside and abs(math.fsum((x - p) * p) - case.support(x - p)) <= scale


@kinds
@cases
def test_projection_has_a_normal_cone_certificate(name: str, kind: str) -> None:
    case = CASES[name]
    k = case.build(make(case.center, kind))
    for x in points(case):
        mine = make(x, kind)
        before = to_numpy(mine).copy()
        p = k.project(mine)
        assert type(p) is type(mine)
        assert p.dtype == mine.dtype
        assert np.array_equal(to_numpy(mine), before)
        assert is_projection(case, before, to_numpy(p), tolerance(kind))
        roundoff = 1.2e-7 if kind.endswith("32") else 2.3e-16
        assert k.contains(p, atol=16 * roundoff * (2.0 + float(np.linalg.norm(case.center))))


@cases
def test_the_certificate_rejects_wrong_projections(name: str) -> None:
    case = CASES[name]
    k = case.build(case.center)
    x = case.center + np.array([5.0, 4.0, 6.0, 5.5, 3.0, 7.0])
    p = to_numpy(k.project(x))
    assert is_projection(case, x, p, 1e-12)
    assert not is_projection(case, x, case.center + 0.9 * (p - case.center), 1e-6)
    assert not is_projection(case, x, case.center + 1.1 * (p - case.center), 1e-6)
    other = case.center + np.roll(p - case.center, 1) * np.array([1, -1, 1, 1, 1, 1])
    assert not is_projection(case, x, other, 1e-6)


@kinds
@cases
def test_inside_is_left_alone_as_the_same_object(name: str, kind: str) -> None:
    case = CASES[name]
    # Within the plane of a simplex too.
    x = make(case.center + 0.01 * np.array([1, -1, 1, -1, 1, -1]), kind)
    assert case.build(make(case.center, kind)).project(x) is x


@kinds
@cases
def test_membership(name: str, kind: str) -> None:
    case = CASES[name]
    k = case.build(make(case.center, kind))
    for x in points(case):
        excess = case.excesses(x)
        distance = case.distance(x)
        assert k.contains(make(x, kind)) is bool((excess <= 0.0).all())
        assert k.contains(make(x, kind), atol=1.01 * distance + 1e-3) is True
        if distance > 0.0:
            assert k.contains(make(x, kind), atol=0.99 * distance) is False
    bad = case.center.copy()
    bad[2] = math.nan
    assert k.contains(make(bad, kind)) is False
    assert k.contains(make(bad, kind), atol=1e9) is False
    assert np.isnan(to_numpy(k.project(make(bad, kind)))).any()


@kinds
@cases
def test_support_and_linear_minimizer_are_a_dual_pair(name: str, kind: str) -> None:
    case, tol = CASES[name], tolerance(kind)
    k = case.build(make(case.center, kind))
    rng = np.random.default_rng(2)
    for g in [*rng.standard_normal((4, P)), np.zeros(P), np.array([1e-25, 0, 0, 0, 0, 0])]:
        maximizer = to_numpy(k.lmo(make(-g, kind)))
        g = to_numpy(make(g, kind))
        assert (case.excesses(maximizer) <= tol).all()
        assert float(k.support(make(g, kind))) == pytest.approx(
            case.support(g), rel=tol, abs=tol * float(np.abs(g).max())
        )
        assert math.fsum(g * maximizer) == pytest.approx(
            case.support(g), rel=tol, abs=tol * float(np.abs(g).max())
        )


@cases
def test_nonexpansive(name: str) -> None:
    case = CASES[name]
    k = case.build(case.center)
    rng = np.random.default_rng(3)
    for scale in (0.1, 1.0, 10.0):
        x, y = case.center + scale * rng.standard_normal((2, 50, P))
        moved = np.linalg.norm(to_numpy(k.project(x)) - to_numpy(k.project(y)), axis=-1)
        assert (moved <= np.linalg.norm(x - y, axis=-1) * (1 + 1e-12)).all()


@cases
def test_cvxpy_agrees(name: str) -> None:
    cvxpy: Any = pytest.importorskip("cvxpy")
    case = CASES[name]
    x = case.center + 2.0 * np.random.default_rng(4).standard_normal(P)
    u = cvxpy.Variable(P)
    rules = [rule for s, r, k in case.blocks for rule in k.rules(cvxpy, u[s] - case.center[s], r)]
    cvxpy.Problem(cvxpy.Minimize(cvxpy.sum_squares(u - x)), rules).solve(solver="CLARABEL")
    np.testing.assert_allclose(case.build(case.center).project(x), u.value, atol=1e-6)


@kinds
@cases
def test_leading_axes_are_independent(name: str, kind: str) -> None:
    """Games that differ in point and center: all at once = one by one."""
    case = CASES[name]
    rng = np.random.default_rng(6)
    centers = rng.standard_normal((2, 3, P))
    x = centers + rng.uniform(0.1, 3.0, (2, 3, 1)) * rng.standard_normal((2, 3, P))
    x[0, 0] = centers[0, 0]
    g = rng.standard_normal((2, 3, P))
    many = case.build(make(centers, kind)) if "product" not in name else None
    if many is None:
        zero = case.build(np.zeros(P))
        many = zero.translate(make(centers, kind))
    tol = tolerance(kind)
    for i in np.ndindex(2, 3):
        one = (
            case.build(centers[i])
            if "product" not in name
            else case.build(np.zeros(P)).translate(centers[i])
        )
        for method, value in (("project", x), ("support", g), ("lmo", g), ("reach", x)):
            together = to_numpy(getattr(many, method)(make(value, kind)))[i]
            alone = to_numpy(getattr(one, method)(value[i]))
            np.testing.assert_allclose(together, alone, atol=10 * tol, rtol=tol)
        assert bool(many.contains(make(x, kind))[i]) == one.contains(x[i])


@cases
def test_diameter_and_reach(name: str) -> None:
    """From the center, from outside all blocks, and from points in general position."""
    case = CASES[name]
    k = case.build(case.center)
    assert k.diameter == pytest.approx(case.diameter, rel=1e-15)
    for x in (case.center, case.center + 1.0, *points(case)):
        assert float(k.reach(x)) == pytest.approx(case.reach(x), rel=4e-15)


@cases
def test_translation(name: str) -> None:
    case = CASES[name]
    k = case.build(case.center)
    v = np.random.default_rng(8).standard_normal(P)
    x = case.center + 3.0
    np.testing.assert_allclose(k.translate(v).project(x + v), k.project(x) + v, atol=1e-14)
    centered = k.translate(-case.center)
    assert centered.contains(np.zeros(P), atol=1e-15)
    # Symmetric sets choose their center where everything is as good.
    if all(shape is not SIMPLEX for _, _, shape in case.blocks):
        assert np.array_equal(to_numpy(centered.lmo(np.zeros(P))), np.zeros(P))


@cases
@kinds
def test_samples_lie_in_the_set_and_not_on_its_boundary(name: str, kind: str) -> None:
    case = CASES[name]
    k = case.build(make(case.center, kind))
    draw = k.sample(np.random.default_rng(0), (200, P))
    assert tuple(draw.shape) == (200, P)
    excess = np.array([case.excesses(x) for x in to_numpy(draw)])
    assert (excess <= tolerance(kind)).all()
    depth = np.array([case.depths(x) for x in to_numpy(draw)])
    assert (depth.max(axis=1) < -0.05 * min(r for _, r, _ in case.blocks)).any()
    again = k.sample(np.random.default_rng(0), (200, P))
    assert np.array_equal(to_numpy(draw), to_numpy(again))


@cases
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_numpy_and_torch_agree(name: str, dtype: str) -> None:
    case = CASES[name]
    tol = 1e-5 if dtype == "float32" else 2e-14
    two = [f"numpy-{dtype}", f"torch-{dtype}"]
    for x in points(case):
        values = []
        for kind in two:
            k, mine = case.build(make(case.center, kind)), make(x, kind)
            values.append(
                [
                    to_numpy(getattr(k, method)(mine))
                    for method in ("project", "support", "lmo", "reach")
                ]
            )
        for one, other in zip(*values, strict=True):
            np.testing.assert_allclose(one, other, rtol=tol, atol=tol)


def test_whole_space() -> None:
    k = WholeSpace(dim=2)
    x = np.array([[1e300, -3.0], [math.nan, 0.0], [math.inf, 0.0]])
    assert k.project(x) is x
    assert np.array_equal(np.asarray(k.contains(x)), [True, False, False])
    g = np.array([[0.0, 0.0], [0.0, -1e-300], [math.nan, 0.0]])
    np.testing.assert_array_equal(k.support(g), [0.0, math.inf, math.nan])
    assert k.diameter == math.inf
    assert k.reach(x[0]) == math.inf
    assert np.array_equal(np.asarray(k.reach(x)), np.full(3, math.inf))
    assert k.translate(x[0]) is k
    assert np.array_equal(to_numpy(k.lmo(np.zeros((4, 2)))), np.zeros((4, 2)))
    assert k.sample(np.random.default_rng(0), (5, 2)).shape == (5, 2)


def test_the_sets_are_convex_sets() -> None:
    """The annotation is the test: a type check fails where a method is missing."""
    sets: list[ConvexSet] = [L2Ball(1.0), L2InfBall(1.0, 1), WholeSpace()]
    sets += [LinfBall(1.0, dim=1), Box(0.0, 1.0, dim=1), L1Ball(1.0), Simplex()]
    sets.append(ProductSet([(k, 1) for k in sets]))
    assert sets[-1].diameter == math.inf
