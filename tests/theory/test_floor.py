"""The free floor: below the true minimum on strongly non-convex nets, exact where it can be."""

from __future__ import annotations

import decimal
import math
from collections.abc import Callable
from typing import Any, cast

import attrs
import cvxpy
import numpy as np
import pytest
from scipy.optimize import minimize

from olgame.adversaries import InputAttack
from olgame.attacks import PGD
from olgame.exceptions import ArgumentError
from olgame.game import play
from olgame.learners import OnlineGradientDescent
from olgame.losses import hinge, logistic
from olgame.models import LinearModel, TwoLayerNet
from olgame.perturbations import l2
from olgame.sets import L2Ball
from olgame.theory.floor import floor
from olgame.theory.round_weights import round_weights
from olgame.transcript import Transcript
from tests.theory.tiny_game import Floats, data, tiny_run

cp = cast(Any, cvxpy)


def sigma(name: str, z: Floats) -> tuple[Floats, Floats]:
    """The activation and its derivative, written here."""
    if name == "softplus":
        return np.logaddexp(0.0, z), 1.0 / (1.0 + np.exp(-z))
    return np.tanh(z), 1.0 / np.cosh(z) ** 2


def average_loss(
    run: Transcript, weights: Floats | None = None
) -> Callable[[Floats], tuple[float, Floats]]:
    """sum_t lambda_t l_t (the mean) and its gradient in W, from the played inputs alone; <= L_*."""
    losses: Any = run.round_losses
    inputs = np.concatenate([loss.x for loss in losses])
    labels = np.concatenate([loss.y for loss in losses])
    model: Any = losses[0].model
    signs, name, m = np.asarray(model.signs), model.activation.name, model.width
    shares = np.full(len(losses), 1 / len(losses)) if weights is None else weights
    share = np.repeat(shares / len(losses[0].x), len(losses[0].x))

    def function(w: Floats) -> tuple[float, Floats]:
        value, slope = sigma(name, inputs @ w.reshape(m, -1).T)
        margin = labels * (value @ signs) / math.sqrt(m)
        outer = -labels / (1.0 + np.exp(margin)) * share
        gradient = ((outer[:, None] * slope * signs).T @ inputs) / math.sqrt(m)
        return float(share @ np.logaddexp(0.0, -margin)), gradient.reshape(-1)

    return function


def least_found(
    run: Transcript, radius: float, seed: int, tries: int = 4, weights: Floats | None = None
) -> float:
    """The least sum_t lambda_t l_t(W) that a multi-start search finds in B(R).

    W = W_0 + R q / sqrt(1 + norm(q)^2): unconstrained, and onto the open ball.
    """
    function, rng = average_loss(run, weights), np.random.default_rng(seed)
    adversary: Any = run.adversary
    origin = np.asarray(adversary.model.start)

    def in_ball(q: Floats) -> tuple[float, Floats]:
        shrink = 1.0 / math.sqrt(1.0 + float(q @ q))
        value, gradient = function(origin + radius * shrink * q)
        return value, radius * (shrink * gradient - shrink**3 * float(q @ gradient) * q)

    starts = [rng.normal(size=origin.size) * s for s in np.geomspace(0.1, 10.0, tries)]
    return min(float(minimize(in_ball, q, jac=True, method="L-BFGS-B").fun) for q in starts)


CASES = [
    (seed, activation, offset)
    for seed in range(5)
    for activation in ("softplus", "tanh")
    for offset in (0.0, 0.5)
]


@pytest.mark.parametrize(("seed", "activation", "offset"), CASES)
def test_below_every_point_of_the_ball_on_strongly_non_convex_nets(
    seed: int, activation: str, offset: float
) -> None:
    run = tiny_run(seed, activation=activation, start_offset=offset)
    for radius in (0.3, 2.0):
        assert floor(run, radius).value <= least_found(run, radius, seed)


@pytest.mark.parametrize("chosen", ["best", "random", "one round"])
@pytest.mark.parametrize("seed", range(4))
def test_any_weights_over_the_rounds_are_sound(seed: int, chosen: str) -> None:
    run = tiny_run(seed, activation=("softplus", "tanh")[seed % 2], start_offset=0.3 * (seed % 3))
    weights = np.random.default_rng(seed).dirichlet(np.ones(run.rounds))
    if chosen == "one round":
        weights = np.eye(run.rounds)[-1]
    for radius in (0.3, 2.0):
        if chosen == "best":
            weights = round_weights(run, radius)
        found = floor(run, radius, weights=weights).value
        assert found <= least_found(run, radius, seed, weights=weights)


@pytest.mark.parametrize("radius", [0.1, 1.0, 5.0])
@pytest.mark.parametrize("last", [8, 64])
def test_chosen_weights_are_the_best_there_are(radius: float, last: int) -> None:
    """Against cvxpy on the same concave problem, its data from the kept losses alone."""
    run = tiny_run(1, rounds=20)
    losses: Any = run.round_losses
    point, rows, constants = np.asarray(run.start), [], []
    for loss in losses:
        value, slope, kappa = loss.evaluate(point)
        moved = point - np.asarray(run.start)
        rows.append(slope + 2 * kappa * moved)
        constants.append(value - slope @ moved - kappa * moved @ moved - radius**2 * kappa)
        point = point - 0.5 * slope  # the ball of the game is never reached
    q, c = np.stack(rows)[-last:], np.array(constants)[-last:]
    share = cp.Variable(len(c), nonneg=True)
    problem = cp.Problem(
        cp.Maximize(c @ share - radius * cp.norm(q.T @ share)), [cp.sum(share) == 1]
    )
    best = float(problem.solve(solver="CLARABEL"))
    weights = round_weights(run, radius, last=last)
    assert weights.sum() == pytest.approx(1.0, abs=1e-12)
    assert (weights[: max(20 - last, 0)] == 0).all()
    found = floor(run, radius, weights=weights).value
    assert best - 1e-6 <= found <= best + 1e-7
    assert found >= floor(run, radius).value - 1e-9 or last < 20
    even = np.full(20, 1 / 20)
    assert floor(run, radius, weights=even).value == pytest.approx(floor(run, radius).value)


def test_without_the_curvature_terms_it_would_be_wrong() -> None:
    """The nets above are curved enough for a floor that forgets kappa to be refuted."""
    wrong = 0
    for seed in range(8):
        run = tiny_run(seed, activation="tanh")
        flat = attrs.evolve(
            run,
            weak_convexity=0.0 * run.weak_convexity,
            curvature_sum=np.zeros(np.asarray(run.curvature_sum).shape),
        )
        wrong += floor(flat, 2.0).value > least_found(run, 2.0, seed)
    assert wrong > 0


@pytest.mark.parametrize("offset", [0.0, 0.7])
@pytest.mark.parametrize("radius", [0.1, 1.0])
def test_equals_the_minimum_of_the_lower_models_over_the_ball(offset: float, radius: float) -> None:
    """The closed form against a numerical minimization of the sum of quadratic lower models."""
    run = tiny_run(3, start_offset=offset, rounds=12)
    adversary: Any = run.adversary
    origin = np.asarray(adversary.model.start)
    models: list[tuple[float, Floats, float, Floats]] = []
    point = np.asarray(run.start)
    losses: Any = run.round_losses
    for loss in losses:
        evaluation = loss.evaluate(point)
        models.append((evaluation.value, evaluation.gradient, evaluation.weak_convexity, point))
        point = point - 0.5 * evaluation.gradient  # the ball is never reached in 12 rounds

    def lower(w: Floats) -> float:
        rows = [v + g @ (w - p) - k * (w - p) @ (w - p) for v, g, k, p in models]
        return float(np.mean(rows))

    # Concave in w: the minimum over the ball is on its sphere, where a search is over directions.
    rng = np.random.default_rng(0)
    found = min(
        float(
            minimize(
                lambda q: lower(origin + radius * q / np.linalg.norm(q)), q, options={"gtol": 1e-10}
            ).fun
        )
        for q in rng.normal(size=(4, origin.size))
    )
    assert floor(run, radius).value == pytest.approx(found, abs=1e-7)
    assert floor(run, radius).value <= found + 1e-12


def test_exact_on_a_linear_game() -> None:
    """f linear, every hinge active: l_t is linear and the floor is the minimum itself."""
    x, y = np.eye(2), np.array([1.0, -1.0])
    adversary = InputAttack(
        LinearModel(2), x, y, loss=hinge, attack=PGD(steps=1), perturbation_set=l2(0.1)
    )
    run = play(OnlineGradientDescent(1e-3), adversary, L2Ball(1.0, center=np.zeros(2)), rounds=3)
    # At W_1 = 0 the input gradient is 0 and round 1 plays clean inputs; later rounds move both
    # inputs by 0.1 along -y w. Average of three linear functions 1 + <g_t, w>:
    direction = np.array([1.0, -1.0]) / math.sqrt(2.0)
    clean = -np.array([0.5, -0.5])
    moved = clean + 0.1 * direction
    total = clean + 2.0 * moved
    exact = 1.0 - float(np.linalg.norm(total)) / 3.0
    found = floor(run, 1.0)
    assert found.value == pytest.approx(exact, abs=1e-13)
    assert found.value <= exact
    assert found.side == "lower"


def test_wider_is_lower_and_radius_zero_is_refused() -> None:
    run = tiny_run(0)
    values = [floor(run, radius).value for radius in (0.1, 0.5, 1.0, 3.0)]
    assert values == sorted(values, reverse=True)
    for bad in (0.0, -1.0, math.inf, math.nan):
        with pytest.raises(ArgumentError, match=r"weight_radius=.*finite and positive"):
            floor(run, bad)


def test_rounding_outside_the_set_is_in_the_method() -> None:
    run = tiny_run(0)
    moved = attrs.evolve(run, input_distance=run.input_distance * 0.0 + 2e-16)
    assert "enlarged by the rounding 2e-16" in floor(moved, 1.0).method


def exact_loss(net: TwoLayerNet, w: list[decimal.Decimal], x: Floats) -> decimal.Decimal:
    """The hinge loss of one sample labeled +1 on a softplus net, in 60 digits."""
    rows = [w[r * net.dim : (r + 1) * net.dim] for r in range(net.width)]
    inputs = [decimal.Decimal(float(v)) for v in x]
    zero = decimal.Decimal(0)
    z = [sum((a * b for a, b in zip(row, inputs, strict=True)), start=zero) for row in rows]
    terms = [
        decimal.Decimal(int(s)) * (1 + v.exp()).ln() for s, v in zip(net.signs, z, strict=True)
    ]
    f = sum(terms, start=decimal.Decimal(0)) / decimal.Decimal(net.width).sqrt()
    return max(decimal.Decimal(0), 1 - f)


@pytest.mark.parametrize(("size", "radius"), [(1e3, 1e-9), (1e6, 1e-9), (1e6, 1e-12)])
def test_outputs_that_cancel_are_not_exact(size: float, radius: float) -> None:
    """Two neurons of opposite sign with <w_1 - w_2, x> = 0: f = 0, from terms of order ``size``.

    The loss is of order 1, and its own roundoff says nothing of the outputs'.
    """
    checked = 0
    for seed in range(60):
        net = TwoLayerNet(dim=2, width=2, seed=seed, paired=False)
        if int(np.sum(net.signs)) != 0:
            continue
        rows = np.asarray(net.start).reshape(2, 2)
        across = rows[0] - rows[1]
        u = np.array([-across[1], across[0]]) / np.linalg.norm(across)
        x = size * u * np.sign(rows[0] @ u)
        adversary = InputAttack(
            net, x[None], np.ones(1), loss=hinge, attack=PGD(steps=1), perturbation_set=l2(0.0)
        )
        step = OnlineGradientDescent(radius * 1e-3 / size)
        run = play(step, adversary, L2Ball(radius, center=np.asarray(net.start)), rounds=2)
        with decimal.localcontext() as context:
            context.prec = 60
            g = [decimal.Decimal(float(v)) for v in np.asarray(run.gradient_sum)]
            norm = sum((v * v for v in g), start=decimal.Decimal(0)).sqrt()
            r = decimal.Decimal(radius) * (1 - decimal.Decimal(10) ** -30)
            w = [
                decimal.Decimal(float(a)) - r * v / norm
                for a, v in zip(np.asarray(net.start), g, strict=True)
            ]
            assert decimal.Decimal(floor(run, radius).value) <= exact_loss(net, w, x)
        checked += 1
    assert checked > 20


def test_float32_floors_are_below_the_float64_network() -> None:
    torch = pytest.importorskip("torch")
    ogt = pytest.importorskip("olgame_torch", exc_type=ImportError)
    for seed in range(6):
        x, y = data(seed, 40, 3)
        values = []
        for dtype in (torch.float32, torch.float64):
            net = ogt.TwoLayerNet(dim=3, width=64, activation="softplus", seed=seed, dtype=dtype)
            adversary = InputAttack(
                net, x, y, loss=logistic, attack=PGD(steps=1), perturbation_set=l2(0.0)
            )
            run = play(OnlineGradientDescent(0.5), adversary, net.neighborhood(0.1), rounds=3)
            values.append(floor(run, 0.1).value)
        assert 1e-5 < values[1] - values[0] < 1e-2


def test_the_floor_says_of_what_it_is_one() -> None:
    found = floor(tiny_run(0), 2)
    assert found.quantity == "least robust loss in B(2.0)"
