"""What a learner is told after it has played: an oracle at a declared level."""

from __future__ import annotations

from enum import IntEnum
from typing import NamedTuple

from olgame.losses.round_loss import RoundLoss
from olgame.typing import Array, Value

__all__ = ["Feedback", "Level"]


class Level(IntEnum):
    """How much of l_t a learner may see; a higher level includes the lower ones."""

    VALUE = 1
    """The number l_t(W_t) alone (bandit feedback)."""
    GRADIENT = 2
    """Also a (sub)gradient g_t at W_t."""
    FULL = 3
    """Also the function l_t itself, at any point."""


class Feedback(NamedTuple):
    """What the learner learns about round ``round``.

    Attributes:
        round: t, from 1.
        point: W_t, the point that was played.
        value: l_t(W_t).
        gradient: g_t, or None below `Level.GRADIENT`.
        loss: l_t, or None below `Level.FULL`.
    """

    round: int
    point: Array
    value: Value
    gradient: Array | None
    loss: RoundLoss | None
