"""AdaGrad with a full matrix."""

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
from olgame.validation import finite_not_negative, finite_positive

__all__ = ["FullMatrixAdaGrad", "FullMatrixAdaGradState"]


@attrs.define(eq=False)
class FullMatrixAdaGradState:
    """W_t, and the second moments of the gradients.

    Attributes:
        point: W_t, shape ``(..., p)``.
        outer: sum over s < t of g_s g_s^T in float64, shape ``(..., p, p)``.
        decision_set: K.
    """

    point: Array
    outer: Array
    decision_set: ConvexSet


@attrs.frozen
class FullMatrixAdaGrad:
    """W_{t+1} = Proj_K(W_t - alpha H_t^{-1} g_t) in the distance of H_t.

    H_t = delta I + (sum over s <= t of g_s g_s^T)^(1/2). Like `AdaGrad`, in whatever coordinates
    the gradients choose: turned data are as good as straight ones. With delta = 0 (H_t inverted
    where it is not 0, which is where g_t lies)

        regret <= (diam^2/(2 alpha) + alpha) tr (sum_t g_t g_t^T)^(1/2).

    An eigenvalue decomposition a round: p up to some hundreds. The projection in the distance of
    H_t is exact on Euclidean balls (a secular equation in the eigenvectors) and the whole space.
    With delta = 0, directions in which the gradients are 1e-8 times shorter than in others drown in
    the rounding of the decomposition, and are not stepped into. See `olgame.theory.AdaGradBound`.

    Args:
        step_size: alpha > 0, in units of the diameter of K.
        delta: Added to the root of the second moments.

    Example:
        >>> import numpy as np, olgame as og
        >>> losses = [og.losses.LinearLoss(np.array([3.0, 4.0]))] * 2
        >>> adversary = og.adversaries.ObliviousSequence(losses)
        >>> run = og.play(
        ...     FullMatrixAdaGrad(1.0), adversary, og.sets.WholeSpace(), rounds=2, start=np.zeros(2)
        ... )
        >>> bool(np.allclose(run.final_point, -np.array([0.6, 0.8]) * (1 + 0.5**0.5)))
        True

    References:
        duchi2011.
    """

    step_size: float = attrs.field(validator=finite_positive)
    delta: float = attrs.field(default=0.0, validator=finite_not_negative)

    @property
    def level(self) -> Level:
        """Asks for gradients."""
        return Level.GRADIENT

    def check_decision_set(self, decision_set: ConvexSet, start: Array, /) -> None:
        """Refuse all but Euclidean balls and the whole space."""
        require_metric_projection(decision_set, "FullMatrixAdaGrad")

    def init(self, start: Array, decision_set: ConvexSet) -> FullMatrixAdaGradState:
        """The state before round 1."""
        self.check_decision_set(decision_set, start)
        nothing = wide(start)
        outer = 0.0 * nothing[..., :, None] * nothing[..., None, :]
        return FullMatrixAdaGradState(start, outer, decision_set)

    def decide(self, state: FullMatrixAdaGradState, /) -> Array:
        """W_t."""
        return state.point

    def update(
        self, state: FullMatrixAdaGradState, feedback: Feedback, /
    ) -> FullMatrixAdaGradState:
        """Add the outer product, and step."""
        gradient = told_wide(feedback, self)
        xp = kernels(gradient).xp
        state.outer = state.outer + gradient[..., :, None] * gradient[..., None, :]
        values, vectors = xp.linalg.eigh(state.outer)
        # What rounding leaves of an eigenvalue 0 has either sign.
        noise = gradient.shape[-1] * 4e-16 * values[..., -1:]
        known = values > noise
        metric = xp.sqrt(xp.where(known, values, 0.0)) + self.delta
        seen = metric > 0.0
        turned = times(xp.matrix_transpose(vectors), gradient)
        slope = xp.where(seen, turned / xp.where(seen, metric, 1.0), 0.0)
        y = wide(state.point) - self.step_size * times(vectors, slope)
        nearest: Any = metric_nearest(state.decision_set, y, metric, vectors)
        state.point = xp.astype(nearest, state.point.dtype, copy=False)
        return state

    def copy(self, state: FullMatrixAdaGradState, /) -> FullMatrixAdaGradState:
        """An independent copy (arrays are never changed, so they are shared)."""
        return attrs.evolve(state)
