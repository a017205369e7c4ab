"""Brackets on linf balls around exact robust losses from mixed-integer programs."""

from __future__ import annotations

import importlib
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

import olgame as og
from olgame.attacks import FGSM, PGD
from olgame.certify import lead_bounds, robust_loss
from olgame.models import TwoLayerNet
from tests.certify.test_exact_relu import mixed_integer_maximum, network

Floats = NDArray[np.float64]
PHI: dict[str, Any] = {
    "hinge": lambda s: np.maximum(0.0, 1 - s),
    "logistic": lambda s: np.logaddexp(0.0, -s),
    "smoothed_hinge": lambda s: np.where(s >= 1, 0.0, np.where(s < 0, 0.5 - s, 0.5 * (1 - s) ** 2)),
}


def game(
    seed: int, dim: int, width: int, n: int, classes: int | None = None
) -> tuple[TwoLayerNet, Floats, Floats, Floats]:
    """A ReLU network, with odd seeds trained against moved inputs, and inputs on the sphere."""
    rng = np.random.default_rng([61, seed])
    model = TwoLayerNet(
        dim=dim, width=width, activation="relu", seed=seed, paired=False, classes=classes
    )
    w: Any = np.array(model.start, dtype=np.float64)
    x = rng.standard_normal((max(n, 24), dim))
    x /= np.linalg.norm(x, axis=1, keepdims=True)
    if classes is None:
        y = np.where(x[:, 0] * x[:, -1] + 0.05 > 0, 1.0, -1.0)
        loss: Any = og.losses.logistic
    else:
        y, loss = rng.integers(0, classes, len(x)).astype(float), og.losses.cross_entropy
    for _ in range(25 if seed % 2 else 0):
        here = model.at(w, x)
        pull = np.asarray(here.pullback_x(loss.derivative(here.z, y)))
        here = model.at(w, np.asarray(x + 0.05 * np.sign(pull)))
        w = w - 4.0 * np.asarray(here.pullback_w(loss.derivative(here.z, y))) / len(x)
    return model, w, x[:n], y[:n]


def unstable(w: Floats, x: Floats, rho: float) -> int:
    """Neurons whose sign the ball leaves open, of the sample that has most of them."""
    return int((np.abs(x @ w.T) < rho * np.abs(w).sum(axis=1)).sum(axis=1).max())


def radius(w: Floats, x: Floats, wanted: int) -> float:
    """The largest radius at which no sample has more than ``wanted`` unstable neurons."""
    ratio = np.sort(np.abs(x @ w.T) / np.abs(w).sum(axis=1), axis=1)
    largest = ratio[:, wanted].min() if wanted < len(w) else 1.5 * ratio.max()
    return float((1 - 1e-12) * largest)


def wrong_ends(seed: int, dim: int, width: int, wanted: int, n: int, loss: str) -> int:
    """Of one network with labels +-1, each sample with both of them."""
    model, w, x, _ = game(seed, dim, width, n)
    hidden, c = w.reshape(width, dim), model.signs / width**0.5
    rho = radius(hidden, x, wanted)
    assert unstable(hidden, x, rho) <= wanted
    wrong = 0
    for y in (1.0, -1.0):
        bracket = robust_loss(
            model, w, x, np.full(n, y), getattr(og.losses, loss), og.perturbations.linf(rho),
            attack=FGSM() if seed % 3 else PGD(steps=10),
        )  # fmt: skip
        lower, upper = bracket.per_sample
        assert upper is not None
        for i in range(n):
            delta, dual = mixed_integer_maximum(hidden, -y * c, x[i], rho)
            attained = float(network(hidden, -y * c, x[i : i + 1] + delta)[0])
            # The solver's two numbers: one is attained, the other its bound (to 1e-6 of it).
            assert attained <= dual + 1e-6 * (1 + abs(dual))
            assert dual <= attained + 1e-4 * (1 + abs(dual))
            wrong += bool(PHI[loss](-attained) > upper[i])
            wrong += bool(lower[i] > PHI[loss](-(dual + 1e-6 * (1 + abs(dual)))))
    return wrong


SIZES = [  # dim, width, unstable neurons at most, samples, networks
    (1, 12, 12, 3, 6),
    (3, 30, 20, 2, 6),
    (6, 40, 24, 2, 4),
    (10, 48, 40, 1, 2),
    (64, 100, 25, 1, 2),
]


@pytest.mark.parametrize(("dim", "width", "wanted", "n", "networks"), SIZES)
def test_brackets_hold_the_exact_loss(
    dim: int, width: int, wanted: int, n: int, networks: int
) -> None:
    for seed in range(networks):
        assert wrong_ends(seed, dim, width, wanted, n, list(PHI)[seed % 3]) == 0


@pytest.mark.slow
@pytest.mark.parametrize(("dim", "width", "wanted", "n", "networks"), SIZES)
def test_many_brackets_hold_the_exact_loss(
    dim: int, width: int, wanted: int, n: int, networks: int
) -> None:
    for seed in range(networks, 15 * networks):
        assert wrong_ends(seed, dim, width, wanted, n, list(PHI)[seed % 3]) == 0


def wrong_leads(seed: int, dim: int, width: int, wanted: int, n: int) -> tuple[int, float]:
    """Of three classes, every lead maximized: wrong bounds and ends, and the largest loss."""
    model, w, x, y = game(seed, dim, width, n, classes=3)
    hidden, b = w.reshape(width, dim), model.signs / width**0.5
    rho = radius(hidden, x, wanted)
    bounds = np.asarray(lead_bounds(model.two_layer(w), x, y, np.full(n, rho), "linf").bounds)
    wrong, gain = 0, 0.0
    leads: Floats = np.zeros((n, 3))
    for i in range(n):
        own = int(y[i])
        for j in {0, 1, 2} - {own}:
            c = b[:, j] - b[:, own]
            delta, dual = mixed_integer_maximum(hidden, c, x[i], rho)
            attained = float(network(hidden, c, x[i : i + 1] + delta)[0])
            wrong += bool(attained > bounds[i, j])
            leads[i, j] = dual + 1e-6 * (1 + abs(dual))
            gain = max(gain, attained - float(network(hidden, c, x[i : i + 1])[0]))
        # Of a loss of the strongest rival the exact value follows from the leads.
        strongest = np.delete(leads[i], own).max()
        for loss in (og.losses.multiclass_hinge, og.losses.multiclass_logistic):
            one = slice(i, i + 1)
            lower, upper = robust_loss(
                model, w, x[one], y[one], loss, og.perturbations.linf(rho), attack=FGSM()
            ).per_sample
            assert upper is not None
            exact = float(PHI[loss.name.removeprefix("multiclass_")](-strongest))
            wrong += bool(lower[0] > exact) + bool(exact - 1e-5 * (1 + exact) > upper[0])
    return wrong, gain


@pytest.mark.parametrize(("dim", "width", "wanted"), [(2, 12, 12), (5, 24, 16), (10, 36, 20)])
def test_leads_of_three_classes(dim: int, width: int, wanted: int) -> None:
    for seed in range(2):
        wrong, gain = wrong_leads(seed, dim, width, wanted, 2)
        assert wrong == 0
        assert gain > 1e-3


@pytest.mark.slow
@pytest.mark.parametrize(("dim", "width", "wanted"), [(2, 12, 12), (5, 24, 16), (10, 36, 20)])
def test_many_leads_of_three_classes(dim: int, width: int, wanted: int) -> None:
    assert sum(wrong_leads(seed, dim, width, wanted, 3)[0] for seed in range(2, 20)) == 0


def test_half_the_curvature_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    place: Any = importlib.import_module("olgame.certify.region")
    true = place.quadratic_maximum
    monkeypatch.setattr(
        place, "quadratic_maximum", lambda g, m, *rest, **_: true(g, 0.5 * m, *rest)
    )
    assert sum(wrong_ends(seed, 6, 24, 16, 2, "hinge") for seed in range(6)) > 2
