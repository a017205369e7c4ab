"""The two-layer theorem's plan in exact arithmetic, and the second moment of the data."""

from __future__ import annotations

import decimal
import json
import math
from fractions import Fraction
from typing import Any

import attrs
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from olgame.activations import relu, softplus, tanh
from olgame.exceptions import ArgumentError, DataError, NotAvailableError
from olgame.losses import hinge
from olgame.perturbations import linf
from olgame.theory.plan import Plan
from olgame.theory.second_moment import SecondMoment, second_moment
from olgame.theory.two_layer import TwoLayer
from tests.theory.planned_game import Floats, Squared, digits

# ----------------------------------------------------------------------------------- the plan


@pytest.mark.parametrize(
    ("input_bound", "width", "step_size", "rounds"),
    [(1.0, 2026, 0.05, 1800), (1.1, 2966, 0.0413223140495867768, 2178), (1, 2026, 0.05, 1800)],
)
def test_anchors(input_bound: float, width: int, step_size: float, rounds: int) -> None:
    plan = TwoLayer(softplus, hinge, input_bound).plan(accuracy=0.1, weight_radius=3.0)
    assert (plan.width, plan.rounds) == (width, rounds)
    assert plan.step_size == pytest.approx(step_size, rel=1e-15)
    assert (plan.gradient_source, plan.width_source) == ("prior", "prior")
    assert plan.gradient_bound == pytest.approx(float(input_bound))


def test_a_measured_gradient_bound_shortens_the_game() -> None:
    theorem = TwoLayer(softplus, hinge, 1.1)
    plan = theorem.plan(0.1, 3.0, 0.236)
    # By hand: alpha = 0.1/(2 x 0.055696) = 0.89773..., T = ceil(18 x 0.055696/0.01) = 101.
    assert plan.width == 2966
    assert plan.rounds == math.ceil(18 * 0.055696 / 0.01) == 101
    assert plan.step_size == pytest.approx(0.1 / (2 * 0.236**2), rel=1e-15)
    assert plan.premises["bounded gradients"].status == "not checked"
    assert theorem.plan(0.1, 3.0).premises["bounded gradients"].holds


def test_second_moment_of_digits() -> None:
    x, y = digits(0, 1)
    moment = second_moment(x, y, 0.1)
    assert moment.lambda_pm is not None
    assert moment.lambda_pm == pytest.approx(0.543, abs=5e-4)
    plan = TwoLayer(softplus, hinge, 1.1).plan(0.1, 3.0, second_moment=moment)
    assert plan.width == 598
    assert plan.width_source == "second moment"
    # By the eigenvalues of the two d x d matrices, another road than singular values.
    rows = [x[y == s] for s in (-1.0, 1.0)]
    known = max(
        (math.sqrt(np.linalg.eigvalsh(r.T @ r / 360)[-1]) + 0.1 * math.sqrt(len(r) / 360)) ** 2
        for r in rows
    )
    assert moment.lambda_pm == pytest.approx(known, rel=1e-10)
    assert moment.lambda_all == pytest.approx(
        (math.sqrt(np.linalg.eigvalsh(x.T @ x / 360)[-1]) + 0.1) ** 2, rel=1e-10
    )
    assert plan.rounds == math.ceil(18 * moment.lambda_all / 0.01)


sizes = st.floats(min_value=1e-3, max_value=1e3)


@settings(deadline=None, derandomize=True, max_examples=100)
@given(accuracy=sizes, radius=sizes, bound=sizes, gradient=st.none() | sizes)
def test_the_plan_satisfies_the_proof_exactly(
    accuracy: float, radius: float, bound: float, gradient: float | None
) -> None:
    """In 60 digits: the theorem's three inequalities, and the one that its proof ends with."""
    theorem = TwoLayer(softplus, hinge, bound)
    plan = theorem.plan(accuracy, radius, "prior" if gradient is None else gradient)
    with decimal.localcontext() as context:
        context.prec = 60
        eps, r, x = (decimal.Decimal(str(v)) for v in (accuracy, radius, bound))
        g = x if gradient is None else decimal.Decimal(str(gradient))
        m, rounds = decimal.Decimal(plan.width), decimal.Decimal(plan.rounds)
        assert plan.width % 2 == 0
        assert m >= 4 * x**4 * r**4 / 16 / eps**2 > m - 2 or plan.width == 2
        step = decimal.Decimal(plan.step_size)  # the double that is used, not its decimal
        assert decimal.Decimal(repr(plan.step_size)) <= eps / (2 * g**2)
        assert rounds >= r**2 / (eps / (2 * g**2) * eps)
        assert rounds <= r**2 / (eps / (2 * g**2) * eps) * (1 + decimal.Decimal("1e-14")) + 1
        kappa = x**2 / (8 * m.sqrt())
        assert rounds * step * (2 * eps - 2 * kappa * r**2 - step * g**2) >= r**2


@pytest.mark.parametrize(
    ("theorem", "message"),
    [
        (TwoLayer(relu, hinge, 1.1), "relu has no C2"),
        (TwoLayer(softplus, Squared(), 1.1), "squared has no Lipschitz constant"),
    ],
)
def test_no_plan_without_constants(theorem: TwoLayer, message: str) -> None:
    with pytest.raises(NotAvailableError, match=message):
        theorem.plan(0.1, 3.0)


@pytest.mark.parametrize("bad", [0.0, -1.0, math.nan, math.inf, "0.1", True])
def test_bad_numbers(bad: Any) -> None:
    theorem = TwoLayer(softplus, hinge, 1.1)
    for arguments in ({"accuracy": bad}, {"weight_radius": bad}, {"gradient_bound": bad}):
        (name,) = arguments
        with pytest.raises(ArgumentError, match=f"{name}=.*finite and positive, got"):
            theorem.plan(**{"accuracy": 0.1, "weight_radius": 3.0, **arguments})
    if not isinstance(bad, bool | str):
        with pytest.raises(ArgumentError, match=r"input_bound=.*finite and positive"):
            TwoLayer(softplus, hinge, bad)


def test_plan_prints_and_is_plain_data() -> None:
    plan = TwoLayer(softplus, hinge, 1.1).plan(0.1, 3.0)
    assert isinstance(plan, Plan)
    for piece in ("m = 2966", "alpha = 0.0413223", "T = 2178", "eps = 0.1", "R = 3"):
        assert piece in str(plan)
    assert Fraction(json.loads(json.dumps(plan.to_dict()))["exact_step_size"]) == Fraction(5, 121)


# ------------------------------------------------------------------------- the second moment


@pytest.mark.parametrize("seed", range(5))
def test_second_moment_bounds_everything_that_can_be_played(seed: int) -> None:
    rng = np.random.default_rng(seed)
    x, y = rng.normal(size=(7, 3)), np.where(rng.random(7) < 0.4, 1.0, -1.0)
    radii = rng.random(7) * 0.5 if seed % 2 else np.full(7, 0.3)
    moment = second_moment(x, y, radii if seed % 2 else 0.3)
    for _ in range(300):
        delta = rng.normal(size=x.shape)
        delta *= (radii / np.linalg.norm(delta, axis=1))[:, None]
        played = x + delta
        assert np.linalg.eigvalsh(played.T @ played / 7)[-1] <= moment.lambda_all
        for s in (-1.0, 1.0):
            rows = played[y == s]
            assert moment.lambda_pm is not None
            assert np.linalg.eigvalsh(rows.T @ rows / 7)[-1] <= moment.lambda_pm
    assert moment.lambda_all <= (np.linalg.norm(x, axis=1).max() + radii.max()) ** 2


def test_second_moment_is_attained_by_one_direction() -> None:
    """All inputs equal, all moved along themselves: nothing is given away."""
    x, y = np.tile([0.6, 0.8], (5, 1)), np.array([1.0, 1.0, 1.0, -1.0, -1.0])
    moment = second_moment(x, y, 0.5)
    assert moment.lambda_all == pytest.approx(1.5**2, rel=1e-12)
    assert moment.lambda_pm == pytest.approx(3 / 5 * 1.5**2, rel=1e-12)


def test_linf_uses_its_euclidean_radius() -> None:
    x: Floats = np.zeros((2, 4))
    y: Floats = np.array([1.0, -1.0])
    radius = linf(0.1).euclidean_radius(4)
    assert second_moment(x, y, radius).lambda_all == pytest.approx(0.04)


@pytest.mark.parametrize(
    ("x", "y", "radius", "error"),
    [
        (np.zeros((0, 2)), np.zeros(0), 0.1, DataError),
        (np.full((2, 2), np.nan), np.ones(2), 0.1, DataError),
        (np.ones((2, 2)), np.ones(3), 0.1, DataError),
        (np.ones((2, 2)), np.ones(2), -0.1, ArgumentError),
        (np.ones((2, 2)), np.ones(2), math.nan, ArgumentError),
    ],
)
def test_second_moment_bad_data(
    x: Floats, y: Floats, radius: float, error: type[Exception]
) -> None:
    with pytest.raises(error):
        second_moment(x, y, radius)


def net(name: str, w: Floats, signs: Floats, x: Floats) -> tuple[Floats, Floats]:
    """Outputs and the derivative of sigma, written here."""
    z = x @ w.T
    value, slope = {
        "softplus": (np.logaddexp(0.0, z), 1.0 / (1.0 + np.exp(-z))),
        "tanh": (np.tanh(z), 1.0 / np.cosh(z) ** 2),
    }[name]
    return value @ signs / math.sqrt(len(w)), slope


def worst_remainder(name: str, seeds: range) -> float:
    """The largest -(l(W + V) - l(W) - <g, V>) / (C2 L norm(V)^2 / (2 sqrt m)) / Lambda_pm seen."""
    c2 = {"softplus": 0.25, "tanh": 0.769801}[name]
    worst = -math.inf
    for seed in seeds:
        rng = np.random.default_rng(seed)
        n, d, m = 6, 2, 4
        x, y = rng.normal(size=(n, d)), np.where(np.arange(n) < 3, 1.0, -1.0)
        moment = second_moment(x, y, 0.0)
        w, signs = rng.normal(size=(m, d)) * 0.5, np.where(np.arange(m) % 2 == 0, 1.0, -1.0)
        z, slope = net(name, w, signs, x)
        active = np.where(1.0 - y * z > 0.0, -y, 0.0)
        gradient = ((active[:, None] * slope * signs).T @ x) / math.sqrt(m) / n
        for scale in (0.03, 0.3, 1.0):
            for _ in range(50):
                v = rng.normal(size=(m, d)) * scale
                change = float(np.mean(np.maximum(0.0, 1.0 - y * net(name, w + v, signs, x)[0])))
                change -= float(np.mean(np.maximum(0.0, 1.0 - y * z))) + float(np.sum(gradient * v))
                assert moment.lambda_pm is not None
                unit = c2 * float(np.sum(v * v)) / (2.0 * math.sqrt(m)) * moment.lambda_pm
                worst = max(worst, -change / unit)
    return worst


def test_lambda_pm_bounds_the_remainder_of_convex_activations_only() -> None:
    """The lower model with Lambda_pm holds for softplus, and fails for tanh, which gets Lambda."""
    assert 0.5 < worst_remainder("softplus", range(60)) <= 1.0
    assert worst_remainder("tanh", range(60)) > 1.0
    moment = SecondMoment(lambda_all=0.9, lambda_pm=0.5, n=2)
    assert TwoLayer(softplus, hinge, 1.0).curvature_moment(moment) == Fraction(1, 2)
    assert TwoLayer(tanh, hinge, 1.0).curvature_moment(moment) == Fraction(9, 10)
    assert TwoLayer(softplus, Squared(), 1.0).curvature_moment(moment) == Fraction(9, 10)
    assert TwoLayer(softplus, hinge, 1.0).curvature_moment(
        attrs.evolve(moment, lambda_pm=None)
    ) == Fraction(9, 10)


def gradient_ratio(w: Floats, x: Floats, y: Floats, signs: Floats) -> float:
    """norm(g)^2 of the hinge loss, over Lambda (L = C1 = 1)."""
    z, slope = net("softplus", w, signs, x)
    active = np.where(y * z < 1.0, -y, 0.0)
    gradient = ((active[:, None] * slope * signs).T @ x) / math.sqrt(len(w)) / len(x)
    return float(np.sum(gradient**2)) / second_moment(x, y, 0.0).lambda_all


def test_gradients_obey_the_second_moment() -> None:
    for seed in range(40):
        rng = np.random.default_rng(seed)
        x, y = rng.normal(size=(5, 3)), np.array([1.0, -1.0, 1.0, -1.0, 1.0])
        w, signs = rng.normal(size=(8, 3)) * 3.0, np.where(np.arange(8) % 2 == 0, 1.0, -1.0)
        assert gradient_ratio(w, x, y, signs) <= 1.0
    # One input, every neuron in its linear part, the loss active: attained.
    same = np.tile([0.6, 0.8], (3, 1))
    worst = gradient_ratio(np.tile([60.0, 80.0], (4, 1)), same, np.ones(3), -np.ones(4))
    assert worst == pytest.approx(1.0, rel=1e-10)
