"""The logistic loss, and what the losses of the margin have in common."""

from __future__ import annotations

from typing import Any, ClassVar

import attrs
import numpy as np

from olgame.activations import sigmoid
from olgame.arrays import kernels, unit_roundoff
from olgame.exceptions import DataError
from olgame.typing import Array

__all__ = ["Logistic", "check_signs", "logistic", "margin_weight"]


def check_signs(y: Array, owner: str) -> None:
    """Raise `DataError` unless every label is -1 or +1; the message shows the first that is not.

    Args:
        y: labels, any shape.
        owner: the loss that asks, as the user wrote it.
    """
    xp = kernels(y).xp
    wrong = xp.reshape(xp.abs(y) != 1, (-1,))
    if not bool(xp.any(wrong)):
        return
    index = int(xp.argmax(xp.astype(wrong, xp.int8)))
    got = float(xp.reshape(y, (-1,))[index])
    hint = " Labels 0 and 1 are converted by `2*y - 1`." if got == 0 else ""
    raise DataError(f"`{owner}` needs labels y of -1 or +1, got {got!r} at index {index}.{hint}")


def margin_weight(p: Array, y: Array) -> tuple[Any, Any]:
    """(q, outside) with q = -p y, the slope of phi turned positive, where l(z, y) = phi(y z).

    The conjugates of the margin losses here are finite for 0 <= q <= 1. A slope that was *computed*
    may overshoot by rounding: up to four units roundoff beyond either end q counts as the end.

    Args:
        p: slopes in z.
        y: labels -1 or +1, shape broadcast with ``p``.

    Returns:
        q clipped to [0, 1] (nan stays nan), and a boolean array, true where q was outside.
    """
    q: Any = -p * y
    allowance = 4.0 * unit_roundoff(q)
    outside = (q < -allowance) | (q > 1.0 + allowance)
    xp = kernels(q).xp
    q = xp.where(q < 0, xp.zeros_like(q), xp.where(q > 1, xp.ones_like(q), q))
    return q, outside


@attrs.frozen
class Logistic:
    """The logistic loss l(z, y) = log(1 + e^{-y z}).

    With s = y z and q = sigmoid(-s) in [0, 1]:

        derivative   -y q
        conjugate    q log q + (1 - q) log(1 - q)   at p = -y q, with 0 log 0 = 0;  inf elsewhere
        L = 1, smoothness 1/4.

    Nothing overflows, and nothing loses relative accuracy, for large abs(s). The conjugate allows
    q to leave [0, 1] by four units roundoff (see `margin_weight`).

    Example:
        >>> import numpy as np
        >>> from olgame.losses.logistic import logistic
        >>> z, y = np.array([0.0, 800.0, -800.0]), np.array([1.0, 1.0, 1.0])
        >>> logistic.value(z, y).round(4)
        array([6.931e-01, 0.000e+00, 8.000e+02])
        >>> logistic.derivative(z, y)
        array([-0.5, -0. , -1. ])
    """

    name: ClassVar[str] = "logistic"
    lipschitz: ClassVar[float] = 1.0
    smoothness: ClassVar[float] = 0.25
    of_margin: ClassVar[bool] = True

    def check_labels(self, y: Array) -> None:
        """Raise `olgame.exceptions.DataError` unless every label is -1 or +1."""
        check_signs(y, type(self).__name__)

    @np.errstate(invalid="ignore")  # nan is a value, and stays
    def value(self, z: Array, y: Array) -> Array:
        """log(1 + e^{-y z})."""
        margin: Any = y * z
        xp = kernels(margin).xp
        value: Array = xp.logaddexp(-margin, xp.zeros_like(margin))
        return value

    def derivative(self, z: Array, y: Array) -> Array:
        """-y sigmoid(-y z)."""
        return -y * sigmoid(-(y * z))

    def conjugate(self, p: Array, y: Array) -> Array:
        """The negative entropy of q = -p y; ``inf`` for q outside [0, 1]."""
        q, outside = margin_weight(p, y)
        xp = kernels(q).xp
        at_zero, at_one = q <= 0, q >= 1
        entropy = q * xp.log(xp.where(at_zero, xp.ones_like(q), q))
        entropy = entropy + (1 - q) * xp.log1p(-xp.where(at_one, xp.zeros_like(q), q))
        out: Array = xp.where(outside, xp.full_like(q, float("inf")), entropy)
        return out


logistic = Logistic()
