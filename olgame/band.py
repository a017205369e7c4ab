"""What many games of one kind show: a mean over seeds with an interval for it."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import attrs
import numpy as np
from numpy.typing import NDArray

from olgame.arrays import to_numpy
from olgame.exceptions import ArgumentError, DataError
from olgame.validation import require

__all__ = ["Band", "band_of", "student_quantile"]

Floats = NDArray[np.float64]


@attrs.frozen(eq=False, kw_only=True)
class Band:
    """Mean, spread and a confidence interval of a number, or of a curve, over games.

    With values v_1, ..., v_G of G games, s^2 = sum_i (v_i - mean)^2/(G - 1) and t the quantile of
    Student's distribution with G - 1 degrees of freedom at (1 + level)/2:

        standard_error = s/sqrt(G),    lower, upper = mean -+ t standard_error.

    **What is the population.** The games: other seeds of the same experiment, so other starts,
    attacks and batches, *not* other data where the games share theirs. The interval is for the mean
    over all seeds, point by point of a curve, and has its level where the mean of G values is
    about normal. It says nothing about a single game, which `least` and `most` do for these G. It
    is a statistic, and never a certificate: a floor or a bound holds for each game on its own.

    Attributes:
        count: G, at least 2.
        level: of the interval, e.g. 0.95.
        mean: over games; a float, or an array ``(T,)`` for a curve.
        standard_error: of the mean.
        lower: lower end of the interval.
        upper: upper end.
        least: smallest of the values.
        most: largest.
    """

    count: int
    level: float
    mean: Any
    standard_error: Any
    lower: Any
    upper: Any
    least: Any
    most: Any

    @property
    def half_width(self) -> Any:
        """t standard_error."""
        return self.upper - self.mean

    def __str__(self) -> str:
        if np.ndim(self.mean):
            return f"a curve of {np.size(self.mean)} means over {self.count} seeds"
        return (
            f"{self.mean:.6g} +- {self.half_width:.2g} ({100.0 * self.level:g} % t-interval of the "
            f"mean over {self.count} seeds; from {self.least:.6g} to {self.most:.6g})"
        )


def band_of(values: Any, level: float = 0.95) -> Band:
    """The `Band` of numbers that games differ in.

    Args:
        values: One number for each game on the **last** axis: ``(G,)``, or ``(T, G)`` for a curve
            over rounds, such as ``run.loss``.
        level: Of the interval, between 0 and 1.

    Returns:
        The `Band`; floats for ``(G,)``, arrays ``(T,)`` for ``(T, G)``.

    Raises:
        ArgumentError: ``level`` is not between 0 and 1, or there are fewer than 2 games.
        DataError: A value is not finite.

    Example:
        >>> found = band_of([1.0, 2.0, 3.0, 4.0])
        >>> found.mean, round(found.half_width, 6)
        (2.5, 2.05426)
        >>> print(found)
        2.5 +- 2.1 (95 % t-interval of the mean over 4 seeds; from 1 to 4)

    References:
        student1908.
    """
    require(0.0 < level < 1.0, "band_of", "level", "be between 0 and 1", level)
    found = to_numpy(values)
    if found.ndim == 0 or found.shape[-1] < 2:
        raise ArgumentError(
            "`band_of(values=...)` must hold the values of at least 2 games on the last axis, got "
            f"shape {found.shape}."
        )
    if not np.isfinite(found).all():
        raise DataError("`band_of(values=...)` must be finite: nan and inf have no mean.")
    count = found.shape[-1]
    mean = found.mean(-1)
    error = found.std(-1, ddof=1) / math.sqrt(count)
    half = student_quantile(0.5 * (1.0 + level), count - 1) * error
    ends = (mean, error, mean - half, mean + half, found.min(-1), found.max(-1))
    middle, error, lower, upper, least, most = (
        float(end) if found.ndim == 1 else end for end in ends
    )
    return Band(
        count=count,
        level=float(level),
        mean=middle,
        standard_error=error,
        lower=lower,
        upper=upper,
        least=least,
        most=most,
    )


def student_quantile(probability: float, degrees: int) -> float:
    """The quantile of Student's t distribution with a whole number of degrees of freedom.

    With theta = arctan(t/sqrt(nu)), the probability A of abs(T) <= t is a finite sum,

        nu odd:   A = (2/pi) [theta + sin theta (cos + (2/3) cos^3 + ... + c_(nu-2) cos^(nu-2))]
        nu even:  A = sin theta [1 + (1/2) cos^2 + (1 3)/(2 4) cos^4 + ... + c_(nu-2) cos^(nu-2)]

    (powers of cos theta; each coefficient is the one before times (k - 1)/k for cos^k), which grows
    with theta and is solved for it by bisection.

    Args:
        probability: Between 0 and 1.
        degrees: nu >= 1.

    Example:
        >>> round(student_quantile(0.975, 15), 6), round(student_quantile(0.5, 3), 6)
        (2.13145, 0.0)

    References:
        abramowitz1964, 26.7.3 and 26.7.4 (recalled).
    """
    require(0.0 < probability < 1.0, "student_quantile", "probability", "be between 0 and 1",
            probability)  # fmt: skip
    require(degrees >= 1, "student_quantile", "degrees", "be an integer of at least 1", degrees)
    if probability < 0.5:
        return -student_quantile(1.0 - probability, degrees)
    inside = 2.0 * probability - 1.0
    theta = _root(lambda angle: _within(angle, degrees) - inside, 0.0, 0.5 * math.pi)
    return math.sqrt(degrees) * math.tan(theta)


def _within(theta: float, degrees: int) -> float:
    """A(t | nu) of `student_quantile` at theta."""
    sine, cosine = math.sin(theta), math.cos(theta)
    odd = degrees % 2
    term = cosine if odd else 1.0
    total = term if degrees > 1 else 0.0
    for k in range(3 if odd else 2, degrees - 1, 2):
        term *= cosine * cosine * (k - 1) / k
        total += term
    return (theta + sine * total) * 2.0 / math.pi if odd else sine * total


def _root(increasing: Callable[[float], float], low: float, high: float) -> float:
    """Where a growing function is 0, to the last bit, by bisection."""
    for _ in range(200):
        middle = 0.5 * (low + high)
        if middle in (low, high):
            break
        if increasing(middle) < 0.0:
            low = middle
        else:
            high = middle
    return 0.5 * (low + high)
