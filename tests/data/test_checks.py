"""Data that no game can be played with: each defect is refused by name and place."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from olgame.data import check_data
from olgame.exceptions import DataError, OlgameError, ShapeError

X = np.arange(12.0).reshape(4, 3)
Y = np.array([1.0, -1.0, 1.0, -1.0])


def spoiled(a: np.ndarray[Any, Any], index: Any, value: float) -> np.ndarray[Any, Any]:
    copy = a.copy()
    copy[index] = value
    return copy


@pytest.mark.parametrize(
    ("x", "y"),
    [
        (X, Y),
        (X.astype(int), Y.astype(int)),
        (X.astype(np.float32), Y),
        (np.stack([X, X]), Y),
        (np.stack([X, X]), np.stack([Y, -Y])),
    ],
)
def test_good_data_pass(x: Any, y: Any) -> None:
    check_data(x, y, "InputAttack")
    check_data(x, y, "InputAttack", dim=3)


@pytest.mark.parametrize(
    ("x", "y", "error", "message"),
    [
        (
            spoiled(X, (2, 1), np.nan),
            Y,
            DataError,
            r"\(x=...\)` .*, got nan at index \(2, 1\)",
        ),
        (spoiled(X, (0, 2), -np.inf), Y, DataError, r"got -inf at index \(0, 2\)"),
        (X, spoiled(Y, 3, np.inf), DataError, r"\(y=...\)` must be finite, got inf at index 3"),
        (np.zeros((0, 3)), np.zeros(0), DataError, r"\(x=...\)` must not be empty.*\(0, 3\)"),
        (np.zeros((4, 0)), Y, DataError, r"must not be empty, got shape \(4, 0\)"),
        (X, np.zeros(0), DataError, r"\(y=...\)` must not be empty"),
        (X[0], Y, ShapeError, r"must have shape \(n, d\).*got \(3,\)"),
        (X, np.array(1.0), ShapeError, r"\(y=...\)` must have shape \(n,\)"),
        (X, Y[:3], ShapeError, r"shape \(4,\) for x of shape \(4, 3\), got \(3,\)\.$"),
        (X, Y[:, None], ShapeError, r"got \(4, 1\)"),
        (np.ones((4, 1, 8, 8)), Y, ShapeError, r"x\.reshape\(len\(x\), -1\)"),
        (X.tolist(), Y, ShapeError, r"\(x=...\)` must be an array of real numbers, got list"),
        (X, "abcd", ShapeError, r"\(y=...\)` must be an array of real numbers, got str"),
        (X.astype(object), Y, ShapeError, r"got dtype object"),
        (X, Y > 0, ShapeError, r"got dtype bool"),
        (X.astype(complex), Y, ShapeError, r"got dtype complex128"),
    ],
)
def test_bad_data_are_refused(x: Any, y: Any, error: type[OlgameError], message: str) -> None:
    with pytest.raises(error, match=message) as caught:
        check_data(x, y, "InputAttack")
    assert "`InputAttack(" in str(caught.value)


def test_rows_of_another_length_than_the_model_reads() -> None:
    with pytest.raises(ShapeError, match=r"rows of length d = 5, got shape \(4, 3\)"):
        check_data(X, Y, "InputAttack", dim=5)


def test_tensors() -> None:
    torch = pytest.importorskip("torch")
    x, y = torch.ones(4, 3), torch.ones(4)
    check_data(x, y, "InputAttack")
    with pytest.raises(DataError, match=r"got nan at index \(1, 2\)"):
        check_data(torch.tensor(spoiled(X, (1, 2), np.nan)), y, "InputAttack")
    with pytest.raises(ShapeError, match=r"library and on the device of x, got numpy.ndarray"):
        check_data(x, Y, "InputAttack")  # type: ignore[arg-type,unused-ignore]  # of torch, where it has types
    meta = torch.ones(4, device="meta")
    with pytest.raises(ShapeError, match=r"torch.Tensor on meta with x torch.Tensor on cpu"):
        check_data(x, meta, "InputAttack")
