"""Certificates of narrow networks, computed in the row space: the same bounds, still bounds.

The witness is the same function as a network that is *not* narrow: neurons of output weight 0
change nothing but send it down the other road.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from olgame.activations import get_activation
from olgame.certify import output_bound
from olgame.certify.row_space import RowSpace
from olgame.models.model import TwoLayerWeights

Floats = NDArray[np.float64]
ACTIVATIONS = ["softplus", "tanh", "gelu", "relu"]


def narrow(seed: int, activation: str, width: int = 6, dim: int = 15) -> tuple[Any, Floats, Floats]:
    rng = np.random.default_rng(seed)
    hidden = rng.standard_normal((width, dim))
    if seed % 3 == 0:
        hidden[width // 2 :] = hidden[: width // 2]  # the paired start: rank m/2
    output = rng.standard_normal(width) / width**0.5
    layers = TwoLayerWeights(hidden, output, get_activation(activation))
    return layers, rng.standard_normal((5, dim)), np.array([0.0, 1e-9, 0.1, 0.5, 3.0])


def padded(layers: Any) -> Any:
    """The same function with as many neurons as dimensions; partners stay half of them apart."""
    width, dim = layers.hidden.shape
    half, missing = width // 2, -(-(dim - width) // 2)
    more, none = np.random.default_rng(1).standard_normal((2, missing, dim)), np.zeros(missing)
    hidden = np.concatenate([layers.hidden[:half], more[0], layers.hidden[half:], more[1]])
    output = np.concatenate([layers.output[:half], none, layers.output[half:], none])
    return layers._replace(hidden=hidden, output=output)


def value(layers: Any, x: Floats) -> Floats:
    found: Floats = np.asarray(layers.activation.value(x @ layers.hidden.T)) @ layers.output
    return found


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_the_same_bound_as_of_the_padded_network(activation: str) -> None:
    """Where the relaxation is exact the bounds agree; elsewhere two searches end close by.

    At radius 3 no ReLU network is certified exactly, and the searches, which smooth by dimensions,
    differ by some thousandths one way or the other: as often one as the other, at the 1 % level of
    a sign test of 24 (a median of so few is as small as it happens to be).
    """
    differences = []
    for seed in range(24):
        layers, x, radius = narrow(seed, activation)
        short = np.asarray(output_bound(layers, x, radius, "l2").bound)
        wide = np.asarray(output_bound(padded(layers), x, radius, "l2").bound)
        np.testing.assert_allclose(short[:2], wide[:2], rtol=0, atol=1e-11)
        differences.append((short - wide)[2:] / (wide - value(layers, x))[2:])
    spread = 0.4 if activation == "relu" else 0.03
    assert np.abs(differences).max() < spread
    columns = np.array(differences).T
    sharp = columns[:2] if activation == "relu" else columns
    assert np.abs(np.median(sharp, axis=1)).max() < 2e-5
    if activation == "relu":
        assert 6 <= (columns[2] > 0).sum() <= 18


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_no_point_of_the_ball_is_above(activation: str) -> None:
    rng = np.random.default_rng(0)
    for seed in range(12):
        layers, x, radius = narrow(seed, activation)
        found: Any = output_bound(layers, x, radius, "l2")
        suggested = np.asarray(found.delta)
        assert (np.linalg.norm(suggested, axis=-1) <= radius * (1 + 1e-12)).all()
        assert (value(layers, x + suggested) <= found.bound).all()
        for _ in range(40):
            direction = rng.standard_normal(x.shape)
            direction = rng.choice([direction, direction @ layers.hidden.T @ layers.hidden])
            direction /= np.linalg.norm(direction, axis=-1, keepdims=True)
            assert (value(layers, x + radius[:, None] * direction) <= found.bound).all()


def off(layers: Any, x: Floats, radius: Floats, monkeypatch: pytest.MonkeyPatch) -> tuple[Any, Any]:
    """Bound and slack with a basis that is wrong by 1e-7."""
    true = np.linalg.qr

    class Rounded:
        def __init__(self, a: Floats) -> None:
            q = true(a).Q
            self.Q = q + 1e-7 * np.random.default_rng(0).standard_normal(q.shape)

    monkeypatch.setattr("array_api_compat.numpy.linalg.qr", Rounded)
    return output_bound(layers, x, radius, "l2"), RowSpace.of(layers, x, radius)


def test_a_basis_that_is_off_is_paid_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """The bound holds whatever basis was found; without the slack it would not."""
    below = 0
    for seed in range(20):
        layers, x, _ = narrow(seed, "tanh")
        radius = np.full(len(x), 0.01)
        wide = output_bound(padded(layers), x, radius, "l2")
        best = value(layers, x + np.asarray(wide.delta))  # attained, and the maximum to rounding
        with monkeypatch.context() as patch:
            bound, space = off(layers, x, radius, patch)
        assert (best <= bound.bound).all()
        assert (np.asarray(bound.bound) - best < 1e-4).all()
        below += int((best > np.asarray(bound.bound) - np.asarray(space.slack)).sum())
    assert below > 10


def test_the_problem_is_the_same_one() -> None:
    layers, x, radius = narrow(1, "softplus")
    space: Any = RowSpace.of(layers, x, radius)
    assert space.layers.hidden.shape == (6, 6)
    np.testing.assert_allclose(
        value(space.layers, np.asarray(space.x)), value(layers, x), rtol=1e-13
    )
    assert (np.asarray(space.radius) >= radius).all()
    np.testing.assert_allclose(space.radius, radius, rtol=1e-12, atol=1e-11)
    assert (np.asarray(space.slack) < 1e-11).all()
    back = space.back(np.eye(6)[:5], radius)
    expected = radius[:, None] * np.asarray(space.layers.hidden).T[:5]
    np.testing.assert_allclose(back @ layers.hidden.T, expected, rtol=1e-11, atol=1e-13)


@pytest.mark.parametrize("scale", [1e-200, 1e-30, 1e30, 1e200])
@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_extreme_scales(activation: str, scale: float) -> None:
    layers, x, radius = narrow(2, activation)
    with np.errstate(all="ignore"):
        layers = layers._replace(hidden=layers.hidden * scale)
        bound = np.asarray(output_bound(layers, x, radius, "l2").bound)
        reached = value(layers, x)
    assert not np.isnan(bound).any()
    assert not (reached > bound).any()


def test_tensors_give_the_same() -> None:
    torch = pytest.importorskip("torch")
    layers, x, radius = narrow(4, "softplus")
    found: Any = output_bound(layers, x, radius, "l2")
    placed = layers._replace(hidden=torch.tensor(layers.hidden), output=torch.tensor(layers.output))
    again: Any = output_bound(placed, torch.tensor(x), torch.tensor(radius), "l2")
    np.testing.assert_allclose(again.bound, found.bound, rtol=1e-10, atol=1e-11)
