"""What sharpness-aware gradients do to regret, as an object."""

from __future__ import annotations

from typing import Any

import attrs

from olgame.arrays import kernels, to_numpy
from olgame.feedback import Feedback
from olgame.learners.sharpness_aware import SharpnessAware
from olgame.losses.round_loss import RoundLoss
from olgame.sets.norms import unit
from olgame.theory.regret_bound import BoundStatement
from olgame.theory.wrapped_bound import WrappedBound
from olgame.typing import Array

__all__ = ["SharpnessAwareBound"]


@attrs.frozen(eq=False)
class SharpnessAwareBound(WrappedBound[SharpnessAware[Any]]):
    """Regret of `olgame.learners.SharpnessAware` around any learner, for convex losses.

    With d_t = g_t/norm(g_t) and g^_t the gradient at W_t + tau d_t that the learner was told, for
    every u in K

        sum_t l_t(W_t) - l_t(u) <= max over v in K of sum_t <g^_t, W_t - v>
                                   + tau sum_t (<g^_t, d_t> - norm(g_t)),

    the first term being the learner's own linear regret, which its own theorem bounds. The second
    is >= 0; it vanishes for linear losses, and is at most tau^2 beta T for beta-smooth ones.

    Proof. By convexity l_t(u) >= l_t(W_t + tau d_t) + <g^_t, u - W_t - tau d_t>, and l_t(W_t +
    tau d_t) >= l_t(W_t) + tau norm(g_t). Add the two: l_t(W_t) - l_t(u) <= <g^_t, W_t - u> +
    tau <g^_t, d_t> - tau norm(g_t). Gradients are monotone, <g^_t - g_t, d_t> >= 0, and for smooth
    losses at most beta tau. []

    Tight: for linear losses the two sides are equal at the best u.

    Args:
        learner: Who played.
        comparator: u; default the best point of the linear regret of the game.

    References:
        foret2021.
    """

    @property
    def statement(self) -> BoundStatement:
        """What the theorem says."""
        return BoundStatement(
            name="Sharpness-aware gradients, external regret",
            formula="R_T(u) <= max_v sum <g^_t, W_t - v> + tau sum (<g^_t, d_t> - norm(g_t))",
            source="proved here",
            tightness="tight",
        )

    def told(self, t: int, point: Array, gradient: Array, loss: RoundLoss) -> tuple[Array, float]:
        """g^_t, and tau (<g^_t, d_t> - norm(g_t))."""
        found = self.learner.gradient_at(Feedback(t, point, 0.0, gradient, loss))
        dot, norm = kernels(point).dot(found, unit(gradient)), kernels(point).norm(gradient)
        return found, self.learner.radius * float(to_numpy(dot - norm))
