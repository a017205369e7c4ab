"""scikit-learn's handwritten digits: real data that needs no download."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from olgame.data.dataset import Dataset
from olgame.data.normalization import normalize
from olgame.exceptions import ArgumentError, NotAvailableError
from olgame.extras import how_to_install
from olgame.validation import is_integer

__all__ = ["digits"]


def _check_classes(classes: Any) -> tuple[int, ...]:
    given = tuple(classes) if isinstance(classes, Sequence | np.ndarray) else ()
    whole = all(is_integer(c) for c in given)
    if len(given) < 2 or not whole or not set(given) <= set(range(10)) or _repeated(given):
        raise ArgumentError(
            "`digits(classes=...)` must be two or more different digits from 0 to 9, got "
            f"{classes!r}."
        )
    return tuple(int(c) for c in given)


def _repeated(given: tuple[Any, ...]) -> bool:
    return len(set(given)) < len(given)


def digits(classes: Sequence[int] = (0, 1), *, norm: float = 1.0) -> Dataset:
    """Two or more classes of scikit-learn's 8 x 8 digits, scaled to a sphere.

    Args:
        classes: different digits. Of two, the first is labeled -1 and the second +1. Of more, y is
            the place in ``classes``: 0, 1, ... (``range(10)`` for all of them).
        norm: Euclidean length of every input, finite and positive.

    Returns:
        ``(x, y)``: inputs of shape ``(n, 64)``, non-negative; labels of shape ``(n,)``, float64 for
        two classes, else int64; in the order of the data set.

    Raises:
        ArgumentError: ``classes`` or ``norm`` is outside its domain.
        NotAvailableError: scikit-learn is not installed.

    Example:
        >>> from olgame.data import digits
        >>> x, y = digits(classes=(0, 1))
        >>> print(x.shape, (y < 0).sum(), (y > 0).sum())
        (360, 64) 178 182
    """
    wanted = _check_classes(classes)
    try:
        from sklearn.datasets import load_digits
    except ImportError as error:
        raise NotAvailableError(
            f"`digits()` reads the data of scikit-learn: {how_to_install('data')}."
        ) from error
    images, digit = load_digits(return_X_y=True)
    matches = digit[:, None] == np.array(wanted)
    chosen = matches.any(axis=1)
    x = normalize(np.asarray(images[chosen], dtype=np.float64), norm)
    y = matches[chosen].argmax(axis=1)
    return Dataset(x, 2.0 * y - 1.0 if len(wanted) == 2 else y)
