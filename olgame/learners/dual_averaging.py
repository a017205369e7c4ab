"""Dual averaging: gradient descent with lazy projection."""

from __future__ import annotations

import attrs

from olgame.feedback import Feedback, Level
from olgame.learners.follow_the_regularized_leader import (
    FollowTheRegularizedLeader,
    FollowTheRegularizedLeaderState,
)
from olgame.mirror_maps.euclidean import Euclidean
from olgame.sets.convex_set import ConvexSet
from olgame.step_sizes import StepSize, as_step_size
from olgame.typing import Array

__all__ = ["DualAveraging"]


@attrs.frozen
class DualAveraging:
    """W_{t+1} = Proj_K(W_1 - alpha_{t+1} (g_1 + ... + g_t)), on any set.

    `FollowTheRegularizedLeader` with the Euclidean mirror map. For steps that never increase

        regret <= D_1^2/(2 alpha_T) + (1/2) sum_t alpha_t norm(g_t)^2,    D_1 = sup_u norm(W_1 - u):

    unlike in gradient descent with decreasing steps, D_1 is enough. With alpha_t =
    D_1/(G sqrt(2 t)) the regret is at most sqrt(2) D_1 G sqrt T for every T, and with the fixed
    alpha = D_1/(G sqrt T) it is D_1 G sqrt T, which is tight. See
    `olgame.theory.RegularizedLeaderBound`.

    Args:
        step_size: alpha > 0, or a rule of `olgame.step_sizes`: alpha_t is the rule's at t, and
            chooses W_t. An adaptive rule gets the squares of g_1, ..., g_{t-1}.

    Example:
        >>> import numpy as np, olgame as og
        >>> ball = og.sets.L2Ball(1.0, center=np.zeros(3))
        >>> adversary = og.adversaries.MinimaxLinear(gradient_bound=1.0)
        >>> run = og.play(DualAveraging(0.1), adversary, ball, rounds=100)
        >>> round(og.regret.linear(run).value, 12)
        10.0

    References:
        nesterov2009; xiao2010; zinkevich2003.
    """

    step_size: StepSize = attrs.field(converter=as_step_size)
    _leader: FollowTheRegularizedLeader = attrs.field(init=False, repr=False, eq=False)

    def __attrs_post_init__(self) -> None:
        leader = FollowTheRegularizedLeader(Euclidean(), self.step_size)
        object.__setattr__(self, "_leader", leader)

    @property
    def level(self) -> Level:
        """Asks for gradients."""
        return Level.GRADIENT

    def init(self, start: Array, decision_set: ConvexSet) -> FollowTheRegularizedLeaderState:
        """The state before round 1."""
        return self._leader.init(start, decision_set)

    def decide(self, state: FollowTheRegularizedLeaderState, /) -> Array:
        """W_t."""
        return state.point

    def update(
        self, state: FollowTheRegularizedLeaderState, feedback: Feedback, /
    ) -> FollowTheRegularizedLeaderState:
        """Add the gradient, and project the sum."""
        return self._leader.update(state, feedback)

    def copy(self, state: FollowTheRegularizedLeaderState, /) -> FollowTheRegularizedLeaderState:
        """An independent copy."""
        return self._leader.copy(state)
