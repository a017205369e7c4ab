"""The smoothed hinge loss."""

from __future__ import annotations

from typing import Any, ClassVar

import attrs

from olgame.arrays import kernels
from olgame.losses.logistic import check_signs, margin_weight
from olgame.typing import Array

__all__ = ["SmoothedHinge", "smoothed_hinge"]


def _unit_part(t: Any) -> Any:
    """min(1, max(0, t)), with derivative 0 at both ends; nan stays nan."""
    xp = kernels(t).xp
    return xp.where(t <= 0, xp.zeros_like(t), xp.where(t >= 1, xp.ones_like(t), t))


@attrs.frozen
class SmoothedHinge:
    """The hinge loss with a quadratic between s = y z = 0 and 1.

        l(z, y) = 0 (s >= 1),  (1 - s)^2/2 (0 <= s <= 1),  1/2 - s (s <= 0)
        derivative   -y min(1, max(0, 1 - s))
        conjugate    q^2/2 - q   for q = -p y in [0, 1];  inf elsewhere
        L = 1, smoothness 1.

    The conjugate allows q to leave [0, 1] by four units roundoff
    (see `olgame.losses.logistic.margin_weight`).

    Example:
        >>> import numpy as np
        >>> from olgame.losses.smoothed_hinge import smoothed_hinge
        >>> smoothed_hinge.value(np.array([0.5, 3.0, -2.0]), np.array([1.0, 1.0, 1.0]))
        array([0.125, 0.   , 2.5  ])
    """

    name: ClassVar[str] = "smoothed_hinge"
    lipschitz: ClassVar[float] = 1.0
    smoothness: ClassVar[float] = 1.0
    of_margin: ClassVar[bool] = True

    def check_labels(self, y: Array) -> None:
        """Raise `olgame.exceptions.DataError` unless every label is -1 or +1."""
        check_signs(y, type(self).__name__)

    def value(self, z: Array, y: Array) -> Array:
        """c^2/2 + max(0, -s) with c = min(1, max(0, 1 - s)), which is the three cases in one."""
        s: Any = y * z
        xp = kernels(s).xp
        # At s = 0 the second term differentiates to -1 and the first to 0, not both or neither.
        below = xp.where(s > 0, xp.zeros_like(s), -s)
        c = _unit_part(1 - s)
        out: Array = 0.5 * c * c + below
        return out

    def derivative(self, z: Array, y: Array) -> Array:
        """-y min(1, max(0, 1 - y z))."""
        c: Array = _unit_part(1 - y * z)
        return -y * c

    def conjugate(self, p: Array, y: Array) -> Array:
        """``q^2/2 - q`` for q = -p y in [0, 1]; ``inf`` elsewhere."""
        q, outside = margin_weight(p, y)
        xp = kernels(q).xp
        out: Array = xp.where(outside, xp.full_like(q, float("inf")), (0.5 * q - 1) * q)
        return out


smoothed_hinge = SmoothedHinge()
