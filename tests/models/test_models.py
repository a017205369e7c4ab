"""Every model against every check: one table, oracles that share no code with the models."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from olgame.exceptions import ShapeError
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
    """f(w, x) of one game by a loop over the neurons."""
    sigma = SIGMA[model.activation.name]

    def f(w: Floats, x: Floats) -> Floats:
        out = np.zeros(x.shape[0])
        for r in range(model.width):
            row = w[r * model.dim : (r + 1) * model.dim]
            out += model.signs[r] * sigma(np.array([row @ sample for sample in x]))
        out /= np.sqrt(model.width)
        return out

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
    for activation in SIGMA:
        for paired in (True, False):
            net = TwoLayerNet(
                dim=DIM, width=6 if paired else 7, activation=activation, seed=3, paired=paired
            )
            name = f"{activation}-{'paired' if paired else 'unpaired'}"
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
    assert evaluation.z.shape == (N,)
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
    rng = np.random.default_rng(2)
    w, x, v, c = (
        point(model),
        data(),
        rng.standard_normal(model.start.shape),
        rng.standard_normal(N),
    )
    here = model.at(w, x)
    h = 1e-4
    pushed = (f(w + h * v, x) - f(w - h * v, x)) / (2 * h)
    np.testing.assert_allclose(here.jvp_w(v), pushed, atol=2e-7)
    by_weights = gradient(lambda u: float(c @ f(u, x)), w)
    np.testing.assert_allclose(here.pullback_w(c), by_weights, atol=2e-7)
    by_inputs = gradient(lambda points: float(c @ f(w, points)), x)
    np.testing.assert_allclose(here.pullback_x(c), by_inputs, atol=2e-7)


@every
def test_gradient_in_x_of_the_pushforward(model: Any, f: Function) -> None:
    """Against differences of jvp_w in x, which the test above has held against differences of f."""
    rng = np.random.default_rng(2)
    w, x, v, c = (
        point(model),
        data(),
        rng.standard_normal(model.start.shape),
        rng.standard_normal(N),
    )
    want = gradient(lambda points: float(c @ model.at(w, points).jvp_w(v)), x)
    np.testing.assert_allclose(model.at(w, x).jvp_w_pullback_x(v, c), want, atol=2e-7)


@every
def test_pushforward_and_pullback_are_dual(model: Any, f: Function) -> None:
    rng = np.random.default_rng(5)
    w, x, v, c = (
        point(model),
        data(),
        rng.standard_normal(model.start.shape),
        rng.standard_normal(N),
    )
    here = model.at(w, x)
    assert here.jvp_w(v) @ c == pytest.approx(here.pullback_w(c) @ v, rel=1e-12)


@every
@pytest.mark.parametrize("own_data", [True, False])
def test_leading_axes_are_independent_games(model: Any, f: Function, own_data: bool) -> None:
    rng = np.random.default_rng(6)
    lead = (2, 3)
    w = np.stack([[point(model, 10 * i + j) for j in range(3)] for i in range(2)])
    x = rng.standard_normal((*lead, N, DIM)) if own_data else data()
    v, c = rng.standard_normal(w.shape), rng.standard_normal((*lead, N))
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
            assert (np.abs(remainder) <= bound * np.sum((u - w) ** 2) + 1e-11).all()


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
    rng = np.random.default_rng(7)
    w, x, v, c = (
        point(model),
        data(),
        rng.standard_normal(model.start.shape),
        rng.standard_normal(N),
    )
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
