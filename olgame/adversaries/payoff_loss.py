"""The round loss that a payoff and the other player's move make."""

from __future__ import annotations

from typing import Any

import attrs

from olgame.adversaries.payoff import Bilinear, Payoff
from olgame.arrays import kernels
from olgame.losses.round_loss import Remainder, RoundEvaluation
from olgame.one_game import leading_axes, one_game, row
from olgame.typing import Array, Value

__all__ = ["PayoffLoss"]


@attrs.frozen(eq=False)
class PayoffLoss:
    """phi(., y) for the player who minimizes, -phi(x, .) for the one who maximizes: convex both.

    Args:
        payoff: phi.
        opponent: The other player's move: y, or x for the second player's loss.
        first: Whether it is the loss of the first player.

    Example:
        >>> import numpy as np
        >>> from olgame.adversaries import Bilinear
        >>> loss = PayoffLoss(Bilinear(np.eye(2)), np.array([3.0, 4.0]))
        >>> float(loss.value(np.array([1.0, 1.0])))
        7.0
    """

    payoff: Payoff
    opponent: Array
    first: bool = True

    @property
    def linear(self) -> bool:
        """Whether the loss is linear."""
        return isinstance(self.payoff, Bilinear)

    @property
    def games(self) -> tuple[int, ...]:
        """The games whose payoffs or moves differ."""
        return leading_axes(self.opponent) or getattr(self.payoff, "games", ())

    def value(self, w: Array) -> Value:
        """phi(w, y), or -phi(x, w)."""
        if self.first:
            return self.payoff.value(w, self.opponent)
        value: Value = -self.payoff.value(self.opponent, w)
        return value

    def evaluate(self, w: Array) -> RoundEvaluation:
        """Value and gradient; ``weak_convexity`` is 0."""
        if self.first:
            gradient: Any = self.payoff.first_gradient(w, self.opponent)
        else:
            gradient = -self.payoff.second_gradient(self.opponent, w)
        if gradient.ndim < w.ndim:  # one move for all games
            gradient = kernels(w).xp.broadcast_to(gradient, w.shape)
        value: Any = kernels(w).dot(gradient, w) if self.linear else self.value(w)
        return RoundEvaluation(value, gradient)

    def remainder(self, w: Array, u: Array) -> Remainder:
        """The curvature is value(u) - value(w) - <g, u - w>, exactly 0 where linear."""
        at, value = self.evaluate(w), self.value(u)
        if self.linear:
            zero = 0.0 * value
            return Remainder(value, zero, zero)
        curvature: Any = value - at.value - kernels(w).dot(at.gradient, u - w)
        return Remainder(value, curvature, 0.0 * curvature)

    def game(self, index: tuple[int, ...], /) -> PayoffLoss:
        """The loss of one game of a batch."""
        return attrs.evolve(
            self, payoff=one_game(self.payoff, index), opponent=row(self.opponent, index)
        )
