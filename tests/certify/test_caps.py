"""Certificates on a sphere: above brute force over arcs and caps, below those of the ball."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from olgame.activations import get_activation
from olgame.certify import output_bound, robust_loss
from olgame.certify.cap_region import Cap
from olgame.losses import hinge, logistic
from olgame.models import TwoLayerNet, TwoLayerWeights
from olgame.perturbations import l2, spherical_cap

Matrix = NDArray[np.float64]
SIGMA: dict[str, Any] = {
    "softplus": lambda z: np.logaddexp(0.0, z),
    "tanh": np.tanh,
    "relu": lambda z: np.maximum(z, 0.0),
}


def network(name: str, w: Matrix, c: Matrix, x: Matrix) -> Matrix:
    out: Matrix = SIGMA[name](x @ w.T) @ c
    return out


def bound(name: str, w: Matrix, c: Matrix, x: Matrix, rho: float, shell: float | None) -> float:
    layers = TwoLayerWeights(w, c, get_activation(name))
    thick = None if shell is None else np.array([shell])
    found = output_bound(layers, x[None], np.array([rho]), "l2", sphere=thick)
    return float(np.asarray(found.bound)[0])


def cap_points(x: Matrix, rho: float, count: int = 4001) -> Matrix:
    """A dense set of points at distance <= rho of x on its sphere, in 2 or 3 dimensions."""
    size = float(np.abs(x).max())
    if size != 1.0:  # squares of very large or small numbers are none
        return np.asarray(size * cap_points(x / size, rho / size, count))
    r = float(np.linalg.norm(x))
    largest = 2 * math.asin(min(1.0, rho / (2 * r)))
    if len(x) == 2:
        angle = math.atan2(x[1], x[0]) + np.linspace(-largest, largest, count)
        return r * np.stack([np.cos(angle), np.sin(angle)], axis=-1)
    q = np.linalg.svd(x[None])[2]  # its rows: x/r up to sign, and two directions across
    tilt, turn = np.meshgrid(np.linspace(0, largest, 60), np.linspace(0, 2 * np.pi, 240))
    across = np.cos(turn)[..., None] * q[1] + np.sin(turn)[..., None] * q[2]
    points = np.cos(tilt)[..., None] * x / r + np.sin(tilt)[..., None] * across
    return np.asarray(r * points.reshape(-1, 3))


def case(seed: int) -> tuple[str, Matrix, Matrix, Matrix, float]:
    rng = np.random.default_rng([31, seed])
    name, d = ("softplus", "tanh", "relu")[seed % 3], 2 + seed // 3 % 2
    m = int(rng.integers(1, 30))
    w = rng.standard_normal((m, d)) * rng.choice([0.3, 1.0, 4.0])
    c = rng.standard_normal(m)
    x = rng.standard_normal(d) * rng.choice([0.5, 1.0, 3.0])
    if seed % 4 == 0:  # steep along x: the ball may grow, the sphere may not
        w, c = w + x, np.abs(c)
    return name, w, c, x, float(rng.choice([0.05, 0.3, 1.0])) * float(np.linalg.norm(x))


def compare(seeds: range) -> tuple[int, list[float]]:
    """Certificates below brute force, and how much of the ball's excess over it is left."""
    below, left = 0, []
    for seed in seeds:
        name, w, c, x, rho = case(seed)
        best = float(network(name, w, c, cap_points(x, rho)).max())
        cap, ball = bound(name, w, c, x, rho, 0.0), bound(name, w, c, x, rho, None)
        scale = float(np.abs(c) @ np.linalg.norm(w, axis=1)) * np.linalg.norm(x)
        below += bool(cap < best - 1e-13 * scale)
        assert cap <= ball + 1e-9 * scale
        left.append(float((cap - best) / (ball - best + 1e-9 * scale)))
    return below, left


def test_between_brute_force_and_the_ball() -> None:
    below, left = compare(range(90))
    assert below == 0
    assert np.median(left) < 0.15


@pytest.mark.slow
def test_between_brute_force_and_the_ball_many_times() -> None:
    assert compare(range(90, 1200))[0] == 0


@pytest.mark.parametrize("size", [-1.0, 0.0, 1.0, 30.0])
def test_every_multiplier_gives_a_bound(size: float, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        "olgame.certify.cap_region._sphere_multiplier", lambda g, values, x: size + 0 * g[:, :1]
    )
    for seed in range(45):
        name, w, c, x, rho = case(seed)
        best = float(network(name, w, c, cap_points(x, rho)).max())
        assert bound(name, w, c, x, rho, 0.0) >= best - 1e-12 * abs(best)


def test_a_multiplier_of_the_wrong_sign_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Subtracted from the gradient, added to the curvature: no bound any more."""
    true = Cap.maximum

    def wrong(cap: Cap, g: Any, m: Any, smoothing: Any, spectrum: Any) -> Any:
        return true(Cap(cap.ball, -cap.x, cap.shell), g, m, smoothing, spectrum)

    monkeypatch.setattr(Cap, "maximum", wrong)
    assert compare_below(range(45)) > 5


def compare_below(seeds: range) -> int:
    below = 0
    for seed in seeds:
        name, w, c, x, rho = case(seed)
        best = float(network(name, w, c, cap_points(x, rho)).max())
        below += bool(bound(name, w, c, x, rho, 0.0) < best - 1e-9 * abs(best))
    return below


@settings(deadline=None, derandomize=True, max_examples=200)
@given(
    seed=st.integers(0, 10**6),
    rho=st.floats(1e-3, 3.0),
    t=st.floats(0.0, 0.3),
    dim=st.integers(1, 5),
    along=st.sampled_from([0.0, 1.0, -1.0]),
)
def test_ranges_hold_every_point_of_the_shell(
    seed: int, rho: float, t: float, dim: int, along: float
) -> None:
    rng = np.random.default_rng(seed)
    x = rng.standard_normal(dim)
    x /= np.linalg.norm(x)
    w = rng.standard_normal((6, dim))
    w[0] = along * x if along else w[0]  # the angle to x is 0 or pi, to rounding
    points = x + rng.standard_normal((4000, dim)) * rho / dim**0.5
    points *= (1 + t * rng.uniform(-1, 1, (len(points), 1))) / np.linalg.norm(
        points, axis=1, keepdims=True
    )
    points = points[np.linalg.norm(points - x, axis=1) <= rho]
    points = np.vstack([points, x])
    cap = Cap.of(x[None], np.array([rho]), np.array([t]))
    rows, z = np.linalg.norm(w, axis=1), x[None] @ w.T
    low, high, _ = cap.ends(w, rows, z, 1e-15 * rows[None])
    s = points @ w.T
    assert np.all(s <= np.asarray(high)[0] + 1e-15)
    assert np.all(s >= np.asarray(low)[0] - 1e-15)


def test_ranges_are_those_of_the_arc() -> None:
    """In the plane the range of <w, x'> over the arc is computed by hand."""
    for seed in range(20):
        rng = np.random.default_rng([32, seed])
        x, w, rho = rng.standard_normal(2), rng.standard_normal((9, 2)), float(rng.uniform(0.1, 2))
        cap = Cap.of(x[None], np.array([rho]), np.zeros(1))
        rows = np.linalg.norm(w, axis=1)
        low, high, _ = cap.ends(w, rows, x[None] @ w.T, 1e-15 * rows[None])
        s = cap_points(x, rho, 100_001) @ w.T
        assert np.asarray(high)[0] == pytest.approx(s.max(axis=0), abs=1e-7)
        assert np.asarray(low)[0] == pytest.approx(s.min(axis=0), abs=1e-7)


@pytest.mark.parametrize("name", list(SIGMA))
def test_inputs_near_the_sphere(name: str) -> None:
    """A shell of thickness t: inputs that are off the sphere by t count."""
    for seed in range(12):
        rng = np.random.default_rng([33, seed])
        w, c, x = rng.standard_normal((8, 2)), rng.standard_normal(8), rng.standard_normal(2)
        r, rho, t = float(np.linalg.norm(x)), 0.4, 0.05
        around = cap_points(x, 2 * rho)
        points = np.vstack([around * (1 + k * t / r) for k in np.linspace(-1, 1, 21)])
        points = points[np.linalg.norm(points - x, axis=1) <= rho]
        best = float(network(name, w, c, points).max())
        assert bound(name, w, c, x, rho, t) >= best


@pytest.mark.parametrize("name", list(SIGMA))
@np.errstate(all="ignore")
def test_edges_and_extreme_sizes(name: str) -> None:
    rng = np.random.default_rng(34)
    w, c, x = rng.standard_normal((6, 3)), rng.standard_normal(6), rng.standard_normal(3)
    still = float(network(name, w, c, x[None])[0])
    assert bound(name, w, c, x, 0.0, 0.0) == pytest.approx(still, abs=1e-12)
    assert bound(name, w, c, x, 1e-9, 0.0) == pytest.approx(still, abs=1e-7)
    # All of the sphere, and more than that: the radius makes no difference.
    whole = float(network(name, w, c, cap_points(x, 10.0)).max())
    for rho in (2 * float(np.linalg.norm(x)), 1e3, 1e200):
        assert bound(name, w, c, x, rho, 0.0) >= whole
    # The sphere of radius 0 is a point.
    zero = float(network(name, w, c, 0 * x[None])[0])
    assert bound(name, w, c, 0 * x, 1.0, 0.0) == pytest.approx(zero, abs=1e-12)
    assert bound(name, 0 * w, c, x, 1.0, 0.0) == pytest.approx(zero, abs=1e-12)
    for scale in (1e-200, 1e-30, 1e30, 1e200):
        for a, b, e in ((scale, 1.0, 1.0), (1.0, scale, 1.0), (1.0, 1.0, scale)):
            seen = network(name, a * w, e * c, cap_points(b * x, 0.5 * b)).max()
            assert bound(name, a * w, e * c, b * x, 0.5 * b, 0.0) >= seen
    # One dimension: -x or x.
    both = network(name, w[:, :1], c, np.array([[0.7], [-0.7]]))
    assert bound(name, w[:, :1], c, np.array([0.7]), 0.2, 0.0) >= both[0]
    assert bound(name, w[:, :1], c, np.array([0.7]), 1.5, 0.0) >= both.max()


@pytest.mark.parametrize("activation", ["softplus", "relu"])
def test_brackets_of_caps(activation: str) -> None:
    """On trained networks, with NumPy float32 and torch, the cap's bracket is the narrower one."""
    torch = pytest.importorskip("torch")
    rng = np.random.default_rng(35)
    x = rng.standard_normal((8, 6))
    x /= np.linalg.norm(x, axis=1, keepdims=True)
    y = np.where(x[:, 0] + x[:, 1] > 0, 1.0, -1.0)
    model = TwoLayerNet(dim=6, width=40, activation=activation, seed=0)
    w = np.array(model.start)
    for _ in range(40):
        here = model.at(w, x)
        w = w - 2.0 * np.asarray(here.pullback_w(logistic.derivative(here.z, y))) / len(x)
    cap, ball = (robust_loss(model, w, x, y, hinge, made) for made in (spherical_cap(0.3), l2(0.3)))
    lower, upper = cap.per_sample
    assert upper is not None
    assert ball.per_sample.upper is not None
    assert np.all(lower <= upper)
    assert np.all(upper <= ball.per_sample.upper + 1e-9)
    assert cap.width <= (1e-5 if activation == "softplus" else 0.05)
    assert "spherical cap" in cap.method
    assert cap.upper is not None
    kinds: list[Any] = [np.float32, torch.tensor]
    for kind in kinds:
        made = robust_loss(model, kind(w), kind(x), kind(y), hinge, spherical_cap(0.3))
        assert made.upper is not None
        assert made.per_sample.upper is not None
        assert np.all(made.per_sample.lower <= made.per_sample.upper)
        assert made.upper.value == pytest.approx(cap.upper.value, rel=1e-4)
