"""Adam, as an online learner."""

from __future__ import annotations

from typing import Any

import attrs

from olgame.arrays import kernels
from olgame.feedback import Feedback, Level
from olgame.learners.diagonal_step import diagonal_step
from olgame.learners.told import told_gradient
from olgame.sets.convex_set import ConvexSet
from olgame.sets.weighted_projection import require_weighted_projection
from olgame.step_sizes import StepSize, as_step_size, not_adaptive
from olgame.typing import Array
from olgame.validation import finite_not_negative, forgetting_factor

__all__ = ["Adam", "AdamState"]


@attrs.define(eq=False)
class AdamState:
    """W_t, and the moving averages.

    Attributes:
        point: W_t, shape ``(..., p)``.
        mean: m_{t-1}, shape ``(..., p)``.
        square: v_{t-1}, shape ``(..., p)``.
        decision_set: K.
    """

    point: Array
    mean: Array
    square: Array
    decision_set: ConvexSet

    def average(self, gradient: Any, beta1: float, beta2: float) -> None:
        """m_t and v_t from g_t."""
        self.mean = beta1 * self.mean + (1.0 - beta1) * gradient
        self.square = beta2 * self.square + (1.0 - beta2) * (gradient * gradient)


@attrs.frozen
class Adam:
    """W_{t+1} = Proj_K(W_t - alpha_t m_t/h_t) in the distance of h_t.

        m_t = beta1 m_{t-1} + (1 - beta1) g_t,    v_t = beta2 v_{t-1} + (1 - beta2) g_t^2,
        h_t = sqrt(v_t) + delta,

    coordinate by coordinate, with m_t/(1 - beta1^t) and v_t/(1 - beta2^t) in place of m_t and v_t
    where ``bias_correction`` is on. **No regret bound holds**: v_t forgets, h_t/alpha_t may fall,
    and on the losses 3 x, -x, -x, 3 x, ... over [-1, 1] Adam goes to the worst point of the set
    and has regret that grows like T. `AMSGrad` differs in one line and has a bound. Adam is here
    to be compared with.

    Args:
        step_size: alpha > 0, or a rule of `olgame.step_sizes` that does not look at gradients.
        beta1: Of the mean, in [0, 1).
        beta2: Of the squares, in [0, 1).
        delta: Added to the root of the squares (the paper's epsilon).
        bias_correction: Whether the averages are divided by their total weight.

    Example:
        >>> import numpy as np, olgame as og
        >>> losses = [og.losses.LinearLoss(np.array([3.0, -0.5]))]
        >>> adversary = og.adversaries.ObliviousSequence(losses)
        >>> run = og.play(Adam(0.1), adversary, og.sets.WholeSpace(), rounds=1, start=np.zeros(2))
        >>> run.final_point.round(6)
        array([-0.1,  0.1])

    References:
        kingma2015; reddi2018, Theorem 1.
    """

    step_size: StepSize = attrs.field(converter=as_step_size, validator=not_adaptive)
    beta1: float = attrs.field(default=0.9, validator=forgetting_factor)
    beta2: float = attrs.field(default=0.999, validator=forgetting_factor)
    delta: float = attrs.field(default=1e-8, validator=finite_not_negative)
    bias_correction: bool = True

    @property
    def level(self) -> Level:
        """Asks for gradients."""
        return Level.GRADIENT

    def check_decision_set(self, decision_set: ConvexSet, start: Array, /) -> None:
        """Refuse a set without an exact projection in a distance with weights."""
        require_weighted_projection(decision_set, "Adam")

    def init(self, start: Array, decision_set: ConvexSet) -> AdamState:
        """The state before round 1."""
        self.check_decision_set(decision_set, start)
        nothing = kernels(start).xp.zeros_like(start)
        return AdamState(start, nothing, nothing, decision_set)

    def decide(self, state: AdamState, /) -> Array:
        """W_t."""
        return state.point

    def update(self, state: AdamState, feedback: Feedback, /) -> AdamState:
        """Average, and step."""
        t = feedback.round
        state.average(told_gradient(feedback, self), self.beta1, self.beta2)
        mean, square = state.mean, state.square
        if self.bias_correction:
            mean, square = mean / (1.0 - self.beta1**t), square / (1.0 - self.beta2**t)
        metric = kernels(square).xp.sqrt(square) + self.delta
        step = self.step_size(t, 0.0)
        state.point = diagonal_step(state.decision_set, state.point, mean, metric, step)
        return state

    def copy(self, state: AdamState, /) -> AdamState:
        """An independent copy (arrays are never changed, so they are shared)."""
        return attrs.evolve(state)
