"""What is attained of the distance from linear: by hand, from the definition, below the bound."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.integrate import quad
from scipy.optimize import minimize

from olgame.activations import gelu, relu, silu, softplus, tanh
from olgame.exceptions import ArgumentError, OlgameError
from olgame.models import TwoLayerNet
from olgame.sets import L2Ball, L2InfBall
from olgame.theory import attained_linearization, worst_case_linearization

Floats = NDArray[np.float64]
SMOOTH = [softplus, tanh, gelu, silu]


def bend(z: float, t: float) -> float:
    """e(z, t) of softplus, written out."""
    return math.log1p(math.exp(z + t)) - math.log1p(math.exp(z)) - t / (1 + math.exp(-z))


def test_one_and_two_neurons_by_hand() -> None:
    assert attained_linearization([0.0], [-1.0], softplus, 3.0) == pytest.approx(bend(0, 3))
    # Both neurons of one sign: 2 e(0, 3/sqrt 2)/sqrt 2 is more than e(0, 3)/sqrt 2.
    two = attained_linearization([0.0, 0.0], [1.0, 1.0], softplus, 3.0)
    assert two == pytest.approx(2 * bend(0, 3 / math.sqrt(2)) / math.sqrt(2))
    assert two > bend(0, 3) / math.sqrt(2)
    # Of opposite signs only one helps, the one nearer to 0; toward 0 is the better direction.
    mixed = attained_linearization([0.4, 1.0], [1.0, -1.0], softplus, 2.0, input_norm=0.5)
    assert mixed == pytest.approx(bend(0.4, -1.0) / math.sqrt(2))
    alone = attained_linearization([0.4, 1.0], [1.0, 1.0], softplus, 1.0, per_neuron=True)
    assert alone == pytest.approx((bend(0.4, -1) + bend(1.0, -1)) / math.sqrt(2))


@pytest.mark.parametrize("per_neuron", [False, True])
@pytest.mark.parametrize("sigma", SMOOTH, ids=lambda s: s.name)
def test_a_network_attains_it_and_none_exceeds_the_bound(sigma: Any, per_neuron: bool) -> None:
    """From the definition, f - f_lin at weights in the set: against a grid and a general solver."""
    model = TwoLayerNet(dim=3, width=24, activation=sigma.name, seed=1)
    x = np.array([[0.6, 0.0, 0.8]])
    ball: Any = L2InfBall(0.4, 24, model.start) if per_neuron else L2Ball(1.5, center=model.start)
    net = model.two_layer(model.start)
    z, a = np.asarray(net.hidden) @ x[0], np.sign(np.asarray(net.output))
    found = attained_linearization(z, a, sigma, ball.radius, per_neuron=per_neuron)
    upper = float(worst_case_linearization(model, x, ball).values[0])
    assert 0.0 < found <= upper

    def departure(t: Floats) -> float:
        w = model.start + np.outer(t, x[0]).reshape(-1)
        start: Any = model.at(model.start, x)
        linear = start.z + (start.pullback_w(np.ones(1)) * (w - model.start)).sum()
        return float((model(w, x) - linear)[0])

    rng = np.random.default_rng(0)
    if per_neuron:  # a sum over neurons: each by itself, on a grid
        grid = np.linspace(-ball.radius, ball.radius, 201)
        alone = np.array([[departure(t * row) for t in grid] for row in np.eye(24)])
        best = max(float((s * alone).max(axis=1).sum()) for s in (1.0, -1.0))
        assert found <= best * (1 + 1e-9)
        if sigma is softplus:  # convex: the supremum itself
            assert found == pytest.approx(best, rel=1e-9)
    else:  # a general solver, from random points of the sphere
        best = 0.0
        limit = [{"type": "ineq", "fun": lambda t: ball.radius**2 - t @ t}]
        for sign in (1.0, -1.0):
            for _ in range(3):
                first = rng.normal(size=24)
                first *= ball.radius / np.linalg.norm(first)
                done = minimize(
                    lambda t, s=sign: -s * departure(t), first, method="SLSQP", constraints=limit
                )
                best = max(best, -float(done.fun))
    assert best <= upper * (1 + 1e-6)
    assert found >= 0.8 * best


@pytest.mark.parametrize("sigma", [softplus, tanh], ids=lambda s: s.name)
def test_wide_gaussian_networks_attain_the_bound(sigma: Any) -> None:
    """C2 R^2/(2 sqrt m) in the ball; E abs(sigma''(Z)) C_0^2/(4 sqrt m) per neuron."""
    m, radius, rng = 1 << 20, 3.0, np.random.default_rng(0)
    z, a = rng.normal(size=m), rng.choice([-1.0, 1.0], m)
    bound = 0.5 * sigma.c2 * radius**2 / m**0.5
    ball = attained_linearization(z, a, sigma, radius)
    assert 0.98 * bound < ball < bound

    def integrand(s: float) -> float:
        # sigma'' by differences of sigma: no derivative of the library's
        h = 1e-3
        one: Any = sigma.value(np.array([s - h, s, s + h]))
        return float(
            abs(one[0] - 2 * one[1] + one[2]) / h**2 * math.exp(-s * s / 2) / math.sqrt(2 * math.pi)
        )

    mean = sum(quad(integrand, low, low + 8.0)[0] for low in (-8.0, 0.0))
    own = attained_linearization(z, a, sigma, radius / m**0.5, per_neuron=True)
    assert own == pytest.approx(mean * radius**2 / (4 * m**0.5), rel=0.01)


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        (([0.0], [1.0], relu, 1.0), "activation"),
        (([0.0], [0.5], softplus, 1.0), "signs"),
        (([math.nan], [1.0], softplus, 1.0), "preactivations"),
        (([0.0], [1.0], softplus, math.inf), "radius"),
        (([0.0], [1.0], softplus, 1.0, -1.0), "input_norm"),
        (([0.0, 1.0], [1.0], softplus, 1.0), "signs"),
        (([], [], softplus, 1.0), "signs"),
    ],
)
def test_what_makes_no_sense_is_named(arguments: Any, word: str) -> None:
    with pytest.raises(OlgameError, match=rf"attained_linearization\({word}="):
        attained_linearization(*arguments)
    assert issubclass(ArgumentError, OlgameError)
