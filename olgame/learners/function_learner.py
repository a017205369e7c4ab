"""A plain function as a learner."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import attrs

from olgame.arrays import kernels
from olgame.exceptions import ArgumentError, ShapeError
from olgame.feedback import Feedback, Level
from olgame.sets.convex_set import ConvexSet
from olgame.typing import Array

__all__ = ["FunctionLearner", "FunctionLearnerState", "from_function"]


@attrs.define(eq=False)
class FunctionLearnerState:
    """W_t, the decision set, and whatever the function wants to remember."""

    point: Array
    decision_set: ConvexSet
    memory: Any


@attrs.frozen
class FunctionLearner:
    """W_{t+1} = Proj_K(y_t), y_t what a function proposes; `from_function` builds it.

    The function gets a copy of W_t, and what it proposes is projected: so no proposal leaves K
    and no point that was played changes.

    Args:
        function: See `from_function`.
        memory: See `from_function`.
        level: The feedback that the function is given.
    """

    function: Callable[..., Any]
    memory: Callable[[Array], Any] | None = None
    level: Level = attrs.field(
        default=Level.GRADIENT, validator=attrs.validators.instance_of(Level)
    )

    def init(self, start: Array, decision_set: ConvexSet) -> FunctionLearnerState:
        """The state before round 1."""
        memory = None if self.memory is None else self.memory(start)
        return FunctionLearnerState(start, decision_set, memory)

    def decide(self, state: FunctionLearnerState, /) -> Array:
        """W_t."""
        return state.point

    def update(self, state: FunctionLearnerState, feedback: Feedback, /) -> FunctionLearnerState:
        """Ask the function and project what it proposes.

        Raises:
            ShapeError: The proposal does not have the shape of W_t.
        """
        w: Any = kernels(state.point).xp.asarray(state.point, copy=True)
        if self.memory is None:
            proposed = self.function(w, feedback)
        else:
            proposed, state.memory = self.function(w, feedback, state.memory)
        if getattr(proposed, "shape", None) != w.shape:
            raise ShapeError(
                f"`learners.from_function(function=...)` must return a point of shape "
                f"{tuple(w.shape)}, got {type(proposed).__name__} of shape "
                f"{getattr(proposed, 'shape', None)}."
            )
        state.point = state.decision_set.project(proposed)
        return state

    def copy(self, state: FunctionLearnerState, /) -> FunctionLearnerState:
        """An independent copy: the memory is copied deeply."""
        return attrs.evolve(state, memory=copy.deepcopy(state.memory))


def from_function(
    function: Callable[..., Any],
    *,
    memory: Callable[[Array], Any] | None = None,
    level: Level = Level.GRADIENT,
) -> FunctionLearner:
    """Lift ``function(w, feedback) -> y`` into a learner that plays Proj_K(y) next.

    Args:
        function: Proposes the next point from W_t (a copy) and the feedback of round t. With
            ``memory`` it is ``function(w, feedback, memory) -> (y, memory)``.
        memory: Makes the memory of a new game from W_1; what changes belongs there and not into
            the function, or two games would disturb each other.
        level: The feedback that it is given.

    Returns:
        The learner.

    Raises:
        ArgumentError: ``function`` or ``memory`` cannot be called.

    Example:
        >>> import numpy as np, olgame as og
        >>> from olgame.learners import from_function
        >>> descent = from_function(lambda w, feedback: w - 0.1 * feedback.gradient)
        >>> ball = og.sets.L2Ball(1.0, center=np.zeros(3))
        >>> run = og.play(descent, og.adversaries.MinimaxLinear(1.0), ball, rounds=100)
        >>> round(og.regret.linear(run).value, 9)
        10.0

        Momentum, which has a memory:

        >>> def heavy(w, feedback, velocity):
        ...     velocity = 0.9 * velocity - 0.01 * feedback.gradient
        ...     return w + velocity, velocity
        >>> learner = from_function(heavy, memory=lambda start: 0.0 * start)
    """
    for name, value in (("function", function), ("memory", memory)):
        if not callable(value) and (name == "function" or value is not None):
            raise ArgumentError(
                f"`learners.from_function({name}=...)` must be a function, got {value!r}."
            )
    return FunctionLearner(function, memory, level)
