"""AdaGrad with a step size for every coordinate."""

from __future__ import annotations

from typing import Any

import attrs

from olgame.arrays import kernels
from olgame.feedback import Feedback, Level
from olgame.learners.diagonal_step import diagonal_step
from olgame.learners.told import told_gradient
from olgame.sets.convex_set import ConvexSet
from olgame.sets.weighted_projection import require_weighted_projection
from olgame.typing import Array
from olgame.validation import finite_not_negative, finite_positive

__all__ = ["AdaGrad", "AdaGradState"]


@attrs.define(eq=False)
class AdaGradState:
    """W_t, and how long the gradients were in every coordinate.

    Attributes:
        point: W_t, shape ``(..., p)``.
        squares: sum over s < t of g_{s,j}^2, shape ``(..., p)``.
        decision_set: K.
    """

    point: Array
    squares: Array
    decision_set: ConvexSet


@attrs.frozen
class AdaGrad:
    """W_{t+1} = Proj_K(W_t - alpha g_t/h_t) in the distance of h_t = delta + norm(g_{1:t}).

    Coordinate by coordinate, norm(g_{1:t,j}) = (sum over s <= t of g_{s,j}^2)^(1/2), so that rare
    coordinates keep long steps. With d_j the width of K along coordinate j (high_j - low_j of a
    box) and delta = 0

        regret <= sum_j (d_j^2/(2 alpha) + alpha) norm(g_{1:T,j}),

    sqrt(2) d sum_j norm(g_{1:T,j}) at alpha = d/sqrt 2 where all widths are d. The projection is
    in the *learner's own* distance, as the proof needs it: on a box that is clipping, on a
    Euclidean ball a secular equation (the Euclidean projection would be wrong there). See
    `olgame.theory.AdaGradBound`.

    Args:
        step_size: alpha > 0, in units of the width of K.
        delta: Added to every h_j; at 0 a coordinate without gradients stays where it is.

    Example:
        >>> import numpy as np, olgame as og
        >>> losses = [og.losses.LinearLoss(np.array([1e-6, 1.0]))] * 3
        >>> adversary = og.adversaries.ObliviousSequence(losses)
        >>> run = og.play(
        ...     AdaGrad(1.0), adversary, og.sets.WholeSpace(), rounds=3, start=np.zeros(2)
        ... )
        >>> run.final_point.round(6)  # the scale of a coordinate does not matter
        array([-2.284457, -2.284457])

    References:
        duchi2011; streeter2010; orabona2019, Section 4.2.
    """

    step_size: float = attrs.field(validator=finite_positive)
    delta: float = attrs.field(default=0.0, validator=finite_not_negative)

    @property
    def level(self) -> Level:
        """Asks for gradients."""
        return Level.GRADIENT

    def check_decision_set(self, decision_set: ConvexSet, start: Array, /) -> None:
        """Refuse a set without an exact projection in a distance with weights."""
        require_weighted_projection(decision_set, "AdaGrad")

    def init(self, start: Array, decision_set: ConvexSet) -> AdaGradState:
        """The state before round 1."""
        self.check_decision_set(decision_set, start)
        return AdaGradState(start, kernels(start).xp.zeros_like(start), decision_set)

    def decide(self, state: AdaGradState, /) -> Array:
        """W_t."""
        return state.point

    def update(self, state: AdaGradState, feedback: Feedback, /) -> AdaGradState:
        """Add the squares, and step."""
        gradient: Any = told_gradient(feedback, self)
        state.squares = state.squares + gradient * gradient
        metric = kernels(gradient).xp.sqrt(state.squares) + self.delta
        state.point = diagonal_step(
            state.decision_set, state.point, gradient, metric, self.step_size
        )
        return state

    def copy(self, state: AdaGradState, /) -> AdaGradState:
        """An independent copy (arrays are never changed, so they are shared)."""
        return attrs.evolve(state)
