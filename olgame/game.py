"""The one loop: a learner and an adversary play an online game."""

from __future__ import annotations

from collections.abc import Sequence
from os import PathLike, fspath
from typing import Literal, TypeVar

from olgame.adversaries.adversary import Adversary, View
from olgame.checkpoint import Checkpoint, Position
from olgame.exceptions import (
    GameInterrupted,
    OlgameError,
    ViolationError,
)
from olgame.feedback import Feedback, Level
from olgame.learners.learner import Learner, TakesGradientSteps
from olgame.observers.observer import Ending, Observer, Opening, Round
from olgame.observers.watch import Watch
from olgame.opening import (
    FIRST_ROUND,
    check_arguments,
    check_declared_sets,
    check_parts,
    first_point,
)
from olgame.randomness import Seed, as_seed
from olgame.record import Record
from olgame.referee import Referee
from olgame.sets.convex_set import ConvexSet
from olgame.shelf import Shelf
from olgame.transcript import Status, Transcript
from olgame.typing import Array, Keep
from olgame.validation import require

__all__ = ["play", "play_on"]

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
    keep_in: str | PathLike[str] | None = None,
    checkpoint: Checkpoint | None = None,
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
        start: W_1, shape ``(p,)``, or ``(..., p)`` for independent games, which may differ in
            their data and seeds too (see `Transcript.game`). Default: the adversary's ``start`` (a
            network's initialization), else the center of K.
        seed: Of the game's randomness: one for all games, or a sequence with one for each (which
            makes as many games of what nothing else makes many).
        keep: ``"sums"``: scalars of every round and O(p) sums. ``"examples"``: also the round
            losses (the played inputs), which a ledger against a point chosen afterwards needs.
            ``"points"``: also every W_t.
        keep_in: A folder for the played inputs, which are kept in memory where None. All of their
            room is reserved before the first round; it is free again when the transcript is gone.
        checkpoint: Saves the game every so many rounds, so that `olgame.resume` can play it on in
            another process: the same transcript, bit for bit. Only with ``keep="sums"``.
        observers: Called after every round; what they return is recorded in `Transcript.observed`.
            One that has a method ``why_stop`` may end the game.
        on_violation: ``"raise"`` at a point outside K, an input outside B(x) or a value that is
            not finite; or ``"record"`` it by name and go on.

    Returns:
        The `Transcript`.

    Raises:
        ArgumentError: An argument is outside its domain, or ``start`` outside K.
        StorageError: There is no room for the played inputs in ``keep_in``.
        NotAvailableError: The learner declares that it cannot play in this set.
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
    seed = as_seed(seed)
    check_arguments(rounds, seed, keep, on_violation, keep_in)
    if checkpoint is not None:
        rule = 'be a Checkpoint, such as `Checkpoint("game.npz")`'
        if isinstance(checkpoint, str | PathLike):
            rule = f'be a Checkpoint: `Checkpoint("{fspath(checkpoint)}")`'
        require(isinstance(checkpoint, Checkpoint), "play", "checkpoint", rule, checkpoint)
        checkpoint.check(keep)
    check_parts(learner, adversary)
    if checkpoint is not None:
        checkpoint.begin(learner, adversary, decision_set)
    first = first_point(start, adversary, decision_set, seed)
    check_declared_sets(learner, adversary, decision_set, first)
    games = tuple(first.shape[:-1])
    shelf, watch = Shelf(rounds, keep_in), Watch(observers, games)
    kept_bytes = 0 if keep == "sums" else shelf.reserve(_inputs_like(adversary, games))
    referee = Referee(first, decision_set, rounds, raise_violations=on_violation == "raise")
    record = Record(learner, adversary, referee, seed, keep, shelf, watch)
    watch.open(Opening(rounds, first, keep, kept_bytes, shelf.place, record.so_far))
    state = learner.init(first, decision_set)
    at = Position(0, learner.decide(state), None, state, adversary.init(seed))
    return play_on(at, learner, adversary, referee, record, watch, checkpoint)


def play_on(
    at: Position[S, A],
    learner: Learner[S],
    adversary: Adversary[A],
    referee: Referee,
    record: Record,
    watch: Watch,
    checkpoint: Checkpoint | None,
) -> Transcript:
    """The loop: from a position to the end of the game, however it ends."""
    rounds, timing, t = referee.rounds, adversary.timing, at.round
    steps = learner if isinstance(learner, TakesGradientSteps) else None
    sees_gradient, sees_loss = learner.level >= Level.GRADIENT, learner.level >= Level.FULL
    point, previous, state, memory = at.point, at.previous, at.state, at.memory
    try:
        for t in range(at.round + 1, rounds + 1):
            view = View(t, timing, point, previous)
            response, memory = adversary.respond(memory, view)
            evaluation = response.loss.evaluate(point)
            gradient = evaluation.gradient if sees_gradient else None
            loss = response.loss if sees_loss else None
            state = learner.update(state, Feedback(t, point, evaluation.value, gradient, loss))
            step_size = None if steps is None else steps.last_step(state).step_size
            full = referee.record(point, evaluation, response, step_size)
            record.keep(point, response.loss)
            previous, point = point, learner.decide(state)
            if full:
                referee.book(point)
            if not watch.idle and watch.see(
                Round(t, rounds, previous, response, evaluation, point)
            ):
                break
            if full and checkpoint is not None:
                checkpoint.offer(Position(t, point, previous, state, memory), record)
        referee.book(point, final=True)
        watch.end(Ending(t, point))
    except KeyboardInterrupt:
        transcript = record.close("interrupted", point)
        raise GameInterrupted(
            f"The game was interrupted after {transcript.rounds} of {rounds} rounds; what was "
            "played is in the `transcript` of this error.",
            transcript,
        ) from None
    except Exception as error:
        status: Status = "violated" if isinstance(error, ViolationError) else "failed"
        transcript = record.close(status, point)
        error.transcript = transcript  # type: ignore[attr-defined]  # of any exception
        error.add_note(f"What was played before round {t} ended is in `error.transcript`.")
        if transcript.violations and transcript.violations[0].message not in str(error):
            error.add_note(f"Before that: {transcript.violations[0].message}")
        if t == 1 and not isinstance(error, OlgameError):
            error.add_note(FIRST_ROUND)
        raise
    return record.close("finished" if t == rounds else "stopped", point)


def _inputs_like(adversary: object, games: tuple[int, ...]) -> Array | None:
    """An array like the inputs of one round, of an adversary that says so."""
    says = getattr(adversary, "inputs_like", None)
    return None if says is None else says(games)
