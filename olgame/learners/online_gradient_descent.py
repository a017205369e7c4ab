"""Projected online gradient descent."""

from __future__ import annotations

import math
from typing import Any

import attrs

from olgame.arrays import kernels
from olgame.feedback import Feedback, Level
from olgame.learners.learner import GradientStep
from olgame.learners.told import told_gradient
from olgame.sets.convex_set import ConvexSet
from olgame.step_sizes import StepSize, as_step_size
from olgame.typing import Array, Value

__all__ = ["OnlineGradientDescent", "OnlineGradientDescentState"]


@attrs.define(eq=False)
class OnlineGradientDescentState:
    """W_t, and what the last step was.

    Attributes:
        point: W_t, shape ``(..., p)``.
        decision_set: K.
        before_projection: y_{t-1}; W_1 before the first step.
        step_size: alpha_{t-1}; nan before the first step.
        gradient_squares: sum of norm(g_s)^2 so far (0 unless the step size is adaptive).
    """

    point: Array
    decision_set: ConvexSet
    before_projection: Array
    step_size: Value = math.nan
    gradient_squares: Value = 0.0


@attrs.frozen
class OnlineGradientDescent:
    """W_{t+1} = Proj_K(y_t), y_t = W_t - alpha_t g_t.

    For every u in K, with P_t(u) = norm(y_t - u)^2 - norm(W_{t+1} - u)^2 >= 0 and a fixed step,

        sum_t <g_t, W_t - u> = [norm(W_1 - u)^2 - norm(W_{T+1} - u)^2] / (2 alpha)
                               + (alpha/2) sum_t norm(g_t)^2 - (1/(2 alpha)) sum_t P_t(u)   exactly,

    hence regret <= D_1^2/(2 alpha) + alpha T G^2/2, which is D_1 G sqrt T at alpha =
    D_1/(G sqrt T): tight, attained against `olgame.adversaries.MinimaxLinear`.

    Args:
        step_size: alpha > 0, or a rule of `olgame.step_sizes`.

    Example:
        >>> import numpy as np, olgame as og
        >>> ball = og.sets.L2Ball(1.0, center=np.zeros(3))
        >>> adversary = og.adversaries.MinimaxLinear(gradient_bound=1.0)
        >>> run = og.play(OnlineGradientDescent(0.1), adversary, ball, rounds=100)
        >>> round(og.regret.linear(run).value, 12)
        10.0

    References:
        zinkevich2003; hazan2022, Section 3.1.
    """

    step_size: StepSize = attrs.field(converter=as_step_size)

    @property
    def level(self) -> Level:
        """Asks for gradients."""
        return Level.GRADIENT

    def init(self, start: Array, decision_set: ConvexSet) -> OnlineGradientDescentState:
        """The state before round 1."""
        return OnlineGradientDescentState(start, decision_set, before_projection=start)

    def decide(self, state: OnlineGradientDescentState, /) -> Array:
        """W_t."""
        return state.point

    def update(
        self, state: OnlineGradientDescentState, feedback: Feedback, /
    ) -> OnlineGradientDescentState:
        """One projected step; the state is consumed, the points it handed out are not."""
        gradient = told_gradient(feedback, self)
        if self.step_size.adaptive:
            state.gradient_squares = state.gradient_squares + kernels(gradient).dot(
                gradient, gradient
            )
        step: Any = self.step_size(feedback.round, state.gradient_squares)
        if isinstance(step, float):
            y = kernels(gradient).axpy(-step, gradient, state.point)
        else:
            per_game = step if gradient.ndim == 1 else step[..., None]
            y = state.point - per_game * gradient
        state.point = state.decision_set.project(y)
        state.before_projection = y
        state.step_size = step
        return state

    def copy(self, state: OnlineGradientDescentState, /) -> OnlineGradientDescentState:
        """An independent copy (points are never changed, so they are shared)."""
        return attrs.evolve(state)

    def last_step(self, state: OnlineGradientDescentState, /) -> GradientStep:
        """y_t and alpha_t of the last update."""
        return GradientStep(state.before_projection, state.step_size)
