"""The oblivious adversary: a sequence of losses fixed before the game."""

from __future__ import annotations

from collections.abc import Iterable

import attrs

from olgame.adversaries.adversary import Response, Timing, View
from olgame.exceptions import ArgumentError
from olgame.losses.round_loss import RoundLoss
from olgame.one_game import one_game
from olgame.randomness import Seed

__all__ = ["ObliviousSequence"]


def _as_tuple(losses: Iterable[RoundLoss]) -> tuple[RoundLoss, ...]:
    return tuple(losses)


@attrs.frozen(eq=False)
class ObliviousSequence:
    """Answers l_1, l_2, ... whatever the learner does.

    Args:
        losses: At least as many round losses as the game has rounds.

    Example:
        >>> import numpy as np, olgame as og
        >>> adversary = ObliviousSequence([og.losses.LinearLoss(np.ones(2))] * 10)
        >>> len(adversary.losses)
        10
    """

    losses: tuple[RoundLoss, ...] = attrs.field(converter=_as_tuple)

    @property
    def timing(self) -> Timing:
        """Sees nothing of the game."""
        return Timing.OBLIVIOUS

    @property
    def games(self) -> tuple[int, ...]:
        """The games whose losses differ, as the first loss says; ``()`` where it does not."""
        return getattr(self.losses[0], "games", ()) if self.losses else ()

    def game(self, index: tuple[int, ...], /) -> ObliviousSequence:
        """The sequence of one game of a batch."""
        return ObliviousSequence(one_game(loss, index) for loss in self.losses)

    def init(self, seed: Seed) -> None:
        """Nothing to remember."""
        return

    def respond(self, state: None, view: View, /) -> tuple[Response, None]:
        """l_t."""
        if view.round > len(self.losses):
            raise ArgumentError(
                f"`ObliviousSequence(losses=...)` holds {len(self.losses)} losses, but round "
                f"{view.round} was asked for. Pass as many losses as `play(rounds=...)`."
            )
        return Response(self.losses[view.round - 1]), None
