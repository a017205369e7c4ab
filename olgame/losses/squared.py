"""The squared loss."""

from __future__ import annotations

from typing import ClassVar

import attrs
import numpy as np

from olgame.arrays import to_numpy
from olgame.exceptions import DataError
from olgame.typing import Array

__all__ = ["Squared", "check_numbers", "squared"]


def check_numbers(y: Array, owner: str) -> None:
    """Raise `DataError` unless every label is finite; shows the first that is not."""
    labels = to_numpy(y).reshape(-1)
    wrong = ~np.isfinite(labels)
    if wrong.any():
        index = int(wrong.argmax())
        raise DataError(
            f"`{owner}` needs finite labels y, got {float(labels[index])} at index {index}."
        )


@attrs.frozen
class Squared:
    """The squared loss l(z, y) = (z - y)^2 / 2, y any number.

        derivative   z - y
        conjugate    p^2/2 + p y
        no L: the slope grows with z - y. Smoothness 1.

    Without a Lipschitz constant the theorems about networks refuse it by name; regret, ledger,
    gap and certificates do not need one.

    Example:
        >>> import numpy as np
        >>> from olgame.losses import squared
        >>> squared.value(np.array([1.0, -2.0]), np.array([0.5, 1.0]))
        array([0.125, 4.5  ])
        >>> squared.lipschitz is None
        True
    """

    name: ClassVar[str] = "squared"
    lipschitz: ClassVar[None] = None
    smoothness: ClassVar[float] = 1.0
    of_margin: ClassVar[bool] = False

    def check_labels(self, y: Array) -> None:
        """Raise `olgame.exceptions.DataError` unless every label is finite."""
        check_numbers(y, type(self).__name__)

    def value(self, z: Array, y: Array) -> Array:
        """(z - y)^2 / 2."""
        difference = z - y
        return 0.5 * difference * difference

    def derivative(self, z: Array, y: Array) -> Array:
        """z - y."""
        return z - y

    def conjugate(self, p: Array, y: Array) -> Array:
        """p^2/2 + p y."""
        return p * (0.5 * p + y)


squared = Squared()
