"""The estimated gradients of a bandit, made again, and what holds of them surely."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from olgame.arrays import to_numpy
from olgame.feedback import Feedback
from olgame.learners.shrunk_set import ShrunkSet
from olgame.learners.sphere_bandit import SphereBandit
from olgame.theory.told_regret import largest_linear_regret
from olgame.transcript import Transcript

__all__ = ["BanditSteps", "bandit_steps"]

Floats = NDArray[np.float64]


class BanditSteps(NamedTuple):
    """What a bandit did.

    Attributes:
        iterates: z_1, ..., z_T, shape ``(T, p)``.
        estimates: g^_1, ..., g^_T, shape ``(T, p)``.
        shrunk: K_s.
    """

    iterates: Floats
    estimates: Floats
    shrunk: ShrunkSet

    def regret(self) -> Floats:
        """max over u in K_s of sum_{s <= t} <g^_s, z_s - u>, shape ``(T,)``."""
        support = self.shrunk.support_from_center
        return largest_linear_regret(self.iterates, self.estimates, self.shrunk.center, support)

    def bound(self, step_size: float, reach: float) -> Floats:
        """(s D_1)^2/(2 alpha) + (alpha/2) sum norm(g^)^2, shape ``(T,)``; D_1 is ``reach``."""
        squares = np.cumsum(np.vecdot(self.estimates, self.estimates))
        size = float(self.shrunk.scale[..., 0]) * reach
        return np.asarray(size**2 / (2.0 * step_size) + 0.5 * step_size * squares)


def bandit_steps(run: Transcript, learner: SphereBandit) -> BanditSteps:
    """The steps of ``learner`` in the game ``run``, from its kept losses.

    Raises:
        NotKeptError: The losses were not kept.
    """
    state: Any = learner.init(run.start, run.decision_set)
    iterates, estimates = [], []
    for t, loss in enumerate(run.kept_losses("A bandit's bound"), start=1):
        point = learner.decide(state)
        iterates.append(to_numpy(state.iterate))
        feedback = Feedback(t, point, loss.evaluate(point).value, None, loss)
        state = learner.update(state, feedback)
        estimates.append(to_numpy(state.estimate))
    return BanditSteps(np.stack(iterates), np.stack(estimates), state.shrunk)
