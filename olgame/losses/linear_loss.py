"""The linear round loss <g, w> + b."""

from __future__ import annotations

from typing import Any

import attrs

from olgame.arrays import kernels
from olgame.losses.round_loss import Remainder, RoundEvaluation
from olgame.one_game import leading_axes, row
from olgame.typing import Array, Value

__all__ = ["LinearLoss"]


@attrs.frozen(eq=False)
class LinearLoss:
    """l_t(w) = <g, w> + b: what worst-case sequences of online convex optimization consist of.

    Args:
        gradient: g, shape ``(p,)``, or ``(..., p)`` for independent games.
        offset: b, one number or one per game.

    Example:
        >>> import numpy as np
        >>> float(LinearLoss(np.array([1.0, 2.0]), offset=0.5).value(np.array([1.0, 1.0])))
        3.5
    """

    gradient: Array
    offset: Value = 0.0

    @property
    def games(self) -> tuple[int, ...]:
        """The games whose losses differ; ``()`` for one loss of all."""
        return leading_axes(self.gradient) or leading_axes(self.offset, 0)

    def value(self, w: Array) -> Value:
        """<g, w> + b, shape ``(...)``."""
        value: Value = kernels(w).dot(self.gradient, w) + self.offset
        return value

    def evaluate(self, w: Array) -> RoundEvaluation:
        """Value and gradient at ``w``; the loss is convex, so ``weak_convexity`` is 0."""
        k, gradient = kernels(w), self.gradient
        if gradient.ndim < w.ndim:  # one gradient for all games
            gradient = k.xp.broadcast_to(gradient, w.shape)
        return RoundEvaluation(k.dot(gradient, w) + self.offset, gradient)

    def remainder(self, w: Array, u: Array) -> Remainder:
        """Nothing separates a linear loss from its linearization."""
        zero = 0.0 * self.value(u)
        return Remainder(self.value(u), zero, zero)

    def game(self, index: tuple[int, ...], /) -> LinearLoss:
        """The loss of one game of a batch."""
        offset: Any = row(self.offset, index, 0)
        return LinearLoss(row(self.gradient, index), offset)
