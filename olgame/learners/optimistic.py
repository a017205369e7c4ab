"""Optimism: any learner of gradients, playing as if it had already seen a hint."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import attrs

from olgame.arrays import kernels
from olgame.exceptions import ArgumentError, ShapeError
from olgame.feedback import Feedback, Level
from olgame.learners.learner import DeclaresSets, Learner
from olgame.learners.told import told_gradient
from olgame.one_game import one_game, row
from olgame.sets.convex_set import ConvexSet
from olgame.typing import Array

__all__ = ["Optimistic", "OptimisticState"]

Hints = Sequence[Array] | Callable[[int], Array]


@attrs.define(eq=False)
class OptimisticState:
    """The inner learner, and what it would play if the hint were true.

    Attributes:
        inner: State of the inner learner, which has seen g_1, ..., g_{t-1} and no hint.
        point: W_t.
        last_gradient: g_{t-1}; 0 before the first round.
    """

    inner: Any
    point: Array
    last_gradient: Array


def _gradient_learner(instance: Any, attribute: attrs.Attribute[Any], value: Any) -> None:
    if getattr(value, "level", None) is not Level.GRADIENT:
        raise ArgumentError(
            "`Optimistic(learner=...)` must be a learner that asks for gradients "
            f"(Level.GRADIENT), got {value!r}: a hint is a gradient and nothing more."
        )


def _hints(instance: Any, attribute: attrs.Attribute[Any], value: Any) -> None:
    if not (value is None or callable(value) or hasattr(value, "__getitem__")):
        raise ArgumentError(
            "`Optimistic(hints=...)` must be None (the last gradient), a sequence of arrays or a "
            f"function of the round, got {value!r}."
        )


@attrs.frozen
class Optimistic:
    """Plays what ``learner`` would play if the gradient of the coming round were the hint m_t.

    The hint is tried on a copy, and forgotten; the learner itself is told the true gradient
    **whatever the hint was**. Around `OnlineMirrorDescent` (or gradient descent) that is
    optimistic mirror descent, with Z_t the points of the learner,

        W_t minimizes alpha <m_t, u> + B(u, Z_t),    Z_{t+1} minimizes alpha <g_t, u> + B(u, Z_t);

    around `FollowTheRegularizedLeader` it is the leader on g_1 + ... + g_{t-1} + m_t. Either way,
    for a fixed step and every u in K,

        sum_t <g_t, W_t - u> <= B(u, Z_1)/alpha + (alpha/2) sum_t norm_*(g_t - m_t)^2:

    a constant where hints are right, and the bound of the learner where they are 0. See
    `olgame.theory.OptimisticBound`. With a step size rule the copy takes the step of the coming
    round; an adaptive one counts the hint while it is tried.

    Args:
        learner: Asks for gradients.
        hints: m_1, m_2, ...: a sequence of arrays, or a function of t, shape ``(p,)`` or that of
            the points; None is the last gradient (m_1 = 0). With hints of its own the first point
            played is W_1 moved by m_1.

    Raises:
        ArgumentError: ``learner`` does not ask for gradients, or ``hints`` are none.

    Example:
        >>> import numpy as np, olgame as og
        >>> from olgame.learners import OnlineGradientDescent
        >>> losses = [og.losses.LinearLoss(np.array([1.0, 0.0]))] * 50
        >>> ball = og.sets.L2Ball(1.0, center=np.zeros(2))
        >>> def regret(learner):
        ...     adversary = og.adversaries.ObliviousSequence(losses)
        ...     return og.regret.linear(og.play(learner, adversary, ball, rounds=50)).value
        >>> round(regret(OnlineGradientDescent(0.1)), 6)
        5.5
        >>> round(regret(Optimistic(OnlineGradientDescent(0.1))), 6)
        4.6

    References:
        rakhlin2013; orabona2019, Section 7.12.
    """

    learner: Learner[Any] = attrs.field(validator=_gradient_learner)
    hints: Hints | None = attrs.field(default=None, validator=_hints)

    @property
    def level(self) -> Level:
        """Asks for gradients."""
        return Level.GRADIENT

    def check_decision_set(self, decision_set: ConvexSet, start: Array, /) -> None:
        """As the inner learner."""
        if isinstance(self.learner, DeclaresSets):
            self.learner.check_decision_set(decision_set, start)

    def init(self, start: Array, decision_set: ConvexSet) -> OptimisticState:
        """The state before round 1."""
        inner = self.learner.init(start, decision_set)
        nothing = kernels(start).xp.zeros_like(start)
        state = OptimisticState(inner, self.learner.decide(inner), nothing)
        return state if self.hints is None else self._look_ahead(state, 1)

    def decide(self, state: OptimisticState, /) -> Array:
        """W_t."""
        return state.point

    def update(self, state: OptimisticState, feedback: Feedback, /) -> OptimisticState:
        """Tell the learner the true gradient, then try the next hint on a copy of it."""
        state.last_gradient = told_gradient(feedback, self)
        state.inner = self.learner.update(state.inner, feedback)
        return self._look_ahead(state, feedback.round + 1)

    def copy(self, state: OptimisticState, /) -> OptimisticState:
        """An independent copy."""
        return attrs.evolve(state, inner=self.learner.copy(state.inner))

    def game(self, index: tuple[int, ...], /) -> Optimistic:
        """The learner of one game of a batch, with the hints of that game."""
        hints: Any = self.hints
        if callable(hints):
            everyone: Any = self.hints

            def hints(t: int) -> Array:
                found: Array = row(everyone(t), index)
                return found

        elif hints is not None:
            hints = [row(hint, index) for hint in hints]
        return Optimistic(one_game(self.learner, index), hints)

    def _look_ahead(self, state: OptimisticState, t: int) -> OptimisticState:
        """W_t, from the hint for round ``t``."""
        hint = state.last_gradient if self.hints is None else self._hint(t, state.last_gradient)
        tried = self.learner.copy(state.inner)
        told = Feedback(t, self.learner.decide(tried), math.nan, hint, None)
        state.point = self.learner.decide(self.learner.update(tried, told))
        return state

    def _hint(self, t: int, like: Array) -> Array:
        """m_t, looked up."""
        given: Any = self.hints
        if callable(given):
            hint = given(t)
        elif t <= len(given):
            hint = given[t - 1]
        elif t == len(given) + 1:
            hint = 0.0 * like  # for the point after the last round
        else:
            raise ArgumentError(
                f"`Optimistic(hints=...)` holds {len(given)} hints, but the game goes on; give as "
                "many as it has rounds."
            )
        if getattr(hint, "shape", None) == like.shape[-1:]:  # one hint for all games
            hint = kernels(like).xp.broadcast_to(hint, like.shape)
        if getattr(hint, "shape", None) != like.shape:
            raise ShapeError(
                f"`Optimistic(hints=...)` must give arrays of the shape {tuple(like.shape)} of a "
                f"gradient, got {type(hint).__name__} of shape {getattr(hint, 'shape', None)} for "
                f"round {t}."
            )
        found: Array = hint
        return found
