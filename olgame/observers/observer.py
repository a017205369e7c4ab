"""What an observer is shown, and what it may return."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import NamedTuple, TypeAlias

from olgame.adversaries.adversary import Response
from olgame.losses.round_loss import RoundEvaluation
from olgame.typing import Array, Keep, Value

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
    """

    planned_rounds: int
    start: Array
    keep: Keep
    kept_bytes: int | None
    kept_in: str


class Round(NamedTuple):
    """One round, as observers see it.

    Attributes:
        round: t, from 1.
        planned_rounds: rounds that were asked for.
        point: W_t.
        response: the adversary's answer.
        evaluation: l_t(W_t) and g_t.
    """

    round: int
    planned_rounds: int
    point: Array
    response: Response
    evaluation: RoundEvaluation


class Ending(NamedTuple):
    """The end of a game that was played to its end.

    Attributes:
        rounds: T.
        point: W_{T+1}, the point after the last update: the trained network.
    """

    rounds: int
    point: Array


Findings: TypeAlias = Mapping[str, Value]
"""Numbers by name; of independent games, arrays over the games."""

Observer = Callable[[Round], Findings | None]
"""Called after every round with the `Round`, which it must not change.

What it returns, if not None, is recorded in the transcript, ``run.observed[name][column]``; name is
its attribute ``name``, else that of the function or class. Two methods are optional:
``opening(opening)``, called with the `Opening` before the first round, and ``ending(ending)``,
called with the `Ending`, whose findings are recorded as those of round T + 1.
"""
