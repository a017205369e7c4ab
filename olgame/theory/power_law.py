"""Exponents from measurements: a straight line through logarithms, with its standard error."""

from __future__ import annotations

import math
from typing import Any

import attrs
import numpy as np

from olgame.exceptions import ArgumentError, DataError

__all__ = ["PowerLaw", "fit_power_law"]


@attrs.frozen
class PowerLaw:
    """y = c x^b, fitted to measurements; an estimate, whatever it agrees with.

    Attributes:
        exponent: b.
        standard_error: Of b; nan for two points: a line goes through them, whatever their errors.
        prefactor: c.
        points: Number of measurements.
    """

    exponent: float
    standard_error: float
    prefactor: float
    points: int

    def __call__(self, x: Any) -> Any:
        """c x^b."""
        return self.prefactor * np.asarray(x, dtype=np.float64) ** self.exponent

    def __str__(self) -> str:
        if math.isnan(self.standard_error):
            return f"{self.exponent:+.3f} (a line through two points, no error)"
        return f"{self.exponent:+.3f} +- {self.standard_error:.3f}"


def fit_power_law(x: Any, y: Any) -> PowerLaw:
    """Least squares for log y = log c + b log x.

    With u = log x - mean(log x), v = log y: b = <u, v>/<u, u>, and from the residuals r its
    standard error is sqrt( <r, r> / ((N - 2) <u, u>) ): that of independent errors of equal size
    in log y. Several measurements at one x (seeds) are several points.

    Args:
        x: Shape ``(N,)``, positive, at least two different ones.
        y: Shape ``(N,)``, positive.

    Raises:
        ArgumentError: Shapes differ, or there are no two different x.
        DataError: A number is not finite and positive.

    Example:
        >>> print(fit_power_law([1, 2, 4, 8], [3, 6, 12, 24]))
        +1.000 +- 0.000
        >>> print(fit_power_law([1, 4, 1, 4], [1, 1 / 2, 1.1, 0.55]))
        -0.500 +- 0.049
        >>> print(fit_power_law([1, 4], [1, 1 / 2]))
        -0.500 (a line through two points, no error)
    """
    at, value = np.asarray(x, dtype=np.float64), np.asarray(y, dtype=np.float64)
    if at.ndim != 1 or at.shape != value.shape or np.unique(at).size < 2:
        raise ArgumentError(
            "`fit_power_law(x=..., y=...)` must be two lists of equal length with two different x "
            f"at least, got shapes {at.shape} and {value.shape}."
        )
    for name, numbers in (("x", at), ("y", value)):
        if not (np.isfinite(numbers) & (numbers > 0.0)).all():
            raise DataError(f"`fit_power_law({name}=...)` must be finite and positive.")
    u, v = np.log(at), np.log(value)
    mean = float(u.mean())
    u = u - mean
    spread = float(u @ u)
    slope = float(u @ v) / spread
    level = float(v.mean())
    rest = v - level - slope * u
    free = at.size - 2
    error = math.sqrt(float(rest @ rest) / (free * spread)) if free else math.nan
    return PowerLaw(slope, error, math.exp(level - slope * mean), int(at.size))
