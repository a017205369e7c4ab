"""The regret theorem of AMSGrad."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import attrs
import numpy as np
from numpy.typing import NDArray

from olgame.regret.curve import linear_curve
from olgame.sets.fields import wide
from olgame.step_sizes import StepSize, as_step_size, not_adaptive
from olgame.theory import audit
from olgame.theory.adagrad_bound import coordinate_widths
from olgame.theory.optimal_steps import (
    PlayedStep,
    never_increasing,
    optimal_steps,
    played_step_sizes,
)
from olgame.theory.played_sequence import PlayedSequence, played_sequence
from olgame.theory.premise import Premise, Premises
from olgame.theory.regret_bound import BoundStatement
from olgame.transcript import Transcript
from olgame.validation import finite_not_negative, forgetting_factor

__all__ = ["AMSGradBound"]

Floats = NDArray[np.float64]


class _Averages(NamedTuple):
    """m_t and h_t, shape ``(T, p)`` each."""

    mean: Floats
    metric: Floats


@attrs.frozen
class AMSGradBound:
    """Linear regret of `olgame.learners.AMSGrad` with a constant beta1.

    For steps that never increase, with m_t, h_t its averages, d_j the width of K along coordinate
    j and M = beta1/(1 - beta1),

        R_T <= sum_j d_j^2 h_{T,j}/(2 alpha_T) + (1/2 + M) sum_t alpha_t sum_j m_{t,j}^2/h_{t,j}
               + M sum_j d_j abs(m_{T,j}).

    Proof. g_t = (m_t - beta1 m_{t-1})/(1 - beta1), and summation by parts gives, with a_t =
    <m_t, W_t - u>,

        sum_t <g_t, W_t - u> = sum_t a_t + M a_T + M sum_{t<T} <m_t, W_t - W_{t+1}>.

    As for mirror descent with the divergence of h_t/alpha_t, a_t is at most [norm_t(W_t - u)^2 -
    norm_t(W_{t+1} - u)^2]/(2 alpha_t) + (alpha_t/2) sum_j m_{t,j}^2/h_{t,j}; h_t/alpha_t never
    falls, so that the first parts sum up to at most sum_j d_j^2 h_{T,j}/(2 alpha_T). a_T is at most
    sum_j d_j abs(m_{T,j}). And <m_t, W_t - W_{t+1}> <= norm_{t,*}(m_t) norm_t(W_t - W_{t+1}) <=
    alpha_t sum_j m_{t,j}^2/h_{t,j}, as projecting in the distance of h_t brings no two points
    apart. []

    The published theorem of reddi2018 needs a beta1 that falls with t; alacaoglu2020 does without,
    and the decomposition above is theirs (recalled).

    Args:
        step_size: alpha, or a rule that does not look at the gradients.
        beta1: Of the mean.
        beta2: Of the squares.
        delta: Added to the root of the squares.

    Example:
        >>> import numpy as np, olgame as og
        >>> step = og.step_sizes.Decreasing(1.0, 1.0)
        >>> losses = [og.losses.LinearLoss(np.array([3.0 if t % 3 == 0 else -1.0])) for t in
        ...     range(90)]
        >>> run = og.play(
        ...     og.learners.AMSGrad(step), og.adversaries.ObliviousSequence(losses),
        ...     og.sets.LinfBall(1.0, center=np.zeros(1)), rounds=90, keep="points",
        ... )
        >>> og.theory.check_bound(AMSGradBound(step), run).conclusion
        'certified_holds'

    References:
        reddi2018, Theorem 4; alacaoglu2020.
    """

    step_size: StepSize = attrs.field(converter=as_step_size, validator=not_adaptive)
    beta1: float = attrs.field(default=0.9, validator=forgetting_factor)
    beta2: float = attrs.field(default=0.999, validator=forgetting_factor)
    delta: float = attrs.field(default=0.0, validator=finite_not_negative)

    @property
    def statement(self) -> BoundStatement:
        """What is claimed."""
        return BoundStatement(
            name="AMSGrad with a constant beta1, linear regret",
            formula="R_T <= sum_j d_j^2 h_{T,j}/(2 alpha_T) + (1/2 + M) sum_t alpha_t sum_j "
            "m_{t,j}^2/h_{t,j} + M sum_j d_j abs(m_{T,j}), M = beta1/(1 - beta1)",
            source="alacaoglu2020, recalled in its idea; stated and proved here",
            tightness="upper",
            size="d_j, the widths along coordinates",
        )

    def premises(self, run: Transcript) -> Premises:
        """Points, steps, step sizes, and widths that are finite."""
        game = played_sequence(run)
        steps = None if game is None else self._steps(game)
        widest = float(coordinate_widths(run.decision_set, wide(run.start)).max())
        return Premises(
            (
                audit.points_feasible(run),
                optimal_steps(run, steps, "AMSGrad steps"),
                never_increasing(self._alphas(run.rounds)),
                Premise.of("bounded decision set", np.isfinite(widest), f"widths to {widest:.6g}"),
                audit.finished(run),
            )
        )

    def regret(self, run: Transcript) -> Floats:
        """Linear regret after every round."""
        return linear_curve(run)

    def bound(self, run: Transcript) -> Floats:
        """The bound after every round, from the gradients; nan where they were not kept."""
        game = played_sequence(run)
        if game is None:
            return np.full(run.rounds, np.nan)
        widths = coordinate_widths(run.decision_set, wide(run.start))
        alpha, (mean, metric) = self._alphas(run.rounds), self._averages(game)
        momentum = self.beta1 / (1.0 - self.beta1)
        squares = np.where(metric > 0.0, mean**2 / np.where(metric > 0.0, metric, 1.0), 0.0)
        moved = (0.5 + momentum) * np.cumsum(alpha * squares.sum(axis=1))
        return np.asarray(
            metric @ widths**2 / (2.0 * alpha) + moved + momentum * np.abs(mean) @ widths
        )

    def _alphas(self, rounds: int) -> Floats:
        return played_step_sizes(self.step_size, np.zeros(rounds))

    def _averages(self, game: PlayedSequence) -> _Averages:
        """Computed here once more, from the gradients alone."""
        mean = square = largest = np.zeros(game.gradients.shape[1])
        means, metrics = [], []
        for gradient in game.gradients:
            mean = self.beta1 * mean + (1.0 - self.beta1) * gradient
            square = self.beta2 * square + (1.0 - self.beta2) * gradient**2
            largest = np.maximum(largest, square)
            means.append(mean)
            metrics.append(np.sqrt(largest) + self.delta)
        return _Averages(np.stack(means), np.stack(metrics))

    def _steps(self, game: PlayedSequence) -> Iterator[PlayedStep]:
        alpha, (mean, metric) = self._alphas(len(game.gradients)), self._averages(game)
        offsets = game.points - game.points[0]
        for t, h in enumerate(metric):
            move = alpha[t] * mean[t]
            yield PlayedStep(game.points[t + 1], (move, h * offsets[t + 1], -h * offsets[t]), move)
