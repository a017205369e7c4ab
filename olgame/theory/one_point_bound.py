"""The regret theorem of the one-point bandit, as an object."""

from __future__ import annotations

import attrs

from olgame.learners.one_point_bandit import OnePointBandit
from olgame.results import Certified
from olgame.theory.regret_bound import BoundStatement
from olgame.theory.sphere_bandit_bound import SphereBanditBound

__all__ = ["OnePointBound"]


@attrs.frozen
class OnePointBound(SphereBanditBound):
    """Regret of `olgame.learners.OnePointBandit`: one bound that is sure, and one in the mean.

    With K_s = W_1 + s (K - W_1), s = 1 - delta/r, D_1 the reach of K from W_1, z_t in K_s the
    iterates and g^_t = (p/delta) l_t(z_t + delta v_t) v_t the estimates, for every draw and every
    u in K_s (`regret`, `bound`)

        sum_t <g^_t, z_t - u> <= (s D_1)^2/(2 alpha) + (alpha/2) sum_t norm(g^_t)^2.

    In the mean over the draws, for convex losses that were fixed beforehand, L-Lipschitz and of
    absolute value at most C on K, and every u in K (`expected`)

        E sum_t l_t(W_t) - l_t(u) <= (s D_1)^2/(2 alpha) + (alpha/2) T p^2 C^2/delta^2
                                     + delta T L (2 + D_1/r).

    Proof. The first is that of projected gradient descent on K_s. For the second let l^(z) =
    E l(z + delta b), b uniform in the unit ball. It is convex, l <= l^ <= l + delta L on K_s, and
    by Stokes' theorem its gradient is (p/delta) E l(z + delta v) v: the mean of g^_t given the
    past. So E sum l^_t(z_t) - l^_t(u_s) <= E sum <g^_t, z_t - u_s> for u_s = W_1 + s (u - W_1),
    with norm(g^_t) <= p C/delta. It remains to compare: l_t(W_t) <= l_t(z_t) + delta L <= l^_t(z_t)
    + delta L, and l^_t(u_s) <= l_t(u_s) + delta L <= l_t(u) + delta L + L (delta/r) D_1. []

    A single game may exceed the second bound without contradicting it; `check_bound` holds the
    game against the first.

    Args:
        learner: Who played.

    Example:
        >>> learner = OnePointBandit(step_size=0.001, exploration=0.2)
        >>> sizes = dict(dim=2, reach=1.0, inner_radius=1.0, lipschitz=1.0, loss_bound=1.0)
        >>> round(OnePointBound(learner).expected(4000, **sizes).value, 6)
        2920.0

    References:
        flaxman2005, Theorem 2 (recalled: other constants).
    """

    learner: OnePointBandit

    @property
    def statement(self) -> BoundStatement:
        """What the theorem says."""
        return BoundStatement(
            name="One-point bandit, regret on its estimates",
            formula="sum <g^_t, z_t - u> <= (s D_1)^2/(2 alpha) + (alpha/2) sum norm(g^_t)^2",
            source="proved here; flaxman2005, Theorem 2 (recalled) is its mean, other constants",
            tightness="upper",
            size="D_1",
        )

    def expected(
        self,
        rounds: int,
        *,
        dim: int,
        reach: float,
        inner_radius: float,
        lipschitz: float,
        loss_bound: float,
    ) -> Certified:
        """The bound on the mean regret.

        Args:
            rounds: T.
            dim: p.
            reach: D_1.
            inner_radius: r > delta.
            lipschitz: L.
            loss_bound: C.

        Raises:
            ArgumentError: A number is not finite and positive.
        """
        sizes = self.checked(
            rounds=rounds,
            dim=dim,
            reach=reach,
            inner_radius=inner_radius,
            lipschitz=lipschitz,
            loss_bound=loss_bound,
        )
        square = (dim * loss_bound / float(self.learner.exploration)) ** 2
        return self.mean_bound(sizes, square, 2.0 + reach / inner_radius)
