"""Digits: sizes, labels and norms known beforehand."""

from __future__ import annotations

import builtins
from collections import Counter
from typing import Any

import numpy as np
import pytest

from olgame.data import Dataset, digits
from olgame.exceptions import ArgumentError, NotAvailableError

# Images per digit, as scikit-learn's own description of the set gives them.
COUNTS = (178, 182, 177, 183, 181, 182, 181, 179, 174, 180)


@pytest.mark.parametrize("classes", [(0, 1), (3, 8), (8, 3), (9, 0)])
def test_sizes_and_labels(classes: tuple[int, int]) -> None:
    x, y = digits(classes=classes)
    assert x.shape == (COUNTS[classes[0]] + COUNTS[classes[1]], 64)
    assert Counter(y.tolist()) == {-1.0: COUNTS[classes[0]], 1.0: COUNTS[classes[1]]}
    assert x.dtype == y.dtype == np.float64


def test_zero_against_one_is_the_set_of_the_demo() -> None:
    data = digits()
    assert isinstance(data, Dataset)
    assert data.x.shape == (360, 64)
    assert np.abs(np.sqrt((data.x**2).sum(axis=1)) - 1.0).max() <= 1e-15
    # The middle of a zero is empty, that of a one is not: the labels are on the right images.
    ink = data.x.reshape(-1, 8, 8)[:, 3:5, 3:5].sum(axis=(1, 2))
    assert np.quantile(ink[data.y < 0], 0.95) < np.quantile(ink[data.y > 0], 0.05)


def test_rows_keep_their_direction_and_their_order() -> None:
    datasets = pytest.importorskip("sklearn.datasets")
    images, digit = datasets.load_digits(return_X_y=True)
    raw = [row for row, label in zip(images, digit, strict=True) if label in (3, 8)]
    x, y = digits(classes=(3, 8), norm=2.5)
    for row, scaled in zip(raw, x, strict=True):
        np.testing.assert_allclose(scaled * np.linalg.norm(row), 2.5 * row, rtol=0, atol=1e-12)
    assert [3 if s < 0 else 8 for s in y] == [c for c in digit if c in (3, 8)]


def test_swapped_classes_swap_the_labels() -> None:
    (x, y), (x_swapped, y_swapped) = digits((0, 1)), digits((1, 0))
    np.testing.assert_array_equal(x, x_swapped)
    np.testing.assert_array_equal(y, -y_swapped)


@pytest.mark.parametrize("classes", [range(10), (7, 2, 9)])
def test_of_more_than_two_digits_the_labels_are_places(classes: Any) -> None:
    datasets = pytest.importorskip("sklearn.datasets")
    images, digit = datasets.load_digits(return_X_y=True)
    x, y = digits(classes=classes)
    kept = [i for i, c in enumerate(digit) if c in classes]
    assert y.dtype == np.int64
    assert [classes[k] for k in y] == [digit[i] for i in kept]
    np.testing.assert_allclose(x[0] * np.linalg.norm(images[kept[0]]), images[kept[0]], atol=1e-12)


@pytest.mark.parametrize(
    "classes",
    [(0,), (0, 1, 0), (3, 3), (-1, 2), (0, 10), (0.0, 1.0), "01", 3, (True, 0), None, range(11)],
)
def test_bad_classes_are_named(classes: Any) -> None:
    with pytest.raises(ArgumentError, match=r"digits\(classes=\.\.\.\).*got") as caught:
        digits(classes=classes)
    assert repr(classes) in str(caught.value)


@pytest.mark.parametrize("norm", [0.0, -1.0, float("nan"), float("inf"), True, "1"])
def test_bad_norms_are_refused(norm: Any) -> None:
    with pytest.raises(ArgumentError, match=r"\(norm=\.\.\.\)"):
        digits(norm=norm)


def test_without_scikit_learn_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    real = builtins.__import__

    def without(name: str, *args: Any, **kwargs: Any) -> Any:
        if name.split(".")[0] == "sklearn":
            raise ModuleNotFoundError(f"No module named {name!r}")
        return real(name, *args, **kwargs)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(NotAvailableError, match=r'pip install "olgame\[data\]"'):
        digits()
