"""What a scalar loss l(z, y) has to offer."""

from __future__ import annotations

from typing import Protocol

from olgame.typing import Array

__all__ = ["Loss"]


class Loss(Protocol):
    """A loss l(z, y), convex in the output z.

    Methods are element-wise over samples: ``z`` has shape ``(..., n)`` and ``y`` shape ``(n,)``
    (or ``(..., n)``).
    """

    @property
    def name(self) -> str: ...

    @property
    def lipschitz(self) -> float | None:
        """L with abs(l(z, y) - l(z', y)) <= L abs(z - z'); None where there is none."""
        ...

    @property
    def smoothness(self) -> float | None:
        """Lipschitz constant of the derivative; None where there is none."""
        ...

    @property
    def of_margin(self) -> bool:
        """Whether l(z, y) = phi(y z), labels +-1, with phi non-increasing."""
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
