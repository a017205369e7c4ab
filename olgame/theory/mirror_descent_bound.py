"""The regret theorem of online mirror descent."""

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

__all__ = ["MirrorDescentBound"]


@attrs.frozen
class MirrorDescentBound:
    """Linear regret of W_{t+1} = argmin over u in K of alpha_t <g_t, u> + B(u, W_t).

    K closed and convex, psi 1-strongly convex on K in a norm with dual norm_*, B its Bregman
    divergence, steps that never increase. With B_t = sup over u in K of B(u, W_t),

        R_T <= B_1/alpha_1 + sum_{t>=2} B_t (1/alpha_t - 1/alpha_{t-1})
               + (1/2) sum_t alpha_t norm_*(g_t)^2,

    for a fixed step **B_1/alpha + (alpha/2) sum_t norm_*(g_t)^2**: the size of K is seen from W_1
    (for the Euclidean map B_1 = D_1^2/2). With steps that change it is seen from every W_t, and
    for negative entropy that has no bound; here it is computed from the points that were played.

    Proof. The minimizer has <alpha g_t + grad psi(W_{t+1}) - grad psi(W_t), u - W_{t+1}> >= 0 for
    every u in K. Hence, by the three-point identity of B,

        alpha <g_t, W_{t+1} - u> <= B(u, W_t) - B(u, W_{t+1}) - B(W_{t+1}, W_t),

    and alpha <g_t, W_t - W_{t+1}> <= alpha^2 norm_*(g_t)^2/2 + norm(W_t - W_{t+1})^2/2, where the
    last term is at most B(W_{t+1}, W_t). Divide the sum of both by alpha_t, add over t, and sum by
    parts. []

    Tight for the Euclidean map: attained against the minimax adversary.

    Args:
        mirror_map: psi.
        step_size: alpha, or the rule; it is applied here to what was played.

    Example:
        >>> import numpy as np, olgame as og
        >>> psi = og.mirror_maps.NegativeEntropy()
        >>> losses = [og.losses.LinearLoss(g) for g in np.eye(2)[[0, 1, 1, 0, 1, 1]]]
        >>> run = og.play(
        ...     og.learners.OnlineMirrorDescent(psi, 0.5),
        ...     og.adversaries.ObliviousSequence(losses), og.sets.Simplex(),
        ...     rounds=6, start=np.array([0.5, 0.5]), keep="points",
        ... )
        >>> og.theory.check_bound(MirrorDescentBound(psi, 0.5), run).conclusion
        'certified_holds'

    References:
        beck2003; shalevshwartz2012, Section 2.6; orabona2019, Chapter 6.
    """

    mirror_map: MirrorMap
    step_size: StepSize = attrs.field(converter=as_step_size)

    @property
    def statement(self) -> BoundStatement:
        """What is claimed."""
        return BoundStatement(
            name=f"Online mirror descent with {self.mirror_map!r}, linear regret",
            formula="R_T <= B_1/alpha_1 + sum_{t>=2} B_t (1/alpha_t - 1/alpha_{t-1}) "
            "+ (1/2) sum_t alpha_t norm_*(g_t)^2, B_t = sup_u B(u, W_t)",
            source="orabona2019, Chapter 6, recalled; proved here",
            tightness="tight",
            size="sup B(., W_1) for fixed steps, sup B(., W_t) else",
        )

    def premises(self, run: Transcript) -> Premises:
        """Points, steps, step sizes, and a size of K that is finite."""
        game = played_sequence(run)
        steps = None if game is None else self._steps(game, run)
        first = float(self._sizes(run, to_numpy(run.start)))
        items = [
            audit.points_feasible(run),
            optimal_steps(run, steps, "mirror descent steps"),
            Premise.of("bounded decision set", math.isfinite(first), f"B_1 = {first:.6g}"),
            audit.finished(run),
        ]
        if game is not None:
            items.insert(2, never_increasing(self._alphas(game, run)[0]))
        return Premises(tuple(items))

    def regret(self, run: Transcript) -> NDArray[np.float64]:
        """Linear regret after every round."""
        return linear_curve(run)

    def bound(self, run: Transcript) -> NDArray[np.float64]:
        """The bound after every round, from the points and gradients that were played."""
        game = played_sequence(run)
        if game is None:
            return np.full(run.rounds, np.nan)
        alpha, squares = self._alphas(game, run)
        # Before any gradient alpha is 0, and nothing is owed yet.
        with np.errstate(divide="ignore"):
            inverse = np.where(alpha > 0.0, 1.0 / alpha, 0.0)
        growth = np.maximum(np.diff(inverse, prepend=0.0), 0.0)
        sizes = np.where(growth > 0.0, self._sizes(run, game.points[:-1]), 0.0)
        return np.asarray(np.cumsum(sizes * growth + alpha * squares / 2.0))

    def _sizes(self, run: Transcript, points: NDArray[np.float64]) -> NDArray[np.float64]:
        return to_numpy(self.mirror_map.largest_divergence(points, run.decision_set))

    def _alphas(
        self, game: PlayedSequence, run: Transcript
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """alpha_t and norm_*(g_t)^2, shape ``(T,)`` each."""
        squares = to_numpy(self.mirror_map.dual_norm(game.gradients, run.decision_set)) ** 2
        return played_step_sizes(self.step_size, np.cumsum(squares)), squares

    def _steps(self, game: PlayedSequence, run: Transcript) -> Iterator[PlayedStep]:
        alpha, _ = self._alphas(game, run)
        duals = self.mirror_map.gradient(game.points)
        for t, gradient in enumerate(game.gradients):
            move = alpha[t] * gradient
            yield PlayedStep(game.points[t + 1], (move, duals[t + 1], -duals[t]), move)
