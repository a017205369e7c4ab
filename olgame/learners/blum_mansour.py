"""Swap regret: one learner for every expert, and the distribution that they leave unchanged."""

from __future__ import annotations

from typing import Any

import attrs

from olgame.arrays import kernels
from olgame.exceptions import ArgumentError
from olgame.feedback import Feedback, Level
from olgame.learners.learner import DeclaresSets, Learner
from olgame.learners.simplex_points import (
    from_least,
    point_of,
    probabilities_of,
    require_simplex,
)
from olgame.learners.stationary_weights import stationary_weights
from olgame.learners.told import told_wide
from olgame.sets.convex_set import ConvexSet
from olgame.sets.simplex import Simplex
from olgame.typing import Array

__all__ = ["BlumMansour", "BlumMansourState"]


@attrs.define(eq=False)
class BlumMansourState:
    """W_t and the state of the p copies, which play p games at once.

    Attributes:
        point: W_t, shape ``(..., p)``.
        decision_set: The simplex.
        weights: q_t, float64, shape ``(..., p)``.
        base: State of the copies, whose points have shape ``(..., p, p)``.
    """

    point: Array
    decision_set: Simplex
    weights: Any
    base: Any


@attrs.frozen
class BlumMansour:
    """W_t = o + s q_t on a simplex of size s, with q_t = q_t Q_t, row i of Q_t played by copy i.

    Copy i of the base learner stands for the occasions on which expert i was played: it is told
    the losses s q_{t,i} g_t. Then sum_i <s q_{t,i} g_t, Q_{t,i}> = s <g_t, q_t Q_t> = s <g_t, q_t>,
    so the copies together suffer what was suffered, and what they regret is the swap regret,

        max over F: experts -> experts of sum_t sum_i s q_{t,i} (g_{t,i} - g_{t,F(i)})
            = sum_i (regret of copy i).

    With `Hedge(eta)` and equal weights that is at most p log(p)/eta + (eta s^2/8) sum_t
    norm(q_t)^2 range(g_t)^2: see `olgame.theory.BlumMansourBound`. It is at least the regret
    against any one expert. If all players of a game have swap regret o(T), the empirical
    distribution of play approaches the correlated equilibria.

    Args:
        base: A learner on the simplex that asks for gradients: `Hedge`, `AdaHedge`,
            `RegretMatching`, `OnlineGradientDescent`. It plays p games at once.

    Raises:
        ArgumentError: ``base`` is no learner, or wants another feedback than gradients.

    Example:
        >>> import numpy as np, olgame as og
        >>> losses = [og.losses.LinearLoss(np.eye(3)[t % 3]) for t in range(30)]
        >>> run = og.play(
        ...     BlumMansour(og.learners.Hedge(0.5)), og.adversaries.ObliviousSequence(losses),
        ...     og.sets.Simplex(), rounds=30, start=np.full(3, 1 / 3), keep="points",
        ... )
        >>> swap_regret = float(og.theory.BlumMansourBound(0.5).regret(run)[-1])
        >>> bool(swap_regret < 3 * np.log(3) / 0.5 + 30 / 16)
        True

    References:
        blum2007.
    """

    base: Learner[Any]

    def __attrs_post_init__(self) -> None:
        if isinstance(self.base, type) or getattr(self.base, "level", None) is not Level.GRADIENT:
            raise ArgumentError(
                "`BlumMansour(base=...)` must be a learner that asks for gradients, such as "
                f"`Hedge(0.1)`, got {self.base!r}."
            )

    @property
    def level(self) -> Level:
        """Asks for gradients."""
        return Level.GRADIENT

    def check_decision_set(self, decision_set: ConvexSet, start: Array, /) -> None:
        """A simplex that the base learner can play on from ``start``."""
        simplex = require_simplex(decision_set, "BlumMansour")
        if isinstance(self.base, DeclaresSets):
            self.base.check_decision_set(simplex, start)

    def init(self, start: Array, decision_set: ConvexSet) -> BlumMansourState:
        """The state before round 1: every copy starts at W_1."""
        self.check_decision_set(decision_set, start)
        simplex = require_simplex(decision_set, "BlumMansour")
        weights = probabilities_of(simplex, start)
        rows = kernels(weights).xp.zeros_like(weights)[..., :, None] + weights[..., None, :]
        copies = self.base.init(rows, Simplex(weights.shape[-1]))
        return BlumMansourState(start, simplex, weights, copies)

    def decide(self, state: BlumMansourState, /) -> Array:
        """W_t."""
        return state.point

    def update(self, state: BlumMansourState, feedback: Feedback, /) -> BlumMansourState:
        """Tell every copy its share of the losses, and balance their new points."""
        # From the least on: a product with an offset would cost the copies its digits.
        gradient = from_least(told_wide(feedback, self)) * state.decision_set.scale
        rows = self.base.decide(state.base)
        shares = state.weights[..., :, None] * gradient[..., None, :]
        suffered = kernels(shares).dot(shares, rows)
        state.base = self.base.update(
            state.base, Feedback(feedback.round, rows, suffered, shares, None)
        )
        state.weights = stationary_weights(self.base.decide(state.base))
        state.point = point_of(state.decision_set, state.weights, state.point)
        return state

    def copy(self, state: BlumMansourState, /) -> BlumMansourState:
        """An independent copy: the state of the copies is copied by the base learner."""
        return attrs.evolve(state, base=self.base.copy(state.base))
