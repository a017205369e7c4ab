"""The report, what can be left out, and the functions that are lifted into parts."""

from __future__ import annotations

import random
from typing import Any

import numpy as np
import pytest

import olgame as og
from olgame.checks import check_adversary, check_learner, check_loss
from olgame.exceptions import ArgumentError, CheckError, DataError, OlgameError, ShapeError

BALL = og.sets.L2Ball(1.0, np.zeros(3))


def test_a_check_error_is_an_assertion_error() -> None:
    assert issubclass(CheckError, AssertionError)
    assert issubclass(CheckError, OlgameError)


def test_what_is_skipped_is_reported() -> None:
    report = check_loss(og.losses.hinge, skip=["convex", "side effects"])
    assert report.skipped["convex"] == "left out with `skip`"
    assert report.skipped["side effects"] == "left out with `skip`"
    assert "convex" not in report.passed
    assert "side effects" not in report.passed
    assert "not checked: convex (left out with `skip`)" in str(report)


def test_an_unknown_name_is_refused() -> None:
    with pytest.raises(
        ArgumentError, match=r"`check\(skip=...\)` must hold names of .*'convexity'"
    ):
        check_loss(og.losses.hinge, skip=["convexity"])
    with pytest.raises(ArgumentError, match="convexity"):
        check_loss(og.losses.hinge, skip="convexity")


def test_an_adversary_without_a_start_asks_for_one() -> None:
    with pytest.raises(ArgumentError, match=r"`check_adversary\(start=...\)` is needed"):
        check_adversary(og.adversaries.MinimaxLinear(1.0))


def test_checks_leave_global_randomness_alone() -> None:
    before, python = np.random.get_state()[1].copy(), random.getstate()  # type: ignore[index]  # noqa: NPY002
    check_learner(og.learners.OnlineGradientDescent(0.1))
    with pytest.raises(CheckError, match="NumPy's global random state"):
        check_loss(_drawing())
    assert np.array_equal(np.random.get_state()[1], before)  # type: ignore[index]  # noqa: NPY002
    assert random.getstate() == python


def _drawing() -> Any:
    def value(z: Any, y: Any) -> Any:
        np.random.normal()  # noqa: NPY002
        return og.losses.logistic.value(z, y)

    return og.losses.from_function(value, og.losses.logistic.derivative)


# --- lifts --------------------------------------------------------------------------------------


def test_a_lifted_learner_is_the_learner_it_writes_down() -> None:
    lifted = og.learners.from_function(lambda w, feedback: w - 0.1 * feedback.gradient)
    minimax = og.adversaries.MinimaxLinear(1.0)
    runs = [
        og.play(lifted, minimax, BALL, rounds=30),
        og.play(og.learners.OnlineGradientDescent(0.1), minimax, BALL, rounds=30),
    ]
    assert np.array_equal(runs[0].loss, runs[1].loss)
    assert np.array_equal(np.asarray(runs[0].final_point), np.asarray(runs[1].final_point))


def test_a_lifted_learner_may_write_into_what_it_gets() -> None:
    def careless(w: Any, feedback: Any) -> Any:
        w -= 0.1 * feedback.gradient
        return w

    check_learner(og.learners.from_function(careless))


def test_the_memory_of_a_lifted_learner_is_copied() -> None:
    def counting(w: Any, feedback: Any, seen: list[int]) -> tuple[Any, list[int]]:
        seen.append(feedback.round)  # in place, on purpose
        return w - 0.01 * len(seen), seen

    check_learner(og.learners.from_function(counting, memory=lambda start: []))


def test_lifts_refuse_what_is_no_function() -> None:
    wrong: Any = 3.0
    with pytest.raises(ArgumentError, match=r"`learners.from_function\(function=...\)`"):
        og.learners.from_function(wrong)
    with pytest.raises(ArgumentError, match=r"`learners.from_function\(memory=...\)`"):
        og.learners.from_function(lambda w, f: w, memory=wrong)
    with pytest.raises(ArgumentError, match=r"`attacks.from_function\(function=...\)`"):
        og.attacks.from_function(wrong)
    with pytest.raises(ArgumentError, match=r"`losses.from_function\(derivative=...\)`"):
        og.losses.from_function(lambda z, y: z, wrong)
    with pytest.raises(ArgumentError, match=r"`adversaries.from_function\(function=...\)`"):
        og.adversaries.from_function(wrong, timing=og.adversaries.Timing.OBLIVIOUS)
    with pytest.raises(ArgumentError, match=r"`adversaries.from_function\(timing=...\)`"):
        og.adversaries.from_function(lambda v, rng: og.losses.LinearLoss(np.ones(3)), timing=wrong)


def test_lifts_refuse_wrong_answers() -> None:
    learner = og.learners.from_function(lambda w, feedback: w[:2])
    with pytest.raises(ShapeError, match=r"must return a point of shape \(3,\)"):
        og.play(learner, og.adversaries.MinimaxLinear(1.0), BALL, rounds=1)
    answer: Any = lambda view, rng: 3.0  # noqa: E731
    adversary = og.adversaries.from_function(answer, timing=og.adversaries.Timing.OBLIVIOUS)
    with pytest.raises(ArgumentError, match="must return a round loss or a Response, got 3"):
        og.play(og.learners.OnlineGradientDescent(0.1), adversary, BALL, rounds=1)
    squared = og.losses.from_function(lambda z, y: (z - y) ** 2, lambda z, y: 2.0 * (z - y))
    with pytest.raises(DataError, match="finite labels"):
        squared.check_labels(np.array([1.0, np.nan]))


def test_a_lifted_adversary_draws_by_seed_and_round() -> None:
    def draw(view: Any, rng: np.random.Generator) -> Any:
        return og.losses.LinearLoss(rng.standard_normal(3))

    adversary = og.adversaries.from_function(draw, timing=og.adversaries.Timing.OBLIVIOUS)
    learner = og.learners.OnlineGradientDescent(0.1)
    losses = [og.play(learner, adversary, BALL, rounds=5, seed=s).inner for s in (0, 0, 1)]
    assert np.array_equal(losses[0], losses[1])
    assert not np.array_equal(losses[0], losses[2])
    assert len(np.unique(losses[0])) == 5


@pytest.mark.parametrize(
    ("loss", "exact"),
    [
        # Written by hand: l*(p) for y = 1.
        (lambda z, y: 0.5 * (z - y) ** 2, lambda p: p**2 / 2.0 + p),
        (lambda z, y: abs(z - y), lambda p: np.where(abs(p) <= 1.0, p, np.inf)),
        (lambda z, y: np.exp(-y * z), lambda p: np.where(p < 0.0, -p * np.log(-p) + p, np.inf)),
        (lambda z, y: np.maximum(0.0, 1.0 - y * z), lambda p: np.where(p >= -1.0, p, np.inf)),
        (
            lambda z, y: np.logaddexp(0.0, -y * z),
            lambda p: -p * np.log(-p) + (1.0 + p) * np.log1p(p),
        ),
        (lambda z, y: np.cosh(z - y), lambda p: p + p * np.arcsinh(p) - np.sqrt(1.0 + p**2)),
    ],
    ids=["squared", "absolute", "exponential", "hinge", "logistic", "cosh"],
)
def test_numerical_conjugates_agree_with_hand_calculation(loss: Any, exact: Any) -> None:
    lifted = og.losses.from_function(loss, lambda z, y: z)
    p = np.array([-0.999, -0.9, -0.5, -0.25, -1e-3, -1e-9])
    found = np.asarray(lifted.conjugate(p, np.ones(6)))
    assert np.allclose(found, exact(p), rtol=0.0, atol=1e-14)


def test_numerical_conjugates_know_their_domain() -> None:
    hinge = og.losses.hinge
    lifted = og.losses.from_function(hinge.value, hinge.derivative)
    p = np.array([-1.5, -1.001, -1.0, 0.0, 0.001, 2.0, np.nan])
    found = np.asarray(lifted.conjugate(p, np.ones(7)))
    assert np.array_equal(np.isinf(found), [True, True, False, False, True, True, False])
    assert np.isnan(found[-1])
    assert np.array_equal(found[2:4], [-1.0, 0.0])


def test_a_lifted_loss_closes_the_ledger_and_a_wrong_derivative_opens_it() -> None:
    x, y = np.random.default_rng(0).standard_normal((6, 4)), np.array([1.0, -1.0] * 3)
    model = og.models.TwoLayerNet(dim=4, width=8, activation="softplus")
    logistic = og.losses.logistic

    def closes(factor: float) -> bool:
        def slope(z: Any, y: Any) -> Any:
            return factor * np.asarray(logistic.derivative(z, y))

        loss = og.losses.from_function(logistic.value, slope)
        allowed = og.perturbations.l2(0.1)
        adversary = og.adversaries.InputAttack(
            model, x, y, loss=loss, attack=og.attacks.FGSM(), perturbation_set=allowed
        )
        learner = og.learners.OnlineGradientDescent(0.5)
        run = og.play(learner, adversary, model.neighborhood(1.0), rounds=5, keep="examples")
        return bool(og.regret.ledger(run, run.final_point).closes)

    assert closes(1.0)
    assert not closes(1.01)
