"""The two-layer theorem for k classes: constants that do not grow with k, held against networks."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import attrs
import numpy as np
import pytest
from numpy.typing import NDArray

import olgame as og
from olgame.activations import gelu, relu, softplus, tanh
from olgame.exceptions import ArgumentError, NotAvailableError
from olgame.losses import ModelLoss, cross_entropy, hinge, logistic, multiclass_hinge
from olgame.losses.largest_slope import largest_slope
from olgame.models import TwoLayerNet
from olgame.models.linearization_error import linearization_error
from olgame.theory import TwoLayer, worst_case_linearization
from olgame.theory.output_rounding import played_rounding

Floats = NDArray[np.float64]
LOSSES = [cross_entropy, multiclass_hinge, og.losses.multiclass_smoothed_hinge]


@pytest.mark.parametrize("classes", [2, 10, 1000])
def test_the_plan_does_not_depend_on_the_number_of_classes(classes: int) -> None:
    """By hand, L = 2: 4 L^2 C2^2 R^4/eps^2 = 8100, eps/(2 G^2) = 1/80, R^2/(alpha eps) = 7200."""
    plan = TwoLayer(softplus, cross_entropy, 1.0, classes=classes).plan(0.1, 3.0)
    assert (plan.width, plan.step_size, plan.rounds) == (8100, 0.0125, 7200)
    assert plan.width_bound == Fraction(8100)


def test_an_unstated_constant_costs_the_root_of_k() -> None:
    class Plain:
        name, lipschitz, smoothness, of_margin, multiclass = "plain", 2.0**0.5, 0.5, True, True

    stated: Any = Plain()
    assert largest_slope(stated, 8) == pytest.approx(4.0, rel=1e-14)
    assert largest_slope(stated, 8) > 4.0 - 1e-15  # type: ignore[operator]  # it is known
    assert largest_slope(cross_entropy, 8) == 2.0
    assert largest_slope(hinge, None) == 1.0
    assert largest_slope(og.losses.squared, None) is None
    plan = TwoLayer(softplus, stated, 1.0, classes=8).plan(0.1, 3.0)
    assert plan.width == 4 * 8100 + 2  # the root is rounded up


def network(activation: Any, seed: int, width: int = 12) -> TwoLayerNet:
    return TwoLayerNet(
        dim=3, width=width, activation=activation, seed=seed, paired=False, classes=5
    )


@pytest.mark.parametrize("loss", LOSSES, ids=lambda loss: loss.name)
@pytest.mark.parametrize("activation", [softplus, tanh, gelu], ids=lambda a: a.name)
def test_lower_model_and_gradient_bound(activation: Any, loss: Any) -> None:
    """l_t(u) >= l_t(w) + <g, u - w> - kappa norm(u - w)^2; kappa and norm(g) below the priors."""
    rng = np.random.default_rng(0)
    for seed in range(8):
        net = network(activation, seed)
        x, y = rng.standard_normal((4, 3)), rng.integers(0, 5, 4).astype(float)
        round_loss = ModelLoss(net, x, y, loss)
        bound = np.linalg.norm(x, axis=1).max()
        for scale in (0.1, 1.0, 5.0):
            w = np.asarray(net.start) + scale * rng.standard_normal(36)
            found = round_loss.evaluate(w)
            kappa, g = float(found.weak_convexity), np.asarray(found.gradient)  # type: ignore[arg-type]  # one number
            assert kappa <= 2 * activation.c2 * bound**2 / (2 * 12**0.5) * (1 + 1e-12)
            assert np.linalg.norm(g) <= 2 * activation.c1 * bound * (1 + 1e-12)
            for length in (1e-3, 0.3, 3.0):
                u = w + length * rng.standard_normal(36)
                below = found.value + g @ (u - w) - kappa * np.sum((u - w) ** 2)
                assert float(round_loss.value(u)) >= float(below) - 1e-12  # type: ignore[arg-type]  # one number


def test_the_lower_model_is_attained() -> None:
    """Half of kappa is passed: a neuron with a_r = (1, -1), slope e_1 - e_0, at the kink of C2."""
    net = TwoLayerNet(dim=3, width=2, activation="softplus", seed=0, paired=True, classes=2)
    object.__setattr__(net, "signs", np.array([[1.0, -1.0], [-1.0, 1.0]]))
    x, y = np.array([[0.3, -0.5, 0.9]]), np.array([0.0])
    w = np.zeros(6)
    round_loss = ModelLoss(net, x, y, multiclass_hinge)
    found = round_loss.evaluate(w)
    kappa = float(found.weak_convexity)  # type: ignore[arg-type]  # one number
    assert kappa == pytest.approx(2 * 0.25 * np.sum(x**2) / (2 * 2**0.5))
    step = np.concatenate([1e-3 * x[0] / np.linalg.norm(x), np.zeros(3)])
    linear = float(found.value + np.asarray(found.gradient) @ step)
    drop = linear - float(round_loss.value(w + step))  # type: ignore[arg-type]  # one number
    assert drop == pytest.approx(kappa * 1e-6, rel=1e-3)


@pytest.mark.parametrize(
    ("loss", "classes", "message"),
    [
        (cross_entropy, None, "be the number k for cross_entropy, a loss of k logits, got None"),
        (logistic, 3, "be None for logistic, a loss of one output, got 3"),
        (cross_entropy, 1, "an integer >= 2"),
    ],
)
def test_loss_and_classes_must_fit(loss: Any, classes: Any, message: str) -> None:
    with pytest.raises(ArgumentError, match=rf"`TwoLayer\(classes=\.\.\.\)` must .*{message}"):
        TwoLayer(softplus, loss, 1.0, classes=classes)


def game(theorem: TwoLayer, width: int, step: float, rounds: int, classes: int = 3) -> Any:
    rng = np.random.default_rng(1)
    y = np.arange(12) % classes
    x = og.data.normalize(rng.standard_normal((12, 4)) + 2.0 * np.eye(4)[y])
    net = TwoLayerNet(dim=4, width=width, activation="softplus", seed=2, classes=classes)
    adversary = og.adversaries.InputAttack(
        net, x, y, loss=theorem.loss, attack=og.attacks.PGD(steps=5),
        perturbation_set=og.perturbations.l2(0.1),
    )  # fmt: skip
    learner = og.learners.OnlineGradientDescent(step)
    return og.play(learner, adversary, net.neighborhood(2.0), rounds=rounds, keep="examples")


def test_a_planned_game_keeps_all_premises() -> None:
    theorem = TwoLayer(softplus, cross_entropy, 1.1, classes=3)
    plan = theorem.plan(0.5, 2.0)
    run = game(theorem, plan.width, plan.step_size, plan.rounds)
    adversary = run.adversary
    verdict = theorem.check(run, accuracy=0.5, weight_radius=2.0)
    assert not verdict.premises.failing
    assert verdict.premises["width"].holds
    assert "L = 2" in verdict.premises["convex Lipschitz loss"].detail
    assert "m = " in verdict.premises["two-layer network"].detail
    assert verdict.conclusion == "certified_holds"
    # The value of the game, from below by the gap, from above by a certificate.
    rounds = [loss.x for loss in run.round_losses][::10]
    u0 = og.theory.hindsight_point(
        adversary.model, rounds, adversary.y, cross_entropy, weight_radius=1.999999
    )
    floor = og.theory.gap(
        adversary.model, u0, rounds, adversary.y, cross_entropy, weight_radius=2.0
    )
    bracket = og.certify.robust_loss(
        adversary.model, u0, adversary.x, adversary.y, cross_entropy, adversary.perturbation_set
    )
    ceiling = og.theory.ceiling(run, bracket, u0, 2.0)
    assert floor.floor <= ceiling.value <= floor.floor + 0.1
    better = theorem.check(
        run, accuracy=0.5, weight_radius=2.0, floor=floor.certified, ceiling=ceiling
    )
    assert better.conclusion == "certified_holds"


def test_another_number_of_outputs_is_another_theorem() -> None:
    run = game(TwoLayer(softplus, cross_entropy, 1.1, classes=3), 8, 0.1, 3)
    for theorem, message in (
        (TwoLayer(softplus, cross_entropy, 1.1, classes=4), "classes = 4, the network has 3"),
        (TwoLayer(softplus, logistic, 1.1), "classes = None, the network has 3"),
    ):
        premise = theorem.check(run, accuracy=0.5, weight_radius=1.0).premises["two-layer network"]
        assert premise.fails
        assert message in premise.detail


def test_recorded_losses_are_within_their_rounding() -> None:
    """A float32 game against the float64 network at the same (float32) points."""
    torch = pytest.importorskip("torch")
    ogt = pytest.importorskip("olgame_torch", exc_type=ImportError)
    x, y = og.data.digits(classes=range(10))
    small = ogt.TwoLayerNet(dim=64, width=40, classes=10, dtype=torch.float32)
    exact = ogt.TwoLayerNet(dim=64, width=40, classes=10)
    for loss in (cross_entropy, multiclass_hinge):
        adversary: Any = og.adversaries.InputAttack(
            small, x[:30], y[:30], loss=loss, attack=og.attacks.PGD(steps=2),
            perturbation_set=og.perturbations.l2(0.1),
        )  # fmt: skip
        learner = og.learners.OnlineGradientDescent(2.0)
        run = og.play(learner, adversary, small.neighborhood(2.0), rounds=8, keep="points")
        bounds = played_rounding(run)
        assert run.points is not None
        assert run.round_losses is not None
        for t in range(8):
            kept: Any = run.round_losses[t]
            there = attrs.evolve(kept, model=exact, x=kept.x.double(), y=kept.y.double())
            point: Any = run.points[t]
            value = float(there.value(point.double()))
            assert abs(value - run.loss[t]) <= bounds.loss[t] < 0.05
        floor = og.theory.floor(run, 2.0)
        twin = attrs.evolve(adversary, model=exact, x=adversary.x.double(), y=adversary.y.double())
        assert floor.value < og.play(learner, twin, exact.neighborhood(2.0), rounds=8).loss.min()


@pytest.mark.parametrize("activation", ["softplus", "relu"])
@pytest.mark.parametrize("rows", [False, True])
def test_the_worst_case_is_that_of_the_worst_output(activation: str, rows: bool) -> None:
    net = network(activation, 3, width=9)
    rng = np.random.default_rng(0)
    x = rng.standard_normal((6, 3))
    ball: Any = net.neighborhood(1.5)
    if rows:
        ball = og.sets.L2InfBall(0.5, 9, net.start)
    found = worst_case_linearization(net, x, ball)
    single = []
    for j in range(5):
        one = TwoLayerNet(dim=3, width=9, activation=activation, seed=3, paired=False)
        object.__setattr__(one, "signs", net.signs[:, j])
        single.append(worst_case_linearization(one, x, ball).values)
    np.testing.assert_allclose(found.values, np.max(single, axis=0), rtol=1e-14)
    twin = og.models.Linearized(net)
    for _ in range(50):
        w = ball.sample(rng, (27,))
        assert np.all(
            np.abs(np.asarray(net(w, x) - twin(w, x))).max(axis=1) <= found.values + 1e-12
        )


def test_relu_has_no_theorem() -> None:
    with pytest.raises(NotAvailableError, match="no C2"):
        TwoLayer(relu, cross_entropy, 1.0, classes=3).plan(0.1, 1.0)


def test_errors_of_linearization_are_those_of_the_worst_output() -> None:
    net, rng = network("softplus", 3), np.random.default_rng(0)
    w, x = np.asarray(net.start) + rng.standard_normal(36), rng.standard_normal((5, 3))
    both: Any = net(w, x) - og.models.Linearized(net)(w, x)
    np.testing.assert_array_equal(linearization_error(net, w, x), np.abs(both).max(axis=1))
    with pytest.raises(NotAvailableError, match=r"one output a sample.*5 classes"):
        og.theory.search_linearization(net, x, net.neighborhood(1.0))
