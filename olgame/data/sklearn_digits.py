"""scikit-learn's handwritten digits: real data that needs no download."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from olgame.data.dataset import Dataset
from olgame.data.normalization import normalize
from olgame.exceptions import ArgumentError, NotAvailableError

__all__ = ["digits"]


def _check_classes(classes: Any) -> tuple[int, int]:
    given = tuple(classes) if isinstance(classes, Sequence | np.ndarray) else ()
    whole = all(isinstance(c, int | np.integer) and not isinstance(c, bool) for c in given)
    if len(given) != 2 or not whole or not all(0 <= c <= 9 for c in given) or given[0] == given[1]:
        raise ArgumentError(
            f"`digits(classes=...)` must be two different digits from 0 to 9, got {classes!r}."
        )
    return int(given[0]), int(given[1])


def digits(classes: Sequence[int] = (0, 1), *, norm: float = 1.0) -> Dataset:
    """Two classes of scikit-learn's 8 x 8 digits, scaled to a sphere.

    Args:
        classes: two different digits; the first is labeled -1, the second +1.
        norm: Euclidean length of every input, finite and positive.

    Returns:
        ``(x, y)``: inputs of shape ``(n, 64)``, non-negative; labels of shape ``(n,)``, in the
        order of the data set.

    Raises:
        ArgumentError: ``classes`` or ``norm`` is outside its domain.
        NotAvailableError: scikit-learn is not installed.

    Example:
        >>> from olgame.data import digits
        >>> x, y = digits(classes=(0, 1))
        >>> print(x.shape, (y < 0).sum(), (y > 0).sum())
        (360, 64) 178 182
    """
    first, second = _check_classes(classes)
    try:
        from sklearn.datasets import load_digits
    except ImportError as error:
        raise NotAvailableError(
            '`digits()` reads the data of scikit-learn: run `pip install "olgame[data]"`.'
        ) from error
    images, digit = load_digits(return_X_y=True)
    chosen = (digit == first) | (digit == second)
    x = normalize(np.asarray(images[chosen], dtype=np.float64), norm)
    return Dataset(x, np.where(digit[chosen] == second, 1.0, -1.0))
