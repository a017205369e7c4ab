"""Normalization: length, direction, and what it refuses."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from olgame.data import lift, normalize
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


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_room_for_perturbations(dtype: Any) -> None:
    """The farthest perturbed point of length rho reaches the unit sphere, and none is beyond."""
    x = np.random.default_rng(0).standard_normal((20, 4)).astype(dtype)
    scaled = normalize(x, room=0.1)
    assert scaled.dtype == dtype
    lengths = np.linalg.norm(scaled, axis=-1)
    np.testing.assert_allclose(lengths, 0.9, rtol=4 * np.finfo(dtype).eps)
    outward = scaled * (1.0 + 0.1 / lengths[:, None])
    np.testing.assert_allclose(np.linalg.norm(outward, axis=-1), 1.0, rtol=1e-6)
    np.testing.assert_allclose(normalize(x, 2.0, room=1.5), normalize(x, 0.5), rtol=1e-6)


@pytest.mark.parametrize("room", [-0.1, 1.0, 1.5, float("nan"), "0", True])
def test_bad_room(room: Any) -> None:
    with pytest.raises(
        ArgumentError, match=r"`normalize\(room=\.\.\.\)` must be in \[0, norm = 1.0"
    ):
        normalize(np.ones((1, 2)), room=room)


@pytest.mark.parametrize("library", ["numpy", "torch"])
@pytest.mark.parametrize("last", [0.5, 0.0, -0.9])
def test_lifted_rows_have_norm_one_and_the_same_end(library: str, last: float) -> None:
    x: Any = np.random.default_rng(1).standard_normal((3, 5, 4)) * 1e200
    raw = x.copy()
    if library == "torch":
        x = pytest.importorskip("torch").tensor(x)
    lifted = np.asarray(lift(x, last))
    assert lifted.shape == (3, 5, 5)
    assert (lifted[..., -1] == last).all()
    np.testing.assert_allclose((lifted**2).sum(axis=-1), 1.0, rtol=1e-15)
    direction = raw / np.abs(raw).max(axis=-1, keepdims=True)
    direction /= np.linalg.norm(direction, axis=-1, keepdims=True)
    factor = np.sqrt(1.0 - last**2)
    np.testing.assert_allclose(lifted[..., :-1], factor * direction, rtol=1e-13, atol=1e-15)


def test_lift_by_hand_and_what_it_refuses() -> None:
    x = np.array([[0.0, -3.0]], dtype=np.float32)
    np.testing.assert_allclose(lift(x), [[0.0, -(0.75**0.5), 0.5]], rtol=1e-7)
    assert lift(x).dtype == np.float32
    with pytest.raises(DataError, match="only zeros in row 0"):
        lift(np.zeros((1, 2)))
    for last in (1.0, -1.0, float("nan"), "0", True):
        with pytest.raises(ArgumentError, match=r"`lift\(last=\.\.\.\)` must be between -1 and 1"):
            lift(x, last)  # type: ignore[arg-type]  # what is refused
