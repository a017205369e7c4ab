"""Gradient descent that is told one number a round."""

from __future__ import annotations

from typing import Any

import attrs

from olgame.feedback import Feedback, Level
from olgame.learners.bandit_state import BanditState
from olgame.learners.sphere_bandit import SphereBandit
from olgame.typing import Array

__all__ = ["OnePointBandit"]


@attrs.frozen
class OnePointBandit(SphereBandit):
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

    @property
    def level(self) -> Level:
        """Asks for the value alone."""
        return Level.VALUE

    def slope(self, state: BanditState, feedback: Feedback) -> Any:
        """l_t(W_t)/delta."""
        value: Any = feedback.value
        return value / self.exploration

    def played(self, iterate: Array, direction: Array) -> Array:
        """z_t + delta v_t."""
        return iterate + self.exploration * direction
