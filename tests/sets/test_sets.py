"""Every set against a membership and a support function that are written here, longhand."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import pytest
from numpy.typing import NDArray

from olgame.arrays import to_numpy
from olgame.sets import ConvexSet, L2Ball, L2InfBall, ProductSet, WholeSpace

Floats = NDArray[np.float64]
KINDS = ("numpy-float64", "numpy-float32", "torch-float64", "torch-float32")
P = 6
CENTER = np.array([0.5, -1.0, 2.0, 0.25, -0.75, 1.5])


def make(values: Any, kind: str) -> Any:
    library, dtype = kind.split("-")
    if library == "numpy":
        return np.asarray(values, dtype=dtype)
    torch = pytest.importorskip("torch")
    return torch.tensor(np.asarray(values, dtype=dtype))


def tolerance(kind: str) -> float:
    return 2e-5 if kind.endswith("32") else 1e-12


class Case(NamedTuple):
    """A set K, blocks (slice, radius) that define it, its center, and what is known by hand."""

    build: Callable[[Any], Any]
    blocks: tuple[tuple[slice, float], ...]
    center: Floats
    diameter: float

    def excesses(self, x: Floats) -> Floats:
        """How far each block is outside its ball."""
        return np.array(
            [math.dist(x[s], self.center[s]) - radius for s, radius in self.blocks], dtype=float
        )

    def support(self, v: Floats) -> float:
        return math.fsum(v * self.center) + sum(r * math.hypot(*v[s]) for s, r in self.blocks)


HALVES = (slice(0, 3), slice(3, 6))
CASES = {
    "ball": Case(lambda c: L2Ball(1.5), ((slice(0, P), 1.5),), np.zeros(P), 3.0),
    "ball-center": Case(lambda c: L2Ball(1.5, c), ((slice(0, P), 1.5),), CENTER, 3.0),
    "rows": Case(
        lambda c: L2InfBall(0.5, 2), tuple((s, 0.5) for s in HALVES), np.zeros(P), math.sqrt(2.0)
    ),
    "rows-center": Case(
        lambda c: L2InfBall(0.5, 2, c), tuple((s, 0.5) for s in HALVES), CENTER, math.sqrt(2.0)
    ),
    "product": Case(
        lambda c: ProductSet([(L2Ball(1.0, c[:2]), 2), (L2Ball(2.0, c[2:]), 4)]),
        ((slice(0, 2), 1.0), (slice(2, 6), 2.0)),
        CENTER,
        math.sqrt(20.0),
    ),
    "product-rows": Case(
        lambda c: ProductSet([(L2Ball(1.0, c[:2]), 2), (L2InfBall(2.0, 2, c[2:]), 4)]),
        ((slice(0, 2), 1.0), (slice(2, 4), 2.0), (slice(4, 6), 2.0)),
        CENTER,
        math.sqrt(4.0 + 32.0),
    ),
}
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
    x = case.center + 5.0
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
    x = make(case.center + 0.01, kind)
    assert case.build(make(case.center, kind)).project(x) is x


@kinds
@cases
def test_membership(name: str, kind: str) -> None:
    case = CASES[name]
    k = case.build(make(case.center, kind))
    for x in points(case):
        excess = case.excesses(x)
        distance = float(np.linalg.norm(np.maximum(excess, 0.0)))
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
def test_support_and_linear_minimiser_are_a_dual_pair(name: str, kind: str) -> None:
    case, tol = CASES[name], tolerance(kind)
    k = case.build(make(case.center, kind))
    rng = np.random.default_rng(2)
    for g in [*rng.standard_normal((4, P)), np.zeros(P), np.array([1e-25, 0, 0, 0, 0, 0])]:
        maximiser = to_numpy(k.lmo(make(-g, kind)))
        g = to_numpy(make(g, kind))
        assert (case.excesses(maximiser) <= tol).all()
        assert float(k.support(make(g, kind))) == pytest.approx(
            case.support(g), rel=tol, abs=tol * float(np.abs(g).max())
        )
        assert math.fsum(g * maximiser) == pytest.approx(
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
    rules = [cvxpy.norm(u[s] - case.center[s]) <= radius for s, radius in case.blocks]
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
    """Reach from the center is half the diameter; from 10 further out by hand, block by block."""
    case = CASES[name]
    k = case.build(case.center)
    assert k.diameter == pytest.approx(case.diameter, rel=1e-15)
    assert float(k.reach(case.center)) == pytest.approx(case.diameter / 2, rel=1e-15)
    x = case.center + 1.0
    by_hand = math.hypot(*(math.sqrt(s.stop - s.start) + r for s, r in case.blocks))
    assert float(k.reach(x)) == pytest.approx(by_hand, rel=1e-15)


@cases
def test_translation(name: str) -> None:
    case = CASES[name]
    k = case.build(case.center)
    v = np.random.default_rng(8).standard_normal(P)
    x = case.center + 3.0
    np.testing.assert_allclose(k.translate(v).project(x + v), k.project(x) + v, atol=1e-14)
    centered = k.translate(-case.center)
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
    assert (excess.max(axis=1) < -0.05 * min(r for _, r in case.blocks)).any()
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
    sets.append(ProductSet([(k, 1) for k in sets]))
    assert sets[-1].diameter == math.inf
