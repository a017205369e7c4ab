"""AMSGrad: Adam with a memory that does not fade."""

from __future__ import annotations

import attrs

from olgame.arrays import kernels
from olgame.feedback import Feedback, Level
from olgame.learners.adam import AdamState
from olgame.learners.diagonal_step import diagonal_step
from olgame.learners.told import told_gradient
from olgame.sets.convex_set import ConvexSet
from olgame.sets.weighted_projection import require_weighted_projection
from olgame.step_sizes import StepSize, as_step_size, not_adaptive
from olgame.typing import Array
from olgame.validation import finite_not_negative, forgetting_factor

__all__ = ["AMSGrad", "AMSGradState"]


@attrs.define(eq=False)
class AMSGradState(AdamState):
    """W_t, the moving averages, and the largest average of squares.

    Attributes:
        largest: max over s < t of v_s, shape ``(..., p)``.
    """

    largest: Array


@attrs.frozen
class AMSGrad:
    """W_{t+1} = Proj_K(W_t - alpha_t m_t/h_t) in the distance of h_t, which never falls.

        m_t = beta1 m_{t-1} + (1 - beta1) g_t,    v_t = beta2 v_{t-1} + (1 - beta2) g_t^2,
        h_t = sqrt(max(v_1, ..., v_t)) + delta,

    coordinate by coordinate: `Adam` without bias correction and with a maximum. For steps that
    never increase, d_j the width of K along coordinate j and m = beta1/(1 - beta1),

        regret <= sum_j d_j^2 h_{T,j}/(2 alpha_T) + (1/2 + m) sum_t alpha_t sum_j m_{t,j}^2/h_{t,j}
                  + m sum_j d_j abs(m_{T,j}),

    for a constant beta1; alpha_t = alpha/sqrt(t) makes it of order sqrt T up to logarithms. Proved
    in `olgame.theory.AMSGradBound` along the lines of the second reference: the proof in the first
    needs beta1 to fall with t.

    Args:
        step_size: alpha > 0, or a rule of `olgame.step_sizes` that does not look at gradients.
        beta1: Of the mean, in [0, 1).
        beta2: Of the squares, in [0, 1).
        delta: Added to the root of the squares; at 0 a coordinate without gradients stays.

    Example:
        >>> import numpy as np, olgame as og
        >>> losses = [og.losses.LinearLoss(np.array([2.0]))]
        >>> adversary = og.adversaries.ObliviousSequence(losses)
        >>> learner = AMSGrad(0.1, beta1=0.0, beta2=0.75)
        >>> run = og.play(learner, adversary, og.sets.WholeSpace(), rounds=1, start=np.zeros(1))
        >>> run.final_point
        array([-0.2])

    References:
        reddi2018; alacaoglu2020.
    """

    step_size: StepSize = attrs.field(converter=as_step_size, validator=not_adaptive)
    beta1: float = attrs.field(default=0.9, validator=forgetting_factor)
    beta2: float = attrs.field(default=0.999, validator=forgetting_factor)
    delta: float = attrs.field(default=0.0, validator=finite_not_negative)

    @property
    def level(self) -> Level:
        """Asks for gradients."""
        return Level.GRADIENT

    def check_decision_set(self, decision_set: ConvexSet, start: Array, /) -> None:
        """Refuse a set without an exact projection in a distance with weights."""
        require_weighted_projection(decision_set, "AMSGrad")

    def init(self, start: Array, decision_set: ConvexSet) -> AMSGradState:
        """The state before round 1."""
        self.check_decision_set(decision_set, start)
        nothing = kernels(start).xp.zeros_like(start)
        return AMSGradState(start, nothing, nothing, decision_set, nothing)

    def decide(self, state: AMSGradState, /) -> Array:
        """W_t."""
        return state.point

    def update(self, state: AMSGradState, feedback: Feedback, /) -> AMSGradState:
        """Average, remember the largest, and step."""
        state.average(told_gradient(feedback, self), self.beta1, self.beta2)
        xp = kernels(state.square).xp
        state.largest = xp.maximum(state.largest, state.square)
        metric = xp.sqrt(state.largest) + self.delta
        step = self.step_size(feedback.round, 0.0)
        state.point = diagonal_step(state.decision_set, state.point, state.mean, metric, step)
        return state

    def copy(self, state: AMSGradState, /) -> AMSGradState:
        """An independent copy (arrays are never changed, so they are shared)."""
        return attrs.evolve(state)
