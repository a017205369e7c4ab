"""The regret theorem of the two-point bandit, as an object."""

from __future__ import annotations

import attrs

from olgame.learners.two_point_bandit import TwoPointBandit
from olgame.results import Certified
from olgame.theory.regret_bound import BoundStatement
from olgame.theory.sphere_bandit_bound import SphereBanditBound

__all__ = ["TwoPointBound", "mean_square"]


def mean_square(dim: int, lipschitz: float, *, linear: bool = False) -> float:
    """A bound on E norm(g^_t)^2 for an L-Lipschitz loss.

    p L^2 for a linear loss: g^ = p <g, v> v and E <g, v>^2 = norm(g)^2/p. Else p^2 L^2 min(1,
    1/(p - 1)): with h(v) = l(z + delta v) on the sphere, (h(v) - h(-v))^2 has mean at most 4 Var h,
    and by Poincare's inequality on the sphere (first eigenvalue p - 1) Var h is at most
    (delta L)^2/(p - 1), for p >= 2.

    Args:
        dim: p.
        lipschitz: L.
        linear: Whether the losses are linear.
    """
    if linear:
        return dim * lipschitz**2
    return dim**2 * lipschitz**2 / max(1.0, dim - 1.0)


@attrs.frozen
class TwoPointBound(SphereBanditBound):
    """Regret of `olgame.learners.TwoPointBandit`: one bound that is sure, and one in the mean.

    With K_s, D_1, r and delta as for `OnePointBound`, W_t in K_s the points and g^_t =
    p/(2 delta) [l_t(W_t + delta v_t) - l_t(W_t - delta v_t)] v_t the estimates, for every draw and
    every u in K_s (`regret`, `bound`)

        sum_t <g^_t, W_t - u> <= (s D_1)^2/(2 alpha) + (alpha/2) sum_t norm(g^_t)^2,

    and in the mean over the draws, for convex L-Lipschitz losses that were fixed beforehand, every
    u in K (`expected`), with V = `mean_square`,

        E sum_t l_t(W_t) - l_t(u) <= (s D_1)^2/(2 alpha) + (alpha/2) T V + delta T L (1 + D_1/r);

    for linear losses without the 1 in the last bracket.

    Proof. As for `OnePointBound`: v and -v have the same law, so g^_t has the mean of the one-point
    estimate, the gradient of l^_t at W_t; and l_t(W_t) <= l^_t(W_t), as l^ averages a convex
    function around W_t. For a linear loss l^ = l. []

    Args:
        learner: Who played.

    Example:
        >>> learner = TwoPointBandit(step_size=0.01, exploration=0.001)
        >>> sizes = dict(dim=5, reach=1.0, inner_radius=1.0, lipschitz=1.0)
        >>> round(TwoPointBound(learner).expected(2000, linear=True, **sizes).value, 3)
        101.9

    References:
        agarwal2010, Theorem 4 (recalled: other constants); shamir2017.
    """

    learner: TwoPointBandit

    @property
    def statement(self) -> BoundStatement:
        """What the theorem says."""
        return BoundStatement(
            name="Two-point bandit, regret on its estimates",
            formula="sum <g^_t, W_t - u> <= (s D_1)^2/(2 alpha) + (alpha/2) sum norm(g^_t)^2",
            source="proved here; agarwal2010 (recalled) is its mean, other constants",
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
        linear: bool = False,
    ) -> Certified:
        """The bound on the mean regret.

        Args:
            rounds: T.
            dim: p.
            reach: D_1.
            inner_radius: r > delta.
            lipschitz: L.
            linear: Whether the losses are linear.

        Raises:
            ArgumentError: A number is not finite and positive.
        """
        sizes = self.checked(
            rounds=rounds, dim=dim, reach=reach, inner_radius=inner_radius, lipschitz=lipschitz
        )
        exploring = (0.0 if linear else 1.0) + reach / inner_radius
        return self.mean_bound(sizes, mean_square(dim, lipschitz, linear=linear), exploring)
