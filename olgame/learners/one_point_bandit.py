"""Gradient descent that is told one number a round."""

from __future__ import annotations

from typing import Any

import attrs

from olgame.feedback import Feedback, Level
from olgame.learners.bandit_state import (
    BanditState,
    estimated,
    is_seed,
    seed_of_game,
    unit_direction,
)
from olgame.learners.shrunk_set import ShrunkSet, shrunk_for_exploration
from olgame.randomness import Seed, as_seed
from olgame.sets.convex_set import ConvexSet
from olgame.typing import Array
from olgame.validation import finite_positive

__all__ = ["OnePointBandit"]


@attrs.frozen
class OnePointBandit:
    """Gradient descent on a gradient that is estimated from the number l_t(W_t) alone.

    With v_t uniform on the unit sphere, delta the ``exploration``, r the radius of a ball around
    W_1 in K, and K_s = W_1 + s (K - W_1), s = 1 - delta/r, the set whose points have room for a
    step of length delta:

        W_t = z_t + delta v_t,    g^_t = (p/delta) l_t(W_t) v_t,
        z_{t+1} = Proj_{K_s}(z_t - alpha g^_t),    z_1 = W_1.

    Given the past, g^_t is an unbiased estimate of the gradient at z_t of the smoothed loss
    z -> E l_t(z + delta b), b uniform in the unit ball (Stokes' theorem), which for a linear loss
    is its own gradient. So, for losses that do not depend on v_t (an adversary that sees W_t breaks
    this), abs(l_t) <= C and L-Lipschitz convex l_t, for every u in K

        E sum_t l_t(W_t) - l_t(u) <= D_1^2/(2 alpha) + (alpha/2) T p^2 C^2/delta^2
                                     + delta T L (2 + D_1/r),

    of the order T^(3/4) at delta ~ T^(-1/4), alpha ~ T^(-3/4). The proof, and a bound that holds
    surely: `olgame.theory.OnePointBound`.

    Args:
        step_size: alpha > 0.
        exploration: delta, positive and smaller than r.
        seed: Of v_1, v_2, ...; one, or one for each game.
        inner_radius: r; default what the set states at W_1.

    Example:
        >>> import numpy as np, olgame as og
        >>> ball = og.sets.L2Ball(1.0, center=np.zeros(2))
        >>> target = og.losses.QuadraticLoss(np.array([0.5, 0.0]))
        >>> run = og.play(
        ...     OnePointBandit(step_size=0.001, exploration=0.2),
        ...     og.adversaries.ObliviousSequence([target] * 4000),
        ...     ball,
        ...     rounds=4000,
        ... )
        >>> bool(run.loss[-1000:].mean() < 0.5 * run.loss[:100].mean())
        True

    References:
        flaxman2005.
    """

    step_size: float = attrs.field(validator=finite_positive)
    exploration: float = attrs.field(validator=finite_positive)
    seed: Seed = attrs.field(default=0, kw_only=True, converter=as_seed, validator=is_seed)
    inner_radius: float | None = attrs.field(
        default=None, kw_only=True, validator=attrs.validators.optional(finite_positive)
    )

    @property
    def level(self) -> Level:
        """Asks for the value alone."""
        return Level.VALUE

    def check_decision_set(self, decision_set: ConvexSet, start: Array, /) -> None:
        """Any set with a ball of radius larger than ``exploration`` around the start."""
        self._shrunk(decision_set, start)

    def init(self, start: Array, decision_set: ConvexSet) -> BanditState:
        """The state before round 1, which already explores."""
        direction = unit_direction(self.seed, 1, start)
        shrunk = self._shrunk(decision_set, start)
        played = start + self.exploration * direction
        return BanditState(played, start, direction, shrunk, 0.0 * start)

    def decide(self, state: BanditState, /) -> Array:
        """W_t = z_t + delta v_t."""
        return state.point

    def update(self, state: BanditState, feedback: Feedback, /) -> BanditState:
        """Estimate the gradient from the value, step, and draw the next direction."""
        value: Any = feedback.value
        state.estimate = estimated(value / self.exploration, state.direction)
        state.iterate = state.shrunk.project(state.iterate - self.step_size * state.estimate)
        state.direction = unit_direction(self.seed, feedback.round + 1, state.iterate)
        state.point = state.iterate + self.exploration * state.direction
        return state

    def copy(self, state: BanditState, /) -> BanditState:
        """An independent copy (its arrays are never changed, so they are shared)."""
        return attrs.evolve(state)

    def game(self, index: tuple[int, ...], /) -> OnePointBandit:
        """The learner of one game of a batch."""
        return attrs.evolve(self, seed=seed_of_game(self.seed, index))

    def _shrunk(self, decision_set: ConvexSet, start: Array) -> ShrunkSet:
        return shrunk_for_exploration(
            decision_set, start, self.exploration, self.inner_radius, type(self).__name__
        )
