"""The regret bound of exponential weights, with fixed and with decreasing steps."""

from __future__ import annotations

from typing import Any

import attrs
import numpy as np
from numpy.typing import NDArray

from olgame.regret.curve import linear_curve
from olgame.step_sizes import Fixed, StepSize, as_step_size
from olgame.theory import audit
from olgame.theory.played_sequence import PlayedSequence, expert_sequence, recomputed, simplex
from olgame.theory.premise import Premise, Premises
from olgame.theory.regret_bound import BoundStatement
from olgame.transcript import Transcript

__all__ = ["HedgeBound", "complexity", "exponential_weights", "prior_premise"]

Floats = NDArray[np.float64]


@attrs.frozen
class HedgeBound:
    """Regret of `olgame.learners.Hedge` against every point of a simplex of size s.

    With q_1 the weights of W_1, H = log(1/min_j q_{1,j}) (log p for equal weights), steps eta_t
    that never increase and losses in the linear form <g_t, w>,

        regret <= H/eta_T + (s^2/8) sum_t eta_t range(g_t)^2.

    With range(g_t) <= B that is s B sqrt(T log(p)/2) for eta = sqrt(8 log(p)/T)/(s B), and
    s B sqrt(T log p) for eta_t = 2 sqrt(log(p)/t)/(s B), without knowing T.

    Proof. Let Phi_t(eta) = -(1/eta) log sum_j q_{1,j} exp(-eta s S_{t,j}), S_t = g_1 + ... + g_t,
    and the mixability gap delta_t = s <g_t, q_t> - [Phi_t(eta_t) - Phi_{t-1}(eta_t)] = s <g_t, q_t>
    + (1/eta_t) log <q_t, exp(-eta_t s g_t)>, which Hoeffding's lemma bounds by eta_t s^2
    range(g_t)^2/8. Phi_t falls in eta, so with steps that never increase sum_t [Phi_t(eta_t) -
    Phi_{t-1}(eta_t)] <= Phi_T(eta_T), and Phi_T(eta_T) <= s <S_T, u> + KL(u, q_1)/eta_T for all
    weights u by the choice of q as minimizer; KL(u, q_1) <= H. []

    Tight for equal weights of an even number p of experts as T grows with eta sqrt(T) fixed: let
    the two halves of the experts lose 1 in turn, which costs eta/8 a round, and at the end all but
    one lose in about 6/eta rounds, which costs log(p)/eta. At p = 8, T = 4000 that is more than
    0.99 of the bound with the best fixed step, 0.96 with decreasing ones.

    Args:
        step_size: eta, or the rule of the steps, as the learner's.

    Example:
        >>> import numpy as np, olgame as og
        >>> losses = [og.losses.LinearLoss(np.eye(4)[t % 4]) for t in range(20)]
        >>> run = og.play(
        ...     og.learners.Hedge(0.5), og.adversaries.ObliviousSequence(losses),
        ...     og.sets.Simplex(), rounds=20, start=np.full(4, 0.25), keep="points",
        ... )
        >>> print(og.theory.check_bound(HedgeBound(0.5), run).conclusion)
        certified_holds

    References:
        cesabianchi2006, Theorems 2.2 and 2.3; freund1997; hazan2022, Theorem 1.5.
    """

    step_size: StepSize = attrs.field(converter=as_step_size)

    @property
    def statement(self) -> BoundStatement:
        return BoundStatement(
            name="Hedge, external regret",
            formula="R_T <= H/eta_T + (s^2/8) sum_t eta_t range(g_t)^2, H = log(1/min q_1)",
            source="cesabianchi2006, Theorems 2.2 and 2.3, recalled; proved in `HedgeBound`",
            tightness="tight",
            size="s, the size of the simplex",
        )

    def premises(self, run: Transcript) -> Premises:
        """A simplex, positive weights at first, steps that never increase, weights by the rule."""
        game = expert_sequence(run)
        eta = steps(self.step_size, run.rounds + 1)
        right, steepness = None, 0.0
        if game is not None and prior_premise(run).holds:
            right = exponential_weights(game, eta)
            steepness = float(eta.max() * game.ranges.sum())
        name = "exponential weights"
        played = None if game is None else game.points
        return Premises(
            (
                simplex(run),
                prior_premise(run),
                Premise.of(
                    "steps that never increase",
                    bool((np.diff(eta) <= 0.0).all()),
                    f"eta from {eta[0]:.6g} to {eta[-1]:.6g}",
                ),
                recomputed(name, run, played, right, steepness),
                audit.points_feasible(run),
                audit.finished(run),
            )
        )

    def regret(self, run: Transcript) -> Floats:
        """The linear regret after 1, ..., T rounds."""
        return linear_curve(run)

    def bound(self, run: Transcript) -> Floats:
        """H/eta_t + (1/8) sum_{r <= t} eta_r (s range(g_r))^2; nan where the losses are gone."""
        game = expert_sequence(run)
        if game is None:
            return np.full(run.rounds, np.nan)
        eta = steps(self.step_size, run.rounds)
        found: Floats = complexity(game) / eta + np.cumsum(eta * game.ranges**2) / 8.0
        return found


def steps(step_size: StepSize, rounds: int) -> Floats:
    """eta_1, ..., eta_T."""
    if isinstance(step_size, Fixed):
        return np.full(rounds, step_size.value)
    rule: Any = step_size
    return np.array([float(rule(t, 0.0)) for t in range(1, rounds + 1)])


def complexity(game: PlayedSequence) -> float:
    """H = log(1/min_j q_{1,j}), the largest relative entropy from the first weights."""
    return float(-np.log(game.points[0].min()))


def exponential_weights(game: PlayedSequence, eta: Floats) -> Floats:
    """q_1, ..., q_{T+1} from the losses, shape ``(T + 1, p)``; ``eta`` has T + 1 entries."""
    losses = np.vstack([np.zeros_like(game.gradients[:1]), np.cumsum(game.gradients, axis=0)])
    exponent = np.log(game.points[0]) - eta[:, None] * losses
    weights = np.exp(exponent - exponent.max(axis=1, keepdims=True))
    found: Floats = weights / weights.sum(axis=1, keepdims=True)
    return found


def prior_premise(run: Transcript) -> Premise:
    """Every expert has weight at first: KL(u, q_1) is infinite where it has none."""
    name = "positive weights at first"
    game = expert_sequence(run)
    if game is None:
        return Premise(name, "not checked", "the points and losses of the game were not kept")
    smallest = float(game.points[0].min())
    return Premise.of(name, smallest > 0.0, f"the smallest is {smallest:.3g}")
