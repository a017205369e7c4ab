"""Gradient descent that is told two numbers a round."""

from __future__ import annotations

from typing import Any

import attrs

from olgame.feedback import Feedback, Level
from olgame.learners.bandit_state import BanditState
from olgame.learners.sphere_bandit import SphereBandit
from olgame.learners.told import told_loss
from olgame.typing import Array

__all__ = ["TwoPointBandit"]


@attrs.frozen
class TwoPointBandit(SphereBandit):
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

    @property
    def level(self) -> Level:
        """Asks for the loss, and reads two values of it."""
        return Level.FULL

    def slope(self, state: BanditState, feedback: Feedback) -> Any:
        """[l_t(W_t + delta v_t) - l_t(W_t - delta v_t)]/(2 delta)."""
        loss, step = told_loss(feedback, self), self.exploration * state.direction
        ahead: Any = loss.value(state.iterate + step)
        return (ahead - loss.value(state.iterate - step)) / (2.0 * self.exploration)

    def played(self, iterate: Array, direction: Array) -> Array:
        """z_t itself."""
        return iterate
