"""Hedge: exponential weights on the simplex."""

from __future__ import annotations

from typing import Any

import attrs

from olgame.arrays import kernels
from olgame.exceptions import ArgumentError
from olgame.feedback import Feedback, Level
from olgame.learners.simplex_points import (
    from_least,
    least,
    point_of,
    probabilities_of,
    require_positive,
    require_simplex,
    soft_minimum,
)
from olgame.learners.told import told_wide
from olgame.sets.convex_set import ConvexSet
from olgame.sets.simplex import Simplex
from olgame.step_sizes import StepSize, as_step_size
from olgame.typing import Array

__all__ = ["Hedge", "HedgeState"]


@attrs.define(eq=False)
class HedgeState:
    """W_t, and the losses of the experts so far.

    Attributes:
        point: W_t, shape ``(..., p)``.
        decision_set: The simplex.
        losses: g_1 + ... + g_{t-1} minus its least entry, float64, shape ``(..., p)``.
        log_prior: log q_1, float64; None where q_1 is uniform.
    """

    point: Array
    decision_set: Simplex
    losses: Any
    log_prior: Any


@attrs.frozen
class Hedge:
    """W_t = o + s q_t on a simplex of size s, with q_t proportional to q_1 exp(-eta_t s S_{t-1}).

    S_{t-1} = g_1 + ... + g_{t-1} are the losses of the experts, q_1 the weights of W_1. For every
    u in the simplex, with KL the relative entropy of the weights and a fixed eta,

        sum_t <g_t, W_t - u> = [KL(u, q_1) - KL(u, q_{T+1})]/eta + sum_t delta_t     exactly,

    delta_t = s <g_t, q_t> + (1/eta) log <q_t, exp(-eta s g_t)> <= eta s^2 range(g_t)^2/8. From
    equal weights of p experts the regret is at most log(p)/eta + (eta s^2/8) sum_t range(g_t)^2:
    s range sqrt(T log(p)/2) at eta = sqrt(8 log(p)/T)/(s range). Steps that never increase have
    log(p)/eta_T in its place. See `olgame.theory.HedgeBound`.

    The losses of the experts are counted from those of the best of them on, in float64: large
    losses do not overflow, and an offset that all share costs what it cost when g_t was rounded.

    Args:
        step_size: eta > 0, or a rule eta_t of `olgame.step_sizes` that does not look at the
            gradients (`AdaHedge` does), such as ``Decreasing(2 * sqrt(log(p)), s * range)``.

    Raises:
        ArgumentError: A step size that is not finite and positive, or an adaptive rule.

    Example:
        >>> import numpy as np, olgame as og
        >>> losses = [og.losses.LinearLoss(np.array([1.0, 0.0]))] * 8
        >>> run = og.play(
        ...     Hedge(1.0), og.adversaries.ObliviousSequence(losses), og.sets.Simplex(),
        ...     rounds=8, start=np.array([0.5, 0.5]),
        ... )
        >>> bool(og.regret.linear(run).value <= np.log(2) + 8 / 8)
        True

    References:
        freund1997; cesabianchi2006, Theorem 2.2; hazan2022, Section 1.3.
    """

    step_size: StepSize = attrs.field(converter=as_step_size)

    def __attrs_post_init__(self) -> None:
        if self.step_size.adaptive:
            raise ArgumentError(
                "`Hedge(step_size=...)` must be a number or a rule that does not look at the "
                f"gradients, got {self.step_size!r}; `AdaHedge()` follows the losses."
            )

    @property
    def level(self) -> Level:
        """Asks for gradients."""
        return Level.GRADIENT

    def check_decision_set(self, decision_set: ConvexSet, start: Array, /) -> None:
        """A simplex, from a point with positive weights only."""
        require_positive(require_simplex(decision_set, "Hedge"), start, "Hedge")

    def init(self, start: Array, decision_set: ConvexSet) -> HedgeState:
        """The state before round 1; the weights of ``start`` are q_1."""
        self.check_decision_set(decision_set, start)
        simplex = require_simplex(decision_set, "Hedge")
        prior = probabilities_of(simplex, start)
        xp = kernels(start).xp
        uniform = bool(xp.all(prior == prior[..., :1]))
        return HedgeState(start, simplex, xp.zeros_like(prior), None if uniform else xp.log(prior))

    def decide(self, state: HedgeState, /) -> Array:
        """W_t."""
        return state.point

    def update(self, state: HedgeState, feedback: Feedback, /) -> HedgeState:
        """Add the losses of the round and weigh anew."""
        simplex, losses = state.decision_set, state.losses
        # In place: of a batch of games most of the time is memory.
        losses += told_wide(feedback, self)
        losses -= least(losses)
        state.losses = losses
        factor = self.step_size(feedback.round + 1, 0.0) * simplex.scale
        if state.log_prior is not None:
            losses, factor = from_least(losses * factor - state.log_prior), 1.0
        state.point = point_of(simplex, soft_minimum(losses, factor), state.point)
        return state

    def copy(self, state: HedgeState, /) -> HedgeState:
        """An independent copy."""
        losses = kernels(state.losses).xp.asarray(state.losses, copy=True)
        return attrs.evolve(state, losses=losses)
