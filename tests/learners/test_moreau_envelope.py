"""Gradients of Moreau envelopes: against closed forms, their certificate, what regret they have."""

from __future__ import annotations

import math
from typing import Any

import attrs
import cvxpy as cp
import numpy as np
import pytest
from numpy.typing import NDArray

import olgame as og
from olgame.exceptions import ArgumentError
from olgame.learners import MoreauEnvelope, OnePointBandit, OnlineGradientDescent
from olgame.losses import LinearLoss, QuadraticLoss
from olgame.losses.round_loss import Remainder, RoundEvaluation
from olgame.theory import MoreauEnvelopeBound, check_bound
from tests.learners.ball_games import NAMES, onto_ball, opponent, points_of

Floats = NDArray[np.float64]
cvx: Any = cp  # its names are made when it is imported
T, P, RADIUS, G, SMOOTH = 60, 4, 1.5, 2.0, 0.5
CENTER = np.array([0.3, -0.2, 0.1, 0.5])
BALL = og.sets.L2Ball(RADIUS, center=CENTER)
DESCENT = OnlineGradientDescent(SMOOTH)
LEARNER = MoreauEnvelope(DESCENT, SMOOTH)


@attrs.frozen(eq=False)
class LargestOf:
    """l(w) = max_i <a_i, w> + b_i, rows a_i: convex, with kinks."""

    slopes: Any
    offsets: Any

    def _values(self, w: Any) -> Any:
        return np.asarray(w) @ self.slopes.T + self.offsets

    def value(self, w: Any) -> Any:
        return self._values(w).max(axis=-1)

    def evaluate(self, w: Any) -> RoundEvaluation:
        values = self._values(w)
        return RoundEvaluation(values.max(axis=-1), self.slopes[values.argmax(axis=-1)])

    def remainder(self, w: Any, u: Any) -> Remainder:
        raise NotImplementedError


def kinked(seed: int, pieces: int = 3) -> LargestOf:
    rng = np.random.default_rng(seed)
    return LargestOf(rng.standard_normal((pieces, P)), rng.standard_normal(pieces) / 3)


def quadratics() -> list[QuadraticLoss]:
    rng = np.random.default_rng(0)
    return [QuadraticLoss(CENTER + rng.standard_normal(P), curvature=0.5 + t % 4) for t in range(T)]


def solved(loss: LargestOf, w: Floats) -> tuple[Floats, float]:
    """The proximal point by another solver, and the envelope there."""
    z, top = cp.Variable(P), cp.Variable()
    objective = top + cvx.sum_squares(z - w) / (2 * SMOOTH)
    problem = cp.Problem(cp.Minimize(objective), [loss.slopes @ z + loss.offsets <= top])
    value: Any = problem.solve(solver=cp.CLARABEL)  # type: ignore[no-untyped-call]  # untyped cvxpy
    return np.asarray(z.value), float(value)


def test_quadratics_have_their_closed_form() -> None:
    w = CENTER + 0.7
    for loss in quadratics()[:8]:
        found = LEARNER.envelope_gradient(loss, w)
        factor = loss.curvature / (1 + SMOOTH * loss.curvature)
        away = w - np.asarray(loss.target)
        envelope, exact = factor / 2 * float(away @ away), factor * away
        error = np.sum((np.asarray(found.gradient) - exact) ** 2)
        assert found.converged
        assert error <= 2 * max(float(found.gap), 1e-15) / SMOOTH
        assert envelope - 1e-12 <= found.envelope <= envelope + found.gap + 1e-12


@pytest.mark.parametrize("seed", range(6))
def test_kinks_against_another_solver(seed: int) -> None:
    """The gap bounds the error, whether or not it reached the tolerance."""
    w = np.random.default_rng(seed + 10).standard_normal(P)
    loss = kinked(seed)
    z, envelope = solved(loss, w)
    for steps in (1, 3, 20, 500):
        learner = MoreauEnvelope(DESCENT, SMOOTH, tolerance=1e-6, max_steps=steps)
        found = learner.envelope_gradient(loss, w)
        near = w - SMOOTH * np.asarray(found.gradient)
        gap = float(found.gap)
        assert found.steps <= steps
        assert bool(found.converged) == (gap <= 1e-6 + 1e-13)
        assert np.sum((near - z) ** 2) <= 2 * SMOOTH * gap + 1e-7
        assert envelope - 1e-7 <= found.envelope <= envelope + gap + 1e-7
        # gbar is a gap-subgradient at the proximal point.
        for u in w + 3 * np.random.default_rng(1).standard_normal((20, P)):
            line = loss.value(near) + np.asarray(found.gradient) @ (u - near) - gap
            assert loss.value(u) >= line - 1e-12
    assert found.converged


@pytest.mark.parametrize("kind", ["quadratic", "kinked"])
def test_feasible_each_step_of_the_proof_and_regret(kind: str) -> None:
    losses: list[Any] = quadratics() if kind == "quadratic" else [kinked(t) for t in range(T)]
    adversary = og.adversaries.ObliviousSequence(losses)
    run = og.play(LEARNER, adversary, BALL, rounds=T, keep="points")
    points = points_of(run)
    assert np.sqrt(np.sum((points - CENTER) ** 2, axis=1)).max() <= RADIUS * (1 + 1e-14)
    found = [LEARNER.envelope_gradient(x, w) for x, w in zip(losses, points, strict=False)]
    told = np.stack([np.asarray(one.gradient) for one in found])
    np.testing.assert_allclose(
        points[1:], onto_ball(points[:-1] - SMOOTH * told, CENTER, RADIUS), rtol=0, atol=1e-12
    )
    gaps = np.array([float(one.gap) for one in found])
    envelopes = np.array([float(one.envelope) for one in found]) - gaps  # at most l_lambda(W_t)
    gradients = np.stack(
        [np.asarray(x.evaluate(w).gradient) for x, w in zip(losses, points, strict=False)]
    )
    extra = SMOOTH * np.vecdot(gradients - told, told) + gaps
    rng = np.random.default_rng(1)
    for u in (CENTER, *onto_ball(CENTER + 9 * rng.standard_normal((5, P)), CENTER, RADIUS)):
        at_u = np.array([float(x.value(u)) for x in losses])
        inner = np.vecdot(told, points[:-1] - u)
        assert (run.loss - at_u <= inner + extra + 1e-12).all()
        squares = np.vecdot(told, told)
        assert (envelopes + gaps - at_u <= inner - SMOOTH / 2 * squares + gaps + 1e-12).all()
        # On the envelopes the regret does not grow.
        distance = float((u - CENTER) @ (u - CENTER))
        assert (envelopes - at_u).sum() <= distance / (2 * SMOOTH) + gaps.sum()
        check = check_bound(MoreauEnvelopeBound(LEARNER, u), run)
        assert check.conclusion == "certified_holds", check
        assert check.regret[-1] == pytest.approx((run.loss - at_u).sum())
        total = told.sum(axis=0)
        own = np.sum(told * (points[:-1] - CENTER)) + RADIUS * math.sqrt(total @ total)
        assert check.bound[-1] == pytest.approx(own + extra.sum(), rel=1e-9)


@pytest.mark.parametrize("name", NAMES)
def test_linear_losses_change_nothing_and_make_the_bound_tight(name: str) -> None:
    learners: tuple[Any, ...] = (LEARNER, DESCENT)
    runs = [
        og.play(one, opponent(name, T, CENTER, G), BALL, rounds=T, keep="points")
        for one in learners
    ]
    np.testing.assert_array_equal(points_of(runs[0]), points_of(runs[1]))
    check = check_bound(MoreauEnvelopeBound(LEARNER), runs[0])
    assert check.conclusion == "certified_holds", check
    assert check.regret[-1] == pytest.approx(check.bound[-1], rel=1e-9, abs=1e-9)


def test_convergence_is_a_field_of_the_state() -> None:
    loss: Any = kinked(0, pieces=6)
    loss = LargestOf(loss.slopes, -loss.slopes @ CENTER)  # all pieces meet at the point
    for steps, converged in ((1, False), (2000, True)):
        learner = MoreauEnvelope(DESCENT, SMOOTH, tolerance=1e-3, max_steps=steps)
        state = learner.init(CENTER, BALL)
        assert (state.last.steps, state.last.converged) == (0, False)
        feedback = og.Feedback(1, CENTER, loss.value(CENTER), loss.evaluate(CENTER).gradient, loss)
        state = learner.update(state, feedback)
        assert bool(state.last.converged) is converged


class Plain(MoreauEnvelope[Any]):
    """Hands on the gradient of the loss with its sign turned."""

    def envelope_gradient(self, loss: Any, w: Any, known: Any = None) -> Any:
        found = super().envelope_gradient(loss, w, known)
        return attrs.evolve(found, gradient=-found.gradient)


def test_a_broken_wrapper_is_found_out() -> None:
    adversary = og.adversaries.ObliviousSequence(quadratics())
    run = og.play(Plain(DESCENT, SMOOTH), adversary, BALL, rounds=T, keep="points")
    check = check_bound(MoreauEnvelopeBound(LEARNER, CENTER), run)
    assert check.premises["played by MoreauEnvelope"].fails
    assert check.conclusion == "open"


def test_bad_arguments_are_refused() -> None:
    with pytest.raises(ArgumentError, match="got OnePointBandit, of level VALUE"):
        MoreauEnvelope(OnePointBandit(0.1, 0.1), SMOOTH)
    with pytest.raises(ArgumentError, match=r"`MoreauEnvelope\(smoothing=\.\.\.\)` must be finite"):
        MoreauEnvelope(DESCENT, math.inf)
    with pytest.raises(ArgumentError, match=r"`MoreauEnvelope\(max_steps=\.\.\.\)` must be an int"):
        MoreauEnvelope(DESCENT, 1.0, max_steps=0)
    flat = LinearLoss(np.zeros(P))
    found = LEARNER.envelope_gradient(flat, CENTER)
    assert found.converged
    assert not np.asarray(found.gradient).any()
