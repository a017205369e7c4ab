"""The interval regret theorem of the strongly adaptive ensemble, as an object."""

from __future__ import annotations

from typing import Any

import attrs
import numpy as np
from numpy.typing import NDArray

from olgame.learners.strongly_adaptive import StronglyAdaptive, covering_prior
from olgame.regret.played_sums import played_sums
from olgame.theory import audit
from olgame.theory.learner_premises import (
    bounded_gradients,
    diameter_of,
    played_by,
    reach_of,
)
from olgame.theory.premise import Premise, Premises
from olgame.theory.regret_bound import BoundStatement
from olgame.transcript import Transcript

__all__ = ["StronglyAdaptiveBound", "coin_bound"]

Floats = NDArray[np.float64]

BLOCK = 64
"""Last rounds whose intervals are bounded together."""


def coin_bound(rounds: Any, prior: Any) -> Floats:
    """sqrt(2 (n + 1)[ln(1/pi) + ln(pi (n + 1)/2)/2]), the most that n coins can add up to.

    (pi under the second logarithm is the number.) That holds for a Krichevsky-Trofimov bettor whose
    wealth, from 1, never exceeds 1/prior. For the wealth after n coins c_1, ..., c_n in [-1, 1] of
    sum x is at least

        F_n(x) = 2^n Gamma((n + 1 + x)/2) Gamma((n + 1 - x)/2)/(pi n!):

    F_n is convex, and F_n(x +- 1) = (1 +- x/n) F_{n-1}(x), so a bet of the fraction x/n keeps the
    wealth above F. With the trigamma function at z at least 1/z, ln F_n has curvature at least
    1/(n + 1), so F_n(x) >= F_n(0) exp(x^2/(2 (n + 1))); and F_n(0) = Gamma((n + 1)/2)/(sqrt(pi)
    Gamma(n/2 + 1)) >= sqrt(2/(pi (n + 1))), as Gamma is log-convex.

    Args:
        rounds: n.
        prior: pi.
    """
    n = np.asarray(rounds, dtype=np.float64) + 1.0
    return np.asarray(np.sqrt(2.0 * n * (-np.log(prior) + 0.5 * np.log(0.5 * np.pi * n))))


@attrs.frozen
class StronglyAdaptiveBound:
    """Regret of `olgame.learners.StronglyAdaptive` on every interval of rounds.

    Let J = [i 2^k, (i + 1) 2^k - 1] be a covering interval, J' its first n rounds, alpha = D_1/(G
    sqrt 2^k), pi_J = 1/((k + 1)(k + 2) i (i + 1)), D = diam K and norm(g_t) <= G. For every u in K

        sum over J' of <g_t, W_t - u> <= D_1^2/(2 alpha) + (alpha/2) sum over J' of norm(g_t)^2
                                         + G D sqrt(2 (n + 1)[ln(1/pi_J) + ln(pi (n + 1)/2)/2]).

    Any interval [r, s] is made of such pieces: while it lasts, take the longest covering interval
    that begins at r (2^k the largest power of two that divides r), or, where one that reaches s
    begins there, the shortest such. Lengths at least double from one piece to the next but the
    last, so their square roots add up to a multiple of that of s - r + 1: the regret on every
    interval of n rounds up to T is of the order sqrt(n ln T).

    Proof. *Expert*: projected gradient descent from W_1. *Wealth*: let bet_J be what the bettor of
    J puts on the coin c_J = <g_t, W_t - x_J>/(G D), max(c_J, 0) while bet_J <= 0. In every round
    sum_J pi_J bet_J c_J <= 0 over the intervals that hold it: the terms with a positive bet add up
    to a multiple of <g_t, W_t - sum_J q_J x_J> = 0, the others are <= 0. So sum_J pi_J wealth_J, at
    first 1, never grows, and no wealth exceeds 1/pi_J. *Coins*: `coin_bound` on their sum, which is
    at least sum over J' of <g_t, W_t - x_J>/(G D). []

    `regret` and `bound` are, after round t, those of the interval that ends in t on which the
    regret comes closest to its bound: `check_bound` then holds *all* intervals against theirs.

    Args:
        learner: Who played.

    References:
        jun2017 (recalled); daniely2015 (recalled).
    """

    learner: StronglyAdaptive

    @property
    def statement(self) -> BoundStatement:
        """What the theorem says."""
        return BoundStatement(
            name="Strongly adaptive ensemble, regret on every interval",
            formula=(
                "R(I) <= sum over pieces of I of D_1^2/(2 alpha) + (alpha/2) sum norm(g_t)^2 + "
                "G D sqrt(2 (n + 1)[ln(1/pi_J) + ln(pi (n + 1)/2)/2])"
            ),
            source="proved here; jun2017, Theorem 2 (recalled) has other constants",
            tightness="upper",
            size="D_1",
        )

    def premises(self, run: Transcript) -> Premises:
        """What the theorem assumes, recomputed."""
        learner = self.learner
        given, needed = learner.size(run.decision_set), diameter_of(run)
        return Premises(
            (
                played_by(run, learner),
                audit.points_feasible(run),
                bounded_gradients(run, float(learner.gradient_bound)),
                Premise.of(
                    "diameter of the decision set",
                    needed <= given * (1.0 + audit.rounding(run)),
                    f"at most {needed:.6g}, D = {given:.6g}",
                ),
                audit.finished(run),
            )
        )

    def regret(self, run: Transcript) -> Floats:
        """The linear regret on the interval that ends in round t and is nearest to its bound."""
        return self._nearest(run)[0]

    def bound(self, run: Transcript) -> Floats:
        """The bound for that interval."""
        return self._nearest(run)[1]

    def _nearest(self, run: Transcript) -> tuple[Floats, Floats]:
        columns = list(played_sums(run).columns())
        found = []
        for begin in range(0, run.rounds, BLOCK):
            block = columns[begin : begin + BLOCK]
            first = np.concatenate([np.arange(1, len(regrets) + 1) for regrets in block])
            last = np.concatenate([np.full(len(regrets), len(regrets)) for regrets in block])
            ends = np.cumsum([len(regrets) for regrets in block])
            bounds = np.split(self.on_intervals(run, first, last), ends[:-1])
            for regrets, limits in zip(block, bounds, strict=True):
                nearest = int(np.argmax(regrets / limits))
                found.append((regrets[nearest], limits[nearest]))
        regrets, limits = np.asarray(found).T
        return regrets, limits

    def on_intervals(self, run: Transcript, first: Any, last: Any) -> Floats:
        """The bound for the intervals [first, last] of rounds, from 1, shape ``(k,)``.

        Args:
            run: The game that was played.
            first: First rounds, shape ``(k,)``.
            last: Last rounds, shape ``(k,)`` or one for all.
        """
        limit, reach = float(self.learner.gradient_bound), reach_of(run)
        scale = limit * self.learner.size(run.decision_set)
        squares = np.concatenate([[0.0], np.cumsum(run.gradient_norm**2)])
        begin = np.array(first)
        end = np.broadcast_to(last, begin.shape)
        total = np.zeros(begin.shape)
        while (left := begin <= end).any():
            r, s = begin[left], end[left]
            longest = np.log2(r & -r).astype(int)
            needed = np.ceil(np.log2(s - r + 1)).astype(int)
            level = np.minimum(longest, needed)
            stop = np.minimum(r + 2**level - 1, s)
            alpha = reach / (limit * np.sqrt(2.0**level))
            total[left] += reach**2 / (2.0 * alpha) + 0.5 * alpha * (squares[stop] - squares[r - 1])
            prior = covering_prior(level, r >> level)
            total[left] += scale * coin_bound(stop - r + 1, prior)
            begin[left] = stop + 1
        return total
