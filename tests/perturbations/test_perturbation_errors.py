"""What perturbation sets refuse, and in which words."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from olgame.exceptions import ArgumentError, DataError, ShapeError
from olgame.perturbations import l2, linf, spherical_cap

ONES = np.ones((2, 3))
BUILDERS: dict[str, Any] = {"l2": l2, "linf": linf, "spherical_cap": spherical_cap}


@pytest.mark.parametrize("name", BUILDERS)
@pytest.mark.parametrize(
    ("radius", "message"),
    [
        (-0.1, "must be finite and non-negative, got -0.1"),
        (math.nan, "must be finite and non-negative, got nan"),
        (math.inf, "must be finite and non-negative, got inf"),
        ([0.1, -2.0], "must be finite and non-negative, got -2.0 for sample 1"),
        (np.array([[0.1, 0.2], [0.1, -1.0]]), "must be finite and non-negative, got -1.0"),
        ("0.1", "must be a number or an array .* got '0.1'"),
        (None, "must be a number or an array .* got None"),
        (True, "must be a number or an array .* got True"),
    ],
)
def test_radius(name: str, radius: Any, message: str) -> None:
    with pytest.raises(ArgumentError, match=rf"^`{name}\(radius=...\)` {message}"):
        BUILDERS[name](radius)


@pytest.mark.parametrize("name", ["l2", "linf"])
@pytest.mark.parametrize(
    ("box", "message"),
    [
        ((1.0, 0.0), r"with low <= high, got \(1.0, 0.0\)"),
        ((0.0, math.nan), "with low <= high"),
        ((0.0,), "must be a pair"),
        (3.0, "must be a pair .* got 3.0"),
        ("ab", "must be a pair"),
        ((np.zeros((2, 2)), 1.0), r"got shapes \(2, 2\) and \(\)"),
        ((np.zeros(2), np.ones(3)), "must be a pair"),
    ],
)
def test_box(name: str, box: Any, message: str) -> None:
    with pytest.raises(ArgumentError, match=rf"^`{name}\(box=...\)` .*{message}"):
        BUILDERS[name](0.1, box=box)


@pytest.mark.parametrize("name", BUILDERS)
def test_data_that_is_not_finite(name: str) -> None:
    x = ONES.copy()
    BUILDERS[name](0.1).check_data(x)
    x[1, 2] = math.nan
    with pytest.raises(
        DataError, match=rf"`{name}` must be finite: coordinate 2 of sample 1 is nan"
    ):
        BUILDERS[name](0.1).check_data(x)


@pytest.mark.parametrize("name", BUILDERS)
def test_radii_for_other_samples(name: str) -> None:
    b = BUILDERS[name]([0.1, 0.2, 0.3])
    message = rf"`{name}\(radius=...\)` must have one number for every sample: got 3 for .*\(2, 3\)"
    with pytest.raises(ShapeError, match=message):
        b.check_data(ONES)
    with pytest.raises(ShapeError, match=message):
        b.project(ONES, ONES)
    games = BUILDERS[name](np.full((3, 2), 0.1))
    games.check_data(np.stack([ONES] * 3))
    with pytest.raises(ShapeError, match=r"got shape \(3, 2\) for data of shape \(4, 2, 3\)"):
        games.check_data(np.stack([ONES] * 4))


@pytest.mark.parametrize("name", ["l2", "linf"])
@pytest.mark.parametrize("library", ["numpy", "torch"])
def test_a_box_without_the_data_is_refused(name: str, library: str) -> None:
    x: Any = 0.25 * np.ones((2, 3), dtype=np.float32)
    x[0, 1], x[1, 2] = np.float32(0.1), 1.5
    if library == "torch":
        x = pytest.importorskip("torch").tensor(x)
    BUILDERS[name](0.1, box=(0.1, 1.5)).check_data(x)  # float32(0.1) > 0.1 > its neighbor below
    message = (
        rf"^`{name}\(box=...\)` must contain the clean data: coordinate 2 of sample 1 is 1.5, "
        r"outside \[0, 1\]"
    )
    with pytest.raises(ArgumentError, match=message):
        BUILDERS[name](0.1, box=(0.0, 1.0)).check_data(x)
    with pytest.raises(ArgumentError, match=r"sample 1 is 1.5, outside \[-inf, 1.25\]"):
        BUILDERS[name](0.1, box=(-np.inf, [1.0, 1.0, 1.25])).check_data(x)
    with pytest.raises(ArgumentError, match=r"coordinate 1 of sample 0 is 0.1, outside \[0.2, 9\]"):
        BUILDERS[name](0.1, box=(0.2, 9.0)).check_data(x)
    with pytest.raises(ShapeError, match=r"one bound for every coordinate: got 2"):
        BUILDERS[name](0.1, box=(0.0, [1.0, 1.0])).check_data(x)


def test_tensors_as_radius_and_box() -> None:
    torch = pytest.importorskip("torch")
    b = l2(torch.tensor([0.5, 2.0]), box=(torch.zeros(2), torch.ones(2)))
    z: Any = np.tile([3.0, 4.0], (2, 1))
    p = b.project(np.zeros((2, 2)), z)
    np.testing.assert_allclose(np.asarray(p), [[0.3, 0.4], [1.0, 1.0]], rtol=1e-15)
    assert l2(torch.tensor(0.5)).radius == 0.5
