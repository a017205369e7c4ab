"""What a decision set is checked at: points in and around it, and directions."""

from __future__ import annotations

import math
from typing import Any

import attrs
import numpy as np

from olgame.arrays import as_like, unit_roundoff
from olgame.checks.checklist import (
    Watched,
    host,
    unit_directions,
)
from olgame.sets.convex_set import ConvexSet

__all__ = ["SetCase", "set_case"]


@attrs.frozen(eq=False)
class SetCase:
    """The set, points in and around it, directions; ``slack`` is what rounding explains."""

    set: ConvexSet
    like: Any
    inside: Any
    around: Any
    directions: Any
    slack: float
    scale: float
    seed: int
    watched: Watched


def set_case(decision_set: ConvexSet, like: Any, seed: int) -> SetCase:
    """Where to look at a set, drawn with its own samples and on every scale around it."""
    rng = np.random.default_rng(seed)
    p = like.shape[-1]
    diameter = float(getattr(decision_set, "diameter", 1.0))
    scale = diameter if 0.0 < diameter < math.inf else 1.0
    inside = as_like(host(decision_set.sample(np.random.default_rng(seed), (12, p))), like)
    lengths = as_like(scale * np.geomspace(1e-2, 1e2, 12)[:, None], like)
    around = inside + lengths * unit_directions(rng, (12, p), like)
    directions = unit_directions(rng, (12, p), like) * as_like(
        np.geomspace(0.1, 10.0, 12)[:, None], like
    )
    size = float(np.abs(host(inside)).max()) * p**0.5 + scale
    watched = Watched()
    for label, x in (("the point", around), ("the direction", directions)):
        watched.add(f"{label} handed to the set", x)
    watched.add("`center`", getattr(decision_set, "center", None))
    slack = 200.0 * unit_roundoff(like) * size
    return SetCase(decision_set, like, inside, around, directions, slack, scale, seed, watched)
