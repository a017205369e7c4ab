"""Regret matching that forgets negative regrets."""

from __future__ import annotations

import attrs

from olgame.arrays import kernels
from olgame.feedback import Feedback, Level
from olgame.learners.regret_matching import (
    RegretMatchingState,
    first_state,
    instant_regret,
    matched,
)
from olgame.learners.simplex_points import require_simplex
from olgame.learners.told import told_wide
from olgame.sets.convex_set import ConvexSet
from olgame.typing import Array

__all__ = ["RegretMatchingPlus"]


@attrs.frozen
class RegretMatchingPlus:
    """`RegretMatching` with R_t = max(R_{t-1} + r_t, 0).

    R_t is at least the sum of the regrets, so the bounds of regret matching hold:
    regret <= s max_j R_{T,j} <= s sqrt(sum_t norm(r_t)^2) <= s range sqrt((p - 1) T). What was
    good for long is dropped as soon as it is bad, so the learner follows changes; in self-play it
    is used with moves in turn (each player answers the newest strategy of the other) and with
    averages weighted by t, where it is far faster than regret matching. Taking turns changes
    nothing in the learner: it sees g_t only after it played, whoever moves first.

    Example:
        >>> import numpy as np, olgame as og
        >>> up, down = (og.losses.LinearLoss(np.array([1.0, 0.0])[::k]) for k in (1, -1))
        >>> for learner in (og.learners.RegretMatching(), RegretMatchingPlus()):
        ...     sequence = og.adversaries.ObliviousSequence([up] * 20 + [down] * 3)
        ...     run = og.play(
        ...         learner, sequence, og.sets.Simplex(), rounds=23, start=np.array([0.5, 0.5])
        ...     )
        ...     print(round(float(run.final_point[0]), 2))
        0.0
        1.0

    References:
        tammelin2014; burch2019.
    """

    @property
    def level(self) -> Level:
        """Asks for gradients."""
        return Level.GRADIENT

    def check_decision_set(self, decision_set: ConvexSet, start: Array, /) -> None:
        """A simplex only."""
        require_simplex(decision_set, "RegretMatchingPlus")

    def init(self, start: Array, decision_set: ConvexSet) -> RegretMatchingState:
        """The state before round 1."""
        return first_state(require_simplex(decision_set, "RegretMatchingPlus"), start)

    def decide(self, state: RegretMatchingState, /) -> Array:
        """W_t."""
        return state.point

    def update(self, state: RegretMatchingState, feedback: Feedback, /) -> RegretMatchingState:
        """Add the regrets of the round, drop what is negative, and match the rest."""
        gradient = told_wide(feedback, self)
        regrets = state.regrets + instant_regret(state.weights, gradient)
        nothing = kernels(regrets).xp.zeros_like(regrets)
        return matched(state, kernels(regrets).xp.maximum(regrets, nothing))

    def copy(self, state: RegretMatchingState, /) -> RegretMatchingState:
        """An independent copy (arrays are never changed in place, so they are shared)."""
        return attrs.evolve(state)
