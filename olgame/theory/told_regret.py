"""The linear regret of a learner on gradients that it was told instead of those of the losses."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from olgame.arrays import as_like, to_numpy
from olgame.typing import Array

__all__ = ["largest_linear_regret"]


def largest_linear_regret(
    points: Iterable[Any], gradients: Iterable[Any], center: Array, support: Callable[[Any], Any]
) -> NDArray[np.float64]:
    """max over u in K of sum_{s <= t} <g_s, z_s - u> for t = 1..T, shape ``(T,)``.

    Args:
        points: z_1, ..., z_T, each of shape ``(p,)``.
        gradients: g_1, ..., g_T.
        center: c, which everything is centered at.
        support: The support function of K - c.
    """
    offsets = np.stack([to_numpy(point) - to_numpy(center) for point in points])
    told = np.stack([to_numpy(gradient) for gradient in gradients])
    totals = np.cumsum(told, axis=0)
    best = to_numpy(support(as_like(-totals, center)))
    return np.asarray(np.cumsum(np.vecdot(told, offsets)) + best)
