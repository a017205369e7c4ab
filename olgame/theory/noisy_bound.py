"""What noise in the gradients does to the regret of gradient descent, as an object."""

from __future__ import annotations

import math
from typing import Any

import attrs
import numpy as np
from numpy.typing import NDArray

from olgame.arrays import to_numpy
from olgame.exceptions import ArgumentError
from olgame.feedback import Feedback
from olgame.learners.noisy import Noisy
from olgame.learners.online_gradient_descent import OnlineGradientDescent
from olgame.noise import Gaussian, Uniform
from olgame.regret.played_sums import played_points
from olgame.results import Certified
from olgame.step_sizes import Fixed
from olgame.theory.learner_premises import played_inside, reach_of
from olgame.theory.premise import Premises
from olgame.theory.regret_bound import BoundStatement
from olgame.theory.told_regret import largest_linear_regret
from olgame.transcript import Transcript
from olgame.validation import require, require_finite_positive

__all__ = ["NoisyBound"]

Floats = NDArray[np.float64]


def _descent(instance: Any, attribute: attrs.Attribute[Any], value: Any) -> None:
    inner = getattr(value, "learner", None)
    fixed = isinstance(inner, OnlineGradientDescent) and isinstance(inner.step_size, Fixed)
    if not (isinstance(value, Noisy) and fixed and value.gradient is not None):
        raise ArgumentError(
            "`NoisyBound(learner=...)` must be gradient descent with a fixed step and noise in its "
            f"gradients, `Noisy(OnlineGradientDescent(0.1), gradient=...)`, got {value!r:.100}."
        )


@attrs.frozen
class NoisyBound:
    """Regret of `olgame.learners.Noisy` around projected gradient descent with a fixed step.

    With gradients g^_t = g_t + n_t that the learner is told, for every draw and every u in K
    (`regret`, `bound`)

        sum_t <g^_t, W_t - u> <= D_1^2/(2 alpha) + (alpha/2) sum_t norm(g^_t)^2.

    In the mean over the noise, drawn independently of the past with mean 0 and standard deviation s
    for each of p numbers, for norm(g_t) <= G and every u in K that does not depend on the noise
    (`expected`)

        E sum_t <g_t, W_t - u> <= D_1^2/(2 alpha) + (alpha/2) T (G^2 + p s^2).

    **In one game** the regret may be larger, by the martingale sum_t <n_t, u - W_t>: with
    probability at least 1 - delta (``failure_probability``), for any one such u, it is at most
    diam s sqrt(2 T log(1/delta)) for `Gaussian` and `Uniform` noise, diam s sqrt(T/delta) for noise
    of which the deviation alone is known (`excess`).

    The best point in hindsight is such a u where the losses are linear and were fixed beforehand;
    an adversary that sees W_t can move it with the noise, and then neither statement is about it.

    Proof. The first is that of projected gradient descent on the losses <g^_t, .>. W_t is known
    before n_t is drawn, so E <n_t, W_t - u> = 0 and E norm(g^_t)^2 = norm(g_t)^2 + p s^2, given the
    past. Given the past, <n_t, u - W_t> has mean 0, deviation s norm(u - W_t) <= s diam and, for
    normal and uniform numbers, E exp(x <n_t, v>) <= exp(x^2 s^2 norm(v)^2/2) (uniform on [-c, c],
    s = c/sqrt 3: sinh(z)/z <= exp(z^2/6), term by term, as (2k + 1)! >= 6^k k!). So the sum has
    E exp(x sum) <= exp(x^2 s^2 diam^2 T/2), and Markov's inequality at the best x gives the first
    excess; its variance is at most T s^2 diam^2, and Chebyshev's inequality gives the second. []

    Args:
        learner: Who played: `Noisy` of `OnlineGradientDescent` with a fixed step.

    Raises:
        ArgumentError: Another learner, or no noise in its gradients.

    Example:
        >>> import numpy as np, olgame as og
        >>> descent = og.learners.OnlineGradientDescent(0.01)
        >>> theorem = NoisyBound(og.learners.Noisy(descent, gradient=og.noise.Gaussian(1.0)))
        >>> theorem.expected(1000, dim=3, reach=1.0, gradient_bound=1.0).value
        70.0
        >>> round(theorem.excess(1000, diameter=2.0, failure_probability=0.01).value, 3)
        191.941

    References:
        orabona2019, Chapter 3 (of means, in the sixth arXiv edition).
    """

    learner: Noisy[Any] = attrs.field(validator=_descent)

    @property
    def statement(self) -> BoundStatement:
        """What the theorem says."""
        return BoundStatement(
            name="Gradient descent on noisy gradients, regret on what it was told",
            formula="sum <g^_t, W_t - u> <= D_1^2/(2 alpha) + (alpha/2) sum norm(g^_t)^2",
            source="proved here",
            tightness="upper",
            size="D_1",
        )

    def expected(self, rounds: int, *, dim: int, reach: float, gradient_bound: float) -> Certified:
        """The bound on the mean regret.

        Args:
            rounds: T.
            dim: p.
            reach: D_1.
            gradient_bound: G.

        Raises:
            ArgumentError: A number is not finite and positive.
        """
        require_finite_positive(
            "NoisyBound.expected",
            rounds=rounds,
            dim=dim,
            reach=reach,
            gradient_bound=gradient_bound,
        )
        square = gradient_bound**2 + dim * self._deviation**2
        value = reach**2 / (2.0 * self._step) + 0.5 * self._step * rounds * square
        return Certified(value, "upper", "in the mean over the noise")

    def excess(self, rounds: int, *, diameter: float, failure_probability: float) -> Certified:
        """What sum <g_t, W_t - u> may exceed sum <g^_t, W_t - u> by, for one u fixed beforehand.

        Args:
            rounds: T.
            diameter: diam K.
            failure_probability: delta, below 1.

        Raises:
            ArgumentError: A number is outside its domain.
        """
        require_finite_positive("NoisyBound.excess", rounds=rounds, diameter=diameter)
        ok = 0.0 < failure_probability < 1.0
        require(ok, "NoisyBound.excess", "failure_probability", "be between 0 and 1",
                failure_probability)  # fmt: skip
        light = isinstance(self.learner.gradient, Gaussian | Uniform)
        tail = 2.0 * math.log(1.0 / failure_probability) if light else 1.0 / failure_probability
        value = diameter * self._deviation * math.sqrt(rounds * tail)
        return Certified(value, "upper", f"with probability {1.0 - failure_probability:g}")

    def premises(self, run: Transcript) -> Premises:
        """What the sure bound assumes, recomputed."""
        return played_inside(run, self.learner)

    def regret(self, run: Transcript) -> Floats:
        """The regret on the told gradients after every round."""
        points, told = self._told(run)
        support = run.decision_set.translate(-run.start).support
        return largest_linear_regret(points, told, run.start, support)

    def bound(self, run: Transcript) -> Floats:
        """The bound from the gradients that were told."""
        _, told = self._told(run)
        squares = np.cumsum([float(g @ g) for g in map(to_numpy, told)])
        found: Floats = reach_of(run) ** 2 / (2.0 * self._step) + 0.5 * self._step * squares
        return found

    def _told(self, run: Transcript) -> tuple[list[Any], list[Any]]:
        """W_1, ..., W_T and g^_1, ..., g^_T: the noise is keyed by round and made again."""
        points, told = [], []
        for t, (point, gradient) in enumerate(played_points(run), start=1):
            points.append(point)
            told.append(self.learner.told(Feedback(t, point, 0.0, gradient, None)).gradient)
        return points, told

    @property
    def _step(self) -> float:
        inner: Any = self.learner.learner
        return float(inner.step_size.value)

    @property
    def _deviation(self) -> float:
        noise: Any = self.learner.gradient
        if not hasattr(noise, "deviation"):
            raise ArgumentError(
                "`NoisyBound(learner=...)` needs noise that states its `deviation`, got "
                f"{noise!r:.100}."
            )
        return float(noise.deviation)
