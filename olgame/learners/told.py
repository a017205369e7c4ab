"""What a learner asks for and must have been told."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from olgame.arrays import kernels
from olgame.exceptions import ArgumentError
from olgame.feedback import Feedback
from olgame.typing import Array

if TYPE_CHECKING:
    from olgame.losses.round_loss import RoundLoss

__all__ = ["told_gradient", "told_loss", "told_wide"]


def told_gradient(feedback: Feedback, learner: object) -> Array:
    """g_t, or `ArgumentError` where the feedback carries none."""
    if feedback.gradient is None:
        raise ArgumentError(
            f"`{type(learner).__name__}.update(feedback=...)` must carry a gradient, got the "
            "value alone."
        )
    return feedback.gradient


def told_wide(feedback: Feedback, learner: object) -> Any:
    """g_t in float64, for learners that sum gradients; `ArgumentError` as for `told_gradient`."""
    gradient: Any = told_gradient(feedback, learner)
    xp = kernels(gradient).xp
    return gradient if gradient.dtype == xp.float64 else xp.astype(gradient, xp.float64)


def told_loss(feedback: Feedback, learner: object) -> RoundLoss:
    """l_t, or `ArgumentError` where the feedback carries none."""
    if feedback.loss is None:
        raise ArgumentError(
            f"`{type(learner).__name__}.update(feedback=...)` must carry the loss itself "
            "(Level.FULL), got less."
        )
    return feedback.loss
