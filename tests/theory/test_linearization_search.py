"""Kink moves and searched directions against exact suprema and brute force."""

from __future__ import annotations

import itertools
import math
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

import olgame as og
from olgame.exceptions import ArgumentError, DataError, ShapeError
from olgame.models import DeepReLUNet, TwoLayerNet
from olgame.theory import fit_power_law, kink_move, search_linearization

Floats = NDArray[np.float64]


def unit(dim: int, n: int = 1, seed: int = 0) -> Floats:
    x = np.random.default_rng(seed).standard_normal((n, dim))
    found: Floats = x / np.linalg.norm(x, axis=1, keepdims=True)
    return found


def departure(model: DeepReLUNet, w: Any, x: Floats) -> float:
    """f - f_lin at w, both by passes written here: f_lin with the masks of the start."""
    start, m = np.asarray(model.start), model.width
    before = start.reshape(-1, m, m)
    after = np.asarray(w).reshape(-1, m, m)
    signal = frozen = model.drawn.embedding @ x[0]
    tangent = np.zeros(m)
    for old, new in zip(before, after, strict=True):
        active = old @ frozen > 0
        tangent = active * (old @ tangent + (new - old) @ frozen)
        frozen = active * (old @ frozen)
        signal = np.maximum(new @ signal, 0.0)
    return float(model.drawn.output @ (signal - frozen - tangent))


def dual_bound(z: Floats, q: Floats, rho: float) -> float:
    """An upper bound on the sup over norm(delta) <= rho of sum q (abs(delta) - abs(z))_+, q > 0.

    For every lambda: lambda rho^2/2 + sum (q^2/(2 lambda) - q abs(z))_+; here on a fine grid.
    """
    z, q = np.abs(z[q > 0]), q[q > 0]
    grid = np.geomspace(1e-3, 1e4, 4000)[:, None]
    terms = np.maximum(q**2 / (2 * grid) - q * z, 0.0).sum(axis=1)
    return float((grid[:, 0] * rho**2 / 2 + terms).min())


@pytest.mark.parametrize("sign", [1, -1])
@pytest.mark.parametrize(("width", "close"), [(16, 0.3), (200, 0.99)])
def test_one_layer_moves_as_far_as_pays_off(width: int, close: float, sign: int) -> None:
    """H = 1: the gain is the departure itself; with many neurons it is the dual bound."""
    x = unit(5)
    for seed in range(5):
        model = DeepReLUNet(dim=5, width=width, depth=1, seed=seed)
        radius = 2.0 / math.sqrt(width)
        move = kink_move(model, x, sign, [radius])
        distance = float(np.linalg.norm(np.asarray(move.point) - np.asarray(model.start)))
        assert distance == pytest.approx(radius, rel=1e-12)
        found = sign * departure(model, move.point, x)
        assert found == pytest.approx(move.gains[0], abs=1e-12)
        signal = model.drawn.embedding @ x[0]
        z = np.asarray(model.start).reshape(width, width) @ signal
        rho = radius * float(np.linalg.norm(signal))
        upper = dual_bound(z, sign * model.drawn.output, rho)
        assert close * upper < found < upper * (1 + 1e-9)
        searched = search_linearization(model, x, model.neighborhood(2.0), random_starts=3)
        both = [dual_bound(z, s * model.drawn.output, rho) for s in (1, -1)]
        assert close * max(both) < searched.values[0] < max(both) * (1 + 1e-9)


def test_brute_force_over_all_sets_of_neurons() -> None:
    x, width = unit(3), 10
    for seed in range(20):
        model = DeepReLUNet(dim=3, width=width, depth=1, seed=seed)
        signal = model.drawn.embedding @ x[0]
        z = np.abs(np.asarray(model.start).reshape(width, width) @ signal)
        a, rho = model.drawn.output, float(np.linalg.norm(signal)) * 0.7
        useful = np.flatnonzero(a > 0)
        values = [0.0]
        for k in range(1, len(useful) + 1):
            for chosen in itertools.combinations(useful, k):
                s = list(chosen)
                values.append(rho * math.sqrt((a[s] ** 2).sum()) - float(a[s] @ z[s]))
        gain = float(kink_move(model, x, 1, [0.7]).gains[0])
        assert gain == pytest.approx(max(values), abs=1e-12)


def test_the_gain_has_the_exponents_of_the_theorem() -> None:
    """About 0.645 R^(4/3) m^(-1/6) at norm(x) = 1, over seeds, widths and radii."""
    x = unit(8)
    widths, gains = [64, 256, 1024], []
    for width in widths:
        found = []
        for seed in range(8):
            model = DeepReLUNet(dim=8, width=width, depth=1, seed=seed)
            moves = [kink_move(model, x, s, [2.0 / math.sqrt(width)]) for s in (1, -1)]
            found += [float(move.gains[0]) for move in moves]
        gains.append(float(np.mean(found)))
        assert gains[-1] == pytest.approx(0.645 * 2.0 ** (4 / 3) * width ** (-1 / 6), rel=0.12)
    assert fit_power_law(widths, gains).exponent == pytest.approx(-1 / 6, abs=0.05)
    model = DeepReLUNet(dim=8, width=1024, depth=1, seed=0)
    small, large = (kink_move(model, x, 1, [r / 32.0]).gains[0] for r in (0.5, 4.0))
    assert math.log(large / small) / math.log(8.0) == pytest.approx(4 / 3, abs=0.1)


def test_every_layer_moves_by_its_radius() -> None:
    model, x = DeepReLUNet(dim=5, width=40, depth=3, seed=1), unit(5)
    radii = [0.1, 0.2, 0.3]
    move = kink_move(model, x, -1, radii)
    offset = (np.asarray(move.point) - np.asarray(model.start)).reshape(3, -1)
    np.testing.assert_allclose(np.linalg.norm(offset, axis=1), radii, rtol=1e-12)
    assert (move.gains > 0).all()
    assert (move.crossed > 0).all()
    # The last layer alone: its gain is exact, whatever lies below.
    alone = np.asarray(model.start).copy()
    alone[-1600:] = np.asarray(move.point)[-1600:]
    assert -departure(model, alone, x) == pytest.approx(move.gains[2], abs=1e-12)


@pytest.mark.parametrize("depth", [2, 3])
def test_the_search_stays_in_the_set_and_gains_on_its_start(depth: int) -> None:
    model, x = DeepReLUNet(dim=5, width=48, depth=depth, seed=3), unit(5, 2)
    k = model.neighborhood(1.5)
    found = search_linearization(model, x, k)
    assert found.starts == 3
    for i in range(2):
        radius = 1.5 / math.sqrt(48)
        starts = [kink_move(model, x[i : i + 1], s, [radius] * depth).point for s in (1, -1)]
        gained = max(abs(departure(model, w, x[i : i + 1])) for w in starts)
        assert found.values[i] >= 0.98 * gained
    # Random points of the set are nowhere near: the search is worth its while.
    rng = np.random.default_rng(0)
    random = [abs(departure(model, k.sample(rng, (depth * 48**2,)), x[:1])) for _ in range(50)]
    assert found.values[0] > 3.0 * max(random)
    twice = search_linearization(model, x, k)
    np.testing.assert_array_equal(twice.values, found.values)
    # A larger set holds the smaller one.
    wider = search_linearization(model, x, model.neighborhood(3.0))
    assert (wider.values > found.values).all()


def test_never_above_the_exact_supremum_of_two_layers() -> None:
    for seed in range(3):
        model = TwoLayerNet(dim=6, width=300, activation="relu", paired=False, seed=seed)
        x, ball = unit(6, 3, seed), model.neighborhood(3.0)
        exact = og.theory.worst_case_linearization(model, x, ball).values
        found = search_linearization(model, x, ball, random_starts=2, seed=seed).values
        assert (found <= exact * (1 + 1e-12)).all()
        assert (found >= 0.4 * exact).all()


def test_a_linear_model_has_no_departure() -> None:
    model = og.models.LinearModel(3)
    found = search_linearization(model, unit(3, 2), model.neighborhood(1.0))
    np.testing.assert_array_equal(found.values, [0.0, 0.0])


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"steps": 0}, ArgumentError, r"search_linearization\(steps=...\)` must be an integer"),
        ({"random_starts": -1}, ArgumentError, r"random_starts=...\)` must be an integer"),
        ({"x": np.zeros((2, 4))}, ShapeError, r"must have shape \(n, 3\), got \(2, 4\)"),
        ({"x": np.zeros((0, 3))}, DataError, "at least one input"),
    ],
)
def test_bad_arguments(arguments: dict[str, Any], error: type[Exception], message: str) -> None:
    model = DeepReLUNet(dim=3, width=8, depth=2)
    given = {"x": unit(3), **arguments}
    with pytest.raises(error, match=message):
        search_linearization(model, given.pop("x"), model.neighborhood(1.0), **given)
