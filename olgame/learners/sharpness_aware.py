"""Sharpness-aware minimization around any gradient learner."""

from __future__ import annotations

from typing import Generic, TypeVar

import attrs

from olgame.feedback import Feedback, Level
from olgame.learners.learner import DeclaresSets, Learner
from olgame.learners.told import told_gradient, told_loss
from olgame.learners.wrapping import needs_gradients
from olgame.one_game import one_game
from olgame.sets.convex_set import ConvexSet
from olgame.sets.norms import unit
from olgame.typing import Array
from olgame.validation import finite_positive

__all__ = ["SharpnessAware"]

S = TypeVar("S")


@attrs.frozen
class SharpnessAware(Generic[S]):
    """Hands ``learner`` the gradient where the loss is larger: at W_t + tau g_t/norm(g_t).

        g^_t = grad l_t(W_t + e_t),    e_t = tau g_t/norm(g_t)   (0 where g_t = 0),

    one more gradient a round. e_t is where the loss linearized at W_t is largest in the ball of
    radius tau, so that g^_t is, to first order, a gradient of max over norm(e) <= tau of
    l_t(W_t + e), by Danskin's theorem. For a linear loss g^_t = g_t and nothing changes.

    For convex losses and every u in K, whatever the learner,

        sum_t l_t(W_t) - l_t(u) <= sum_t <g^_t, W_t - u> + sum_t (<g^_t, e_t> - tau norm(g_t)),

    the learner's own regret on what it was told, and a term >= 0 that vanishes for linear losses
    (proof: `olgame.theory.SharpnessAwareBound`). With networks nothing is promised.

    The loss is asked for at a point up to tau outside K, as in the paper, where K is the whole
    space.

    Args:
        learner: Of level GRADIENT; wrappers of that level nest.
        radius: tau > 0.

    Raises:
        ArgumentError: ``learner`` is not of level GRADIENT, or ``radius`` is not positive.

    Example:
        >>> import numpy as np, olgame as og
        >>> learner = SharpnessAware(og.learners.OnlineGradientDescent(0.1), radius=0.05)
        >>> target = og.losses.QuadraticLoss(np.array([0.5, 0.0]))
        >>> adversary = og.adversaries.ObliviousSequence([target] * 200)
        >>> run = og.play(learner, adversary, og.sets.L2Ball(1.0, center=np.zeros(2)), rounds=200)
        >>> bool(run.loss[-1] < 1e-4)  # it circles around the minimum, at a distance of about 0.003
        True

    References:
        foret2021.
    """

    learner: Learner[S] = attrs.field(validator=needs_gradients)
    radius: float = attrs.field(validator=finite_positive)

    @property
    def level(self) -> Level:
        """Asks for the loss: its gradient at a second point."""
        return Level.FULL

    def check_decision_set(self, decision_set: ConvexSet, start: Array, /) -> None:
        """What the learner says."""
        if isinstance(self.learner, DeclaresSets):
            self.learner.check_decision_set(decision_set, start)

    def init(self, start: Array, decision_set: ConvexSet) -> S:
        """The learner's state."""
        return self.learner.init(start, decision_set)

    def decide(self, state: S, /) -> Array:
        """W_t."""
        return self.learner.decide(state)

    def update(self, state: S, feedback: Feedback, /) -> S:
        """The gradient at the second point, handed on."""
        told = self.gradient_at(feedback)
        return self.learner.update(state, feedback._replace(gradient=told, loss=None))

    def copy(self, state: S, /) -> S:
        """An independent copy."""
        return self.learner.copy(state)

    def game(self, index: tuple[int, ...], /) -> SharpnessAware[S]:
        """The learner of one game of a batch."""
        return attrs.evolve(self, learner=one_game(self.learner, index))

    def gradient_at(self, feedback: Feedback) -> Array:
        """g^_t."""
        climbed = feedback.point + self.radius * unit(told_gradient(feedback, self))
        return told_loss(feedback, self).evaluate(climbed).gradient
