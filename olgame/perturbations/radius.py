"""The radius of a perturbation set: one number, or one for every sample."""

from __future__ import annotations

from typing import Any

import numpy as np

from olgame.arrays import as_like, number_or_array, to_numpy
from olgame.exceptions import ArgumentError, ShapeError
from olgame.typing import Array

__all__ = ["as_radius", "radius_for", "radius_range", "require_radius", "take_radius"]


def as_radius(value: Any) -> Any:
    """A number as a float, an array (list, tensor) as float64 NumPy; anything else as it is."""
    if isinstance(value, bool | str | bytes) or value is None:
        return value
    try:
        return number_or_array(to_numpy(value))
    except (TypeError, ValueError):
        return value


def require_radius(radius: Any, owner: str) -> None:
    """Raise `ArgumentError` unless ``radius`` is finite and >= 0: a float or ``(..., n)``."""
    shape_ok = isinstance(radius, float) or (isinstance(radius, np.ndarray) and radius.ndim >= 1)
    if not shape_ok:
        raise ArgumentError(
            f"`{owner}(radius=...)` must be a number or an array with one number for every "
            f"sample, got {radius!r}."
        )
    values = np.atleast_1d(radius).reshape(-1)
    bad = np.flatnonzero(~(np.isfinite(values) & (values >= 0.0)))
    if bad.size:
        where = f" for sample {bad[0]}" if isinstance(radius, np.ndarray) else ""
        raise ArgumentError(
            f"`{owner}(radius=...)` must be finite and non-negative, got {values[bad[0]]}{where}."
        )


def radius_for(radius: Any, x: Array, owner: str) -> Any:
    """The radius as it broadcasts over the samples of ``x``, in the kind of ``x``.

    Args:
        radius: A float, or float64 NumPy of shape ``(n,)`` (``(..., n)``, one row a game).
        x: Data, shape ``(..., n, d)``.
        owner: What the user called, for the error.

    Returns:
        The float, or an array of shape ``(n,)`` or ``(..., n)``.

    Raises:
        ShapeError: There is one radius per sample, but for another number of samples.
    """
    if isinstance(radius, float):
        return radius
    if x.ndim < 2 or radius.shape not in (tuple(x.shape[:-1]), tuple(x.shape[-2:-1])):
        got = radius.shape[0] if radius.ndim == 1 else f"shape {radius.shape}"
        raise ShapeError(
            f"`{owner}(radius=...)` must have one number for every sample: got "
            f"{got} for data of shape {tuple(x.shape)}."
        )
    return as_like(radius, x)


def radius_range(radius: Any) -> tuple[float, float]:
    """The least and the largest radius."""
    if isinstance(radius, float):
        return radius, radius
    return float(radius.min()), float(radius.max())


def take_radius(radius: Any, index: Any) -> Any:
    """The radii of the samples ``index`` (integers or a mask, NumPy or torch).

    An ``index`` of shape ``(..., b)`` names samples game by game.
    """
    if isinstance(radius, float):
        return radius
    if hasattr(index, "detach"):
        index = index.detach().cpu().numpy()
    index = np.asarray(index)
    if radius.ndim > 1 and index.ndim == radius.ndim:
        return np.take_along_axis(radius, index, axis=-1)
    return np.atleast_1d(radius[..., index])
