"""The regret theorem of follow-the-regularized-leader and dual averaging."""

from __future__ import annotations

import math
from collections.abc import Iterator

import attrs
import numpy as np
from numpy.typing import NDArray

from olgame.arrays import to_numpy
from olgame.mirror_maps.mirror_map import MirrorMap
from olgame.regret.curve import linear_curve
from olgame.step_sizes import StepSize, as_step_size
from olgame.theory import audit
from olgame.theory.optimal_steps import (
    PlayedStep,
    never_increasing,
    optimal_steps,
    played_step_sizes,
)
from olgame.theory.played_sequence import PlayedSequence, played_sequence
from olgame.theory.premise import Premise, Premises
from olgame.theory.regret_bound import BoundStatement
from olgame.transcript import Transcript

__all__ = ["RegularizedLeaderBound"]


@attrs.frozen
class RegularizedLeaderBound:
    """Linear regret of the minimizers of alpha_{t+1} <g_1 + ... + g_t, u> + B(u, W_1) over u in K.

    K closed and convex, psi 1-strongly convex on K in a norm with dual norm_*, B its Bregman
    divergence, steps that never increase (alpha_t chose W_t; alpha_1 = alpha_2 for a rule that
    follows the gradients). With B_1 = sup over u in K of B(u, W_1),

        R_T <= B_1/alpha_T + (1/2) sum_t alpha_t norm_*(g_t)^2.

    K is seen from W_1 for *every* rule: for `DualAveraging`, psi = norm2^2/2, B_1 = D_1^2/2.

    Proof. Let F_t(u) = B(u, W_1)/alpha_t + <S_{t-1}, u>, S_t = g_1 + ... + g_t, of which W_t is the
    minimizer over K and which is 1/alpha_t-strongly convex, and m_t = F_t(W_t). As F_{t+1}(u) >=
    F_t(u) + <g_t, u> (the weight of B never falls, and B >= 0),

        m_{t+1} >= min over u of F_t(u) + <g_t, u>
                >= min over u of m_t + norm(u - W_t)^2/(2 alpha_t) + <g_t, u>
                >= m_t + <g_t, W_t> - alpha_t norm_*(g_t)^2/2.

    From m_1 = 0 on, sum_t <g_t, W_t> <= m_{T+1} + (1/2) sum_t alpha_t norm_*(g_t)^2, and m_{T+1} <=
    B(u, W_1)/alpha_T + <S_T, u>, since nothing hinges on alpha_{T+1}, which may be alpha_T. []

    Tight for the Euclidean map with fixed steps: attained against the minimax adversary.

    Args:
        mirror_map: psi; `Euclidean` for dual averaging.
        step_size: alpha, or the rule; it is applied here to what was played.

    Example:
        >>> import numpy as np, olgame as og
        >>> learner = og.learners.DualAveraging(0.25)
        >>> ball = og.sets.L2Ball(1.0, center=np.zeros(3))
        >>> adversary = og.adversaries.MinimaxLinear(1.0)
        >>> run = og.play(learner, adversary, ball, rounds=16, keep="points")
        >>> theorem = RegularizedLeaderBound(og.mirror_maps.Euclidean(), 0.25)
        >>> check = og.theory.check_bound(theorem, run)
        >>> check.conclusion, round(float(check.regret[-1]), 9), round(float(check.bound[-1]), 9)
        ('certified_holds', 4.0, 4.0)

    References:
        shalevshwartz2012, Section 2.3; orabona2019, Chapter 7; nesterov2009; xiao2010.
    """

    mirror_map: MirrorMap
    step_size: StepSize = attrs.field(converter=as_step_size)

    @property
    def statement(self) -> BoundStatement:
        """What is claimed."""
        return BoundStatement(
            name=f"Follow the regularized leader with {self.mirror_map!r}, linear regret",
            formula="R_T <= sup_u B(u, W_1)/alpha_T + (1/2) sum_t alpha_t norm_*(g_t)^2",
            source="orabona2019, Chapter 7, recalled; proved here",
            tightness="tight",
            size="sup B(., W_1)",
        )

    def premises(self, run: Transcript) -> Premises:
        """Points, steps, step sizes, and a size of K that is finite."""
        game = played_sequence(run)
        steps = None if game is None else self._steps(game, run)
        first = self._size(run)
        items = [
            audit.points_feasible(run),
            optimal_steps(run, steps, "regularized leaders"),
            Premise.of("bounded decision set", math.isfinite(first), f"B_1 = {first:.6g}"),
            audit.finished(run),
        ]
        if game is not None:
            items.insert(2, never_increasing(self._alphas(game, run)[0][:-1]))
        return Premises(tuple(items))

    def regret(self, run: Transcript) -> NDArray[np.float64]:
        """Linear regret after every round."""
        return linear_curve(run)

    def bound(self, run: Transcript) -> NDArray[np.float64]:
        """The bound after every round; 0 before any gradient."""
        game = played_sequence(run)
        if game is None:
            return np.full(run.rounds, np.nan)
        steps, squares = self._alphas(game, run)
        alpha = steps[:-1]
        moved = np.cumsum(alpha * squares / 2.0)
        with np.errstate(divide="ignore"):
            return np.asarray(np.where(alpha > 0.0, self._size(run) / alpha + moved, 0.0))

    def _size(self, run: Transcript) -> float:
        largest = self.mirror_map.largest_divergence(run.start, run.decision_set)
        return float(to_numpy(largest))

    def _alphas(
        self, game: PlayedSequence, run: Transcript
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """alpha_1, ..., alpha_{T+1}, of which alpha_t chose W_t; norm_*(g_t)^2."""
        squares = to_numpy(self.mirror_map.dual_norm(game.gradients, run.decision_set)) ** 2
        seen = np.concatenate([[0.0], np.cumsum(squares)])
        alpha = played_step_sizes(self.step_size, seen)
        # Until it has seen a gradient the leader is W_1 with any step, and so with the next one.
        alpha[:-1] = np.where(alpha[:-1] > 0.0, alpha[:-1], alpha[1:])
        return alpha, squares

    def _steps(self, game: PlayedSequence, run: Transcript) -> Iterator[PlayedStep]:
        alpha, _ = self._alphas(game, run)
        duals = self.mirror_map.gradient(game.points)
        totals = np.cumsum(game.gradients, axis=0)
        for t, gradient in enumerate(game.gradients):
            terms = (alpha[t + 1] * totals[t], duals[t + 1], -duals[0])
            yield PlayedStep(game.points[t + 1], terms, alpha[t + 1] * gradient)
