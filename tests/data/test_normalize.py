"""Normalisation: length, direction, and what it refuses."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from olgame.data import normalize
from olgame.exceptions import ArgumentError, DataError, OlgameError, ShapeError


@settings(deadline=None, derandomize=True)
@given(
    hnp.arrays(np.float64, (3, 5), elements=st.floats(-1.0, 1.0)),
    st.sampled_from([1e-280, 1.0, 1e300]),
    st.floats(0.01, 100.0),
)
def test_rows_get_the_length_and_keep_the_direction(
    x: np.ndarray[Any, Any], scale: float, norm: float
) -> None:
    x = np.where(np.abs(x) < 1e-3, 0.0, x)
    x[:, 0] = 1.0
    scaled = normalize(x * scale, norm)
    lengths = np.sqrt((scaled**2).sum(axis=-1))
    np.testing.assert_allclose(lengths, norm, rtol=1e-14)
    ratio = lengths / np.sqrt((x**2).sum(axis=-1))
    np.testing.assert_allclose(scaled, x * ratio[:, None], rtol=1e-13, atol=1e-13)


def test_hand_values_leading_axes_and_no_change_of_the_input() -> None:
    x = np.array([[[3.0, 4.0]], [[0.0, -2.0]]])
    before = x.copy()
    np.testing.assert_allclose(normalize(x), [[[0.6, 0.8]], [[0.0, -1.0]]], rtol=1e-15)
    np.testing.assert_array_equal(x, before)


def test_tensors_stay_tensors() -> None:
    torch = pytest.importorskip("torch")
    x = torch.tensor([[3.0, 4.0]], dtype=torch.float32)
    scaled = normalize(x)
    assert scaled.dtype is torch.float32
    assert torch.allclose(scaled, torch.tensor([[0.6, 0.8]]))


@pytest.mark.parametrize(
    ("x", "error", "message"),
    [
        (np.array([[1.0, 0.0], [0.0, 0.0], [0.0, 0.0]]), DataError, r"zeros in row 1 .*2 of 3"),
        (np.array([[1.0, 0.0], [np.nan, 1.0]]), DataError, r"nan as its largest entry in row 1"),
        (np.array([[-np.inf, 0.0]]), DataError, r"inf as its largest entry in row 0"),
        (np.zeros((2, 2, 3)), DataError, r"row \(0, 0\)"),
        (np.ones((2, 3), dtype=int), ShapeError, r"floating point.*int64"),
        (np.ones((2, 0)), ShapeError, r"\(2, 0\)"),
        ([[1.0, 2.0]], ShapeError, r"got list"),
    ],
)
def test_what_has_no_direction_is_refused(x: Any, error: type[OlgameError], message: str) -> None:
    with pytest.raises(error, match=message):
        normalize(x)


@pytest.mark.parametrize("norm", [0.0, -1.0, float("nan"), float("inf"), "1"])
def test_bad_norm(norm: Any) -> None:
    with pytest.raises(ArgumentError, match=r"`normalize\(norm=\.\.\.\)` must be finite"):
        normalize(np.ones((1, 2)), norm)
