"""The deep network against hand values, a loop over neurons, and what its start must be."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from olgame.exceptions import ArgumentError, ShapeError
from olgame.models import (
    DeepLayers,
    DeepReLUEvaluation,
    DeepReLUNet,
    HasDeepLayers,
    HasTwoLayers,
    Model,
    deep_start,
)
from olgame.models.deep_layers import cut_layers

Floats = NDArray[np.float64]
DIM, N = 4, 5


def sphere(n: int, dim: int, seed: int = 0) -> Floats:
    x = np.random.default_rng(seed).standard_normal((n, dim))
    found: Floats = x / np.linalg.norm(x, axis=1, keepdims=True)
    return found


def by_neurons(model: DeepReLUNet) -> Callable[[Floats, Floats], Floats]:
    """f of one game by loops over samples, layers and neurons; of a model's drawn constants."""
    m, drawn = model.width, model.drawn

    def f(w: Floats, x: Floats) -> Floats:
        out = []
        for sample in x:
            signal = [
                sum(a * s for a, s in zip(row, sample, strict=True)) for row in drawn.embedding
            ]
            for h in range(model.depth):
                rows = [w[h * m * m + r * m : h * m * m + (r + 1) * m] for r in range(m)]
                signal = [max(0.0, float(np.dot(row, signal))) for row in rows]
            out.append(float(np.dot(drawn.output, signal)))
        return np.array(out)

    return f


def net(**sizes: Any) -> DeepReLUNet:
    return DeepReLUNet(**{"dim": DIM, "width": 6, "depth": 3, "seed": 3, **sizes})


def moved(model: DeepReLUNet, seed: int = 1, lead: tuple[int, ...] = ()) -> Floats:
    start = np.asarray(model.start)
    return start + 0.2 * np.random.default_rng(seed).standard_normal((*lead, start.size))


def hand_made() -> DeepReLUEvaluation:
    """m = 2, d = 1, H = 2, at the inputs 1 and -1."""
    layers = DeepLayers(
        embedding=np.array([[1.0], [2.0]]),
        hidden=(np.array([[3.0, -1.0], [-1.0, 0.0]]), np.array([[2.0, 1.0], [1.0, 0.0]])),
        output=np.array([1.0, -3.0]),
    )
    return DeepReLUEvaluation(layers, np.array([[1.0], [-1.0]]))


def test_hand_values() -> None:
    """x = 1: x^(0) = (1, 2), x^(1) = relu(1, -1) = (1, 0), x^(2) = (2, 1), f = 2 - 3 = -1.

    x = -1: x^(0) = (-1, -2), x^(1) = relu(-1, 1) = (0, 1), x^(2) = relu(1, 0) = (1, 0), f = 1:
    the second neuron of the last layer is at its kink, and counts as inactive.
    """
    at = hand_made()
    np.testing.assert_array_equal(np.asarray(at.z), [-1.0, 1.0])
    # q^(2) = (1, -3); x = 1: all active, q^(1) = W2^T q^(2) = (-1, 1), D_1 = (1, 0).
    # x = -1: D_2 = (1, 0), q^(1) = (2, 1), D_1 = (0, 1).
    np.testing.assert_array_equal(
        np.asarray(at.pullback_w(np.array([1.0, 0.0]))), [-1, -2, 0, 0, 1, 0, -3, 0]
    )
    np.testing.assert_array_equal(
        np.asarray(at.pullback_w(np.array([0.0, 1.0]))), [0, 0, -1, -2, 0, 1, 0, 0]
    )
    # q^(0) = W1^T D_1 q^(1): (-3, 1) and (-1, 0); A^T of that: -1 and -1.
    np.testing.assert_array_equal(np.asarray(at.pullback_x(np.ones(2))), [[-1.0], [-1.0]])
    # V moves one weight of each layer: W1[0, 0] and W2[1, 0].
    v = np.array([1.0, 0, 0, 0, 0, 0, 1.0, 0])
    np.testing.assert_array_equal(np.asarray(at.jvp_w(v)), [-1.0 - 3.0, 0.0])
    norms = np.asarray(at.layer_gradient_norms)
    np.testing.assert_allclose(norms, [[math.sqrt(5), math.sqrt(10)], [math.sqrt(5), 1.0]])


@pytest.mark.parametrize("depth", [1, 2, 3])
def test_output_is_the_sum_over_neurons(depth: int) -> None:
    model = net(depth=depth)
    w, x = moved(model), sphere(N, DIM)
    np.testing.assert_allclose(np.asarray(model(w, x)), by_neurons(model)(w, x), atol=1e-12)
    np.testing.assert_array_equal(np.asarray(model(w, x)), np.asarray(model.at(w, x).z))


def away_from_kinks(model: DeepReLUNet, w: Floats, x: Floats) -> float:
    """The least absolute pre-activation, by its own forward pass."""
    signal, least = x @ model.drawn.embedding.T, math.inf
    for layer in w.reshape(model.depth, model.width, model.width):
        before = signal @ layer.T
        least = min(least, float(np.abs(before).min()))
        signal = np.maximum(before, 0.0)
    return least


def differences(f: Callable[[Floats], float], at: Floats, h: float = 1e-6) -> Floats:
    out = np.zeros(at.size)
    for k in range(at.size):
        step = np.zeros(at.shape)
        step.flat[k] = h
        out[k] = (f(at + step) - f(at - step)) / (2 * h)
    return out.reshape(at.shape)


@pytest.mark.parametrize("depth", [1, 2, 3])
def test_derivatives_are_finite_differences(depth: int) -> None:
    model, rng = net(depth=depth), np.random.default_rng(2)
    f, w, x = by_neurons(model), moved(model), sphere(N, DIM)
    assert away_from_kinks(model, w, x) > 1e-4
    v, c = rng.standard_normal(w.size), rng.standard_normal(N)
    at, h = model.at(w, x), 1e-6
    pushed = (f(w + h * v, x) - f(w - h * v, x)) / (2 * h)
    np.testing.assert_allclose(np.asarray(at.jvp_w(v)), pushed, atol=1e-7)
    by_weights = differences(lambda u: float(c @ f(u, x)), w)
    np.testing.assert_allclose(np.asarray(at.pullback_w(c)), by_weights, atol=1e-7)
    by_inputs = differences(lambda points: float(c @ f(w, points)), x)
    np.testing.assert_allclose(np.asarray(at.pullback_x(c)), by_inputs, atol=1e-7)
    mixed = differences(lambda points: float(c @ np.asarray(model.at(w, points).jvp_w(v))), x)
    np.testing.assert_allclose(np.asarray(at.jvp_w_pullback_x(v, c)), mixed, atol=1e-7)
    forward, backward = np.asarray(at.jvp_w(v)) @ c, np.asarray(at.pullback_w(c)) @ v
    assert float(forward) == pytest.approx(float(backward), rel=1e-12)


@pytest.mark.parametrize("own_data", [True, False])
def test_leading_axes_are_independent_games(own_data: bool) -> None:
    model, rng, lead = net(), np.random.default_rng(6), (2, 3)
    w = np.stack([[moved(net(seed=i), 10 * i + j) for j in range(3)] for i in range(2)])
    x = rng.standard_normal((*lead, N, DIM)) if own_data else sphere(N, DIM)
    v, c = rng.standard_normal(w.shape), rng.standard_normal((*lead, N))
    games: Any = model.at(w, x)
    for game in np.ndindex(*lead):
        one: Any = model.at(w[game], x[game] if own_data else x)
        for name, arguments in (
            ("pullback_w", (c,)), ("pullback_x", (c,)), ("jvp_w", (v,)),
            ("jvp_w_pullback_x", (v, c)),
        ):  # fmt: skip
            found = getattr(games, name)(*arguments)[game]
            want = getattr(one, name)(*(argument[game] for argument in arguments))
            np.testing.assert_allclose(found, want, atol=1e-13, err_msg=name)
        np.testing.assert_allclose(games.z[game], one.z, atol=1e-13)
        np.testing.assert_allclose(games.layer_gradient_norms[game], one.layer_gradient_norms)


def test_torch_tensors_as_weights_and_inputs() -> None:
    torch = pytest.importorskip("torch")
    model, rng = net(), np.random.default_rng(7)
    w, x, v, c = moved(model), sphere(N, DIM), rng.standard_normal(108), rng.standard_normal(N)
    here: Any = model.at(w, x)
    there: Any = model.at(torch.tensor(w), torch.tensor(x))
    tv, tc = torch.tensor(v), torch.tensor(c)
    for found, want in (
        (there.z, here.z),
        (there.pullback_w(tc), here.pullback_w(c)),
        (there.pullback_x(tc), here.pullback_x(c)),
        (there.jvp_w(tv), here.jvp_w(v)),
        (there.jvp_w_pullback_x(tv, tc), here.jvp_w_pullback_x(v, c)),
        (there.layer_gradient_norms, here.layer_gradient_norms),
    ):
        np.testing.assert_allclose(found.numpy(), want, atol=1e-12)


def test_gradient_norms_by_layer_are_those_of_the_pullbacks() -> None:
    model, x = net(), sphere(N, DIM)
    w = moved(model)
    at = model.at(w, x)
    for i, single in enumerate(np.eye(N)):
        layers = np.asarray(at.pullback_w(single)).reshape(3, -1)
        want = np.linalg.norm(layers, axis=1)
        np.testing.assert_allclose(np.asarray(at.layer_gradient_norms)[i], want, rtol=1e-12)


def test_layers_are_views_of_the_weights() -> None:
    model = net()
    w = moved(model)
    assert all(np.shares_memory(np.asarray(layer), w) for layer in model.deep_layers(w).hidden)
    assert all(
        np.shares_memory(np.asarray(layer), w) for layer in model.at(w, sphere(1, 4)).layers[1]
    )
    with pytest.raises(ShapeError, match=r"cut_layers\(w=\.\.\.\)` must have a multiple of 36"):
        cut_layers(w[:-1], 6)


def test_is_a_model_of_its_own_kind() -> None:
    model: Model = net()
    assert isinstance(model, HasDeepLayers)
    assert not isinstance(model, HasTwoLayers)
    assert model.curvature_bound(sphere(2, DIM)) is None
    assert model.name == "deep ReLU network, 3 layers"
    assert (model.dim, model.deterministic) == (DIM, True)


@pytest.mark.parametrize("depth", [1, 2, 4])
def test_neighborhood_is_a_product_of_small_balls(depth: int) -> None:
    model = net(width=16, depth=depth)
    k, start = model.neighborhood(2.0), np.asarray(model.start)
    assert [block.length for block in k.blocks] == [256] * depth
    assert [block.factor.diameter for block in k.blocks] == [2 * 2.0 / 4.0] * depth
    # D_1 = sqrt(H) R/sqrt(m), and a far point comes back layer by layer.
    assert float(np.asarray(k.reach(start))) == pytest.approx(math.sqrt(depth) * 2.0 / 4.0)
    far = start + np.random.default_rng(0).standard_normal(start.size)
    offset = (np.asarray(k.project(far)) - start).reshape(depth, -1)
    np.testing.assert_allclose(np.linalg.norm(offset, axis=1), 0.5, rtol=1e-12)
    for bad in (0.0, -1.0, math.nan, math.inf, True, "3"):
        with pytest.raises(ArgumentError, match=r"neighborhood\(radius=\.\.\.\)` must be finite"):
            model.neighborhood(bad)  # type: ignore[arg-type]  # what is refused


def test_the_start_is_drawn_once_and_shared_between_depths() -> None:
    shallow, deep = deep_start(3, 8, 1, seed=5), deep_start(3, 8, 4, seed=5)
    np.testing.assert_array_equal(shallow.embedding, deep.embedding)
    np.testing.assert_array_equal(shallow.output, deep.output)
    np.testing.assert_array_equal(shallow.hidden, deep.hidden[:64])
    assert not np.array_equal(shallow.hidden, deep_start(3, 8, 1, seed=6).hidden)
    model = net()
    assert model.start is model.start
    again = np.asarray(net().start)
    np.testing.assert_array_equal(again, np.asarray(model.start))


@pytest.mark.parametrize(
    ("sizes", "message"),
    [
        ({"width": 0}, r"`DeepReLUNet\(width=...\)` must be an integer >= 1, got 0"),
        ({"depth": 0}, r"`DeepReLUNet\(depth=...\)` must be an integer >= 1, got 0"),
        ({"depth": 2.0}, r"depth=...\)` must be an integer"),
        ({"dim": True}, r"dim=...\)` must be an integer"),
        ({"seed": -1}, r"seed=...\)` must be one non-negative integer"),
        ({"seed": [0, 1]}, r"`play\(seed=\[0, 1\]\)` .* plays two in one network.*got \[0, 1\]"),
    ],
)
def test_bad_sizes(sizes: dict[str, Any], message: str) -> None:
    with pytest.raises(ArgumentError, match=message):
        net(**sizes)


def test_wrong_shapes_are_named() -> None:
    model, x = net(), sphere(N, DIM)
    with pytest.raises(ShapeError, match=r"`DeepReLUNet.at\(w=...\)` must have 108 weights"):
        model.at(np.zeros(107), x)
    with pytest.raises(ShapeError, match=r"at\(x=...\)` must have shape \(..., n, 4\)"):
        model.at(np.asarray(model.start), x[:, :-1])


def moments(width: int, depth: int, seeds: int) -> tuple[Floats, Floats]:
    """f(W_0, x)^2 and norm(grad_{W^(h)} f)^2 at one unit vector, from many starts."""
    x = sphere(1, DIM)
    outputs, gradients = [], []
    for seed in range(seeds):
        model = DeepReLUNet(dim=DIM, width=width, depth=depth, seed=seed)
        at = model.at(model.start, x)
        gradient = np.asarray(at.pullback_w(np.ones(1))).reshape(depth, -1)
        outputs.append(float(np.asarray(at.z)[0]) ** 2)
        gradients.append((gradient**2).sum(axis=1))
    return np.array(outputs), np.array(gradients)


@pytest.mark.parametrize(("width", "depth"), [(8, 1), (8, 3), (24, 2)])
def test_moments_of_the_start(width: int, depth: int) -> None:
    """E f^2 = 2 and E norm(grad_{W^(h)} f)^2 = m, exactly, at every width: four standard errors."""
    outputs, gradients = moments(width, depth, 4000)
    for found, exact in ((outputs, 2.0), *((g, float(width)) for g in gradients.T)):
        error = found.std(ddof=1) / math.sqrt(len(found))
        assert abs(found.mean() - exact) < 4.0 * error
        assert error < 0.1 * exact


def test_sizes_over_widths() -> None:
    """f(W_0) = Theta(1), gradients Theta(sqrt m): slopes of logarithms over widths."""
    widths = (16, 64, 256)
    found = [moments(width, 2, 12) for width in widths]
    logs = np.log(widths)
    output = np.polyfit(logs, [0.5 * math.log(o.mean()) for o, _ in found], 1)[0]
    assert abs(output) < 0.15
    for layer in range(2):
        sizes = [0.5 * math.log(g[:, layer].mean()) for _, g in found]
        assert np.polyfit(logs, sizes, 1)[0] == pytest.approx(0.5, abs=0.06)
