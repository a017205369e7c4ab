"""The objective of an attack on a model, against formulas and difference quotients."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from olgame.attacks import FGSM, PGD, ModelObjective
from olgame.losses import hinge, logistic
from olgame.models import LinearModel, TwoLayerNet
from olgame.perturbations import l2, linf

RNG = np.random.default_rng


class MinusMargin:
    """l(z, y) = -y z, a loss that is flat nowhere; only what an objective needs of a loss."""

    def value(self, z: Any, y: Any) -> Any:
        return -y * z

    def derivative(self, z: Any, y: Any) -> Any:
        return -y + 0.0 * z


def problem(seed: int = 0, n: int = 6, d: int = 4) -> tuple[Any, Any, Any, Any]:
    rng = RNG(seed)
    model = TwoLayerNet(dim=d, width=10, activation="softplus", seed=seed)
    w = np.asarray(model.start) + 0.5 * rng.normal(size=10 * d)
    return model, w, rng.normal(size=(n, d)), np.where(rng.random(n) < 0.5, -1.0, 1.0)


def output(model: Any, w: Any, x: Any) -> Any:
    """f(w, x) written out."""
    hidden = np.asarray(w).reshape(10, -1)
    signs = model.two_layer(w).output
    return np.logaddexp(0.0, x @ hidden.T) @ signs


def test_value_and_output_are_the_formulas() -> None:
    model, w, x, y = problem()
    objective: Any = ModelObjective(model, w, y, logistic)
    z = output(model, w, x)
    np.testing.assert_allclose(objective.output(x), z, rtol=1e-13)
    expected = np.log1p(np.exp(-y * z))
    np.testing.assert_allclose(objective.value(x), expected, rtol=1e-13)
    np.testing.assert_allclose(objective.value_and_gradient(x)[0], expected, rtol=1e-13)


@pytest.mark.parametrize("climb", [None, MinusMargin()])
def test_gradient_is_that_of_the_loss_that_is_climbed(climb: Any) -> None:
    model, w, x, y = problem(1)
    _, gradient = ModelObjective(model, w, y, logistic, climb).value_and_gradient(x)

    def climbed(points: Any) -> Any:
        s = y * output(model, w, points)
        return np.log1p(np.exp(-s)) if climb is None else -s

    for j in range(x.shape[1]):
        h = np.zeros(x.shape[1])
        h[j] = 1e-5
        quotient = (climbed(x + h) - climbed(x - h)) / 2e-5
        np.testing.assert_allclose(np.asarray(gradient)[:, j], quotient, rtol=0, atol=1e-9)


def test_take_is_the_objective_of_these_samples() -> None:
    model, w, x, y = problem(2)
    objective: Any = ModelObjective(model, w, y, logistic, MinusMargin())  # type: ignore[arg-type]  # half a loss: it is only climbed
    index = np.array([4, 0, 5])
    part: Any = objective.take(index)
    np.testing.assert_array_equal(part.value(x[index]), np.asarray(objective.value(x))[index])
    for got, of_all in zip(
        part.value_and_gradient(x[index]), objective.value_and_gradient(x), strict=True
    ):
        np.testing.assert_allclose(got, np.asarray(of_all)[index], rtol=1e-14)


def test_games_differ_in_weights_and_labels() -> None:
    model, w, x, y = problem(3)
    ws, ys = np.stack([w, 2.0 * w]), np.stack([y, -y])
    together: Any = PGD(steps=3)(ModelObjective(model, ws, ys, logistic), x, l2(0.2), RNG(0))
    for g in range(2):
        alone: Any = PGD(steps=3)(ModelObjective(model, ws[g], ys[g], logistic), x, l2(0.2), RNG(0))
        np.testing.assert_allclose(together.x[g], alone.x, rtol=0, atol=1e-13)
        np.testing.assert_allclose(together.loss[g], alone.loss, rtol=0, atol=1e-13)


@pytest.mark.parametrize(("ball", "order"), [(l2, 2), (linf, 1)])
@pytest.mark.parametrize("attack", [FGSM(), PGD()])
@pytest.mark.parametrize("loss", [logistic, hinge])
def test_best_response_to_a_linear_model(attack: Any, ball: Any, order: int, loss: Any) -> None:
    """The margin falls by exactly rho dualnorm(w): norm2 for l2, norm1 for linf."""
    rng = RNG(4)
    w, x = rng.normal(size=5), 0.1 * rng.normal(size=(20, 5))
    y = np.where(rng.random(20) < 0.5, -1.0, 1.0)
    rho = rng.uniform(0.05, 0.2, 20)
    found = attack(ModelObjective(LinearModel(5), w, y, loss), x, ball(rho), RNG(0))
    margin = y * (x @ w) - rho * np.linalg.norm(w, order)
    assert margin.max() < 1.0  # the hinge is not flat anywhere on the way
    expected = np.maximum(0.0, 1.0 - margin) if loss is hinge else np.log1p(np.exp(-margin))
    np.testing.assert_allclose(found.loss, expected, rtol=0, atol=1e-12)


def test_climbing_another_loss_gets_off_a_plateau() -> None:
    """Beyond margin 1 the hinge is flat: nothing to climb there, the margin leads on.

    The result is scored, compared and reported in hinge loss all the same.
    """
    w, x, y = np.array([3.0, 4.0]), np.array([[0.3, 0.0], [0.0, 0.1]]), np.array([1.0, 1.0])
    stuck: Any = PGD()(ModelObjective(LinearModel(2), w, y, hinge), x, l2(0.1), RNG(0))
    margin = np.array([0.9, 0.4])
    np.testing.assert_allclose(stuck.loss, 1.0 - margin + 0.5, atol=1e-12)  # not flat here
    x = x + np.array([0.06, 0.08])  # margins 1.4 and 0.9
    blind: Any = PGD()(ModelObjective(LinearModel(2), w, y, hinge), x, l2(0.1), RNG(0))
    np.testing.assert_array_equal(blind.x[0], x[0])
    assert blind.loss[0] == 0.0
    climb: Any = MinusMargin()
    led: Any = PGD()(ModelObjective(LinearModel(2), w, y, hinge, climb), x, l2(0.1), RNG(0))
    np.testing.assert_allclose(led.loss, [0.1, 0.6], atol=1e-12)


@pytest.mark.parametrize("activation", ["softplus", "tanh", "gelu", "silu", "relu"])
@pytest.mark.parametrize("ball", [l2, linf])
def test_at_the_paired_start_there_is_nothing_to_climb(ball: Any, activation: str) -> None:
    """f(W_0, .) = 0: the gradient is 0 or rounding noise, and the inputs stay where they are.

    At the same net without pairs the attack moves every sample.
    """
    rng = RNG(0)
    x, y = rng.normal(size=(40, 16)), np.where(rng.random(40) < 0.5, -1.0, 1.0)
    for paired in (True, False):
        model = TwoLayerNet(dim=16, width=300, activation=activation, seed=1, paired=paired)
        objective: Any = ModelObjective(model, model.start, y, logistic)
        found: Any = PGD()(objective, x, ball(0.1), RNG(0))
        moved = np.abs(found.x - x).max(-1)
        assert (moved == 0.0).all() if paired else (moved > 0.0).all()


@pytest.mark.parametrize("ball", [l2, linf])
def test_rounding_noise_of_a_paired_start_is_not_amplified(ball: Any) -> None:
    """The same start with its neurons shuffled: pairs no longer cancel exactly, but to 1e-16."""
    rng = RNG(5)
    hidden = rng.normal(size=(200, 16))
    shuffle = rng.permutation(400)
    rows = np.concatenate([hidden, hidden])[shuffle]
    output_weights = (np.repeat([1.0, -1.0], 200) / 20.0)[shuffle]
    x, y = rng.normal(size=(40, 16)), np.where(rng.random(40) < 0.5, -1.0, 1.0)

    class Shuffled:
        def value(self, x: Any) -> Any:
            return np.logaddexp(0.0, -y * (np.logaddexp(0.0, x @ rows.T) @ output_weights))

        def value_and_gradient(self, x: Any) -> tuple[Any, Any]:
            slope = 1.0 / (1.0 + np.exp(-(x @ rows.T)))
            return self.value(x), -0.5 * y[:, None] * ((slope * output_weights) @ rows)

        def output(self, x: Any) -> Any:
            return np.logaddexp(0.0, x @ rows.T) @ output_weights

        def take(self, index: Any) -> Any:
            raise NotImplementedError

    noise = np.abs(Shuffled().value_and_gradient(x)[1]).max()
    assert 0.0 < noise < 1e-14
    found: Any = PGD()(Shuffled(), x, ball(0.1), RNG(0))
    np.testing.assert_array_equal(found.x, x)
