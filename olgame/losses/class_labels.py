"""Labels 0, ..., k-1, and what the losses of k logits have in common."""

from __future__ import annotations

from typing import Any

from array_api_compat import device

from olgame.arrays import kernels, to_numpy, unit_roundoff
from olgame.exceptions import DataError
from olgame.typing import Array

__all__ = ["check_class_labels", "is_label", "rival_weights", "rivals"]


def check_class_labels(y: Array, owner: str, classes: int | None = None) -> None:
    """Raise `DataError` unless every label is one of 0, 1, ..., k-1; shows the first that is not.

    Args:
        y: labels, any shape, whole numbers of any dtype.
        owner: who asks, as the user wrote it.
        classes: k; None where the number of classes is not known.
    """
    labels = to_numpy(y).reshape(-1)
    limit = float("inf") if classes is None else classes
    wrong = ~((labels >= 0) & (labels < limit) & (labels % 1 == 0))
    if not wrong.any():
        return
    index = int(wrong.argmax())
    got = float(labels[index])
    which = "0, 1, 2, ..." if classes is None else f"0 to {classes - 1}"
    hint = ""
    if got == -1:
        hint = " Labels -1 and +1 belong to losses of one output; `(y + 1) / 2` makes them 0 and 1."
    elif got == classes:
        hint = " Classes are counted from 0."
    raise DataError(
        f"`{owner}` needs class labels y from {which}, got {got!r} at index {index}.{hint}"
    )


def is_label(z: Array, y: Array) -> Any:
    """True at [..., i, y_i]: a boolean array that broadcasts against z, shape ``(..., n, k)``."""
    xp = kernels(z).xp
    return xp.arange(z.shape[-1], dtype=z.dtype, device=device(z)) == y[..., None]


def rivals(z: Array, y: Array) -> Any:
    """z_j - z_y for every j, shape ``(..., n, k)``; ``-inf`` at j = y, where there is no rival."""
    xp = kernels(z).xp
    own = is_label(z, y)
    at_label: Any = xp.sum(xp.where(own, z, xp.zeros_like(z)), axis=-1, keepdims=True)
    difference = z - at_label
    return xp.where(own, xp.full_like(difference, -float("inf")), difference)


def rival_weights(p: Array, y: Array) -> tuple[Any, Any, Any]:
    """(q, own, outside): the slope p taken apart as q (pi - e_y), with q = -p_y.

    The losses of k logits here are functions of the rivals' leads z_j - z_y, non-decreasing in
    each. So their slopes have sum 0 and no negative entry but that of the label; what has not is
    ``outside`` of the domain of every conjugate. A slope that was *computed* may overshoot by
    rounding: 4 + k units roundoff are allowed, of the size of p for the sum.

    Args:
        p: slopes, shape ``(..., n, k)``.
        y: labels, shape ``(n,)`` or ``(..., n)``.

    Returns:
        q of shape ``(..., n)``, the mask of the labels, and a boolean array of shape ``(..., n)``.
    """
    xp = kernels(p).xp
    slopes: Any = p
    own = is_label(p, y)
    zero = xp.zeros_like(p)
    q = -xp.sum(xp.where(own, slopes, zero), axis=-1)
    allowance = (4.0 + p.shape[-1]) * unit_roundoff(p)
    least = xp.min(xp.where(own, zero, slopes), axis=-1)
    size = xp.sum(xp.abs(slopes), axis=-1)
    q = xp.where(xp.isnan(size), size, q)  # nan anywhere in p shows
    uneven = xp.abs(xp.sum(slopes, axis=-1)) > allowance * (1.0 + size)
    return q, own, (least < -allowance) | uneven
