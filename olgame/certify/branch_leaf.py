"""Pieces of a ball of perturbations, and how to cut them in two."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import attrs
import numpy as np
from numpy.typing import NDArray

from olgame.arrays import as_like, to_numpy
from olgame.certify.region import Ball, Region
from olgame.certify.slab_region import Slabs

__all__ = ["BoxLeaf", "Leaf", "SlabLeaf", "box_region", "slab_region"]

Vector = NDArray[np.float64]
_OUTWARD = 1e-12
_AXES = 8


@attrs.define(eq=False, kw_only=True)
class Leaf:
    """A piece, and what is known of the network on it.

    Attributes:
        bound: at least max of Q over the piece.
        mean: E delta of the best quadratic there, shape ``(d,)``.
        second: its second moments.
        curvature: its M, shape ``(d, d)``.
    """

    bound: float = float("inf")
    mean: Vector = attrs.field(factory=lambda: np.zeros(0))
    second: Any = None
    curvature: Vector = attrs.field(factory=lambda: np.zeros((0, 0)))


@attrs.define(eq=False, kw_only=True)
class SlabLeaf(Leaf):
    """Part of a Euclidean ball of radius rho: ``low_j <= <v_j, delta> <= high_j``."""

    radius: float
    axes: Vector
    low: Vector
    high: Vector

    @property
    def empty(self) -> bool:
        """Whether the slabs leave nothing of the ball."""
        near = np.clip(0.0, self.low, self.high)
        return bool(np.linalg.norm(near) > (1 + 1e-9) * self.radius)

    def cuts(self) -> list[tuple[SlabLeaf, SlabLeaf]]:
        """Across the relaxed maximizer, and across the direction that bends most."""
        found = [self._across(self.mean)]
        if np.isfinite(self.curvature).all():
            found.append(self._across(np.linalg.eigh(self.curvature)[1][:, -1]))
        return [cut for cut in found if cut is not None]

    def _across(self, direction: Vector) -> tuple[SlabLeaf, SlabLeaf] | None:
        """Halves of the leaf; an axis is cut again where ``direction`` is mostly one of them."""
        size = np.linalg.norm(direction)
        if not 0 < size < np.inf:
            return None
        v = direction / size
        part = self.axes @ v
        rest = v.copy()
        for _ in range(2):
            rest -= self.axes.T @ (self.axes @ rest)
        length = np.linalg.norm(rest)
        full = len(self.axes) >= min(_AXES, len(v))
        if len(self.axes) and (full or length**2 < 0.5):
            j = int(np.argmax(np.abs(part) * (self.high - self.low)))
            return self._at(self.axes, self.low, self.high, j, 0.5 * (self.low[j] + self.high[j]))
        v = rest / length
        ends = (1 + _OUTWARD) * self.radius
        axes = np.vstack([self.axes, v])
        low, high = np.append(self.low, -ends), np.append(self.high, ends)
        return self._at(axes, low, high, len(self.axes), 0.5 * float(v @ self.mean))

    def _at(
        self, axes: Vector, low: Vector, high: Vector, j: int, cut: float
    ) -> tuple[SlabLeaf, SlabLeaf]:
        below, above = high.copy(), low.copy()
        below[j] = above[j] = cut
        return (
            attrs.evolve(self, axes=axes, low=low, high=below),
            attrs.evolve(self, axes=axes, low=above, high=high),
        )


@attrs.define(eq=False, kw_only=True)
class BoxLeaf(Leaf):
    """Part of a cube: ``low_i <= delta_i <= high_i``."""

    low: Vector
    high: Vector

    @property
    def empty(self) -> bool:
        return False

    def cuts(self) -> list[tuple[BoxLeaf, BoxLeaf]]:
        """Across the edge that the relaxation settles least, and the one that bends most."""
        half = 0.5 * (self.high - self.low)
        off = self.mean - 0.5 * (self.high + self.low)
        open_ = np.clip(half**2 - off**2, 0.0, None)
        unsettled = open_ * np.abs(self.curvature).sum(axis=1)
        bent = half**2 * np.diag(self.curvature)
        chosen = {int(np.argmax(unsettled)), int(np.argmax(bent))}
        found = []
        for i in sorted(chosen):
            cut = 0.5 * (self.low[i] + self.high[i])
            if self.low[i] < cut < self.high[i]:
                below, above = self.high.copy(), self.low.copy()
                below[i] = above[i] = cut
                found.append((attrs.evolve(self, high=below), attrs.evolve(self, low=above)))
        return found


def slab_region(outer: Any, leaves: Sequence[SlabLeaf], like: Any) -> tuple[Region, Any]:
    """The pieces as one region, and their centers, 0; ``outer``: a ball or cap for each."""
    dim = like.shape[-1]
    most = max(1, *(len(leaf.axes) for leaf in leaves))
    axes = np.zeros((len(leaves), most, dim))
    high = (1 + _OUTWARD) * np.array([[leaf.radius] * most for leaf in leaves])
    low = -high
    for i, leaf in enumerate(leaves):
        p = len(leaf.axes)
        axes[i, :p], low[i, :p], high[i, :p] = leaf.axes, leaf.low, leaf.high
    region = Slabs(outer, as_like(axes, like), as_like(low, like), as_like(high, like))
    return region, as_like(np.zeros((len(leaves), dim)), like)


def box_region(leaves: Sequence[BoxLeaf], x: Any) -> tuple[Region, Any]:
    """The pieces as boxes around their centers, widened by the rounding of x + center."""
    low = np.array([leaf.low for leaf in leaves])
    high = np.array([leaf.high for leaf in leaves])
    center = 0.5 * (low + high)
    u = np.finfo(np.float64).eps
    half = np.maximum(high - center, center - low)
    half = half * (1 + 4 * u) + 4 * u * (np.abs(to_numpy(x)) + np.abs(center))
    region = Ball(as_like(half, x), "linf", x.shape[-1])
    return region, as_like(center, x)
