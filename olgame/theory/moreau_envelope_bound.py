"""What gradients of Moreau envelopes do to regret, as an object."""

from __future__ import annotations

from typing import Any

import attrs

from olgame.arrays import kernels, to_numpy
from olgame.learners.moreau_envelope import MoreauEnvelope
from olgame.losses.round_loss import RoundLoss
from olgame.theory.regret_bound import BoundStatement
from olgame.theory.wrapped_bound import WrappedBound
from olgame.typing import Array

__all__ = ["MoreauEnvelopeBound"]


@attrs.frozen(eq=False)
class MoreauEnvelopeBound(WrappedBound[MoreauEnvelope[Any]]):
    """Regret of `olgame.learners.MoreauEnvelope` around any learner, for convex losses.

    With gbar_t the gradient that the learner was told and gap_t its certificate, for every u in K

        sum_t l_t(W_t) - l_t(u) <= max over v in K of sum_t <gbar_t, W_t - v>
                                   + sum_t (lambda <g_t - gbar_t, gbar_t> + gap_t),

    the first term being the learner's own linear regret, which its own theorem bounds. On the
    envelopes, and for projected gradient descent with a fixed step alpha <= lambda,

        sum_t l_{t,lambda}(W_t) - l_t(u) <= D_1^2/(2 alpha) + sum_t gap_t,

    which does not grow with T but for the gaps.

    Proof. z_t = W_t - lambda gbar_t, and gbar_t is a gap_t-subgradient at z_t: l_t(u) >= l_t(z_t) +
    <gbar_t, u - z_t> - gap_t = l_t(z_t) + <gbar_t, u - W_t> + lambda norm(gbar_t)^2 - gap_t. With
    l_t(z_t) >= l_t(W_t) - lambda <g_t, gbar_t> the first claim follows. For the second,
    l_{t,lambda}(W_t) <= l_t(z_t) + (lambda/2) norm(gbar_t)^2, so its excess over l_t(u) is at most
    <gbar_t, W_t - u> - (lambda/2) norm(gbar_t)^2 + gap_t, and gradient descent on gbar_t has
    regret at most D_1^2/(2 alpha) + (alpha/2) sum norm(gbar_t)^2. []

    Tight: for linear losses the two sides are equal at the best u.

    Args:
        learner: Who played.
        comparator: u; default the best point of the linear regret of the game.

    References:
        moreau1965.
    """

    @property
    def statement(self) -> BoundStatement:
        """What the theorem says."""
        return BoundStatement(
            name="Gradients of Moreau envelopes, external regret",
            formula=(
                "R_T(u) <= max_v sum <gbar_t, W_t - v> + lambda sum <g_t - gbar_t, gbar_t> + "
                "sum gap_t"
            ),
            source="proved here",
            tightness="tight",
        )

    def told(self, t: int, point: Array, gradient: Array, loss: RoundLoss) -> tuple[Array, float]:
        """gbar_t, and lambda <g_t - gbar_t, gbar_t> + gap_t."""
        found = self.learner.envelope_gradient(loss, point)
        turn = kernels(point).dot(gradient - found.gradient, found.gradient)
        return found.gradient, float(to_numpy(self.learner.smoothing * turn + found.gap))
