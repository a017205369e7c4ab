"""Sets without a one-line projection, against memberships and support functions of the table."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

import olgame as og
from olgame.arrays import to_numpy
from olgame.exceptions import NotAvailableError
from olgame.sets import ConvexSet
from tests.sets.kinds import CENTER as C
from tests.sets.kinds import KINDS, Floats, P, make
from tests.sets.known_sets import CASES, E0, INF, ROWS, A, Known, Make, S, U, in_span_rest


def tolerance(kind: str) -> float:
    return 2e-5 if kind.endswith("32") else 2e-12


BOUNDED = [name for name, case in CASES.items() if case.diameter < INF]
cases = pytest.mark.parametrize("name", CASES)
bounded = pytest.mark.parametrize("name", BOUNDED)
# Dykstra's algorithm is the same in all of them; two kinds are enough.
SLOW = {"lens", "cut box", "three sets"}
FEW = ("numpy-float64", "torch-float32")
PAIRS = [(name, kind) for name in CASES for kind in (FEW if name in SLOW else KINDS)]
pairs = pytest.mark.parametrize(("name", "kind"), PAIRS)
bounded_pairs = pytest.mark.parametrize(("name", "kind"), [p for p in PAIRS if p[0] in BOUNDED])
kinds = pytest.mark.parametrize("kind", KINDS)


def maker(kind: str) -> Make:
    return lambda values: make(values, kind)


def points(case: Known) -> list[Floats]:
    rng = np.random.default_rng(5)
    draws = [case.inner + scale * rng.standard_normal(P) for scale in (0.05, 0.5, 2.0, 100.0)]
    return [*draws, case.inner + 9.0 * np.eye(P)[-1], case.inner.copy()]


def is_projection(case: Known, x: Floats, p: Floats, tol: float) -> bool:
    """p in K and <x - p, p> = h(x - p): necessary and sufficient for p = Proj_K(x)."""
    scale = tol * (1.0 + float(np.abs(x).max()) ** 2)
    if case.excess(p) > scale:
        return False
    # A move at rounding level has no direction.
    if math.dist(x, p) <= tol * (1.0 + float(np.abs(x).max())):
        return True
    return abs(math.fsum((x - p) * p) - case.support(x - p)) <= scale


@pairs
def test_projection_has_a_normal_cone_certificate(name: str, kind: str) -> None:
    case = CASES[name]
    k = case.build(maker(kind))
    for x in points(case):
        mine = make(x, kind)
        before = to_numpy(mine).copy()
        p = k.project(mine)
        assert type(p) is type(mine)
        assert p.dtype == mine.dtype
        assert np.array_equal(to_numpy(mine), before)
        assert is_projection(case, before, to_numpy(p), tolerance(kind)), x
        roundoff = 1.2e-7 if kind.endswith("32") else 2.3e-16
        size = 2.0 + 2.0 * float(np.linalg.norm(case.inner)) + float(np.linalg.norm(to_numpy(p)))
        assert k.contains(p, atol=16 * roundoff * size)


@cases
def test_the_certificate_rejects_wrong_projections(name: str) -> None:
    case = CASES[name]
    x = case.inner + 5.0 * (A if case.excess(case.inner + 5.0 * A) > 0.0 else np.ones(P))
    p = to_numpy(case.build(maker("numpy-float64")).project(x))
    assert is_projection(case, x, p, 2e-12)
    assert not is_projection(case, x, case.inner + 0.9 * (p - case.inner), 1e-6)
    assert not is_projection(case, x, p + 0.1 * (x - p), 1e-6)
    rng = np.random.default_rng(0)
    for _ in range(5):  # other points of the set
        u = case.inner + 0.3 * rng.standard_normal(P)
        if case.excess(u) <= 0.0:
            assert not is_projection(case, x, u, 1e-6)


@pairs
def test_inside_is_left_alone_as_the_same_object(name: str, kind: str) -> None:
    case = CASES[name]
    x = make(case.inner, kind)
    k = case.build(maker(kind))
    if not bool(k.contains(x)):
        assert case.excess(to_numpy(x)) > -1e-6, "rounded out of a thin set"
        x = k.project(x)
    assert k.project(x) is x or name in {*SLOW, "translated"}


@pairs
def test_membership(name: str, kind: str) -> None:
    case = CASES[name]
    k = case.build(maker(kind))
    for x in points(case)[:-1]:
        mine = make(x, kind)
        distance = float(np.linalg.norm(x - to_numpy(k.project(mine))))
        assert k.contains(mine) is (case.excess(x) <= 0.0)
        assert k.contains(mine, atol=1.01 * distance + 1e-3) is True
        if distance > 1e-3:
            assert k.contains(mine, atol=0.99 * distance) is False
    for value in (math.nan, INF):
        bad = case.inner.copy()
        bad[2] = value
        assert k.contains(make(bad, kind)) is False
        assert k.contains(make(bad, kind), atol=1e9) is False
        assert np.isnan(to_numpy(k.project(make(bad, kind)))).any()


@bounded_pairs
def test_support_and_linear_minimizer_are_a_dual_pair(name: str, kind: str) -> None:
    case, tol = CASES[name], 5.0 * tolerance(kind)
    k = case.build(maker(kind))
    rng = np.random.default_rng(2)
    for g in [*rng.standard_normal((3, P)), -E0, np.zeros(P), 1e-25 * E0]:
        maximizer = to_numpy(k.lmo(make(-g, kind)))
        g = to_numpy(make(g, kind))
        assert case.excess(maximizer) <= tol
        slack = tol * float(np.abs(g).max()) * (1.0 + math.hypot(*case.inner))
        assert float(k.support(make(g, kind))) == pytest.approx(case.support(g), abs=slack)
        assert math.fsum(g * maximizer) == pytest.approx(case.support(g), abs=slack)


@kinds
@pytest.mark.parametrize("name", ["half-space", "half-space, moved", "equations", "span"])
def test_support_of_unbounded_sets(name: str, kind: str) -> None:
    """Finite in some directions, where h is <g, u> for a boundary point u, and inf elsewhere."""
    case = CASES[name]
    k = case.build(maker(kind))
    g = A if "half" in name else ROWS[0] - 2.0 * ROWS[1]
    g = in_span_rest(A) if name == "span" else g
    g = to_numpy(make(g, kind))
    assert float(k.support(make(g, kind))) == pytest.approx(case.support(g), rel=1e-5)
    assert float(g @ to_numpy(k.lmo(make(-g, kind)))) == pytest.approx(case.support(g), rel=1e-5)
    off = g + 1e-3 * np.array([1.0, 1.0, -1.0, 1.0, 1.0, 1.0])
    assert float(k.support(make(off, kind))) == INF
    with pytest.raises(NotAvailableError, match="use a bounded set"):
        k.lmo(make(off, kind))
    if "half" in name:
        assert float(k.support(make(-g, kind))) == INF
    both = make(np.stack([g, off, g * math.nan]), kind)
    np.testing.assert_array_equal(np.isfinite(to_numpy(k.support(both))), [True, False, False])
    assert np.isnan(to_numpy(k.support(both))[2])
    assert k.diameter == INF
    assert float(k.reach(make(case.inner, kind))) == INF


@cases
def test_nonexpansive(name: str) -> None:
    case = CASES[name]
    k = case.build(maker("numpy-float64"))
    rng = np.random.default_rng(3)
    for scale in (0.1, 1.0, 10.0):
        x, y = case.inner + scale * rng.standard_normal((2, 8, P))
        moved = np.linalg.norm(to_numpy(k.project(x)) - to_numpy(k.project(y)), axis=-1)
        assert (moved <= np.linalg.norm(x - y, axis=-1) * (1 + 1e-11)).all()


@cases
def test_cvxpy_agrees(name: str) -> None:
    cvxpy: Any = pytest.importorskip("cvxpy")
    case = CASES[name]
    x = case.inner + 2.0 * np.random.default_rng(4).standard_normal(P)
    u = cvxpy.Variable(P)
    problem = cvxpy.Problem(cvxpy.Minimize(cvxpy.sum_squares(u - x)), case.rules(cvxpy, u))
    problem.solve(solver="CLARABEL")
    mine = to_numpy(case.build(maker("numpy-float64")).project(x))
    np.testing.assert_allclose(mine, u.value, atol=5e-5)
    assert np.linalg.norm(mine - x) <= np.linalg.norm(u.value - x) + 1e-7


@pytest.mark.parametrize("kind", ["numpy-float64", "torch-float32"])
@cases
def test_leading_axes_are_independent(name: str, kind: str) -> None:
    """Games that differ in point and set: all at once = one by one, and = `game(index)`."""
    case = CASES[name]
    m, rng = maker(kind), np.random.default_rng(6)
    v, spot = rng.standard_normal((2, 2, P)), rng.uniform(0.1, 3.0, (2, 2, 1))
    x = case.inner + v + spot * rng.standard_normal((2, 2, P))
    x[0, 0] = case.inner + v[0, 0]
    g = rng.standard_normal((2, 2, P))
    many = case.build(m).translate(m(v))
    tol = 1e3 * tolerance(kind) / 2
    for i in np.ndindex(2, 2):
        one, same = case.build(m).translate(m(v[i])), many.game(i)
        methods: list[tuple[str, Floats]] = [("project", x), ("reach", x)]
        if case.diameter < INF:
            methods += [("support", g), ("lmo", g)]
        for method, value in methods:
            together = to_numpy(getattr(many, method)(m(value)))[i]
            alone = to_numpy(getattr(one, method)(m(value[i])))
            np.testing.assert_allclose(together, alone, atol=tol, rtol=tol)
            of_game = to_numpy(getattr(same, method)(m(value[i])))
            np.testing.assert_allclose(together, of_game, atol=tol, rtol=tol)
        assert bool(many.contains(m(x))[i]) == one.contains(m(x[i]))


@bounded
def test_diameter_and_reach(name: str) -> None:
    """Exact, or never below and at most 1.2 times too large where it is an upper bound."""
    case = CASES[name]
    k = case.build(maker("numpy-float64"))
    if case.exact:
        assert k.diameter == pytest.approx(case.diameter, rel=1e-14)
    else:
        assert case.diameter * (1 - 1e-15) <= k.diameter
    if case.farthest is None:
        return
    for x in (case.inner, case.inner + 0.05 * A, case.inner + 1.0, case.inner - 3.0 * A):
        known = math.dist(x, case.farthest(x))
        if case.exact:
            assert float(k.reach(x)) == pytest.approx(known, rel=1e-10)
            assert float(k.reach(x)) >= known * (1 - 1e-13)
        else:
            assert known * (1 - 1e-15) <= float(k.reach(x))


@pytest.mark.parametrize("name", ["different caps", "nearly full"])
def test_upper_bounds_are_not_far(name: str) -> None:
    case = CASES[name]
    k = case.build(maker("numpy-float64"))
    assert case.farthest is not None
    assert k.diameter <= 1.12 * case.diameter
    for x in (case.inner, case.inner + 0.05 * A, case.inner - A):
        assert float(k.reach(x)) <= 1.1 * math.dist(x, case.farthest(x))


@cases
def test_inner_radius_is_that_of_a_ball_inside(name: str) -> None:
    """<g, x> + r norm(g) <= h(g) for every g, and nearly = for some where the radius is best."""
    case = CASES[name]
    k = case.build(maker("numpy-float64"))
    stated = getattr(k, "inner_radius", None)
    if stated is None:
        return
    rng = np.random.default_rng(1)
    for x in (case.inner, case.inner + 0.01 * rng.standard_normal(P)):
        radius = float(stated(x))
        assert radius > 0.0
        directions = [*rng.standard_normal((40, P)), A, *U.T, *np.eye(P), *-np.eye(P)]
        room = [
            case.support(g) / math.hypot(*g) - float(g @ x) / math.hypot(*g) for g in directions
        ]
        assert min(room) >= radius * (1 - 1e-12)
        if case.tight_depth and name != "lens":
            assert min(room) <= radius * (1 + 1e-9)


@cases
def test_translation(name: str) -> None:
    case = CASES[name]
    k = case.build(maker("numpy-float64"))
    v = np.random.default_rng(8).standard_normal(P)
    x = case.inner + 3.0
    np.testing.assert_allclose(k.translate(v).project(x + v), k.project(x) + v, atol=3e-12)
    back = k.translate(v).translate(-v)
    np.testing.assert_allclose(back.project(x), k.project(x), atol=3e-12)
    far = 1e8 * np.ones(P)  # an offset costs what it costs to round the point
    np.testing.assert_allclose(k.translate(far).project(x + far) - far, k.project(x), atol=1e-6)


@pairs
def test_samples_lie_in_the_set_and_not_on_its_boundary(name: str, kind: str) -> None:
    case = CASES[name]
    k = case.build(maker(kind))
    count = 20 if name in SLOW else 100
    draw = k.sample(np.random.default_rng(0), (count, P))
    assert tuple(draw.shape) == (count, P)
    excess = np.array([case.excess(x) for x in to_numpy(draw)])
    assert (excess <= 10 * tolerance(kind)).all()
    again = k.sample(np.random.default_rng(0), (count, P))
    assert np.array_equal(to_numpy(draw), to_numpy(again))
    one = to_numpy(k.sample(np.random.default_rng(1), (P,)))
    assert one.shape == (P,)
    assert np.linalg.norm(to_numpy(draw) - to_numpy(draw)[0], axis=1).max() > 0.05
    if not any(word in name for word in ("equations", "span", "capped", "caps", "full", "scaled")):
        if name in {"reflected", "translated", "three sets"}:  # thin
            return
        assert (excess < -1e-3).any()


@cases
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_numpy_and_torch_agree(name: str, dtype: str) -> None:
    case = CASES[name]
    tol = 1e-5 if dtype == "float32" else 2e-12
    methods = ["project", "reach"] + (["support"] if case.diameter < INF else [])
    for x in points(case)[1:4:2]:
        values = []
        for kind in (f"numpy-{dtype}", f"torch-{dtype}"):
            k, mine = case.build(maker(kind)), make(x, kind)
            values.append([to_numpy(getattr(k, method)(mine)) for method in methods])
        for one, other in zip(*values, strict=True):
            np.testing.assert_allclose(one, other, rtol=10 * tol, atol=10 * tol)


def test_the_sets_are_convex_sets() -> None:
    """The annotation is the test: a type check fails where a method is missing."""
    s = og.sets
    sets: list[ConvexSet] = [s.Halfspace(A), s.AffineSubspace(ROWS), s.Ellipsoid(S)]
    sets += [s.NuclearNormBall(1.0, 2), s.CappedSimplex(1.0), s.Scaled(s.Simplex(), 2.0)]
    sets += [s.Translated(s.Simplex(), C), s.Intersection([s.L2Ball(1.0), s.Halfspace(A)])]
    assert len(s.ProductSet([(k, P) for k in sets]).blocks) == 8
