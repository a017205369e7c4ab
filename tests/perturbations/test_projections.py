"""Nearest points: normal cones, convex programs, root finding and brute force as oracles."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from olgame.arrays import to_numpy
from olgame.perturbations import l2, linf, spherical_cap

Floats = NDArray[np.float64]


def rows(*values: Any) -> Floats:
    return np.array(values, dtype=np.float64)


def test_l2_projection_has_a_normal_cone_certificate() -> None:
    rng = np.random.default_rng(0)
    x = rng.standard_normal((200, 6))
    z = x + rng.uniform(0.01, 3.0, (200, 1)) * rng.standard_normal((200, 6))
    p = to_numpy(l2(0.8).project(x, z))
    residual = z - p
    support = (residual * x).sum(-1) + 0.8 * np.sqrt((residual**2).sum(-1))
    assert np.abs((residual * p).sum(-1) - support).max() < 1e-12
    # A projection onto 0.9 of the ball does not pass.
    wrong = x + 0.9 * (p - x)
    residual = z - wrong
    support = (residual * x).sum(-1) + 0.8 * np.sqrt((residual**2).sum(-1))
    assert (np.abs((residual * wrong).sum(-1) - support) > 1e-6).all()


def test_linf_projection_coordinate_by_coordinate() -> None:
    rng = np.random.default_rng(1)
    x, z = rng.uniform(0.0, 1.0, (20, 6)), 2.0 * rng.standard_normal((20, 6))
    p = to_numpy(linf(0.25, box=(0.0, 1.0)).project(x, z))
    for i, j in np.ndindex(20, 6):
        low, high = max(x[i, j] - 0.25, 0.0), min(x[i, j] + 0.25, 1.0)
        assert p[i, j] == min(max(z[i, j], low), high)


def by_root_finding(x: Floats, z: Floats, rho: float, low: Floats, high: Floats) -> Floats:
    """Scalar oracle: the multiplier lambda of the ball by Brent's method, one sample."""
    from scipy import optimize

    def point(multiplier: float) -> Floats:
        return np.clip((z + multiplier * x) / (1.0 + multiplier), low, high)

    def excess(multiplier: float) -> float:
        return math.dist(point(multiplier), x) - rho

    if excess(0.0) <= 0.0:
        return point(0.0)
    top = 1.0
    while excess(top) > 0.0:
        top *= 2.0
    return point(float(optimize.brentq(excess, 0.0, top, xtol=1e-300, rtol=1e-15)))


@pytest.mark.parametrize("dim", [1, 2, 7, 60])
def test_l2_box_projection_against_root_finding(dim: int) -> None:
    rng = np.random.default_rng(dim)
    low, high = -rng.uniform(0.0, 1.0, dim), rng.uniform(0.0, 1.0, dim)
    high[0] = np.inf
    x = rng.uniform(low, np.where(np.isinf(high), 1.0, high), (150, dim))
    x[:30] = np.where(rng.random((30, dim)) < 0.5, low, x[:30])
    z = x + 10.0 ** rng.uniform(-2.0, 3.0, (150, 1)) * rng.standard_normal((150, dim))
    z[:60] = np.where(rng.random((60, dim)) < 0.5, x[:60], z[:60])
    radii = 10.0 ** rng.uniform(-1.5, 1.0, 150)
    p = to_numpy(l2(radii, box=(low, high)).project(x, z))
    expected = np.stack([by_root_finding(x[i], z[i], radii[i], low, high) for i in range(150)])
    np.testing.assert_allclose(p, expected, atol=2e-12, rtol=1e-12)
    assert (p >= low).all()
    assert (p <= high).all()
    assert (np.linalg.norm(p - x, axis=-1) <= radii * (1 + 1e-14) + 1e-15).all()


def test_l2_box_projection_against_cvxpy_and_not_the_usual_shortcuts() -> None:
    cvxpy: Any = pytest.importorskip("cvxpy")
    rng = np.random.default_rng(2)
    x, d, rho = rng.uniform(0.0, 1.0, (4, 8)), 2.0 * rng.standard_normal((4, 8)), 0.9
    p = to_numpy(l2(rho, box=(0.0, 1.0)).project(x, x + d))
    scaled = np.clip(x + d * (rho / np.linalg.norm(d, axis=-1, keepdims=True)), 0.0, 1.0)
    for i in range(4):
        u = cvxpy.Variable(8)
        rules = [cvxpy.norm(u - x[i]) <= rho, u >= 0.0, u <= 1.0]
        goal = cvxpy.Minimize(cvxpy.sum_squares(u - x[i] - d[i]))
        cvxpy.Problem(goal, rules).solve(solver="CLARABEL")
        np.testing.assert_allclose(p[i], u.value, atol=1e-4)
        assert np.abs(scaled[i] - u.value).max() > 1e-3


@settings(deadline=None, derandomize=True, max_examples=80)
@given(st.integers(-200, 200), st.integers(-150, 150), st.booleans())
def test_l2_at_extreme_scales(size: int, radius: int, boxed: bool) -> None:
    """x = 0, x' = 10^a (3, -4, 0), rho = 10^b; the box leaves that direction free."""
    rho = 10.0**radius
    x, z = np.zeros((1, 3)), rows([3.0, -4.0, 0.0]) * 10.0**size
    b = l2(rho, box=(rows(0.0, -np.inf, -1.0), rows(np.inf, 0.0, 1.0))) if boxed else l2(rho)
    inside = math.log10(5.0) + size <= radius
    expected = z if inside else rows([0.6, -0.8, 0.0]) * rho
    np.testing.assert_allclose(to_numpy(b.project(x, z)), expected, rtol=1e-14)


@pytest.mark.parametrize("rho", [1e-6, 0.1, 0.7, 1.9, 2.0, 5.0])
def test_cap_projection_against_a_fine_grid_on_the_circle(rho: float) -> None:
    """d = 2, r = 1.5: no point of the cap on a grid of the circle is nearer."""
    rng = np.random.default_rng(3)
    r, start = 1.5, 0.4
    x = np.repeat(r * rows([math.cos(start), math.sin(start)]), 50, axis=0)
    z = rng.standard_normal((50, 2)) * 10.0 ** rng.uniform(-3.0, 3.0, (50, 1))
    p = to_numpy(spherical_cap(rho).project(x, z))
    np.testing.assert_allclose(np.linalg.norm(p, axis=-1), r, rtol=1e-14)
    assert (np.linalg.norm(p - x, axis=-1) <= rho * (1 + 1e-9)).all()
    reach = 2.0 * math.asin(min(1.0, rho / (2.0 * r)))
    angles = start + np.linspace(-reach, reach, 4001)
    grid = r * np.stack([np.cos(angles), np.sin(angles)], axis=-1)
    best = np.linalg.norm(z[:, None] - grid, axis=-1).min(axis=1)
    mine = np.linalg.norm(z - p, axis=-1)
    assert (mine <= best * (1 + 1e-12) + 1e-14).all()
    assert (mine >= best - r * reach / 2000).all()


def test_cap_projection_against_random_points_of_the_cap() -> None:
    rng = np.random.default_rng(4)
    x = rng.standard_normal((10, 5))
    rho = 0.9
    v = rng.standard_normal((10, 30000, 5))
    v *= (np.linalg.norm(x, axis=-1) / np.linalg.norm(v, axis=-1).T).T[..., None]
    z = 2.0 * rng.standard_normal((10, 5))
    p = to_numpy(spherical_cap(rho).project(x, z))
    for i in range(10):
        cap = v[i][np.linalg.norm(v[i] - x[i], axis=-1) <= rho]
        assert len(cap) > 5
        assert math.dist(z[i], p[i]) <= np.linalg.norm(z[i] - cap, axis=-1).min()
        # The rim's point lies in the plane of x and z.
        assert np.linalg.matrix_rank(np.stack([x[i], z[i], p[i]]), tol=1e-10) == 2


@pytest.mark.parametrize("library", ["numpy", "torch"])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_cap_degenerate_directions(library: str, dtype: str) -> None:
    x = rows([0.0, 2.0, 0.0], [0.0, 2.0, 0.0], [0.0, 2.0, 0.0], [0.0, 2.0, 0.0], [0.0] * 3)
    z = rows([0.0, 9.0, 0.0], [0.0, -3.0, 0.0], [0.0] * 3, [1e-9, -3.0, 0.0], [1.0, 2.0, 3.0])
    #        parallel: x       opposite: the rim       zero: x    all but opposite    B(0) = {0}
    s = math.sqrt(1.0 - 1.0 / 16.0)
    rim = [s, 2.0 - 0.25, 0.0]
    expected = rows([0.0, 2.0, 0.0], rim, [0.0, 2.0, 0.0], rim, [0.0] * 3)
    a, b = x.astype(dtype), z.astype(dtype)
    if library == "torch":
        torch = pytest.importorskip("torch")
        a, b = torch.tensor(a), torch.tensor(b)
    p = to_numpy(spherical_cap(1.0).project(a, b))
    np.testing.assert_allclose(p, expected, atol=1e-6 if dtype == "float32" else 1e-15)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_cap_takes_rounding_noise_for_no_direction(dtype: str) -> None:
    """z = -1.7 x up to rounding: the rim towards the axis least aligned with x."""
    rng = np.random.default_rng(8)
    x = rng.standard_normal((40, 5)).astype(dtype)
    z = (-1.7 * x).astype(dtype)
    p = to_numpy(spherical_cap(0.5).project(x, z))
    for i in range(40):
        r = math.hypot(*x[i])
        axis = np.eye(5)[np.argmin(np.abs(x[i]))]
        side = axis - (axis @ x[i]) / r**2 * x[i]
        side = side / math.hypot(*side)
        rim = x[i] * (1 - 0.125 / r**2) + side * 0.5 * math.sqrt(1 - 0.0625 / r**2)
        np.testing.assert_allclose(p[i], rim, atol=2e-6 if dtype == "float32" else 1e-14)


def test_cap_in_one_dimension_and_the_whole_sphere() -> None:
    x, z = rows([2.0], [2.0], [-1.0]), rows([-5.0], [3.0], [7.0])
    np.testing.assert_array_equal(to_numpy(spherical_cap(1.0).project(x, z)), x)
    whole = to_numpy(spherical_cap(4.0).project(x, z))
    np.testing.assert_array_equal(whole, rows([-2.0], [2.0], [1.0]))
    np.testing.assert_allclose(
        to_numpy(spherical_cap(4.0).project(rows([0.0, 2.0]), rows([0.0, -0.1]))),
        rows([0.0, -2.0]),
        atol=1e-15,
    )


def test_float32_overshoot_is_small_and_seen_in_float64() -> None:
    """Data far from 0: x + delta rounds by ulps of x, which `distance` must not hide."""
    rng = np.random.default_rng(5)
    x = (100.0 + rng.standard_normal((50, 30))).astype(np.float32)
    z = x + rng.standard_normal((50, 30)).astype(np.float32)
    for b, order in ((l2(0.3), 2), (linf(0.3), np.inf)):
        p: Any = b.project(x, z)
        exact = np.linalg.norm(p.astype(np.float64) - x.astype(np.float64), ord=order, axis=-1)
        distance = to_numpy(b.distance(x, p))
        np.testing.assert_allclose(distance, np.maximum(exact - 0.3, 0.0), atol=1e-15)
        assert 0.0 < distance.max() < 30 * 1.2e-7 * 100.0


def test_uniform_sampling() -> None:
    from scipy import stats

    x = np.full((4000, 3), 0.5)
    moved = to_numpy(l2(2.0).sample(x, np.random.default_rng(6))) - 0.5
    assert stats.kstest((np.linalg.norm(moved, axis=-1) / 2.0) ** 3, "uniform").pvalue > 1e-3
    moved = to_numpy(linf(2.0).sample(x, np.random.default_rng(6))) - 0.5
    for j in range(3):
        assert stats.kstest((moved[:, j] + 2.0) / 4.0, "uniform").pvalue > 1e-3
    # On the 2-sphere the square of the chord is uniform (Archimedes).
    moved = to_numpy(spherical_cap(0.6).sample(x, np.random.default_rng(6))) - 0.5
    chord = np.linalg.norm(moved, axis=-1)
    assert stats.kstest((chord / 0.6) ** 2, "uniform").pvalue > 1e-3
