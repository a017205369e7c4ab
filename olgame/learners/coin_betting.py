"""Coin betting: a learner without a step size."""

from __future__ import annotations

from typing import Any

import attrs

from olgame.arrays import as_like, kernels, to_numpy, unit_roundoff
from olgame.exceptions import ArgumentError
from olgame.feedback import Feedback, Level
from olgame.learners.told import told_wide
from olgame.sets.convex_set import ConvexSet
from olgame.typing import Array
from olgame.validation import finite_positive

__all__ = ["TOUCHING", "CoinBetting", "CoinBettingState"]

TOUCHING = 64.0
"""Roundings of norm(Z) within which a bet counts as in the set."""


@attrs.define(eq=False)
class CoinBettingState:
    """W_t, and all that the bettor owns and remembers; float64 but the points.

    Attributes:
        point: W_t = Proj_K(Z_t), shape ``(..., p)``.
        bet: Z_t, before the projection.
        start: W_1.
        decision_set: K.
        wealth: what is left of the endowment and what was won, shape ``(..., 1)``, or ``(..., p)``
            with one bettor for each coordinate.
        coins: C_{t-1} = c_1 + ... + c_{t-1}, shape ``(..., p)``.
        fraction: beta_t, the share of the wealth that is bet, shape ``(..., p)``.
        rounds: t - 1.
    """

    point: Array
    bet: Array
    start: Array
    decision_set: ConvexSet
    wealth: Any
    coins: Any
    fraction: Any
    rounds: int = 0


@attrs.frozen
class CoinBetting:
    """W_t = Proj_K(Z_t), Z_t = W_1 + Wealth_{t-1} beta_t, beta_t = (c_1 + ... + c_{t-1})/t.

    The bettor of Krichevsky and Trofimov: it owns Wealth_0 = ``endowment``, bets the vector
    Wealth_{t-1} beta_t on the coin c_t = -g'_t/G, norm(c_t) <= 1, and so owns Wealth_t =
    Wealth_{t-1} (1 + <c_t, beta_t>). There is no step size: the more often a direction paid, the
    more is bet on it, exponentially. What it owns is never less than

        Wealth_t >= endowment F_t(norm(c_1 + ... + c_t)),
        F_t(x) = 2^t Gamma((t + 1 + x)/2) Gamma((t + 1 - x)/2)/(pi Gamma(t + 1)),

    with equality where all coins are +-1 on one line. Hence a regret bound against *every* u in K
    at once that grows like norm(u - W_1) G sqrt(T log(1 + norm(u - W_1) T/endowment)): see
    `olgame.theory.CoinBettingBound`.

    The surrogate g'_t brings the bet back to K: with v the unit vector along Z_t - W_t,

        g'_t = g_t - min(<g_t, v>, 0) v        (g_t itself where Z_t is in K),

    for which norm(g'_t) <= norm(g_t) and <g_t, W_t - u> <= <g'_t, Z_t - u> for every u in K. (The
    first edition of this reduction charges norm(g_t) and a factor of 2 everywhere.)

    With ``per_coordinate`` every coordinate has a bettor of its own, with the whole endowment: for
    gradients that are sparse or of very different sizes.

    On an unbounded set against a constant gradient the wealth doubles every round, as it should;
    after a thousand rounds no float holds it.

    Args:
        gradient_bound: G > 0 with norm2(g'_t) <= G, or abs(g'_{t,j}) <= G per coordinate;
            norm2(g_t) <= G always suffices.
        endowment: Wealth_0 > 0, times G what is lost at most if u = W_1.
        per_coordinate: One bettor for each coordinate.

    Raises:
        ArgumentError: An argument is not finite and positive; in a game, a gradient above G.

    Example:
        >>> import numpy as np, olgame as og
        >>> losses = [og.losses.LinearLoss(np.array([-1.0]))] * 30
        >>> sequence = og.adversaries.ObliviousSequence(losses)
        >>> run = og.play(
        ...     CoinBetting(), sequence, og.sets.WholeSpace(), rounds=30, start=np.zeros(1)
        ... )
        >>> bool(run.final_point[0] > 1e7)
        True

    References:
        orabona2016; cutkosky2018, Section 4; cutkosky2020; orabona2019, Chapter 9.
    """

    gradient_bound: float = attrs.field(default=1.0, validator=finite_positive)
    endowment: float = attrs.field(default=1.0, validator=finite_positive)
    per_coordinate: bool = attrs.field(
        default=False, kw_only=True, validator=attrs.validators.instance_of(bool)
    )

    @property
    def level(self) -> Level:
        """Asks for gradients."""
        return Level.GRADIENT

    def init(self, start: Array, decision_set: ConvexSet) -> CoinBettingState:
        """The state before round 1: nothing is bet."""
        xp = kernels(start).xp
        coins = xp.zeros_like(start, dtype=xp.float64)
        wealth = coins + self.endowment
        wealth = wealth if self.per_coordinate else wealth[..., :1]
        return CoinBettingState(start, start, start, decision_set, wealth, coins, coins)

    def decide(self, state: CoinBettingState, /) -> Array:
        """W_t."""
        return state.point

    def update(self, state: CoinBettingState, feedback: Feedback, /) -> CoinBettingState:
        """Settle the bet, and place the next."""
        coin = surrogate(told_wide(feedback, self), state) / -self.gradient_bound
        won = coin * state.fraction
        if not self.per_coordinate:
            won = kernels(coin).xp.sum(won, axis=-1, keepdims=True)
        self._check(coin, state, feedback.round)
        state.rounds += 1
        state.wealth = state.wealth * (1.0 + won)
        state.coins = state.coins + coin
        state.fraction = state.coins / (state.rounds + 1)
        state.bet = state.start + as_like(state.wealth * state.fraction, state.start)
        state.point = state.decision_set.project(state.bet)
        return state

    def copy(self, state: CoinBettingState, /) -> CoinBettingState:
        """An independent copy (arrays are never changed in place, so they are shared)."""
        return attrs.evolve(state)

    def _check(self, coin: Any, state: CoinBettingState, round: int) -> None:
        """A coin above 1 could bankrupt the bettor: the wealth would be no wealth any more."""
        k = kernels(coin)
        sizes = k.xp.abs(coin) if self.per_coordinate else k.norm(coin)
        largest = float(to_numpy(sizes).max())
        if not largest <= 1.0 + 64.0 * unit_roundoff(state.start):
            raise ArgumentError(
                f"`CoinBetting(gradient_bound=...)` must bound the gradients, got "
                f"{self.gradient_bound!r} and a gradient of size "
                f"{largest * self.gradient_bound:.6g} in round {round}."
            )


def surrogate(gradient: Any, state: CoinBettingState) -> Any:
    """g' = g - min(<g, v>, 0) v, v the unit vector along Z_t - W_t; float64, shape ``(..., p)``."""
    if state.bet is state.point:
        return gradient
    k = kernels(gradient)
    xp = k.xp
    outside = xp.astype(state.bet, xp.float64) - xp.astype(state.point, xp.float64)
    length = k.norm(outside)[..., None]
    # At the border rounding would decide on which side Z is, and point v anywhere.
    away = length > TOUCHING * unit_roundoff(state.point) * k.norm(state.bet)[..., None]
    v = outside / xp.where(away, length, xp.ones_like(length))
    slope = xp.where(away, k.dot(gradient, v)[..., None], xp.zeros_like(length))
    return gradient - xp.minimum(slope, xp.zeros_like(slope)) * v
