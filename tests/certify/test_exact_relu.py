"""ReLU certificates between attacks and exact values: mixed-integer programs and enumeration."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.optimize import LinearConstraint, milp
from scipy.sparse import csr_array, lil_array

from olgame.activations import relu
from olgame.certify import output_bound, quadratic_maximum
from olgame.models.model import TwoLayerWeights

Matrix = NDArray[np.float64]


def network(w: Matrix, c: Matrix, x: Matrix) -> Matrix:
    out: Matrix = np.maximum(x @ w.T, 0.0) @ c
    return out


def certificate(w: Matrix, c: Matrix, x: Matrix, rho: float, norm: str) -> Matrix:
    layers = TwoLayerWeights(w, c, relu)
    return np.asarray(output_bound(layers, x, np.full(len(x), rho), norm).bound)


def mixed_integer_maximum(w: Matrix, c: Matrix, x: Matrix, rho: float) -> tuple[Matrix, float]:
    """A maximizer over the linf ball and the solver's upper bound; big-M with exact bounds.

    Variables (delta, r, b): r_k = relu(s_k), s_k = z_k + <w_k, delta> in [l_k, u_k], b_k whether
    s_k >= 0: r >= s, r >= 0, r <= u b, r <= s - l (1 - b). b is fixed where the sign is.
    """
    m, d = w.shape
    z, reach = w @ x, rho * np.abs(w).sum(axis=1)
    lo, hi = z - reach, z + reach
    rows = lil_array((3 * m, d + 2 * m))
    upper = np.empty(3 * m)
    for k in range(m):
        rows[3 * k, :d], rows[3 * k, d + k], upper[3 * k] = w[k], -1.0, -z[k]
        rows[3 * k + 1, d + k], rows[3 * k + 1, d + m + k] = 1.0, -max(hi[k], 0.0)
        upper[3 * k + 1] = 0.0
        rows[3 * k + 2, :d], rows[3 * k + 2, d + k] = -w[k], 1.0
        rows[3 * k + 2, d + m + k] = -min(lo[k], 0.0)
        upper[3 * k + 2] = z[k] - min(lo[k], 0.0)
    low = np.concatenate([np.full(d, -rho), np.zeros(m), (lo >= 0).astype(float)])
    high = np.concatenate(
        [np.full(d, rho), np.maximum(hi, 0.0), ((hi > 0) | (lo >= 0)).astype(float)]
    )
    result = milp(
        np.concatenate([np.zeros(d), -c, np.zeros(m)]),
        constraints=LinearConstraint(csr_array(rows), -np.inf, upper),
        bounds=(low, high),
        integrality=np.concatenate([np.zeros(d + m), np.ones(m)]),
        options={"mip_rel_gap": 1e-9, "time_limit": 60},
    )
    assert result.status == 0, result.message
    return np.clip(result.x[:d], -rho, rho), -float(result.mip_dual_bound)


def disc_maximum(w: Matrix, c: Matrix, x: Matrix, rho: float) -> float:
    """The exact maximum over a disc of R^2: a piecewise linear function, cell by cell.

    Over a cell cut with the disc it is attained at a crossing of two kinks, of a kink and the
    circle, or where the cell's gradient points on the circle.
    """
    z = w @ x
    kinks = [(w[k], -z[k]) for k in range(len(w)) if np.linalg.norm(w[k]) > 0]
    points = [np.zeros(2)]
    for (a, s), (b, t) in itertools.combinations(kinks, 2):
        both = np.array([a, b])
        if abs(np.linalg.det(both)) > 1e-12:
            points.append(np.linalg.solve(both, [s, t]))
    angles = [0.0]
    for a, s in kinks:
        cosine = s / (rho * np.linalg.norm(a))
        if abs(cosine) <= 1:
            middle, half = np.arctan2(a[1], a[0]), np.arccos(cosine)
            angles += [middle - half, middle + half]
    around = np.sort(np.mod(angles, 2 * np.pi))
    for start, stop in zip(around, [*around[1:], around[0] + 2 * np.pi], strict=True):
        at = 0.5 * (start + stop)
        on = (z + rho * w @ np.array([np.cos(at), np.sin(at)])) > 0
        gradient = (c * on) @ w
        if np.linalg.norm(gradient) > 0:
            points.append(rho * gradient / np.linalg.norm(gradient))
        points.append(rho * np.array([np.cos(start), np.sin(start)]))
    inside = [p for p in points if np.linalg.norm(p) <= rho * (1 + 1e-12)]
    return float(network(w, c, x + np.array(inside)).max())


def ascend(w: Matrix, c: Matrix, x: Matrix, rho: float, norm: str) -> Matrix:
    """The largest value of a few dozen steepest steps, per sample."""
    delta, best = np.zeros_like(x), network(w, c, x)
    for step in range(40):
        gradient = (((x + delta) @ w.T > 0) * c) @ w
        if norm == "linf":
            direction = np.sign(gradient)
        else:
            direction = gradient / (np.linalg.norm(gradient, axis=1, keepdims=True) + 1e-300)
        delta = delta + 2 / (step + 2) * (rho * direction - delta)
        best = np.maximum(best, network(w, c, x + delta))
    return best


def trained(w: Matrix, c: Matrix, rng: np.random.Generator) -> Matrix:
    """Weights after 40 gradient steps on the hinge loss of labels that depend on one input."""
    w = w.copy()
    x = rng.standard_normal((30, w.shape[1]))
    y = np.sign(x[:, 0] * x[:, -1] + 0.1)
    for _ in range(40):
        z = x @ w.T
        active = (y * (np.maximum(z, 0) @ c) < 1) * y
        w += 0.5 * ((active[:, None] * (z > 0)) * c).T @ x / len(x)
    return w


def tiny(seed: int) -> tuple[Matrix, Matrix, Matrix, float]:
    rng = np.random.default_rng(seed)
    d, m = int(rng.integers(1, 9)), int(rng.integers(1, 15))
    w = rng.standard_normal((m, d)) * rng.choice([0.2, 1.0, 5.0])
    c = rng.standard_normal(m)
    if seed % 2:
        w = trained(w, c, rng)
    x = rng.standard_normal((1, d))
    if seed % 5 == 0:  # ties: a pre-activation exactly at its kink, and one neuron of no weight
        x[0] = 0.0
        w[0] = 0.0
    return w, c, x, float(rng.choice([0.05, 0.3, 1.0, 4.0]))


def check_tiny(seeds: range) -> tuple[int, float]:
    """Attack <= exact <= certificate on the linf ball; (violations, largest overestimate)."""
    below, worst = 0, 0.0
    for seed in seeds:
        w, c, x, rho = tiny(seed)
        delta, dual = mixed_integer_maximum(w, c, x[0], rho)
        exact = float(network(w, c, x + delta)[0])
        scale = float(np.abs(c) @ (np.linalg.norm(w, axis=1) * (np.linalg.norm(x) + rho)) + 1e-9)
        assert exact >= dual - 1e-4 * scale, "the oracle disagrees with itself"
        assert ascend(w, c, x, rho, "linf")[0] <= dual + 1e-4 * scale
        upper = certificate(w, c, x, rho, "linf")[0]
        below += bool(upper < exact)
        worst = max(worst, (upper - exact) / scale)
    return below, worst


def test_above_the_mixed_integer_value_on_tiny_networks() -> None:
    below, worst = check_tiny(range(200))
    assert below == 0
    assert worst < 0.5


@pytest.mark.slow
def test_above_the_mixed_integer_value_on_many_tiny_networks() -> None:
    below, _ = check_tiny(range(200, 1000))
    assert below == 0


@pytest.mark.parametrize(
    ("dim", "width", "radius", "unstable"), [(8, 44, 0.05, 40), (64, 120, 0.004, 25)]
)
def test_above_the_mixed_integer_value_on_larger_networks(
    dim: int, width: int, radius: float, unstable: int
) -> None:
    rng = np.random.default_rng(11)
    w, c = rng.standard_normal((width, dim)), rng.choice([-1.0, 1.0], width) / width**0.5
    for weights in (w, trained(w, c, rng)):
        x = rng.standard_normal((2, dim))
        x /= np.linalg.norm(x, axis=1, keepdims=True)
        upper = certificate(weights, c, x, radius, "linf")
        found = ascend(weights, c, x, radius, "linf")
        reach = radius * np.abs(weights).sum(axis=1)
        assert (np.abs(x @ weights.T) < reach).sum(axis=1).max() <= unstable
        for i in range(2):
            delta, dual = mixed_integer_maximum(weights, c, x[i], radius)
            exact = network(weights, c, x[i : i + 1] + delta)[0]
            assert found[i] <= dual + 1e-6
            assert exact <= upper[i]
            clean = network(weights, c, x[i : i + 1])[0]
            assert upper[i] - clean <= 1.5 * (exact - clean)


def test_above_the_exact_value_on_discs() -> None:
    ratios = []
    for seed in range(60):
        rng = np.random.default_rng(100 + seed)
        m = int(rng.integers(1, 25))
        w, c = rng.standard_normal((m, 2)), rng.standard_normal(m)
        if seed % 2:
            w = trained(w, c, rng)
        x, rho = rng.standard_normal((1, 2)), float(rng.choice([0.05, 0.5, 3.0]))
        if seed % 7 == 0:
            x[0] = 0.0
        exact = disc_maximum(w, c, x[0], rho)
        assert ascend(w, c, x, rho, "l2")[0] <= exact + 1e-9
        upper = certificate(w, c, x, rho, "l2")[0]
        assert exact <= upper
        clean = network(w, c, x)[0]
        ratios.append((upper - clean) / (exact - clean) if exact > clean + 1e-9 else 1.0)
    assert np.median(ratios) < 1.3


def test_the_disc_oracle_is_above_a_fine_grid() -> None:
    rng = np.random.default_rng(0)
    w, c, x = rng.standard_normal((9, 2)), rng.standard_normal(9), rng.standard_normal(2)
    angle, size = np.meshgrid(np.linspace(0, 2 * np.pi, 1500), np.linspace(0, 0.8, 40))
    grid = np.stack([size * np.cos(angle), size * np.sin(angle)], axis=-1).reshape(-1, 2)
    best = network(w, c, x + grid).max()
    assert best <= disc_maximum(w, c, x, 0.8) <= best + 0.8 * 0.02 * np.abs(c).sum() * 3


def test_parabolas_with_half_the_curvature_are_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    true = quadratic_maximum
    monkeypatch.setattr(
        "olgame.certify.region.quadratic_maximum",
        lambda g, m, *rest, **_: true(g, 0.5 * m, *rest),
    )
    below, _ = check_tiny(range(30))
    assert below > 2
