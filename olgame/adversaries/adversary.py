"""What an adversary sees, does and returns."""

from __future__ import annotations

from enum import Enum
from typing import Any, NamedTuple, Protocol, TypeVar

from olgame.arrays import as_like
from olgame.exceptions import ShapeError, TimingError
from olgame.losses.round_loss import RoundLoss
from olgame.randomness import Seed
from olgame.typing import Array, Value

__all__ = ["Adversary", "Evidence", "Response", "Timing", "View", "require_games"]

A = TypeVar("A")


class Timing(Enum):
    """What an adversary may look at when it answers in round t."""

    OBLIVIOUS = "oblivious"
    """Nothing of the game: all losses are fixed before it starts."""
    SEES_PAST = "sees the past"
    """W_1, ..., W_{t-1}."""
    SEES_POINT = "sees w_t"
    """W_1, ..., W_t: the adversary of adversarial training."""


class View:
    """What the adversary is shown in round ``round``; a look at anything else is an error."""

    __slots__ = ("_point", "_previous", "_timing", "round")

    def __init__(self, round: int, timing: Timing, point: Array, previous: Array | None) -> None:
        self.round = round
        self._timing = timing
        self._point = point
        self._previous = previous

    @property
    def games(self) -> tuple[int, ...]:
        """The leading axes of the points, one game each; ``()`` for a single game."""
        return tuple(self._point.shape[:-1])

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of the points, ``(..., p)``: no secret."""
        return tuple(self._point.shape)

    def asarray(self, values: Any) -> Any:
        """``values`` as an array of the library, dtype and device of the points."""
        return as_like(values, self._point)

    @property
    def point(self) -> Array:
        """W_t, for an adversary whose timing is `Timing.SEES_POINT`."""
        if self._timing is not Timing.SEES_POINT:
            raise TimingError(
                f"The adversary declares `timing` = {self._timing.value!r} but looked at the "
                f"point of round {self.round}; declare Timing.SEES_POINT if it should see it."
            )
        return self._point

    @property
    def previous_point(self) -> Array | None:
        """W_{t-1} (None in round 1), for an adversary that is not oblivious."""
        if self._timing is Timing.OBLIVIOUS:
            raise TimingError(
                f"The adversary declares `timing` = 'oblivious' but looked at the point before "
                f"round {self.round}; declare Timing.SEES_PAST if it should see it."
            )
        return self._previous


def require_games(loss: RoundLoss, view: View, owner: str) -> None:
    """Raise `ShapeError` where a loss differs between games that are not those of the points.

    For adversaries whose losses are made by somebody else; losses that do not say are let through.

    Args:
        loss: With ``games``, its leading axes, or without.
        view: Of the round.
        owner: Who made it, as the user wrote it.
    """
    games: tuple[int, ...] = getattr(loss, "games", ())
    if games not in ((), view.games):
        raise ShapeError(
            f"`{owner}` made a loss for games of shape {games}, but the points have shape "
            f"{view.shape}. Give every game its own start, `play(start=...)` of shape "
            f"{(*games, view.shape[-1])}, or every game the same loss."
        )


class Evidence(NamedTuple):
    """What an adversary that moved inputs shows the referee.

    Attributes:
        examples: x'_t, the played inputs, shape ``(..., n, d)``.
        batch: which samples were played, or None for all of them (a mini-batch breaks the
            theorems' use of l_t <= L_*).
        distance: how far the worst sample is outside B(x), in the set's own norm.
        worst_sample: its index.
        tolerance: what rounding allows ``distance`` to be.
        input_norm: the largest norm2(x') that was played.

    The last four are one number for each game.
    """

    examples: Array
    batch: Array | None
    distance: Value
    worst_sample: Any
    tolerance: Value
    input_norm: Value


class Response(NamedTuple):
    """The adversary's answer: the round loss, and the evidence where inputs were moved."""

    loss: RoundLoss
    evidence: Evidence | None = None


class Adversary(Protocol[A]):
    """The other player. Frozen, like a learner; what it remembers is in the state."""

    @property
    def timing(self) -> Timing: ...

    def init(self, seed: Seed) -> A:
        """The state before round 1."""
        ...

    def respond(self, state: A, view: View, /) -> tuple[Response, A]:
        """The loss of the round, and the next state."""
        ...
