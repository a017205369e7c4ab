"""The dynamic regret theorem of Ader, as an object."""

from __future__ import annotations

import math
from typing import Any

import attrs
import numpy as np
from numpy.typing import NDArray

from olgame.arrays import as_like, to_numpy
from olgame.learners.ader import Ader
from olgame.regret.dynamic import dynamic_linear_curve
from olgame.results import Certified
from olgame.theory import audit
from olgame.theory.learner_premises import bounded_gradients, diameter_of, played_by
from olgame.theory.premise import Premise, Premises
from olgame.theory.regret_bound import BoundStatement
from olgame.transcript import Transcript
from olgame.validation import require, require_finite_positive

__all__ = ["AderBound"]

Floats = NDArray[np.float64]


def _as_path(path: Any) -> Floats:
    return np.stack([to_numpy(u) for u in path])


@attrs.frozen(eq=False)
class AderBound:
    """Dynamic regret of `olgame.learners.Ader` against a path u_1, ..., u_T in K.

    With P_t = sum_{s < t} norm(u_{s+1} - u_s), D = diam K, alpha_i the steps of the experts, q_1^i
    their first weights and a the rate of the weights, after every round t and for every expert i

        sum_{s <= t} <g_s, W_s - u_s> <= (norm(W_1 - u_1)^2 + 2 D P_t)/(2 alpha_i)
                    + (alpha_i/2) sum_s norm(g_s)^2 + ln(1/q_1^i)/a + (a/8) D^2 sum_s norm(g_s)^2,

    and so for the least over i (`bound`). With norm(g_t) <= G and the tuning of the learner,

        sum_{t <= T} <g_t, W_t - u_t> <= 1.07 G sqrt(T (D^2 + 2 D P_T))
                                         + G D sqrt(T/8) (1 + 2 ln(i + 1)),

    i = floor(3/2 + log2(1 + 2 P_T/D)/2) (`prior`): of the order sqrt(T (1 + P_T)), which no learner
    can beat.

    Proof. *Expert*: norm(x_{s+1} - u_s)^2 <= norm(x_s - u_s)^2 - 2 alpha <g_s, x_s - u_s> + alpha^2
    norm(g_s)^2, and norm(x_{s+1} - u_{s+1})^2 - norm(x_{s+1} - u_s)^2 = <u_s - u_{s+1}, 2 x_{s+1}
    - u_s - u_{s+1}> <= 2 D norm(u_{s+1} - u_s), as K has diameter D. Sum up and divide by 2 alpha.
    *Weights*: the losses <g_s, x_s^i> of the experts differ by at most D norm(g_s), so Hoeffding's
    lemma bounds the regret of exponential weights against expert i by ln(1/q_1^i)/a + (a/8) D^2
    sum norm(g_s)^2; and W_s is the mean of the experts. *Tuning*: the best step, alpha* =
    sqrt((D^2 + 2 D P_T)/(T G^2)), is between the ends of the grid, as P_T <= (T - 1) D; the nearest
    step of the grid is off by a factor of at most sqrt 2, which costs (sqrt 2 + 1/sqrt 2)/2 =
    1.061; and ln(1/q_1^i) <= 2 ln(i + 1). []

    Args:
        learner: Who played.
        path: u_1, ..., u_T, shape ``(T, p)``, or a sequence of points.

    Example:
        >>> bound = AderBound(Ader(rounds=100, gradient_bound=1.0), np.zeros((100, 2)))
        >>> found = [bound.prior(100, gradient_bound=1.0, diameter=2.0, path_length=P).value
        ...          for P in (0.0, 50.0)]
        >>> [round(value, 2) for value in found]
        [38.09, 181.32]

    References:
        zhang2018ader, Theorems 3 and 4 (recalled).
    """

    learner: Ader
    path: Floats = attrs.field(converter=_as_path)

    @property
    def statement(self) -> BoundStatement:
        """What the theorem says."""
        return BoundStatement(
            name="Ader, dynamic regret against a path",
            formula=(
                "R_T <= min_i (norm(W_1 - u_1)^2 + 2 D P_T)/(2 alpha_i) + ln(1/q_1^i)/a + "
                "(alpha_i/2 + a D^2/8) sum norm(g_t)^2"
            ),
            source="proved here; zhang2018ader, Theorem 4 (recalled) has other constants",
            tightness="upper",
            size="diam",
        )

    def prior(
        self, rounds: int, *, gradient_bound: float, diameter: float, path_length: float
    ) -> Certified:
        """The bound before the game, for the tuned steps.

        Args:
            rounds: T >= 1, the horizon of the tuning.
            gradient_bound: G > 0.
            diameter: D.
            path_length: P_T >= 0.

        Raises:
            ArgumentError: A number is outside its domain.
        """
        owner = "AderBound.prior"
        require_finite_positive(
            owner, rounds=rounds, gradient_bound=gradient_bound, diameter=diameter
        )
        rule = "be between 0 and (T - 1) D"
        longest = (rounds - 1) * diameter * (1.0 + 1e-12)
        require(0.0 <= path_length <= longest, owner, "path_length", rule, path_length)
        squares = diameter**2 + 2.0 * diameter * path_length
        place = math.floor(1.5 + 0.5 * math.log2(squares / diameter**2))
        follow = 0.75 * math.sqrt(2.0) * gradient_bound * math.sqrt(rounds * squares)
        mix = gradient_bound * diameter * math.sqrt(rounds / 8.0)
        value = follow + mix * (1.0 + 2.0 * math.log(place + 1.0))
        return Certified(value, "upper", "expert of the nearest step, and the cost of finding it")

    def premises(self, run: Transcript) -> Premises:
        """What the theorem assumes, recomputed."""
        learner = self.learner
        return Premises(
            (
                played_by(run, learner),
                audit.points_feasible(run),
                self._in_set(run),
                bounded_gradients(run, float(learner.gradient_bound)),
                Premise.of(
                    "horizon of the tuning",
                    run.rounds <= learner.rounds,
                    f"{run.rounds} rounds, tuned for {learner.rounds}",
                ),
                audit.finished(run),
            )
        )

    def _in_set(self, run: Transcript) -> Premise:
        size = 1.0 + float(np.abs(self.path).max())
        inside = run.decision_set.contains(
            as_like(self.path, run.start), atol=audit.rounding(run) * size
        )
        outside = np.flatnonzero(~(to_numpy(inside) > 0.0))
        detail = f"u_{outside[0] + 1} is outside" if outside.size else "every u_t"
        return Premise.of("path in the decision set", not outside.size, detail)

    def regret(self, run: Transcript) -> Floats:
        """The linear dynamic regret against the path after every round."""
        return dynamic_linear_curve(run, self.path)

    def bound(self, run: Transcript) -> Floats:
        """The bound from the path and the gradient norms that were played."""
        learner, size = self.learner, diameter_of(run)
        steps = learner.grid(run.decision_set)[:, None]
        charges = np.log(1.0 / learner.prior(len(steps)))[:, None]
        rate = learner.rate(run.decision_set)
        squares = np.cumsum(run.gradient_norm**2)
        moves = np.linalg.norm(np.diff(self.path, axis=0), axis=1)
        walked = np.concatenate([[0.0], np.cumsum(moves)])
        first = float(np.linalg.norm(to_numpy(run.start) - self.path[0]))
        experts = (first**2 + 2.0 * size * walked) / (2.0 * steps) + 0.5 * steps * squares
        weights = charges / rate + rate / 8.0 * size**2 * squares
        return np.asarray((experts + weights).min(axis=0))
