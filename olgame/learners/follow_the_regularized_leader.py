"""Follow the regularized leader, on linearized losses."""

from __future__ import annotations

from typing import Any

import attrs

from olgame.arrays import kernels
from olgame.feedback import Feedback, Level
from olgame.learners.per_game import per_game
from olgame.learners.told import told_gradient
from olgame.mirror_maps.mirror_map import MirrorMap
from olgame.one_game import one_game
from olgame.sets.convex_set import ConvexSet
from olgame.step_sizes import StepSize, as_step_size
from olgame.typing import Array, Value

__all__ = ["FollowTheRegularizedLeader", "FollowTheRegularizedLeaderState"]


@attrs.define(eq=False)
class FollowTheRegularizedLeaderState:
    """W_t and the sum of what was lost.

    Attributes:
        point: W_t, shape ``(..., p)``.
        start_dual: grad psi(W_1) in float64, shape ``(..., p)``.
        gradient_sum: g_1 + ... + g_{t-1} in float64, shape ``(..., p)``.
        decision_set: K.
        gradient_squares: sum of norm_*(g_s)^2 so far (0 unless the step size is adaptive).
    """

    point: Array
    start_dual: Array
    gradient_sum: Array
    decision_set: ConvexSet
    gradient_squares: Value = 0.0


@attrs.frozen
class FollowTheRegularizedLeader:
    """W_{t+1} minimizes alpha_{t+1} <g_1 + ... + g_t, u> + B(u, W_1) over u in K.

    The regularizer is the divergence of a mirror map from the first point, so that W_1 is what it
    says before it has seen anything. All gradients count alike, whenever they came: what the set
    or a zero weight did in between is forgotten (lazy projection). For every u in K, steps that
    never increase, and psi 1-strongly convex on K in a norm with dual norm_*,

        sum_t <g_t, W_t - u> <= B(u, W_1)/alpha_T + (1/2) sum_t alpha_t norm_*(g_t)^2,

    where alpha_t is the step that chose W_t, and may look at g_1, ..., g_{t-1} alone: an adaptive
    rule gets their squares. The size of K is seen from W_1 even where steps change, and where
    B(., W_t) has no bound. See `olgame.theory.RegularizedLeaderBound`.

    Sums are float64 in every game, and the minimizer is computed from them in float64.

    Args:
        mirror_map: psi, of `olgame.mirror_maps`. It plays where its projection is exact.
        step_size: alpha > 0, or a rule of `olgame.step_sizes`: alpha_t is the rule's at t.

    Example:
        >>> import numpy as np, olgame as og
        >>> learner = FollowTheRegularizedLeader(og.mirror_maps.NegativeEntropy(), 0.5)
        >>> losses = [og.losses.LinearLoss(np.array([0.0, 1.0]))] * 4
        >>> run = og.play(
        ...     learner, og.adversaries.ObliviousSequence(losses), og.sets.Simplex(),
        ...     rounds=4, start=np.array([0.5, 0.5]),
        ... )
        >>> bool(np.isclose(run.final_point[1], 1 / (1 + np.exp(2.0))))
        True

    References:
        shalevshwartz2012, Section 2.3; orabona2019, Chapter 7.
    """

    mirror_map: MirrorMap
    step_size: StepSize = attrs.field(converter=as_step_size)

    @property
    def level(self) -> Level:
        """Asks for gradients."""
        return Level.GRADIENT

    def check_decision_set(self, decision_set: ConvexSet, start: Array, /) -> None:
        """Refuse a set without an exact projection in the sense of B."""
        self.mirror_map.check_decision_set(decision_set, type(self).__name__)

    def init(self, start: Array, decision_set: ConvexSet) -> FollowTheRegularizedLeaderState:
        """The state before round 1."""
        self.check_decision_set(decision_set, start)
        xp = kernels(start).xp
        dual = xp.astype(self.mirror_map.gradient(start), xp.float64, copy=False)
        nothing = xp.zeros_like(start, dtype=xp.float64)
        return FollowTheRegularizedLeaderState(start, dual, nothing, decision_set)

    def decide(self, state: FollowTheRegularizedLeaderState, /) -> Array:
        """W_t."""
        return state.point

    def update(
        self, state: FollowTheRegularizedLeaderState, feedback: Feedback, /
    ) -> FollowTheRegularizedLeaderState:
        """Add the gradient, and find the minimizer again."""
        gradient = told_gradient(feedback, self)
        if self.step_size.adaptive:
            length = self.mirror_map.dual_norm(gradient, state.decision_set)
            state.gradient_squares = state.gradient_squares + length * length
        state.gradient_sum = state.gradient_sum + gradient
        step: Any = self.step_size(feedback.round + 1, state.gradient_squares)
        theta = state.start_dual - per_game(step, gradient) * state.gradient_sum
        point = self.mirror_map.project(theta, state.decision_set).point
        state.point = kernels(point).xp.astype(point, state.point.dtype, copy=False)
        return state

    def copy(self, state: FollowTheRegularizedLeaderState, /) -> FollowTheRegularizedLeaderState:
        """An independent copy (arrays are never changed, so they are shared)."""
        return attrs.evolve(state)

    def game(self, index: tuple[int, ...], /) -> FollowTheRegularizedLeader:
        """The learner of one game of a batch, where the mirror map differs."""
        return attrs.evolve(self, mirror_map=one_game(self.mirror_map, index))
