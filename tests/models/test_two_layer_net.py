from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from olgame.activations import Activation, gelu, tanh
from olgame.exceptions import ArgumentError, ShapeError
from olgame.models import HasTwoLayers, TwoLayerNet

NAMES = ["softplus", "tanh", "gelu", "silu", "relu"]


def sphere(n: int, dim: int, seed: int = 0) -> Any:
    x = np.random.default_rng(seed).standard_normal((n, dim))
    return x / np.linalg.norm(x, axis=1, keepdims=True)


@pytest.mark.parametrize("activation", NAMES)
@pytest.mark.parametrize(
    ("dim", "width", "n"), [(1, 2, 1), (3, 6, 2), (64, 2026, 50), (17, 998, 131)]
)
def test_paired_start_is_exactly_zero(activation: str, dim: int, width: int, n: int) -> None:
    model = TwoLayerNet(dim=dim, width=width, activation=activation, seed=dim)
    here: Any = model.at(model.start, 5 * sphere(n, dim))
    assert not np.any(here.z)
    assert not np.any(here.pullback_x(np.ones(n)))
    assert width == 2 or np.any(here.pullback_w(np.ones(n)))


@pytest.mark.parametrize("classes", [None, 10])
def test_paired_start_is_exactly_zero_in_torch_and_in_float32(classes: int | None) -> None:
    torch = pytest.importorskip("torch")
    model = TwoLayerNet(dim=64, width=2026, classes=classes)
    for dtype in (torch.float32, torch.float64):
        w = torch.tensor(model.start, dtype=dtype)
        here: Any = model.at(w, torch.tensor(sphere(50, 64), dtype=dtype))
        assert not torch.any(here.z)
        assert not torch.any(here.pullback_x(torch.ones_like(here.z)))


def test_a_batch_of_starts_is_exactly_zero() -> None:
    model = TwoLayerNet(dim=5, width=12)
    w = np.broadcast_to(np.asarray(model.start), (3, 60))
    here: Any = model.at(w, sphere(4, 5))
    assert here.z.shape == (3, 4)
    assert not np.any(here.z)


def test_unpaired_start_is_not_zero() -> None:
    model = TwoLayerNet(dim=3, width=7, paired=False)
    assert np.all(np.abs(np.asarray(model(model.start, sphere(4, 3)))) > 1e-6)


def test_pairs_lose_no_accuracy_far_from_the_start() -> None:
    """The second half of a paired network is computed from the first: same digits as one matmul."""
    model = TwoLayerNet(dim=20, width=40, activation="tanh", seed=2)
    rng = np.random.default_rng(0)
    w, x = 10 * rng.standard_normal(800), sphere(30, 20)
    z = np.tanh(x @ w.reshape(40, 20).T) @ model.signs / math.sqrt(40)
    np.testing.assert_allclose(np.asarray(model(w, x)), z, atol=1e-13)


@pytest.mark.parametrize("activation", NAMES)
@pytest.mark.parametrize("paired", [True, False])
def test_derivatives_match_autograd(activation: str, paired: bool) -> None:
    torch = pytest.importorskip("torch")
    functional = torch.nn.functional
    sigma = {
        "softplus": lambda z: torch.log(1 + torch.exp(z)),
        "tanh": torch.tanh,
        "gelu": functional.gelu,
        "silu": functional.silu,
        "relu": torch.relu,
    }[activation]
    model = TwoLayerNet(dim=6, width=10, activation=activation, seed=4, paired=paired)
    rng = np.random.default_rng(1)
    w = np.asarray(model.start) + 0.5 * rng.standard_normal(60)
    x, v, c = sphere(8, 6), rng.standard_normal(60), rng.standard_normal(8)
    tx = torch.tensor(x, requires_grad=True)
    tw = torch.tensor(w, requires_grad=True)
    tc, tv = torch.tensor(c), torch.tensor(v)
    signs = torch.tensor(model.signs)
    z = (sigma(tx @ tw.reshape(10, 6).T) * signs).sum(-1) / math.sqrt(10)
    by_w, by_x = torch.autograd.grad(z @ tc, (tw, tx), create_graph=True)
    (mixed,) = torch.autograd.grad(by_w @ tv, tx, retain_graph=True)
    pushed = [torch.autograd.grad(z[i], tw, retain_graph=True)[0] @ tv for i in range(8)]
    here: Any = model.at(w, x)
    for got, want in (
        (here.z, z),
        (here.pullback_w(c), by_w),
        (here.pullback_x(c), by_x),
        (here.jvp_w(v), torch.stack(pushed)),
        (here.jvp_w_pullback_x(v, c), mixed),
    ):
        np.testing.assert_allclose(got, want.detach().numpy(), atol=1e-13)


@pytest.mark.parametrize("width", [2, 8, 64])
def test_curvature_bound_is_nearly_attained(width: int) -> None:
    """One neuron with pre-activation 0, where softplus bends most, moved along x by a little."""
    model = TwoLayerNet(dim=3, width=width, activation="softplus", seed=1)
    x = 2.0 * sphere(1, 3)
    w = np.array(model.start)
    row = w[:3]
    row -= x[0] * (row @ x[0]) / (x[0] @ x[0])
    u = w.copy()
    u[:3] += 0.05 * x[0]
    here: Any = model.at(w, x)
    remainder = abs(np.asarray(model(u, x)) - here.z - here.jvp_w(u - w))
    bound: Any = model.curvature_bound(x)
    ratio = remainder / (bound * np.sum((u - w) ** 2))
    assert 0.99 < ratio[0] <= 1.0
    assert bound[0] == pytest.approx(0.25 * 4.0 / (2 * math.sqrt(width)))


def test_curvature_bound_of_a_batch_and_of_relu() -> None:
    x = np.random.default_rng(0).standard_normal((2, 5, 3))
    bound: Any = TwoLayerNet(dim=3, width=4, activation=tanh).curvature_bound(x)
    np.testing.assert_allclose(bound, 0.7698003589 * np.sum(x**2, axis=-1) / 4, rtol=1e-9)
    assert TwoLayerNet(dim=3, width=4, activation="relu").curvature_bound(x) is None


def test_two_layer_structure() -> None:
    model = TwoLayerNet(dim=3, width=4, activation="gelu", seed=9, paired=False)
    assert isinstance(model, HasTwoLayers)
    w = np.arange(12.0)
    hidden, output, activation = model.two_layer(w)
    weights: Any = output
    np.testing.assert_array_equal(hidden, w.reshape(4, 3))
    np.testing.assert_allclose(weights, model.signs / 2)
    assert activation is gelu
    with pytest.raises(ShapeError, match=r"two_layer\(w=\.\.\.\)` must have shape \(12,\)"):
        model.two_layer(np.zeros((2, 12)))


def test_an_activation_of_ones_own() -> None:
    square = Activation(
        "square",
        math.inf,
        2.0,
        (2.0, 2.0),
        (),
        lambda z: z * z,
        lambda z: 2 * z,
        lambda z: 0 * z + 2,
    )
    model = TwoLayerNet(dim=2, width=2, activation=square, paired=False)
    x = np.array([[1.0, -1.0]])
    rows = np.asarray(model.start).reshape(2, 2)
    want = (rows @ x[0]) ** 2 @ model.signs / math.sqrt(2)
    assert model(model.start, x)[0] == pytest.approx(want)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"width": 2025}, r"`TwoLayerNet\(width=\.\.\.\)` must be even.*got 2025: use 2026, or"),
        ({"width": 0}, r"`TwoLayerNet\(width=\.\.\.\)` must be an integer >= 1, got 0"),
        ({"dim": 2.5}, r"`TwoLayerNet\(dim=\.\.\.\)` must be an integer >= 1, got 2\.5"),
        (
            {"seed": -1},
            r"`TwoLayerNet\(seed=.*must be a non-negative integer or a sequence.*got -1",
        ),
        ({"activation": "sin"}, r"`TwoLayerNet\(activation=\.\.\.\)` must be one of.*got 'sin'"),
    ],
)
def test_bad_arguments(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(ArgumentError, match=message):
        TwoLayerNet(**{"dim": 3, "width": 4, **arguments})
