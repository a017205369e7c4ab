"""The dual bounds against a semidefinite solver, against search, and at the edges."""

from __future__ import annotations

import itertools
from typing import Any

import cvxpy as cp
import numpy as np
import pytest
from numpy.typing import NDArray

from olgame.certify import quadratic_maximum

Vector = NDArray[np.float64]


def bound(g: Vector, m: Vector, rho: float, norm: str, smoothing: float = 1e-3) -> float:
    level: Vector = np.array([[smoothing]])
    radius: Vector = np.array([rho])
    return float(np.asarray(quadratic_maximum(g[None], m[None], radius, norm, level).bound)[0])


def semidefinite(g: Vector, m: Vector, rho: float, norm: str) -> float:
    """The relaxation over moments of delta, by an interior point solver (exact for l2)."""
    solver: Any = cp  # its functions carry no types
    d = len(g)
    moments = solver.Variable((d + 1, d + 1), PSD=True)
    spent = solver.diag(moments)[1:]
    ball = solver.sum(spent) <= rho**2 if norm == "l2" else spent <= rho**2
    value = g @ moments[0, 1:] + solver.trace(m @ moments[1:, 1:]) / 2
    problem = solver.Problem(solver.Maximize(value), [moments[0, 0] == 1, ball])
    problem.solve(solver="CLARABEL")
    return float(problem.value)


def problem(kind: str, d: int, rng: np.random.Generator) -> tuple[Vector, Vector]:
    a = rng.standard_normal((d, d))
    g = rng.standard_normal(d)
    if kind == "convex":
        return g, a @ a.T
    if kind == "concave":
        return g, -(a @ a.T)
    if kind == "rank one":
        return 0.1 * g, np.outer(a[0], a[0])
    if kind == "hard case":  # g orthogonal to the leading eigenvector
        m = a + a.T
        top = np.linalg.eigh(m)[1][:, -1]
        return 0.1 * (g - top * (top @ g)), m
    return g, a + a.T


KINDS = ("convex", "concave", "indefinite", "rank one", "hard case")


@pytest.mark.parametrize("norm", ["l2", "linf"])
@pytest.mark.parametrize("kind", KINDS)
def test_as_tight_as_the_semidefinite_relaxation(kind: str, norm: str) -> None:
    rng = np.random.default_rng(3)
    for d in (2, 7):
        g, m = problem(kind, d, rng)
        known = semidefinite(g, m, 0.7, norm)
        found = bound(g, m, 0.7, norm)
        scale = 0.7 * np.abs(g).sum() + 0.7**2 * np.abs(m).sum()
        assert found >= known - 1e-6 * scale
        assert found <= known + (1e-6 if norm == "l2" else 5e-3) * scale


@pytest.mark.parametrize("kind", KINDS)
def test_never_below_a_point_of_the_ball(kind: str) -> None:
    rng = np.random.default_rng(4)
    for d in (1, 3, 6):
        g, m = problem(kind, d, rng)
        points = rng.standard_normal((4000, d))
        points /= np.linalg.norm(points, axis=1, keepdims=True)
        corners = np.array(list(itertools.product((-1.0, 1.0), repeat=d)))
        inside = rng.uniform(-1, 1, (4000, d))
        for norm, deltas in (("l2", points), ("linf", np.concatenate([corners, inside]))):
            for rho in (1e-3, 0.5, 30.0):
                delta = rho * deltas
                values = delta @ g + 0.5 * np.einsum("ni,ij,nj->n", delta, m, delta)
                assert bound(g, m, rho, norm) >= values.max()


def test_linf_bound_improves_on_both_textbook_bounds() -> None:
    rng = np.random.default_rng(5)
    for kind in KINDS:
        g, m = problem(kind, 9, rng)
        top = max(0.0, float(np.linalg.eigvalsh(m)[-1]))
        textbook = 0.3 * np.abs(g).sum() + 0.045 * min(9 * top, np.abs(m).sum())
        assert bound(g, m, 0.3, "linf", 0.1) <= textbook * (1 + 1e-9)


@pytest.mark.parametrize("norm", ["l2", "linf"])
def test_closed_forms(norm: str) -> None:
    g, zero = np.array([3.0, -4.0]), np.zeros((2, 2))
    dual = 5.0 if norm == "l2" else 7.0
    assert bound(g, zero, 0.5, norm) == pytest.approx(0.5 * dual, rel=5e-3)
    assert 0 <= bound(0 * g, zero, 0.5, norm) < 1e-9
    # A concave quadratic has its maximum inside: <g, delta> - norm(delta)^2/2 at delta = g.
    small = np.array([0.3, -0.4])
    assert bound(small, -np.eye(2), 1.0, norm) == pytest.approx(0.125, rel=5e-3)
    # No gradient: rho^2/2 lambda_max, and rho^2/2 d for M = I over the cube.
    assert bound(0 * g, np.eye(2), 2.0, norm) == pytest.approx(2.0 if norm == "l2" else 4.0, 5e-3)


@pytest.mark.parametrize("norm", ["l2", "linf"])
@pytest.mark.parametrize("scale", [1e-120, 1e120])
def test_scales_with_the_problem(norm: str, scale: float) -> None:
    g, m = problem("indefinite", 4, np.random.default_rng(6))
    plain = bound(g, m, 0.5, norm)
    assert bound(scale * g, scale * m, 0.5, norm) == pytest.approx(scale * plain, rel=1e-9)
    assert bound(scale * g, scale**2 * m, 0.5 / scale, norm) == pytest.approx(plain, rel=1e-9)


@pytest.mark.parametrize("norm", ["l2", "linf"])
def test_gradient_and_curvature_of_unlike_sizes(norm: str) -> None:
    """Any ratio of the two: finite, at least the value at a few points, at most the textbook's."""
    rng = np.random.default_rng(9)
    for kind in KINDS:
        g, m = problem(kind, 5, rng)
        for power in (-300, -100, -16, -8, 8, 16, 100):
            big = 10.0**power * m
            found = bound(g, big, 1.0, norm)
            points = rng.uniform(-1, 1, (200, 5)) / (5**0.5 if norm == "l2" else 1.0)
            assert found >= (points @ g + 0.5 * np.sum(points @ big * points, axis=1)).max()
            top = max(0.0, float(np.linalg.eigvalsh(big)[-1]))
            linear = np.linalg.norm(g) if norm == "l2" else np.abs(g).sum()
            room = 0.5 * top * (1 if norm == "l2" else 5)
            assert found <= (linear + room) * (1 + 1e-6) + 1e-9 * np.abs(big).max()


@pytest.mark.parametrize("norm", ["l2", "linf"])
def test_moments_spend_the_ball(norm: str) -> None:
    g, m = problem("convex", 5, np.random.default_rng(7))
    level: Vector = np.array([[0.05]])
    radius: Vector = np.array([0.4])
    top = quadratic_maximum(g[None], m[None], radius, norm, level)
    mean, covariance = np.asarray(top.mean)[0], np.asarray(top.covariance)[0]
    second = np.diag(covariance) + mean**2
    assert np.linalg.eigvalsh(covariance)[0] > 0
    if norm == "l2":
        assert second.sum() == pytest.approx(0.16, rel=1e-6)
    else:
        # The barrier of D >= 0 keeps a little back.
        assert np.all(second <= 0.16 * (1 + 1e-3))
        assert np.all(second >= 0.16 * 0.8)


@pytest.mark.parametrize("norm", ["l2", "linf"])
def test_half_the_curvature_is_noticed(norm: str) -> None:
    g, m = problem("convex", 4, np.random.default_rng(8))
    assert bound(g, m / 2, 1.0, norm) < semidefinite(g, m, 1.0, norm) * 0.9
