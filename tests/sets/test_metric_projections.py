"""Projections that weigh coordinates, or in the distance of a matrix, and the ball of a p-norm."""

from __future__ import annotations

import math
from typing import Any

import cvxpy
import numpy as np
import pytest
import scipy.optimize
from hypothesis import given, settings
from hypothesis import strategies as st

from olgame.checks import check_decision_set
from olgame.exceptions import ArgumentError, NotAvailableError
from olgame.sets import (
    Box,
    L1Ball,
    L2Ball,
    L2InfBall,
    LpBall,
    ProductSet,
    Scaled,
    Simplex,
    Translated,
    WholeSpace,
)
from olgame.sets.metric_projection import metric_nearest, require_metric_projection
from olgame.sets.nearest_in_ball import nearest_in_ball
from olgame.sets.weighted_projection import require_weighted_projection, weighted_nearest

cp: Any = cvxpy
P = 5
CENTER = np.array([0.5, -1.0, 2.0, 0.25, 0.0])


def gap_in_ball(x: Any, h: Any, u: Any, radius: float) -> float:
    """<v, u> + R norm(v) for v = h (u - x), relative to its terms: 0 at the minimizer alone."""
    slope = h * (u - x)
    size = math.hypot(*(h * u)) + math.hypot(*(h * x))
    return float(slope @ u + radius * math.hypot(*slope)) / (size * radius)


@settings(deadline=None, derandomize=True, max_examples=200)
@given(
    spread=st.floats(0.0, 12.0),
    far=st.floats(-6.0, 8.0),
    radius=st.floats(1e-3, 1e3),
    seed=st.integers(0, 10**6),
)
def test_the_secular_equation_is_solved_to_rounding(
    spread: float, far: float, radius: float, seed: int
) -> None:
    rng = np.random.default_rng(seed)
    h = 10.0 ** rng.uniform(-spread, spread, P)
    x = rng.normal(size=P) * radius
    x *= radius * (1.0 + 10.0**far) / math.hypot(*x)
    u = np.asarray(nearest_in_ball(x, h, radius))
    assert math.hypot(*u) == pytest.approx(radius, rel=1e-14)
    assert gap_in_ball(x, h, u, radius) <= 1e-14


def test_weights_of_zero_are_moved_first() -> None:
    x, h = np.array([3.0, 0.6, 4.0]), np.array([0.0, 1.0, 0.0])
    u = np.asarray(nearest_in_ball(x, h, 1.0))
    np.testing.assert_allclose(u, [0.48, 0.6, 0.64], rtol=1e-12)  # the heavy entry stays
    u = np.asarray(nearest_in_ball(np.array([3.0, 2.0]), np.array([0.0, 1.0]), 1.0))
    np.testing.assert_allclose(u, [0.0, 1.0], atol=1e-12)
    u = np.asarray(nearest_in_ball(x, 0.0 * h, 1.0))
    np.testing.assert_allclose(u, x / math.hypot(*x), rtol=1e-14)  # as if all were 1


def test_inside_untouched_and_nan_through() -> None:
    x = np.array([0.1, 0.2])
    assert nearest_in_ball(x, np.ones(2), 1.0) is x
    rows = np.array([[0.1, 0.2], [3.0, 4.0], [np.nan, 1.0]])
    found = np.asarray(nearest_in_ball(rows, np.array([1.0, 2.0]), 1.0))
    np.testing.assert_array_equal(found[0], rows[0])
    assert math.hypot(*found[1]) == pytest.approx(1.0)
    assert np.isnan(found[2]).all()


WEIGHTED: dict[str, tuple[Any, Any]] = {
    "ball": (L2Ball(1.0, CENTER), lambda u: [cp.norm2(u - CENTER) <= 1]),
    "rows": (
        L2InfBall(0.7, 5, CENTER),
        lambda u: [cp.abs(u - CENTER) <= 0.7],
    ),
    "box": (Box(-0.3, 0.4, dim=P), lambda u: [u >= -0.3, u <= 0.4]),
    "product": (
        ProductSet([(L2Ball(0.5), 2), (Box(0.0, 1.0), 1), (L2InfBall(0.2, 1), 2)]),
        lambda u: [cp.norm2(u[:2]) <= 0.5, u[2] >= 0, u[2] <= 1, cp.norm2(u[3:]) <= 0.2],
    ),
    "scaled": (Scaled(L2Ball(0.5), -2.0), lambda u: [cp.norm2(u) <= 1.0]),
    "translated": (
        Translated(L2Ball(0.7), CENTER),
        lambda u: [cp.norm2(u - CENTER) <= 0.7],
    ),
    "space": (WholeSpace(), lambda u: []),
}


@pytest.mark.parametrize("name", WEIGHTED)
def test_weighted_projections_against_cvxpy(name: str) -> None:
    decision_set, rules = WEIGHTED[name]
    rng = np.random.default_rng(1)
    x, h = CENTER + 2.0 * rng.normal(size=P), 10.0 ** rng.uniform(-1, 1, P)
    u = cp.Variable(P)
    cp.Problem(cp.Minimize(cp.sum(cp.multiply(h, cp.square(u - x)))), rules(u)).solve("CLARABEL")
    found = np.asarray(weighted_nearest(decision_set, x, h))
    np.testing.assert_allclose(found, u.value, atol=1e-4)  # the solver's own error
    euclidean = np.asarray(decision_set.project(x))
    separable = name in {"box", "space", "rows"}  # rows of length 1 are intervals
    assert (np.abs(found - euclidean).max() < 1e-12) == separable


@pytest.mark.parametrize("name", WEIGHTED)
@pytest.mark.parametrize("kind", ["numpy-float32", "torch-float64", "torch-float32"])
def test_weighted_projections_of_every_kind(name: str, kind: str) -> None:
    library, dtype = kind.split("-")
    decision_set, _ = WEIGHTED[name]
    rng = np.random.default_rng(2)
    x = CENTER + 2.0 * rng.normal(size=(3, 2, P))
    h = 10.0 ** rng.uniform(-1, 1, (3, 2, P))
    right = np.stack(
        [np.asarray(weighted_nearest(decision_set, x[i], h[i])) for i in np.ndindex(3, 2)]
    ).reshape(x.shape)
    if library == "torch":
        torch = pytest.importorskip("torch")
        made: Any = [torch.tensor(a, dtype=getattr(torch, dtype)) for a in (x, h)]
    else:
        made = [a.astype(dtype) for a in (x, h)]
    found = weighted_nearest(decision_set, *made)
    assert found.dtype == made[0].dtype
    tolerance = 2e-6 if dtype == "float32" else 1e-13
    np.testing.assert_allclose(np.asarray(found), right, atol=tolerance)


def matrix(seed: int) -> Any:
    rng = np.random.default_rng(seed)
    root = rng.normal(size=(P, P)) * 10.0 ** rng.uniform(-1, 1, P)
    return root.T @ root


@pytest.mark.parametrize("seed", range(3))
def test_projections_in_a_metric_against_cvxpy(seed: int) -> None:
    metric, ball = matrix(seed), L2Ball(1.0, CENTER)
    x = CENTER + 3.0 * np.random.default_rng(seed).normal(size=P)
    values, vectors = np.linalg.eigh(metric)
    found = np.asarray(metric_nearest(ball, x, values, vectors))
    u = cp.Variable(P)
    problem = cp.Minimize(cp.quad_form(u - x, cp.psd_wrap(metric)))
    cp.Problem(problem, [cp.norm2(u - CENTER) <= 1]).solve("CLARABEL")
    np.testing.assert_allclose(found, u.value, atol=1e-4)
    slope = metric @ (found - x)
    gap = slope @ (found - CENTER) + math.hypot(*slope)
    assert 0.0 <= gap + 1e-13 * math.hypot(*slope) <= 1e-12 * math.hypot(*slope)
    assert metric_nearest(WholeSpace(), x, values, vectors) is x


def test_projections_in_a_metric_with_leading_axes() -> None:
    metrics = np.stack([matrix(seed) for seed in range(4)])
    x = CENTER + np.array([0.1, 1.0, 3.0, 10.0])[:, None] * np.random.default_rng(0).normal(
        size=(4, P)
    )
    values, vectors = np.linalg.eigh(metrics)
    ball = L2Ball(1.0, CENTER)
    together = np.asarray(metric_nearest(ball, x, values, vectors))
    for i in range(4):
        alone = np.asarray(metric_nearest(ball, x[i], values[i], vectors[i]))
        np.testing.assert_allclose(together[i], alone, rtol=1e-12)
    torch = pytest.importorskip("torch")
    tensors = metric_nearest(ball, *(torch.tensor(a) for a in (x, values, vectors)))
    np.testing.assert_allclose(np.asarray(tensors), together, rtol=1e-12)


def test_sets_without_an_exact_projection_are_refused() -> None:
    with pytest.raises(NotAvailableError, match=r"`AdaGrad`.*not on Simplex; play `OnlineGrad"):
        require_weighted_projection(Simplex(), "AdaGrad")
    with pytest.raises(NotAvailableError, match="No weighted projection onto L1Ball"):
        weighted_nearest(L1Ball(1.0), np.ones(2), np.ones(2))
    with pytest.raises(NotAvailableError, match=r"`Newton`.*not on Box; play `AdaGrad`"):
        require_metric_projection(Box(0.0, 1.0), "Newton")
    with pytest.raises(NotAvailableError, match="No projection in a metric onto Box"):
        metric_nearest(Box(0.0, 1.0), np.ones(2), np.ones(2), np.eye(2))


# --- the ball of a p-norm -----------------------------------------------------------------------


def brute(x: Any, p: float, radius: float) -> Any:
    """The nearest point of the ball around 0, from its equations, coordinate by coordinate."""

    def entry(a: float, lam: float) -> float:
        solve: Any = scipy.optimize.brentq
        return float(solve(lambda v: v + lam * v ** (p - 1.0) - a, 0.0, a, xtol=1e-15))

    def point(lam: float) -> Any:
        return np.sign(x) * np.array([entry(a, lam) for a in np.abs(x)])

    def excess(lam: float) -> float:
        return float((np.abs(point(lam)) ** p).sum() - radius**p)

    return point(scipy.optimize.brentq(excess, 0.0, 1e4, xtol=1e-15))


@pytest.mark.parametrize("p", [1.05, 1.3, 1.9, 2.0])
def test_projection_onto_the_ball_of_a_p_norm(p: float) -> None:
    ball = LpBall(0.8, p, CENTER)
    q = p / (p - 1.0)
    for scale in (0.5, 3.0, 100.0):
        d = scale * np.random.default_rng(3).normal(size=P)
        if (np.abs(d) ** p).sum() <= 0.8**p:
            continue
        u = np.asarray(ball.project(CENTER + d)) - CENTER
        np.testing.assert_allclose(u, brute(d, p, 0.8), atol=1e-9)
        assert (np.abs(u) ** p).sum() ** (1 / p) == pytest.approx(0.8, rel=1e-13)
        normal = d - u  # <x - u, u> = h(x - u), h written out
        assert normal @ u == pytest.approx(0.8 * (np.abs(normal) ** q).sum() ** (1 / q), rel=1e-9)


def test_the_ball_of_a_p_norm_is_a_set() -> None:
    for p in (1.2, 1.5, 2.0):
        check_decision_set(LpBall(0.7, p))
        check_decision_set(LpBall(0.7, p, CENTER))
        check_decision_set(LpBall(0.7, p).translate(CENTER))
    torch = pytest.importorskip("torch")
    check_decision_set(LpBall(0.7, 1.5, torch.tensor(CENTER)))
    check_decision_set(LpBall(0.7, 1.5, torch.tensor(CENTER, dtype=torch.float32)))


def test_limits_of_the_ball_of_a_p_norm() -> None:
    x = np.random.default_rng(4).normal(size=P) * 3.0
    pairs: list[tuple[Any, Any, float]] = [
        (LpBall(1.0, 2.0), L2Ball(1.0), 1e-12),
        (LpBall(1.0, 1.0001), L1Ball(1.0), 1e-3),
    ]
    for ball, limit, tolerance in pairs:
        np.testing.assert_allclose(ball.project(x), limit.project(x), atol=tolerance)
    found: Any = LpBall(1.0, 1.5).project(np.array([[3.0, np.nan], [0.1, 0.2]]))
    assert np.isnan(found[0]).all()
    np.testing.assert_array_equal(found[1], [0.1, 0.2])
    sample = np.asarray(LpBall(2.0, 1.5).sample(np.random.default_rng(0), (4000, 2)))
    inside = np.abs(sample).sum(axis=1) <= 1.0  # area 2 of 16 Gamma(5/3)^2/Gamma(7/3)
    area = 16.0 * math.gamma(5 / 3) ** 2 / math.gamma(7 / 3)
    assert inside.mean() == pytest.approx(2.0 / area, abs=0.03)


@pytest.mark.parametrize("p", [1.0, 2.5, math.nan, "1.5"])
def test_bad_exponents_are_named(p: Any) -> None:
    with pytest.raises(ArgumentError, match=r"`LpBall\(p=...\)` must be a number with 1 < p <= 2"):
        LpBall(1.0, p)
