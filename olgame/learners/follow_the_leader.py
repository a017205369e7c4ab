"""Follow the leader: play what would have been best so far."""

from __future__ import annotations

import math
from typing import Any

import attrs

from olgame.arrays import as_like, kernels
from olgame.exceptions import NotAvailableError
from olgame.feedback import Feedback, Level
from olgame.learners.told import told_wide
from olgame.sets.convex_set import ConvexSet
from olgame.typing import Array
from olgame.validation import require

__all__ = ["FollowTheLeader", "FollowTheLeaderState"]


@attrs.define(eq=False)
class FollowTheLeaderState:
    """W_t, and the sum of the losses so far: (t mu/2) norm(u - W_1)^2 + <slope, u - W_1> + const.

    Attributes:
        point: W_t, shape ``(..., p)``.
        start: W_1.
        decision_set: K.
        slope: sum_s g_s - mu (W_s - W_1), float64, shape ``(..., p)``.
        rounds: t.
    """

    point: Array
    start: Array
    decision_set: ConvexSet
    slope: Any
    rounds: int = 0


@attrs.frozen
class FollowTheLeader:
    """W_{t+1} minimizes f_1 + ... + f_t over K, f_s(u) = <g_s, u> + (mu/2) norm(u - W_s)^2.

    f_s touches l_s at W_s (up to a constant) and is below it if l_s is mu-strongly convex; for
    `olgame.losses.QuadraticLoss` of curvature mu the two are equal, and this is the leader of the
    losses themselves. W_1 is the start.

    * mu > 0: W_{t+1} = Proj_K(W_1 - slope/(mu t)), slope = sum_s g_s - mu (W_s - W_1), and

          regret <= sum_t norm(g_t)^2/(2 mu t) <= (G^2/(2 mu)) (1 + log T),

      with equality on the left while the projection moves nothing: `FollowTheLeaderBound`.

    * mu = 0: W_{t+1} = lmo(g_1 + ... + g_t), a linear minimizer, and regret <= sum_t <g_t, W_t -
      W_{t+1}>. Where the leader changes in every round that is linear in T, and so is the regret:
      on [-1, 1] and the gradients 1/2, -1, 1, -1, ... it is T - 1/2 for even T. It takes noise
      (`FollowThePerturbedLeader`) or a regularizer to be a good learner.

    Args:
        strong_convexity: mu >= 0, finite.

    Raises:
        ArgumentError: mu is negative or not finite.

    Example:
        >>> import numpy as np, olgame as og
        >>> losses = [og.losses.LinearLoss(np.array([g])) for g in (0.5, *(-1.0, 1.0) * 10)]
        >>> interval = og.sets.LinfBall(1.0, center=np.zeros(1))
        >>> sequence = og.adversaries.ObliviousSequence(losses)
        >>> run = og.play(FollowTheLeader(), sequence, interval, rounds=20)
        >>> og.regret.linear(run).value
        19.5

    References:
        kalai2005; hazan2022, Section 5.1; orabona2019, Chapter 7.
    """

    strong_convexity: float = attrs.field(default=0.0)

    def __attrs_post_init__(self) -> None:
        mu = self.strong_convexity
        good = isinstance(mu, float | int) and not isinstance(mu, bool) and 0.0 <= mu < math.inf
        require(good, "FollowTheLeader", "strong_convexity", "be finite and at least 0", mu)

    @property
    def level(self) -> Level:
        """Asks for gradients."""
        return Level.GRADIENT

    def check_decision_set(self, decision_set: ConvexSet, start: Array, /) -> None:
        """Any set, if mu > 0; else a bounded one, where linear losses have a leader."""
        if self.strong_convexity == 0.0 and not decision_set.diameter < math.inf:
            raise NotAvailableError(
                "`FollowTheLeader(strong_convexity=0.0)` needs a bounded decision set, got "
                f"{type(decision_set).__name__}: linear losses have no minimizer there."
            )

    def init(self, start: Array, decision_set: ConvexSet) -> FollowTheLeaderState:
        """The state before round 1."""
        self.check_decision_set(decision_set, start)
        xp = kernels(start).xp
        slope = xp.zeros_like(start, dtype=xp.float64)
        return FollowTheLeaderState(start, start, decision_set, slope)

    def decide(self, state: FollowTheLeaderState, /) -> Array:
        """W_t."""
        return state.point

    def update(self, state: FollowTheLeaderState, feedback: Feedback, /) -> FollowTheLeaderState:
        """Add the loss of the round and find the leader."""
        state.slope = state.slope + told_wide(feedback, self)
        state.rounds += 1
        mu = self.strong_convexity
        if mu == 0.0:
            state.point = state.decision_set.lmo(as_like(state.slope, state.point))
            return state
        # Relative to W_1, so that points far from the origin cost no digits.
        state.slope = state.slope - mu * (state.point - state.start)
        offset = as_like(state.slope / (-mu * state.rounds), state.point)
        state.point = state.decision_set.project(state.start + offset)
        return state

    def copy(self, state: FollowTheLeaderState, /) -> FollowTheLeaderState:
        """An independent copy (arrays are never changed in place, so they are shared)."""
        return attrs.evolve(state)
