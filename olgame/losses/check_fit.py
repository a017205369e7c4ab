"""Loss, model and labels: do they speak of the same outputs?"""

from __future__ import annotations

from olgame.exceptions import ArgumentError
from olgame.losses.class_labels import check_class_labels
from olgame.losses.loss import Loss
from olgame.models.model import Model
from olgame.typing import Array

__all__ = ["check_fit", "check_outputs"]


def check_outputs(loss: Loss, model: Model, owner: str) -> None:
    """Refuse a loss of one output on a model with k, and the reverse.

    Raises:
        ArgumentError: says which of the two to change.
    """
    classes = getattr(model, "classes", None)
    if getattr(loss, "multiclass", False) == (classes is not None):
        return
    if classes is None:
        raise ArgumentError(
            f"`{owner}(loss=...)` must be a loss of one output, such as `og.losses.logistic`, for "
            f"{model.name}, got {loss.name}, which needs k logits: make the model with "
            "`classes=k`."
        )
    raise ArgumentError(
        f"`{owner}(loss=...)` must be a loss of k logits, such as `og.losses.cross_entropy`, for "
        f"{model.name} with {classes} classes, got {loss.name}, which needs one output."
    )


def check_fit(loss: Loss, model: Model, y: Array, owner: str) -> None:
    """Refuse a loss that the model has not the outputs for, and labels that have no meaning.

    Args:
        loss: l.
        model: f.
        y: Labels, any shape.
        owner: Who was given them, for the message.

    Raises:
        ArgumentError: The loss needs other outputs than the model has.
        DataError: A label is not one of the loss's; for k logits, not one of 0, ..., k-1.

    Example:
        >>> import numpy as np
        >>> from olgame.losses import cross_entropy
        >>> from olgame.models import LinearModel
        >>> check_fit(cross_entropy, LinearModel(2, classes=3), np.array([0, 3]), "InputAttack")
        Traceback (most recent call last):
            ...
        olgame.exceptions.DataError: `InputAttack(y=...)` needs class labels y from 0 to 2, got \
3.0 at index 1. Classes are counted from 0.
    """
    check_outputs(loss, model, owner)
    loss.check_labels(y)
    classes = getattr(model, "classes", None)
    if classes is not None:
        check_class_labels(y, f"{owner}(y=...)", classes)
