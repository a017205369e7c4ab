"""Sharpness-aware gradients: where they are taken, what they do to regret."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import olgame as og
from olgame.exceptions import ArgumentError
from olgame.learners import (
    Ader,
    Noisy,
    OnePointBandit,
    OnlineGradientDescent,
    SharpnessAware,
)
from olgame.losses import LinearLoss, QuadraticLoss
from olgame.theory import SharpnessAwareBound, check_bound
from tests.learners.ball_games import NAMES, onto_ball, opponent, points_of

T, P, RADIUS, G, RHO = 80, 4, 1.5, 2.0, 0.2
CENTER = np.array([0.3, -0.2, 0.1, 0.5])
BALL = og.sets.L2Ball(RADIUS, center=CENTER)
DESCENT = OnlineGradientDescent(0.1)
LEARNER = SharpnessAware(DESCENT, RHO)


def quadratics(seed: int = 0) -> list[QuadraticLoss]:
    rng = np.random.default_rng(seed)
    targets = CENTER + rng.standard_normal((T, P))
    return [QuadraticLoss(a, curvature=0.5 + t % 3) for t, a in enumerate(targets)]


def test_points_are_those_of_gradients_where_the_loss_is_larger() -> None:
    losses = quadratics()
    adversary = og.adversaries.ObliviousSequence(losses)
    run = og.play(LEARNER, adversary, BALL, rounds=T, keep="points")
    points = points_of(run)
    assert np.sqrt(np.sum((points - CENTER) ** 2, axis=1)).max() <= RADIUS * (1 + 1e-14)
    w, told = CENTER, []
    for loss in losses:
        away = w - loss.target
        length = np.sqrt(away @ away)
        # mu (w + rho (w - a)/|w - a| - a) = mu (1 + rho/|w - a|) (w - a)
        told.append(loss.curvature * (1 + RHO / length) * away)
        w = onto_ball(w - 0.1 * told[-1], CENTER, RADIUS)
    np.testing.assert_allclose(points[-1], w, rtol=0, atol=1e-12)

    # One step of the proof, for several comparators; the bound; and what the term is.
    gradients = np.stack(
        [loss.curvature * (x - loss.target) for loss, x in zip(losses, points, strict=False)]
    )
    lengths = np.linalg.norm(gradients, axis=1)
    extra = RHO * (np.vecdot(np.stack(told), gradients) / lengths - lengths)
    np.testing.assert_allclose(extra, RHO**2 * np.array([loss.curvature for loss in losses]))
    rng = np.random.default_rng(1)
    for u in (CENTER, *onto_ball(CENTER + 9 * rng.standard_normal((5, P)), CENTER, RADIUS)):
        worse = [
            float(np.asarray(loss.value(x)) - np.asarray(loss.value(u)))
            for loss, x in zip(losses, points, strict=False)
        ]
        assert (worse <= np.vecdot(np.stack(told), points[:-1] - u) + extra + 1e-12).all()
        bound = SharpnessAwareBound(LEARNER, u)
        check = check_bound(bound, run)
        assert check.conclusion == "certified_holds", check
        assert check.regret[-1] == pytest.approx(sum(worse))
        total = np.stack(told).sum(axis=0)
        own = np.sum(np.stack(told) * (points[:-1] - CENTER)) + RADIUS * np.linalg.norm(total)
        assert check.bound[-1] == pytest.approx(own + extra.sum())


@pytest.mark.parametrize("inner", [DESCENT, Ader(T, G)], ids=["descent", "ader"])
@pytest.mark.parametrize("name", NAMES)
def test_linear_losses_change_nothing_and_make_the_bound_tight(name: str, inner: Any) -> None:
    learner = SharpnessAware(inner, RHO)
    runs = [
        og.play(one, opponent(name, T, CENTER, G), BALL, rounds=T, keep="points")
        for one in (learner, inner)
    ]
    np.testing.assert_array_equal(points_of(runs[0]), points_of(runs[1]))
    check = check_bound(SharpnessAwareBound(learner), runs[0])
    assert check.conclusion == "certified_holds", check
    assert check.regret[-1] == pytest.approx(check.bound[-1], rel=1e-10, abs=1e-10)
    assert check.regret[-1] == pytest.approx(og.regret.linear(runs[0]).value, rel=1e-10, abs=1e-10)


def test_a_gradient_of_zero_is_no_direction() -> None:
    flat = og.adversaries.ObliviousSequence([QuadraticLoss(CENTER)] * 3)
    run = og.play(LEARNER, flat, BALL, rounds=3)
    np.testing.assert_array_equal(np.asarray(run.final_point), CENTER)


class Descending(SharpnessAware[Any]):
    """Takes the gradient where the loss is smaller, and hands on one that is turned around."""

    def gradient_at(self, feedback: Any) -> Any:
        return -super().gradient_at(feedback)


def test_a_broken_wrapper_is_found_out() -> None:
    adversary = og.adversaries.ObliviousSequence(quadratics())
    run = og.play(Descending(DESCENT, RHO), adversary, BALL, rounds=T, keep="points")
    check = check_bound(SharpnessAwareBound(LEARNER), run)
    assert check.premises["played by SharpnessAware"].fails
    # On the network-like losses the wrapper's own premise matters too.
    assert check.conclusion == "open"
    true = og.play(LEARNER, adversary, BALL, rounds=T)
    assert run.loss.sum() > 1.5 * true.loss.sum()


def test_wrappers_nest_and_refuse_what_they_cannot_wrap() -> None:
    nested = SharpnessAware(Noisy(DESCENT, gradient=og.noise.Gaussian(0.1)), RHO)
    push = og.adversaries.ObliviousSequence([LinearLoss(np.ones(P))] * 3)
    assert og.play(nested, push, BALL, rounds=3).rounds == 3
    bads: tuple[tuple[Any, str], ...] = (
        (OnePointBandit(0.1, 0.1), "got OnePointBandit, of level VALUE"),
        (LEARNER, "got SharpnessAware, of level FULL"),
        (0.1, "got float, no learner"),
    )
    for bad, message in bads:
        with pytest.raises(ArgumentError, match=message):
            SharpnessAware(bad, RHO)
    with pytest.raises(ArgumentError, match=r"`SharpnessAware\(radius=\.\.\.\)` must be finite"):
        SharpnessAware(DESCENT, 0.0)
