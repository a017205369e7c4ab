"""Best first: cut the piece with the largest bound until bounds are near what was reached."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import attrs
import numpy as np
from numpy.typing import NDArray

from olgame.arrays import as_like, kernels, to_numpy
from olgame.certify.branch_leaf import BoxLeaf, SlabLeaf, box_region, slab_region
from olgame.certify.cap_region import Cap
from olgame.certify.region import Ball, Region
from olgame.certify.region_bound import region_bound, region_slack
from olgame.models.model import TwoLayerWeights
from olgame.typing import Array

__all__ = ["Branched", "Branching", "Loose", "branch", "network_output"]

Vector = NDArray[np.float64]
Loose = Callable[[Any, Vector, Vector], NDArray[np.bool_]]


@attrs.frozen(eq=False)
class Branched:
    """What branching made of a bound.

    Attributes:
        bound: at least max of Q over the ball, never above the bound that was branched.
        delta: of the perturbations visited the one with the largest Q, shape ``(n, d)``.
        reached: that Q, as computed, shape ``(n,)``.
    """

    bound: Vector
    delta: Vector
    reached: Vector


@attrs.define(eq=False)
class _Sample:
    """The leaves of one sample, and the largest Q seen."""

    index: int
    leaves: list[Any]
    reached: float = -np.inf
    delta: Any = None

    @property
    def worst(self) -> Any:
        return max(self.leaves, key=lambda leaf: float(leaf.bound))

    @property
    def bound(self) -> float:
        return float(self.worst.bound)


@attrs.frozen(eq=False)
class Branching:
    """What is bounded, and how much work goes into a piece.

    Args:
        layers: w_k, c_k, sigma; float64.
        x: centers, shape ``(n, d)``, float64.
        radius: rho > 0, shape ``(n,)``, float64.
        norm: ``"l2"`` or ``"linf"``.
        sphere: as in `olgame.certify.output_bound`.
        steps: quadratics tried for a piece.
        chunk: pieces at a time.
    """

    layers: TwoLayerWeights
    x: Array
    radius: Array
    norm: str
    sphere: Array | None
    steps: int
    chunk: int

    def take(self, index: Any) -> Branching:
        """The samples ``index``."""
        chosen: Any = attrs.evolve(
            self,
            x=self.x[index],
            radius=self.radius[index],
            sphere=None if self.sphere is None else self.sphere[index],
        )
        return chosen  # type: ignore[no-any-return]

    def whole(self, i: int) -> Any:
        """All of the ball of sample i, as a leaf."""
        dim, radius = self.x.shape[1], float(self.radius[i])
        if self.norm == "linf":
            return BoxLeaf(low=np.full(dim, -radius), high=np.full(dim, radius))
        none = np.zeros(0)
        return SlabLeaf(radius=radius, axes=np.zeros((0, dim)), low=none, high=none)

    def bound(self, pairs: Sequence[tuple[_Sample, Any]]) -> None:
        """Bound each leaf, given with its sample; note the largest Q at points of them."""
        for first in range(0, len(pairs), self.chunk):
            self._bound(pairs[first : first + self.chunk])

    @np.errstate(all="ignore")
    def _bound(self, pairs: Sequence[tuple[_Sample, Any]]) -> None:
        xp = kernels(self.x).xp
        place = xp.asarray(np.array([sample.index for sample, _ in pairs]))
        leaves = [leaf for _, leaf in pairs]
        x: Any = self.x[place]
        region, center = self._region(leaves, x, place)
        start = None
        if leaves[0].second is not None:
            mean = as_like(np.array([leaf.mean for leaf in leaves]), x) - center
            start = region.inside(mean), xp.stack([leaf.second for leaf in leaves])
        best, family = region_bound(self.layers, x + center, region, self.steps, start)
        slack = region_slack(self.layers, x + center, region.longest())
        bound, curvature = (
            to_numpy(best.bound + slack),
            to_numpy(family.quadratic(best.mean, best.second).curvature),
        )
        delta = center + region.outward(best.mean)
        reached = to_numpy(network_output(self.layers, x + delta))
        moves, means = to_numpy(delta), to_numpy(best.mean + center)
        for k, (sample, leaf) in enumerate(pairs):
            leaf.bound = -np.inf if leaf.empty else float(min(leaf.bound, bound[k]))
            leaf.mean, leaf.second, leaf.curvature = means[k], best.second[k], curvature[k]
            if reached[k] > sample.reached:
                sample.reached, sample.delta = float(reached[k]), moves[k]

    def _region(self, leaves: Sequence[Any], x: Any, place: Any) -> tuple[Region, Any]:
        radius: Any = self.radius
        if self.norm == "linf":
            return box_region(leaves, x)
        outer: Ball | Cap = Ball(radius[place], "l2", x.shape[1])
        if self.sphere is not None:
            outer = Cap.of(x, radius[place], self.sphere[place])
        return slab_region(outer, leaves, x)


def branch(problem: Branching, bound: Array, branches: int, loose: Loose) -> Branched:
    r"""Bound max of Q over every ball by the largest of its pieces' bounds.

    *Sound*, since the pieces cover the ball: a cut leaves {s <= c} and {s >= c} of a piece (both
    closed, in exact arithmetic, for the direction as it is stored), each with a bound of its own.
    The bound of a piece is at most that of the piece it was cut from, hence the largest of them
    never grows with the number of cuts.

    Two directions are tried for every cut (`SlabLeaf.cuts`, `BoxLeaf.cuts`); that with the lower
    larger half is kept.

    Args:
        problem: what is bounded.
        bound: the bounds to improve, shape ``(n,)``.
        branches: cuts for each sample, at most.
        loose: of index, bounds and the largest Q seen, each ``(n,)``: where to go on.
    """
    known = to_numpy(bound)
    samples = [_Sample(i, [problem.whole(i)]) for i in range(len(known))]
    problem.bound([(sample, sample.leaves[0]) for sample in samples])
    for sample in samples:
        sample.leaves[0].bound = min(sample.leaves[0].bound, float(known[sample.index]))
    for _ in range(branches):
        now = np.array([sample.bound for sample in samples])
        reached = np.array([sample.reached for sample in samples])
        open_ = np.isfinite(now) & loose(np.arange(len(now)), now, reached)
        tried = [(sample, sample.worst, sample.worst.cuts())
                 for sample, go in zip(samples, open_, strict=True) if go]  # fmt: skip
        pairs = [(s, leaf) for s, _, cuts in tried for cut in cuts for leaf in cut]
        if not pairs:
            break
        problem.bound(pairs)
        for sample, worst, cuts in tried:
            if cuts:
                halves = min(cuts, key=lambda cut: float(max(cut[0].bound, cut[1].bound)))
                sample.leaves = [leaf for leaf in sample.leaves if leaf is not worst]
                sample.leaves += halves
    found = np.array([sample.bound for sample in samples])
    reached = np.array([sample.reached for sample in samples])
    return Branched(found, np.array([sample.delta for sample in samples]), reached)


def network_output(layers: TwoLayerWeights, x: Any) -> Any:
    """sum_k c_k sigma(<w_k, x>), shape ``(n,)``."""
    xp = kernels(x).xp
    z: Any = xp.matmul(x, xp.linalg.matrix_transpose(layers.hidden))
    return xp.sum(layers.output * layers.activation.value(z), axis=-1)
