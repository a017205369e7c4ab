"""Both ends of what is known of a robust loss."""

from __future__ import annotations

from typing import NamedTuple

import attrs
import numpy as np
from numpy.typing import NDArray

from olgame.exceptions import NotAvailableError
from olgame.results import Certified, Interval

__all__ = ["Bracket", "PerSample"]


class PerSample(NamedTuple):
    """The ends sample by sample, float64.

    Attributes:
        lower: the largest loss seen in B(x), less rounding, shape ``(n,)``.
        upper: certified, shape ``(n,)``; None where there is no certificate.
    """

    lower: NDArray[np.float64]
    upper: NDArray[np.float64] | None


@attrs.frozen(eq=False)
class Bracket:
    """A bracket on L_*(w) = (1/n) sum_i max over x' in B(x_i) of l(f(w, x'), y_i).

    Attributes:
        lower: at most the loss at inputs of B(x).
        upper: proved, or None: an attack alone says nothing of what it did not find.
        per_sample: the ends sample by sample.
        clean: the loss of the clean inputs.
        method: what the two ends rest on. If ``upper`` covers more than B(x), it says how much;
            both ends hold for B(x) itself.

    Example:
        >>> ends = PerSample(np.array([0.5]), None)
        >>> bracket = Bracket(Certified(0.5, "lower", "attack"), None, ends, 0.25, "attack only")
        >>> print(bracket)
        robust loss >= 0.5, no upper end (attack only)
    """

    lower: Certified
    upper: Certified | None
    per_sample: PerSample
    clean: float
    method: str

    @property
    def width(self) -> float:
        """Upper minus lower end; ``inf`` without a certificate."""
        return float("inf") if self.upper is None else self.upper.value - self.lower.value

    @property
    def interval(self) -> Interval:
        """Both ends as an interval.

        Raises:
            NotAvailableError: there is no upper end.
        """
        if self.upper is None:
            raise NotAvailableError(f"`Bracket.interval` needs an upper end: {self.method}.")
        return Interval(self.lower, self.upper)

    def __str__(self) -> str:
        if self.upper is None:
            return f"robust loss >= {self.lower.value:.6g}, no upper end ({self.method})"
        ends = f"[{self.lower.value:.6g}, {self.upper.value:.6g}]"
        return f"robust loss in {ends} ({self.method})"
