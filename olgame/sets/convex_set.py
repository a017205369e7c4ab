"""What a convex set has to offer."""

from __future__ import annotations

from typing import Protocol

import numpy as np

from olgame.typing import Array, Value

__all__ = ["ConvexSet"]


class ConvexSet(Protocol):
    """A non-empty closed convex set K in R^p.

    Every method works on the last axis; leading axes are independent points (and, where the
    parameters of a set carry leading axes themselves, independent sets).
    """

    @property
    def diameter(self) -> float:
        """sup of norm(u - v) over u, v in K; ``inf`` for an unbounded set."""
        ...

    def project(self, x: Array) -> Array:
        """The Euclidean projection of ``x``, shape ``(..., p)``; ``x`` itself is not changed."""
        ...

    def contains(self, x: Array, *, atol: float = 0.0) -> Array | bool:
        """Whether ``x`` is within distance ``atol`` of K (False for nan), shape ``(...)``."""
        ...

    def support(self, g: Array) -> Value:
        """h_K(g) = sup of <g, u> over u in K, shape ``(...)``; ``inf`` where unbounded."""
        ...

    def lmo(self, g: Array) -> Array:
        """A *minimizer* of <g, u> over u in K (linear minimization oracle), shape ``(..., p)``."""
        ...

    def reach(self, x: Array) -> Value:
        """D_1 = sup of norm(x - u) over u in K, shape ``(...)``."""
        ...

    def translate(self, v: Array) -> ConvexSet:
        """The set K + v."""
        ...

    def sample(self, rng: np.random.Generator, shape: tuple[int, ...]) -> Array:
        """Random points of K with shape ``shape`` (last axis p), not all on the boundary."""
        ...
