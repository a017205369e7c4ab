"""A strongly adaptive ensemble: low regret on every interval of rounds."""

from __future__ import annotations

import math
from typing import Any

import attrs
import numpy as np
from numpy.typing import NDArray

from olgame.arrays import as_like, kernels, unit_roundoff
from olgame.exceptions import NotAvailableError
from olgame.feedback import Feedback, Level
from olgame.learners.ader import combined
from olgame.learners.told import told_gradient
from olgame.sets.convex_set import ConvexSet
from olgame.typing import Array
from olgame.validation import finite_positive

__all__ = ["StronglyAdaptive", "StronglyAdaptiveState", "covering_levels", "covering_prior"]

ROUNDING = 64.0
"""Roundings that a coin may be off by, in units of roundoff x norm(g) x size of the points."""


def covering_levels(t: int) -> int:
    """How many covering intervals hold round t: floor(log2 t) + 1, one of each length 2^k <= t.

    Example:
        >>> [covering_levels(t) for t in (1, 2, 3, 4, 1000)]
        [1, 2, 2, 3, 10]
    """
    return t.bit_length()


def covering_prior(level: Any, place: Any) -> NDArray[np.float64]:
    """pi of the interval [i 2^k, (i + 1) 2^k - 1]: 1/((k + 1)(k + 2) i (i + 1)).

    Over all levels k >= 0 and places i >= 1 they add up to 1.

    Args:
        level: k.
        place: i.
    """
    k, i = np.asarray(level, dtype=np.float64), np.asarray(place, dtype=np.float64)
    return np.asarray(1.0 / ((k + 1.0) * (k + 2.0) * i * (i + 1.0)))


@attrs.define(eq=False)
class StronglyAdaptiveState:
    """W_t, and for each level the expert of the covering interval that holds round t.

    Attributes:
        point: W_t, shape ``(..., p)``.
        start: W_1, where every expert begins.
        decision_set: K.
        round: t.
        experts: x_t^J, shape ``(levels, ..., p)``.
        first_step: D_1/G, the step of an interval of length 1, shape ``(..., 1)``.
        coins: sum of the coins of the interval so far, float64, shape ``(levels, ...)``.
        wealth: what its bettor has, from 1, float64, shape ``(levels, ...)``.
        noise: what rounding may have added to ``coins``, likewise.
        bets: what its bettor puts on the coin of round t, likewise.
    """

    point: Array
    start: Array
    decision_set: ConvexSet
    round: int
    experts: Array
    first_step: Array
    coins: Any
    wealth: Any
    noise: Any
    bets: Any


@attrs.frozen
class StronglyAdaptive:
    """Gradient descent on every covering interval, mixed by bettors on coins.

    The covering intervals are J = [i 2^k, (i + 1) 2^k - 1], k >= 0, i >= 1: log2 t of them hold
    round t, and every interval of rounds is made of few of them. On each, projected gradient
    descent runs from W_1 with step D_1/(G sqrt 2^k), on the one gradient g_t at W_t. Its coin

        c_t = <g_t, W_t - x_t^J>/(G D) in [-1, 1],  D = diam K,  but max(c_t, 0) while bet <= 0

    says by how much the expert did better than the ensemble, and a Krichevsky-Trofimov bettor puts
    the fraction (c_1 + ... + c_{n-1})/n of its wealth (1 at first) on the n-th coin of J. The
    ensemble plays W_t = sum_J q_J x_t^J with q_J ~ pi_J max(bet_J, 0) (pi_J where no bet is
    positive), pi_J = 1/((k + 1)(k + 2) i (i + 1)). No horizon is needed. Coins that add up to what
    rounding explains count as 0: experts that begin at the same point differ by rounding alone, and
    bets are made relative to each other.

    For every interval J' of n rounds that begins with a covering interval J and lies in it,

        sum over J' of <g_t, W_t - u> <= D_1^2/(2 alpha) + (alpha/2) sum norm(g_t)^2
                                         + G D sqrt(2 (n + 1) [ln(1/pi_J) + ln(pi (n + 1)/2)/2]),

    and every interval of rounds is made of such pieces, whose lengths at least double: regret of
    the order sqrt(length x ln T) on *every* interval at once. Proof and the bound for each:
    `olgame.theory.StronglyAdaptiveBound`.

    Departs from the paper: the prior (its own is 1/(J_1^2 (1 + floor(log2 J_1))) up to a constant,
    which charges long intervals for beginning late), and one gradient for all experts.

    Args:
        gradient_bound: G > 0, a bound on norm(g_t). Longer gradients do not break the game, but
            their coins are cut off at 1 and the bound is lost.
        diameter: D; default the diameter of the decision set.

    Example:
        >>> import numpy as np, olgame as og
        >>> signs = np.where(np.arange(400) // 100 % 2, 1.0, -1.0)
        >>> losses = [og.losses.LinearLoss(s * np.eye(3)[0]) for s in signs]
        >>> ball = og.sets.L2Ball(1.0, center=np.zeros(3))
        >>> adversary = og.adversaries.ObliviousSequence(losses)
        >>> def worst_hundred(learner):
        ...     run = og.play(learner, adversary, ball, rounds=400, keep="examples")
        ...     return max(og.regret.interval(run).at(t + 1, t + 100) for t in (0, 100, 200, 300))
        >>> worst_hundred(StronglyAdaptive(gradient_bound=1.0)) < 30
        True
        >>> worst_hundred(og.learners.OnlineGradientDescent(1 / 20)) > 30
        True

    References:
        jun2017 (recalled); daniely2015 (recalled).
    """

    gradient_bound: float = attrs.field(validator=finite_positive)
    diameter: float | None = attrs.field(
        default=None, validator=attrs.validators.optional(finite_positive)
    )

    @property
    def level(self) -> Level:
        """Asks for gradients."""
        return Level.GRADIENT

    def check_decision_set(self, decision_set: ConvexSet, start: Array, /) -> None:
        """Any bounded set of more than one point.

        Raises:
            NotAvailableError: The diameter is infinite, 0 or not known to the set.
        """
        size = self.size(decision_set)
        if not 0.0 < size < math.inf:
            raise NotAvailableError(
                f"`StronglyAdaptive` needs a bounded decision set of more than one point, got "
                f"{type(decision_set).__name__} of diameter {size}."
            )

    def size(self, decision_set: ConvexSet) -> float:
        """D."""
        return decision_set.diameter if self.diameter is None else float(self.diameter)

    def init(self, start: Array, decision_set: ConvexSet) -> StronglyAdaptiveState:
        """The state before round 1, which one covering interval of length 1 holds."""
        self.check_decision_set(decision_set, start)
        xp = kernels(start).xp
        reach: Any = as_like(decision_set.reach(start), start)
        zeros = xp.astype(0.0 * start[None, ..., 0], xp.float64)
        return StronglyAdaptiveState(
            point=start,
            start=start,
            decision_set=decision_set,
            round=1,
            experts=start[None, ...],
            first_step=reach[..., None] / self.gradient_bound,
            coins=zeros,
            wealth=zeros + 1.0,
            noise=zeros,
            bets=zeros,
        )

    def decide(self, state: StronglyAdaptiveState, /) -> Array:
        """W_t."""
        return state.point

    def update(self, state: StronglyAdaptiveState, feedback: Feedback, /) -> StronglyAdaptiveState:
        """Coins and projected steps of all experts at once; then the intervals that begin."""
        gradient: Any = told_gradient(feedback, self)
        k, wide = kernels(gradient), kernels(gradient).xp.float64
        scale = self.gradient_bound * self.size(state.decision_set)
        lead = k.dot(state.point - state.experts, gradient)
        coins = k.xp.clip(k.xp.astype(lead, wide) / scale, -1.0, 1.0)
        coins = k.xp.where(state.bets > 0.0, coins, k.xp.maximum(coins, 0.0 * coins))
        state.wealth = state.wealth + coins * state.bets
        state.coins = state.coins + coins
        state.noise = state.noise + k.xp.astype(self._rounding(state, gradient), wide) / scale
        moved = state.experts - self._step_sizes(state) * gradient
        state.experts = state.decision_set.project(moved)
        state.round += 1
        self._begin(state)
        self._mix(state)
        return state

    def copy(self, state: StronglyAdaptiveState, /) -> StronglyAdaptiveState:
        """An independent copy (its arrays are never changed, so they are shared)."""
        return attrs.evolve(state)

    def _step_sizes(self, state: StronglyAdaptiveState) -> Any:
        """D_1/(G sqrt 2^k), shape ``(levels, ..., 1)``."""
        lengths = 2.0 ** np.arange(covering_levels(state.round))
        column = np.reshape(1.0 / np.sqrt(lengths), (-1, *(1 for _ in state.start.shape)))
        return as_like(column, state.start) * state.first_step

    def _rounding(self, state: StronglyAdaptiveState, gradient: Any) -> Any:
        """What rounding may do to <g_t, W_t - x_t^J>, whose points are sums of a few others."""
        k = kernels(gradient)
        size = k.norm(state.start) + self.size(state.decision_set)
        return ROUNDING * unit_roundoff(gradient) * size * k.norm(gradient)

    @staticmethod
    def _begin(state: StronglyAdaptiveState) -> None:
        """Replace the experts of the levels whose interval begins in round t."""
        t = state.round
        begins = covering_levels(t & -t)  # the levels k for which 2^k divides t
        xp = kernels(state.start).xp
        fresh = xp.broadcast_to(state.start, (begins, *state.start.shape))
        zeros = xp.broadcast_to(0.0 * state.coins[:1], (begins, *state.coins.shape[1:]))
        state.experts = xp.concat((fresh, state.experts[begins:]), axis=0)
        state.coins = xp.concat((zeros, state.coins[begins:]), axis=0)
        state.wealth = xp.concat((zeros + 1.0, state.wealth[begins:]), axis=0)
        state.noise = xp.concat((zeros, state.noise[begins:]), axis=0)

    def _mix(self, state: StronglyAdaptiveState) -> None:
        """The bets on the coins of round t, and W_t = sum of q_J x_t^J."""
        levels, xp = np.arange(covering_levels(state.round)), kernels(state.start).xp
        coins = xp.where(xp.abs(state.coins) > state.noise, state.coins, 0.0 * state.coins)
        number = _column(1.0 + state.round % 2**levels, coins)  # of the coin in its interval
        state.bets = coins * state.wealth / number
        prior = _column(covering_prior(levels, state.round >> levels), coins)
        shares = prior * xp.maximum(state.bets, 0.0 * coins)
        some = xp.sum(shares, axis=0) > 0.0
        shares = xp.where(some, shares, prior + 0.0 * shares)
        state.point = combined(shares / xp.sum(shares, axis=0), state.experts)


def _column(values: NDArray[Any], like: Any) -> Any:
    """One number for each level, shape ``(levels, 1, ..., 1)`` of the kind of ``like``."""
    return as_like(np.reshape(values, (-1, *(1 for _ in like.shape[1:]))), like)
