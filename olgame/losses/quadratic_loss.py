"""The quadratic round loss (mu/2) norm(w - a)^2."""

from __future__ import annotations

import attrs

from olgame.arrays import kernels
from olgame.losses.round_loss import Remainder, RoundEvaluation
from olgame.one_game import leading_axes, row
from olgame.typing import Array, Value
from olgame.validation import finite_positive

__all__ = ["QuadraticLoss"]


@attrs.frozen(eq=False)
class QuadraticLoss:
    """l_t(w) = (mu/2) norm(w - a)^2, mu-strongly convex and mu-smooth.

    Args:
        target: a, shape ``(p,)``, or ``(..., p)`` for independent games.
        curvature: mu > 0.

    Example:
        >>> import numpy as np
        >>> float(QuadraticLoss(np.zeros(2), curvature=2.0).value(np.array([1.0, 1.0])))
        2.0
    """

    target: Array
    curvature: float = attrs.field(default=1.0, validator=finite_positive)

    @property
    def games(self) -> tuple[int, ...]:
        """The games whose targets differ; ``()`` for one target of all."""
        return leading_axes(self.target)

    def value(self, w: Array) -> Value:
        """(mu/2) norm(w - a)^2, shape ``(...)``."""
        difference = w - self.target
        value: Value = 0.5 * self.curvature * kernels(w).dot(difference, difference)
        return value

    def evaluate(self, w: Array) -> RoundEvaluation:
        """Value and gradient mu (w - a) at ``w``."""
        difference = w - self.target
        square = kernels(w).dot(difference, difference)
        if self.curvature == 1.0:
            return RoundEvaluation(0.5 * square, difference)
        return RoundEvaluation(0.5 * self.curvature * square, self.curvature * difference)

    def remainder(self, w: Array, u: Array) -> Remainder:
        """The curvature is (mu/2) norm(u - w)^2 exactly."""
        difference = u - w
        curvature: Value = 0.5 * self.curvature * kernels(w).dot(difference, difference)
        return Remainder(self.value(u), curvature, 0.0 * curvature)

    def game(self, index: tuple[int, ...], /) -> QuadraticLoss:
        """The loss of one game of a batch."""
        return attrs.evolve(self, target=row(self.target, index))
