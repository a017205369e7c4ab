"""The hinge loss."""

from __future__ import annotations

from typing import Any, ClassVar

import attrs

from olgame.arrays import kernels
from olgame.losses.logistic import check_signs, margin_weight
from olgame.typing import Array

__all__ = ["Hinge", "hinge"]


@attrs.frozen
class Hinge:
    """The hinge loss l(z, y) = max(0, 1 - y z).

    With s = y z:

        derivative   -y for s < 1, 0 for s >= 1   (at the kink s = 1 the subderivative 0)
        conjugate    p y   for -1 <= p y <= 0;  inf elsewhere
        L = 1, no smoothness.

    The conjugate allows p y to leave [-1, 0] by four units roundoff
    (see `olgame.losses.logistic.margin_weight`).

    Example:
        >>> import numpy as np
        >>> from olgame.losses.hinge import hinge
        >>> hinge.value(np.array([0.25, 3.0, -2.0]), np.array([1.0, 1.0, 1.0]))
        array([0.75, 0.  , 3.  ])
        >>> hinge.conjugate(np.array([-0.5, 0.5]), np.array([1.0, 1.0]))
        array([-0.5,  inf])
    """

    name: ClassVar[str] = "hinge"
    lipschitz: ClassVar[float] = 1.0
    smoothness: ClassVar[None] = None
    of_margin: ClassVar[bool] = True

    def check_labels(self, y: Array) -> None:
        """Raise `olgame.exceptions.DataError` unless every label is -1 or +1."""
        check_signs(y, type(self).__name__)

    def value(self, z: Array, y: Array) -> Array:
        """max(0, 1 - y z); nan stays nan."""
        short: Any = 1 - y * z
        xp = kernels(short).xp
        out: Array = xp.where(short <= 0, xp.zeros_like(short), short)
        return out

    def derivative(self, z: Array, y: Array) -> Array:
        """-y where y z < 1, else 0."""
        s: Any = y * z
        active: Array = kernels(s).xp.astype(s < 1, s.dtype)
        return -y * active

    def conjugate(self, p: Array, y: Array) -> Array:
        """``p y`` where it lies in [-1, 0]; ``inf`` elsewhere."""
        q, outside = margin_weight(p, y)
        xp = kernels(q).xp
        out: Array = xp.where(outside, xp.full_like(q, float("inf")), -q)
        return out

    def smoothed(self, z: Array, y: Array, theta: float) -> tuple[Array, Array]:
        """The mean of l over a window of width theta around z, and its slope, in closed form.

        With r = 1 - y z: r where r >= theta/2, 0 where r <= -theta/2, and between them
        (r + theta/2)^2/(2 theta). See `olgame.losses.smoothed_loss`.
        """
        short: Any = 1 - y * z
        xp = kernels(short).xp
        share = xp.clip((short + 0.5 * theta) * (1 / theta), 0.0, 1.0)  # of the window, where l > 0
        inside = 0.5 * theta * share * share
        return xp.where(share < 1.0, inside, short), -y * share


hinge = Hinge()
