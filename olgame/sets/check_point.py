"""The border check of a point against a set."""

from __future__ import annotations

from typing import Any

from olgame.arrays import namespace, same_device
from olgame.exceptions import ArgumentError, ShapeError
from olgame.sets.convex_set import ConvexSet
from olgame.sets.fields import is_floating
from olgame.typing import Array

__all__ = ["check_point"]


def check_point(decision_set: ConvexSet, x: Array, name: str) -> None:
    """Raise unless ``x`` is a finite floating array that ``decision_set`` can work on.

    Meant for borders (once, before a game): the sets themselves keep to what is cheap. It does
    *not* ask whether ``x`` lies in the set.

    Args:
        decision_set: Any convex set. Where it has a ``center`` or a ``dim``, dtype, device and
            length are compared with them; every set is probed with one projection.
        x: The point, shape ``(..., p)``.
        name: The argument as the user wrote it, without backticks: ``"play(start=...)"``.

    Raises:
        ShapeError: No floating array, no axis, or a length, library, dtype or device that does
            not fit the set.
        ArgumentError: An entry is nan or infinite.

    Example:
        >>> import numpy as np
        >>> from olgame.sets import L2Ball
        >>> check_point(L2Ball(1.0), np.array([0.0, np.nan]), "play(start=...)")
        Traceback (most recent call last):
        olgame.exceptions.ArgumentError: `play(start=...)` must be finite, got nan at index 1.
    """
    if not is_floating(x) or x.ndim == 0:
        raise ShapeError(
            f"`{name}` must be an array of floats with at least one axis, got "
            f"{getattr(x, 'dtype', type(x).__name__)} of shape {tuple(getattr(x, 'shape', ()))}."
        )
    _check_finite(x, name)
    owner = type(decision_set).__name__
    dim = getattr(decision_set, "dim", None)
    if dim is not None and x.shape[-1] != dim:
        raise ShapeError(
            f"`{name}` must have {dim} entries on its last axis, as `{owner}` has, "
            f"got {x.shape[-1]} (shape {tuple(x.shape)})."
        )
    center = getattr(decision_set, "center", None)
    if is_floating(center):
        _check_kind(center, x, name, owner)
    _probe(decision_set, x, name, owner)


def _check_finite(x: Any, name: str) -> None:
    xp = namespace(x)
    bad = ~xp.isfinite(x)
    if bool(xp.any(bad)):
        index = tuple(int(axis[0]) for axis in xp.nonzero(bad))
        where = index[0] if len(index) == 1 else index
        raise ArgumentError(f"`{name}` must be finite, got {float(x[index])} at index {where}.")


def _check_kind(center: Any, x: Any, name: str, owner: str) -> None:
    """Library, dtype and device of ``x`` against those of the set's center."""
    if namespace(center) is not namespace(x):
        raise ShapeError(
            f"`{name}` must be of the array library of the center of `{owner}` "
            f"({type(center).__module__}), got {type(x).__module__}."
        )
    if center.dtype != x.dtype:
        raise ShapeError(
            f"`{name}` must have the dtype of the center of `{owner}` ({center.dtype}), "
            f"got {x.dtype}; convert one of them."
        )
    if not same_device(center, x):
        raise ShapeError(
            f"`{name}` must be on the device of the center of `{owner}` ({center.device}), "
            f"got {x.device}; move one of them."
        )


def _probe(decision_set: ConvexSet, x: Any, name: str, owner: str) -> None:
    """One projection: a backend's complaint about shapes becomes one about the argument."""
    try:
        projected = decision_set.project(x)
    except ShapeError as error:
        raise ShapeError(f"`{name}` does not fit the set. {error}") from error
    except (ValueError, RuntimeError, IndexError, TypeError) as error:
        raise ShapeError(
            f"`{name}` of shape {tuple(x.shape)} and dtype {x.dtype} must be a point that "
            f"`{owner}.project` accepts, got the error: {error}"
        ) from error
    if tuple(projected.shape) != tuple(x.shape):
        raise ShapeError(
            f"`{name}` must have the leading axes of `{owner}`, got shape {tuple(x.shape)} "
            f"where its projection has {tuple(projected.shape)}."
        )
