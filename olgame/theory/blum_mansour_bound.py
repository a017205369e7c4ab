"""The swap regret bound of Blum and Mansour's reduction with Hedge."""

from __future__ import annotations

import attrs
import numpy as np
from numpy.typing import NDArray

from olgame.regret.swap import swap_curve
from olgame.step_sizes import StepSize, as_step_size
from olgame.theory import audit
from olgame.theory.hedge_bound import complexity, exponential_weights, prior_premise, steps
from olgame.theory.played_sequence import PlayedSequence, expert_sequence, simplex
from olgame.theory.premise import Premise, Premises
from olgame.theory.regret_bound import BoundStatement
from olgame.transcript import Transcript

__all__ = ["BlumMansourBound"]

Floats = NDArray[np.float64]


@attrs.frozen
class BlumMansourBound:
    """Swap regret of `olgame.learners.BlumMansour` of `Hedge` on a simplex of size s.

    The swap regret compares with the best map F from experts to experts, applied to every round,

        swap_T = max over F of sum_t sum_i s q_{t,i} (g_{t,i} - g_{t,F(i)})
               = s sum_i max_j sum_t q_{t,i} (g_{t,i} - g_{t,j}),

    which is at least the regret (F constant). With H = log(1/min_j q_{1,j}) and steps eta_t of the
    copies that never increase,

        swap_T <= p H/eta_T + (s^2/8) sum_t eta_t norm(q_t)^2 range(g_t)^2,

    for equal weights and range(g_t) <= B at most s B sqrt(p T log(p)/2) at eta = sqrt(8 p log(p)/T)
    /(s B).

    Proof. Copy i has losses s q_{t,i} g_t, of range s q_{t,i} range(g_t), and its regret against
    expert F(i) is at most H/eta_T + sum_t (eta_t/8) (s q_{t,i} range(g_t))^2 (`HedgeBound`). Sum
    over i: since q_t = q_t Q_t, the copies suffer sum_i q_{t,i} <Q_{t,i}, g_t> = <q_t, g_t>, what
    was suffered. []

    Tight up to a factor of at most 1.13 for two experts: on the sequence of `HedgeBound` the swap
    regret is more than 0.89 of the bound at T = 200; whether any game attains it we do not know.

    Args:
        step_size: eta of the copies, or the rule of their steps.

    Example:
        >>> import numpy as np, olgame as og
        >>> losses = [og.losses.LinearLoss(np.eye(3)[t % 3]) for t in range(20)]
        >>> run = og.play(
        ...     og.learners.BlumMansour(og.learners.Hedge(0.5)),
        ...     og.adversaries.ObliviousSequence(losses),
        ...     og.sets.Simplex(), rounds=20, start=np.full(3, 1 / 3), keep="points",
        ... )
        >>> print(og.theory.check_bound(BlumMansourBound(0.5), run).conclusion)
        certified_holds

    References:
        blum2007, Theorem 5.
    """

    step_size: StepSize = attrs.field(converter=as_step_size)

    @property
    def statement(self) -> BoundStatement:
        return BoundStatement(
            name="Blum-Mansour with Hedge, swap regret",
            formula="swap_T <= p H/eta_T + (s^2/8) sum_t eta_t norm(q_t)^2 range(g_t)^2",
            source="blum2007, Theorem 5, recalled; proved in `BlumMansourBound`",
            tightness="upper",
            size="s, the size of the simplex",
        )

    def premises(self, run: Transcript) -> Premises:
        """A simplex, positive weights at first, weights that the copies leave unchanged."""
        eta = steps(self.step_size, run.rounds + 1)
        return Premises(
            (
                simplex(run),
                prior_premise(run),
                Premise.of(
                    "steps that never increase",
                    bool((np.diff(eta) <= 0.0).all()),
                    f"eta from {eta[0]:.6g} to {eta[-1]:.6g}",
                ),
                self._balanced(run, eta),
                audit.points_feasible(run),
                audit.finished(run),
            )
        )

    def regret(self, run: Transcript) -> Floats:
        """The swap regret after 1, ..., T rounds; nan where the losses are gone."""
        game = expert_sequence(run)
        return np.full(run.rounds, np.nan) if game is None else swap_curve(run)

    def bound(self, run: Transcript) -> Floats:
        """The bound after 1, ..., T rounds; nan where the losses are gone."""
        game = expert_sequence(run)
        if game is None:
            return np.full(run.rounds, np.nan)
        eta = steps(self.step_size, run.rounds)
        squares = np.sum(game.points[:-1] ** 2, axis=1) * game.ranges**2
        p = game.points.shape[1]
        found: Floats = p * complexity(game) / eta + np.cumsum(eta * squares) / 8.0
        return found

    def _balanced(self, run: Transcript, eta: Floats) -> Premise:
        """norm1(q_t Q_t - q_t), Q_t recomputed from the losses of the copies."""
        name = "weights that the copies leave unchanged"
        game = expert_sequence(run)
        if game is None or not prior_premise(run).holds:
            return Premise(name, "not checked", "the points and losses of the game were not kept")
        moved = np.zeros_like(game.points)
        for i, weight in enumerate(game.points[:-1].T):
            copy = PlayedSequence(game.points, weight[:, None] * game.gradients)
            moved += game.points[:, i : i + 1] * exponential_weights(copy, eta)
        off = float(np.abs(moved - game.points).sum(axis=1).max())
        scale = 1.0 + float(eta.max() * game.ranges.sum())
        forgiven = audit.rounding(run) + audit.SLACK * float(np.finfo(np.float64).eps) * scale
        return Premise.of(name, off <= forgiven, f"moved by up to {off:.2g}")
