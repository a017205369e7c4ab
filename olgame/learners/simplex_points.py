"""What the learners of the simplex share: w = o + s q, and weights that no offset can spoil."""

from __future__ import annotations

from typing import Any

import numpy as np

from olgame.arrays import kernels, to_numpy
from olgame.exceptions import ArgumentError, NotAvailableError
from olgame.sets.convex_set import ConvexSet
from olgame.sets.fields import matched
from olgame.sets.simplex import Simplex
from olgame.typing import Array

__all__ = [
    "from_least",
    "least",
    "point_of",
    "probabilities_of",
    "require_positive",
    "require_simplex",
    "soft_minimum",
]

_ONES = np.ones(256)


def require_simplex(decision_set: ConvexSet, owner: str) -> Simplex:
    """``decision_set`` if it is a `Simplex`; else `NotAvailableError`."""
    if isinstance(decision_set, Simplex):
        return decision_set
    raise NotAvailableError(
        f"`{owner}` plays on `olgame.sets.Simplex`: its weights are probabilities of p experts. "
        f"Got {type(decision_set).__name__}; `OnlineGradientDescent` plays in any convex set."
    )


def require_positive(decision_set: Simplex, start: Array, owner: str) -> None:
    """Raise `ArgumentError` unless every weight of ``start`` is positive."""
    weights = to_numpy(probabilities_of(decision_set, start))
    if not (weights > 0.0).all():
        index = tuple(int(i) for i in np.argwhere(~(weights > 0.0))[0])
        where = index[0] if len(index) == 1 else index
        raise ArgumentError(
            f"`play(start=...)` must have a positive weight for every expert where `{owner}` "
            f"plays, got {float(weights[index]):.3g} at index {where}: a weight of 0 stays 0."
        )


def probabilities_of(decision_set: Simplex, point: Array) -> Any:
    """q = (w - o)/s in float64, shape ``(..., p)``."""
    xp = kernels(point).xp
    q = xp.astype(point, xp.float64)
    if decision_set.offset is not None:
        q = q - matched(decision_set.offset, q)
    return q if decision_set.scale == 1.0 else q / decision_set.scale


def point_of(decision_set: Simplex, probabilities: Any, like: Array) -> Array:
    """w = o + s q, of the kind and dtype of ``like``."""
    w: Any = probabilities
    if decision_set.scale != 1.0:
        w = w * decision_set.scale
    if decision_set.offset is not None:
        w = w + matched(decision_set.offset, w)
    if w.dtype != like.dtype:
        w = kernels(w).xp.astype(w, like.dtype)
    point: Array = w
    return point


def least(x: Any) -> Any:
    """The least entry along the last axis, which stays (of a NumPy vector a number)."""
    if type(x) is not np.ndarray:
        return kernels(x).xp.min(x, axis=-1, keepdims=True)
    # Where the least entry is, is found in a quarter of the time that `min` takes.
    where = x.argmin(axis=-1)
    if x.ndim == 1:
        return x[where]
    rows = np.arange(0, x.size, x.shape[-1]).reshape(where.shape)
    return x.reshape(-1)[rows + where][..., None]


def from_least(x: Any) -> Any:
    """x - min(x) along the last axis."""
    return x - least(x)


def soft_minimum(x: Any, factor: Any) -> Any:
    """exp(-c x_j)/sum_k exp(-c x_k) along the last axis, for min(x) = 0 and c = ``factor`` > 0."""
    weights: Any = x * -factor
    if type(weights) is np.ndarray:
        np.exp(weights, out=weights)
        weights *= 1.0 / _total(weights)
        return weights
    xp = kernels(x).xp
    weights = xp.exp(weights)
    return weights / xp.sum(weights, axis=-1, keepdims=True)


def _total(x: Any) -> Any:
    """The sum along the last axis, which stays.

    Short sums are products with ones, in a third of the time of `sum`; long ones are not, since
    `sum` adds in pairs and so keeps its digits.
    """
    ones = _ONES[: x.shape[-1]]
    if x.shape[-1] > len(ones):
        return np.add.reduce(x, axis=-1, keepdims=True)
    return x.dot(ones) if x.ndim == 1 else np.vecdot(x, ones)[..., None]
