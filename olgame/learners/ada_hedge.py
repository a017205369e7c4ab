"""AdaHedge: exponential weights whose learning rate follows what was lost by mixing."""

from __future__ import annotations

from typing import Any

import attrs

from olgame.arrays import kernels
from olgame.feedback import Feedback, Level
from olgame.learners.simplex_points import (
    from_least,
    point_of,
    probabilities_of,
    require_positive,
    require_simplex,
    soft_minimum,
)
from olgame.learners.told import told_wide
from olgame.sets.convex_set import ConvexSet
from olgame.sets.simplex import Simplex
from olgame.typing import Array

__all__ = ["AdaHedge", "AdaHedgeState"]


@attrs.define(eq=False)
class AdaHedgeState:
    """W_t, the losses of the experts and the mixability gap so far; all float64 but W_t.

    Attributes:
        point: W_t, shape ``(..., p)``.
        decision_set: The simplex.
        weights: q_t, shape ``(..., p)``.
        losses: s (g_1 + ... + g_{t-1}) minus its least entry, shape ``(..., p)``.
        log_prior: log q_1, shape ``(..., p)``.
        complexity: H = log(1/min_j q_{1,j}), shape ``(..., 1)``.
        gap: Delta_{t-1} = delta_1 + ... + delta_{t-1}, shape ``(..., 1)``.
    """

    point: Array
    decision_set: Simplex
    weights: Any
    losses: Any
    log_prior: Any
    complexity: Any
    gap: Any


@attrs.frozen
class AdaHedge:
    """`Hedge` with eta_t = H/Delta_{t-1}: nothing to choose, neither range nor T to know.

    H = log(1/min_j q_{1,j}), which is log p from equal weights, and Delta_t = delta_1 + ... +
    delta_t with the mixability gap delta_t = s <g_t, q_t> + (1/eta_t) log <q_t, exp(-eta_t s g_t)>
    >= 0. While Delta is 0, eta is infinite: the weights of the best experts alone, and delta_t =
    s <g_t, q_t> - min over them of s g_t. The regret is at most 2 Delta_T, hence, with ranges
    s_t = s range(g_t) and B = max_t s_t,

        regret <= sqrt(H sum_t s_t^2) + 2 B.

    Proof: `olgame.theory.AdaHedgeBound`. If all losses are multiplied by c > 0 or moved by a common
    offset, the weights stay the same.

    Example:
        >>> import numpy as np, olgame as og
        >>> losses = [og.losses.LinearLoss(np.array([1e6, 0.0, 3e6]))] * 50
        >>> run = og.play(
        ...     AdaHedge(), og.adversaries.ObliviousSequence(losses), og.sets.Simplex(),
        ...     rounds=50, start=np.full(3, 1 / 3),
        ... )
        >>> round(og.regret.linear(run).value / 1e6, 3)  # 1.333 of it in the first round
        2.242

    References:
        derooij2014.
    """

    @property
    def level(self) -> Level:
        """Asks for gradients."""
        return Level.GRADIENT

    def check_decision_set(self, decision_set: ConvexSet, start: Array, /) -> None:
        """A simplex, from a point with positive weights only."""
        require_positive(require_simplex(decision_set, "AdaHedge"), start, "AdaHedge")

    def init(self, start: Array, decision_set: ConvexSet) -> AdaHedgeState:
        """The state before round 1; the weights of ``start`` are q_1."""
        self.check_decision_set(decision_set, start)
        simplex = require_simplex(decision_set, "AdaHedge")
        xp = kernels(start).xp
        weights = probabilities_of(simplex, start)
        log_prior = xp.log(weights)
        complexity = -xp.min(log_prior, axis=-1, keepdims=True)
        return AdaHedgeState(
            start,
            simplex,
            weights,
            xp.zeros_like(weights),
            log_prior,
            complexity,
            xp.zeros_like(complexity),
        )

    def decide(self, state: AdaHedgeState, /) -> Array:
        """W_t."""
        return state.point

    def update(self, state: AdaHedgeState, feedback: Feedback, /) -> AdaHedgeState:
        """Add gap and losses of the round, and weigh anew."""
        gradient = from_least(told_wide(feedback, self)) * state.decision_set.scale
        state.gap = state.gap + _mixability_gap(state, gradient)
        state.losses = from_least(state.losses + gradient)
        state.weights = soft_minimum(from_least(_surprise(state)[0]), 1.0)
        state.point = point_of(state.decision_set, state.weights, state.point)
        return state

    def copy(self, state: AdaHedgeState, /) -> AdaHedgeState:
        """An independent copy (arrays are never changed in place, so they are shared)."""
        return attrs.evolve(state)


def _surprise(state: AdaHedgeState) -> tuple[Any, Any, Any]:
    """eta S - log q_1 (inf for what has no weight), eta, and where eta is infinite."""
    xp = kernels(state.losses).xp
    eager = state.gap <= 0.0
    # Where eta is infinite, 1 stands for it: the experts that are not the best have no weight.
    eta = xp.where(eager, xp.ones_like(state.gap), state.complexity)
    eta = eta / xp.where(eager, xp.ones_like(state.gap), state.gap)
    behind = eager & (state.losses > 0.0)
    found = xp.where(behind, xp.full_like(state.losses, xp.inf), eta * state.losses)
    return found - state.log_prior, eta, eager


def _mixability_gap(state: AdaHedgeState, gradient: Any) -> Any:
    """delta_t = s <g, q> - m, m the mix loss; shape ``(..., 1)``; the least loss is 0.

    m = M(x + eta s g)/eta - M(x)/eta for x = eta S - log q_1 and M(x) = -log sum exp(-x_j).
    """
    xp = kernels(gradient).xp
    x, eta, eager = _surprise(state)
    mixed = (_soft_least(x + eta * gradient) - _soft_least(x)) / eta
    ahead = xp.where(state.losses > 0.0, xp.full_like(gradient, xp.inf), gradient)
    mix = xp.where(eager, xp.min(ahead, axis=-1, keepdims=True), mixed)
    suffered = xp.sum(state.weights * gradient, axis=-1, keepdims=True)
    # Rounding: a gap is never negative.
    return xp.maximum(suffered - mix, xp.zeros_like(mix))


def _soft_least(x: Any) -> Any:
    """-log sum_j exp(-x_j) along the last axis, which stays."""
    xp = kernels(x).xp
    smallest = xp.min(x, axis=-1, keepdims=True)
    return smallest - xp.log(xp.sum(xp.exp(smallest - x), axis=-1, keepdims=True))
