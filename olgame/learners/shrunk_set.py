"""A decision set shrunk towards a point inside, which leaves room to explore."""

from __future__ import annotations

from typing import Any

import attrs
import numpy as np

from olgame.arrays import as_like, kernels, to_numpy
from olgame.exceptions import ArgumentError, NotAvailableError
from olgame.sets.convex_set import ConvexSet
from olgame.typing import Array, Value

__all__ = ["ShrunkSet", "shrunk_for_exploration"]


@attrs.frozen(eq=False)
class ShrunkSet:
    """K_s = c + s (K - c), 0 < s <= 1, for c in K.

    Where the ball of radius r around c lies in K, the ball of radius (1 - s) r around every point
    of K_s does: x = c + s (k - c) and norm(v) <= 1 give x + (1 - s) r v = s k + (1 - s)(c + r v).

    Attributes:
        decision_set: K.
        center: c, shape ``(..., p)``.
        scale: s, shape ``(..., 1)``.
    """

    decision_set: ConvexSet
    center: Array
    scale: Array

    def project(self, x: Array) -> Array:
        """c + s (Proj_K(c + (x - c)/s) - c), the Euclidean projection onto K_s."""
        wide = self.decision_set.project(self.center + (x - self.center) / self.scale)
        return self.center + self.scale * (wide - self.center)

    def support_from_center(self, g: Array) -> Value:
        """max over u in K_s of <g, u - c>."""
        recentered: Any = self.decision_set.translate(-self.center).support(g)
        value: Value = self.scale[..., 0] * recentered
        return value


def shrunk_for_exploration(
    decision_set: ConvexSet,
    center: Array,
    exploration: float,
    inner_radius: float | None,
    owner: str,
) -> ShrunkSet:
    """K_s with s = 1 - delta/r: what a step of length delta from any of its points stays in K.

    Args:
        decision_set: K.
        center: c.
        exploration: delta.
        inner_radius: r, the radius of a ball around c that lies in K; None asks the set.
        owner: The learner, for messages.

    Raises:
        NotAvailableError: Nobody knows r, or there is no ball around c in K.
        ArgumentError: delta >= r.
    """
    found: Any = inner_radius
    if found is None:
        stated = getattr(decision_set, "inner_radius", None)
        if stated is None:
            raise NotAvailableError(
                f"`{owner}` explores around its point and needs to know how much room there is, "
                f"but {type(decision_set).__name__} states no `inner_radius`; give the radius of a "
                f"ball around the start that lies in the set: `{owner}(inner_radius=...)`."
            )
        found = stated(center)
    least = float(np.min(to_numpy(found)))
    if not least > 0.0:
        raise NotAvailableError(
            f"`{owner}` needs a ball around its start that lies in the decision set, got inner "
            f"radius {least:.6g} in {type(decision_set).__name__}; start at an inner point (a set "
            "without inner points, as the simplex, cannot be explored like this)."
        )
    if not exploration < least:
        raise ArgumentError(
            f"`{owner}(exploration=...)` must be smaller than the inner radius {least:.6g} of the "
            f"decision set at the start, got {exploration!r}."
        )
    games = kernels(center).xp.zeros_like(center[..., :1])
    scale = 1.0 - exploration / (as_like(found, center)[..., None] + games)
    return ShrunkSet(decision_set, center, scale)
