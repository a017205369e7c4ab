"""What sharpness-aware gradients do to regret, as an object."""

from __future__ import annotations

from typing import Any

import attrs
import numpy as np
from numpy.typing import NDArray

from olgame.arrays import kernels, to_numpy
from olgame.feedback import Feedback
from olgame.learners.sharpness_aware import SharpnessAware
from olgame.regret.dynamic import dynamic_curve
from olgame.regret.linear import linear_maximizer
from olgame.regret.played_sums import played_points
from olgame.sets.norms import unit
from olgame.theory import audit
from olgame.theory.learner_premises import convex_losses, played_by
from olgame.theory.premise import Premises
from olgame.theory.regret_bound import BoundStatement
from olgame.theory.told_regret import largest_linear_regret
from olgame.transcript import Transcript

__all__ = ["SharpnessAwareBound"]

Floats = NDArray[np.float64]


@attrs.frozen(eq=False)
class SharpnessAwareBound:
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

    learner: SharpnessAware[Any]
    comparator: Any = None

    @property
    def statement(self) -> BoundStatement:
        """What the theorem says."""
        return BoundStatement(
            name="Sharpness-aware gradients, external regret",
            formula="R_T(u) <= max_v sum <g^_t, W_t - v> + tau sum (<g^_t, d_t> - norm(g_t))",
            source="proved here",
            tightness="tight",
        )

    def premises(self, run: Transcript) -> Premises:
        """What the theorem assumes, recomputed."""
        return Premises(
            (
                played_by(run, self.learner),
                convex_losses(run),
                audit.points_feasible(run),
                audit.finished(run),
            )
        )

    def regret(self, run: Transcript) -> Floats:
        """sum_{s <= t} l_s(W_s) - l_s(u)."""
        u = linear_maximizer(run) if self.comparator is None else self.comparator
        return dynamic_curve(run, np.broadcast_to(to_numpy(u), (run.rounds, *run.start.shape)))

    def bound(self, run: Transcript) -> Floats:
        """The bound from the gradients that the learner was told."""
        points, told, extra = [], [], []
        losses = run.kept_losses("This bound")
        for t, ((point, gradient), loss) in enumerate(
            zip(played_points(run), losses, strict=True), start=1
        ):
            feedback = Feedback(t, point, 0.0, gradient, loss)
            found = self.learner.gradient_at(feedback)
            dot, norm = kernels(point).dot(found, unit(gradient)), kernels(point).norm(gradient)
            points.append(point)
            told.append(found)
            extra.append(self.learner.radius * float(to_numpy(dot - norm)))
        support = run.decision_set.translate(-run.start).support
        own = largest_linear_regret(points, told, run.start, support)
        return np.asarray(own + np.cumsum(extra))
