"""What the theorems of learners that are told other gradients share."""

from __future__ import annotations

from typing import Any, Generic, TypeVar

import attrs
import numpy as np
from numpy.typing import NDArray

from olgame.arrays import to_numpy
from olgame.learners.learner import Learner
from olgame.losses.round_loss import RoundLoss
from olgame.regret.dynamic import dynamic_curve
from olgame.regret.linear import linear_maximizer
from olgame.regret.played_sums import played_points
from olgame.theory import audit
from olgame.theory.learner_premises import convex_losses, played_by
from olgame.theory.premise import Premises
from olgame.theory.told_regret import largest_linear_regret
from olgame.transcript import Transcript
from olgame.typing import Array

__all__ = ["WrappedBound"]

Floats = NDArray[np.float64]
L = TypeVar("L", bound=Learner[Any])


@attrs.frozen(eq=False)
class WrappedBound(Generic[L]):
    """R_T(u) <= max over v in K of sum_t <h_t, W_t - v> + sum_t e_t, h_t what the learner was told.

    A theorem says what h_t and e_t are: `told`.

    Args:
        learner: Who played: a wrapper around any learner.
        comparator: u; default the best point of the linear regret of the game.
    """

    learner: L
    comparator: Any = None

    def told(self, t: int, point: Array, gradient: Array, loss: RoundLoss) -> tuple[Array, float]:
        """h_t and e_t of the round that was played at ``point`` with ``gradient``."""
        raise NotImplementedError

    def premises(self, run: Transcript) -> Premises:
        """What the theorem assumes, recomputed."""
        return Premises(
            (
                played_by(run, self.learner),
                convex_losses(run),
                audit.points_feasible(run),
                audit.finished(run),
            )
        )

    def regret(self, run: Transcript) -> Floats:
        """sum_{s <= t} l_s(W_s) - l_s(u)."""
        u = linear_maximizer(run) if self.comparator is None else self.comparator
        return dynamic_curve(run, np.broadcast_to(to_numpy(u), (run.rounds, *run.start.shape)))

    def bound(self, run: Transcript) -> Floats:
        """The bound from the gradients that the learner was told."""
        points, gradients, extra = [], [], []
        losses = run.kept_losses("This bound")
        for t, ((point, gradient), loss) in enumerate(
            zip(played_points(run), losses, strict=True), start=1
        ):
            found, excess = self.told(t, point, gradient, loss)
            points.append(point)
            gradients.append(found)
            extra.append(excess)
        support = run.decision_set.translate(-run.start).support
        own = largest_linear_regret(points, gradients, run.start, support)
        return np.asarray(own + np.cumsum(extra))
