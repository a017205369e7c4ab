"""The books close on the non-convex network, and every corruption opens them."""

from __future__ import annotations

from typing import Any

import attrs
import numpy as np
import pytest

import olgame as og
from olgame.adversaries import InputAttack, ObliviousSequence
from olgame.exceptions import ArgumentError
from olgame.learners import OnlineGradientDescent
from olgame.losses import LinearLoss, Logistic, QuadraticLoss
from olgame.step_sizes import AdaGradNorm, Decreasing
from tests.comparators import comparators

ROUNDS, RADIUS, WIDTH, DIM = 25, 2.0, 32, 5


def samples(seed: int = 0) -> tuple[Any, Any]:
    rng = np.random.default_rng(seed)
    y = np.where(np.arange(14) % 2, 1.0, -1.0)
    x = rng.standard_normal((14, DIM)) + 0.8 * y[:, None]
    return x / np.sqrt(np.sum(x**2, axis=1, keepdims=True)), y


def network(activation: str = "softplus", paired: bool = True) -> og.models.TwoLayerNet:
    return og.models.TwoLayerNet(dim=DIM, width=WIDTH, activation=activation, seed=1, paired=paired)


def played(
    model: Any = None, loss: Any = None, step: Any = 3.0, decision_set: Any = None, **options: Any
) -> og.Transcript:
    model = network() if model is None else model
    x, y = samples()
    adversary = InputAttack(
        model,
        x,
        y,
        loss=og.losses.logistic if loss is None else loss,
        attack=og.attacks.PGD(steps=4),
        perturbation_set=og.perturbations.l2(0.2),
    )
    decision_set = model.neighborhood(RADIUS) if decision_set is None else decision_set
    return og.play(
        OnlineGradientDescent(step),
        adversary,
        decision_set,
        rounds=ROUNDS,
        keep="points",
        **options,
    )


@pytest.mark.parametrize("activation", ["softplus", "tanh", "gelu", "silu", "relu"])
@pytest.mark.parametrize("loss", ["logistic", "hinge", "smoothed_hinge"])
def test_the_books_close_on_the_network(activation: str, loss: str) -> None:
    run = played(network(activation, paired=activation != "relu"), getattr(og.losses, loss))
    # The projection is at work: without it the learner's account would be trivial.
    assert (run.distance > 0.999 * RADIUS).any()
    for name, u in comparators(run, 7).items():
        ledger = og.regret.ledger(run, u)
        assert ledger.closes, (name, str(ledger))
        assert ledger.closing_error <= 1e-10
        assert ledger.curvature.min() >= -1e-14
        assert ledger.projection_gain is not None
        assert ledger.projection_gain.min() >= -1e-14


@pytest.mark.parametrize(
    "step", [3.0, Decreasing(2 * RADIUS, 0.4), AdaGradNorm(2.0 * RADIUS)], ids=repr
)
def test_entries_equal_their_formulas_written_out(step: Any) -> None:
    """Every entry from points, gradients by finite differences and the logistic loss by hand."""
    run = played(step=step)
    u = np.asarray(comparators(run, 7)["random"])
    ledger = og.regret.ledger(run, u)
    hidden_signs = np.asarray(network().two_layer(run.start).output) * np.sqrt(WIDTH)

    def f(w: Any, x: Any) -> Any:
        z = x @ w.reshape(WIDTH, DIM).T
        return np.log1p(np.exp(z)) @ hidden_signs / np.sqrt(WIDTH)

    assert run.points is not None
    assert run.round_losses is not None
    for t in (0, 3, ROUNDS - 1):
        w, kept = np.asarray(run.points[t]), run.round_losses[t]
        x, y = np.asarray(kept.x), np.asarray(kept.y)  # type: ignore[attr-defined]
        z_w, z_u = f(w, x), f(u, x)
        slope = -y / (1.0 + np.exp(y * z_w))
        h = 1e-5
        jacobian = (f(w + h * (u - w), x) - f(w - h * (u - w), x)) / (2 * h)
        bregman = np.log1p(np.exp(-y * z_u)) - np.log1p(np.exp(-y * z_w)) - slope * (z_u - z_w)
        assert ledger.comparator_loss[t] == pytest.approx(np.mean(np.log1p(np.exp(-y * z_u))))
        assert ledger.curvature[t] == pytest.approx(np.mean(bregman), rel=1e-9)
        assert ledger.nonlinearity[t] == pytest.approx(
            np.mean(slope * (z_u - z_w - jacobian)), rel=1e-5
        )
        assert ledger.linear[t] == pytest.approx(-np.mean(slope * jacobian), rel=1e-7)
        following = np.asarray(run.points[t + 1] if t + 1 < ROUNDS else run.final_point)
        decrease = (np.sum((w - u) ** 2) - np.sum((following - u) ** 2)) / (2 * run.step_size[t])
        assert ledger.distance_decrease is not None
        assert ledger.distance_decrease[t] == pytest.approx(decrease, rel=1e-9, abs=1e-12)
        # The projection gain from the projection's own definition, not from the support function.
        assert ledger.projection_gain is not None
        g = np.asarray(kept.evaluate(w).gradient)
        before = w - run.step_size[t] * g
        gain = (np.sum((before - u) ** 2) - np.sum((following - u) ** 2)) / (2 * run.step_size[t])
        assert ledger.projection_gain[t] == pytest.approx(gain, rel=1e-7, abs=1e-9)


def test_several_ledgers_from_one_replay_are_the_single_ones() -> None:
    run = played()
    points = comparators(run, 7)
    known = og.Interval(
        og.Certified(0.1, "lower", "by hand"), og.Certified(9.0, "upper", "by hand")
    )
    together = og.regret.ledgers(run, points, robust_loss={"last": known})
    assert list(together) == list(points)
    for name, u in points.items():
        alone = og.regret.ledger(run, u, robust_loss=known if name == "last" else None)
        assert together[name].comparator is u
        assert together[name].robust_loss is alone.robust_loss
        for column in ("comparator_loss", "linear", "curvature", "nonlinearity", "projection_gain"):
            np.testing.assert_array_equal(
                getattr(together[name], column), getattr(alone, column), err_msg=name
            )
    with pytest.raises(ArgumentError, match=r"`ledgers\(robust_loss=\.\.\.\)`.*'first'"):
        og.regret.ledgers(run, points, robust_loss={"first": known})
    with pytest.raises(ArgumentError, match=r"`ledgers\(comparators=\.\.\.\)` must have the shape"):
        og.regret.ledgers(run, {"short": run.start[1:]})


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


def test_rows_add_up_and_the_slack_is_an_interval() -> None:
    run = played()
    u = comparators(run, 7)["last"]
    bare = og.regret.ledger(run, u)
    low, high = float(bare.comparator_loss.mean()), 1.0
    robust = og.Interval(og.Certified(low, "lower", "hand"), og.Certified(high, "upper", "hand"))
    ledger = og.regret.ledger(run, u, robust_loss=robust)
    assert ledger.slack is not None
    # The largest l_t(u) is itself a lower bound of L_*(u).
    assert ledger.slack[0] == pytest.approx(bare.comparator_loss.max() - low)
    assert ledger.slack[1] == pytest.approx(high - low)
    for book in (bare, ledger):
        total = 0.0
        for row in book.rows():
            value = np.mean(row.value)
            if row.symbol.startswith("="):
                if row.entry == "average loss" and book is bare:
                    assert total == pytest.approx(value, abs=1e-12)
                total = 0.0 if row.entry == "average loss" else total
            else:
                total += float(value)
    assert og.regret.external(run, u) == pytest.approx(
        float((bare.loss - bare.comparator_loss).sum()), rel=1e-12
    )


def test_quadratic_and_linear_rounds_keep_books_too() -> None:
    rng = np.random.default_rng(0)
    losses: list[Any] = [QuadraticLoss(rng.standard_normal(4), curvature=2.0) for _ in range(8)]
    losses += [LinearLoss(rng.standard_normal(4), offset=0.3) for _ in range(8)]
    ball = og.sets.L2Ball(0.5, center=np.zeros(4))
    run = og.play(
        OnlineGradientDescent(0.2), ObliviousSequence(losses), ball, rounds=16, keep="examples"
    )
    u = 0.5 * np.eye(4)[2]
    ledger = og.regret.ledger(run, u)
    assert ledger.closes
    assert ledger.curvature[8:].max() == 0.0


def test_a_comparator_of_another_shape_is_refused() -> None:
    run = played()
    with pytest.raises(og.exceptions.ArgumentError, match=r"`ledger\(comparator=\.\.\.\)`"):
        og.regret.ledger(run, np.zeros(3))


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


def test_an_interval_of_something_else_is_refused() -> None:
    run = played()
    low = og.Interval(og.Certified(0.0, "lower", "hand"), og.Certified(0.01, "upper", "hand"))
    with pytest.raises(og.exceptions.ArgumentError, match="of another point"):
        og.regret.ledger(run, run.start, robust_loss=low)
