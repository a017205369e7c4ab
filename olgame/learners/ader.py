"""Ader: dynamic regret, from experts with a grid of step sizes."""

from __future__ import annotations

import math
from typing import Any

import attrs
import numpy as np
from numpy.typing import NDArray

from olgame.arrays import as_like, kernels
from olgame.exceptions import NotAvailableError
from olgame.feedback import Feedback, Level
from olgame.learners.told import told_gradient
from olgame.sets.convex_set import ConvexSet
from olgame.typing import Array
from olgame.validation import finite_positive, positive_integer

__all__ = ["Ader", "AderState", "combined"]


def combined(weights: Any, points: Any) -> Any:
    """sum over k of weights[k] points[k], shapes ``(N, ...)`` and ``(N, ..., p)``."""
    xp = kernels(points).xp
    return xp.sum(xp.astype(weights, points.dtype)[..., None] * points, axis=0)


@attrs.define(eq=False)
class AderState:
    """W_t and the experts, side by side in one array.

    Attributes:
        point: W_t, shape ``(..., p)``.
        decision_set: K.
        experts: x_t^i, shape ``(N, ..., p)``.
        step_sizes: alpha_i, shape ``(N, 1, ..., 1)``.
        log_weights: of the experts, up to a common summand, float64, shape ``(N, ...)``.
        rate: of the weights.
    """

    point: Array
    decision_set: ConvexSet
    experts: Array
    step_sizes: Array
    log_weights: Any
    rate: float


@attrs.frozen
class Ader:
    """Follows any path of comparators as well as if its length had been known.

    Expert i = 1..N is projected gradient descent with step alpha_i = 2^(i-1) D/(G sqrt T) on the
    *one* gradient g_t at W_t (the surrogate loss <g_t, x>); a Hedge over the experts mixes them:

        W_t = sum_i q_t^i x_t^i,    x_{t+1}^i = Proj_K(x_t^i - alpha_i g_t),
        q_1^i = (1 + 1/N)/(i (i + 1)),    q_{t+1}^i ~ q_t^i exp(-a <g_t, x_t^i>),
        a = sqrt(8/T)/(G D),    N = 1 + ceil(log2(2 T - 1)/2),    D = diam K.

    For every path u_1, ..., u_T in K of length P_T = sum_t norm(u_{t+1} - u_t), with i the place of
    the best step in the grid, i <= 3/2 + log2(1 + 2 P_T/D)/2,

        sum_t <g_t, W_t - u_t> <= 1.07 G sqrt(T (D^2 + 2 D P_T)) + G D sqrt(T/8) (1 + 2 ln(i + 1)),

    of the order sqrt(T (1 + P_T)) that no learner can beat. Proof and the bound after the game:
    `olgame.theory.AderBound`.

    Departs from the paper in constants only: its grid starts at D/G sqrt(7/(2 T)), and its Hedge
    is tuned for losses of range 2 G D, where two points of K differ by at most G D.

    Args:
        rounds: T >= 1, the horizon of the tuning.
        gradient_bound: G > 0, a bound on norm(g_t).
        diameter: D; default the diameter of the decision set.

    Example:
        >>> import numpy as np, olgame as og
        >>> signs = np.where(np.arange(400) // 100 % 2, 1.0, -1.0)  # three shifts
        >>> losses = [og.losses.LinearLoss(s * np.eye(3)[0]) for s in signs]
        >>> ball = og.sets.L2Ball(1.0, center=np.zeros(3))
        >>> run = og.play(
        ...     Ader(rounds=400, gradient_bound=1.0),
        ...     og.adversaries.ObliviousSequence(losses),
        ...     ball,
        ...     rounds=400,
        ...     keep="examples",
        ... )
        >>> path = -signs[:, None] * np.eye(3)[0]
        >>> og.regret.path_length(path), og.regret.dynamic(run, path) < 0.4 * 400
        (6.0, True)

    References:
        zhang2018ader, Algorithms 3 and 4 (recalled).
    """

    rounds: int = attrs.field(validator=positive_integer)
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
                f"`Ader` needs a bounded decision set of more than one point, got "
                f"{type(decision_set).__name__} of diameter {size}; give `Ader(diameter=...)` if "
                "the comparators stay in a smaller part of it."
            )

    def size(self, decision_set: ConvexSet) -> float:
        """D."""
        return decision_set.diameter if self.diameter is None else float(self.diameter)

    def grid(self, decision_set: ConvexSet) -> NDArray[np.float64]:
        """alpha_1, ..., alpha_N."""
        count = 1 + math.ceil(0.5 * math.log2(2 * self.rounds - 1))
        first = self.size(decision_set) / (self.gradient_bound * math.sqrt(self.rounds))
        return np.asarray(first * 2.0 ** np.arange(count))

    def prior(self, count: int) -> NDArray[np.float64]:
        """q_1 of ``count`` experts."""
        i = np.arange(1, count + 1)
        return np.asarray((1.0 + 1.0 / count) / (i * (i + 1.0)))

    def rate(self, decision_set: ConvexSet) -> float:
        """a, the rate of the weights."""
        return math.sqrt(8.0 / self.rounds) / (self.gradient_bound * self.size(decision_set))

    def init(self, start: Array, decision_set: ConvexSet) -> AderState:
        """The state before round 1: all experts at W_1."""
        self.check_decision_set(decision_set, start)
        xp = kernels(start).xp
        grid = self.grid(decision_set)
        count, games = len(grid), start.shape[:-1]
        log_prior = np.log(self.prior(count)).reshape(count, *(1 for _ in games))
        wide = xp.astype(start[..., 0], xp.float64)
        return AderState(
            point=start,
            decision_set=decision_set,
            experts=xp.broadcast_to(start, (count, *start.shape)),
            step_sizes=as_like(grid.reshape(count, *(1 for _ in start.shape)), start),
            log_weights=as_like(log_prior + np.zeros((count, *games)), wide),
            rate=self.rate(decision_set),
        )

    def decide(self, state: AderState, /) -> Array:
        """W_t."""
        return state.point

    def update(self, state: AderState, feedback: Feedback, /) -> AderState:
        """One projected step of all experts at once, and one of the weights."""
        gradient: Any = told_gradient(feedback, self)
        k = kernels(gradient)
        # Relative to W_t, so that the weights keep their digits far from the origin.
        lead = k.xp.astype(k.dot(state.experts - state.point, gradient), k.xp.float64)
        log_weights = state.log_weights - state.rate * lead
        state.log_weights = log_weights - k.xp.max(log_weights, axis=0)
        weights = k.xp.exp(state.log_weights)
        moved = state.experts - state.step_sizes * gradient
        state.experts = state.decision_set.project(moved)
        state.point = combined(weights / k.xp.sum(weights, axis=0), state.experts)
        return state

    def copy(self, state: AderState, /) -> AderState:
        """An independent copy (its arrays are never changed, so they are shared)."""
        return attrs.evolve(state)
