"""What is wrong in a network, a loss or a learner opens the books, each in its own account."""

from __future__ import annotations

from typing import Any

import attrs
import numpy as np
import pytest

import olgame as og
from olgame.adversaries import InputAttack
from olgame.learners import OnlineGradientDescent
from olgame.losses import Logistic
from tests.comparators import comparators
from tests.regret.ledger_game import DIM, RADIUS, ROUNDS, WIDTH, network, played, samples


@attrs.frozen(eq=False)
class Corrupted:
    """A model whose evaluation is wrong in one place."""

    inner: Any
    wrong: str
    start = property(lambda self: self.inner.start)
    dim = property(lambda self: self.inner.dim)
    deterministic = True
    name = "corrupted"

    def __call__(self, w: Any, x: Any) -> Any:
        return self.inner(w, x)

    def at(self, w: Any, x: Any) -> Any:
        at = self.inner.at(w, x)
        wrong = self.wrong

        class At:
            z = at.z
            pullback_x = staticmethod(at.pullback_x)
            pullback_w = staticmethod(
                lambda c: 1.01 * at.pullback_w(c) if wrong == "gradient" else at.pullback_w(c)
            )
            jvp_w = staticmethod(
                lambda v: 1.01 * at.jvp_w(v) if wrong == "forward mode" else at.jvp_w(v)
            )

        return At()

    def neighborhood(self, radius: float) -> Any:
        return self.inner.neighborhood(radius)

    def curvature_bound(self, x: Any) -> Any:
        return self.inner.curvature_bound(x)

    def asarray(self, values: Any) -> Any:
        return self.inner.asarray(values)


class WrongDerivative(Logistic):
    """1.01 times the derivative of the logistic loss."""

    def derivative(self, z: Any, y: Any) -> Any:
        return 1.01 * super().derivative(z, y)


@attrs.frozen(eq=False)
class WrongProjection:
    """The ball, with a projection onto a smaller or not centered ball."""

    ball: Any
    onto: Any
    center = property(lambda self: self.ball.center)
    diameter = property(lambda self: self.ball.diameter)

    def project(self, x: Any) -> Any:
        inside = np.asarray(self.ball.contains(x))[..., None]
        return np.where(inside, x, self.onto.project(x))

    def __getattr__(self, name: str) -> Any:
        return getattr(self.ball, name)


class WrongStep(OnlineGradientDescent):
    """Moves by 1.01 of the step that it reports."""

    def update(self, state: Any, feedback: Any, /) -> Any:
        return super().update(state, feedback._replace(gradient=1.01 * feedback.gradient))


@pytest.mark.parametrize("wrong", ["gradient", "forward mode"])
def test_a_wrong_derivative_of_the_network_opens_the_loss_account(wrong: str) -> None:
    run = played(Corrupted(network(), wrong))
    for u in comparators(run, 7).values():
        ledger = og.regret.ledger(run, u)
        assert not ledger.closes
        assert ledger.loss_closing_error > 1e-5
        assert "THE BOOKS ARE OPEN" in str(ledger)
        assert "gradient" in ledger.diagnosis()


def test_a_wrong_loss_derivative_opens_the_loss_account() -> None:
    run = played(loss=WrongDerivative())
    for u in comparators(run, 7).values():
        ledger = og.regret.ledger(run, u)
        assert ledger.loss_closing_error > 1e-5
        assert "the loss derivative" in ledger.diagnosis()


@pytest.mark.parametrize("onto", ["smaller", "shifted"])
def test_a_wrong_projection_opens_the_learners_account(onto: str) -> None:
    model = network()
    ball = model.neighborhood(RADIUS)
    shift = 0.01 * np.eye(1, WIDTH * DIM)[0]
    other = {
        "smaller": og.sets.L2Ball(0.9 * RADIUS, center=model.start),
        "shifted": og.sets.L2Ball(0.99 * RADIUS, center=model.start + shift),
    }[onto]
    run = played(model, decision_set=WrongProjection(ball, other))
    for u in comparators(run, 7).values():
        ledger = og.regret.ledger(run, u)
        assert ledger.loss_closing_error <= 1e-10
        assert ledger.learner_closing_error is not None
        assert ledger.learner_closing_error > 1e-7
        assert not ledger.closes
        assert "projection" in ledger.diagnosis()


def test_a_wrong_step_opens_the_learners_account() -> None:
    model = network()
    x, y = samples()
    adversary = InputAttack(
        model, x, y, loss=og.losses.hinge, attack=og.attacks.PGD(steps=2),
        perturbation_set=og.perturbations.linf(0.05),
    )  # fmt: skip
    run = og.play(
        WrongStep(3.0), adversary, model.neighborhood(RADIUS), rounds=ROUNDS, keep="examples"
    )
    ledger = og.regret.ledger(run, run.final_point)
    assert not ledger.closes
    assert run.update_error.max() > 1e-4


class Wanderer:
    """A learner whose moves no seed fixes; it reports no steps."""

    level = og.Level.GRADIENT

    def init(self, start: Any, decision_set: Any) -> Any:
        return start, decision_set, np.random.default_rng()

    def decide(self, state: Any, /) -> Any:
        return state[0]

    def update(self, state: Any, feedback: Any, /) -> Any:
        moved = state[0] + 0.05 * state[2].standard_normal(state[0].shape)
        return state[1].project(moved), state[1], state[2]

    def copy(self, state: Any, /) -> Any:
        return state


def test_books_of_another_game_are_open() -> None:
    model = network()
    x, y = samples()
    adversary = InputAttack(
        model, x, y, loss=og.losses.logistic, attack=og.attacks.FGSM(),
        perturbation_set=og.perturbations.l2(0.1),
    )  # fmt: skip
    run = og.play(Wanderer(), adversary, model.neighborhood(RADIUS), rounds=5, keep="points")
    ledger = og.regret.ledger(run, run.start)
    assert ledger.closing_error <= 1e-10
    assert not ledger.closes
    assert "not the game that was played" in ledger.diagnosis()


class ConsistentlyWrong(Corrupted):
    """Reverse and forward mode wrong alike: every identity closes."""

    def at(self, w: Any, x: Any) -> Any:
        at = self.inner.at(w, x)

        class At:
            z = at.z
            pullback_x = staticmethod(at.pullback_x)
            pullback_w = staticmethod(lambda c: 1.01 * at.pullback_w(c))
            jvp_w = staticmethod(lambda v: 1.01 * at.jvp_w(v))

        return At()


def test_derivatives_wrong_alike_show_in_the_slope() -> None:
    run = played(ConsistentlyWrong(network(), "both"))
    ledger = og.regret.ledger(run, run.start)
    assert ledger.closing_error <= 1e-10
    assert ledger.slope_error == pytest.approx(0.01 / 1.01, rel=0.1)
    assert not ledger.closes
    assert "not with its outputs" in ledger.diagnosis()
    right = og.regret.ledger(played(), run.start)
    assert right.slope_error is not None
    assert right.slope_error < 1e-4


class WrongPair(Logistic):
    """Twice the derivative, with a false conjugate that makes the identity close."""

    def derivative(self, z: Any, y: Any) -> Any:
        return 2.0 * super().derivative(z, y)

    def conjugate(self, p: Any, y: Any) -> Any:
        z = y * np.log((1 + p * y / 2) / (-p * y / 2))
        return p * z - self.value(z, y)


def test_a_false_conjugate_shows_in_the_sign() -> None:
    run = played(loss=WrongPair(), step=1.0)
    ledger = og.regret.ledger(run, run.start)
    assert ledger.loss_closing_error <= 1e-10
    assert ledger.curvature.min() < -1e-4
    assert not ledger.closes
