"""Online mirror descent."""

from __future__ import annotations

import attrs

from olgame.feedback import Feedback, Level
from olgame.learners.per_game import per_game
from olgame.learners.told import told_gradient
from olgame.mirror_maps.mirror_map import MirrorMap
from olgame.one_game import one_game
from olgame.sets.convex_set import ConvexSet
from olgame.step_sizes import StepSize, as_step_size
from olgame.typing import Array, Value

__all__ = ["OnlineMirrorDescent", "OnlineMirrorDescentState"]


@attrs.define(eq=False)
class OnlineMirrorDescentState:
    """W_t and its dual.

    Attributes:
        point: W_t, shape ``(..., p)``.
        dual: grad psi(W_t), shape ``(..., p)``.
        decision_set: K.
        gradient_squares: sum of norm_*(g_s)^2 so far (0 unless the step size is adaptive).
    """

    point: Array
    dual: Array
    decision_set: ConvexSet
    gradient_squares: Value = 0.0


@attrs.frozen
class OnlineMirrorDescent:
    """W_{t+1} minimizes alpha_t <g_t, u> + B(u, W_t) over u in K, B the divergence of a mirror map.

    In duals: a gradient step from grad psi(W_t), mapped back and projected onto K in the sense of
    B. For every u in K, psi being 1-strongly convex on K in a norm with dual norm_*,

        alpha_t <g_t, W_t - u> <= B(u, W_t) - B(u, W_{t+1}) + alpha_t^2 norm_*(g_t)^2/2,

    hence with a fixed step regret <= sup_u B(u, W_1)/alpha + (alpha/2) sum_t norm_*(g_t)^2. With
    steps that change the bound needs B(u, W_t) for all t, which for negative entropy has no bound:
    play `FollowTheRegularizedLeader` with such steps. See `olgame.theory.MirrorDescentBound`.

    Args:
        mirror_map: psi, of `olgame.mirror_maps`. It plays where its projection is exact.
        step_size: alpha > 0, or a rule of `olgame.step_sizes` (an adaptive one sums norm_*(g)^2).

    Example:
        >>> import numpy as np, olgame as og
        >>> learner = OnlineMirrorDescent(og.mirror_maps.NegativeEntropy(), 0.5)
        >>> losses = [og.losses.LinearLoss(np.array([0.0, 1.0]))] * 20
        >>> run = og.play(
        ...     learner, og.adversaries.ObliviousSequence(losses), og.sets.Simplex(),
        ...     rounds=20, start=np.array([0.5, 0.5]),
        ... )
        >>> run.final_point.round(4)
        array([1., 0.])

    References:
        beck2003; shalevshwartz2012, Section 2.6; orabona2019, Chapter 6.
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

    def init(self, start: Array, decision_set: ConvexSet) -> OnlineMirrorDescentState:
        """The state before round 1."""
        self.check_decision_set(decision_set, start)
        return OnlineMirrorDescentState(start, self.mirror_map.gradient(start), decision_set)

    def decide(self, state: OnlineMirrorDescentState, /) -> Array:
        """W_t."""
        return state.point

    def update(
        self, state: OnlineMirrorDescentState, feedback: Feedback, /
    ) -> OnlineMirrorDescentState:
        """One step in duals, and back."""
        gradient = told_gradient(feedback, self)
        if self.step_size.adaptive:
            length = self.mirror_map.dual_norm(gradient, state.decision_set)
            state.gradient_squares = state.gradient_squares + length * length
        step = self.step_size(feedback.round, state.gradient_squares)
        theta = state.dual - per_game(step, gradient) * gradient
        state.point, state.dual = self.mirror_map.project(theta, state.decision_set)
        return state

    def copy(self, state: OnlineMirrorDescentState, /) -> OnlineMirrorDescentState:
        """An independent copy (arrays are never changed, so they are shared)."""
        return attrs.evolve(state)

    def game(self, index: tuple[int, ...], /) -> OnlineMirrorDescent:
        """The learner of one game of a batch, where the mirror map differs."""
        return attrs.evolve(self, mirror_map=one_game(self.mirror_map, index))
