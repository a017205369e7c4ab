"""Brackets of smooth networks in the plane: above every grid point, below a certified maximum.

The maximum of f over B(x) is proved from a grid: near a grid point p, with K a bound on the
curvature of f, f(x') <= f(p) + abs(df(p)) h + K h^2/2 at all x' within h of p.
"""

from __future__ import annotations

import importlib
from typing import Any, NamedTuple

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.special import erf, expit

import olgame as og
from olgame.attacks import FGSM
from olgame.certify import robust_loss
from olgame.certify.interval_bound import interval_bound
from tests.certify.test_exact_plane import LOSSES, SHAPES, WIDTHS

Floats = NDArray[np.float64]


def density(z: Floats) -> Floats:
    return np.asarray(np.exp(-0.5 * z * z) / np.sqrt(2 * np.pi))


def tanh_slope(z: Floats) -> Floats:
    return np.asarray(1 - np.tanh(z) ** 2)


SIGMA: dict[str, Any] = {
    "softplus": (lambda z: np.logaddexp(0, z), expit, 0.25),
    "tanh": (np.tanh, tanh_slope, 0.77),
    "gelu": (
        lambda z: 0.5 * z * (1 + erf(z / 2**0.5)),
        lambda z: 0.5 * (1 + erf(z / 2**0.5)) + z * density(z),
        0.798,
    ),
    "silu": (lambda z: z * expit(z), lambda z: expit(z) * (1 + z * expit(-z)), 0.5),
}


class Range(NamedTuple):
    """What is attained on a grid, and what is proved: reached in B(x), and bounds over B(x)."""

    reached: tuple[float, float]
    proved: tuple[float, float]


def certified_range(name: str, w: Floats, c: Floats, x: Floats, rho: float, shape: str) -> Range:
    """Least and largest f over B(x), each between two numbers."""
    value, slope, bend = SIGMA[name]
    size = np.linalg.norm(w, axis=1)
    curvature = bend * float(np.abs(c) @ size**2)
    if shape == "arc":
        length = float(np.linalg.norm(x))
        half = 2 * np.arcsin(min(1.0, rho / (2 * length)))
        count = 4000
        turn = half * (np.arange(count) - 0.5 * (count - 1)) / (0.5 * count)  # midpoints of cells
        turn = turn + np.arctan2(x[1], x[0])
        points = length * np.stack([np.cos(turn), np.sin(turn)], axis=-1)
        inside = np.ones(count, dtype=bool)
        across = length * np.stack([-np.sin(turn), np.cos(turn)], axis=-1)
        h = half / count
        # In the angle: f'' = v^T H v + <grad, v'> with norm(v) = norm(v') = r, abs(sigma') < 1.13.
        curvature = curvature * length**2 + 1.13 * length * float(np.abs(c) @ size)
        steep = np.abs((((slope(points @ w.T) * c) @ w) * across).sum(axis=-1))
    else:
        count = 121
        axis = rho * (np.arange(count) - 0.5 * (count - 1)) / (0.5 * count)
        moved = np.stack(np.meshgrid(axis, axis), axis=-1).reshape(-1, 2)
        h = 2**0.5 * rho / count
        distance = np.linalg.norm(moved, axis=1)
        inside = distance <= rho if shape == "disc" else np.ones(len(moved), dtype=bool)
        moved = moved[inside | (distance <= rho + h)]
        inside = inside[inside | (distance <= rho + h)]
        points = x + moved
        steep = np.linalg.norm((slope(points @ w.T) * c) @ w, axis=1)
    f = value(points @ w.T) @ c
    room = steep * h + 0.5 * curvature * h * h
    seen = f[inside]
    return Range(
        (float(seen.min()), float(seen.max())), (float((f - room).min()), float((f + room).max()))
    )


def case(seed: int) -> tuple[Any, Floats, Floats, Floats, str]:
    """A network, half of them trained, three inputs and their radii."""
    rng = np.random.default_rng([51, seed])
    name, width = list(SIGMA)[seed % 4], WIDTHS[seed // 4 % len(WIDTHS)]
    model = og.models.TwoLayerNet(dim=2, width=width, activation=name, seed=seed, paired=False)
    w = rng.standard_normal((width, 2)) * rng.choice([0.2, 1.0, 4.0])
    c = model.signs / width**0.5
    value, slope, _ = SIGMA[name]
    data, labels = (np.asarray(part, dtype=np.float64) for part in og.data.circle(16))
    for _ in range(40 if seed % 2 else 0):
        z = data @ w.T
        pull = labels * expit(-labels * (value(z) @ c))
        w = w + 4.0 * ((pull[:, None] * slope(z)) * c).T @ data / len(data)
    angle = rng.uniform(0, 2 * np.pi, 3)
    x = np.stack([np.cos(angle), np.sin(angle)], axis=-1) * rng.choice([1.0, 1.0, 3.0], (3, 1))
    return model, w, x, rng.choice([0.02, 0.1, 0.5, 2.0], 3), name


def missed(seeds: range) -> tuple[int, float]:
    """(Ends on the wrong side, the median of what a grid leaves open of a loss)."""
    wrong, open_ = 0, []
    for seed in seeds:
        model, w, x, rho, name = case(seed)
        shape, loss = list(SHAPES)[seed % 3], list(LOSSES)[seed // 3 % 5]
        y = np.array([1.0, -1.0, 1.0])
        lower, upper = robust_loss(
            model, np.asarray(w.reshape(-1)), x, y, getattr(og.losses, loss),
            SHAPES[shape](rho), attack=FGSM(),
        ).per_sample  # fmt: skip
        assert upper is not None
        for i in range(3):
            found = certified_range(name, w, model.signs / model.width**0.5, x[i], rho[i], shape)
            low, high = (
                max(float(LOSSES[loss](np.float64(z), y[i])) for z in pair) for pair in found
            )
            wrong += bool(low > upper[i] * (1 + 1e-14)) + bool(lower[i] > high * (1 + 1e-14))
            open_.append(high - low)
    return wrong, float(np.median(open_))


def test_brackets_around_certified_grids() -> None:
    wrong, left_open = missed(range(72))
    assert wrong == 0
    assert left_open < 1e-2


@pytest.mark.slow
def test_many_brackets_around_certified_grids() -> None:
    assert missed(range(72, 1200))[0] == 0


@pytest.mark.parametrize("name", SIGMA)
def test_neuron_by_neuron_bounds_are_above_their_neurons(name: str) -> None:
    value = SIGMA[name][0]
    rng = np.random.default_rng(52)
    for _ in range(400):
        z, r = rng.uniform(-4, 4), float(rng.choice([0.01, 0.5, 3.0]))
        one, c = np.ones((1, 1)), rng.choice([-1.0, 1.0], 1)
        ends = ((z - r) * one, (z + r) * one)
        bound = interval_bound(c, og.activations.get_activation(name), z * one, *ends)
        most = (c * value(np.linspace(z - r, z + r, 201))).max()
        assert most <= float(np.asarray(bound)[0]) + 1e-14


def test_half_the_curvature_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    place: Any = importlib.import_module("olgame.certify.region")
    true = place.quadratic_maximum
    monkeypatch.setattr(
        place, "quadratic_maximum", lambda g, m, *rest, **_: true(g, 0.5 * m, *rest)
    )
    assert missed(range(60))[0] > 2


def test_the_range_proved_is_around_a_finer_grid() -> None:
    for seed in range(12):
        model, w, x, rho, name = case(seed)
        shape = list(SHAPES)[seed % 3]
        c = model.signs / model.width**0.5
        found = certified_range(name, w, c, x[0], rho[0], shape)
        assert found.proved[0] <= found.reached[0] <= found.reached[1] <= found.proved[1]
        rng = np.random.default_rng(seed)
        moved = rho[0] * rng.uniform(-1, 1, (20000, 2))
        if shape != "square":
            moved = moved[np.linalg.norm(moved, axis=1) <= rho[0]]
        points = x[0] + moved
        if shape == "arc":
            points *= np.linalg.norm(x[0]) / np.linalg.norm(points, axis=1, keepdims=True)
            points = points[np.linalg.norm(points - x[0], axis=1) <= rho[0]]
        f = SIGMA[name][0](points @ w.T) @ c
        assert found.proved[0] <= f.min()
        assert f.max() <= found.proved[1]
