"""The absolute loss."""

from __future__ import annotations

from typing import Any, ClassVar

import attrs

from olgame.arrays import kernels, unit_roundoff
from olgame.losses.squared import check_numbers
from olgame.typing import Array

__all__ = ["Absolute", "absolute"]


@attrs.frozen
class Absolute:
    """The absolute loss l(z, y) = abs(z - y), y any number.

        derivative   sign(z - y)   (at the kink z = y the subderivative 0)
        conjugate    p y   for abs(p) <= 1;  inf elsewhere
        L = 1, no smoothness.

    The conjugate allows abs(p) to exceed 1 by four units roundoff.

    Example:
        >>> import numpy as np
        >>> from olgame.losses import absolute
        >>> absolute.value(np.array([1.0, -2.0]), np.array([0.5, 1.0]))
        array([0.5, 3. ])
        >>> absolute.conjugate(np.array([1.0, -2.0]), np.array([0.5, 1.0]))
        array([0.5, inf])
    """

    name: ClassVar[str] = "absolute"
    lipschitz: ClassVar[float] = 1.0
    smoothness: ClassVar[None] = None
    of_margin: ClassVar[bool] = False

    def check_labels(self, y: Array) -> None:
        """Raise `olgame.exceptions.DataError` unless every label is finite."""
        check_numbers(y, type(self).__name__)

    def value(self, z: Array, y: Array) -> Array:
        """abs(z - y)."""
        out: Array = kernels(z).xp.abs(z - y)
        return out

    def derivative(self, z: Array, y: Array) -> Array:
        """sign(z - y)."""
        out: Array = kernels(z).xp.sign(z - y)
        return out

    def conjugate(self, p: Array, y: Array) -> Array:
        """``p y`` where abs(p) <= 1; ``inf`` elsewhere."""
        xp = kernels(p).xp
        slopes: Any = p
        outside = xp.abs(slopes) > 1.0 + 4.0 * unit_roundoff(p)
        product = slopes * y
        out: Array = xp.where(outside, xp.full_like(product, float("inf")), product)
        return out


absolute = Absolute()
