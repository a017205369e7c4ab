"""Replay: the same game again from its kept losses, without the attack."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from olgame.feedback import Feedback
from olgame.learners.learner import GradientStep, TakesGradientSteps
from olgame.losses.round_loss import RoundEvaluation, RoundLoss
from olgame.transcript import Transcript
from olgame.typing import Array

__all__ = ["ReplayedRound", "replay"]


class ReplayedRound(NamedTuple):
    """One round of a replayed game.

    Attributes:
        round: t, from 1.
        point: W_t.
        loss: l_t.
        evaluation: l_t(W_t), g_t, kappa_t.
        step: y_t and alpha_t, where the learner takes gradient steps.
        next_point: W_{t+1}.
    """

    round: int
    point: Array
    loss: RoundLoss
    evaluation: RoundEvaluation
    step: GradientStep | None
    next_point: Array


def replay(run: Transcript) -> Iterator[ReplayedRound]:
    """The rounds of ``run`` again: learner and kept losses, one gradient a round, no attack.

    Args:
        run: A transcript with ``keep="examples"`` or ``"points"``.

    Yields:
        The rounds in order.

    Raises:
        NotKeptError: The losses were not kept.
    """
    losses = run.kept_losses("Replaying a game")
    learner = run.learner
    steps = learner if isinstance(learner, TakesGradientSteps) else None
    state = learner.init(run.start, run.decision_set)
    for t, loss in enumerate(losses, start=1):
        point = learner.decide(state)
        evaluation = loss.evaluate(point)
        feedback = Feedback(t, point, evaluation.value, evaluation.gradient, loss)
        state = learner.update(state, feedback)
        step = None if steps is None else steps.last_step(state)
        yield ReplayedRound(t, point, loss, evaluation, step, learner.decide(state))
