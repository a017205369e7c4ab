"""A box that cuts a perturbation set."""

from __future__ import annotations

from typing import Any, final

import attrs
import numpy as np

from olgame.arrays import as_like, kernels, namespace, to_numpy
from olgame.exceptions import ArgumentError, DataError, ShapeError
from olgame.typing import Array

__all__ = ["Box", "as_box", "check_finite"]


@final
@attrs.frozen(eq=False)
class Box:
    """{ u in R^d : low <= u <= high }, coordinate by coordinate.

    Attributes:
        low: float64 NumPy, shape ``()`` or ``(d,)``; ``-inf`` where there is no bound.
        high: likewise, nowhere below ``low``.
    """

    low: np.ndarray[Any, np.dtype[np.float64]]
    high: np.ndarray[Any, np.dtype[np.float64]]

    def limits(self, x: Array) -> tuple[Any, Any]:
        """``low`` and ``high`` in the kind of ``x``, shape ``()`` or ``(d,)``."""
        for side in (self.low, self.high):
            if side.ndim and side.shape[0] != x.shape[-1]:
                raise ShapeError(
                    f"A `box` must have one bound for every coordinate: got {side.shape[0]} for "
                    f"data of shape {tuple(x.shape)}."
                )
        return as_like(self.low, x), as_like(self.high, x)

    def clip(self, x: Array) -> Array:
        """The projection of ``x`` (exact; nan stays nan)."""
        xp = kernels(x).xp
        low, high = self.limits(x)
        clipped: Array = xp.minimum(xp.maximum(x, low), high)
        return clipped

    def corner(self, x: Array) -> Array:
        """The largest norm2 of a point of the box, one number in the kind of ``x``."""
        xp = kernels(x).xp
        low, high = self.limits(x)
        largest = xp.maximum(xp.abs(low), xp.abs(high)) + xp.zeros_like(x)
        bound: Array = kernels(x).norm(largest)
        return bound

    def check(self, x: Array, owner: str) -> None:
        """Raise `ArgumentError`, naming sample and value, unless the box contains ``x``.

        Compared in the dtype of ``x``: a float32 datum at ``high`` = 0.1 is inside.
        """
        xp = namespace(x)
        low, high = self.limits(x)
        data: Any = x
        bad = ~((data >= low) & (data <= high))
        if not bool(xp.any(bad)):
            return
        index = tuple(int(axis[0]) for axis in xp.nonzero(bad))
        ends = [float(np.broadcast_to(side, x.shape[-1:])[index[-1]]) for side in self._sides()]
        raise ArgumentError(
            f"`{owner}(box=...)` must contain the clean data: {_name(index)} is "
            f"{float(data[index]):.6g}, outside [{ends[0]:.6g}, {ends[1]:.6g}]; "
            "widen the box or rescale the data."
        )

    def _sides(self) -> tuple[Any, Any]:
        return self.low, self.high


def as_box(value: Any, owner: str) -> Box | None:
    """The `Box` of a pair ``(low, high)`` of numbers or arrays of shape ``(d,)``.

    Raises:
        ArgumentError: No such pair, a nan, or low > high somewhere.
    """
    if value is None or isinstance(value, Box):
        return value
    rule = f"`{owner}(box=...)` must be a pair (low, high) of numbers or arrays of shape (d,)"
    try:
        low, high = (to_numpy(side) for side in value)
        ordered = bool(np.all(low <= high))
    except (TypeError, ValueError) as error:
        raise ArgumentError(f"{rule}, got {value!r}.") from error
    if low.ndim > 1 or high.ndim > 1:
        raise ArgumentError(f"{rule}, got shapes {low.shape} and {high.shape}.")
    if not ordered:
        raise ArgumentError(f"{rule} with low <= high, got {value!r}.")
    return Box(low, high)


def check_finite(x: Array, owner: str) -> None:
    """Raise `DataError`, naming the sample, unless all of ``x`` is finite."""
    xp = namespace(x)
    bad = ~xp.isfinite(x)
    if bool(xp.any(bad)):
        index = tuple(int(axis[0]) for axis in xp.nonzero(bad))
        raise DataError(
            f"The clean data of `{owner}` must be finite: {_name(index)} is {float(x[index])}."
        )


def _name(index: tuple[int, ...]) -> str:
    """In words, where in the data an entry lies."""
    sample = index[:-1][0] if len(index) == 2 else index[:-1]
    return f"coordinate {index[-1]} of sample {sample}"
