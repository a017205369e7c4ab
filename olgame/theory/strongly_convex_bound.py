"""The logarithmic regret of gradient descent on strongly convex losses."""

from __future__ import annotations

import attrs
import numpy as np
from numpy.typing import NDArray

from olgame.arrays import as_like, to_numpy
from olgame.sets.fields import wide
from olgame.theory import audit
from olgame.theory.concave_maximum import certified_maximum
from olgame.theory.played_sequence import played_sequence
from olgame.theory.premise import Premise, Premises
from olgame.theory.regret_bound import BoundStatement
from olgame.transcript import Transcript
from olgame.validation import finite_positive

__all__ = ["StronglyConvexBound"]


@attrs.frozen
class StronglyConvexBound:
    """Regret of W_{t+1} = Proj_K(W_t - alpha_t g_t) with alpha_t = 1/(mu t), K closed and convex.

    The theorem is about

        R_T(mu) = max over u in K of sum_t <g_t, W_t - u> - (mu/2) norm(W_t - u)^2
                <= sum_t norm(g_t)^2/(2 mu t)   <= (G^2/(2 mu)) (1 + log T)

    and holds whatever the losses are. Where every l_t is mu-strongly convex R_T(mu) is at least the
    regret max_u sum_t l_t(W_t) - l_t(u), and for `olgame.losses.QuadraticLoss` of curvature mu it
    is the regret. No size of K enters.

    Proof. With d_t = norm(W_t - u), d_{t+1}^2 <= d_t^2 - 2 alpha_t <g_t, W_t - u> + alpha_t^2
    norm(g_t)^2. Divided by 2 alpha_t = 2/(mu t), summed, and less (mu/2) sum_t d_t^2:

        sum_t <g_t, W_t - u> - (mu/2) d_t^2
            <= sum_t (mu/2) (t - 1) d_t^2 - (mu/2) t d_{t+1}^2 + norm(g_t)^2/(2 mu t)
            = - (mu/2) T d_{T+1}^2 + sum_t norm(g_t)^2/(2 mu t). []

    Tight: where nothing is projected the inequality is an equality, and at u = W_{T+1} the last
    distance is 0. So every game that stays inside attains the bound.

    R_T(mu) is a concave quadratic of u, largest at the projection of (mu sum W_t - sum g_t)/(mu T),
    and certified there from above.

    Args:
        curvature: mu.

    Example:
        >>> import numpy as np, olgame as og
        >>> losses = [og.losses.QuadraticLoss(np.array([(-1.0) ** t, 0.0])) for t in range(50)]
        >>> run = og.play(
        ...     og.learners.OnlineGradientDescent(og.step_sizes.StronglyConvex(1.0)),
        ...     og.adversaries.ObliviousSequence(losses),
        ...     og.sets.L2Ball(2.0, center=np.zeros(2)), rounds=50, keep="points",
        ... )
        >>> check = og.theory.check_bound(StronglyConvexBound(1.0), run)
        >>> check.conclusion, bool(np.allclose(check.regret, check.bound))
        ('certified_holds', True)

    References:
        hazan2007, Theorem 1; hazan2022, Theorem 3.3.
    """

    curvature: float = attrs.field(validator=finite_positive)

    @property
    def statement(self) -> BoundStatement:
        """What is claimed."""
        return BoundStatement(
            name="Projected gradient descent with steps 1/(mu t), regret of mu-strongly convex "
            "losses",
            formula="max_u sum_t <g_t, W_t - u> - (mu/2) norm(W_t - u)^2 "
            "<= sum_t norm(g_t)^2/(2 mu t)",
            source="hazan2022, Theorem 3.3, second edition, recalled; proved here",
            tightness="tight",
        )

    def premises(self, run: Transcript) -> Premises:
        """Points, projected gradient steps, and their sizes."""
        name, right = "steps 1/(mu t)", 1.0 / (self.curvature * np.arange(1, run.rounds + 1))
        if np.isnan(run.step_size).any():
            steps = Premise(name, "not checked", "the learner does not report its steps")
        else:
            off = float(np.abs(run.step_size / right - 1.0).max())
            steps = Premise.of(name, off <= audit.rounding(run), f"off by {off:.2g} at most")
        return Premises(
            (audit.points_feasible(run), audit.gradient_steps(run), steps, audit.finished(run))
        )

    def regret(self, run: Transcript) -> NDArray[np.float64]:
        """R_t(mu) after every round; nan where the losses were not kept."""
        game = played_sequence(run)
        if game is None:
            return np.full(run.rounds, np.nan)
        mu, origin = self.curvature, to_numpy(run.start)
        recentered = run.decision_set.translate(-run.start)
        like = wide(run.start)
        x, g = game.points[:-1] - origin, game.gradients
        rounds = np.arange(1, run.rounds + 1)
        linear = np.cumsum(np.vecdot(g, x) - mu / 2.0 * np.vecdot(x, x))
        slopes = np.cumsum(mu * x - g, axis=0)
        # F(v) = linear + <slope, v> - (mu t/2) norm(v)^2 for v = u - W_1.
        tops = to_numpy(recentered.project(as_like(slopes / (mu * rounds[:, None]), like)))
        found = []
        for t, base, slope, v in zip(rounds, linear, slopes, tops, strict=True):
            value = float(base + slope @ v - mu * t / 2.0 * (v @ v))
            rest = slope - mu * t * v
            found.append(certified_maximum(value, rest, v, recentered, like, curvature=mu * t))
        return np.array(found)

    def bound(self, run: Transcript) -> NDArray[np.float64]:
        """sum_s norm(g_s)^2/(2 mu s) after every round."""
        rounds = np.arange(1, run.rounds + 1)
        return np.asarray(np.cumsum(run.gradient_norm**2 / (2.0 * self.curvature * rounds)))
