"""What a loss l(z, y) has to offer."""

from __future__ import annotations

from typing import Protocol

from olgame.typing import Array

__all__ = ["Loss"]


class Loss(Protocol):
    """A loss l(z, y), convex in the output z.

    Methods work sample by sample: ``z`` has shape ``(..., n)`` and ``y`` shape ``(n,)`` (or
    ``(..., n)``).

    A loss of k logits says so by an attribute ``multiclass = True``: z and slopes p then have the
    shape ``(..., n, k)``, labels are 0, ..., k-1, products p z are inner products, and constants
    are those of the Euclidean norm. A loss without the attribute has one output. Theorems about k
    logits rest on the largest norm1(p) = sum_j abs(p_j), the Lipschitz constant in
    max_j abs(z_j - z'_j): a loss states it as ``lipschitz_max``; else it counts as sqrt(k) L.
    """

    @property
    def name(self) -> str: ...

    @property
    def lipschitz(self) -> float | None:
        """L with abs(l(z, y) - l(z', y)) <= L norm(z - z'); None where there is none."""
        ...

    @property
    def smoothness(self) -> float | None:
        """Lipschitz constant of the derivative; None where there is none."""
        ...

    @property
    def of_margin(self) -> bool:
        """Whether l falls with the margin: l(z, y) = phi(y z), labels +-1, phi non-increasing.

        Of k logits: whether it is a function of the leads z_j - z_y of the rivals j != y alone,
        non-decreasing in each. Certificates bound the margin, or the leads, from one side.
        """
        ...

    def check_labels(self, y: Array) -> None:
        """Raise `olgame.exceptions.DataError` for labels that this loss has no meaning for."""
        ...

    def value(self, z: Array, y: Array) -> Array:
        """l(z, y) per sample."""
        ...

    def derivative(self, z: Array, y: Array) -> Array:
        """A (sub)derivative p of l(., y) at z, per sample."""
        ...

    def conjugate(self, p: Array, y: Array) -> Array:
        """l*(p, y) = sup over z of p z - l(z, y), per sample; ``inf`` outside its domain.

        The Fenchel-Young gap l(u, y) + l*(p, y) - p u >= 0 is the Bregman divergence of the loss
        at a subgradient p: the ledger measures curvature with it, which is why a wrong
        `derivative` opens the books.
        """
        ...
