"""The largest value of a concave quadratic over a set, certified from above."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from olgame.arrays import as_like, to_numpy
from olgame.sets.convex_set import ConvexSet

__all__ = ["certified_maximum"]


def certified_maximum(
    value: float, slope: NDArray[np.float64], point: NDArray[np.float64], decision_set: ConvexSet,
    like: Any, *, curvature: float = 0.0,
) -> float:  # fmt: skip
    """An upper bound on a concave F over K from one point v of K: F(v) + Frank-Wolfe gap.

    F(u) <= F(v) + <grad F(v), u - v> for every u, and the right side is largest at F(v) +
    h_K(grad F(v)) - <grad F(v), v>: the maximum itself where v is the maximizer. However v was
    found, the number is true. For an F that is c-strongly concave the maximum is also at most
    F(v) + norm(grad F(v))^2/(2 c), wherever u is, and the lesser of the two is taken.

    Args:
        value: F(v).
        slope: grad F(v), shape ``(p,)``.
        point: v.
        decision_set: K.
        like: An array of the kind that K works with.
        curvature: c >= 0.

    Example:
        >>> import numpy as np
        >>> from olgame.sets import L2Ball
        >>> origin = np.zeros(2)  # F(u) = <u, (3, 4)>
        >>> certified_maximum(0.0, np.array([3.0, 4.0]), origin, L2Ball(1.0), origin)
        5.0
    """
    support: Any = decision_set.support(as_like(slope, like))
    gap = float(to_numpy(support)) - float(slope @ point)
    if curvature > 0.0:
        gap = min(gap, float(slope @ slope) / (2.0 * curvature))
    return value + gap
