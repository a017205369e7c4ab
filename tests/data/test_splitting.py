"""Train and test parts: disjoint, complete, in order, and the same for the same seed."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from olgame.data import Dataset, train_test_split
from olgame.exceptions import ArgumentError, DataError, OlgameError, ShapeError


def numbered(n: int) -> Dataset:
    """Samples that carry their own number."""
    return Dataset(np.stack([np.arange(float(n)), np.ones(n)], axis=-1), np.arange(float(n)))


@pytest.mark.parametrize(
    ("n", "fraction", "kept"),
    [(10, 0.3, 3), (10, 0.01, 1), (10, 0.99, 9), (2, 0.5, 1), (101, 0.25, 25)],
)
def test_parts(n: int, fraction: float, kept: int) -> None:
    data = numbered(n)
    train, test = train_test_split(data, fraction)
    assert (len(train.x), len(test.x)) == (n - kept, kept)
    for part in (train, test):
        np.testing.assert_array_equal(part.x[:, 0], part.y)
        assert np.all(np.diff(part.y) > 0)
    assert sorted([*train.y, *test.y]) == list(range(n))
    train.x[:] = -1.0
    np.testing.assert_array_equal(data.x, numbered(n).x)


def test_seeds_and_uniformity() -> None:
    data = numbered(8)
    first, again = (train_test_split(data, 0.25, seed=7).test.y for _ in range(2))
    np.testing.assert_array_equal(first, again)
    counts = np.zeros(8)
    for seed in range(2000):
        counts[train_test_split(data, 0.25, seed=seed).test.y.astype(int)] += 1
    # 2000 draws of 2 out of 8: mean 500, standard deviation below 20.
    assert np.abs(counts - 500.0).max() < 90.0


def test_integer_labels_stay_integers() -> None:
    data = Dataset(numbered(5).x, np.arange(5))
    assert train_test_split(data, 0.4).test.y.dtype == np.int64


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"test_fraction": 0.0}, ArgumentError, r"\(test_fraction=...\)` must be between 0 and 1"),
        ({"test_fraction": 1.0}, ArgumentError, r"test_fraction"),
        ({"test_fraction": float("nan")}, ArgumentError, r"test_fraction"),
        ({"test_fraction": 2}, ArgumentError, r"test_fraction.*got 2"),
        ({"seed": -1}, ArgumentError, r"\(seed=...\)`"),
        ({"dataset": numbered(1)}, DataError, r"two samples or more"),
        ({"dataset": 3}, ShapeError, r"a pair \(x, y\), got int"),
        ({"dataset": (np.ones((3, 2)), np.ones(2))}, ShapeError, r"one label for every row"),
        ({"dataset": (np.ones((2, 3, 2)), np.ones(3))}, ShapeError, r"shapes \(n, d\)"),
    ],
)
def test_refusals(arguments: dict[str, Any], error: type[OlgameError], message: str) -> None:
    with pytest.raises(error, match=message):
        train_test_split(**({"dataset": numbered(6)} | arguments))
