"""The regret theorem of the one-point bandit, as an object."""

from __future__ import annotations

import math

import attrs
import numpy as np
from numpy.typing import NDArray

from olgame.learners.one_point_bandit import OnePointBandit
from olgame.results import Certified
from olgame.theory import audit
from olgame.theory.bandit_steps import bandit_steps
from olgame.theory.learner_premises import bounded_set, played_by, reach_of
from olgame.theory.premise import Premises
from olgame.theory.regret_bound import BoundStatement
from olgame.transcript import Transcript
from olgame.validation import require

__all__ = ["OnePointBound"]

Floats = NDArray[np.float64]


@attrs.frozen
class OnePointBound:
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
        given = {"rounds": rounds, "dim": dim, "reach": reach, "inner_radius": inner_radius}
        given |= {"lipschitz": lipschitz, "loss_bound": loss_bound}
        for name, number in given.items():
            good = 0.0 < number < math.inf
            require(good, "OnePointBound.expected", name, "be finite and positive", number)
        alpha, delta = float(self.learner.step_size), float(self.learner.exploration)
        size = (1.0 - delta / inner_radius) * reach
        variance = (dim * loss_bound / delta) ** 2
        bias = delta * rounds * lipschitz * (2.0 + reach / inner_radius)
        value = size**2 / (2.0 * alpha) + 0.5 * alpha * rounds * variance + bias
        return Certified(value, "upper", "in the mean over the learner's draws")

    def premises(self, run: Transcript) -> Premises:
        """What the sure bound assumes, recomputed."""
        return Premises(
            (
                played_by(run, self.learner),
                audit.points_feasible(run),
                bounded_set(run),
                audit.finished(run),
            )
        )

    def regret(self, run: Transcript) -> Floats:
        """The regret on the estimates after every round."""
        return bandit_steps(run, self.learner).regret()

    def bound(self, run: Transcript) -> Floats:
        """The bound from the estimates that were made."""
        return bandit_steps(run, self.learner).bound(float(self.learner.step_size), reach_of(run))
