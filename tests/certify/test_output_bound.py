"""Certificates of all activations above grids and multi-start search; the edges; tightness."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from olgame.activations import Activation, get_activation
from olgame.certify import output_bound, quadratic_maximum
from olgame.certify.relu_bound import ReLURelaxation
from olgame.certify.smooth_bound import SmoothRelaxation
from olgame.exceptions import NotAvailableError
from olgame.models.model import TwoLayerWeights

Matrix = NDArray[np.float64]
SMOOTH = ("softplus", "tanh", "gelu", "silu")
_erf = np.vectorize(math.erf, otypes=[float])


def sigmoid(z: Matrix) -> Matrix:
    out: Matrix = 0.5 * (1 + np.tanh(0.5 * z))
    return out


def density(z: Matrix) -> Matrix:
    out: Matrix = np.exp(-0.5 * z * z) / math.sqrt(2 * math.pi)
    return out


VALUE: dict[str, Any] = {
    "relu": lambda z: np.maximum(z, 0.0),
    "softplus": lambda z: np.logaddexp(0.0, z),
    "tanh": np.tanh,
    "gelu": lambda z: 0.5 * z * (1 + _erf(z / math.sqrt(2))),
    "silu": lambda z: z * sigmoid(z),
}
SLOPE: dict[str, Any] = {
    "relu": lambda z: (z > 0).astype(float),
    "softplus": sigmoid,
    "tanh": lambda z: 1 - np.tanh(z) ** 2,
    "gelu": lambda z: 0.5 * (1 + _erf(z / math.sqrt(2))) + z * density(z),
    "silu": lambda z: sigmoid(z) + z * sigmoid(z) * sigmoid(-z),
}


def network(name: str, w: Matrix, c: Matrix, x: Matrix) -> Matrix:
    out: Matrix = VALUE[name](x @ w.T) @ c
    return out


def certificate(name: str, w: Matrix, c: Matrix, x: Matrix, rho: Any, norm: str) -> Matrix:
    radius = np.broadcast_to(np.asarray(rho, dtype=float), (len(x),))
    layers = TwoLayerWeights(w, c, get_activation(name))
    return np.asarray(output_bound(layers, x, radius, norm).bound)


def climb(
    name: str, w: Matrix, c: Matrix, x: Matrix, rho: float, norm: str, starts: int, seed: int = 0
) -> float:
    """Largest value over the ball around one input, by ascent from many starts."""
    rng = np.random.default_rng(seed)
    delta = rng.standard_normal((starts, len(x)))
    delta *= rho / np.linalg.norm(delta, ord=2 if norm == "l2" else np.inf, axis=1, keepdims=True)
    delta[0] = 0.0
    best = -np.inf
    for step in range(60):
        best = max(best, float(network(name, w, c, x + delta).max()))
        gradient = (SLOPE[name]((x + delta) @ w.T) * c) @ w
        if norm == "linf":
            toward = rho * np.sign(gradient)
        else:
            toward = rho * gradient / (np.linalg.norm(gradient, axis=1, keepdims=True) + 1e-300)
        delta = toward if step < 15 else delta + 2 / (step - 12) * (toward - delta)
    return best


def trained(name: str, w: Matrix, c: Matrix, rng: np.random.Generator) -> Matrix:
    """Weights after 50 gradient steps on the logistic loss."""
    w = w.copy()
    x = rng.standard_normal((30, w.shape[1]))
    y = np.sign(x[:, 0] * x[:, -1] + 0.1)
    for _ in range(50):
        z = x @ w.T
        pull = y * sigmoid(-y * (VALUE[name](z) @ c))
        w += ((pull[:, None] * SLOPE[name](z)) * c).T @ x / len(x)
    return w


def case(seed: int, dim: int) -> tuple[str, Matrix, Matrix, Matrix, float]:
    rng = np.random.default_rng(seed)
    name = SMOOTH[seed % 4]
    m = int(rng.integers(1, 20))
    w = rng.standard_normal((m, dim)) * rng.choice([0.3, 1.0, 4.0])
    c = rng.standard_normal(m)
    if seed % 2:
        w = trained(name, w, c, rng)
    x = rng.standard_normal((1, dim)) * rng.choice([0.0, 1.0])
    return name, w, c, x, float(rng.choice([0.05, 0.4, 1.5]))


def unit_grid(dim: int, norm: str) -> Matrix:
    if dim == 1:
        return np.linspace(-1, 1, 4001)[:, None]
    if norm == "linf":
        axis = np.linspace(-1, 1, 161)
        return np.stack(np.meshgrid(axis, axis), axis=-1).reshape(-1, 2)
    angle, size = np.meshgrid(np.linspace(0, 2 * np.pi, 500), np.linspace(0, 1, 51))
    return np.stack([size * np.cos(angle), size * np.sin(angle)], axis=-1).reshape(-1, 2)


def check_grids(seeds: range) -> int:
    """How many certificates are below the best point of a dense grid."""
    below = 0
    for seed in seeds:
        dim, norm = 1 + seed % 2, ("l2", "linf")[seed // 2 % 2]
        name, w, c, x, rho = case(seed, dim)
        best = network(name, w, c, x + rho * unit_grid(dim, norm)).max()
        below += bool(certificate(name, w, c, x, rho, norm)[0] < best - 1e-13 * abs(best))
    return below


def check_searches(seeds: range) -> tuple[int, list[float]]:
    """(Certificates below multi-start search, overestimates relative to the gain found)."""
    below, ratios = 0, []
    for seed in seeds:
        name, w, c, x, rho = case(seed, 3 + seed % 6)
        for norm in ("l2", "linf"):
            best = climb(name, w, c, x[0], rho, norm, starts=30, seed=seed)
            upper = certificate(name, w, c, x, rho, norm)[0]
            below += bool(upper < best - 1e-13 * abs(best))
            clean = network(name, w, c, x)[0]
            ratios.append((upper - clean) / (best - clean) if best > clean else 1.0)
    return below, ratios


def test_above_a_dense_grid() -> None:
    assert check_grids(range(80)) == 0


def test_above_multi_start_search_in_more_dimensions() -> None:
    below, ratios = check_searches(range(60))
    assert below == 0
    assert min(ratios) >= 1 - 1e-9
    assert np.median(ratios) < 1.05


@pytest.mark.slow
def test_above_multi_start_search_many_times() -> None:
    assert check_grids(range(80, 2000)) == 0
    assert check_searches(range(60, 1000))[0] == 0


def test_half_the_curvature_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    true = quadratic_maximum
    monkeypatch.setattr(
        "olgame.certify.region.quadratic_maximum",
        lambda g, m, *rest, **_: true(g, 0.5 * m, *rest),
    )
    assert check_grids(range(32)) > 2


def test_a_center_outside_the_ball_costs_no_validity(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every neuron's center is moved into its own interval, wherever the mean is."""
    monkeypatch.setattr("olgame.certify.region.Ball.inside", lambda ball, mean: 3.0 * mean)
    assert check_grids(range(60)) == 0


@settings(deadline=None, derandomize=True, max_examples=300)
@given(
    z=st.floats(-3, 3),
    r=st.floats(1e-6, 4),
    share=st.floats(-1, 1),
    variance=st.floats(0, 30),
    c=st.floats(-3, 3),
)
def test_every_parabola_is_above_its_relu(
    z: float, r: float, share: float, variance: float, c: float
) -> None:
    """One neuron in one dimension; moments that no distribution has are fine, too."""
    one: Matrix = np.ones((1, 1))
    ends = ((z - r) * one, (z + r) * one)
    family = ReLURelaxation.of(one, c * one[0], z * one, *ends, r * one, r * one)
    mean = share * r
    second = ((z + mean) ** 2 + variance) * np.ones_like(family.z_up)
    q = family.quadratic(mean * one, second)
    delta = np.concatenate([np.linspace(-r, r, 401), [np.clip(-z, -r, r)]])
    bound = (
        np.asarray(q.constant)[0]
        + np.asarray(q.gradient)[0, 0] * delta
        + 0.5 * np.asarray(q.curvature)[0, 0, 0] * delta**2
    )
    assert np.all(bound >= c * np.maximum(z + delta, 0) - 1e-13 * np.asarray(q.absolute)[0])


@settings(deadline=None, derandomize=True, max_examples=300)
@given(
    name=st.sampled_from(SMOOTH),
    z=st.floats(-5, 5),
    r=st.floats(1e-6, 6),
    share=st.floats(-1, 1),
    c=st.floats(-3, 3),
    sharp=st.booleans(),
)
def test_every_taylor_bound_is_above_its_neuron(
    name: str, z: float, r: float, share: float, c: float, sharp: bool
) -> None:
    one: Matrix = np.ones((1, 1))
    ends = ((z - r) * one, (z + r) * one)
    family = SmoothRelaxation.of(
        one, c * one[0], get_activation(name), z * one, *ends, r * one, sharp=sharp
    )
    q = family.quadratic(share * r * one, family.second())
    delta = np.linspace(-r, r, 401)
    bound = (
        np.asarray(q.constant)[0]
        + np.asarray(q.gradient)[0, 0] * delta
        + 0.5 * np.asarray(q.curvature)[0, 0, 0] * delta**2
    )
    assert np.all(bound >= c * VALUE[name](z + delta) - 1e-13 * (1 + np.asarray(q.absolute)[0]))


@pytest.mark.parametrize("norm", ["l2", "linf"])
@pytest.mark.parametrize("name", [*SMOOTH, "relu"])
def test_edges(name: str, norm: str) -> None:
    rng = np.random.default_rng(21)
    w, c, x = rng.standard_normal((6, 3)), rng.standard_normal(6), rng.standard_normal((4, 3))
    clean = network(name, w, c, x)
    # rho = 0, alone and beside others; tiny; huge (tanh is bounded, the others grow linearly).
    assert certificate(name, w, c, x, 0.0, norm) == pytest.approx(clean, abs=1e-12)
    rho = np.array([0.0, 1e-12, 0.3, 1e6])
    upper = certificate(name, w, c, x, rho, norm)
    assert upper[:2] == pytest.approx(clean[:2], abs=1e-10)
    for i in (2, 3):
        assert upper[i] >= climb(name, w, c, x[i], rho[i], norm, starts=20)
        alone = certificate(name, w, c, x[i : i + 1], rho[i], norm)[0]
        assert upper[i] == pytest.approx(alone, rel=1e-9)
    reach = np.abs(c) @ (np.linalg.norm(w, axis=1) * 3**0.5)
    assert upper[3] <= 1.2e6 * reach
    if name == "tanh":
        assert upper[3] <= np.abs(c).sum() + 1e-6
    # Nothing there: no weights, no output, one neuron of no use.
    assert certificate(name, 0 * w, c, x, 1.0, norm) == pytest.approx(network(name, 0 * w, c, x))
    assert certificate(name, w, 0 * c, x, 1.0, norm) == pytest.approx(np.zeros(4), abs=1e-12)
    w[0] = 0.0
    assert np.all(certificate(name, w, c, 0 * x, 1.0, norm) >= network(name, w, c, 0 * x))
    # An empty batch.
    assert certificate(name, w, c, x[:0], 1.0, norm).shape == (0,)


@pytest.mark.parametrize("norm", ["l2", "linf"])
@pytest.mark.parametrize("name", [*SMOOTH, "relu"])
@pytest.mark.parametrize("scale", [1e-200, 1e-30, 1e30, 1e200])
@np.errstate(all="ignore")
def test_extreme_scales(name: str, norm: str, scale: float) -> None:
    """Inputs, weights or outputs of an extreme size: valid, if need be infinite, never nan."""
    rng = np.random.default_rng(22)
    w, c, x = rng.standard_normal((6, 3)), rng.standard_normal(6), rng.standard_normal((1, 3))
    delta = 0.5 * np.eye(3)
    for a, b, e in ((scale, 1.0, 1.0), (1.0, scale, 1.0), (1.0, 1.0, scale)):
        upper = certificate(name, a * w, e * c, b * x, 0.5 * b, norm)[0]
        seen = network(name, a * w, e * c, b * (x + delta)).max()
        assert upper >= seen


def test_relu_scales_exactly() -> None:
    rng = np.random.default_rng(23)
    w, c, x = rng.standard_normal((6, 3)), rng.standard_normal(6), rng.standard_normal((2, 3))
    plain = certificate("relu", w, c, x, 0.5, "l2")
    for scale in (2.0**-60, 2.0**60):
        big = certificate("relu", scale * w, c, x, 0.5, "l2")
        assert big / scale == pytest.approx(plain, rel=1e-9)


@pytest.mark.parametrize("norm", ["l2", "linf"])
@pytest.mark.parametrize("name", ["softplus", "relu", "gelu"])
def test_torch_and_chunks_give_the_same(name: str, norm: str) -> None:
    torch = pytest.importorskip("torch")
    rng = np.random.default_rng(24)
    w, c, x = rng.standard_normal((20, 5)), rng.standard_normal(20), rng.standard_normal((7, 5))
    rho = rng.uniform(0, 0.5, 7)
    activation = get_activation(name)
    known = output_bound(TwoLayerWeights(w, c, activation), x, rho, norm)
    w_, c_, x_, rho_ = (torch.tensor(values, dtype=torch.float64) for values in (w, c, x, rho))
    found = output_bound(TwoLayerWeights(w_, c_, activation), x_, rho_, norm)
    assert np.asarray(found.bound) == pytest.approx(np.asarray(known.bound), rel=1e-6)
    parts = output_bound(TwoLayerWeights(w, c, activation), x, rho, norm, chunk=2)
    assert np.asarray(parts.bound) == pytest.approx(np.asarray(known.bound), rel=1e-9)


def test_an_activation_without_constants_is_refused() -> None:
    strange = Activation("step", 1.0, None, None, (), np.sign, np.sign, np.sign)
    layers = TwoLayerWeights(np.ones((1, 1)), np.ones(1), strange)
    with pytest.raises(NotAvailableError, match="step"):
        output_bound(layers, np.ones((1, 1)), np.ones(1), "l2")


@pytest.mark.parametrize(
    ("name", "norm", "rho", "most"),
    [
        ("relu", "l2", 0.1, 1.01),
        ("relu", "l2", 0.5, 1.03),
        ("relu", "linf", 0.1, 1.3),
        ("softplus", "l2", 0.5, 1.001),
        ("softplus", "linf", 0.1, 1.15),
        ("gelu", "l2", 0.5, 1.06),
    ],
)
def test_tight_on_wide_random_networks(name: str, norm: str, rho: float, most: float) -> None:
    """(certificate - clean)/(found - clean) at m = 1024, d = 64, norm(x) = 8."""
    rng = np.random.default_rng(25)
    w, c = rng.standard_normal((1024, 64)), rng.choice([-1.0, 1.0], 1024) / 32
    x = rng.standard_normal((3, 64))
    x *= 8 / np.linalg.norm(x, axis=1, keepdims=True)
    upper, clean = certificate(name, w, c, x, rho, norm), network(name, w, c, x)
    for i in range(3):
        best = climb(name, w, c, x[i], rho, norm, starts=4)
        assert best <= upper[i] <= clean[i] + most * (best - clean[i])
