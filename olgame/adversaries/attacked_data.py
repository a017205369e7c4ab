"""Data that an attack is to move: looked at once, and brought to the model."""

from __future__ import annotations

from typing import Any

from olgame.attacks.attack_parts import check_attack_parts
from olgame.data import check_data
from olgame.losses.check_fit import check_fit
from olgame.models.model import Model
from olgame.typing import Array

__all__ = ["attacked_data"]


def attacked_data(
    model: Model,
    x: Array,
    y: Array,
    owner: str,
    *,
    loss: Any,
    attack: Any,
    perturbation_set: Any,
) -> tuple[Array, Array]:
    """``x`` and ``y`` in the dtype and on the device of the model, if all of it fits together.

    Args:
        model: f.
        x: clean inputs, shape ``(..., n, d)``.
        y: labels, shape ``(n,)`` or ``(..., n)``.
        owner: who was given all this, for the messages.
        loss: l.
        attack: the attack oracle.
        perturbation_set: B(x).

    Raises:
        ArgumentError: A part is none, or the loss needs other outputs than the model has.
        DataError: Data that are empty or not finite, labels the loss has no meaning for, a box
            that does not contain the data.
        ShapeError: Shapes that do not fit each other or the model.
    """
    check_attack_parts(
        owner, model=model, loss=loss, attack=attack, perturbation_set=perturbation_set
    )
    check_data(x, y, owner, dim=model.dim)
    check_fit(loss, model, y, owner)
    brought = model.asarray(x), model.asarray(y)
    check_box = getattr(perturbation_set, "check_data", None)
    if check_box is not None:
        check_box(brought[0])
    return brought
