"""Boxes, cubes, cross-polytopes and simplices: exact answers, offsets, extremes, laws, errors."""

from __future__ import annotations

import itertools
import math
import warnings
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from olgame.arrays import to_numpy
from olgame.exceptions import ArgumentError, NotAvailableError, ShapeError
from olgame.sets import Box, ConvexSet, L1Ball, LinfBall, ProductSet, Simplex, check_point

Floats = NDArray[np.float64]
INF, NAN = math.inf, math.nan
LIBRARIES = pytest.mark.parametrize("library", ["numpy", "torch"])


def floats(*values: float) -> Floats:
    return np.array(values, dtype=np.float64)


def in_library(values: Any, library: str) -> Any:
    if library == "numpy":
        return values
    return pytest.importorskip("torch").tensor(values)


def exact_simplex(x: list[Fraction], total: Fraction) -> list[Fraction]:
    """The projection in rationals: the nearest among the feasible points of all faces."""
    best: tuple[Fraction, list[Fraction]] | None = None
    for size in range(1, len(x) + 1):
        for face in itertools.combinations(range(len(x)), size):
            theta = (sum((x[j] for j in face), Fraction(0)) - total) / size
            q = [x[j] - theta if j in face else Fraction(0) for j in range(len(x))]
            if min(q) >= 0:
                far = sum(((a - b) ** 2 for a, b in zip(x, q, strict=True)), Fraction(0))
                if best is None or far < best[0]:
                    best = far, q
    assert best is not None
    return best[1]


def textbook_simplex(x: NDArray[Any], total: float) -> NDArray[Any]:
    """The usual sort-based projection, in the dtype of ``x``, without taking an offset away."""
    ordered = np.sort(x)[::-1]
    sums = np.cumsum(ordered, dtype=x.dtype) - x.dtype.type(total)
    ranks = np.arange(1, len(x) + 1, dtype=x.dtype)
    last = np.nonzero(ordered - sums / ranks > 0)[0][-1]
    return np.asarray(np.maximum(x - sums[last] / ranks[last], 0))


@settings(deadline=None, derandomize=True, max_examples=150)
@given(
    st.lists(st.integers(-40, 40), min_size=1, max_size=5),
    st.integers(1, 24),
    st.sampled_from([0, 1, 10**6, -(2**40)]),
)
def test_simplex_and_cross_polytope_in_rationals(
    eighths: list[int], total: int, offset: int
) -> None:
    """Ties, borders and offsets that floats hold exactly; the answer is one rounding away."""
    x, s = [Fraction(n, 8) for n in eighths], Fraction(total, 8)
    expected = exact_simplex(x, s)
    mine = Simplex(scale=float(s)).project(np.array([float(v + offset) for v in x]))
    np.testing.assert_allclose(
        to_numpy(mine), [float(v) for v in expected], rtol=0, atol=8e-16 * float(s)
    )
    if sum(map(abs, x)) > s:
        sizes = exact_simplex([abs(v) for v in x], s)
        cross = [float(q if v >= 0 else -q) for v, q in zip(x, sizes, strict=True)]
    else:
        cross = [float(v) for v in x]
    ball = L1Ball(float(s)).project(np.array([float(v) for v in x]))
    np.testing.assert_allclose(to_numpy(ball), cross, rtol=0, atol=8e-16 * float(s))


@LIBRARIES
@pytest.mark.parametrize("offset", [0.0, 1e3, -3e4, 2.0**24, 1e30, -3e38])
def test_a_common_offset_in_float32(library: str, offset: float) -> None:
    """Compared with the exact projection of the rounded entries."""
    x = np.array([0.7, 0.2, 0.1, -0.4], dtype=np.float32) + np.float32(offset)
    exact = [float(v) for v in exact_simplex([Fraction(float(v)) for v in x], Fraction(1))]
    p = Simplex().project(in_library(x, library))
    assert p.dtype == in_library(x, library).dtype
    np.testing.assert_allclose(to_numpy(p), exact, atol=1.2e-7)
    assert Simplex().contains(p)


def test_the_textbook_projection_loses_what_this_one_keeps() -> None:
    x = np.array([0.75, 0.25, 0.5, -0.5], dtype=np.float32) + np.float32(2.0**20)
    exact = [float(v) for v in exact_simplex([Fraction(float(v)) for v in x], Fraction(1))]
    assert np.abs(textbook_simplex(x, 1.0) - exact).max() > 0.04
    np.testing.assert_allclose(to_numpy(Simplex().project(x)), exact, atol=1e-7)


@LIBRARIES
def test_extremes_of_the_simplex(library: str) -> None:
    rows = {
        (1e308, -1e308, 1e308): (0.5, 0.0, 0.5),
        (1e308, 9e307, -1e308): (1.0, 0.0, 0.0),
        (-1e308, -1e308, -1e308): (1 / 3, 1 / 3, 1 / 3),
        (5e-324, 0.0, 0.0): (1 / 3, 1 / 3, 1 / 3),
        (NAN, 0.0, 0.0): (NAN, NAN, NAN),
        (INF, 0.0, 0.0): (NAN, NAN, NAN),
        (-INF, 0.0, 0.0): (NAN, NAN, NAN),
        (2.0, 1.5, 0.0): (0.75, 0.25, 0.0),
    }
    x = in_library(np.array(list(rows)), library)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        p = Simplex(3).project(x)
    np.testing.assert_allclose(to_numpy(p), list(rows.values()), rtol=1e-15)
    finite = np.isfinite(list(rows.values())).all(axis=1)
    assert np.array_equal(to_numpy(Simplex().contains(p)).astype(bool), finite)
    assert np.array_equal(to_numpy(Simplex().contains(p, atol=9.0)).astype(bool), finite)
    for scale in (1e-300, 1e300):
        big = to_numpy(Simplex(scale=scale).project(in_library(floats(1.0, 1.0), library)))
        np.testing.assert_allclose(big, [scale / 2, scale / 2], rtol=1e-15)


@LIBRARIES
def test_extremes_of_the_cross_polytope(library: str) -> None:
    rows = {
        (1e308, -1e308, 1e308): (1 / 3, -1 / 3, 1 / 3),
        (1e308, 0.5, -1e200): (1.0, 0.0, 0.0),
        (-2.0, 1.0, 0.0): (-1.0, 0.0, 0.0),
        (-1.0, 0.5, 0.25): (-0.75, 0.25, 0.0),
        (1e-300, 0.0, 0.0): (1e-300, 0.0, 0.0),
        (NAN, 0.0, 0.0): (NAN, NAN, NAN),
        (-INF, 0.0, 0.0): (NAN, NAN, NAN),
    }
    for center in (None, np.zeros(3)):
        x = in_library(np.array(list(rows)), library)
        c = None if center is None else in_library(center, library)
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            p = L1Ball(1.0, c).project(x)
        np.testing.assert_allclose(to_numpy(p), list(rows.values()), rtol=1e-15)
        finite = np.isfinite(list(rows.values())).all(axis=1)
        assert np.array_equal(to_numpy(L1Ball(1.0, c).contains(p, atol=4e-16)).astype(bool), finite)


@LIBRARIES
@pytest.mark.parametrize("build", [lambda: LinfBall(1.0), lambda: Box(-1.0, 1.0)])
def test_what_is_not_finite_in_a_cube(library: str, build: Any) -> None:
    x = in_library(np.array([[NAN, 3.0], [INF, 0.5], [0.5, -1e308], [1.0, -1.0]]), library)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        p = build().project(x)
    expected = [[NAN, 1.0], [NAN, 0.5], [0.5, -1.0], [1.0, -1.0]]
    np.testing.assert_array_equal(to_numpy(p), expected)
    for atol in (0.0, 1e300):
        inside = to_numpy(build().contains(x, atol=atol)).astype(bool)
        assert list(inside) == [False, False, atol > 0.0, True] or atol == 1e300
        assert not inside[:2].any()
        assert inside[3]


@settings(deadline=None, derandomize=True, max_examples=100)
@given(st.integers(-300, 300), st.floats(-3.0, 3.0), st.floats(0.1, 5.0), st.booleans())
def test_clipped_points_are_inside_exactly(
    size: int, center: float, radius: float, single: bool
) -> None:
    dtype: Any = np.float32 if single else np.float64
    size = max(min(size, 36), -36) if single else size
    x = (np.array([25.0, -60.0, 0.3]) * 10.0**size).astype(dtype)
    c = np.array([center, -center, 0.1], dtype=dtype)
    low, high = (np.asarray(c + sign * radius, dtype=dtype) for sign in (-1.0, 1.0))
    sets: list[ConvexSet] = [LinfBall(radius), LinfBall(radius, c), Box(low, high)]
    for k in sets:
        p = k.project(x)
        assert k.contains(p)
        assert k.project(p) is p


@pytest.mark.parametrize(("p", "spread"), [(1000, 1e-3), (1_000_000, 1e-6)])
@pytest.mark.parametrize("single", [False, True])
def test_sums_of_many_entries(p: int, spread: float, single: bool) -> None:
    """Running sums alone miss s by 8e-14 in float64, sums in float32 by 5e-7."""
    draw = np.random.default_rng(0).standard_normal(p) * spread
    x: Any = draw.astype(np.float32) if single else draw
    tolerance = 3e-8 if single else 1e-15
    for q in (Simplex().project(x), L1Ball(1.0).project(abs(x) + np.abs(x).mean() * 3.0)):
        assert abs(math.fsum(to_numpy(q)) - 1.0) < tolerance
        assert Simplex().contains(q)
        assert Simplex().project(q) is q


def test_a_box_without_some_bounds() -> None:
    box = Box(floats(0.0, -INF, -INF, 2.0), floats(INF, 1.0, INF, 2.0))
    x = floats(-1.0, 5.0, 7.0, 0.0)
    np.testing.assert_array_equal(box.project(x), [0.0, 1.0, 7.0, 2.0])
    inside = floats(3.0, -1e300, 1e300, 2.0)
    assert box.project(inside) is inside
    assert box.contains(inside) is True
    assert box.contains(floats(INF, 0.0, 0.0, 2.0)) is False
    assert box.contains(floats(INF, 0.0, 0.0, 2.0), atol=INF) is False
    assert box.contains(floats(-3.0, 5.0, 0.0, 2.0), atol=5.0) is True
    assert box.contains(floats(-3.0, 5.0, 0.0, 2.0), atol=4.999) is False
    supports = [((-1.0, 1.0, 0.0, 3.0), 7.0), ((0.0, 0.0, 0.0, -1.0), -2.0), ((1.0, 0, 0, 0), INF)]
    for g, value in [*supports, ((0.0, 0.0, -1e-300, 0.0), INF)]:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            assert float(to_numpy(box.support(floats(*g)))) == value
    assert math.isnan(float(to_numpy(box.support(floats(NAN, 0.0, 0.0, 0.0)))))
    np.testing.assert_array_equal(box.lmo(floats(1.0, -1.0, 0.0, 5.0)), [0.0, 1.0, 0.0, 2.0])
    assert box.diameter == INF
    assert float(to_numpy(box.reach(inside))) == INF
    moved = box.translate(floats(1.0, 1.0, 1.0, 1.0))
    np.testing.assert_array_equal(moved.project(x), [1.0, 2.0, 7.0, 3.0])
    draw = box.sample(np.random.default_rng(0), (500, 4))
    assert np.all(np.asarray(box.contains(draw)))
    assert to_numpy(draw)[:, 0].max() > 1.0
    assert ProductSet([(box, 4), (L1Ball(1.0), 2)]).diameter == INF


@LIBRARIES
def test_inner_radius(library: str) -> None:
    """Steps of that length stay inside in every direction, and one a little longer leaves."""
    rng = np.random.default_rng(3)
    c = rng.standard_normal(4)
    center = in_library(c, library)
    corners = np.array(list(itertools.product((-1.0, 1.0), repeat=4))) / 2.0
    directions = np.vstack([np.eye(4), -np.eye(4), corners])
    for k in (LinfBall(1.5, center), L1Ball(1.5, center), Box(center - 0.5, center + 2.0)):
        x = c + 0.1 * rng.standard_normal(4)
        r = float(to_numpy(k.inner_radius(in_library(x, library))))
        assert r > 0.0
        steps = x + r * directions
        assert np.all(to_numpy(k.contains(in_library(steps, library), atol=1e-14)))
        outer = in_library(x + 1.001 * r * directions, library)
        assert not np.all(to_numpy(k.contains(outer)))
        assert float(to_numpy(k.inner_radius(in_library(c + 9.0, library)))) < 0.0
    # A finite number, so that no point that is not finite is within it.
    free = float(to_numpy(Box(-INF, INF).inner_radius(in_library(c, library))))
    assert 1e300 < free < INF


def test_other_kinds_of_parameters_are_converted() -> None:
    torch = pytest.importorskip("torch")
    center = torch.tensor([0.1, 0.2], dtype=torch.float32)
    one, two = float(center[0]), float(center[1])
    sets: list[tuple[Any, float]] = [
        (LinfBall(2.0, center), 3.0 * one + 4.0 * two + 14.0),
        (L1Ball(2.0, center), 3.0 * one + 4.0 * two + 8.0),
        (Simplex(2, 2.0, center), 3.0 * one + 4.0 * two + 8.0),
        (Box(0.0, center), 3.0 * one + 4.0 * two),
    ]
    for k, support in sets:
        value = k.support(floats(3.0, 4.0))
        assert np.asarray(value).dtype == np.float64
        assert float(to_numpy(value)) == pytest.approx(support, rel=1e-15)
        for method in ("project", "lmo"):
            assert getattr(k, method)(np.array([9.0, 8.0], dtype=np.float32)).dtype == np.float32
        assert isinstance(k.sample(np.random.default_rng(0), (2,)), torch.Tensor)
        check_point(Simplex(2, 2.0, center), floats(1.0, 1.0), "play(start=...)")


def test_nan_gradients_stay_nan() -> None:
    g = floats(0.0, NAN, 1.0)
    for k in (LinfBall(1.0), L1Ball(1.0), Simplex(), Box(-1.0, 1.0)):
        assert np.isnan(to_numpy(k.lmo(g))).any()
        assert math.isnan(float(to_numpy(k.support(g))))
        assert math.isnan(float(to_numpy(k.reach(g))))


def test_ties_take_the_first_vertex() -> None:
    g = floats(1.0, -2.0, 2.0, -2.0)
    np.testing.assert_array_equal(to_numpy(L1Ball(3.0).lmo(g)), [0.0, 3.0, 0.0, 0.0])
    np.testing.assert_array_equal(to_numpy(Simplex(scale=3.0).lmo(g)), [0.0, 3.0, 0.0, 0.0])
    np.testing.assert_array_equal(to_numpy(L1Ball(3.0).lmo(0.0 * g)), np.zeros(4))


def test_samples_follow_their_laws() -> None:
    from scipy import stats

    rng, p, n = np.random.default_rng(0), 5, 8000
    cube = to_numpy(LinfBall(2.0).sample(rng, (n, p)))
    cross = to_numpy(L1Ball(2.0).sample(rng, (n, p)))
    share = to_numpy(Simplex(p, 2.0).sample(rng, (n, p)))
    box = to_numpy(Box(-1.0, 3.0).sample(rng, (n, p)))
    for j in range(p):
        for values, law in (
            (cube[:, j], stats.uniform(-2.0, 4.0)),
            (box[:, j], stats.uniform(-1.0, 4.0)),
            # One of p + 1 (of p) shares of a uniform point of the simplex.
            (np.abs(cross[:, j]) / 2.0, stats.beta(1, p)),
            (share[:, j] / 2.0, stats.beta(1, p - 1)),
        ):
            assert stats.kstest(values, law.cdf).pvalue > 1e-3
        assert abs((cross[:, j] > 0.0).mean() - 0.5) < 0.04


INVALID: list[tuple[Any, type[Exception], str]] = [
    (lambda: LinfBall(NAN), ArgumentError, r"`LinfBall\(radius=...\)` must be .* got nan"),
    (lambda: LinfBall(1.0, floats(NAN)), ArgumentError, r"`LinfBall\(center=...\)` must be fin"),
    (lambda: LinfBall(1.0, dim=0), ArgumentError, r"`LinfBall\(dim=...\)` must be an integer"),
    (lambda: LinfBall(1.0, np.zeros(2), dim=3), ShapeError, r"length of `center`, 2, got 3"),
    (lambda: LinfBall(1.0).diameter, NotAvailableError, r"give `LinfBall\(dim=...\)`"),
    (lambda: LinfBall(1.0, np.zeros(2)).project(np.zeros(3)), ShapeError, r"2 entries.*got 3"),
    (lambda: LinfBall(1.0, np.zeros(2)).translate(np.zeros(1)), ShapeError, r"2 entries.*got 1"),
    (lambda: LinfBall(1.0, dim=2).sample(np.random.default_rng(0), (3,)), ShapeError, "end in 2"),
    (lambda: L1Ball(0.0), ArgumentError, r"`L1Ball\(radius=...\)` must be finite and positive"),
    (lambda: L1Ball(1.0, [0.0]), ShapeError, r"`L1Ball\(center=...\)` .* got list"),  # type: ignore[arg-type]  # what is refused
    (lambda: L1Ball(1.0, np.zeros(2)).lmo(np.zeros(3)), ShapeError, r"2 entries.*got 3"),
    (
        lambda: L1Ball(1.0, np.zeros(2)).sample(np.random.default_rng(0), (3,)),
        ShapeError,
        r"`L1Ball.sample\(shape=...\)` must end in 2",
    ),
    (lambda: Simplex(0), ArgumentError, r"`Simplex\(dim=...\)` must be an integer"),
    (lambda: Simplex(scale=INF), ArgumentError, r"`Simplex\(scale=...\)` must be finite.*got inf"),
    (lambda: Simplex(2, 1.0, np.zeros(3)), ShapeError, r"length of `offset`, 3, got 2"),
    (lambda: Simplex(offset=floats(INF)), ArgumentError, r"`Simplex\(offset=...\)` must be fin"),
    (lambda: Simplex(3).support(np.zeros(2)), ShapeError, r"3 entries.*got 2"),
    (lambda: Simplex().project(np.zeros(0)), ShapeError, r"empty last axis"),
    (lambda: Simplex(3).sample(np.random.default_rng(0), (2,)), ShapeError, "end in 3"),
    (lambda: Box(1.0, 0.0), ArgumentError, r"low <= high.*got 1.0 and 0.0\.$"),
    (lambda: Box(NAN, 0.0), ArgumentError, r"low <= high.*got nan and 0.0"),
    (lambda: Box(0.0, floats(1.0, NAN)), ArgumentError, r"got 0.0 and nan at index 1"),
    (lambda: Box(INF, INF), ArgumentError, r"leaves no point, got inf and inf"),
    (lambda: Box(-INF, floats(0.0, -INF)), ArgumentError, r"got -inf and -inf at index 1"),
    (lambda: Box(np.zeros((2, 2)), -np.eye(2)), ArgumentError, r"-1.0 at index \(0, 0\)"),
    (lambda: Box("0", [1.0]), ShapeError, r"`Box\(low=...\)` must be a number .* got str"),
    (lambda: Box(0.0, [1.0]), ShapeError, r"`Box\(high=...\)` must be a number .* got list"),
    (lambda: Box(True, 1.0), ShapeError, r"`Box\(low=...\)` .* got bool"),
    (lambda: Box(np.zeros(2, dtype=int), 1.0), ShapeError, r"got int64"),
    (lambda: Box(np.zeros(2), np.ones(3)), ShapeError, r"shapes \(2,\) and \(3,\) and dim None"),
    (lambda: Box(np.zeros(2), 1.0, dim=3), ShapeError, r"shapes \(2,\) and \(\) and dim 3"),
    (lambda: Box(0.0, 1.0).diameter, NotAvailableError, r"give `Box\(dim=...\)`"),
    (lambda: Box(0.0, np.ones(2)).project(np.zeros(3)), ShapeError, r"2 entries.*got 3"),
    (lambda: Box(0.0, INF).lmo(-np.ones(2)), NotAvailableError, "unbounded below"),
    (lambda: Box(0.0, INF, dim=2).sample(np.random.default_rng(0), (3,)), ShapeError, "end in 2"),
]


@pytest.mark.parametrize("which", range(len(INVALID)))
def test_errors_name_the_argument(which: int) -> None:
    call, kind, message = INVALID[which]
    with pytest.raises(kind, match=message):
        call()
