"""Brackets of ReLU networks in the plane around their exact robust losses, sample by sample."""

from __future__ import annotations

import importlib
from typing import Any

import attrs
import numpy as np
import pytest
from numpy.typing import NDArray

import olgame as og
from olgame.attacks import FGSM
from olgame.certify import robust_loss
from tests.certify.exact_plane import candidates, ends, network

Floats = NDArray[np.float64]
WIDTHS = (1, 2, 3, 5, 8, 16, 32, 64)
SHAPES: dict[str, Any] = {
    "arc": og.perturbations.spherical_cap,
    "disc": og.perturbations.l2,
    "square": og.perturbations.linf,
}
LOSSES: dict[str, Any] = {
    "hinge": lambda z, y: np.maximum(0.0, 1 - y * z),
    "logistic": lambda z, y: np.logaddexp(0.0, -y * z),
    "smoothed_hinge": lambda z, y: np.where(
        y * z >= 1, 0.0, np.where(y * z < 0, 0.5 - y * z, 0.5 * (1 - y * z) ** 2)
    ),
    "squared": lambda z, y: 0.5 * (z - y) ** 2,
    "absolute": lambda z, y: np.abs(z - y),
}


@attrs.frozen(eq=False)
class Nets:
    """Many networks of one width and one choice of signs, half of them trained, and their data."""

    model: og.models.TwoLayerNet
    w: Floats
    x: Floats
    rho: Floats

    @property
    def output(self) -> Floats:
        return np.asarray(self.model.signs / self.model.width**0.5)


def nets(width: int, seed: int, count: int, paired: bool = False) -> Nets:
    """Weights ``(count, m, 2)`` and inputs ``(count, 7, 2)``: on the circle, at kinks, near, 0."""
    rng = np.random.default_rng([width, seed])
    model = og.models.TwoLayerNet(dim=2, width=width, activation="relu", seed=seed, paired=paired)
    c = model.signs / width**0.5
    w = rng.standard_normal((count, width, 2)) * rng.choice([0.1, 1.0, 10.0], (count, 1, 1))
    data, labels = (np.asarray(part, dtype=np.float64) for part in og.data.circle(16))
    if paired:  # and moved apart, by nothing or by more or less
        half = width // 2
        apart = rng.choice([0.0, 1e-9, 0.01, 0.1, 0.4], (count, 1, 1)) * w[:, half:]
        w[:, half:] = w[:, :half] + apart
    for _ in range(40):  # gradient descent on inputs moved against their label, one half of them
        z = np.einsum("gmd,nd->gnm", w[::2], data)
        pull = labels / (1 + np.exp(labels * (np.maximum(z, 0) @ c)))
        along = ((z > 0) * c) @ w[::2]
        length = np.linalg.norm(along, axis=-1, keepdims=True) + 1e-12
        x = data - 0.2 * labels[:, None] * along / length
        z = np.einsum("gmd,gnd->gnm", w[::2], x)
        w[::2] += np.einsum("gn,gnm,gnd->gmd", pull, (z > 0) * c, x) * (4.0 / len(data))
    angle = rng.uniform(0, 2 * np.pi, (count, 4))
    x = np.stack([np.cos(angle), np.sin(angle)], axis=-1)
    x[:, 3] *= rng.choice([0.1, 3.0], (count, 1))
    row = w[np.arange(count), rng.integers(0, width, count)]
    kink = np.stack([-row[:, 1], row[:, 0]], axis=-1) / np.linalg.norm(row, axis=1, keepdims=True)
    near = kink + rng.choice([1e-9, 1e-3], (count, 1)) * rng.standard_normal((count, 2))
    x = np.concatenate([x, kink[:, None], near[:, None], 0 * kink[:, None]], axis=1)
    return Nets(model, w, x, rng.choice([0.0, 0.01, 0.1, 0.5, 1.0, 3.0], (count, 7)))


def exact_losses(some: Nets, i: int, shape: str, name: str, y: Floats) -> Floats:
    """Every loss is convex in the output, so largest at the least or the largest one."""
    lo, hi = ends(some.w[i], some.output, some.x[i], some.rho[i], shape)
    return np.asarray(np.maximum(LOSSES[name](lo, y), LOSSES[name](hi, y)))


def check(
    some: Nets, i: int, shape: str, name: str, y: Floats, attack: Any, branches: int
) -> tuple[int, int]:
    """(Ends on the wrong side, lower ends that are the exact loss up to 1e-9.)"""
    exact = exact_losses(some, i, shape, name, y)
    made, loss = SHAPES[shape](some.rho[i]), getattr(og.losses, name)
    w: Any = some.w[i].reshape(-1)
    lower, upper = robust_loss(
        some.model, w, some.x[i], y, loss, made, attack=attack, branches=branches
    ).per_sample
    assert upper is not None
    attained = int((exact - lower <= 1e-9 * (1 + np.abs(exact))).sum())
    return int((exact > upper).sum() + (lower > exact).sum()), attained


def hunt(
    number: int, combinations: Any, attack: Any, branches: int = 0, paired: bool = False
) -> tuple[int, int, int]:
    """(Wrong ends, lower ends that are exact, ends) over ``number`` networks of every width."""
    wrong = attained = total = 0
    shapes, names = list(SHAPES), list(LOSSES)
    for width in (2, 8, 16, 32, 64) if paired else WIDTHS:
        for seed in range(5):
            some = nets(width, seed, number // 5, paired)
            for i in range(number // 5):
                for shape, name, sign in combinations(i + seed, shapes, names):
                    y = np.full(7, float(sign)) if abs(sign) == 1 else np.array([1.0, -1] * 4)[:7]
                    bad, exact = check(some, i, shape, name, y, attack, branches)
                    wrong, attained, total = wrong + bad, attained + exact, total + 7
    return wrong, attained, total


def in_turn(i: int, shapes: list[str], names: list[str]) -> list[tuple[str, str, int]]:
    """One region, loss and label for each network, all of them in turn."""
    name = names[i % 3] if i % 8 else names[3 + i // 8 % 2]  # of numbers: twice the work
    return [(shapes[i % 3], name, 1 - 2 * (i // 3 % 2))]


def test_every_bracket_of_1000_networks_holds_the_exact_loss() -> None:
    """FGSM below."""
    wrong, attained, total = hunt(125, in_turn, FGSM())
    assert total == 7000
    assert wrong == 0
    assert attained >= 0.5 * total  # not idle: even these points find most exact losses


def test_every_bracket_of_600_networks_of_near_pairs_holds_the_exact_loss() -> None:
    wrong, attained, total = hunt(120, in_turn, FGSM(), paired=True)
    assert (wrong, total) == (0, 4200)
    assert attained >= 0.5 * total


def test_brackets_with_both_labels_and_the_attack_of_default() -> None:
    def both(i: int, shapes: list[str], names: list[str]) -> list[tuple[str, str, int]]:
        return [(shapes[i % 3], names[i // 3 % 5], 0)]

    wrong, attained, total = hunt(5, both, None)
    assert (wrong, total) == (0, 280)
    assert attained >= 0.7 * total


def test_branched_brackets_hold_the_exact_loss() -> None:
    def some(i: int, shapes: list[str], names: list[str]) -> list[tuple[str, str, int]]:
        return [(shapes[i % 3], names[i // 3 % 5], 0)]

    for paired in (False, True):
        wrong, _, total = hunt(5, some, FGSM(), branches=2, paired=paired)
        assert (wrong, total) == (0, 175 if paired else 280)


@pytest.mark.slow
def test_branched_brackets_of_many_networks() -> None:
    def every(i: int, shapes: list[str], names: list[str]) -> list[tuple[str, str, int]]:
        return [(shape, names[(i + j) % 5], 0) for j, shape in enumerate(shapes)]

    assert hunt(25, every, FGSM(), branches=6)[0] == 0


@pytest.mark.slow
def test_every_bracket_of_1000_networks_in_all_regions() -> None:
    def every(i: int, shapes: list[str], names: list[str]) -> list[tuple[str, str, int]]:
        return [(shape, names[(i + j) % 5], 0) for j, shape in enumerate(shapes)]

    assert hunt(125, every, None)[0] == 0
    assert hunt(120, every, None, paired=True)[0] == 0


@pytest.mark.parametrize("shape", SHAPES)
def test_the_oracle_is_the_largest_value_of_a_fine_grid(shape: str) -> None:
    """Its points lie in B(x), nothing on a grid is beyond them, and the grid comes close."""
    for width, seed in ((1, 0), (3, 1), (16, 2)):
        some = nets(width, seed, 6)
        for i in range(6):
            w, x, rho = some.w[i], some.x[i], some.rho[i]
            found = candidates(w, some.output, x, rho, shape)
            moved = found - x[:, None]
            size = np.linalg.norm(moved, axis=-1)
            if shape == "square":
                size = np.abs(moved).max(axis=-1)
            assert np.all(size <= rho[:, None] + 1e-14 * (1 + rho[:, None]))
            if shape == "arc":
                length = np.linalg.norm(x, axis=-1)[:, None]
                assert np.linalg.norm(found, axis=-1) == pytest.approx(0 * size + length, abs=1e-14)
            lo, hi = ends(w, some.output, x, rho, shape)
            grid = np.stack([region(x[j], rho[j], shape) for j in range(7)])
            values = network(w, some.output, grid)
            steep = np.abs(some.output) @ np.linalg.norm(w, axis=1)
            slack = 1e-13 * steep * (1 + rho)
            step = 0.05 * rho * steep  # of the grid, times what f can change on the way
            assert np.all(values.max(axis=1) <= hi + slack)
            assert np.all(hi <= values.max(axis=1) + step + slack)
            assert np.all(lo - slack <= values.min(axis=1))
            assert np.all(values.min(axis=1) <= lo + step + slack)


def region(x: Floats, rho: float, shape: str) -> Floats:
    """A grid of B(x) with steps of at most rho/20; of the arc of the angles."""
    if shape == "arc":
        length, middle = float(np.linalg.norm(x)), np.arctan2(x[1], x[0])
        half = 2 * np.arcsin(min(1.0, rho / (2 * length))) if length > 0 else 0.0
        turn = np.linspace(middle - half, middle + half, 5000)
        return length * np.stack([np.cos(turn), np.sin(turn)], axis=-1)
    if shape == "disc":
        turn, size = np.meshgrid(np.linspace(0, 2 * np.pi, 200), np.linspace(0, rho, 40))
        return np.asarray(x + np.stack([np.cos(turn), np.sin(turn)], -1).reshape(-1, 2) * (
            size.reshape(-1, 1)))  # fmt: skip
    axis = np.linspace(-rho, rho, 61)
    return np.asarray(x + np.stack(np.meshgrid(axis, axis), axis=-1).reshape(-1, 2))


@pytest.mark.parametrize("broken", ["half the curvature", "one end only", "no reach"])
def test_broken_certificates_are_noticed(broken: str, monkeypatch: pytest.MonkeyPatch) -> None:
    module = {
        "half the curvature": ("region", "quadratic_maximum"),
        "one end only": ("loss_bound", "lead_bounds"),
        "no reach": ("region_bound", "interval_bound"),
    }[broken]
    place: Any = importlib.import_module(f"olgame.certify.{module[0]}")
    true = getattr(place, module[1])

    def wrong(*given: Any, **named: Any) -> Any:
        if broken == "half the curvature":
            return true(given[0], 0.5 * given[1], *given[2:], **named)
        if broken == "one end only":  # of y = -1 nothing is bounded
            found = true(*given, **named)
            bounds: Any = np.asarray(found.bounds)
            return attrs.evolve(found, bounds=np.where(given[2][:, None] < 0, -1e9, bounds))
        output, activation, z, low, high = given
        return true(output, activation, z, 0.5 * (z + low), 0.5 * (z + high), **named)

    monkeypatch.setattr(place, module[1], wrong)

    def all_at_once(i: int, shapes: list[str], names: list[str]) -> list[tuple[str, str, int]]:
        return [(shapes[i % 3], names[i % 3], 0)]

    assert hunt(5, all_at_once, FGSM())[0] > 2
