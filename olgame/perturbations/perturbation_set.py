"""What a perturbation set B(x) has to offer."""

from __future__ import annotations

from typing import Protocol

import numpy as np

from olgame.typing import Array

__all__ = ["PerturbationSet"]


class PerturbationSet(Protocol):
    """B(x) = x + Delta, cut with a box or a sphere where asked: the inputs an adversary may play.

    ``x`` is the clean data, shape ``(..., n, d)``; ``x_adv`` always denotes played points of the
    same shape. All results are per sample.
    """

    @property
    def norm(self) -> str:
        """``"l2"`` or ``"linf"``: the norm that ``radius`` is measured in."""
        ...

    @property
    def radius(self) -> float | Array:
        """rho, one number or one per sample, shape ``(n,)``."""
        ...

    def project(self, x: Array, x_adv: Array) -> Array:
        """A point of B(x), the nearest one where B(x) is convex; leaves feasible points alone."""
        ...

    def distance(self, x: Array, x_adv: Array) -> Array:
        """Distance of ``x_adv`` from B(x) in the set's own norm, shape ``(..., n)``; 0 inside."""
        ...

    def steepest(self, gradient: Array, *, atol: float | Array = 0.0) -> Array:
        """The unit step (in the set's norm) that climbs ``gradient`` fastest.

        Exactly 0 for a sample whose first-order gain, radius x dual norm of the gradient, is at
        most ``atol``: at the rounding level of the objective a normalized gradient is noise.
        """
        ...

    def dual_norm(self, g: Array) -> Array:
        """sup of <g, delta> over norm(delta) <= 1, shape ``(...)`` (l2: norm2, linf: norm1)."""
        ...

    def euclidean_radius(self, dim: int) -> float | Array:
        """rho_2: a bound on norm2(x_adv - x): rho for l2, rho sqrt(d) for linf."""
        ...

    def input_bound(self, x: Array) -> Array:
        """A bound on norm2 of every point of B(x), per sample, shape ``(..., n)``."""
        ...

    def sample(self, x: Array, rng: np.random.Generator) -> Array:
        """A random point of B(x) for every sample (for random starts)."""
        ...

    def take(self, index: Array) -> PerturbationSet:
        """The set for the samples ``index`` alone (matters for per-sample radii)."""
        ...

    def enlarged(self, amount: float) -> PerturbationSet:
        """The same set with ``amount`` added to the radius (certificates of float32 play)."""
        ...
