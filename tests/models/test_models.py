"""Every model against every check: one table, oracles that share no code with the models."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from olgame.exceptions import ArgumentError, ShapeError
from olgame.models import (
    HasTwoLayers,
    Linearized,
    LinearModel,
    Model,
    ModelEvaluation,
    TwoLayerNet,
)

Floats = NDArray[np.float64]
DIM, N = 4, 5
SIGMA: dict[str, Callable[[Floats], Floats]] = {
    "softplus": lambda z: np.logaddexp(0.0, z),
    "tanh": np.tanh,
    "silu": lambda z: z / (1.0 + np.exp(-z)),
    "relu": lambda z: np.maximum(z, 0.0),
}
Function = Callable[[Floats, Floats], Floats]


def network(model: TwoLayerNet) -> Function:
    """f(w, x) of one game by a loop over the neurons (and the classes)."""
    sigma = SIGMA[model.activation.name]
    signs = model.signs.reshape(model.width, -1)

    def f(w: Floats, x: Floats) -> Floats:
        out = np.zeros((x.shape[0], signs.shape[1]))
        for r in range(model.width):
            row = w[r * model.dim : (r + 1) * model.dim]
            for j in range(signs.shape[1]):
                out[:, j] += signs[r, j] * sigma(np.array([row @ sample for sample in x]))
        out /= np.sqrt(model.width)
        return out if model.classes else out[:, 0]

    return f


def linearized(f: Function, at: Floats) -> Function:
    """f(at, x) + <grad f(at, x), w - at> by a central difference along w - at."""

    def f_lin(w: Floats, x: Floats) -> Floats:
        v, h = w - at, 1e-3
        near = (f(at + h * v, x) - f(at - h * v, x)) / (2 * h)
        far = (f(at + 2 * h * v, x) - f(at - 2 * h * v, x)) / (4 * h)
        return f(at, x) + (4 * near - far) / 3  # Richardson: the error is of order h^4

    return f_lin


def elsewhere(model: Any) -> Floats:
    start: Floats = model.start
    return start + 0.3 * np.random.default_rng(8).standard_normal(start.shape)


def table() -> list[tuple[str, Any, Function]]:
    rows: list[tuple[str, Any, Function]] = [("linear", LinearModel(DIM), lambda w, x: x @ w)]
    classes: int | None
    linear = LinearModel(DIM, classes=3)
    rows.append(
        ("linear-classes", linear, lambda w, x: np.stack([x @ v for v in w.reshape(3, -1)], -1))
    )
    for activation in SIGMA:
        for paired, classes in ((True, None), (False, None), (True, 3), (False, 2)):
            net = TwoLayerNet(
                dim=DIM,
                width=6 if paired else 7,
                activation=activation,
                seed=3,
                paired=paired,
                classes=classes,
            )
            name = f"{activation}-{'paired' if paired else 'unpaired'}"
            name += "-classes" if classes else ""
            rows.append((name, net, network(net)))
            at = elsewhere(net)
            rows.append(
                (f"linearized-{name}", Linearized(net, at=at), linearized(network(net), at))
            )
    return rows


MODELS = table()
every = pytest.mark.parametrize(
    ("model", "f"), [row[1:] for row in MODELS], ids=[r[0] for r in MODELS]
)


def data(seed: int = 0) -> Floats:
    return np.random.default_rng(seed).standard_normal((N, DIM))


def point(model: Any, seed: int = 1) -> Floats:
    start: Floats = model.start
    return start + 0.5 * np.random.default_rng(seed).standard_normal(start.shape)


def outputs(model: Any) -> tuple[int, ...]:
    """The shape of what one sample gives."""
    return () if model.classes is None else (model.classes,)


def cotangent(model: Any, *lead: int, seed: int = 2) -> Floats:
    return np.random.default_rng(seed).standard_normal((*lead, N, *outputs(model)))


def gradient(f: Callable[[Floats], float], at: Floats, h: float = 1e-4) -> Floats:
    """Central differences, entry by entry."""
    out = np.zeros(at.size)
    for k in range(at.size):
        step = np.zeros(at.shape)
        step.flat[k] = h
        out[k] = (f(at + step) - f(at - step)) / (2 * h)
    return out.reshape(at.shape)


@every
def test_is_a_model(model: Any, f: Function) -> None:
    typed: Model = model
    evaluation: ModelEvaluation = typed.at(typed.start, typed.asarray(data()))
    assert evaluation.z.shape == (N, *outputs(model))
    assert (typed.dim, typed.deterministic) == (DIM, True)
    assert isinstance(model, HasTwoLayers) == isinstance(model, TwoLayerNet)
    assert isinstance(typed.name, str)
    assert typed.start.dtype == np.float64
    assert typed.asarray([[1, 2]]).dtype == np.float64


@every
def test_output(model: Any, f: Function) -> None:
    w, x = point(model), data()
    np.testing.assert_allclose(model(w, x), f(w, x), atol=1e-10)
    np.testing.assert_array_equal(model(w, x), model.at(w, x).z)


@every
def test_derivatives_are_finite_differences(model: Any, f: Function) -> None:
    w, x, c = point(model), data(), cotangent(model)
    v = np.random.default_rng(2).standard_normal(model.start.shape)
    here = model.at(w, x)
    h = 1e-4
    pushed = (f(w + h * v, x) - f(w - h * v, x)) / (2 * h)
    np.testing.assert_allclose(here.jvp_w(v), pushed, atol=2e-7)
    by_weights = gradient(lambda u: float(np.sum(c * f(u, x))), w)
    np.testing.assert_allclose(here.pullback_w(c), by_weights, atol=2e-7)
    by_inputs = gradient(lambda points: float(np.sum(c * f(w, points))), x)
    np.testing.assert_allclose(here.pullback_x(c), by_inputs, atol=2e-7)


@every
def test_gradient_in_x_of_the_pushforward(model: Any, f: Function) -> None:
    """Against differences of jvp_w in x, which the test above has held against differences of f."""
    w, x, c = point(model), data(), cotangent(model)
    v = np.random.default_rng(2).standard_normal(model.start.shape)
    want = gradient(lambda points: float(np.sum(c * model.at(w, points).jvp_w(v))), x)
    np.testing.assert_allclose(model.at(w, x).jvp_w_pullback_x(v, c), want, atol=2e-7)


@every
def test_pushforward_and_pullback_are_dual(model: Any, f: Function) -> None:
    w, x, c = point(model), data(), cotangent(model)
    v = np.random.default_rng(5).standard_normal(model.start.shape)
    here = model.at(w, x)
    assert np.sum(here.jvp_w(v) * c) == pytest.approx(here.pullback_w(c) @ v, rel=1e-12)


@every
@pytest.mark.parametrize("own_data", [True, False])
def test_leading_axes_are_independent_games(model: Any, f: Function, own_data: bool) -> None:
    rng = np.random.default_rng(6)
    lead = (2, 3)
    w = np.stack([[point(model, 10 * i + j) for j in range(3)] for i in range(2)])
    x = rng.standard_normal((*lead, N, DIM)) if own_data else data()
    v, c = rng.standard_normal(w.shape), cotangent(model, *lead)
    games = model.at(w, x)
    results = {
        "z": games.z,
        "pullback_w": games.pullback_w(c),
        "pullback_x": games.pullback_x(c),
        "jvp_w": games.jvp_w(v),
        "jvp_w_pullback_x": games.jvp_w_pullback_x(v, c),
    }
    for game in np.ndindex(*lead):
        one = model.at(w[game], x[game] if own_data else x)
        single = {
            "z": one.z,
            "pullback_w": one.pullback_w(c[game]),
            "pullback_x": one.pullback_x(c[game]),
            "jvp_w": one.jvp_w(v[game]),
            "jvp_w_pullback_x": one.jvp_w_pullback_x(v[game], c[game]),
        }
        for name, want in single.items():
            np.testing.assert_allclose(results[name][game], want, atol=1e-13, err_msg=name)


@every
def test_curvature_bound_holds_far_away(model: Any, f: Function) -> None:
    bound = model.curvature_bound(data())
    if isinstance(model, TwoLayerNet) and model.activation.name == "relu":
        assert bound is None
        return
    assert bound.shape == (N,)
    rng = np.random.default_rng(4)
    for scale in (0.01, 1.0, 30.0):
        for _ in range(50):
            w = model.start + scale * rng.standard_normal(model.start.shape)
            u = w + scale * rng.standard_normal(model.start.shape)
            remainder = model(u, data()) - model(w, data()) - model.at(w, data()).jvp_w(u - w)
            largest = np.abs(remainder).reshape(N, -1).max(axis=1)
            assert (largest <= bound * np.sum((u - w) ** 2) + 1e-11).all()


@every
def test_neighborhood_is_the_ball_around_the_start(model: Any, f: Function) -> None:
    ball = model.neighborhood(2.0)
    assert ball.diameter == 4.0
    direction = np.random.default_rng(0).standard_normal(model.start.shape)
    edge = model.start + 2.0 * direction / np.linalg.norm(direction)
    far = model.start + 7.0 * direction / np.linalg.norm(direction)
    np.testing.assert_allclose(ball.project(far), edge, atol=1e-12)


@every
def test_wrong_shapes_and_dtypes_are_named(model: Any, f: Function) -> None:
    w, x = model.start, data()
    with pytest.raises(ShapeError, match=r"at\(w=\.\.\.\)` must have \d+ weights"):
        (model.model if isinstance(model, Linearized) else model).at(w[:-1], x)
    with pytest.raises(ShapeError, match=r"at\(x=\.\.\.\)` must have shape \(\.\.\., n, 4\)"):
        model.at(w, x[:, :-1])
    with pytest.raises(ShapeError, match=r"at\(x=\.\.\.\)`"):
        model.at(w, x[0])
    with pytest.raises(ShapeError, match="one library and dtype"):
        model.at(w, x.astype(np.float32))


@every
def test_torch_tensors_as_weights_and_inputs(model: Any, f: Function) -> None:
    torch = pytest.importorskip("torch")
    w, x, c = point(model), data(), cotangent(model)
    v = np.random.default_rng(7).standard_normal(model.start.shape)
    here, there = model.at(w, x), model.at(torch.tensor(w), torch.tensor(x))
    tv, tc = torch.tensor(v), torch.tensor(c)
    for got, want in (
        (there.z, here.z),
        (there.pullback_w(tc), here.pullback_w(c)),
        (there.pullback_x(tc), here.pullback_x(c)),
        (there.jvp_w(tv), here.jvp_w(v)),
        (there.jvp_w_pullback_x(tv, tc), here.jvp_w_pullback_x(v, c)),
    ):
        np.testing.assert_allclose(got.numpy(), want, atol=1e-13)


def test_outputs_of_k_classes_are_k_networks() -> None:
    """Output j is the network of one output whose signs are the column j; W_0 is the same."""
    many = TwoLayerNet(dim=DIM, width=8, seed=3, classes=4)
    one = TwoLayerNet(dim=DIM, width=8, seed=3)
    np.testing.assert_array_equal(np.asarray(many.start), np.asarray(one.start))
    assert many.signs.shape == (8, 4)
    assert set(many.signs.ravel()) == {-1.0, 1.0}
    np.testing.assert_array_equal(many.signs[:4], -many.signs[4:])
    structure = many.two_layer(many.start)
    assert structure.output.shape == (8, 4)
    w, x = point(many), data()
    z: Any = many(w, x)
    for j in range(4):
        object.__setattr__(one, "signs", many.signs[:, j])
        np.testing.assert_allclose(z[:, j], np.asarray(one(w, x)), atol=1e-14)


@pytest.mark.parametrize("classes", [1, 0, -3, 2.0, True, "3"])
def test_a_number_of_classes_is_two_or_more(classes: Any) -> None:
    for make in (
        lambda: TwoLayerNet(dim=2, width=4, classes=classes),
        lambda: LinearModel(2, classes),
    ):
        with pytest.raises(
            ArgumentError, match=r"\(classes=\.\.\.\)` must be an integer >= 2, or None"
        ):
            make()
