"""How large a ball around a point lies in a decision set."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from olgame.arrays import to_numpy
from olgame.sets import L2InfBall, ProductSet, WholeSpace
from olgame.sets.convex_set import ConvexSet

__all__ = ["inner_radius", "of_library"]


def of_library(part: object) -> bool:
    """Whether a part is one of this library's own: what it states, its tests have checked.

    A set that is made of others (`olgame.sets.ProductSet`, `Scaled`, `Translated`, `Intersection`)
    is as good as they are.
    """
    if type(part).__module__.split(".")[0] != "olgame":
        return False
    blocks = (block.factor for block in getattr(part, "blocks", ()))
    inner = [*blocks, *getattr(part, "members", ()), getattr(part, "factor", None)]
    return all(of_library(factor) for factor in inner if factor is not None)


def inner_radius(k: ConvexSet, x: NDArray[np.float64]) -> float | None:
    """The largest r such that the ball of radius r around ``x`` lies in K; None if nobody knows.

    A set says so itself (``inner_radius``). Otherwise, with B(x, r) the ball: B(x, r) lies in
    K_1 x ... x K_H if and only if every B(x_h, r) lies in K_h, and in the product of the balls of
    `L2InfBall` if and only if r <= R - norm(x_r - c_r) in every row; R^p contains all balls.

    Args:
        k: K.
        x: The center, shape ``(p,)``.

    Returns:
        r, negative or 0 for a center outside.

    Example:
        >>> from olgame.sets import L2Ball
        >>> product = ProductSet([(L2Ball(3.0), 2), (L2Ball(2.0), 1)])
        >>> inner_radius(product, np.array([0.0, 0.5, 0.0]))
        2.0
    """
    stated: Any = getattr(k, "inner_radius", None)
    if stated is not None:
        return float(to_numpy(stated(x)))
    if isinstance(k, WholeSpace):
        return math.inf
    if isinstance(k, L2InfBall):
        center = 0.0 if k.center is None else to_numpy(k.center)
        return float(k.radius - np.linalg.norm((x - center).reshape(k.rows, -1), axis=1).max())
    if isinstance(k, ProductSet):
        ends = np.cumsum([block.length for block in k.blocks])[:-1]
        parts = zip(k.blocks, np.split(x, ends), strict=True)
        radii = [inner_radius(block.factor, part) for block, part in parts]
        known = [radius for radius in radii if radius is not None]
        return min(known) if len(known) == len(radii) else None
    return None
