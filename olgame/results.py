"""Numbers that rest on a proof and numbers that rest on a search are different types.

A `Certified` number is true by a theorem and the arithmetic that evaluated it; an `Estimated`
one is the best that a search or a sample found. They never print alike.
"""

from __future__ import annotations

from typing import Literal

import attrs
import numpy as np

__all__ = ["Certified", "Estimated", "Interval", "Side", "least_robust_loss"]

Side = Literal["exact", "lower", "upper"]
_SIGN = {"exact": "=", "lower": ">=", "upper": "<="}


@attrs.frozen
class Certified:
    """A number with a proof.

    Attributes:
        value: The number; of a batch of games, an array over the games.
        side: Whether the quantity *equals* ``value``, is at least (``"lower"``) or at most
            (``"upper"``) ``value``.
        method: What proves it.
        quantity: What the number bounds, in words that can be compared; empty where nobody says.
    """

    value: float
    side: Side
    method: str
    quantity: str = attrs.field(default="", kw_only=True, repr=False)

    def __float__(self) -> float:
        return self.value

    def __str__(self) -> str:
        return f"{_SIGN[self.side]} {_shown(self.value)} (certified: {self.method})"


def _shown(value: object) -> str:
    """A number, or the numbers of a batch of games, with six digits."""
    found = np.asarray(value)
    return f"{found:.6g}" if found.ndim == 0 else np.array2string(found, precision=6, threshold=8)


def least_robust_loss(weight_radius: float) -> str:
    """The name of the quantity min over B(R) of L_*, for `Certified.quantity`.

    Example:
        >>> least_robust_loss(3)
        'least robust loss in B(3.0)'
    """
    return f"least robust loss in B({float(weight_radius)!r})"


@attrs.frozen
class Estimated:
    """A number without a proof: what a search, an attack or a sample found.

    Attributes:
        value: The number.
        method: Where it comes from.
    """

    value: float
    method: str

    def __float__(self) -> float:
        return self.value

    def __str__(self) -> str:
        return f"~ {self.value:.6g} (estimated: {self.method})"


@attrs.frozen
class Interval:
    """A quantity between two certified ends.

    Attributes:
        lower: Certified lower end.
        upper: Certified upper end.
    """

    lower: Certified
    upper: Certified

    @property
    def width(self) -> float:
        """Upper minus lower end."""
        return self.upper.value - self.lower.value

    def __contains__(self, value: float) -> bool:
        return self.lower.value <= value <= self.upper.value

    def __str__(self) -> str:
        return (
            f"in [{self.lower.value:.6g}, {self.upper.value:.6g}] "
            f"(certified: {self.lower.method}; {self.upper.method})"
        )
