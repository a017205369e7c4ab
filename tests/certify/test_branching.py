"""Branched bounds: above exact values, never growing with the budget, exact in the plane."""

from __future__ import annotations

import importlib
import itertools
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from olgame.activations import get_activation, relu
from olgame.certify import output_bound, robust_loss
from olgame.certify.branch_leaf import BoxLeaf, SlabLeaf
from olgame.certify.region import Ball
from olgame.certify.slab_region import Slabs
from olgame.exceptions import ArgumentError
from olgame.losses import hinge, logistic, multiclass_hinge
from olgame.models import TwoLayerNet, TwoLayerWeights
from olgame.perturbations import l2, linf, spherical_cap
from tests.certify.test_caps import SIGMA, cap_points
from tests.certify.test_exact_relu import (
    ascend,
    disc_maximum,
    mixed_integer_maximum,
    network,
    tiny,
    trained,
)

Matrix = NDArray[np.float64]


def bound(w: Matrix, c: Matrix, x: Matrix, rho: float, norm: str, branches: int) -> float:
    layers = TwoLayerWeights(w, c, relu)
    found = output_bound(layers, x, np.full(len(x), rho), norm, branches=branches)
    return float(np.asarray(found.bound)[0])


def plane(seed: int) -> tuple[Matrix, Matrix, Matrix, float]:
    rng = np.random.default_rng([41, seed])
    m = int(rng.integers(1, 25))
    w, c = rng.standard_normal((m, 2)), rng.standard_normal(m)
    if seed % 2:
        w = trained(w, c, rng)
    x = rng.standard_normal((1, 2)) * (seed % 7 > 0)
    return w, c, x, float(rng.choice([0.05, 0.5, 3.0]))


def check_discs(seeds: range, branches: int) -> tuple[int, float]:
    """(Bounds below the exact maximum, median share of the plain excess that is left.)"""
    below, left = 0, []
    for seed in seeds:
        w, c, x, rho = plane(seed)
        exact = disc_maximum(w, c, x[0], rho)
        plain, sharp = (bound(w, c, x, rho, "l2", k) for k in (0, branches))
        below += bool(sharp < exact)
        assert sharp <= plain
        if plain > exact + 1e-9:
            left.append((sharp - exact) / (plain - exact))
    return below, float(np.median(left))


def test_discs_close() -> None:
    below, left = check_discs(range(10), 8)
    assert below == 0
    assert left < 0.2


@pytest.mark.slow
def test_discs_many_times() -> None:
    assert check_discs(range(16, 200), 25)[0] == 0


def check_boxes(seeds: range, branches: int) -> tuple[int, list[float]]:
    """The same on linf balls, against mixed-integer values."""
    below, left = 0, []
    for seed in seeds:
        w, c, x, rho = tiny(seed)
        delta, _ = mixed_integer_maximum(w, c, x[0], rho)
        exact = float(network(w, c, x + delta)[0])
        plain, sharp = (bound(w, c, x, rho, "linf", k) for k in (0, branches))
        below += bool(sharp < exact)
        assert sharp <= plain
        if plain > exact + 1e-6 * abs(plain):
            left.append((sharp - exact) / (plain - exact))
    return below, left


def test_above_mixed_integer_values() -> None:
    below, left = check_boxes(range(12), 8)
    assert below == 0
    assert np.median(left) < 0.5


@pytest.mark.slow
def test_above_mixed_integer_values_many_times() -> None:
    assert check_boxes(range(24, 300), 30)[0] == 0


@pytest.mark.parametrize("name", list(SIGMA))
def test_caps_in_pieces(name: str) -> None:
    for seed in range(4):
        rng = np.random.default_rng([42, seed])
        d, m = 2 + seed % 2, int(rng.integers(2, 12))
        w, c, x = rng.standard_normal((m, d)), rng.standard_normal(m), rng.standard_normal(d)
        rho = 0.8 * float(np.linalg.norm(x))
        best = float((SIGMA[name](cap_points(x, rho) @ w.T) @ c).max())
        layers = TwoLayerWeights(w, c, get_activation(name))
        radius, sphere = np.array([rho]), np.zeros(1)
        plain, sharp = (
            float(np.asarray(output_bound(layers, x[None], radius, "l2", sphere=sphere, branches=k)
                             .bound)[0])
            for k in (0, 8)
        )  # fmt: skip
        assert best - 1e-12 * abs(best) <= sharp <= plain


@pytest.mark.parametrize("norm", ["l2", "linf"])
def test_more_branches_never_raise_the_bound(norm: str) -> None:
    for seed in range(2):
        rng = np.random.default_rng([43, seed])
        w, c = rng.standard_normal((40, 5)), rng.standard_normal(40)
        x = rng.standard_normal((1, 5))
        bounds = [bound(w, c, x, 0.5, norm, k) for k in (0, 1, 2, 6)]
        assert all(b <= a + 1e-12 * abs(a) for a, b in itertools.pairwise(bounds))
        best = ascend(w, c, x, 0.5, norm)[0]
        assert best <= bounds[-1]
        assert bounds[-1] - best <= 0.95 * (bounds[0] - best)


@settings(deadline=None, derandomize=True, max_examples=150)
@given(
    seed=st.integers(0, 10**6),
    dim=st.integers(1, 5),
    slabs=st.integers(1, 3),
    rho=st.sampled_from([1e-6, 0.3, 1.0, 50.0]),
)
def test_slabs_bound_quadratics_and_ranges(seed: int, dim: int, slabs: int, rho: float) -> None:
    """Against points of the region: many random ones, and those pushed to its walls."""
    rng = np.random.default_rng(seed)
    slabs = min(slabs, dim)
    axes = np.linalg.qr(rng.standard_normal((dim, slabs)))[0].T
    ends = np.sort(rng.uniform(-1, 1, (slabs, 2)), axis=1) * rho / slabs**0.5
    region = Slabs(Ball(np.array([rho]), "l2", dim), axes[None], ends[None, :, 0], ends[None, :, 1])
    delta = rng.standard_normal((6000, dim))
    delta *= rho * rng.uniform(0, 1, (6000, 1)) ** 0.2 / np.linalg.norm(delta, axis=1)[:, None]
    s = delta @ axes.T
    inside = np.clip(s, ends[:, 0], ends[:, 1])
    rest = delta - s @ axes
    room = np.sqrt(np.maximum(rho**2 - (inside**2).sum(axis=1), 0))[:, None]
    long = np.linalg.norm(rest, axis=1, keepdims=True)
    out = rng.random((6000, 1)) < 0.5
    scale = np.where(out, room / (long + 1e-300), np.minimum(1, room / (long + 1e-300)))
    points = inside @ axes + (1 - 1e-12) * rest * scale * (slabs < dim)
    w = rng.standard_normal((5, dim))
    x = rng.standard_normal((1, dim))
    rows, z = np.linalg.norm(w, axis=1), x @ w.T
    low, high, _ = region.ends(w, rows, z, 1e-15 * rows[None])
    moved = points @ w.T
    assert np.all(z + moved <= np.asarray(high)[0] + 1e-12 * rho)
    assert np.all(z + moved >= np.asarray(low)[0] - 1e-12 * rho)
    g, m = rng.standard_normal((1, dim)), rng.standard_normal((dim, dim))
    m = (m + m.T) * rng.choice([0.01, 1.0, 10.0]) / rho
    top = region.maximum(g, m[None], np.array([[0.01]]), None)
    values = points @ g[0] + 0.5 * np.einsum("ni,ij,nj->n", points, m, points)
    assert values.max() <= float(np.asarray(top.bound)[0]) + 1e-11 * rho * (1 + np.abs(m).max())


def test_the_range_between_two_planes_is_exact() -> None:
    """One slab: on the circle, s -> omega s + norm(w') sqrt(rho^2 - s^2), by hand."""
    rng = np.random.default_rng(44)
    for _ in range(30):
        w, rho = rng.standard_normal((7, 3)), float(rng.uniform(0.2, 3))
        v = rng.standard_normal(3)
        v /= np.linalg.norm(v)
        a, b = np.sort(rng.uniform(-rho, rho, 2))
        region = Slabs(
            Ball(np.array([rho]), "l2", 3), v[None, None], np.array([[a]]), np.array([[b]])
        )
        rows = np.linalg.norm(w, axis=1)
        _, high, _ = region.ends(w, rows, np.zeros((1, 7)), np.zeros((1, 7)))
        s = np.linspace(a, b, 20001)
        across = np.linalg.norm(w - np.outer(w @ v, v), axis=1)
        exact = np.outer(w @ v, s) + across[:, None] * np.sqrt(rho**2 - s**2)
        assert np.asarray(high)[0] == pytest.approx(exact.max(axis=1), rel=2e-3, abs=1e-3)
        assert np.all(np.asarray(high)[0] >= exact.max(axis=1) - 1e-12)


def test_pieces_cover_what_was_cut() -> None:
    rng = np.random.default_rng(45)
    whole: list[Any] = [
        SlabLeaf(radius=1.0, axes=np.zeros((0, 3)), low=np.zeros(0), high=np.zeros(0)),
        BoxLeaf(low=-np.ones(3), high=np.ones(3)),
    ]
    points = rng.standard_normal((5000, 3))
    points *= rng.uniform(0, 1, (5000, 1)) / np.linalg.norm(points, axis=1, keepdims=True)
    for root in whole:
        leaves = [root]
        for _ in range(30):
            leaf = leaves.pop(int(rng.integers(len(leaves))))
            leaf.mean = 0.9 * points[int(rng.integers(len(points)))]
            m = rng.standard_normal((3, 3))
            leaf.curvature = m + m.T
            cuts = leaf.cuts()
            leaves += cuts[int(rng.integers(len(cuts)))]
        held = np.zeros(len(points), dtype=bool)
        for leaf in leaves:
            s = points @ leaf.axes.T if isinstance(leaf, SlabLeaf) else points
            held |= np.all((s >= leaf.low) & (s <= leaf.high), axis=1)
        assert held.all()
        assert len(leaves) == 31


def test_a_piece_that_is_forgotten_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    true = SlabLeaf._at

    def wrong(self: Any, *where: Any) -> Any:
        below, above = true(self, *where)
        better = above if abs(above.high - above.low).min() > 0 else below
        return better, better

    monkeypatch.setattr(SlabLeaf, "_at", wrong)
    assert check_discs(range(16), 5)[0] > 2


@pytest.mark.parametrize("norm", ["l2", "linf"])
@pytest.mark.parametrize("scale", [1e-200, 1e-30, 1e30, 1e200])
@np.errstate(all="ignore")
def test_extreme_sizes(norm: str, scale: float) -> None:
    rng = np.random.default_rng(46)
    w, c, x = rng.standard_normal((6, 3)), rng.standard_normal(6), rng.standard_normal((1, 3))
    for a, b, e in ((scale, 1.0, 1.0), (1.0, scale, 1.0), (1.0, 1.0, scale)):
        upper = bound(a * w, e * c, b * x, 0.5 * b, norm, 3)
        seen = network(a * w, e * c, b * (x + 0.5 * np.vstack([np.eye(3), -np.eye(3)]))).max()
        assert upper >= seen


def game(rounds: int = 20) -> tuple[TwoLayerNet, Matrix, Matrix, Matrix]:
    rng = np.random.default_rng(47)
    model = TwoLayerNet(dim=3, width=20, activation="relu", seed=0, paired=False)
    x = rng.standard_normal((6, 3))
    y = np.where(x[:, 0] > 0, 1.0, -1.0)
    w = np.array(model.start)
    for _ in range(rounds):
        here = model.at(w, x)
        w = w - np.asarray(here.pullback_w(logistic.derivative(here.z, y))) / len(x)
    return model, w, x, y


@pytest.mark.parametrize("made", [l2(0.5), linf(0.4), spherical_cap(0.6), l2(np.arange(6) / 8)])
def test_the_bracket_narrows(made: Any) -> None:
    model, w, x, y = game()
    plain, sharp = (robust_loss(model, w, x, y, hinge, made, branches=k) for k in (0, 8))
    lower, upper = sharp.per_sample
    assert upper is not None
    assert plain.per_sample.upper is not None
    assert np.all(lower <= upper)
    assert np.all(upper <= plain.per_sample.upper + 1e-12)
    most = 0.85 if made.norm == "l2" and "cap" in sharp.method else 0.75
    assert sharp.width < most * plain.width
    assert "8 cuts" in sharp.method


def test_only_loose_samples_are_cut(monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither those whose ends meet, nor those that are of no loss whatever x' is."""
    model, w, x, y = game()
    module: Any = importlib.import_module("olgame.certify.output_bound")
    true, cut = module.branch, []

    def watch(problem: Any, *rest: Any) -> Any:
        cut.append(len(problem.x))
        return true(problem, *rest)

    monkeypatch.setattr(module, "branch", watch)
    plain = robust_loss(model, w, x, y, hinge, l2(0.2)).per_sample
    assert plain.upper is not None
    robust_loss(model, w, x, y, hinge, l2(0.2), branches=1, tolerance=10.0)
    assert cut == []
    tolerance = float(np.median(plain.upper - plain.lower))
    robust_loss(model, w, x, y, hinge, l2(0.2), branches=1, tolerance=tolerance)
    assert 0 < sum(cut) <= int((plain.upper - plain.lower > tolerance).sum())
    cut.clear()
    robust_loss(model, 100 * w, np.abs(x) * y[:, None], y, hinge, l2(1e-3), branches=1)
    sure = robust_loss(model, 100 * w, np.abs(x) * y[:, None], y, hinge, l2(1e-3)).per_sample
    assert sure.upper is not None
    assert sum(cut) <= int((sure.upper > 0).sum())


def test_classes_and_torch() -> None:
    torch = pytest.importorskip("torch")
    rng = np.random.default_rng(48)
    model = TwoLayerNet(dim=2, width=12, activation="relu", seed=1, paired=False, classes=3)
    x, y = rng.standard_normal((4, 2)), np.array([0.0, 1.0, 2.0, 0.0])
    w = np.asarray(model.start)
    plain, sharp = (
        robust_loss(model, w, x, y, multiclass_hinge, l2(0.5), branches=k) for k in (0, 4)
    )
    assert sharp.per_sample.upper is not None
    assert np.all(sharp.per_sample.lower <= sharp.per_sample.upper)
    assert sharp.width < 0.8 * plain.width
    binary, w, x, y = game()
    known = robust_loss(binary, w, x, y, hinge, l2(0.5), branches=3)
    w_, x_, y_ = (torch.tensor(values) for values in (w, x, y))
    found = robust_loss(binary, w_, x_, y_, hinge, l2(0.5), branches=3)
    assert known.upper is not None
    assert found.upper is not None
    assert found.upper.value == pytest.approx(known.upper.value, rel=1e-3)


@pytest.mark.parametrize(
    "change", [{"branches": -1}, {"branches": 1.5}, {"branches": True}, {"tolerance": -1.0}]
)
def test_bad_options_are_named(change: dict[str, Any]) -> None:
    model, w, x, y = game(0)
    with pytest.raises(ArgumentError, match=next(iter(change))):
        robust_loss(model, w, x, y, hinge, l2(0.1), **change)
