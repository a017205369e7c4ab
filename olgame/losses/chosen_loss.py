"""One of several losses for each game of a batch."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import attrs
import numpy as np
from numpy.typing import NDArray

from olgame.arrays import as_like, kernels
from olgame.losses.round_loss import Remainder, RoundEvaluation, RoundLoss
from olgame.one_game import one_game
from olgame.typing import Array, Value

__all__ = ["ChosenLoss"]


@attrs.frozen(eq=False)
class ChosenLoss:
    """l_t = f_{j(i)} in game i: every loss that was chosen is evaluated, and its games are taken.

    Args:
        losses: f_1, ..., f_k.
        chosen: j, counted from 0, the shape of the games.

    Example:
        >>> import numpy as np
        >>> from olgame.losses import LinearLoss
        >>> loss = ChosenLoss((LinearLoss(np.ones(2)), LinearLoss(-np.ones(2))), np.array([0, 1]))
        >>> loss.value(np.ones((2, 2)))
        array([ 2., -2.])
    """

    losses: tuple[RoundLoss, ...]
    chosen: NDArray[np.int64]

    @property
    def games(self) -> tuple[int, ...]:
        """The shape of ``chosen``."""
        return tuple(self.chosen.shape)

    def value(self, w: Array) -> Value:
        """f_{j(i)}(w_i), shape ``(...)``."""
        value: Value = self._taken(w, lambda loss: (loss.value(w),))[0]
        return value

    def evaluate(self, w: Array) -> RoundEvaluation:
        """Value, gradient and weak convexity of the chosen losses."""
        return RoundEvaluation(*self._taken(w, lambda loss: loss.evaluate(w)))

    def remainder(self, w: Array, u: Array) -> Remainder:
        """Those of the chosen losses."""
        return Remainder(*self._taken(w, lambda loss: loss.remainder(w, u)))

    def game(self, index: tuple[int, ...], /) -> RoundLoss:
        """The loss of one game: the one that was chosen there."""
        return one_game(self.losses[int(self.chosen[index])], index)

    def _taken(self, w: Array, found: Callable[[RoundLoss], tuple[Any, ...]]) -> list[Any]:
        """Each number of ``found`` from the loss that was chosen in its game."""
        xp = kernels(w).xp
        taken: list[Any] = []
        for j in np.unique(self.chosen):
            here = as_like(self.chosen == j, w) > 0.0  # on the device of the points
            parts = found(self.losses[int(j)])
            if not taken:
                taken = [_for_games(part, w) for part in parts]
            taken = [
                xp.where(here[..., None] if old.ndim == w.ndim else here, _for_games(new, w), old)
                for old, new in zip(taken, parts, strict=True)
            ]
        return taken


def _for_games(part: Any, w: Any) -> Any:
    """A gradient as it is; a number as one for each game."""
    found = part if hasattr(part, "ndim") else as_like(part, w)
    shape = w.shape if found.ndim == w.ndim else w.shape[:-1]
    return kernels(w).xp.broadcast_to(found, tuple(shape))
