"""Converters and validators that the constructors of several sets share."""

from __future__ import annotations

from typing import Any

import attrs
import numpy as np

from olgame.arrays import as_like, namespace, same_device, to_numpy
from olgame.exceptions import ArgumentError, ShapeError
from olgame.typing import Array

__all__ = [
    "as_float",
    "finite_array",
    "finite_center",
    "is_convex_set",
    "is_floating",
    "matched",
    "require_length",
    "require_sample_shape",
    "wide",
]


def as_float(value: Any) -> Any:
    """``value`` as a float where it is a number or a one-number array; else as it is."""
    if isinstance(value, bool | str | bytes) or np.size(value) != 1:
        return value
    try:
        return float(value)
    except (TypeError, ValueError):
        return value


def is_floating(x: Any) -> bool:
    """Whether ``x`` is a NumPy array or a tensor of a real floating dtype."""
    if isinstance(x, np.generic) or not hasattr(x, "ndim"):
        return False
    try:
        xp = namespace(x)
    except TypeError:
        return False
    return bool(xp.isdtype(x.dtype, "real floating"))


def finite_center(instance: Any, attribute: attrs.Attribute[Any], value: Any) -> None:
    """attrs validator: None, or an array of finite floats with at least one axis."""
    if value is None:
        return
    name = f"`{type(instance).__name__}({attribute.name}=...)`"
    if not is_floating(value) or value.ndim == 0:
        raise ShapeError(
            f"{name} must be an array of floats with at least one axis, "
            f"got {getattr(value, 'dtype', type(value).__name__)} "
            f"of shape {tuple(getattr(value, 'shape', ()))}."
        )
    xp = namespace(value)
    if not bool(xp.all(xp.isfinite(value))):
        raise ArgumentError(f"{name} must be finite, got an entry that is nan or infinite.")


def finite_array(instance: Any, attribute: attrs.Attribute[Any], value: Any) -> None:
    """attrs validator: an array of finite floats with at least one axis."""
    if value is None:
        name = f"`{type(instance).__name__}({attribute.name}=...)`"
        raise ShapeError(f"{name} must be an array of floats with at least one axis, got None.")
    finite_center(instance, attribute, value)


def is_convex_set(instance: Any, attribute: attrs.Attribute[Any], value: Any) -> None:
    """attrs validator: an object with the methods of a `ConvexSet`."""
    methods = ("project", "contains", "support", "lmo", "reach", "translate", "sample")
    missing = [name for name in methods if not hasattr(value, name)]
    if missing or isinstance(value, type):
        got = f"the class {value.__name__}" if isinstance(value, type) else repr(value)
        raise ArgumentError(
            f"`{type(instance).__name__}({attribute.name}=...)` must be a convex set, with "
            f"{', '.join(methods)}, got {got:.100}."
        )


def matched(values: Array, reference: Array) -> Array:
    """``values`` in the library, dtype and device of ``reference``; itself where it is already."""
    if values.dtype == reference.dtype and same_device(values, reference):
        return values
    foreign = namespace(values) is not namespace(reference)
    converted: Array = as_like(to_numpy(values) if foreign else values, reference)
    return converted


def require_length(x: Array, length: int, owner: str) -> None:
    """Raise `ShapeError` unless the last axis of ``x`` has ``length`` entries."""
    if x.shape[-1] != length:
        raise ShapeError(
            f"A point of `{owner}` must have {length} entries on its last axis, "
            f"got {x.shape[-1]} (shape {tuple(x.shape)})."
        )


def require_sample_shape(shape: tuple[int, ...], length: int | None, owner: str) -> None:
    """Raise `ShapeError` unless ``shape`` ends in ``length`` (any positive one for None)."""
    if not shape or shape[-1] < 1 or length not in (None, shape[-1]):
        end = "a positive length" if length is None else length
        raise ShapeError(f"`{owner}.sample(shape=...)` must end in {end}, got {shape}.")


def wide(x: Array) -> Any:
    """``x`` in float64, in its library and on its device; itself where it is already."""
    xp = namespace(x)
    return xp.astype(x, xp.float64, copy=False)
