"""What adversaries with a moving best point share: the loss that the point minimizes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import attrs
import numpy as np
from numpy.typing import NDArray

from olgame.arrays import to_numpy
from olgame.exceptions import ArgumentError, ShapeError
from olgame.losses.round_loss import RoundLoss

__all__ = ["LossOf", "as_path", "is_function", "lengths"]

Floats = NDArray[np.float64]

LossOf = Callable[[Any], RoundLoss]
"""The round loss of a point: `olgame.losses.QuadraticLoss`, whose least value is there."""


def as_path(instance: Any, attribute: attrs.Attribute[Any], value: Any) -> None:
    """attrs validator: an array of finite points, one for each entry of its first axis."""
    name = f"`{type(instance).__name__}({attribute.name}=...)`"
    if not hasattr(value, "ndim") or value.ndim < 2 or 0 in value.shape:
        raise ShapeError(
            f"{name} must be an array of points of shape (k, p) or (k, ..., p), got "
            f"{getattr(value, 'shape', type(value).__name__)}."
        )
    if not np.isfinite(to_numpy(value)).all():
        raise ArgumentError(f"{name} must be finite.")


def is_function(instance: Any, attribute: attrs.Attribute[Any], value: Any) -> None:
    """attrs validator: something that can be called."""
    if not callable(value):
        raise ArgumentError(
            f"`{type(instance).__name__}({attribute.name}=...)` must be a function, got {value!r}."
        )


def lengths(path: Any) -> Floats:
    """norm(u_{t+1} - u_t) along the first axis, shape ``(k - 1, ...)``."""
    return np.asarray(np.linalg.norm(np.diff(to_numpy(path), axis=0), axis=-1))
