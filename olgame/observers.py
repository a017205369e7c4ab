"""What watches a game without taking part in it."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from olgame.adversaries.adversary import Response
from olgame.losses.round_loss import RoundEvaluation
from olgame.typing import Array

__all__ = ["Observer", "Round"]


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


Observer = Callable[[Round], None]
"""Called after every round; must not change what it is shown."""
