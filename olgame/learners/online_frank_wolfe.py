"""Online Frank-Wolfe: regret without a projection."""

from __future__ import annotations

import math

import attrs
import numpy as np

from olgame.arrays import to_numpy
from olgame.exceptions import NotAvailableError
from olgame.feedback import Feedback, Level
from olgame.learners.told import told_gradient
from olgame.sets.convex_set import ConvexSet
from olgame.typing import Array
from olgame.validation import finite_positive, require_finite_positive, require_integer

__all__ = ["OnlineFrankWolfe", "OnlineFrankWolfeState", "mixing_weight"]


def mixing_weight(t: int) -> float:
    """sigma_t = min(1, 2/sqrt t), the weight of the new vertex after round t.

    Example:
        >>> [mixing_weight(t) for t in (1, 4, 16, 64)]
        [1.0, 1.0, 0.5, 0.25]
    """
    return min(1.0, 2.0 / math.sqrt(t))


@attrs.define(eq=False)
class OnlineFrankWolfeState:
    """W_t, W_1, and the sum of the gradients.

    Attributes:
        point: W_t, shape ``(..., p)``.
        start: W_1.
        decision_set: K.
        gradient_sum: S_{t-1} = g_1 + ... + g_{t-1}.
    """

    point: Array
    start: Array
    decision_set: ConvexSet
    gradient_sum: Array


@attrs.frozen
class OnlineFrankWolfe:
    """One linear minimization a round, and no projection (online conditional gradient).

    With F_{t+1}(x) = eta <g_1 + ... + g_t, x> + norm(x - W_1)^2, one step of Frank-Wolfe on it:

        V_t = argmin over v in K of <grad F_{t+1}(W_t), v>,
        W_{t+1} = (1 - sigma_t) W_t + sigma_t V_t,    sigma_t = min(1, 2/sqrt t).

    W_t follows the minimizer of F_t, that is lazy gradient descent, without ever computing it. All
    that is asked of K is `lmo` and that it is bounded: this is the learner for sets whose
    projection is expensive (the nuclear norm ball, polytopes). The price is regret of order
    T^(3/4) instead of T^(1/2): at most 4.8 D G T^(3/4) for eta = D/(2 G T^(3/4)), D = diam K
    (`olgame.theory.OnlineFrankWolfeBound`, with the proof; constant gradients attain the order).

    Departs from the source in one place: there F_t, without the newest gradient g_t, is minimized
    in round t; what is known is used here.

    Args:
        step_size: eta > 0; `tuned` gives the one above.

    Example:
        >>> import numpy as np, olgame as og
        >>> learner = OnlineFrankWolfe.tuned(rounds=1000, gradient_bound=1.0, diameter=2**0.5)
        >>> push = og.adversaries.ObliviousSequence([og.losses.LinearLoss(np.eye(3)[0])] * 1000)
        >>> simplex = og.sets.Simplex(3)
        >>> run = og.play(learner, push, simplex, rounds=1000, start=np.ones(3) / 3)
        >>> og.regret.linear(run).value <= 4.8 * 2**0.5 * 1000**0.75
        True

    References:
        hazan2022, Algorithm 27 and Theorem 7.3; hazan2012.
    """

    step_size: float = attrs.field(validator=finite_positive)

    @classmethod
    def tuned(cls, *, rounds: int, gradient_bound: float, diameter: float) -> OnlineFrankWolfe:
        """With eta = D/(2 G T^(3/4)).

        Args:
            rounds: T >= 1.
            gradient_bound: G > 0.
            diameter: D = diam K.

        Raises:
            ArgumentError: A number is not finite and positive.
        """
        owner = "OnlineFrankWolfe.tuned"
        require_integer(owner, rounds=rounds)
        require_finite_positive(owner, gradient_bound=gradient_bound, diameter=diameter)
        return cls(diameter / (2.0 * gradient_bound * rounds**0.75))

    @property
    def level(self) -> Level:
        """Asks for gradients."""
        return Level.GRADIENT

    def check_decision_set(self, decision_set: ConvexSet, start: Array, /) -> None:
        """Any bounded set.

        Raises:
            NotAvailableError: K is unbounded: linear functions have no minimizer there.
        """
        if not np.isfinite(to_numpy(decision_set.reach(start))).all():
            raise NotAvailableError(
                "`OnlineFrankWolfe` needs a bounded decision set, got "
                f"{type(decision_set).__name__}: a linear function has no minimizer on it; use "
                "OnlineGradientDescent."
            )

    def init(self, start: Array, decision_set: ConvexSet) -> OnlineFrankWolfeState:
        """The state before round 1."""
        self.check_decision_set(decision_set, start)
        return OnlineFrankWolfeState(start, start, decision_set, 0.0 * start)

    def decide(self, state: OnlineFrankWolfeState, /) -> Array:
        """W_t."""
        return state.point

    def update(self, state: OnlineFrankWolfeState, feedback: Feedback, /) -> OnlineFrankWolfeState:
        """One linear minimization and one convex combination."""
        state.gradient_sum = state.gradient_sum + told_gradient(feedback, self)
        slope = self.step_size * state.gradient_sum + 2.0 * (state.point - state.start)
        vertex = state.decision_set.lmo(slope)
        sigma = mixing_weight(feedback.round)
        # With both weights: entries that are >= 0 stay so, and sigma = 1 gives the vertex itself.
        state.point = (1.0 - sigma) * state.point + sigma * vertex
        return state

    def copy(self, state: OnlineFrankWolfeState, /) -> OnlineFrankWolfeState:
        """An independent copy (its arrays are never changed, so they are shared)."""
        return attrs.evolve(state)
