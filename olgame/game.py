"""The one loop: a learner and an adversary play an online game."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal, TypeVar

from olgame.adversaries.adversary import Adversary, View
from olgame.exceptions import (
    GameInterrupted,
    OlgameError,
    ViolationError,
)
from olgame.feedback import Feedback, Level
from olgame.learners.learner import Learner, TakesGradientSteps
from olgame.losses.round_loss import RoundLoss
from olgame.observers import Observer, Round
from olgame.opening import FIRST_ROUND, check_arguments, check_parts, first_point
from olgame.randomness import Seed
from olgame.referee import Move, Referee
from olgame.sets.convex_set import ConvexSet
from olgame.shelf import Shelf
from olgame.transcript import Status, Transcript
from olgame.typing import Array, Keep

__all__ = ["play"]

S = TypeVar("S")
A = TypeVar("A")


def play(
    learner: Learner[S],
    adversary: Adversary[A],
    decision_set: ConvexSet,
    *,
    rounds: int,
    start: Array | None = None,
    seed: Seed = 0,
    keep: Keep = "sums",
    observers: Sequence[Observer] = (),
    on_violation: Literal["raise", "record"] = "raise",
) -> Transcript:
    """Play ``rounds`` rounds and return the transcript.

    In round t = 1..T the learner plays W_t in K; the adversary, who is shown as much as its
    timing declares, answers with a loss l_t; the learner suffers l_t(W_t) and learns as much of
    l_t as its level declares; the referee checks the move and keeps the sums of regret.

    Args:
        learner: Plays W_t.
        adversary: Answers with l_t.
        decision_set: K.
        rounds: T >= 1.
        start: W_1, shape ``(p,)``, or ``(..., p)`` for independent games. Default: the
            adversary's ``start`` (a network's initialization), else the center of K.
        seed: Of the game's randomness, or one seed for each game.
        keep: ``"sums"``: scalars of every round and O(p) sums. ``"examples"``: also the round
            losses (the played inputs), which a ledger against a point chosen afterwards needs.
            ``"points"``: also every W_t.
        observers: Called after every round.
        on_violation: ``"raise"`` at a point outside K, an input outside B(x) or a value that is
            not finite; or ``"record"`` it by name and go on.

    Returns:
        The `Transcript`.

    Raises:
        ArgumentError: An argument is outside its domain, or ``start`` outside K.
        ViolationError: A rule was broken; ``error.transcript`` holds what had been played.
        GameInterrupted: Ctrl-C; ``error.transcript`` holds what had been played.

    Example:
        >>> import numpy as np, olgame as og
        >>> losses = [og.losses.LinearLoss(np.array([1.0, 0.0]))] * 5
        >>> run = play(
        ...     og.learners.OnlineGradientDescent(0.1),
        ...     og.adversaries.ObliviousSequence(losses),
        ...     og.sets.L2Ball(1.0, center=np.zeros(2)),
        ...     rounds=5,
        ... )
        >>> run.rounds, run.status
        (5, 'finished')

    References:
        gao2019, Section 3; hazan2022, Section 1.1.
    """
    check_arguments(rounds, seed, keep, on_violation)
    check_parts(learner, adversary)
    first = first_point(start, adversary, decision_set)
    referee = Referee(first, decision_set, rounds, raise_violations=on_violation == "raise")
    record = _Record(learner, adversary, referee, seed, keep)
    steps = learner if isinstance(learner, TakesGradientSteps) else None
    sees_gradient, sees_loss = learner.level >= Level.GRADIENT, learner.level >= Level.FULL
    timing = adversary.timing

    state = learner.init(first, decision_set)
    memory = adversary.init(seed)
    previous: Array | None = None
    point = learner.decide(state)
    try:
        for t in range(1, rounds + 1):
            view = View(t, timing, point, previous)
            response, memory = adversary.respond(memory, view)
            evaluation = response.loss.evaluate(point)
            gradient = evaluation.gradient if sees_gradient else None
            loss = response.loss if sees_loss else None
            state = learner.update(state, Feedback(t, point, evaluation.value, gradient, loss))
            step_size = None if steps is None else steps.last_step(state).step_size
            full = referee.record(Move(point, evaluation, response, step_size))
            if keep != "sums":
                record.keep(point, response.loss)
            previous, point = point, learner.decide(state)
            if full:
                referee.book(point)
            for observe in observers:
                observe(Round(t, rounds, previous, response, evaluation))
        referee.book(point, final=True)
    except KeyboardInterrupt:
        transcript = record.close("interrupted", point)
        raise GameInterrupted(
            f"The game was interrupted after {transcript.rounds} of {rounds} rounds; what was "
            "played is in the `transcript` of this error.",
            transcript,
        ) from None
    except Exception as error:
        status: Status = "violated" if isinstance(error, ViolationError) else "failed"
        error.transcript = record.close(status, point)  # type: ignore[attr-defined]
        error.add_note(f"What was played before round {t} ended is in `error.transcript`.")
        if t == 1 and not isinstance(error, OlgameError):
            error.add_note(FIRST_ROUND)
        raise
    return record.close("finished", point)


class _Record:
    """Puts a transcript together at the end of a game, however it ends."""

    def __init__(
        self,
        learner: Learner[Any],
        adversary: Adversary[Any],
        referee: Referee,
        seed: Seed,
        keep: Keep,
    ) -> None:
        self._parts: dict[str, Any] = {"learner": learner, "adversary": adversary, "seed": seed}
        self._referee = referee
        self._keep = keep
        self._losses: list[RoundLoss] = []
        self._shelf = Shelf()
        self._points: list[Array] = []

    def keep(self, point: Array, loss: RoundLoss) -> None:
        self._losses.append(self._shelf.put(loss))
        if self._keep == "points":
            self._points.append(point)

    def close(self, status: Status, final_point: Array) -> Transcript:
        """Book what is left and write the transcript; never raises for a broken rule."""
        referee = self._referee
        referee.raise_violations = False
        referee.book(final_point, final=True)
        played = referee.booked
        columns: dict[str, Any] = {name: c[:played] for name, c in referee.columns.items()}
        kept = self._keep != "sums"
        return Transcript(
            **self._parts,
            **columns,
            decision_set=referee.decision_set,
            keep=self._keep,
            planned_rounds=referee.rounds,
            status=status,
            violations=tuple(referee.violations),
            start=referee.start,
            final_point=final_point,
            best_point=referee.sums.best_point,
            full_batch=referee.full_batch[:played],
            gradient_sum=referee.sums.gradient_sum,
            curvature_sum=referee.sums.curvature_sum,
            round_losses=tuple(self._losses[:played]) if kept else None,
            points=tuple(self._points[:played]) if self._keep == "points" else None,
        )
