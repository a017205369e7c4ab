"""Inputs on the sphere, as the theorems want them."""

from __future__ import annotations

from typing import Any, TypeVar

import numpy as np

from olgame.arrays import kernels, to_numpy
from olgame.exceptions import DataError, ShapeError
from olgame.typing import Array
from olgame.validation import require

__all__ = ["check_norm", "normalize"]

X = TypeVar("X", bound=Array)


def check_norm(norm: object, owner: str) -> None:
    """Raise `ArgumentError` unless ``norm``, an argument of ``owner``, is finite and positive."""
    number = isinstance(norm, int | float | np.number) and not isinstance(norm, bool)
    ok = number and 0.0 < norm < float("inf")  # type: ignore[operator]  # a number, as seen
    require(bool(ok), owner, "norm", "be finite and positive", norm)


def normalize(x: X, norm: float = 1.0, *, room: float = 0.0) -> X:
    """Every row of ``x`` scaled to Euclidean length ``norm - room``.

    x_i -> (norm - room) x_i / norm2(x_i). With ``room`` = rho every point within rho of an input
    (in the Euclidean norm, or in any that is larger) has length at most ``norm``: with norm 1 and
    inputs of length 1 - rho, the bound on what may be played is 1 and not 1 + rho.

    Rows are divided by their largest entry first, so that no square underflows or overflows.

    Args:
        x: floating point inputs, shape ``(..., n, d)``.
        norm: the length, finite and positive.
        room: what is left free below it, ``0 <= room < norm``.

    Returns:
        A new array of the shape and dtype of ``x``.

    Raises:
        ArgumentError: ``norm`` is not finite and positive, or ``room`` leaves no length.
        DataError: a row is zero, and so has no direction, or is not finite; names the row.
        ShapeError: ``x`` is no floating point array with rows.

    Example:
        >>> import numpy as np
        >>> print(normalize(np.array([[3.0, 4.0], [0.0, -5.0]]), norm=2.0))
        [[ 1.2  1.6]
         [ 0.  -2. ]]
        >>> print(normalize(np.array([[3.0, 4.0]]), room=0.5))
        [[0.3 0.4]]
    """
    check_norm(norm, "normalize")
    number = isinstance(room, int | float | np.number) and not isinstance(room, bool)
    require(
        bool(number and 0.0 <= room < norm), "normalize", "room", f"be in [0, norm = {norm})", room
    )
    try:
        kernel = kernels(x)
        floating = kernel.xp.isdtype(x.dtype, "real floating")
    except TypeError:
        floating = False
    if not floating or x.ndim < 1 or x.shape[-1] == 0:
        got = f"{getattr(x, 'dtype', type(x).__name__)} of shape {getattr(x, 'shape', None)}"
        raise ShapeError(
            f"`normalize(x=...)` must be a floating point array of shape (..., n, d), got {got}."
        )
    largest: Any = kernel.xp.max(kernel.xp.abs(x), axis=-1)
    seen = to_numpy(largest)
    bad = np.argwhere(~(np.isfinite(seen) & (seen > 0.0)))
    if len(bad):
        index = tuple(int(i) for i in bad[0])
        got = "only zeros" if seen[index] == 0.0 else f"{seen[index]} as its largest entry"
        row = index[0] if len(index) == 1 else index
        raise DataError(
            f"`normalize(x=...)` must have finite rows that are not zero, got {got} in row "
            f"{row} (bad rows: {len(bad)} of {seen.size})."
        )
    scaled: Any = x / largest[..., None]
    result: X = scaled * ((norm - room) / kernel.norm(scaled))[..., None]
    return result
