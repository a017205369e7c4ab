"""The online Newton step, for exp-concave losses."""

from __future__ import annotations

from typing import Any

import attrs

from olgame.arrays import kernels
from olgame.feedback import Feedback, Level
from olgame.learners.told import told_wide
from olgame.sets.convex_set import ConvexSet
from olgame.sets.fields import wide
from olgame.sets.metric_projection import metric_nearest, require_metric_projection, times
from olgame.typing import Array
from olgame.validation import finite_positive, require

__all__ = ["OnlineNewtonStep", "OnlineNewtonStepState"]


@attrs.define(eq=False)
class OnlineNewtonStepState:
    """W_t, the second moments of the gradients, and their inverse.

    Attributes:
        point: W_t, shape ``(..., p)``.
        matrix: A_{t-1} = delta I + sum over s < t of g_s g_s^T, float64, shape ``(..., p, p)``.
        inverse: Its inverse, kept by the formula of Sherman and Morrison.
        decision_set: K.
    """

    point: Array
    matrix: Array
    inverse: Array
    decision_set: ConvexSet


@attrs.frozen
class OnlineNewtonStep:
    """W_{t+1} = Proj_K(W_t - A_t^{-1} g_t/gamma) in the distance of A_t = delta I + sum g_s g_s^T.

    For every u in K, and whatever the losses are,

        sum_t <g_t, W_t - u> - (gamma/2) <g_t, W_t - u>^2
            <= gamma delta D_1^2/2 + (1/(2 gamma)) sum_t g_t^T A_t^{-1} g_t
            <= gamma delta D_1^2/2 + (p/(2 gamma)) log(1 + sum_t norm(g_t)^2/(p delta)),

    and the left side is at least the regret where l_t(u) >= l_t(w) + <g, u - w> + (gamma/2)
    <g, u - w>^2, as beta-exp-concave losses have it for gamma <= min(1/(G diam), beta)/2: regret
    that grows like p log T. `for_exp_concave` sets gamma and delta. See
    `olgame.theory.NewtonStepBound`, with the proof.

    The step costs p^2; only a step that leaves the ball needs an eigenvalue decomposition. The
    projection in the distance of A_t is exact on Euclidean balls and the whole space.

    Args:
        gamma: gamma > 0.
        delta: delta > 0.

    Example:
        >>> import numpy as np, olgame as og
        >>> learner = OnlineNewtonStep.for_exp_concave(0.5, gradient_bound=1.0, diameter=2.0)
        >>> learner
        OnlineNewtonStep(gamma=0.25, delta=4.0)

    References:
        hazan2007; hazan2022, Section 4.3.
    """

    gamma: float = attrs.field(validator=finite_positive)
    delta: float = attrs.field(validator=finite_positive)

    @classmethod
    def for_exp_concave(
        cls, exp_concavity: float, *, gradient_bound: float, diameter: float
    ) -> OnlineNewtonStep:
        """gamma = min(1/(G diam), beta)/2 and delta = 1/(gamma diam)^2.

        Args:
            exp_concavity: beta > 0: exp(-beta l_t) is concave on K.
            gradient_bound: G >= norm(g_t).
            diameter: diam K.
        """
        given = {
            "exp_concavity": exp_concavity,
            "gradient_bound": gradient_bound,
            "diameter": diameter,
        }
        for name, value in given.items():
            good = 0.0 < value < float("inf")
            rule = "be finite and positive"
            require(good, "OnlineNewtonStep.for_exp_concave", name, rule, value)
        gamma = 0.5 * min(1.0 / (gradient_bound * diameter), exp_concavity)
        return cls(gamma, 1.0 / (gamma * diameter) ** 2)

    @property
    def level(self) -> Level:
        """Asks for gradients."""
        return Level.GRADIENT

    def check_decision_set(self, decision_set: ConvexSet, start: Array, /) -> None:
        """Refuse all but Euclidean balls and the whole space."""
        require_metric_projection(decision_set, "OnlineNewtonStep")

    def init(self, start: Array, decision_set: ConvexSet) -> OnlineNewtonStepState:
        """The state before round 1."""
        self.check_decision_set(decision_set, start)
        w = wide(start)
        eye = kernels(w).xp.eye(w.shape[-1], dtype=w.dtype, device=w.device)
        eye = eye + 0.0 * w[..., None]
        return OnlineNewtonStepState(start, self.delta * eye, eye / self.delta, decision_set)

    def decide(self, state: OnlineNewtonStepState, /) -> Array:
        """W_t."""
        return state.point

    def update(self, state: OnlineNewtonStepState, feedback: Feedback, /) -> OnlineNewtonStepState:
        """Add the outer product to A, take it into the inverse, and step."""
        g = told_wide(feedback, self)
        k = kernels(g)
        state.matrix = state.matrix + g[..., :, None] * g[..., None, :]
        pulled = times(state.inverse, g)
        share = (1.0 + k.dot(g, pulled))[..., None]  # A_t^{-1} g_t = A_{t-1}^{-1} g_t/share
        outer = pulled[..., :, None] * pulled[..., None, :]
        state.inverse = state.inverse - outer / share[..., None]
        y = wide(state.point) - pulled / (self.gamma * share)
        nearest: Any = y
        if not bool(k.xp.all(k.xp.asarray(state.decision_set.contains(y)))):
            values, vectors = k.xp.linalg.eigh(state.matrix)
            nearest = metric_nearest(state.decision_set, y, values, vectors)
        state.point = k.xp.astype(nearest, state.point.dtype, copy=False)
        return state

    def copy(self, state: OnlineNewtonStepState, /) -> OnlineNewtonStepState:
        """An independent copy (arrays are never changed, so they are shared)."""
        return attrs.evolve(state)
