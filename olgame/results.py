"""Numbers that rest on a proof and numbers that rest on a search are different types.

A `Certified` number is true by a theorem and the arithmetic that evaluated it; an `Estimated`
one is the best that a search or a sample found. They never print alike.
"""

from __future__ import annotations

import decimal
import math
from typing import Literal

import attrs
import numpy as np

__all__ = ["Certified", "Estimated", "Interval", "Side", "least_robust_loss", "outward"]

Side = Literal["exact", "lower", "upper"]
_SIGN = {"exact": "=", "lower": ">=", "upper": "<="}
_AWAY = {"lower": decimal.ROUND_FLOOR, "upper": decimal.ROUND_CEILING}


def outward(value: float, side: Side, digits: str = ".6g") -> str:
    """A bound in few digits that is still one: lower bounds are rounded down, upper ones up.

    Args:
        value: The number.
        side: What it bounds; ``"exact"`` is rounded to nearest.
        digits: A format of floats.

    Example:
        >>> outward(0.5903668, "lower", ".4f"), outward(0.5903668, "upper", ".4f")
        ('0.5903', '0.5904')
    """
    if side == "exact" or not math.isfinite(value):
        return format(float(value), digits)
    with decimal.localcontext(rounding=_AWAY[side]):
        # From the shortest decimal that is this float, or 0.1 would be rounded up. Back via float:
        # decimals keep zeros at the end, and say E where floats say e.
        return format(float(format(decimal.Decimal(repr(float(value))), digits)), digits)


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
        return f"{_SIGN[self.side]} {_shown(self.value, self.side)} (certified: {self.method})"


def _shown(value: object, side: Side) -> str:
    """A number, or the numbers of a batch of games, with six digits."""
    found = np.asarray(value, dtype=np.float64)
    if found.ndim == 0:
        return outward(float(found), side)
    each = {"float_kind": lambda number: outward(float(number), side)}
    return np.array2string(found, formatter=each, threshold=8)  # type: ignore[arg-type]  # its stub


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
            f"in [{outward(self.lower.value, 'lower')}, {outward(self.upper.value, 'upper')}] "
            f"(certified: {self.lower.method}; {self.upper.method})"
        )
