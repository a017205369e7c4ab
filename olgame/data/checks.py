"""Data is looked at once, at the border, before a game is played with it."""

from __future__ import annotations

from typing import Any

import numpy as np

from olgame.arrays import kernels, same_device, to_numpy
from olgame.exceptions import DataError, ShapeError
from olgame.typing import Array

__all__ = ["check_data"]


def check_data(x: Array, y: Array, owner: str, *, dim: int | None = None) -> None:
    """Refuse data that no game can be played with; says where, and as whose argument.

    Whether the labels mean something is for the loss to say (`olgame.losses.Loss.check_labels`).

    Args:
        x: inputs, one flat row a sample, shape ``(..., n, d)`` with n, d >= 1, finite.
        y: labels, shape ``(n,)`` or ``(..., n)``, of the library and on the device of ``x``,
            finite.
        owner: who was given the data, for the message.
        dim: the d that x must have; any where None.

    Raises:
        ShapeError: no numeric array, wrong number of axes, lengths that differ, two libraries
            or devices.
        DataError: no samples, or a number that is not finite; names the first.

    Example:
        >>> import numpy as np
        >>> check_data(np.ones((2, 3)), np.array([1.0, np.nan]), "InputAttack")
        Traceback (most recent call last):
            ...
        olgame.exceptions.DataError: `InputAttack(y=...)` must be finite, got nan at index 1.
    """
    _check_array(x, "x", owner)
    _check_array(y, "y", owner)
    shape_x, shape_y = tuple(x.shape), tuple(y.shape)
    if len(shape_x) < 2:
        raise ShapeError(
            f"`{owner}(x=...)` must have shape (n, d), one flat row a sample, got {shape_x}."
        )
    if not shape_y:
        raise ShapeError(f"`{owner}(y=...)` must have shape (n,), one label a sample, got ().")
    for name, shape in (("x", shape_x), ("y", shape_y)):
        if 0 in shape:
            raise DataError(f"`{owner}({name}=...)` must not be empty, got shape {shape}.")
    if shape_y != shape_x[:-1] and shape_y != shape_x[-2:-1]:
        flatten = ""
        if shape_x[: len(shape_y)] == shape_y:
            flatten = " Flatten every sample to one row: `x.reshape(len(x), -1)`."
        raise ShapeError(
            f"`{owner}(y=...)` must have one label for every row of x, shape {shape_x[-2:-1]} "
            f"for x of shape {shape_x}, got {shape_y}.{flatten}"
        )
    if dim is not None and shape_x[-1] != dim:
        raise ShapeError(
            f"`{owner}(x=...)` must have rows of length d = {dim}, got shape {shape_x}."
        )
    if not same_device(y, x):
        raise ShapeError(
            f"`{owner}(y=...)` must be of the library and on the device of x, got "
            f"{_kind(y)} with x {_kind(x)}."
        )
    _check_finite(x, "x", owner)
    _check_finite(y, "y", owner)


def _kind(a: Any) -> str:
    return f"{type(a).__module__}.{type(a).__qualname__} on {getattr(a, 'device', 'cpu')}"


def _check_array(a: Any, name: str, owner: str) -> None:
    try:
        numeric = kernels(a).xp.isdtype(a.dtype, ("integral", "real floating"))
        got = f"dtype {a.dtype}"
    except (TypeError, AttributeError):
        numeric, got = False, type(a).__name__
    if not numeric:
        raise ShapeError(f"`{owner}({name}=...)` must be an array of real numbers, got {got}.")


def _check_finite(a: Array, name: str, owner: str) -> None:
    xp = kernels(a).xp
    if bool(xp.all(xp.isfinite(a))):
        return
    values = to_numpy(a)
    bad = tuple(int(i) for i in np.argwhere(~np.isfinite(values))[0])
    index = bad[0] if len(bad) == 1 else bad
    raise DataError(
        f"`{owner}({name}=...)` must be finite, got {float(values[bad])} at index {index}."
    )
