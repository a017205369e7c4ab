"""The regret bound of regret matching, with and without the plus."""

from __future__ import annotations

import attrs
import numpy as np
from numpy.typing import NDArray

from olgame.regret.curve import linear_curve
from olgame.theory import audit
from olgame.theory.played_sequence import PlayedSequence, expert_sequence, recomputed, simplex
from olgame.theory.premise import Premises
from olgame.theory.regret_bound import BoundStatement
from olgame.transcript import Transcript

__all__ = ["RegretMatchingBound"]

Floats = NDArray[np.float64]


@attrs.frozen
class RegretMatchingBound:
    """Regret of `olgame.learners.RegretMatching` and `RegretMatchingPlus` on a simplex of size s.

    With r_t = <g_t, q_t> 1 - g_t and losses in the linear form <g_t, w>,

        regret <= s sqrt(sum_t norm(r_t)^2) <= s B sqrt((p - 1) T)    if range(g_t) <= B.

    Proof. Let R_t be the regrets (with the plus: what is kept of them) and R+ = max(R, 0). Taking
    the positive part brings no two points farther apart and <r_t, q_t> = 0 with q_t proportional to
    R+_{t-1} (or R+_{t-1} = 0), so norm(R+_t)^2 <= norm(R+_{t-1} + r_t)^2 = norm(R+_{t-1})^2 +
    norm(r_t)^2; and regret = s max_j sum_t r_{t,j} <= s norm(R+_T). For fixed q norm(r)^2 is convex
    in g, so it is largest where g takes two values that are B apart, the larger on experts of
    weight a: k B^2 (1 - a)^2 + (p - k) B^2 a^2, convex in a and at a = 0, 1 at most B^2 (p - 1). []

    The first inequality is tight as T grows: on the sequence of `HedgeBound` the regret is more
    than 0.99 of it at p = 2, T = 4000 (with the plus, 0.98). There norm(r_t)^2 is about p/4, so
    that the second is tight up to a factor sqrt(4 (p - 1)/p) < 2.

    Args:
        plus: Whether `RegretMatchingPlus` played: for the premise on the rule.

    Example:
        >>> import numpy as np, olgame as og
        >>> losses = [og.losses.LinearLoss(np.eye(4)[t % 4]) for t in range(20)]
        >>> run = og.play(
        ...     og.learners.RegretMatching(), og.adversaries.ObliviousSequence(losses),
        ...     og.sets.Simplex(), rounds=20, start=np.full(4, 0.25), keep="points",
        ... )
        >>> print(og.theory.check_bound(RegretMatchingBound(), run).conclusion)
        certified_holds

    References:
        cesabianchi2006, Section 2.1; hart2000; tammelin2014.
    """

    plus: bool = attrs.field(default=False, validator=attrs.validators.instance_of(bool))

    @property
    def statement(self) -> BoundStatement:
        return BoundStatement(
            name=f"Regret matching{'+' * self.plus}, external regret",
            formula="R_T <= s sqrt(sum_t norm(<g_t, q_t> 1 - g_t)^2)",
            source="cesabianchi2006, Section 2.1, recalled; proved in `RegretMatchingBound`",
            tightness="tight",
            size="s, the size of the simplex",
        )

    def premises(self, run: Transcript) -> Premises:
        """A simplex, weights by the rule."""
        game = expert_sequence(run)
        right = None if game is None else self._follow(game)
        name = f"weights of regret matching{'+' * self.plus}"
        played = None if game is None else game.points
        return Premises(
            (
                simplex(run),
                recomputed(name, run, played, right, float(run.rounds)),
                audit.points_feasible(run),
                audit.finished(run),
            )
        )

    def regret(self, run: Transcript) -> Floats:
        """The linear regret after 1, ..., T rounds."""
        return linear_curve(run)

    def bound(self, run: Transcript) -> Floats:
        """s sqrt(sum_{r <= t} norm(r_r)^2); nan where the losses are gone."""
        game = expert_sequence(run)
        if game is None:
            return np.full(run.rounds, np.nan)
        found: Floats = np.sqrt(np.cumsum(np.sum(_regrets(game) ** 2, axis=1)))
        return found

    def _follow(self, game: PlayedSequence) -> Floats:
        first = game.points[0]
        total, weights = np.zeros_like(first), [first]
        for regret in _regrets(game):
            total = total + regret
            if self.plus:
                total = np.maximum(total, 0.0)
            positive = np.maximum(total, 0.0)
            weights.append(positive / positive.sum() if positive.any() else first)
        return np.stack(weights)


def _regrets(game: PlayedSequence) -> Floats:
    """s r_t, shape ``(T, p)``."""
    found: Floats = np.vecdot(game.gradients, game.points[:-1])[:, None] - game.gradients
    return found
