"""Gradient descent that is told two numbers a round."""

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
from olgame.learners.told import told_loss
from olgame.randomness import Seed, as_seed
from olgame.sets.convex_set import ConvexSet
from olgame.typing import Array
from olgame.validation import finite_positive

__all__ = ["TwoPointBandit"]


@attrs.frozen
class TwoPointBandit:
    """Gradient descent on a gradient that is estimated from the loss at two points.

    With v_t, delta, r and K_s as for `OnePointBandit`, and W_t = z_t the point that is played,

        g^_t = p/(2 delta) [l_t(W_t + delta v_t) - l_t(W_t - delta v_t)] v_t,
        W_{t+1} = Proj_{K_s}(W_t - alpha g^_t).

    Given the past, g^_t is an unbiased estimate of the gradient at W_t of the smoothed loss, and it
    does not grow as delta shrinks: norm(g^_t) <= p L for an L-Lipschitz l_t, and its mean square is
    at most p^2 L^2/(p - 1) (p >= 2), p norm(g_t)^2 for a linear one. So, for losses that do not
    depend on v_t, for every u in K

        E sum_t l_t(W_t) - l_t(u) <= D_1^2/(2 alpha) + (alpha/2) T E norm(g^)^2
                                     + delta T L (1 + D_1/r),

    of the order sqrt(p T) for a small delta: the price of a gradient is sqrt p, not T^(1/4). Proof:
    `olgame.theory.TwoPointBound`.

    Not too small, though: the difference of two values loses digits, and rounding alone makes an
    error of about p abs(l_t)/delta units of roundoff in g^_t.

    Departs from the paper, which plays the two points and not the one between them. Of the loss
    that `Level.FULL` hands over, two values are read and nothing else.

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
        ...     TwoPointBandit(step_size=0.05, exploration=0.01),
        ...     og.adversaries.ObliviousSequence([target] * 200),
        ...     ball,
        ...     rounds=200,
        ... )
        >>> bool(run.loss[-1] < 1e-6)
        True

    References:
        agarwal2010; shamir2017.
    """

    step_size: float = attrs.field(validator=finite_positive)
    exploration: float = attrs.field(validator=finite_positive)
    seed: Seed = attrs.field(default=0, kw_only=True, converter=as_seed, validator=is_seed)
    inner_radius: float | None = attrs.field(
        default=None, kw_only=True, validator=attrs.validators.optional(finite_positive)
    )

    @property
    def level(self) -> Level:
        """Asks for the loss, and reads two values of it."""
        return Level.FULL

    def check_decision_set(self, decision_set: ConvexSet, start: Array, /) -> None:
        """Any set with a ball of radius larger than ``exploration`` around the start."""
        self._shrunk(decision_set, start)

    def init(self, start: Array, decision_set: ConvexSet) -> BanditState:
        """The state before round 1."""
        shrunk = self._shrunk(decision_set, start)
        return BanditState(start, start, unit_direction(self.seed, 1, start), shrunk, 0.0 * start)

    def decide(self, state: BanditState, /) -> Array:
        """W_t."""
        return state.point

    def update(self, state: BanditState, feedback: Feedback, /) -> BanditState:
        """Ask for two values, step, and draw the next direction."""
        loss, direction = told_loss(feedback, self), state.direction
        step = self.exploration * direction
        ahead: Any = loss.value(state.iterate + step)
        slope = (ahead - loss.value(state.iterate - step)) / (2.0 * self.exploration)
        state.estimate = estimated(slope, direction)
        moved = state.iterate - self.step_size * state.estimate
        state.iterate = state.point = state.shrunk.project(moved)
        state.direction = unit_direction(self.seed, feedback.round + 1, state.iterate)
        return state

    def copy(self, state: BanditState, /) -> BanditState:
        """An independent copy (its arrays are never changed, so they are shared)."""
        return attrs.evolve(state)

    def game(self, index: tuple[int, ...], /) -> TwoPointBandit:
        """The learner of one game of a batch."""
        return attrs.evolve(self, seed=seed_of_game(self.seed, index))

    def _shrunk(self, decision_set: ConvexSet, start: Array) -> ShrunkSet:
        return shrunk_for_exploration(
            decision_set, start, self.exploration, self.inner_radius, type(self).__name__
        )
