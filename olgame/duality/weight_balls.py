"""The sets that a floor of a two-layer network is known for: products of balls around W_0."""

from __future__ import annotations

from typing import Any

import attrs
import numpy as np
from numpy.typing import NDArray

from olgame.arrays import to_numpy
from olgame.exceptions import ArgumentError, NotAvailableError
from olgame.results import least_robust_loss
from olgame.sets import L2Ball, L2InfBall, ProductSet
from olgame.sets.convex_set import ConvexSet

__all__ = ["WeightBalls", "weight_balls"]

Floats = NDArray[np.float64]

_LEAST, _MOST = 1e-100, 1e100  # radii whose squares are finite and not 0


_equal = attrs.cmp_using(eq=np.array_equal)


@attrs.frozen
class WeightBalls:
    """K = { W : norm(W_h - W_0h) <= R_h for every group h of consecutive rows }.

    One group is the ball B(R) of the theorem, one group a row the per-neuron set.

    Attributes:
        radii: R_h, shape ``(B,)``.
        first: First row of every group, shape ``(B,)``, increasing from 0.
        rows: m.
    """

    radii: Floats = attrs.field(eq=_equal, repr=False)
    first: NDArray[np.int64] = attrs.field(eq=_equal, repr=False)
    rows: int

    @property
    def radius(self) -> float:
        """sqrt(sum_h R_h^2): K lies in the ball of this radius."""
        return float(np.linalg.norm(self.radii))

    @property
    def sizes(self) -> NDArray[np.int64]:
        """Rows in every group, shape ``(B,)``."""
        return np.diff(np.append(self.first, self.rows))

    def of_rows(self, per_group: Floats) -> Floats:
        """A number of every group, repeated for its rows, shape ``(m,)``."""
        return np.repeat(per_group, self.sizes)

    def sums(self, per_entry: Floats) -> Floats:
        """Sums over the entries of every group, ``(m, d)`` to ``(B,)``."""
        return np.add.reduceat(per_entry.sum(axis=1), self.first)

    def norms(self, vectors: Floats) -> Floats:
        """Euclidean norms of the groups, ``(m, d)`` to ``(B,)``."""
        return np.asarray(np.sqrt(self.sums(vectors * vectors)))

    @property
    def name(self) -> str:
        """In words."""
        if len(self.radii) == 1:
            return f"B({float(self.radii[0]):g})"
        least, most = float(self.radii.min()), float(self.radii.max())
        size = f"radius {least:.4g}" if least == most else f"radii {least:.4g} to {most:.4g}"
        kind = "row" if len(self.radii) == self.rows else "block"
        return f"the product of {len(self.radii)} balls of {size}, one a {kind}"

    @property
    def quantity(self) -> str:
        """The name of min over K of L_*, for `Certified.quantity`."""
        if len(self.radii) == 1:
            return least_robust_loss(float(self.radii[0]))
        return f"least robust loss in {self.name}"


def weight_balls(
    model: Any, weight_radius: float | None, decision_set: ConvexSet | None, owner: str
) -> WeightBalls:
    """K from the radius of one ball around W_0, or from a set that is a product of such balls.

    Args:
        model: A two-layer network with its ``start`` and ``width``.
        weight_radius: R, or None.
        decision_set: An `L2Ball` or `L2InfBall` around ``model.start``, or a `ProductSet` of such
            over whole rows; None for the ball of radius ``weight_radius``.
        owner: The function named in messages.

    Raises:
        ArgumentError: Neither or both are given, a radius is out of range, or a set is not
            centered at ``model.start``.
        NotAvailableError: The set is no product of balls over rows.
    """
    rows = int(model.width)
    if decision_set is None:
        if weight_radius is None or not _LEAST <= weight_radius <= _MOST:
            raise ArgumentError(
                f"`{owner}(weight_radius=...)` must be finite and positive, between 1e-100 and "
                f"1e100, got {weight_radius!r}."
            )
        return WeightBalls(np.array([float(weight_radius)]), np.zeros(1, np.int64), rows)
    if weight_radius is not None:
        raise ArgumentError(
            f"`{owner}(decision_set=...)` and `{owner}(weight_radius=...)` say the same thing: "
            f"give one of them, got {decision_set!r} and {weight_radius!r}."
        )
    found = _groups(decision_set, to_numpy(model.start), rows, owner)
    radii = np.array([radius for radius, _ in found])
    if not ((radii >= _LEAST) & (radii <= _MOST)).all():
        raise ArgumentError(
            f"`{owner}(decision_set=...)` must have radii between 1e-100 and 1e100, got "
            f"{radii.min():g} to {radii.max():g}."
        )
    sizes = np.array([size for _, size in found], dtype=np.int64)
    return WeightBalls(radii, np.cumsum(sizes) - sizes, rows)


def _groups(k: ConvexSet, start: Floats, rows: int, owner: str) -> list[tuple[float, int]]:
    """(radius, number of rows) of every ball, in order."""
    columns = start.shape[-1] // max(rows, 1)
    if isinstance(k, L2Ball | L2InfBall):
        center = np.zeros_like(start) if k.center is None else to_numpy(k.center)
        if center.shape != start.shape or not np.array_equal(center, start):
            raise ArgumentError(
                f"`{owner}(decision_set=...)` must be centered at `model.start` exactly: the gap "
                "is about balls around the initialization."
            )
        if isinstance(k, L2Ball):
            return [(k.radius, rows)]
        if k.rows == rows:
            return [(k.radius, 1)] * rows
        if rows % k.rows == 0:
            return [(k.radius, rows // k.rows)] * k.rows
    if isinstance(k, ProductSet):
        found: list[tuple[float, int]] = []
        at = 0
        for block in k.blocks:
            if block.length % columns:
                break
            part = start[at : at + block.length]
            found += _groups(block.factor, part, block.length // columns, owner)
            at += block.length
        else:
            return found
    raise NotAvailableError(
        f"`{owner}(decision_set=...)` must be a product of Euclidean balls over whole rows of W "
        f"(`L2Ball`, `L2InfBall`, `ProductSet` of them), got {type(k).__name__}: no such bound is "
        "known for it."
    )
