"""The regret of following the leader: logarithmic on strong convexity, what it changes without."""

from __future__ import annotations

import math
from typing import Any

import attrs
import numpy as np
from numpy.typing import NDArray

from olgame.arrays import as_like, to_numpy
from olgame.losses.linear_loss import LinearLoss
from olgame.losses.quadratic_loss import QuadraticLoss
from olgame.regret.curve import linear_curve
from olgame.theory import audit
from olgame.theory.played_sequence import PlayedSequence, played_sequence, recomputed
from olgame.theory.premise import Premise, Premises
from olgame.theory.regret_bound import BoundStatement
from olgame.transcript import Transcript
from olgame.validation import require

__all__ = ["FollowTheLeaderBound"]

Floats = NDArray[np.float64]


@attrs.frozen
class FollowTheLeaderBound:
    """Regret of `olgame.learners.FollowTheLeader` against every u in a closed convex K.

    The regret is that on f_t(u) = <g_t, u> + (mu/2) norm(u - W_t)^2, computed exactly:
    max over u in K of sum_t f_t(W_t) - f_t(u). It is the regret on the l_t where they are
    `olgame.losses.QuadraticLoss` of curvature mu, and at least that where they are mu-strongly
    convex on K.

    * mu > 0: regret <= sum_t norm(g_t)^2/(2 mu t), so (G^2/(2 mu)) (1 + log T) if norm(g_t) <= G.
      Tight: equality in every round as long as the projection moves nothing.
    * mu = 0: regret <= sum_t <g_t, W_t - W_{t+1}>, which may be linear in T. Tight: equality for a
      constant gradient (and within a factor of 2 where the leader changes in every round).

    Proof. With F_t = f_1 + ... + f_t and W_{t+1} its minimizer, sum_t [F_t(W_t) - F_t(W_{t+1})] =
    sum_t f_t(W_t) - F_T(W_{T+1}) is the regret itself, as F_t(W_t) = f_t(W_t) + F_{t-1}(W_t). F_t
    is t mu-strongly convex and W_t minimizes F_{t-1} over K, so g_t is a subgradient of F_t (plus
    K's indicator) at W_t, and F_t(W_t) - F_t(W_{t+1}) <= norm(g_t)^2/(2 t mu); unconstrained,
    W_{t+1} = W_t - g_t/(t mu) makes it an equality. For mu = 0, F_t(W_t) - F_t(W_{t+1}) =
    <g_t, W_t - W_{t+1}> + F_{t-1}(W_t) - F_{t-1}(W_{t+1}), the last difference not positive. []

    Args:
        strong_convexity: mu >= 0, as the learner's.

    Example:
        >>> import numpy as np, olgame as og
        >>> targets = np.random.default_rng(0).standard_normal((50, 3))
        >>> losses = [og.losses.QuadraticLoss(a) for a in targets]
        >>> run = og.play(
        ...     og.learners.FollowTheLeader(1.0), og.adversaries.ObliviousSequence(losses),
        ...     og.sets.L2Ball(9.0, center=np.zeros(3)), rounds=50, keep="points",
        ... )
        >>> check = og.theory.check_bound(FollowTheLeaderBound(1.0), run)
        >>> print(check.conclusion, bool(abs(check.regret - check.bound).max() < 1e-12))
        certified_holds True

    References:
        orabona2019, Chapter 7; hazan2007; kalai2005.
    """

    strong_convexity: float = attrs.field(default=0.0)

    def __attrs_post_init__(self) -> None:
        mu = self.strong_convexity
        good = isinstance(mu, float | int) and not isinstance(mu, bool) and 0.0 <= mu < math.inf
        require(good, "FollowTheLeaderBound", "strong_convexity", "be finite and at least 0", mu)

    @property
    def statement(self) -> BoundStatement:
        convex = self.strong_convexity > 0.0
        right = "sum_t norm(g_t)^2/(2 mu t)" if convex else "sum_t <g_t, W_t - W_{t+1}>"
        return BoundStatement(
            name="Follow the leader, regret" + " on strongly convex losses" * convex,
            formula=f"R_T <= {right}",
            source="orabona2019, Chapter 7, recalled; proved in `FollowTheLeaderBound`",
            tightness="tight",
        )

    def premises(self, run: Transcript) -> Premises:
        """Leaders by the rule, losses as convex as is said."""
        game = played_sequence(run)
        right = None if game is None else self._leaders(run, game)
        played = None if game is None else game.points
        steepness = 1.0 if self.strong_convexity > 0.0 else 0.0
        items = [recomputed("leaders of the losses", run, played, right, steepness * run.rounds)]
        if self.strong_convexity > 0.0:
            items.append(self._strongly_convex(run))
        return Premises((*items, audit.points_feasible(run), audit.finished(run)))

    def regret(self, run: Transcript) -> Floats:
        """max over u in K of sum_{s <= t} f_s(W_s) - f_s(u); nan where the losses are gone."""
        mu = self.strong_convexity
        if mu == 0.0:
            return linear_curve(run)
        game = played_sequence(run)
        if game is None:
            return np.full(run.rounds, np.nan)
        offsets = game.points[:-1] - to_numpy(run.start)
        t = np.arange(1, run.rounds + 1)
        slopes = np.cumsum(game.gradients - mu * offsets, axis=0)
        best = self._leaders(run, game)[1:] - to_numpy(run.start)
        suffered = np.cumsum(np.vecdot(game.gradients, offsets))
        constants = 0.5 * mu * np.cumsum(np.vecdot(offsets, offsets))
        least = np.vecdot(slopes, best) + 0.5 * mu * t * np.vecdot(best, best) + constants
        found: Floats = suffered - least
        return found

    def bound(self, run: Transcript) -> Floats:
        """The right side after 1, ..., T rounds; nan where the losses are gone."""
        game = played_sequence(run)
        if game is None:
            return np.full(run.rounds, np.nan)
        if self.strong_convexity == 0.0:
            moves = game.points[:-1] - game.points[1:]
            return np.asarray(np.cumsum(np.vecdot(game.gradients, moves)))
        t = np.arange(1, run.rounds + 1)
        squares = np.vecdot(game.gradients, game.gradients)
        return np.asarray(np.cumsum(squares / t) / (2.0 * self.strong_convexity))

    def _leaders(self, run: Transcript, game: PlayedSequence) -> Floats:
        """W_1 and the minimizers of F_1, ..., F_T over K, shape ``(T + 1, p)``."""
        mu, start = self.strong_convexity, to_numpy(run.start)
        slope = np.zeros_like(start)
        found = [start]
        for t, (w, g) in enumerate(zip(game.points[:-1], game.gradients, strict=True), start=1):
            slope = slope + g - mu * (w - start)
            leader: Any
            if mu == 0.0:
                leader = run.decision_set.lmo(as_like(slope, run.start))
            else:
                leader = run.decision_set.project(as_like(start - slope / (mu * t), run.start))
            found.append(to_numpy(leader))
        return np.stack(found)

    def _strongly_convex(self, run: Transcript) -> Premise:
        name, mu = "mu-strongly convex losses", self.strong_convexity
        if run.round_losses is None:
            return Premise(name, "not checked", "the losses were not kept")
        for t, loss in enumerate(run.round_losses, start=1):
            if isinstance(loss, LinearLoss):
                return Premise(name, "fails", f"the loss of round {t} is linear")
            if not isinstance(loss, QuadraticLoss):
                text = f"nobody knows of the {type(loss).__name__} of round {t}"
                return Premise(name, "not checked", text)
            if loss.curvature < mu:
                return Premise(
                    name, "fails", f"round {t} has curvature {loss.curvature:.6g} < {mu:.6g}"
                )
        return Premise(name, "holds", f"quadratic losses of curvature {mu:.6g} or more")
