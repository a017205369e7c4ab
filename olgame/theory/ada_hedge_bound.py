"""The regret bound of AdaHedge."""

from __future__ import annotations

import math

import attrs
import numpy as np
from numpy.typing import NDArray

from olgame.regret.curve import linear_curve
from olgame.theory import audit
from olgame.theory.hedge_bound import complexity, prior_premise
from olgame.theory.played_sequence import PlayedSequence, expert_sequence, recomputed, simplex
from olgame.theory.premise import Premises
from olgame.theory.regret_bound import BoundStatement
from olgame.transcript import Transcript

__all__ = ["AdaHedgeBound"]

Floats = NDArray[np.float64]


@attrs.frozen
class AdaHedgeBound:
    """Regret of `olgame.learners.AdaHedge` against every point of a simplex of size s.

    With H = log(1/min_j q_{1,j}) (log p for equal weights), s_t = s range(g_t), Delta_T the sum of
    the mixability gaps and losses in the linear form <g_t, w>,

        regret <= 2 Delta_T <= sqrt(H sum_t s_t^2) + 2 max_t s_t.

    Proof. The proof of `HedgeBound` gives regret <= H/eta_T + Delta_T = Delta_{T-1} + Delta_T,
    since eta_t = H/Delta_{t-1} never increases. And 0 <= delta_t <= min(s_t, eta_t s_t^2/8), so
    Delta_T^2 = sum_t (2 delta_t Delta_{t-1} + delta_t^2) <= sum_t (2 H delta_t/eta_t + s_t delta_t)
    <= (H/4) sum_t s_t^2 + max_t s_t Delta_T (a round with infinite eta has Delta_{t-1} = 0). From
    x^2 <= a + b x follows x <= sqrt a + b. []

    The paper has the sharper sum of variances, sqrt(V_T H) + (2 H/3 + 1) max_t s_t for Delta_T
    [recalled]; here are constants that are proved in four lines.

    Tight as T grows, on the sequence of `HedgeBound`: more than 0.94 of the bound at p = 8, T =
    4000.

    Example:
        >>> import numpy as np, olgame as og
        >>> losses = [og.losses.LinearLoss(np.eye(4)[t % 4]) for t in range(20)]
        >>> run = og.play(
        ...     og.learners.AdaHedge(), og.adversaries.ObliviousSequence(losses),
        ...     og.sets.Simplex(), rounds=20, start=np.full(4, 0.25), keep="points",
        ... )
        >>> print(og.theory.check_bound(AdaHedgeBound(), run).conclusion)
        certified_holds

    References:
        derooij2014.
    """

    @property
    def statement(self) -> BoundStatement:
        return BoundStatement(
            name="AdaHedge, external regret",
            formula="R_T <= sqrt(H sum_t s_t^2) + 2 max_t s_t, s_t = s range(g_t)",
            source="derooij2014, recalled, other constants; proved in `AdaHedgeBound`",
            tightness="tight",
            size="s, the size of the simplex",
        )

    def premises(self, run: Transcript) -> Premises:
        """A simplex, positive weights at first, weights by the rule."""
        game = expert_sequence(run)
        right, steepness = None, 0.0
        if game is not None and prior_premise(run).holds:
            right, gaps = self._follow(game)
            # An error of eta S moves the weights; eta is largest beside the smallest gap.
            known = gaps[gaps > 0.0]
            steepest = 0.0 if not known.size else complexity(game) / float(known[0])
            steepness = max(1.0, steepest * float(game.ranges.max())) * len(game.gradients)
        played = None if game is None else game.points
        return Premises(
            (
                simplex(run),
                prior_premise(run),
                recomputed("weights of AdaHedge", run, played, right, steepness),
                audit.points_feasible(run),
                audit.finished(run),
            )
        )

    def regret(self, run: Transcript) -> Floats:
        """The linear regret after 1, ..., T rounds."""
        return linear_curve(run)

    def bound(self, run: Transcript) -> Floats:
        """sqrt(H sum_{r <= t} s_r^2) + 2 max_{r <= t} s_r; nan where the losses are gone."""
        game = expert_sequence(run)
        if game is None:
            return np.full(run.rounds, np.nan)
        ranges = game.ranges
        found: Floats = np.sqrt(complexity(game) * np.cumsum(ranges**2))
        return found + 2.0 * np.maximum.accumulate(ranges)

    def gaps(self, run: Transcript) -> Floats:
        """Delta_1, ..., Delta_T of AdaHedge on the losses of ``run``; nan where they are gone."""
        game = expert_sequence(run)
        return np.full(run.rounds, np.nan) if game is None else self._follow(game)[1]

    def _follow(self, game: PlayedSequence) -> tuple[Floats, Floats]:
        """The weights, shape ``(T + 1, p)``, and Delta_t, shape ``(T,)``, round by round."""
        prior, h = game.points[0], complexity(game)
        total, gap = np.zeros_like(prior), 0.0
        weights, gaps = [prior], []
        for losses in game.gradients:
            q = weights[-1]
            if gap <= 0.0:
                mix = float(losses[total <= total.min()].min())
            else:
                # -(1/eta) log <q, exp(-eta g)> = m + (difference of the potentials).
                eta = h / gap
                mix = (
                    _potential(prior, eta * (total + losses)) - _potential(prior, eta * total)
                ) / eta
            gap += max(0.0, float(losses @ q) - mix)
            total = total + losses
            total = total - total.min()
            if gap <= 0.0:
                best = np.where(total <= 0.0, prior, 0.0)
            else:
                best = prior * np.exp(-(h / gap) * total)
            weights.append(best / best.sum())
            gaps.append(gap)
        return np.stack(weights), np.array(gaps)


def _potential(prior: Floats, x: Floats) -> float:
    """-log sum_j q_j exp(-x_j)."""
    least = float(x.min())
    return least - math.log(float(prior @ np.exp(least - x)))
