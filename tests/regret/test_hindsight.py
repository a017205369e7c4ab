"""Best fixed points in hindsight, against cvxpy where the game is convex and search where not."""

from __future__ import annotations

from typing import Any, cast

import attrs
import cvxpy
import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.optimize import minimize

import olgame as og
from olgame.exceptions import ArgumentError, NotAvailableError, NotKeptError
from olgame.regret import hindsight

Floats = NDArray[np.float64]
cp = cast(Any, cvxpy)
P = 6
CENTER = np.linspace(-0.5, 0.5, P)


def constraints(u: Any, name: str) -> list[Any]:
    """The sets again, in the words of the oracle."""
    return {
        "ball": [cp.norm(u - CENTER) <= 0.8],
        "box": [u >= -0.3, u <= 0.5],
        "cross-polytope": [cp.norm1(u) <= 1.0],
        "simplex": [u >= 0, cp.sum(u) == 1],
        "rows": [cp.norm(u[a : a + 2] - CENTER[a : a + 2]) <= 0.4 for a in (0, 2, 4)],
    }[name]


SETS: dict[str, Any] = {
    "ball": og.sets.L2Ball(0.8, CENTER),
    "box": og.sets.Box(-0.3, 0.5, dim=P),
    "cross-polytope": og.sets.L1Ball(1.0),
    "simplex": og.sets.Simplex(),
    "rows": og.sets.L2InfBall(0.4, 3, CENTER),
}


def game(losses: list[Any], decision_set: Any, **options: Any) -> og.Transcript:
    start = decision_set.project(0.1 * CENTER + 0.1)
    return og.play(
        og.learners.OnlineGradientDescent(0.1),
        og.adversaries.ObliviousSequence(losses),
        decision_set,
        rounds=len(losses),
        start=start,
        keep="examples",
        **options,
    )


@pytest.mark.parametrize("name", SETS)
@pytest.mark.parametrize("kind", ["linear", "quadratic", "both"])
def test_convex_games_against_cvxpy(name: str, kind: str) -> None:
    rng = np.random.default_rng(len(name))
    draws = rng.normal(size=(30, P))
    losses: list[Any] = []
    u = cp.Variable(P)
    total = 0.0
    for t, a in enumerate(draws):
        if kind == "linear" or (kind == "both" and t % 2):
            losses.append(og.losses.LinearLoss(a))
            total = total + a @ u
        else:
            losses.append(og.losses.QuadraticLoss(a, curvature=0.5))
            total = total + 0.25 * cp.sum_squares(u - a)
    run = game(losses, SETS[name])
    best = float(cp.Problem(cp.Minimize(total / 30), constraints(u, name)).solve("CLARABEL"))
    found = hindsight(run, steps=100)
    assert found.value - found.gap - 1e-7 <= best <= found.value + 1e-7
    assert found.gap <= (1e-10 if kind == "linear" else 1e-6)
    assert bool(SETS[name].contains(found.point, atol=1e-9))
    regret = run.loss.sum() - 30 * best
    assert found.regret.lower.value - 1e-5 <= regret <= found.regret.upper.value + 1e-5
    assert found.regret.lower.value == pytest.approx(og.regret.external(run, found.point))


@pytest.mark.filterwarnings("ignore:Solution may be inaccurate")  # of the oracle, to 1e-6
@pytest.mark.parametrize("loss_name", ["hinge", "logistic", "smoothed_hinge"])
@pytest.mark.parametrize("name", SETS)
def test_models_that_are_linear_in_their_weights(name: str, loss_name: str) -> None:
    """Adversarial training of a linear model: nT <= 200, and the hinge has kinks."""
    rng = np.random.default_rng(3)
    x, y = rng.normal(size=(10, P)), rng.choice([-1.0, 1.0], 10)
    loss = getattr(og.losses, loss_name)
    adversary = og.adversaries.InputAttack(
        og.models.LinearModel(P),
        x,
        y,
        loss=loss,
        attack=og.attacks.PGD(steps=3),
        perturbation_set=og.perturbations.l2(0.3),
    )
    k = SETS[name]
    start = k.project(0.1 * CENTER + 0.1)
    run: Any = og.play(
        og.learners.OnlineGradientDescent(0.2), adversary, k, rounds=20, start=start,
        keep="examples",
    )  # fmt: skip
    u = cp.Variable(P)
    margins = [cp.multiply(y, played.x @ u) for played in run.round_losses]
    values: dict[str, Any] = {
        "hinge": lambda s: cp.pos(1 - s),
        "logistic": lambda s: cp.logistic(-s),
        "smoothed_hinge": lambda s: 0.5 * cp.huber(cp.pos(1 - s), 1),
    }
    total = sum(cp.sum(values[loss_name](s)) for s in margins) / 200
    best = float(cp.Problem(cp.Minimize(total), constraints(u, name)).solve("CLARABEL"))
    for every in (1, 7):
        found = hindsight(run, every=every, steps=80)
        assert found.value - found.gap - 1e-6 <= best <= found.value + 1e-6
        assert found.gap <= (5e-2 if every == 7 or loss_name == "hinge" else 1e-4)
        assert found.certificate is None


@pytest.mark.parametrize("shape", ["ball", "rows"])
@pytest.mark.parametrize("loss_name", ["hinge", "logistic"])
def test_the_linearized_twin(shape: str, loss_name: str) -> None:
    """f_lin written again, its game of nT = 192, and cvxpy over the ball and per neuron."""
    width, radius, loss = 20, 1.5, getattr(og.losses, loss_name)
    x, y = og.data.circle(16)
    net = og.models.TwoLayerNet(dim=2, width=width, activation="softplus", seed=2)
    model = og.models.Linearized(net, net.start)
    first = np.asarray(net.start).reshape(width, 2)
    k: Any = net.neighborhood(radius)
    if shape == "rows":
        k = og.sets.L2InfBall(radius / width**0.5, width, np.asarray(net.start))
    adversary = og.adversaries.InputAttack(
        model, x, y, loss=loss, attack=og.attacks.PGD(steps=3),
        perturbation_set=og.perturbations.l2(0.1),
    )  # fmt: skip
    learner = og.learners.OnlineGradientDescent(0.5)
    run: Any = og.play(learner, adversary, k, rounds=12, keep="examples")
    inputs = np.concatenate([played.x for played in run.round_losses])
    z = inputs @ first.T
    b = np.asarray(net.signs) / width**0.5
    f = np.logaddexp(0, z) @ b
    features = ((b / (1 + np.exp(-z)))[:, :, None] * inputs[:, None]).reshape(192, 2 * width)
    v = cp.Variable(2 * width)
    margin = cp.multiply(np.tile(y, 12), f + features @ v)
    values = cp.pos(1 - margin) if loss_name == "hinge" else cp.logistic(-margin)
    rules = [cp.norm(v) <= radius]
    if shape == "rows":
        rules = [cp.norm(v[2 * r : 2 * r + 2]) <= radius / width**0.5 for r in range(width)]
    best = float(cp.Problem(cp.Minimize(cp.sum(values) / 192), rules).solve("CLARABEL"))
    found = hindsight(run, every=1, steps=200, tolerance=1e-6)
    assert found.value - found.gap - 1e-6 <= best <= found.value + 1e-6
    assert found.gap <= 1e-5
    regret = run.loss.sum() - 12 * best
    assert found.regret.lower.value - 1e-5 <= regret <= found.regret.upper.value + 1e-5


def network(library: str, activation: str, width: int, radius: float, rounds: int) -> Any:
    x, y = og.data.circle(16)
    if library == "torch":
        torch_models = pytest.importorskip("olgame_torch", exc_type=ImportError)
        model = torch_models.TwoLayerNet(dim=2, width=width, activation=activation, seed=1)
    else:
        model = og.models.TwoLayerNet(dim=2, width=width, activation=activation, seed=1)
    adversary = og.adversaries.InputAttack(
        model,
        x,
        y,
        loss=og.losses.logistic,
        attack=og.attacks.PGD(steps=3),
        perturbation_set=og.perturbations.l2(0.1),
    )
    return og.play(
        og.learners.OnlineGradientDescent(0.5),
        adversary,
        model.neighborhood(radius),
        rounds=rounds,
        keep="examples",
    )


@pytest.mark.parametrize("activation", ["softplus", "tanh", "relu"])
@pytest.mark.parametrize("shape", ["ball", "rows"])
def test_the_least_loss_of_a_tiny_network_is_in_the_interval(activation: str, shape: str) -> None:
    """F written again, and minimized from many points of the set: nothing is below the floor."""
    width, radius = 4, 1.5
    run = network("numpy", activation, width, radius, 12)
    model: Any = run.adversary
    first = np.asarray(model.model.start)
    k: Any = None
    if shape == "rows":
        k = og.sets.L2InfBall(radius / width**0.5, width, first)
    found = hindsight(run, k, every=1, steps=200)
    inputs = np.concatenate([np.asarray(loss.x) for loss in run.round_losses])
    labels = np.tile(np.asarray(model.y), run.rounds)
    signs = np.asarray(model.model.signs) / width**0.5
    sigmas: dict[str, Any] = {
        "softplus": lambda z: np.logaddexp(0, z),
        "tanh": np.tanh,
        "relu": lambda z: np.maximum(z, 0),
    }
    sigma = sigmas[activation]

    def inside(q: Floats) -> Floats:
        q = q.reshape(width, 2)
        if shape == "ball":
            moved = radius * q / np.sqrt(1 + (q**2).sum())
        else:
            size = np.sqrt(1 + (q**2).sum(axis=1, keepdims=True))
            moved = radius / width**0.5 * q / size
        return np.asarray(first.reshape(width, 2) + moved)

    def value(q: Floats) -> float:
        out = sigma(inputs @ inside(q).T) @ signs
        return float(np.logaddexp(0, -labels * out).mean())

    rng = np.random.default_rng(0)
    least = min(
        float(minimize(value, scale * rng.normal(size=2 * width)).fun)
        for scale in np.geomspace(0.3, 30.0, 6)
    )
    assert found.value - found.gap <= least + 1e-9
    assert found.value <= least + 0.05
    assert found.certificate is not None
    own = run.loss.sum() - run.rounds * found.value
    assert found.regret.lower.value == pytest.approx(own, abs=1e-12)
    assert found.regret.lower.value == pytest.approx(og.regret.external(run, found.point), abs=1e-9)


@pytest.mark.parametrize("library", ["numpy", "torch"])
def test_a_wide_network_has_its_global_minimizer_certified(library: str) -> None:
    run = network(library, "softplus", 2000, 1.0, 60)
    found = hindsight(run, every=10)
    assert found.state == "global minimizer certified"
    assert found.relative_gap <= 1e-4
    assert "global minimizer certified" in str(found)
    assert found.regret.width == pytest.approx(60 * found.gap)
    twin: Any = run.adversary
    loss = og.losses.hinge
    assert hindsight(run, every=10, tolerance=1e-15).state == "within the gap"
    # The linearized game is convex, and certified by the other road.
    linear = attrs.evolve(twin, model=og.models.Linearized(twin.model, twin.model.start), loss=loss)
    other = og.play(
        og.learners.OnlineGradientDescent(0.5),
        linear,
        twin.model.neighborhood(1.0),
        rounds=40,
        keep="examples",
    )
    best = hindsight(other, every=10, steps=60)
    assert best.certificate is None
    assert 0.0 <= best.gap <= 1e-2


def test_kinks_on_a_wide_network_are_certified_to_a_ten_thousandth() -> None:
    """Hinges: a point that is thinned rounds' best leaves some 1e-2 of the regret."""
    x, y = og.data.circle(16)
    model = og.models.TwoLayerNet(dim=2, width=2000, activation="softplus", seed=1)
    adversary = og.adversaries.InputAttack(
        model, x, y, loss=og.losses.hinge, attack=og.attacks.PGD(steps=3),
        perturbation_set=og.perturbations.l2(0.1),
    )  # fmt: skip
    run = og.play(
        og.learners.OnlineGradientDescent(1.0), adversary, model.neighborhood(3.0), rounds=80,
        keep="examples",
    )  # fmt: skip
    found = hindsight(run)
    assert found.state == "global minimizer certified"
    assert found.relative_gap <= 1e-4
    assert found.method.startswith("Gauss-Newton")
    assert found.regret.lower.value == pytest.approx(og.regret.external(run, found.point))


def test_a_wrong_support_function_is_noticed() -> None:
    """The comparison is no empty one."""

    class Half:
        def __init__(self, inner: Any) -> None:
            self.inner = inner

        def __getattr__(self, name: str) -> Any:
            return getattr(self.inner, name)

        def translate(self, v: Any) -> Any:
            return Half(self.inner.translate(v))

        def support(self, g: Any) -> Any:
            return 0.5 * self.inner.support(g)

        def lmo(self, g: Any) -> Any:
            return 0.5 * self.inner.lmo(g)

    rng = np.random.default_rng(0)
    losses = [og.losses.QuadraticLoss(a) for a in 3.0 + rng.normal(size=(20, P))]
    run = game(losses, SETS["ball"])
    with pytest.raises(ArgumentError, match="linear minimizers"):
        hindsight(run, cast(Any, Half(SETS["ball"])))


def test_what_is_not_known_is_refused_by_name() -> None:
    run = game([og.losses.LinearLoss(CENTER)] * 3, SETS["ball"])
    for option in ("every", "steps"):
        with pytest.raises(ArgumentError, match=rf"hindsight\({option}=.*got 0"):
            hindsight(run, **cast(Any, {option: 0}))
    with pytest.raises(ArgumentError, match=r"hindsight\(tolerance="):
        hindsight(run, tolerance=0.0)
    with pytest.raises(NotKeptError):
        hindsight(attrs.evolve(run, round_losses=None))
    with pytest.raises(NotAvailableError, match="no round"):
        hindsight(attrs.evolve(run, round_losses=(), loss=run.loss[:0]))
    deep = og.models.DeepReLUNet(dim=2, width=8, depth=2, seed=0)
    x, y = og.data.circle(8)
    adversary = og.adversaries.InputAttack(
        deep,
        x,
        y,
        loss=og.losses.logistic,
        attack=og.attacks.FGSM(),
        perturbation_set=og.perturbations.l2(0.1),
    )
    learner = og.learners.OnlineGradientDescent(0.01)
    played = og.play(learner, adversary, deep.neighborhood(1.0), rounds=3, keep="examples")
    with pytest.raises(NotAvailableError, match="no lower bound"):
        hindsight(played)
