"""Passes over the rounds and Gauss-Newton steps, against formulas written again and cvxpy."""

from __future__ import annotations

from functools import partial
from typing import Any, cast

import attrs
import cvxpy
import numpy as np
import pytest
from numpy.typing import NDArray

import olgame as og
from olgame.activations import Activation, get_activation
from olgame.duality.damped_steps import damped_steps
from olgame.duality.gauss_newton import gauss_newton_step
from olgame.duality.gauss_newton_search import gauss_newton_search
from olgame.duality.input_clusters import input_clusters
from olgame.duality.sweep import Sweep, sweep
from olgame.duality.two_layer_point import TwoLayerPoint, two_layer_point
from olgame.duality.weight_balls import weight_balls
from olgame.duality.weighted_samples import WeightedSamples, weighted_samples
from olgame.models.model import TwoLayerWeights

Floats = NDArray[np.float64]
cp = cast(Any, cvxpy)

# sigma and sigma', written a second time.
SIGMA: dict[str, Any] = {
    "softplus": (lambda z: np.logaddexp(0, z), lambda z: 1 / (1 + np.exp(-z))),
    "tanh": (np.tanh, lambda z: 1 - np.tanh(z) ** 2),
    "identity": (lambda z: z, np.ones_like),
}


IDENTITY = Activation(
    "identity", 1.0, 0.0, (0.0, 0.0), (), lambda z: z, np.ones_like, np.zeros_like
)


@attrs.frozen(eq=False)
class Tiny:
    """As much of a two-layer network as a pass asks for."""

    first: Floats
    output: Floats
    activation: Any

    @property
    def start(self) -> Floats:
        return self.first.reshape(-1)

    @property
    def width(self) -> int:
        return len(self.first)

    @property
    def dim(self) -> int:
        return int(self.first.shape[1])

    def two_layer(self, w: Floats) -> TwoLayerWeights:
        return TwoLayerWeights(w.reshape(self.first.shape), self.output, self.activation)


def game(
    name: str, rounds: int = 4, noise: float = 0.3
) -> tuple[Any, TwoLayerPoint, WeightedSamples, list[Floats], Floats]:
    """A network, a point in B(1), and rounds of 6 samples in R^2."""
    rng = np.random.default_rng(len(name) + rounds)
    sigma = IDENTITY if name == "identity" else get_activation(name)
    net: Any = Tiny(rng.normal(size=(3, 2)), rng.normal(size=3), sigma)
    center, y = rng.normal(size=(6, 2)), np.where(np.arange(6) % 2, 1.0, -1.0)
    x = [center + noise * rng.normal(size=(6, 2)) for _ in range(rounds)]
    weights = rng.random((rounds, 6)) + 0.1
    weights /= 6 * weights.sum(axis=0)
    samples = weighted_samples(x, y, weights, net, og.losses.hinge, "test")
    v = rng.normal(size=6)
    balls = weight_balls(net, 1.0, None, "test")
    point = two_layer_point(net, net.start + 0.7 * v / np.linalg.norm(v), balls)
    return net, point, samples, x, weights.reshape(-1)


@pytest.mark.parametrize("name", ["softplus", "tanh"])
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_a_pass_has_the_outputs_and_a_gradient_for_every_choice(name: str, dtype: Any) -> None:
    net, point, samples, rounds, omega = game(name)
    found = sweep(point, samples, og.losses.hinge, (0.05, 3.0), dtype=dtype)
    sigma, bend = SIGMA[name]
    x, y = np.concatenate(rounds), np.tile(samples.y[:6], 4)
    z = x @ point.hidden.T
    f = sigma(z) @ net.output
    rtol = 1e-13 if dtype is np.float64 else 3e-6
    np.testing.assert_allclose(found.outputs, f, rtol=rtol, atol=rtol)
    assert found.value == pytest.approx(float(omega @ np.maximum(0, 1 - y * f)), rel=rtol)
    short = 1 - y * f
    windows = [-y * np.clip(short / theta + 0.5, 0, 1) for theta in (0.05, 3.0)]
    wanted = [-y * (short > 0), *windows]
    assert len(found.choices) == 3
    for choice, p in zip(found.choices, wanted, strict=True):
        np.testing.assert_allclose(choice.p, p, atol=100 * rtol)
        g = np.einsum("j,jr,r,jd->rd", omega * p, bend(z), net.output, x)
        np.testing.assert_allclose(choice.gradient, g, atol=100 * rtol)
        assert (choice.summed >= np.abs(choice.p)).all()
    assert (np.abs(found.outputs - f) <= found.noise + 1e-14).all() or dtype is np.float32


def test_inputs_that_are_played_again_and_again_make_one_cluster() -> None:
    rng = np.random.default_rng(0)
    points = rng.normal(size=(3, 5, 2))  # three for each of five samples
    which = rng.integers(0, 3, size=(20, 5))
    rounds = [points[row, np.arange(5)] for row in which]
    net: Any = Tiny(np.ones((3, 2)), np.ones(3), get_activation("tanh"))
    samples = weighted_samples(rounds, np.ones(5), None, net, og.losses.hinge, "test")
    clusters = input_clusters(samples, 3)
    assert len(clusters.centers) == 15
    np.testing.assert_allclose(clusters.centers[clusters.of], np.concatenate(rounds), atol=1e-15)
    fewer = input_clusters(samples, 2)
    assert len(fewer.centers) == 10
    apart = [np.linalg.norm(c.centers[c.of] - np.concatenate(rounds)) for c in (fewer, clusters)]
    assert apart[1] < 1e-12 < apart[0]


def minimum(net: Any, x: Floats, y: Floats, omega: Floats, loss: str, radius: float) -> float:
    """min over B(R) for sigma = identity, by cvxpy."""
    v = cp.Variable((3, 2))
    f = (x @ (net.first + v).T) @ net.output
    margin = cp.multiply(y, f)
    values = cp.pos(1 - margin) if loss == "hinge" else cp.logistic(-margin)
    problem = cp.Problem(cp.Minimize(omega @ values), [cp.norm(v, "fro") <= radius])
    return float(problem.solve("CLARABEL"))


@pytest.mark.parametrize("loss_name", ["hinge", "logistic"])
@pytest.mark.parametrize("most", [4, 1])
def test_steps_solve_the_linear_network(loss_name: str, most: int) -> None:
    """At once where every input has its own gradient; step by step from mean ones."""
    net, point, samples, rounds, omega = game("identity", noise=0.1 if most == 1 else 0.3)
    loss, theta = getattr(og.losses, loss_name), 1e-3
    y = np.tile(samples.y[:6], 4)
    best = minimum(net, np.concatenate(rounds), y, omega, loss_name, 1.0)
    clusters = input_clusters(samples, most)
    for _ in range(1 if most == 4 else 12):
        found = sweep(point, samples, loss, (theta,))
        width = theta if loss_name == "hinge" else 0.0
        moved = gauss_newton_step(found, found.choices[-1], width, clusters, 1.0, 1e-12)
        assert np.linalg.norm(moved) <= 1.0 + 1e-12
        start = point.hidden - point.displacement
        point = attrs.evolve(point, hidden=start + moved, displacement=moved)
    reached = sweep(point, samples, loss, ()).value
    assert reached >= best - 1e-7
    assert reached <= best + (theta / 4 if loss_name == "hinge" else 1e-7)


@pytest.mark.parametrize("damping", [0.01, 1.0])
def test_a_damped_step_stays_near(damping: float) -> None:
    """The linear network with (a/2) norm(v)^2, by cvxpy."""
    net, point, samples, rounds, omega = game("identity")
    x, y, theta = np.concatenate(rounds), np.tile(samples.y[:6], 4), 1e-3
    found = sweep(point, samples, og.losses.hinge, (theta,))
    moved = gauss_newton_step(
        found, found.choices[-1], theta, input_clusters(samples, 4), 1.0, 1e-12, damping
    )
    v = cp.Variable((3, 2))

    def value(f: Any, far: Any, positive: Any) -> Any:
        return omega @ positive(1 - f) + 0.5 * damping * far

    f = cp.multiply(y, (x @ (net.first + v).T) @ net.output)
    far = cp.sum_squares(v - point.displacement)
    wanted = cp.Minimize(value(f, far, cp.pos))
    best = float(cp.Problem(wanted, [cp.norm(v, "fro") <= 1.0]).solve("CLARABEL"))
    f = y * ((x @ (net.first + moved).T) @ net.output)
    far = ((moved - point.displacement) ** 2).sum()
    reached = value(f, far, lambda s: np.maximum(s, 0.0))
    assert best - 1e-7 <= reached <= best + theta / 4


def test_damped_steps_do_not_go_to_and_fro() -> None:
    """Undamped ones, on ReLU with F near 0, end higher than the best point on their way."""
    x, y = og.data.circle(24)
    model: Any = og.models.TwoLayerNet(dim=2, width=256, activation="relu", seed=1)
    loss, balls = og.losses.hinge, weight_balls(model, 6.0, None, "test")
    samples = weighted_samples([x, x], y, None, model, loss, "test")
    begin = two_layer_point(model, model.start, balls)
    found = damped_steps(begin, samples, loss, input_clusters(samples, 1), balls, lambda f: 1e-7)
    u = og.theory.hindsight_point(model, [x], y, loss, 6.0, steps=200)
    theirs = sweep(two_layer_point(model, u, balls), samples, loss, ()).value
    assert sweep(found.point, samples, loss, ()).value <= theirs + 1e-3
    assert np.linalg.norm(found.point.displacement) <= 6.0 + 1e-9
    assert found.damping > 0.0


@pytest.mark.parametrize("goal", [0.3, 0.03, 1e-3])
def test_steps_that_came_as_far_as_was_asked_say_so(goal: float) -> None:
    """On the linear network, whose minimum cvxpy knows: half of the goal, and no step more."""
    net, point, samples, rounds, omega = game("identity")
    loss, balls = og.losses.hinge, weight_balls(net, 1.0, None, "test")
    means = input_clusters(samples, 4)  # every input
    found = damped_steps(point, samples, loss, means, balls, lambda f: goal)
    best = minimum(net, np.concatenate(rounds), np.tile(samples.y[:6], 4), omega, "hinge", 1.0)
    reached = sweep(found.point, samples, loss, ()).value
    assert found.reached
    assert best - 1e-7 <= reached <= best + 0.5 * goal + 1e-6
    never = damped_steps(point, samples, loss, means, balls, lambda f: 1e-12)
    assert not never.reached
    assert found.passes < never.passes


def constant(goal: float, value: float) -> float:
    return goal


def test_a_loose_goal_needs_one_pass_over_the_rounds() -> None:
    x, y = og.data.circle(24)
    model: Any = og.models.TwoLayerNet(dim=2, width=1024, activation="relu", seed=1)
    rng = np.random.default_rng(0)
    rounds = [x + 1e-4 * rng.normal(size=x.shape) for _ in range(30)]
    loss, balls = og.losses.hinge, weight_balls(model, 2.0, None, "test")
    samples = weighted_samples(rounds, y, None, model, loss, "test")
    begin = two_layer_point(model, model.start, balls)
    clusters, loose, tight = input_clusters(samples, 4), 1e-2, 1e-6
    passes = {}
    for goal in (loose, tight):
        first = damped_steps(begin, samples, loss, clusters, balls, partial(constant, goal))
        found = gauss_newton_search(
            begin, samples, loss, balls, every=10, enough=partial(constant, goal)
        )
        passes[goal] = found.passes - first.passes * len(clusters.centers) / len(samples.y)
        last = found.sweep
        assert last.flat_gap(last.best(balls), balls) <= max(goal, 1e-5)
    assert passes[loose] == pytest.approx(2.0)
    assert passes[tight] >= 4.0


@pytest.mark.parametrize("activation", ["softplus", "relu"])
def test_the_search_goes_lower_than_projected_gradient_and_closes_the_gap(activation: str) -> None:
    """On kinks, from all rounds: half of them at inputs that the thinned ones have not seen."""
    x, y = og.data.circle(24)
    model: Any = og.models.TwoLayerNet(dim=2, width=1024, activation=activation, seed=1)
    rng = np.random.default_rng(0)
    moved = x + 0.05 * rng.normal(size=x.shape)
    rounds = [(moved if t % 2 else x) + 1e-4 * rng.normal(size=x.shape) for t in range(30)]
    loss, balls = og.losses.hinge, weight_balls(model, 2.0, None, "test")
    samples = weighted_samples(rounds, y, None, model, loss, "test")
    begin = two_layer_point(model, model.start, balls)
    found = gauss_newton_search(begin, samples, loss, balls, every=10, enough=lambda value: 1e-6)
    last: Sweep = found.sweep
    u = og.theory.hindsight_point(model, rounds, y, loss, 2.0, steps=60)
    theirs = sweep(two_layer_point(model, u, balls), samples, loss, ())
    # Of ReLU the gradient jumps, and with it what is minimized in every step.
    slack = 1e-6 if activation == "softplus" else 3e-5
    assert last.value <= theirs.value + slack
    assert last.flat_gap(last.best(balls), balls) <= 10 * slack
    assert found.thinned == (3 if activation == "softplus" else 4)
    assert 2.0 < found.passes <= 12.0
