"""The mean of the points that were played."""

from __future__ import annotations

from typing import Any

import attrs

from olgame.arrays import as_like, kernels
from olgame.exceptions import NotAvailableError
from olgame.observers.observer import Opening, Round
from olgame.typing import Array

__all__ = ["AveragePoint"]


@attrs.define(eq=False)
class AveragePoint:
    """(W_1 + ... + W_t)/t, the averaged iterate, from a sum that is kept along.

    O(p) memory and one addition a round, where `olgame.replay` would play the whole game again.
    Displacements from W_1 are added, in float64. It records no numbers in the transcript.

    Attributes:
        rounds: t, the rounds that were seen of the game that was opened last.

    Example:
        >>> import numpy as np, olgame as og
        >>> average = AveragePoint()
        >>> run = og.play(
        ...     og.learners.OnlineGradientDescent(0.1),
        ...     og.adversaries.MinimaxLinear(),
        ...     og.sets.L2Ball(1.0, center=np.zeros(3)),
        ...     rounds=6, keep="points", observers=[average],
        ... )
        >>> bool(np.allclose(average.point, np.mean(run.points, axis=0), atol=1e-15))
        True
    """

    name: str = attrs.field(default="average point", kw_only=True)
    rounds: int = attrs.field(init=False, default=0)
    _start: Any = attrs.field(init=False, default=None)
    _sum: Any = attrs.field(init=False, default=None)

    def opening(self, opening: Opening) -> None:
        """Begin again: the sum is of one game."""
        xp = kernels(opening.start).xp
        self.rounds, self._start = 0, opening.start
        self._sum = xp.zeros_like(opening.start, dtype=xp.float64)

    def __call__(self, seen: Round) -> None:
        """Add W_t - W_1."""
        if self._sum is not None:
            self.rounds += 1
            self._sum += seen.point - self._start

    @property
    def point(self) -> Array:
        """The mean of W_1, ..., W_t, shape ``(..., p)``, in the dtype of the game.

        Raises:
            NotAvailableError: No round was seen, or the game was resumed: its first rounds were
                played elsewhere.
        """
        if self.rounds == 0:
            raise NotAvailableError("`AveragePoint.point`: no game was seen from its first round.")
        xp = kernels(self._start).xp
        mean = xp.astype(self._start, xp.float64) + self._sum / self.rounds
        found: Array = as_like(mean, self._start)
        return found
