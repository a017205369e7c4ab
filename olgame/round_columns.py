"""Scalars of rounds, as they come, made into the columns of a transcript."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from olgame.arrays import to_numpy

__all__ = ["as_column", "finite_curvature", "joined", "places", "transposed"]

Floats = NDArray[np.float64]

_FLOATS = {float, np.float64}


def transposed(rows: Sequence[tuple[Any, ...]]) -> tuple[Any, ...]:
    """Columns of rows of equal length."""
    return tuple(zip(*rows, strict=True))


def finite_curvature(kappa: Any) -> Any:
    """kappa_t as it adds to V: None where it adds nothing; an unknown one (inf) counts as 0."""
    if isinstance(kappa, float) and kappa in (0.0, math.inf):
        return None
    kappa = to_numpy(kappa)
    return np.where(np.isfinite(kappa), kappa, 0.0)


def as_column(values: Sequence[Any], games: tuple[int, ...]) -> Floats:
    """Scalars of rounds, shape ``(k, *games)``, with axes of length 1 where all games agree."""
    if not games:
        return np.array([*map(float, values)])
    if {*map(type, values)} <= _FLOATS:
        return np.array(values).reshape(-1, *(1 for _ in games))
    arrays = [*map(to_numpy, values)]
    if {array.shape for array in arrays} != {games}:
        arrays = [np.broadcast_to(array, games) for array in arrays]
    # Faster than `stack` for the many small arrays that a column consists of.
    return np.concatenate(arrays).reshape(-1, *games)


def joined(chunks: Sequence[Any]) -> Floats:
    """The scalars of several chunks of rounds; axes of length 1 where all games agree in all."""
    arrays = [*map(to_numpy, chunks)]
    games = {array.shape[1:] for array in arrays}
    if len(games) > 1:
        shape = np.broadcast_shapes(*games)
        arrays = [np.broadcast_to(array, (len(array), *shape)) for array in arrays]
    return np.concatenate(arrays)


def places(flags: NDArray[np.bool_]) -> list[tuple[int, ...]]:
    """Where flags are raised, in order: rounds first where they are the first axis, then games."""
    if not np.count_nonzero(flags):
        return []
    return [tuple(int(i) for i in place) for place in np.argwhere(flags)]
