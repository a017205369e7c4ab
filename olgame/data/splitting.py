"""Part of the samples kept back."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from olgame.data.checks import check_data
from olgame.data.dataset import Dataset
from olgame.exceptions import DataError, ShapeError
from olgame.randomness import Seed, check_seed, generator
from olgame.validation import require

__all__ = ["Split", "train_test_split"]


class Split(NamedTuple):
    """Two data sets that share no sample; unpacks as ``train, test``.

    Attributes:
        train: what the game is played with.
        test: what was kept back.
    """

    train: Dataset
    test: Dataset


def train_test_split(dataset: Dataset, test_fraction: float = 0.25, *, seed: Seed = 0) -> Split:
    """A random part of the samples for testing, the rest for training.

    Of n samples round(``test_fraction`` n), at least one and not all, are drawn without
    replacement. Both parts keep the order of the data; equal seeds give equal parts.

    Args:
        dataset: Inputs of shape ``(n, d)`` and labels of shape ``(n,)``, n >= 2, NumPy.
        test_fraction: The part kept back, between 0 and 1.
        seed: Of the draw.

    Returns:
        ``(train, test)``, copies.

    Raises:
        ArgumentError: ``test_fraction`` or ``seed`` is outside its domain.
        DataError: Fewer than two samples, or data that no game can be played with.
        ShapeError: The shapes do not fit, or the arrays are no NumPy arrays.

    Example:
        >>> from olgame.data import gaussians
        >>> train, test = train_test_split(gaussians(10, 3, separation=2.0), 0.3)
        >>> train.x.shape, test.x.shape
        ((7, 3), (3, 3))
    """
    number = isinstance(test_fraction, float | np.floating)
    require(
        bool(number and 0.0 < test_fraction < 1.0),
        "train_test_split",
        "test_fraction",
        "be between 0 and 1",
        test_fraction,
    )
    check_seed(seed, "train_test_split")
    try:
        x, y = dataset
    except (TypeError, ValueError) as error:
        raise ShapeError(
            f"`train_test_split(dataset=...)` must be a pair (x, y), got {type(dataset).__name__}."
        ) from error
    check_data(x, y, "train_test_split")
    if not isinstance(x, np.ndarray) or x.ndim != 2:
        raise ShapeError(
            "`train_test_split(dataset=...)` must hold NumPy arrays of shapes (n, d) and (n,), "
            f"got x of {type(x).__module__} and shape {tuple(x.shape)}."
        )
    n = len(x)
    if n < 2:
        raise DataError("`train_test_split(dataset=...)` must hold two samples or more, got 1.")
    kept = min(max(round(test_fraction * n), 1), n - 1)
    order = generator(seed, "train_test_split").permutation(n)
    test, train = np.sort(order[:kept]), np.sort(order[kept:])
    return Split(Dataset(x[train], y[train]), Dataset(x[test], y[test]))
