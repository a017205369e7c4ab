"""Regret matching: play each expert in proportion to how much one regrets not having played it."""

from __future__ import annotations

from typing import Any

import attrs

from olgame.arrays import kernels
from olgame.feedback import Feedback, Level
from olgame.learners.simplex_points import (
    from_least,
    point_of,
    probabilities_of,
    require_simplex,
)
from olgame.learners.told import told_wide
from olgame.sets.convex_set import ConvexSet
from olgame.sets.simplex import Simplex
from olgame.typing import Array

__all__ = ["RegretMatching", "RegretMatchingState", "instant_regret", "matched"]


@attrs.define(eq=False)
class RegretMatchingState:
    """W_t and the regrets so far; all float64 but W_t.

    Attributes:
        point: W_t, shape ``(..., p)``.
        decision_set: The simplex.
        weights: q_t, shape ``(..., p)``.
        regrets: R_{t-1}, in units of one expert's loss, shape ``(..., p)``.
        first: q_1, played while no regret is positive.
    """

    point: Array
    decision_set: Simplex
    weights: Any
    regrets: Any
    first: Any


@attrs.frozen
class RegretMatching:
    """W_t = o + s q_t on a simplex of size s, with q_t proportional to max(R_{t-1}, 0).

    R_t = R_{t-1} + r_t with the regrets r_{t,j} = <g_t, q_t> - g_{t,j}; q_t = q_1 while no regret
    is positive. Nothing to choose. Since <r_t, max(R_{t-1}, 0)> = 0, norm(max(R_t, 0))^2 <=
    norm(max(R_{t-1}, 0))^2 + norm(r_t)^2, and

        regret = s max_j R_{T,j} <= s sqrt(sum_t norm(r_t)^2) <= s range sqrt((p - 1) T),

    range a bound on range(g_t). Proof and the tight game: `olgame.theory.RegretMatchingBound`. The
    weights stay the same if all losses are multiplied by c > 0 or moved by a common offset, so
    regrets are compared with 0 exactly, not up to a tolerance.

    Example:
        >>> import numpy as np, olgame as og
        >>> losses = [og.losses.LinearLoss(np.array([1e-9, 0.0, 3e-9]))]
        >>> run = og.play(
        ...     RegretMatching(), og.adversaries.ObliviousSequence(losses), og.sets.Simplex(),
        ...     rounds=1, start=np.full(3, 1 / 3),
        ... )
        >>> [round(float(w), 2) for w in run.final_point]
        [0.2, 0.8, 0.0]

    References:
        hart2000; cesabianchi2006, Section 2.1.
    """

    @property
    def level(self) -> Level:
        """Asks for gradients."""
        return Level.GRADIENT

    def check_decision_set(self, decision_set: ConvexSet, start: Array, /) -> None:
        """A simplex only."""
        require_simplex(decision_set, "RegretMatching")

    def init(self, start: Array, decision_set: ConvexSet) -> RegretMatchingState:
        """The state before round 1."""
        return first_state(require_simplex(decision_set, "RegretMatching"), start)

    def decide(self, state: RegretMatchingState, /) -> Array:
        """W_t."""
        return state.point

    def update(self, state: RegretMatchingState, feedback: Feedback, /) -> RegretMatchingState:
        """Add the regrets of the round and match them."""
        gradient = told_wide(feedback, self)
        return matched(state, state.regrets + instant_regret(state.weights, gradient))

    def copy(self, state: RegretMatchingState, /) -> RegretMatchingState:
        """An independent copy (arrays are never changed in place, so they are shared)."""
        return attrs.evolve(state)


def first_state(decision_set: Simplex, start: Array) -> RegretMatchingState:
    """No regrets yet."""
    weights = probabilities_of(decision_set, start)
    nothing = kernels(start).xp.zeros_like(weights)
    return RegretMatchingState(start, decision_set, weights, nothing, weights)


def instant_regret(weights: Any, gradient: Any) -> Any:
    """r = <g, q> - g, from the least loss on: a common offset would cost digits."""
    losses = from_least(gradient)
    return kernels(losses).dot(losses, weights)[..., None] - losses


def matched(state: RegretMatchingState, regrets: Any) -> RegretMatchingState:
    """The state with these regrets, and the weights that match them."""
    xp = kernels(regrets).xp
    positive = xp.maximum(regrets, xp.zeros_like(regrets))
    total = xp.sum(positive, axis=-1, keepdims=True)
    some = total > 0.0
    share = positive / xp.where(some, total, xp.ones_like(total))
    state.weights = xp.where(some, share, state.first)
    state.regrets = regrets
    state.point = point_of(state.decision_set, state.weights, state.point)
    return state
