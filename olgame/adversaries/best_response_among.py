"""The adversary that answers with the worst of finitely many losses."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

import attrs
import numpy as np

from olgame.adversaries.adversary import Response, Timing, View
from olgame.adversaries.best_response import answered_point, timing_of
from olgame.arrays import to_numpy
from olgame.exceptions import ArgumentError
from olgame.losses.chosen_loss import ChosenLoss
from olgame.losses.round_loss import RoundLoss
from olgame.one_game import agreed_games, one_game, row
from olgame.randomness import Seed
from olgame.typing import Array
from olgame.validation import one_of

__all__ = ["BestResponseAmong"]


def _as_losses(value: Any) -> tuple[RoundLoss, ...]:
    found = tuple(value) if isinstance(value, Sequence) else ()
    if not found or not all(hasattr(loss, "evaluate") for loss in found):
        raise ArgumentError(
            "`BestResponseAmong(losses=...)` must be a list of one round loss or more, such as "
            f"`og.losses.LinearLoss(gradient)`, got {value!r:.100}."
        )
    return found


@attrs.frozen(eq=False)
class BestResponseAmong:
    """l_t = the largest of f_1, ..., f_k at W_t; of equal ones the first.

    The game of the robust problem min over w of max_j f_j(w), which a learner with small regret
    solves on average: for convex f_j, max_j f_j(w_avg) <= (1/T) sum_t l_t(W_t) <= min over u of
    max_j f_j(u) + R_T/T. In a batch of games each gets the worst loss at its own point.

    Proof. f_j(w_avg) <= (1/T) sum_t f_j(W_t) <= (1/T) sum_t l_t(W_t) for every j, and l_t(u) <=
    max_j f_j(u). []

    Args:
        losses: f_1, ..., f_k, at least one. A value that is nan is taken for the largest, so that
            the referee sees it.
        sees: ``"point"``: it answers W_t. ``"past"``: it answers W_{t-1}, and in round 1 the
            origin.
        start: Where a game starts unless told otherwise.

    Raises:
        ArgumentError: No list of round losses, an empty one, or ``sees`` is not one of the words.
        ShapeError: The losses differ in their games.

    Example:
        >>> import numpy as np, olgame as og
        >>> adversary = BestResponseAmong(  # the largest of abs(w_1), abs(w_2)
        ...     [og.losses.LinearLoss(sign * e) for e in np.eye(2) for sign in (1.0, -1.0)]
        ... )
        >>> ball = og.sets.L2Ball(1.0, center=np.array([2.0, 0.5]))
        >>> run = og.play(og.learners.OnlineGradientDescent(0.02), adversary, ball, rounds=400)
        >>> bool(run.loss[-1] < 1.05)  # the least abs(w_1) of the ball is 1
        True

    References:
        freund1999.
    """

    losses: tuple[RoundLoss, ...] = attrs.field(converter=_as_losses)
    sees: Literal["point", "past"] = attrs.field(
        default="point", kw_only=True, validator=one_of("point", "past")
    )
    start: Array | None = attrs.field(default=None, kw_only=True)
    games: tuple[int, ...] = attrs.field(init=False, repr=False)

    @games.default
    def _agreed(self) -> tuple[int, ...]:
        each = {f"losses[{j}]": getattr(f, "games", ()) for j, f in enumerate(self.losses)}
        return agreed_games("BestResponseAmong", **each)

    @property
    def timing(self) -> Timing:
        """Sees W_t, or the past."""
        return timing_of(self.sees)

    def game(self, index: tuple[int, ...], /) -> BestResponseAmong:
        """The adversary of one game of a batch."""
        return BestResponseAmong(
            [one_game(loss, index) for loss in self.losses],
            sees=self.sees,
            start=row(self.start, index),
        )

    def init(self, seed: Seed) -> None:
        """Nothing to remember."""
        return

    def respond(self, state: None, view: View, /) -> tuple[Response, None]:
        """The largest."""
        seen = answered_point(view, self.sees)
        values = np.stack(
            [np.broadcast_to(to_numpy(loss.value(seen)), view.games) for loss in self.losses]
        )
        worst = values.argmax(axis=0)
        if (worst == worst.flat[0]).all():
            return Response(self.losses[int(worst.flat[0])]), None
        return Response(ChosenLoss(self.losses, worst)), None
