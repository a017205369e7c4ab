"""The two-layer theorem: the plan in exact arithmetic, constants by search, check on games."""

from __future__ import annotations

import decimal
import json
import math
from collections.abc import Callable
from fractions import Fraction
from typing import Any

import attrs
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from olgame.activations import relu, softplus, tanh
from olgame.adversaries import InputAttack, Timing
from olgame.arrays import to_numpy
from olgame.attacks import PGD
from olgame.attacks.attack import AttackResult
from olgame.exceptions import ArgumentError, DataError, NotAvailableError
from olgame.feedback import Feedback
from olgame.game import play
from olgame.learners import GradientStep, OnlineGradientDescent
from olgame.learners.online_gradient_descent import OnlineGradientDescentState
from olgame.losses import hinge, logistic
from olgame.models import LinearModel, TwoLayerNet
from olgame.perturbations import l2, linf
from olgame.results import Certified, least_robust_loss
from olgame.sets import L2Ball, L2InfBall, ProductSet, WholeSpace
from olgame.step_sizes import AdaGradNorm
from olgame.theory.floor import floor
from olgame.theory.plan import Plan
from olgame.theory.second_moment import SecondMoment, second_moment
from olgame.theory.two_layer import TwoLayer
from olgame.theory.verdict import Verdict
from olgame.transcript import COLUMNS, Transcript

Floats = NDArray[np.float64]


@attrs.frozen
class Squared:
    """(z - y)^2/2: convex, but with no global Lipschitz constant."""

    name = "squared"
    lipschitz = None
    smoothness = 1.0
    of_margin = False

    def check_labels(self, y: Any) -> None:
        """Any label will do."""

    def value(self, z: Any, y: Any) -> Any:
        return (z - y) ** 2 / 2

    def derivative(self, z: Any, y: Any) -> Any:
        return z - y

    def conjugate(self, p: Any, y: Any) -> Any:
        return p**2 / 2 + p * y


def digits(first: int, second: int) -> tuple[Floats, Floats]:
    from sklearn.datasets import load_digits

    found = load_digits()
    chosen = np.isin(found.target, (first, second))
    x = found.data[chosen]
    x = x / np.linalg.norm(x, axis=1, keepdims=True)
    return x, np.where(found.target[chosen] == second, 1.0, -1.0)


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


# --------------------------------------------------------------------------- games, and check

ACCURACY, RADIUS = 0.1, 1.0
THEOREM = TwoLayer(softplus, hinge, 1.1)
PLAN = THEOREM.plan(ACCURACY, RADIUS)
CEILING = Certified(0.75, "upper", "for the test", quantity=least_robust_loss(RADIUS))


def data() -> tuple[Floats, Floats]:
    angle = np.array([0.0, 2.1, 0.3, 2.4])
    return np.stack([np.cos(angle), np.sin(angle)], axis=1), np.array([1.0, -1.0, 1.0, -1.0])


def game(**changes: Any) -> Transcript:
    """The planned game, or one that breaks a rule."""
    x, y = data()
    model = changes.get("model", TwoLayerNet(dim=2, width=PLAN.width))
    attacker = InputAttack(
        model,
        x,
        y,
        loss=changes.get("loss", hinge),
        attack=changes.get("attack", PGD(steps=2)),
        perturbation_set=l2(0.1),
        batch_size=changes.get("batch_size"),
    )
    adversary: Any = changes.get("adversary", lambda inner: inner)(attacker)
    return play(
        changes.get("learner", OnlineGradientDescent(PLAN.step_size)),
        adversary,
        changes.get("decision_set", model.neighborhood(RADIUS)),
        rounds=changes.get("rounds", PLAN.rounds),
        start=changes.get("start"),
        keep=changes.get("keep", "sums"),
        on_violation=changes.get("on_violation", "raise"),
    )


@pytest.fixture(scope="module")
def planned() -> Transcript:
    return game()


def check(run: Transcript, **changes: Any) -> Verdict:
    theorem = changes.pop("theorem", THEOREM)
    given: dict[str, Any] = {"accuracy": ACCURACY, "weight_radius": RADIUS, **changes}
    verdict: Verdict = theorem.check(run, **given)
    return verdict


def test_the_planned_game_keeps_the_promise(planned: Transcript) -> None:
    verdict = check(planned, ceiling=CEILING)
    assert verdict.premises.all_hold, str(verdict.premises)
    assert verdict.conclusion == "certified_holds"
    assert verdict.content == "informative"
    assert verdict.start_loss == 1.0
    assert verdict.floor is not None
    assert verdict.reached == planned.loss.min()
    assert verdict.floor.value <= verdict.reached <= verdict.floor.value + 0.01
    assert "input bound" in verdict.premises["width"].detail
    assert json.loads(json.dumps(verdict.to_dict(), allow_nan=False))["content"] == "informative"


def test_a_ceiling_above_the_start_leaves_the_content_undecided(planned: Transcript) -> None:
    assert check(planned).content == "undecided"
    vacuous = check(planned, accuracy=0.5)
    assert (vacuous.content, vacuous.conclusion) == ("vacuous", "certified_holds")


def test_without_projection(planned: Transcript) -> None:
    run = game(decision_set=WholeSpace())
    verdict = check(run)
    assert verdict.premises.all_hold, str(verdict.premises)
    assert verdict.conclusion == "certified_holds"


@attrs.frozen
class Ascending:
    """Climbs the loss and reports an ordinary step."""

    inner: OnlineGradientDescent = attrs.field(
        factory=lambda: OnlineGradientDescent(PLAN.step_size)
    )

    @property
    def level(self) -> Any:
        return self.inner.level

    def init(self, start: Any, decision_set: Any) -> OnlineGradientDescentState:
        return self.inner.init(start, decision_set)

    def decide(self, state: OnlineGradientDescentState, /) -> Any:
        return state.point

    def update(
        self, state: OnlineGradientDescentState, feedback: Feedback, /
    ) -> OnlineGradientDescentState:
        gradient = feedback.gradient
        assert gradient is not None
        return self.inner.update(state, feedback._replace(gradient=-gradient))

    def copy(self, state: OnlineGradientDescentState, /) -> OnlineGradientDescentState:
        return self.inner.copy(state)

    def last_step(self, state: OnlineGradientDescentState, /) -> GradientStep:
        return self.inner.last_step(state)


@attrs.frozen
class Secretive:
    """Plays gradient descent but does not report its steps."""

    inner: OnlineGradientDescent = attrs.field(
        factory=lambda: OnlineGradientDescent(PLAN.step_size)
    )

    @property
    def level(self) -> Any:
        return self.inner.level

    def init(self, start: Any, decision_set: Any) -> OnlineGradientDescentState:
        return self.inner.init(start, decision_set)

    def decide(self, state: OnlineGradientDescentState, /) -> Any:
        return state.point

    def update(
        self, state: OnlineGradientDescentState, feedback: Feedback, /
    ) -> OnlineGradientDescentState:
        return self.inner.update(state, feedback)

    def copy(self, state: OnlineGradientDescentState, /) -> OnlineGradientDescentState:
        return self.inner.copy(state)


class Dropout(TwoLayerNet):
    @property
    def deterministic(self) -> bool:
        return False


class Unscaled(TwoLayerNet):
    def two_layer(self, w: Any) -> Any:
        found = super().two_layer(w)
        return found._replace(output=found.output * 2.0)


def overshoot(objective: Any, x: Any, perturbation_set: Any, rng: Any) -> AttackResult:
    """Moves every input by 0.2 where 0.1 is allowed."""
    moved = x + 0.2 * np.array([1.0, 0.0])
    loss = objective.value(moved)
    return AttackResult(moved, loss, objective.value(x), 2, 0)


def test_a_broken_learner_makes_the_verdict_fail() -> None:
    verdict = check(game(learner=Ascending()), ceiling=CEILING)
    assert verdict.premises["projected gradient steps"].fails
    assert verdict.conclusion == "certified_fails"
    # W_1 is the best point of an ascending learner: nothing was gained on the start.
    assert verdict.reached == verdict.start_loss


START = to_numpy(TwoLayerNet(dim=2, width=PLAN.width).start)


def product(radius: float) -> ProductSet:
    """B(radius) in the first 10 coordinates, and 5 in the rest."""
    rest = L2Ball(5.0, center=START[10:])
    return ProductSet([(L2Ball(radius, center=START[:10]), 10), (rest, START.size - 10)])


@attrs.frozen(eq=False)
class Stated:
    """A set of the user's own, that says how much of a ball it contains."""

    inner: L2Ball = attrs.field(factory=lambda: L2Ball(5.0, center=START))

    def __getattr__(self, name: str) -> Any:
        return getattr(self.inner, name)

    def inner_radius(self, x: Any) -> float:
        return 5.0 - float(np.linalg.norm(x - START))


class Wrapped:
    """An adversary of the user's own around an `InputAttack`; honest."""

    timing = Timing.SEES_POINT

    def __init__(self, inner: InputAttack) -> None:
        self.inner = inner

    def __getattr__(self, name: str) -> Any:
        return getattr(self.inner, name)

    def init(self, seed: Any) -> Any:
        return self.inner.init(seed)

    def respond(self, state: Any, view: Any, /) -> Any:
        response, state = self.inner.respond(state, view)
        return self.altered(response), state

    def altered(self, response: Any) -> Any:
        return response


class OtherLabels(Wrapped):
    def altered(self, response: Any) -> Any:
        return response._replace(loss=attrs.evolve(response.loss, y=-response.loss.y))


class OneSample(Wrapped):
    """Plays sample 1 and shows the evidence of all."""

    def altered(self, response: Any) -> Any:
        loss = attrs.evolve(response.loss, x=response.loss.x[:1], y=response.loss.y[:1])
        return response._replace(loss=loss)


class OtherLoss(Wrapped):
    def altered(self, response: Any) -> Any:
        return response._replace(loss=attrs.evolve(response.loss, loss=logistic))


class OtherModel(Wrapped):
    def altered(self, response: Any) -> Any:
        return response._replace(
            loss=attrs.evolve(response.loss, model=TwoLayerNet(dim=2, width=PLAN.width))
        )


class FarInputs(Wrapped):
    """Moves the inputs farther than its evidence says."""

    def altered(self, response: Any) -> Any:
        return response._replace(loss=attrs.evolve(response.loss, x=response.loss.x + 0.2))


OWN_LOSSES = "played losses are the adversary's"


def off_center() -> L2Ball:
    start = to_numpy(TwoLayerNet(dim=2, width=PLAN.width).start)
    return L2Ball(RADIUS, center=start + 0.05 * np.eye(2 * PLAN.width)[0])


def elsewhere() -> Floats:
    start: Floats = to_numpy(TwoLayerNet(dim=2, width=PLAN.width).start)
    shift: Floats = 0.5 * np.eye(2 * PLAN.width)[0]
    return start + shift


PLAYED: list[tuple[dict[str, Any], str, str]] = [
    ({"model": LinearModel(2), "decision_set": L2Ball(RADIUS)}, "two-layer network", "fails"),
    ({"model": Unscaled(dim=2, width=PLAN.width)}, "two-layer network", "fails"),
    (
        {"model": TwoLayerNet(dim=2, width=PLAN.width, activation="relu")},
        "activation with constants",
        "fails",
    ),
    (
        {"model": TwoLayerNet(dim=2, width=PLAN.width, activation="tanh")},
        "activation with constants",
        "fails",
    ),
    ({"model": Dropout(dim=2, width=PLAN.width)}, "deterministic network", "fails"),
    ({"loss": logistic}, "convex Lipschitz loss", "fails"),
    ({"model": TwoLayerNet(dim=2, width=2)}, "width", "fails"),
    ({"attack": overshoot, "on_violation": "record"}, "inputs in B(x)", "fails"),
    ({"attack": overshoot, "on_violation": "record"}, "bounded inputs", "fails"),
    ({"batch_size": 2}, "full batch", "fails"),
    ({"start": elsewhere()}, "starts at the initialization", "fails"),
    ({"decision_set": off_center()}, "decision set contains B(R)", "fails"),
    (
        {"decision_set": TwoLayerNet(dim=2, width=PLAN.width).neighborhood(0.9)},
        "decision set contains B(R)",
        "fails",
    ),
    (
        {"decision_set": L2InfBall(5.0, rows=PLAN.width, center=START)},
        "decision set contains B(R)",
        "holds",
    ),
    (
        {"decision_set": L2InfBall(0.5, rows=PLAN.width, center=START)},
        "decision set contains B(R)",
        "fails",
    ),
    ({"decision_set": product(RADIUS)}, "decision set contains B(R)", "holds"),
    ({"decision_set": product(1e-6)}, "decision set contains B(R)", "fails"),
    ({"decision_set": Stated()}, "decision set contains B(R)", "not checked"),
    ({}, OWN_LOSSES, "holds"),
    ({"adversary": Wrapped, "keep": "examples"}, OWN_LOSSES, "holds"),
    ({"adversary": Wrapped}, OWN_LOSSES, "not checked"),
    ({"adversary": OtherLabels}, OWN_LOSSES, "not checked"),
    ({"adversary": OtherLabels, "keep": "examples"}, OWN_LOSSES, "fails"),
    ({"adversary": OneSample, "keep": "examples"}, OWN_LOSSES, "fails"),
    ({"adversary": OtherLoss, "keep": "examples"}, OWN_LOSSES, "fails"),
    ({"adversary": OtherModel, "keep": "examples"}, OWN_LOSSES, "fails"),
    ({"adversary": FarInputs, "keep": "examples"}, OWN_LOSSES, "fails"),
    ({"learner": Secretive()}, "projected gradient steps", "not checked"),
    ({"learner": Secretive()}, "step size", "not checked"),
    ({"learner": Ascending()}, "projected gradient steps", "fails"),
    ({"learner": OnlineGradientDescent(3.0)}, "step size", "fails"),
    ({"learner": OnlineGradientDescent(AdaGradNorm(0.5))}, "step size", "fails"),
    ({"rounds": PLAN.rounds - 1}, "rounds", "fails"),
]


@pytest.mark.parametrize(("changes", "premise", "status"), PLAYED)
def test_a_premise_broken_in_play_is_named(
    changes: dict[str, Any], premise: str, status: str
) -> None:
    verdict = check(game(**{"rounds": 60, **changes}))
    assert verdict.premises[premise].status == status, str(verdict.premises)
    assert verdict.conclusion != "certified_holds"  # 60 rounds are too few in any case


@pytest.mark.parametrize(
    "changes",
    [
        {"learner": Secretive()},
        {"decision_set": Stated()},
        {"adversary": Wrapped},
        {"adversary": OtherLabels},
    ],
)
def test_what_was_not_checked_is_never_certified(changes: dict[str, Any]) -> None:
    verdict = check(game(**changes))
    assert not verdict.premises.any_fails, str(verdict.premises)
    assert verdict.conclusion == "open"
    if "adversary" not in changes:  # with it there is no floor, which is said instead
        assert "the inequality holds on what was played (least loss" in verdict.reason
        assert "not checked: " in verdict.reason
    else:
        assert "keep='examples'" in verdict.reason


def test_an_adversary_of_ones_own_is_certified_from_what_it_played() -> None:
    verdict = check(game(adversary=Wrapped, keep="examples"))
    assert verdict.premises.all_hold, str(verdict.premises)
    assert verdict.conclusion == "certified_holds"


def test_a_bound_must_say_that_it_is_about_this_ball(planned: Transcript) -> None:
    """The floor over B(0.01) is far above the minimum over B(1): it certified anything."""
    untagged = Certified(0.75, "upper", "some certificate")
    elsewhere = floor(planned, 0.01)
    assert elsewhere.value > check(planned).reached
    for changes, status in (
        ({"floor": elsewhere}, "fails"),
        ({"floor": floor(planned, RADIUS)}, "holds"),
        ({"ceiling": untagged}, "not checked"),
        ({"ceiling": CEILING}, "holds"),
        ({"ceiling": CEILING, "floor": Certified(0.6, "lower", "by hand")}, "not checked"),
    ):
        verdict = check(planned, **changes)
        assert verdict.premises["bounds are about B(R)"].status == status
        assert (verdict.conclusion == "certified_holds") == (status == "holds")
        assert verdict.content == "undecided" or status == "holds"


@pytest.mark.parametrize(
    ("changes", "status", "detail"),
    [
        ({"c2": 0.0025, "curvature_range": (0.0, 0.0025)}, "fails", "reaches 0.25 > C2 = 0.0025"),
        ({"c1": 0.5}, "fails", "> C1 = 0.5"),
        ({"curvature_range": (0.1, 0.25)}, "fails", r"not [0.1, 0.25]"),
        ({"derivative": lambda z: 0.5 * softplus.derivative(z)}, "fails", "not that of its value"),
        ({"value": lambda z: z * math.nan}, "fails", "not finite"),
        ({"name": "mine"}, "not checked", "the user's statement"),
        ({}, "holds", "C2 = 0.25"),
    ],
)
def test_constants_of_an_activation(
    planned: Transcript, changes: dict[str, Any], status: str, detail: str
) -> None:
    mine = attrs.evolve(softplus, **changes)
    theorem = TwoLayer(mine, hinge, 1.1)
    adversary: Any = planned.adversary
    net = attrs.evolve(adversary.model, activation=mine)
    run = attrs.evolve(planned, adversary=attrs.evolve(adversary, model=net))
    found = check(run, theorem=theorem, floor=floor(planned, RADIUS)).premises
    assert found["activation with constants"].status == status, str(found)
    assert detail in found["activation with constants"].detail
    if changes:  # one of them is not the other, whatever it is called
        assert check(planned, theorem=theorem).premises["activation with constants"].fails


def test_the_users_own_loss_is_taken_at_its_word_but_not_certified(planned: Transcript) -> None:
    @attrs.frozen
    class Mine(type(hinge)):  # type: ignore[misc]
        """A hinge loss that this library has not tested."""

    adversary: Any = planned.adversary
    run = attrs.evolve(planned, adversary=attrs.evolve(adversary, loss=Mine()))
    verdict = check(run, theorem=TwoLayer(softplus, Mine(), 1.1))
    assert verdict.premises["convex Lipschitz loss"].status == "not checked"
    assert verdict.conclusion == "open"


def test_the_theorem_is_about_two_layers() -> None:
    run = game(model=LinearModel(2), decision_set=L2Ball(RADIUS), rounds=3)
    found = check(run).premises["two-layer network"]
    assert found.detail == "the theorem is about two-layer networks; this model is linear"


def test_an_ascending_learner_in_float32() -> None:
    """Its steps, 7e-4, are below 64 roundoffs of norm(W_0) = 196: it was certified once."""
    torch = pytest.importorskip("torch")
    ogt = pytest.importorskip("olgame_torch", exc_type=ImportError)
    x, y = digits(0, 1)
    for dtype in (torch.float32, torch.float64):
        net = ogt.TwoLayerNet(dim=64, width=600, activation="softplus", seed=0, dtype=dtype)
        adversary = InputAttack(
            net, x[:40], y[:40], loss=hinge, attack=PGD(steps=1), perturbation_set=l2(0.1)
        )
        climber = Ascending(inner=OnlineGradientDescent(0.0025))
        run = play(climber, adversary, net.neighborhood(0.3), rounds=40)
        verdict = check(
            run, theorem=TwoLayer(softplus, hinge, 1.11), accuracy=1.0, weight_radius=0.3
        )
        assert verdict.premises["projected gradient steps"].fails, str(verdict.premises)
        assert verdict.conclusion == "open"
        steady = OnlineGradientDescent(0.25)
        run = play(steady, adversary, net.neighborhood(0.3), rounds=40)
        verdict = check(
            run, theorem=TwoLayer(softplus, hinge, 1.11), accuracy=0.5, weight_radius=0.3
        )
        assert verdict.premises.all_hold, str(verdict.premises)
        assert verdict.conclusion == "certified_holds"


def entry(column: str, value: float) -> Callable[[Transcript], Transcript]:
    def change(run: Transcript) -> Transcript:
        values = np.array(getattr(run, column))
        values[7] = value
        changed: dict[str, Any] = {column: values}
        return attrs.evolve(run, **changed)

    return change


RECORDED: list[tuple[Callable[[Transcript], Transcript], str, str]] = [
    (entry("full_batch", False), "full batch", "fails"),
    (entry("input_distance", 1e-6), "inputs in B(x)", "fails"),
    (entry("input_distance", math.nan), "inputs in B(x)", "not checked"),
    (entry("input_distance", math.nan), "full batch", "not checked"),
    (entry("input_norm", 1.2), "bounded inputs", "fails"),
    (entry("input_norm", math.nan), "bounded inputs", "not checked"),
    (entry("point_excess", 1e-6), "points in the decision set", "fails"),
    (entry("point_excess", math.nan), "points in the decision set", "not checked"),
    (entry("update_error", 1e-6), "projected gradient steps", "fails"),
    (entry("update_error", math.nan), "projected gradient steps", "not checked"),
    (entry("step_size", 0.04), "step size", "fails"),
    (entry("step_size", math.nan), "step size", "not checked"),
    (entry("step_size", math.nan), "rounds", "not checked"),
    (entry("gradient_norm", 1.2), "step size", "fails"),
    (lambda run: attrs.evolve(run, status="interrupted"), "played to the end", "fails"),
    (lambda run: attrs.evolve(run, step_size=-run.step_size), "step size", "fails"),
]


@pytest.mark.parametrize(("change", "premise", "status"), RECORDED)
def test_a_premise_broken_on_the_record_is_named(
    planned: Transcript, change: Callable[[Transcript], Transcript], premise: str, status: str
) -> None:
    verdict = check(change(planned))
    assert verdict.premises[premise].status == status, str(verdict.premises)
    if status == "fails":
        assert verdict.conclusion == "open"
        assert premise in verdict.reason


def test_a_false_premise_leaves_the_inequality_as_a_fact(planned: Transcript) -> None:
    verdict = check(entry("update_error", 1e-3)(planned))
    assert verdict.conclusion == "open"
    assert "least loss" in verdict.reason
    assert "fail: projected gradient steps" in verdict.reason


def test_the_width_may_rest_on_the_second_moment_or_on_what_was_recorded(
    planned: Transcript,
) -> None:
    wide = check(planned, theorem=TwoLayer(softplus, hinge, 4.0)).premises["width"]
    assert wide.holds
    assert "second moment" in wide.detail
    narrow = TwoLayerNet(dim=2, width=14)
    late = game(model=narrow, rounds=5)
    assert check(late).premises["width"].holds  # Lambda_pm = about 0.6 asks for 9 neurons
    calm = attrs.evolve(late, weak_convexity=late.weak_convexity * 0.0 + 1e-3)
    found = check(calm, accuracy=0.01).premises["width"]
    assert found.holds
    assert "recorded kappa_t" in found.detail
    assert check(late, accuracy=0.01).premises["width"].fails


def test_several_games_are_refused_and_no_round_is_no_check(planned: Transcript) -> None:
    with pytest.raises(NotAvailableError, match="single game"):
        check(attrs.evolve(planned, loss=planned.loss[:, None]))
    columns = (*COLUMNS, "full_batch")
    nothing: dict[str, Any] = {name: getattr(planned, name)[:0] for name in columns}
    verdict = check(attrs.evolve(planned, **nothing, status="interrupted"))
    assert verdict.conclusion == "open"
    assert verdict.content == "undecided"
    assert verdict.premises["inputs in B(x)"].status == "not checked"
    with pytest.raises(ArgumentError, match=r"floor.weight_radius=.*got 1e\+300"):
        check(planned, weight_radius=1e300)
    flat = attrs.evolve(planned, weak_convexity=planned.weak_convexity + math.inf)
    assert check(flat, weight_radius=1e300).premises["width"].fails  # no overflow on the way
    for name in ("accuracy", "weight_radius"):
        with pytest.raises(ArgumentError, match=f"check.{name}=.*got nan"):
            check(planned, **{name: math.nan})
