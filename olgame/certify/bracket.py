"""Both ends of what is known of a robust loss."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import attrs
import numpy as np
from numpy.typing import NDArray

from olgame.arrays import to_numpy
from olgame.certify.rounding import mean
from olgame.exceptions import ArgumentError, NotAvailableError, ShapeError
from olgame.results import Certified, Interval, outward
from olgame.validation import require

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

    def with_upper(self, losses: Any, method: str) -> Bracket:
        """The bracket with a certificate of your own; of two the lesser one counts, per sample.

        For networks that the library has no certificate for, and for sharper ones. The proof is
        yours, and ``method`` says what it is wherever the number is printed. For l convex in the
        output and bounds ``a <= f(x') <= b`` over B(x), ``max(l(a, y), l(b, y))`` is one.

        Args:
            losses: at least the largest loss over B(x_i), rounding included, shape ``(n,)``; inf
                where nothing is known.
            method: what proves it.

        Returns:
            A bracket with the same lower end.

        Raises:
            ShapeError: there is not one loss for every sample.
            ArgumentError: a loss is nan, or less than one that was seen in B(x); no ``method``.

        Example:
            >>> ends = PerSample(np.array([0.5, 0.7]), None)
            >>> bracket = Bracket(Certified(0.6, "lower", "attack"), None, ends, 0.25, "attack")
            >>> print(bracket.with_upper([0.75, 1.0], "by hand"))
            robust loss in [0.6, 0.875001] (attack below, by hand above)
        """
        lower, known = self.per_sample
        above = np.array(to_numpy(losses), dtype=np.float64)
        if above.shape != lower.shape:
            raise ShapeError(
                f"`Bracket.with_upper(losses=...)` must have the shape {lower.shape}, one for "
                f"every sample, got {above.shape}."
            )
        require(bool(method), "Bracket.with_upper", "method", "say what proves the losses", method)
        wrong = ~(above >= lower)  # nan included
        if np.any(wrong):
            i = int(np.argmax(wrong))
            raise ArgumentError(
                "`Bracket.with_upper(losses=...)` must be at least the losses that were seen, got "
                f"{above[i]} for sample {i}, where {lower[i]} was: the bound is wrong there, or "
                "lacks a margin for its rounding."
            )
        both = f"attack below, {method} above"
        if known is not None and self.upper is not None:
            above = np.minimum(above, known)
            both = f"{self.method}, or {method}, whichever is less"
            method = f"{self.upper.method}, or {method}, whichever is less"
        return attrs.evolve(
            self,
            upper=Certified(mean(above, math.inf), "upper", method),
            per_sample=PerSample(lower, above),
            method=both,
        )

    def __str__(self) -> str:
        if self.upper is None:
            low = outward(self.lower.value, "lower")
            return f"robust loss >= {low}, no upper end ({self.method})"
        ends = f"[{outward(self.lower.value, 'lower')}, {outward(self.upper.value, 'upper')}]"
        return f"robust loss in {ends} ({self.method})"
