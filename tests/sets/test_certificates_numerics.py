"""Ties, offsets, extreme scales, ill-conditioned data, games on torch, and errors."""

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

import olgame as og
from olgame.arrays import to_numpy
from olgame.exceptions import ArgumentError, NotAvailableError, ShapeError
from olgame.sets.secular_root import secular_root

Floats = NDArray[np.float64]
z: Any = og.sets  # arrays in and out, whatever the annotation says
INF, NAN = math.inf, math.nan


def floats(*values: float) -> Floats:
    return np.array(values, dtype=np.float64)


def exact_capped(x: list[Fraction], caps: list[Fraction], total: Fraction) -> list[Fraction]:
    """The projection in rationals: the level at which the water adds up, piece by piece."""

    def amounts(level: Fraction) -> list[Fraction]:
        return [min(max(v - level, Fraction(0)), c) for v, c in zip(x, caps, strict=True)]

    kinks = sorted({*x, *(v - c for v, c in zip(x, caps, strict=True))})
    below = max(kink for kink in kinks if sum(amounts(kink)) >= total)
    above = min((kink for kink in kinks if sum(amounts(kink)) < total), default=below)
    high, low = sum(amounts(below)), sum(amounts(above))
    share = Fraction(0) if high == total else (high - total) / (high - low)
    return amounts(below + share * (above - below))


def vertices(cap: float, total: float, p: int) -> Floats:
    """Whole caps, one rest, zeros: the extreme points for equal caps."""
    whole = min(int(total / cap + 1e-12), p)
    rest = [total - whole * cap] if p > whole else []
    entries = [cap] * whole + rest + [0.0] * (p - whole - len(rest))
    return np.array([*set(itertools.permutations(entries))])


@settings(deadline=None, derandomize=True, max_examples=150)
@given(
    st.lists(st.tuples(st.integers(-40, 40), st.integers(1, 24)), min_size=1, max_size=6),
    st.integers(1, 144),
    st.sampled_from([0, 1, 10**6, -(2**40)]),
)
def test_capped_simplex_in_rationals(pairs: list[tuple[int, int]], part: int, offset: int) -> None:
    """Ties, borders and offsets that floats hold exactly; the answer is one rounding away."""
    x, caps = [Fraction(n, 8) for n, _ in pairs], [Fraction(c, 8) for _, c in pairs]
    total = sum(caps) * Fraction(min(part, 144), 144)
    total = max(Fraction(math.floor(total * 8), 8), Fraction(1, 8))
    expected = exact_capped(x, caps, total)
    k = z.CappedSimplex(np.array([float(c) for c in caps]), float(total))
    mine = to_numpy(k.project(np.array([float(v + offset) for v in x])))
    np.testing.assert_allclose(
        mine, [float(v) for v in expected], rtol=0, atol=8e-16 * float(total)
    )


def test_capped_simplex_far_entries() -> None:
    """Entries whose breakpoints x - u and x are one and the same float."""
    k = z.CappedSimplex(1.0, 1.5)
    np.testing.assert_array_equal(k.project(floats(1e17, 1e17, 0.0, -1e17)), [0.75, 0.75, 0, 0])
    np.testing.assert_array_equal(k.project(floats(1e308, 5, 5, 0.0)), [1, 0.25, 0.25, 0])
    np.testing.assert_array_equal(k.project(floats(1e308, -1e308, 0, 0)), [1, 0, 0.25, 0.25])
    ones = z.CappedSimplex(1.0, 4.0)  # a single point
    np.testing.assert_array_equal(ones.project(floats(9.0, -9.0, 0.0, 1.0)), np.ones(4))
    assert z.CappedSimplex(INF, 2.0, dim=3).diameter == 2.0 * math.sqrt(2.0)
    x = np.random.default_rng(0).standard_normal((50, 9))
    np.testing.assert_allclose(
        z.CappedSimplex(INF, 2.0).project(x), z.Simplex(scale=2.0).project(x), atol=1e-15
    )


@pytest.mark.parametrize("caps", [0.4, 0.7, 1.1, 2.0])
def test_capped_simplex_diameter_for_every_total(caps: float) -> None:
    """Equal caps: against all pairs of vertices, also where the rests need the same entry."""
    for p in (1, 2, 3, 5):
        for part in (0.1, 0.35, 0.5, 0.62, 0.9, 1.0):
            total = part * p * caps
            corners = vertices(min(caps, total), total, p)
            known = np.linalg.norm(corners[:, None] - corners[None], axis=-1).max()
            k = z.CappedSimplex(caps, total, dim=p)
            assert k.diameter == pytest.approx(known, abs=1e-14)
            loose = z.CappedSimplex(caps, total).diameter
            assert loose >= k.diameter - 1e-15


@settings(deadline=None, derandomize=True, max_examples=200)
@given(st.integers(0, 2**32), st.integers(1, 6))
def test_secular_root_at_every_scale(seed: int, p: int) -> None:
    """norm(a/(d + t)) = 1 to rounding, or t = 0 and it is below 1 there; within 40 evaluations."""
    rng = np.random.default_rng(seed)
    a = rng.standard_normal(p) * 10.0 ** rng.uniform(-12, 12, p)
    d = 10.0 ** rng.uniform(-16, 2, p) * (rng.random(p) < 0.8)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        t = float(to_numpy(secular_root(a, d)))
    if t:
        ratios = [Fraction(x) / (Fraction(y) + Fraction(t)) for x, y in zip(a, d, strict=True)]
        assert float(sum(q * q for q in ratios)) == pytest.approx(1.0, abs=1e-13)
    else:
        assert (a[d == 0.0] == 0.0).all()
        assert np.linalg.norm(a[d > 0.0] / d[d > 0.0]) <= 1.0 + 1e-14


@pytest.mark.parametrize("thin", [1e-3, 1e-8, 1e-100])
def test_thin_ellipsoids(thin: float) -> None:
    """The normal-cone equation (x - p) = t p/s^2: t from the thin axis holds for the others."""
    s = floats(1.0, thin, 0.5)
    k = z.Ellipsoid(s)
    for x in (floats(2.0, 1.0, 0.3), floats(0.1, 3.0 * thin, 0.0), floats(0.0, 1.0, 0.0)):
        p = to_numpy(k.project(x))
        assert math.hypot(*(p / s)) == pytest.approx(1.0, abs=1e-14)
        t = (x[1] - p[1]) * s[1] ** 2 / p[1]
        assert t > 0.0
        np.testing.assert_allclose(p, x * s**2 / (s**2 + t), rtol=1e-12)
        assert float(k.reach(x)) >= math.dist(x, floats(-1.0, 0.0, 0.0)) * (1 - 1e-15)


def test_ellipsoid_scales_without_overflow() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for size in (1e-150, 1e150):
            k = z.Ellipsoid(size * floats(1.0, 2.0))
            np.testing.assert_allclose(k.project(size * floats(0.0, 1e3)), size * floats(0, 2))
            assert float(k.reach(size * floats(0.0, 1.0))) == pytest.approx(3.0 * size)
            assert float(k.support(floats(1e-200, 0.0))) == pytest.approx(1e-200 * size)
            np.testing.assert_allclose(k.lmo(floats(1e-200, 0.0)), -size * floats(1.0, 0.0))
        np.testing.assert_allclose(
            z.Ellipsoid(floats(1.0, 2.0)).project(floats(1e300, 0.0)), [1.0, 0.0]
        )
        sphere = z.Ellipsoid(floats(2.0, 2.0))
        np.testing.assert_allclose(sphere.project(floats(3.0, 4.0)), [1.2, 1.6])
        assert float(sphere.reach(floats(3.0, 4.0))) == 7.0
        assert float(sphere.reach(floats(0.0, 0.0))) == 2.0


def test_farthest_point_of_an_ellipsoid_in_the_hard_case() -> None:
    """From the short axis: the multiplier is at its limit and the long axis fills the rest."""
    k = z.Ellipsoid(floats(2.0, 1.0))
    # max (2 cos)^2 + (sin + y)^2: sin = y/3 for y <= 3, the value 4 + y^2 + y^2/3.
    for y in (0.0, 1e-30, 1e-9, 0.5, 1.0, 2.9):
        assert float(k.reach(floats(0.0, -y))) == pytest.approx(
            math.sqrt(4 + y * y * 4 / 3), rel=4e-16
        )
    assert float(k.reach(floats(0.0, -4.0))) == pytest.approx(5.0, rel=4e-16)


def test_equations_of_low_rank_and_contradictions() -> None:
    rng = np.random.default_rng(0)
    a = rng.standard_normal((3, 2)) @ rng.standard_normal((2, 8))
    k = z.AffineSubspace(a, a @ np.ones(8))
    assert k.subspace_dim == 6
    p = to_numpy(k.project(rng.standard_normal((20, 8)) * 1e3))
    np.testing.assert_allclose(p @ a.T, np.tile(a @ np.ones(8), (20, 1)), atol=1e-12)
    with pytest.raises(ArgumentError, match="must have a solution, but every point misses"):
        z.AffineSubspace(np.ones((2, 3)), floats(1.0, 2.0))
    with pytest.raises(ArgumentError, match="must have a solution"):
        z.AffineSubspace(np.zeros((1, 3)), floats(1.0))
    everything = z.AffineSubspace(np.zeros((1, 3)))
    x = floats(1.0, 2.0, 3.0)
    assert everything.project(x) is x
    assert everything.subspace_dim == 3
    point = z.AffineSubspace(np.diag([1.0, 1e-200, 1e200]), floats(1.0, 2e-200, 3e200))
    np.testing.assert_allclose(point.project(np.zeros(3)), x)
    assert point.diameter == 0.0
    assert float(point.reach(np.zeros(3))) == pytest.approx(math.sqrt(14.0))
    line = z.AffineSubspace.spanned_by(floats(1.0, 1.0, 0.0)[None], x)
    assert line.subspace_dim == 1
    assert line.translate(x).translate(-x).subspace_dim == 1
    assert float(line.support(floats(1.0, -1.0, 2.0))) == pytest.approx(5.0)


def test_halfspace_offsets_and_scales() -> None:
    for size in (1e-200, 1.0, 1e200):
        k = z.Halfspace(size * floats(3.0, 4.0), size * 5.0)
        np.testing.assert_allclose(k.project(floats(6.0, 8.0)), [0.6, 0.8], rtol=1e-15)
        assert float(k.inner_radius(np.zeros(2))) == pytest.approx(1.0)
    many = z.Halfspace(np.eye(2), floats(1.0, 2.0))
    np.testing.assert_array_equal(many.project(floats(3.0, 3.0)), [[1.0, 3.0], [3.0, 2.0]])
    assert many.game((1,)).bound == 2.0
    behind = z.Halfspace(floats(1.0, 0.0), -2.0)
    np.testing.assert_array_equal(behind.lmo(np.zeros(2)), [-2.0, 0.0])
    np.testing.assert_array_equal(z.Halfspace(floats(1.0, 0.0), 2.0).lmo(np.zeros(2)), [0.0, 0.0])


def test_scaled_about_another_point() -> None:
    c = floats(1.0, -2.0, 0.5)
    about = z.Scaled(z.L1Ball(1.0, c).translate(-c), 3.0).translate(c)
    x = floats(9.0, 1.0, 0.5)
    np.testing.assert_allclose(about.project(x), z.L1Ball(3.0, c).project(x))
    assert about.diameter == 6.0
    np.testing.assert_array_equal(z.Scaled(z.L2Ball(1.0, c), -2.0).center, -2.0 * c)
    assert z.Scaled(z.WholeSpace(3), 2.0).dim == 3
    assert z.Translated(z.L2Ball(1.0, c), c).center is not None
    assert z.Translated(z.Simplex(), c).inner_radius is None
    assert z.Scaled(z.Simplex(), 2.0).inner_radius is None
    assert z.Intersection([z.Simplex(), z.L2Ball(1.0)]).inner_radius is None


def test_a_wrapped_set_of_ones_own_is_ones_own_word() -> None:
    """What a set states is checked only where the set inside is the library's own."""
    from olgame.theory.inner_radius import of_library

    class Mine:
        diameter = 1.0

        def project(self, x: Any) -> Any:
            return x

        contains = support = lmo = reach = translate = sample = project

    mine: Any = Mine()
    assert of_library(z.Scaled(z.L2Ball(1.0), 2.0))
    assert not of_library(z.Scaled(mine, 2.0))
    assert not of_library(z.Intersection([z.L2Ball(1.0), mine]))
    assert not of_library(z.ProductSet([(z.L2Ball(1.0), 2), (mine, 1)]))


def game_sets(like: Any) -> dict[str, Any]:
    """The table of the sets, of the kind of ``like``."""
    from olgame.arrays import as_like

    def m(values: Any) -> Any:
        return as_like(np.asarray(values, dtype=np.float64), like)

    c = m(np.linspace(-1.0, 1.0, 6))
    return {
        "half-space": z.Halfspace(c, 0.1),
        "plane": z.AffineSubspace(m([[1.0, 1, 1, 0, 0, 0], [0, 0, 1, -1, 2, 0]]), offset=c),
        "ellipsoid": z.Ellipsoid(m([0.5, 1.0, 2.0, 0.1, 0.3, 0.7]), center=c),
        "nuclear": z.NuclearNormBall(0.5, 2, c),
        "capped": z.CappedSimplex(0.4, offset=c),
        "scaled": z.Scaled(z.L1Ball(0.5, c), 2.0),
        "translated": z.Translated(z.Simplex(), c),
        "intersection": z.Intersection([z.L2Ball(0.5, c), z.Halfspace(c, 2.6)]),
    }


@pytest.mark.parametrize("name", game_sets(np.zeros(1)))
def test_games_on_torch_are_the_games_on_numpy(name: str) -> None:
    torch = pytest.importorskip("torch")
    runs = []
    for like in (np.zeros(1), torch.zeros(1, dtype=torch.float64)):
        k = game_sets(like)[name]
        start = k.project(k.sample(np.random.default_rng(0), (6,)))
        losses = og.adversaries.MinimaxLinear(1.0, center=start)
        learner = og.learners.OnlineGradientDescent(0.2)
        runs.append(og.play(learner, losses, k, rounds=25, start=start, keep="points"))
    one, other = runs
    for column in ("loss", "inner", "distance", "gradient_norm", "point_excess"):
        np.testing.assert_allclose(getattr(one, column), getattr(other, column), atol=1e-12)
    np.testing.assert_allclose(to_numpy(one.final_point), to_numpy(other.final_point), atol=1e-12)
    assert one.violations == other.violations == ()


INVALID: list[tuple[Any, type[Exception], str]] = [
    (lambda: z.Halfspace(np.zeros(2)), ArgumentError, r"`Halfspace\(normal=...\)` must not be 0"),
    (lambda: z.Halfspace(floats(NAN)), ArgumentError, r"`Halfspace\(normal=...\)` must be finite"),
    (lambda: z.Halfspace(None), ShapeError, r"`Halfspace\(normal=...\)` must be an array .* None"),
    (lambda: z.Halfspace(np.ones(2), INF), ArgumentError, r"`Halfspace\(bound=...\)` .* got inf"),
    (lambda: z.Halfspace(np.ones(2), "1"), ShapeError, r"`Halfspace\(bound=...\)` .* got str"),
    (lambda: z.Halfspace(np.ones(2), 1.0, np.ones(3)), ShapeError, "2 entries"),
    (lambda: z.Halfspace(np.ones(2)).project(np.ones(3)), ShapeError, "2 entries.*got 3"),
    (
        lambda: z.Halfspace(np.ones(2)).sample(np.random.default_rng(0), (3,)),
        ShapeError,
        "end in 2",
    ),
    (lambda: z.AffineSubspace(np.ones(3)), ShapeError, r"matrix of shape \(k, p\).*shape \(3,\)"),
    (lambda: z.AffineSubspace(np.ones((1, 3)), np.ones(2)), ShapeError, r"must have shape \(1,\)"),
    (lambda: z.AffineSubspace(np.full((1, 2), INF)), ArgumentError, "must be finite"),
    (lambda: z.Ellipsoid(floats(1.0, 0.0)), ArgumentError, r"semi_axes=...\)` must be positive"),
    (lambda: z.Ellipsoid(np.ones(2), np.ones((2, 2))), ArgumentError, "orthonormal columns"),
    (lambda: z.Ellipsoid(np.ones(2), np.eye(3)), ShapeError, r"shape \(p, p\) with p = 2"),
    (lambda: z.Ellipsoid.from_matrix(np.ones((2, 2))), ArgumentError, "must be positive definite"),
    (lambda: z.Ellipsoid.from_matrix(np.triu(np.ones((2, 2)))), ArgumentError, "must be symmetric"),
    (lambda: z.Ellipsoid.from_matrix(np.ones(2)), ShapeError, r"must be a square matrix"),
    (lambda: z.Ellipsoid.from_matrix(np.eye(2), radius=0.0), ArgumentError, "radius"),
    (lambda: z.NuclearNormBall(1.0, 0), ArgumentError, r"`NuclearNormBall\(rows=...\)` must be"),
    (lambda: z.NuclearNormBall(1.0, 2, np.ones(3)), ShapeError, "must divide the length"),
    (lambda: z.NuclearNormBall(1.0, 2).project(np.ones(3)), ShapeError, "a multiple of `rows` = 2"),
    (
        lambda: z.NuclearNormBall(1.0, 2).sample(np.random.default_rng(0), (3,)),
        ShapeError,
        "end in",
    ),
    (lambda: z.CappedSimplex(0.0), ArgumentError, r"`CappedSimplex\(cap=...\)` must be positive"),
    (lambda: z.CappedSimplex(0.3, 1.0, dim=3), ArgumentError, "must add up to at least `total`"),
    (lambda: z.CappedSimplex(0.3, 1.0).project(np.ones(3)), ArgumentError, "for 3 entries"),
    (lambda: z.CappedSimplex(np.ones(3), dim=2), ShapeError, r"must agree.*got \[2, 3\]"),
    (lambda: z.CappedSimplex([1.0]), ShapeError, r"`CappedSimplex\(cap=...\)` must be a number"),
    (lambda: z.Scaled(z.Simplex(), 0.0), ArgumentError, r"`Scaled\(scale=...\)` .* other than 0"),
    (
        lambda: z.Scaled(z.Simplex, 1.0),
        ArgumentError,
        "must be a convex set.*got the class Simplex",
    ),
    (lambda: z.Translated(z.Simplex(2), np.ones(3)), ShapeError, "dimension of the set, 2, got 3"),
    (lambda: z.Translated(z.Simplex(), np.ones(3)).project(np.ones(2)), ShapeError, "3 entries"),
    (
        lambda: z.Translated(z.WholeSpace(), np.ones(2)).lmo(np.ones(2)),
        NotAvailableError,
        "bounded",
    ),
]


@pytest.mark.parametrize("which", range(len(INVALID)))
def test_errors_name_the_argument(which: int) -> None:
    call, kind, message = INVALID[which]
    with pytest.raises(kind, match=message):
        call()
