"""Policy regret: the adversary is played again, and one that cannot be is refused."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import olgame as og
from olgame.adversaries import Response, Timing
from olgame.exceptions import ArgumentError, NotAvailableError, NotKeptError
from olgame.losses import LinearLoss, QuadraticLoss

T, P, MEMORY = 25, 3, 3
BALL = og.sets.L2Ball(1.0, center=np.zeros(P))
DESCENT = og.learners.OnlineGradientDescent(0.1)


class Remembers:
    """Its targets are the mean of the last ``MEMORY`` points, and a little noise."""

    timing = Timing.SEES_POINT

    def init(self, seed: Any) -> Any:
        return seed, ()

    def respond(self, state: Any, view: Any, /) -> Any:
        seed, last = state
        last = (*last, np.asarray(view.point))[-MEMORY:]
        rng = og.randomness.generator(seed, "remembers", view.round)
        target = -sum(last) / len(last) + 0.1 * rng.standard_normal(P)
        return Response(QuadraticLoss(target)), (seed, last)


class LooksBack(Remembers):
    """The same from the points before this one."""

    timing = Timing.SEES_PAST

    def respond(self, state: Any, view: Any, /) -> Any:
        seed, last = state
        if view.previous_point is not None:
            last = (*last, np.asarray(view.previous_point))[-MEMORY:]
        target = -sum(last) / len(last) if last else np.ones(P)
        return Response(QuadraticLoss(target)), (seed, last)


def played_again(adversary: Any, points: Any, seed: int) -> float:
    """The total loss, with the adversary's rule written out."""
    total = 0.0
    for t, w in enumerate(points, start=1):
        if isinstance(adversary, LooksBack):
            last = points[max(0, t - 1 - MEMORY) : t - 1]
            target = -np.mean(last, axis=0) if t > 1 else np.ones(P)
        else:
            last = points[max(0, t - MEMORY) : t]
            rng = og.randomness.generator(seed, "remembers", t)
            target = -np.mean(last, axis=0) + 0.1 * rng.standard_normal(P)
        total += 0.5 * float((w - target) @ (w - target))
    return total


@pytest.mark.parametrize("keep", ["points", "examples"])
@pytest.mark.parametrize("adversary", [Remembers(), LooksBack()], ids=["sees w_t", "sees the past"])
def test_policy_regret_plays_the_adversary_against_the_comparator(
    adversary: Any, keep: Any
) -> None:
    start = np.array([0.5, 0.2, -0.3])
    run = og.play(DESCENT, adversary, BALL, rounds=T, start=start, seed=9, keep=keep)
    for u in (np.zeros(P), start, np.array([0.0, 0.6, 0.0])):
        expected = run.loss.sum() - played_again(adversary, [u] * T, 9)
        found = og.regret.policy(run, u)
        assert found == pytest.approx(expected, rel=1e-12)
        assert abs(found - og.regret.external(run, u)) > 0.1  # another number, here


def test_against_fixed_losses_it_is_external_regret() -> None:
    losses = [QuadraticLoss(a) for a in np.random.default_rng(0).standard_normal((T, P))]
    adversary = og.adversaries.ObliviousSequence(losses)
    run = og.play(DESCENT, adversary, BALL, rounds=T, keep="examples")
    u = np.array([0.1, -0.2, 0.3])
    expected = run.loss.sum() - sum(0.5 * np.sum((u - np.asarray(x.target)) ** 2) for x in losses)
    assert og.regret.policy(run, u) == pytest.approx(expected, rel=1e-12)


def test_an_attack_on_inputs_can_be_played_again() -> None:
    x, y = np.random.default_rng(0).standard_normal((6, 5)), np.where(np.arange(6) % 2, 1.0, -1.0)
    model = og.models.LinearModel(5)
    attack = og.attacks.PGD(steps=3, random_start=True)
    adversary = og.adversaries.InputAttack(
        model, x, y, loss=og.losses.logistic, attack=attack,
        perturbation_set=og.perturbations.l2(0.3),
    )  # fmt: skip
    run = og.play(DESCENT, adversary, model.neighborhood(2.0), rounds=10, seed=5, keep="examples")
    u = np.full(5, 0.3)
    found = og.regret.policy(run, u)
    # Attacked anew, u does worse than on the inputs that were meant for W_t.
    assert found < og.regret.external(run, u)


class Forgets(Remembers):
    """Keeps its memory outside its state."""

    def __init__(self) -> None:
        self.last: list[Any] = []

    def respond(self, state: Any, view: Any, /) -> Any:
        self.last.append(np.asarray(view.point))
        return Response(QuadraticLoss(-np.mean(self.last, axis=0))), state


def test_what_cannot_be_played_again_is_refused() -> None:
    start = np.array([0.5, 0.2, -0.3])
    run = og.play(DESCENT, Forgets(), BALL, rounds=T, start=start, keep="points")
    with pytest.raises(
        NotAvailableError, match="Forgets gave another loss in round 1 for the same"
    ):
        og.regret.policy(run, np.zeros(P))
    run = og.play(DESCENT, Remembers(), BALL, rounds=T, start=start)
    with pytest.raises(NotKeptError):
        og.regret.policy(run, np.zeros(P))
    run = og.play(DESCENT, Remembers(), BALL, rounds=T, start=start, keep="points")
    with pytest.raises(
        ArgumentError, match=r"`policy\(comparator=\.\.\.\)` must lie in the decision"
    ):
        og.regret.policy(run, np.ones(P))


def test_games_with_leading_axes() -> None:
    def contrarian(view: Any, rng: Any) -> Any:
        return LinearLoss(np.sign(np.asarray(view.point)))

    adversary = og.adversaries.from_function(contrarian, timing=Timing.SEES_POINT)
    starts = np.random.default_rng(0).uniform(-0.5, 0.5, (4, P))

    def play(start: Any) -> Any:
        ball = og.sets.L2Ball(1.0, center=np.zeros(P))
        return og.play(DESCENT, adversary, ball, rounds=T, start=start, keep="points")

    u = np.array([0.3, -0.4, 0.1])
    together = og.regret.policy(play(starts), u)
    for i in range(4):
        assert together[i] == pytest.approx(og.regret.policy(play(starts[i]), u), rel=1e-12)
