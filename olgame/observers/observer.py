"""What an observer is shown, and what it may return."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, NamedTuple, TypeAlias

from olgame.adversaries.adversary import Response
from olgame.losses.round_loss import RoundEvaluation
from olgame.typing import Array, Keep, Value

if TYPE_CHECKING:
    from olgame.transcript import Transcript

__all__ = ["Ending", "Findings", "Observer", "Opening", "Round"]


class Opening(NamedTuple):
    """What is settled before the first round.

    Attributes:
        planned_rounds: rounds that were asked for.
        start: W_1.
        keep: what will be kept.
        kept_bytes: what keeping the played inputs of all rounds takes; 0 where they are not kept,
            None where only the first answer of the adversary will tell.
        kept_in: ``"memory"``, or the folder in which the played inputs are kept.
        so_far: the transcript of what was played until now, from the next point: called in round
            t, ``so_far(seen.next_point)`` is what would be left if the game were stopped there.
            The game is not changed by it.
    """

    planned_rounds: int
    start: Array
    keep: Keep
    kept_bytes: int | None
    kept_in: str
    so_far: Callable[[Array], Transcript]


class Round(NamedTuple):
    """One round, as observers see it.

    Attributes:
        round: t, from 1.
        planned_rounds: rounds that were asked for.
        point: W_t.
        response: the adversary's answer.
        evaluation: l_t(W_t) and g_t.
        next_point: W_{t+1}, what the learner has made of it.
    """

    round: int
    planned_rounds: int
    point: Array
    response: Response
    evaluation: RoundEvaluation
    next_point: Array


class Ending(NamedTuple):
    """The end of a game that was played to its end, or stopped by an observer.

    Attributes:
        rounds: T, the rounds that were played.
        point: W_{T+1}, the point after the last update: the trained network.
    """

    rounds: int
    point: Array


Findings: TypeAlias = Mapping[str, Value]
"""Numbers by name; of independent games, arrays over the games."""

Observer = Callable[[Round], Findings | None]
"""Called after every round with the `Round`, which it must not change.

What it returns, if not None, is recorded in the transcript, ``run.observed[name][column]``; name is
its attribute ``name``, else that of the function or class. Four methods are optional:

* ``opening(opening)`` is called with the `Opening` before the first round;
* ``why_stop()`` is asked after every round, when all observers have seen it: None, or a sentence,
  which ends the game there (of a batch, all games), with the status ``"stopped"``;
* ``ending(ending)`` is called with the `Ending`, whose findings are recorded as those of round
  T + 1;
* ``resuming(found)`` is called where `olgame.resume` takes up a game, with what this observer had
  noted in it: an observer that remembers more than it is shown restores that from its own notes.
"""
