"""The regret bound of coin betting: for every comparator at once."""

from __future__ import annotations

import math
from typing import Any

import attrs
import numpy as np
from numpy.typing import NDArray

from olgame.arrays import as_like, to_numpy, unit_roundoff
from olgame.exceptions import ArgumentError
from olgame.learners.coin_betting import TOUCHING, CoinBetting
from olgame.regret.curve import linear_curve
from olgame.results import Certified
from olgame.sets.convex_set import ConvexSet
from olgame.sets.l2_ball import L2Ball
from olgame.sets.linf_ball import LinfBall
from olgame.theory import audit
from olgame.theory.played_sequence import PlayedSequence, played_sequence, recomputed
from olgame.theory.premise import Premise, Premises
from olgame.theory.regret_bound import BoundStatement
from olgame.transcript import Transcript
from olgame.validation import require, require_finite_positive, require_integer

__all__ = ["CoinBettingBound", "log_potential"]

Floats = NDArray[np.float64]


@attrs.frozen
class CoinBettingBound:
    """Regret of `olgame.learners.CoinBetting` against every u in K, none of which it had to know.

    With U = norm(u - W_1), norm(g'_t) <= G and e the endowment, for every T and u at once

        sum_t <g_t, W_t - u> <= G [e - a_T + U sqrt(T log(1 + T U^2/a_T^2))],
        a_T = e exp(-T/(2 (T + 1)^2)) sqrt(2/(pi (T + 1))),

    at most G [e + U sqrt(T log(1 + 2.02 T (T + 1) U^2/e^2))]: G e for u = W_1, and only a factor
    sqrt(log) more than the best step size in hindsight would pay. With a bettor per coordinate it
    is the sum over the coordinates, with abs(u_j - W_{1,j}) in the place of U.

    Proof. (1) Betting: with F_t of `CoinBetting`, Wealth_t >= e F_t(norm(C_t)), C_t = c_1 + ... +
    c_t. Let r = norm(C_{t-1}), s the part of c_t along C_{t-1}. Then Wealth_t = Wealth_{t-1} (1 + s
    r/t) and norm(C_t) <= sqrt(r^2 + 2 r s + 1). F_t(x) is a mixture of cosh(k x), so a power series
    in x^2 without negative coefficients: F_t(sqrt(r^2 + 2 r s + 1)) is convex in s, and equal to
    F_{t-1}(r) (1 + s r/t) at s = 1, -1 by Gamma(z + 1) = z Gamma(z); so it is below in between. (2)
    Duality: sum_t <g_t, W_t - u> <= sum_t <g'_t, Z_t - u> = G [e - Wealth_T + <C_T, u - W_1>] <=
    G [e + max over x of U x - e F_T(x)]. (3) Size: log F_T has at x a second derivative of at least
    (1/2) psi'((T + 1)/2) >= (T + 2)/(T + 1)^2 (psi' is convex and at least 1/z + 1/(2 z^2)), and
    F_T(0) = Gamma((T + 1)/2)/(sqrt(pi) Gamma(T/2 + 1)) >= sqrt(2/(pi (T + 1))), so e F_T(x) >= a_T
    exp(x^2/(2 T)) for abs(x) <= T. (4) max over x of U x - a exp(x^2/(2 T)) is attained where v =
    x^2/T has v e^v = T U^2/a^2, so v <= log(1 + T U^2/a^2) as v e^v >= e^v - 1, and exp >= 1. []

    (1), (2) are tight: equality for coins +-1 on a line and u - W_1 the slope of e F_T at C_T. The
    closed form of (3), (4) is at most 1.78 times the regret of those games for T = 1, and 1.34
    times from T = 100 on. The paper has 24 T^2 in the place of 2.02 T (T + 1) [recalled].

    Args:
        learner: Who played.
        radius: The U of `regret` and `bound`; None is D_1, the largest in a bounded K. In an
            unbounded K it must be given: the regret against all of K is infinite.

    Raises:
        ArgumentError: ``radius`` is not finite and positive.

    Example:
        >>> import numpy as np, olgame as og
        >>> learner = og.learners.CoinBetting(gradient_bound=1.0)
        >>> losses = [og.losses.LinearLoss(np.array([0.6, -0.8]))] * 40
        >>> run = og.play(
        ...     learner, og.adversaries.ObliviousSequence(losses),
        ...     og.sets.L2Ball(5.0, center=np.zeros(2)), rounds=40, keep="points",
        ... )
        >>> print(og.theory.check_bound(CoinBettingBound(learner), run).conclusion)
        certified_holds
        >>> round(CoinBettingBound(learner).against(0.0, 40).value, 3)
        0.877

    References:
        orabona2016; cutkosky2018; cutkosky2020.
    """

    learner: CoinBetting
    radius: float | None = None

    def __attrs_post_init__(self) -> None:
        if self.radius is not None:
            require_finite_positive("CoinBettingBound", radius=self.radius)

    @property
    def statement(self) -> BoundStatement:
        return BoundStatement(
            name="Coin betting, regret against every comparator",
            formula="R_T(u) <= G [e - a_T + U sqrt(T log(1 + T U^2/a_T^2))], U = norm(u - W_1)",
            source="orabona2016, recalled, other constants; proved in `CoinBettingBound`",
            tightness="upper",
            size="U = norm(u - W_1)" if self.radius is not None else "D_1",
        )

    def against(self, norm: float, rounds: int, coordinates: int = 1) -> Certified:
        """The bound after ``rounds`` rounds for norm(u - W_1) = ``norm``.

        Args:
            norm: U >= 0; with a bettor per coordinate the bound on every abs(u_j - W_{1,j}).
            rounds: T >= 1.
            coordinates: Number of bettors.
        """
        require_integer("CoinBettingBound.against", rounds=rounds)
        ok = 0.0 <= norm < math.inf
        require(ok, "CoinBettingBound.against", "norm", "be finite and at least 0", norm)
        value = coordinates * float(self._closed_form(norm, np.array([float(rounds)]))[0])
        return Certified(value, "upper", "closed form of the conjugate of the wealth")

    def premises(self, run: Transcript) -> Premises:
        """Bets by the rule, coins of at most 1."""
        game = played_sequence(run)
        right = coins = None
        if game is not None:
            right, coins = self._bets(run, game)
        played = None if game is None else game.points
        largest = None if coins is None else self._size(coins)
        slack = 1.0 + audit.rounding(run)
        detail = "" if largest is None else f"sizes up to {largest:.6g} G"
        return Premises(
            (
                Premise.of(
                    "bounded gradients", None if largest is None else largest <= slack, detail
                ),
                recomputed(
                    "bets of Krichevsky and Trofimov", run, played, right, float(run.rounds)
                ),
                audit.points_feasible(run),
                audit.finished(run),
            )
        )

    def regret(self, run: Transcript) -> Floats:
        """max over u of sum_{s <= t} <g_s, W_s - u>, u in K or within ``radius`` of W_1."""
        return linear_curve(run, self._comparators(run))

    def bound(self, run: Transcript) -> Floats:
        """The closed form for U after 1, ..., T rounds; nothing is needed of the game but W_1."""
        self._comparators(run)
        radius = self.radius
        if radius is None:
            radius = float(to_numpy(run.decision_set.reach(run.start)))
        bettors = run.start.shape[-1] if self.learner.per_coordinate else 1
        return bettors * self._closed_form(radius, np.arange(1.0, run.rounds + 1.0))

    def _comparators(self, run: Transcript) -> ConvexSet | None:
        """The set that u ranges over; None is K itself."""
        bounded = run.decision_set.diameter < math.inf
        if self.radius is None:
            if not bounded:
                raise ArgumentError(
                    "`CoinBettingBound(radius=...)` is needed in an unbounded decision set: "
                    "against all of it the regret is infinite."
                )
            return None
        if bounded:
            raise ArgumentError(
                "`CoinBettingBound(radius=...)` must be None in a bounded decision set, got "
                f"{self.radius!r}: the bound is against every u in it."
            )
        kind = LinfBall if self.learner.per_coordinate else L2Ball
        return kind(self.radius, center=run.start)

    def _closed_form(self, norm: float, rounds: Floats) -> Floats:
        endowment = self.learner.endowment
        least = endowment * np.exp(-rounds / (2.0 * (rounds + 1.0) ** 2))
        least *= np.sqrt(2.0 / (math.pi * (rounds + 1.0)))
        if norm == 0.0:
            return np.asarray(self.learner.gradient_bound * (endowment - least))
        # log(1 + T U^2/a^2), where the square may overflow.
        logarithm = np.logaddexp(0.0, np.log(rounds) + 2.0 * (math.log(norm) - np.log(least)))
        gain = norm * np.sqrt(rounds * logarithm)
        found: Floats = self.learner.gradient_bound * (endowment - least + gain)
        return found

    def _size(self, coins: Floats) -> float:
        sizes = np.abs(coins) if self.learner.per_coordinate else np.sqrt(np.vecdot(coins, coins))
        return float(sizes.max())

    def _bets(self, run: Transcript, game: PlayedSequence) -> tuple[Floats, Floats]:
        """W_1, ..., W_{T+1} by the rule, and the coins; wealth as a sum, not as a product."""
        start, endowment = game.points[0], self.learner.endowment
        points, coins = [start], []
        bet, won, total = start, np.zeros_like(start), np.zeros_like(start)
        for t, gradient in enumerate(game.gradients, start=1):
            outside = bet - points[-1]
            length = float(np.linalg.norm(outside))
            surrogate: Any = gradient
            if length > TOUCHING * unit_roundoff(run.start) * float(np.linalg.norm(bet)):
                slope = min(0.0, float(gradient @ outside) / length)
                surrogate = gradient - slope * outside / length
            coin = -surrogate / self.learner.gradient_bound
            gain = coin * (bet - start)
            won = won + (gain if self.learner.per_coordinate else gain.sum())
            total = total + coin
            bet = start + (endowment + won) * total / (t + 1)
            placed: Any = as_like(bet, run.start)
            points.append(to_numpy(run.decision_set.project(placed)))
            bet = to_numpy(placed)
            coins.append(coin)
        return np.stack(points), np.stack(coins)


def log_potential(rounds: int, x: float) -> float:
    """log F_T(x) for abs(x) < T + 1, F_T the least wealth from an endowment of 1."""
    half = 0.5 * (rounds + 1)
    gammas = math.lgamma(half + 0.5 * x) + math.lgamma(half - 0.5 * x)
    return rounds * math.log(2.0) + gammas - math.log(math.pi) - math.lgamma(rounds + 1.0)
